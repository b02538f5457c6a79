/* ops/matmul.c - products of matrices, vectors and batches of them. */
#include "base/pool.h"
#include "ops/product.h"
#include "ops/unary.h"
#include "ops/sparse.h"
#include <tison/ops.h>

#define SIZE(x, i) ((long long)(x)->a.sizes[i])

static bool check_dtypes(const tni_call *c, const char *names) {
    const tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_REQUIRE(c, a->a.dtype == b->a.dtype, TN_ERR_DTYPE, "expected %s to have the same dtype, but got: %s != %s", names,
                tni_dtype_get((tn_dtype)a->a.dtype)->name, tni_dtype_get((tn_dtype)b->a.dtype)->name);
    return true;
}

static bool check_mm(const tni_call *c) {
    const tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_REQUIRE(c, a->a.ndim == 2 && b->a.ndim == 2, TN_ERR_SHAPE, "%s must be a matrix", a->a.ndim != 2 ? "self" : "mat2");
    TNI_REQUIRE(c, a->a.sizes[1] == b->a.sizes[0], TN_ERR_SHAPE,
                "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", SIZE(a, 0), SIZE(a, 1), SIZE(b, 0),
                SIZE(b, 1));
    return check_dtypes(c, "m1 and m2");
}

/* out[0] = op(a) op(b) */
static tn_tensor *product(tni_thread *t, tn_tensor *a, bool ta, tn_tensor *b, bool tb) {
    tni_matrix ma, mb;
    tn_tensor *made_a = NULL, *made_b = NULL, *y = NULL;
    if (tni_matrix_of(t, "mm", a, &ma, &made_a) && tni_matrix_of(t, "mm", b, &mb, &made_b)) {
        if (ta) ma = tni_matrix_transpose(ma);
        if (tb) mb = tni_matrix_transpose(mb);
        y = tni_tensor_new(t, "mm", (tn_dtype)a->a.dtype, (const int64_t[]){ma.rows, mb.columns}, 2);
        if (y && y->a.device == TNI_CPU && !tni_multiply((tn_dtype)a->a.dtype, &ma, &mb, y->a.data, TNI_MAX(mb.columns, 1), NULL)) {
            tni_tensor_destroy_new(t, y);
            y = NULL;
        }
    }
    tni_tensor_destroy_new(t, made_a);
    tni_tensor_destroy_new(t, made_b);
    return y;
}

static bool mm_run(tni_call *c) {
    TNI_TRY(check_mm(c));
    return (c->out[0] = product(c->t, c->in[0], false, c->in[1], false)) != NULL;
}

static bool mm_vjp(tni_vjp *g) {
    if (tni_needs(g, 0)) TNI_DX(g, 0, tn_mm(g->dy[0], tn_t(tni_conjugate(tni_saved(g, TNI_IN(1))))));
    if (tni_needs(g, 1)) TNI_DX(g, 1, tn_mm(tn_t(tni_conjugate(tni_saved(g, TNI_IN(0)))), g->dy[0]));
    return true;
}

static bool mm_fused_vjp(tni_vjp *g) {
    tn_tensor *a = tni_needs(g, 1) ? tni_saved(g, TNI_IN(0)) : NULL, *b = tni_needs(g, 0) ? tni_saved(g, TNI_IN(1)) : NULL;
    if ((tni_needs(g, 1) && !a) || (tni_needs(g, 0) && !b)) return false;
    TNI_DX(g, 0, tni_give(g->t, product(g->t, g->dy[0], false, b, true)));
    TNI_DX(g, 1, tni_give(g->t, product(g->t, a, true, g->dy[0], false)));
    return true;
}

