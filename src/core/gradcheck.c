/* core/gradcheck.c - derivatives against finite differences: torch.autograd.gradcheck and gradgradcheck. */
#include "base/error.h"
#include "base/memory.h"
#include "core/tensor.h"
#include <math.h>
#include <tison/autograd.h>
#include <tison/ops.h>

/* The tolerances of torch.autograd.gradcheck. */
static const double EPS = 1e-6, ATOL = 1e-5, RTOL = 1e-3;
enum { MAX_INPUTS = 32 };

static bool check_inputs(const char *who, tn_tensor *const *in, size_t n) {
    bool any = false;
    TNI_CHECK(n <= MAX_INPUTS, TN_ERR_VALUE, "%s: at most %d inputs", who, (int)MAX_INPUTS);
    for (size_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        TNI_TRY(tni_check_handle(who, "input", in[i], TNI_TENSOR));
        if (!in[i]->requires_grad) continue;
        any = true;
        TNI_TRY(in[i]->a.device == TNI_CPU || tni_refuse_values(in[i]->a.device));
        TNI_CHECK(in[i]->a.dtype == TN_FLOAT64, TN_ERR_DTYPE,
                  "%s: input %zu requires gradient and must be float64, not %s: finite differences need the precision", who, i,
                  tni_dtype_get((tn_dtype)in[i]->a.dtype)->name);
        TNI_CHECK(!tni_may_overlap_itself(&in[i]->a), TN_ERR_VALUE,
                  "%s: input %zu has elements that share memory (expand): clone() it first", who, i);
    }
    TNI_CHECK(any, TN_ERR_VALUE, "%s expects at least one input that requires gradient", who);
    return true;
}

/* Element number `e` in row-major order. */
static double *element(const tn_tensor *x, int64_t e) {
    int64_t at = 0;
    for (int d = x->a.ndim - 1; d >= 0; d--) {
        at += e % x->a.sizes[d] * x->a.strides[d];
        e /= x->a.sizes[d];
    }
    return (double *)x->a.data + at;
}

/* f's output as doubles, row-major, into out[numel]. */
static bool evaluate(tn_checked_function *f, void *data, tn_tensor *const *in, size_t n, double *out, int64_t numel) {
    tn_scope scope = tn_scope_enter();
    int mode = tn_grad_mode_enter(false);
    tn_tensor *y = f(in, n, data);
    bool right = y && tn_copy_to(tn_to(y, TN_FLOAT64), out, (size_t)numel * sizeof *out);
    tn_mode_exit(&mode);
    tn_scope_exit(&scope);
    return right;
}

typedef struct check {
    const char *who;
    tn_checked_function *f;
    void *data;
    tn_tensor *const *in;
    size_t n, input;
    tn_tensor *y;
    double *plus, *minus, *analytic; /* analytic: one row of y.numel for each element of the input */
} check;

static bool fill_analytic(check *c) {
    tn_tensor *x = c->in[c->input];
    for (int64_t j = 0; j < c->y->a.numel; j++) {
        tn_scope scope = tn_scope_enter();
        tn_tensor *seed = tn_zeros_like(c->y);
        bool right = seed != NULL;
        if (right) *element(seed, j) = 1;
        tn_autograd_grad_opts opts = {.size = sizeof opts, .grad_output = seed, .retain_graph = true, .allow_unused = true};
        tn_tensor *g = right ? (tn_autograd_grad)(c->y, x, &opts) : NULL;
        for (int64_t e = 0; e < x->a.numel && !tni_failed(); e++) c->analytic[e * c->y->a.numel + j] = g ? *element(g, e) : 0;
        tn_scope_exit(&scope);
        if (tni_failed()) return false;
    }
    return true;
}

static bool compare(check *c) {
    tn_tensor *x = c->in[c->input];
    int64_t m = c->y->a.numel;
    for (int64_t e = 0; e < x->a.numel; e++) {
        double *at = element(x, e), kept = *at;
        *at = kept + EPS;
        bool right = evaluate(c->f, c->data, c->in, c->n, c->plus, m);
        *at = kept - EPS;
        right = right && evaluate(c->f, c->data, c->in, c->n, c->minus, m);
        *at = kept;
        if (!right) return tni_failed() ? false : tni_fail(TN_ERR_CALLBACK, "%s: the function returned NULL", c->who);
        for (int64_t j = 0; j < m; j++) {
            double numerical = (c->plus[j] - c->minus[j]) / (2 * EPS), analytical = c->analytic[e * m + j];
            TNI_CHECK(fabs(analytical - numerical) <= ATOL + RTOL * fabs(numerical), TN_ERR_AUTOGRAD,
                      "%s: Jacobian mismatch for output 0 with respect to input %zu, element %lld of the input and %lld of the "
                      "output: numerical %g, "
                      "analytical %g",
                      c->who, c->input, (long long)e, (long long)j, numerical, analytical);
        }
    }
    return true;
}

