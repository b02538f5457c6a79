/* tests/unit/test_ops_elementwise.c - functions of one tensor, comparisons, where, powers. Expected texts are PyTorch's. */
#include "support.h"

#define SHOWS(x, text) CHECK_STR(tn_to_string(x), text)
#define NAN_ ((double)NAN)
#define INF_ ((double)INFINITY)

typedef tn_tensor *unary(tn_tensor *);
typedef tn_tensor *binary(tn_tensor *, tn_tensor *);

/* What torch.<name> shows for `edges()`, integers and bools, and y.grad after f(y).backward(tensor([1., -2., 3., .5])). */
static const struct row {
    const char *name, *grad_name;
    unary *f, *in_place;
    const char *values, *grad, *ints, *bytes, *bools;
    tn_status bool_error;
} rows[] = {
    {"neg", "NegBackward0", tn_neg, tn_neg_, "tensor([    nan,     inf,  2.0000,  0.0000, -0.0000, -0.5000, -3.0000,    -inf])",
     "tensor([-1.0000,  2.0000, -3.0000, -0.5000])", "tensor([ 3,  0, -2])", "tensor([253,   0,   1], dtype=torch.uint8)",
     "Negation, the `-` operator, on a bool tensor is not supported.", TN_ERR_DTYPE},
    {"abs", "AbsBackward0", tn_abs, tn_abs_, "tensor([   nan,    inf, 2.0000, 0.0000, 0.0000, 0.5000, 3.0000,    inf])",
     "tensor([ 0.0000, -2.0000,  3.0000,  0.5000])", "tensor([3, 0, 2])", "tensor([  3,   0, 255], dtype=torch.uint8)",
     "\"abs_cpu\" not implemented for 'Bool'", TN_ERR_NOT_IMPLEMENTED},
    {"sign", "SignBackward0", tn_sign, tn_sign_, "tensor([ 0., -1., -1.,  0.,  0.,  1.,  1.,  1.])", "tensor([0., 0., 0., 0.])",
     "tensor([-1,  0,  1])", "tensor([1, 0, 1], dtype=torch.uint8)", "tensor([ True, False])", TN_OK},
    {"exp", "ExpBackward0", tn_exp, tn_exp_, "tensor([    nan,  0.0000,  0.1353,  1.0000,  1.0000,  1.6487, 20.0855,     inf])",
     "tensor([ 1.0000, -3.2974, 13.4451, 10.0428])", "tensor([0.0498, 1.0000, 7.3891])", "tensor([20.0855,  1.0000,     inf])",
     "tensor([2.7183, 1.0000])", TN_OK},
    {"log", "LogBackward0", tn_log, tn_log_, "tensor([    nan,     nan,     nan,    -inf,    -inf, -0.6931,  1.0986,     inf])",
     "tensor([    inf, -4.0000,  2.0000,  0.1667])", "tensor([   nan,   -inf, 0.6931])", "tensor([1.0986,   -inf, 5.5413])",
     "tensor([0., -inf])", TN_OK},
    {"sqrt", "SqrtBackward0", tn_sqrt, tn_sqrt_, "tensor([   nan,    nan,    nan, -0.0000, 0.0000, 0.7071, 1.7321,    inf])",
     "tensor([    inf, -1.4142,  1.2247,  0.1443])", "tensor([   nan, 0.0000, 1.4142])", "tensor([ 1.7321,  0.0000, 15.9687])",
     "tensor([1., 0.])", TN_OK},
    {"tanh", "TanhBackward0", tn_tanh, tn_tanh_, "tensor([    nan, -1.0000, -0.9640, -0.0000,  0.0000,  0.4621,  0.9951,  1.0000])",
     "tensor([ 1.0000, -1.5729,  0.5421,  0.0049])", "tensor([-0.9951,  0.0000,  0.9640])", "tensor([0.9951, 0.0000, 1.0000])",
     "tensor([0.7616, 0.0000])", TN_OK},
    {"sigmoid", "SigmoidBackward0", tn_sigmoid, tn_sigmoid_,
     "tensor([   nan, 0.0000, 0.1192, 0.5000, 0.5000, 0.6225, 0.9526, 1.0000])", "tensor([ 0.2500, -0.4700,  0.4474,  0.0226])",
     "tensor([0.0474, 0.5000, 0.8808])", "tensor([0.9526, 0.5000, 1.0000])", "tensor([0.7311, 0.5000])", TN_OK},
    {"relu", "ReluBackward0", tn_relu, tn_relu_, "tensor([   nan, 0.0000, 0.0000, -0.0000, 0.0000, 0.5000, 3.0000,    inf])",
     "tensor([ 0.0000, -2.0000,  3.0000,  0.5000])", "tensor([0, 0, 2])", "tensor([  3,   0, 255], dtype=torch.uint8)",
     "Boolean inputs not supported for relu", TN_ERR_DTYPE},
};
enum { ROWS = sizeof rows / sizeof *rows };

