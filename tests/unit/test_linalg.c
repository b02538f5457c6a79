/* tests/unit/test_linalg.c - what the samples of the operators on matrices do not show: larger ones, second results, what is refused. */
#include "support.h"

static bool near(tn_tensor *a, tn_tensor *b, double tolerance) {
    return a && b && tn_allclose(a, b, .rtol = tolerance, .atol = tolerance);
}
static tn_tensor *turned(tn_tensor *x) { return tn_transpose(x, -2, -1); }
static tn_tensor *adjoint(tn_tensor *x) { return turned(tn_conj(x)); }
static tn_tensor *unit(int64_t n, tn_dtype dtype) { return tn_eye(n, .dtype = dtype); }

static void factors_of_large_matrices(void) {
    static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128};
    tn_manual_seed(1);
    for (int k = 0; k < 4; k++) {
        TN_SCOPE;
        tn_dtype d = dtypes[k];
        double close = k % 2 ? 1e-10 : 2e-3;
        tn_tensor *a = tn_randn((3, 70, 70), .dtype = d), *tall = tn_randn((2, 90, 40), .dtype = d), *q, *r, *v, *tau;
        tn_tensor *b = tn_randn((3, 70, 5), .dtype = d), *wide = turned(tall);
        CHECK(near(tn_matmul(a, tn_linalg_solve(a, b)), b, close));
        CHECK(near(tn_matmul(tn_linalg_solve(a, turned(b), .left = false), a), turned(b), close));
        CHECK(near(tn_matmul(a, tn_linalg_inv(a)), tn_expand(unit(70, d), (3, 70, 70)), close));
        CHECK(tn_linalg_qr(tall, NULL, &q, &r) && tn_size(q, 2) == 40 && tn_size(r, 1) == 40);
        CHECK(near(tn_matmul(q, r), tall, close) && near(tn_matmul(adjoint(q), q), tn_expand(unit(40, d), (2, 40, 40)), close));
        CHECK(near(tn_triu(r), r, 0));
        CHECK(tn_linalg_qr(tall, &(tn_linalg_qr_opts){sizeof(tn_linalg_qr_opts), "complete"}, &q, &r) && tn_size(q, 2) == 90);
        CHECK(near(tn_matmul(q, r), tall, close) && near(tn_matmul(q, adjoint(q)), tn_expand(unit(90, d), (2, 90, 90)), close));
        CHECK(tn_linalg_qr(wide, NULL, &q, &r) && near(tn_matmul(q, r), wide, close));
        CHECK(tn_geqrf(tall, &v, &tau) &&
              near(tn_linalg_householder_product(v, tau), tn_matmul(tall, tn_linalg_inv(tn_triu(tn_narrow(v, 1, 0, 40)))), close));
        tn_tensor *square = tn_add(tn_matmul(a, adjoint(a)), unit(70, d)), *l = tn_linalg_cholesky(square);
        CHECK(near(tn_matmul(l, adjoint(l)), square, close) && near(tn_linalg_cholesky(square, .upper = true), adjoint(l), close));
        tn_tensor *skew = tn_sub(a, adjoint(a)), *turn = tn_linalg_matrix_exp(skew);
        CHECK(near(tn_matmul(turn, adjoint(turn)), tn_expand(unit(70, d), (3, 70, 70)), close));
        CHECK(near(tn_matmul(turn, tn_linalg_matrix_exp(adjoint(skew))), tn_expand(unit(70, d), (3, 70, 70)), close));
        CHECK_EQ_INT(tn_error(), TN_OK);
    }
}

