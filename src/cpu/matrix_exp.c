/* cpu/matrix_exp.c - the exponential of one matrix: Taylor's polynomial of 2^-s a, squared s times.
 *
 * The degree is the least of 1, 2, 4, 8, 12, 18 whose remainder is below the rounding for the norm at hand, and 18 after scaling, as
 * proposed by P. Bader, S. Blanes and F. Casas (Computing the Matrix Exponential with an Optimized Taylor Polynomial Approximation,
 * Mathematics 7, 2019); the polynomial is evaluated in powers of a power (Paterson and Stockmeyer), which multiplies little more. */
#include "cpu/matrix_exp.h"
#include "base/memory.h"
#include "cpu/gemm_complex.h"
#include <complex.h>
#include <math.h>
#include <string.h>

enum { DEGREES = 6, POWERS = 3 };

/* The largest norm for each degree, by dtype (their table 2), and how many powers are kept. */
static const struct {
    int degree, powers;
    double f32, f64;
} degrees[DEGREES] = {{1, 1, 1.192092800768788e-07, 2.220446049250313e-16},  {2, 1, 5.978858893805233e-04, 2.580956802971767e-08},
                      {4, 2, 5.116619363445086e-02, 3.397168839976962e-04},  {8, 2, 5.800524627688768e-01, 4.991228871115323e-02},
                      {12, 3, 1.461661507209034e+00, 2.996158913811580e-01}, {18, 3, 3.010066362817634e+00, 1.090863719290036e+00}};

static bool is_wide(tn_dtype dtype) { return dtype == TN_FLOAT64 || dtype == TN_COMPLEX128; }
/* The numbers that an element is. */
static int64_t parts_of(tn_dtype dtype) { return tni_number_is_complex(dtype) ? 2 : 1; }

/* The largest sum of magnitudes in a column; NaN passes. */
#define NORM(name, T, magnitude)                                                                                                   \
    static double name(const T *a, int64_t n) {                                                                                    \
        double most = 0;                                                                                                           \
        for (int64_t j = 0; j < n; j++) {                                                                                          \
            double sum = 0;                                                                                                        \
            for (int64_t i = 0; i < n; i++) sum += magnitude(a[i * n + j]);                                                        \
            if (!(sum <= most)) most = sum;                                                                                        \
            if (isnan(sum)) return sum;                                                                                            \
        }                                                                                                                          \
        return most;                                                                                                               \
    }
NORM(norm_f32, float, (double)fabsf)
NORM(norm_f64, double, fabs)
NORM(norm_c64, float _Complex, cabs)
NORM(norm_c128, double _Complex, cabs)

static double norm(tn_dtype dtype, const void *a, int64_t n) {
    switch (dtype) {
    case TN_FLOAT32: return norm_f32(a, n);
    case TN_FLOAT64: return norm_f64(a, n);
    case TN_COMPLEX64: return norm_c64(a, n);
    default: return norm_c128(a, n);
    }
}

/* y = s x, or y += s x */
#define EACH(T, n, expr)                                                                                                           \
    do {                                                                                                                           \
        T *restrict to = y;                                                                                                        \
        const T *restrict from = x;                                                                                                \
        for (int64_t i = 0; i < (n); i++) expr;                                                                                    \
    } while (0)
static void scaled(bool wide, void *y, const void *x, double s, int64_t count) {
    if (wide)
        EACH(double, count, to[i] = s * from[i]);
    else
        EACH(float, count, to[i] = (float)s * from[i]);
}
static void add_scaled(bool wide, void *y, const void *x, double s, int64_t count) {
    if (wide)
        EACH(double, count, to[i] += s * from[i]);
    else
        EACH(float, count, to[i] += (float)s * from[i]);
}
static void add_diagonal(tn_dtype dtype, void *y, double s, int64_t n) {
    for (int64_t i = 0, step = parts_of(dtype) * (n + 1); i < n; i++) {
        if (is_wide(dtype))
            ((double *)y)[i * step] += s;
        else
            ((float *)y)[i * step] += (float)s;
    }
}

/* y = a b + beta y */
static bool multiply(tn_dtype dtype, const void *a, const void *b, double beta, void *y, int64_t n) {
    return tni_gemm_of(dtype, false,
                       (tni_gemm_job){.m = n, .n = n, .k = n, .lda = n, .ldb = n, .ldc = n, .a = a, .b = b, .c = y, .beta = beta});
}

