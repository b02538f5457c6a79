/* unit/test_gemm.c - matrix products against plain loops: all transposes, paddings, betas, levels, threads. */
#include "base/pool.h"
#include "cpu/gemm_complex.h"
#include "cpu/level.h"
#include "test.h"
#include <complex.h>
#include <float.h>
#include <stdlib.h>

static uint64_t seed = 1;
static double uniform(void) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(int64_t)(seed >> 11) / (double)(1LL << 52) - 1;
}

typedef struct sample {
    tni_gemm_job job;
    size_t size, a_count, b_count, c_count;
    void *a, *b, *c, *first, *bias, *row_bias;
} sample;

static void set(bool wide, void *p, size_t i, double x) {
    if (wide)
        ((double *)p)[i] = x;
    else
        ((float *)p)[i] = (float)x;
}
static double get(bool wide, const void *p, size_t i) { return wide ? ((const double *)p)[i] : (double)((const float *)p)[i]; }

static void *fill(bool wide, size_t count, double value, bool random) {
    void *p = malloc(count * 8 + 8);
    for (size_t i = 0; i < count; i++) set(wide, p, i, random ? uniform() : value);
    return p;
}

/* Rows are `pad` longer than they need be; what lies between them is NaN, and must be neither used nor written. */
static sample make(bool wide, bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t pad, double beta, int biases) {
    sample s = {.size = wide ? 8 : 4};
    int64_t lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad;
    s.job = (tni_gemm_job){wide, ta, tb, m, n, k, lda, ldb, n + pad, NULL, NULL, NULL, beta, NULL, NULL};
    tni_gemm_job *g = &s.job;
    int64_t ar = ta ? k : m, ac = ta ? m : k, br = tb ? n : k, bc = tb ? k : n;
    /* the last row ends the block exactly, so that a sanitizer sees a read behind it */
    s.a_count = ar > 0 ? (size_t)((ar - 1) * g->lda + ac) : 0;
    s.b_count = br > 0 ? (size_t)((br - 1) * g->ldb + bc) : 0;
    s.c_count = m > 0 ? (size_t)((m - 1) * g->ldc + n) : 0;
    s.a = malloc(s.a_count * s.size + !s.a_count);
    s.b = malloc(s.b_count * s.size + !s.b_count);
    s.c = malloc(s.c_count * s.size + !s.c_count);
    s.first = malloc(s.c_count * s.size + !s.c_count);
    for (size_t i = 0; i < s.a_count; i++) set(wide, s.a, i, (int64_t)i % g->lda < ac ? uniform() : NAN);
    for (size_t i = 0; i < s.b_count; i++) set(wide, s.b, i, (int64_t)i % g->ldb < bc ? uniform() : NAN);
    for (size_t i = 0; i < s.c_count; i++) set(wide, s.first, i, beta != 0 && (int64_t)i % g->ldc < n ? uniform() : NAN);
    s.bias = fill(wide, (size_t)n, 0, true);
    s.row_bias = fill(wide, (size_t)m, 0, true);
    g->a = s.a, g->b = s.b, g->c = s.c;
    g->bias = biases & 1 ? s.bias : NULL;
    g->row_bias = biases & 2 ? s.row_bias : NULL;
    return s;
}

static void drop(sample *s) { free(s->a), free(s->b), free(s->c), free(s->first), free(s->bias), free(s->row_bias); }

static bool run(sample *s) {
    memcpy(s->c, s->first, s->c_count * s->size);
    return tni_gemm(&s->job);
}

static bool is_right(const sample *s) {
    const tni_gemm_job *g = &s->job;
    bool wide = g->wide;
    double eps = wide ? DBL_EPSILON : (double)FLT_EPSILON;
    for (size_t i = 0; i < s->c_count; i++) {
        int64_t r = (int64_t)i / g->ldc, c = (int64_t)i % g->ldc;
        double value = get(wide, s->c, i), sum = 0, size = 0;
        if (c >= g->n) {
            if (!isnan(value)) return false;
            continue;
        }
        for (int64_t k = 0; k < g->k; k++) {
            double x = get(wide, g->a, (size_t)(g->ta ? k * g->lda + r : r * g->lda + k));
            double y = get(wide, g->b, (size_t)(g->tb ? c * g->ldb + k : k * g->ldb + c));
            sum += x * y, size += fabs(x * y);
        }
        if (g->beta != 0) sum += g->beta * get(wide, s->first, i);
        if (g->bias != NULL) sum += get(wide, g->bias, (size_t)c);
        if (g->row_bias != NULL) sum += get(wide, g->row_bias, (size_t)r);
        if (!(fabs(value - sum) <= eps * (6 * size + 6))) {
            printf("m %d n %d k %d ta %d tb %d wide %d", (int)g->m, (int)g->n, (int)g->k, g->ta, g->tb, wide);
            printf(" at %d %d: %.9g for %.9g\n", (int)r, (int)c, value, sum);
            return false;
        }
    }
    return true;
}

