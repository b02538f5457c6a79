/* bench/bench_linalg.c - operators on matrices of 16 to 1024 rows, float32. Prints "operator/rows ns" lines, the fastest of several calls. */
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
    printf("%s/%lld %.0f\n", name, (long long)rows, best);
}

int main(void) {
    tn_exit_on_error(true);
    TN_SCOPE;
    TN_NO_GRAD;
    tn_set_num_threads(1);
    const int64_t sizes[] = {16, 64, 256, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        TN_SCOPE;
        int64_t n = sizes[i];
        tn_manual_seed(1);
        a = tn_div(tn_randn((n, n)), (double)n), b = tn_randn((n, n));
        lower = tn_add(tn_tril(a), tn_eye(n));
        positive = tn_add(tn_matmul(a, tn_t(a)), tn_eye(n));
        tn_geqrf(a, &reflections, &tau);
        measure("solve", n, solve), measure("inv", n, inv), measure("det", n, det), measure("qr", n, qr);
        measure("householder_product", n, householder_product), measure("matrix_exp", n, matrix_exp);
        measure("solve_triangular", n, solve_triangular), measure("cholesky", n, cholesky);
    }
    return 0;
}