TN_OP(mm, .schema = "mm(Tensor self, Tensor mat2) -> Tensor", .grad_name = "MmBackward0", .run = mm_run, .widen = true,
      .vjp = mm_vjp, .fused_vjp = mm_fused_vjp, .save = TNI_IN(0) | TNI_IN(1), .save_for = {TNI_IN(1), TNI_IN(0)},
      .samples = TN_SAMPLES("f32[3,4] f32[4,5]", "f64[3,2]^T f64[2,3]", "f32[0,3] f32[3,2]", "f32[2,0] f32[0,3]",
                            "i64[2,3] i64[3,2]", "c64[2,3] c64[3,2]", "c128[3,2]^T c128[2,3]", "f32[1,8] f32[8,8]",
                            "f32[2,3] f32[4,5] !shape", "f32[2,3] f64[3,2] !dtype", "f32[3] f32[3] !shape"));

/** self (n, m) times mat2 (m, p) -> (n, p): torch.mm. Same dtype, not bool. self may be sparse: see tn_sparse_mm. [scope] */
TN_API tn_tensor *tn_mm(tn_tensor *self, tn_tensor *mat2) {
    if (TNI_UNLIKELY(self && self->object.tag == TNI_TENSOR && self->a.device == TNI_SPARSE)) return tni_mm_of_sparse(self, mat2);
    return tni_run_op(&tni_op_mm, TNI_INS(self, mat2), TNI_NO_ARGS);
}

/* ---- bmm ---- */

typedef struct batch {
    tni_matrix a, b;
    int64_t a_step, b_step, y_step; /* bytes from one matrix of the batch to the next */
    char *y;
    tn_dtype dtype;
    bool failed;
} batch;

static void multiply_batch(int64_t begin, int64_t end, void *context) {
    batch *k = context;
    for (int64_t i = begin; i < end; i++) {
        tni_matrix a = k->a, b = k->b;
        a.data = (const char *)a.data + i * k->a_step;
        b.data = (const char *)b.data + i * k->b_step;
        if (!tni_multiply(k->dtype, &a, &b, k->y + i * k->y_step, TNI_MAX(b.columns, 1), NULL))
            __atomic_store_n(&k->failed, true, __ATOMIC_RELAXED);
    }
}

static int64_t batch_step(const tn_tensor *x, const tn_tensor *made) {
    const tni_array *a = made ? &made->a : &x->a;
    return a->strides[0] * (int64_t)tni_array_item(a);
}

static bool bmm_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1], *made_a = NULL, *made_b = NULL;
    TNI_REQUIRE(c, a->a.ndim == 3 && b->a.ndim == 3, TN_ERR_SHAPE, "batch1 and batch2 must be 3D tensors");
    TNI_REQUIRE(c, a->a.sizes[0] == b->a.sizes[0] && a->a.sizes[2] == b->a.sizes[1], TN_ERR_SHAPE,
                "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, %lld].", SIZE(a, 0),
                SIZE(a, 2), SIZE(b, 0), SIZE(b, 1));
    TNI_TRY(check_dtypes(c, "batch1 and batch2"));
    batch k = {.dtype = (tn_dtype)a->a.dtype};
    bool right = tni_matrix_of(c->t, "bmm", a, &k.a, &made_a) && tni_matrix_of(c->t, "bmm", b, &k.b, &made_b) &&
                 tni_out(c, 0, k.dtype, (const int64_t[]){a->a.sizes[0], a->a.sizes[1], b->a.sizes[2]}, 3);
    if (right) {
        k.a_step = batch_step(a, made_a), k.b_step = batch_step(b, made_b);
        k.y = c->out[0]->a.data;
        k.y_step = k.a.rows * k.b.columns * (int64_t)tni_dtype_size(k.dtype);
        int64_t work = k.a.rows * k.a.columns * k.b.columns;
        tni_parallel(a->a.sizes[0], TNI_MAX(1, 65536 / TNI_MAX(work, 1)), multiply_batch, &k);
        right = !k.failed || (tni_failed() ? false : tni_fail_memory(0));
    }
    tni_tensor_destroy_new(c->t, made_a);
    tni_tensor_destroy_new(c->t, made_b);
    return right;
}

