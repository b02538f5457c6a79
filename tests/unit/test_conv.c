/* unit/test_conv.c - convolution against plain loops, forward and both gradients; bits on several threads. */
#include "base/pool.h"
#include "cpu/conv.h"
#include "cpu/level.h"
#include "test.h"
#include <float.h>
#include <stdlib.h>

static uint64_t seed = 1;
static double uniform(void) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(int64_t)(seed >> 11) / (double)(1LL << 52) - 1;
}

static void set(bool wide, void *p, int64_t i, double x) {
    if (wide)
        ((double *)p)[i] = x;
    else
        ((float *)p)[i] = (float)x;
}
static double get(bool wide, const void *p, int64_t i) { return wide ? ((const double *)p)[i] : (double)((const float *)p)[i]; }

static void *make(bool wide, int64_t count) {
    void *p = malloc((size_t)count * (wide ? 8 : 4) + !count);
    for (int64_t i = 0; i < count; i++) set(wide, p, i, uniform());
    return p;
}

/* The plain loops: y, dx, dw and db in double, all four in one walk over the taps. */
static void plain(const tni_conv2d *g, const void *x, const void *w, const void *bias, const void *dy, double *y, double *dx,
                  double *dw, double *db) {
    int64_t cg = g->c / g->groups, kg = g->k / g->groups, o = 0;
    for (int64_t i = 0; i < g->n; i++)
        for (int64_t k = 0; k < g->k; k++)
            for (int64_t oy = 0; oy < g->oh; oy++)
                for (int64_t ox = 0; ox < g->ow; ox++, o++) {
                    double d = get(g->wide, dy, o);
                    y[o] += bias != NULL ? get(g->wide, bias, k) : 0;
                    db[k] += d;
                    for (int64_t c = 0; c < cg; c++)
                        for (int64_t ky = 0; ky < g->kh; ky++)
                            for (int64_t kx = 0; kx < g->kw; kx++) {
                                int64_t iy = oy * g->stride_h - g->pad_h + ky * g->dilation_h;
                                int64_t ix = ox * g->stride_w - g->pad_w + kx * g->dilation_w;
                                if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) continue;
                                int64_t at = ((i * g->c + k / kg * cg + c) * g->h + iy) * g->w + ix;
                                int64_t tap = ((k * cg + c) * g->kh + ky) * g->kw + kx;
                                y[o] += get(g->wide, x, at) * get(g->wide, w, tap);
                                dx[at] += get(g->wide, w, tap) * d;
                                dw[tap] += get(g->wide, x, at) * d;
                            }
                }
}

static bool near(bool wide, const void *got, const double *want, int64_t count, double terms) {
    double tolerance = (wide ? DBL_EPSILON : (double)FLT_EPSILON) * (40 * sqrt(terms) + 20);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(get(wide, got, i) - want[i]) <= tolerance)) {
            printf("at %d: %.9g for %.9g\n", (int)i, get(wide, got, i), want[i]);
            return false;
        }
    return true;
}

static void check(tni_conv2d g, bool with_bias) {
    CHECK(tni_conv2d_shape(&g));
    int64_t nx = g.n * g.c * g.h * g.w, nw = g.k * (g.c / g.groups) * g.kh * g.kw, ny = g.n * g.k * g.oh * g.ow;
    size_t size = g.wide ? 8 : 4;
    void *x = make(g.wide, nx), *w = make(g.wide, nw), *bias = make(g.wide, g.k), *dy = make(g.wide, ny);
    char *out = malloc((size_t)(ny + nx + nw + g.k) * size + 1), *first = malloc((size_t)(ny + nx + nw + g.k) * size + 1);
    double *want = calloc((size_t)(ny + nx + nw + g.k) + 1, 8);
    plain(&g, x, w, with_bias ? bias : NULL, dy, want, want + ny, want + ny + nx, want + ny + nx + nw);
    char *dx = out + (size_t)ny * size, *dw = dx + (size_t)nx * size, *db = dw + (size_t)nw * size;
    for (int level = 0; level <= (int)tni_cpu_best_level(); level++)
        for (int threads = 1; threads <= 3; threads++) {
            tni_cpu_set_level((tni_level)level);
            tni_pool_set_threads(threads);
            memset(out, 0xff, (size_t)(ny + nx + nw + g.k) * size);
            CHECK(tni_conv2d_forward(&g, x, w, with_bias ? bias : NULL, out));
            CHECK(tni_conv2d_backward_x(&g, w, dy, dx));
            CHECK(tni_conv2d_backward_w(&g, x, dy, dw, NULL));
            CHECK(tni_conv2d_backward_w(&g, x, dy, NULL, db));
            CHECK(near(g.wide, out, want, ny, (double)nw / (double)(g.k + !g.k)));
            CHECK(near(g.wide, dx, want + ny, nx, (double)nw / (double)(g.c + !g.c)));
            CHECK(near(g.wide, dw, want + ny + nx, nw, (double)(g.n * g.oh * g.ow)));
            CHECK(near(g.wide, db, want + ny + nx + nw, g.k, (double)(g.n * g.oh * g.ow)));
            bool same_bits = threads > 1 || level == TNI_LEVEL_AVX512;
            if (same_bits) CHECK(memcmp(out, first, (size_t)(ny + nx + nw + g.k) * size) == 0);
            memcpy(first, out, (size_t)(ny + nx + nw + g.k) * size);
        }
    free(x), free(w), free(bias), free(dy), free(out), free(first), free(want);
}

