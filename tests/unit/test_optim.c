/* Optimizers. Expected values are of PyTorch 2.13 on the same parameters and gradients; see `run`. */
#include "support.h"
#include <stdlib.h>

enum { N = 8, STEPS = 10 };

static tn_tensor *values(tn_dtype dtype, const double *v, int64_t n) {
    tn_tensor *x = tn_zeros(n, .dtype = dtype);
    for (int64_t i = 0; i < n; i++) {
        if (dtype == TN_FLOAT32)
            tn_data_f32(x)[i] = (float)v[i];
        else
            tn_data_f64(x)[i] = v[i];
    }
    return x;
}

/* torch.tensor([(i - 3) * 0.5 for i in range(8)]) */
static tn_tensor *first_values(tn_dtype dtype) {
    double v[N];
    for (int i = 0; i < N; i++) v[i] = (i - 3) * 0.5;
    return values(dtype, v, N);
}

/* torch.tensor([((i * 7 + t * 3) % 11 - 5) * 0.25 for i in range(8)]) */
static tn_tensor *gradient(tn_dtype dtype, int t) {
    double v[N];
    for (int i = 0; i < N; i++) v[i] = ((i * 7 + t * 3) % 11 - 5) * 0.25;
    return values(dtype, v, N);
}

static tn_tensors *list(tn_tensor *x) { return tn_tensors_new(&x, 1); }

static void steps(tn_optim *opt, tn_tensor *p, int from, int to) {
    for (int t = from; t < to; t++) {
        TN_SCOPE;
        CHECK(tn_set_grad(p, gradient(tn_get_dtype(p), t)));
        CHECK(tn_optim_step(opt));
    }
}

static void same(tn_tensor *x, const double *expected) {
    for (int i = 0; i < N; i++) {
        if (tn_get_dtype(x) == TN_FLOAT32)
            CHECK_NEAR(tn_data_f32(x)[i], (double)(float)expected[i], 0);
        else
            CHECK_NEAR(tn_data_f64(x)[i], expected[i], 0);
    }
}

/* Ten steps; the values are expected to the last bit. */
static void run(tn_optim *opt, tn_tensor *p, const double *expected) {
    steps(opt, p, 0, STEPS);
    same(p, expected);
    CHECK_OK();
}

static void sgd(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_sgd(list(p), .lr = 0.1), p, /* SGD(lr=0.1) */
        (double[]){-1.42499995, -1.02499998, -0.625, 0.0500000045, 0.449999988, 1.125, 1.52499998, 1.92499995});
    p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_sgd(list(p), 0.1, 0.9, 0.1, 0.05), p, /* SGD(lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.05) */
        (double[]){-0.616470337, -1.24426258, -0.619151533, -0.136025891, -0.101681851, 1.51793158, 0.872989178, 1.78790104});
    p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_sgd(list(p), .lr = 0.1, .momentum = 0.9, .nesterov = true, .maximize = true), p,
        (double[]){-2.16818261, -0.534389496, -0.136901334, 0.0377642959, 1.07307398, 0.182024851, 1.79137385, 1.91450012});
    p = tn_parameter(first_values(TN_FLOAT64));
    run(tn_optim_sgd(list(p), .lr = 0.1, .momentum = 0.9, .weight_decay = 0.05), p, /* in float64 */
        (double[]){-0.61527171287080695, -1.2368079812136834, -0.66821461948195982, -0.064242953001458505, -0.14637500154744332,
                   1.5248839491061554, 0.87931743739220314, 1.7717235670406717});
}

