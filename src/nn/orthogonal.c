/* nn/orthogonal.c - torch.nn.utils.parametrizations.orthogonal: members that are orthogonal matrices. */
#include "nn/layer.h"
#include "nn/parametrize.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_nn_orthogonal_opts {
    size_t size;
    const char *name;           /* "weight" */
    const char *orthogonal_map; /* "matrix_exp", "cayley" or "householder"; NULL: the first for square matrices, else the last */
    struct tn_keywords_only *keywords_only;
    bool use_trivialization; /* true: the map is taken around a matrix `base` instead of the identity */
} tn_nn_orthogonal_opts;
#ifndef __cplusplus
#define tn_nn_utils_parametrizations_orthogonal(...)                                                                               \
    TN_WITH(tn_nn_orthogonal_opts, (.name = "weight", .use_trivialization = true),                                                 \
            (tn_nn_utils_parametrizations_orthogonal)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

enum { MOST_DIMS = 64 };
typedef enum { MATRIX_EXP, CAYLEY, HOUSEHOLDER, UNKNOWN } orthogonal_map;

typedef struct tni_orthogonal {
    tn_module module;
    tn_tensor *base; /* with trivialization, from the first right_inverse on */
    orthogonal_map map;
    bool trivialize, registered;
    int64_t ndim, shape[MOST_DIMS];
} tni_orthogonal;

static tn_tensor *turned(tn_tensor *x) { return tn_transpose(x, -2, -1); }
static tn_tensor *adjoint(tn_tensor *x) { return turned(tn_conj(x)); }
static bool is_complex(tn_dtype dtype) { return dtype == TN_COMPLEX64 || dtype == TN_COMPLEX128; }
static tn_tensor *diagonal(tn_tensor *x) { return tn_diagonal(x, .dim1 = -2, .dim2 = -1); }
static tn_tensor *beside(tn_tensor *a, tn_tensor *b) { return a && b ? tn_cat(TN_TENSORS(a, b), .dim = -1) : NULL; }

/* A tensor with x's batch and dtype, of n rows and `columns`. */
static const int64_t *sizes_like(tn_tensor *x, int64_t n, int64_t columns, int64_t sizes[MOST_DIMS]) {
    size_t ndim = (size_t)tn_ndim(x);
    memcpy(sizes, tn_sizes(x), ndim * sizeof *sizes);
    sizes[ndim - 2] = n, sizes[ndim - 1] = columns;
    return sizes;
}

/* ---- the maps: from any tall matrix to an orthogonal one ---- */

/* By a skew-symmetric (skew-Hermitian) matrix of the lower triangle. */
static tn_tensor *from_skew(tn_tensor *x, int64_t n, int64_t k, orthogonal_map map) {
    int64_t sizes[MOST_DIMS];
    const tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(x), .device = tn_device(x)};
    x = tn_tril(x);
    if (x && n != k) x = beside(x, (tn_zeros)(sizes_like(x, n, n - k, sizes), (size_t)tn_ndim(x), &opts));
    tn_tensor *a = x ? tn_sub(x, adjoint(x)) : NULL, *q;
    if (map == MATRIX_EXP) {
        q = tn_linalg_matrix_exp(a);
    } else {
        tn_tensor *one = a ? tn_eye(n, .dtype = tn_get_dtype(a), .device = tn_device(a)) : NULL;
        q = one ? tn_linalg_solve(tn_add(one, a, .alpha = -0.5), tn_add(one, a, .alpha = 0.5)) : NULL;
    }
    return q && n != k ? tn_narrow(q, -1, 0, k) : q;
}

/* By reflections; the diagonal, 1 or -1, gives the signs and is not trained. */
static tn_tensor *from_reflections(tn_tensor *x) {
    tn_tensor *a = tn_tril(x, -1);
    tn_tensor *tau = tn_div(2.0, tn_add(tn_sum(tn_mul(a, a), -2), 1.0));
    return tn_mul(tn_linalg_householder_product(a, tau), tn_unsqueeze(tn_to(diagonal(x), TN_INT32), -2));
}

