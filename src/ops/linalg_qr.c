/* ops/linalg_qr.c - orthogonal factors by reflections: geqrf, linalg_householder_product, linalg_qr. */
#include "base/memory.h"
#include "cpu/factor.h"
#include "ops/linalg.h"
#include "ops/unary.h"
#include <string.h>
#include <tison/ops.h>

/* ---- the work, matrix by matrix ---- */

typedef struct reflections {
    char *a, *tau, *q, *r; /* a: (m, n), the vectors; q: (m, columns) and r: (rows, n) are made from it, NULL: not wanted */
    int64_t m, n, k, columns, rows;
    tn_dtype dtype;
    size_t item;
} reflections;

static bool factor_one(int64_t i, void *context) {
    const reflections *f = context;
    return tni_qr(f->dtype, f->a + (size_t)(i * f->m * f->n) * f->item, f->m, f->n, f->tau + (size_t)(i * f->k) * f->item);
}

static bool product_one(int64_t i, void *context) {
    const reflections *f = context;
    return tni_reflections(f->dtype, f->q + (size_t)(i * f->m * f->columns) * f->item, f->m, f->columns,
                           f->a + (size_t)(i * f->m * f->n) * f->item, f->n, f->tau + (size_t)(i * f->k) * f->item, f->k);
}

static void take_triangle(const reflections *f, int64_t i) {
    const char *a = f->a + (size_t)(i * f->m * f->n) * f->item;
    char *r = f->r + (size_t)(i * f->rows * f->n) * f->item;
    size_t row = (size_t)f->n * f->item;
    for (int64_t d = 0; d < f->rows; d++) {
        size_t zeros = TNI_MIN((size_t)d * f->item, row);
        memset(r + (size_t)d * row, 0, zeros);
        memcpy(r + (size_t)d * row + zeros, a + (size_t)d * row + zeros, row - zeros);
    }
}

/* Threads share a batch by what one matrix costs. */
static int64_t work(const reflections *f) { return 2 * f->m * f->n * f->k; }

/* ---- geqrf ---- */

/* A copy of in[0] becomes its factors; *a and *tau belong to the caller. */
static bool factor(tni_call *c, const char *who, tn_tensor **a, tn_tensor **tau, reflections *f) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS];
    size_t n = x->ndim - 2u;
    f->m = x->sizes[n], f->n = x->sizes[n + 1], f->k = TNI_MIN(f->m, f->n);
    f->dtype = (tn_dtype)x->dtype, f->item = tni_array_item(x);
    memcpy(sizes, x->sizes, n * sizeof *sizes);
    sizes[n] = f->k;
    if (!(*tau = tni_tensor_new(c->t, who, (tn_dtype)x->dtype, sizes, n + 1))) return false;
    if (!(*a = tni_linalg_copy(c, who, c->in[0], x->sizes, n, TNI_AS_IT_IS))) return false;
    f->a = (*a)->a.data, f->tau = (*tau)->a.data;
    return tni_linalg_each(tni_linalg_count(*a), work(f), factor_one, f);
}

static bool geqrf_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_CHECK(x->ndim >= 2, TN_ERR_SHAPE, "torch.geqrf: input must have at least 2 dimensions.");
    TNI_TRY(tni_linalg_check_dtype(NULL, "geqrf_cpu", c->in[0]));
    tn_tensor *a = NULL;
    reflections f = {0};
    bool right = factor(c, "geqrf", &a, &c->out[1], &f) && tni_linalg_out(c, 0, a, false, x->sizes, x->ndim, TNI_BY_COLUMNS);
    tni_tensor_destroy_new(c->t, a);
    return right;
}

static bool geqrf_vjp(tni_vjp *g) {
    (void)g;
    return tni_fail(TN_ERR_NOT_IMPLEMENTED, "the derivative for 'geqrf' is not implemented.");
}

