/* core/member.c - members by name: fields of the class, and those made at run time; PyTorch's rules of assignment. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <stdio.h>
#include <string.h>

/* "heads.1" -> slot; arrays only by index. */
static int64_t find_slot(const tni_module *m, const char *name) {
    for (uint32_t i = 0; i < m->info->slots; i++) {
        const tni_slot *s = &m->info->slot[i];
        size_t n = strlen(s->name);
        if (s->reference || strncmp(s->name, name, n) != 0) continue;
        if (s->index < 0 && name[n] == 0) return i;
        char number[16];
        snprintf(number, sizeof number, ".%d", (int)s->index);
        if (s->index >= 0 && strcmp(name + n, number) == 0) return i;
    }
    return -1;
}

static tni_member *find_member(const tni_module *m, const char *name) {
    for (size_t i = 0; i < m->members; i++)
        if (strcmp(m->member[i].name, name) == 0) return &m->member[i];
    return NULL;
}

static bool set_slot(tni_module *m, uint32_t i, void *value) {
    tni_module_observe(m); /* what stands there now decides what may follow */
    void *old = tni_slot_value(m, i);
    *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset) = value;
    if (tni_module_check("module_set", m)) return true;
    *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset) = old; /* a failed call changes nothing */
    tni_module_observe(m);
    return false;
}

static bool is_parameter(const tni_object *o) { return o && o->tag == TNI_TENSOR && ((const tn_tensor *)o)->is_parameter; }

static bool check_name(const char *name, const tni_object *o) {
    const char *what = !o || o->tag == TNI_MODULE ? "module" : is_parameter(o) ? "parameter" : "buffer";
    TNI_CHECK(name[0] != 0, TN_ERR_KEY, "%s name can't be empty string \"\"", what);
    if (strchr(name, '.') == NULL) return true;
    if (what[0] == 'm') return tni_fail(TN_ERR_KEY, "module name can't contain \".\", got: %s", name);
    return tni_fail(TN_ERR_KEY, "%s name can't contain \".\"", what);
}

/* A member keeps the kind of what stood there, as torch's tables do. */
static bool check_member(const tni_member *old, const tni_object *o) {
    if (!old->value || !o || is_parameter(o)) return true;
    char type[80];
    tni_type_text(o, type, sizeof type);
    if (is_parameter(old->value))
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as parameter '%s' (torch.nn.Parameter or None expected)", type, old->name);
    if (old->value->tag == TNI_MODULE && o->tag != TNI_MODULE)
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as child module '%s' (torch.nn.Module or None expected)", type, old->name);
    return true;
}

static bool set_member(tni_module *m, const char *name, tni_object *o) {
    tni_member *at = find_member(m, name);
    if (at)
        TNI_TRY(check_member(at, o));
    else
        TNI_TRY(check_name(name, o));
    if (o && o->tag == TNI_MODULE && tni_module_would_cycle((tni_module *)o, m))
        return tni_fail(TN_ERR_OWNERSHIP, "module_set: '%s' would contain itself through member '%s'", m->class_->name, name);
    if (!at) {
        TNI_TRY(tni_reserve(&m->member, &m->member_capacity, m->members + 1, sizeof *m->member));
        char *copy = tni_strdup(name);
        if (!copy) return false;
        at = &m->member[m->members++];
        *at = (tni_member){copy, NULL, true};
    }
    tni_object *old = at->value;
    if (o) {
        tni_count_up(&o->fields);
        tni_claim(o);
    }
    at->value = o;
    if (old) {
        tni_count_down(&old->fields);
        tni_release(old);
    }
    return true;
}

bool(tn_module_set)(tn_module *handle, const char *name, void *value) {
    if (tni_failed()) return false;
    tni_module *m = tni_module_of("module_set", handle);
    if (!m) return false;
    TNI_CHECK(name != NULL, TN_ERR_TYPE, "module_set: argument 'name' is NULL");
    tni_object *o = value ? tni_object_of("module_set", "value", value) : NULL;
    if (value && !o) return false;
    TNI_CHECK(!o || o->tag == TNI_MODULE || o->tag == TNI_TENSOR, TN_ERR_TYPE,
              "module_set: a member is a tensor or a module, not a %s", o ? tni_kind_get((tni_kind)o->tag)->name : "");
    int64_t slot = find_slot(m, name);
    return slot >= 0 ? set_slot(m, (uint32_t)slot, value) : set_member(m, name, o);
}

