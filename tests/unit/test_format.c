/* tests/unit/test_format.c - the text of tensors against what PyTorch 2.13 prints, repr(expression). */
#include "base/error.h"
#include "base/memory.h"
#include "tensor/format.h"
#include "test.h"
#include <locale.h>

static int64_t count_i64[2000]; /* 0, 1, 2, ... */
static float count_f32[2000];

typedef struct {
    const char *expression;
    tn_dtype dtype;
    int64_t ndim, sizes[5];
    const void *data;
    const char *text;
    int64_t strides[5]; /* all 0: contiguous, unless expanded */
    const char *grad_fn;
    bool requires_grad, parameter, expanded;
    tni_print_options options; /* all 0: the default ones */
} row;

static const row rows[] = {
    {"torch.tensor(1.5)", TN_FLOAT32, 0, {0}, (const float[]){1.5f}, .text = "tensor(1.5000)"},
    {"torch.tensor([[1+2j, -3.5], [complex(nan, 1), complex(0, -inf)]])",
     TN_COMPLEX64,
     2,
     {2, 2},
     (const float[]){1, 2, -3.5f, 0, NAN, 1, 0, -INFINITY},
     .text = "tensor([[ 1.0000+2.j, -3.5000+0.j],\n        [    nan+1.j,  0.0000-infj]])"},
    {"torch.tensor([1e-5+2j, 1000.5-3j, -2e8j])",
     TN_COMPLEX64,
     1,
     {3},
     (const float[]){1e-5f, 2, 1000.5f, -3, -0.0f, -2e8f},
     .text = "tensor([1.0000e-05+2.0000e+00j, 1.0005e+03-3.0000e+00j, -0.0000e+00-2.0000e+08j])"},
    {"torch.tensor(1.5-2.25j, dtype=torch.complex128)",
     TN_COMPLEX128,
     0,
     {0},
     (const double[]){1.5, -2.25},
     .text = "tensor(1.5000-2.2500j, dtype=torch.complex128)"},
    {"torch.complex(torch.arange(12.) / 4, -torch.arange(12.) * 100)",
     TN_COMPLEX64,
     1,
     {12},
     (const float[]){0,    -0.0f, 0.25f, -100, 0.5f, -200, 0.75f, -300, 1,    -400,  1.25f, -500,
                     1.5f, -600,  1.75f, -700, 2,    -800, 2.25f, -900, 2.5f, -1000, 2.75f, -1100},
     .text = "tensor([0.0000-0.j, 0.2500-100.j, 0.5000-200.j, 0.7500-300.j,\n        1.0000-400.j, 1.2500-500.j, 1.5000-600.j, "
             "1.7500-700.j,\n        2.0000-800.j, 2.2500-900.j, 2.5000-1000.j, 2.7500-1100.j])"},
    {"torch.tensor([], dtype=torch.complex64)", TN_COMPLEX64, 1, {0}, NULL, .text = "tensor([], dtype=torch.complex64)"},
    {"torch.tensor([1., 2.])", TN_FLOAT32, 1, {2}, (const float[]){1.0f, 2.0f}, .text = "tensor([1., 2.])"},
    {"torch.tensor([1., 1000.])", TN_FLOAT32, 1, {2}, (const float[]){1.0f, 1.0e+03f}, .text = "tensor([   1., 1000.])"},
    {"torch.tensor([1., 1001.])", TN_FLOAT32, 1, {2}, (const float[]){1.0f, 1001.0f}, .text = "tensor([1.0000e+00, 1.0010e+03])"},
    {"torch.tensor([1e-5, 1.])", TN_FLOAT32, 1, {2}, (const float[]){1.0e-05f, 1.0f}, .text = "tensor([1.0000e-05, 1.0000e+00])"},
    {"torch.tensor([0.01, 1.])", TN_FLOAT32, 1, {2}, (const float[]){0.01f, 1.0f}, .text = "tensor([0.0100, 1.0000])"},
    {"torch.tensor([inf, -inf, 0.5])",
     TN_FLOAT32,
     1,
     {3},
     (const float[]){INFINITY, -INFINITY, 0.5f},
     .text = "tensor([   inf,   -inf, 0.5000])"},
    {"torch.tensor([nan, 1.])", TN_FLOAT32, 1, {2}, (const float[]){NAN, 1.0f}, .text = "tensor([nan, 1.])"},
    {"torch.tensor([-nan, -0., 0.])", TN_FLOAT32, 1, {3}, (const float[]){-NAN, -0.0f, 0.0f}, .text = "tensor([nan, -0., 0.])"},
    {"torch.tensor([0., 1e9])", TN_FLOAT32, 1, {2}, (const float[]){0.0f, 1.0e+09f}, .text = "tensor([0.0000e+00, 1.0000e+09])"},
    {"torch.tensor([1e-4, 2e-4])",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){0.0001f, 0.0002f},
     .text = "tensor([1.0000e-04, 2.0000e-04])"},
    {"torch.tensor([-1.25, 3.5, 100.])",
     TN_FLOAT32,
     1,
     {3},
     (const float[]){-1.25f, 3.5f, 1.0e+02f},
     .text = "tensor([ -1.2500,   3.5000, 100.0000])"},
    {"torch.tensor([1e8, 1e7])",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){1.0e+08f, 1.0e+07f},
     .text = "tensor([100000000.,  10000000.])"},
    {"torch.tensor([1.00001e8, 1e7])",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){1.00001e+08f, 1.0e+07f},
     .text = "tensor([1.0000e+08, 1.0000e+07])"},
    {"torch.tensor([123456.5, 200000.])",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){123456.5f, 2.0e+05f},
     .text = "tensor([123456.5000, 200000.0000])"},
    {"torch.tensor([inf, 1.])", TN_FLOAT32, 1, {2}, (const float[]){INFINITY, 1.0f}, .text = "tensor([inf, 1.])"},
    {"torch.tensor([[1., -2.], [3., 4.5]])",
     TN_FLOAT32,
     2,
     {2, 2},
     (const float[]){1.0f, -2.0f, 3.0f, 4.5f},
     .text = "tensor([[ 1.0000, -2.0000],\n"
             "        [ 3.0000,  4.5000]])"},
    {"torch.tensor([[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]]])",
     TN_FLOAT32,
     3,
     {2, 2, 2},
     (const float[]){1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f},
     .text = "tensor([[[1., 2.],\n"
             "         [3., 4.]],\n"
             "\n"
             "        [[5., 6.],\n"
             "         [7., 8.]]])"},
    {"torch.tensor([[[[0.5]]]])", TN_FLOAT32, 4, {1, 1, 1, 1}, (const float[]){0.5f}, .text = "tensor([[[[0.5000]]]])"},
    {"torch.tensor([True, False])", TN_BOOL, 1, {2}, (const uint8_t[]){1, 0}, .text = "tensor([ True, False])"},
    {"torch.tensor(True)", TN_BOOL, 0, {0}, (const uint8_t[]){1}, .text = "tensor(True)"},
    {"torch.tensor([1, -20, 300])", TN_INT64, 1, {3}, (const int64_t[]){1, -20, 300}, .text = "tensor([  1, -20, 300])"},
    {"torch.tensor(7)", TN_INT64, 0, {0}, (const int64_t[]){7}, .text = "tensor(7)"},
    {"torch.tensor([0, 255], dtype=torch.uint8)",
     TN_UINT8,
     1,
     {2},
     (const uint8_t[]){0, 255},
     .text = "tensor([  0, 255], dtype=torch.uint8)"},
    {"torch.tensor([[-5], [7]], dtype=torch.int32)",
     TN_INT32,
     2,
     {2, 1},
     (const int32_t[]){-5, 7},
     .text = "tensor([[-5],\n"
             "        [ 7]], dtype=torch.int32)"},
    {"torch.tensor([0.1, 1/3], dtype=torch.float64)",
     TN_FLOAT64,
     1,
     {2},
     (const double[]){0.1, 0.3333333333333333},
     .text = "tensor([0.1000, 0.3333], dtype=torch.float64)"},
    {"torch.tensor([1., 65504.], dtype=torch.float16)",
     TN_FLOAT16,
     1,
     {2},
     (const uint16_t[]){0x3c00, 0x7bff},
     .text = "tensor([1.0000e+00, 6.5504e+04], dtype=torch.float16)"},
    {"torch.tensor([1., 0.1], dtype=torch.bfloat16)",
     TN_BFLOAT16,
     1,
     {2},
     (const uint16_t[]){0x3f80, 0x3dcd},
     .text = "tensor([1.0000, 0.1001], dtype=torch.bfloat16)"},
    {"torch.tensor([-9223372036854775807, 0])",
     TN_INT64,
     1,
     {2},
     (const int64_t[]){-9223372036854775807LL, 0},
     .text = "tensor([-9223372036854775807,                    0])"},
    {"torch.empty((0, 3))", TN_FLOAT32, 2, {0, 3}, NULL, .text = "tensor([], size=(0, 3))"},
    {"torch.empty(0)", TN_FLOAT32, 1, {0}, NULL, .text = "tensor([])"},
    {"torch.empty(0, dtype=torch.int64)", TN_INT64, 1, {0}, NULL, .text = "tensor([], dtype=torch.int64)"},
    {"torch.empty((2, 0), dtype=torch.bool)", TN_BOOL, 2, {2, 0}, NULL, .text = "tensor([], size=(2, 0), dtype=torch.bool)"},
    {"torch.arange(1001)", TN_INT64, 1, {1001}, count_i64, .text = "tensor([   0,    1,    2,  ...,  998,  999, 1000])"},
    {"torch.arange(2000.).view(40, 50)",
     TN_FLOAT32,
     2,
     {40, 50},
     count_f32,
     .text = "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 4.7000e+01, 4.8000e+01,\n"
             "         4.9000e+01],\n"
             "        [5.0000e+01, 5.1000e+01, 5.2000e+01,  ..., 9.7000e+01, 9.8000e+01,\n"
             "         9.9000e+01],\n"
             "        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.4700e+02, 1.4800e+02,\n"
             "         1.4900e+02],\n"
             "        ...,\n"
             "        [1.8500e+03, 1.8510e+03, 1.8520e+03,  ..., 1.8970e+03, 1.8980e+03,\n"
             "         1.8990e+03],\n"
             "        [1.9000e+03, 1.9010e+03, 1.9020e+03,  ..., 1.9470e+03, 1.9480e+03,\n"
             "         1.9490e+03],\n"
             "        [1.9500e+03, 1.9510e+03, 1.9520e+03,  ..., 1.9970e+03, 1.9980e+03,\n"
             "         1.9990e+03]])"},
    {"torch.arange(1210).view(11, 2, 55)",
     TN_INT64,
     3,
     {11, 2, 55},
     count_i64,
     .text = "tensor([[[   0,    1,    2,  ...,   52,   53,   54],\n"
             "         [  55,   56,   57,  ...,  107,  108,  109]],\n"
             "\n"
             "        [[ 110,  111,  112,  ...,  162,  163,  164],\n"
             "         [ 165,  166,  167,  ...,  217,  218,  219]],\n"
             "\n"
             "        [[ 220,  221,  222,  ...,  272,  273,  274],\n"
             "         [ 275,  276,  277,  ...,  327,  328,  329]],\n"
             "\n"
             "        ...,\n"
             "\n"
             "        [[ 880,  881,  882,  ...,  932,  933,  934],\n"
             "         [ 935,  936,  937,  ...,  987,  988,  989]],\n"
             "\n"
             "        [[ 990,  991,  992,  ..., 1042, 1043, 1044],\n"
             "         [1045, 1046, 1047,  ..., 1097, 1098, 1099]],\n"
             "\n"
             "        [[1100, 1101, 1102,  ..., 1152, 1153, 1154],\n"
             "         [1155, 1156, 1157,  ..., 1207, 1208, 1209]]])"},
    {"torch.arange(30)",
     TN_INT64,
     1,
     {30},
     count_i64,
     .text = "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
             "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])"},
    {"torch.arange(6).view(2, 3).t()",
     TN_INT64,
     2,
     {3, 2},
     count_i64,
     .text = "tensor([[0, 3],\n"
             "        [1, 4],\n"
             "        [2, 5]])",
     .strides = {1, 3}},
    {"torch.arange(10.)[::4]", TN_FLOAT32, 1, {3}, count_f32, .text = "tensor([0., 4., 8.])", .strides = {4}},
    {"torch.tensor([0.5]).expand(2, 3)",
     TN_FLOAT32,
     2,
     {2, 3},
     (const float[]){0.5f},
     .text = "tensor([[0.5000, 0.5000, 0.5000],\n"
             "        [0.5000, 0.5000, 0.5000]])",
     .strides = {0, 0},
     .expanded = true},
    {"torch.ones(2, requires_grad=True)",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){1.0f, 1.0f},
     .text = "tensor([1., 1.], requires_grad=True)",
     .requires_grad = true},
    {"torch.ones(2, requires_grad=True) + 1",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){2.0f, 2.0f},
     .text = "tensor([2., 2.], grad_fn=<AddBackward0>)",
     .grad_fn = "AddBackward0"},
    {"torch.nn.Parameter(torch.tensor([[1.5, -2.]]))",
     TN_FLOAT32,
     2,
     {1, 2},
     (const float[]){1.5f, -2.0f},
     .text = "Parameter containing:\n"
             "tensor([[ 1.5000, -2.0000]], requires_grad=True)",
     .requires_grad = true,
     .parameter = true},
    {"torch.nn.Parameter(torch.ones(1), False)",
     TN_FLOAT32,
     1,
     {1},
     (const float[]){1.0f},
     .text = "Parameter containing:\n"
             "tensor([1.])",
     .parameter = true},
    {"torch.arange(18.).requires_grad_() * 100.5",
     TN_FLOAT32,
     1,
     {18},
     (const float[]){0.0f, 100.5f, 201.0f, 301.5f, 402.0f, 502.5f, 603.0f, 703.5f, 804.0f, 904.5f, 1005.0f, 1105.5f, 1206.0f,
                     1306.5f, 1407.0f, 1507.5f, 1608.0f, 1708.5f},
     .text = "tensor([   0.0000,  100.5000,  201.0000,  301.5000,  402.0000,  502.5000,\n"
             "         603.0000,  703.5000,  804.0000,  904.5000, 1005.0000, 1105.5000,\n"
             "        1206.0000, 1306.5000, 1407.0000, 1507.5000, 1608.0000, 1708.5000],\n"
             "       grad_fn=<MulBackward0>)",
     .grad_fn = "MulBackward0"},
    {"torch.arange(2000.).view(40, 50)",
     TN_FLOAT32,
     2,
     {40, 50},
     count_f32,
     .text = "tensor([[0.00e+00, 1.00e+00,  ..., 4.80e+01, 4.90e+01],\n"
             "        [5.00e+01, 5.10e+01,  ..., 9.80e+01, 9.90e+01],\n"
             "        ...,\n"
             "        [1.90e+03, 1.90e+03,  ..., 1.95e+03, 1.95e+03],\n"
             "        [1.95e+03, 1.95e+03,  ..., 2.00e+03, 2.00e+03]])",
     .options = {2, 1000, 2, 80, -1}},
    {"torch.tensor([1., 2.5, 0., nan])",
     TN_FLOAT32,
     1,
     {4},
     (const float[]){1.0f, 2.5f, 0.0f, NAN},
     .text = "tensor([1.00000000e+00, 2.50000000e+00,\n"
             "        0.00000000e+00,            nan])",
     .options = {8, 1000, 3, 40, 1}},
    {"torch.tensor([1e-9, 1e9])",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){1.0e-09f, 1.0e+09f},
     .text = "tensor([         0.0000, 1000000000.0000])",
     .options = {4, 1000, 3, 80, 0}},
    {"torch.arange(24).view(2, 3, 4)",
     TN_INT64,
     3,
     {2, 3, 4},
     count_i64,
     .text = "tensor([[[ 0,  ...,  3],\n"
             "         ...,\n"
             "         [ 8,  ..., 11]],\n"
             "\n"
             "        [[12,  ..., 15],\n"
             "         ...,\n"
             "         [20,  ..., 23]]])",
     .options = {4, 5, 1, 80, -1}},
    {"torch.arange(2000)", TN_INT64, 1, {2000}, count_i64, .text = "tensor([...], size=(2000,))", .options = {4, 1000, 0, 80, -1}},
    {"torch.ones(2)",
     TN_FLOAT32,
     1,
     {2},
     (const float[]){1.0f, 1.0f},
     .text = "tensor([1., 1.], size=(2,))",
     .options = {4, 1000, 0, 80, -1}},
};

