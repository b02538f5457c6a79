/* tests/unit/test_ops_views.c - views, slices, joins: geometry, names, errors, gradients. Expected values are PyTorch's. */
#include "support.h"

#define D (&(tn_opts){.size = sizeof(tn_opts), .dtype = TN_FLOAT64, .requires_grad = true})

static bool is_shaped(tn_tensor *x, const int64_t *sizes, const int64_t *strides, int64_t n, int64_t offset) {
    if (!x || tn_ndim(x) != n || tn_storage_offset(x) != offset) return false;
    for (int64_t i = 0; i < n; i++)
        if (tn_size(x, i) != sizes[i] || (strides && tn_stride(x, i) != strides[i])) return false;
    return true;
}
#define I(...) ((const int64_t[]){__VA_ARGS__})
#define COUNT(...) ((int64_t)(sizeof(I(__VA_ARGS__)) / sizeof(int64_t)))
#define CHECK_SHAPE(x, offset, sizes, strides) CHECK(is_shaped(x, I sizes, I strides, COUNT sizes, offset))

static bool holds(tn_tensor *x, const double *values, int64_t n) {
    TN_SCOPE;
    tn_tensor *flat = tn_reshape(x, -1);
    if (!flat || tn_numel(flat) != n) return false;
    for (int64_t i = 0; i < n; i++)
        if (tn_item(tn_select(flat, 0, i)) != values[i]) return false;
    return true;
}
#define CHECK_VALUES(x, ...)                                                                                                       \
    CHECK(holds(x, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double))))

static tn_tensor *ramp(int64_t rows, int64_t columns) {
    return (tn_reshape)(tn_arange(rows * columns, .dtype = TN_FLOAT64), I(rows, columns), 2);
}

