/* tests/unit/test_integers.c - integers at their limits: division by 0 is an error, overflow wraps, every shift count is defined. */
#include "support.h"
#include <stdint.h>

static tn_tensor *one(int64_t value, tn_dtype dtype) { return tn_full((1), value, .dtype = dtype); }

static void least_by_minus_one(void) {
    static const struct {
        tn_dtype dtype;
        int64_t least;
    } rows[] = {{TN_INT8, INT8_MIN}, {TN_INT16, INT16_MIN}, {TN_INT32, INT32_MIN}, {TN_INT64, INT64_MIN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TN_SCOPE;
        tn_tensor *x = one(rows[i].least, rows[i].dtype), *y = one(-1, rows[i].dtype);
        CHECK_EQ_INT(tn_item_int(tn_floor_divide(x, y)), rows[i].least);
        CHECK_EQ_INT(tn_item_int(tn_div(x, y, .rounding_mode = "trunc")), rows[i].least);
        CHECK_EQ_INT(tn_item_int(tn_div(x, y, .rounding_mode = "floor")), rows[i].least);
        CHECK_EQ_INT(tn_item_int(tn_remainder(x, y)), 0);
        CHECK_EQ_INT(tn_item_int(tn_fmod(x, y)), 0);
        CHECK_OK();
    }
}

static void by_zero(void) {
    TN_SCOPE;
    tn_tensor *x = tn_tensor((3), 1, 2, 3), *whole = tn_to(x, TN_INT64), *zero = one(0, TN_INT64);
    CHECK(!tn_floor_divide(whole, zero));
    CHECK_ERROR(TN_ERR_RUNTIME, "ZeroDivisionError");
    CHECK(!tn_div(whole, 0, .rounding_mode = "trunc"));
    CHECK_ERROR(TN_ERR_RUNTIME, "ZeroDivisionError");
    CHECK(!tn_remainder(whole, zero));
    CHECK_ERROR(TN_ERR_RUNTIME, "ZeroDivisionError");
    CHECK(!tn_fmod_(whole, zero));
    CHECK_ERROR(TN_ERR_RUNTIME, "ZeroDivisionError");
    CHECK(tn_equal(whole, tn_to(x, TN_INT64)));
    CHECK(isinf(tn_item(tn_floor_divide(tn_to(one(1, TN_INT64), TN_FLOAT32), zero))));
    CHECK_OK();
}

static void shifts(void) {
    static const struct {
        int64_t x, by, left, right;
    } rows[] = {{1, 63, INT64_MIN, 0}, {1, 64, 0, 0},    {-1, 64, 0, -1},      {-8, -1, 0, -1},
                {8, -1, 0, 0},         {-8, 1, -16, -4}, {5, INT64_MAX, 0, 0}, {5, INT64_MIN, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TN_SCOPE;
        tn_tensor *x = one(rows[i].x, TN_INT64), *by = one(rows[i].by, TN_INT64);
        CHECK_EQ_INT(tn_item_int(tn_bitwise_left_shift(x, by)), rows[i].left);
        CHECK_EQ_INT(tn_item_int(tn_bitwise_right_shift(x, by)), rows[i].right);
    }
    CHECK_EQ_INT(tn_item_int(tn_bitwise_right_shift(one(255, TN_UINT8), one(8, TN_UINT8))), 0);
    CHECK_EQ_INT(tn_item_int(tn_bitwise_left_shift(one(1, TN_INT8), one(7, TN_INT8))), INT8_MIN);
    CHECK_OK();
}

int main(void) {
    RUN(least_by_minus_one);
    RUN(by_zero);
    RUN(shifts);
    return test_end();
}
