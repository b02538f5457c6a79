/* cpu/factor.h - factors of one matrix, and what is solved with them: LU, QR, Cholesky, triangles. */
#ifndef TNI_FACTOR_H
#define TNI_FACTOR_H
#include "base/base.h"

/* Matrices are row-major without holes, of float32, float64, complex64 or complex128, changed in place; x' is the adjoint of x, which for
 * real matrices is the transposed one. Where there is a choice of sign, LAPACK's is made.
 * Up to 256 rows every loop that runs long goes along a row and is no sum, and nothing is fused: the bits are the same at every CPU
 * level. Larger ones are cut into blocks, and most of the work is products (cpu/gemm.h). All return false when memory is out. */

/* a (n, n) = P L U: U and below it L, whose diagonal of ones is not stored. Step i changed rows i and pivot[i]. *zero: one more than the
 * place of the first pivot that is 0, or 0. */
bool tni_lu(tn_dtype dtype, void *a, int64_t n, int64_t *pivot, int64_t *zero);
/* b (n, k): the solution x of a x = b, from a's factors; no pivot is 0. */
bool tni_lu_solve(tn_dtype dtype, const void *lu, int64_t n, const int64_t *pivot, void *b, int64_t k);

/* b (n, k): the solution x of a x = b, a triangle of which the other half is not read, nor with `unit` the diagonal. */
bool tni_triangle_solve(tn_dtype dtype, bool upper, bool unit, const void *a, int64_t n, void *b, int64_t k);

/* a (m, n) = H(0) ... H(min(m, n) - 1) R with H(i) = 1 - tau[i] v v': R on and above the diagonal, which is real, below it v without its
 * leading one. */
bool tni_qr(tn_dtype dtype, void *a, int64_t m, int64_t n, void *tau);
/* q (m, n): the first n columns of H(0) ... H(k - 1), k <= n <= m, of which v (m, columns) holds the vectors. */
bool tni_reflections(tn_dtype dtype, void *q, int64_t m, int64_t n, const void *v, int64_t columns, const void *tau, int64_t k);
/* The derivative of that for n = columns and real numbers: dv (m, n) below the diagonal, zeros elsewhere, and dtau (k) from dq. */
bool tni_reflections_back(tn_dtype dtype, void *dv, void *dtau, const void *dq, int64_t m, int64_t n, const void *v,
                          const void *tau, int64_t k);

/* The upper triangle of a (n, n), of which no more is read, becomes U with U' U = a; the rest 0. *order: that of the leading minor that is
 * not positive, or 0. */
bool tni_cholesky(tn_dtype dtype, void *a, int64_t n, int64_t *order);
#endif
