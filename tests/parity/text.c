/* The text of tensors, parameters and modules; text.py compares it with repr. Texts go into a file, each behind a line
 * "== name"; the tensors go into a state. */
#include "parity.h"
#include <math.h>

static FILE *file;
static void text(const char *name, const void *x) { fprintf(file, "== %s\n%s\n", name, tn_to_string(x)); }
static void tensor(const char *name, tn_tensor *x) {
    put(name, x);
    text(name, x);
}

typedef struct {
    tn_module module;
    tn_nn_conv2d *conv;
    tn_nn_container *rest;
    tn_tensor *scale;
} digit_net;
static tn_tensor *digit_net_forward(digit_net *self, tn_tensor *x) {
    return tn_mul(tn_forward(self->rest, tn_forward(self->conv, x)), self->scale);
}
TN_CLASS(digit_net, digit_net_forward, conv, rest, scale);

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    char path[1024];
    snprintf(path, sizeof path, "%s/text", argv[1]);
    if (!(file = fopen(path, "w"))) return 1;
    begin();
    tn_manual_seed(31);
    tensor("0-d", tn_scalar_tensor(3.5));
    tensor("0-d int", tn_tensor((), 7));
    tensor("empty", tn_zeros(0));
    tensor("empty matrix", tn_zeros((2, 0, 3)));
    tensor("vector", tn_randn(5));
    tensor("long vector", tn_randn(40));
    tensor("matrix", tn_randn((4, 5)));
    tensor("wide", tn_randn((2, 40)));
    tensor("large", tn_randn((60, 50)));
    tensor("large vector", tn_arange(2000));
    tensor("four dims", tn_randn((2, 2, 2, 3)));
    tensor("float64", tn_randn((2, 3), .dtype = TN_FLOAT64));
    tensor("whole", tn_tensor((4), 1.0, 2.0, -3.0, 100.0));
    tensor("scientific", tn_tensor((3), 1e-6, 1.0, 1e6));
    tensor("tiny", tn_tensor((2), 1e-20, 3e-21));
    tensor("huge", tn_tensor((2), 1e20, -3.5));
    tensor("special", tn_tensor((4), NAN, INFINITY, -INFINITY, 1.5));
    tensor("int64", tn_randint(-1000, 1000, (3, 4)));
    tensor("int32", tn_to(tn_arange(5), TN_INT32));
    tensor("uint8", tn_to(tn_arange(5), TN_UINT8));
    tensor("bool", tn_gt(tn_randn((2, 3)), 0));
    tensor("negative zero", tn_tensor((2), -0.0, 0.0));
    tensor("transposed", tn_t(tn_randn((2, 3))));
    tn_tensor *x = tn_requires_grad_(tn_randn((2, 2)), true);
    tensor("leaf", x);
    tensor("AddBackward0", tn_add(x, 1));
    tensor("MulBackward0", tn_mul(x, x));
    tensor("SumBackward0", tn_sum(x));
    tensor("MeanBackward0", tn_mean(x));
    tensor("TBackward0", tn_t(x));
    tensor("ReluBackward0", tn_relu(x));
    tensor("MmBackward0", tn_mm(x, x));
    tensor("LogSoftmaxBackward0", tn_log_softmax(x, 1));
    tensor("NllLossBackward0", tn_cross_entropy(x, tn_tensor((2), 0, 1)));
    tensor("ViewBackward0", tn_view(x, 4));
    tensor("parameter", tn_parameter(tn_randn((2, 3))));
    tensor("frozen parameter", tn_parameter(tn_randn((2, 3)), false));
    text("Linear", tn_nn_linear(3, 4));
    text("Linear without bias", tn_nn_linear(3, 4, .bias = false));
    text("Conv2d", tn_nn_conv2d(3, 4, 5));
    text("Conv2d options",
         tn_nn_conv2d(4, 8, (3, 5), .stride = 2, .padding_hw = {1, 2}, .dilation = 2, .groups = 2, .bias = false));
    text("Dropout", tn_nn_dropout(0.25));
    text("Flatten", tn_nn_flatten());
    text("MaxPool2d", tn_nn_max_pool2d(2));
    text("MaxPool2d options", tn_nn_max_pool2d((2, 3), .stride = 1, .padding = 1, .ceil_mode = true));
    text("ReLU", tn_nn_relu());
    text("Tanh", tn_nn_tanh());
    text("Sigmoid", tn_nn_sigmoid());
    text("Sequential", tn_nn_sequential(tn_nn_linear(2, 3), tn_nn_relu(), tn_nn_sequential(tn_nn_linear(3, 3), tn_nn_tanh())));
    text("ModuleList", tn_nn_module_list(tn_nn_linear(2, 3), tn_nn_linear(2, 3), tn_nn_relu()));
    digit_net *net = tn_new(digit_net);
    net->conv = tn_nn_conv2d(1, 2, 3);
    net->rest = tn_nn_sequential(tn_nn_relu(), tn_nn_flatten());
    net->scale = tn_parameter(tn_ones(1));
    text("module of one's own", net);
    fclose(file);
    end(argv[1], "text.safetensors");
    return 0;
}
