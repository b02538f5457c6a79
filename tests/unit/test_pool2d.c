/* unit/test_pool2d.c - max pooling against plain loops and against places that torch.nn.functional.max_pool2d gave. */
#include "base/pool.h"
#include "cpu/level.h"
#include "cpu/pool2d.h"
#include "test.h"
#include <stdlib.h>

static uint64_t seed = 1;
static int64_t random_below(int64_t n) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int64_t)(seed >> 33) % n;
}

/* F.max_pool2d(x[None, None], ..., return_indices=True) of PyTorch 2.13: the last of several NaN wins, the first of equals. */
static void test_places(void) {
    float x[20] = {1, 1, NAN, 0, 2, 1, NAN, 3, 3, 0, NAN, 2, 3, 5, 5, -1, 0, 4, 5, NAN}, y[20];
    static const struct {
        tni_pool2d g;
        int64_t want[20];
    } cases[] = {
        {{1, 4, 5, 2, 2, 1, 1, 0, 0, 1, 1, false, 3, 4}, {6, 6, 2, 8, 10, 6, 13, 13, 10, 17, 13, 19}},
        {{1, 4, 5, 2, 2, 2, 2, 0, 0, 1, 1, true, 2, 3}, {6, 2, 4, 10, 13, 19}},
        {{1, 4, 5, 3, 3, 2, 2, 1, 1, 1, 1, false, 2, 3}, {6, 6, 8, 10, 6, 19}},
        {{1, 4, 5, 2, 2, 1, 1, 1, 1, 2, 2, false, 4, 5}, {6, 7, 6, 7, 8, 11, 10, 13, 2, 13, 6, 17, 6, 19, 18, 11, 10, 13, 14, 13}},
        {{1, 4, 5, 3, 2, 1, 3, 1, 1, 1, 1, true, 4, 2}, {0, 2, 10, 2, 10, 13, 10, 13}},
    };
    for (size_t i = 0; i < TNI_COUNT(cases); i++) {
        tni_pool2d g = cases[i].g;
        int64_t index[20], oh = g.oh, ow = g.ow;
        CHECK(tni_pool2d_shape(&g));
        CHECK(g.oh == oh && g.ow == ow);
        CHECK(tni_max_pool2d(&g, TN_FLOAT32, x, y, index));
        for (int64_t j = 0; j < oh * ow; j++) {
            CHECK_EQ_INT(index[j], cases[i].want[j]);
            CHECK_NEAR((double)y[j], (double)x[index[j]], 0);
        }
    }
    float low[9], out[16];
    int64_t index[16];
    for (int i = 0; i < 9; i++) low[i] = -INFINITY;
    tni_pool2d g = {1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, 4, 4};
    static const int64_t want[16] = {0, 0, 1, 2, 0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8};
    CHECK(tni_max_pool2d(&g, TN_FLOAT32, low, out, index));
    CHECK(memcmp(index, want, sizeof want) == 0);
}

static double value_of(tn_dtype dtype, const void *p, int64_t i) {
    switch (dtype) {
    case TN_FLOAT32: return (double)((const float *)p)[i];
    case TN_FLOAT64: return ((const double *)p)[i];
    case TN_INT64: return (double)((const int64_t *)p)[i];
    case TN_INT32: return ((const int32_t *)p)[i];
    default: return ((const uint8_t *)p)[i];
    }
}

static void put(tn_dtype dtype, void *p, int64_t i, double x) {
    switch (dtype) {
    case TN_FLOAT32: ((float *)p)[i] = (float)x; break;
    case TN_FLOAT64: ((double *)p)[i] = x; break;
    case TN_INT64: ((int64_t *)p)[i] = (int64_t)x; break;
    case TN_INT32: ((int32_t *)p)[i] = (int32_t)x; break;
    default: ((uint8_t *)p)[i] = (uint8_t)x; break;
    }
}