static void shapes(void) {
    TN_SCOPE;
    tn_tensor *x = ramp(3, 4);
    CHECK_SHAPE(tn_view(x, (2, 6)), 0, (2, 6), (6, 1));
    CHECK_SHAPE(tn_view(x, (2, -1, 3)), 0, (2, 2, 3), (6, 3, 1));
    CHECK_SHAPE(tn_t(x), 0, (4, 3), (1, 4));
    CHECK_SHAPE(tn_transpose(x, -1, 0), 0, (4, 3), (1, 4));
    CHECK_SHAPE(tn_permute(tn_view(x, (3, 2, 2)), (2, 0, 1)), 0, (2, 3, 2), (1, 4, 2));
    CHECK_SHAPE(tn_select(x, 1, -1), 3, (3), (4));
    CHECK_SHAPE(tn_slice(x, 1, 1, TN_NONE, 2), 1, (3, 2), (4, 2));
    CHECK_SHAPE(tn_slice(x, 0, -2, 99, 1), 4, (2, 4), (4, 1));
    CHECK_SHAPE(tn_narrow(x, 0, -1, 1), 8, (1, 4), (4, 1));
    CHECK_SHAPE(tn_expand(tn_narrow(x, 1, 2, 1), (2, -1, 5)), 2, (2, 3, 5), (0, 4, 0));
    CHECK_SHAPE(tn_unsqueeze(x, -1), 0, (3, 4, 1), (4, 1, 1));
    CHECK_SHAPE(tn_unsqueeze(x, 0), 0, (1, 3, 4), (12, 4, 1));
    CHECK_SHAPE(tn_squeeze(tn_view(x, (1, 12, 1))), 0, (12), (1));
    CHECK_SHAPE(tn_squeeze(tn_view(x, (1, 12, 1)), -1), 0, (1, 12), (12, 1));
    CHECK_SHAPE(tn_as_strided(x, (2, 2), (3, 1), 2), 2, (2, 2), (3, 1));
    CHECK_SHAPE(tn_as_strided(tn_select(x, 0, 1), 2, 2, -1), 3, (2), (2)); /* the offset counts from x's first element */
    CHECK_SHAPE(tn_flatten(tn_view(x, (3, 2, 2)), 1, -1), 0, (3, 4), (4, 1));
    CHECK(tn_flatten(x, 1, 1) == x);
    CHECK_VALUES(tn_flatten(tn_t(x), 0, -1), 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
    CHECK_VALUES(tn_as_strided(x, (3, 3), (1, 1), 0), 0, 1, 2, 1, 2, 3, 2, 3, 4);
    CHECK_OK();
}

static void small_shapes(void) {
    TN_SCOPE;
    tn_tensor *zero = tn_scalar_tensor(5), *empty = tn_zeros((0, 3));
    CHECK_EQ_INT(tn_ndim(tn_transpose(zero, 0, -1)), 0);
    CHECK_EQ_INT(tn_ndim(tn_squeeze(zero, 0)), 0);
    CHECK_EQ_INT(tn_ndim(tn_t(zero)), 0);
    CHECK_SHAPE(tn_flatten(zero, 0, -1), 0, (1), (1));
    CHECK_SHAPE(tn_unsqueeze(zero, 0), 0, (1), (1));
    CHECK_SHAPE(tn_expand(zero, (2, 2)), 0, (2, 2), (0, 0));
    CHECK_EQ_INT(tn_ndim(tn_view(tn_ones(1), ())), 0);
    CHECK_EQ_INT(tn_size(tn_view(empty, (3, 0)), 1), 0);
    CHECK_EQ_INT(tn_numel(tn_slice(tn_ones(4), 0, 3, 1, 1)), 0);
    CHECK_EQ_INT(tn_numel(tn_slice(tn_ones(4), 0, 1, 9, INT64_MAX)), 1);
    CHECK_EQ_INT(tn_numel(tn_narrow(tn_ones(4), 0, 4, 0)), 0);
    CHECK_OK();
}

static void view_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2, 3)), *zero = tn_scalar_tensor(1);
    CHECK(!tn_view(x, (4, 2)));
    CHECK_ERROR(TN_ERR_SHAPE, "shape '[4, 2]' is invalid for input of size 6");
    CHECK(!tn_view(tn_t(x), 6));
    CHECK_ERROR(
        TN_ERR_SHAPE,
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
        "subspaces). Use .reshape(...) instead.");
    CHECK(!tn_reshape(x, (-1, -1)));
    CHECK_ERROR(TN_ERR_SHAPE, "only one dimension can be inferred");
    CHECK(!tn_flatten(x, 1, 0));
    CHECK_ERROR(TN_ERR_RUNTIME, "flatten() has invalid args: start_dim cannot come after end_dim");
    CHECK(!tn_transpose(x, 0, 2));
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    CHECK(!tn_t(tn_ones((2, 2, 2))));
    CHECK_ERROR(TN_ERR_RUNTIME, "t() expects a tensor with <= 2 dimensions, but self is 3D");
    CHECK(!tn_permute(x, (0, 0)));
    CHECK_ERROR(TN_ERR_RUNTIME, "duplicate dims are not allowed.");
    CHECK(!tn_permute(x, 0));
    CHECK_ERROR(TN_ERR_SHAPE, "input.dim() = 2 is not equal to len(dims) = 1");
    CHECK(!tn_expand(x, (2, 4)));
    CHECK_ERROR(TN_ERR_SHAPE,
                "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  Target sizes: "
                "[2, 4].  "
                "Tensor sizes: [2, 3]");
    CHECK(!tn_expand(x, 3));
    CHECK_ERROR(TN_ERR_SHAPE,
                "the number of sizes provided (1) must be greater or equal to the number of dimensions in the tensor (2)");
    CHECK(!tn_expand(x, (-1, 2, 3)));
    CHECK_ERROR(TN_ERR_SHAPE, "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension 0");
    CHECK(!tn_unsqueeze(x, 3));
    CHECK_ERROR(TN_ERR_INDEX, "expected to be in range of [-3, 2], but got 3");
    CHECK(!tn_squeeze(x, 2));
    CHECK_ERROR(TN_ERR_INDEX, "expected to be in range of [-2, 1], but got 2");
    CHECK(!tn_view(NULL, 3));
    CHECK_ERROR(TN_ERR_TYPE, "view: argument 'self' is NULL");
    CHECK(!tn_expand(zero, (-2)));
    CHECK_ERROR(TN_ERR_SHAPE, "(-2)");
}

