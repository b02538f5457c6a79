/* tests/unit/test_sparse.c - sparse tensors: making them, arithmetic, gradients, optimizers, modules, files, what is refused. */
#include "support.h"

static bool same(tn_tensor *sparse, tn_tensor *dense) { return sparse && tn_equal(tn_to_dense(sparse), dense); }

/* [[0, 0, 3], [4, 0, 5]]; `twice` gives one place two values. */
static tn_tensor *example(bool twice) {
    return twice ? tn_sparse_coo_tensor(tn_tensor((2, 4), 1, 0, 1, 1, 2, 2, 0, 2), tn_tensor((4), 2.0, 3.0, 4.0, 3.0), (2, 3))
                 : tn_sparse_coo_tensor(tn_tensor((2, 3), 0, 1, 1, 2, 0, 2), tn_tensor((3), 3.0, 4.0, 5.0), (2, 3));
}
static tn_tensor *example_dense(void) { return tn_tensor((2, 3), 0.0, 0.0, 3.0, 4.0, 0.0, 5.0); }

static void making(void) {
    TN_SCOPE;
    tn_tensor *s = example(false), *twice = example(true), *dense = example_dense();
    CHECK(tn_is_sparse(s) && !tn_is_sparse(dense) && tn_nnz(s) == 3 && tn_sparse_dim(s) == 2 && tn_dense_dim(s) == 0);
    CHECK(tn_numel(s) == 6 && tn_size(s, 1) == 3 && tn_stride(s, 0) == 0 && !tn_is_contiguous(s) && !tn_is_meta(s));
    CHECK_STR(tn_device(s), "cpu");
    CHECK_STR(tn_to_string(s),
              "tensor(indices=tensor([[0, 1, 1],\n                       [2, 0, 2]]),\n       values=tensor([3., 4., 5.]),\n"
              "       size=(2, 3), nnz=3, layout=torch.sparse_coo)");
    CHECK(same(s, dense) && same(twice, dense) && tn_nnz(twice) == 4 && !tn_is_coalesced(twice));
    tn_tensor *c = tn_coalesce(twice);
    CHECK(same(c, dense) && tn_nnz(c) == 3 && tn_is_coalesced(c) && tn_coalesce(c) == c);
    CHECK(tn_equal(tn_values(c), tn_tensor((3), 3.0, 4.0, 5.0)) && tn_equal(tn_indices(c), tn_tensor((2, 3), 0, 1, 1, 2, 0, 2)));
    tn_fill_(tn_values(c), 9);
    CHECK(same(c, dense)); /* parts are copies */
    tn_tensor *back = tn_to_sparse(dense);
    CHECK(same(back, dense) && tn_is_coalesced(back) && tn_nnz(back) == 3 && tn_to_sparse(back) == back &&
          tn_to_dense(dense) == dense);
    tn_tensor *hybrid = tn_to_sparse(dense, 1), *inferred = tn_sparse_coo_tensor(tn_tensor((1, 2), 3, 1), tn_ones((2, 2)), ());
    CHECK(same(hybrid, dense) && tn_sparse_dim(hybrid) == 1 && tn_dense_dim(hybrid) == 1 && tn_nnz(hybrid) == 2);
    CHECK(tn_size(inferred, 0) == 4 && tn_size(inferred, 1) == 2 && same(tn_coalesce(inferred), tn_to_dense(inferred)));
    tn_tensor *none = tn_sparse_coo_tensor(tn_zeros((2, 0), .dtype = TN_INT64), tn_zeros(0), (2, 3));
    CHECK(same(none, tn_zeros((2, 3))) && tn_nnz(none) == 0 && same(tn_zeros_like(s), tn_zeros((2, 3))) &&
          tn_nnz(tn_to_sparse(tn_zeros((2, 3)))) == 0);
    CHECK(!tn_is_coalesced(tn_clone(twice)) && tn_is_coalesced(tn_clone(c)));
    CHECK(tn_is_coalesced(tn_sparse_coo_tensor(tn_indices(c), tn_values(c), (2, 3), .is_coalesced = true)));
    CHECK_OK();
}

