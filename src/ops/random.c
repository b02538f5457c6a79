/* ops/random.c - operators that draw random numbers: fills in place, bernoulli, dropout. */
#include "ops/random.h"
#include "base/error.h"
#include "core/map.h"
#include "tensor/half.h"
#include <math.h>
#include <tison/ops.h>

/* ---- sampling an array ---- */

enum { CHUNK = 1024, BLOCK = 16 };

static bool draw(tni_random *r, const tni_sampler *s, tn_dtype dtype, void *out, int64_t n, bool row_major);

/* Normal numbers of the 16-bit types come block by block, the last block drawn anew over the end. */
static bool draw_half_normal(tni_random *r, const tni_sampler *s, tn_dtype dtype, uint16_t *out, int64_t n) {
    float block[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        if (at + BLOCK > n) at = n - BLOCK;
        TNI_TRY(tni_random_normal(r, TN_FLOAT32, block, BLOCK, s->a, s->b));
        for (int64_t i = 0; i < BLOCK; i++) out[at + i] = tni_f32_to_half(block[i], dtype);
    }
    return true;
}

/* float16 and bfloat16: drawn in float32 and rounded; a uniform number that is rounded up to its bound becomes the other bound. */
static bool draw_half(tni_random *r, const tni_sampler *s, tn_dtype dtype, uint16_t *out, int64_t n, bool row_major) {
    if (s->kind == TNI_NORMAL && row_major && n >= BLOCK) return draw_half_normal(r, s, dtype, out, n);
    float chunk[CHUNK];
    uint16_t low = tni_f32_to_half((float)s->a, dtype), high = tni_f32_to_half((float)s->b, dtype);
    tni_sampler again = *s;
    if (s->kind == TNI_FULL_RANGE)
        again = (tni_sampler){.kind = TNI_INTEGERS, .lo = 0, .hi = dtype == TN_FLOAT16 ? (1 << 11) + 1 : (1 << 8) + 1};
    for (int64_t at = 0; at < n || at == 0; at += CHUNK) {
        int64_t count = TNI_MIN(n - at, (int64_t)CHUNK);
        TNI_TRY(draw(r, &again, TN_FLOAT32, chunk, count, false));
        for (int64_t i = 0; i < count; i++) {
            uint16_t h = tni_f32_to_half(chunk[i], dtype);
            out[at + i] = s->kind == TNI_UNIFORM && h == high ? low : h;
        }
    }
    return true;
}

/* Both parts of complex numbers, one after the other; of normal ones each has half of the variance, and the mean. */
static bool draw_complex(tni_random *r, const tni_sampler *s, tn_dtype dtype, void *out, int64_t n, bool row_major) {
    tni_sampler part = *s;
    if (s->kind == TNI_NORMAL) part.b = s->b / sqrt(2);
    return draw(r, &part, tni_dtype_real(dtype), out, 2 * n, row_major);
}

static bool draw(tni_random *r, const tni_sampler *s, tn_dtype dtype, void *out, int64_t n, bool row_major) {
    if (tni_dtype_is_complex(dtype)) return draw_complex(r, s, dtype, out, n, row_major);
    if (tni_dtype_is_half(dtype)) return draw_half(r, s, dtype, out, n, row_major);
    switch (s->kind) {
    case TNI_UNIFORM: return tni_random_uniform(r, dtype, out, n, s->a, s->b);
    case TNI_NORMAL:
        return row_major ? tni_random_normal(r, dtype, out, n, s->a, s->b) : tni_random_normal_scalar(r, dtype, out, n, s->a, s->b);
    case TNI_EXPONENTIAL: return tni_random_exponential(r, dtype, out, n, s->a);
    case TNI_BERNOULLI: return tni_random_bernoulli(r, dtype, out, n, s->a);
    case TNI_FULL_RANGE: return tni_random_full_range(r, dtype, out, n);
    default: return tni_random_integers(r, dtype, out, n, s->lo, s->hi);
    }
}

/* Dense strides in the order of a's own. */
static void packed_strides(const tni_array *a, int64_t *strides) {
    bool done[TNI_MAX_DIMS] = {false};
    int64_t reach = 1;
    for (int round = 0; round < a->ndim; round++) {
        int next = -1;
        for (int i = a->ndim - 1; i >= 0; i--)
            if (!done[i] && (next < 0 || a->strides[i] < a->strides[next])) next = i;
        done[next] = true;
        strides[next] = reach;
        reach *= TNI_MAX(a->sizes[next], 1);
    }
}

