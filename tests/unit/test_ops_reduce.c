/* tests/unit/test_ops_reduce.c - sum, mean, sum_to_size, max, argmax, softmax, log_softmax. Expected values are PyTorch's on one
 * thread, from x[i] = ((i * 7919) % 2003) / 1009 - 0.9 in the dtype. */
#include "support.h"

#define I(...) ((const int64_t[]){__VA_ARGS__})
#define VARIABLE(...) tn_requires_grad_(wave(TN_FLOAT64, __VA_ARGS__), true)

static tn_tensor *wave(tn_dtype dtype, int64_t a, int64_t b, int64_t c) {
    tn_tensor *x = (tn_empty)(I(a, b, c), 3, &(tn_opts){.size = sizeof(tn_opts), .dtype = dtype});
    for (int64_t i = 0; i < a * b * c; i++) {
        int64_t whole = i * 7919 % 2003;
        if (dtype == TN_FLOAT64)
            tn_data_f64(x)[i] = (double)whole / 1009 - 0.9;
        else
            tn_data_f32(x)[i] = (float)whole / 1009 - 0.9F;
    }
    return x;
}
static tn_tensor *matrix(int64_t rows, int64_t columns) { return tn_reshape(wave(TN_FLOAT32, 1, rows, columns), (rows, columns)); }

static double at(tn_tensor *x, int64_t i) {
    TN_SCOPE;
    return tn_item(tn_select(tn_reshape(x, -1), 0, i));
}

static bool is_shaped(tn_tensor *x, const int64_t *sizes, int64_t n) {
    return x && tn_ndim(x) == n && (n == 0 || memcmp(tn_sizes(x), sizes, (size_t)n * sizeof *sizes) == 0);
}

static void sums_have_torch_bits(void) {
    TN_SCOPE;
    tn_tensor *x = wave(TN_FLOAT32, 1, 1, 10000), *m = matrix(37, 41), *c = wave(TN_FLOAT32, 6, 35, 20);
    CHECK(tn_item(tn_sum(x)) == 0x1.ce44660000000p+9);
    CHECK(tn_item(tn_mean(x)) == 0x1.7ab0740000000p-4);
    CHECK(at(tn_sum(m, 1), 0) == 0x1.2928c40000000p+2);
    CHECK(at(tn_sum(m, 1), 2) == 0x1.1c99aa0000000p+2);
    CHECK(at(tn_sum(m, 0), 1) == 0x1.59a3680000000p+0);
    CHECK(at(tn_sum(tn_t(m), -1), 2) == 0x1.e8fcf80000000p+0);
    CHECK(at(tn_sum(c, .dims = TN_INTS(0, 2)), 1) == 0x1.741b6a0000000p+3);
    CHECK(at(tn_sum(c, 1), 2) == 0x1.59c09c0000000p+1);
    CHECK(at(tn_mean(c, .dims = TN_INTS(2, 0)), 2) == 0x1.b358040000000p-4);
    CHECK(tn_item(tn_sum(wave(TN_FLOAT64, 1, 50, 100))) == 0x1.ce213ca364b9ap+8);
}

/* What the number of threads must not change. */
static void threads_do_not_matter(void) {
    TN_SCOPE;
    int before = tn_get_num_threads();
    tn_tensor *x = wave(TN_FLOAT32, 30, 700, 11), *one[6], *four[6];
    for (int threads = 1; threads <= 4; threads += 3) {
        tn_tensor **r = threads == 1 ? one : four;
        tn_set_num_threads(threads);
        r[0] = tn_sum(x), r[1] = tn_sum(x, 0), r[2] = tn_sum(x, 1), r[3] = tn_sum(x, 2), r[4] = tn_softmax(x, 1), r[5] = tn_max(x);
    }
    tn_set_num_threads(before);
    for (int i = 0; i < 6; i++) CHECK(tn_equal(one[i], four[i]));
    CHECK_OK();
}

