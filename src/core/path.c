/* core/path.c - members by path: get_submodule, get_parameter, get_buffer, set_submodule. */
#include "base/error.h"
#include "core/module.h"
#include "core/op.h"
#include <string.h>

/* One atom of a path, or two: "heads.1" of an array field is one step. */
typedef struct atom {
    char text[256];
    const char *rest; /* of the path, NULL after the last one */
} atom;

static bool take(atom *a, const char *path, int parts) {
    const char *dot = strchr(path, '.');
    if (parts == 2) dot = dot ? strchr(dot + 1, '.') : NULL;
    size_t n = dot ? (size_t)(dot - path) : strlen(path);
    a->rest = dot ? dot + 1 : NULL;
    if (n >= sizeof a->text) return false;
    memcpy(a->text, path, n);
    a->text[n] = 0;
    return true;
}

/* The place of the path's first atom in m: -1 with an error, and the atom, when there is none. */
static int64_t step(tni_module *m, const char *path, atom *a) {
    if (strchr(path, '.') && take(a, path, 2)) {
        int64_t place = tni_module_find_place(m, a->text);
        if (place >= 0) return place;
    }
    int64_t place = take(a, path, 1) ? tni_module_find_place(m, a->text) : -1;
    if (place < 0) tni_fail(TN_ERR_ATTRIBUTE, "%s has no attribute `%s`", tni_module_printed(m), a->text);
    return place;
}

static tni_object *value_at(tni_module *m, int64_t place) {
    const char *unused;
    int32_t index;
    return tni_module_place(m, (size_t)place, &unused, &index);
}

/* Where a path ends: the module that holds its last atom, and the place there. */
typedef struct end {
    tni_module *owner;
    int64_t place;
    tni_object *value;
    atom atom;
} end;

static bool resolve(tni_module *m, const char *path, end *out) {
    for (;;) {
        out->owner = m;
        out->place = step(m, path, &out->atom);
        if (out->place < 0) return false;
        out->value = value_at(m, out->place);
        if (!out->atom.rest) return true;
        if (!out->value || out->value->tag != TNI_MODULE)
            return tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", out->atom.text);
        m = (tni_module *)out->value;
        path = out->atom.rest;
    }
}

static tni_module *begin(const char *who, tn_module *handle, const char *path) {
    tni_module *m = tni_failed() ? NULL : tni_module_of(who, handle);
    if (m && !path) tni_fail(TN_ERR_TYPE, "%s: argument 'path' is NULL", who);
    return m && path ? m : NULL;
}

static void *hand_out(tni_object *o) {
    tni_thread *t = tni_self();
    return t && tni_scope_claim(t, o) ? tni_handle_of(o) : NULL;
}

void *(tn_get_submodule)(tn_module *handle, const char *path) {
    tni_module *m = begin("get_submodule", handle, path);
    end e;
    if (!m || !*path) return m ? hand_out(&m->object) : NULL;
    if (!resolve(m, path, &e)) return NULL;
    if (!e.value || e.value->tag != TNI_MODULE)
        return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", e.atom.text), NULL;
    return hand_out(e.value);
}

tn_tensor *(tn_get_parameter)(tn_module *handle, const char *path) {
    tni_module *m = begin("get_parameter", handle, path);
    end e;
    if (!m || !resolve(m, path, &e)) return NULL;
    if (!e.value || !tni_is_parameter(e.value))
        return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Parameter", e.atom.text), NULL;
    return hand_out(e.value);
}

tn_tensor *(tn_get_buffer)(tn_module *handle, const char *path) {
    tni_module *m = begin("get_buffer", handle, path);
    end e;
    if (!m || !resolve(m, path, &e)) return NULL;
    if (!(tni_module_place_status(e.owner, (size_t)e.place, e.value) & TNI_SLOT_BUFFER))
        return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not a buffer", e.atom.text), NULL;
    return e.value ? hand_out(e.value) : NULL;
}

/* The module that holds, or is to hold, the path's last atom, and that atom. */
static tni_module *parent_of(tni_module *m, const char *path, const char **last) {
    for (atom a; tni_module_find_place(m, path) < 0 && strchr(path, '.'); path = a.rest) {
        int64_t place = step(m, path, &a);
        if (place < 0) return NULL;
        tni_object *o = value_at(m, place);
        if (!o || o->tag != TNI_MODULE) return (void)tni_fail(TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", a.text), NULL;
        m = (tni_module *)o;
    }
    *last = path;
    return m;
}

bool(tn_set_submodule)(tn_module *handle, const char *path, void *module, const tn_set_submodule_opts *opts) {
    tni_module *m = begin("set_submodule", handle, path);
    if (!m) return false;
    TNI_CHECK(*path, TN_ERR_VALUE, "Cannot set the submodule without a target name!");
    tni_object *o = module ? tni_object_find(module) : NULL;
    TNI_CHECK(o && o->tag == TNI_MODULE, TN_ERR_VALUE, "`module` is not an nn.Module, found %s",
              o ? tni_kind_get((tni_kind)o->tag)->name : "None");
    const char *last;
    if (!(m = parent_of(m, path, &last))) return false;
    int64_t place = tni_module_find_place(m, last);
    tni_object *now = place >= 0 ? value_at(m, place) : NULL;
    bool unset = place < 0 || (!now && !(tni_module_place_status(m, (size_t)place, NULL) & TNI_SLOT_KIND));
    TNI_CHECK(!unset || !TNI_OPT(opts, strict, false), TN_ERR_ATTRIBUTE, "%s has no attribute `%s`", tni_module_printed(m), last);
    TNI_CHECK(unset || (now && now->tag == TNI_MODULE), TN_ERR_ATTRIBUTE, "`%s` is not an nn.Module", last);
    return (tn_module_set)(tni_module_struct(m), last, module);
}