static bool print_row(tni_str *out, const row *r) {
    int64_t strides[5] = {0}, step = 1;
    for (int64_t d = r->ndim - 1; d >= 0; d--) {
        strides[d] = step;
        step *= r->sizes[d];
    }
    bool given = r->expanded;
    for (int64_t d = 0; d < r->ndim; d++) given = given || r->strides[d] != 0;
    tni_format_tensor_info t = {
        .data = r->data,
        .dtype = r->dtype,
        .default_dtype = TN_FLOAT32,
        .ndim = r->ndim,
        .sizes = r->sizes,
        .strides = given ? r->strides : strides,
        .grad_fn_name = r->grad_fn,
        .requires_grad = r->requires_grad,
        .is_parameter = r->parameter,
        .options = r->options.linewidth != 0 ? r->options : TNI_PRINT_DEFAULT,
    };
    return tni_format_tensor(out, &t);
}

static void same_text_as_torch(void) {
    for (size_t i = 0; i < TNI_COUNT(rows); i++) {
        tni_str out = {0};
        if (!CHECK(print_row(&out, &rows[i])) || !CHECK_STR(out.text, rows[i].text)) printf("  %s\n", rows[i].expression);
        tni_str_clear(&out);
    }
}

/* The names of locales whose decimal point is a comma; whichever is installed. */
static void any_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR"};
    for (size_t i = 0; i < TNI_COUNT(names) && setlocale(LC_ALL, names[i]) == NULL; i++) {
    }
    same_text_as_torch();
    setlocale(LC_ALL, "C");
}

