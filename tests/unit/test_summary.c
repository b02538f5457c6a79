/* tests/unit/test_summary.c - tn_module_summary. */
#include "support.h"

static tn_nn_sequential *model(void) {
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_linear(30, 40), tn_nn_batch_norm1d(40),
                                           tn_nn_sequential(tn_nn_dropout(), tn_nn_linear(40, 2, .bias = false)));
    tn_module_register_buffer(m, "steps", tn_zeros(1, .dtype = TN_INT64));
    return m;
}

static void what_it_holds(void) {
    TN_SCOPE;
    tn_nn_sequential *m = model();
    const char *text = tn_module_summary(m);
    CHECK(strstr(text, "module  class              trained       size  holds (buffers)\n"));
    CHECK(strstr(text, "model   Sequential                    8 bytes  (steps [1] int64)\n"));
    CHECK(strstr(text, "  0     Linear               1,240     5.0 KB  weight [40, 30], bias [40]\n"));
    CHECK(strstr(text, "    1   Linear                  80  320 bytes  weight [2, 40]\n"));
    CHECK(strstr(text, "1,400 parameters: 1,400 trained, 0 frozen. 82 elements in buffers. 5.9 KB in all.\n"));
    tn_requires_grad_(((tn_nn_linear *)(void *)tn_nn_container_get(m, 0))->bias, false);
    text = tn_module_summary(m, .depth = 0);
    CHECK(strstr(text, "model   Sequential          1,360             40     5.9 KB  (steps [1] int64)\n"));
    CHECK(strstr(text, "1,400 parameters: 1,360 trained, 40 frozen."));
}

static void shared_lazy_and_other_dtypes(void) {
    TN_SCOPE;
    tn_nn_linear *a = tn_nn_linear(3, 3), *b = tn_nn_linear(3, 3);
    b->weight = a->weight;
    tn_module_to(b, TN_FLOAT64);
    tn_nn_sequential *m = tn_nn_sequential(a, b, tn_nn_lazy_linear(2));
    const char *text = tn_module_summary(m);
    CHECK(strstr(text, "weight [3, 3] float64, bias [3]\n") && strstr(text, "weight [3, 3] float64 shared, bias [3] float64\n"));
    CHECK(strstr(text, "LazyLinear") && strstr(text, "weight not yet known, bias not yet known\n"));
    CHECK(strstr(text, "15 parameters:") && strstr(text, "not yet known are not counted.\n"));
}

static void shapes_of_results(void) {
    TN_SCOPE;
    tn_manual_seed(5);
    tn_nn_sequential *m = model();
    tn_nn_container_append(m, tn_nn_lazy_linear(3));
    tn_tensor *x = tn_ones((4, 30)), *mean = tn_get_buffer(m, "1.running_mean");
    tn_manual_seed(5);
    const char *text = tn_module_summary(m, .input = x);
    CHECK(strstr(text, "Sequential   [4, 3]") && strstr(text, "BatchNorm1d  [4, 40]") && strstr(text, "LazyLinear   [4, 3]"));
    CHECK(tn_item(tn_sum(mean)) == 0 && tn_is_training(m) && tn_is_lazy(tn_get_parameter(m, "3.weight")));
    tn_tensor *next = tn_rand(1);
    tn_manual_seed(5);
    CHECK(tn_equal(next, tn_rand(1)));
    tn_tensor *const two[] = {x, x};
    CHECK(tn_module_summary(m, .inputs = two, .ninputs = 2) == NULL);
    CHECK(tn_error() != TN_OK);
    tn_clear_error();
    CHECK(tn_module_summary(m, .input = tn_ones((4, 7))) == NULL); /* what the forward says */
    CHECK_ERROR(TN_ERR_SHAPE, "30");
    CHECK(tn_forward(m, x) != NULL);
}

int main(void) {
    RUN(what_it_holds);
    RUN(shared_lazy_and_other_dtypes);
    RUN(shapes_of_results);
    return test_end();
}
