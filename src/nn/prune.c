/* nn/prune.c - torch.nn.utils.prune: tensors that a mask stands over. */
#include "nn/prune.h"
#include "base/memory.h"
#include "nn/parametrize.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
/* torch.nn.utils.prune: a parameter "weight" becomes "weight_orig", a buffer "weight_mask" stands beside it, and "weight" is their
 * product, a plain tensor that is computed before each forward. A second pruning of a tensor chooses among what the first one left. After
 * a failure all is as before. */

/* The methods: torch's Identity, RandomUnstructured, ...; TN_PRUNE_CUSTOM is a program's own. */
typedef enum tn_nn_prune_method {
    TN_PRUNE_CUSTOM,
    TN_PRUNE_IDENTITY,
    TN_PRUNE_RANDOM_UNSTRUCTURED,
    TN_PRUNE_L1_UNSTRUCTURED,
    TN_PRUNE_RANDOM_STRUCTURED,
    TN_PRUNE_LN_STRUCTURED,
    TN_PRUNE_CUSTOM_FROM_MASK
} tn_nn_prune_method;
/* PRUNING_TYPE: what a method sees of a tensor that is pruned already: the entries that are left, the channels that are not all zero, all. */
typedef enum tn_nn_prune_type { TN_PRUNE_UNSTRUCTURED, TN_PRUNE_STRUCTURED, TN_PRUNE_GLOBAL } tn_nn_prune_type;

/* A method with its arguments, made by TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(0.3)). A program's own one:
 * TN_PRUNING(TN_PRUNE_CUSTOM, .type = TN_PRUNE_UNSTRUCTURED, .compute_mask = mine, .data = &numbers). */
