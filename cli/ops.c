/* cli/ops.c - tison ops, tison bench: what operators there are, and how fast this machine runs some. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <tison/call.h>

static int list_names(void) {
    size_t n = tn_op_names(NULL, 0);
    const char **names = calloc(n ? n : 1, sizeof *names);
    if (!names) return CLI_TROUBLE;
    tn_op_names(names, n);
    for (size_t i = 0; i < n; i++) puts(names[i]);
    free(names);
    return CLI_OK;
}

static int ops(int argc, char **argv) {
    cli_expect(&cli_ops, argc, argv, 0, 1);
    if (!argv[1]) return list_names();
    const char *help = tn_help(argv[1]);
    if (!help) {
        fprintf(stderr, "tison: there is no operator %s\n", argv[1]);
        return CLI_DIFFERS;
    }
    puts(help);
    return CLI_OK;
}

const command cli_ops = {"ops", "[NAME]", "the names of all operators, or what is known of one", "", ops};

/* ---- bench ---- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct work {
    const char *name;
    double amount; /* of one run, in `unit`s */
    const char *unit;
    void (*run)(tn_tensor *const *x);
} work;

static void add(tn_tensor *const *x) { tn_add(x[0], x[1]); }
static void add_large(tn_tensor *const *x) { tn_add(x[2], x[3]); }
static void product(tn_tensor *const *x) { tn_matmul(x[4], x[5]); }
static void softmax(tn_tensor *const *x) { tn_softmax(x[6], 1); }
static void convolution(tn_tensor *const *x) { tn_conv2d(x[7], x[8], NULL); }
static void step(tn_tensor *const *x) { tn_backward(tn_sum(tn_tanh(tn_matmul(x[9], x[10])))); }

/* Runs per second: the best of some stretches of time. */
static double rate(const work *w, tn_tensor *const *x) {
    double best = 0;
    int64_t runs = 1;
    for (int k = 0; k < 12; k++) {
        double start = seconds();
        for (int64_t i = 0; i < runs; i++) {
            TN_SCOPE;
            w->run(x);
        }
        double took = seconds() - start;
        if ((double)runs / took > best) best = (double)runs / took;
        if (took < 0.05) runs *= 2, k = k < 11 ? k : 10;
        if (took < 0.02) k = 0;
    }
    return best;
}

static int bench(int argc, char **argv) {
    static const work works[] = {
        {"a + b, 3 numbers", 1, "", add},
        {"a + b, 16 Mi numbers", 3 * 4.0 * (1 << 24) * 1e-9, "GB/s", add_large},
        {"matmul, 1024 x 1024", 2.0 * 1024 * 1024 * 1024 * 1e-9, "GFLOP/s", product},
        {"softmax, 1024 x 1024", 1024 * 1024 * 1e-6, "M numbers/s", softmax},
        {"conv2d, 8 x 32 x 56 x 56, 3 x 3", 2.0 * 8 * 32 * 32 * 9 * 54 * 54 * 1e-9, "GFLOP/s", convolution},
        {"tanh(x w), forward and backward, 8 x 16", 1, "", step},
    };
    int threads = (int)cli_number(&argc, argv, "--threads", 0);
    cli_expect(&cli_bench, argc, argv, 0, 0);
    if (threads > 0) tn_set_num_threads(threads);
    printf("%s%d threads\n", tn_build_info(), tn_get_num_threads());
    tn_tensor *x[] = {tn_randn(3),
                      tn_randn(3),
                      tn_randn(1 << 24),
                      tn_randn(1 << 24),
                      tn_randn((1024, 1024)),
                      tn_randn((1024, 1024)),
                      tn_randn((1024, 1024)),
                      tn_randn((8, 32, 56, 56)),
                      tn_randn((32, 32, 3, 3)),
                      tn_randn((8, 16)),
                      tn_parameter(tn_randn((16, 16)))};
    for (size_t k = 0; k < sizeof works / sizeof *works && !tn_error(); k++) {
        double r = rate(&works[k], x);
        printf("%-42s %12.3f us", works[k].name, 1e6 / r);
        if (works[k].unit[0]) printf("  %9.2f %s", works[k].amount * r, works[k].unit);
        putchar('\n');
        fflush(stdout);
    }
    return tn_error() ? cli_fail() : CLI_OK;
}

const command cli_bench = {"bench", "[--threads N]", "how long a few operators take on this machine (float32)",
                           "  --threads N  instead of all\n", bench};
