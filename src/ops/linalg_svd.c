/* ops/linalg_svd.c - singular values and vectors: linalg_svd, linalg_svdvals. */
#include "base/memory.h"
#include "cpu/svd.h"
#include "ops/linalg.h"
#include "ops/unary.h"
#include <math.h>
#include <string.h>
#include <tison/autograd.h>
#include <tison/ops.h>

/* ---- the work, matrix by matrix, in float64 or complex128 ---- */

typedef struct job {
    const tni_array *x;    /* (..., m, n), row-major, of the dtype that is worked in */
    tn_tensor *u, *s, *vh; /* u and vh lie by columns: (..., columns of u, m) and (..., n, rows of vh); NULL: not wanted */
    int64_t m, n, k;       /* k = min(m, n) */
    int64_t columns;       /* of the vectors on the long side: k, or all */
    int64_t *trouble;      /* a number for each matrix, 0: none */
    tn_dtype dtype, worked_in;
} job;

/* Rows and columns change places where `turned`; numbers are narrowed where the result is narrower. */
static void store(const job *q, tn_tensor *to, int64_t matrix, const double *from, int64_t rows, int64_t columns, bool turned) {
    int64_t parts = tni_dtype_is_complex(q->dtype) ? 2 : 1, start = matrix * rows * columns * parts;
    bool narrow = tni_dtype_real(q->dtype) == TN_FLOAT32;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t p = 0; p < parts; p++) {
                int64_t at = start + (turned ? j * rows + i : i * columns + j) * parts + p;
                double value = from[(i * columns + j) * parts + p];
                if (narrow)
                    ((float *)to->a.data)[at] = (float)value;
                else
                    ((double *)to->a.data)[at] = value;
            }
}

static void store_values(const job *q, int64_t matrix, const double *s) {
    for (int64_t i = 0; i < q->k; i++) {
        if (q->s->a.dtype == TN_FLOAT32)
            ((float *)q->s->a.data)[matrix * q->k + i] = (float)s[i];
        else
            ((double *)q->s->a.data)[matrix * q->k + i] = s[i];
    }
}

/* The matrix, or its transposed where that is the tall one. */
static void take(const job *q, int64_t matrix, char *to) {
    size_t item = tni_dtype_size(q->worked_in);
    const char *from = (const char *)q->x->data + (size_t)(matrix * q->m * q->n) * item;
    if (q->m >= q->n) {
        memcpy(to, from, (size_t)(q->m * q->n) * item);
        return;
    }
    for (int64_t i = 0; i < q->n; i++)
        for (int64_t j = 0; j < q->m; j++, to += item) memcpy(to, from + (size_t)(j * q->n + i) * item, item);
}

/* Infinities make all results NaN, NaN an error. */
static bool is_finite(const double *x, int64_t numbers, bool *nan) {
    bool right = true;
    for (int64_t i = 0; i < numbers; i++) right = right && isfinite(x[i]), *nan = *nan || isnan(x[i]);
    return right;
}
static void fill_nan(double *x, int64_t numbers) {
    for (int64_t i = 0; i < numbers; i++) x[i] = NAN;
}

/* Of the transposed A^T = U S V^H it is A = (V^H)^T S U^T. */
static bool decompose(int64_t i, void *context) {
    const job *q = context;
    bool turned = q->m < q->n, vectors = q->u != NULL, nan = false, stuck = false;
    int64_t m = TNI_MAX(q->m, q->n), k = q->k, parts = tni_dtype_is_complex(q->worked_in) ? 2 : 1;
    size_t item = tni_dtype_size(q->worked_in), bytes = (size_t)(m * k + k + (vectors ? m * q->columns + k * k : 0) + 1) * item;
    char *all = tni_alloc(bytes);
    if (!all) return false;
    double *s = (double *)(void *)(all + (size_t)(m * k) * item), *u = s + parts * k, *vh = u + parts * m * q->columns;
    bool right = true;
    take(q, i, all);
    if (is_finite((double *)(void *)all, parts * m * k, &nan))
        right = tni_svd(q->worked_in, all, m, k, s, vectors ? u : NULL, q->columns, vectors ? vh : NULL, &stuck);
    else
        fill_nan(s, k + (vectors ? parts * (m * q->columns + k * k) + (parts - 1) * k : 0));
    q->trouble[i] = nan ? 1 : stuck ? 2 : 0;
    store_values(q, i, s);
    if (vectors && right) {
        store(q, turned ? q->vh : q->u, i, u, m, q->columns, !turned);
        store(q, turned ? q->u : q->vh, i, vh, k, k, !turned);
    }
    tni_free(all, bytes);
    return right || stuck;
}

