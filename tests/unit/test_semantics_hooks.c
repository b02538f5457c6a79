/* Hooks of a call: statements 190 to 200. */
#include "statement.h"

typedef struct {
    tn_module module;
    tn_tensor *w;
    tn_nn_linear *inner;
    bool fails;
} net;
static char seen[1000];
static void say(const char *what) { strcat(strcat(seen, what), " "); }
static tn_tensor *net_forward(net *self, tn_tensor *x, tn_tensor *y) {
    say("forward");
    if (self->fails) return (void)tn_raise(TN_ERR_VALUE, "it fails"), NULL;
    x = tn_mul(x, self->w);
    return y ? tn_add(x, y) : x;
}
TN_CLASS(net, net_forward, w, inner);

static net *net_new(void) {
    net *self = tn_new(net);
    self->w = tn_parameter(tn_full(2, 3.0));
    seen[0] = 0;
    return self;
}

static bool pre(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)in, (void)n;
    say(data);
    return true;
}
static bool post(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k;
    say(data);
    if (!out[0]) say("without");
    return true;
}
static bool double_input(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)n, (void)data;
    return (in[0] = tn_mul(in[0], 2)) != NULL;
}
static bool negate_output(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k, (void)data;
    return (out[0] = tn_neg(out[0])) != NULL;
}
static bool raises(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)out, (void)k;
    return tn_raise(TN_ERR_KEY, "%s", (const char *)data);
}
static bool returns_false(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)in, (void)n, (void)data;
    return false;
}
static bool removes_itself(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)in, (void)n;
    say("once");
    tn_hook_remove(*(tn_hook **)data);
    for (int i = 0; i < 20; i++) tn_hook_remove((tn_register_forward_pre_hook)(m, pre, "added", NULL, NULL)); /* while they run */
    return true;
}

static int warnings;
static char last_warning[500];
static void note_warning(const char *message, void *data) {
    (void)data;
    warnings++;
    snprintf(last_warning, sizeof last_warning, "%s", message);
}

static void around_forward(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *x = tn_ones(2);
    HOLDS(190, "One call runs global hooks before forward, the module's, forward, global ones after it, the module's; each list by "
               "registration, or first when it asks for that.");
    {
        TN_HOOK_SCOPE(tn_register_forward_hook(m, post, "post1", NULL));
        TN_HOOK_SCOPE(tn_register_forward_hook(m, post, "post0", NULL, .prepend = true));
        TN_HOOK_SCOPE(tn_register_forward_pre_hook(m, pre, "pre1", NULL));
        TN_HOOK_SCOPE(tn_register_forward_pre_hook(m, pre, "pre0", NULL, .prepend = true));
        TN_HOOK_SCOPE(tn_register_module_forward_pre_hook(pre, "global-pre", NULL));
        TN_HOOK_SCOPE(tn_register_module_forward_hook(post, "global-post", NULL));
        CHECK(tn_forward(m, x) != NULL);
        CHECK_STR(seen, "global-pre pre0 pre1 forward global-post post0 post1 ");
    }
    seen[0] = 0;
    CHECK(tn_forward(m, x) != NULL);
    CHECK_STR(seen, "forward ");
    IN_C(191, "A hook before forward may return other arguments; with keyword arguments it must return a pair.",
         "It writes them into in[]; a forward takes tensors only. Returning false fails the call.");
    tn_hook *h = tn_register_forward_pre_hook(m, double_input, NULL, NULL);
    CHECK(sum_of(tn_forward(m, x)) == 12 && sum_of(x) == 2);
    tn_hook_remove(h);
    h = tn_register_forward_pre_hook(m, returns_false, NULL, NULL);
    CHECK(tn_forward(m, x) == NULL);
    CHECK_ERROR(TN_ERR_CALLBACK, "forward: a hook of 'net' returned false");
    tn_hook_remove(h);
    IN_C(192, "What a hook after forward returns replaces the result.", "It writes into out[].");
    h = tn_register_forward_hook(m, negate_output, NULL, NULL);
    CHECK(sum_of(tn_forward(m, x)) == -6);
    tn_hook_remove(h);
}

