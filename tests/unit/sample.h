/* tests/unit/sample.h - reads the sample lines of operators (src/ops: .samples) and makes their inputs. */
#ifndef TISON_SAMPLE_H
#define TISON_SAMPLE_H
#include "core/op.h"
#include "core/schema.h"
#include "support.h"
#include <ctype.h>
#include <tison/call.h>

enum { SAMPLE_INPUTS = 8, SAMPLE_DIMS = 8, SAMPLE_TEXT = 64, SAMPLE_PARAMETERS = 24, SAMPLE_RESULTS = 16 };

/* One input as written: "f32[3,4]^T>0.5"; dtype TN_DTYPE_NONE: "-", an absent one. */
typedef struct {
    tn_dtype dtype;
    int64_t sizes[SAMPLE_DIMS];
    size_t ndim;
    bool transposed;
    char kind; /* of values: 0, '>', '=' or '<' */
    double bound;
} sample_input;

typedef struct {
    const tni_op *op;
    const char *text;
    sample_input in[SAMPLE_INPUTS];
    size_t nin;
    size_t parameters;               /* of the schema */
    tn_arg arg[SAMPLE_PARAMETERS];   /* one for each parameter, by name; tensors are filled in by sample_call */
    bool given[SAMPLE_PARAMETERS];   /* or left to its default */
    bool is_list[SAMPLE_PARAMETERS]; /* Tensor[] */
    bool is_tensor[SAMPLE_PARAMETERS];
    int64_t lists[SAMPLE_PARAMETERS][SAMPLE_DIMS]; /* what TN_ARG_INTS point to */
    char names[SAMPLE_PARAMETERS][32], words[SAMPLE_PARAMETERS][SAMPLE_TEXT];
    char full_name[64];  /* "sum.dim_IntList" */
    tn_status fails;     /* TN_OK: it must not */
    bool small;          /* the result grows faster than the inputs: it is not tried on large ones */
    bool nograd, random; /* random: drawn from the default generator, seeded with 0 before the call */
} sample;

/* The next token of the line: up to a space outside of parentheses and brackets. false at the end. */
static inline bool sample_token(const char **p, char *out) {
    size_t n = 0;
    int depth = 0;
    while (**p == ' ') ++*p;
    for (; **p && (**p != ' ' || depth > 0) && n < SAMPLE_TEXT - 1; ++*p) {
        depth += (**p == '(' || **p == '[') - (**p == ')' || **p == ']');
        out[n++] = **p;
    }
    out[n] = '\0';
    return n > 0;
}

/* "1,-2,)" up to the closing character. */
static inline const char *sample_list(const char *p, char closing, int64_t *out, size_t *n) {
    for (*n = 0; *p && *p != closing;) {
        char *end;
        long long value = strtoll(p, &end, 10);
        if (end == p || *n == SAMPLE_DIMS) return NULL;
        out[(*n)++] = value;
        p = *end == ',' ? end + 1 : end;
    }
    return *p == closing ? p + 1 : NULL;
}

static inline bool sample_read_input(const char *p, sample_input *in) {
    static const struct {
        const char *name;
        tn_dtype dtype;
    } names[] = {{"f32[", TN_FLOAT32}, {"f64[", TN_FLOAT64}, {"i64[", TN_INT64},     {"i32[", TN_INT32},
                 {"u8[", TN_UINT8},    {"bool[", TN_BOOL},   {"f16[", TN_FLOAT16},   {"bf16[", TN_BFLOAT16},
                 {"i8[", TN_INT8},     {"i16[", TN_INT16},   {"c64[", TN_COMPLEX64}, {"c128[", TN_COMPLEX128}};
    *in = (sample_input){.dtype = TN_DTYPE_NONE};
    if (strcmp(p, "-") == 0) return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(p, names[i].name, strlen(names[i].name)) == 0) in->dtype = names[i].dtype;
    if (in->dtype == TN_DTYPE_NONE || !(p = sample_list(strchr(p, '[') + 1, ']', in->sizes, &in->ndim))) return false;
    if (strncmp(p, "^T", 2) == 0) in->transposed = true, p += 2;
    if (*p == '\0') return true;
    char *end;
    in->kind = *p;
    in->bound = strtod(p + 1, &end);
    return strchr("><=", in->kind) && *end == '\0';
}

