/* What can be forgotten is reported: docs/forgetting.md has a row for each of these. */
#include "support.h"

typedef struct {
    tn_module module;
    tn_tensor *w;
    tn_nn_linear *inner;
    tn_nn_linear **many; /* memory of the program's own */
    void *teacher;       /* TN_REF */
    tn_tensor *unnamed;
    struct {
        tn_nn_linear *deep;
    } part;
} net;
static tn_nn_linear *loose; /* a module that no field holds */
static tn_tensor *net_forward(net *self, tn_tensor *x) {
    if (loose) x = tn_forward(loose, x);
    if (self->teacher) x = (tn_forward)(self->teacher, &x, 1);
    return tn_mul(x, self->w);
}
TN_CLASS(net, net_forward, w, inner, many, TN_REF(teacher));

static net *net_new(void) {
    net *self = tn_new(net);
    self->w = tn_parameter(tn_ones(2));
    return self;
}

static void a_field_that_the_table_does_not_name(void) {
    TN_SCOPE;
    net *m = net_new();
    m->unnamed = tn_parameter(tn_ones((2, 3)));
    CHECK(tn_parameters(m) == NULL);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "'net' holds a parameter of shape [2, 3] at byte offset");
    m->unnamed = tn_buffer(tn_ones(4));
    CHECK(tn_state_dict(m) == NULL);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "'net' holds a buffer of shape [4] at byte offset");
    m->unnamed = tn_ones(4); /* a plain tensor is the program's own business */
    CHECK(tn_check(m));
    m->part.deep = tn_nn_linear(2, 2); /* in a struct inside of the struct */
    CHECK(!tn_train(m));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "'net' holds a module 'tn_nn_linear' at byte offset");
    m->part.deep = NULL;
}

/* What dies with a whole model is judged together with what a struct holds. */
static void among_many_that_die(void) {
    TN_SCOPE;
    net *m = net_new();
    size_t before;
    {
        TN_SCOPE;
        before = live_objects();
        for (int i = 0; i < 40; i++) tn_nn_linear(2, 2);
        m->unnamed = tn_parameter(tn_ones((2, 3)));
        m->part.deep = tn_nn_linear(2, 2);
        tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_linear(2, 2));
    }
    CHECK(live_objects() == before + 4); /* the parameter, and the layer with its two */
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "at byte offset");
    m->unnamed = NULL, m->part.deep = NULL;
    CHECK(tn_check(m));
}

static void an_array_of_its_own(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_nn_linear *heads[2] = {tn_nn_linear(2, 2), tn_nn_linear(2, 2)};
    m->many = heads; /* a pointer to pointers is no object: arrays stand in the struct */
    CHECK(tn_parameters(m) == NULL);
    CHECK_ERROR(TN_ERR_HANDLE, "field 'many' of 'net' holds something that is no living object");
    m->many = NULL;
    CHECK(tn_check(m));
}

/* PyTorch says nothing: the new parameters have gradients, and stay as they are. */
static void what_comes_after_the_optimizer(void) {
    TN_SCOPE;
    net *m = net_new();
    m->inner = tn_nn_linear(2, 2);
    tn_nn_sequential *s = tn_nn_sequential(m, tn_nn_relu());
    tn_tensor *x = tn_ones((1, 2));
    tn_optim *opt = tn_optim_sgd(tn_parameters(s), .lr = 0.1);
    net *other = net_new(); /* a model of its own, which no optimizer has */
    other->inner = tn_nn_linear(2, 2);
    tn_backward(tn_sum(tn_forward(other, x)));
    tn_backward(tn_sum(tn_forward(s, x)));
    CHECK(tn_optim_step(opt));
    tn_nn_linear *late = tn_nn_linear(2, 2);
    tn_nn_container_append(s, late);
    CHECK(tn_optim_step(opt)); /* it took part in nothing yet */
    tn_backward(tn_sum(tn_forward(s, x)));
    double before = tn_item(tn_sum(m->w));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "parameter '2.weight' of shape [2, 2] came into 'tn_nn_sequential' after its optimizer was made");
    CHECK(tn_item(tn_sum(m->w)) == before && !tn_optim_step(opt));
    tn_clear_error();
    tn_optim_add_param_group(opt, tn_parameters(late));
    CHECK(tn_optim_step(opt) && tn_item(tn_sum(m->w)) != before);
    (tn_module_set)(&m->module, "scale", tn_parameter(tn_ones(2)));
    tn_tensor *scale = (tn_module_get)(&m->module, "scale");
    tn_backward(tn_sum(tn_mul(scale, 2)));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "parameter 'scale' of shape [2] came into 'net'");
    tn_requires_grad_(scale, false);
    CHECK(tn_optim_step(opt));
    CHECK(tn_optim_sgd(tn_parameters(other), .lr = 0.1) && tn_optim_step(opt));
}

