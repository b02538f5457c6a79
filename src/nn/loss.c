/* nn/loss.c - the losses as modules: forward takes the input and the target. */
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.CrossEntropyLoss, NLLLoss, MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss, KLDivLoss. What a loss has
 *  no use for is 0 or NULL. The keywords are those of the function of the same name. */
typedef struct tn_nn_loss {
    tn_module module;
    tn_tensor *weight, *pos_weight; /* buffers, or NULL */
    tn_reduction reduction;
    int64_t ignore_index;
    double number; /* label_smoothing, beta or delta */
    bool log_target;
} tn_nn_loss;
typedef tn_nn_loss tn_nn_cross_entropy_loss, tn_nn_nll_loss, tn_nn_mse_loss, tn_nn_l1_loss, tn_nn_smooth_l1_loss, tn_nn_huber_loss,
    tn_nn_bce_loss, tn_nn_bce_with_logits_loss, tn_nn_kl_div_loss;
#ifndef __cplusplus
#define TN_NN_LOSS(opts_, function, defaults, ...) TN_WITH(opts_, defaults, function(&tn_o), __VA_ARGS__)
#define tn_nn_cross_entropy_loss(...)                                                                                              \
    TN_NN_LOSS(tn_cross_entropy_opts, tn_nn_cross_entropy_loss_new, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN),        \
               __VA_ARGS__)
#define tn_nn_nll_loss(...)                                                                                                        \
    TN_NN_LOSS(tn_nll_loss_opts, tn_nn_nll_loss_new, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN), __VA_ARGS__)
#define tn_nn_mse_loss(...) TN_NN_LOSS(tn_mse_loss_opts, tn_nn_mse_loss_new, (.reduction = TN_REDUCTION_MEAN), __VA_ARGS__)
#define tn_nn_l1_loss(...) TN_NN_LOSS(tn_l1_loss_opts, tn_nn_l1_loss_new, (.reduction = TN_REDUCTION_MEAN), __VA_ARGS__)
#define tn_nn_smooth_l1_loss(...)                                                                                                  \
    TN_NN_LOSS(tn_smooth_l1_loss_opts, tn_nn_smooth_l1_loss_new, (.reduction = TN_REDUCTION_MEAN, .beta = 1), __VA_ARGS__)
#define tn_nn_huber_loss(...)                                                                                                      \
    TN_NN_LOSS(tn_huber_loss_opts, tn_nn_huber_loss_new, (.reduction = TN_REDUCTION_MEAN, .delta = 1), __VA_ARGS__)
#define tn_nn_bce_loss(...)                                                                                                        \
    TN_NN_LOSS(tn_binary_cross_entropy_opts, tn_nn_bce_loss_new, (.reduction = TN_REDUCTION_MEAN), __VA_ARGS__)
#define tn_nn_bce_with_logits_loss(...)                                                                                            \
    TN_NN_LOSS(tn_binary_cross_entropy_with_logits_opts, tn_nn_bce_with_logits_loss_new, (.reduction = TN_REDUCTION_MEAN),         \
               __VA_ARGS__)
#define tn_nn_kl_div_loss(...) TN_NN_LOSS(tn_kl_div_opts, tn_nn_kl_div_loss_new, (.reduction = TN_REDUCTION_MEAN), __VA_ARGS__)
#endif
#endif

static tn_tensor *cross_entropy_forward(tn_nn_cross_entropy_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_cross_entropy(x, target, .weight = self->weight, .ignore_index = self->ignore_index, .reduction = self->reduction,
                            .label_smoothing = self->number);
}
static tn_tensor *nll_forward(tn_nn_nll_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_nll_loss(x, target, .weight = self->weight, .ignore_index = self->ignore_index, .reduction = self->reduction);
}
static tn_tensor *mse_forward(tn_nn_mse_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_mse_loss(x, target, .reduction = self->reduction);
}
static tn_tensor *l1_forward(tn_nn_l1_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_l1_loss(x, target, .reduction = self->reduction);
}
static tn_tensor *smooth_l1_forward(tn_nn_smooth_l1_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_smooth_l1_loss(x, target, .reduction = self->reduction, .beta = self->number);
}
static tn_tensor *huber_forward(tn_nn_huber_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_huber_loss(x, target, .reduction = self->reduction, .delta = self->number);
}
static tn_tensor *bce_forward(tn_nn_bce_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_binary_cross_entropy(x, target, .weight = self->weight, .reduction = self->reduction);
}
static tn_tensor *bce_with_logits_forward(tn_nn_bce_with_logits_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_binary_cross_entropy_with_logits(x, target, .weight = self->weight, .reduction = self->reduction,
                                               .pos_weight = self->pos_weight);
}
static tn_tensor *kl_div_forward(tn_nn_kl_div_loss *self, tn_tensor *x, tn_tensor *target) {
    return tn_kl_div(x, target, .reduction = self->reduction, .log_target = self->log_target);
}

