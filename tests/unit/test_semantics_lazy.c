/* Lazy modules, reparametrisation, notes on the design: statements 201 to 232. */
#include "statement.h"
#include <math.h>

static void uninitialized(void) {
    TN_SCOPE;
    tn_tensor *p = tn_uninitialized_parameter();
    HOLDS(201, "An uninitialized Parameter has dtype, flag and no gradient; asking for its shape, sharing its memory and almost "
               "every operator fail.");
    CHECK(tn_share_memory_(p) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't share memory on an uninitialized parameter or buffer.");
    CHECK(tn_is_lazy(p) && tn_is_parameter(p) && tn_get_dtype(p) == TN_FLOAT32 && tn_requires_grad(p) && tn_is_leaf(p) &&
          tn_grad(p) == NULL);
    CHECK(tn_size(p, 0) == 0);
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't access the shape of an uninitialized parameter or buffer.");
    CHECK(tn_sizes(p) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't access the shape");
    CHECK(tn_add(p, 1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Attempted to use an uninitialized parameter in add.");
    CHECK(tn_detach(p) == NULL && tn_error() == TN_ERR_VALUE);
    tn_clear_error();
    HOLDS(202, "Materializing gives the same object memory of a shape, in its dtype unless another one is given.");
    CHECK(tn_materialize(p, (2, 3)) && !tn_is_lazy(p) && tn_size(p, 1) == 3 && tn_is_parameter(p) && tn_requires_grad(p));
    CHECK(!tn_materialize(p, 2));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'Parameter' object has no attribute 'materialize'");
    tn_tensor *b = tn_uninitialized_buffer(.dtype = TN_FLOAT64);
    CHECK(tn_is_buffer(b) && tn_materialize(b, 4, .dtype = TN_FLOAT32) && tn_get_dtype(b) == TN_FLOAT32 && tn_numel(b) == 4);
    HOLDS(203, "Optimizers and conversions take uninitialized parameters.");
    tn_nn_linear *l = tn_nn_lazy_linear(3);
    tn_tensor *weight = l->weight;
    tn_optim *opt = tn_optim_sgd(tn_parameters(l), .lr = 0.1);
    CHECK(opt != NULL && tn_module_to(l, TN_FLOAT64) && tn_get_dtype(weight) == TN_FLOAT64 && tn_is_lazy(weight) &&
          tn_optim_step(opt));
    CHECK(tn_forward(l, tn_ones((2, 5), .dtype = TN_FLOAT64)) != NULL && tn_get_dtype(l->weight) == TN_FLOAT64);
    tn_backward(tn_sum(tn_forward(l, tn_ones((2, 5), .dtype = TN_FLOAT64))));
    double before = sum_of(l->bias);
    CHECK(tn_optim_step(opt) && fabs(sum_of(l->bias) - (before - 0.1 * 6)) < 1e-9);
}

static void lazy_layers(void) {
    TN_SCOPE;
    HOLDS(204, "The first call learns the shapes, initialises as the class that is not lazy does with the same random numbers, and "
               "becomes that class; module and parameters stay the same objects.");
    tn_nn_linear *lazy = tn_nn_lazy_linear(3);
    tn_tensor *weight = lazy->weight, *bias = lazy->bias;
    CHECK_STR(tn_to_string(lazy), "LazyLinear(in_features=0, out_features=3, bias=True)");
    tn_manual_seed(7);
    tn_tensor *y = tn_forward(lazy, tn_ones((2, 5)));
    tn_manual_seed(7);
    tn_nn_linear *eager = tn_nn_linear(5, 3);
    CHECK(tn_equal(lazy->weight, eager->weight) && tn_equal(lazy->bias, eager->bias) &&
          tn_equal(y, tn_forward(eager, tn_ones((2, 5)))));
    CHECK(lazy->weight == weight && lazy->bias == bias && tn_module_class(&lazy->module) == tn_module_class(&eager->module));
    CHECK_STR(tn_to_string(lazy), "Linear(in_features=5, out_features=3, bias=True)");
    tn_nn_conv2d *conv = tn_nn_lazy_conv2d(4, 3, .groups = 2, .bias = false);
    CHECK_STR(tn_to_string(conv), "LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1), groups=2, bias=False)");
    CHECK(!tn_forward(conv, tn_ones((2, 3))));
    CHECK_STR(tn_error_message(),
              "Expected 3D (unbatched) or 4D (batched) input to LazyConv2d, but got input of size: torch.Size([2, 3])");
    tn_clear_error();
    tn_manual_seed(7);
    y = tn_forward(conv, tn_ones((1, 6, 5, 5)));
    tn_manual_seed(7);
    tn_nn_conv2d *eager_conv = tn_nn_conv2d(6, 4, 3, .groups = 2, .bias = false);
    CHECK(tn_equal(conv->weight, eager_conv->weight) && tn_equal(y, tn_forward(eager_conv, tn_ones((1, 6, 5, 5)))));
    CHECK_STR(tn_to_string(conv), "Conv2d(6, 4, kernel_size=(3, 3), stride=(1, 1), groups=2, bias=False)");
    tn_nn_conv2d *odd = tn_nn_lazy_conv2d(4, 3, .groups = 4);
    CHECK(tn_forward(odd, tn_ones((1, 6, 5, 5))) == NULL && tn_is_lazy(odd->weight));
    CHECK_ERROR(TN_ERR_VALUE, "in_channels must be divisible by groups");
    CHECK(tn_forward(odd, tn_ones((6, 5))) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Expected 3D (unbatched) or 4D (batched) input");
}

static void lazy_states(void) {
    TN_SCOPE;
    HOLDS(205, "States keep what is uninitialized; a full one gives a lazy module its parameters, but its class changes at the "
               "first call; lazy into lazy stays lazy, into full fails.");
    tn_nn_linear *lazy = tn_nn_lazy_linear(3), *other = tn_nn_lazy_linear(3), *full = tn_nn_linear(5, 3);
    tn_state *s = tn_state_dict(lazy);
    CHECK(tn_is_lazy(tn_state_get(s, "weight")) && tn_load_state_dict(other, s) && tn_is_lazy(other->weight));
    CHECK(!tn_load_state_dict(full, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't access the shape of an uninitialized parameter or buffer.");
    tn_tensor *weight = lazy->weight;
    CHECK(tn_load_state_dict(lazy, tn_state_dict(full)) && lazy->weight == weight && !tn_is_lazy(weight) &&
          tn_equal(weight, full->weight));
    CHECK(strncmp(tn_to_string(lazy), "LazyLinear(", 11) == 0);
    CHECK(tn_equal(tn_forward(lazy, tn_ones((1, 5))), tn_forward(full, tn_ones((1, 5)))) && tn_equal(weight, full->weight));
    CHECK_STR(tn_to_string(lazy), "Linear(in_features=5, out_features=3, bias=True)");
    size_t size = tn_save_size(tn_state_dict(other));
    CHECK(size == 0 && tn_error() != TN_OK); /* a file has no place for it */
    tn_clear_error();
    CHECK(!tn_save(tn_state_dict(other), "lazy.pt") && tn_error() != TN_OK && remove("lazy.pt") != 0);
    tn_clear_error();
}

static void lazy_norms(void) {
    TN_SCOPE;
    HOLDS(206, "The lazy classes of instance norm are affine and track statistics, unlike the others.");
    tn_nn_instance_norm2d *lazy = tn_nn_lazy_instance_norm2d(), *eager = tn_nn_instance_norm2d(3);
    tn_tensor *weight = lazy->weight, *mean = lazy->running_mean, *x = tn_randn((2, 3, 4, 5));
    CHECK(lazy->affine && lazy->track_running_stats && !eager->affine && !eager->track_running_stats);
    CHECK_STR(state_names(tn_state_dict(lazy)), "weight bias running_mean running_var num_batches_tracked ");
    CHECK(tn_is_lazy(weight) && tn_is_lazy(lazy->bias) && tn_is_lazy(mean) && tn_is_lazy(lazy->running_var));
    CHECK_STR(tn_to_string(lazy),
              "LazyInstanceNorm2d(0, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)");
    CHECK(tn_forward(lazy, tn_ones(3)) == NULL && tn_is_lazy(weight));
    CHECK_ERROR(TN_ERR_VALUE, "expected 3D or 4D input (got 1D input)");
    tn_nn_instance_norm2d *copy = tn_deepcopy(lazy);
    CHECK(tn_forward(lazy, x) && lazy->weight == weight && lazy->running_mean == mean && tn_size(weight, 0) == 3);
    CHECK(sum_of(weight) == 3 && sum_of(lazy->bias) == 0 && sum_of(mean) != 0 && lazy->num_features == 3);
    CHECK_STR(tn_to_string(lazy), "InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)");
    CHECK(tn_is_lazy(copy->weight) && tn_load_state_dict(copy, tn_state_dict(lazy)) && !tn_is_lazy(copy->weight));
    CHECK(tn_eval(copy) && tn_eval(lazy) && tn_equal(tn_forward(copy, x), tn_forward(lazy, x)) && copy->num_features == 3);
    /* without a batch the features come first; of a state that was loaded they are known */
    lazy = tn_nn_lazy_instance_norm2d();
    CHECK(tn_forward(lazy, tn_ones((3, 4, 5))) && lazy->num_features == 3);
    tn_nn_batch_norm1d *norm = tn_nn_lazy_batch_norm1d(.dtype = TN_FLOAT64), *whole = tn_nn_batch_norm1d(4);
    CHECK(!tn_load_state_dict(whole, tn_state_dict(norm)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't access the shape of an uninitialized parameter or buffer.");
    CHECK(tn_module_to(norm, TN_FLOAT32) && tn_get_dtype(norm->running_mean) == TN_FLOAT32);
    CHECK(tn_forward(norm, tn_randn((1, 4))) == NULL && !tn_is_lazy(norm->weight)); /* learned before it fails */
    CHECK_ERROR(TN_ERR_VALUE, "Expected more than 1 value per channel when training");
    CHECK(tn_item_int(norm->num_batches_tracked) == 0 && tn_forward(norm, tn_randn((2, 4))));
    CHECK(tn_item_int(norm->num_batches_tracked) == 1 && strncmp(tn_to_string(norm), "BatchNorm1d(4, ", 15) == 0);
    /* what has nothing to learn learns nothing, as in PyTorch */
    norm = tn_nn_lazy_batch_norm1d(.affine = false, .track_running_stats = false);
    CHECK(tn_forward(norm, tn_randn((2, 4))) && strncmp(tn_to_string(norm), "BatchNorm1d(0, ", 15) == 0);
}

typedef struct {
    tn_module module;
    tn_tensor *w, *other;
} pair;
static tn_tensor *pair_forward(pair *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(pair, pair_forward, w, other);

static tn_tensor *moving_forward(tn_module *m, tn_tensor *x);
typedef struct {
    tn_module module;
    tn_tensor *w, *tied, *steps;
    tn_nn_linear *l;
} moving;
static tn_tensor *counts(moving *self, tn_tensor *x) {
    if (tn_ndim(x) == 3) return (void)tn_raise(TN_ERR_VALUE, "three dims"), NULL;
    self->steps = tn_add(self->steps, 1); /* replaced at every call */
    return moving_forward(&self->module, x);
}
static tn_tensor *moving_forward(tn_module *m, tn_tensor *x) {
    moving *self = (moving *)m;
    return tn_add(tn_mul(x, self->w), self->tied);
}
TN_CLASS(moving, counts, w, tied, steps, l);

static void functional_call(void) {
    TN_SCOPE;
    moving *m = tn_new(moving);
    m->w = m->tied = tn_parameter(tn_ones(2));
    m->steps = tn_buffer(tn_zeros(1));
    m->l = tn_nn_linear(1, 1);
    tn_tensor *x = tn_ones(2), *own = m->w, *w = tn_requires_grad_(tn_full(2, 5.0), true);
    tn_state *s = tn_state_new();
    IN_C(221,
         "functional_call runs a forward with other tensors in the members' places and puts the members back, also after an error; "
         "missing names fall back, unknown ones are ignored unless strict.",
         "The tensors come in one state, so no name comes twice and all are tensors.");
    tn_state_set(s, "w", w), tn_state_set(s, "unknown", x);
    tn_tensor *y = tn_functional_call(m, s, x, .tie_weights = false);
    CHECK(sum_of(y) == 12 && m->w == own && m->tied == own && tn_check(m));
    CHECK(tn_functional_call(m, s, tn_ones((1, 1, 2))) == NULL && m->w == own);
    CHECK_ERROR(TN_ERR_VALUE, "three dims");
    CHECK(tn_functional_call(m, s, x, .strict = true) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Error(s) in reparametrizing for moving:\n\tUnexpected key(s): 'unknown'.\n\tMissing key(s): "
                                "'l.bias', 'l.weight', 'steps'.");
    HOLDS(222, "A value for one name of a tied member stands under all; two different ones are a ValueError; tie_weights=False "
               "turns that off.");
    CHECK(sum_of(tn_functional_call(m, s, x)) == 20);
    tn_state_set(s, "tied", tn_full(2, 7.0));
    CHECK(tn_functional_call(m, s, x) == NULL);
    CHECK_ERROR(TN_ERR_VALUE,
                "functional_call got multiple values for keys ['tied', 'w'], which are tied. Consider using tie_weights=False");
    CHECK(sum_of(tn_functional_call(m, s, x, .tie_weights = false)) == 24);
    HOLDS(223, "What the call replaces is written into what was given, not into the module; gradients flow to the tensors given.");
    tn_tensor *steps = m->steps;
    tn_zero_(steps);
    tn_state_set(s, "steps", tn_full(1, 40.0));
    tn_backward(tn_sum(tn_functional_call(m, s, x, .tie_weights = false)));
    CHECK(sum_of(tn_state_get(s, "steps")) == 41 && m->steps == steps && sum_of(steps) == 0);
    CHECK(sum_of(tn_grad(w)) == 2 && tn_grad(own) == NULL);
    HOLDS(226, "parameters_to_vector copies all parameters into one vector; vector_to_parameters points them at slices of it.");
    tn_tensors *list = tn_parameters(m);
    tn_tensor *v = tn_nn_utils_parameters_to_vector(list);
    CHECK(tn_numel(v) == 4 && tn_data(v) != tn_data(own) && tn_grad_fn_name(v) != NULL);
    v = tn_arange(4, .dtype = TN_FLOAT32);
    CHECK(tn_nn_utils_vector_to_parameters(v, list) && tn_data(m->w) == tn_data(v) && sum_of(m->l->bias) == 3);
    CHECK(tn_data_f32(m->l->weight) == tn_data_f32(v) + 2 && m->w == own);
    CHECK(!tn_nn_utils_vector_to_parameters(tn_ones(3), list) && tn_data(m->w) == tn_data(v));
    CHECK_ERROR(TN_ERR_SHAPE, "the parameters have 4 elements, but the vector 3");
}

static void stacked(void) {
    TN_SCOPE;
    tn_nn_sequential *model[3];
    for (int i = 0; i < 3; i++) model[i] = tn_nn_sequential(tn_nn_linear(4, 3), tn_nn_batch_norm1d(3), tn_nn_linear(3, 2));
    tn_state *parameters, *buffers, *one = tn_state_new();
    tn_tensor *x = tn_randn((5, 4));
    HOLDS(224, "stack_module_state stacks parameters and buffers of several modules.");
    for (int i = 0; i < 3; i++) CHECK(tn_forward(model[i], tn_randn((6, 4))) && tn_eval(model[i])); /* running statistics */
    CHECK(tn_stack_module_state(TN_MODULES(model[0], model[1], model[2]), &parameters, &buffers));
    CHECK_STR(state_names(parameters), "0.weight 0.bias 1.weight 1.bias 2.weight 2.bias ");
    CHECK_STR(state_names(buffers), "1.running_mean 1.running_var 1.num_batches_tracked ");
    tn_tensor *w = tn_state_get(parameters, "0.weight"), *mean = tn_state_get(buffers, "1.running_mean");
    CHECK(tn_ndim(w) == 3 && tn_size(w, 0) == 3 && tn_size(w, 1) == 3 && tn_size(w, 2) == 4);
    CHECK(tn_is_leaf(w) && tn_requires_grad(w) && !tn_is_parameter(w) && tn_is_leaf(mean) && !tn_requires_grad(mean));
    for (int i = 0; i < 3; i++) { /* part i is model i */
        for (size_t k = 0; k < tn_state_count(parameters); k++)
            tn_state_set(one, tn_state_name(parameters, k), tn_select(tn_state_at(parameters, k), 0, i));
        for (size_t k = 0; k < tn_state_count(buffers); k++)
            tn_state_set(one, tn_state_name(buffers, k), tn_select(tn_state_at(buffers, k), 0, i));
        tn_tensor *y = tn_functional_call(model[(i + 1) % 3], one, x, .strict = true);
        CHECK(tn_equal(y, tn_forward(model[i], x)));
        tn_backward(tn_sum(y));
    }
    tn_backward(tn_sum(tn_forward(model[1], x)));
    CHECK(tn_allclose(tn_select(tn_grad(w), 0, 1), tn_grad(tn_get_parameter(model[1], "0.weight"))));
    CHECK(tn_grad(tn_get_parameter(model[0], "0.weight")) == NULL); /* copies */
    CHECK(tn_stack_module_state(TN_MODULES(model[0]), NULL, &buffers) && tn_state_count(buffers) == 3);
    tn_requires_grad_(tn_get_parameter(model[1], "2.bias"), false);
    CHECK(!tn_stack_module_state(TN_MODULES(model[0], model[1]), &parameters, &buffers) && !parameters && !buffers);
    CHECK_ERROR(TN_ERR_RUNTIME, "Expected 2.bias from each model to have the same .requires_grad");
    CHECK(!tn_stack_module_state(NULL, 0, &parameters, &buffers));
    CHECK_ERROR(TN_ERR_RUNTIME, "stack_module_state: Expected at least one model, got 0.");
    tn_train(model[1], true);
    CHECK(!tn_stack_module_state(TN_MODULES(model[0], model[1]), &parameters, &buffers));
    CHECK_ERROR(TN_ERR_RUNTIME, "stack_module_state: Expected all models to have the same training/eval mode.");
    CHECK(!tn_stack_module_state(TN_MODULES(tn_nn_relu(), tn_nn_linear(1, 1)), &parameters, &buffers));
    CHECK_ERROR(TN_ERR_RUNTIME, "stack_module_state: Expected all models to be of the same class.");
    CHECK(!tn_stack_module_state(TN_MODULES(tn_nn_linear(2, 1), tn_nn_linear(1, 1)), &parameters, &buffers));
    CHECK_ERROR(TN_ERR_SHAPE, "stack expects each tensor to be equal size, but got [1, 2] at entry 0 and [1, 1] at entry 1");
    CHECK(!tn_stack_module_state(TN_MODULES(tn_nn_linear(1, 1), tn_nn_linear(1, 1, .bias = false)), &parameters, &buffers));
    CHECK_ERROR(TN_ERR_KEY, "bias");
}

static void clipped(void) {
    TN_SCOPE;
    HOLDS(227, "clip_grad_norm_ scales all gradients to a norm; clip_grad_value_ clamps them.");
    tn_tensor *three = tn_parameter(tn_ones(1)), *four = tn_parameter(tn_ones((2, 2))), *idle = tn_parameter(tn_ones(2));
    tn_tensors *all = tn_tensors_new((tn_tensor *[]){three, idle, four}, 3);
    tn_set_grad(three, tn_full(1, 3.0));
    tn_set_grad(four, tn_full((2, 2), 2.0));
    CHECK(tn_item(tn_nn_utils_get_total_norm(tn_tensors_new((tn_tensor *[]){tn_grad(three), tn_grad(four)}, 2))) == 5);
    CHECK(tn_item(tn_nn_utils_clip_grad_norm_(all, 10)) == 5 && tn_item(tn_grad(three)) == 3); /* nothing to do */
    tn_tensor *kept = tn_grad(three);
    CHECK(tn_item(tn_nn_utils_clip_grad_norm_(all, 1)) == 5 && tn_grad(three) == kept && tn_grad(idle) == NULL);
    CHECK(fabs(tn_item(tn_grad(three)) - 0.6) < 1e-6 && fabs(sum_of(tn_grad(four)) - 1.6) < 1e-5);
    CHECK(fabs(tn_item(tn_nn_utils_clip_grad_norm_(all, 0.3, .norm_type = INFINITY)) - 0.6) < 1e-6);
    CHECK(fabs(tn_item(tn_grad(three)) - 0.3) < 1e-6);
    CHECK(tn_nn_utils_clip_grad_value_(all, 0.25) && tn_item(tn_grad(three)) == 0.25);
    tn_fill_(tn_grad(three), INFINITY);
    double before = sum_of(tn_grad(four));
    CHECK(tn_nn_utils_clip_grad_norm_(all, 1, .error_if_nonfinite = true) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "is non-finite, so it cannot be clipped");
    CHECK(sum_of(tn_grad(four)) == before);
    CHECK(tn_item(tn_nn_utils_clip_grad_norm_(tn_tensors_new(&idle, 1), 1)) == 0);
}

static tn_tensor *doubled(tn_tensor *g, void *data) {
    (void)data;
    return tn_mul(g, 2);
}

#define HELD "Expected use_count of t1 to be 1 or 2 with an AccumulateGrad node but got "
static void refused_swaps(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *other = tn_parameter(tn_zeros(3)), *view;
    view = tn_narrow(p, 0, 0, 1);
    CHECK(!tn_swap_tensors(p, other) && tn_numel(p) == 2 && tn_numel(other) == 3);
    CHECK_ERROR(TN_ERR_RUNTIME, HELD "3 make sure you are not holding references to the tensor in other places.");
    CHECK(!tn_swap_tensors(other, p));
    CHECK_ERROR(TN_ERR_RUNTIME, "Expected use_count of t2 to be 1");
    tn_tensor *one = tn_ones(1);
    CHECK(tn_swap_tensors(view, one)); /* the view itself: nobody holds it */
    tn_free(one);
    CHECK(tn_swap_tensors(p, other) && tn_numel(p) == 3);
    tn_tensor *y = tn_mul(p, p);
    CHECK(!tn_swap_tensors(p, other));
    CHECK_ERROR(TN_ERR_RUNTIME, HELD "4");
    CHECK(tn_backward(tn_sum(y)) && tn_swap_tensors(p, other)); /* what was saved is gone */
    tn_tensor *q = tn_parameter(tn_ones(2));
    tn_backward(tn_sum(q));
    CHECK(!tn_swap_tensors(tn_grad(q), tn_ones(2)));
    CHECK_ERROR(TN_ERR_RUNTIME, HELD "2");
    tn_tensor *detached = tn_detach(q);
    CHECK(tn_swap_tensors(q, tn_ones(1)) && sum_of(detached) == 2);
    CHECK(!tn_swap_tensors(q, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "swap_tensors: argument 'b'");
}

static void swapped(void) {
    TN_SCOPE;
    HOLDS(225, "swap_tensors exchanges what two objects are: values, class, history, gradient, hooks; it is refused while views or "
               "graphs hold one, and a graph that was recorded before fails in backward.");
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *p = l->weight, *b = tn_ones(3, .dtype = TN_FLOAT64), *kept = tn_parameter(b), *g;
    tn_backward(tn_sum(tn_mul(p, 1)));
    g = tn_grad(p);
    tn_register_hook(kept, doubled, NULL, NULL);
    CHECK(tn_swap_tensors(p, kept) && l->weight == p && tn_size(p, 0) == 3 && tn_get_dtype(p) == TN_FLOAT64 && tn_grad(p) == NULL);
    CHECK(tn_grad(kept) == g && tn_size(kept, 1) == 2 && tn_data(p) == tn_data(b) && tn_check(l));
    CHECK(tn_backward(tn_sum(p)) && sum_of(tn_grad(p)) == 6);
    CHECK(tn_swap_tensors(p, b) && tn_is_parameter(b) && !tn_is_parameter(p) && !tn_requires_grad(p) && !tn_check(l));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.DoubleTensor' as parameter 'weight'");
    CHECK(tn_swap_tensors(p, b) && tn_check(l) && tn_swap_tensors(p, p));
    tn_tensor *x = tn_parameter(tn_ones(2)), *y = tn_mul(x, 3), *z = tn_zeros(2); /* a result, and what retains its gradient */
    tn_retain_grad(y);
    CHECK(tn_swap_tensors(y, z) && tn_is_leaf(y) && tn_grad_fn_name(z) && tn_backward(tn_sum(z)) && sum_of(tn_grad(z)) == 2);
    CHECK(sum_of(tn_grad(x)) == 6 && tn_grad(y) == NULL);
    tn_tensor *loss = tn_sum(tn_add(x, 2)), *lazy = tn_uninitialized_parameter(), *old = tn_grad(x);
    CHECK(tn_swap_tensors(x, lazy) && tn_is_lazy(x) && !tn_is_lazy(lazy) && tn_grad(lazy) == old);
    CHECK(!tn_backward(loss));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Trying to execute AccumulateGrad node that was poisoned by swap_tensors");
    CHECK(sum_of(old) == 6 && tn_backward(tn_sum(lazy)) && sum_of(old) == 8); /* graphs of later are well */
}

static int duplicates;
static void count_warning(const char *message, void *data) {
    (void)data;
    if (strstr(message, "optimizer contains a parameter group with duplicate parameters")) duplicates++;
}

static void functional(void) {
    TN_SCOPE;
    IN_C(228,
         "An optimizer refuses an empty list, a computed tensor, what is no tensor, one Parameter in two groups and a negative "
         "rate; twice in one group is a warning; parameters without a gradient get no state; names are kept.",
         "The list of tn_parameters always brings its names, which stand in messages; what comes twice in one group is taken once, "
         "where PyTorch steps it twice.");
    CHECK(tn_optim_sgd(tn_tensors_new(NULL, 0), .lr = 0.1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "optimizer got an empty parameter list");
    tn_tensor *p = tn_parameter(tn_ones(2)), *y = tn_mul(p, 2);
    CHECK(tn_optim_sgd(tn_tensors_new(&y, 1), .lr = 0.1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "can't optimize a non-leaf Tensor");
    CHECK(tn_optim_sgd((tn_tensors *)(void *)p, .lr = 0.1) == NULL);
    CHECK_ERROR(TN_ERR_TYPE,
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor");
    CHECK(tn_optim_sgd(tn_tensors_new(&p, 1), .lr = -1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate: -1.0");
    tn_set_warning_handler(count_warning, NULL);
    tn_optim *opt = tn_optim_sgd(tn_tensors_new((tn_tensor *[]){p, p}, 2), .lr = 0.1);
    tn_set_warning_handler(NULL, NULL);
    CHECK_EQ_INT(duplicates, 1);
    CHECK(opt && !tn_optim_add_param_group(opt, tn_tensors_new(&p, 1)));
    CHECK_ERROR(TN_ERR_VALUE, "some parameters appear in more than one parameter group");
    CHECK(tn_optim_group_count(opt) == 1 && tn_optim_step(opt) && sum_of(p) == 2);
    tn_set_grad(p, tn_ones(2));
    CHECK(tn_optim_step(opt) && fabs(sum_of(p) - 1.8) < 1e-6); /* one step, not two */
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_optim *adam = tn_optim_adam(tn_parameters(l));
    tn_set_grad(l->bias, tn_ones(2));
    tn_state *s;
    CHECK(tn_optim_step(adam) && (s = tn_optim_state_dict(adam)) && tn_state_has(s, "state.1.step") &&
          !tn_state_has(s, "state.0.step"));
    l->bias = tn_parameter(tn_ones(2));
    CHECK(!tn_optim_step(adam));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "parameter 'bias'");
}

static void design(void) {
    TN_SCOPE;
    pair *m = tn_new(pair);
    IN_C(229,
         "Rules of assignment are rules on values in named places; fields that are read again give all of them but the moment of "
         "the error.",
         "tn_module_set judges at once; a field is judged by the next call that walks, with the same text.");
    m->w = tn_parameter(tn_ones(1));
    CHECK(tn_check(m));
    tn_tensor *p = m->w;
    m->w = tn_ones(1); /* no error yet, and none when it is put back */
    m->w = p;
    CHECK(tn_check(m));
    IN_C(230, "The order of names is that of their first registration, not that of a struct.",
         "Fields have the order of TN_CLASS, members made at run time that of registration; a state in another order loads by "
         "name.");
    m->other = tn_parameter(tn_ones(1));
    m->w = NULL, m->w = p;
    CHECK_STR(walk_names(tn_named_parameters(m)), "w other ");
    IN_C(231,
         "Four behaviours are to be left out: the lost buffer, the changed metadata, the gap of insert, unchecked module names.",
         "They are: statements 76, 172, 179 and 88.");
    CHECK(!tn_module_set(m, "a.b", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, NULL);
    HOLDS(232, "Identity is what ties, optimizer state, walks without duplicates and conversion stand on.");
    m->other = m->w;
    CHECK(tn_tensors_count(tn_parameters(m)) == 1 && tn_module_to(m, TN_FLOAT64) && m->other == p && m->w == p);
}

int main(void) {
    RUN(uninitialized);
    RUN(lazy_layers);
    RUN(lazy_states);
    RUN(lazy_norms);
    RUN(functional_call);
    RUN(stacked);
    RUN(clipped);
    RUN(swapped);
    RUN(refused_swaps);
    RUN(functional);
    RUN(design);
    return test_end();
}
