/* core/computed.c - members of a module that are computed at each read, and whose assignments go to a setter. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <string.h>

tni_computed *tni_computed_find(const tni_module *m, const char *name) {
    if (TNI_LIKELY(!tni_module_computes(m)) || !name) return NULL;
    for (size_t i = 0; i < m->extra->computed_count; i++)
        if (strcmp(m->extra->computed[i].name, name) == 0) return &m->extra->computed[i];
    return NULL;
}

static void exchange(tni_object **slot, tni_object *o) {
    if (o) tni_claim(o);
    if (*slot) tni_release(*slot);
    *slot = o;
}

/* ---- what stands in the place ---- */

/* The raw value of a field; a member made at run time changes by call alone. */
static void *place_value(tni_module *m, const tni_computed *c) {
    int64_t place = tni_module_find_place(m, c->name);
    if (place >= 0 && (size_t)place < m->info->slots) return tni_slot_value(m, (uint32_t)place);
    return c->shown ? tni_handle_of(c->shown) : NULL;
}

static bool is_assigned(tni_module *m, const tni_computed *c) {
    return !c->busy && place_value(m, c) != (c->shown ? tni_handle_of(c->shown) : NULL);
}

static void show(tni_module *m, tni_computed *c, tni_object *o) {
    exchange(&c->shown, o);
    int64_t place = tni_module_find_place(m, c->name);
    if (place >= 0) tni_module_put_place(m, (size_t)place, o, TNI_SLOT_COMPUTED);
}

void tni_computed_observed(tni_module *m, uint32_t slot) {
    if (m->info->slot[slot].index >= 0 || !tni_computed_find(m, m->info->slot[slot].name)) return;
    m->status[slot] = TNI_SLOT_COMPUTED | (m->status[slot] & (TNI_SLOT_CLAIMED | TNI_SLOT_CYCLE));
}

bool tni_computed_is_assigned(tni_module *m) {
    if (m->thread != tni_self()) return false;
    for (size_t i = 0; i < m->extra->computed_count; i++)
        if (is_assigned(m, &m->extra->computed[i])) return true;
    return false;
}

/* ---- reading and assigning: the program's functions, in a scope of their own ---- */

static tn_tensor *call_get(tni_module *m, const tni_computed *c) {
    tni_thread *t = tni_self();
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return NULL;
    int internal = t->internal;
    t->internal = 0; /* what the program's code makes is seen by it */
    tn_tensor *x = c->functions->get(tni_module_struct(m), c->name);
    t->internal = internal;
    if (!x && !tni_failed())
        tni_fail(TN_ERR_CALLBACK, "the getter of '%s' of '%s' returned NULL without setting an error", c->name,
                 tni_module_printed(m));
    void *result = tni_failed() || !tni_check_handle("getter", "result", x, TNI_TENSOR) ? NULL : x;
    return tni_scope_return(t, scope, &result, 1) ? result : NULL;
}

static bool call_set(tni_module *m, const tni_computed *c, tni_object *o) {
    tni_thread *t = tni_self();
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    int internal = t->internal;
    t->internal = 0;
    bool right = c->functions->set(tni_module_struct(m), c->name, (tn_tensor *)o);
    t->internal = internal;
    if (!right && !tni_failed())
        tni_fail(TN_ERR_CALLBACK, "the setter of '%s' of '%s' returned false without setting an error", c->name,
                 tni_module_printed(m));
    tni_scope_close(t, scope);
    return right && !tni_failed();
}

static bool refuse_busy(const tni_module *m, const tni_computed *c) {
    return tni_fail(TN_ERR_RUNTIME, "the computed member '%s' of '%s' was read or changed by its own functions", c->name,
                    tni_module_printed(m));
}

bool tni_computed_set(tni_module *m, tni_computed *c, tni_object *o) {
    TNI_CHECK(o != NULL, TN_ERR_TYPE, "cannot assign 'NoneType' object to computed member '%s' (torch.Tensor required)", c->name);
    if (o->tag == TNI_MODULE || tni_is_parameter(o) || tni_is_buffer(o)) return tni_refuse_taken(c->name);
    TNI_CHECK(o->tag == TNI_TENSOR, TN_ERR_TYPE, "module_set: a member is a tensor or a module, not a %s",
              tni_kind_get((tni_kind)o->tag)->name);
    TNI_CHECK(c->functions->set != NULL, TN_ERR_ATTRIBUTE, "property of '%s' object has no setter", tni_module_printed(m));
    if (c->busy) return refuse_busy(m, c);
    tni_claim(o);
    c->busy = true; /* so that it stays where it is */
    bool right = call_set(m, c, o);
    c->busy = false;
    if (right) show(m, c, o);
    tni_release(o);
    return right;
}

