/* nn/stack_module_state.c - torch.func.stack_module_state: parameters and buffers of several modules as one set. */
#include "base/memory.h"
#include <tison/nn.h>

static bool check_models(void *const *models, size_t n) {
    if (n == 0) return tn_raise(TN_ERR_RUNTIME, "stack_module_state: Expected at least one model, got 0.");
    if (!models) return tn_raise(TN_ERR_TYPE, "stack_module_state: argument 'models' is NULL");
    for (size_t i = 0; i < n; i++)
        if (!tn_module_class(models[i])) return false;
    for (size_t i = 1; i < n; i++)
        if ((tn_is_training)(models[i]) != (tn_is_training)(models[0]))
            return tn_raise(TN_ERR_RUNTIME, "stack_module_state: Expected all models to have the same training/eval mode.");
    for (size_t i = 1; i < n; i++)
        if (tn_module_class(models[i]) != tn_module_class(models[0]))
            return tn_raise(TN_ERR_RUNTIME, "stack_module_state: Expected all models to be of the same class.");
    return true;
}

/* The tensor of that name in each model. */
static bool collect(void *const *models, size_t n, const char *name, bool buffers, tn_tensor **part) {
    for (size_t i = 0; i < n; i++) {
        part[i] = buffers ? (tn_get_buffer)(models[i], name) : (tn_get_parameter)(models[i], name);
        if (tn_error() == TN_ERR_ATTRIBUTE) tn_clear_error();
        if (!part[i]) return tn_error() == TN_OK && tn_raise(TN_ERR_KEY, "%s", name);
        if (tn_requires_grad(part[i]) != tn_requires_grad(part[0]))
            return tn_raise(TN_ERR_RUNTIME, "Expected %s from each model to have the same .requires_grad", name);
    }
    return true;
}

static bool stack_into(tn_state *state, void *const *models, size_t n, bool buffers, tn_tensor **part) {
    TN_SCOPE;
    TN_NO_GRAD;
    tn_named_iter it = buffers ? (tn_named_buffers)(models[0], NULL) : (tn_named_parameters)(models[0], NULL);
    while (tn_named_next(&it)) {
        tn_tensor *all = collect(models, n, it.name, buffers, part) ? tn_stack(part, n) : NULL;
        if (!all || (tn_requires_grad(part[0]) && !tn_requires_grad_(all, true)) || !tn_state_set(state, it.name, all))
            return false;
    }
    return tn_error() == TN_OK;
}

/** Parameters and buffers of n modules of one class, each name's tensors stacked along a new first dim: new leaves, which require grad as
 *  the tensors of that name do. Part i of each is a set for tn_functional_call. TN_ERR_RUNTIME: no modules, modules of several classes, some
 *  in training and some not, or a name that requires grad in some alone; TN_ERR_SHAPE: sizes differ. torch.func.stack_module_state.
 *  parameters, buffers  receive states [scope]; NULL: not wanted. NULL is stored on failure */
TN_API bool tn_stack_module_state(void *const *models, size_t n, tn_state **parameters, tn_state **buffers) {
    tn_state *made[2] = {NULL, NULL};
    if (parameters) *parameters = NULL;
    if (buffers) *buffers = NULL;
    {
        TN_SCOPE;
        if (tn_error() != TN_OK || !check_models(models, n)) return false;
        tn_tensor **part = tni_alloc(n * sizeof *part);
        bool right = part != NULL;
        for (int i = 0; i < 2 && right; i++) {
            made[i] = tn_state_new();
            right = made[i] && stack_into(made[i], models, n, i == 1, part);
        }
        if (part) tni_free(part, n * sizeof *part);
        if (!right) return false;
        if (parameters) tn_escape(made[0]);
        if (buffers) tn_escape(made[1]);
    }
    if (parameters) *parameters = made[0];
    if (buffers) *buffers = made[1];
    return tn_error() == TN_OK;
}
