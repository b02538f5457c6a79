/* nn/module_dict.c - torch.nn.ModuleDict: modules under names of the program's own, in the order in which they came. */
#include "nn/items.h"
#include <string.h>

#ifdef TN_HEADER
/** torch.nn.ModuleDict. Names follow the rules of tn_module_register_module; those of its own methods in Python are taken, too. */
typedef struct tn_nn_module_dict {
    tn_module module;
} tn_nn_module_dict;
#ifndef __cplusplus
/* tn_nn_module_dict({"conv", conv}, {"pool", pool}) */
#define tn_nn_module_dict(...) tn_nn_module_dict_new(TN_ITEMS(__VA_ARGS__))
#endif
#endif

static tn_tensor *module_dict_forward(tn_nn_module_dict *self, tn_tensor *x) {
    (void)self, (void)x;
    return (void)tn_raise(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleDict] is missing the required \"forward\" function"), NULL;
}
TN_CLASS_WITH(tn_nn_module_dict, module_dict_forward, (TN_NO_FIELDS), .printed = "ModuleDict");

static bool is_method(const char *name) {
    static const char *const methods[] = {"clear", "items", "keys", "pop", "update", "values"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (name && strcmp(name, methods[i]) == 0) return true;
    return false;
}

/** A ModuleDict of n named modules. [keep] modules; [scope] */
TN_API tn_nn_module_dict *tn_nn_module_dict_new(const tn_nn_item *items, size_t n) {
    tn_nn_module_dict *self = tn_new(tn_nn_module_dict);
    return self && (n == 0 || tn_nn_module_dict_update(self, items, n)) ? self : NULL;
}

/** self[name] = module; a name that is there keeps its place. [keep] [NULL ok] */
TN_API bool tn_nn_module_dict_set(tn_nn_module_dict *self, const char *name, void *module) {
    if (!self) return tn_raise(TN_ERR_TYPE, "ModuleDict: argument 'self' is NULL");
    if (is_method(name)) return tn_raise(TN_ERR_KEY, "attribute '%s' already exists", name);
    return tn_module_register_module(self, name, module);
}

/** Number of modules. */
TN_API int64_t tn_nn_module_dict_len(tn_nn_module_dict *self) { return self ? (int64_t)tni_items_count(&self->module, true) : 0; }

/** Name i, in the order in which they came; -len to len - 1, else NULL with TN_ERR_INDEX. [borrow] */
TN_API const char *tn_nn_module_dict_key(tn_nn_module_dict *self, int64_t i) {
    TN_SCOPE;
    void *value;
    return self ? tni_items_at(&self->module, true, i, &value) : NULL;
}

/** Is there such a name? */
TN_API bool tn_nn_module_dict_contains(tn_nn_module_dict *self, const char *name) {
    TN_SCOPE;
    void *value;
    for (int64_t i = 0, n = tn_nn_module_dict_len(self); name && i < n; i++) {
        const char *key = tni_items_at(&self->module, true, i, &value);
        if (key && strcmp(key, name) == 0) return true;
    }
    return false;
}

/** self[name]: NULL with TN_ERR_KEY when there is no such name, without an error when it holds none. [scope] */
TN_API tn_module *tn_nn_module_dict_get(tn_nn_module_dict *self, const char *name) {
    if (tn_nn_module_dict_contains(self, name)) return tn_module_get(self, name);
    return (void)tn_raise(TN_ERR_KEY, "'%s'", name ? name : "(null)"), NULL;
}

/** del self[name]. */
TN_API bool tn_nn_module_dict_delete(tn_nn_module_dict *self, const char *name) {
    if (!tn_nn_module_dict_contains(self, name)) return tn_raise(TN_ERR_KEY, "'%s'", name ? name : "(null)");
    return tn_module_delete(self, name);
}

/** Takes a module out and returns it. [scope] */
TN_API tn_module *tn_nn_module_dict_pop(tn_nn_module_dict *self, const char *name) {
    tn_module *child = tn_nn_module_dict_get(self, name);
    return tn_error() == TN_OK && tn_nn_module_dict_delete(self, name) ? child : NULL;
}

/** Takes all modules out. */
TN_API bool tn_nn_module_dict_clear(tn_nn_module_dict *self) {
    TN_SCOPE;
    tni_items l;
    if (tn_error() != TN_OK || !self) return false;
    bool right = tni_items_take(&l, &self->module, true, 0);
    l.n = 0;
    return tni_items_end(&l, &self->module, right);
}

/** Sets n named modules, all or none. [keep] */
TN_API bool tn_nn_module_dict_update(tn_nn_module_dict *self, const tn_nn_item *items, size_t n) {
    TN_SCOPE;
    if (tn_error() != TN_OK || !self) return false;
    tn_nn_module_dict *trial = tn_new(tn_nn_module_dict); /* passes the verdicts on names and values */
    for (size_t i = 0; trial && i < n; i++)
        if (!tn_nn_module_dict_set(trial, items[i].name, items[i].value)) return false;
    tni_items l;
    bool right = trial && tni_items_take(&l, &self->module, true, n);
    if (!right) l = (tni_items){0};
    for (size_t i = 0; right && i < n; i++) {
        tni_items_put(&l, items[i].name, items[i].value);
    }
    return tni_items_end(&l, &self->module, right);
}
