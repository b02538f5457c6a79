/* base/random.c - the mt19937 engine, its state blob, and the fills with whole numbers. */
#include "base/random.h"
#include "base/error.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { FAR = 397, CHUNK = 512 };

/* ---- engine ---- */

void tni_random_seed(tni_random *r, uint64_t seed) {
    r->seed = seed;
    r->left = 1;
    r->next = 0;
    r->normal = 0.0;
    r->has_normal = false;
    r->words[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < TNI_RANDOM_WORDS; i++)
        r->words[i] = UINT32_C(1812433253) * (r->words[i - 1] ^ (r->words[i - 1] >> 30)) + i;
}

TNI_INLINE uint32_t twist(uint32_t a, uint32_t b) {
    return (((a & UINT32_C(0x80000000)) | (b & UINT32_C(0x7fffffff))) >> 1) ^ ((0U - (b & 1U)) & UINT32_C(0x9908b0df));
}

TNI_INLINE uint32_t temper(uint32_t x) {
    x ^= x >> 11;
    x ^= (x << 7) & UINT32_C(0x9d2c5680);
    x ^= (x << 15) & UINT32_C(0xefc60000);
    return x ^ (x >> 18);
}

/* Split where the far word wraps, so that each loop reads at a fixed distance and vectorises. */
static void refill(tni_random *r) {
    uint32_t *w = r->words;
    for (int i = 0; i < TNI_RANDOM_WORDS - FAR; i++) w[i] = w[i + FAR] ^ twist(w[i], w[i + 1]);
    for (int i = TNI_RANDOM_WORDS - FAR; i < TNI_RANDOM_WORDS - 1; i++)
        w[i] = w[i + FAR - TNI_RANDOM_WORDS] ^ twist(w[i], w[i + 1]);
    w[TNI_RANDOM_WORDS - 1] = w[FAR - 1] ^ twist(w[TNI_RANDOM_WORDS - 1], w[0]);
    r->left = TNI_RANDOM_WORDS + 1; /* the draw that asked for it takes one off */
    r->next = 0;
}

uint32_t tni_random_u32(tni_random *r) {
    if (TNI_UNLIKELY(r->left == 1)) refill(r);
    r->left--;
    return temper(r->words[r->next++]);
}

uint64_t tni_random_u64(tni_random *r) {
    uint64_t high = tni_random_u32(r);
    return high << 32 | tni_random_u32(r);
}

double tni_random_unit(tni_random *r) { return (double)(int64_t)(tni_random_u64(r) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53; }

void tni_random_words(tni_random *r, uint32_t *out, int64_t n) {
    while (n > 0) {
        if (r->left == 1) refill(r);
        int take = (int)TNI_MIN(n, (int64_t)(r->left - 1));
        const uint32_t *w = r->words + r->next;
        for (int i = 0; i < take; i++) out[i] = temper(w[i]);
        r->left -= take;
        r->next += take;
        out += take;
        n -= take;
    }
}

/* ---- state blob: seed, left, seeded, next, the words widened, x, y, rho of a normal, flags ---- */

enum { AT_LEFT = 8, AT_SEEDED = 12, AT_NEXT = 16, AT_WORDS = 24 };
enum { AT_NORMAL = AT_WORDS + 8 * TNI_RANDOM_WORDS + 8, AT_HAS = AT_NORMAL + 16 };

static void put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

void tni_random_get_state(const tni_random *r, unsigned char state[TNI_RANDOM_STATE_SIZE]) {
    uint64_t normal = 0;
    if (r->has_normal) memcpy(&normal, &r->normal, sizeof normal);
    memset(state, 0, TNI_RANDOM_STATE_SIZE);
    put(state, r->seed, 8);
    put(state + AT_LEFT, (uint64_t)r->left, 4);
    put(state + AT_SEEDED, 1, 4);
    put(state + AT_NEXT, (uint64_t)r->next, 8);
    for (int i = 0; i < TNI_RANDOM_WORDS; i++) put(state + AT_WORDS + 8 * i, r->words[i], 8);
    put(state + AT_NORMAL, normal, 8);
    put(state + AT_HAS, r->has_normal, 4);
}

bool tni_random_set_state(tni_random *r, const unsigned char state[TNI_RANDOM_STATE_SIZE]) {
    uint64_t left = get(state + AT_LEFT, 4), next = get(state + AT_NEXT, 8), normal = get(state + AT_NORMAL, 8);
    bool inside = left >= 1 && left <= TNI_RANDOM_WORDS && next <= TNI_RANDOM_WORDS && left + next <= TNI_RANDOM_WORDS + 1;
    TNI_CHECK(get(state + AT_SEEDED, 4) == 1 && inside, TN_ERR_RUNTIME, "Invalid mt19937 state");
    r->seed = get(state, 8);
    r->left = (int32_t)left;
    r->next = (int32_t)next;
    for (int i = 0; i < TNI_RANDOM_WORDS; i++) r->words[i] = (uint32_t)get(state + AT_WORDS + 8 * i, 4);
    r->has_normal = get(state + AT_HAS, 4) != 0;
    if (!r->has_normal) normal = 0;
    memcpy(&r->normal, &normal, sizeof r->normal);
    return true;
}

/* ---- storing a chunk: the one place to add a type to the whole-number fills ---- */

static bool known(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8:
    case TN_INT8:
    case TN_INT16:
    case TN_INT32:
    case TN_INT64:
    case TN_BOOL:
    case TN_FLOAT32:
    case TN_FLOAT64: return true;
    default: return false;
    }
}

