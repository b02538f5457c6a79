/* Statements 174 to 228 live: containers that change, hooks, lazy parameters, functional calls, optimizers. semantics_calls.py makes the
 * same observations of PyTorch, in the same order. */
#include "observe.h"
#include <math.h>

static char called[2000];
static void say_called(int n) {
    say(n, called);
    called[0] = 0;
}
static const char *children(void *m) {
    static char text[500];
    text[0] = 0;
    for (tn_named_iter it = (tn_named_children)(m); tn_named_next(&it);) strcat(strcat(text, it.name), " ");
    return text;
}

static void sequences(void) {
    TN_SCOPE;
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_relu(), tn_nn_sigmoid(), tn_nn_flatten(), tn_nn_tanh());
    sayf(174, sum(tn_forward(tn_nn_sequential(), tn_full(2, 3.0)))), tn_module_set(s, "w", tn_parameter(tn_ones(1)));
    sayf(174, (double)tn_nn_container_len(s)), names(174, tn_named_parameters(s)), say(174, tn_to_string(s));
    tn_nn_container_get(s, -5), error(175);
    say(175, tn_to_string(tn_nn_container_slice(s, .step = 2))), say(175, tn_to_string(tn_nn_container_slice(s, -3, -1)));
    tn_nn_container_set(s, 9, tn_nn_relu()), error(176);
    tn_nn_container_set(s, -1, NULL), say(176, tn_to_string(s)), tn_nn_container_delete_slice(s, 1, TN_NONE, 2),
        say(176, tn_to_string(s));
    tn_nn_container_delete(s, 7), error(176);
    tn_nn_sequential *odd = tn_nn_sequential_named({"1", tn_nn_relu()});
    tn_nn_container_append(odd, tn_nn_tanh()), say(177, tn_to_string(odd));
    tn_nn_container_extend(odd, tn_nn_sequential(tn_nn_relu(), tn_nn_sigmoid())), say(177, tn_to_string(odd));
    tn_nn_container_append(odd, tn_ones(1)), error(177);
    tn_nn_container_extend(odd, (tn_nn_container *)tn_nn_linear(1, 1)), error(177);
    tn_nn_container_insert(odd, -3, tn_nn_relu()), error(177), tn_nn_container_insert(odd, 0, NULL), error(177);
    tn_nn_container_pop(odd, 4), error(177);
    tn_nn_container_mul(odd, -2), error(178), tn_nn_container_add(odd, tn_nn_module_list()), error(178);
    tn_nn_module_list *l = tn_nn_module_list(tn_nn_relu(), tn_nn_tanh());
    tn_nn_container_extend(l, (tn_nn_container *)tn_nn_linear(1, 1)), error(179);
    say(179, tn_to_string(tn_nn_container_add(l, tn_nn_sequential_named({"a", tn_nn_relu()}))));
    tn_nn_container_set(l, 5, tn_nn_relu()), error(179), tn_nn_container_set(l, 0, tn_ones(1)), error(179);
    tn_nn_container_append(l, tn_ones(1)), error(179), tn_nn_container_pop(l, 7), error(179);
    say(180, tn_to_string(tn_nn_module_list(tn_nn_sequential(tn_nn_relu()), tn_nn_sequential(tn_nn_relu()), NULL, NULL)));
    say(180, tn_to_string(tn_nn_module_list())), say(180, tn_to_string(tn_nn_module_list(l, l)));
}

