/* ops/norm.h - what the normalisations share. */
#ifndef TNI_NORM_OPS_H
#define TNI_NORM_OPS_H
#include "core/op.h"

/* How a normalisation sees its input x, and the derivative of all of them as a formula. */
typedef struct tni_norm_form {
    int64_t sizes[4]; /* x is viewed so */
    size_t ndim;
    int64_t dims[2]; /* the statistics are taken over these */
    size_t ndims;
    int64_t affine[4]; /* weight and bias are viewed so */
    double eps;
    bool rms;              /* the mean is not subtracted */
    tn_tensor *mean, *var; /* statistics that do not depend on x; NULL: x's own */
} tni_norm_form;

/* The gradients of the inputs x (0), weight (1; may be NULL) and bias (2) for dy. */
bool tni_norm_formula(tni_vjp *g, const tni_norm_form *f, tn_tensor *x, tn_tensor *weight);
/* Which of the first three inputs need a gradient, as bits. */
int64_t tni_norm_needs(const tni_vjp *g);
/* Output k of a call when bit k of `needs` is set. */
bool tni_norm_out(tni_call *c, size_t k, int64_t needs, tn_dtype dtype, const int64_t *sizes, size_t ndim);
/* The data of an output or an input that may be absent. */
static inline void *tni_norm_data(const tn_tensor *x) { return x ? x->a.data : NULL; }
/* Input i, row-major with the dtype; *data is NULL for an absent one. */
bool tni_norm_in(tni_call *c, size_t i, tn_dtype dtype, const void **data);
/* Parameters and statistics have x's dtype, which is a floating point one; `kernel` is PyTorch's name for the message. */
bool tni_norm_check_dtypes(tni_call *c, const char *kernel);
#endif
