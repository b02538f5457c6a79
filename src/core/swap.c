/* core/swap.c - torch.utils.swap_tensors: two tensors exchange what they are; and the flags of torch.__future__ on conversion. */
#include "base/error.h"
#include "core/node.h"
#include <tison/autograd.h>
#include <tison/module.h>

/* PyTorch counts who points below the Python object: it, the node that accumulates the gradient, views, nodes that saved it. */
bool tni_swap_verdict(tn_tensor *x, const char *name, int32_t own) {
    int32_t held = tni_count_get(&x->held) - own;
    if (held > 0) { /* a view that was freed may still wait for the modules to be observed */
        tni_claim(&x->object);
        tni_settle(tni_self());
        held = tni_count_get(&x->held) - own;
        tni_release(&x->object);
    }
    bool accumulates = x->requires_grad && !x->grad_fn && tni_count_get(&x->object.graphs) > 0;
    return held == 0 ||
           tni_fail(TN_ERR_RUNTIME,
                    "Expected use_count of %s to be 1 or 2 with an AccumulateGrad node but got %d make sure you are not "
                    "holding references to the tensor in other places.",
                    name, (int)(1 + held + (accumulates ? 1 : 0)));
}

bool tni_refuse_swapped(void) {
    return tni_fail(
        TN_ERR_AUTOGRAD,
        "Trying to execute AccumulateGrad node that was poisoned by swap_tensors this can happen when you try to run "
        "backward on a tensor that was swapped. For a module m with "
        "`torch.__future__.set_swap_module_params_on_conversion(True)` you should not change the device or dtype of the "
        "module (e.g. `m.cpu()` or `m.half()`) between running forward and backward. To resolve this, please only change "
        "the device/dtype before running forward (or after both forward and backward).");
}

/* Where the node of a result that retains its gradient points at x, or NULL. */
static tn_tensor **retained_at(const tn_tensor *x) {
    tn_tensor **retained = x->grad_fn ? &x->grad_fn->out[x->output_nr].retained : NULL;
    return retained && *retained == x ? retained : NULL;
}

#define EXCHANGE(member)                                                                                                           \
    do {                                                                                                                           \
        __typeof__(a->member) kept = a->member;                                                                                    \
        a->member = b->member;                                                                                                     \
        b->member = kept;                                                                                                          \
    } while (0)

#define EXCHANGE_MARK(member)                                                                                                      \
    do {                                                                                                                           \
        bool kept = a->member;                                                                                                     \
        a->member = b->member;                                                                                                     \
        b->member = kept;                                                                                                          \
    } while (0)

void tni_swap_contents(tn_tensor *a, tn_tensor *b) {
    a->swaps++, b->swaps++; /* graphs that were recorded before refuse to accumulate into either */
    if (a == b) return;
    tn_tensor **of_a = retained_at(a), **of_b = retained_at(b);
    if (of_a) *of_a = b;
    if (of_b) *of_b = a;
    tni_array between;
    tni_array_move(&between, &a->a);
    tni_array_move(&a->a, &b->a);
    tni_array_move(&b->a, &between);
    EXCHANGE(grad_fn);
    EXCHANGE(output_nr);
    EXCHANGE(view_version);
    EXCHANGE(requires_grad);
    EXCHANGE(grad_dtype);
    EXCHANGE_MARK(is_parameter);
    EXCHANGE_MARK(is_buffer);
    EXCHANGE_MARK(persistent);
    EXCHANGE(number);
    EXCHANGE(inference);
    EXCHANGE(view_without_grad);
    EXCHANGE(view_of_hook);
    EXCHANGE(uninitialized);
    EXCHANGE(base);
    EXCHANGE(version);
    EXCHANGE(meta);
}

bool tn_swap_tensors(tn_tensor *a, tn_tensor *b) {
    if (tni_failed()) return false;
    TNI_CHECK_TENSOR("swap_tensors", a);
    TNI_CHECK_TENSOR("swap_tensors", b);
    TNI_TRY(tni_swap_verdict(a, "t1", 0) && tni_swap_verdict(b, "t2", 0));
    tni_swap_contents(a, b);
    return true;
}

/* ---- flags of the process ---- */

static bool overwrites, swaps;

static bool set(bool *flag, bool on) {
    if (tni_failed()) return false;
    __atomic_store_n(flag, on, __ATOMIC_RELAXED);
    return true;
}
bool tn_set_overwrite_module_params_on_conversion(bool on) { return set(&overwrites, on); }
bool tn_get_overwrite_module_params_on_conversion(void) { return __atomic_load_n(&overwrites, __ATOMIC_RELAXED); }
bool tn_set_swap_module_params_on_conversion(bool on) { return set(&swaps, on); }
bool tn_get_swap_module_params_on_conversion(void) { return __atomic_load_n(&swaps, __ATOMIC_RELAXED); }
