/* core/map.h - elementwise operators: the loops that they bring, and what the core does around them. */
#ifndef TNI_MAP_H
#define TNI_MAP_H
#include "core/op.h"
#include "cpu/level.h"

/* One run of n elements: p[0] is the output, p[1..] the inputs, s their strides in bytes. */
typedef void tni_loop(char *const *p, const int64_t *s, int64_t n, const tni_value *arg);

typedef enum {
    TNI_SAME,     /* computed and returned in the common dtype */
    TNI_FLOATING, /* integers are computed in the default dtype */
    TNI_TO_BOOL   /* computed in the common dtype, returned as bool */
} tni_map_rule;

enum { TNI_MAP_DTYPES = 6 };
int tni_map_index(tn_dtype dtype); /* column of a dtype in the table of loops: u8 i32 i64 f32 f64 bool; -1: none */

typedef struct tni_map {
    tni_map_rule rule;
    tni_loop *loop[TNI_MAP_DTYPES];
} tni_map;

bool tni_run_map(tni_call *c);                          /* .run of every elementwise operator */
bool tni_run_map_with(tni_call *c, const tni_map *map); /* for one that chooses among several maps */
/* The bare loop over arrays of one shape after broadcasting to out's (inputs must broadcast); used by run and by the engine. */
bool tni_map_arrays(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg);

#define TNI_IVDEP _Pragma("GCC ivdep")
#ifdef __clang__
#undef TNI_IVDEP
#define TNI_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#endif

/* A loop y = expr(a), or y = expr(a, b), as compiled for each CPU level. TY, T: types of the output and of the inputs; `arg` is in sight. */
#define TNI_LOOP1(name, TY, T, expr)                                                                                               \
    TNI_INLINE void name##_body(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                               \
        (void)arg;                                                                                                                 \
        if (s[0] == sizeof(TY) && s[1] == sizeof(T)) {                                                                             \
            TY *y = (TY *)p[0];                                                                                                    \
            const T *x = (const T *)p[1];                                                                                          \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T a = x[i];                                                                                                  \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                      \
                const T a = *(const T *)(p[1] + i * s[1]);                                                                         \
                *(TY *)(p[0] + i * s[0]) = (TY)(expr);                                                                             \
            }                                                                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (char *const *p, const int64_t *s, int64_t n, const tni_value *arg), (p, s, n, arg))
#define TNI_LOOP2(name, TY, T, expr)                                                                                               \
    TNI_INLINE void name##_body(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                               \
        (void)arg;                                                                                                                 \
        TY *y = (TY *)p[0];                                                                                                        \
        const T *u = (const T *)p[1], *v = (const T *)p[2];                                                                        \
        const int64_t w = sizeof(T);                                                                                               \
        if (s[0] == sizeof(TY) && s[1] == w && s[2] == w) {                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T a = u[i], b = v[i];                                                                                        \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else if (s[0] == sizeof(TY) && s[1] == w && s[2] == 0) {                                                                 \
            const T b = *v;                                                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T a = u[i];                                                                                                  \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else if (s[0] == sizeof(TY) && s[1] == 0 && s[2] == w) {                                                                 \
            const T a = *u;                                                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T b = v[i];                                                                                                  \
                y[i] = (TY)(expr);                                                                                                 \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                      \
                const T a = *(const T *)(p[1] + i * s[1]), b = *(const T *)(p[2] + i * s[2]);                                      \
                *(TY *)(p[0] + i * s[0]) = (TY)(expr);                                                                             \
            }                                                                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (char *const *p, const int64_t *s, int64_t n, const tni_value *arg), (p, s, n, arg))
#endif
