/* core/call_by_name.c - tn_call and its kin: operators by PyTorch's name, arguments bound by their schemas. */
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/op.h"
#include "core/op_help.h"
#include "core/op_list.h"
#include "core/schema.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tison/call.h>
#include <tison/ops.h>

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const rows[] = {TNI_OP_LIST(ROW)};

/* ---- the index: names in order, overloads next to each other in the order of the rows ---- */

typedef struct entry {
    char name[48]; /* the schema's base name, or that with '_' */
    const tni_op *op;
    bool inplace; /* the in-place form of a row that has both */
} entry;
enum { ENTRIES = 2 * sizeof rows / sizeof rows[0] };
static entry index_[ENTRIES];
static size_t entries;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add_entry(const tni_op *op, bool inplace) {
    size_t full, n = tni_schema_base(op->schema, &full);
    entry *e = &index_[entries++];
    snprintf(e->name, sizeof e->name, "%.*s%s", (int)n, op->schema, inplace ? "_" : "");
    e->op = op;
    e->inplace = inplace;
}

/* By name; of one name the row with fewer letters first, which is the plain overload. */
static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : strcmp(x->op->name, y->op->name);
}

static void make_index(void) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i]->schema) continue;
        add_entry(rows[i], false);
        if (rows[i]->inplace) add_entry(rows[i], true);
    }
    qsort(index_, entries, sizeof *index_, compare);
}

/* strcmp of an entry's name with the first n characters of another. */
static int compare_name(const char *entry_name, const char *name, size_t n) {
    int order = strncmp(entry_name, name, n);
    return order ? order : entry_name[n] != '\0';
}

