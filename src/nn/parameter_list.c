/* nn/parameter_list.c - torch.nn.ParameterList and ParameterDict: parameters under numbers, or under names. */
#include "nn/items.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
/** torch.nn.ParameterList: tensors become parameters when they come in; NULL stays. A failed call changes nothing. */
typedef struct tn_nn_parameter_list {
    tn_module module;
} tn_nn_parameter_list;
/** torch.nn.ParameterDict: the same under names, in the order in which they came. */
typedef struct tn_nn_parameter_dict {
    tn_module module;
} tn_nn_parameter_dict;
#ifndef __cplusplus
#define TN_PARAMETERS(...)                                                                                                         \
    (tn_tensor *const[]){NULL, __VA_ARGS__} + 1, sizeof((tn_tensor *const[]){NULL, __VA_ARGS__}) / sizeof(tn_tensor *) - 1
#define tn_nn_parameter_list(...) tn_nn_parameter_list_new(TN_PARAMETERS(__VA_ARGS__))
#define tn_nn_parameter_dict(...) tn_nn_parameter_dict_new(TN_ITEMS(__VA_ARGS__))
#define tn_nn_parameter_list_slice(...) TN_NN_SLICE(tn_nn_parameter_list_slice, __VA_ARGS__, )
#endif
#endif

static tn_tensor *not_called(const char *what) { return (void)tn_raise(TN_ERR_RUNTIME, "%s should not be called.", what), NULL; }
static tn_tensor *list_forward(tn_nn_parameter_list *self, tn_tensor *x) {
    (void)self, (void)x;
    return not_called("ParameterList");
}
static tn_tensor *dict_forward(tn_nn_parameter_dict *self, tn_tensor *x) {
    (void)self, (void)x;
    return not_called("ParameterDict");
}

/* "FloatTensor" as the dict shows dtypes; the list shows "float32". */
static const char *legacy(tn_dtype dtype) {
    switch (dtype) {
    case TN_FLOAT32: return "FloatTensor";
    case TN_FLOAT64: return "DoubleTensor";
    case TN_FLOAT16: return "HalfTensor";
    case TN_BFLOAT16: return "BFloat16Tensor";
    case TN_COMPLEX64: return "ComplexFloatTensor";
    case TN_COMPLEX128: return "ComplexDoubleTensor";
    case TN_INT64: return "LongTensor";
    case TN_INT32: return "IntTensor";
    case TN_INT16: return "ShortTensor";
    case TN_INT8: return "CharTensor";
    case TN_UINT8: return "ByteTensor";
    default: return "BoolTensor";
    }
}

/* One line, as snprintf counts. */
static int line(char *out, size_t room, const char *name, tn_tensor *x, bool dict) {
    if (!x) return snprintf(out, room, "  (%s): Object of type: NoneType", name);
    int n = snprintf(out, room, "  (%s): %s containing: [torch.%s of size ", name, tn_is_parameter(x) ? "Parameter" : "Tensor",
                     dict ? legacy(tn_get_dtype(x)) : tn_dtype_name(tn_get_dtype(x)));
    for (int64_t d = 0, dims = tn_ndim(x); d < dims; d++) {
        size_t at = (size_t)n < room ? (size_t)n : room;
        n += snprintf(out + at, room - at, d ? "x%lld" : "%lld", (long long)tn_sizes(x)[d]);
    }
    size_t at = (size_t)n < room ? (size_t)n : room;
    return n + snprintf(out + at, room - at, "]");
}

static int repr(tn_module *m, char *out, size_t room) {
    TN_SCOPE;
    int n = 0;
    bool dict = strcmp(tn_module_class(m)->printed, "ParameterDict") == 0;
    for (int64_t i = 0, count = (int64_t)tni_items_count(m, false); i < count; i++) {
        void *value;
        const char *name = tni_items_at(m, false, i, &value);
        size_t at = (size_t)n < room ? (size_t)n : room;
        if (i) n += snprintf(out + at, room - at, "\n");
        at = (size_t)n < room ? (size_t)n : room;
        n += line(out + at, room - at, name, value, dict);
    }
    return n;
}

TN_CLASS_WITH(tn_nn_parameter_list, list_forward, (TN_NO_FIELDS), .printed = "ParameterList", .extra_repr = repr);
TN_CLASS_WITH(tn_nn_parameter_dict, dict_forward, (TN_NO_FIELDS), .printed = "ParameterDict", .extra_repr = repr);

/* Tensors become parameters that share their memory; what is integral cannot. */
static bool wrap(tn_tensor **x) {
    if (!*x || tn_is_parameter(*x)) return tn_error() == TN_OK;
    *x = tn_parameter_at(*x, true, NULL);
    return *x != NULL;
}

/* ---- the list ---- */

/** A ParameterList of n tensors. [keep] x; [scope] */
TN_API tn_nn_parameter_list *tn_nn_parameter_list_new(tn_tensor *const *x, size_t n) {
    tn_nn_parameter_list *self = tn_new(tn_nn_parameter_list);
    for (size_t i = 0; self && i < n; i++)
        if (!tn_nn_parameter_list_append(self, x[i])) return NULL;
    return self;
}

