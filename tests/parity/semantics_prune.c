/* Statements on pruning, lazy norms and stacked modules, live: texts, names and errors. semantics_prune.py makes the same observations. */
#include "observe.h"
#include <math.h>

static void errors(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(4, 3);
    tn_nn_batch_norm1d *norm = tn_nn_batch_norm1d(3);
    tn_nn_sequential *both = tn_nn_sequential(l, norm);
    tn_nn_utils_prune_l1_unstructured(l, "weight", 1.5), error(219);
    tn_nn_utils_prune_l1_unstructured(l, "weight", 1e-7 - 1), error(219);
    tn_nn_utils_prune_l1_unstructured(l, "weight", (double)INFINITY), error(219);
    tn_nn_utils_prune_l1_unstructured(l, "weight", -1), error(219);
    tn_nn_utils_prune_random_unstructured(l, "weight", (double)NAN), error(219);
    (tn_nn_utils_prune_random_unstructured)(&l->module, "weight", tn_scalar_none()), error(219);
    tn_nn_utils_prune_random_unstructured(l, "weight", 13), error(219);
    tn_nn_utils_prune_ln_structured(l, "weight", 4, 2, 0), error(219);
    tn_nn_utils_prune_ln_structured(l, "weight", 1, 2, 0, .norm = "nuc"), error(219);
    tn_nn_utils_prune_ln_structured(l, "weight", 1, 2, 0, .norm = "all"), error(219);
    tn_nn_utils_prune_random_structured(l, "weight", 5, 1), error(219);
    tn_nn_utils_prune_random_structured(l, "bias", 1, 0), error(219);
    tn_nn_utils_prune_ln_structured(l, "weight", 1, 2, 2), error(219);
    tn_nn_utils_prune_random_structured(l, "weight", 1, -3), error(219);
    tn_nn_utils_prune_l1_unstructured(l, "weight", 1, .importance_scores = tn_ones(2)), error(219);
    tn_nn_utils_prune_custom_from_mask(l, "weight", tn_ones(2)), error(219);
    tn_nn_utils_prune_identity(l, "none"), error(219);
    tn_nn_utils_prune_identity(tn_nn_linear(2, 2, .bias = false), "bias"), error(219);
    tn_nn_utils_prune_identity(norm, "running_mean"), error(219);
    tn_nn_utils_prune_remove(l, "weight"), error(219);
    tn_nn_utils_prune_remove(both, "weight"), error(219);
    tn_nn_utils_prune_prune(TN_PRUNING(TN_PRUNE_IDENTITY), tn_ones(2), .importance_scores = tn_ones(3)), error(219);
    tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS(), TN_PRUNING(TN_PRUNE_IDENTITY)), error(220);
    tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({l, "weight"}, {l, "bias"}),
                                          TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(16))),
        error(220);
    tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({l, "weight"}, {l, "bias"}),
                                          TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(1)),
                                          .importance_scores = (tn_tensor *[]){tn_ones(3), NULL}),
        error(220);
    sayf(220, tn_nn_utils_prune_is_pruned(both));
    tn_nn_utils_prune_identity(l, "weight");
    tn_nn_utils_prune_random_structured(l, "weight", 1, -3), error(219);
    sayf(220, tn_nn_utils_prune_is_pruned(both));
}

/* Names and order, where members are made at run time as in Python. */
static void order(void) {
    TN_SCOPE;
    tn_module *m = (tn_module *)tn_nn_module_list();
    (tn_module_set)(m, "a", tn_parameter(tn_ones(4))), (tn_module_set)(m, "b", tn_parameter(tn_ones(4)));
    (tn_module_register_buffer)(m, "c", tn_ones(1), NULL);
    (tn_nn_utils_prune_l1_unstructured)(m, "a", tn_scalar_double(0.5), NULL);
    say(219, keys((tn_state_dict)(m, NULL)));
    (tn_nn_utils_prune_identity)(m, "b");
    (tn_nn_utils_prune_random_unstructured)(m, "a", tn_scalar_double(0.25)); /* half of two: none */
    say(219, keys((tn_state_dict)(m, NULL)));
    sayf(219, sum((tn_get_buffer)(m, "a_mask")));
    say(219, tn_grad_fn_name((tn_module_get)(m, "a")));
    (tn_nn_utils_prune_remove)(m, "a");
    say(219, keys((tn_state_dict)(m, NULL)));
}

static void lazy(void) {
    TN_SCOPE;
    tn_nn_batch_norm *all[] = {tn_nn_lazy_instance_norm1d(),
                               tn_nn_lazy_instance_norm2d(),
                               tn_nn_lazy_instance_norm3d(),
                               tn_nn_lazy_batch_norm1d(),
                               tn_nn_lazy_batch_norm2d(1e-3, (double)NAN),
                               tn_nn_lazy_batch_norm3d(.affine = false, .bias = false)};
    const int64_t sizes[] = {2, 3, 2, 2, 2}, dims[] = {3, 4, 5, 3, 4, 5};
    for (int i = 0; i < 6; i++) {
        say(206, tn_to_string(all[i])), say(206, keys(tn_state_dict(all[i])));
        tn_forward(all[i], (tn_ones)(sizes, (size_t)dims[i], NULL));
        say(206, tn_to_string(all[i])), sayf(206, sum(all[i]->running_mean)), sayf(206, sum(all[i]->running_var));
        sayf(206, sum(all[i]->num_batches_tracked)), sayf(206, (double)tn_state_version(tn_state_dict(all[i]), ""));
    }
    tn_load_state_dict(tn_nn_batch_norm1d(4), tn_state_dict(tn_nn_lazy_batch_norm1d())), error(206);
}

static void stacked(void) {
    TN_SCOPE;
    tn_nn_batch_norm1d *a = tn_nn_batch_norm1d(3), *b = tn_nn_batch_norm1d(3);
    tn_state *parameters, *buffers;
    tn_stack_module_state(NULL, 0, NULL, NULL), error(224);
    tn_stack_module_state(TN_MODULES(tn_nn_relu(), tn_nn_tanh()), NULL, NULL), error(224);
    tn_eval(b), tn_stack_module_state(TN_MODULES(a, b), NULL, NULL), error(224);
    tn_eval(a), tn_requires_grad_(a->bias, false), tn_stack_module_state(TN_MODULES(a, b), NULL, NULL), error(224);
    tn_requires_grad_(b->bias, false), tn_stack_module_state(TN_MODULES(a, b), &parameters, &buffers);
    for (size_t i = 0; i < tn_state_count(parameters); i++) {
        tn_tensor *x = tn_state_at(parameters, i);
        say(224, tn_state_name(parameters, i)), say(224, tn_to_string(x)), sayf(224, tn_requires_grad(x)), sayf(224, tn_is_leaf(x));
    }
    for (size_t i = 0; i < tn_state_count(buffers); i++)
        say(224, tn_state_name(buffers, i)), say(224, tn_to_string(tn_state_at(buffers, i)));
    tn_stack_module_state(TN_MODULES(tn_nn_linear(2, 2), tn_nn_linear(2, 2, .bias = false)), NULL, NULL), error(224);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_prune")) return 2;
    errors();
    order();
    lazy();
    stacked();
    return observed();
}
