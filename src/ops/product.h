/* ops/product.h - matrix products of arrays, for the operators that are made of them. */
#ifndef TNI_PRODUCT_H
#define TNI_PRODUCT_H
#include "core/op.h"

/* A matrix as the kernels take it: rows one after the other at distance ld, or columns when `transposed`. */
typedef struct tni_matrix {
    const void *data;
    int64_t rows, columns, ld;
    bool transposed;
} tni_matrix;

/* A view of a 2-d array (or of one matrix of a batch: the last two dims); copies into *made (without claims) when its strides do not fit. */
bool tni_matrix_of(tni_thread *t, const char *who, const tn_tensor *x, tni_matrix *out, tn_tensor **made);
/* y[rows of a, columns of b] = a b (+ bias of each column), y row-major with distance ldy. Any dtype that computes but bool. */
bool tni_multiply(tn_dtype dtype, const tni_matrix *a, const tni_matrix *b, void *y, int64_t ldy, const void *bias);
TNI_INLINE tni_matrix tni_matrix_transpose(tni_matrix m) { return (tni_matrix){m.data, m.columns, m.rows, m.ld, !m.transposed}; }
#endif
