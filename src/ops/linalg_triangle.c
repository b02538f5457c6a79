/* ops/linalg_triangle.c - triangles: linalg_solve_triangular, linalg_cholesky. */
#include "base/memory.h"
#include "cpu/factor.h"
#include "ops/linalg.h"
#include <tison/ops.h>

/* ---- linalg_solve_triangular: arguments upper, left, unitriangular ---- */

typedef struct triangles {
    tn_tensor *a, *b;
    int64_t n, k;
    bool upper, unit;
} triangles;

static bool solve_one(int64_t i, void *context) {
    const triangles *q = context;
    size_t item = tni_array_item(&q->a->a);
    return tni_triangle_solve((tn_dtype)q->a->a.dtype, q->upper, q->unit,
                              (const char *)q->a->a.data + (size_t)(i * q->n * q->n) * item, q->n,
                              (char *)q->b->a.data + (size_t)(i * q->n * q->k) * item, q->k);
}

static bool check_triangle(const tn_tensor *a, const tn_tensor *b, bool left) {
    const char *who = "linalg.solve_triangular";
    TNI_TRY(tni_linalg_check_matrix(who, "A", a, true) && tni_linalg_check_matrix(who, "B", b, false));
    TNI_CHECK(tni_last(a, 0) == tni_last(b, left ? 1 : 0), TN_ERR_SHAPE,
              "%s: Incompatible shapes of A and B for the equation %s (%lldx%lld and %lldx%lld)", who, left ? "AX = B" : "XA = B",
              (long long)tni_last(a, 1), (long long)tni_last(a, 0), (long long)tni_last(b, 1), (long long)tni_last(b, 0));
    TNI_CHECK(a->a.dtype == b->a.dtype, TN_ERR_DTYPE,
              "%s: Expected A and B to have the same dtype, but found A of type %s and B of type %s instead", who,
              tni_dtype_get((tn_dtype)a->a.dtype)->legacy, tni_dtype_get((tn_dtype)b->a.dtype)->legacy);
    return tni_linalg_check_dtype(NULL, "triangular_solve_cpu", a);
}

/* X A = B is A^T X^T = B^T. */
static bool solve_into(tni_call *c, triangles *q, int64_t *batch, size_t n, bool left) {
    const char *who = "linalg.solve_triangular";
    tni_form form = left ? TNI_AS_IT_IS : TNI_TURNED;
    if (!(q->a = tni_linalg_copy(c, who, c->in[0], batch, n, form))) return false;
    if (!(q->b = tni_linalg_copy(c, who, c->in[1], batch, n, form))) return false;
    q->n = tni_last(q->a, 0), q->k = tni_last(q->b, 0);
    TNI_TRY(tni_linalg_each(tni_linalg_count(q->b), q->n * q->n * q->k, solve_one, q));
    batch[n] = tni_last(c->in[1], 1), batch[n + 1] = tni_last(c->in[1], 0);
    return tni_linalg_out(c, 0, q->b, !left, batch, n + 2, TNI_BY_COLUMNS);
}

static bool linalg_solve_triangular_run(tni_call *c) {
    const tn_tensor *a = c->in[0], *b = c->in[1];
    int64_t batch[TNI_MAX_DIMS + 2];
    bool upper = c->arg[0].b, left = c->arg[1].b;
    TNI_TRY(check_triangle(a, b, left));
    size_t n = b->a.ndim - 2u;
    for (size_t d = 0; d < n; d++) batch[d] = b->a.sizes[d];
    TNI_TRY(tni_shape_broadcast("linalg.solve_triangular", batch, &n, a->a.sizes, a->a.ndim - 2u));
    triangles q = {.upper = upper == left, .unit = c->arg[2].b};
    bool right = solve_into(c, &q, batch, n, left);
    tni_tensor_destroy_new(c->t, q.a);
    tni_tensor_destroy_new(c->t, q.b);
    return right;
}

