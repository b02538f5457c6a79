/* ops/index.c - indexing with tensors: x[i, j], x[mask], and writing there. */
#include "core/map.h"
#include "core/node.h"
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

enum { MAX_INDICES = 14, SAVED = 0x7ffe }; /* inputs 1 to 14 */

/* What the indices say: one for each dim of x, with masks as the places where they are true. */
typedef struct selection {
    const tni_array *at[TNI_MAX_DIMS]; /* int64, from 0; NULL: the whole dim */
    size_t n;                          /* dims of x */
    int64_t shape[TNI_MAX_DIMS];       /* of the indices, broadcast */
    size_t ndim;
    int64_t count;
    size_t place; /* where the indices' dims stand in the result: after so many dims of x */
    int64_t sizes[TNI_MAX_DIMS];
    size_t result_ndim;
    tni_along along;
} selection;

/* ---- the indices ---- */

static bool check_mask(const tni_array *mask, const tni_array *x, size_t dim) {
    for (int d = 0; d < mask->ndim; d++)
        TNI_CHECK(mask->sizes[d] == x->sizes[dim + (size_t)d], TN_ERR_INDEX,
                  "The shape of the mask %s at index %d does not match the shape of the indexed tensor %s at index %zu",
                  TNI_SHAPE(mask), d, TNI_SHAPE(x), dim + (size_t)d);
    return true;
}

static bool add_mask(tni_call *c, size_t i, selection *s) {
    const tni_array *x = &c->in[0]->a, *mask = &c->in[i]->a;
    TNI_TRY(check_mask(mask, x, s->n));
    if (mask->dtype == TN_UINT8)
        tni_warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.");
    tn_tensor *places = tn_nonzero(c->in[i]);
    for (int d = 0; d < mask->ndim; d++) {
        tn_tensor *column = tn_select(places, 1, d);
        if (!column) return false;
        s->at[s->n++] = &column->a;
    }
    if (mask->ndim || !places) return places != NULL;
    TNI_CHECK(false, TN_ERR_INDEX, "%s: a mask without dims is not supported as an index", tni_call_name(c));
}

static bool add_index(tni_call *c, size_t i, selection *s) {
    const tni_array *x = &c->in[0]->a, *index = c->in[i] ? &c->in[i]->a : NULL;
    size_t dims = !index ? 1 : index->dtype == TN_BOOL || index->dtype == TN_UINT8 ? index->ndim : 1;
    TNI_CHECK(s->n + dims <= x->ndim, TN_ERR_INDEX, "too many indices for tensor of dimension %d", x->ndim);
    if (!index) return s->at[s->n++] = NULL, true;
    if (index->dtype == TN_BOOL || index->dtype == TN_UINT8) return add_mask(c, i, s);
    TNI_CHECK(index->dtype == TN_INT64 || index->dtype == TN_INT32, TN_ERR_INDEX,
              "tensors used as indices must be long, int, byte or bool tensors");
    int64_t size = x->sizes[s->n];
    TNI_CHECK(size > 0 || index->numel == 0, TN_ERR_INDEX, "index is out of bounds for dimension with size 0");
    s->at[s->n] = tni_indices(c, i, (int64_t)s->n, size, true);
    return s->at[s->n++] != NULL;
}

static void shape_list(const selection *s, char *text, size_t room) {
    size_t at = 0;
    *text = '\0';
    for (size_t d = 0; d < s->n && at + 40 < room; d++)
        if (s->at[d]) at += (size_t)snprintf(text + at, room - at, "%s%s", at ? ", " : "", TNI_SHAPE(s->at[d]));
}