static void appends_to_what_is_there(void) {
    tni_str out = {0};
    tni_str_add(&out, "x = ");
    CHECK(print_row(&out, &rows[0]));
    CHECK_STR(out.text, "x = tensor(1.5000)");
    tni_str_clear(&out);
    tni_format_size(&out, (const int64_t[]){2, 3}, 2);
    tni_format_tuple(&out, (const int64_t[]){4}, 1);
    CHECK_STR(out.text, "torch.Size([2, 3])(4,)");
    tni_str_clear(&out);
}

static void expect_error(row r, tn_status status) {
    tni_str out = {0};
    CHECK(!print_row(&out, &r));
    CHECK_EQ_INT(tn_error(), status);
    tn_clear_error();
    tni_str_clear(&out);
}

static void refuses(void) {
    row r = rows[0];
    r.dtype = TN_COMPLEX32;
    expect_error(r, TN_ERR_NOT_IMPLEMENTED);
    r = rows[0];
    r.options = (tni_print_options){-1, 1000, 3, 80, -1};
    expect_error(r, TN_ERR_VALUE);
    r.options = (tni_print_options){4, 1000, -3, 80, -1};
    expect_error(r, TN_ERR_VALUE);
}

/* 1e308 with 1000 digits after the point: the longest number there is. */
static void longest_number(void) {
    row r = {"", TN_FLOAT64, 1, {1}, (const double[]){-1.5e308}, .text = "", .options = {1000, 1000, 3, 80, 0}};
    tni_str out = {0};
    double half = -0.5e-3;
    size_t suffix = strlen("],\n       dtype=torch.float64)");
    CHECK(print_row(&out, &r));
    CHECK_EQ_INT(out.length, 8 + 310 + 1 + suffix); /* whole: no digits after the point */
    tni_str_clear(&out);
    r.data = &half;
    CHECK(print_row(&out, &r));
    CHECK_EQ_INT(out.length, 8 + 3 + 1000 + suffix);
    tni_str_clear(&out);
}

