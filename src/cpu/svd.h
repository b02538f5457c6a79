/* cpu/svd.h - singular values and vectors of one matrix. */
#ifndef TNI_SVD_H
#define TNI_SVD_H
#include "base/base.h"

/* a (m, n) = u diag(s) vh for m >= n; float64 or complex128, finite, row-major without holes; a is used up. s (n): from the largest down.
 * u (m, columns), columns n or m, and vh (n, n) together, or both NULL: not wanted. The errors are small beside s[0]; signs (phases) are
 * those that come out. False: no memory, or (*stuck) no convergence. */
bool tni_svd(tn_dtype dtype, void *a, int64_t m, int64_t n, double *s, void *u, int64_t columns, void *vh, bool *stuck);
#endif
