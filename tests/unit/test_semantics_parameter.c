/* Building a Parameter, using it as a tensor, its data and its version: statements 1 to 44. */
#include "statement.h"

static void building(void) {
    TN_SCOPE;
    tn_tensor *t = tn_ones((2, 3)), *p = tn_parameter(t);
    HOLDS(1, "A Parameter made of a plain tensor is another tensor, with the mark; the plain one has no mark.");
    CHECK(p != t && tn_is_parameter(p) && !tn_is_parameter(t) && tn_ndim(p) == 2);
    HOLDS(2, "It requires grad unless told otherwise, whatever the tensor says.");
    tn_tensor *asks = tn_requires_grad_(tn_ones(2), true);
    CHECK(tn_requires_grad(p) && tn_requires_grad(tn_parameter(asks)) && !tn_requires_grad(tn_parameter(asks, false)));
    HOLDS(3, "The tensor that it was made of does not start to require grad.");
    CHECK(!tn_requires_grad(t) && tn_is_leaf(t) && !tn_is_parameter(t) && tn_requires_grad(asks));
    HOLDS(4, "Both share memory, shape and strides: what is written through one is read through the other.");
    tn_tensor *row = tn_select(tn_t(tn_arange(6, .dtype = TN_FLOAT32)), 0, 2), *view = tn_t(tn_ones((3, 2))),
              *of_view = tn_parameter(view);
    CHECK(tn_data(p) == tn_data(t) && tn_stride(of_view, 0) == tn_stride(view, 0) && tn_size(of_view, 0) == 2);
    CHECK(tn_storage_offset(tn_parameter(row)) == 2 && tn_ndim(of_view) == 2 && tn_stride(of_view, 1) == 2);
    tn_fill_(t, 4);
    CHECK(sum_of(p) == 24);
    {
        TN_NO_GRAD;
        tn_fill_(of_view, 5);
    }
    CHECK(sum_of(view) == 30);
    HOLDS(5, "They share the version counter, too, in both directions.");
    uint32_t version = tn_version_counter(p);
    tn_add_(t, 1);
    CHECK(tn_version_counter(p) == version + 1);
    {
        TN_NO_GRAD;
        tn_add_(p, 1);
    }
    CHECK(tn_version_counter(t) == version + 2);
    HOLDS(6, "It is a leaf without history, also when the tensor was computed; the memory stays shared.");
    tn_tensor *computed = tn_mul(tn_requires_grad_(tn_ones(2), true), 2), *leaf = tn_parameter(computed);
    CHECK(tn_is_leaf(leaf) && tn_grad_fn_name(leaf) == NULL && tn_grad(leaf) == NULL && tn_data(leaf) == tn_data(computed));
    HOLDS(7, "A Parameter of a Parameter is a new object over the same memory.");
    tn_tensor *again = tn_parameter(p);
    CHECK(again != p && tn_is_parameter(again) && tn_is_parameter(p) && tn_data(again) == tn_data(p));
    HOLDS(8, "It does not inherit that the first one was frozen.");
    tn_tensor *frozen = tn_parameter(t, false);
    CHECK(!tn_requires_grad(frozen) && tn_requires_grad(tn_parameter(frozen)) && !tn_requires_grad(frozen));
    HOLDS(9, "A Parameter of nothing is empty: of shape (0), of the default dtype, and requires grad.");
    tn_tensor *empty = tn_parameter((tn_tensor *)NULL);
    CHECK(tn_is_parameter(empty) && tn_ndim(empty) == 1 && tn_size(empty, 0) == 0 && tn_requires_grad(empty));
    CHECK(tn_get_dtype(empty) == TN_FLOAT32 && tn_set_default_dtype(TN_FLOAT64));
    CHECK(tn_get_dtype(tn_parameter((tn_tensor *)NULL)) == TN_FLOAT64 && tn_set_default_dtype(TN_FLOAT32));
    CHECK(!tn_requires_grad(tn_parameter((tn_tensor *)NULL, false)));
    CHECK(tn_parameter(tn_neg(NULL)) == NULL); /* but a failed call is not None */
    CHECK_ERROR(TN_ERR_TYPE, "neg: argument 'self' is NULL");
}

