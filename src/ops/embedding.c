/* ops/embedding.c - rows of a table: embedding and its gradient; one_hot. */
#include "base/memory.h"
#include "base/pool.h"
#include "core/loop.h"
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

enum { STRIP = 128, GRAIN = 32768 };

/* ---- embedding ---- */

static bool check_lookup(const tni_call *c, const tni_array *index) {
    TNI_REQUIRE(c, index->dtype == TN_INT64 || index->dtype == TN_INT32, TN_ERR_DTYPE,
                "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
                "torch.%sTensor instead (while checking arguments for embedding)",
                tni_dtype_get((tn_dtype)index->dtype)->legacy);
    return true;
}

/* Arguments: padding_idx and scale_grad_by_freq, which only the gradient looks at. */
static bool embedding_run(tni_call *c) {
    const tni_array *weight = &c->in[0]->a, *index = &c->in[1]->a;
    int64_t sizes[TNI_MAX_DIMS + 1];
    TNI_REQUIRE(c, weight->ndim == 2, TN_ERR_SHAPE, "'weight' must be 2-D");
    TNI_TRY(check_lookup(c, index));
    TNI_REQUIRE(c, index->ndim < TNI_MAX_DIMS, TN_ERR_SHAPE, "at most %d dimensions are supported", (int)TNI_MAX_DIMS);
    if (!(index = tni_indices(c, 1, -1, weight->sizes[0], false))) return false;
    int64_t width = weight->sizes[1];
    memcpy(sizes, index->sizes, index->ndim * sizeof *sizes);
    sizes[index->ndim] = width;
    TNI_TRY(tni_out(c, 0, (tn_dtype)weight->dtype, sizes, index->ndim + 1u));
    tni_along a;
    tni_along_set(&a, weight, weight, index, 0, (int64_t[]){index->numel, width}, true);
    a.part = c->out[0]->a.data;
    a.part_strides[0] = width, a.part_strides[1] = 1;
    return tni_along_run(c, &a, TNI_GET_ALONG);
}

/* ---- the gradient of the table ---- */

typedef struct lookup {
    const int64_t *index;
    int64_t n, width, skip;
    const int64_t *count; /* of each row's uses, or NULL */
    const void *dy;
    void *dx;
} lookup;

/* Strips of columns are shared among threads; each adds the rows in the order of the indices. */
#define ADD_ROWS(name, T)                                                                                                          \
    TNI_INLINE void name##_body(const lookup *q, int64_t from, int64_t end) {                                                      \
        for (int64_t i = 0; i < q->n; i++) {                                                                                       \
            const int64_t row = q->index[i];                                                                                       \
            if (row == q->skip) continue;                                                                                          \
            const T scale = q->count ? (T)1 / (T)q->count[row] : (T)1;                                                             \
            T *y = (T *)q->dx + row * q->width;                                                                                    \
            const T *x = (const T *)q->dy + i * q->width;                                                                          \
            TNI_IVDEP for (int64_t j = from; j < end; j++) y[j] += x[j] * scale;                                                   \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (const lookup *q, int64_t from, int64_t end), (q, from, end))                            \
    static void name##_strips(int64_t begin, int64_t end, void *context) {                                                         \
        const lookup *q = context;                                                                                                 \
        name(q, begin *STRIP, TNI_MIN(end *STRIP, q->width));                                                                      \
    }
ADD_ROWS(add_f32, float)
ADD_ROWS(add_f64, double)

