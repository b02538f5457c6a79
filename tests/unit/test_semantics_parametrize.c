/* tests/unit/test_semantics_parametrize.c - statements on members of a module that are computed from others. */
#include "statement.h"

typedef struct {
    tn_module module;
    tn_tensor *scale;
} twice;
static tn_tensor *twice_forward(twice *self, tn_tensor *x) { return tn_mul(tn_mul(x, 2), self->scale); }
TN_CLASS(twice, twice_forward, scale);
static twice *new_twice(void) {
    twice *f = tn_new(twice);
    f->scale = tn_buffer(tn_ones(1));
    return f;
}

typedef struct {
    tn_module module;
    int kind;
} bad;
static tn_tensor *bad_forward(bad *self, tn_tensor *x) {
    if (self->kind == 0) return tn_to(x, TN_FLOAT64);
    if (self->kind == 1) return tn_sum(x);
    return (void)tn_raise(TN_ERR_CALLBACK, "no value"), NULL;
}
TN_CLASS(bad, bad_forward, TN_NO_FIELDS);

/* The upper triangle as a symmetric matrix; .kind says what its right_inverse does. */
typedef enum { TRIU, NOTHING, OTHER_DTYPE, ROW, ROWS, ROWS_OF_ONE, FAILS, IS_NOT_THERE, TUPLE_OF_ONE } inverse_kind;
typedef struct {
    tn_module module;
    inverse_kind kind;
} symmetric;
static tn_tensor *symmetric_forward(symmetric *self, tn_tensor *x, tn_tensor *second) {
    if (second) return tn_stack(((tn_tensor *[]){x, second}), 2);
    return self->kind == TRIU ? tn_add(tn_triu(x), tn_transpose(tn_triu(x, .diagonal = 1), 0, 1)) : tn_mul(x, 1);
}
static size_t symmetric_inverse(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    switch (((symmetric *)(void *)m)->kind) {
    case TRIU: out[0] = tn_triu(x); return 1;
    case OTHER_DTYPE: out[0] = tn_to(x, TN_FLOAT64); return 1;
    case ROW: out[0] = tn_select(x, 0, 0); return 1;
    case ROWS: out[0] = tn_select(x, 0, 0), out[1] = tn_select(x, 0, 1); return 2;
    case ROWS_OF_ONE: out[0] = tn_select(x, 0, 0); return 2;
    case FAILS: return (size_t)tn_raise(TN_ERR_CALLBACK, "no inverse");
    case IS_NOT_THERE: return (size_t)tn_raise(TN_ERR_NOT_IMPLEMENTED, "nope");
    case TUPLE_OF_ONE: out[0] = tn_mul(x, 1); return TN_SEQUENCE_OF_ONE;
    default: return room ? 1 : 0;
    }
}
TN_CLASS_WITH(symmetric, symmetric_forward, (TN_NO_FIELDS), .printed = "Symmetric", .right_inverse = symmetric_inverse);
static symmetric *new_symmetric(inverse_kind kind) {
    symmetric *f = tn_new(symmetric);
    f->kind = kind;
    return f;
}
static bool register_as(tn_nn_linear *l, inverse_kind kind) {
    return tn_nn_utils_parametrize_register_parametrization(l, "weight", new_symmetric(kind));
}
static tn_tensor *ones_with(double first) {
    tn_tensor *x = tn_ones((2, 2));
    tn_data_f32(x)[0] = (float)first;
    return x;
}

