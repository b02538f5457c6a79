/* Orthogonal parametrizations: what stands in the state after registration, results, gradients, two steps of an optimizer, the way back;
 * orthogonal.py compares with PyTorch. */
#include "parity.h"

static bool is_complex(tn_tensor *x) { return tn_get_dtype(x) == TN_COMPLEX128; }

static void put_named(const char *prefix, const char *name, tn_tensor *x) {
    char key[160];
    snprintf(key, sizeof key, "%s|%s", prefix, name);
    put(key, is_complex(x) ? tn_view_as_real(tn_detach(x)) : x);
}

static void put_state(const char *prefix, const char *when, tn_nn_linear *m) {
    tn_state *state = tn_state_dict(m);
    for (size_t i = 0; i < tn_state_count(state); i++) {
        char key[120];
        snprintf(key, sizeof key, "%s.%s", when, tn_state_name(state, i));
        put_named(prefix, key, tn_state_get(state, tn_state_name(state, i)));
    }
}

/* By an optimizer, or by hand where the numbers are complex. */
static void step(tn_optim *sgd, tn_tensor *original) {
    TN_NO_GRAD;
    if (sgd)
        tn_optim_step(sgd);
    else
        tn_sub_(original, tn_grad(original), .alpha = 0.05);
}

static void train(const char *prefix, tn_nn_linear *m, tn_tensor *x) {
    tn_tensor *original = tn_get_parameter(m, "parametrizations.weight.original");
    tn_optim *sgd = is_complex(x) ? NULL : tn_optim_sgd(tn_parameters(m), .lr = 0.05, .momentum = 0.9);
    for (int i = 0; i < 2; i++) {
        TN_SCOPE;
        tn_zero_grad(m);
        tn_tensor *y = tn_forward(m, x);
        if (i == 0) put_named(prefix, "y", y);
        tn_backward(tn_real(tn_sum(tn_mul(y, tn_mul(y, y)))));
        if (i == 0) put_named(prefix, "grad", tn_grad(original));
        step(sgd, original);
    }
    put_named(prefix, "trained", tn_nn_utils_parametrize_compute(m, "weight"));
}

/* What assigning a matrix of random numbers comes to: the original takes what the right_inverse makes of it. */
static void assign(const char *prefix, tn_nn_linear *m) {
    TN_NO_GRAD;
    tn_tensor *original = tn_get_parameter(m, "parametrizations.weight.original"), *made[1];
    tn_tensor *target = (tn_randn)(tn_sizes(original), 2, &(tn_opts){.size = sizeof(tn_opts), .dtype = tn_get_dtype(original)});
    (tn_right_inverse)(tn_get_submodule(m, "parametrizations.weight.0"), target, made, 1);
    tn_copy_(original, made[0]);
    put_named(prefix, "assigned", tn_nn_utils_parametrize_compute(m, "weight"));
    put_state(prefix, "second", m);
}

static void run(const char *prefix, int64_t out, int64_t in, const char *map, bool trivialize, tn_dtype dtype) {
    TN_SCOPE;
    tn_manual_seed(11);
    tn_nn_linear *m = tn_nn_linear(in, out, .dtype = dtype);
    tn_nn_utils_parametrizations_orthogonal(m, .orthogonal_map = map, .use_trivialization = trivialize);
    put_named(prefix, "weight", m->weight);
    put_state(prefix, "first", m);
    train(prefix, m, tn_randn((3, in), .dtype = dtype));
    bool skew = map ? map[0] != 'h' : out == in || dtype == TN_COMPLEX128;
    if (trivialize || !skew) assign(prefix, m);
}

/* A batch of matrices in a buffer. */
static void run_batch(const char *map, tn_dtype dtype) {
    TN_SCOPE;
    tn_manual_seed(12);
    tn_nn_linear *m = tn_nn_linear(2, 2);
    tn_module_register_buffer(m, "q", tn_randn((2, 3, 5), .dtype = dtype));
    tn_nn_utils_parametrizations_orthogonal(m, .name = "q", .orthogonal_map = map);
    char prefix[60];
    snprintf(prefix, sizeof prefix, "batch %s %s", map, tn_dtype_name(dtype));
    put_named(prefix, "q", tn_module_get(m, "q"));
    put_named(prefix, "base", tn_get_buffer(m, "parametrizations.q.0.base"));
}

int main(int argc, char **argv) {
    static const char *const maps[] = {"matrix_exp", "cayley", "householder", NULL};
    static const int64_t shapes[][2] = {{4, 4}, {6, 3}, {3, 6}, {20, 12}};
    if (argc != 2) return 2;
    begin();
    static const tn_dtype dtypes[] = {TN_FLOAT64, TN_COMPLEX128};
    for (int d = 0; d < 2; d++)
        for (size_t k = 0; k < sizeof maps / sizeof *maps; k++) {
            if (d == 1 && maps[k] && maps[k][0] == 'h') continue; /* not for complex numbers */
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
                for (int trivialize = 0; trivialize < 2; trivialize++) {
                    char prefix[80];
                    snprintf(prefix, sizeof prefix, "%lldx%lld %s %s %s", (long long)shapes[s][0], (long long)shapes[s][1],
                             maps[k] ? maps[k] : "None", tn_dtype_name(dtypes[d]), trivialize ? "True" : "False");
                    run(prefix, shapes[s][0], shapes[s][1], maps[k], trivialize, dtypes[d]);
                }
            if (maps[k]) run_batch(maps[k], dtypes[d]);
        }
    end(argv[1], "orthogonal.safetensors");
    return 0;
}
