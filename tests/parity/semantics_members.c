/* Statements 74 to 140: members of modules, by name and as fields of a struct; semantics_members.py observes the same of PyTorch. */
#include "observe.h"

typedef struct {
    tn_module module;
    tn_tensor *w, *b, *plain;
    tn_module *child;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(net, net_forward, w, b, plain, child);

#define P tn_parameter(tn_ones(2))
#define B tn_buffer(tn_ones(1))
static void all(int n, void *m) {
    names(n, (tn_named_parameters)(m, NULL)), names(n, (tn_named_buffers)(m, NULL)), names(n, (tn_named_children)(m));
    say(n, keys((tn_state_dict)(m, NULL)));
}
static void refused(int n, net *f) { /* a field: at the next call that walks */
    tn_check(f), error(n);
}
static tn_module *new_module(void) { return (tn_module *)tn_nn_sequential(); }

static void fields(void) {
    TN_SCOPE;
    net *f = tn_new(net);
    f->w = P, f->b = B, f->plain = tn_ones(1), all(85, f);
    f->plain = P, all(75, f);
    f->b = P, all(75, f);
    tn_tensor *p = P;
    f->w = p, all(77, f);
    f->w = tn_ones(1), refused(79, f);
    f->w = B, refused(79, f);
    f->w = p, all(79, f);
    f->w = NULL, all(78, f);
    f->w = tn_ones(1), refused(79, f);
    f->w = P, all(78, f);
    f->child = (tn_module *)tn_nn_relu(), all(80, f);
    f->child = (void *)tn_ones(1), refused(81, f);
    f->child = (void *)B, refused(81, f);
    f->child = NULL, all(81, f);
    f->child = (void *)tn_ones(1), refused(81, f);
    f->child = (void *)P, all(81, f);
    net *g = tn_new(net);
    g->plain = tn_ones(1), all(85, g);
    g->plain = B, refused(83, g);
    g->plain = (void *)tn_nn_relu(), all(80, g);
    g->b = tn_buffer(tn_ones(1), .persistent = false), all(82, g);
    g->b = tn_zeros(3), all(84, g);
    g->b = B, all(84, g);
    g->b = NULL, all(84, g);
    g->b = tn_ones(2), all(84, g);
    g->b = (void *)tn_nn_relu(), all(80, g);
    tn_tensor *odd = tn_parameter(tn_ones(2), false);
    tn_mul_(odd, tn_requires_grad_(tn_ones(2), true));
    g->w = odd, refused(97, g);
}

static void assigning(void) {
    TN_SCOPE;
    tn_module *m = new_module();
#define SET(name, value) (tn_module_set)(m, name, value)
    SET("plain", tn_ones(1)), SET("b", B), SET("c", tn_nn_relu()), SET("n", B), all(82, m);
    SET("c", P), SET("plain", P), SET("b", P), all(75, m);
    SET("plain", NULL), SET("plain", B), error(79);
    SET("plain", P), all(78, m);
    SET("n", tn_nn_relu()), all(80, m);
    SET("n", B), error(81);
    SET("n", NULL), SET("n", B), error(81);
    SET("n", P), all(81, m);
    SET("t", tn_buffer(tn_ones(1), .persistent = false)), SET("t", NULL), all(84, m);
    SET("t", tn_ones(2)), all(84, m);
    say(86, tn_to_string((tn_get_buffer)(m, "t")));
    SET("x", tn_ones(1)), tn_module_to(m, TN_FLOAT64), say(85, tn_to_string((tn_module_get)(m, "x"))), all(85, m);
    tn_tensor *tied = P;
    SET("t1", tied), SET("t2", tied), all(90, m);
    tn_module *o = new_module();
    (tn_module_set)(o, "p", tied), (tn_module_set)(o, "m", m), all(90, o);
#undef SET
}

static void deleting(void) {
    TN_SCOPE;
    tn_module *m = new_module();
    const char *all_names[] = {"w", "b", "c", "x"};
    (tn_module_set)(m, "w", P), (tn_module_set)(m, "b", tn_buffer(tn_ones(1), .persistent = false));
    (tn_module_set)(m, "c", tn_nn_relu()), (tn_module_set)(m, "x", tn_ones(1));
    for (int i = 0; i < 4; i++) (tn_module_delete)(m, all_names[i]), (tn_module_delete)(m, all_names[i]), error(92), all(92, m);
    (tn_module_set)(m, "b", B), all(92, m);
    (tn_module_set)(m, "a", P), (tn_module_set)(m, "d", P), (tn_module_set)(m, "e", P);
    (tn_module_delete)(m, "a"), (tn_module_set)(m, "a", P), (tn_module_set)(m, "d", NULL), (tn_module_set)(m, "d", P), all(93, m);
    (tn_module_get)(m, "none"), error(91);
    net *f = tn_new(net);
    tn_module_get(f, "none"), error(91);
}

static void registering(void) {
    TN_SCOPE;
    tn_module *m = new_module();
    tn_tensor *whole = tn_arange(2);
    (tn_module_register_parameter)(m, NULL, whole), error(94);
    (tn_module_register_parameter)(m, "a.", whole), error(94);
    (tn_module_register_parameter)(m, "", whole), error(94);
    (tn_module_set)(m, "x", tn_ones(1)), (tn_module_register_parameter)(m, "x", whole), error(94);
    (tn_module_register_parameter)(m, "w", whole), error(96);
    (tn_module_register_parameter)(m, "forward", P), error(95);
    (tn_module_register_parameter)(m, "w", NULL), all(96, m);
    (tn_module_register_parameter)(m, "v", P), (tn_module_register_parameter)(m, "w", P), (tn_module_register_parameter)(m, "v", P);
    all(98, m);
    tn_tensor *odd = tn_parameter(tn_ones(2), false);
    tn_mul_(odd, tn_requires_grad_(tn_ones(2), true)), say(97, tn_grad_fn_name(odd));
    (tn_module_set)(m, "v", odd), error(97);
    (tn_module_register_buffer)(m, NULL, whole, NULL), error(99);
    (tn_module_register_buffer)(m, "", whole, NULL), error(99);
    (tn_module_register_buffer)(m, "training", whole, NULL), error(99);
    (tn_module_register_buffer)(m, "b", whole, NULL), all(99, m);
    (tn_module_register_buffer)(m, "b", tn_ones(1), &(tn_buffer_opts){sizeof(tn_buffer_opts), false}), all(99, m);
    (tn_module_register_buffer)(m, "b", tn_ones(1), NULL), all(99, m);
    (tn_module_register_buffer)(m, "none", NULL, NULL), all(99, m);
    (tn_module_set)(m, "c", tn_nn_relu()), (tn_module_register_buffer)(m, "c", whole, NULL), error(100);
    (tn_module_register_module)(m, "b", tn_nn_relu()), error(100);
    (tn_module_register_module)(m, NULL, tn_nn_relu()), error(101);
    (tn_module_register_module)(m, "a.b", whole), error(101);
    (tn_module_register_module)(m, "v", tn_nn_relu()), error(101);
    (tn_module_register_module)(m, "c", tn_nn_tanh()), say(101, tn_to_string(m)), all(101, m);
    (tn_module_register_module)(m, "c", NULL), say(102, tn_to_string(m)), all(102, m);
}

static char hooked[2000];
static void *hook(tn_module *m, const char *name, void *value, void *data) {
    (void)m;
    snprintf(hooked + strlen(hooked), 100, "%s%s%s ", (const char *)data, name, value ? "" : "-");
    return NULL;
}
static void *replace(tn_module *m, const char *name, void *value, void *data) {
    (void)m, (void)name, (void)value;
    return data;
}
typedef struct {
    tn_module module;
    tn_tensor *w, *b, *plain;
    tn_module *child;
} assigned;
static tn_tensor *assigned_forward(assigned *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(assigned, assigned_forward, w, b, plain, child);

static void registration_hooks(void) {
    TN_SCOPE;
    tn_module *m = new_module();
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(hook, "p:", NULL));
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(hook, "q:", NULL));
    TN_HOOK_SCOPE(tn_register_module_buffer_registration_hook(hook, "b:", NULL));
    TN_HOOK_SCOPE(tn_register_module_module_registration_hook(hook, "m:", NULL));
    (tn_module_set)(m, "w", P), (tn_module_set)(m, "w", P), (tn_module_set)(m, "w", NULL);
    (tn_module_register_parameter)(m, "none", NULL), (tn_module_set)(m, "plain", tn_ones(1));
    (tn_module_set)(m, "b", B), (tn_module_set)(m, "b", tn_ones(1)), (tn_module_set)(m, "b", NULL);
    (tn_module_register_buffer)(m, "nb", NULL, NULL);
    (tn_module_set)(m, "c", tn_nn_relu()), (tn_module_set)(m, "c", NULL), (tn_module_register_module)(m, "d", NULL);
    tn_nn_sequential(tn_nn_relu(), tn_nn_relu()), tn_nn_module_list(tn_nn_relu()), tn_nn_module_dict({"k", tn_nn_relu()});
    tn_nn_parameter_list(tn_ones(1));
    say(103, hooked), hooked[0] = 0;
    assigned *a = tn_new(assigned); /* fields: one verdict after each assignment */
    a->w = P, tn_check(a), a->b = B, tn_check(a), a->plain = tn_ones(1), tn_check(a), a->child = (tn_module *)tn_nn_relu(),
    tn_check(a);
    a->w = P, tn_check(a), a->w = NULL, tn_check(a), a->b = tn_ones(1), tn_check(a), a->b = NULL, tn_check(a), a->child = NULL,
    tn_check(a);
    a->plain = P, tn_check(a), say(103, hooked);
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(replace, tn_parameter(tn_full(3, 7.0)), NULL));
    (tn_module_set)(m, "w", P), say(103, tn_to_string((tn_module_get)(m, "w")));
    a->w = P, tn_check(a), say(103, tn_to_string(a->w));
    tn_forward(tn_nn_module_list(), tn_ones(1)), error(104);
}

