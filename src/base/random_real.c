/* base/random_real.c - random fills with real numbers: uniform, normal, exponential. */
#include "base/error.h"
#include "base/random.h"
#include <float.h>
#include <math.h>

enum { CHUNK = 512, BLOCK = 16 };

#define TWO_PI 6.283185307179586476925286766559

/* Both bodies give the same bits; without FMA instructions each fused step is a call of the C library. */
#if defined(__x86_64__) && defined(__GNUC__)
#define FUSED(name, body, params, args)                                                                                            \
    static void name##_plain params { body args; }                                                                                 \
    __attribute__((target("avx2,fma"))) static void name##_fma params { body args; }                                               \
    static void name params {                                                                                                      \
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                                       \
            name##_fma args;                                                                                                       \
        else                                                                                                                       \
            name##_plain args;                                                                                                     \
    }
#else
#define FUSED(name, body, params, args)                                                                                            \
    static void name params { body args; }
#endif

/* ---- uniform ---- */

TNI_INLINE void uniform_f32_body(float *out, const uint32_t *words, int64_t n, float from, float to) {
    float range = to - from;
    for (int64_t i = 0; i < n; i++) {
        float v = __builtin_fmaf((float)(int32_t)(words[i] & 0xffffff) * 0x1p-24F, range, from);
        out[i] = v == to ? from : v;
    }
}
FUSED(uniform_f32, uniform_f32_body, (float *out, const uint32_t *words, int64_t n, float from, float to),
      (out, words, n, from, to))

TNI_INLINE void uniform_f64_body(double *out, const uint32_t *words, int64_t n, double from, double to) {
    double range = to - from;
    for (int64_t i = 0; i < n; i++) {
        uint64_t u = (uint64_t)(words[2 * i] & 0x1fffff) << 32 | words[2 * i + 1];
        double v = __builtin_fma((double)(int64_t)u * 0x1p-53, range, from);
        out[i] = v == to ? from : v;
    }
}
FUSED(uniform_f64, uniform_f64_body, (double *out, const uint32_t *words, int64_t n, double from, double to),
      (out, words, n, from, to))

/* n of at most CHUNK */
static void uniform_chunk_f32(tni_random *r, float *out, int64_t n, float from, float to) {
    uint32_t words[CHUNK];
    tni_random_words(r, words, n);
    uniform_f32(out, words, n, from, to);
}

static void uniform_chunk_f64(tni_random *r, double *out, int64_t n, double from, double to) {
    uint32_t words[2 * CHUNK];
    tni_random_words(r, words, 2 * n);
    uniform_f64(out, words, n, from, to);
}

static bool uniform_bounds(tn_dtype dtype, double from, double to) {
    double most = dtype == TN_FLOAT32 ? FLT_MAX : DBL_MAX;
    const char *name = dtype == TN_FLOAT32 ? "float" : "double", *title = dtype == TN_FLOAT32 ? "Float" : "Double";
    TNI_CHECK(from >= -most && from <= most, TN_ERR_RUNTIME, "from is out of bounds for %s", name);
    TNI_CHECK(to >= -most && to <= most, TN_ERR_RUNTIME, "to is out of bounds for %s", name);
    TNI_CHECK(from <= to, TN_ERR_RUNTIME, "uniform_ expects to return a [from, to) range, but found from=%g > to=%g", from, to);
    TNI_CHECK(to - from <= most, TN_ERR_RUNTIME,
              "uniform_ expects to-from <= std::numeric_limits<%s>::max(), but found to=%g "
              "and from=%g which result in to-from to exceed the limit",
              title, to, from);
    return true;
}

bool tni_random_uniform(tni_random *r, tn_dtype dtype, void *out, int64_t n, double from, double to) {
    TNI_CHECK(dtype == TN_FLOAT32 || dtype == TN_FLOAT64, TN_ERR_NOT_IMPLEMENTED, "uniform_ is not implemented for this dtype");
    TNI_TRY(uniform_bounds(dtype, from, to));
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        if (dtype == TN_FLOAT32)
            uniform_chunk_f32(r, (float *)out + at, count, (float)from, (float)to);
        else
            uniform_chunk_f64(r, (double *)out + at, count, from, to);
    }
    return true;
}

