/* nn/dropout.c - torch.nn.Dropout, Dropout2d. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.Dropout: zeroes elements with probability p while training, scales the others by 1 / (1 - p). Dropout2d: whole channels of
 *  x (N, C, H, W). */
typedef struct tn_nn_dropout {
    tn_module module;
    double p;
} tn_nn_dropout;
typedef tn_nn_dropout tn_nn_dropout2d;
typedef struct tn_nn_dropout_opts {
    size_t size;
    double p; /* 0.5 */
} tn_nn_dropout_opts;
#ifndef __cplusplus
#define tn_nn_dropout(...) TN_WITH(tn_nn_dropout_opts, (.p = 0.5), tn_nn_dropout_new(&tn_o), __VA_ARGS__)
#define tn_nn_dropout2d(...) TN_WITH(tn_nn_dropout_opts, (.p = 0.5), tn_nn_dropout2d_new(&tn_o), __VA_ARGS__)
#endif
#endif

static tn_tensor *dropout_forward(tn_nn_dropout *self, tn_tensor *x) {
    tn_dropout_opts opts = {.size = sizeof opts, .p = self->p, .training = tn_is_training(self)};
    return (tn_dropout)(x, &opts);
}

/* One draw for each channel of each item. */
static tn_tensor *dropout2d_forward(tn_nn_dropout2d *self, tn_tensor *x) {
    int64_t n = tn_ndim(x), sizes[64];
    if (tn_error() || !tn_is_training(self) || self->p == 0 || tn_numel(x) == 0) return x;
    if (n < 2 || n > 64) return (void)tn_raise(TN_ERR_RUNTIME, "Feature dropout requires at least 2 dimensions in the input"), NULL;
    for (int64_t d = 0; d < n; d++) sizes[d] = d < 2 ? tn_size(x, d) : 1;
    tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(x), .device = tn_device(x)};
    if (self->p == 1) return tn_mul(x, (tn_zeros)(NULL, 0, &opts));
    return tn_mul(x, tn_div_(tn_bernoulli_((tn_empty)(sizes, (size_t)n, &opts), 1 - self->p), 1 - self->p));
}

static int dropout_repr(tn_module *m, char *out, size_t room) {
    char p[40];
    tni_layer_number(p, sizeof p, ((tn_nn_dropout *)m)->p);
    return snprintf(out, room, "p=%s, inplace=False", p);
}

TN_CLASS_WITH(tn_nn_dropout, dropout_forward, (TN_NO_FIELDS), .printed = "Dropout", .extra_repr = dropout_repr);
TN_CLASS_WITH(tn_nn_dropout2d, dropout2d_forward, (TN_NO_FIELDS), .printed = "Dropout2d", .extra_repr = dropout_repr);

static tn_nn_dropout *make(tn_nn_dropout *self, const tn_nn_dropout_opts *opts) {
    if (!self) return NULL;
    self->p = opts ? opts->p : 0.5;
    if (!(self->p >= 0 && self->p <= 1))
        return (void)tn_raise(TN_ERR_VALUE, "dropout probability has to be between 0 and 1, but got %g", self->p), NULL;
    return self;
}

/** p in [0, 1], else TN_ERR_VALUE. [scope] */
TN_API tn_nn_dropout *tn_nn_dropout_new(const tn_nn_dropout_opts *opts) { return make(tn_new(tn_nn_dropout), opts); }
/** p in [0, 1], else TN_ERR_VALUE. [scope] */
TN_API tn_nn_dropout2d *tn_nn_dropout2d_new(const tn_nn_dropout_opts *opts) { return make(tn_new(tn_nn_dropout2d), opts); }
