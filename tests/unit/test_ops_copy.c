/* tests/unit/test_ops_copy.c - clone, detach, to, contiguous, copy_, fill_, zero_, equal, allclose. Texts are PyTorch's. */
#include "support.h"

#define SHOWS(x, text) CHECK_STR(tn_to_string(x), text)

static tn_tensor *ramp(void) { return tn_tensor((2, 3), 0.f, 1, 2, 3, 4, 5); }

static tn_tensor *leaf(void) { return tn_requires_grad_(ramp(), true); }

static void clones(void) {
    TN_SCOPE;
    tn_tensor *x = leaf(), *y = tn_clone(x), *turned = tn_clone(tn_t(x));
    SHOWS(y, "tensor([[0., 1., 2.],\n        [3., 4., 5.]], grad_fn=<CloneBackward0>)");
    CHECK(tn_data(x) != tn_data(y));
    CHECK_EQ_INT(tn_stride(turned, 0), 1);
    CHECK_EQ_INT(tn_stride(turned, 1), 3);
    CHECK(tn_is_contiguous(tn_clone(tn_expand(tn_ones((2, 1)), (2, 3)))));
    CHECK_EQ_INT(tn_numel(tn_clone(tn_zeros((0, 3)))), 0);
    SHOWS(tn_clone(tn_tensor((), 2.5)), "tensor(2.5000)");
    CHECK(tn_backward(tn_sum(tn_mul(turned, 3))));
    SHOWS(tn_grad(x), "tensor([[3., 3., 3.],\n        [3., 3., 3.]])");
    CHECK_OK();
}

static void contiguous(void) {
    TN_SCOPE;
    tn_tensor *x = leaf(), *y = tn_contiguous(tn_t(x));
    CHECK(tn_contiguous(x) == x);
    SHOWS(y, "tensor([[0., 3.],\n        [1., 4.],\n        [2., 5.]], grad_fn=<CloneBackward0>)");
    CHECK(tn_is_contiguous(y));
    CHECK(tn_contiguous(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
}

static void detached(void) {
    TN_SCOPE;
    tn_tensor *x = tn_mul(leaf(), 2), *y = tn_detach(x);
    CHECK(!tn_requires_grad(y) && tn_is_leaf(y));
    CHECK(tn_data(y) == tn_data(x));
    uint32_t before = tn_version_counter(x);
    tn_fill_(y, 7);
    CHECK_EQ_INT(tn_version_counter(x), before + 1);
    CHECK_EQ_INT(tn_item(tn_select(tn_select(x, 0, 1), 0, 2)), 7);
    CHECK_OK();
}

static void converted(void) {
    TN_SCOPE;
    tn_tensor *x = leaf(), *y = tn_to(x, TN_FLOAT64);
    CHECK(tn_to(x, TN_FLOAT32) == x);
    CHECK_STR(tn_grad_fn_name(y), "ToCopyBackward0");
    CHECK_EQ_INT(tn_stride(tn_to(tn_t(x), TN_FLOAT64), 1), 3);
    CHECK(tn_backward(tn_sum(tn_mul(y, y))));
    CHECK_EQ_INT(tn_get_dtype(tn_grad(x)), TN_FLOAT32);
    SHOWS(tn_grad(x), "tensor([[ 0.,  2.,  4.],\n        [ 6.,  8., 10.]])");
    SHOWS(tn_to(tn_tensor((4), -1.7, 2.9, 300, 0.4), TN_INT64), "tensor([ -1,   2, 300,   0])");
    SHOWS(tn_to(tn_tensor((3), 0.4, 0, -2.), TN_BOOL), "tensor([ True, False,  True])");
    SHOWS(tn_to(tn_tensor((3), 257, -1, 3), TN_UINT8), "tensor([  1, 255,   3], dtype=torch.uint8)");
    CHECK(tn_to(x, TN_COMPLEX32) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "complex32");
}

static void copied_in(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3)), *y = leaf();
    CHECK(tn_copy_(x, tn_tensor((3), 1, 2, 3)) == x);
    SHOWS(x, "tensor([[1., 2., 3.],\n        [1., 2., 3.]])");
    CHECK_EQ_INT(tn_version_counter(x), 1);
    tn_copy_(tn_t(x), tn_tensor((), 9.5));
    SHOWS(x, "tensor([[9.5000, 9.5000, 9.5000],\n        [9.5000, 9.5000, 9.5000]])");
    tn_tensor *row = tn_requires_grad_(tn_to(tn_tensor((3), 1, 2, 3), TN_FLOAT64), true), *z = tn_mul(y, 1);
    tn_copy_(z, row);
    CHECK_STR(tn_grad_fn_name(z), "CopyBackwards");
    CHECK(tn_backward(tn_sum(z)));
    SHOWS(tn_grad(row), "tensor([2., 2., 2.], dtype=torch.float64)");
    SHOWS(tn_grad(y), "tensor([[0., 0., 0.],\n        [0., 0., 0.]])");
    tn_tensor *square = tn_view(tn_arange(9), (3, 3));
    tn_copy_(square, tn_t(square));
    SHOWS(square, "tensor([[0, 3, 6],\n        [1, 4, 7],\n        [2, 5, 8]])");
    tn_copy_(tn_zeros((0, 3)), tn_zeros((1, 3)));
    CHECK_OK();
}

