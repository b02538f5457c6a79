/* tests/unit/test_meta.c - tensors without memory: making them, modules of them, files, and what is refused. */
#include "support.h"

static const char *text_of(const void *x) { return tn_to_string(x); }

static char warned[4096];
static int warnings;
static void keep_warning(const char *text, void *data) {
    (void)data;
    warnings++;
    snprintf(warned, sizeof warned, "%s", text);
}

static void making(void) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((2, 3), .device = "meta");
    CHECK(tn_is_meta(x) && tn_numel(x) == 6 && tn_stride(x, 0) == 3 && !tn_is_meta(tn_zeros(2, .device = "cpu")));
    CHECK_STR(tn_device(x), "meta");
    CHECK_STR(text_of(x), "tensor(..., device='meta', size=(2, 3))");
    CHECK_STR(text_of(tn_ones((), .dtype = TN_INT64, .device = "meta:0")),
              "tensor(..., device='meta', size=(), dtype=torch.int64)");
    tn_tensor *p = tn_parameter(tn_empty(2, .dtype = TN_FLOAT64, .device = "meta"));
    CHECK_STR(text_of(p), "Parameter containing:\ntensor(..., device='meta', size=(2,), dtype=torch.float64, requires_grad=True)");
    CHECK(tn_is_meta(tn_full(2, 1.5, .device = "meta")) && tn_is_meta(tn_arange(3, .device = "meta")) &&
          tn_is_meta(tn_eye(3, .device = "meta")));
    CHECK(tn_is_meta(tn_arange(3.0, .dtype = TN_FLOAT16, .device = "meta")) && tn_is_meta(tn_linspace(0, 1, 3, .device = "meta")));
    CHECK(tn_is_meta(tn_rand(3, .device = "meta")) && tn_is_meta(tn_randperm(3, .dtype = TN_INT32, .device = "meta")));
    CHECK(tn_is_meta(tn_zeros_like(x)) && tn_is_meta(tn_ones_like(tn_ones(2), .device = "meta")) &&
          !tn_is_meta(tn_ones_like(x, .device = "cpu")));
    CHECK(tn_size(tn_linspace(0, 1, 3, .device = "meta"), 0) == 3 && tn_size(tn_arange(3, .device = "meta"), 0) == 3);
    tn_tensor *huge = tn_randn((1000000, 1000000), .device = "meta"); /* four terabytes, were there memory */
    CHECK(tn_size(tn_mm(huge, tn_t(huge)), 1) == 1000000 && tn_numel(huge) == 1000000000000);
    tn_memory_stats s = {.size = sizeof s};
    tn_memory_get_stats(&s);
    CHECK(s.live_bytes < 1 << 28);
    CHECK_OK();
}

