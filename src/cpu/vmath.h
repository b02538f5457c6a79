/* cpu/vmath.h - functions of one variable for arrays: the same bits at every CPU level, by element or by array. */
#ifndef TNI_VMATH_H
#define TNI_VMATH_H
#include "base/base.h"
#include <math.h>
#include <string.h>

/* tni_<name>_f32(y, x, n) and tni_<name>_f64: y[i] = f(x[i]), i < n; y is x or does not overlap it. At most 1 ulp from the true value
 * (tanh, sigmoid, sinh and cosh 2) for every input; special values are those of C's annex F. What stands under TNI_VMATH_LIBM64, tan and
 * lgamma are in float64 the C library's function, element by element, and as good as that is: with glibc at most 1.1 ulp, but 2 for
 * asinh, acosh, atanh and erfinv, 4 for erfc and 5 for lgamma. All else is our own and the same from every compiler. */
#define TNI_VMATH_LIST(X) TNI_VMATH_OWN(X) TNI_VMATH_LIBM64(X) TNI_VMATH_TURN(X) X(lgamma)
#define TNI_VMATH_OWN(X) X(exp) X(expm1) X(log) X(log1p) X(log2) X(log10) X(exp2) X(sinh) X(cosh) X(tanh) X(sigmoid) X(atan) X(sqrt)
#define TNI_VMATH_LIBM64(X) X(asinh) X(acosh) X(atanh) X(asin) X(acos) X(erf) X(erfc) X(erfinv)
#define TNI_VMATH_TURN(X) X(sin) X(cos) X(tan)
#define TNI_VMATH_DECLARE(name)                                                                                                    \
    void tni_##name##_f32(float *y, const float *x, int64_t n);                                                                    \
    void tni_##name##_f64(double *y, const double *x, int64_t n);
TNI_VMATH_LIST(TNI_VMATH_DECLARE)
#undef TNI_VMATH_DECLARE

/* The bodies, for kernels that inline them: tni_exp_f32_(x), tni_exp_f64_(x), ... But for sin, cos, tan and the C library's they have
 * no branches, so that loops around them vectorise, and no fma (a slow call on the baseline, and it would change bits). The float
 * forms of exp, log, log1p, tanh, sigmoid and erf compute in float, for twice the speed; the others in double, and round once. NaN takes
 * the arm of each selection that keeps it. */

/* Before a loop whose rounds are independent although the compiler cannot see it (y is x, or they are apart). */
#ifdef __clang__
#define TNI_LOOP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TNI_LOOP _Pragma("GCC ivdep")
#else
#define TNI_LOOP
#endif

#define TNI_LN2 0x1.62e42fefa39efp-1
#define TNI_LN2_HIGH 0x1.62e42fef00000p-1 /* 33 bits: times an exponent it is exact */
#define TNI_LN2_LOW 0x1.473de6af278edp-34
#define TNI_LOG2E 0x1.71547652b82fep+0
#define TNI_ROUNDER 0x1.8p52 /* x + this: the nearest integer, in the low bits of the sum */
#define TNI_INF ((double)__builtin_inff())

/* ---- in float ---- */

#define TNI_ROUNDER_F32 0x1.8p23f
#define TNI_LN2_HIGH_F32 0x1.62e400p-1f /* 15 bits */
#define TNI_LN2_LOW_F32 0x1.7f7d1cp-20f

