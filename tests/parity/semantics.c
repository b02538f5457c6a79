/* Statements of docs/parameter-semantics.md, live: a line "number <tab> text" for each observation. semantics.py makes the same
 * observations of PyTorch, in the same order. */
#include "observe.h"

typedef struct {
    tn_module module;
    tn_tensor *w, *b;
    tn_nn_linear *l;
} inner;
static tn_tensor *inner_forward(inner *self, tn_tensor *x) { return tn_forward(self->l, tn_mul(x, self->w)); }
TN_CLASS(inner, inner_forward, w, b, l);
typedef struct {
    tn_module module;
    inner *first, *second;
    tn_tensor *w, *mean, *steps, *gone, *passing;
} outer;
static tn_tensor *outer_forward(outer *self, tn_tensor *x) { return tn_mul(tn_forward(self->first, x), self->w); }
TN_CLASS(outer, outer_forward, first, second, w, mean, steps, gone, passing);

static inner *inner_new(void) {
    inner *self = tn_new(inner);
    self->w = tn_parameter(tn_ones(2));
    self->b = tn_buffer(tn_zeros(2));
    self->l = tn_nn_linear(2, 2);
    return self;
}
static outer *outer_new(void) {
    outer *self = tn_new(outer);
    self->first = inner_new();
    self->second = inner_new();
    self->w = tn_parameter(tn_ones(2));
    self->mean = tn_buffer(tn_zeros(2));
    self->steps = tn_buffer(tn_scalar_tensor(0, .dtype = TN_INT64));
    self->passing = tn_buffer(tn_zeros(1), .persistent = false);
    return self;
}

#define P tn_parameter(tn_ones(2))
static void tensors(void) {
    TN_SCOPE;
    tn_tensor *t = tn_ones((2, 3)), *p = tn_parameter(t);
    say(1, tn_is_parameter(p) && !tn_is_parameter(t) ? "True" : "False");
    tn_add_(t, 1);
    sayf(5, tn_version_counter(p));
    tn_parameter(tn_arange(3)), error(10);
    say(11, tn_to_string(tn_parameter(tn_arange(3), false)));
    say(13, tn_to_string(tn_parameter(tn_scalar_tensor(3.0))));
    tn_requires_grad_(tn_parameter(tn_arange(2), false), true), error(31);
    tn_get_data(p);
    tn_add_(tn_get_data(p), 1), sayf(38, tn_version_counter(p));
    tn_add_(tn_detach(p), 1), sayf(38, tn_version_counter(p));
    tn_tensor *x = tn_full((4, 5), 2.0);
    tn_set_data(p, x), sayf(40, tn_version_counter(p)), sayf(40, (double)tn_size(p, 1));
    tn_add_(x, 1), sayf(41, tn_version_counter(p)), sayf(41, tn_version_counter(x));
    tn_set_data(p, tn_arange(3)), error(42);
    tn_tensor *turned = tn_parameter(tn_t(tn_ones((3, 2))));
    tn_backward(tn_sum(turned)), sayf(49, (double)tn_stride(tn_grad(turned), 0));
    tn_backward(p), error(51);
    tn_tensor *q = P, *loss = tn_sum(tn_mul(q, q));
    tn_backward(loss), tn_backward(loss), error(51);
    tn_set_grad(q, q), error(52);
    sayf(59, (double)tn_stride(tn_deepcopy(turned), 0));
    sayf(59, (double)tn_stride(tn_deepcopy(tn_parameter(tn_select(tn_ones((4, 4)), 1, 2))), 0));
    say(64, tn_to_string(P));
    say(65, tn_to_string(tn_tensors_new((tn_tensor *[]){q, q}, 2)));
    say(66, tn_to_string(tn_uninitialized_parameter()));
    say(71, tn_to_string(tn_buffer(tn_empty(0))));
}

