/* cpu/gemm.h - matrix products of raw row-major arrays. */
#ifndef TNI_GEMM_H
#define TNI_GEMM_H
#include "base/base.h"

/* C = op(A) op(B) + beta * C, then + bias[j] in column j; op transposes where ta or tb is set. A is m x k as op gives it (so k x m
 * in memory when ta), B is k x n, C is m x n; lda, ldb and ldc are the distances of two rows in memory. beta 0 does not read C;
 * bias may be NULL; k = 0 leaves beta * C + bias. C overlaps nothing else. False: no memory for scratch, C untouched.
 *
 * Every output is the sum over blocks of at most 384 of k, each one chain of (fused, from AVX2 on) multiply-adds in the order of
 * k; where one of m and n is 1 and k runs along the rows of the matrix, it is a fixed tree over 32 (f64: 16) chains instead. So
 * the bits depend on the shape and the values alone: not on the number of threads, and AVX2 and AVX-512 give the same ones. */
bool tni_gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                  float beta, float *c, int64_t ldc, const float *bias);
bool tni_gemm_f64(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b, int64_t ldb,
                  double beta, double *c, int64_t ldc, const double *bias);

/* The same with all there is; `row_bias[i]` is added to row i, after `bias`. Elements are float or double by `wide`. */
typedef struct tni_gemm_job {
    bool wide, ta, tb;
    int64_t m, n, k, lda, ldb, ldc;
    const void *a, *b;
    void *c;
    double beta;
    const void *bias, *row_bias; /* NULL: none */
} tni_gemm_job;
bool tni_gemm(const tni_gemm_job *job);

/* The same in the calling thread alone, in `scratch` of tni_gemm_scratch bytes (aligned to 64): cannot fail. */
size_t tni_gemm_scratch(const tni_gemm_job *job);
void tni_gemm_within(const tni_gemm_job *job, void *scratch);
#endif
