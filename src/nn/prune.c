/* nn/prune.c - torch.nn.utils.prune: tensors that a mask stands over. */
#include "nn/parametrize.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_nn_utils_prune_l1_unstructured(m, name, amount)                                                                         \
    (tn_nn_utils_prune_l1_unstructured)(TN_AS_MODULE(m), name, TN_SCALAR(amount))
#define tn_nn_utils_prune_random_unstructured(m, name, amount)                                                                     \
    (tn_nn_utils_prune_random_unstructured)(TN_AS_MODULE(m), name, TN_SCALAR(amount))
#define tn_nn_utils_prune_custom_from_mask(m, name, mask) (tn_nn_utils_prune_custom_from_mask)(TN_AS_MODULE(m), name, mask)
#define tn_nn_utils_prune_remove(m, name) (tn_nn_utils_prune_remove)(TN_AS_MODULE(m), name)
#define tn_nn_utils_prune_is_pruned(m) (tn_nn_utils_prune_is_pruned)(TN_AS_MODULE(m))
#endif
#endif

enum { NAME_ROOM = 200 };

/* The names beside a pruned one, and what stands there; mask is NULL for one that is not pruned yet. */
typedef struct pruned {
    char orig_name[NAME_ROOM], mask_name[NAME_ROOM];
    tn_tensor *orig, *mask;
} pruned;

