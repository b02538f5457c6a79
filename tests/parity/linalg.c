/* Operators on matrices, real and complex, where the samples do not reach: matrices of several blocks, second results and their gradients,
 * roots of positive-definite matrices; linalg.py compares with PyTorch. */
#include "parity.h"

static const char *type;
static void put_named(const char *name, tn_tensor *x) {
    char key[120];
    snprintf(key, sizeof key, "%s|%s", type, name);
    put(key, tn_get_dtype(x) == TN_COMPLEX128 ? tn_view_as_real(tn_detach(x)) : x);
}

/* The results, and the gradient of x from one number made of them. */
static void put_all(const char *name, tn_tensor *x, tn_tensor *y, tn_tensor *z) {
    char key[80];
    tn_tensor *loss = tn_real(tn_sum(tn_mul(y, tn_mul(y, y))));
    put_named(name, y);
    if (z) {
        snprintf(key, sizeof key, "%s, second", name);
        put_named(key, z);
        loss = tn_add(loss, tn_real(tn_sum(tn_mul(z, z))));
    }
    tn_backward(loss);
    snprintf(key, sizeof key, "%s, gradient", name);
    put_named(key, tn_grad(x));
}

static tn_tensor *input(const char *name, int64_t batch, int64_t m, int64_t n, tn_dtype dtype) {
    tn_tensor *x = tn_div(tn_randn((batch, m, n), .dtype = dtype), 4);
    put_named(name, x);
    return tn_requires_grad_(x, true);
}

static tn_tensor *positive(tn_tensor *x) {
    return tn_add(tn_matmul(x, tn_conj(tn_transpose(x, -2, -1))), tn_eye(tn_size(x, -1), .dtype = tn_get_dtype(x)));
}

/* What does not depend on the signs or phases of the vectors. */
static void svd(tn_tensor *x) {
    tn_tensor *u, *s, *vh;
    tn_linalg_svd(x, &(tn_linalg_svd_opts){sizeof(tn_linalg_svd_opts), false}, &u, &s, &vh);
    put_all("svd", x, tn_matmul(u, vh), s);
    tn_set_grad(x, NULL);
}

static void run(tn_dtype dtype, int64_t batch, int64_t n) {
    TN_SCOPE;
    tn_tensor *y, *z, *x = input("square", batch, n, n, dtype), *b = input("right side", batch, n, 3, dtype);
    put_all("solve", x, tn_linalg_solve(x, b), NULL), tn_set_grad(x, NULL);
    put_all("inv", x, tn_linalg_inv(x), NULL), tn_set_grad(x, NULL);
    tn_linalg_slogdet(x, &y, &z), put_all("slogdet", x, y, z), tn_set_grad(x, NULL);
    tn_linalg_qr(x, NULL, &y, &z), put_all("qr", x, y, z), tn_set_grad(x, NULL);
    put_all("cholesky", x, tn_linalg_cholesky(positive(x)), NULL), tn_set_grad(x, NULL);
    put_all("upper cholesky", x, tn_linalg_cholesky(positive(x), .upper = true), NULL), tn_set_grad(x, NULL);
    put_all("matrix_exp", x, tn_linalg_matrix_exp(tn_div(x, (double)n)), NULL), tn_set_grad(x, NULL);
    if (n < 100) put_all("svdvals", x, tn_linalg_svdvals(x), NULL), tn_set_grad(x, NULL);
    if (n < 100) svd(x);
    put_named("singular values", tn_linalg_svdvals(tn_detach(x)));
    x = input("tall", batch, n + 2, n, dtype);
    tn_linalg_qr(x, NULL, &y, &z), put_all("qr of tall", x, y, z);
}

int main(int argc, char **argv) {
    static const tn_dtype dtypes[] = {TN_FLOAT64, TN_COMPLEX128};
    char name[40];
    if (argc != 2) return 2;
    begin();
    tn_manual_seed(5);
    for (int d = 0; d < 2; d++)
        for (int large = 0; large < 2; large++) {
            snprintf(name, sizeof name, "%s %s", tn_dtype_name(dtypes[d]), large ? "large" : "small");
            type = name;
            run(dtypes[d], large ? 1 : 2, large ? 270 : 5);
        }
    end(argv[1], "linalg.safetensors");
    return 0;
}
