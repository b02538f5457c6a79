/* ops/rounding.c - floor, ceil, trunc, round, frac; what is NaN, infinite or finite. */
#include "ops/unary.h"
#include <float.h>
#include <math.h>
#include <tison/ops.h>

/* The derivative of a step. */
static bool zero_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    return true;
}

TNI_INT1(same, a)
#define STEP_MAP(name)                                                                                                             \
    TNI_FLOAT1(name, TNI_F(name, a))                                                                                               \
    static const tni_map name##_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(same), TNI_FLOAT_COLUMNS(name));
STEP_MAP(floor)
STEP_MAP(ceil)
STEP_MAP(trunc)

TN_OP(floor, .schema = "floor(Tensor self) -> Tensor", .grad_name = "FloorBackward0", .run = tni_run_map, .inplace = true,
      .map = &floor_map, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] nograd @bench", "f64[3,4]^T nograd", "f32[] nograd", "bf16[5] nograd", "i64[5]", "u8[3]",
                            "f32[0,3] nograd", "bool[2] !not_implemented"));

/** The largest whole number that is not above x; integers stay as they are: torch.floor. The gradient is 0. [scope] */
TN_API tn_tensor *(tn_floor)(tn_tensor *x) { return tni_run_op(&tni_op_floor, TNI_INS(x), TNI_NO_ARGS); }
/** x = floor(x). Returns x. */
TN_API tn_tensor *(tn_floor_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_floor, TNI_INS(x), TNI_NO_ARGS); }

TN_OP(ceil, .schema = "ceil(Tensor self) -> Tensor", .grad_name = "CeilBackward0", .run = tni_run_map, .inplace = true,
      .map = &ceil_map, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] nograd @bench", "f64[3,4]^T nograd", "f32[] nograd", "bf16[5] nograd", "i64[5]", "u8[3]",
                            "f32[0,3] nograd", "bool[2] !not_implemented"));

/** The smallest whole number that is not below x; integers stay as they are: torch.ceil. The gradient is 0. [scope] */
TN_API tn_tensor *(tn_ceil)(tn_tensor *x) { return tni_run_op(&tni_op_ceil, TNI_INS(x), TNI_NO_ARGS); }
/** x = ceil(x). Returns x. */
TN_API tn_tensor *(tn_ceil_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_ceil, TNI_INS(x), TNI_NO_ARGS); }

TN_OP(trunc, .schema = "trunc(Tensor self) -> Tensor", .grad_name = "TruncBackward0", .run = tni_run_map, .inplace = true,
      .map = &trunc_map, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] nograd @bench", "f64[3,4]^T nograd", "f32[] nograd", "bf16[5] nograd", "i64[5]", "u8[3]",
                            "f32[0,3] nograd", "bool[2] !not_implemented"));

/** x without what stands behind the point; integers stay as they are: torch.trunc. The gradient is 0. [scope] */
TN_API tn_tensor *(tn_trunc)(tn_tensor *x) { return tni_run_op(&tni_op_trunc, TNI_INS(x), TNI_NO_ARGS); }
/** x = trunc(x). Returns x. */
TN_API tn_tensor *(tn_trunc_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_trunc, TNI_INS(x), TNI_NO_ARGS); }

/* ---- frac ---- */

TNI_FLOAT1(frac, a - TNI_F(trunc, a))
static const tni_map frac_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(frac));

static bool frac_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    return true;
}

TN_OP(frac, .schema = "frac(Tensor self) -> Tensor", .grad_name = "FracBackward0", .run = tni_run_map, .inplace = true,
      .map = &frac_map, .vjp = frac_vjp,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[2] !not_implemented"));

/** What stands behind the point, with x's sign: torch.frac. Floating point only. [scope] */
TN_API tn_tensor *(tn_frac)(tn_tensor *x) { return tni_run_op(&tni_op_frac, TNI_INS(x), TNI_NO_ARGS); }
/** x = frac(x). Returns x. */
TN_API tn_tensor *(tn_frac_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_frac, TNI_INS(x), TNI_NO_ARGS); }

/* ---- round: halves go to the even neighbour ---- */

