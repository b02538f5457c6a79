/* core/to.c - module.to(dtype): parameters stay the same objects, buffers are replaced. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"

/* A conversion that is ready to be put in place. */
typedef struct change {
    tn_tensor *x, *to, *grad;
} change;
typedef struct changes {
    change *item;
    size_t n, capacity;
} changes;

static tn_tensor *convert(tni_thread *t, const tn_tensor *x, tn_dtype dtype) {
    tn_tensor *y = tni_tensor_new_like(t, "to", x, dtype);
    if (y && tni_copy_array(&y->a, &x->a)) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

static bool prepare(tni_thread *t, changes *c, const tni_walk *w, tn_dtype dtype) {
    for (size_t i = 0; i < w->n; i++) {
        tn_tensor *x = (tn_tensor *)w->item[i].value;
        if (!tni_dtype_is_float((tn_dtype)x->a.dtype) || x->a.dtype == (int8_t)dtype) continue;
        if (!tni_reserve(&c->item, &c->capacity, c->n + 1, sizeof *c->item)) return false;
        change *k = &c->item[c->n++];
        *k = (change){x, convert(t, x, dtype), NULL};
        if (!k->to) return false;
        if (tni_tensor_has_grad(x) && !(k->grad = convert(t, x->meta->grad, dtype))) return false;
    }
    return true;
}

/* x takes over the memory of `from`; its version goes on. */
static void swap_arrays(tn_tensor *x, tn_tensor *from) {
    tni_array old;
    uint32_t version = tni_version_get(x);
    tni_array_move(&old, &x->a);
    tni_array_move(&x->a, &from->a);
    tni_array_move(&from->a, &old);
    if (!x->version) x->a.storage->version = version;
}

/* PyTorch replaces buffers by new tensors; here the same handle keeps standing in the field, so that no struct is written. */
static void finish(tni_thread *t, changes *c, bool put) {
    for (size_t i = 0; i < c->n; i++) {
        change *k = &c->item[i];
        if (put) swap_arrays(k->x, k->to);
        if (put && k->grad) swap_arrays(k->x->meta->grad, k->grad);
        tni_tensor_destroy_new(t, k->to);
        tni_tensor_destroy_new(t, k->grad);
    }
    tni_free(c->item, c->capacity * sizeof *c->item);
}

bool(tn_module_to)(tn_module *handle, tn_dtype dtype) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("to", handle) : NULL;
    if (!m || !tni_dtype_check("to", dtype)) return false;
    TNI_CHECK(tni_dtype_is_float(dtype), TN_ERR_TYPE,
              "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.%s",
              tni_dtype_get(dtype)->name);
    tni_walk parameters = {0}, buffers = {0};
    changes c = {0};
    bool right = tni_walk_run("to", &parameters, m, TNI_WALK_PARAMETERS, NULL, true, false) &&
                 tni_walk_run("to", &buffers, m, TNI_WALK_BUFFERS, NULL, true, false) && prepare(t, &c, &parameters, dtype) &&
                 prepare(t, &c, &buffers, dtype);
    finish(t, &c, right);
    tni_walk_clear(&parameters);
    tni_walk_clear(&buffers);
    return right;
}
