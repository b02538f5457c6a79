/* unit/test_vmath.c - the vector math and the rows built on it: errors in ulp, special values, one result at every CPU level. */
#include "cpu/level.h"
#include "cpu/row.h"
#include "cpu/vmath.h"
#include "test.h"
#include <float.h>

enum { N = 1000, BATCHES = 200 };
static float x32[N], y32[N], z32[N];
static double x64[N], y64[N], z64[N];
static uint64_t state = 1;

static uint64_t next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state ^ (state >> 29);
}

static long double sigmoid_l(long double x) { return 1.0L / (1.0L + expl(-x)); }

/* Winitzki's estimate, then Halley's method on the smaller of erf and erfc. */
static long double erfinv_l(long double x) {
    long double a = fabsl(x), w = logl((1 - a) * (1 + a)), h = 2 / (3.14159265358979L * 0.147L) + w / 2;
    if (!(a < 1) || a == 0) return a == 1 ? copysignl(INFINITY, x) : a == 0 ? x : NAN;
    long double y = sqrtl(sqrtl(h * h - w / 0.147L) - h);
    for (int i = 0; i < 5; i++) {
        long double e = a > 0.5L ? (1 - a) - erfcl(y) : erfl(y) - a, u = e / (1.128379167095512573896L * expl(-y * y));
        y -= u / (1 + y * u);
    }
    return copysignl(y, x);
}