TN_CLASS_WITH(tn_nn_cross_entropy_loss, cross_entropy_forward, (weight), .printed = "CrossEntropyLoss");
TN_CLASS_WITH(tn_nn_nll_loss, nll_forward, (weight), .printed = "NLLLoss");
TN_CLASS_WITH(tn_nn_mse_loss, mse_forward, (TN_NO_FIELDS), .printed = "MSELoss");
TN_CLASS_WITH(tn_nn_l1_loss, l1_forward, (TN_NO_FIELDS), .printed = "L1Loss");
TN_CLASS_WITH(tn_nn_smooth_l1_loss, smooth_l1_forward, (TN_NO_FIELDS), .printed = "SmoothL1Loss");
TN_CLASS_WITH(tn_nn_huber_loss, huber_forward, (TN_NO_FIELDS), .printed = "HuberLoss");
TN_CLASS_WITH(tn_nn_bce_loss, bce_forward, (weight), .printed = "BCELoss");
TN_CLASS_WITH(tn_nn_bce_with_logits_loss, bce_with_logits_forward, (weight, pos_weight), .printed = "BCEWithLogitsLoss");
TN_CLASS_WITH(tn_nn_kl_div_loss, kl_div_forward, (TN_NO_FIELDS), .printed = "KLDivLoss");

static tn_nn_loss *make(tn_nn_loss *self, tn_reduction reduction, tn_tensor *weight, tn_tensor *pos_weight) {
    TN_SCOPE;
    if (!self) return NULL;
    self->reduction = reduction;
    bool right = (!weight || tn_module_register_buffer(self, "weight", weight)) &&
                 (!pos_weight || tn_module_register_buffer(self, "pos_weight", pos_weight));
    return right ? self : NULL;
}
#define OR(field, other) (opts ? opts->field : (other))
#define REDUCTION OR(reduction, TN_REDUCTION_MEAN)

/** weight, one number for each class, becomes a buffer. [scope] */
TN_API tn_nn_cross_entropy_loss *tn_nn_cross_entropy_loss_new(const tn_cross_entropy_opts *opts) {
    tn_nn_loss *self = make(tn_new(tn_nn_cross_entropy_loss), REDUCTION, OR(weight, NULL), NULL);
    if (!self) return NULL;
    self->ignore_index = OR(ignore_index, -100);
    self->number = OR(label_smoothing, 0);
    return self;
}
/** weight, one number for each class, becomes a buffer. [scope] */
TN_API tn_nn_nll_loss *tn_nn_nll_loss_new(const tn_nll_loss_opts *opts) {
    tn_nn_loss *self = make(tn_new(tn_nn_nll_loss), REDUCTION, OR(weight, NULL), NULL);
    if (self) self->ignore_index = OR(ignore_index, -100);
    return self;
}
/** [scope] */
TN_API tn_nn_mse_loss *tn_nn_mse_loss_new(const tn_mse_loss_opts *opts) {
    return make(tn_new(tn_nn_mse_loss), REDUCTION, NULL, NULL);
}
/** [scope] */
TN_API tn_nn_l1_loss *tn_nn_l1_loss_new(const tn_l1_loss_opts *opts) { return make(tn_new(tn_nn_l1_loss), REDUCTION, NULL, NULL); }
/** [scope] */
TN_API tn_nn_smooth_l1_loss *tn_nn_smooth_l1_loss_new(const tn_smooth_l1_loss_opts *opts) {
    tn_nn_loss *self = make(tn_new(tn_nn_smooth_l1_loss), REDUCTION, NULL, NULL);
    if (self) self->number = OR(beta, 1);
    return self;
}
/** [scope] */
TN_API tn_nn_huber_loss *tn_nn_huber_loss_new(const tn_huber_loss_opts *opts) {
    tn_nn_loss *self = make(tn_new(tn_nn_huber_loss), REDUCTION, NULL, NULL);
    if (self) self->number = OR(delta, 1);
    return self;
}
/** weight becomes a buffer. [scope] */
TN_API tn_nn_bce_loss *tn_nn_bce_loss_new(const tn_binary_cross_entropy_opts *opts) {
    return make(tn_new(tn_nn_bce_loss), REDUCTION, OR(weight, NULL), NULL);
}
/** weight and pos_weight become buffers. [scope] */
TN_API tn_nn_bce_with_logits_loss *tn_nn_bce_with_logits_loss_new(const tn_binary_cross_entropy_with_logits_opts *opts) {
    return make(tn_new(tn_nn_bce_with_logits_loss), REDUCTION, OR(weight, NULL), OR(pos_weight, NULL));
}
/** [scope] */
TN_API tn_nn_kl_div_loss *tn_nn_kl_div_loss_new(const tn_kl_div_opts *opts) {
    tn_nn_loss *self = make(tn_new(tn_nn_kl_div_loss), REDUCTION, NULL, NULL);
    if (self) self->log_target = OR(log_target, false);
    return self;
}
