/* ops/sparse_places.h - places of sparse tensors as numbers of slices, and what is gathered and scattered by them. */
#ifndef TNI_OPS_SPARSE_PLACES_H
#define TNI_OPS_SPARSE_PLACES_H
#include "core/sparse.h"

/* All results but those without claims belong to the innermost scope. NULL, false: an error. */
tn_tensor *tni_row_major_copy(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype);
bool tni_places_in_order(const tn_tensor *x);                                           /* each once, ascending */
bool tni_add_values(tni_thread *t, tn_tensor *dense, const tn_tensor *x, double alpha); /* dense += alpha * x; no history */
tn_tensor *tni_coalesced(tni_thread *t, const char *who, const tn_tensor *x);           /* without claims */
tn_tensor *tni_sparse_of_dense(tni_thread *t, const char *who, const tn_tensor *x, size_t dims); /* without claims */
/* Part of the graph: y, sparse or not, at x's places; x's places with those values. */
tn_tensor *tni_values_at(tn_tensor *y, tn_tensor *x);
tn_tensor *tni_with_values(tn_tensor *x, tn_tensor *values);
/* x's places, each once: those of its gradient. */
tn_tensor *tni_pattern(tn_tensor *x);
#endif
