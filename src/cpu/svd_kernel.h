/* cpu/svd_kernel.h - two diagonals from a matrix of one element type T with names N(name); svd.c includes it. In: what
 * cpu/reflector_kernel.h takes, and KERNEL. No include guard. */
#include "cpu/reflector_kernel.h"

/* The sum of x[i] y[i], by eight chains. */
TNI_INLINE T N(product_of)(const T *x, const T *y, int64_t n) {
    T sum[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += MUL(x[i + k], y[i + k]);
    for (; i < n; i++) sum[0] += MUL(x[i], y[i]);
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* a (n, n) = H(0) ... H(n - 1) B (G(0) ... G(n - 2))' with the diagonal d and, above it, e of B, both real. Below the diagonal of a the
 * vectors of the H as in QR, right of e those of the G; tau and, of the G, turn. w: room for 2 n. */
TNI_INLINE void N(bidiagonal_body)(T *a, int64_t n, double *d, double *e, T *tau, T *turn, T *w) {
    T *v = w, *conjugate = w + n;
    for (int64_t k = 0; k < n; k++) {
        T *x = a + k * n + k, *row = x + 1;
        int64_t left = n - k - 1;
        tau[k] = N(reflector)(x, n - k, n);
        d[k] = (double)RE(x[0]);
        if (left == 0) break;
        if (tau[k] != 0) {
            N(onto)(w, x, n, row, n - k, left, n);
            N(take_outer)(row, n - k, left, n, x, n, CONJ(tau[k]), w);
        }
        for (int64_t j = 0; j < left; j++) row[j] = CONJ(row[j]);
        turn[k] = N(reflector)(row, left, 1);
        e[k] = (double)RE(row[0]);
        for (int64_t j = 0; j < left; j++) v[j] = j ? row[j] : 1, conjugate[j] = CONJ(v[j]);
        for (int64_t i = 1; i <= left && turn[k] != 0; i++)
            N(take)(row + i * n, conjugate, MUL(turn[k], N(product_of)(row + i * n, v, left)), left);
    }
}
KERNEL(static, N(bidiagonal), N(bidiagonal_body), (T * a, int64_t n, double *d, double *e, T *tau, T *turn, T *w),
       (a, n, d, e, tau, turn, w))

/* to (n - 1, n - 1): the vectors of the G as those of QR stand. */
static void N(take_right_vectors)(T *to, const T *a, int64_t n) {
    for (int64_t i = 0; i < n - 1; i++)
        for (int64_t j = 0; j < n - 1; j++) to[i * (n - 1) + j] = i > j ? a[j * n + i + 1] : 0;
}

/* to (n, n) = x' of (n, n); with `edge` of 1 beside x (n - 1, n - 1). */
static void N(adjoint)(T *to, const T *x, int64_t n, int64_t edge) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            to[i * n + j] = i >= edge && j >= edge ? CONJ(x[(j - edge) * (n - edge) + i - edge]) : i == j;
}

#undef T
#undef R
#undef D
#undef N
#undef ABS
#undef COMPLEX
