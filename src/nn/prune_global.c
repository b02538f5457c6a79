/* nn/prune_global.c - torch.nn.utils.prune.global_unstructured: the entries of several tensors ranked together. */
#include "base/memory.h"
#include "nn/prune.h"

#ifdef TN_HEADER
/* One of the tensors that are pruned together: {layer, "weight"}. */
typedef struct tn_nn_prune_parameter {
    void *module;
    const char *name;
} tn_nn_prune_parameter;
typedef struct tn_nn_prune_global_opts {
    size_t size;
    tn_tensor *const *importance_scores; /* as many as tensors, NULL: the tensor itself; NULL: so for all */
} tn_nn_prune_global_opts;
#ifndef __cplusplus
/* tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}),
 *                                       TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(0.2))) */
#define TN_PRUNE_PARAMETERS(...)                                                                                                   \
    ((const tn_nn_prune_parameter[]){{NULL, NULL}, __VA_ARGS__} + 1),                                                              \
        sizeof((const tn_nn_prune_parameter[]){{NULL, NULL}, __VA_ARGS__}) / sizeof(tn_nn_prune_parameter) - 1
#define tn_nn_utils_prune_global_unstructured(...) tn_nn_utils_prune_global_(__VA_ARGS__, )
#define tn_nn_utils_prune_global_(list, n, ...)                                                                                    \
    TN_WITH(tn_nn_prune_global_opts, (.importance_scores = NULL),                                                                  \
            (tn_nn_utils_prune_global_unstructured)(list, n, TN_FIRST(__VA_ARGS__), &tn_o), TN_REST(__VA_ARGS__))
#endif
#endif

/* The tensors as they were, and their scores and masks as vectors. */
typedef struct group {
    const tn_nn_prune_parameter *parameter;
    size_t n;
    tn_tensor *const *given; /* scores, or NULL */
    tni_pruned *before;
    tn_tensor **scores, **masks;
} group;

static bool collect(group *g) {
    for (size_t i = 0; i < g->n; i++) {
        const tn_nn_prune_parameter *one = &g->parameter[i];
        if (!tni_prune_look(one->module, one->name, &g->before[i])) return false;
        tn_tensor *value = tn_detach(g->before[i].value), *mask = g->before[i].mask;
        g->scores[i] = tn_flatten(g->given && g->given[i] ? tn_detach(g->given[i]) : value, 0, -1);
        g->masks[i] = tn_flatten(mask ? mask : tn_ones_like(value), 0, -1);
        if (!g->scores[i] || !g->masks[i]) return false;
    }
    return true;
}

static tn_tensor *mask_of_all(group *g, const tn_nn_pruning *method) {
    TN_NO_GRAD;
    tn_tensor *scores = collect(g) ? tn_cat(g->scores, g->n) : NULL, *mask = scores ? tn_cat(g->masks, g->n) : NULL;
    if (!mask || !tni_prune_check(method)) return NULL;
    if (tni_prune_type_of(method) != TN_PRUNE_UNSTRUCTURED)
        return (void)tn_raise(TN_ERR_TYPE,
                              "Only \"unstructured\" PRUNING_TYPE supported for the `pruning_method`. Found method %s of type %s",
                              tni_prune_method_name(method), tni_prune_type_name(tni_prune_type_of(method))),
               NULL;
    if (tn_numel(scores) != tn_numel(mask))
        return (void)tn_raise(
                   TN_ERR_INDEX,
                   "The shape of the mask [%lld] at index 0 does not match the shape of the indexed tensor [%lld] at index 0",
                   (long long)tn_numel(mask), (long long)tn_numel(scores)),
               NULL;
    return tni_prune_mask(method, scores, mask, true);
}

/* Each tensor's part of the mask, one after the other. A tensor that stands there twice is looked at anew. */
static bool put_all(group *g, tn_tensor *mask) {
    int64_t at = 0;
    for (size_t i = 0; i < g->n; i++) {
        const tn_nn_prune_parameter *one = &g->parameter[i];
        tni_pruned *p = &g->before[i];
        int64_t size = tn_numel(p->value);
        tn_tensor *part = (tn_reshape)(tn_narrow(mask, 0, at, size), tn_sizes(p->value), (size_t)tn_ndim(p->value));
        if (!part || !(tn_nn_utils_prune_custom_from_mask)(one->module, one->name, part)) {
            while (i-- > 0) tni_prune_take_back(g->parameter[i].module, g->parameter[i].name, &g->before[i]);
            return false;
        }
        at += size;
    }
    return true;
}

/** Prunes n tensors by a method that chooses among the entries of all of them together: TN_PRUNE_L1_UNSTRUCTURED,
 *  TN_PRUNE_RANDOM_UNSTRUCTURED, or one's own of type unstructured; TN_ERR_TYPE for others. Errors as tn_nn_utils_prune_apply; after one all
 *  are as before. torch.nn.utils.prune.global_unstructured. */
TN_API bool(tn_nn_utils_prune_global_unstructured)(const tn_nn_prune_parameter *parameters, size_t n, const tn_nn_pruning *method,
                                                   const tn_nn_prune_global_opts *opts) {
    TN_SCOPE;
    if (tn_error() != TN_OK) return false;
    if (n == 0) return tn_raise(TN_ERR_VALUE, "torch.cat(): expected a non-empty list of Tensors");
    if (!parameters) return tn_raise(TN_ERR_TYPE, "global_unstructured(): parameters is not an Iterable");
    group g = {parameters, n, opts ? opts->importance_scores : NULL, NULL, NULL, NULL};
    g.before = tni_alloc_zero((n + 1) * sizeof *g.before);
    g.scores = tni_alloc((n + 1) * sizeof *g.scores);
    g.masks = tni_alloc((n + 1) * sizeof *g.masks);
    tn_tensor *mask = g.before && g.scores && g.masks ? mask_of_all(&g, method) : NULL;
    bool right = mask && put_all(&g, mask);
    tni_free(g.before, (n + 1) * sizeof *g.before);
    tni_free(g.scores, (n + 1) * sizeof *g.scores);
    tni_free(g.masks, (n + 1) * sizeof *g.masks);
    return right;
}
