/* unit/test_sort.c - sort, topk and kthvalue against the rules checked one by one. */
#include "base/pool.h"
#include "cpu/sort.h"
#include "test.h"
#include <stdlib.h>
#include <tison.h>

enum { MOST = 20000 };
static uint64_t store[MOST], values[MOST];
static int64_t indices[MOST], first[MOST];
static uint8_t seen[MOST];

static uint64_t seed = 1;
static uint64_t next(void) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return seed >> 20;
}

static const struct {
    tn_dtype dtype;
    int bytes;
} dtypes[] = {{TN_FLOAT32, 4}, {TN_FLOAT64, 8}, {TN_INT64, 8},  {TN_INT32, 4},   {TN_UINT8, 1},    {TN_BOOL, 1},  {TN_INT8, 1},
              {TN_INT16, 2},   {TN_UINT16, 2},  {TN_UINT32, 4}, {TN_FLOAT16, 2}, {TN_BFLOAT16, 2}, {TN_UINT64, 8}};

static float small_float(uint16_t bits, int digits) {
    int exponent = (bits & 0x7fff) >> digits, all = (1 << (15 - digits)) - 1, bias = all / 2, fraction = bits & ((1 << digits) - 1);
    float x = exponent == all ? (fraction ? NAN : INFINITY)
                              : ldexpf((float)(fraction + (exponent ? 1 << digits : 0)), (exponent ? exponent : 1) - bias - digits);
    return bits >> 15 ? -x : x;
}

/* -1, 0, 1 as x[i] stands to x[j]; NaN is the largest. */
static int compare(tn_dtype dtype, const void *x, int64_t i, int64_t j) {
#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))
#define CASE(d, T)                                                                                                                 \
    case d: return ORDER(((const T *)x)[i], ((const T *)x)[j]);
    double a, b;
    switch (dtype) {
        CASE(TN_INT64, int64_t)
        CASE(TN_UINT64, uint64_t)
        CASE(TN_INT32, int32_t)
        CASE(TN_UINT32, uint32_t)
        CASE(TN_INT16, int16_t)
        CASE(TN_UINT16, uint16_t)
        CASE(TN_INT8, int8_t)
    case TN_FLOAT32: a = (double)((const float *)x)[i], b = (double)((const float *)x)[j]; break;
    case TN_FLOAT64: a = ((const double *)x)[i], b = ((const double *)x)[j]; break;
    case TN_FLOAT16:
        a = (double)small_float(((const uint16_t *)x)[i], 10), b = (double)small_float(((const uint16_t *)x)[j], 10);
        break;
    case TN_BFLOAT16:
        a = (double)small_float(((const uint16_t *)x)[i], 7), b = (double)small_float(((const uint16_t *)x)[j], 7);
        break;
    default: return ORDER(((const uint8_t *)x)[i], ((const uint8_t *)x)[j]);
    }
    if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
    return ORDER(a, b);
}

/* Few different values (so that there are many ties), all bit patterns, or in order already. */
static void fill(tn_dtype dtype, int mode, int64_t n) {
    static const double some[] = {0, -0.0, 1, -1, NAN, INFINITY, -INFINITY, 2.5, 1e-40, -3};
    for (int64_t i = 0; i < MOST; i++) store[i] = next() << 32 ^ next();
    for (int64_t i = 0; i < n; i++) {
        double x = mode == 2 ? (double)i / 3 : some[next() % 10];
        if (dtype == TN_BOOL) ((uint8_t *)store)[i] &= 1;
        if (mode == 1) continue;
        if (dtype == TN_FLOAT32) ((float *)store)[i] = (float)x;
        if (dtype == TN_FLOAT64) ((double *)store)[i] = x;
        if (dtype == TN_INT64) ((int64_t *)store)[i] = mode == 2 ? -i : (int64_t)(next() % 7) - 3;
        if (dtype == TN_INT32) ((int32_t *)store)[i] = mode == 2 ? (int32_t)-i : (int32_t)(next() % 7) - 3;
    }
}

/* Whether indices[0..k] are in order, all different, and their values stand beside them; stable: of equals the first comes first. */
static int in_order(tn_dtype dtype, int bytes, int64_t n, int64_t k, bool descending, bool stable) {
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < k; i++) {
        int64_t at = indices[i];
        if (at < 0 || at >= n || seen[at]++) return 0;
        if (memcmp((char *)values + i * bytes, (char *)store + at * bytes, (size_t)bytes) != 0) return 0;
        if (i == 0) continue;
        int c = compare(dtype, store, indices[i - 1], at);
        if (descending) c = -c;
        if (c > 0 || (stable && c == 0 && indices[i - 1] > at)) return 0;
    }
    return 1;
}

static const int64_t lengths[] = {1, 2, 15, 17, 100, 511, 512, 3000, MOST / 2};

