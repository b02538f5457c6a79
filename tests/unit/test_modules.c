/* Modules: what registers itself, walks, reports of what was forgotten, state. Texts as PyTorch's. */
#include "support.h"
#include <stdlib.h>

typedef struct {
    tn_module module;
    int hidden;
    tn_tensor *w, *bias, *state, *steps;
    tn_nn_linear *heads[2];
    tn_nn_linear *decoder;
    void *owner;
    tn_tensor *forgotten; /* not named below */
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->decoder, tn_mul(x, self->w)); }
TN_CLASS(net, net_forward, w, bias, state, steps, heads, decoder, TN_REF(owner));

static net *net_new(void) {
    net *self = tn_new(net);
    self->w = tn_parameter(tn_ones(4));
    self->state = tn_zeros(4);
    self->steps = tn_buffer(tn_scalar_tensor(0, .dtype = TN_INT64));
    for (int i = 0; i < 2; i++) self->heads[i] = tn_nn_linear(4, 4, .bias = false);
    self->decoder = tn_nn_linear(4, 2);
    return self;
}

static const char *names(tn_named_iter it) {
    static char text[1024];
    text[0] = 0;
    while (tn_named_next(&it)) {
        strcat(text, it.name);
        strcat(text, " ");
    }
    return text;
}

static void values_decide(void) {
    net *m = net_new();
    CHECK_STR(names(tn_named_parameters(m)), "w heads.0.weight heads.1.weight decoder.weight decoder.bias ");
    CHECK_STR(names(tn_named_buffers(m)), "steps ");
    CHECK_STR(names(tn_named_modules(m)), " heads.0 heads.1 decoder ");
    CHECK_STR(names(tn_named_children(m)), "heads.0 heads.1 decoder ");
    CHECK_STR(names(tn_named_parameters(m, .recurse = false)), "w ");
    CHECK_STR(names(tn_named_parameters(m, .prefix = "net")),
              "net.w net.heads.0.weight net.heads.1.weight net.decoder.weight net.decoder.bias ");
    m->bias = tn_parameter(tn_zeros(4));
    CHECK_STR(names(tn_named_parameters(m, .recurse = false)), "w bias ");
    m->bias = NULL;
    m->decoder = NULL;
    CHECK_STR(names(tn_named_parameters(m)), "w heads.0.weight heads.1.weight ");
    CHECK_OK();
    tn_free(m);
}

static void shared_ones_come_once(void) {
    net *m = net_new();
    m->heads[1] = m->heads[0];
    m->decoder->weight = m->heads[0]->weight;
    CHECK_STR(names(tn_named_parameters(m)), "w heads.0.weight decoder.bias ");
    CHECK_STR(names(tn_named_parameters(m, .remove_duplicate = false)),
              "w heads.0.weight heads.1.weight decoder.weight decoder.bias ");
    CHECK_STR(names(tn_named_modules(m)), " heads.0 decoder ");
    tn_free(m);
}

/* Statements 77 to 84 of PyTorch's attribute rules. */
static void a_plain_tensor_cannot_take_a_parameters_place(void) {
    net *m = net_new();
    tn_tensor *p = m->w;
    tn_keep(p);
    CHECK(tn_check(m));
    m->w = tn_ones(4);
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as parameter 'w' (torch.nn.Parameter or None expected)");
    CHECK(tn_parameters(m) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "as parameter 'w'");
    m->w = NULL; /* absent is allowed, and remembered */
    CHECK(tn_check(m));
    m->w = tn_ones((4, 1), .dtype = TN_FLOAT64);
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.DoubleTensor'");
    m->w = p; /* swapped back */
    CHECK(tn_check(m));
    tn_free(p);
    m->decoder = (void *)tn_ones(2);
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as child module 'decoder' (torch.nn.Module or None expected)");
    m->decoder = NULL;
    m->steps = (void *)tn_tensors_new(NULL, 0);
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'list' as buffer 'steps' (torch.nn.Buffer, torch.Tensor or None expected)");
    m->steps = tn_ones(2); /* a plain tensor over a buffer stays one */
    CHECK_STR(names(tn_named_buffers(m)), "steps ");
    CHECK_OK();
    tn_free(m);
}

