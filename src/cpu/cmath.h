/* cpu/cmath.h - arithmetic of complex numbers without the C standard's recovery of infinities, as PyTorch computes it. */
#ifndef TNI_CMATH_H
#define TNI_CMATH_H
#include "base/base.h"
#include <complex.h>

/* Division scales by the larger part of the divisor, so that nothing overflows on the way. */
#define TNI_COMPLEX_ARITHMETIC(tag, T, fabs_)                                                                                      \
    TNI_INLINE T _Complex tni_cmul_##tag(T _Complex a, T _Complex b) {                                                             \
        const T ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;                                                \
        return __builtin_complex(ar * br - ai * bi, ar * bi + ai * br);                                                            \
    }                                                                                                                              \
    TNI_INLINE T _Complex tni_cdiv_##tag(T _Complex a, T _Complex b) {                                                             \
        const T larger = TNI_MAX(fabs_(__real__ b), fabs_(__imag__ b));                                                            \
        if (larger == 0) return __builtin_complex(__real__ a / __real__ b, __imag__ a / __real__ b);                               \
        const T br = __real__ b / larger, bi = __imag__ b / larger, scale = 1 / (br * br + bi * bi) / larger;                      \
        const T ar = __real__ a, ai = __imag__ a;                                                                                  \
        return __builtin_complex((ar * br + ai * bi) * scale, (ai * br - ar * bi) * scale);                                        \
    }                                                                                                                              \
    TNI_INLINE T _Complex tni_conj_##tag(T _Complex a) { return __builtin_complex(__real__ a, -__imag__ a); }
TNI_COMPLEX_ARITHMETIC(c64, float, __builtin_fabsf)
TNI_COMPLEX_ARITHMETIC(c128, double, __builtin_fabs)

#define TNI_CMUL(a, b) _Generic((a), float _Complex : tni_cmul_c64, default : tni_cmul_c128)(a, b)
#define TNI_CDIV(a, b) _Generic((a), float _Complex : tni_cdiv_c64, default : tni_cdiv_c128)(a, b)
#define TNI_CONJ(a) _Generic((a), float _Complex : tni_conj_c64, default : tni_conj_c128)(a)
#endif
