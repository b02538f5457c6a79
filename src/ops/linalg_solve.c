/* ops/linalg_solve.c - linear equations by LU factors: linalg_solve, linalg_inv, and the determinants linalg_det, linalg_slogdet. */
#include "base/memory.h"
#include "cpu/cmath.h"
#include "cpu/factor.h"
#include "ops/linalg.h"
#include "ops/unary.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <tison/ops.h>

/* ---- the factors of a batch, which go with the call ---- */

typedef struct factors {
    tn_tensor *lu; /* a copy of A, then its factors; NULL: not made */
    int64_t *pivot, *zero;
    int64_t n, count;
    size_t bytes;
    tn_dtype dtype;
    tn_tensor *b; /* of the equations: (count, n, k), then the solutions; NULL: none */
    int64_t k;
} factors;

static void drop(const tni_call *c, factors *f) {
    tni_tensor_destroy_new(c->t, f->lu);
    tni_tensor_destroy_new(c->t, f->b);
    tni_free(f->pivot, f->bytes);
}

static bool factor_one(int64_t i, void *context) {
    const factors *f = context;
    char *a = (char *)f->lu->a.data + (size_t)(i * f->n * f->n) * tni_array_item(&f->lu->a);
    return tni_lu(f->dtype, a, f->n, f->pivot + i * f->n, f->zero + i);
}

static bool solve_one(int64_t i, void *context) {
    const factors *f = context;
    size_t item = tni_array_item(&f->lu->a);
    return tni_lu_solve(f->dtype, (const char *)f->lu->a.data + (size_t)(i * f->n * f->n) * item, f->n, f->pivot + i * f->n,
                        (char *)f->b->a.data + (size_t)(i * f->n * f->k) * item, f->k);
}

/* The factors of in[0] broadcast to the batch; of its transposed when `turned`. */
static bool factor(tni_call *c, const char *who, const int64_t *batch, size_t nbatch, bool turned, factors *f) {
    const tn_tensor *a = c->in[0];
    f->n = tni_last(a, 0), f->dtype = (tn_dtype)a->a.dtype;
    if (!(f->lu = tni_linalg_copy(c, who, a, batch, nbatch, turned ? TNI_TURNED : TNI_AS_IT_IS))) return false;
    f->count = tni_linalg_count(f->lu);
    f->bytes = (size_t)((f->n + 1) * f->count + 1) * sizeof(int64_t);
    if (!(f->pivot = tni_alloc(f->bytes))) return false;
    f->zero = f->pivot + f->n * f->count;
    return tni_linalg_each(f->count, f->n * f->n * f->n, factor_one, f);
}

static bool solve(factors *f) { return tni_linalg_each(f->count, f->n * f->n * f->k, solve_one, f); }

/* ---- linalg_solve: argument left ---- */

static bool is_vector(const tn_tensor *a, const tn_tensor *b) {
    if (b->a.ndim == 1) return true;
    if (b->a.ndim != a->a.ndim - 1) return false;
    return memcmp(b->a.sizes, a->a.sizes, (size_t)b->a.ndim * sizeof(int64_t)) == 0;
}

static bool check_equation(const char *who, const tn_tensor *a, const tn_tensor *b, bool left, bool vector) {
    TNI_CHECK(vector || b->a.ndim >= 2, TN_ERR_SHAPE, "%s: The input tensor B must have at least 2 dimensions.", who);
    int64_t n = tni_last(a, 0), rows = tni_last(b, vector ? 0 : 1), columns = vector ? 1 : tni_last(b, 0);
    TNI_CHECK(n == (left ? rows : columns), TN_ERR_SHAPE,
              "%s: Incompatible shapes of A and B for the equation %s (%lldx%lld and %lldx%lld)", who, left ? "AX = B" : "XA = B",
              (long long)n, (long long)n, (long long)rows, (long long)columns);
    TNI_CHECK(a->a.dtype == b->a.dtype, TN_ERR_DTYPE,
              "%s: Expected A and B to have the same dtype, but found A of type %s and B of type %s instead", who,
              tni_dtype_get((tn_dtype)a->a.dtype)->legacy, tni_dtype_get((tn_dtype)b->a.dtype)->legacy);
    return true;
}

