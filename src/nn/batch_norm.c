/* nn/batch_norm.c - torch.nn.BatchNorm1d to 3d and InstanceNorm1d to 3d, and their lazy classes. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>

#ifdef TN_HEADER
/** torch.nn.BatchNorm1d: x (N, C) or (N, C, L); BatchNorm2d: (N, C, H, W); BatchNorm3d: (N, C, D, H, W). InstanceNorm1d: (N, C, L) or
 *  (C, L), and so on. The result has x's shape. Training moves the running statistics. */
typedef struct tn_nn_batch_norm {
    tn_module module;
    tn_tensor *weight, *bias;                                    /* (C), or NULL */
    tn_tensor *running_mean, *running_var, *num_batches_tracked; /* buffers (C), (C), (), or NULL */
    int64_t num_features;
    double eps, momentum; /* momentum: NaN is None, the mean of all batches */
    bool affine, track_running_stats;
} tn_nn_batch_norm;
typedef tn_nn_batch_norm tn_nn_batch_norm1d, tn_nn_batch_norm2d, tn_nn_batch_norm3d, tn_nn_instance_norm1d, tn_nn_instance_norm2d,
    tn_nn_instance_norm3d;
typedef struct tn_nn_batch_norm_opts {
    size_t size;
    double eps, momentum;             /* 1e-5, 0.1 */
    bool affine, track_running_stats; /* true, true; of InstanceNorm false, false */
    struct tn_keywords_only *keywords_only;
    bool bias;      /* true */
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_batch_norm_opts;
#ifndef __cplusplus
#define TN_NN_BATCH_NORM(function, yes, ...)                                                                                       \
    TN_WITH(tn_nn_batch_norm_opts,                                                                                                 \
            (.eps = 1e-5, .momentum = 0.1, .affine = yes, .track_running_stats = yes, .bias = true, .dtype = TN_DTYPE_NONE,        \
             .where = TN_HERE),                                                                                                    \
            function(TN_FIRST(__VA_ARGS__), &tn_o), TN_REST(__VA_ARGS__))
#define tn_nn_batch_norm1d(...) TN_NN_BATCH_NORM(tn_nn_batch_norm1d_new, true, __VA_ARGS__, )
#define tn_nn_batch_norm2d(...) TN_NN_BATCH_NORM(tn_nn_batch_norm2d_new, true, __VA_ARGS__, )
#define tn_nn_batch_norm3d(...) TN_NN_BATCH_NORM(tn_nn_batch_norm3d_new, true, __VA_ARGS__, )
#define tn_nn_instance_norm1d(...) TN_NN_BATCH_NORM(tn_nn_instance_norm1d_new, false, __VA_ARGS__, )
#define tn_nn_instance_norm2d(...) TN_NN_BATCH_NORM(tn_nn_instance_norm2d_new, false, __VA_ARGS__, )
#define tn_nn_instance_norm3d(...) TN_NN_BATCH_NORM(tn_nn_instance_norm3d_new, false, __VA_ARGS__, )
#define TN_NN_LAZY_NORM(function, ...)                                                                                             \
    TN_WITH(tn_nn_batch_norm_opts,                                                                                                 \
            (.eps = 1e-5, .momentum = 0.1, .affine = true, .track_running_stats = true, .bias = true, .dtype = TN_DTYPE_NONE,      \
             .where = TN_HERE),                                                                                                    \
            function(&tn_o), __VA_ARGS__)
#define tn_nn_lazy_batch_norm1d(...) TN_NN_LAZY_NORM(tn_nn_lazy_batch_norm1d_new, __VA_ARGS__)
#define tn_nn_lazy_batch_norm2d(...) TN_NN_LAZY_NORM(tn_nn_lazy_batch_norm2d_new, __VA_ARGS__)
#define tn_nn_lazy_batch_norm3d(...) TN_NN_LAZY_NORM(tn_nn_lazy_batch_norm3d_new, __VA_ARGS__)
#define tn_nn_lazy_instance_norm1d(...) TN_NN_LAZY_NORM(tn_nn_lazy_instance_norm1d_new, __VA_ARGS__)
#define tn_nn_lazy_instance_norm2d(...) TN_NN_LAZY_NORM(tn_nn_lazy_instance_norm2d_new, __VA_ARGS__)
#define tn_nn_lazy_instance_norm3d(...) TN_NN_LAZY_NORM(tn_nn_lazy_instance_norm3d_new, __VA_ARGS__)
#endif
#endif

static bool check_dims(tn_tensor *x, int64_t one, int64_t other) {
    int64_t ndim = tn_ndim(x);
    if (tn_error()) return false;
    if (ndim == one || ndim == other) return true;
    if (one == other) return tn_raise(TN_ERR_VALUE, "expected %lldD input (got %lldD input)", (long long)one, (long long)ndim);
    return tn_raise(TN_ERR_VALUE, "expected %lldD or %lldD input (got %lldD input)", (long long)one, (long long)other,
                    (long long)ndim);
}

/* A batch was seen: counted once the call has worked. */
static tn_tensor *counted(tn_nn_batch_norm *self, tn_tensor *y) {
    TN_NO_GRAD;
    bool counts = tn_is_training(self) && self->track_running_stats && self->num_batches_tracked;
    return y && counts && !tn_add_(self->num_batches_tracked, 1) ? NULL : y;
}

static tn_tensor *batch_norm(tn_nn_batch_norm *self, tn_tensor *x) {
    bool training = tn_is_training(self), used = !training || self->track_running_stats;
    tn_batch_norm_opts opts = {.size = sizeof opts, .weight = self->weight, .bias = self->bias, .eps = self->eps};
    opts.training = training || (!self->running_mean && !self->running_var);
    opts.momentum = isnan(self->momentum) ? 0 : self->momentum;
    if (training && self->track_running_stats && self->num_batches_tracked && isnan(self->momentum))
        opts.momentum = tn_is_meta(self->num_batches_tracked) ? 1 : 1 / (double)(tn_item_int(self->num_batches_tracked) + 1);
    return counted(self, (tn_batch_norm)(x, used ? self->running_mean : NULL, used ? self->running_var : NULL, &opts));
}

static tn_tensor *batch_norm1d_forward(tn_nn_batch_norm1d *self, tn_tensor *x) {
    return check_dims(x, 2, 3) ? batch_norm(self, x) : NULL;
}
static tn_tensor *batch_norm2d_forward(tn_nn_batch_norm2d *self, tn_tensor *x) {
    return check_dims(x, 4, 4) ? batch_norm(self, x) : NULL;
}
static tn_tensor *batch_norm3d_forward(tn_nn_batch_norm3d *self, tn_tensor *x) {
    return check_dims(x, 5, 5) ? batch_norm(self, x) : NULL;
}

/* dims: of an input without a batch. */
static tn_tensor *instance_norm(tn_nn_batch_norm *self, tn_tensor *x, int64_t dims) {
    if (!check_dims(x, dims, dims + 1)) return NULL;
    bool single = tn_ndim(x) == dims;
    int64_t at = tn_ndim(x) - dims, features = tn_size(x, at);
    if (self->affine && features != self->num_features)
        return (void)tn_raise(TN_ERR_VALUE, "expected input's size at dim=%lld to match num_features (%lld), but got: %lld.",
                              (long long)at, (long long)self->num_features, (long long)features),
               NULL;
    tn_instance_norm_opts opts = {.size = sizeof opts,
                                  .running_mean = self->running_mean,
                                  .running_var = self->running_var,
                                  .weight = self->weight,
                                  .bias = self->bias,
                                  .use_input_stats = tn_is_training(self) || !self->track_running_stats,
                                  .momentum = isnan(self->momentum) ? 0 : self->momentum,
                                  .eps = self->eps};
    tn_tensor *y = (tn_instance_norm)(single ? tn_unsqueeze(x, 0) : x, &opts);
    return single && y ? tn_squeeze(y, 0) : y;
}
static tn_tensor *instance_norm1d_forward(tn_nn_instance_norm1d *self, tn_tensor *x) { return instance_norm(self, x, 2); }
static tn_tensor *instance_norm2d_forward(tn_nn_instance_norm2d *self, tn_tensor *x) { return instance_norm(self, x, 3); }
static tn_tensor *instance_norm3d_forward(tn_nn_instance_norm3d *self, tn_tensor *x) { return instance_norm(self, x, 4); }

static int repr(tn_module *m, char *out, size_t room) {
    tn_nn_batch_norm *self = (tn_nn_batch_norm *)m;
    char eps[40], momentum[40];
    tni_layer_number(eps, sizeof eps, self->eps);
    tni_layer_number(momentum, sizeof momentum, self->momentum);
    return snprintf(out, room, "%lld, eps=%s, momentum=%s, affine=%s, bias=%s, track_running_stats=%s",
                    (long long)self->num_features, eps, momentum, self->affine ? "True" : "False", self->bias ? "True" : "False",
                    self->track_running_stats ? "True" : "False");
}

/* States before version 2 do not have num_batches_tracked. */
static bool upgrade(tn_module *m, tn_state *state, const char *prefix, int64_t version) {
    tn_nn_batch_norm *self = (tn_nn_batch_norm *)m;
    char name[512];
    if (version >= 2 || !self->track_running_stats || !self->num_batches_tracked) return true;
    if (snprintf(name, sizeof name, "%snum_batches_tracked", prefix) >= (int)sizeof name)
        return tn_raise(TN_ERR_VALUE, "a name of a state longer than %zu bytes", sizeof name);
    return tn_state_has(state, name) || tn_state_set(state, name, self->num_batches_tracked);
}

#define NORM_CLASS(type, forward_, printed_)                                                                                       \
    TN_CLASS_WITH(type, forward_, (weight, bias, running_mean, running_var, num_batches_tracked), .printed = printed_,             \
                  .extra_repr = repr, .version = 2, .upgrade_state = upgrade)
NORM_CLASS(tn_nn_batch_norm1d, batch_norm1d_forward, "BatchNorm1d");
NORM_CLASS(tn_nn_batch_norm2d, batch_norm2d_forward, "BatchNorm2d");
NORM_CLASS(tn_nn_batch_norm3d, batch_norm3d_forward, "BatchNorm3d");
NORM_CLASS(tn_nn_instance_norm1d, instance_norm1d_forward, "InstanceNorm1d");
NORM_CLASS(tn_nn_instance_norm2d, instance_norm2d_forward, "InstanceNorm2d");
NORM_CLASS(tn_nn_instance_norm3d, instance_norm3d_forward, "InstanceNorm3d");

static bool make_buffers(tn_nn_batch_norm *self, tn_dtype dtype) {
    TN_SCOPE;
    tn_opts opts = {.size = sizeof opts, .dtype = dtype}, whole = {.size = sizeof whole, .dtype = TN_INT64};
    self->running_mean = tn_buffer((tn_zeros)(&self->num_features, 1, &opts));
    self->running_var = tn_buffer((tn_ones)(&self->num_features, 1, &opts));
    self->num_batches_tracked = tn_buffer((tn_zeros)(NULL, 0, &whole));
    return !tn_error();
}

static tn_nn_batch_norm *make(tn_nn_batch_norm *self, int64_t num_features, bool yes, const tn_nn_batch_norm_opts *opts) {
    const tn_nn_batch_norm_opts usual = {.eps = 1e-5, .momentum = 0.1, .affine = yes, .track_running_stats = yes, .bias = true},
                                *o = opts ? opts : &usual;
    if (!self) return NULL;
    self->num_features = num_features;
    self->eps = o->eps;
    self->momentum = o->momentum;
    self->affine = o->affine;
    self->track_running_stats = o->track_running_stats;
    tn_dtype dtype = opts ? opts->dtype : TN_DTYPE_NONE;
    (void)(tni_layer_affine(&num_features, 1, o->affine, o->affine && o->bias, dtype, o->where, &self->weight, &self->bias) &&
           (!o->track_running_stats || make_buffers(self, dtype)));
    return self; /* also when the parameters failed: the error is set, and `layer->weight = ...` never meets NULL */
}

/** weight is 1, bias 0, running_mean 0, running_var 1. momentum NaN: None. [scope] */
TN_API tn_nn_batch_norm1d *tn_nn_batch_norm1d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_batch_norm1d), num_features, true, opts);
}
/** As tn_nn_batch_norm1d_new. [scope] */
TN_API tn_nn_batch_norm2d *tn_nn_batch_norm2d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_batch_norm2d), num_features, true, opts);
}
/** As tn_nn_batch_norm1d_new. [scope] */
TN_API tn_nn_batch_norm3d *tn_nn_batch_norm3d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_batch_norm3d), num_features, true, opts);
}
/** Without parameters and running statistics unless .affine and .track_running_stats ask for them. [scope] */
TN_API tn_nn_instance_norm1d *tn_nn_instance_norm1d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_instance_norm1d), num_features, false, opts);
}
/** As tn_nn_instance_norm1d_new. [scope] */
TN_API tn_nn_instance_norm2d *tn_nn_instance_norm2d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_instance_norm2d), num_features, false, opts);
}
/** As tn_nn_instance_norm1d_new. [scope] */
TN_API tn_nn_instance_norm3d *tn_nn_instance_norm3d_new(int64_t num_features, const tn_nn_batch_norm_opts *opts) {
    return make(tn_new(tn_nn_instance_norm3d), num_features, false, opts);
}

