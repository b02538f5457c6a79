/* cpu/conv.h - two-dimensional convolution of raw contiguous NCHW arrays, forward and backward. */
#ifndef TNI_CONV_H
#define TNI_CONV_H
#include "base/base.h"

/* x is [n, c, h, w], the weight [k, c / groups, kh, kw], y [n, k, oh, ow]; elements are float or double by `wide`. One-dimensional
 * convolution is h = kh = 1. Strides and dilations are at least 1, paddings at least 0, c and k multiples of groups. */
typedef struct tni_conv2d {
    bool wide;
    int64_t n, c, h, w, k, kh, kw;
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t groups;
    int64_t oh, ow; /* set by tni_conv2d_shape */
} tni_conv2d;

/* Sets oh and ow; false (no error raised) when the kernel is larger than the padded input. */
bool tni_conv2d_shape(tni_conv2d *g);

/* Each writes its outputs whole. False: no memory for scratch. The bits do not depend on the number of threads.
 * bias may be NULL; so may one of dw and db, which is then not computed. */
bool tni_conv2d_forward(const tni_conv2d *g, const void *x, const void *weight, const void *bias, void *y);
bool tni_conv2d_backward_x(const tni_conv2d *g, const void *weight, const void *dy, void *dx);
bool tni_conv2d_backward_w(const tni_conv2d *g, const void *x, const void *dy, void *dw, void *db);
#endif
