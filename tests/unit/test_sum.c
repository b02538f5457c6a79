/* unit/test_sum.c - sums have PyTorch's bits at every CPU level, and do not depend on how columns are shared out. */
#include "cpu/level.h"
#include "cpu/sum.h"
#include "test.h"

enum { VALUES = 1 << 20, MOST = 1 << 14 };
static float x32[VALUES], out32[MOST];
static double x64[VALUES], out64[MOST];

/* x.as_strided(sizes, strides).sum(summed dims) of PyTorch 2.13 with one thread: FNV-1a of the result's bytes. x is fill()'s. */
typedef struct sum_case {
    int count;
    struct {
        int64_t size, stride;
        int summed;
    } dims[5];
    uint64_t f32, f64;
} sum_case;
static const sum_case cases[] = {
    {1, {{1, 1, 1}}, 0xfd7216ec1cdb4206u, 0xa8695630947e32dbu},
    {1, {{3, 1, 1}}, 0x2102c42934c4a5ecu, 0x65a36d04723a6299u},
    {1, {{7, 1, 1}}, 0x417dc5d3c8f219fdu, 0x0e1fe988cc0079deu},
    {1, {{8, 1, 1}}, 0x8437dec189626e96u, 0x2f14b85f329f110bu},
    {1, {{31, 1, 1}}, 0xfe3dcc6244ef3176u, 0x4b300e9fd5e73232u},
    {1, {{32, 1, 1}}, 0xabba002525829771u, 0xd0261c3f49ad385cu},
    {1, {{33, 1, 1}}, 0xd20a817f039b87d0u, 0xaa55640f32fd44a7u},
    {1, {{127, 1, 1}}, 0xf81a0722cbf21cf2u, 0x5e48c8f719b9c34fu},
    {1, {{512, 1, 1}}, 0x0ce91f03f82fd1d2u, 0xf1369e9d4bd182dbu},
    {1, {{1000, 1, 1}}, 0xe07ab1c77527de6fu, 0x7d426da8d1023bdeu},
    {1, {{4096, 1, 1}}, 0x6998b5dbd198ef7eu, 0xf0534e1fa02f4448u},
    {1, {{65537, 1, 1}}, 0xe3015b6b07f8f988u, 0x1bbe1c500f8a30f1u},
    {1, {{1000003, 1, 1}}, 0x273446913359aa2cu, 0xd675349e052ca5bfu},
    {1, {{50000, 3, 1}}, 0xa0dd6e5962a20173u, 0xea168e4e821fffd4u},
    {2, {{5, 3, 1}, {3, 1, 0}}, 0x8eafbff7b9fcffb3u, 0xa1e169f6bd16f50cu},
    {2, {{5, 3, 0}, {3, 1, 1}}, 0xdd5fdeea6384c0c4u, 0x0a02f1ddd0caa442u},
    {2, {{100, 10, 1}, {10, 1, 0}}, 0xa2b8863201d4a323u, 0x5d3e8841d22a8673u},
    {2, {{100, 10, 0}, {10, 1, 1}}, 0xe263eef338e2ec6du, 0xa2331fd2948a1fd2u},
    {2, {{300, 33, 1}, {33, 1, 0}}, 0xfb75e890e7d6f503u, 0x80b79ea832f892d5u},
    {2, {{300, 33, 0}, {33, 1, 1}}, 0xc8c591f0286d638bu, 0x2ac0298a5f0a499eu},
    {2, {{17, 70, 1}, {70, 1, 0}}, 0x5e10cd3ab6f080a1u, 0xa0d33c40087c1748u},
    {2, {{17, 70, 0}, {70, 1, 1}}, 0x31a026540a3c2c38u, 0xe5fe3566165431f4u},
    {2, {{1000, 64, 1}, {64, 1, 0}}, 0x429c80a677372ca2u, 0x89ac1918635ac3bfu},
    {2, {{1000, 64, 0}, {64, 1, 1}}, 0xc1defb478b483ea5u, 0xae02d12b7cc6a51fu},
    {2, {{64, 1000, 1}, {1000, 1, 0}}, 0x6a6da7671069b503u, 0xb85cef2928944120u},
    {2, {{64, 1000, 0}, {1000, 1, 1}}, 0xaa434b73218451d9u, 0x3a0a0b334c72a43eu},
    {2, {{2, 300, 1}, {300, 1, 0}}, 0x6fedd993e91bc520u, 0xe195876f0b32399cu},
    {2, {{2, 300, 0}, {300, 1, 1}}, 0x410ed575dc1553acu, 0x15fbe1b7d6f08288u},
    {2, {{4097, 40, 1}, {40, 1, 0}}, 0x48ee3f516d8bad8fu, 0x43b37939ea57c66eu},
    {2, {{4097, 40, 0}, {40, 1, 1}}, 0x0920ba3699421145u, 0x03b8b8f4c8d40684u},
    {3, {{6, 1850, 0}, {50, 37, 1}, {37, 1, 0}}, 0x377c5b5d288665b6u, 0xb3741c42c36daa68u},
    {3, {{6, 1850, 1}, {50, 37, 0}, {37, 1, 1}}, 0xd8d30f12c5ae8f7fu, 0x46f37ea6f69f68f3u},
    {3, {{6, 1850, 1}, {50, 37, 0}, {37, 1, 0}}, 0x26f747a8a449ce41u, 0x33ce4deb3f810ceeu},
    {3, {{6, 1850, 1}, {50, 37, 1}, {37, 1, 0}}, 0x2a25e8b843bc8e07u, 0xff90db9c615e9f3fu},
    {3, {{6, 250, 0}, {50, 5, 1}, {5, 1, 0}}, 0x21b68e0680c4c211u, 0x2921e1e982b9efe8u},
    {2, {{37, 1, 1}, {50, 37, 0}}, 0xe6610afdccfda98fu, 0xbd1118efad78cd1du},
    {2, {{37, 1, 0}, {50, 37, 1}}, 0x4a441e1cf26662a4u, 0x62e50aeec38e8d3fu},
    {2, {{70, 80, 1}, {33, 2, 0}}, 0xc4271c394a893efcu, 0x704125e5a64a562bu},
    {2, {{70, 80, 0}, {33, 2, 1}}, 0x8c9d664b02765965u, 0x9c5d4e12d719658au},
    {2, {{70, 80, 1}, {33, 2, 1}}, 0xeb78507c915cb6c4u, 0x8357725bbe2afd3bu},
    {3, {{20, 1, 1}, {30, 20, 0}, {40, 700, 1}}, 0xc920e182628eafb6u, 0x30aefbe954a7de43u},
    {3, {{20, 1, 0}, {30, 20, 1}, {40, 700, 0}}, 0xe3414f4d2edd56afu, 0x4a5b66bdb79ea276u},
    {3, {{20, 0, 1}, {1, 7, 0}, {30, 2, 0}}, 0x351fc2e333003026u, 0xddb147caed025012u},
    {5, {{2, 360, 0}, {3, 120, 1}, {4, 30, 0}, {5, 6, 1}, {6, 1, 0}}, 0x74771ba405f273e3u, 0xe703a7fa23bb0c7du},
};

