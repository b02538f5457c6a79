/* cpu/vmath.c - the array forms of vmath.h, compiled for each CPU level. */
#include "cpu/vmath.h"
#include "cpu/level.h"

#define DEFINE(name)                                                                                                               \
    TNI_INLINE void name##_f32(float *y, const float *x, int64_t n) {                                                              \
        TNI_LOOP                                                                                                                   \
        for (int64_t i = 0; i < n; i++) y[i] = tni_##name##_f32_(x[i]);                                                            \
    }                                                                                                                              \
    TNI_INLINE void name##_f64(double *y, const double *x, int64_t n) {                                                            \
        TNI_LOOP                                                                                                                   \
        for (int64_t i = 0; i < n; i++) y[i] = tni_##name##_f64_(x[i]);                                                            \
    }                                                                                                                              \
    TNI_KERNEL(, tni_##name##_f32, name##_f32, (float *y, const float *x, int64_t n), (y, x, n))                                   \
    TNI_KERNEL(, tni_##name##_f64, name##_f64, (double *y, const double *x, int64_t n), (y, x, n))

TNI_VMATH_LIST(DEFINE)
