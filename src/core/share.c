/* core/share.c - torch's share_memory_(): memory that child processes see, too. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/sparse.h"
#include <string.h>
#include <sys/mman.h>

typedef struct mapping {
    void *data;
    size_t bytes;
} mapping;

static void unmap(void *context) {
    mapping *m = context;
    munmap(m->data, m->bytes);
    tni_free(m, sizeof *m);
}

static bool is_shared(const tn_tensor *x) { return x->a.storage->foreign && x->a.storage->destroy == unmap; }

static tni_storage *new_shared(const tni_storage *like) {
    mapping *m = tni_alloc(sizeof *m);
    if (!m) return NULL;
    m->bytes = TNI_MAX(like->bytes, 1);
    m->data = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m->data == MAP_FAILED) {
        tni_free(m, sizeof *m);
        return (void)tni_fail(TN_ERR_MEMORY, "share_memory_: %zu bytes cannot be mapped", like->bytes), NULL;
    }
    if (like->bytes) memcpy(m->data, like->data, like->bytes);
    tni_storage *s = tni_storage_wrap(m->data, like->bytes, unmap, m);
    if (!s) unmap(m);
    return s;
}

/* A tensor over a shared copy of x's memory, without claims; NULL with an error. Other tensors would keep the memory that x leaves. */
static tn_tensor *prepare(tni_thread *t, const tn_tensor *x) {
    if (x->uninitialized)
        return (void)tni_fail(TN_ERR_RUNTIME,
                              "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize "
                              "the parameters before calling `module.share_memory()`."),
               NULL;
    if (tni_is_sparse(x)) return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "Cannot access storage of SparseTensorImpl"), NULL;
    if (x->a.device != TNI_CPU) return (void)tni_fail(TN_ERR_RUNTIME, "_share_fd_: only available on CPU"), NULL;
    if (tni_count_get(&x->a.storage->refs) > 1)
        return (void)tni_fail(TN_ERR_RUNTIME,
                              "share_memory_: %d other tensors use the memory of this one of shape %s; let them go first",
                              (int)tni_count_get(&x->a.storage->refs) - 1, TNI_SHAPE(&x->a)),
               NULL;
    tni_storage *s = new_shared(x->a.storage);
    tn_tensor *y = s ? tni_object_new(t, TNI_TENSOR, sizeof *y) : NULL;
    bool right =
        y && tni_array_view(&y->a, "share_memory_", s, (tn_dtype)x->a.dtype, x->a.sizes, x->a.strides, x->a.ndim, x->a.offset);
    if (s) s->version = x->a.storage->version;
    tni_storage_release(s);
    if (right) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

static void take_over(tni_thread *t, tn_tensor *x, tn_tensor *from) {
    tni_array_clear(&x->a);
    tni_array_move(&x->a, &from->a);
    tni_tensor_destroy_new(t, from);
}

tn_tensor *tn_share_memory_(tn_tensor *x) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("share_memory_", x);
    tni_settle(t); /* what waits to be freed uses memory, too */
    if (!x->uninitialized && is_shared(x)) return x;
    tn_tensor *from = prepare(t, x);
    if (!from) return NULL;
    take_over(t, x, from);
    return x;
}

bool tn_is_shared(tn_tensor *x) { return tni_check_handle("is_shared", "x", x, TNI_TENSOR) && is_shared(x); }

static bool share_all(tni_thread *t, tni_walk *w, tn_tensor **from) {
    size_t n = 0;
    for (; n < w->n; n++) {
        tn_tensor *x = (tn_tensor *)w->item[n].value;
        from[n] = !x->uninitialized && is_shared(x) ? NULL : prepare(t, x);
        if (!from[n] && tni_failed()) break;
    }
    bool right = n == w->n;
    for (size_t i = 0; i < n; i++) {
        if (!from[i]) continue;
        if (right)
            take_over(t, (tn_tensor *)w->item[i].value, from[i]);
        else
            tni_tensor_destroy_new(t, from[i]);
    }
    return right;
}

bool(tn_module_share_memory)(tn_module *handle) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("share_memory", handle) : NULL;
    if (!m) return false;
    tni_settle(t);
    tni_walk both[2] = {{0}, {0}};
    bool right = tni_walk_run("share_memory", &both[0], m, TNI_WALK_PARAMETERS, NULL, true, false) &&
                 tni_walk_run("share_memory", &both[1], m, TNI_WALK_BUFFERS, NULL, true, false);
    for (int k = 0; k < 2 && right; k++) {
        tn_tensor **from = tni_alloc((both[k].n + 1) * sizeof *from);
        right = from && share_all(t, &both[k], from);
        tni_free(from, (both[k].n + 1) * sizeof *from);
    }
    tni_walk_clear(&both[0]);
    tni_walk_clear(&both[1]);
    return right;
}
