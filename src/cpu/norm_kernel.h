/* cpu/norm_kernel.h - the inner loops of normalisation for one element type T with names N(name); norm.c includes it. A piece is
 * what one call sees: a plane (contiguous, with one mean) or a block of rows (columns side by side, each with its own). */

/* Sums go in LANES chains, in chunks that are added in double. Each loop runs from 0, over a plain array: so gcc keeps the array in
 * registers at every level (it takes vectors wider than the level's apart). */
enum { N(LANES) = 64 / sizeof(T), N(HALF) = N(LANES) / 2 };
typedef T N(vector) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));

/* The chains' sum, folded in halves. */
TNI_INLINE double N(fold)(T part[N(LANES)]) {
    for (int half = N(LANES) / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) part[k] += part[k + half];
    return (double)part[0];
}

TNI_INLINE double N(chunk_sum)(const T *x, int64_t n) {
    T sum[N(LANES)] = {0}, tail = 0;
    int64_t i = 0;
    for (; i + N(LANES) <= n; i += N(LANES))
        for (int k = 0; k < N(LANES); k++) sum[k] += x[i + k];
    for (; i < n; i++) tail += x[i];
    return N(fold)(sum) + (double)tail;
}

TNI_INLINE double N(chunk_squares)(const T *x, T shift, int64_t n) {
    T sum[N(LANES)] = {0}, tail = 0;
    int64_t i = 0;
    for (; i + N(LANES) <= n; i += N(LANES))
        for (int k = 0; k < N(LANES); k++) sum[k] += (x[i + k] - shift) * (x[i + k] - shift);
    for (; i < n; i++) tail += (x[i] - shift) * (x[i] - shift);
    return N(fold)(sum) + (double)tail;
}

/* to[0] += the sum of n elements */
TNI_INLINE void N(sum_body)(const T *x, int64_t n, double *to) {
    for (int64_t i = 0; i < n; i += CHUNK) to[0] += N(chunk_sum)(x + i, TNI_MIN(n - i, CHUNK));
}

/* to[0] += the sum of (x - shift)^2 */
TNI_INLINE void N(squares_body)(const T *x, T shift, int64_t n, double *to) {
    for (int64_t i = 0; i < n; i += CHUNK) to[0] += N(chunk_squares)(x + i, shift, TNI_MIN(n - i, CHUNK));
}

/* to[0] = the sum, to[1] = the sum of squared deviations from the mean. */
TNI_INLINE void N(moments_body)(const T *x, int64_t n, double *to) {
    to[0] = to[1] = 0;
    N(sum_body)(x, n, &to[0]);
    double mean = to[0] / (double)n;
    T shift = (T)mean;
    N(squares_body)(x, shift, n, &to[1]);
    to[1] -= (double)n * (mean - (double)shift) * (mean - (double)shift);
    if (to[1] < 0) to[1] = 0;
}

/* to[0] += the sum of w dy, to[1] += that of w dy (x - mean); w NULL is 1. (Two arrays gcc does not keep in registers: vectors
 * here, of the width that costs least over all levels.) */
TNI_INLINE void N(pair_body)(const T *dy, const T *x, const T *w, T mean, int64_t n, double *to) {
    for (int64_t i = 0; i < n;) {
        int64_t end = TNI_MIN(i + CHUNK, n);
        N(vector) a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0};
        T a[N(LANES)], b[N(LANES)], tail_a = 0, tail_b = 0;
        for (; i + N(LANES) <= end; i += N(LANES)) {
            N(vector) d0 = *(const N(vector) *)(dy + i), d1 = *(const N(vector) *)(dy + i + N(HALF));
            if (w != NULL) d0 *= *(const N(vector) *)(w + i), d1 *= *(const N(vector) *)(w + i + N(HALF));
            a0 += d0, a1 += d1;
            b0 += d0 * (*(const N(vector) *)(x + i) - mean);
            b1 += d1 * (*(const N(vector) *)(x + i + N(HALF)) - mean);
        }
        for (; i < end; i++) {
            T d = w != NULL ? dy[i] * w[i] : dy[i];
            tail_a += d;
            tail_b += d * (x[i] - mean);
        }
        memcpy(a, &a0, sizeof a0), memcpy(a + N(HALF), &a1, sizeof a1);
        memcpy(b, &b0, sizeof b0), memcpy(b + N(HALF), &b1, sizeof b1);
        to[0] += N(fold)(a) + (double)tail_a;
        to[1] += N(fold)(b) + (double)tail_b;
    }
}