static void deep(void) {
    int64_t sizes[TNI_FORMAT_MAX_DIMS], strides[TNI_FORMAT_MAX_DIMS] = {0};
    float one = 1;
    for (int d = 0; d < TNI_FORMAT_MAX_DIMS; d++) sizes[d] = 1;
    tni_format_tensor_info t = {.data = &one,
                                .dtype = TN_FLOAT32,
                                .default_dtype = TN_FLOAT32,
                                .ndim = TNI_FORMAT_MAX_DIMS,
                                .sizes = sizes,
                                .strides = strides,
                                .options = TNI_PRINT_DEFAULT};
    tni_str out = {0};
    CHECK(tni_format_tensor(&out, &t));
    CHECK_EQ_INT(out.length, strlen("tensor(") + 2 * TNI_FORMAT_MAX_DIMS + strlen("1.)"));
    tni_str_clear(&out);
    t.ndim++;
    CHECK(!tni_format_tensor(&out, &t));
    CHECK_EQ_INT(tn_error(), TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
    tni_str_clear(&out);
}

int main(void) {
    for (int i = 0; i < 2000; i++) {
        count_i64[i] = i;
        count_f32[i] = (float)i;
    }
    RUN(same_text_as_torch);
    RUN(any_locale);
    RUN(appends_to_what_is_there);
    RUN(refuses);
    RUN(longest_number);
    RUN(deep);
    return test_end();
}
