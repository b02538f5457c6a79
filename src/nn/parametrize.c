/* nn/parametrize.c - torch.nn.utils.parametrize: members of a module that are computed from others. */
#include "nn/parametrize.h"
#include "nn/layer.h"
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

enum { MOST_ORIGINALS = 16, MOST_PARAMETRIZATIONS = 64 };

/* The child "parametrizations": a ParametrizationList for each computed member. */
typedef struct tni_parametrizations {
    tn_module module;
} tni_parametrizations;
typedef struct tni_parametrization_list {
    tn_module module;
    bool unsafe, several; /* several: original0, original1, ...; else original */
} tni_parametrization_list;

static tn_tensor *parametrizations_forward(tni_parametrizations *self, tn_tensor *x) {
    (void)self, (void)x;
    return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleDict] is missing the required \"forward\" function"), NULL;
}
TN_CLASS_WITH(tni_parametrizations, parametrizations_forward, (TN_NO_FIELDS), .printed = "ModuleDict");

/* The originals, or with `modules` the parametrizations, in order: how many. */
static size_t parts_of(tn_module *list, bool modules, void *out[], size_t room) {
    size_t n = 0;
    tn_member part;
    for (size_t i = 0, all = (tn_module_members)(list); i < all && n < room; i++)
        if ((tn_module_member)(list, i, &part) && part.value && (part.kind == TN_MEMBER_MODULE) == modules) out[n++] = part.value;
    return n;
}