static void what_was_forgotten_is_reported(void) {
    net *m = net_new();
    {
        TN_SCOPE;
        m->forgotten = tn_parameter(tn_ones((2, 3)));
    }
    for (int i = 0; i < 100; i++) {
        TN_SCOPE;
        tn_ones(1);
    }
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "'net' holds a parameter of shape [2, 3] at byte offset");
    CHECK(tn_item(tn_sum(m->forgotten)) == 6); /* it was kept alive */
    m->forgotten = NULL;
    CHECK(tn_check(m));
    m->owner = tn_nn_linear(1, 1); /* TN_REF: no claim, no report */
    CHECK(tn_check(m));
    m->forgotten = tn_ones(3); /* a plain tensor is the program's own business */
    CHECK(tn_check(m));
    tn_free(m);
}

static void a_dead_field_is_reported(void) {
    net *m = net_new();
    tn_tensor *x = tn_ones(3);
    tn_free(x);
    m->state = x;
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_HANDLE, "field 'state' of 'net' holds something that is no living object");
    m->state = NULL;
    tn_free(m);
}

static void check_loss_finds_what_nobody_trains(void) {
    net *m = net_new();
    tn_tensor *stray = tn_parameter(tn_ones(4));
    tn_tensor *loss = tn_sum(tn_mul(tn_forward(m, tn_ones((1, 4))), 2));
    CHECK(tn_check_loss(m, loss));
    loss = tn_add(loss, tn_sum(stray));
    CHECK(!tn_check_loss(m, loss));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "parameter of shape [4] that requires grad, made at ");
    CHECK(!tn_check_loss(m, loss));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "test_modules.c:");
    m->bias = stray;
    CHECK(tn_check_loss(m, loss));
    CHECK_OK();
    tn_free(m);
}

static void two_fields_with_one_name(void) {
    static const tn_field fields[] = {{"a", sizeof(tn_module), sizeof(void *), 0},
                                      {"a", sizeof(tn_module) + sizeof(void *), sizeof(void *), 0}};
    static const tn_class twice = {.size = sizeof twice,
                                   .row_size = sizeof *fields,
                                   .name = "twice",
                                   .bytes = sizeof(tn_module) + 2 * sizeof(void *),
                                   .forward = net_call,
                                   .nfields = 2,
                                   .fields = fields};
    tn_module *m = tn_module_new(&twice);
    CHECK(!(tn_check)(m));
    CHECK_ERROR(TN_ERR_KEY, "'twice' has two fields named 'a'");
    tn_free(m);
}

/* ---- whole-module calls ---- */

static void modes_and_flags(void) {
    net *m = net_new();
    CHECK(tn_is_training(m) && tn_is_training(m->decoder));
    CHECK(tn_eval(m) && !tn_is_training(m) && !tn_is_training(m->heads[1]));
    CHECK(tn_train(m) && tn_is_training(m->heads[0]));
    CHECK(tn_module_requires_grad_(m, false) && !tn_requires_grad(m->w) && !tn_requires_grad(m->decoder->bias));
    CHECK(tn_module_requires_grad_(m, true));
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 4)))));
    CHECK(tn_grad(m->w) != NULL && tn_grad(m->heads[0]->weight) == NULL);
    CHECK(tn_zero_grad(m) && tn_grad(m->w) == NULL);
    CHECK_OK();
    tn_free(m);
}

