/* core/right_inverse.c - what a parametrization would make a value of: its class's right_inverse. */
#include "base/error.h"
#include "core/module.h"

bool(tn_has_right_inverse)(tn_module *handle) {
    tni_module *m = tni_module_of("has_right_inverse", handle);
    return m && TNI_CLASS_HAS(m->class_, right_inverse);
}

static size_t count_of(size_t n) { return n == TN_SEQUENCE_OF_ONE ? 1 : n; }

static size_t call(tni_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    size_t n = m->class_->right_inverse(tni_module_struct(m), x, out, room);
    if (tni_failed()) return 0;
    if (!n || count_of(n) > room)
        return (size_t)tni_fail(TN_ERR_CALLBACK, "right_inverse: '%s' returned %zu tensors, room is for %zu", m->class_->name,
                                count_of(n), room);
    for (size_t i = 0; i < count_of(n); i++)
        if (out[i] && !tni_check_handle(m->class_->name, "result", out[i], TNI_TENSOR)) return 0;
    return n;
}

size_t(tn_right_inverse)(tn_module *handle, tn_tensor *x, tn_tensor *out[], size_t room) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("right_inverse", handle) : NULL;
    if (!m || !tni_check_handle("right_inverse", "x", x, TNI_TENSOR)) return 0;
    TNI_CHECK(out != NULL, TN_ERR_TYPE, "right_inverse: argument 'out' is NULL");
    TNI_CHECK(TNI_CLASS_HAS(m->class_, right_inverse), TN_ERR_NOT_IMPLEMENTED, "'%s' does not implement right_inverse",
              m->class_->name);
    for (size_t i = 0; i < room; i++) out[i] = NULL;
    uint64_t scope = tni_scope_open(t, false);
    int internal = t->internal;
    t->internal = 0; /* what the program's code makes is seen by it */
    size_t n = scope ? call(m, x, out, room) : 0;
    t->internal = internal;
    if (scope && !tni_scope_return(t, scope, (void *const *)out, count_of(n))) n = 0;
    for (size_t i = count_of(n); i < room; i++) out[i] = NULL;
    return n;
}
