/* core/walk.c - walks over modules: verdicts on their fields, and what is found, in PyTorch's order. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <stdio.h>
#include <string.h>

size_t tni_module_places(const tni_module *m) { return m->info->slots + m->members; }

tni_object *tni_module_place(tni_module *m, size_t i, const char **name, int32_t *index) {
    if (i >= m->info->slots) {
        const tni_member *member = &m->member[i - m->info->slots];
        *name = member->name;
        *index = -1;
        return member->value;
    }
    const tni_slot *s = &m->info->slot[i];
    *name = s->name;
    *index = s->index;
    void *value = s->reference ? NULL : tni_slot_value(m, (uint32_t)i);
    return value ? tni_object_find(value) : NULL;
}

bool tni_module_place_is_buffer(const tni_module *m, size_t i, const tni_object *o) {
    const tn_tensor *x = (const tn_tensor *)o;
    if (o->tag != TNI_TENSOR || x->is_parameter) return false;
    if (i >= m->info->slots) return x->is_buffer;
    return x->is_buffer || (m->status[i] & TNI_SLOT_KIND) == TNI_SLOT_BUFFER;
}

static bool is_parameter(const tni_object *o) { return o->tag == TNI_TENSOR && ((const tn_tensor *)o)->is_parameter; }

/* ---- names ---- */

static char *join(const char *prefix, const char *name, int32_t index) {
    char number[16] = "";
    if (index >= 0) snprintf(number, sizeof number, ".%d", (int)index);
    bool dot = *prefix && *name;
    size_t bytes = strlen(prefix) + dot + strlen(name) + strlen(number) + 1;
    char *text = tni_alloc(bytes);
    if (text) snprintf(text, bytes, "%s%s%s%s", prefix, dot ? "." : "", name, number);
    return text;
}
static void free_name(char *name) {
    if (name) tni_free(name, strlen(name) + 1);
}

/* ---- a set of addresses, and a stack of modules to visit ---- */

typedef struct seen {
    const void **key;
    size_t n, mask;
} seen;

static bool seen_grow(seen *s) {
    size_t mask = s->key ? s->mask * 2 + 1 : 63;
    const void **key = tni_alloc_zero((mask + 1) * sizeof *key);
    if (!key) return false;
    for (size_t i = 0; s->key && i <= s->mask; i++) {
        if (!s->key[i]) continue;
        size_t at = ((uintptr_t)s->key[i] >> 5) & mask;
        while (key[at]) at = (at + 1) & mask;
        key[at] = s->key[i];
    }
    if (s->key) tni_free(s->key, (s->mask + 1) * sizeof *s->key);
    s->key = key;
    s->mask = mask;
    return true;
}

/* 1: new, 0: there already, -1: memory is out */
static int seen_add(seen *s, const void *key) {
    if ((!s->key || s->n * 2 > s->mask) && !seen_grow(s)) return -1;
    size_t at = ((uintptr_t)key >> 5) & s->mask;
    for (; s->key[at]; at = (at + 1) & s->mask)
        if (s->key[at] == key) return 0;
    s->key[at] = key;
    s->n++;
    return 1;
}
static void seen_clear(seen *s) {
    if (s->key) tni_free(s->key, (s->mask + 1) * sizeof *s->key);
}

typedef struct visit {
    tni_module *m;
    char *name;
    uint32_t depth;
} visit;
typedef struct visits {
    visit *item;
    size_t n, capacity;
} visits;

static bool push_visit(visits *v, tni_module *m, char *name, uint32_t depth) {
    if (!name || !tni_reserve(&v->item, &v->capacity, v->n + 1, sizeof *v->item)) {
        free_name(name);
        return false;
    }
    v->item[v->n++] = (visit){m, name, depth};
    return true;
}