static void inverses(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight;
    {
        TN_NO_GRAD;
        tn_copy_(w, ones_with(5));
    }
    uint32_t version = tn_version_counter(w);
    const struct {
        inverse_kind kind;
        tn_status status;
        const char *first, *second; /* as a first and as a further parametrization */
    } wrong[] = {
        {NOTHING, TN_ERR_VALUE, "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got NoneType",
         "parametrization.right_inverse must return a tensor. Got: NoneType"},
        {OTHER_DTYPE, TN_ERR_VALUE,
         "When `right_inverse` outputs one tensor, it may not change the dtype.\noriginal.dtype: torch.float32\n"
         "right_inverse(original).dtype: torch.float64",
         "The tensor returned by parametrization.right_inverse must have the same dtype as module.weight, unless the `unsafe` flag "
         "is "
         "enabled.\nmodule.weight.dtype: torch.float32\nreturned dtype: torch.float64"},
        {ROW, TN_ERR_VALUE,
         "Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is enabled.\n"
         "unparametrized shape: torch.Size([2, 2])\nparametrized shape: torch.Size([2])",
         "The tensor returned by parametrization.right_inverse must have the same shape as module.weight, unless the `unsafe` flag "
         "is "
         "enabled.\nmodule.weight.shape: torch.Size([2, 2])\nreturned shape: torch.Size([2])"},
        {ROWS_OF_ONE, TN_ERR_VALUE, "Got element 1 of the sequence with type NoneType.", "must return a tensor. Got: tuple"},
        {FAILS, TN_ERR_CALLBACK, "no inverse", "no inverse"},
    };
    for (int further = 0; further < 2; further++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            CHECK(!register_as(l, wrong[i].kind));
            CHECK_ERROR(wrong[i].status, further ? wrong[i].second : wrong[i].first);
            CHECK(tn_nn_utils_parametrize_is_parametrized(l, "weight") == (further == 1) && tn_check(l) && sum_of(l->weight) == 8);
            CHECK(further || (l->weight == w && tn_version_counter(w) == version));
        }
        CHECK(further || (register_as(l, IS_NOT_THERE) && sum_of(l->weight) == 8));
    }
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight") && l->weight == w);
    CHECK(register_as(l, TRIU) && tn_get_parameter(l, "parametrizations.weight.original") == w && sum_of(w) == 7 &&
          sum_of(l->weight) == 8);
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight") && register_as(l, ROWS) && sum_of(l->weight) == 8);
    CHECK_STR(walk_names(tn_named_parameters(l)), "bias parametrizations.weight.original0 parametrizations.weight.original1 ");
    CHECK(tn_is_parameter(tn_get_parameter(l, "parametrizations.weight.original1")) &&
          tn_nn_utils_parametrize_remove_parametrizations(l, "weight"));
    CHECK(tn_is_parameter(l->weight) && l->weight != w && sum_of(l->weight) == 8 && tn_check(l));
}

static void tuple_of_one(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    symmetric *f = new_symmetric(TUPLE_OF_ONE);
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", f));
    CHECK_STR(walk_names(tn_named_parameters(l)), "bias parametrizations.weight.original0 ");
    tn_tensor *original = tn_get_parameter(l, "parametrizations.weight.original0"), *made[1];
    CHECK(tn_module_set(l, "weight", tn_full((2, 2), 3.0)) && sum_of(original) == 12 && sum_of(l->weight) == 12);
    CHECK(!tn_nn_utils_parametrize_remove_parametrizations(l, "weight", .leave_parametrized = false));
    CHECK_ERROR(TN_ERR_VALUE, "a tensor that is parametrized in terms of a sequence of tensors.");
    CHECK(!register_as(l, TUPLE_OF_ONE));
    CHECK_ERROR(TN_ERR_VALUE, "parametrization.right_inverse must return a tensor. Got: tuple");
    CHECK(tn_right_inverse(f, original, made, 1) == TN_SEQUENCE_OF_ONE && tn_equal(made[0], tn_detach(original)));
    f->kind = NOTHING; /* which gives no sequence */
    CHECK(!tn_module_set(l, "weight", tn_ones((2, 2))));
    CHECK_ERROR(TN_ERR_VALUE, "'right_inverse' must return a sequence of tensors. Got NoneType.");
    CHECK(sum_of(original) == 12 && tn_nn_utils_parametrize_remove_parametrizations(l, "weight"));
    CHECK(l->weight != original && sum_of(l->weight) == 12);
}

static void transferring(void) {
    TN_SCOPE;
    tn_nn_linear *from = tn_nn_linear(2, 2), *to = tn_nn_linear(2, 2), *third = tn_nn_linear(2, 2);
    tn_tensor *bias = to->bias;
    CHECK(tn_nn_utils_parametrize_transfer_parametrizations_and_params(from, to, "none")); /* there are none */
    CHECK(tn_nn_utils_parametrize_type_before_parametrizations(from) == tn_module_class((tn_module *)to));
    CHECK(register_as(from, TRIU) && tn_nn_utils_parametrize_register_parametrization(from, "weight", new_twice()));
    CHECK(tn_nn_utils_parametrize_type_before_parametrizations(from) == tn_module_class((tn_module *)to));
    CHECK(tn_nn_utils_parametrize_transfer_parametrizations_and_params(from, to) && to->bias == bias);
    tn_tensor *original = tn_get_parameter(from, "parametrizations.weight.original");
    CHECK(tn_get_parameter(to, "parametrizations.weight.original") == original &&
          tn_equal(to->weight, tn_module_get(from, "weight")));
    CHECK(tn_get_submodule(to, "parametrizations.weight.1") == tn_get_submodule(from, "parametrizations.weight.1"));
    CHECK(strstr(tn_to_string(to), "ParametrizedLinear(") && tn_check(to) && tn_check(from));
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(to, "weight", .leave_parametrized = false) && to->weight == original);
    tn_nn_relu *bare = tn_nn_relu(); /* has no such member: both originals come along */
    CHECK(register_as(third, ROWS) && tn_nn_utils_parametrize_register_parametrization(third, "bias", new_twice()));
    CHECK(tn_nn_utils_parametrize_transfer_parametrizations_and_params(third, bare));
    CHECK_STR(walk_names(tn_named_parameters(bare)),
              "parametrizations.weight.original0 parametrizations.weight.original1 parametrizations.bias.original ");
    CHECK(tn_equal(tn_module_get(bare, "bias"), tn_module_get(third, "bias")));
    CHECK(!tn_nn_utils_parametrize_transfer_parametrizations_and_params(from, third, "bias"));
    CHECK_ERROR(TN_ERR_KEY, "bias");
    CHECK(!tn_nn_utils_parametrize_transfer_parametrizations_and_params(from, third, .tensor_name = "none"));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'ParametrizedLinear' object has no attribute 'none'");
    tn_nn_linear *other = tn_nn_linear(2, 2);
    CHECK(tn_module_register_buffer(other, "c", tn_ones(2)));
    CHECK(tn_nn_utils_parametrize_register_parametrization(other, "c", new_twice()));
    CHECK(!tn_nn_utils_parametrize_transfer_parametrizations_and_params(other, tn_nn_tanh()));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as parameter 'original' (torch.nn.Parameter or None expected)");
}

