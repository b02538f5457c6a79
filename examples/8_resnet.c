/* A small ResNet in the style of CIFAR's: two residual blocks, batch normalisation, SGD with momentum, on one batch of made-up images. */
#include <stdio.h>
#include <tison.h>

typedef struct {
    tn_module           module;
    tn_nn_conv2d       *conv1;
    tn_nn_batch_norm2d *bn1;
    tn_nn_conv2d       *conv2;
    tn_nn_batch_norm2d *bn2;
    tn_nn_sequential   *shortcut; /* NULL: the input itself */
} block;

/* x (N, in, H, W) -> (N, out, H / stride, W / stride) */
static tn_tensor *block_forward(block *self, tn_tensor *x) {
    tn_tensor *y = tn_relu(tn_forward(self->bn1, tn_forward(self->conv1, x)));
    y = tn_forward(self->bn2, tn_forward(self->conv2, y));
    return tn_relu(tn_add(y, self->shortcut ? tn_forward(self->shortcut, x) : x));
}

TN_CLASS(block, block_forward, conv1, bn1, conv2, bn2, shortcut);

static block *block_new(int64_t in, int64_t out, int64_t stride) {
    block *self = tn_new(block);
    self->conv1 = tn_nn_conv2d(in, out, 3, .stride = stride, .padding = 1, .bias = false);
    self->bn1 = tn_nn_batch_norm2d(out);
    self->conv2 = tn_nn_conv2d(out, out, 3, .padding = 1, .bias = false);
    self->bn2 = tn_nn_batch_norm2d(out);
    if (stride != 1 || in != out)
        self->shortcut = tn_nn_sequential(tn_nn_conv2d(in, out, 1, .stride = stride, .bias = false), tn_nn_batch_norm2d(out));
    return self;
}

typedef struct {
    tn_module           module;
    tn_nn_conv2d       *stem;
    tn_nn_batch_norm2d *bn;
    block              *blocks[2];
    tn_nn_linear       *head;
} resnet;

static tn_tensor *resnet_forward(resnet *self, tn_tensor *x) {
    x = tn_relu(tn_forward(self->bn, tn_forward(self->stem, x)));
    for (int i = 0; i < 2; i++) x = tn_forward(self->blocks[i], x);
    return tn_forward(self->head, tn_flatten(tn_adaptive_avg_pool2d(x, 1), 1, -1));
}

TN_CLASS(resnet, resnet_forward, stem, bn, blocks, head);

static resnet *resnet_new(void) {
    resnet *self = tn_new(resnet);
    self->stem = tn_nn_conv2d(3, 8, 3, .padding = 1, .bias = false);
    self->bn = tn_nn_batch_norm2d(8);
    self->blocks[0] = block_new(8, 8, 1);
    self->blocks[1] = block_new(8, 16, 2);
    self->head = tn_nn_linear(16, 10);
    return self;
}

int main(void) {
    tn_exit_on_error(true);
    tn_manual_seed(0);
    resnet *net = resnet_new();
    tn_tensor *x = tn_randn((16, 3, 12, 12)), *t = tn_randint(0, 10, (16));
    tn_optim *opt = tn_optim_sgd(tn_parameters(net), .lr = 0.2, .momentum = 0.9);
    double first = 0, last = 0;

    for (int step = 0; step < 20; step++) {
        TN_SCOPE;
        tn_tensor *loss = tn_cross_entropy(tn_forward(net, x), t);
        tn_optim_zero_grad(opt);
        tn_backward(loss);
        tn_optim_step(opt);
        last = tn_item(loss);
        if (step == 0) first = last;
        printf("step %2d  loss %.6f\n", step, last);
    }
    tn_eval(net);
    TN_NO_GRAD;
    printf("with the running statistics  loss %.6f\n", tn_item(tn_cross_entropy(tn_forward(net, x), t)));
    return last < first / 4 ? 0 : 1;
}
