/* Bad input: a clear error, nothing changed, no crash. The comments give the rule that each case comes from. */
#include "support.h"
#include <stdlib.h>

static tn_tensor *iota(int64_t n) { return tn_arange(n, .dtype = TN_FLOAT32); }

/* sizes that are negative, overflow, or hide an overflow behind a 0 */
static void sizes(void) {
    CHECK(tn_zeros((2, -3)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "size[1] = -3");
    CHECK(tn_ones((1LL << 31, 1LL << 31, 1LL << 31)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "overflow");
    CHECK(tn_empty((0, 1LL << 62, 1LL << 62)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "overflow");
#ifndef __SANITIZE_ADDRESS__ /* whose allocator ends the program at such a size */
    CHECK(tn_empty(1LL << 50) == NULL);
    CHECK_ERROR(TN_ERR_MEMORY, "could not allocate");
#endif
    CHECK(tn_numel(tn_zeros((0, 3))) == 0 && tn_ndim(tn_zeros(())) == 0);
    int64_t many[70] = {0};
    CHECK((tn_zeros)(many, 70, NULL) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "at most 64");
    CHECK(tn_reshape(iota(6), (-1, -1)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "only one dimension can be inferred");
    CHECK(tn_reshape(iota(6), (4, -1)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "shape '[4, -1]' is invalid for input of size 6");
    CHECK(tn_reshape(iota(6), (2, -3)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "-3");
}

/* views that leave the storage */
static void geometry(void) {
    tn_tensor *x = iota(6);
    CHECK(tn_as_strided(x, (3, 3), (2, 1), 0) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "out of bounds for storage of 24 bytes");
    CHECK(tn_as_strided(x, (2), (-1), 3) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "must not be negative");
    CHECK(tn_as_strided(x, (2), (1), -1) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "must not be negative");
    CHECK(tn_as_strided(x, (3, 3), (INT64_MAX / 2, INT64_MAX / 2), 0) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
    char bytes[64];
    CHECK(tn_from_blob((3), TN_FLOAT32, bytes + 1, NULL) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "not aligned");
    CHECK(tn_from_blob((3), TN_FLOAT32, NULL, NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'data' is NULL");
    CHECK(tn_from_blob((3), (tn_dtype)77, bytes, NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "77");
    CHECK(tn_from_blob((3), TN_COMPLEX32, bytes, NULL) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "complex32");
    uint8_t flags[4] = {0, 1, 2, 255};
    tn_tensor *b = tn_from_blob(4, TN_BOOL, flags, NULL);
    CHECK(tn_item(tn_sum(b)) == 3);
}

static void dims(void) {
    tn_tensor *x = tn_ones((2, 3));
    CHECK(tn_sum(x, 2) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    CHECK(tn_add(x, tn_ones(4)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1");
    CHECK(tn_permute(x, (0, 0)) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, NULL);
    CHECK(tn_select(x, 0, 2) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 2 is out of bounds for dimension 0 with size 2");
    CHECK(tn_narrow(x, 1, 2, 5) == NULL);
    CHECK_ERROR(tn_error(), NULL);
    CHECK(tn_size(x, 5) == 0);
    CHECK_ERROR(TN_ERR_INDEX, "out of range");
}

/* products, convolutions and pools of impossible shapes */
static void products(void) {
    tn_tensor *x = tn_ones((1, 2, 4, 4)), *w = tn_ones((3, 2, 3, 3));
    CHECK(tn_matmul(tn_ones((2, 3)), tn_ones((4, 5))) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)");
    CHECK(tn_matmul(tn_ones((2, 3)), tn_ones((3, 2), .dtype = TN_FLOAT64)) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "float32 != float64");
    CHECK(tn_matmul(tn_ones(()), tn_ones(3)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "at least 1D");
    CHECK(tn_linear(tn_ones((2, 3)), tn_ones((5, 4)), NULL) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "(2x3 and 4x5)");
    CHECK(tn_conv2d(x, w, NULL, .stride = 0) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "non-positive stride");
    CHECK(tn_conv2d(x, w, NULL, .groups = 0) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "groups");
    CHECK(tn_conv2d(x, w, NULL, .padding = 1LL << 61) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "below 2^31");
    CHECK(tn_conv2d(x, w, NULL, .dilation = 3) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "Kernel size can't be greater than actual input size");
    CHECK(tn_conv2d(tn_ones((1, 3, 4, 4)), w, NULL) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "to have 2 channels, but got 3 channels instead");
    CHECK(tn_conv2d(x, w, tn_ones(4)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "expected bias to be 1-dimensional with 3 elements");
    CHECK(tn_max_pool2d(x, 0) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "kernel size should be greater than zero");
    CHECK(tn_max_pool2d(x, 2, .padding = 2) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "pad should be at most half");
    CHECK(tn_max_pool2d(x, 9) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "too small");
}

static void empty_and_scalar(void) {
    CHECK(tn_item(tn_sum(tn_zeros(0))) == 0 && isnan(tn_item(tn_mean(tn_zeros(0)))));
    CHECK(tn_max(tn_zeros(0)) == NULL);
    CHECK_ERROR(tn_error(), "max");
    CHECK(tn_argmax(tn_zeros(0)) == NULL);
    CHECK_ERROR(tn_error(), "argmax");
    CHECK(isnan(tn_item(tn_zeros(2))));
    CHECK_ERROR(TN_ERR_RUNTIME, "a Tensor with 2 elements cannot be converted to Scalar");
    float two[2];
    CHECK(!tn_copy_to(tn_zeros(3), two, sizeof two));
    CHECK_ERROR(TN_ERR_VALUE, "takes 12 bytes, but room for 8 was given");
}

static void indices(void) {
    tn_tensor *logits = tn_zeros((2, 3));
    CHECK(tn_cross_entropy(logits, tn_tensor(2, 0, 7)) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "Target 7 is out of bounds.");
    CHECK(tn_cross_entropy(logits, tn_tensor(2, 0, -1)) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "Target -1 is out of bounds.");
    CHECK(tn_cross_entropy(logits, tn_tensor(3, 0, 1, 2)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Expected input batch_size (2) to match target batch_size (3).");
    CHECK(tn_cross_entropy(logits, tn_tensor(2, 0.5, 1)) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, NULL);
}

static void dtypes(void) {
    tn_tensor *i = tn_ones(2, .dtype = TN_INT64), *f = tn_ones(2);
    CHECK(tn_get_dtype(tn_add(i, f)) == TN_FLOAT32 && tn_get_dtype(tn_mul(i, 0.5)) == TN_FLOAT32 &&
          tn_get_dtype(tn_mul(i, 2)) == TN_INT64);
    CHECK(tn_add_(i, f) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "result type Float can't be cast to the desired output type Long");
    CHECK(tn_item(tn_sum(i)) == 2);
    CHECK(tn_div_(i, 2) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "can't be cast");
    CHECK(tn_softmax(i, 0) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Long");
    CHECK(tn_add_(tn_ones(2), tn_ones((2, 2))) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "doesn't match the broadcast shape");
    CHECK(tn_add_(tn_expand(tn_ones(1), (3)), 1) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "more than one element of the written-to tensor refers to a single memory location");
    CHECK(tn_data_f32(i) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "expected a tensor of torch.float32 but got torch.int64");
    CHECK(tn_zeros(2, .dtype = TN_COMPLEX32) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "complex32");
    CHECK(tn_add(tn_zeros(2, .dtype = TN_FLOAT8_E5M2), 1) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "float8");
    CHECK(tn_sub(tn_ones(2, .dtype = TN_BOOL), tn_ones(2, .dtype = TN_BOOL)) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "two bool tensors is not supported");
    CHECK(tn_item_int(tn_to(tn_tensor(1, NAN), TN_INT64)) == INT64_MIN);
}

static void optimizers(void) {
    tn_tensor *w = tn_parameter(tn_ones(2)), *list[2] = {w, w};
    CHECK(tn_optim_sgd(tn_tensors_new(NULL, 0)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "optimizer got an empty parameter list");
    CHECK(tn_optim_adam(tn_tensors_new(list, 1), .lr = -1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate");
    CHECK(tn_optim_adam(tn_tensors_new(list, 1), .lr = NAN) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid learning rate");
    CHECK(tn_optim_adamw(tn_tensors_new(list, 1), .betas = {1.0, 0.9}) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Invalid beta parameter at index 0");
    tn_tensor *product = tn_mul(w, 2);
    CHECK(tn_optim_sgd(tn_tensors_new(&product, 1)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "can't optimize a non-leaf Tensor");
    tn_optim *opt = tn_optim_sgd(tn_tensors_new(list, 1), .lr = 0.5);
    CHECK(tn_optim_step(opt)); /* without a gradient: nothing to do */
    CHECK(tn_item(tn_sum(w)) == 2);
    CHECK_OK();
}

typedef struct {
    tn_module module;
    tn_tensor *weight;
} holder;
static tn_tensor *holder_forward(holder *self, tn_tensor *x) { return tn_mul(x, self->weight); }
TN_CLASS(holder, holder_forward, weight);

static void a_replaced_parameter_is_reported(void) {
    holder *m = tn_new(holder);
    m->weight = tn_parameter(tn_ones(2));
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.5);
    tn_tensor *kept = tn_keep(m->weight);
    m->weight = tn_parameter(tn_ones(2));
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "replaced");
    tn_free(kept);
    tn_free(opt);
    opt = tn_optim_sgd(tn_parameters(m), .lr = 0.5);
    tn_backward(tn_sum(tn_forward(m, tn_ones(2))));
    kept = tn_keep(m->weight);
    tn_free(m); /* the module goes, its parameter stays with the optimizer */
    CHECK(tn_optim_step(opt) && tn_item(tn_sum(kept)) == 1);
    CHECK_OK();
    tn_free(kept);
}

/* the latch: after a failure nothing is made or changed, reading goes on */
static void the_latch(void) {
    tn_tensor *x = tn_ones(2), *w = tn_parameter(tn_ones(2)), *loss = tn_sum(w);
    CHECK(tn_reshape(x, (3)) == NULL);
    char first[200];
    snprintf(first, sizeof first, "%s", tn_error_message());
    CHECK(tn_add(x, x) == NULL && tn_ones(2) == NULL && tn_add_(x, 1) == NULL && !tn_backward(loss) && tn_parameter(x) == NULL);
    CHECK_STR(tn_error_message(), first);
    CHECK(tn_size(x, 0) == 2 && tn_data_f32(x)[0] == 1 && tn_numel(w) == 2 && strstr(tn_to_string(x), "tensor") != NULL);
    CHECK(tn_keep(x) == x && tn_free(x));
    holder *m = tn_new(holder); /* a constructor's assignments never meet NULL */
    CHECK(m != NULL);
    tn_saved_error aside;
    tn_error_take(&aside);
    CHECK(tn_error() == TN_OK && tn_add(x, x) != NULL);
    tn_error_put(&aside);
    CHECK_STR(tn_error_message(), first);
    tn_clear_error();
    CHECK(tn_item(tn_sum(x)) == 2 && tn_grad(w) == NULL);
    CHECK(!tn_raise(TN_ERR_VALUE, "%s", "%n of the program") && strcmp(tn_error_message(), "%n of the program") == 0);
    tn_clear_error();
    char *long_text = malloc(1 << 20);
    memset(long_text, 'a', (1 << 20) - 1);
    long_text[(1 << 20) - 1] = 0;
    CHECK(!tn_raise(TN_ERR_VALUE, "%s", long_text) && strlen(tn_error_message()) > 1000);
    tn_clear_error();
    free(long_text);
}

/* every function that takes a tensor refuses NULL and a stale handle */
static void null_and_stale_handles(void) {
    tn_tensor *good = tn_ones((2, 2)), *dead = tn_ones(2);
    tn_free(dead); /* nothing is made below, so its slot is not used again */
    tn_tensor *bad[2] = {NULL, dead};
    tn_tensor *(*const unary[])(tn_tensor *) = {tn_neg,  tn_abs,    tn_exp, tn_log,   tn_sqrt,  tn_tanh,    tn_sigmoid,
                                                tn_relu, tn_detach, tn_t,   tn_zero_, tn_relu_, tn_random_, tn_bernoulli};
    tn_tensor *(*const formatted[])(tn_tensor *, const tn_memory_format_opts *) = {tn_clone, tn_contiguous};
    tn_tensor *(*const like[])(tn_tensor *, const tn_to_opts *) = {tn_empty_like, tn_zeros_like, tn_ones_like, tn_rand_like};
    tn_tensor *(*const binary[])(tn_tensor *, tn_tensor *) = {(tn_mul), (tn_fmod), (tn_mul_), tn_matmul, tn_mm,
                                                              tn_bmm,   (tn_pow),  (tn_eq),   (tn_lt),   tn_copy_};
    for (int b = 0; b < 2; b++) {
        tn_status status = b ? TN_ERR_HANDLE : TN_ERR_TYPE;
        for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) {
            CHECK(unary[i](bad[b]) == NULL);
            CHECK_ERROR(status, b ? "not alive" : "NULL");
        }
        for (size_t i = 0; i < sizeof formatted / sizeof *formatted; i++) {
            CHECK(formatted[i](bad[b], NULL) == NULL);
            CHECK_ERROR(status, b ? "not alive" : "NULL");
        }
        for (size_t i = 0; i < sizeof like / sizeof *like; i++) {
            CHECK(like[i](bad[b], NULL) == NULL);
            CHECK_ERROR(status, b ? "not alive" : "NULL");
        }
        for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
            for (int side = 0; side < 2; side++) {
                CHECK(binary[i](side ? good : bad[b], side ? bad[b] : good) == NULL);
                CHECK_ERROR(status, b ? "not alive" : "NULL");
            }
        CHECK((tn_sum)(bad[b], NULL) == NULL);
        CHECK_ERROR(status, NULL);
        CHECK(!(tn_backward)(bad[b], NULL));
        CHECK_ERROR(status, NULL);
        CHECK(tn_numel(bad[b]) == 0 && tn_data(bad[b]) == NULL);
        CHECK_ERROR(status, NULL);
        CHECK(b == 0 || tn_parameter(bad[b]) == NULL); /* NULL stands for None there */
        if (b) CHECK_ERROR(status, NULL);
        CHECK((tn_forward)((tn_module *)(void *)bad[b], NULL, 0) == NULL);
        CHECK_ERROR(status, NULL);
        CHECK((tn_parameters)((tn_module *)(void *)bad[b]) == NULL);
        CHECK_ERROR(status, NULL);
        CHECK(tn_tensors_count((tn_tensors *)(void *)bad[b]) == 0);
        CHECK_ERROR(status, NULL);
        CHECK(!tn_optim_step((tn_optim *)(void *)bad[b]));
        CHECK_ERROR(status, NULL);
    }
}

/* an options struct of another build: a field that the caller does not know has its default */
static void older_options(void) {
    tn_sum_opts opts = {.size = offsetof(tn_sum_opts, keepdim), .dim = 0, .keepdim = true, .dtype = TN_FLOAT64};
    tn_tensor *y = (tn_sum)(tn_ones((2, 3)), &opts);
    CHECK(tn_ndim(y) == 1 && tn_get_dtype(y) == TN_FLOAT32);
    CHECK_OK();
}

int main(void) {
    RUN(sizes);
    RUN(geometry);
    RUN(dims);
    RUN(products);
    RUN(empty_and_scalar);
    RUN(indices);
    RUN(dtypes);
    RUN(optimizers);
    RUN(a_replaced_parameter_is_reported);
    RUN(the_latch);
    RUN(null_and_stale_handles);
    RUN(older_options);
    return test_end();
}