typedef struct function {
    const char *name;
    void (*f32)(float *, const float *, int64_t);
    void (*f64)(double *, const double *, int64_t);
    long double (*reference)(long double);
    double limit32, limit64; /* ulp */
} function;
#define ROW(name, ...)                                                                                                             \
    { #name, tni_##name##_f32, tni_##name##_f64, __VA_ARGS__ }
static const function functions[] = {
    ROW(exp, expl, 1, 1),          ROW(expm1, expm1l, 1, 1),   ROW(log, logl, 1, 1),     ROW(tanh, tanhl, 2, 2),
    ROW(sigmoid, sigmoid_l, 2, 2), ROW(sqrt, sqrtl, 0.5, 0.5), ROW(exp2, exp2l, 1, 1),   ROW(log2, log2l, 1, 1),
    ROW(log10, log10l, 1, 1),      ROW(log1p, log1pl, 1, 1),   ROW(sinh, sinhl, 1, 2),   ROW(cosh, coshl, 1, 2),
    ROW(asinh, asinhl, 1, 2),      ROW(acosh, acoshl, 1, 2),   ROW(atanh, atanhl, 1, 2), ROW(asin, asinl, 1, 1),
    ROW(acos, acosl, 1, 1),        ROW(atan, atanl, 1, 1),     ROW(erf, erfl, 1, 1.1),   ROW(erfc, erfcl, 1, 4),
    ROW(erfinv, erfinv_l, 1, 2),   ROW(sin, sinl, 1, 1),       ROW(cos, cosl, 1, 1),     ROW(tan, tanl, 1, 1),
    ROW(lgamma, lgammal, 1, 5),
};

static const double specials[] = {
    0.0,
    -0.0,
    INFINITY,
    -INFINITY,
    NAN,
    1.0,
    -1.0,
    5e-324,
    -5e-324,
    1e-310,
    DBL_MIN,
    FLT_MIN,
    1e-45,
    -1e-45,
    1e-40,
    88.72283,
    88.7229,
    -87.4,
    -103.9,
    -104.1,
    709.782712893384,
    709.7827128933841,
    -708.4,
    -745.13,
    -745.14,
    1e300,
    -1e300,
    FLT_MAX,
    DBL_MAX,
    3e38,
    1e-8,
    0.34657359,
    0.3465736,
    0.70710678,
    0.7071068,
    1.41421356,
    1.4142136,
    9.1,
    22.1,
    17.4,
    -17.4,
    37.0,
    -37.0,
    1.5e-5,
    -1.5e-5,
    3.0,
    -3.0,
    0.5,
    0.99999994,
    -0.99999994,
    1.0000001,
    524288.0,
    524289.0,
    -1e22,
    1000.0,
    10.05,
    10.06,
    26.5,
    27.3,
};

/* Batches go in turn over: all bit patterns, and even ranges around 0. */
static void fill(int batch) {
    static const double widths[] = {800, 110, 40, 4, 1.5, 0.4, 0.001};
    for (int i = 0; i < N; i++) {
        uint64_t u = next();
        uint32_t half = (uint32_t)(u >> 32);
        memcpy(&x64[i], &u, sizeof u);
        memcpy(&x32[i], &half, sizeof half);
        if (batch % 8 != 0) x64[i] = (double)(int64_t)u / 9.3e18 * widths[batch % 8 - 1];
        if (batch % 8 != 0) x32[i] = (float)x64[i];
    }
    for (size_t i = 0; batch == 0 && i < TNI_COUNT(specials); i++) x64[i] = specials[i], x32[i] = (float)specials[i];
}

/* |y - r| in units of the last place of a type with `digits` bits and least exponent `least`; huge when they differ in kind. */
static double ulps(long double y, long double r, long double rounded, int digits, int least) {
    int exponent;
    if (isnan(y) || isnan(r)) return isnan(y) && isnan(r) ? 0 : 1e9;
    if (isinf(y) || isinf(rounded)) return y == rounded ? 0 : 1e9;
    if (r == 0) return y == 0 && signbit(y) == signbit(r) ? 0 : 1e9;
    frexpl(fabsl(r), &exponent);
    return (double)(fabsl(y - r) / ldexpl(1, TNI_MAX(exponent, least) - digits));
}

static void accuracy(void) {
    double worst32[TNI_COUNT(functions)] = {0}, worst64[TNI_COUNT(functions)] = {0};
    for (int batch = 0; batch < BATCHES; batch++) {
        fill(batch);
        for (size_t f = 0; f < TNI_COUNT(functions); f++) {
            functions[f].f32(y32, x32, N);
            functions[f].f64(y64, x64, N);
            for (int i = 0; i < N; i++) {
                long double r = functions[f].reference(x32[i]);
                worst32[f] = fmax(worst32[f], ulps(y32[i], r, (float)r, FLT_MANT_DIG, FLT_MIN_EXP));
                r = functions[f].reference(x64[i]);
                worst64[f] = fmax(worst64[f], ulps(y64[i], r, (double)r, DBL_MANT_DIG, DBL_MIN_EXP));
            }
        }
    }
    for (size_t f = 0; f < TNI_COUNT(functions); f++) { /* long double rounds too */
        int right = CHECK(worst32[f] <= functions[f].limit32 + 0.001);
        right &= CHECK(worst64[f] <= functions[f].limit64 + 0.001);
        if (!right) printf("  %s: %g and %g ulp\n", functions[f].name, worst32[f], worst64[f]);
    }
}

/* Every `stride`-th float there is; with stride 1 some 10 s and more for each function. */
static void floats(const function *f, uint64_t stride) {
    double worst = 0;
    float at = 0;
    for (uint64_t u = 0; u <= UINT32_MAX;) {
        int n = 0;
        for (; n < N && u <= UINT32_MAX; n++, u += stride) {
            uint32_t bits = (uint32_t)u;
            memcpy(&x32[n], &bits, sizeof bits);
        }
        f->f32(y32, x32, n);
        for (int i = 0; i < n; i++) {
            long double r = f->reference(x32[i]);
            double error = ulps(y32[i], r, (float)r, FLT_MANT_DIG, FLT_MIN_EXP);
            if (error > worst) worst = error, at = x32[i];
        }
    }
    int right = CHECK(worst <= f->limit32 + 0.001);
    if (!right || stride == 1) printf("  %s: at most %.4f ulp, at %a\n", f->name, worst, (double)at);
}

static void sampled_floats(void) {
    for (size_t f = 0; f < TNI_COUNT(functions); f++) floats(&functions[f], 65537);
}

static int same32(const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return 0;
    return 1;
}

static int same64(const double *a, const double *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return 0;
    return 1;
}

/* Every level, in place, and one element at a time. */
static void levels(void) {
    for (int batch = 0; batch < 16; batch++) {
        fill(batch);
        for (size_t f = 0; f < TNI_COUNT(functions); f++) {
            tni_cpu_set_level(TNI_LEVEL_BASE);
            for (int i = 0; i < N; i++) functions[f].f32(&y32[i], &x32[i], 1), functions[f].f64(&y64[i], &x64[i], 1);
            for (int level = 0; level < TNI_LEVELS; level++) {
                tni_cpu_set_level((tni_level)level);
                memcpy(z32, x32, sizeof z32);
                memcpy(z64, x64, sizeof z64);
                functions[f].f32(z32, z32, N);
                functions[f].f64(z64, z64, N);
                int right = CHECK(same32(y32, z32, N));
                right &= CHECK(same64(y64, z64, N));
                if (!right) printf("  %s at level %d\n", functions[f].name, level);
            }
        }
    }
}

static uint64_t hash(uint64_t h, const void *p, size_t n) {
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)p)[i]) * 0x100000001b3u;
    return h;
}

