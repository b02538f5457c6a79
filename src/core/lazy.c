/* core/lazy.c - parameters and buffers whose shape is not known yet: what lazy modules hold until their first call. */
#include "base/error.h"
#include "core/module.h"
#include "core/op.h"

bool tni_refuse_uninitialized(const char *who) {
    return tni_fail(TN_ERR_VALUE,
                    "Attempted to use an uninitialized parameter in %s. This error happens when you are using a `LazyModule` or "
                    "explicitly manipulating `torch.nn.parameter.UninitializedParameter` objects. When using LazyModules Call "
                    "`forward` with a dummy batch to initialize the parameters before calling torch functions",
                    who);
}

bool tni_refuse_shape(void) {
    return tni_fail(
        TN_ERR_RUNTIME,
        "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
        "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
        "parameters before accessing their attributes.");
}

static tn_tensor *make(const char *who, const tn_uninitialized_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (dtype == TN_DTYPE_NONE) dtype = tn_get_default_dtype();
    if (!tni_dtype_check(who, dtype)) return NULL;
    tni_devices before = tni_device_enter(t, t->default_device);
    tn_tensor *x = tni_tensor_new(t, who, dtype, (const int64_t[]){0}, 1);
    tni_device_leave(t, before);
    if (x) x->uninitialized = true;
    return x;
}

tn_tensor *(tn_uninitialized_parameter)(const tn_uninitialized_opts *opts) {
    tn_tensor *x = make("UninitializedParameter", opts);
    if (!x) return NULL;
    x->is_parameter = true;
    x->requires_grad = TNI_OPT(opts, requires_grad, true);
    if (x->requires_grad && !tni_dtype_has_grad((tn_dtype)x->a.dtype)) {
        tni_tensor_destroy_new(tni_self(), x);
        return (void)tni_fail(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients"), NULL;
    }
    return tni_give(tni_self(), x);
}

tn_tensor *(tn_uninitialized_buffer)(const tn_uninitialized_opts *opts) {
    tn_tensor *x = make("UninitializedBuffer", opts);
    if (!x) return NULL;
    x->is_buffer = true;
    x->persistent = TNI_OPT(opts, persistent, true);
    return tni_give(tni_self(), x);
}

bool tn_is_lazy(tn_tensor *x) { return tni_check_handle("is_lazy", "x", x, TNI_TENSOR) && x->uninitialized; }

bool(tn_materialize)(tn_tensor *x, const int64_t *sizes, size_t ndim, const tn_materialize_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("materialize", "x", x, TNI_TENSOR)) return false;
    TNI_CHECK(x->uninitialized, TN_ERR_ATTRIBUTE, "'%s' object has no attribute 'materialize'",
              x->is_parameter ? "Parameter"
              : x->is_buffer  ? "Buffer"
                              : "Tensor");
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    tni_devices before = tni_device_enter(t, x->a.device);
    tn_tensor *fresh = tni_tensor_new(t, "materialize", dtype == TN_DTYPE_NONE ? (tn_dtype)x->a.dtype : dtype, sizes, ndim);
    tni_device_leave(t, before);
    if (!fresh) return false;
    tni_array_clear(&x->a);
    tni_array_move(&x->a, &fresh->a);
    x->uninitialized = false;
    tni_tensor_destroy_new(t, fresh);
    return true;
}
