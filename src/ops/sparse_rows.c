/* ops/sparse_rows.c - operators of other files on sparse tensors: arithmetic, transposes, copies; products with dense matrices. */
#include "base/pool.h"
#include "core/sparse.h"
#include "ops/sparse.h"
#include "ops/sparse_places.h"
#include <string.h>
#include <tison/ops.h>

/* What was made is the result, or what self becomes. */
static bool put(tni_call *c, tn_tensor *made) {
    if (!made) return false;
    if (!c->inplace) return (c->out[0] = made) != NULL;
    tni_sparse_exchange(c->in[0], made);
    tni_tensor_destroy_new(c->t, made);
    return true;
}

static bool refuse(const tni_call *c) {
    return tni_fail(TN_ERR_NOT_IMPLEMENTED, "Could not run 'aten::%.*s' with arguments from the 'SparseCPU' backend.",
                    (int)strcspn(c->op->schema, "("), c->op->schema);
}

/* ---- arithmetic ---- */

bool tni_sparse_values_run(tni_call *c) {
    tn_tensor *in[2] = {NULL}, *x = NULL;
    if (c->nin > 2) return refuse(c);
    for (size_t i = 0; i < c->nin; i++) {
        bool sparse = tni_is_sparse(c->in[i]);
        if (sparse ? x != NULL : c->in[i]->a.ndim != 0) return refuse(c);
        if (sparse) x = c->in[i];
        in[i] = sparse ? tni_sparse_of(x)->values : c->in[i];
    }
    if (c->inplace && x != c->in[0]) return refuse(c);
    tn_tensor *values = tni_run_op(c->op, in, c->nin, c->arg, c->narg);
    if (!values) return false;
    TNI_REQUIRE(c, !c->inplace || values->a.dtype == x->a.dtype, TN_ERR_DTYPE,
                "result type %s can't be cast to the desired output type %s", tni_dtype_get((tn_dtype)values->a.dtype)->legacy,
                tni_dtype_get((tn_dtype)x->a.dtype)->legacy);
    return put(c, tni_sparse_with(c->t, c->op->name, x, values));
}

bool tni_sparse_div_run(tni_call *c) {
    const tn_tensor *by = c->in[1];
    TNI_REQUIRE(c, !tni_is_sparse(by) && by->a.ndim == 0, TN_ERR_RUNTIME,
                "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape %s for divisor)", TNI_SHAPE(&by->a));
    return tni_sparse_values_run(c);
}

static bool check_sum(const tni_call *c) {
    const tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_CHECK(tni_is_sparse(b), TN_ERR_RUNTIME, "add(sparse, dense) is not supported. Use add(dense, sparse) instead.");
    TNI_REQUIRE(c, tni_same_shape(&a->a, &b->a), TN_ERR_SHAPE, "add: expected sizes of 'self' and 'other' to match, but %s != %s",
                TNI_SHAPE(&a->a), TNI_SHAPE(&b->a));
    TNI_REQUIRE(c, a->a.dtype == b->a.dtype, TN_ERR_DTYPE, "sparse tensors of different dtypes, %s and %s, are not added",
                tni_dtype_get((tn_dtype)a->a.dtype)->legacy, tni_dtype_get((tn_dtype)b->a.dtype)->legacy);
    return true;
}

static bool add_to_dense(tni_call *c, double alpha) {
    tn_tensor *self = c->in[0];
    if (!c->inplace) {
        TNI_TRY(tni_out(c, 0, (tn_dtype)self->a.dtype, self->a.sizes, self->a.ndim));
        TNI_TRY(tni_copy_array(&c->out[0]->a, &self->a));
    } else if (!self->a.contiguous) { /* by way of a row-major copy */
        tn_tensor *sum = tni_row_major_copy(c->t, c->op->name, self, (tn_dtype)self->a.dtype);
        return sum && tni_add_values(c->t, sum, c->in[1], alpha) && tni_copy_array(&self->a, &sum->a);
    }
    return tni_add_values(c->t, c->out[0], c->in[1], alpha);
}