static bool bmm_vjp(tni_vjp *g) {
    if (tni_needs(g, 0)) TNI_DX(g, 0, tn_bmm(g->dy[0], tn_transpose(tni_conjugate(tni_saved(g, TNI_IN(1))), 1, 2)));
    if (tni_needs(g, 1)) TNI_DX(g, 1, tn_bmm(tn_transpose(tni_conjugate(tni_saved(g, TNI_IN(0))), 1, 2), g->dy[0]));
    return true;
}

TN_OP(bmm, .schema = "bmm(Tensor self, Tensor mat2) -> Tensor", .grad_name = "BmmBackward0", .run = bmm_run, .widen = true,
      .vjp = bmm_vjp, .save = TNI_IN(0) | TNI_IN(1), .save_for = {TNI_IN(1), TNI_IN(0)},
      .samples = TN_SAMPLES("f32[2,3,4] f32[2,4,5]", "f64[3,2,2]^T f64[3,2,1]", "f32[0,2,3] f32[0,3,2]", "c64[2,2,3] c64[2,3,2]",
                            "f32[2,3,4] f32[3,4,5] !shape"));

/** self (b, n, m) times mat2 (b, m, p) -> (b, n, p): torch.bmm. [scope] */
TN_API tn_tensor *tn_bmm(tn_tensor *self, tn_tensor *mat2) { return tni_run_op(&tni_op_bmm, TNI_INS(self, mat2), TNI_NO_ARGS); }

/* ---- matmul: the ranks ---- */

static tn_tensor *vector_product(tni_call *c, tn_tensor *a, tn_tensor *b) {
    if (a->a.numel != b->a.numel) {
        tni_call_fail(c, TN_ERR_SHAPE,
                      "inconsistent tensor size, expected tensor %s and src %s to have the same number of elements, but got %lld "
                      "and %lld elements respectively",
                      TNI_SHAPE(&a->a), TNI_SHAPE(&b->a), SIZE(a, 0), SIZE(b, 0));
        return NULL;
    }
    return (tn_reshape)(tn_mm(tn_unsqueeze(a, 0), tn_unsqueeze(b, 1)), NULL, 0);
}

/* (..., n, m) x (..., m, p) with broadcast batch dims. */
static tn_tensor *batched(tni_call *c, tn_tensor *a, tn_tensor *b) {
    int64_t dims[TNI_MAX_DIMS], ea[TNI_MAX_DIMS], eb[TNI_MAX_DIMS], count = 1;
    size_t n = a->a.ndim - 2u, k = n;
    for (size_t i = 0; i < n; i++) dims[i] = a->a.sizes[i];
    if (!tni_shape_broadcast("matmul", dims, &k, b->a.sizes, b->a.ndim - 2u)) return NULL;
    int64_t rows = a->a.sizes[a->a.ndim - 2], inner = a->a.sizes[a->a.ndim - 1], columns = b->a.sizes[b->a.ndim - 1];
    int64_t b_rows = b->a.sizes[b->a.ndim - 2];
    for (size_t i = 0; i < k; i++) ea[i] = eb[i] = dims[i], count *= dims[i];
    ea[k] = rows, ea[k + 1] = inner, eb[k] = b_rows, eb[k + 1] = columns;
    if (inner != b_rows) {
        tni_call_fail(c, TN_ERR_SHAPE,
                      "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, %lld].",
                      (long long)count, (long long)inner, (long long)count, (long long)b_rows);
        return NULL;
    }
    tn_tensor *fa = (tn_reshape)((tn_expand)(a, ea, k + 2), (const int64_t[]){count, rows, inner}, 3);
    tn_tensor *fb = (tn_reshape)((tn_expand)(b, eb, k + 2), (const int64_t[]){count, inner, columns}, 3);
    ea[k + 1] = columns;
    return (tn_reshape)(tn_bmm(fa, fb), ea, k + 2);
}

