/* core/newcomer.c - parameters that came into a module after an optimizer took all that it had: nobody trains them. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/node.h"
#include <stdio.h>

/* Verdicts on what m holds are not asked for here: an error of the walk is dropped. */
static bool walk_quietly(tni_walk *w, tni_module *m, tni_walk_what what) {
    tn_saved_error error;
    bool failed = tni_failed();
    if (failed) tn_error_take(&error);
    bool right = tni_walk_run("optimizer", w, m, what, NULL, true, false);
    if (!right) tn_clear_error();
    if (failed) tn_error_put(&error);
    return right;
}

/* Does an optimizer train all that is to be trained in m, and anything at all? */
static bool is_trained_whole(tni_module *m) {
    tni_walk w = {0};
    bool any = false, all = walk_quietly(&w, m, TNI_WALK_PARAMETERS);
    for (size_t i = 0; all && i < w.n; i++) {
        const tn_tensor *x = (const tn_tensor *)w.item[i].value;
        any |= x->optimized;
        all = x->optimized || !x->requires_grad;
    }
    tni_walk_clear(&w);
    return any && all;
}

static void mark_below(tni_module *m) {
    tni_walk w = {0};
    if (walk_quietly(&w, m, TNI_WALK_MODULES))
        for (size_t i = 0; i < w.n; i++) __atomic_or_fetch(&w.item[i].value->flags, TNI_TRAINED, __ATOMIC_RELAXED);
    tni_walk_clear(&w);
}

/* Modules of t, claimed: a walk may run setters, which are the program's code, and another thread may adopt what is its own. */
typedef struct modules {
    tni_module **item;
    size_t n, capacity;
} modules;

/* Those that are marked, or are not; what waits for its end is neither. */
static bool take_modules(tni_thread *t, bool marked, modules *out) {
    bool right = true, locked = tni_modules_lock(t);
    for (tni_module *m = t->modules; m && right; m = m->next) {
        if (!(m->object.flags & TNI_TRAINED) == marked || tni_count_get(&m->object.claims) == 0) continue;
        right = tni_reserve(&out->item, &out->capacity, out->n + 1, sizeof *out->item);
        if (!right) break;
        tni_claim(&m->object);
        out->item[out->n++] = m;
    }
    tni_modules_unlock(t, locked);
    return right;
}

static void give_back(modules *list) {
    for (size_t i = 0; i < list->n; i++) tni_release(&list->item[i]->object);
    tni_free(list->item, list->capacity * sizeof *list->item);
}

void tni_module_mark_trained(tni_thread *t) {
    modules list = {0};
    if (!take_modules(t, false, &list)) tn_clear_error(); /* memory is out: fewer are watched */
    for (size_t i = 0; i < list.n; i++)
        if (!(list.item[i]->object.flags & TNI_TRAINED) && is_trained_whole(list.item[i])) mark_below(list.item[i]);
    give_back(&list);
}

void tni_module_note_newcomer(tni_module *m, tni_object *o) {
    bool counts = o->tag == TNI_MODULE || (tni_is_parameter(o) && !((tn_tensor *)o)->optimized);
    if (!counts || !m->thread) return;
    __atomic_or_fetch(&o->flags, TNI_NEWCOMER, __ATOMIC_RELAXED);
    m->thread->newcomers = true;
}

/* One that has a gradient took part in a loss. */
static bool judge(const tni_module *m, const char *name, int32_t index, const char *below, const tn_tensor *x) {
    if (x->optimized || !x->requires_grad || !tni_tensor_has_grad(x)) return true;
    char number[16] = "";
    if (index >= 0) snprintf(number, sizeof number, ".%d", (int)index);
    return tni_fail(TN_ERR_OWNERSHIP,
                    "optim_step: parameter '%s%s%s%s' of shape %s came into '%s' after its optimizer was made, and no optimizer "
                    "trains it; give it to one (add_param_group), or freeze it",
                    name, number, *below ? "." : "", below, TNI_SHAPE(&x->a), m->class_->name);
}

/* *waits: it is of no optimizer yet. */
static bool judge_newcomer(const tni_module *m, const char *name, int32_t index, tni_object *o, bool *waits) {
    if (o->tag == TNI_TENSOR) {
        *waits |= !((tn_tensor *)o)->optimized;
        return judge(m, name, index, "", (const tn_tensor *)o);
    }
    tni_walk w = {0};
    bool right = true;
    *waits = true;
    if (o->tag == TNI_MODULE && walk_quietly(&w, (tni_module *)o, TNI_WALK_PARAMETERS))
        for (size_t i = 0; right && i < w.n; i++) right = judge(m, name, index, w.item[i].name, (const tn_tensor *)w.item[i].value);
    tni_walk_clear(&w);
    return right;
}

bool tni_module_check_newcomers(tni_thread *t) {
    modules list = {0};
    bool waits = false, right = take_modules(t, true, &list);
    for (size_t k = 0; k < list.n && right; k++) {
        tni_module *m = list.item[k];
        for (size_t i = 0, n = tni_module_places(m); i < n && right; i++) {
            const char *name;
            int32_t index;
            tni_object *o = tni_module_place(m, i, &name, &index);
            if (o && (o->flags & TNI_NEWCOMER)) right = judge_newcomer(m, name, index, o, &waits);
        }
    }
    give_back(&list);
    t->newcomers = waits || !right;
    return right;
}
