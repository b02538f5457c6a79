/* cpu/sort.c - sorting by keys: unsigned integers that sort as the elements do, each with its element's index. */
#include "cpu/sort.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include <stdatomic.h>
#include <string.h>

enum { RUN = 16, RADIX_FROM = 512, FEW = 32 };
enum { SORT, TOPK, KTH }; /* TOPK: of equals those that PyTorch takes */

typedef struct sort_work {
    tn_dtype dtype;
    size_t size; /* of an element */
    const void *x;
    void *values;
    int64_t *indices;
    int64_t n, k;
    bool descending;
    int what;
    atomic_bool failed;
} sort_work;

/* to[i] = from[indices[i]] */
static void gather(size_t size, char *to, const char *from, const int64_t *indices, int64_t n) {
    switch (size) {
    case 1:
        for (int64_t i = 0; i < n; i++) to[i] = from[indices[i]];
        break;
    case 2:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)(void *)to)[i] = ((const uint16_t *)(const void *)from)[indices[i]];
        break;
    case 4:
        for (int64_t i = 0; i < n; i++) ((uint32_t *)(void *)to)[i] = ((const uint32_t *)(const void *)from)[indices[i]];
        break;
    default:
        for (int64_t i = 0; i < n; i++) ((uint64_t *)(void *)to)[i] = ((const uint64_t *)(const void *)from)[indices[i]];
    }
}

/* A key from the bits of a float: NaN last, -0 as 0, negative numbers turned round. */
#define FLOAT_KEY(U, bits, infinity, sign)                                                                                         \
    (((bits) & (U)((sign)-1)) > (infinity) ? (U) ~(U)0                                                                             \
     : (bits) == (sign)                    ? (U)(sign)                                                                             \
     : ((bits) & (sign)) != 0              ? (U) ~(bits)                                                                           \
                                           : (U)((bits) | (sign)))

/* Keys of an element type U in bits; `from` is x as U. */
#define KEYS(U, expression)                                                                                                        \
    do {                                                                                                                           \
        const U *from = x;                                                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                                                          \
            U bits = from[i], key = (U)(expression);                                                                               \
            PUT(i, (U)(key ^ (descending ? (U) ~(U)0 : (U)0)));                                                                    \
        }                                                                                                                          \
    } while (0)

/* Keys of up to 32 bits share a word with the index. */
#define PUT(i, key) (items[i] = (uint64_t)(key) << 32 | (uint64_t)(i))
static void keys_slim(tn_dtype dtype, const void *x, int64_t n, bool descending, uint64_t *items) {
    switch (dtype) {
    case TN_INT8: KEYS(uint8_t, bits ^ 0x80); break;
    case TN_INT16: KEYS(uint16_t, bits ^ 0x8000); break;
    case TN_UINT16: KEYS(uint16_t, bits); break;
    case TN_INT32: KEYS(uint32_t, bits ^ 0x80000000u); break;
    case TN_UINT32: KEYS(uint32_t, bits); break;
    case TN_FLOAT16: KEYS(uint16_t, FLOAT_KEY(uint16_t, bits, 0x7c00, 0x8000)); break;
    case TN_BFLOAT16: KEYS(uint16_t, FLOAT_KEY(uint16_t, bits, 0x7f80, 0x8000)); break;
    case TN_FLOAT32: KEYS(uint32_t, FLOAT_KEY(uint32_t, bits, 0x7f800000u, 0x80000000u)); break;
    default: KEYS(uint8_t, bits); break; /* uint8 and bool */
    }
}
#undef PUT

typedef struct wide_item {
    uint64_t key;
    int64_t index;
} wide_item;
#define PUT(i, k) (items[i] = (wide_item){(k), (i)})
static void keys_wide(tn_dtype dtype, const void *x, int64_t n, bool descending, wide_item *items) {
    switch (dtype) {
    case TN_INT64: KEYS(uint64_t, bits ^ 0x8000000000000000u); break;
    case TN_UINT64: KEYS(uint64_t, bits); break;
    default: KEYS(uint64_t, FLOAT_KEY(uint64_t, bits, 0x7ff0000000000000u, 0x8000000000000000u)); break; /* float64 */
    }
}
#undef PUT

#define ITEM uint64_t
#define LESS(a, b) ((a) < (b))
#define TIES(a, b) ((a) >> 32 < (b) >> 32)
#define INDEX(item) ((int64_t)((item)&UINT32_MAX))
#define DIGIT_BITS 11
#define PASSES 3
#define DIGIT(item, pass) ((item) >> (32 + 11 * (pass)) & 2047)
#define N(name) name##_slim
#include "cpu/sort_kernel.h"

#define ITEM wide_item
#define LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).index < (b).index))
#define TIES(a, b) ((a).key < (b).key)
#define INDEX(item) ((item).index)
#define DIGIT_BITS 8
#define PASSES 8
#define DIGIT(item, pass) ((item).key >> (8 * (pass)) & 255)
#define N(name) name##_wide
#include "cpu/sort_kernel.h"

/* Bytes of an element, 0 for a dtype that has no order. */
static size_t size_of(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8:
    case TN_INT8:
    case TN_BOOL: return 1;
    case TN_INT16:
    case TN_UINT16:
    case TN_FLOAT16:
    case TN_BFLOAT16: return 2;
    case TN_INT32:
    case TN_UINT32:
    case TN_FLOAT32: return 4;
    case TN_INT64:
    case TN_UINT64:
    case TN_FLOAT64: return 8;
    default: return 0;
    }
}

static bool run(sort_work *w, int64_t rows) {
    w->size = size_of(w->dtype);
    TNI_CHECK(w->size > 0, TN_ERR_NOT_IMPLEMENTED, "sort is not implemented for this dtype");
    TNI_CHECK(w->size == 8 || w->n <= UINT32_MAX, TN_ERR_NOT_IMPLEMENTED, "sort of more than 4294967295 elements in a row");
    if (w->n <= 0 || w->k <= 0) return true;
    tni_parallel(rows, 4096 / w->n + 1, w->size == 8 ? rows_wide : rows_slim, w);
    return !atomic_load(&w->failed) || tni_fail_memory((size_t)w->n * 32);
}

bool tni_sort_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, bool descending, void *values, int64_t *indices) {
    sort_work w = {
        .dtype = dtype, .x = x, .values = values, .indices = indices, .n = n, .k = n, .descending = descending, .what = SORT};
    return run(&w, rows);
}

bool tni_topk_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, int64_t k, bool largest, void *values,
                   int64_t *indices) {
    sort_work w = {
        .dtype = dtype, .x = x, .values = values, .indices = indices, .n = n, .k = k, .descending = largest, .what = TOPK};
    return run(&w, rows);
}

bool tni_kthvalue_rows(tn_dtype dtype, const void *x, int64_t rows, int64_t n, int64_t k, void *values, int64_t *indices) {
    sort_work w = {.dtype = dtype, .x = x, .values = values, .indices = indices, .n = n, .k = k, .what = KTH};
    return run(&w, rows);
}
