/* gen/headers.c - writes the generated public headers, include/tison/<topic>.h, from src/<topic>, and the list of operators.
 *
 * Copied in the order of appearance, file after file in alphabetical order:
 * doc block and prototype of each function that begins with TN_API in column 0, and the regions `#ifdef TN_HEADER ... #endif`.
 * The name in a prototype is put in parentheses, since a macro of that name may stand before it; a last parameter
 * `const tn_..._opts *opts` gets a default argument. Also src/core/op_list.h, the names of all operators. */
#include "gen.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name, *title, *includes;
} topic;

#define TENSOR "#include <tison/tensor.h>\n"
#define MODULE TENSOR "#include <tison/module.h>\n"
static const topic topics[] = {
    {"ops", "operators (torch.*, torch.nn.functional.*)", TENSOR},
    {"nn", "layers, containers, initialisers (torch.nn.*)", MODULE "#include <tison/ops.h>\n"},
    {"optim", "optimizers and schedulers (torch.optim.*)", MODULE},
    {"data", "datasets, samplers, loaders (torch.utils.data.*)", MODULE},
    {"serialize", "files: safetensors, .pt, .npy, state dicts, checkpoints", MODULE "#include <tison/value.h>\n"},
};

/* The end of a region: the line after the #endif that closes the #ifdef at p. */
static const char *region_end(const char *p, const char *path) {
    int depth = 0;
    for (; *p != '\0'; p = next_line(p)) {
        const char *word = p;
        while (*word == ' ') word++;
        if (*word != '#') continue;
        for (word++; *word == ' ';) word++;
        if (starts(word, "if")) depth++;
        if (starts(word, "endif") && --depth == 0) return next_line(p);
    }
    fail("#ifdef TN_HEADER without #endif", path);
    return p;
}

/* Where the function's name tn_... begins: it is followed by a parenthesis, or stands alone in one. */
static const char *find_name(const char *p, const char *end, size_t *length) {
    for (; p < end; p++) {
        if (!starts(p, "tn_") || is_name(p[-1])) continue;
        for (*length = 0; is_name(p[*length]);) ++*length;
        if (p[*length] == '(' || (p[-1] == '(' && p[*length] == ')' && p[*length + 1] == '(')) return p;
    }
    return NULL;
}

/* Is the parameter that ends before `end` of the form `const tn_..._opts *name`? */
static bool ends_in_options(const char *begin, const char *end) {
    const char *p = end;
    while (p > begin && is_name(p[-1])) p--;
    if (p == end || p - begin < 8 || !starts(p - 7, "_opts *")) return false;
    p -= 2;
    while (p > begin && is_name(p[-1])) p--;
    return p - begin >= 6 && starts(p, "tn_") && starts(p - 6, "const ");
}

/* Writes the prototype of the function at p; returns the '{' or ';' that ends it there. */
static const char *add_prototype(buffer *out, const char *p, const char *path) {
    const char *stop = p + strcspn(p, "{;"), *end = stop;
    size_t length = 0;
    if (*stop != '{') return stop;
    while (end > p && isspace((unsigned char)end[-1])) end--;
    const char *name = find_name(p, end, &length);
    if (name == NULL || end[-1] != ')') fail("TN_API without a function tn_...", path);
    bool bare = name[length] == '(';
    add(out, p, (size_t)(name - p));
    if (bare) add_text(out, "(");
    add(out, name, length);
    if (bare) add_text(out, ")");
    add(out, name + length, (size_t)(end - 1 - name) - length);
    if (ends_in_options(p, end - 1)) add_text(out, " TN_DEFAULT(NULL)");
    add_text(out, ");\n");
    return stop;
}

static void scan(buffer *out, const char *path) {
    buffer source = {0};
    if (!read_file(path, &source)) fail("cannot be read", path);
    const char *doc = NULL; /* the doc block that ends right before p */
    for (const char *p = source.text; *p != '\0';) {
        if (starts(p, "#ifdef TN_HEADER")) {
            const char *end = region_end(p, path), *last = end - 1;
            while (last > p && last[-1] != '\n') last--;
            add_text(out, "\n");
            add(out, next_line(p), (size_t)(last - next_line(p)));
            p = end;
            doc = NULL;
        } else if (starts(p, "/**")) {
            const char *end = strstr(p, "*/");
            if (end == NULL) fail("a comment without end", path);
            doc = p;
            p = next_line(end);
        } else if (starts(p, "TN_API ")) {
            const char *stop = p + strcspn(p, "{;");
            if (*stop == '{' && doc != NULL) add_text(out, "\n");
            if (*stop == '{' && doc != NULL) add(out, doc, (size_t)(p - doc));
            p = next_line(add_prototype(out, p, path));
            doc = NULL;
        } else {
            p = next_line(p);
            doc = NULL;
        }
    }
    free(source.text);
}

/* False when the folder has nothing public. */
static bool generate(buffer *out, const topic *t, const char *folder, char *names[], size_t n) {
    char guard[32], path[4096], head[1024];
    snprintf(guard, sizeof guard, "TISON_%s_H", t->name);
    for (char *c = guard; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
    snprintf(head, sizeof head,
             "/* tison/%s.h - %s. Generated by tools/gen from src/%s; edit there. */\n#ifndef %s\n#define %s\n%s\nTN_BEGIN_DECLS\n",
             t->name, t->title, t->name, guard, guard, t->includes);
    add_text(out, head);
    size_t start = out->length;
    for (size_t i = 0; i < n; i++) {
        size_t before = out->length;
        snprintf(head, sizeof head, "\n/* ---- %s ---- */\n", names[i]);
        add_text(out, head);
        size_t empty = out->length;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        scan(out, path);
        if (out->length == empty) out->length = before;
    }
    bool any = out->length > start;
    add_text(out, "\nTN_END_DECLS\n#endif\n");
    return any;
}

bool write_op_list(const char *root, const operator_row *row, size_t n, bool check) {
    buffer text = {0};
    char path[4096];
    size_t column = 0;
    if (n == 0) return true;
    add_text(&text, "/* core/op_list.h - the names of all operators. Generated by tools/gen from src/ops; edit there. */\n"
                    "#ifndef TNI_OP_LIST_H\n#define TNI_OP_LIST_H\n#define TNI_OP_LIST(X)");
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(row[i].name) + 4;
        if (i == 0 || column + length > 120) {
            add_text(&text, " \\\n   ");
            column = 3;
        }
        add_format(&text, " X(%s)", row[i].name);
        column += length;
    }
    add_text(&text, "\n#endif\n");
    snprintf(path, sizeof path, "%s/src/core/op_list.h", root);
    return update(path, &text, check);
}

bool write_headers(const char *root, bool check) {
    static char *names[1000];
    bool fresh = true;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        char folder[2048], path[2048];
        snprintf(folder, sizeof folder, "%s/src/%s", root, topics[i].name);
        snprintf(path, sizeof path, "%s/include/tison/%s.h", root, topics[i].name);
        size_t n = list(folder, ".c", names, sizeof names / sizeof names[0]);
        if (n == 0) continue;
        buffer text = {0};
        if (generate(&text, &topics[i], folder, names, n)) fresh = update(path, &text, check) && fresh;
        free(text.text);
        while (n > 0) free(names[--n]);
    }
    return fresh;
}