static int warnings;
static void hear(const char *text, void *data) {
    (void)data;
    warnings += strstr(text, "no parameter of this optimizer has a gradient") != NULL;
}
static void a_copy_is_trained(void) {
    TN_SCOPE;
    tn_nn_linear *m = tn_nn_linear(2, 2), *copy = tn_deepcopy(m);
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    warnings = 0;
    tn_set_warning_handler(hear, NULL);
    tn_backward(tn_sum(tn_forward(copy, tn_ones((1, 2)))));
    CHECK(tn_optim_step(opt) && tn_optim_step(opt));
    CHECK_EQ_INT(warnings, 1);
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    CHECK(tn_optim_step(opt));
    tn_set_warning_handler(NULL, NULL);
    CHECK_EQ_INT(warnings, 1);
}

/* Those who train a part of a model on purpose hear nothing. */
static void a_part_that_is_trained_on_purpose(void) {
    TN_SCOPE;
    net *m = net_new();
    m->inner = tn_nn_linear(2, 2);
    tn_nn_sequential *s = tn_nn_sequential(m, tn_nn_linear(2, 2));
    tn_optim *opt = tn_optim_sgd(tn_parameters(tn_nn_container_get(s, 1)), .lr = 0.1);
    tn_nn_container_append(s, tn_nn_linear(2, 2));
    tn_backward(tn_sum(tn_forward(s, tn_ones((1, 2)))));
    CHECK(tn_optim_step(opt) && tn_optim_step(opt));
}

/* A table written by hand that names the first element of an array of two. */
typedef struct {
    tn_module module;
    tn_nn_linear *heads[2];
} pair;
static void a_table_that_does_not_cover_an_array(void) {
    TN_SCOPE;
    static const tn_field fields[] = {{"heads", offsetof(pair, heads), sizeof(void *), 0}};
    static const tn_class half = {.size = sizeof half,
                                  .row_size = sizeof *fields,
                                  .name = "half",
                                  .bytes = sizeof(pair),
                                  .forward = net_call,
                                  .nfields = 1,
                                  .fields = fields};
    pair *m = tn_module_new(&half);
    m->heads[0] = tn_nn_linear(2, 2);
    CHECK(tn_check(m));
    m->heads[1] = tn_nn_linear(2, 2);
    CHECK(!tn_check(m));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "'half' holds a module 'tn_nn_linear' at byte offset");
    m->heads[1] = NULL;
}

