/* core/data.c - torch's x.data: the same memory without history, and pointing a tensor at other memory exchanging memory. */
#include "base/error.h"
#include "base/memory.h"
#include "core/tensor.h"
#include <tison/autograd.h>

/* A counter of its own, which starts where the shared one stands. */
static bool own_version(tn_tensor *x, uint32_t value) {
    tni_version *v = tni_alloc(sizeof *v);
    if (!v) return false;
    *v = (tni_version){1, value};
    if (x->version && tni_count_down(&x->version->refs) == 0) tni_free(x->version, sizeof *x->version);
    x->version = v;
    return true;
}

tn_tensor *tn_get_data(tn_tensor *x) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("data", x);
    if (x->uninitialized) return (void)tni_refuse_uninitialized("data"), NULL;
    tn_tensor *y = tni_tensor_alias(t, "data", x);
    if (y && !own_version(y, 0)) {
        tni_tensor_destroy_new(t, y);
        return NULL;
    }
    return tni_give(t, y);
}

bool tn_set_data(tn_tensor *x, tn_tensor *value) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    TNI_CHECK_TENSOR("set_data", x);
    TNI_CHECK_TENSOR("set_data", value);
    if (value->uninitialized) return tni_refuse_uninitialized("set_data");
    TNI_CHECK(!x->requires_grad || tni_dtype_has_grad((tn_dtype)value->a.dtype), TN_ERR_DTYPE,
              "data set to a tensor that requires gradients must be floating point or complex dtype");
    if (x == value) return true;
    TNI_CHECK(x->a.device == value->a.device, TN_ERR_RUNTIME,
              "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor type.");
    tn_tensor *view = tni_tensor_alias(t, "set_data", value); /* checked; its array becomes x's */
    if (!view) return false;
    bool right = own_version(x, tni_version_get(x));
    if (right) {
        tni_array_clear(&x->a);
        tni_array_move(&x->a, &view->a);
        x->uninitialized = false;
    }
    tni_tensor_destroy_new(t, view);
    return right;
}

bool tn_swap_data(tn_tensor *x, tn_tensor *other) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    TNI_CHECK_TENSOR("swap_data", x);
    TNI_CHECK_TENSOR("swap_data", other);
    if (x->uninitialized || other->uninitialized) return tni_refuse_uninitialized("swap_data");
    TNI_CHECK(x->a.dtype == other->a.dtype, TN_ERR_RUNTIME, "Could not set tensor of type %s to a tensor of type %s",
              tni_dtype_get((tn_dtype)other->a.dtype)->name, tni_dtype_get((tn_dtype)x->a.dtype)->name);
    TNI_CHECK(x->a.device == other->a.device, TN_ERR_RUNTIME, "Could not set tensor on device %s to a tensor on device %s",
              tni_device_name(other->a.device), tni_device_name(x->a.device));
    for (int i = 0; !t->no_grad && i < 2; i++) {
        const tn_tensor *y = i ? other : x;
        TNI_CHECK(!y->requires_grad || !tni_is_leaf(y), TN_ERR_AUTOGRAD,
                  "a leaf Variable that requires grad is being used in an in-place operation.");
    }
    uint32_t before = tni_version_get(x);
    if (x != other) {
        tni_array keep;
        tni_array_move(&keep, &x->a);
        tni_array_move(&x->a, &other->a);
        tni_array_move(&other->a, &keep);
        tni_version *counter = x->version;
        x->version = other->version;
        other->version = counter;
    }
    __atomic_store_n(tni_version_of(x), TNI_MAX(before, tni_version_get(x)) + 1, __ATOMIC_RELAXED);
    return true;
}