static void adam(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_adam(list(p), .lr = 0.01, .weight_decay = 0.1, .amsgrad = true), p, /* all of them with fused=True */
        (double[]){-1.45570993, -1.01934397, -0.490432471, -0.0123971738, 0.465380818, 1.02204335, 1.46889472, 1.97063971});
    p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_adamw(list(p), .lr = 0.01), p,
        (double[]){-1.46689856, -1.02816653, -0.496272027, -0.012498416, 0.469813854, 1.03278732, 1.48236132, 2.00014091});
    p = tn_parameter(first_values(TN_FLOAT32));
    run(tn_optim_adamw(list(p), .lr = 0.01, .betas = {0.3, 0.9}, .maximize = true), p,
        (double[]){-1.50631988, -0.986909926, -0.488916337, -0.00317357667, 0.519878745, 0.980072021, 1.50080144, 2.00696826});
    p = tn_parameter(first_values(TN_FLOAT64));
    run(tn_optim_adamw(list(p), .lr = 0.01, .weight_decay = 0.1), p,
        (double[]){-1.4536742729155823, -1.0190111858587574, -0.49186646502394021, -0.012386390066181224, 0.46550964603724582,
                   1.0236474376011142, 1.4690294551077985, 1.982232298530874});
}

static void defaults_without_options(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(1)), *q = tn_parameter(tn_ones(1));
    tn_optim *a = (tn_optim_adamw)(list(p), NULL), *b = tn_optim_adamw(list(q));
    CHECK_STR(tn_to_string(a),
              "AdamW (\nParameter Group 0\n    amsgrad: False\n    betas: (0.9, 0.999)\n    eps: 1e-08\n    lr: 0.001\n"
              "    maximize: False\n    weight_decay: 0.01\n)");
    tn_set_grad(p, tn_ones(1));
    tn_set_grad(q, tn_ones(1));
    CHECK(tn_optim_step(a) && tn_optim_step(b));
    CHECK(tn_equal(p, q));
    CHECK_STR(tn_to_string((tn_optim_sgd)(list(p), NULL)),
              "SGD (\nParameter Group 0\n    dampening: 0.0\n    lr: 0.001\n    maximize: False\n"
              "    momentum: 0.0\n    nesterov: False\n    weight_decay: 0.0\n)");
    CHECK_OK();
}

