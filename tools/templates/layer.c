/* nn/NAME.c - torch.nn.PRINTED. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.PRINTED: what it takes and gives, with shapes. */
typedef struct tn_nn_NAME {
    tn_module module;
    tn_tensor *weight; /* (num_features) */
    int64_t num_features;
} tn_nn_NAME;
typedef struct tn_nn_NAME_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_NAME_opts;
#ifndef __cplusplus
#define tn_nn_NAME(...)                                                                                                            \
    TN_WITH(tn_nn_NAME_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), tn_nn_NAME_new(TN_FIRST(__VA_ARGS__, ), &tn_o),           \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *forward(tn_nn_NAME *self, tn_tensor *x) { return tn_mul(x, self->weight); }

/* What stands in the parentheses of the printed text. */
static int repr(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "%lld", (long long)((tn_nn_NAME *)m)->num_features);
}

TN_CLASS_WITH(tn_nn_NAME, forward, (weight), .printed = "PRINTED", .extra_repr = repr);

/** weight is 1. [scope] */
TN_API tn_nn_NAME *tn_nn_NAME_new(int64_t num_features, const tn_nn_NAME_opts *opts) {
    tn_nn_NAME *self = tn_new(tn_nn_NAME);
    tn_tensor *bias;
    if (!self) return NULL;
    self->num_features = num_features;
    (void)tni_layer_affine(&num_features, 1, true, false, opts ? opts->dtype : TN_DTYPE_NONE, opts ? opts->where : NULL,
                           &self->weight, &bias);
    return self; /* also when the weight failed: the error is set, and `layer->weight = ...` never meets NULL */
}
