/* nn/container.c - torch.nn.Sequential and ModuleList: modules whose children are members "0", "1", ... */
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.Sequential: each child takes the result of the one before. torch.nn.ModuleList: children without a forward. */
typedef struct tn_nn_container {
    tn_module module;
    int64_t count;
} tn_nn_container;
typedef tn_nn_container tn_nn_sequential, tn_nn_module_list;
#ifndef __cplusplus
#define TN_MODULES(...) (void *const[]){NULL, __VA_ARGS__} + 1, sizeof((void *const[]){NULL, __VA_ARGS__}) / sizeof(void *) - 1
#define tn_nn_sequential(...) tn_nn_sequential_new(TN_MODULES(__VA_ARGS__))
#define tn_nn_module_list(...) tn_nn_module_list_new(TN_MODULES(__VA_ARGS__))
#endif
#endif

static tn_tensor *sequential_forward(tn_nn_sequential *self, tn_tensor *x) {
    for (int64_t i = 0; i < self->count && x; i++) {
        tn_module *child = tn_nn_container_get(self, i);
        x = child ? (tn_forward)(child, &x, 1) : NULL;
    }
    return x;
}
TN_CLASS_WITH(tn_nn_sequential, sequential_forward, (TN_NO_FIELDS), .printed = "Sequential");

static tn_tensor *module_list_forward(tn_nn_module_list *self, tn_tensor *x) {
    (void)self, (void)x;
    return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleList] is missing the required \"forward\" function"), NULL;
}
TN_CLASS_WITH(tn_nn_module_list, module_list_forward, (TN_NO_FIELDS), .printed = "ModuleList");

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

/** Adds a module at the end of a Sequential or ModuleList. [keep] */
TN_API bool tn_nn_container_append(tn_nn_container *self, void *module) {
    char name[24];
    if (!self) return tn_raise(TN_ERR_TYPE, "append: argument 'self' is NULL");
    if (!module) return tn_raise(TN_ERR_TYPE, "append: argument 'module' is NULL");
    if (!tn_module_class(module)) return false;
    snprintf(name, sizeof name, "%lld", (long long)self->count);
    if (!tn_module_set(self, name, module)) return false;
    self->count++;
    return true;
}

/** Number of children. */
TN_API int64_t tn_nn_container_len(tn_nn_container *self) { return self ? self->count : 0; }

/** Child i, from -len to len - 1, else TN_ERR_INDEX. [scope] */
TN_API tn_module *tn_nn_container_get(tn_nn_container *self, int64_t i) {
    char name[24];
    int64_t n = self ? self->count : 0;
    if (i < -n || i >= n) return (void)tn_raise(TN_ERR_INDEX, "index %lld is out of range", (long long)i), NULL;
    snprintf(name, sizeof name, "%lld", (long long)(i < 0 ? i + n : i));
    return tn_module_get(self, name);
}