static void to_keeps_the_parameter_objects(void) {
    net *m = net_new();
    tn_tensor *w = m->w, *steps = m->steps;
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 4)))));
    CHECK(tn_module_to(m, TN_FLOAT64));
    CHECK(m->w == w && tn_get_dtype(w) == TN_FLOAT64 && tn_get_dtype(tn_grad(w)) == TN_FLOAT64);
    CHECK(m->steps == steps && tn_get_dtype(steps) == TN_INT64);
    CHECK(tn_get_dtype(tn_forward(m, tn_ones((1, 4), .dtype = TN_FLOAT64))) == TN_FLOAT64);
    CHECK(!tn_module_to(m, TN_INT64));
    CHECK_ERROR(TN_ERR_TYPE, "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64");
    tn_free(m);
}

static bool note(tn_module *m, void *data) {
    strcat(data, tn_module_class(m)->printed);
    strcat(data, " ");
    return true;
}
static void apply_visits_children_first(void) {
    net *m = net_new();
    char seen[200] = "";
    CHECK(tn_module_apply(m, note, seen));
    CHECK_STR(seen, "Linear Linear Linear net ");
    tn_free(m);
}

static void members_by_name(void) {
    net *m = net_new();
    CHECK((tn_module_get)(&m->module, "w") == m->w);
    CHECK(tn_module_get(m, "heads.1") == m->heads[1]);
    CHECK(tn_get_parameter(m, "heads.0.weight") == m->heads[0]->weight);
    CHECK(tn_get_submodule(m, "") == m && tn_get_submodule(m, "decoder") == m->decoder);
    CHECK(tn_get_buffer(m, "steps") == m->steps);
    CHECK(tn_get_parameter(m, "decoder.missing") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "Linear has no attribute `missing`");
    CHECK(tn_get_submodule(m, "w") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`w` is not an nn.Module");
    CHECK(tn_get_parameter(m, "state") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`state` is not an nn.Parameter");
    CHECK(tn_module_get(m, "nothing") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'net' object has no attribute 'nothing'");
    CHECK(!tn_module_set(m, "w", tn_ones(4)));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as parameter 'w'");
    CHECK(tn_is_parameter(m->w));
    CHECK(tn_module_set(m, "extra", tn_parameter(tn_ones(1))));
    CHECK_STR(names(tn_named_parameters(m, .recurse = false)), "w extra ");
    CHECK(!tn_module_set(m, "a.b", tn_nn_linear(1, 1)));
    CHECK_ERROR(TN_ERR_KEY, "module name can't contain \".\", got: a.b");
    CHECK(!tn_module_set(m, "", tn_parameter(tn_ones(1))));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't be empty string \"\"");
    CHECK(!tn_module_set(m, "self", m));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "would contain itself");
    CHECK(tn_module_delete(m, "extra") && !tn_module_delete(m, "extra"));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "no attribute 'extra'");
    tn_free(m);
}

/* ---- state ---- */

static void state_dict_shares_and_orders(void) {
    net *m = net_new();
    tn_state *s = tn_state_dict(m);
    char text[300] = "";
    for (size_t i = 0; i < tn_state_count(s); i++) strcat(strcat(text, tn_state_name(s, i)), " ");
    CHECK_STR(text, "w steps heads.0.weight heads.1.weight decoder.weight decoder.bias ");
    tn_tensor *w = tn_state_get(s, "w");
    CHECK(tn_data(w) == tn_data(m->w) && w != m->w && !tn_requires_grad(w) && !tn_is_parameter(w));
    CHECK(tn_state_get(s, "state") == NULL);
    CHECK_ERROR(TN_ERR_KEY, "state");
    tn_free(m);
}

static void load_is_all_or_nothing(void) {
    net *m = net_new(), *other = net_new();
    TN_NO_GRAD;
    tn_fill_(other->w, 7);
    tn_tensor *w = m->w;
    uint32_t version = tn_version_counter(w);
    CHECK(tn_load_state_dict(m, tn_state_dict(other)));
    CHECK(m->w == w && tn_item(tn_sum(m->w)) == 28 && tn_requires_grad(m->w) && tn_version_counter(w) > version);
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_full(4, 3.5));
    tn_state_set(s, "surplus", tn_ones(1));
    tn_state_set(s, "decoder.bias", tn_ones(3));
    tn_state_set(s, "decoder.weight", tn_ones((2, 4)));
    CHECK(!tn_load_state_dict(m, s));
    CHECK_STR(tn_error_message(), "Error(s) in loading state_dict for net:\n"
                                  "\tMissing key(s) in state_dict: \"steps\", \"heads.0.weight\", \"heads.1.weight\". \n"
                                  "\tUnexpected key(s) in state_dict: \"surplus\". \n"
                                  "\tsize mismatch for decoder.bias: copying a param with shape torch.Size([3]) from checkpoint, "
                                  "the shape in current model is "
                                  "torch.Size([2]).");
    tn_clear_error();
    CHECK(tn_item(tn_sum(m->w)) == 28); /* nothing was changed */
    CHECK(!tn_load_state_dict(m, s, .strict = false));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for decoder.bias");
    tn_state_set(s, "decoder.bias", tn_full(2, 2, .dtype = TN_FLOAT64));
    CHECK(tn_load_state_dict(m, s, .strict = false));
    CHECK(tn_item(tn_sum(m->w)) == 14 && tn_item(tn_sum(m->decoder->bias)) == 4 && tn_get_dtype(m->decoder->bias) == TN_FLOAT32);
    CHECK_OK();
    tn_free(m);
    tn_free(other);
}