/* An array with holes: drawn without them, then copied. */
static bool sample_apart(const char *who, const tni_array *a, const tni_sampler *s, tni_random *r) {
    int64_t strides[TNI_MAX_DIMS];
    packed_strides(a, strides);
    tni_storage *storage = tni_storage_new((size_t)a->numel * tni_array_item(a));
    tni_array packed = {0};
    bool right = storage && tni_array_view(&packed, who, storage, (tn_dtype)a->dtype, a->sizes, strides, a->ndim, 0);
    right = right && draw(r, s, (tn_dtype)a->dtype, packed.data, a->numel, false) && tni_copy_array(a, &packed);
    tni_array_clear(&packed);
    tni_storage_release(storage);
    return right;
}

bool tni_sample(tni_thread *t, const char *who, const tni_array *a, const tni_sampler *s) {
    tn_dtype dtype = (tn_dtype)a->dtype;
    bool right = tni_dtype_is_complex(dtype) ? s->kind <= TNI_NORMAL : s->kind > TNI_EXPONENTIAL || tni_dtype_is_float(dtype);
    TNI_CHECK(right, TN_ERR_NOT_IMPLEMENTED, "%s: not implemented for '%s'", who, tni_dtype_get(dtype)->legacy);
    if (a->device != TNI_CPU) return true; /* nothing is drawn */
    tni_random *r = tni_thread_random(t);
    if (a->numel && !tni_is_dense(a)) return sample_apart(who, a, s, r);
    return draw(r, s, dtype, a->data, a->numel, a->contiguous);
}

/* ---- fills in place: the result does not depend on the old values, so the gradient is 0 ---- */

static bool zero_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    return true;
}

static bool sample_output(tni_call *c, const tni_sampler *s) {
    if (!c->inplace) TNI_TRY(tni_out_like(c, 0, c->in[0], (tn_dtype)c->in[0]->a.dtype));
    return tni_sample(c->t, tni_call_name(c), &c->out[0]->a, s);
}

static bool uniform_run(tni_call *c) {
    return sample_output(c, &(tni_sampler){.kind = TNI_UNIFORM, .a = c->arg[0].d, .b = c->arg[1].d});
}
TN_OP(uniform, .schema = "uniform_(Tensor(a!) self, float from=0, float to=1) -> Tensor(a!)", .grad_name = "UniformBackward0",
      .run = uniform_run, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] random", "f64[3,4]^T -1 2.5 random", "f16[40] random", "bf16[] random", "f32[0] random",
                            "c64[3,4] random", "c128[20]^T 1 3 random", "i64[3] !not_implemented", "f32[3] 2 1 !runtime"));

static bool normal_run(tni_call *c) {
    return sample_output(c, &(tni_sampler){.kind = TNI_NORMAL, .a = c->arg[0].d, .b = c->arg[1].d});
}
TN_OP(normal, .schema = "normal_(Tensor(a!) self, float mean=0, float std=1) -> Tensor(a!)", .grad_name = "NormalBackward0",
      .run = normal_run, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] random", "f32[20] 1 0.5 random", "f64[4,5] -1 2 random", "f16[40] random", "bf16[20] random",
                            "f32[4,5]^T random", "f32[0] random", "c64[20] 1 0.5 random", "c128[3,4]^T random", "c128[3] random",
                            "f32[3] 0 -1 !runtime"));

static bool exponential_run(tni_call *c) { return sample_output(c, &(tni_sampler){.kind = TNI_EXPONENTIAL, .a = c->arg[0].d}); }
TN_OP(exponential, .schema = "exponential_(Tensor(a!) self, float lambd=1) -> Tensor(a!)", .grad_name = "ExponentialBackward0",
      .run = exponential_run, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] random", "f64[7] 2.5 random", "bf16[5] random", "f32[3] 0 !runtime"));