TNI_FLOAT1(rint, TNI_F(rint, a))
static const tni_map rint_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(same), TNI_FLOAT_COLUMNS(rint));
/* arg[0].d: a power of ten. */
TNI_FLOAT1(rint_places, TNI_F(rint, a *TNI_V(arg->d)) / TNI_V(arg->d))
TNI_FLOAT1(rint_tens, TNI_F(rint, a / TNI_V(arg->d)) * TNI_V(arg->d))
static const tni_map places_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(rint_places));
static const tni_map tens_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(rint_tens));

static bool round_run(tni_call *c) { return tni_run_map_with(c, &rint_map); }

static bool round_decimals_run(tni_call *c) {
    int64_t decimals = c->arg[0].i;
    if (decimals == 0) return tni_run_map_with(c, &rint_map);
    tni_value power = {.d = pow(10, fabs((double)decimals))}, *kept = c->arg;
    c->arg = &power;
    bool right = tni_run_map_with(c, decimals > 0 ? &places_map : &tens_map);
    c->arg = kept;
    return right;
}

TN_OP(round, .schema = "round(Tensor self) -> Tensor", .grad_name = "RoundBackward0", .run = round_run, .inplace = true,
      .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] nograd @bench", "f64[3,4]^T nograd", "f32[] nograd", "bf16[5] nograd", "i64[5]",
                            "f32[0,3] nograd", "bool[2] !not_implemented"));
TN_OP(round_decimals, .schema = "round.decimals(Tensor self, *, int decimals) -> Tensor", .grad_name = "RoundBackward1",
      .run = round_decimals_run, .inplace = true, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] decimals=1 nograd", "f64[3,4]^T decimals=2 nograd", "f64[4] decimals=-1 nograd",
                            "f32[] decimals=0 nograd", "f32[0,3] decimals=2 nograd", "i64[3] decimals=2 !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_round. */
typedef struct tn_round_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    int64_t decimals; /* 0; negative: to tens, hundreds, ... */
} tn_round_opts;
#ifndef __cplusplus
#define tn_round(...) TN_WITH(tn_round_opts, (.decimals = 0), (tn_round)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_round_(...) TN_WITH(tn_round_opts, (.decimals = 0), (tn_round_)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x rounded to a number of decimals, halves to the even neighbour: torch.round. Integers stay as they are. The gradient is 0. [scope] */
TN_API tn_tensor *(tn_round)(tn_tensor *x, const tn_round_opts *opts) {
    int64_t decimals = TNI_OPT(opts, decimals, 0);
    if (decimals == 0) return tni_run_op(&tni_op_round, TNI_INS(x), TNI_NO_ARGS);
    return tni_run_op(&tni_op_round_decimals, TNI_INS(x), TNI_ARGS({.i = decimals}));
}
/** x = round(x). Returns x. */
TN_API tn_tensor *(tn_round_)(tn_tensor *x, const tn_round_opts *opts) {
    int64_t decimals = TNI_OPT(opts, decimals, 0);
    if (decimals == 0) return tni_run_op_inplace(&tni_op_round, TNI_INS(x), TNI_NO_ARGS);
    return tni_run_op_inplace(&tni_op_round_decimals, TNI_INS(x), TNI_ARGS({.i = decimals}));
}

/* ---- isnan, isinf, isfinite ---- */

/* Some part of a complex number, or both. */
#define PART(test, a) test((double)__real__(a)) || test((double)__imag__(a))
#define PARTS(test, a) test((double)__real__(a)) && test((double)__imag__(a))
#define PREDICATE(name, test, complex_)                                                                                            \
    TNI_TEST1(name, test((double)a) != 0)                                                                                          \
    TNI_COMPLEX_TEST1(name, complex_(test, a))                                                                                     \
    static const tni_map name##_map = TNI_MAP(TNI_TO_BOOL, TNI_TEST_COLUMNS(name), TNI_COMPLEX_COLUMNS(name));
PREDICATE(isnan, __builtin_isnan, PART)
PREDICATE(isinf, __builtin_isinf, PART)
PREDICATE(isfinite, __builtin_isfinite, PARTS)
#define PREDICATE_SAMPLES                                                                                                          \
    TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "i64[5]", "bool[2]", "f32[0,3]", "c64[3]", "f32[3]=inf",        \
               "f64[3]=nan", "f32[2]=-inf", "bf16[2]=nan", "c64[2]=nan")