static void what_is_refused(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2));
    CHECK(tn_optim_sgd(tn_tensors_new(NULL, 0)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "optimizer got an empty parameter list");
    CHECK(tn_optim_sgd(list(tn_mul(p, 2))) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "can't optimize a non-leaf Tensor");
    CHECK(tn_optim_sgd(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "params");
    CHECK(tn_optim_sgd((void *)p) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    CHECK(tn_optim_sgd(list(p), .lr = -1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate: -1.0");
    CHECK(tn_optim_sgd(list(p), .lr = NAN) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate: nan");
    CHECK(tn_optim_sgd(list(p), .momentum = -0.5) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid momentum value: -0.5");
    CHECK(tn_optim_sgd(list(p), .nesterov = true) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Nesterov momentum requires a momentum and zero dampening");
    CHECK(tn_optim_adam(list(p), .betas = {1, 0.9}) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid beta parameter at index 0: 1.0");
    CHECK(tn_optim_adam(list(p), .betas = {0.9, NAN}) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid beta parameter at index 1: nan");
    CHECK(tn_optim_adam(list(p), .eps = -1e-8) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid epsilon value: -1e-08");
    CHECK(tn_optim_adamw(list(p), .weight_decay = -1e20) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid weight_decay value: -1e+20");
    CHECK(!tn_optim_step(NULL));
    CHECK_ERROR(TN_ERR_TYPE, "opt");
    CHECK(!tn_optim_step((void *)p));
    CHECK_ERROR(TN_ERR_TYPE, NULL);
}

static int warnings;
static void count_warning(const char *message, void *data) {
    (void)data;
    warnings += strstr(message, "duplicate parameters") != NULL;
}

static void duplicates(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(1)), *q = tn_parameter(tn_ones(1));
    tn_tensor *three[] = {p, q, p};
    tn_set_warning_handler(count_warning, NULL);
    tn_optim *opt = tn_optim_sgd(tn_tensors_new(three, 3), .lr = 1);
    tn_set_warning_handler(NULL, NULL);
    CHECK_EQ_INT(warnings, 1);
    tn_set_grad(p, tn_ones(1));
    CHECK(tn_optim_step(opt));
    CHECK_NEAR(tn_item(p), 0, 0);
    CHECK(!tn_optim_add_param_group(opt, list(q)));
    CHECK_ERROR(TN_ERR_VALUE, "some parameters appear in more than one parameter group");
    CHECK_EQ_INT(tn_optim_group_count(opt), 1);
}

static void groups(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(1)), *q = tn_parameter(tn_ones(1)), *r = tn_parameter(tn_ones(1));
    tn_optim *opt = tn_optim_sgd(list(p), .lr = 0.5);
    CHECK(tn_optim_add_param_group(opt, list(q), .lr = 0.25));
    CHECK(tn_optim_add_param_group(opt, list(r)));
    CHECK_EQ_INT(tn_optim_group_count(opt), 3);
    CHECK_NEAR(tn_optim_get_lr(opt, 1), 0.25, 0);
    CHECK_NEAR(tn_optim_get_lr(opt, 2), 0.5, 0);
    tn_backward(tn_add(tn_add(p, q), r));
    CHECK(tn_optim_step(opt));
    CHECK(tn_item(p) == 0.5 && tn_item(q) == 0.75 && tn_item(r) == 0.5);
    CHECK(tn_optim_set_lr(opt, 1, 2));
    CHECK(tn_optim_step(opt));
    CHECK(tn_item(q) == -1.25);
    CHECK(!tn_optim_set_lr(opt, 3, 1));
    CHECK_ERROR(TN_ERR_INDEX, "group 3 is out of range for 3 groups");
    CHECK(!tn_optim_set_lr(opt, 0, -2));
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate: -2.0");
    CHECK(!tn_optim_add_param_group(opt, list(tn_parameter(tn_ones(1))), .eps = 1));
    CHECK_ERROR(TN_ERR_TYPE, "SGD has no option 'eps'");
    CHECK(!tn_optim_add_param_group(opt, list(tn_parameter(tn_ones(1))), .weight_decay = NAN));
    CHECK_ERROR(TN_ERR_VALUE, "Invalid weight_decay value: nan");
    CHECK(isnan(tn_optim_get_lr(opt, 9)));
    CHECK_ERROR(TN_ERR_INDEX, NULL);
}

static void without_gradient_nothing_happens(void) {
    TN_SCOPE;
    tn_tensor *both[] = {tn_parameter(tn_ones(2)), tn_parameter(tn_ones(2))};
    tn_optim *opt = tn_optim_adamw(tn_tensors_new(both, 2), .lr = 0.1);
    CHECK(tn_optim_step(opt));
    tn_set_grad(both[1], tn_ones(2));
    uint32_t version = tn_version_counter(both[1]);
    CHECK(tn_optim_step(opt));
    CHECK(tn_version_counter(both[1]) > version);
    CHECK(tn_equal(both[0], tn_ones(2)) && !tn_equal(both[1], tn_ones(2)));
    tn_state *s = tn_optim_state_dict(opt);
    CHECK(!tn_state_has(s, "state.0.step") && tn_state_has(s, "state.1.step"));
    CHECK(tn_is_leaf(both[1]) && tn_requires_grad(both[1]));
    CHECK(tn_optim_zero_grad(opt));
    CHECK(tn_grad(both[0]) == NULL && tn_grad(both[1]) == NULL);
    CHECK_OK();
}

/* Parameters that are transposed, or have holes, and gradients with other strides. */
static void any_layout(void) {
    TN_SCOPE;
    tn_manual_seed(1);
    tn_tensor *plain = tn_parameter(tn_randn((3, 4))), *g = tn_randn((3, 4));
    tn_tensor *turned = tn_parameter(tn_t(tn_contiguous(tn_t(plain))));
    tn_tensor *wide = tn_zeros((3, 8)), *holes = tn_parameter(tn_slice(wide, 1, 1, 8, 2));
    CHECK(!tn_is_contiguous(turned) && !tn_is_contiguous(holes));
    {
        TN_NO_GRAD;
        tn_copy_(holes, plain);
    }
    tn_tensor *all[] = {plain, turned, holes};
    tn_optim *opt = tn_optim_adamw(tn_tensors_new(all, 3), .lr = 0.1, .amsgrad = true);
    for (int t = 0; t < 3; t++) {
        for (int i = 0; i < 3; i++) tn_set_grad(all[i], i == t ? g : tn_t(tn_contiguous(tn_t(g))));
        uint32_t version = tn_version_counter(holes);
        CHECK(tn_optim_step(opt));
        CHECK(tn_version_counter(holes) > version);
        CHECK(tn_equal(plain, turned) && tn_equal(plain, holes));
    }
    CHECK_NEAR(tn_item(tn_sum(tn_slice(wide, 1, 0, 8, 2))), 0, 0);
    CHECK_OK();
}

static void a_failed_step_changes_nothing(void) {
    TN_SCOPE;
    tn_tensor *both[] = {tn_parameter(tn_ones(2)), tn_parameter((tn_expand)(tn_ones(1), (int64_t[]){3}, 1))};
    tn_optim *opt = tn_optim_sgd(tn_tensors_new(both, 2), .lr = 1, .momentum = 0.9);
    tn_set_grad(both[0], tn_ones(2));
    tn_set_grad(both[1], tn_ones(3));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_SHAPE, "more than one element of the written-to tensor refers to a single memory location");
    CHECK(tn_equal(both[0], tn_ones(2)));
    CHECK(!tn_state_has(tn_optim_state_dict(opt), "state.0.momentum_buffer"));
    tn_set_grad(both[1], NULL);
    CHECK(tn_optim_step(opt)); /* as a first one: the buffer is the gradient */
    CHECK(tn_equal(both[0], tn_zeros(2)));
    CHECK_OK();
}

typedef struct {
    tn_module module;
    tn_nn_linear *hidden;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->hidden, x); }
TN_CLASS(net, net_forward, hidden);

static void a_replaced_parameter_is_named(void) {
    TN_SCOPE;
    net *m = tn_new(net);
    m->hidden = tn_nn_linear(3, 2);
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 1);
    tn_tensor *bias = m->hidden->bias, *before = tn_clone(bias);
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 3)))));
    m->hidden->weight = tn_parameter(tn_ones((2, 3)));
    CHECK(tn_check(m));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP,
                "optimizer holds parameter 'hidden.weight' of shape [2, 3], which was replaced in its module by another; "
                "make the optimizer anew");
    CHECK(tn_equal(bias, before));
}

