/* ops/matrix_norm.c - linalg_matrix_norm: norms of matrices, by their elements or their singular values. */
#include "ops/linalg.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tison/ops.h>

#define WHO "linalg.matrix_norm"

/* Which dims are rows and columns, from the front. */
typedef struct plane {
    int64_t rows, columns;
    bool keepdim;
} plane;

static bool check_plane(const tn_tensor *x, const tni_value *dims, bool keepdim, plane *p) {
    char text[200] = "";
    size_t used = 0;
    TNI_TRY(tni_linalg_check_matrix(WHO, "A", x, false));
    TNI_CHECK(tni_dtype_has_grad((tn_dtype)x->a.dtype), TN_ERR_DTYPE,
              WHO ": Expected a floating point or complex tensor as input. Got %s", tni_dtype_get((tn_dtype)x->a.dtype)->legacy);
    for (size_t i = 0; i < dims->ints.n && used < sizeof text - 24; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %lld", (long long)dims->ints.v[i]);
    TNI_CHECK(dims->ints.n == 2, TN_ERR_SHAPE, WHO ": dim must be a 2-tuple. Got%s", text);
    *p = (plane){dims->ints.v[0], dims->ints.v[1], keepdim};
    TNI_TRY(tni_wrap_dim(WHO, &p->rows, x->a.ndim) && tni_wrap_dim(WHO, &p->columns, x->a.ndim));
    TNI_CHECK(p->rows != p->columns, TN_ERR_SHAPE, WHO ": dims must be different. Got (%lld, %lld)", (long long)dims->ints.v[0],
              (long long)dims->ints.v[1]);
    return true;
}

static tn_tensor *frobenius(tn_tensor *x, const plane *p) {
    const tn_norm_opts opts = {
        .size = sizeof opts, .p = 2, .dim = TN_NONE, .keepdim = p->keepdim, .dims = TN_INTS(p->rows, p->columns)};
    return (tn_linalg_vector_norm)(tni_dtype_is_complex((tn_dtype)x->a.dtype) ? tn_abs(x) : x, &opts);
}

/* The largest or smallest sum of magnitudes over `inner`. */
static tn_tensor *of_sums(tn_tensor *x, int64_t inner, int64_t outer, bool largest, bool keepdim) {
    tn_tensor *sums = tn_sum(tn_abs(x), inner, .keepdim = true);
    tn_tensor *y = !sums ? NULL : largest ? tn_amax(sums, outer, .keepdim = true) : tn_amin(sums, outer, .keepdim = true);
    if (!y || keepdim) return y;
    return tn_squeeze(tn_squeeze(y, TNI_MAX(inner, outer)), TNI_MIN(inner, outer));
}

/* Rows and columns last. */
static tn_tensor *matrices(tn_tensor *x, const plane *p) {
    int64_t order[TNI_MAX_DIMS];
    size_t n = 0;
    for (int64_t d = 0; d < x->a.ndim; d++)
        if (d != p->rows && d != p->columns) order[n++] = d;
    order[n++] = p->rows, order[n++] = p->columns;
    return (tn_permute)(x, order, n);
}

typedef enum { THE_SUM, THE_LARGEST, THE_SMALLEST } of_values;

static tn_tensor *of_singular_values(tn_tensor *x, const plane *p, of_values which) {
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    if (tni_dtype_is_half(dtype))
        return (void)tni_fail(TN_ERR_DTYPE, WHO ": Low precision dtypes not supported. Got %s", tni_dtype_get(dtype)->legacy), NULL;
    tn_tensor *s = tn_linalg_svdvals(matrices(x, p));
    if (!s) return NULL;
    bool none = tni_last(s, 0) == 0; /* 0 by the sum, too */
    tn_tensor *y = which == THE_SUM || none ? tn_sum(s, -1) : which == THE_LARGEST ? tn_amax(s, -1) : tn_amin(s, -1);
    if (!p->keepdim) return y;
    return tn_unsqueeze(tn_unsqueeze(y, TNI_MIN(p->rows, p->columns)), TNI_MAX(p->rows, p->columns));
}

/* ---- by a number, by a word ---- */

static bool number_run(tni_call *c) {
    plane p;
    double ord = c->arg[0].d, size = fabs(ord);
    TNI_CHECK(size == 1 || size == 2 || isinf(size), TN_ERR_RUNTIME, WHO ": Order %g not supported.", ord);
    TNI_TRY(check_plane(c->in[0], &c->arg[1], c->arg[2].b, &p));
    if (size == 2)
        c->out[0] = of_singular_values(c->in[0], &p, ord > 0 ? THE_LARGEST : THE_SMALLEST);
    else if (size == 1)
        c->out[0] = of_sums(c->in[0], p.rows, p.columns, ord > 0, p.keepdim);
    else
        c->out[0] = of_sums(c->in[0], p.columns, p.rows, ord > 0, p.keepdim);
    return c->out[0] != NULL;
}

static bool word_run(tni_call *c) {
    plane p;
    const char *ord = c->arg[0].p ? c->arg[0].p : "fro";
    bool nuclear = strcmp(ord, "nuc") == 0;
    TNI_CHECK(nuclear || strcmp(ord, "fro") == 0, TN_ERR_RUNTIME, WHO ": Order %s not supported.", ord);
    TNI_TRY(check_plane(c->in[0], &c->arg[1], c->arg[2].b, &p));
    c->out[0] = nuclear ? of_singular_values(c->in[0], &p, THE_SUM) : frobenius(c->in[0], &p);
    return c->out[0] != NULL;
}

TN_OP(linalg_matrix_norm, .schema = "linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2,-1], bool keepdim=False) -> Tensor",
      .run = number_run, .composite = true, .ints = 2,
      .samples = TN_SAMPLES("f64[3,4] 2 @bench", "f64[2,3,4] 2", "f64[2,3,4] -2 (0,2) True", "c128[3,2] 2", "f64[3,4] 1",
                            "f64[2,3,4] -1 (2,0)", "f64[2,3,4] inf (2,0) True", "f32[3,4]^T -inf", "c64[2,3] 1",
                            "f64[0,3] 2 nograd", "bf16[3,2] 1", "f32[3,4] 3 !runtime", "f32[3] 2 !shape", "f32[3,3] 2 (0,) !shape",
                            "f32[3,3] 2 (1,1) !shape", "f32[3,3] 2 (0,2) !index", "f16[3,3] 2 !dtype", "i64[3,3] 2 !dtype"));
TN_OP(linalg_matrix_norm_word,
      .schema = "linalg_matrix_norm.str_ord(Tensor self, str ord=\"fro\", int[] dim=[-2,-1], bool keepdim=False) -> Tensor",
      .run = word_run, .composite = true, .ints = 2,
      .samples = TN_SAMPLES("f64[3,4] 'nuc'", "f64[2,3,4] 'nuc' (2,0)", "f64[2,3,4] 'nuc' (0,1) True", "c128[3,2] 'nuc'",
                            "c64[2,3] 'nuc'", "f32[3,4] 'fro'", "f64[2,3,4] 'fro' (0,2) True", "c64[3,2] 'fro'", "f64[0,3] 'nuc'",
                            "f32[3,4] 'all' !runtime", "f32[3] 'nuc' !shape", "bf16[3,3] 'nuc' !dtype", "f16[3,2] 'fro'"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_matrix_norm. */
typedef struct tn_linalg_matrix_norm_opts {
    size_t size;
    const char *ord; /* "fro", "nuc"; NULL: .p */
    double p;     /* 2, -2: the largest and smallest singular value; 1, -1: sum of magnitudes in a column; infinities: in a row */
    bool keepdim; /* false */
    tn_ints dims; /* rows and columns: TN_INTS(-2, -1) */
} tn_linalg_matrix_norm_opts;
#ifndef __cplusplus
#define tn_linalg_matrix_norm(...)                                                                                                 \
    TN_WITH(tn_linalg_matrix_norm_opts, (.ord = "fro"), (tn_linalg_matrix_norm)(TN_FIRST(__VA_ARGS__, ), &tn_o),                   \
            TN_REST(__VA_ARGS__, ))
#endif
#endif
/** A norm of each matrix: the root of the sum of squares ("fro"), the sum of singular values ("nuc"), or by .p with .ord = NULL:
 *  torch.linalg.matrix_norm.
 *  x        (..., m, n), floating point or complex; with singular values no 16-bit floats
 *  opts     [NULL ok: "fro"]
 *  returns  real, x's shape without the two dims [scope]; TN_ERR_RUNTIME for another order, TN_ERR_SHAPE, TN_ERR_DTYPE, TN_ERR_INDEX
 */
TN_API tn_tensor *(tn_linalg_matrix_norm)(tn_tensor *x, const tn_linalg_matrix_norm_opts *opts) {
    const int64_t last[] = {-2, -1};
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    const char *ord = TNI_OPT(opts, ord, "fro");
    bool keepdim = TNI_OPT(opts, keepdim, false);
    if (dims.n == 0) dims = (tn_ints){2, last};
    if (ord)
        return tni_run_op(&tni_op_linalg_matrix_norm_word, TNI_INS(x),
                          TNI_ARGS({.p = ord}, {.ints = {dims.v, dims.n}}, {.b = keepdim}));
    return tni_run_op(&tni_op_linalg_matrix_norm, TNI_INS(x),
                      TNI_ARGS({.d = TNI_OPT(opts, p, 2.0)}, {.ints = {dims.v, dims.n}}, {.b = keepdim}));
}
