/* tests/unit/test_ops_loss.c - nll_loss, cross_entropy, mse_loss. Expected values are PyTorch's (F.nll_loss, F.cross_entropy,
 * F.mse_loss), from x[i] = ((i * 7919) % 2003) / 1009 - 0.9 in the dtype. */
#include "support.h"

#define WEIGHT tn_tensor((3, ), 0.5, 1.0, 2.25)
#define TARGET tn_tensor((4, ), 0, 2, 1, 2)

static tn_tensor *wave(tn_dtype dtype, int64_t first, int64_t n) {
    tn_tensor *x = tn_empty(n, .dtype = dtype);
    for (int64_t i = 0; i < n; i++) {
        int64_t whole = (first + i) * 7919 % 2003;
        if (dtype == TN_FLOAT64)
            tn_data_f64(x)[i] = (double)whole / 1009 - 0.9;
        else
            tn_data_f32(x)[i] = (float)whole / 1009 - 0.9F;
    }
    return x;
}

static double at(tn_tensor *x, int64_t i) {
    TN_SCOPE;
    return tn_item(tn_select(tn_reshape(x, -1), 0, i));
}

static void nll_has_torch_bits(void) {
    TN_SCOPE;
    tn_tensor *x = tn_reshape(wave(TN_FLOAT32, 0, 900), (300, 3));
    tn_tensor *t = tn_empty(300, .dtype = TN_INT64), *holes = tn_empty(300, .dtype = TN_INT64);
    for (int64_t i = 0; i < 300; i++) {
        tn_data_i64(t)[i] = i % 3;
        tn_data_i64(holes)[i] = i % 7 == 0 ? -100 : i % 3;
    }
    CHECK(tn_item(tn_nll_loss(x, t)) == -0x1.778a8c0000000p-4);
    CHECK(tn_item(tn_nll_loss(x, holes, .weight = WEIGHT)) == -0x1.5934100000000p-4);
    CHECK(tn_item(tn_nll_loss(x, t, .weight = WEIGHT, .reduction = TN_REDUCTION_SUM)) == -0x1.0b181e0000000p+5);
    CHECK_OK();
}

static void nll_shapes(void) {
    TN_SCOPE;
    tn_tensor *none = tn_zeros((0, 3)), *nothing = tn_zeros(0, .dtype = TN_INT64);
    CHECK(isnan(tn_item(tn_nll_loss(none, nothing))));
    CHECK(tn_item(tn_nll_loss(none, nothing, .reduction = TN_REDUCTION_SUM)) == 0);
    CHECK_EQ_INT(tn_numel(tn_nll_loss(none, nothing, .reduction = TN_REDUCTION_NONE)), 0);
    tn_tensor *x = wave(TN_FLOAT32, 0, 3);
    CHECK(tn_item(tn_nll_loss(x, tn_to(tn_number_int(2), TN_INT64))) == -at(x, 2));
    tn_tensor *spatial = tn_reshape(wave(TN_FLOAT32, 0, 24), (2, 3, 4)), *t = tn_zeros((2, 4), .dtype = TN_UINT8);
    tn_tensor *each = tn_nll_loss(spatial, t, .reduction = TN_REDUCTION_NONE);
    CHECK(tn_ndim(each) == 2 && tn_size(each, 1) == 4 && at(each, 5) == -at(spatial, 13));
    CHECK_OK();
}

static void nll_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3)), *t = tn_tensor((2, ), 1, 7);
    CHECK(!tn_nll_loss(x, t));
    CHECK_ERROR(TN_ERR_INDEX, "Target 7 is out of bounds.");
    CHECK(!tn_cross_entropy(x, tn_tensor((2, ), -1, 0)));
    CHECK_ERROR(TN_ERR_INDEX, "Target -1 is out of bounds.");
    CHECK(!tn_nll_loss(x, tn_tensor((3, ), 0, 0, 0)));
    CHECK_ERROR(TN_ERR_VALUE, "Expected input batch_size (2) to match target batch_size (3).");
    CHECK(!tn_nll_loss(x, tn_tensor((2, ), 1.0, 0.0)));
    CHECK_ERROR(TN_ERR_DTYPE, "expected target dtype to be Long or Byte, but got Float");
    CHECK(!tn_nll_loss(x, t, .weight = tn_zeros(2)));
    CHECK_ERROR(TN_ERR_SHAPE, "weight tensor should be defined either for all 3 classes or no classes but got weight tensor of "
                              "shape: [2]");
    CHECK(!tn_nll_loss(tn_zeros((2, 3, 4)), tn_zeros((2, 5), .dtype = TN_INT64)));
    CHECK_ERROR(TN_ERR_SHAPE, "Expected target size [2, 4], got [2, 5]");
    CHECK(!tn_nll_loss(x, t, .weight = tn_zeros(3, .dtype = TN_FLOAT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "expected scalar type Float but found Double");
    CHECK(!tn_nll_loss(x, t, .reduction = (tn_reduction)7));
    CHECK_ERROR(TN_ERR_VALUE, "7 is not a valid value for reduction");
}

static void cross_entropies(void) {
    TN_SCOPE;
    tn_tensor *x = tn_reshape(wave(TN_FLOAT32, 0, 12), (4, 3)), *t = TARGET, *w = WEIGHT, *p = tn_abs(x);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t)), 1.5263962745666504, 3e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t, .reduction = TN_REDUCTION_SUM)), 6.105585098266602, 1e-6);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t, .weight = w)), 1.2968597412109375, 3e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t, .label_smoothing = 0.1)), 1.4910064935684204, 3e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t, .ignore_index = 2)), 1.8591800928115845, 3e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, t, .weight = w, .ignore_index = 1, .label_smoothing = 0.2)), 1.2347826957702637, 3e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, p)), 2.029849052429199, 5e-7);
    CHECK_NEAR(tn_item(tn_cross_entropy(x, p, .weight = w, .label_smoothing = 0.1)), 2.0771870613098145, 5e-7);
    CHECK_NEAR(at(tn_cross_entropy(x, p, .reduction = TN_REDUCTION_NONE), 1), 2.350400447845459, 5e-7);
    CHECK_OK();
}

