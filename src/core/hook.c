/* core/hook.c - hooks of tensors: registering, removing, running. */
#include "core/hook.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/node.h"

static void destroy_hook(tni_object *o) {
    tn_hook *h = (tn_hook *)o;
    tni_thread *t = tni_self();
    if (t) t->user_code_ran = true;
    if (h->destroy) h->destroy(h->data);
    if (h->original) tni_release(&h->original->object);
}
static const tni_kind_info hook_kind = {"hook", sizeof(tn_hook), destroy_hook, NULL};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_HOOK, &hook_kind); }

tn_hook *tni_hook_add(tni_thread *t, tn_hook ***list, size_t *count, size_t *capacity, const tn_hook *like) {
    if (!tni_reserve(list, capacity, *count + 1, sizeof **list)) return NULL;
    tn_hook *h = tni_object_new(t, TNI_HOOK, sizeof *h);
    if (!h) return NULL;
    h->call = like->call;
    h->data = like->data;
    if (!tni_give(t, h)) return NULL;
    h->destroy = like->destroy;
    tni_claim(&h->object);
    (*list)[(*count)++] = h;
    return h;
}

void tni_hooks_clear(tn_hook ***list, size_t *count, size_t *capacity) {
    for (size_t i = 0; i < *count; i++) tni_release(&(*list)[i]->object);
    tni_free(*list, *capacity * sizeof **list);
    *list = NULL;
    *count = *capacity = 0;
}

bool tni_hook_check(const char *hook, const tn_tensor *before, tn_tensor *after) {
    TNI_TRY(tni_check_handle(hook, "gradient", after, TNI_TENSOR));
    TNI_CHECK(tni_same_shape(&before->a, &after->a), TN_ERR_SHAPE, "hook '%s' has changed the size of value", hook);
    TNI_CHECK(before->a.dtype == after->a.dtype, TN_ERR_DTYPE,
              "hook '%s' has changed the type of value (was torch.%sTensor got torch.%sTensor)", hook,
              tni_dtype_get((tn_dtype)before->a.dtype)->legacy, tni_dtype_get((tn_dtype)after->a.dtype)->legacy);
    return true;
}

/* One hook in a scope of its own; a new gradient passes to the scope outside. */
static bool run_one(tni_thread *t, tn_hook *h, tn_tensor **grad) {
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    if (!tni_scope_claim(t, &(*grad)->object)) {
        tni_scope_close(t, scope);
        return false;
    }
    tn_tensor *next = h->call.gradient(*grad, h->data);
    bool right = !tni_failed() && (next == NULL || next == *grad || tni_hook_check("register_hook", *grad, next));
    if (!right || !next) next = *grad;
    void *result = next;
    right = tni_scope_return(t, scope, &result, 1) && right;
    *grad = next;
    return right;
}

bool tni_hooks_run(tni_thread *t, tn_hook *const *list, size_t count, tn_tensor **grad) {
    int internal = t->internal;
    t->internal = 0; /* what the program's code makes is seen by it */
    bool right = true;
    for (size_t i = 0; right && i < count; i++)
        if (!list[i]->removed) {
            tni_claim(&list[i]->object); /* the hook may remove itself */
            right = run_one(t, list[i], grad);
            tni_release(&list[i]->object);
        }
    t->internal = internal;
    return right;
}

bool tni_hooks_after(tni_thread *t, tn_tensor *leaf) {
    int internal = t->internal;
    t->internal = 0;
    for (size_t i = 0; i < leaf->meta->after_count && !tni_failed(); i++) {
        tn_hook *h = leaf->meta->after[i];
        uint64_t scope = h->removed ? 0 : tni_scope_open(t, false);
        if (!scope) continue;
        tni_claim(&h->object);
        h->call.after(leaf, h->data);
        tni_scope_close(t, scope);
        tni_release(&h->object);
    }
    t->internal = internal;
    return !tni_failed();
}

void tn_hook_remove(tn_hook *hook) {
    if (!tni_check_handle("hook_remove", "hook", hook, TNI_HOOK)) return;
    hook->removed = true;
}

tn_hook *tn_register_hook(tn_tensor *x, tn_tensor *(*hook)(tn_tensor *, void *), void *data, void (*destroy)(void *)) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("register_hook", x);
    if (!hook) return (void)tni_fail(TN_ERR_TYPE, "register_hook: argument 'hook' is NULL"), NULL;
    if (!x->requires_grad)
        return (void)tni_fail(TN_ERR_AUTOGRAD, "cannot register a hook on a tensor that doesn't require gradient"), NULL;
    tn_hook like = {.call.gradient = hook, .data = data, .destroy = destroy};
    tni_node *node;
    if (!tni_grad_fn(x, &node)) return NULL;
    if (node) {
        tni_out_info *o = &node->out[x->output_nr];
        return tni_hook_add(t, &o->hooks, &o->hook_count, &o->hook_capacity, &like);
    }
    tni_meta *m = tni_tensor_meta(x);
    return m ? tni_hook_add(t, &m->hooks, &m->hook_count, &m->hook_capacity, &like) : NULL;
}

tn_hook *tn_register_post_accumulate_grad_hook(tn_tensor *leaf, void (*hook)(tn_tensor *, void *), void *data,
                                               void (*destroy)(void *)) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("register_post_accumulate_grad_hook", leaf);
    if (!hook) return (void)tni_fail(TN_ERR_TYPE, "register_post_accumulate_grad_hook: argument 'hook' is NULL"), NULL;
    if (!leaf->requires_grad)
        return (void)tni_fail(TN_ERR_AUTOGRAD, "cannot register a hook on a tensor that doesn't require gradient"), NULL;
    if (!tni_is_leaf(leaf))
        return (void)tni_fail(TN_ERR_AUTOGRAD, "post accumulate grad hooks cannot be registered on non-leaf tensors"), NULL;
    tni_meta *m = tni_tensor_meta(leaf);
    tn_hook like = {.call.after = hook, .data = data, .destroy = destroy};
    return m ? tni_hook_add(t, &m->after, &m->after_count, &m->after_capacity, &like) : NULL;
}
