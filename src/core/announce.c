/* core/announce.c - fields that the program assigned while there are registration hooks: the next walk shows them, as it passes verdicts. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <stdio.h>
#include <string.h>

static bool has_hooks(void) {
    return tni_hooks_live(TNI_HOOK_PARAMETER, NULL) || tni_hooks_live(TNI_HOOK_BUFFER, NULL) ||
           tni_hooks_live(TNI_HOOK_MODULE, NULL);
}

static void put(tni_module *m, uint32_t slot, bool first) {
    bool failed = tni_failed();
    tni_module_extra *e = tni_module_extra_of(m);
    for (size_t i = 0; e && i < e->assigned_count; i++)
        if (e->assigned[i] == slot) return;
    if (!e || !tni_reserve(&e->assigned, &e->assigned_capacity, e->assigned_count + 1, sizeof *e->assigned)) {
        if (!failed) tn_clear_error(); /* observing is silent */
        return;
    }
    size_t at = first ? 0 : e->assigned_count;
    memmove(&e->assigned[at + 1], &e->assigned[at], (e->assigned_count++ - at) * sizeof *e->assigned);
    e->assigned[at] = slot;
}

void tni_module_note_assigned(tni_module *m, uint32_t slot) {
    if (has_hooks()) put(m, slot, false);
}

void tni_module_forget_assigned(tni_module *m, uint32_t slot) {
    tni_module_extra *e = m->extra;
    for (size_t i = 0; e && i < e->assigned_count; i++) {
        if (e->assigned[i] != slot) continue;
        memmove(&e->assigned[i], &e->assigned[i + 1], (--e->assigned_count - i) * sizeof *e->assigned);
        return;
    }
}

static tni_hook_kind kind_of(uint8_t status) {
    return status & TNI_SLOT_PARAMETER ? TNI_HOOK_PARAMETER
           : status & TNI_SLOT_BUFFER  ? TNI_HOOK_BUFFER
           : status & TNI_SLOT_MODULE  ? TNI_HOOK_MODULE
                                       : TNI_GLOBAL_HOOKS;
}

static void name_of(const tni_slot *s, char *text, size_t room) {
    char number[16] = "";
    if (s->index >= 0) snprintf(number, sizeof number, ".%d", (int)s->index);
    snprintf(text, room, "%s%s", s->name, number);
}

/* What the hooks gave stands in the field, unless they put something else there meanwhile. */
static void put_instead(tni_module *m, uint32_t slot, tni_object *given, tni_object *instead) {
    tni_module_observe(m);
    if (m->found[slot] != (given ? tni_handle_of(given) : NULL)) return;
    uint8_t status = m->status[slot] & (TNI_SLOT_KIND | TNI_SLOT_TRANSIENT);
    if ((status & TNI_SLOT_BUFFER) && tni_is_parameter(instead)) status |= TNI_SLOT_AS_BUFFER;
    tni_module_put_place(m, slot, instead, status);
}

/* The hooks are the program's code: in a scope of their own. */
static bool announce(tni_thread *t, tni_module *m, uint32_t slot, tni_object *given, tni_hook_kind kind) {
    char name[300];
    tni_object *o = given;
    name_of(&m->info->slot[slot], name, sizeof name);
    if (tni_computed_find(m, name)) return true;
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    int internal = t->internal;
    t->internal = 0;
    bool right = tni_module_announce(m, name, &o, kind);
    t->internal = internal;
    if (right && o != given) put_instead(m, slot, given, o);
    tni_scope_close(t, scope);
    return right;
}

static bool announce_slot(tni_thread *t, tni_module *m, uint32_t slot) {
    bool claimed = m->status[slot] & TNI_SLOT_CLAIMED;
    tni_object *o = claimed ? tni_object_find(m->found[slot]) : NULL;
    tni_hook_kind kind = kind_of(m->status[slot]);
    if (kind == TNI_GLOBAL_HOOKS || (!o && (m->found[slot] || kind == TNI_HOOK_PARAMETER))) return true;
    if (o) tni_claim(o);
    bool right = announce(t, m, slot, o, kind);
    if (o) tni_release(o);
    return right;
}

/* One that fails waits for the next walk, as a verdict does, before those behind it. */
bool tni_module_announce_assigned(tni_module *m) {
    tni_thread *t = tni_self();
    while (m->thread == t && m->extra && m->extra->assigned_count) {
        uint32_t slot = m->extra->assigned[0];
        tni_module_forget_assigned(m, slot);
        if (announce_slot(t, m, slot)) continue;
        put(m, slot, true);
        return false;
    }
    return true;
}
