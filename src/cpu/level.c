/* cpu/level.c - CPU features, read once when the library is loaded. */
#include "cpu/level.h"
#include <stdlib.h>
#include <string.h>

tni_level tni_cpu_level = TNI_LEVEL_BASE;
static const char *const level_names[TNI_LEVELS] = {"base", "avx2", "avx512"};

tni_level tni_cpu_best_level(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init(); /* looks at CPUID's feature bits and at XCR0, not at the model */
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? TNI_LEVEL_AVX512 : avx2 ? TNI_LEVEL_AVX2 : TNI_LEVEL_BASE;
#else
    return TNI_LEVEL_BASE;
#endif
}

void tni_cpu_set_level(tni_level level) {
    tni_level best = tni_cpu_best_level();
    tni_cpu_level = level > best ? best : level;
}

const char *tni_cpu_level_name(tni_level level) { return level_names[level]; }

__attribute__((constructor)) static void choose_level(void) {
    tni_level level = TNI_LEVEL_AVX512;
    const char *asked = getenv("TISON_CPU");
    for (int i = 0; asked != NULL && i < TNI_LEVELS; i++)
        if (strcmp(asked, level_names[i]) == 0) level = (tni_level)i;
    tni_cpu_set_level(level);
}
