/* tests/unit/sample.h - reads the sample lines of operators (src/ops: .samples) and makes their inputs. */
#ifndef TISON_SAMPLE_H
#define TISON_SAMPLE_H
#include "core/op.h"
#include "support.h"
#include <ctype.h>

enum { SAMPLE_INPUTS = 8, SAMPLE_DIMS = 8, SAMPLE_TEXT = 64 };

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
    tni_value arg[TNI_MAX_ARG];
    int64_t lists[TNI_MAX_ARG][SAMPLE_DIMS]; /* what the .ints of arg point to */
    size_t narg;
    uint32_t list_bits; /* the arguments that are lists by the schema */
    tn_status fails;    /* TN_OK: it must not */
    bool nograd;
} sample;

/* One parameter of a schema: "int", "dim", "0". */
typedef struct {
    char type[32], name[32], value[32];
} sample_parameter;

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
    } names[] = {{"f32[", TN_FLOAT32}, {"f64[", TN_FLOAT64}, {"i64[", TN_INT64},
                 {"i32[", TN_INT32},   {"u8[", TN_UINT8},    {"bool[", TN_BOOL}};
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

/* The parameters of a schema; those after the tensors only matter to arguments. */
static inline size_t sample_schema(const char *schema, sample_parameter *out, size_t limit) {
    const char *p = strchr(schema, '(') + 1, *end = strstr(schema, ") ->");
    size_t n = 0;
    while (end && p < end && n < limit) {
        const char *stop = p, *name = p, *value;
        for (int depth = 0; stop < end && (depth > 0 || *stop != ','); stop++)
            depth += (*stop == '[' || *stop == '(') - (*stop == ']' || *stop == ')');
        for (const char *c = p; c < stop; c++)
            if (*c == ' ' && c + 1 < stop) name = c + 1;
        for (value = name; value < stop && *value != '=';) value++;
        if (*name != '*') {
            snprintf(out[n].type, sizeof out[n].type, "%.*s", (int)(name - p - 1), p);
            snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)(value - name), name);
            snprintf(out[n].value, sizeof out[n].value, "%.*s", value < stop ? (int)(stop - value - 1) : 0, value + 1);
            n++;
        }
        for (p = stop + 1; p < end && *p == ' ';) p++;
    }
    return n;
}

static inline bool sample_is_list(const char *type) { return strncmp(type, "int[", 4) == 0 || strncmp(type, "SymInt[", 7) == 0; }

/* One argument from its text; false for text or a type that is not known. */
static inline bool sample_read_arg(const char *type, const char *text, tni_value *out, int64_t *list) {
    char *end;
    bool none = strcmp(text, "None") == 0;
    if (sample_is_list(type)) {
        size_t n = 1;
        bool right = true;
        if (*text == '(' || *text == '[')
            right = sample_list(text + 1, *text == '(' ? ')' : ']', list, &n) != NULL;
        else
            list[0] = strtoll(text, &end, 10), right = *text && *end == '\0';
        out->ints.v = list;
        out->ints.n = n;
        return right;
    }
    if (strncmp(type, "bool", 4) == 0) {
        out->b = *text == 'T' || *text == 't';
        return strchr("TtFf", *text) && *text;
    }
    if (strncmp(type, "ScalarType", 10) == 0) {
        out->dtype = TN_DTYPE_NONE;
        for (int d = 0; d < 32 && !none; d++)
            if (strcmp(tn_dtype_name((tn_dtype)d), text) == 0) out->dtype = (tn_dtype)d;
        tn_clear_error();
        return none || out->dtype != TN_DTYPE_NONE;
    }
    if (strncmp(type, "MemoryFormat", 12) == 0) return none;
    if (strncmp(type, "int", 3) == 0 || strncmp(type, "SymInt", 6) == 0) {
        out->i = none ? TN_NONE : strcmp(text, "Mean") == 0 ? TN_REDUCTION_MEAN : strtoll(text, &end, 10);
        return none || strcmp(text, "Mean") == 0 || (*text && *end == '\0');
    }
    out->d = strtod(text, &end);
    return (strncmp(type, "float", 5) == 0 || strncmp(type, "Scalar", 6) == 0) && *text && *end == '\0';
}

