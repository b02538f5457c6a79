/* unit/test_norm.c - normalisation against plain sums in long double; one result for any number of threads. */
#include "base/pool.h"
#include "cpu/level.h"
#include "cpu/norm.h"
#include "test.h"
#include <stdlib.h>

enum { MOST = 40000 };
typedef struct arrays {
    double x[MOST], dy[MOST], y[MOST], dx[MOST], weight[MOST], bias[MOST], mean[MOST], rstd[MOST], dweight[MOST], dbias[MOST];
} arrays;
static arrays wide, want;
static struct {
    float x[MOST], dy[MOST], y[MOST], dx[MOST], weight[MOST], bias[MOST], mean[MOST], rstd[MOST], dweight[MOST], dbias[MOST];
} slim, again;

static uint64_t seed = 1;
static double uniform(void) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(float)((double)(seed >> 33) / 0x1p30 - 1);
}

static void fill(void) {
    for (int64_t i = 0; i < MOST; i++) {
        wide.x[i] = slim.x[i] = (float)(3 + uniform());
        wide.dy[i] = slim.dy[i] = (float)uniform();
        wide.weight[i] = slim.weight[i] = (float)uniform();
        wide.bias[i] = slim.bias[i] = (float)uniform();
    }
}

/* What all kinds of normalisation do, element by element: element i belongs to set[i] (its statistics) and channel[i]. */
typedef struct kind {
    int64_t count, sets, channels;
    int64_t set[MOST], channel[MOST];
    bool rms, weighted;
    double eps;
} kind;
static kind k;

static void reference(void) {
    for (int64_t s = 0; s < k.sets; s++) {
        long double n = 0, sum = 0, squares = 0, a = 0, b = 0;
        for (int64_t i = 0; i < k.count; i++)
            if (k.set[i] == s) n++, sum += (long double)wide.x[i];
        long double mean = k.rms ? 0 : sum / n;
        for (int64_t i = 0; i < k.count; i++)
            if (k.set[i] == s) squares += (wide.x[i] - mean) * (wide.x[i] - mean);
        long double rstd = 1 / sqrtl(squares / n + (long double)k.eps);
        want.mean[s] = (double)mean, want.rstd[s] = (double)rstd;
        for (int64_t i = 0; i < k.count; i++)
            if (k.set[i] == s) {
                long double g = wide.dy[i] * (k.weighted ? (long double)wide.weight[k.channel[i]] : 1);
                a += g, b += g * (wide.x[i] - mean) * rstd;
            }
        for (int64_t i = 0; i < k.count; i++)
            if (k.set[i] == s) {
                long double w = k.weighted ? wide.weight[k.channel[i]] : 1, h = (wide.x[i] - mean) * rstd;
                want.y[i] = (double)(h * w + (k.weighted ? (long double)wide.bias[k.channel[i]] : 0));
                want.dx[i] = (double)(rstd * (wide.dy[i] * w - (k.rms ? 0 : a / n) - h * b / n));
            }
    }
    for (int64_t c = 0; c < k.channels; c++) want.dweight[c] = want.dbias[c] = 0;
    for (int64_t i = 0; i < k.count; i++) {
        want.dbias[k.channel[i]] += wide.dy[i];
        want.dweight[k.channel[i]] += wide.dy[i] * (wide.x[i] - want.mean[k.set[i]]) * want.rstd[k.set[i]];
    }
}

static void compare(void) {
    for (int64_t i = 0; i < k.count; i++) {
        if (!CHECK_NEAR(wide.y[i], want.y[i], 1e-13) || !CHECK_NEAR(slim.y[i], want.y[i], 2e-5)) return;
        if (!CHECK_NEAR(wide.dx[i], want.dx[i], 1e-12) || !CHECK_NEAR(slim.dx[i], want.dx[i], 2e-5)) return;
    }
    for (int64_t s = 0; s < k.sets && !k.rms; s++)
        if (!CHECK_NEAR(wide.mean[s], want.mean[s], 1e-14) || !CHECK_NEAR(slim.mean[s], want.mean[s], 2e-6)) return;
    for (int64_t s = 0; s < k.sets; s++)
        if (!CHECK_NEAR(wide.rstd[s] / want.rstd[s], 1, 1e-13) || !CHECK_NEAR(slim.rstd[s] / want.rstd[s], 1, 3e-7)) return;
    double scale = 1 + sqrt((double)(k.count / k.channels));
    for (int64_t c = 0; c < k.channels; c++) {
        if (!CHECK_NEAR(wide.dweight[c], want.dweight[c], 1e-12 * scale)) return;
        if (!CHECK_NEAR(slim.dweight[c], want.dweight[c], 3e-6 * scale)) return;
        if (!CHECK_NEAR(wide.dbias[c], want.dbias[c], 1e-12 * scale)) return;
        if (!CHECK_NEAR(slim.dbias[c], want.dbias[c], 3e-6 * scale)) return;
    }
}

