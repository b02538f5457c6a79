/* nn/norms.h - what weight_norm and spectral_norm, old and new, compute with. */
#ifndef TNI_NN_NORMS_H
#define TNI_NN_NORMS_H
#include <tison/nn.h>

/* The norms over all dims but one, which stays with ones around it; a number for TN_NONE and -1. */
tn_tensor *tni_norm_except_dim(tn_tensor *v, int64_t dim);
/* x / max(|x|, eps) */
tn_tensor *tni_normalize(tn_tensor *x, double eps);
/* The rows of dim, flattened. */
tn_tensor *tni_norm_matrix(tn_tensor *w, int64_t dim);
bool tni_norm_check_dim(int64_t *dim, int64_t ndim);
#endif
