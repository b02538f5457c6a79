/* Random numbers of every kind from fixed seeds; rng.py draws the same. */
#include "parity.h"
#include <inttypes.h>

static char name[96];
#define NAME(...) (snprintf(name, sizeof name, __VA_ARGS__), name)

static void put_list(const char *prefix, void *module) {
    for (tn_named_iter p = tn_named_parameters((tn_nn_linear *)module); tn_named_next(&p);)
        put(NAME("%s.%s", prefix, p.name), p.tensor);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    begin();
    static const int64_t sizes[] = {1, 15, 16, 17, 1000};
    static const tn_dtype types[] = {TN_FLOAT32, TN_FLOAT64};
    for (int i = 0; i < 5; i++)
        for (int t = 0; t < 2; t++) {
            const char *type = tn_dtype_name(types[t]);
            int64_t n = sizes[i];
            tn_manual_seed(i + 1);
            put(NAME("rand.%" PRId64 ".%s", n, type), tn_rand(n, .dtype = types[t]));
            put(NAME("randn.%" PRId64 ".%s", n, type), tn_randn(n, .dtype = types[t]));
            put(NAME("randn again.%" PRId64 ".%s", n, type), tn_randn(n, .dtype = types[t]));
            put(NAME("uniform_.%" PRId64 ".%s", n, type), tn_uniform_(tn_empty(n, .dtype = types[t]), -2, 3));
            put(NAME("normal_.%" PRId64 ".%s", n, type), tn_normal_(tn_empty(n, .dtype = types[t]), 1.5, 0.25));
            put(NAME("bernoulli_.%" PRId64 ".%s", n, type), tn_bernoulli_(tn_empty(n, .dtype = types[t]), 0.3));
            put(NAME("bernoulli.%" PRId64 ".%s", n, type), tn_bernoulli(tn_full(n, 0.6, .dtype = types[t])));
            put(NAME("exponential_.%" PRId64 ".%s", n, type), tn_exponential_(tn_empty(n, .dtype = types[t]), 1.5));
            put(NAME("random_.%" PRId64 ".%s", n, type), tn_random_(tn_empty(n, .dtype = types[t])));
            put(NAME("dropout.%" PRId64 ".%s", n, type), tn_dropout(tn_ones(n, .dtype = types[t]), 0.25));
            put(NAME("rand after.%" PRId64 ".%s", n, type), tn_rand(n, .dtype = types[t]));
        }
    for (int i = 0; i < 5; i++) {
        int64_t n = sizes[i];
        tn_manual_seed(100 + i);
        put(NAME("randint.%" PRId64, n), tn_randint(-5, 11, n));
        put(NAME("randint wide.%" PRId64, n), tn_randint(0, (int64_t)1 << 40, n));
        put(NAME("randint int32.%" PRId64, n), tn_randint(0, 1000, n, .dtype = TN_INT32));
        put(NAME("randperm.%" PRId64, n), tn_randperm(n));
    }
    tn_manual_seed(7);
    put("transposed normal_", tn_normal_(tn_t(tn_empty((5, 8))), 0, 1));
    put("transposed uniform_", tn_uniform_(tn_t(tn_empty((5, 8))), 0, 1));
    for (int i = 0; i < 3; i++) {
        int64_t n = (int64_t[]){1, 9, 100}[i];
        put(NAME("complex64 randn.%" PRId64, n), tn_view_as_real(tn_randn(n, .dtype = TN_COMPLEX64)));
        put(NAME("complex128 randn.%" PRId64, n), tn_view_as_real(tn_randn(n, .dtype = TN_COMPLEX128)));
        put(NAME("complex64 rand.%" PRId64, n), tn_view_as_real(tn_rand(n, .dtype = TN_COMPLEX64)));
    }
    tn_manual_seed(UINT64_C(0x123456789abcdef0));
    put("large seed", tn_rand(8));

    tn_manual_seed(11);
    put_list("linear", tn_nn_linear(37, 19));
    put_list("linear without bias", tn_nn_linear(5, 3, .bias = false));
    put_list("linear float64", tn_nn_linear(5, 3, .dtype = TN_FLOAT64));
    put_list("conv", tn_nn_conv2d(6, 8, (3, 5), .groups = 2));
    put_list("conv without bias", tn_nn_conv2d(3, 4, 3, .bias = false));
    put_list("sequential", tn_nn_sequential(tn_nn_linear(4, 7), tn_nn_tanh(), tn_nn_linear(7, 2)));
    tn_nn_dropout *dropout = tn_nn_dropout(0.4);
    put("dropout module", tn_forward(dropout, tn_ones((9, 31))));
    tn_tensor *x = tn_requires_grad_(tn_ones((9, 31)), true);
    tn_backward(tn_sum(tn_forward(dropout, x)));
    put("dropout gradient", tn_grad(x));

    tn_manual_seed(13);
    tn_tensor *numbers = tn_arange(103);
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        tn_dataset *set = tn_data_tensor_dataset(numbers);
        tn_data_loader *loader = tn_data_loader(set, .batch_size = 8, .shuffle = shuffle == 1, .drop_last = true);
        for (int pass = 0; pass < 2; pass++) {
            int k = 0;
            for (tn_batch batch = tn_batches(loader); tn_batch_next(&batch); k++)
                put(NAME("loader shuffle=%d pass %d batch %d", shuffle, pass, k), batch.input);
            put(NAME("after loader shuffle=%d pass %d", shuffle, pass), tn_rand(2));
        }
    }
    tn_manual_seed(17);
    put("init uniform_", tn_nn_init_uniform_(tn_empty((5, 7)), -1, 2));
    put("init normal_", tn_nn_init_normal_(tn_empty((5, 7)), 1, 2));
    put("init trunc_normal_", tn_nn_init_trunc_normal_(tn_empty((5, 7)), .std = 0.5));
    put("init xavier_uniform_", tn_nn_init_xavier_uniform_(tn_empty((5, 7)), .gain = 2));
    put("init xavier_normal_", tn_nn_init_xavier_normal_(tn_empty((5, 7, 3))));
    put("init kaiming_uniform_", tn_nn_init_kaiming_uniform_(tn_empty((5, 7)), .mode = TN_FAN_OUT));
    put("init kaiming_normal_", tn_nn_init_kaiming_normal_(tn_empty((5, 7))));
    put("init orthogonal_ wide", tn_nn_init_orthogonal_(tn_empty((5, 7))));
    put("init orthogonal_ tall", tn_nn_init_orthogonal_(tn_empty((9, 4)), .gain = 2));
    put("rand after inits", tn_rand(3));
    end(argv[1], "rng.safetensors");
    return 0;
}
