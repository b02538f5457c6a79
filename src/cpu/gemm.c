/* cpu/gemm.c - matrix products: choice of the way by shape, scratch, threads; the kernels are gemm_kernel.h for each level. */
#include "cpu/gemm.h"
#include "base/memory.h"
#include "base/pool.h"
#include "cpu/level.h"
#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { MODE_STORE, MODE_ADD, MODE_SCALE };
enum { K_BLOCK = 384, SMALL_BYTES = 16384, TOGETHER = 4 };

/* How one product is done: blocks, and which factors are copied into the order in which the kernel reads them. */
typedef struct plan {
    int64_t kb, nc;
    bool pack_a, pack_b;
    int64_t b_elements;
    size_t bytes;
} plan;

/* matrix times vector: `count` results y, each over k; `matrix` has the results along its rows (add) or down them (dot). */
typedef struct vector_job {
    const void *matrix, *x, *bias, *row_bias;
    void *y;
    int64_t ld, k, kb, count, step, bias_step, row_bias_step;
    double beta;
} vector_job;

#define LOAD_PART(out, p, n)                                                                                                       \
    do {                                                                                                                           \
        (out) = VZERO;                                                                                                             \
        memcpy(&(out), (p), (size_t)(n) * sizeof *(p));                                                                            \
    } while (0)

typedef float vector_f32 __attribute__((vector_size(16)));
typedef float loose_f32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double vector_f64 __attribute__((vector_size(16)));
typedef double loose_f64 __attribute__((vector_size(16), aligned(8), may_alias));

#define T float
#define V vector_f32
#define W 4
#define MR 4
#define AS 4
#define LANES 32
#define N(name) name##_f32_base
#define TARGET
#define MASK int
#define VMASK(n) (n)
#define VSET1(x) ((V){(x), (x), (x), (x)})
#define VZERO ((V){0})
#define VLOAD(p) (*(const loose_f32 *)(p))
#define VSTORE(p, v) (*(loose_f32 *)(p) = (v))
#define VLOADM(out, p, mask) LOAD_PART(out, p, mask)
#define VSTOREM(p, mask, v) memcpy((p), &(v), (size_t)(mask) * sizeof(T))
#define VFMA(a, b, c) ((a) * (b) + (c))
#define KEEP(x) (void)0
#define KERNELS KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4)
#define TILE 0
#include "cpu/gemm_kernel.h"

#define T double
#define V vector_f64
#define W 2
#define MR 4
#define AS 4
#define LANES 16
#define N(name) name##_f64_base
#define TARGET
#define MASK int
#define VMASK(n) (n)
#define VSET1(x) ((V){(x), (x)})
#define VZERO ((V){0})
#define VLOAD(p) (*(const loose_f64 *)(p))
#define VSTORE(p, v) (*(loose_f64 *)(p) = (v))
#define VLOADM(out, p, mask) LOAD_PART(out, p, mask)
#define VSTOREM(p, mask, v) memcpy((p), &(v), (size_t)(mask) * sizeof(T))
#define VFMA(a, b, c) ((a) * (b) + (c))
#define KEEP(x) (void)0
#define KERNELS KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4)
#define TILE 0
#include "cpu/gemm_kernel.h"

#if defined(__x86_64__)
static const int32_t mask_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t mask_f64[8] = {-1, -1, -1, -1};

