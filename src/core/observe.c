/* core/observe.c - fields are observed, not intercepted: what came gets a claim, what left loses it. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <string.h>

/* Is `wanted` reached from `from`, by what was last found? Breadth first over an intrusive queue. */
static bool reaches(tni_module *from, const tni_module *wanted) {
    tni_module *head = from, *tail = from, *at = from;
    from->visited = true;
    from->queued = NULL;
    bool hit = from == wanted;
    for (; at && !hit; at = at->queued) {
        size_t places = at->info->slots + at->members;
        for (size_t i = 0; i < places && !hit; i++) {
            tni_object *o = i < at->info->slots ? (at->status[i] & TNI_SLOT_CLAIMED ? tni_object_find(at->found[i]) : NULL)
                                                : at->member[i - at->info->slots].value;
            if (!o || o->tag != TNI_MODULE) continue;
            tni_module *child = (tni_module *)o;
            hit = child == wanted;
            if (child->visited) continue;
            child->visited = true;
            child->queued = NULL;
            tail->queued = child;
            tail = child;
        }
    }
    for (tni_module *m = head; m; m = m->queued) m->visited = false;
    return hit;
}

bool tni_module_would_cycle(tni_module *child, const tni_module *parent) { return reaches(child, parent); }

/* What stands in a slot once o came in: a slot keeps the kind that it had, as PyTorch's tables of names do. */
static uint8_t status_after(uint8_t status, const tni_object *o) {
    const tn_tensor *x = o->tag == TNI_TENSOR ? (const tn_tensor *)o : NULL;
    uint8_t kind = status & TNI_SLOT_KIND, saved = status & TNI_SLOT_TRANSIENT;
    if (x && x->is_parameter) return TNI_SLOT_PARAMETER;
    if (o->tag == TNI_MODULE && kind != TNI_SLOT_PARAMETER) return TNI_SLOT_MODULE;
    if (x && x->is_buffer && (kind == 0 || kind == TNI_SLOT_BUFFER))
        return (uint8_t)(TNI_SLOT_BUFFER | (x->persistent ? 0 : TNI_SLOT_TRANSIENT));
    if (x && kind == 0) return TNI_SLOT_PLAIN;
    return kind | saved;
}

static void leave(tni_module *m, uint32_t i, bool replaced) {
    tni_object *o = m->status[i] & TNI_SLOT_CLAIMED ? tni_object_find(m->found[i]) : NULL;
    m->status[i] &= (uint8_t) ~(TNI_SLOT_CLAIMED | TNI_SLOT_CYCLE | TNI_SLOT_AS_BUFFER);
    m->found[i] = NULL;
    if (!o) return;
    if (replaced) __atomic_or_fetch(&o->flags, TNI_REPLACED, __ATOMIC_RELAXED);
    tni_count_down(&o->fields);
    tni_release(o);
}

static void enter(tni_module *m, uint32_t i, void *value) {
    m->found[i] = value;
    tni_object *o = value ? tni_object_find(value) : NULL;
    if (!value) m->status[i] &= (uint8_t)~TNI_SLOT_PLAIN; /* an empty field is free again */
    if (!o) return;
    if (o->tag == TNI_MODULE && reaches((tni_module *)o, m)) {
        m->status[i] |= TNI_SLOT_CYCLE;
        return;
    }
    m->status[i] = status_after(m->status[i], o) | TNI_SLOT_CLAIMED;
    __atomic_and_fetch(&o->flags, ~(uint32_t)TNI_REPLACED, __ATOMIC_RELAXED);
    tni_count_up(&o->fields);
    tni_claim(o);
    if (TNI_UNLIKELY(m->object.flags & TNI_TRAINED)) tni_module_note_newcomer(m, o);
}

/* All that came is claimed before anything that left is released, so that a value may move from one field to another. */
bool tni_module_observe(tni_module *m) {
    bool changed = false;
    const tni_slot *slot = m->info->slot;
    const char *base = (const char *)tni_module_struct(m);
    for (uint32_t i = 0; i < m->info->slots; i++) {
        void *value = *(void *const *)(base + slot[i].offset);
        if (TNI_LIKELY(value == m->found[i]) || slot[i].reference) continue;
        tni_object *old = m->status[i] & TNI_SLOT_CLAIMED ? tni_object_find(m->found[i]) : NULL;
        if (old) tni_claim(old);
        leave(m, i, value != NULL);
        enter(m, i, value);
        if (TNI_UNLIKELY(tni_module_computes(m))) tni_computed_observed(m, i);
        if (TNI_UNLIKELY(__atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) > 0)) tni_module_note_assigned(m, i);
        if (old) tni_release(old);
        changed = true;
    }
    return changed;
}