static void bad_parts(void) {
    TN_SCOPE;
    tn_tensor *index = tn_tensor((2, 3), 0, 1, 1, 2, 0, 2), *v = tn_ones(3);
    CHECK(!tn_sparse_coo_tensor(index, tn_ones(2), (2, 3)));
    CHECK_ERROR(TN_ERR_RUNTIME, "indices and values must have same nnz, but got nnz from indices: 3, nnz from values: 2");
    CHECK(!tn_sparse_coo_tensor(index, v, (1, 3)));
    CHECK_ERROR(TN_ERR_INDEX, "size is inconsistent with indices: for dim 0, size is 1 but found index 1");
    CHECK(!tn_sparse_coo_tensor(tn_sub(index, 1), v, (2, 3)));
    CHECK_ERROR(TN_ERR_INDEX, "found index -1");
    CHECK(!tn_sparse_coo_tensor(tn_sub(index, 1), v, ()));
    CHECK_ERROR(TN_ERR_INDEX, "found index -1");
    CHECK(!tn_sparse_coo_tensor(tn_full((1, 1), INT64_MAX, .dtype = TN_INT64), tn_ones(1), ()));
    CHECK_ERROR(TN_ERR_INDEX, NULL);
    CHECK(!tn_sparse_coo_tensor(index, v, (2)));
    CHECK_ERROR(TN_ERR_SHAPE,
                "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = 1, sparse_dim = 2, dense_dim = 0");
    CHECK(!tn_sparse_coo_tensor(tn_ones((2, 3)), v, (2, 3)));
    CHECK_ERROR(TN_ERR_DTYPE, "indices must be an int64 tensor");
    for (int i = 0; i < 2; i++) { /* there is nothing to check */
        tn_tensor *nowhere = tn_zeros((2, 3), .dtype = TN_INT64, .device = "meta"), *ones = tn_ones((3), .device = "meta");
        CHECK(!(i ? tn_sparse_coo_tensor(nowhere, ones, (2, 3)) : tn_sparse_coo_tensor(nowhere, ones, ())));
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "depends on values");
    }
    CHECK(!tn_sparse_coo_tensor(tn_arange(3), v, (3)));
    CHECK_ERROR(TN_ERR_RUNTIME, "indices must be sparse_dim x nnz");
    CHECK(!tn_sparse_coo_tensor(index, tn_ones((3, 2)), (2, 3, 4)));
    CHECK_ERROR(TN_ERR_SHAPE, "values has incorrect size");
    CHECK(!tn_sparse_coo_tensor(tn_tensor((1, 2), 1, 0), tn_ones(2), (3), .is_coalesced = true));
    CHECK_ERROR(TN_ERR_VALUE, "not sorted");
    CHECK(!tn_sparse_coo_tensor(index, tn_to_sparse(v), (2, 3)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "aten::sparse_coo_tensor");
    CHECK(!tn_indices(example(false)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot get indices on an uncoalesced tensor, please call .coalesce() first");
    CHECK(!tn_values(v));
    CHECK_ERROR(TN_ERR_RUNTIME, "values expected sparse coordinate tensor layout but got Strided");
    CHECK(tn_sparse_dim(v) == 0 && tn_dense_dim(v) == 1);
    CHECK_OK();
    CHECK(tn_nnz(v) == 0);
    CHECK_ERROR(TN_ERR_RUNTIME, "_nnz expected sparse");
    CHECK(!tn_to_sparse(tn_ones((2, 2)), 3));
    CHECK_ERROR(TN_ERR_VALUE, "sparse_dim argument for dim=2 must be in range [1, 2], got 3");
}

static void arithmetic(void) {
    TN_SCOPE;
    for (int twice = 0; twice < 2; twice++) {
        tn_tensor *s = example(twice), *d = example_dense(), *ones = tn_ones((2, 3));
        CHECK(same(tn_neg(s), tn_neg(d)) && same(tn_mul(s, 2), tn_mul(d, 2)) && same(tn_mul(tn_tensor((), 3.0), s), tn_mul(d, 3)));
        CHECK(same(tn_div(s, 2), tn_div(d, 2)) && same(tn_add(s, s), tn_mul(d, 2)) && same(tn_add(s, s, .alpha = -2), tn_neg(d)));
        CHECK(same(tn_sub(s, s), tn_zeros((2, 3))) && tn_equal(tn_add(ones, s, .alpha = 2), tn_add(ones, d, .alpha = 2)));
        CHECK(tn_equal(tn_sub(ones, s), tn_sub(ones, d)) && tn_item(tn_sum(s)) == 12);
        CHECK(same(tn_t(s), tn_contiguous(tn_t(d))) && same(tn_transpose(s, 0, -1), tn_contiguous(tn_t(d))) &&
              same(tn_transpose(s, 1, 1), d));
        CHECK(tn_equal(tn_mm(s, tn_ones((3, 2))), tn_mm(d, tn_ones((3, 2)))) &&
              tn_equal(tn_matmul(s, tn_ones(3)), tn_matmul(d, tn_ones(3))));
        tn_tensor *wide = tn_sparse_mm(tn_to(s, TN_FLOAT64), tn_ones((3, 1), .dtype = TN_FLOAT64));
        CHECK(tn_equal(wide, tn_to(tn_sum(d, 1, .keepdim = true), TN_FLOAT64)));
        tn_tensor *in_place = tn_clone(s), *alias = tn_detach(in_place);
        uint32_t version = tn_version_counter(in_place);
        CHECK(tn_mul_(in_place, 2) == in_place && same(in_place, tn_mul(d, 2)) && same(alias, tn_mul(d, 2)) &&
              tn_version_counter(in_place) == version + 1);
        CHECK(tn_add_(in_place, s) == in_place && same(in_place, tn_mul(d, 3)) && same(tn_div_(in_place, 3), d) &&
              same(tn_neg_(in_place), tn_neg(d)));
        CHECK(same(tn_copy_(in_place, s), d) && tn_nnz(tn_zero_(in_place)) == 0 && same(s, d));
        CHECK(tn_equal(tn_add_(ones, s), tn_add(d, 1)));
        tn_tensor *turned = tn_t(tn_ones((3, 2)));
        CHECK(tn_equal(tn_add_(turned, s), tn_add(d, 1)));
        CHECK_OK();
    }
}

/* A write counts once, and what is new has none. */
static void versions(void) {
    TN_SCOPE;
    tn_tensor *s = example(true), *x = tn_zeros((2, 3)), *turned = tn_t(tn_zeros((3, 2)));
    CHECK(tn_add_(x, s) && tn_version_counter(x) == 1 && tn_add_(turned, s) && tn_version_counter(turned) == 1);
    CHECK(tn_version_counter(tn_add(x, s)) == 0 && tn_version_counter(tn_to_dense(s)) == 0);
    CHECK_OK();
}

/* "cpu" is where a sparse tensor is. */
static void devices(void) {
    TN_SCOPE;
    tn_tensor *s = example(false), *wide = tn_to(s, TN_FLOAT64, .device = "cpu"), *zeros = tn_zeros_like(s, .device = "cpu:0");
    CHECK(tn_to(s, TN_DTYPE_NONE, .device = "cpu") == s && tn_is_sparse(wide) && tn_get_dtype(wide) == TN_FLOAT64);
    CHECK(tn_is_sparse(zeros) && tn_nnz(zeros) == 0);
    CHECK(tn_set_default_device("meta"));
    tn_tensor *again = tn_to_sparse(tn_to_dense(s));
    CHECK(tn_nnz(again) == 3 && tn_nnz(tn_add(again, s)) == 3 && tn_nnz(tn_zeros_like(s)) == 0 && tn_set_default_device(NULL));
    CHECK(same(again, example_dense()));
    CHECK_OK();
}

/* What is freed at once takes all with it, in a program without scopes too. */
static void nothing_stays(void) {
    TN_SCOPE;
    tn_tensor *index = tn_tensor((2, 3), 0, 1, 1, 2, 0, 2), *v = tn_ones(3), *dense = example_dense(), *s = example(true);
    size_t before = live_objects();
    tn_free(tn_sparse_coo_tensor(index, v, (2, 3))), tn_free(tn_to_sparse(dense)), tn_free(tn_zeros_like(s));
    tn_free(tn_clone(s)), tn_free(tn_coalesce(s)), tn_free(tn_add(s, s)), tn_free(tn_to_dense(s)), tn_free(tn_indices(tn_zero_(s)));
    CHECK_EQ_INT(live_objects(), before);
}

static void refused(void) {
    TN_SCOPE;
    tn_tensor *s = example(false), *ones = tn_ones((2, 3));
    float out[6];
    CHECK(!tn_exp(s));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Could not run 'aten::exp' with arguments from the 'SparseCPU' backend.");
    CHECK(!tn_view(s, (6)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Could not run 'aten::view'");
    CHECK(!tn_add(s, ones));
    CHECK_ERROR(TN_ERR_RUNTIME, "add(sparse, dense) is not supported. Use add(dense, sparse) instead.");
    CHECK(!tn_mul(s, ones));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "aten::mul.Tensor");
    CHECK(!tn_mul(s, s));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "aten::mul.Tensor");
    CHECK(!tn_mul_(tn_tensor((), 2.0), s) && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    tn_tensor *whole = tn_to(s, TN_INT64), *hybrid = tn_to_sparse(tn_ones((2, 3)), 1);
    CHECK(!tn_mul_(whole, 0.5));
    CHECK_ERROR(TN_ERR_DTYPE, "can't be cast to the desired output type");
    CHECK(tn_get_dtype(whole) == TN_INT64 && same(whole, tn_to(example_dense(), TN_INT64)) && !tn_add(hybrid, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "same number of sparse dimensions");
    CHECK(!tn_div(s, s));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape [2, 3] for divisor)");
    CHECK(!tn_div(tn_tensor((), 1.0), s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Sparse division requires");
    CHECK(!tn_copy_(s, ones));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "copy_() between dense and sparse Tensors is not implemented! Found self type = torch.sparse.FloatTensor and src "
                "type = torch.FloatTensor");
    CHECK(!tn_fill_(s, 1) && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    CHECK(!tn_ones_like(s));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "aten::fill_.Scalar");
    CHECK(!tn_rand_like(s));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "aten::fill_.Scalar");
    CHECK(!tn_mm(ones, s) && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    CHECK(!tn_mm(s, tn_ones((2, 2))));
    CHECK_ERROR(TN_ERR_SHAPE, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x2)");
    CHECK(!tn_equal(s, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer of Tensor that doesn't have storage");
    CHECK(tn_data(s) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK(!tn_copy_to(s, out, sizeof out));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK(isnan(tn_item(s)));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK(!tn_to_dlpack(s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK(!tn_share_memory_(s));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Cannot access storage of SparseTensorImpl");
    CHECK(!tn_save_npy(s, "sparse.npy"));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK(!tn_to(s, TN_DTYPE_NONE, .device = "meta") && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    CHECK(!tn_add(tn_ones((2, 3), .device = "meta"), s) && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
}

/* ---- gradients ---- */

static tn_tensor *product_of_values(tn_tensor *const *in, size_t n, void *index) {
    (void)n;
    return tn_sparse_mm(tn_sparse_coo_tensor(index, in[0], (3, 4)), in[1]);
}
static tn_tensor *dense_of_values(tn_tensor *const *in, size_t n, void *index) {
    (void)n;
    tn_tensor *s = tn_coalesce(tn_mul(tn_t(tn_sparse_coo_tensor(index, in[0], (3, 4))), 2));
    return tn_add(tn_to_dense(tn_sub(s, tn_neg(s))), tn_mul(tn_sum(tn_values(s)), 0.5));
}
static tn_tensor *square_of_dense(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    tn_tensor *d = tn_to_dense(tn_to_sparse(in[0]));
    return tn_mul(d, d);
}

static void derivatives(void) {
    TN_SCOPE;
    tn_tensor *index = tn_tensor((2, 5), 2, 0, 1, 0, 0, 3, 1, 2, 1, 0); /* one place twice */
    tn_tensor *v = tn_requires_grad_(tn_to(tn_randn(5), TN_FLOAT64), true),
              *b = tn_requires_grad_(tn_to(tn_randn((4, 2)), TN_FLOAT64), true);
    tn_tensor *both[] = {v, b}, *d = tn_requires_grad_(tn_tensor((2, 2), 1.5, 2.0, -1.0, 0.5), true);
    d = tn_requires_grad_(tn_to(tn_detach(d), TN_FLOAT64), true);
    CHECK(tn_gradcheck_fn(product_of_values, index, both, 2) && tn_gradgradcheck_fn(product_of_values, index, both, 2));
    CHECK(tn_gradcheck_fn(dense_of_values, index, &v, 1) && tn_gradgradcheck_fn(dense_of_values, index, &v, 1));
    CHECK(tn_gradcheck_fn(square_of_dense, NULL, &d, 1));
    CHECK_OK();
}

static void leaves(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(example(false));
    CHECK(tn_is_parameter(p) && tn_is_sparse(p) && tn_requires_grad(p) && tn_is_leaf(p));
    CHECK(tn_backward(tn_sum(tn_sparse_mm(p, tn_ones((3, 2))))) && tn_is_sparse(tn_grad(p)) && tn_nnz(tn_grad(p)) == 3);
    CHECK(tn_equal(tn_values(tn_coalesce(tn_grad(p))), tn_full(3, 2.0)));
    CHECK(tn_backward(tn_sum(tn_sparse_mm(p, tn_ones((3, 2))))) && tn_equal(tn_values(tn_coalesce(tn_grad(p))), tn_full(3, 4.0)));
    CHECK(tn_backward(tn_sum(p)) && !tn_is_sparse(tn_grad(p))); /* a dense one joins */
    CHECK(tn_item(tn_sum(tn_grad(p))) == 12 + 6);
    tn_tensor *q = tn_parameter(example(false)), *sum = tn_sum(q), *product = tn_sum(tn_sparse_mm(q, tn_ones((3, 2))));
    CHECK(tn_backward(tn_add(sum, product)) && tn_item(tn_sum(tn_grad(q))) == 6 + 6); /* the sparse one comes first */
    TN_INFERENCE_MODE;
    CHECK(tn_is_inference(example(false)) && !tn_is_inference(q));
    CHECK_OK();
}

static void steps(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(example(true)), *twin = tn_parameter(example_dense()), *b = tn_tensor((3, 1), 1.0, 2.0, 3.0);
    tn_tensor *mask = tn_ne(example_dense(), 0);
    tn_optim *sgd = tn_optim_sgd(tn_tensors_new(&p, 1), .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    tn_optim *dense = tn_optim_sgd(tn_tensors_new(&twin, 1), .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    for (int i = 0; i < 3; i++) {
        CHECK(tn_optim_zero_grad(sgd) && tn_optim_zero_grad(dense));
        tn_tensor *y = tn_sparse_mm(p, b), *z = tn_mm(tn_mul(twin, mask), b);
        CHECK(tn_backward(tn_sum(tn_mul(y, y))) && tn_backward(tn_sum(tn_mul(z, z))));
        CHECK(tn_optim_step(sgd) && tn_optim_step(dense));
        CHECK(tn_allclose(tn_to_dense(tn_detach(p)), tn_detach(twin)));
    }
    tn_optim *adam = tn_optim_adam(tn_tensors_new(&p, 1));
    CHECK(!tn_optim_step(adam));
    CHECK_ERROR(TN_ERR_RUNTIME, "Adam does not support sparse gradients, please consider SparseAdam instead");
    CHECK_OK();
}

/* A step that is refused changes no parameter, also none before the one that is at fault. */
static void refused_step(tn_optim *sgd, tn_tensor *p, tn_tensor *q, const char *text) {
    tn_tensor *old = tn_clone(tn_detach(p)), *old_q = tn_clone(tn_detach(q));
    CHECK(tn_set_grad(p, tn_ones(2)) && tn_set_grad(q, example(false)) && !tn_optim_step(sgd));
    CHECK_ERROR(TN_ERR_RUNTIME, text);
    CHECK(tn_equal(tn_detach(p), old) && (tn_is_sparse(q) || tn_equal(tn_detach(q), old_q)));
}

static void refused_steps(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *q = tn_parameter(tn_ones((2, 3))), *both[] = {p, q};
    refused_step(tn_optim_sgd(tn_tensors_new(both, 2), .lr = 0.1, .weight_decay = 0.1), p, q,
                 "weight_decay option is not compatible with sparse gradients");
    tn_optim *nesterov = tn_optim_sgd(tn_tensors_new(both, 2), .lr = 0.1, .momentum = 0.9, .nesterov = true);
    CHECK(tn_set_grad(q, tn_ones((2, 3))) && tn_optim_step(nesterov));
    refused_step(nesterov, p, q, "add(sparse, dense) is not supported");
    tn_tensor *buffer = tn_state_get(tn_optim_state_dict(nesterov), "state.1.momentum_buffer");
    CHECK(tn_equal(buffer, tn_ones((2, 3))));
    tn_tensor *hybrid = tn_parameter(tn_to_sparse(tn_ones((2, 3)), 1)), *others[] = {p, hybrid};
    refused_step(tn_optim_sgd(tn_tensors_new(others, 2), .lr = 0.1), p, hybrid, "same number of sparse dimensions");
    CHECK_OK();
}

static void states_of_optimizers(void) {
    TN_SCOPE;
    for (int sparse = 0; sparse < 2; sparse++) {
        tn_tensor *p = tn_parameter(sparse ? example(true) : example_dense()), *twin = tn_parameter(tn_clone(tn_detach(p)));
        tn_optim *sgd = tn_optim_sgd(tn_tensors_new(&p, 1), .lr = 0.1, .momentum = 0.9),
                 *other = tn_optim_sgd(tn_tensors_new(&twin, 1), .lr = 0.1, .momentum = 0.9);
        CHECK(tn_set_grad(p, example(false)) && tn_set_grad(twin, example(false)) && tn_optim_step(sgd) && tn_optim_step(other));
        CHECK(tn_optim_load_state_dict(other, tn_optim_state_dict(sgd)) && tn_optim_step(sgd) && tn_optim_step(other));
        CHECK(tn_equal(tn_to_dense(tn_detach(p)), tn_to_dense(tn_detach(twin))));
        CHECK(tn_allclose(tn_to_dense(tn_detach(p)), tn_mul(example_dense(), 1 - 0.1 - 0.19)));
    }
    CHECK_OK();
}

/* ---- modules and files ---- */

typedef struct {
    tn_module module;
    tn_tensor *w, *mask;
} layer;
static tn_tensor *layer_forward(layer *self, tn_tensor *x) { return tn_t(tn_sparse_mm(self->w, tn_t(x))); }
TN_CLASS(layer, layer_forward, w, mask);
static layer *layer_new(void) {
    layer *self = tn_new(layer);
    self->w = tn_parameter(example(false));
    self->mask = tn_buffer(tn_coalesce(example(true)));
    return self;
}

static void modules(void) {
    TN_SCOPE;
    layer *m = layer_new();
    tn_tensor *w = m->w, *x = tn_ones((4, 3));
    CHECK(tn_equal(tn_forward(m, x), tn_matmul(x, tn_t(example_dense()))));
    layer *copy = tn_deepcopy(m);
    CHECK(copy->w != w && same(tn_detach(copy->w), example_dense()) && tn_is_parameter(copy->w));
    {
        TN_NO_GRAD;
        tn_mul_(m->w, 2);
    }
    CHECK(same(tn_detach(copy->w), example_dense()));
    CHECK(tn_load_state_dict(m, tn_state_dict(copy)) && m->w == w && same(tn_detach(w), example_dense()) && tn_requires_grad(w));
    tn_state *s = tn_state_dict(copy);
    tn_state_set(s, "w", example_dense());
    CHECK(!tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "an exception occurred : ('copy_() between dense and sparse Tensors is not implemented! Found self type = "
                "torch.sparse.FloatTensor and src type = torch.FloatTensor',).");
    CHECK(tn_load_state_dict(copy, s, .assign = true) && !tn_is_sparse(copy->w));
    CHECK(tn_module_to(m, TN_FLOAT64) && m->w == w && tn_is_sparse(w) && tn_get_dtype(w) == TN_FLOAT64 &&
          tn_get_dtype(m->mask) == TN_FLOAT64);
    CHECK(!tn_module_to(m, .device = "meta") && tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    CHECK(tn_is_sparse(w) && tn_module_to(m, .device = "cpu") && tn_module_to_empty(m) && tn_is_sparse(w) && tn_nnz(w) == 0);
    CHECK(strstr(tn_module_summary(layer_new()), "w [2, 3] sparse, 3 values") != NULL);
    CHECK(tn_check(m));
    CHECK_OK();
}

/* A load that fails at its end brings the old elements back. */
static bool refuse_load(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m, (void)keys, (void)data;
    return false;
}
static void failed_load(void) {
    TN_SCOPE;
    layer *m = layer_new(), *other = layer_new();
    other->w = tn_parameter(tn_mul(example(false), 7));
    uint32_t version = tn_version_counter(m->w);
    tn_register_load_state_dict_post_hook(m, refuse_load, NULL, NULL);
    CHECK(!tn_load_state_dict(m, tn_state_dict(other)));
    tn_clear_error();
    CHECK(same(tn_detach(m->w), example_dense()) && tn_version_counter(m->w) == version);
}

/* Conversions and loads leave nothing behind in the scope. */
static void nothing_stays_of_modules(void) {
    TN_SCOPE;
    layer *m = layer_new();
    tn_state *s = tn_state_dict(layer_new());
    CHECK(tn_module_to(m, TN_FLOAT64) && tn_load_state_dict(m, s)); /* what the members were made of keeps its parts */
    size_t before = live_objects();
    CHECK(tn_module_to(m, TN_FLOAT32) && tn_load_state_dict(m, s) && tn_module_to(m, TN_FLOAT64) && tn_load_state_dict(m, s));
    CHECK_EQ_INT(live_objects(), before);
}

/* Numbers beside a version: groups come back whole, in whatever order they were noted. */
static void numbers_beside_versions(void) {
    TN_SCOPE;
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_ones(1));
    CHECK(tn_state_set_local_metadata(s, "a", "one", "x", 1) && tn_state_set_local_metadata(s, "a", "two", "x", 2) &&
          tn_state_set_local_metadata(s, "a", "one", "y", 3));
    CHECK(tn_save_pt(s, "test_sparse.pt"));
    tn_value *v = tn_load_pt("test_sparse.pt");
    remove("test_sparse.pt");
    tn_state *back = v ? tn_value_to_state(v) : NULL;
    CHECK(back && tn_state_local_metadata(back, "a", "one", "x") == 1 && tn_state_local_metadata(back, "a", "two", "x") == 2 &&
          tn_state_local_metadata(back, "a", "one", "y") == 3 && tn_state_local_metadata(back, "a", "two", "y") == 0);
    CHECK_OK();
}

static void nothing_stays_of_files(void) {
    TN_SCOPE;
    CHECK(tn_save_pt(tn_state_dict(layer_new()), "test_sparse.pt"));
    size_t before = live_objects();
    tn_value *v = tn_load_pt("test_sparse.pt");
    remove("test_sparse.pt");
    CHECK(v != NULL);
    tn_free(v);
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

static void files(void) {
    TN_SCOPE;
    layer *m = layer_new();
    CHECK(tn_save_pt(tn_state_dict(m), "test_sparse.pt"));
    tn_value *v = tn_load_pt("test_sparse.pt");
    remove("test_sparse.pt");
    tn_state *s = v ? tn_value_to_state(v) : NULL;
    CHECK(s && same(tn_state_get(s, "w"), example_dense()) && !tn_is_coalesced(tn_state_get(s, "w")));
    CHECK(tn_is_coalesced(tn_state_get(s, "mask")) && tn_load_state_dict(m, s));
    CHECK(!tn_save_safetensors(s, "test_sparse.safetensors"));
    CHECK_ERROR(TN_ERR_RUNTIME, "Cannot access data pointer");
    CHECK_OK();
}

int main(void) {
    RUN(making);
    RUN(bad_parts);
    RUN(arithmetic);
    RUN(versions);
    RUN(devices);
    RUN(nothing_stays);
    RUN(refused);
    RUN(derivatives);
    RUN(leaves);
    RUN(steps);
    RUN(refused_steps);
    RUN(states_of_optimizers);
    RUN(modules);
    RUN(failed_load);
    RUN(nothing_stays_of_modules);
    RUN(files);
    RUN(nothing_stays_of_files);
    RUN(numbers_beside_versions);
    CHECK_EQ_INT(live_objects(), 0);
    return test_end();
}
