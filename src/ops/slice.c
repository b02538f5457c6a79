/* ops/slice.c - views of parts: select, slice, narrow, as_strided, and the operators that put their gradients back. */
#include "core/node.h"
#include "core/op.h"
#include <string.h>
#include <tison/ops.h>

/* ---- a part of one dim ---- */

/* The part begin, begin + step, ... of `count` elements; with drop the dim goes (count is 1). */
typedef struct part {
    int64_t dim, begin, step, count;
    bool drop;
} part;

static size_t part_geometry(const tni_array *x, const part *p, int64_t *sizes, int64_t *strides, int64_t *offset) {
    size_t n = 0;
    for (int i = 0; i < x->ndim; i++) {
        bool here = i == p->dim;
        if (here && p->drop) continue;
        sizes[n] = here ? p->count : x->sizes[i];
        strides[n++] = here ? x->strides[i] * p->step : x->strides[i];
    }
    *offset = x->offset + p->begin * x->strides[p->dim];
    return n;
}

static bool out_part(tni_call *c, const part *p) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], offset;
    size_t n = part_geometry(&c->in[0]->a, p, sizes, strides, &offset);
    return tni_out_view(c, sizes, strides, n, offset);
}

/* Zeros of the given shape with in[0] written into the part. */
static bool scatter_part(tni_call *c, const int64_t *shape, size_t ndim, const part *p) {
    TNI_TRY(tni_out_zeros(c, 0, (tn_dtype)c->in[0]->a.dtype, shape, ndim));
    const tni_array *y = &c->out[0]->a;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], offset;
    size_t n = part_geometry(y, p, sizes, strides, &offset);
    tni_array to = {0};
    bool right = tni_array_view(&to, c->op->name, y->storage, (tn_dtype)y->dtype, sizes, strides, n, offset);
    TNI_REQUIRE(c, !right || tni_same_shape(&to, &c->in[0]->a) || (tni_array_clear(&to), false), TN_ERR_SHAPE,
                "the gradient has the wrong shape");
    right = right && tni_copy_array(&to, &c->in[0]->a);
    tni_array_clear(&to);
    return right;
}

/* ---- select ---- */

static bool select_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_REQUIRE(c, x->ndim > 0, TN_ERR_INDEX, "select() cannot be applied to a 0-dim tensor.");
    TNI_TRY(tni_wrap_dim("select", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i, index = c->arg[1].i, size = x->sizes[dim];
    TNI_REQUIRE(c, index >= -size && index < size, TN_ERR_INDEX, "index %lld is out of bounds for dimension %lld with size %lld",
                (long long)index, (long long)dim, (long long)size);
    if (index < 0) c->arg[1].i = index += size;
    return out_part(c, &(part){dim, index, 1, 1, true});
}

static bool select_backward_run(tni_call *c) {
    return scatter_part(c, c->arg[0].ints.v, c->arg[0].ints.n, &(part){c->arg[1].i, c->arg[2].i, 1, 1, true});
}
static bool select_backward_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_select(g->dy[0], g->arg[1].i, g->arg[2].i));
    return true;
}
TN_OP(select_backward, .schema = "select_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt index) -> Tensor",
      .grad_name = "SelectBackwardBackward0", .run = select_backward_run, .hidden = true, .vjp = select_backward_vjp, .ints = 1);

static bool select_vjp(tni_vjp *g) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, 0, &n);
    TNI_DX(g, 0, tni_run_op(&tni_op_select_backward, TNI_INS(g->dy[0]), TNI_ARGS({.ints = {sizes, n}}, g->arg[0], g->arg[1])));
    return true;
}
TN_OP(select, .schema = "select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)", .grad_name = "SelectBackward0",
      .run = select_run, .vjp = select_vjp, .view = true,
      .samples = TN_SAMPLES("f32[3,4] 0 1", "f32[3,4] 1 -1", "f64[2,3,4] 1 0", "f32[3] 0 2", "f32[3] 0 3 !index",
                            "f32[] 0 0 !index", "f32[3] 1 0 !index"));

/** x[index] along a dim, which goes: torch.select. A view. A bad dim or index is TN_ERR_INDEX. [scope] */
TN_API tn_tensor *tn_select(tn_tensor *x, int64_t dim, int64_t index) {
    return tni_run_op(&tni_op_select, TNI_INS(x), TNI_ARGS({.i = dim}, {.i = index}));
}

/* ---- slice, narrow ---- */

static int64_t clamp_bound(int64_t at, int64_t absent, int64_t size) {
    if (at == TN_NONE) return absent;
    if (at < 0) at += size;
    return at < 0 ? 0 : TNI_MIN(at, size);
}