static bool solve_into(tni_call *c, factors *f, const int64_t *batch, size_t nbatch, bool left, bool vector) {
    int64_t sizes[TNI_MAX_DIMS + 2];
    const tn_tensor *b = c->in[1];
    size_t ndim = nbatch;
    TNI_TRY(factor(c, "linalg.solve", batch, nbatch, !left, f));
    TNI_TRY(tni_linalg_refuse("torch.linalg.solve", f->zero, f->count, f->lu->a.ndim > 2,
                              "The solver failed because the input matrix is singular.", NULL));
    if (!(f->b = tni_linalg_copy(c, "linalg.solve", b, batch, nbatch, vector ? TNI_COLUMN : left ? TNI_AS_IT_IS : TNI_TURNED)))
        return false;
    f->k = tni_last(f->b, 0);
    TNI_TRY(solve(f));
    for (size_t d = 0; d < nbatch; d++) sizes[d] = batch[d];
    if (!vector) sizes[ndim++] = tni_last(b, 1);
    sizes[ndim++] = tni_last(b, 0);
    return tni_linalg_out(c, 0, f->b, !left && !vector, sizes, ndim, left ? TNI_BY_COLUMNS : TNI_BY_ROWS);
}

static bool linalg_solve_run(tni_call *c) {
    int64_t batch[TNI_MAX_DIMS];
    const tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_TRY(tni_linalg_check_matrix("linalg.solve", "A", a, true));
    bool left = c->arg[0].b, vector = is_vector(a, b);
    TNI_TRY(check_equation("linalg.solve", a, b, left, vector));
    TNI_TRY(tni_linalg_check_dtype("linalg.solve", "lu_cpu", a));
    size_t n = b->a.ndim - (vector ? 1u : 2u);
    for (size_t d = 0; d < n; d++) batch[d] = b->a.sizes[d];
    TNI_TRY(tni_shape_broadcast("linalg.solve", batch, &n, a->a.sizes, a->a.ndim - 2u));
    factors f = {0};
    bool right = solve_into(c, &f, batch, n, left, vector);
    drop(c, &f);
    return right;
}

/* B' = A^-H X', A' = -B' X^H; of X A = B: A' = -X^H B'. */
static bool linalg_solve_vjp(tni_vjp *g) {
    bool left = g->arg[0].b;
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *x = tni_saved(g, TNI_OUT(0)), *dx = g->dy[0];
    if (!a || !x) return false;
    bool vector = x->a.ndim < a->a.ndim;
    if (vector) x = tn_unsqueeze(x, -1), dx = tn_unsqueeze(dx, -1);
    tn_tensor *db = tn_linalg_solve(tni_adjoint(a), dx, .left = left);
    if (!db) return false;
    TNI_DX(g, 1, tni_to_shape_of(g, 1, vector ? tn_squeeze(db, -1) : db));
    if (tni_needs(g, 0))
        TNI_DX(g, 0, tni_to_shape_of(g, 0, tn_neg(left ? tn_matmul(db, tni_adjoint(x)) : tn_matmul(tni_adjoint(x), db))));
    return true;
}

TN_OP(linalg_solve, .schema = "linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
      .grad_name = "LinalgSolveExBackward0", .run = linalg_solve_run, .vjp = linalg_solve_vjp, .wide_only = true,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,3] f32[3,2] @bench", "f64[3,3] f64[3]", "f64[2,3,3] f64[2,3]", "f64[2,3,3] f64[3]",
                            "f32[3,3]^T f32[2,3,4]", "f64[2,1,3,3] f64[4,3,2]^T", "f64[3,3] f64[2,3] left=False",
                            "f64[2,3,3]^T f64[4,3] left=False", "f32[0,0] f32[0,3]", "f32[0,3,3] f32[0,3,2]", "f32[3,3] f32[3,0]",
                            "f64[1,1] f64[1]", "c64[3,3] c64[3,2]", "c128[2,3,3]^T c128[4,3] left=False", "c128[2,3,3] c128[2,3]",
                            "c64[1,1] c64[1]", "c64[2,2]=1 c64[2] !linalg", "f32[3,3] c64[3] !dtype", "f32[3,3]=1 f32[3] !linalg",
                            "f64[2,3,3]=0 f64[2,3] !linalg", "f32[3] f32[3] !shape", "f32[3,4] f32[3] !shape",
                            "f32[3,3] f32[4] !shape", "f32[3,3] f32[3,2] left=False !shape", "f32[3,3] f32[] !shape",
                            "f32[2,3,3] f32[3,3,3] !shape", "f32[3,3] f64[3] !dtype", "i64[3,3] i64[3] !dtype",
                            "f16[3,3] f16[3] !not_implemented", "bool[3,3] bool[3] !dtype"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_solve. */