static void copies_refused(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros(3);
    CHECK(tn_copy_(x, tn_zeros(2)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0");
    CHECK(tn_copy_(x, tn_zeros((1, 3))) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "output with shape [3] doesn't match the broadcast shape [1, 3]");
    CHECK(tn_copy_(tn_expand(tn_zeros(1), 3), x) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "more than one element of the written-to tensor");
    CHECK(tn_copy_(leaf(), ramp()) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "a leaf Variable that requires grad");
    CHECK_EQ_INT(tn_version_counter(x), 0);
}

static void filled(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3)), *value = tn_requires_grad_(tn_tensor((), 2.0), true), *y = tn_mul(leaf(), 1);
    CHECK(tn_fill_(x, 1.5) == x);
    tn_fill_(tn_select(x, 1, 1), 4);
    SHOWS(x, "tensor([[1.5000, 4.0000, 1.5000],\n        [1.5000, 4.0000, 1.5000]])");
    CHECK_STR(tn_grad_fn_name(tn_fill_(tn_mul(leaf(), 1), 2)), "FillBackward2");
    tn_fill_(y, value);
    CHECK_STR(tn_grad_fn_name(y), "FillBackward3");
    CHECK(tn_backward(tn_sum(y)));
    SHOWS(tn_grad(value), "tensor(6.)");
    SHOWS(tn_fill_(tn_zeros(2, .dtype = TN_UINT8), -1), "tensor([255, 255], dtype=torch.uint8)");
    SHOWS(tn_fill_(tn_zeros(2, .dtype = TN_UINT8), tn_tensor((), 300)), "tensor([44, 44], dtype=torch.uint8)");
    SHOWS(tn_fill_(tn_zeros(2, .dtype = TN_INT64), 2.7), "tensor([2, 2])");
    SHOWS(tn_fill_(tn_zeros(2, .dtype = TN_BOOL), 0.5), "tensor([True, True])");
    SHOWS(tn_fill_(tn_zeros(1, .dtype = TN_INT64), INT64_MAX), "tensor([9223372036854775807])");
    CHECK_OK();
    CHECK(tn_fill_(x, tn_zeros(1)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions.");
    CHECK(tn_fill_(tn_zeros(2, .dtype = TN_UINT8), 300) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "without overflow");
    CHECK(tn_fill_(tn_zeros(2, .dtype = TN_INT64), (double)NAN) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "without overflow");
}

static void zeroed(void) {
    TN_SCOPE;
    tn_tensor *x = leaf(), *y = tn_mul(x, 2), *part = ramp();
    CHECK_STR(tn_grad_fn_name(tn_zero_(y)), "ZeroBackward0");
    CHECK(tn_backward(tn_sum(y)));
    SHOWS(tn_grad(x), "tensor([[0., 0., 0.],\n        [0., 0., 0.]])");
    tn_zero_(tn_select(part, 1, 2));
    SHOWS(part, "tensor([[0., 1., 0.],\n        [3., 4., 0.]])");
    tn_zero_(tn_zeros((0, 2)));
    CHECK_OK();
}

static void equal(void) {
    TN_SCOPE;
    tn_tensor *x = ramp(), *nan = tn_tensor((2), (double)NAN, 1);
    CHECK(tn_equal(x, x));
    CHECK(tn_equal(x, tn_t(tn_contiguous(tn_t(x)))));
    CHECK(tn_equal(tn_t(x), tn_contiguous(tn_t(x))));
    CHECK(tn_equal(x, tn_to(x, TN_INT64)));
    CHECK(tn_equal(tn_expand(tn_ones(1), 4), tn_ones(4)));
    CHECK(!tn_equal(x, tn_view(x, 6)));
    CHECK(!tn_equal(x, tn_add(x, tn_tensor((2, 3), 0, 0, 0, 0, 0, 1))));
    CHECK(!tn_equal(nan, nan));
    CHECK(tn_equal(tn_zeros((0, 3)), tn_zeros((0, 3))));
    CHECK(!tn_equal(tn_zeros((0, 3)), tn_zeros((3, 0))));
    CHECK(tn_equal(tn_tensor((), 3), tn_tensor((), 3.0)));
    tn_tensor *large = tn_arange(100000), *other = tn_clone(large);
    CHECK(tn_equal(large, other));
    tn_fill_(tn_select(other, 0, -1), 0);
    CHECK(!tn_equal(large, other));
    CHECK_OK();
    CHECK(!tn_equal(x, NULL));
    CHECK_ERROR(TN_ERR_TYPE, NULL);
}

static void close_to(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((3), 1.0, 100, -5), *nan = tn_tensor((2), (double)NAN, 1), *inf = tn_tensor((2), (double)INFINITY, 1);
    CHECK(tn_allclose(x, tn_mul(x, 1.000001)));
    CHECK(!tn_allclose(x, tn_mul(x, 1.001)));
    CHECK(tn_allclose(x, tn_mul(x, 1.001), .rtol = 1e-2));
    CHECK(tn_allclose(x, tn_add(x, 0.5), 0, 0.6));
    CHECK(!tn_allclose(nan, nan));
    CHECK(tn_allclose(nan, nan, .equal_nan = true));
    CHECK(tn_allclose(inf, inf));
    CHECK(!tn_allclose(inf, tn_neg(inf), .rtol = 10));
    CHECK(tn_allclose(tn_ones((2, 3)), tn_ones(())) && tn_allclose(tn_ones(3), tn_ones((2, 1))));
    CHECK(tn_allclose(tn_tensor((2), 3, 4), tn_tensor((2), 3, 4)));
    CHECK(!tn_allclose(tn_tensor((2), 3, 4), tn_tensor((2), 3, 5)));
    CHECK(tn_allclose(tn_zeros(0), tn_zeros(0)));
    CHECK_OK();
    CHECK(!tn_allclose(x, tn_to(x, TN_FLOAT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "Float did not match Double");
    CHECK(!tn_allclose(x, tn_ones(2)));
    CHECK_ERROR(TN_ERR_SHAPE, "The size of tensor a (3) must match the size of tensor b (2)");
    CHECK(!tn_allclose(x, x, .rtol = -1));
    CHECK_ERROR(TN_ERR_RUNTIME, "rtol must be greater than or equal to zero");
}

static tn_tensor *through_copies(tn_tensor *const *in, size_t n, void *data) {
    (void)data, (void)n;
    tn_tensor *y = tn_mul(tn_contiguous(tn_t(tn_clone(in[0]))), tn_t(in[0]));
    tn_copy_(tn_select(y, 1, 0), tn_mul(in[1], in[1]));
    return y;
}

static void gradients(void) {
    TN_SCOPE;
    tn_manual_seed(1);
    tn_tensor *in[2] = {tn_randn((2, 3), .dtype = TN_FLOAT64, .requires_grad = true),
                        tn_randn(3, .dtype = TN_FLOAT64, .requires_grad = true)};
    CHECK(tn_gradcheck_fn(through_copies, NULL, in, 2));
    CHECK_OK();
}

static void no_leaks(void) {
    size_t before = live_objects();
    copied_in();
    equal();
    close_to();
    CHECK_EQ_INT(live_objects(), before);
}

/* Ties go to the even neighbour, in both 16-bit floats. */
static void halves_round_to_nearest_even(void) {
    TN_SCOPE;
    const float in[] = {1.0F + 0x1p-8F, 1.0F + 0x3p-8F, 1.0F + 0x1.8p-8F, 1.0F + 0x1p-11F, 1.0F + 0x3p-11F};
    const float bf16[] = {1.0F, 1.0F + 0x1p-6F, 1.0F + 0x1p-7F, 1.0F, 1.0F}, f16[] = {in[0], in[1], in[2], 1.0F, 1.0F + 0x1p-9F};
    for (int i = 0; i < 5; i++) {
        CHECK(tn_item(tn_to(tn_full(1, in[i]), TN_BFLOAT16)) == bf16[i]);
        CHECK(tn_item(tn_to(tn_full(1, in[i]), TN_FLOAT16)) == f16[i]);
    }
}

static bool strides(tn_tensor *x, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t *s = tn_strides(x);
    return s && s[0] == a && s[1] == b && s[2] == c && s[3] == d;
}

#define LAST .memory_format = TN_CHANNELS_LAST
static void formats(void) {
    TN_SCOPE;
    tn_tensor *x = tn_arange(120, .dtype = TN_FLOAT32), *y, *g;
    x = tn_requires_grad_(tn_reshape(x, (2, 3, 4, 5)), true);
    y = tn_to(x, TN_DTYPE_NONE, LAST);
    CHECK(strides(y, 60, 1, 15, 3) && tn_equal(x, y) && !tn_is_contiguous(y) && tn_is_contiguous(y, LAST));
    CHECK(tn_to(y, TN_DTYPE_NONE, LAST) == y && tn_contiguous(y, LAST) == y && tn_contiguous(x) == x &&
          tn_to(x, TN_DTYPE_NONE) == x);
    CHECK(strides(tn_contiguous(y), 60, 20, 5, 1) && strides(tn_to(y, TN_FLOAT64), 60, 1, 15, 3) &&
          strides(tn_clone(y), 60, 1, 15, 3));
    CHECK(strides(tn_to(y, TN_FLOAT64, .memory_format = TN_CONTIGUOUS_FORMAT), 60, 20, 5, 1));
    CHECK(tn_equal(tn_to(y, TN_FLOAT64, .memory_format = TN_PRESERVE_FORMAT), x) && tn_equal(tn_clone(x, LAST), x));
    CHECK(strides(tn_empty_like(x, LAST), 60, 1, 15, 3) && strides(tn_zeros_like(y), 60, 1, 15, 3));
    CHECK(strides(tn_ones_like(y, .memory_format = TN_CONTIGUOUS_FORMAT), 60, 20, 5, 1) &&
          strides(tn_full_like(x, 2, LAST), 60, 1, 15, 3));
    CHECK(strides(tn_rand_like(x, LAST), 60, 1, 15, 3) && strides(tn_randn_like(y), 60, 1, 15, 3));
    CHECK(tn_backward(tn_sum(tn_mul(tn_clone(x, LAST), y))) && (g = tn_grad(x)) && tn_equal(g, tn_mul(tn_detach(x), 2)));
    tn_tensor *thin = tn_ones((2, 1, 4, 5)),
              *turned = tn_to(thin, TN_DTYPE_NONE, LAST); /* both formats fit; to() asks for the strides */
    CHECK(tn_is_contiguous(thin, LAST) && turned != thin && strides(turned, 20, 1, 5, 1) && tn_is_contiguous(turned));
    CHECK(tn_contiguous(thin, LAST) == thin && strides(tn_clone(turned), 20, 1, 5, 1) &&
          strides(tn_clone(thin, LAST), 20, 1, 5, 1));
    tn_tensor *holes = tn_slice(x, 2, 0, 4, 2);
    CHECK(strides(tn_clone(holes), 30, 10, 5, 1) && strides(tn_to(holes, TN_DTYPE_NONE, LAST), 30, 1, 15, 3));
    CHECK(!tn_is_contiguous(tn_ones((0, 3, 4, 5)), LAST) && strides(tn_clone(tn_ones((2, 0, 4, 5)), LAST), 0, 1, 0, 0));
    tn_tensor *deep = tn_clone(tn_ones((2, 3, 4, 5, 6)), .memory_format = TN_CHANNELS_LAST_3D);
    CHECK(tn_stride(deep, 0) == 360 && tn_stride(deep, 1) == 1 && tn_stride(deep, 2) == 90 && tn_stride(deep, 4) == 3);
    CHECK(tn_is_contiguous(deep, .memory_format = TN_CHANNELS_LAST_3D) && !tn_is_contiguous(deep, LAST));
    CHECK(tn_clone(deep, LAST) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "required rank 4 tensor to use channels_last format");
    CHECK(tn_to(x, TN_DTYPE_NONE, .memory_format = TN_CHANNELS_LAST_3D) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "required rank 5 tensor to use channels_last_3d format");
    CHECK(tn_contiguous(y, .memory_format = TN_PRESERVE_FORMAT) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "preserve memory format is unsupported by the contiguous operator");
    CHECK(tn_zeros_like(x, .memory_format = (tn_memory_format)9) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "9 is no memory format");
}

int main(void) {
    RUN(halves_round_to_nearest_even);
    RUN(clones);
    RUN(contiguous);
    RUN(detached);
    RUN(converted);
    RUN(copied_in);
    RUN(copies_refused);
    RUN(filled);
    RUN(zeroed);
    RUN(equal);
    RUN(close_to);
    RUN(gradients);
    RUN(no_leaks);
    RUN(formats);
    return test_end();
}
