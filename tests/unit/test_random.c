/* tests/unit/test_random.c - the random streams against values that PyTorch 2.13 gives on a CPU; the seed is 0 unless said. */
#include "base/random.h"
#include "test.h"
#include <float.h>

static tni_random r;
static union {
    double f64[1001];
    int64_t i64[1001];
    int32_t i32[1001];
} room; /* every fill of the tests fits */

static void seed(uint64_t n) { tni_random_seed(&r, n); }

/* FNV-1a over bytes: stands for the outputs that are too long to be listed. */
static uint64_t hash(const void *bytes, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return h;
}

static bool same(const void *want, size_t bytes) { return memcmp(&room, want, bytes) == 0; }
static bool hashes(size_t bytes, uint64_t want) { return hash(&room, bytes) == want; }

#define CHECK_F32(...)                                                                                                             \
    do {                                                                                                                           \
        static const uint32_t want_[] = {__VA_ARGS__};                                                                             \
        CHECK(same(want_, sizeof want_));                                                                                          \
    } while (0)
#define CHECK_F64(...)                                                                                                             \
    do {                                                                                                                           \
        static const uint64_t want_[] = {__VA_ARGS__};                                                                             \
        CHECK(same(want_, sizeof want_));                                                                                          \
    } while (0)
#define CHECK_I64(...)                                                                                                             \
    do {                                                                                                                           \
        static const int64_t want_[] = {__VA_ARGS__};                                                                              \
        CHECK(same(want_, sizeof want_));                                                                                          \
    } while (0)
#define CHECK_FAILS(call, status, text)                                                                                            \
    do {                                                                                                                           \
        CHECK(!(call));                                                                                                            \
        CHECK_EQ_INT(tn_error(), status);                                                                                          \
        CHECK(strstr(tn_error_message(), text) != NULL);                                                                           \
        tn_clear_error();                                                                                                          \
    } while (0)

/* The words of the reference generator for its default seed 5489. */
static void engine(void) {
    seed(5489);
    CHECK_EQ_INT(tni_random_u32(&r), 3499211612U);
    CHECK_EQ_INT(tni_random_u32(&r), 581869302);
    CHECK_EQ_INT(tni_random_u32(&r), 3890346734U);
    for (int i = 3; i < 9999; i++) tni_random_u32(&r);
    CHECK_EQ_INT(tni_random_u32(&r), 4123659995U); /* the 10000th */
    seed(5489);
    CHECK(tni_random_u64(&r) == (UINT64_C(3499211612) << 32 | 581869302));
}

static void bulk_equals_single(void) {
    static uint32_t words[2000];
    static const int sizes[] = {1, 622, 1, 1, 623, 0, 624, 100, 28};
    tni_random single;
    seed(7);
    tni_random_seed(&single, 7);
    for (size_t k = 0; k < TNI_COUNT(sizes); k++) {
        bool equal = true;
        tni_random_words(&r, words, sizes[k]);
        for (int i = 0; i < sizes[k]; i++) equal &= words[i] == tni_random_u32(&single);
        CHECK(equal);
        CHECK_EQ_INT(r.left, single.left);
        CHECK_EQ_INT(r.next, single.next);
    }
}

/* torch.rand(4), torch.rand(2, dtype=float64); rand(2) after manual_seed(-1) */
static void uniform_unit(void) {
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 4, 0, 1));
    CHECK_F32(0x3efe1558, 0x3f44aa2f, 0x3db533a8, 0x3e073300);
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT64, &room, 2, 0, 1));
    CHECK_F64(0x3fef0aac97c4aa2f, 0x3fe6a675d821ccc0);
    seed(UINT64_C(1) << 32); /* only the low half counts */
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 4, 0, 1));
    CHECK_F32(0x3efe1558, 0x3f44aa2f, 0x3db533a8, 0x3e073300);
    CHECK(r.seed == UINT64_C(1) << 32);
    seed((uint64_t)-1);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 2, 0, 1));
    CHECK_F32(0x3f7e69a3, 0x3f124122);
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 1001, 0, 1));
    CHECK(hashes(4004, 0x63f9d59c7485d94d));
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT64, &room, 1001, 0, 1));
    CHECK(hashes(8008, 0xa2c6bd28ecb8f228));
}