TN_OP(geqrf, .schema = "geqrf(Tensor self) -> (Tensor a, Tensor tau)", .grad_name = "GeqrfBackward0", .run = geqrf_run,
      .vjp = geqrf_vjp, .wide_only = true,
      .samples = TN_SAMPLES("f32[4,3] @bench nograd", "f64[3,4] nograd", "f64[2,3,3] nograd", "f64[3,3]^T nograd",
                            "f32[3,1] nograd", "f32[1,3] nograd", "f32[3,3]=0 nograd", "f32[0,3] nograd", "f32[3,0] nograd",
                            "f32[0,2,2] nograd", "c64[4,3] nograd", "c128[3,4] nograd", "c128[2,3,3]^T nograd", "c64[1,1] nograd",
                            "c64[3,1] nograd", "c64[2,2]=0 nograd", "f32[3] !shape", "i64[3,3] !not_implemented",
                            "bf16[3,3] !not_implemented"));

/** QR factors as LAPACK leaves them: torch.geqrf. In a the triangle R, and below it the vectors of the reflections without their leading
 *  one, from which tn_linalg_householder_product makes Q. It has no derivative; tn_linalg_qr has.
 *  x       (..., m, n), float32, float64, complex64 or complex128
 *  a, tau  receive tensors (..., m, n) and (..., min(m, n)) [scope]; NULL: not wanted. NULL is stored on failure
 */
TN_API bool tn_geqrf(tn_tensor *x, tn_tensor **a, tn_tensor **tau) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_geqrf, TNI_INS(x), TNI_NO_ARGS, out, 2);
    if (a) *a = out[0];
    if (tau) *tau = out[1];
    return right;
}

/* ---- linalg_householder_product ---- */

#define HP "torch.linalg.householder_product: "

static bool check_product(const tn_tensor *x, const tn_tensor *tau) {
    TNI_CHECK(x->a.ndim >= 2, TN_ERR_SHAPE, HP "input must have at least 2 dimensions.");
    TNI_CHECK(tni_last(x, 1) >= tni_last(x, 0), TN_ERR_SHAPE,
              HP "input.shape[-2] must be greater than or equal to input.shape[-1]");
    TNI_CHECK(tau->a.ndim == x->a.ndim - 1, TN_ERR_SHAPE,
              HP "Expected tau to have one dimension less than input, but got tau.ndim equal to %d and input.ndim is equal to %d",
              tau->a.ndim, x->a.ndim);
    TNI_CHECK(tni_last(x, 0) >= tni_last(tau, 0), TN_ERR_SHAPE,
              HP "input.shape[-1] must be greater than or equal to tau.shape[-1]");
    size_t n = x->a.ndim - 2u;
    TNI_CHECK(memcmp(x->a.sizes, tau->a.sizes, n * sizeof(int64_t)) == 0, TN_ERR_SHAPE,
              HP "Expected batch dimensions of tau to be equal to input.shape[:-2], but got %s",
              tni_shape_text((char[160]){0}, 160, tau->a.sizes, n));
    TNI_CHECK(x->a.dtype == tau->a.dtype, TN_ERR_DTYPE, HP "tau dtype %s does not match input dtype %s",
              tni_dtype_get((tn_dtype)tau->a.dtype)->legacy, tni_dtype_get((tn_dtype)x->a.dtype)->legacy);
    return tni_linalg_check_dtype(NULL, "orgqr_cpu", x);
}

/* Row-major inputs x and tau, number `first` and the next one, and what stands in them. */
static bool take_reflections(tni_call *c, size_t first, tn_tensor **a, reflections *f) {
    const tni_array *x = &c->in[first]->a, *tau;
    f->m = tni_last(c->in[first], 1), f->n = f->columns = tni_last(c->in[first], 0), f->k = tni_last(c->in[first + 1], 0);
    f->dtype = (tn_dtype)x->dtype, f->item = tni_array_item(x);
    if (!(tau = tni_in_as(c, first + 1, (tn_dtype)x->dtype))) return false;
    if (!(*a = tni_linalg_copy(c, "linalg.householder_product", c->in[first], x->sizes, x->ndim - 2u, TNI_AS_IT_IS))) return false;
    f->a = (*a)->a.data, f->tau = tau->data;
    return true;
}

static bool multiply(tni_call *c, tn_tensor **a, tn_tensor **q, reflections *f) {
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(take_reflections(c, 0, a, f));
    if (!(*q = tni_tensor_new(c->t, c->op->name, (tn_dtype)x->dtype, x->sizes, x->ndim))) return false;
    f->q = (*q)->a.data;
    return tni_linalg_each(tni_linalg_count(*a), work(f), product_one, f) &&
           tni_linalg_out(c, 0, *q, false, x->sizes, x->ndim, TNI_BY_COLUMNS);
}

