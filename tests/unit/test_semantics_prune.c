/* tests/unit/test_semantics_prune.c - statements on pruning. tests/parity/prune.c compares masks with PyTorch, live. */
#include "statement.h"

/* The mask of `weight`, or of another name, as text: "1011". */
static const char *mask_text(void *m, const char *name) {
    static char text[200];
    char path[64];
    TN_SCOPE;
    snprintf(path, sizeof path, "%s_mask", name);
    tn_tensor *mask = (tn_get_buffer)(m, path);
    int64_t n = mask ? tn_numel(mask) : 0;
    text[0] = 0;
    for (int64_t i = 0; i < n && i < 199; i++)
        text[i] = tn_data_f32(tn_contiguous(mask))[i] == 1 ? '1' : tn_data_f32(tn_contiguous(mask))[i] == 0 ? '0' : '?';
    text[n < 199 ? n : 199] = 0;
    return text;
}

static void fill(tn_tensor *x, const float *values) { memcpy(tn_data(x), values, (size_t)tn_numel(x) * sizeof(float)); }

/* A hook that notes what the weight was when it ran. */
static bool note(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)in, (void)n;
    *(double *)data = sum_of((tn_tensor *)(tn_module_get)(m, "weight"));
    return true;
}

static void entries(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(4, 1);
    tn_nn_sequential *both = tn_nn_sequential(l, tn_nn_relu());
    tn_tensor *w = l->weight, *x = tn_ones((1, 4));
    double seen = 0;
    fill(w, (const float[]){3, -1, 2, -4});
    tn_fill_(tn_detach(l->bias), 0);
    IN_C(219,
         "Pruning keeps w_orig and a mask w_mask, and w is computed before forward; a second one prunes among what is left; remove "
         "makes it permanent; fractions round half to even.",
         "A field keeps its place in the order. A failed attempt changes nothing: in PyTorch it moves the name to the end, and "
         "undoes "
         "the hook of an earlier pruning.");
    CHECK(!tn_nn_utils_prune_is_pruned(both) && !tn_nn_utils_prune_remove(l, "weight"));
    CHECK_ERROR(TN_ERR_VALUE,
                "Parameter 'weight' of module Linear(in_features=4, out_features=1, bias=True) has to be pruned before "
                "pruning can be removed");
    CHECK(tn_nn_utils_prune_l1_unstructured(l, "weight", 0.25));
    CHECK_STR(state_names(tn_state_dict(l)), "bias weight_orig weight_mask ");
    CHECK(tn_get_parameter(l, "weight_orig") == w && !tn_is_parameter(l->weight) && sum_of(l->weight) == 1 && sum_of(w) == 0);
    CHECK_STR(tn_grad_fn_name(l->weight), "MulBackward0");
    tn_backward(tn_sum(tn_forward(l, x)));
    CHECK(sum_of(tn_grad(w)) == 3);
    CHECK(tn_nn_utils_prune_l1_unstructured(l, "weight", 1) && sum_of(l->weight) == -1); /* 3 and -4 are left */
    CHECK(!tn_nn_utils_prune_l1_unstructured(l, "weight", 3));
    CHECK_ERROR(TN_ERR_VALUE, "amount=3 should be smaller than the number of parameters to prune=2");
    CHECK(sum_of(tn_forward(l, x)) == -1);
    CHECK(tn_nn_utils_prune_l1_unstructured(l, "weight", 0.25)); /* 0.25 * 2 = 0.5: none */
    CHECK_STR(mask_text(l, "weight"), "1001");
    CHECK(tn_nn_utils_prune_random_unstructured(l, "weight", 1) && sum_of(tn_get_buffer(l, "weight_mask")) == 1);
    tn_fill_(tn_detach(w), 1);
    CHECK(sum_of(tn_forward(l, x)) == 1);
    tn_register_forward_pre_hook(l, note, &seen, NULL); /* after the one that computes */
    tn_fill_(tn_detach(w), 5);
    CHECK(tn_forward(l, x) && seen == 5);
    CHECK(tn_nn_utils_prune_identity(l, "weight")); /* now it comes last */
    tn_fill_(tn_detach(w), 7);
    CHECK(tn_forward(l, x) && seen == 5 && sum_of(l->weight) == 7);
    CHECK(tn_nn_utils_prune_remove(l, "weight") && l->weight == w && sum_of(w) == 7 && !tn_nn_utils_prune_is_pruned(both));
    CHECK(tn_is_parameter(l->weight) && tn_is_leaf(w));
    CHECK_STR(state_names(tn_state_dict(l)), "weight bias ");
    CHECK(sum_of(tn_forward(l, x)) == 7 && seen == 7 && tn_check(both));
    CHECK(tn_nn_utils_prune_custom_from_mask(l, "weight", tn_zeros((1, 4))) && sum_of(tn_forward(l, x)) == 0);
    CHECK(tn_nn_utils_prune_is_pruned(both) && tn_nn_utils_prune_l1_unstructured(l, "weight", 0.5));
}

