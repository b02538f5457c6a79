/* cpu/conv_kernel.h - moving an image to and from columns, for one element type T with names N(name); conv.c includes it. */

typedef T N(chunk) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
typedef T N(half) __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));

/* Rows are often shorter than a call of memcpy is worth. */
TNI_INLINE void N(copy)(T *to, const T *from, int64_t n) {
    enum { FULL = 32 / sizeof(T), HALF = 16 / sizeof(T) };
    if (n >= FULL) {
        for (int64_t i = 0; i + FULL <= n; i += FULL) *(N(chunk) *)(to + i) = *(const N(chunk) *)(from + i);
        *(N(chunk) *)(to + n - FULL) = *(const N(chunk) *)(from + n - FULL);
    } else if (n >= HALF) {
        *(N(half) *)to = *(const N(half) *)from;
        *(N(half) *)(to + n - HALF) = *(const N(half) *)(from + n - HALF);
    } else {
        if (n > 0) to[0] = from[0];
        if (n > 1) to[1] = from[1];
        if (n > 2) to[2] = from[2];
    }
}

TNI_INLINE void N(clear)(T *to, int64_t n) {
    if (n > 16)
        memset(to, 0, (size_t)n * sizeof(T));
    else
        for (int64_t i = 0; i < n; i++) to[i] = 0;
}

/* columns[(c, ky, kx)][oy, ox] = x[c][oy * stride + ky * dilation - pad]..., zero outside, for output rows row..row + rows. */
TNI_INLINE void N(columns_body)(const tni_conv2d *g, const T *x, int64_t row, int64_t rows, T *columns) {
    int64_t channels = g->c / g->groups, ow = g->ow, step = g->stride_w;
    for (int64_t c = 0; c < channels; c++, x += g->h * g->w)
        for (int64_t ky = 0; ky < g->kh; ky++)
            for (int64_t kx = 0; kx < g->kw; kx++) {
                int64_t shift = kx * g->dilation_w - g->pad_w, low, high;
                inner_range(shift, step, g->w, ow, &low, &high);
                for (int64_t oy = row; oy < row + rows; oy++, columns += ow) {
                    int64_t iy = oy * g->stride_h + ky * g->dilation_h - g->pad_h;
                    if (iy < 0 || iy >= g->h || low >= high) {
                        N(clear)(columns, ow);
                        continue;
                    }
                    const T *from = x + iy * g->w + low * step + shift;
                    N(clear)(columns, low);
                    if (step == 1)
                        N(copy)(columns + low, from, high - low);
                    else
                        for (int64_t i = 0; i < high - low; i++) columns[low + i] = from[i * step];
                    N(clear)(columns + high, ow - high);
                }
            }
}

/* The adjoint: adds the columns to dx. */
TNI_INLINE void N(image_body)(const tni_conv2d *g, const T *columns, int64_t row, int64_t rows, T *dx) {
    int64_t channels = g->c / g->groups, ow = g->ow, step = g->stride_w;
    for (int64_t c = 0; c < channels; c++, dx += g->h * g->w)
        for (int64_t ky = 0; ky < g->kh; ky++)
            for (int64_t kx = 0; kx < g->kw; kx++) {
                int64_t shift = kx * g->dilation_w - g->pad_w, low, high;
                inner_range(shift, step, g->w, ow, &low, &high);
                for (int64_t oy = row; oy < row + rows; oy++, columns += ow) {
                    int64_t iy = oy * g->stride_h + ky * g->dilation_h - g->pad_h;
                    if (iy < 0 || iy >= g->h || low >= high) continue;
                    T *restrict to = dx + iy * g->w + low * step + shift;
                    const T *restrict from = columns + low;
                    if (step == 1)
                        for (int64_t i = 0; i < high - low; i++) to[i] += from[i];
                    else
                        for (int64_t i = 0; i < high - low; i++) to[i * step] += from[i];
                }
            }
}

/* The sum over one plane: 16 chains and a fixed tree, in double behind that. */
TNI_INLINE void N(plane_sum_body)(const T *p, int64_t count, double *out) {
    T lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int l = 0; l < 16; l++) lane[l] += p[i + l];
    for (int l = 0; i + l < count; l++) lane[l] += p[i + l];
    double sum = 0;
    for (int l = 0; l < 16; l++) sum += (double)lane[l];
    *out = sum;
}

TNI_INLINE void N(add_body)(T *restrict to, const T *restrict from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

KERNEL(static, N(columns), N(columns_body), (const tni_conv2d *g, const T *x, int64_t row, int64_t rows, T *columns),
       (g, x, row, rows, columns))
KERNEL(static, N(image), N(image_body), (const tni_conv2d *g, const T *columns, int64_t row, int64_t rows, T *dx),
       (g, columns, row, rows, dx))
KERNEL(static, N(plane_sum), N(plane_sum_body), (const T *p, int64_t count, double *out), (p, count, out))
KERNEL(static, N(add), N(add_body), (T *restrict to, const T *restrict from, int64_t n), (to, from, n))

#undef T
#undef N