static bool check_input(check *c) {
    size_t m = (size_t)c->y->a.numel, k = (size_t)c->in[c->input]->a.numel, row = m * sizeof(double), all;
    TNI_CHECK(TNI_MUL(row, k, &all), TN_ERR_VALUE, "%s: the Jacobian is too large", c->who);
    if (all == 0) return true;
    c->plus = tni_alloc(row), c->minus = tni_alloc(row), c->analytic = tni_alloc(all);
    bool right = c->plus && c->minus && c->analytic && fill_analytic(c) && compare(c);
    tni_free(c->plus, row);
    tni_free(c->minus, row);
    tni_free(c->analytic, all);
    return right;
}

static bool run_check(const char *who, tn_checked_function *f, void *data, tn_tensor *const *in, size_t n) {
    if (tni_failed()) return false;
    TNI_CHECK(f != NULL, TN_ERR_TYPE, "%s: argument 'f' is NULL", who);
    TNI_TRY(check_inputs(who, in, n));
    tn_scope scope = tn_scope_enter();
    int mode = tn_grad_mode_enter(true);
    tn_tensor *y = f(in, n, data);
    bool right = y && !tni_failed();
    if (!y && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "%s: the function returned NULL", who);
    if (right && y->a.dtype != TN_FLOAT64) right = tni_fail(TN_ERR_DTYPE, "%s: the output must be float64", who);
    if (right && !tn_requires_grad(y)) right = tni_fail(TN_ERR_VALUE, "%s: the output does not require grad", who);
    for (size_t i = 0; i < n && right; i++) {
        check c = {.who = who, .f = f, .data = data, .in = in, .n = n, .input = i, .y = y};
        if (in[i] && in[i]->requires_grad) right = check_input(&c);
    }
    tn_mode_exit(&mode);
    tn_scope_exit(&scope);
    return right;
}

bool tn_gradcheck_fn(tn_checked_function *f, void *data, tn_tensor *const *in, size_t n) {
    return run_check("gradcheck", f, data, in, n);
}

/* ---- second derivatives: the first one, as a function of the inputs and of its seed, is checked in turn ---- */

typedef struct second {
    tn_checked_function *f;
    void *data;
    size_t n;
} second;

static tn_tensor *first_derivatives(tn_tensor *const *in, size_t n, void *data) {
    second *s = data;
    tn_tensor *x[MAX_INPUTS], *g[MAX_INPUTS], *flat[MAX_INPUTS];
    size_t k = 0, found = 0;
    int mode = tn_grad_mode_enter(true);
    tn_tensor *y = s->f(in, s->n, s->data);
    for (size_t i = 0; i < s->n; i++)
        if (in[i] && in[i]->requires_grad) x[k++] = in[i];
    tn_autograd_grad_opts opts = {.size = sizeof opts, .grad_output = in[n - 1], .create_graph = true, .allow_unused = true};
    bool right = y && tn_autograd_grads(y, x, k, g, &opts);
    for (size_t i = 0; i < k && right; i++)
        if (g[i]) flat[found++] = (tn_reshape)(g[i], (const int64_t[]){-1}, 1);
    tn_mode_exit(&mode);
    return right && found ? (tn_cat)(flat, found, NULL) : NULL;
}

bool tn_gradgradcheck_fn(tn_checked_function *f, void *data, tn_tensor *const *in, size_t n) {
    if (tni_failed()) return false;
    TNI_CHECK(f != NULL, TN_ERR_TYPE, "gradgradcheck: argument 'f' is NULL");
    TNI_CHECK(n < MAX_INPUTS, TN_ERR_VALUE, "gradgradcheck: at most %d inputs", MAX_INPUTS - 1);
    TNI_TRY(check_inputs("gradgradcheck", in, n));
    tn_scope scope = tn_scope_enter();
    tn_tensor *all[MAX_INPUTS], *y = f(in, n, data);
    for (size_t i = 0; i < n; i++) all[i] = in[i];
    all[n] = y ? tn_zeros_like(y) : NULL;
    bool right = all[n] != NULL;
    for (int64_t e = 0; right && e < y->a.numel; e++) *element(all[n], e) = 0.5 + 0.3 * (double)(e % 7) - 0.1 * (double)(e % 3);
    right = right && (tn_requires_grad_)(all[n], true);
    second s = {f, data, n};
    right = right && run_check("gradgradcheck", first_derivatives, &s, all, n + 1);
    tn_scope_exit(&scope);
    return right;
}

/* ---- the same for functions of the program's own ---- */

typedef struct applied {
    const tn_function_class *function;
    void *data;
} applied;
static tn_tensor *apply(tn_tensor *const *in, size_t n, void *data) {
    applied *a = data;
    return (tn_apply)(a->function, a->data, in, n);
}
bool(tn_gradcheck)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n) {
    applied a = {function, data};
    return tn_gradcheck_fn(apply, &a, in, n);
}
bool(tn_gradgradcheck)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n) {
    applied a = {function, data};
    return tn_gradgradcheck_fn(apply, &a, in, n);
}
