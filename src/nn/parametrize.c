/* nn/parametrize.c - torch.nn.utils.parametrize: members of a module that are computed from others. */
#include "nn/parametrize.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_nn_parametrize_opts {
    size_t size;
    bool unsafe; /* false: a parametrization keeps dtype and shape */
} tn_nn_parametrize_opts;
typedef struct tn_nn_remove_parametrizations_opts {
    size_t size;
    bool leave_parametrized; /* true: the computed value stays, else the original */
} tn_nn_remove_parametrizations_opts;
#ifndef __cplusplus
#define tn_nn_utils_parametrize_register_parametrization(m, name, ...)                                                             \
    TN_WITH(                                                                                                                       \
        tn_nn_parametrize_opts, (.unsafe = false),                                                                                 \
        (tn_nn_utils_parametrize_register_parametrization)(TN_AS_MODULE(m), name, TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),   \
        TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_parametrize_remove_parametrizations(m, ...)                                                                    \
    TN_WITH(tn_nn_remove_parametrizations_opts, (.leave_parametrized = true),                                                      \
            (tn_nn_utils_parametrize_remove_parametrizations)(TN_AS_MODULE(m), TN_FIRST(__VA_ARGS__, ), &tn_o),                    \
            TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_parametrize_is_parametrized(m, name) (tn_nn_utils_parametrize_is_parametrized)(TN_AS_MODULE(m), name)
#define tn_nn_utils_parametrize_compute(m, name) (tn_nn_utils_parametrize_compute)(TN_AS_MODULE(m), name)
#endif
#endif

enum { MOST_ORIGINALS = 4 };

/* The child "parametrizations": a ParametrizationList for each computed member. */
typedef struct tni_parametrizations {
    tn_module module;
    uint64_t mark; /* of the forward-pre hook that serves it: a copy has it too, one that was emptied and came back another */
} tni_parametrizations;
typedef struct tni_parametrization_list {
    tn_module module;
} tni_parametrization_list;

static tn_tensor *parametrizations_forward(tni_parametrizations *self, tn_tensor *x) {
    (void)self, (void)x;
    return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleDict] is missing the required \"forward\" function"), NULL;
}
TN_CLASS_WITH(tni_parametrizations, parametrizations_forward, (TN_NO_FIELDS), .printed = "ModuleDict");

/* From the originals, whichever are given, through all parametrizations. */
static bool list_forward(tni_parametrization_list *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    tn_tensor *from[MOST_ORIGINALS], *x = NULL;
    size_t count = 0;
    tn_member part;
    (void)in, (void)n, (void)k;
    for (size_t i = 0, all = tn_module_members(self); i < all; i++) {
        if (!tn_module_member(self, i, &part)) return false;
        if (part.kind != TN_MEMBER_MODULE && part.value && count < MOST_ORIGINALS) from[count++] = part.value;
    }
    for (size_t i = 0, all = tn_module_members(self); i < all; i++) {
        if (!tn_module_member(self, i, &part)) return false;
        if (part.kind != TN_MEMBER_MODULE) continue;
        x = (tn_forward)(part.value, x ? &x : from, x ? 1 : count);
        if (!x) return false;
    }
    out[0] = x;
    return x != NULL;
}
TN_CLASS_WITH(tni_parametrization_list, list_forward, (TN_NO_FIELDS), .printed = "ParametrizationList");

static bool find(tn_module *m, const char *name, tn_member *out) {
    for (size_t i = 0, n = (tn_module_members)(m); name && i < n; i++)
        if ((tn_module_member)(m, i, out) && out->index < 0 && strcmp(out->name, name) == 0) return out->value != NULL;
    return false;
}

bool tni_parametrize_find(tn_module *m, const char *name, tn_member *out) {
    return find(m, name, out) && out->kind != TN_MEMBER_MODULE;
}

static tni_parametrizations *table_of(tn_module *m) {
    tn_member found;
    if (!find(m, "parametrizations", &found) || found.kind != TN_MEMBER_MODULE) return NULL;
    return tn_module_class(found.value) == &tni_parametrizations_class ? found.value : NULL;
}

static tn_module *list_of(tn_module *m, const char *name) {
    tni_parametrizations *table = table_of(m);
    tn_member found;
    return table && find(&table->module, name, &found) ? found.value : NULL;
}

static tn_tensor *compute(tn_module *m, const char *name, tn_module *list) {
    tn_tensor *x = (tn_forward)(list, NULL, 0);
    return x && (tn_module_set)(m, name, x) ? x : NULL;
}

static bool before_forward(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    tni_parametrizations *table = table_of(m);
    tn_member part;
    (void)in, (void)n;
    if (!table || table->mark != (uint64_t)(uintptr_t)data) return tn_error() == TN_OK;
    for (size_t i = 0, all = tn_module_members(table); i < all; i++)
        if (!tn_module_member(table, i, &part) || !compute(m, part.name, part.value)) return false;
    return true;
}