/* The first overload of a name, "sum" or "sum.dim_IntList"; *count is their number. NULL: none. */
static const entry *find(const char *name, size_t *count) {
    pthread_once(&once, make_index);
    size_t n = strcspn(name, "."), low = 0, high = entries;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_name(index_[middle].name, name, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const entry *first = NULL;
    *count = 0;
    for (; low < entries && compare_name(index_[low].name, name, n) == 0; low++) {
        size_t full;
        tni_schema_base(index_[low].op->schema, &full);
        if (name[n] && (strlen(name) != full || memcmp(name, index_[low].op->schema, full) != 0)) continue;
        if (!first) first = &index_[low];
        ++*count;
    }
    return first;
}

size_t tn_op_names(const char **names, size_t room) {
    pthread_once(&once, make_index);
    size_t n = 0;
    for (size_t i = 0; i < entries; i++) {
        if (index_[i].op->hidden || (i > 0 && strcmp(index_[i].name, index_[i - 1].name) == 0)) continue;
        if (n < room) names[n] = index_[i].name;
        n++;
    }
    return n;
}

const char *tn_op_schema(const char *name, size_t i) {
    size_t count;
    const entry *e = name ? find(name, &count) : NULL;
    return e && i < count ? e[i].op->schema : NULL;
}

const char *const *tn_op_samples(const char *name, size_t i) {
    size_t count;
    const entry *e = name ? find(name, &count) : NULL;
    return e && i < count && !e[i].inplace ? e[i].op->samples : NULL;
}

const char *tn_help(const char *name) {
    if (!name) return NULL;
    if (strncmp(name, "tn_", 3) == 0) name += 3;
    for (size_t i = 0; i < sizeof tni_op_help / sizeof tni_op_help[0]; i++)
        if (strcmp(tni_op_help[i].name, name) == 0) return tni_op_help[i].text;
    return NULL;
}

/* ---- binding ---- */

enum { MAX_INPUTS = 64, MAX_INTS = 256 };

typedef struct binding {
    tn_tensor *in[MAX_INPUTS];
    size_t nin;
    tni_value arg[TNI_MAX_ARG];
    size_t narg;
    int64_t ints[MAX_INTS]; /* what lists point to that the caller gave as one number */
    size_t used;
} binding;

static bool is_number(const tn_arg *a) {
    return a->kind == TN_ARG_BOOL || a->kind == TN_ARG_INT || a->kind == TN_ARG_DOUBLE || a->kind == TN_ARG_COMPLEX;
}

static tn_tensor *number_tensor(const tn_arg *a) {
    switch (a->kind) {
    case TN_ARG_BOOL: return tn_number_bool(a->value.i != 0);
    case TN_ARG_INT: return tn_number_int(a->value.i);
    case TN_ARG_DOUBLE: return tn_number_double(a->value.d);
    default: return tn_number_complex(a->value.complex_[0], a->value.complex_[1]);
    }
}

/* `a` is NULL where the caller gave nothing: then the default holds. */
static bool bind_tensors(binding *b, const tni_param *p, const tn_arg *a) {
    bool none = !a || a->kind == TN_ARG_NONE || (a->kind == TN_ARG_TENSOR && !a->value.tensor);
    if (p->list) {
        if (none || a->kind != TN_ARG_TENSORS || b->nin + a->n > MAX_INPUTS) return false;
        for (size_t i = 0; i < a->n; i++) b->in[b->nin++] = a->value.tensors[i];
        return true;
    }
    if (b->nin == MAX_INPUTS || (none && !p->optional)) return false;
    if (!none && a->kind != TN_ARG_TENSOR && !is_number(a)) return false;
    tn_tensor *x = none ? NULL : a->kind == TN_ARG_TENSOR ? a->value.tensor : number_tensor(a);
    b->in[b->nin++] = x;
    return none || x;
}

/* The default's text: "[]", "1", "[0, 1]", "None". */
static bool ints_of_text(binding *b, const tni_param *p, tni_value *out) {
    const char *at = p->value, *end = p->value + p->value_length;
    out->ints.v = b->ints + b->used;
    out->ints.n = 0;
    if (at < end && *at == 'N') return true;
    while (at < end) {
        char *next;
        long long v = strtoll(at, &next, 10);
        if (next == at) {
            at++;
            continue;
        }
        if (b->used == MAX_INTS) return false;
        b->ints[b->used++] = v;
        out->ints.n++;
        at = next;
    }
    return true;
}

static bool bind_ints(binding *b, const tni_param *p, const tn_arg *a, tni_value *out) {
    if (!a || a->kind == TN_ARG_NONE) {
        if (!a && !p->value) return false;
        if (a && !p->optional) return false;
        if (a)
            out->ints.v = NULL, out->ints.n = 0;
        else if (!ints_of_text(b, p, out))
            return false;
    } else if (a->kind == TN_ARG_INTS) {
        out->ints.v = a->value.ints;
        out->ints.n = a->n;
    } else if (a->kind == TN_ARG_INT && b->used < MAX_INTS) {
        out->ints.v = b->ints + b->used;
        out->ints.n = 1;
        b->ints[b->used++] = a->value.i;
    } else {
        return false;
    }
    if (out->ints.n != 1 || p->size < 2) return true;
    if (b->used + (size_t)p->size > MAX_INTS) return false;
    int64_t value = out->ints.v[0], *repeated = b->ints + b->used;
    for (int64_t i = 0; i < p->size; i++) b->ints[b->used++] = value;
    out->ints.v = repeated;
    out->ints.n = (size_t)p->size;
    return true;
}

static bool text_is(const tni_param *p, const char *text) {
    return strlen(text) == p->value_length && memcmp(text, p->value, p->value_length) == 0;
}

static bool reduction_of(const char *text, int64_t *out) {
    static const char *const names[] = {"none", "mean", "sum"};
    for (int64_t i = 0; i < 3; i++)
        if (strcmp(names[i], text) == 0) return *out = i, true;
    return false;
}

static bool default_value(const tni_op *op, const tni_param *p, size_t place, tni_value *out) {
    if (!p->value) return false;
    double d = strtod(p->value, NULL);
    bool none = text_is(p, "None");
    switch (p->kind) {
    case TNI_PARAM_INT:
        out->i = none                 ? TN_NONE
                 : text_is(p, "Mean") ? TN_REDUCTION_MEAN
                 : text_is(p, "Sum")  ? TN_REDUCTION_SUM
                                      : strtoll(p->value, NULL, 10);
        return true;
    case TNI_PARAM_BOOL: out->b = text_is(p, "True"); return true;
    case TNI_PARAM_DTYPE: out->dtype = none ? TN_DTYPE_NONE : (tn_dtype)strtoll(p->value, NULL, 10); return true;
    case TNI_PARAM_STRING: out->p = NULL; return true; /* operators take NULL for their default word */
    case TNI_PARAM_FLOAT: out->d = none ? (double)NAN : d; return true;
    case TNI_PARAM_SCALAR:
        if (!(op->scalars >> place & 1)) return out->d = none ? (double)NAN : d, true;
        out->scalar = none                                     ? TNI_NO_SCALAR
                      : memchr(p->value, '.', p->value_length) ? tn_scalar_double(d)
                                                               : tn_scalar_int((int64_t)d);
        return true;
    default: out->p = NULL; return none;
    }
}

static bool dtype_of(const tn_arg *a, tn_dtype *out) {
    *out = TN_DTYPE_NONE;
    if (a->kind == TN_ARG_DTYPE) return *out = (tn_dtype)a->value.i, true;
    for (int d = 0; a->kind == TN_ARG_STRING && d < 32; d++)
        if (strcmp(tni_dtype_get((tn_dtype)d)->name, a->value.s) == 0) return *out = (tn_dtype)d, true;
    return false;
}

static bool bind_value(const tni_op *op, const tni_param *p, size_t place, const tn_arg *a, tni_value *out) {
    if (!a) return default_value(op, p, place, out);
    bool none = a->kind == TN_ARG_NONE, whole = a->kind == TN_ARG_INT || a->kind == TN_ARG_BOOL;
    if (none && !p->optional) return false;
    switch (p->kind) {
    case TNI_PARAM_INT:
        if (a->kind == TN_ARG_STRING && tni_param_is(p, "reduction")) return reduction_of(a->value.s, &out->i);
        out->i = none ? TN_NONE : a->value.i;
        return none || a->kind == TN_ARG_INT;
    case TNI_PARAM_BOOL: out->b = a->value.i != 0; return a->kind == TN_ARG_BOOL;
    case TNI_PARAM_DTYPE: out->dtype = TN_DTYPE_NONE; return none || dtype_of(a, &out->dtype);
    case TNI_PARAM_FLOAT:
        out->d = none ? (double)NAN : whole ? (double)a->value.i : a->value.d;
        return none || whole || a->kind == TN_ARG_DOUBLE;
    case TNI_PARAM_SCALAR:
        if (!none && !whole && a->kind != TN_ARG_DOUBLE) return false;
        if (!(op->scalars >> place & 1))
            out->d = none ? (double)NAN : whole ? (double)a->value.i : a->value.d;
        else
            out->scalar = none                       ? TNI_NO_SCALAR
                          : a->kind == TN_ARG_DOUBLE ? tn_scalar_double(a->value.d)
                          : a->kind == TN_ARG_INT    ? tn_scalar_int(a->value.i)
                                                     : tn_scalar_bool(a->value.i != 0);
        return true;
    case TNI_PARAM_STRING: out->p = none ? NULL : a->value.s; return none || a->kind == TN_ARG_STRING;
    case TNI_PARAM_GENERATOR: out->p = none ? NULL : a->value.generator; return none || a->kind == TN_ARG_GENERATOR;
    default: out->p = NULL; return none;
    }
}

/* The caller's argument for a parameter: by name, else the next one by place. */
static const tn_arg *argument_of(const tni_param *p, const tn_arg *args, size_t n, size_t *next, size_t *taken) {
    for (size_t i = 0; i < n; i++)
        if (args[i].name && tni_param_is(p, args[i].name)) return ++*taken, &args[i];
    if (p->keyword_only || *next >= n || args[*next].name) return NULL;
    ++*taken;
    return &args[(*next)++];
}

static bool bind(const tni_op *op, const tn_arg *args, size_t n, binding *b) {
    const char *at = op->schema;
    tni_param p;
    size_t next = 0, taken = 0;
    b->nin = b->narg = b->used = 0;
    while (tni_schema_next(&at, &p)) {
        const tn_arg *a = argument_of(&p, args, n, &next, &taken);
        if (p.kind == TNI_PARAM_TENSOR) {
            if (!bind_tensors(b, &p, a)) return false;
            continue;
        }
        if (b->narg == TNI_MAX_ARG) return false;
        tni_value *out = &b->arg[b->narg];
        bool right = p.list && p.kind == TNI_PARAM_INT ? bind_ints(b, &p, a, out) : bind_value(op, &p, b->narg, a, out);
        if (!right) return false;
        b->narg++;
    }
    return taken == n;
}

/* ---- what could not be bound, as torch says it ---- */

static void describe(const tn_arg *args, size_t n, char *text, size_t room) {
    static const char *const kinds[] = {
        "NoneType",    "bool",   "int",           "float",           "complex",          "str",
        "torch.dtype", "Tensor", "tuple of ints", "tuple of floats", "tuple of Tensors", "Generator"};
    size_t at = 0;
    *text = '\0';
    for (size_t i = 0; i < n && at + 80 < room; i++) {
        const char *kind = args[i].kind >= 0 && args[i].kind <= TN_ARG_GENERATOR ? kinds[args[i].kind] : "?";
        at += (size_t)snprintf(text + at, room - at, "%s%.40s%s%s", i ? ", " : "", args[i].name ? args[i].name : "",
                               args[i].name ? "=" : "", kind);
    }
}

static tn_status refuse(const char *name, const entry *e, size_t count, const tn_arg *args, size_t n) {
    char given[500], expected[900] = "";
    describe(args, n, given, sizeof given);
    for (size_t i = 0, at = 0; i < count && at < sizeof expected - 1; i++)
        at += (size_t)snprintf(expected + at, sizeof expected - at, "\n * %s", e[i].op->schema);
    tni_fail(TN_ERR_TYPE, "%s() received an invalid combination of arguments - got (%s), but expected %s:%s", name, given,
             count > 1 ? "one of" : "this", expected);
    return TN_ERR_TYPE;
}

/* ---- the call ---- */

static bool run_list(const tni_op *op, binding *b, tn_tensor **found, size_t room, size_t *k) {
    tn_tensors *list = op->list(b->in, b->nin, b->arg);
    if (!list) return false;
    TNI_CHECK(list->n <= room, TN_ERR_VALUE, "%s: %zu results, but room for %zu", op->name, list->n, room);
    for (size_t i = 0; i < list->n; i++) found[i] = (tn_tensor *)list->item[i].value;
    *k = list->n;
    return true;
}

static bool run_bound(const entry *e, binding *b, tn_tensor **found, size_t room, size_t *k) {
    const tni_op *op = e->op;
    bool is_list;
    size_t results = tni_schema_results(op->schema, &is_list), full, base = tni_schema_base(op->schema, &full);
    if (is_list) return run_list(op, b, found, room, k);
    TNI_CHECK(results <= room && results <= TNI_MAX_OUT, TN_ERR_VALUE, "%s: %zu results, but room for %zu", e->name, results, room);
    *k = results;
    bool writes = e->inplace || op->schema[base - 1] == '_';
    if (e->inplace || (writes && !op->front)) return (found[0] = tni_run_op_inplace(op, b->in, b->nin, b->arg, b->narg)) != NULL;
    if (op->front) return (found[0] = op->front(b->in, b->nin, b->arg)) != NULL;
    return tni_run_op_multi(op, b->in, b->nin, b->arg, b->narg, found, results);
}

/* out=: the result is converted and copied; a tensor of another shape takes the result's when nothing else shares its memory. */
static bool write_out(const entry *e, tn_tensor *out, tn_tensor *result) {
    TNI_TRY(tni_check_handle(e->name, "out", out, TNI_TENSOR));
    if (out == result) return true;
    if (out->requires_grad || result->requires_grad)
        return tni_fail(TN_ERR_AUTOGRAD,
                        "%s(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
                        "requires grad.",
                        e->name);
    TNI_CHECK(tni_can_cast((tn_dtype)result->a.dtype, (tn_dtype)out->a.dtype), TN_ERR_DTYPE,
              "%s: result type %s can't be cast to the desired output type %s", e->name,
              tni_dtype_get((tn_dtype)result->a.dtype)->legacy, tni_dtype_get((tn_dtype)out->a.dtype)->legacy);
    if (!tni_same_shape(&out->a, &result->a)) TNI_TRY(tni_tensor_resize(out, e->name, result->a.sizes, result->a.ndim));
    return tn_copy_(out, result) != NULL;
}

/* The results get claims of the caller's own before the inner scope ends. */
static bool hand_over(const entry *e, tn_tensor **found, size_t count, tn_tensor **results) {
    for (size_t i = 0; i < count; i++) {
        if (!results[i]) continue;
        TNI_TRY(write_out(e, results[i], found[i]));
        found[i] = results[i];
    }
    for (size_t i = 0; i < count; i++) {
        tn_keep(found[i]);
        results[i] = found[i];
    }
    return true;
}

static bool call(const char *name, const tn_arg *args, size_t n, tn_tensor **results, size_t *k) {
    size_t count, room = *k, made = 0;
    const entry *e = find(name, &count);
    TNI_CHECK(e, TN_ERR_ATTRIBUTE, "module 'torch' has no attribute '%s'", name);
    binding b;
    size_t i = 0;
    while (i < count && !tni_failed() && !bind(e[i].op, args, n, &b)) i++;
    if (tni_failed()) return false;
    if (i == count) return refuse(name, e, count, args, n) == TN_OK;
    tn_tensor *few[8], **found = few;
    if (room > TNI_COUNT(few) && !(found = tni_alloc(room * sizeof *found))) return false;
    bool right = run_bound(&e[i], &b, found, room, &made) && !tni_failed() && hand_over(&e[i], found, made, results);
    if (found != few) tni_free(found, room * sizeof *found);
    *k = right ? made : 0;
    return right;
}

tn_status tn_call(const char *name, const tn_arg *args, size_t n, tn_tensor **results, size_t *k) {
    tni_thread *t = tni_self();
    if (!t) return TN_ERR_MEMORY;
    if (tni_failed()) return tn_error();
    if (!name || (n && !args) || !k || (*k && !results)) {
        tni_fail(TN_ERR_TYPE, "call: argument '%s' is NULL", !name ? "name" : n && !args ? "args" : !k ? "k" : "results");
        return TN_ERR_TYPE;
    }
    if (!tni_inner_enter(t)) return tn_error();
    bool right = call(name, args, n, results, k);
    tni_inner_exit(t);
    return right ? TN_OK : tn_error();
}