/* Matrices that are cut into blocks, which do not divide them. */
static void matrices_of_several_blocks(tn_dtype d) {
    TN_SCOPE;
    tn_manual_seed(3);
    const int64_t n = 300;
    tn_tensor *a = tn_randn((n, n), .dtype = d), *b = tn_randn((n, 7), .dtype = d), *q, *r, *one = unit(n, d);
    CHECK(near(tn_matmul(a, tn_linalg_solve(a, b)), b, 1e-8) && near(tn_matmul(tn_linalg_inv(a), a), one, 1e-8));
    tn_tensor *upper = tn_add(tn_div(tn_triu(a, 1), 50.0), one), *lower = turned(upper);
    CHECK(near(tn_linalg_solve_triangular(upper, tn_matmul(upper, b), .upper = true), b, 1e-8));
    CHECK(near(tn_linalg_solve_triangular(lower, tn_matmul(lower, b), .upper = false, .unitriangular = true), b, 1e-8));
    CHECK(near(tn_linalg_solve_triangular(lower, tn_matmul(turned(b), lower), .upper = false, .left = false), turned(b), 1e-8));
    static const int64_t shapes[][2] = {{300, 300}, {350, 290}, {290, 350}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        tn_tensor *x = tn_randn((shapes[i][0], shapes[i][1]), .dtype = d);
        CHECK(tn_linalg_qr(x, NULL, &q, &r) && near(tn_matmul(q, r), x, 1e-10));
        CHECK(near(tn_matmul(adjoint(q), q), unit(tn_size(q, 1), d), 1e-10) && near(tn_triu(r), r, 0));
        CHECK(tn_linalg_qr(x, &(tn_linalg_qr_opts){sizeof(tn_linalg_qr_opts), "complete"}, &q, &r) &&
              near(tn_matmul(q, r), x, 1e-10));
        CHECK(near(tn_matmul(adjoint(q), q), unit(shapes[i][0], d), 1e-10));
    }
    tn_tensor *sign, *size, *left = tn_narrow(a, 1, 0, 299);
    CHECK(tn_linalg_slogdet(tn_mul(a, 2.0), &sign, &size));
    tn_tensor *sign1, *size1;
    CHECK(tn_linalg_slogdet(turned(a), &sign1, &size1) && near(sign, sign1, 1e-10));
    CHECK_NEAR(tn_item(size) - tn_item(size1), 300 * log(2), 1e-8);
    CHECK(!tn_linalg_inv(tn_cat(((tn_tensor *[]){left, tn_zeros((300, 1), .dtype = d)}), 2, .dim = 1)));
    CHECK_ERROR(TN_ERR_LINALG, "linalg.inv: The diagonal element 300 is zero");
    CHECK_EQ_INT(tn_error(), TN_OK);
}

static void real_matrices_of_several_blocks(void) { matrices_of_several_blocks(TN_FLOAT64); }
static void complex_matrices_of_several_blocks(void) { matrices_of_several_blocks(TN_COMPLEX128); }

static tn_tensor *log_det(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *y = NULL;
    (void)n, (void)data;
    return tn_linalg_slogdet(in[0], NULL, &y) ? y : NULL;
}
static tn_tensor *sign_and_log(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *sign, *size;
    (void)n, (void)data;
    return tn_linalg_slogdet(in[0], &sign, &size) ? tn_mul(sign, size) : NULL;
}
static tn_tensor *root(tn_tensor *const *in, size_t n, void *data) {
    (void)n;
    return (tn_linalg_cholesky)(tn_add(tn_matmul(in[0], adjoint(in[0])), unit(3, tn_get_dtype(in[0]))), data);
}
static tn_tensor *triangle(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *q, *r;
    (void)n;
    return tn_linalg_qr(in[0], data, &q, &r) ? r : NULL;
}
static tn_tensor *product(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *q, *r;
    (void)n;
    return tn_linalg_qr(in[0], data, &q, &r) ? tn_mul(tn_matmul(q, r), tn_matmul(q, r)) : NULL;
}

typedef tn_tensor *function(tn_tensor *const *in, size_t n, void *data);
static void check_both(function *f, void *data, tn_tensor *x) {
    tn_tensor *in[] = {tn_requires_grad_(x, true)};
    CHECK(tn_gradcheck_fn(f, data, in, 1) && tn_gradgradcheck_fn(f, data, in, 1));
}

/* The function of complex numbers as one of their parts. */
typedef struct {
    function *f;
    void *data;
} of_complex;
static tn_tensor *by_parts(tn_tensor *const *in, size_t n, void *data) {
    const of_complex *c = data;
    tn_tensor *x = tn_view_as_complex(in[0]), *y = c->f(&x, n, c->data);
    return y && tn_get_dtype(y) == TN_COMPLEX128 ? tn_view_as_real(y) : y;
}
static void check_complex(function *f, void *data, tn_tensor *x) { check_both(by_parts, &(of_complex){f, data}, x); }

