/* cpu/vmath_angle.h - sin, cos, tan, asin, acos, atan for vmath.h, which includes it: float computes in double. */
#ifndef TNI_VMATH_ANGLE_H
#define TNI_VMATH_ANGLE_H
#include "cpu/vmath.h"

#define TNI_HALF_PI 0x1.921fb54442d18p+0
#define TNI_HALF_PI_HIGH 0x1.921fb54400000p+0 /* 33 bits */
#define TNI_HALF_PI_LOW 0x1.0b4611a626331p-34
#define TNI_HALF_PI_MIDDLE 0x1.0b4611a600000p-34 /* 33 bits of the rest */
#define TNI_HALF_PI_END 0x1.3198a2e037073p-69

/* Up to here these parts of pi/2 are enough; what lies above goes to the C library. */
#define TNI_TURN_LIMIT 0x1p19

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
TNI_INLINE float tni_sin_near_f32_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double y = tni_select_((k & 1) != 0, tni_cos_quarter_(r), tni_sin_quarter_(r));
    return (float)tni_double_(tni_bits_(y) ^ ((k & 2) << 62));
}

TNI_INLINE float tni_cos_near_f32_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double y = tni_select_((k & 1) != 0, tni_sin_quarter_(r), tni_cos_quarter_(r));
    return (float)tni_double_(tni_bits_(y) ^ (((k + 1) & 2) << 62));
}

TNI_INLINE float tni_tan_near_f32_(float x) {
    double r;
    uint64_t k = tni_bits_(tni_turn_(x, &r));
    double s = tni_sin_quarter_(r), c = tni_cos_quarter_(r);
    bool odd = (k & 1) != 0;
    return (float)(tni_select_(odd, -c, s) / tni_select_(odd, s, c));
}

/* The same in two parts r + *low, with three parts of pi/2. */
TNI_INLINE double tni_turn_exact_(double x, double *r, double *low) {
    double m = x * 0x1.45f306dc9c883p-1 + TNI_ROUNDER, k = m - TNI_ROUNDER;
    double t = x - k * TNI_HALF_PI_HIGH, w = k * TNI_HALF_PI_MIDDLE, rest = t - w; /* t and w are exact */
    double more = k * TNI_HALF_PI_END - ((t - rest) - w);
    *r = rest - more;
    *low = (rest - *r) - more;
    return m;
}

/* sin(r + low), |r| <= pi/4; cos likewise. */
TNI_INLINE double tni_sin_parts_(double r, double low) {
    double z = r * r, cube = z * r;
    double p = 0x1.5d9424e1c43bbp-33;
    p = p * z - 0x1.ae5e6aa5071e8p-26;
    p = p * z + 0x1.71de357e2b0a6p-19;
    p = p * z - 0x1.a01a019c1a592p-13;
    p = p * z + 0x1.111111110f8d0p-7;
    return r - ((z * (0.5 * low - cube * p) - low) + cube * 0x1.5555555555549p-3);
}

TNI_INLINE double tni_cos_parts_(double r, double low) {
    double z = r * r, half = 0.5 * z, head = 1.0 - half;
    double p = -0x1.8fbd85c94e6fdp-37;
    p = p * z + 0x1.1eea0b3f8cff8p-29;
    p = p * z - 0x1.27e4f83cbfb1dp-22;
    p = p * z + 0x1.a01a019d00932p-16;
    p = p * z - 0x1.6c16c16c1551cp-10;
    p = p * z + 0x1.555555555554ep-5;
    return head + (((1.0 - head) - half) + (z * (z * p) - r * low));
}

TNI_INLINE double tni_sin_near_f64_(double x) {
    double r, low;
    uint64_t k = tni_bits_(tni_turn_exact_(x, &r, &low));
    double y = tni_select_((k & 1) != 0, tni_cos_parts_(r, low), tni_sin_parts_(r, low));
    y = tni_double_(tni_bits_(y) ^ ((k & 2) << 62));
    return tni_select_(x == 0.0, x, y); /* -0 stays */
}

TNI_INLINE double tni_cos_near_f64_(double x) {
    double r, low;
    uint64_t k = tni_bits_(tni_turn_exact_(x, &r, &low));
    double y = tni_select_((k & 1) != 0, tni_sin_parts_(r, low), tni_cos_parts_(r, low));
    return tni_double_(tni_bits_(y) ^ (((k + 1) & 2) << 62));
}

/* Elements of any size. */
#define TNI_VMATH_TURNING(name, T, type, near)                                                                                     \
    TNI_INLINE T tni_##name##_##type##_(T x) { return fabs((double)x) <= TNI_TURN_LIMIT ? near(x) : (T)name((double)x); }
TNI_VMATH_TURNING(sin, float, f32, tni_sin_near_f32_)
TNI_VMATH_TURNING(cos, float, f32, tni_cos_near_f32_)
TNI_VMATH_TURNING(tan, float, f32, tni_tan_near_f32_)
TNI_VMATH_TURNING(sin, double, f64, tni_sin_near_f64_)
TNI_VMATH_TURNING(cos, double, f64, tni_cos_near_f64_)
TNI_VMATH_SAME(tan)

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

/* atan(a) = base + atan(t): t = a, (a - 1) / (a + 1) or -1 / a with base 0, pi/4 or pi/2. */
TNI_INLINE double tni_atan_f64_(double x) {
    double a = __builtin_fabs(x);
    bool large = a > 1.5, small = a < 0.66;
    double above = tni_select_(small, a, tni_select_(large, -1.0, a - 1.0));
    double t = above / tni_select_(small, 1.0, tni_select_(large, a, a + 1.0)), z = t * t;
    double p = -0x1.d3a429ee15058p-10;
    p = p * z + 0x1.0f23191dd2f36p-7;
    p = p * z - 0x1.3a46064fd096ep-6;
    p = p * z + 0x1.f6c060943c3c0p-6;
    p = p * z - 0x1.4607648ab3edap-5;
    p = p * z + 0x1.7d1c90a055fb5p-5;
    p = p * z - 0x1.ad25c099b4d0ep-5;
    p = p * z + 0x1.e18c2618e1c64p-5;
    p = p * z - 0x1.110bd501c8963p-4;
    p = p * z + 0x1.3b133c2926a17p-4;
    p = p * z - 0x1.745d10396ed04p-4;
    p = p * z + 0x1.c71c718071906p-4;
    p = p * z - 0x1.24924923c06d2p-3;
    p = p * z + 0x1.999999999729fp-3;
    p = p * z - 0x1.5555555555542p-2;
    double base = tni_select_(small, 0.0, tni_select_(large, TNI_HALF_PI, 0.5 * TNI_HALF_PI)), low = base * 0x1.678afae35cdd1p-55;
    double y = base + t, lost = tni_select_(small, 0.0, (base - y) + t); /* base is the larger one, but where it is 0 */
    return __builtin_copysign(y + (t * (z * p) + (lost + low)), x);
}

TNI_VMATH_SAME(asin)
TNI_VMATH_SAME(acos)
#endif