TNI_INLINE uint32_t tni_bits_f32_(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

TNI_INLINE float tni_float_(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

TNI_INLINE float tni_select_f32_(bool yes, float a, float b) {
#if defined(__clang__) || defined(__NO_TRAPPING_MATH__)
    return yes ? a : b;
#else
    uint32_t mask = (uint32_t)0 - (uint32_t)yes;
    return tni_float_((tni_bits_f32_(a) & mask) | (tni_bits_f32_(b) & ~mask));
#endif
}

/* e^(t + more) = (1 + *w) 2^k; t of at most 8 binary places but for what a float has no room for, `more` small. Returns k +
 * TNI_ROUNDER_F32. */
TNI_INLINE float tni_exp_parts_f32_(float t, float more, float *w) {
    float m = (t + more) * 0x1.715476p+0f + TNI_ROUNDER_F32, k = m - TNI_ROUNDER_F32;
    float high = (t - k * TNI_LN2_HIGH_F32) + more, low = k * TNI_LN2_LOW_F32, r = high - low; /* t - k high is exact */
    float p = 0x1.6db4ccp-10f;
    p = p * r + 0x1.123bd0p-7f;
    p = p * r + 0x1.55545ep-5f;
    p = p * r + 0x1.55548ep-3f;
    p = p * r + 0.5f;
    *w = high + (r * r * p - low);
    return m;
}

/* 2^k from k + TNI_ROUNDER_F32, -127 < k < 128, and as two factors from -252 on. */
TNI_INLINE float tni_power_f32_(float k_rounded) { return tni_float_((tni_bits_f32_(k_rounded) + 127) << 23); }

TNI_INLINE float tni_two_powers_f32_(float k_rounded, float *second) {
    int32_t k = (int32_t)(tni_bits_f32_(k_rounded) - 0x4b400000u), half = k >> 1;
    *second = tni_float_((uint32_t)(k - half + 127) << 23);
    return tni_float_((uint32_t)(half + 127) << 23);
}

TNI_INLINE float tni_exp_f32_(float x) {
    float t = tni_select_f32_(x < -104.0f, -104.0f, x), w, second;
    t = tni_select_f32_(t > 89.0f, 89.0f, t);
    float first = tni_two_powers_f32_(tni_exp_parts_f32_(t, 0.0f, &w), &second);
    return (1.0f + w) * first * second;
}

TNI_INLINE float tni_tanh_f32_(float x) {
    float a = __builtin_fabsf(x), z = a * a, w;
    float p = -0x1.763710p-8f;
    p = p * z + 0x1.523e7ap-6f;
    p = p * z - 0x1.b840e0p-5f;
    p = p * z + 0x1.110752p-3f;
    p = p * z - 0x1.555534p-2f;
    float t = tni_select_f32_(a > 10.0f, 10.0f, a), s = tni_power_f32_(tni_exp_parts_f32_(-(t + t), 0.0f, &w));
    float e = s + s * w, far = 1.0f - (e + e) / ((1.0f + s) + s * w);
    return __builtin_copysignf(tni_select_f32_(a < 0.625f, a + a * (z * p), far), x);
}

/* 1 / (1 + e^a) for a = |x|, with e^a = (1 + w) / s; the other half is 1 - that. */
TNI_INLINE float tni_sigmoid_f32_(float x) {
    float a = __builtin_fabsf(x), w, second;
    a = tni_select_f32_(a > 104.0f, 104.0f, a);
    float k = tni_exp_parts_f32_(a, 0.0f, &w), first = tni_two_powers_f32_(2 * TNI_ROUNDER_F32 - k, &second);
    float s = first * second, sum = 1.0f + s, lost = s - (sum - 1.0f);
    float y = 1.0f / (sum + (w + lost)) * first * second;
    return tni_select_f32_(x < 0.0f, y, 1.0f - y);
}

/* log((1 + f) 2^k) + more, sqrt(1/2) <= 1 + f < sqrt(2). */
TNI_INLINE float tni_log_parts_f32_(float f, float k, float more) {
    float z = f * f;
    float p = 0x1.145afep-4f;
    p = p * f - 0x1.de3ca6p-4f;
    p = p * f + 0x1.e6ef22p-4f;
    p = p * f - 0x1.fc21f0p-4f;
    p = p * f + 0x1.233782p-3f;
    p = p * f - 0x1.555c4ep-3f;
    p = p * f + 0x1.99a4b4p-3f;
    p = p * f - 0x1.000006p-2f;
    p = p * f + 0x1.555548p-2f;
    return (f + ((f * z * p + (k * TNI_LN2_LOW_F32 + more)) - 0.5f * z)) + k * TNI_LN2_HIGH_F32;
}

/* x = (1 + f) 2^k for a positive normal x. */
TNI_INLINE float tni_split_f32_(float x, float *k) {
    uint32_t u = tni_bits_f32_(x) - 0x3f3504f3u + 0x40000000u;
    *k = (float)((int32_t)(u >> 23) - 128);
    return tni_float_((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
}

/* y = log(x) where x is positive and finite; here for all x. */
TNI_INLINE float tni_log_edges_f32_(float x, float y) {
    y = tni_select_f32_(x < __builtin_inff(), y, x); /* +inf and NaN */
    y = tni_select_f32_(x == 0.0f, -__builtin_inff(), y);
    return tni_select_f32_(x < 0.0f, __builtin_nanf(""), y);
}

TNI_INLINE float tni_log_f32_(float x) {
    bool small = x < 0x1p-126f;
    float k, f = tni_split_f32_(x * tni_select_f32_(small, 0x1p23f, 1.0f), &k);
    return tni_log_edges_f32_(x, tni_log_parts_f32_(f, k - tni_select_f32_(small, 23.0f, 0.0f), 0.0f));
}

/* What the sum 1 + x lost counts too; near 0 x is the better f. */
TNI_INLINE float tni_log1p_f32_(float x) {
    float u = 1.0f + x, lost = tni_select_f32_(x > 1.0f, 1.0f - (u - x), x - (u - 1.0f)) / u;
    float k, f = tni_split_f32_(u, &k);
    bool near = k == 0.0f;
    float y = tni_log_parts_f32_(tni_select_f32_(near, x, f), k, tni_select_f32_(near, 0.0f, lost));
    return tni_select_f32_(x == 0.0f, x, tni_log_edges_f32_(u, y));
}

TNI_INLINE float tni_sqrt_f32_(float x) { return __builtin_sqrtf(x); }

/* ---- float by double, and double ---- */

TNI_INLINE double tni_sqrt_f64_(double x) { return __builtin_sqrt(x); }

TNI_INLINE uint64_t tni_bits_(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

TNI_INLINE double tni_double_(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* yes ? a : b. Where comparisons may trap, gcc's default, it vectorises no ?: of doubles but this mask (except for SSE2, which
 * lacks the comparison of its type): -fno-trapping-math makes gcc's loops faster, by a half on the baseline, and changes no bit. */
TNI_INLINE double tni_select_(bool yes, double a, double b) {
#if defined(__clang__) || defined(__NO_TRAPPING_MATH__)
    return yes ? a : b;
#else
    uint64_t mask = (uint64_t)0 - (uint64_t)yes;
    return tni_double_((tni_bits_(a) & mask) | (tni_bits_(b) & ~mask));
#endif
}

TNI_INLINE double tni_clamp_(double x, double low, double high) {
    x = tni_select_(x < low, low, x);
    return tni_select_(x > high, high, x);
}

/* 2^k from k + TNI_ROUNDER, -1023 < k < 1024. (Integer conversions would vectorise with AVX-512 only.) */
TNI_INLINE double tni_power_(double k_rounded) { return tni_double_((tni_bits_(k_rounded) + 1023) << 52); }

/* e^r - 1 for |r| <= ln(2)/2, relative error 2^-31. */
TNI_INLINE double tni_expm1_short_(double r) {
    double p = 0x1.a15179d80ae96p-13;
    p = p * r + 0x1.6d7543e4127b8p-10;
    p = p * r + 0x1.1110c632a3088p-7;
    p = p * r + 0x1.5554accfdb593p-5;
    p = p * r + 0x1.55555567532adp-3;
    p = p * r + 0x1.000000287f871p-1;
    p = p * r + 1.0;
    return p * r;
}

/* e^t to 2^-30, |t| <= 700. */
TNI_INLINE double tni_exp_wide_(double t) {
    double m = t * TNI_LOG2E + TNI_ROUNDER, k = m - TNI_ROUNDER;
    double scale = tni_power_(m);
    return tni_expm1_short_(t - k * TNI_LN2) * scale + scale;
}

TNI_INLINE double tni_expm1_of_float_(double t) {
    double m = t * TNI_LOG2E + TNI_ROUNDER, k = m - TNI_ROUNDER;
    double scale = tni_power_(m);
    return tni_expm1_short_(t - k * TNI_LN2) * scale + (scale - 1.0);
}

TNI_INLINE float tni_expm1_f32_(float x) {
    double t = tni_clamp_(x, -100.0, 128.0);
    return (float)tni_select_(x == 0.0f, x, tni_expm1_of_float_(t)); /* -0 stays */
}

TNI_INLINE float tni_exp2_f32_(float x) {
    double t = tni_clamp_(x, -152.0, 129.0), m = t + TNI_ROUNDER, scale = tni_power_(m);
    return (float)(tni_expm1_short_((t - (m - TNI_ROUNDER)) * TNI_LN2) * scale + scale);
}

TNI_INLINE float tni_sinh_f32_(float x) {
    double t = __builtin_fabs((double)x);
    double u = tni_expm1_of_float_(tni_select_(t > 128.0, 128.0, t));
    return __builtin_copysignf((float)(0.5 * (u + u / (u + 1.0))), x);
}

TNI_INLINE float tni_cosh_f32_(float x) {
    double t = __builtin_fabs((double)x), e = tni_exp_wide_(tni_select_(t > 128.0, 128.0, t));
    return (float)(0.5 * (e + 1.0 / e));
}

/* What log needs of a positive normal x = z * 2^exponent with sqrt(1/2) <= z < sqrt(2). */
TNI_INLINE double tni_split_(double x, double *exponent) {
    uint64_t u = tni_bits_(x) - 0x3fe6a09e667f3bcdu + 0x4000000000000000u;
    *exponent = tni_double_((u >> 52) | 0x4330000000000000u) - (0x1p52 + 1024.0);
    return tni_double_((u & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
}

/* y = log(x) where x is positive and finite; here for all x. */
TNI_INLINE double tni_log_edges_(double x, double y) {
    y = tni_select_(x < TNI_INF, y, x); /* +inf and NaN */
    y = tni_select_(x == 0.0, -TNI_INF, y);
    return tni_select_(x < 0.0, (double)__builtin_nanf(""), y);
}

/* log(1 + z) for sqrt(1/2) <= 1 + z < sqrt(2), relative error 2^-30. */
TNI_INLINE double tni_log1p_short_(double z) {
    double p = 0x1.0d3385d7e77b4p-4;
    p = p * z - 0x1.dbff55079e1e6p-4;
    p = p * z + 0x1.e9500f031b1d3p-4;
    p = p * z - 0x1.fcc15a63ee6eap-4;
    p = p * z + 0x1.231125d84ecc6p-3;
    p = p * z - 0x1.5554c075a4617p-3;
    p = p * z + 0x1.99a6e7403b58bp-3;
    p = p * z - 0x1.000029e3e1292p-2;
    p = p * z + 0x1.555540bb23c5ap-2;
    p = p * z - 0x1.ffffff9b3ac66p-2;
    p = p * z + 0x1.00000002958d6p+0;
    return p * z;
}

TNI_INLINE float tni_log2_f32_(float x) {
    double k, z = tni_split_(x, &k) - 1.0;
    return (float)tni_log_edges_(x, k + tni_log1p_short_(z) * TNI_LOG2E);
}

TNI_INLINE float tni_log10_f32_(float x) {
    double k, z = tni_split_(x, &k) - 1.0;
    return (float)tni_log_edges_(x, k * 0x1.34413509f79ffp-2 + tni_log1p_short_(z) * 0x1.bcb7b1526e50ep-2);
}

/* log(1 + z) to 2^-30 for any z that is 0 or not below 2^-200 in magnitude. */
TNI_INLINE double tni_log1p_wide_(double z) {
    double u = 1.0 + z, k, f = tni_split_(u, &k) - 1.0;
    f = tni_select_(k == 0.0, z, f); /* what the sum lost matters near 0 only */
    return tni_select_(z == 0.0, z, tni_log_edges_(u, k * TNI_LN2 + tni_log1p_short_(f)));
}

TNI_INLINE float tni_asinh_f32_(float x) {
    double t = __builtin_fabs((double)x), z = t * t;
    double y = tni_log1p_wide_(t + z / (1.0 + __builtin_sqrt(1.0 + z)));
    return __builtin_copysignf((float)tni_select_(t < TNI_INF, y, t), x);
}

TNI_INLINE float tni_acosh_f32_(float x) {
    double t = (double)x - 1.0, y = tni_log1p_wide_(t + __builtin_sqrt(t * (t + 2.0)));
    return (float)tni_select_(x < 1.0f, (double)__builtin_nanf(""), y);
}

TNI_INLINE float tni_atanh_f32_(float x) {
    double t = __builtin_fabs((double)x);
    return __builtin_copysignf((float)(0.5 * tni_log1p_wide_((t + t) / (1.0 - t))), x);
}

/* e^t - 1 = (s + low) before the scaling with 2^k: s is the rounded sum, low what the rounding lost. Returns k + TNI_ROUNDER. */
TNI_INLINE double tni_exp_parts_(double t, double *s, double *low) {
    double m = t * TNI_LOG2E + TNI_ROUNDER, k = m - TNI_ROUNDER;
    double high = t - k * TNI_LN2_HIGH, rest = k * TNI_LN2_LOW; /* high is exact */
    double r = high - rest;
    double p = 0x1.1f730349868cep-29;
    p = p * r + 0x1.af4de97ca4194p-26;
    p = p * r + 0x1.27e4db646b17ep-22;
    p = p * r + 0x1.71de0231960ebp-19;
    p = p * r + 0x1.a01a01a6d889cp-16;
    p = p * r + 0x1.a01a01abe7fe1p-13;
    p = p * r + 0x1.6c16c16c162d4p-10;
    p = p * r + 0x1.11111111100dcp-7;
    p = p * r + 0x1.5555555555556p-5;
    p = p * r + 0x1.5555555555557p-3;
    p = p * r + 0.5;
    double tail = p * (r * r) - rest;
    *s = high + tail;
    *low = (high - *s) + tail;
    return m;
}

/* 2^k as two factors, so that overflow and subnormals round once. */
TNI_INLINE double tni_two_powers_(double k_rounded, double *second) {
    double k = k_rounded - TNI_ROUNDER, half = k * 0.5 + TNI_ROUNDER;
    *second = tni_power_((k - (half - TNI_ROUNDER)) + TNI_ROUNDER);
    return tni_power_(half);
}

TNI_INLINE double tni_exp_f64_(double x) {
    x = tni_clamp_(x, -746.0, 710.0);
    double s, low, second;
    double first = tni_two_powers_(tni_exp_parts_(x, &s, &low), &second);
    return ((1.0 + s) * first) * second;
}

TNI_INLINE double tni_expm1_f64_(double x) {
    double t = tni_clamp_(x, -50.0, 710.0), s, low, second;
    double k = tni_exp_parts_(t, &s, &low), first = tni_two_powers_(k, &second), less_second;
    double less =
        tni_two_powers_(2 * TNI_ROUNDER - k, &less_second) * less_second; /* 2^-k: (1 + s) 2^k - 1 = ((1 - 2^-k) + s) 2^k */
    double head = 1.0 - less, y = head + s;
    double lost = (head - y) + s + low + ((1.0 - head) - less);
    y = ((y + lost) * first) * second;
    return tni_select_(x == 0.0, x, y);
}

TNI_INLINE double tni_tanh_f64_(double x) {
    double t = __builtin_fabs(x), s, low;
    t = tni_select_(t > 22.0, 22.0, t);
    double scale = tni_power_(tni_exp_parts_(t + t, &s, &low));
    double head = scale - 1.0, step = scale * s;
    double u = head + step, u_low = ((head - u) + step) + scale * low; /* u = e^(2t) - 1 */
    double d = u + 2.0, d_low = tni_select_(u <= 2.0, (2.0 - d) + u, (u - d) + 2.0);
    double q = u / d;
    q += (0.5 - 0.5 * q) * (u_low - q * (d_low + u_low)); /* 1/d = (1 - q)/2 */
    return __builtin_copysign(q, x);
}

/* As in float. */
TNI_INLINE double tni_sigmoid_f64_(double x) {
    double a = __builtin_fabs(x), w, low, second;
    a = tni_select_(a > 746.0, 746.0, a);
    double k = tni_exp_parts_(a, &w, &low), first = tni_two_powers_(2 * TNI_ROUNDER - k, &second);
    double s = first * second, sum = 1.0 + s, lost = s - (sum - 1.0);
    double y = 1.0 / (sum + (w + (low + lost))) * first * second;
    return tni_select_(x < 0.0, y, 1.0 - y);
}

/* Half of e^t, which overflows later than e^t. */
TNI_INLINE double tni_cosh_f64_(double x) {
    double t = __builtin_fabs(x), s, low, second;
    t = tni_select_(t > 712.0, 712.0, t);
    double first = tni_two_powers_(tni_exp_parts_(t, &s, &low), &second);
    double half = ((1.0 + s) * first) * (second * 0.5);
    return half + 0.25 / half;
}

TNI_INLINE double tni_sinh_f64_(double x) {
    double t = __builtin_fabs(x), s, low, second;
    double u = tni_expm1_f64_(tni_select_(t > 40.0, 40.0, t));
    double far = tni_select_(t > 712.0, 712.0, t), first = tni_two_powers_(tni_exp_parts_(far, &s, &low), &second);
    far = ((1.0 + s) * first) * (second * 0.5);
    return __builtin_copysign(tni_select_(t > 40.0, far, 0.5 * (u + u / (u + 1.0))), x);
}

/* 2^x = 2^k e^(d ln 2) */
TNI_INLINE double tni_exp2_f64_(double x) {
    double t = tni_clamp_(x, -1076.0, 1025.0), m = t + TNI_ROUNDER, s, low, second;
    double d = (t - (m - TNI_ROUNDER)) * TNI_LN2, first = tni_two_powers_(m, &second);
    double more = tni_power_(tni_exp_parts_(d, &s, &low)); /* 1, but at the ends of d */
    return ((1.0 + s) * more * first) * second;
}

/* For log(1 + f) = 2 atanh(s), s = f / (2 + f), z = s^2: (2 atanh(s) - 2 s) / s. */
TNI_INLINE double tni_log_tail_(double z) {
    double p = 0x1.0c04595976d29p-3;
    p = p * z + 0x1.0fbe83c2cb59ep-3;
    p = p * z + 0x1.3b1c360763bddp-3;
    p = p * z + 0x1.745cf901605f5p-3;
    p = p * z + 0x1.c71c720160b47p-3;
    p = p * z + 0x1.2492492476c87p-2;
    p = p * z + 0x1.9999999999a38p-2;
    p = p * z + 0x1.5555555555555p-1;
    return p * z;
}

/* log((1 + f) 2^k) + more, sqrt(1/2) <= 1 + f < sqrt(2), `more` less than an ulp of 1. */
TNI_INLINE double tni_log_parts_(double f, double k, double more) {
    double s = f / (2.0 + f), half = 0.5 * f * f;
    return k * TNI_LN2_HIGH - ((half - (s * (half + tni_log_tail_(s * s)) + (k * TNI_LN2_LOW + more))) - f);
}

/* f and k for a positive x, subnormal ones too. */
TNI_INLINE double tni_scaled_split_(double x, double *k) {
    bool small = x < 0x1p-1022;
    double f = tni_split_(x * tni_select_(small, 0x1p54, 1.0), k) - 1.0;
    *k -= tni_select_(small, 54.0, 0.0);
    return f;
}

TNI_INLINE double tni_log_f64_(double x) {
    double k, f = tni_scaled_split_(x, &k);
    return tni_log_edges_(x, tni_log_parts_(f, k, 0.0));
}

/* log2 and log10 want log(1 + f) in two parts; the first has 21 bits, so that its product with 21 bits of a constant is exact. */
TNI_INLINE double tni_log_high_(double f, double *low) {
    double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f, high = tni_double_(tni_bits_(f - half) & 0xffffffff00000000u);
    *low = ((f - high) - half) + s * (half + tni_log_tail_(z));
    return high;
}

TNI_INLINE double tni_log2_f64_(double x) {
    double k, low, high = tni_log_high_(tni_scaled_split_(x, &k), &low);
    double step = high * 0x1.71547p+0, rest = (low + high) * 0x1.94ae0bf85ddf4p-22 + low * 0x1.71547p+0;
    double sum = k + step;
    return tni_log_edges_(x, (rest + ((k - sum) + step)) + sum);
}

TNI_INLINE double tni_log10_f64_(double x) {
    double k, low, high = tni_log_high_(tni_scaled_split_(x, &k), &low);
    double step = high * 0x1.bcb7bp-2, rest = (low + high) * 0x1.526e50e32a6abp-26 + low * 0x1.bcb7bp-2;
    double whole = k * 0x1.34413509p-2, sum = whole + step;
    return tni_log_edges_(x, ((rest + k * 0x1.ef3fde623e256p-35) + ((whole - sum) + step)) + sum);
}

/* What the sum 1 + x lost counts too; near 0 x is the better f. */
TNI_INLINE double tni_log1p_f64_(double x) {
    double u = 1.0 + x, lost = tni_select_(x > 1.0, 1.0 - (u - x), x - (u - 1.0)) / u;
    double k, f = tni_split_(u, &k) - 1.0;
    bool near = k == 0.0;
    double y = tni_log_parts_(tni_select_(near, x, f), k, tni_select_(near, 0.0, lost));
    return tni_select_(x == 0.0, x, tni_log_edges_(u, y));
}

/* ---- the C library's, in double ---- */

#define TNI_VMATH_SAME(name)                                                                                                       \
    TNI_INLINE double tni_##name##_f64_(double x) { return name(x); }
TNI_VMATH_SAME(asinh)
TNI_VMATH_SAME(acosh)
TNI_VMATH_SAME(atanh)

#include "cpu/vmath_angle.h"
#include "cpu/vmath_erf.h"
#undef TNI_VMATH_SAME
#endif
