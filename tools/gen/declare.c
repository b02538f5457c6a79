/* gen/declare.c - reads what a public header declares: functions, structs, enums, macros, other names of types. */
#include "gen.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One more element at the end of an array. */
#define MORE(array, n) ((array) = grow((array), (n), sizeof *(array)), &(array)[(n)++])
static void *grow(void *array, size_t n, size_t size) {
    if (n & (n - 1)) return array; /* room is a power of two */
    void *more = realloc(array, (n ? 2 * n : 1) * size);
    if (more == NULL) fail("memory is out", "realloc");
    memset((char *)more + n * size, 0, size * (n ? n : 1));
    return more;
}

static const char *skip_blanks(const char *p) {
    while (isspace((unsigned char)*p)) p++;
    return p;
}

/* What a comment after `p` on the same line says, or NULL. */
static char *comment_after(const char *p) {
    while (*p == ' ' || *p == ';' || *p == ',') p++;
    if (!starts(p, "/*")) return NULL;
    const char *end = strstr(p, "*/");
    return end ? clean_doc(p, end + 2) : NULL;
}

/* ---- one parameter or field: "const int64_t *sizes", "double betas[2]", "void (*destroy)(void *data)" ---- */

/* Removes macros that say nothing about the type, with their brackets. */
static void remove_words(char *text) {
    static const char *const words[] = {"TN_API", "TN_DEFAULT", "TN_PRINTF", "__attribute__", "struct "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (char *at; (at = strstr(text, words[i])) != NULL;) {
            const char *end = at + strlen(words[i]);
            if (*end == '(' || (*end == ' ' && end[1] == '(')) end = skip_bracket(strchr(end, '('));
            memmove(at, end, strlen(end) + 1);
        }
}

static field read_field(const char *begin, const char *end) {
    field f = {0};
    char *text = copy_piece(begin, end), *call;
    remove_words(text);
    text = copy_piece(text, text + strlen(text));
    if ((call = strstr(text, "(*")) != NULL) { /* a function pointer: the name stands inside */
        size_t length = strcspn(call + 2, ")(");
        f.name = strndup(call + 2, length);
        buffer type = {0};
        add(&type, text, (size_t)(call + 2 - text));
        add_text(&type, call + 2 + length);
        f.type = type.text;
        return f;
    }
    char *bracket = strchr(text, '[');
    if (bracket != NULL) {
        f.count = strtol(bracket + 1, NULL, 10);
        *bracket = '\0';
    }
    char *name = text + strlen(text);
    while (name > text && is_name(name[-1])) name--;
    f.name = strdup(name);
    *name = '\0';
    f.type = copy_piece(text, name);
    if (bracket != NULL && f.count == 0) { /* a parameter of the form x[] */
        buffer type = {0};
        add_text(&type, f.type);
        add_text(&type, f.type[strlen(f.type) - 1] == '*' || starts(f.type + strlen(f.type) - 5, "const") ? "" : " ");
        add_text(&type, "*");
        f.type = type.text;
    }
    return f;
}

static char *type_of_first(const char *begin, const char *end) { /* "tn_tensor" of "tn_tensor *input" */
    const char *stop = end;
    while (stop > begin && (is_name(stop[-1]) || stop[-1] == '*' || stop[-1] == ' ' || stop[-1] == ']' || stop[-1] == '[')) {
        stop--;
        if (*stop == ' ' && stop > begin && is_name(stop[-1])) break;
    }
    return copy_piece(begin, stop);
}

static void read_fields(const char *p, const char *end, field **out, size_t *n);

/* `union { ... } value;` or `struct { ... } name;`: p at the word, *p after the semicolon. */
static const char *read_inner(const char *p, field **out, size_t *n) {
    const char *open = strchr(p, '{'), *close = skip_bracket(open), *stop = strchr(close, ';');
    field *f = MORE(*out, *n);
    f->type = copy_piece(p, open);
    f->name = copy_piece(close, stop);
    read_fields(open + 1, close - 1, &f->inside, &f->insides);
    return stop + 1;
}

static void read_statement(const char *p, const char *stop, const char *doc, field **out, size_t *n) {
    const char *comma = next_comma(p, stop);
    char *base = comma < stop ? type_of_first(p, comma) : NULL;
    for (const char *at = p; at < stop; at = comma + 1) {
        comma = next_comma(at, stop);
        field *f = MORE(*out, *n);
        if (at == p) {
            *f = read_field(at, comma);
        } else {
            buffer whole = {0};
            add_text(&whole, base);
            add_text(&whole, " ");
            add(&whole, at, (size_t)(comma - at));
            *f = read_field(whole.text, whole.text + whole.length);
        }
        f->doc = doc ? (char *)(size_t)doc : comment_after(stop);
    }
}

static void read_fields(const char *p, const char *end, field **out, size_t *n) {
    char *doc = NULL;
    for (p = skip_blanks(p); p < end; p = skip_blanks(p)) {
        if (starts(p, "/*")) {
            const char *stop = strstr(p, "*/") + 2;
            if (starts(p, "/**") && p[4] != '<') doc = clean_doc(p, stop);
            p = stop;
        } else if ((starts(p, "union {") || starts(p, "struct {"))) {
            p = read_inner(p, out, n);
        } else if (*p == '#') {
            p = next_line(p);
        } else {
            const char *stop = p;
            while (stop < end && *stop != ';') stop = *stop == '(' ? skip_bracket(stop) : stop + 1;
            read_statement(p, stop, doc, out, n);
            doc = NULL;
            p = stop + 1;
        }
    }
}

/* ---- functions ---- */

static void read_parameters(function *f, const char *p, const char *end) {
    for (const char *comma; p < end; p = comma + 1) {
        comma = next_comma(p, end);
        field one = read_field(p, comma);
        if (strcmp(one.name, "void") == 0 || strcmp(one.name, "") == 0) continue;
        *MORE(f->parameter, f->parameters) = one;
    }
}

static void read_function(declarations *d, const char *p, const char *doc, const char *header) {
    size_t length = 0;
    const char *end = strchr(p, ';'), *name = find_name(p, end, &length);
    if (name == NULL) fail("TN_API without a function tn_...", header);
    const char *open = strchr(name, '('), *close = skip_bracket(open);
    function *f = MORE(d->functions, d->nfunctions);
    char *returns = copy_piece(p, name[-1] == '(' ? name - 1 : name);
    remove_words(returns);
    f->returns = copy_piece(returns, returns + strlen(returns));
    f->name = strndup(name, length);
    f->header = strndup(header, strlen(header) - 2);
    f->doc = doc ? strdup(doc) : comment_after(strchr(close, ';'));
    read_parameters(f, open + 1, close - 1);
}

/* ---- types ---- */

/* The rows X(NAME, number, ...) of a list macro. */
static void read_rows(declarations *d, enumeration *e, const char *word, size_t length) {
    const macro *m = find_macro(d, word, length);
    for (const char *p = m ? strstr(m->body, "X(") : NULL; p != NULL; p = strstr(p + 1, "X(")) {
        const char *comma = strchr(p, ',');
        *MORE(e->names, e->n) = copy_piece(p + 2, comma);
        e->n--;
        *MORE(e->values, e->n) = strtoll(comma + 1, NULL, 0);
    }
}

static void read_enumerators(declarations *d, enumeration *e, const char *p, const char *end) {
    long long next = 0;
    for (p = skip_blanks(p); p < end; p = skip_blanks(p)) {
        size_t length = 0;
        while (is_name(p[length])) length++;
        if (starts(p, "/*"))
            p = strstr(p, "*/") + 2;
        else if (*p == '#')
            p = next_line(p);
        else if (length && p[length] == '(') {
            read_rows(d, e, p, length);
            p = skip_bracket(p + length);
        } else if (length) {
            const char *comma = next_comma(p, end), *equals = memchr(p, '=', (size_t)(comma - p));
            char *value = equals ? copy_piece(equals + 1, comma) : NULL;
            long long other = 0;
            if (value && !find_value(d, value, &other)) other = strtoll(value, NULL, 0);
            *MORE(e->names, e->n) = strndup(p, length);
            e->n--;
            *MORE(e->values, e->n) = next = value ? other : next;
            next++;
            p = comma + 1;
        } else
            p++;
    }
}

/* `typedef a b, c;` or a function type. */
static void read_alias(declarations *d, const char *p, const char *end) {
    char *text = copy_piece(p + strlen("typedef "), end);
    remove_words(text);
    char *open = strchr(text, '(');
    if (open != NULL) {
        char *name = starts(open, "(*") ? open + 2 : open;
        while (!starts(open, "(*") && name > text && is_name(name[-1])) name--;
        size_t length = 0;
        while (is_name(name[length])) length++;
        alias *a = MORE(d->callbacks, d->ncallbacks);
        a->name = strndup(name, length);
        a->is = text;
        return;
    }
    char *space = strchr(text, ' ');
    if (space == NULL) return;
    for (char *name = space + 1, *stop; *name != '\0'; name = *stop ? stop + 1 : stop) {
        stop = name + strcspn(name, ",");
        char *one = copy_piece(name, stop), *is = copy_piece(text, space);
        if (strcmp(one, is) == 0) continue; /* typedef struct x x: an opaque handle */
        alias *a = MORE(d->aliases, d->naliases);
        a->name = one;
        a->is = is;
    }
}

/* A type's definition at p; returns where it ends. */
static const char *read_type(declarations *d, const char *p, const char *doc, const char *header) {
    const char *brace = p + strcspn(p, "{;");
    if (*brace == ';') {
        read_alias(d, p, brace);
        return brace + 1;
    }
    const char *close = skip_bracket(brace), *stop = strchr(close, ';');
    char *name = copy_piece(close, stop), *copy = doc ? strdup(doc) : NULL, *file = strndup(header, strlen(header) - 2);
    if (starts(p, "typedef enum") || starts(p, "enum")) {
        enumeration *e = MORE(d->enums, d->nenums);
        *e = (enumeration){.name = name, .doc = copy, .header = file};
        read_enumerators(d, e, brace + 1, close - 1);
    } else {
        record r = {.name = name, .doc = copy, .header = file};
        read_fields(brace + 1, close - 1, &r.fields, &r.n);
        *MORE(d->records, d->nrecords) = r;
    }
    return stop + 1;
}

static const char *read_macro(declarations *d, const char *p) {
    const char *end = p, *name = skip_blanks(p + strlen("#define")), *body = name;
    for (end = next_line(p); end[-1] == '\n' && end[-2] == '\\';) end = next_line(end);
    while (is_name(*body)) body++;
    macro *m = MORE(d->macros, d->nmacros);
    m->name = strndup(name, (size_t)(body - name));
    if (*body == '(') {
        const char *close = strchr(body, ')');
        m->parameters = copy_piece(body + 1, close);
        body = close + 1;
    }
    m->body = copy_piece(body, end);
    return end;
}

/* What begins with a comment that is not documentation keeps none; a heading of a section says nothing about what follows. */
void declare(declarations *d, const char *text, const char *header) {
    char *doc = NULL;
    for (const char *p = text; *p != '\0';) {
        if (starts(p, "/*")) {
            const char *end = strstr(p, "*/");
            if (end == NULL) fail("a comment without end", header);
            doc = starts(p, "/**") ? clean_doc(p, end + 2) : NULL;
            p = next_line(end);
        } else if (starts(p, "TN_API ")) {
            read_function(d, p, doc, header);
            p = next_line(strchr(p, ';'));
            doc = NULL;
        } else if (starts(p, "typedef ") || starts(p, "enum {")) {
            size_t n = d->nrecords;
            p = next_line(read_type(d, p, doc, header) - 1);
            if (n == d->nrecords || strstr(d->records[n].name, "_opts") == NULL) doc = NULL; /* else the function's too */
        } else if (starts(p, "#define ")) {
            p = read_macro(d, p);
        } else {
            if (!isspace((unsigned char)*p) && *p != '#') doc = NULL;
            p = next_line(p);
        }
    }
}

/* ---- looking up ---- */

const macro *find_macro(const declarations *d, const char *name, size_t length) {
    for (size_t i = 0; i < d->nmacros; i++)
        if (strncmp(d->macros[i].name, name, length) == 0 && d->macros[i].name[length] == '\0') return &d->macros[i];
    return NULL;
}

const record *find_record(const declarations *d, const char *name) {
    for (size_t i = 0; i < d->naliases; i++)
        if (strcmp(d->aliases[i].name, name) == 0) return find_record(d, d->aliases[i].is);
    for (size_t i = 0; i < d->nrecords; i++)
        if (strcmp(d->records[i].name, name) == 0) return &d->records[i];
    return NULL;
}

const function *find_function(const declarations *d, const char *name) {
    for (size_t i = 0; i < d->nfunctions; i++)
        if (strcmp(d->functions[i].name, name) == 0) return &d->functions[i];
    return NULL;
}

bool is_enum(const declarations *d, const char *name) {
    for (size_t i = 0; i < d->nenums; i++)
        if (strcmp(d->enums[i].name, name) == 0) return true;
    return false;
}

bool find_value(const declarations *d, const char *name, long long *value) {
    for (size_t i = 0; i < d->nenums; i++)
        for (size_t k = 0; k < d->enums[i].n; k++)
            if (strcmp(d->enums[i].names[k], name) == 0) return *value = d->enums[i].values[k], true;
    return false;
}
