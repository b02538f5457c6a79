/* core/walks.c - the public calls that walk a module. */
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/op.h"

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

static bool each_tensor(const char *who, tn_module *m, tni_walk_what what, bool (*visit)(tn_tensor *x, void *data), void *data) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of(who, m);
    tni_walk w = {0};
    if (!r || !tni_walk_run(who, &w, r, what, NULL, true, false)) return false;
    bool right = true;
    for (size_t i = 0; i < w.n && right; i++) right = visit((tn_tensor *)w.item[i].value, data);
    tni_walk_clear(&w);
    return right;
}

static bool set_training(const char *who, tn_module *m, bool on) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of(who, m);
    tni_walk w = {0};
    if (!r || !tni_walk_run(who, &w, r, TNI_WALK_MODULES, NULL, true, false)) return false;
    for (size_t i = 0; i < w.n; i++) ((tni_module *)w.item[i].value)->training = on;
    tni_walk_clear(&w);
    return true;
}
bool(tn_train)(tn_module *m) { return set_training("train", m, true); }
bool(tn_eval)(tn_module *m) { return set_training("eval", m, false); }
bool(tn_is_training)(tn_module *m) {
    tni_module *r = tni_module_of("is_training", m);
    return r && r->training;
}

static bool set_requires_grad(tn_tensor *x, void *on) { return tn_requires_grad_(x, *(bool *)on) != NULL; }
bool(tn_module_requires_grad_)(tn_module *m, bool on) {
    return each_tensor("requires_grad_", m, TNI_WALK_PARAMETERS, set_requires_grad, &on);
}

static bool drop_grad(tn_tensor *x, void *data) {
    (void)data;
    tni_tensor_drop_grad(x);
    return true;
}
bool(tn_zero_grad)(tn_module *m) { return each_tensor("zero_grad", m, TNI_WALK_PARAMETERS, drop_grad, NULL); }

/* From preorder with depths to children first: a module's turn comes when the walk has left what is below it. */
static bool apply_all(const tn_tensors *list, size_t *open, bool (*visit)(tn_module *, void *), void *data) {
    size_t n = 0;
    for (size_t i = 0; i <= list->n; i++) {
        while (n && (i == list->n || list->item[open[n - 1]].depth >= list->item[i].depth)) {
            tni_module *m = (tni_module *)list->item[open[--n]].value;
            if (!visit(tni_module_struct(m), data))
                return tni_failed() ? false : tni_fail(TN_ERR_CALLBACK, "apply: the visit returned false");
        }
        if (i < list->n) open[n++] = i;
    }
    return !tni_failed();
}

bool(tn_module_apply)(tn_module *m, bool (*visit)(tn_module *, void *), void *data) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("apply", m);
    TNI_CHECK(visit != NULL, TN_ERR_TYPE, "apply: argument 'visit' is NULL");
    tni_walk w = {0};
    if (!r || !tni_walk_run("apply", &w, r, TNI_WALK_MODULES, NULL, true, false)) return false;
    size_t bytes = w.n * sizeof(size_t), *open = tni_alloc(bytes);
    tn_tensors *list = tni_list_from_walk(tni_self(), &w);
    bool right = open && list && apply_all(list, open, visit, data);
    tni_free(open, bytes);
    return right;
}
