/* ops/masked.c - elements chosen by a mask or by being non-zero: masked_select, masked_scatter, nonzero. */
#include "core/map.h"
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

/* ---- the places of a mask ---- */

/* The number of bytes that are not 0. */
static int64_t count_set(const uint8_t *mask, int64_t n) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) count += mask[i] != 0;
    return count;
}

/* x and the mask broadcast to one shape, row-major, as long as the call lasts; x in *values. NULL with an error. */
static const uint8_t *broadcast_mask(tni_call *c, tn_tensor *x, tn_tensor *mask, const tni_array **values, int64_t *numel) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t n = x->a.ndim;
    memcpy(sizes, x->a.sizes, n * sizeof *sizes);
    if (!tni_shape_broadcast(tni_call_name(c), sizes, &n, mask->a.sizes, mask->a.ndim)) return NULL;
    tn_tensor *whole[2] = {x, mask};
    for (int i = 0; i < 2; i++) {
        const tni_array *a = &whole[i]->a;
        if (a->contiguous && a->ndim == n && memcmp(a->sizes, sizes, n * sizeof *sizes) == 0) continue;
        int64_t strides[TNI_MAX_DIMS] = {0};
        size_t lead = n - a->ndim;
        for (size_t d = lead; d < n; d++) strides[d] = a->sizes[d - lead] == 1 ? 0 : a->strides[d - lead];
        tn_tensor *view = tni_give(c->t, tni_tensor_view(c->t, tni_call_name(c), whole[i], sizes, strides, n, a->offset));
        whole[i] = view ? tni_give(c->t, tni_tensor_new(c->t, tni_call_name(c), (tn_dtype)a->dtype, sizes, n)) : NULL;
        if (!whole[i] || !tni_copy_array(&whole[i]->a, &view->a)) return NULL;
    }
    *values = &whole[0]->a;
    *numel = whole[1]->a.numel;
    return whole[1]->a.data;
}

#define PICK(name, T)                                                                                                              \
    static void select_##name(const void *from, const uint8_t *mask, int64_t n, void *to) {                                        \
        T *y = to;                                                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                                            \
            if (mask[i]) *y++ = ((const T *)from)[i];                                                                              \
    }                                                                                                                              \
    static void put_##name(const void *from, const uint8_t *mask, int64_t n, void *to) {                                           \
        const T *x = from;                                                                                                         \
        for (int64_t i = 0; i < n; i++)                                                                                            \
            if (mask[i]) ((T *)to)[i] = *x++;                                                                                      \
    }
TNI_EACH_SIZE(PICK, element)

/* ---- masked_select ---- */

static bool masked_select_run(tni_call *c) {
    const tni_array *x;
    int64_t n, count;
    if (c->in[1]->a.dtype != TN_BOOL) return tni_fail(TN_ERR_DTYPE, "masked_select: expected BoolTensor for mask");
    const uint8_t *mask = broadcast_mask(c, c->in[0], c->in[1], &x, &n);
    if (!mask && tni_failed()) return false;
    count = count_set(mask, n);
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, &count, 1));
    TNI_BY_SIZE(tni_array_item(x), select_element)(x->data, mask, n, c->out[0]->a.data);
    return true;
}

/* Where self was broadcast, the core sums. */
static bool masked_select_vjp(tni_vjp *g) {
    tn_tensor *mask = tni_saved(g, TNI_IN(1)), *zeros = tni_zeros_like_input(g, 0);
    if (!mask || !zeros) return false;
    int64_t sizes[TNI_MAX_DIMS];
    size_t n = zeros->a.ndim;
    memcpy(sizes, zeros->a.sizes, n * sizeof *sizes);
    TNI_TRY(tni_shape_broadcast("masked_select", sizes, &n, mask->a.sizes, mask->a.ndim));
    TNI_DX(g, 0, tn_masked_scatter((tn_expand)(zeros, sizes, n), mask, g->dy[0]));
    return true;
}