/* ---- lazy ones: the first call learns the number of features, and makes the layer what it stands for ---- */

/* A member that waits for its size gets it, with one value all over. */
static bool fill_lazy(tn_tensor *x, int64_t features, bool ones) {
    if (!x || !tn_is_lazy(x)) return true;
    const tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(x), .device = tn_device(x)};
    return tn_set_data(x, ones ? (tn_ones)(&features, 1, &opts) : (tn_zeros)(&features, 1, &opts));
}

/* What has a size already, as after loading a state, keeps it. Without any such member nothing is learned, as in torch. */
static bool learn(tn_nn_batch_norm *self, int64_t features) {
    TN_SCOPE;
    if (!fill_lazy(self->weight, features, true) || !fill_lazy(self->bias, features, false) ||
        !fill_lazy(self->running_mean, features, false) || !fill_lazy(self->running_var, features, true))
        return false;
    tn_tensor *sized = self->weight ? self->weight : self->running_mean;
    if (sized) self->num_features = tn_size(sized, 0);
    return tn_error() == TN_OK;
}

/* one, other: dims of the input; the features lie before the last `after` ones. */
static tn_tensor *lazy_forward(tn_nn_batch_norm *self, tn_tensor *x, int64_t one, int64_t other, int64_t after,
                               const tn_class *class_) {
    if (!check_dims(x, one, other)) return NULL;
    int64_t ndim = tn_ndim(x), at = after ? ndim - after - 1 : 1;
    if (!learn(self, tn_size(x, at)) || !tn_module_become(self, class_)) return NULL;
    tn_tensor *y = NULL;
    return class_->forward(&self->module, &x, 1, &y, 1) ? y : NULL;
}

