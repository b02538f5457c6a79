/* Modules when memory is out: members, hooks, states, copies, containers, lazy layers; failure at every allocation, once and for ever. */
#include "support.h"
#include <stdlib.h>

static long calls, fail_at = -1, outstanding;
static bool for_ever;
static void *allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    long n = calls++;
    if (fail_at >= 0 && (n == fail_at || (for_ever && n > fail_at))) return NULL;
    void *block = NULL;
    if (posix_memalign(&block, alignment, bytes) != 0) return NULL;
    outstanding++;
    return block;
}
static void release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    outstanding--;
    free(block);
}
static const tn_allocator counting = {sizeof(tn_allocator), NULL, allocate, release};

static bool trampoline(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)n, (void)k;
    return (out[0] = tn_mul(in[0], (tn_tensor *)(tn_module_get)(m, "w"))) != NULL;
}
static bool full(tn_module *m, tn_tensor *grad_in[], size_t n, tn_tensor *const grad_out[], size_t k, void *data) {
    (void)m, (void)n, (void)grad_out, (void)k, (void)data;
    if (grad_in[0]) grad_in[0] = tn_mul(grad_in[0], 2);
    return tn_error() == TN_OK;
}
static bool pre(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)n, (void)data;
    return (in[0] = tn_add(in[0], 1)) != NULL;
}
static bool loaded(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m, (void)data;
    return tn_incompatible_clear(keys, TN_UNEXPECTED_KEYS);
}

/* Were the values of m changed as a whole or not at all? */
static bool is_whole(tn_nn_sequential *m, double sum) {
    TN_SCOPE;
    double now = 0;
    for (tn_named_iter p = tn_named_parameters(m); tn_named_next(&p);)
        for (int64_t i = 0; i < tn_numel(p.tensor); i++) now += tn_data_f32(p.tensor)[i];
    return now == 0 || now == sum || tn_error() != TN_OK;
}

static bool loading(void) {
    TN_SCOPE;
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_linear(2, 2)),
                     *from = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_linear(2, 2));
    {
        TN_NO_GRAD;
        for (tn_named_iter p = tn_named_parameters(m); tn_named_next(&p);) tn_zero_(p.tensor);
        for (tn_named_iter p = tn_named_parameters(from); tn_named_next(&p);) tn_fill_(p.tensor, 1);
    }
    tn_state *s = tn_state_dict(from);
    tn_register_load_state_dict_post_hook(m, loaded, NULL, NULL);
    if (tn_error() != TN_OK) return false;
    bool right = tn_load_state_dict(m, s);
    tn_saved_error error;
    tn_error_take(&error);
    long kept = fail_at;
    fail_at = -1; /* the check itself may allocate */
    CHECK(is_whole(m, 12));
    fail_at = kept;
    if (error.status != TN_OK) tn_error_put(&error);
    return right;
}

static bool summary(void) {
    TN_SCOPE;
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_lazy_linear(2));
    return tn_module_summary(m, .input = tn_ones((1, 2))) != NULL;
}

static bool members_and_hooks(void) {
    TN_SCOPE;
    const char *fields[] = {"w"};
    const tn_class *c = tn_class_new("Net", trampoline, .fields = fields, .nfields = 1);
    tn_module *m = c ? tn_module_new(c) : NULL;
    if (c) tn_class_free(c);
    if (!m) return false;
    (tn_module_set)(m, "w", tn_parameter(tn_ones((1, 2)))), (tn_module_set)(m, "extra", tn_parameter(tn_ones(1)));
    (tn_module_register_buffer)(m, "mean", tn_zeros(2), NULL), (tn_module_set)(m, "child", tn_nn_lazy_linear(3));
    (tn_register_full_backward_hook)(m, full, NULL, NULL, NULL), (tn_register_forward_pre_hook)(m, pre, NULL, NULL, NULL);
    TN_HOOK_SCOPE(tn_register_module_forward_pre_hook(pre, NULL, NULL));
    tn_tensor *x = tn_requires_grad_(tn_ones((1, 2)), true);
    tn_tensor *y = (tn_forward)(m, &x, 1);
    tn_nn_linear *lazy = (tn_get_submodule)(m, "child");
    if (tn_error() == TN_OK) y = tn_add(tn_sum(y), tn_sum(tn_forward(lazy, x)));
    if (tn_error() == TN_OK) tn_backward(y);
    (tn_named_parameters)(m, NULL), (tn_module_to)(m, &(tn_module_to_opts){.size = sizeof(tn_module_to_opts), .dtype = TN_FLOAT64}),
        (tn_zero_grad)(m, NULL);
    void *copy = tn_error() == TN_OK ? tn_deepcopy(m) : NULL;
    tn_state *s = (tn_state_dict)(m, NULL);
    if (copy) (tn_load_state_dict)(copy, s, &(tn_load_opts){.size = sizeof(tn_load_opts), .strict = true, .assign = true});
    if (copy) CHECK((tn_check)(copy) || tn_error() == TN_ERR_MEMORY);
    return tn_error() == TN_OK && copy;
}