static bool random_run(tni_call *c) { return sample_output(c, &(tni_sampler){.kind = TNI_FULL_RANGE}); }
TN_OP(random, .schema = "random_(Tensor(a!) self) -> Tensor(a!)", .grad_name = "RandomBackward2", .run = random_run,
      .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] random", "f64[5] random", "i64[5] random", "i32[5] random", "i16[4] random", "i8[9] random",
                            "u8[9] random", "bool[9] random", "f16[9] random"));

/* Without a number for p, the input holds the probabilities. */
static bool bernoulli_run(tni_call *c) {
    if (c->narg) return sample_output(c, &(tni_sampler){.kind = TNI_BERNOULLI, .a = c->arg[0].d});
    const tni_array *p = &c->in[0]->a;
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)p->dtype), TN_ERR_NOT_IMPLEMENTED,
                "\"bernoulli_tensor_cpu_p_\" not implemented for '%s'", tni_dtype_get((tn_dtype)p->dtype)->legacy);
    TNI_TRY(tni_out(c, 0, (tn_dtype)p->dtype, p->sizes, p->ndim));
    if (!(p = tni_in_as(c, 0, (tn_dtype)p->dtype))) return false;
    const tni_array *y = &c->out[0]->a;
    return tni_random_bernoulli_tensor(tni_thread_random(c->t), (tn_dtype)y->dtype, y->data, (tn_dtype)p->dtype, p->data, y->numel);
}
TN_OP(bernoulli, .schema = "bernoulli(Tensor self) -> Tensor", .grad_name = "BernoulliBackward0", .run = bernoulli_run,
      .widen = true, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4]=0.3 random", "f64[9]=0.7 random", "bf16[9]=0.5 random", "f32[0] random",
                            "f32[2]=1.5 !runtime", "i64[3] !not_implemented"));
static const tni_op bernoulli_number = {.name = "bernoulli",
                                        .schema = "bernoulli.p(Tensor self, float p) -> Tensor",
                                        .grad_name = "BernoulliBackward2",
                                        .run = bernoulli_run,
                                        .vjp = zero_vjp};

/** 1 with the probability that stands in x, else 0, in x's dtype: torch.bernoulli. Floating point x in [0, 1]. The gradient
 *  is 0. [scope] */
TN_API tn_tensor *tn_bernoulli(tn_tensor *x) { return tni_run_op(&tni_op_bernoulli, TNI_INS(x), TNI_NO_ARGS); }
/** Each element becomes 1 with probability p, else 0; any dtype: x.bernoulli_(p). Returns x. */
TN_API tn_tensor *tn_bernoulli_(tn_tensor *x, double p) {
    return tni_run_op_inplace(&bernoulli_number, TNI_INS(x), TNI_ARGS({.d = p}));
}
/** Uniform in [from, to): x.uniform_(from, to). Floating point dtypes; from > to is TN_ERR_RUNTIME. Returns x. */
TN_API tn_tensor *tn_uniform_(tn_tensor *x, double from, double to) {
    return tni_run_op_inplace(&tni_op_uniform, TNI_INS(x), TNI_ARGS({.d = from}, {.d = to}));
}
/** Normal: x.normal_(mean, std). Floating point dtypes; a negative std is TN_ERR_RUNTIME. Returns x. */
TN_API tn_tensor *tn_normal_(tn_tensor *x, double mean, double std) {
    return tni_run_op_inplace(&tni_op_normal, TNI_INS(x), TNI_ARGS({.d = mean}, {.d = std}));
}
/** Whole numbers over the range that the dtype can count: x.random_(). Returns x. */
TN_API tn_tensor *tn_random_(tn_tensor *x) { return tni_run_op_inplace(&tni_op_random, TNI_INS(x), TNI_NO_ARGS); }
/** Exponential with rate lambd > 0: x.exponential_(lambd). Floating point dtypes. Returns x. */
TN_API tn_tensor *tn_exponential_(tn_tensor *x, double lambd) {
    return tni_run_op_inplace(&tni_op_exponential, TNI_INS(x), TNI_ARGS({.d = lambd}));
}

/* ---- dropout ---- */

TNI_FLOAT2(mask, a *b)
static tni_loop *const mask_loops[TNI_COLUMNS] = {TNI_FLOAT_COLUMNS(mask)};

