/* serialize/json.h - a strict pull parser for JSON text that may come from anywhere. */
#ifndef TNI_JSON_H
#define TNI_JSON_H
#include "base/str.h"

/* Reads `text` from `at` on. Each function skips white space in front of what it wants. On failure it returns false, and `problem`
 * says what is wrong (a fixed text; the first one stays); the caller makes the error of it. The text must be valid UTF-8
 * (tni_utf8_valid). Nothing is allocated, nothing recurses. */
typedef struct tni_json {
    const char *text;
    size_t length, at;
    const char *problem;
} tni_json;

bool tni_json_fail(tni_json *j, const char *problem);
/* The next character that is not white space, without taking it; 0 at the end (a NUL in the text is an error later on). */
char tni_json_peek(tni_json *j);
/* Takes `c`, or fails with `problem`. */
bool tni_json_take(tni_json *j, char c, const char *problem);
/* Steps through an object or array whose bracket was taken: true when another item follows (its comma taken), false at the closing
 * bracket (taken too) or on failure (`problem` set). `first` starts as true. */
bool tni_json_more(tni_json *j, char closing, bool *first);
/* A string, decoded: its first `room` bytes go to `out` (which may be NULL), *length is the whole length, never above that of the
 * token in the text. No NUL is put behind; the string may hold some. */
bool tni_json_string(tni_json *j, char *out, size_t room, size_t *length);
/* A whole number without sign, fraction or exponent. */
bool tni_json_uint(tni_json *j, uint64_t *out);
/* Any value; objects and arrays at most 64 deep. */
bool tni_json_skip(tni_json *j);
/* Nothing but white space may be left. */
bool tni_json_end(tni_json *j);

/* Adds text as a JSON string with quotes: \" \\ \b \f \n \r \t, \u00xx for the other controls, all else as it is. */
void tni_json_quote(tni_str *out, const char *text);
#endif