/* A lazy layer whose first call failed works at the next one, with values in all of its parameters. */
static bool lazies(void) {
    TN_SCOPE;
    tn_nn_instance_norm1d *norm = tn_nn_lazy_instance_norm1d();
    tn_nn_linear *linear = tn_nn_lazy_linear(2);
    tn_tensor *x = tn_ones((2, 3, 4));
    if (!norm || !linear || tn_error() != TN_OK) return false;
    bool right = tn_forward(linear, tn_forward(norm, x)) != NULL;
    tn_saved_error error;
    tn_error_take(&error);
    long kept = fail_at;
    fail_at = -1; /* memory is back */
    CHECK(tn_forward(norm, x) && tn_data_f32(norm->weight)[2] == 1 && tn_data_f32(norm->bias)[2] == 0);
    CHECK(tn_forward(linear, x) && tn_item(tn_max(tn_abs(tn_detach(linear->weight)))) <= 0.5);
    CHECK(tn_item(tn_max(tn_abs(tn_detach(linear->bias)))) <= 0.5 && tn_item(tn_min(tn_abs(tn_detach(linear->weight)))) > 0);
    fail_at = kept;
    if (error.status != TN_OK) tn_error_put(&error);
    return right;
}

static bool stacked(void) {
    TN_SCOPE;
    tn_nn_batch_norm1d *a = tn_nn_batch_norm1d(3), *b = tn_nn_batch_norm1d(3);
    tn_state *parameters, *buffers;
    if (!a || !b || tn_error() != TN_OK) return false;
    bool right = tn_stack_module_state(TN_MODULES(a, b), &parameters, &buffers);
    CHECK(right == (parameters != NULL) && right == (buffers != NULL));
    return right;
}

static bool containers(void) {
    TN_SCOPE;
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_relu(), tn_nn_tanh(), tn_nn_linear(2, 2));
    if (tn_error() != TN_OK || !s) return false;
    bool inserted = tn_nn_container_insert(s, 1, tn_nn_sigmoid());
    tn_saved_error error;
    tn_error_take(&error);
    CHECK(tn_nn_container_len(s) == (inserted ? 4 : 3)); /* all or nothing */
    if (error.status != TN_OK) tn_error_put(&error);
    tn_nn_container_extend(s, s), tn_nn_container_delete(s, 0), tn_nn_container_slice(s, 1, 3);
    tn_nn_module_dict *d = tn_nn_module_dict({"a", tn_nn_relu()}, {"b", tn_nn_tanh()});
    if (d && tn_error() == TN_OK) tn_nn_module_dict_update(d, (tn_nn_item[]){{"c", tn_nn_relu()}}, 1);
    tn_nn_parameter_list *l = tn_nn_parameter_list(tn_ones(2), tn_ones(3));
    if (l && tn_error() == TN_OK) tn_to_string(l);
    tn_state *values = tn_state_new();
    if (tn_error() == TN_OK && values) tn_state_set(values, "0.weight", tn_ones((2, 2)));
    if (tn_error() == TN_OK) tn_functional_call(s, values, tn_ones((1, 2)));
    return tn_error() == TN_OK;
}

