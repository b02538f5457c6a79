/* ops/loss_more.c - losses that are made of other operators: margin_ranking, hinge_embedding, poisson_nll, cosine_embedding, and
 * cosine_similarity. */
#include "ops/loss.h"
#include <tison/ops.h>

static tn_tensor *reduced(tn_tensor *losses, int64_t reduction) {
    return reduction == TN_REDUCTION_MEAN ? tn_mean(losses) : reduction == TN_REDUCTION_SUM ? tn_sum(losses) : losses;
}

static bool finish(tni_call *c, tn_tensor *losses, int64_t reduction) {
    TNI_TRY(tni_loss_check_reduction(c, reduction));
    c->out[0] = reduced(losses, reduction);
    return c->out[0] != NULL;
}

/* max(x, 0), the gradient at 0 going as torch.clamp_min has it: through. */
static tn_tensor *at_least_zero(tn_tensor *x) { return tn_clamp_min(x, 0); }

/* ---- margin_ranking_loss ---- */

static bool margin_ranking_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1], *t = c->in[2];
    TNI_REQUIRE(c, a->a.ndim == b->a.ndim && a->a.ndim == t->a.ndim, TN_ERR_SHAPE,
                "All input tensors should have same dimension but got sizes: input1: %s, input2: %s, target: %s ", TNI_SHAPE(&a->a),
                TNI_SHAPE(&b->a), TNI_SHAPE(&t->a));
    return finish(c, at_least_zero(tn_add(tn_mul(tn_neg(t), tn_sub(a, b)), c->arg[0].d)), c->arg[1].i);
}
TN_OP(margin_ranking_loss,
      .schema = "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=Mean) -> Tensor",
      .run = margin_ranking_run, .composite = true,
      .samples = TN_SAMPLES("f32[5] f32[5] f32[5]=1 @bench", "f64[3,4] f64[3,4] f64[3,4]=-1 0.5 0",
                            "f64[3,4]^T f64[3,1] f64[3,4] 0.1 2", "f32[] f32[] f32[]=1", "f32[0] f32[0] f32[0]",
                            "f32[3] f32[3,1] f32[3] !shape"));

/* ---- hinge_embedding_loss ---- */

static bool hinge_embedding_run(tni_call *c) {
    tn_tensor *x = c->in[0], *t = c->in[1];
    tn_tensor *far = tn_where(tn_ne(t, 1), at_least_zero(tn_sub(c->arg[0].d, x)), 0), *near_ = tn_where(tn_ne(t, -1), x, 0);
    return finish(c, tn_add(far, near_), c->arg[1].i);
}
TN_OP(hinge_embedding_loss,
      .schema = "hinge_embedding_loss(Tensor self, Tensor target, float margin=1.0, int reduction=Mean) -> Tensor",
      .run = hinge_embedding_run, .composite = true,
      .samples = TN_SAMPLES("f32[5] f32[5]=1 @bench", "f64[3,4] f64[3,4]=-1 0.5 0 nograd", "f64[3,4]^T f64[3]=1 0.1 2 !shape",
                            "f32[4] f32[4]=-1 nograd", "f32[0] f32[0]", "f32[] f32[]=1"));

/* ---- poisson_nll_loss ---- */

static bool poisson_nll_run(tni_call *c) {
    tn_tensor *x = c->in[0], *t = c->in[1], *y;
    bool log_input = c->arg[0].b, full = c->arg[1].b;
    y = log_input ? tn_sub(tn_exp(x), tn_mul(t, x)) : tn_sub(x, tn_mul(t, tn_log(tn_add(x, c->arg[2].d))));
    if (full) { /* Stirling's formula for log(t!) */
        tn_tensor *more = tn_add(tn_sub(tn_mul(t, tn_log(t)), t), tn_mul(tn_log(tn_mul(t, 2 * 3.14159265358979323846)), 0.5));
        y = tn_add(y, tn_where(tn_le(t, 1), 0, more));
    }
    return finish(c, y, c->arg[3].i);
}
TN_OP(poisson_nll_loss,
      .schema = "poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, int reduction) -> Tensor",
      .run = poisson_nll_run, .composite = true,
      .samples = TN_SAMPLES("f32[5] f32[5]>0.5 true false 1e-8 1 @bench", "f64[3,4]>0.2 f64[3,4]>0.5 false false 1e-8 2",
                            "f64[3,4] f64[3,4]>1.5 true true 1e-8 0", "f32[0] f32[0] true false 1e-8 1",
                            "f32[3] f32[2] true false 1e-8 1 !shape"));

