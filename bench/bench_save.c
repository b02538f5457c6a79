/* bench/bench_save.c - what saving costs a training step: 100 MB of weights, at once and in the background. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <tison.h>
#include <unistd.h>

typedef struct {
    tn_module module;
    tn_nn_linear *layer[4];
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) {
    for (int i = 0; i < 4; i++) x = tn_relu(tn_forward(self->layer[i], x));
    return x;
}
TN_CLASS(net, net_forward, layer);

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { WIDTH = 2500, BATCH = 64, EVERY = 10, CYCLES = 7 };
static const char path[] = "/tmp/tison_bench_save.pt";
typedef enum { NONE, BACKGROUND, NOW, MODES } mode;

static void step(net *m, tn_optim *opt, tn_tensor *x) {
    TN_SCOPE;
    tn_optim_zero_grad(opt);
    tn_backward(tn_mean(tn_forward(m, x)));
    tn_optim_step(opt);
}

/* Seconds of EVERY steps with one save in front; *call: of the save's call. */
static double cycle(net *m, tn_optim *opt, tn_tensor *x, mode how, tn_saver *saver, double *call) {
    double start = seconds();
    if (how != NONE) tn_checkpoint_save(path, .model = m, .step = 1, .saver = how == BACKGROUND ? saver : NULL);
    *call = seconds() - start;
    for (int i = 0; i < EVERY; i++) step(m, opt, x);
    return seconds() - start;
}

static int compare(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }
static double median(double *v) {
    qsort(v, CYCLES, sizeof *v, compare);
    return v[CYCLES / 2];
}

int main(void) {
    double taken[MODES][CYCLES], call[MODES][CYCLES], ignored;
    static const char *const names[] = {"not saved", "saved in the background", "saved at once"};
    tn_exit_on_error(true);
    net *m = tn_new(net);
    for (int i = 0; i < 4; i++) m->layer[i] = tn_nn_linear(WIDTH, WIDTH);
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 1e-3);
    tn_tensor *x = tn_randn((BATCH, WIDTH));
    tn_saver *saver = tn_saver_new();
    (void)cycle(m, opt, x, BACKGROUND, saver, &ignored); /* the copy's memory is there from now on */
    for (int k = 0; k < CYCLES; k++)                     /* in turn, since a machine's load changes */
        for (int how = 0; how < MODES; how++) {
            tn_saver_wait(saver);
            taken[how][k] = cycle(m, opt, x, (mode)how, saver, &call[how][k]);
        }
    printf("4 layers %d x %d, batch %d, 100 MB of weights, a save every %d steps; medians of %d\n", WIDTH, WIDTH, BATCH, EVERY,
           CYCLES);
    double none = median(taken[NONE]);
    for (int how = 0; how < MODES; how++) {
        double t = median(taken[how]), c = median(call[how]);
        printf("%-24s a step %6.1f ms (%+5.1f %%)", names[how], 1e3 * t / EVERY, 100 * (t / none - 1));
        if (how != NONE) printf(", the call %.1f ms (%.1f %% of %d steps)", 1e3 * c, 100 * c / none, EVERY);
        printf("\n");
    }
    tn_saver_wait(saver);
    unlink(path);
    return 0;
}
