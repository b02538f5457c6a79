/* core/forward.c - calling a module: a scope of its own, hooks around it. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module_backward.h"
#include <string.h>

enum { MAX_TENSORS = TN_CALL_TENSORS };

bool tn_forward_arity(tn_module *m, size_t n, size_t arity, size_t results) {
    const char *name = m->class_->printed ? m->class_->printed : m->class_->name;
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

/* Who has the call may change its counts. */
static bool fits(tn_module_call *c, size_t n, size_t k) {
    if (TNI_LIKELY(c->n <= MAX_TENSORS && c->k <= MAX_TENSORS)) return true;
    c->n = n;
    c->k = k;
    return tni_fail(TN_ERR_VALUE, "forward: at most %d tensors in and out", (int)MAX_TENSORS);
}

static bool run_hook(tni_module *m, const tn_hook *h, tn_module_call *c, bool after) {
    tn_module *handle = tni_module_struct(m);
    const size_t n = c->n, k = c->k;
    bool right = after ? h->call.post(handle, c->in, c->n, c->out, c->k, h->data) : h->call.pre(handle, c->in, c->n, h->data);
    if (!fits(c, n, k) || tni_failed()) return false;
    return right || tni_fail(TN_ERR_CALLBACK, "forward: a hook of '%s' returned false", m->class_->name);
}

/* After a failure: hooks that always run, with what the forward gave, or no results when it is what failed. What goes wrong in them is a
 * warning only. */
static void run_always(tni_module *m, const tni_hooks *h, size_t done, tn_module_call *c) {
    tn_saved_error error;
    tn_error_take(&error);
    for (size_t i = done; i < h->n; i++) {
        if (!h->item[i]->always || h->item[i]->removed || run_hook(m, h->item[i], c, true)) continue;
        tni_warn(
            "module forward hook with ``always_call=True`` raised an exception that was silenced as another error was raised in "
            "forward: %s",
            tn_error_message());
        tn_clear_error();
    }
    for (size_t i = 0; i < c->k; i++) c->out[i] = NULL;
    tn_error_put(&error);
}

static bool run_pre_hooks(tni_module *m, tn_module_call *c) {
    tni_hooks h;
    bool right = tni_hooks_take(&h, TNI_HOOK_FORWARD_PRE, own_hooks(m, TNI_HOOK_FORWARD_PRE));
    for (size_t i = 0; right && i < h.n; i++) right = h.item[i]->removed || run_hook(m, h.item[i], c, false);
    tni_hooks_drop(&h);
    return right && check_tensors(m, "input", c->in, c->n);
}

static bool call_class(tni_module *m, tn_module_call *c) {
    const size_t n = c->n, k = c->k;
    bool right =
        c->forward ? c->forward(tni_module_struct(m), c) : m->class_->forward(tni_module_struct(m), c->in, c->n, c->out, c->k);
    if (!fits(c, n, k) || tni_failed()) return false;
    if (!right)
        return tni_fail(TN_ERR_CALLBACK, "forward: '%s' returned %s without setting an error", m->class_->name,
                        c->k && c->out[0] ? "false" : "NULL");
    return check_tensors(m, "result", c->out, c->k);
}

/* Forward, then the hooks after it; `done` is how many of them ran when one fails. */
static bool call_and_post(tni_module *m, tn_module_call *c) {
    tni_hooks h;
    if (!tni_hooks_take(&h, TNI_HOOK_FORWARD, own_hooks(m, TNI_HOOK_FORWARD))) return false;
    tn_tensor *kept[MAX_TENSORS] = {NULL}; /* the results before a hook that fails */
    size_t done = 0, k = c->k;
    bool right = (!tni_module_computes(m) || tni_computed_refresh(m)) && call_class(m, c);
    for (; right && done < h.n; done++) {
        k = c->k;
        if (k) memcpy(kept, c->out, k * sizeof *kept);
        right = h.item[done]->removed || run_hook(m, h.item[done], c, true);
    }
    if (!right) c->k = k;
    if (!right && k) memcpy(c->out, kept, k * sizeof *kept);
    right = right && check_tensors(m, "result", c->out, c->k);
    if (!right) run_always(m, &h, done, c);
    tni_hooks_drop(&h);
    return right;
}

