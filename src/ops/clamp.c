/* ops/clamp.c - maximum, minimum, fmax, fmin of two tensors; clamp, clamp_min, clamp_max. */
#include "core/map.h"
#include <math.h>
#include <tison/ops.h>

/* ---- two tensors: a NaN wins in maximum and minimum and loses in fmax and fmin ---- */

TNI_INT2(maximum, a > b ? a : b)
TNI_INT2(minimum, a < b ? a : b)
TNI_BOOL2(maximum, a | b)
TNI_BOOL2(minimum, a &b)
TNI_FLOAT2(maximum, a != a || a > b ? a : b)
TNI_FLOAT2(minimum, a != a || a < b ? a : b)
TNI_FLOAT2(fmax, b != b || a > b ? a : b)
TNI_FLOAT2(fmin, b != b || a < b ? a : b)
#define EXTREME_MAP(name, whole)                                                                                                   \
    static const tni_map name##_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(whole), TNI_FLOAT_COLUMNS(name), TNI_BOOL_COLUMN(whole));
EXTREME_MAP(maximum, maximum)
EXTREME_MAP(minimum, minimum)
EXTREME_MAP(fmax, maximum)
EXTREME_MAP(fmin, minimum)
static bool extreme_run(tni_call *c) {
    TNI_REQUIRE(c, !tni_dtype_is_complex(tni_map_dtype(c, TNI_SAME)), TN_ERR_RUNTIME, "%s not implemented for complex tensors",
                c->op->name);
    return tni_run_map(c);
}
#define EXTREME_SAMPLES                                                                                                            \
    TN_SAMPLES("f32[3,4] f32[3,4] @bench", "f64[3,4]^T f64[4]", "f32[3,4] f32[]", "i64[5] i64[5]", "u8[3] i32[3]",                 \
               "bool[3] bool[3]", "bf16[4] bf16[4]", "f32[0,3] f32[3]", "f32[3]=nan f32[3] nograd", "f32[3] f32[3]=nan nograd",    \
               "f32[3]=1 f32[3]=1 nograd", "c64[2] c64[2] !runtime")

/* Where both are equal each gets a half. */
static bool share(tni_vjp *g, tn_tensor *first, tn_tensor *second) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1));
    tn_tensor *dy = tn_where(tn_eq(a, b), tn_div(g->dy[0], 2), g->dy[0]);
    TNI_DX(g, 0, tn_where(second, 0, dy));
    TNI_DX(g, 1, tn_where(first, 0, dy));
    return true;
}
static bool maximum_vjp(tni_vjp *g) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1));
    return share(g, tn_gt(a, b), tn_lt(a, b));
}
static bool minimum_vjp(tni_vjp *g) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1));
    return share(g, tn_lt(a, b), tn_gt(a, b));
}
/* All of it to the one that was taken, the first of equals. */
static bool take(tni_vjp *g, tn_tensor *first) {
    tn_tensor *taken = tn_logical_or(first, tn_isnan(tni_saved(g, TNI_IN(1))));
    TNI_DX(g, 0, tn_where(taken, g->dy[0], 0));
    TNI_DX(g, 1, tn_where(taken, 0, g->dy[0]));
    return true;
}
static bool fmax_vjp(tni_vjp *g) { return take(g, tn_ge(tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_IN(1)))); }
static bool fmin_vjp(tni_vjp *g) { return take(g, tn_le(tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_IN(1)))); }

TN_OP(maximum, .schema = "maximum(Tensor self, Tensor other) -> Tensor", .grad_name = "MaximumBackward0", .run = extreme_run,
      .map = &maximum_map, .vjp = maximum_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = EXTREME_SAMPLES);
TN_OP(minimum, .schema = "minimum(Tensor self, Tensor other) -> Tensor", .grad_name = "MinimumBackward0", .run = extreme_run,
      .map = &minimum_map, .vjp = minimum_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = EXTREME_SAMPLES);
TN_OP(fmax, .schema = "fmax(Tensor self, Tensor other) -> Tensor", .grad_name = "FmaxBackward0", .run = extreme_run,
      .map = &fmax_map, .vjp = fmax_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = EXTREME_SAMPLES);
TN_OP(fmin, .schema = "fmin(Tensor self, Tensor other) -> Tensor", .grad_name = "FminBackward0", .run = extreme_run,
      .map = &fmin_map, .vjp = fmin_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = EXTREME_SAMPLES);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_maximum(a, b) TN_BINARY(tn_maximum, a, b)
#define tn_minimum(a, b) TN_BINARY(tn_minimum, a, b)
#define tn_fmax(a, b) TN_BINARY(tn_fmax, a, b)
#define tn_fmin(a, b) TN_BINARY(tn_fmin, a, b)
#endif
#endif