static void registering(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight, *x = tn_ones((1, 2));
    double before = sum_of(w);
    tn_fill_(tn_detach(l->bias), 0);
    IN_C(207,
         "register_parametrization moves the tensor to parametrizations.weight.original; the member is a plain, differentiable "
         "tensor that is computed at every read.",
         "tn_module_get computes it at every read, and each forward of the module before it runs; a field holds the last value.");
    CHECK(!tn_nn_utils_parametrize_is_parametrized(l, NULL));
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()));
    CHECK(tn_nn_utils_parametrize_is_parametrized(l, NULL) && tn_nn_utils_parametrize_is_parametrized(l, "weight"));
    CHECK(!tn_nn_utils_parametrize_is_parametrized(l, "bias"));
    CHECK(tn_get_parameter(l, "parametrizations.weight.original") == w);
    CHECK(!tn_is_parameter(l->weight) && sum_of(l->weight) == 2 * before && tn_grad_fn_name(l->weight) != NULL);
    tn_backward(tn_sum(tn_forward(l, x)));
    CHECK(sum_of(tn_grad(w)) == 8);
    tn_fill_(tn_detach(w), 1);
    CHECK(sum_of(tn_forward(l, x)) == 8 && sum_of(l->weight) == 8);
    tn_fill_(tn_detach(w), 3);
    CHECK(tn_nn_utils_parametrize_compute(l, "weight") == l->weight && sum_of(l->weight) == 24);
    tn_fill_(tn_detach(w), 2);
    tn_tensor *first = tn_module_get(l, "weight"), *second = tn_module_get(l, "weight");
    CHECK(first != second && second == l->weight && sum_of(second) == 16 && tn_grad_fn_name(second) != NULL);
    tn_fill_(tn_detach(w), 3);
    HOLDS(208, "The names become bias, parametrizations.weight.original; buffers of the parametrization follow.");
    CHECK_STR(walk_names(tn_named_parameters(l)), "bias parametrizations.weight.original ");
    CHECK_STR(state_names(tn_state_dict(l)), "bias parametrizations.weight.original parametrizations.weight.0.scale ");
    HOLDS(209, "The printed class becomes Parametrized with the name behind it, with a child parametrizations.");
    CHECK(strncmp(tn_to_string(l),
                  "ParametrizedLinear(\n  in_features=2, out_features=2, bias=True\n  (parametrizations): ModuleDict(", 84) == 0);
    CHECK(strstr(tn_to_string(l), "(weight): ParametrizationList("));
    CHECK(!tn_load_state_dict(l, tn_state_dict(tn_nn_relu())));
    CHECK_ERROR(TN_ERR_RUNTIME, "Error(s) in loading state_dict for ParametrizedLinear:");
}