typedef struct inner {
    tn_module module;
    tn_tensor *w, *b;
    tn_nn_linear *l;
} inner;
static tn_tensor *inner_forward(inner *self, tn_tensor *x) { return tn_forward(self->l, tn_mul(x, self->w)); }
TN_CLASS(inner, inner_forward, w, b, l);
typedef struct {
    tn_module module;
    inner *first, *second;
    tn_tensor *w, *mean, *steps;
} outer;
static tn_tensor *outer_forward(outer *self, tn_tensor *x) { return tn_mul(tn_forward(self->first, x), self->w); }
TN_CLASS(outer, outer_forward, first, second, w, mean, steps);
static inner *inner_new(void) {
    inner *self = tn_new(inner);
    self->w = P, self->b = B, self->l = tn_nn_linear(2, 2);
    return self;
}
static outer *outer_new(void) {
    outer *self = tn_new(outer);
    self->first = inner_new(), self->second = inner_new();
    self->w = P, self->mean = tn_buffer(tn_zeros(2)), self->steps = tn_buffer(tn_scalar_tensor(0, .dtype = TN_INT64));
    return self;
}
static bool visit(tn_module *m, void *data) {
    strcat(strcat(data, tn_module_class(m)->printed), " ");
    return true;
}

static void walks(void) {
    TN_SCOPE;
    outer *m = outer_new();
    names(106, tn_named_parameters(m));
    names(109, tn_named_parameters(m->first, .prefix = "")), names(109, tn_named_parameters(m, .prefix = "a.b"));
    names(112, tn_named_modules(m->first, .prefix = "x.y"));
    m->second->w = tn_parameter(tn_detach(m->w)), m->first->b = NULL, m->second->b = m->mean;
    names(110, tn_named_parameters(m)), names(110, tn_named_buffers(m));
    names(111, tn_named_buffers(m, .remove_duplicate = false)), names(111, tn_named_buffers(m, .recurse = false, .prefix = "p"));
    m->second = m->first, names(115, tn_named_children(m));
    m->first = NULL, names(115, tn_named_children(m)), names(113, tn_named_modules(m, .remove_duplicate = false));
    m->first = m->second, names(113, tn_named_modules(m, .remove_duplicate = false));
    say(116, keys(tn_state_dict(m)));
    m->w = P, tn_module_set(m, "mean", tn_ones(2)), say(117, keys(tn_state_dict(m)));
}

