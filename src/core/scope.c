/* core/scope.c - scopes: what they claim, how they end, and the claims of a program's own. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <tison/tensor.h>

/* Small scope ends share one observation while few objects and little memory wait. */
enum { WAITING_LEAST = 32, WAITING_BYTES = 1 << 20 };

static bool reserve_entries(tni_thread *t) { return tni_reserve(&t->entry, &t->entry_capacity, t->entries + 1, sizeof *t->entry); }

/* The entry by which the scope `serial` of this thread claims o, or NULL. */
static tni_entry *find_entry(tni_thread *t, const tni_object *o) {
    uint32_t i = __atomic_load_n(&o->entry, __ATOMIC_RELAXED);
    return i < t->entries && t->entry[i].object == o ? &t->entry[i] : NULL;
}

static bool claimed_by(tni_thread *t, const tni_object *o, uint64_t serial) {
    return __atomic_load_n(&o->scope, __ATOMIC_RELAXED) == serial && find_entry(t, o) != NULL;
}

static void set_scope(tni_object *o, uint64_t serial, uint32_t entry) {
    __atomic_store_n(&o->scope, serial, __ATOMIC_RELAXED);
    __atomic_store_n(&o->entry, entry, __ATOMIC_RELAXED);
}

bool tni_scope_claim(tni_thread *t, tni_object *o) {
    if (!t->internal && !(__atomic_load_n(&o->flags, __ATOMIC_RELAXED) & TNI_SEEN))
        __atomic_or_fetch(&o->flags, TNI_SEEN, __ATOMIC_RELAXED);
    if (claimed_by(t, o, t->serial)) return true;
    if (TNI_UNLIKELY(t->entries == t->entry_capacity) && !reserve_entries(t)) return false;
    uint32_t i = (uint32_t)t->entries++;
    t->entry[i] = (tni_entry){o, __atomic_load_n(&o->scope, __ATOMIC_RELAXED), __atomic_load_n(&o->entry, __ATOMIC_RELAXED), false};
    set_scope(o, t->serial, i);
    tni_claim(o);
    return true;
}

void *tni_give(tni_thread *t, void *object) {
    tni_object *o = object;
    if (!o) return NULL;
    if (TNI_LIKELY(tni_scope_claim(t, o))) return o;
    tni_claim(o);
    tni_release(o);
    return NULL;
}

uint64_t tni_scope_open(tni_thread *t, bool internal) {
    if (TNI_UNLIKELY(t->marks == t->mark_capacity) && !tni_reserve(&t->mark, &t->mark_capacity, t->marks + 1, sizeof *t->mark))
        return 0;
    t->mark[t->marks++] = (tni_mark){t->next_serial, (uint32_t)t->entries, internal};
    t->serial = t->next_serial++;
    t->internal += internal;
    return t->serial;
}

/* Takes the claim of one entry back, or moves it to the scope outside. Returns where the next survivor goes. */
static size_t close_entry(tni_thread *t, size_t i, size_t survivors) {
    tni_entry e = t->entry[i];
    if (!e.object) return survivors;
    if (e.escapes && !(e.outer == t->serial && e.outer_entry < survivors && t->entry[e.outer_entry].object == e.object)) {
        t->entry[survivors] = (tni_entry){e.object, e.outer, e.outer_entry, false};
        set_scope(e.object, t->serial, (uint32_t)survivors);
        return survivors + 1;
    }
    set_scope(e.object, e.outer, e.outer_entry);
    tni_release(e.object);
    return survivors;
}

static void close_top(tni_thread *t) {
    tni_mark mark = t->mark[t->marks - 1];
    if (!mark.internal && t->fields > 0 && !tni_single_threaded()) tni_module_observe_all(t);
    t->marks--;
    t->serial = t->marks ? t->mark[t->marks - 1].serial : 0;
    t->internal -= mark.internal;
    bool outer = t->holding;
    t->holding = true;
    size_t end = t->entries, survivors = mark.start;
    for (size_t i = mark.start; i < end; i++) survivors = close_entry(t, i, survivors);
    t->entries = survivors;
    t->holding = outer;
    if (!outer) tni_drain(t);
    if (mark.internal || t->waiting_count == 0) return;
    if (t->waiting_count >= WAITING_LEAST + t->fields / 8 || t->waiting_bytes >= WAITING_BYTES) tni_settle(t);
}