/* y = (x - mean) * scale + bias */
TNI_INLINE void N(affine_body)(T *y, const T *x, T mean, T scale, T bias, int64_t n) {
    TNI_LOOP
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale + bias;
}

/* dx = by * dy - less - (x - mean) * slope */
TNI_INLINE void N(back_body)(T *dx, const T *dy, const T *x, T mean, T by, T less, T slope, int64_t n) {
    TNI_LOOP
    for (int64_t i = 0; i < n; i++) dx[i] = by * dy[i] - less - (x[i] - mean) * slope;
}

/* ---- rows of a layer norm ---- */

TNI_INLINE void N(norm_row)(T *y, const T *x, const T *w, const T *b, T mean, T rstd, int64_t n) {
    if (w != NULL && b != NULL) {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd * w[i] + b[i];
    } else if (w != NULL) {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd * w[i];
    } else {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd;
    }
    if (w == NULL && b != NULL) {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) y[i] += b[i];
    }
}

TNI_INLINE void N(layer_rows)(const layer_work *k, int64_t begin, int64_t end) {
    int64_t n = k->g->n;
    for (int64_t row = begin; row < end; row++) {
        const T *x = (const T *)k->x + row * n;
        double sums[2] = {0, 0};
        if (k->g->rms)
            N(squares_body)(x, 0, n, &sums[1]);
        else
            N(moments_body)(x, n, sums);
        T mean = k->g->rms ? 0 : (T)(sums[0] / (double)n);
        T rstd = (T)(1.0 / __builtin_sqrt(sums[1] / (double)n + k->g->eps));
        N(norm_row)((T *)k->y + row * n, x, k->weight, k->bias, mean, rstd, n);
        if (k->mean != NULL && !k->g->rms) ((T *)k->mean)[row] = mean;
        if (k->rstd != NULL) ((T *)k->rstd)[row] = rstd;
    }
}

/* dx of one row, and its part of dweight and dbias, which have been cleared; each may be NULL. */
TNI_INLINE void N(layer_back_row)(T *dx, T *restrict dw, T *restrict db, const T *dy, const T *x, const T *w, T mean, T rstd,
                                  bool rms, int64_t n) {
    if (dw != NULL)
        for (int64_t i = 0; i < n; i++) dw[i] += dy[i] * ((x[i] - mean) * rstd);
    if (db != NULL)
        for (int64_t i = 0; i < n; i++) db[i] += dy[i];
    if (dx == NULL) return;
    double sums[2] = {0, 0};
    N(pair_body)(dy, x, w, mean, n, sums);
    T less = rms ? 0 : (T)(sums[0] / (double)n);
    T slope = (T)(sums[1] / (double)n * (double)rstd * (double)rstd);
    if (w != NULL) {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) dx[i] = rstd * (dy[i] * w[i] - less - (x[i] - mean) * slope);
    } else {
        TNI_LOOP
        for (int64_t i = 0; i < n; i++) dx[i] = rstd * (dy[i] - less - (x[i] - mean) * slope);
    }
}

TNI_INLINE void N(layer_back_rows)(const layer_back_work *k, int64_t part) {
    int64_t n = k->g->n, end = TNI_MIN((part + 1) * k->rows_a_part, k->g->rows);
    T *dw = k->dweight != NULL ? (T *)k->partial + part * 2 * n : NULL,
      *db = k->dbias ? (T *)k->partial + (part * 2 + 1) * n : NULL;
    if (k->partial != NULL) memset((T *)k->partial + part * 2 * n, 0, (size_t)(2 * n) * sizeof(T));
    for (int64_t row = part * k->rows_a_part; row < end; row++) {
        T mean = k->g->rms ? 0 : ((const T *)k->mean)[row], rstd = ((const T *)k->rstd)[row];
        T *dx = k->dx != NULL ? (T *)k->dx + row * n : NULL;
        N(layer_back_row)(dx, dw, db, (const T *)k->dy + row * n, (const T *)k->x + row * n, k->weight, mean, rstd, k->g->rms, n);
    }
}