static bool same_places(const tni_sparse *a, const tni_sparse *b) {
    const tni_array *x = &a->indices->a, *y = &b->indices->a;
    return tni_same_shape(x, y) && (x->numel == 0 || memcmp(x->data, y->data, (size_t)x->numel * sizeof(int64_t)) == 0);
}

static bool add(tni_call *c, double alpha) {
    TNI_TRY(check_sum(c));
    if (!tni_is_sparse(c->in[0])) return add_to_dense(c, alpha);
    const tni_sparse *a = tni_sparse_of(c->in[0]), *b = tni_sparse_of(c->in[1]);
    TNI_REQUIRE(c, tni_sparse_dims(a) == tni_sparse_dims(b), TN_ERR_RUNTIME,
                "add: expected 'self' and 'other' to have same number of sparse dimensions");
    if (same_places(a, b)) { /* as a parameter and its gradient have them */
        const tn_add_opts opts = {.size = sizeof opts, .alpha = alpha};
        tn_tensor *sum = (tn_add)(a->values, b->values, &opts);
        return sum && put(c, tni_sparse_with(c->t, c->op->name, c->in[0], sum));
    }
    tn_tensor *scaled = alpha == 1 ? b->values : tn_mul(b->values, alpha);
    if (!scaled) return false;
    const tn_cat_opts last = {.size = sizeof last, .dim = 1}, first = {.size = sizeof first};
    tn_tensor *index = (tn_cat)((tn_tensor *[]){a->indices, b->indices}, 2, &last),
              *values = index ? (tn_cat)((tn_tensor *[]){a->values, tn_to(scaled, (tn_dtype)a->values->a.dtype)}, 2, &first) : NULL;
    tn_tensor *both = tni_give(c->t, tni_sparse_new(c->t, c->op->name, index, values, c->in[0]->a.sizes, c->in[0]->a.ndim, false));
    return both && put(c, tni_coalesced(c->t, c->op->name, both));
}

bool tni_sparse_add_run(tni_call *c) { return add(c, c->arg[0].d); }
bool tni_sparse_sub_run(tni_call *c) { return add(c, -c->arg[0].d); }

bool tni_sparse_sum_run(tni_call *c) {
    tn_tensor *sum = tni_run_op(c->op, TNI_INS(tni_sparse_of(c->in[0])->values), c->arg, c->narg);
    return sum && tni_out(c, 0, (tn_dtype)sum->a.dtype, NULL, 0) && tni_copy_array(&c->out[0]->a, &sum->a);
}

/* ---- transposes ---- */

static bool swap(tni_call *c, int64_t first, int64_t second) {
    const tn_tensor *x = c->in[0];
    const tni_sparse *s = tni_sparse_of(x);
    int64_t dims = (int64_t)tni_sparse_dims(s), n = tni_sparse_nnz(s), sizes[TNI_MAX_DIMS];
    if (first == second) return put(c, tni_sparse_with(c->t, c->op->name, x, s->values));
    TNI_REQUIRE(c, first < dims && second < dims, TN_ERR_RUNTIME, "transpose: sparse and dense dimensions cannot be swapped");
    tn_tensor *index = tni_row_major_copy(c->t, c->op->name, s->indices, TN_INT64);
    if (!index) return false;
    memcpy(sizes, x->a.sizes, x->a.ndim * sizeof *sizes);
    sizes[first] = x->a.sizes[second], sizes[second] = x->a.sizes[first];
    const int64_t *from = s->indices->a.data;
    int64_t *to = index->a.data;
    for (int64_t k = 0; k < n; k++) to[first * n + k] = from[second * n + k], to[second * n + k] = from[first * n + k];
    return put(c, tni_sparse_new(c->t, c->op->name, index, s->values, sizes, x->a.ndim, n < 2));
}

bool tni_sparse_t_run(tni_call *c) {
    int ndim = c->in[0]->a.ndim;
    TNI_REQUIRE(c, ndim <= 2, TN_ERR_RUNTIME, "t() expects a tensor with <= 2 dimensions, but self is %dD", ndim);
    return swap(c, 0, ndim == 2);
}

