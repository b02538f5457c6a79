/* gen/api.c - writes bindings/api.json: the public interface for other languages; docs/other-languages.md says what its members mean.
 * One function, struct, operator or class a line, so that a change shows as a line. */
#include "gen.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool equal(const char *a, const char *b) { return strcmp(a, b) == 0; }
static bool ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && equal(text + n - m, end);
}
static void member(buffer *b, const char *name, const char *value) {
    add_format(b, ", \"%s\": ", name);
    add_json(b, value);
}

/* ---- kinds: what a binding does with a value of a type ---- */

/* The name of the struct that a pointer type points to, without const and star; NULL for other types. */
static char *pointed(const char *type) {
    if (starts(type, "const ")) type += 6;
    size_t length = strcspn(type, " ");
    return equal(type + length, " *") ? strndup(type, length) : NULL;
}

/* Does a struct begin with a module header? */
static bool is_module(const declarations *d, const char *name) {
    const record *r = find_record(d, name);
    return equal(name, "tn_module") || (r && r->n && equal(r->fields[0].type, "tn_module"));
}

static bool is_callback(const declarations *d, const char *name) {
    for (size_t i = 0; i < d->ncallbacks; i++)
        if (equal(d->callbacks[i].name, name)) return true;
    return false;
}

static const char *pointer_kind(const declarations *d, const char *type, bool counted) {
    static const struct {
        const char *type, *one, *many;
    } kinds[] = {{"const char *", "string", "string"},         {"tn_tensor *", "tensor", "tensor"},
                 {"tn_tensor *const *", "tensors", "tensors"}, {"tn_tensor **", "tensor_out", "tensors_out"},
                 {"const int64_t *", "ints", "ints"},          {"const double *", "doubles", "doubles"},
                 {"void *const *", "objects", "objects"},      {"void *", "pointer", "bytes_out"},
                 {"const void *", "pointer", "bytes"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (equal(kinds[i].type, type)) return counted ? kinds[i].many : kinds[i].one;
    if (strstr(type, "(*)")) return "callback";
    char *name = pointed(type);
    if (name == NULL) return "pointer";
    if (is_callback(d, name)) return "callback";
    if (is_module(d, name)) return "module";
    if (ends(name, "_opts")) return "options";
    if (find_record(d, name)) return counted ? "structs" : "struct_pointer";
    return starts(name, "tn_") ? "handle" : "pointer";
}

/* counted: a size_t follows that says how many. */
static const char *kind(const declarations *d, const char *type, bool counted) {
    static const char *const ints[] = {"int64_t", "size_t", "int", "uint64_t", "uint32_t", "unsigned", "int32_t"};
    if (strchr(type, '*')) return pointer_kind(d, type, counted);
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        if (equal(ints[i], type)) return "int";
    if (equal(type, "double") || equal(type, "float")) return "double";
    if (equal(type, "bool") || equal(type, "void")) return type;
    if (equal(type, "tn_scalar")) return "scalar";
    if (equal(type, "tn_dtype")) return "dtype";
    if (is_enum(d, type)) return "enum";
    return starts(type, "union") ? "union" : "struct";
}

/* ---- values of options ---- */

static void add_value(buffer *b, const declarations *d, const char *text);
static void add_list(buffer *b, const declarations *d, const char *text) {
    const char *end = text + strlen(text) - 1;
    add_text(b, "[");
    for (const char *p = text + 1, *comma; p < end; p = comma + 1) {
        comma = next_comma(p, end);
        if (p > text + 1) add_text(b, ", ");
        add_value(b, d, copy_piece(p, comma));
    }
    add_text(b, "]");
}

static void add_value(buffer *b, const declarations *d, const char *text) {
    static const char *const none[] = {"NULL", "TN_NONE", "TN_DTYPE_NONE", "TN_HERE"};
    char *end;
    long long value;
    const macro *m = find_macro(d, text, strlen(text));
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (equal(text, none[i])) {
            add_text(b, "null");
            return;
        }
    if (starts(text, "(double)")) text += strlen("(double)");
    if (*text == '{')
        add_list(b, d, text);
    else if (*text == '(' && skip_bracket(text)[0] == '\0')
        add_value(b, d, copy_piece(text + 1, text + strlen(text) - 1));
    else if (*text == '"') /* a C string is one of JSON, too */
        add_text(b, text);
    else if (*text == '\'' && strlen(text) == 3)
        add_format(b, "%d", text[1]);
    else if (starts(text, "__builtin_nan") || equal(text, "NAN"))
        add_text(b, "null");
    else if (equal(text, "true") || equal(text, "false") || (*text && (strtod(text, &end), *end == '\0')))
        add_text(b, text);
    else if (find_value(d, text, &value))
        add_format(b, "%lld", value);
    else if (m != NULL && m->parameters == NULL)
        add_value(b, d, m->body);
    else
        add_json(b, text);
}

/* `text` with the words of a macro's parameters replaced by the arguments of its use, which begin after the bracket at `call`. */
static char *substitute(const char *text, const char *parameters, const char *call) {
    buffer out = {0};
    const char *end = skip_bracket(call) - 1;
    add(&out, "", 0);
    for (const char *p = text; *p != '\0';) {
        size_t length = 0;
        while (is_name(p[length])) length++;
        if (length == 0 || (p > text && p[-1] == '.')) { /* .affine is a field, whatever the parameters are called */
            length += length == 0;
            add(&out, p, length);
            p += length;
            continue;
        }
        const char *name = parameters, *value = call + 1;
        while (*name && !(strncmp(name, p, length) == 0 && !is_name(name[length]))) {
            name += strcspn(name, ",");
            name += strspn(name, ", ");
            value = next_comma(value, end) + 1;
        }
        char *argument = *name && value < end ? copy_piece(value, next_comma(value, end)) : strndup(p, length);
        add_text(&out, argument);
        p += length;
    }
    return out.text;
}

/* The piece `(.lr = 1e-3, ...)` of a macro, or of one that it uses; NULL when there is none. */
static char *find_defaults(const declarations *d, const macro *m, int depth) {
    const char *at = strstr(m->body, "(.");
    if (at) return strndup(at, (size_t)(skip_bracket(at) - at));
    for (const char *p = m->body; depth < 4 && *p != '\0'; p++) {
        size_t length = 0;
        if (!isalpha((unsigned char)*p) || (p > m->body && is_name(p[-1]))) continue;
        while (is_name(p[length])) length++;
        const macro *used = p[length] == '(' ? find_macro(d, p, length) : NULL;
        char *group = used && used != m ? find_defaults(d, used, depth + 1) : NULL;
        if (group) return used->parameters ? substitute(group, used->parameters, p + length) : group;
    }
    return NULL;
}

static bool uses(const char *text, const char *name) {
    size_t length = strlen(name);
    for (const char *p = text; (p = strstr(p, name)) != NULL; p += length)
        if ((p == text || !is_name(p[-1])) && !is_name(p[length])) return true;
    return false;
}

/* The defaults that the macro of a function gives to its options. */
static char *defaults_of(const declarations *d, const function *f) {
    const macro *best = NULL;
    int score = 0;
    for (size_t i = 0; i < d->nmacros; i++) {
        const macro *m = &d->macros[i];
        char with_new[256];
        snprintf(with_new, sizeof with_new, "%s_new", m->name);
        int now = m->parameters == NULL                              ? 0
                  : equal(m->name, f->name)                          ? 3
                  : equal(with_new, f->name)                         ? 2
                  : starts(m->name, "tn_") && uses(m->body, f->name) ? 1
                                                                     : 0;
        if (now <= score || !find_defaults(d, m, 0)) continue;
        best = m;
        score = now;
    }
    return best ? find_defaults(d, best, 0) : NULL;
}

/* What a field has that no macro names: all bits zero. */
static void add_zero(buffer *b, const declarations *d, const field *f) {
    const char *k = kind(d, f->type, false), *zero = equal(k, "bool") ? "false" : "0";
    if (f->count == 0 && !equal(k, "bool") && !equal(k, "int") && !equal(k, "double") && !equal(k, "enum") && !equal(k, "dtype"))
        zero = "null";
    for (long i = 0; i < f->count; i++) add_format(b, "%s%s", i ? ", " : "[", zero);
    add_text(b, f->count ? "]" : zero);
}

static bool is_internal(const field *f) { return equal(f->name, "size") || equal(f->name, "keywords_only"); }

static void add_defaults(buffer *b, const declarations *d, const function *f, const record *options) {
    const char *group = defaults_of(d, f), *end = group ? skip_bracket(group) - 1 : NULL;
    bool first = true;
    add_text(b, ", \"defaults\": ");
    if (group == NULL) {
        add_text(b, "null");
        return;
    }
    for (size_t i = 0; i < options->n; i++) {
        const field *at = &options->fields[i];
        if (is_internal(at)) continue;
        add_text(b, first ? "{" : ", ");
        first = false;
        add_json(b, at->name);
        add_text(b, ": ");
        const char *value = NULL, *stop = end;
        for (const char *p = group + 1; p < end; p = stop + 1) {
            stop = next_comma(p, end);
            char *key = copy_piece(strchr(p, '.') + 1, strchr(p, '='));
            if (equal(key, at->name)) {
                value = strchr(p, '=') + 1;
                break;
            }
        }
        if (value)
            add_value(b, d, copy_piece(value, stop));
        else
            add_zero(b, d, at);
    }
    add_text(b, first ? "{}" : "}");
}

/* ---- the parts of the file ---- */

/* "torch.nn.functional.conv2d" out of a comment; NULL when it names none. */
static char *torch_name(const char *doc) {
    const char *at = doc ? strstr(doc, "torch.") : NULL;
    if (at == NULL) return NULL;
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    while (length && at[length - 1] == '.') length--;
    return strndup(at, length);
}

static void add_ownership(buffer *b, const char *doc) {
    static const char *const words[] = {"scope", "keep", "borrow", "NULL ok"};
    char tag[16];
    bool first = true;
    add_text(b, ", \"ownership\": [");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        snprintf(tag, sizeof tag, "[%s]", words[i]);
        if (doc == NULL || strstr(doc, tag) == NULL) continue;
        if (!first) add_text(b, ", ");
        add_json(b, words[i]);
        first = false;
    }
    add_text(b, "]");
}

/* Is parameter i the number of elements of the one before? */
static bool is_count(const function *f, size_t i) {
    if (i == 0 || i >= f->parameters) return false;
    const char *before = f->parameter[i - 1].type, *type = f->parameter[i].type;
    if (!equal(type, "size_t") && !equal(type, "size_t *")) return false;
    return strchr(before, '*') != NULL && strstr(before, "(*") == NULL && !equal(before, "const char *") && !is_count(f, i - 1) &&
           (strstr(before, "const ") || equal(before, "tn_tensor **") || equal(before, "void *") || strstr(before, "char *"));
}

static void add_function(buffer *b, const declarations *d, const function *f) {
    const record *options = NULL;
    add_text(b, "{\"name\": ");
    add_json(b, f->name);
    member(b, "header", f->header);
    member(b, "torch", torch_name(f->doc));
    add_text(b, ", \"returns\": {\"type\": ");
    add_json(b, f->returns);
    member(b, "kind", kind(d, f->returns, false));
    add_text(b, "}, \"parameters\": [");
    for (size_t i = 0; i < f->parameters; i++) {
        const field *p = &f->parameter[i];
        const char *k = is_count(f, i) ? "count" : kind(d, p->type, is_count(f, i + 1));
        add_text(b, i ? ", {\"name\": " : "{\"name\": ");
        add_json(b, p->name);
        member(b, "type", p->type);
        member(b, "kind", k);
        add_text(b, "}");
        if (equal(k, "options")) options = find_record(d, pointed(p->type));
    }
    add_text(b, "]");
    if (options) add_defaults(b, d, f, options);
    add_ownership(b, f->doc);
    member(b, "doc", f->doc);
    add_text(b, "}");
}

static void add_fields(buffer *b, const declarations *d, const field *fields, size_t n) {
    add_text(b, "[");
    for (size_t i = 0; i < n; i++) {
        const field *f = &fields[i];
        add_text(b, i ? ", {\"name\": " : "{\"name\": ");
        add_json(b, f->name);
        member(b, "type", f->type);
        member(b, "kind", is_internal(f) ? "internal" : kind(d, f->type, false));
        if (f->count) add_format(b, ", \"count\": %ld", f->count);
        if (f->insides) {
            add_text(b, ", \"fields\": ");
            add_fields(b, d, f->inside, f->insides);
        }
        if (f->doc) member(b, "doc", f->doc);
        add_text(b, "}");
    }
    add_text(b, "]");
}

static void add_record(buffer *b, const declarations *d, const record *r) {
    add_text(b, "{\"name\": ");
    add_json(b, r->name);
    member(b, "header", r->header);
    add_format(b, ", \"options\": %s, \"fields\": ", ends(r->name, "_opts") ? "true" : "false");
    add_fields(b, d, r->fields, r->n);
    member(b, "doc", r->doc);
    add_text(b, "}");
}

static void add_enum(buffer *b, const enumeration *e) {
    add_text(b, "{\"name\": ");
    add_json(b, *e->name ? e->name : NULL);
    add_text(b, ", \"values\": {");
    for (size_t i = 0; i < e->n; i++) add_format(b, "%s\"%s\": %lld", i ? ", " : "", e->names[i], e->values[i]);
    add_text(b, "}");
    member(b, "doc", e->doc);
    add_text(b, "}");
}

/* The rows of the list of error codes. */
static void add_errors(buffer *b, const declarations *d) {
    const macro *m = find_macro(d, "TN_STATUS_LIST", strlen("TN_STATUS_LIST"));
    bool first = true;
    for (const char *p = m ? strstr(m->body, "X(") : NULL; p != NULL; p = strstr(skip_bracket(p + 1), "X(")) {
        const char *end = skip_bracket(p + 1) - 1, *a = next_comma(p + 2, end), *c = next_comma(a + 1, end),
                   *e = next_comma(c + 1, end);
        add_text(b, first ? "\n  {\"name\": " : ",\n  {\"name\": ");
        add_json(b, copy_piece(p + 2, a));
        add_format(b, ", \"value\": %s, \"exception\": %s, \"text\": %s}", copy_piece(a + 1, c), copy_piece(c + 1, e),
                   copy_piece(e + 1, end));
        first = false;
    }
}

static void add_operator(buffer *b, const declarations *d, const operator_row *row) {
    char name[256];
    snprintf(name, sizeof name, "tn_%s_", row->name);
    bool inplace = row->inplace || find_function(d, name) != NULL;
    name[strlen(name) - 1] = '\0';
    const function *f = find_function(d, name);
    add_text(b, "{\"name\": ");
    add_json(b, row->name);
    member(b, "schema", row->schema);
    member(b, "file", row->file);
    member(b, "function", f ? name : NULL);
    add_format(b, ", \"inplace\": %s, \"hidden\": %s, \"samples\": [", inplace ? "true" : "false", row->hidden ? "true" : "false");
    for (size_t i = 0; i < row->n; i++) {
        if (i) add_text(b, ", ");
        add_json(b, row->samples[i]);
    }
    add_text(b, "]");
    member(b, "doc", f ? f->doc : NULL);
    add_text(b, "}");
}

/* The word of `text` that is `name` but for capitals and underscores, and has a capital: "MaxPool2d" for max_pool2d. */
static char *printed_name(const char *text, const char *name) {
    for (const char *p = text; p && *p != '\0';) {
        size_t length = 0, i = 0;
        bool capital = false;
        const char *n = name;
        while (is_name(p[length])) length++;
        for (; i < length; i++, n++) {
            while (*n == '_') n++;
            capital |= isupper((unsigned char)p[i]) != 0;
            if (tolower((unsigned char)p[i]) != *n) break;
        }
        if (length && i == length && *n == '\0' && capital) return strndup(p, length);
        p += length ? length : 1;
    }
    return NULL;
}

/* A function of nn.h or optim.h that makes a module or an optimizer. */
static bool add_class(buffer *b, const declarations *d, const function *f, const char *source, bool first) {
    char *type = pointed(f->returns), *name = strdup(f->name);
    bool nn = starts(f->name, "tn_nn_") && ends(f->name, "_new") && type && is_module(d, type);
    bool optim = starts(f->name, "tn_optim_") && type && equal(type, "tn_optim");
    if (!nn && !optim) return false;
    if (ends(name, "_new")) name[strlen(name) - 4] = '\0';
    add_text(b, first ? "\n  {\"name\": " : ",\n  {\"name\": ");
    add_json(b, printed_name(source, name + strlen(nn ? "tn_nn_" : "tn_optim_")));
    member(b, "kind", nn ? "module" : "optimizer");
    member(b, "type", type);
    member(b, "constructor", f->name);
    const record *r = nn ? find_record(d, type) : NULL;
    if (r && !equal(r->name, type)) member(b, "struct", r->name);
    add_text(b, ", \"fields\": ");
    add_fields(b, d, r ? r->fields : NULL, r ? r->n : 0);
    member(b, "doc", r && r->doc ? r->doc : f->doc);
    add_text(b, "}");
    return true;
}

static void add_classes(buffer *b, const declarations *d, const char *root) {
    static const char *const folders[] = {"nn", "optim"};
    buffer source = {0};
    char *names[1000], path[4096];
    bool any = false;
    for (size_t k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/src/%s", root, folders[k]);
        size_t n = list(path, ".c", names, sizeof names / sizeof names[0]);
        for (size_t i = 0; i < n; i++) {
            snprintf(path, sizeof path, "%s/src/%s/%s", root, folders[k], names[i]);
            read_file(path, &source);
        }
    }
    for (size_t i = 0; i < d->nfunctions; i++) any = add_class(b, d, &d->functions[i], source.text, !any) || any;
}

bool write_api(const char *root, const declarations *d, const operator_row *row, size_t n, bool check) {
    buffer b = {0};
    char path[4096];
    long long version[3] = {0};
    static const char *const parts[] = {"TN_VERSION_MAJOR", "TN_VERSION_MINOR", "TN_VERSION_PATCH"};
    for (size_t i = 0; i < 3; i++) {
        const macro *m = find_macro(d, parts[i], strlen(parts[i]));
        version[i] = m ? strtoll(m->body, NULL, 10) : 0;
    }
    add_format(&b,
               "{\n \"about\": \"The public interface of Tison. Generated by tools/gen; docs/other-languages.md explains it.\",\n"
               " \"version\": \"%lld.%lld.%lld\",\n \"errors\": [",
               version[0], version[1], version[2]);
    add_errors(&b, d);
    add_text(&b, "],\n \"enums\": [");
    for (size_t i = 0; i < d->nenums; i++) {
        add_text(&b, i ? ",\n  " : "\n  ");
        add_enum(&b, &d->enums[i]);
    }
    add_text(&b, "],\n \"aliases\": {");
    for (size_t i = 0; i < d->naliases; i++)
        add_format(&b, "%s\n  \"%s\": \"%s\"", i ? "," : "", d->aliases[i].name, d->aliases[i].is);
    add_text(&b, "},\n \"structs\": [");
    for (size_t i = 0; i < d->nrecords; i++) {
        add_text(&b, i ? ",\n  " : "\n  ");
        add_record(&b, d, &d->records[i]);
    }
    add_text(&b, "],\n \"callbacks\": {");
    for (size_t i = 0; i < d->ncallbacks; i++)
        add_format(&b, "%s\n  \"%s\": \"%s\"", i ? "," : "", d->callbacks[i].name, d->callbacks[i].is);
    add_text(&b, "},\n \"functions\": [");
    for (size_t i = 0; i < d->nfunctions; i++) {
        add_text(&b, i ? ",\n  " : "\n  ");
        add_function(&b, d, &d->functions[i]);
    }
    add_text(&b, "],\n \"operators\": [");
    for (size_t i = 0; i < n; i++) {
        add_text(&b, i ? ",\n  " : "\n  ");
        add_operator(&b, d, &row[i]);
    }
    add_text(&b, "],\n \"classes\": [");
    add_classes(&b, d, root);
    add_text(&b, "]\n}\n");
    snprintf(path, sizeof path, "%s/bindings/api.json", root);
    return update(path, &b, check);
}