static void assigning(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight, *x = ones_with(5);
    {
        TN_NO_GRAD;
        tn_fill_(w, 1);
    }
    HOLDS(210,
          "Assigning to the member runs the right_inverses in reverse and writes the originals; RuntimeError without one; deleting "
          "is an AttributeError.");
    CHECK(register_as(l, TRIU) && tn_module_set(l, "weight", x));
    CHECK(tn_get_parameter(l, "parametrizations.weight.original") == w && sum_of(w) == 7 && sum_of(l->weight) == 8);
    CHECK(!tn_module_delete(l, "weight"));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "property of 'ParametrizedLinear' object has no deleter");
    CHECK(!tn_module_set(l, "weight", tn_parameter(x)) && tn_error() != TN_OK);
    tn_clear_error();
    l->weight = tn_mul(x, 2); /* by assignment to the field: seen by the next call that looks */
    CHECK(tn_check(l) && sum_of(w) == 14 && sum_of(tn_module_get(l, "weight")) == 16);
    l->weight = tn_mul(x, 3);
    CHECK(tn_forward(l, tn_ones((1, 2))) && sum_of(w) == 21);
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()));
    CHECK(!tn_module_set(l, "weight", x));
    CHECK_ERROR(TN_ERR_RUNTIME, "parametrization twice does not implement right_inverse.");
    CHECK(sum_of(w) == 21 && tn_check(l));
    l->weight = x;
    CHECK(!tn_check(l));
    CHECK_ERROR(TN_ERR_RUNTIME, "does not implement right_inverse.");
    CHECK(!tn_forward(l, tn_ones((1, 2))));
    tn_clear_error();
    CHECK(sum_of(w) == 21);
}

static void checks(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight;
    bad *f = tn_new(bad);
    HOLDS(211, "Registering checks dtype and shape unless unsafe; an unknown name is a ValueError; a second one composes.");
    CHECK(!tn_nn_utils_parametrize_register_parametrization(l, "weight", f));
    CHECK_ERROR(TN_ERR_VALUE, "Registering a parametrization may not change the dtype of the tensor");
    f->kind = 1;
    CHECK(!tn_nn_utils_parametrize_register_parametrization(l, "weight", f));
    CHECK_ERROR(TN_ERR_VALUE, "Registering a parametrization may not change the shape of the tensor");
    f->kind = 2;
    CHECK(!tn_nn_utils_parametrize_register_parametrization(l, "weight", f));
    CHECK_ERROR(TN_ERR_CALLBACK, "no value");
    CHECK(!tn_nn_utils_parametrize_register_parametrization(l, "none", f));
    CHECK_ERROR(TN_ERR_VALUE, "does not have a parameter, a buffer, or a parametrized element with name 'none'");
    CHECK(l->weight == w && !tn_nn_utils_parametrize_is_parametrized(l, NULL) && tn_check(l));
    CHECK_STR(walk_names(tn_named_parameters(l)), "weight bias ");
    tn_fill_(tn_detach(w), 1);
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()));
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()) && sum_of(l->weight) == 16);
    CHECK(!tn_nn_utils_parametrize_register_parametrization(l, "weight", f));
    CHECK_ERROR(TN_ERR_CALLBACK, "no value");
    CHECK(tn_forward(l, tn_ones((1, 2))) && sum_of(l->weight) == 16);
    f->kind = 1;
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "bias", f, .unsafe = true) && tn_ndim(l->bias) == 0);
}

static void caching(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight;
    tn_fill_(tn_detach(w), 1);
    CHECK(tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()));
    HOLDS(212, "cached() makes reads inside its scope return one object.");
    {
        TN_CACHED;
        tn_tensor *one = tn_module_get(l, "weight");
        {
            TN_CACHED; /* nests */
            CHECK(tn_module_get(l, "weight") == one);
        }
        tn_fill_(tn_detach(w), 2);
        CHECK(tn_module_get(l, "weight") == one && tn_forward(l, tn_ones((1, 2))) && l->weight == one && sum_of(one) == 8);
    }
    CHECK(sum_of(tn_module_get(l, "weight")) == 16);
    CHECK(!tn_computed_cache_exit());
    CHECK_ERROR(TN_ERR_RUNTIME, "no cache scope is open on this thread");
}