/* Their common shape, and where its dims stand: where the indices stood when they stood together, else in front. */
static bool broadcast_indices(selection *s) {
    size_t first = s->n, last = 0, given = 0;
    for (size_t d = 0; d < s->n; d++) {
        if (!s->at[d]) continue;
        if (first == s->n) first = d;
        last = d, given++;
        if (tni_shape_broadcast("index", s->shape, &s->ndim, s->at[d]->sizes, s->at[d]->ndim)) continue;
        if (tn_error() == TN_ERR_MEMORY) return false;
        char text[300];
        shape_list(s, text, sizeof text);
        tn_clear_error();
        return tni_fail(TN_ERR_INDEX, "shape mismatch: indexing tensors could not be broadcast together with shapes %s", text);
    }
    TNI_CHECK(s->n - given < TNI_MAX_DIMS, TN_ERR_SHAPE, "index: at most %d dimensions are supported", (int)TNI_MAX_DIMS);
    s->place = given && last - first + 1 == given ? first : 0;
    s->count = 1;
    for (size_t d = 0; d < s->ndim; d++) s->count *= s->shape[d];
    return true;
}

/* The result's sizes: the dims of x without index, with the indices' own among them. */
static bool result_sizes(const tni_array *x, selection *s) {
    size_t n = 0, kept = 0;
    for (size_t d = 0; d <= s->n; d++) {
        if (kept == s->place && n == kept)
            for (size_t i = 0; i < s->ndim && n < TNI_MAX_DIMS; i++) s->sizes[n++] = s->shape[i];
        if (d == s->n || s->at[d]) continue;
        TNI_CHECK(n < TNI_MAX_DIMS, TN_ERR_SHAPE, "index: at most %d dimensions are supported", (int)TNI_MAX_DIMS);
        s->sizes[n++] = x->sizes[d];
        kept++;
    }
    s->result_ndim = n;
    return true;
}

static void add_offsets(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {
    for (int64_t i = 0; i < n; i++) *(int64_t *)(p[0] + i * s[0]) += *(const int64_t *)(p[1] + i * s[1]) * arg->i;
}

/* For each place of the indices, how far it is from x's first element. */
static tn_tensor *offsets(tni_call *c, const tni_array *x, const selection *s) {
    tn_tensor *sum = tni_give(c->t, tni_tensor_zeros(c->t, "index", TN_INT64, s->shape, s->ndim));
    for (size_t d = 0; sum && d < s->n; d++) {
        tni_value stride = {.i = x->strides[d]};
        if (s->at[d] && !tni_map_arrays(add_offsets, (const tni_array *const[]){&sum->a, s->at[d]}, 2, &stride)) return NULL;
    }
    return sum;
}

/* Indices of the CPU may stand beside a tensor without memory, and a value of no dims. */
static bool check_devices(const tni_call *c, size_t count) {
    const int8_t own = c->in[0]->a.device;
    for (size_t i = 1; i < c->nin; i++) {
        const tni_array *a = c->in[i] ? &c->in[i]->a : NULL;
        TNI_CHECK(!a || a->device == own || (a->device == TNI_CPU && (i <= count || a->ndim == 0)), TN_ERR_RUNTIME,
                  "Tensor on device %s is not on the expected device %s!", tni_device_name(a->device), tni_device_name(own));
    }
    return true;
}

/* Reads inputs 1 .. count as indices of x, which has the shape of in[0]. */
static bool select_places(tni_call *c, size_t count, selection *s) {
    const tni_array *x = &c->in[0]->a;
    s->n = s->ndim = 0;
    TNI_CHECK(count > 0, TN_ERR_INDEX, "at least one index must be provided");
    TNI_REQUIRE(c, count <= MAX_INDICES, TN_ERR_VALUE, "%zu indices; at most %d are possible", count, (int)MAX_INDICES);
    TNI_TRY(check_devices(c, count));
    for (size_t i = 1; i <= count; i++) TNI_TRY(add_index(c, i, s));
    while (s->n < x->ndim) s->at[s->n++] = NULL;
    return broadcast_indices(s) && result_sizes(x, s);
}

/* The walk over whole (x's shape) and part (the result's); with `one` the part is a single element. */
static bool walk(tni_call *c, selection *s, const tni_array *whole, const tni_array *part, bool one, tni_along_what what) {
    tn_tensor *index = offsets(c, whole, s);
    if (!index) return false;
    tni_along *a = &s->along;
    a->ndim = a->dim = 0;
    size_t kept = 0;
    for (size_t d = 0; d <= s->n; d++) {
        if (kept == s->place && a->ndim == kept) {
            a->dim = a->ndim;
            a->sizes[a->ndim] = s->count, a->whole_strides[a->ndim++] = 1;
        }
        if (d == s->n || s->at[d]) continue;
        a->sizes[a->ndim] = whole->sizes[d], a->whole_strides[a->ndim++] = whole->strides[d];
        kept++;
    }
    int64_t step = 1;
    for (size_t d = a->ndim; d-- > 0; step *= a->sizes[d]) {
        a->part_strides[d] = one ? 0 : step;
        a->index_strides[d] = d == a->dim;
    }
    a->whole = whole->data, a->part = part->data, a->index = index->a.data;
    a->dtype = (tn_dtype)whole->dtype;
    a->alpha = 1, a->count = 1;
    return tni_along_run(c, a, what);
}

/* ---- index ---- */

static bool index_run(tni_call *c) {
    selection s;
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(select_places(c, c->nin - 1, &s));
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, s.sizes, s.result_ndim));
    return walk(c, &s, x, &c->out[0]->a, false, TNI_GET_ALONG);
}

