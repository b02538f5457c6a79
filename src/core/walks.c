/* core/walks.c - the public calls that walk a module. */
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/node.h"
#include <tison/ops.h>

static tn_tensors *walk(const char *who, tn_module *m, tni_walk_what what, const tn_named_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    tni_module *r = tni_module_of(who, m);
    tni_walk w = {0};
    bool recurse = TNI_OPT(opts, recurse, true), duplicates = !TNI_OPT(opts, remove_duplicate, true);
    if (!r || !tni_walk_run(who, &w, r, what, opts ? opts->prefix : NULL, recurse, duplicates)) return NULL;
    return tni_list_from_walk(t, &w);
}

static tn_named_iter start(tn_tensors *list) {
    tn_named_iter it = {.list = list};
    return it;
}

tn_tensors *(tn_parameters)(tn_module *m) { return walk("parameters", m, TNI_WALK_PARAMETERS, NULL); }
tn_tensors *(tn_buffers)(tn_module *m) { return walk("buffers", m, TNI_WALK_BUFFERS, NULL); }
tn_named_iter(tn_named_parameters)(tn_module *m, const tn_named_opts *opts) {
    return start(walk("named_parameters", m, TNI_WALK_PARAMETERS, opts));
}
tn_named_iter(tn_named_buffers)(tn_module *m, const tn_named_opts *opts) {
    return start(walk("named_buffers", m, TNI_WALK_BUFFERS, opts));
}
tn_named_iter(tn_named_modules)(tn_module *m, const tn_named_opts *opts) {
    return start(walk("named_modules", m, TNI_WALK_MODULES, opts));
}
tn_named_iter(tn_named_children)(tn_module *m) { return start(walk("named_children", m, TNI_WALK_CHILDREN, NULL)); }

bool tn_named_next(tn_named_iter *it) {
    tn_tensors *list = it ? it->list : NULL;
    if (!list || !tni_check_handle("named_next", "it", list, TNI_LIST) || it->i >= list->n) return false;
    const tni_found *f = &list->item[it->i++];
    it->name = f->name ? f->name : "";
    it->tensor = f->value->tag == TNI_TENSOR ? (tn_tensor *)f->value : NULL;
    it->module = f->value->tag == TNI_MODULE ? tni_module_struct((tni_module *)f->value) : NULL;
    return true;
}

bool(tn_check)(tn_module *m) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("check", m);
    return r && tni_module_check("check", r);
}

/* ---- calls on every module or tensor below ---- */

static bool set_training(const char *who, tn_module *m, bool on) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of(who, m);
    tni_walk w = {0};
    if (!r || !tni_walk_run(who, &w, r, TNI_WALK_MODULES, NULL, true, false)) return false;
    for (size_t i = 0; i < w.n; i++) ((tni_module *)w.item[i].value)->training = on;
    tni_walk_clear(&w);
    return true;
}
bool(tn_train)(tn_module *m, bool mode) { return set_training("train", m, mode); }
bool(tn_eval)(tn_module *m) { return set_training("eval", m, false); }
bool(tn_is_training)(tn_module *m) {
    tni_module *r = tni_module_of("is_training", m);
    return r && r->training;
}

/* All or none: what one parameter refuses, no other takes. */
bool(tn_module_requires_grad_)(tn_module *m, bool on) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("requires_grad_", m);
    tni_walk w = {0};
    if (!r || !tni_walk_run("requires_grad_", &w, r, TNI_WALK_PARAMETERS, NULL, true, false)) return false;
    size_t n = 0;
    while (n < w.n && tni_requires_grad_may_change((const tn_tensor *)w.item[n].value, on)) n++;
    bool right = n == w.n;
    for (size_t i = 0; i < n && right; i++) ((tn_tensor *)w.item[i].value)->requires_grad = on;
    tni_walk_clear(&w);
    return right;
}

static bool clear_grad(tn_tensor *x, bool set_to_none) {
    tn_tensor *g = x->meta ? x->meta->grad : NULL;
    if (!g || set_to_none) {
        tni_tensor_drop_grad(x);
        return true;
    }
    tni_tensor_forget_history(g);
    tni_thread *t = tni_self();
    bool no_grad = t->no_grad;
    t->no_grad = true;
    bool right = tn_zero_(g) != NULL;
    t->no_grad = no_grad;
    return right;
}

bool(tn_zero_grad)(tn_module *m, const tn_zero_grad_opts *opts) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("zero_grad", m);
    tni_walk w = {0};
    if (!r || !tni_walk_run("zero_grad", &w, r, TNI_WALK_PARAMETERS, NULL, true, false)) return false;
    bool right = true;
    for (size_t i = 0; i < w.n && right; i++) right = clear_grad((tn_tensor *)w.item[i].value, TNI_OPT(opts, set_to_none, true));
    tni_walk_clear(&w);
    return right;
}

/* ---- apply: children first, each once for a parent; without recursion ---- */

typedef struct turn {
    tni_module *m;
    size_t next; /* place to look at */
} turn;
typedef struct turns {
    turn *item;
    size_t n, capacity;
} turns;

static tni_object *child_at(tni_module *m, size_t i) {
    const char *name;
    int32_t index;
    tni_object *o = tni_module_place(m, i, &name, &index);
    return o && o->tag == TNI_MODULE ? o : NULL;
}

static tni_module *next_child(turn *k) {
    for (; k->next < tni_module_places(k->m); k->next++) {
        tni_object *o = child_at(k->m, k->next);
        bool again = false;
        for (size_t i = 0; o && i < k->next && !again; i++) again = child_at(k->m, i) == o;
        if (!o || again) continue;
        k->next++;
        return (tni_module *)o;
    }
    return NULL;
}

/* Appended to the list, which claims it: the visit may change what m holds. */
static bool order(tni_module *m, tni_walk *w, turns *stack) {
    TNI_TRY(tni_reserve(&stack->item, &stack->capacity, stack->n + 1, sizeof *stack->item));
    stack->item[stack->n++] = (turn){m, 0};
    while (stack->n) {
        tni_module *child = next_child(&stack->item[stack->n - 1]);
        if (child) {
            TNI_TRY(tni_reserve(&stack->item, &stack->capacity, stack->n + 1, sizeof *stack->item));
            stack->item[stack->n++] = (turn){child, 0};
            continue;
        }
        TNI_TRY(tni_reserve(&w->item, &w->capacity, w->n + 1, sizeof *w->item));
        w->item[w->n++] = (tni_found){NULL, &stack->item[--stack->n].m->object, NULL, 0};
    }
    return true;
}

bool(tn_module_apply)(tn_module *m, bool (*visit)(tn_module *, void *), void *data) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("apply", m);
    TNI_CHECK(visit != NULL, TN_ERR_TYPE, "apply: argument 'visit' is NULL");
    if (!r || !tni_module_check("apply", r)) return false;
    tni_walk w = {0};
    turns stack = {0};
    bool right = order(r, &w, &stack);
    tni_free(stack.item, stack.capacity * sizeof *stack.item);
    tn_tensors *list = right ? tni_list_from_walk(tni_self(), &w) : NULL;
    tni_walk_clear(&w);
    for (size_t i = 0; list && i < list->n; i++) {
        bool went_on = visit(tni_module_struct((tni_module *)list->item[i].value), data);
        if (tni_failed()) return false;
        if (!went_on) return tni_fail(TN_ERR_CALLBACK, "apply: the visit returned false");
    }
    return list != NULL;
}
