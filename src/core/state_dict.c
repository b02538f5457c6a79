/* core/state_dict.c - a module's state taken out, in PyTorch's order, with hooks before and after each module. */
#include "core/state_dict.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include <stdio.h>
#include <string.h>

/* ---- a visit of every module, shared ones under each name; without recursion ---- */

static bool visit_name(tni_state_visit *v, size_t at, const char *name, int32_t index, const char *tail) {
    char number[16] = "";
    if (index >= 0) snprintf(number, sizeof number, ".%d", (int)index);
    size_t n = strlen(name) + strlen(number) + strlen(tail);
    if (!tni_reserve(&v->prefix, &v->prefix_capacity, at + n + 1, 1)) return false;
    snprintf(v->prefix + at, n + 1, "%s%s%s", name, number, tail);
    return true;
}

const char *tni_state_key(tni_state_visit *v, const char *name, int32_t index) {
    return visit_name(v, v->length, name, index, "") ? v->prefix : NULL;
}

static bool push(tni_state_visit *v, tni_module *m, size_t length) {
    if (!tni_reserve(&v->stack, &v->capacity, v->depth + 1, sizeof *v->stack)) return false;
    tni_claim(&m->object); /* hooks may take it out of its field */
    v->stack[v->depth++] = (tni_state_frame){m, 0, length};
    v->length = length;
    v->prefix[length] = 0;
    return v->enter(v, m);
}

static bool pop(tni_state_visit *v, bool right) {
    tni_state_frame f = v->stack[--v->depth];
    v->length = f.length;
    v->prefix[f.length] = 0;
    if (right && v->leave) right = v->leave(v, f.m);
    tni_release(&f.m->object);
    return right;
}

bool tni_state_visit_all(tni_state_visit *v, tni_module *m, const char *prefix) {
    size_t n = strlen(prefix);
    bool right = tni_reserve(&v->prefix, &v->prefix_capacity, n + 1, 1);
    if (right) memcpy(v->prefix, prefix, n + 1);
    right = right && push(v, m, n);
    while (v->depth) {
        tni_state_frame *f = &v->stack[v->depth - 1];
        if (!right || f->next >= tni_module_places(f->m)) {
            right = pop(v, right);
            continue;
        }
        const char *name;
        int32_t index;
        size_t length = f->length;
        tni_object *o = tni_module_place(f->m, f->next++, &name, &index);
        if (!o || o->tag != TNI_MODULE) continue;
        right = visit_name(v, length, name, index, ".") && push(v, (tni_module *)o, length + strlen(v->prefix + length));
    }
    tni_free(v->prefix, v->prefix_capacity);
    tni_free(v->stack, v->capacity * sizeof *v->stack);
    return right && !tni_failed();
}

const tni_hook_list *tni_module_hook_list(const tni_module *m, tni_hook_kind kind) {
    return m->extra && m->extra->hooks[kind].count ? &m->extra->hooks[kind] : NULL;
}

bool tni_state_path(const tni_state_visit *v, char *path, size_t room) {
    size_t n = v->length ? v->length - 1 : 0; /* as torch: the prefix without its last character */
    if (n >= room) return tni_fail(TN_ERR_VALUE, "state_dict: a name is too long");
    memcpy(path, v->prefix, n);
    path[n] = 0;
    return true;
}

bool tni_state_is_saved(const tni_module *m, size_t i, const tni_object *o, bool buffers) {
    if (o->tag != TNI_TENSOR) return false;
    uint8_t status = tni_module_place_status(m, i, o);
    return buffers ? (status & TNI_SLOT_BUFFER) && !(status & TNI_SLOT_TRANSIENT) : (status & TNI_SLOT_PARAMETER) != 0;
}

/* ---- saving ---- */

typedef struct saver {
    tni_state_visit visit;
    tni_thread *t;
    tn_state *to;
    bool keep_vars, fresh; /* fresh: no path was noted before */
} saver;

static bool save_one(saver *s, const char *key, tn_tensor *x) {
    if (!key) return false;
    if (s->keep_vars || x->uninitialized) return tn_state_set(s->to, key, x);
    tn_tensor *alias = tni_tensor_alias(s->t, "state_dict", x);
    bool right = alias && tn_state_set(s->to, key, alias);
    if (alias && !right) tni_tensor_destroy_new(s->t, alias);
    return right;
}

static bool save_own(saver *s, tni_module *m) {
    for (int buffers = 0; buffers <= 1; buffers++)
        for (size_t i = 0; i < tni_module_places(m); i++) {
            const char *name;
            int32_t index;
            tni_object *o = tni_module_place(m, i, &name, &index);
            if (!o || !tni_state_is_saved(m, i, o, buffers)) continue;
            TNI_TRY(save_one(s, tni_state_key(&s->visit, name, index), (tn_tensor *)o));
        }
    if (!TNI_CLASS_HAS(m->class_, get_extra_state)) return true;
    tn_tensor *extra = m->class_->get_extra_state(tni_module_struct(m));
    const char *key = extra ? tni_state_key(&s->visit, "_extra_state", -1) : NULL;
    return extra ? key && tn_state_set(s->to, key, extra) : !tni_failed();
}

static bool run_hooks(saver *s, tni_module *m, tni_hook_kind kind) {
    const tni_hook_list *own = tni_module_hook_list(m, kind);
    tni_hooks h;
    if (!own) return true;
    if (!tni_hooks_take(&h, kind, own)) return false;
    bool right = true;
    s->visit.prefix[s->visit.length] = 0;
    for (size_t i = 0; right && i < h.n; i++) {
        const tn_hook *k = h.item[i];
        if (k->removed) continue;
        right = kind == TNI_HOOK_STATE_PRE ? k->call.state_pre(tni_module_struct(m), s->visit.prefix, s->keep_vars, k->data)
                                           : k->call.state(tni_module_struct(m), s->to, s->visit.prefix, k->data);
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "state_dict: a hook of '%s' returned false", m->class_->name);
        right = right && !tni_failed();
    }
    tni_hooks_drop(&h);
    return right;
}

static bool enter(tni_state_visit *v, tni_module *m) {
    saver *s = (saver *)v;
    char path[1024];
    TNI_TRY(tni_state_path(v, path, sizeof path));
    bool noted = s->fresh ? tni_state_add_version(s->to, path, TNI_CLASS_VERSION(m->class_))
                          : tni_state_renew_version(s->to, path, TNI_CLASS_VERSION(m->class_));
    return noted && run_hooks(s, m, TNI_HOOK_STATE_PRE) && save_own(s, m);
}
static bool leave(tni_state_visit *v, tni_module *m) { return run_hooks((saver *)v, m, TNI_HOOK_STATE); }

tn_state *(tn_state_dict)(tn_module *handle, const tn_state_dict_opts *opts) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("state_dict", handle) : NULL;
    tn_state *to = TNI_OPT(opts, destination, NULL);
    const char *prefix = TNI_OPT(opts, prefix, NULL);
    if (!m || (to && !tni_check_handle("state_dict", "destination", to, TNI_STATE)) || !tni_module_check("state_dict", m))
        return NULL;
    saver s = {.visit = {.enter = enter, .leave = leave}, .t = t, .keep_vars = TNI_OPT(opts, keep_vars, false), .fresh = !to};
    s.to = to = to ? to : tn_state_new();
    return to && tni_state_visit_all(&s.visit, m, prefix ? prefix : "") ? to : NULL;
}