/* ---- cosine_similarity and cosine_embedding_loss ---- */

static bool cosine_similarity_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    int64_t dim = c->arg[0].i;
    for (int i = 0; i < 2; i++)
        TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)c->in[i]->a.dtype), TN_ERR_DTYPE,
                    "expected common dtype to be floating point, yet common dtype is %s",
                    tni_dtype_get((tn_dtype)c->in[i]->a.dtype)->legacy);
    int64_t sizes[TNI_MAX_DIMS];
    size_t n = 0;
    TNI_TRY(tni_shape_broadcast("cosine_similarity", sizes, &n, a->a.sizes, a->a.ndim) &&
            tni_shape_broadcast("cosine_similarity", sizes, &n, b->a.sizes, b->a.ndim));
    a = (tn_expand)(a, sizes, n), b = (tn_expand)(b, sizes, n);
    tn_tensor *lengths[2], *in[2] = {a, b};
    for (int i = 0; i < 2; i++) lengths[i] = tn_clamp_min(tn_sqrt(tn_sum(tn_mul(in[i], in[i]), dim, true)), c->arg[1].d);
    c->out[0] = tn_sum(tn_mul(tn_div(a, lengths[0]), tn_div(b, lengths[1])), dim);
    return c->out[0] != NULL;
}
TN_OP(cosine_similarity, .schema = "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
      .run = cosine_similarity_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,5] f32[3,5] @bench", "f64[3,4] f64[4] -1", "f64[3,4] f64[4] 1", "f64[3,4]^T f64[3,4] 0",
                            "f32[4] f32[4] 0", "f32[0,3] f32[0,3]", "i64[2,3] i64[2,3] !dtype", "f32[2,3] f32[2,3] 2 !index",
                            "f32[2,3] f32[2] !shape"));

static bool cosine_embedding_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1], *t = c->in[2];
    int64_t dim = t->a.ndim;
    TNI_REQUIRE(c, dim <= 1, TN_ERR_SHAPE, "0D or 1D target tensor expected, multi-target not supported");
    TNI_REQUIRE(c, a->a.ndim == dim + 1 && b->a.ndim == dim + 1, TN_ERR_SHAPE,
                "%dD target tensor expects %dD input tensors, but found inputs with sizes %s and %s.", (int)dim, (int)dim + 1,
                TNI_SHAPE(&a->a), TNI_SHAPE(&b->a));
    const double small = 1e-12;
    tn_tensor *dot = tn_sum(tn_mul(a, b), dim), *na = tn_add(tn_sum(tn_mul(a, a), dim), small),
              *nb = tn_add(tn_sum(tn_mul(b, b), dim), small);
    tn_tensor *cosine = tn_div(dot, tn_sqrt(tn_mul(na, nb)));
    tn_tensor *same = tn_where(tn_eq(t, 1), tn_sub(1, cosine), 0),
              *other = tn_where(tn_eq(t, -1), at_least_zero(tn_sub(cosine, c->arg[0].d)), 0);
    return finish(c, tn_add(same, other), c->arg[1].i);
}
TN_OP(
    cosine_embedding_loss,
    .schema = "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, int reduction=Mean) -> Tensor",
    .run = cosine_embedding_run, .composite = true,
    .samples = TN_SAMPLES("f32[3,5] f32[3,5] f32[3]=1 @bench", "f64[3,4] f64[3,4] i64[3]=-1 -0.5 0",
                          "f64[3,4]^T f64[3,4] i64[3]=1 0.1 2", "f32[4] f32[4] i64[]=1", "f32[3] f32[3] i64[3]=1 !shape",
                          "f32[2,3] f32[2,3] f32[2,3] !shape"));

