/* nn/prune_methods.c - which entries and channels pruning takes: amounts, masks of each method. */
#include "nn/layer.h"
#include "nn/prune.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_nn_prune_prune_opts {
    size_t size;
    tn_tensor *default_mask;      /* NULL: ones */
    tn_tensor *importance_scores; /* NULL: t */
} tn_nn_prune_prune_opts;
#ifndef __cplusplus
#define tn_nn_utils_prune_prune(method, ...)                                                                                       \
    TN_WITH(tn_nn_prune_prune_opts, (.default_mask = NULL, .importance_scores = NULL),                                             \
            (tn_nn_utils_prune_prune)(method, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/* ---- amounts ---- */

static bool takes_amount(const tn_nn_pruning *method) {
    return method->method >= TN_PRUNE_RANDOM_UNSTRUCTURED && method->method <= TN_PRUNE_LN_STRUCTURED;
}

bool tni_prune_check(const tn_nn_pruning *method) {
    if (tn_error() != TN_OK) return false;
    if (!method) return tn_raise(TN_ERR_TYPE, "prune: argument 'method' is NULL");
    if ((unsigned)method->method > TN_PRUNE_CUSTOM_FROM_MASK || (unsigned)method->type > TN_PRUNE_GLOBAL)
        return tn_raise(TN_ERR_VALUE, "prune: no such method: %d of type %d", (int)method->method, (int)method->type);
    if (method->method == TN_PRUNE_CUSTOM && !method->compute_mask)
        return tn_raise(TN_ERR_TYPE, "prune: a method of one's own needs .compute_mask");
    if (method->method == TN_PRUNE_CUSTOM_FROM_MASK && !method->mask)
        return tn_raise(TN_ERR_TYPE, "custom_from_mask: argument 'mask' is NULL");
    if (!takes_amount(method)) return true;
    bool whole = method->amount.kind == TN_SCALAR_INT;
    if (!whole && method->amount.kind != TN_SCALAR_DOUBLE)
        return tn_raise(TN_ERR_TYPE, "Invalid type for amount: %s. Must be int or float.",
                        method->amount.kind == TN_SCALAR_NONE ? "None"
                        : method->amount.value.i              ? "True"
                                                              : "False");
    char text[40];
    if (whole)
        snprintf(text, sizeof text, "%lld", (long long)method->amount.value.i);
    else
        tni_layer_number(text, sizeof text, method->amount.value.d);
    if (whole ? method->amount.value.i >= 0 : !(method->amount.value.d < 0 || method->amount.value.d > 1)) return true;
    return tn_raise(TN_ERR_VALUE, "amount=%s should either be a float in the range [0, 1] or a non-negative integer", text);
}

/* Half to even, whatever rounding the program has set. */
static int64_t round_half_even(double x) {
    double whole = floor(x), rest = x - whole;
    bool up = rest > 0.5 || (rest == 0.5 && fmod(whole, 2) != 0);
    return (int64_t)whole + up;
}

/* How many of n the amount means. */
static bool count_of(const tn_nn_pruning *method, int64_t n, int64_t *count) {
    bool whole = method->amount.kind == TN_SCALAR_INT;
    if (!whole && isnan(method->amount.value.d)) return tn_raise(TN_ERR_VALUE, "cannot convert float NaN to integer");
    *count = whole ? method->amount.value.i : round_half_even(method->amount.value.d * (double)n);
    return *count <= n || tn_raise(TN_ERR_VALUE, "amount=%lld should be smaller than the number of parameters to prune=%lld",
                                   (long long)*count, (long long)n);
}

/* ---- masks; t and mask have one shape, and mask is the method's to change ---- */

static tn_tensor *identity_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    (void)method, (void)t;
    return mask;
}

/* Zeroes the mask where the rank is among the `count` largest or smallest. */
static tn_tensor *zero_ranked(tn_tensor *mask, tn_tensor *rank, int64_t count, bool largest) {
    tn_tensor *index, *flat = tn_flatten(mask, 0, -1);
    if (!flat || !rank || !tn_topk(tn_flatten(rank, 0, -1), count, 0, largest, NULL, &index)) return NULL;
    tn_tensor *zeroed = tn_index_fill(flat, 0, index, 0);
    return zeroed ? (tn_reshape)(zeroed, tn_sizes(mask), (size_t)tn_ndim(mask)) : NULL;
}

static tn_tensor *random_unstructured_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    int64_t count = 0;
    if (!count_of(method, tn_numel(t), &count)) return NULL;
    return count ? zero_ranked(mask, tn_rand_like(t), count, true) : mask;
}

static tn_tensor *l1_unstructured_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    int64_t count = 0;
    if (!count_of(method, tn_numel(t), &count)) return NULL;
    return count ? zero_ranked(mask, tn_abs(t), count, false) : mask;
}