static bool settle(tni_module *m, tni_computed *c) {
    void *value = place_value(m, c);
    tni_object *o = value ? tni_object_find(value) : NULL;
    TNI_CHECK(!value || o, TN_ERR_HANDLE, "field '%s' of '%s' holds something that is no living object (freed, or never set)",
              c->name, m->class_->name);
    return tni_computed_set(m, c, o);
}

bool tni_computed_settle(tni_module *m) {
    if (m->thread != tni_self()) return true;
    for (size_t i = 0; tni_module_computes(m) && i < m->extra->computed_count; i++)
        if (is_assigned(m, &m->extra->computed[i])) TNI_TRY(settle(m, &m->extra->computed[i]));
    return true;
}

static tn_tensor *hand_out(tni_object *o) { return tni_scope_claim(tni_self(), o) ? (tn_tensor *)o : NULL; }

tn_tensor *tni_computed_get(tni_module *m, tni_computed *c) {
    tni_thread *t = tni_self();
    if (m->thread != t) return call_get(m, c); /* no thread but its own may put the value into the field */
    if (c->busy) return (void)refuse_busy(m, c), NULL;
    if (is_assigned(m, c) && !settle(m, c)) return NULL;
    bool known = t->cache_depth && c->cached && c->cache == t->cache_serial;
    tn_tensor *x;
    if (known) {
        x = hand_out(c->cached);
    } else {
        c->busy = true;
        x = call_get(m, c);
        c->busy = false;
    }
    if (!x) return NULL;
    show(m, c, &x->object);
    exchange(&c->cached, t->cache_depth ? &x->object : NULL);
    c->cache = t->cache_serial;
    return x;
}

bool tni_computed_refresh(tni_module *m) {
    TNI_CHECK(m->thread == tni_self(), TN_ERR_OWNERSHIP,
              "forward: '%s' has computed members, so it runs on its own thread alone; call tn_adopt on this one first",
              tni_module_printed(m));
    for (size_t i = 0; tni_module_computes(m) && i < m->extra->computed_count; i++)
        if (!tni_computed_get(m, &m->extra->computed[i])) return false;
    return true;
}

/* ---- cache scopes ---- */

bool tn_computed_cache_enter(void) {
    static uint64_t serials;
    tni_thread *t = tni_self();
    if (!t) return false;
    if (!t->cache_depth++) t->cache_serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
    return true;
}

bool tn_computed_cache_exit(void) {
    tni_thread *t = tni_self();
    if (!t) return false;
    TNI_CHECK(t->cache_depth, TN_ERR_RUNTIME, "computed_cache_exit: no cache scope is open on this thread");
    if (--t->cache_depth) return true;
    for (tni_module *m = t->modules; m; m = m->next)
        for (size_t i = 0; tni_module_computes(m) && i < m->extra->computed_count; i++)
            exchange(&m->extra->computed[i].cached, NULL);
    return true;
}

/* ---- which members are computed ---- */

static void drop(tni_module_extra *e, size_t i) {
    tni_computed *c = &e->computed[i];
    tni_free(c->name, strlen(c->name) + 1);
    exchange(&c->shown, NULL);
    exchange(&c->cached, NULL);
    memmove(c, c + 1, (--e->computed_count - i) * sizeof *c);
}

void tni_computed_clear(tni_module_extra *e) {
    while (e->computed_count) drop(e, e->computed_count - 1);
    tni_free(e->computed, e->computed_capacity * sizeof *e->computed);
}

static const tni_computed *find_busy(const tni_module *m) {
    for (size_t i = 0; tni_module_computes(m) && i < m->extra->computed_count; i++)
        if (m->extra->computed[i].busy) return &m->extra->computed[i];
    return NULL;
}

