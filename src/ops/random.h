/* ops/random.h - what the operators that draw random numbers share. */
#ifndef TNI_OPS_RANDOM_H
#define TNI_OPS_RANDOM_H
#include "core/tensor.h"

/* A distribution; a and b are its parameters in torch's order. */
typedef struct tni_sampler {
    enum { TNI_UNIFORM, TNI_NORMAL, TNI_EXPONENTIAL, TNI_BERNOULLI, TNI_FULL_RANGE, TNI_INTEGERS } kind;
    double a, b;
    int64_t lo, hi;
} tni_sampler;

/* Fills an array whose elements do not overlap, in the order of its memory. The parameters are checked before anything is drawn. */
bool tni_sample(tni_thread *t, const char *who, const tni_array *a, const tni_sampler *sampler);
#endif