/* From the originals, whichever are given, through all parametrizations. */
static bool list_forward(tni_parametrization_list *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    void *original[MOST_ORIGINALS];
    tn_tensor *from[MOST_ORIGINALS], *x = NULL;
    size_t count = parts_of(&self->module, false, original, MOST_ORIGINALS);
    tn_member part;
    (void)in, (void)n, (void)k;
    for (size_t i = 0; i < count; i++) from[i] = original[i];
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

/* False when nothing stands there; of a place that is empty *out says the kind. */
static bool find(tn_module *m, const char *name, tn_member *out) {
    for (size_t i = 0, n = (tn_module_members)(m); name && i < n; i++)
        if ((tn_module_member)(m, i, out) && out->index < 0 && strcmp(out->name, name) == 0) return out->value != NULL;
    *out = (tn_member){.index = -1};
    return false;
}

bool tni_parametrize_find(tn_module *m, const char *name, tn_member *out) {
    return find(m, name, out) && out->kind != TN_MEMBER_MODULE;
}

void tni_parametrize_drop(tn_module *m, const char *name) {
    tn_member found;
    if (tni_parametrize_find(m, name, &found)) (void)(tn_module_delete)(m, name);
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

/* ---- texts and comparisons ---- */

static bool same_dtype(tn_tensor *a, tn_tensor *b) { return tn_get_dtype(a) == tn_get_dtype(b); }
static const char *dtype_text(tn_tensor *x) { return tn_dtype_name(tn_get_dtype(x)); }

/* ---- reading and assigning ---- */

static tn_tensor *get_value(tn_module *m, const char *name) {
    tn_module *list = list_of(m, name);
    return list ? (tn_forward)(list, NULL, 0) : NULL;
}

/* What a right_inverse gives: a tensor, or a sequence. */
typedef struct inverse {
    tn_tensor *x[MOST_ORIGINALS];
    size_t n;
    bool sequence;
} inverse;

static const char *type_text(const inverse *v) { return v->sequence ? "tuple" : v->x[0] ? "Tensor" : "NoneType"; }
static bool is_tensor(const inverse *v) { return !v->sequence && v->x[0]; }

static bool call_inverse(tn_module *f, tn_tensor *x, inverse *out) {
    size_t n = (tn_right_inverse)(f, x, out->x, MOST_ORIGINALS);
    out->sequence = n > 1;
    out->n = n == TN_SEQUENCE_OF_ONE ? 1 : n;
    return n > 0;
}

/* All right_inverses, the last one's first: what they make of x. */
static bool invert_all(tn_module *list, tn_tensor *x, inverse *out) {
    void *f[MOST_PARAMETRIZATIONS];
    TN_NO_GRAD;
    *out = (inverse){.x = {x}, .n = 1};
    for (size_t n = parts_of(list, true, f, MOST_PARAMETRIZATIONS); n-- > 0;) {
        if (!(tn_has_right_inverse)(f[n]))
            return tn_raise(TN_ERR_RUNTIME, "parametrization %s does not implement right_inverse.", (tn_module_printed)(f[n]));
        if (!is_tensor(out)) return tn_raise(TN_ERR_VALUE, "`right_inverse` should return a tensor. Got %s", type_text(out));
        if (!call_inverse(f[n], out->x[0], out)) return false;
    }
    return true;
}

static bool check_inverse(tn_tensor *original, const inverse *v) {
    if (!is_tensor(v)) return tn_raise(TN_ERR_VALUE, "`right_inverse` should return a tensor. Got %s", type_text(v));
    return same_dtype(original, v->x[0]) ||
           tn_raise(TN_ERR_VALUE,
                    "The tensor returned by `right_inverse` has dtype torch.%s while `original` has "
                    "dtype torch.%s",
                    dtype_text(v->x[0]), dtype_text(original));
}

static bool check_inverses(void *const *original, size_t n, const inverse *v) {
    if (!v->sequence) return tn_raise(TN_ERR_VALUE, "'right_inverse' must return a sequence of tensors. Got %s.", type_text(v));
    if (v->n != n)
        return tn_raise(TN_ERR_VALUE,
                        "'right_inverse' must return a sequence of tensors of length %zu. Got a sequence of length %zu.", n, v->n);
    for (size_t i = 0; i < n; i++) {
        if (!v->x[i])
            return tn_raise(TN_ERR_VALUE,
                            "'right_inverse' must return a sequence of tensors or reference-type opaques. Got element %zu of type "
                            "NoneType.",
                            i);
        if (!same_dtype(original[i], v->x[i]))
            return tn_raise(TN_ERR_VALUE,
                            "Tensor %zu returned by `right_inverse` has dtype torch.%s while `original%zu` has dtype torch.%s", i,
                            dtype_text(v->x[i]), i, dtype_text(original[i]));
    }
    return true;
}

/* The originals get other memory, all or none: they stay the objects that an optimizer knows. */
static bool set_value(tn_module *m, const char *name, tn_tensor *value) {
    tn_module *list = list_of(m, name);
    void *original[MOST_ORIGINALS];
    inverse made;
    size_t n = list ? parts_of(list, false, original, MOST_ORIGINALS) : 0;
    if (!n || !invert_all(list, value, &made)) return false;
    bool several = ((tni_parametrization_list *)(void *)list)->several;
    if (!(several ? check_inverses(original, n, &made) : check_inverse(original[0], &made))) return false;
    TN_NO_GRAD;
    for (size_t i = 0; i < n; i++)
        if (!(made.x[i] = tn_get_data(made.x[i]))) return false;
    for (size_t i = 0; i < n; i++)
        if (!tn_swap_data(original[i], made.x[i])) return false;
    return true;
}
static const tn_computed parametrized = {sizeof parametrized, get_value, set_value};

/* Without a right_inverse, or with one that is not implemented, it is the identity. */
static bool invert(tn_module *f, tn_tensor *x, inverse *out) {
    TN_NO_GRAD;
    if ((tn_has_right_inverse)(f)) {
        bool right = call_inverse(f, x, out);
        if (right || tn_error() != TN_ERR_NOT_IMPLEMENTED) return right;
        tn_clear_error();
    }
    *out = (inverse){.x = {x}, .n = 1};
    return tn_error() == TN_OK;
}

/* ---- PyTorch's checks ---- */

/* Of a first parametrization. */
static bool check_first(tn_tensor *before, tn_tensor *after) {
    if (!same_dtype(before, after))
        return tn_raise(TN_ERR_VALUE,
                        "Registering a parametrization may not change the dtype of the tensor, unless `unsafe` flag is enabled.\n"
                        "unparametrized dtype: torch.%s\nparametrized dtype: torch.%s",
                        dtype_text(before), dtype_text(after));
    return tni_same_sizes(before, after) ||
           tn_raise(TN_ERR_VALUE,
                    "Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is enabled.\n"
                    "unparametrized shape: %s\nparametrized shape: %s",
                    TNI_SIZE_TEXT(before), TNI_SIZE_TEXT(after));
}

/* Of a further one, whose result is x, and what its right_inverse makes of that. */
static bool check_further(const char *name, tn_module *f, tn_tensor *y, tn_tensor *x) {
    if (!same_dtype(x, y))
        return tn_raise(
            TN_ERR_VALUE,
            "Registering a parametrization may not change the dtype of the tensor, unless the `unsafe` flag is enabled.\n"
            "module.%s.dtype: torch.%s\nparametrization(module.%s).dtype: torch.%s",
            name, dtype_text(y), name, dtype_text(x));
    if (!tni_same_sizes(x, y))
        return tn_raise(
            TN_ERR_VALUE,
            "Registering a parametrization may not change the shape of the tensor, unless the `unsafe` flag is enabled.\n"
            "module.%s.shape: %s\nparametrization(module.%s).shape: %s",
            name, TNI_SIZE_TEXT(y), name, TNI_SIZE_TEXT(x));
    inverse v;
    if (!invert(f, x, &v)) return false;
    if (!is_tensor(&v)) return tn_raise(TN_ERR_VALUE, "parametrization.right_inverse must return a tensor. Got: %s", type_text(&v));
    tn_tensor *z = v.x[0];
    if (!same_dtype(z, y))
        return tn_raise(TN_ERR_VALUE,
                        "The tensor returned by parametrization.right_inverse must have the same dtype as module.%s, unless the "
                        "`unsafe` flag is enabled.\nmodule.%s.dtype: torch.%s\nreturned dtype: torch.%s",
                        name, name, dtype_text(y), dtype_text(z));
    return tni_same_sizes(z, y) ||
           tn_raise(TN_ERR_VALUE,
                    "The tensor returned by parametrization.right_inverse must have the same shape as module.%s, unless the "
                    "`unsafe` flag is enabled.\nmodule.%s.shape: %s\nreturned shape: %s",
                    name, name, TNI_SIZE_TEXT(y), TNI_SIZE_TEXT(z));
}

/* ---- registering ---- */

static bool register_tensor(tn_module *m, const char *name, tn_tensor *x) {
    return tn_is_parameter(x) ? (tn_module_register_parameter)(m, name, x) : (tn_module_register_buffer)(m, name, x, NULL);
}

/* One more parametrization behind those that are there. */
static bool append(tn_module *m, const char *name, tn_module *list, tn_module *f, bool unsafe) {
    void *others[MOST_PARAMETRIZATIONS];
    char index[24];
    size_t n = parts_of(list, true, others, MOST_PARAMETRIZATIONS);
    if (n == MOST_PARAMETRIZATIONS)
        return tn_raise(TN_ERR_VALUE, "%s has %d parametrizations, which is the most", name, (int)MOST_PARAMETRIZATIONS);
    snprintf(index, sizeof index, "%zu", n);
    tn_tensor *before = (tn_module_get)(m, name), *after = before ? (tn_forward)(f, &before, 1) : NULL;
    if (!after || (!unsafe && !check_further(name, f, before, after)) || !(tn_module_register_module)(list, index, f)) return false;
    ((tni_parametrization_list *)(void *)list)->unsafe |= unsafe;
    return (tn_module_set_computed)(m, name, &parametrized, after);
}

/* original.set_(made): the object stays, for the optimizer. *spare has then what was there. */
static bool set_original(tn_module *list, tn_tensor *original, tn_tensor *made, tn_tensor **spare) {
    if (!same_dtype(original, made))
        return tn_raise(TN_ERR_VALUE,
                        "When `right_inverse` outputs one tensor, it may not change the dtype.\noriginal.dtype: torch.%s\n"
                        "right_inverse(original).dtype: torch.%s",
                        dtype_text(original), dtype_text(made));
    TN_NO_GRAD;
    *spare = tn_get_data(made);
    if (*spare && register_tensor(list, "original", original) && tn_swap_data(original, *spare)) return true;
    *spare = NULL;
    return false;
}

static bool add_originals(tn_module *list, tn_tensor *original, tn_tensor *const *made, size_t n) {
    bool grad = tn_requires_grad(original), right = true;
    for (size_t i = 0; right && i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "original%zu", i);
        tn_tensor *x = made[i];
        if (!x)
            return tn_raise(
                TN_ERR_VALUE,
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element %zu of the "
                "sequence with type NoneType.",
                i);
        if (tn_is_parameter(original)) x = tn_parameter_at(x, grad, NULL);
        if (x && tn_requires_grad(x) != grad) x = (tn_requires_grad_)(x, grad);
        right = x && register_tensor(list, name, x);
    }
    return right;
}

static tn_module *make_list(tn_module *f, tn_tensor *original, bool unsafe, tn_tensor **spare) {
    inverse made;
    tni_parametrization_list *list = invert(f, original, &made) ? tn_new(tni_parametrization_list) : NULL;
    if (!list) return NULL;
    list->unsafe = unsafe;
    list->several = made.sequence;
    if (!made.sequence && !made.x[0])
        return (void)tn_raise(TN_ERR_VALUE, "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                                            "NoneType"),
               NULL;
    if (!tn_module_register_module(list, "0", f)) return NULL;
    bool right = made.sequence ? add_originals(&list->module, original, made.x, made.n)
                               : set_original(&list->module, original, made.x[0], spare);
    return right ? &list->module : NULL;
}

/* The child "parametrizations", and the class's other name, come with the first one. */
static tni_parametrizations *need_table(tn_module *m, bool *made) {
    char printed[200];
    tni_parametrizations *table = table_of(m);
    if (table || !(table = tn_new(tni_parametrizations))) return table;
    snprintf(printed, sizeof printed, "Parametrized%s", (tn_module_printed)(m));
    *made = (tn_module_register_module)(m, "parametrizations", table);
    return *made && (tn_module_set_printed)(m, printed) ? table : NULL;
}

static void drop_table(tn_module *m) {
    (void)(tn_module_delete)(m, "parametrizations");
    (void)(tn_module_set_printed)(m, NULL);
}

static bool begin(tn_module *m, const char *name, tn_module *f, tn_tensor *original, bool unsafe) {
    bool made = false;
    tn_tensor *spare = NULL;
    tn_module *list = make_list(f, original, unsafe, &spare);
    tn_tensor *x = list ? (tn_forward)(list, NULL, 0) : NULL;
    bool right = x && (unsafe || check_first(spare ? spare : original, x));
    tni_parametrizations *table = right ? need_table(m, &made) : NULL;
    if (table && tn_module_register_module(table, name, list) && (tn_module_set_computed)(m, name, &parametrized, x)) return true;
    tn_saved_error error;
    tn_error_take(&error);
    if (table && list_of(m, name)) (void)tn_module_delete(table, name);
    if (made) drop_table(m);
    TN_NO_GRAD;
    if (spare) (void)tn_swap_data(spare, original);
    tn_error_put(&error);
    return false;
}

static bool refuse_name(tn_module *m, const char *name, const tn_member *found) {
    if (tn_error() != TN_OK) return false;
    if (found->kind == TN_MEMBER_PARAMETER || found->kind == TN_MEMBER_BUFFER)
        return tn_raise(TN_ERR_ATTRIBUTE, "'NoneType' object has no attribute 'shape'");
    return tn_raise(TN_ERR_VALUE, "Module '%s' does not have a parameter, a buffer, or a parametrized element with name '%s'",
                    tn_to_string(m), name ? name : "(null)");
}

/** m.name becomes what the module f makes of it: a computed member (tn_module_set_computed), which tn_module_get computes at each read
 *  and tn_forward of m before it runs. The tensor itself is from then on parametrizations.<name>.original, with the value that f's
 *  right_inverse gives, or its own without one; a sequence of them becomes new parameters original0, original1, ... tn_module_set
 *  (or an assignment to the field) puts a value through the right_inverses into the originals; TN_ERR_RUNTIME without one. A further
 *  registration takes the result of the one before. TN_ERR_VALUE when m has no such tensor, or when it is not unsafe and dtype or shape
 *  would change. After a failure m is as before. Reads inside of TN_CACHED give one object. [keep] f.
 *  torch.nn.utils.parametrize.register_parametrization. */
TN_API bool(tn_nn_utils_parametrize_register_parametrization)(tn_module *m, const char *name, tn_module *f,
                                                              const tn_nn_parametrize_opts *opts) {
    TN_SCOPE;
    tn_member old;
    if (tn_error() != TN_OK || !tn_module_class(m) || !tn_module_class(f) || !(tn_train)(f, (tn_is_training)(m))) return false;
    tn_module *list = list_of(m, name);
    bool unsafe = opts && opts->unsafe;
    if (list) return append(m, name, list, f, unsafe);
    if (tni_parametrize_find(m, name, &old) && old.kind != TN_MEMBER_PLAIN) return begin(m, name, f, old.value, unsafe);
    return refuse_name(m, name, &old);
}

/** Has m a parametrization, of that name or, with NULL, of any? torch.nn.utils.parametrize.is_parametrized. [NULL ok] name */
TN_API bool(tn_nn_utils_parametrize_is_parametrized)(tn_module *m, const char *name) {
    TN_SCOPE;
    tni_parametrizations *table = table_of(m);
    return table && (name ? list_of(m, name) != NULL : tn_module_members(table) > 0);
}

static tn_module *need_list(tn_module *m, const char *name) {
    tn_module *list = tn_error() == TN_OK && tn_module_class(m) ? list_of(m, name) : NULL;
    if (!list && tn_error() == TN_OK)
        tn_raise(TN_ERR_VALUE, "Module %s does not have a parametrization on %s", tn_to_string(m), name ? name : "(null)");
    return list;
}

/** tn_module_get of a member that must be parametrized: TN_ERR_VALUE when it is not. [scope] */
TN_API tn_tensor *(tn_nn_utils_parametrize_compute)(tn_module *m, const char *name) {
    return need_list(m, name) ? (tn_module_get)(m, name) : NULL;
}

/* What stands under the name afterwards: the original with the computed value or its own, or when there were several a new parameter. */
static tn_tensor *left_over(tn_module *m, const char *name, tn_module *list, bool leave, tn_tensor **spare) {
    void *original[MOST_ORIGINALS];
    if (!parts_of(list, false, original, MOST_ORIGINALS)) return NULL;
    if (((tni_parametrization_list *)(void *)list)->several) {
        if (!leave)
            return (void)tn_raise(TN_ERR_VALUE,
                                  "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
                                  "of a sequence of tensors."),
                   NULL;
        tn_tensor *x = (tn_module_get)(m, name);
        return x && tn_requires_grad(x) ? tn_parameter_at(x, true, NULL) : x;
    }
    if (!leave) return original[0];
    TN_NO_GRAD;
    tn_tensor *x = (tn_module_get)(m, name);
    *spare = x ? tn_get_data(x) : NULL;
    if (*spare && tn_swap_data(original[0], *spare)) return original[0];
    *spare = NULL;
    return NULL;
}

/** Takes all parametrizations of a name away. The original keeps its identity and has the computed value, or without leave_parametrized
 *  its own. When there are several originals their place takes a new Parameter, or a buffer when the value needs no gradient; TN_ERR_VALUE
 *  without leave_parametrized. torch.nn.utils.parametrize.remove_parametrizations. */
TN_API bool(tn_nn_utils_parametrize_remove_parametrizations)(tn_module *m, const char *name,
                                                             const tn_nn_remove_parametrizations_opts *opts) {
    TN_SCOPE;
    tn_tensor *spare = NULL;
    tn_module *list = need_list(m, name);
    tn_tensor *x = list ? left_over(m, name, list, opts ? opts->leave_parametrized : true, &spare) : NULL;
    if (x && (tn_module_set_computed)(m, name, NULL, x)) {
        tni_parametrizations *table = table_of(m);
        (void)tn_module_delete(table, name);
        if (tn_module_members(table) == 0) drop_table(m);
        return tn_error() == TN_OK;
    }
    tn_saved_error error;
    tn_error_take(&error);
    TN_NO_GRAD;
    if (spare) (void)tn_swap_data(spare, x);
    tn_error_put(&error);
    return false;
}