/* The float results once more with other threads and levels: the same bits. */
static void repeat(void (*run)(bool is_wide)) {
    memcpy(&again, &slim, sizeof slim);
    for (int round = 0; round < 3; round++) {
        tni_pool_set_threads(round == 0 ? 1 : 3);
        tni_cpu_set_level((tni_level)round);
        run(false);
        CHECK(memcmp(again.y, slim.y, sizeof slim.y) == 0 && memcmp(again.dx, slim.dx, sizeof slim.dx) == 0);
        CHECK(memcmp(again.dweight, slim.dweight, sizeof slim.dweight) == 0);
        CHECK(memcmp(again.dbias, slim.dbias, sizeof slim.dbias) == 0);
        CHECK(memcmp(again.rstd, slim.rstd, sizeof slim.rstd) == 0);
    }
    tni_pool_set_threads(2);
    tni_cpu_set_level(TNI_LEVEL_AVX512);
}

#define W(field) (is_wide ? (void *)wide.field : (void *)slim.field)
#define OPTIONAL(field) (k.weighted ? W(field) : NULL)

static tni_layer_norm layer;
static void run_layer(bool is_wide) {
    layer.wide = is_wide;
    tni_layer_norm_forward(&layer, W(x), OPTIONAL(weight), OPTIONAL(bias), W(y), W(mean), W(rstd));
    CHECK(tni_layer_norm_backward(&layer, W(dy), W(x), W(mean), W(rstd), OPTIONAL(weight), W(dx), W(dweight), W(dbias)));
}

static void layer_norm(void) {
    static const int64_t shapes[][2] = {{1, 1}, {3, 7}, {40, 100}, {5, 3000}, {300, 17}, {6000, 5}, {1, 2500}};
    for (size_t i = 0; i < TNI_COUNT(shapes); i++)
        for (int mode = 0; mode < 3; mode++) {
            fill();
            layer = (tni_layer_norm){.rms = mode == 2, .rows = shapes[i][0], .n = shapes[i][1], .eps = 1e-5};
            k.count = layer.rows * layer.n, k.sets = layer.rows, k.channels = layer.n, k.eps = layer.eps;
            k.rms = layer.rms, k.weighted = mode > 0;
            for (int64_t j = 0; j < k.count; j++) k.set[j] = j / layer.n, k.channel[j] = j % layer.n;
            if (k.rms) memset(slim.mean, 0, sizeof slim.mean), memset(wide.mean, 0, sizeof wide.mean);
            run_layer(true);
            run_layer(false);
            if (layer.n == 1) continue; /* 0 / 0 but for eps: nothing to compare with */
            if (layer.rows < 1000) reference(), compare();
            repeat(run_layer);
        }
    k.rms = false;
}

static tni_group_norm group;
static void run_group(bool is_wide) {
    group.wide = is_wide;
    tni_group_norm_forward(&group, W(x), OPTIONAL(weight), OPTIONAL(bias), W(y), W(mean), W(rstd));
    CHECK(tni_group_norm_backward(&group, W(dy), W(x), W(mean), W(rstd), OPTIONAL(weight), W(dx), W(dweight), W(dbias)));
}

static void group_norm(void) {
    static const int64_t shapes[][4] = {{2, 6, 5, 3}, {3, 4, 100, 4}, {2, 8, 1200, 2}, {4, 6, 1, 1}};
    for (size_t i = 0; i < TNI_COUNT(shapes); i++)
        for (int mode = 0; mode < 2; mode++) {
            fill();
            group =
                (tni_group_norm){.n = shapes[i][0], .c = shapes[i][1], .inner = shapes[i][2], .groups = shapes[i][3], .eps = 1e-5};
            k.count = group.n * group.c * group.inner, k.sets = group.n * group.groups, k.channels = group.c, k.eps = group.eps;
            k.weighted = mode > 0;
            for (int64_t j = 0; j < k.count; j++) {
                k.channel[j] = j / group.inner % group.c;
                k.set[j] = j / (group.inner * group.c) * group.groups + k.channel[j] / (group.c / group.groups);
            }
            run_group(true);
            run_group(false);
            reference();
            compare();
            repeat(run_group);
        }
}

