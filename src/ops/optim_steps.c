/* ops/optim_steps.c - fused optimizer steps: SGD with momentum, Adam and AdamW. */
#include "ops/optim_steps.h"
#include "base/pool.h"
#include "core/map.h"

enum { GRAIN = 1 << 15, MAX_TENSORS = 5 }; /* elements that one thread takes at a time; parameter, gradient and three states */

/* p, g and the states, as one run over memory. */
typedef struct step {
    char *p, *g, *state[3];
    const tni_value *arg;
    void (*run)(const struct step *s, int64_t begin, int64_t end);
} step;

/* ---- SGD ---- */

enum { SGD_LR, SGD_MOMENTUM, SGD_DAMPENING, SGD_DECAY, SGD_NESTEROV, SGD_MAXIMIZE, SGD_FIRST, SGD_ARGS };

/* buf = g at first, then buf * momentum + (1 - dampening) * g. The flags are constants where this is inlined. */
#define SGD_BODY(name, T, FMA)                                                                                                     \
    TNI_INLINE void name##_loop(T *p, const T *g, T *m, const tni_value *a, int64_t n, bool decays, bool buffered, bool nesterov,  \
                                bool first) {                                                                                      \
        const T size = (T)-a[SGD_LR].d, mu = (T)a[SGD_MOMENTUM].d, take = (T)(1 - a[SGD_DAMPENING].d), decay = (T)a[SGD_DECAY].d;  \
        const T sign = a[SGD_MAXIMIZE].b ? -1 : 1;                                                                                 \
        TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                                \
            T d = g[i] * sign;                                                                                                     \
            if (decays) d = FMA(decay, p[i], d);                                                                                   \
            if (buffered) {                                                                                                        \
                const T b = first ? d : FMA(take, d, m[i] * mu);                                                                   \
                m[i] = b;                                                                                                          \
                d = nesterov ? FMA(mu, b, d) : b;                                                                                  \
            }                                                                                                                      \
            p[i] = FMA(size, d, p[i]);                                                                                             \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_INLINE void name##_body(T *p, const T *g, T *m, const tni_value *a, int64_t n) {                                           \
        const bool decays = a[SGD_DECAY].d != 0, nesterov = a[SGD_NESTEROV].b;                                                     \
        if (!m) {                                                                                                                  \
            if (decays)                                                                                                            \
                name##_loop(p, g, NULL, a, n, true, false, false, false);                                                          \
            else                                                                                                                   \
                name##_loop(p, g, NULL, a, n, false, false, false, false);                                                         \
        } else if (a[SGD_FIRST].b)                                                                                                 \
            name##_loop(p, g, m, a, n, decays, true, nesterov, true);                                                              \
        else if (decays)                                                                                                           \
            name##_loop(p, g, m, a, n, true, true, nesterov, false);                                                               \
        else                                                                                                                       \
            name##_loop(p, g, m, a, n, false, true, nesterov, false);                                                              \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (T * p, const T *g, T *m, const tni_value *a, int64_t n), (p, g, m, a, n))               \
    static void name##_run(const step *s, int64_t begin, int64_t end) {                                                            \
        T *m = (T *)s->state[0];                                                                                                   \
        name((T *)s->p + begin, (const T *)s->g + begin, m ? m + begin : NULL, s->arg, end - begin);                               \
    }
SGD_BODY(sgd_f32, float, __builtin_fmaf)
SGD_BODY(sgd_f64, double, __builtin_fma)

/* ---- Adam ---- */

enum { ADAM_BETA1, ADAM_BETA2, ADAM_EPS, ADAM_L2, ADAM_SHRINK, ADAM_STEP, ADAM_ROOT, ADAM_MAXIMIZE, ADAM_ARGS };