static void errors(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(4, 1);
    tn_nn_batch_norm1d *norm = tn_nn_batch_norm1d(3);
    tn_nn_sequential *both = tn_nn_sequential(l, norm);
    tn_tensor *w = l->weight;
    CHECK(!tn_nn_utils_prune_l1_unstructured(l, "weight", 1.5));
    CHECK_ERROR(TN_ERR_VALUE, "amount=1.5 should either be a float in the range [0, 1] or a non-negative integer");
    CHECK(!tn_nn_utils_prune_random_unstructured(l, "weight", -1));
    CHECK_ERROR(TN_ERR_VALUE, "amount=-1 should either be");
    CHECK(!tn_nn_utils_prune_random_unstructured(l, "weight", (double)NAN));
    CHECK_ERROR(TN_ERR_VALUE, "cannot convert float NaN to integer");
    CHECK(!(tn_nn_utils_prune_random_unstructured)(&l->module, "weight", tn_scalar_none()));
    CHECK_ERROR(TN_ERR_TYPE, "Invalid type for amount: None. Must be int or float.");
    CHECK(!tn_nn_utils_prune_l1_unstructured(l, "weight", (bool)true));
    CHECK_ERROR(TN_ERR_TYPE, "Invalid type for amount: True.");
    CHECK(!tn_nn_utils_prune_l1_unstructured(l, "weight", 5));
    CHECK_ERROR(TN_ERR_VALUE, "amount=5 should be smaller than the number of parameters to prune=4");
    CHECK(!tn_nn_utils_prune_l1_unstructured(l, "weight", 1, .importance_scores = tn_ones(2)));
    CHECK_ERROR(TN_ERR_ASSERTION, "importance_scores should have the same shape as parameter weight of Linear(in_features=4, "
                                  "out_features=1, bias=True), got torch.Size([2]) vs torch.Size([1, 4])");
    CHECK(!tn_nn_utils_prune_custom_from_mask(l, "weight", tn_ones(4)));
    CHECK_ERROR(TN_ERR_ASSERTION, "default_mask shape torch.Size([1, 4]) must match self.mask shape torch.Size([4])");
    CHECK(!tn_nn_utils_prune_identity(l, "none"));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'Linear' object has no attribute 'none'");
    CHECK(!tn_nn_utils_prune_identity(tn_nn_linear(2, 2, .bias = false), "bias"));
    CHECK_ERROR(TN_ERR_TYPE, "ones_like(): argument 'input' (position 1) must be Tensor, not NoneType");
    CHECK(!tn_nn_utils_prune_identity(both, "0"));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'Linear' object to parameter '0_orig' (torch.nn.Parameter or None required)");
    CHECK(!tn_nn_utils_prune_identity(norm, "running_mean"));
    CHECK_ERROR(TN_ERR_TYPE,
                "cannot assign 'torch.FloatTensor' object to parameter 'running_mean_orig' (torch.nn.Parameter or None "
                "required)");
    CHECK(tn_module_set(l, "bias_mask", tn_ones(1)) && !tn_nn_utils_prune_identity(l, "bias"));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'bias_mask' already exists");
    CHECK(!tn_nn_utils_prune_random_structured(l, "bias", 1, 0));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'bias_mask' already exists");
    CHECK(tn_module_delete(l, "bias_mask") && !tn_nn_utils_prune_random_structured(l, "bias", 1, 0));
    CHECK_ERROR(TN_ERR_VALUE,
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape torch.Size([1]) "
                "with 1 dims");
    CHECK(!tn_nn_utils_prune_ln_structured(l, "weight", 1, 2, 2));
    CHECK_ERROR(TN_ERR_INDEX, "Invalid index 2 for tensor of size torch.Size([1, 4])");
    CHECK(!tn_nn_utils_prune_random_structured(l, "weight", 1, -3));
    CHECK_ERROR(TN_ERR_INDEX, "tuple index out of range");
    CHECK(!tn_nn_utils_prune_apply(l, "weight", NULL) && tn_error() == TN_ERR_TYPE);
    tn_clear_error();
    CHECK(l->weight == w && !tn_nn_utils_prune_is_pruned(both) && tn_check(both));
    CHECK_STR(state_names(tn_state_dict(l)), "weight bias ");
    CHECK(tn_nn_utils_prune_identity(l, "weight") && !tn_nn_utils_prune_random_structured(l, "weight", 1, -3));
    CHECK_ERROR(TN_ERR_INDEX, "Index is out of bounds for tensor with dimensions 2");
    CHECK(!tn_nn_utils_prune_ln_structured(l, "weight", 3, 2, 0));
    CHECK_ERROR(TN_ERR_VALUE, "amount=3 should be smaller than the number of parameters to prune=1");
    tn_module_delete(l, "weight_mask");
    CHECK(tn_forward(l, tn_ones((1, 4))) == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'Linear' object has no attribute 'weight_mask'");
}

static void channels(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 4);
    tn_tensor *w = l->weight;
    fill(w, (const float[]){3, -1, 2, 0, 5, 0, 1, 1, -4, 0, 0, 1});
    CHECK(tn_nn_utils_prune_ln_structured(l, "weight", 0.5, 1, 0)); /* norms 6 5 6 1 */
    CHECK_STR(mask_text(l, "weight"), "111000111000");
    CHECK(tn_nn_utils_prune_ln_structured(l, "weight", 1, (double)INFINITY, 0)); /* of 3 and 4 */
    CHECK_STR(mask_text(l, "weight"), "000000111000");
    CHECK(tn_nn_utils_prune_ln_structured(l, "weight", 1, 1, -1, .importance_scores = tn_neg(w))); /* columns 1 1 4 */
    CHECK(sum_of(tn_get_buffer(l, "weight_mask")) == 2 && tn_nn_utils_prune_ln_structured(l, "weight", 1, 1, 1));
    CHECK_STR(mask_text(l, "weight"), "000000001000");
    CHECK(tn_nn_utils_prune_remove(l, "weight") && sum_of(w) == -4);
    CHECK(tn_nn_utils_prune_random_structured(l, "weight", 3, 0) && sum_of(tn_get_buffer(l, "weight_mask")) == 3);
    CHECK(tn_nn_utils_prune_random_structured(l, "weight", 0.5, 1)); /* 0.5 * 3 = 1.5: two */
    CHECK(sum_of(tn_get_buffer(l, "weight_mask")) == 1);
    /* scores of another dtype make a mask of theirs, when it is a second one */
    CHECK(tn_nn_utils_prune_l1_unstructured(l, "weight", 0, .importance_scores = tn_to(tn_detach(w), TN_FLOAT64)));
    CHECK(tn_get_dtype(tn_get_buffer(l, "weight_mask")) == TN_FLOAT64 && tn_get_dtype(l->weight) == TN_FLOAT32);
    CHECK(tn_forward(l, tn_ones((1, 3))) && tn_module_to(l, TN_FLOAT64) && tn_forward(l, tn_ones((1, 3), .dtype = TN_FLOAT64)));
}

