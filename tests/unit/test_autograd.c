/* Autograd: accumulation, versions, views in place, hooks, functions, gradients of gradients. Values from PyTorch where numbers stand. */
#include "support.h"
#include <pthread.h>
#include <stdlib.h>

static double sum(tn_tensor *x) { return tn_item(tn_sum(x)); }
static tn_tensor *leaf(int64_t n) { return tn_ones(n, .dtype = TN_FLOAT64, .requires_grad = true); }

static void leaves_accumulate_in_place(void) {
    tn_tensor *w = leaf(3);
    tn_backward(tn_sum(tn_mul(w, 2)));
    tn_tensor *g = tn_grad(w);
    CHECK(sum(g) == 6 && !tn_requires_grad(g) && tn_is_leaf(g));
    tn_backward(tn_sum(tn_mul(w, 3)));
    CHECK(tn_grad(w) == g && sum(g) == 15);
    tn_backward(tn_sum(tn_mul(w, w)), .create_graph = true); /* out of place, with history */
    CHECK(tn_grad(w) != g && sum(g) == 15 && sum(tn_grad(w)) == 21 && tn_requires_grad(tn_grad(w)));
    CHECK(tn_grad(leaf(2)) == NULL);
    CHECK_OK();
}

static void a_given_gradient_is_copied(void) {
    tn_tensor *w = leaf(3), *seed = tn_full(3, 2.0, .dtype = TN_FLOAT64);
    tn_backward(w, .gradient = seed);
    tn_mul_(seed, 10);
    CHECK(sum(tn_grad(w)) == 6);
    tn_tensor *one = tn_parameter(tn_scalar_tensor(3.0));
    CHECK(tn_backward(one) && tn_item(tn_grad(one)) == 1);
}

static void shared_gradients_are_never_changed(void) {
    tn_tensor *a = leaf(2), *b = leaf(2), *y = tn_add(a, b);
    tn_backward(tn_sum(tn_add(y, tn_mul(a, 3))));
    CHECK(sum(tn_grad(a)) == 8 && sum(tn_grad(b)) == 2);
    CHECK(tn_data(tn_grad(a)) != tn_data(tn_grad(b)));
}