/* Every level, right, AVX2 and AVX-512 with the same bits, and the same on several threads. */
static void check_all(bool wide, bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t pad, double beta, int biases) {
    sample s = make(wide, ta, tb, m, n, k, pad, beta, biases);
    void *bits = malloc(s.c_count * s.size + 1);
    for (int level = 0; level <= (int)tni_cpu_best_level(); level++) {
        tni_cpu_set_level((tni_level)level);
        tni_pool_set_threads(1);
        CHECK(run(&s));
        CHECK(is_right(&s));
        if (level == TNI_LEVEL_AVX512) CHECK(s.c_count == 0 || memcmp(bits, s.c, s.c_count * s.size) == 0);
        memcpy(bits, s.c, s.c_count * s.size);
        for (int threads = 2; threads <= 3; threads++) {
            tni_pool_set_threads(threads);
            CHECK(run(&s));
            CHECK(s.c_count == 0 || memcmp(bits, s.c, s.c_count * s.size) == 0);
        }
    }
    free(bits);
    drop(&s);
}

static void check_shape(int m, int n, int k, int turn) {
    for (int way = 0; way < 8; way++) {
        double beta = (turn + way) % 3 == 0 ? 0 : (turn + way) % 3 == 1 ? 1 : -0.5;
        check_all(way & 1, way & 2, way & 4, m, n, k, turn % 4 * 3, beta, (turn + way / 2) % 4);
    }
}

static void check_shapes(const int (*shapes)[3], size_t count) {
    for (size_t i = 0; i < count; i++) check_shape(shapes[i][0], shapes[i][1], shapes[i][2], (int)i);
}

static void test_small(void) {
    for (int m = 0; m < 20; m += 1 + m / 6)
        for (int n = 0; n < 40; n += 1 + n / 5)
            for (int k = 0; k < 20; k += 1 + k / 3) {
                check_shape(m, n, k, m + n + k);
                int way = m + n + k;
                check_all(way & 1, way & 2, way & 4, m, n, k, way % 3, way % 5 - 2, way % 4);
            }
}

static void test_middle(void) {
    static const int shapes[][3] = {{33, 65, 129}, {64, 10, 128},  {61, 47, 400}, {100, 100, 64},
                                    {7, 200, 385}, {130, 33, 800}, {29, 513, 31}};
    check_shapes(shapes, TNI_COUNT(shapes));
}

static void test_large(void) {
    static const int shapes[][3] = {{131, 257, 100}, {70, 530, 390}, {300, 60, 771}, {16, 1100, 50}};
    check_shapes(shapes, TNI_COUNT(shapes));
}

static void test_vectors(void) {
    static const int shapes[][3] = {{1, 1, 1},     {1, 1, 1000},  {1, 300, 7}, {1, 513, 400}, {1, 2100, 900}, {300, 1, 7},
                                    {513, 1, 400}, {900, 1, 300}, {2, 1, 33},  {5, 1, 63},    {1, 5, 64},     {1, 1100, 1}};
    check_shapes(shapes, TNI_COUNT(shapes));
}

/* One accumulator walking k in order: what the contract promises from AVX2 on. */
static void test_chain(void) {
    if (tni_cpu_best_level() < TNI_LEVEL_AVX2) return;
    static const int shapes[][3] = {{5, 7, 64}, {17, 31, 64}, {100, 100, 64}, {40, 70, 384}, {3, 3, 2}};
    tni_cpu_set_level(TNI_LEVEL_AVX2);
    for (size_t i = 0; i < TNI_COUNT(shapes); i++)
        for (int way = 0; way < 4; way++) {
            sample s = make(false, way & 1, way & 2, shapes[i][0], shapes[i][1], shapes[i][2], 1, 0, 1);
            const tni_gemm_job *g = &s.job;
            bool same = run(&s);
            for (int64_t r = 0; r < g->m; r++)
                for (int64_t c = 0; c < g->n; c++) {
                    const float *a = g->a, *b = g->b;
                    float sum = 0;
                    for (int64_t k = 0; k < g->k; k++)
                        sum = fmaf(a[g->ta ? k * g->lda + r : r * g->lda + k], b[g->tb ? c * g->ldb + k : k * g->ldb + c], sum);
                    sum += ((const float *)g->bias)[c];
                    same = same && sum == ((const float *)g->c)[r * g->ldc + c];
                }
            CHECK(same);
            drop(&s);
        }
    tni_cpu_set_level(tni_cpu_best_level());
}