/* Methods of a program's own. */
static tn_tensor *every_other(tn_tensor *t, tn_tensor *mask, void *data) {
    *(int64_t *)data = tn_numel(t);
    tn_tensor *flat = tn_flatten(mask, 0, -1);
    for (int64_t i = 0; i < tn_numel(flat); i += 2) tn_data_f32(flat)[i] = 0;
    return (tn_reshape)(flat, tn_sizes(t), (size_t)tn_ndim(t));
}
static tn_tensor *nothing(tn_tensor *t, tn_tensor *mask, void *data) {
    (void)t, (void)mask;
    if (data) tn_raise(TN_ERR_VALUE, "no mask");
    return NULL;
}
static tn_tensor *one_number(tn_tensor *t, tn_tensor *mask, void *data) {
    (void)t, (void)mask, (void)data;
    return tn_zeros(1);
}
static tn_tensor *too_many(tn_tensor *t, tn_tensor *mask, void *data) {
    (void)t, (void)mask, (void)data;
    return tn_zeros(7);
}

static void own_methods(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 2);
    int64_t seen = 0;
    const tn_nn_pruning *mine = TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = every_other, .data = &seen);
    CHECK(tn_nn_utils_prune_apply(l, "weight", mine) && seen == 6);
    CHECK_STR(mask_text(l, "weight"), "010101");
    CHECK(tn_nn_utils_prune_apply(l, "weight", mine) && seen == 3); /* of what is left */
    CHECK_STR(mask_text(l, "weight"), "000100");
    CHECK(tn_nn_utils_prune_apply(
              l, "weight",
              TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = every_other, .data = &seen, .type = TN_PRUNE_STRUCTURED, .dim = 0)) &&
          seen == 3);
    CHECK_STR(mask_text(l, "weight"), "000000"); /* 100 of the second row */
    CHECK(tn_nn_utils_prune_apply(
        l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = every_other, .data = &seen, .type = TN_PRUNE_GLOBAL)));
    CHECK_STR(mask_text(l, "bias"), "01");
    CHECK(!tn_nn_utils_prune_apply(l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = nothing)));
    CHECK_ERROR(TN_ERR_CALLBACK, "compute_mask returned NULL");
    CHECK(!tn_nn_utils_prune_apply(l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = nothing, .data = &seen)));
    CHECK_ERROR(TN_ERR_VALUE, "no mask");
    CHECK(!tn_nn_utils_prune_apply(l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = too_many)) && tn_error() != TN_OK);
    tn_clear_error();
    CHECK(!tn_nn_utils_prune_apply(l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM)) && tn_error() == TN_ERR_TYPE);
    tn_clear_error();
    CHECK_STR(mask_text(l, "bias"), "01");
    CHECK(tn_nn_utils_prune_apply(l, "bias", TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = one_number))); /* broadcast */
    CHECK_STR(mask_text(l, "bias"), "00");
    tn_tensor *x = tn_tensor(3, 3.0f, 1, 2);
    const tn_nn_pruning *two = TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(2));
    CHECK(sum_of(tn_nn_utils_prune_prune(two, x)) == 3);
    CHECK(sum_of(tn_nn_utils_prune_prune(two, x, .importance_scores = tn_neg(tn_arange(3)))) == 2);
    CHECK(sum_of(tn_nn_utils_prune_prune(two, x, .default_mask = tn_tensor(3, 0.0f, 1, 1))) == 0);
    CHECK(tn_nn_utils_prune_prune(two, x, .importance_scores = tn_ones(2)) == NULL);
    CHECK_ERROR(TN_ERR_ASSERTION,
                "importance_scores should have the same shape as tensor t, got torch.Size([2]) vs torch.Size([3])");
    const tn_nn_pruning *one = TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(1));
    tn_tensor *before = tn_tensor(3, 1.0f, 0, 1); /* has pruned the smallest entry already */
    CHECK_STR(tn_to_string(tn_nn_utils_prune_compute_mask(one, x, before, false)), "tensor([1., 0., 1.])");
    CHECK_STR(tn_to_string(tn_nn_utils_prune_compute_mask(one, x, before, true)), "tensor([1., 0., 0.])");
    CHECK_STR(tn_to_string(tn_nn_utils_prune_compute_mask(two, x, NULL, false)), "tensor([1., 0., 0.])");
    CHECK(sum_of(before) == 2 && !tn_nn_utils_prune_compute_mask(one, x, tn_ones(2), true));
    CHECK_ERROR(TN_ERR_ASSERTION, "default_mask should have the same shape as tensor t, got torch.Size([2]) vs torch.Size([3])");
}

