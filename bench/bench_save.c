/* bench/bench_save.c - what saving costs a training step: 100 MB of weights, at once and in the background, every 10 steps. */
#include <stdio.h>
#include <string.h>
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

enum { WIDTH = 2500, BATCH = 64, STEPS = 30, EVERY = 10 };
static const char path[] = "/tmp/tison_bench_save.pt";

static void step(net *m, tn_optim *opt, tn_tensor *x) {
    TN_SCOPE;
    tn_optim_zero_grad(opt);
    tn_backward(tn_mean(tn_forward(m, x)));
    tn_optim_step(opt);
}

/* Seconds for a step, and for the longest call of a save. */
static double run(net *m, tn_optim *opt, tn_tensor *x, bool saves, tn_saver *saver, double *call) {
    double start = seconds();
    *call = 0;
    for (int i = 0; i < STEPS; i++) {
        step(m, opt, x);
        if (!saves || i % EVERY != 0) continue;
        double before = seconds();
        tn_checkpoint_save(path, .model = m, .step = i, .saver = saver);
        if (seconds() - before > *call) *call = seconds() - before;
    }
    double taken = (seconds() - start) / STEPS;
    if (saver) tn_saver_wait(saver);
    return taken;
}

int main(void) {
    double call;
    tn_exit_on_error(true);
    net *m = tn_new(net);
    for (int i = 0; i < 4; i++) m->layer[i] = tn_nn_linear(WIDTH, WIDTH);
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 1e-3);
    tn_tensor *x = tn_randn((BATCH, WIDTH));
    tn_saver *saver = tn_saver_new();
    for (int i = 0; i < 3; i++) step(m, opt, x);
    (void)run(m, opt, x, true, saver, &call); /* the copy's memory is there from now on */
    double none = run(m, opt, x, false, NULL, &call);
    double background = run(m, opt, x, true, saver, &call), background_call = call;
    double now = run(m, opt, x, true, NULL, &call);
    printf("a step of 4 layers %d x %d, batch %d, 100 MB of weights: %.1f ms\n", WIDTH, WIDTH, BATCH, 1e3 * none);
    printf("saved in the background every %d steps: %.1f ms a step (%+.1f %%), the call %.1f ms\n", EVERY, 1e3 * background,
           100 * (background / none - 1), 1e3 * background_call);
    printf("saved at once every %d steps: %.1f ms a step (%+.1f %%), the call %.1f ms\n", EVERY, 1e3 * now, 100 * (now / none - 1),
           1e3 * call);
    unlink(path);
    return 0;
}
