/* core/hook_list.c - lists of hooks of modules, and those of the whole process. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/op.h"
#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tni_hook_list global[TNI_GLOBAL_HOOKS];
int32_t tni_global_hooks;

static void drop_removed(tni_hook_list *l) {
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->item[i]->removed)
            tni_release(&l->item[i]->object);
        else
            l->item[n++] = l->item[i];
    l->count = n;
}

tn_hook *tni_hook_list_add(tni_thread *t, tni_hook_list *l, const tn_hook *like, bool prepend) {
    drop_removed(l);
    tn_hook *h = tni_hook_add(t, &l->item, &l->count, &l->capacity, like);
    if (!h) return NULL;
    h->always = like->always;
    if (prepend) {
        memmove(l->item + 1, l->item, (l->count - 1) * sizeof *l->item);
        l->item[0] = h;
    }
    return h;
}

void tni_hook_list_clear(tni_hook_list *l) { tni_hooks_clear(&l->item, &l->count, &l->capacity); }

/* The copies call the same functions with the same data, but are removed for themselves. */
bool tni_hook_list_copy(tni_thread *t, tni_hook_list *to, const tni_hook_list *from) {
    for (size_t i = 0; i < from->count; i++) {
        tn_hook *original = from->item[i];
        if (original->removed) continue;
        tn_hook like = {.call = original->call, .data = original->data};
        tn_hook *h = tni_hook_add(t, &to->item, &to->count, &to->capacity, &like);
        if (!h) return false;
        h->always = original->always;
        h->original = original;
        tni_claim(&original->object);
    }
    return true;
}

static void take_list(tni_hooks *h, const tni_hook_list *l) {
    for (size_t i = 0; l && i < l->count; i++) {
        if (l->item[i]->removed) continue;
        tni_claim(&l->item[i]->object);
        h->item[h->n++] = l->item[i];
    }
}

static bool any_live(const tni_hook_list *l) {
    for (size_t i = 0; l && i < l->count; i++)
        if (!l->item[i]->removed) return true;
    return false;
}

bool tni_hooks_live(tni_hook_kind kind, const tni_hook_list *own) {
    if (any_live(own)) return true;
    if (__atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) == 0) return false;
    pthread_mutex_lock(&lock);
    bool live = any_live(&global[kind]);
    pthread_mutex_unlock(&lock);
    return live;
}

bool tni_hooks_take(tni_hooks *h, tni_hook_kind kind, const tni_hook_list *own) {
    bool any_global = __atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) > 0;
    h->item = h->few;
    h->n = 0;
    if (any_global) pthread_mutex_lock(&lock);
    size_t room = (any_global ? global[kind].count : 0) + (own ? own->count : 0);
    if (room > TNI_COUNT(h->few)) h->item = tni_alloc(room * sizeof *h->item);
    if (h->item && any_global) take_list(h, &global[kind]);
    if (any_global) pthread_mutex_unlock(&lock);
    if (h->item) take_list(h, own);
    if (h->item && h->item != h->few && h->n < room) { /* the block is freed by its number of items */
        tn_hook **exact = tni_alloc(h->n * sizeof *exact);
        if (exact) memcpy(exact, h->item, h->n * sizeof *exact);
        for (size_t i = 0; !exact && i < h->n; i++) tni_release(&h->item[i]->object);
        tni_free(h->item, room * sizeof *h->item);
        h->item = exact;
    }
    return h->item != NULL;
}

void tni_hooks_drop(tni_hooks *h) {
    for (size_t i = 0; h->item && i < h->n; i++) tni_release(&h->item[i]->object);
    if (h->item && h->item != h->few) tni_free(h->item, h->n * sizeof *h->item);
    h->item = NULL;
}

void tni_hooks_shutdown(void) {
    for (size_t k = 0; k < TNI_GLOBAL_HOOKS; k++) {
        tni_free(global[k].item, global[k].capacity * sizeof *global[k].item);
        global[k] = (tni_hook_list){0};
    }
    tni_global_hooks = 0;
}

/* ---- registration of hooks ---- */

static tn_hook *add_own(const char *who, tn_module *handle, tni_hook_kind kind, tn_hook like, bool given,
                        const tn_hook_opts *opts) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of(who, handle) : NULL;
    if (!m) return NULL;
    if (!given) return (void)tni_fail(TN_ERR_TYPE, "%s: argument 'hook' is NULL", who), NULL;
    tni_module_extra *e = tni_module_extra_of(m);
    like.always = TNI_OPT(opts, always_call, false);
    return e ? tni_hook_list_add(t, &e->hooks[kind], &like, TNI_OPT(opts, prepend, false)) : NULL;
}

static tn_hook *add_global(const char *who, tni_hook_kind kind, tn_hook like, bool given, const tn_hook_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    if (!given) return (void)tni_fail(TN_ERR_TYPE, "%s: argument 'hook' is NULL", who), NULL;
    like.always = TNI_OPT(opts, always_call, false);
    if (kind >= TNI_MODULE_HOOKS) tni_module_observe_all(t); /* fields that were assigned before are none of its business */
    pthread_mutex_lock(&lock);
    tn_hook *h = tni_hook_list_add(t, &global[kind], &like, TNI_OPT(opts, prepend, false));
    int32_t n = 0;
    for (size_t k = 0; k < TNI_GLOBAL_HOOKS; k++) n += (int32_t)global[k].count;
    __atomic_store_n(&tni_global_hooks, n, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&lock);
    return h;
}

