/* cpu/svd.c - singular values and vectors: QR of a tall matrix, two diagonals by reflections (Golub and Kahan), then QR steps with shifts. */
#include "cpu/svd.h"
#include "base/memory.h"
#include "cpu/cmath.h"
#include "cpu/factor.h"
#include "cpu/gemm_complex.h"
#include "cpu/level.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T double
#define R double
#define D double
#define N(name) name##_f64
#define ABS fabs
#include "cpu/svd_kernel.h"
#define T double _Complex
#define R double
#define D double _Complex
#define N(name) name##_c128
#define COMPLEX
#include "cpu/svd_kernel.h"

#define CALL(name, ...) (dtype == TN_FLOAT64 ? name##_f64(__VA_ARGS__) : name##_c128(__VA_ARGS__))

/* ---- QR steps on the two diagonals ---- */

/* B with the diagonal d and e above it; u and v, or NULL: rows of `width` numbers that turn along. */
typedef struct diagonals {
    double *d, *e, *u, *v;
    int64_t n, width;
} diagonals;

TNI_INLINE void turn_body(double *restrict x, double *restrict y, double c, double s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double a = x[i], b = y[i];
        x[i] = c * a + s * b;
        y[i] = c * b - s * a;
    }
}
TNI_KERNEL(static, turn_rows, turn_body, (double *restrict x, double *restrict y, double c, double s, int64_t n), (x, y, c, s, n))

static void turn(const diagonals *b, double *rows, int64_t i, int64_t j, double c, double s) {
    if (rows) turn_rows(rows + i * b->width, rows + j * b->width, c, s, b->width);
}

/* c f + s g = r, c g - s f = 0 */
static double rotation(double f, double g, double *c, double *s) {
    double r = hypot(f, g);
    *c = r == 0 ? 1 : f / r, *s = r == 0 ? 0 : g / r;
    return r;
}

/* The smaller singular value of (f, g; 0, h). */
static double smaller_value(double f, double g, double h) {
    double larger = (hypot(fabs(f) + fabs(h), g) + hypot(fabs(f) - fabs(h), g)) / 2;
    return larger == 0 ? 0 : fabs(f) * (fabs(h) / larger);
}

/* One step on rows lo to hi, from above. */
static void step(const diagonals *b, int64_t lo, int64_t hi) {
    double *d = b->d, *e = b->e, shift = smaller_value(d[hi - 1], e[hi - 1], d[hi]), c, s;
    if (shift * shift < DBL_EPSILON * d[lo] * d[lo]) shift = 0; /* nothing would be left of it */
    double f = (fabs(d[lo]) - shift) * (copysign(1, d[lo]) + shift / d[lo]), g = e[lo];
    for (int64_t k = lo; k < hi; k++) {
        double r = rotation(f, g, &c, &s);
        if (k > lo) e[k - 1] = r;
        f = c * d[k] + s * e[k], e[k] = c * e[k] - s * d[k];
        g = s * d[k + 1], d[k + 1] = c * d[k + 1];
        turn(b, b->v, k, k + 1, c, s);
        d[k] = rotation(f, g, &c, &s);
        f = c * e[k] + s * d[k + 1], d[k + 1] = c * d[k + 1] - s * e[k];
        if (k < hi - 1) g = s * e[k + 1], e[k + 1] = c * e[k + 1];
        turn(b, b->u, k, k + 1, c, s);
    }
    e[hi - 1] = f;
}

/* d[at] is 0: its row is freed of e[at] by the rows below, the last column of e[hi - 1] by those before. */
static void free_row(const diagonals *b, int64_t at, int64_t hi) {
    double f = b->e[at], c, s;
    b->e[at] = 0;
    for (int64_t k = at + 1; k <= hi && f != 0; k++) {
        b->d[k] = rotation(b->d[k], f, &c, &s);
        if (k < hi) f = -s * b->e[k], b->e[k] = c * b->e[k];
        turn(b, b->u, k, at, c, s);
    }
}
static void free_column(const diagonals *b, int64_t lo, int64_t hi) {
    double f = b->e[hi - 1], c, s;
    b->e[hi - 1] = 0;
    for (int64_t k = hi - 1; k >= lo && f != 0; k--) {
        b->d[k] = rotation(b->d[k], f, &c, &s);
        if (k > lo) f = -s * b->e[k - 1], b->e[k - 1] = c * b->e[k - 1];
        turn(b, b->v, k, hi, c, s);
    }
}