static int64_t slice_count(int64_t start, int64_t end, int64_t step) { return end <= start ? 0 : (end - start - 1) / step + 1; }

static bool slice_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_REQUIRE(c, x->ndim > 0, TN_ERR_INDEX, "slice() cannot be applied to a 0-dim tensor.");
    TNI_TRY(tni_wrap_dim("slice", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i, size = x->sizes[dim], step = c->arg[3].i;
    TNI_REQUIRE(c, step > 0, TN_ERR_VALUE, "step must be greater than zero");
    int64_t start = clamp_bound(c->arg[1].i, 0, size), end = TNI_MAX(clamp_bound(c->arg[2].i, size, size), start);
    int64_t count = slice_count(start, end, step);
    if (count <= 1) step = 1; /* the stride stays in range, whatever step was given */
    c->arg[1].i = start, c->arg[2].i = end, c->arg[3].i = step;
    if (count == 1) c->arg[2].i = start + 1;
    return out_part(c, &(part){dim, start, step, count, false});
}

static bool slice_backward_run(tni_call *c) {
    int64_t start = c->arg[2].i, end = c->arg[3].i, step = c->arg[4].i;
    part p = {c->arg[1].i, start, step, slice_count(start, end, step), false};
    return scatter_part(c, c->arg[0].ints.v, c->arg[0].ints.n, &p);
}
static bool slice_backward_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_slice(g->dy[0], g->arg[1].i, g->arg[2].i, g->arg[3].i, g->arg[4].i));
    return true;
}
TN_OP(slice_backward,
      .schema = "slice_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt start, SymInt end, "
                "SymInt step) -> Tensor",
      .grad_name = "SliceBackwardBackward0", .run = slice_backward_run, .hidden = true, .vjp = slice_backward_vjp, .ints = 1);

static bool unslice(tni_vjp *g, int64_t dim, int64_t start, int64_t end, int64_t step) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, 0, &n);
    TNI_DX(g, 0,
           tni_run_op(&tni_op_slice_backward, TNI_INS(g->dy[0]),
                      TNI_ARGS({.ints = {sizes, n}}, {.i = dim}, {.i = start}, {.i = end}, {.i = step})));
    return true;
}
static bool slice_vjp(tni_vjp *g) { return unslice(g, g->arg[0].i, g->arg[1].i, g->arg[2].i, g->arg[3].i); }
TN_OP(slice, .schema = "slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)",
      .grad_name = "SliceBackward0", .run = slice_run, .vjp = slice_vjp, .view = true,
      .samples = TN_SAMPLES("f32[5,3] 0 1 4 1", "f32[5,3] 0 0 5 2", "f32[3,6] -1 -4 -1 1", "f32[4] 0 2 1 1", "f32[4] 0 -9 9 3",
                            "f32[4] 0 0 4 0 !value", "f32[] 0 0 1 1 !index"));

/** x[start:end:step] along a dim, with Python's rules for negative and large bounds; TN_NONE leaves a bound out. A view.
 *  A step below 1 is TN_ERR_VALUE. [scope] */
TN_API tn_tensor *tn_slice(tn_tensor *x, int64_t dim, int64_t start, int64_t end, int64_t step) {
    return tni_run_op(&tni_op_slice, TNI_INS(x), TNI_ARGS({.i = dim}, {.i = start}, {.i = end}, {.i = step}));
}

static bool narrow_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t start = c->arg[1].i, length = c->arg[2].i;
    TNI_REQUIRE(c, x->ndim > 0, TN_ERR_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    TNI_REQUIRE(c, length >= 0, TN_ERR_RUNTIME, "narrow(): length must be non-negative.");
    TNI_TRY(tni_wrap_dim("narrow", &c->arg[0].i, x->ndim));
    int64_t size = x->sizes[c->arg[0].i];
    TNI_REQUIRE(c, start >= -size && start <= size, TN_ERR_INDEX,
                "start out of range (expected to be in range of [%lld, %lld], but got %lld)", (long long)-size, (long long)size,
                (long long)start);
    if (start < 0) start += size;
    TNI_REQUIRE(c, length <= size - start, TN_ERR_RUNTIME, "start (%lld) + length (%lld) exceeds dimension size (%lld).",
                (long long)start, (long long)length, (long long)size);
    c->arg[1].i = start;
    return out_part(c, &(part){c->arg[0].i, start, 1, length, false});
}
static bool narrow_vjp(tni_vjp *g) { return unslice(g, g->arg[0].i, g->arg[1].i, g->arg[1].i + g->arg[2].i, 1); }
TN_OP(narrow, .schema = "narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)", .grad_name = "SliceBackward0",
      .run = narrow_run, .vjp = narrow_vjp, .view = true,
      .samples = TN_SAMPLES("f32[5,3] 0 1 3", "f32[3,6] -1 -4 2", "f32[4] 0 4 0", "f32[4] 0 2 3 !runtime", "f32[4] 0 5 1 !index",
                            "f32[] 0 0 1 !runtime"));

