/* ops/along.c - see ops/along.h. */
#include "ops/along.h"
#include "base/pool.h"
#include "core/map.h"
#include <string.h>

enum { GRAIN = 32768, STRIP = 128 };

/* Two loops, the second one inside: of the two, one goes along dim. Strides are in bytes, of the index in elements. */
typedef struct block {
    char *whole, *part;
    const int64_t *index;
    int64_t n[2], part_by[2], whole_by[2], index_by[2], step; /* step: of whole, by one of an index */
    bool rows;                                                /* the inner loop moves elements side by side */
    double alpha;
    int64_t count;
} block;
typedef void kernel(const block *b);

#define WALK(T, body)                                                                                                              \
    for (int64_t i = 0; i < b->n[0]; i++) {                                                                                        \
        const int64_t *at = b->index + i * b->index_by[0];                                                                         \
        char *part = b->part + i * b->part_by[0], *whole = b->whole + i * b->whole_by[0];                                          \
        for (int64_t j = 0; j < b->n[1]; j++) {                                                                                    \
            T *p = (T *)(part + j * b->part_by[1]);                                                                                \
            T *w = (T *)(whole + j * b->whole_by[1] + at[j * b->index_by[1]] * b->step);                                           \
            body;                                                                                                                  \
        }                                                                                                                          \
    }

#define MOVE(name, T)                                                                                                              \
    static void get_##name(const block *b) { WALK(T, *p = *w) }                                                                    \
    static void set_##name(const block *b) { WALK(T, *w = *p) }
TNI_EACH_SIZE(MOVE, element)

static void get_rows(const block *b, size_t bytes) {
    for (int64_t i = 0; i < b->n[0]; i++)
        memcpy(b->part + i * b->part_by[0], b->whole + b->index[i * b->index_by[0]] * b->step, bytes);
}
static void set_rows(const block *b, size_t bytes) {
    for (int64_t i = 0; i < b->n[0]; i++)
        memcpy(b->whole + b->index[i * b->index_by[0]] * b->step, b->part + i * b->part_by[0], bytes);
}

/* Rows that lie side by side are added by vectors. */
#define ARITHMETIC(name, T, A, factor)                                                                                             \
    static void add_##name(const block *b) {                                                                                       \
        const A alpha = (A)b->factor;                                                                                              \
        if (!b->rows) {                                                                                                            \
            WALK(T, *w = (T)(*w + alpha * *p))                                                                                     \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t i = 0; i < b->n[0]; i++) {                                                                                    \
            const T *p = (const T *)(b->part + i * b->part_by[0]);                                                                 \
            T *w = (T *)(b->whole + b->index[i * b->index_by[0]] * b->step);                                                       \
            TNI_IVDEP for (int64_t j = 0; j < b->n[1]; j++) w[j] = (T)(w[j] + alpha * p[j]);                                       \
        }                                                                                                                          \
    }                                                                                                                              \
    static void multiply_##name(const block *b) { WALK(T, *w = (T)(*w * *p)) }
ARITHMETIC(u8, uint8_t, uint8_t, count)
ARITHMETIC(i8, int8_t, int8_t, count)
ARITHMETIC(i16, int16_t, int16_t, count)
ARITHMETIC(i32, int32_t, int32_t, count)
ARITHMETIC(i64, int64_t, int64_t, count)
ARITHMETIC(f32, float, float, alpha)
ARITHMETIC(f64, double, double, alpha)
ARITHMETIC(c64, float _Complex, float, alpha)
ARITHMETIC(c128, double _Complex, double, alpha)
static void add_bool(const block *b) {
    const bool alpha = b->count != 0;
    WALK(uint8_t, *w = *w || (alpha && *p))
}
static void multiply_bool(const block *b) { WALK(uint8_t, *w = *w && *p) }

static kernel *const adders[TNI_COLUMNS] = {TNI_TEST_COLUMNS(add), TNI_COMPLEX_COLUMNS(add)};
static kernel *const multipliers[TNI_COLUMNS] = {TNI_TEST_COLUMNS(multiply), TNI_COMPLEX_COLUMNS(multiply)};

static kernel *kernel_of(tn_dtype dtype, tni_along_what what) {
    size_t item = tni_dtype_size(dtype);
    int column = tni_map_column(dtype);
    switch (what) {
    case TNI_GET_ALONG: return TNI_BY_SIZE(item, get_element);
    case TNI_SET_ALONG: return TNI_BY_SIZE(item, set_element);
    case TNI_ADD_ALONG: return column < 0 ? NULL : adders[column];
    default: return column < 0 ? NULL : multipliers[column];
    }
}