/* The tensors at the beginning of the line; false for text that is none. */
static inline bool sample_read_inputs(sample *s, const char **p, const sample_parameter *par, size_t count) {
    char token[SAMPLE_TEXT];
    for (size_t i = 0; i < count; i++) {
        if (strncmp(par[i].type, "Tensor", 6) != 0) continue;
        if (!sample_token(p, token) || s->nin == SAMPLE_INPUTS) return false;
        if (strncmp(par[i].type, "Tensor[]", 8) != 0) {
            if (!sample_read_input(token, &s->in[s->nin++])) return false;
            continue;
        }
        char inner[SAMPLE_TEXT];
        const char *q = token + 1;
        size_t length = strlen(token);
        if (*token != '(' || token[length - 1] != ')') return false;
        token[length - 1] = '\0';
        while (sample_token(&q, inner))
            if (s->nin == SAMPLE_INPUTS || !sample_read_input(inner, &s->in[s->nin++])) return false;
    }
    return true;
}

static inline bool sample_read_mark(sample *s, const char *token) {
    static const struct {
        const char *name;
        tn_status status;
    } marks[] = {{"!shape", TN_ERR_SHAPE}, {"!dtype", TN_ERR_DTYPE},     {"!index", TN_ERR_INDEX},
                 {"!value", TN_ERR_VALUE}, {"!runtime", TN_ERR_RUNTIME}, {"!not_implemented", TN_ERR_NOT_IMPLEMENTED}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strcmp(token, marks[i].name) == 0) return s->fails = marks[i].status, true;
    if (strcmp(token, "nograd") == 0) return s->nograd = true;
    return strcmp(token, "@bench") == 0;
}

/* false when the operator's schema or the line cannot be understood. */
static inline bool sample_parse(sample *s, const tni_op *op, const char *text) {
    sample_parameter par[TNI_MAX_ARG + SAMPLE_INPUTS];
    const char *given[TNI_MAX_ARG + SAMPLE_INPUTS];
    char token[TNI_MAX_ARG + SAMPLE_INPUTS][SAMPLE_TEXT];
    size_t count = op->schema ? sample_schema(op->schema, par, TNI_MAX_ARG + SAMPLE_INPUTS) : 0, next = 0, used = 0;
    const char *p = text;
    *s = (sample){.op = op, .text = text};
    if (count == 0 || !sample_read_inputs(s, &p, par, count)) return false;
    for (size_t i = 0; i < count; i++) given[i] = par[i].value;
    for (; used < count + 2 && used < TNI_MAX_ARG + SAMPLE_INPUTS && sample_token(&p, token[used]); used++) {
        char *t = token[used], *equals = strchr(t, '=');
        if (sample_read_mark(s, t)) continue;
        size_t at = 0;
        if (equals && isalpha((unsigned char)*t)) {
            *equals = '\0';
            while (at < count && strcmp(par[at].name, t) != 0) at++;
            t = equals + 1;
        } else {
            while (next < count && strncmp(par[next].type, "Tensor", 6) == 0) next++;
            at = next++;
        }
        if (at >= count) return false;
        given[at] = t;
    }
    while (*p == ' ') p++;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(par[i].type, "Tensor", 6) == 0) continue;
        if (s->narg == TNI_MAX_ARG || !sample_read_arg(par[i].type, given[i], &s->arg[s->narg], s->lists[s->narg])) return false;
        s->list_bits |= sample_is_list(par[i].type) ? 1u << s->narg : 0;
        s->narg++;
    }
    return *p == '\0';
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
    bool whole = in->dtype != TN_FLOAT32 && in->dtype != TN_FLOAT64;
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
        double value = sample_value(in, &state);
        tni_element_set((char *)x->a.data + (size_t)at * tni_array_item(&x->a), in->dtype, value, (int64_t)value, false);
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
