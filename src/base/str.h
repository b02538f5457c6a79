/* base/str.h - a growing text; numbers and UTF-8. */
#ifndef TNI_STR_H
#define TNI_STR_H
#include "base/base.h"

/* Starts as {0}. After memory ran out every call does nothing and `failed` stays set; the error is in the latch. */
typedef struct tni_str {
    char *text; /* NUL-terminated, or NULL while empty */
    size_t length, capacity;
    bool failed;
} tni_str;

void tni_str_add(tni_str *s, const char *text);
void tni_str_add_n(tni_str *s, const char *text, size_t n);
void tni_str_addf(tni_str *s, const char *format, ...) TN_PRINTF(2, 3);
void tni_str_clear(tni_str *s); /* frees; back to {0} */

/* A number as Python prints it. */
const char *tni_number_text(char text[32], double value);
#define TNI_NUMBER(value) tni_number_text((char[32]){0}, value)

/* Length of the longest prefix that is valid UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
size_t tni_utf8_valid(const void *text, size_t length);
#endif