/* One argument from its text, by what it looks like; false for text that is nothing. */
static inline bool sample_read_arg(sample *s, size_t i, const tni_param *p, const char *text) {
    tn_arg *out = &s->arg[i];
    char *end;
    double d = strtod(text, &end);
    s->given[i] = true;
    if (strcmp(text, "None") == 0) return out->kind = TN_ARG_NONE, true;
    if (*text == '(' || *text == '[') {
        out->kind = TN_ARG_INTS;
        out->value.ints = s->lists[i];
        return sample_list(text + 1, *text == '(' ? ')' : ']', s->lists[i], &out->n) != NULL;
    }
    if (p->kind == TNI_PARAM_BOOL) {
        out->kind = TN_ARG_BOOL;
        out->value.i = *text == 'T' || *text == 't';
        return *text && strchr("TtFf", *text);
    }
    if (*text && *end == '\0') {
        bool whole = strcspn(text, ".enN") == strlen(text);
        out->kind = whole ? TN_ARG_INT : TN_ARG_DOUBLE;
        if (whole)
            out->value.i = strtoll(text, NULL, 10);
        else
            out->value.d = d;
        return true;
    }
    out->kind = TN_ARG_STRING; /* 'mean', float64 */
    size_t n = strlen(text), quoted = *text == '\'';
    snprintf(s->words[i], SAMPLE_TEXT, "%.*s", (int)(n - 2 * quoted), text + quoted);
    out->value.s = s->words[i];
    return n > 0 && (p->kind == TNI_PARAM_DTYPE || p->kind == TNI_PARAM_STRING || quoted);
}

/* The tensors at the beginning of the line; false for text that is none. */
static inline bool sample_read_tensor(sample *s, const char **p, const tni_param *par) {
    char token[SAMPLE_TEXT], inner[SAMPLE_TEXT];
    if (!sample_token(p, token) || s->nin == SAMPLE_INPUTS) return false;
    if (!par->list) return sample_read_input(token, &s->in[s->nin++]);
    const char *q = token + 1;
    size_t length = strlen(token);
    if (*token != '(' || token[length - 1] != ')') return false;
    token[length - 1] = '\0';
    while (sample_token(&q, inner))
        if (s->nin == SAMPLE_INPUTS || !sample_read_input(inner, &s->in[s->nin++])) return false;
    return true;
}

static inline bool sample_read_mark(sample *s, const char *token) {
    static const struct {
        const char *name;
        tn_status status;
    } marks[] = {{"!shape", TN_ERR_SHAPE},         {"!dtype", TN_ERR_DTYPE},     {"!index", TN_ERR_INDEX},
                 {"!value", TN_ERR_VALUE},         {"!runtime", TN_ERR_RUNTIME}, {"!not_implemented", TN_ERR_NOT_IMPLEMENTED},
                 {"!assertion", TN_ERR_ASSERTION}, {"!linalg", TN_ERR_LINALG}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strcmp(token, marks[i].name) == 0) return s->fails = marks[i].status, true;
    if (strcmp(token, "nograd") == 0) return s->nograd = true;
    if (strcmp(token, "small") == 0) return s->small = true;
    if (strcmp(token, "random") == 0) return s->random = s->nograd = true;
    return strcmp(token, "@bench") == 0;
}

/* false when the operator's schema or the line cannot be understood. */
static inline bool sample_parse(sample *s, const tni_op *op, const char *text) {
    tni_param par[SAMPLE_PARAMETERS];
    char token[SAMPLE_TEXT];
    size_t full, next = 0;
    const char *at = op->schema, *p = text;
    *s = (sample){.op = op, .text = text};
    if (!op->schema) return false;
    (void)tni_schema_base(op->schema, &full);
    snprintf(s->full_name, sizeof s->full_name, "%.*s", (int)full, op->schema);
    for (; s->parameters < SAMPLE_PARAMETERS && tni_schema_next(&at, &par[s->parameters]); s->parameters++) {
        size_t i = s->parameters;
        snprintf(s->names[i], sizeof s->names[i], "%.*s", (int)par[i].name_length, par[i].name);
        s->arg[i].name = s->names[i];
        s->is_tensor[i] = par[i].kind == TNI_PARAM_TENSOR, s->is_list[i] = par[i].list;
        if (s->is_tensor[i] && !sample_read_tensor(s, &p, &par[i])) return false;
    }
    while (sample_token(&p, token)) {
        char *value = token, *equals = strchr(token, '=');
        if (sample_read_mark(s, token)) continue;
        size_t i = 0;
        if (equals && isalpha((unsigned char)*token)) {
            *equals = '\0';
            value = equals + 1;
            while (i < s->parameters && strcmp(s->names[i], token) != 0) i++;
        } else {
            while (next < s->parameters && s->is_tensor[next]) next++;
            i = next++;
        }
        if (i >= s->parameters || !sample_read_arg(s, i, &par[i], value)) return false;
    }
    return true;
}

/* Is it an operator that only exists in place, as copy_? */
static inline bool sample_writes(const tni_op *op) {
    size_t full;
    return op->schema[tni_schema_base(op->schema, &full) - 1] == '_';
}