static void paths(void) {
    TN_SCOPE;
    outer *m = outer_new();
    say(118, tn_get_submodule(m, "") == m ? "True" : "False"), say(118, tn_to_string(tn_get_submodule(m, "first.l")));
    const char *modules[] = {"first.nope.l", "first.w.x", "nope", "mean", "."};
    for (int i = 0; i < 5; i++) tn_get_submodule(m, modules[i]), error(118);
    const char *parameters[] = {"first.nope", "nope.w", "first.l", "first.w.x", "steps"};
    for (int i = 0; i < 5; i++) tn_get_parameter(m, parameters[i]), error(119);
    const char *buffers[] = {"first.nope", "nope.b", "first.l", "", "w"};
    for (int i = 0; i < 5; i++) tn_get_buffer(m, buffers[i]), error(120);
    tn_set_submodule(m, "nope.l", tn_nn_relu()), error(121);
    tn_set_submodule(m, "nope.l", tn_nn_relu(), .strict = true), error(121);
    tn_set_submodule(m, "first.b", tn_nn_relu()), error(121);
    tn_set_submodule(m, "first.w.x", tn_nn_relu()), error(121);
    tn_set_submodule(m, "first.new", tn_nn_relu()), tn_set_submodule(m, "second.l", tn_nn_tanh(), .strict = true);
    say(121, tn_to_string(m));
}