static void dicts(void) {
    TN_SCOPE;
    tn_nn_module_dict *d = tn_nn_module_dict({"b", tn_nn_relu()}, {"a", tn_nn_tanh()});
    const char *taken[] = {"keys", "values", "items", "pop", "clear", "update", "type", "forward", "training", ""};
    for (int i = 0; i < 10; i++) tn_nn_module_dict_set(d, taken[i], tn_nn_relu()), error(181);
    tn_nn_item more[] = {{"c", tn_nn_relu()}, {"b", tn_nn_sigmoid()}};
    tn_nn_module_dict_update(d, more, 2), say(181, children(d)), say(181, tn_to_string(d));
    tn_nn_module_dict_pop(d, "b"), tn_nn_module_dict_set(d, "b", tn_nn_relu()), say(181, children(d));
    tn_nn_module_dict_set(d, "x", tn_ones(1)), error(181), tn_forward(d, tn_ones(1)), error(181);
    tn_nn_parameter_list *l = tn_nn_parameter_list(tn_ones(1), NULL);
    tn_nn_parameter_list_append(l, tn_arange(2)), error(182), tn_nn_parameter_list_set(l, 4, tn_ones(1)), error(182);
    tn_nn_parameter_list_set(l, -1, tn_ones((2, 1))), names(182, tn_named_parameters(l)), say(183, tn_to_string(l));
    tn_tensor *half = tn_to(tn_ones((2, 3, 4)), TN_FLOAT16), *wide = tn_ones(2, .dtype = TN_FLOAT64);
    say(183, tn_to_string(tn_nn_parameter_list(half, wide, tn_scalar_tensor(1.0)))), say(183, tn_to_string(tn_nn_parameter_list()));
    tn_nn_parameter_dict *pd = tn_nn_parameter_dict({"b", half}, {"a", wide}, {"n", NULL});
    say(184, tn_to_string(pd)), say(184, tn_to_string(tn_nn_parameter_dict({"one", tn_ones(1)}))),
        names(184, tn_named_parameters(pd));
    tn_nn_parameter_dict_pop(pd, "x"), error(184), tn_nn_parameter_dict_popitem(tn_nn_parameter_dict()), error(184);
    tn_nn_parameter_dict_set(tn_nn_parameter_dict(), "a.b", tn_ones(1)), error(184);
    tn_nn_parameter_dict_set(tn_nn_parameter_dict(), "", tn_ones(1)), error(184);
    tn_nn_parameter_dict_set(tn_nn_parameter_dict(), "keys", tn_ones(1)), error(184);
    tn_nn_parameter_dict_setdefault(pd, "q", tn_ones(1)), tn_nn_parameter_dict_popitem(pd), tn_nn_parameter_dict_popitem(pd);
    say(184, tn_to_string(pd)), tn_forward(pd, tn_ones(1)), error(184);
}

/* ---- text and calls ---- */

typedef struct {
    tn_module module;
    tn_tensor *w;
    tn_module *child;
    const char *extra;
} shown;
static tn_tensor *shown_forward(shown *self, tn_tensor *x, tn_tensor *y) {
    if (self->extra) return (void)tn_raise(TN_ERR_VALUE, "%s", self->extra), NULL;
    return y ? tn_add(tn_mul(x, self->w), y) : tn_mul(x, self->w);
}
static int shown_repr(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "%s", ((shown *)m)->extra ? ((shown *)m)->extra : "");
}
TN_CLASS_WITH(shown, shown_forward, (w, child), .printed = "Shown", .extra_repr = shown_repr);
static shown *shown_new(const char *extra, void *child) {
    shown *self = tn_new(shown);
    self->w = tn_parameter(tn_full(2, 3.0)), self->extra = extra, self->child = child;
    return self;
}
typedef struct {
    tn_module module;
} writer;
static tn_tensor *writer_forward(writer *self, tn_tensor *x) { return (void)self, tn_mul_(x, 2); }
TN_CLASS(writer, writer_forward, TN_NO_FIELDS);

typedef struct {
    tn_module module;
} cube;
static tn_tensor *cube_forward(cube *self, tn_tensor *x) { return (void)self, tn_pow(x, 3); }
TN_CLASS(cube, cube_forward, TN_NO_FIELDS);

static bool post(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k;
    return strcat(strcat(strcat(called, data), out[0] ? "" : "-none"), " ") != NULL;
}
static bool raises(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)out, (void)k;
    return tn_raise(TN_ERR_RUNTIME, "%s", (const char *)data);
}
static void add_sums(tn_tensor *const *g, size_t n) {
    for (size_t i = 0; i < n; i++) snprintf(called + strlen(called), 40, g[i] ? "%g " : "None ", g[i] ? sum(g[i]) : 0);
}
static bool full(tn_module *m, tn_tensor *in[], size_t n, tn_tensor *const out[], size_t k, void *data) {
    (void)m;
    strcat(strcat(called, data), " ");
    return add_sums(in, n), add_sums(out, k), true;
}
static bool add_gradient(tn_module *m, tn_tensor *in[], size_t n, tn_tensor *const out[], size_t k, void *data) {
    (void)m, (void)n, (void)k, (void)data;
    return (in[0] = out[0]) != NULL;
}

