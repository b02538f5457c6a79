/* nn/norm_parametrizations.c - torch.nn.utils.parametrizations: weight_norm and spectral_norm. */
#include "base/memory.h"
#include "nn/norms.h"
#include "nn/parametrize.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_nn_weight_norm_opts {
    size_t size;
    const char *name; /* "weight" */
    int64_t dim;      /* 0; TN_NONE: one norm of the whole tensor */
} tn_nn_weight_norm_opts;
typedef struct tn_nn_spectral_norm_opts {
    size_t size;
    const char *name;           /* "weight" */
    int64_t n_power_iterations; /* 1; at each computation in training */
    double eps;                 /* 1e-12 */
    int64_t dim;                /* 0; of the rows; 1 suits transposed convolutions */
} tn_nn_spectral_norm_opts;
#ifndef __cplusplus
#define tn_nn_utils_parametrizations_weight_norm(...)                                                                              \
    TN_WITH(tn_nn_weight_norm_opts, (.name = "weight", .dim = 0),                                                                  \
            (tn_nn_utils_parametrizations_weight_norm)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_parametrizations_spectral_norm(...)                                                                            \
    TN_WITH(tn_nn_spectral_norm_opts, (.name = "weight", .n_power_iterations = 1, .eps = 1e-12, .dim = 0),                         \
            (tn_nn_utils_parametrizations_spectral_norm)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

bool tni_norm_check_dim(int64_t *dim, int64_t ndim) {
    if (*dim >= -ndim && *dim < ndim) return *dim += *dim < 0 ? ndim : 0, true;
    return tn_raise(TN_ERR_INDEX, "Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)",
                    (long long)-ndim, (long long)ndim - 1, (long long)*dim);
}

/* ---- weight_norm: g v / |v| ---- */

typedef struct tni_weight_norm {
    tn_module module;
    int64_t dim; /* TN_NONE: all */
} tni_weight_norm;

/* PyTorch takes -1 for all of them, too. */
tn_tensor *tni_norm_except_dim(tn_tensor *v, int64_t dim) {
    if (dim == TN_NONE || dim == -1) return tn_linalg_vector_norm(v);
    int64_t sizes[8] = {1, 1, 1, 1, 1, 1, 1, 1}, ndim = tn_ndim(v);
    if (!tni_norm_check_dim(&dim, ndim)) return NULL;
    if (ndim > 8) return (void)tn_raise(TN_ERR_SHAPE, "weight_norm: at most 8 dims, got %lld", (long long)ndim), NULL;
    sizes[dim] = tn_size(v, dim);
    tn_tensor *rows = tn_reshape(tn_transpose(v, 0, dim), (sizes[dim], -1));
    return (tn_reshape)(tn_linalg_vector_norm(rows, .dim = 1), sizes, (size_t)ndim);
}

static tn_tensor *weight_norm_forward(tni_weight_norm *self, tn_tensor *g, tn_tensor *v) {
    if (!v) return (void)tn_raise(TN_ERR_TYPE, "_WeightNorm.forward() missing 1 required positional argument: 'weight_v'"), NULL;
    return tn_mul(v, tn_div(g, tni_norm_except_dim(v, self->dim)));
}
static size_t weight_norm_inverse(tn_module *m, tn_tensor *w, tn_tensor *out[], size_t room) {
    if (room < 2 || !(out[0] = tni_norm_except_dim(w, ((tni_weight_norm *)(void *)m)->dim))) return 0;
    out[1] = w;
    return 2;
}
TN_CLASS_WITH(tni_weight_norm, weight_norm_forward, (TN_NO_FIELDS), .printed = "_WeightNorm", .right_inverse = weight_norm_inverse);

/* States of the old weight_norm, whose names are <name>_g and <name>_v. */
static bool translate_old(tn_module *m, tn_state *state, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                          void *data) {
    static const char *const old[] = {"g", "v"};
    const char *name = data;
    size_t room = strlen(prefix) + strlen(name) + 40;
    char *key[4] = {NULL, NULL, NULL, NULL}; /* two old ones, two new ones */
    (void)m, (void)version, (void)strict, (void)keys;
    bool right = true;
    for (int i = 0; i < 4 && right; i++) {
        right = (key[i] = tni_alloc(room)) != NULL;
        if (right && i < 2) snprintf(key[i], room, "%s%s_%s", prefix, name, old[i]);
        if (right && i >= 2) snprintf(key[i], room, "%sparametrizations.%s.original%d", prefix, name, i - 2);
    }
    if (right && tn_state_has(state, key[0]) && tn_state_has(state, key[1]))
        for (int i = 0; i < 2 && right; i++)
            right = tn_state_set(state, key[i + 2], tn_state_get(state, key[i])) && tn_state_delete(state, key[i]);
    for (int i = 0; i < 4; i++)
        if (key[i]) tni_free(key[i], room);
    return right;
}

/** m.name becomes original0 * original1 / norm(original1): a length (size of dim, ones elsewhere; a number with TN_NONE or -1) and a direction,
 *  which start as they are in m.name. States with <name>_g and
 *  <name>_v, of the old weight_norm, are loaded, too. False on errors, with m as before. torch.nn.utils.parametrizations.weight_norm. */
TN_API bool(tn_nn_utils_parametrizations_weight_norm)(tn_module *m, const tn_nn_weight_norm_opts *opts) {
    TN_SCOPE;
    const char *name = opts && opts->name ? opts->name : "weight";
    tni_weight_norm *f = tn_module_class(m) ? tn_new(tni_weight_norm) : NULL;
    if (!f) return false;
    f->dim = opts ? opts->dim : 0;
    const tn_nn_parametrize_opts unsafe = {.size = sizeof unsafe, .unsafe = true};
    char *copy = tni_strdup(name);
    tn_hook *hook = copy ? (tn_register_load_state_dict_pre_hook)(m, translate_old, copy, tni_free_text) : NULL;
    if (hook && (tn_nn_utils_parametrize_register_parametrization)(m, name, &f->module, &unsafe)) return true;
    if (hook)
        tn_hook_remove(hook);
    else if (copy)
        tni_free_text(copy);
    return false;
}

/* ---- spectral_norm: w by its largest singular value ---- */

typedef struct tni_spectral_norm {
    tn_module module;
    tn_tensor *_u, *_v; /* singular vectors; absent for one dim */
    int64_t dim, iterations;
    double eps;
} tni_spectral_norm;

tn_tensor *tni_normalize(tn_tensor *x, double eps) { return tn_div(x, tn_clamp(tn_linalg_vector_norm(x), .min = eps)); }

tn_tensor *tni_norm_matrix(tn_tensor *w, int64_t dim) {
    int64_t order[16], ndim = tn_ndim(w), n = 0;
    if (dim == 0) return tn_flatten(w, 1, -1);
    if (ndim > 16) return (void)tn_raise(TN_ERR_SHAPE, "spectral_norm: at most 16 dims, got %lld", (long long)ndim), NULL;
    order[n++] = dim;
    for (int64_t d = 0; d < ndim; d++)
        if (d != dim) order[n++] = d;
    return tn_flatten((tn_permute)(w, order, (size_t)ndim), 1, -1);
}

static bool iterate(tni_spectral_norm *self, tn_tensor *matrix, int64_t n) {
    TN_NO_GRAD;
    tn_tensor *rows = tn_detach(matrix), *columns = tn_transpose(rows, 0, 1);
    for (int64_t i = 0; i < n; i++) {
        if (!tn_copy_(self->_u, tni_normalize(tn_mv(rows, self->_v), self->eps))) return false;
        if (!tn_copy_(self->_v, tni_normalize(tn_mv(columns, self->_u), self->eps))) return false;
    }
    return tn_error() == TN_OK;
}

static tn_tensor *spectral_norm_forward(tni_spectral_norm *self, tn_tensor *w) {
    if (tn_ndim(w) == 1) return tni_normalize(w, self->eps);
    tn_tensor *matrix = tni_norm_matrix(w, self->dim);
    if (!matrix || (tn_is_training(self) && !iterate(self, matrix, self->iterations))) return NULL;
    return tn_div(w, tn_dot(tn_clone(self->_u), tn_mv(matrix, tn_clone(self->_v))));
}
static size_t spectral_norm_inverse(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    (void)m;
    return room > 0 ? (out[0] = x, 1) : 0;
}
TN_CLASS_WITH(tni_spectral_norm, spectral_norm_forward, (_u, _v), .printed = "_SpectralNorm",
              .right_inverse = spectral_norm_inverse);

static tn_tensor *random_vector(int64_t n, tn_tensor *like, double eps) {
    return tn_buffer(tni_normalize(tn_randn(n, .dtype = tn_get_dtype(like), .device = tn_device(like)), eps));
}

static bool start(tni_spectral_norm *self, tn_tensor *w) {
    TN_NO_GRAD;
    if (!tni_norm_check_dim(&self->dim, tn_ndim(w))) return false;
    if (self->iterations <= 0)
        return tn_raise(TN_ERR_VALUE, "Expected n_power_iterations to be positive, but got n_power_iterations=%lld",
                        (long long)self->iterations);
    if (tn_ndim(w) == 1) return true;
    tn_tensor *matrix = tni_norm_matrix(w, self->dim);
    if (!matrix) return false;
    self->_u = random_vector(tn_size(matrix, 0), w, self->eps);
    self->_v = self->_u ? random_vector(tn_size(matrix, 1), w, self->eps) : NULL;
    return self->_v && iterate(self, matrix, 15);
}

/** m.name becomes m.name by its largest singular value, as a matrix of the rows of dim. Buffers _u and _v hold the vectors: 15 power
 *  iterations at once, then some at each computation in training, none in evaluation. False on errors, with m as before.
 *  torch.nn.utils.parametrizations.spectral_norm. */
TN_API bool(tn_nn_utils_parametrizations_spectral_norm)(tn_module *m, const tn_nn_spectral_norm_opts *opts) {
    TN_SCOPE;
    const char *name = opts && opts->name ? opts->name : "weight";
    tni_spectral_norm *f = tn_module_class(m) ? tn_new(tni_spectral_norm) : NULL;
    if (!f) return false;
    f->dim = opts ? opts->dim : 0;
    f->iterations = opts ? opts->n_power_iterations : 1;
    f->eps = opts ? opts->eps : 1e-12;
    tn_member old;
    if (tni_parametrize_find(m, name, &old) && !start(f, old.value)) return false;
    return (tn_nn_utils_parametrize_register_parametrization)(m, name, &f->module, NULL);
}