/* empty(n).uniform_(-0.37, 0.37); empty(3).uniform_(1, 1 + 2**-23), where rounding up to the end gives the start */
static void uniform_range(void) {
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 4, -0.37, 0.37));
    CHECK_F32(0xbb358af6, 0x3e4b3f6d, 0xbe9beaed, 0xbe8b6a92);
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 1000, -0.37, 0.37));
    CHECK(hashes(4000, 0x92ce2774ec84ca9b));
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT64, &room, 1000, -0.37, 0.37));
    CHECK(hashes(8000, 0x79469560a1f985eb));
    seed(0);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 3, 1, 1 + 0x1p-23));
    CHECK_F32(0x3f800000, 0x3f800000, 0x3f800000);
}

/* torch.randn(4), torch.randn(2, dtype=float64); empty(16, 2).t().normal_(0.1, 0.7), which is not contiguous */
static void normal_scalar(void) {
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 4, 0, 1));
    CHECK_F32(0x3fc53f5c, 0xbe963c50, 0xc00b7149, 0x3f1184b6);
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT64, &room, 2, 0, 1));
    CHECK_F64(0x3ff8a7eb8902be3a, 0xbfd2c78a087c6fea);
    seed(0);
    CHECK(tni_random_normal_scalar(&r, TN_FLOAT32, &room, 32, 0.1, 0.7));
    CHECK(hashes(128, 0xf15a800b453fe00a));
#ifdef __GLIBC__ /* another C library may differ in the last bit of a double */
    seed(0);
    CHECK(tni_random_normal_scalar(&r, TN_FLOAT64, &room, 32, 0.1, 0.7));
    CHECK(hashes(256, 0x635d105921388cc3));
#endif
}

/* randn(1), randn(1); then randn(1), rand(1), randn(16), randn(1, dtype=float64); then a new seed in between */
static void normal_cached(void) {
    float pair[2];
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, pair, 1, 0, 1) && tni_random_normal(&r, TN_FLOAT32, pair + 1, 1, 0, 1));
    memcpy(&room, pair, sizeof pair);
    CHECK_F32(0x3fc53f5c, 0xbe963c50);
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1, 0, 1));
    CHECK(tni_random_uniform(&r, TN_FLOAT32, &room, 1, 0, 1));
    CHECK_F32(0x3e9d6686);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 16, 0, 1)); /* blocks leave the cached value alone */
    CHECK_F32(0x3f312783);
    CHECK(tni_random_normal(&r, TN_FLOAT64, &room, 1, 0, 1));
    CHECK_F64(0xbfd2c78a087c6fea);
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1, 0, 1));
    seed(0);
    CHECK(!r.has_normal);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1, 0, 1));
    CHECK_F32(0x3fc53f5c);
}

/* randn(16), randn(20), randn(1000), randn(1001), empty(1000).normal_(0.1, 0.7) */
static void normal_blocks_f32(void) {
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 16, 0, 1));
    CHECK_F32(0xbf901b85, 0xbf93808a, 0xbe804bd6, 0xbede255d, 0x3f594515, 0x3f312783, 0xbea1cc6d, 0xc0075fc1, 0x3ea50138,
              0xbfa1b4f4, 0x3eb330ff, 0x3e9dc3bb, 0x3df56f77, 0x3f9e6b93, 0x3f8ef28e, 0xbe7d367c);
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 20, 0, 1));
    CHECK_F32(0xbf901b85, 0xbf93808a, 0xbe804bd6, 0xbede255d, 0x3f194d8b, 0xbfc70d5b, 0xbeaec6ca, 0x3fed2f4e, 0x3eefaa55,
              0xbe217f5f, 0x3fb8c9db, 0x3e8837a1, 0x3fb1d6c0, 0x3fcb0d00, 0x3f72409c, 0xbf57fb33, 0x3f6e8c30, 0x3fa12737,
              0x4000519a, 0x3d5c1b3a);
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1000, 0, 1));
    CHECK(hashes(4000, 0x31ae67821ca5077e));
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1001, 0, 1));
    CHECK(hashes(4004, 0x82e01bd5398f1aa7));
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 1000, 0.1, 0.7));
    CHECK(hashes(4000, 0x167faf4c7ab47468));
}