static bool wide_gradient(tn_module *m, tn_tensor *in[], size_t n, tn_tensor *const out[], size_t k, void *data) {
    (void)m, (void)n, (void)out, (void)k;
    in[0] = tn_ones(7, .dtype = *(tn_dtype *)data);
    if (*(tn_dtype *)data != TN_FLOAT32) in[0] = tn_slice(in[0], 0, 0, 2, 1);
    return in[0] != NULL;
}
static bool dtypes_of(tn_module *m, tn_tensor *in[], size_t n, tn_tensor *const out[], size_t k, void *data) {
    (void)m, (void)out, (void)k, (void)data;
    for (size_t i = 0; i < n; i++) strcat(strcat(called, in[i] ? tn_dtype_name(tn_get_dtype(in[i])) : "None"), " ");
    return true;
}

typedef struct {
    tn_module module;
    tn_tensor *w;
} pair;
static bool pair_forward(pair *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)n, (void)k;
    out[0] = tn_mul(in[0], 2), out[1] = tn_mul(self->w, 2), out[2] = tn_arange(3);
    return out[2] != NULL;
}
TN_CLASS(pair, pair_forward, w);

static void gradients_of_inputs(void) {
    TN_SCOPE;
    pair *m = tn_new(pair);
    m->w = tn_parameter(tn_ones(3));
    tn_register_full_backward_hook(m, full, "pair", NULL), tn_register_full_backward_hook(m, dtypes_of, NULL, NULL);
    tn_tensor *x = tn_requires_grad_(tn_ones(2), true), *idle = tn_requires_grad_(tn_ones((2, 2)), true), *out[3];
    tn_tensor *in[] = {x, idle, NULL, tn_ones(3), tn_arange(4), tn_gt(tn_ones(2), 0), tn_ones(2, .dtype = TN_FLOAT16)};
    (tn_forward_n)((tn_module *)m, in, 7, out, 3), tn_backward(tn_sum(out[1]), .retain_graph = true), say_called(195);
    sayf(195, sum(tn_grad(x))), sayf(195, sum(tn_grad(idle)));
    tn_backward(tn_sum(tn_mul(out[0], 3))), say_called(195), sayf(195, sum(tn_grad(x)));
    static tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64};
    for (int i = 0; i < 2; i++) {
        m = tn_new(pair), m->w = tn_parameter(tn_ones(3));
        tn_register_full_backward_hook(m, wide_gradient, &dtypes[i], NULL);
        (tn_forward_n)((tn_module *)m, in, 2, out, 3), tn_backward(tn_sum(out[0]));
        say(196, strstr(tn_error_message(), "has changed")), tn_clear_error();
    }
}

static void calls(void) {
    TN_SCOPE;
    say(185, tn_to_string(shown_new(NULL, NULL))), say(185, tn_to_string(shown_new("a=1\nb=2", tn_nn_relu())));
    say(186, tn_to_string(shown_new("a=1", NULL))), say(186, tn_to_string(shown_new("a=1", tn_nn_relu())));
    say(187, tn_to_string(shown_new(NULL, shown_new("a\n\nb", tn_nn_sequential(tn_nn_relu()))))),
        say(188, tn_to_string(shown_new(NULL, NULL)));
    say(189, tn_to_string(tn_nn_batch_norm2d(3))), say(189, tn_to_string(tn_nn_instance_norm1d(3))),
        say(189, tn_to_string(tn_nn_group_norm(1, 2)));
    shown *m = shown_new("it fails", NULL);
    tn_tensor *x = tn_requires_grad_(tn_ones(2), true);
    tn_register_forward_hook(m, post, "not", NULL), tn_register_forward_hook(m, raises, "hook", NULL, .always_call = true);
    tn_register_forward_hook(m, post, "always", NULL, .always_call = true);
    last_warning[0] = 0, tn_forward(m, x), error(193), say_called(193), warned(193);
    m->extra = NULL, tn_forward(m, x), error(193), say_called(193);
    m = shown_new(NULL, NULL);
    tn_hook *h = tn_register_full_backward_hook(m, full, "full", NULL);
    last_warning[0] = 0, tn_backward(tn_sum(tn_forward(m, tn_ones(2), tn_ones(2)))), say_called(195), warned(195);
    tn_tensor *y = tn_sum(tn_pow(tn_forward(m, x), 3)), *g = tn_autograd_grad(y, x, .create_graph = true);
    say_called(195), tn_backward(tn_sum(g)), say_called(195);
    cube *third = tn_new(cube);
    tn_register_full_backward_hook(third, full, "cube", NULL);
    g = tn_autograd_grad(tn_sum(tn_forward(third, x)), x, .create_graph = true);
    say_called(195), tn_backward(tn_sum(g)), say_called(195);
    tn_hook_remove(h), h = tn_register_full_backward_hook(m, add_gradient, NULL, NULL);
    tn_backward(tn_sum(tn_forward(m, tn_ones(2)))), error(196);
    writer *w = tn_new(writer);
    tn_register_full_backward_hook(w, full, "writer", NULL);
    tn_forward(w, tn_mul(x, 1)), error(199);
}

