/* nn/clip_grad.c - torch.nn.utils.clip_grad_norm_, clip_grad_value_, get_total_norm. */
#include "base/memory.h"
#include <math.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/* Keywords of tn_nn_utils_clip_grad_norm_ and tn_nn_utils_get_total_norm. */
typedef struct tn_clip_grad_norm_opts {
    size_t size;
    double norm_type;        /* 2; infinity: the largest |x| */
    bool error_if_nonfinite; /* false */
} tn_clip_grad_norm_opts;
#ifndef __cplusplus
#define tn_nn_utils_clip_grad_norm_(parameters, ...)                                                                               \
    TN_WITH(tn_clip_grad_norm_opts, (.norm_type = 2), (tn_nn_utils_clip_grad_norm_)(parameters, TN_FIRST(__VA_ARGS__, ), &tn_o),   \
            TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_get_total_norm(...)                                                                                            \
    TN_WITH(tn_clip_grad_norm_opts, (.norm_type = 2), (tn_nn_utils_get_total_norm)(TN_FIRST(__VA_ARGS__, ), &tn_o),                \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *norm_of(tn_tensor *x, double p) {
    return (tn_linalg_vector_norm)(x, &(tn_norm_opts){.size = sizeof(tn_norm_opts), .p = p, .dim = TN_NONE});
}

/* The norm of the norms; NULL entries are left out. */
static tn_tensor *total_norm(tn_tensor *const *x, size_t n, const tn_clip_grad_norm_opts *opts) {
    double p = opts ? opts->norm_type : 2;
    tn_tensor **norm = tni_alloc((n + 1) * sizeof *norm), *total = NULL;
    size_t count = 0;
    if (!norm) return NULL;
    for (size_t i = 0; i < n; i++)
        if (x[i]) norm[count++] = norm_of(x[i], p);
    bool right = tn_error() == TN_OK;
    if (right) total = count ? norm_of((tn_stack)(norm, count, NULL), p) : tn_zeros(());
    tni_free(norm, (n + 1) * sizeof *norm);
    if (total && opts && opts->error_if_nonfinite && !isfinite(tn_item(total)))
        return (void)tn_raise(
                   TN_ERR_RUNTIME,
                   "The total norm of order %.*f for gradients from `parameters` is non-finite, so it cannot be clipped. To "
                   "disable this error and scale the gradients by the non-finite norm anyway, set "
                   "`error_if_nonfinite=False`",
                   p == floor(p) ? 1 : 6, p),
               NULL;
    return total;
}

/* Calls `with` on the gradients of the parameters, NULL for those that have none. */
static tn_tensor *on_gradients(tn_tensors *parameters, tn_tensor *(*with)(tn_tensor **grad, size_t n, const void *how),
                               const void *how) {
    TN_SCOPE;
    TN_NO_GRAD;
    size_t n = tn_tensors_count(parameters);
    tn_tensor **grad = tn_error() == TN_OK ? tni_alloc((n + 1) * sizeof *grad) : NULL, *result = NULL;
    for (size_t i = 0; grad && i < n; i++) grad[i] = tn_grad(tn_tensors_get(parameters, i));
    if (grad && tn_error() == TN_OK) result = with(grad, n, how);
    tni_free(grad, (n + 1) * sizeof *grad);
    return tn_escape(result);
}

/** The norm over all elements of several tensors, as if they were one: torch.nn.utils.get_total_norm. 0-d [scope] */
TN_API tn_tensor *(tn_nn_utils_get_total_norm)(tn_tensors *tensors, const tn_clip_grad_norm_opts *opts) {
    TN_SCOPE;
    size_t n = tn_tensors_count(tensors);
    tn_tensor **x = tn_error() == TN_OK ? tni_alloc((n + 1) * sizeof *x) : NULL;
    for (size_t i = 0; x && i < n; i++) x[i] = tn_tensors_get(tensors, i);
    tn_tensor *total = x ? total_norm(x, n, opts) : NULL;
    tni_free(x, (n + 1) * sizeof *x);
    return tn_escape(total);
}

typedef struct clip {
    double limit;
    const tn_clip_grad_norm_opts *opts;
} clip;

static tn_tensor *scale(tn_tensor **grad, size_t n, const void *how) {
    const clip *c = how;
    tn_tensor *total = total_norm(grad, n, c->opts);
    tn_tensor *factor = total ? tn_minimum(tn_div(c->limit, tn_add(total, 1e-6)), 1.0) : NULL;
    for (size_t i = 0; factor && i < n; i++)
        if (grad[i] && !tn_mul_(grad[i], factor)) return NULL;
    return factor ? total : NULL;
}

/** Scales all gradients by one factor, so that their total norm is at most max_norm: torch.nn.utils.clip_grad_norm_. Parameters without
 *  a gradient are left out.
 *  parameters  as tn_parameters gives them
 *  returns     the total norm before, 0-d [scope]; TN_ERR_RUNTIME with error_if_nonfinite, then no gradient was changed
 */
TN_API tn_tensor *(tn_nn_utils_clip_grad_norm_)(tn_tensors *parameters, double max_norm, const tn_clip_grad_norm_opts *opts) {
    return on_gradients(parameters, scale, &(clip){max_norm, opts});
}

static tn_tensor *clamp_each(tn_tensor **grad, size_t n, const void *how) {
    double limit = *(const double *)how;
    for (size_t i = 0; i < n; i++)
        if (grad[i] && !tn_clamp_(grad[i], -limit, limit)) return NULL;
    return NULL;
}

/** Clamps every element of the gradients to -clip_value .. clip_value: torch.nn.utils.clip_grad_value_. */
TN_API bool tn_nn_utils_clip_grad_value_(tn_tensors *parameters, double clip_value) {
    on_gradients(parameters, clamp_each, &clip_value);
    return tn_error() == TN_OK;
}
