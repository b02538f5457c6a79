/* core/tensor.c - tensor objects: making them, their gradient, their death. */
#include "core/tensor.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/hook.h"
#include "core/node.h"
#include "core/text.h"
#include <string.h>

tni_meta *tni_tensor_meta(tn_tensor *x) {
    if (!x->meta) x->meta = tni_alloc_zero(sizeof *x->meta);
    return x->meta;
}

void tni_tensor_set_grad(tn_tensor *x, tn_tensor *grad) {
    if (!x->meta) return;
    tn_tensor *old = x->meta->grad;
    if (grad) {
        tni_count_up(&grad->held);
        tni_claim(&grad->object);
    }
    x->meta->grad = grad;
    if (!old) return;
    tni_count_down(&old->held);
    tni_release(&old->object);
}

void tni_tensor_drop_grad(tn_tensor *x) { tni_tensor_set_grad(x, NULL); }

void tni_tensor_forget_history(tn_tensor *x) {
    tni_node *node = x->grad_fn;
    x->grad_fn = NULL;
    x->requires_grad = false;
    if (node) tni_node_release(node);
}

static void free_meta(tn_tensor *x) {
    tni_meta *m = x->meta;
    if (!m) return;
    tni_tensor_set_grad(x, NULL);
    tni_hooks_clear(&m->hooks, &m->hook_count, &m->hook_capacity);
    tni_hooks_clear(&m->after, &m->after_count, &m->after_capacity);
    tni_free(m, sizeof *m);
    x->meta = NULL;
}

static void destroy_tensor(tni_object *o) {
    tn_tensor *x = (tn_tensor *)o;
    if (x->meta) free_meta(x);
    if (x->grad_fn) {
        tni_out_info *info = &x->grad_fn->out[x->output_nr];
        if (info->retained == x) info->retained = NULL;
        tni_node_release(x->grad_fn);
    }
    if (x->base) {
        tni_count_down(&x->base->held);
        tni_release(&x->base->object);
    }
    if (x->version && tni_count_down(&x->version->refs) == 0) tni_free(x->version, sizeof *x->version);
    tni_array_clear(&x->a);
}

bool tni_tensor_resize(tn_tensor *x, const char *who, const int64_t *sizes, size_t ndim) {
    TNI_CHECK(
        !x->base && x->a.device != TNI_SPARSE && !x->a.storage->foreign && tni_count_get(&x->a.storage->refs) == 1, TN_ERR_SHAPE,
        "%s: the output has shape %s, the result another one, and the output's memory is shared, so that it cannot be resized", who,
        TNI_SHAPE(&x->a));
    tni_array made = {.device = x->a.device};
    TNI_TRY(tni_array_new(&made, who, (tn_dtype)x->a.dtype, sizes, ndim));
    made.storage->version = x->a.storage->version;
    tni_array_clear(&x->a);
    tni_array_move(&x->a, &made);
    return true;
}

static const tni_kind_info tensor_kind = {"tensor", sizeof(tn_tensor), destroy_tensor, tni_tensor_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_TENSOR, &tensor_kind); }

void tni_tensor_destroy_new(tni_thread *t, tn_tensor *x) {
    if (x) tni_object_destroy_new(t, &x->object);
}

static tn_tensor *new_handle(tni_thread *t) {
    tn_tensor *x = tni_object_new(t, TNI_TENSOR, sizeof *x);
    if (!x) return NULL;
    x->inference = t->inference;
    x->a.device = t->making;
    return x;
}

static tn_tensor *new_beside(tni_thread *t, const tni_array *like) {
    tn_tensor *x = new_handle(t);
    if (x && like->device == TNI_META) x->a.device = TNI_META;
    return x;
}

static tn_tensor *finish(tni_thread *t, tn_tensor *x, bool made) {
    if (made) return x;
    tni_tensor_destroy_new(t, x);
    return NULL;
}

tn_tensor *tni_tensor_new(tni_thread *t, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    tn_tensor *x = new_handle(t);
    return x ? finish(t, x, tni_array_new(&x->a, who, dtype, sizes, ndim)) : NULL;
}

tn_tensor *tni_tensor_new_same(tni_thread *t, tn_dtype dtype, const tni_array *like) {
    tn_tensor *x = new_handle(t);
    return x ? finish(t, x, tni_array_new_same(&x->a, dtype, like)) : NULL;
}

tn_tensor *tni_tensor_new_like(tni_thread *t, const char *who, const tn_tensor *like, tn_dtype dtype) {
    tn_tensor *x = new_beside(t, &like->a);
    return x ? finish(t, x, tni_array_new_like(&x->a, who, &like->a, dtype)) : NULL;
}

tn_tensor *tni_tensor_new_format(tni_thread *t, const char *who, const tn_tensor *like, tn_dtype dtype, tn_memory_format format) {
    tn_tensor *x = new_beside(t, &like->a);
    return x ? finish(t, x, tni_array_new_format(&x->a, who, &like->a, dtype, format)) : NULL;
}

tn_tensor *tni_tensor_new_on(tni_thread *t, int8_t device, const char *who, const tn_tensor *like, tn_dtype dtype,
                             tn_memory_format format) {
    tn_tensor *x = new_handle(t);
    if (!x) return NULL;
    x->a.device = device;
    return finish(t, x, tni_array_new_format(&x->a, who, &like->a, dtype, format));
}

tn_tensor *tni_tensor_zeros(tni_thread *t, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    tn_tensor *x = tni_tensor_new(t, who, dtype, sizes, ndim);
    if (x && x->a.numel && x->a.device == TNI_CPU) memset(x->a.data, 0, (size_t)x->a.numel * tni_array_item(&x->a));
    return x;
}

tn_tensor *tni_tensor_view_as(tni_thread *t, const char *who, const tn_tensor *of, tn_dtype dtype, const int64_t *sizes,
                              const int64_t *strides, size_t ndim, int64_t offset) {
    tn_tensor *x = new_handle(t);
    if (!x) return NULL;
    if (of->version) {
        x->version = of->version;
        tni_count_up(&x->version->refs);
    }
    x->inference = of->inference;
    return finish(t, x, tni_array_view(&x->a, who, of->a.storage, dtype, sizes, strides, ndim, offset));
}

tn_tensor *tni_tensor_view(tni_thread *t, const char *who, const tn_tensor *of, const int64_t *sizes, const int64_t *strides,
                           size_t ndim, int64_t offset) {
    return tni_tensor_view_as(t, who, of, (tn_dtype)of->a.dtype, sizes, strides, ndim, offset);
}