static void sum_shapes_and_dtypes(void) {
    TN_SCOPE;
    tn_tensor *x = wave(TN_FLOAT32, 2, 3, 4), *whole = tn_tensor((2, 2), 200, 100, 50, 7);
    CHECK(is_shaped(tn_sum(x), NULL, 0));
    CHECK(is_shaped(tn_sum(x, 1), I(2, 4), 2));
    CHECK(is_shaped(tn_sum(x, -1, true), I(2, 3, 1), 3));
    CHECK(is_shaped(tn_sum(x, .keepdim = true), I(1, 1, 1), 3));
    CHECK(is_shaped(tn_sum(x, .dims = TN_INTS(0, -1), .keepdim = true), I(1, 3, 1), 3));
    CHECK_EQ_INT(tn_item_int(tn_sum(whole)), 357);
    CHECK_EQ_INT(tn_get_dtype(tn_sum(tn_to(whole, TN_UINT8))), TN_INT64);
    CHECK_EQ_INT(tn_item_int(tn_sum(tn_to(whole, TN_UINT8), .dtype = TN_UINT8)), 101);
    CHECK_EQ_INT(tn_item_int(tn_sum(tn_gt(whole, 60))), 2);
    CHECK_EQ_INT(tn_get_dtype(tn_sum(whole, .dtype = TN_FLOAT64)), TN_FLOAT64);
    CHECK(tn_item(tn_mean(whole, .dtype = TN_FLOAT32)) == 89.25);
    CHECK(tn_item(tn_sum(tn_zeros((0, 3)))) == 0);
    CHECK(isnan(tn_item(tn_mean(tn_zeros((0, 3))))));
    CHECK(isnan(at(tn_mean(tn_zeros((2, 0)), 1), 1)));
    CHECK(is_shaped(tn_sum(tn_zeros((0, 3)), 1), I(0), 1));
    CHECK(tn_item(tn_sum(tn_number_double(3), 0)) == 3);
    CHECK_OK();
}