static tn_tensor *edges(void) { return tn_tensor((8), NAN_, -INF_, -2, -0.0, 0, 0.5, 3, INF_); }
static tn_tensor *slopes(void) { return tn_tensor((4), 1., -2, 3, 0.5); }
static tn_tensor *leaf(void) { return tn_requires_grad_(tn_tensor((4), 0., 0.5, 1.5, 3), true); }

static void values(void) {
    for (int i = 0; i < ROWS; i++) {
        TN_SCOPE;
        const struct row *r = &rows[i];
        SHOWS(r->f(edges()), r->values);
        SHOWS(r->f(tn_tensor((3), -3, 0, 2)), r->ints);
        SHOWS(r->f(tn_to(tn_tensor((3), 3, 0, 255), TN_UINT8)), r->bytes);
        CHECK_OK();
        tn_tensor *bools = r->f(tn_to(tn_tensor((2), 1, 0), TN_BOOL));
        if (r->bool_error)
            CHECK_ERROR(r->bool_error, r->bools);
        else
            SHOWS(bools, r->bools);
    }
}

static void slopes_of_one(void) {
    for (int i = 0; i < ROWS; i++) {
        TN_SCOPE;
        const struct row *r = &rows[i];
        tn_tensor *x = leaf(), *again = leaf(), *y = r->f(x);
        CHECK_STR(tn_grad_fn_name(y), r->grad_name);
        CHECK(tn_backward(y, .gradient = slopes()));
        SHOWS(tn_grad(x), r->grad);
        tn_tensor *by_formula = tn_autograd_grad(r->f(again), again, .grad_output = slopes(), .create_graph = true);
        CHECK(tn_equal(tn_detach(by_formula), tn_grad(x)));
        CHECK_OK();
    }
}

static tn_tensor *apply_unary(tn_tensor *const *in, size_t n, void *data) {
    (void)n;
    return ((const struct row *)data)->f(in[0]);
}

static void shapes_and_strides(void) {
    for (int i = 0; i < ROWS; i++) {
        TN_SCOPE;
        const struct row *r = &rows[i];
        tn_manual_seed(7);
        for (int wide = 0; wide < 2; wide++) {
            tn_tensor *x = tn_abs(tn_randn((13, 9), .dtype = wide ? TN_FLOAT64 : TN_FLOAT32)), *turned = r->f(tn_t(x));
            tn_tensor *some = tn_slice(x, 1, 1, TN_NONE, 3);
            CHECK_EQ_INT(tn_stride(turned, 0), 1);
            CHECK(tn_equal(tn_t(turned), r->f(x)));
            CHECK(tn_equal(r->f(some), r->f(tn_contiguous(some))));
            CHECK(tn_equal(r->in_place(tn_t(tn_clone(x))), turned));
        }
        CHECK_EQ_INT(tn_numel(r->f(tn_zeros((0, 3)))), 0);
        CHECK_EQ_INT(tn_ndim(r->f(tn_tensor((), 0.5))), 0);
        tn_tensor *x = tn_requires_grad_(tn_add(tn_abs(tn_randn((2, 3), .dtype = TN_FLOAT64)), 0.5), true);
        CHECK(tn_gradcheck_fn(apply_unary, (void *)(size_t)r, &x, 1));
        if (r->f != tn_sign) CHECK(tn_gradgradcheck_fn(apply_unary, (void *)(size_t)r, &x, 1));
        CHECK_OK();
    }
}

