/* Statements 53, 132, 134, 135, 137, 138, 171 and 225, live: grad_dtype, memory formats, the flags of torch.__future__, swap_tensors. The twin is
 * semantics_flags.py. */
#include "observe.h"

static void yes(int n, bool x) { say(n, x ? "True" : "False"); }
static void dtype(int n, tn_tensor *x) { say(n, x ? tn_dtype_name(tn_get_dtype(x)) : "None"); }
static void strides(int n, tn_tensor *x) {
    char text[200] = "";
    for (int64_t i = 0; x && i < tn_ndim(x); i++) snprintf(text + strlen(text), 20, "%lld ", (long long)tn_stride(x, i));
    if (x)
        say(n, text);
    else
        error(n);
}

static void grad_dtypes(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(3)), *y;
    tn_set_grad_dtype(p, TN_FLOAT64), say(53, tn_dtype_name(tn_grad_dtype(p)));
    tn_set_grad(p, tn_ones(3)), error(53);
    tn_set_grad(p, tn_arange(3)), error(53);
    tn_backward(tn_sum(tn_mul(p, 0.1))), tn_backward(tn_sum(p)), dtype(53, tn_grad(p)), sayf(53, sum(tn_grad(p)));
    tn_set_grad_dtype(p, TN_BFLOAT16), error(53);
    tn_set_grad_dtype(p, TN_DTYPE_NONE), tn_set_grad(p, tn_ones(3, .dtype = TN_FLOAT16)), tn_backward(tn_sum(p));
    dtype(53, tn_grad(p)), tn_set_grad_dtype(p, TN_FLOAT64), error(53);
    tn_set_grad(p, NULL), tn_set_grad_dtype(p, TN_FLOAT16), y = tn_sum(tn_mul(p, p)), tn_backward(y, .create_graph = true);
    dtype(53, tn_grad(p)), dtype(53, tn_autograd_grad(tn_sum(p), p)), say(53, tn_dtype_name(tn_grad_dtype(tn_deepcopy(p))));
    y = tn_mul(p, 2), (void)tn_grad_dtype(y), error(53);
    tn_set_grad_dtype(y, TN_FLOAT64), error(53);
    for (int i = 0; i < 4; i++) { /* SGD with gradients of another dtype than the parameter's */
        tn_tensor *q = tn_parameter(tn_ones(2)), *steps = tn_full(2, 0.3, .dtype = i & 1 ? TN_FLOAT64 : TN_BFLOAT16);
        tn_optim *o = tn_optim_sgd(tn_tensors_new(&q, 1), .lr = 0.1, .weight_decay = i & 2 ? 0.01 : 0);
        tn_set_grad_dtype(q, TN_DTYPE_NONE), tn_set_grad(q, steps), tn_optim_step(o), tn_optim_step(o);
        char text[40];
        snprintf(text, sizeof text, "%.9g", tn_item(tn_select(q, 0, 0)));
        say(53, text);
    }
}