static void derivatives_of_second_results(void) {
    TN_SCOPE;
    tn_manual_seed(2);
    tn_linalg_cholesky_opts upper = {.size = sizeof upper, .upper = true};
    tn_linalg_qr_opts complete = {.size = sizeof complete, .mode = "complete"};
    check_both(log_det, NULL, tn_randn((2, 3, 3), .dtype = TN_FLOAT64));
    check_both(root, NULL, tn_randn((2, 3, 3), .dtype = TN_FLOAT64));
    check_both(root, &upper, tn_randn((3, 3), .dtype = TN_FLOAT64));
    check_both(triangle, NULL, tn_randn((2, 4, 3), .dtype = TN_FLOAT64));
    check_both(triangle, NULL, tn_randn((3, 5), .dtype = TN_FLOAT64));
    check_both(product, NULL, tn_randn((4, 2), .dtype = TN_FLOAT64));
    check_both(product, &complete, tn_randn((2, 3, 4), .dtype = TN_FLOAT64));
    check_complex(log_det, NULL, tn_randn((2, 3, 3, 2), .dtype = TN_FLOAT64));
    check_complex(sign_and_log, NULL, tn_randn((3, 3, 2), .dtype = TN_FLOAT64));
    check_complex(root, NULL, tn_randn((3, 3, 2), .dtype = TN_FLOAT64));
    check_complex(root, &upper, tn_randn((2, 3, 3, 2), .dtype = TN_FLOAT64));
    check_complex(triangle, NULL, tn_randn((2, 4, 3, 2), .dtype = TN_FLOAT64));
    check_complex(triangle, NULL, tn_randn((3, 5, 2), .dtype = TN_FLOAT64));
    check_complex(product, &complete, tn_randn((3, 4, 2), .dtype = TN_FLOAT64));
    CHECK_EQ_INT(tn_error(), TN_OK);
}

static tn_tensor *gradient_of_det(tn_tensor *x) {
    tn_requires_grad_(x, true);
    tn_backward(tn_linalg_det(x));
    return tn_grad(x);
}

static void the_determinant_of_a_singular_matrix(void) {
    TN_SCOPE;
    tn_tensor *one = tn_tensor((2, 2), 1.0, 2, 2, 4), *expected = tn_tensor((2, 2), 4.0, -2, -2, 1);
    CHECK(near(gradient_of_det(one), expected, 1e-5));                     /* rank n - 1: the cofactors */
    CHECK(near(gradient_of_det(tn_ones((3, 3))), tn_zeros((3, 3)), 1e-5)); /* rank n - 2: nothing */
    tn_tensor *x = tn_requires_grad_(tn_ones((2, 2)), true), *first = tn_autograd_grad(tn_linalg_det(x), x, .create_graph = true);
    CHECK(first && !tn_backward(tn_sum(first)));
    CHECK_ERROR(TN_ERR_LINALG, "linalg.inv: The diagonal element 2 is zero");
}

/* ---- singular values ---- */

static void check_svd(tn_tensor *x, bool full, double close) {
    TN_SCOPE;
    tn_tensor *u, *s, *vh;
    int64_t m = tn_size(x, -2), n = tn_size(x, -1), k = m < n ? m : n;
    tn_dtype d = tn_get_dtype(x);
    CHECK(tn_linalg_svd(x, &(tn_linalg_svd_opts){sizeof(tn_linalg_svd_opts), full}, &u, &s, &vh));
    CHECK(tn_size(u, -1) == (full ? m : k) && tn_size(vh, -2) == (full ? n : k) && tn_size(s, -1) == k);
    CHECK(near(tn_matmul(adjoint(u), u), (tn_expand_as)(unit(tn_size(u, -1), d), tn_matmul(adjoint(u), u)), close));
    CHECK(near(tn_matmul(vh, adjoint(vh)), (tn_expand_as)(unit(tn_size(vh, -2), d), tn_matmul(vh, adjoint(vh))), close));
    tn_tensor *left = tn_mul(tn_narrow(u, -1, 0, k), tn_unsqueeze(s, -2));
    double most = tn_item(tn_max(s));
    CHECK(tn_allclose(tn_matmul(left, tn_narrow(vh, -2, 0, k)), x, .rtol = 0, .atol = close * most));
    CHECK(tn_allclose(tn_linalg_svdvals(x), s, .rtol = 0, .atol = close * most) && tn_item(tn_min(s)) >= 0);
    for (int64_t i = 1; i < k; i++) CHECK(tn_item(tn_min(tn_sub(tn_select(s, -1, i - 1), tn_select(s, -1, i)))) >= 0);
}

