/* cpu/factor_kernel.h - factors of matrices of one element type T with names N(name); factor.c includes it. In: what
 * cpu/reflector_kernel.h takes, and KERNEL. No include guard. */

#include "cpu/reflector_kernel.h"

/* LU of m rows and n columns, lda apart; rows change places within them alone. */
TNI_INLINE void N(lu_body)(T *a, int64_t m, int64_t n, int64_t lda, int64_t *pivot, int64_t *zero) {
    *zero = 0;
    for (int64_t k = 0; k < m && k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < m; i++)
            if (SIZE(a[i * lda + k]) > SIZE(a[best * lda + k])) best = i;
        pivot[k] = best;
        T *row = a + k * lda, p = a[best * lda + k];
        if (p == 0) { /* and so is the column */
            if (!*zero) *zero = k + 1;
            continue;
        }
        for (int64_t j = 0; j < n && best != k; j++) {
            T other = a[best * lda + j];
            a[best * lda + j] = row[j];
            row[j] = other;
        }
        for (int64_t i = k + 1; i < m; i++) {
            T f = a[i * lda + k] = DIV(a[i * lda + k], p);
            N(take)(a + i * lda + k + 1, row + k + 1, f, n - k - 1);
        }
    }
}
KERNEL(static, N(lu), N(lu_body), (T * a, int64_t m, int64_t n, int64_t lda, int64_t *pivot, int64_t *zero),
       (a, m, n, lda, pivot, zero))

/* a x = b in place of b (n, k); rows lda and ldb apart. */
TNI_INLINE void N(triangle_body)(bool upper, bool unit, const T *a, int64_t n, int64_t lda, T *b, int64_t k, int64_t ldb) {
    for (int64_t step = 0; step < n; step++) {
        int64_t i = upper ? n - 1 - step : step, from = upper ? i + 1 : 0, end = upper ? n : i;
        T *row = b + i * ldb, d = a[i * lda + i];
        for (int64_t j = from; j < end; j++) N(take)(row, b + j * ldb, a[i * lda + j], k);
        for (int64_t c = 0; c < k && !unit; c++) row[c] = DIV(row[c], d);
    }
}
KERNEL(static, N(triangle), N(triangle_body),
       (bool upper, bool unit, const T *a, int64_t n, int64_t lda, T *b, int64_t k, int64_t ldb),
       (upper, unit, a, n, lda, b, k, ldb))

/* y = -x, rows apart and side by side. */
static void N(negate)(T *y, const T *x, int64_t m, int64_t n, int64_t ldx) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) y[i * n + j] = -x[i * ldx + j];
}

/* ---- reflections ---- */

TNI_INLINE void N(qr_body)(T *a, int64_t m, int64_t n, int64_t lda, T *tau, T *w) {
    for (int64_t k = 0; k < m && k < n; k++) {
        T *x = a + k * lda + k;
        int64_t columns = n - k - 1;
        tau[k] = N(reflector)(x, m - k, lda);
        if (tau[k] == 0 || columns == 0) continue;
        N(onto)(w, x, lda, x + 1, m - k, columns, lda);
        N(take_outer)(x + 1, m - k, columns, lda, x, lda, CONJ(tau[k]), w);
    }
}
KERNEL(static, N(qr), N(qr_body), (T * a, int64_t m, int64_t n, int64_t lda, T *tau, T *w), (a, m, n, lda, tau, w))

/* A block of k reflections as one: 1 - V t V'. V (m, k) from the vectors in a; then t, an upper triangle, from inner = V' V: the
 * column j of t is -tau[j] t (V' v[j]) above tau[j]. What is made is -t. */
static void N(vectors)(T *v, const T *a, int64_t m, int64_t k, int64_t lda) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < k; j++) v[i * k + j] = i > j ? a[i * lda + j] : i == j;
}
static void N(minus_t)(T *t, const T *inner, const T *tau, int64_t k) {
    memset(t, 0, (size_t)(k * k) * sizeof(T));
    for (int64_t j = 0; j < k; j++) {
        for (int64_t i = 0; i < j; i++) {
            T sum = 0;
            for (int64_t p = i; p < j; p++) sum += MUL(t[i * k + p], inner[p * k + j]);
            t[i * k + j] = MUL(-tau[j], sum);
        }
        t[j * k + j] = -tau[j];
    }
}

