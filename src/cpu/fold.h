/* cpu/fold.h - products and sums of powers of contiguous rows, in double: a fixed order, the same bits at every CPU level. */
#ifndef TNI_FOLD_H
#define TNI_FOLD_H
#include "base/base.h"

/* y[i] = the product of row i, the sum of its absolute values, or of its squares: `rows` rows of n elements, one after the other.
 * Of no elements the product is 1 and a sum 0. */
void tni_fold_product_f32(double *y, const float *x, int64_t rows, int64_t n);
void tni_fold_product_f64(double *y, const double *x, int64_t rows, int64_t n);
void tni_fold_abs_f32(double *y, const float *x, int64_t rows, int64_t n);
void tni_fold_abs_f64(double *y, const double *x, int64_t rows, int64_t n);
void tni_fold_square_f32(double *y, const float *x, int64_t rows, int64_t n);
void tni_fold_square_f64(double *y, const double *x, int64_t rows, int64_t n);
#endif