/* ---- _linalg_svd: arguments full_matrices, compute_uv ---- */

static bool new_vectors(tni_call *c, job *q, int64_t *sizes, size_t ndim, bool full) {
    int64_t m = full ? q->m : q->k, n = full ? q->n : q->k;
    sizes[ndim - 2] = m, sizes[ndim - 1] = q->m;
    if (!(q->u = tni_tensor_new(c->t, "linalg.svd", q->dtype, sizes, ndim))) return false;
    sizes[ndim - 2] = q->n, sizes[ndim - 1] = n;
    return (q->vh = tni_tensor_new(c->t, "linalg.svd", q->dtype, sizes, ndim)) != NULL;
}

static bool give_vectors(tni_call *c, const job *q, int64_t *sizes, size_t ndim, bool full) {
    sizes[ndim - 2] = q->m, sizes[ndim - 1] = full ? q->m : q->k;
    if (!tni_linalg_out(c, 0, q->u, true, sizes, ndim, TNI_BY_COLUMNS)) return false;
    sizes[ndim - 2] = full ? q->n : q->k, sizes[ndim - 1] = q->n;
    return tni_linalg_out(c, 2, q->vh, true, sizes, ndim, TNI_BY_COLUMNS);
}

static bool run_job(tni_call *c, job *q, bool full, bool vectors) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS], count = tni_linalg_count(c->in[0]);
    size_t ndim = x->ndim, bytes = (size_t)(count + 1) * sizeof(int64_t);
    memcpy(sizes, x->sizes, ndim * sizeof *sizes);
    sizes[ndim - 2] = q->k;
    TNI_TRY(tni_out(c, 1, tni_dtype_real(q->dtype), sizes, ndim - 1));
    q->s = c->out[1];
    TNI_TRY(!vectors || new_vectors(c, q, sizes, ndim, full));
    if (!(q->x = tni_in_as(c, 0, q->worked_in)) || !(q->trouble = tni_alloc(bytes))) return false;
    bool right = tni_linalg_each(count, 10 * q->m * q->n * q->k, decompose, q);
    int64_t kind = 0;
    for (int64_t i = 0; i < count && !kind; i++) kind = q->trouble[i];
    right = right &&
            tni_linalg_refuse("linalg.svd", q->trouble, count, ndim > 2,
                              kind == 1 ? "The algorithm failed to converge because the input matrix contained non-finite values."
                                        : "The algorithm failed to converge because the input matrix is ill-conditioned or has "
                                          "too many repeated singular values.",
                              NULL);
    tni_free(q->trouble, bytes);
    if (!right) return false;
    if (vectors) return give_vectors(c, q, sizes, ndim, full);
    return tni_out(c, 0, q->dtype, (const int64_t[]){0}, 1) && tni_out(c, 2, q->dtype, (const int64_t[]){0}, 1);
}

static bool svd_run(tni_call *c) {
    TNI_TRY(tni_linalg_check_matrix("linalg.svd", "A", c->in[0], false));
    TNI_TRY(tni_linalg_check_dtype("linalg.svd", "linalg_svd_cpu", c->in[0]));
    bool full = c->arg[0].b, vectors = c->arg[1].b;
    job q = {.m = tni_last(c->in[0], 1), .n = tni_last(c->in[0], 0), .dtype = (tn_dtype)c->in[0]->a.dtype};
    q.k = TNI_MIN(q.m, q.n), q.columns = full ? TNI_MAX(q.m, q.n) : q.k;
    q.worked_in = tni_dtype_is_complex(q.dtype) ? TN_COMPLEX128 : TN_FLOAT64;
    bool right = run_job(c, &q, full, vectors);
    tni_tensor_destroy_new(c->t, q.u);
    tni_tensor_destroy_new(c->t, q.vh);
    return right;
}

/* ---- the derivative ---- */

static tn_tensor *beside_rows(tn_tensor *s) { return tn_unsqueeze(s, -2); }    /* s[j] at (i, j) */
static tn_tensor *beside_columns(tn_tensor *s) { return tn_unsqueeze(s, -1); } /* s[i] at (i, j) */
static tn_tensor *skew(tn_tensor *x) { return x ? tn_sub(x, tni_adjoint(x)) : NULL; }
static tn_tensor *diagonal_of(tn_tensor *x) { return tn_diagonal(x, .dim1 = -2, .dim2 = -1); }