/* Makes a 0 on the diagonal of the block harmless; false when there is none. */
static bool remove_zero(const diagonals *b, int64_t lo, int64_t hi, double least) {
    for (int64_t k = lo; k <= hi; k++) {
        if (fabs(b->d[k]) > least) continue;
        b->d[k] = 0;
        if (k < hi)
            free_row(b, k, hi);
        else
            free_column(b, lo, hi);
        return true;
    }
    return false;
}

static bool negligible(const diagonals *b, int64_t k, double least) {
    return fabs(b->e[k]) <= DBL_EPSILON * (fabs(b->d[k]) + fabs(b->d[k + 1])) || fabs(b->e[k]) <= least;
}

/* All of e becomes 0; false when that does not come to an end. */
static bool diagonalize(const diagonals *b) {
    double most = 0;
    for (int64_t k = 0; k < b->n; k++) most = fmax(most, fmax(fabs(b->d[k]), k < b->n - 1 ? fabs(b->e[k]) : 0));
    double least = DBL_EPSILON * most / 16;
    for (int64_t hi = b->n - 1, steps = 0; hi > 0; steps++) {
        if (steps > 60 * b->n) return false;
        if (negligible(b, hi - 1, least)) {
            b->e[--hi] = 0;
            continue;
        }
        int64_t lo = hi - 1;
        while (lo > 0 && !negligible(b, lo - 1, least)) lo--;
        if (lo > 0) b->e[lo - 1] = 0;
        if (!remove_zero(b, lo, hi, least)) step(b, lo, hi);
    }
    return true;
}

static void exchange(double *rows, int64_t i, int64_t j, int64_t width) {
    for (int64_t k = 0; rows && k < width; k++) {
        double x = rows[i * width + k];
        rows[i * width + k] = rows[j * width + k], rows[j * width + k] = x;
    }
}

/* No sign, the largest first. */
static void put_in_order(const diagonals *b) {
    for (int64_t i = 0; i < b->n; i++) {
        if (signbit(b->d[i]))
            for (int64_t k = 0; b->v && k < b->width; k++) b->v[i * b->width + k] = -b->v[i * b->width + k];
        b->d[i] = fabs(b->d[i]);
    }
    for (int64_t i = 0; i < b->n; i++) {
        int64_t best = i;
        for (int64_t j = i + 1; j < b->n; j++)
            if (b->d[j] > b->d[best]) best = j;
        if (best == i) continue;
        double d = b->d[i];
        b->d[i] = b->d[best], b->d[best] = d;
        exchange(b->u, i, best, b->width), exchange(b->v, i, best, b->width);
    }
}

/* ---- a square matrix ---- */

/* What it works in, by parts: elements are of item bytes. */
typedef struct room {
    char *all, *tau, *turn, *w, *u, *x; /* u, x (n, n): where vectors are wanted */
    double *e;
    size_t bytes;
} room;

static bool room_new(tn_dtype dtype, int64_t n, bool vectors, room *r) {
    size_t item = tni_number_size(dtype), row = (size_t)n * item, square = vectors ? (size_t)n * row : 0;
    r->bytes = 5 * row + 2 * square;
    if (!(r->all = tni_alloc(r->bytes))) return false;
    r->tau = r->all, r->turn = r->tau + row, r->w = r->turn + row, r->e = (double *)(void *)(r->w + 2 * row);
    r->u = r->w + 3 * row, r->x = r->u + square;
    return true;
}

/* The adjoint of H(0) ... H(n - 1) into r->u, that of the G's into vh. */
static bool expand(tn_dtype dtype, void *a, int64_t n, const room *r, void *vh) {
    if (!tni_reflections(dtype, r->x, n, n, a, n, r->tau, n)) return false;
    CALL(adjoint, (void *)r->u, (void *)r->x, n, 0);
    CALL(take_right_vectors, (void *)r->x, a, n);
    if (n > 1 && !tni_reflections(dtype, a, n - 1, n - 1, r->x, n - 1, r->turn, n - 1)) return false;
    CALL(adjoint, vh, a, n, 1);
    return true;
}