/* FNV-1a of the results' bytes for a fixed input without NaN: the same from every compiler and on every machine, where nothing
 * comes from the C library. */
static void fixed_bits(void) {
    static const struct {
        const char *name;
        uint64_t f32, f64;
    } expected[] = {
        {"exp", 0x740092528bf4dae5u, 0x83f3cbe600a3b7fdu},
        {"expm1", 0x58cf8a0d1e064040u, 0x03741fcf1e068c29u},
        {"log", 0x57e847679588108bu, 0x1f5de3eace2ef119u},
        {"log1p", 0x76c00e2e4a93c9bdu, 0xd6850da7a4668b34u},
        {"tanh", 0x3f5890724b1a62c6u, 0xd16507d8e3d29520u},
        {"sigmoid", 0x6044dac9de7012a1u, 0xcf9675a584735257u},
        {"sqrt", 0xcb757b29d1683960u, 0xd799f3640df2fc83u},
        {"sin", 0xb5b9c0db5ba4eeb0u, 0x83a7e183f66e26c2u},
        {"cos", 0xfee3baad7b9ec7a7u, 0x19eb3af52ae6ca67u},
        {"exp2", 0x713fe02d178dd17au, 0xa3083ba3c7c02ca7u},
        {"log2", 0x0be33ad87784c61cu, 0xd1a1eaabee87f1d8u},
        {"log10", 0x30f3984eae1c6548u, 0x14988e2ae25a9179u},
        {"sinh", 0x908e5c4fbe35aa87u, 0x190087de1901c19cu},
        {"cosh", 0x19bdc96f3836e0dcu, 0xf2864c18bd705633u},
        {"asinh", 0xdb5dc38073840a08u, 0},
        {"acosh", 0xf0aeff496daa9c1fu, 0},
        {"atanh", 0x28f6da13615e5554u, 0},
        {"asin", 0xf688f36aa97a9442u, 0},
        {"acos", 0x1463cdbdf930007eu, 0},
        {"atan", 0xc4077ddbc0a4181eu, 0xb0a5b5beeb264987u},
        {"erf", 0xf58a124b6cb97a97u, 0},
        {"erfc", 0xe2afe235d511c988u, 0},
        {"erfinv", 0x5722df1542bb3a83u, 0},
        {"tan", 0xc5cda822cf020073u, 0},
    };
    for (size_t e = 0; e < TNI_COUNT(expected); e++) {
        size_t f = 0;
        while (strcmp(functions[f].name, expected[e].name) != 0) f++;
        uint64_t f32 = 0xcbf29ce484222325u, f64 = f32;
        state = 7;
        for (int batch = 1; batch < 8; batch++) {
            fill(batch);
            for (int i = 0; i < N; i++) x32[i] = fabsf(x32[i]), x64[i] = fabs(x64[i]);
            functions[f].f32(y32, x32, N);
            functions[f].f64(y64, x64, N);
            for (int i = 0; i < N; i++) /* the sign of a NaN is anybody's */
                y32[i] = isnan(y32[i]) ? 9.0F : y32[i], y64[i] = isnan(y64[i]) ? 9.0 : y64[i];
            f32 = hash(f32, y32, sizeof y32);
            f64 = hash(f64, y64, sizeof y64);
        }
        if (expected[e].f64 == 0) f64 = 0; /* the C library's */
        int right = CHECK(f32 == expected[e].f32 && f64 == expected[e].f64);
        if (!right)
            printf("        {\"%s\", 0x%016llxu, 0x%016llxu},\n", expected[e].name, (unsigned long long)f32,
                   (unsigned long long)f64);
    }
}