static void sum_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3));
    CHECK(!tn_sum(x, 2));
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    CHECK(!tn_sum(x, .dims = TN_INTS(0, -2)));
    CHECK_ERROR(TN_ERR_RUNTIME, "dim 0 appears multiple times in the list of dims");
    CHECK(!tn_mean(tn_to(x, TN_INT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                              "Got: Long");
    CHECK(!tn_sum_to_size(x, 2));
    CHECK_ERROR(TN_ERR_SHAPE, "size {[2]} is not expandable to size {[2, 3]}.");
}

static void sum_to_sizes(void) {
    TN_SCOPE;
    tn_tensor *x = wave(TN_FLOAT64, 2, 3, 4);
    CHECK(tn_sum_to_size(x, (2, 3, 4)) == x);
    CHECK(tn_equal(tn_sum_to_size(x, (3, 4)), tn_sum(x, 0)));
    CHECK(tn_equal(tn_sum_to_size(x, (1, 4)), tn_reshape(tn_sum(x, .dims = TN_INTS(0, 1)), (1, 4))));
    CHECK(tn_equal(tn_sum_to_size(x, (2, 1, 4)), tn_sum(x, 1, true)));
    CHECK(is_shaped(tn_sum_to_size(x, ()), NULL, 0));
    CHECK_OK();
}

static void largest(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((2, 3), 1.0, 5.0, 5.0, 7.0, -1.0, 7.0), *values, *indices;
    CHECK(tn_item(tn_max(x)) == 7);
    CHECK(tn_max_dim(x, 1, false, &values, &indices));
    CHECK(at(values, 0) == 5 && at(values, 1) == 7 && at(indices, 0) == 1 && at(indices, 1) == 0);
    CHECK(tn_max_dim(x, 0, true, NULL, &indices) && is_shaped(indices, I(1, 3), 2) && at(indices, 0) == 1 && at(indices, 1) == 0);
    CHECK_EQ_INT(tn_item_int(tn_argmax(x)), 3);
    CHECK(is_shaped(tn_argmax(x, .keepdim = true), I(1, 1), 2) && at(tn_argmax(tn_t(x), 1), 1) == 0);
    tn_tensor *nan = tn_tensor((4, ), 1.0, (double)NAN, 9.0, (double)NAN);
    CHECK(isnan(tn_item(tn_max(nan))) && tn_item_int(tn_argmax(nan)) == 1 && tn_item_int(tn_argmax(nan, 0)) == 1);
    CHECK(tn_max_dim(tn_number_double(2), 0, false, &values, &indices) && tn_ndim(values) == 0 && tn_item_int(indices) == 0);
    tn_tensor *big = wave(TN_FLOAT32, 10, 100, 100);
    tn_data_f32(big)[77777] = tn_data_f32(big)[88888] = 50;
    CHECK_EQ_INT(tn_item_int(tn_argmax(big)), 77777);
    CHECK(tn_item(tn_max(big)) == 50);
    CHECK_OK();
}

static void largest_of_nothing(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((0, 3)), *values, *indices;
    CHECK(!tn_max(x));
    CHECK_ERROR(TN_ERR_RUNTIME, "max(): Expected reduction dim to be specified for input.numel() == 0.");
    CHECK(!tn_argmax(x));
    CHECK_ERROR(TN_ERR_INDEX, "argmax(): Expected reduction dim to be specified for input.numel() == 0.");
    CHECK(!tn_max_dim(x, 0, false, &values, &indices) && !values && !indices);
    CHECK_ERROR(TN_ERR_INDEX, "max(): Expected reduction dim 0 to have non-zero size.");
    CHECK(!tn_argmax(x, 0));
    CHECK_ERROR(TN_ERR_INDEX, "argmax(): Expected reduction dim 0 to have non-zero size.");
    CHECK(tn_max_dim(x, 1, false, &values, &indices) && is_shaped(values, I(0), 1));
    CHECK_OK();
}

static void largest_gradients(void) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_tensor((4, ), 1.0, 5.0, 5.0, 2.0), true), *values;
    CHECK(tn_backward(tn_max(x)));
    CHECK(at(tn_grad(x), 0) == 0 && at(tn_grad(x), 1) == 0.5 && at(tn_grad(x), 2) == 0.5);
    CHECK(tn_max_dim(x, 0, false, &values, NULL) && tn_backward(values));
    CHECK(at(tn_grad(x), 1) == 1.5 && at(tn_grad(x), 2) == 0.5);
    CHECK_OK();
}

static void softmaxes(void) {
    TN_SCOPE;
    tn_tensor *x = matrix(2, 3);
    const double rows[] = {0.07302757352590561, 0.4848310053348541, 0.44214147329330444, 0.36448436975479126, 0.3323914110660553};
    const double columns[] = {-1.8750815391540527, -0.5644184947013855, -0.5644184947013855, -0.16645903885364532,
                              -0.8409298062324524};
    for (int i = 0; i < 5; i++) {
        CHECK_NEAR(at(tn_softmax(x, 1), i), rows[i], 2e-7);
        CHECK_NEAR(at(tn_log_softmax(x, 0), i), columns[i], 3e-7);
    }
    CHECK(tn_equal(tn_softmax(tn_contiguous(tn_t(x)), 0), tn_t(tn_softmax(x, 1))));
    CHECK(tn_item(tn_softmax(tn_number_double(3), 0)) == 1);
    CHECK(is_shaped(tn_softmax(tn_zeros((2, 0)), 1), I(2, 0), 2));
    CHECK_EQ_INT(tn_get_dtype(tn_softmax(tn_ones(3, .dtype = TN_INT64), 0, .dtype = TN_FLOAT64)), TN_FLOAT64);
    CHECK_OK();
    CHECK(!tn_softmax(tn_ones(3, .dtype = TN_INT64), 0));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'");
    CHECK(!tn_log_softmax(x, 2));
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range");
}

static tn_tensor *max_along(tn_tensor *x, int64_t dim, bool keepdim) {
    tn_tensor *values;
    return tn_max_dim(x, dim, keepdim, &values, NULL) ? values : NULL;
}

