/* ops/special.c - exponentials and logarithms of other bases, the error function, reciprocals. */
#include "cpu/cmath.h"
#include "ops/unary.h"
#include <tison/ops.h>

#define LN2 0.693147180559945309417
#define LN10 2.30258509299404568402
#define TWO_BY_ROOT_PI 1.12837916709551257390 /* 2 / sqrt(pi) */

/* ---- exp2, expm1, log1p, log2, log10 ---- */

TNI_VMATH_MAP(exp2)

static bool exp2_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_mul(tni_saved(g, TNI_OUT(0)), LN2)));
    return true;
}
TNI_FUSED(exp2, TNI_OUT(0), a *(b *TNI_V(LN2)))

TN_OP(exp2, .schema = "exp2(Tensor self) -> Tensor", .grad_name = "Exp2Backward0", .run = tni_run_map, .inplace = true,
      .map = &exp2_map, .vjp = exp2_vjp, .fused_vjp = exp2_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]"));

/** 2^x; integers give the default dtype: torch.exp2. [scope] */
TN_API tn_tensor *(tn_exp2)(tn_tensor *x) { return tni_run_op(&tni_op_exp2, TNI_INS(x), TNI_NO_ARGS); }
/** x = exp2(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_exp2_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_exp2, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(expm1)

static bool expm1_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_add(tni_saved(g, TNI_OUT(0)), 1)));
    return true;
}
TNI_FUSED(expm1, TNI_OUT(0), a *(b + 1))

TN_OP(expm1, .schema = "expm1(Tensor self) -> Tensor", .grad_name = "Expm1Backward0", .run = tni_run_map, .inplace = true,
      .map = &expm1_map, .vjp = expm1_vjp, .fused_vjp = expm1_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]"));

/** e^x - 1, accurate near 0; integers give the default dtype: torch.expm1. [scope] */
TN_API tn_tensor *(tn_expm1)(tn_tensor *x) { return tni_run_op(&tni_op_expm1, TNI_INS(x), TNI_NO_ARGS); }
/** x = expm1(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_expm1_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_expm1, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(log1p)

static bool log1p_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tn_add(tni_saved(g, TNI_IN(0)), 1)));
    return true;
}
TNI_FUSED(log1p, TNI_IN(0), a / (b + 1))

TN_OP(log1p, .schema = "log1p(Tensor self) -> Tensor", .grad_name = "Log1pBackward0", .run = tni_run_map, .inplace = true,
      .map = &log1p_map, .vjp = log1p_vjp, .fused_vjp = log1p_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "f16[5]>0.5", "f32[0,3]", "i64[5]<2",
                            "u8[4]>0.5"));

/** log(1 + x), accurate near 0; integers give the default dtype: torch.log1p. [scope] */
TN_API tn_tensor *(tn_log1p)(tn_tensor *x) { return tni_run_op(&tni_op_log1p, TNI_INS(x), TNI_NO_ARGS); }
/** x = log1p(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_log1p_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_log1p, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(log2)

static bool log2_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_IN(0)), LN2))));
    return true;
}
TNI_FUSED(log2, TNI_IN(0), a / (b * TNI_V(LN2)))

TN_OP(log2, .schema = "log2(Tensor self) -> Tensor", .grad_name = "Log2Backward0", .run = tni_run_map, .inplace = true,
      .map = &log2_map, .vjp = log2_vjp, .fused_vjp = log2_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "f16[5]>0.5", "f32[0,3]", "i64[5]>0.5",
                            "u8[4]>0.5"));

/** Logarithm to the base 2; integers give the default dtype: torch.log2. [scope] */
TN_API tn_tensor *(tn_log2)(tn_tensor *x) { return tni_run_op(&tni_op_log2, TNI_INS(x), TNI_NO_ARGS); }
/** x = log2(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_log2_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_log2, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(log10)

static bool log10_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_IN(0)), LN10))));
    return true;
}
TNI_FUSED(log10, TNI_IN(0), a / (b * TNI_V(LN10)))

TN_OP(log10, .schema = "log10(Tensor self) -> Tensor", .grad_name = "Log10Backward0", .run = tni_run_map, .inplace = true,
      .map = &log10_map, .vjp = log10_vjp, .fused_vjp = log10_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "f16[5]>0.5", "f32[0,3]", "i64[5]>0.5",
                            "u8[4]>0.5"));

/** Logarithm to the base 10; integers give the default dtype: torch.log10. [scope] */
TN_API tn_tensor *(tn_log10)(tn_tensor *x) { return tni_run_op(&tni_op_log10, TNI_INS(x), TNI_NO_ARGS); }
/** x = log10(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_log10_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_log10, TNI_INS(x), TNI_NO_ARGS); }

/* ---- erf, erfc, erfinv ---- */

/* 2 / sqrt(pi) * e^(-x^2) */
static tn_tensor *bell(tn_tensor *x) { return tn_mul(tn_exp(tn_neg(tn_mul(x, x))), TWO_BY_ROOT_PI); }
#define BELL(x) (TNI_VM(exp, -((x) * (x))) * TNI_V(TWO_BY_ROOT_PI))

TNI_VMATH_MAP(erf)

static bool erf_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], bell(tni_saved(g, TNI_IN(0)))));
    return true;
}
TNI_FUSED(erf, TNI_IN(0), a *BELL(b))

