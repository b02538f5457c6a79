/* nn/container.c - torch.nn.Sequential and ModuleList: modules whose children are members "0", "1", ... */
#include "nn/items.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
/** torch.nn.Sequential: each child takes the result of the one before. torch.nn.ModuleList: children without a forward. A child may be
 *  NULL: Sequential then fails only when it is called. A failed call leaves a container as it was. */
typedef struct tn_nn_container {
    tn_module module;
} tn_nn_container;
typedef tn_nn_container tn_nn_sequential, tn_nn_module_list;
/** A named child, or a named parameter: {"conv", tn_nn_conv2d(...)}. */
typedef struct tn_nn_item {
    const char *name;
    void *value;
} tn_nn_item;
/** A part of a container: start, stop and step as in Python's slices. */
typedef struct tn_nn_slice_opts {
    size_t size;
    int64_t start, stop, step; /* TN_NONE, TN_NONE, 1 */
} tn_nn_slice_opts;
#ifndef __cplusplus
#define TN_MODULES(...) (void *const[]){NULL, __VA_ARGS__} + 1, sizeof((void *const[]){NULL, __VA_ARGS__}) / sizeof(void *) - 1
#define TN_ITEMS(...)                                                                                                              \
    (const tn_nn_item[]){{NULL, NULL}, __VA_ARGS__} + 1,                                                                           \
        sizeof((const tn_nn_item[]){{NULL, NULL}, __VA_ARGS__}) / sizeof(tn_nn_item) - 1
#define tn_nn_sequential(...) tn_nn_sequential_new(TN_MODULES(__VA_ARGS__))
#define tn_nn_module_list(...) tn_nn_module_list_new(TN_MODULES(__VA_ARGS__))
/* tn_nn_sequential_named({"conv", conv}, {"act", tn_nn_relu()}) */
#define tn_nn_sequential_named(...) (tn_nn_sequential_named)(TN_ITEMS(__VA_ARGS__))
#define TN_NN_SLICE(function, ...)                                                                                                 \
    TN_WITH(tn_nn_slice_opts, (.start = TN_NONE, .stop = TN_NONE, .step = 1), (function)(TN_FIRST(__VA_ARGS__), &tn_o),            \
            TN_REST(__VA_ARGS__))
#define tn_nn_container_slice(...) TN_NN_SLICE(tn_nn_container_slice, __VA_ARGS__, )
#define tn_nn_container_delete_slice(...) TN_NN_SLICE(tn_nn_container_delete_slice, __VA_ARGS__, )
#endif
#endif

static tn_tensor *sequential_forward(tn_nn_sequential *self, tn_tensor *x) {
    tn_member child;
    for (size_t i = 0, n = tn_module_members(self); i < n && x; i++) {
        if (!tn_module_member(self, i, &child)) return NULL;
        if (child.kind != TN_MEMBER_MODULE) continue;
        if (!child.value) return (void)tn_raise(TN_ERR_TYPE, "'NoneType' object is not callable"), NULL;
        x = (tn_forward)(child.value, &x, 1);
    }
    return x;
}
TN_CLASS_WITH(tn_nn_sequential, sequential_forward, (TN_NO_FIELDS), .printed = "Sequential");

static tn_tensor *module_list_forward(tn_nn_module_list *self, tn_tensor *x) {
    (void)self, (void)x;
    return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleList] is missing the required \"forward\" function"), NULL;
}
TN_CLASS_WITH(tn_nn_module_list, module_list_forward, (TN_NO_FIELDS), .printed = "ModuleList");

/* The name that a message gives to a value of the wrong kind is of the registration. */
static bool add(tn_nn_container *self, const char *name, void *module) { return tn_module_register_module(self, name, module); }

static tn_nn_container *fill(tn_nn_container *self, void *const *modules, size_t n) {
    for (size_t i = 0; self && i < n; i++)
        if (!tn_nn_container_append(self, modules[i])) return NULL;
    return self;
}

/** A Sequential of n modules. [keep] modules; [scope] */
TN_API tn_nn_sequential *tn_nn_sequential_new(void *const *modules, size_t n) { return fill(tn_new(tn_nn_sequential), modules, n); }

/** A ModuleList of n modules. [keep] modules; [scope] */
TN_API tn_nn_module_list *tn_nn_module_list_new(void *const *modules, size_t n) {
    return fill(tn_new(tn_nn_module_list), modules, n);
}

/** A Sequential whose children have names of their own: nn.Sequential(OrderedDict(...)). [keep] modules; [scope] */
TN_API tn_nn_sequential *(tn_nn_sequential_named)(const tn_nn_item *items, size_t n) {
    tn_nn_sequential *self = tn_new(tn_nn_sequential);
    for (size_t i = 0; self && i < n; i++)
        if (!add(self, items[i].name, items[i].value)) return NULL;
    return self;
}