/* a (n, n) is used up; u and vh as tni_svd, u (n, n). */
static bool square(tn_dtype dtype, void *a, int64_t n, double *s, void *u, void *vh, bool *stuck) {
    room r;
    if (!room_new(dtype, n, u != NULL, &r)) return false;
    CALL(bidiagonal, a, n, s, r.e, (void *)r.tau, (void *)r.turn, (void *)r.w);
    bool right = !u || expand(dtype, a, n, &r, vh);
    diagonals b = {s, r.e, u ? (double *)(void *)r.u : NULL, vh, n, n * (dtype == TN_FLOAT64 ? 1 : 2)};
    if (right) {
        right = diagonalize(&b);
        *stuck = !right;
        put_in_order(&b);
        if (u) CALL(adjoint, u, (void *)r.u, n, 0);
    }
    tni_free(r.all, r.bytes);
    return right;
}

/* ---- a tall one: its Q times the vectors of its R ---- */

static void keep_triangle(void *r, const void *a, int64_t n, size_t item) {
    for (int64_t i = 0; i < n; i++) {
        size_t skip = (size_t)i * item, row = (size_t)n * item;
        memset((char *)r + (size_t)i * row, 0, skip);
        memcpy((char *)r + (size_t)i * row + skip, (const char *)a + (size_t)i * row + skip, row - skip);
    }
}

/* The first n columns of q (m, columns) times x (n, n); product: room (m, n). */
static bool multiply(tn_dtype dtype, void *q, int64_t m, int64_t columns, const void *x, int64_t n, char *product) {
    size_t item = tni_number_size(dtype), row = (size_t)n * item;
    tni_gemm_job job = {.m = m, .n = n, .k = n, .lda = columns, .ldb = n, .ldc = n, .a = q, .b = x, .c = product};
    if (!tni_gemm_of(dtype, false, job)) return false;
    for (int64_t i = 0; i < m; i++) memcpy((char *)q + (size_t)(i * columns) * item, product + (size_t)i * row, row);
    return true;
}

static bool tall(tn_dtype dtype, void *a, int64_t m, int64_t n, double *s, void *u, int64_t columns, void *vh, bool *stuck) {
    size_t item = tni_number_size(dtype), row = (size_t)n * item, bytes = ((size_t)(2 * n + 1) + (u ? (size_t)m : 0)) * row;
    char *all = tni_alloc(bytes), *tau = all, *r = tau + row, *inner = r + (size_t)n * row, *product = inner + (size_t)n * row;
    bool right = all && tni_qr(dtype, a, m, n, tau);
    if (right) {
        keep_triangle(r, a, n, item);
        right = square(dtype, r, n, s, u ? inner : NULL, vh, stuck);
    }
    if (right && u)
        right = tni_reflections(dtype, u, m, columns, a, n, tau, n) && multiply(dtype, u, m, columns, inner, n, product);
    tni_free(all, bytes);
    return right;
}

/* By a power of two, so that no square overflows or vanishes. */
static int scale(void *a, int64_t numbers) {
    double *x = a, most = 0;
    int exponent;
    for (int64_t i = 0; i < numbers; i++) most = fmax(most, fabs(x[i]));
    frexp(most, &exponent);
    if (exponent > -100 && exponent < 100) return 0;
    for (int64_t i = 0; i < numbers; i++) x[i] = ldexp(x[i], -exponent);
    return exponent;
}

bool tni_svd(tn_dtype dtype, void *a, int64_t m, int64_t n, double *s, void *u, int64_t columns, void *vh, bool *stuck) {
    *stuck = false;
    if (n == 0) { /* no columns: u is what is left of an identity */
        for (int64_t i = 0; u && i < columns; i++) {
            memset((char *)u + (size_t)(i * columns) * tni_number_size(dtype), 0, (size_t)columns * tni_number_size(dtype));
            *(double *)(void *)((char *)u + (size_t)(i * columns + i) * tni_number_size(dtype)) = 1;
        }
        return true;
    }
    int exponent = scale(a, m * n * (dtype == TN_FLOAT64 ? 1 : 2));
    bool right = m == n ? square(dtype, a, n, s, u, vh, stuck) : tall(dtype, a, m, n, s, u, columns, vh, stuck);
    for (int64_t i = 0; i < n && exponent; i++) s[i] = ldexp(s[i], exponent);
    return right;
}
