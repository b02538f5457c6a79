/* cpu/matrix_exp.h - the exponential of one matrix. */
#ifndef TNI_MATRIX_EXP_H
#define TNI_MATRIX_EXP_H
#include "base/base.h"

/* y (n, n) = exp(a), both row-major, of float32, float64, complex64 or complex128. False: no memory. */
bool tni_matrix_exp(tn_dtype dtype, const void *a, void *y, int64_t n);
#endif
