/* cpu/sort.h - sorting and selection along the rows of raw contiguous arrays. */
#ifndef TNI_SORT_H
#define TNI_SORT_H
#include "base/base.h"

/* x is [rows, n]. Every real dtype, float16 and bfloat16 too; another one fails with TN_ERR_NOT_IMPLEMENTED. A NaN counts as larger
 * than every number, -0 and 0 are equal; of equal elements the one with the lower index comes first, whichever the direction.
 * Rows are shared among threads. False: no memory for scratch, or the dtype. Results may not overlap x. `values` may be NULL. */

/* values, indices: [rows, n]. Stable: torch.sort(stable=True). */
bool tni_sort_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, bool descending, void *values, int64_t *indices);

/* The k largest (or smallest) in their order, 0 <= k <= n: torch.topk, sorted. values, indices: [rows, k]. */
bool tni_topk_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, int64_t k, bool largest, void *values, int64_t *indices);

/* The k-th smallest, 1 <= k <= n: torch.kthvalue; the median is k = (n + 1) / 2. values, indices: [rows]. */
bool tni_kthvalue_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, int64_t k, void *values, int64_t *indices);
#endif