static bool embedding_backward_run(tni_call *c) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    int64_t rows = c->arg[0].i;
    const tni_array *dy = tni_in_as(c, 0, dtype), *index = dy ? tni_indices(c, 1, -1, rows, false) : NULL;
    if (!index) return false;
    TNI_REQUIRE(c, tni_dtype_is_wide(dtype), TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    TNI_REQUIRE(c, dy->ndim == index->ndim + 1, TN_ERR_SHAPE, "the gradient has the wrong shape");
    int64_t width = dy->sizes[dy->ndim - 1];
    TNI_REQUIRE(c, dy->numel == index->numel * width, TN_ERR_SHAPE, "the gradient has the wrong shape");
    TNI_TRY(tni_out_zeros(c, 0, dtype, (int64_t[]){rows, width}, 2));
    lookup q = {index->data, index->numel, width, c->arg[1].i, NULL, dy->data, c->out[0]->a.data};
    int64_t *count = NULL;
    if (c->arg[2].b && rows) {
        if (!(count = tni_alloc_zero((size_t)rows * sizeof *count))) return false;
        for (int64_t i = 0; i < q.n; i++) count[q.index[i]]++;
        q.count = count;
    }
    tni_parallel((width + STRIP - 1) / STRIP, GRAIN / (STRIP * TNI_MIN(q.n, GRAIN) + 1) + 1,
                 dtype == TN_FLOAT32 ? add_f32_strips : add_f64_strips, &q);
    tni_free(count, (size_t)rows * sizeof *count);
    return true;
}

static bool embedding_backward_vjp(tni_vjp *g) {
    tn_tensor *index = tni_saved(g, TNI_IN(1));
    if (!index) return false;
    if (g->arg[2].b)
        return tni_fail(TN_ERR_NOT_IMPLEMENTED, "embedding: double backward with scale_grad_by_freq is not implemented");
    tn_tensor *dx = (tn_embedding)(g->dy[0], index, NULL);
    if (g->arg[1].i >= 0) dx = tn_masked_fill(dx, tn_unsqueeze(tn_eq(index, g->arg[1].i), -1), 0);
    TNI_DX(g, 0, dx);
    return true;
}

TN_OP(embedding_backward,
      .schema = "embedding_dense_backward(Tensor grad_output, Tensor indices, SymInt num_weights, SymInt padding_idx, bool "
                "scale_grad_by_freq) -> Tensor",
      .grad_name = "EmbeddingDenseBackwardBackward0", .run = embedding_backward_run, .hidden = true, .widen = true,
      .vjp = embedding_backward_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[7,200] i64[7]<5 5 -1 False", "f64[2,3,4] i64[2,3]<5 5 1 False",
                            "f32[6,3] i32[6]<3 3 -1 True nograd", "f32[0,3] i64[0] 3 -1 False", "f16[4,3] i64[4]<3 3 0 False"));

static bool embedding_vjp(tni_vjp *g) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, 0, &n);
    TNI_DX(g, 0,
           tni_run_op(&tni_op_embedding_backward, TNI_INS(g->dy[0], tni_saved(g, TNI_IN(1))),
                      TNI_ARGS({.i = sizes[0]}, g->arg[0], g->arg[1])));
    return true;
}

TN_OP(embedding,
      .schema = "embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False) -> Tensor",
      .grad_name = "EmbeddingBackward0", .run = embedding_run, .vjp = embedding_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[5,8] i64[2,3]<5 @bench", "f64[5,3] i32[4]<5 2 nograd", "f64[5,3] i64[2,2]<5", "f32[4,5]^T i64[]<4",
                            "f32[5,3] i64[0]", "f64[5,3] i64[4]<5 0 True nograd", "bf16[5,3] i64[4]<5", "i64[5,3] i64[4]<5",
                            "f32[5,3] i64[2]=5 !index", "f32[5,3] i64[2]=-1 !index", "f32[5] i64[2]<5 !shape",
                            "f32[5,3] f32[2] !dtype"));

