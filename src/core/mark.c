/* core/mark.c - Parameter and Buffer: a tensor with a mark. */
#include "base/error.h"
#include "core/module.h"
#include <tison/ops.h>

/* A new handle of x's storage and version counter, without history. */
static tn_tensor *marked(const char *who, tn_tensor *x) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR(who, x);
    if (x->uninitialized) return (void)tni_refuse_uninitialized(who), NULL;
    return tni_tensor_alias(t, who, x);
}

/* What None stands for. */
static tn_tensor *nothing(void) { return (tn_empty)((const int64_t[]){0}, 1, NULL); }

tn_tensor *tn_parameter_at(tn_tensor *x, bool requires_grad, const char *where) {
    if (tni_failed() || (!x && !(x = nothing()))) return NULL;
    TNI_CHECK_TENSOR("Parameter", x);
    if (requires_grad && !tni_dtype_has_grad((tn_dtype)x->a.dtype))
        return (void)tni_fail(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients"), NULL;
    if (requires_grad && x->inference && !tni_self()->inference)
        return (void)tni_fail(TN_ERR_AUTOGRAD,
                              "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."),
               NULL;
    tn_tensor *p = marked("Parameter", x);
    if (!p) return NULL;
    p->is_parameter = true;
    p->requires_grad = requires_grad;
    if (where && tni_tensor_meta(p)) p->meta->where = where;
    return tni_give(tni_self(), p);
}

tn_tensor *(tn_buffer)(tn_tensor *x, const tn_buffer_opts *opts) {
    if (!x && !tni_failed()) x = nothing();
    tn_tensor *b = marked("Buffer", x);
    if (!b) return NULL;
    b->is_buffer = true;
    b->persistent = !opts || opts->size < sizeof *opts || opts->persistent;
    b->requires_grad = x->requires_grad;
    return tni_give(tni_self(), b);
}
