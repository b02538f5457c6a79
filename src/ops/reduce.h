/* ops/reduce.h - what operators over dims share: masks of dims, shapes of results, the input as rows. */
#ifndef TNI_REDUCE_H
#define TNI_REDUCE_H
#include "core/op.h"

/* One bit for each dim of the list; NULL or an empty list means all. */
bool tni_dims_mask(const tni_call *c, const tni_value *dims, size_t ndim, uint64_t *mask);
/* The same for a derivative, where the dims are known to be right. */
uint64_t tni_dims_mask_again(const tni_value *dims, size_t ndim);
int64_t tni_dims_count(const int64_t *sizes, size_t ndim, uint64_t mask);
/* x (a gradient or a result) with the dims of the mask put back, as a view of the input's shape or with 1 there. NULL passes. */
tn_tensor *tni_spread(const tni_vjp *g, tn_tensor *x, uint64_t mask, bool keepdim);
tn_tensor *tni_dims_back(const tni_vjp *g, tn_tensor *x, uint64_t mask, bool keepdim);

/* The input seen as rows: the dims of the mask, merged, are a row's elements. */
typedef struct tni_rows {
    const void *data; /* row-major [rows, n], for as long as the call lasts */
    int64_t rows, n;
    uint64_t mask;
} tni_rows;
bool tni_rows_of(tni_call *c, tn_dtype dtype, const tni_value *dims, tni_rows *out);
/* out[k], one element for each row. */
bool tni_rows_result(tni_call *c, size_t k, const tni_rows *r, bool keepdim, tn_dtype dtype);

/* One element of each line along dim, or several: where `indices` (of the result's shape, distinct in a line) says; and the other way round, into zeros. */
tn_tensor *tni_pick_along(tn_tensor *x, tn_tensor *indices, int64_t dim);
tn_tensor *tni_put_along(tn_tensor *dy, tn_tensor *indices, const int64_t *sizes, size_t ndim, int64_t dim);
#endif
