/* gen/gen.h - what the parts of the generator share. It ends after one run: its memory is given back by the system. */
#ifndef TISON_GEN_H
#define TISON_GEN_H
#include <stdbool.h>
#include <stddef.h>

/* ---- text.c: buffers, files, pieces of source ---- */
typedef struct {
    char *text;
    size_t length, capacity;
} buffer;
_Noreturn void fail(const char *text, const char *what);
void add(buffer *b, const char *text, size_t n);
void add_text(buffer *b, const char *text);
void add_format(buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void add_json(buffer *b, const char *text); /* "text", escaped; null for NULL */
bool read_file(const char *path, buffer *out);
/* False when the file differs: then it is written, or with `check` a line says so. */
bool update(const char *path, const buffer *text, bool check);
/* The names of a folder's files that end so, sorted; 0 when there is no such folder. */
size_t list(const char *folder, const char *ending, char *names[], size_t limit);
bool starts(const char *text, const char *start);
bool is_name(char c);
const char *next_line(const char *p);
char *copy_piece(const char *begin, const char *end); /* without blanks around it, inner runs of blanks as one */
/* After the bracket that closes the one at p; strings and comments are passed over. Never beyond the text. */
const char *skip_bracket(const char *p);
const char *skip_string(const char *p); /* p at a quote */
/* The next comma or `end` from p on, outside of brackets and strings. */
const char *next_comma(const char *p, const char *end);
/* Where a function's name tn_... begins in its prototype: it is followed by a parenthesis, or stands alone in one. */
const char *find_name(const char *p, const char *end, size_t *length);
char *clean_doc(const char *begin, const char *end); /* a comment without its stars */

/* ---- declare.c: what the public headers declare ---- */
enum { LIMIT = 4000 };
typedef struct field {
    char *type, *name, *doc;
    long count;           /* of an array; 0: none */
    struct field *inside; /* of an unnamed struct or union */
    size_t insides;
} field;
typedef struct {
    char *name, *doc, *header, *returns;
    field *parameter;
    size_t parameters;
} function;
typedef struct {
    char *name, *doc, *header;
    field *fields;
    size_t n;
} record;
typedef struct {
    char *name, *doc, *header;
    char **names;
    long long *values;
    size_t n;
} enumeration;
typedef struct {
    char *name, *parameters, *body; /* parameters: NULL for a macro without */
} macro;
typedef struct {
    char *name, *is;
} alias;
typedef struct {
    function *functions;
    record *records;
    enumeration *enums;
    macro *macros;
    alias *aliases, *callbacks; /* callbacks: names of function types */
    size_t nfunctions, nrecords, nenums, nmacros, naliases, ncallbacks;
} declarations;
void declare(declarations *d, const char *text, const char *header);
const macro *find_macro(const declarations *d, const char *name, size_t length);
const record *find_record(const declarations *d, const char *name); /* through aliases */
const function *find_function(const declarations *d, const char *name);
bool is_enum(const declarations *d, const char *name);
bool find_value(const declarations *d, const char *name, long long *value); /* of an enumerator */

/* ---- operators.c: the rows of src/ops ---- */
typedef struct {
    char *name, *schema, *file;
    bool hidden, inplace; /* only a part of other operators; has the form name_ */
    char *samples[200];
    size_t n;
} operator_row;
bool check_operators(const declarations *d, const operator_row *row, size_t n);
size_t find_operators(const char *root, operator_row **out);

/* ---- headers.c, api.c ---- */
bool write_headers(const char *root, bool check);
bool write_op_list(const char *root, const operator_row *row, size_t n, bool check);
bool write_op_help(const char *root, const declarations *d, const operator_row *row, size_t n, bool check);
bool write_api(const char *root, const declarations *d, const operator_row *row, size_t n, bool check);
#endif