static tn_tensor *orthogonal_forward(tni_orthogonal *self, tn_tensor *x) {
    int64_t n = tn_size(x, -2), k = tn_size(x, -1);
    bool wide = n < k;
    if (self->trivialize && !self->base)
        return (void)tn_raise(TN_ERR_TYPE, "unsupported operand type(s) for @: 'NoneType' and 'Tensor'"), NULL;
    if (wide) x = turned(x);
    tn_tensor *q = self->map == HOUSEHOLDER ? from_reflections(x) : from_skew(x, wide ? k : n, wide ? n : k, self->map);
    if (q && self->trivialize) q = tn_matmul(self->base, q);
    return q && wide ? turned(q) : q;
}

/* ---- back ---- */

static double epsilon(tn_dtype dtype) {
    switch (dtype) {
    case TN_FLOAT64:
    case TN_COMPLEX128: return 0x1p-52;
    case TN_FLOAT16: return 0x1p-10;
    case TN_BFLOAT16: return 0x1p-7;
    default: return 0x1p-23;
    }
}

static bool is_orthogonal(tn_tensor *q) {
    if (tn_is_meta(q)) return false; /* who knows; what is made of it has the same shape */
    double n = (double)tn_size(q, -2);
    tn_tensor *square = tn_matmul(adjoint(q), q);
    tn_tensor *one = tn_eye(tn_size(q, -1), .dtype = tn_get_dtype(q), .device = tn_device(q));
    return square && one && tn_allclose(square, (tn_expand_as)(one, square), .atol = 10 * n * epsilon(tn_get_dtype(q)));
}

/* The Q of a tall x = Q R with a diagonal of R that is not negative. */
static tn_tensor *make_orthogonal(tn_tensor *x) {
    tn_tensor *a, *tau;
    if (!tn_geqrf(x, &a, &tau)) return NULL;
    return tn_mul(tn_linalg_householder_product(a, tau), tn_unsqueeze(tn_sgn(diagonal(a)), -2));
}

/* The reflections of q, signs on their diagonal; where LAPACK leaves one out, tau is exactly 0. */
static tn_tensor *reflections_of(tn_tensor *q) {
    tn_tensor *a, *tau;
    if (!tn_geqrf(q, &a, &tau)) return NULL;
    tn_tensor *signs = tn_sign(diagonal(a));
    return tn_copy_(diagonal(a), tn_where(tn_eq(tau, 0), tn_neg(signs), signs)) ? a : NULL;
}

/* Completes q to n columns by random ones. */
static tn_tensor *full_base(tn_tensor *q, int64_t n, int64_t k) {
    int64_t sizes[MOST_DIMS];
    const tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(q), .device = tn_device(q)};
    if (n == k && is_orthogonal(q)) return tn_clone(q);
    if (n != k) q = beside(q, (tn_randn)(sizes_like(q, n, n - k, sizes), (size_t)tn_ndim(q), &opts));
    return tn_error() == TN_OK ? make_orthogonal(q) : NULL;
}

static bool check_shape(const tni_orthogonal *self, tn_tensor *x) {
    if (tni_has_sizes(x, self->shape, self->ndim)) return true;
    return tn_raise(TN_ERR_VALUE, "Expected a matrix or batch of matrices of shape %s. Got a tensor of shape %s.",
                    tni_size_text(&(tni_text){{0}}, self->shape, (size_t)self->ndim), TNI_SIZE_TEXT(x));
}

/* With trivialization q itself becomes the base, and -1 on the diagonal is what every map takes to the identity. */
static size_t orthogonal_right_inverse(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    TN_NO_GRAD;
    tni_orthogonal *self = (tni_orthogonal *)(void *)m;
    (void)room;
    if (!check_shape(self, x)) return 0;
    int64_t n = tn_size(x, -2), k = tn_size(x, -1);
    bool wide = n < k;
    tn_tensor *q = wide ? turned(x) : x;
    if (self->trivialize) {
        tn_tensor *base = full_base(q, wide ? k : n, wide ? n : k);
        tn_tensor *start = base ? tn_zeros_like(x) : NULL;
        if (!start || !tn_fill_(diagonal(start), -1) || !(base = tn_buffer(base))) return 0;
        self->base = base;
        out[0] = start;
        return 1;
    }
    if (self->map != HOUSEHOLDER) {
        if (self->registered)
            return (size_t)tn_raise(TN_ERR_NOT_IMPLEMENTED, "It is not possible to assign to the matrix exponential or the Cayley "
                                                            "parametrizations when use_trivialization=False.");
        out[0] = x; /* what registration makes of that error */
        return 1;
    }
    q = reflections_of(q);
    out[0] = q && wide ? turned(q) : q;
    return out[0] != NULL;
}

