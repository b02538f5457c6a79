/* tests/unit/test_ops_norm.c - what the samples of the normalisations do not show: running statistics, checks of F.*, half floats. */
#include "support.h"

static void running_statistics_follow_the_batch(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((2, 2), 1.0, 10, 3, 20), *mean = tn_tensor(2, 1.0, 1), *var = tn_tensor(2, 1.0, 1);
    uint32_t version = tn_version_counter(mean);
    tn_tensor *y = tn_batch_norm(x, mean, var, .training = true, .momentum = 0.25);
    CHECK(y != NULL);
    CHECK_NEAR(tn_data_f32(mean)[0], 0.75 + 0.25 * 2, 1e-6);
    CHECK_NEAR(tn_data_f32(mean)[1], 0.75 + 0.25 * 15, 1e-6);
    CHECK_NEAR(tn_data_f32(var)[0], 0.75 + 0.25 * 2, 1e-6); /* unbiased */
    CHECK_NEAR(tn_data_f32(var)[1], 0.75 + 0.25 * 50, 1e-5);
    CHECK_EQ_INT(tn_version_counter(mean), version);
    CHECK(tn_batch_norm(x, mean, var) != NULL); /* not in training: they stay */
    CHECK_NEAR(tn_data_f32(mean)[0], 1.25, 1e-6);
}

static void a_failed_batch_norm_leaves_the_running_statistics(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((4, 2)), *mean = tn_zeros(2), *var = tn_ones(2), *three = tn_ones(3);
    CHECK(!tn_batch_norm(x, mean, var, .weight = three, .training = true));
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
    CHECK(!tn_batch_norm(x, mean, tn_ones(0), .training = true));
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
    CHECK(!tn_batch_norm(x, mean, NULL, .training = true));
    CHECK_ERROR(TN_ERR_VALUE, NULL);
    CHECK(!tn_batch_norm(x, NULL, NULL));
    CHECK_ERROR(TN_ERR_RUNTIME, NULL);
    CHECK(!tn_batch_norm(tn_ones((1, 2)), mean, var, .training = true));
    CHECK_ERROR(TN_ERR_VALUE, NULL);
    CHECK(!tn_batch_norm(x, tn_requires_grad_(tn_zeros(2), true), var, .training = true));
    CHECK_ERROR(TN_ERR_RUNTIME, NULL);
    CHECK(!tn_batch_norm(NULL, mean, var, .training = true));
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    CHECK_EQ_INT(tn_data_f32(mean)[0], 0);
    CHECK_EQ_INT(tn_data_f32(var)[0], 1);
}

static void instance_norm_keeps_the_mean_of_the_items(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((2, 1, 2), 0.0, 2, 4, 6), *mean = tn_zeros(1), *var = tn_ones(1);
    CHECK(tn_instance_norm(x, .running_mean = mean, .running_var = var) != NULL);
    CHECK_NEAR(tn_data_f32(mean)[0], 0.1 * 3, 1e-6);
    CHECK_NEAR(tn_data_f32(var)[0], 0.9 + 0.1 * 2, 1e-6);
    CHECK(!tn_instance_norm(tn_ones((2, 3, 1))));
    CHECK_ERROR(TN_ERR_VALUE, NULL);
    CHECK(!tn_instance_norm(x, .running_mean = mean));
    CHECK_ERROR(TN_ERR_VALUE, NULL);
}

static void one_value_has_no_statistics(void) {
    TN_SCOPE;
    CHECK(!tn_group_norm(tn_ones((1, 4)), 4));
    CHECK_ERROR(TN_ERR_VALUE, NULL);
    CHECK(tn_group_norm(tn_ones((1, 4)), 2) != NULL);
}

/* Gradients in float16 come from the kernels in float32, rounded once. */
static void gradients_of_half_floats(void) {
    TN_SCOPE;
    tn_manual_seed(1);
    tn_tensor *x = tn_to(tn_randn((6, 64)), TN_FLOAT16), *dy = tn_to(tn_randn((6, 64)), TN_FLOAT16);
    tn_tensor *a = tn_requires_grad_(tn_detach(x), true), *b = tn_requires_grad_(tn_to(x, TN_FLOAT32), true);
    tn_backward(tn_sum(tn_mul(tn_layer_norm(a, (64)), dy), .dtype = TN_FLOAT32));
    tn_backward(tn_sum(tn_mul(tn_layer_norm(b, (64)), tn_to(dy, TN_FLOAT32))));
    CHECK_EQ_INT(tn_get_dtype(tn_grad(a)), TN_FLOAT16);
    CHECK(tn_allclose(tn_to(tn_grad(a), TN_FLOAT32), tn_grad(b), .rtol = 2e-3, .atol = 3e-3));
}

int main(void) {
    RUN(running_statistics_follow_the_batch);
    RUN(a_failed_batch_norm_leaves_the_running_statistics);
    RUN(instance_norm_keeps_the_mean_of_the_items);
    RUN(one_value_has_no_statistics);
    RUN(gradients_of_half_floats);
    return test_end();
}
