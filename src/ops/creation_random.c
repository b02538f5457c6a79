/* ops/creation_random.c - tensors of random numbers: rand, randn, randint, randperm. */
#include "base/error.h"
#include "core/op.h"
#include "core/sparse.h"
#include "ops/creation.h"
#include "ops/random.h"
#include <tison/ops.h>

static const tni_sampler standard_uniform = {.kind = TNI_UNIFORM, .a = 0, .b = 1};
static const tni_sampler standard_normal = {.kind = TNI_NORMAL, .a = 0, .b = 1};

static tn_tensor *draw(const char *who, const int64_t *sizes, size_t ndim, tn_dtype dtype, const tni_sampler *s,
                       const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = tni_make(&t, who, sizes, ndim, dtype, opts);
    return tni_made(t, x, x && tni_sample(t, who, &x->a, s), opts);
}

static tn_tensor *draw_like(const char *who, tn_tensor *like, const tn_to_opts *opts, const tni_sampler *s) {
    tni_thread *t;
    tn_tensor *x = tni_make_like(&t, who, like, opts);
    return tni_made(t, x,
                    x && (!tni_is_sparse(x) || tni_refuse_fill()) && tni_dtype_check(who, (tn_dtype)x->a.dtype) &&
                        tni_sample(t, who, &x->a, s),
                    NULL);
}

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_rand(...) TN_MAKE(tn_rand, __VA_ARGS__, )
#define tn_randn(...) TN_MAKE(tn_randn, __VA_ARGS__, )
#define tn_randint(lo, hi, ...)                                                                                                    \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), (tn_randint)(lo, hi, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o),    \
            TN_REST(__VA_ARGS__, ))
#define tn_randperm(...)                                                                                                           \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), (tn_randperm)(TN_FIRST(__VA_ARGS__, ), &tn_o),                    \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Uniform in [0, 1) from the thread's generator: torch.rand, bit by bit. Floating point dtypes; of complex ones
 *  both parts. [scope] */
TN_API tn_tensor *(tn_rand)(const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    return draw("rand", sizes, ndim, TN_DTYPE_NONE, &standard_uniform, opts);
}
/** Normal with mean 0 and deviation 1, of complex dtypes sqrt(1/2) for each part: torch.randn. [scope] */
TN_API tn_tensor *(tn_randn)(const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    return draw("randn", sizes, ndim, TN_DTYPE_NONE, &standard_normal, opts);
}
#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_rand_like(...) TN_LIKE(tn_rand_like, __VA_ARGS__)
#define tn_randn_like(...) TN_LIKE(tn_randn_like, __VA_ARGS__)
#endif
#endif

/** torch.rand_like: x's shape, dtype and memory order, unless .memory_format asks for another. [scope] */
TN_API tn_tensor *(tn_rand_like)(tn_tensor *x, const tn_to_opts *opts) {
    return draw_like("rand_like", x, opts, &standard_uniform);
}
/** torch.randn_like. [scope] */
TN_API tn_tensor *(tn_randn_like)(tn_tensor *x, const tn_to_opts *opts) {
    return draw_like("randn_like", x, opts, &standard_normal);
}

/** Whole numbers lo <= v < hi: torch.randint. int64 without a dtype; bounds that are empty or outside the dtype are
 *  TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_randint)(int64_t lo, int64_t hi, const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    return draw("randint", sizes, ndim, TN_INT64, &(tni_sampler){.kind = TNI_INTEGERS, .lo = lo, .hi = hi}, opts);
}

/* Can the dtype count to n - 1 without a gap? */
static bool counts_to(tn_dtype dtype, int64_t n) {
    switch (dtype) {
    case TN_UINT8: return n <= 256;
    case TN_INT8: return n <= 128;
    case TN_INT16: return n <= 32768;
    case TN_INT32: return n <= INT64_C(2147483648);
    case TN_FLOAT16: return n <= 2049;
    case TN_BFLOAT16: return n <= 257;
    case TN_FLOAT32: return n <= INT64_C(16777217);
    default: return dtype != TN_BOOL;
    }
}

/** The numbers 0 .. n-1 in random order: torch.randperm. int64 without a dtype. [scope] */
TN_API tn_tensor *(tn_randperm)(int64_t n, const tn_opts *opts) {
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (tni_failed()) return NULL;
    if (n < 0) return (void)tni_fail(TN_ERR_RUNTIME, "randperm: n must be non-negative, got %lld", (long long)n), NULL;
    if (!counts_to(dtype, n))
        return (void)tni_fail(TN_ERR_RUNTIME, "randperm: n is too large for result tensor type: '%s'", tn_dtype_name(dtype)), NULL;
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "randperm", &n, 1, TN_INT64, opts), *order = x;
    if (!x) return NULL;
    if (x->a.device != TNI_CPU) return tni_made(t, x, true, opts);
    if (x->a.dtype != TN_INT64) order = tni_tensor_new(t, "randperm", TN_INT64, &n, 1);
    bool filled =
        order && tni_random_permutation(tni_thread_random(t), order->a.data, n) && (order == x || tni_copy_array(&x->a, &order->a));
    if (order != x) tni_tensor_destroy_new(t, order);
    return tni_made(t, x, filled, opts);
}
