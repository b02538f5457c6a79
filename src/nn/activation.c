/* nn/activation.c - torch.nn.ReLU, Tanh, Sigmoid, SiLU. */
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.ReLU, Tanh, Sigmoid, SiLU: x of any shape -> the same shape. */
typedef struct tn_nn_activation {
    tn_module module;
} tn_nn_activation;
typedef tn_nn_activation tn_nn_relu, tn_nn_tanh, tn_nn_sigmoid, tn_nn_silu;
#ifndef __cplusplus
#define tn_nn_relu() tn_nn_relu_new()
#define tn_nn_tanh() tn_nn_tanh_new()
#define tn_nn_sigmoid() tn_nn_sigmoid_new()
#define tn_nn_silu() tn_nn_silu_new()
#endif
#endif

static tn_tensor *relu_forward(tn_nn_relu *self, tn_tensor *x) {
    (void)self;
    return tn_relu(x);
}
TN_CLASS_WITH(tn_nn_relu, relu_forward, (TN_NO_FIELDS), .printed = "ReLU");
/** max(x, 0). [scope] */
TN_API tn_nn_relu *tn_nn_relu_new(void) { return tn_new(tn_nn_relu); }

static tn_tensor *tanh_forward(tn_nn_tanh *self, tn_tensor *x) {
    (void)self;
    return tn_tanh(x);
}
TN_CLASS_WITH(tn_nn_tanh, tanh_forward, (TN_NO_FIELDS), .printed = "Tanh");
/** tanh(x). [scope] */
TN_API tn_nn_tanh *tn_nn_tanh_new(void) { return tn_new(tn_nn_tanh); }

static tn_tensor *sigmoid_forward(tn_nn_sigmoid *self, tn_tensor *x) {
    (void)self;
    return tn_sigmoid(x);
}
TN_CLASS_WITH(tn_nn_sigmoid, sigmoid_forward, (TN_NO_FIELDS), .printed = "Sigmoid");
/** 1 / (1 + exp(-x)). [scope] */
TN_API tn_nn_sigmoid *tn_nn_sigmoid_new(void) { return tn_new(tn_nn_sigmoid); }

static tn_tensor *silu_forward(tn_nn_silu *self, tn_tensor *x) {
    (void)self;
    return tn_silu(x);
}
TN_CLASS_WITH(tn_nn_silu, silu_forward, (TN_NO_FIELDS), .printed = "SiLU");
/** x / (1 + exp(-x)). [scope] */
TN_API tn_nn_silu *tn_nn_silu_new(void) { return tn_new(tn_nn_silu); }