static void names_of_devices(void) {
    TN_SCOPE;
    CHECK(!tn_zeros(1, .device = "xyz"));
    CHECK_ERROR(TN_ERR_RUNTIME, "privateuseone device type at start of device string: xyz");
    CHECK(!tn_zeros(1, .device = "cuda:0"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Tison has the devices cpu and meta, not 'cuda:0'");
    CHECK(!tn_zeros(1, .device = ""));
    CHECK_ERROR(TN_ERR_RUNTIME, "Device string must not be empty");
    CHECK(!tn_zeros(1, .device = "cpu:"));
    CHECK_ERROR(TN_ERR_RUNTIME, "Invalid device string: 'cpu:'");
    CHECK(!tn_set_default_device("meta:x"));
    CHECK_ERROR(TN_ERR_RUNTIME, "Invalid device string: 'meta:x'");
    CHECK_STR(tn_get_default_device(), "cpu");
}

static void default_device(void) {
    TN_SCOPE;
    unsigned char before[TN_RNG_STATE_BYTES], after[TN_RNG_STATE_BYTES];
    tn_tensor *real = tn_ones((2, 2), .requires_grad = true);
    tn_get_rng_state(before, sizeof before);
    CHECK(tn_set_default_device("meta"));
    CHECK_STR(tn_get_default_device(), "meta");
    CHECK(!tn_set_default_device("cuda"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "not 'cuda'");
    CHECK_STR(tn_get_default_device(), "meta");
    tn_nn_linear *l = tn_nn_linear(1000000, 1000000);
    tn_tensor *x = tn_randn((4, 2));
    CHECK(tn_is_meta(l->weight) && tn_is_meta(l->bias) && tn_is_meta(x) && tn_is_meta(tn_tensor((2), 1, 2)));
    CHECK(!tn_is_meta(tn_ones(2, .device = "cpu")) && !tn_is_meta(tn_ones_like(real)));
    tn_tensor *y = tn_sum(tn_std(tn_matmul(real, real), 1)); /* on the CPU, in forward and backward */
    CHECK(y && !tn_is_meta(y) && tn_backward(y) && !tn_is_meta(tn_grad(real)));
    CHECK(tn_set_default_device(NULL));
    CHECK_STR(tn_get_default_device(), "cpu");
    tn_get_rng_state(after, sizeof after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    CHECK_OK();
}

/* All that asks for values. */
static void no_values(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones(2, .device = "meta"), *one = tn_sum(x), *real = tn_ones(2);
    float out[2];
    CHECK(tn_data(x) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Cannot copy out of meta tensor; no data!");
    CHECK(tn_data_f32(x) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_copy_to(x, out, sizeof out));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(isnan(tn_item(one)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor.item() cannot be called on meta tensors");
    CHECK(tn_item_int(one) == 0);
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor.item() cannot be called on meta tensors");
    CHECK(!tn_to(x, TN_DTYPE_NONE, .device = "cpu"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_copy_(real, x));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_nonzero(x));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "nonzero: the result depends on values");
    CHECK(!tn_one_hot(tn_zeros(2, .dtype = TN_INT64, .device = "meta")));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_equal(x, x));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, NULL);
    CHECK(!tn_allclose(x, x));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, NULL);
    CHECK(!tn_to_dlpack(x));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot pack tensors on meta");
    CHECK(!tn_share_memory_(x));
    CHECK_ERROR(TN_ERR_RUNTIME, "only available on CPU");
    CHECK(!tn_save_npy(x, "meta.npy"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    tn_state *s = tn_state_new();
    tn_state_set(s, "x", x);
    CHECK(!tn_save_safetensors(s, "meta.safetensors"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
}

static void mixing(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2, 3), .device = "meta"), *real = tn_ones((2, 3)), *zero = tn_zeros(());
    CHECK(!tn_add(x, real));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device cpu is not on the expected device meta!");
    CHECK(!tn_add(real, x));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device meta is not on the expected device cpu!");
    CHECK(!tn_add_(real, x));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device meta is not on the expected device cpu!");
    CHECK(!tn_fill_(zero, tn_sum(x)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device");
    CHECK(!tn_mm(tn_t(x), real));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device cpu is not on the expected device meta!");
    CHECK(tn_is_meta(tn_add(x, zero)) && tn_is_meta(tn_add(zero, x)) && tn_is_meta(tn_mul(x, 2.5)) &&
          tn_is_meta(tn_copy_(x, real)));
    CHECK(!tn_set_data(real, x));
    CHECK_ERROR(TN_ERR_RUNTIME, "have incompatible tensor type");
    CHECK(!tn_set_grad(real, x));
    CHECK_ERROR(TN_ERR_RUNTIME, "attempting to assign a gradient with device type 'meta' to a tensor with device type 'cpu'");
    CHECK(!tn_backward(tn_mul(x, tn_requires_grad_(tn_ones((2, 3), .device = "meta"), true)), .gradient = real));
    CHECK_ERROR(TN_ERR_RUNTIME, "expected device meta but got cpu");
    tn_tensor *leaf = tn_ones(2, .requires_grad = true);
    CHECK(!tn_backward(tn_sum(tn_to(leaf, TN_FLOAT64, .device = "meta"))));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Cannot copy out of meta tensor; no data!");
    CHECK(tn_grad(leaf) == NULL);
    CHECK_OK();
}

/* ---- modules ---- */

static tn_module *net(void) {
    return TN_AS_MODULE(
        tn_nn_sequential(tn_nn_conv2d(1, 4, 3), tn_nn_batch_norm2d(4), tn_nn_relu(), tn_nn_flatten(), tn_nn_linear(4 * 6 * 6, 10)));
}

static void training(void) {
    TN_SCOPE;
    tn_set_default_device("meta");
    tn_module *m = net();
    tn_optim *sgd = tn_optim_sgd(tn_parameters(m), .lr = 0.1, .momentum = 0.9), *adam = tn_optim_adam(tn_parameters(m));
    tn_tensor *x = tn_randn((8, 1, 8, 8)), *target = tn_randint(0, 10, (8));
    for (int i = 0; i < 2; i++) {
        tn_tensor *loss = tn_cross_entropy(tn_forward(m, x), target);
        CHECK(tn_is_meta(loss) && tn_backward(loss));
        CHECK(tn_is_meta(tn_nn_utils_clip_grad_norm_(tn_parameters(m), 1.0)));
        CHECK(tn_optim_step(sgd) && tn_optim_step(adam) && tn_optim_zero_grad(sgd));
    }
    tn_set_default_device(NULL);
    tn_module *copy = tn_deepcopy(m);
    tn_tensor *w = tn_get_parameter(copy, "4.weight");
    CHECK(w && tn_is_meta(w) && w != tn_get_parameter(m, "4.weight") && tn_size(w, 1) == 144);
    CHECK(tn_check(copy));
    CHECK_OK();
}

static void conversion(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_tensor *w = l->weight;
    tn_backward(tn_sum(tn_forward(l, tn_ones((1, 3)))));
    CHECK(tn_module_to(l, .device = "meta") && l->weight == w && tn_is_meta(w) && tn_is_meta(tn_grad(w)) && tn_is_meta(l->bias));
    CHECK(tn_module_to(l, TN_FLOAT64) && tn_is_meta(w) && tn_get_dtype(w) == TN_FLOAT64);
    CHECK(!tn_module_to(l, .device = "cpu"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED,
                "Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving module from meta");
    CHECK(tn_is_meta(w) && tn_is_meta(l->bias));
    CHECK(tn_module_to_empty(l) && l->weight == w && !tn_is_meta(w) && tn_get_dtype(w) == TN_FLOAT64 && !tn_is_meta(tn_grad(w)));
    CHECK(tn_module_to_empty(l, .device = "meta") && tn_is_meta(w));
    tn_nn_sequential *outer = tn_nn_sequential(l);
    CHECK(tn_module_to_empty(outer, .device = "cpu", .recurse = false) && tn_is_meta(w));
    CHECK(tn_module_to_empty(outer, .device = "cpu") && tn_fill_(tn_detach(w), 1) && tn_item(tn_sum(w)) == 6);
    CHECK_OK();
}

/* Memory that goes away between forward and backward. */
static void converted_between(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_tensor *loss = tn_sum(tn_tanh(tn_forward(l, tn_ones((1, 3), .requires_grad = true))));
    tn_module_to(l, .device = "meta");
    CHECK(!tn_backward(loss));
    CHECK_ERROR(TN_ERR_RUNTIME, "device");
}

static void loading(void) {
    TN_SCOPE;
    tn_set_default_device("meta");
    tn_nn_linear *meta = tn_nn_linear(3, 2);
    tn_set_default_device(NULL);
    tn_nn_linear *real = tn_nn_linear(3, 2);
    tn_set_warning_handler(keep_warning, NULL);
    warnings = 0;
    CHECK(tn_load_state_dict(meta, tn_state_dict(real)) && tn_is_meta(meta->weight) && warnings == 2);
    CHECK_STR(warned,
              "for bias: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which is a "
              "no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding key "
              "in the module instead of copying them in place?)");
    CHECK(!tn_load_state_dict(real, tn_state_dict(meta)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot copy out of meta tensor; no data!");
    CHECK(tn_load_state_dict(meta, tn_state_dict(meta)) && warnings == 2);
    tn_state *wrong = tn_state_dict(tn_nn_linear(4, 2));
    CHECK(!tn_load_state_dict(meta, wrong));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for weight");
    tn_state *s = tn_state_dict(real);
    warnings = 0;
    CHECK(tn_load_state_dict(meta, s, .assign = true) && !tn_is_meta(meta->weight) && tn_requires_grad(meta->weight) &&
          warnings == 0);
    CHECK(tn_equal(tn_forward(meta, tn_ones((1, 3))), tn_forward(real, tn_ones((1, 3)))));
    tn_set_warning_handler(NULL, NULL);
    CHECK_OK();
}

static void lazy(void) {
    TN_SCOPE;
    tn_set_default_device("meta");
    tn_nn_linear *l = tn_nn_lazy_linear(4);
    tn_tensor *y = tn_forward(l, tn_ones((2, 3)));
    tn_set_default_device(NULL);
    CHECK(tn_is_meta(y) && tn_is_meta(l->weight) && tn_size(l->weight, 1) == 3);
    CHECK_OK();
}

/* What is made later is made where the layer is, whatever the default device is by then. */
static void made_later(void) {
    TN_SCOPE;
    tn_set_default_device("meta");
    tn_module *lazy[] = {TN_AS_MODULE(tn_nn_lazy_linear(4)), TN_AS_MODULE(tn_nn_lazy_batch_norm1d())};
    tn_nn_linear *normed = tn_nn_linear(3, 2), *old = tn_nn_linear(3, 2);
    tn_set_default_device(NULL);
    tn_tensor *x = tn_ones((2, 3), .device = "meta");
    for (int i = 0; i < 2; i++) {
        tn_tensor *weight = tn_get_parameter(lazy[i], "weight");
        CHECK(tn_is_meta(tn_forward(lazy[i], x)) && tn_is_meta(weight) && !tn_is_lazy(weight));
    }
    CHECK(tn_nn_utils_parametrizations_spectral_norm(normed) && tn_is_meta(tn_forward(normed, x)));
    CHECK(tn_nn_utils_spectral_norm(old) && tn_is_meta(tn_forward(old, x)));
    CHECK(tn_is_meta(tn_forward(tn_nn_dropout2d(.p = 0.5), x)));
    tn_set_default_device("meta");
    tn_tensor *real = tn_empty((2, 2), .device = "cpu");
    CHECK(tn_nn_init_eye_(real) && tn_item(tn_sum(real)) == 2 && tn_nn_init_orthogonal_(real));
    tn_value *v = tn_value_dict();
    CHECK(v && tn_checkpoint_save("test_meta.ck", .values = v) && tn_checkpoint_load("test_meta.ck"));
    remove("test_meta.ck");
    tn_set_default_device(NULL);
    CHECK_OK();
}

/* Indices may be on the CPU. */
static void indices(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2, 3), .device = "meta", .requires_grad = true), *at = tn_tensor((3), -1, 0, 1), *half;
    tn_tensor *mask = tn_gt(tn_tensor((2), 1, 0), 0), *there = tn_to(at, TN_DTYPE_NONE, .device = "meta");
    tn_tensor *y = tn_index(x, TN_TENSORS(at)), *real = tn_ones((2, 3));
    CHECK(y && tn_is_meta(y) && tn_size(y, 0) == 3 && tn_backward(tn_sum(y)) && tn_is_meta(tn_grad(x)));
    CHECK((y = tn_index(x, TN_TENSORS(mask))) && tn_is_meta(y) && tn_size(y, 0) == 1);
    CHECK(tn_is_meta(tn_index(x, TN_TENSORS(tn_to(at, TN_INT32)))));
    half = tn_zeros((2, 3), .dtype = TN_FLOAT16, .device = "meta");
    CHECK(tn_index_put_(half, TN_TENSORS(at), tn_ones((3), .dtype = TN_FLOAT16, .device = "meta"), .accumulate = true));
    CHECK(tn_is_meta(tn_index_put(tn_detach(x), TN_TENSORS(mask, NULL), tn_ones(()))));
    CHECK(!tn_index_put(tn_detach(x), TN_TENSORS(at), real));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device cpu is not on the expected device meta!");
    CHECK(!tn_index(real, TN_TENSORS(there)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device meta is not on the expected device cpu!");
    CHECK(!tn_index_put_(real, TN_TENSORS(at), tn_ones((), .device = "meta")));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor on device meta is not on the expected device cpu!");
    CHECK_OK();
}

static void files(void) {
    TN_SCOPE;
    tn_nn_linear *l = tn_nn_linear(3, 2);
    tn_module_to(l, .device = "meta");
    CHECK(tn_save_pt(tn_state_dict(l), "test_meta.pt"));
    tn_value *v = tn_load_pt("test_meta.pt");
    remove("test_meta.pt");
    tn_state *s = v ? tn_value_to_state(v) : NULL;
    tn_tensor *w = s ? tn_state_get(s, "weight") : NULL;
    CHECK(w && tn_is_meta(w) && tn_size(w, 0) == 2 && tn_size(w, 1) == 3 && tn_stride(w, 0) == 3);
    CHECK(tn_load_state_dict(l, s));
    CHECK_OK();
}

/* All that a run keeps, without values; a saver copies memory, of which there is none. */
static void checkpoints(void) {
    TN_SCOPE;
    const char *path = "test_meta.ck";
    tn_set_default_device("meta");
    tn_nn_linear *l = tn_nn_linear(3, 2), *other = tn_nn_linear(3, 2);
    tn_set_default_device(NULL);
    tn_optim *opt = tn_optim_adam(tn_parameters(l)), *next = tn_optim_adam(tn_parameters(other));
    CHECK(tn_backward(tn_sum(tn_forward(l, tn_ones((1, 3), .device = "meta")))) && tn_optim_step(opt));
    CHECK(tn_checkpoint_save(path, .model = l, .optim = opt) && tn_checkpoint_load(path, .model = other, .optim = next));
    CHECK(tn_optim_step(next) && tn_is_meta(other->weight));
    tn_saver *saver = tn_saver_new();
    CHECK(tn_checkpoint_save(path, .model = l, .optim = opt, .saver = saver) && tn_saver_wait(saver));
    CHECK(tn_checkpoint_load(path, .model = other, .optim = next));
    CHECK(!tn_checkpoint_save(path, .model = l, .guard = true));
    CHECK_ERROR(TN_ERR_RUNTIME, "Tensor.item() cannot be called on meta tensors");
    CHECK(tn_optim_load_value(next, tn_value_from_optim(opt)) && tn_optim_load_state_dict(next, tn_optim_state_dict(opt)));
    tn_nn_linear *real = tn_nn_linear(3, 2);
    tn_optim *of_real = tn_optim_adam(tn_parameters(real));
    CHECK(!tn_optim_load_state_dict(of_real, tn_optim_state_dict(opt)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_checkpoint_load(path, .optim = of_real));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    remove(path);
    tn_state *s = tn_state_dict(l);
    unsigned char bytes[1024];
    size_t n = tn_save_size(s);
    tn_clear_error();
    CHECK(!tn_save_bytes(s, bytes, n < sizeof bytes ? n : sizeof bytes));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_save_npz(s, path));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_save(s, "test_meta.safetensors"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
}

static tn_tensor *squared(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    return tn_mul(in[0], in[0]);
}

static void differences(void) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((2), .dtype = TN_FLOAT64, .device = "meta", .requires_grad = true);
    CHECK(!tn_gradcheck_fn(squared, NULL, TN_TENSORS(x)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    CHECK(!tn_gradgradcheck_fn(squared, NULL, TN_TENSORS(x)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no data!");
    tn_tensor *y = tn_sum(squared(&x, 1, NULL)), *grad[1] = {NULL}, *in[] = {x};
    CHECK(tn_autograd_grads(y, in, 1, grad, NULL) && tn_is_meta(grad[0]));
}

/* Data of the library's own, and its order, are on the CPU. */
static void data(void) {
    TN_SCOPE;
    tn_set_default_device("meta");
    tn_dataset *digits = tn_data_digits();
    tn_data_loader *loader = tn_data_loader(digits, .batch_size = 4, .shuffle = true);
    tn_batch b = tn_batches(loader);
    CHECK(tn_batch_next(&b) && !tn_is_meta(b.item[0]) && tn_size(b.item[0], 0) == 4 && tn_item(tn_max(b.item[1])) < 10);
    b = tn_batches(tn_data_loader(tn_data_tensor_dataset(tn_ones((5, 2)), tn_zeros(5)), .batch_size = 2, .shuffle = true));
    CHECK(tn_batch_next(&b) && tn_is_meta(b.item[0]) && tn_size(b.item[0], 1) == 2 && tn_size(b.item[1], 0) == 2);
    tn_set_default_device(NULL);
    CHECK_OK();
}

/* Of a function with two results, of which one is used: the other's gradient is zeros where it is. */
static bool pass_twice(tn_function *fn, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)fn, (void)n;
    for (size_t i = 0; i < k; i++)
        if (!(out[i] = tn_mul(in[0], 2))) return false;
    return true;
}
static bool add_both(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n) {
    (void)fn, (void)k, (void)n;
    return (din[0] = tn_mul(tn_add(dout[0], dout[1]), 2)) != NULL;
}
static const tn_function_class twice = {sizeof twice, "Twice", pass_twice, add_both, 2};

static void functions(void) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_ones((2, 3), .device = "meta"), true), *y[2];
    CHECK(tn_apply_n(&twice, NULL, &x, 1, y, 2) && tn_backward(tn_sum(y[0])) && tn_is_meta(tn_grad(x)));
    CHECK_OK();
}

/* Whether a loss depends on phases is asked of values: there are none. */
static void phases(void) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_ones((3, 3), .dtype = TN_COMPLEX64, .device = "meta"), true), *u, *s;
    CHECK(tn_linalg_svd(x, NULL, &u, &s, NULL) && tn_backward(tn_add(tn_sum(tn_abs(u)), tn_sum(s))) && tn_is_meta(tn_grad(x)));
    CHECK_OK();
}

int main(void) {
    RUN(making);
    RUN(names_of_devices);
    RUN(default_device);
    RUN(no_values);
    RUN(mixing);
    RUN(training);
    RUN(conversion);
    RUN(converted_between);
    RUN(loading);
    RUN(lazy);
    RUN(made_later);
    RUN(indices);
    RUN(files);
    RUN(checkpoints);
    RUN(differences);
    RUN(data);
    RUN(functions);
    RUN(phases);
    CHECK_EQ_INT(live_objects(), 0);
    return test_end();
}