#define STORE(type, value)                                                                                                         \
    for (int64_t i = 0; i < n; i++) ((type *)out)[at + i] = (value)

static void store(tn_dtype dtype, void *out, int64_t at, const int64_t *from, int64_t n) {
    switch (dtype) {
    case TN_UINT8: STORE(uint8_t, (uint8_t)from[i]); break;
    case TN_BOOL: STORE(uint8_t, from[i] != 0); break;
    case TN_INT8: STORE(int8_t, (int8_t)from[i]); break;
    case TN_INT16: STORE(int16_t, (int16_t)from[i]); break;
    case TN_INT32: STORE(int32_t, (int32_t)from[i]); break;
    case TN_INT64: STORE(int64_t, from[i]); break;
    case TN_FLOAT32: STORE(float, (float)from[i]); break;
    default: STORE(double, (double)from[i]); break;
    }
}

static void store_bits(tn_dtype dtype, void *out, int64_t at, const int32_t *bits, int64_t n) {
    switch (dtype) {
    case TN_UINT8:
    case TN_INT8:
    case TN_BOOL: STORE(uint8_t, (uint8_t)bits[i]); break;
    case TN_INT16: STORE(int16_t, (int16_t)bits[i]); break;
    case TN_INT32: STORE(int32_t, bits[i]); break;
    case TN_INT64: STORE(int64_t, bits[i]); break;
    case TN_FLOAT32: STORE(float, (float)bits[i]); break;
    default: STORE(double, bits[i]); break;
    }
}

/* ---- bernoulli ---- */

bool tni_random_bernoulli(tni_random *r, tn_dtype dtype, void *out, int64_t n, double p) {
    TNI_CHECK(p >= 0.0 && p <= 1.0, TN_ERR_RUNTIME, "bernoulli_ expects p to be in [0, 1], but got p=%g", p);
    TNI_CHECK(known(dtype) || n <= 0, TN_ERR_NOT_IMPLEMENTED, "bernoulli_ is not implemented for this dtype");
    int64_t limit = (int64_t)ceil(p * 0x1p53); /* u < p over the multiples u of 2^-53 */
    uint32_t words[2 * CHUNK];
    int32_t bits[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        tni_random_words(r, words, 2 * count);
        for (int64_t i = 0; i < count; i++) {
            int64_t u = (int64_t)((uint64_t)(words[2 * i] & 0x1fffff) << 32 | words[2 * i + 1]);
            bits[i] = (int32_t)((uint64_t)(u - limit) >> 63); /* the sign: u < limit, without a 64-bit comparison */
        }
        store_bits(dtype, out, at, bits, count);
    }
    return true;
}