static void test_wrappers(void) {
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, 1, 0, 3}, c[4] = {1, 1, 1, 1}, bias[2] = {10, 20};
    CHECK(tni_gemm_f32(false, false, 2, 2, 3, a, 3, b, 2, 0, c, 2, bias));
    CHECK(c[0] == 15 && c[1] == 31 && c[2] == 24 && c[3] == 43);
    CHECK(tni_gemm_f32(false, false, 2, 2, 0, a, 3, b, 2, 2, c, 2, NULL));
    CHECK(c[0] == 30 && c[3] == 86);
    CHECK(tni_gemm_f32(false, false, 2, 2, 0, NULL, 0, NULL, 0, 0, c, 2, NULL));
    CHECK(c[0] == 0 && c[3] == 0);
    CHECK(tni_gemm_f32(true, true, 0, 2, 3, NULL, 0, b, 3, 0, NULL, 2, NULL));
    double x[2] = {2, 3}, y[2] = {5, 7}, z[1] = {NAN};
    CHECK(tni_gemm_f64(false, false, 1, 1, 2, x, 2, y, 1, 0, z, 1, NULL));
    CHECK(z[0] == 31);
}

/* ---- complex numbers ---- */

static double _Complex pair(bool wide, const void *p, int64_t i) {
    return __builtin_complex(get(wide, p, 2 * (size_t)i), get(wide, p, 2 * (size_t)i + 1));
}

/* What stands at (i, j), columns behind n untouched. */
static double _Complex expected(const tni_gemm_job *g, bool conjugate, const void *first, int64_t i, int64_t j) {
    double _Complex sum = pair(g->wide, first, i * g->ldc + j);
    if (j >= g->n) return sum;
    sum = g->beta * sum + (g->bias ? pair(g->wide, g->bias, j) : 0);
    for (int64_t p = 0; p < g->k; p++) {
        double _Complex x = pair(g->wide, g->a, g->ta ? p * g->lda + i : i * g->lda + p);
        sum += (g->ta && conjugate ? conj(x) : x) * pair(g->wide, g->b, g->tb ? j * g->ldb + p : p * g->ldb + j);
    }
    return sum;
}

/* Rows are longer than they need be. */
static void check_complex(bool wide, bool ta, bool tb, bool conjugate, int64_t m, int64_t n, int64_t k, double beta, bool biased) {
    int64_t lda = (ta ? m : k) + 1, ldb = (tb ? k : n) + 1, ldc = n + 3, count = m * ldc;
    void *a = fill(wide, 2 * (size_t)(lda * (ta ? k : m)), 0, true), *b = fill(wide, 2 * (size_t)(ldb * (tb ? n : k)), 0, true);
    void *c = fill(wide, 2 * (size_t)count, 0, true), *first = malloc((size_t)count * 16),
         *bias = fill(wide, 2 * (size_t)n, 0, true);
    memcpy(first, c, 2 * (size_t)count * (wide ? 8 : 4));
    tni_gemm_job g = {wide, ta, tb, m, n, k, lda, ldb, ldc, a, b, c, beta, biased ? bias : NULL, NULL};
    bool right = tni_gemm_of(wide ? TN_COMPLEX128 : TN_COMPLEX64, conjugate, g);
    for (int64_t i = 0; i < count; i++) {
        double _Complex off = pair(wide, c, i) - expected(&g, conjugate, first, i / ldc, i % ldc);
        right = right && cabs(off) <= (wide ? 1e-14 : 1e-6) * (double)(k + 2);
    }
    CHECK(right);
    free(a), free(b), free(c), free(first), free(bias);
}

static void complex_products(void) {
    static const int64_t shapes[][3] = {{1, 1, 1}, {3, 2, 4}, {5, 1, 7}, {1, 9, 3}, {17, 33, 20}, {40, 70, 60}, {3, 3, 0}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int bits = 0; bits < 64; bits++)
            check_complex(bits & 1, bits & 2, bits & 4, bits & 8, shapes[s][0], shapes[s][1], shapes[s][2], bits & 16 ? 1 : 0,
                          bits & 32);
}

int main(void) {
    RUN(test_small);
    RUN(test_middle);
    RUN(test_large);
    RUN(test_vectors);
    RUN(test_chain);
    RUN(test_wrappers);
    RUN(complex_products);
    return test_end();
}