bool tni_sparse_transpose_run(tni_call *c) {
    size_t ndim = c->in[0]->a.ndim;
    TNI_TRY(tni_wrap_dim("transpose", &c->arg[0].i, ndim) && tni_wrap_dim("transpose", &c->arg[1].i, ndim));
    return swap(c, c->arg[0].i, c->arg[1].i);
}

/* ---- copies ---- */

bool tni_sparse_clone_run(tni_call *c) { return put(c, tni_sparse_copy(c->t, c->op->name, c->in[0], (tn_dtype)c->in[0]->a.dtype)); }

bool tni_sparse_to_run(tni_call *c) {
    TNI_TRY(tni_dtype_check("to", c->arg[0].dtype));
    return put(c, tni_sparse_copy(c->t, c->op->name, c->in[0], c->arg[0].dtype));
}

bool tni_sparse_copy_run(tni_call *c) {
    const tn_tensor *self = c->in[0], *src = c->in[1];
    if (!tni_is_sparse(self) || !tni_is_sparse(src)) return tni_refuse_mixed_copy(self, src);
    TNI_REQUIRE(c, tni_same_shape(&self->a, &src->a), TN_ERR_SHAPE, "sparse tensors of different shapes, %s and %s",
                TNI_SHAPE(&self->a), TNI_SHAPE(&src->a));
    return put(c, tni_sparse_copy(c->t, c->op->name, src, (tn_dtype)self->a.dtype));
}

bool tni_sparse_zero_run(tni_call *c) { return put(c, tni_sparse_empty(c->t, c->op->name, c->in[0], (tn_dtype)c->in[0]->a.dtype)); }

/* ---- products with dense matrices ---- */

typedef struct product {
    const int64_t *row, *column;
    const void *values, *b;
    void *y;
    int64_t n, width;
} product;

/* Columns [begin, end) of y += x b, place by place. */
#define MULTIPLY(name, T)                                                                                                          \
    static void name(int64_t begin, int64_t end, void *context) {                                                                  \
        const product *p = context;                                                                                                \
        const T *v = p->values, *b = p->b;                                                                                         \
        T *y = p->y;                                                                                                               \
        for (int64_t k = 0; k < p->n; k++) {                                                                                       \
            T *to = y + p->row[k] * p->width;                                                                                      \
            const T *from = b + p->column[k] * p->width, by = v[k];                                                                \
            for (int64_t j = begin; j < end; j++) to[j] += by * from[j];                                                           \
        }                                                                                                                          \
    }
MULTIPLY(multiply_f32, float)
MULTIPLY(multiply_f64, double)

static bool check_product(const tni_call *c) {
    const tn_tensor *x = c->in[0], *b = c->in[1];
    TNI_REQUIRE(c, x->a.ndim == 2 && tni_is_sparse(x) && tni_sparse_dims(tni_sparse_of(x)) == 2, TN_ERR_RUNTIME,
                "addmm: matrices expected, got %dD tensor", x->a.ndim);
    TNI_REQUIRE(c, b->a.ndim == 2, TN_ERR_RUNTIME, "addmm: matrices expected, got %dD tensor", b->a.ndim);
    TNI_REQUIRE(c, !tni_is_sparse(b), TN_ERR_NOT_IMPLEMENTED, "a product of two sparse tensors; make the second one dense");
    TNI_REQUIRE(c, x->a.sizes[1] == b->a.sizes[0], TN_ERR_SHAPE,
                "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", (long long)x->a.sizes[0],
                (long long)x->a.sizes[1], (long long)b->a.sizes[0], (long long)b->a.sizes[1]);
    TNI_REQUIRE(c, x->a.dtype == b->a.dtype, TN_ERR_DTYPE, "expected m1 and m2 to have the same dtype, but got: %s != %s",
                tni_dtype_c_name((tn_dtype)x->a.dtype), tni_dtype_c_name((tn_dtype)b->a.dtype));
    TNI_REQUIRE(c, tni_dtype_is_wide((tn_dtype)x->a.dtype), TN_ERR_NOT_IMPLEMENTED,
                "\"addmm_sparse_dense\" not implemented for '%s'", tni_dtype_get((tn_dtype)x->a.dtype)->legacy);
    return true;
}