/* average = lerp(average, g, 1 - beta1) in torch's two forms; square = (1 - beta2) g g + beta2 square; IEEE square root. */
#define ADAM_BODY(name, T, FMA, SQRT)                                                                                              \
    TNI_INLINE void name##_loop(T *p, const T *g, T *m, T *v, T *x, const tni_value *a, int64_t n, bool l2, bool near,             \
                                bool amsgrad) {                                                                                    \
        const T w1 = (T)(1 - a[ADAM_BETA1].d), w2 = (T)(1 - a[ADAM_BETA2].d), beta2 = (T)a[ADAM_BETA2].d, eps = (T)a[ADAM_EPS].d;  \
        const T decay = (T)a[ADAM_L2].d, shrink = (T)a[ADAM_SHRINK].d, size = (T)-a[ADAM_STEP].d, root = (T)a[ADAM_ROOT].d;        \
        const T sign = a[ADAM_MAXIMIZE].b ? -1 : 1;                                                                                \
        TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                                \
            const T q = p[i] * shrink;                                                                                             \
            T d = g[i] * sign;                                                                                                     \
            if (l2) d = FMA(decay, q, d);                                                                                          \
            const T mi = near ? FMA(w1, d - m[i], m[i]) : FMA(w1 - 1, d - m[i], d);                                                \
            T vi = FMA(w2 * d, d, v[i] * beta2);                                                                                   \
            m[i] = mi;                                                                                                             \
            v[i] = vi;                                                                                                             \
            if (amsgrad) {                                                                                                         \
                vi = x[i] > vi || x[i] != x[i] ? x[i] : vi; /* NaN stays, as in torch.maximum */                                   \
                x[i] = vi;                                                                                                         \
            }                                                                                                                      \
            p[i] = q + size * mi / (SQRT(vi) / root + eps);                                                                        \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_INLINE void name##_body(T *p, const T *g, T *m, T *v, T *x, const tni_value *a, int64_t n) {                               \
        const bool l2 = a[ADAM_L2].d != 0, near = (T)(1 - a[ADAM_BETA1].d) < (T)0.5;                                               \
        if (x || !near) {                                                                                                          \
            if (x)                                                                                                                 \
                name##_loop(p, g, m, v, x, a, n, l2, near, true);                                                                  \
            else                                                                                                                   \
                name##_loop(p, g, m, v, NULL, a, n, l2, near, false);                                                              \
        } else if (l2)                                                                                                             \
            name##_loop(p, g, m, v, NULL, a, n, true, true, false);                                                                \
        else                                                                                                                       \
            name##_loop(p, g, m, v, NULL, a, n, false, true, false);                                                               \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (T * p, const T *g, T *m, T *v, T *x, const tni_value *a, int64_t n),                    \
               (p, g, m, v, x, a, n))                                                                                              \
    static void name##_run(const step *s, int64_t begin, int64_t end) {                                                            \
        T *x = (T *)s->state[2];                                                                                                   \
        T *m = (T *)s->state[0] + begin, *v = (T *)s->state[1] + begin;                                                            \
        name((T *)s->p + begin, (const T *)s->g + begin, m, v, x ? x + begin : NULL, s->arg, end - begin);                         \
    }
ADAM_BODY(adam_f32, float, __builtin_fmaf, __builtin_sqrtf)
ADAM_BODY(adam_f64, double, __builtin_fma, __builtin_sqrt)

/* ---- the operators ---- */

static bool same_layout(const tni_array *a, const tni_array *b) {
    if (a->contiguous && b->contiguous) return true;
    for (int i = 0; i < a->ndim; i++)
        if (a->sizes[i] > 1 && a->strides[i] != b->strides[i]) return false;
    return true;
}

static bool fits(const tni_array *a, const tni_array *p) {
    return a->dtype == p->dtype && tni_same_shape(a, p) && same_layout(a, p);
}

__attribute__((cold, noinline)) static bool fail_step(const tni_call *c) {
    const tni_array *p = &c->in[0]->a;
    const char *dtype = tni_dtype_get((tn_dtype)p->dtype)->name;
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)p->dtype), TN_ERR_DTYPE, "expected a floating point parameter but got torch.%s",
                dtype);
    for (size_t i = 1; i < c->nin; i++) {
        const tni_array *a = c->in[i] ? &c->in[i]->a : p;
        const char *other = tni_dtype_get((tn_dtype)a->dtype)->name;
        TNI_REQUIRE(c, a->dtype == p->dtype, TN_ERR_DTYPE, "expected torch.%s but got torch.%s", dtype, other);
        TNI_REQUIRE(c, tni_same_shape(a, p), TN_ERR_SHAPE, "expected shape %s but got %s", TNI_SHAPE(p), TNI_SHAPE(a));
    }
    return TNI_FAIL(c, TN_ERR_RUNTIME, "the tensors lie differently in memory, or have holes");
}

static bool check_step(const tni_call *c) {
    const tni_array *p = &c->in[0]->a;
    bool right = tni_dtype_is_float((tn_dtype)p->dtype) && (p->contiguous || tni_is_dense(p));
    for (size_t i = 1; i < c->nin; i++) right = right && (!c->in[i] || fits(&c->in[i]->a, p));
    return TNI_LIKELY(right) || fail_step(c);
}

