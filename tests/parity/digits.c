/* Trains the network of examples/2_train.c and prints its losses; digits.py trains the same in PyTorch. */
#include "parity.h"

typedef struct {
    tn_module module;
    tn_nn_conv2d *conv;
    tn_nn_linear *hidden, *out;
    tn_nn_dropout *dropout;
} digit_net;

static tn_tensor *digit_net_forward(digit_net *self, tn_tensor *x) {
    x = tn_max_pool2d(tn_relu(tn_forward(self->conv, x)), 2);
    x = tn_relu(tn_forward(self->hidden, tn_flatten(x, 1, -1)));
    return tn_forward(self->out, tn_forward(self->dropout, x));
}

TN_CLASS(digit_net, digit_net_forward, conv, hidden, out, dropout);

static digit_net *digit_net_new(void) {
    digit_net *self = tn_new(digit_net);
    self->conv = tn_nn_conv2d(1, 16, 3, .padding = 1);
    self->hidden = tn_nn_linear(16 * 4 * 4, 64);
    self->out = tn_nn_linear(64, 10);
    self->dropout = tn_nn_dropout(0.25);
    return self;
}

static int64_t right(digit_net *net, tn_data_loader *loader, tn_dtype dtype) {
    TN_NO_GRAD;
    int64_t sum = 0;
    tn_eval(net);
    for (tn_batch batch = tn_batches(loader); tn_batch_next(&batch);) {
        TN_SCOPE;
        tn_tensor *guess = tn_argmax(tn_forward(net, tn_to(batch.input, dtype)), 1);
        sum += tn_item_int(tn_sum(tn_eq(guess, batch.target), .dtype = TN_INT64));
    }
    tn_train(net);
    return sum;
}

static void put_data(const char *name, bool train) {
    TN_SCOPE;
    char full[64];
    tn_data_loader *all = tn_data_loader(tn_data_digits(.train = train), .batch_size = 4000);
    for (tn_batch batch = tn_batches(all); tn_batch_next(&batch);) {
        snprintf(full, sizeof full, "%s.input", name);
        put(full, batch.input);
        snprintf(full, sizeof full, "%s.target", name);
        put(full, batch.target);
    }
}

static void put_parameters(const char *prefix, digit_net *net, bool gradients) {
    char name[96];
    for (tn_named_iter p = tn_named_parameters(net); tn_named_next(&p);) {
        snprintf(name, sizeof name, "%s.%s", prefix, p.name);
        put(name, gradients ? tn_grad(p.tensor) : p.tensor);
    }
}

/* Trains in one dtype; its results have `prefix` before their names. */
static void run(FILE *file, const char *prefix, tn_dtype dtype) {
    TN_SCOPE;
    char name[32];
#define NAME(what) (snprintf(name, sizeof name, "%s.%s", prefix, what), name)
    tn_manual_seed(0);
    tn_data_loader *train = tn_data_loader(tn_data_digits(.train = true), .batch_size = 32, .shuffle = true);
    tn_data_loader *test = tn_data_loader(tn_data_digits(.train = false), .batch_size = 256);
    digit_net *net = digit_net_new();
    tn_module_to(net, dtype);
    tn_optim *opt = tn_optim_adamw(tn_parameters(net), .lr = 2e-3, .weight_decay = 0);
    put_parameters(NAME("start"), net, false);
    for (int step = 0; step < 100;) {
        for (tn_batch batch = tn_batches(train); step < 100 && tn_batch_next(&batch); step++) {
            TN_SCOPE;
            tn_tensor *loss = tn_cross_entropy(tn_forward(net, tn_to(batch.input, dtype)), batch.target);
            tn_optim_zero_grad(opt);
            tn_backward(loss);
            if (step == 0) put_parameters(NAME("grad"), net, true);
            tn_optim_step(opt);
            if (step == 0) put_parameters(NAME("step"), net, false);
            fprintf(file, "%s %.9g\n", prefix, tn_item(loss));
        }
        fprintf(file, "%s.right %lld\n", prefix, (long long)right(net, test, dtype));
    }
    put_parameters(NAME("end"), net, false);
    put(NAME("next"), tn_rand(4)); /* the generator stands at the same place */
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    char path[1024];
    snprintf(path, sizeof path, "%s/losses", argv[1]);
    FILE *file = fopen(path, "w");
    if (!file) return 1;
    begin();
    put_data("train", true);
    put_data("test", false);
    run(file, "float32", TN_FLOAT32);
    run(file, "float64", TN_FLOAT64);
    fclose(file);
    end(argv[1], "digits.safetensors");
    return 0;
}
