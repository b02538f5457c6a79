/* core/to.c - module.to(dtype) and to_empty(): parameters, buffers and gradients stay the same objects and get other memory. */
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
    const char *who;
    tn_dtype dtype; /* TN_DTYPE_NONE: each keeps its own, without values */
} changes;

static tn_tensor *convert(tni_thread *t, const changes *c, const tn_tensor *x) {
    tn_dtype own = (tn_dtype)x->a.dtype;
    tn_tensor *y = tni_tensor_new_like(t, c->who, x, c->dtype == TN_DTYPE_NONE ? own : c->dtype);
    if (y && (c->dtype == TN_DTYPE_NONE || tni_copy_array(&y->a, &x->a))) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

static bool prepare(tni_thread *t, changes *c, const tni_walk *w) {
    for (size_t i = 0; i < w->n; i++) {
        tn_tensor *x = (tn_tensor *)w->item[i].value;
        bool changes_dtype = tni_dtype_is_float((tn_dtype)x->a.dtype) && x->a.dtype != (int8_t)c->dtype;
        if (c->dtype == TN_DTYPE_NONE ? x->uninitialized : !changes_dtype) continue;
        if (!tni_reserve(&c->item, &c->capacity, c->n + 1, sizeof *c->item)) return false;
        change *k = &c->item[c->n++];
        *k = (change){x, convert(t, c, x), NULL};
        if (!k->to) return false;
        if (tni_tensor_has_grad(x) && !(k->grad = convert(t, c, x->meta->grad))) return false;
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

static bool change_all(tni_thread *t, const char *who, tni_module *m, tn_dtype dtype) {
    tni_walk parameters = {0}, buffers = {0};
    changes c = {.who = who, .dtype = dtype};
    bool right = tni_walk_run(who, &parameters, m, TNI_WALK_PARAMETERS, NULL, true, false) &&
                 tni_walk_run(who, &buffers, m, TNI_WALK_BUFFERS, NULL, true, false) && prepare(t, &c, &parameters) &&
                 prepare(t, &c, &buffers);
    finish(t, &c, right);
    tni_walk_clear(&parameters);
    tni_walk_clear(&buffers);
    return right;
}

bool(tn_module_to)(tn_module *handle, tn_dtype dtype) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("to", handle) : NULL;
    if (!m || !tni_dtype_check("to", dtype)) return false;
    TNI_CHECK(tni_dtype_has_grad(dtype), TN_ERR_TYPE,
              "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.%s",
              tni_dtype_get(dtype)->name);
    return change_all(t, "to", m, dtype);
}

bool(tn_module_to_empty)(tn_module *handle) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("to_empty", handle) : NULL;
    return m && change_all(t, "to_empty", m, TN_DTYPE_NONE);
}