static bool check_structured(tn_tensor *t, int64_t *dim) {
    int64_t ndim = tn_ndim(t);
    if (ndim <= 1)
        return tn_raise(
            TN_ERR_VALUE,
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape %s with %lld dims",
            TNI_SIZE_TEXT(t), (long long)ndim);
    if (*dim >= ndim) return tn_raise(TN_ERR_INDEX, "Invalid index %lld for tensor of size %s", (long long)*dim, TNI_SIZE_TEXT(t));
    if (*dim < -ndim) return tn_raise(TN_ERR_INDEX, "tuple index out of range");
    *dim += *dim < 0 ? ndim : 0;
    return true;
}

/* Ones in the channels of `keep`, and only where the mask has them. */
static tn_tensor *keep_channels(tn_tensor *t, tn_tensor *mask, int64_t dim, tn_tensor *keep) {
    keep = keep ? tn_to(keep, TN_DTYPE_NONE, .device = tn_device(t)) : NULL;
    return keep ? tn_mul(tn_index_fill(tn_zeros_like(t), dim, keep, 1), tn_to(mask, tn_get_dtype(t))) : NULL;
}

static tn_tensor *places_of(tn_tensor *condition) { return tn_flatten(tn_nonzero(condition), 0, -1); }

static tn_tensor *random_structured_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    int64_t dim = method->dim, count;
    tn_tensor *threshold;
    if (!check_structured(t, &dim) || !count_of(method, tn_size(t, dim), &count)) return NULL;
    if (!count) return mask;
    tn_tensor *rank = tn_rand(tn_size(t, dim), .device = "cpu"); /* which channels, is asked of it */
    if (!rank || !tn_kthvalue(rank, count, 0, false, &threshold, NULL)) return NULL;
    return keep_channels(t, mask, dim, places_of(tn_gt(rank, threshold)));
}

/* All dims but one. */
static tn_ints other_dims(int64_t *room, int64_t ndim, int64_t dim) {
    tn_ints out = {0, room};
    for (int64_t d = 0; d < ndim; d++)
        if (d != dim) room[out.n++] = d;
    return out;
}

enum { MOST_DIMS = 64 };

/* As torch.norm: by a word over one or two dims, else by a number. */
static tn_tensor *norms_of(const tn_nn_pruning *method, tn_tensor *t, tn_ints dims) {
    const char *norm = method->size > offsetof(tn_nn_pruning, norm) ? method->norm : NULL;
    if (norm && (strcmp(norm, "fro") != 0 || dims.n > 2)) return tn_linalg_matrix_norm(t, .ord = norm, .dims = dims);
    const tn_norm_opts opts = {.size = sizeof opts, .p = norm ? 2 : method->n, .dim = TN_NONE, .dims = dims};
    return (tn_linalg_vector_norm)(t, &opts);
}

static tn_tensor *ln_structured_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    int64_t dim = method->dim, count, dims[MOST_DIMS];
    tn_tensor *keep;
    if (!check_structured(t, &dim) || !count_of(method, tn_size(t, dim), &count)) return NULL;
    if (!count) return mask;
    tn_tensor *norm = norms_of(method, t, other_dims(dims, tn_ndim(t), dim));
    if (!norm || !tn_topk(norm, tn_size(t, dim) - count, 0, true, NULL, &keep)) return NULL;
    return keep_channels(t, mask, dim, keep);
}

static tn_tensor *given_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    (void)t;
    if (!tni_same_sizes(mask, method->mask))
        return (void)tn_raise(TN_ERR_ASSERTION, "default_mask shape %s must match self.mask shape %s", TNI_SIZE_TEXT(mask),
                              TNI_SIZE_TEXT(method->mask)),
               NULL;
    return tn_mul(mask, tn_to(tn_detach(method->mask), tn_get_dtype(mask)));
}

static tn_tensor *custom_mask(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    tn_tensor *made = method->compute_mask(t, mask, method->data);
    if (!made && tn_error() == TN_OK) tn_raise(TN_ERR_CALLBACK, "prune: compute_mask returned NULL without setting an error");
    return made ? tn_detach(made) : NULL;
}

static const struct {
    const char *name;
    tn_nn_prune_type type;
    tn_tensor *(*mask)(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask);
} methods[] = {
    [TN_PRUNE_CUSTOM] = {"BasePruningMethod", TN_PRUNE_UNSTRUCTURED, custom_mask},
    [TN_PRUNE_IDENTITY] = {"Identity", TN_PRUNE_UNSTRUCTURED, identity_mask},
    [TN_PRUNE_RANDOM_UNSTRUCTURED] = {"RandomUnstructured", TN_PRUNE_UNSTRUCTURED, random_unstructured_mask},
    [TN_PRUNE_L1_UNSTRUCTURED] = {"L1Unstructured", TN_PRUNE_UNSTRUCTURED, l1_unstructured_mask},
    [TN_PRUNE_RANDOM_STRUCTURED] = {"RandomStructured", TN_PRUNE_STRUCTURED, random_structured_mask},
    [TN_PRUNE_LN_STRUCTURED] = {"LnStructured", TN_PRUNE_STRUCTURED, ln_structured_mask},
    [TN_PRUNE_CUSTOM_FROM_MASK] = {"CustomFromMask", TN_PRUNE_GLOBAL, given_mask},
};