static void formats(void) {
    TN_SCOPE;
    const int64_t shapes[][5] = {{2, 3, 4, 5}, {1, 3, 4, 5}, {2, 1, 4, 5},    {2, 3, 1, 1},
                                 {2, 3, 1, 5}, {1, 1, 1, 1}, {2, 3, 4, 5, 6}, {2, 3, 4}};
    const size_t ndim[] = {4, 4, 4, 4, 4, 4, 5, 3};
    for (size_t i = 0; i < 8; i++)
        for (int f = TN_CONTIGUOUS_FORMAT; f <= TN_CHANNELS_LAST_3D; f++) {
            tn_memory_format format = (tn_memory_format)f;
            tn_tensor *x = (tn_ones)(shapes[i], ndim[i], NULL), *y = tn_to(x, TN_DTYPE_NONE, .memory_format = format);
            yes(134, y == x), strides(134, y), yes(134, tn_is_contiguous(x, .memory_format = format));
            strides(134, tn_clone(x, .memory_format = format)), strides(134, tn_contiguous(x, .memory_format = format));
            if (!(y = tn_empty_like(x, .memory_format = format))) {
                error(134);
                continue;
            }
            yes(134, tn_is_contiguous(y)), yes(134, tn_is_contiguous(y, .memory_format = TN_CHANNELS_LAST));
            strides(134, tn_clone(y)), strides(134, tn_to(y, TN_FLOAT64)), strides(134, tn_contiguous(y)),
                strides(134, tn_zeros_like(y));
        }
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_conv2d(2, 3, 3), tn_nn_batch_norm2d(3), tn_nn_conv2d(3, 1, 1), tn_nn_linear(2, 2));
    tn_module_to(m, .memory_format = TN_CHANNELS_LAST);
    for (tn_named_iter p = tn_named_parameters(m); tn_named_next(&p);) strides(134, p.tensor);
    tn_module_to(m, .memory_format = TN_CHANNELS_LAST_3D), error(134);
    tn_module_to(m, TN_FLOAT64), strides(134, tn_get_parameter(m, "0.weight"));
    tn_module_to(m, TN_FLOAT32, .memory_format = TN_CONTIGUOUS_FORMAT), strides(134, tn_get_parameter(m, "0.weight"));
}

/* ---- conversion ---- */

static const char *const members[] = {"w", "z", "i", "b", "bz", "steps"};
static tn_module *mixed(void) {
    tn_nn_module_list *m = tn_nn_module_list();
    tn_module_set(m, "w", tn_parameter(tn_ones(2))), tn_module_set(m, "z", tn_parameter(tn_ones(2, .dtype = TN_COMPLEX64)));
    tn_module_set(m, "i", tn_parameter(tn_arange(3), false));
    tn_module_register_buffer(m, "b", tn_ones(2)), tn_module_register_buffer(m, "bz", tn_ones(2, .dtype = TN_COMPLEX64));
    tn_module_register_buffer(m, "steps", tn_arange(3));
    tn_backward(tn_sum(tn_get_parameter(m, "w")));
    return (tn_module *)m;
}
static void dtypes(int n, tn_module *m) {
    for (int i = 0; i < 6; i++) dtype(n, tn_module_get(m, members[i]));
    dtype(n, tn_grad(tn_get_parameter(m, "w"))), yes(n, tn_is_parameter(tn_module_get(m, "i")));
}

static void conversions(void) {
    TN_SCOPE;
    tn_module *m = mixed();
    bool (*const floats[])(tn_module *) = {tn_module_half, tn_module_bfloat16, tn_module_float, tn_module_double};
    for (int i = 0; i < 4; i++) floats[i](m), dtypes(128, m);
    last_warning[0] = 0, tn_module_to(m, TN_COMPLEX64), warned(132), dtypes(132, m);
    tn_module_to(m, TN_FLOAT64), warned(132), dtypes(132, m), m = mixed(), tn_module_to(m, TN_FLOAT16), dtypes(132, m);
    const tn_dtype all[] = {TN_FLOAT64, TN_COMPLEX64, TN_FLOAT16};
    for (int i = 0; i < 3; i++) tn_module_type(m, all[i]), dtypes(135, m);
    m = mixed(), tn_module_type(m, TN_INT32), error(135), dtypes(135, m);
    tn_module_requires_grad_(m, false), tn_module_type(m, TN_INT16), dtypes(135, m), tn_module_type(m, TN_BOOL), dtypes(135, m);
    tn_set_overwrite_module_params_on_conversion(true);
    m = mixed(), tn_module_type(m, TN_INT32), error(135), dtypes(135, m);
    tn_set_overwrite_module_params_on_conversion(false), tn_set_swap_module_params_on_conversion(true);
    m = mixed(), tn_module_type(m, TN_INT32), error(135), dtypes(135, m);
    tn_set_swap_module_params_on_conversion(false);
}