/* ---- normal: ln, sin and cos in single precision (Cephes polynomials); where a step is fused decides the last bit ---- */

typedef union {
    float f;
    int32_t i;
} bits32;

/* x >= 2^-24. Without branches and inner loops, so that the loop over a block becomes vector code. */
TNI_INLINE float ln_f32(float x) {
    bits32 b = {.f = x};
    bits32 m = {.i = (b.i & 0x007fffff) | 0x3f000000}; /* [0.5, 1) */
    int32_t low = (m.i - 0x3f3504f3) >> 31;            /* all ones when m < sqrt(1/2) */
    bits32 again = {.i = m.i & low};
    float e = (float)((b.i >> 23) - 126 + low), d = (m.f - 1.0F) + again.f, z = d * d;
    float y = __builtin_fmaf(7.0376836292e-2F, d, -1.1514610310e-1F);
    y = __builtin_fmaf(y, d, 1.1676998740e-1F);
    y = __builtin_fmaf(y, d, -1.2420140846e-1F);
    y = __builtin_fmaf(y, d, 1.4249322787e-1F);
    y = __builtin_fmaf(y, d, -1.6668057665e-1F);
    y = __builtin_fmaf(y, d, 2.0000714765e-1F);
    y = __builtin_fmaf(y, d, -2.4999993993e-1F);
    y = __builtin_fmaf(y, d, 3.3333331174e-1F);
    y = __builtin_fmaf(y * d, z, e * -2.12194440e-4F) - 0.5F * z;
    return __builtin_fmaf(e, 0.693359375F, d + y);
}

/* x >= 0 */
TNI_INLINE void sin_cos_f32(float x, float *sine, float *cosine) {
    int32_t j = ((int32_t)(x * 1.27323954473516F) + 1) & ~1;
    float y = (float)j;
    x = __builtin_fmaf(y, -0.78515625F, x);
    x = __builtin_fmaf(y, -2.4187564849853515625e-4F, x);
    x = __builtin_fmaf(y, -3.77489497744594108e-8F, x);
    float z = x * x, c = 2.443315711809948e-5F, s = -1.9515295891e-4F;
    c = __builtin_fmaf(c, z, -1.388731625493765e-3F);
    c = __builtin_fmaf(c, z, 4.166664568298827e-2F) * z;
    c = __builtin_fmaf(c, z, -(0.5F * z)) + 1.0F;
    s = __builtin_fmaf(s, z, 8.3321608736e-3F);
    s = __builtin_fmaf(s, z, -1.6666654611e-1F) * z;
    s = __builtin_fmaf(s, x, x);
    bits32 of_s = {.f = s}, of_c = {.f = c};
    int32_t swap = -((j >> 1) & 1), mix = (of_s.i ^ of_c.i) & swap;
    of_s.i = (of_s.i ^ mix) ^ (int32_t)(((uint32_t)j & 4) << 29);
    of_c.i = (of_c.i ^ mix) ^ (int32_t)((~(uint32_t)(j - 2) & 4) << 29);
    *sine = of_s.f;
    *cosine = of_c.f;
}

/* Blocks of 16 uniform numbers become normal ones in place: the first eight give the radius, the others the angle. */
TNI_INLINE void blocks_f32_body(float *d, int64_t blocks, float mean, float std) {
    for (float *end = d + blocks * BLOCK; d < end; d += BLOCK) {
        float low[BLOCK / 2], high[BLOCK / 2];
        for (int j = 0; j < BLOCK / 2; j++) {
            float s, c, rho = sqrtf(-2.0F * ln_f32(1.0F - d[j]));
            sin_cos_f32((float)TWO_PI * d[j + BLOCK / 2], &s, &c);
            low[j] = __builtin_fmaf(rho * c, std, mean);
            high[j] = __builtin_fmaf(rho * s, std, mean);
        }
        for (int j = 0; j < BLOCK / 2; j++) {
            d[j] = low[j];
            d[j + BLOCK / 2] = high[j];
        }
    }
}
FUSED(blocks_f32, blocks_f32_body, (float *d, int64_t blocks, float mean, float std), (d, blocks, mean, std))

