/* Statements 207 to 217: parametrized members and the older norms; semantics_parametrize.py observes the same of PyTorch. */
#include "observe.h"

typedef struct {
    tn_module module;
} Upper;
static tn_tensor *upper_forward(Upper *self, tn_tensor *x) { return (void)self, tn_triu(x); }
static size_t upper_inverse(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    (void)m, (void)room;
    return out[0] = tn_mul(x, 1), 1;
}
TN_CLASS_WITH(Upper, upper_forward, (TN_NO_FIELDS), .right_inverse = upper_inverse);

typedef struct {
    tn_module module;
} Twice;
static tn_tensor *twice_forward(Twice *self, tn_tensor *x) { return (void)self, tn_mul(x, 2); }
TN_CLASS(Twice, twice_forward, TN_NO_FIELDS);

/* A tuple of one, of two, or one tensor. */
typedef struct {
    tn_module module;
    size_t gives;
} Parts;
static tn_tensor *parts_forward(Parts *self, tn_tensor *x, tn_tensor *y) { return (void)self, y ? tn_add(x, y) : tn_mul(x, 1); }
static size_t parts_inverse(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room) {
    size_t n = ((Parts *)(void *)m)->gives;
    (void)room;
    out[0] = tn_mul(x, n == 2 ? 0.25 : 1);
    if (n == 2) out[1] = tn_mul(x, 0.75);
    return n;
}
TN_CLASS_WITH(Parts, parts_forward, (TN_NO_FIELDS), .right_inverse = parts_inverse);
static Parts *parts(size_t gives) {
    Parts *f = tn_new(Parts);
    return f->gives = gives, f;
}

static tn_nn_linear *ones(void) { /* 2 -> 2, all ones */
    tn_nn_linear *l = tn_nn_linear(2, 2);
    TN_NO_GRAD;
    tn_fill_(l->weight, 1), tn_fill_(l->bias, 1);
    return l;
}

static void parametrizations(void) {
    tn_nn_linear *l = ones();
    tn_nn_utils_parametrize_register_parametrization(l, "weight", tn_new(Upper));
    tn_tensor *original = tn_get_parameter(l, "parametrizations.weight.original");
    sayf(207, sum(original)), sayf(207, sum(tn_module_get(l, "weight"))), sayf(207, tn_is_parameter(tn_module_get(l, "weight")));
    sayf(207, tn_module_get(l, "weight") == tn_module_get(l, "weight"));
    names(208, tn_named_parameters(l)), say(208, keys(tn_state_dict(l)));
    say(209, tn_to_string(l));
    tn_module_set(l, "weight", tn_full((2, 2), 3.0));
    sayf(210, sum(original)), sayf(210, sum(tn_module_get(l, "weight")));
    tn_module_delete(l, "weight"), error(210);
    tn_nn_utils_parametrize_register_parametrization(l, "weight", tn_new(Twice));
    tn_module_set(l, "weight", tn_ones((2, 2))), error(210);
    sayf(211, sum(tn_module_get(l, "weight")));
    tn_nn_utils_parametrize_register_parametrization(l, "none", tn_new(Twice)), error(211);
    {
        TN_CACHED;
        sayf(212, tn_module_get(l, "weight") == tn_module_get(l, "weight"));
    }
    tn_nn_linear *copy = tn_deepcopy(l);
    sayf(214, sum(tn_module_get(copy, "weight"))), say(214, keys(tn_state_dict(copy)));
    tn_nn_utils_parametrize_remove_parametrizations(l, "weight");
    sayf(213, l->weight == original), sayf(213, sum(l->weight)), say(213, tn_to_string(l));
    tn_nn_utils_parametrize_remove_parametrizations(l, "weight"), error(213);
}

static void tuples_of_one(void) {
    tn_nn_linear *l = ones();
    Parts *f = parts(TN_SEQUENCE_OF_ONE);
    tn_nn_utils_parametrize_register_parametrization(l, "weight", f);
    names(208, tn_named_parameters(l)), say(208, keys(tn_state_dict(l)));
    tn_module_set(l, "weight", tn_full((2, 2), 3.0)), sayf(210, sum(tn_module_get(l, "weight")));
    tn_nn_utils_parametrize_remove_parametrizations(l, "weight", .leave_parametrized = false), error(213);
    tn_module_set(l, "weight", tn_ones((2, 2), .dtype = TN_FLOAT64)), error(210);
    f->gives = 1, tn_module_set(l, "weight", tn_ones((2, 2))), error(210);
    f->gives = 2, tn_module_set(l, "weight", tn_ones((2, 2))), error(210);
    tn_nn_utils_parametrize_register_parametrization(l, "weight", parts(TN_SEQUENCE_OF_ONE)), error(211);
    tn_nn_utils_parametrize_remove_parametrizations(l, "weight"), sayf(213, tn_is_parameter(l->weight));
    f->gives = 1, tn_nn_utils_parametrize_register_parametrization(l, "weight", f), names(208, tn_named_parameters(l));
    f->gives = TN_SEQUENCE_OF_ONE, tn_module_set(l, "weight", tn_ones((2, 2))), error(210);
}