static void run_part(int64_t begin, int64_t end, void *context) {
    const step *s = context;
    s->run(s, begin, end);
}

typedef void step_run(const step *, int64_t, int64_t);
static bool run_step(tni_call *c, step_run *f32, step_run *f64);

/* float16 and bfloat16: in float32 copies of everything, which are rounded back. */
static bool run_step_widened(tni_call *c, step_run *f32, step_run *f64) {
    tn_tensor *wide[MAX_TENSORS] = {NULL}, **in = c->in;
    bool right = true;
    for (size_t i = 0; i < c->nin && right; i++)
        right = !in[i] || tni_array_as(c->t, c->op->name, in[i], TN_FLOAT32, true, &wide[i]) != NULL;
    c->in = wide;
    right = right && run_step(c, f32, f64);
    c->in = in;
    for (size_t i = 0; i < c->nin; i++) {
        if (i != 1 && right && wide[i]) right = tni_copy_array(&in[i]->a, &wide[i]->a);
        tni_tensor_destroy_new(c->t, wide[i]);
    }
    return right;
}

static bool run_step(tni_call *c, step_run *f32, step_run *f64) {
    TNI_TRY(check_step(c));
    const tni_array *p = &c->in[0]->a;
    if (p->device != TNI_CPU) return true;
    if (tni_dtype_is_half((tn_dtype)p->dtype)) return run_step_widened(c, f32, f64);
    step s = {.p = p->data, .g = c->in[1]->a.data, .arg = c->arg, .run = p->dtype == TN_FLOAT32 ? f32 : f64};
    for (size_t i = 2; i < c->nin; i++) s.state[i - 2] = c->in[i] ? c->in[i]->a.data : NULL;
    if (p->numel <= GRAIN)
        s.run(&s, 0, p->numel);
    else
        tni_parallel(p->numel, GRAIN, run_part, &s);
    return true;
}

static bool sgd_run(tni_call *c) { return run_step(c, sgd_f32_run, sgd_f64_run); }
TN_OP(sgd_step,
      .schema = "sgd_step_(Tensor(a!) self, Tensor grad, Tensor(b!)? buffer, *, float lr, float momentum, float dampening, "
                "float weight_decay, bool nesterov, bool maximize, bool first) -> Tensor(a!)",
      .run = sgd_run, .hidden = true, .optional = TNI_IN(2));

bool tni_sgd_step(tn_tensor *p, tn_tensor *grad, tn_tensor *buffer, const tni_sgd_numbers *n) {
    tni_value arg[SGD_ARGS] = {[SGD_LR].d = n->lr,
                               [SGD_MOMENTUM].d = n->momentum,
                               [SGD_DAMPENING].d = n->dampening,
                               [SGD_DECAY].d = n->weight_decay,
                               [SGD_NESTEROV].b = n->nesterov,
                               [SGD_MAXIMIZE].b = n->maximize,
                               [SGD_FIRST].b = n->first};
    return tni_run_op_inplace(&tni_op_sgd_step, TNI_INS(p, grad, buffer), arg, SGD_ARGS) != NULL;
}

static bool adam_run(tni_call *c) { return run_step(c, adam_f32_run, adam_f64_run); }
TN_OP(adam_step,
      .schema = "adam_step_(Tensor(a!) self, Tensor grad, Tensor(b!) exp_avg, Tensor(c!) exp_avg_sq, Tensor(d!)? max_exp_avg_sq, "
                "*, float beta1, float beta2, float eps, float l2, float shrink, float step_size, float root, "
                "bool maximize) -> Tensor(a!)",
      .run = adam_run, .hidden = true, .optional = TNI_IN(4));

bool tni_adam_step(tn_tensor *p, tn_tensor *grad, tn_tensor *average, tn_tensor *square, tn_tensor *largest,
                   const tni_adam_numbers *n) {
    tni_value arg[ADAM_ARGS] = {
        [ADAM_BETA1].d = n->beta1,   [ADAM_BETA2].d = n->beta2,    [ADAM_EPS].d = n->eps,   [ADAM_L2].d = n->l2,
        [ADAM_SHRINK].d = n->shrink, [ADAM_STEP].d = n->step_size, [ADAM_ROOT].d = n->root, [ADAM_MAXIMIZE].b = n->maximize};
    return tni_run_op_inplace(&tni_op_adam_step, TNI_INS(p, grad, average, square, largest), arg, ADAM_ARGS) != NULL;
}
