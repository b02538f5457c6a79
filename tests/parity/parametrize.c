/* Weight norm and spectral norm: what they hold, results and gradients; parametrize.py compares with PyTorch. */
#include "parity.h"

static void put_named(const char *prefix, const char *name, tn_tensor *x) {
    char key[160];
    snprintf(key, sizeof key, "%s|%s", prefix, name);
    put(key, x);
}

/* The state before a forward, its result, and all gradients. */
static void run(const char *prefix, tn_nn_conv2d *m, tn_tensor *x) {
    tn_state *before = tn_state_dict(m);
    for (size_t i = 0; i < tn_state_count(before); i++)
        put_named(prefix, tn_state_name(before, i), tn_state_get(before, tn_state_name(before, i)));
    tn_tensor *y = tn_forward(m, x);
    put_named(prefix, "y", y);
    tn_backward(tn_sum(tn_mul(y, y)));
    for (tn_named_iter p = tn_named_parameters(m); tn_named_next(&p);) {
        char key[120];
        snprintf(key, sizeof key, "grad.%s", p.name);
        put_named(prefix, key, tn_grad(p.tensor));
    }
    put_named(prefix, "weight", m->weight);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    begin();
    TN_SCOPE;
    tn_manual_seed(7);
    tn_tensor *x = tn_randn((2, 3, 5, 5));
    put("x", x);
    tn_nn_conv2d *m = tn_nn_conv2d(3, 4, 3);
    tn_nn_utils_parametrizations_weight_norm(m);
    run("weight_norm 0", m, x);
    m = tn_nn_conv2d(3, 4, 3);
    tn_nn_utils_parametrizations_weight_norm(m, .dim = 1);
    run("weight_norm 1", m, x);
    m = tn_nn_conv2d(3, 4, 3);
    tn_nn_utils_parametrizations_weight_norm(m, .dim = TN_NONE);
    run("weight_norm None", m, x);
    m = tn_nn_conv2d(3, 4, 3);
    tn_nn_utils_parametrizations_spectral_norm(m);
    run("spectral_norm 0", m, x);
    m = tn_nn_conv2d(3, 4, 3);
    tn_nn_utils_parametrizations_spectral_norm(m, .n_power_iterations = 3, .dim = 1);
    run("spectral_norm 1", m, x);
    end(argv[1], "parametrize.safetensors");
    return 0;
}