static void members(void) {
    TN_SCOPE;
    tn_nn_sequential *m = tn_nn_sequential();
    tn_module_set(m, "a", P), tn_module_set(m, "b", P), tn_module_set(m, "c", tn_nn_relu()),
        tn_module_set(m, "d", tn_buffer(tn_ones(1)));
    names(74, tn_named_parameters(m));
    tn_module_set(m, "d", P), tn_module_set(m, "c", P), names(75, tn_named_parameters(m));
    tn_module_set(m, "a", P), names(77, tn_named_parameters(m));
    tn_module_set(m, "a", NULL), names(78, tn_named_parameters(m)), say(78, keys(tn_state_dict(m)));
    tn_module_set(m, "a", tn_ones(1)), error(79);
    tn_module_set(m, "b", tn_ones(1)), error(79);
    tn_module_set(m, "r", tn_nn_relu()), tn_module_set(m, "r", tn_ones(1)), error(81);
    tn_module_set(m, "r", NULL), names(81, tn_named_children(m));
    tn_module_set(m, "s", tn_buffer(tn_ones(1))), tn_module_set(m, "t", tn_buffer(tn_ones(1), .persistent = false));
    names(82, tn_named_buffers(m)), say(82, keys(tn_state_dict(m)));
    tn_module_set(m, "plain", tn_ones(1)), tn_module_set(m, "plain", tn_buffer(tn_ones(1))), error(83);
    tn_module_set(m, "t", tn_zeros(1)), say(84, keys(tn_state_dict(m)));
    tn_module_set(m, "t", tn_buffer(tn_zeros(1))), say(84, keys(tn_state_dict(m)));
    tn_module_set(m, "x.y", P), error(88);
    tn_module_set(m, "", P), error(88);
    tn_module_get(m, "nope"), error(91);
    tn_module_delete(m, "b"), tn_module_set(m, "b", P), tn_module_set(m, "a", P), names(93, tn_named_parameters(m));
    tn_module_register_parameter(m, "x.y", P), error(94);
    tn_module_register_parameter(m, "", P), error(94);
    tn_module_register_parameter(m, "s", P), error(94);
    tn_module_register_parameter(m, "training", P), error(95);
    tn_module_register_parameter(m, "_parameters", P), error(95);
    tn_module_register_parameter(m, "w", tn_ones(1)), error(96);
    tn_tensor *odd = tn_parameter(tn_ones(2), false);
    tn_mul_(odd, tn_requires_grad_(tn_ones(2), true)), tn_module_register_parameter(m, "w", odd), error(96);
    tn_module_register_buffer(m, "x.y", tn_ones(1)), error(99);
    tn_module_register_buffer(m, "forward", tn_ones(1)), error(99);
    tn_module_register_buffer(m, "a", tn_ones(1)), error(100);
    tn_module_register_module(m, "a", tn_nn_relu()), error(100);
    tn_module_register_module(m, "a", tn_ones(1)), error(101);
    tn_module_register_module(m, "x.y", tn_nn_relu()), error(101);
    tn_module_register_module(m, "", tn_nn_relu()), error(101);
    tn_nn_sequential *s = tn_nn_sequential();
    tn_module_register_module(s, "gone", NULL), say(102, tn_to_string(s)), names(102, tn_named_modules(s));
}

static bool visit(tn_module *m, void *data) {
    strcat(strcat(data, tn_module_class(m)->printed), " ");
    return true;
}

static void walks(void) {
    TN_SCOPE;
    outer *m = outer_new();
    names(105, tn_named_parameters(m));
    m->second->l->weight = m->first->l->weight, m->first->w = m->w;
    names(107, tn_named_parameters(m)), names(108, tn_named_parameters(m, .remove_duplicate = false));
    m->second->l = m->first->l;
    names(108, tn_named_parameters(m, .remove_duplicate = false)),
        names(109, tn_named_parameters(m, .recurse = false, .prefix = "pre"));
    names(111, tn_named_buffers(m)), names(112, tn_named_modules(m)), names(112, tn_named_modules(m, .prefix = "net"));
    names(113, tn_named_modules(m, .remove_duplicate = false)), names(115, tn_named_children(m)), say(116, keys(tn_state_dict(m)));
    tn_get_submodule(m, "first.nope"), error(118);
    tn_get_submodule(m, "first.w"), error(118);
    tn_get_parameter(m, "first.b"), error(119);
    tn_get_parameter(m, ""), error(119);
    tn_get_buffer(m, "first.w"), error(120);
    tn_set_submodule(m, "", tn_nn_relu()), error(121);
    tn_set_submodule(m, "first.new", tn_nn_relu(), .strict = true), error(121);
    tn_set_submodule(m, "first.w", tn_nn_relu()), error(121);
    char seen[200] = "";
    tn_module_apply(m, visit, seen), say(122, seen);
    tn_module_requires_grad_(tn_nn_lazy_linear(3), false), error(124);
    tn_module_to(m, TN_FLOAT64), say(128, tn_dtype_name(tn_get_dtype(m->w))), say(128, tn_dtype_name(tn_get_dtype(m->steps)));
    tn_module_to(m, TN_INT64), error(132);
}