/* The mask lies in memory like the output. It is divided, as torch does, before it is multiplied with. */
static void scale_mask(const tni_array *m, double keep) {
    if (tni_dtype_is_half((tn_dtype)m->dtype)) {
        uint16_t *at = m->data, scale = tni_f32_to_half((float)(1.0 / keep), (tn_dtype)m->dtype);
        for (int64_t i = 0; i < m->numel; i++) at[i] = at[i] ? scale : 0; /* it holds ones and zeros */
    } else if (m->dtype == TN_FLOAT32) {
        float *at = m->data, scale = 1.0F / (float)keep;
        for (int64_t i = 0; i < m->numel; i++) at[i] *= scale;
    } else {
        double *at = m->data, scale = 1.0 / keep;
        for (int64_t i = 0; i < m->numel; i++) at[i] *= scale;
    }
}

static bool dropout_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    double keep = 1.0 - c->arg[0].d;
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)x->dtype), TN_ERR_DTYPE,
                "result type Float can't be cast to the desired output type %s", tni_dtype_get((tn_dtype)x->dtype)->legacy);
    for (size_t k = 0; k < 2; k++) TNI_TRY(tni_out_like(c, k, c->in[0], (tn_dtype)x->dtype));
    const tni_array *y = &c->out[0]->a, *mask = &c->out[1]->a;
    TNI_TRY(tni_sample(c->t, "dropout", mask, &(tni_sampler){.kind = TNI_BERNOULLI, .a = keep}));
    scale_mask(mask, keep);
    bool widen;
    tni_loop *loop = tni_map_loop(mask_loops, (tn_dtype)x->dtype, &widen);
    const tni_array *const arrays[] = {y, x, mask};
    return widen ? tni_map_arrays_widened(loop, arrays, 3, NULL) : tni_map_arrays(loop, arrays, 3, NULL);
}

static bool dropout_vjp(tni_vjp *g) {
    if (!g->dy[0]) return true;
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_saved(g, TNI_OUT(1))));
    return true;
}

static tn_tensor *dropout_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(dropout, .schema = "dropout(Tensor input, float p, bool train) -> Tensor", .grad_name = "MulBackward0", .run = dropout_run,
      .front = dropout_front, .vjp = dropout_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,4] 0.5 True random", "f64[5,6]^T 0.25 True random", "f16[40] 0.1 True random",
                            "f32[3] 0 True random", "f32[3] 1 True random", "f32[3] 0.5 False", "f32[0] 0.5 True random",
                            "f32[3] 1.5 True !value"));

#ifdef TN_HEADER
/* Keywords of tn_dropout. */
typedef struct tn_dropout_opts {
    size_t size;
    double p;      /* 0.5 */
    bool training; /* true */
} tn_dropout_opts;
#ifndef __cplusplus
#define tn_dropout(...)                                                                                                            \
    TN_WITH(tn_dropout_opts, (.p = 0.5, .training = true), (tn_dropout)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Zeroes elements with probability p and scales the others by 1 / (1 - p): torch.nn.functional.dropout. Not in training, or with
 *  p = 0, the result is x itself. p outside [0, 1] is TN_ERR_VALUE. [scope] */
TN_API tn_tensor *(tn_dropout)(tn_tensor *x, const tn_dropout_opts *opts) {
    double p = TNI_OPT(opts, p, 0.5);
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("dropout", x);
    if (!(p >= 0 && p <= 1))
        return (void)tni_fail(TN_ERR_VALUE, "dropout probability has to be between 0 and 1, but got %g", p), NULL;
    if (p == 0 || !TNI_OPT(opts, training, true) || x->a.numel == 0) return x;
    if (p == 1) return tn_mul(x, (tn_zeros)(NULL, 0, &(tn_opts){.size = sizeof(tn_opts), .dtype = (tn_dtype)x->a.dtype}));
    tn_tensor *out[2];
    if (!tni_inner_enter(t)) return NULL; /* only a graph keeps the mask */
    bool right = tni_run_op_multi(&tni_op_dropout, TNI_INS(x), TNI_ARGS({.d = p}), out, 2);
    return tni_inner_return(t, right ? out[0] : NULL);
}

static tn_tensor *dropout_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_dropout)(in[0], &(tn_dropout_opts){.size = sizeof(tn_dropout_opts), .p = arg[0].d, .training = arg[1].b});
}
