/* cpu/pool2d_kernel.h - max pooling of one plane for one element type T with names N(name): LOWEST, IS_NAN(x), PLACE (a signed
 * type as wide as T, or int32_t); pool2d.c includes it. */

/* One output from the taps that lie inside the plane. */
TNI_INLINE void N(one)(const tni_pool2d *g, const T *x, int64_t oy, int64_t ox, T *y, int64_t *index) {
    int64_t top = first_inside(oy * g->stride_h - g->pad_h, g->dilation_h);
    int64_t left = first_inside(ox * g->stride_w - g->pad_w, g->dilation_w);
    int64_t bottom = TNI_MIN(oy * g->stride_h - g->pad_h + (g->kh - 1) * g->dilation_h + 1, g->h);
    int64_t right = TNI_MIN(ox * g->stride_w - g->pad_w + (g->kw - 1) * g->dilation_w + 1, g->w);
    int64_t at = top * g->w + left;
    T best = LOWEST;
    for (int64_t iy = top; iy < bottom; iy += g->dilation_h)
        for (int64_t ix = left; ix < right; ix += g->dilation_w) {
            T value = x[iy * g->w + ix];
            if (value > best || IS_NAN(value)) best = value, at = iy * g->w + ix;
        }
    *y = best;
    *index = at;
}

/* `count` outputs side by side, all of whose columns lie inside; x is the first one's upper left tap, `rows` the taps down. */
TNI_INLINE void N(run_step)(const tni_pool2d *g, const T *x, int64_t rows, const int64_t step, int count, T *y, int64_t *index,
                            int64_t base) {
    T best[RUN];
    PLACE at[RUN];
    for (int i = 0; i < count; i++) best[i] = LOWEST, at[i] = 0;
    for (int64_t ky = 0; ky < rows; ky++)
        for (int64_t kx = 0; kx < g->kw; kx++) {
            int64_t offset = ky * g->dilation_h * g->w + kx * g->dilation_w;
            const T *from = x + offset;
            PLACE place = (PLACE)offset;
            for (int i = 0; i < count; i++) {
                T value = from[i * step];
                bool take = (value > best[i]) | IS_NAN(value);
                best[i] = take ? value : best[i];
                at[i] = take ? place : at[i];
            }
        }
    for (int i = 0; i < count; i++) y[i] = best[i];
    for (int i = 0; i < count; i++) index[i] = base + i * step + at[i];
}

TNI_INLINE void N(plane_body)(const tni_pool2d *g, const T *x, T *y, int64_t *index) {
    int64_t low, high;
    inner_outputs(g, &low, &high);
    for (int64_t oy = 0; oy < g->oh; oy++, y += g->ow, index += g->ow) {
        int64_t start = oy * g->stride_h - g->pad_h, top = first_inside(start, g->dilation_h);
        int64_t bottom = TNI_MIN(start + (g->kh - 1) * g->dilation_h + 1, g->h);
        int64_t rows = bottom > top ? (bottom - top - 1) / g->dilation_h + 1 : 0, ox = 0;
        for (; ox < low; ox++) N(one)(g, x, oy, ox, y + ox, index + ox);
        while (ox < high) {
            int count = (int)TNI_MIN(high - ox, RUN);
            int64_t base = top * g->w + ox * g->stride_w - g->pad_w;
            if (rows == 0) base = top * g->w; /* nothing is read there */
            const T *from = rows > 0 ? x + base : x;
            if (g->stride_w == 1)
                N(run_step)(g, from, rows, 1, count, y + ox, index + ox, base);
            else if (g->stride_w == 2)
                N(run_step)(g, from, rows, 2, count, y + ox, index + ox, base);
            else
                N(run_step)(g, from, rows, g->stride_w, count, y + ox, index + ox, base);
            ox += count;
        }
        for (; ox < g->ow; ox++) N(one)(g, x, oy, ox, y + ox, index + ox);
    }
}

KERNEL(static, N(plane), N(plane_body), (const tni_pool2d *g, const T *x, T *y, int64_t *index), (g, x, y, index))

static void N(planes)(int64_t begin, int64_t end, void *context) {
    const work *t = context;
    const tni_pool2d *g = t->g;
    int64_t in = g->h * g->w, out = g->oh * g->ow;
    for (int64_t p = begin; p < end; p++) N(plane)(g, (const T *)t->x + p * in, (T *)t->y + p * out, t->indices + p * out);
}

#undef T
#undef N
#undef LOWEST
#undef IS_NAN
#undef PLACE
