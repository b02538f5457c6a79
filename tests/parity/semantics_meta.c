/* Statements 23, 133, 139 and 166 live, and what tensors on the meta device are and refuse. semantics_meta.py makes the same observations of
 * PyTorch, in the same order. */
#include "observe.h"

static void text(int n, tn_tensor *x) { say(n, x ? tn_to_string(x) : "nothing"); }
static void yes(int n, bool right) { say(n, right ? "True" : "False"); }

static void making(void) {
    tn_tensor *m = tn_ones((2, 3), .device = "meta"), *c = tn_ones((2, 3)), *p = tn_parameter(m);
    text(23, p), text(23, tn_mul(p, 2)), text(23, tn_parameter(tn_empty(2, .dtype = TN_FLOAT16, .device = "meta"), false));
    text(23, tn_arange(3, .device = "meta")), text(23, tn_eye(2, .dtype = TN_COMPLEX64, .device = "meta"));
    text(23, tn_zeros((0, 3), .dtype = TN_BOOL, .device = "meta")), text(23, tn_sum(tn_to(p, TN_FLOAT64)));
    say(23, tn_device(m)), yes(23, tn_is_meta(p)), yes(23, tn_is_contiguous(tn_t(m)));
    tn_add(m, c), error(23);
    tn_add(c, m), error(23);
    tn_zeros(2, .device = ""), error(23);
    tn_zeros(2, .device = "cpu:x"), error(23);
    tn_item(tn_sum(m)), error(23);
    tn_copy_(c, m), error(23);
    tn_to(m, TN_DTYPE_NONE, .device = "cpu"), error(23);
    text(23, tn_add(m, tn_tensor((), 1.0))), text(23, tn_copy_(m, c)), text(23, tn_ones_like(c, .device = "meta"));
    tn_tensor *x = tn_ones((2, 2), .requires_grad = true);
    tn_backward(tn_sum(tn_mul(tn_to(x, TN_DTYPE_NONE, .device = "meta"), 2))), error(23);
    tn_backward(tn_sum(tn_mul(p, p))), text(23, tn_grad(p));
    tn_set_grad(x, tn_ones((2, 2), .device = "meta")), error(23);
    tn_set_data(x, tn_ones((2, 2), .device = "meta")), error(23);
}

static void defaults(void) {
    tn_manual_seed(3);
    tn_set_default_device("meta");
    tn_nn_linear *l = tn_nn_linear(3, 2);
    text(139, l->weight), text(139, l->bias), say(139, tn_get_default_device());
    text(139, tn_randn((2, 2))), text(139, tn_tensor((2), 1, 2)), say(139, tn_device(tn_ones(1, .device = "cpu")));
    text(139, tn_forward(l, tn_ones((4, 3))));
    tn_set_default_device("cpu");
    text(139, tn_rand(2)); /* nothing was drawn before */
}

static void modules(void) {
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_module_to(l, .device = "cpu"), say(133, tn_device(l->weight));
    tn_module_to(l, .device = "xyz"), error(133);
    tn_module_to(l, .device = "meta"), text(133, l->weight);
    tn_module_to(l, TN_FLOAT64), text(133, l->weight);
    tn_module_to(l, .device = "cpu"), error(139);
    tn_module_to_empty(l, .device = "cpu"), say(139, tn_device(l->weight)), yes(139, tn_requires_grad(l->weight));
    say(139, tn_dtype_name(tn_get_dtype(l->weight)));
    tn_module_to_empty(l, .device = "meta"), text(139, l->bias);
}

static void states(void) {
    tn_nn_linear *meta = tn_nn_linear(3, 2), *real = tn_nn_linear(3, 2);
    tn_module_to(meta, .device = "meta");
    tn_state *s = tn_state_dict(real);
    tn_load_state_dict(meta, s), warned(166), text(166, meta->weight);
    tn_load_state_dict(real, tn_state_dict(meta)), error(166);
    tn_load_state_dict(meta, tn_state_dict(tn_nn_linear(4, 2))), error(166), last_warning[0] = 0;
    tn_load_state_dict(meta, s, .assign = true), warned(166), say(166, tn_device(meta->weight));
    yes(166, tn_equal(meta->weight, real->weight)), yes(166, tn_requires_grad(meta->weight));
    tn_nn_linear *copy = tn_deepcopy(meta);
    tn_load_state_dict(real, tn_state_dict(copy)), warned(166);
}

static void training(void) {
    tn_set_default_device("meta");
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_optim *sgd = tn_optim_sgd(tn_parameters(l), .lr = 0.1, .momentum = 0.9), *adam = tn_optim_adam(tn_parameters(l));
    for (int i = 0; i < 2; i++) {
        tn_tensor *y = tn_forward(l, tn_ones((4, 3)));
        tn_tensor *loss = tn_cross_entropy(y, tn_zeros(4, .dtype = TN_INT64));
        tn_backward(loss), text(23, loss), text(23, tn_grad(l->weight));
        text(23, tn_nn_utils_clip_grad_norm_(tn_parameters(l), 1.0));
        tn_optim_step(sgd), tn_optim_step(adam), text(23, l->weight);
    }
    tn_set_default_device(NULL);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_meta")) return 2;
    making();
    defaults();
    modules();
    states();
    training();
    return observed();
}