typedef struct tn_nn_pruning {
    size_t size;
    tn_nn_prune_method method;
    tn_scalar amount; /* an int: so many; a float of 0 to 1: that part, rounded half to even */
    int64_t dim;      /* of structured methods: which dim's slices are the channels */
    double n;         /* of TN_PRUNE_LN_STRUCTURED: the norm, infinities included */
    tn_tensor *mask;  /* of TN_PRUNE_CUSTOM_FROM_MASK */
    /* of TN_PRUNE_CUSTOM */
    tn_nn_prune_type type;
    /* The new mask for t, of its shape: ones and zeros over default_mask, which it may change and return. NULL after tn_raise. */
    tn_tensor *(*compute_mask)(tn_tensor *t, tn_tensor *default_mask, void *data);
    void *data;
    const char *norm; /* of TN_PRUNE_LN_STRUCTURED: "nuc" or "fro", which torch's n may be; NULL: n */
} tn_nn_pruning;
typedef struct tn_nn_prune_opts {
    size_t size;
    tn_tensor *importance_scores; /* NULL: the tensor itself; else of its shape: what to rank instead */
} tn_nn_prune_opts;
typedef struct tn_nn_prune_ln_opts {
    size_t size;
    tn_tensor *importance_scores; /* as above */
    const char *norm;             /* NULL; "nuc" (channels are matrices) or "fro" instead of n */
} tn_nn_prune_ln_opts;
#ifndef __cplusplus
#define TN_PRUNING(...) (&(const tn_nn_pruning){.size = sizeof(tn_nn_pruning), __VA_ARGS__})
#define tn_nn_utils_prune_apply(m, name, ...)                                                                                      \
    TN_WITH(tn_nn_prune_opts, (.importance_scores = NULL),                                                                         \
            (tn_nn_utils_prune_apply)(TN_AS_MODULE(m), name, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_prune_identity(m, name) (tn_nn_utils_prune_identity)(TN_AS_MODULE(m), name)
#define tn_nn_utils_prune_random_unstructured(m, name, amount)                                                                     \
    (tn_nn_utils_prune_random_unstructured)(TN_AS_MODULE(m), name, TN_SCALAR(amount))
#define tn_nn_utils_prune_l1_unstructured(m, name, ...)                                                                            \
    TN_WITH(tn_nn_prune_opts, (.importance_scores = NULL),                                                                         \
            (tn_nn_utils_prune_l1_unstructured)(TN_AS_MODULE(m), name, TN_SCALAR((TN_FIRST(__VA_ARGS__, ))), &tn_o),               \
            TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_prune_random_structured(m, name, amount, dim)                                                                  \
    (tn_nn_utils_prune_random_structured)(TN_AS_MODULE(m), name, TN_SCALAR(amount), dim)
#define tn_nn_utils_prune_ln_structured(m, name, amount, n, ...)                                                                   \
    TN_WITH(tn_nn_prune_ln_opts, (.importance_scores = NULL),                                                                      \
            (tn_nn_utils_prune_ln_structured)(TN_AS_MODULE(m), name, TN_SCALAR(amount), n, TN_FIRST(__VA_ARGS__, ), &tn_o),        \
            TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_prune_custom_from_mask(m, name, mask) (tn_nn_utils_prune_custom_from_mask)(TN_AS_MODULE(m), name, mask)
#define tn_nn_utils_prune_remove(m, name) (tn_nn_utils_prune_remove)(TN_AS_MODULE(m), name)
#define tn_nn_utils_prune_is_pruned(m) (tn_nn_utils_prune_is_pruned)(TN_AS_MODULE(m))
#endif
#endif

/* ---- the hook: one for each pruned tensor, whose data is the name ---- */

static tn_tensor *product(tn_tensor *orig, tn_tensor *mask) { return tn_mul(tn_to(mask, tn_get_dtype(orig)), orig); }

static bool find_part(tn_module *m, const char *name, tn_tensor **out) {
    tn_member found;
    if (tni_parametrize_find(m, name, &found)) return *out = found.value, true;
    return tn_error() == TN_OK && tn_raise(TN_ERR_ATTRIBUTE, "'%s' object has no attribute '%s'", (tn_module_printed)(m), name);
}

static void write_names(const char *name, tni_pruned *p) {
    snprintf(p->orig_name, TNI_PRUNE_NAME, "%s_orig", name);
    snprintf(p->mask_name, TNI_PRUNE_NAME, "%s_mask", name);
}

static bool find_parts(tn_module *m, tni_pruned *p) {
    return find_part(m, p->orig_name, &p->orig) && find_part(m, p->mask_name, &p->mask);
}

static bool before_forward(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    tni_pruned p;
    (void)in, (void)n;
    write_names(data, &p);
    tn_tensor *value = find_parts(m, &p) ? product(p.orig, p.mask) : NULL;
    return value && (tn_module_set)(m, data, value);
}

/* Of that name; of any with NULL. */
static tn_hook *find_hook(tn_module *m, const char *name) {
    tn_forward_pre_hook *function;
    void *data;
    tn_hook *hook;
    for (size_t i = 0; (hook = (tn_forward_pre_hook_at)(m, i, &function, &data)) != NULL; i++)
        if (function == before_forward && (!name || strcmp(data, name) == 0)) return hook;
    return NULL;
}

static tn_hook *add_hook(tn_module *m, const char *name) {
    char *copy = tni_strdup(name);
    if (!copy) return NULL;
    tn_hook *hook = (tn_register_forward_pre_hook)(m, before_forward, copy, tni_free_text, NULL);
    if (!hook) tni_free_text(copy);
    return hook;
}

/* ---- a tensor and what stands beside it ---- */

static bool refuse_absent(tn_module *m, const char *name) {
    void *other = (tn_module_get)(m, name);
    if (tn_error() != TN_OK) return false;
    if (!other) return tn_raise(TN_ERR_TYPE, "ones_like(): argument 'input' (position 1) must be Tensor, not NoneType");
    return tn_raise(TN_ERR_TYPE, "cannot assign '%s' object to parameter '%s_orig' (torch.nn.Parameter or None required)",
                    (tn_module_printed)(other), name);
}

/* The first pruning moves a parameter of the module's own, and nothing else may have the new names. */
static bool check_first(tn_module *m, const char *name, const tni_pruned *p, tn_member_kind kind) {
    const char *taken[] = {p->orig_name, p->mask_name};
    tn_member found;
    for (int i = 0; i < 2; i++)
        if (tni_parametrize_find(m, taken[i], &found)) return tn_raise(TN_ERR_KEY, "attribute '%s' already exists", taken[i]);
    if (kind == TN_MEMBER_PARAMETER) return true;
    if (tn_is_parameter(p->value)) return tn_raise(TN_ERR_KEY, "%s", name); /* one that was registered as a buffer */
    (void)(tn_module_register_parameter)(m, p->orig_name, p->value);        /* refused, with the tensor's type */
    return false;
}

bool tni_prune_look(tn_module *m, const char *name, tni_pruned *p) {
    tn_member found;
    memset(p, 0, sizeof *p);
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (!name || strlen(name) + 6 > TNI_PRUNE_NAME)
        return tn_raise(TN_ERR_VALUE, "prune: a name of 1 to %d bytes is needed", TNI_PRUNE_NAME - 6);
    write_names(name, p);
    if (!tni_parametrize_find(m, name, &found)) return refuse_absent(m, name);
    p->value = p->orig = found.value;
    p->hook = find_hook(m, name);
    return p->hook ? find_parts(m, p) : check_first(m, name, p, found.kind);
}

void tni_prune_take_back(tn_module *m, const char *name, const tni_pruned *before) {
    tn_saved_error error;
    tn_error_take(&error);
    if (before->mask) {
        (void)((tn_module_register_buffer)(m, before->mask_name, before->mask, NULL) && (tn_module_set)(m, name, before->value));
    } else {
        tn_hook *hook = find_hook(m, name);
        (void)(tn_module_set)(m, name, before->orig);
        tni_parametrize_drop(m, before->mask_name);
        tni_parametrize_drop(m, before->orig_name);
        if (hook) tn_hook_remove(hook);
    }
    if (error.status != TN_OK) tn_error_put(&error);
}

/* As in torch the hook of a tensor that is pruned again goes to the end of the list. */
bool tni_prune_put(tn_module *m, const char *name, const tni_pruned *p, tn_tensor *mask) {
    tn_tensor *value = mask ? product(p->orig, mask) : NULL;
    tn_hook *hook = value ? add_hook(m, name) : NULL;
    if (!hook) return false;
    if ((p->mask || (tn_module_register_parameter)(m, p->orig_name, p->orig)) &&
        (tn_module_register_buffer)(m, p->mask_name, mask, NULL) && (tn_module_replace)(m, name, value)) {
        if (p->hook) tn_hook_remove(p->hook);
        return true;
    }
    tni_prune_take_back(m, name, p);
    tn_hook_remove(hook);
    return false;
}

/* ---- pruning one tensor ---- */

/** Prunes m.name by any method. TN_ERR_ATTRIBUTE: there is no such tensor; TN_ERR_TYPE: it is not a parameter, or the amount is no number;
 *  TN_ERR_VALUE: an amount below 0, above 1 for a float, or of more than there is, and one dim for channels; TN_ERR_INDEX: no such dim;
 *  TN_ERR_ASSERTION: scores or a mask of another shape. BasePruningMethod.apply of torch.nn.utils.prune. */
TN_API bool(tn_nn_utils_prune_apply)(tn_module *m, const char *name, const tn_nn_pruning *method, const tn_nn_prune_opts *opts) {
    TN_SCOPE;
    tni_pruned p;
    tn_tensor *scores = opts ? opts->importance_scores : NULL;
    if (!tni_prune_check(method) || !tni_prune_look(m, name, &p)) return false;
    if (scores && !tni_same_sizes(scores, p.value)) {
        const char *text = tn_to_string(m);
        return tn_error() == TN_OK &&
               tn_raise(TN_ERR_ASSERTION, "importance_scores should have the same shape as parameter %s of %s, got %s vs %s", name,
                        text, TNI_SIZE_TEXT(scores), TNI_SIZE_TEXT(p.value));
    }
    tn_tensor *mask;
    {
        TN_NO_GRAD;
        tn_tensor *from = tn_detach(scores ? scores : p.value), *before = p.mask ? tn_clone(p.mask) : tn_ones_like(from);
        mask = before ? tni_prune_mask(method, from, before, p.mask != NULL) : NULL;
    }
    return tni_prune_put(m, name, &p, mask);
}

/** Puts a mask of ones over m.name. Errors as tn_nn_utils_prune_apply. torch.nn.utils.prune.identity. */
TN_API bool(tn_nn_utils_prune_identity)(tn_module *m, const char *name) {
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_IDENTITY), NULL);
}

/** Prunes entries of m.name, or of what is left of it, chosen at random: `amount` of them, or a float of 0 to 1, that part. Errors as
 *  tn_nn_utils_prune_apply. torch.nn.utils.prune.random_unstructured. */
TN_API bool(tn_nn_utils_prune_random_unstructured)(tn_module *m, const char *name, tn_scalar amount) {
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_RANDOM_UNSTRUCTURED, amount), NULL);
}