/** Number of elements, NULL ones counted. */
TN_API int64_t tn_nn_parameter_list_len(tn_nn_parameter_list *self) {
    return self ? (int64_t)tni_items_count(&self->module, false) : 0;
}

/** Adds a tensor at the end. [keep] [NULL ok] */
TN_API bool tn_nn_parameter_list_append(tn_nn_parameter_list *self, tn_tensor *x) {
    TN_SCOPE;
    char name[24];
    if (!self) return tn_raise(TN_ERR_TYPE, "append: argument 'self' is NULL");
    if (!wrap(&x)) return false;
    snprintf(name, sizeof name, "%lld", (long long)tn_nn_parameter_list_len(self));
    return tn_module_set(self, name, x);
}

/** Adds the tensors of a list at the end, all or none. [keep] */
TN_API bool tn_nn_parameter_list_extend(tn_nn_parameter_list *self, tn_tensors *list) {
    TN_SCOPE;
    if (tn_error() != TN_OK || !self) return false;
    size_t n = tn_tensors_count(list);
    tni_items l;
    bool right = tn_error() == TN_OK && tni_items_take(&l, &self->module, false, n);
    if (!right) l = (tni_items){0};
    for (size_t i = 0; right && i < n; i++) {
        tn_tensor *x = tn_tensors_get(list, i);
        right = wrap(&x);
        if (right) tni_items_insert(&l, l.n, NULL, x);
    }
    return tni_items_end(&l, &self->module, right);
}

/** Element i, -len to len - 1, else TN_ERR_INDEX. [scope] */
TN_API tn_tensor *tn_nn_parameter_list_get(tn_nn_parameter_list *self, int64_t i) {
    void *value = NULL;
    if (self) (void)tni_items_at(&self->module, false, i, &value);
    return value;
}

/** Replaces element i. [keep] [NULL ok] */
TN_API bool tn_nn_parameter_list_set(tn_nn_parameter_list *self, int64_t i, tn_tensor *x) {
    TN_SCOPE;
    void *old;
    const char *name = self && tn_error() == TN_OK ? tni_items_at(&self->module, false, i, &old) : NULL;
    return name && wrap(&x) && tn_module_set(self, name, x);
}

/** A new list that shares the parameters of a slice. [scope] */
TN_API tn_nn_parameter_list *(tn_nn_parameter_list_slice)(tn_nn_parameter_list *self, const tn_nn_slice_opts *opts) {
    tn_nn_slice_opts o = opts ? *opts : (tn_nn_slice_opts){0, TN_NONE, TN_NONE, 1};
    if (tn_error() != TN_OK || !self) return NULL;
    if (o.step == 0) return (void)tn_raise(TN_ERR_VALUE, "slice step cannot be zero"), NULL;
    tn_nn_parameter_list *part = tn_new(tn_nn_parameter_list);
    int64_t first;
    size_t count = tni_slice_range(tn_nn_parameter_list_len(self), o.start, o.stop, o.step, &first);
    for (size_t k = 0; part && k < count; k++)
        if (!tn_nn_parameter_list_append(part, tn_nn_parameter_list_get(self, first + (int64_t)k * o.step))) return NULL;
    return part;
}

/* ---- the dict ---- */