/* 1 / k! for each k of the polynomial. */
static void factors(double *c, int degree) {
    c[0] = 1;
    for (int k = 1; k <= degree; k++) c[k] = c[k - 1] / k;
}

/* y = c[0] + c[1] a + ... + c[count - 1] a^(count - 1) */
static void add_block(tn_dtype dtype, void *y, void *const *power, const double *c, int count, int64_t n) {
    for (int k = 1; k < count; k++) add_scaled(is_wide(dtype), y, power[k], c[k], parts_of(dtype) * n * n);
    add_diagonal(dtype, y, c[0], n);
}

/* *y, room for the result, and *other, which may change places with it. power[1] is a, the others are room. */
static bool polynomial(tn_dtype dtype, int degree, int powers, void *const *power, void **y, void **other, int64_t n) {
    double c[20];
    size_t bytes = (size_t)(n * n) * tni_number_size(dtype);
    factors(c, degree);
    for (int k = 2; k <= powers; k++)
        if (!multiply(dtype, power[k - 1], power[1], 0, power[k], n)) return false;
    scaled(is_wide(dtype), *y, power[powers], c[degree], parts_of(dtype) * n * n);
    add_block(dtype, *y, power, c + degree - powers, powers, n);
    for (int k = degree - 2 * powers; k >= 0; k -= powers) {
        void *block = *other;
        memset(block, 0, bytes);
        add_block(dtype, block, power, c + k, powers, n);
        if (!multiply(dtype, *y, power[powers], 1, block, n)) return false;
        *other = *y, *y = block;
    }
    return true;
}

static int degree_for(bool wide, double size, int *squarings) {
    int d = 0;
    while (d < DEGREES && size > (wide ? degrees[d].f64 : degrees[d].f32)) d++;
    *squarings = 0;
    if (d < DEGREES) return d;
    double most = wide ? degrees[DEGREES - 1].f64 : degrees[DEGREES - 1].f32;
    *squarings = (int)fmax(ceil(log2(size / most)), 0);
    return DEGREES - 1;
}

static bool exponential(tn_dtype dtype, const void *a, void *result, int64_t n, char *room, size_t bytes) {
    int squarings, d = degree_for(is_wide(dtype), norm(dtype, a, n), &squarings);
    void *power[POWERS + 1] = {NULL, room, room + bytes, room + 2 * bytes}, *y = room + 3 * bytes, *other = room + 4 * bytes;
    scaled(is_wide(dtype), power[1], a, ldexp(1, -squarings), parts_of(dtype) * n * n);
    if (!polynomial(dtype, degrees[d].degree, degrees[d].powers, power, &y, &other, n)) return false;
    for (int k = 0; k < squarings; k++) {
        void *from = y;
        if (!multiply(dtype, from, from, 0, other, n)) return false;
        y = other, other = from;
    }
    memcpy(result, y, (size_t)(n * n) * tni_number_size(dtype));
    return true;
}

static void fill_nan(tn_dtype dtype, void *y, int64_t n) {
    for (int64_t i = 0; i < parts_of(dtype) * n * n; i++) {
        if (is_wide(dtype))
            ((double *)y)[i] = NAN;
        else
            ((float *)y)[i] = NAN;
    }
}

static void one_number(tn_dtype dtype, const void *a, void *y) {
    switch (dtype) {
    case TN_FLOAT32: *(float *)y = expf(*(const float *)a); break;
    case TN_FLOAT64: *(double *)y = exp(*(const double *)a); break;
    case TN_COMPLEX64: *(float _Complex *)y = cexpf(*(const float _Complex *)a); break;
    default: *(double _Complex *)y = cexp(*(const double _Complex *)a);
    }
}

bool tni_matrix_exp(tn_dtype dtype, const void *a, void *y, int64_t n) {
    size_t bytes = ((size_t)(n * n) * tni_number_size(dtype) + 63) / 64 * 64;
    if (n == 0) return true;
    if (n == 1) return one_number(dtype, a, y), true;
    if (!isfinite(norm(dtype, a, n))) return fill_nan(dtype, y, n), true;
    char *room = tni_alloc((POWERS + 2) * bytes);
    if (!room) return false;
    bool right = exponential(dtype, a, y, n, room, bytes);
    tni_free(room, (POWERS + 2) * bytes);
    return right;
}
