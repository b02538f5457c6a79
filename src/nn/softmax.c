/* nn/softmax.c - torch.nn.Softmax, LogSoftmax. */
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.Softmax, LogSoftmax: x of any shape -> the same shape. */
typedef struct tn_nn_softmax {
    tn_module module;
    int64_t dim; /* TN_NONE: 0 for inputs of 0, 1 or 3 dims, else 1 */
} tn_nn_softmax;
typedef tn_nn_softmax tn_nn_log_softmax;
typedef struct tn_nn_softmax_opts {
    size_t size;
    int64_t dim; /* TN_NONE */
} tn_nn_softmax_opts;
#ifndef __cplusplus
#define tn_nn_softmax(...) TN_WITH(tn_nn_softmax_opts, (.dim = TN_NONE), tn_nn_softmax_new(&tn_o), __VA_ARGS__)
#define tn_nn_log_softmax(...) TN_WITH(tn_nn_softmax_opts, (.dim = TN_NONE), tn_nn_log_softmax_new(&tn_o), __VA_ARGS__)
#endif
#endif

static int64_t dim_of(tn_nn_softmax *self, tn_tensor *x) {
    int64_t n = tn_ndim(x);
    return self->dim != TN_NONE ? self->dim : n == 0 || n == 1 || n == 3 ? 0 : 1;
}

static tn_tensor *softmax_forward(tn_nn_softmax *self, tn_tensor *x) { return tn_softmax(x, dim_of(self, x)); }
static tn_tensor *log_softmax_forward(tn_nn_log_softmax *self, tn_tensor *x) { return tn_log_softmax(x, dim_of(self, x)); }

static int dim_repr(tn_module *m, char *out, size_t room) {
    int64_t dim = ((tn_nn_softmax *)m)->dim;
    return dim == TN_NONE ? snprintf(out, room, "dim=None") : snprintf(out, room, "dim=%lld", (long long)dim);
}

TN_CLASS_WITH(tn_nn_softmax, softmax_forward, (TN_NO_FIELDS), .printed = "Softmax", .extra_repr = dim_repr);
TN_CLASS_WITH(tn_nn_log_softmax, log_softmax_forward, (TN_NO_FIELDS), .printed = "LogSoftmax", .extra_repr = dim_repr);

/** softmax along dim. [scope] */
TN_API tn_nn_softmax *tn_nn_softmax_new(const tn_nn_softmax_opts *opts) {
    tn_nn_softmax *self = tn_new(tn_nn_softmax);
    if (self) self->dim = opts ? opts->dim : TN_NONE;
    return self;
}
/** log(softmax) along dim. [scope] */
TN_API tn_nn_log_softmax *tn_nn_log_softmax_new(const tn_nn_softmax_opts *opts) {
    tn_nn_log_softmax *self = tn_new(tn_nn_log_softmax);
    if (self) self->dim = opts ? opts->dim : TN_NONE;
    return self;
}
