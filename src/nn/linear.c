/* nn/linear.c - torch.nn.Linear, and the weights that it and convolutions begin with. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>

bool tni_layer_reset(tn_tensor *weight, tn_tensor *bias) {
    TN_SCOPE;
    TN_NO_GRAD;
    int64_t fan_in = 1;
    for (int64_t i = 1, n = tn_ndim(weight); i < n; i++) fan_in *= tn_size(weight, i);
    double a = sqrt(5.0), bound = sqrt(3.0) * (sqrt(2.0 / (1 + a * a)) / sqrt((double)fan_in)),
           bias_bound = fan_in > 0 ? 1 / sqrt((double)fan_in) : 0;
    if (fan_in > 0 && !tn_uniform_(weight, -bound, bound)) return false;
    return !bias || tn_uniform_(bias, -bias_bound, bias_bound);
}

bool tni_layer_weights(const int64_t *sizes, size_t ndim, bool with_bias, tn_dtype dtype, const char *where, tn_tensor **weight,
                       tn_tensor **bias) {
    TN_SCOPE; /* leaves the parameters to their fields alone: they go when the layer goes */
    tn_opts opts = {.size = sizeof opts, .dtype = dtype};
    tn_tensor *w = (tn_empty)(sizes, ndim, &opts), *b = with_bias ? (tn_empty)(sizes, 1, &opts) : NULL;
    if (w && (b || !with_bias)) (void)tni_layer_reset(w, b);
    *weight = tn_parameter_at(w, true, where);
    *bias = with_bias ? tn_parameter_at(b, true, where) : NULL;
    return *weight && (!with_bias || *bias);
}

void tni_layer_lazy_weights(bool with_bias, tn_dtype dtype, tn_tensor **weight, tn_tensor **bias) {
    TN_SCOPE;
    *weight = tn_uninitialized_parameter(.dtype = dtype);
    *bias = with_bias ? tn_uninitialized_parameter(.dtype = dtype) : NULL;
}

/* Values come first, so that a failure leaves no parameter with a shape but without values. */
bool tni_layer_materialize(tn_tensor *weight, tn_tensor *bias, const int64_t *sizes, size_t ndim) {
    TN_SCOPE;
    bool lazy = tn_is_lazy(weight), lazy_bias = bias && tn_is_lazy(bias);
    if (!lazy && !lazy_bias) return tn_error() == TN_OK;
    tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(weight), .device = tn_device(weight)};
    tn_tensor *w = lazy ? (tn_empty)(sizes, ndim, &opts) : weight, *b = lazy_bias ? (tn_empty)(sizes, 1, &opts) : bias;
    return w && (b || !bias) && tni_layer_reset(w, b) && (!lazy || tn_set_data(weight, w)) && (!lazy_bias || tn_set_data(bias, b));
}

#ifdef TN_HEADER
/** torch.nn.Linear: x (..., in) -> (..., out). */
typedef struct tn_nn_linear {
    tn_module module;
    tn_tensor *weight; /* (out, in) */
    tn_tensor *bias;   /* (out) or NULL */
    int64_t in_features, out_features;
} tn_nn_linear;
typedef struct tn_nn_linear_opts {
    size_t size;
    bool bias; /* true */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_linear_opts;
#ifndef __cplusplus
#define tn_nn_lazy_linear(...)                                                                                                     \
    TN_WITH(tn_nn_linear_opts, (.bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),                                           \
            tn_nn_lazy_linear_new(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_linear(in, ...)                                                                                                      \
    TN_WITH(tn_nn_linear_opts, (.bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),                                           \
            tn_nn_linear_new(in, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *linear_forward(tn_nn_linear *self, tn_tensor *x) { return tn_linear(x, self->weight, self->bias); }

static int linear_repr(tn_module *m, char *out, size_t room) {
    tn_nn_linear *self = (tn_nn_linear *)m;
    return snprintf(out, room, "in_features=%lld, out_features=%lld, bias=%s", (long long)self->in_features,
                    (long long)self->out_features, self->bias ? "True" : "False");
}

TN_CLASS_WITH(tn_nn_linear, linear_forward, (weight, bias), .printed = "Linear", .extra_repr = linear_repr);

/** A linear layer with PyTorch's initial weights. in, out: 0 or more. [scope] */
TN_API tn_nn_linear *tn_nn_linear_new(int64_t in, int64_t out, const tn_nn_linear_opts *opts) {
    tn_nn_linear *self = tn_new(tn_nn_linear);
    if (!self) return NULL;
    self->in_features = in;
    self->out_features = out;
    (void)tni_layer_weights((const int64_t[]){out, in}, 2, !opts || opts->bias, opts ? opts->dtype : TN_DTYPE_NONE,
                            opts ? opts->where : NULL, &self->weight, &self->bias);
    return self; /* also when the weights failed: the error is set, and `layer->weight = ...` never meets NULL */
}

/* The first call learns the number of inputs, and makes the layer a Linear; it stays the same object. */
static tn_tensor *lazy_linear_forward(tn_nn_linear *self, tn_tensor *x) {
    int64_t in = tn_size(x, -1);
    if (tn_error() != TN_OK || !tni_layer_materialize(self->weight, self->bias, (const int64_t[]){self->out_features, in}, 2))
        return NULL;
    self->in_features = tn_size(self->weight, 1);
    return tn_module_become(self, &tn_nn_linear_class) ? linear_forward(self, x) : NULL;
}

typedef tn_nn_linear tn_nn_lazy_linear;
TN_CLASS_WITH(tn_nn_lazy_linear, lazy_linear_forward, (weight, bias), .printed = "LazyLinear", .extra_repr = linear_repr);

/** torch.nn.LazyLinear: its number of inputs is that of the first call's; then it is a Linear. [scope] */
TN_API tn_nn_linear *tn_nn_lazy_linear_new(int64_t out, const tn_nn_linear_opts *opts) {
    tn_nn_linear *self = tn_module_new(&tn_nn_lazy_linear_class);
    if (!self) return NULL;
    self->out_features = out;
    tni_layer_lazy_weights(!opts || opts->bias, opts ? opts->dtype : TN_DTYPE_NONE, &self->weight, &self->bias);
    return self;
}
