/* bench/bench_vmath.c - vector math and rows on arrays that stay in the cache, one thread: "case ns" lines, ns for 1000 elements. */
#include "base/pool.h"
#include "cpu/norm.h"
#include "cpu/row.h"
#include "cpu/scan.h"
#include "cpu/sort.h"
#include "cpu/vmath.h"
#include <stdio.h>
#include <time.h>

enum { ROWS = 256, WIDTH = 768, COUNT = ROWS * WIDTH, ROUNDS = 15 };
static float x[COUNT], y[COUNT], z[COUNT], weight[WIDTH], bias[WIDTH], mean[ROWS], rstd[ROWS];
static double wide_x[COUNT], wide_y[COUNT];
static int64_t places[COUNT];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define REPORT(name, call)                                                                                                         \
    do {                                                                                                                           \
        double best = 1e300;                                                                                                       \
        for (int round = 0; round < ROUNDS; round++) {                                                                             \
            double start = now();                                                                                                  \
            call;                                                                                                                  \
            double t = (now() - start) / COUNT * 1000;                                                                             \
            if (t < best) best = t;                                                                                                \
        }                                                                                                                          \
        printf("%s %.1f\n", name, best);                                                                                           \
    } while (0)

/* The functions whose domain is 0.01 to 0.99 at least. */
#define EACH(name)                                                                                                                 \
    REPORT(#name "_f32", tni_##name##_f32(y, x, COUNT));                                                                           \
    REPORT(#name "_f64", tni_##name##_f64(wide_y, wide_x, COUNT));

int main(void) {
    static const tni_layer_norm layer = {.rows = ROWS, .n = WIDTH, .eps = 1e-5};
    static const tni_batch_norm batch = {.n = 8, .c = 32, .inner = WIDTH};
    tni_pool_set_threads(1);
    for (int i = 0; i < COUNT; i++) wide_x[i] = x[i] = (float)(0.01 + 0.98 * ((i * 7919LL) % 10007) / 10007);
    for (int i = 0; i < WIDTH; i++) weight[i] = 1, bias[i] = 0;
    TNI_VMATH_LIST(EACH)
    REPORT("softmax", tni_row_softmax_f32(y, x, ROWS, WIDTH));
    REPORT("log_softmax", tni_row_log_softmax_f32(y, x, ROWS, WIDTH));
    REPORT("layer_norm", tni_layer_norm_forward(&layer, x, weight, bias, y, mean, rstd));
    REPORT("layer_norm_backward", tni_layer_norm_backward(&layer, y, x, mean, rstd, weight, z, weight, bias));
    REPORT("batch_norm", tni_batch_norm_stats(&batch, x, mean, rstd); tni_batch_norm_forward(&batch, x, mean, rstd, NULL, NULL, y));
    REPORT("cumsum", tni_cumsum(TN_FLOAT32, x, ROWS, WIDTH, 1, y));
    REPORT("sort_rows", tni_sort_rows(TN_FLOAT32, x, ROWS, WIDTH, false, y, places));
    REPORT("sort_all", tni_sort_rows(TN_FLOAT32, x, 1, COUNT, false, y, places));
    REPORT("topk_5", tni_topk_rows(TN_FLOAT32, x, ROWS, WIDTH, 5, true, y, places));
    REPORT("topk_300", tni_topk_rows(TN_FLOAT32, x, ROWS, WIDTH, 300, true, y, places));
    return 0;
}