typedef struct tn_linalg_solve_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    bool left; /* true: A X = B; false: X A = B */
} tn_linalg_solve_opts;
#ifndef __cplusplus
#define tn_linalg_solve(a, ...)                                                                                                    \
    TN_WITH(tn_linalg_solve_opts, (.left = true), (tn_linalg_solve)(a, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The solution of A X = B: torch.linalg.solve. By LU factors with row exchanges, for each matrix of a batch.
 *  a        (..., n, n), float32, float64, complex64 or complex128
 *  b        (..., n, k), or one vector (n) or (..., n) for each matrix; its batch dims broadcast with a's
 *  returns  b's shape, broadcast [scope]; TN_ERR_LINALG for a singular matrix, TN_ERR_SHAPE, TN_ERR_DTYPE; 16-bit floats are
 *           TN_ERR_NOT_IMPLEMENTED
 */
TN_API tn_tensor *(tn_linalg_solve)(tn_tensor *a, tn_tensor *b, const tn_linalg_solve_opts *opts) {
    return tni_run_op(&tni_op_linalg_solve, TNI_INS(a, b), TNI_ARGS({.b = TNI_OPT(opts, left, true)}));
}

/* ---- linalg_inv ---- */

static double _Complex get(const tn_tensor *x, int64_t i) {
    switch (x->a.dtype) {
    case TN_FLOAT32: return (double)((float *)x->a.data)[i];
    case TN_FLOAT64: return ((double *)x->a.data)[i];
    case TN_COMPLEX64: return ((float _Complex *)x->a.data)[i];
    default: return ((double _Complex *)x->a.data)[i];
    }
}

static void put(tn_tensor *x, int64_t i, double _Complex value) {
    switch (x->a.dtype) {
    case TN_FLOAT32: ((float *)x->a.data)[i] = (float)__real__ value; break;
    case TN_FLOAT64: ((double *)x->a.data)[i] = __real__ value; break;
    case TN_COMPLEX64: ((float _Complex *)x->a.data)[i] = (float _Complex)value; break;
    default: ((double _Complex *)x->a.data)[i] = value;
    }
}

/* Ones as the real parts of the diagonal of zeros. */
static void set_identity(tn_tensor *x, int64_t n, int64_t count) {
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    bool wide = tni_dtype_real(dtype) == TN_FLOAT64;
    int64_t parts = tni_dtype_is_complex(dtype) ? 2 : 1;
    for (int64_t i = 0; i < count; i++)
        for (int64_t d = 0; d < n; d++) {
            if (wide)
                ((double *)x->a.data)[parts * ((i * n + d) * n + d)] = 1;
            else
                ((float *)x->a.data)[parts * ((i * n + d) * n + d)] = 1;
        }
}

static bool invert(tni_call *c, factors *f) {
    const tni_array *a = &c->in[0]->a;
    TNI_TRY(factor(c, "linalg.inv", a->sizes, a->ndim - 2u, false, f));
    TNI_TRY(tni_linalg_refuse("linalg.inv", f->zero, f->count, a->ndim > 2, "The diagonal element ",
                              " is zero, the inversion could not be completed because the input matrix is singular."));
    if (!(f->b = tni_tensor_zeros(c->t, c->op->name, (tn_dtype)a->dtype, a->sizes, a->ndim))) return false;
    f->k = f->n;
    set_identity(f->b, f->n, f->count);
    return solve(f) && tni_linalg_out(c, 0, f->b, false, a->sizes, a->ndim, TNI_BY_COLUMNS);
}

static bool linalg_inv_run(tni_call *c) {
    TNI_TRY(tni_linalg_check_matrix("linalg.inv", "A", c->in[0], true));
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_CHECK(!tni_dtype_is_half(dtype), TN_ERR_DTYPE, "linalg.inv: Low precision dtypes not supported. Got %s",
              tni_dtype_get(dtype)->legacy);
    TNI_TRY(tni_linalg_check_dtype("linalg.inv", "lu_cpu", c->in[0]));
    factors f = {0};
    bool right = invert(c, &f);
    drop(c, &f);
    return right;
}

/* -Y^H Y' Y^H */
static bool linalg_inv_vjp(tni_vjp *g) {
    tn_tensor *y = tni_adjoint(tni_saved(g, TNI_OUT(0)));
    TNI_DX(g, 0, y ? tn_neg(tn_matmul(tn_matmul(y, g->dy[0]), y)) : NULL);
    return true;
}

TN_OP(linalg_inv, .schema = "linalg_inv(Tensor A) -> Tensor", .grad_name = "LinalgInvExBackward0", .run = linalg_inv_run,
      .vjp = linalg_inv_vjp, .wide_only = true, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,3] @bench", "f64[2,3,3]", "f64[3,3]^T", "f32[1,1]", "f32[0,0]", "f32[0,3,3]", "f32[2,0,0]",
                            "c64[3,3]", "c128[2,3,3]^T", "c64[1,1]", "c64[2,2]=1 !linalg", "f32[3,3]=1 !linalg",
                            "f32[2,2,2]=0 !linalg", "f32[3] !shape", "f32[3,4] !shape", "i64[3,3] !dtype", "bf16[3,3] !dtype"));