/* B' = A^-H X' (X' A^-H), A' = the triangle of -B' X^H (-X^H B'). */
static bool linalg_solve_triangular_vjp(tni_vjp *g) {
    bool upper = g->arg[0].b, left = g->arg[1].b, unit = g->arg[2].b;
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *x = tni_saved(g, TNI_OUT(0));
    tn_tensor *db = tn_linalg_solve_triangular(tni_adjoint(a), g->dy[0], .upper = !upper, .left = left, .unitriangular = unit);
    if (!db || !x) return false;
    TNI_DX(g, 1, tni_to_shape_of(g, 1, db));
    if (!tni_needs(g, 0)) return true;
    tn_tensor *da = tn_neg(left ? tn_matmul(db, tni_adjoint(x)) : tn_matmul(tni_adjoint(x), db));
    TNI_DX(g, 0, tni_to_shape_of(g, 0, da && upper ? tn_triu(da, unit ? 1 : 0) : tn_tril(da, unit ? -1 : 0)));
    return true;
}

TN_OP(linalg_solve_triangular,
      .schema = "linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
      .grad_name = "LinalgSolveTriangularBackward0", .run = linalg_solve_triangular_run, .vjp = linalg_solve_triangular_vjp,
      .wide_only = true, .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,3]>1 f32[3,2] upper=True @bench small", "f64[3,3]^T>1 f64[2,3,2] upper=False",
                            "f64[2,3,3]>1 f64[4,3] upper=True left=False", "f64[2,1,3,3]>1 f64[2,4,3] upper=False left=False",
                            "f64[3,3] f64[3,2]^T upper=True unitriangular=True small",
                            "f64[3,3] f64[3,2] upper=False unitriangular=True small",
                            "f64[3,3] f64[2,3] upper=False left=False unitriangular=True small", "f32[0,0] f32[0,2] upper=True",
                            "f32[3,3]>1 f32[3,0] upper=True", "f32[0,3,3] f32[0,3,2] upper=True",
                            "f64[2,2]=0 f64[2,2] upper=True nograd", "c64[3,3]>1 c64[3,2] upper=True small",
                            "c128[2,3,3]>1 c128[4,3] upper=False left=False small",
                            "c128[3,3]^T c128[3,2]^T upper=False unitriangular=True small", "f32[3,3] f32[3] upper=True !shape",
                            "f32[3,3] f32[4,2] upper=True !shape", "f32[3,2] f32[3,2] upper=True !shape",
                            "f32[3,3] f32[4,2] upper=True left=False !shape", "i64[3,3] i64[3,2] upper=True !not_implemented",
                            "f16[3,3] f16[3,2] upper=True !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_solve_triangular. */
typedef struct tn_linalg_solve_triangular_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    bool upper;         /* false, though PyTorch wants it to be said: the upper triangle is read, or the lower one */
    bool left;          /* true: A X = B; false: X A = B */
    bool unitriangular; /* false; the diagonal counts as ones and is not read */
} tn_linalg_solve_triangular_opts;
#ifndef __cplusplus
#define tn_linalg_solve_triangular(a, ...)                                                                                         \
    TN_WITH(tn_linalg_solve_triangular_opts, (.left = true), (tn_linalg_solve_triangular)(a, TN_FIRST(__VA_ARGS__, ), &tn_o),      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The solution of A X = B for a triangle A: torch.linalg.solve_triangular. A zero on the diagonal gives infinities, no error.
 *  a        (..., n, n), float32, float64, complex64 or complex128; the other half is not read
 *  b        (..., n, k); its batch dims broadcast with a's
 *  returns  b's shape, broadcast [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE, TN_ERR_NOT_IMPLEMENTED for other dtypes
 */
TN_API tn_tensor *(tn_linalg_solve_triangular)(tn_tensor *a, tn_tensor *b, const tn_linalg_solve_triangular_opts *opts) {
    return tni_run_op(
        &tni_op_linalg_solve_triangular, TNI_INS(a, b),
        TNI_ARGS({.b = TNI_OPT(opts, upper, false)}, {.b = TNI_OPT(opts, left, true)}, {.b = TNI_OPT(opts, unitriangular, false)}));
}

/* ---- linalg_cholesky: argument upper ---- */

typedef struct roots {
    tn_tensor *a;
    int64_t *order;
} roots;

static bool root_one(int64_t i, void *context) {
    const roots *r = context;
    int64_t n = tni_last(r->a, 0);
    size_t item = tni_array_item(&r->a->a);
    return tni_cholesky((tn_dtype)r->a->a.dtype, (char *)r->a->a.data + (size_t)(i * n * n) * item, n, r->order + i);
}

/* The factor is computed as U = L^T from the transposed lower triangle, or from the upper one. */
static bool linalg_cholesky_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(tni_linalg_check_matrix("linalg.cholesky", "A", c->in[0], true));
    TNI_TRY(tni_linalg_check_dtype("linalg.cholesky", "cholesky_cpu", c->in[0]));
    bool upper = c->arg[0].b;
    int64_t count = tni_linalg_count(c->in[0]), n = tni_last(c->in[0], 0);
    size_t bytes = (size_t)(count + 1) * sizeof(int64_t);
    roots r = {.a = tni_linalg_copy(c, "linalg.cholesky", c->in[0], x->sizes, x->ndim - 2u, upper ? TNI_AS_IT_IS : TNI_TURNED)};
    bool right = r.a && (r.order = tni_alloc(bytes)) && tni_linalg_each(count, n * n * n, root_one, &r);
    right = right && tni_linalg_refuse("linalg.cholesky", r.order, count, x->ndim > 2,
                                       "The factorization could not be completed because the input is not positive-definite (the "
                                       "leading minor of order ",
                                       " is not positive-definite).");
    right = right && tni_linalg_out(c, 0, r.a, !upper, x->sizes, x->ndim, TNI_BY_COLUMNS);
    tni_free(r.order, bytes);
    tni_tensor_destroy_new(c->t, r.a);
    return right;
}

