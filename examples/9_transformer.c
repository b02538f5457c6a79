/* A transformer block from its parts: layer normalisation, causal attention by matmul and softmax, an MLP with GELU. It learns to repeat
 * made-up sequences. */
#include <math.h>
#include <stdio.h>
#include <tison.h>

enum { TOKENS = 12, LENGTH = 10, WIDTH = 16, HEADS = 2 };
static const double scale = 0.35355339059327379; /* 1 / sqrt(WIDTH / HEADS) */

typedef struct {
    tn_module         module;
    tn_nn_layer_norm *norm1;
    tn_nn_linear     *qkv, *proj;
    tn_nn_layer_norm *norm2;
    tn_nn_linear     *up, *down;
} block;

/* (N, T, C) -> (N, heads, T, C / heads) */
static tn_tensor *split_heads(tn_tensor *x) {
    return tn_transpose(tn_reshape(x, (tn_size(x, 0), tn_size(x, 1), HEADS, WIDTH / HEADS)), 1, 2);
}

/* Each place attends to itself and those before it. */
static tn_tensor *attention(block *self, tn_tensor *x) {
    int64_t n = tn_size(x, 0), length = tn_size(x, 1);
    tn_tensor *all = tn_forward(self->qkv, x), *part[3], *at = tn_arange(length);
    for (int i = 0; i < 3; i++) part[i] = split_heads(tn_narrow(all, -1, (int64_t)i * WIDTH, WIDTH));
    tn_tensor *scores = tn_mul(tn_matmul(part[0], tn_transpose(part[1], -2, -1)), scale);
    tn_tensor *later = tn_gt(tn_reshape(at, (1, length)), tn_reshape(at, (length, 1)));
    tn_tensor *y = tn_matmul(tn_softmax(tn_where(later, -INFINITY, scores), -1), part[2]);
    return tn_forward(self->proj, tn_reshape(tn_transpose(y, 1, 2), (n, length, WIDTH)));
}

static tn_tensor *block_forward(block *self, tn_tensor *x) {
    x = tn_add(x, attention(self, tn_forward(self->norm1, x)));
    return tn_add(x, tn_forward(self->down, tn_gelu(tn_forward(self->up, tn_forward(self->norm2, x)))));
}

TN_CLASS(block, block_forward, norm1, qkv, proj, norm2, up, down);

typedef struct {
    tn_module         module;
    tn_tensor        *places; /* a parameter (LENGTH, WIDTH) */
    tn_nn_embedding  *tokens;
    block            *block;
    tn_nn_layer_norm *norm;
    tn_nn_linear     *head;
} model;

/* tokens (N, T) -> logits (N, T, TOKENS) */
static tn_tensor *model_forward(model *self, tn_tensor *x) {
    x = tn_add(tn_forward(self->tokens, x), tn_slice(self->places, 0, TN_NONE, tn_size(x, 1), 1));
    return tn_forward(self->head, tn_forward(self->norm, tn_forward(self->block, x)));
}

TN_CLASS(model, model_forward, places, tokens, block, norm, head);

static model *model_new(void) {
    model *self = tn_new(model);
    block *b = self->block = tn_new(block);
    self->places = tn_parameter(tn_zeros((LENGTH, WIDTH)));
    self->tokens = tn_nn_embedding(TOKENS, WIDTH);
    b->norm1 = tn_nn_layer_norm(WIDTH);
    b->qkv = tn_nn_linear(WIDTH, 3 * WIDTH);
    b->proj = tn_nn_linear(WIDTH, WIDTH);
    b->norm2 = tn_nn_layer_norm(WIDTH);
    b->up = tn_nn_linear(WIDTH, 4 * WIDTH);
    b->down = tn_nn_linear(4 * WIDTH, WIDTH);
    self->norm = tn_nn_layer_norm(WIDTH);
    self->head = tn_nn_linear(WIDTH, TOKENS);
    return self;
}

int main(void) {
    tn_exit_on_error(true);
    tn_manual_seed(0);
    model *net = model_new();
    tn_tensor *x = tn_randint(0, TOKENS, (8, LENGTH)), *from = tn_slice(x, 1, TN_NONE, -1, 1);
    tn_tensor *next = tn_reshape(tn_slice(x, 1, 1, TN_NONE, 1), -1);
    tn_optim *opt = tn_optim_adamw(tn_parameters(net), .lr = 1e-2);
    double first = 0, last = 0;

    for (int step = 0; step < 30; step++) {
        TN_SCOPE;
        tn_tensor *loss = tn_cross_entropy(tn_reshape(tn_forward(net, from), (-1, TOKENS)), next);
        tn_optim_zero_grad(opt);
        tn_backward(loss);
        tn_optim_step(opt);
        last = tn_item(loss);
        if (step == 0) first = last;
        printf("step %2d  loss %.6f\n", step, last);
    }
    return last < first / 4 ? 0 : 1;
}