static void parameters(void) {
    TN_SCOPE;
    tn_tensor *p = tn_uninitialized_parameter();
    tn_sizes(p), error(201), tn_share_memory_(p), error(201);
    tn_materialize(p, (2, 3)), sayf(202, (double)tn_size(p, 1)), tn_materialize(p, 2), error(202);
    shown *m = shown_new(NULL, NULL);
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_ones(3)), tn_state_set(s, "b", tn_ones(1)), tn_state_set(s, "a", tn_ones(1));
    tn_functional_call(m, s, tn_ones(3), .strict = true), error(221);
    sayf(221, sum(tn_functional_call(m, s, tn_ones(3)))), sayf(221, sum(m->w));
    tn_nn_batch_norm1d *bn = tn_nn_batch_norm1d(2);
    s = tn_state_new();
    tn_state_set(s, "num_batches_tracked", tn_scalar_tensor(5, .dtype = TN_INT64)), tn_state_set(s, "running_mean", tn_ones(2));
    tn_functional_call(bn, s, tn_full((4, 2), 3.0)), sayf(223, tn_item(tn_state_get(s, "num_batches_tracked")));
    sayf(223, sum(tn_state_get(s, "running_mean"))), sayf(223, tn_item(bn->num_batches_tracked)), sayf(223, sum(bn->running_mean));
    tn_tensor *q = tn_parameter(tn_ones(2)), *idle = tn_parameter(tn_ones(2)), *y = tn_mul(q, 2);
    tn_tensors *both = tn_tensors_new((tn_tensor *[]){q, idle}, 2);
    sayf(227, tn_item(tn_nn_utils_clip_grad_norm_(both, 1)));
    tn_set_grad(q, tn_full(2, 3.0)), sayf(227, tn_item(tn_nn_utils_clip_grad_norm_(both, 1))), sayf(227, sum(tn_grad(q)));
    tn_nn_utils_clip_grad_value_(both, 0.25), sayf(227, sum(tn_grad(q)));
    tn_fill_(tn_grad(q), INFINITY), tn_nn_utils_clip_grad_norm_(both, 1, .error_if_nonfinite = true), error(227);
    tn_nn_utils_clip_grad_norm_(both, 1), sayf(227, isnan(sum(tn_grad(q))));
    tn_optim_sgd(tn_tensors_new(NULL, 0)), error(228), tn_optim_sgd(tn_tensors_new(&y, 1)), error(228);
    tn_optim_sgd((tn_tensors *)(void *)q), error(228), tn_optim_adam((tn_tensors *)(void *)q), error(228);
    tn_optim_sgd(both, .lr = -1), error(228), tn_optim_sgd(both, .momentum = -0.5), error(228), tn_optim_adam(both, .eps = -1),
        error(228);
    tn_optim_adam(both, .betas = {1.0, 0.9}), error(228), tn_optim_sgd(both, .weight_decay = -2), error(228);
    tn_optim_sgd(both, .nesterov = true), error(228);
    tn_optim *opt = tn_optim_sgd(both);
    tn_optim_add_param_group(opt, tn_tensors_new(&q, 1)), error(228), sayf(228, (double)tn_optim_group_count(opt));
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_calls")) return 2;
    sequences();
    dicts();
    calls();
    gradients_of_inputs();
    parameters();
    return observed();
}