static tni_batch_norm batch;
static void run_batch(bool is_wide) {
    batch.wide = is_wide;
    CHECK(tni_batch_norm_stats(&batch, W(x), W(mean), W(rstd)));
    for (int64_t c = 0; c < batch.c; c++) {
        if (is_wide)
            wide.rstd[c] = 1 / sqrt(wide.rstd[c] + k.eps);
        else
            slim.rstd[c] = (float)(1 / sqrt((double)slim.rstd[c] + k.eps));
    }
    CHECK(tni_batch_norm_forward(&batch, W(x), W(mean), W(rstd), OPTIONAL(weight), OPTIONAL(bias), W(y)));
    CHECK(tni_batch_norm_backward(&batch, true, W(dy), W(x), W(mean), W(rstd), OPTIONAL(weight), W(dx), W(dweight), W(dbias)));
}

static void batch_norm(void) {
    static const int64_t shapes[][3] = {{5, 3, 40}, {200, 7, 1}, {17, 3, 9}, {3, 2, 5000}, {3000, 12, 1}, {600, 4, 16}};
    for (size_t i = 0; i < TNI_COUNT(shapes); i++)
        for (int mode = 0; mode < 2; mode++) {
            fill();
            batch = (tni_batch_norm){.n = shapes[i][0], .c = shapes[i][1], .inner = shapes[i][2]};
            k.count = batch.n * batch.c * batch.inner, k.sets = k.channels = batch.c, k.eps = 1e-5, k.weighted = mode > 0;
            for (int64_t j = 0; j < k.count; j++) k.set[j] = k.channel[j] = j / batch.inner % batch.c;
            run_batch(true);
            run_batch(false);
            reference();
            compare();
            repeat(run_batch);
        }
}

/* In evaluation mean and invstd are constants. */
static void batch_eval(void) {
    for (int64_t inner = 1; inner < 100; inner += 98) {
        fill();
        batch = (tni_batch_norm){.wide = true, .n = 4, .c = 3, .inner = inner};
        for (int c = 0; c < 3; c++) wide.mean[c] = c, wide.rstd[c] = 0.5 + c;
        CHECK(tni_batch_norm_backward(&batch, false, wide.dy, wide.x, wide.mean, wide.rstd, wide.weight, wide.dx, NULL, NULL));
        for (int64_t i = 0; i < 12 * inner; i++) {
            int64_t c = i / inner % 3;
            CHECK_NEAR(wide.dx[i], wide.dy[i] * wide.weight[c] * wide.rstd[c], 1e-14);
        }
    }
}

/* Far from 0 the variance is still right, which a sum of squares would not give. */
static void moments(void) {
    static const float row[4] = {10000.5F, 10001.5F, 9999.5F, 10002.5F};
    float mean, var, x[2] = {1, INFINITY};
    tni_row_moments_f32(&mean, &var, row, 1, 4, 1);
    CHECK(mean == 10001.0F);
    CHECK_NEAR(var, 5.0 / 3, 1e-6);
    tni_row_moments_f32(&mean, &var, row, 1, 1, 1);
    CHECK(mean == row[0] && isnan(var));
    tni_row_moments_f32(&mean, &var, row, 1, 0, 0);
    CHECK(isnan(mean) && isnan(var));
    tni_row_moments_f32(&mean, &var, x, 1, 2, 0);
    CHECK(isinf(mean) && isnan(var));
    double far[3] = {1e8, 1e8 + 1, 1e8 + 2}, m, v;
    tni_row_moments_f64(&m, &v, far, 1, 3, 0);
    CHECK(m == 1e8 + 1);
    CHECK_NEAR(v, 2.0 / 3, 1e-15);
    tni_batch_norm none = {.n = 0, .c = 2, .inner = 3};
    float means[2] = {1, 1}, vars[2] = {1, 1};
    CHECK(tni_batch_norm_stats(&none, NULL, means, vars));
    CHECK(isnan(means[1]) && isnan(vars[0]));
    layer = (tni_layer_norm){.rows = 0, .n = 3};
    float dweight[3] = {1, 1, 1};
    CHECK(tni_layer_norm_backward(&layer, NULL, NULL, NULL, NULL, NULL, NULL, dweight, NULL));
    CHECK(dweight[0] == 0 && dweight[2] == 0);
}

int main(void) {
    RUN(moments);
    RUN(layer_norm);
    RUN(group_norm);
    RUN(batch_norm);
    RUN(batch_eval);
    tni_pool_shutdown();
    return test_end();
}
