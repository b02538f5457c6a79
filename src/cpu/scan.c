/* cpu/scan.c - running sums, products and extremes: a block of columns side by side goes along the dim. */
#include "cpu/scan.h"
#include "base/error.h"
#include "base/pool.h"
#include <math.h>

enum { COLUMNS = 64 };

/* One block: n steps of `inner` elements, `columns` of them wide. */
typedef void scan(const void *x, void *y, int64_t *indices, int64_t n, int64_t inner, int64_t columns);

/* acc: what has been gathered, v: the next element, both of type A; T the type in memory. */
#define SCAN(name, T, A, start, expression)                                                                                        \
    static void name(const void *from, void *to, int64_t *indices, int64_t n, int64_t inner, int64_t columns) {                    \
        const T *x = from;                                                                                                         \
        T *y = to;                                                                                                                 \
        A so_far[COLUMNS], acc = start;                                                                                            \
        (void)indices;                                                                                                             \
        for (int64_t i = 0; columns == 1 && i < n; i++) { /* one column: in a register */                                          \
            A v = (A)x[i * inner];                                                                                                 \
            acc = expression;                                                                                                      \
            y[i * inner] = (T)acc;                                                                                                 \
        }                                                                                                                          \
        for (int64_t j = 0; j < columns; j++) so_far[j] = start;                                                                   \
        for (int64_t i = 0; columns > 1 && i < n; i++, x += inner, y += inner)                                                     \
            for (int64_t j = 0; j < columns; j++) {                                                                                \
                A v = (A)x[j];                                                                                                     \
                acc = so_far[j];                                                                                                   \
                so_far[j] = expression;                                                                                            \
                y[j] = (T)so_far[j];                                                                                               \
            }                                                                                                                      \
    }

static double log_add(double a, double b) {
    double high = a > b ? a : b, low = a > b ? b : a;
    if (isnan(a) || isnan(b)) return a + b;
    return isinf(high) ? high : high + log1p(exp(low - high));
}

SCAN(sum_f32, float, double, 0, acc + v)
SCAN(sum_f64, double, double, 0, acc + v)
SCAN(sum_i64, int64_t, uint64_t, 0, acc + v)
SCAN(sum_i32, int32_t, uint32_t, 0, acc + v)
SCAN(sum_i16, int16_t, uint32_t, 0, acc + v)
SCAN(sum_i8, int8_t, uint32_t, 0, acc + v)
SCAN(sum_u8, uint8_t, uint32_t, 0, acc + v)
SCAN(product_f32, float, double, 1, acc *v)
SCAN(product_f64, double, double, 1, acc *v)
SCAN(product_i64, int64_t, uint64_t, 1, acc *v)
SCAN(product_i32, int32_t, uint32_t, 1, acc *v)
SCAN(product_i16, int16_t, uint32_t, 1, acc *v)
SCAN(product_i8, int8_t, uint32_t, 1, acc *v)
SCAN(product_u8, uint8_t, uint32_t, 1, acc *v)
SCAN(log_sum_f32, float, double, -(double)INFINITY, log_add(acc, v))
SCAN(log_sum_f64, double, double, -(double)INFINITY, log_add(acc, v))

/* `take` compares v with acc; where neither is a number it holds for a v that is none. */
#define EXTREME(name, T, take)                                                                                                     \
    static void name(const void *from, void *to, int64_t *indices, int64_t n, int64_t inner, int64_t columns) {                    \
        const T *x = from;                                                                                                         \
        T *y = to, so_far[COLUMNS];                                                                                                \
        int64_t place[COLUMNS];                                                                                                    \
        for (int64_t i = 0; i < n; i++, x += inner, y += inner, indices += inner)                                                  \
            for (int64_t j = 0; j < columns; j++) {                                                                                \
                T v = x[j], acc = so_far[j] = i == 0 ? v : so_far[j];                                                              \
                if (i == 0 || (take)) so_far[j] = v, place[j] = i;                                                                 \
                y[j] = so_far[j];                                                                                                  \
                indices[j] = place[j];                                                                                             \
            }                                                                                                                      \
    }
#define EXTREMES(T, type)                                                                                                          \
    EXTREME(max_##type, T, v >= acc)                                                                                               \
    EXTREME(min_##type, T, v <= acc)
EXTREME(max_f32, float, isnan(v) || v >= acc)
EXTREME(min_f32, float, isnan(v) || v <= acc)
EXTREME(max_f64, double, isnan(v) || v >= acc)
EXTREME(min_f64, double, isnan(v) || v <= acc)
EXTREMES(int64_t, i64)
EXTREMES(int32_t, i32)
EXTREMES(int16_t, i16)
EXTREMES(int8_t, i8)
EXTREMES(uint8_t, u8)

typedef struct scan_job {
    scan *run;
    const char *x;
    char *y;
    int64_t *indices;
    int64_t n, inner, blocks, size;
} scan_job;

static void run_blocks(int64_t begin, int64_t end, void *context) {
    const scan_job *k = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t column = i % k->blocks * COLUMNS, at = i / k->blocks * k->n * k->inner + column;
        k->run(k->x + at * k->size, k->y + at * k->size, k->indices ? k->indices + at : NULL, k->n, k->inner,
               TNI_MIN(COLUMNS, k->inner - column));
    }
}

#define BY_DTYPE(name)                                                                                                             \
    { name##_f32, name##_f64, name##_i64, name##_i32, name##_i16, name##_i8, name##_u8 }
static scan *const sums[] = BY_DTYPE(sum), *const products[] = BY_DTYPE(product), *const largest[] = BY_DTYPE(max),
                   *const smallest[] = BY_DTYPE(min), *const log_sums[] = {log_sum_f32, log_sum_f64, NULL, NULL, NULL, NULL, NULL};

static bool run(scan *const *by_dtype, tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y,
                int64_t *indices) {
    static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_INT64, TN_INT32, TN_INT16, TN_INT8, TN_UINT8};
    static const int64_t sizes[] = {4, 8, 8, 4, 2, 1, 1};
    size_t i = 0;
    if (dtype == TN_BOOL) dtype = TN_UINT8;
    while (i < TNI_COUNT(dtypes) && dtypes[i] != dtype) i++;
    TNI_CHECK(i < TNI_COUNT(dtypes) && by_dtype[i] != NULL, TN_ERR_NOT_IMPLEMENTED, "a scan is not implemented for this dtype");
    scan_job k = {by_dtype[i], x, y, indices, n, inner, (inner + COLUMNS - 1) / COLUMNS, sizes[i]};
    if (n > 0 && inner > 0) tni_parallel(outer * k.blocks, 8192 / (n * TNI_MIN(inner, COLUMNS)) + 1, run_blocks, &k);
    return true;
}

bool tni_cumsum(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y) {
    return run(sums, dtype, x, outer, n, inner, y, NULL);
}
bool tni_cumprod(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y) {
    return run(products, dtype, x, outer, n, inner, y, NULL);
}
bool tni_logcumsumexp(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y) {
    return run(log_sums, dtype, x, outer, n, inner, y, NULL);
}
bool tni_cummax(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y, int64_t *indices) {
    return run(largest, dtype, x, outer, n, inner, y, indices);
}
bool tni_cummin(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y, int64_t *indices) {
    return run(smallest, dtype, x, outer, n, inner, y, indices);
}
