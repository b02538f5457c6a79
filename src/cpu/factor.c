/* cpu/factor.c - LU, QR, Cholesky and triangles, for real and complex numbers. */
#include "cpu/factor.h"
#include "base/memory.h"
#include "cpu/cmath.h"
#include "cpu/gemm_complex.h"
#include "cpu/level.h"
#include <math.h>
#include <string.h>

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define R float
#define D double
#define N(name) name##_f32
#define ABS fabsf
#include "cpu/factor_kernel.h"
#define T double
#define R double
#define D double
#define N(name) name##_f64
#define ABS fabs
#include "cpu/factor_kernel.h"
#define T float _Complex
#define R float
#define D double _Complex
#define N(name) name##_c64
#define COMPLEX
#include "cpu/factor_kernel.h"
#define T double _Complex
#define R double
#define D double _Complex
#define N(name) name##_c128
#define COMPLEX
#include "cpu/factor_kernel.h"

enum { LARGE = 256, BLOCK = 64 }; /* from where on matrices are cut, and into what */

#define CALL(name, ...)                                                                                                            \
    (dtype == TN_FLOAT32     ? name##_f32(__VA_ARGS__)                                                                             \
     : dtype == TN_FLOAT64   ? name##_f64(__VA_ARGS__)                                                                             \
     : dtype == TN_COMPLEX64 ? name##_c64(__VA_ARGS__)                                                                             \
                             : name##_c128(__VA_ARGS__))
/* Element (i, j) of rows that lie ld apart. */
#define AT(a, ld, i, j) ((void *)((char *)(uintptr_t)(a) + (size_t)((i) * (ld) + (j)) * tni_number_size(dtype)))
static size_t bytes_of(tn_dtype dtype, int64_t count) { return (size_t)TNI_MAX(count, 1) * tni_number_size(dtype); }

/* c = a b + beta c, or a' b with `adjoint`. */
static bool product(tn_dtype dtype, bool adjoint, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                    int64_t ldb, double beta, void *c, int64_t ldc) {
    return tni_gemm_of(
        dtype, true,
        (tni_gemm_job){
            .ta = adjoint, .m = m, .n = n, .k = k, .lda = lda, .ldb = ldb, .ldc = ldc, .a = a, .b = b, .c = c, .beta = beta});
}

/* ---- triangles and LU ---- */

/* The rows of a block of unknowns are done: c (m, k) -= a (m, rows) b (rows, k). room: rows k. */
static bool take_product(tn_dtype dtype, int64_t m, int64_t rows, int64_t k, const void *a, int64_t lda, const void *b, int64_t ldb,
                         void *c, int64_t ldc, void *room) {
    if (m == 0 || k == 0) return true;
    CALL(negate, room, b, rows, k, ldb);
    return product(dtype, false, m, k, rows, a, lda, room, k, 1, c, ldc);
}

static bool solve_blocks(tn_dtype dtype, bool upper, bool unit, const void *a, int64_t n, void *b, int64_t k, void *room) {
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t rows = TNI_MIN(BLOCK, n - done), at = upper ? n - done - rows : done, left = n - done - rows;
        void *block = AT(b, k, at, 0);
        CALL(triangle, upper, unit, AT(a, n, at, at), rows, n, block, k, k);
        int64_t first = upper ? 0 : at + rows;
        if (!take_product(dtype, left, rows, k, AT(a, n, first, at), n, block, k, AT(b, k, first, 0), k, room)) return false;
    }
    return true;
}

bool tni_triangle_solve(tn_dtype dtype, bool upper, bool unit, const void *a, int64_t n, void *b, int64_t k) {
    if (n <= LARGE) return CALL(triangle, upper, unit, a, n, n, b, k, k), true;
    size_t bytes = bytes_of(dtype, BLOCK * k);
    void *room = tni_alloc(bytes);
    bool right = room && solve_blocks(dtype, upper, unit, a, n, b, k, room);
    tni_free(room, bytes);
    return right;
}

/* Changes rows as LU did, in `columns` of b, whose rows lie ldb apart. */
static void exchange(tn_dtype dtype, void *b, int64_t columns, int64_t ldb, const int64_t *pivot, int64_t begin, int64_t end) {
    char piece[512];
    size_t all = (size_t)columns * tni_number_size(dtype);
    for (int64_t i = begin; i < end; i++) {
        char *x = AT(b, ldb, i, 0), *y = AT(b, ldb, pivot[i], 0);
        for (size_t at = 0; at < all && x != y; at += sizeof piece) {
            size_t n = TNI_MIN(sizeof piece, all - at);
            memcpy(piece, x + at, n);
            memcpy(x + at, y + at, n);
            memcpy(y + at, piece, n);
        }
    }
}

static bool lu_blocks(tn_dtype dtype, void *a, int64_t n, int64_t *pivot, int64_t *zero, void *room) {
    *zero = 0;
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t k = TNI_MIN(BLOCK, n - at), left = n - at - k, first;
        CALL(lu, AT(a, n, at, at), n - at, k, n, pivot + at, &first);
        if (first && !*zero) *zero = at + first;
        for (int64_t i = at; i < at + k; i++) pivot[i] += at;
        exchange(dtype, a, at, n, pivot, at, at + k);
        exchange(dtype, AT(a, n, 0, at + k), left, n, pivot, at, at + k);
        CALL(triangle, false, true, AT(a, n, at, at), k, n, AT(a, n, at, at + k), left, n);
        if (!take_product(dtype, left, k, left, AT(a, n, at + k, at), n, AT(a, n, at, at + k), n, AT(a, n, at + k, at + k), n,
                          room))
            return false;
    }
    return true;
}

