/* core/schema.c - see core/schema.h. */
#include "core/schema.h"
#include <stdlib.h>
#include <string.h>

static bool starts(const char *text, const char *word) { return strncmp(text, word, strlen(word)) == 0; }

static void read_type(const char *type, size_t n, tni_param *out) {
    static const struct {
        const char *name;
        tni_param_kind kind;
    } kinds[] = {{"Tensor", TNI_PARAM_TENSOR}, {"int", TNI_PARAM_INT},    {"SymInt", TNI_PARAM_INT},
                 {"float", TNI_PARAM_FLOAT},   {"bool", TNI_PARAM_BOOL},  {"ScalarType", TNI_PARAM_DTYPE},
                 {"Scalar", TNI_PARAM_SCALAR}, {"str", TNI_PARAM_STRING}, {"Generator", TNI_PARAM_GENERATOR}};
    out->kind = TNI_PARAM_OTHER;
    for (size_t i = sizeof kinds / sizeof kinds[0]; i-- > 0;)
        if (starts(type, kinds[i].name) && (kinds[i].kind != TNI_PARAM_SCALAR || !starts(type, "ScalarType")))
            out->kind = kinds[i].kind;
    const char *bracket = memchr(type, '[', n);
    out->list = bracket != NULL;
    out->size = bracket ? strtoll(bracket + 1, NULL, 10) : 0;
    out->optional = type[n - 1] == '?';
}

/* The end of the parameter at p: a comma or the closing parenthesis outside of brackets. */
static const char *end_of(const char *p) {
    for (int depth = 0; *p; p++) {
        if (depth == 0 && (*p == ',' || *p == ')')) break;
        depth += (*p == '[' || *p == '(') - (*p == ']' || *p == ')');
    }
    return p;
}

bool tni_schema_next(const char **at, tni_param *out) {
    const char *p = *at;
    if (*p != ',' && *p != ')') { /* the schema's name */
        p = strchr(p, '(') + 1;
        out->keyword_only = false;
    }
    while (*p == ',' || *p == ' ') p++;
    if (*p == '*') {
        out->keyword_only = true;
        p += p[1] == ',' ? 2 : 1;
        while (*p == ' ') p++;
    }
    if (*p == ')' || *p == '\0') return false;
    const char *end = end_of(p), *space = NULL;
    int depth = 0; /* "Tensor(a -> *) self" */
    for (const char *c = p; c < end; c++) {
        depth += (*c == '(') - (*c == ')');
        if (*c == ' ' && depth == 0 && !space) space = c;
    }
    out->name = space + 1;
    const char *equals = memchr(out->name, '=', (size_t)(end - out->name));
    out->name_length = (size_t)((equals ? equals : end) - out->name);
    out->value = equals ? equals + 1 : NULL;
    out->value_length = equals ? (size_t)(end - equals - 1) : 0;
    read_type(p, (size_t)(space - p), out);
    *at = end;
    return true;
}

size_t tni_schema_base(const char *schema, size_t *full) {
    size_t n = strcspn(schema, "(");
    const char *dot = memchr(schema, '.', n);
    *full = n;
    return dot ? (size_t)(dot - schema) : n;
}

size_t tni_schema_results(const char *schema, bool *list) {
    const char *arrow = NULL, *next = schema;
    while ((next = strstr(next, ") -> ")) != NULL) arrow = ++next + 1;
    *list = arrow && (starts(arrow, "-> Tensor[]") || starts(arrow, "-> Tensor(a)[]"));
    if (!arrow) return 0;
    if (arrow[3] != '(') return 1;
    size_t n = 0;
    for (const char *p = arrow; (p = strstr(p, "Tensor")) != NULL; p++) n++;
    return n;
}

bool tni_param_is(const tni_param *p, const char *name) {
    static const char *const aliases[][2] = {{"input", "self"}, {"axis", "dim"}, {"keepdims", "keepdim"}};
    if (strlen(name) == p->name_length && memcmp(name, p->name, p->name_length) == 0) return true;
    for (size_t i = 0; i < TNI_COUNT(aliases); i++)
        if (strcmp(name, aliases[i][0]) == 0 && strlen(aliases[i][1]) == p->name_length &&
            memcmp(aliases[i][1], p->name, p->name_length) == 0)
            return true;
    return false;
}
