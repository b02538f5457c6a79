/* cpu/pool2d.h - two-dimensional max pooling of raw contiguous planes, forward and backward. */
#ifndef TNI_POOL2D_H
#define TNI_POOL2D_H
#include "base/base.h"

/* x is [planes, h, w], y [planes, oh, ow]. Kernel, strides and dilations are at least 1; a padding is at most half the kernel. */
typedef struct tni_pool2d {
    int64_t planes, h, w, kh, kw;
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    bool ceil_mode;
    int64_t oh, ow; /* set by tni_pool2d_shape */
} tni_pool2d;

/* Sets oh and ow as torch does; false (no error raised) when one of them would be less than 1. */
bool tni_pool2d_shape(tni_pool2d *g);

/* The largest value of each window and its place in the plane (iy * w + ix). Of equal ones the first wins; a NaN wins over every
 * number, the last of several NaN. f32, f64, i64, i32 and u8; another dtype fails with TN_ERR_NOT_IMPLEMENTED. */
bool tni_max_pool2d(const tni_pool2d *g, tn_dtype dtype, const void *x, void *y, int64_t *indices);
/* dx, written whole: dy added at its index. f32 and f64. An index outside the plane is passed over. */
bool tni_max_pool2d_backward(const tni_pool2d *g, tn_dtype dtype, const void *dy, const int64_t *indices, void *dx);
#endif