static bool writes_and_fails(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k, (void)data;
    out[0] = tn_full((7), 7.0);
    return tn_raise(TN_ERR_VALUE, "after it wrote");
}
static bool notes_sum(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k;
    *(double *)data = out[0] ? sum_of(out[0]) : -1;
    return true;
}

static void always(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *x = tn_ones(2);
    HOLDS(193, "A hook that is always called also runs, without a result, when forward fails; the first error stays, and one of "
               "such a hook becomes a warning.");
    tn_set_warning_handler(note_warning, NULL);
    tn_register_forward_hook(m, post, "not-this", NULL);
    tn_register_forward_hook(m, raises, "silenced", NULL, .always_call = true);
    tn_register_forward_hook(m, post, "always", NULL, .always_call = true);
    m->fails = true;
    CHECK(tn_forward(m, x) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "it fails");
    CHECK_STR(seen, "forward always without ");
    CHECK(warnings == 1 && strstr(last_warning, "silenced as another error was raised in forward") &&
          strstr(last_warning, "silenced"));
    seen[0] = 0, m->fails = false;
    CHECK(tn_forward(m, x) == NULL); /* a hook that raises after a good forward: later ones that are always called still run */
    CHECK_ERROR(TN_ERR_KEY, "silenced");
    CHECK_STR(seen, "forward not-this always ");
    net *other = net_new(); /* what a failing hook wrote is not seen */
    double sum = 0, good = sum_of(tn_forward(other, x));
    tn_register_forward_hook(other, writes_and_fails, NULL, NULL);
    tn_register_forward_hook(other, notes_sum, &sum, NULL, .always_call = true);
    CHECK(tn_forward(other, x) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "after it wrote");
    CHECK(sum == good);
    seen[0] = 0;
    tn_set_warning_handler(NULL, NULL);
    HOLDS(194, "A hook may be removed twice, works for the length of a block, and survives a deep copy of its module.");
    net *n = net_new();
    tn_hook *h = tn_register_forward_pre_hook(n, pre, "pre", NULL);
    net *copy = tn_deepcopy(n);
    tn_hook_remove(h);
    tn_hook_remove(h);
    CHECK(tn_forward(n, x) && tn_forward(copy, x));
    CHECK_STR(seen, "forward pre forward ");
    seen[0] = 0;
    {
        TN_HOOK_SCOPE(tn_register_forward_pre_hook(n, pre, "guarded", NULL));
        CHECK(tn_forward(n, x) != NULL);
    }
    CHECK(tn_forward(n, x) != NULL);
    CHECK_STR(seen, "guarded forward forward ");
    seen[0] = 0;
    static tn_hook *itself;
    itself = tn_register_forward_pre_hook(n, removes_itself, &itself, NULL);
    CHECK(tn_forward(n, x) && tn_forward(n, x));
    CHECK_STR(seen, "once forward forward ");
}

/* ---- backward ---- */