TN_OP(masked_select, .schema = "masked_select(Tensor self, Tensor mask) -> Tensor", .grad_name = "MaskedSelectBackward0",
      .run = masked_select_run, .vjp = masked_select_vjp, .save = TNI_IN(1), .by_value = true,
      .samples = TN_SAMPLES("f32[3,4] bool[3,4] @bench", "f64[4] bool[3,4]", "f32[3,4]^T bool[4]", "f32[] bool[]=1",
                            "f32[0,2] bool[0,2]", "i64[5] bool[5]", "bool[5] bool[5]", "c64[4] bool[4] nograd",
                            "f16[2,3] bool[2,1]", "f32[3] i64[3] !dtype", "f32[3,4] bool[3,2] !shape"));

/** The elements of x, as a vector, where the mask is true: torch.masked_select.
 *  mask     bool (TN_ERR_DTYPE), broadcast with x
 *  returns  1-d, in row-major order [scope]
 */
TN_API tn_tensor *tn_masked_select(tn_tensor *x, tn_tensor *mask) {
    return tni_run_op(&tni_op_masked_select, TNI_INS(x, mask), TNI_NO_ARGS);
}

/* ---- masked_scatter ---- */

static bool check_source(const tni_call *c, const tni_array *src, int64_t needed) {
    TNI_REQUIRE(c, src->numel >= needed, TN_ERR_SHAPE, "Number of elements of source < number of ones in mask");
    return true;
}

static bool masked_scatter_run(tni_call *c) {
    const tn_tensor *self = c->in[0];
    const tni_array *x, *src;
    int64_t n;
    if (self->a.dtype != c->in[2]->a.dtype)
        return tni_fail(TN_ERR_DTYPE, "masked_scatter: expected self and source to have same dtypes but got%s and %s",
                        tni_dtype_get((tn_dtype)self->a.dtype)->legacy, tni_dtype_get((tn_dtype)c->in[2]->a.dtype)->legacy);
    if (c->in[1]->a.dtype != TN_BOOL)
        return tni_fail(TN_ERR_DTYPE, "masked_scatter_ only supports boolean masks, but got mask with dtype %s",
                        tni_dtype_get((tn_dtype)c->in[1]->a.dtype)->legacy);
    const uint8_t *mask = broadcast_mask(c, c->in[0], c->in[1], &x, &n);
    if (!mask && tni_failed()) return false;
    TNI_REQUIRE(c, !c->inplace || tni_same_shape(x, &self->a), TN_ERR_SHAPE,
                "output with shape %s doesn't match the broadcast shape %s", TNI_SHAPE(&self->a), TNI_SHAPE(x));
    if (!(src = tni_in_as(c, 2, (tn_dtype)x->dtype)) || !check_source(c, src, c->device == TNI_CPU ? count_set(mask, n) : 0))
        return false;
    tn_tensor *y =
        tni_tensor_new(c->t, tni_call_name(c), (tn_dtype)x->dtype, x->sizes, x->ndim); /* also in place: src may be self */
    bool right = y && tni_copy_array(&y->a, x);
    if (right && c->device == TNI_CPU) TNI_BY_SIZE(tni_array_item(x), put_element)(src->data, mask, n, y->a.data);
    if (!c->inplace && right) return (c->out[0] = y) != NULL;
    right = right && tni_copy_array(&self->a, &y->a);
    tni_tensor_destroy_new(c->t, y);
    return right;
}

/* The gradient of the elements of source that were used comes first, the others have none. */
static tn_tensor *source_gradient(tni_vjp *g, tn_tensor *mask) {
    tn_tensor *used = tn_masked_select(g->dy[0], mask), *zeros = tni_zeros_like_input(g, 2);
    const int64_t all = -1;
    if (!used || !zeros) return NULL;
    tn_tensor *rest = tn_narrow((tn_reshape)(zeros, &all, 1), 0, used->a.numel, zeros->a.numel - used->a.numel);
    return rest ? (tn_reshape)((tn_cat)((tn_tensor *const[]){used, rest}, 2, NULL), zeros->a.sizes, zeros->a.ndim) : NULL;
}

static bool masked_scatter_vjp(tni_vjp *g) {
    tn_tensor *mask = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, mask ? tn_masked_fill(g->dy[0], mask, 0) : NULL);
    TNI_DX(g, 2, mask ? source_gradient(g, mask) : NULL);
    return true;
}