TN_OP(erf, .schema = "erf(Tensor self) -> Tensor", .grad_name = "ErfBackward0", .run = tni_run_map, .inplace = true,
      .map = &erf_map, .vjp = erf_vjp, .fused_vjp = erf_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]"));

/** The error function; integers give the default dtype: torch.erf. [scope] */
TN_API tn_tensor *(tn_erf)(tn_tensor *x) { return tni_run_op(&tni_op_erf, TNI_INS(x), TNI_NO_ARGS); }
/** x = erf(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_erf_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_erf, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(erfc)

static bool erfc_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_neg(tn_mul(g->dy[0], bell(tni_saved(g, TNI_IN(0))))));
    return true;
}
TNI_FUSED(erfc, TNI_IN(0), -(a *BELL(b)))

TN_OP(erfc, .schema = "erfc(Tensor self) -> Tensor", .grad_name = "ErfcBackward0", .run = tni_run_map, .inplace = true,
      .map = &erfc_map, .vjp = erfc_vjp, .fused_vjp = erfc_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]"));

/** 1 - erf(x), accurate for large x; integers give the default dtype: torch.erfc. [scope] */
TN_API tn_tensor *(tn_erfc)(tn_tensor *x) { return tni_run_op(&tni_op_erfc, TNI_INS(x), TNI_NO_ARGS); }
/** x = erfc(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_erfc_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_erfc, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(erfinv)

static bool erfinv_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_div(g->dy[0], bell(y)));
    return true;
}

TN_OP(erfinv, .schema = "erfinv(Tensor self) -> Tensor", .grad_name = "ErfinvBackward0", .run = tni_run_map, .inplace = true,
      .map = &erfinv_map, .vjp = erfinv_vjp, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]<1 @bench", "f64[3,4]^T<1", "f32[]<1", "f16[5]<1", "f32[0,3]", "i64[5]<1", "bool[3]"));

/** The inverse of erf; integers give the default dtype: torch.erfinv. Outside [-1, 1] it is NaN. [scope] */
TN_API tn_tensor *(tn_erfinv)(tn_tensor *x) { return tni_run_op(&tni_op_erfinv, TNI_INS(x), TNI_NO_ARGS); }
/** x = erfinv(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_erfinv_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_erfinv, TNI_INS(x), TNI_NO_ARGS); }

/* ---- reciprocal, rsqrt ---- */

TNI_FLOAT1(reciprocal, 1 / a)
TNI_COMPLEX1(reciprocal, TNI_CDIV(TNI_V(1), a))
static const tni_map reciprocal_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(reciprocal), TNI_COMPLEX_COLUMNS(reciprocal));

static bool reciprocal_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_neg(tn_mul(y, y)))));
    return true;
}
TNI_FUSED(reciprocal, TNI_OUT(0), a * -(b * b))

TN_OP(reciprocal, .schema = "reciprocal(Tensor self) -> Tensor", .grad_name = "ReciprocalBackward0", .run = tni_run_map,
      .inplace = true, .map = &reciprocal_map, .vjp = reciprocal_vjp, .fused_vjp = reciprocal_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "bf16[4]>0.5", "i64[3]>0.5", "bool[2]",
                            "f32[0,3]", "c64[3]>0.5", "c128[2]>0.5"));

/** 1 / x; integers give the default dtype: torch.reciprocal. [scope] */
TN_API tn_tensor *(tn_reciprocal)(tn_tensor *x) { return tni_run_op(&tni_op_reciprocal, TNI_INS(x), TNI_NO_ARGS); }
/** x = 1 / x, for floating point x. Returns x. */
TN_API tn_tensor *(tn_reciprocal_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_reciprocal, TNI_INS(x), TNI_NO_ARGS); }

TNI_FLOAT1(rsqrt, 1 / TNI_F(sqrt, a))
TNI_LOOP1_(TNI_ONCE, rsqrt_c64, float _Complex, float _Complex, float _Complex, TNI_CDIV(TNI_V(1), csqrtf(a)))
TNI_LOOP1_(TNI_ONCE, rsqrt_c128, double _Complex, double _Complex, double _Complex, TNI_CDIV(TNI_V(1), csqrt(a)))
static const tni_map rsqrt_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(rsqrt), TNI_COMPLEX_COLUMNS(rsqrt));

static bool rsqrt_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_mul(tn_pow(y, 3), -0.5))));
    return true;
}
TNI_FUSED(rsqrt, TNI_OUT(0), a *(TNI_V(-0.5) * (b * b * b)))

TN_OP(rsqrt, .schema = "rsqrt(Tensor self) -> Tensor", .grad_name = "RsqrtBackward0", .run = tni_run_map, .inplace = true,
      .map = &rsqrt_map, .vjp = rsqrt_vjp, .fused_vjp = rsqrt_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "f16[4]>0.5", "i64[3]>0.5", "bool[2]", "f32[0,3]",
                            "c64[3]>0.5", "c128[2]>0.5"));

/** 1 / sqrt(x); integers give the default dtype: torch.rsqrt. [scope] */
TN_API tn_tensor *(tn_rsqrt)(tn_tensor *x) { return tni_run_op(&tni_op_rsqrt, TNI_INS(x), TNI_NO_ARGS); }
/** x = 1 / sqrt(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_rsqrt_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_rsqrt, TNI_INS(x), TNI_NO_ARGS); }
