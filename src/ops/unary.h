/* ops/unary.h - what elementwise functions of one tensor share: loops over the functions of cpu/vmath.h, derivatives in one pass. */
#ifndef TNI_UNARY_H
#define TNI_UNARY_H
#include "core/map.h"
#include "cpu/vmath.h"

/* A derivative made of dy and one saved tensor in one pass: *done is false where the formula is to be used. */
bool tni_one_pass(tni_vjp *g, uint32_t which, tni_loop *const *loops, bool *done);

/* Defines <name>_fused: expr over a, an element of dy, and b, one of the saved tensor; <name>_vjp where it does not fit. */
#define TNI_FUSED(name, which, expr)                                                                                               \
    TNI_LOOP2(name##_back_f32, float, float, expr)                                                                                 \
    TNI_LOOP2(name##_back_f64, double, double, expr)                                                                               \
    static tni_loop *const name##_back[2] = {name##_back_f32, name##_back_f64};                                                    \
    static bool name##_fused(tni_vjp *g) {                                                                                         \
        bool done;                                                                                                                 \
        TNI_TRY(tni_one_pass(g, which, name##_back, &done));                                                                       \
        return done || name##_vjp(g);                                                                                              \
    }

/* A loop over the functions of cpu/vmath.h, which give the same bits by array and by element. */
#define TNI_VMATH_LOOP(name, T, type)                                                                                              \
    static void name##_##type TNI_LOOP_PARAMETERS {                                                                                \
        (void)arg;                                                                                                                 \
        if (s[0] == sizeof(T) && s[1] == sizeof(T)) {                                                                              \
            tni_##name##_##type((T *)p[0], (const T *)p[1], n);                                                                    \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t i = 0; i < n; i++) *(T *)(p[0] + i * s[0]) = tni_##name##_##type##_(*(const T *)(p[1] + i * s[1]));           \
    }
#define TNI_VMATH_LOOPS(name)                                                                                                      \
    TNI_VMATH_LOOP(name, float, f32)                                                                                               \
    TNI_VMATH_LOOP(name, double, f64)
/* The same with loops of the C library's for complex numbers. */
#define TNI_VMATH_COMPLEX_MAP(name, cname)                                                                                         \
    TNI_VMATH_LOOPS(name)                                                                                                          \
    TNI_LOOP1_(TNI_ONCE, name##_c64, float _Complex, float _Complex, float _Complex, cname##f(a))                                  \
    TNI_LOOP1_(TNI_ONCE, name##_c128, double _Complex, double _Complex, double _Complex, cname(a))                                 \
    static const tni_map name##_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(name), TNI_COMPLEX_COLUMNS(name));
#define TNI_VMATH_MAP(name)                                                                                                        \
    TNI_VMATH_LOOPS(name)                                                                                                          \
    static const tni_map name##_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(name));
/* One of those functions in an expression, in the element's type. */
#define TNI_VM(name, x) _Generic((x), float : tni_##name##_f32_, default : tni_##name##_f64_)(x)

/* The conjugate, for derivatives: x itself when it is real. NULL passes. */
tn_tensor *tni_conjugate(tn_tensor *x);
#endif