#define LIKE(member) ((tn_hook){.call.member = hook, .data = data, .destroy = destroy})
#define OWN(name, type, kind, member)                                                                                              \
    tn_hook *(tn_register_##name)(tn_module * m, type * hook, void *data, void (*destroy)(void *), const tn_hook_opts *opts) {     \
        return add_own("register_" #name, m, kind, LIKE(member), hook != NULL, opts);                                              \
    }
OWN(forward_pre_hook, tn_forward_pre_hook, TNI_HOOK_FORWARD_PRE, pre)
OWN(forward_hook, tn_forward_hook, TNI_HOOK_FORWARD, post)
OWN(full_backward_pre_hook, tn_full_backward_pre_hook, TNI_HOOK_BACKWARD_PRE, backward_pre)
OWN(full_backward_hook, tn_full_backward_hook, TNI_HOOK_BACKWARD, backward)

tn_hook *(tn_forward_pre_hook_at)(tn_module *handle, size_t i, tn_forward_pre_hook **hook, void **data) {
    tni_thread *t = tni_self();
    tni_module *m = t ? tni_module_of("forward_pre_hook_at", handle) : NULL;
    const tni_hook_list *l = m && m->extra ? &m->extra->hooks[TNI_HOOK_FORWARD_PRE] : NULL;
    for (size_t k = 0; l && k < l->count; k++) {
        if (l->item[k]->removed || i-- > 0) continue;
        if (hook) *hook = l->item[k]->call.pre;
        if (data) *data = l->item[k]->data;
        return tni_scope_claim(t, &l->item[k]->object) ? l->item[k] : NULL;
    }
    return NULL;
}

#define OWN_PLAIN(name, type, kind, member)                                                                                        \
    tn_hook *(tn_register_##name)(tn_module * m, type * hook, void *data, void (*destroy)(void *)) {                               \
        return add_own("register_" #name, m, kind, LIKE(member), hook != NULL, NULL);                                              \
    }
OWN_PLAIN(state_dict_pre_hook, tn_state_dict_pre_hook, TNI_HOOK_STATE_PRE, state_pre)
OWN_PLAIN(state_dict_post_hook, tn_state_dict_hook, TNI_HOOK_STATE, state)
OWN_PLAIN(load_state_dict_pre_hook, tn_load_state_dict_pre_hook, TNI_HOOK_LOAD_PRE, load_pre)
OWN_PLAIN(load_state_dict_post_hook, tn_load_state_dict_post_hook, TNI_HOOK_LOAD, load)

#define GLOBAL(name, type, kind, member)                                                                                           \
    tn_hook *(tn_register_module_##name)(type * hook, void *data, void (*destroy)(void *)) {                                       \
        return add_global("register_module_" #name, kind, LIKE(member), hook != NULL, NULL);                                       \
    }
GLOBAL(forward_pre_hook, tn_forward_pre_hook, TNI_HOOK_FORWARD_PRE, pre)
GLOBAL(full_backward_pre_hook, tn_full_backward_pre_hook, TNI_HOOK_BACKWARD_PRE, backward_pre)
GLOBAL(full_backward_hook, tn_full_backward_hook, TNI_HOOK_BACKWARD, backward)
GLOBAL(parameter_registration_hook, tn_registration_hook, TNI_HOOK_PARAMETER, registration)
GLOBAL(buffer_registration_hook, tn_registration_hook, TNI_HOOK_BUFFER, registration)
GLOBAL(module_registration_hook, tn_registration_hook, TNI_HOOK_MODULE, registration)

tn_hook *(tn_register_module_forward_hook)(tn_forward_hook *hook, void *data, void (*destroy)(void *), const tn_hook_opts *opts) {
    return add_global("register_module_forward_hook", TNI_HOOK_FORWARD, LIKE(post), hook != NULL, opts);
}

bool tni_hooks_registration(tni_hook_kind kind, tn_module *m, const char *name, tni_object **o) {
    if (!tni_hooks_any(kind, NULL)) return true;
    tni_hooks h;
    bool right = tni_hooks_take(&h, kind, NULL);
    for (size_t i = 0; right && i < h.n; i++) {
        if (h.item[i]->removed) continue;
        void *next = h.item[i]->call.registration(m, name, *o ? tni_handle_of(*o) : NULL, h.item[i]->data);
        right = !tni_failed();
        if (!right || !next) continue;
        tni_object *replaced = tni_object_of("registration hook", "result", next);
        right = replaced && (replaced->tag == TNI_TENSOR || replaced->tag == TNI_MODULE);
        if (replaced && !right)
            tni_fail(TN_ERR_TYPE, "a registration hook returned a %s", tni_kind_get((tni_kind)replaced->tag)->name);
        if (right && (kind == TNI_HOOK_MODULE) != (replaced->tag == TNI_MODULE))
            right = tni_fail(TN_ERR_TYPE, kind == TNI_HOOK_MODULE ? "a registration hook of modules returned a tensor"
                                                                  : "a registration hook of tensors returned a module");
        if (right) *o = replaced;
    }
    tni_hooks_drop(&h);
    return right;
}
