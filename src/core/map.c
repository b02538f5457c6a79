/* core/map.c - elementwise operators: promotion, broadcasting, strides, threads around the loops that operators bring. */
#include "core/map.h"
#include "base/error.h"
#include "base/pool.h"
#include "core/node.h"
#include "tensor/half.h"
#include <string.h>

enum { MAX_OPERANDS = 6, GRAIN = 32768 };

/* Columns of the dtypes, one more than it is; 0: none. */
static const int8_t columns[32] = {
    [TN_UINT8] = TNI_U8 + 1,  [TN_INT8] = TNI_I8 + 1,     [TN_INT16] = TNI_I16 + 1,     [TN_INT32] = TNI_I32 + 1,
    [TN_INT64] = TNI_I64 + 1, [TN_FLOAT32] = TNI_F32 + 1, [TN_FLOAT64] = TNI_F64 + 1,   [TN_COMPLEX64] = TNI_C64 + 1,
    [TN_BOOL] = TNI_BOOL + 1, [TN_FLOAT16] = TNI_F16 + 1, [TN_BFLOAT16] = TNI_BF16 + 1, [TN_COMPLEX128] = TNI_C128 + 1,
};

int tni_map_column(tn_dtype dtype) { return (int)dtype >= 0 && (int)dtype < 32 ? columns[dtype] - 1 : -1; }

tni_loop *tni_map_loop(tni_loop *const *table, tn_dtype dtype, bool *widen) {
    int column = tni_map_column(dtype);
    *widen = false;
    if (column < 0) return NULL;
    if (table[column] || (column != TNI_F16 && column != TNI_BF16)) return table[column];
    *widen = true;
    return table[TNI_F32];
}

/* ---- iteration ---- */

/* Dims that all operands walk alike are merged; the innermost is last. */
typedef struct plan {
    int ndim;
    size_t n; /* operands */
    int64_t size[TNI_MAX_DIMS];
    int64_t step[TNI_MAX_DIMS][MAX_OPERANDS]; /* bytes */
    char *base[MAX_OPERANDS];
    uint8_t half[MAX_OPERANDS]; /* 1: float16, 2: bfloat16, to be widened for the loop */
    bool widen;
    tni_loop *loop;
    const tni_value *arg;
} plan;

/* ---- float16 and bfloat16: blocks in float32 ---- */

enum { BLOCK = 256 };

static void widen_block(float *to, const char *from, int64_t step, int64_t n, int half) {
    if (half == 1)
        for (int64_t i = 0; i < n; i++) to[i] = tni_f16_to_f32(*(const uint16_t *)(const void *)(from + i * step));
    else
        for (int64_t i = 0; i < n; i++) to[i] = tni_bf16_to_f32(*(const uint16_t *)(const void *)(from + i * step));
}

static void narrow_block(char *to, int64_t step, const float *from, int64_t n, int half) {
    if (half == 1)
        for (int64_t i = 0; i < n; i++) *(uint16_t *)(void *)(to + i * step) = tni_f32_to_f16(from[i]);
    else
        for (int64_t i = 0; i < n; i++) *(uint16_t *)(void *)(to + i * step) = tni_f32_to_bf16(from[i]);
}

static void run_widened(const plan *p, char *const *at, const int64_t *step, int64_t n) {
    float block[MAX_OPERANDS][BLOCK];
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t count = TNI_MIN(n - from, BLOCK), steps[MAX_OPERANDS];
        char *here[MAX_OPERANDS];
        for (size_t k = 0; k < p->n; k++) {
            here[k] = at[k] + from * step[k], steps[k] = step[k];
            if (!p->half[k]) continue;
            if (k > 0) widen_block(block[k], here[k], step[k], step[k] ? count : 1, p->half[k]);
            here[k] = (char *)block[k], steps[k] = step[k] ? (int64_t)sizeof(float) : 0;
        }
        p->loop(here, steps, count, p->arg);
        if (p->half[0]) narrow_block(at[0] + from * step[0], step[0], block[0], count, p->half[0]);
    }
}

static void run_loop(const plan *p, char *const *at, const int64_t *step, int64_t n) {
    if (p->widen)
        run_widened(p, at, step, n);
    else
        p->loop(at, step, n, p->arg);
}

static void add_dim(plan *p, int64_t size, const int64_t *step) {
    if (size == 1) return;
    if (p->ndim > 0) {
        bool merges = true;
        for (size_t k = 0; k < p->n; k++) merges = merges && p->step[p->ndim - 1][k] == step[k] * size;
        if (merges) {
            p->size[p->ndim - 1] *= size;
            memcpy(p->step[p->ndim - 1], step, sizeof p->step[0]);
            return;
        }
    }
    p->size[p->ndim] = size;
    memcpy(p->step[p->ndim++], step, sizeof p->step[0]);
}