tn_nn_prune_type tni_prune_type_of(const tn_nn_pruning *method) {
    return method->method == TN_PRUNE_CUSTOM ? method->type : methods[method->method].type;
}
const char *tni_prune_method_name(const tn_nn_pruning *method) { return methods[method->method].name; }
const char *tni_prune_type_name(tn_nn_prune_type type) {
    static const char *const names[] = {"unstructured", "structured", "global"};
    return names[type];
}

/* ---- what is left ---- */

static tn_tensor *compute(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    return t && mask ? methods[method->method].mask(method, t, mask) : NULL;
}

/* A partial mask as large as what it was made for. */
static tn_tensor *fit(tn_tensor *partial, tn_tensor *like, tn_dtype dtype) {
    return partial ? (tn_expand)(tn_to(partial, dtype), tn_sizes(like), (size_t)tn_ndim(like)) : NULL;
}

static tn_tensor *among_entries(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    tn_tensor *left = tn_eq(mask, 1), *part = tn_masked_select(t, left);
    tn_tensor *partial = compute(method, part, tn_masked_select(mask, left));
    return tn_masked_scatter(tn_to(mask, tn_get_dtype(t)), left, fit(partial, part, tn_get_dtype(t)));
}

static tn_tensor *among_channels(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *mask) {
    int64_t ndim = tn_ndim(t), dim = method->dim, dims[MOST_DIMS];
    if (dim < -ndim)
        return (void)tn_raise(TN_ERR_INDEX, "Index is out of bounds for tensor with dimensions %lld", (long long)ndim), NULL;
    if (!check_structured(t, &dim)) return NULL;
    const tn_sum_opts opts = {.size = sizeof opts, .dim = TN_NONE, .dtype = TN_DTYPE_NONE, .dims = other_dims(dims, ndim, dim)};
    tn_tensor *left = places_of(tn_ne((tn_sum)(mask, &opts), 0)), *part = left ? tn_index_select(t, dim, left) : NULL;
    tn_tensor *partial = part ? compute(method, part, tn_index_select(mask, dim, left)) : NULL;
    return partial ? tn_index_copy(tn_to(mask, tn_get_dtype(t)), dim, left, fit(partial, part, tn_get_dtype(t))) : NULL;
}

tn_tensor *tni_prune_mask(const tn_nn_pruning *method, tn_tensor *scores, tn_tensor *mask, bool left) {
    if (!left) return compute(method, scores, mask);
    switch (tni_prune_type_of(method)) {
    case TN_PRUNE_UNSTRUCTURED: return among_entries(method, scores, mask);
    case TN_PRUNE_STRUCTURED: return among_channels(method, scores, mask);
    default: return fit(compute(method, scores, mask), scores, tn_get_dtype(scores));
    }
}

/** The mask that a method makes for t, which may be scores, over default_mask; NULL: ones. `left`: as for a tensor that default_mask prunes
 *  already, so among what that has left. Errors as tn_nn_utils_prune_apply. compute_mask of torch.nn.utils.prune's methods and, with
 *  `left`, of its PruningContainer. [scope] [NULL ok] default_mask */
TN_API tn_tensor *(tn_nn_utils_prune_compute_mask)(const tn_nn_pruning *method, tn_tensor *t, tn_tensor *default_mask, bool left) {
    TN_SCOPE;
    TN_NO_GRAD;
    if (!tni_prune_check(method) || !t) return NULL;
    if (default_mask && !tni_same_sizes(default_mask, t))
        return (void)tn_raise(TN_ERR_ASSERTION, "default_mask should have the same shape as tensor t, got %s vs %s",
                              TNI_SIZE_TEXT(default_mask), TNI_SIZE_TEXT(t)),
               NULL;
    tn_tensor *mask = default_mask ? tn_clone(tn_detach(default_mask)) : tn_ones_like(tn_detach(t));
    return tn_escape(mask ? tni_prune_mask(method, tn_detach(t), mask, left) : NULL);
}

/** t with zeros where the method's mask has them: pruning without a module. Errors as tn_nn_utils_prune_apply.
 *  BasePruningMethod.prune of torch.nn.utils.prune. [scope] */
TN_API tn_tensor *(tn_nn_utils_prune_prune)(const tn_nn_pruning *method, tn_tensor *t, const tn_nn_prune_prune_opts *opts) {
    TN_SCOPE;
    tn_tensor *scores = opts && opts->importance_scores ? opts->importance_scores : t, *mask = opts ? opts->default_mask : NULL;
    if (!tni_prune_check(method) || !t) return NULL;
    if (!tni_same_sizes(scores, t))
        return (void)tn_raise(TN_ERR_ASSERTION, "importance_scores should have the same shape as tensor t, got %s vs %s",
                              TNI_SIZE_TEXT(scores), TNI_SIZE_TEXT(t)),
               NULL;
    {
        TN_NO_GRAD;
        mask = tni_prune_mask(method, tn_detach(scores), mask ? tn_clone(tn_detach(mask)) : tn_ones_like(tn_detach(t)), false);
    }
    return tn_escape(mask ? tn_mul(t, mask) : NULL);
}