#define TRANSFER tn_nn_utils_parametrize_transfer_parametrizations_and_params
static void transfers(void) {
    tn_nn_linear *a = ones(), *b = tn_nn_linear(2, 2), *c = tn_nn_linear(3, 3);
    tn_nn_utils_parametrize_register_parametrization(a, "weight", tn_new(Upper)),
        tn_nn_utils_parametrize_register_parametrization(a, "weight", tn_new(Twice));
    TRANSFER(a, b), names(211, tn_named_parameters(b)), sayf(211, sum(tn_module_get(b, "weight"))), say(211, tn_to_string(b));
    sayf(211, tn_get_parameter(a, "parametrizations.weight.original") == tn_get_parameter(b, "parametrizations.weight.original"));
    TRANSFER(a, c), say(211, tn_to_string(c)), sayf(211, sum(tn_module_get(c, "weight")));
    TRANSFER(a, b), say(211, tn_to_string(b)), sayf(211, sum(tn_module_get(b, "weight")));
    TRANSFER(a, ones(), "none"), error(211), TRANSFER(a, ones(), "bias"), error(211), TRANSFER(ones(), c, "none"), error(211);
    a = ones(), b = tn_nn_linear(2, 2);
    tn_nn_utils_parametrize_register_parametrization(a, "weight", parts(2)),
        tn_nn_utils_parametrize_register_parametrization(a, "bias", tn_new(Twice));
    TRANSFER(a, b, "weight"), names(211, tn_named_parameters(b)), sayf(211, sum(tn_module_get(b, "weight")));
    tn_nn_relu *bare = tn_nn_relu();
    TRANSFER(a, bare), names(211, tn_named_parameters(bare)), say(211, tn_to_string(bare));
    sayf(211, sum(tn_module_get((tn_module *)bare, "weight")) + sum(tn_module_get((tn_module *)bare, "bias")));
    a = ones(), tn_module_register_buffer(a, "c", tn_ones(2));
    tn_nn_utils_parametrize_register_parametrization(a, "c", tn_new(Twice)), TRANSFER(a, tn_nn_tanh()), error(211);
    b = ones(), tn_module_register_buffer(b, "c", tn_zeros(2)), TRANSFER(a, b), sayf(211, sum(tn_module_get(b, "c")));
    say(211, keys(tn_state_dict(b)));
}

static void norms(void) {
    tn_nn_linear *l = ones(), *old = ones();
    tn_nn_utils_parametrizations_weight_norm(l);
    tn_nn_utils_weight_norm(old);
    say(215, keys(tn_state_dict(l))), say(215, tn_to_string(l));
    {
        TN_NO_GRAD;
        tn_mul_(tn_get_parameter(old, "weight_g"), 3);
    }
    tn_load_state_dict(l, tn_state_dict(old));
    sayf(215, sum(tn_module_get(l, "weight")));
    tn_nn_utils_parametrize_remove_parametrizations(l, "weight", .leave_parametrized = false), error(215);
    say(216, keys(tn_state_dict(old))), say(216, tn_to_string(old));
    tn_nn_utils_weight_norm(old), error(216);
    tn_deepcopy(old), error(216);
    tn_forward(old, tn_ones((1, 2))), sayf(216, sum(old->weight));
    tn_nn_utils_remove_weight_norm(old, "weight"), sayf(216, sum(old->weight)), sayf(216, tn_is_parameter(old->weight));
    tn_nn_utils_remove_weight_norm(old, "weight"), error(216);
    old = ones();
    tn_nn_utils_spectral_norm(old, .n_power_iterations = 0), error(217);
    tn_nn_utils_spectral_norm(old);
    say(217, keys(tn_state_dict(old))), say(217, tn_to_string(old)), sayf(217, sum(old->weight));
    tn_nn_utils_spectral_norm(old), error(217);
    tn_forward(old, tn_ones((1, 2))), sayf(217, sum(old->weight)); /* rank one: exact after one iteration */
    tn_nn_utils_remove_spectral_norm(old, "weight"), sayf(217, sum(old->weight));
    tn_nn_utils_remove_spectral_norm(old, "weight"), error(217);
    tn_nn_utils_parametrizations_spectral_norm(old), say(217, keys(tn_state_dict(old))), say(217, tn_to_string(old));
}

/* States of an old spectral_norm, with and without its entry in the metadata: what is missing of them. */
static void spectral_states(void) {
    TN_SCOPE;
    static const char *const dropped[][4] = {{NULL},
                                             {"0.weight_u"},
                                             {NULL},
                                             {"0.weight_v"},
                                             {"0.weight_v", "0.weight_u"},
                                             {"0.weight_v", "0.weight_u", "0.weight_orig"}};
    const bool extra[] = {false, false, true, true, true, false};
    for (int says = 1; says >= 0; says--)
        for (int i = 0; i < 6; i++) {
            tn_nn_linear *l = tn_nn_linear(3, 2);
            tn_nn_utils_spectral_norm(l);
            tn_nn_sequential *m = tn_nn_sequential(l);
            tn_state *whole = tn_state_dict(m), *s = says ? whole : tn_state_new();
            for (size_t k = 0; !says && k < tn_state_count(whole); k++)
                tn_state_set(s, tn_state_name(whole, k), tn_state_at(whole, k));
            for (int k = 0; k < 4 && dropped[i][k]; k++) tn_state_delete(s, dropped[i][k]);
            if (extra[i]) tn_state_set(s, "0.weight", tn_ones((2, 3)));
            tn_incompatible *found;
            tn_load_state_dict(m, s, .strict = false, .incompatible = &found), say(217, tn_to_string(found));
            tn_state *now = tn_state_dict(m);
            sayf(217, (double)tn_state_local_metadata(now, "0", "spectral_norm", "weight.version"));
            tn_nn_utils_remove_spectral_norm(l, "weight"), now = tn_state_dict(m);
            sayf(217, (double)tn_state_local_metadata(now, "0", "spectral_norm", "weight.version"));
        }
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_parametrize")) return 2;
    TN_SCOPE;
    parametrizations();
    tuples_of_one();
    transfers();
    norms();
    spectral_states();
    return observed();
}