static bool look(tn_module *m, const char *name, pruned *p) {
    tn_member found;
    memset(p, 0, sizeof *p);
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (!name || strlen(name) + 6 > NAME_ROOM)
        return tn_raise(TN_ERR_VALUE, "prune: a name of 1 to %d bytes is needed", NAME_ROOM - 6);
    snprintf(p->orig_name, NAME_ROOM, "%s_orig", name);
    snprintf(p->mask_name, NAME_ROOM, "%s_mask", name);
    if (tni_parametrize_find(m, p->mask_name, &found)) p->mask = found.value;
    if (p->mask && tni_parametrize_find(m, p->orig_name, &found)) p->orig = found.value;
    if (!p->orig) p->mask = NULL;
    if (!p->orig && tni_parametrize_find(m, name, &found)) p->orig = found.value;
    return p->orig || tn_raise(TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", tn_module_class(m)->printed, name);
}

/* The name of the i-th member when it is a pruned one's original: "weight" for "weight_orig". */
static bool pruned_name(tn_module *m, size_t i, char *name) {
    tn_member part;
    if (!(tn_module_member)(m, i, &part) || !part.value || part.index >= 0) return false;
    size_t length = strlen(part.name);
    if (length < 6 || length >= NAME_ROOM || strcmp(part.name + length - 5, "_orig") != 0) return false;
    snprintf(name, NAME_ROOM, "%.*s", (int)(length - 5), part.name);
    pruned p;
    return look(m, name, &p) && p.mask;
}

static bool before_forward(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    char name[NAME_ROOM];
    pruned p;
    (void)in, (void)n, (void)data;
    for (size_t i = 0, all = (tn_module_members)(m); i < all; i++)
        if (pruned_name(m, i, name) && (!look(m, name, &p) || !(tn_module_set)(m, name, tn_mul(p.orig, p.mask)))) return false;
    return tn_error() == TN_OK;
}

static bool has_pruned(tn_module *m) {
    char name[NAME_ROOM];
    for (size_t i = 0, all = (tn_module_members)(m); i < all; i++)
        if (pruned_name(m, i, name)) return true;
    return false;
}

/* Puts a first mask over a tensor; after a failure m is as before. */
static bool cover(tn_module *m, const char *name, const pruned *p, tn_tensor *mask) {
    tn_tensor *value = tn_mul(p->orig, mask);
    if (!value || (!has_pruned(m) && !(tn_register_forward_pre_hook)(m, before_forward, NULL, NULL, NULL))) return false;
    if ((tn_module_register_parameter)(m, p->orig_name, p->orig) && (tn_module_register_buffer)(m, p->mask_name, mask, NULL) &&
        (tn_module_delete)(m, name) && (tn_module_set)(m, name, value))
        return true;
    tn_saved_error error;
    tn_member found;
    tn_error_take(&error);
    (void)(tn_module_set)(m, name, p->orig);
    if (tni_parametrize_find(m, p->mask_name, &found)) (void)(tn_module_delete)(m, p->mask_name);
    if (tni_parametrize_find(m, p->orig_name, &found)) (void)(tn_module_delete)(m, p->orig_name);
    tn_error_put(&error);
    return false;
}

static bool apply(tn_module *m, const char *name, const pruned *p, tn_tensor *mask) {
    if (!mask) return false;
    if (!p->mask) return cover(m, name, p, mask);
    tn_tensor *value = tn_mul(p->orig, mask);
    return value && (tn_module_set)(m, p->mask_name, mask) && (tn_module_set)(m, name, value);
}

/* How many of n an amount means: a count, or a fraction, rounded half to even. */
static bool count_of(tn_scalar amount, int64_t n, int64_t *count) {
    bool whole = amount.kind == TN_SCALAR_INT;
    double x = whole ? (double)amount.value.i : amount.value.d;
    if (!(x >= 0) || (!whole && x > 1))
        return tn_raise(TN_ERR_VALUE, "amount=%g should either be a float in the range [0, 1] or a non-negative integer", x);
    if (whole && amount.value.i > n)
        return tn_raise(TN_ERR_VALUE, "amount=%lld should be smaller than the number of parameters to prune=%lld",
                        (long long)amount.value.i, (long long)n);
    *count = whole ? amount.value.i : (int64_t)nearbyint(x * (double)n);
    return true;
}

static tn_tensor *mask_of(const pruned *p) { return p->mask ? tn_clone(p->mask) : tn_ones_like(tn_detach(p->orig)); }

/* Zeroes the entries of the mask with the smallest scores among those that are left. */
static bool prune_entries(tn_module *m, const char *name, const pruned *p, tn_tensor *scores, tn_scalar amount) {
    TN_NO_GRAD;
    tn_tensor *mask = mask_of(p), *flat = mask ? tn_flatten(mask, 0, -1) : NULL, *least, *index;
    int64_t count = 0;
    if (!flat || !scores || !count_of(amount, (int64_t)tn_item(tn_sum(flat)), &count)) return false;
    tn_tensor *left = tn_masked_fill(tn_flatten(scores, 0, -1), tn_eq(flat, 0), INFINITY);
    if (count && (!left || !tn_topk(left, count, 0, false, &least, &index) || !tn_scatter_value_(flat, 0, index, 0))) return false;
    return apply(m, name, p, (tn_reshape)(flat, tn_sizes(p->orig), (size_t)tn_ndim(p->orig)));
}

/** Prunes the entries of m.name with the smallest absolute values: `amount` of them, an int, or a fraction of those that are left. The
 *  parameter becomes <name>_orig, <name>_mask a buffer, and m.name their product, computed before each forward. TN_ERR_VALUE for an
 *  amount out of range; then m is as before. torch.nn.utils.prune.l1_unstructured. */
TN_API bool(tn_nn_utils_prune_l1_unstructured)(tn_module *m, const char *name, tn_scalar amount) {
    TN_SCOPE;
    pruned p;
    return look(m, name, &p) && prune_entries(m, name, &p, tn_abs(tn_detach(p.orig)), amount);
}

/** The same, but for entries chosen at random. torch.nn.utils.prune.random_unstructured. */
TN_API bool(tn_nn_utils_prune_random_unstructured)(tn_module *m, const char *name, tn_scalar amount) {
    TN_SCOPE;
    pruned p;
    return look(m, name, &p) && prune_entries(m, name, &p, tn_neg(tn_rand_like(tn_detach(p.orig))), amount);
}

/** Puts a mask of m.name's shape over it, or over what an earlier one left. TN_ERR_VALUE for another shape.
 *  torch.nn.utils.prune.custom_from_mask. */
TN_API bool(tn_nn_utils_prune_custom_from_mask)(tn_module *m, const char *name, tn_tensor *mask) {
    TN_SCOPE;
    TN_NO_GRAD;
    pruned p;
    if (!look(m, name, &p)) return false;
    if (tn_ndim(mask) != tn_ndim(p.orig) || memcmp(tn_sizes(mask), tn_sizes(p.orig), (size_t)tn_ndim(mask) * sizeof(int64_t)) != 0)
        return tn_error() == TN_OK && tn_raise(TN_ERR_VALUE, "custom_from_mask: the mask must have the shape of '%s'", name);
    return apply(m, name, &p, tn_mul(mask_of(&p), tn_to(mask, tn_get_dtype(p.orig))));
}

/** Makes a pruning permanent: m.name is the parameter again, with zeros. TN_ERR_VALUE when it is not pruned.
 *  torch.nn.utils.prune.remove. */
TN_API bool(tn_nn_utils_prune_remove)(tn_module *m, const char *name) {
    TN_SCOPE;
    TN_NO_GRAD;
    pruned p;
    if (!look(m, name, &p)) return false;
    if (!p.mask)
        return tn_raise(TN_ERR_VALUE, "Parameter '%s' of module %s has to be pruned before pruning can be removed", name,
                        tn_module_class(m)->printed);
    tn_tensor *value = tn_mul(tn_detach(p.orig), p.mask);
    return value && tn_set_data(p.orig, value) && (tn_module_delete)(m, p.orig_name) && (tn_module_delete)(m, p.mask_name) &&
           (tn_module_delete)(m, name) && (tn_module_set)(m, name, p.orig);
}

/** Is a tensor of m or of a module below pruned? torch.nn.utils.prune.is_pruned. */
TN_API bool(tn_nn_utils_prune_is_pruned)(tn_module *m) {
    TN_SCOPE;
    for (tn_named_iter it = (tn_named_modules)(m, NULL); tn_named_next(&it);)
        if (has_pruned(it.module)) return true;
    return false;
}