/** The same, but for the entries whose absolute values, or .importance_scores, are the smallest.
 *  torch.nn.utils.prune.l1_unstructured. */
TN_API bool(tn_nn_utils_prune_l1_unstructured)(tn_module *m, const char *name, tn_scalar amount, const tn_nn_prune_opts *opts) {
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, amount), opts);
}

/** Prunes channels of m.name, or those that are not all pruned yet, chosen at random: `amount` of the slices along dim. Errors as
 *  tn_nn_utils_prune_apply. torch.nn.utils.prune.random_structured. */
TN_API bool(tn_nn_utils_prune_random_structured)(tn_module *m, const char *name, tn_scalar amount, int64_t dim) {
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_RANDOM_STRUCTURED, amount, dim), NULL);
}

/** The same, but for the channels whose n-norms, of the tensor or of .importance_scores, are the smallest. torch's n = 'nuc', the sum of
 *  singular values, is .norm = "nuc" whatever n is; the channels must be matrices. torch.nn.utils.prune.ln_structured. */
TN_API bool(tn_nn_utils_prune_ln_structured)(tn_module *m, const char *name, tn_scalar amount, double n, int64_t dim,
                                             const tn_nn_prune_ln_opts *opts) {
    const tn_nn_prune_opts scores = {.size = sizeof scores, .importance_scores = opts ? opts->importance_scores : NULL};
    const char *norm = opts ? opts->norm : NULL;
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_LN_STRUCTURED, amount, dim, n, .norm = norm), &scores);
}

