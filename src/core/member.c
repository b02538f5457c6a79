/* core/member.c - members by name: PyTorch's rules of assignment, registration, reading and deletion. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/op.h"
#include <stdlib.h>
#include <string.h>

/* Names that a module of PyTorch has by itself, sorted: a member of such a name could not travel there. */
static const char *const reserved[] = {
    "T_destination",
    "_apply",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_buffers",
    "_call_impl",
    "_compiled_call_impl",
    "_forward_hooks",
    "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_get_backward_hooks",
    "_get_backward_pre_hooks",
    "_get_name",
    "_is_full_backward_hook",
    "_load_from_state_dict",
    "_load_state_dict_post_hooks",
    "_load_state_dict_pre_hooks",
    "_maybe_warn_non_full_backward_hook",
    "_modules",
    "_named_members",
    "_non_persistent_buffers_set",
    "_parameters",
    "_register_load_state_dict_pre_hook",
    "_register_state_dict_hook",
    "_replicate_for_data_parallel",
    "_save_to_state_dict",
    "_slow_forward",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_version",
    "_wrapped_call_impl",
    "add_module",
    "apply",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "compile",
    "cpu",
    "cuda",
    "double",
    "dump_patches",
    "eval",
    "extra_repr",
    "float",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "ipu",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "register_backward_hook",
    "register_buffer",
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
    "register_module",
    "register_parameter",
    "register_state_dict_post_hook",
    "register_state_dict_pre_hook",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "xpu",
    "zero_grad",
};

static int compare(const void *name, const void *row) { return strcmp(name, *(const char *const *)row); }
static bool is_reserved(const char *name) {
    return bsearch(name, reserved, TNI_COUNT(reserved), sizeof *reserved, compare) != NULL;
}

/* What a name means before an assignment. */
typedef struct target {
    int64_t place; /* -1: none yet */
    tni_object *value;
    uint8_t status;
    bool exists; /* reading it would find something, be it None */
} target;

static target find_target(tni_module *m, const char *name) {
    target t = {.place = tni_module_find_place(m, name)};
    if (t.place < 0) {
        t.exists = is_reserved(name);
        return t;
    }
    const char *unused;
    int32_t index;
    t.value = tni_module_place(m, (size_t)t.place, &unused, &index);
    t.status = tni_module_place_status(m, (size_t)t.place, t.value);
    bool field = (size_t)t.place < m->info->slots; /* one that nothing was put into is not there yet */
    t.exists = !field || t.value || (t.status & TNI_SLOT_KIND);
    return t;
}

/* ---- verdicts; the order of the tests is PyTorch's ---- */

static bool check_dot_and_empty(const char *what, const char *name, const target *t) {
    if (t->place < 0 && strchr(name, '.')) return tni_fail(TN_ERR_KEY, "%s name can't contain \".\"", what);
    return name[0] || tni_fail(TN_ERR_KEY, "%s name can't be empty string \"\"", what);
}

bool tni_refuse_taken(const char *name) { return tni_fail(TN_ERR_KEY, "attribute '%s' already exists", name); }

bool tni_check_new_name(const char *name) {
    if (is_reserved(name)) return tni_refuse_taken(name);
    TNI_CHECK(name[0] && !strchr(name, '.'), TN_ERR_KEY, "module_set: a member's name is not empty and has no \".\", got: %s",
              name);
    return true;
}

static bool is_leaf_parameter(const char *name, const tni_object *o) {
    return !((const tn_tensor *)o)->grad_fn || tni_refuse_non_leaf(name);
}

static bool check_cycle(tni_module *m, const char *name, tni_object *o) {
    if (!tni_module_would_cycle((tni_module *)o, m)) return true;
    return tni_fail(TN_ERR_OWNERSHIP, "module_set: '%s' would contain itself through member '%s'", m->class_->name, name);
}

/* A replacement must be of the same kind. */
bool tni_module_announce(tni_module *m, const char *name, tni_object **o, tni_hook_kind hooks) {
    const tni_object *given = *o;
    TNI_TRY(tni_hooks_registration(hooks, tni_module_struct(m), name, o));
    if (*o != given && hooks == TNI_HOOK_MODULE) TNI_TRY(check_cycle(m, name, *o));
    if (*o == given || hooks != TNI_HOOK_PARAMETER || tni_is_parameter(*o)) return true;
    char type[80];
    tni_type_text(*o, type, sizeof type);
    return tni_fail(TN_ERR_TYPE, "cannot assign '%s' object to parameter '%s' (torch.nn.Parameter or None required)", type, name);
}

