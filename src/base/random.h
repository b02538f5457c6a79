/* base/random.h - the random engine (mt19937) and its fills, in PyTorch's CPU streams bit by bit. */
#ifndef TNI_RANDOM_H
#define TNI_RANDOM_H
#include "base/base.h"

#define TNI_RANDOM_STATE_SIZE 5056 /* bytes of the state blob that PyTorch's get_rng_state gives */
#define TNI_RANDOM_DEFAULT_SEED UINT64_C(67280421310721)

enum { TNI_RANDOM_WORDS = 624 };

/* One generator. Not locked: whoever shares one between threads guards it. Always `left + next <= 625`. */
typedef struct tni_random {
    uint64_t seed;      /* as given; only its low 32 bits make the stream */
    int32_t left, next; /* draws until the one that refills; index of the next word */
    double normal;      /* second half of a normal pair that waits to be used */
    bool has_normal;
    uint32_t words[TNI_RANDOM_WORDS];
} tni_random;

void tni_random_seed(tni_random *r, uint64_t seed); /* a negative seed is cast: n + 2^64 */
uint32_t tni_random_u32(tni_random *r);
uint64_t tni_random_u64(tni_random *r);                         /* first draw high, second draw low */
double tni_random_unit(tni_random *r);                          /* [0, 1) in 53 bits, two draws */
double tni_random_gauss(tni_random *r);                         /* standard normal in double: uses and leaves the cached value */
void tni_random_words(tni_random *r, uint32_t *out, int64_t n); /* the next n draws of u32 */

void tni_random_get_state(const tni_random *r, unsigned char state[TNI_RANDOM_STATE_SIZE]);
bool tni_random_set_state(tni_random *r, const unsigned char state[TNI_RANDOM_STATE_SIZE]); /* on failure `r` is as before */

/* Fills of n elements at `out`, in memory order. Arguments are checked before anything is drawn; n <= 0 draws nothing.
 * Real numbers: TN_FLOAT32 and TN_FLOAT64. Whole numbers and bernoulli: those, integers and TN_BOOL. */
bool tni_random_uniform(tni_random *r, tn_dtype dtype, void *out, int64_t n, double from, double to);
bool tni_random_normal(tni_random *r, tn_dtype dtype, void *out, int64_t n, double mean, double std);
bool tni_random_normal_scalar(tni_random *r, tn_dtype dtype, void *out, int64_t n, double mean, double std); /* not contiguous */
bool tni_random_exponential(tni_random *r, tn_dtype dtype, void *out, int64_t n, double lambda);
bool tni_random_bernoulli(tni_random *r, tn_dtype dtype, void *out, int64_t n, double p);
bool tni_random_bernoulli_tensor(tni_random *r, tn_dtype dtype, void *out, tn_dtype dtype_p, const void *p, int64_t n);
bool tni_random_integers(tni_random *r, tn_dtype dtype, void *out, int64_t n, int64_t lo, int64_t hi); /* lo <= value < hi */
bool tni_random_full_range(tni_random *r, tn_dtype dtype, void *out, int64_t n); /* random_() without bounds */
bool tni_random_permutation(tni_random *r, int64_t *out, int64_t n);
#endif