static bool linalg_householder_product_run(tni_call *c) {
    tn_tensor *a = NULL, *q = NULL;
    reflections f = {0};
    bool right = check_product(c->in[0], c->in[1]) && multiply(c, &a, &q, &f);
    tni_tensor_destroy_new(c->t, a);
    tni_tensor_destroy_new(c->t, q);
    return right;
}

typedef struct back {
    reflections f;
    char *dv, *dtau, *dq;
} back;

static bool back_one(int64_t i, void *context) {
    const back *b = context;
    const reflections *f = &b->f;
    size_t at = (size_t)(i * f->m * f->n) * f->item, at_tau = (size_t)(i * f->k) * f->item;
    return tni_reflections_back(f->dtype, b->dv + at, b->dtau + at_tau, b->dq + at, f->m, f->n, f->a + at, f->tau + at_tau, f->k);
}

/* Inputs: dq, the vectors and tau. */
static bool householder_back_run(tni_call *c) {
    const tni_array *x = &c->in[1]->a, *tau = &c->in[2]->a, *dq;
    tn_tensor *a = NULL;
    back b = {0};
    TNI_TRY(check_product(c->in[1], c->in[2]));
    TNI_REQUIRE(c, tni_same_shape(x, &c->in[0]->a), TN_ERR_SHAPE, "the gradient has the wrong shape");
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, x->sizes, x->ndim) && tni_out(c, 1, (tn_dtype)x->dtype, tau->sizes, tau->ndim));
    bool right = (dq = tni_in_as(c, 0, (tn_dtype)x->dtype)) && take_reflections(c, 1, &a, &b.f);
    if (right) {
        b.dv = c->out[0]->a.data, b.dtau = c->out[1]->a.data, b.dq = dq->data;
        right = tni_linalg_each(tni_linalg_count(a), 4 * work(&b.f), back_one, &b);
    }
    tni_tensor_destroy_new(c->t, a);
    return right;
}

TN_OP(householder_back, .schema = "_householder_product_backward(Tensor grad, Tensor input, Tensor tau) -> (Tensor, Tensor)",
      .run = householder_back_run, .hidden = true,
      .samples = TN_SAMPLES("f64[4,3] f64[4,3] f64[3] nograd", "f64[2,4,3] f64[2,4,3] f64[2,2] nograd"));

static bool householder_fused(tni_vjp *g) {
    tn_tensor *out[2], *x = tni_saved(g, TNI_IN(0)), *tau = tni_saved(g, TNI_IN(1));
    TNI_TRY(tni_run_op_multi(&tni_op_householder_back, TNI_INS(g->dy[0], x, tau), TNI_NO_ARGS, out, 2));
    TNI_DX(g, 0, out[0]);
    TNI_DX(g, 1, out[1]);
    return true;
}

/* A column, and its factor as a number for each matrix. */
static tn_tensor *column(tn_tensor *v, int64_t i) { return tn_narrow(v, -1, i, 1); }
static tn_tensor *number(tn_tensor *tau, int64_t i) { return tn_unsqueeze(tn_narrow(tau, -1, i, 1), -1); }
/* x - tau v w */
static tn_tensor *reflected(tn_tensor *x, tn_tensor *tau, tn_tensor *v, tn_tensor *w) {
    return x && w ? tn_sub(x, tn_mul(tau, tn_matmul(v, w))) : NULL;
}

/* The steps of cpu/factor_kernel.h as a formula: q[i] are the products from reflection i on, s goes through those before it. With
 * a = q[i + 1]' v and b = s' v: tau' = -b' a and v' = -(tau* s a + tau q[i + 1] b), tau* being tau's conjugate. */
