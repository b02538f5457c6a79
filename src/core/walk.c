/* core/walk.c - walks over modules: verdicts on their fields, and what is found, in PyTorch's order. */
#include "base/addresses.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include <stdio.h>
#include <string.h>

/* ---- verdicts ---- */

static const char *slot_text(const tni_slot *s, char *text, size_t room) {
    if (s->index < 0) return s->name;
    snprintf(text, room, "%s.%d", s->name, (int)s->index);
    return text;
}

/* A list in a field registers nothing, as in Python: a parameter that is held by nothing else was forgotten. */
static bool check_list(const char *who, const tni_module *m, const tni_slot *s, const tn_tensors *list) {
    for (size_t i = 0; i < list->n; i++) {
        const tn_tensor *x = (const tn_tensor *)list->item[i].value;
        if (!tni_is_parameter(&x->object) || x->optimized || !x->requires_grad) continue;
        tni_module_observe_all(tni_self());
        if (tni_count_get(&x->object.fields) > 0) continue;
        return tni_fail(
            TN_ERR_OWNERSHIP,
            "%s: field '%s' of '%s' holds a list with a parameter of shape %s that no field of any module holds: it will never "
            "be trained; make it a tn_nn_parameter_list",
            who, s->name, m->class_->name, TNI_SHAPE(&x->a));
    }
    return true;
}

static bool check_value(const char *who, tni_module *m, uint32_t i, const void *value) {
    const tni_slot *s = &m->info->slot[i];
    tni_object *o = tni_object_find(value);
    char text[160];
    TNI_CHECK(o != NULL, TN_ERR_HANDLE, "%s: field '%s' of '%s' holds something that is no living object (freed, or never set)",
              who, s->name, m->class_->name);
    uint8_t status = m->status[i];
    if (status & TNI_SLOT_AS_BUFFER) return true;
    TNI_TRY(tni_judge_kind(status, o, slot_text(s, text, sizeof text)));
    if (o->tag == TNI_LIST) return check_list(who, m, s, (const tn_tensors *)o);
    if ((status & TNI_SLOT_PLAIN) && tni_is_buffer(o))
        return tni_fail(TN_ERR_KEY, "attribute '%s' already exists", slot_text(s, text, sizeof text));
    if (tni_is_parameter(o) && ((tn_tensor *)o)->grad_fn) return tni_refuse_non_leaf(slot_text(s, text, sizeof text));
    return true;
}

static bool check_loose(const char *who, tni_module *m) {
    size_t offset;
    tni_object *o = m->info->ranges ? tni_module_find_forgotten(m, &offset) : NULL;
    if (!o) return true;
    const tn_tensor *x = o->tag == TNI_TENSOR ? (const tn_tensor *)o : NULL;
    char type[80];
    if (!x)
        snprintf(type, sizeof type, "a module '%s'", ((tni_module *)o)->class_->name);
    else
        snprintf(type, sizeof type, "a %s of shape %s", x->is_parameter ? "parameter" : "buffer", TNI_SHAPE(&x->a));
    return tni_fail(
        TN_ERR_OWNERSHIP,
        "%s: '%s' holds %s at byte offset %zu, in a member that TN_CLASS(%s, ...) does not name; name it there, or mark it TN_REF",
        who, m->class_->name, type, offset, m->class_->name);
}

/* A module that ran inside m's forward, and that still no field holds. */
bool tni_module_check_stranger(const char *who, tni_module *m) {
    tni_object *o = m->extra && m->thread == tni_self() ? m->extra->stranger : NULL;
    if (!o) return true;
    tni_module *stranger = (tni_module *)o;
    if (tni_count_get(&o->fields) == 0 && tni_module_has_trainable(stranger))
        return tni_fail(
            TN_ERR_OWNERSHIP,
            "%s: the forward of '%s' ran a '%s' that has parameters to train, but no field of any module holds it: they "
            "will never be trained; name it in TN_CLASS(%s, ...), or mark the pointer TN_REF",
            who, m->class_->name, stranger->class_->name, m->class_->name);
    m->extra->stranger = NULL;
    tni_release(o);
    return true;
}

/* Of a living object's handle: a module's struct begins with the address of its class, every other object with its tag. */
static bool looks_like_module(const void *handle) {
    uint32_t tag = *(const uint32_t *)handle;
    return tag < TNI_TENSOR || tag >= TNI_KIND_END;
}