/* Complex vectors are given up to a phase for each pair: what depends on it has no derivative. */
static bool check_phase(tn_tensor *from_u, tn_tensor *from_v) {
    tn_tensor *sum = from_u && from_v ? tn_add(from_u, from_v) : from_u ? from_u : from_v;
    if (!sum || !tni_dtype_is_complex((tn_dtype)sum->a.dtype) || sum->a.device != TNI_CPU) return sum != NULL;
    TN_NO_GRAD;
    tn_tensor *turns = tn_imag(diagonal_of(sum));
    TNI_CHECK(
        turns && tn_allclose(turns, tn_zeros_like(turns), .rtol = 1e-2, .atol = 1e-2), TN_ERR_RUNTIME,
        "svd_backward: The singular vectors in the complex case are specified up to multiplication by e^{i phi}. The specified "
        "loss function depends on this phase term, making it ill-defined.");
    return true;
}

/* What stands between U and V^H, from U^H U' and V^H V' (NULL: absent) and S'. */
static tn_tensor *inner_part(tn_tensor *from_u, tn_tensor *from_v, tn_tensor *s, tn_tensor *ds) {
    tn_tensor *square = tn_mul(s, s), *one = tn_eye(tni_last(s, 0), .dtype = tn_get_dtype(s));
    tn_tensor *gaps = square && one ? tn_add(tn_sub(beside_rows(square), beside_columns(square)), one) : NULL;
    if (!gaps || !check_phase(from_u, from_v)) return NULL;
    tn_tensor *u = from_u ? skew(from_u) : NULL, *v = from_v ? skew(from_v) : NULL;
    tn_tensor *a = u ? tn_mul(u, beside_rows(s)) : NULL, *b = v ? tn_mul(beside_columns(s), v) : NULL;
    tn_tensor *inner = tn_div(a && b ? tn_add(a, b) : a ? a : b, gaps);
    if (inner && ds) inner = tn_add(inner, tn_diag_embed(ds));
    if (inner && u && v && tni_dtype_is_complex((tn_dtype)u->a.dtype))
        inner = tn_add(inner, tn_diag_embed(tn_div(diagonal_of(u), tn_mul(s, 2.0))));
    return inner;
}

/* The part of x across the columns of u, x being divided by s. */
static tn_tensor *across(tn_tensor *u, tn_tensor *x, tn_tensor *s) {
    tn_tensor *y = tn_div(x, beside_rows(s));
    return y ? tn_sub(y, tn_matmul(u, tn_matmul(tni_adjoint(u), y))) : NULL;
}

static tn_tensor *first(tn_tensor *x, int64_t dim, int64_t k) { return x ? tn_narrow(x, dim, 0, k) : NULL; }

static bool svd_vjp(tni_vjp *g) {
    TNI_CHECK(g->arg[1].b, TN_ERR_RUNTIME, "svd_backward: the singular vectors were not computed");
    tn_tensor *s = tni_saved(g, TNI_OUT(1)), *ds = g->dy[1];
    if (!s) return false;
    int64_t k = tni_last(s, 0);
    tn_tensor *u = first(tni_saved(g, TNI_OUT(0)), -1, k), *vh = first(tni_saved(g, TNI_OUT(2)), -2, k);
    tn_tensor *du = first(g->dy[0], -1, k), *dvh = first(g->dy[2], -2, k);
    if (!u || !vh || (g->dy[0] && !du) || (g->dy[2] && !dvh)) return false;
    if (!du && !dvh) {
        TNI_DX(g, 0, ds ? tn_matmul(u, tn_mul(beside_columns(ds), vh)) : NULL);
        return true;
    }
    tn_tensor *v = tni_adjoint(vh), *dv = dvh ? tni_adjoint(dvh) : NULL;
    tn_tensor *from_u = du ? tn_matmul(tni_adjoint(u), du) : NULL, *from_v = dv ? tn_matmul(vh, dv) : NULL;
    if ((du && !from_u) || (dv && !from_v)) return false;
    tn_tensor *dx = tn_matmul(tn_matmul(u, inner_part(from_u, from_v, s, ds)), vh);
    if (dx && du && tni_last(u, 1) > k) dx = tn_add(dx, tn_matmul(across(u, du, s), vh));
    if (dx && dv && tni_last(vh, 0) > k) dx = tn_add(dx, tn_matmul(u, tni_adjoint(across(v, dv, s))));
    TNI_DX(g, 0, dx);
    return true;
}