/** The inverse of each matrix: torch.linalg.inv. To solve equations tn_linalg_solve is quicker and more exact.
 *  a        (..., n, n), float32, float64, complex64 or complex128
 *  returns  a's shape [scope]; TN_ERR_LINALG for a singular matrix, TN_ERR_SHAPE, TN_ERR_DTYPE
 */
TN_API tn_tensor *tn_linalg_inv(tn_tensor *a) { return tni_run_op(&tni_op_linalg_inv, TNI_INS(a), TNI_NO_ARGS); }

/* ---- determinants ---- */

static bool is_complex(const factors *f) { return tni_dtype_is_complex(f->dtype); }
static int64_t place(const factors *f, int64_t i, int64_t d) { return (i * f->n + d) * f->n + d; }

/* -1 for each exchange of rows. */
static double sign_of_rows(const factors *f, int64_t i) {
    double sign = 1;
    for (int64_t d = 0; d < f->n; d++)
        if (f->pivot[i * f->n + d] != d) sign = -sign;
    return sign;
}

static double real_determinant(const factors *f, int64_t i) {
    double product = sign_of_rows(f, i);
    const void *lu = f->lu->a.data;
    bool wide = f->dtype == TN_FLOAT64;
    for (int64_t d = 0, at = place(f, i, 0); d < f->n; d++, at += f->n + 1)
        product *= wide ? ((const double *)lu)[at] : (double)((const float *)lu)[at];
    return product;
}

static double _Complex determinant(const factors *f, int64_t i) {
    if (!is_complex(f)) return real_determinant(f, i);
    double _Complex product = sign_of_rows(f, i);
    for (int64_t d = 0; d < f->n; d++) product = TNI_CMUL(product, get(f->lu, place(f, i, d)));
    return product;
}

/* The factors of in[0], and out[0..n) of its batch's shape. */
static bool factor_for_numbers(tni_call *c, const char *who, size_t outputs, factors *f) {
    const tni_array *a = &c->in[0]->a;
    TNI_TRY(tni_linalg_check_matrix(who, "A", c->in[0], true));
    TNI_CHECK(outputs == 1 || !tni_dtype_is_half((tn_dtype)a->dtype), TN_ERR_DTYPE,
              "%s: Low precision dtypes not supported. Got %s", who, tni_dtype_get((tn_dtype)a->dtype)->legacy);
    TNI_TRY(tni_linalg_check_dtype(who, "lu_cpu", c->in[0]));
    tn_dtype dtype[] = {(tn_dtype)a->dtype, tni_dtype_real((tn_dtype)a->dtype)};
    for (size_t k = 0; k < outputs; k++) TNI_TRY(tni_out(c, k, dtype[k], a->sizes, a->ndim - 2u));
    return factor(c, who, a->sizes, a->ndim - 2u, false, f);
}

static bool linalg_det_run(tni_call *c) {
    factors f = {0};
    bool right = factor_for_numbers(c, "linalg.det", 1, &f);
    for (int64_t i = 0; right && i < f.count; i++) put(c->out[0], i, determinant(&f, i));
    drop(c, &f);
    return right;
}

