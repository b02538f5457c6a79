/* cpu/fold.c - products and sums of powers of contiguous rows. */
#include "cpu/fold.h"
#include "cpu/level.h"
#include "cpu/vmath.h"

/* Element k goes to lane k % LANES; lanes are joined in halves, then with those at the end. */
enum { LANES = 32 };

#define FOLD(name, T, start, join, value)                                                                                          \
    TNI_INLINE void name##_body(double *y, const T *x, int64_t rows, int64_t n) {                                                  \
        for (int64_t row = 0; row < rows; row++, x += n) {                                                                         \
            double lane[LANES], rest = start;                                                                                      \
            int64_t i = 0;                                                                                                         \
            for (int k = 0; k < LANES; k++) lane[k] = start;                                                                       \
            for (; i + LANES <= n; i += LANES)                                                                                     \
                for (int k = 0; k < LANES; k++) {                                                                                  \
                    const double v = (double)x[i + k];                                                                             \
                    lane[k] = lane[k] join(value);                                                                                 \
                }                                                                                                                  \
            for (; i < n; i++) {                                                                                                   \
                const double v = (double)x[i];                                                                                     \
                rest = rest join(value);                                                                                           \
            }                                                                                                                      \
            for (int half = LANES / 2; half > 0 && n >= LANES; half /= 2)                                                          \
                for (int k = 0; k < half; k++) lane[k] = lane[k] join lane[k + half];                                              \
            y[row] = lane[0] join rest;                                                                                            \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(, name, name##_body, (double *y, const T *x, int64_t rows, int64_t n), (y, x, rows, n))

FOLD(tni_fold_product_f32, float, 1, *, v)
FOLD(tni_fold_product_f64, double, 1, *, v)
FOLD(tni_fold_abs_f32, float, 0, +, __builtin_fabs(v))
FOLD(tni_fold_abs_f64, double, 0, +, __builtin_fabs(v))
FOLD(tni_fold_square_f32, float, 0, +, v *v)
FOLD(tni_fold_square_f64, double, 0, +, v *v)
