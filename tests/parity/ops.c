/* Operator calls with their results and gradients; ops.py has the same calls, under the same names. The inputs are a to n;
 * the gradients are those that dy = 1, 2, 3, ... modulo 7 gives. */
#include "parity.h"

static char name[96];
enum { INPUTS = 14 };
static tn_tensor *in[INPUTS];

static tn_tensor *input(char letter, tn_tensor *x, bool grad) {
    snprintf(name, sizeof name, "in.%c", letter);
    put(name, x);
    if (grad) tn_requires_grad_(x, true);
    return in[letter - 'a'] = x;
}

static void result(const char *what, tn_tensor *y) {
    snprintf(name, sizeof name, "out.%s", what);
    put(name, y);
    if (!tn_requires_grad(y)) return;
    static double dy[100000];
    int64_t n = tn_numel(y);
    for (int64_t i = 0; i < n; i++) dy[i] = (double)(i % 7 + 1);
    tn_opts opts = {.size = sizeof opts, .dtype = tn_get_dtype(y)};
    tn_backward(y, .gradient = (tn_from_data)(tn_sizes(y), (size_t)tn_ndim(y), TN_FLOAT64, dy, &opts));
    for (int i = 0; i < INPUTS; i++)
        if (in[i] && tn_grad(in[i])) {
            snprintf(name, sizeof name, "grad.%s.%c", what, 'a' + i);
            put(name, tn_grad(in[i]));
            tn_set_grad(in[i], NULL);
        }
}
#define RUN(what, ...)                                                                                                             \
    do {                                                                                                                           \
        TN_SCOPE;                                                                                                                  \
        result(what, __VA_ARGS__);                                                                                                 \
    } while (0)

