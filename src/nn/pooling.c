/* nn/pooling.c - torch.nn.MaxPool2d. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.MaxPool2d: x (N, C, H, W) -> (N, C, oh, ow). */
typedef struct tn_nn_max_pool2d {
    tn_module module;
    int64_t kernel_size[2], stride[2], padding[2], dilation[2];
    bool ceil_mode, square; /* square: given as single ints, and printed so */
} tn_nn_max_pool2d;
#ifndef __cplusplus
#define tn_nn_max_pool2d(...)                                                                                                      \
    TN_WITH(tn_max_pool2d_opts, (.stride = TN_NONE, .dilation = 1), tn_nn_max_pool2d_new(TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *max_pool2d_forward(tn_nn_max_pool2d *self, tn_tensor *x) {
    tn_max_pool2d_opts opts = {.size = sizeof opts,
                               .stride_hw = {self->stride[0], self->stride[1]},
                               .padding_hw = {self->padding[0], self->padding[1]},
                               .dilation_hw = {self->dilation[0], self->dilation[1]},
                               .ceil_mode = self->ceil_mode};
    return (tn_max_pool2d)(x, self->kernel_size, 2, &opts);
}

static int pair_text(char *out, size_t room, const int64_t *v, bool square) {
    return square ? snprintf(out, room, "%lld", (long long)v[0])
                  : snprintf(out, room, "(%lld, %lld)", (long long)v[0], (long long)v[1]);
}

static int max_pool2d_repr(tn_module *m, char *out, size_t room) {
    tn_nn_max_pool2d *self = (tn_nn_max_pool2d *)m;
    char kernel[48], stride[48], padding[48], dilation[48];
    pair_text(kernel, sizeof kernel, self->kernel_size, self->square);
    pair_text(stride, sizeof stride, self->stride, self->square || self->stride[0] == self->stride[1]);
    pair_text(padding, sizeof padding, self->padding, self->padding[0] == self->padding[1]);
    pair_text(dilation, sizeof dilation, self->dilation, self->dilation[0] == self->dilation[1]);
    return snprintf(out, room, "kernel_size=%s, stride=%s, padding=%s, dilation=%s, ceil_mode=%s", kernel, stride, padding,
                    dilation, self->ceil_mode ? "True" : "False");
}

TN_CLASS_WITH(tn_nn_max_pool2d, max_pool2d_forward, (TN_NO_FIELDS), .printed = "MaxPool2d", .extra_repr = max_pool2d_repr);

/** kernel: an int or {kh, kw}; stride: the kernel's size unless given. [scope] */
TN_API tn_nn_max_pool2d *tn_nn_max_pool2d_new(const int64_t *kernel, size_t nkernel, const tn_max_pool2d_opts *opts) {
    tn_nn_max_pool2d *self = tn_new(tn_nn_max_pool2d);
    if (!self) return NULL;
    if (!kernel || nkernel < 1 || nkernel > 2)
        return (void)tn_raise(TN_ERR_VALUE, "MaxPool2d: kernel_size must be an int or a tuple of two ints"), NULL;
    self->kernel_size[0] = kernel[0];
    self->kernel_size[1] = kernel[nkernel - 1];
    self->square = nkernel == 1;
    int64_t stride = opts ? opts->stride : TN_NONE;
    tni_layer_pair(self->stride, stride == TN_NONE ? kernel[0] : stride, opts ? opts->stride_hw : NULL);
    if (stride == TN_NONE && !(opts && (opts->stride_hw[0] || opts->stride_hw[1]))) self->stride[1] = kernel[nkernel - 1];
    tni_layer_pair(self->padding, opts ? opts->padding : 0, opts ? opts->padding_hw : NULL);
    tni_layer_pair(self->dilation, opts ? opts->dilation : 1, opts ? opts->dilation_hw : NULL);
    self->ceil_mode = opts && opts->ceil_mode;
    return self;
}