static void removing(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(2, 2);
    tn_tensor *w = l->weight, *b = l->bias;
    tn_fill_(tn_detach(w), 1), tn_fill_(tn_detach(b), 1);
    IN_C(
        213,
        "remove_parametrizations bakes the value into the same original and restores the class, or restores the original; the name "
        "moves to the end; with several originals it makes a new Parameter.",
        "A member made at run time moves to the end; a field keeps its place in TN_CLASS.");
    tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice());
    tn_nn_utils_parametrize_register_parametrization(l, "bias", new_twice());
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight") && l->weight == w && sum_of(w) == 8);
    CHECK(tn_nn_utils_parametrize_is_parametrized(l, NULL));
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "bias", .leave_parametrized = false) && l->bias == b &&
          sum_of(b) == 2);
    CHECK(!tn_nn_utils_parametrize_is_parametrized(l, NULL) && tn_check(l));
    CHECK(strncmp(tn_to_string(l), "Linear(in_features=2", 20) == 0);
    CHECK_STR(state_names(tn_state_dict(l)), "weight bias ");
    tn_module *made = plain_module();
    tn_module_set(made, "a", tn_parameter(tn_ones(2))), tn_module_set(made, "b", tn_parameter(tn_ones(2)));
    CHECK(tn_nn_utils_parametrize_register_parametrization(made, "a", new_twice()) &&
          tn_nn_utils_parametrize_remove_parametrizations(made, "a"));
    CHECK_STR(state_names(tn_state_dict(made)), "b a ");
    CHECK(!tn_nn_utils_parametrize_remove_parametrizations(l, "bias"));
    CHECK_ERROR(TN_ERR_VALUE, "does not have a parametrization on bias");
    tn_nn_utils_parametrize_register_parametrization(l, "weight", new_twice()); /* and once more */
    CHECK(sum_of(tn_forward(l, tn_ones((1, 2)))) == 18);
    IN_C(214, "Whole-module pickling is refused; deepcopy works; buffers can be parametrised.",
         "There is no pickling; a copy holds the computed value without its history until it computes its own.");
    CHECK(l->weight && tn_grad_fn_name(l->weight) != NULL);
    tn_nn_linear *copy = tn_deepcopy(l);
    CHECK(copy && copy->weight != l->weight && tn_equal(copy->weight, tn_detach(l->weight)));
    CHECK(tn_nn_utils_parametrize_is_parametrized(copy, "weight") && strncmp(tn_to_string(copy), "ParametrizedLinear(", 19) == 0);
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight"));
    tn_fill_(tn_detach(tn_get_parameter(copy, "parametrizations.weight.original")), 1);
    CHECK(sum_of(tn_forward(copy, tn_ones((1, 2)))) == 10);
    twice *holder = new_twice();
    CHECK(tn_nn_utils_parametrize_register_parametrization(holder, "scale", new_twice()) && sum_of(holder->scale) == 2);
    CHECK_STR(walk_names(tn_named_buffers(holder)), "parametrizations.scale.original parametrizations.scale.0.scale ");
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(holder, "scale") && sum_of(holder->scale) == 2);
    CHECK_STR(walk_names(tn_named_buffers(holder)), "scale ");
}

static void norms(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_tensor *w = tn_clone(tn_detach(l->weight)), *x = tn_ones((1, 3));
    HOLDS(215,
          "weight_norm has a norm, original0, (out, 1...) or a number, and a direction, original1; old states are translated.");
    CHECK(!tn_nn_utils_parametrizations_weight_norm(l, .dim = 2) && tn_is_parameter(l->weight));
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range");
    CHECK(tn_nn_utils_parametrizations_weight_norm(l));
    CHECK_STR(state_names(tn_state_dict(l)), "bias parametrizations.weight.original0 parametrizations.weight.original1 ");
    CHECK(tn_allclose(l->weight, w));
    tn_tensor *g = tn_get_parameter(l, "parametrizations.weight.original0");
    CHECK(tn_ndim(g) == 2 && tn_size(g, 0) == 2 && tn_size(g, 1) == 1);
    tn_nn_linear *old = tn_nn_linear(3, 2);
    CHECK(tn_nn_utils_weight_norm(old) && tn_load_state_dict(l, tn_state_dict(old)));
    CHECK(tn_equal(g, tn_get_parameter(old, "weight_g")) && tn_allclose(tn_module_get(l, "weight"), old->weight));
    {
        TN_NO_GRAD;
        tn_copy_(old->bias, l->bias);
    }
    w = tn_clone(tn_detach(l->weight));
    CHECK(!tn_nn_utils_parametrizations_weight_norm(l));
    CHECK_ERROR(TN_ERR_TYPE, "_WeightNorm.forward() missing 1 required positional argument: 'weight_v'");
    CHECK(!tn_nn_utils_parametrize_remove_parametrizations(l, "weight", .leave_parametrized = false));
    CHECK_ERROR(TN_ERR_VALUE, "in terms of a sequence of tensors");
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight") && tn_is_parameter(l->weight) && tn_allclose(l->weight, w));
    CHECK(tn_nn_utils_parametrizations_weight_norm(l, .dim = TN_NONE) && tn_allclose(l->weight, w));
    CHECK(tn_ndim(tn_get_parameter(l, "parametrizations.weight.original0")) == 0);
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight"));
    HOLDS(217, "The old spectral_norm has weight_orig, weight_u, weight_v and an entry in the metadata, the new one buffers _u and "
               "_v; both "
               "iterate only in training, the new one 15 times at registration.");
    CHECK(!tn_nn_utils_parametrizations_spectral_norm(l, .n_power_iterations = 0) && tn_is_parameter(l->weight));
    CHECK_ERROR(TN_ERR_VALUE, "Expected n_power_iterations to be positive, but got n_power_iterations=0");
    CHECK(tn_nn_utils_parametrizations_spectral_norm(l));
    CHECK_STR(state_names(tn_state_dict(l)),
              "bias parametrizations.weight.original parametrizations.weight.0._u parametrizations.weight.0._v ");
    tn_tensor *u = tn_get_buffer(l, "parametrizations.weight.0._u");
    tn_fill_(u, 0.5);
    tn_eval(l);
    CHECK(tn_forward(l, x) && sum_of(u) == 1);
    tn_train(l, true);
    CHECK(tn_forward(l, x) && sum_of(u) != 1);
}