typedef struct {
    const char *name;
    double in[2], out; /* sums of the gradients; NaN: none */
    int calls;
    double scale;   /* of grad_in, or grad_out; 0: leave them */
    tn_dtype dtype; /* of the last grad_in */
    tn_tensor *put; /* as grad_in[0], or grad_out[0] */
} record;
static double sum_or_nan(tn_tensor *x) { return x ? sum_of(x) : NAN; }
static bool full(tn_module *m, tn_tensor *grad_in[], size_t n, tn_tensor *const grad_out[], size_t k, void *data) {
    record *r = data;
    (void)m, (void)k;
    say(r->name);
    r->calls++;
    for (size_t i = 0; i < 2; i++) r->in[i] = i < n ? sum_or_nan(grad_in[i]) : NAN;
    if (n && grad_in[n - 1]) r->dtype = tn_get_dtype(grad_in[n - 1]);
    if (r->put) grad_in[0] = r->put;
    r->out = sum_or_nan(grad_out[0]);
    if (r->scale != 0 && grad_in[0]) grad_in[0] = tn_mul(grad_in[0], tn_number_double(r->scale));
    return true;
}
static bool full_pre(tn_module *m, tn_tensor *grad_out[], size_t k, void *data) {
    record *r = data;
    (void)m, (void)k;
    say(r->name);
    r->calls++;
    r->out = sum_or_nan(grad_out[0]);
    if (r->scale != 0) grad_out[0] = tn_mul(grad_out[0], tn_number_double(r->scale));
    if (r->put) grad_out[0] = r->put;
    return true;
}
static bool adds_gradient(tn_module *m, tn_tensor *grad_in[], size_t n, tn_tensor *const grad_out[], size_t k, void *data) {
    (void)m, (void)n, (void)k, (void)data;
    grad_in[0] = grad_out[0];
    return true;
}

typedef struct {
    tn_module module;
} cube;
static tn_tensor *cube_forward(cube *self, tn_tensor *x) {
    (void)self;
    return tn_pow(x, 3);
}
TN_CLASS(cube, cube_forward, TN_NO_FIELDS);

typedef struct {
    tn_module module;
    tn_tensor *w;
} pair;
static bool pair_forward(pair *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)n;
    out[0] = tn_mul(in[0], 2);
    if (k > 1) out[1] = tn_mul(self->w, 2); /* no input takes part */
    return out[0] != NULL;
}
TN_CLASS(pair, pair_forward, w);

/* The gradient of one result: the other's is none, and what depends on the other alone gets zeros. */
static void pair_of_results(void) {
    TN_SCOPE;
    pair *m = tn_new(pair);
    m->w = tn_parameter(tn_ones(3));
    record r = {.name = "pair"};
    tn_register_full_backward_hook(m, full, &r, NULL);
    tn_tensor *x = tn_requires_grad_(tn_ones(2), true), *idle = tn_requires_grad_(tn_ones((2, 2)), true), *out[2];
    CHECK((tn_forward_n)((tn_module *)m, (tn_tensor *[]){x, idle}, 2, out, 2));
    CHECK(tn_backward(tn_sum(out[1]), .retain_graph = true));
    CHECK(r.calls == 1 && isnan(r.out) && r.in[0] == 0 && r.in[1] == 0);
    CHECK(tn_grad(x) && sum_of(tn_grad(x)) == 0 && tn_grad(idle) && sum_of(tn_grad(idle)) == 0 && sum_of(tn_grad(m->w)) == 6);
    tn_backward(tn_sum(out[0]));
    CHECK(r.calls == 2 && r.out == 2 && r.in[0] == 4 && r.in[1] == 0 && sum_of(tn_grad(x)) == 4);
}

