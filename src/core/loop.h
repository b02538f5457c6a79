/* core/loop.h - the inner loops of elementwise operators: one expression becomes a loop for each dtype of a group.
 *
 *   TNI_INT2(add, a + b)  TNI_FLOAT2(add, a + b)  TNI_COMPLEX2(add, a + b)  TNI_BOOL2(add, a | b)
 *   static const tni_map add_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(add), TNI_COMPLEX_COLUMNS(add), TNI_BOOL_COLUMN(add));
 *
 * `a`, `b`, `c` are the elements of the inputs, `arg` the call's first argument; TNI_V(x) is x in the element's type. Integers wrap
 * (-fwrapv). float16 and bfloat16 need no loops: the core runs those of float32 on widened blocks. Loops over floats are compiled
 * for each CPU level, the others once.
 */
#ifndef TNI_LOOP_H
#define TNI_LOOP_H
#include "core/op.h"
#include "cpu/level.h"
#include <complex.h>

/* One run of n elements: p[0] is the output, p[1..] the inputs, s their strides in bytes. */
typedef void tni_loop(char *const *p, const int64_t *s, int64_t n, const tni_value *arg);

/* Columns of a table of loops. */
enum {
    TNI_U8,
    TNI_I8,
    TNI_I16,
    TNI_I32,
    TNI_I64,
    TNI_F32,
    TNI_F64,
    TNI_C64,
    TNI_C128,
    TNI_BOOL,
    TNI_F16,  /* NULL in most tables: computed in float32 */
    TNI_BF16, /* the same */
    TNI_COLUMNS
};

#define TNI_IVDEP _Pragma("GCC ivdep")
#ifdef __clang__
#undef TNI_IVDEP
#define TNI_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#endif