/* ---- columns: blocks of rows of a batch norm with few elements a channel ---- */

/* sum[j] and squares[j] (of the deviations from the block's mean) of each of m columns. */
TNI_INLINE void N(column_moments)(const T *x, int64_t rows, int64_t m, T *restrict sum, T *restrict squares) {
    T by = 1 / (T)rows;
    for (int64_t j = 0; j < m; j++) sum[j] = squares[j] = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < m; j++) sum[j] += x[i * m + j];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < m; j++) {
            T d = x[i * m + j] - sum[j] * by;
            squares[j] += d * d;
        }
}

TNI_INLINE void N(column_pairs)(const T *dy, const T *x, const T *mean, int64_t rows, int64_t m, T *restrict a, T *restrict b) {
    for (int64_t j = 0; j < m; j++) a[j] = b[j] = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < m; j++) {
            a[j] += dy[i * m + j];
            b[j] += dy[i * m + j] * (x[i * m + j] - mean[j]);
        }
}

TNI_INLINE void N(column_affine)(T *y, const T *x, int64_t rows, int64_t m, const T *mean, const T *scale, const T *bias) {
    for (int64_t i = 0; i < rows; i++, x += m, y += m) {
        TNI_LOOP
        for (int64_t j = 0; j < m; j++) y[j] = (x[j] - mean[j]) * scale[j] + bias[j];
    }
}

TNI_INLINE void N(column_back)(T *dx, const T *dy, const T *x, int64_t rows, int64_t m, const T *const k[4]) {
    const T *mean = k[0], *by = k[1], *less = k[2], *slope = k[3];
    for (int64_t i = 0; i < rows; i++, x += m, dx += m, dy += m) {
        TNI_LOOP
        for (int64_t j = 0; j < m; j++) dx[j] = by[j] * dy[j] - less[j] - (x[j] - mean[j]) * slope[j];
    }
}

KERNEL(static, N(moments), N(moments_body), (const T *x, int64_t n, double *to), (x, n, to))
KERNEL(static, N(pair), N(pair_body), (const T *dy, const T *x, const T *w, T mean, int64_t n, double *to), (dy, x, w, mean, n, to))
KERNEL(static, N(affine), N(affine_body), (T * y, const T *x, T mean, T scale, T bias, int64_t n), (y, x, mean, scale, bias, n))
KERNEL(static, N(back), N(back_body), (T * dx, const T *dy, const T *x, T mean, T by, T less, T slope, int64_t n),
       (dx, dy, x, mean, by, less, slope, n))
KERNEL(static, N(layer), N(layer_rows), (const layer_work *k, int64_t begin, int64_t end), (k, begin, end))
KERNEL(static, N(layer_back), N(layer_back_rows), (const layer_back_work *k, int64_t part), (k, part))
KERNEL(static, N(columns), N(column_moments), (const T *x, int64_t rows, int64_t m, T *sum, T *squares), (x, rows, m, sum, squares))
KERNEL(static, N(pairs), N(column_pairs), (const T *dy, const T *x, const T *mean, int64_t rows, int64_t m, T *a, T *b),
       (dy, x, mean, rows, m, a, b))
KERNEL(static, N(affines), N(column_affine),
       (T * y, const T *x, int64_t rows, int64_t m, const T *mean, const T *scale, const T *bias),
       (y, x, rows, m, mean, scale, bias))
KERNEL(static, N(backs), N(column_back), (T * dx, const T *dy, const T *x, int64_t rows, int64_t m, const T *const k[4]),
       (dx, dy, x, rows, m, k))

void N(tni_row_moments)(T *mean, T *var, const T *x, int64_t rows, int64_t n, double correction) {
    for (int64_t row = 0; row < rows; row++) {
        double sums[2];
        N(moments)(x + row * n, n, sums);
        if (mean != NULL) mean[row] = (T)(sums[0] / (double)n);
        if (var != NULL) var[row] = (T)(sums[1] / TNI_MAX((double)n - correction, 0.0));
    }
}
