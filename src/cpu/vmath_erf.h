/* cpu/vmath_erf.h - erf, erfc, erfinv and lgamma for vmath.h, which includes it. */
#ifndef TNI_VMATH_ERF_H
#define TNI_VMATH_ERF_H
#include "cpu/vmath.h"

/* erfc(a), 0 <= a <= 10.5, to 2^-30: e^(a^2) erfc(a) is smooth in (a - 4) / (a + 4). */
TNI_INLINE double tni_erfc_wide_(double a) {
    double t = (a - 4.0) / (a + 4.0);
    double p = 0x1.a9dbdb738d430p-14;
    p = p * t - 0x1.d8b86b1a526bdp-16;
    p = p * t - 0x1.ab4cf45094de0p-11;
    p = p * t + 0x1.09fe4addf1410p-8;
    p = p * t - 0x1.a4bbcdf65f3e7p-7;
    p = p * t + 0x1.006867bdd6118p-5;
    p = p * t - 0x1.027de20511014p-4;
    p = p * t + 0x1.be5016c725d92p-4;
    p = p * t - 0x1.5066631af15e3p-3;
    p = p * t + 0x1.bff01ab502ccfp-3;
    p = p * t - 0x1.0949227bc32c6p-2;
    p = p * t + 0x1.18932bf03e473p-3;
    return p * tni_exp_wide_(-(a * a));
}

/* Near 0 a polynomial; else 1 - erfc(t), erfc(t) = e^(-t^2 + t q(t)), with t^2 in two parts. */
TNI_INLINE float tni_erf_f32_(float x) {
    float a = __builtin_fabsf(x), z = a * a, w;
    float p = 0x1.6fed9ep-14f;
    p = p * z - 0x1.af8e82p-11f;
    p = p * z + 0x1.555512p-8f;
    p = p * z - 0x1.b81bfep-6f;
    p = p * z + 0x1.ce2e9cp-4f;
    p = p * z - 0x1.812746p-2f;
    p = p * z + 0x1.06eba8p-3f;
    float t = tni_select_f32_(a > 4.0f, 4.0f, a), high = tni_float_(tni_bits_f32_(t) & 0xfffff000u);
    float q = 0x1.c5389cp-13f;
    q = q * t - 0x1.a7ad98p-9f;
    q = q * t + 0x1.77f0d8p-6f;
    q = q * t - 0x1.af8170p-4f;
    q = q * t + 0x1.751746p-2f;
    q = q * t - 0x1.20e790p+0f;
    float s = tni_power_f32_(tni_exp_parts_f32_(-(high * high), q * t - (t - high) * (t + high), &w));
    return __builtin_copysignf(tni_select_f32_(a < 0.79f, a + a * p, (1.0f - s) - s * w), x);
}

TNI_INLINE float tni_erfc_f32_(float x) {
    double a = __builtin_fabs((double)x), y = tni_erfc_wide_(tni_select_(a > 10.5, 10.5, a));
    return (float)tni_select_(x < 0.0f, 2.0 - y, y);
}

/* erfinv(x) / x from w = -log(1 - x^2), w <= 37.5, to 2^-26. */
TNI_INLINE double tni_erfinv_near_(double w) {
    double z = w - 2.5;
    double p = -0x1.62bd310d71c04p-36;
    p = p * z + 0x1.0f1458c77e14ep-33;
    p = p * z + 0x1.bf358569ca9c5p-31;
    p = p * z - 0x1.75172bd1c996ep-27;
    p = p * z + 0x1.db03c7258e6c7p-27;
    p = p * z + 0x1.00fba113e91e6p-21;
    p = p * z - 0x1.cab1c6cb7f674p-19;
    p = p * z - 0x1.4f459750f134cp-18;
    p = p * z + 0x1.c9b4c0b6d9347p-13;
    p = p * z - 0x1.4863cfffa18d7p-10;
    p = p * z - 0x1.11c3c4c0b71dep-8;
    p = p * z + 0x1.f91e8994cf22fp-3;
    p = p * z + 0x1.805c5cfd0bacdp+0;
    return p;
}

TNI_INLINE double tni_erfinv_far_(double w) {
    double z = __builtin_sqrt(w) - 4.0;
    double p = 0x1.2951859043282p-24;
    p = p * z - 0x1.19a0e62743fb1p-21;
    p = p * z + 0x1.d57d672304b26p-21;
    p = p * z + 0x1.708ba3c74490fp-19;
    p = p * z - 0x1.a80603978838cp-17;
    p = p * z + 0x1.5eefc43f28102p-16;
    p = p * z - 0x1.c37cb12bfa995p-16;
    p = p * z + 0x1.b37555f026c7ep-15;
    p = p * z - 0x1.008019cb94a4cp-13;
    p = p * z + 0x1.532a70ac717afp-12;
    p = p * z - 0x1.c6c03685fd24bp-11;
    p = p * z + 0x1.4a1cc521c2eeap-10;
    p = p * z + 0x1.026e234f1acd2p+0;
    p = p * z + 0x1.eb7e093e8c1acp+1;
    return p;
}

/* The edges: 1 gives infinity, what lies behind it NaN. */
TNI_INLINE double tni_erfinv_edges_(double a, double y) {
    y = tni_select_(a == 1.0, TNI_INF, y);
    return tni_select_(a > 1.0, (double)__builtin_nanf(""), y);
}

TNI_INLINE float tni_erfinv_f32_(float x) {
    double a = __builtin_fabs((double)x), k, z = tni_split_(1.0 - a * a, &k) - 1.0;
    double w = -(k * TNI_LN2 + tni_log1p_short_(z));
    double y = a * tni_select_(w > 5.0, tni_erfinv_far_(w), tni_erfinv_near_(w));
    return __builtin_copysignf((float)tni_erfinv_edges_(a, y), x);
}

/* One step of Halley's method from the above, with the residual taken where it is small. */
TNI_INLINE double tni_erfinv_f64_(double x) {
    double a = __builtin_fabs(x), w = -log1p(-a * a);
    if (!(a < 1.0)) return copysign(tni_erfinv_edges_(a, a), x);
    double y = a * (w > 5.0 ? tni_erfinv_far_(w) : tni_erfinv_near_(w));
    double residual = a > 0.5 ? (1.0 - a) - erfc(y) : erf(y) - a;
    double u = residual / (0x1.20dd750429b6dp+0 * exp(-y * y));
    return copysign(y - u / (1.0 + y * u), x);
}

TNI_VMATH_SAME(erf)
TNI_VMATH_SAME(erfc)

/* lgamma would write a variable that all threads share. */
TNI_INLINE double tni_lgamma_f64_(double x) {
    int sign;
    return lgamma_r(x, &sign);
}
TNI_INLINE float tni_lgamma_f32_(float x) { return (float)tni_lgamma_f64_(x); }
#endif