/* ---- text ---- */

static void printed_text(void) {
    net *m = net_new();
    CHECK_STR(tn_to_string(m), "net(\n"
                               "  (heads): ModuleList(\n"
                               "    (0-1): 2 x Linear(in_features=4, out_features=4, bias=False)\n"
                               "  )\n"
                               "  (decoder): Linear(in_features=4, out_features=2, bias=True)\n"
                               ")");
    CHECK_STR(tn_to_string(m->w), "Parameter containing:\ntensor([1., 1., 1., 1.], requires_grad=True)");
    CHECK_STR(tn_to_string(NULL), "None");
    tn_free(m);
}

/* ---- forward ---- */

typedef struct {
    tn_module module;
    tn_tensor *w;
} two;
static bool two_forward(two *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    if (n != 2 || k > 2) return tn_raise(TN_ERR_VALUE, "two wants two tensors");
    out[0] = tn_add(in[0], self->w);
    if (k == 2) out[1] = in[1] ? tn_mul(in[1], self->w) : NULL;
    return true;
}
TN_CLASS(two, two_forward, w);

static bool double_input(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)n;
    ++*(int *)data;
    in[0] = tn_mul(in[0], 2);
    return in[0] != NULL;
}
static bool count_result(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    (void)m, (void)in, (void)n, (void)k;
    ++*(int *)data;
    out[0] = tn_add(out[0], 100);
    return true;
}
static void destroyed(void *data) { *(int *)data += 1000; }

