/* ops/creation.h - what the functions that make tensors share. */
#ifndef TNI_OPS_CREATION_H
#define TNI_OPS_CREATION_H
#include "core/tensor.h"

/* A tensor without claims or values, of opts->dtype or else of `dtype` (TN_DTYPE_NONE: the default); NULL with an error. */
tn_tensor *tni_make(tni_thread **t, const char *who, const int64_t *sizes, size_t ndim, tn_dtype dtype, const tn_opts *opts);
/* The end of such a function: requires_grad, where, the claim. With filled == false x is destroyed. */
tn_tensor *tni_made(tni_thread *t, tn_tensor *x, bool filled, const tn_opts *opts);
/* A tensor with the shape, dtype and, unless opts say otherwise, memory order and device of another one. */
tn_tensor *tni_make_like(tni_thread **t, const char *who, tn_tensor *like, const tn_to_opts *opts);
/* All elements of a sparse tensor are to be written; false. */
bool tni_refuse_fill(void);
#endif