/** Number of children. */
TN_API int64_t tn_nn_container_len(tn_nn_container *self) { return self ? (int64_t)tni_items_count(&self->module, true) : 0; }

/** Adds a module at the end, under the name len. [keep] [NULL ok] */
TN_API bool tn_nn_container_append(tn_nn_container *self, void *module) {
    char name[24];
    if (!self) return tn_raise(TN_ERR_TYPE, "append: argument 'self' is NULL");
    snprintf(name, sizeof name, "%lld", (long long)tn_nn_container_len(self));
    return add(self, name, module);
}

/** Child i, from -len to len - 1, else TN_ERR_INDEX; NULL without an error for a child that is NULL. [scope] */
TN_API tn_module *tn_nn_container_get(tn_nn_container *self, int64_t i) {
    void *value = NULL;
    if (!self) return (void)tn_raise(TN_ERR_TYPE, "get: argument 'self' is NULL"), NULL;
    (void)tni_items_at(&self->module, true, i, &value);
    return value;
}

/** Replaces child i, under its name. TN_ERR_TYPE for what is no module. [keep] [NULL ok] */
TN_API bool tn_nn_container_set(tn_nn_container *self, int64_t i, void *module) {
    TN_SCOPE;
    void *old;
    const char *name = self ? tni_items_at(&self->module, true, i, &old) : NULL;
    return name && tn_module_set(self, name, module);
}

static bool check_module(void *module) {
    tn_saved_error error;
    if (module && tn_module_class(module)) return true;
    if (tn_error() != TN_OK) tn_error_take(&error);
    return tn_raise(TN_ERR_ASSERTION, "module should be of type: <class 'torch.nn.modules.module.Module'>");
}

/** Puts a module before child i; i is -len to len. All names become numbers. TN_ERR_ASSERTION for what is no module. [keep] */
TN_API bool tn_nn_container_insert(tn_nn_container *self, int64_t i, void *module) {
    TN_SCOPE;
    if (tn_error() != TN_OK || !self || !tn_module_class(&self->module) || !check_module(module)) return false;
    int64_t n = tn_nn_container_len(self);
    if (i < -n || i > n) return tn_raise(TN_ERR_INDEX, "Index out of range: %lld", (long long)i);
    tni_items l;
    bool right = tni_items_take(&l, &self->module, true, 1);
    if (right) {
        tni_items_insert(&l, (size_t)(i < 0 ? i + n : i), NULL, module);
        tni_items_number(&l);
    }
    return tni_items_end(&l, &self->module, right);
}

/** Takes the children of a slice out; the names of those that stay become numbers. */
TN_API bool(tn_nn_container_delete_slice)(tn_nn_container *self, const tn_nn_slice_opts *opts) {
    TN_SCOPE;
    tn_nn_slice_opts o = opts ? *opts : (tn_nn_slice_opts){0, TN_NONE, TN_NONE, 1};
    if (tn_error() != TN_OK || !self) return false;
    if (o.step == 0) return tn_raise(TN_ERR_VALUE, "slice step cannot be zero");
    int64_t first;
    size_t count = tni_slice_range(tn_nn_container_len(self), o.start, o.stop, o.step, &first);
    tni_items l;
    bool right = tni_items_take(&l, &self->module, true, 0);
    for (size_t k = 0; right && k < count; k++) { /* from the last one to the first */
        size_t j = o.step > 0 ? count - 1 - k : k;
        tni_items_remove(&l, (size_t)(first + (int64_t)j * o.step));
    }
    if (right) tni_items_number(&l);
    return tni_items_end(&l, &self->module, right);
}

/** Takes child i out; the names of the others become numbers. */
TN_API bool tn_nn_container_delete(tn_nn_container *self, int64_t i) {
    TN_SCOPE;
    void *old;
    if (tn_error() != TN_OK || !self || !tni_items_at(&self->module, true, i, &old)) return false;
    int64_t at = i < 0 ? i + tn_nn_container_len(self) : i;
    return (tn_nn_container_delete_slice)(self, &(tn_nn_slice_opts){sizeof(tn_nn_slice_opts), at, at + 1, 1});
}

/** Takes child i out and returns it. [scope] */
TN_API tn_module *tn_nn_container_pop(tn_nn_container *self, int64_t i) {
    if (tn_error() != TN_OK) return NULL;
    tn_module *child = tn_nn_container_get(self, i);
    return tn_error() == TN_OK && tn_nn_container_delete(self, i) ? child : NULL;
}

static tn_nn_container *new_like(tn_nn_container *self) {
    const tn_class *class_ = self ? tn_module_class(&self->module) : NULL;
    if (class_ && class_->bytes != sizeof(tn_nn_container))
        return (void)tn_raise(TN_ERR_TYPE, "'%s' is neither a Sequential nor a ModuleList", class_->name), NULL;
    return class_ ? tn_module_new(class_) : NULL;
}

