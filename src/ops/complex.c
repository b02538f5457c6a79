/* ops/complex.c - complex numbers: conj, real, imag, view_as_real, view_as_complex, complex, polar, angle, sgn. */
#include "cpu/cmath.h"
#include "ops/unary.h"
#include <math.h>
#include <tison/ops.h>

static bool is_complex(const tn_tensor *x) { return tni_dtype_is_complex((tn_dtype)x->a.dtype); }

/* ---- conj ---- */

TNI_COMPLEX1(conj_physical, TNI_CONJ(a))
TNI_INT1(same, a)
TNI_BOOL1(same, a)
TNI_FLOAT1(same, a)
static const tni_map conj_physical_map =
    TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(same), TNI_BOOL_COLUMN(same), TNI_COMPLEX_COLUMNS(conj_physical));

static bool conj_physical_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_conj(g->dy[0]));
    return true;
}

TN_OP(conj_physical, .schema = "conj_physical(Tensor self) -> Tensor", .grad_name = "ConjPhysicalBackward0", .run = tni_run_map,
      .inplace = true, .map = &conj_physical_map, .vjp = conj_physical_vjp,
      .samples = TN_SAMPLES("c64[3,4] @bench", "c128[3,4]^T", "c64[]", "c128[0,3]", "f32[3]", "i64[2]", "bool[2]"));

/** The conjugate of each element, with memory of its own: torch.conj_physical. [scope] */
TN_API tn_tensor *(tn_conj_physical)(tn_tensor *x) { return tni_run_op(&tni_op_conj_physical, TNI_INS(x), TNI_NO_ARGS); }
/** x = conj(x). Returns x. */
TN_API tn_tensor *(tn_conj_physical_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_conj_physical, TNI_INS(x), TNI_NO_ARGS); }

static bool conj_run(tni_call *c) {
    c->out[0] = is_complex(c->in[0]) ? tn_conj_physical(c->in[0]) : c->in[0];
    return c->out[0] != NULL;
}

TN_OP(conj, .schema = "conj(Tensor(a) self) -> Tensor(a)", .run = conj_run, .composite = true,
      .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "f32[3]", "i64[2]"));

/** The conjugate of each element; x itself when it is real: torch.conj, but a copy and no view. [scope] */
TN_API tn_tensor *tn_conj(tn_tensor *x) { return tni_run_op(&tni_op_conj, TNI_INS(x), TNI_NO_ARGS); }

tn_tensor *tni_conjugate(tn_tensor *x) { return x && is_complex(x) ? tn_conj_physical(x) : x; }

/* ---- views of the parts ---- */

/* Every element of x is two of its parts: strides and offsets double. */
static bool view_parts(tni_call *c, bool imaginary, bool both) {
    const tni_array *x = &c->in[0]->a;
    int64_t strides[TNI_MAX_DIMS + 1], sizes[TNI_MAX_DIMS + 1];
    size_t n = x->ndim;
    TNI_REQUIRE(c, n < TNI_MAX_DIMS || !both, TN_ERR_SHAPE, "more than %d dims", (int)TNI_MAX_DIMS);
    for (size_t i = 0; i < n; i++) sizes[i] = x->sizes[i], strides[i] = 2 * x->strides[i];
    if (both) sizes[n] = 2, strides[n++] = 1;
    c->out[0] = tni_tensor_view_as(c->t, tni_call_name(c), c->in[0], tni_dtype_real((tn_dtype)x->dtype), sizes, strides, n,
                                   2 * x->offset + imaginary);
    return c->out[0] != NULL;
}

static bool real_run(tni_call *c) { return view_parts(c, false, false); }
static bool imag_run(tni_call *c) { return view_parts(c, true, false); }

/* The part's gradient is that of a complex number without the other part. */
static bool real_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_to(g->dy[0], tni_input_dtype(g, 0)));
    return true;
}
static bool imag_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_complex(tn_mul(g->dy[0], 0), g->dy[0]));
    return true;
}

TN_OP(real_part, .schema = "real_part(Tensor(a) self) -> Tensor(a)", .grad_name = "RealBackward0", .run = real_run, .view = true,
      .hidden = true, .vjp = real_vjp, .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "c64[]", "c64[0,3]"));
