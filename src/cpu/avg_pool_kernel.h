/* cpu/avg_pool_kernel.h - average pooling of one plane for one element type T with names N(name); avg_pool.c includes it. */

TNI_INLINE T N(sum)(const T *x, int64_t w, span down, span across) {
    T sum = 0;
    for (int64_t iy = down.start; iy < down.end; iy++)
        for (int64_t ix = across.start; ix < across.end; ix++) sum += x[iy * w + ix];
    return sum;
}

/* `count` outputs side by side whose columns all lie inside; the order of addition is that of N(sum). */
TNI_INLINE void N(run_step)(const tni_pool2d *p, const T *x, int64_t rows, const int64_t step, int count, T divisor, T *y) {
    T sum[RUN] = {0};
    for (int64_t ky = 0; ky < rows; ky++)
        for (int64_t kx = 0; kx < p->kw; kx++) {
            const T *from = x + ky * p->w + kx;
            for (int i = 0; i < count; i++) sum[i] += from[i * step];
        }
    for (int i = 0; i < count; i++) y[i] = sum[i] / divisor;
}

TNI_INLINE void N(plane_body)(const tni_avg_pool2d *g, const T *x, T *y) {
    const tni_pool2d *p = &g->window;
    int64_t low = 0, high = 0; /* the outputs whose columns all lie inside */
    if (!g->adaptive) inner_outputs(p, &low, &high);
    for (int64_t oy = 0; oy < p->oh; oy++, y += p->ow) {
        span down = rows_of(g, oy);
        for (int64_t ox = 0; ox < p->ow;) {
            span across = columns_of(g, ox);
            T divisor = (T)divisor_of(g, down, across);
            if (ox < low || ox >= high || down.end <= down.start) {
                y[ox++] = down.end > down.start && across.end > across.start ? N(sum)(x, p->w, down, across) / divisor : 0;
                continue;
            }
            int count = (int)TNI_MIN(high - ox, RUN);
            const T *from = x + down.start * p->w + across.start;
            if (p->stride_w == 1)
                N(run_step)(p, from, down.end - down.start, 1, count, divisor, y + ox);
            else if (p->stride_w == 2)
                N(run_step)(p, from, down.end - down.start, 2, count, divisor, y + ox);
            else
                N(run_step)(p, from, down.end - down.start, p->stride_w, count, divisor, y + ox);
            ox += count;
        }
    }
}

KERNEL(static, N(plane), N(plane_body), (const tni_avg_pool2d *g, const T *x, T *y), (g, x, y))

static void N(forward)(int64_t begin, int64_t end, void *context) {
    const work *t = context;
    const tni_pool2d *p = &t->g->window;
    for (int64_t i = begin; i < end; i++) N(plane)(t->g, (const T *)t->from + i * p->h * p->w, (T *)t->to + i * p->oh * p->ow);
}

static void N(backward)(int64_t begin, int64_t end, void *context) {
    const work *t = context;
    const tni_pool2d *p = &t->g->window;
    for (int64_t i = begin; i < end; i++) {
        const T *dy = (const T *)t->from + i * p->oh * p->ow;
        T *dx = (T *)t->to + i * p->h * p->w;
        memset(dx, 0, (size_t)(p->h * p->w) * sizeof(T));
        for (int64_t oy = 0; oy < p->oh; oy++) {
            span down = rows_of(t->g, oy);
            for (int64_t ox = 0; ox < p->ow; ox++, dy++) {
                span across = columns_of(t->g, ox);
                if (down.end <= down.start || across.end <= across.start) continue;
                T share = *dy / (T)divisor_of(t->g, down, across);
                for (int64_t iy = down.start; iy < down.end; iy++)
                    for (int64_t ix = across.start; ix < across.end; ix++) dx[iy * p->w + ix] += share;
            }
        }
    }
}

#undef T
#undef N