static void singular_values_and_vectors(void) {
    TN_SCOPE;
    static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128};
    static const int64_t shapes[][2] = {{1, 1}, {5, 5}, {7, 3}, {3, 7}, {60, 60}, {90, 40}, {1, 9}, {9, 1}};
    tn_manual_seed(4);
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int full = 0; full < 2; full++)
                check_svd(tn_randn((2, shapes[i][0], shapes[i][1]), .dtype = dtypes[k]), full, k % 2 ? 1e-12 : 1e-5);
    check_svd(tn_randn((300, 270), .dtype = TN_FLOAT64), false, 1e-12);
    CHECK_EQ_INT(tn_error(), TN_OK);
}

/* Zeros, equal values, low rank, values of all sizes, values near the ends of the range. */
static void singular_values_of_odd_matrices(void) {
    TN_SCOPE;
    tn_manual_seed(6);
    tn_dtype d = TN_FLOAT64;
    tn_tensor *a = tn_randn((12, 12), .dtype = d), *q, *p, *r;
    check_svd(tn_zeros((4, 3), .dtype = d), true, 1e-13);
    check_svd(tn_eye(6, .m = 4, .dtype = d), true, 1e-13);
    check_svd(tn_ones((5, 5), .dtype = d), true, 1e-13);
    check_svd(tn_matmul(tn_narrow(a, 1, 0, 3), tn_narrow(a, 0, 0, 3)), true, 1e-13);
    check_svd(tn_triu(tn_ones((30, 30), .dtype = d)), true, 1e-13);
    check_svd(tn_triu(tn_ones((8, 8), .dtype = d), 1), true, 1e-13);
    check_svd(tn_mul(a, 1e250), true, 1e-13), check_svd(tn_mul(a, 1e-250), true, 1e-13);
    for (int up = 0; up < 2; up++) {
        tn_tensor *values = tn_pow(10.0, tn_mul(tn_arange(0, 12, .dtype = d), up ? 1.5 : -1.5));
        check_svd(tn_mul(a, values), true, 1e-13), check_svd(tn_mul(a, tn_unsqueeze(values, 1)), true, 1e-13);
        CHECK(tn_linalg_qr(a, NULL, &q, &r) && tn_linalg_qr(tn_randn((12, 12), .dtype = d), NULL, &p, &r));
        tn_tensor *made = tn_linalg_svdvals(tn_matmul(tn_mul(q, values), p)), *expected = up ? tn_flip(values, 0) : values;
        CHECK(tn_allclose(made, expected, .rtol = 0, .atol = 1e-14 * tn_item(tn_max(values))));
    }
    CHECK_EQ_INT(tn_error(), TN_OK);
}

/* What does not depend on signs and phases. */
static tn_tensor *of_vectors(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *u, *s, *vh;
    (void)n;
    if (!tn_linalg_svd(in[0], data, &u, &s, &vh)) return NULL;
    int64_t k = tn_size(s, -1);
    u = tn_narrow(u, -1, 0, k), vh = tn_narrow(vh, -2, 0, k);
    tn_tensor *both = tn_matmul(u, vh), *left = tn_matmul(tn_mul(u, tn_unsqueeze(tn_sin(s), -2)), adjoint(u));
    return tn_add(tn_sum(tn_mul(both, both)), tn_sum(tn_mul(left, tn_narrow(tn_narrow(left, -1, 0, 1), -2, 0, 1))));
}