typedef struct row_kind {
    void (*f32)(float *, const float *, int64_t, int64_t);
    void (*f64)(double *, const double *, int64_t, int64_t);
} row_kind;
static const row_kind forwards[] = {{tni_row_softmax_f32, tni_row_softmax_f64}, {tni_row_log_softmax_f32, tni_row_log_softmax_f64}};

static void rows_against_reference(int64_t n, int64_t rows) {
    for (int64_t row = 0; row < rows; row++) {
        long double largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++) largest = fmaxl(largest, x64[row * n + i]);
        for (int64_t i = 0; i < n; i++) sum += expl(x64[row * n + i] - largest);
        for (int64_t i = 0; i < n; i++) {
            long double log_y = x64[row * n + i] - largest - logl(sum), y = expl(log_y);
            CHECK_NEAR(y64[row * n + i], (double)y, 1e-13 * (double)y);
            CHECK_NEAR(z64[row * n + i], (double)log_y, 1e-13 + 1e-14 * fabs((double)log_y));
            CHECK_NEAR(y32[row * n + i], (double)y, 1.3e-6 * (double)y);
            CHECK_NEAR(z32[row * n + i], (double)log_y, 1e-6 + 1e-6 * fabs((double)log_y));
        }
    }
}

static void softmax_rows(void) {
    static const int64_t widths[] = {1, 2, 7, 10, 16, 33, 100, 250, 1000};
    for (size_t w = 0; w < TNI_COUNT(widths); w++) {
        int64_t n = widths[w], rows = N / n;
        for (int i = 0; i < N; i++) x32[i] = (float)(i % 7 - 3) + (float)(i % 64) / 64, x64[i] = x32[i];
        for (int level = 0; level < TNI_LEVELS; level++) {
            tni_cpu_set_level((tni_level)level);
            for (int k = 0; k < 2; k++) {
                forwards[k].f32(k ? z32 : y32, x32, rows, n);
                forwards[k].f64(k ? z64 : y64, x64, rows, n);
            }
            rows_against_reference(n, rows);
        }
    }
}

static void backward_rows(void) {
    int64_t n = 100, rows = N / n;
    static double dx[N];
    static float dx32[N];
    fill(6);
    for (int kind = 0; kind < 2; kind++) {
        forwards[kind].f64(y64, x64, rows, n);
        for (int i = 0; i < N; i++) y32[i] = (float)y64[i];
        (kind ? tni_row_log_softmax_backward_f64 : tni_row_softmax_backward_f64)(dx, x64, y64, rows, n);
        (kind ? tni_row_log_softmax_backward_f32 : tni_row_softmax_backward_f32)(dx32, x32, y32, rows, n);
        for (int64_t i = 0; i < N; i++) {
            long double sum = 0;
            for (int64_t j = i / n * n; j < i / n * n + n; j++) sum += (long double)x64[j] * (kind ? 1 : y64[j]);
            long double expected = kind ? x64[i] - expl(y64[i]) * sum : y64[i] * (x64[i] - sum);
            CHECK_NEAR(dx[i], (double)expected, 1e-12);
            CHECK_NEAR(dx32[i], (double)expected, 1e-5);
        }
    }
}