static void old_weight_norm(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_tensor *w = tn_clone(tn_detach(l->weight)), *x = tn_ones((1, 3));
    HOLDS(216, "The old weight_norm has parameters weight_g and weight_v; weight is plain, and computed before forward. Twice is a "
               "RuntimeError; removing it restores a parameter, and a second time is a ValueError; deepcopy is refused.");
    CHECK(tn_nn_utils_weight_norm(l) && !tn_is_parameter(l->weight) && tn_allclose(l->weight, w));
    CHECK_STR(walk_names(tn_named_parameters(l)), "bias weight_g weight_v ");
    CHECK(!tn_nn_utils_weight_norm(l));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot register two weight_norm hooks on the same parameter weight");
    CHECK(tn_deepcopy(l) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Only Tensors created explicitly by the user");
    tn_backward(tn_sum(tn_forward(l, x)));
    CHECK(tn_grad(tn_get_parameter(l, "weight_g")) && tn_grad(tn_get_parameter(l, "weight_v")));
    {
        TN_NO_GRAD;
        tn_mul_(tn_get_parameter(l, "weight_g"), 2);
    }
    CHECK(tn_forward(l, x) && tn_allclose(l->weight, tn_mul(w, 2)));
    CHECK(tn_nn_utils_remove_weight_norm(l) && tn_is_parameter(l->weight) && tn_allclose(l->weight, tn_mul(w, 2)));
    CHECK_STR(walk_names(tn_named_parameters(l)), "weight bias ");
    CHECK(!tn_nn_utils_remove_weight_norm(l, "weight"));
    CHECK_ERROR(TN_ERR_VALUE, "weight_norm of 'weight' not found in Linear(in_features=3, out_features=2, bias=True)");
    CHECK(tn_nn_utils_weight_norm(l, .dim = TN_NONE) && tn_ndim(tn_get_parameter(l, "weight_g")) == 0 && tn_check(l));
    CHECK(!tn_nn_utils_weight_norm(l, "none"));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'Linear' object has no parameter 'none'");
    CHECK(!tn_nn_utils_weight_norm(l, "bias", .dim = 3) && tn_is_parameter(l->bias));
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range");
    CHECK_STR(walk_names(tn_named_parameters(l)), "bias weight_g weight_v ");
    CHECK(!tn_nn_utils_weight_norm(tn_nn_lazy_linear(2)));
    CHECK_ERROR(TN_ERR_VALUE, "The module passed to `WeightNorm` can't have uninitialized parameters.");
}

static bool has_entry(tn_state *s, const char *path) {
    return tn_state_local_metadata(s, path, "spectral_norm", "weight.version") == 1 && tn_state_version(s, path) == 1;
}

static void old_spectral_norm(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_tensor *w = l->weight, *x = tn_ones((1, 3));
    CHECK(!tn_nn_utils_spectral_norm(l, .n_power_iterations = 0) && l->weight == w);
    CHECK_ERROR(TN_ERR_VALUE, "Expected n_power_iterations to be positive, but got n_power_iterations=0");
    CHECK(tn_nn_utils_spectral_norm(l) && tn_get_parameter(l, "weight_orig") == w && tn_equal(l->weight, tn_detach(w)));
    CHECK_STR(state_names(tn_state_dict(l)), "bias weight_orig weight_u weight_v ");
    CHECK(has_entry(tn_state_dict(l), "") && has_entry(tn_value_to_state(tn_value_from_state(tn_state_dict(l))), ""));
    CHECK(has_entry(tn_state_dict(tn_nn_sequential(tn_nn_relu(), l)), "1") && has_entry(tn_deepcopy(tn_state_dict(l)), ""));
    CHECK(has_entry(tn_state_dict(tn_nn_sequential(tn_nn_relu(), l), .prefix = "a."), "a.1"));
    CHECK(!tn_nn_utils_spectral_norm(l));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot register two spectral_norm hooks on the same parameter weight");
    tn_tensor *u = tn_get_buffer(l, "weight_u"), *kept = tn_clone(u);
    tn_eval(l);
    CHECK(tn_forward(l, x) && tn_equal(u, kept));
    tn_train(l, true);
    for (int i = 0; i < 50; i++) tn_forward(l, x);
    CHECK(!tn_equal(u, kept) && fabs(tn_item(tn_dot(u, tn_mv(tn_detach(l->weight), tn_get_buffer(l, "weight_v")))) - 1) < 1e-5);
    tn_state *s = tn_state_dict(l), *early = tn_deepcopy(s); /* of before weight_v */
    tn_state_set(early, "weight", tn_clone(tn_detach(l->weight)));
    tn_state_delete(early, "weight_v");
    CHECK(!tn_load_state_dict(l, early)); /* it says that it is a new one */
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"weight_v\". \n\tUnexpected key(s) in state_dict: \"weight\". ");
    tn_state_set_local_metadata(early, "", "spectral_norm", "weight.version", 0);
    tn_nn_sequential *around = tn_nn_sequential(l); /* a child's part of the state says so, too */
    tn_state *part = tn_state_dict(around);
    CHECK(tn_state_delete(part, "0.weight_v") && !tn_load_state_dict(around, part));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"0.weight_v\". ");
    tn_nn_linear *other = tn_nn_linear(3, 2);
    CHECK(tn_nn_utils_spectral_norm(other) && tn_load_state_dict(other, s) && tn_load_state_dict(other, early));
    CHECK(tn_allclose(tn_get_buffer(other, "weight_v"), tn_get_buffer(l, "weight_v"), .atol = 1e-4));
    tn_eval(l), tn_eval(other);
    CHECK(tn_allclose(tn_forward(other, x), tn_forward(l, x), .atol = 1e-5));
    CHECK(tn_nn_utils_remove_spectral_norm(l) && tn_is_parameter(l->weight) && tn_check(l));
    CHECK_STR(state_names(tn_state_dict(l)), "weight bias ");
    CHECK(!has_entry(tn_state_dict(l), "") && tn_load_state_dict(l, tn_state_dict(l)));
    CHECK(!tn_nn_utils_remove_spectral_norm(l, "weight"));
    CHECK_ERROR(TN_ERR_VALUE, "spectral_norm of 'weight' not found in Linear(");
}