/* n c h w, k kh kw, strides, paddings, dilations, groups */
static void check_list(const int (*list)[14], size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int wide = 0; wide < 2; wide++) {
            const int *l = list[i];
            tni_conv2d g = {wide, l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7], l[8], l[9], l[10], l[11], l[12], l[13], 0, 0};
            check(g, i % 2 == 0);
        }
}

static void test_shapes(void) {
    static const int list[][14] = {
        {32, 1, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1}, {2, 3, 7, 9, 4, 3, 3, 1, 1, 0, 0, 1, 1, 1},
        {1, 4, 12, 11, 6, 5, 3, 2, 3, 2, 1, 1, 1, 2}, {3, 6, 10, 10, 6, 3, 3, 1, 1, 2, 2, 2, 2, 6},
        {2, 5, 6, 7, 3, 1, 1, 1, 1, 0, 0, 1, 1, 1},   {2, 4, 6, 7, 8, 1, 1, 2, 2, 0, 0, 1, 1, 2},
        {2, 3, 1, 50, 5, 1, 7, 1, 2, 0, 3, 1, 1, 1},  {1, 2, 5, 5, 3, 5, 5, 1, 1, 0, 0, 1, 1, 1},
        {2, 2, 3, 3, 2, 2, 2, 1, 1, 4, 5, 1, 3, 1},   {1, 1, 4, 30, 1, 3, 9, 3, 1, 1, 8, 1, 2, 1},
        {0, 3, 5, 5, 2, 3, 3, 1, 1, 0, 0, 1, 1, 1},   {2, 0, 5, 5, 2, 3, 3, 1, 1, 0, 0, 1, 1, 1},
        {2, 3, 5, 5, 0, 3, 3, 1, 1, 0, 0, 1, 1, 1},   {3, 2, 1, 1, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    };
    check_list(list, TNI_COUNT(list));
}

/* Large enough for several blocks, parts and threads. */
static void test_blocks(void) {
    static const int list[][14] = {
        {2, 16, 40, 37, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1},
        {5, 8, 20, 20, 24, 5, 5, 1, 1, 2, 2, 1, 1, 2},
        {9, 20, 14, 14, 30, 1, 1, 1, 1, 0, 0, 1, 1, 1},
        {1, 40, 30, 30, 33, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    };
    check_list(list, TNI_COUNT(list));
}

static void test_shape_refused(void) {
    tni_conv2d g = {.n = 1,
                    .c = 1,
                    .h = 4,
                    .w = 4,
                    .k = 1,
                    .kh = 5,
                    .kw = 1,
                    .stride_h = 1,
                    .stride_w = 1,
                    .dilation_h = 1,
                    .dilation_w = 1,
                    .groups = 1};
    CHECK(!tni_conv2d_shape(&g));
    g.pad_h = 1;
    CHECK(tni_conv2d_shape(&g));
    CHECK_EQ_INT(g.oh, 2);
    CHECK_EQ_INT(g.ow, 4);
}

int main(void) {
    RUN(test_shapes);
    RUN(test_blocks);
    RUN(test_shape_refused);
    return test_end();
}