#ifdef TN_HEADER
/* Keywords of tn_margin_ranking_loss, tn_hinge_embedding_loss and tn_cosine_embedding_loss. */
typedef struct tn_margin_loss_opts {
    size_t size;
    double margin;          /* 0; of tn_hinge_embedding_loss 1 */
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
} tn_margin_loss_opts;
/* Keywords of tn_poisson_nll_loss. */
typedef struct tn_poisson_nll_loss_opts {
    size_t size;
    bool log_input, full;   /* true: x is a logarithm; false: true adds Stirling's approximation of log(target!) */
    double eps;             /* 1e-8; keeps log(x) finite without log_input */
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
} tn_poisson_nll_loss_opts;
/* Keywords of tn_cosine_similarity. */
typedef struct tn_cosine_similarity_opts {
    size_t size;
    int64_t dim; /* 1 */
    double eps;  /* 1e-8: lengths are at least so */
} tn_cosine_similarity_opts;
#ifndef __cplusplus
#define tn_margin_ranking_loss(x1, x2, ...)                                                                                        \
    TN_WITH(tn_margin_loss_opts, (.reduction = TN_REDUCTION_MEAN),                                                                 \
            (tn_margin_ranking_loss)(x1, x2, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_cosine_embedding_loss(x1, x2, ...)                                                                                      \
    TN_WITH(tn_margin_loss_opts, (.reduction = TN_REDUCTION_MEAN),                                                                 \
            (tn_cosine_embedding_loss)(x1, x2, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_hinge_embedding_loss(x, ...)                                                                                            \
    TN_WITH(tn_margin_loss_opts, (.margin = 1, .reduction = TN_REDUCTION_MEAN),                                                    \
            (tn_hinge_embedding_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_poisson_nll_loss(x, ...)                                                                                                \
    TN_WITH(tn_poisson_nll_loss_opts, (.log_input = true, .eps = 1e-8, .reduction = TN_REDUCTION_MEAN),                            \
            (tn_poisson_nll_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_cosine_similarity(x1, ...)                                                                                              \
    TN_WITH(tn_cosine_similarity_opts, (.dim = 1, .eps = 1e-8), (tn_cosine_similarity)(x1, TN_FIRST(__VA_ARGS__, ), &tn_o),        \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

#define MARGIN(opts, other)                                                                                                        \
    {.d = TNI_OPT(opts, margin, other)}, { .i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN) }

/** Mean of max(0, margin - target (x1 - x2)), target 1 or -1: torch.nn.functional.margin_ranking_loss. [scope] */
TN_API tn_tensor *(tn_margin_ranking_loss)(tn_tensor *x1, tn_tensor *x2, tn_tensor *target, const tn_margin_loss_opts *opts) {
    return tni_run_op(&tni_op_margin_ranking_loss, TNI_INS(x1, x2, target), TNI_ARGS(MARGIN(opts, 0.0)));
}
/** Mean of x where target is 1, of max(0, margin - x) where it is -1: torch.nn.functional.hinge_embedding_loss. [scope] */
TN_API tn_tensor *(tn_hinge_embedding_loss)(tn_tensor *x, tn_tensor *target, const tn_margin_loss_opts *opts) {
    return tni_run_op(&tni_op_hinge_embedding_loss, TNI_INS(x, target), TNI_ARGS(MARGIN(opts, 1.0)));
}
/** Mean of 1 - cosine where target is 1, of max(0, cosine - margin) where it is -1: torch.nn.functional.cosine_embedding_loss.
 *  x1, x2  (N, D) with target (N), or (D) with a 0-d target
 *  returns [scope]; TN_ERR_SHAPE */
TN_API tn_tensor *(tn_cosine_embedding_loss)(tn_tensor *x1, tn_tensor *x2, tn_tensor *target, const tn_margin_loss_opts *opts) {
    return tni_run_op(&tni_op_cosine_embedding_loss, TNI_INS(x1, x2, target), TNI_ARGS(MARGIN(opts, 0.0)));
}
/** Negative log likelihood of counts under a Poisson distribution: torch.nn.functional.poisson_nll_loss. [scope] */
TN_API tn_tensor *(tn_poisson_nll_loss)(tn_tensor *x, tn_tensor *target, const tn_poisson_nll_loss_opts *opts) {
    return tni_run_op(&tni_op_poisson_nll_loss, TNI_INS(x, target),
                      TNI_ARGS({.b = TNI_OPT(opts, log_input, true)}, {.b = TNI_OPT(opts, full, false)},
                               {.d = TNI_OPT(opts, eps, 1e-8)}, {.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}));
}
/** x1 . x2 / (|x1| |x2|) along a dim: torch.cosine_similarity. Floating point; the shapes broadcast. [scope] */
TN_API tn_tensor *(tn_cosine_similarity)(tn_tensor *x1, tn_tensor *x2, const tn_cosine_similarity_opts *opts) {
    return tni_run_op(&tni_op_cosine_similarity, TNI_INS(x1, x2),
                      TNI_ARGS({.i = TNI_OPT(opts, dim, 1)}, {.d = TNI_OPT(opts, eps, 1e-8)}));
}
