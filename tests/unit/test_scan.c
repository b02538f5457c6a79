/* unit/test_scan.c - running sums, products and extremes against one column at a time. */
#include "base/pool.h"
#include "cpu/scan.h"
#include "test.h"
#include <tison.h>

enum { MOST = 60000 };
static float x[MOST], y[MOST];
static double wide[MOST], wide_y[MOST];
static int64_t whole[MOST], whole_y[MOST], places[MOST];
static uint8_t bytes[MOST], bytes_y[MOST];

static const int64_t shapes[][3] = {{1, 1, 1}, {1, 1000, 1}, {3, 7, 5}, {2, 50, 200}, {40, 1, 64}, {1, 300, 150}, {200, 30, 1}};

static void fill(int64_t count) {
    uint64_t seed = 5;
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        whole[i] = (int64_t)(seed >> 60) - 7;
        bytes[i] = (uint8_t)(seed >> 50);
        x[i] = (float)(0.9 + (double)(seed >> 40) / 0x1p26);
        wide[i] = (double)x[i];
    }
}

static void sums_and_products(void) {
    for (size_t s = 0; s < TNI_COUNT(shapes); s++) {
        int64_t outer = shapes[s][0], n = shapes[s][1], inner = shapes[s][2], count = outer * n * inner;
        for (int product = 0; product < 2; product++) {
            fill(count);
            bool (*run)(tn_dtype, const void *, int64_t, int64_t, int64_t, void *) = product ? tni_cumprod : tni_cumsum;
            CHECK(run(TN_FLOAT32, x, outer, n, inner, y));
            CHECK(run(TN_FLOAT64, wide, outer, n, inner, wide_y));
            CHECK(run(TN_INT64, whole, outer, n, inner, whole_y));
            CHECK(run(TN_UINT8, bytes, outer, n, inner, bytes_y));
            for (int64_t c = 0; c < outer * inner; c++) {
                double sum = product;
                uint64_t integer = (uint64_t)product;
                uint8_t byte = (uint8_t)product;
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = c / inner * n * inner + i * inner + c % inner;
                    sum = product ? sum * wide[at] : sum + wide[at];
                    integer = product ? integer * (uint64_t)whole[at] : integer + (uint64_t)whole[at];
                    byte = (uint8_t)(product ? byte * bytes[at] : byte + bytes[at]);
                    if (!CHECK(y[at] == (float)sum && wide_y[at] == sum)) return;
                    if (!CHECK(whole_y[at] == (int64_t)integer && bytes_y[at] == byte)) return;
                }
            }
        }
    }
}

static void in_place(void) {
    int32_t a[6] = {1, 2, 3, 4, 5, 6};
    static const int32_t want[6] = {1, 2, 4, 6, 9, 12};
    CHECK(tni_cumsum(TN_INT32, a, 1, 3, 2, a));
    CHECK(memcmp(a, want, sizeof want) == 0);
}

/* torch.cummax and torch.cummin of the same numbers. */
static void extremes(void) {
    static const float in[8] = {1, 3, 3, 2, NAN, 7, NAN, 1};
    static const int64_t max_at[8] = {0, 1, 2, 2, 4, 4, 6, 6}, min_at[8] = {0, 0, 0, 0, 4, 4, 6, 6};
    CHECK(tni_cummax(TN_FLOAT32, in, 1, 8, 1, y, places));
    CHECK(memcmp(places, max_at, sizeof max_at) == 0);
    CHECK(y[3] == 3 && isnan(y[5]));
    CHECK(tni_cummin(TN_FLOAT32, in, 1, 8, 1, y, places));
    CHECK(memcmp(places, min_at, sizeof min_at) == 0);
    static const int64_t table[6] = {4, -1, 2, 5, 4, 5}, down[6] = {4, -1, 2, -1, 2, -1}, down_at[6] = {0, 0, 1, 0, 1, 0};
    CHECK(tni_cummin(TN_INT64, table, 1, 3, 2, whole_y, places));
    CHECK(memcmp(whole_y, down, sizeof down) == 0 && memcmp(places, down_at, sizeof down_at) == 0);
}

static void log_sums(void) {
    static const double in[6] = {-INFINITY, 0, 1000, 1000, -5, INFINITY};
    CHECK(tni_logcumsumexp(TN_FLOAT64, in, 1, 6, 1, wide_y));
    CHECK(wide_y[0] == -INFINITY && wide_y[1] == 0 && wide_y[2] == 1000 && isinf(wide_y[5]));
    CHECK_NEAR(wide_y[3], 1000 + log(2), 1e-12);
    CHECK(!tni_logcumsumexp(TN_INT64, whole, 1, 2, 1, whole_y));
    CHECK(tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
}

int main(void) {
    tni_pool_set_threads(3);
    RUN(sums_and_products);
    RUN(in_place);
    RUN(extremes);
    RUN(log_sums);
    tni_pool_shutdown();
    return test_end();
}