void tni_scope_close(tni_thread *t, uint64_t serial) {
    size_t i = t->marks;
    while (i > 0 && t->mark[i - 1].serial > serial) i--;
    if (i == 0 || t->mark[i - 1].serial != serial) return; /* jumped past and closed already */
    while (t->marks >= i) close_top(t);
}

bool tni_scope_return(tni_thread *t, uint64_t serial, void *const *results, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (results[i]) tni_claim(tni_object_find(results[i]));
    tni_scope_close(t, serial);
    bool kept = true;
    for (size_t i = 0; i < n; i++) {
        tni_object *o = results[i] ? tni_object_find(results[i]) : NULL;
        if (!o) continue;
        kept = tni_scope_claim(t, o) && kept;
        tni_release(o);
    }
    return kept;
}

bool tni_inner_enter(tni_thread *t) { return tni_scope_open(t, true) != 0; }
void tni_inner_exit(tni_thread *t) { close_top(t); }

void *tni_inner_return(tni_thread *t, void *result) {
    tni_object *o = result;
    if (o) tni_claim(o);
    close_top(t);
    if (!o) return NULL;
    bool kept = tni_scope_claim(t, o);
    tni_release(o);
    return kept ? result : NULL;
}

/* ---- the public face ---- */

tn_scope tn_scope_enter(void) {
    tni_thread *t = tni_self();
    return (tn_scope){t ? tni_scope_open(t, false) : 0};
}

void tn_scope_exit(tn_scope *scope) {
    tni_thread *t = tni_self();
    if (!t || !scope || scope->serial == 0) return;
    if (scope->serial >> 40 != t->number)
        (void)tni_fail(TN_ERR_OWNERSHIP, "scope_exit: a scope ends on the thread that opened it");
    else if (t->marks > 1 && scope->serial != t->mark[0].serial)
        tni_scope_close(t, scope->serial);
    scope->serial = 0;
}

size_t tn_scope_depth(void) {
    tni_thread *t = tni_self();
    return t ? t->marks - 1 : 0;
}

void tn_scope_unwind(size_t depth) {
    tni_thread *t = tni_self();
    while (t && t->marks - 1 > depth) close_top(t);
}

void *tn_keep(void *x) {
    tni_object *o = x ? tni_object_of("keep", "x", x) : NULL;
    if (!o) return NULL;
    tni_count_up(&o->keeps);
    tni_claim(o);
    return x;
}

static bool take_back_scope_claim(tni_thread *t, tni_object *o) {
    tni_entry *e = find_entry(t, o);
    if (!e) return false;
    set_scope(o, e->outer, e->outer_entry);
    e->object = NULL;
    return true;
}

bool tn_free(void *x) {
    if (!x) return true;
    tni_thread *t = tni_self();
    tni_object *o = t ? tni_object_of("free", "x", x) : NULL;
    if (!o) return false;
    if (tni_count_get(&o->keeps) > 0)
        tni_count_down(&o->keeps);
    else if (!take_back_scope_claim(t, o))
        return tni_fail(TN_ERR_OWNERSHIP,
                        "free: this %s is claimed by neither a tn_keep nor a scope of this thread, so there is nothing to take "
                        "back; it belongs to "
                        "the module, optimizer, list or graph that holds it",
                        tni_kind_get((tni_kind)o->tag)->name);
    tni_release(o);
    tni_settle(t);
    return true;
}

void *tn_escape(void *x) {
    tni_thread *t = tni_self();
    tni_object *o = x && t ? tni_object_of("escape", "x", x) : NULL;
    if (!o) return NULL;
    if (t->marks < 2 || claimed_by(t, o, t->mark[t->marks - 2].serial)) return x;
    if (!tni_scope_claim(t, o)) return NULL;
    find_entry(t, o)->escapes = true;
    return x;
}

void *tn_hold(void *x) {
    tni_thread *t = tni_self();
    tni_object *o = x && t ? tni_object_of("hold", "x", x) : NULL;
    return o && tni_scope_claim(t, o) ? x : NULL;
}

void *tn_exchange(void *old, void *x) {
    if (x && !tn_keep(x)) return old; /* a failed call leaves the variable as it was */
    if (old) tn_free(old);
    return x;
}