static bool is_method(const char *name) {
    static const char *const methods[] = {"clear", "copy",    "fromkeys",   "get",    "items", "keys",
                                          "pop",   "popitem", "setdefault", "update", "values"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (name && strcmp(name, methods[i]) == 0) return true;
    return false;
}

/** A ParameterDict of n named tensors, in their order. [keep]; [scope] */
TN_API tn_nn_parameter_dict *tn_nn_parameter_dict_new(const tn_nn_item *items, size_t n) {
    tn_nn_parameter_dict *self = tn_new(tn_nn_parameter_dict);
    for (size_t i = 0; self && i < n; i++)
        if (!tn_nn_parameter_dict_set(self, items[i].name, items[i].value)) return NULL;
    return self;
}

/** Number of names. */
TN_API int64_t tn_nn_parameter_dict_len(tn_nn_parameter_dict *self) {
    return self ? (int64_t)tni_items_count(&self->module, false) : 0;
}

/** Name i, in the order in which they came; -len to len - 1, else NULL with TN_ERR_INDEX. [borrow] */
TN_API const char *tn_nn_parameter_dict_key(tn_nn_parameter_dict *self, int64_t i) {
    TN_SCOPE;
    void *value;
    return self ? tni_items_at(&self->module, false, i, &value) : NULL;
}

/** Is there such a name? */
TN_API bool tn_nn_parameter_dict_contains(tn_nn_parameter_dict *self, const char *name) {
    for (int64_t i = 0, n = tn_nn_parameter_dict_len(self); name && i < n; i++) {
        const char *key = tn_nn_parameter_dict_key(self, i);
        if (key && strcmp(key, name) == 0) return true;
    }
    return false;
}

/** self[name] = x; a name that is there keeps its place. [keep] [NULL ok] */
TN_API bool tn_nn_parameter_dict_set(tn_nn_parameter_dict *self, const char *name, void *x) {
    TN_SCOPE;
    tn_tensor *p = x;
    if (!self || !name) return tn_raise(TN_ERR_TYPE, "ParameterDict: argument '%s' is NULL", self ? "name" : "self");
    if (is_method(name)) return tn_raise(TN_ERR_KEY, "attribute '%s' already exists", name);
    if (!wrap(&p)) return false;
    return tn_nn_parameter_dict_contains(self, name) ? tn_module_set(self, name, p) : tn_module_register_parameter(self, name, p);
}

/** self[name]: NULL with TN_ERR_ATTRIBUTE when there is no such name. [scope] */
TN_API tn_tensor *tn_nn_parameter_dict_get(tn_nn_parameter_dict *self, const char *name) {
    if (!tn_nn_parameter_dict_contains(self, name))
        return (void)tn_raise(TN_ERR_ATTRIBUTE, "'ParameterDict' object has no attribute '%s'", name ? name : "(null)"), NULL;
    return tn_module_get(self, name);
}

/** self.setdefault(name, x): what is there, else x, which is set. [keep]; [scope] */
TN_API tn_tensor *tn_nn_parameter_dict_setdefault(tn_nn_parameter_dict *self, const char *name, tn_tensor *x) {
    if (!tn_nn_parameter_dict_contains(self, name) && !tn_nn_parameter_dict_set(self, name, x)) return NULL;
    return tn_nn_parameter_dict_get(self, name);
}

/** del self[name]: TN_ERR_KEY when there is no such name. */
TN_API bool tn_nn_parameter_dict_delete(tn_nn_parameter_dict *self, const char *name) {
    if (!tn_nn_parameter_dict_contains(self, name)) return tn_raise(TN_ERR_KEY, "'%s'", name ? name : "(null)");
    return tn_module_delete(self, name);
}

/** Takes a parameter out and returns it: TN_ERR_ATTRIBUTE when there is no such name. [scope] */
TN_API tn_tensor *tn_nn_parameter_dict_pop(tn_nn_parameter_dict *self, const char *name) {
    tn_tensor *x = tn_nn_parameter_dict_get(self, name);
    return tn_error() == TN_OK && tn_nn_parameter_dict_delete(self, name) ? x : NULL;
}

/** Takes the last one out and returns it; TN_ERR_KEY when there is none. [scope] */
TN_API tn_tensor *tn_nn_parameter_dict_popitem(tn_nn_parameter_dict *self) {
    if (tn_error() != TN_OK) return NULL;
    if (tn_nn_parameter_dict_len(self) == 0) return (void)tn_raise(TN_ERR_KEY, "popitem(): dictionary is empty"), NULL;
    return tn_nn_parameter_dict_pop(self, tn_nn_parameter_dict_key(self, -1));
}

/** Takes all parameters out. */
TN_API bool tn_nn_parameter_dict_clear(tn_nn_parameter_dict *self) {
    TN_SCOPE;
    tni_items l;
    if (tn_error() != TN_OK || !self) return false;
    bool right = tni_items_take(&l, &self->module, false, 0);
    l.n = 0;
    return tni_items_end(&l, &self->module, right);
}

/** self.update(other), which is also self |= other: takes over all names of the other one. */
TN_API bool tn_nn_parameter_dict_update(tn_nn_parameter_dict *self, tn_nn_parameter_dict *other) {
    for (int64_t i = 0, n = tn_nn_parameter_dict_len(other); i < n; i++) {
        TN_SCOPE;
        const char *name = tn_nn_parameter_dict_key(other, i);
        if (!name || !tn_nn_parameter_dict_set(self, name, tn_nn_parameter_dict_get(other, name))) return false;
    }
    return tn_error() == TN_OK && self && other;
}

/** self.copy(): a new dict that shares the parameters. a | b is a copy of a, updated with b. [scope] */
TN_API tn_nn_parameter_dict *tn_nn_parameter_dict_copy(tn_nn_parameter_dict *self) {
    tn_nn_parameter_dict *copy = tn_error() == TN_OK ? tn_new(tn_nn_parameter_dict) : NULL;
    return copy && tn_nn_parameter_dict_update(copy, self) ? copy : NULL;
}

/** fromkeys(names, x): a new dict in which all names hold the same tensor. [keep]; [scope] */
TN_API tn_nn_parameter_dict *tn_nn_parameter_dict_fromkeys(const char *const *names, size_t n, tn_tensor *x) {
    tn_nn_parameter_dict *self = tn_error() == TN_OK ? tn_new(tn_nn_parameter_dict) : NULL;
    for (size_t i = 0; self && i < n; i++)
        if (!tn_nn_parameter_dict_set(self, names[i], x)) return NULL;
    return self;
}