/* Squared, so that the second derivative is not zero. */
static tn_tensor *checked(tn_tensor *const *in, size_t n, void *which) {
    tn_tensor *x = in[0], *y = NULL;
    (void)n;
    switch (*(int *)which) {
    case 0: y = tn_sum(x); break;
    case 1: y = tn_sum(x, 1); break;
    case 2: y = tn_sum(x, .dims = TN_INTS(0, -1), .keepdim = true); break;
    case 3: y = tn_mean(x); break;
    case 4: y = tn_mean(x, .dims = TN_INTS(1, 2)); break;
    case 5: y = tn_sum_to_size(x, (3, 1)); break;
    case 6: y = tn_max(x); break;
    case 7: y = max_along(x, 1, false); break;
    case 8: y = max_along(x, -1, true); break;
    case 9: y = tn_softmax(x, 1); break;
    case 10: y = tn_softmax(x, 2); break;
    case 11: y = tn_log_softmax(x, 0); break;
    default: y = tn_log_softmax(x, -1);
    }
    return tn_mul(y, y);
}

static void gradients(void) {
    for (int which = 0; which <= 12; which++) {
        TN_SCOPE;
        tn_tensor *x = VARIABLE(2, 3, 4);
        if (!CHECK(tn_gradcheck_fn(checked, &which, TN_TENSORS(x)))) printf("  case %d: %s\n", which, tn_error_message());
        tn_clear_error();
        if (!CHECK(tn_gradgradcheck_fn(checked, &which, TN_TENSORS(x)))) printf("  case %d: %s\n", which, tn_error_message());
        tn_clear_error();
    }
}

static void nothing_is_left(void) {
    size_t before = live_objects();
    for (int i = 0; i < 3; i++) {
        TN_SCOPE;
        tn_tensor *x = VARIABLE(2, 3, 4);
        CHECK(tn_backward(tn_sum(tn_softmax(x, 1))));
        CHECK(!tn_sum(x, 7));
        tn_clear_error();
    }
    CHECK_EQ_INT(live_objects(), before);
}

/* One NaN among numbers wins, whatever its sign and place. */
static void a_nan_among_numbers(void) {
    for (int wide = 0; wide < 2; wide++)
        for (int64_t n = 3; n < 80; n += 25)
            for (int64_t at = 0; at < n; at += n / 3)
                for (int negative = 0; negative < 2; negative++) {
                    TN_SCOPE;
                    tn_tensor *x = tn_arange(n, .dtype = wide ? TN_FLOAT64 : TN_FLOAT32), *where;
                    double nan_ = copysign(NAN, negative ? -1 : 1);
                    if (wide)
                        tn_data_f64(x)[at] = nan_;
                    else
                        tn_data_f32(x)[at] = (float)nan_;
                    CHECK(isnan(tn_item(tn_max(x))) && isnan(tn_item(tn_min(x))));
                    CHECK(isnan(tn_item(tn_amax(x))) && isnan(tn_item(tn_amin(x))));
                    CHECK(tn_item(tn_argmax(x)) == (double)at && tn_item(tn_argmin(x)) == (double)at);
                    CHECK((tn_min_dim)(x, 0, false, NULL, &where) && tn_item(where) == (double)at);
                    CHECK((tn_max_dim)(x, 0, false, NULL, &where) && tn_item(where) == (double)at);
                }
    TN_SCOPE;
    tn_tensor *x = tn_zeros(40);
    tn_data_f32(x)[20] = -NAN;
    CHECK(isnan(tn_item(tn_logsumexp(x, 0))) && tn_item(tn_any(tn_isnan(tn_softmax(x, 0)))) == 1);
}

int main(void) {
    RUN(sums_have_torch_bits);
    RUN(threads_do_not_matter);
    RUN(sum_shapes_and_dtypes);
    RUN(sum_errors);
    RUN(sum_to_sizes);
    RUN(largest);
    RUN(largest_of_nothing);
    RUN(a_nan_among_numbers);
    RUN(largest_gradients);
    RUN(softmaxes);
    RUN(gradients);
    RUN(nothing_is_left);
    return test_end();
}
