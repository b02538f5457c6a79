/* tests/unit/test_ops_creation.c - making tensors, random numbers, dropout. Expected values are PyTorch 2.13's. */
#include "support.h"

static bool has_bits(tn_tensor *x, const uint32_t *bits, int64_t n) {
    TN_SCOPE;
    float *at = x ? tn_data_f32(tn_contiguous(x)) : NULL;
    return at && tn_numel(x) == n && memcmp(at, bits, (size_t)n * sizeof *bits) == 0;
}
static bool holds(tn_tensor *x, tn_dtype dtype, const double *values, int64_t n) {
    TN_SCOPE;
    if (!x || tn_get_dtype(x) != dtype || tn_numel(x) != n) return false;
    tn_tensor *flat = tn_reshape(x, -1);
    for (int64_t i = 0; i < n; i++)
        if (tn_item(tn_select(flat, 0, i)) != values[i]) return false;
    return true;
}
#define CHECK_BITS(x, ...)                                                                                                         \
    CHECK(has_bits(x, (const uint32_t[]){__VA_ARGS__}, (int64_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))))
#define CHECK_VALUES(x, dtype, ...)                                                                                                \
    CHECK(holds(x, dtype, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double))))
/* With a fresh generator. */
#define SEEDED(x) (tn_manual_seed(0), (x))

static void constants(void) {
    TN_SCOPE;
    CHECK_VALUES(tn_zeros((2, 2)), TN_FLOAT32, 0, 0, 0, 0);
    CHECK_VALUES(tn_zeros(2, .dtype = TN_BOOL), TN_BOOL, 0, 0);
    CHECK_VALUES(tn_ones(3, .dtype = TN_UINT8), TN_UINT8, 1, 1, 1);
    CHECK_VALUES(tn_full((1, 2), 7), TN_INT64, 7, 7);
    CHECK_VALUES(tn_full(2, 7.5), TN_FLOAT32, 7.5, 7.5);
    CHECK_VALUES(tn_full(1, (bool)true), TN_BOOL, 1);
    CHECK_VALUES(tn_full(2, -3, .dtype = TN_UINT8), TN_UINT8, 253, 253);
    CHECK_VALUES(tn_full((), 2.7, .dtype = TN_INT32), TN_INT32, 2);
    CHECK_VALUES(tn_scalar_tensor(3), TN_FLOAT32, 3);
    CHECK_VALUES(tn_scalar_tensor(3, .dtype = TN_INT64), TN_INT64, 3);
    CHECK_VALUES(tn_eye(2, 3), TN_FLOAT32, 1, 0, 0, 0, 1, 0);
    CHECK_VALUES(tn_eye(3, .m = 2, .dtype = TN_INT64), TN_INT64, 1, 0, 0, 1, 0, 0);
    CHECK_EQ_INT(tn_numel(tn_ones((2, 0))), 0);
    CHECK_OK();
}

static void alike(void) {
    TN_SCOPE;
    tn_tensor *x = tn_t(tn_zeros((2, 3), .dtype = TN_FLOAT64));
    CHECK_EQ_INT(tn_stride(tn_ones_like(x), 0), 1);
    CHECK_EQ_INT(tn_stride(tn_empty_like(x), 1), 3);
    CHECK_EQ_INT(tn_stride(tn_zeros_like(tn_expand(tn_zeros((2, 1)), (2, 3))), 0), 3); /* not dense: row-major */
    CHECK_VALUES(tn_full_like(tn_zeros(2, .dtype = TN_INT32), 2), TN_INT32, 2, 2);
    CHECK(!tn_requires_grad(tn_zeros_like(tn_zeros(2, .requires_grad = true))));
    CHECK_OK();
}