static void slice_errors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2, 3)), *zero = tn_scalar_tensor(1);
    CHECK(!tn_select(x, 1, 3));
    CHECK_ERROR(TN_ERR_INDEX, "index 3 is out of bounds for dimension 1 with size 3");
    CHECK(!tn_select(zero, 0, 0));
    CHECK_ERROR(TN_ERR_INDEX, "select() cannot be applied to a 0-dim tensor.");
    CHECK(!tn_narrow(tn_ones(4), 0, 2, 3));
    CHECK_ERROR(TN_ERR_RUNTIME, "start (2) + length (3) exceeds dimension size (4).");
    CHECK(!tn_narrow(x, 0, 5, 1));
    CHECK_ERROR(TN_ERR_INDEX, "start out of range (expected to be in range of [-2, 2], but got 5)");
    CHECK(!tn_narrow(x, 0, 0, -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "narrow(): length must be non-negative.");
    CHECK(!tn_narrow(zero, 0, 0, 1));
    CHECK_ERROR(TN_ERR_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    CHECK(!tn_slice(x, 0, 0, 2, -1));
    CHECK_ERROR(TN_ERR_VALUE, "step must be greater than zero");
    CHECK(!tn_slice(zero, 0, 0, 1, 1));
    CHECK_ERROR(TN_ERR_INDEX, "slice() cannot be applied to a 0-dim tensor.");
    CHECK(!tn_as_strided(x, (2, 2), 1, 0));
    CHECK_ERROR(TN_ERR_RUNTIME, "mismatch in length of strides and shape");
    CHECK(!tn_as_strided(x, 20, 1, 0));
    CHECK_ERROR(TN_ERR_SHAPE, "out of bounds for storage of 24 bytes");
    CHECK(!tn_as_strided(x, 2, -1, 3));
    CHECK_ERROR(TN_ERR_RUNTIME, "negative");
    CHECK(!tn_as_strided(x, 2, 1, -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "storage_offset");
    CHECK(!tn_as_strided(x, (2, 2), (INT64_MAX, 1), 0));
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
}

static void joins(void) {
    TN_SCOPE;
    tn_tensor *x = ramp(2, 2), *y = ramp(1, 2), *none = tn_zeros(0);
    CHECK_VALUES(tn_cat(TN_TENSORS(x, y)), 0, 1, 2, 3, 0, 1);
    CHECK_VALUES(tn_cat(TN_TENSORS(tn_t(x), x, tn_narrow(x, 1, 1, 1)), .dim = 1), 0, 2, 0, 1, 1, 1, 3, 2, 3, 3);
    CHECK_VALUES(tn_cat(TN_TENSORS(none, x), -1), 0, 1, 2, 3);
    CHECK_SHAPE(tn_cat(TN_TENSORS(none, none)), 0, (0), (1));
    CHECK_EQ_INT(tn_get_dtype(tn_cat(TN_TENSORS(tn_tensor((2), 1, 2), tn_tensor((1), 0.5)))), TN_FLOAT32);
    CHECK_EQ_INT(tn_get_dtype(tn_cat(TN_TENSORS(tn_zeros(0, .dtype = TN_FLOAT64), tn_ones((2, 2))))), TN_FLOAT64);
    CHECK_VALUES(tn_stack(TN_TENSORS(x, tn_t(x))), 0, 1, 2, 3, 0, 2, 1, 3);
    CHECK_VALUES(tn_stack(TN_TENSORS(x, tn_t(x)), -1), 0, 0, 1, 2, 2, 1, 3, 3);
    CHECK_VALUES(tn_stack(TN_TENSORS(tn_scalar_tensor(1), tn_scalar_tensor(2))), 1, 2);
    CHECK_OK();
    CHECK(!tn_cat(TN_TENSORS(x, tn_ones((3, 3))), 1));
    CHECK_ERROR(
        TN_ERR_SHAPE,
        "Sizes of tensors must match except in dimension 1. Expected size 2 but got size 3 for tensor number 1 in the list.");
    CHECK(!tn_cat(TN_TENSORS(x, tn_ones(3))));
    CHECK_ERROR(TN_ERR_SHAPE, "Tensors must have same number of dimensions: got 2 and 1");
    CHECK(!tn_cat(TN_TENSORS(x, tn_scalar_tensor(1))));
    CHECK_ERROR(TN_ERR_RUNTIME, "zero-dimensional tensor (at position 1) cannot be concatenated");
    CHECK(!(tn_cat)(NULL, 0, NULL));
    CHECK_ERROR(TN_ERR_VALUE, "expected a non-empty list of Tensors");
    CHECK(!tn_cat(TN_TENSORS(x, x), 2));
    CHECK_ERROR(TN_ERR_INDEX, "[-2, 1], but got 2");
    CHECK(!tn_cat(TN_TENSORS(x, NULL)));
    CHECK_ERROR(TN_ERR_TYPE, "cat: argument 'tensors' is NULL");
    CHECK(!tn_stack(TN_TENSORS(x, y)));
    CHECK_ERROR(TN_ERR_SHAPE, "stack expects each tensor to be equal size, but got [2, 2] at entry 0 and [1, 2] at entry 1");
    CHECK(!tn_stack(TN_TENSORS(x, x), 3));
    CHECK_ERROR(TN_ERR_INDEX, "[-3, 2], but got 3");
}

static void names(void) {
    TN_SCOPE;
    tn_tensor *x = (tn_randn)(I(2, 3), 2, D);
    CHECK_STR(tn_grad_fn_name(tn_view(x, 6)), "ViewBackward0");
    CHECK_STR(tn_grad_fn_name(tn_reshape(x, 6)), "ViewBackward0");
    CHECK_STR(tn_grad_fn_name(tn_reshape(tn_t(x), 6)), "UnsafeViewBackward0");
    CHECK_STR(tn_grad_fn_name(tn_flatten(x, 0, -1)), "ViewBackward0");
    CHECK_STR(tn_grad_fn_name(tn_t(x)), "TBackward0");
    CHECK_STR(tn_grad_fn_name(tn_transpose(x, 0, 1)), "TransposeBackward0");
    CHECK_STR(tn_grad_fn_name(tn_permute(x, (1, 0))), "PermuteBackward0");
    CHECK_STR(tn_grad_fn_name(tn_select(x, 0, 0)), "SelectBackward0");
    CHECK_STR(tn_grad_fn_name(tn_slice(x, 0, 0, 1, 1)), "SliceBackward0");
    CHECK_STR(tn_grad_fn_name(tn_narrow(x, 0, 0, 1)), "SliceBackward0");
    CHECK_STR(tn_grad_fn_name(tn_expand(x, (2, 2, 3))), "ExpandBackward0");
    CHECK_STR(tn_grad_fn_name(tn_squeeze(x)), "SqueezeBackward0");
    CHECK_STR(tn_grad_fn_name(tn_squeeze(x, 0)), "SqueezeBackward1");
    CHECK_STR(tn_grad_fn_name(tn_unsqueeze(x, 0)), "UnsqueezeBackward0");
    CHECK_STR(tn_grad_fn_name(tn_as_strided(x, 2, 1, 0)), "AsStridedBackward0");
    CHECK_STR(tn_grad_fn_name(tn_cat(TN_TENSORS(x, x))), "CatBackward0");
    CHECK_STR(tn_grad_fn_name(tn_stack(TN_TENSORS(x, x))), "StackBackward0");
}

/* ---- gradients: each function is squared, so that its second derivative is not 0 ---- */

static tn_tensor *view_of(tn_tensor *x, intptr_t which) {
    switch (which) {
    case 0: return tn_view(x, (2, 6));
    case 1: return tn_reshape(tn_t(x), (2, 6));
    case 2: return tn_transpose(x, 0, 1);
    case 3: return tn_permute(tn_view(x, (3, 2, 2)), (-1, 0, 1));
    case 4: return tn_select(x, 1, -2);
    case 5: return tn_slice(x, 1, 1, 4, 2);
    case 6: return tn_narrow(x, 0, 1, 2);
    case 7: return tn_expand(tn_unsqueeze(x, 1), (2, 3, 3, 4));
    case 8: return tn_squeeze(tn_unsqueeze(x, 2));
    case 9: return tn_as_strided(x, (3, 3), (2, 1), 1);                            /* overlaps itself */
    case 10: return tn_as_strided(tn_t(x), (2, 2), (4, 1), 2);                     /* of a transposed tensor */
    case 11: return tn_as_strided(tn_slice(x, 1, 1, 4, 2), (2, 2), (6, 2), 0);     /* of one with holes */
    case 12: return tn_as_strided(tn_expand(tn_select(x, 0, 1), (2, 4)), 3, 1, 1); /* of one whose elements are shared */
    case 13: return tn_flatten(tn_t(x), 0, -1);
    case 14: return tn_as_strided(x, (2, 4), (0, 1), 0);
    case 15: return tn_squeeze(tn_view(x, (1, 12)), 0);
    case 16: return tn_t(x);
    case 17: return tn_slice(x, 0, 2, 1, 1);
    default: return tn_as_strided(x, (), (), 7);
    }
}
static tn_tensor *squared_view(tn_tensor *const *in, size_t n, void *which) {
    (void)n;
    tn_tensor *y = view_of(in[0], (intptr_t)which);
    return y ? tn_mul(y, y) : NULL;
}
static void gradients(void) {
    for (intptr_t which = 0; which <= 18; which++) {
        TN_SCOPE;
        tn_manual_seed((uint64_t)which);
        tn_tensor *x = (tn_randn)(I(3, 4), 2, D);
        if (!CHECK(tn_gradcheck_fn(squared_view, (void *)which, TN_TENSORS(x))))
            printf("  view %d: %s\n", (int)which, tn_error_message());
        tn_clear_error();
        if (!CHECK(tn_gradgradcheck_fn(squared_view, (void *)which, TN_TENSORS(x))))
            printf("  view %d: %s\n", (int)which, tn_error_message());
        tn_clear_error();
    }
}

static tn_tensor *squared_join(tn_tensor *const *in, size_t n, void *which) {
    tn_tensor *y = NULL;
    switch ((intptr_t)which) {
    case 0: y = (tn_cat)(in, n, NULL); break;
    case 1: y = tn_cat(TN_TENSORS(tn_ones((3, 2)), in[0], tn_zeros(0), in[1]), 1); break;
    case 2: y = (tn_stack)(in, n, NULL); break;
    default: y = tn_stack(TN_TENSORS(in[1], tn_ones((3, 4)), in[0]), -1);
    }
    return y ? tn_mul(y, y) : NULL;
}
static void join_gradients(void) {
    for (intptr_t which = 0; which < 4; which++) {
        TN_SCOPE;
        tn_tensor *x = (tn_randn)(I(3, 4), 2, D), *y = (tn_randn)(I(3, 4), 2, D);
        CHECK(tn_gradcheck_fn(squared_join, (void *)which, TN_TENSORS(x, y)));
        CHECK(tn_gradgradcheck_fn(squared_join, (void *)which, TN_TENSORS(x, y)));
        CHECK_OK();
    }
}

/* A skipped input gets a gradient of its own shape; as_strided of shared elements deals out the gradient as torch does. */
static void gradient_values(void) {
    TN_SCOPE;
    tn_tensor *none = tn_zeros(0, .requires_grad = true), *x = tn_ones((2, 2), .requires_grad = true);
    tn_backward(tn_sum(tn_cat(TN_TENSORS(none, x))));
    CHECK_SHAPE(tn_grad(none), 0, (0), (1));
    CHECK_VALUES(tn_grad(x), 1, 1, 1, 1);
    tn_tensor *y = tn_ones(4, .requires_grad = true);
    tn_backward(tn_sum(tn_as_strided(y, (3, 2), (1, 1), 0)));
    CHECK_VALUES(tn_grad(y), 1, 2, 2, 1);
    CHECK_OK();
}

/* A write through a view reaches the base, and its history. */
static void written_views(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2, 3), .requires_grad = true), *y = tn_mul(x, 1.0), *row = tn_select(y, 0, 0);
    tn_mul_(row, 3.0);
    CHECK_VALUES(y, 3, 3, 3, 1, 1, 1);
    tn_mul_(tn_t(y), 2.0);
    CHECK_STR(tn_grad_fn_name(row), "AsStridedBackward0");
    tn_backward(tn_sum(y));
    CHECK_VALUES(tn_grad(x), 6, 6, 6, 2, 2, 2);
    CHECK_OK();
}

static void nothing_leaks(void) {
    size_t before = live_objects();
    gradients();
    join_gradients();
    written_views();
    view_errors();
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    RUN(shapes);
    RUN(small_shapes);
    RUN(view_errors);
    RUN(slice_errors);
    RUN(joins);
    RUN(names);
    RUN(gradients);
    RUN(join_gradients);
    RUN(gradient_values);
    RUN(written_views);
    RUN(nothing_leaks);
    return test_end();
}