static void forward_forms_and_hooks(void) {
    two *m = tn_new(two);
    m->w = tn_parameter(tn_full(2, 3.0));
    tn_tensor *in[2] = {tn_ones(2), tn_full(2, 4.0)}, *out[2];
    CHECK(tn_forward_n(m, in, 2, out, 2) && tn_item(tn_sum(out[0])) == 8 && tn_item(tn_sum(out[1])) == 24);
    CHECK(tn_forward(m, in[0], NULL) != NULL); /* NULL is None */
    CHECK(tn_forward(m, in[0]) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "two wants two tensors");
    int pre = 0, post = 0;
    tn_hook *a = tn_register_forward_pre_hook(m, double_input, &pre, destroyed),
            *b = tn_register_forward_hook(m, count_result, &post, destroyed);
    CHECK(tn_item(tn_sum(tn_forward(m, in[0], NULL))) == 210 && pre == 1 && post == 1);
    tn_hook_remove(a);
    tn_hook_remove(a);
    CHECK(tn_item(tn_sum(tn_forward(m, in[0], NULL))) == 208 && pre == 1 && post == 2);
    CHECK(a != b);
    tn_free(a);
    tn_free(b);
    tn_free(m);
    CHECK(pre == 1001 && post == 1002);
    net *n = net_new();
    CHECK(tn_forward(n, in[0], in[1]) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "net.forward() takes 1 tensor but 2 were given");
    CHECK(!tn_forward(tn_nn_relu(), tn_ones(1), tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, "ReLU.forward() takes 1 tensor but 2 were given");
    tn_free(n);
}

static void a_parameter_becomes_a_computed_value(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *w = m->w, *x = tn_mul(w, 2);
    CHECK(tn_module_set(m, "late", tn_parameter(tn_ones(1))) && tn_module_set(m, "later", tn_parameter(tn_ones(1))));
    CHECK(!tn_module_replace(m, "w", w));
    CHECK_ERROR(TN_ERR_TYPE, "module_replace: argument 'value' must be a tensor without a mark");
    CHECK(!tn_module_replace(m, "w", tn_buffer(tn_ones(1))) && tn_error() == TN_ERR_TYPE);
    tn_clear_error();
    CHECK(!tn_module_replace(m, "w", NULL) && tn_error() == TN_ERR_TYPE);
    tn_clear_error();
    CHECK(!tn_module_replace(m, "none", x));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'net' object has no attribute 'none'");
    CHECK(!tn_module_replace(m, "bias", x)); /* a field that nothing was put into */
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'net' object has no attribute 'bias'");
    CHECK(m->w == w && tn_module_replace(m, "w", x) && m->w == x && tn_module_replace(m, "late", tn_ones(1)));
    CHECK_STR(names(tn_named_parameters(m)), "later heads.0.weight heads.1.weight decoder.weight decoder.bias ");
    CHECK(tn_module_replace(m, "steps", x) && tn_tensors_count(tn_buffers(m)) == 0 && tn_check(m));
    CHECK(tn_module_set(m, "late", tn_parameter(tn_ones(1)))); /* comes last, as in PyTorch */
    CHECK_STR(names(tn_named_parameters(m)), "later late heads.0.weight heads.1.weight decoder.weight decoder.bias ");
}

static void hooks_can_be_listed(void) {
    TN_SCOPE;
    two *m = tn_new(two);
    int data[2] = {0, 0};
    tn_forward_pre_hook *function;
    void *got;
    CHECK(tn_forward_pre_hook_at(m, 0, &function, &got) == NULL && tn_error() == TN_OK);
    tn_hook *a = tn_register_forward_pre_hook(m, double_input, &data[0], NULL),
            *b = tn_register_forward_pre_hook(m, double_input, &data[1], NULL, .prepend = true);
    CHECK(tn_forward_pre_hook_at(m, 0, &function, &got) == b && function == double_input && got == &data[1]);
    CHECK(tn_forward_pre_hook_at(m, 1, NULL, &got) == a && got == &data[0] && tn_forward_pre_hook_at(m, 2, NULL, NULL) == NULL);
    tn_hook_remove(b);
    CHECK(tn_forward_pre_hook_at(m, 0, NULL, NULL) == a && tn_forward_pre_hook_at(m, 1, NULL, NULL) == NULL);
}

int main(void) {
    RUN(values_decide);
    RUN(shared_ones_come_once);
    RUN(a_plain_tensor_cannot_take_a_parameters_place);
    RUN(what_was_forgotten_is_reported);
    RUN(a_dead_field_is_reported);
    RUN(check_loss_finds_what_nobody_trains);
    RUN(two_fields_with_one_name);
    RUN(modes_and_flags);
    RUN(to_keeps_the_parameter_objects);
    RUN(apply_visits_children_first);
    RUN(members_by_name);
    RUN(state_dict_shares_and_orders);
    RUN(load_is_all_or_nothing);
    RUN(printed_text);
    RUN(forward_forms_and_hooks);
    RUN(a_parameter_becomes_a_computed_value);
    RUN(hooks_can_be_listed);
    return test_end();
}