static void cross_entropy_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3));
    CHECK(!tn_cross_entropy(x, tn_zeros((2, 3), .dtype = TN_INT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "Expected floating point type for target with class probabilities, got Long");
    CHECK(!tn_cross_entropy(x, tn_zeros((2, 4))));
    CHECK_ERROR(TN_ERR_SHAPE, "0D or 1D target tensor expected, multi-target not supported");
    CHECK(!tn_cross_entropy(x, tn_tensor((2, ), 1, 0), .label_smoothing = 1.1));
    CHECK_ERROR(TN_ERR_RUNTIME, "label_smoothing must be between 0.0 and 1.0. Got: 1.1");
    CHECK(!tn_cross_entropy(x, x, .ignore_index = 2));
    CHECK_ERROR(TN_ERR_RUNTIME, "ignore_index is not supported for floating point target");
}

static void mse(void) {
    TN_SCOPE;
    tn_tensor *a = wave(TN_FLOAT32, 0, 1000), *b = wave(TN_FLOAT32, 1000, 1000);
    CHECK(tn_item(tn_mse_loss(a, b)) == 0x1.edaff80000000p-1);
    CHECK(tn_item(tn_mse_loss(a, b, .reduction = TN_REDUCTION_SUM)) == 0x1.e21dd80000000p+9);
    CHECK(tn_equal(tn_mse_loss(a, b, .reduction = TN_REDUCTION_NONE), tn_square(tn_sub(a, b))));
    CHECK(isnan(tn_item(tn_mse_loss(tn_zeros(0), tn_zeros(0)))));
    CHECK_EQ_INT(tn_get_dtype(tn_mse_loss(a, tn_to(b, TN_FLOAT64))), TN_FLOAT64);
    CHECK_OK();
    CHECK(!tn_mse_loss(tn_zeros((2, 3)), tn_zeros(2)));
    CHECK_ERROR(TN_ERR_SHAPE, "The size of tensor a (3) must match the size of tensor b (2)");
    CHECK(!tn_mse_loss(tn_ones(2, .dtype = TN_INT64), tn_ones(2, .dtype = TN_INT64)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "\"mse_cpu\" not implemented for 'Long'");
}

static tn_tensor *checked(tn_tensor *const *in, size_t n, void *which) {
    tn_tensor *x = in[0], *t = TARGET, *w = tn_to(WEIGHT, TN_FLOAT64), *y = NULL;
    (void)n;
    switch (*(int *)which) {
    case 0: y = tn_nll_loss(x, t); break;
    case 1: y = tn_nll_loss(x, t, .weight = w, .reduction = TN_REDUCTION_NONE); break;
    case 2: y = tn_nll_loss(tn_reshape(x, (2, 3, 2)), tn_reshape(t, (2, 2)), .weight = w, .ignore_index = 1); break;
    case 3: y = tn_cross_entropy(x, t); break;
    case 4: y = tn_cross_entropy(x, t, .weight = w, .ignore_index = 1, .label_smoothing = 0.2); break;
    case 5: y = tn_cross_entropy(x, in[1], .weight = w); break;
    case 6: y = tn_mse_loss(x, in[1]); break;
    default: y = tn_mse_loss(x, tn_select(in[1], 0, 0), .reduction = TN_REDUCTION_NONE);
    }
    return tn_mul(y, y);
}

static void gradients(void) {
    for (int which = 0; which <= 7; which++) {
        TN_SCOPE;
        tn_tensor *x = tn_requires_grad_(tn_reshape(wave(TN_FLOAT64, 0, 12), (4, 3)), true);
        tn_tensor *y = tn_requires_grad_(tn_reshape(wave(TN_FLOAT64, 50, 12), (4, 3)), which >= 5);
        if (!CHECK(tn_gradcheck_fn(checked, &which, TN_TENSORS(x, y)))) printf("  case %d: %s\n", which, tn_error_message());
        tn_clear_error();
        if (!CHECK(tn_gradgradcheck_fn(checked, &which, TN_TENSORS(x, y)))) printf("  case %d: %s\n", which, tn_error_message());
        tn_clear_error();
    }
}

static void nothing_is_left(void) {
    size_t before = live_objects();
    for (int i = 0; i < 3; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_requires_grad_(tn_reshape(wave(TN_FLOAT64, 0, 12), (4, 3)), true);
        CHECK(tn_backward(tn_cross_entropy(x, TARGET)));
        CHECK(!tn_cross_entropy(x, tn_tensor((4, ), 0, 1, 2, 3)));
        tn_clear_error();
    }
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    RUN(nll_has_torch_bits);
    RUN(nll_shapes);
    RUN(nll_errors);
    RUN(cross_entropies);
    RUN(cross_entropy_errors);
    RUN(mse);
    RUN(gradients);
    RUN(nothing_is_left);
    return test_end();
}