/* randn(20, dtype=float64)[[0, 4, 15, 19]], randn(1000, ...), empty(1001, ...).normal_(0.1, 0.7) */
static void normal_blocks_f64(void) {
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT64, &room, 20, 0, 1));
    CHECK_NEAR(room.f64[0], -0x1.27bb92e9262dcp+1, DBL_EPSILON);
    CHECK_NEAR(room.f64[4], -0x1.471a3c0e2f22ap-6, DBL_EPSILON);
    CHECK_NEAR(room.f64[15], -0x1.c8318cc163de5p-1, DBL_EPSILON);
    CHECK_NEAR(room.f64[19], -0x1.7ff1c81c48b11p-1, DBL_EPSILON);
#ifdef __GLIBC__
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT64, &room, 1000, 0, 1));
    CHECK(hashes(8000, 0xd6d6b1df372a5a00));
    seed(0);
    CHECK(tni_random_normal(&r, TN_FLOAT64, &room, 1001, 0.1, 0.7));
    CHECK(hashes(8008, 0x558eabc4217d9334));
#endif
}

/* empty(8).bernoulli_(0.3); bernoulli(full((8,), 0.3)); 1001 of each; bernoulli(arange(1001) / 1001) */
static void bernoulli(void) {
    static const uint8_t by_number[] = {0, 0, 0, 0, 0, 0, 1, 0}, by_tensor[] = {0, 0, 1, 1, 0, 0, 0, 0};
    static float p32[1001];
    static double p64[1001];
    for (int i = 0; i < 1001; i++) p32[i] = (float)i / 1001.0F, p64[i] = i / 1001.0;
    seed(0);
    CHECK(tni_random_bernoulli(&r, TN_BOOL, &room, 8, 0.3) && same(by_number, 8));
    seed(0);
    CHECK(tni_random_bernoulli(&r, TN_FLOAT32, &room, 1001, 0.3) && hashes(4004, 0x840c9eec9e35e5a5));
    seed(0);
    CHECK(tni_random_bernoulli(&r, TN_FLOAT64, &room, 1001, 0.3) && hashes(8008, 0xdd75366f23565b25));
    float p[8];
    for (int i = 0; i < 8; i++) p[i] = 0.3F;
    seed(0);
    CHECK(tni_random_bernoulli_tensor(&r, TN_UINT8, &room, TN_FLOAT32, p, 8) && same(by_tensor, 8));
    seed(0);
    CHECK(tni_random_bernoulli_tensor(&r, TN_FLOAT32, &room, TN_FLOAT32, p32, 1001) && hashes(4004, 0x95933ced3dd42105));
    seed(0);
    CHECK(tni_random_bernoulli_tensor(&r, TN_FLOAT64, &room, TN_FLOAT64, p64, 1001) && hashes(8008, 0xe2d8ed0050c7e338));
}

static void bernoulli_ends(void) {
    int64_t ones = 0;
    CHECK(tni_random_bernoulli(&r, TN_INT64, &room, 1000, 0));
    for (int i = 0; i < 1000; i++) ones += room.i64[i];
    CHECK_EQ_INT(ones, 0);
    CHECK(tni_random_bernoulli(&r, TN_INT32, &room, 1000, 1));
    for (int i = 0; i < 1000; i++) ones += room.i32[i];
    CHECK_EQ_INT(ones, 1000);
}