/* The quick verdict on a value that is claimed, so alive, and of the kind that the slot remembers. */
static bool is_settled(const tni_module *m, uint32_t i, const void *value) {
    uint8_t status = m->status[i];
    if (value != m->found[i] || !(status & TNI_SLOT_CLAIMED)) return false;
    if (looks_like_module(value)) return status & TNI_SLOT_MODULE;
    const tn_tensor *x = value;
    if (x->object.tag != TNI_TENSOR) return false;
    if (x->is_parameter) return (status & TNI_SLOT_PARAMETER) && !x->grad_fn;
    return (status & TNI_SLOT_BUFFER) || ((status & TNI_SLOT_PLAIN) && !x->is_buffer);
}

/* *changed becomes true when a count of fields may be another than before, *assigned when a setter's or a hook's turn has come. */
static bool check_one(const char *who, tni_module *m, bool *changed, bool *assigned) {
    if (m->thread == tni_self() && tni_module_observe(m)) *changed = true;
    if (TNI_UNLIKELY(tni_module_computes(m)) && tni_computed_is_assigned(m)) *assigned = true;
    if (TNI_UNLIKELY(tni_module_has_assigned(m))) *assigned = true;
    const tni_class_info *info = m->info;
    if (info->twice) return tni_fail(TN_ERR_KEY, "%s: '%s' has two fields named '%s'", who, m->class_->name, info->twice);
    for (uint32_t i = 0; i < info->slots; i++) {
        void *value = info->slot[i].reference ? NULL : tni_slot_value(m, i);
        if (!value) continue;
        if (is_settled(m, i, value)) continue;
        TNI_TRY(check_value(who, m, i, value));
    }
    return check_loose(who, m) && tni_module_check_stranger(who, m);
}

/* ---- the walk: depth first, without recursion ---- */

typedef struct frame {
    tni_module *m;
    size_t next; /* place to look at */
    size_t path; /* length of the module's name */
} frame;

typedef struct walker {
    const char *who;
    tni_walk *w; /* NULL: verdicts alone */
    tni_walk_what what;
    bool recurse, duplicates, check;
    bool changed, assigned; /* a field, as the check observed; one whose setter or hooks wait */
    tni_addresses seen;
    char *path; /* the name of the module that is looked at */
    size_t path_capacity;
    frame *stack;
    size_t depth, stack_capacity;
} walker;

static size_t write_number(char *to, int32_t index) {
    char digits[12];
    size_t n = 0, k = 0;
    do digits[n++] = (char)('0' + index % 10);
    while (index /= 10);
    to[k++] = '.';
    while (n) to[k++] = digits[--n];
    return k;
}

/* `prefix` bytes of the path, a dot, the name and the index, into *text at `at`; returns the end, NO_END when memory is out. */
enum { NO_END = -1 };
static int64_t put_name(const walker *k, size_t prefix, const char *name, size_t length, int32_t index, char **text,
                        size_t *capacity, size_t at) {
    if (!tni_reserve(text, capacity, at + prefix + length + 16, 1)) return NO_END;
    char *to = *text + at;
    if (to != k->path) memcpy(to, k->path, prefix);
    if (prefix && length) to[prefix++] = '.';
    memcpy(to + prefix, name, length);
    length += prefix;
    if (index >= 0) length += write_number(to + length, index);
    to[length] = 0;
    return (int64_t)(at + length);
}

static bool add_found(walker *k, tni_module *owner, size_t place, size_t prefix, const char *name, size_t length, int32_t index,
                      tni_object *value) {
    tni_walk *w = k->w;
    if (!tni_reserve(&w->item, &w->capacity, w->n + 1, sizeof *w->item)) return false;
    size_t start = w->names_length;
    int64_t end = put_name(k, prefix, name, length, index, &w->names, &w->names_capacity, start);
    if (end == NO_END) return false;
    w->item[w->n++] = (tni_found){(char *)(uintptr_t)start, value, owner, (uint32_t)place};
    w->names_length = (size_t)end + 1;
    return true;
}

static bool wanted(const walker *k, const tni_module *m, size_t i, const tni_object *o) {
    switch (k->what) {
    case TNI_WALK_PARAMETERS: return tni_module_place_is_parameter(m, i, o);
    case TNI_WALK_BUFFERS: return tni_module_place_is_buffer(m, i, o);
    case TNI_WALK_CHILDREN: return o->tag == TNI_MODULE;
    default: return false;
    }
}

/* What stands in place i; verdicts were passed, so a slot's value is alive. */
static tni_object *value_of(tni_module *m, size_t i) {
    if (i >= m->info->slots) return m->member[i - m->info->slots].value;
    void *value = m->info->slot[i].reference ? NULL : tni_slot_value(m, (uint32_t)i);
    if (!value) return NULL;
    if (*(uint32_t *)value == TNI_TENSOR) return value;
    bool module = (m->status[i] & TNI_SLOT_CLAIMED) && value == m->found[i] && looks_like_module(value);
    return module ? ((tn_module *)value)->record : tni_object_find(value);
}