void tni_along_set(tni_along *a, const tni_array *whole, const tni_array *part, const tni_array *index, int64_t dim,
                   const int64_t *sizes, bool vector) {
    int64_t step = 1;
    a->ndim = (size_t)tni_dims(whole);
    a->dim = (size_t)dim;
    for (size_t i = a->ndim; i-- > 0;) {
        a->sizes[i] = sizes[i];
        a->whole_strides[i] = tni_stride(whole, (int64_t)i);
        a->part_strides[i] = part->ndim ? part->strides[i] : 0;
        a->index_strides[i] = vector ? (i == a->dim) : step;
        step *= sizes[i];
    }
    a->whole = whole->data, a->part = part->data, a->index = index->data;
    a->dtype = (tn_dtype)whole->dtype;
    a->alpha = 1, a->count = 1;
}

/* ---- the walk: the dims besides dim, merged where the strides allow it; the last of them and dim are a block's two loops ---- */

typedef struct plan {
    kernel *run;
    tni_along_what what;
    const tni_along *a;
    size_t outer;                    /* dims outside of the blocks */
    int64_t sizes[TNI_MAX_DIMS + 1]; /* of those, then of the last one */
    int64_t whole[TNI_MAX_DIMS + 1], part[TNI_MAX_DIMS + 1], index[TNI_MAX_DIMS + 1];
    int64_t lines, strip, strips; /* the last dim in strips ... */
    int64_t stretch, stretches;   /* ... and dim, where only the whole is read, in stretches */
    int64_t item;
} plan;

static void add_dim(plan *q, const tni_along *a, size_t i, size_t *n) {
    int64_t size = a->sizes[i], w = a->whole_strides[i], p = a->part_strides[i], x = a->index_strides[i];
    if (size == 1) return;
    if (*n && q->whole[*n - 1] == w * size && q->part[*n - 1] == p * size && q->index[*n - 1] == x * size) {
        size *= q->sizes[--*n];
    }
    q->sizes[*n] = size, q->whole[*n] = w, q->part[*n] = p, q->index[*n] = x;
    ++*n;
}

static void run_block(const plan *q, block *b, int64_t inner, int64_t along) {
    size_t dim = q->a->dim, last = q->outer;
    bool dim_inside = q->a->part_strides[dim] < q->part[last] || inner == 1;
    int k = dim_inside ? 1 : 0; /* which loop goes along dim */
    b->n[k] = along, b->n[1 - k] = inner;
    b->part_by[k] = q->a->part_strides[dim] * q->item, b->part_by[1 - k] = q->part[last] * q->item;
    b->whole_by[k] = 0, b->whole_by[1 - k] = q->whole[last] * q->item;
    b->index_by[k] = q->a->index_strides[dim], b->index_by[1 - k] = q->index[last];
    b->step = q->a->whole_strides[dim] * q->item;
    b->alpha = q->a->alpha, b->count = q->a->count;
    b->rows = k == 0 && q->index[last] == 0 && q->whole[last] == 1 && q->part[last] == 1;
    if (b->rows && q->what == TNI_GET_ALONG)
        get_rows(b, (size_t)(inner * q->item));
    else if (b->rows && q->what == TNI_SET_ALONG)
        set_rows(b, (size_t)(inner * q->item));
    else
        q->run(b);
}

static void run_blocks(int64_t begin, int64_t end, void *context) {
    const plan *q = context;
    const tni_along *a = q->a;
    for (int64_t i = begin; i < end; i++) {
        int64_t rest = i, w, p, x, stretch = rest % q->stretches, strip = (rest /= q->stretches) % q->strips;
        rest /= q->strips;
        w = strip * q->strip * q->whole[q->outer];
        p = strip * q->strip * q->part[q->outer] + stretch * q->stretch * a->part_strides[a->dim];
        x = strip * q->strip * q->index[q->outer] + stretch * q->stretch * a->index_strides[a->dim];
        for (size_t d = q->outer; d-- > 0; rest /= q->sizes[d]) {
            int64_t at = rest % q->sizes[d];
            w += at * q->whole[d], p += at * q->part[d], x += at * q->index[d];
        }
        block b = {.whole = a->whole + w * q->item, .part = a->part + p * q->item, .index = a->index + x};
        run_block(q, &b, TNI_MIN(q->strip, q->sizes[q->outer] - strip * q->strip),
                  TNI_MIN(q->stretch, a->sizes[a->dim] - stretch * q->stretch));
    }
}