/** The larger of each two elements; NaN if one is: torch.maximum, torch.max(a, b). Broadcast; equal ones share the gradient. [scope] */
TN_API tn_tensor *(tn_maximum)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_maximum, TNI_INS(a, b), TNI_NO_ARGS); }
/** The smaller of each two elements; NaN if one is: torch.minimum, torch.min(a, b). Broadcast; equal ones share the gradient. [scope] */
TN_API tn_tensor *(tn_minimum)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_minimum, TNI_INS(a, b), TNI_NO_ARGS); }
/** The larger of each two elements, of NaN and a number the number: torch.fmax. [scope] */
TN_API tn_tensor *(tn_fmax)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_fmax, TNI_INS(a, b), TNI_NO_ARGS); }
/** The smaller of each two elements, of NaN and a number the number: torch.fmin. [scope] */
TN_API tn_tensor *(tn_fmin)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_fmin, TNI_INS(a, b), TNI_NO_ARGS); }

/* ---- clamp_min, clamp_max: the bound is a tensor or a number ---- */

static const tni_map clamp_min_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(maximum), TNI_BOOL_COLUMN(maximum)),
                     clamp_max_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(minimum), TNI_BOOL_COLUMN(minimum));

static bool clamp_min_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *low = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tn_where(tn_ge(x, low), g->dy[0], 0));
    TNI_DX(g, 1, tn_where(tn_lt(x, low), g->dy[0], 0));
    return true;
}
static bool clamp_max_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *high = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tn_where(tn_le(x, high), g->dy[0], 0));
    TNI_DX(g, 1, tn_where(tn_gt(x, high), g->dy[0], 0));
    return true;
}

#define BOUND_SAMPLES                                                                                                              \
    TN_SAMPLES("f32[3,4] f32[] @bench", "f64[3,4]^T f64[4]", "f32[3,4] f32[3,4]", "i64[5] i64[]", "i64[3] f32[]",                  \
               "bf16[4] bf16[]", "f32[0,3] f32[3]", "f32[3]=nan f32[3] nograd", "f32[3] f32[]=nan nograd", "bool[2] bool[2]")
TN_OP(clamp_min, .schema = "clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", .grad_name = "ClampMinBackward0",
      .run = tni_run_map, .inplace = true, .map = &clamp_min_map, .vjp = clamp_min_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .samples = BOUND_SAMPLES);
TN_OP(clamp_max, .schema = "clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", .grad_name = "ClampMaxBackward0",
      .run = tni_run_map, .inplace = true, .map = &clamp_max_map, .vjp = clamp_max_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .samples = BOUND_SAMPLES);

#ifdef TN_HEADER
/* Keywords of tn_clamp. NaN, the default, is None; for a bound that is NaN there is tn_clamp_tensor. */
typedef struct tn_clamp_opts {
    size_t size;
    double min; /* None: no bound; whole bounds leave integers integers */
    double max; /* None; where max < min the result is max */
} tn_clamp_opts;
#ifndef __cplusplus
#define tn_clamp_min(x, min) TN_BINARY(tn_clamp_min, x, min)
#define tn_clamp_max(x, max) TN_BINARY(tn_clamp_max, x, max)
#define tn_clamp_min_(x, min) TN_BINARY(tn_clamp_min_, x, min)
#define tn_clamp_max_(x, max) TN_BINARY(tn_clamp_max_, x, max)
#define tn_clamp(...)                                                                                                              \
    TN_WITH(tn_clamp_opts, (.min = __builtin_nan(""), .max = __builtin_nan("")), (tn_clamp)(TN_FIRST(__VA_ARGS__, ), &tn_o),       \
            TN_REST(__VA_ARGS__, ))
#define tn_clamp_(...)                                                                                                             \
    TN_WITH(tn_clamp_opts, (.min = __builtin_nan(""), .max = __builtin_nan("")), (tn_clamp_)(TN_FIRST(__VA_ARGS__, ), &tn_o),      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** The larger of each element and a bound, which may be a number or a tensor that broadcasts: torch.clamp_min. [scope] */
TN_API tn_tensor *(tn_clamp_min)(tn_tensor *x, tn_tensor *min) {
    return tni_run_op(&tni_op_clamp_min, TNI_INS(x, min), TNI_NO_ARGS);
}
/** x = clamp_min(x, min). Returns x. */
TN_API tn_tensor *(tn_clamp_min_)(tn_tensor *x, tn_tensor *min) {
    return tni_run_op_inplace(&tni_op_clamp_min, TNI_INS(x, min), TNI_NO_ARGS);
}
/** The smaller of each element and a bound, which may be a number or a tensor that broadcasts: torch.clamp_max. [scope] */
TN_API tn_tensor *(tn_clamp_max)(tn_tensor *x, tn_tensor *max) {
    return tni_run_op(&tni_op_clamp_max, TNI_INS(x, max), TNI_NO_ARGS);
}
/** x = clamp_max(x, max). Returns x. */
TN_API tn_tensor *(tn_clamp_max_)(tn_tensor *x, tn_tensor *max) {
    return tni_run_op_inplace(&tni_op_clamp_max, TNI_INS(x, max), TNI_NO_ARGS);
}

/* ---- clamp by numbers ---- */

/* arg: min, max. The comparisons are so that NaN elements stay, NaN bounds give NaN, and max wins over a larger min. */
#define RAISED(a, low) ((a) >= (low) ? (a) : (low))
#define CLAMP(a, low, high) (RAISED(a, low) <= (high) ? RAISED(a, low) : (high))
TNI_FLOAT1(clamp, TNI_ARG2(a != a ? a : CLAMP(a, d0, d1)))
TNI_INT1(clamp, CLAMP(a, TNI_V(arg[0].i), TNI_V(arg[1].i)))
static const tni_map clamp_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(clamp));