void tni_computed_forget(tni_module *m) {
    for (size_t i = tni_module_computes(m) && !find_busy(m) ? m->extra->computed_count : 0; i-- > 0;)
        if (tni_module_find_place(m, m->extra->computed[i].name) < 0) drop(m->extra, i);
}

static tni_computed *add(tni_module *m, const char *name, const tn_computed *functions) {
    tni_module_extra *e = tni_module_extra_of(m);
    if (!e || !tni_reserve(&e->computed, &e->computed_capacity, e->computed_count + 1, sizeof *e->computed)) return NULL;
    char *copy = tni_strdup(name);
    if (!copy) return NULL;
    e->computed[e->computed_count] = (tni_computed){.name = copy, .functions = functions};
    return &e->computed[e->computed_count++];
}

bool tni_computed_copy(tni_module *to, const tni_module *from) {
    for (size_t i = 0; i < from->extra->computed_count; i++) {
        const tni_computed *c = &from->extra->computed[i];
        tni_computed *copy = add(to, c->name, c->functions);
        if (!copy) return false;
        int64_t place = tni_module_find_place(to, c->name);
        const char *unused;
        int32_t index;
        if (place >= 0) exchange(&copy->shown, tni_module_place(to, (size_t)place, &unused, &index));
    }
    return true;
}

static bool begin(tni_module *m, const char *name, const tn_computed *functions, tni_object *o) {
    TNI_CHECK(functions->size >= sizeof(tn_computed) && functions->get, TN_ERR_TYPE, "module_set_computed: the table has no .get");
    int64_t place = tni_module_find_place(m, name);
    if (place < 0) TNI_TRY(tni_check_new_name(name));
    tni_computed *c = add(m, name, functions);
    if (!c) return false;
    if (place < 0 && !tni_module_put(m, name, NULL, TNI_SLOT_COMPUTED)) {
        drop(m->extra, m->extra->computed_count - 1);
        return false;
    }
    if (place >= 0) tni_module_put_place(m, (size_t)place, NULL, 0); /* moved, not replaced */
    show(m, c, o);
    return true;
}

static bool end(tni_module *m, const char *name, tni_object *o) {
    bool parameter = o && tni_is_parameter(o);
    if (parameter && ((tn_tensor *)o)->grad_fn) return tni_refuse_non_leaf(name);
    if (o) TNI_TRY(tni_module_announce(m, name, &o, parameter ? TNI_HOOK_PARAMETER : TNI_HOOK_BUFFER));
    int64_t place = tni_module_find_place(m, name);
    tni_computed *c = tni_computed_find(m, name); /* hooks are the program's code */
    if (c) drop(m->extra, (size_t)(c - m->extra->computed));
    if (place >= 0 && !o) tni_module_take_place(m, (size_t)place);
    return !o || tni_module_put(m, name, o, parameter ? TNI_SLOT_PARAMETER : TNI_SLOT_BUFFER);
}

bool(tn_module_set_computed)(tn_module *handle, const char *name, const tn_computed *functions, tn_tensor *value) {
    tni_module *m = tni_failed() ? NULL : tni_module_of("module_set_computed", handle);
    if (!m || !tni_module_own("module_set_computed", m)) return false;
    TNI_CHECK(name != NULL, TN_ERR_TYPE, "module_set_computed: argument 'name' is NULL");
    if (value && !tni_check_handle("module_set_computed", "value", value, TNI_TENSOR)) return false;
    tni_module_observe(m);
    const tni_computed *busy = find_busy(m);
    if (busy) return refuse_busy(m, busy);
    tni_computed *c = tni_computed_find(m, name);
    tni_object *o = value ? &value->object : NULL;
    if (!functions) {
        TNI_CHECK(c != NULL, TN_ERR_ATTRIBUTE, "'%s' object has no computed member '%s'", tni_module_printed(m), name);
        return end(m, name, o);
    }
    if (!c) return begin(m, name, functions, o);
    c->functions = functions;
    show(m, c, o);
    return true;
}

const tn_computed *(tn_module_get_computed)(tn_module *handle, const char *name) {
    tni_module *m = tni_module_of("module_get_computed", handle);
    tni_computed *c = m ? tni_computed_find(m, name) : NULL;
    return c ? c->functions : NULL;
}
