/* Classes made at run time, as a binding makes them: fields by name, forward as a callback, data that goes with class and module. */
#include "support.h"
#include <stdlib.h>

static int freed_classes, freed_objects;
static void free_class(void *data) { freed_classes += *(int *)data; }
static void free_object(void *data) { freed_objects += *(int *)data; }

/* What a binding's trampoline does: from the handle to its own object, and on to a function of the language. */
typedef struct {
    int one;
    tn_tensor *(*call)(tn_module *m, tn_tensor *x);
} object;
static bool trampoline(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    object *self = tn_class_data(tn_module_class(m)) ? (tn_module_data)(m) : NULL;
    if (!self || n != 1 || k != 1) return tn_raise(TN_ERR_TYPE, "forward takes one tensor");
    out[0] = self->call(m, in[0]);
    return out[0] != NULL;
}
static tn_tensor *affine(tn_module *m, tn_tensor *x) {
    return tn_add(tn_matmul(x, (tn_module_get)(m, "weight")), (tn_module_get)(m, "bias"));
}
static int extra(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "rows=%lld", (long long)tn_size((tn_module_get)(m, "weight"), 0));
}

static void defined_at_run_time(void) {
    static int one = 1;
    object self = {1, affine};
    char name[] = "Affine", fields[2][8] = {"weight", "bias"};
    const char *list[] = {fields[0], fields[1]};
    const tn_class *c =
        tn_class_new(name, trampoline, .fields = list, .nfields = 2, .extra_repr = extra, .data = &one, .destroy_data = free_class);
    memset(name, 'x', 3), memset(fields, 'x', sizeof fields - 1); /* the class has its own copies */
    {
        TN_SCOPE;
        tn_module *m = tn_module_new(c);
        CHECK((tn_module_set_data)(m, &self, free_object));
        CHECK((tn_module_set)(m, "weight", tn_parameter(tn_ones((2, 3)))) && (tn_module_set)(m, "bias", tn_parameter(tn_zeros(3))));
        CHECK((tn_module_set)(m, "steps", tn_buffer(tn_zeros(1)))); /* a member besides the fields */
        CHECK((tn_module_set)(m, "child", tn_nn_relu()));
        CHECK_STR(tn_to_string(m), "Affine(\n  rows=2\n  (child): ReLU()\n)");
        tn_tensor *y = (tn_forward)(m, (tn_tensor *[]){tn_ones((4, 2))}, 1);
        CHECK(y && tn_item(tn_sum(y)) == 24);
        tn_tensors *p = (tn_parameters)(m);
        CHECK(tn_tensors_count(p) == 2 && strcmp(tn_tensors_name(p, 1), "bias") == 0);
        tn_optim *opt = tn_optim_sgd(p, .lr = 0.5);
        tn_backward(tn_sum(y));
        CHECK(tn_optim_step(opt) && tn_item(tn_sum((tn_module_get)(m, "bias"))) == -6);
        CHECK_EQ_INT(tn_state_count((tn_state_dict)(m, NULL)), 3);
        CHECK_EQ_INT((tn_module_members)(m), 4);
        tn_member member;
        const tn_member_kind kinds[] = {TN_MEMBER_PARAMETER, TN_MEMBER_PARAMETER, TN_MEMBER_BUFFER, TN_MEMBER_MODULE};
        for (size_t i = 0; i < 4; i++) CHECK((tn_module_member)(m, i, &member) && member.kind == kinds[i] && member.value != NULL);
        CHECK(!(tn_module_member)(m, 4, &member));
        CHECK_ERROR(TN_ERR_INDEX, "index 4 is out of range");
        CHECK((tn_forward)(m, (tn_tensor *[]){y, y}, 2) == NULL);
        CHECK_ERROR(TN_ERR_TYPE, "forward takes one tensor");
        CHECK(tn_class_free(c) && freed_classes == 0); /* it lives while a module of it does */
        CHECK(!tn_class_free(c));
        CHECK_ERROR(TN_ERR_OWNERSHIP, "class_free");
        CHECK((tn_forward)(m, (tn_tensor *[]){tn_ones((4, 2))}, 1) != NULL);
    }
    CHECK(live_objects() == 0 && freed_classes == 1 && freed_objects == 1);
    CHECK_OK();
}

