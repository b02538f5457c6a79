/* nn/flatten.c - torch.nn.Flatten. */
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.Flatten: dims start_dim to end_dim become one. */
typedef struct tn_nn_flatten {
    tn_module module;
    int64_t start_dim, end_dim;
} tn_nn_flatten;
typedef struct tn_nn_flatten_opts {
    size_t size;
    int64_t start_dim, end_dim; /* 1, -1 */
} tn_nn_flatten_opts;
#ifndef __cplusplus
#define tn_nn_flatten(...) TN_WITH(tn_nn_flatten_opts, (.start_dim = 1, .end_dim = -1), tn_nn_flatten_new(&tn_o), __VA_ARGS__)
#endif
#endif

static tn_tensor *flatten_forward(tn_nn_flatten *self, tn_tensor *x) { return tn_flatten(x, self->start_dim, self->end_dim); }

static int flatten_repr(tn_module *m, char *out, size_t room) {
    tn_nn_flatten *self = (tn_nn_flatten *)m;
    return snprintf(out, room, "start_dim=%lld, end_dim=%lld", (long long)self->start_dim, (long long)self->end_dim);
}

TN_CLASS_WITH(tn_nn_flatten, flatten_forward, (TN_NO_FIELDS), .printed = "Flatten", .extra_repr = flatten_repr);

/** [scope] */
TN_API tn_nn_flatten *tn_nn_flatten_new(const tn_nn_flatten_opts *opts) {
    tn_nn_flatten *self = tn_new(tn_nn_flatten);
    if (!self) return NULL;
    self->start_dim = opts ? opts->start_dim : 1;
    self->end_dim = opts ? opts->end_dim : -1;
    return self;
}
