/* cpu/vmath.c - the array forms of vmath.h, compiled for each CPU level where they vectorise. */
#include "cpu/vmath.h"
#include "cpu/level.h"

#define PLAIN(name, T, type)                                                                                                       \
    void tni_##name##_##type(T *y, const T *x, int64_t n) {                                                                        \
        for (int64_t i = 0; i < n; i++) y[i] = tni_##name##_##type##_(x[i]);                                                       \
    }
#define VECTOR(name, T, type)                                                                                                      \
    TNI_INLINE void name##_##type(T *y, const T *x, int64_t n) {                                                                   \
        TNI_LOOP                                                                                                                   \
        for (int64_t i = 0; i < n; i++) y[i] = tni_##name##_##type##_(x[i]);                                                       \
    }                                                                                                                              \
    TNI_KERNEL(, tni_##name##_##type, name##_##type, (T * y, const T *x, int64_t n), (y, x, n))

#define OWN(name) VECTOR(name, float, f32) VECTOR(name, double, f64)
TNI_VMATH_OWN(OWN)

#define LIBM64(name) VECTOR(name, float, f32) PLAIN(name, double, f64)
TNI_VMATH_LIBM64(LIBM64)

/* Blocks without a large argument take the form that has no branch. */
enum { BLOCK = 256 };

#define TURN(name, T, type)                                                                                                        \
    TNI_INLINE void name##_##type(T *y, const T *x, int64_t n) {                                                                   \
        for (int64_t count; n > 0; n -= count, x += count, y += count) {                                                           \
            int large = 0;                                                                                                         \
            count = TNI_MIN(n, BLOCK);                                                                                             \
            for (int64_t i = 0; i < count; i++) large |= !(fabs((double)x[i]) <= TNI_TURN_LIMIT);                                  \
            if (large) {                                                                                                           \
                for (int64_t i = 0; i < count; i++) y[i] = tni_##name##_##type##_(x[i]);                                           \
                continue;                                                                                                          \
            }                                                                                                                      \
            TNI_LOOP                                                                                                               \
            for (int64_t i = 0; i < count; i++) y[i] = tni_##name##_near_##type##_(x[i]);                                          \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(, tni_##name##_##type, name##_##type, (T * y, const T *x, int64_t n), (y, x, n))
TURN(sin, float, f32)
TURN(cos, float, f32)
TURN(tan, float, f32)
TURN(sin, double, f64)
TURN(cos, double, f64)
PLAIN(tan, double, f64)

PLAIN(lgamma, float, f32)
PLAIN(lgamma, double, f64)