static void a_module_that_no_field_holds(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *x = tn_ones((1, 2));
    loose = tn_nn_linear(2, 2);
    CHECK(tn_forward(m, x) && !tn_check(m));
    CHECK_ERROR(TN_ERR_OWNERSHIP,
                "the forward of 'net' ran a 'tn_nn_linear' that has parameters to train, but no field of any module holds it");
    CHECK(tn_parameters(m) == NULL); /* so no optimizer is made of the rest */
    CHECK_ERROR(TN_ERR_OWNERSHIP, "no field of any module holds it");
    m->inner = loose; /* held now */
    CHECK(tn_check(m) && tn_tensors_count(tn_parameters(m)) == 3);
    m->inner = NULL;
    tn_optim_sgd(tn_parameters(loose), .lr = 0.1); /* trained by somebody else */
    CHECK(tn_forward(m, x) && tn_check(m));
    net *frozen = net_new();
    loose = tn_nn_linear(2, 2);
    tn_module_requires_grad_(loose, false); /* nothing to train */
    CHECK(tn_forward(frozen, x) && tn_check(frozen));
    loose = NULL;
    frozen->teacher = tn_nn_linear(2, 2); /* a plain reference says that somebody else holds it */
    CHECK(tn_forward(frozen, x) && tn_check(frozen));
    tn_nn_linear *fresh = tn_nn_linear(2, 2);
    frozen->inner = fresh; /* held by a field that was not observed yet */
    loose = fresh;
    CHECK(tn_forward(frozen, x) && tn_check(frozen));
    loose = NULL;
    CHECK_OK();
}

static void a_leaf_that_nobody_owns(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *stray = tn_randn(2, .requires_grad = true), *loss = tn_sum(tn_mul(tn_forward(m, tn_ones(2)), stray));
    CHECK(!tn_check_loss(m, loss));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "a tensor of shape [2] that requires grad, made at tests/unit/test_forgetting.c:");
    tn_tensor *turned_on = tn_requires_grad_(tn_zeros(2), true);
    CHECK(!tn_check_loss(m, tn_sum(tn_mul(tn_forward(m, tn_ones(2)), turned_on))));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "made at tests/unit/test_forgetting.c:");
    tn_optim_sgd(tn_tensors_new(&stray, 1), .lr = 0.1);
    CHECK(tn_check_loss(m, loss));
    CHECK(!tn_check_loss(m, tn_ones(1)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "the loss does not require grad: nothing that it depends on can be trained");
}

static void an_optimizer_of_a_parameter_that_was_replaced(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    tn_tensor *old = m->w;
    tn_backward(tn_sum(tn_forward(m, tn_ones(2))));
    CHECK(tn_optim_step(opt));
    m->w = tn_parameter(tn_ones(2));
    CHECK(tn_check(m) && !tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, NULL);
    m->w = old;
    CHECK(tn_check(m) && tn_optim_step(opt));
    CHECK(tn_module_set(m, "w", tn_parameter(tn_ones(2))) && !tn_optim_step(opt)); /* by name, too */
    CHECK_ERROR(TN_ERR_OWNERSHIP, NULL);
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_linear(1, 1));
    opt = tn_optim_sgd(tn_parameters(s), .lr = 0.1);
    CHECK(tn_load_state_dict(s, tn_state_dict(tn_nn_sequential(tn_nn_linear(1, 1))), .assign = true) && !tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, NULL);
}

/* The same, where no walk comes after the first forward: the optimizer's step says it. */
static void a_step_after_a_stranger(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *x = tn_ones((1, 2));
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    loose = tn_nn_linear(2, 2);
    {
        TN_NO_GRAD; /* as a teacher runs */
        CHECK(tn_forward(m, x) && tn_check(m));
    }
    tn_backward(tn_sum(tn_forward(m, x)));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "optim_step: the forward of 'net' ran a 'tn_nn_linear' that has parameters to train");
    m->inner = loose;
    CHECK(tn_optim_add_param_group(opt, tn_parameters(loose)) && tn_optim_step(opt));
    loose = NULL;
}

/* A model that is gone, though it was not freed yet, is not reported at the step of another's optimizer. */
static void a_step_after_a_model_that_is_gone(void) {
    TN_SCOPE;
    {
        TN_SCOPE;
        net *gone = net_new();
        tn_optim_sgd(tn_parameters(gone), .lr = 0.1);
        tn_tensor *x = tn_ones((1, 2));
        loose = tn_keep(tn_nn_linear(2, 2));
        gone->inner = tn_nn_linear(2, 2);
        tn_backward(tn_sum(tn_forward(gone->inner, tn_forward(gone, x))));
    }
    tn_nn_linear *kept = loose;
    loose = NULL;
    net *m = net_new();
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    tn_backward(tn_sum(tn_forward(m, tn_ones(2))));
    CHECK(tn_optim_step(opt));
    tn_free(kept);
    CHECK_OK();
}