static tn_tensor *put(tni_vjp *g, tn_tensor *into, tn_tensor *values, size_t indices, bool accumulate);
static tn_tensor *get(tni_vjp *g, tn_tensor *from, size_t indices);

static bool index_vjp(tni_vjp *g) {
    TNI_DX(g, 0, put(g, tni_zeros_like_input(g, 0), g->dy[0], tni_input_count(g) - 1, true));
    return true;
}

TN_OP(index, .schema = "index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", .grad_name = "IndexBackward0", .run = index_run,
      .devices = true, .vjp = index_vjp, .save = SAVED, .optional = 0xfffffffe,
      .samples = TN_SAMPLES("f32[5,4] (i64[3]<5) @bench", "f64[3,4] (i64[2]<3 i32[2]<4)", "f32[3,4]^T (i64[2,2]<3)",
                            "f32[3,4] (bool[3,4])", "f32[3,4] (bool[3])", "f32[3,4] (u8[3]<2)", "f32[2,3,4] (i64[2,1]<2 i64[3]<3)",
                            "f32[3,4] (i64[2]=-1)", "f32[0,3] (i64[0])", "i64[4] (i64[]<4)", "bool[4] (i64[6]<4)",
                            "c64[3] (i64[2]<3) nograd", "bf16[3,2] (i64[2]<3)", "f32[3,4] (- i64[2]<4) nograd",
                            "f32[2,3,4] (i64[2]<2 - i64[2]<4) nograd", "f32[3,4] (i64[2]=3) !index",
                            "f32[3] (i64[2]<3 i64[2]<3) !index", "f32[3,4] (i64[2]<3 i64[3]<3) !index", "f32[3] (f32[2]) !index",
                            "f32[3,4] (bool[2,4]) !index", "f32[0,2] (i64[1]=0) !index"));

/* As the call path takes them; one index too many is refused there. */
static size_t gather_inputs(tn_tensor **in, tn_tensor *x, tn_tensor *const *indices, size_t n, tn_tensor *values) {
    size_t used = TNI_MIN(n, MAX_INDICES + 1u);
    in[0] = x;
    if (indices) memcpy(in + 1, indices, used * sizeof *indices);
    in[used + 1] = values;
    return used + 2;
}

/** x[i, j, ...] with tensors: torch's advanced indexing. tn_index(x, TN_TENSORS(i, j)).
 *  indices  int64 or int32, counted from the end when negative; or bool masks, which stand for as many dims as they have; NULL is a
 *           whole dim (:). They broadcast to each other; their dims take the place of the indexed ones, or come first when those do
 *           not stand together
 *  returns  a copy [scope]; TN_ERR_INDEX for an index out of range, of another dtype, too many of them or shapes that do not fit
 */
