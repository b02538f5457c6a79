/* nn/linear.c - torch.nn.Linear, and the weights that it and convolutions begin with. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>

bool tni_layer_weights(const int64_t *sizes, size_t ndim, bool with_bias, tn_dtype dtype, const char *where, tn_tensor **weight,
                       tn_tensor **bias) {
    TN_SCOPE; /* leaves the parameters to their fields alone: they go when the layer goes */
    int64_t fan_in = 1;
    for (size_t i = 1; i < ndim; i++) fan_in *= sizes[i];
    double a = sqrt(5.0), bound = sqrt(3.0) * (sqrt(2.0 / (1 + a * a)) / sqrt((double)fan_in)),
           bias_bound = fan_in > 0 ? 1 / sqrt((double)fan_in) : 0;
    tn_opts opts = {.size = sizeof opts, .dtype = dtype};
    tn_tensor *w = (tn_empty)(sizes, ndim, &opts);
    if (fan_in > 0) w = tn_uniform_(w, -bound, bound);
    *weight = tn_parameter_at(w, true, where);
    *bias = with_bias ? tn_parameter_at(tn_uniform_((tn_empty)(sizes, 1, &opts), -bias_bound, bias_bound), true, where) : NULL;
    return *weight && (!with_bias || *bias);
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
    bool made = tni_layer_weights((const int64_t[]){out, in}, 2, !opts || opts->bias, opts ? opts->dtype : TN_DTYPE_NONE,
                                  opts ? opts->where : NULL, &self->weight, &self->bias);
    return made ? self : NULL;
}
