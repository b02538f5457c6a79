/* ops/sparse.h - what rows of other files run for sparse tensors (.sparse), all on copies of values: an in-place form exchanges them. */
#ifndef TNI_OPS_SPARSE_H
#define TNI_OPS_SPARSE_H
#include "core/op.h"

bool tni_sparse_values_run(tni_call *c); /* the operator on the values: of one sparse tensor, with numbers beside it */
bool tni_sparse_div_run(tni_call *c);
bool tni_sparse_add_run(tni_call *c);    /* self + alpha * other; the first argument is alpha */
bool tni_sparse_sub_run(tni_call *c);
bool tni_sparse_sum_run(tni_call *c);
bool tni_sparse_t_run(tni_call *c);
bool tni_sparse_transpose_run(tni_call *c);
bool tni_sparse_clone_run(tni_call *c);
bool tni_sparse_to_run(tni_call *c);
bool tni_sparse_copy_run(tni_call *c);
bool tni_sparse_zero_run(tni_call *c);
bool tni_sparse_matmul_run(tni_call *c);

tn_tensor *tni_mm_of_sparse(tn_tensor *sparse, tn_tensor *dense);

/* A derivative of dy, sparse or not, for the values of x alone: dy at x's places. */
tn_tensor *tni_sparse_mask(tn_tensor *dy, tn_tensor *x);
#endif