static double number_of(tn_scalar s) { return s.kind == TN_SCALAR_DOUBLE ? s.value.d : (double)s.value.i; }

/* A bound of integers, which wraps as in PyTorch; without one the dtype's last. */
static bool whole_bound(const tni_call *c, tn_dtype dtype, tn_scalar s, int64_t *out) {
    bool fits = tni_dtype_holds(dtype, (double)s.value.i, s.value.i, true);
    TNI_REQUIRE(c, fits, TN_ERR_RUNTIME, "value cannot be converted to type %s without overflow", tni_dtype_c_name(dtype));
    tni_element_set(out, dtype, 0, s.value.i, true);
    *out = tni_array_int_at(&(tni_array){.data = out, .dtype = (int8_t)dtype}, 0);
    return true;
}

static bool find_bounds(tni_call *c, tn_dtype dtype, bool low, bool high, tni_value *out) {
    const tni_value *given = c->arg;
    if (!tni_dtype_is_integral(dtype, true)) {
        out[0].d = low ? number_of(given[0].scalar) : -HUGE_VAL, out[1].d = high ? number_of(given[1].scalar) : HUGE_VAL;
        if (isnan(out[0].d) || isnan(out[1].d)) out[0].d = out[1].d = (double)NAN;
        return true;
    }
    int bits = (int)tni_dtype_size(dtype) * 8;
    int64_t largest = dtype == TN_UINT8 ? 255 : (int64_t)(((uint64_t)1 << (bits - 1)) - 1);
    out[0].i = dtype == TN_UINT8 ? 0 : -largest - 1, out[1].i = largest;
    if (low) TNI_TRY(whole_bound(c, dtype, given[0].scalar, &out[0].i));
    if (high) TNI_TRY(whole_bound(c, dtype, given[1].scalar, &out[1].i));
    return true;
}

static bool clamp_run(tni_call *c) {
    bool low = c->arg[0].scalar.kind != TN_SCALAR_NONE, high = c->arg[1].scalar.kind != TN_SCALAR_NONE;
    if (!low && !high) return tni_fail(TN_ERR_RUNTIME, "torch.clamp: At least one of 'min' or 'max' must not be None");
    tn_dtype dtype = tni_result_type_with((tn_dtype)c->in[0]->a.dtype, c->arg, 2);
    tni_value bounds[2], *kept = c->arg;
    TNI_TRY(find_bounds(c, dtype, low, high, bounds));
    c->arg = bounds;
    bool right = tni_run_map_in(c, &clamp_map, dtype);
    c->arg = kept;
    return right;
}

static bool clamp_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *dx = g->dy[0];
    if (g->arg[0].scalar.kind != TN_SCALAR_NONE) dx = tn_where(tn_ge(x, number_of(g->arg[0].scalar)), dx, 0);
    if (g->arg[1].scalar.kind != TN_SCALAR_NONE) dx = tn_where(tn_le(x, number_of(g->arg[1].scalar)), dx, 0);
    TNI_DX(g, 0, dx);
    return true;
}

TN_OP(clamp, .schema = "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", .grad_name = "ClampBackward1",
      .run = clamp_run, .inplace = true, .vjp = clamp_vjp, .save = TNI_IN(0), .scalars = 3,
      .samples = TN_SAMPLES("f32[3,4] -0.5 0.5 @bench", "f64[3,4]^T 0.1", "f64[3] max=0.25", "f32[] -1 1", "i64[5] -2 2",
                            "i64[5] -0.5 2", "u8[4] -3 5", "u8[4] 2 5", "u8[4] 0 300 !runtime", "bf16[5] -0.5 0.5", "f32[0,3] 0 1",
                            "f32[3] 1 -1 nograd", "f32[3]=nan 0 1 nograd", "f32[3] nan 1 nograd", "f32[2] !runtime",
                            "bool[2] 0 1"));

