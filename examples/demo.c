/* What `make demo` runs: trains the network of 2_train.c on handwritten digits, draws how it goes, saves it and reads it back.
 * demo [SEED] trains once; demo --seeds N prints the accuracy of N seeds. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tison.h>
#include <unistd.h>

enum { EPOCHS = 15, BATCH = 32, WIDTH = 60, HEIGHT = 10, SHOWN = 8 };

typedef struct {
    tn_module module;
    tn_nn_conv2d *conv;
    tn_nn_linear *hidden, *out;
    tn_nn_dropout *dropout;
} digit_net;

/* x (N, 1, 8, 8) -> logits (N, 10) */
static tn_tensor *digit_net_forward(digit_net *self, tn_tensor *x) {
    x = tn_max_pool2d(tn_relu(tn_forward(self->conv, x)), 2); /* (N, 16, 4, 4) */
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

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double accuracy(digit_net *net) {
    TN_NO_GRAD;
    TN_SCOPE;
    int64_t right = 0, seen = 0;
    tn_data_loader *test = tn_data_loader(tn_data_digits(.train = false), .batch_size = 256);
    tn_eval(net);
    for (tn_batch batch = tn_batches(test); tn_batch_next(&batch);) {
        TN_SCOPE;
        right += tn_item_int(tn_sum(tn_eq(tn_argmax(tn_forward(net, batch.input), 1), batch.target)));
        seen += tn_size(batch.target, 0);
    }
    tn_train(net);
    return (double)right / (double)seen;
}

/* ---- drawing ---- */

static void progress(int epoch, int64_t step, int64_t steps, double loss) {
    int filled = (int)(step * 30 / steps);
    printf("\repoch %2d/%d  [", epoch, (int)EPOCHS);
    for (int i = 0; i < 30; i++) fputs(i < filled ? "#" : "-", stdout);
    printf("]  loss %.4f ", loss);
    fflush(stdout);
}

/* The mean loss of each of WIDTH stretches of the run, as a curve of blocks. */
static void draw_curve(const double *loss, int64_t n) {
    double column[WIDTH], top = 0;
    for (int i = 0; i < WIDTH; i++) {
        int64_t from = n * i / WIDTH, to = n * (i + 1) / WIDTH;
        column[i] = 0;
        for (int64_t k = from; k < to; k++) column[i] += loss[k] / (double)(to - from);
        if (column[i] > top) top = column[i];
    }
    printf("\nloss\n");
    for (int row = HEIGHT; row >= 1; row--) {
        printf("%6.2f |", top * row / HEIGHT);
        for (int i = 0; i < WIDTH; i++) {
            double level = column[i] / top * HEIGHT - (row - 1);
            fputs(level >= 1 ? "#" : level >= 0.5 ? ":" : level > 0.05 && row == 1 ? "." : " ", stdout);
        }
        printf("\n");
    }
    printf("       +");
    for (int i = 0; i < WIDTH; i++) putchar('-');
    printf(" %lld steps\n", (long long)n);
}

/* The first images of the test set side by side, with what the network reads. */
static void draw_digits(digit_net *net) {
    TN_NO_GRAD;
    TN_SCOPE;
    static const char ink[] = " .:-=+*#%@";
    tn_eval(net);
    tn_batch batch = tn_batches(tn_data_loader(tn_data_digits(.train = false), .batch_size = SHOWN));
    if (!tn_batch_next(&batch)) return;
    const float *pixel = tn_data_f32(batch.input);
    const int64_t *label = tn_data_i64(batch.target), *guess = tn_data_i64(tn_argmax(tn_forward(net, batch.input), 1));
    printf("\n");
    for (int y = 0; y < 8; y++) {
        for (int k = 0; k < SHOWN; k++) {
            for (int x = 0; x < 8; x++) putchar(ink[(int)(pixel[k * 64 + y * 8 + x] * 9 / 16)]);
            printf("  ");
        }
        printf("\n");
    }
    for (int k = 0; k < SHOWN; k++)
        if (guess[k] == label[k])
            printf("%lld         ", (long long)guess[k]);
        else
            printf("%lld, not %lld  ", (long long)guess[k], (long long)label[k]);
    printf("\n");
    tn_train(net);
}

/* ---- training ---- */

static digit_net *train(uint64_t seed, bool quiet) {
    bool bar = !quiet && isatty(STDOUT_FILENO);
    tn_manual_seed(seed);
    tn_data_loader *data = tn_data_loader(tn_data_digits(.train = true), .batch_size = BATCH, .shuffle = true);
    digit_net *net = digit_net_new();
    tn_optim *opt = tn_optim_adamw(tn_parameters(net), .lr = 2e-3, .weight_decay = 0);
    int64_t steps = tn_data_loader_len(data), done = 0;
    double *losses = calloc((size_t)(EPOCHS * steps), sizeof *losses);
    if (!losses) return net;
    if (!quiet) tn_print(net);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double sum = 0;
        int64_t step = 0;
        for (tn_batch batch = tn_batches(data); tn_batch_next(&batch);) {
            TN_SCOPE;
            tn_tensor *loss = tn_cross_entropy(tn_forward(net, batch.input), batch.target);
            tn_optim_zero_grad(opt);
            tn_backward(loss);
            tn_optim_step(opt);
            sum += losses[done++] = tn_item(loss);
            step++;
            if (bar) progress(epoch, step, steps, sum / (double)step);
        }
        if (!bar && !quiet) printf("epoch %2d/%d  loss %.4f", epoch, (int)EPOCHS, sum / (double)step);
        if (!quiet) printf("  test accuracy %.1f %%\n", 100 * accuracy(net));
    }
    if (!quiet) draw_curve(losses, done);
    free(losses);
    return net;
}

static int train_seeds(int n) {
    double least = 1, sum = 0;
    for (int seed = 0; seed < n; seed++) {
        TN_SCOPE;
        double a = accuracy(train((uint64_t)seed, true));
        printf("seed %d  test accuracy %.2f %%\n", seed, 100 * a);
        least = a < least ? a : least;
        sum += a;
    }
    printf("mean %.2f %%, least %.2f %%\n", 100 * sum / n, 100 * least);
    return least > 0.97 ? 0 : 1;
}

int main(int argc, char **argv) {
    tn_exit_on_error(true);
    if (argc > 2 && strcmp(argv[1], "--seeds") == 0) return train_seeds(atoi(argv[2]));
    double start = seconds();
    digit_net *net = train(argc > 1 ? strtoull(argv[1], NULL, 10) : 0, false);
    draw_digits(net);
    double before = accuracy(net);
    tn_save(tn_state_dict(net), "digits.safetensors");
    digit_net *copy = digit_net_new();
    tn_load_state_dict(copy, tn_load("digits.safetensors"));
    double after = accuracy(copy);
    printf("\nsaved to digits.safetensors and read back: %.2f %% before, %.2f %% after\n", 100 * before, 100 * after);
    printf("%.1f seconds in all\n", seconds() - start);
    return before == after && before > 0.97 ? 0 : 1;
}
