/* nn/avg_pool.c - torch.nn.AvgPool2d, AdaptiveAvgPool2d. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.AvgPool2d: x (N, C, H, W) or (C, H, W) -> (N, C, oh, ow). */
typedef struct tn_nn_avg_pool2d {
    tn_module module;
    int64_t kernel_size[2], stride[2], padding[2], divisor_override; /* TN_NONE: none */
    bool ceil_mode, count_include_pad, square;                       /* square: the kernel was given as one int */
} tn_nn_avg_pool2d;
/** torch.nn.AdaptiveAvgPool2d: x (N, C, H, W) or (C, H, W) -> (N, C, oh, ow). */
typedef struct tn_nn_adaptive_avg_pool2d {
    tn_module module;
    int64_t output_size[2]; /* TN_NONE: the input's */
    bool square;            /* given as one int */
} tn_nn_adaptive_avg_pool2d;
#ifndef __cplusplus
#define tn_nn_avg_pool2d(...)                                                                                                      \
    TN_WITH(tn_avg_pool2d_opts, (.stride = TN_NONE, .count_include_pad = true, .divisor_override = TN_NONE),                       \
            tn_nn_avg_pool2d_new(TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_adaptive_avg_pool2d(output_size) tn_nn_adaptive_avg_pool2d_new(TN_DIMS(output_size))
#endif
#endif

static tn_tensor *avg_pool2d_forward(tn_nn_avg_pool2d *self, tn_tensor *x) {
    tn_avg_pool2d_opts opts = {.size = sizeof opts,
                               .stride_hw = {self->stride[0], self->stride[1]},
                               .padding_hw = {self->padding[0], self->padding[1]},
                               .ceil_mode = self->ceil_mode,
                               .count_include_pad = self->count_include_pad,
                               .divisor_override = self->divisor_override};
    return (tn_avg_pool2d)(x, self->kernel_size, 2, &opts);
}

/* "2", or "(2, 3)" where they differ or were given apart; TN_NONE is None. */
static int pair_text(char *out, size_t room, const int64_t *v, bool square) {
    char one[2][24];
    for (int i = 0; i < 2; i++) snprintf(one[i], sizeof one[i], v[i] == TN_NONE ? "None" : "%lld", (long long)v[i]);
    return square ? snprintf(out, room, "%s", one[0]) : snprintf(out, room, "(%s, %s)", one[0], one[1]);
}

static int avg_pool2d_repr(tn_module *m, char *out, size_t room) {
    tn_nn_avg_pool2d *self = (tn_nn_avg_pool2d *)m;
    char kernel[56], stride[56], padding[56];
    pair_text(kernel, sizeof kernel, self->kernel_size, self->square);
    pair_text(stride, sizeof stride, self->stride, self->square || self->stride[0] == self->stride[1]);
    pair_text(padding, sizeof padding, self->padding, self->padding[0] == self->padding[1]);
    return snprintf(out, room, "kernel_size=%s, stride=%s, padding=%s", kernel, stride, padding);
}
TN_CLASS_WITH(tn_nn_avg_pool2d, avg_pool2d_forward, (TN_NO_FIELDS), .printed = "AvgPool2d", .extra_repr = avg_pool2d_repr);

/** kernel: an int or {kh, kw}; stride: the kernel's size unless given. [scope] */
TN_API tn_nn_avg_pool2d *tn_nn_avg_pool2d_new(const int64_t *kernel, size_t nkernel, const tn_avg_pool2d_opts *opts) {
    static const tn_avg_pool2d_opts usual = {.stride = TN_NONE, .count_include_pad = true, .divisor_override = TN_NONE};
    const tn_avg_pool2d_opts *o = opts ? opts : &usual;
    tn_nn_avg_pool2d *self = tn_new(tn_nn_avg_pool2d);
    if (!self) return NULL;
    if (!kernel || nkernel < 1 || nkernel > 2)
        return (void)tn_raise(TN_ERR_VALUE, "AvgPool2d: kernel_size must be an int or a tuple of two ints"), NULL;
    self->kernel_size[0] = kernel[0];
    self->kernel_size[1] = kernel[nkernel - 1];
    self->square = nkernel == 1;
    tni_layer_pair(self->stride, o->stride, o->stride_hw);
    for (int i = 0; i < 2; i++)
        if (self->stride[i] == TN_NONE) self->stride[i] = self->kernel_size[i];
    tni_layer_pair(self->padding, o->padding, o->padding_hw);
    self->ceil_mode = o->ceil_mode;
    self->count_include_pad = o->count_include_pad;
    self->divisor_override = o->divisor_override;
    return self;
}

static tn_tensor *adaptive_forward(tn_nn_adaptive_avg_pool2d *self, tn_tensor *x) {
    return (tn_adaptive_avg_pool2d)(x, self->output_size, 2);
}

static int adaptive_repr(tn_module *m, char *out, size_t room) {
    tn_nn_adaptive_avg_pool2d *self = (tn_nn_adaptive_avg_pool2d *)m;
    char size[56];
    pair_text(size, sizeof size, self->output_size, self->square);
    return snprintf(out, room, "output_size=%s", size);
}
TN_CLASS_WITH(tn_nn_adaptive_avg_pool2d, adaptive_forward, (TN_NO_FIELDS), .printed = "AdaptiveAvgPool2d",
              .extra_repr = adaptive_repr);

/** output_size: an int or {oh, ow}; TN_NONE keeps the input's. [scope] */
TN_API tn_nn_adaptive_avg_pool2d *tn_nn_adaptive_avg_pool2d_new(const int64_t *output_size, size_t n) {
    tn_nn_adaptive_avg_pool2d *self = tn_new(tn_nn_adaptive_avg_pool2d);
    if (!self) return NULL;
    if (!output_size || n < 1 || n > 2)
        return (void)tn_raise(TN_ERR_VALUE, "AdaptiveAvgPool2d: output_size must be an int or a tuple of two ints"), NULL;
    self->output_size[0] = output_size[0];
    self->output_size[1] = output_size[n - 1];
    self->square = n == 1;
    return self;
}