TN_OP(imag_part, .schema = "imag_part(Tensor(a) self) -> Tensor(a)", .grad_name = "ImagBackward0", .run = imag_run, .view = true,
      .hidden = true, .vjp = imag_vjp, .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "c64[]", "c64[0,3]"));

static bool real_or_self_run(tni_call *c) {
    c->out[0] = is_complex(c->in[0]) ? tni_run_op(&tni_op_real_part, TNI_INS(c->in[0]), TNI_NO_ARGS) : c->in[0];
    return c->out[0] != NULL;
}
static bool imag_or_error_run(tni_call *c) {
    TNI_REQUIRE(c, is_complex(c->in[0]), TN_ERR_RUNTIME, "imag is not implemented for tensors with non-complex dtypes.");
    c->out[0] = tni_run_op(&tni_op_imag_part, TNI_INS(c->in[0]), TNI_NO_ARGS);
    return c->out[0] != NULL;
}

TN_OP(real, .schema = "real(Tensor(a) self) -> Tensor(a)", .run = real_or_self_run, .composite = true,
      .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "f32[3]", "c64[]"));
TN_OP(imag, .schema = "imag(Tensor(a) self) -> Tensor(a)", .run = imag_or_error_run, .composite = true,
      .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "f32[3] !runtime", "c64[]"));

/** The real parts, a view; x itself when it is real: torch.real. In-place writes into such a view are not recorded. [scope] */
TN_API tn_tensor *tn_real(tn_tensor *x) { return tni_run_op(&tni_op_real, TNI_INS(x), TNI_NO_ARGS); }
/** The imaginary parts, a view: torch.imag. A real x is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *tn_imag(tn_tensor *x) { return tni_run_op(&tni_op_imag, TNI_INS(x), TNI_NO_ARGS); }

static bool view_as_real_run(tni_call *c) {
    TNI_REQUIRE(c, is_complex(c->in[0]), TN_ERR_RUNTIME, "view_as_real is only supported for complex tensors");
    return view_parts(c, false, true);
}

static bool view_as_real_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_view_as_complex(tn_contiguous(g->dy[0])));
    return true;
}

TN_OP(view_as_real, .schema = "view_as_real(Tensor(a) self) -> Tensor(a)", .grad_name = "ViewAsRealBackward0",
      .run = view_as_real_run, .view = true, .vjp = view_as_real_vjp,
      .samples = TN_SAMPLES("c64[3,4]", "c128[3,4]^T", "c64[]", "c64[0,3]", "f32[3] !runtime"));

/** (...) complex as (..., 2) of real and imaginary parts: torch.view_as_real. A view. [scope] */
TN_API tn_tensor *tn_view_as_real(tn_tensor *x) { return tni_run_op(&tni_op_view_as_real, TNI_INS(x), TNI_NO_ARGS); }

static bool check_pairs(const tni_call *c, const tni_array *x) {
    tn_dtype dtype = (tn_dtype)x->dtype;
    TNI_REQUIRE(c, tni_dtype_is_wide(dtype), TN_ERR_RUNTIME,
                "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: %s",
                tni_dtype_get(dtype)->legacy);
    TNI_REQUIRE(c, x->ndim > 0, TN_ERR_RUNTIME, "Input tensor must have one or more dimensions");
    int last = x->ndim - 1;
    TNI_REQUIRE(c, x->sizes[last] == 2, TN_ERR_RUNTIME, "Tensor must have a last dimension of size 2");
    TNI_REQUIRE(c, x->strides[last] == 1, TN_ERR_RUNTIME, "Tensor must have a last dimension with stride 1");
    for (int i = 0; i < last; i++)
        TNI_REQUIRE(c, x->strides[i] % 2 == 0, TN_ERR_RUNTIME,
                    "Tensor must have a stride divisible by 2 for all but last dimension");
    TNI_REQUIRE(c, x->offset % 2 == 0, TN_ERR_RUNTIME, "Tensor must have a storage_offset divisible by 2");
    return true;
}

static bool view_as_complex_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t strides[TNI_MAX_DIMS];
    TNI_TRY(check_pairs(c, x));
    for (int i = 0; i < x->ndim - 1; i++) strides[i] = x->strides[i] / 2;
    c->out[0] = tni_tensor_view_as(c->t, tni_call_name(c), c->in[0], tni_dtype_complex((tn_dtype)x->dtype), x->sizes, strides,
                                   (size_t)x->ndim - 1, x->offset / 2);
    return c->out[0] != NULL;
}