static void state_goes_out_and_comes_back(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(first_values(TN_FLOAT32)), *q = tn_parameter(first_values(TN_FLOAT32));
    tn_optim *a = tn_optim_adam(list(p), .lr = 0.01, .weight_decay = 0.1, .amsgrad = true);
    tn_optim *b = tn_optim_adam(list(q), .amsgrad = true);
    steps(a, p, 0, 4);
    tn_state *s = tn_optim_state_dict(a);
    const char *names[] = {"state.0.step",
                           "state.0.exp_avg",
                           "state.0.exp_avg_sq",
                           "state.0.max_exp_avg_sq",
                           "param_groups.0.amsgrad",
                           "param_groups.0.betas",
                           "param_groups.0.eps",
                           "param_groups.0.lr",
                           "param_groups.0.maximize",
                           "param_groups.0.weight_decay",
                           "param_groups.0.params"};
    CHECK_EQ_INT(tn_state_count(s), 11);
    for (size_t i = 0; i < 11 && i < tn_state_count(s); i++) CHECK_STR(tn_state_name(s, i), names[i]);
    CHECK_NEAR(tn_item(tn_state_get(s, "state.0.step")), 4, 0);
    CHECK_EQ_INT(tn_get_dtype(tn_state_get(s, "state.0.step")), TN_FLOAT32);
    CHECK_NEAR(tn_item(tn_state_get(s, "param_groups.0.lr")), 0.01, 0);
    {
        TN_NO_GRAD;
        tn_copy_(q, p);
    }
    CHECK(tn_optim_load_state_dict(b, s));
    steps(a, p, 4, 7); /* the copy is b's own */
    steps(b, q, 4, STEPS);
    same(q, (double[]){-1.45570993, -1.01934397, -0.490432471, -0.0123971738, 0.465380818, 1.02204335, 1.46889472, 1.97063971});
    CHECK_OK();
}