static void states(void) {
    TN_SCOPE;
    outer *m = outer_new(), *other = outer_new();
    tn_state *s = tn_state_dict(m), *prefixed = tn_state_dict(m, .prefix = "net");
    say(142, keys(s)), say(144, keys(prefixed));
    for (size_t i = 0; i < tn_state_version_count(prefixed); i++)
        say(145, tn_state_version_path(prefixed, i)),
            sayf(145, (double)tn_state_version(prefixed, tn_state_version_path(prefixed, i)));
    tn_incompatible *wrong = NULL;
    tn_load_state_dict(other, s, .incompatible = &wrong), say(151, tn_to_string(wrong));
    const char *given[] = {"zzz", "first.nope", "first.l.weight.x", "nope.w", "gone", "passing", "first", "w"};
    tn_state *odd = tn_state_new();
    for (int i = 0; i < 8; i++) tn_state_set(odd, given[i], tn_full(2, 4.0));
    tn_load_state_dict(other, odd, .strict = false, .incompatible = &wrong), say(157, tn_to_string(wrong));
    tn_load_state_dict(other, odd), error(160);
    tn_state_set(odd, "w", tn_ones((4, 2))), tn_state_set(odd, "steps", tn_ones((1, 1)));
    tn_load_state_dict(other, odd), error(160);
    tn_load_state_dict(other, odd, .strict = false), error(155);
    tn_state_set(s, "steps", tn_full(1, 9)), tn_load_state_dict(other, s), sayf(154, sum(other->steps));
    tn_state_set(s, "w", tn_arange(2)), tn_load_state_dict(other, s, .assign = true), error(164);
    tn_state_set(s, "w", tn_full(2, 3.0)), tn_state_set(s, "second.w", tn_full(2, 4.0)), other->second->w = other->w;
    tn_load_state_dict(other, s), sayf(165, sum(other->w));
}

static void containers(void) {
    TN_SCOPE;
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_relu(), tn_nn_tanh());
    tn_nn_sequential *named = tn_nn_sequential_named({"a", tn_nn_relu()}, {"b", tn_nn_tanh()}, {"c", tn_nn_sigmoid()});
    say(173, tn_to_string(named));
    tn_nn_sequential(tn_ones(1)), error(173);
    tn_nn_container_get(s, 2), error(175);
    say(175, tn_to_string(tn_nn_container_slice(named, 1)));
    tn_nn_container_set(s, 0, tn_ones(1)), error(176);
    tn_nn_container_delete(named, 0), say(176, tn_to_string(named));
    tn_nn_container_insert(s, 3, tn_nn_relu()), error(177);
    tn_nn_container_insert(s, 0, tn_ones(1)), error(177);
    tn_nn_container_insert(s, -1, tn_nn_sigmoid()), say(177, tn_to_string(s));
    tn_nn_container_mul(s, 0), error(178);
    say(178, tn_to_string(tn_nn_container_mul(s, 2))), say(178, tn_to_string(tn_nn_container_add(s, named)));
    tn_nn_module_list *l = tn_nn_module_list(tn_nn_linear(2, 2), tn_nn_linear(2, 2), tn_nn_relu(), NULL);
    say(180, tn_to_string(l)), say(179, tn_to_string(tn_nn_container_slice(l, 1, 3)));
    tn_forward(l, tn_ones(1)), error(179);
    tn_nn_module_dict *d = tn_nn_module_dict({"b", tn_nn_relu()}, {"a", tn_nn_tanh()});
    say(181, tn_to_string(d));
    tn_nn_module_dict_set(d, "keys", tn_nn_relu()), error(181);
    tn_nn_module_dict_set(d, "x.y", tn_nn_relu()), error(181);
    tn_nn_module_dict_get(d, "x"), error(181);
    say(183, tn_to_string(tn_nn_parameter_list(tn_ones((2, 3)), tn_scalar_tensor(1.0), NULL))),
        say(183, tn_to_string(tn_nn_parameter_list(tn_ones(2))));
    tn_nn_parameter_list(tn_arange(2)), error(182);
    tn_nn_parameter_list *pl = tn_nn_parameter_list(tn_ones(1));
    tn_nn_parameter_list_get(pl, 5), error(182);
    tn_forward(pl, tn_ones(1)), error(182);
    tn_nn_parameter_dict *pd = tn_nn_parameter_dict({"b", tn_ones(2)}, {"a", tn_ones((1, 2))});
    say(184, tn_to_string(pd));
    tn_nn_parameter_dict_get(pd, "x"), error(184);
    tn_nn_parameter_dict_delete(pd, "x"), error(184);
}