static void backward(void) {
    TN_SCOPE;
    net *m = net_new();
    record r = {.name = "full"};
    tn_tensor *x = tn_requires_grad_(tn_ones(2), true);
    HOLDS(
        195,
        "A full backward hook sees the gradients of inputs and results, zeros for an input that got none or needs none beside one "
        "that does; without an input that needs one it runs when those of the results are there, with a warning; without "
        "recording never.");
    tn_hook *h = tn_register_full_backward_hook(m, full, &r, NULL);
    tn_backward(tn_sum(tn_mul(tn_forward(m, x, NULL), 5)));
    CHECK(r.calls == 1 && r.out == 10 && r.in[0] == 30 && isnan(r.in[1]) && sum_of(tn_grad(x)) == 30);
    tn_backward(tn_sum(tn_forward(m, x, tn_ones(2))));
    CHECK(r.calls == 2 && r.in[0] == 6 && r.in[1] == 0);
    tn_tensor *steps = tn_full(2, 5, .dtype = TN_INT64);
    tn_backward(tn_sum(tn_forward(m, x, steps)));
    CHECK(r.calls == 3 && r.in[0] == 6 && r.in[1] == 0 && r.dtype == TN_INT64);
    pair_of_results();
    r.calls = 2;
    warnings = 0;
    tn_set_warning_handler(note_warning, NULL);
    tn_backward(tn_sum(tn_forward(m, tn_ones(2))));
    tn_set_warning_handler(NULL, NULL);
    CHECK(r.calls == 3 && isnan(r.in[0]) && r.out == 2 && warnings == 1);
    CHECK_STR(last_warning, "Full backward hook is firing when gradients are computed with respect to module outputs since no "
                            "inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
                            "#torch.nn.Module.register_full_backward_hook for more details.");
    {
        TN_NO_GRAD;
        CHECK(tn_forward(m, x) != NULL);
    }
    CHECK(r.calls == 3);
    cube *third = tn_new(cube);
    tn_hook *inside = tn_register_full_backward_hook(third, full, &r, NULL);
    tn_tensor *g = tn_autograd_grad(tn_sum(tn_forward(third, x)), x, .create_graph = true);
    CHECK(r.calls == 4 && tn_backward(tn_sum(g)) && r.calls == 4); /* the second derivative passes the results by */
    tn_hook_remove(inside);
    tn_zero_grad(m);
    IN_C(196, "It may return other gradients of the inputs, of the same count; those of parameters are not touched.",
         "It writes into grad_in[], so the count cannot differ; one for an input that needs none is refused when none does.");
    r.scale = 10;
    tn_tensor *y = tn_requires_grad_(tn_ones(2), true);
    tn_backward(tn_sum(tn_forward(m, y)));
    CHECK(sum_of(tn_grad(y)) == 60 && sum_of(tn_grad(m->w)) == 2);
    r.put = tn_ones(7);
    CHECK(!tn_backward(tn_sum(tn_forward(m, y))));
    CHECK_ERROR(TN_ERR_SHAPE, "hook 'full_backward_hook' has changed the size of value");
    r.put = tn_ones(2, .dtype = TN_FLOAT64);
    CHECK(!tn_backward(tn_sum(tn_forward(m, y))));
    CHECK_ERROR(TN_ERR_DTYPE, "has changed the type of value (was torch.FloatTensor got torch.DoubleTensor)");
    CHECK(sum_of(tn_grad(y)) == 60);
    tn_hook_remove(h);
    h = tn_register_full_backward_hook(m, adds_gradient, NULL, NULL);
    CHECK(!tn_backward(tn_sum(tn_forward(m, tn_ones(2)))));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "Backward hook for Modules where no input requires gradient should always return None or None for all gradients.");
    tn_hook_remove(h);
    IN_C(197, "A hook before it may replace the gradients of the results, and that changes those of the parameters.",
         "It writes into grad_out[].");
    record p = {.name = "pre", .scale = 100};
    tn_zero_grad(m);
    h = tn_register_full_backward_pre_hook(m, full_pre, &p, NULL);
    tn_tensor *z = tn_requires_grad_(tn_ones(2), true);
    tn_backward(tn_sum(tn_forward(m, z)));
    CHECK(p.calls == 1 && p.out == 2 && sum_of(tn_grad(m->w)) == 200 && sum_of(tn_grad(z)) == 600);
    p.put = tn_ones(7);
    CHECK(!tn_backward(tn_sum(tn_forward(m, z))));
    CHECK_ERROR(TN_ERR_SHAPE, "hook 'full_backward_pre_hook' has changed the size of value");
    tn_hook_remove(h);
}

static tn_tensor *nest_forward(net *self, tn_tensor *x) { return tn_mul(tn_forward(self->inner, x), self->w); }
typedef net nest;
TN_CLASS(nest, nest_forward, w, inner);