static void dtypes_and_flags(void) {
    TN_SCOPE;
    HOLDS(10, "Integers and bools cannot require grad.");
    const tn_dtype whole[] = {TN_UINT8, TN_INT8, TN_INT16, TN_INT32, TN_INT64, TN_BOOL};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        tn_tensor *numbers = tn_zeros(3, .dtype = whole[i]);
        CHECK(tn_parameter(numbers) == NULL && !tn_is_parameter(numbers) && !tn_requires_grad(numbers));
        CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
        CHECK(tn_is_parameter(tn_parameter(numbers, false)));
    }
    CHECK_STR(tn_status_exception(TN_ERR_DTYPE), "RuntimeError");
    HOLDS(11, "A frozen one may hold them, and prints without the flag.");
    CHECK_STR(tn_to_string(tn_parameter(tn_arange(3), false)), "Parameter containing:\ntensor([0, 1, 2])");
    CHECK(!tn_requires_grad(tn_parameter(tn_arange(3), false)));
    HOLDS(12, "Complex and all floating point dtypes may require grad.");
    const tn_dtype dtypes[] = {TN_FLOAT16, TN_BFLOAT16, TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        CHECK(tn_requires_grad(tn_parameter(tn_zeros(2, .dtype = dtypes[i]))) &&
              tn_get_dtype(tn_parameter(tn_zeros(2, .dtype = dtypes[i]))) == dtypes[i]);
    HOLDS(13, "So may a tensor without dimensions.");
    CHECK_STR(tn_to_string(tn_parameter(tn_scalar_tensor(3.0))), "Parameter containing:\ntensor(3., requires_grad=True)");
    IN_C(14, "Something that is no tensor.", "The compiler refuses it; a handle of another kind is a TypeError.");
    CHECK(tn_parameter((tn_tensor *)(void *)tn_state_new()) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a state");
    CHECK(tn_parameter((tn_tensor *)(void *)tn_tensors_new(NULL, 0)) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a list");
    CHECK(tn_parameter((tn_tensor *)(void *)tn_nn_relu()) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a module");
    IN_C(15, "It takes the data and the flag, and nothing else.", "The macro takes one or two arguments; more do not compile.");
    CHECK(!tn_requires_grad(tn_parameter(tn_ones(1), false)) && tn_requires_grad(tn_parameter(tn_ones(1), true)));
    HOLDS(16, "Under no_grad the flag is true all the same.");
    TN_NO_GRAD;
    CHECK(tn_requires_grad(tn_parameter(tn_ones(1))));
}

static void inference_mode(void) {
    TN_SCOPE;
    tn_tensor *outside = tn_ones(2), *inside, *wrapped, *plain;
    {
        TN_INFERENCE_MODE;
        inside = tn_parameter(tn_ones(2));
        wrapped = tn_parameter(outside);
        plain = tn_ones(2);
    }
    HOLDS(17, "In inference mode a Parameter of a tensor made there requires grad, is a leaf and is an inference tensor.");
    CHECK(tn_requires_grad(inside) && tn_is_leaf(inside) && tn_is_parameter(inside) && tn_is_inference(inside));
    tn_tensor *squared = tn_mul(inside, tn_requires_grad_(tn_ones(2), true)); /* would have to keep it */
    CHECK(squared == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Inference tensors cannot be saved for backward.");
    tn_tensor *alone = tn_mul(inside, inside); /* nothing is recorded of inference tensors alone */
    CHECK(alone && !tn_requires_grad(alone) && tn_requires_grad(tn_requires_grad_(alone, true)));
    CHECK(!tn_requires_grad(tn_add(inside, inside)) && !tn_requires_grad(tn_select(inside, 0, 0)));
    CHECK(tn_requires_grad(tn_clone(inside)) && tn_requires_grad(tn_to(inside, TN_FLOAT64)) && tn_requires_grad(tn_mul(inside, 2)));
    HOLDS(18, "One of a tensor made outside is no inference tensor.");
    CHECK(tn_requires_grad(wrapped) && tn_is_leaf(wrapped) && !tn_is_inference(wrapped));
    {
        TN_NO_GRAD;
        CHECK(tn_add_(wrapped, 1) == wrapped && sum_of(outside) == 4);
    }
    CHECK(tn_backward(tn_sum(tn_mul(wrapped, wrapped))) && sum_of(tn_grad(wrapped)) == 8);
    HOLDS(19, "Outside, a tensor made in inference mode cannot become one that requires grad.");
    CHECK(tn_parameter(plain) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    CHECK(tn_is_parameter(tn_parameter(plain, false)));
    HOLDS(20, "A Parameter made inside works outside, and gets a gradient.");
    CHECK(tn_backward(tn_sum(tn_mul(tn_add(inside, 1), 3))) && sum_of(tn_grad(inside)) == 6);
    CHECK(tn_backward(tn_sum(tn_mul(inside, tn_ones(2))))); /* the derivative of what takes no part is not prepared for */
    CHECK(sum_of(tn_grad(inside)) == 8 && !tn_requires_grad(tn_grad(inside)));
    {
        TN_NO_GRAD;
        CHECK(tn_add_(tn_grad(inside), 1) != NULL); /* a normal tensor */
    }
    HOLDS(21, "It cannot be written in place outside.");
    TN_NO_GRAD;
    CHECK(tn_add_(inside, 1) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Inplace update to inference tensor outside InferenceMode is not allowed.");
    CHECK(sum_of(inside) == 2);
}

static void marks(void) {
    TN_SCOPE;
    NOT_IN_C(22, "A subclass of Tensor keeps its class and gets a flag.",
             "There are no subclasses; the mark is the flag of which the statement speaks.");
    CHECK(tn_is_parameter(tn_parameter(tn_ones(1))));
    HOLDS(23, "A sparse or a meta tensor can be a Parameter.");
    tn_tensor *sparse = tn_parameter(tn_to_sparse(tn_eye(3))), *meta = tn_parameter(tn_ones((2, 3), .device = "meta"));
    CHECK(tn_is_parameter(sparse) && tn_is_sparse(sparse) && tn_requires_grad(sparse) && tn_is_leaf(sparse));
    CHECK(tn_backward(tn_sum(tn_sparse_mm(sparse, tn_ones((3, 2))))) && sum_of(tn_to_dense(tn_grad(sparse))) == 6);
    CHECK(tn_is_parameter(meta) && tn_is_meta(meta) && tn_requires_grad(meta) && tn_is_leaf(meta));
    CHECK(tn_backward(tn_sum(tn_mul(meta, meta))) && tn_is_meta(tn_grad(meta)) && tn_size(tn_grad(meta), 1) == 3);
}

/* ---- a Parameter used as a tensor ---- */

static void plain_results(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 2)));
    HOLDS(24, "What an operator makes of it is a plain tensor.");
    tn_tensor *results[] = {tn_clone(p),          tn_add(p, 1), tn_select(p, 0, 0), tn_view(p, 4),
                            tn_to(p, TN_FLOAT64), tn_detach(p), tn_get_data(p)};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) CHECK(results[i] && !tn_is_parameter(results[i]));
    for (int i = 0; i < 5; i++) CHECK(tn_requires_grad(results[i]) && !tn_is_leaf(results[i]));
    HOLDS(25, "An operator that has nothing to do gives the same object back.");
    CHECK(tn_to(p, TN_FLOAT32) == p && tn_contiguous(p) == p);
    HOLDS(26, "Tensors made in its likeness are plain and do not require grad.");
    CHECK(!tn_is_parameter(tn_zeros_like(p)) && !tn_requires_grad(tn_zeros_like(p)));
    tn_tensor *zeros = (tn_zeros)((const int64_t[]){3}, 1, &(tn_opts){.size = sizeof(tn_opts), .dtype = tn_get_dtype(p)});
    CHECK(!tn_is_parameter(zeros) && !tn_requires_grad(zeros)); /* new_zeros */
    HOLDS(27, "While grad mode is on it cannot be written in place, nor can a view of it.");
    CHECK(tn_add_(p, 1) == NULL);
    CHECK_STR(tn_error_message(), "a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK_ERROR(TN_ERR_AUTOGRAD, NULL);
    CHECK(tn_zero_(tn_select(p, 0, 0)) == NULL);
    CHECK_STR(tn_error_message(), "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK_ERROR(TN_ERR_AUTOGRAD, NULL);
    CHECK(sum_of(p) == 4 && tn_version_counter(p) == 0);
    HOLDS(28, "Under no_grad it can.");
    {
        TN_NO_GRAD;
        CHECK(tn_add_(p, 1) == p && sum_of(p) == 8);
    }
    HOLDS(29, "So it can while its flag is off, which may be turned on again afterwards.");
    CHECK(tn_requires_grad_(p, false) && tn_add_(p, 1) == p && tn_requires_grad_(p, true) == p);
    IN_C(30, "Setting the flag returns the object; a flag that is no bool is refused.", "A C bool has no other values.");
    CHECK(tn_requires_grad_(p, false) == p && !tn_requires_grad(p) && tn_requires_grad_(p, true) == p && tn_requires_grad(p));
    HOLDS(31, "An integral Parameter cannot start to require grad; the text is another one than at its making.");
    CHECK(tn_requires_grad_(tn_parameter(tn_arange(2), false), true) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "only Tensors of floating point dtype can require gradients");
    tn_tensor *whole = tn_parameter(tn_arange(2), false);
    CHECK(tn_requires_grad_(whole, false) == whole && !tn_requires_grad(whole));
    HOLDS(32, "A computed tensor cannot stop requiring grad.");
    tn_tensor *computed = tn_mul(p, 2);
    CHECK(tn_requires_grad_(computed, false) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "you can only change requires_grad flags of leaf variables.");
    CHECK(tn_requires_grad(computed) && tn_requires_grad_(computed, true) == computed);
    HOLDS(33, "A frozen Parameter keeps the gradient that it had.");
    tn_backward(tn_sum(p));
    tn_tensor *g = tn_grad(p);
    CHECK(tn_requires_grad_(p, false) && tn_grad(p) == g && g != NULL && sum_of(g) == 4);
}

static tn_tensor *same_hook(tn_tensor *g, void *data) {
    (void)data;
    return g;
}
static void values_and_identity(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *same = tn_parameter(p);
    IN_C(34, "Equality is by element, membership in sets and dicts by identity.",
         "tn_eq compares elements; handles compare as pointers.");
    tn_tensors *list = tn_tensors_new((tn_tensor *[]){p, same}, 2);
    CHECK(sum_of(tn_eq(p, same)) == 2 && p != same && tn_tensors_get(list, 0) == p && tn_tensors_get(list, 1) == same);
    IN_C(35, "Reading values needs no ceremony, but for numpy() of one that requires grad.",
         "tn_data_f32, tn_copy_to and tn_item read any tensor, without a warning. The Python package's numpy() refuses one that "
         "requires "
         "grad, with PyTorch's text.");
    float values[2];
    CHECK(tn_data_f32(p)[1] == 1 && tn_copy_to(p, values, sizeof values) && tn_item(tn_parameter(tn_ones(1))) == 1);
    HOLDS(36, "Hooks and retain_grad need a tensor that requires grad; retain_grad of a leaf does nothing.");
    CHECK(tn_register_hook(tn_ones(1), same_hook, NULL, NULL) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "cannot register a hook on a tensor that doesn't require gradient");
    CHECK(!tn_retain_grad(tn_ones(1)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "can't retain_grad on Tensor that has requires_grad=False");
    CHECK(tn_retain_grad(p) && tn_grad(p) == NULL && tn_is_leaf(p));
    CHECK(tn_backward(tn_sum(tn_mul(p, 2))) && sum_of(tn_grad(p)) == 4);
}

/* ---- data and version ---- */

static void data_and_version(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *data = tn_get_data(p), *detached = tn_detach(p);
    HOLDS(37, "data and detach() are plain tensors of the same memory that do not require grad.");
    CHECK(tn_data(data) == tn_data(p) && !tn_requires_grad(data) && !tn_is_parameter(data));
    CHECK(tn_data(detached) == tn_data(p) && !tn_requires_grad(detached) && !tn_is_parameter(detached));
    HOLDS(38, "A write through data is not counted by the Parameter's version, one through detach() is.");
    CHECK(tn_add_(data, 1) && tn_version_counter(p) == 0);
    CHECK(tn_add_(detached, 1) && tn_version_counter(p) == 1 && sum_of(p) == 6);
    HOLDS(39, "So editing a saved Parameter through data gives a wrong gradient silently; under no_grad backward reports it.");
    tn_tensor *square = tn_sum(tn_mul(p, p));
    tn_zero_(tn_get_data(p));
    CHECK(tn_backward(square) && sum_of(tn_grad(p)) == 0);
    square = tn_sum(tn_mul(p, p));
    {
        TN_NO_GRAD;
        tn_add_(p, 1);
    }
    CHECK(!tn_backward(square));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "one of the variables needed for gradient computation has been modified by an inplace operation: "
                                 "[torch.FloatTensor [2]] is at version");
    CHECK(sum_of(tn_grad(p)) == 0);
    /* what no derivative will read is not kept, so it may be edited */
    tn_tensor *w = tn_parameter(tn_ones((2, 2))), *x = tn_full((2, 2), 3.0), *row = tn_parameter(tn_ones(2));
    tn_tensor *results[] = {
        tn_mul(w, x),    tn_mul(x, w),          tn_div(w, x),         tn_mm(w, x),
        tn_matmul(x, w), tn_linear(x, w, NULL), tn_linear(x, w, row), tn_bmm(tn_unsqueeze(w, 0), tn_unsqueeze(x, 0))};
    {
        TN_NO_GRAD;
        tn_zero_(w);
    }
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) CHECK(tn_backward(tn_sum(results[i])));
    CHECK_NEAR(sum_of(tn_grad(w)), 12 + 12 + 4 / 3.0 + 5 * 24, 1e-4);
    tn_tensor *kept = tn_sum(tn_mul(w, x)), *over = tn_sum(tn_div(w, x));
    tn_add_(x, 1);
    CHECK(!tn_backward(kept));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "has been modified by an inplace operation");
    CHECK(!tn_backward(over));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "has been modified by an inplace operation");
}

static tn_tensor *count_hook(tn_tensor *g, void *data) {
    (void)g;
    ++*(int *)data;
    return NULL;
}
static void setting_data(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 3))), *x = tn_t(tn_full((4, 5), 2, .dtype = TN_FLOAT64));
    {
        TN_NO_GRAD;
        tn_add_(p, 1);
    }
    tn_backward(tn_sum(p));
    tn_tensor *g = tn_grad(p);
    int hooked = 0;
    tn_register_hook(p, count_hook, &hooked, NULL);
    HOLDS(40, "Setting data points the Parameter at other memory, with its shape, strides and dtype; the object, its flag and its "
              "version stay.");
    CHECK(tn_set_data(p, x));
    CHECK(tn_data(p) == tn_data(x) && tn_size(p, 0) == 5 && tn_stride(p, 0) == 1 && tn_get_dtype(p) == TN_FLOAT64);
    CHECK(tn_requires_grad(p) && tn_is_leaf(p) && tn_is_parameter(p) && tn_version_counter(p) == 1);
    HOLDS(41, "After it both count their versions alone.");
    CHECK(tn_add_(x, 1) && tn_version_counter(x) == 1 && tn_version_counter(p) == 1 && sum_of(p) == 60);
    HOLDS(42, "Shape and floating dtype may differ; an integral dtype is refused while the flag is on.");
    CHECK(!tn_set_data(p, tn_arange(3)));
    CHECK_ERROR(TN_ERR_DTYPE, "data set to a tensor that requires gradients must be floating point or complex dtype");
    CHECK(tn_size(p, 0) == 5 && tn_data(p) == tn_data(x));
    CHECK(tn_set_data(p, tn_zeros(7, .dtype = TN_FLOAT16)) && tn_size(p, 0) == 7 && tn_get_dtype(p) == TN_FLOAT16);
    tn_tensor *frozen = tn_parameter(tn_ones(2), false);
    CHECK(tn_set_data(frozen, tn_arange(3)) && tn_get_dtype(frozen) == TN_INT64);
    HOLDS(43, "The history of what is put there is ignored; nothing at all is a TypeError.");
    CHECK(tn_set_data(p, tn_mul(tn_requires_grad_(tn_ones(3), true), 2)) && tn_is_leaf(p) && tn_grad_fn_name(p) == NULL);
    CHECK(!tn_set_data(p, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "NULL");
    CHECK(!tn_set_data(p, (tn_tensor *)(void *)tn_state_new()));
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a state");
    CHECK(tn_size(p, 0) == 3);
    HOLDS(44, "The gradient is left alone; if its shape no longer fits, the next backward says so.");
    CHECK(tn_grad(p) == g && tn_ndim(g) == 2);
    CHECK(!tn_backward(tn_sum(p)));
    CHECK_ERROR(TN_ERR_SHAPE, "[2, 3]");
    CHECK_STR(tn_status_exception(TN_ERR_SHAPE), "RuntimeError");
    CHECK(hooked == 1 && tn_grad(p) == g && sum_of(g) == 6); /* hooks stayed with the object */
    tn_set_grad(p, NULL);
    CHECK(tn_backward(tn_sum(p)) && sum_of(tn_grad(p)) == 3);
}

int main(void) {
    RUN(building);
    RUN(dtypes_and_flags);
    RUN(inference_mode);
    RUN(marks);
    RUN(plain_results);
    RUN(values_and_identity);
    RUN(data_and_version);
    RUN(setting_data);
    return test_end();
}
