/* ops/optim_steps.h - the update of one parameter by one optimizer step, in one pass over its memory. */
#ifndef TNI_OPTIM_STEPS_H
#define TNI_OPTIM_STEPS_H
#include "core/op.h"

/* All tensors of a call have one floating dtype, one shape and the same dense strides; none overlaps another. Numbers are
 * doubles, cast to the dtype where they meet a tensor. The caller has switched recording off. false: an error is set and
 * nothing was written. */

typedef struct tni_sgd_numbers {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
    bool first; /* the buffer is filled with the gradient */
} tni_sgd_numbers;
/* buffer may be NULL: no momentum */
bool tni_sgd_step(tn_tensor *p, tn_tensor *grad, tn_tensor *buffer, const tni_sgd_numbers *n);

typedef struct tni_adam_numbers {
    double beta1, beta2, eps;
    double l2;        /* Adam: added to the gradient times p */
    double shrink;    /* AdamW: 1 - lr * weight_decay, a factor of p; else 1 */
    double step_size; /* lr / (1 - beta1^t) */
    double root;      /* sqrt(1 - beta2^t) */
    bool maximize;
} tni_adam_numbers;
/* largest may be NULL: no amsgrad */
bool tni_adam_step(tn_tensor *p, tn_tensor *grad, tn_tensor *average, tn_tensor *square, tn_tensor *largest,
                   const tni_adam_numbers *n);
#endif