static bool sparse_mm_run(tni_call *c) {
    TNI_TRY(check_product(c));
    const tni_sparse *s = tni_sparse_of(c->in[0]);
    const tni_array *b = tni_in_as(c, 1, (tn_dtype)c->in[1]->a.dtype);
    if (!b) return false;
    const int64_t sizes[] = {c->in[0]->a.sizes[0], b->sizes[1]};
    TNI_TRY(tni_out_zeros(c, 0, (tn_dtype)b->dtype, sizes, 2));
    const int64_t n = tni_sparse_nnz(s), *index = s->indices->a.data;
    product p = {index, index ? index + n : NULL, s->values->a.data, b->data, c->out[0]->a.data, n, sizes[1]};
    tni_parallel(sizes[1], 32768 / (n + 1) + 16, b->dtype == TN_FLOAT32 ? multiply_f32 : multiply_f64, &p);
    return true;
}

/* Of the sparse factor: of its places alone, as in PyTorch. */
static bool sparse_mm_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1)), *dy = g->dy[0];
    if (!x || !b) return false;
    if (tni_needs(g, 0)) {
        tn_tensor *pattern = tni_pattern(x), *index = pattern ? tni_sparse_of(pattern)->indices : NULL;
        if (!index) return false;
        tn_tensor *rows = tn_index_select(dy, 0, tn_select(index, 0, 0)),
                  *columns = rows ? tn_index_select(b, 0, tn_select(index, 0, 1)) : NULL;
        TNI_DX(g, 0, columns ? tni_with_values(pattern, tn_sum(tn_mul(rows, columns), 1)) : NULL);
    }
    if (tni_needs(g, 1)) TNI_DX(g, 1, tn_sparse_mm(tn_t(x), dy));
    return true;
}

static bool refuse_two_dense(tni_call *c) { return tni_fail(TN_ERR_RUNTIME, "%s expects a sparse first matrix", c->op->name); }
TN_OP(sparse_mm, .schema = "_sparse_mm(Tensor sparse, Tensor dense) -> Tensor", .grad_name = "SparseAddmmBackward0",
      .run = refuse_two_dense, .sparse = sparse_mm_run, .vjp = sparse_mm_vjp, .save = TNI_IN(0) | TNI_IN(1), .hidden = true);

/* PyTorch's name of the node of torch.mm. */
static const tni_op mm_of_sparse = {.name = "mm",
                                    .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
                                    .grad_name = "MmBackward0",
                                    .run = refuse_two_dense,
                                    .sparse = sparse_mm_run,
                                    .vjp = sparse_mm_vjp,
                                    .save = TNI_IN(0) | TNI_IN(1)};
tn_tensor *tni_mm_of_sparse(tn_tensor *sparse, tn_tensor *dense) {
    return tni_run_op(&mm_of_sparse, TNI_INS(sparse, dense), TNI_NO_ARGS);
}

/** The product of a sparse matrix and a dense one, which is dense: torch.sparse.mm; tn_mm and tn_matmul do the same. The gradient of the
 *  sparse one is sparse: that of its places.
 *  sparse   (m, n), two sparse dims; float32 or float64
 *  dense    (n, k), of the same dtype
 *  returns  (m, k) [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE, TN_ERR_NOT_IMPLEMENTED
 */
TN_API tn_tensor *tn_sparse_mm(tn_tensor *sparse, tn_tensor *dense) {
    return tni_run_op(&tni_op_sparse_mm, TNI_INS(sparse, dense), TNI_NO_ARGS);
}

bool tni_sparse_matmul_run(tni_call *c) {
    tn_tensor *x = c->in[0], *b = c->in[1];
    if (b->a.ndim != 1) return (c->out[0] = tni_mm_of_sparse(x, b)) != NULL;
    tn_tensor *y = tni_mm_of_sparse(x, tn_unsqueeze(b, 1));
    return y && (c->out[0] = tn_squeeze(y, 1)) != NULL;
}