static bool same_shape(tn_tensor *a, tn_tensor *b) {
    return tn_ndim(a) == tn_ndim(b) && memcmp(tn_sizes(a), tn_sizes(b), (size_t)tn_ndim(a) * sizeof(int64_t)) == 0;
}

static bool check_kept(const char *name, tn_tensor *before, tn_tensor *after) {
    if (tn_get_dtype(before) != tn_get_dtype(after))
        return tn_raise(
            TN_ERR_VALUE,
            "Registering a parametrization may not change the dtype of the tensor, unless the `unsafe` flag is enabled.\n"
            "module.%s.dtype: torch.%s\nparametrization(module.%s).dtype: torch.%s",
            name, tn_dtype_name(tn_get_dtype(before)), name, tn_dtype_name(tn_get_dtype(after)));
    return same_shape(before, after) ||
           tn_raise(TN_ERR_VALUE,
                    "Registering a parametrization may not change the shape of the tensor, unless the `unsafe` flag is enabled.\n"
                    "module.%s has %lld dims and %lld elements, parametrization(module.%s) %lld dims and %lld",
                    name, (long long)tn_ndim(before), (long long)tn_numel(before), name, (long long)tn_ndim(after),
                    (long long)tn_numel(after));
}

/* Puts an original or a value that takes its place back under a name. */
static bool put(tn_module *m, const char *name, tn_tensor *x, const tn_member *like) {
    if (like->kind == TN_MEMBER_BUFFER)
        return (tn_module_register_buffer)(m, name, x, &(tn_buffer_opts){sizeof(tn_buffer_opts), like->persistent});
    return (tn_module_set)(m, name, x);
}

/* One more parametrization behind those that are there. */
static bool append(tn_module *m, const char *name, tn_module *list, tn_module *f, bool unsafe) {
    size_t at = 0;
    tn_member part;
    for (size_t i = 0, n = (tn_module_members)(list); i < n; i++)
        if ((tn_module_member)(list, i, &part) && part.kind == TN_MEMBER_MODULE) at++;
    char index[24];
    snprintf(index, sizeof index, "%zu", at);
    tn_tensor *before = (tn_forward)(list, NULL, 0), *after = before ? (tn_forward)(f, &before, 1) : NULL;
    if (!after || (!unsafe && !check_kept(name, before, after)) || !(tn_module_register_module)(list, index, f)) return false;
    if ((tn_module_set)(m, name, after)) return true;
    tn_saved_error error;
    tn_error_take(&error);
    (void)(tn_module_delete)(list, index);
    tn_error_put(&error);
    return false;
}

static tn_module *make_list(tn_module *f, tn_tensor *const *originals, size_t n, const tn_member *like) {
    tni_parametrization_list *list = tn_new(tni_parametrization_list);
    bool right = list != NULL;
    for (size_t i = 0; right && i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, n == 1 ? "original" : "original%zu", i);
        right = put(&list->module, name, originals[i], like);
    }
    return right && tn_module_register_module(list, "0", f) ? &list->module : NULL;
}

/* The child "parametrizations" with its hook, made at the first registration. */
static tni_parametrizations *need_table(tn_module *m, bool *made) {
    static uint64_t marks;
    const tn_hook_opts first = {.size = sizeof first, .prepend = true};
    tni_parametrizations *table = table_of(m);
    *made = false;
    if (table || tn_error() != TN_OK || !(table = tn_new(tni_parametrizations))) return table;
    table->mark = __atomic_add_fetch(&marks, 1, __ATOMIC_RELAXED);
    if (!(tn_register_forward_pre_hook)(m, before_forward, (void *)(uintptr_t)table->mark, NULL, &first)) return NULL;
    *made = (tn_module_register_module)(m, "parametrizations", table);
    return *made ? table : NULL;
}

bool tni_parametrize(tn_module *m, const char *name, tn_module *f, tn_tensor *const *originals, size_t n, bool unsafe) {
    TN_SCOPE;
    tn_member old;
    bool made;
    if (!tni_parametrize_find(m, name, &old))
        return tn_error() == TN_OK &&
               tn_raise(TN_ERR_VALUE, "Module '%s' does not have a parameter, a buffer, or a parametrized element with name '%s'",
                        tn_module_class(m) ? tn_module_class(m)->printed : "", name ? name : "(null)");
    if (list_of(m, name))
        return tn_raise(TN_ERR_VALUE, "'%s' is parametrized already, and this parametrization takes several originals", name);
    tn_module *list = make_list(f, originals, n, &old);
    tn_tensor *x = list ? (tn_forward)(list, NULL, 0) : NULL;
    if (!x || (!unsafe && !check_kept(name, old.value, x))) return false;
    tni_parametrizations *table = need_table(m, &made);
    if (!table) return false;
    bool right = tn_module_register_module(table, name, list);
    if (right && (tn_module_delete)(m, name)) {
        if ((tn_module_set)(m, name, x)) return true;
        right = false;
    }
    tn_saved_error error;
    tn_error_take(&error);
    (void)put(m, name, old.value, &old);
    if (list_of(m, name)) (void)tn_module_delete(table, name);
    if (made) (void)(tn_module_delete)(m, "parametrizations");
    tn_error_put(&error);
    return right;
}

