/* tensor/half.h - float16 and bfloat16 as bits, to and from float32, round to nearest, ties to even; the four float8 to float32. */
#ifndef TNI_HALF_H
#define TNI_HALF_H
#include "base/base.h"
#include <string.h>

TNI_INLINE float tni_float_of_bits(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
TNI_INLINE uint32_t tni_bits_of_float(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

TNI_INLINE float tni_bf16_to_f32(uint16_t h) { return tni_float_of_bits((uint32_t)h << 16); }
TNI_INLINE uint16_t tni_f32_to_bf16(float f) {
    uint32_t u = tni_bits_of_float(f);
    uint32_t rounded = (u + 0x7FFF + (u >> 16 & 1)) >> 16;
    return (uint16_t)((u & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC0 : rounded);
}

/* Subnormals come out of a subtraction that is exact: no branch, so loops vectorise. */
TNI_INLINE float tni_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, u = (uint32_t)(h & 0x7FFF) << 13, exponent = u & 0x0F800000;
    uint32_t normal = u + (112u << 23) + (exponent == 0x0F800000 ? 112u << 23 : 0);
    float tiny = tni_float_of_bits(u + (113u << 23)) - 0x1p-14F;
    return tni_float_of_bits(sign | (exponent == 0 ? tni_bits_of_float(tiny) : normal));
}
TNI_INLINE uint16_t tni_f32_to_f16(float f) {
    uint32_t bits = tni_bits_of_float(f), sign = bits >> 16 & 0x8000, u = bits & 0x7FFFFFFF;
    uint32_t tiny = tni_bits_of_float(tni_float_of_bits(u) + 0.5F) - 0x3F000000; /* 0.5 has the last place of a subnormal half */
    uint32_t normal = (u - (112u << 23) + 0xFFF + (u >> 13 & 1)) >> 13;
    uint32_t h = u > 0x7F800000 ? 0x7E00 : u >= 0x477FF000 ? 0x7C00 : u < 0x38800000 ? tiny : normal;
    return (uint16_t)(sign | h);
}
TNI_INLINE uint16_t tni_f32_to_half(float f, tn_dtype dtype) {
    return dtype == TN_FLOAT16 ? tni_f32_to_f16(f) : tni_f32_to_bf16(f);
}
TNI_INLINE float tni_half_to_f32(uint16_t h, tn_dtype dtype) {
    return dtype == TN_FLOAT16 ? tni_f16_to_f32(h) : tni_bf16_to_f32(h);
}

/* Two or three bits of fraction, the sign in front. E5M2 has infinities, E4M3FN only NaN (all ones); the FNUZ kinds have neither a
 * negative zero nor infinities, one NaN (the sign alone), and an exponent one lower. */
TNI_INLINE float tni_float8_to_f32(uint8_t b, tn_dtype dtype) {
    bool five = dtype == TN_FLOAT8_E5M2 || dtype == TN_FLOAT8_E5M2FNUZ,
         fnuz = dtype == TN_FLOAT8_E5M2FNUZ || dtype == TN_FLOAT8_E4M3FNUZ;
    int fraction_bits = five ? 2 : 3, bias = (five ? 15 : 7) + fnuz;
    int exponent = (b & 127) >> fraction_bits, fraction = b & ((1 << fraction_bits) - 1);
    uint32_t sign = (uint32_t)(b & 128) << 24;
    if (fnuz ? b == 128 : five ? (b & 127) > 0x7C : (b & 127) == 127) return tni_float_of_bits(0x7FC00000 | sign);
    if (dtype == TN_FLOAT8_E5M2 && (b & 127) == 0x7C) return tni_float_of_bits(sign | 0x7F800000);
    float scale = tni_float_of_bits((uint32_t)(127 + TNI_MAX(exponent, 1) - bias - fraction_bits) << 23);
    float value = (float)(exponent ? fraction + (1 << fraction_bits) : fraction) * scale;
    return tni_float_of_bits(tni_bits_of_float(value) | sign);
}
#endif