static void together(void) {
    TN_SCOPE;
    tn_nn_linear *a = tn_nn_linear(2, 1), *b = tn_nn_linear(3, 1);
    tn_nn_sequential *both = tn_nn_sequential(a, tn_nn_sequential(b));
    tn_tensor *w = a->weight;
    fill(a->weight, (const float[]){5, 1});
    fill(b->weight, (const float[]){-2, 4, -3});
    const tn_nn_pruning *two = TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(0.4));
    HOLDS(220, "is_pruned is true while something below is pruned; global pruning ranks all entries together.");
    CHECK(!tn_nn_utils_prune_is_pruned(both));
    CHECK(!tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "none"}), two));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'Linear' object has no attribute 'none'");
    CHECK(!tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}),
                                                 TN_PRUNING(TN_PRUNE_LN_STRUCTURED, .amount = TN_SCALAR(1), .n = 2)));
    CHECK_ERROR(TN_ERR_TYPE,
                "Only \"unstructured\" PRUNING_TYPE supported for the `pruning_method`. Found method LnStructured of type "
                "structured");
    CHECK(!tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS(), two));
    CHECK_ERROR(TN_ERR_VALUE, "expected a non-empty list of Tensors");
    CHECK(!tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}),
                                                 TN_PRUNING(TN_PRUNE_RANDOM_UNSTRUCTURED, .amount = TN_SCALAR(6))));
    CHECK_ERROR(TN_ERR_VALUE, "amount=6 should be smaller than the number of parameters to prune=5");
    CHECK(!tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}), two,
                                                 .importance_scores = (tn_tensor *[]){tn_ones(3), NULL}));
    CHECK_ERROR(TN_ERR_INDEX, "The shape of the mask [5] at index 0 does not match the shape of the indexed tensor [6] at index 0");
    CHECK(a->weight == w && !tn_nn_utils_prune_is_pruned(both));
    CHECK(tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}), two));
    CHECK_STR(mask_text(a, "weight"), "10");
    CHECK_STR(mask_text(b, "weight"), "011");
    CHECK(tn_nn_utils_prune_is_pruned(both) && tn_get_parameter(a, "weight_orig") == w);
    tn_tensor *scores = tn_tensor((1, 3), 1.0f, 1, 9);
    CHECK(tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}), two,
                                                .importance_scores = (tn_tensor *[]){NULL, scores})); /* 0.4 * 3 = 1.2 */
    CHECK_STR(mask_text(a, "weight"), "10");
    CHECK_STR(mask_text(b, "weight"), "001");
    CHECK(tn_nn_utils_prune_global_unstructured(TN_PRUNE_PARAMETERS({a, "weight"}, {b, "weight"}, {a, "weight"}),
                                                TN_PRUNING(TN_PRUNE_RANDOM_UNSTRUCTURED, .amount = TN_SCALAR(3))));
    CHECK_STR(mask_text(a, "weight"), "00"); /* twice in the list: all three are taken */
    CHECK_STR(mask_text(b, "weight"), "000");
    CHECK(tn_nn_utils_prune_remove(a, "weight") && tn_nn_utils_prune_is_pruned(both));
    CHECK(tn_nn_utils_prune_remove(b, "weight") && !tn_nn_utils_prune_is_pruned(both));
}