#define TNI_LOOP_PARAMETERS (char *const *p, const int64_t *s, int64_t n, const tni_value *arg)
#define TNI_LEVELLED(name) TNI_KERNEL(static, name, name##_body, TNI_LOOP_PARAMETERS, (p, s, n, arg))
#define TNI_ONCE(name)                                                                                                             \
    static void name TNI_LOOP_PARAMETERS { name##_body(p, s, n, arg); }

/* A loop y = expr(a): TY is the output's type, T the input's, A what `a` is in the expression. */
#define TNI_LOOP1_(how, name, TY, T, A, expr)                                                                                      \
    TNI_INLINE void name##_body TNI_LOOP_PARAMETERS {                                                                              \
        (void)arg;                                                                                                                 \
        if (s[0] == sizeof(TY) && s[1] == sizeof(T)) {                                                                             \
            TY *y = (TY *)p[0];                                                                                                    \
            const T *x = (const T *)p[1];                                                                                          \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const A a = (A)x[i];                                                                                               \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                      \
                const A a = (A) * (const T *)(p[1] + i * s[1]);                                                                    \
                *(TY *)(p[0] + i * s[0]) = (TY)(expr);                                                                             \
            }                                                                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    how(name)
/* The same of two inputs; one of them may be a single element. */
#define TNI_LOOP2_(how, name, TY, T, A, expr)                                                                                      \
    TNI_INLINE void name##_body TNI_LOOP_PARAMETERS {                                                                              \
        (void)arg;                                                                                                                 \
        TY *y = (TY *)p[0];                                                                                                        \
        const T *u = (const T *)p[1], *v = (const T *)p[2];                                                                        \
        const int64_t w = sizeof(T);                                                                                               \
        if (s[0] == sizeof(TY) && s[1] == w && s[2] == w) {                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const A a = (A)u[i], b = (A)v[i];                                                                                  \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else if (s[0] == sizeof(TY) && s[1] == w && s[2] == 0) {                                                                 \
            const A b = (A)*v;                                                                                                     \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const A a = (A)u[i];                                                                                               \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else if (s[0] == sizeof(TY) && s[1] == 0 && s[2] == w) {                                                                 \
            const A a = (A)*u;                                                                                                     \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const A b = (A)v[i];                                                                                               \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                      \
                const A a = (A) * (const T *)(p[1] + i * s[1]), b = (A) * (const T *)(p[2] + i * s[2]);                            \
                *(TY *)(p[0] + i * s[0]) = (TY)(expr);                                                                             \
            }                                                                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    how(name)
/* Of three inputs of one type. */
#define TNI_LOOP3_(how, name, TY, T, A, expr)                                                                                      \
    TNI_INLINE void name##_body TNI_LOOP_PARAMETERS {                                                                              \
        (void)arg;                                                                                                                 \
        TY *y = (TY *)p[0];                                                                                                        \
        const T *u = (const T *)p[1], *v = (const T *)p[2], *z = (const T *)p[3];                                                  \
        const int64_t w = sizeof(T);                                                                                               \
        if (s[0] == sizeof(TY) && s[1] == w && s[2] == w && s[3] == w) {                                                           \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const A a = (A)u[i], b = (A)v[i], c = (A)z[i];                                                                     \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                      \
                const A a = (A) * (const T *)(p[1] + i * s[1]), b = (A) * (const T *)(p[2] + i * s[2]),                            \
                        c = (A) * (const T *)(p[3] + i * s[3]);                                                                    \
                *(TY *)(p[0] + i * s[0]) = (TY)(expr);                                                                             \
            }                                                                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    how(name)

/* One loop of given types. */
#define TNI_LOOP1(name, TY, T, expr) TNI_LOOP1_(TNI_LEVELLED, name, TY, T, T, expr)
#define TNI_LOOP2(name, TY, T, expr) TNI_LOOP2_(TNI_LEVELLED, name, TY, T, T, expr)

#define TNI_V(x) ((__typeof__(a))(x))
/* The call's arguments in the element's type, as d0, d1, d2 in an expression that does not always need them: they are read beforehand, since
 * no compiler makes vector code of a read that only some elements ask for. */
#define TNI_ARG1(expr)                                                                                                             \
    __extension__({                                                                                                                \
        const __typeof__(a) d0 = TNI_V(arg[0].d);                                                                                  \
        (expr);                                                                                                                    \
    })
#define TNI_ARG2(expr)                                                                                                             \
    __extension__({                                                                                                                \
        const __typeof__(a) d0 = TNI_V(arg[0].d), d1 = TNI_V(arg[1].d);                                                            \
        (expr);                                                                                                                    \
    })
#define TNI_ARG3(expr)                                                                                                             \
    __extension__({                                                                                                                \
        const __typeof__(a) d0 = TNI_V(arg[0].d), d1 = TNI_V(arg[1].d), d2 = TNI_V(arg[2].d);                                      \
        (expr);                                                                                                                    \
    })
/* A function of libm or of the compiler in the element's type: TNI_F(fabs, a). */
#define TNI_F(function, ...) _Generic((a), float : __builtin_##function##f, default : __builtin_##function)(__VA_ARGS__)

#define TNI_EACH_INT(X, how, name, expr)                                                                                           \
    X(how, name##_u8, uint8_t, uint8_t, uint8_t, expr)                                                                             \
    X(how, name##_i8, int8_t, int8_t, int8_t, expr)                                                                                \
    X(how, name##_i16, int16_t, int16_t, int16_t, expr)                                                                            \
    X(how, name##_i32, int32_t, int32_t, int32_t, expr)                                                                            \
    X(how, name##_i64, int64_t, int64_t, int64_t, expr)
#define TNI_EACH_FLOAT(X, how, name, expr)                                                                                         \
    X(how, name##_f32, float, float, float, expr)                                                                                  \
    X(how, name##_f64, double, double, double, expr)
#define TNI_EACH_COMPLEX(X, how, name, expr)                                                                                       \
    X(how, name##_c64, float _Complex, float _Complex, float _Complex, expr)                                                       \
    X(how, name##_c128, double _Complex, double _Complex, double _Complex, expr)

#define TNI_INT1(name, expr) TNI_EACH_INT(TNI_LOOP1_, TNI_ONCE, name, expr)
#define TNI_INT2(name, expr) TNI_EACH_INT(TNI_LOOP2_, TNI_ONCE, name, expr)
#define TNI_INT3(name, expr) TNI_EACH_INT(TNI_LOOP3_, TNI_ONCE, name, expr)
#define TNI_FLOAT1(name, expr) TNI_EACH_FLOAT(TNI_LOOP1_, TNI_LEVELLED, name, expr)
#define TNI_FLOAT2(name, expr) TNI_EACH_FLOAT(TNI_LOOP2_, TNI_LEVELLED, name, expr)
#define TNI_FLOAT3(name, expr) TNI_EACH_FLOAT(TNI_LOOP3_, TNI_LEVELLED, name, expr)
#define TNI_COMPLEX1(name, expr) TNI_EACH_COMPLEX(TNI_LOOP1_, TNI_ONCE, name, expr)
#define TNI_COMPLEX2(name, expr) TNI_EACH_COMPLEX(TNI_LOOP2_, TNI_ONCE, name, expr)
#define TNI_COMPLEX3(name, expr) TNI_EACH_COMPLEX(TNI_LOOP3_, TNI_ONCE, name, expr)
/* A bool read from foreign memory may hold any byte: `a` is 0 or 1. */
#define TNI_BOOL1(name, expr) TNI_LOOP1_(TNI_ONCE, name##_bool, uint8_t, uint8_t, _Bool, expr)
#define TNI_BOOL2(name, expr) TNI_LOOP2_(TNI_ONCE, name##_bool, uint8_t, uint8_t, _Bool, expr)

/* Predicates: the output is bool. */
#define TNI_EACH_TEST(X, name, expr)                                                                                               \
    X(TNI_ONCE, name##_u8, uint8_t, uint8_t, uint8_t, expr)                                                                        \
    X(TNI_ONCE, name##_i8, uint8_t, int8_t, int8_t, expr)                                                                          \
    X(TNI_ONCE, name##_i16, uint8_t, int16_t, int16_t, expr)                                                                       \
    X(TNI_ONCE, name##_i32, uint8_t, int32_t, int32_t, expr)                                                                       \
    X(TNI_ONCE, name##_i64, uint8_t, int64_t, int64_t, expr)                                                                       \
    X(TNI_LEVELLED, name##_f32, uint8_t, float, float, expr)                                                                       \
    X(TNI_LEVELLED, name##_f64, uint8_t, double, double, expr)                                                                     \
    X(TNI_ONCE, name##_bool, uint8_t, uint8_t, _Bool, expr)
#define TNI_TEST1(name, expr) TNI_EACH_TEST(TNI_LOOP1_, name, expr)
#define TNI_TEST2(name, expr) TNI_EACH_TEST(TNI_LOOP2_, name, expr)
#define TNI_COMPLEX_TEST1(name, expr)                                                                                              \
    TNI_LOOP1_(TNI_ONCE, name##_c64, uint8_t, float _Complex, float _Complex, expr)                                                \
    TNI_LOOP1_(TNI_ONCE, name##_c128, uint8_t, double _Complex, double _Complex, expr)
#define TNI_COMPLEX_TEST2(name, expr)                                                                                              \
    TNI_LOOP2_(TNI_ONCE, name##_c64, uint8_t, float _Complex, float _Complex, expr)                                                \
    TNI_LOOP2_(TNI_ONCE, name##_c128, uint8_t, double _Complex, double _Complex, expr)

/* The same loops in a table. */
#define TNI_INT_COLUMNS(name)                                                                                                      \
    [TNI_U8] = name##_u8, [TNI_I8] = name##_i8, [TNI_I16] = name##_i16, [TNI_I32] = name##_i32, [TNI_I64] = name##_i64
#define TNI_FLOAT_COLUMNS(name) [TNI_F32] = name##_f32, [TNI_F64] = name##_f64
#define TNI_COMPLEX_COLUMNS(name) [TNI_C64] = name##_c64, [TNI_C128] = name##_c128
#define TNI_BOOL_COLUMN(name) [TNI_BOOL] = name##_bool
#define TNI_REAL_COLUMNS(name) TNI_INT_COLUMNS(name), TNI_FLOAT_COLUMNS(name)
#define TNI_TEST_COLUMNS(name) TNI_REAL_COLUMNS(name), TNI_BOOL_COLUMN(name)

/* Elements moved as bits, by their size; NULL for a size that no dtype has. NAME(8), NAME(16), ... must exist. */
#define TNI_BY_SIZE(item, name)                                                                                                    \
    ((item) == 1 ? name##_1 : (item) == 2 ? name##_2 : (item) == 4 ? name##_4 : (item) == 8 ? name##_8 : name##_16)
typedef struct tni_16_bytes {
    uint64_t part[2];
} tni_16_bytes;
#define TNI_EACH_SIZE(X, name)                                                                                                     \
    X(name##_1, uint8_t) X(name##_2, uint16_t) X(name##_4, uint32_t) X(name##_8, uint64_t) X(name##_16, tni_16_bytes)
#endif