/* Is what stands in place i of m claimed by it? `own`: this thread has just observed m. Claimed edges make no cycle. */
static bool is_claimed(const tni_module *m, bool own, size_t i) {
    return i >= m->info->slots || (own && (m->status[i] & TNI_SLOT_CLAIMED));
}

/* Without duplicates: what a single field holds comes by once anyway. */
static tni_address_answer first_time(walker *k, const tni_module *m, bool own, size_t i, const tni_object *o) {
    if (k->duplicates || (o->fields == 1 && is_claimed(m, own, i))) return TNI_ADDRESS_NEW;
    return tni_addresses_add(&k->seen, o);
}

/* A slot that this thread has just observed and that holds something of another kind than `kind`: no need to look at its value. */
static bool is_other(const tni_module *m, bool own, size_t i, uint8_t kind) {
    return own && i < m->info->slots && (m->status[i] & (TNI_SLOT_CLAIMED | kind)) == TNI_SLOT_CLAIMED;
}

/* A module's own: those places whose value is wanted. */
static bool add_own(walker *k, tni_module *m, size_t path) {
    bool own = m->thread == tni_self();
    uint8_t kind = k->what == TNI_WALK_PARAMETERS ? TNI_SLOT_PARAMETER
                   : k->what == TNI_WALK_BUFFERS  ? TNI_SLOT_BUFFER
                                                  : TNI_SLOT_MODULE;
    for (size_t i = 0, n = tni_module_places(m); i < n; i++) {
        if (is_other(m, own, i, kind)) continue;
        tni_object *o = value_of(m, i);
        bool known = own && i < m->info->slots &&
                     (m->status[i] & (TNI_SLOT_CLAIMED | kind | TNI_SLOT_AS_BUFFER)) == (TNI_SLOT_CLAIMED | kind);
        if (!o || (!known && !wanted(k, m, i, o))) continue;
        tni_address_answer answer = first_time(k, m, own, i, o);
        if (answer == TNI_ADDRESS_NO_MEMORY) return false;
        if (answer != TNI_ADDRESS_NEW) continue;
        bool slot = i < m->info->slots;
        const char *name = slot ? m->info->slot[i].name : m->member[i - m->info->slots].name;
        size_t length = slot ? m->info->slot[i].length : strlen(name);
        TNI_TRY(add_found(k, m, i, path, name, length, slot ? m->info->slot[i].index : -1, o));
    }
    return true;
}

static bool enter(walker *k, tni_module *m, size_t path) {
    if (k->check) TNI_TRY(check_one(k->who, m, &k->changed, &k->assigned));
    if (k->w && k->what == TNI_WALK_MODULES)
        TNI_TRY(add_found(k, m, 0, path, "", 0, -1, &m->object));
    else if (k->w)
        TNI_TRY(add_own(k, m, path));
    if (!tni_reserve(&k->stack, &k->stack_capacity, k->depth + 1, sizeof *k->stack)) return false;
    k->stack[k->depth++] = (frame){m, k->recurse ? 0 : SIZE_MAX, path};
    return true;
}

static bool refuse_cycle(const walker *k, const tni_module *m, size_t i) {
    return tni_fail(TN_ERR_OWNERSHIP,
                    "%s: field '%s' of '%s' holds a module that contains it: a module cannot contain itself (TN_REF marks a plain "
                    "reference)",
                    k->who, i < m->info->slots ? m->info->slot[i].name : m->member[i - m->info->slots].name, m->class_->name);
}

static bool visit_child(walker *k, tni_module *m, bool own, size_t i, tni_module *child, size_t path) {
    bool observed = is_claimed(m, own, i) || ((m->status[i] & TNI_SLOT_CLAIMED) && m->found[i] == tni_module_struct(child));
    if (k->check && !observed && tni_module_would_cycle(child, m)) return refuse_cycle(k, m, i);
    tni_address_answer answer = first_time(k, m, own, i, &child->object);
    if (answer != TNI_ADDRESS_NEW) return answer != TNI_ADDRESS_NO_MEMORY;
    int64_t end = 0;
    if (k->w) {
        bool slot = i < m->info->slots;
        const char *name = slot ? m->info->slot[i].name : m->member[i - m->info->slots].name;
        end = put_name(k, path, name, slot ? m->info->slot[i].length : strlen(name), slot ? m->info->slot[i].index : -1, &k->path,
                       &k->path_capacity, 0);
        if (end == NO_END) return false;
    }
    return enter(k, child, (size_t)end);
}