/* Order of the dims: the output's strides from large to small, as its memory lies. */
static void sort_dims(const tni_array *out, int *order) {
    for (int i = 0; i < out->ndim; i++) {
        int at = i;
        while (at > 0 && out->strides[order[at - 1]] < out->strides[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

static void make_plan(plan *p, tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg) {
    const tni_array *out = arrays[0];
    int order[TNI_MAX_DIMS];
    p->ndim = 0, p->n = n, p->loop = loop, p->arg = arg, p->widen = false;
    for (size_t k = 0; k < n; k++) p->base[k] = arrays[k]->data;
    if (out->contiguous)
        for (int i = 0; i < out->ndim; i++) order[i] = i;
    else
        sort_dims(out, order);
    for (int i = 0; i < out->ndim; i++) {
        int64_t step[MAX_OPERANDS] = {0};
        for (size_t k = 0; k < n; k++) {
            int d = order[i] - (out->ndim - arrays[k]->ndim);
            if (d >= 0 && arrays[k]->sizes[d] != 1) step[k] = arrays[k]->strides[d] * (int64_t)tni_array_item(arrays[k]);
        }
        add_dim(p, out->sizes[order[i]], step);
    }
    if (p->ndim == 0) {
        p->ndim = 1, p->size[0] = 1;
        for (size_t k = 0; k < n; k++) p->step[0][k] = (int64_t)tni_array_item(arrays[k]);
    }
}

/* Runs [begin, end) of the innermost dim of a plan of one dim. */
static void run_line(int64_t begin, int64_t end, void *context) {
    const plan *p = context;
    char *at[MAX_OPERANDS];
    for (size_t k = 0; k < p->n; k++) at[k] = p->base[k] + begin * p->step[0][k];
    run_loop(p, at, p->step[0], end - begin);
}

/* Runs rows [begin, end): the combinations of all dims but the innermost. */
static void run_rows(int64_t begin, int64_t end, void *context) {
    const plan *p = context;
    int inner = p->ndim - 1;
    int64_t index[TNI_MAX_DIMS] = {0}, rest = begin;
    char *at[MAX_OPERANDS];
    memcpy(at, p->base, sizeof at);
    for (int d = inner - 1; d >= 0; d--) {
        index[d] = rest % p->size[d];
        rest /= p->size[d];
        for (size_t k = 0; k < p->n; k++) at[k] += index[d] * p->step[d][k];
    }
    for (int64_t row = begin; row < end; row++) {
        run_loop(p, at, p->step[inner], p->size[inner]);
        for (int d = inner - 1; d >= 0; d--) {
            bool carry = ++index[d] == p->size[d];
            int64_t move = carry ? -(p->size[d] - 1) : 1;
            for (size_t k = 0; k < p->n; k++) at[k] += move * p->step[d][k];
            if (!carry) break;
            index[d] = 0;
        }
    }
}

static void run_plan(plan *p) {
    if (p->ndim == 1) {
        tni_parallel(p->size[0], GRAIN, run_line, p);
        return;
    }
    int64_t rows = 1, inner = p->size[p->ndim - 1];
    for (int d = 0; d < p->ndim - 1; d++) rows *= p->size[d];
    tni_parallel(rows, inner >= GRAIN ? 1 : GRAIN / inner + 1, run_rows, p);
}

bool tni_map_arrays(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg) {
    if (arrays[0]->numel == 0 || arrays[0]->device != TNI_CPU) return true;
    plan p;
    make_plan(&p, loop, arrays, n, arg);
    run_plan(&p);
    return true;
}

bool tni_map_arrays_widened(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg) {
    if (arrays[0]->numel == 0 || arrays[0]->device != TNI_CPU) return true;
    plan p;
    make_plan(&p, loop, arrays, n, arg);
    p.widen = true;
    for (size_t k = 0; k < n; k++) p.half[k] = arrays[k]->dtype == TN_FLOAT16 ? 1 : arrays[k]->dtype == TN_BFLOAT16 ? 2 : 0;
    run_plan(&p);
    return true;
}

/* ---- elementwise operators ---- */

static bool refuse_dtype(const tni_call *c, tn_dtype dtype) {
    return tni_call_fail(c, TN_ERR_NOT_IMPLEMENTED, "\"%s_cpu\" not implemented for '%s'", c->op->name,
                         tni_dtype_get(dtype)->legacy);
}

/* The dtype that is computed in. */
tn_dtype tni_map_dtype(const tni_call *c, tni_map_rule rule) {
    tn_dtype d = (tn_dtype)c->in[0]->a.dtype;
    bool mixed = c->in[0]->number;
    for (size_t i = 1; i < c->nin; i++) mixed = mixed || c->in[i]->a.dtype != (int8_t)d || c->in[i]->number;
    if (mixed) d = tni_result_type(c->in, c->nin);
    if (rule == TNI_FLOATING && tni_dtype_is_integral(d, true)) d = tn_get_default_dtype();
    return d;
}

/* A scalar input of another dtype is converted on the stack. */
typedef struct scalar_input {
    tni_array array;
    uint64_t value[2];
} scalar_input;

static const tni_array *convert_input(tni_call *c, size_t i, tn_dtype dtype, scalar_input *scalar) {
    const tni_array *a = &c->in[i]->a;
    if (a->dtype == (int8_t)dtype) return a;
    if (a->ndim > 0) {
        tn_tensor *made = NULL;
        const tni_array *cast = tni_array_as(c->t, c->op->name, c->in[i], dtype, false, &made);
        return made && !tni_give(c->t, made) ? NULL : cast;
    }
    if (a->device == TNI_CPU) tni_element_convert(scalar->value, dtype, a->data, (tn_dtype)a->dtype);
    scalar->array.data = scalar->value;
    scalar->array.numel = 1;
    scalar->array.ndim = 0;
    scalar->array.dtype = (int8_t)dtype;
    scalar->array.contiguous = true;
    return &scalar->array;
}

static bool broadcast_shape(const tni_call *c, const tni_array *const *x, int64_t *sizes, size_t *ndim) {
    *ndim = 0;
    for (size_t i = 0; i < c->nin; i++) TNI_TRY(tni_shape_broadcast(tni_call_name(c), sizes, ndim, x[i]->sizes, x[i]->ndim));
    return true;
}

/* An output of which the caller may make another one: unlike tni_out it does not end a call on the meta device. Loops pass over what has
 * no memory. */
static bool put_out(tni_call *c, tn_tensor *made) {
    c->out[0] = made;
    return made != NULL;
}

/* The output has the memory order of the first input that has its shape and is dense. */
static bool make_output(tni_call *c, const tni_array *const *x, tn_dtype dtype) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim;
    TNI_TRY(broadcast_shape(c, x, sizes, &ndim));
    for (size_t i = 0; i < c->nin; i++) {
        if (x[i]->ndim != ndim || (ndim && memcmp(x[i]->sizes, sizes, ndim * sizeof *sizes) != 0)) continue;
        if (x[i]->contiguous) break;
        if (tni_is_dense(x[i])) return put_out(c, tni_tensor_new_like(c->t, tni_call_name(c), c->in[i], dtype));
    }
    return put_out(c, tni_tensor_new(c->t, tni_call_name(c), dtype, sizes, ndim));
}

static bool check_inplace_output(const tni_call *c, const tni_array *const *x, tn_dtype result) {
    const tni_array *self = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim;
    TNI_TRY(broadcast_shape(c, x, sizes, &ndim));
    TNI_REQUIRE(c, ndim == self->ndim && memcmp(sizes, self->sizes, ndim * sizeof *sizes) == 0, TN_ERR_SHAPE,
                "output with shape %s doesn't match the broadcast shape %s", TNI_SHAPE(self),
                tni_shape_text((char[160]){0}, 160, sizes, ndim));
    TNI_REQUIRE(c, tni_can_cast(result, (tn_dtype)self->dtype), TN_ERR_DTYPE,
                "result type %s can't be cast to the desired output type %s", tni_dtype_get(result)->legacy,
                tni_dtype_get((tn_dtype)self->dtype)->legacy);
    return true;
}

static bool overlaps(const tni_array *out, const tni_array *x) {
    if (out->storage != x->storage || out->numel == 0 || x->numel == 0) return false;
    if (out->data == x->data && tni_same_shape(out, x) && memcmp(out->strides, x->strides, out->ndim * sizeof(int64_t)) == 0)
        return false;
    return true;
}

typedef bool map_arrays(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg);

/* Writes into self: through a temporary when the result has another dtype or an input lies under the output in another way. */
static bool run_inplace(tni_call *c, map_arrays *run, tni_loop *loop, const tni_array **x, tn_dtype result) {
    const tni_array *self = &c->in[0]->a;
    TNI_TRY(check_inplace_output(c, x + 1, result));
    bool direct = self->dtype == (int8_t)result;
    for (size_t i = 0; i < c->nin; i++) direct = direct && !overlaps(self, x[i + 1]);
    if (direct) {
        x[0] = self;
        return run(loop, x, c->nin + 1, c->arg);
    }
    tn_tensor *temporary = tni_tensor_new_like(c->t, c->op->name, c->in[0], result);
    if (!temporary) return false;
    x[0] = &temporary->a;
    bool right = run(loop, x, c->nin + 1, c->arg) && tni_copy_array(self, &temporary->a);
    tni_tensor_destroy_new(c->t, temporary);
    return right;
}

/* All inputs row-major and of one shape (or 0-d): no plan is needed. */
static bool run_simple(tni_call *c, tni_loop *loop, const tni_array *const *x, tn_dtype dtype, bool *done) {
    const tni_array *first = x[0];
    for (size_t i = 0; i < c->nin; i++) {
        if (!x[i]->contiguous) return true;
        if (first->ndim == 0)
            first = x[i];
        else if (x[i]->ndim != 0 && !tni_same_shape(first, x[i]))
            return true;
    }
    TNI_TRY(put_out(c, tni_tensor_new(c->t, tni_call_name(c), dtype, first->sizes, first->ndim)));
    const tni_array *y = &c->out[0]->a;
    *done = true;
    if (y->numel > GRAIN || y->device != TNI_CPU) {
        *done = false;
        return true;
    }
    char *p[MAX_OPERANDS] = {y->data};
    int64_t s[MAX_OPERANDS] = {(int64_t)tni_array_item(y)};
    for (size_t i = 0; i < c->nin; i++) {
        p[i + 1] = x[i]->data;
        s[i + 1] = x[i]->ndim == 0 && y->numel != 1 ? 0 : (int64_t)tni_array_item(x[i]);
    }
    loop(p, s, y->numel, c->arg);
    return true;
}

bool tni_run_map(tni_call *c) { return tni_run_map_with(c, c->op->map); }

static tn_dtype result_dtype(tni_map_rule rule, tn_dtype dtype) {
    if (rule == TNI_TO_BOOL) return TN_BOOL;
    return rule == TNI_TO_REAL ? tni_dtype_real(dtype) : rule == TNI_TO_COMPLEX ? tni_dtype_complex(dtype) : dtype;
}

bool tni_run_map_in(tni_call *c, const tni_map *map, tn_dtype dtype) {
    bool widen;
    tni_loop *loop = tni_map_loop(map->loop, dtype, &widen);
    if (!loop) return refuse_dtype(c, dtype);
    tn_dtype result = result_dtype(map->rule, dtype), scalar_dtype = widen && map->exact_scalars ? TN_FLOAT32 : dtype;
    map_arrays *run = widen ? tni_map_arrays_widened : tni_map_arrays;
    scalar_input scalars[MAX_OPERANDS];
    const tni_array *x[MAX_OPERANDS + 1];
    for (size_t i = 0; i < c->nin; i++)
        if (!(x[i + 1] = convert_input(c, i, c->in[i]->a.ndim ? dtype : scalar_dtype, &scalars[i]))) return false;
    if (c->inplace) return run_inplace(c, run, loop, x, result);
    bool done = false;
    if (!widen) TNI_TRY(run_simple(c, loop, x + 1, result, &done));
    if (done) return true;
    if (!c->out[0]) TNI_TRY(make_output(c, x + 1, result));
    x[0] = &c->out[0]->a;
    return run(loop, x, c->nin + 1, c->arg);
}

/* The loop for one or two row-major inputs of one dtype and shape, small, out of place: most calls. NULL: the long way. */
static tni_loop *simplest_loop(const tni_call *c, const tni_map *map) {
    const tni_array *x = &c->in[0]->a, *y = &c->in[c->nin - 1]->a;
    if (c->inplace || c->device != TNI_CPU || c->nin > 2 || !x->contiguous || x->numel > GRAIN || c->in[0]->number) return NULL;
    if (y != x && (y->dtype != x->dtype || !y->contiguous || c->in[1]->number || !tni_same_shape(x, y))) return NULL;
    if (map->rule == TNI_FLOATING && !tni_dtype_has_grad((tn_dtype)x->dtype)) return NULL;
    int column = tni_map_column((tn_dtype)x->dtype);
    return column < 0 ? NULL : map->loop[column];
}

static bool run_simplest(tni_call *c, tni_loop *loop, tn_dtype result) {
    const tni_array *x = &c->in[0]->a;
    tn_tensor *out = tni_tensor_new_same(c->t, result, x);
    if (!out) return false;
    c->out[0] = out;
    int64_t item = (int64_t)tni_array_item(x);
    char *p[3] = {out->a.data, x->data, c->in[c->nin - 1]->a.data};
    loop(p, (const int64_t[]){(int64_t)tni_array_item(&out->a), item, item}, x->numel, c->arg);
    return true;
}

bool tni_run_map_with(tni_call *c, const tni_map *map) {
    tni_loop *simplest = simplest_loop(c, map);
    if (TNI_LIKELY(simplest != NULL)) return run_simplest(c, simplest, result_dtype(map->rule, (tn_dtype)c->in[0]->a.dtype));
    return tni_run_map_in(c, map, tni_map_dtype(c, map->rule));
}