static void whole(void) {
    TN_SCOPE;
    outer *m = outer_new();
    char seen[200] = "";
    m->second->l = m->first->l, tn_module_apply(m, visit, seen), say(122, seen);
    seen[0] = 0, m->second = m->first, tn_module_apply(m, visit, seen), say(122, seen);
    sayf(123, tn_is_training(m));
    tn_eval(m), sayf(123, tn_is_training(m) + 2 * tn_is_training(m->first->l));
    tn_train(m), sayf(123, tn_is_training(m) + 2 * tn_is_training(m->first->l));
    tn_module_requires_grad_(m, false), sayf(124, tn_requires_grad(m->first->l->bias));
    tn_module_requires_grad_(m, true), sayf(124, tn_requires_grad(m->first->l->bias) + 2 * tn_requires_grad(m->mean));
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2))))), tn_zero_grad(m), say(125, tn_to_string(tn_grad(m->w)));
    m->second = inner_new();
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))), .create_graph = true);
    tn_zero_grad(m, .set_to_none = false), say(126, tn_to_string(tn_grad(m->w))), say(126, tn_to_string(tn_grad(m->second->w)));
    tn_nn_linear *lazy = tn_nn_lazy_linear(3);
    tn_zero_grad(lazy), tn_zero_grad(lazy, .set_to_none = false), say(127, tn_to_string(lazy));
    tn_module_share_memory(lazy), error(140);
    tn_nn_sequential *net = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_batch_norm1d(2));
    tn_module_share_memory(net),
        sayf(140, tn_is_shared(tn_get_buffer(net, "1.running_mean")) + tn_is_shared(tn_get_parameter(net, "0.bias")));
}

static void conversion(void) {
    TN_SCOPE;
    outer *m = outer_new();
    tn_tensor *z = tn_parameter(tn_zeros(1, .dtype = TN_COMPLEX64)), *w = m->w, *steps = m->steps;
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    tn_tensor *g = tn_grad(w);
    tn_module_to(m, TN_FLOAT16), say(128, tn_to_string(m->mean)), say(128, tn_dtype_name(tn_get_dtype(m->first->l->bias)));
    tn_module_to(m, TN_BFLOAT16), say(128, tn_dtype_name(tn_get_dtype(m->first->l->bias)));
    tn_module_to(m, TN_FLOAT64), sayf(128, m->steps == steps), sayf(129, m->w == w);
    sayf(130, tn_grad(w) == g), say(130, tn_dtype_name(tn_get_dtype(g)));
    tn_module_to(m, TN_BOOL), error(132);
    (void)z;
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_members")) return 2;
    fields();
    assigning();
    deleting();
    registering();
    registration_hooks();
    walks();
    paths();
    whole();
    conversion();
    return observed();
}