static bool call_hooked(tni_module *m, tn_module_call *c) {
    if (!run_pre_hooks(m, c)) return false;
    tni_backward_call *b = NULL;
    bool wants = tni_hooks_live(TNI_HOOK_BACKWARD, own_hooks(m, TNI_HOOK_BACKWARD)) ||
                 tni_hooks_live(TNI_HOOK_BACKWARD_PRE, own_hooks(m, TNI_HOOK_BACKWARD_PRE));
    if (wants && !tni_backward_call_inputs(m, c->in, c->n, &b)) return false;
    bool right = call_and_post(m, c) && (!b || tni_backward_call_outputs(b, c->out, c->k));
    if (right && wants && c->k == 0)
        tni_warn(
            "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received none of them");
    tni_backward_call_release(b);
    return right;
}

static bool call_forward(tni_module *m, tn_module_call *c) {
    if (TNI_LIKELY(!m->extra && __atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) == 0)) return call_class(m, c);
    if (c->size) return call_hooked(m, c); /* the arrays of tn_forward_call are for hooks to write into */
    tn_tensor *copy[MAX_TENSORS];
    if (c->n) memcpy(copy, c->in, c->n * sizeof *copy);
    c->in = copy;
    return call_hooked(m, c);
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

static bool call_foreign(tni_module *m, tn_module_call *c) {
    snapshot before;
    if (!take_snapshot(&before, m)) return false;
    bool right = call_forward(m, c);
    right = check_snapshot(&before, m) && right;
    if (before.value != before.few) tni_free(before.value, m->info->slots * sizeof *before.value);
    return right;
}

static bool run_call(tni_thread *t, tni_module *m, tn_module_call *c) {
    TNI_CHECK(c->n <= MAX_TENSORS && c->k <= MAX_TENSORS, TN_ERR_VALUE, "forward: at most %d tensors in and out", (int)MAX_TENSORS);
    TNI_CHECK((c->in || c->n == 0) && (c->out || c->k == 0), TN_ERR_TYPE, "forward: argument '%s' is NULL",
              c->in || c->n == 0 ? "out" : "in");
    TNI_TRY(check_tensors(m, "input", c->in, c->n));
    for (size_t i = 0; i < c->k; i++) c->out[i] = NULL;
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    int internal = t->internal;
    t->internal = 0;
    tni_module *outer = t->running;
    if (outer && TNI_UNLIKELY(tni_count_get(&m->object.fields) == 0)) note_stranger(t, m);
    t->running = m;
    bool own = __atomic_load_n(&m->thread, __ATOMIC_ACQUIRE) == t;
    bool right = own ? call_forward(m, c) : call_foreign(m, c);
    t->running = outer;
    t->internal = internal;
    right = tni_scope_return(t, scope, (void *const *)c->out, right ? c->k : 0) && right;
    for (size_t i = 0; i < c->k && !right; i++) c->out[i] = NULL;
    return right;
}

bool(tn_forward_n)(tn_module *handle, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("forward", handle) : NULL;
    tn_module_call c = {.in = (tn_tensor **)(uintptr_t)in, .n = n, .out = out, .k = k}; /* without a size: hooks get a copy of in */
    return m && run_call(t, m, &c);
}

bool(tn_forward_call)(tn_module *handle, tn_module_call *call) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("forward", handle) : NULL;
    if (!m) return false;
    TNI_CHECK(call && call->size >= sizeof *call, TN_ERR_TYPE, "forward_call: %s", call ? "the call's size is not set" : "no call");
    TNI_CHECK(call->in && call->out, TN_ERR_TYPE, "forward_call: argument '%s' is NULL", call->in ? "out" : "in");
    return run_call(t, m, call);
}

tn_tensor *(tn_forward)(tn_module *m, tn_tensor *const in[], size_t n) {
    tn_tensor *out = NULL;
    return (tn_forward_n)(m, in, n, &out, 1) ? out : NULL;
}