/* The object under a name; false when there is no such place. */
static bool look_up(tni_module *m, const char *name, tni_object **out) {
    int64_t slot = find_slot(m, name);
    tni_member *member = slot < 0 ? find_member(m, name) : NULL;
    if (slot >= 0) {
        void *value = tni_slot_value(m, (uint32_t)slot);
        *out = value ? tni_object_find(value) : NULL;
    } else if (member)
        *out = member->value;
    return slot >= 0 || member;
}

static void *hand_out(tni_object *o) {
    tni_thread *t = tni_self();
    return o && t && tni_scope_claim(t, o) ? tni_handle_of(o) : NULL;
}

static const char *printed(const tni_module *m) { return m->class_->printed ? m->class_->printed : m->class_->name; }

void *(tn_module_get)(tn_module *handle, const char *name) {
    tni_module *m = tni_module_of("module_get", handle);
    tni_object *o = NULL;
    if (!m) return NULL;
    if (!name || !look_up(m, name, &o))
        return (void)tni_fail(TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", printed(m), name ? name : "(null)"), NULL;
    return hand_out(o);
}

bool(tn_module_delete)(tn_module *handle, const char *name) {
    if (tni_failed()) return false;
    tni_module *m = tni_module_of("module_delete", handle);
    if (!m) return false;
    tni_member *at = name ? find_member(m, name) : NULL;
    if (!at && name && find_slot(m, name) >= 0) return (tn_module_set)(handle, name, NULL);
    TNI_CHECK(at != NULL, TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", printed(m), name ? name : "(null)");
    tni_member gone = *at;
    memmove(at, at + 1, (size_t)(&m->member[m->members] - (at + 1)) * sizeof *at);
    m->members--;
    tni_free(gone.name, strlen(gone.name) + 1);
    if (gone.value) {
        tni_count_down(&gone.value->fields);
        tni_release(gone.value);
    }
    return true;
}

/* ---- paths ---- */

/* Takes the longest name first, so that "heads.1" of an array field is one step. */
static tni_object *step(tni_module *m, const char **path) {
    const char *dot = strchr(*path, '.');
    char name[256];
    for (int parts = 2; parts >= 1; parts--) {
        const char *end = parts == 1 || !dot ? dot : strchr(dot + 1, '.');
        size_t n = end ? (size_t)(end - *path) : strlen(*path);
        tni_object *o = NULL;
        if ((parts == 2 && !dot) || n >= sizeof name) continue;
        memcpy(name, *path, n);
        name[n] = 0;
        if (!look_up(m, name, &o)) continue;
        *path = end ? end + 1 : *path + n;
        return o;
    }
    size_t n = dot ? (size_t)(dot - *path) : strlen(*path);
    tni_fail(TN_ERR_ATTRIBUTE, "%s has no attribute `%.*s`", printed(m), (int)TNI_MIN(n, 200), *path);
    return NULL;
}

static tni_object *resolve(const char *who, tn_module *handle, const char *path, const char **atom) {
    tni_module *m = tni_failed() ? NULL : tni_module_of(who, handle);
    if (!m) return NULL;
    if (!path) return (void)tni_fail(TN_ERR_TYPE, "%s: argument 'path' is NULL", who), NULL;
    tni_object *o = &m->object;
    while (*path) {
        if (o->tag != TNI_MODULE) return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", *atom), NULL;
        *atom = path;
        if (!(o = step((tni_module *)o, &path))) {
            if (!tni_failed()) tni_fail(TN_ERR_ATTRIBUTE, "`%s` is None", *atom);
            return NULL;
        }
    }
    return o;
}

void *(tn_get_submodule)(tn_module *m, const char *path) {
    const char *atom = "";
    tni_object *o = resolve("get_submodule", m, path, &atom);
    if (!o) return NULL;
    if (o->tag != TNI_MODULE) return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", atom), NULL;
    return hand_out(o);
}

tn_tensor *(tn_get_parameter)(tn_module *m, const char *path) {
    const char *atom = "";
    tni_object *o = resolve("get_parameter", m, path, &atom);
    if (!o) return NULL;
    if (!is_parameter(o)) return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Parameter", atom), NULL;
    return hand_out(o);
}

tn_tensor *(tn_get_buffer)(tn_module *m, const char *path) {
    const char *atom = "";
    tni_object *o = resolve("get_buffer", m, path, &atom);
    if (!o) return NULL;
    if (o->tag != TNI_TENSOR || is_parameter(o)) return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not a buffer", atom), NULL;
    return hand_out(o);
}