static void fill(void) {
    uint64_t state = 1;
    for (int i = 0; i < VALUES; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x32[i] = (float)((double)(state >> 40) / 8388608.0 - 1.0);
        x64[i] = (double)(state >> 11) / 4503599627370496.0 - 1.0;
    }
}

static uint64_t hash(const void *data, size_t bytes) {
    const unsigned char *at = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++) h = (h ^ at[i]) * 0x100000001b3u;
    return h;
}

/* The dims of a case in order; returns how many, and the number of results in *results. */
static int plan(const sum_case *c, tni_sum_dim *dims, int64_t *results) {
    *results = 1;
    for (int d = c->count - 1; d >= 0; d--) {
        dims[d] = (tni_sum_dim){c->dims[d].size, c->dims[d].stride, c->dims[d].summed ? 0 : *results};
        if (!c->dims[d].summed) *results *= c->dims[d].size;
    }
    return tni_sum_order(dims, c->count);
}

static void pytorch_bits(void) {
    for (int level = 0; level < TNI_LEVELS; level++) {
        tni_cpu_set_level((tni_level)level);
        for (size_t i = 0; i < TNI_COUNT(cases); i++) {
            tni_sum_dim dims[5];
            int64_t results;
            int count = plan(&cases[i], dims, &results);
            memset(out32, 0, sizeof out32);
            memset(out64, 0, sizeof out64);
            tni_sum_nd_f32(out32, x32, dims, count);
            tni_sum_nd_f64(out64, x64, dims, count);
            int right = CHECK(hash(out32, (size_t)results * sizeof(float)) == cases[i].f32);
            right &= CHECK(hash(out64, (size_t)results * sizeof(double)) == cases[i].f64);
            if (!right) printf("  case %d at level %d\n", (int)i, level);
        }
    }
}