/* randint(10, (8,)), randint(2**40, (3,)), randint(2**28 - 1, ...), randint(2**28, ...), empty(1000, dtype=int32).random_(-5, 7) */
static void integers(void) {
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT64, &room, 8, 0, 10));
    CHECK_I64(4, 9, 3, 0, 3, 9, 7, 3);
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT64, &room, 3, 0, INT64_C(1) << 40));
    CHECK_I64(741280623151, 506137267392, 291447657211);
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT64, &room, 3, 0, (1 << 28) - 1));
    CHECK_I64(209652404, 130329144, 118924928);
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT64, &room, 3, 0, 1 << 28));
    CHECK_I64(130329135, 136432832, 195187451);
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT64, &room, 1000, 0, INT64_MAX) && hashes(8000, 0xbb3aa025ac081051));
    seed(0);
    CHECK(tni_random_integers(&r, TN_INT32, &room, 1000, -5, 7) && hashes(4000, 0xf085239d5e9fcc11));
}

/* empty(3).random_(-2**25 - 3, 2**25 + 7), empty(3, dtype=float64).random_(-2**60 - 1, 2**60 + 1) */
static void integers_in_floats(void) {
    static const float narrow[] = {-25228876.0F, 29665576.0F, 18261304.0F};
    static const double wide[] = {-2.5247131771255754e+17, 5.107786328206082e+17, 7.427280925917396e+17};
    seed(0);
    CHECK(tni_random_integers(&r, TN_FLOAT32, &room, 3, -(1 << 25) - 3, (1 << 25) + 7) && same(narrow, sizeof narrow));
    seed(0);
    CHECK(tni_random_integers(&r, TN_FLOAT64, &room, 3, -(INT64_C(1) << 60) - 1, (INT64_C(1) << 60) + 1));
    CHECK(same(wide, sizeof wide));
}

/* empty(1000, dtype=...).random_() */
static void full_range(void) {
    static const struct {
        tn_dtype dtype;
        size_t bytes;
        uint64_t want;
    } rows[] = {{TN_BOOL, 1000, 0x2e7682e9fb44646d},    {TN_UINT8, 1000, 0x3a1ae9a0cb9c00ed},
                {TN_INT32, 4000, 0xea37536c6cb099b9},   {TN_INT64, 8000, 0x2ae4b6f2a0fb03f1},
                {TN_FLOAT32, 4000, 0xc23605a35fe2a92a}, {TN_FLOAT64, 8000, 0x51591367798dcf7d}};
    for (size_t i = 0; i < TNI_COUNT(rows); i++) {
        seed(0);
        CHECK(tni_random_full_range(&r, rows[i].dtype, &room, 1000) && hashes(rows[i].bytes, rows[i].want));
    }
}

/* randperm(10), randperm(1000) */
static void permutation(void) {
    seed(0);
    CHECK(tni_random_permutation(&r, room.i64, 10));
    CHECK_I64(4, 1, 7, 5, 3, 9, 0, 8, 6, 2);
    CHECK_EQ_INT(r.next, 9);
    seed(0);
    CHECK(tni_random_permutation(&r, room.i64, 1000) && hashes(8000, 0x01f56afb98c57ed9));
    seed(0);
    CHECK(tni_random_permutation(&r, room.i64, 0) && tni_random_permutation(&r, room.i64, 1));
    CHECK_EQ_INT(room.i64[0], 0);
    CHECK_EQ_INT(r.next, 0);
}

/* empty(3).exponential_(), empty(1000).exponential_(1.5) */
static void exponential(void) {
    seed(0);
    CHECK(tni_random_exponential(&r, TN_FLOAT32, &room, 3, 1));
    CHECK_F32(0x4060886b, 0x3f9d7d3f, 0x3f1d7388);
    seed(0);
    CHECK(tni_random_exponential(&r, TN_FLOAT32, &room, 1000, 1.5) && hashes(4000, 0x38bef22734aec7b6));
#ifdef __GLIBC__
    seed(0);
    CHECK(tni_random_exponential(&r, TN_FLOAT64, &room, 1000, 1.5) && hashes(8000, 0xf4c90e1f9e4eea61));
#endif
}