TN_OP(masked_scatter, .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
      .grad_name = "MaskedScatterBackward0", .run = masked_scatter_run, .vjp = masked_scatter_vjp, .save = TNI_IN(1),
      .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] bool[3,4] f32[14]", "f64[4] bool[3,4] f64[3,4]", "f32[3,4]^T bool[4] f32[12]",
                            "f32[] bool[] f32[1]", "f32[0] bool[0] f32[0]", "i64[5] bool[5] i64[5]", "f16[3] bool[3] f16[4]",
                            "f32[3] bool[3]=1 f32[2] !shape", "f32[3] i64[3] f32[3] !dtype", "f32[3] bool[3] f64[3] !dtype",
                            "f32[3,4] bool[3,2] f32[12] !shape"));

/** x with the first elements of source, one after the other, where the mask is true: torch.masked_scatter.
 *  mask     bool, broadcast with x
 *  source   x's dtype and as many elements as the mask needs, else TN_ERR_SHAPE
 *  returns  the broadcast shape [scope]
 */
TN_API tn_tensor *tn_masked_scatter(tn_tensor *x, tn_tensor *mask, tn_tensor *source) {
    return tni_run_op(&tni_op_masked_scatter, TNI_INS(x, mask, source), TNI_NO_ARGS);
}
/** tn_masked_scatter in place: Tensor.masked_scatter_. The mask broadcasts to x. Returns x. */
TN_API tn_tensor *tn_masked_scatter_(tn_tensor *x, tn_tensor *mask, tn_tensor *source) {
    return tni_run_op_inplace(&tni_op_masked_scatter, TNI_INS(x, mask, source), TNI_NO_ARGS);
}

/* ---- nonzero ---- */

TNI_TEST1(nonzero, a != 0)
TNI_COMPLEX_TEST1(nonzero, a != 0)
static const tni_map nonzero_map = TNI_MAP(TNI_TO_BOOL, TNI_TEST_COLUMNS(nonzero), TNI_COMPLEX_COLUMNS(nonzero));

/* The places of row-major `set`, one row of ndim numbers each; dims of one place after the other, as PyTorch lays them out. */
static void write_places(const tni_array *set, int64_t *y, int64_t count) {
    int64_t place[TNI_MAX_DIMS] = {0}, row = 0;
    const uint8_t *mask = set->data;
    for (int64_t i = 0; i < set->numel; i++) {
        for (int d = 0; mask[i] && d < set->ndim; d++) y[d * count + row] = place[d];
        row += mask[i] != 0;
        for (int d = set->ndim - 1; d >= 0 && ++place[d] == set->sizes[d]; d--) place[d] = 0;
    }
}

static bool nonzero_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    tn_tensor *set = tni_give(c->t, tni_tensor_new(c->t, "nonzero", TN_BOOL, x->sizes, x->ndim));
    if (!set) return false;
    bool widen;
    tni_loop *loop = tni_map_loop(nonzero_map.loop, (tn_dtype)x->dtype, &widen);
    TNI_REQUIRE(c, loop, TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'", tni_dtype_get((tn_dtype)x->dtype)->legacy);
    const tni_array *const arrays[] = {&set->a, x};
    TNI_TRY(widen ? tni_map_arrays_widened(loop, arrays, 2, NULL) : tni_map_arrays(loop, arrays, 2, NULL));
    int64_t count = count_set(set->a.data, set->a.numel), sizes[2] = {x->ndim, count};
    tn_tensor *places = tni_give(c->t, tni_tensor_new(c->t, "nonzero", TN_INT64, sizes, 2));
    if (!places) return false;
    write_places(&set->a, places->a.data, count);
    c->out[0] = tni_tensor_view(c->t, "nonzero", places, (int64_t[]){count, x->ndim}, (int64_t[]){1, count}, 2, 0);
    return c->out[0] != NULL;
}

TN_OP(nonzero, .schema = "nonzero(Tensor self) -> Tensor", .run = nonzero_run, .by_value = true,
      .samples = TN_SAMPLES("bool[3,4] @bench", "f32[3,4]", "i64[2,3,4]", "f64[3,4]^T", "f32[]", "i64[]=0", "f32[0,3]", "c64[3]",
                            "f16[4]", "u8[4]<2"));

/** The places of the elements that are not 0, one row for each in row-major order: torch.nonzero.
 *  returns  int64 [n, x's dims] [scope]
 */
TN_API tn_tensor *tn_nonzero(tn_tensor *x) { return tni_run_op(&tni_op_nonzero, TNI_INS(x), TNI_NO_ARGS); }
