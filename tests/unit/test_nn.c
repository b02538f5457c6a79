/* Layers, containers, initialisers. Values and texts are of PyTorch 2.13 after torch.manual_seed(0); each comment names the
 * call. */
#include "support.h"

static void same(tn_tensor *x, const double *expected, int64_t n, double tolerance) {
    CHECK_EQ_INT(tn_numel(x), n);
    float got[64];
    if (n > 64 || !CHECK(tn_copy_to(x, got, (size_t)n * sizeof *got))) return;
    for (int64_t i = 0; i < n; i++) CHECK_NEAR(got[i], (double)(float)expected[i], tolerance);
}
#define SAME(x, ...) same(x, (double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double), 0)
#define CLOSE(x, ...) same(x, (double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double), 5e-7)

static void linear(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    tn_nn_linear *l = tn_nn_linear(3, 2); /* nn.Linear(3, 2) */
    SAME(l->weight, -0.00432251766, 0.309715837, -0.475185335, -0.424894601, -0.222368971, 0.154820725);
    SAME(l->bias, -0.0114391446, 0.457774937);
    CHECK_STR(tn_to_string(l), "Linear(in_features=3, out_features=2, bias=True)");
    CHECK(tn_equal(tn_forward(l, tn_ones((4, 3))), tn_linear(tn_ones((4, 3)), l->weight, l->bias)));
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(l)), 2);
    l = tn_nn_linear(3, 2, .bias = false, .dtype = TN_FLOAT64);
    CHECK(l->bias == NULL && tn_get_dtype(l->weight) == TN_FLOAT64 && tn_is_parameter(l->weight) && tn_requires_grad(l->weight));
    CHECK_STR(tn_to_string(l), "Linear(in_features=3, out_features=2, bias=False)");
    CHECK(tn_numel(tn_forward(tn_nn_linear(0, 2), tn_ones((4, 0)))) == 8);
    CHECK_OK();
    tn_forward(l, tn_ones((4, 5), .dtype = TN_FLOAT64));
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
    tn_nn_linear(-1, 2);
    CHECK(tn_error() != TN_OK);
    tn_clear_error();
}

static void conv2d(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    tn_nn_conv2d *c = tn_nn_conv2d(2, 4, (1, 2), .groups = 2); /* nn.Conv2d(2, 4, (1, 2), groups=2) */
    SAME(c->weight, -0.00529398117, 0.379322886, -0.581980765, -0.520387471, -0.272345245, 0.18961589, -0.0140100336, 0.560657501);
    SAME(c->bias, -0.0627515167, 0.187109336, -0.213696912, -0.138992712);
    CHECK_STR(tn_to_string(c), "Conv2d(2, 4, kernel_size=(1, 2), stride=(1, 1), groups=2)");
    tn_tensor *y = tn_forward(c, tn_ones((1, 2, 3, 3)));
    CHECK(tn_size(y, 1) == 4 && tn_size(y, 2) == 3 && tn_size(y, 3) == 2);
    CHECK_STR(tn_to_string(tn_nn_conv2d(1, 16, 3, .padding = 1)),
              "Conv2d(1, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))");
    CHECK_STR(tn_to_string(tn_nn_conv2d(4, 4, (3, 5), .stride = 2, .dilation_hw = {1, 2}, .groups = 2, .bias = false)),
              "Conv2d(4, 4, kernel_size=(3, 5), stride=(2, 2), dilation=(1, 2), groups=2, bias=False)");
    CHECK_OK();
    tn_nn_conv2d(3, 4, 3, .groups = 2);
    CHECK_ERROR(TN_ERR_VALUE, "in_channels must be divisible by groups");
    tn_nn_conv2d(2, 3, 3, .groups = 2);
    CHECK_ERROR(TN_ERR_VALUE, "out_channels must be divisible by groups");
    tn_nn_conv2d(2, 3, 3, .groups = 0);
    CHECK_ERROR(TN_ERR_VALUE, "groups must be a positive integer");
    tn_nn_conv2d(2, 3, (3, 3, 3));
    CHECK_ERROR(TN_ERR_VALUE, "kernel_size");
}