/* A failed registration leaves the parameter in its place. */
static bool is_computed_or_as_before(tn_nn_linear *l, tn_tensor *w, bool done) {
    CHECK(done || l->weight == w);
    return done;
}

static bool computed(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l ? l->weight : NULL;
    if (!w || tn_error() != TN_OK) return false;
    if (!is_computed_or_as_before(l, w, tn_nn_utils_parametrizations_spectral_norm(l))) return false;
    if (!tn_nn_utils_parametrize_remove_parametrizations(l, "weight")) return false;
    if (!is_computed_or_as_before(l, w, tn_nn_utils_parametrizations_orthogonal(l))) return false;
    if (!tn_nn_utils_parametrize_remove_parametrizations(l, "weight")) return false;
    if (!is_computed_or_as_before(l, w, tn_nn_utils_prune_l1_unstructured(l, "weight", 1))) return false;
    if (!tn_nn_utils_prune_remove(l, "weight")) return false;
    if (!is_computed_or_as_before(l, w, tn_nn_utils_spectral_norm(l))) return false;
    if (!tn_nn_utils_remove_spectral_norm(l, "weight")) return false;
    w = l->weight; /* a new one */
    if (!is_computed_or_as_before(l, w, tn_nn_utils_weight_norm(l))) return false;
    if (!tn_nn_utils_remove_weight_norm(l, "weight")) return false;
    w = l->weight;
    return is_computed_or_as_before(l, w, tn_nn_utils_parametrizations_weight_norm(l)) && tn_forward(l, tn_ones((1, 2)));
}

static tn_tensor *own_mask(tn_tensor *t, tn_tensor *mask, void *data) {
    (void)t, (void)data;
    return tn_mul(mask, 0);
}

/* Each pruning happens as a whole or not at all; the member stands in the list of those made at run time, or in a field. */
static bool pruned(tn_module *m, const char *name, int which) {
    tn_scalar half = tn_scalar_double(0.5);
    tn_nn_prune_parameter two[] = {{m, name}, {m, "other"}};
    const tn_nn_pruning *mine = TN_PRUNING(TN_PRUNE_CUSTOM, .compute_mask = own_mask);
    tn_tensor *before;
    bool was;
    {
        TN_SCOPE;
        before = (tn_module_get)(m, name);
        was = (tn_nn_utils_prune_is_pruned)(m);
    }
    bool right =
        which == 0   ? (tn_nn_utils_prune_identity)(m, name)
        : which == 1 ? (tn_nn_utils_prune_random_structured)(m, name, half, 0)
        : which == 2 ? (tn_nn_utils_prune_ln_structured)(m, name, half, 2, 1, NULL)
        : which == 3
            ? (tn_nn_utils_prune_apply)(m, name, mine, NULL)
            : (tn_nn_utils_prune_global_unstructured)(two, 2, TN_PRUNING(TN_PRUNE_RANDOM_UNSTRUCTURED, .amount = half), NULL);
    tn_saved_error error;
    tn_error_take(&error);
    CHECK(right || ((tn_module_get)(m, name) == before && (was || !(tn_nn_utils_prune_is_pruned)(m))));
    tn_clear_error(); /* when memory is out for ever, the walk of is_pruned fails, too */
    if (error.status != TN_OK) tn_error_put(&error);
    return right;
}

/* Conversion and loading under the flags of torch.__future__: a failed one leaves every member and gradient as it was. */
static bool converted(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l ? l->weight : NULL, *g = NULL;
    if (!w || tn_error() != TN_OK || !tn_backward(tn_sum(tn_forward(l, tn_ones((1, 2)))))) return false;
    g = tn_grad(w);
    tn_set_overwrite_module_params_on_conversion(true);
    bool right = tn_module_to(l, TN_FLOAT64);
    if (!right) CHECK(l->weight == w);
    tn_saved_error error;
    tn_error_take(&error);
    tn_set_overwrite_module_params_on_conversion(false), tn_set_swap_module_params_on_conversion(true);
    if (error.status != TN_OK) tn_error_put(&error);
    if (right) w = l->weight, g = tn_grad(w);
    tn_state *s = right ? tn_state_dict(tn_nn_linear(2, 2)) : NULL;
    right = right && s && tn_error() == TN_OK && tn_module_to(l, TN_FLOAT32);
    if (!right && g) CHECK(l->weight == w && tn_get_dtype(g) == tn_get_dtype(w));
    right = right && tn_load_state_dict(l, s) && tn_load_state_dict(l, s, .assign = true);
    CHECK(l->weight == w && tn_is_parameter(w));
    tn_error_take(&error);
    tn_set_swap_module_params_on_conversion(false);
    if (error.status != TN_OK) tn_error_put(&error);
    return right;
}