static void ranges(void) {
    TN_SCOPE;
    CHECK_VALUES(tn_arange(4), TN_INT64, 0, 1, 2, 3);
    CHECK_VALUES(tn_arange(2, 5), TN_INT64, 2, 3, 4);
    CHECK_VALUES(tn_arange(10, 0, -4), TN_INT64, 10, 6, 2);
    CHECK_VALUES(tn_arange(3.0), TN_FLOAT32, 0, 1, 2);
    CHECK_VALUES(tn_arange(0, 2, 0.75), TN_FLOAT32, 0, 0.75, 1.5);
    CHECK_VALUES(tn_arange(2, .dtype = TN_FLOAT64), TN_FLOAT64, 0, 1);
    CHECK_VALUES(tn_arange(0, 2.5, 1, .dtype = TN_INT64), TN_INT64, 0, 1);
    CHECK_VALUES(tn_arange(0, 2.5, 1, .dtype = TN_INT32), TN_INT32, 0, 1, 2);
    CHECK_EQ_INT(tn_numel(tn_arange(0)), 0);
    CHECK_BITS(tn_slice(tn_arange(-3.3, 50, 0.07), 0, 0, 700, 123), 0xc0533333, 0x40a9eb85, 0x415eb852, 0x41b43d70, 0x41f91eb9,
               0x421f0000);
    CHECK_VALUES(tn_linspace(0, 1, 5), TN_FLOAT32, 0, 0.25, 0.5, 0.75, 1);
    CHECK_VALUES(tn_linspace(-3.7, 11.2, 9, .dtype = TN_INT64), TN_INT64, -3, -1, 0, 2, 4, 5, 7, 9, 11);
    CHECK_VALUES(tn_linspace(3, 4, 1), TN_FLOAT32, 3);
    CHECK_EQ_INT(tn_numel(tn_linspace(3, 4, 0)), 0);
    CHECK_OK();
}