/** m.name becomes what the module f makes of it, computed anew before every forward of m and by tn_nn_utils_parametrize_compute; the
 *  tensor itself is from then on parametrizations.<name>.original. A second registration takes the result of the first. TN_ERR_VALUE
 *  when m has no such tensor, or dtype or shape would change and it is not unsafe. After a failure m is as before. [keep] f.
 *  torch.nn.utils.parametrize.register_parametrization. */
TN_API bool(tn_nn_utils_parametrize_register_parametrization)(tn_module *m, const char *name, tn_module *f,
                                                              const tn_nn_parametrize_opts *opts) {
    TN_SCOPE;
    tn_member old;
    if (tn_error() != TN_OK || !tn_module_class(m) || !tn_module_class(f)) return false;
    tn_module *list = list_of(m, name);
    if (list) return append(m, name, list, f, opts && opts->unsafe);
    tn_tensor *original = tni_parametrize_find(m, name, &old) ? old.value : NULL;
    return tni_parametrize(m, name, f, &original, 1, opts && opts->unsafe);
}

/** Has m a parametrization, of that name or, with NULL, of any? torch.nn.utils.parametrize.is_parametrized. [NULL ok] name */
TN_API bool(tn_nn_utils_parametrize_is_parametrized)(tn_module *m, const char *name) {
    TN_SCOPE;
    tni_parametrizations *table = table_of(m);
    return table && (name ? list_of(m, name) != NULL : tn_module_members(table) > 0);
}

/** Computes a parametrized member now and puts it into its place: what reading m.name does in PyTorch. TN_ERR_VALUE for a name that is not
 *  parametrized. [scope] */
TN_API tn_tensor *(tn_nn_utils_parametrize_compute)(tn_module *m, const char *name) {
    TN_SCOPE;
    tn_module *list = list_of(m, name);
    if (!list && tn_error() == TN_OK)
        tn_raise(TN_ERR_VALUE, "Module does not have a parametrization on %s", name ? name : "(null)");
    return list ? tn_escape(compute(m, name, list)) : NULL;
}

/* What stands under the name afterwards. */
static tn_tensor *left_over(tn_module *list, bool leave, tn_member *original) {
    TN_NO_GRAD;
    if (!(tn_module_member)(list, 0, original)) return NULL;
    bool several = strcmp(original->name, "original") != 0;
    if (several && !leave)
        return (void)tn_raise(TN_ERR_VALUE,
                              "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                              "terms of a sequence of tensors."),
               NULL;
    if (!leave) return original->value;
    tn_tensor *x = (tn_forward)(list, NULL, 0);
    x = x ? tn_clone(tn_detach(x)) : NULL;
    if (!x) return NULL;
    if (!several) return tn_set_data(original->value, x) ? original->value : NULL;
    return original->kind == TN_MEMBER_PARAMETER ? tn_parameter_at(x, tn_requires_grad(original->value), NULL) : x;
}

/** Takes all parametrizations of a name away. The original keeps its identity and has the computed value, or without leave_parametrized
 *  its own, which TN_ERR_VALUE refuses when there are several originals; then a new Parameter takes their place.
 *  torch.nn.utils.parametrize.remove_parametrizations. */
TN_API bool(tn_nn_utils_parametrize_remove_parametrizations)(tn_module *m, const char *name,
                                                             const tn_nn_remove_parametrizations_opts *opts) {
    TN_SCOPE;
    tn_member original;
    tn_module *list = tn_error() == TN_OK ? list_of(m, name) : NULL;
    if (!list)
        return tn_error() == TN_OK &&
               tn_raise(TN_ERR_VALUE, "Module does not have a parametrization on %s", name ? name : "(null)");
    tn_tensor *x = left_over(list, opts ? opts->leave_parametrized : true, &original);
    if (!x || !(tn_module_delete)(m, name) || !put(m, name, x, &original)) return false;
    tni_parametrizations *table = table_of(m);
    if (!tn_module_delete(table, name)) return false;
    return tn_module_members(table) > 0 || (tn_module_delete)(m, "parametrizations");
}