static void momentum_goes_out_and_comes_back(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(first_values(TN_FLOAT32)), *q = tn_parameter(first_values(TN_FLOAT32));
    tn_optim *a = tn_optim_sgd(list(p), 0.1, 0.9, 0.1, 0.05), *b = tn_optim_sgd(list(q));
    CHECK(tn_optim_load_state_dict(b, tn_optim_state_dict(a))); /* before the first step */
    steps(b, q, 0, 3);
    CHECK(tn_optim_load_state_dict(a, tn_optim_state_dict(b)));
    {
        TN_NO_GRAD;
        tn_copy_(p, q);
    }
    steps(a, p, 3, STEPS);
    same(p, (double[]){-0.616470337, -1.24426258, -0.619151533, -0.136025891, -0.101681851, 1.51793158, 0.872989178, 1.78790104});
    CHECK_OK();
}

static tn_state *copy_without(tn_state *s, const char *name) {
    tn_state *copy = tn_state_new();
    for (size_t i = 0; i < tn_state_count(s); i++)
        if (strcmp(tn_state_name(s, i), name) != 0) tn_state_set(copy, tn_state_name(s, i), tn_state_at(s, i));
    return copy;
}

static void a_wrong_state_changes_nothing(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(first_values(TN_FLOAT32));
    tn_optim *opt = tn_optim_adamw(list(p), .lr = 0.01);
    steps(opt, p, 0, 5);
    tn_state *s = tn_optim_state_dict(opt), *bad = copy_without(s, "state.0.exp_avg_sq");
    CHECK(!tn_optim_load_state_dict(opt, bad));
    CHECK_ERROR(TN_ERR_KEY, "there is no 'state.0.exp_avg_sq'");
    CHECK(!tn_optim_load_state_dict(opt, copy_without(s, "state.0.step")));
    CHECK_ERROR(TN_ERR_KEY, "there is no 'state.0.step'");
    CHECK(!tn_optim_load_state_dict(opt, copy_without(s, "param_groups.0.lr")));
    CHECK_ERROR(TN_ERR_KEY, "there is no 'param_groups.0.lr'");
    CHECK(!tn_optim_load_state_dict(opt, copy_without(s, "param_groups.0.params")));
    CHECK_ERROR(TN_ERR_VALUE, "loaded state dict has a different number of parameter groups");
    tn_state_set(bad, "state.0.exp_avg_sq", tn_ones(7));
    CHECK(!tn_optim_load_state_dict(opt, bad));
    CHECK_ERROR(TN_ERR_SHAPE, "'state.0.exp_avg_sq' has shape [7], but its parameter [8]");
    bad = copy_without(s, "");
    tn_state_set(bad, "state.1.exp_avg", tn_ones(8));
    CHECK(!tn_optim_load_state_dict(opt, bad));
    CHECK_ERROR(TN_ERR_KEY, "'state.1.exp_avg' is of no parameter: there are 1");
    bad = copy_without(s, "");
    tn_state_set(bad, "extra", tn_ones(8));
    CHECK(!tn_optim_load_state_dict(opt, bad));
    CHECK_ERROR(TN_ERR_KEY, "unexpected name 'extra'");
    bad = copy_without(s, "");
    tn_state_set(bad, "param_groups.0.lr", tn_scalar_tensor(-1.0));
    CHECK(!tn_optim_load_state_dict(opt, bad));
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate: -1.0");
    tn_tensor *two[] = {tn_parameter(tn_ones(8)), tn_parameter(tn_ones(8))};
    CHECK(!tn_optim_load_state_dict(tn_optim_adamw(tn_tensors_new(two, 2)), s));
    CHECK_ERROR(TN_ERR_VALUE, "doesn't match the size of optimizer's group");
    steps(opt, p, 5, STEPS);
    same(p, (double[]){-1.46689856, -1.02816653, -0.496272027, -0.012498416, 0.469813854, 1.03278732, 1.48236132, 2.00014091});
}

