/* ops/divide.c - division with rounding, floor_divide, fmod, remainder, atan2. */
#include "core/map.h"
#include <math.h>
#include <string.h>
#include <tison/ops.h>

extern const tni_op tni_op_div; /* ops/arithmetic.c */

/* ---- integers: no divisor is 0 when a loop runs; INT64_MIN / -1 wraps ---- */

#define MINUS_ONE(b) ((int64_t)(b) == -1)
#define REST(a, b) (MINUS_ONE(b) ? 0 : (a) % (b))
#define QUOTIENT(a, b) (MINUS_ONE(b) ? -(a) : (a) / (b))
#define SIGNS_DIFFER(a, b) (((a) < 0) != ((b) < 0))

TNI_INT2(quotient, QUOTIENT(a, b))
TNI_INT2(floored, QUOTIENT(a, b) - (SIGNS_DIFFER(a, b) && REST(a, b) != 0))
TNI_INT2(fmod, REST(a, b))
TNI_INT2(remainder, REST(a, b) + (REST(a, b) != 0 && SIGNS_DIFFER(REST(a, b), b) ? b : 0))

/* ---- floats ---- */

/* Python's: the quotient of what fmod leaves is nearly whole. */
#define FLOATS(T, f, suffix)                                                                                                       \
    TNI_INLINE T remainder_of_##suffix(T a, T b) {                                                                                 \
        T rest = fmod##f(a, b);                                                                                                    \
        return rest != 0 && SIGNS_DIFFER(rest, b) ? rest + b : rest;                                                               \
    }                                                                                                                              \
    TNI_INLINE T floor_of_##suffix(T a, T b) {                                                                                     \
        if (b == 0) return a / b;                                                                                                  \
        T rest = fmod##f(a, b), quotient = (a - rest) / b;                                                                         \
        if (rest != 0 && SIGNS_DIFFER(rest, b)) quotient -= 1;                                                                     \
        if (quotient == 0) return copysign##f(0, a / b);                                                                           \
        T whole = floor##f(quotient);                                                                                              \
        return quotient - whole > (T)0.5 ? whole + 1 : whole;                                                                      \
    }                                                                                                                              \
    TNI_LOOP2_(TNI_ONCE, fmod_##suffix, T, T, T, fmod##f(a, b))                                                                    \
    TNI_LOOP2_(TNI_ONCE, remainder_##suffix, T, T, T, remainder_of_##suffix(a, b))                                                 \
    TNI_LOOP2_(TNI_ONCE, floored_##suffix, T, T, T, floor_of_##suffix(a, b))                                                       \
    TNI_LOOP2_(TNI_ONCE, atan2_##suffix, T, T, T, atan2##f(a, b))
FLOATS(float, f, f32)
FLOATS(double, , f64)
TNI_FLOAT2(quotient, TNI_F(trunc, a / b))

static const tni_map quotient_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(quotient)),
                     floored_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(floored)),
                     fmod_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(fmod)),
                     remainder_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(remainder));

/* A whole divisor must not be 0. */
static bool check_divisor(tni_call *c, tn_dtype dtype) {
    if (!tni_dtype_is_integral(dtype, false) || c->in[0]->a.numel == 0 || c->in[1]->a.device != TNI_CPU) return true;
    const tni_array *b = tni_in_as(c, 1, TN_INT64);
    if (!b) return false;
    const int64_t *v = b->data;
    for (int64_t i = 0; i < b->numel; i++)
        if (v[i] == 0) return tni_fail(TN_ERR_RUNTIME, "ZeroDivisionError");
    return true;
}

static bool run_whole(tni_call *c, const tni_map *map) {
    tn_dtype dtype = tni_map_dtype(c, TNI_SAME);
    return check_divisor(c, dtype) && tni_run_map_in(c, map, dtype);
}

/* ---- fmod, remainder ---- */