/** The `length` elements from `start` along a dim: torch.narrow. A view. [scope] */
TN_API tn_tensor *tn_narrow(tn_tensor *x, int64_t dim, int64_t start, int64_t length) {
    return tni_run_op(&tni_op_narrow, TNI_INS(x), TNI_ARGS({.i = dim}, {.i = start}, {.i = length}));
}

/* ---- as_strided ---- */

/* One past the last element that the geometry reaches; 0 when it is empty. */
static int64_t reach(const int64_t *sizes, const int64_t *strides, size_t n) {
    int64_t last = 1;
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] == 0) return 0;
        last += (sizes[i] - 1) * strides[i];
    }
    return last;
}

/* May two indices be one element? Each dim, by growing stride, must step over all that the smaller ones reach. */
static bool may_overlap(const int64_t *sizes, const int64_t *strides, size_t n) {
    bool done[TNI_MAX_DIMS] = {false};
    int64_t last = 0;
    for (size_t round = 0; round < n; round++) {
        size_t next = n;
        for (size_t i = 0; i < n; i++)
            if (!done[i] && sizes[i] > 1 && (next == n || strides[i] < strides[next])) next = i;
        if (next == n) break;
        if (strides[next] <= last) return true;
        last += (sizes[next] - 1) * strides[next];
        done[next] = true;
    }
    return false;
}

static bool as_strided_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    size_t n = c->arg[0].ints.n;
    TNI_REQUIRE(c, n == c->arg[1].ints.n, TN_ERR_RUNTIME, "mismatch in length of strides and shape");
    int64_t offset;
    TNI_REQUIRE(c, TNI_ADD(x->offset, c->arg[2].i, &offset), TN_ERR_RUNTIME, "the storage offset overflows");
    if (c->narg > 3) c->arg[3].ints.v = x->strides, c->arg[3].ints.n = x->ndim;
    return tni_out_view(c, c->arg[0].ints.v, c->arg[1].ints.v, n, offset);
}

static void add_at(const tni_array *y, int64_t to, const tni_array *x, int64_t from) {
    if (x->dtype == TN_FLOAT32)
        ((float *)y->data)[to] += ((const float *)x->data)[from];
    else
        ((double *)y->data)[to] += ((const double *)x->data)[from];
}

/* Adds x, element by element, to where the strides lead in the row-major y. */
static void accumulate(const tni_array *y, const int64_t *strides, int64_t offset, const tni_array *x) {
    int64_t index[TNI_MAX_DIMS] = {0}, to = offset, from = 0;
    for (int64_t left = x->numel; left > 0; left--) {
        add_at(y, to, x, from);
        for (int d = x->ndim - 1; d >= 0; d--) {
            to += strides[d], from += x->strides[d];
            if (++index[d] < x->sizes[d]) break;
            to -= strides[d] * x->sizes[d], from -= x->strides[d] * x->sizes[d];
            index[d] = 0;
        }
    }
}

/* Zeros of a shape, row-major, plus in[0] at a geometry of its elements. */
static bool as_strided_backward_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    const int64_t *strides = c->arg[2].ints.v;
    TNI_TRY(tni_out_zeros(c, 0, (tn_dtype)x->dtype, c->arg[0].ints.v, c->arg[0].ints.n));
    const tni_array *y = &c->out[0]->a;
    tni_array to = {0}; /* also checks the geometry */
    TNI_TRY(tni_array_view(&to, "as_strided", y->storage, (tn_dtype)y->dtype, c->arg[1].ints.v, strides, c->arg[1].ints.n,
                           c->arg[3].i));
    bool right = tni_same_shape(&to, x) || tni_call_fail(c, TN_ERR_SHAPE, "the gradient has the wrong shape");
    if (right && may_overlap(to.sizes, strides, to.ndim))
        accumulate(y, strides, c->arg[3].i, x);
    else
        right = right && tni_copy_array(&to, x);
    tni_array_clear(&to);
    return right;
}
static bool as_strided_backward_vjp(tni_vjp *g) {
    tn_tensor *whole = tn_contiguous(g->dy[0]);
    TNI_DX(g, 0,
           whole ? (tn_as_strided)(whole, g->arg[1].ints.v, g->arg[1].ints.n, g->arg[2].ints.v, g->arg[2].ints.n, g->arg[3].i)
                 : NULL);
    return true;
}
TN_OP(as_strided_backward,
      .schema = "as_strided_backward(Tensor grad_output, int[] shape, int[] size, int[] stride, int offset) -> Tensor",
      .grad_name = "AsStridedBackwardBackward0", .run = as_strided_backward_run, .hidden = true, .widen = true,
      .vjp = as_strided_backward_vjp, .ints = 7);

