/* tests/unit/test_ops_loss_pair.c - what the samples of the losses of two tensors do not show: weights, checks of F.*, batchmean. */
#include "support.h"

typedef struct {
    tn_tensor *weight, *positive;
} weights;

static tn_tensor *bce(tn_tensor *const *in, size_t n, void *data) {
    (void)n;
    return tn_binary_cross_entropy(tn_sigmoid(in[0]), tn_sigmoid(in[1]), .weight = ((weights *)data)->weight);
}
static tn_tensor *logits(tn_tensor *const *in, size_t n, void *data) {
    (void)n;
    weights *w = data;
    return tn_binary_cross_entropy_with_logits(in[0], in[1], .weight = w->weight, .pos_weight = w->positive);
}
static tn_tensor *batchmean(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    return tn_kl_div(in[0], tn_sigmoid(in[1]), .reduction = TN_REDUCTION_BATCHMEAN);
}

static void derivatives_with_weights(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_tensor *x = tn_requires_grad_(tn_randn((3, 4), .dtype = TN_FLOAT64), true);
    tn_tensor *t = tn_requires_grad_(tn_randn((3, 4), .dtype = TN_FLOAT64), true), *in[] = {x, t};
    weights none = {NULL, NULL}, some = {tn_rand((3, 1), .dtype = TN_FLOAT64), tn_rand(4, .dtype = TN_FLOAT64)};
    weights *all[] = {&none, &some};
    for (int k = 0; k < 2; k++) {
        CHECK(tn_gradcheck_fn(bce, all[k], in, 2) && tn_gradgradcheck_fn(bce, all[k], in, 2));
        CHECK(tn_gradcheck_fn(logits, all[k], in, 2) && tn_gradgradcheck_fn(logits, all[k], in, 2));
    }
    CHECK(tn_gradcheck_fn(batchmean, NULL, in, 2));
    CHECK_OK();
}

/* The kernel of the derivative, which runs when nothing records, and the formula agree. */
static void both_ways_agree(void) {
    TN_SCOPE;
    tn_manual_seed(4);
    tn_tensor *x = tn_requires_grad_(tn_randn((5, 7)), true), *t = tn_rand((5, 7)), *w = tn_rand(7), *dx, *again;
    tn_tensor *y = tn_binary_cross_entropy_with_logits(x, t, .weight = w);
    dx = tn_autograd_grad(y, x, .retain_graph = true);
    again = tn_autograd_grad(y, x, .create_graph = true);
    CHECK(tn_allclose(dx, again, .rtol = 1e-5, .atol = 1e-8));
    y = tn_binary_cross_entropy(tn_sigmoid(x), t, .weight = w);
    dx = tn_autograd_grad(y, x, .retain_graph = true);
    again = tn_autograd_grad(y, x, .create_graph = true);
    CHECK(tn_allclose(dx, again, .rtol = 1e-5, .atol = 1e-8));
    CHECK_OK();
}

static void extreme_logits(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor(4, 200.0, -200, 0, INFINITY), *t = tn_tensor(4, 1.0, 1, 1, 1);
    tn_tensor *y = tn_binary_cross_entropy_with_logits(x, t, .reduction = TN_REDUCTION_NONE);
    CHECK_NEAR(tn_data_f32(y)[0], 0, 0);
    CHECK_NEAR(tn_data_f32(y)[1], 200, 0);
    CHECK_NEAR(tn_data_f32(y)[2], 0.69314718, 1e-7);
    CHECK_OK();
}

static void shapes_must_be_the_same(void) {
    TN_SCOPE;
    tn_tensor *x = tn_full((2, 3), 0.5), *t = tn_full(3, 0.5);
    CHECK(!tn_binary_cross_entropy(x, t));
    CHECK_ERROR(TN_ERR_VALUE, "Using a target size (torch.Size([3])) that is different to the input size (torch.Size([2, 3])) is");
    CHECK(!tn_binary_cross_entropy_with_logits(x, t));
    CHECK_ERROR(TN_ERR_VALUE, "Target size (torch.Size([3])) must be the same as input size (torch.Size([2, 3]))");
    CHECK(!tn_l1_loss(x, x, (tn_reduction)7));
    CHECK_ERROR(TN_ERR_VALUE, "7 is not a valid value for reduction");
    CHECK(!tn_mse_loss(x, x, TN_REDUCTION_BATCHMEAN));
    CHECK_ERROR(TN_ERR_VALUE, "3 is not a valid value for reduction");
}

int main(void) {
    RUN(derivatives_with_weights);
    RUN(both_ways_agree);
    RUN(extreme_logits);
    RUN(shapes_must_be_the_same);
    return test_end();
}