static void wrong_tables(void) {
    TN_SCOPE;
    CHECK(tn_class_new("A", trampoline, .fields = (const char *[]){"a", "a"}, .nfields = 2) == NULL);
    CHECK_ERROR(TN_ERR_KEY, "'A' has two fields named 'a'");
    CHECK(tn_class_new("A", trampoline, .fields = (const char *[]){"a.b"}, .nfields = 1) == NULL);
    CHECK_ERROR(TN_ERR_KEY, "needs a name without \".\"");
    CHECK(tn_class_new(NULL, trampoline) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "argument 'name' is NULL");
    CHECK((tn_class_new)("A", NULL, NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "argument 'forward' is NULL");
    CHECK(tn_class_free(NULL));
    CHECK(!tn_class_free(tn_module_class((tn_module *)tn_nn_relu()))); /* a constant table */
    CHECK_ERROR(TN_ERR_OWNERSHIP, "class_free");
    CHECK(tn_class_data(NULL) == NULL);
}

static void many_classes(void) {
    for (int i = 0; i < 500; i++) {
        TN_SCOPE;
        char name[20];
        snprintf(name, sizeof name, "C%d", i);
        const tn_class *c = tn_class_new(name, trampoline);
        tn_module *m = tn_module_new(c);
        CHECK((tn_module_set)(m, "w", tn_parameter(tn_ones(1))) && tn_class_free(c));
        CHECK_STR(tn_module_class(m)->name, name);
    }
    CHECK(live_objects() == 0);
    CHECK_OK();
}

/* ---- calls of a language whose forwards take more than tensors ---- */

typedef struct {
    tn_tensor *in[TN_CALL_TENSORS], *out[TN_CALL_TENSORS];
    tn_module_call call;
    int seen;
    size_t gradients;
} rich;

/* A forward that turns out to give two results, and one place without a tensor. */
static bool two_results(tn_module *m, tn_module_call *call) {
    rich *r = call->data;
    (void)m;
    r->seen += call->in == r->in && call->n == 2;
    call->k = 3;
    r->out[0] = tn_mul(call->in[0], 2), r->out[1] = NULL, r->out[2] = tn_mul(call->in[1], 3);
    return r->out[0] && r->out[2];
}
static bool one_more(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    rich *r = data;
    (void)m;
    r->seen += in == r->in && n == 1; /* these very places, so it may set how many there are */
    in[r->call.n++] = tn_requires_grad_(tn_ones(2), true);
    return true;
}
static bool sees_gradients(tn_module *m, tn_tensor *grad_in[], size_t n, tn_tensor *const grad_out[], size_t k, void *data) {
    (void)m;
    ((rich *)data)->gradients = n * 10 + k;
    return grad_in[0] && grad_in[1] && grad_out[0] && !grad_out[1] && grad_out[2];
}
static bool fails_always(tn_module *m, tn_module_call *call) {
    (void)m, (void)call;
    return tn_raise(TN_ERR_KEY, "forward");
}
static bool without_results(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    rich *r = data;
    (void)m, (void)n;
    r->seen += in == r->in && out == r->out && k == 0;
    return true;
}

static bool too_many(tn_module *m, tn_module_call *call) {
    (void)m;
    return (call->n = call->k = 1000) > 0;
}
static bool too_many_inputs(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    (void)m, (void)in, (void)n;
    return (((tn_module_call *)data)->n = TN_CALL_TENSORS + 1) > 0;
}

static void rich_calls(void) {
    TN_SCOPE;
    rich r = {.seen = 0};
    tn_module *m = (tn_module *)tn_nn_identity();
    r.call = (tn_module_call){.size = sizeof r.call, .in = r.in, .out = r.out, .n = 1, .forward = two_results, .data = &r};
    tn_hook *more = tn_register_forward_pre_hook(m, one_more, &r, NULL);
    tn_hook *backward = tn_register_full_backward_hook(m, sees_gradients, &r, NULL);
    r.in[0] = tn_requires_grad_(tn_ones(2), true);
    CHECK(tn_forward_call(m, &r.call) && r.seen == 2 && r.call.n == 2 && r.call.k == 3 && !r.out[1]);
    CHECK_STR(tn_grad_fn_name(r.out[2]), "BackwardHookFunctionBackward");
    CHECK(tn_backward(tn_sum(tn_add(r.out[0], r.out[2]))) && r.gradients == 23);
    tn_hook_remove(more), tn_hook_remove(backward);
    tn_register_forward_hook(m, without_results, &r, NULL, .always_call = true);
    r.call.n = 1, r.call.k = 0, r.call.forward = fails_always;
    CHECK(!tn_forward_call(m, &r.call) && r.seen == 3);
    CHECK_ERROR(TN_ERR_KEY, "forward");
    r.call.forward = NULL; /* the class's own */
    r.call.k = 1;
    CHECK(tn_forward_call(m, &r.call) && r.seen == 3 && r.out[0] == r.in[0]);
    r.call.forward = too_many;
    CHECK(!tn_forward_call(m, &r.call) && r.call.n == 1 && r.call.k == 1 && !r.out[0]);
    CHECK_ERROR(TN_ERR_VALUE, "at most 64 tensors in and out");
    tn_register_forward_pre_hook(m, too_many_inputs, &r.call, NULL);
    CHECK(!tn_forward_call(m, &r.call) && r.call.n == 1);
    CHECK_ERROR(TN_ERR_VALUE, "at most 64 tensors in and out");
    r.call.out = NULL;
    CHECK(!tn_forward_call(m, &r.call));
    CHECK_ERROR(TN_ERR_TYPE, "argument 'out' is NULL");
    r.call.size = 0;
    CHECK(!tn_forward_call(m, &r.call));
    CHECK_ERROR(TN_ERR_TYPE, "size is not set");
}

/* ---- deep copies ---- */

typedef struct tree {
    tn_module module;
    tn_tensor *w, *state, *mean;
    struct tree *left, *right, *parent; /* parent: TN_REF */
    int64_t number;
    int *owned;
} tree;
static tn_tensor *tree_forward(tree *self, tn_tensor *x) { return tn_mul(x, self->w); }
static void tree_destroy(tn_module *m) { free(((tree *)m)->owned); }
static bool tree_copy(tn_module *to, const tn_module *from) {
    int *copy = malloc(sizeof *copy);
    if (!copy) return false;
    *copy = *((const tree *)from)->owned;
    ((tree *)to)->owned = copy;
    return true;
}
TN_CLASS_WITH(tree, tree_forward, (w, state, mean, left, right, TN_REF(parent)), .destroy = tree_destroy, .copy = tree_copy);
static tree *tree_new(int number) {
    tree *self = tn_new(tree);
    self->w = tn_parameter(tn_full(2, (double)number));
    self->state = tn_ones(1);
    self->mean = tn_buffer(tn_zeros(1), .persistent = false);
    self->number = number;
    self->owned = malloc(sizeof *self->owned);
    *self->owned = number;
    return self;
}

typedef struct {
    tn_module module;
    tn_tensor *w;
    FILE *file;
} owner;
static tn_tensor *owner_forward(owner *self, tn_tensor *x) { return tn_mul(x, self->w); }
static void owner_destroy(tn_module *m) { ((owner *)m)->file = NULL; }
TN_CLASS_WITH(owner, owner_forward, (w), .destroy = owner_destroy);

static void copies_of_modules(void) {
    TN_SCOPE;
    tree *m = tree_new(1);
    m->left = tree_new(2), m->right = tree_new(3);
    m->left->parent = m->right->parent = m;
    m->right->w = m->left->w; /* shared */
    m->left->left = m->right->left = tree_new(4);
    tn_module_set(m, "extra", tn_parameter(tn_ones(1)));
    tn_eval(m->right);
    tree *copy = tn_deepcopy(m);
    CHECK(copy && copy != m && copy->left != m->left && copy->number == 1 && *copy->left->owned == 2 &&
          copy->left->owned != m->left->owned);
    CHECK(copy->left->parent == copy && copy->right->parent == copy && copy->left->left == copy->right->left &&
          copy->left->left != m->left->left);
    CHECK(copy->right->w == copy->left->w && copy->w != m->w && tn_is_parameter(copy->w) && tn_equal(copy->w, m->w));
    CHECK(tn_is_training(copy) && !tn_is_training(copy->right) && copy->state != m->state && !tn_is_parameter(copy->state));
    CHECK(tn_module_get(copy, "extra") != NULL && tn_module_get(copy, "extra") != tn_module_get(m, "extra"));
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(copy)), tn_tensors_count(tn_parameters(m)));
    CHECK_EQ_INT(tn_state_count(tn_state_dict(copy)), tn_state_count(tn_state_dict(m)));
    tree *part = tn_deepcopy(m->left); /* the parent is not copied: the reference stays */
    CHECK(part->parent == m);
    owner *o = tn_new(owner);
    CHECK(tn_deepcopy(o) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "'owner' has .destroy, so it owns more than its fields; give its class .copy, too");
    tree *computed = tree_new(5);
    computed->state = tn_mul(computed->w, 2);
    CHECK(tn_deepcopy(computed) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol");
}

int main(void) {
    RUN(defined_at_run_time);
    RUN(wrong_tables);
    RUN(many_classes);
    RUN(rich_calls);
    RUN(copies_of_modules);
    return test_end();
}