/* get_rng_state() after the seed, and after randn(3), rand(700); then randn(2) */
static void state(void) {
    static unsigned char blob[TNI_RANDOM_STATE_SIZE], again[TNI_RANDOM_STATE_SIZE];
    seed(0);
    tni_random_get_state(&r, blob);
    CHECK(hash(blob, sizeof blob) == 0xd383c07ab3df60e4);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 3, 0, 1) && tni_random_uniform(&r, TN_FLOAT32, &room, 700, 0, 1));
    tni_random_get_state(&r, blob);
#ifdef __GLIBC__ /* holds a cached double */
    CHECK(hash(blob, sizeof blob) == 0x9f49ba9a11714b61);
#endif
    seed(99);
    CHECK(tni_random_set_state(&r, blob));
    tni_random_get_state(&r, again);
    CHECK(memcmp(blob, again, sizeof blob) == 0);
    CHECK(tni_random_normal(&r, TN_FLOAT32, &room, 2, 0, 1));
    CHECK_F32(0x3f1184b6, 0x3f79fad0);
}

static void state_refused(void) {
    static unsigned char blob[TNI_RANDOM_STATE_SIZE], bad[TNI_RANDOM_STATE_SIZE], after[TNI_RANDOM_STATE_SIZE];
    /* left 0, left past the end, not seeded, next past the end, left and next together past the end */
    static const struct {
        int at;
        unsigned char value;
    } rows[] = {{8, 0}, {9, 3}, {12, 0}, {17, 3}, {23, 1}, {8, 200}};
    seed(3);
    tni_random_words(&r, (uint32_t *)room.i32, 500);
    tni_random_get_state(&r, blob);
    for (size_t i = 0; i < TNI_COUNT(rows); i++) {
        memcpy(bad, blob, sizeof bad);
        bad[rows[i].at] = rows[i].value;
        if (rows[i].at == 8 && rows[i].value == 0) bad[9] = 0;
        CHECK_FAILS(tni_random_set_state(&r, bad), TN_ERR_RUNTIME, "Invalid mt19937 state");
        tni_random_get_state(&r, after);
        CHECK(memcmp(blob, after, sizeof blob) == 0);
    }
}