static void misuse_is_refused(void) {
    tn_tensor *w = leaf(3);
    CHECK(!tn_backward(tn_mul(w, 2)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "grad can be implicitly created only for scalar outputs");
    CHECK(!tn_backward(tn_sum(tn_ones(3))));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "does not require grad and does not have a grad_fn");
    tn_tensor *loss = tn_sum(tn_mul(w, w));
    CHECK(tn_backward(loss) && !tn_backward(loss));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Trying to backward through the graph a second time");
    loss = tn_sum(tn_mul(w, w));
    CHECK(tn_backward(loss, .retain_graph = true) && tn_backward(loss));
    CHECK(!tn_backward(tn_mul(w, 2), .gradient = tn_ones(4)));
    CHECK_ERROR(TN_ERR_SHAPE, "Mismatch in shape");
    CHECK(tn_autograd_grad(tn_sum(w), leaf(2)) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "appears to not have been used in the graph");
    CHECK(tn_autograd_grad(tn_sum(w), leaf(2), .allow_unused = true) == NULL && tn_error() == TN_OK);
    CHECK(tn_requires_grad_(tn_ones(2, .dtype = TN_INT64), true) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "only Tensors of floating point dtype can require gradients");
    CHECK(tn_parameter(tn_ones(2, .dtype = TN_INT64)) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
    CHECK(tn_requires_grad_(tn_mul(w, 2), false) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "you can only change requires_grad flags of leaf variables");
    CHECK(!tn_set_grad(w, tn_ones(2, .dtype = TN_FLOAT64)));
    CHECK_ERROR(TN_ERR_SHAPE, "attempting to assign a gradient of size '[2]' to a tensor of size '[3]'");
    CHECK(!tn_set_grad(w, tn_ones(3)));
    CHECK_ERROR(TN_ERR_DTYPE, "attempting to assign a gradient with dtype 'float' to a tensor with grad_dtype 'Double'");
    CHECK(tn_set_grad(w, NULL) && tn_grad(w) == NULL);
}

static void in_place_rules(void) {
    tn_tensor *w = leaf(3);
    CHECK(tn_mul_(w, 2) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK(tn_mul_(tn_select(w, 0, 0), 2) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK(sum(w) == 3);
    {
        TN_NO_GRAD;
        CHECK(tn_mul_(w, 2) == w && sum(w) == 6);
    }
    tn_tensor *x = tn_mul(w, 1), *y = tn_mul(x, x);
    CHECK(tn_add_(x, 1) == x);
    CHECK(!tn_backward(tn_sum(y)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "has been modified by an inplace operation: [torch.DoubleTensor [3]]");
    tn_tensor *z = tn_mul(w, 3);
    tn_mul_(tn_add_(z, 1), w); /* history follows the writes: (3w + 1) w, and the old z is kept for w's part */
    tn_tensor *g = tn_autograd_grad(tn_sum(z), w);
    CHECK(tn_error() == TN_OK && sum(g) == 3 * (6 * 2 + 1));
    z = tn_mul(w, 3);
    tn_mul_(z, z); /* as in torch: the second factor was overwritten */
    CHECK(!tn_backward(tn_sum(z)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "modified by an inplace operation");
}

/* torch: x = ones(4) * w; x[1:3] *= 5; x.sum() -> grad of w is 1, 5, 5, 1 */
static void views_in_place_rebase_history(void) {
    tn_tensor *w = leaf(4), *x = tn_mul(w, 1), *v = tn_narrow(x, 0, 1, 2);
    CHECK(tn_mul_(v, 5) == v);
    CHECK_STR(tn_grad_fn_name(x), "CopySlices");
    CHECK_STR(tn_grad_fn_name(v), "AsStridedBackward0");
    tn_backward(tn_sum(x), .retain_graph = true);
    double g[4];
    CHECK(tn_copy_to(tn_grad(w), g, sizeof g) && g[0] == 1 && g[1] == 5 && g[2] == 5 && g[3] == 1);
    tn_tensor *through = tn_autograd_grad(tn_sum(v), w);
    CHECK(tn_copy_to(through, g, sizeof g) && g[0] == 0 && g[1] == 5 && g[2] == 5 && g[3] == 0);
    tn_tensor *base = tn_zeros(4, .dtype = TN_FLOAT64); /* a base that had no history gets one */
    tn_copy_(tn_narrow(base, 0, 0, 2), tn_narrow(tn_mul(w, 7), 0, 2, 2));
    CHECK(tn_requires_grad(base));
    tn_tensor *h = tn_autograd_grad(tn_sum(base), w);
    CHECK(tn_copy_to(h, g, sizeof g) && g[0] == 0 && g[1] == 0 && g[2] == 7 && g[3] == 7);
    CHECK_OK();
}

/* The base lies in memory as a transposed matrix does: torch gives 1, 5, 1, 5 for the rows of w. */
static void views_in_place_of_a_transposed_base(void) {
    tn_tensor *w = tn_ones((2, 3), .dtype = TN_FLOAT64, .requires_grad = true), *x = tn_mul(tn_t(w), 1);
    CHECK(!tn_is_contiguous(x));
    tn_mul_(tn_select(x, 1, 1), 5);
    tn_backward(tn_sum(tn_mul(x, tn_tensor((3, 2), 1.0, 2, 3, 4, 5, 6))), .retain_graph = true);
    double g[6];
    const double expected[6] = {1, 3, 5, 10, 20, 30};
    CHECK(tn_copy_to(tn_grad(w), g, sizeof g) && memcmp(g, expected, sizeof g) == 0);
    tn_tensor *v = tn_select(x, 0, 1), *part = tn_autograd_grad(tn_sum(v), w);
    CHECK(tn_copy_to(part, g, sizeof g) && g[1] == 1 && g[4] == 5 && g[0] == 0 && g[3] == 0);
    CHECK_OK();
}

static void versions_are_shared_by_views_and_detach(void) {
    tn_tensor *x = tn_ones(4), *v = tn_narrow(x, 0, 0, 2), *d = tn_detach(x), *p = tn_parameter(x);
    uint32_t at = tn_version_counter(x);
    tn_add_(v, 1);
    CHECK_EQ_INT(tn_version_counter(x), at + 1);
    CHECK_EQ_INT(tn_version_counter(d), at + 1);
    tn_add_(d, 1);
    CHECK_EQ_INT(tn_version_counter(p), at + 2);
    CHECK(sum(p) == 10 && tn_is_leaf(p) && tn_requires_grad(p) && !tn_requires_grad(x));
}

static void modes(void) {
    tn_tensor *w = leaf(2);
    {
        TN_NO_GRAD;
        CHECK(!tn_requires_grad(tn_mul(w, 2)) && !tn_is_grad_enabled());
        {
            TN_ENABLE_GRAD;
            CHECK(tn_requires_grad(tn_mul(w, 2)));
        }
        CHECK(!tn_is_grad_enabled());
    }
    CHECK(tn_is_grad_enabled());
    tn_tensor *inside;
    {
        TN_INFERENCE_MODE;
        CHECK(tn_is_inference_mode_enabled());
        inside = tn_mul(w, 2);
        CHECK(tn_add_(inside, 1) != NULL);
    }
    CHECK(tn_add_(inside, 1) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Inplace update to inference tensor outside InferenceMode is not allowed");
    CHECK(tn_mul(w, inside) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Inference tensors cannot be saved for backward");
    CHECK(tn_requires_grad(tn_add(w, inside)));
    CHECK(tn_parameter(inside) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
}

/* ---- hooks ---- */

static tn_tensor *twice(tn_tensor *g, void *data) {
    ++*(int *)data;
    return tn_mul(g, 2);
}
static tn_tensor *look(tn_tensor *g, void *data) {
    *(double *)data = sum(g);
    return NULL;
}
static tn_tensor *wrong_shape(tn_tensor *g, void *data) {
    (void)g, (void)data;
    return tn_ones(7, .dtype = TN_FLOAT64);
}
static void after(tn_tensor *w, void *data) { *(double *)data = sum(tn_grad(w)); }
static void gone(void *data) { *(int *)data += 100; }

static void hooks_run_in_order(void) {
    int count = 0;
    double seen = 0, accumulated = 0;
    {
        TN_SCOPE;
        tn_tensor *w = leaf(2);
        tn_hook *first = tn_register_hook(w, twice, &count, gone);
        tn_register_hook(w, look, &seen, NULL);
        tn_register_post_accumulate_grad_hook(w, after, &accumulated, NULL);
        tn_backward(tn_sum(tn_mul(w, 3)));
        CHECK(count == 1 && seen == 12 && accumulated == 12);
        tn_hook_remove(first);
        tn_backward(tn_sum(tn_mul(w, 3)));
        CHECK(count == 1 && seen == 6 && accumulated == 18);
        tn_tensor *y = tn_mul(w, 5);
        tn_register_hook(y, twice, &count, NULL);
        tn_retain_grad(y);
        tn_backward(tn_sum(y));
        CHECK(sum(tn_grad(y)) == 4 && sum(tn_grad(w)) == 18 + 20);
        tn_register_hook(w, wrong_shape, NULL, NULL);
        CHECK(!tn_backward(tn_sum(w)));
        CHECK_ERROR(TN_ERR_SHAPE, "has changed the size of value");
        CHECK(tn_register_hook(tn_ones(1), look, &seen, NULL) == NULL);
        CHECK_ERROR(TN_ERR_AUTOGRAD, "doesn't require gradient");
        count = 1;
    }
    CHECK_EQ_INT(count, 101);
}

/* ---- functions of one's own ---- */

static bool cube_forward(tn_function *fn, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)n, (void)k;
    tn_function_save(fn, in[0]);
    out[0] = tn_mul(tn_mul(in[0], in[0]), in[0]);
    return out[0] != NULL;
}
static bool cube_backward(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n) {
    (void)n, (void)k;
    tn_tensor *x = tn_function_saved(fn, 0);
    din[0] = tn_mul(dout[0], tn_mul(tn_mul(x, x), *(double *)tn_function_data(fn)));
    return din[0] != NULL;
}
TN_FUNCTION(cube, .forward = cube_forward, .backward = cube_backward);

static void own_functions(void) {
    double right = 3, wrong = 2;
    tn_tensor *x = tn_linspace(-1, 2, 4, .dtype = TN_FLOAT64, .requires_grad = true);
    CHECK(tn_gradcheck(&cube, &right, x) && tn_gradgradcheck(&cube, &right, x));
    CHECK_OK();
    CHECK(!tn_gradcheck(&cube, &wrong, x));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Jacobian mismatch");
    CHECK_STR(tn_grad_fn_name(tn_apply(&cube, &right, x)), "cubeBackward");
    CHECK(!tn_gradcheck(&cube, &right, tn_ones(2, .requires_grad = true)));
    CHECK_ERROR(TN_ERR_DTYPE, "must be float64");
    CHECK(!tn_requires_grad(tn_apply(&cube, &right, tn_ones(2))));
    tn_tensor *y = tn_sum(tn_apply(&cube, &right, x));
    CHECK(tn_backward(y) && !tn_backward(y));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "a second time");
}

/* ---- size ---- */

enum { CHAIN = 1000000 };
static void *build_run_and_free_a_chain(void *unused) {
    (void)unused;
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_tensor *w = tn_ones(1, .requires_grad = true), *x = NULL;
        tn_assign(&x, w);
        for (int i = 0; i < CHAIN; i++) {
            TN_SCOPE;
            tn_assign(&x, tn_add(x, w));
        }
        CHECK(tn_backward(tn_sum(x)));
        CHECK(tn_item(tn_grad(w)) == CHAIN + 1);
        tn_free(x);
        tn_tensor *y = NULL; /* freed without having run */
        tn_assign(&y, w);
        for (int i = 0; i < CHAIN; i++) {
            TN_SCOPE;
            tn_assign(&y, tn_add(y, 1));
        }
        tn_free(y);
    }
    CHECK_OK();
    CHECK_EQ_INT(live_objects(), before);
    return NULL;
}

static void a_million_nodes_on_a_small_stack(void) {
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    CHECK(pthread_create(&thread, &attr, build_run_and_free_a_chain, NULL) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

static void a_wide_graph(void) {
    TN_SCOPE;
    tn_tensor *w = leaf(1), *parts[2000];
    for (int i = 0; i < 2000; i++) parts[i] = tn_mul(w, i);
    tn_backward(tn_sum((tn_cat)(parts, 2000, NULL)));
    CHECK(tn_item(tn_grad(w)) == 1999000);
}

/* What a maximum's derivative keeps besides its values are places: they have no history of their own. */
static void indices_have_no_history(void) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_randn((2, 3)), true), *values, *indices;
    CHECK(tn_max_dim(x, 1, false, &values, &indices) && !tn_requires_grad(indices));
    tn_tensor *dx = tn_autograd_grad(values, x, .grad_output = tn_ones(2), .create_graph = true);
    CHECK(dx && !tn_requires_grad(dx) && tn_item(tn_sum(dx)) == 2);
    tn_tensor *dy = tn_requires_grad_(tn_ones(2), true);
    CHECK(tn_max_dim(x, 1, false, &values, &indices));
    dx = tn_autograd_grad(values, x, .grad_output = dy, .create_graph = true);
    CHECK(dx && tn_requires_grad(dx) && tn_item(tn_sum(tn_autograd_grad(tn_sum(dx), dy))) == 2);
}

/* Between forward and backward a leaf gets other memory, of another shape or dtype: an error, and no byte out of place. */
static void leaves_that_changed(void) {
    TN_SCOPE;
    for (int which = 0; which < 6; which++) {
        TN_SCOPE;
        tn_tensor *x = tn_requires_grad_(tn_ones((300, 300)), which & 1), *w = tn_parameter(tn_ones((300, 300)));
        tn_tensor *y = which < 2 ? tn_linear(x, w, NULL) : which < 4 ? tn_mm(x, w) : tn_mul(tn_tanh(w), tn_relu(w));
        CHECK(tn_set_data(w, tn_ones((2, 2))) && !tn_backward(tn_sum(y)) && tn_grad(w) == NULL);
        CHECK_ERROR(TN_ERR_SHAPE, NULL);
    }
    tn_nn_linear *l = tn_nn_linear(300, 300);
    tn_tensor *y = tn_forward(l, tn_requires_grad_(tn_ones((2, 300)), true));
    CHECK(tn_module_to(l, TN_FLOAT64) && !tn_backward(tn_sum(y)));
    CHECK_ERROR(TN_ERR_DTYPE, NULL);
    tn_tensor *x = tn_requires_grad_(tn_ones((2, 300)), true), *small = tn_parameter(tn_ones(1));
    l = tn_nn_linear(300, 300), y = tn_forward(l, x);
    CHECK(tn_swap_tensors(l->bias, small) && tn_autograd_grad(tn_sum(y), x) && tn_error() == TN_OK); /* the bias is not asked for */
}

int main(void) {
    RUN(indices_have_no_history);
    RUN(leaves_accumulate_in_place);
    RUN(a_given_gradient_is_copied);
    RUN(shared_gradients_are_never_changed);
    RUN(misuse_is_refused);
    RUN(in_place_rules);
    RUN(views_in_place_rebase_history);
    RUN(views_in_place_of_a_transposed_base);
    RUN(versions_are_shared_by_views_and_detach);
    RUN(modes);
    RUN(hooks_run_in_order);
    RUN(own_functions);
    RUN(a_million_nodes_on_a_small_stack);
    RUN(a_wide_graph);
    RUN(leaves_that_changed);
    return test_end();
}