/* (..., n, m) x (m, p): one large product. */
static tn_tensor *folded(tn_tensor *a, tn_tensor *b) {
    int64_t sizes[TNI_MAX_DIMS], rows = 1;
    int last = a->a.ndim - 1;
    for (int i = 0; i < last; i++) sizes[i] = a->a.sizes[i], rows *= sizes[i];
    sizes[last] = b->a.sizes[1];
    return (tn_reshape)(tn_mm((tn_reshape)(a, (const int64_t[]){rows, a->a.sizes[last]}, 2), b), sizes, a->a.ndim);
}

static bool check_inner(const tni_call *c, const tn_tensor *a, const tn_tensor *b) {
    int64_t rows = 1, inner = a->a.sizes[a->a.ndim - 1];
    for (int i = 0; i < a->a.ndim - 1; i++) rows *= a->a.sizes[i];
    TNI_REQUIRE(c, inner == b->a.sizes[0], TN_ERR_SHAPE, "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                (long long)rows, (long long)inner, SIZE(b, 0), SIZE(b, 1));
    return true;
}

static bool matmul_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    int na = a->a.ndim, nb = b->a.ndim;
    TNI_REQUIRE(c, na > 0 && nb > 0, TN_ERR_SHAPE, "both arguments to matmul need to be at least 1D, but they are %dD and %dD", na,
                nb);
    TNI_TRY(check_dtypes(c, "m1 and m2"));
    if (na == 1 && nb == 1) {
        c->out[0] = vector_product(c, a, b);
    } else if (nb == 1) {
        TNI_REQUIRE(c, a->a.sizes[na - 1] == b->a.sizes[0], TN_ERR_SHAPE,
                    "size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)", SIZE(a, na - 2), SIZE(a, na - 2),
                    SIZE(a, na - 1), SIZE(b, 0));
        tn_tensor *column = tn_unsqueeze(b, 1), *y = column ? folded(a, column) : NULL;
        c->out[0] = y ? (tn_reshape)(y, y->a.sizes, (size_t)na - 1) : NULL;
    } else if (na == 1) {
        tn_tensor *row = tn_unsqueeze(a, 0);
        if (!row) return false;
        tn_tensor *y = nb == 2 ? (check_inner(c, row, b) ? tn_mm(row, b) : NULL) : batched(c, row, b);
        int64_t sizes[TNI_MAX_DIMS];
        for (int i = 0; y && i < nb; i++) sizes[i] = y->a.sizes[i];
        if (y) sizes[nb - 2] = sizes[nb - 1];
        c->out[0] = y ? (tn_reshape)(y, sizes, (size_t)nb - 1) : NULL;
    } else if (nb == 2) {
        TNI_TRY(check_inner(c, a, b));
        c->out[0] = na == 2 ? tn_mm(a, b) : folded(a, b);
    } else {
        c->out[0] = batched(c, a, b);
    }
    return c->out[0] != NULL;
}

TN_OP(matmul, .schema = "matmul(Tensor self, Tensor other) -> Tensor", .run = matmul_run, .sparse = tni_sparse_matmul_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[4,5]", "f32[4] f32[4]", "f32[3,4] f32[4]", "f32[4] f32[4,5]", "f32[2,3,4] f32[4,5]",
                            "f32[2,3,4] f32[4]", "f32[4] f32[2,4,5]", "f32[3,4] f32[2,4,5]", "f64[2,1,3,4] f64[5,4,2]",
                            "f32[0,4] f32[4,2]", "f32[2,3] f32[4,5] !shape", "f32[] f32[3] !shape"));

/** Product of vectors, matrices and batches, by rank as torch.matmul: 1-D arguments lose their dim, batch dims broadcast. [scope] */
TN_API tn_tensor *tn_matmul(tn_tensor *self, tn_tensor *other) {
    return tni_run_op(&tni_op_matmul, TNI_INS(self, other), TNI_NO_ARGS);
}
