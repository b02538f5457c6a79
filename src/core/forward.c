/* core/forward.c - calling a module: a scope of its own, hooks around it. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module_backward.h"
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
typedef struct snapshot {
    void *few[64], **value;
} snapshot;

static bool take_snapshot(snapshot *s, tni_module *m) {
    s->value = s->few;
    if (m->info->slots > TNI_COUNT(s->few) && !(s->value = tni_alloc(m->info->slots * sizeof *s->value))) return false;
    for (uint32_t i = 0; i < m->info->slots; i++) s->value[i] = tni_slot_value(m, i);
    return true;
}

static bool check_snapshot(const snapshot *s, tni_module *m) {
    for (uint32_t i = 0; i < m->info->slots; i++)
        if (!m->info->slot[i].reference && tni_slot_value(m, i) != s->value[i])
            return tni_fail(TN_ERR_OWNERSHIP,
                            "forward: field '%s' of '%s' was changed, but the module belongs to another thread; run it on its own "
                            "thread, or call tn_adopt on this one first",
                            m->info->slot[i].name, m->class_->name);
    return true;
}

static bool check_tensors(const tni_module *m, const char *what, tn_tensor *const *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i]) TNI_TRY(tni_check_handle(m->class_->name, what, x[i], TNI_TENSOR));
    return true;
}

static const tni_hook_list *own_hooks(const tni_module *m, tni_hook_kind kind) { return m->extra ? &m->extra->hooks[kind] : NULL; }

static bool run_hook(tni_module *m, const tn_hook *h, tn_tensor **in, size_t n, tn_tensor **out, size_t k) {
    bool right =
        out ? h->call.post(tni_module_struct(m), in, n, out, k, h->data) : h->call.pre(tni_module_struct(m), in, n, h->data);
    if (tni_failed()) return false;
    return right || tni_fail(TN_ERR_CALLBACK, "forward: a hook of '%s' returned false", m->class_->name);
}

/* After a failure: hooks that always run, with what the forward gave, or no results when it is what failed. What goes wrong in them is a
 * warning only. */
static void run_always(tni_module *m, const tni_hooks *h, size_t done, tn_tensor **in, size_t n, tn_tensor **out, size_t k) {
    tn_saved_error error;
    tn_error_take(&error);
    for (size_t i = done; i < h->n; i++) {
        if (!h->item[i]->always || h->item[i]->removed || run_hook(m, h->item[i], in, n, out, k)) continue;
        tni_warn(
            "module forward hook with ``always_call=True`` raised an exception that was silenced as another error was raised in "
            "forward: %s",
            tn_error_message());
        tn_clear_error();
    }
    for (size_t i = 0; i < k; i++) out[i] = NULL;
    tn_error_put(&error);
}

static bool run_pre_hooks(tni_module *m, tn_tensor **in, size_t n) {
    tni_hooks h;
    bool right = tni_hooks_take(&h, TNI_HOOK_FORWARD_PRE, own_hooks(m, TNI_HOOK_FORWARD_PRE));
    for (size_t i = 0; right && i < h.n; i++) right = h.item[i]->removed || run_hook(m, h.item[i], in, n, NULL, 0);
    tni_hooks_drop(&h);
    return right && check_tensors(m, "input", in, n);
}

static bool call_class(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    bool right = m->class_->forward(tni_module_struct(m), in, n, out, k);
    if (tni_failed()) return false;
    if (!right)
        return tni_fail(TN_ERR_CALLBACK, "forward: '%s' returned %s without setting an error", m->class_->name,
                        out[0] ? "false" : "NULL");
    return check_tensors(m, "result", out, k);
}

/* Forward, then the hooks after it; `done` is how many of them ran when one fails. */
static bool call_and_post(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    tni_hooks h;
    if (!tni_hooks_take(&h, TNI_HOOK_FORWARD, own_hooks(m, TNI_HOOK_FORWARD))) return false;
    tn_tensor *copy[MAX_TENSORS], *kept[MAX_TENSORS] = {NULL}; /* kept: the results before a hook that fails */
    if (n) memcpy(copy, in, n * sizeof *copy);
    bool right = (!tni_module_computes(m) || tni_computed_refresh(m)) && call_class(m, in, n, out, k);
    size_t done = 0;
    for (; right && done < h.n; done++) {
        if (k) memcpy(kept, out, k * sizeof *kept);
        right = h.item[done]->removed || run_hook(m, h.item[done], copy, n, out, k);
    }
    if (!right && k) memcpy(out, kept, k * sizeof *kept);
    right = right && check_tensors(m, "result", out, k);
    if (!right) run_always(m, &h, done, copy, n, out, k);
    tni_hooks_drop(&h);
    return right;
}

