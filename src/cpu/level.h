/* cpu/level.h - which instruction sets the kernels may use, and how one kernel body is compiled for each of them. */
#ifndef TNI_LEVEL_H
#define TNI_LEVEL_H
#include "base/base.h"

typedef enum { TNI_LEVEL_BASE, TNI_LEVEL_AVX2, TNI_LEVEL_AVX512, TNI_LEVELS } tni_level;

/* The level in use: the best that CPUID and XCR0 allow, or a lower one asked for by the environment's TISON_CPU=base|avx2|avx512. */
extern tni_level tni_cpu_level;
void tni_cpu_set_level(tni_level level); /* for tests; never above what the machine has */
tni_level tni_cpu_best_level(void);
const char *tni_cpu_level_name(tni_level level);

#if defined(__x86_64__) && defined(__GNUC__)
#define TNI_TARGET_AVX2 __attribute__((target("avx2,fma,bmi2,f16c")))
#define TNI_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c" TNI_WIDE)))
#ifdef __clang__
#define TNI_WIDE ""
#else
#define TNI_WIDE ",prefer-vector-width=512"
#endif
/* Defines `void name params` (static when `linkage` is static), which runs the always-inlined function `body` as compiled for the
 * level in use. `args` repeats the names of `params`: TNI_KERNEL(, tni_relu_f32, relu_f32, (float *y, const float *x, int64_t n), (y, x, n)) */
#define TNI_KERNEL(linkage, name, body, params, args)                                                                              \
    static void name##_base params { body args; }                                                                                  \
    TNI_TARGET_AVX2 static void name##_avx2 params { body args; }                                                                  \
    TNI_TARGET_AVX512 static void name##_avx512 params { body args; }                                                              \
    linkage void name params {                                                                                                     \
        static void(*const level[TNI_LEVELS]) params = {name##_base, name##_avx2, name##_avx512};                                  \
        level[tni_cpu_level] args;                                                                                                 \
    }
#else
#define TNI_TARGET_AVX2
#define TNI_TARGET_AVX512
#define TNI_KERNEL(linkage, name, body, params, args)                                                                              \
    linkage void name params { body args; }
#endif
#endif