static char called[1000];
static bool pre(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)in, (void)n;
    strcat(strcat(called, data), " ");
    return true;
}
static bool post(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)out, (void)k;
    strcat(strcat(called, data), " ");
    return true;
}
static void add_sums(tn_tensor *const *g, size_t n) {
    for (size_t i = 0; i < n; i++) snprintf(called + strlen(called), 40, g[i] ? "%g " : "None ", g[i] ? sum(g[i]) : 0);
}
static bool full(tn_module *m, tn_tensor *in[], size_t n, tn_tensor *const out[], size_t k, void *data) {
    (void)m;
    strcat(strcat(called, data), " ");
    add_sums(in, n), add_sums(out, k);
    return true;
}
static bool full_pre(tn_module *m, tn_tensor *out[], size_t k, void *data) {
    (void)m;
    strcat(strcat(called, data), " ");
    add_sums(out, k);
    return true;
}

static void hooks(void) {
    TN_SCOPE;
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_relu(), tn_nn_relu());
    tn_module *child = tn_nn_container_get(m, 0);
    tn_tensor *x = tn_requires_grad_(tn_full((1, 2), 3.0), true);
    tn_register_forward_hook(m, post, "post1", NULL), tn_register_forward_hook(m, post, "post0", NULL, .prepend = true);
    tn_register_forward_pre_hook(m, pre, "pre1", NULL), tn_register_forward_pre_hook(m, pre, "pre0", NULL, .prepend = true);
    {
        TN_HOOK_SCOPE(tn_register_module_forward_pre_hook(pre, "global-pre", NULL));
        TN_HOOK_SCOPE(tn_register_module_forward_hook(post, "global-post", NULL));
        tn_forward(m, x), say(190, called);
    }
    tn_register_full_backward_hook(m, full, "outer", NULL), tn_register_full_backward_pre_hook(m, full_pre, "outer-pre", NULL);
    (tn_register_full_backward_hook)(child, full, "inner", NULL, NULL),
        (tn_register_full_backward_pre_hook)(child, full_pre, "inner-pre", NULL, NULL);
    called[0] = 0, tn_backward(tn_sum(tn_mul(tn_forward(m, x), 5))), say(198, called);
    tn_tensor *y = tn_forward(m, x);
    say(199, tn_grad_fn_name(y));
    called[0] = 0;
    {
        TN_NO_GRAD;
        tn_forward(m, x);
    }
    say(195, called);
}

static void lazy(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_lazy_linear(3);
    tn_nn_conv2d *c = tn_nn_lazy_conv2d(4, 3);
    say(204, tn_to_string(l)), say(204, tn_to_string(c));
    tn_load_state_dict(tn_nn_linear(5, 3), tn_state_dict(l)), error(205);
    tn_manual_seed(11);
    tn_forward(l, tn_ones((2, 5))), tn_forward(c, tn_ones((1, 2, 5, 5)));
    say(204, tn_to_string(l)), say(204, tn_to_string(c)), say(204, tn_to_string(l->weight)), say(204, tn_to_string(c->bias));
    outer *m = outer_new();
    m->second->w = m->w;
    tn_state *s = tn_state_new();
    tn_state_set(s, "nope", tn_ones(1)), tn_functional_call(m, s, tn_ones((1, 2)), .strict = true), error(221);
    tn_state_set(s, "w", tn_ones(2)), tn_state_set(s, "second.w", tn_zeros(2)), tn_functional_call(m, s, tn_ones((1, 2))),
        error(222);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics")) return 2;
    tensors();
    members();
    walks();
    states();
    containers();
    hooks();
    lazy();
    return observed();
}