static void blocks_f64(double *d, int64_t blocks, double mean, double std) {
    for (double *end = d + blocks * BLOCK; d < end; d += BLOCK)
        for (int j = 0; j < BLOCK / 2; j++) {
            double rho = sqrt(-2.0 * log(1.0 - d[j])), theta = TWO_PI * d[j + BLOCK / 2];
            d[j] = fma(rho * cos(theta), std, mean);
            d[j + BLOCK / 2] = fma(rho * sin(theta), std, mean);
        }
}

/* Chunk by chunk equals "all uniform numbers first, then the blocks": a chunk holds whole blocks, and the rest is drawn anew. */
static void normal_f32(tni_random *r, float *out, int64_t n, float mean, float std) {
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        uniform_chunk_f32(r, out + at, count, 0.0F, 1.0F);
        blocks_f32(out + at, count / BLOCK, mean, std);
    }
    if (n % BLOCK == 0) return;
    uniform_chunk_f32(r, out + n - BLOCK, BLOCK, 0.0F, 1.0F);
    blocks_f32(out + n - BLOCK, 1, mean, std);
}

static void normal_f64(tni_random *r, double *out, int64_t n, double mean, double std) {
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        uniform_chunk_f64(r, out + at, count, 0.0, 1.0);
        blocks_f64(out + at, count / BLOCK, mean, std);
    }
    if (n % BLOCK == 0) return;
    uniform_chunk_f64(r, out + n - BLOCK, BLOCK, 0.0, 1.0);
    blocks_f64(out + n - BLOCK, 1, mean, std);
}

double tni_random_gauss(tni_random *r) {
    if (r->has_normal) {
        r->has_normal = false;
        return r->normal;
    }
    double u1 = tni_random_unit(r), u2 = tni_random_unit(r);
    double rho = sqrt(-2.0 * log1p(-u2)), theta = TWO_PI * u1;
    r->normal = rho * sin(theta);
    r->has_normal = true;
    return rho * cos(theta);
}

static bool normal_arguments(tn_dtype dtype, int64_t n, double std) {
    TNI_CHECK(std >= 0.0, TN_ERR_RUNTIME, "normal expects std >= 0.0, but found std %g", std);
    TNI_CHECK(dtype == TN_FLOAT32 || dtype == TN_FLOAT64 || n <= 0, TN_ERR_NOT_IMPLEMENTED,
              "normal_ is not implemented for this dtype");
    return true;
}

bool tni_random_normal_scalar(tni_random *r, tn_dtype dtype, void *out, int64_t n, double mean, double std) {
    TNI_TRY(normal_arguments(dtype, n, std));
    for (int64_t i = 0; i < n; i++) {
        double v = fma(tni_random_gauss(r), std, mean);
        if (dtype == TN_FLOAT32)
            ((float *)out)[i] = (float)v;
        else
            ((double *)out)[i] = v;
    }
    return true;
}

bool tni_random_normal(tni_random *r, tn_dtype dtype, void *out, int64_t n, double mean, double std) {
    if (n < BLOCK) return tni_random_normal_scalar(r, dtype, out, n, mean, std);
    TNI_TRY(normal_arguments(dtype, n, std));
    if (dtype == TN_FLOAT32)
        normal_f32(r, out, n, (float)mean, (float)std);
    else
        normal_f64(r, out, n, mean, std);
    return true;
}

/* ---- exponential ---- */

bool tni_random_exponential(tni_random *r, tn_dtype dtype, void *out, int64_t n, double lambda) {
    TNI_CHECK(lambda > 0.0, TN_ERR_RUNTIME, "exponential_ expects lambda > 0.0, but found lambda=%g", lambda);
    TNI_CHECK(dtype == TN_FLOAT32 || dtype == TN_FLOAT64 || n <= 0, TN_ERR_NOT_IMPLEMENTED,
              "exponential_ is not implemented for this dtype");
    double scale = -1.0 / lambda, u[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        uniform_chunk_f64(r, u, count, 0.0, 1.0);
        if (dtype == TN_FLOAT32)
            for (int64_t i = 0; i < count; i++) ((float *)out)[at + i] = (float)(scale * log1p(-u[i]));
        else
            for (int64_t i = 0; i < count; i++) ((double *)out)[at + i] = scale * log1p(-u[i]);
    }
    return true;
}