TN_CLASS_WITH(tni_orthogonal, orthogonal_forward, (base), .printed = "_Orthogonal", .right_inverse = orthogonal_right_inverse);

/* ---- registering ---- */

static orthogonal_map map_of(const char *word, tn_tensor *w, bool complex) {
    static const char *const words[UNKNOWN] = {"matrix_exp", "cayley", "householder"};
    if (!word) return tn_size(w, -2) == tn_size(w, -1) || complex ? MATRIX_EXP : HOUSEHOLDER;
    for (int i = 0; i < UNKNOWN; i++)
        if (strcmp(word, words[i]) == 0) return (orthogonal_map)i;
    tn_raise(TN_ERR_VALUE, "orthogonal_map has to be one of \"matrix_exp\", \"cayley\", \"householder\". Got: %s", word);
    return UNKNOWN;
}

static tni_orthogonal *new_orthogonal(tn_tensor *w, const char *word, bool trivialize) {
    tn_dtype dtype = tn_get_dtype(w);
    if (tn_ndim(w) < 2)
        return (void)tn_raise(TN_ERR_VALUE, "Expected a matrix or batch of matrices. Got a tensor of %lld dimensions.",
                              (long long)tn_ndim(w)),
               NULL;
    orthogonal_map map = map_of(word, w, is_complex(dtype));
    if (map == UNKNOWN) return NULL;
    if (is_complex(dtype) && map == HOUSEHOLDER)
        return (void)tn_raise(TN_ERR_VALUE, "The householder parametrization does not support complex tensors."), NULL;
    if (dtype != TN_FLOAT32 && dtype != TN_FLOAT64 && !is_complex(dtype))
        return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "orthogonal: not implemented for torch.%s", tn_dtype_name(dtype)), NULL;
    tni_orthogonal *f = tn_new(tni_orthogonal);
    if (!f) return NULL;
    f->map = map, f->trivialize = trivialize, f->ndim = tn_ndim(w);
    memcpy(f->shape, tn_sizes(w), (size_t)f->ndim * sizeof(int64_t));
    return f;
}

/** m.name becomes an orthogonal (unitary) matrix, or a batch of them: orthonormal columns, rows where there are fewer rows. It starts as what m.name
 *  is when that is orthogonal, else as the Q of its QR factors (drawing random numbers for a rectangular one, as PyTorch does); assigning
 *  does the same. With a map of skew-symmetric matrices ("matrix_exp", "cayley") and without trivialization it starts as the map of m.name, and
 *  assigning is TN_ERR_NOT_IMPLEMENTED. The buffer base holds the n by n matrix around which the map is taken.
 *  m        its member of float32, float64, complex64 or complex128, else TN_ERR_NOT_IMPLEMENTED
 *  returns  false on errors, with m as before: TN_ERR_VALUE for fewer than two dims, a name or a map that does not exist, and
 *           for "householder" with complex numbers
 *  torch.nn.utils.parametrizations.orthogonal. */
TN_API bool(tn_nn_utils_parametrizations_orthogonal)(tn_module *m, const tn_nn_orthogonal_opts *opts) {
    TN_SCOPE;
    const char *name = opts && opts->name ? opts->name : "weight";
    tn_member old;
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (!tni_parametrize_find(m, name, &old))
        return tn_error() == TN_OK &&
               tn_raise(TN_ERR_VALUE, "Module '%s' has no parameter or buffer with name '%s'", tn_to_string(m), name);
    tni_orthogonal *f = new_orthogonal(old.value, opts ? opts->orthogonal_map : NULL, opts ? opts->use_trivialization : true);
    const tn_nn_parametrize_opts unsafe = {.size = sizeof unsafe, .unsafe = true};
    if (!f || !(tn_nn_utils_parametrize_register_parametrization)(m, name, &f->module, &unsafe)) return false;
    return f->registered = true;
}