static void max_pool2d(void) {
    TN_SCOPE;
    tn_tensor *x = tn_reshape(tn_arange(24, .dtype = TN_FLOAT32), (1, 1, 4, 6));
    SAME(tn_forward(tn_nn_max_pool2d(2), x), 7, 9, 11, 19, 21, 23);
    SAME(tn_forward(tn_nn_max_pool2d((2, 3)), x), 8, 11, 20, 23);
    CHECK_STR(tn_to_string(tn_nn_max_pool2d(2)), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
    CHECK_STR(tn_to_string(tn_nn_max_pool2d((2, 3), .padding = 1)),
              "MaxPool2d(kernel_size=(2, 3), stride=(2, 3), padding=1, dilation=1, ceil_mode=False)");
    CHECK_STR(tn_to_string(tn_nn_max_pool2d(3, .stride = 1, .ceil_mode = true)),
              "MaxPool2d(kernel_size=3, stride=1, padding=0, dilation=1, ceil_mode=True)");
    CHECK_OK();
}

static void without_parameters(void) {
    TN_SCOPE;
    tn_tensor *x = tn_linspace(-2, 2, 6);
    CHECK(tn_equal(tn_forward(tn_nn_relu(), x), tn_relu(x)));
    CHECK(tn_equal(tn_forward(tn_nn_tanh(), x), tn_tanh(x)));
    CHECK(tn_equal(tn_forward(tn_nn_sigmoid(), x), tn_sigmoid(x)));
    CHECK_EQ_INT(tn_ndim(tn_forward(tn_nn_flatten(), tn_ones((2, 3, 4)))), 2);
    CHECK_EQ_INT(tn_ndim(tn_forward(tn_nn_flatten(.start_dim = 0), tn_ones((2, 3, 4)))), 1);
    CHECK_STR(tn_to_string(tn_nn_relu()), "ReLU()");
    CHECK_STR(tn_to_string(tn_nn_tanh()), "Tanh()");
    CHECK_STR(tn_to_string(tn_nn_sigmoid()), "Sigmoid()");
    CHECK_STR(tn_to_string(tn_nn_flatten()), "Flatten(start_dim=1, end_dim=-1)");
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(tn_nn_relu())), 0);
    CHECK_OK();
}

static void dropout(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    tn_nn_dropout *d = tn_nn_dropout();
    SAME(tn_forward(d, tn_ones(8)), 0, 0, 2, 0, 0, 0, 2, 2); /* nn.Dropout(0.5)(torch.ones(8)) */
    tn_eval(d);
    CHECK(tn_equal(tn_forward(d, tn_ones(8)), tn_ones(8)));
    CHECK_STR(tn_to_string(tn_nn_dropout(0.25)), "Dropout(p=0.25, inplace=False)");
    CHECK_STR(tn_to_string(tn_nn_dropout(.p = 0.1)), "Dropout(p=0.1, inplace=False)");
    CHECK_STR(tn_to_string(d), "Dropout(p=0.5, inplace=False)");
    CHECK_OK();
    tn_nn_dropout(1.5);
    CHECK_ERROR(TN_ERR_VALUE, "dropout probability has to be between 0 and 1, but got 1.5");
    tn_nn_dropout(NAN);
    CHECK_ERROR(TN_ERR_VALUE, "but got nan");
}