static void copies_and_states(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(4, 2), *other = tn_nn_linear(4, 2);
    tn_tensor *x = tn_ones((1, 4));
    tn_nn_utils_prune_l1_unstructured(l, "weight", 3);
    CHECK(tn_deepcopy(l) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Only Tensors created explicitly by the user");
    {
        TN_NO_GRAD;
        CHECK(tn_forward(l, x));
    }
    tn_nn_linear *copy = tn_deepcopy(l);
    CHECK(copy && tn_nn_utils_prune_is_pruned(copy));
    CHECK(tn_nn_utils_prune_remove(l, "weight") && tn_nn_utils_prune_is_pruned(copy));
    tn_fill_(tn_detach(tn_get_parameter(copy, "weight_orig")), 2);
    tn_fill_(tn_detach(copy->bias), 0);
    CHECK(sum_of(tn_forward(copy, x)) == 10 && sum_of(copy->weight) == 10);
    CHECK(tn_nn_utils_prune_identity(other, "weight") && tn_load_state_dict(other, tn_state_dict(copy)));
    CHECK(sum_of(tn_forward(other, x)) == 10);
    CHECK(tn_nn_utils_prune_remove(copy, "weight") && tn_is_parameter(copy->weight) && sum_of(copy->weight) == 10);
    tn_optim *opt = tn_optim_sgd(tn_parameters(other), .lr = 1);
    tn_backward(tn_sum(tn_forward(other, x)));
    CHECK(tn_optim_step(opt) && sum_of(tn_forward(other, x)) == 3); /* (2 - 1) * 5 - 2 of the biases */
    /* Members made at run time, and names that only look like pruning */
    tn_module *m = plain_module();
    (tn_module_set)(m, "w", tn_parameter(tn_ones(2))), (tn_module_set)(m, "b", tn_parameter(tn_ones(2)));
    (tn_module_set)(m, "b_orig", tn_parameter(tn_ones(2))), (tn_module_register_buffer)(m, "b_mask", tn_zeros(2), NULL);
    CHECK(!(tn_nn_utils_prune_is_pruned)(m) && !(tn_nn_utils_prune_remove)(m, "b"));
    tn_clear_error();
    CHECK((tn_nn_utils_prune_identity)(m, "w"));
    CHECK_STR(walk_names((tn_named_parameters)(m, NULL)), "b b_orig w_orig ");
    CHECK((tn_nn_utils_prune_remove)(m, "w"));
    CHECK_STR(walk_names((tn_named_parameters)(m, NULL)), "b b_orig w "); /* the name comes last, as in torch */
    CHECK_STR(walk_names((tn_named_buffers)(m, NULL)), "b_mask ");
}

int main(void) {
    RUN(entries);
    RUN(errors);
    RUN(channels);
    RUN(own_methods);
    RUN(together);
    RUN(copies_and_states);
    return test_end();
}
