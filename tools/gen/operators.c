/* gen/operators.c - the rows of src/ops: each TN_OP(name, ...) that begins in column 0; their schemas and sample lines. */
#include "gen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *p) {
    while (*p == ' ' || *p == '\n' || *p == '\\') p++;
    return p;
}

/* The body of `#define name` of the same file; NULL when there is none. */
static const char *definition(const char *source, const char *name, size_t length) {
    for (const char *p = source; *p != '\0'; p = next_line(p)) {
        if (!starts(p, "#define ") || strncmp(p + 8, name, length) != 0 || is_name(p[8 + length])) continue;
        return p[8 + length] == '(' ? NULL : skip_blanks(p + 8 + length);
    }
    return NULL;
}

/* The text of adjoining string literals at p, macros of the file included; *p is after them. NULL when there is none. */
static char *literal(const char **p, const char *source, int depth) {
    buffer out = {0};
    for (;;) {
        *p = skip_blanks(*p);
        if (**p == '"') {
            const char *end = skip_string(*p);
            for (const char *c = *p + 1; c + 1 < end; c++)
                if (*c != '\\') add(&out, c, 1);
            *p = end;
        } else if (is_name(**p) && depth < 4) {
            size_t length = 0;
            while (is_name((*p)[length])) length++;
            const char *body = definition(source, *p, length);
            char *inner = body ? literal(&body, source, depth + 1) : NULL;
            if (inner == NULL) return out.text;
            add_text(&out, inner);
            *p += length;
        } else
            return out.text;
    }
}

/* The strings of TN_SAMPLES(...) at p, or of a macro of the file that stands for it. */
static void read_samples(operator_row *row, const char *p, const char *source) {
    p = skip_blanks(p);
    size_t length = 0;
    while (is_name(p[length])) length++;
    if (p[length] != '(' || strncmp(p, "TN_SAMPLES", length) != 0) {
        p = definition(source, p, length);
        if (p == NULL || !starts(p, "TN_SAMPLES(")) fail("samples that are no TN_SAMPLES(...)", row->name);
        length = strlen("TN_SAMPLES");
    }
    for (p = skip_blanks(p + length + 1); *p != ')'; p = skip_blanks(p + (*p == ','))) {
        char *text = literal(&p, source, 0);
        if (text == NULL || row->n == sizeof row->samples / sizeof row->samples[0]) fail("samples that cannot be read", row->name);
        row->samples[row->n++] = text;
    }
}

static void read_row(operator_row *row, const char *p, const char *source) {
    const char *end = skip_bracket(strchr(p, '('));
    for (p = strchr(p, ',') + 1; p < end; p = next_comma(p, end) + 1) {
        const char *key = skip_blanks(p), *value = strchr(key, '=');
        if (value == NULL || value >= end) continue;
        value++;
        if (starts(key, ".schema")) row->schema = literal(&value, source, 0);
        if (starts(key, ".hidden")) row->hidden = starts(skip_blanks(value), "true");
        if (starts(key, ".inplace")) row->inplace = starts(skip_blanks(value), "true");
        if (starts(key, ".samples")) read_samples(row, value, source);
    }
}

static void scan(const char *path, const char *file, operator_row *row, size_t *n) {
    buffer source = {0};
    if (!read_file(path, &source)) fail("cannot be read", path);
    for (const char *p = source.text; *p != '\0'; p = next_line(p)) {
        size_t length = 0;
        if (!starts(p, "TN_OP(")) continue;
        const char *name = skip_blanks(p + 6);
        while (is_name(name[length])) length++;
        if (name[length] != ',') continue;
        if (*n == LIMIT) fail("too many operators", path);
        operator_row *r = &row[(*n)++];
        r->name = strndup(name, length);
        r->file = strdup(file);
        read_row(r, p, source.text);
    }
    free(source.text);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const operator_row *)a)->name, ((const operator_row *)b)->name);
}

size_t find_operators(const char *root, operator_row **out) {
    static char *files[1000];
    char folder[2048], path[4096];
    snprintf(folder, sizeof folder, "%s/src/ops", root);
    size_t count = list(folder, ".c", files, sizeof files / sizeof files[0]), n = 0;
    *out = calloc(LIMIT, sizeof **out);
    if (*out == NULL) fail("memory is out", "calloc");
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        scan(path, files[i], *out, &n);
    }
    qsort(*out, n, sizeof **out, by_name);
    return n;
}

/* The documented public function of a row: tn_<row>, in place, or by the schema's name. NULL: none. */
static const function *public_function(const declarations *d, const operator_row *row) {
    char name[3][256];
    size_t base = row->schema ? strcspn(row->schema, ".(") : 0;
    snprintf(name[0], sizeof name[0], "tn_%s", row->name);
    snprintf(name[1], sizeof name[1], "tn_%s_", row->name);
    snprintf(name[2], sizeof name[2], "tn_%.*s", (int)base, row->schema ? row->schema : "");
    for (size_t i = 0; i < 3; i++) {
        const function *f = find_function(d, name[i]);
        if (f != NULL && f->doc != NULL) return f;
    }
    return NULL;
}

bool write_op_help(const char *root, const declarations *d, const operator_row *row, size_t n, bool check) {
    buffer text = {0};
    char path[4096];
    const function *last = NULL;
    if (n == 0) return true;
    add_text(&text, "/* core/op_help.h - the documentation of the operators by name. Generated by tools/gen; edit in src/ops. */\n"
                    "#ifndef TNI_OP_HELP_H\n#define TNI_OP_HELP_H\n"
                    "static const struct {\n    const char *name, *text;\n} tni_op_help[] = {\n");
    for (size_t i = 0; i < n; i++) {
        const function *f = public_function(d, &row[i]);
        if (f == NULL || f == last) continue;
        last = f;
        add_format(&text, "    {\"%s\",\n     ", f->name + 3);
        for (const char *line = f->doc; *line != '\0';) {
            const char *end = next_line(line);
            char *copy = strndup(line, (size_t)(end - line));
            if (line != f->doc) add_text(&text, "\n     ");
            add_json(&text, copy);
            free(copy);
            line = end;
        }
        add_text(&text, "},\n");
    }
    add_text(&text, "};\n#endif\n");
    snprintf(path, sizeof path, "%s/src/core/op_help.h", root);
    return update(path, &text, check);
}

/* False, with a line for each, when an operator that programs can call has no samples or no documentation. */
bool check_operators(const declarations *d, const operator_row *row, size_t n) {
    bool right = true;
    for (size_t i = 0; i < n; i++) {
        if (row[i].hidden || row[i].schema == NULL) continue;
        const char *missing = row[i].n == 0 ? "samples" : public_function(d, &row[i]) == NULL ? "documentation" : NULL;
        if (missing == NULL) continue;
        fprintf(stderr, "src/ops/%s: the operator %s has no %s\n", row[i].file, row[i].name, missing);
        right = false;
    }
    return right;
}