TN_OP(isnan, .schema = "isnan(Tensor self) -> Tensor", .run = tni_run_map, .map = &isnan_map, .samples = PREDICATE_SAMPLES);
/** Is each element NaN? bool, no gradient: torch.isnan. [scope] */
TN_API tn_tensor *tn_isnan(tn_tensor *x) { return tni_run_op(&tni_op_isnan, TNI_INS(x), TNI_NO_ARGS); }

TN_OP(isinf, .schema = "isinf(Tensor self) -> Tensor", .run = tni_run_map, .map = &isinf_map, .samples = PREDICATE_SAMPLES);
/** Is each element an infinity? torch.isinf. [scope] */
TN_API tn_tensor *tn_isinf(tn_tensor *x) { return tni_run_op(&tni_op_isinf, TNI_INS(x), TNI_NO_ARGS); }

TN_OP(isfinite, .schema = "isfinite(Tensor self) -> Tensor", .run = tni_run_map, .map = &isfinite_map,
      .samples = PREDICATE_SAMPLES);
/** Is each element neither NaN nor an infinity? torch.isfinite. [scope] */
TN_API tn_tensor *tn_isfinite(tn_tensor *x) { return tni_run_op(&tni_op_isfinite, TNI_INS(x), TNI_NO_ARGS); }

/* ---- nan_to_num ---- */

TNI_BOOL1(same, a)
TNI_FLOAT1(nan_to_num, TNI_ARG3(a != a ? d0 : a == TNI_V(HUGE_VAL) ? d1 : a == TNI_V(-HUGE_VAL) ? d2 : a))
static const tni_map nan_to_num_map =
    TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(same), TNI_FLOAT_COLUMNS(nan_to_num), TNI_BOOL_COLUMN(same));

static double largest(tn_dtype dtype) {
    return dtype == TN_FLOAT16 ? 65504 : dtype == TN_BFLOAT16 ? 0x1.fep127 : dtype == TN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
}

static bool nan_to_num_run(tni_call *c) {
    double high = largest((tn_dtype)c->in[0]->a.dtype);
    if (isnan(c->arg[0].d)) c->arg[0].d = 0;
    if (isnan(c->arg[1].d)) c->arg[1].d = high;
    if (isnan(c->arg[2].d)) c->arg[2].d = -high;
    return tni_run_map_with(c, &nan_to_num_map);
}

static bool nan_to_num_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_isfinite(tni_saved(g, TNI_IN(0)))));
    return true;
}

TN_OP(nan_to_num, .schema = "nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
      .grad_name = "NanToNumBackward0", .run = nan_to_num_run, .inplace = true, .vjp = nan_to_num_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T 1.5", "f32[3]=nan 2.5 nograd", "f16[3]=inf nograd",
                            "bf16[3]=-inf nograd", "f64[2]=inf 0 3.5 nograd", "f32[2]=-inf neginf=-2 nograd", "i64[3] 1.5",
                            "bool[2]", "f32[0,3]", "f32[]"));

#ifdef TN_HEADER
/* Keywords of tn_nan_to_num. NaN, the default, is None. */
typedef struct tn_nan_to_num_opts {
    size_t size;
    double nan;    /* None: 0 */
    double posinf; /* None: the largest finite number of x's dtype */
    double neginf; /* None: the smallest */
} tn_nan_to_num_opts;
#ifndef __cplusplus
#define tn_nan_to_num(...)                                                                                                         \
    TN_WITH(tn_nan_to_num_opts, (.nan = __builtin_nan(""), .posinf = __builtin_nan(""), .neginf = __builtin_nan("")),              \
            (tn_nan_to_num)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x with numbers in place of NaN and the infinities: torch.nan_to_num. Integers stay as they are. [scope] */
TN_API tn_tensor *(tn_nan_to_num)(tn_tensor *x, const tn_nan_to_num_opts *opts) {
    const double none = (double)NAN;
    return tni_run_op(
        &tni_op_nan_to_num, TNI_INS(x),
        TNI_ARGS({.d = TNI_OPT(opts, nan, none)}, {.d = TNI_OPT(opts, posinf, none)}, {.d = TNI_OPT(opts, neginf, none)}));
}