bool tni_along_run(const tni_call *c, tni_along *a, tni_along_what what) {
    if (c->device != TNI_CPU) return true;
    plan q = {.run = kernel_of(a->dtype, what), .what = what, .a = a, .item = (int64_t)tni_dtype_size(a->dtype), .lines = 1};
    TNI_REQUIRE(c, q.run, TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'", tni_dtype_get(a->dtype)->legacy);
    size_t n = 0;
    for (size_t i = 0; i < a->ndim; i++) {
        if (a->sizes[i] == 0) return true;
        if (i != a->dim) add_dim(&q, a, i, &n);
    }
    if (n == 0) q.sizes[n] = 1, q.whole[n] = q.part[n] = q.index[n] = 0, n++;
    q.outer = n - 1;
    for (size_t i = 0; i < q.outer; i++) q.lines *= q.sizes[i];
    int64_t width = q.sizes[q.outer], length = a->sizes[a->dim];
    q.strip = what == TNI_GET_ALONG ? width : TNI_MIN(width, STRIP);
    q.stretch = what == TNI_GET_ALONG ? TNI_MIN(length, GRAIN / TNI_MIN(width, GRAIN)) : length;
    q.strips = (width + q.strip - 1) / q.strip, q.stretches = (length + q.stretch - 1) / q.stretch;
    tni_parallel(q.lines * q.strips * q.stretches, GRAIN / TNI_MIN(q.strip * q.stretch, GRAIN), run_blocks, &q);
    return true;
}

/* ---- inputs and outputs ---- */

const tni_array *tni_input_apart(tni_call *c, size_t i) {
    const tn_tensor *x = c->in[i];
    if (!c->inplace || x->a.storage != c->in[0]->a.storage) return &x->a;
    tn_tensor *copy = tni_give(c->t, tni_tensor_new_like(c->t, tni_call_name(c), x, (tn_dtype)x->a.dtype));
    return copy && tni_copy_array(&copy->a, &x->a) ? &copy->a : NULL;
}

const tni_array *tni_indices(tni_call *c, size_t i, int64_t dim, int64_t size, bool wrap) {
    const tni_array *x = tni_in_as(c, i, TN_INT64);
    if (!x || c->device != TNI_CPU) return x;
    const int64_t *v = x->data;
    int64_t low = 0, high = -1;
    for (int64_t k = 0; k < x->numel; k++) {
        low = TNI_MIN(low, v[k]);
        high = TNI_MAX(high, v[k]);
    }
    if (low < (wrap ? -size : 0) || high >= size) {
        int64_t k = 0;
        while (v[k] >= (wrap ? -size : 0) && v[k] < size) k++;
        if (dim < 0) return (void)tni_call_fail(c, TN_ERR_INDEX, "index out of range in self"), NULL;
        tni_call_fail(c, TN_ERR_INDEX, "index %lld is out of bounds for dimension %lld with size %lld", (long long)v[k],
                      (long long)dim, (long long)size);
        return NULL;
    }
    if (low >= 0 && (!c->inplace || x->storage != c->in[0]->a.storage)) return x;
    tn_tensor *copy = tni_give(c->t, tni_tensor_new(c->t, tni_call_name(c), TN_INT64, x->sizes, x->ndim));
    if (!copy) return NULL;
    int64_t *to = copy->a.data;
    for (int64_t k = 0; k < x->numel; k++) to[k] = v[k] < 0 ? v[k] + size : v[k];
    return &copy->a;
}

bool tni_out_copy(tni_call *c, bool row_major) {
    const tni_array *x = &c->in[0]->a;
    if (c->inplace) return true;
    if (row_major)
        TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, x->sizes, x->ndim));
    else
        TNI_TRY(tni_out_like(c, 0, c->in[0], (tn_dtype)x->dtype));
    return tni_copy_array(&c->out[0]->a, x);
}

bool tni_value_as(const tni_call *c, size_t i, tn_dtype dtype, void *bits) {
    const tn_tensor *x = c->in[i];
    const tni_array *value = &x->a;
    TNI_REQUIRE(c, value->ndim == 0, TN_ERR_SHAPE,
                "%s_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).", c->op->name, value->ndim);
    bool whole = tni_dtype_is_integral((tn_dtype)value->dtype, true);
    bool with_imaginary = tni_dtype_is_complex((tn_dtype)value->dtype);
    bool fits = !with_imaginary || tni_dtype_is_complex(dtype);
    if (fits && x->number && !with_imaginary)
        fits = tni_dtype_holds(dtype, whole ? 0 : tni_array_double_at(value, 0), whole ? tni_array_int_at(value, 0) : 0, whole);
    TNI_REQUIRE(c, fits, TN_ERR_RUNTIME, "value cannot be converted to type %s without overflow", tni_dtype_c_name(dtype));
    if (c->device == TNI_CPU) tni_element_convert(bits, dtype, value->data, (tn_dtype)value->dtype);
    return true;
}