static bool store(tni_module *m, const char *name, tni_object *o, uint8_t status, tni_hook_kind hooks) {
    if (hooks != TNI_GLOBAL_HOOKS && (o || hooks != TNI_HOOK_PARAMETER)) TNI_TRY(tni_module_announce(m, name, &o, hooks));
    return tni_module_put(m, name, o, status);
}

static bool set_parameter(tni_module *m, const char *name, tni_object *o, const target *t) {
    TNI_TRY(check_dot_and_empty("parameter", name, t));
    if (t->place < 0 && t->exists) return tni_refuse_taken(name);
    return is_leaf_parameter(name, o) && store(m, name, o, TNI_SLOT_PARAMETER, TNI_HOOK_PARAMETER);
}

static bool set_module(tni_module *m, const char *name, tni_object *o, const target *t) {
    if (o) TNI_TRY(check_cycle(m, name, o));
    if (t->place < 0) { /* PyTorch lets any name pass here, and such members can then be neither found nor loaded */
        if (t->exists) return tni_refuse_taken(name);
        if (strchr(name, '.')) return tni_fail(TN_ERR_KEY, "module name can't contain \".\", got: %s", name);
        TNI_CHECK(name[0], TN_ERR_KEY, "module name can't be empty string \"\"");
    }
    return store(m, name, o, TNI_SLOT_MODULE, TNI_HOOK_MODULE);
}

static bool set_buffer(tni_module *m, const char *name, tni_object *o, const target *t) {
    TNI_TRY(check_dot_and_empty("buffer", name, t));
    if (t->exists && !(t->status & TNI_SLOT_BUFFER)) return tni_refuse_taken(name);
    uint8_t transient = t->status & TNI_SLOT_TRANSIENT;
    if (o && tni_is_buffer(o)) transient = ((const tn_tensor *)o)->persistent ? 0 : TNI_SLOT_TRANSIENT;
    return store(m, name, o, TNI_SLOT_BUFFER | transient, TNI_HOOK_BUFFER);
}

static bool set_plain(tni_module *m, const char *name, tni_object *o, const target *t) {
    TNI_CHECK(!o || o->tag == TNI_TENSOR, TN_ERR_TYPE, "module_set: a member is a tensor or a module, not a %s",
              tni_kind_get((tni_kind)o->tag)->name);
    if (t->place < 0) TNI_TRY(tni_check_new_name(name));
    return store(m, name, o, o ? TNI_SLOT_PLAIN : 0, TNI_GLOBAL_HOOKS);
}

static bool assign(tni_module *m, const char *name, tni_object *o) {
    if (m->thread == tni_self()) tni_module_observe(m); /* what stands there now decides what may follow */
    tni_computed *c = tni_computed_find(m, name);
    if (c) return tni_computed_set(m, c, o);
    target t = find_target(m, name);
    TNI_TRY(tni_judge_kind(t.status, o, name));
    if (o && tni_is_parameter(o)) return set_parameter(m, name, o, &t);
    if (t.status & TNI_SLOT_PARAMETER) return store(m, name, NULL, TNI_SLOT_PARAMETER, TNI_GLOBAL_HOOKS);
    if ((o && o->tag == TNI_MODULE) || (t.status & TNI_SLOT_MODULE)) return set_module(m, name, o, &t);
    if ((o && tni_is_buffer(o)) || (t.status & TNI_SLOT_BUFFER)) return set_buffer(m, name, o, &t);
    return set_plain(m, name, o, &t);
}

/* ---- the public face ---- */

/* The module and the value of a call that changes a member. */
static tni_module *begin(const char *who, tn_module *handle, void *value, tni_object **o) {
    tni_module *m = tni_failed() ? NULL : tni_module_of(who, handle);
    *o = m && value ? tni_object_of(who, "value", value) : NULL;
    return m && (!value || *o) && tni_module_own(who, m) ? m : NULL;
}

bool(tn_module_set)(tn_module *handle, const char *name, void *value) {
    tni_object *o;
    tni_module *m = begin("module_set", handle, value, &o);
    if (!m) return false;
    TNI_CHECK(name != NULL, TN_ERR_TYPE, "module_set: argument 'name' is NULL");
    return assign(m, name, o);
}