TN_API tn_tensor *tn_index(tn_tensor *x, tn_tensor *const *indices, size_t n) {
    tn_tensor *in[MAX_INDICES + 3] = {NULL};
    size_t count = gather_inputs(in, x, indices, n, NULL);
    return tni_run_op(&tni_op_index, in, count - 1, TNI_NO_ARGS);
}

/* ---- index_put ---- */

/* The values as one element, or row-major in the result's shape. */
static const tni_array *broadcast_values(tni_call *c, const selection *s) {
    tn_tensor *v = c->in[c->nin - 1];
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS] = {0};
    size_t n = s->result_ndim, lead = n - TNI_MIN(v->a.ndim, n);
    bool fits = v->a.ndim <= n;
    memcpy(sizes, s->sizes, n * sizeof *sizes);
    for (size_t d = lead; fits && d < n; d++) {
        int64_t own = v->a.sizes[d - lead];
        fits = own == sizes[d] || own == 1;
        strides[d] = own == 1 ? 0 : v->a.strides[d - lead];
    }
    if (!fits) {
        char a[160], b[160];
        tni_call_fail(c, TN_ERR_SHAPE,
                      "shape mismatch: value tensor of shape %s cannot be broadcast to indexing result of shape %s",
                      tni_shape_text(a, sizeof a, v->a.sizes, v->a.ndim), tni_shape_text(b, sizeof b, sizes, n));
        return NULL;
    }
    if (v->a.numel == 1 && (!c->inplace || v->a.storage != c->in[0]->a.storage)) return &v->a;
    tn_tensor *view = tni_give(c->t, tni_tensor_view(c->t, tni_call_name(c), v, sizes, strides, n, v->a.offset));
    tn_tensor *copy = view ? tni_give(c->t, tni_tensor_new(c->t, tni_call_name(c), (tn_dtype)v->a.dtype, sizes, n)) : NULL;
    return copy && tni_copy_array(&copy->a, &view->a) ? &copy->a : NULL;
}

static bool index_put_run(tni_call *c) {
    selection s;
    const tn_tensor *values = c->nin > 1 ? c->in[c->nin - 1] : NULL;
    TNI_REQUIRE(c, values, TN_ERR_TYPE, "argument 'values' is NULL");
    TNI_CHECK(values->a.dtype == c->in[0]->a.dtype, TN_ERR_DTYPE,
              "Index put requires the source and destination dtypes match, got %s for the destination and %s for the source.",
              tni_dtype_get((tn_dtype)c->in[0]->a.dtype)->legacy, tni_dtype_get((tn_dtype)values->a.dtype)->legacy);
    TNI_TRY(select_places(c, c->nin - 2, &s));
    const tni_array *part = broadcast_values(c, &s);
    if (!part) return false;
    TNI_TRY(tni_out_copy(c, false));
    return walk(c, &s, &c->out[0]->a, part, part->numel == 1, c->arg[0].b ? TNI_ADD_ALONG : TNI_SET_ALONG);
}

static bool index_put_vjp(tni_vjp *g) {
    size_t last = tni_input_count(g) - 1;
    if (tni_needs(g, 0)) {
        tn_tensor *zero =
            g->arg[0].b ? NULL : (tn_zeros)(NULL, 0, &(tn_opts){.size = sizeof(tn_opts), .dtype = tni_input_dtype(g, 0)});
        TNI_DX(g, 0, g->arg[0].b ? g->dy[0] : put(g, g->dy[0], zero, last - 1, false));
    }
    TNI_DX(g, last, get(g, g->dy[0], last - 1));
    return true;
}

