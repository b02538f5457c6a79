/* tison/keywords.h - how C calls look like Python's: keyword arguments, an int or a tuple, a number for a tensor. C only; C++ has
 * default arguments and overloads. Every macro here is sugar over a plain function of the same name.
 *
 *   tn_optim_adamw(p, .lr = 3e-4)      by name: the fields of tn_optim_adamw_opts
 *   tn_argmax(x, 1)                    by place: the same fields, in their order
 *   tn_zeros((2, 3)), tn_zeros(3)      a tuple or an int
 *   tn_mul(x, 0.5)                     a number where a tensor may stand
 */
#ifndef TISON_KEYWORDS_H
#define TISON_KEYWORDS_H
#include <tison/base.h>

/* A number, with its Python kind. */
typedef enum tn_scalar_kind { TN_SCALAR_INT, TN_SCALAR_DOUBLE, TN_SCALAR_BOOL, TN_SCALAR_NONE } tn_scalar_kind;
typedef struct tn_scalar {
    tn_scalar_kind kind;
    union {
        int64_t i; /* also of TN_SCALAR_BOOL: 0 or 1 */
        double d;
    } value;
} tn_scalar;
static inline tn_scalar tn_scalar_int(int64_t i) {
    tn_scalar s;
    s.kind = TN_SCALAR_INT;
    s.value.i = i;
    return s;
}
static inline tn_scalar tn_scalar_double(double d) {
    tn_scalar s;
    s.kind = TN_SCALAR_DOUBLE;
    s.value.d = d;
    return s;
}
static inline tn_scalar tn_scalar_bool(bool b) {
    tn_scalar s;
    s.kind = TN_SCALAR_BOOL;
    s.value.i = b;
    return s;
}

static inline tn_scalar tn_scalar_none(void) { /* None, where a number is optional */
    tn_scalar s;
    s.kind = TN_SCALAR_NONE;
    s.value.i = 0;
    return s;
}

/* Several ints as an option: .dims = TN_INTS(0, 2). Empty ({0}) means "not given". */
typedef struct tn_ints {
    size_t n;
    const int64_t *v;
} tn_ints;

#ifndef __cplusplus
#define TN_PASTE_(a, b) a##b
#define TN_PASTE(a, b) TN_PASTE_(a, b)
#define TN_UNWRAP(...) __VA_ARGS__
#define TN_FIRST(a, ...) a
#define TN_REST(a, ...) __VA_ARGS__
#ifdef __clang__
#define TN_QUIET                                                                                                                   \
    _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Winitializer-overrides\"")                               \
        _Pragma("clang diagnostic ignored \"-Wshadow\"") _Pragma("clang diagnostic error \"-Wint-conversion\"")                    \
            _Pragma("clang diagnostic error \"-Wincompatible-pointer-types\"")
#define TN_UNQUIET _Pragma("clang diagnostic pop")
#else
#define TN_QUIET                                                                                                                   \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")                                           \
        _Pragma("GCC diagnostic ignored \"-Wshadow\"") _Pragma("GCC diagnostic error \"-Wint-conversion\"")                        \
            _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")
#define TN_UNQUIET _Pragma("GCC diagnostic pop")
#endif

/* An options struct with `defaults`, then the caller's values; `.size` is named last and stands first, so that values by place go on
 * after it. `call` sees the struct as tn_o. */
#define TN_WITH(type, defaults, call, ...)                                                                                         \
    __extension__({                                                                                                                \
        TN_QUIET const type tn_o = {TN_UNWRAP defaults, .size = sizeof(type), __VA_ARGS__};                                        \
        TN_UNQUIET call;                                                                                                           \
    })

/* An int or a tuple becomes `const int64_t *, size_t`. */
#define TN_PROBE_(...) ~, 1
#define TN_SECOND_(a, b, ...) b
#define TN_SECOND(...) TN_SECOND_(__VA_ARGS__, 0, 0)
#define TN_IS_TUPLE(x) TN_SECOND(TN_PROBE_ x)
#define TN_ARRAY_(...) (const int64_t[]){0, __VA_ARGS__} + 1, sizeof((const int64_t[]){0, __VA_ARGS__}) / sizeof(int64_t) - 1
#define TN_DIMS_1(x) TN_ARRAY_ x
#define TN_DIMS_0(x) TN_ARRAY_(x)
#define TN_DIMS(x) TN_PASTE(TN_DIMS_, TN_IS_TUPLE(x))(x)
#define TN_INTS(...)                                                                                                               \
    {                                                                                                                              \
        sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) { __VA_ARGS__ }                                \
    }

/* A number of any C type becomes a tn_scalar. */
#define TN_SCALAR(v)                                                                                                               \
    _Generic((v), bool : tn_scalar_bool, float : tn_scalar_double, double : tn_scalar_double, default : tn_scalar_int)(v)

/* A tensor or a number becomes a tn_tensor *. */
#define TN_PICK(v)                                                                                                                 \
    _Generic((v), tn_tensor *: tn_same, void *: tn_same, bool: tn_number_bool, float: tn_number_double, double: tn_number_double, \
             default: tn_number_int)(v)
#define TN_BINARY(function, a, b)                                                                                                  \
    __extension__({                                                                                                                \
        TN_QUIET __auto_type tn_a = (a);                                                                                           \
        __auto_type tn_b = (b);                                                                                                    \
        tn_tensor *tn_r = (function)(TN_PICK(tn_a), TN_PICK(tn_b));                                                                \
        TN_UNQUIET tn_r;                                                                                                           \
    })

/* The same with keywords after the second operand. */
#define TN_BINARY_WITH(type, defaults, function, a, ...)                                                                           \
    __extension__({                                                                                                                \
        TN_QUIET __auto_type tn_a = (a);                                                                                           \
        __auto_type tn_b = (TN_FIRST(__VA_ARGS__));                                                                                \
        const type tn_o = {TN_UNWRAP defaults, .size = sizeof(type), TN_REST(__VA_ARGS__)};                                        \
        tn_tensor *tn_r = (function)(TN_PICK(tn_a), TN_PICK(tn_b), &tn_o);                                                         \
        TN_UNQUIET tn_r;                                                                                                           \
    })

/* "file.c:12", for messages that say where a tensor was made. */
#define TN_TEXT_(x) #x
#define TN_TEXT(x) TN_TEXT_(x)
#define TN_HERE __FILE__ ":" TN_TEXT(__LINE__)
#endif
#endif