/* One number for each matrix, beside them. */
static tn_tensor *for_matrices(tn_tensor *x) { return x ? tn_unsqueeze(tn_unsqueeze(x, -1), -1) : NULL; }

/* ---- the derivative of the determinant, also where it is 0: det(A) A^-T, conjugate ---- */

/* Pivots that are 0 become so small that only products without them count. */
static void replace_zeros(const factors *f, int64_t i) {
    bool wide = tni_dtype_real(f->dtype) == TN_FLOAT64;
    for (int64_t d = 0; d < f->n; d++)
        if (get(f->lu, place(f, i, d)) == 0)
            put(f->lu, place(f, i, d), wide ? DBL_EPSILON * DBL_EPSILON : (double)(FLT_EPSILON * FLT_EPSILON));
}

static void scale(tn_tensor *x, int64_t begin, int64_t n, double _Complex by) {
    for (int64_t i = begin; i < begin + n; i++) put(x, i, TNI_CMUL(by, get(x, i)));
}

static bool cofactors(tni_call *c, factors *f) {
    const tni_array *a = &c->in[0]->a;
    TNI_TRY(factor(c, "linalg.det", a->sizes, a->ndim - 2u, false, f));
    for (int64_t i = 0; i < f->count; i++) replace_zeros(f, i);
    if (!(f->b = tni_tensor_zeros(c->t, c->op->name, (tn_dtype)a->dtype, a->sizes, a->ndim))) return false;
    f->k = f->n;
    set_identity(f->b, f->n, f->count);
    TNI_TRY(solve(f));
    for (int64_t i = 0; i < f->count; i++) scale(f->b, i * f->n * f->n, f->n * f->n, determinant(f, i));
    return tni_linalg_out(c, 0, f->b, true, a->sizes, a->ndim, TNI_BY_COLUMNS);
}

static bool cofactors_run(tni_call *c) {
    TNI_TRY(tni_linalg_check_dtype("linalg.det", "lu_cpu", c->in[0]));
    factors f = {0};
    bool right = cofactors(c, &f);
    drop(c, &f);
    return right;
}

/* With T = A^-H: the conjugate of det(A) times sum(C' T) T - T C'^T T. */
static bool cofactors_vjp(tni_vjp *g) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *t = a ? tni_adjoint(tn_linalg_inv(a)) : NULL, *dc = g->dy[0];
    if (!t) return false;
    tn_tensor *sums = tn_sum(tn_mul(dc, t), .dims = TN_INTS(-2, -1), .keepdim = true);
    tn_tensor *inner = sums ? tn_sub(tn_mul(sums, t), tn_matmul(tn_matmul(t, tni_turned(dc)), t)) : NULL;
    TNI_DX(g, 0, inner ? tn_mul(for_matrices(tni_conjugate(tn_linalg_det(a))), inner) : NULL);
    return true;
}

TN_OP(linalg_cofactors, .schema = "_linalg_cofactors(Tensor A) -> Tensor", .grad_name = "LinalgCofactorsBackward0",
      .run = cofactors_run, .vjp = cofactors_vjp, .save = TNI_IN(0), .hidden = true, .wide_only = true,
      .samples = TN_SAMPLES("f64[3,3]", "f64[2,3,3]", "f64[3,3]=1 nograd", "c128[2,3,3]"));

static bool linalg_det_vjp(tni_vjp *g) {
    tn_tensor *c = tni_run_op(&tni_op_linalg_cofactors, TNI_INS(tni_saved(g, TNI_IN(0))), TNI_NO_ARGS);
    TNI_DX(g, 0, c ? tn_mul(for_matrices(g->dy[0]), tni_conjugate(c)) : NULL);
    return true;
}

TN_OP(linalg_det, .schema = "linalg_det(Tensor A) -> Tensor", .grad_name = "LinalgDetBackward0", .run = linalg_det_run,
      .vjp = linalg_det_vjp, .wide_only = true, .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,3] @bench", "f64[2,3,3]", "f64[3,3]^T", "f32[1,1]", "f32[0,0]", "f32[0,3,3]", "f32[2,0,0]",
                            "f64[3,3]=1 nograd", "c64[3,3]", "c128[2,3,3]^T", "c64[1,1]", "c128[2,2]=1 nograd", "f32[3] !shape",
                            "f32[3,4] !shape", "i64[3,3] !dtype", "f16[2,2] !not_implemented"));