#define LAZY_CLASS(name, printed_, one, other, after)                                                                              \
    typedef tn_nn_batch_norm tn_nn_lazy_##name;                                                                                    \
    static tn_tensor *lazy_##name##_forward(tn_nn_lazy_##name *self, tn_tensor *x) {                                               \
        return lazy_forward(self, x, one, other, after, &tn_nn_##name##_class);                                                    \
    }                                                                                                                              \
    NORM_CLASS(tn_nn_lazy_##name, lazy_##name##_forward, printed_)
LAZY_CLASS(batch_norm1d, "LazyBatchNorm1d", 2, 3, 0);
LAZY_CLASS(batch_norm2d, "LazyBatchNorm2d", 4, 4, 0);
LAZY_CLASS(batch_norm3d, "LazyBatchNorm3d", 5, 5, 0);
LAZY_CLASS(instance_norm1d, "LazyInstanceNorm1d", 2, 3, 1);
LAZY_CLASS(instance_norm2d, "LazyInstanceNorm2d", 3, 4, 2);
LAZY_CLASS(instance_norm3d, "LazyInstanceNorm3d", 4, 5, 3);

static tn_nn_batch_norm *make_lazy(tn_nn_batch_norm *self, const tn_nn_batch_norm_opts *opts) {
    TN_SCOPE;
    if (!self) return NULL;
    self->eps = opts ? opts->eps : 1e-5;
    self->momentum = opts ? opts->momentum : 0.1;
    self->affine = !opts || opts->affine;
    self->track_running_stats = !opts || opts->track_running_stats;
    tn_dtype dtype = opts ? opts->dtype : TN_DTYPE_NONE;
    if (self->affine) tni_layer_lazy_weights(!opts || opts->bias, dtype, &self->weight, &self->bias);
    if (!self->track_running_stats) return self;
    const tn_opts whole = {.size = sizeof whole, .dtype = TN_INT64};
    self->running_mean = tn_uninitialized_buffer(.dtype = dtype);
    self->running_var = tn_uninitialized_buffer(.dtype = dtype);
    self->num_batches_tracked = tn_buffer((tn_zeros)(NULL, 0, &whole));
    return self;
}

/** torch.nn.LazyBatchNorm1d: its number of features is that of the first call's; then it is a BatchNorm1d. [scope] */
TN_API tn_nn_batch_norm1d *tn_nn_lazy_batch_norm1d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_batch_norm1d), opts);
}
/** torch.nn.LazyBatchNorm2d: as tn_nn_lazy_batch_norm1d_new. [scope] */
TN_API tn_nn_batch_norm2d *tn_nn_lazy_batch_norm2d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_batch_norm2d), opts);
}
/** torch.nn.LazyBatchNorm3d: as tn_nn_lazy_batch_norm1d_new. [scope] */
TN_API tn_nn_batch_norm3d *tn_nn_lazy_batch_norm3d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_batch_norm3d), opts);
}
/** torch.nn.LazyInstanceNorm1d: as tn_nn_lazy_batch_norm1d_new, and then an InstanceNorm1d. Unlike that one it has parameters and
 *  running statistics unless .affine and .track_running_stats refuse them. [scope] */
TN_API tn_nn_instance_norm1d *tn_nn_lazy_instance_norm1d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_instance_norm1d), opts);
}
/** torch.nn.LazyInstanceNorm2d: as tn_nn_lazy_instance_norm1d_new. [scope] */
TN_API tn_nn_instance_norm2d *tn_nn_lazy_instance_norm2d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_instance_norm2d), opts);
}
/** torch.nn.LazyInstanceNorm3d: as tn_nn_lazy_instance_norm1d_new. [scope] */
TN_API tn_nn_instance_norm3d *tn_nn_lazy_instance_norm3d_new(const tn_nn_batch_norm_opts *opts) {
    return make_lazy(tn_new(tn_nn_lazy_instance_norm3d), opts);
}
