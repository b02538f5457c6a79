/* Statement 23 live: sparse tensors as Parameters, and what they do and refuse. semantics_sparse.py makes the same observations of PyTorch,
 * in the same order. */
#include "observe.h"

static void text(tn_tensor *x) { say(23, x ? tn_to_string(x) : "nothing"); }
static void yes(bool right) { say(23, right ? "True" : "False"); }

static tn_tensor *example(void) {
    return tn_sparse_coo_tensor(tn_tensor((2, 3), 0, 1, 1, 2, 0, 2), tn_tensor((3), 3.0, 4.0, 5.0), (2, 3));
}
static tn_tensor *twice(void) {
    return tn_sparse_coo_tensor(tn_tensor((2, 4), 1, 0, 1, 1, 2, 2, 0, 2), tn_tensor((4), 2.0, 3.0, 4.0, 3.5), (2, 3));
}

static void texts(void) {
    tn_tensor *s = example(), *t = twice();
    text(s), text(t), text(tn_coalesce(t)), text(tn_to_dense(t)), text(tn_parameter(s)), text(tn_parameter(s, false));
    text(tn_to(s, TN_FLOAT64)), text(tn_to(s, TN_INT64)), text(tn_to(s, TN_FLOAT16)), text(tn_to(s, TN_COMPLEX64));
    text(tn_sparse_coo_tensor(tn_tensor((1, 2), 3, 1), tn_ones((2, 2)), ())), text(tn_zeros_like(s)),
        text(tn_to_sparse(tn_eye(3), 1));
    tn_set_printoptions(-1, 5, 1, 40, -1);
    text(tn_to_sparse(tn_parameter(tn_add(tn_reshape(tn_arange(12.0), (4, 3)), 1))));
    tn_set_printoptions(4, 1000, 3, 80, -1);
    text(tn_indices(tn_coalesce(t))), text(tn_values(tn_coalesce(t)));
    yes(tn_is_sparse(s)), yes(tn_is_coalesced(t)), sayf(23, (double)tn_nnz(t)), sayf(23, (double)tn_dense_dim(s)),
        yes(tn_is_contiguous(s));
    sayf(23, (double)tn_stride(s, 0)), say(23, tn_device(s)), sayf(23, (double)tn_numel(s));
}

static void arithmetic(void) {
    tn_tensor *s = tn_coalesce(example()), *t = twice(), *ones = tn_ones((2, 3));
    text(tn_mul(t, 2)), text(tn_neg(s)), text(tn_div(s, 2)), text(tn_coalesce(tn_add(s, t))),
        text(tn_coalesce(tn_sub(s, t, .alpha = 2)));
    text(tn_add(ones, t)), text(tn_sum(t)), text(tn_coalesce(tn_t(t))), text(tn_mm(t, tn_ones((3, 2)))),
        text(tn_matmul(s, tn_ones(3)));
    tn_tensor *u = tn_clone(s);
    tn_mul_(u, 3), text(u), tn_add_(u, s), text(tn_coalesce(u)), tn_copy_(u, t), text(u), tn_zero_(u), text(u),
        text(tn_add_(ones, s));
    tn_add(s, tn_ones((2, 3))), error(23);
    tn_copy_(s, tn_ones((2, 3))), error(23);
    tn_copy_(tn_ones((2, 3)), s), error(23);
    tn_indices(t), error(23);
    tn_values(t), error(23);
}

static void gradients(void) {
    tn_tensor *p = tn_parameter(tn_coalesce(twice())), *d = tn_parameter(tn_ones((3, 2)));
    tn_tensor *y = tn_sparse_mm(p, d);
    text(y), tn_backward(tn_sum(tn_mul(y, y))), text(tn_grad(p)), text(tn_grad(d));
    tn_set_grad(p, NULL), y = tn_to_dense(p), text(y), tn_backward(tn_sum(tn_mul(y, y))), text(tn_grad(p));
    tn_tensor *v = tn_requires_grad_(tn_tensor((3), 3.0, 4.0, 5.0), true);
    tn_tensor *s = tn_sparse_coo_tensor(tn_tensor((2, 3), 0, 1, 1, 2, 0, 2), v, (2, 3));
    text(s), text(tn_coalesce(s)), text(tn_mul(s, 2)), text(tn_values(tn_coalesce(s)));
    y = tn_to_dense(s), tn_backward(tn_sum(tn_mul(y, y))), text(tn_grad(v));
    tn_tensor *x = tn_requires_grad_(tn_eye(2), true);
    text(tn_to_sparse(x)), y = tn_to_dense(tn_mul(tn_to_sparse(x), 3)), tn_backward(tn_sum(tn_mul(y, y))), text(tn_grad(x));
}

static void training(void) {
    tn_tensor *p = tn_parameter(tn_coalesce(twice()));
    tn_optim *sgd = tn_optim_sgd(tn_tensors_new(&p, 1), .lr = 0.1, .momentum = 0.9);
    for (int i = 0; i < 3; i++) {
        tn_optim_zero_grad(sgd);
        tn_tensor *y = tn_sparse_mm(p, tn_ones((3, 2)));
        tn_backward(tn_sum(tn_mul(y, y))), tn_optim_step(sgd), text(tn_coalesce(tn_detach(p)));
    }
    tn_optim_step(tn_optim_adam(tn_tensors_new(&p, 1))), error(23);
}

typedef struct {
    tn_module module;
    tn_tensor *w;
} layer;
static tn_tensor *layer_forward(layer *self, tn_tensor *x) { return tn_mm(self->w, x); }
TN_CLASS(layer, layer_forward, w);

static void modules(void) {
    layer *m = tn_new(layer), *dense = tn_new(layer);
    m->w = tn_parameter(example()), dense->w = tn_parameter(tn_ones((2, 3)));
    text(tn_tensors_get(tn_parameters(m), 0)), text(tn_state_get(tn_state_dict(m), "w")), text(tn_forward(m, tn_ones((3, 1))));
    tn_module_double(m), text(m->w);
    tn_state *s = tn_state_dict(dense);
    tn_load_state_dict(m, s), error(23);
    tn_load_state_dict(dense, tn_state_dict(m)), error(23);
    tn_module_float(m), tn_load_state_dict(m, tn_state_dict(m)), text(m->w);
    tn_load_state_dict(m, s, .assign = true), text(m->w);
    m->w = tn_parameter(example()), tn_module_to_empty(m), text(m->w);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_sparse")) return 2;
    texts();
    arithmetic();
    gradients();
    training();
    modules();
    return observed();
}
