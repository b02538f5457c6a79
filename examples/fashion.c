/* What `make fashion` runs: a network in the manner of LeNet learns Fashion-MNIST, 60,000 images of clothes, and is then judged on 10,000
 * others. fashion [FOLDER [EPOCHS [THREADS]]]: the folder with the four IDX files, as Debian's package dataset-fashion-mnist has them. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <tison.h>
#include <unistd.h>

enum { BATCH = 64 };

typedef struct {
    tn_module module;
    tn_nn_conv2d *conv1, *conv2;
    tn_nn_linear *hidden, *out;
} fashion_net;

/* x (N, 1, 28, 28) -> logits (N, 10) */
static tn_tensor *fashion_net_forward(fashion_net *self, tn_tensor *x) {
    x = tn_max_pool2d(tn_relu(tn_forward(self->conv1, x)), 2); /* (N, 16, 14, 14) */
    x = tn_max_pool2d(tn_relu(tn_forward(self->conv2, x)), 2); /* (N, 32, 5, 5) */
    x = tn_relu(tn_forward(self->hidden, tn_flatten(x, 1, -1)));
    return tn_forward(self->out, x);
}
TN_CLASS(fashion_net, fashion_net_forward, conv1, conv2, hidden, out);

static fashion_net *fashion_net_new(void) {
    fashion_net *self = tn_new(fashion_net);
    self->conv1 = tn_nn_conv2d(1, 16, 5, .padding = 2);
    self->conv2 = tn_nn_conv2d(16, 32, 5);
    self->hidden = tn_nn_linear(32 * 5 * 5, 128);
    self->out = tn_nn_linear(128, 10);
    return self;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static tn_tensor *load(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return tn_load_idx(path);
}

/* Images as float32 (N, 1, 28, 28) of mean 0 and deviation 1 over the training set, labels as int64 (N). */
static tn_dataset *fashion(const char *folder, bool train) {
    tn_tensor *images = load(folder, train ? "train-images-idx3-ubyte.gz" : "t10k-images-idx3-ubyte.gz");
    tn_tensor *labels = load(folder, train ? "train-labels-idx1-ubyte.gz" : "t10k-labels-idx1-ubyte.gz");
    images = tn_div(tn_sub(tn_to(tn_unsqueeze(images, 1), TN_FLOAT32), 72.94), 90.02);
    return tn_data_tensor_dataset(images, tn_to(labels, TN_INT64));
}

static double accuracy(fashion_net *net, tn_data_loader *loader) {
    TN_NO_GRAD;
    int64_t right = 0, seen = 0;
    tn_eval(net);
    for (tn_batch batch = tn_batches(loader); tn_batch_next(&batch);) {
        TN_SCOPE;
        tn_tensor *guess = tn_argmax(tn_forward(net, batch.input), 1);
        right += tn_item_int(tn_sum(tn_eq(guess, batch.target), .dtype = TN_INT64));
        seen += tn_size(batch.target, 0);
    }
    tn_train(net);
    return (double)right / (double)seen;
}

/* One pass over the training set; the mean loss. */
static double train_epoch(fashion_net *net, tn_optim *opt, tn_data_loader *loader, bool bar) {
    int64_t step = 0, steps = tn_data_loader_len(loader);
    double sum = 0;
    for (tn_batch batch = tn_batches(loader); tn_batch_next(&batch);) {
        TN_SCOPE;
        tn_tensor *loss = tn_cross_entropy(tn_forward(net, batch.input), batch.target);
        tn_optim_zero_grad(opt);
        tn_backward(loss);
        tn_optim_step(opt);
        sum += tn_item(loss);
        step++;
        if (bar && step % 10 == 0) {
            printf("\r%3d %%  loss %.4f", (int)(100 * step / steps), sum / (double)step);
            fflush(stdout);
        }
    }
    if (bar) printf("\r");
    return sum / (double)step;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    int epochs = argc > 2 ? atoi(argv[2]) : 6;
    bool bar = isatty(STDOUT_FILENO);
    tn_exit_on_error(true);
    if (argc > 3) tn_set_num_threads(atoi(argv[3]));
    tn_manual_seed(0);
    double start = seconds();
    tn_dataset *train_set = fashion(folder, true), *test_set = fashion(folder, false);
    double train_images = (double)tn_dataset_len(train_set), test_images = (double)tn_dataset_len(test_set);
    tn_data_loader *train = tn_data_loader(train_set, .batch_size = BATCH, .shuffle = true);
    tn_data_loader *test = tn_data_loader(test_set, .batch_size = 500);
    fashion_net *net = fashion_net_new();
    tn_optim *opt = tn_optim_adamw(tn_parameters(net), .lr = 1e-3);
    tn_print(net);
    printf("%d threads; the data was read in %.1f s\n", tn_get_num_threads(), seconds() - start);
    double last = 0;
    for (int epoch = 1; epoch <= epochs; epoch++) {
        double before = seconds(), loss = train_epoch(net, opt, train, bar), trained = seconds();
        last = accuracy(net, test);
        printf("epoch %2d/%d  loss %.4f  test accuracy %.2f %%  %.0f images/s in training, %.0f in testing\n", epoch, epochs, loss,
               100 * last, train_images / (trained - before), test_images / (seconds() - trained));
        fflush(stdout);
    }
    tn_save(tn_state_dict(net), "fashion.safetensors");
    fashion_net *copy = fashion_net_new();
    tn_load_state_dict(copy, tn_load("fashion.safetensors"));
    double again = accuracy(copy, test);
    printf("saved to fashion.safetensors and read back: test accuracy %.2f %%; %.0f seconds in all\n", 100 * again,
           seconds() - start);
    return again == last && (epochs < 5 || last > 0.90) ? 0 : 1;
}