/* The rows' bits at every level, long rows and those with NaN and infinities too. */
static void row_levels(void) {
    static float in[3000], first[5][3000], got[5][3000];
    static double in64[3000], first64[5][3000], got64[5][3000];
    static const int64_t widths[] = {3000, 1500, 1000, 60, 15, 3};
    for (int i = 0; i < 3000; i++) in64[i] = (double)(next() >> 11) / 1e15 - 4, in[i] = (float)in64[i];
    in[1700] = NAN, in[40] = INFINITY, in64[40] = -INFINITY;
    for (size_t w = 0; w < TNI_COUNT(widths); w++)
        for (int level = 0; level < TNI_LEVELS; level++) {
            int64_t n = widths[w], rows = 3000 / n;
            float(*to)[3000] = level == 0 ? first : got;
            double(*to64)[3000] = level == 0 ? first64 : got64;
            tni_cpu_set_level((tni_level)level);
            for (int k = 0; k < 2; k++) forwards[k].f32(to[k], in, rows, n), forwards[k].f64(to64[k], in64, rows, n);
            tni_row_max_f32(to[2], in, rows, n);
            tni_row_max_f64(to64[2], in64, rows, n);
            tni_row_softmax_backward_f32(to[3], in, to[0], rows, n);
            tni_row_softmax_backward_f64(to64[3], in64, to64[0], rows, n);
            tni_row_log_softmax_backward_f32(to[4], in, to[1], rows, n);
            tni_row_log_softmax_backward_f64(to64[4], in64, to64[1], rows, n);
            for (int k = 0; k < 5; k++) {
                CHECK(same32(to[k], first[k], k == 2 ? rows : 3000));
                CHECK(same64(to64[k], first64[k], k == 2 ? rows : 3000));
            }
        }
}

static void row_edges(void) {
    float m, row[20] = {[3] = -5, [19] = 7}, low[5], out[5];
    tni_row_max_f32(&m, row, 1, 20);
    CHECK(m == 7);
    row[18] = NAN;
    tni_row_max_f32(&m, row, 1, 20);
    CHECK(isnan(m));
    row[18] = -(float)NAN;
    tni_row_max_f32(&m, row, 1, 20);
    CHECK(isnan(m));
    for (int i = 0; i < 5; i++) low[i] = -INFINITY;
    tni_row_max_f32(&m, low, 1, 5);
    CHECK(m == -INFINITY);
    tni_row_softmax_f32(out, low, 1, 5);
    CHECK(isnan(out[0]) && isnan(out[4]));
    low[2] = -1000;
    tni_row_softmax_f32(out, low, 1, 5);
    CHECK(out[0] == 0 && out[2] == 1);
    tni_row_log_softmax_f32(out, low, 1, 5);
    CHECK(out[0] == -INFINITY && out[2] == 0);
    tni_row_softmax_f32(out, low, 3, 0);
}

/* test_vmath NAME...: all floats through the functions named; "all" for all of them. */
static int all_floats(int count, char **names) {
    for (int i = 0; i < count; i++)
        for (size_t f = 0; f < TNI_COUNT(functions); f++)
            if (strcmp(names[i], functions[f].name) == 0 || strcmp(names[i], "all") == 0) floats(&functions[f], 1);
    return test_broken;
}

int main(int argc, char **argv) {
    if (argc > 1) return all_floats(argc - 1, argv + 1);
    RUN(accuracy);
    RUN(sampled_floats);
    RUN(levels);
    RUN(fixed_bits);
    RUN(softmax_rows);
    RUN(backward_rows);
    RUN(row_levels);
    RUN(row_edges);
    return test_end();
}
