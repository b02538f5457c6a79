/* base/base.h - small helpers that every file of the library may use. */
#ifndef TNI_BASE_H
#define TNI_BASE_H
#include <tison/base.h>

#define TNI_LIKELY(x) __builtin_expect(!!(x), 1)
#define TNI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TNI_INLINE static inline __attribute__((always_inline, unused))
#define TNI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TNI_MIN(a, b) ((a) < (b) ? (a) : (b))
#define TNI_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Checked arithmetic: true when the result fits. */
#define TNI_ADD(a, b, out) (!__builtin_add_overflow((a), (b), (out)))
#define TNI_MUL(a, b, out) (!__builtin_mul_overflow((a), (b), (out)))
#endif