/* An 8 x 8 block of eight rows from column k on, transposed. */
TNI_TARGET_AVX2 TNI_INLINE void transpose_8x8(const float *const *row, int64_t k, float *to, int64_t ldt) {
    __m256 r[8], s[8];
    UNROLL for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(row[i] + k);
    UNROLL for (int i = 0; i < 8; i += 4) {
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        s[i] = _mm256_shuffle_ps(a, c, 0x44);
        s[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        s[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        s[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * ldt, _mm256_permute2f128_ps(s[i], s[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * ldt, _mm256_permute2f128_ps(s[i], s[i + 4], 0x31));
    }
}

TNI_TARGET_AVX2 TNI_INLINE void transpose_4x4(const double *const *row, int64_t k, double *to, int64_t ldt) {
    __m256d r[4];
    UNROLL for (int i = 0; i < 4; i++) r[i] = _mm256_loadu_pd(row[i] + k);
    __m256d a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    __m256d c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(a, c, 0x20));
    _mm256_storeu_pd(to + ldt, _mm256_permute2f128_pd(b, d, 0x20));
    _mm256_storeu_pd(to + 2 * ldt, _mm256_permute2f128_pd(a, c, 0x31));
    _mm256_storeu_pd(to + 3 * ldt, _mm256_permute2f128_pd(b, d, 0x31));
}

#define T float
#define V __m256
#define W 8
#define MR 6
#define AS 8
#define LANES 32
#define N(name) name##_f32_avx2
#define TARGET TNI_TARGET_AVX2
#define MASK __m256i
#define VMASK(n) _mm256_loadu_si256((const __m256i *)(const void *)(mask_f32 + 8 - (n)))
#define VSET1(x) _mm256_set1_ps(x)
#define VZERO _mm256_setzero_ps()
#define VLOAD(p) _mm256_loadu_ps(p)
#define VSTORE(p, v) _mm256_storeu_ps(p, v)
#define VLOADM(out, p, mask) ((out) = _mm256_maskload_ps(p, mask))
#define VSTOREM(p, mask, v) _mm256_maskstore_ps(p, mask, v)
#define VFMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define KEEP(x) __asm__("" : "+x"(x))
#define KERNELS KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4) KERNEL(5) KERNEL(6)
#define TILE 8
#define TRANSPOSE transpose_8x8
#include "cpu/gemm_kernel.h"

#define T double
#define V __m256d
#define W 4
#define MR 6
#define AS 8
#define LANES 16
#define N(name) name##_f64_avx2
#define TARGET TNI_TARGET_AVX2
#define MASK __m256i
#define VMASK(n) _mm256_loadu_si256((const __m256i *)(const void *)(mask_f64 + 4 - (n)))
#define VSET1(x) _mm256_set1_pd(x)
#define VZERO _mm256_setzero_pd()
#define VLOAD(p) _mm256_loadu_pd(p)
#define VSTORE(p, v) _mm256_storeu_pd(p, v)
#define VLOADM(out, p, mask) ((out) = _mm256_maskload_pd(p, mask))
#define VSTOREM(p, mask, v) _mm256_maskstore_pd(p, mask, v)
#define VFMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define KEEP(x) __asm__("" : "+x"(x))
#define KERNELS KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4) KERNEL(5) KERNEL(6)
#define TILE 4
#define TRANSPOSE transpose_4x4
#include "cpu/gemm_kernel.h"

#define KERNELS_14                                                                                                                 \
    KERNEL(1)                                                                                                                      \
    KERNEL(2)                                                                                                                      \
    KERNEL(3) KERNEL(4) KERNEL(5) KERNEL(6) KERNEL(7) KERNEL(8) KERNEL(9) KERNEL(10) KERNEL(11) KERNEL(12) KERNEL(13) KERNEL(14)
#define T float
#define V __m512
#define W 16
#define MR 14
#define AS 16
#define LANES 32
#define N(name) name##_f32_avx512
#define TARGET TNI_TARGET_AVX512
#define MASK __mmask16
#define VMASK(n) ((__mmask16)((1U << (n)) - 1))
#define VSET1(x) _mm512_set1_ps(x)
#define VZERO _mm512_setzero_ps()
#define VLOAD(p) _mm512_loadu_ps(p)
#define VSTORE(p, v) _mm512_storeu_ps(p, v)
#define VLOADM(out, p, mask) ((out) = _mm512_maskz_loadu_ps(mask, p))
#define VSTOREM(p, mask, v) _mm512_mask_storeu_ps(p, mask, v)
#define VFMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define KEEP(x) __asm__("" : "+v"(x))
#define KERNELS KERNELS_14
#define TILE 8
#define TRANSPOSE transpose_8x8
#include "cpu/gemm_kernel.h"

#define T double
#define V __m512d
#define W 8
#define MR 14
#define AS 16
#define LANES 16
#define N(name) name##_f64_avx512
#define TARGET TNI_TARGET_AVX512
#define MASK __mmask8
#define VMASK(n) ((__mmask8)((1U << (n)) - 1))
#define VSET1(x) _mm512_set1_pd(x)
#define VZERO _mm512_setzero_pd()
#define VLOAD(p) _mm512_loadu_pd(p)
#define VSTORE(p, v) _mm512_storeu_pd(p, v)
#define VLOADM(out, p, mask) ((out) = _mm512_maskz_loadu_pd(mask, p))
#define VSTOREM(p, mask, v) _mm512_mask_storeu_pd(p, mask, v)
#define VFMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define KEEP(x) __asm__("" : "+v"(x))
#define KERNELS KERNELS_14
#define TILE 4
#define TRANSPOSE transpose_4x4
#include "cpu/gemm_kernel.h"
#endif

typedef struct engine {
    int mr, nr, as;
    void (*serial)(const tni_gemm_job *g, const plan *p, void *scratch);
    void (*dot)(const vector_job *g, int64_t begin, int64_t end);
    void (*add)(const vector_job *g, int64_t begin, int64_t end);
} engine;

static const engine engines[2][TNI_LEVELS] = {
    {{4, 8, 4, serial_f32_base, dot_f32_base, add_f32_base},
#if defined(__x86_64__)
     {6, 16, 8, serial_f32_avx2, dot_f32_avx2, add_f32_avx2},
     {14, 32, 16, serial_f32_avx512, dot_f32_avx512, add_f32_avx512}
#endif
    },
    {{4, 4, 4, serial_f64_base, dot_f64_base, add_f64_base},
#if defined(__x86_64__)
     {6, 8, 8, serial_f64_avx2, dot_f64_avx2, add_f64_avx2},
     {14, 16, 16, serial_f64_avx512, dot_f64_avx512, add_f64_avx512}
#endif
    },
};

static int64_t block_of_k(int64_t k) {
    if (k <= K_BLOCK) return k;
    int64_t blocks = (k + K_BLOCK - 1) / K_BLOCK;
    return (k + blocks - 1) / blocks;
}

static plan make_plan(const tni_gemm_job *g, const engine *e) {
    int64_t size = g->wide ? 8 : 4, a_elements = 0;
    plan p = {.kb = block_of_k(g->k), .nc = g->n};
    bool large = g->k * TNI_MAX(g->m, g->n) * size > 65536 && g->m > 2 * e->mr;
    p.pack_b = g->tb || large;
    p.pack_a = g->m > 2 * e->mr && g->n > (g->ta ? 4 : 8) * e->nr;
    if (p.pack_b) {
        int64_t most = 16 * e->nr, parts = (g->n + most - 1) / most;
        p.nc = (g->n + parts - 1) / parts;
        p.nc = (p.nc + e->nr - 1) / e->nr * e->nr;
        p.b_elements = p.nc * p.kb;
    } else if (g->n % (e->nr / 2) != 0) {
        p.b_elements = e->nr * p.kb; /* the last, partial panel is copied, so that no load passes the end of a row */
    }
    if (p.pack_a) a_elements = p.kb * e->as;
    p.bytes = (size_t)((p.b_elements + a_elements) * size);
    return p;
}

typedef struct team {
    const tni_gemm_job *job;
    const plan *plan;
    const engine *engine;
    bool by_columns;
    int slots;
    char *scratch;
    size_t slot_bytes;
    atomic_bool taken[256];
} team;

/* Rows or columns begin..end of the product, with a slot of the scratch that nobody else uses meanwhile. */
static void run_part(int64_t begin, int64_t end, void *context) {
    team *t = context;
    tni_gemm_job part = *t->job;
    int64_t size = part.wide ? 8 : 4, ahead = begin * size;
    int slot = 0;
    while (atomic_exchange_explicit(&t->taken[slot], true, memory_order_acquire)) slot = (slot + 1) % t->slots;
    if (t->by_columns) {
        part.n = end - begin;
        part.b = (const char *)part.b + (part.tb ? ahead * part.ldb : ahead);
        part.c = (char *)part.c + ahead;
        if (part.bias != NULL) part.bias = (const char *)part.bias + ahead;
    } else {
        part.m = end - begin;
        part.a = (const char *)part.a + (part.ta ? ahead : ahead * part.lda);
        part.c = (char *)part.c + ahead * part.ldc;
        if (part.row_bias != NULL) part.row_bias = (const char *)part.row_bias + ahead;
    }
    t->engine->serial(&part, t->plan, t->scratch + (size_t)slot * t->slot_bytes);
    atomic_store_explicit(&t->taken[slot], false, memory_order_release);
}

/* Parts of C on several threads. How C is cut changes no bit: each output is summed alone. */
static bool run_team(const tni_gemm_job *g, const engine *e, const plan *p, int threads, int64_t parts) {
    team t = {.job = g, .plan = p, .engine = e, .slots = threads};
    t.by_columns = g->n / e->nr >= g->m / e->mr;
    int64_t unit = t.by_columns ? e->nr : e->mr, all = t.by_columns ? g->n : g->m;
    int64_t grain = ((all + parts - 1) / parts + unit - 1) / unit * unit;
    t.slot_bytes = (p->bytes + 127) / 64 * 64;
    t.scratch = tni_alloc(t.slot_bytes * (size_t)threads);
    if (t.scratch == NULL) return false;
    tni_parallel(all, grain, run_part, &t);
    tni_free(t.scratch, t.slot_bytes * (size_t)threads);
    return true;
}

static bool run_large(const tni_gemm_job *g, const engine *e, const plan *p) {
    double work = (double)g->m * (double)g->n * (double)g->k;
    int threads = tni_pool_threads();
    if (threads > 1 && work >= 500000 && !tni_pool_inside()) {
        int64_t parts = (int64_t)TNI_MIN(work / 250000, 2.0 * threads);
        return run_team(g, e, p, threads, parts);
    }
    void *scratch = tni_alloc(p->bytes + 64);
    if (scratch == NULL) return false;
    e->serial(g, p, scratch);
    tni_free(scratch, p->bytes + 64);
    return true;
}

typedef struct vector_team {
    const vector_job *job;
    void (*run)(const vector_job *g, int64_t begin, int64_t end);
} vector_team;

static void run_vector_part(int64_t begin, int64_t end, void *context) {
    const vector_team *t = context;
    t->run(t->job, begin, end);
}

/* m or n is 1 and no tiles are wanted: few columns go through a tile as fast, and without a pass over C. */
static bool is_vector(const tni_gemm_job *g, const engine *e) {
    return (g->n == 1 && (g->m > 1 || g->tb)) || (g->m == 1 && (g->tb || g->n > 8 * e->nr));
}

static bool is_strided(const tni_gemm_job *g) {
    int64_t stride = g->m == 1 ? (g->ta ? g->lda : 1) : (g->tb ? 1 : g->ldb);
    return stride != 1 && g->k > 1;
}

/* `x` is room for the vector where it does not lie in one piece. */
static void run_vector(const tni_gemm_job *g, const engine *e, bool alone, char *x) {
    bool row = g->m == 1, dot = row ? g->tb : !g->ta;
    size_t size = g->wide ? 8 : 4;
    vector_job v = {.matrix = row ? g->b : g->a, .ld = row ? g->ldb : g->lda, .x = row ? g->a : g->b, .y = g->c, .k = g->k};
    v.count = row ? g->n : g->m;
    v.kb = block_of_k(g->k);
    v.step = row ? 1 : g->ldc;
    v.bias = g->bias, v.bias_step = row ? 1 : 0;
    v.row_bias = g->row_bias, v.row_bias_step = row ? 0 : 1;
    v.beta = g->beta;
    if (is_strided(g)) {
        size_t stride = (size_t)(row ? g->lda : g->ldb) * size;
        for (size_t i = 0; i < (size_t)g->k; i++) memcpy(x + i * size, (const char *)v.x + i * stride, size);
        v.x = x;
    }
    vector_team t = {&v, dot ? e->dot : e->add};
    int64_t grain = 65536 / g->k / 256 * 256;
    if (grain < 256) grain = dot ? TNI_MAX(65536 / g->k / 4 * 4, 4) : 256;
    if (alone)
        run_vector_part(0, v.count, &t);
    else
        tni_parallel(v.count, grain, run_vector_part, &t);
}

/* beta * C + bias where there is no k to sum over. */
static void scale_only(const tni_gemm_job *g) {
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            if (g->wide) {
                double *c = (double *)g->c + i * g->ldc + j, x = g->beta == 0 ? 0 : g->beta * *c;
                if (g->bias != NULL) x += ((const double *)g->bias)[j];
                if (g->row_bias != NULL) x += ((const double *)g->row_bias)[i];
                *c = x;
            } else {
                float *c = (float *)g->c + i * g->ldc + j, x = g->beta == 0 ? 0 : (float)g->beta * *c;
                if (g->bias != NULL) x += ((const float *)g->bias)[j];
                if (g->row_bias != NULL) x += ((const float *)g->row_bias)[i];
                *c = x;
            }
        }
}

bool tni_gemm(const tni_gemm_job *g) {
    const engine *e = &engines[g->wide][tni_cpu_level];
    if (g->m <= 0 || g->n <= 0) return true;
    if (g->k <= 0) {
        scale_only(g);
        return true;
    }
    if (is_vector(g, e)) {
        size_t bytes = is_strided(g) ? (size_t)g->k * (g->wide ? 8 : 4) : 0;
        char *x = bytes > 0 ? tni_alloc(bytes) : NULL;
        if (bytes > 0 && x == NULL) return false;
        run_vector(g, e, false, x);
        tni_free(x, bytes);
        return true;
    }
    plan p = make_plan(g, e);
    if (p.bytes > SMALL_BYTES || (double)g->m * (double)g->n * (double)g->k >= 500000) return run_large(g, e, &p);
    char scratch[SMALL_BYTES] __attribute__((aligned(64)));
    e->serial(g, &p, scratch);
    return true;
}

size_t tni_gemm_scratch(const tni_gemm_job *g) {
    const engine *e = &engines[g->wide][tni_cpu_level];
    if (g->m <= 0 || g->n <= 0 || g->k <= 0) return 0;
    if (is_vector(g, e)) return is_strided(g) ? (size_t)g->k * (g->wide ? 8 : 4) : 0;
    return make_plan(g, e).bytes;
}

void tni_gemm_within(const tni_gemm_job *g, void *scratch) {
    const engine *e = &engines[g->wide][tni_cpu_level];
    if (g->m <= 0 || g->n <= 0) return;
    if (g->k <= 0) {
        scale_only(g);
    } else if (is_vector(g, e)) {
        run_vector(g, e, true, scratch);
    } else {
        plan p = make_plan(g, e);
        e->serial(g, &p, scratch);
    }
}

bool tni_gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                  float beta, float *c, int64_t ldc, const float *bias) {
    tni_gemm_job job = {false, ta, tb, m, n, k, lda, ldb, ldc, a, b, c, (double)beta, bias, NULL};
    return tni_gemm(&job);
}

bool tni_gemm_f64(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b, int64_t ldb,
                  double beta, double *c, int64_t ldc, const double *bias) {
    tni_gemm_job job = {true, ta, tb, m, n, k, lda, ldb, ldc, a, b, c, beta, bias, NULL};
    return tni_gemm(&job);
}
