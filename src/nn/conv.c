/* nn/conv.c - torch.nn.Conv2d. */
#include "nn/layer.h"
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.Conv2d: x (N, in, H, W) -> (N, out, oh, ow). */
typedef struct tn_nn_conv2d {
    tn_module module;
    tn_tensor *weight; /* (out, in / groups, kh, kw) */
    tn_tensor *bias;   /* (out) or NULL */
    int64_t in_channels, out_channels, kernel_size[2], stride[2], padding[2], dilation[2], groups;
} tn_nn_conv2d;
typedef struct tn_nn_conv2d_opts {
    size_t size;
    int64_t stride, padding, dilation, groups; /* 1, 0, 1, 1 */
    bool bias;                                 /* true */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype;                                      /* the default dtype */
    int64_t stride_hw[2], padding_hw[2], dilation_hw[2]; /* {h, w} apart; {0, 0}: not given */
    const char *where;
} tn_nn_conv2d_opts;
#ifndef __cplusplus
#define tn_nn_lazy_conv2d(out, ...)                                                                                                \
    TN_WITH(tn_nn_conv2d_opts, (.stride = 1, .dilation = 1, .groups = 1, .bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),  \
            tn_nn_lazy_conv2d_new(out, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_conv2d(in, out, ...)                                                                                                 \
    TN_WITH(tn_nn_conv2d_opts, (.stride = 1, .dilation = 1, .groups = 1, .bias = true, .dtype = TN_DTYPE_NONE, .where = TN_HERE),  \
            tn_nn_conv2d_new(in, out, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *conv2d_forward(tn_nn_conv2d *self, tn_tensor *x) {
    tn_conv2d_opts opts = {.size = sizeof opts,
                           .stride_hw = {self->stride[0], self->stride[1]},
                           .padding_hw = {self->padding[0], self->padding[1]},
                           .dilation_hw = {self->dilation[0], self->dilation[1]},
                           .groups = self->groups};
    return (tn_conv2d)(x, self->weight, self->bias, &opts);
}

/* What differs from the default is shown, stride always. */
static int conv2d_repr(tn_module *m, char *out, size_t room) {
    tn_nn_conv2d *self = (tn_nn_conv2d *)m;
    char padding[64] = "", dilation[64] = "", groups[40] = "";
    if (self->padding[0] || self->padding[1])
        snprintf(padding, sizeof padding, ", padding=(%lld, %lld)", (long long)self->padding[0], (long long)self->padding[1]);
    if (self->dilation[0] != 1 || self->dilation[1] != 1)
        snprintf(dilation, sizeof dilation, ", dilation=(%lld, %lld)", (long long)self->dilation[0], (long long)self->dilation[1]);
    if (self->groups != 1) snprintf(groups, sizeof groups, ", groups=%lld", (long long)self->groups);
    return snprintf(out, room, "%lld, %lld, kernel_size=(%lld, %lld), stride=(%lld, %lld)%s%s%s%s", (long long)self->in_channels,
                    (long long)self->out_channels, (long long)self->kernel_size[0], (long long)self->kernel_size[1],
                    (long long)self->stride[0], (long long)self->stride[1], padding, dilation, groups,
                    self->bias ? "" : ", bias=False");
}

TN_CLASS_WITH(tn_nn_conv2d, conv2d_forward, (weight, bias), .printed = "Conv2d", .extra_repr = conv2d_repr);

static bool check(int64_t in, int64_t out, const int64_t *kernel, size_t nkernel, int64_t groups) {
    if (groups <= 0) return tn_raise(TN_ERR_VALUE, "groups must be a positive integer");
    if (in % groups != 0) return tn_raise(TN_ERR_VALUE, "in_channels must be divisible by groups");
    if (out % groups != 0) return tn_raise(TN_ERR_VALUE, "out_channels must be divisible by groups");
    if (!kernel || nkernel < 1 || nkernel > 2)
        return tn_raise(TN_ERR_VALUE, "Conv2d: kernel_size must be an int or a tuple of two ints");
    return true;
}

static void set_up(tn_nn_conv2d *self, int64_t in, int64_t out, const int64_t *kernel, size_t nkernel,
                   const tn_nn_conv2d_opts *opts) {
    self->in_channels = in;
    self->out_channels = out;
    self->groups = opts ? opts->groups : 1;
    self->kernel_size[0] = kernel[0];
    self->kernel_size[1] = kernel[nkernel - 1];
    tni_layer_pair(self->stride, opts ? opts->stride : 1, opts ? opts->stride_hw : NULL);
    tni_layer_pair(self->padding, opts ? opts->padding : 0, opts ? opts->padding_hw : NULL);
    tni_layer_pair(self->dilation, opts ? opts->dilation : 1, opts ? opts->dilation_hw : NULL);
}

/** A convolution with PyTorch's initial weights. kernel: an int or {kh, kw}. TN_ERR_VALUE when groups does not divide the channels. [scope] */
TN_API tn_nn_conv2d *tn_nn_conv2d_new(int64_t in, int64_t out, const int64_t *kernel, size_t nkernel,
                                      const tn_nn_conv2d_opts *opts) {
    tn_nn_conv2d *self = tn_new(tn_nn_conv2d);
    int64_t groups = opts ? opts->groups : 1;
    if (!self || !check(in, out, kernel, nkernel, groups)) return NULL;
    set_up(self, in, out, kernel, nkernel, opts);
    const int64_t sizes[] = {out, in / groups, self->kernel_size[0], self->kernel_size[1]};
    (void)tni_layer_weights(sizes, 4, !opts || opts->bias, opts ? opts->dtype : TN_DTYPE_NONE, opts ? opts->where : NULL,
                            &self->weight, &self->bias);
    return self; /* also when the weights failed: the error is set, and `layer->weight = ...` never meets NULL */
}

/* The first call learns the number of channels, and makes the layer a Conv2d; it stays the same object. */
static tn_tensor *lazy_conv2d_forward(tn_nn_conv2d *self, tn_tensor *x) {
    int64_t n = tn_ndim(x);
    if (tn_error() != TN_OK) return NULL;
    if (n != 3 && n != 4)
        return (void)tn_raise(TN_ERR_RUNTIME,
                              "Expected 3D (unbatched) or 4D (batched) input to LazyConv2d, but got input of size: %s",
                              TNI_SIZE_TEXT(x)),
               NULL;
    int64_t in = tn_size(x, n - 3);
    if (in % self->groups != 0) return (void)tn_raise(TN_ERR_VALUE, "in_channels must be divisible by groups"), NULL;
    const int64_t sizes[] = {self->out_channels, in / self->groups, self->kernel_size[0], self->kernel_size[1]};
    if (!tni_layer_materialize(self->weight, self->bias, sizes, 4)) return NULL;
    self->in_channels = tn_size(self->weight, 1) * self->groups;
    return tn_module_become(self, &tn_nn_conv2d_class) ? conv2d_forward(self, x) : NULL;
}

typedef tn_nn_conv2d tn_nn_lazy_conv2d;
TN_CLASS_WITH(tn_nn_lazy_conv2d, lazy_conv2d_forward, (weight, bias), .printed = "LazyConv2d", .extra_repr = conv2d_repr);

/** torch.nn.LazyConv2d: its number of input channels is that of the first call's; then it is a Conv2d. [scope] */
TN_API tn_nn_conv2d *tn_nn_lazy_conv2d_new(int64_t out, const int64_t *kernel, size_t nkernel, const tn_nn_conv2d_opts *opts) {
    tn_nn_conv2d *self = tn_module_new(&tn_nn_lazy_conv2d_class);
    if (!self || !check(0, out, kernel, nkernel, opts ? opts->groups : 1)) return NULL;
    set_up(self, 0, out, kernel, nkernel, opts);
    tni_layer_lazy_weights(!opts || opts->bias, opts ? opts->dtype : TN_DTYPE_NONE, &self->weight, &self->bias);
    return self;
}