static bool check_is_name(const char *what, const char *name) {
    return name || tni_fail(TN_ERR_TYPE, "%s name should be a string. Got NoneType", what);
}

static bool refuse_object(const tni_object *o, const char *what, const char *name, const char *wanted) {
    char type[80];
    tni_type_text(o, type, sizeof type);
    return tni_fail(TN_ERR_TYPE, "cannot assign '%s' object to %s '%s' (%s or None required)", type, what, name, wanted);
}

bool(tn_module_register_parameter)(tn_module *handle, const char *name, tn_tensor *value) {
    tni_object *o;
    tni_module *m = begin("register_parameter", handle, value, &o);
    if (!m) return false;
    TNI_TRY(check_is_name("parameter", name));
    tni_module_observe(m);
    target t = find_target(m, name);
    TNI_TRY(check_dot_and_empty("parameter", name, &t));
    if (t.exists && !(t.status & TNI_SLOT_PARAMETER)) return tni_refuse_taken(name);
    if (o && !tni_is_parameter(o)) return refuse_object(o, "parameter", name, "torch.nn.Parameter");
    if (o && !is_leaf_parameter(name, o)) return false;
    return store(m, name, o, TNI_SLOT_PARAMETER, TNI_HOOK_PARAMETER);
}

bool(tn_module_register_buffer)(tn_module *handle, const char *name, tn_tensor *value, const tn_buffer_opts *opts) {
    tni_object *o;
    tni_module *m = begin("register_buffer", handle, value, &o);
    if (!m) return false;
    TNI_TRY(check_is_name("buffer", name));
    tni_module_observe(m);
    target t = find_target(m, name);
    TNI_TRY(check_dot_and_empty("buffer", name, &t));
    if (t.exists && !(t.status & TNI_SLOT_BUFFER)) return tni_refuse_taken(name);
    if (o && o->tag != TNI_TENSOR) return refuse_object(o, "buffer", name, "torch Tensor");
    uint8_t status = TNI_SLOT_BUFFER | (TNI_OPT(opts, persistent, true) ? 0 : TNI_SLOT_TRANSIENT);
    if (o && tni_is_parameter(o)) status |= TNI_SLOT_AS_BUFFER;
    return store(m, name, o, status, TNI_HOOK_BUFFER);
}

bool(tn_module_register_module)(tn_module *handle, const char *name, void *value) {
    tni_object *o;
    tni_module *m = begin("register_module", handle, value, &o);
    if (!m) return false;
    if (o && o->tag != TNI_MODULE) {
        char type[80];
        tni_type_text(o, type, sizeof type);
        return tni_fail(TN_ERR_TYPE, "%s is not a Module subclass", type);
    }
    TNI_TRY(check_is_name("module", name));
    tni_module_observe(m);
    target t = find_target(m, name);
    if (t.exists && !(t.status & TNI_SLOT_MODULE)) return tni_refuse_taken(name);
    return set_module(m, name, o, &t);
}

