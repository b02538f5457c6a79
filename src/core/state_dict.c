/* core/state_dict.c - a module's state: taken out, and put back as a whole or not at all. */
#include "base/error.h"
#include "core/op.h"
#include "core/state.h"
#include <stdio.h>
#include <string.h>
#include <tison/module.h>
#include <tison/ops.h>

static const char *printed(const tni_module *m) { return m->class_->printed ? m->class_->printed : m->class_->name; }

/* Names of a module's extra state: a tensor of the class's own under "_extra_state". */
static bool add_extra(tn_state *s, const tni_found *f) {
    tni_module *m = (tni_module *)f->value;
    if (m->class_->size < sizeof(tn_class) || !m->class_->get_extra_state) return true;
    char name[1024];
    snprintf(name, sizeof name, "%s%s_extra_state", f->name, *f->name ? "." : "");
    tn_tensor *extra = m->class_->get_extra_state(tni_module_struct(m));
    return extra ? tn_state_set(s, name, extra) : !tni_failed();
}

tn_state *(tn_state_dict)(tn_module *handle) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("state_dict", handle) : NULL;
    tni_walk w = {0}, modules = {0};
    if (!m || !tni_walk_run("state_dict", &w, m, TNI_WALK_STATE, NULL, true, true)) return NULL;
    tn_state *s = tn_state_new();
    bool right = s != NULL;
    for (size_t i = 0; i < w.n && right; i++) {
        tn_tensor *x = tni_tensor_alias(t, "state_dict", (tn_tensor *)w.item[i].value);
        right = x && tn_state_set(s, w.item[i].name, x);
        if (x && !right) tni_tensor_destroy_new(t, x);
    }
    tni_walk_clear(&w);
    right = right && tni_walk_run("state_dict", &modules, m, TNI_WALK_MODULES, NULL, true, true);
    for (size_t i = 0; i < modules.n && right; i++) right = add_extra(s, &modules.item[i]);
    tni_walk_clear(&modules);
    return right ? s : NULL;
}

/* ---- loading ---- */

typedef struct report {
    tni_str missing, unexpected, errors;
} report;

static void quote(tni_str *s, const char *name) { tni_str_addf(s, "%s\"%s\"", s->length ? ", " : "", name); }

static void shape_text(tni_str *s, const tni_array *a) {
    tni_str_add(s, "torch.Size(");
    tni_str_add(s, TNI_SHAPE(a));
    tni_str_add(s, ")");
}

/* A value of one element fits a 0-d member, as old checkpoints have them. */
static bool shapes_fit(const tn_tensor *to, const tn_tensor *from) {
    return tni_same_shape(&to->a, &from->a) || (to->a.ndim == 0 && from->a.ndim == 1 && from->a.numel == 1);
}

static void judge_members(report *r, const tni_walk *w, const tn_state *s) {
    for (size_t i = 0; i < w->n; i++) {
        const tn_tensor *to = (const tn_tensor *)w->item[i].value, *from = tni_state_find(s, w->item[i].name);
        if (!from) {
            quote(&r->missing, w->item[i].name);
        } else if (!shapes_fit(to, from)) {
            tni_str_addf(&r->errors, "\n\tsize mismatch for %s: copying a param with shape ", w->item[i].name);
            shape_text(&r->errors, &from->a);
            tni_str_add(&r->errors, " from checkpoint, the shape in current model is ");
            shape_text(&r->errors, &to->a);
            tni_str_add(&r->errors, ".");
        }
    }
}

static bool is_member(const tni_walk *w, const char *name) {
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->item[i].name, name) == 0) return true;
    return false;
}

/* The class that takes the extra state of this name, or NULL. */
static tni_module *extra_owner(const tni_walk *modules, const char *name) {
    size_t n = strlen(name), tail = strlen("_extra_state");
    if (n < tail || strcmp(name + n - tail, "_extra_state") != 0) return NULL;
    for (size_t i = 0; i < modules->n; i++) {
        tni_module *m = (tni_module *)modules->item[i].value;
        size_t k = strlen(modules->item[i].name), room = k ? k + 1 : 0;
        bool same = n == room + tail && strncmp(modules->item[i].name, name, k) == 0 && (k == 0 || name[k] == '.');
        if (same && m->class_->size >= sizeof(tn_class) && m->class_->set_extra_state) return m;
    }
    return NULL;
}

static void judge_names(report *r, const tni_walk *w, const tni_walk *modules, const tn_state *s) {
    for (size_t i = 0; i < s->n; i++)
        if (!is_member(w, s->item[i].name) && !extra_owner(modules, s->item[i].name)) quote(&r->unexpected, s->item[i].name);
}

static bool refuse(const report *r, const tni_module *m, bool strict) {
    bool names = strict && (r->missing.length || r->unexpected.length);
    if (!names && !r->errors.length) return true;
    bool missing = strict && r->missing.length, unexpected = strict && r->unexpected.length;
    return tni_fail(TN_ERR_RUNTIME, "Error(s) in loading state_dict for %s:%s%s%s%s%s%s%s", printed(m),
                    missing ? "\n\tMissing key(s) in state_dict: " : "", missing ? r->missing.text : "", missing ? ". " : "",
                    unexpected ? "\n\tUnexpected key(s) in state_dict: " : "", unexpected ? r->unexpected.text : "",
                    unexpected ? ". " : "", r->errors.length ? r->errors.text : "");
}

static bool copy_all(tni_thread *t, const tni_walk *w, const tni_walk *modules, const tn_state *s) {
    bool no_grad = t->no_grad, right = true;
    t->no_grad = true;
    for (size_t i = 0; i < w->n && right; i++) {
        tn_tensor *from = tni_state_find(s, w->item[i].name);
        tn_tensor *to = (tn_tensor *)w->item[i].value;
        if (!from || (from->a.data == to->a.data && from->a.storage == to->a.storage)) continue;
        right = tni_inner_enter(t);
        if (!right) break;
        right = tn_copy_(to, to->a.ndim == 0 && from->a.ndim == 1 ? (tn_reshape)(from, NULL, 0) : from) != NULL;
        tni_inner_exit(t);
    }
    t->no_grad = no_grad;
    for (size_t i = 0; i < s->n && right; i++) {
        tni_module *owner = extra_owner(modules, s->item[i].name);
        if (owner) right = owner->class_->set_extra_state(tni_module_struct(owner), (tn_tensor *)s->item[i].value);
    }
    return right;
}

bool(tn_load_state_dict)(tn_module *handle, tn_state *state, const tn_load_opts *opts) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("load_state_dict", handle) : NULL;
    if (!m || !tni_check_handle("load_state_dict", "state", state, TNI_STATE)) return false;
    tni_walk w = {0}, modules = {0};
    report r = {0};
    bool right = tni_walk_run("load_state_dict", &w, m, TNI_WALK_STATE, NULL, true, true) &&
                 tni_walk_run("load_state_dict", &modules, m, TNI_WALK_MODULES, NULL, true, true);
    if (right) {
        judge_members(&r, &w, state);
        judge_names(&r, &w, &modules, state);
        right = !(r.missing.failed || r.unexpected.failed || r.errors.failed) && refuse(&r, m, TNI_OPT(opts, strict, true));
    }
    right = right && copy_all(t, &w, &modules, state);
    tni_str_clear(&r.missing);
    tni_str_clear(&r.unexpected);
    tni_str_clear(&r.errors);
    tni_walk_clear(&w);
    tni_walk_clear(&modules);
    return right;
}