static void in_place(void) {
    TN_SCOPE;
    tn_tensor *x = leaf(), *y = tn_mul(x, 0.5), *ints = tn_tensor((2), -3, 4);
    CHECK(tn_tanh_(y) == y);
    CHECK_STR(tn_grad_fn_name(y), "TanhBackward0");
    CHECK(tn_backward(tn_sum(y)));
    SHOWS(tn_grad(x), "tensor([0.5000, 0.4700, 0.2983, 0.0904])"); /* torch.tanh_(x * 0.5).sum().backward() */
    SHOWS(tn_relu_(ints), "tensor([0, 4])");
    CHECK_OK();
    CHECK(tn_sqrt_(ints) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "result type Float can't be cast to the desired output type Long");
    CHECK(tn_exp_(x) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, NULL);
}

static void relu_of_nan(void) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_tensor((4), NAN_, 0, 1, -1), true);
    CHECK(tn_backward(tn_sum(tn_relu(x))));
    SHOWS(tn_grad(x), "tensor([1., 0., 1., 0.])");
    CHECK(tn_set_grad(x, NULL) && tn_backward(tn_relu(x), .gradient = tn_tensor((4), NAN_, NAN_, NAN_, NAN_)));
    SHOWS(tn_grad(x), "tensor([nan, 0., nan, 0.])");
    CHECK_OK();
}

