/* cpu/matrix_exp.h - the exponential of one matrix. */
#ifndef TNI_MATRIX_EXP_H
#define TNI_MATRIX_EXP_H
#include "base/base.h"

/* y (n, n) = exp(a), both row-major, of float or (wide) double. False: no memory. */
bool tni_matrix_exp(bool wide, const void *a, void *y, int64_t n);
#endif