/* Children go on in reverse, so that they come off in order. */
static bool push_children(visits *v, tni_module *m, const char *prefix, uint32_t depth) {
    for (size_t i = tni_module_places(m); i-- > 0;) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index);
        if (o && o->tag == TNI_MODULE) TNI_TRY(push_visit(v, (tni_module *)o, join(prefix, name, index), depth));
    }
    return true;
}
static void clear_visits(visits *v) {
    for (size_t i = 0; i < v->n; i++) free_name(v->item[i].name);
    tni_free(v->item, v->capacity * sizeof *v->item);
}

/* ---- verdicts ---- */

static bool refuse_value(const tni_module *m, const tni_slot *s, uint8_t kind, const tni_object *o) {
    (void)m;
    char type[80], name[160];
    tni_type_text(o, type, sizeof type);
    if (s->index >= 0)
        snprintf(name, sizeof name, "%s.%d", s->name, (int)s->index);
    else
        snprintf(name, sizeof name, "%s", s->name);
    if (kind == TNI_SLOT_PARAMETER)
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as parameter '%s' (torch.nn.Parameter or None expected)", type, name);
    if (kind == TNI_SLOT_MODULE)
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as child module '%s' (torch.nn.Module or None expected)", type, name);
    return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as buffer '%s' (torch.nn.Buffer, torch.Tensor or None expected)", type, name);
}

static bool check_slot(const char *who, tni_module *m, uint32_t i) {
    const tni_slot *s = &m->info->slot[i];
    void *value = s->reference ? NULL : tni_slot_value(m, i);
    if (!value) return true;
    tni_object *o = tni_object_find(value);
    TNI_CHECK(o != NULL, TN_ERR_HANDLE, "%s: field '%s' of '%s' holds something that is no living object (freed, or never set)",
              who, s->name, m->class_->name);
    if (o->tag == TNI_MODULE && ((tni_module *)o == m || tni_module_would_cycle((tni_module *)o, m)))
        return tni_fail(TN_ERR_OWNERSHIP,
                        "%s: field '%s' of '%s' holds a module that contains it: a module cannot contain itself (TN_REF marks a "
                        "plain reference)",
                        who, s->name, m->class_->name);
    uint8_t kind = m->status[i] & TNI_SLOT_KIND;
    bool fits = is_parameter(o) || kind == 0 || (kind == TNI_SLOT_MODULE && o->tag == TNI_MODULE) ||
                (kind == TNI_SLOT_BUFFER && o->tag == TNI_TENSOR);
    if (!fits) return refuse_value(m, s, kind, o);
    if (is_parameter(o) && ((tn_tensor *)o)->grad_fn)
        return tni_fail(
            TN_ERR_VALUE,
            "Cannot assign non-leaf Tensor to parameter '%s'. Model parameters must be created explicitly. To express '%s' as a "
            "function of another Tensor, compute the value in the forward() method.",
            s->name, s->name);
    return true;
}