static bool back_by_formula(tni_vjp *g, tn_tensor *v, tn_tensor *tau, int64_t k, tn_tensor **q, tn_tensor **dv, tn_tensor **dtau) {
    tn_tensor *s = g->dy[0];
    for (int64_t i = k - 1; i >= 0; i--)
        q[i] = reflected(q[i + 1], number(tau, i), column(v, i), tn_matmul(tni_adjoint(column(v, i)), q[i + 1]));
    for (int64_t i = 0; i < k; i++) {
        tn_tensor *x = column(v, i), *a = tn_matmul(tni_adjoint(q[i + 1]), x), *b = tn_matmul(tni_adjoint(s), x);
        tn_tensor *t = number(tau, i), *conjugate = tni_conjugate(t);
        if (!a || !b || !conjugate) return false;
        dtau[i] = tn_neg(tn_squeeze(tn_sum(tn_mul(a, tni_conjugate(b)), -2, true), -1));
        dv[i] = tn_neg(tn_add(tn_mul(conjugate, tn_matmul(s, a)), tn_mul(t, tn_matmul(q[i + 1], b))));
        s = reflected(s, conjugate, x, tni_adjoint(b));
    }
    return s != NULL;
}

static tn_tensor *joined(tn_tensor **parts, size_t n, tn_tensor *like) {
    int64_t missing = tni_last(like, 0) - (int64_t)n;
    if (missing > 0) parts[n++] = tn_zeros_like(tn_narrow(like, -1, 0, missing));
    return n ? tn_cat(parts, n, .dim = -1) : tn_zeros_like(like);
}

static bool linalg_householder_product_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *tau = tni_saved(g, TNI_IN(1));
    if (!x || !tau) return false;
    int64_t k = tni_last(tau, 0), m = tni_last(x, 1), n = tni_last(x, 0);
    size_t bytes = (size_t)(3 * k + 4) * sizeof(tn_tensor *);
    tn_tensor **q = tni_alloc(bytes), **dv, **dtau;
    if (!q) return false;
    dv = q + k + 1, dtau = dv + k + 1;
    tn_tensor *ones = tn_eye(m, .m = n, .dtype = tn_get_dtype(x));
    tn_tensor *v = tn_add(tn_tril(x, -1), ones);
    q[k] = ones;
    bool right = v && back_by_formula(g, v, tau, k, q, dv, dtau);
    tn_tensor *dx = right ? joined(dv, (size_t)k, x) : NULL, *dt = dx ? joined(dtau, (size_t)k, tau) : NULL;
    tni_free(q, bytes);
    if (!dt) return false;
    TNI_DX(g, 0, tn_tril(dx, -1));
    TNI_DX(g, 1, dt);
    return true;
}

TN_OP(linalg_householder_product, .schema = "linalg_householder_product(Tensor input, Tensor tau) -> Tensor",
      .grad_name = "LinalgHouseholderProductBackward0", .run = linalg_householder_product_run,
      .vjp = linalg_householder_product_vjp, .wide_only = true, .fused_vjp = householder_fused, .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[4,3] f32[3] @bench", "f64[3,3] f64[3]", "f64[2,4,3] f64[2,2]", "f64[4,3]^T f64[3]",
                            "f32[4,3] f32[0] nograd", "f32[3,1] f32[1]", "f32[4,0] f32[0] nograd", "f32[0,4,3] f32[0,2]",
                            "c64[4,3] c64[3] small", "c128[2,3,3]^T c128[2,2] small", "c128[3,1] c128[1]", "c64[3,2] f32[2] !dtype",
                            "f32[3,4] f32[2] !shape", "f32[4,3] f32[4] !shape", "f32[4] f32[4] !shape", "f32[2,4,3] f32[3] !shape",
                            "f32[2,4,3] f32[3,2] !shape", "f32[4,3] f64[2] !dtype", "i64[3,3] i64[3] !not_implemented",
                            "f16[3,3] f16[3] !not_implemented"));

/** The first n columns of the product of reflections 1 - tau v v', v' being the adjoint: torch.linalg.householder_product.
 *  input    (..., m, n), m >= n: below the diagonal the vectors v without their leading one; float32, float64, complex64 or complex128
 *  tau      (..., k), k <= n
 *  returns  (..., m, n) [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE, TN_ERR_NOT_IMPLEMENTED for other dtypes
 */
TN_API tn_tensor *tn_linalg_householder_product(tn_tensor *input, tn_tensor *tau) {
    return tni_run_op(&tni_op_linalg_householder_product, TNI_INS(input, tau), TNI_NO_ARGS);
}

/* ---- linalg_qr: argument mode ---- */