static bool walk_all(walker *k) {
    while (k->depth) {
        frame *f = &k->stack[k->depth - 1];
        tni_module *m = f->m;
        size_t places = tni_module_places(m);
        bool own = m->thread == tni_self();
        tni_object *o = NULL;
        while (f->next < places &&
               (is_other(m, own, f->next, TNI_SLOT_MODULE) || !(o = value_of(m, f->next)) || o->tag != TNI_MODULE))
            f->next++;
        if (f->next < places) {
            size_t i = f->next++;
            TNI_TRY(visit_child(k, m, own, i, (tni_module *)o, f->path));
            continue;
        }
        k->depth--;
    }
    return true;
}

static bool run(walker *k, tni_module *m, const char *prefix) {
    size_t path = strlen(prefix);
    bool right = tni_reserve(&k->path, &k->path_capacity, path + 16, 1);
    if (right) memcpy(k->path, prefix, path);
    right = right && (k->duplicates || tni_addresses_add(&k->seen, m) == TNI_ADDRESS_NEW) && enter(k, m, path) && walk_all(k);
    tni_free(k->path, k->path_capacity);
    tni_free(k->stack, k->stack_capacity * sizeof *k->stack);
    tni_addresses_clear(&k->seen);
    return right;
}

/* What the program assigned: a computed member goes to its setter, others to registration hooks. Both run the program's code. */
static bool settle_below(const char *who, tni_module *m) {
    tni_walk w = {0};
    walker k = {.who = who, .w = &w, .what = TNI_WALK_MODULES, .recurse = true};
    bool right = run(&k, m, "");
    for (size_t i = 0; i < w.n; i++) tni_claim(w.item[i].value);
    for (size_t i = 0; i < w.n && right; i++) {
        tni_module *below = (tni_module *)w.item[i].value;
        right = tni_computed_settle(below) && tni_module_announce_assigned(below);
    }
    for (size_t i = 0; i < w.n; i++) tni_release(w.item[i].value);
    tni_walk_clear(&w);
    return right;
}

/* A walk that checks; what setters and hooks did is checked, too. */
static bool run_checking(walker *k, tni_module *m, const char *prefix) {
    walker again = *k;
    TNI_TRY(run(k, m, prefix));
    if (TNI_LIKELY(!k->assigned)) return true;
    TNI_TRY(settle_below(k->who, m));
    if (k->w) k->w->n = k->w->names_length = 0;
    TNI_TRY(run(&again, m, prefix));
    k->changed = true;
    return true;
}

bool tni_module_check(const char *who, tni_module *m) {
    walker k = {.who = who, .recurse = true, .check = true};
    return run_checking(&k, m, "");
}

/* Collecting needs to know how many fields hold an object, so checking, which observes, comes first; unless nothing changes: then what was
 * collected meanwhile is right. */
static bool check_and_collect(walker *k, tni_module *m, const char *prefix) {
    bool at_once = k->recurse;
    walker check = at_once ? *k : (walker){.who = k->who, .recurse = true};
    check.check = true;
    TNI_TRY(run_checking(&check, m, prefix));
    if (at_once && !check.changed) return true;
    k->w->n = k->w->names_length = 0;
    return run(k, m, prefix);
}

bool tni_walk_run(const char *who, tni_walk *w, tni_module *m, tni_walk_what what, const char *prefix, bool recurse,
                  bool duplicates) {
    tni_thread *t = tni_self();
    bool right = true;
    if (t && t->walk_items < 4096) /* as much room as the last walk took */
        right = tni_reserve(&w->item, &w->capacity, t->walk_items, sizeof *w->item) &&
                tni_reserve(&w->names, &w->names_capacity, t->walk_names, 1);
    walker k = {.who = who, .w = w, .what = what, .recurse = recurse && what != TNI_WALK_CHILDREN, .duplicates = duplicates};
    right = right && check_and_collect(&k, m, prefix ? prefix : "");
    for (size_t i = 0; i < w->n; i++) w->item[i].name = w->names + (uintptr_t)w->item[i].name;
    if (t) t->walk_items = (uint32_t)w->n, t->walk_names = (uint32_t)w->names_length;
    if (!right) tni_walk_clear(w);
    return right;
}

void tni_walk_clear(tni_walk *w) {
    tni_free(w->item, w->capacity * sizeof *w->item);
    tni_free(w->names, w->names_capacity);
    *w = (tni_walk){0};
}

bool tni_module_has_trainable(tni_module *m) {
    tni_walk w = {0};
    tn_saved_error error;
    bool failed = tni_failed(), any = false;
    if (failed) tn_error_take(&error);
    if (tni_walk_run("forward", &w, m, TNI_WALK_PARAMETERS, NULL, true, false))
        for (size_t i = 0; i < w.n; i++) {
            const tn_tensor *x = (const tn_tensor *)w.item[i].value;
            any = any || (x->requires_grad && !x->optimized);
        }
    tni_walk_clear(&w);
    if (failed) tn_error_put(&error);
    return any;
}