static void sequential(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    /* nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))(torch.ones(2, 3)) */
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_linear(3, 4), tn_nn_tanh(), tn_nn_linear(4, 1));
    CLOSE(tn_forward(s, tn_ones((2, 3))), -0.179798216, -0.179798216);
    CHECK_STR(tn_tensors_name(tn_parameters(s), 3), "2.bias");
    CHECK(tn_nn_container_append(s, tn_nn_relu()));
    CHECK_EQ_INT(tn_nn_container_len(s), 4);
    CLOSE(tn_forward(s, tn_ones((2, 3))), 0, 0);
    CHECK(tn_nn_container_get(s, -1) == tn_nn_container_get(s, 3));
    CHECK(tn_equal(tn_forward(tn_nn_sequential(), tn_ones(3)), tn_ones(3)));
    CHECK_OK();
    CHECK(tn_nn_container_get(s, 4) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 4 is out of range");
    CHECK(!tn_nn_container_append(s, tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    CHECK_EQ_INT(tn_nn_container_len(s), 4);
}

static void printed(void) {
    TN_SCOPE;
    CHECK_STR(
        tn_to_string(tn_nn_sequential(tn_nn_conv2d(1, 16, 3, .padding = 1, .bias = false), tn_nn_relu(), tn_nn_max_pool2d(2),
                                      tn_nn_flatten(), tn_nn_linear(4, 2), tn_nn_dropout(0.25), tn_nn_sequential(tn_nn_tanh()))),
        "Sequential(\n"
        "  (0): Conv2d(1, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)\n"
        "  (1): ReLU()\n"
        "  (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n"
        "  (3): Flatten(start_dim=1, end_dim=-1)\n"
        "  (4): Linear(in_features=4, out_features=2, bias=True)\n"
        "  (5): Dropout(p=0.25, inplace=False)\n"
        "  (6): Sequential(\n    (0): Tanh()\n  )\n"
        ")");
    tn_nn_module_list *list = tn_nn_module_list(tn_nn_linear(2, 2), tn_nn_linear(2, 2), tn_nn_linear(2, 3));
    CHECK_STR(tn_to_string(list), "ModuleList(\n"
                                  "  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n"
                                  "  (2): Linear(in_features=2, out_features=3, bias=True)\n"
                                  ")");
    CHECK_EQ_INT(tn_tensors_count(tn_parameters(list)), 6);
    CHECK_OK();
    CHECK(tn_forward(list, tn_ones(2)) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleList] is missing the required \"forward\" function");
}

static tn_tensor *fresh(void) {
    tn_manual_seed(0);
    return tn_empty((2, 3));
}

static void initialisers(void) {
    TN_SCOPE;
    SAME(tn_nn_init_uniform_(fresh(), -1, 1), -0.00748682022, 0.536443591, -0.823045135, -0.735939026, -0.385154366, 0.268157363);
    SAME(tn_nn_init_normal_(fresh(), .mean = 1, .std = 2), 4.08199215, 0.413142174, -3.35757875, 2.13686252, -1.16904473,
         -1.79719079);
    SAME(tn_nn_init_xavier_uniform_(fresh(), .gain = 2), -0.0164028015, 1.17528903, -1.80320156, -1.61236167, -0.843830943,
         0.587503374);
    SAME(tn_nn_init_xavier_normal_(fresh()), 0.974611521, -0.18558073, -1.37798738, 0.359507501, -0.685912132, -0.884549379);
    SAME(tn_nn_init_kaiming_uniform_(fresh(), .nonlinearity = TN_GAIN_RELU), -0.0105879623, 0.758645773, -1.16396153, -1.04077494,
         -0.54469049, 0.379231781);
    SAME(tn_nn_init_kaiming_normal_(fresh(), .mode = TN_FAN_OUT), 1.54099607, -0.293428898, -2.17878938, 0.568431258, -1.08452237,
         -1.39859545);
    SAME(tn_nn_init_trunc_normal_(fresh(), .a = -0.8, .b = 0.8), 0.403346837, -0.293428898, -0.719257593, 0.568431258, -0.596635342,
         0.182036489);
    SAME(tn_nn_init_trunc_normal_(fresh(), 0, 1, 1, 1.5), 1.24812829, 1.0844295, 1.04423869, 1.06601524, 1.15371144, 1.31703937);
    SAME(tn_nn_init_eye_(fresh()), 1, 0, 0, 0, 1, 0);
    SAME(tn_nn_init_constant_(fresh(), 0.5), 0.5, 0.5, 0.5, 0.5, 0.5, 0.5);
    SAME(tn_nn_init_ones_(fresh()), 1, 1, 1, 1, 1, 1);
    SAME(tn_nn_init_zeros_(fresh()), 0, 0, 0, 0, 0, 0);
    CLOSE(tn_nn_init_orthogonal_(fresh()), 0.573980927, -0.109294608, -0.811542153, -0.345415115, -0.930882692, -0.11893554);
    tn_manual_seed(0);
    CLOSE(tn_nn_init_orthogonal_(tn_empty((3, 2)), .gain = 2), 1.06990504, -0.339860171, -1.51272166, 0.680367649, -0.752977967,
          -1.84975541);
    CHECK_OK();
}

static void orthogonal_is_orthogonal(void) {
    TN_SCOPE;
    tn_tensor *q = tn_nn_init_orthogonal_(tn_empty((40, 5, 6), .dtype = TN_FLOAT64)), *m = tn_reshape(q, (40, 30));
    tn_tensor *distance = tn_sum(tn_abs(tn_sub(tn_matmul(tn_t(m), m), tn_eye(30, .dtype = TN_FLOAT64))));
    CHECK(tn_item(distance) < 1e-12);
    CHECK_OK();
}

static void initialisers_do_not_record(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 3)));
    CHECK(tn_nn_init_zeros_(p) == p && tn_nn_init_uniform_(p) == p && tn_nn_init_trunc_normal_(p) == p &&
          tn_nn_init_orthogonal_(p) == p);
    CHECK(tn_nn_init_eye_(p) == p && tn_nn_init_kaiming_normal_(p) == p);
    CHECK(tn_is_leaf(p) && tn_requires_grad(p) && tn_is_grad_enabled());
    CHECK_OK();
    CHECK(tn_nn_init_xavier_normal_(tn_empty((0, 3))) != NULL && tn_nn_init_orthogonal_(tn_empty((0, 3))) != NULL);
    CHECK_OK();
    CHECK(tn_nn_init_kaiming_uniform_(tn_ones(3)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
    CHECK(tn_nn_init_orthogonal_(tn_ones(3)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Only tensors with 2 or more dimensions are supported");
    CHECK(tn_nn_init_eye_(tn_ones(3)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Only tensors with 2 dimensions are supported");
    CHECK(tn_nn_init_trunc_normal_(p, .a = 2, .b = 1) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "expected a < b");
    CHECK(tn_nn_init_kaiming_uniform_(p, .nonlinearity = (tn_nn_init_nonlinearity)99) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Unsupported nonlinearity");
    CHECK(tn_nn_init_zeros_(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
}

static void gains(void) {
    CHECK_NEAR(tn_nn_init_calculate_gain(TN_GAIN_LEAKY_RELU, 0.2), 1.3867504905630728, 0);
    CHECK_NEAR(tn_nn_init_calculate_gain(TN_GAIN_TANH, 0), 5.0 / 3, 0);
    CHECK_NEAR(tn_nn_init_calculate_gain(TN_GAIN_RELU, 0), 1.4142135623730951, 0);
    CHECK_NEAR(tn_nn_init_calculate_gain(TN_GAIN_SELU, 0), 0.75, 0);
    CHECK_NEAR(tn_nn_init_calculate_gain(TN_GAIN_LINEAR, 0) + tn_nn_init_calculate_gain(TN_GAIN_SIGMOID, 0), 2, 0);
}

/* A freed layer takes its weights along, though the scope in which it was made goes on. */
static void all_is_given_back(void) {
    size_t live = live_objects();
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_linear(3, 4), tn_nn_tanh(), tn_nn_conv2d(1, 1, 1));
    tn_free(tn_nn_container_get(s, 0));
    tn_free(tn_nn_container_get(s, 1));
    tn_free(tn_nn_container_get(s, 2));
    tn_free(s);
    CHECK_EQ_INT(live_objects(), live);
    CHECK_OK();
}

int main(void) {
    RUN(linear);
    RUN(conv2d);
    RUN(max_pool2d);
    RUN(without_parameters);
    RUN(dropout);
    RUN(sequential);
    RUN(printed);
    RUN(initialisers);
    RUN(orthogonal_is_orthogonal);
    RUN(initialisers_do_not_record);
    RUN(gains);
    RUN(all_is_given_back);
    return test_end();
}