static void overwriting(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2), *tied = tn_nn_linear(2, 2);
    tied->weight = l->weight;
    tn_nn_sequential *m = tn_nn_sequential(l, tied);
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    tn_tensor *w = l->weight, *g = tn_grad(w);
    tn_set_overwrite_module_params_on_conversion(true);
    tn_module_to(m, TN_FLOAT64);
    yes(137, l->weight == w), yes(137, l->weight == tied->weight), yes(137, tn_grad(w) == g), dtype(137, w), dtype(137, g);
    dtype(137, l->weight), dtype(137, tn_grad(l->weight)), w = l->weight, g = tn_grad(w);
    tn_module_to(m, TN_FLOAT64), yes(137, l->weight == w), yes(137, tn_data(l->weight) == tn_data(w)),
        yes(137, tn_grad(l->weight) == g);
    tn_set_overwrite_module_params_on_conversion(false);
}

static void swapping(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_nn_sequential *m = tn_nn_sequential(l);
    tn_module_to(m, TN_FLOAT64), tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2), .dtype = TN_FLOAT64))));
    tn_tensor *w = l->weight, *g = tn_grad(w), *view;
    tn_set_swap_module_params_on_conversion(true), tn_module_to(m, TN_FLOAT32);
    yes(138, l->weight == w), dtype(138, w), yes(138, tn_grad(w) == g), dtype(138, g);
    view = tn_select(w, 0, 0), tn_module_to(m, TN_FLOAT64), error(138), tn_free(view);
    tn_tensor *y = tn_forward(l, tn_ones((1, 2)));
    tn_module_to(m, TN_FLOAT64), dtype(138, w);
    tn_backward(tn_sum(y)), error(138);
    y = tn_forward(l, tn_ones((1, 2), .dtype = TN_FLOAT64)), tn_module_to(m, TN_FLOAT64), tn_backward(tn_sum(y)), error(138);
    y = tn_forward(l, tn_requires_grad_(tn_ones((1, 2), .dtype = TN_FLOAT64), true)), tn_module_to(m, TN_FLOAT32), error(138);
    tn_backward(tn_sum(y));
    tn_state *s = tn_state_dict(tn_nn_linear(2, 2));
    tn_load_state_dict(l, s), yes(171, l->weight == w), dtype(171, w), dtype(171, tn_grad(w));
    tn_load_state_dict(l, s, .assign = true), yes(171, l->weight == w), dtype(171, w);
    yes(171, tn_data(w) == tn_data(tn_state_get(s, "weight"))), yes(171, tn_requires_grad(w));
    view = tn_select(w, 0, 0), tn_load_state_dict(l, s), error(171), tn_free(view);
    tn_state_set(s, "weight", tn_zeros((2, 2), .dtype = TN_INT64)), tn_load_state_dict(l, s, .assign = true), error(171);
    tn_set_swap_module_params_on_conversion(false);
}

static void swaps(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *x = tn_zeros(3, .dtype = TN_FLOAT64), *view, *y;
    tn_backward(tn_sum(p)), tn_swap_tensors(p, x);
    yes(225, tn_is_parameter(p)), yes(225, tn_is_parameter(x)), dtype(225, p), dtype(225, tn_grad(x)),
        yes(225, tn_requires_grad(p));
    view = tn_select(x, 0, 0), tn_swap_tensors(x, p), error(225), tn_free(view);
    {
        TN_NO_GRAD;
        view = tn_select(x, 0, 0);
    }
    tn_swap_tensors(p, x), error(225), tn_free(view);
    y = tn_mul(x, x), tn_swap_tensors(x, p), error(225), tn_backward(tn_sum(y));
    y = tn_add(x, 1), tn_swap_tensors(x, p), tn_backward(tn_sum(y)), error(225);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_flags")) return 2;
    grad_dtypes();
    formats();
    conversions();
    overwriting();
    swapping();
    swaps();
    return observed();
}