/** Puts a mask of m.name's shape over it, or over what an earlier one left. Errors as tn_nn_utils_prune_apply.
 *  torch.nn.utils.prune.custom_from_mask. */
TN_API bool(tn_nn_utils_prune_custom_from_mask)(tn_module *m, const char *name, tn_tensor *mask) {
    return (tn_nn_utils_prune_apply)(m, name, TN_PRUNING(TN_PRUNE_CUSTOM_FROM_MASK, .mask = mask), NULL);
}

/** Makes a pruning permanent: m.name is the same parameter again, with zeros. TN_ERR_VALUE when it is not pruned.
 *  torch.nn.utils.prune.remove. */
TN_API bool(tn_nn_utils_prune_remove)(tn_module *m, const char *name) {
    TN_SCOPE;
    TN_NO_GRAD;
    tni_pruned p;
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (!name || !find_hook(m, name)) {
        const char *text = tn_to_string(m);
        return tn_error() == TN_OK &&
               tn_raise(TN_ERR_VALUE, "Parameter '%s' of module %s has to be pruned before pruning can be removed",
                        name ? name : "(null)", text);
    }
    if (!tni_prune_look(m, name, &p)) return false;
    tn_tensor *value = product(tn_detach(p.orig), p.mask), *before = tn_detach(p.orig);
    if (!value || !before || !tn_set_data(p.orig, value)) return false;
    if (!(tn_module_set)(m, name, p.orig)) {
        tn_saved_error error;
        tn_error_take(&error);
        (void)tn_set_data(p.orig, before);
        tn_error_put(&error);
        return false;
    }
    tn_hook_remove(p.hook);
    return (tn_module_delete)(m, p.orig_name) && (tn_module_delete)(m, p.mask_name);
}

/** Is a tensor of m or of a module below pruned? torch.nn.utils.prune.is_pruned. */
TN_API bool(tn_nn_utils_prune_is_pruned)(tn_module *m) {
    TN_SCOPE;
    for (tn_named_iter it = (tn_named_modules)(m, NULL); tn_named_next(&it);)
        if (find_hook(it.module, NULL)) return true;
    return false;
}