static tn_tensor *rounded(tn_tensor *a, tn_tensor *b, const char *mode) {
    return (tn_div)(a, b, &(tn_div_opts){.size = sizeof(tn_div_opts), .rounding_mode = mode});
}

static bool fmod_run(tni_call *c) { return run_whole(c, &fmod_map); }
static bool fmod_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, tn_neg(tn_mul(g->dy[0], rounded(tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_IN(1)), "trunc"))));
    return true;
}

#define REST_SAMPLES                                                                                                               \
    TN_SAMPLES("f32[3,4] f32[3,4]>0.5", "f64[3,4]^T f64[4]>0.5", "f32[3,4] f32[]>0.5", "i64[5] i64[5]>0.5", "i64[5] i64[]=-1",     \
               "u8[4] u8[4]>0.5", "i32[3] f32[3]>0.5", "bf16[4] bf16[4]>0.5", "f32[0,3] f32[3]", "i64[0] i64[]=0",                 \
               "f32[3] f32[3]=0 nograd", "i64[3] i64[3]=0 !runtime", "bool[2] bool[2] !not_implemented")

TN_OP(fmod, .schema = "fmod.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "FmodBackward1", .run = fmod_run,
      .inplace = true, .vjp = fmod_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = REST_SAMPLES);

static bool remainder_run(tni_call *c) { return run_whole(c, &remainder_map); }
static bool remainder_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, tn_neg(tn_mul(g->dy[0], rounded(tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_IN(1)), "floor"))));
    return true;
}

TN_OP(remainder, .schema = "remainder.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "RemainderBackward1",
      .run = remainder_run, .inplace = true, .vjp = remainder_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = REST_SAMPLES);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_fmod(a, b) TN_BINARY(tn_fmod, a, b)
#define tn_fmod_(a, b) TN_BINARY(tn_fmod_, a, b)
#define tn_remainder(a, b) TN_BINARY(tn_remainder, a, b)
#define tn_remainder_(a, b) TN_BINARY(tn_remainder_, a, b)
#define tn_floor_divide(a, b) TN_BINARY(tn_floor_divide, a, b)
#define tn_floor_divide_(a, b) TN_BINARY(tn_floor_divide_, a, b)
#define tn_atan2(a, b) TN_BINARY(tn_atan2, a, b)
#define tn_atan2_(a, b) TN_BINARY(tn_atan2_, a, b)
#endif
#endif

/** What is left of a / b rounded toward zero, with a's sign: torch.fmod. Broadcast; an integer divisor 0 is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_fmod)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_fmod, TNI_INS(a, b), TNI_NO_ARGS); }
/** a = fmod(a, b). Returns a. */
TN_API tn_tensor *(tn_fmod_)(tn_tensor *a, tn_tensor *b) { return tni_run_op_inplace(&tni_op_fmod, TNI_INS(a, b), TNI_NO_ARGS); }
/** What is left of a / b rounded down, with b's sign: torch.remainder, Python's %. As tn_fmod. [scope] */
TN_API tn_tensor *(tn_remainder)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_remainder, TNI_INS(a, b), TNI_NO_ARGS); }
/** a = remainder(a, b). Returns a. */
TN_API tn_tensor *(tn_remainder_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_remainder, TNI_INS(a, b), TNI_NO_ARGS);
}

/* ---- division with rounding, for tn_div (ops/arithmetic.c), and floor_divide ---- */

static bool rounded_vjp(tni_vjp *g) {
    if (!g->arg[0].b) return tni_op_div.vjp(g);
    for (size_t i = 0; i < 2; i++) TNI_DX(g, i, tni_zeros_like_input(g, i));
    return true;
}

static bool div_mode_run(tni_call *c) {
    const char *mode = c->arg[0].p;
    c->arg[0].b = mode != NULL; /* what is recorded must outlive the text */
    if (!mode) return tni_run_map_with(c, tni_op_div.map);
    if (strcmp(mode, "trunc") == 0) return run_whole(c, &quotient_map);
    if (strcmp(mode, "floor") == 0) return run_whole(c, &floored_map);
    return tni_fail(TN_ERR_RUNTIME, "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '%.100s'", mode);
}

