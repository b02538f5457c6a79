/* nn/norm.c - torch.nn.LayerNorm, RMSNorm, GroupNorm. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>

bool tni_layer_affine(const int64_t *sizes, size_t ndim, bool with_weight, bool with_bias, tn_dtype dtype, const char *where,
                      tn_tensor **weight, tn_tensor **bias) {
    TN_SCOPE; /* leaves the parameters to their fields alone: they go when the layer goes */
    tn_opts opts = {.size = sizeof opts, .dtype = dtype};
    *weight = with_weight ? tn_parameter_at((tn_ones)(sizes, ndim, &opts), true, where) : NULL;
    *bias = with_bias ? tn_parameter_at((tn_zeros)(sizes, ndim, &opts), true, where) : NULL;
    return !tn_error();
}

#ifdef TN_HEADER
enum { TN_NN_NORM_DIMS = 8 }; /* at most so many normalized dims */
/** torch.nn.LayerNorm and RMSNorm: x (..., normalized_shape) -> the same shape. RMSNorm has no bias. */
typedef struct tn_nn_layer_norm {
    tn_module module;
    tn_tensor *weight, *bias; /* normalized_shape, or NULL */
    int64_t normalized_shape[TN_NN_NORM_DIMS], ndim;
    double eps; /* NaN: None, of RMSNorm */
    bool elementwise_affine;
} tn_nn_layer_norm;
typedef tn_nn_layer_norm tn_nn_rms_norm;
typedef struct tn_nn_layer_norm_opts {
    size_t size;
    double eps;                    /* 1e-5 */
    bool elementwise_affine, bias; /* true, true */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_layer_norm_opts;
typedef struct tn_nn_rms_norm_opts {
    size_t size;
    double eps;              /* NaN: None */
    bool elementwise_affine; /* true */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_rms_norm_opts;
/** torch.nn.GroupNorm: x (N, num_channels, ...) -> the same shape. */
typedef struct tn_nn_group_norm {
    tn_module module;
    tn_tensor *weight, *bias; /* (num_channels), or NULL */
    int64_t num_groups, num_channels;
    double eps;
    bool affine;
} tn_nn_group_norm;
typedef struct tn_nn_group_norm_opts {
    size_t size;
    double eps;  /* 1e-5 */
    bool affine; /* true */
    struct tn_keywords_only *keywords_only;
    bool bias;      /* true */
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_group_norm_opts;
#ifndef __cplusplus
#define tn_nn_layer_norm(...)                                                                                                      \
    TN_WITH(tn_nn_layer_norm_opts,                                                                                                 \
            (.eps = 1e-5, .elementwise_affine = true, .bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),                     \
            tn_nn_layer_norm_new(TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_rms_norm(...)                                                                                                        \
    TN_WITH(tn_nn_rms_norm_opts,                                                                                                   \
            (.eps = (double)__builtin_nanf(""), .elementwise_affine = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),             \
            tn_nn_rms_norm_new(TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_group_norm(num_groups, ...)                                                                                          \
    TN_WITH(tn_nn_group_norm_opts, (.eps = 1e-5, .affine = true, .bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),          \
            tn_nn_group_norm_new(num_groups, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *layer_norm_forward(tn_nn_layer_norm *self, tn_tensor *x) {
    tn_layer_norm_opts opts = {.size = sizeof opts, .weight = self->weight, .bias = self->bias, .eps = self->eps};
    return (tn_layer_norm)(x, self->normalized_shape, (size_t)self->ndim, &opts);
}

static tn_tensor *rms_norm_forward(tn_nn_rms_norm *self, tn_tensor *x) {
    tn_rms_norm_opts opts = {.size = sizeof opts, .weight = self->weight, .eps = self->eps};
    return (tn_rms_norm)(x, self->normalized_shape, (size_t)self->ndim, &opts);
}

static int rms_norm_repr(tn_module *m, char *out, size_t room) {
    tn_nn_layer_norm *self = (tn_nn_layer_norm *)m;
    char shape[200], eps[40];
    tni_layer_tuple(shape, sizeof shape, self->normalized_shape, (size_t)self->ndim);
    tni_layer_number(eps, sizeof eps, self->eps);
    return snprintf(out, room, "%s, eps=%s, elementwise_affine=%s", shape, eps, self->elementwise_affine ? "True" : "False");
}

static int layer_norm_repr(tn_module *m, char *out, size_t room) {
    char first[280];
    rms_norm_repr(m, first, sizeof first);
    return snprintf(out, room, "%s, bias=%s", first, ((tn_nn_layer_norm *)m)->bias ? "True" : "False");
}

TN_CLASS_WITH(tn_nn_layer_norm, layer_norm_forward, (weight, bias), .printed = "LayerNorm", .extra_repr = layer_norm_repr);
TN_CLASS_WITH(tn_nn_rms_norm, rms_norm_forward, (weight, bias), .printed = "RMSNorm", .extra_repr = rms_norm_repr);

static tn_nn_layer_norm *make(tn_nn_layer_norm *self, const int64_t *shape, size_t n, double eps, bool affine, bool bias,
                              tn_dtype dtype, const char *where) {
    if (!self) return NULL;
    if (n > TN_NN_NORM_DIMS || (n && !shape))
        return (void)tn_raise(TN_ERR_VALUE, "normalized_shape: 0 to %d sizes, not %zu", (int)TN_NN_NORM_DIMS, n), NULL;
    for (size_t i = 0; i < n; i++) self->normalized_shape[i] = shape[i];
    self->ndim = (int64_t)n;
    self->eps = eps;
    self->elementwise_affine = affine;
    (void)tni_layer_affine(shape, n, affine, affine && bias, dtype, where, &self->weight, &self->bias);
    return self; /* also when the parameters failed: the error is set, and `layer->weight = ...` never meets NULL */
}

/** weight is 1, bias 0. normalized_shape: the last sizes of x, an int or a tuple. [scope] */
TN_API tn_nn_layer_norm *tn_nn_layer_norm_new(const int64_t *normalized_shape, size_t n, const tn_nn_layer_norm_opts *opts) {
    static const tn_nn_layer_norm_opts usual = {.eps = 1e-5, .elementwise_affine = true, .bias = true, .dtype = TN_DTYPE_NONE};
    const tn_nn_layer_norm_opts *o = opts ? opts : &usual;
    return make(tn_new(tn_nn_layer_norm), normalized_shape, n, o->eps, o->elementwise_affine, o->bias, o->dtype, o->where);
}

/** weight is 1. normalized_shape: the last sizes of x, an int or a tuple. [scope] */
TN_API tn_nn_rms_norm *tn_nn_rms_norm_new(const int64_t *normalized_shape, size_t n, const tn_nn_rms_norm_opts *opts) {
    const tn_nn_rms_norm_opts usual = {.eps = (double)NAN, .elementwise_affine = true, .dtype = TN_DTYPE_NONE},
                              *o = opts ? opts : &usual;
    return make(tn_new(tn_nn_rms_norm), normalized_shape, n, o->eps, o->elementwise_affine, false, o->dtype, o->where);
}

static tn_tensor *group_norm_forward(tn_nn_group_norm *self, tn_tensor *x) {
    tn_group_norm_opts opts = {.size = sizeof opts, .weight = self->weight, .bias = self->bias, .eps = self->eps};
    return (tn_group_norm)(x, self->num_groups, &opts);
}

static int group_norm_repr(tn_module *m, char *out, size_t room) {
    tn_nn_group_norm *self = (tn_nn_group_norm *)m;
    char eps[40];
    tni_layer_number(eps, sizeof eps, self->eps);
    return snprintf(out, room, "%lld, %lld, eps=%s, affine=%s, bias=%s", (long long)self->num_groups, (long long)self->num_channels,
                    eps, self->affine ? "True" : "False", self->bias ? "True" : "False");
}

TN_CLASS_WITH(tn_nn_group_norm, group_norm_forward, (weight, bias), .printed = "GroupNorm", .extra_repr = group_norm_repr);

/** weight is 1, bias 0. TN_ERR_VALUE unless num_groups divides num_channels. [scope] */
TN_API tn_nn_group_norm *tn_nn_group_norm_new(int64_t num_groups, int64_t num_channels, const tn_nn_group_norm_opts *opts) {
    static const tn_nn_group_norm_opts usual = {.eps = 1e-5, .affine = true, .bias = true, .dtype = TN_DTYPE_NONE};
    const tn_nn_group_norm_opts *o = opts ? opts : &usual;
    tn_nn_group_norm *self = tn_new(tn_nn_group_norm);
    if (!self) return NULL;
    if (num_groups <= 0 || num_channels % num_groups != 0)
        return (void)tn_raise(TN_ERR_VALUE, "num_channels (%lld) must be divisible by num_groups (%lld)", (long long)num_channels,
                              (long long)num_groups),
               NULL;
    self->num_groups = num_groups;
    self->num_channels = num_channels;
    self->eps = o->eps;
    self->affine = o->affine;
    (void)tni_layer_affine(&num_channels, 1, o->affine, o->affine && o->bias, o->dtype, o->where, &self->weight, &self->bias);
    return self;
}
