/* bench/bench_linalg.c - operators on matrices of 16 to 1024 rows, float32 and complex64. Prints "operator/rows ns" lines, the fastest of several calls. */
#include <stdio.h>
#include <time.h>
#include <tison.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static tn_tensor *a, *b, *lower, *positive, *reflections, *tau;
static void solve(void) { tn_linalg_solve(a, b); }
static void inv(void) { tn_linalg_inv(a); }
static void det(void) { tn_linalg_det(a); }
static void qr(void) {
    tn_tensor *q, *r;
    (tn_linalg_qr)(a, NULL, &q, &r);
}
static void householder_product(void) { tn_linalg_householder_product(reflections, tau); }
static void matrix_exp(void) { tn_linalg_matrix_exp(a); }
static void solve_triangular(void) { tn_linalg_solve_triangular(lower, b, .upper = false); }
static void cholesky(void) { tn_linalg_cholesky(positive); }

static void svdvals(void) { tn_linalg_svdvals(a); }
static void svd(void) {
    tn_tensor *u, *s, *vh;
    tn_linalg_svd(a, NULL, &u, &s, &vh);
}

static const char *prefix;
static void measure(const char *name, int64_t rows, void (*body)(void)) {
    double best = 1e30, all = 0;
    for (int i = 0; i < 5 || (all < 2e8 && i < 2000); i++) {
        TN_SCOPE;
        double start = now(), took;
        body();
        took = now() - start;
        all += took;
        if (took < best) best = took;
    }
    printf("%s%s/%lld %.0f\n", prefix, name, (long long)rows, best);
}

static void measure_all(int64_t n, tn_dtype dtype) {
    TN_SCOPE;
    tn_manual_seed(1);
    tn_tensor *one = tn_eye(n, .dtype = dtype);
    a = tn_div(tn_randn((n, n), .dtype = dtype), (double)n), b = tn_randn((n, n), .dtype = dtype);
    lower = tn_add(tn_tril(a), one);
    positive = tn_add(tn_matmul(a, tn_conj(tn_t(a))), one);
    tn_geqrf(a, &reflections, &tau);
    prefix = dtype == TN_FLOAT32 ? "" : "complex_";
    measure("solve", n, solve), measure("inv", n, inv), measure("det", n, det), measure("qr", n, qr);
    measure("householder_product", n, householder_product), measure("matrix_exp", n, matrix_exp);
    measure("solve_triangular", n, solve_triangular), measure("cholesky", n, cholesky);
    if (n <= 256) measure("svdvals", n, svdvals), measure("svd", n, svd);
}

int main(void) {
    tn_exit_on_error(true);
    TN_SCOPE;
    TN_NO_GRAD;
    tn_set_num_threads(1);
    for (int64_t n = 16; n <= 1024; n *= 4) measure_all(n, TN_FLOAT32);
    for (int64_t n = 16; n <= 1024; n *= 4) measure_all(n, TN_COMPLEX64);
    return 0;
}