static void another_dtype_is_refused(void) {
    TN_SCOPE;
    net *m = tn_new(net);
    m->hidden = tn_nn_linear(3, 2);
    tn_optim *opt = tn_optim_adamw(tn_parameters(m));
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 3)))));
    CHECK(tn_optim_step(opt) && tn_optim_zero_grad(opt) && tn_module_to(m, TN_FLOAT64));
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 3), .dtype = TN_FLOAT64))));
    CHECK_OK();
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_DTYPE, "parameter 'hidden.weight' is of torch.float64, but its exp_avg of torch.float32");
}

static void threads_do_not_matter(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    const int64_t n = 100003;
    int threads = tn_get_num_threads();
    tn_tensor *x = tn_randn(n), *g = tn_randn(n), *p[2];
    for (int i = 0; i < 2; i++) {
        tn_set_num_threads(i ? 4 : 1);
        p[i] = tn_parameter(tn_clone(x));
        tn_optim *opt = tn_optim_adamw(list(p[i]));
        tn_set_grad(p[i], g);
        for (int t = 0; t < 3; t++) CHECK(tn_optim_step(opt));
    }
    tn_set_num_threads(threads);
    CHECK(tn_equal(p[0], p[1]));
    CHECK_OK();
}

static void a_warm_step_allocates_nothing(void) {
    TN_SCOPE;
    tn_tensor *p[50];
    for (int i = 0; i < 50; i++) {
        p[i] = tn_parameter(tn_ones((3, 4)));
        tn_set_grad(p[i], tn_ones((3, 4)));
    }
    tn_optim *opt = tn_optim_adam(tn_tensors_new(p, 50), .amsgrad = true);
    CHECK(tn_optim_step(opt));
    size_t live = live_objects(), calls = allocator_calls();
    for (int t = 0; t < 100; t++) CHECK(tn_optim_step(opt));
    CHECK_EQ_INT(allocator_calls(), calls);
    CHECK_EQ_INT(live_objects(), live);
}

static void all_is_given_back(void) {
    size_t live = live_objects();
    {
        TN_SCOPE;
        tn_tensor *p = tn_parameter(tn_ones(3));
        tn_optim *opt = tn_optim_adamw(list(p));
        tn_free(p);
        tn_backward(tn_sum(tn_mul(p, 2))); /* the optimizer keeps it */
        CHECK(tn_optim_step(opt));
        tn_state *s = tn_optim_state_dict(opt);
        CHECK(tn_optim_load_state_dict(opt, s));
        CHECK(tn_optim_sgd(list(p), .lr = -1) == NULL);
        CHECK_ERROR(TN_ERR_VALUE, NULL);
    }
    CHECK_EQ_INT(live_objects(), live);
}

int main(void) {
    RUN(sgd);
    RUN(adam);
    RUN(defaults_without_options);
    RUN(what_is_refused);
    RUN(duplicates);
    RUN(groups);
    RUN(without_gradient_nothing_happens);
    RUN(any_layout);
    RUN(a_failed_step_changes_nothing);
    RUN(a_replaced_parameter_is_named);
    RUN(state_goes_out_and_comes_back);
    RUN(momentum_goes_out_and_comes_back);
    RUN(a_wrong_state_changes_nothing);
    RUN(another_dtype_is_refused);
    RUN(threads_do_not_matter);
    RUN(a_warm_step_allocates_nothing);
    RUN(all_is_given_back);
    return test_end();
}