static bool is_list(tn_nn_container *self) { return tn_module_class(&self->module) == &tn_nn_module_list_class; }
static bool has_children(tn_nn_container *self) {
    return is_list(self) || tn_module_class(&self->module) == &tn_nn_sequential_class;
}

/* Children first, first + step, ... of `from`, added to `to`: under their names, or under numbers. */
static bool add_children(tn_nn_container *to, tn_nn_container *from, int64_t first, int64_t step, size_t count, bool names) {
    for (size_t k = 0; k < count; k++) {
        void *child;
        const char *name = tni_items_at(&from->module, true, first + (int64_t)k * step, &child);
        if (!name || !(names ? add(to, name, child) : tn_nn_container_append(to, child))) return false;
    }
    return true;
}

/** A new container that shares the children of a slice. A Sequential's keep their names, a ModuleList's are numbered anew. [scope] */
TN_API tn_nn_container *(tn_nn_container_slice)(tn_nn_container *self, const tn_nn_slice_opts *opts) {
    tn_nn_slice_opts o = opts ? *opts : (tn_nn_slice_opts){0, TN_NONE, TN_NONE, 1};
    tn_nn_container *part = tn_error() == TN_OK ? new_like(self) : NULL;
    if (!part) return NULL;
    if (o.step == 0) return (void)tn_raise(TN_ERR_VALUE, "slice step cannot be zero"), NULL;
    int64_t first;
    size_t count = tni_slice_range(tn_nn_container_len(self), o.start, o.stop, o.step, &first);
    return add_children(part, self, first, o.step, count, !is_list(self)) ? part : NULL;
}

/** Adds the children of another container at the end, as tn_nn_container_append does; it may be itself. All or none. TN_ERR_TYPE for
 *  what is neither a Sequential nor a ModuleList. */
TN_API bool tn_nn_container_extend(tn_nn_container *self, tn_nn_container *other) {
    TN_SCOPE;
    if (tn_error() != TN_OK || !self || !other || !tn_module_class(&self->module) || !tn_module_class(&other->module)) return false;
    if (!has_children(other))
        return is_list(self) ? tn_raise(TN_ERR_TYPE, "ModuleList.extend should be called with an iterable, but got %s",
                                        tn_module_printed(other))
                             : tn_raise(TN_ERR_TYPE, "'%s' object is not iterable", tn_module_printed(other));
    tni_items l = {0}, more = {0};
    bool right = tni_items_take(&more, &other->module, true, 0) && tni_items_take(&l, &self->module, true, more.n);
    for (size_t i = 0; right && i < more.n; i++) tni_items_put(&l, NULL, more.value[more.others + i]);
    right = tni_items_end(&l, &self->module, right);
    (void)tni_items_end(&more, NULL, false);
    return right;
}

/** a + b: a new container of a's class with the children of both, numbered. To a Sequential only another one is added: TN_ERR_VALUE.
 *  [scope] */
TN_API tn_nn_container *tn_nn_container_add(tn_nn_container *a, tn_nn_container *b) {
    tn_nn_container *both = tn_error() == TN_OK && b ? new_like(a) : NULL;
    if (!both || !tn_module_class(&b->module)) return NULL;
    if (is_list(a) && !has_children(b))
        return (void)tn_raise(TN_ERR_TYPE, "'%s' object is not iterable", tn_module_printed(b)), NULL;
    if (!is_list(a) && tn_module_class(&b->module) != &tn_nn_sequential_class)
        return (void)tn_raise(TN_ERR_VALUE,
                              "add operator supports only objects of Sequential class, but <class "
                              "'torch.nn.modules.container.%s'> is given.",
                              tn_module_printed(b)),
               NULL;
    bool right = add_children(both, a, 0, 1, (size_t)tn_nn_container_len(a), false) &&
                 add_children(both, b, 0, 1, (size_t)tn_nn_container_len(b), false);
    return right ? both : NULL;
}

/** a * k: the same children k times, numbered. TN_ERR_VALUE for k below 1. [scope] */
TN_API tn_nn_container *tn_nn_container_mul(tn_nn_container *a, int64_t k) {
    tn_nn_container *all = tn_error() == TN_OK ? new_like(a) : NULL;
    if (!all) return NULL;
    if (k < 1)
        return (void)tn_raise(TN_ERR_VALUE, "Non-positive multiplication factor %lld for <class 'torch.nn.modules.container.%s'>",
                              (long long)k, tn_module_class(&a->module)->printed),
               NULL;
    for (int64_t i = 0; i < k; i++)
        if (!add_children(all, a, 0, 1, (size_t)tn_nn_container_len(a), false)) return NULL;
    return all;
}
