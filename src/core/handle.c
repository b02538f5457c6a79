/* core/handle.c - from a handle to the object behind it, checked. */
#include "base/error.h"
#include "core/module.h"

void *tni_handle_of(tni_object *o) { return o->tag == TNI_MODULE ? (void *)tni_module_struct((tni_module *)o) : (void *)o; }

tni_object *tni_object_find(const void *p) {
    tni_object *o = tni_slab_find(p);
    return o && o->tag != TNI_FREE && tni_handle_of(o) == p ? o : NULL;
}

/* Why a handle is refused; `o` is the slot that it points into, or NULL. */
static bool refuse(const char *who, const char *what, const void *handle, const tni_object *o) {
    if (!handle) return tni_fail(TN_ERR_TYPE, "%s: argument '%s' is NULL", who, what);
    if (o && o->tag == TNI_FREE && tni_slab_checking)
        return tni_fail(
            TN_ERR_HANDLE,
            "%s: argument '%s': the handle is not alive (freed by the end of scope %llu of thread %llu, or by a tn_free in it)",
            who, what, (unsigned long long)(o->scope & 0xFFFFFFFFFF), (unsigned long long)(o->scope >> 40));
    if (o && o->tag == TNI_FREE)
        return tni_fail(
            TN_ERR_HANDLE,
            "%s: argument '%s': the handle is not alive (its scope was closed, or it was freed; TISON_CHECK=1 says where)", who,
            what);
    return tni_fail(TN_ERR_HANDLE, "%s: argument '%s' is no handle of this library", who, what);
}

tni_object *tni_object_of(const char *who, const char *what, const void *handle) {
    tni_object *slot = tni_slab_find(handle), *o = tni_object_find(handle);
    if (!o && slot && slot->tag == TNI_FREE)
        refuse(who, what, handle, slot);
    else if (!o && slot && slot->tag == TNI_MODULE)
        tni_fail(TN_ERR_HANDLE, "%s: argument '%s' points inside a module's struct; give the module itself", who, what);
    else if (!o)
        refuse(who, what, handle, NULL);
    return o;
}

bool tni_check_handle_slow(const char *who, const char *what, const void *handle, tni_kind kind) {
    tni_object *slot = handle ? tni_slab_find(handle) : NULL;
    if (!slot || slot->tag == TNI_FREE) return refuse(who, what, handle, slot);
    return tni_fail(TN_ERR_TYPE, "%s: argument '%s' must be a %s, not a %s", who, what, tni_kind_get(kind)->name,
                    tni_kind_get((tni_kind)slot->tag)->name);
}