bool tni_lu(tn_dtype dtype, void *a, int64_t n, int64_t *pivot, int64_t *zero) {
    if (n <= LARGE) return CALL(lu, a, n, n, n, pivot, zero), true;
    size_t bytes = bytes_of(dtype, BLOCK * n);
    void *room = tni_alloc(bytes);
    bool right = room && lu_blocks(dtype, a, n, pivot, zero, room);
    tni_free(room, bytes);
    return right;
}

bool tni_lu_solve(tn_dtype dtype, const void *lu, int64_t n, const int64_t *pivot, void *b, int64_t k) {
    exchange(dtype, b, k, k, pivot, 0, n);
    return tni_triangle_solve(dtype, false, true, lu, n, b, k) && tni_triangle_solve(dtype, true, false, lu, n, b, k);
}

/* ---- reflections ---- */

/* What a block of reflections needs: the vectors (m, BLOCK), two triangles, two products (BLOCK, n). */
typedef struct room {
    char *all, *v, *t, *inner, *w, *u;
    size_t bytes;
} room;

/* Small matrices only need w, of n elements. */
static bool room_new(tn_dtype dtype, bool blocks, int64_t m, int64_t n, room *r) {
    r->bytes = bytes_of(dtype, blocks ? BLOCK * (m + 2 * BLOCK + 2 * n) : n);
    if (!(r->all = r->w = tni_alloc(r->bytes))) return false;
    if (!blocks) return true;
    r->v = r->all, r->t = AT(r->v, BLOCK, m, 0), r->inner = AT(r->t, BLOCK, BLOCK, 0), r->w = AT(r->inner, BLOCK, BLOCK, 0);
    r->u = AT(r->w, n, BLOCK, 0);
    return true;
}

/* c (m, n) = H(0) ... H(k - 1) c, or with `back` H(k - 1)' ... H(0)' c: c + V t V' c with the adjoint of t for the latter. */
static bool reflect_block(tn_dtype dtype, bool back, const void *a, int64_t lda, const void *tau, int64_t k, void *c, int64_t m,
                          int64_t n, int64_t ldc, const room *r) {
    if (n == 0) return true;
    CALL(vectors, (void *)r->v, a, m, k, lda);
    if (!product(dtype, true, k, k, m, r->v, k, r->v, k, 0, r->inner, k)) return false;
    CALL(minus_t, (void *)r->t, (void *)r->inner, tau, k);
    return product(dtype, true, k, n, m, r->v, k, c, ldc, 0, r->w, n) &&
           product(dtype, back, k, n, k, r->t, k, r->w, n, 0, r->u, n) &&
           product(dtype, false, m, n, k, r->v, k, r->u, n, 1, c, ldc);
}

static bool qr_blocks(tn_dtype dtype, void *a, int64_t m, int64_t n, void *tau, const room *r) {
    for (int64_t at = 0, end = TNI_MIN(m, n); at < end; at += BLOCK) {
        int64_t k = TNI_MIN(BLOCK, end - at);
        void *x = AT(a, n, at, at), *factors = AT(tau, 1, at, 0);
        CALL(qr, x, m - at, k, n, factors, (void *)r->w);
        if (!reflect_block(dtype, true, x, n, factors, k, AT(a, n, at, at + k), m - at, n - at - k, n, r)) return false;
    }
    return true;
}

bool tni_qr(tn_dtype dtype, void *a, int64_t m, int64_t n, void *tau) {
    room r;
    bool blocks = TNI_MIN(m, n) > LARGE, right = true;
    if (!room_new(dtype, blocks, m, n, &r)) return false;
    if (blocks)
        right = qr_blocks(dtype, a, m, n, tau, &r);
    else
        CALL(qr, a, m, n, n, tau, (void *)r.w);
    tni_free(r.all, r.bytes);
    return right;
}

static bool reflections_blocks(tn_dtype dtype, void *q, int64_t m, int64_t n, const void *v, int64_t columns, const void *tau,
                               int64_t k, const room *r) {
    for (int64_t at = (k - 1) / BLOCK * BLOCK; at >= 0; at -= BLOCK) {
        int64_t count = TNI_MIN(BLOCK, k - at);
        if (!reflect_block(dtype, false, AT(v, columns, at, at), columns, AT(tau, 1, at, 0), count, AT(q, n, at, at), m - at,
                           n - at, n, r))
            return false;
    }
    return true;
}

bool tni_reflections(tn_dtype dtype, void *q, int64_t m, int64_t n, const void *v, int64_t columns, const void *tau, int64_t k) {
    room r;
    bool blocks = k > LARGE, right = true;
    if (!room_new(dtype, blocks, m, n, &r)) return false;
    CALL(identity, q, m, n);
    if (blocks)
        right = reflections_blocks(dtype, q, m, n, v, columns, tau, k, &r);
    else
        CALL(reflections, q, m, n, v, columns, tau, k, (void *)r.w);
    tni_free(r.all, r.bytes);
    return right;
}

bool tni_reflections_back(tn_dtype dtype, void *dv, void *dtau, const void *dq, int64_t m, int64_t n, const void *v,
                          const void *tau, int64_t k) {
    size_t bytes = bytes_of(dtype, 2 * m * n + (k + 1) * n);
    void *all = tni_alloc(bytes);
    if (!all) return false;
    if (dtype == TN_FLOAT64)
        reflections_back_f64(dv, dtau, dq, m, n, v, tau, k, all);
    else
        reflections_back_f32(dv, dtau, dq, m, n, v, tau, k, all);
    tni_free(all, bytes);
    return true;
}

bool tni_cholesky(tn_dtype dtype, void *a, int64_t n, int64_t *order) { return CALL(cholesky, a, n, order), true; }
