/* cpu/row.h - what softmax and its kin do to one contiguous row: fixed order of addition, the same bits at every CPU level. */
#ifndef TNI_ROW_H
#define TNI_ROW_H
#include "base/base.h"

/* `rows` rows of n elements, one after the other (row i begins at i * n) in every array. The result may be an input. A row's result
 * depends on that row alone, so callers may cut anywhere between rows. n = 0 does nothing; max and min need n >= 1. */

/* y[i] = the largest (the smallest) of row i; NaN when the row has one. */
void tni_row_max_f32(float *y, const float *x, int64_t rows, int64_t n);
void tni_row_max_f64(double *y, const double *x, int64_t rows, int64_t n);
void tni_row_min_f32(float *y, const float *x, int64_t rows, int64_t n);
void tni_row_min_f64(double *y, const double *x, int64_t rows, int64_t n);
/* y[i] = log(sum(exp(row i))), without overflow; -inf for n = 0 */
void tni_row_logsumexp_f32(float *y, const float *x, int64_t rows, int64_t n);
void tni_row_logsumexp_f64(double *y, const double *x, int64_t rows, int64_t n);
/* y = exp(x - max) / sum; a row of -inf gives NaN. */
void tni_row_softmax_f32(float *y, const float *x, int64_t rows, int64_t n);
void tni_row_softmax_f64(double *y, const double *x, int64_t rows, int64_t n);
/* y = x - max - log(sum(exp(x - max))) */
void tni_row_log_softmax_f32(float *y, const float *x, int64_t rows, int64_t n);
void tni_row_log_softmax_f64(double *y, const double *x, int64_t rows, int64_t n);
/* dx = y * (dy - sum(dy * y)), y the softmax */
void tni_row_softmax_backward_f32(float *dx, const float *dy, const float *y, int64_t rows, int64_t n);
void tni_row_softmax_backward_f64(double *dx, const double *dy, const double *y, int64_t rows, int64_t n);
/* dx = dy - exp(y) * sum(dy), y the log-softmax */
void tni_row_log_softmax_backward_f32(float *dx, const float *dy, const float *y, int64_t rows, int64_t n);
void tni_row_log_softmax_backward_f64(double *dx, const double *dy, const double *y, int64_t rows, int64_t n);
#endif