static void comparisons(void) {
    static const struct {
        binary *f;
        const char *floats, *with_number, *bools, *mixed;
    } of[] = {
        {tn_eq, "tensor([ True, False, False, False])", "tensor([False,  True, False])", "tensor([ True, False, False])",
         "tensor([False, False])"},
        {tn_ne, "tensor([False,  True,  True,  True])", "tensor([ True, False,  True])", "tensor([False,  True,  True])",
         "tensor([True, True])"},
        {tn_lt, "tensor([False, False,  True, False])", "tensor([ True, False, False])", "tensor([False,  True, False])",
         "tensor([ True, False])"},
        {tn_le, "tensor([ True, False,  True, False])", "tensor([ True,  True, False])", "tensor([ True,  True, False])",
         "tensor([ True, False])"},
        {tn_gt, "tensor([False, False, False,  True])", "tensor([False, False,  True])", "tensor([False, False,  True])",
         "tensor([False,  True])"},
        {tn_ge, "tensor([ True, False, False,  True])", "tensor([False,  True,  True])", "tensor([ True, False,  True])",
         "tensor([False,  True])"},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        TN_SCOPE;
        SHOWS(of[i].f(tn_tensor((4), 1., NAN_, 2, -1), tn_tensor((4), 1., 1, 3, -2)), of[i].floats);
        SHOWS(of[i].f(tn_tensor((3), 1, 2, 3), tn_number_int(2)), of[i].with_number);
        SHOWS(of[i].f(tn_to(tn_tensor((3), 1, 0, 1), TN_BOOL), tn_to(tn_tensor((3), 1, 1, 0), TN_BOOL)), of[i].bools);
        SHOWS(of[i].f(tn_tensor((2), 1, 2), tn_tensor((2), 1.5, 1.5)), of[i].mixed);
        CHECK_EQ_INT(tn_numel(of[i].f(tn_zeros((0, 3)), tn_zeros(3))), 0);
    }
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_randn((3, 4)), true);
    CHECK(!tn_requires_grad(tn_gt(x, 0)));
    CHECK_EQ_INT(tn_stride(tn_eq(tn_t(x), tn_t(x)), 1), 4);
    CHECK(tn_eq(x, tn_zeros(3)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1");
}

static tn_tensor *choose(tn_tensor *const *in, size_t n, void *data) {
    (void)n;
    return tn_where((tn_tensor *)data, in[0], tn_mul(in[1], in[1]));
}

static void chosen(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((2, 3), 0., 1, 2, 3, 4, 5), *column = tn_to(tn_tensor((2, 1), 1, 0), TN_BOOL);
    SHOWS(tn_where(tn_gt(x, 2), x, -1), "tensor([[-1., -1., -1.],\n        [ 3.,  4.,  5.]])");
    SHOWS(tn_where(tn_gt(x, 2), 0, x), "tensor([[0., 1., 2.],\n        [0., 0., 0.]])");
    SHOWS(tn_where(column, tn_tensor((3), 1, 2, 3), tn_tensor((), 0.5)),
          "tensor([[1.0000, 2.0000, 3.0000],\n        [0.5000, 0.5000, 0.5000]])");
    SHOWS(tn_where(tn_gt(tn_t(x), 2), tn_t(x), tn_zeros((3, 2))), "tensor([[0., 3.],\n        [0., 4.],\n        [0., 5.]])");
    CHECK_EQ_INT(tn_stride(tn_where(tn_gt(tn_t(x), 2), tn_t(x), 0), 1), 3);
    SHOWS(tn_where(tn_to(tn_tensor((), 1), TN_BOOL), tn_tensor((2), 1, 2), tn_tensor((2), 3, 4)), "tensor([1, 2])");
    CHECK_EQ_INT(tn_get_dtype(tn_where(column, 1, 1.5)), TN_FLOAT32);
    CHECK_EQ_INT(tn_numel(tn_where(tn_zeros(0, .dtype = TN_BOOL), tn_zeros(1), tn_zeros(0))), 0);
    SHOWS(tn_where(tn_to(tn_tensor((2), 1, 0), TN_UINT8), tn_zeros(2), 1.0), "tensor([0., 1.])");
    tn_tensor *in[2] = {tn_randn(3, .dtype = TN_FLOAT64, .requires_grad = true),
                        tn_randn((2, 1), .dtype = TN_FLOAT64, .requires_grad = true)};
    tn_tensor *condition = tn_gt(tn_randn((2, 3)), 0);
    CHECK_STR(tn_grad_fn_name(choose(in, 2, condition)), "WhereBackward0");
    CHECK(tn_gradcheck_fn(choose, condition, in, 2));
    CHECK(tn_gradgradcheck_fn(choose, condition, in, 2));
    CHECK_OK();
    CHECK(tn_where(tn_tensor((2), 1, 0), tn_zeros(2), 1) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "where expected condition to be a boolean tensor, but got a tensor with dtype Long");
    CHECK(tn_where(column, tn_zeros(3), tn_zeros(4)) == NULL);
    CHECK_ERROR(TN_ERR_SHAPE, NULL);
}

/* x ** e and its gradient for torch.tensor([-2., -.5, 0., 1.5, 3.]). */
static void powers_by_number(void) {
    static const struct {
        double e;
        const char *value, *grad;
    } of[] = {
        {0, "tensor([1., 1., 1., 1., 1.])", "tensor([0., 0., 0., 0., 0.])"},
        {1, "tensor([-2.0000, -0.5000,  0.0000,  1.5000,  3.0000])", "tensor([1., 1., 1., 1., 1.])"},
        {2, "tensor([4.0000, 0.2500, 0.0000, 2.2500, 9.0000])", "tensor([-4., -1.,  0.,  3.,  6.])"},
        {3, "tensor([-8.0000, -0.1250,  0.0000,  3.3750, 27.0000])", "tensor([12.0000,  0.7500,  0.0000,  6.7500, 27.0000])"},
        {4, "tensor([1.6000e+01, 6.2500e-02, 0.0000e+00, 5.0625e+00, 8.1000e+01])",
         "tensor([-32.0000,  -0.5000,   0.0000,  13.5000, 108.0000])"},
        {-1, "tensor([-0.5000, -2.0000,     inf,  0.6667,  0.3333])", "tensor([-0.2500, -4.0000,    -inf, -0.4444, -0.1111])"},
        {-2, "tensor([0.2500, 4.0000,    inf, 0.4444, 0.1111])", "tensor([ 0.2500, 16.0000,    -inf, -0.5926, -0.0741])"},
        {0.5, "tensor([   nan,    nan, 0.0000, 1.2247, 1.7321])", "tensor([   nan,    nan,    inf, 0.4082, 0.2887])"},
        {-0.5, "tensor([   nan,    nan,    inf, 0.8165, 0.5774])", "tensor([    nan,     nan,    -inf, -0.2722, -0.0962])"},
        {2.5, "tensor([    nan,     nan,  0.0000,  2.7557, 15.5885])", "tensor([    nan,     nan,  0.0000,  4.5928, 12.9904])"},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_requires_grad_(tn_tensor((5), -2., -0.5, 0, 1.5, 3), true);
        tn_tensor *y = tn_pow(x, of[i].e);
        CHECK_STR(tn_grad_fn_name(y), "PowBackward0");
        SHOWS(tn_detach(y), of[i].value);
        CHECK(tn_backward(tn_sum(y)));
        SHOWS(tn_grad(x), of[i].grad);
        CHECK_OK();
    }
}

/* torch.tensor([a], requires_grad=True) ** torch.tensor([e], requires_grad=True): value and gradients. */
static void powers_of_edges(void) {
    static const double of[][5] = {{0, 0, 1, 0, 0},      {0, 2, 0, 0, 0},          {0, -1, INFINITY, -INFINITY, -INFINITY},
                                   {-2, 3, -8, 12, NAN}, {-2, 0.5, NAN, NAN, NAN}, {3, 0, 1, 0, 1.0986122886681098},
                                   {0, 1, 0, 1, 0}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        TN_SCOPE;
        const double *v = of[i];
        tn_tensor *a = tn_full(1, v[0], .dtype = TN_FLOAT64, .requires_grad = true);
        tn_tensor *e = tn_full(1, v[1], .dtype = TN_FLOAT64, .requires_grad = true);
        tn_tensor *other = tn_full(1, v[1], .dtype = TN_FLOAT64, .requires_grad = true);
        tn_tensor *y = tn_pow(a, e), *z = tn_pow(v[0], other);
        CHECK_STR(tn_grad_fn_name(y), "PowBackward1");
        CHECK_STR(tn_grad_fn_name(z), "PowBackward2");
        CHECK_NEAR(tn_item(y), v[2], 0);
        CHECK_NEAR(tn_item(z), v[2], 0);
        CHECK(tn_backward(tn_sum(y)) && tn_backward(tn_sum(z)));
        CHECK_NEAR(tn_item(tn_grad(a)), v[3], 0);
        CHECK_NEAR(tn_item(tn_grad(e)), v[4], 1e-15);
        CHECK_NEAR(tn_item(tn_grad(other)), v[4], 1e-15);
        CHECK_OK();
    }
}

static void powers_of_integers(void) {
    TN_SCOPE;
    tn_tensor *bytes = tn_to(tn_tensor((2), 3, 200), TN_UINT8), *x = tn_tensor((3), 2, 3, -2);
    SHOWS(tn_pow(x, tn_tensor((3), 3, 4, 5)), "tensor([  8,  81, -32])");
    SHOWS(tn_pow(tn_tensor((4), 2, 1, -1, 0), tn_tensor((4), -1, -2, -3, -1)), "tensor([ 0,  1, -1,  0])");
    SHOWS(tn_pow(bytes, 2), "tensor([ 9, 64], dtype=torch.uint8)");
    SHOWS(tn_pow(bytes, tn_to(tn_tensor((2), 5, 3), TN_UINT8)), "tensor([243,   0], dtype=torch.uint8)");
    SHOWS(tn_pow(tn_to(x, TN_INT32), 31), "tensor([-2147483648,  1264544299, -2147483648], dtype=torch.int32)");
    SHOWS(tn_pow(2, tn_tensor((3), 0, 3, 10)), "tensor([   1,    8, 1024])");
    SHOWS(tn_pow(2, tn_tensor((2), 0.5, -1)), "tensor([1.4142, 0.5000])");
    SHOWS(tn_pow(2, tn_tensor((2), 2, -3)), "tensor([4, 0])");
    SHOWS(tn_pow(tn_tensor((2), 2, 3), -1.0), "tensor([0.5000, 0.3333])");
    SHOWS(tn_pow(tn_to(tn_tensor((2), 1, 0), TN_BOOL), 2), "tensor([1, 0])");
    SHOWS(tn_square(x), "tensor([4, 9, 4])");
    SHOWS(tn_pow_(x, 2), "tensor([4, 9, 4])");
    CHECK_EQ_INT(tn_numel(tn_pow(tn_zeros((0, 3)), tn_zeros(3))), 0);
    CHECK_OK();
    CHECK(tn_pow(x, -1) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Integers to negative integer powers are not allowed.");
    CHECK(tn_pow_(x, 2.0) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "result type Float can't be cast to the desired output type Long");
    CHECK(tn_pow(tn_gt(x, 0), tn_gt(x, 0)) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "not implemented for 'Bool'");
}

static tn_tensor *raise(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    return tn_add(tn_pow(in[0], in[1]), tn_mul(tn_pow(in[0], 3), tn_pow(1.5, in[1])));
}

static tn_tensor *raise_in_place(tn_tensor *const *in, size_t n, void *data) {
    (void)n, (void)data;
    return tn_mul(tn_pow_(tn_mul(in[0], 1), in[1]), tn_pow_(tn_add(in[0], in[1]), 2));
}

static void slopes_of_powers(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_tensor *in[2] = {tn_requires_grad_(tn_add(tn_abs(tn_randn((2, 3), .dtype = TN_FLOAT64)), 0.5), true),
                        tn_randn(3, .dtype = TN_FLOAT64, .requires_grad = true)};
    CHECK(tn_gradcheck_fn(raise, NULL, in, 2));
    CHECK(tn_gradgradcheck_fn(raise, NULL, in, 2));
    CHECK(tn_gradcheck_fn(raise_in_place, NULL, in, 2));
    CHECK_OK();
}

/* One rounding rule per special exponent: x * x, (x * x) * x, 1 / x, 1 / (x * x), sqrt, 1 / sqrt. */
static void roundings(void) {
    TN_SCOPE;
    tn_manual_seed(5);
    tn_tensor *x = tn_abs(tn_randn(1000)), *two = tn_mul(x, x);
    CHECK(tn_equal(tn_pow(x, 2), two) && tn_equal(tn_square(x), two));
    CHECK(tn_equal(tn_pow(x, 3), tn_mul(two, x)));
    CHECK(tn_equal(tn_pow(x, -1), tn_div(1, x)));
    CHECK(tn_equal(tn_pow(x, -2), tn_div(1, two)));
    CHECK(tn_equal(tn_pow(x, 0.5), tn_sqrt(x)));
    CHECK(tn_equal(tn_pow(x, -0.5), tn_div(1, tn_sqrt(x))));
    CHECK(tn_equal(tn_pow(tn_expand(x, (2, 1000)), 2), tn_expand(two, (2, 1000))));
    CHECK_OK();
}

static void no_leaks(void) {
    size_t before = live_objects();
    in_place();
    chosen();
    powers_of_integers();
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    RUN(values);
    RUN(slopes_of_one);
    RUN(shapes_and_strides);
    RUN(in_place);
    RUN(relu_of_nan);
    RUN(comparisons);
    RUN(chosen);
    RUN(powers_by_number);
    RUN(powers_of_edges);
    RUN(powers_of_integers);
    RUN(slopes_of_powers);
    RUN(roundings);
    RUN(no_leaks);
    return test_end();
}