static bool view_as_complex_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_view_as_real(tn_contiguous(g->dy[0])));
    return true;
}

TN_OP(view_as_complex, .schema = "view_as_complex(Tensor(a) self) -> Tensor(a)", .grad_name = "ViewAsComplexBackward0",
      .run = view_as_complex_run, .view = true, .vjp = view_as_complex_vjp,
      .samples = TN_SAMPLES("f32[3] !runtime", "f32[] !runtime", "i64[3,2] !runtime"));

/** (..., 2) of real and imaginary parts as (...) complex: torch.view_as_complex. A view; what does not fit is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *tn_view_as_complex(tn_tensor *x) { return tni_run_op(&tni_op_view_as_complex, TNI_INS(x), TNI_NO_ARGS); }

/* ---- complex numbers from two real ones ---- */

TNI_LOOP2(complex_f32, float _Complex, float, __builtin_complex(a, b))
TNI_LOOP2(complex_f64, double _Complex, double, __builtin_complex(a, b))
static const tni_map complex_map = TNI_MAP(TNI_TO_COMPLEX, TNI_FLOAT_COLUMNS(complex));

static bool check_parts(const tni_call *c) {
    const char *a = tni_dtype_get((tn_dtype)c->in[0]->a.dtype)->legacy, *b = tni_dtype_get((tn_dtype)c->in[1]->a.dtype)->legacy;
    TNI_REQUIRE(c, tni_dtype_is_wide((tn_dtype)c->in[0]->a.dtype) && tni_dtype_is_wide((tn_dtype)c->in[1]->a.dtype), TN_ERR_DTYPE,
                "Expected both inputs to be Half, Float or Double tensors but got %s and %s", a, b);
    TNI_REQUIRE(c, c->in[0]->a.dtype == c->in[1]->a.dtype, TN_ERR_DTYPE,
                "Expected object of scalar type %s but got scalar type %s for second argument", a, b);
    return true;
}

static bool complex_run(tni_call *c) { return check_parts(c) && tni_run_map_in(c, &complex_map, (tn_dtype)c->in[0]->a.dtype); }

static bool complex_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_real(g->dy[0]));
    TNI_DX(g, 1, tn_imag(g->dy[0]));
    return true;
}

TN_OP(complex, .schema = "complex(Tensor real, Tensor imag) -> Tensor", .grad_name = "ComplexBackward0", .run = complex_run,
      .vjp = complex_vjp,
      .samples = TN_SAMPLES("f64[3,4] f64[3,4]", "f64[3,4]^T f64[4]", "f64[] f64[2]", "f64[0,3] f64[3]", "f32[2] f64[2] !dtype",
                            "i64[2] i64[2] !dtype"));

/** real + i imag, broadcast: torch.complex. float32 or float64, both alike. [scope] */
TN_API tn_tensor *tn_complex(tn_tensor *real, tn_tensor *imag) {
    return tni_run_op(&tni_op_complex, TNI_INS(real, imag), TNI_NO_ARGS);
}

static bool polar_run(tni_call *c) {
    TNI_TRY(check_parts(c));
    c->out[0] = tn_complex(tn_mul(c->in[0], tn_cos(c->in[1])), tn_mul(c->in[0], tn_sin(c->in[1])));
    return c->out[0] != NULL;
}

TN_OP(polar, .schema = "polar(Tensor abs, Tensor angle) -> Tensor", .run = polar_run, .composite = true,
      .samples = TN_SAMPLES("f64[3,4]>0.5 f64[3,4]", "f64[3,4]^T>0.5 f64[4]", "f64[]>0.5 f64[2]", "f64[0,3] f64[3]",
                            "f32[2] f64[2] !dtype"));

/** The complex numbers of these lengths and angles: torch.polar. float32 or float64, both alike. [scope] */
TN_API tn_tensor *tn_polar(tn_tensor *abs, tn_tensor *angle) { return tni_run_op(&tni_op_polar, TNI_INS(abs, angle), TNI_NO_ARGS); }

/* ---- angle, sgn ---- */