void *(tn_module_get)(tn_module *handle, const char *name) {
    tni_module *m = tni_module_of("module_get", handle);
    tni_thread *t = tni_self();
    if (!m || !t) return NULL;
    int64_t place = name ? tni_module_find_place(m, name) : -1;
    if (place < 0)
        return (void)tni_fail(TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", tni_module_printed(m), name ? name : "(null)"),
               NULL;
    tni_computed *c = tni_computed_find(m, name);
    if (c) return tni_failed() ? NULL : tni_computed_get(m, c);
    const char *unused;
    int32_t index;
    tni_object *o = tni_module_place(m, (size_t)place, &unused, &index);
    return o && tni_scope_claim(t, o) ? tni_handle_of(o) : NULL;
}

static bool find_deletable(tni_module *m, const char *name, target *t) {
    tni_module_observe(m);
    *t = (target){.place = -1};
    if (name) *t = find_target(m, name);
    TNI_CHECK(t->place >= 0 && t->exists, TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", tni_module_printed(m),
              name ? name : "(null)");
    return !tni_computed_find(m, name) ||
           tni_fail(TN_ERR_ATTRIBUTE, "property of '%s' object has no deleter", tni_module_printed(m));
}

bool(tn_module_delete)(tn_module *handle, const char *name) {
    tni_object *o;
    tni_module *m = begin("module_delete", handle, NULL, &o);
    if (!m) return false;
    target t;
    TNI_TRY(find_deletable(m, name, &t));
    tni_module_take_place(m, (size_t)t.place);
    return true;
}

/* The name stays: nothing is made that could fail. */
bool(tn_module_replace)(tn_module *handle, const char *name, tn_tensor *value) {
    tni_object *o;
    tni_module *m = begin("module_replace", handle, value, &o);
    if (!m) return false;
    TNI_CHECK(o && o->tag == TNI_TENSOR && !tni_is_parameter(o) && !tni_is_buffer(o), TN_ERR_TYPE,
              "module_replace: argument 'value' must be a tensor without a mark");
    target t;
    TNI_TRY(find_deletable(m, name, &t));
    return tni_module_put(m, name, o, TNI_SLOT_PLAIN);
}

/* ---- all members made at run time at once: for containers ---- */

/* A list with room for n, of which `made` have names. */
static void free_members(tni_member *list, size_t made, size_t n) {
    for (size_t i = 0; i < made; i++) tni_free(list[i].name, strlen(list[i].name) + 1);
    tni_free(list, n * sizeof *list);
}

static bool check_members(tni_module *m, const char *const *names, void *const *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        TNI_CHECK(names[i] && names[i][0] && !strchr(names[i], '.'), TN_ERR_KEY, "module_set_members: name %zu is none", i);
        int64_t place = tni_module_find_place(m, names[i]);
        if (place >= 0 && (size_t)place < m->info->slots) return tni_refuse_taken(names[i]);
        for (size_t k = 0; k < i; k++)
            TNI_CHECK(strcmp(names[i], names[k]) != 0, TN_ERR_KEY, "module_set_members: two members named '%s'", names[i]);
        tni_object *o = values[i] ? tni_object_of("module_set_members", "value", values[i]) : NULL;
        if (values[i] && !o) return false;
        if (o && o->tag == TNI_MODULE) TNI_TRY(check_cycle(m, names[i], o));
        TNI_CHECK(!o || o->tag == TNI_MODULE || o->tag == TNI_TENSOR, TN_ERR_TYPE,
                  "module_set_members: a member is a tensor or a module, not a %s", tni_kind_get((tni_kind)o->tag)->name);
    }
    return true;
}

/* The kind that a value has in a new place; a value that stood in m keeps its own. */
static uint8_t status_of(const tni_module *m, const tni_object *o) {
    for (size_t i = 0; o && i < m->members; i++)
        if (m->member[i].value == o) return m->member[i].status;
    if (!o) return TNI_SLOT_MODULE;
    if (tni_is_parameter(o)) return TNI_SLOT_PARAMETER;
    if (tni_is_buffer(o)) return TNI_SLOT_BUFFER | (((const tn_tensor *)o)->persistent ? 0 : TNI_SLOT_TRANSIENT);
    return o->tag == TNI_MODULE ? TNI_SLOT_MODULE : TNI_SLOT_PLAIN;
}

bool(tn_module_set_members)(tn_module *handle, const char *const *names, void *const *values, size_t n) {
    tni_object *none;
    tni_module *m = begin("module_set_members", handle, NULL, &none);
    if (!m) return false;
    TNI_CHECK(n == 0 || (names && values), TN_ERR_TYPE, "module_set_members: argument '%s' is NULL", names ? "values" : "names");
    TNI_TRY(check_members(m, names, values, n));
    tni_member *list = tni_alloc(n * sizeof *list);
    if (!list) return false;
    for (size_t i = 0; i < n; i++) {
        tni_object *o = values[i] ? tni_object_find(values[i]) : NULL;
        list[i] = (tni_member){tni_strdup(names[i]), o, status_of(m, o)};
        if (list[i].name) continue;
        free_members(list, i, n);
        return false;
    }
    for (size_t i = 0; i < n; i++) /* all that comes is claimed before anything goes */
        if (list[i].value) tni_count_up(&list[i].value->fields), tni_claim(list[i].value);
    for (size_t i = 0; i < m->members; i++) tni_module_put_place(m, m->info->slots + i, NULL, 0);
    for (size_t i = 0; i < m->members; i++) tni_free(m->member[i].name, strlen(m->member[i].name) + 1);
    tni_free(m->member, m->member_capacity * sizeof *m->member);
    m->member = list;
    m->members = m->member_capacity = n;
    tni_computed_forget(m);
    return true;
}
