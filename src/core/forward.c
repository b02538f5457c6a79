/* core/forward.c - calling a module: a scope of its own, hooks around it. */
#include "base/error.h"
#include "base/memory.h"
#include "core/hook.h"
#include "core/module.h"
#include <string.h>

enum { MAX_TENSORS = 64 };

bool tn_forward_arity(tn_module *m, size_t n, size_t arity, size_t results) {
    const char *name = m->class_->name;
    TNI_CHECK(n >= 1, TN_ERR_TYPE, "%s.forward() missing 1 required positional argument: 'x'", name);
    TNI_CHECK(n <= arity, TN_ERR_TYPE, "%s.forward() takes %zu tensor%s but %zu were given", name, arity, arity == 1 ? "" : "s", n);
    TNI_CHECK(results == 1, TN_ERR_TYPE, "%s.forward() returns one tensor, but %zu were asked for", name, results);
    return true;
}

/* A module of another thread must come out of its forward as it went in: nobody would observe the change. */
static bool check_foreign(tni_module *m) {
    for (uint32_t i = 0; i < m->info->slots; i++)
        if (!m->info->slot[i].reference && tni_slot_value(m, i) != m->found[i])
            return tni_fail(TN_ERR_OWNERSHIP,
                            "forward: field '%s' of '%s' was changed, but the module belongs to another thread; run it on its own "
                            "thread, or call "
                            "tn_adopt on this one first",
                            m->info->slot[i].name, m->class_->name);
    return true;
}

static bool check_tensors(const tni_module *m, const char *what, tn_tensor *const *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i]) TNI_TRY(tni_check_handle(m->class_->name, what, x[i], TNI_TENSOR));
    return true;
}

static bool run_hooks(tni_module *m, tn_tensor **in, size_t n, tn_tensor **out, size_t k) {
    tn_hook **list = out ? m->hooks : m->pre_hooks;
    size_t count = out ? m->hook_count : m->pre_count;
    for (size_t i = 0; i < count; i++) {
        tn_hook *h = list[i];
        if (h->removed) continue;
        bool right =
            out ? h->call.post(tni_module_struct(m), in, n, out, k, h->data) : h->call.pre(tni_module_struct(m), in, n, h->data);
        if (!right) return tni_fail(TN_ERR_CALLBACK, "forward: a hook of '%s' returned false", m->class_->name);
    }
    return !tni_failed();
}

static bool call_forward(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    tn_tensor *copy[MAX_TENSORS];
    if (m->pre_count) { /* hooks may put others in their place */
        memcpy(copy, in, n * sizeof *copy);
        TNI_TRY(run_hooks(m, copy, n, NULL, 0) && check_tensors(m, "input", copy, n));
        in = copy;
    }
    bool right = m->class_->forward(tni_module_struct(m), in, n, out, k);
    if (tni_failed()) return false;
    if (!right)
        return tni_fail(TN_ERR_CALLBACK, "forward: '%s' returned %s without setting an error", m->class_->name,
                        out[0] ? "false" : "NULL");
    TNI_TRY(check_tensors(m, "result", out, k));
    return !m->hook_count || (run_hooks(m, (tn_tensor **)(uintptr_t)in, n, out, k) && check_tensors(m, "result", out, k));
}

bool(tn_forward_n)(tn_module *handle, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    tni_module *m = tni_module_of("forward", handle);
    if (!m) return false;
    TNI_CHECK(n <= MAX_TENSORS && k <= MAX_TENSORS, TN_ERR_VALUE, "forward: at most %d tensors in and out", (int)MAX_TENSORS);
    TNI_CHECK((in || n == 0) && (out || k == 0), TN_ERR_TYPE, "forward: argument '%s' is NULL", in || n == 0 ? "out" : "in");
    TNI_TRY(check_tensors(m, "input", in, n));
    for (size_t i = 0; i < k; i++) out[i] = NULL;
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    int internal = t->internal;
    t->internal = 0;
    bool right = call_forward(m, in, n, out, k);
    if (right && m->thread != t) right = check_foreign(m);
    t->internal = internal;
    right = tni_scope_return(t, scope, (void *const *)out, right ? k : 0) && right;
    for (size_t i = 0; i < k && !right; i++) out[i] = NULL;
    return right;
}

tn_tensor *(tn_forward)(tn_module *m, tn_tensor *const in[], size_t n) {
    tn_tensor *out = NULL;
    return (tn_forward_n)(m, in, n, &out, 1) ? out : NULL;
}

tn_hook *(tn_register_forward_pre_hook)(tn_module *handle, tn_forward_pre_hook *hook, void *data, void (*destroy)(void *)) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("register_forward_pre_hook", handle) : NULL;
    if (!m) return NULL;
    if (!hook) return (void)tni_fail(TN_ERR_TYPE, "register_forward_pre_hook: argument 'hook' is NULL"), NULL;
    tn_hook like = {.call.pre = hook, .data = data, .destroy = destroy};
    return tni_hook_add(t, &m->pre_hooks, &m->pre_count, &m->pre_capacity, &like);
}

tn_hook *(tn_register_forward_hook)(tn_module *handle, tn_forward_hook *hook, void *data, void (*destroy)(void *)) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("register_forward_hook", handle) : NULL;
    if (!m) return NULL;
    if (!hook) return (void)tni_fail(TN_ERR_TYPE, "register_forward_hook: argument 'hook' is NULL"), NULL;
    tn_hook like = {.call.post = hook, .data = data, .destroy = destroy};
    return tni_hook_add(t, &m->hooks, &m->hook_count, &m->hook_capacity, &like);
}
