/* cpu/scan.h - running sums, products and extremes along one dim of raw contiguous arrays. */
#ifndef TNI_SCAN_H
#define TNI_SCAN_H
#include "base/base.h"

/* x and y are [outer, n, inner]; the scan goes along n. y may be x. float32, float64, int64, int32, int16, int8, uint8 (bool as
 * uint8); another dtype fails with TN_ERR_NOT_IMPLEMENTED. Shared among threads by outer and inner: the bits do not depend on them. */

/* float32 is accumulated in double and each result rounded, integers wrap: torch.cumsum and torch.cumprod after the cast to the
 * dtype of the result. */
bool tni_cumsum(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y);
bool tni_cumprod(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y);

/* log(sum(exp(x[..i]))), float32 and float64: torch.logcumsumexp */
bool tni_logcumsumexp(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y);

/* The largest (smallest) so far and where along n it stands: the last of equal ones; from a NaN on, the last NaN. */
bool tni_cummax(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y, int64_t *indices);
bool tni_cummin(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y, int64_t *indices);
#endif
