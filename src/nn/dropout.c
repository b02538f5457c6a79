/* nn/dropout.c - torch.nn.Dropout. */
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.Dropout: zeroes elements with probability p while training, scales the others by 1 / (1 - p). */
typedef struct tn_nn_dropout {
    tn_module module;
    double p;
} tn_nn_dropout;
typedef struct tn_nn_dropout_opts {
    size_t size;
    double p; /* 0.5 */
} tn_nn_dropout_opts;
#ifndef __cplusplus
#define tn_nn_dropout(...) TN_WITH(tn_nn_dropout_opts, (.p = 0.5), tn_nn_dropout_new(&tn_o), __VA_ARGS__)
#endif
#endif

static tn_tensor *dropout_forward(tn_nn_dropout *self, tn_tensor *x) {
    tn_dropout_opts opts = {.size = sizeof opts, .p = self->p, .training = tn_is_training(self)};
    return (tn_dropout)(x, &opts);
}

static int dropout_repr(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "p=%g, inplace=False", ((tn_nn_dropout *)m)->p);
}

TN_CLASS_WITH(tn_nn_dropout, dropout_forward, (TN_NO_FIELDS), .printed = "Dropout", .extra_repr = dropout_repr);

/** p in [0, 1], else TN_ERR_VALUE. [scope] */
TN_API tn_nn_dropout *tn_nn_dropout_new(const tn_nn_dropout_opts *opts) {
    tn_nn_dropout *self = tn_new(tn_nn_dropout);
    if (!self) return NULL;
    self->p = opts ? opts->p : 0.5;
    if (!(self->p >= 0 && self->p <= 1))
        return (void)tn_raise(TN_ERR_VALUE, "dropout probability has to be between 0 and 1, but got %g", self->p), NULL;
    return self;
}