static tn_tensor *put_back(tn_tensor *dy, const int64_t *shape, size_t ndim, const int64_t *sizes, const int64_t *strides, size_t n,
                           int64_t offset) {
    return tni_run_op(&tni_op_as_strided_backward, TNI_INS(dy),
                      TNI_ARGS({.ints = {shape, ndim}}, {.ints = {sizes, n}}, {.ints = {strides, n}}, {.i = offset}));
}

/* The gradient of the memory under input and output, as a line; then the input's elements are read off it. Where several of them
 * are one element of the memory, each gets its share. */
static tn_tensor *spread(tni_vjp *g, const int64_t *sizes, const int64_t *strides, size_t n) {
    tni_value *a = g->node->arg;
    int64_t low = TNI_MIN(a[2].i, 0), out = reach(a[0].ints.v, a[1].ints.v, a[0].ints.n);
    int64_t extent = TNI_MAX(reach(sizes, strides, n), out ? out + a[2].i : 0) - low;
    tn_tensor *line = put_back(g->dy[0], &extent, 1, a[0].ints.v, a[1].ints.v, a[0].ints.n, a[2].i - low);
    if (line && may_overlap(sizes, strides, n)) {
        tn_tensor *ones = (tn_ones)(sizes, n, &(tn_opts){.size = sizeof(tn_opts), .dtype = tni_input_dtype(g, 0)});
        tn_tensor *count = ones ? put_back(ones, &extent, 1, sizes, strides, n, -low) : NULL;
        count = count ? (tn_as_strided)(count, sizes, n, strides, n, -low) : NULL;
        return count ? tn_div((tn_as_strided)(line, sizes, n, strides, n, -low), count) : NULL;
    }
    return line ? (tn_as_strided)(line, sizes, n, strides, n, -low) : NULL;
}

static bool as_strided_vjp(tni_vjp *g) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, 0, &n), *strides;
    const tni_value *a = g->arg;
    int64_t row_major[TNI_MAX_DIMS], step = 1;
    for (size_t i = n; i-- > 0;) {
        row_major[i] = step;
        step *= TNI_MAX(sizes[i], 1);
    }
    strides = g->node->args > 3 ? a[3].ints.v : row_major; /* the core's own nodes know only their output */
    bool plain = a[2].i >= 0 && reach(a[0].ints.v, a[1].ints.v, a[0].ints.n) + a[2].i <= reach(sizes, row_major, n);
    for (size_t i = 0; i < n; i++) plain = plain && (sizes[i] < 2 || strides[i] == row_major[i]);
    TNI_DX(g, 0,
           plain ? put_back(g->dy[0], sizes, n, a[0].ints.v, a[1].ints.v, a[0].ints.n, a[2].i) : spread(g, sizes, strides, n));
    return true;
}

static tn_tensor *as_strided_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(as_strided, .schema = "as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)",
      .grad_name = "AsStridedBackward0", .run = as_strided_run, .front = as_strided_front, .vjp = as_strided_vjp, .ints = 11,
      .view = true,
      .samples = TN_SAMPLES("f32[3,4] (2,2) (4,1) 1", "f32[6] (3,3) (1,1) 0", "f32[4] (2,4) (0,1) 0", "f32[4] () () 3",
                            "f32[4] (5) (1) 0 !shape", "f32[4] (2) (-1) 3 !runtime", "f32[4] (2,2) (1) 0 !runtime"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_as_strided(x, shape, strides, offset) (tn_as_strided)(x, TN_DIMS(shape), TN_DIMS(strides), offset)
#endif
#endif

/** A view by sizes and strides: torch.as_strided, but the offset, in elements, counts from x's first element and not from the
 *  storage's. What leaves the storage is TN_ERR_SHAPE. Views that overlap themselves are allowed; gradients add up. [scope] */
TN_API tn_tensor *(tn_as_strided)(tn_tensor *x, const int64_t *sizes, size_t ndim, const int64_t *strides, size_t stride_count,
                                  int64_t offset) {
    return tni_run_op(&tni_op_as_strided, TNI_INS(x),
                      TNI_ARGS({.ints = {sizes, ndim}}, {.ints = {strides, stride_count}}, {.i = offset}, {.i = 0}));
}

static tn_tensor *as_strided_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    int64_t offset = arg[2].i == TN_NONE ? 0 : arg[2].i;
    return (tn_as_strided)(in[0], arg[0].ints.v, arg[0].ints.n, arg[1].ints.v, arg[1].ints.n, offset);
}