static void derivatives_of_singular_values_and_vectors(void) {
    TN_SCOPE;
    tn_manual_seed(8);
    tn_linalg_svd_opts full = {sizeof full, true}, thin = {sizeof thin, false};
    check_both(of_vectors, &thin, tn_randn((3, 3), .dtype = TN_FLOAT64));
    check_both(of_vectors, &thin, tn_randn((4, 3), .dtype = TN_FLOAT64));
    check_both(of_vectors, &full, tn_randn((3, 5), .dtype = TN_FLOAT64));
    check_complex(of_vectors, &thin, tn_randn((3, 3, 2), .dtype = TN_FLOAT64));
    check_complex(of_vectors, &full, tn_randn((4, 3, 2), .dtype = TN_FLOAT64));
    check_complex(of_vectors, &thin, tn_randn((2, 3, 2), .dtype = TN_FLOAT64));
    CHECK_EQ_INT(tn_error(), TN_OK);
    tn_tensor *u, *x = tn_requires_grad_(tn_randn((3, 3), .dtype = TN_COMPLEX128), true);
    CHECK(tn_linalg_svd(x, NULL, &u, NULL, NULL) && !tn_backward(tn_real(tn_sum(u))));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "svd_backward: The singular vectors in the complex case are specified up to multiplication by e^{i phi}.");
}

static void what_is_refused(void) {
    TN_SCOPE;
    tn_tensor *q, *r, *x = tn_requires_grad_(tn_randn((4, 3)), true), *ones = tn_ones((2, 2));
    CHECK(!tn_linalg_solve(ones, ones));
    CHECK_ERROR(TN_ERR_LINALG, "torch.linalg.solve: The solver failed because the input matrix is singular.");
    CHECK(strcmp(tn_status_exception(TN_ERR_LINALG), "LinAlgError") == 0);
    CHECK(!tn_linalg_inv(tn_ones((2, 2, 2))));
    CHECK_ERROR(TN_ERR_LINALG,
                "linalg.inv: (Batch element 0): The diagonal element 2 is zero, the inversion could not be completed "
                "because the input matrix is singular.");
    CHECK(!tn_linalg_cholesky(tn_neg(ones)));
    CHECK_ERROR(TN_ERR_LINALG,
                "linalg.cholesky: The factorization could not be completed because the input is not positive-definite (the "
                "leading minor of order 1 is not positive-definite).");
    CHECK(tn_linalg_qr(x, &(tn_linalg_qr_opts){sizeof(tn_linalg_qr_opts), "r"}, &q, &r) && tn_numel(q) == 0);
    CHECK(!tn_backward(tn_sum(r)));
    CHECK_ERROR(TN_ERR_RUNTIME, "The derivative of linalg.qr depends on Q, which is not computed when mode='r'.");
    CHECK(tn_linalg_qr(x, &(tn_linalg_qr_opts){sizeof(tn_linalg_qr_opts), "complete"}, &q, &r));
    CHECK(!tn_backward(tn_sum(r)));
    CHECK_ERROR(TN_ERR_RUNTIME, "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
    CHECK(tn_geqrf(x, &q, &r) && !tn_backward(tn_sum(q)));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "the derivative for 'geqrf' is not implemented.");
}

/* Squares of these elements overflow or vanish. */
static void lengths_near_the_ends_of_the_range(void) {
    TN_SCOPE;
    for (int k = 0; k < 2; k++) {
        double scale = k ? 1e-170 : 1e170;
        tn_tensor *x = tn_mul(tn_to(tn_tensor((3, 1), 3.0, 0, 4), TN_FLOAT64), scale), *q, *r;
        CHECK(tn_linalg_qr(x, NULL, &q, &r));
        CHECK_NEAR(tn_item(r) / scale, -5, 1e-14);
        CHECK_NEAR(tn_item(tn_linalg_vector_norm(q)), 1, 1e-14);
        CHECK(tn_linalg_qr(tn_complex(x, tn_mul(x, 2.0)), NULL, &q, &r));
        CHECK_NEAR(tn_item(tn_real(r)) / scale, -5 * sqrt(5), 1e-14);
        CHECK_NEAR(tn_item(tn_linalg_vector_norm(tn_view_as_real(q))), 1, 1e-14);
    }
}

int main(void) {
    RUN(factors_of_large_matrices);
    RUN(real_matrices_of_several_blocks);
    RUN(complex_matrices_of_several_blocks);
    RUN(derivatives_of_second_results);
    RUN(the_determinant_of_a_singular_matrix);
    RUN(singular_values_and_vectors);
    RUN(singular_values_of_odd_matrices);
    RUN(derivatives_of_singular_values_and_vectors);
    RUN(what_is_refused);
    RUN(lengths_near_the_ends_of_the_range);
    return test_end();
}