static void values(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((2, 3), 1, 2, 3, 4, 5, 6);
    CHECK_VALUES(x, TN_INT64, 1, 2, 3, 4, 5, 6);
    CHECK_EQ_INT(tn_size(x, 1), 3);
    CHECK_VALUES(tn_tensor(2, 1.5, 2), TN_FLOAT32, 1.5, 2);
    CHECK_VALUES(tn_tensor(3, -1, 2.5, 7), TN_FLOAT32, -1, 2.5, 7);
    CHECK_EQ_INT(tn_ndim(tn_tensor((), 3.5)), 0);
    const int32_t data[] = {1, -2, 3, 4};
    CHECK_VALUES(tn_from_data((2, 2), TN_INT32, data), TN_INT32, 1, -2, 3, 4);
    CHECK_VALUES(tn_from_data((2, 2), TN_INT32, data, .dtype = TN_FLOAT64, .requires_grad = true), TN_FLOAT64, 1, -2, 3, 4);
    CHECK_EQ_INT(tn_numel(tn_from_data(0, TN_INT32, NULL)), 0);
    CHECK_OK();
    CHECK(!tn_tensor((2, 2), 1, 2, 3));
    CHECK_ERROR(TN_ERR_SHAPE, "the shape [2, 2] takes 4 values, but 3 were given");
    CHECK(!tn_from_data(2, TN_INT32, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "'data' is NULL");
}

static void options(void) {
    TN_SCOPE;
    CHECK(tn_requires_grad(tn_zeros(2, .requires_grad = true)));
    CHECK(tn_requires_grad(tn_arange(2.0, .requires_grad = true)));
    CHECK(tn_is_leaf(tn_randn(2, .requires_grad = true)));
    CHECK(tn_requires_grad(
        (tn_zeros)((int64_t[]){2}, 1, &(tn_opts){.size = sizeof(tn_opts), .dtype = TN_FLOAT32, .requires_grad = true})));
    CHECK_EQ_INT(tn_get_dtype((tn_zeros)((int64_t[]){2}, 1, NULL)), TN_FLOAT32);
    CHECK(tn_set_default_dtype(TN_FLOAT64));
    CHECK_EQ_INT(tn_get_dtype(tn_rand(2)), TN_FLOAT64);
    CHECK_EQ_INT(tn_get_dtype(tn_full(2, 1.5)), TN_FLOAT64);
    CHECK_EQ_INT(tn_get_dtype(tn_tensor(1, 1.5)), TN_FLOAT64);
    CHECK(tn_set_default_dtype(TN_FLOAT32));
    CHECK_OK();
}

static void creation_errors(void) {
    TN_SCOPE;
    CHECK(!tn_zeros(-1));
    CHECK_ERROR(TN_ERR_SHAPE, "zeros");
    CHECK(!tn_empty((INT64_MAX, 4)));
    CHECK_ERROR(TN_ERR_SHAPE, "empty");
    CHECK(!tn_ones(2, .dtype = TN_INT64, .requires_grad = true));
    CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
    CHECK(!tn_full(2, 1, .requires_grad = true));
    CHECK_ERROR(TN_ERR_DTYPE, "can require gradients");
    CHECK(!tn_full(2, 300, .dtype = TN_UINT8));
    CHECK_ERROR(TN_ERR_RUNTIME, "value cannot be converted to type uint8_t without overflow");
    CHECK(!tn_scalar_tensor(1e300));
    CHECK_ERROR(TN_ERR_RUNTIME, "value cannot be converted to type float without overflow");
    CHECK(!tn_zeros(2, .dtype = TN_COMPLEX32));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "complex32");
    CHECK(!tn_arange(0, 5, 0));
    CHECK_ERROR(TN_ERR_RUNTIME, "step must be nonzero");
    CHECK(!tn_arange(0, 5, -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "inconsistent with step sign");
    CHECK(!tn_arange((double)INFINITY));
    CHECK_ERROR(TN_ERR_RUNTIME, "unsupported range: 0 -> inf");
    CHECK(!tn_arange(1e300));
    CHECK_ERROR(TN_ERR_RUNTIME, "invalid size");
    CHECK(!tn_linspace(0, 1, -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "number of steps must be non-negative");
    CHECK(!tn_eye(-1));
    CHECK_ERROR(TN_ERR_RUNTIME, "n must be greater or equal to 0, got -1");
    CHECK(!tn_randperm(-1));
    CHECK_ERROR(TN_ERR_RUNTIME, "n must be non-negative, got -1");
    CHECK(!tn_randperm(300, .dtype = TN_UINT8));
    CHECK_ERROR(TN_ERR_RUNTIME, "n is too large");
    CHECK(!tn_randint(3, 3, 2));
    CHECK_ERROR(TN_ERR_RUNTIME, "random_ expects 'from' to be less than 'to', but got from=3 >= to=3");
    CHECK(!tn_rand(2, .dtype = TN_INT64));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "not implemented for 'Long'");
    CHECK(!tn_zeros_like(NULL));
    CHECK_ERROR(TN_ERR_TYPE, "zeros_like");
}

static void random_streams(void) {
    TN_SCOPE;
    CHECK_BITS(SEEDED(tn_rand(4)), 0x3efe1558, 0x3f44aa2f, 0x3db533a8, 0x3e073300);
    CHECK_BITS(SEEDED(tn_randn(4)), 0x3fc53f5c, 0xbe963c50, 0xc00b7149, 0x3f1184b6);
    CHECK_BITS(SEEDED(tn_randn((4, 4))), 0xbf901b85, 0xbf93808a, 0xbe804bd6, 0xbede255d, 0x3f594515, 0x3f312783, 0xbea1cc6d,
               0xc0075fc1, 0x3ea50138, 0xbfa1b4f4, 0x3eb330ff, 0x3e9dc3bb, 0x3df56f77, 0x3f9e6b93, 0x3f8ef28e, 0xbe7d367c);
    CHECK_BITS(SEEDED(tn_uniform_(tn_empty(4), -0.37, 0.37)), 0xbb358af6, 0x3e4b3f6d, 0xbe9beaed, 0xbe8b6a92);
    CHECK_VALUES(SEEDED(tn_randint(0, 10, (2, 3))), TN_INT64, 4, 9, 3, 0, 3, 9);
    CHECK_VALUES(SEEDED(tn_randint(3, 7, 4, .dtype = TN_FLOAT32)), TN_FLOAT32, 3, 6, 4, 3);
    CHECK_VALUES(SEEDED(tn_randperm(8)), TN_INT64, 4, 0, 7, 3, 2, 5, 1, 6);
    CHECK_VALUES(SEEDED(tn_bernoulli_(tn_empty(8, .dtype = TN_INT32), 0.3)), TN_INT32, 0, 0, 0, 0, 0, 0, 1, 0);
    CHECK_VALUES(SEEDED(tn_bernoulli(tn_t(tn_rand((2, 4))))), TN_FLOAT32, 1, 0, 1, 1, 1, 1, 0, 1);
    CHECK_VALUES(SEEDED(tn_random_(tn_empty(3, .dtype = TN_UINT8))), TN_UINT8, 172, 47, 117);
    CHECK_BITS(SEEDED(tn_exponential_(tn_empty(3), 1.5)), 0x4015b047, 0x3f51fc55, 0x3ed1ef5f);
    CHECK_OK();
}

/* Values are written in the order of memory; a normal fill of what is not contiguous draws number by number. */
static void random_strided(void) {
    TN_SCOPE;
    CHECK_BITS(SEEDED(tn_uniform_(tn_t(tn_empty((2, 3))), 0, 1)), 0x3efe1558, 0x3e073300, 0x3f44aa2f, 0x3e9d6686, 0x3db533a8,
               0x3f2252fb);
    CHECK_BITS(SEEDED(tn_uniform_(tn_slice(tn_t(tn_empty((6, 2))), 1, 0, 6, 2), -1, 1)), 0xbbf55400, 0xbf52b316, 0xbec532f4,
               0x3f09545e, 0xbf3c6680, 0x3e894bec);
    CHECK_BITS(tn_slice(tn_reshape(SEEDED(tn_normal_(tn_t(tn_empty((5, 8))), 1, 2)), -1), 0, 0, 40, 7), 0x40829fae, 0x3fdf8471,
               0xc05c00f6, 0xbf369e0d, 0xbedfb93b, 0x402b4472);
    CHECK_BITS(tn_slice(tn_reshape(SEEDED(tn_normal_(tn_slice(tn_empty((8, 5)), 1, 1, 5, 2), 1, 2)), -1), 0, 0, 16, 3), 0x40829fae,
               0x4008c25b, 0x3fe741bd, 0x3e45f3d4, 0xbf369e0d, 0x3f9f6959);
    CHECK_BITS(tn_slice(tn_reshape(SEEDED(tn_randn_like(tn_t(tn_empty((5, 8))))), -1), 0, 0, 40, 7), 0x3fc53f5c, 0x3ebf08e2,
               0xc00e007b, 0xbf5b4f07, 0xbf37ee4f, 0x3f5688e5);
    tn_tensor *x = tn_zeros((2, 4));
    tn_uniform_(tn_slice(x, 1, 0, 4, 2), 1, 2);
    CHECK(tn_item(tn_select(tn_select(x, 1, 1), 0, 0)) == 0); /* what lies between stays */
    CHECK_OK();
}

static void random_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros(2), *leaf = tn_zeros(2, .requires_grad = true);
    uint32_t version = tn_version_counter(x);
    CHECK(!tn_uniform_(x, 1, 0));
    CHECK_ERROR(TN_ERR_RUNTIME, "uniform_ expects to return a [from, to) range, but found from=1 > to=0");
    CHECK(!tn_normal_(x, 1, -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "normal expects std >= 0.0, but found std -1");
    CHECK(!tn_exponential_(x, 0));
    CHECK_ERROR(TN_ERR_RUNTIME, "exponential_ expects lambda > 0.0, but found lambda=0");
    CHECK(!tn_bernoulli_(x, 2));
    CHECK_ERROR(TN_ERR_RUNTIME, "bernoulli_ expects p to be in [0, 1], but got p=2");
    CHECK(!tn_bernoulli(tn_ones(2, .dtype = TN_INT64)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "'Long'");
    CHECK(!tn_bernoulli(tn_full(2, 2.0)));
    CHECK_ERROR(TN_ERR_RUNTIME, NULL);
    CHECK(!tn_uniform_(tn_zeros(2, .dtype = TN_INT64), 0, 1));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "not implemented for 'Long'");
    CHECK(!tn_uniform_(leaf, 0, 1));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK(!tn_uniform_(tn_expand(tn_zeros(1), 3), 0, 1));
    CHECK_ERROR(TN_ERR_SHAPE, "more than one element of the written-to tensor");
    CHECK_EQ_INT(tn_version_counter(x), version);
    CHECK(tn_random_(x) == x);
    CHECK_EQ_INT(tn_version_counter(x), version + 1);
}

static void random_gradients(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones(3, .requires_grad = true), *y = tn_mul(x, 1.0);
    tn_uniform_(y, 0, 1);
    CHECK_STR(tn_grad_fn_name(y), "UniformBackward0");
    tn_backward(tn_sum(y));
    CHECK_VALUES(tn_grad(x), TN_FLOAT32, 0, 0, 0);
    tn_tensor *p = tn_full(2, 0.5, .requires_grad = true), *b = tn_bernoulli(p);
    CHECK_STR(tn_grad_fn_name(b), "BernoulliBackward0");
    CHECK_STR(tn_grad_fn_name(tn_bernoulli_(tn_mul(x, 1.0), 0.5)), "BernoulliBackward2");
    CHECK_OK();
}

/* ---- dropout ---- */

static void dropout_values(void) {
    TN_SCOPE;
    CHECK_BITS(tn_slice(SEEDED(tn_dropout(tn_arange(1.0, 9.0), 0.3)), 0, 0, 8, 1), 0x00000000, 0x00000000, 0x40892492, 0x00000000,
               0x40e4924a, 0x00000000, 0x41200000, 0x4136db6e);
    CHECK_BITS(tn_reshape(SEEDED(tn_dropout(tn_t(tn_reshape(tn_arange(1.0, 9.0), (2, 4))))), -1), 0x00000000, 0x00000000,
               0x00000000, 0x00000000, 0x40c00000, 0x41600000, 0x00000000, 0x41800000);
    tn_tensor *x = tn_ones(4, .requires_grad = true), *all = tn_dropout(x, .p = 1);
    CHECK(tn_dropout(x, .training = false) == x);
    CHECK(tn_dropout(x, 0) == x);
    CHECK_VALUES(all, TN_FLOAT32, 0, 0, 0, 0);
    CHECK_STR(tn_grad_fn_name(all), "MulBackward0");
    CHECK_BITS(SEEDED((tn_dropout(x, 0), tn_dropout(x, 1), tn_rand(1))), 0x3efe1558); /* they drew nothing */
    CHECK(!tn_dropout(x, .p = 1.5));
    CHECK_ERROR(TN_ERR_VALUE, "dropout probability has to be between 0 and 1, but got 1.5");
    CHECK(!tn_dropout(tn_ones(4, .dtype = TN_INT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "result type Float can't be cast to the desired output type Long");
}

static tn_tensor *seeded_dropout(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    tn_manual_seed(3);
    return tn_dropout(tn_mul(in[0], in[0]), .p = 0.4);
}
static void dropout_gradients(void) {
    TN_SCOPE;
    tn_tensor *x = tn_randn((3, 4), .dtype = TN_FLOAT64, .requires_grad = true);
    CHECK(tn_gradcheck_fn(seeded_dropout, NULL, TN_TENSORS(x)));
    CHECK(tn_gradgradcheck_fn(seeded_dropout, NULL, TN_TENSORS(x)));
    tn_tensor *w = tn_ones(4, .requires_grad = true), *y = tn_dropout(w);
    CHECK_STR(tn_grad_fn_name(y), "MulBackward0");
    tn_backward(tn_sum(y));
    CHECK(tn_equal(tn_grad(w), tn_detach(y)));
    CHECK_OK();
}

static void nothing_leaks(void) {
    size_t before = live_objects();
    creation_errors();
    random_errors();
    dropout_gradients();
    values();
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    RUN(constants);
    RUN(alike);
    RUN(ranges);
    RUN(values);
    RUN(options);
    RUN(creation_errors);
    RUN(random_streams);
    RUN(random_strided);
    RUN(random_errors);
    RUN(random_gradients);
    RUN(dropout_values);
    RUN(dropout_gradients);
    RUN(nothing_leaks);
    return test_end();
}