static void test_sort(void) {
    for (size_t d = 0; d < TNI_COUNT(dtypes); d++)
        for (int mode = 0; mode < 3; mode++)
            for (size_t l = 0; l < TNI_COUNT(lengths); l++)
                for (int down = 0; down < 2; down++) {
                    fill(dtypes[d].dtype, mode, lengths[l]);
                    CHECK(tni_sort_rows(dtypes[d].dtype, store, 1, lengths[l], down, values, indices));
                    if (!CHECK(in_order(dtypes[d].dtype, dtypes[d].bytes, lengths[l], lengths[l], down, true)))
                        printf("  dtype %d, mode %d, %lld, %d\n", (int)dtypes[d].dtype, mode, (long long)lengths[l], down);
                }
}

/* The k chosen are worth what the first k of the sorted row are; the k-th is the k-th of those. */
static void test_selection(void) {
    for (size_t d = 0; d < TNI_COUNT(dtypes); d++)
        for (int mode = 0; mode < 3; mode++)
            for (size_t l = 0; l < TNI_COUNT(lengths); l++)
                for (int down = 0; down < 2; down++) {
                    int64_t n = lengths[l], ks[] = {0, 1, n / 3, n / 2 + 1, n};
                    fill(dtypes[d].dtype, mode, n);
                    CHECK(tni_sort_rows(dtypes[d].dtype, store, 1, n, down, NULL, first));
                    for (int i = 0; i < 5; i++) {
                        int64_t at;
                        CHECK(tni_topk_rows(dtypes[d].dtype, store, 1, n, ks[i], down, values, indices));
                        CHECK(in_order(dtypes[d].dtype, dtypes[d].bytes, n, ks[i], down, false));
                        int differ = 0;
                        for (int64_t k = 0; k < ks[i]; k++) differ += compare(dtypes[d].dtype, store, indices[k], first[k]) != 0;
                        CHECK_EQ_INT(differ, 0);
                        if (ks[i] == 0 || down) continue;
                        CHECK(tni_kthvalue_rows(dtypes[d].dtype, store, 1, n, ks[i], values, &at));
                        CHECK_EQ_INT(at, first[ks[i] - 1]);
                        CHECK(memcmp(values, (char *)store + at * dtypes[d].bytes, (size_t)dtypes[d].bytes) == 0);
                    }
                }
}

/* Each row alone and all together, on several threads. */
static void test_rows(void) {
    int64_t rows = 100, n = 200, k = 7;
    static float some[700];
    fill(TN_FLOAT32, 2, rows * n); /* no ties */
    tni_pool_set_threads(3);
    CHECK(tni_sort_rows(TN_FLOAT32, store, rows, n, true, values, first));
    CHECK(tni_topk_rows(TN_FLOAT32, store, rows, n, k, true, some, indices));
    for (int64_t row = 0; row < rows; row++) {
        CHECK(memcmp(indices + row * k, first + row * n, (size_t)k * sizeof *first) == 0);
        CHECK(memcmp(some + row * k, (float *)values + row * n, (size_t)k * sizeof *some) == 0);
        CHECK(tni_sort_rows(TN_FLOAT32, (float *)store + row * n, 1, n, true, NULL, indices + rows * k));
        CHECK(memcmp(indices + rows * k, first + row * n, (size_t)n * sizeof *first) == 0);
    }
}

/* Of equals topk takes those that PyTorch's build takes: numbers from PyTorch 2.13. */
static void test_ties(void) {
    static const int64_t ones_3_of_12[] = {9, 7, 8}, fives_6_of_40[] = {22, 12, 27, 32, 7, 37}, few_2_of_200[] = {7, 2},
                         least_4_of_20[] = {5, 10, 15, 0};
    int32_t *x = (int32_t *)store;
    for (int i = 0; i < 200; i++) x[i] = 1;
    CHECK(tni_topk_rows(TN_INT32, x, 1, 12, 3, true, values, indices));
    CHECK(memcmp(indices, ones_3_of_12, sizeof ones_3_of_12) == 0);
    for (int i = 0; i < 200; i++) x[i] = i * 7 % 5;
    CHECK(tni_topk_rows(TN_INT32, x, 1, 40, 6, true, values, indices));
    CHECK(memcmp(indices, fives_6_of_40, sizeof fives_6_of_40) == 0);
    CHECK(tni_topk_rows(TN_INT32, x, 1, 200, 2, true, values, indices));
    CHECK(memcmp(indices, few_2_of_200, sizeof few_2_of_200) == 0);
    CHECK(tni_topk_rows(TN_INT32, x, 1, 20, 4, false, values, indices));
    CHECK(memcmp(indices, least_4_of_20, sizeof least_4_of_20) == 0);
}

static void test_refusals(void) {
    CHECK(tni_sort_rows(TN_FLOAT32, NULL, 3, 0, true, NULL, NULL));
    CHECK(tni_sort_rows(TN_FLOAT32, NULL, 0, 3, true, NULL, NULL));
    CHECK(!tni_sort_rows(TN_COMPLEX64, store, 1, 2, true, values, indices));
    CHECK(tn_error() == TN_ERR_NOT_IMPLEMENTED);
    tn_clear_error();
}

int main(void) {
    RUN(test_sort);
    RUN(test_selection);
    RUN(test_rows);
    RUN(test_ties);
    RUN(test_refusals);
    tni_pool_shutdown();
    return test_end();
}
