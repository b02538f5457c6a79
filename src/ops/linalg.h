/* ops/linalg.h - what the operators on matrices (the last two dims) share: checks in PyTorch's words, copies to work on, results. */
#ifndef TNI_LINALG_H
#define TNI_LINALG_H
#include "core/op.h"

/* The size of x's last dim but `back`. */
TNI_INLINE int64_t tni_last(const tn_tensor *x, int back) { return x->a.sizes[x->a.ndim - 1 - back]; }

/* At least two dims; square when asked. `who` is PyTorch's name, "linalg.solve", `what` the argument's, "A". */
bool tni_linalg_check_matrix(const char *who, const char *what, const tn_tensor *x, bool square);
/* float32, float64, complex64 and complex128 have kernels; whole numbers are refused in PyTorch's words, others for want of a kernel of that name. */
bool tni_linalg_check_dtype(const char *who, const char *kernel, const tn_tensor *x);

/* x's values, row-major, with its batch dims broadcast to `batch`; without claims: destroyed by the caller. NULL with an error. */
typedef enum {
    TNI_AS_IT_IS,
    TNI_TURNED /* the last two dims change places */,
    TNI_COLUMN /* a vector becomes a column */
} tni_form;
tn_tensor *tni_linalg_copy(tni_call *c, const char *who, const tn_tensor *x, const int64_t *batch, size_t n, tni_form form);
/* out[k] of these sizes from a row-major copy, or from one of the transposed: as PyTorch has them, columns one after the other, or rows. */
typedef enum { TNI_BY_ROWS, TNI_BY_COLUMNS } tni_layout;
bool tni_linalg_out(tni_call *c, size_t k, const tn_tensor *from, bool turned, const int64_t *sizes, size_t ndim,
                    tni_layout layout);

/* For each matrix of a batch: body(i, context), on several threads; false when one of them was. */
bool tni_linalg_each(int64_t count, int64_t work, bool (*body)(int64_t i, void *context), void *context);
/* The number of matrices that there are to compute: none on the meta device. */
int64_t tni_linalg_count(const tn_tensor *x);
/* TN_ERR_LINALG for the first of `count` numbers that is not 0: "who: (Batch element 1): " and the text; with `after` the number between. */
bool tni_linalg_refuse(const char *who, const int64_t *number, int64_t count, bool batched, const char *text, const char *after);

/* ---- for derivatives; NULL passes through ---- */

tn_tensor *tni_turned(tn_tensor *x);                             /* x.mT */
tn_tensor *tni_adjoint(tn_tensor *x);                            /* x.mH; a copy when x is complex */
tn_tensor *tni_mirrored(tn_tensor *x);                           /* x's lower triangle, its adjoint above */
tn_tensor *tni_joined(tn_tensor *a, tn_tensor *b, int64_t dim);  /* a, then b */
tn_tensor *tni_to_shape_of(tni_vjp *g, size_t i, tn_tensor *dx); /* sums over what was broadcast */
#endif