/* A bound as PyTorch would have got it: a whole number for integers where it is one. */
static tni_value bound(const tn_tensor *x, double value) {
    if (isnan(value)) return (tni_value){.scalar = TNI_NO_SCALAR};
    bool readable = x && x->object.tag == TNI_TENSOR && tni_dtype_is_integral((tn_dtype)x->a.dtype, true);
    if (readable && value == floor(value) && fabs(value) < 0x1p63) return (tni_value){.scalar = tn_scalar_int((int64_t)value)};
    return (tni_value){.scalar = tn_scalar_double(value)};
}

/** x cut to [min, max]: torch.clamp by numbers. NaN elements stay; no bound at all is TN_ERR_RUNTIME. The derivative at a bound is 1. [scope] */
TN_API tn_tensor *(tn_clamp)(tn_tensor *x, const tn_clamp_opts *opts) {
    return tni_run_op(&tni_op_clamp, TNI_INS(x),
                      TNI_ARGS(bound(x, TNI_OPT(opts, min, (double)NAN)), bound(x, TNI_OPT(opts, max, (double)NAN))));
}
/** x = clamp(x). Returns x. */
TN_API tn_tensor *(tn_clamp_)(tn_tensor *x, const tn_clamp_opts *opts) {
    return tni_run_op_inplace(&tni_op_clamp, TNI_INS(x),
                              TNI_ARGS(bound(x, TNI_OPT(opts, min, (double)NAN)), bound(x, TNI_OPT(opts, max, (double)NAN))));
}

/* ---- clamp by tensors ---- */

TNI_INT3(clamp3, a > c ? c : a < b ? (c < b ? c : b) : a)
TNI_FLOAT3(clamp3, a != a ? a : b != b ? b : c != c ? c : a > c ? c : a < b ? (c < b ? c : b) : a)
static const tni_map clamp3_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(clamp3));

/* The map wants no gaps among its inputs. */
static bool clamp_tensor_run(tni_call *c) {
    tn_tensor *in[3] = {c->in[0]}, **kept = c->in;
    size_t n = 1;
    for (size_t i = 1; i < 3; i++)
        if (c->in[i]) in[n++] = c->in[i];
    if (n == 1) return tni_fail(TN_ERR_RUNTIME, "torch.clamp: At least one of 'min' or 'max' must not be None");
    c->in = in, c->nin = n;
    bool right = tni_run_map_with(c, n == 3 ? &clamp3_map : kept[1] ? &clamp_min_map : &clamp_max_map);
    c->in = kept, c->nin = 3;
    return right;
}

static bool clamp_tensor_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *low = tni_saved(g, TNI_IN(1)), *high = tni_saved(g, TNI_IN(2)), *dx = g->dy[0];
    if (!x) return false;
    if (low) dx = tn_where(tn_ge(x, low), dx, 0);
    if (high) dx = tn_where(tn_le(x, high), dx, 0);
    TNI_DX(g, 0, dx);
    if (low) {
        tn_tensor *under = tn_where(tn_lt(x, low), g->dy[0], 0);
        TNI_DX(g, 1, high ? tn_where(tn_lt(low, high), under, 0) : under);
    }
    if (high) {
        tn_tensor *over = tn_gt(x, high);
        TNI_DX(g, 2, tn_where(low ? tn_logical_or(over, tn_lt(high, low)) : over, g->dy[0], 0));
    }
    return true;
}

TN_OP(clamp_tensor, .schema = "clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
      .grad_name = "ClampBackward0", .run = clamp_tensor_run, .inplace = true, .vjp = clamp_tensor_vjp,
      .save = TNI_IN(0) | TNI_IN(1) | TNI_IN(2), .optional = 6,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] f32[3,4]", "f64[3,4]^T f64[4] f64[]>1", "f32[3,4] - f32[4]", "f32[3,4] f32[3,1] -",
                            "i64[5] i64[5] i64[5]", "i64[3] i64[] f32[]", "bf16[4] bf16[4] bf16[4]>1", "f32[0,3] f32[3] f32[3]",
                            "f32[2] - - !runtime"));

/** x cut to [min, max] by tensors that broadcast; either may be NULL: torch.clamp. [scope] */
TN_API tn_tensor *tn_clamp_tensor(tn_tensor *x, tn_tensor *min, tn_tensor *max) {
    return tni_run_op(&tni_op_clamp_tensor, TNI_INS(x, min, max), TNI_NO_ARGS);
}
/** x = clamp_tensor(x, min, max). Returns x. */
TN_API tn_tensor *tn_clamp_tensor_(tn_tensor *x, tn_tensor *min, tn_tensor *max) {
    return tni_run_op_inplace(&tni_op_clamp_tensor, TNI_INS(x, min, max), TNI_NO_ARGS);
}