/** The determinant of each matrix, 0 for a singular one: torch.linalg.det. The first derivative exists everywhere, the second only where
 *  it is not 0 (else TN_ERR_LINALG).
 *  a        (..., n, n), float32, float64, complex64 or complex128
 *  returns  (...) [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE
 */
TN_API tn_tensor *tn_linalg_det(tn_tensor *a) { return tni_run_op(&tni_op_linalg_det, TNI_INS(a), TNI_NO_ARGS); }

/* x / |x|, 0 for 0; of a real number the sign, NaN for NaN. */
static double _Complex direction(double _Complex x, double size, bool plane) {
    if (plane) return size == 0 ? 0 : __builtin_complex(__real__ x / size, __imag__ x / size);
    return isnan(size) ? size : (double)(__real__ x > 0) - (double)(__real__ x < 0);
}

static bool linalg_slogdet_run(tni_call *c) {
    factors f = {0};
    bool right = factor_for_numbers(c, "linalg.slogdet", 2, &f), plane = is_complex(&f);
    for (int64_t i = 0; right && i < f.count; i++) {
        double _Complex sign = sign_of_rows(&f, i);
        double sum = 0;
        for (int64_t d = 0; d < f.n; d++) {
            double _Complex pivot = get(f.lu, place(&f, i, d));
            double size = plane ? hypot(__real__ pivot, __imag__ pivot) : fabs(__real__ pivot);
            sign = TNI_CMUL(sign, direction(pivot, size, plane));
            sum += log(size);
        }
        put(c->out[0], i, sign);
        put(c->out[1], i, sum);
    }
    drop(c, &f);
    return right;
}

/* (L' + i Im(S' S*)) A^-H for the sign S, which is constant when it is real, and L. */
static bool linalg_slogdet_vjp(tni_vjp *g) {
    tn_tensor *sign = tni_saved(g, TNI_OUT(0)), *dsign = g->dy[0], *dlog = g->dy[1];
    if (!sign) return false;
    bool turns = dsign && tni_dtype_is_complex((tn_dtype)sign->a.dtype);
    if (!turns && !dlog) return true;
    if (turns) {
        tn_tensor *angle = tn_imag(tn_mul(dsign, tn_conj(sign)));
        dlog = dlog || !angle ? dlog : tn_zeros_like(angle);
        dlog = tn_complex(dlog, angle);
    }
    tn_tensor *inverse = tni_adjoint(tn_linalg_inv(tni_saved(g, TNI_IN(0))));
    TNI_DX(g, 0, inverse ? tn_mul(for_matrices(dlog), inverse) : NULL);
    return true;
}

TN_OP(linalg_slogdet, .schema = "linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
      .grad_name = "LinalgSlogdetBackward0", .run = linalg_slogdet_run, .vjp = linalg_slogdet_vjp, .wide_only = true,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,3] @bench nograd", "f64[2,3,3] nograd", "f64[3,3]^T nograd", "f32[1,1] nograd",
                            "f32[0,0] nograd", "f32[0,3,3] nograd", "f64[3,3]=1 nograd", "c64[3,3]", "c128[2,3,3]^T", "c64[1,1]",
                            "c64[2,2]=1 nograd", "f32[3] !shape", "f32[3,4] !shape", "i64[3,3] !dtype", "f16[2,2] !dtype"));

/** The sign of each determinant (x / |x| of a complex one) and the logarithm of its magnitude, which neither overflow: torch.linalg.slogdet. 0
 *  and -infinity for a singular matrix, where the derivative is TN_ERR_LINALG.
 *  a                (..., n, n), float32, float64, complex64 or complex128
 *  sign, logabsdet  receive tensors (...), logabsdet always real [scope]; NULL: not wanted. NULL is stored on failure
 */
TN_API bool tn_linalg_slogdet(tn_tensor *a, tn_tensor **sign, tn_tensor **logabsdet) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_linalg_slogdet, TNI_INS(a), TNI_NO_ARGS, out, 2);
    if (sign) *sign = out[0];
    if (logabsdet) *logabsdet = out[1];
    return right;
}
