/* The messages that programs match on, whole, as PyTorch 2.13 writes them: docs/parameter-semantics.md; `make parity` compares them live. */
#include "support.h"

#define TEXT(exception, message) check_text(exception, message, __LINE__)
static void check_text(const char *exception, const char *message, int line) {
    if (!test_check(!strcmp(tn_status_exception(tn_error()), exception) && !strcmp(tn_error_message(), message), message, __FILE__,
                    line))
        printf("  got %s: %s\n", tn_status_exception(tn_error()), tn_error_message());
    tn_clear_error();
}

static void of_tensors(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(3));
    tn_parameter(tn_arange(3)), TEXT("RuntimeError", "Only Tensors of floating point and complex dtype can require gradients");
    tn_add_(p, 1), TEXT("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation.");
    tn_zero_(tn_select(p, 0, 0)),
        TEXT("RuntimeError", "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    tn_requires_grad_(tn_arange(3), true), TEXT("RuntimeError", "only Tensors of floating point dtype can require gradients");
    tn_set_data(p, tn_arange(3)),
        TEXT("RuntimeError", "data set to a tensor that requires gradients must be floating point or complex dtype");
    tn_set_grad(p, tn_ones(2)),
        TEXT("RuntimeError", "attempting to assign a gradient of size '[2]' to a tensor of size '[3]'. Please ensure "
                             "that the gradient and the tensor are the same size");
}

static void of_members(void) {
    TN_SCOPE;
    tn_module *m = (tn_module *)tn_nn_sequential();
    tn_tensor *p = tn_parameter(tn_ones(2)), *x = tn_ones(2), *whole = tn_arange(2);
    (tn_module_set)(m, "w", p), (tn_module_set)(m, "c", tn_nn_relu()), (tn_module_set)(m, "b", tn_buffer(x));
    (tn_module_set)(m, "w", x),
        TEXT("TypeError", "cannot assign 'torch.FloatTensor' as parameter 'w' (torch.nn.Parameter or None expected)");
    (tn_module_set)(m, "c", whole),
        TEXT("TypeError", "cannot assign 'torch.LongTensor' as child module 'c' (torch.nn.Module or None expected)");
    (tn_module_get)(m, "none"), TEXT("AttributeError", "'Sequential' object has no attribute 'none'");
    (tn_module_register_parameter)(m, "v", whole), TEXT("TypeError", "cannot assign 'torch.LongTensor' object to parameter 'v' "
                                                                     "(torch.nn.Parameter or None required)");
    (tn_get_submodule)(m, "none"), TEXT("AttributeError", "Sequential has no attribute `none`");
    (tn_get_submodule)(m, "w"), TEXT("AttributeError", "`w` is not an nn.Module");
    (tn_get_parameter)(m, "b"), TEXT("AttributeError", "`b` is not an nn.Parameter");
    tn_module_to(m, TN_INT64),
        TEXT("TypeError", "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64");
    (tn_module_register_parameter)(m, "a.b", p), TEXT("KeyError", "parameter name can't contain \".\"");
    (tn_module_register_buffer)(m, "a.b", x, NULL), TEXT("KeyError", "buffer name can't contain \".\"");
    (tn_module_register_module)(m, "a.b", tn_nn_relu()), TEXT("KeyError", "module name can't contain \".\", got: a.b");
    (tn_module_register_parameter)(m, "", p), TEXT("KeyError", "parameter name can't be empty string \"\"");
    (tn_module_register_buffer)(m, "", x, NULL), TEXT("KeyError", "buffer name can't be empty string \"\"");
    (tn_module_register_parameter)(m, NULL, p), TEXT("TypeError", "parameter name should be a string. Got NoneType");
    (tn_module_register_buffer)(m, "w", x, NULL), TEXT("KeyError", "attribute 'w' already exists");
    (tn_module_register_module)(m, "d", x), TEXT("TypeError", "torch.FloatTensor is not a Module subclass");
}

static void of_states(void) {
    TN_SCOPE;
    tn_nn_linear *m = tn_nn_linear(2, 3);
    tn_state *s = tn_state_new();
    tn_state_set(s, "other", tn_ones(1)), tn_state_set(s, "weight", tn_ones((4, 2)));
    tn_load_state_dict(m, s);
    TEXT("RuntimeError",
         "Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: \"bias\". \n\tUnexpected key(s) in "
         "state_dict: \"other\". \n\tsize mismatch for weight: copying a param with shape torch.Size([4, 2]) from checkpoint, "
         "the shape in current model is torch.Size([3, 2]).");
    tn_optim_sgd(tn_tensors_new(NULL, 0), .lr = 1), TEXT("ValueError", "optimizer got an empty parameter list");
    tn_tensor *made = tn_mul(m->weight, 2);
    tn_optim_sgd(tn_tensors_new(&made, 1), .lr = 1), TEXT("ValueError", "can't optimize a non-leaf Tensor");
}

int main(void) {
    RUN(of_tensors);
    RUN(of_members);
    RUN(of_states);
    return test_end();
}
