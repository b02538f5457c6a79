/* nn/activation_with.c - activations with numbers of their own: torch.nn.GELU, LeakyReLU, ELU, Softplus. */
#include "nn/layer.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
/** torch.nn.GELU: x of any shape -> the same shape. */
typedef struct tn_nn_gelu {
    tn_module module;
    bool tanh; /* approximate='tanh' */
} tn_nn_gelu;
typedef struct tn_nn_gelu_opts {
    size_t size;
    const char *approximate; /* "none" or "tanh"; NULL: "none" */
} tn_nn_gelu_opts;
/** torch.nn.LeakyReLU (slope), ELU (slope is alpha), Softplus (beta, threshold): x of any shape -> the same shape. */
typedef struct tn_nn_activation_with {
    tn_module module;
    double slope, beta, threshold;
} tn_nn_activation_with;
typedef tn_nn_activation_with tn_nn_leaky_relu, tn_nn_elu, tn_nn_softplus;
#ifndef __cplusplus
#define tn_nn_gelu(...) TN_WITH(tn_nn_gelu_opts, (.approximate = NULL), tn_nn_gelu_new(&tn_o), __VA_ARGS__)
#define tn_nn_leaky_relu(...) TN_WITH(tn_leaky_relu_opts, (.negative_slope = 0.01), tn_nn_leaky_relu_new(&tn_o), __VA_ARGS__)
#define tn_nn_elu(...) TN_WITH(tn_elu_opts, (.alpha = 1), tn_nn_elu_new(&tn_o), __VA_ARGS__)
#define tn_nn_softplus(...) TN_WITH(tn_softplus_opts, (.beta = 1, .threshold = 20), tn_nn_softplus_new(&tn_o), __VA_ARGS__)
#endif
#endif

static tn_tensor *gelu_forward(tn_nn_gelu *self, tn_tensor *x) { return tn_gelu(x, .approximate = self->tanh ? "tanh" : "none"); }
static int gelu_repr(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "approximate='%s'", ((tn_nn_gelu *)m)->tanh ? "tanh" : "none");
}
TN_CLASS_WITH(tn_nn_gelu, gelu_forward, (TN_NO_FIELDS), .printed = "GELU", .extra_repr = gelu_repr);

/** GELU. Another word for .approximate is TN_ERR_RUNTIME. [scope] */
TN_API tn_nn_gelu *tn_nn_gelu_new(const tn_nn_gelu_opts *opts) {
    const char *word = opts && opts->approximate ? opts->approximate : "none";
    tn_nn_gelu *self = tn_new(tn_nn_gelu);
    if (!self) return NULL;
    self->tanh = strcmp(word, "tanh") == 0;
    if (!self->tanh && strcmp(word, "none") != 0)
        return (void)tn_raise(TN_ERR_RUNTIME, "approximate argument must be either none or tanh."), NULL;
    return self;
}

static int number_repr(char *out, size_t room, const char *name, double value) {
    char text[40];
    tni_layer_number(text, sizeof text, value);
    return snprintf(out, room, "%s=%s", name, text);
}

static tn_tensor *leaky_relu_forward(tn_nn_leaky_relu *self, tn_tensor *x) { return tn_leaky_relu(x, self->slope); }
static int leaky_relu_repr(tn_module *m, char *out, size_t room) {
    return number_repr(out, room, "negative_slope", ((tn_nn_leaky_relu *)m)->slope);
}
TN_CLASS_WITH(tn_nn_leaky_relu, leaky_relu_forward, (TN_NO_FIELDS), .printed = "LeakyReLU", .extra_repr = leaky_relu_repr);

/** x, or negative_slope * x below 0. [scope] */
TN_API tn_nn_leaky_relu *tn_nn_leaky_relu_new(const tn_leaky_relu_opts *opts) {
    tn_nn_leaky_relu *self = tn_new(tn_nn_leaky_relu);
    if (self) self->slope = opts ? opts->negative_slope : 0.01;
    return self;
}

static tn_tensor *elu_forward(tn_nn_elu *self, tn_tensor *x) { return tn_elu(x, self->slope); }
static int elu_repr(tn_module *m, char *out, size_t room) { return number_repr(out, room, "alpha", ((tn_nn_elu *)m)->slope); }
TN_CLASS_WITH(tn_nn_elu, elu_forward, (TN_NO_FIELDS), .printed = "ELU", .extra_repr = elu_repr);

/** x, or alpha (e^x - 1) below 0. [scope] */
TN_API tn_nn_elu *tn_nn_elu_new(const tn_elu_opts *opts) {
    tn_nn_elu *self = tn_new(tn_nn_elu);
    if (self) self->slope = opts ? opts->alpha : 1;
    return self;
}

static tn_tensor *softplus_forward(tn_nn_softplus *self, tn_tensor *x) { return tn_softplus(x, self->beta, self->threshold); }
static int softplus_repr(tn_module *m, char *out, size_t room) {
    tn_nn_softplus *self = (tn_nn_softplus *)m;
    char beta[60], threshold[60];
    number_repr(beta, sizeof beta, "beta", self->beta);
    number_repr(threshold, sizeof threshold, "threshold", self->threshold);
    return snprintf(out, room, "%s, %s", beta, threshold);
}
TN_CLASS_WITH(tn_nn_softplus, softplus_forward, (TN_NO_FIELDS), .printed = "Softplus", .extra_repr = softplus_repr);

/** log(1 + e^(beta x)) / beta, and x where beta x is above threshold. [scope] */
TN_API tn_nn_softplus *tn_nn_softplus_new(const tn_softplus_opts *opts) {
    tn_nn_softplus *self = tn_new(tn_nn_softplus);
    if (!self) return NULL;
    self->beta = opts ? opts->beta : 1;
    self->threshold = opts ? opts->threshold : 20;
    return self;
}