static bool probabilities(tn_dtype dtype, const void *p, int64_t n) {
    bool inside = true;
    if (dtype == TN_FLOAT32)
        for (int64_t i = 0; i < n; i++) inside &= ((const float *)p)[i] >= 0.0F && ((const float *)p)[i] <= 1.0F;
    else
        for (int64_t i = 0; i < n; i++) inside &= ((const double *)p)[i] >= 0.0 && ((const double *)p)[i] <= 1.0;
    return inside;
}

bool tni_random_bernoulli_tensor(tni_random *r, tn_dtype dtype, void *out, tn_dtype dtype_p, const void *p, int64_t n) {
    bool types = known(dtype) && (dtype_p == TN_FLOAT32 || dtype_p == TN_FLOAT64);
    TNI_CHECK(types || n <= 0, TN_ERR_NOT_IMPLEMENTED, "bernoulli is not implemented for this dtype");
    TNI_CHECK(probabilities(dtype_p, p, n), TN_ERR_RUNTIME, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
    uint32_t words[2 * CHUNK];
    int32_t bits[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        tni_random_words(r, words, dtype_p == TN_FLOAT32 ? count : 2 * count);
        if (dtype_p == TN_FLOAT32)
            for (int64_t i = 0; i < count; i++)
                bits[i] = (float)(int32_t)(words[i] & 0xffffff) * 0x1p-24F < ((const float *)p)[at + i];
        else
            for (int64_t i = 0; i < count; i++) {
                uint64_t u = (uint64_t)(words[2 * i] & 0x1fffff) << 32 | words[2 * i + 1];
                bits[i] = (double)(int64_t)u * 0x1p-53 < ((const double *)p)[at + i];
            }
        store_bits(dtype, out, at, bits, count);
    }
    return true;
}

/* ---- whole numbers ---- */

/* `lo` plus draws modulo `range`. */
static void fill_modulo(tni_random *r, tn_dtype dtype, void *out, int64_t n, int64_t lo, uint64_t range, bool wide) {
    uint32_t words[2 * CHUNK];
    int64_t values[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        tni_random_words(r, words, wide ? 2 * count : count);
        for (int64_t i = 0; i < count; i++) {
            uint64_t x = wide ? (uint64_t)words[2 * i] << 32 | words[2 * i + 1] : words[i];
            /* a 32-bit division is several times faster */
            uint64_t rest = wide ? x % range : (uint32_t)x % (uint32_t)range;
            values[i] = (int64_t)((uint64_t)lo + rest);
        }
        store(dtype, out, at, values, count);
    }
}

static int64_t round_to(tn_dtype dtype, int64_t value) {
    double rounded = dtype == TN_FLOAT32 ? (double)(float)value : (double)value;
    return rounded >= 0x1p63 ? INT64_MIN : (int64_t)rounded; /* what the conversion gives on x86-64 */
}

/* The distance of neighbours in the float type around a value of at least 2^digits. */
static int64_t spacing(tn_dtype dtype, int64_t value) {
    int top = 63 - __builtin_clzll((unsigned long long)(value < 0 ? 0 - (uint64_t)value : (uint64_t)value));
    return INT64_C(1) << (top - (dtype == TN_FLOAT32 ? FLT_MANT_DIG : DBL_MANT_DIG) + 1);
}

/* A bound that would be rounded out of the range in the float type moves inwards. */
static bool float_bounds(tn_dtype dtype, int64_t *lo, int64_t *hi) {
    int64_t first = round_to(dtype, *lo + 1), last = round_to(dtype, *hi - 1);
    if (first < *lo) *lo = first + spacing(dtype, *lo + 1);
    if (last >= *hi) *hi = last - spacing(dtype, *hi - 1);
    TNI_CHECK(*lo < *hi, TN_ERR_RUNTIME,
              "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
              "but got from=%lld >= to=%lld",
              (long long)*lo, (long long)*hi);
    return true;
}

static bool integer_bounds(tn_dtype dtype, int64_t lo, int64_t hi) {
    static const struct {
        tn_dtype dtype;
        int64_t least, most;
        const char *name;
    } rows[] = {{TN_INT64, INT64_MIN, INT64_MAX, "long"},
                {TN_INT32, INT32_MIN, INT32_MAX, "int"},
                {TN_INT16, INT16_MIN, INT16_MAX, "short"},
                {TN_INT8, INT8_MIN, INT8_MAX, "signed char"},
                {TN_BOOL, 0, 1, "bool"},
                {TN_UINT8, 0, UINT8_MAX, "unsigned char"}};
    size_t row = 0;
    while (row < TNI_COUNT(rows) - 1 && rows[row].dtype != dtype) row++;
    int64_t least = rows[row].least, most = rows[row].most;
    const char *name = rows[row].name;
    TNI_CHECK(lo >= least && lo <= most, TN_ERR_RUNTIME, "from is out of bounds for %s", name);
    TNI_CHECK(hi - 1 >= least && hi - 1 <= most, TN_ERR_RUNTIME, "to - 1 is out of bounds for %s", name);
    return true;
}

bool tni_random_integers(tni_random *r, tn_dtype dtype, void *out, int64_t n, int64_t lo, int64_t hi) {
    TNI_CHECK(lo < hi, TN_ERR_RUNTIME, "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld", (long long)lo,
              (long long)hi);
    TNI_CHECK(known(dtype), TN_ERR_NOT_IMPLEMENTED, "random_ is not implemented for this dtype");
    TNI_TRY(dtype == TN_FLOAT32 || dtype == TN_FLOAT64 ? float_bounds(dtype, &lo, &hi) : integer_bounds(dtype, lo, hi));
    uint64_t range = (uint64_t)hi - (uint64_t)lo;
    fill_modulo(r, dtype, out, n, lo, range, range >= UINT64_C(1) << 28);
    return true;
}

bool tni_random_full_range(tni_random *r, tn_dtype dtype, void *out, int64_t n) {
    switch (dtype) {
    case TN_BOOL: fill_modulo(r, dtype, out, n, 0, 2, false); return true;
    case TN_UINT8: fill_modulo(r, dtype, out, n, 0, 1U << 8, false); return true;
    case TN_INT8: fill_modulo(r, dtype, out, n, 0, 1U << 7, false); return true;
    case TN_INT16: fill_modulo(r, dtype, out, n, 0, 1U << 15, false); return true;
    case TN_INT32: fill_modulo(r, dtype, out, n, 0, UINT64_C(1) << 31, false); return true;
    case TN_INT64: fill_modulo(r, dtype, out, n, 0, UINT64_C(1) << 63, true); return true;
    case TN_FLOAT32: fill_modulo(r, dtype, out, n, 0, (UINT64_C(1) << FLT_MANT_DIG) + 1, false); return true;
    case TN_FLOAT64: fill_modulo(r, dtype, out, n, 0, (UINT64_C(1) << DBL_MANT_DIG) + 1, true); return true;
    default: return n <= 0 || tni_fail(TN_ERR_NOT_IMPLEMENTED, "random_ is not implemented for this dtype");
    }
}

/* From this size on the remainder of a 32-bit draw would be too uneven: draws of 64 bits, and the shuffle grows from inside. */
static void permute_long(tni_random *r, int64_t *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t z = (int64_t)(tni_random_u64(r) % (uint64_t)(i + 1));
        out[i] = i; /* z may be i */
        out[i] = out[z];
        out[z] = i;
    }
}

bool tni_random_permutation(tni_random *r, int64_t *out, int64_t n) {
    TNI_CHECK(n >= 0, TN_ERR_RUNTIME, "randperm expects n to be non-negative, but got %lld", (long long)n);
    if (n >= (int64_t)(UINT32_MAX / 20)) {
        permute_long(r, out, n);
        return true;
    }
    uint32_t words[CHUNK];
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t at = 0; at < n - 1; at += CHUNK) {
        int64_t end = TNI_MIN(n - 1, at + CHUNK);
        tni_random_words(r, words, end - at);
        for (int64_t i = at; i < end; i++) {
            int64_t z = i + words[i - at] % (uint32_t)(n - i), kept = out[i];
            out[i] = out[z];
            out[z] = kept;
        }
    }
    return true;
}
