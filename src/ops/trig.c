/* ops/trig.c - trigonometric and hyperbolic functions and their inverses. */
#include "ops/unary.h"
#include <tison/ops.h>

/* ---- sin, cos, tan ---- */

TNI_VMATH_COMPLEX_MAP(sin, csin)

static bool sin_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_cos(tni_saved(g, TNI_IN(0))))));
    return true;
}
TNI_FUSED(sin, TNI_IN(0), a *TNI_VM(cos, b))

TN_OP(sin, .schema = "sin(Tensor self) -> Tensor", .grad_name = "SinBackward0", .run = tni_run_map, .inplace = true,
      .map = &sin_map, .vjp = sin_vjp, .fused_vjp = sin_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Sine of x in radians; integers give the default dtype: torch.sin. [scope] */
TN_API tn_tensor *(tn_sin)(tn_tensor *x) { return tni_run_op(&tni_op_sin, TNI_INS(x), TNI_NO_ARGS); }
/** x = sin(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sin_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sin, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(cos, ccos)

static bool cos_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_neg(tn_sin(tni_saved(g, TNI_IN(0)))))));
    return true;
}
TNI_FUSED(cos, TNI_IN(0), a * -TNI_VM(sin, b))

TN_OP(cos, .schema = "cos(Tensor self) -> Tensor", .grad_name = "CosBackward0", .run = tni_run_map, .inplace = true,
      .map = &cos_map, .vjp = cos_vjp, .fused_vjp = cos_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Cosine of x in radians; integers give the default dtype: torch.cos. [scope] */
TN_API tn_tensor *(tn_cos)(tn_tensor *x) { return tni_run_op(&tni_op_cos, TNI_INS(x), TNI_NO_ARGS); }
/** x = cos(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_cos_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_cos, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(tan, ctan)

static bool tan_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_add(tn_mul(y, y), 1))));
    return true;
}
TNI_FUSED(tan, TNI_OUT(0), a *(1 + b * b))

TN_OP(tan, .schema = "tan(Tensor self) -> Tensor", .grad_name = "TanBackward0", .run = tni_run_map, .inplace = true,
      .map = &tan_map, .vjp = tan_vjp, .fused_vjp = tan_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Tangent of x in radians; integers give the default dtype: torch.tan. [scope] */
TN_API tn_tensor *(tn_tan)(tn_tensor *x) { return tni_run_op(&tni_op_tan, TNI_INS(x), TNI_NO_ARGS); }
/** x = tan(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_tan_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_tan, TNI_INS(x), TNI_NO_ARGS); }

/* ---- asin, acos, atan ---- */

TNI_VMATH_COMPLEX_MAP(asin, casin)

static bool asin_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_rsqrt(tn_sub(1, tn_mul(x, x))))));
    return true;
}
TNI_FUSED(asin, TNI_IN(0), a *(1 / TNI_F(sqrt, 1 - b * b)))

TN_OP(asin, .schema = "asin(Tensor self) -> Tensor", .grad_name = "AsinBackward0", .run = tni_run_map, .inplace = true,
      .map = &asin_map, .vjp = asin_vjp, .fused_vjp = asin_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]<1 @bench", "f64[3,4]^T<1", "f32[]<1", "f16[5]<1", "f32[0,3]", "i64[5]<2", "bool[3]",
                            "c64[3]>0.5", "c128[2,3]>0.5"));

/** Arc sine, in radians; integers give the default dtype: torch.asin. Outside [-1, 1] it is NaN. [scope] */
TN_API tn_tensor *(tn_asin)(tn_tensor *x) { return tni_run_op(&tni_op_asin, TNI_INS(x), TNI_NO_ARGS); }
/** x = asin(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_asin_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_asin, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(acos, cacos)

static bool acos_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_neg(tn_rsqrt(tn_sub(1, tn_mul(x, x)))))));
    return true;
}
TNI_FUSED(acos, TNI_IN(0), a * -(1 / TNI_F(sqrt, 1 - b * b)))

TN_OP(acos, .schema = "acos(Tensor self) -> Tensor", .grad_name = "AcosBackward0", .run = tni_run_map, .inplace = true,
      .map = &acos_map, .vjp = acos_vjp, .fused_vjp = acos_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]<1 @bench", "f64[3,4]^T<1", "f32[]<1", "f16[5]<1", "f32[0,3]", "i64[5]<2", "bool[3]",
                            "c64[3]>0.5", "c128[2,3]>0.5"));

/** Arc cosine, in radians; integers give the default dtype: torch.acos. Outside [-1, 1] it is NaN. [scope] */
TN_API tn_tensor *(tn_acos)(tn_tensor *x) { return tni_run_op(&tni_op_acos, TNI_INS(x), TNI_NO_ARGS); }
/** x = acos(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_acos_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_acos, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(atan, catan)

static bool atan_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(tn_add(tn_mul(x, x), 1))));
    return true;
}
TNI_FUSED(atan, TNI_IN(0), a / (b * b + 1))

TN_OP(atan, .schema = "atan(Tensor self) -> Tensor", .grad_name = "AtanBackward0", .run = tni_run_map, .inplace = true,
      .map = &atan_map, .vjp = atan_vjp, .fused_vjp = atan_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Arc tangent, in radians; integers give the default dtype: torch.atan. [scope] */