TN_OP(index_put, .schema = "index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
      .grad_name = "IndexPutBackward0", .run = index_put_run, .widen = true, .devices = true, .vjp = index_put_vjp, .save = SAVED,
      .optional = 0xfffffffe, .inplace = true,
      .samples = TN_SAMPLES("f32[5,4] (i64[7]<5) f32[7,4] True @bench", "f64[3,4] (i64[2]<3 i32[2]<4) f64[2] True",
                            "f32[3,4]^T (i64[1,1]<3) f32[4]", "f32[3,4] (bool[3,4]) f32[]", "f32[3,4] (bool[3]) f32[4] True",
                            "f32[2,3,4] (i64[2,1]<2 i64[3]<3) f32[2,3,4] True", "f32[3,4] (- i64[2]<4) f32[3,2] True nograd",
                            "i64[4] (i64[6]<4) i64[6] True", "bool[4] (i64[2]<4) bool[2]", "f16[4] (i64[2]=-1) f16[] True",
                            "f32[0,3] (i64[0]) f32[0,3]", "f32[3,4] (i64[2]=3) f32[4] !index", "f32[3,4] (i64[2]<3) f32[3] !shape",
                            "f32[3,4] (i64[2]<3) f64[4] !dtype", "f32[3] (f32[2]) f32[2] !index"));

static tn_tensor *with_indices(tni_vjp *g, tn_tensor **in, size_t indices) {
    for (size_t i = 1; i <= indices; i++) in[i] = tni_saved(g, TNI_IN(i));
    return in[0];
}
static tn_tensor *put(tni_vjp *g, tn_tensor *into, tn_tensor *values, size_t indices, bool accumulate) {
    tn_tensor *in[MAX_INDICES + 2] = {into};
    if (!with_indices(g, in, indices) || !values) return NULL;
    in[indices + 1] = values;
    return tni_run_op(&tni_op_index_put, in, indices + 2, TNI_ARGS({.b = accumulate}));
}
static tn_tensor *get(tni_vjp *g, tn_tensor *from, size_t indices) {
    tn_tensor *in[MAX_INDICES + 1] = {from};
    return with_indices(g, in, indices) ? tni_run_op(&tni_op_index, in, indices + 1, TNI_NO_ARGS) : NULL;
}

#ifdef TN_HEADER
/* Keywords of tn_index_put. */
typedef struct tn_index_put_opts {
    size_t size;
    bool accumulate; /* false; true: the values are added, in the order of the indices */
} tn_index_put_opts;
#ifndef __cplusplus
/* tn_index_put_(x, TN_TENSORS(i, j), values, .accumulate = true) */
#define tn_index_put(x, ...) tn_index_put_list(tn_index_put, x, __VA_ARGS__, )
#define tn_index_put_(x, ...) tn_index_put_list(tn_index_put_, x, __VA_ARGS__, )
#define tn_index_put_list(function, x, list, n, values, ...)                                                                       \
    TN_WITH(tn_index_put_opts, (.accumulate = false), (function)(x, list, n, values, &tn_o), __VA_ARGS__)
#endif
#endif

/** x with values written, or added, where tn_index would read: torch.index_put.
 *  values   x's dtype; its shape broadcasts to that of tn_index(x, indices)
 *  returns  x's shape [scope]; of several values for one place the last one stays, or all are added in their order
 */
TN_API tn_tensor *(tn_index_put)(tn_tensor *x, tn_tensor *const *indices, size_t n, tn_tensor *values,
                                 const tn_index_put_opts *opts) {
    tn_tensor *in[MAX_INDICES + 3] = {NULL};
    size_t count = gather_inputs(in, x, indices, n, values);
    return tni_run_op(&tni_op_index_put, in, count, TNI_ARGS({.b = TNI_OPT(opts, accumulate, false)}));
}
/** tn_index_put in place, x[indices] = values: Tensor.index_put_. Returns x. */
TN_API tn_tensor *(tn_index_put_)(tn_tensor *x, tn_tensor *const *indices, size_t n, tn_tensor *values,
                                  const tn_index_put_opts *opts) {
    tn_tensor *in[MAX_INDICES + 3] = {NULL};
    size_t count = gather_inputs(in, x, indices, n, values);
    return tni_run_op_inplace(&tni_op_index_put, in, count, TNI_ARGS({.b = TNI_OPT(opts, accumulate, false)}));
}