static bool is_right(const tni_pool2d *g, tn_dtype dtype, const void *x, const void *y, const int64_t *index) {
    for (int64_t o = 0; o < g->planes * g->oh * g->ow; o++) {
        int64_t plane = o / g->ow / g->oh, oy = o / g->ow % g->oh, ox = o % g->ow, at = -1;
        double best = 0;
        for (int64_t ky = 0; ky < g->kh; ky++)
            for (int64_t kx = 0; kx < g->kw; kx++) {
                int64_t iy = oy * g->stride_h - g->pad_h + ky * g->dilation_h;
                int64_t ix = ox * g->stride_w - g->pad_w + kx * g->dilation_w;
                if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) continue;
                double value = value_of(dtype, x, (plane * g->h + iy) * g->w + ix);
                if (at < 0 || value > best || isnan(value)) best = value, at = iy * g->w + ix;
            }
        if (at < 0) continue; /* an empty window: torch gives the lowest number and a place of no meaning */
        double got = value_of(dtype, y, o);
        if (index[o] != at || !(got == best || (isnan(got) && isnan(best)))) return false;
    }
    return true;
}

static bool gradient_is_right(const tni_pool2d *g, tn_dtype dtype, const int64_t *index) {
    int64_t nx = g->planes * g->h * g->w, ny = g->planes * g->oh * g->ow;
    void *dy = malloc((size_t)ny * 8 + 8), *dx = malloc((size_t)nx * 8 + 8);
    double *want = calloc((size_t)nx + 1, 8);
    bool right = true;
    for (int64_t i = 0; i < ny; i++) {
        double x = (double)random_below(9) - 4;
        put(dtype, dy, i, x);
        if (index[i] >= 0 && index[i] < g->h * g->w) want[i / (g->oh * g->ow) * g->h * g->w + index[i]] += x;
    }
    CHECK(tni_max_pool2d_backward(g, dtype, dy, index, dx));
    for (int64_t i = 0; i < nx; i++) right = right && value_of(dtype, dx, i) == want[i];
    free(dy), free(dx), free(want);
    return right;
}

static void check(tni_pool2d g, tn_dtype dtype) {
    if (!tni_pool2d_shape(&g)) return;
    int64_t nx = g.planes * g.h * g.w, ny = g.planes * g.oh * g.ow;
    void *x = malloc((size_t)nx * 8 + 8), *y = malloc((size_t)ny * 8 + 8);
    int64_t *index = malloc((size_t)ny * 8 + 8);
    bool real = dtype == TN_FLOAT32 || dtype == TN_FLOAT64;
    for (int64_t i = 0; i < nx; i++) {
        double value = (double)random_below(7) - (dtype == TN_UINT8 ? 0 : 4); /* many ties */
        put(dtype, x, i, real && random_below(15) == 0 ? NAN : value);
    }
    for (int level = 0; level <= (int)tni_cpu_best_level(); level++) {
        tni_cpu_set_level((tni_level)level);
        tni_pool_set_threads(1 + level);
        CHECK(tni_max_pool2d(&g, dtype, x, y, index));
        CHECK(is_right(&g, dtype, x, y, index));
    }
    if (real) CHECK(gradient_is_right(&g, dtype, index));
    free(x), free(y), free(index);
}

static void test_shapes(void) {
    static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_INT64, TN_INT32, TN_UINT8};
    for (int i = 0; i < 1500; i++) {
        tni_pool2d g = {.planes = random_below(4), .h = 1 + random_below(9), .w = 1 + random_below(i % 10 == 0 ? 200 : 12)};
        g.kh = 1 + random_below(4), g.kw = 1 + random_below(4);
        g.stride_h = 1 + random_below(3), g.stride_w = 1 + random_below(4);
        g.dilation_h = 1 + random_below(2), g.dilation_w = 1 + random_below(2);
        g.pad_h = random_below(g.kh / 2 + 1), g.pad_w = random_below(g.kw / 2 + 1);
        g.ceil_mode = random_below(2);
        check(g, dtypes[i % 5]);
    }
    tni_pool2d g = {37, 40, 41, 2, 2, 2, 2, 0, 0, 1, 1, false, 0, 0};
    for (int i = 0; i < 5; i++) check(g, dtypes[i]);
}

static void test_refused(void) {
    tni_pool2d g = {1, 2, 2, 3, 3, 1, 1, 0, 0, 1, 1, false, 0, 0};
    CHECK(!tni_pool2d_shape(&g));
    g.kh = g.kw = 1;
    CHECK(tni_pool2d_shape(&g));
    uint8_t x[4] = {0};
    int64_t index[4] = {0};
    CHECK(!tni_max_pool2d(&g, TN_BOOL, x, x, index));
    CHECK(!tni_max_pool2d_backward(&g, TN_UINT8, x, index, x));
}

int main(void) {
    RUN(test_places);
    RUN(test_shapes);
    RUN(test_refused);
    return test_end();
}