#ifdef TN_HEADER
/* Keywords of tn_embedding. */
typedef struct tn_embedding_opts {
    size_t size;
    int64_t padding_idx;     /* TN_NONE; the row that gets no gradient, counted from the end when negative */
    bool scale_grad_by_freq; /* false; true: a row's gradient is divided by the number of its uses */
} tn_embedding_opts;
#ifndef __cplusplus
#define tn_embedding(weight, ...)                                                                                                  \
    TN_WITH(tn_embedding_opts, (.padding_idx = TN_NONE), (tn_embedding)(weight, TN_FIRST(__VA_ARGS__, ), &tn_o),                   \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Rows of a table: torch.embedding; F.embedding has the arguments the other way round.
 *  weight   (rows, width)
 *  indices  int64 or int32, any shape; 0 <= index < rows, else TN_ERR_INDEX
 *  returns  (..., width) [scope]; TN_ERR_ASSERTION for a padding_idx outside of the table
 */
TN_API tn_tensor *(tn_embedding)(tn_tensor *weight, tn_tensor *indices, const tn_embedding_opts *opts) {
    int64_t padding = TNI_OPT(opts, padding_idx, TN_NONE);
    bool scale = TNI_OPT(opts, scale_grad_by_freq, false);
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("embedding", weight);
    int64_t rows = weight->a.ndim ? weight->a.sizes[0] : 0;
    if (padding == TN_NONE)
        padding = -1;
    else if (padding < -rows || padding >= rows)
        return (void)tni_fail(TN_ERR_ASSERTION, "Padding_idx must be within num_embeddings"), NULL;
    else if (padding < 0)
        padding += rows;
    return tni_run_op(&tni_op_embedding, TNI_INS(weight, indices), TNI_ARGS({.i = padding}, {.b = scale}));
}

/* ---- one_hot ---- */

static bool one_hot_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t classes = c->arg[0].i, sizes[TNI_MAX_DIMS + 1], most = -1;
    TNI_REQUIRE(c, x->dtype == TN_INT64, TN_ERR_DTYPE, "one_hot is only applicable to index tensor of type LongTensor.");
    TNI_REQUIRE(c, x->numel || classes > 0, TN_ERR_RUNTIME, "Can not infer total number of classes from empty tensor.");
    TNI_REQUIRE(c, x->ndim < TNI_MAX_DIMS, TN_ERR_SHAPE, "at most %d dimensions are supported", (int)TNI_MAX_DIMS);
    if (!(x = tni_in_as(c, 0, TN_INT64))) return false;
    const int64_t *v = x->data;
    if (classes == -1 && x->device != TNI_CPU) return tni_refuse_no_data();
    for (int64_t i = 0; i < x->numel && x->device == TNI_CPU; i++) {
        TNI_REQUIRE(c, v[i] >= 0, TN_ERR_RUNTIME, "Class values must be non-negative.");
        most = TNI_MAX(most, v[i]);
    }
    if (classes == -1) classes = most + 1;
    TNI_REQUIRE(c, most < classes, TN_ERR_RUNTIME, "Class values must be smaller than num_classes.");
    memcpy(sizes, x->sizes, x->ndim * sizeof *sizes);
    sizes[x->ndim] = classes;
    TNI_TRY(tni_out_zeros(c, 0, TN_INT64, sizes, x->ndim + 1u));
    for (int64_t i = 0; i < x->numel; i++) ((int64_t *)c->out[0]->a.data)[i * classes + v[i]] = 1;
    return true;
}

TN_OP(one_hot, .schema = "one_hot(Tensor self, int num_classes=-1) -> Tensor", .run = one_hot_run,
      .samples = TN_SAMPLES("i64[4]<5", "i64[2,3]<4 4", "i64[3,2]^T<3 6", "i64[]<3", "i64[0] 3", "i64[2]=3 3 !runtime",
                            "i64[2]=-1 3 !runtime", "i64[0] !runtime", "i32[2]<2 !dtype", "f32[2] !dtype"));

#ifdef TN_HEADER
/* Keywords of tn_one_hot. */
typedef struct tn_one_hot_opts {
    size_t size;
    int64_t num_classes; /* -1: one more than the largest */
} tn_one_hot_opts;
#ifndef __cplusplus
#define tn_one_hot(...)                                                                                                            \
    TN_WITH(tn_one_hot_opts, (.num_classes = -1), (tn_one_hot)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** 1 at the place that each class number names, else 0: torch.nn.functional.one_hot.
 *  x        int64 (TN_ERR_DTYPE), 0 <= x < num_classes (TN_ERR_RUNTIME)
 *  returns  int64, x's shape and num_classes [scope]
 */
TN_API tn_tensor *(tn_one_hot)(tn_tensor *x, const tn_one_hot_opts *opts) {
    return tni_run_op(&tni_op_one_hot, TNI_INS(x), TNI_ARGS({.i = TNI_OPT(opts, num_classes, -1)}));
}