#define PI 3.14159265358979323846
TNI_FLOAT1(angle, a != a ? a : a < 0 ? TNI_V(PI) : 0)
TNI_LOOP1_(TNI_ONCE, angle_c64, float, float _Complex, float _Complex, cargf(a))
TNI_LOOP1_(TNI_ONCE, angle_c128, double, double _Complex, double _Complex, carg(a))
static const tni_map angle_map = TNI_MAP(TNI_TO_REAL, TNI_FLOAT_COLUMNS(angle), TNI_COMPLEX_COLUMNS(angle));

/* Those of complex numbers are row-major, as PyTorch makes them. */
static bool angle_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    tn_dtype dtype = tni_map_dtype(c, TNI_FLOATING);
    if (is_complex(c->in[0]) && !x->contiguous) TNI_TRY(tni_out(c, 0, tni_dtype_real(dtype), x->sizes, x->ndim));
    return tni_run_map_in(c, &angle_map, dtype);
}

/* dy * i * x / |x|^2 */
static bool angle_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    if (!x) return false;
    if (!is_complex(x)) {
        TNI_DX(g, 0, tni_zeros_like_input(g, 0));
        return true;
    }
    tn_tensor *length = tn_abs(x), *share = tn_div(g->dy[0], tn_mul(length, length));
    tn_tensor *dx = share ? tn_complex(tn_neg(tn_mul(share, tn_imag(x))), tn_mul(share, tn_real(x))) : NULL;
    TNI_DX(g, 0, dx ? tn_where(tn_eq(x, 0), 0, dx) : NULL);
    return true;
}

TN_OP(angle, .schema = "angle(Tensor self) -> Tensor", .grad_name = "AngleBackward0", .run = angle_run, .vjp = angle_vjp,
      .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] nograd", "f64[3,4]^T nograd", "c64[3,4]", "c128[3,4]^T", "c64[]", "i64[3]", "bool[2]",
                            "f32[0,3] nograd"));

/** The angle of complex numbers; of real ones 0 or pi: torch.angle. [scope] */
TN_API tn_tensor *tn_angle(tn_tensor *x) { return tni_run_op(&tni_op_angle, TNI_INS(x), TNI_NO_ARGS); }

#define SIGN(a) ((a > 0) - (a < 0))
TNI_INT1(sgn, SIGN(a))
TNI_FLOAT1(sgn, SIGN(a))
TNI_LOOP1_(TNI_ONCE, sgn_c64, float _Complex, float _Complex, float _Complex, cabsf(a) == 0 ? 0 : a / cabsf(a))
TNI_LOOP1_(TNI_ONCE, sgn_c128, double _Complex, double _Complex, double _Complex, cabs(a) == 0 ? 0 : a / cabs(a))
static const tni_map sgn_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(sgn), TNI_BOOL_COLUMN(same), TNI_COMPLEX_COLUMNS(sgn));

/* What of dy / |x| is across x's direction. */
static bool sgn_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *y = tni_saved(g, TNI_OUT(0));
    if (!x || !y) return false;
    if (!is_complex(x)) {
        TNI_DX(g, 0, tni_zeros_like_input(g, 0));
        return true;
    }
    tn_tensor *share = tn_div(g->dy[0], tn_abs(x)), *along = share ? tn_real(tn_mul(share, tn_conj(y))) : NULL;
    tn_tensor *dx = along ? tn_sub(share, tn_mul(y, along)) : NULL;
    TNI_DX(g, 0, dx ? tn_where(tn_eq(x, 0), 0, dx) : NULL);
    return true;
}

TN_OP(sgn, .schema = "sgn(Tensor self) -> Tensor", .grad_name = "SgnBackward0", .run = tni_run_map, .inplace = true,
      .map = &sgn_map, .vjp = sgn_vjp, .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] nograd", "f64[3,4]^T nograd", "c64[3,4]", "c128[3,4]^T", "i64[3]", "bool[2]", "f16[2] nograd",
                            "f32[0,3] nograd"));

/** x / |x|, 0 for 0; the sign of real numbers: torch.sgn. [scope] */
TN_API tn_tensor *(tn_sgn)(tn_tensor *x) { return tni_run_op(&tni_op_sgn, TNI_INS(x), TNI_NO_ARGS); }
/** x = sgn(x). Returns x. */
TN_API tn_tensor *(tn_sgn_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sgn, TNI_INS(x), TNI_NO_ARGS); }