void tni_module_observe_all(tni_thread *t) {
    bool outer = t->holding, locked = tni_modules_lock(t);
    t->holding = true; /* what leaves a field waits: nothing is released before all modules were observed */
    for (tni_module *m = t->modules; m; m = m->next) tni_module_observe(m);
    t->holding = outer;
    tni_modules_unlock(t, locked);
}

/* ---- places that are set by call ---- */

static void put_slot(tni_module *m, uint32_t i, tni_object *o, uint8_t status) {
    tni_object *old = m->status[i] & TNI_SLOT_CLAIMED ? tni_object_find(m->found[i]) : NULL;
    if (old) tni_claim(old);
    if (TNI_UNLIKELY(m->extra != NULL)) tni_module_forget_assigned(m, i);
    leave(m, i, o != NULL);
    void *value = o ? tni_handle_of(o) : NULL;
    *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset) = value;
    enter(m, i, value);
    m->status[i] = (uint8_t)(status | (m->status[i] & (TNI_SLOT_CLAIMED | TNI_SLOT_CYCLE)));
    if (old) tni_release(old);
}

static void put_member(tni_module *m, tni_member *at, tni_object *o, uint8_t status) {
    tni_object *old = at->value;
    if (o) {
        __atomic_and_fetch(&o->flags, ~(uint32_t)TNI_REPLACED, __ATOMIC_RELAXED);
        tni_count_up(&o->fields);
        tni_claim(o);
        if (m->object.flags & TNI_TRAINED) tni_module_note_newcomer(m, o);
    }
    at->value = o;
    at->status = status;
    if (!old) return;
    if (o) __atomic_or_fetch(&old->flags, TNI_REPLACED, __ATOMIC_RELAXED);
    tni_count_down(&old->fields);
    tni_release(old);
}

void tni_module_put_place(tni_module *m, size_t i, tni_object *o, uint8_t status) {
    if (i < m->info->slots)
        put_slot(m, (uint32_t)i, o, status);
    else
        put_member(m, &m->member[i - m->info->slots], o, status);
}

/* ---- what was forgotten ---- */

bool tni_module_can_forget(const tni_object *o) {
    const tn_tensor *x = (const tn_tensor *)o;
    return o->tag == TNI_MODULE || (o->tag == TNI_TENSOR && (x->is_parameter || x->is_buffer));
}

/* The byte offset at which m's struct holds `handle` outside of its fields, or 0. */
static size_t loose_offset(tni_module *m, const void *handle) {
    const char *base = (const char *)tni_module_struct(m);
    for (uint32_t r = 0; r < m->info->ranges; r++)
        for (size_t at = m->info->loose[r].begin; at < m->info->loose[r].end; at += sizeof(void *)) {
            void *value;
            memcpy(&value, base + at, sizeof value);
            if (value == handle) return at;
        }
    return 0;
}

/* Numbers aside, which are most of what stands there. */
static bool may_be_handle(const void *value) { return (uintptr_t)value >= 4096 && (uintptr_t)value % sizeof(void *) == 0; }

bool tni_module_list_loose(const tni_thread *t, tni_addresses *loose) {
    for (tni_module *m = t->modules; m; m = m->next) {
        const char *base = (const char *)tni_module_struct(m);
        for (uint32_t r = 0; r < m->info->ranges; r++)
            for (size_t at = m->info->loose[r].begin; at < m->info->loose[r].end; at += sizeof(void *)) {
                void *value;
                memcpy(&value, base + at, sizeof value);
                if (may_be_handle(value) && tni_object_find(value) && tni_addresses_add(loose, value) == TNI_ADDRESS_NO_MEMORY)
                    return false;
            }
    }
    return true;
}

bool tni_module_keep_forgotten(tni_thread *t, tni_object *o) {
    const void *handle = tni_handle_of(o);
    for (tni_module *m = t->modules; m; m = m->next) {
        if (&m->object == o || m->object.claims == 0 || !loose_offset(m, handle)) continue;
        tni_module_extra *e = tni_module_extra_of(m);
        if (!e || !tni_reserve(&e->forgotten, &e->forgotten_capacity, e->forgotten_count + 1, sizeof *e->forgotten)) return false;
        e->forgotten[e->forgotten_count++] = o;
        tni_claim(o);
        return true;
    }
    return false;
}

/* The first parameter, buffer or module that m's struct holds outside of its fields; *offset is where. */
tni_object *tni_module_find_forgotten(tni_module *m, size_t *offset) {
    const char *base = (const char *)tni_module_struct(m);
    for (uint32_t r = 0; r < m->info->ranges; r++)
        for (size_t at = m->info->loose[r].begin; at < m->info->loose[r].end; at += sizeof(void *)) {
            void *value;
            memcpy(&value, base + at, sizeof value);
            if (!may_be_handle(value)) continue;
            tni_object *o = tni_object_find(value);
            *offset = at;
            if (o && tni_module_can_forget(o)) return o;
        }
    return NULL;
}