TN_API tn_tensor *(tn_atan)(tn_tensor *x) { return tni_run_op(&tni_op_atan, TNI_INS(x), TNI_NO_ARGS); }
/** x = atan(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_atan_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_atan, TNI_INS(x), TNI_NO_ARGS); }

/* ---- sinh, cosh and the inverses ---- */

TNI_VMATH_COMPLEX_MAP(sinh, csinh)

static bool sinh_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_cosh(tni_saved(g, TNI_IN(0))))));
    return true;
}

TN_OP(sinh, .schema = "sinh(Tensor self) -> Tensor", .grad_name = "SinhBackward0", .run = tni_run_map, .inplace = true,
      .map = &sinh_map, .vjp = sinh_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Hyperbolic sine; integers give the default dtype: torch.sinh. [scope] */
TN_API tn_tensor *(tn_sinh)(tn_tensor *x) { return tni_run_op(&tni_op_sinh, TNI_INS(x), TNI_NO_ARGS); }
/** x = sinh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sinh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sinh, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(cosh, ccosh)

static bool cosh_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_sinh(tni_saved(g, TNI_IN(0))))));
    return true;
}

TN_OP(cosh, .schema = "cosh(Tensor self) -> Tensor", .grad_name = "CoshBackward0", .run = tni_run_map, .inplace = true,
      .map = &cosh_map, .vjp = cosh_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Hyperbolic cosine; integers give the default dtype: torch.cosh. [scope] */
TN_API tn_tensor *(tn_cosh)(tn_tensor *x) { return tni_run_op(&tni_op_cosh, TNI_INS(x), TNI_NO_ARGS); }
/** x = cosh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_cosh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_cosh, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(asinh, casinh)

static bool asinh_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_rsqrt(tn_add(tn_mul(x, x), 1)))));
    return true;
}

TN_OP(asinh, .schema = "asinh(Tensor self) -> Tensor", .grad_name = "AsinhBackward0", .run = tni_run_map, .inplace = true,
      .map = &asinh_map, .vjp = asinh_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f16[5]", "f32[0,3]", "i64[5]<2", "bool[3]", "c64[3]",
                            "c128[2,3]"));

/** Inverse hyperbolic sine; integers give the default dtype: torch.asinh. [scope] */
TN_API tn_tensor *(tn_asinh)(tn_tensor *x) { return tni_run_op(&tni_op_asinh, TNI_INS(x), TNI_NO_ARGS); }
/** x = asinh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_asinh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_asinh, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(acosh)

static bool acosh_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_rsqrt(tn_sub(tn_mul(x, x), 1)))));
    return true;
}

TN_OP(acosh, .schema = "acosh(Tensor self) -> Tensor", .grad_name = "AcoshBackward0", .run = tni_run_map, .inplace = true,
      .map = &acosh_map, .vjp = acosh_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]>1.5 @bench", "f64[3,4]^T>1.5", "f32[]>1.5", "f16[5]>1.5", "f32[0,3]", "i64[5]>1.5",
                            "u8[4]>1.5"));

/** Inverse hyperbolic cosine; integers give the default dtype: torch.acosh. Below 1 it is NaN. [scope] */
TN_API tn_tensor *(tn_acosh)(tn_tensor *x) { return tni_run_op(&tni_op_acosh, TNI_INS(x), TNI_NO_ARGS); }
/** x = acosh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_acosh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_acosh, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_MAP(atanh)

static bool atanh_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(tn_sub(1, tn_mul(x, x)))));
    return true;
}

TN_OP(atanh, .schema = "atanh(Tensor self) -> Tensor", .grad_name = "AtanhBackward0", .run = tni_run_map, .inplace = true,
      .map = &atanh_map, .vjp = atanh_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]<1 @bench", "f64[3,4]^T<1", "f32[]<1", "f16[5]<1", "f32[0,3]", "i64[5]<1", "bool[3]"));

/** Inverse hyperbolic tangent; integers give the default dtype: torch.atanh. Outside [-1, 1] it is NaN. [scope] */
TN_API tn_tensor *(tn_atanh)(tn_tensor *x) { return tni_run_op(&tni_op_atanh, TNI_INS(x), TNI_NO_ARGS); }
/** x = atanh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_atanh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_atanh, TNI_INS(x), TNI_NO_ARGS); }