static void N(identity)(T *q, int64_t m, int64_t n) {
    memset(q, 0, (size_t)(m * n) * sizeof(T));
    for (int64_t i = 0; i < m && i < n; i++) q[i * n + i] = 1;
}

/* q (m, n), at first an identity, from the left by the reflections 0 to k - 1: columns before i are untouched by those from i on. */
TNI_INLINE void N(reflections_body)(T *q, int64_t m, int64_t n, const T *v, int64_t ldv, const T *tau, int64_t k, T *w) {
    for (int64_t i = k - 1; i >= 0; i--) {
        const T *x = v + i * ldv + i;
        if (tau[i] == 0) continue;
        N(onto)(w, x, ldv, q + i * n + i, m - i, n - i, n);
        N(take_outer)(q + i * n + i, m - i, n - i, n, x, ldv, tau[i], w);
    }
}
KERNEL(static, N(reflections), N(reflections_body),
       (T * q, int64_t m, int64_t n, const T *v, int64_t ldv, const T *tau, int64_t k, T *w), (q, m, n, v, ldv, tau, k, w))

#ifndef COMPLEX
TNI_INLINE T N(dot)(const T *x, const T *y, int64_t n) {
    double sum[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += (double)x[i + k] * (double)y[i + k];
    for (; i < n; i++) sum[0] += (double)x[i] * (double)y[i];
    return (T)(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
}

/* With S(i) = H(i - 1) ... H(0) dq and Q(i) = H(i) ... H(k - 1), a = Q(i + 1)' v and b = S(i)' v:
 * dtau = -a b and dv = -tau (S(i) a + Q(i + 1) b). The way down makes the a's, the way up undoes Q. */
TNI_INLINE void N(reflections_back_body)(T *dv, T *dtau, const T *dq, int64_t m, int64_t n, const T *v, const T *tau, int64_t k,
                                         T *room) {
    T *q = room, *s = q + m * n, *b = s + m * n, *all = b + n;
    N(identity)(q, m, n);
    memset(dv, 0, (size_t)(m * n) * sizeof(T));
    memcpy(s, dq, (size_t)(m * n) * sizeof(T));
    for (int64_t i = k - 1; i >= 0; i--) {
        const T *x = v + i * n + i;
        N(onto)(all + i * n, x, n, q + i * n, m - i, n, n);
        N(take_outer)(q + i * n, m - i, n, n, x, n, tau[i], all + i * n);
    }
    for (int64_t i = 0; i < k; i++) {
        const T *x = v + i * n + i, *a = all + i * n;
        N(take_outer)(q + i * n, m - i, n, n, x, n, -tau[i], a);
        N(onto)(b, x, n, s + i * n, m - i, n, n);
        dtau[i] = -N(dot)(a, b, n);
        for (int64_t r = i + 1; r < m; r++) dv[r * n + i] = -tau[i] * (N(dot)(s + r * n, a, n) + N(dot)(q + r * n, b, n));
        N(take_outer)(s + i * n, m - i, n, n, x, n, tau[i], b);
    }
}
KERNEL(static, N(reflections_back), N(reflections_back_body),
       (T * dv, T *dtau, const T *dq, int64_t m, int64_t n, const T *v, const T *tau, int64_t k, T *room),
       (dv, dtau, dq, m, n, v, tau, k, room))
#endif

/* ---- Cholesky ---- */

TNI_INLINE void N(cholesky_body)(T *a, int64_t n, int64_t *order) {
    *order = 0;
    for (int64_t k = 0; k < n; k++) {
        T *row = a + k * n;
        for (int64_t j = 0; j < k; j++) row[j] = 0;
        if (!(RE(row[k]) > 0)) { /* NaN too */
            *order = k + 1;
            return;
        }
        R root = (R)sqrt((double)RE(row[k]));
        row[k] = root;
        for (int64_t j = k + 1; j < n; j++) row[j] /= root;
        for (int64_t i = k + 1; i < n; i++) N(take)(a + i * n + i, row + i, CONJ(row[i]), n - i);
    }
}
KERNEL(static, N(cholesky), N(cholesky_body), (T * a, int64_t n, int64_t *order), (a, n, order))

#undef T
#undef R
#undef D
#undef N
#undef ABS
#undef COMPLEX