static bool mode_of(const char *word, bool *full, bool *only_r) {
    *full = word && strcmp(word, "complete") == 0, *only_r = word && strcmp(word, "r") == 0;
    return !word || *full || *only_r || strcmp(word, "reduced") == 0 ||
           tni_fail(TN_ERR_RUNTIME,
                    "qr received unrecognized mode '%s' but expected one of 'reduced' (default), 'r', or 'complete'", word);
}

typedef struct parts {
    tn_tensor *a, *tau, *q, *r;
} parts;

static bool make_q(tni_call *c, reflections *f, parts *p, int64_t *sizes, size_t ndim) {
    sizes[ndim - 1] = f->columns;
    if (!(p->q = tni_tensor_new(c->t, c->op->name, (tn_dtype)p->a->a.dtype, sizes, ndim))) return false;
    f->q = p->q->a.data;
    return tni_linalg_each(tni_linalg_count(p->a), work(f), product_one, f) &&
           tni_linalg_out(c, 0, p->q, false, sizes, ndim, TNI_BY_COLUMNS);
}

static bool make_r(tni_call *c, reflections *f, parts *p, int64_t *sizes, size_t ndim) {
    sizes[ndim - 2] = f->rows, sizes[ndim - 1] = f->n;
    if (!(p->r = tni_tensor_new(c->t, c->op->name, (tn_dtype)p->a->a.dtype, sizes, ndim))) return false;
    f->r = p->r->a.data;
    for (int64_t i = 0, count = tni_linalg_count(p->a); i < count; i++) take_triangle(f, i);
    return tni_linalg_out(c, 1, p->r, false, sizes, ndim, TNI_BY_COLUMNS);
}

static bool linalg_qr_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS];
    bool full, only_r;
    TNI_TRY(tni_linalg_check_matrix("linalg.qr", "A", c->in[0], false));
    TNI_TRY(mode_of(c->arg[0].p, &full, &only_r));
    TNI_TRY(tni_linalg_check_dtype("linalg.qr", "geqrf_cpu", c->in[0]));
    c->arg[0].i = full ? 1 : only_r ? 2 : 0; /* what is recorded outlives the word */
    reflections f = {0};
    parts p = {0};
    memcpy(sizes, x->sizes, x->ndim * sizeof *sizes);
    bool right = factor(c, "linalg.qr", &p.a, &p.tau, &f);
    f.rows = f.columns = full ? f.m : f.k;
    if (right) right = only_r ? tni_out(c, 0, (tn_dtype)x->dtype, (const int64_t[]){0}, 1) : make_q(c, &f, &p, sizes, x->ndim);
    if (right) right = make_r(c, &f, &p, sizes, x->ndim);
    tni_tensor_destroy_new(c->t, p.a);
    tni_tensor_destroy_new(c->t, p.tau);
    tni_tensor_destroy_new(c->t, p.q);
    tni_tensor_destroy_new(c->t, p.r);
    return right;
}

/* M's lower triangle, its adjoint above, a real diagonal. */
static tn_tensor *hermitian(tn_tensor *m) {
    tn_tensor *y = tni_mirrored(m);
    return y && tni_dtype_is_complex((tn_dtype)y->a.dtype) ? tn_mul(tn_add(y, tni_adjoint(y)), 0.5) : y;
}

/* For n <= m: (Q' + Q hermitian(M)) R^-H with M = R R'^H - Q'^H Q. Absent gradients are NULL. */
static tn_tensor *tall_back(tn_tensor *q, tn_tensor *r, tn_tensor *dq, tn_tensor *dr) {
    tn_tensor *m = dr ? tn_matmul(r, tni_adjoint(dr)) : NULL, *from_q = dq ? tn_matmul(tni_adjoint(dq), q) : NULL;
    if ((dr && !m) || (dq && !from_q)) return NULL;
    if (from_q) m = m ? tn_sub(m, from_q) : tn_neg(from_q);
    tn_tensor *symmetric = hermitian(m), *z = symmetric ? tn_matmul(q, symmetric) : NULL;
    if (z && dq) z = tn_add(dq, z);
    return z ? tn_linalg_solve_triangular(tni_adjoint(r), z, .upper = false, .left = false) : NULL;
}

