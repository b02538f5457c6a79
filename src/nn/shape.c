/* nn/shape.c - torch.nn.Identity, Unflatten. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
enum { TN_NN_UNFLATTEN_DIMS = 8 }; /* at most so many dims from one */
/** torch.nn.Identity: its input. */
typedef struct tn_nn_identity {
    tn_module module;
} tn_nn_identity;
/** torch.nn.Unflatten: one dim becomes several. */
typedef struct tn_nn_unflatten {
    tn_module module;
    int64_t dim, unflattened_size[TN_NN_UNFLATTEN_DIMS], ndim;
} tn_nn_unflatten;
#ifndef __cplusplus
#define tn_nn_identity() tn_nn_identity_new()
#define tn_nn_unflatten(dim, unflattened_size) tn_nn_unflatten_new(dim, TN_DIMS(unflattened_size))
#endif
#endif

static tn_tensor *identity_forward(tn_nn_identity *self, tn_tensor *x) {
    (void)self;
    return x;
}
TN_CLASS_WITH(tn_nn_identity, identity_forward, (TN_NO_FIELDS), .printed = "Identity");

/** The module whose result is its input. [scope] */
TN_API tn_nn_identity *tn_nn_identity_new(void) { return tn_new(tn_nn_identity); }

static tn_tensor *unflatten_forward(tn_nn_unflatten *self, tn_tensor *x) {
    enum { MOST = 64 };
    int64_t sizes[MOST + TN_NN_UNFLATTEN_DIMS], n = tn_ndim(x), known = 1, unknown = -1, at = 0;
    const int64_t *old = tn_sizes(x);
    if (tn_error()) return NULL;
    int64_t dim = self->dim < 0 ? self->dim + n : self->dim;
    if (dim < 0 || dim >= n)
        return (void)tn_raise(TN_ERR_INDEX, "Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)",
                              (long long)-n, (long long)n - 1, (long long)self->dim),
               NULL;
    for (int64_t d = 0; d < n; d++) {
        if (d != dim) {
            sizes[at++] = old[d];
            continue;
        }
        for (int64_t i = 0; i < self->ndim; i++, at++) {
            sizes[at] = self->unflattened_size[i];
            *(sizes[at] == -1 ? &unknown : &known) = sizes[at] == -1 ? at : known * sizes[at];
        }
    }
    if (unknown >= 0 && known > 0 && old[dim] % known == 0) sizes[unknown] = old[dim] / known, known = old[dim];
    if (known != old[dim]) {
        char text[200];
        tni_layer_tuple(text, sizeof text, self->unflattened_size, (size_t)self->ndim);
        return (void)tn_raise(TN_ERR_RUNTIME,
                              "unflatten: Provided sizes %s don't multiply up to the size of dim %lld (%lld) in the input tensor",
                              text, (long long)dim, (long long)old[dim]),
               NULL;
    }
    return (tn_view)(x, sizes, (size_t)at);
}

static int unflatten_repr(tn_module *m, char *out, size_t room) {
    tn_nn_unflatten *self = (tn_nn_unflatten *)m;
    char size[200];
    tni_layer_tuple(size, sizeof size, self->unflattened_size, (size_t)self->ndim);
    return snprintf(out, room, "dim=%lld, unflattened_size=%s", (long long)self->dim, size);
}
TN_CLASS_WITH(tn_nn_unflatten, unflatten_forward, (TN_NO_FIELDS), .printed = "Unflatten", .extra_repr = unflatten_repr);

/** dim becomes dims of the given sizes, of which one may be -1. [scope] */
TN_API tn_nn_unflatten *tn_nn_unflatten_new(int64_t dim, const int64_t *unflattened_size, size_t n) {
    tn_nn_unflatten *self = tn_new(tn_nn_unflatten);
    if (!self) return NULL;
    if (!unflattened_size || n < 1 || n > TN_NN_UNFLATTEN_DIMS)
        return (void)tn_raise(TN_ERR_VALUE, "Unflatten: 1 to %d sizes, not %zu", (int)TN_NN_UNFLATTEN_DIMS, n), NULL;
    self->dim = dim;
    for (size_t i = 0; i < n; i++) self->unflattened_size[i] = unflattened_size[i];
    self->ndim = (int64_t)n;
    return self;
}