typedef struct {
    tn_module module;
} writer;
static tn_tensor *writer_forward(writer *self, tn_tensor *x) {
    (void)self;
    return tn_mul_(x, 2);
}
TN_CLASS(writer, writer_forward, TN_NO_FIELDS);

static void nested(void) {
    TN_SCOPE;
    nest *m = tn_new(nest);
    m->w = tn_parameter(tn_ones(2));
    m->inner = tn_nn_linear(2, 2);
    record a = {.name = "outer"}, b = {.name = "inner"}, c = {.name = "outer-pre"}, d = {.name = "inner-pre"},
           g = {.name = "global"};
    HOLDS(198, "Of nested modules: the outer's before, the inner's before, the inner's, the outer's.");
    seen[0] = 0;
    tn_register_full_backward_hook(m, full, &a, NULL);
    tn_register_full_backward_hook(m->inner, full, &b, NULL);
    tn_register_full_backward_pre_hook(m, full_pre, &c, NULL);
    tn_register_full_backward_pre_hook(m->inner, full_pre, &d, NULL);
    tn_backward(tn_sum(tn_forward(m, tn_requires_grad_(tn_ones((1, 2)), true))));
    CHECK_STR(seen, "outer-pre inner-pre inner outer ");
    seen[0] = 0;
    {
        TN_HOOK_SCOPE(tn_register_module_full_backward_hook(full, &g, NULL));
        tn_backward(tn_sum(tn_forward(m, tn_requires_grad_(tn_ones((1, 2)), true))));
    }
    CHECK_STR(seen, "outer-pre inner-pre global inner global outer ");
    IN_C(199,
         "With such a hook the result has a node of hooks, and results and inputs are views that cannot be written in place; a "
         "result that is no tensor is a warning.",
         "Results are tensors always.");
    tn_tensor *y = tn_forward(m, tn_requires_grad_(tn_ones((1, 2)), true));
    CHECK_STR(tn_grad_fn_name(y), "BackwardHookFunctionBackward");
    CHECK(tn_mul_(y, 2) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Output 0 of BackwardHookFunction is a view and is being modified inplace.");
    writer *w = tn_new(writer);
    CHECK(sum_of(tn_forward(w, tn_mul(tn_requires_grad_(tn_ones(2), true), 1))) == 4); /* removed ones leave no node */
    {
        TN_HOOK_SCOPE(tn_register_module_forward_hook(post, "global-post", NULL));
        CHECK(sum_of(tn_forward(w, tn_mul(tn_requires_grad_(tn_ones(2), true), 1))) == 4); /* nor do hooks of forward */
    }
    tn_register_full_backward_hook(w, full, &a, NULL);
    CHECK(tn_forward(w, tn_mul(tn_requires_grad_(tn_ones(2), true), 1)) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Output 0 of BackwardHookFunction is a view and is being modified inplace.");
    IN_C(200, "Backward hooks of the old and the full kind cannot be mixed.",
         "There is only the full kind; the other one is deprecated in PyTorch, and sees wrong gradients.");
    tn_nn_linear *alone = tn_nn_linear(2, 2);
    CHECK(tn_register_full_backward_hook(alone, full, &a, NULL) && tn_register_full_backward_hook(alone, full, &b, NULL));
}

static void of_hooks_memory(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        net *m = net_new();
        record r = {.name = "full"};
        tn_register_full_backward_hook(m, full, &r, NULL);
        tn_tensor *x = tn_requires_grad_(tn_ones(2), true);
        tn_forward(m, x);                        /* a graph that backward never sees */
        tn_tensor *y = tn_sum(tn_forward(m, x)); /* one that outlives its module's other claims */
        tn_backward(y, .retain_graph = true);
        tn_backward(y);
    }
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

int main(void) {
    RUN(around_forward);
    RUN(always);
    RUN(backward);
    RUN(nested);
    RUN(of_hooks_memory);
    return test_end();
}
