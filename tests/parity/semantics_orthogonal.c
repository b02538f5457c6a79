/* Statement 218: orthogonal parametrizations; semantics_orthogonal.py observes the same of PyTorch. */
#include "observe.h"

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_orthogonal")) return 2;
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 2), *square = tn_nn_linear(3, 3), *plain = tn_nn_linear(3, 3);
    tn_nn_utils_parametrizations_orthogonal(l, "bias"), error(218);
    tn_nn_utils_parametrizations_orthogonal(l, "none"), error(218);
    tn_nn_utils_parametrizations_orthogonal(l, .orthogonal_map = "polar"), error(218);
    tn_module_register_buffer(l, "c", tn_zeros((2, 2), .dtype = TN_COMPLEX64));
    tn_nn_utils_parametrizations_orthogonal(l, "c", "householder"), error(218);
    say(218, tn_to_string(l));
    tn_nn_utils_parametrizations_orthogonal(l), tn_nn_utils_parametrizations_orthogonal(square);
    tn_nn_utils_parametrizations_orthogonal(plain, .use_trivialization = false);
    tn_nn_linear *const all[] = {l, square, plain};
    for (int i = 0; i < 3; i++) {
        say(218, keys(tn_state_dict(all[i])));
        names(218, tn_named_parameters(all[i])), names(218, tn_named_buffers(all[i]));
        say(218, tn_to_string(tn_get_submodule(all[i], "parametrizations")));
    }
    say(218, tn_to_string(tn_get_parameter(l, "parametrizations.weight.original")));
    say(218, tn_to_string(tn_get_parameter(square, "parametrizations.weight.original")));
    tn_tensor *made[1];
    (tn_right_inverse)(tn_get_submodule(l, "parametrizations.weight.0"), tn_zeros((3, 2)), made, 1), error(218);
    (tn_right_inverse)(tn_get_submodule(plain, "parametrizations.weight.0"), tn_zeros((3, 3)), made, 1), error(218);
    return observed();
}