static void promotion(void) {
    static const tn_dtype types[] = {TN_FLOAT32, TN_FLOAT64, TN_INT64, TN_INT32, TN_UINT8, TN_BOOL};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 6; k++)
            for (int flat = 0; flat < 2; flat++) { /* 0-d tensors are weaker */
                TN_SCOPE;
                tn_tensor *x = tn_to(tn_tensor((3), 0, 1, 5), types[i]), *y = tn_to(tn_tensor((3), 1, 0, 7), types[k]);
                snprintf(name, sizeof name, "out.promote %s %s%s", tn_dtype_name(types[i]), tn_dtype_name(types[k]),
                         flat ? " 0-d" : "");
                put(name, tn_add(x, flat ? tn_select(y, 0, 2) : y));
            }
    for (int i = 0; i < 6; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_to(tn_tensor((3), 0, 1, 5), types[i]);
        snprintf(name, sizeof name, "out.promote %s 2", tn_dtype_name(types[i]));
        put(name, tn_add(x, 2));
        snprintf(name, sizeof name, "out.promote %s 2.5", tn_dtype_name(types[i]));
        put(name, tn_add(x, 2.5));
        snprintf(name, sizeof name, "out.promote %s true", tn_dtype_name(types[i]));
        put(name, tn_add(x, (bool)true));
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    begin();
    tn_manual_seed(21);
    tn_tensor *a = input('a', tn_randn((9, 33)), true), *b = input('b', tn_randn((9, 33)), true);
    tn_tensor *c = input('c', tn_randn(33), true);
    tn_tensor *d = input('d', tn_randn((9, 1)), true), *e = input('e', tn_add(tn_rand((9, 33)), 0.1), true);
    tn_tensor *f = input('f', tn_randn((2, 4, 9, 11)), true), *g = input('g', tn_randn((6, 4, 3, 3)), true);
    tn_tensor *h = input('h', tn_randn((257, 301)), true), *k = input('k', tn_randint(0, 33, 9), false);
    tn_tensor *l = input('l', tn_randn((3, 4, 5)), true), *m = input('m', tn_randn(4), true), *n = input('n', tn_randn(6), true);
    tn_tensor *e33 = tn_select(e, 0, 0);
    RUN("add", tn_add(a, b));
    RUN("add broadcast", tn_add(a, c));
    RUN("add alpha", tn_add(a, b, .alpha = 0.3));
    RUN("add number", tn_add(a, 2));
    RUN("sub", tn_sub(a, b));
    RUN("sub alpha", tn_sub(a, b, .alpha = -2));
    RUN("mul", tn_mul(a, b));
    RUN("mul broadcast", tn_mul(d, a));
    RUN("div", tn_div(a, b));
    RUN("div number", tn_div(a, 3));
    RUN("square", tn_square(a));
    RUN("pow 3", tn_pow(a, 3));
    RUN("pow 0.5", tn_pow(e, 0.5));
    RUN("pow tensor", tn_pow(e, b));
    RUN("neg", tn_neg(a));
    RUN("sign", tn_sign(a));
    RUN("abs", tn_abs(a));
    RUN("exp", tn_exp(a));
    RUN("log", tn_log(e));
    RUN("sqrt", tn_sqrt(e));
    RUN("tanh", tn_tanh(a));
    RUN("sigmoid", tn_sigmoid(a));
    RUN("relu", tn_relu(a));
    RUN("where", tn_where(tn_gt(a, b), a, b));
    RUN("where number", tn_where(tn_gt(a, 0), a, 0.25));
    RUN("eq", tn_eq(a, a));
    RUN("ne", tn_ne(a, b));
    RUN("lt", tn_lt(a, c));
    RUN("le", tn_le(a, 0));
    RUN("gt", tn_gt(a, b));
    RUN("ge", tn_ge(a, b));
    RUN("sum", tn_sum(a));
    RUN("sum 0", tn_sum(a, 0));
    RUN("sum 1 keepdim", tn_sum(a, 1, true));
    RUN("sum dims", tn_sum(f, .dims = TN_INTS(0, 2, 3)));
    RUN("sum float64", tn_sum(a, .dtype = TN_FLOAT64));
    RUN("sum of a transpose", tn_sum(tn_t(a), 1));
    RUN("mean", tn_mean(a));
    RUN("mean 1", tn_mean(a, 1));
    RUN("large sum", tn_sum(h));
    RUN("large sum 0", tn_sum(h, 0));
    RUN("large sum 1", tn_sum(h, 1));
    RUN("sum to size", tn_sum_to_size(a, (1, 33)));
    RUN("max", tn_max(a));
    RUN("argmax", tn_argmax(a));
    RUN("argmax 1", tn_argmax(a, 1, true));
    RUN("softmax", tn_softmax(a, 1));
    RUN("softmax 0", tn_softmax(a, 0));
    RUN("log_softmax", tn_log_softmax(a, -1));
    RUN("cross_entropy", tn_cross_entropy(a, k));
    RUN("cross_entropy sum", tn_cross_entropy(a, k, .reduction = TN_REDUCTION_SUM));
    RUN("cross_entropy none", tn_cross_entropy(a, k, .reduction = TN_REDUCTION_NONE));
    RUN("cross_entropy weight", tn_cross_entropy(a, k, .weight = tn_detach(e33)));
    RUN("cross_entropy smooth", tn_cross_entropy(a, k, .label_smoothing = 0.1));
    RUN("cross_entropy ignore", tn_cross_entropy(a, k, .ignore_index = 2));
    RUN("cross_entropy probabilities", tn_cross_entropy(a, tn_softmax(b, 1)));
    RUN("nll_loss", tn_nll_loss(tn_log_softmax(a, 1), k));
    RUN("mse_loss", tn_mse_loss(a, b));
    RUN("mse_loss sum", tn_mse_loss(a, b, .reduction = TN_REDUCTION_SUM));
    RUN("mm", tn_mm(a, tn_t(b)));
    RUN("bmm", tn_bmm(l, tn_transpose(l, 1, 2)));
    RUN("linear", tn_linear(b, a, tn_sum(d, 1)));
    RUN("matmul 1 1", tn_matmul(c, c));
    RUN("matmul 1 2", tn_matmul(c, tn_t(a)));
    RUN("matmul 2 1", tn_matmul(a, c));
    RUN("matmul 2 2", tn_matmul(tn_t(a), b));
    RUN("matmul 1 3", tn_matmul(m, l));
    RUN("matmul 3 1", tn_matmul(tn_transpose(l, 1, 2), m));
    RUN("matmul 2 3", tn_matmul(tn_narrow(a, 1, 0, 4), l));
    RUN("matmul 3 2", tn_matmul(tn_transpose(l, 1, 2), tn_narrow(tn_t(a), 0, 0, 4)));
    RUN("matmul 3 3", tn_matmul(l, tn_transpose(l, 1, 2)));
    RUN("matmul 4 3", tn_matmul(tn_unsqueeze(l, 1), tn_transpose(l, 1, 2)));
    RUN("conv2d", tn_conv2d(f, g, NULL));
    RUN("conv2d bias", tn_conv2d(f, g, n));
    RUN("conv2d stride padding", tn_conv2d(f, g, n, .stride = 2, .padding = 1));
    RUN("conv2d dilation", tn_conv2d(f, g, n, .dilation = 2, .padding = 2));
    RUN("conv2d pairs", tn_conv2d(f, g, n, .stride_hw = {1, 2}, .padding_hw = {2, 0}));
    RUN("conv2d groups", tn_conv2d(f, tn_narrow(g, 1, 0, 2), n, .groups = 2));
    RUN("conv2d single", tn_conv2d(tn_select(f, 0, 1), g, n));
    RUN("max_pool2d", tn_max_pool2d(f, 2));
    RUN("max_pool2d stride", tn_max_pool2d(f, 3, .stride = 2, .padding = 1));
    RUN("max_pool2d ceil", tn_max_pool2d(f, (2, 3), .ceil_mode = true));
    RUN("max_pool2d dilation", tn_max_pool2d(f, 2, .stride = 1, .dilation = 2));
    RUN("view", tn_view(a, (33, -1)));
    RUN("reshape of transpose", tn_reshape(tn_t(a), (3, -1)));
    RUN("flatten", tn_flatten(f, 1, 2));
    RUN("transpose", tn_transpose(f, 1, 3));
    RUN("permute", tn_permute(f, (3, 0, 2, 1)));
    RUN("expand", tn_expand(c, (4, 33)));
    RUN("squeeze", tn_squeeze(d));
    RUN("unsqueeze", tn_unsqueeze(a, 1));
    RUN("select", tn_select(a, 1, -2));
    RUN("slice", tn_slice(a, 1, 2, -3, 4));
    RUN("narrow", tn_narrow(a, 0, 3, 5));
    RUN("as_strided", tn_as_strided(a, (3, 4), (2, 1), 5));
    RUN("cat", tn_cat(TN_TENSORS(a, b, a), .dim = 1));
    RUN("stack", tn_stack(TN_TENSORS(a, b), 1));
    RUN("clone", tn_clone(tn_t(a)));
    RUN("to float64", tn_to(a, TN_FLOAT64));
    RUN("to int32", tn_to(tn_mul(a, 100), TN_INT32));
    RUN("arange", tn_arange(-3, 20, 4));
    RUN("arange float", tn_arange(0.5, 9, 0.7));
    RUN("linspace", tn_linspace(-1, 2, 17));
    RUN("eye", tn_eye(3, 5));
    RUN("full int", tn_full((2, 2), 7));
    RUN("integer pow", tn_pow(k, 3));
    RUN("integer sum", tn_sum(k));
    RUN("integer div", tn_div(k, 7));
    promotion();
    end(argv[1], "ops.safetensors");
    return 0;
}
