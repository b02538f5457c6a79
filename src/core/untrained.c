/* core/untrained.c - what an optimizer's step reports of what nobody trains: a Parameter, and a module, that stand in no field.
   docs/forgetting.md has the rules; core/newcomer.c those on what came into a field late. Nothing here allocates. */
#include "base/error.h"
#include "core/module.h"

static bool is_untrained(const tni_object *o) {
    const tn_tensor *x = (const tn_tensor *)o;
    return o && tni_is_parameter(o) && x->requires_grad && !x->optimized;
}

/* ---- a Parameter of nobody ---- */

void tni_note_unowned(tni_thread *t, tn_tensor *leaf, bool had_gradient) {
    uint32_t version = tni_version_get(leaf);
    if (had_gradient && t->unowned == leaf && t->unowned_version == version)
        t->unowned_again |= t->unowned_steps != t->steps;
    else if (!had_gradient || !t->unowned) {
        t->unowned = leaf;
        t->unowned_version = version;
        t->unowned_steps = t->steps;
        t->unowned_again = false;
    }
}

static bool check_unowned(tni_thread *t) {
    if (TNI_LIKELY(!t->unowned)) return true;
    tni_object *o = tni_object_find(t->unowned);
    tn_tensor *x = (tn_tensor *)o;
    bool unowned =
        is_untrained(o) && tni_count_get(&o->fields) == 0 && tni_tensor_has_grad(x) && tni_version_get(x) == t->unowned_version;
    if (!unowned) t->unowned = NULL;
    if (!unowned || !t->unowned_again) return true;
    t->unowned = NULL;
    return tni_fail(
        TN_ERR_OWNERSHIP,
        "optim_step: a parameter of shape %s, made at %s, gets a gradient that nobody uses: no module and no optimizer holds "
        "it, and it will never be trained; name it in TN_CLASS, or give it to an optimizer",
        TNI_SHAPE(&x->a), x->meta->where ? x->meta->where : "an unknown place");
}

/* ---- a module of nobody ---- */

static tni_module *next_with_stranger(tni_thread *t) {
    bool locked = tni_modules_lock(t);
    tni_module *m = t->modules;
    while (m && !(m->extra && m->extra->stranger && tni_count_get(&m->object.claims) > 0)) m = m->next; /* 0: waits for its end */
    tni_modules_unlock(t, locked);
    return m;
}

static bool check_strangers(tni_thread *t) {
    if (TNI_LIKELY(!t->strangers)) return true;
    for (tni_module *m; (m = next_with_stranger(t));) TNI_TRY(tni_module_check_stranger("optim_step", m));
    t->strangers = false;
    return true;
}

bool tni_training_check(tni_thread *t) {
    t->steps++;
    return check_strangers(t) && check_unowned(t);
}