static void shares(void) {
    static const int64_t shapes[][4] = {{100, 333, 333, 1}, {100, 70, 140, 2}, {40, 99, 1, 64}, {7, 65, 1, 7}};
    for (size_t s = 0; s < TNI_COUNT(shapes); s++) {
        const int64_t *shape = shapes[s], m = shape[1];
        memset(out32, 0, sizeof out32);
        tni_sum_2d_f32(out32, 1, x32, shape[0], shape[2], m, shape[3], 0, m);
        for (int64_t j = 0; j < m; j += TNI_SUM_COLUMNS)
            tni_sum_2d_f32(out32 + m, 1, x32, shape[0], shape[2], m, shape[3], j, TNI_MIN(j + TNI_SUM_COLUMNS, m));
        CHECK(memcmp(out32, out32 + m, (size_t)m * sizeof(float)) == 0);
        memset(out64, 0, sizeof out64);
        tni_sum_2d_f64(out64, 1, x64, shape[0], shape[2], m, shape[3], 0, m);
        for (int64_t j = 0; j < m; j += TNI_SUM_COLUMNS)
            tni_sum_2d_f64(out64 + m, 1, x64, shape[0], shape[2], m, shape[3], j, TNI_MIN(j + TNI_SUM_COLUMNS, m));
        CHECK(memcmp(out64, out64 + m, (size_t)m * sizeof(double)) == 0);
    }
}

static void inner_and_outer(void) {
    float other[300] = {0};
    tni_sum_inner_f32(out32, 1, x32, 300, 70, 70);
    tni_sum_2d_f32(other, 1, x32, 70, 1, 300, 70, 0, 300);
    CHECK(memcmp(out32, other, sizeof other) == 0);
    memset(other, 0, sizeof other);
    tni_sum_outer_f32(out32, x32, 300, 1, 70, 300);
    tni_sum_2d_f32(other, 1, x32, 70, 300, 300, 1, 0, 300);
    CHECK(memcmp(out32, other, sizeof other) == 0);
}

static void edges(void) {
    tni_sum_dim empty[2] = {{3, 0, 1}, {0, 1, 0}};
    out32[0] = out32[1] = out32[2] = 0;
    tni_sum_nd_f32(out32, x32, empty, tni_sum_order(empty, 2));
    CHECK(out32[0] == 0 && out32[2] == 0);
    out32[0] = 0;
    tni_sum_nd_f32(out32, x32, NULL, tni_sum_order(NULL, 0));
    CHECK(out32[0] == x32[0]);
    float minus = -0.0f, zero = 0.0f; /* the result is added to 0 */
    tni_sum_dim one = {1, 1, 0};
    tni_sum_nd_f32(&zero, &minus, &one, tni_sum_order(&one, 1));
    CHECK(!signbit(zero));
    double bad[40] = {[20] = NAN}, sum = 0;
    tni_sum_inner_f64(&sum, 1, bad, 1, 40, 40);
    CHECK(isnan(sum));
}

int main(void) {
    fill();
    RUN(pytorch_bits);
    RUN(shares);
    RUN(inner_and_outer);
    RUN(edges);
    return test_end();
}