static tn_tensor *div_mode_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_div)(in[0], in[1], &(tn_div_opts){.size = sizeof(tn_div_opts), .rounding_mode = arg[0].p});
}

TN_OP(div_mode, .schema = "div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
      .grad_name = "DivBackward1", .run = div_mode_run, .inplace = true, .vjp = rounded_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .front = div_mode_front,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]>0.5 rounding_mode='floor' nograd",
                            "f64[3,4]^T f64[4]>0.5 rounding_mode='trunc' nograd", "f32[3] f32[3]=0 rounding_mode='floor' nograd",
                            "f32[3] f32[3]=0 rounding_mode='trunc' nograd", "f32[3,4] f32[4]>0.5 rounding_mode=None",
                            "i64[5] i64[5]>0.5 rounding_mode='floor'", "i64[5] i64[]=-2 rounding_mode='floor'",
                            "i64[5] i64[]=-2 rounding_mode='trunc'", "u8[3] u8[3]>0.5 rounding_mode='floor'",
                            "bf16[3] bf16[3]>0.5 rounding_mode='floor' nograd", "i64[2] i64[2]=0 rounding_mode='floor' !runtime",
                            "f32[2] f32[2] rounding_mode='x' !runtime"));

static bool floor_divide_run(tni_call *c) { return run_whole(c, &floored_map); }
TN_OP(floor_divide, .schema = "floor_divide(Tensor self, Tensor other) -> Tensor", .run = floor_divide_run, .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]>0.5", "f64[3,4]^T f64[4]>0.5", "f32[3] f32[]=0", "i64[5] i64[5]>0.5",
                            "i64[5] i64[]=-1", "u8[4] u8[4]>0.5", "i32[3] f32[3]>0.5", "bf16[4] bf16[4]>0.5", "f32[0,3] f32[3]",
                            "i64[3] i64[3]=0 !runtime", "bool[2] bool[2]=1 !not_implemented"));

/** a / b rounded down: torch.floor_divide, Python's //. Broadcast; an integer divisor 0 is TN_ERR_RUNTIME. No gradient. [scope] */
TN_API tn_tensor *(tn_floor_divide)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_floor_divide, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = floor(a / b). Returns a. */
TN_API tn_tensor *(tn_floor_divide_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_floor_divide, TNI_INS(a, b), TNI_NO_ARGS);
}

/* ---- atan2 ---- */

static const tni_map atan2_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(atan2));

static bool atan2_vjp(tni_vjp *g) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1));
    tn_tensor *share = tn_div(g->dy[0], tn_add(tn_mul(a, a), tn_mul(b, b)));
    TNI_DX(g, 0, tn_mul(share, b));
    TNI_DX(g, 1, tn_mul(share, tn_neg(a)));
    return true;
}

TN_OP(atan2, .schema = "atan2(Tensor self, Tensor other) -> Tensor", .grad_name = "Atan2Backward0", .run = tni_run_map,
      .inplace = true, .map = &atan2_map, .vjp = atan2_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f64[3,4]^T f64[4]>0.5", "f32[] f32[2]", "i64[3] i64[3]", "bf16[4] bf16[4]",
                            "f32[0,3] f32[3]", "f32[2]=0 f32[2]=0 nograd"));

/** The angle of the point (b, a): torch.atan2. Broadcast; integers give the default dtype. [scope] */
TN_API tn_tensor *(tn_atan2)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_atan2, TNI_INS(a, b), TNI_NO_ARGS); }
/** a = atan2(a, b). Returns a. */
TN_API tn_tensor *(tn_atan2_)(tn_tensor *a, tn_tensor *b) { return tni_run_op_inplace(&tni_op_atan2, TNI_INS(a, b), TNI_NO_ARGS); }