static bool call_hooked(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    tn_tensor *copy[MAX_TENSORS]; /* hooks may put others in their place */
    if (n) memcpy(copy, in, n * sizeof *copy);
    if (!run_pre_hooks(m, copy, n)) return false;
    tni_backward_call *b = NULL;
    bool wants = tni_hooks_live(TNI_HOOK_BACKWARD, own_hooks(m, TNI_HOOK_BACKWARD)) ||
                 tni_hooks_live(TNI_HOOK_BACKWARD_PRE, own_hooks(m, TNI_HOOK_BACKWARD_PRE));
    if (wants && !tni_backward_call_inputs(m, copy, n, &b)) return false;
    bool right = call_and_post(m, copy, n, out, k) && (!b || tni_backward_call_outputs(b, out, k));
    tni_backward_call_release(b);
    return right;
}

static bool call_forward(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    if (TNI_LIKELY(!m->extra && __atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) == 0)) return call_class(m, in, n, out, k);
    return call_hooked(m, in, n, out, k);
}

/* Does some field that is a plain reference of m hold it? */
static bool is_referred_to(tni_module *m, const tni_module *other) {
    for (uint32_t i = 0; i < m->info->slots; i++)
        if (m->info->slot[i].reference && tni_slot_value(m, i) == (const void *)tni_module_struct((tni_module *)(uintptr_t)other))
            return true;
    return false;
}

/* A module with parameters that runs inside another's forward while no field holds it: nobody will train it. A walk or an optimizer's
 * step reports it. Without gradients (a teacher) nothing is trained through it. */
static void note_stranger(tni_thread *t, tni_module *m) {
    tni_module *outer = t->running;
    if (outer == m || outer->thread != t || t->no_grad || (outer->extra && outer->extra->stranger)) return;
    tni_module_observe_all(t);
    if (tni_count_get(&m->object.fields) > 0 || is_referred_to(outer, m) || !tni_module_has_trainable(m)) return;
    tni_module_extra *e = tni_module_extra_of(outer);
    if (!e) return;
    e->stranger = &m->object;
    t->strangers = true;
    tni_claim(&m->object);
}

static bool call_foreign(tni_module *m, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    snapshot before;
    if (!take_snapshot(&before, m)) return false;
    bool right = call_forward(m, in, n, out, k);
    right = check_snapshot(&before, m) && right;
    if (before.value != before.few) tni_free(before.value, m->info->slots * sizeof *before.value);
    return right;
}

tn_module *(tn_forward_begin)(tn_module *handle) {
    tni_thread *t = tni_self();
    tni_module *m = t ? tni_module_of("forward_begin", handle) : NULL;
    if (!m) return NULL;
    tni_module *outer = t->running;
    if (outer && TNI_UNLIKELY(tni_count_get(&m->object.fields) == 0)) note_stranger(t, m);
    t->running = m;
    return outer ? tni_module_struct(outer) : NULL;
}

void(tn_forward_end)(tn_module *outer) {
    tni_thread *t = tni_self();
    if (t) t->running = outer ? tni_module_of("forward_end", outer) : NULL;
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
    tni_module *outer = t->running;
    if (outer && TNI_UNLIKELY(tni_count_get(&m->object.fields) == 0)) note_stranger(t, m);
    t->running = m;
    bool own = __atomic_load_n(&m->thread, __ATOMIC_ACQUIRE) == t;
    bool right = own ? call_forward(m, in, n, out, k) : call_foreign(m, in, n, out, k);
    t->running = outer;
    t->internal = internal;
    right = tni_scope_return(t, scope, (void *const *)out, right ? k : 0) && right;
    for (size_t i = 0; i < k && !right; i++) out[i] = NULL;
    return right;
}

tn_tensor *(tn_forward)(tn_module *m, tn_tensor *const in[], size_t n) {
    tn_tensor *out = NULL;
    return (tn_forward_n)(m, in, n, &out, 1) ? out : NULL;
}
