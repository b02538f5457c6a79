/* tests/unit/layers.h - samples of the layers: PyTorch's expression, the same in C, the inputs of forward as in the operators' sample
 * lines (tests/unit/sample.h). A mark like !value: the constructor or forward fails so; nograd: no finite differences.
 * tests/parity/layers.py reads this file too. docs/how-to/add-a-layer.md says what is tested with them. */
#ifndef TISON_LAYERS_H
#define TISON_LAYERS_H
#include <tison.h>

/* clang-format off */
#define LAYERS(X) \
    X(linear, "nn.Linear(4, 3)", tn_nn_linear(4, 3), "f32[2,4]") \
    X(linear_plain, "nn.Linear(4, 3, bias=False)", tn_nn_linear(4, 3, .bias = false), "f32[2,5,4]") \
    X(lazy_linear, "nn.LazyLinear(3)", tn_nn_lazy_linear(3), "f32[2,4]") \
    X(linear_wrong, "nn.Linear(4, 3)", tn_nn_linear(4, 3), "f32[2,5] !shape") \
    X(conv2d, "nn.Conv2d(2, 4, 3, padding=1, groups=2)", tn_nn_conv2d(2, 4, 3, .padding = 1, .groups = 2), "f32[2,2,5,4]") \
    X(lazy_conv2d, "nn.LazyConv2d(4, 3, bias=False)", tn_nn_lazy_conv2d(4, 3, .bias = false), "f32[2,2,5,4]") \
    X(max_pool2d, "nn.MaxPool2d(2)", tn_nn_max_pool2d(2), "f32[2,3,4,6]") \
    X(relu, "nn.ReLU()", tn_nn_relu(), "f32[3,4]") \
    X(tanh, "nn.Tanh()", tn_nn_tanh(), "f32[3,4]") \
    X(sigmoid, "nn.Sigmoid()", tn_nn_sigmoid(), "f32[3,4]") \
    X(silu, "nn.SiLU()", tn_nn_silu(), "f32[3,4]") \
    X(gelu, "nn.GELU()", tn_nn_gelu(), "f32[3,4]") \
    X(gelu_tanh, "nn.GELU(approximate='tanh')", tn_nn_gelu("tanh"), "f32[3,4]") \
    X(leaky_relu, "nn.LeakyReLU()", tn_nn_leaky_relu(), "f32[3,4]") \
    X(leaky_relu_slope, "nn.LeakyReLU(0.2)", tn_nn_leaky_relu(0.2), "f32[3,4]") \
    X(elu, "nn.ELU(0.5)", tn_nn_elu(0.5), "f32[3,4]") \
    X(softplus, "nn.Softplus()", tn_nn_softplus(), "f32[3,4]") \
    X(softplus_numbers, "nn.Softplus(2.0, 1.5)", tn_nn_softplus(2, 1.5), "f32[3,4]") \
    X(flatten, "nn.Flatten()", tn_nn_flatten(), "f32[2,3,4]") \
    X(dropout, "nn.Dropout(0.3)", tn_nn_dropout(0.3), "f32[5,7]") \
    X(dropout2d, "nn.Dropout2d()", tn_nn_dropout2d(), "f32[4,3,2,2]") \
    X(dropout2d_all, "nn.Dropout2d(1.0)", tn_nn_dropout2d(1.0), "f32[4,3,2,2]") \
    X(dropout2d_wrong, "nn.Dropout2d(1.5)", tn_nn_dropout2d(1.5), "f32[4,3,2,2] !value") \
    X(layer_norm, "nn.LayerNorm(4)", tn_nn_layer_norm(4), "f32[2,3,4]") \
    X(layer_norm_two, "nn.LayerNorm((3, 4), eps=0.1, bias=False)", \
        tn_nn_layer_norm((3, 4), .eps = 0.1, .bias = false), "f32[2,3,4]") \
    X(layer_norm_plain, "nn.LayerNorm([4], 1e-3, False)", tn_nn_layer_norm(4, 1e-3, false), "f32[3,4]") \
    X(layer_norm_wrong, "nn.LayerNorm(4)", tn_nn_layer_norm(4), "f32[2,3] !shape") \
    X(rms_norm, "nn.RMSNorm(4)", tn_nn_rms_norm(4), "f32[2,3,4]") \
    X(rms_norm_eps, "nn.RMSNorm((3, 4), eps=1e-6, elementwise_affine=False)", tn_nn_rms_norm((3, 4), 1e-6, false), "f32[2,3,4]") \
    X(group_norm, "nn.GroupNorm(2, 4)", tn_nn_group_norm(2, 4), "f32[2,4,3]") \
    X(group_norm_plain, "nn.GroupNorm(4, 4, affine=False)", tn_nn_group_norm(4, 4, .affine = false), "f32[2,4,3,2]") \
    X(group_norm_wrong, "nn.GroupNorm(3, 4)", tn_nn_group_norm(3, 4), "f32[2,4,3] !value") \
    X(batch_norm1d, "nn.BatchNorm1d(3)", tn_nn_batch_norm1d(3), "f32[4,3]") \
    X(batch_norm1d_long, "nn.BatchNorm1d(3, 1e-3, 0.2, bias=False)", \
        tn_nn_batch_norm1d(3, 1e-3, 0.2, .bias = false), "f32[4,3,5]") \
    X(batch_norm1d_one, "nn.BatchNorm1d(3)", tn_nn_batch_norm1d(3), "f32[1,3] !value") \
    X(batch_norm1d_wrong, "nn.BatchNorm1d(3)", tn_nn_batch_norm1d(3), "f32[4,2] !shape") \
    X(batch_norm2d, "nn.BatchNorm2d(3)", tn_nn_batch_norm2d(3), "f32[2,3,4,2]") \
    X(batch_norm2d_mean, "nn.BatchNorm2d(3, momentum=None)", tn_nn_batch_norm2d(3, .momentum = (double)NAN), "f32[2,3,4,2]") \
    X(batch_norm2d_plain, "nn.BatchNorm2d(3, affine=False, track_running_stats=False)", \
        tn_nn_batch_norm2d(3, .affine = false, .track_running_stats = false), "f32[2,3,4,2]") \
    X(batch_norm2d_wrong, "nn.BatchNorm2d(3)", tn_nn_batch_norm2d(3), "f32[2,3,4] !value") \
    X(batch_norm3d, "nn.BatchNorm3d(2)", tn_nn_batch_norm3d(2), "f32[2,2,3,2,2]") \
    X(instance_norm1d, "nn.InstanceNorm1d(3, affine=True, track_running_stats=True)", \
        tn_nn_instance_norm1d(3, .affine = true, .track_running_stats = true), "f32[2,3,5]") \
    X(instance_norm2d, "nn.InstanceNorm2d(3)", tn_nn_instance_norm2d(3), "f32[2,3,4,2]") \
    X(instance_norm2d_one, "nn.InstanceNorm2d(3)", tn_nn_instance_norm2d(3), "f32[3,4,2]") \
    X(instance_norm2d_wrong, "nn.InstanceNorm2d(3)", tn_nn_instance_norm2d(3), "f32[3,4] !value") \
    X(instance_norm3d, "nn.InstanceNorm3d(2, affine=True)", tn_nn_instance_norm3d(2, .affine = true), "f32[2,2,3,2,2]") \
    X(lazy_batch_norm1d, "nn.LazyBatchNorm1d()", tn_nn_lazy_batch_norm1d(), "f32[4,3]") \
    X(lazy_batch_norm1d_long, "nn.LazyBatchNorm1d(1e-3, 0.2, bias=False)", \
        tn_nn_lazy_batch_norm1d(1e-3, 0.2, .bias = false), "f32[4,3,5]") \
    X(lazy_batch_norm2d, "nn.LazyBatchNorm2d(momentum=None)", tn_nn_lazy_batch_norm2d(.momentum = (double)NAN), "f32[2,3,4,2]") \
    X(lazy_batch_norm2d_plain, "nn.LazyBatchNorm2d(affine=False, track_running_stats=False)", \
        tn_nn_lazy_batch_norm2d(.affine = false, .track_running_stats = false), "f32[2,3,4,2]") \
    X(lazy_batch_norm2d_wrong, "nn.LazyBatchNorm2d()", tn_nn_lazy_batch_norm2d(), "f32[2,3,4] !value") \
    X(lazy_batch_norm3d, "nn.LazyBatchNorm3d(affine=False)", tn_nn_lazy_batch_norm3d(.affine = false), "f32[2,2,3,2,2]") \
    X(lazy_instance_norm1d, "nn.LazyInstanceNorm1d()", tn_nn_lazy_instance_norm1d(), "f32[2,3,5]") \
    X(lazy_instance_norm1d_one, "nn.LazyInstanceNorm1d(affine=False, track_running_stats=False)", \
        tn_nn_lazy_instance_norm1d(.affine = false, .track_running_stats = false), "f32[3,5]") \
    X(lazy_instance_norm2d, "nn.LazyInstanceNorm2d(track_running_stats=False)", \
        tn_nn_lazy_instance_norm2d(.track_running_stats = false), "f32[2,3,4,2]") \
    X(lazy_instance_norm3d, "nn.LazyInstanceNorm3d(0.1, 0.3)", tn_nn_lazy_instance_norm3d(0.1, 0.3), "f32[2,2,3,2,2]") \
    X(avg_pool2d, "nn.AvgPool2d(2)", tn_nn_avg_pool2d(2), "f32[2,3,4,6]") \
    X(avg_pool2d_pair, "nn.AvgPool2d((2, 3), stride=1, padding=(1, 0), count_include_pad=False)", \
        tn_nn_avg_pool2d((2, 3), .stride = 1, .padding_hw = {1, 0}, .count_include_pad = false), "f32[2,3,4,6]") \
    X(adaptive_avg_pool2d, "nn.AdaptiveAvgPool2d(1)", tn_nn_adaptive_avg_pool2d(1), "f32[2,3,4,6]") \
    X(adaptive_avg_pool2d_pair, "nn.AdaptiveAvgPool2d((None, 3))", tn_nn_adaptive_avg_pool2d((TN_NONE, 3)), "f32[2,3,4,7]") \
    X(softmax, "nn.Softmax(dim=1)", tn_nn_softmax(1), "f32[3,4]") \
    X(softmax_none, "nn.Softmax()", tn_nn_softmax(), "f32[2,3,4]") \
    X(log_softmax, "nn.LogSoftmax(dim=-1)", tn_nn_log_softmax(-1), "f32[3,4]") \
    X(identity, "nn.Identity()", tn_nn_identity(), "f32[3,4]") \
    X(unflatten, "nn.Unflatten(1, (2, 3))", tn_nn_unflatten(1, (2, 3)), "f32[4,6,2]") \
    X(unflatten_rest, "nn.Unflatten(-1, (-1,))", tn_nn_unflatten(-1, -1), "f32[4,6]") \
    X(unflatten_wrong, "nn.Unflatten(1, (2, 4))", tn_nn_unflatten(1, (2, 4)), "f32[4,6] !runtime") \
    X(embedding, "nn.Embedding(5, 3)", tn_nn_embedding(5, 3), "i64[2,4]<5") \
    X(embedding_padding, "nn.Embedding(5, 3, padding_idx=-1, scale_grad_by_freq=True)", \
        tn_nn_embedding(5, 3, .padding_idx = -1, .scale_grad_by_freq = true), "i64[6]<5 nograd") \
    X(embedding_wrong, "nn.Embedding(5, 3, padding_idx=5)", tn_nn_embedding(5, 3, 5), "i64[2]<5 !assertion") \
    X(embedding_beyond, "nn.Embedding(5, 3)", tn_nn_embedding(5, 3), "i64[2]=5 !index") \
    X(embedding_pretrained, "nn.Embedding.from_pretrained(torch.tensor([[1., 2], [3, 4]]), freeze=False)", \
        tn_nn_embedding_from_pretrained(tn_tensor((2, 2), 1.0, 2, 3, 4), .freeze = false), "i64[3]<2") \
    X(cross_entropy, "nn.CrossEntropyLoss()", tn_nn_cross_entropy_loss(), "f32[3,4] i64[3]<4") \
    X(cross_entropy_weight, "nn.CrossEntropyLoss(weight=torch.tensor([1., 2, 3, 4]), ignore_index=1, label_smoothing=0.1)", \
        tn_nn_cross_entropy_loss(.weight = tn_tensor(4, 1.0, 2, 3, 4), .ignore_index = 1, .label_smoothing = 0.1), "f32[5,4] i64[5]<4") \
    X(nll, "nn.NLLLoss(reduction='sum')", tn_nn_nll_loss(.reduction = TN_REDUCTION_SUM), "f32[3,4] i64[3]<4") \
    X(mse, "nn.MSELoss()", tn_nn_mse_loss(), "f32[3,4] f32[3,4]") \
    X(l1, "nn.L1Loss(reduction='none')", tn_nn_l1_loss(.reduction = TN_REDUCTION_NONE), "f32[3,4] f32[3,4]") \
    X(smooth_l1, "nn.SmoothL1Loss(beta=0.5)", tn_nn_smooth_l1_loss(.beta = 0.5), "f32[3,4] f32[3,4]") \
    X(huber, "nn.HuberLoss(delta=0.5)", tn_nn_huber_loss(.delta = 0.5), "f32[3,4] f32[3,4]") \
    X(bce, "nn.BCELoss(weight=torch.tensor([1., 2]))", \
        tn_nn_bce_loss(.weight = tn_tensor(2, 1.0, 2)), "f32[3,2]=0.3 f32[3,2]=0.6") \
    X(bce_with_logits, "nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1., 2]))", \
        tn_nn_bce_with_logits_loss(.pos_weight = tn_tensor(2, 1.0, 2)), "f32[3,2] f32[3,2]=0.6") \
    X(bce_with_logits_wrong, "nn.BCEWithLogitsLoss()", tn_nn_bce_with_logits_loss(), "f32[3,2] f32[2] !value") \
    X(kl_div, "nn.KLDivLoss(reduction='batchmean')", \
        tn_nn_kl_div_loss(.reduction = TN_REDUCTION_BATCHMEAN), "f32[3,4] f32[3,4]>0.1")
/* clang-format on */
#endif