static bool is_orthogonal(tn_tensor *q) {
    if (tn_size(q, -2) < tn_size(q, -1)) q = tn_transpose(q, -2, -1);
    tn_tensor *square = tn_matmul(tn_conj(tn_transpose(q, -2, -1)), q);
    return tn_allclose(square, (tn_expand_as)(tn_eye(tn_size(q, -1), .dtype = tn_get_dtype(q)), square), .atol = 1e-5);
}

static void orthogonal_refuses(tn_nn_linear *l) {
    tn_tensor *w = l->weight;
    tn_nn_linear *half = tn_nn_linear(3, 3, .dtype = TN_FLOAT16);
    CHECK(!tn_nn_utils_parametrizations_orthogonal(l, "bias"));
    CHECK_ERROR(TN_ERR_VALUE, "Expected a matrix or batch of matrices. Got a tensor of 1 dimensions.");
    CHECK(!tn_nn_utils_parametrizations_orthogonal(l, .orthogonal_map = "polar"));
    CHECK_ERROR(TN_ERR_VALUE, "orthogonal_map has to be one of \"matrix_exp\", \"cayley\", \"householder\". Got: polar");
    CHECK(!tn_nn_utils_parametrizations_orthogonal(l, .name = "none"));
    CHECK_ERROR(TN_ERR_VALUE,
                "Module 'Linear(in_features=3, out_features=2, bias=True)' has no parameter or buffer with name 'none'");
    CHECK(!tn_nn_utils_parametrizations_orthogonal(half));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "orthogonal: not implemented for torch.float16");
    CHECK(l->weight == w && tn_is_parameter(w) && !tn_nn_utils_parametrize_is_parametrized(l, NULL) && tn_check(l));
    tn_nn_module_list *other = tn_nn_module_list();
    CHECK(tn_module_register_buffer(other, "c", tn_randn((2, 3), .dtype = TN_COMPLEX64)));
    CHECK(!tn_nn_utils_parametrizations_orthogonal(other, "c", "householder"));
    CHECK_ERROR(TN_ERR_VALUE, "The householder parametrization does not support complex tensors.");
    CHECK(tn_nn_utils_parametrizations_orthogonal(other, "c") && is_orthogonal(tn_module_get(other, "c")));
}

