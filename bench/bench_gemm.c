/* bench/bench_gemm.c - speed of the matrix product: GFLOP/s and time per call; arguments: threads (default 1), level. */
#include "base/pool.h"
#include "cpu/gemm.h"
#include "cpu/level.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(bool ta, bool tb, int64_t m, int64_t n, int64_t k) {
    float *a = malloc((size_t)(m * k) * 4 + 64), *b = malloc((size_t)(n * k) * 4 + 64), *c = malloc((size_t)(m * n) * 4 + 64);
    double best = 1e9, flops = 2.0 * (double)m * (double)n * (double)k;
    int64_t calls = (int64_t)(2e8 / flops);
    if (calls > 20000) calls = 20000;
    if (calls < 1) calls = 1;
    for (int64_t i = 0; i < m * k; i++) a[i] = (float)(i % 17) - 8;
    for (int64_t i = 0; i < n * k; i++) b[i] = (float)(i % 13) - 6;
    for (int r = 0; r < 12; r++) {
        double start = now();
        for (int64_t i = 0; i < calls; i++) tni_gemm_f32(ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, 0, c, n, NULL);
        double t = (now() - start) / (double)calls;
        if (t < best) best = t;
    }
    printf("%c%c %5lld %5lld %5lld  %8.1f GFLOP/s %12.3f us\n", ta ? 't' : 'n', tb ? 't' : 'n', (long long)m, (long long)n,
           (long long)k, flops / best * 1e-9, best * 1e6);
    free(a);
    free(b);
    free(c);
}

int main(int argc, char **argv) {
    static const int shapes[][3] = {{8, 16, 2},      {8, 16, 16},        {8, 1, 16},       {1, 8, 8},       {8, 8, 8},
                                    {16, 16, 16},    {32, 32, 32},       {64, 64, 64},     {128, 128, 128}, {256, 256, 256},
                                    {512, 512, 512}, {1024, 1024, 1024}, {64, 128, 784},   {64, 10, 128},   {784, 128, 64},
                                    {256, 768, 768}, {256, 3072, 768},   {256, 768, 3072}, {1, 768, 768},   {1, 3072, 768},
                                    {100, 1, 100},   {4, 768, 768}};
    tni_pool_set_threads(argc > 1 ? atoi(argv[1]) : 1);
    for (int level = 0; argc > 2 && level < TNI_LEVELS; level++)
        if (strcmp(argv[2], tni_cpu_level_name((tni_level)level)) == 0) tni_cpu_set_level((tni_level)level);
    printf("level %s, %d threads\n", tni_cpu_level_name(tni_cpu_level), tni_pool_threads());
    for (size_t i = 0; i < TNI_COUNT(shapes); i++)
        for (int way = 0; way < 3; way++) measure(way == 2, way == 1, shapes[i][0], shapes[i][1], shapes[i][2]);
    return 0;
}
