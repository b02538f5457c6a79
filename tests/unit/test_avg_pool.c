/* unit/test_avg_pool.c - average pooling against plain loops over padded planes. */
#include "base/pool.h"
#include "cpu/avg_pool.h"
#include "cpu/level.h"
#include "test.h"

enum { MOST = 6000 };
static float x[MOST], y[MOST], dx[MOST], first[MOST];
static double wide[MOST], wide_y[MOST], wide_dx[MOST], want_dx[MOST];

static const tni_avg_pool2d cases[] = {
    {{2, 7, 9, 2, 2, 2, 2, 0, 0, 1, 1, false, 0, 0}, false, false, true, 0},
    {{2, 7, 9, 3, 3, 2, 2, 1, 1, 1, 1, true, 0, 0}, false, false, true, 0},
    {{2, 7, 9, 3, 3, 2, 2, 1, 1, 1, 1, true, 0, 0}, false, false, false, 0},
    {{3, 5, 160, 3, 4, 1, 1, 1, 2, 1, 1, false, 0, 0}, false, false, false, 0},
    {{1, 8, 8, 3, 2, 3, 3, 1, 1, 1, 1, true, 0, 0}, false, false, true, 5},
    {{4, 1, 30, 1, 4, 1, 3, 0, 2, 1, 1, true, 0, 0}, false, false, true, 0},
    {{2, 6, 6, 6, 6, 6, 6, 0, 0, 1, 1, false, 0, 0}, false, false, true, 0},
    {{2, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0, false, 3, 4}, false, true, false, 0},
    {{2, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, false, 5, 7}, false, true, false, 0},
    {{3, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, false, 1, 1}, false, true, false, 0},
};

/* The bounds of output i along one dim, and the divisor's share. */
static void bounds(const tni_avg_pool2d *g, int64_t i, int64_t s, int64_t o, int64_t k, int64_t stride, int64_t pad, int64_t *out) {
    out[0] = g->adaptive ? i * s / o : i * stride - pad;
    out[1] = g->adaptive ? ((i + 1) * s + o - 1) / o : out[0] + k;
    out[2] = 0;
    for (int64_t at = out[0]; at < out[1]; at++) out[2] += g->count_include_pad ? at < s + pad : at >= 0 && at < s;
}

static void check(tni_avg_pool2d g) {
    const tni_pool2d *p = &g.window;
    memset(want_dx, 0, sizeof want_dx);
    for (int64_t at = 0; at < p->planes * p->oh * p->ow; at++) {
        int64_t down[3], across[3], plane = at / (p->oh * p->ow);
        bounds(&g, at / p->ow % p->oh, p->h, p->oh, p->kh, p->stride_h, p->pad_h, down);
        bounds(&g, at % p->ow, p->w, p->ow, p->kw, p->stride_w, p->pad_w, across);
        double divisor = g.divisor ? (double)g.divisor : (double)(down[2] * across[2]), sum = 0;
        for (int64_t i = down[0]; i < down[1]; i++)
            for (int64_t j = across[0]; j < across[1]; j++)
                if (i >= 0 && i < p->h && j >= 0 && j < p->w) {
                    sum += wide[(plane * p->h + i) * p->w + j];
                    want_dx[(plane * p->h + i) * p->w + j] += wide[at] / divisor;
                }
        double want = sum == 0 ? 0 : sum / divisor;
        CHECK_NEAR(wide_y[at], want, 1e-13);
        CHECK_NEAR((double)y[at], want, 1e-6);
    }
    for (int64_t i = 0; i < p->planes * p->h * p->w; i++) {
        CHECK_NEAR(wide_dx[i], want_dx[i], 1e-13);
        CHECK_NEAR((double)dx[i], want_dx[i], 3e-6);
    }
}

static void all_cases(void) {
    for (int i = 0; i < MOST; i++) x[i] = (float)((i * 7919) % 1000) / 500 - 1, wide[i] = (double)x[i];
    for (size_t c = 0; c < TNI_COUNT(cases); c++)
        for (int level = 0; level < TNI_LEVELS; level++) {
            tni_avg_pool2d g = cases[c];
            tni_cpu_set_level((tni_level)level);
            tni_pool_set_threads(level + 1);
            if (!g.adaptive) CHECK(tni_pool2d_shape(&g.window));
            for (int i = 0; i < MOST; i++) y[i] = dx[i] = 99, wide_y[i] = wide_dx[i] = 99;
            tni_avg_pool2d_forward(&g, x, y);
            tni_avg_pool2d_backward(&g, x, dx);
            g.wide = true;
            tni_avg_pool2d_forward(&g, wide, wide_y);
            tni_avg_pool2d_backward(&g, wide, wide_dx);
            check(g);
            if (level == 0) memcpy(first, y, sizeof y);
            CHECK(memcmp(first, y, sizeof y) == 0);
        }
}

int main(void) {
    RUN(all_cases);
    tni_pool_shutdown();
    return test_end();
}