/* Runs the sample's operator on `in` by name; out[] as tn_call takes and leaves it, but the results belong to the scope. */
static inline bool sample_call(const sample *s, tn_tensor *const *in, const char *name, tn_tensor **out, size_t *k) {
    tn_arg arg[SAMPLE_PARAMETERS];
    size_t n = 0, used = 0;
    if (s->random) tn_manual_seed(0);
    for (size_t i = 0; i < s->parameters; i++) {
        if (!s->is_tensor[i] && !s->given[i]) continue;
        arg[n] = s->arg[i];
        if (s->is_tensor[i] && s->is_list[i]) {
            size_t rest = 0;
            for (size_t j = i + 1; j < s->parameters; j++) rest += s->is_tensor[j];
            arg[n].kind = TN_ARG_TENSORS, arg[n].value.tensors = in + used, arg[n].n = s->nin - used - rest;
            used += arg[n].n;
        } else if (s->is_tensor[i]) {
            arg[n].kind = in[used] ? TN_ARG_TENSOR : TN_ARG_NONE, arg[n].value.tensor = in[used];
            used++;
        }
        n++;
    }
    if (tn_call(name, arg, n, out, k) != TN_OK) return false;
    for (size_t i = 0; i < *k; i++) {
        tn_hold(out[i]);
        tn_free(out[i]);
    }
    return true;
}

/* ---- inputs: the values depend on the place of the input and of the element alone ---- */

typedef enum { LAYOUT_GIVEN, LAYOUT_STRIDED, LAYOUT_OFFSET, LAYOUTS } sample_layout;

static inline double sample_value(const sample_input *in, uint64_t *state) {
    double sum = 0, u = 0;
    for (int k = 0; k < 4; k++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        u = (double)(*state >> 11) * 0x1p-53;
        sum += u;
    }
    bool whole = !tni_dtype_has_grad(in->dtype);
    if (in->kind == '=') return in->bound;
    if (in->kind == '<') return floor(u * in->bound);
    if (in->dtype == TN_BOOL) return u < 0.5;
    if (in->kind == '>') return whole ? ceil(in->bound + 2 * u) : in->bound + 2 * u;
    if (whole) return floor(u * 9) - (in->dtype == TN_UINT8 ? 0 : 4);
    return 1.5 * (sum - 2);
}

static inline void sample_fill(tn_tensor *x, const sample_input *in, size_t place) {
    uint64_t state = 977 * (place + 1);
    for (int64_t e = 0; e < x->a.numel; e++) {
        int64_t at = 0, rest = e;
        for (int d = x->a.ndim - 1; d >= 0; d--) {
            at += rest % x->a.sizes[d] * x->a.strides[d];
            rest /= x->a.sizes[d];
        }
        char *element = (char *)x->a.data + (size_t)at * tni_array_item(&x->a);
        double value = sample_value(in, &state);
        tni_element_set(element, in->dtype, value, (int64_t)value, false);
        if (!tni_dtype_is_complex(in->dtype)) continue;
        value = sample_value(in, &state);
        size_t half = tni_array_item(&x->a) / 2;
        tni_element_set(element + half, tni_dtype_real(in->dtype), value, 0, false);
    }
}

/* Input number `place` with the strides that the layout asks for; NULL for an absent one. [scope] */
static inline tn_tensor *sample_make(const sample_input *in, size_t place, sample_layout layout) {
    if (in->dtype == TN_DTYPE_NONE) return NULL;
    int64_t strides[SAMPLE_DIMS], numel = 1, step = in->ndim == 1 && layout == LAYOUT_STRIDED ? 2 : 1;
    size_t order[SAMPLE_DIMS], n = in->ndim; /* dims from the innermost on */
    for (size_t i = 0; i < n; i++) order[i] = layout == LAYOUT_STRIDED ? i : n - 1 - i;
    if (in->transposed && n > 1 && layout != LAYOUT_STRIDED) order[0] = n - 2, order[1] = n - 1;
    for (size_t i = 0; i < n; i++) {
        strides[order[i]] = step;
        step *= TNI_MAX(in->sizes[order[i]], 1);
        numel *= in->sizes[i];
    }
    tn_opts opts = {.size = sizeof opts, .dtype = in->dtype};
    tn_tensor *x;
    if (layout == LAYOUT_GIVEN && !in->transposed) {
        x = (tn_empty)(in->sizes, n, &opts);
    } else {
        int64_t room = 2 * numel + 4;
        x = tn_detach((tn_as_strided)((tn_zeros)(&room, 1, &opts), in->sizes, n, strides, n, layout == LAYOUT_GIVEN ? 0 : 3));
    }
    if (x) sample_fill(x, in, place);
    return x;
}
#endif