/* L^-H sym(L^H L') L^-1 / 2; sym(M) is M's lower triangle, and its adjoint above. */
static bool linalg_cholesky_vjp(tni_vjp *g) {
    tn_tensor *l = tni_saved(g, TNI_OUT(0)), *dl = g->dy[0];
    if (g->arg[0].b) l = tni_adjoint(l), dl = tni_adjoint(dl);
    tn_tensor *m = l && dl ? tn_matmul(tni_adjoint(l), dl) : NULL, *s = tni_mirrored(m);
    tn_tensor *z = s ? tn_linalg_solve_triangular(tni_adjoint(l), s, .upper = true) : NULL;
    z = z ? tn_linalg_solve_triangular(l, z, .upper = false, .left = false) : NULL;
    TNI_DX(g, 0, z ? tn_mul(z, 0.5) : NULL);
    return true;
}

/* Without derivatives by finite differences: one element moved alone leaves a matrix that is not symmetric. */
TN_OP(linalg_cholesky, .schema = "linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor",
      .grad_name = "LinalgCholeskyExBackward0", .run = linalg_cholesky_run, .vjp = linalg_cholesky_vjp, .wide_only = true,
      .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[1,1]>1 @bench", "f64[3,1,1]>1 upper=True", "f32[0,0]", "f32[0,3,3]", "c64[1,1]>1 nograd",
                            "c128[3,1,1]>1 upper=True nograd", "c64[2,2]=0 !linalg", "f32[3,3]=0 !linalg",
                            "f64[2,2,2]=-1 upper=True !linalg", "f32[3] !shape", "f32[3,4] !shape", "i64[3,3] !dtype",
                            "f16[3,3] !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_cholesky. */
typedef struct tn_linalg_cholesky_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    bool upper; /* false: L with L L^H = A; true: U with U^H U = A */
} tn_linalg_cholesky_opts;
#ifndef __cplusplus
#define tn_linalg_cholesky(...)                                                                                                    \
    TN_WITH(tn_linalg_cholesky_opts, (.upper = false), (tn_linalg_cholesky)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The triangular root of each symmetric (Hermitian) positive-definite matrix, of which one half is read: torch.linalg.cholesky. The
 *  derivative is that for such matrices.
 *  a        (..., n, n), float32, float64, complex64 or complex128
 *  returns  a's shape [scope]; TN_ERR_LINALG when it is not positive-definite, TN_ERR_SHAPE, TN_ERR_DTYPE; 16-bit floats are
 *           TN_ERR_NOT_IMPLEMENTED
 */
TN_API tn_tensor *(tn_linalg_cholesky)(tn_tensor *a, const tn_linalg_cholesky_opts *opts) {
    return tni_run_op(&tni_op_linalg_cholesky, TNI_INS(a), TNI_ARGS({.b = TNI_OPT(opts, upper, false)}));
}
