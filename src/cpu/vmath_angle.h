/* cpu/vmath_angle.h - sin, cos, tan, asin, acos, atan for vmath.h, which includes it: float in double, double by the C library. */
#ifndef TNI_VMATH_ANGLE_H
#define TNI_VMATH_ANGLE_H
#include "cpu/vmath.h"

#define TNI_HALF_PI 0x1.921fb54442d18p+0
#define TNI_HALF_PI_HIGH 0x1.921fb54400000p+0 /* 33 bits */
#define TNI_HALF_PI_LOW 0x1.0b4611a626331p-34

/* Up to here two parts of pi/2 are enough; what lies above goes to the C library. */
#define TNI_TURN_LIMIT 0x1p19f

/* x = k pi/2 + r, |r| <= pi/4; returns k + TNI_ROUNDER. */
TNI_INLINE double tni_turn_(double x, double *r) {
    double m = x * 0x1.45f306dc9c883p-1 + TNI_ROUNDER, k = m - TNI_ROUNDER;
    *r = (x - k * TNI_HALF_PI_HIGH) - k * TNI_HALF_PI_LOW;
    return m;
}

/* Both to 2^-34, |r| <= pi/4. */
TNI_INLINE double tni_sin_quarter_(double r) {
    double z = r * r;
    double p = 0x1.6cd85d73f97abp-19;
    p = p * z - 0x1.a00f9dff7aa51p-13;
    p = p * z + 0x1.1111089742644p-7;
    p = p * z - 0x1.5555554cbc7c8p-3;
    return r * (1.0 + z * p);
}

TNI_INLINE double tni_cos_quarter_(double r) {
    double z = r * r;
    double p = 0x1.993408a0e393ep-16;
    p = p * z - 0x1.6c087e42b7c23p-10;
    p = p * z + 0x1.55553e113440ap-5;
    p = p * z - 0x1.ffffffd0cf382p-2;
    return 1.0 + z * p;
}

/* For |x| <= TNI_TURN_LIMIT, without a branch. The lowest bits of k say which function and which sign. */
TNI_INLINE float tni_sin_near_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double y = tni_select_((k & 1) != 0, tni_cos_quarter_(r), tni_sin_quarter_(r));
    return (float)tni_double_(tni_bits_(y) ^ ((k & 2) << 62));
}

TNI_INLINE float tni_cos_near_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double y = tni_select_((k & 1) != 0, tni_sin_quarter_(r), tni_cos_quarter_(r));
    return (float)tni_double_(tni_bits_(y) ^ (((k + 1) & 2) << 62));
}

TNI_INLINE float tni_tan_near_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double s = tni_sin_quarter_(r), c = tni_cos_quarter_(r);
    bool odd = (k & 1) != 0;
    return (float)(tni_select_(odd, -c, s) / tni_select_(odd, s, c));
}

#define TNI_VMATH_TURNING(name)                                                                                                    \
    TNI_INLINE float tni_##name##_f32_(float x) {                                                                                  \
        return __builtin_fabsf(x) <= TNI_TURN_LIMIT ? tni_##name##_near_(x) : (float)name((double)x);                              \
    }                                                                                                                              \
    TNI_VMATH_SAME(name)
TNI_VMATH_TURN(TNI_VMATH_TURNING)

/* asin(a), |a| <= 1/2, to 2^-35. */
TNI_INLINE double tni_asin_half_(double a) {
    double z = a * a;
    double p = 0x1.1c37daf569165p-5;
    p = p * z + 0x1.e98123b72f995p-8;
    p = p * z + 0x1.935661e181513p-6;
    p = p * z + 0x1.ed54673d69c8dp-6;
    p = p * z + 0x1.6ddb1836c7c7bp-5;
    p = p * z + 0x1.3332a871e47c4p-4;
    p = p * z + 0x1.5555560815df8p-3;
    return a + a * (z * p);
}

TNI_INLINE float tni_asin_f32_(float x) {
    double a = __builtin_fabs((double)x);
    bool large = a > 0.5;
    double y = tni_asin_half_(tni_select_(large, __builtin_sqrt(0.5 - 0.5 * a), a));
    return __builtin_copysignf((float)tni_select_(large, TNI_HALF_PI - 2.0 * y, y), x);
}

TNI_INLINE float tni_acos_f32_(float x) {
    double a = __builtin_fabs((double)x);
    bool large = a > 0.5;
    double y = tni_asin_half_(tni_select_(large, __builtin_sqrt(0.5 - 0.5 * a), x));
    double far = tni_select_(x < 0.0f, 2.0 * TNI_HALF_PI - 2.0 * y, 2.0 * y);
    return (float)tni_select_(large, far, TNI_HALF_PI - y);
}

TNI_INLINE float tni_atan_f32_(float x) {
    double a = __builtin_fabs((double)x);
    bool large = a > 1.0;
    double t = tni_select_(large, 1.0, a) / tni_select_(large, a, 1.0), z = t * t;
    double p = 0x1.d735961719970p-12;
    p = p * z - 0x1.bacf3cfba1f8cp-9;
    p = p * z + 0x1.8666a3ac09095p-7;
    p = p * z - 0x1.b64892bfe7da5p-6;
    p = p * z + 0x1.6b7e04fedf99fp-5;
    p = p * z - 0x1.f12c0c68e2150p-5;
    p = p * z + 0x1.33d5eca2db888p-4;
    p = p * z - 0x1.72e47f80a1790p-4;
    p = p * z + 0x1.c6eacefe75e63p-4;
    p = p * z - 0x1.2490587510320p-3;
    p = p * z + 0x1.999985fbf774cp-3;
    p = p * z - 0x1.55555532a2af4p-2;
    double y = t + t * (z * p);
    return __builtin_copysignf((float)tni_select_(large, TNI_HALF_PI - y, y), x);
}

TNI_VMATH_SAME(asin)
TNI_VMATH_SAME(acos)
TNI_VMATH_SAME(atan)
#endif