static bool check_loose(const char *who, tni_module *m) {
    size_t offset;
    tni_object *o = tni_module_find_forgotten(m, &offset);
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

static bool check_names(const char *who, const tni_module *m) {
    for (uint32_t i = 0; i < m->info->slots; i++)
        for (uint32_t j = 0; j < i; j++)
            if (m->info->slot[i].index <= 0 && m->info->slot[j].index <= 0 &&
                strcmp(m->info->slot[i].name, m->info->slot[j].name) == 0)
                return tni_fail(TN_ERR_KEY, "%s: '%s' has two fields named '%s'", who, m->class_->name, m->info->slot[i].name);
    return true;
}

static bool check_one(const char *who, tni_module *m) {
    if (m->thread == tni_self()) tni_module_observe(m);
    TNI_TRY(check_names(who, m));
    for (uint32_t i = 0; i < m->info->slots; i++) TNI_TRY(check_slot(who, m, i));
    return check_loose(who, m);
}

static bool check_all(const char *who, visits *v, seen *s) {
    while (v->n) {
        visit at = v->item[--v->n];
        int fresh = seen_add(s, at.m);
        bool right = fresh >= 0 && (fresh == 0 || (check_one(who, at.m) && push_children(v, at.m, "", 0)));
        free_name(at.name);
        if (!right) return false;
    }
    return true;
}

bool tni_module_check(const char *who, tni_module *m) {
    visits v = {0};
    seen s = {0};
    bool right = push_visit(&v, m, join("", "", -1), 0) && check_all(who, &v, &s);
    clear_visits(&v);
    seen_clear(&s);
    return right;
}

/* ---- what is found ---- */

typedef struct walker {
    tni_walk *w;
    tni_walk_what what;
    bool recurse, duplicates;
    seen modules, values;
    visits visits;
} walker;

static bool add_found(walker *k, tni_module *owner, char *name, tni_object *value, uint32_t depth) {
    if (!name || !tni_reserve(&k->w->item, &k->w->capacity, k->w->n + 1, sizeof *k->w->item)) {
        free_name(name);
        return false;
    }
    k->w->item[k->w->n++] = (tni_found){name, value, owner, depth};
    return true;
}

/* A module's own: those places whose value `wanted` accepts. */
static bool add_own(walker *k, tni_module *m, const char *prefix, bool (*wanted)(const tni_module *, size_t, const tni_object *)) {
    for (size_t i = 0; i < tni_module_places(m); i++) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index);
        if (!o || !wanted(m, i, o)) continue;
        int fresh = k->duplicates ? 1 : seen_add(&k->values, o);
        if (fresh < 0 || (fresh && !add_found(k, m, join(prefix, name, index), o, 0))) return false;
    }
    return true;
}

static bool wants_parameter(const tni_module *m, size_t i, const tni_object *o) {
    (void)m, (void)i;
    return is_parameter(o);
}
static bool wants_saved_buffer(const tni_module *m, size_t i, const tni_object *o) {
    const tn_tensor *x = (const tn_tensor *)o;
    return tni_module_place_is_buffer(m, i, o) && (!x->is_buffer || x->persistent);
}
static bool wants_child(const tni_module *m, size_t i, const tni_object *o) {
    (void)m, (void)i;
    return o->tag == TNI_MODULE;
}

static bool add_module(walker *k, visit at) {
    switch (k->what) {
    case TNI_WALK_PARAMETERS: return add_own(k, at.m, at.name, wants_parameter);
    case TNI_WALK_BUFFERS: return add_own(k, at.m, at.name, tni_module_place_is_buffer);
    case TNI_WALK_STATE: return add_own(k, at.m, at.name, wants_parameter) && add_own(k, at.m, at.name, wants_saved_buffer);
    case TNI_WALK_CHILDREN: return add_own(k, at.m, at.name, wants_child);
    default: return add_found(k, at.m, join(at.name, "", -1), &at.m->object, at.depth);
    }
}

static bool walk_all(walker *k) {
    while (k->visits.n) {
        visit at = k->visits.item[--k->visits.n];
        int fresh = k->duplicates ? 1 : seen_add(&k->modules, at.m);
        bool right = fresh >= 0 &&
                     (fresh == 0 || (add_module(k, at) && (!k->recurse || push_children(&k->visits, at.m, at.name, at.depth + 1))));
        free_name(at.name);
        if (!right) return false;
    }
    return true;
}

bool tni_walk_run(const char *who, tni_walk *w, tni_module *m, tni_walk_what what, const char *prefix, bool recurse,
                  bool duplicates) {
    walker k = {.w = w, .what = what, .recurse = recurse && what != TNI_WALK_CHILDREN, .duplicates = duplicates};
    TNI_TRY(tni_module_check(who, m));
    bool right = push_visit(&k.visits, m, join("", prefix ? prefix : "", -1), 0) && walk_all(&k);
    clear_visits(&k.visits);
    seen_clear(&k.modules);
    seen_clear(&k.values);
    if (!right) tni_walk_clear(w);
    return right;
}

void tni_walk_clear(tni_walk *w) {
    for (size_t i = 0; i < w->n; i++) free_name(w->item[i].name);
    tni_free(w->item, w->capacity * sizeof *w->item);
    *w = (tni_walk){0};
}