static bool prunings(void) {
    TN_SCOPE;
    tn_module *m = (tn_module *)tn_nn_module_list();
    if (!m || !(tn_module_set)(m, "w", tn_parameter(tn_ones((4, 3)))) || !(tn_module_set)(m, "other", tn_parameter(tn_ones(2))))
        return false;
    for (int which = 4; which >= 0; which--) /* the first one is global */
        if (!pruned(m, "w", which)) return false;
    if (!(tn_nn_utils_prune_remove)(m, "w") || !pruned(m, "w", 2)) return false;
    bool removed = (tn_nn_utils_prune_remove)(m, "w");
    tn_saved_error error;
    tn_error_take(&error);
    tn_tensor *w = (tn_module_get)(m, "w");
    CHECK(w && tn_is_parameter(w) == removed);
    tn_clear_error();
    if (error.status != TN_OK) tn_error_put(&error);
    return removed && tn_nn_utils_prune_prune(TN_PRUNING(TN_PRUNE_IDENTITY), w) != NULL;
}

/* Memory formats, gradients of another dtype, steps in the common dtype: what failed is as it was. */
static bool reformatted(void) {
    TN_SCOPE;
    tn_nn_conv2d *c = tn_nn_conv2d(2, 3, 3);
    tn_tensor *w = c ? c->weight : NULL, *x = tn_ones((1, 2, 4, 4));
    if (!w || tn_error() != TN_OK || !tn_set_grad_dtype(w, TN_FLOAT64)) return false;
    tn_optim *sgd = tn_optim_sgd(tn_parameters(c), .lr = 0.1, .momentum = 0.9);
    if (!sgd || !tn_backward(tn_sum(tn_forward(c, x)))) return false;
    tn_tensor *old = tn_clone(tn_detach(w));
    if (!old) return false;
    bool right = tn_optim_step(sgd);
    tn_saved_error error;
    tn_error_take(&error);
    long kept = fail_at;
    fail_at = -1; /* the check itself may allocate */
    CHECK(right || tn_equal(w, old));
    fail_at = kept;
    if (error.status != TN_OK) tn_error_put(&error);
    right = right && tn_module_to(c, .memory_format = TN_CHANNELS_LAST);
    if (!right) CHECK(tn_stride(w, 1) == 9);
    return right && tn_contiguous(x, .memory_format = TN_CHANNELS_LAST) && tn_to(w, TN_FLOAT64) && tn_rand_like(w) &&
           tn_optim_step(sgd);
}

static bool scenario(void) {
    return converted() && reformatted() && computed() && prunings() && lazies() && stacked() && loading() && summary() &&
           members_and_hooks() && containers();
}

static void fail_everywhere(bool forever) {
    long points = 0;
    for (long n = 0; n < 5000; n++) {
        calls = 0, fail_at = n, for_ever = forever;
        CHECK(tn_set_allocator(&counting));
        bool right = scenario();
        bool reached = calls > n;
        fail_at = -1;
        if (tn_error()) CHECK(tn_error() == TN_ERR_MEMORY);
        tn_clear_error();
        tn_shutdown();
        CHECK_EQ_INT(outstanding, 0);
        points++;
        if (!reached && right) break;
    }
    CHECK(points > 20);
    printf("  %ld allocation points %s\n", points, forever ? "for ever" : "once");
}
static void every_allocation_may_fail_once(void) { fail_everywhere(false); }
static void every_allocation_may_fail_for_ever(void) { fail_everywhere(true); }

int main(void) {
    tn_shutdown();
    RUN(every_allocation_may_fail_once);
    RUN(every_allocation_may_fail_for_ever);
    return test_end();
}