/* For n > m, A = (X, Y) and R = (R1, R2): Y = Q R2 gives Y' = Q R2', and Q's gradient gets Y R2'^H. */
static tn_tensor *wide_back(tn_tensor *q, tn_tensor *r, tn_tensor *dq, tn_tensor *dr, int64_t m, int64_t n) {
    tn_tensor *dr1 = dr ? tn_narrow(dr, -1, 0, m) : NULL, *dr2 = dr ? tn_narrow(dr, -1, m, n - m) : NULL;
    tn_tensor *r1 = tn_narrow(r, -1, 0, m), *dy = dr ? tn_matmul(q, dr2) : NULL;
    if (dr) {
        tn_tensor *more = tn_matmul(tn_matmul(q, tn_narrow(r, -1, m, n - m)), tni_adjoint(dr2));
        dq = dq && more ? tn_add(dq, more) : more;
        if (!dq || !dy) return NULL;
    }
    tn_tensor *dx = r1 ? tall_back(q, r1, dq, dr1) : NULL;
    if (!dy && dx) dy = tn_zeros_like(tn_narrow(r, -1, m, n - m));
    return tni_joined(dx, dy, -1);
}

static bool linalg_qr_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    int64_t m = sizes[ndim - 2], n = sizes[ndim - 1];
    TNI_CHECK(
        g->arg[0].i != 2, TN_ERR_RUNTIME,
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') "
        "if you are going to differentiate through linalg.qr.");
    TNI_CHECK(g->arg[0].i != 1 || m <= n, TN_ERR_RUNTIME,
              "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
    tn_tensor *q = tni_saved(g, TNI_OUT(0)), *r = tni_saved(g, TNI_OUT(1));
    if (!q || !r) return false;
    TNI_DX(g, 0, m >= n ? tall_back(q, r, g->dy[0], g->dy[1]) : wide_back(q, r, g->dy[0], g->dy[1], m, n));
    return true;
}

TN_OP(linalg_qr, .schema = "linalg_qr(Tensor A, str mode=\"reduced\") -> (Tensor Q, Tensor R)", .grad_name = "LinalgQrBackward0",
      .run = linalg_qr_run, .vjp = linalg_qr_vjp, .wide_only = true, .save = TNI_OUT(0) | TNI_OUT(1),
      .samples = TN_SAMPLES("f32[4,3] @bench", "f64[3,3] 'complete'", "f64[2,4,3]", "f64[2,3,4]", "f64[3,3]^T",
                            "f64[3,4] mode='complete'", "f32[4,3] 'complete' nograd", "f64[2,4,3] 'r' nograd", "f32[1,1]",
                            "f32[3,1]", "f32[0,3]", "f32[3,0]", "f32[0,2,2]", "f32[3,3]=0 nograd", "c64[4,3]",
                            "c128[3,3] 'complete'", "c128[2,3,4]", "c128[3,3]^T", "c64[4,3] 'complete' nograd",
                            "c128[2,4,3] 'r' nograd", "c64[1,1]", "c64[0,3]", "f32[3] !shape", "f32[3,3] 'all' !runtime",
                            "i64[3,3] !dtype", "f16[3,3] !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_qr. */
typedef struct tn_linalg_qr_opts {
    size_t size;
    const char *mode; /* NULL, "reduced": Q (m, k), R (k, n), k = min(m, n); "complete": Q (m, m), R (m, n); "r": an empty Q */
} tn_linalg_qr_opts;
#endif
/** A = Q R with orthonormal columns in Q and a triangle R, whose signs are LAPACK's: torch.linalg.qr. Derivatives need independent columns
 *  (rows, for n > m) among the first k; with "complete" and m > n, and with "r", there are none (TN_ERR_RUNTIME).
 *  a     (..., m, n), float32, float64, complex64 or complex128
 *  opts  .mode [NULL ok]
 *  q, r  receive tensors [scope]; NULL: not wanted. NULL is stored on failure
 */
TN_API bool tn_linalg_qr(tn_tensor *a, const tn_linalg_qr_opts *opts, tn_tensor **q, tn_tensor **r) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_linalg_qr, TNI_INS(a), TNI_ARGS({.p = TNI_OPT(opts, mode, NULL)}), out, 2);
    if (q) *q = out[0];
    if (r) *r = out[1];
    return right;
}
