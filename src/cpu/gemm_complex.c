/* cpu/gemm_complex.c - products of complex matrices as one of real matrices.
 *
 * A row of A, read as numbers re, im, re, im, ..., times the matrix whose rows are in turn a row of B and i times that row, gives a row
 * of C read as numbers: A and C stay where they are, only B is written out, twice. */
#include "cpu/gemm_complex.h"
#include "base/memory.h"

/* `to` (2 rows, 2 columns) from (rows, columns), whose elements lie `row` and `column` numbers apart. */
#define TWICE(name, T)                                                                                                             \
    static void name(T *restrict to, const T *restrict from, int64_t rows, int64_t columns, int64_t row, int64_t column) {         \
        for (int64_t i = 0; i < rows; i++, to += 4 * columns)                                                                      \
            for (int64_t j = 0; j < columns; j++) {                                                                                \
                T re = from[i * row + j * column], im = from[i * row + j * column + 1];                                            \
                to[2 * j] = re, to[2 * j + 1] = im;                                                                                \
                to[2 * (columns + j)] = -im, to[2 * (columns + j) + 1] = re;                                                       \
            }                                                                                                                      \
    }
TWICE(twice_f32, float)
TWICE(twice_f64, double)

/* `to` (rows, columns): the transposed of `from`, whose rows lie ld numbers apart, with imaginary parts times `sign`. */
#define TURNED(name, T)                                                                                                            \
    static void name(T *restrict to, const T *restrict from, int64_t rows, int64_t columns, int64_t ld, T sign) {                  \
        for (int64_t i = 0; i < rows; i++)                                                                                         \
            for (int64_t j = 0; j < columns; j++, to += 2) to[0] = from[j * ld + 2 * i], to[1] = sign * from[j * ld + 2 * i + 1];  \
    }
TURNED(turned_f32, float)
TURNED(turned_f64, double)

static bool multiply(bool conjugate, tni_gemm_job g, char *room) {
    bool wide = g.wide;
    int64_t row = 2 * (g.tb ? 1 : g.ldb), column = 2 * (g.tb ? g.ldb : 1), sign = conjugate ? -1 : 1;
    char *left = room + (size_t)(4 * g.k * g.n) * (wide ? sizeof(double) : sizeof(float));
    if (wide)
        twice_f64((double *)(void *)room, g.b, g.k, g.n, row, column);
    else
        twice_f32((float *)(void *)room, g.b, g.k, g.n, row, column);
    if (g.ta && wide)
        turned_f64((double *)(void *)left, g.a, g.m, g.k, 2 * g.lda, (double)sign);
    else if (g.ta)
        turned_f32((float *)(void *)left, g.a, g.m, g.k, 2 * g.lda, (float)sign);
    if (g.ta) g.a = left, g.lda = g.k;
    g.ta = g.tb = false, g.b = room;
    g.n *= 2, g.k *= 2, g.lda *= 2, g.ldb = g.n, g.ldc *= 2;
    return tni_gemm(&g);
}

bool tni_gemm_complex(const tni_gemm_job *g, bool conjugate) {
    char small[4096] __attribute__((aligned(64)));
    if (g->m <= 0 || g->n <= 0) return true;
    size_t bytes = (size_t)(4 * g->k * g->n + (g->ta ? 2 * g->m * g->k : 0)) * (g->wide ? sizeof(double) : sizeof(float));
    char *room = bytes <= sizeof small ? small : tni_alloc(bytes);
    bool right = room && multiply(conjugate, *g, room);
    if (room != small) tni_free(room, bytes);
    return right;
}
