/* cpu/row.c - rows of softmax and its kin, for both float types; this file includes itself once for each. */
#ifndef T
#include "cpu/row.h"
#include "cpu/level.h"
#include "cpu/vmath.h"

/* TNI_KERNEL with its arguments expanded first */
#define KERNEL(linkage, name, body, params, args) TNI_KERNEL(linkage, name, body, params, args)

/* A row is summed in chunks; a chunk in LANES sums that are folded in halves; chunks in double. */
enum { CHUNK = 1024 };

#define T float
#define BITS int32_t
#define UBITS uint32_t
#define LANES 16
#define F(name) name##_f32
#define F_(name) name##_f32_
#include "cpu/row.c"
#undef T
#undef BITS
#undef UBITS
#undef LANES
#undef F
#undef F_
#define T double
#define BITS int64_t
#define UBITS uint64_t
#define LANES 8
#define F(name) name##_f64
#define F_(name) name##_f64_
#include "cpu/row.c"

#else

/* In integers, where any order of the steps gives the same and so vectorises: `best` is the largest of keys that sort as the
 * numbers do, or against them for the smallest; `magnitude` the largest without signs, which is above infinity's only if there is a NaN. */
TNI_INLINE T F(extreme)(const T *x, int64_t n, bool smallest) {
    const BITS positive = (BITS)(~(UBITS)0 >> 1), turned = smallest ? ~(BITS)0 : 0;
    BITS best = -positive - 1, magnitude = 0, infinity, bits;
    T result = (T)TNI_INF;
    memcpy(&infinity, &result, sizeof result);
    const BITS __attribute__((may_alias)) *number = (const void *)x;
    for (int64_t i = 0; i < n; i++) {
        bits = number[i];
        BITS key = bits ^ (bits < 0 ? positive : 0) ^ turned, size = bits & positive;
        best = key > best ? key : best;
        magnitude = size > magnitude ? size : magnitude;
    }
    if (magnitude > infinity) return (T)__builtin_nanf("");
    best ^= turned;
    bits = best ^ (best < 0 ? positive : 0);
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* The sum of at most CHUNK elements, or of the products with w. (Plain arrays: gcc takes vectors wider than the level's apart.) */
TNI_INLINE double F(chunk_sum)(const T *x, const T *w, int64_t n) {
    T part[LANES] = {0}, tail = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) part[k] += w != NULL ? x[i + k] * w[i + k] : x[i + k];
    for (; i < n; i++) tail += w != NULL ? x[i] * w[i] : x[i];
    if (n < LANES) return tail;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) part[k] += part[k + half];
    return (double)(part[0] + tail);
}

TNI_INLINE double F(sum)(const T *x, const T *w, int64_t n) {
    double total = 0;
    for (int64_t i = 0; i < n; i += CHUNK) total += F(chunk_sum)(x + i, w != NULL ? w + i : NULL, TNI_MIN(n - i, CHUNK));
    return total;
}

TNI_INLINE void F(max_rows)(T *y, const T *x, int64_t rows, int64_t n) {
    for (int64_t row = 0; row < rows; row++) y[row] = F(extreme)(x + row * n, n, false);
}

TNI_INLINE void F(min_rows)(T *y, const T *x, int64_t rows, int64_t n) {
    for (int64_t row = 0; row < rows; row++) y[row] = F(extreme)(x + row * n, n, true);
}

/* The sum of e^(x - base) in chunks, which stand in `powers` while they are added. */
TNI_INLINE double F(sum_of_powers)(const T *x, int64_t n, T base) {
    T powers[CHUNK];
    double total = 0;
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t count = TNI_MIN(n - i, CHUNK);
        const T *from = x + i;
        TNI_LOOP
        for (int64_t k = 0; k < count; k++) powers[k] = F_(tni_exp)(from[k] - base);
        total += F(chunk_sum)(powers, NULL, count);
    }
    return total;
}

/* An infinite maximum is not taken off: its difference to itself is no number. */
TNI_INLINE void F(logsumexp_rows)(T *y, const T *x, int64_t rows, int64_t n) {
    for (int64_t row = 0; row < rows; row++, x += n) {
        T base = n > 0 ? F(extreme)(x, n, false) : 0;
        if (base == (T)TNI_INF || base == -(T)TNI_INF) base = 0;
        y[row] = (T)(tni_log_f64_(F(sum_of_powers)(x, n, base)) + (double)base);
    }
}

TNI_INLINE void F(softmax_rows)(T *y, const T *x, int64_t rows, int64_t n) {
    for (int64_t row = 0; n > 0 && row < rows; row++, x += n, y += n) {
        T largest = F(extreme)(x, n, false);
        double total = 0;
        for (int64_t i = 0; i < n; i += CHUNK) {
            int64_t count = TNI_MIN(n - i, CHUNK);
            const T *from = x + i;
            T *to = y + i;
            TNI_LOOP
            for (int64_t k = 0; k < count; k++) to[k] = F_(tni_exp)(from[k] - largest);
            total += F(chunk_sum)(to, NULL, count);
        }
        T scale = (T)(1.0 / total);
        for (int64_t i = 0; i < n; i++) y[i] *= scale;
    }
}

TNI_INLINE void F(log_softmax_rows)(T *y, const T *x, int64_t rows, int64_t n) {
    for (int64_t row = 0; n > 0 && row < rows; row++, x += n, y += n) {
        T largest = F(extreme)(x, n, false), log_sum = (T)tni_log_f64_(F(sum_of_powers)(x, n, largest));
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) y[i] = x[i] - largest - log_sum;
    }
}

TNI_INLINE void F(softmax_backward_rows)(T *dx, const T *dy, const T *y, int64_t rows, int64_t n) {
    for (int64_t row = 0; row < rows; row++, dx += n, dy += n, y += n) {
        T sum = (T)F(sum)(dy, y, n);
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - sum);
    }
}

TNI_INLINE void F(log_softmax_backward_rows)(T *dx, const T *dy, const T *y, int64_t rows, int64_t n) {
    for (int64_t row = 0; row < rows; row++, dx += n, dy += n, y += n) {
        T sum = (T)F(sum)(dy, NULL, n);
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i] - F_(tni_exp)(y[i]) * sum;
    }
}

KERNEL(, F(tni_row_max), F(max_rows), (T * y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))
KERNEL(, F(tni_row_min), F(min_rows), (T * y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))
KERNEL(, F(tni_row_logsumexp), F(logsumexp_rows), (T * y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))
KERNEL(, F(tni_row_softmax), F(softmax_rows), (T * y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))
KERNEL(, F(tni_row_log_softmax), F(log_softmax_rows), (T * y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))
KERNEL(, F(tni_row_softmax_backward), F(softmax_backward_rows), (T * dx, const T *dy, const T *y, int64_t rows, int64_t n),
       (dx, dy, y, rows, n))
KERNEL(, F(tni_row_log_softmax_backward), F(log_softmax_backward_rows), (T * dx, const T *dy, const T *y, int64_t rows, int64_t n),
       (dx, dy, y, rows, n))
#endif