TN_OP(svd, .schema = "_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor Vh)",
      .grad_name = "LinalgSvdBackward0", .run = svd_run, .vjp = svd_vjp, .wide_only = true, .hidden = true,
      .save = TNI_OUT(0) | TNI_OUT(1) | TNI_OUT(2),
      .samples = TN_SAMPLES("f32[4,3] small nograd", "f64[2,3,4] True small nograd", "c64[3,3] small nograd",
                            "c128[2,4,3]^T True small nograd", "f64[4,3] False False small nograd", "f32[0,3] True small nograd",
                            "f32[3,0] True small nograd"));

/* ---- linalg_svd ---- */

static bool linalg_svd_run(tni_call *c) {
    return tni_run_op_multi(&tni_op_svd, TNI_INS(c->in[0]), TNI_ARGS({.b = c->arg[0].b}, {.b = true}), c->out, 3);
}

/* The vectors' signs differ from PyTorch's, so samples with values are those without a choice. */
TN_OP(linalg_svd, .schema = "linalg_svd(Tensor A, bool full_matrices=True) -> (Tensor U, Tensor S, Tensor Vh)",
      .run = linalg_svd_run, .composite = true, .wide_only = true,
      .samples = TN_SAMPLES("f32[0,3] nograd", "f64[3,0] nograd", "c64[0,3] False nograd", "f32[3] !shape", "i64[3,3] !dtype",
                            "f16[3,3] !not_implemented", "f32[2,2]=nan !linalg"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_svd. */
typedef struct tn_linalg_svd_opts {
    size_t size;
    bool full_matrices; /* true: U (m, m) and Vh (n, n); false: U (m, k) and Vh (k, n), k = min(m, n) */
} tn_linalg_svd_opts;
#endif
/** A = U diag(S) Vh with orthonormal columns of U and rows of Vh, and S from the largest down: torch.linalg.svd. The errors are small beside
 *  S[0]; signs (of complex numbers phases) of the vectors are not PyTorch's. Worked in float64. The derivative of U and Vh needs singular
 *  values that differ and, for a matrix that is not square, are not 0.
 *  a         (..., m, n), float32, float64, complex64 or complex128; NaN is TN_ERR_LINALG
 *  opts      .full_matrices [NULL ok: true]
 *  u, s, vh  receive tensors [scope], s (..., k) real; NULL: not wanted. NULL is stored on failure
 */
TN_API bool tn_linalg_svd(tn_tensor *a, const tn_linalg_svd_opts *opts, tn_tensor **u, tn_tensor **s, tn_tensor **vh) {
    tn_tensor *out[3];
    bool right = tni_run_op_multi(&tni_op_linalg_svd, TNI_INS(a), TNI_ARGS({.b = TNI_OPT(opts, full_matrices, true)}), out, 3);
    if (u) *u = out[0];
    if (s) *s = out[1];
    if (vh) *vh = out[2];
    return right;
}

/* ---- linalg_svdvals ---- */

/* The vectors are for the derivative alone. */
static bool linalg_svdvals_run(tni_call *c) {
    tn_tensor *out[3];
    bool vectors = tn_requires_grad(c->in[0]) && tn_is_grad_enabled();
    TNI_TRY(tni_run_op_multi(&tni_op_svd, TNI_INS(c->in[0]), TNI_ARGS({.b = false}, {.b = vectors}), out, 3));
    return (c->out[0] = out[1]) != NULL;
}

TN_OP(linalg_svdvals, .schema = "linalg_svdvals(Tensor A) -> Tensor", .run = linalg_svdvals_run, .composite = true,
      .wide_only = true,
      .samples = TN_SAMPLES("f32[4,3] @bench", "f64[2,3,4]", "f64[3,3]^T", "c64[4,3]", "c128[2,3,3]", "f32[1,1]", "f32[0,3]",
                            "f32[2,0,3]", "f32[0,0]", "f64[3,3]=0 nograd", "f64[4,3]=1 nograd", "f32[3,3]=inf nograd",
                            "f32[3] !shape", "i64[3,3] !dtype", "bf16[3,3] !not_implemented", "f32[2,2]=nan !linalg"));

/** The singular values of each matrix, from the largest down: torch.linalg.svdvals. Errors as tn_linalg_svd.
 *  a        (..., m, n), float32, float64, complex64 or complex128
 *  returns  (..., min(m, n)), real [scope]
 */
TN_API tn_tensor *tn_linalg_svdvals(tn_tensor *a) { return tni_run_op(&tni_op_linalg_svdvals, TNI_INS(a), TNI_NO_ARGS); }