static tn_optim *train(net *m, tn_tensor *with, int steps) {
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    for (int i = 0; i < steps; i++) {
        tn_optim_zero_grad(opt);
        tn_backward(tn_sum(tn_mul(tn_forward(m, tn_ones(2)), with)));
        if (!tn_optim_step(opt)) return NULL;
    }
    return opt;
}

static void a_parameter_that_nobody_holds(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *p = tn_parameter(tn_ones(2));
    CHECK(train(m, p, 1));
    CHECK(!train(m, p, 2)); /* its gradient is never used, nor cleared */
    CHECK_ERROR(TN_ERR_OWNERSHIP, "a parameter of shape [2], made at tests/unit/test_forgetting.c:");
    p = tn_parameter(tn_ones(2));
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    for (int i = 0; i < 3; i++) { /* trained by hand */
        tn_backward(tn_sum(tn_mul(tn_forward(m, tn_ones(2)), p)));
        CHECK(tn_optim_step(opt));
        TN_NO_GRAD;
        tn_sub_(p, tn_mul(tn_grad(p), 0.1));
        tn_set_grad(p, NULL);
    }
    CHECK(train(m, tn_randn(2, .requires_grad = true), 3)); /* a plain tensor is the program's own */
    tn_tensor *held = tn_parameter(tn_ones(2));
    tn_optim_sgd(tn_tensors_new(&held, 1), .lr = 0.1);
    CHECK(train(m, held, 3));
    CHECK_OK();
}

static void what_a_loss_depends_on(void) {
    TN_SCOPE;
    net *m = net_new(), *other = net_new();
    tn_tensor *x = tn_ones(2);
    m->inner = tn_nn_linear(2, 2);
    CHECK(tn_check_loss(m, tn_sum(tn_forward(m, tn_forward(other, x))))); /* nobody trains yet */
    tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    CHECK(!tn_check_loss(m, tn_sum(tn_forward(m, tn_forward(other, x)))));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "of a module that is no part of 'net', and no optimizer holds it");
    tn_optim_sgd(tn_parameters(other), .lr = 0.1);
    CHECK(tn_check_loss(m, tn_sum(tn_forward(m, tn_forward(other, x)))));
    net *named = tn_new(net);
    named->w = tn_randn(2, .requires_grad = true);
    CHECK(tn_check(named) && !tn_check_loss(named, tn_sum(tn_forward(named, x))));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "which stands in a field, but is no parameter");
}

static void a_list_in_a_field(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *p = tn_parameter(tn_ones(2));
    m->many = (tn_nn_linear **)tn_tensors_new(&p, 1);
    CHECK(tn_parameters(m) == NULL);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "field 'many' of 'net' holds a list with a parameter of shape [2]");
    net *holder = net_new();
    holder->w = p; /* held by a field, too */
    CHECK(tn_check(m));
    m->many = NULL;
}

static void an_optimizer_without_parameters(void) {
    TN_SCOPE;
    CHECK(tn_optim_sgd(tn_parameters(tn_nn_relu()), .lr = 0.1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "optimizer got an empty parameter list");
}

int main(void) {
    RUN(a_field_that_the_table_does_not_name);
    RUN(among_many_that_die);
    RUN(an_array_of_its_own);
    RUN(a_table_that_does_not_cover_an_array);
    RUN(what_comes_after_the_optimizer);
    RUN(a_part_that_is_trained_on_purpose);
    RUN(a_copy_is_trained);
    RUN(a_module_that_no_field_holds);
    RUN(a_leaf_that_nobody_owns);
    RUN(an_optimizer_of_a_parameter_that_was_replaced);
    RUN(a_step_after_a_stranger);
    RUN(a_step_after_a_model_that_is_gone);
    RUN(a_parameter_that_nobody_holds);
    RUN(what_a_loss_depends_on);
    RUN(a_list_in_a_field);
    RUN(an_optimizer_without_parameters);
    return test_end();
}
