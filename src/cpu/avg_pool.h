/* cpu/avg_pool.h - average pooling of raw contiguous planes, forward and backward. */
#ifndef TNI_AVG_POOL_H
#define TNI_AVG_POOL_H
#include "cpu/pool2d.h"

/* x is [planes, h, w], y [planes, oh, ow], of float or double by `wide`. `window` is as for max pooling, with dilations of 1, and
 * tni_pool2d_shape sets its oh and ow; with `adaptive`, output i of size o over an input of size s is the mean of the elements
 * floor(i s / o) to ceil((i + 1) s / o), and only planes, h, w, oh and ow are read. One-dimensional: h = kh = stride_h = 1. */
typedef struct tni_avg_pool2d {
    tni_pool2d window;
    bool wide, adaptive;
    bool count_include_pad; /* the divisor counts the padding too (but nothing behind it) */
    int64_t divisor;        /* 0: none given */
} tni_avg_pool2d;

/* y and dx are written whole. Shared among threads by planes. */
void tni_avg_pool2d_forward(const tni_avg_pool2d *g, const void *x, void *y);
void tni_avg_pool2d_backward(const tni_avg_pool2d *g, const void *dy, void *dx);
#endif