/* A step of an optimizer in the original stays on the orthogonal matrices; weights that are orthogonal stay as they are. */
static void orthogonal_trains(const char *map, int64_t out, int64_t in) {
    tn_nn_linear *l = tn_nn_linear(in, out);
    tn_tensor *w = tn_clone(tn_detach(l->weight));
    CHECK(tn_nn_utils_parametrizations_orthogonal(l, .orthogonal_map = map) && is_orthogonal(l->weight));
    tn_tensor *before = tn_clone(tn_detach(l->weight));
    CHECK(!tn_allclose(before, w));
    tn_optim *sgd = tn_optim_sgd(tn_parameters(l), .lr = 0.1);
    CHECK(tn_backward(tn_sum(tn_forward(l, tn_randn((2, in))))) && tn_optim_step(sgd));
    CHECK(tn_nn_utils_parametrize_compute(l, "weight") && is_orthogonal(l->weight) && !tn_allclose(l->weight, before));
    CHECK(tn_nn_utils_parametrize_remove_parametrizations(l, "weight") && is_orthogonal(l->weight) && tn_is_parameter(l->weight));
    tn_tensor *left = tn_clone(tn_detach(l->weight));
    CHECK(tn_nn_utils_parametrizations_orthogonal(l, .orthogonal_map = map) && tn_allclose(l->weight, left, .atol = 1e-5));
}

static void orthogonal_matrices(void) {
    TN_SCOPE;
    tn_manual_seed(4);
    tn_nn_linear *l = tn_nn_linear(3, 2);
    HOLDS(218, "orthogonal has a buffer base and wants two dimensions; another name of a map is a ValueError.");
    orthogonal_refuses(l);
    CHECK(tn_nn_utils_parametrizations_orthogonal(l) && is_orthogonal(l->weight) && !tn_is_parameter(l->weight));
    CHECK_STR(state_names(tn_state_dict(l)), "bias parametrizations.weight.original parametrizations.weight.0.base ");
    tn_tensor *base = tn_get_buffer(l, "parametrizations.weight.0.base"), *made[1], *again[1];
    CHECK(tn_size(base, 0) == 3 && tn_size(base, 1) == 3 && is_orthogonal(base) && strstr(tn_to_string(l), "(0): _Orthogonal()"));
    CHECK(sum_of(tn_get_parameter(l, "parametrizations.weight.original")) == -2);
    tn_module *f = tn_get_submodule(l, "parametrizations.weight.0");
    CHECK((tn_right_inverse)(f, tn_ones((2, 2)), made, 1) == 0);
    CHECK_ERROR(TN_ERR_VALUE,
                "Expected a matrix or batch of matrices of shape torch.Size([2, 3]). Got a tensor of shape torch.Size([2, 2]).");
    CHECK(tn_get_buffer(l, "parametrizations.weight.0.base") == base);
    tn_tensor *target = tn_clone(tn_detach(l->weight));
    CHECK((tn_right_inverse)(f, target, made, 1) == 1 && tn_allclose((tn_forward)(f, made, 1), target, .atol = 1e-5));
    CHECK(tn_get_buffer(l, "parametrizations.weight.0.base") != base);
    CHECK(!tn_nn_utils_parametrizations_orthogonal(l)); /* a second one has no base yet */
    CHECK_ERROR(TN_ERR_TYPE, "unsupported operand type(s) for @: 'NoneType' and 'Tensor'");
    tn_nn_linear *plain = tn_nn_linear(3, 3), *rows = tn_nn_linear(3, 2);
    tn_tensor *w = tn_clone(tn_detach(plain->weight));
    CHECK(tn_nn_utils_parametrizations_orthogonal(plain, .use_trivialization = false) && is_orthogonal(plain->weight));
    CHECK_STR(state_names(tn_state_dict(plain)), "bias parametrizations.weight.original ");
    CHECK(tn_equal(tn_get_parameter(plain, "parametrizations.weight.original"), w)); /* which is mapped, not reached */
    CHECK((tn_right_inverse)(tn_get_submodule(plain, "parametrizations.weight.0"), w, made, 1) == 0);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED,
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False.");
    CHECK(tn_nn_utils_parametrizations_orthogonal(rows, .use_trivialization = false) && is_orthogonal(rows->weight));
    f = tn_get_submodule(rows, "parametrizations.weight.0");
    CHECK((tn_right_inverse)(f, rows->weight, again, 1) == 1 && tn_allclose((tn_forward)(f, again, 1), rows->weight, .atol = 1e-5));
    static const char *const maps[] = {"matrix_exp", "cayley", "householder", NULL};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        orthogonal_trains(maps[i], 3, 3), orthogonal_trains(maps[i], 5, 3), orthogonal_trains(maps[i], 3, 4);
}

int main(void) {
    RUN(norms);
    RUN(old_weight_norm);
    RUN(old_spectral_norm);
    RUN(registering);
    RUN(assigning);
    RUN(checks);
    RUN(inverses);
    RUN(tuple_of_one);
    RUN(transferring);
    RUN(caching);
    RUN(removing);
    RUN(orthogonal_matrices);
    return test_end();
}