static void nothing_drawn(void) {
    static unsigned char before[TNI_RANDOM_STATE_SIZE], after[TNI_RANDOM_STATE_SIZE];
    seed(0);
    tni_random_get_state(&r, before);
    CHECK(tni_random_uniform(&r, TN_FLOAT32, NULL, 0, 0, 1) && tni_random_normal(&r, TN_FLOAT32, NULL, 0, 0, 1));
    CHECK(tni_random_bernoulli(&r, TN_BOOL, NULL, 0, 0.5) && tni_random_exponential(&r, TN_FLOAT64, NULL, 0, 1));
    CHECK(tni_random_integers(&r, TN_INT64, NULL, 0, 0, 9) && tni_random_full_range(&r, TN_INT64, NULL, 0));
    float p[2] = {0.5F, 1.5F};
    CHECK_FAILS(tni_random_bernoulli_tensor(&r, TN_FLOAT32, &room, TN_FLOAT32, p, 2), TN_ERR_RUNTIME, "p_in >= 0 && p_in <= 1");
    tni_random_get_state(&r, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
}

static void refused(void) {
    CHECK_FAILS(tni_random_uniform(&r, TN_FLOAT32, &room, 4, 2, 1), TN_ERR_RUNTIME,
                "uniform_ expects to return a [from, to) range, but found from=2 > to=1");
    CHECK_FAILS(tni_random_uniform(&r, TN_FLOAT32, &room, 4, -3e38, 3e38), TN_ERR_RUNTIME, "to exceed the limit");
    CHECK_FAILS(tni_random_uniform(&r, TN_FLOAT32, &room, 4, 0, 1e39), TN_ERR_RUNTIME, "to is out of bounds for float");
    CHECK_FAILS(tni_random_uniform(&r, TN_FLOAT64, &room, 4, (double)NAN, 1), TN_ERR_RUNTIME, "from is out of bounds for double");
    CHECK_FAILS(tni_random_normal(&r, TN_FLOAT32, &room, 4, 0, -1), TN_ERR_RUNTIME, "normal expects std >= 0.0, but found std -1");
    CHECK_FAILS(tni_random_normal(&r, TN_FLOAT32, &room, 40, 0, -1), TN_ERR_RUNTIME, "normal expects std >= 0.0, but found std -1");
    CHECK_FAILS(tni_random_bernoulli(&r, TN_BOOL, &room, 4, 1.5), TN_ERR_RUNTIME, "expects p to be in [0, 1], but got p=1.5");
    CHECK_FAILS(tni_random_exponential(&r, TN_FLOAT32, &room, 4, 0), TN_ERR_RUNTIME, "but found lambda=0");
    CHECK_FAILS(tni_random_integers(&r, TN_INT64, &room, 4, 3, 3), TN_ERR_RUNTIME, "but got from=3 >= to=3");
    CHECK_FAILS(tni_random_integers(&r, TN_UINT8, &room, 4, -1, 3), TN_ERR_RUNTIME, "from is out of bounds for unsigned char");
    CHECK_FAILS(tni_random_integers(&r, TN_BOOL, &room, 4, 0, 3), TN_ERR_RUNTIME, "to - 1 is out of bounds for bool");
    CHECK_FAILS(tni_random_integers(&r, TN_FLOAT32, &room, 4, (1 << 25) + 3, (1 << 25) + 4), TN_ERR_RUNTIME, "casted to dtype");
    CHECK_FAILS(tni_random_permutation(&r, NULL, -1), TN_ERR_RUNTIME, "non-negative");
    CHECK_FAILS(tni_random_uniform(&r, TN_INT32, &room, 4, 0, 1), TN_ERR_NOT_IMPLEMENTED, "uniform_");
    CHECK_FAILS(tni_random_normal(&r, TN_INT64, &room, 40, 0, 1), TN_ERR_NOT_IMPLEMENTED, "normal_");
    CHECK_FAILS(tni_random_normal_scalar(&r, TN_FLOAT16, &room, 4, 0, 1), TN_ERR_NOT_IMPLEMENTED, "normal_");
    CHECK_FAILS(tni_random_exponential(&r, TN_BFLOAT16, &room, 4, 1), TN_ERR_NOT_IMPLEMENTED, "exponential_");
    CHECK_FAILS(tni_random_bernoulli(&r, TN_COMPLEX64, &room, 4, 0.5), TN_ERR_NOT_IMPLEMENTED, "bernoulli_");
    CHECK_FAILS(tni_random_bernoulli_tensor(&r, TN_BOOL, &room, TN_INT64, &room, 4), TN_ERR_NOT_IMPLEMENTED, "bernoulli");
    CHECK_FAILS(tni_random_integers(&r, TN_FLOAT16, &room, 4, 0, 2), TN_ERR_NOT_IMPLEMENTED, "random_");
    CHECK_FAILS(tni_random_full_range(&r, TN_COMPLEX64, &room, 4), TN_ERR_NOT_IMPLEMENTED, "random_");
}

int main(void) {
    RUN(engine);
    RUN(bulk_equals_single);
    RUN(uniform_unit);
    RUN(uniform_range);
    RUN(normal_scalar);
    RUN(normal_cached);
    RUN(normal_blocks_f32);
    RUN(normal_blocks_f64);
    RUN(bernoulli);
    RUN(bernoulli_ends);
    RUN(integers);
    RUN(integers_in_floats);
    RUN(full_range);
    RUN(permutation);
    RUN(exponential);
    RUN(state);
    RUN(state_refused);
    RUN(nothing_drawn);
    RUN(refused);
    return test_end();
}
