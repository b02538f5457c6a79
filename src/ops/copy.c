/* ops/copy.c - clone, detach, to, contiguous; writing values: copy_, fill_, zero_; comparing whole tensors: equal, allclose. */
#include "core/map.h"
#include "core/sparse.h"
#include "ops/sparse.h"
#include <math.h>
#include <string.h>
#include <tison/ops.h>

#define ABS64(x) ((x) < 0 ? -(double)(x) : (double)(x))

/* ---- clone ---- */

static tn_memory_format format_of(const tn_memory_format_opts *opts) { return TNI_OPT(opts, memory_format, TN_MEMORY_FORMAT_NONE); }

/* out[0] is in[0] in that dtype and format. */
static bool copy_out(tni_call *c, tn_dtype dtype, int64_t format) {
    c->out[0] = tni_tensor_new_format(c->t, c->op->name, c->in[0], dtype, (tn_memory_format)format);
    if (c->out[0]) tni_warn_if_cut(&c->out[0]->a, &c->in[0]->a);
    return c->out[0] && tni_copy_array(&c->out[0]->a, &c->in[0]->a);
}

static bool clone_run(tni_call *c) { return copy_out(c, (tn_dtype)c->in[0]->a.dtype, c->arg[0].i); }

static bool pass_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    return true;
}

static tn_tensor *clone_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(clone, .schema = "clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", .grad_name = "CloneBackward0",
      .run = clone_run, .sparse = tni_sparse_clone_run, .moves = true, .copies = true, .front = clone_front, .vjp = pass_vjp,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[]", "f32[0,3]", "i64[5]"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_clone(...) TN_FORMATTED(tn_clone, __VA_ARGS__)
#define tn_contiguous(...) TN_FORMATTED(tn_contiguous, __VA_ARGS__)
#endif
#endif

/** A copy with memory of its own, part of the graph: torch.clone. A dense input keeps its order of memory, unless .memory_format asks for
 *  another; TN_ERR_SHAPE when x has not as many dims as that. [scope] */
TN_API tn_tensor *(tn_clone)(tn_tensor *x, const tn_memory_format_opts *opts) {
    return tni_run_op(&tni_op_clone, TNI_INS(x), TNI_ARGS({.i = format_of(opts)}));
}

/** x itself when it is row-major (or lies in .memory_format), else a copy that is: Tensor.contiguous. [scope] */
TN_API tn_tensor *(tn_contiguous)(tn_tensor *x, const tn_memory_format_opts *opts) {
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("contiguous", x);
    tn_memory_format format = format_of(opts);
    if (tni_array_has_format(&x->a, format)) return tn_hold(x);
    if (format == TN_PRESERVE_FORMAT)
        return (void)tni_fail(TN_ERR_RUNTIME, "preserve memory format is unsupported by the contiguous operator"), NULL;
    if (format == TN_MEMORY_FORMAT_NONE) format = TN_CONTIGUOUS_FORMAT;
    return tni_run_op(&tni_op_clone, TNI_INS(x), TNI_ARGS({.i = format}));
}

/* ---- detach ---- */

/** x's values without its history: torch.detach. Shares the storage and the version counter. [scope] */
TN_API tn_tensor *(tn_detach)(tn_tensor *x) {
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("detach", x);
    if (x->uninitialized) return (void)tni_refuse_uninitialized("detach"), NULL;
    tni_thread *t = tni_self();
    tn_tensor *y = t ? tni_tensor_alias(t, "detach", x) : NULL;
    return y ? tni_give(t, y) : NULL;
}

/* ---- to ---- */

static bool to_run(tni_call *c) {
    TNI_TRY(tni_dtype_check("to", c->arg[0].dtype));
    return copy_out(c, c->arg[0].dtype, c->arg[1].i);
}

static bool to_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_to(g->dy[0], tni_input_dtype(g, 0)));
    return true;
}

/* To the meta device values are dropped; from it nothing can come. */
static bool to_device_run(tni_call *c) {
    const int8_t device = (int8_t)c->arg[2].i;
    const tn_tensor *x = c->in[0];
    TNI_TRY(device == TNI_META || tni_refuse_no_data());
    TNI_TRY(tni_dtype_check("to", c->arg[0].dtype));
    c->out[0] = tni_tensor_new_on(c->t, device, "to", x, c->arg[0].dtype, (tn_memory_format)c->arg[1].i);
    return c->out[0] != NULL;
}

static bool to_device_vjp(tni_vjp *g) {
    (void)g;
    return tni_refuse_no_data();
}

static const tni_op to_device = {.name = "to",
                                 .schema = "to.device(Tensor(a) self) -> Tensor(a)",
                                 .grad_name = "ToCopyBackward0",
                                 .run = to_device_run,
                                 .moves = true,
                                 .vjp = to_device_vjp};

static tn_tensor *to_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(to, .schema = "to.dtype(Tensor(a) self, ScalarType dtype, *, MemoryFormat? memory_format=None) -> Tensor(a)",
      .grad_name = "ToCopyBackward0", .run = to_run, .sparse = tni_sparse_to_run, .copies = true, .front = to_front, .vjp = to_vjp,
      .samples = TN_SAMPLES("f32[3,4] float64", "f64[3,4]^T float32", "f32[4] int64 nograd", "i64[2,3] float32", "bool[3] float32",
                            "f32[0] float64"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_to(x, ...)                                                                                                              \
    TN_WITH(tn_to_opts, (.memory_format = TN_MEMORY_FORMAT_NONE), (tn_to)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x with another dtype, memory format and device, or x itself when it is so already: Tensor.to(device, dtype, memory_format=...).
 *  TN_DTYPE_NONE keeps the dtype; without a format a dense x keeps its order of memory. Floats are cut to integers toward zero. From
 *  the meta device to the CPU there is no way: TN_ERR_NOT_IMPLEMENTED. [scope] */
TN_API tn_tensor *(tn_to)(tn_tensor *x, tn_dtype dtype, const tn_to_opts *opts) {
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("to", x);
    tn_memory_format format = TNI_OPT(opts, memory_format, TN_MEMORY_FORMAT_NONE);
    int8_t device;
    if (!tni_device_like(TNI_OPT(opts, device, NULL), x, &device)) return NULL;
    if (dtype == TN_DTYPE_NONE) dtype = (tn_dtype)x->a.dtype;
    bool stays = format == TN_MEMORY_FORMAT_NONE || format == TN_PRESERVE_FORMAT || format == tni_array_format(&x->a);
    if (device != x->a.device) return tni_run_op(&to_device, TNI_INS(x), TNI_ARGS({.dtype = dtype}, {.i = format}, {.i = device}));
    if (stays && x->a.dtype == (int8_t)dtype) return tn_hold(x);
    return tni_run_op(&tni_op_to, TNI_INS(x), TNI_ARGS({.dtype = dtype}, {.i = format}));
}

/* ---- copy_ ---- */

static bool copy_fits(const tni_call *c, const tni_array *self, const tni_array *src) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = self->ndim;
    memcpy(sizes, self->sizes, ndim * sizeof *sizes);
    TNI_TRY(tni_shape_broadcast(tni_call_name(c), sizes, &ndim, src->sizes, src->ndim));
    TNI_REQUIRE(c, ndim == self->ndim && memcmp(sizes, self->sizes, ndim * sizeof *sizes) == 0, TN_ERR_SHAPE,
                "output with shape %s doesn't match the broadcast shape %s", TNI_SHAPE(self),
                tni_shape_text((char[160]){0}, 160, sizes, ndim));
    return true;
}

static bool copy_run(tni_call *c) {
    const tni_array *self = &c->in[0]->a, *src = &c->in[1]->a;
    TNI_TRY(copy_fits(c, self, src));
    tni_warn_if_cut(self, src);
    if (self->storage != src->storage || self->numel == 0) return tni_copy_array(self, src);
    tn_tensor *aside = tni_tensor_new_like(c->t, "copy_", c->in[1], (tn_dtype)src->dtype); /* src may lie under self */
    bool right = aside && tni_copy_array(&aside->a, src) && tni_copy_array(self, &aside->a);
    tni_tensor_destroy_new(c->t, aside);
    return right;
}

static bool copy_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    TNI_DX(g, 1, g->dy[0]);
    return true;
}

static tn_tensor *copy_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(copy, .schema = "copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)", .grad_name = "CopyBackwards",
      .run = copy_run, .sparse = tni_sparse_copy_run, .moves = true, .devices = true, .front = copy_front, .vjp = copy_vjp,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f64[3,4]^T f64[4]", "f32[3] i64[3] nograd", "i64[4] f32[]", "f16[2,3] f64[2,3]",
                            "bool[3] f32[3]", "f32[0,2] f32[2]", "c64[3] f32[3]", "f32[2] f32[3] !shape"));

/** Writes src, broadcast and converted to self's dtype, into self: Tensor.copy_. They may share memory. Returns self.
 *  self, src  src's shape broadcasts to self's, else TN_ERR_SHAPE
 */
TN_API tn_tensor *(tn_copy_)(tn_tensor *self, tn_tensor *src) {
    return tni_run_op_inplace(&tni_op_copy, TNI_INS(self, src), TNI_NO_ARGS);
}

/* ---- fill_, zero_ ---- */

#define FILL(name, T)                                                                                                              \
    static void name(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                                          \
        const T value = *(const T *)arg->p;                                                                                        \
        if (s[0] == sizeof(T)) {                                                                                                   \
            T *y = (T *)p[0];                                                                                                      \
            for (int64_t i = 0; i < n; i++) y[i] = value;                                                                          \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++) *(T *)(p[0] + i * s[0]) = value;                                                       \
        }                                                                                                                          \
    }
TNI_EACH_SIZE(FILL, fill)

static bool fill_bits(const tni_array *self, tni_16_bytes bits) {
    if (self->numel == 0 || self->device != TNI_CPU) return true;
    size_t item = tni_array_item(self);
    if (bits.part[0] == 0 && bits.part[1] == 0 && self->contiguous) {
        memset(self->data, 0, (size_t)self->numel * item);
        return true;
    }
    tni_value value = {.p = &bits};
    return tni_map_arrays(TNI_BY_SIZE(item, fill), &self, 1, &value);
}

static bool fill_run(tni_call *c) {
    const tni_array *self = &c->in[0]->a, *value = &c->in[1]->a;
    TNI_REQUIRE(c, value->ndim == 0, TN_ERR_SHAPE,
                "fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.", value->ndim);
    tn_dtype dtype = (tn_dtype)self->dtype;
    bool whole = tni_dtype_is_integral((tn_dtype)value->dtype, true);
    TNI_REQUIRE(c,
                !c->in[1]->number || tni_dtype_holds(dtype, whole ? 0 : tni_array_double_at(value, 0),
                                                     whole ? tni_array_int_at(value, 0) : 0, whole),
                TN_ERR_RUNTIME, "value cannot be converted to type %s without overflow", tni_dtype_c_name(dtype));
    tni_16_bytes bits = {{0, 0}};
    if (self->device != TNI_CPU) return true;
    tni_element_convert(&bits, dtype, value->data, (tn_dtype)value->dtype);
    return fill_bits(self, bits);
}

static bool fill_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    TNI_DX(g, 1, g->dy[0]); /* the core sums it to a 0-d tensor */
    return true;
}

static tn_tensor *fill_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(fill, .schema = "fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)", .grad_name = "FillBackward3", .run = fill_run,
      .front = fill_front, .vjp = fill_vjp,
      .samples = TN_SAMPLES("f32[3,4] f32[]=2.5", "f64[3,4]^T f64[]", "i64[3] f32[]=2.5", "bf16[3] f32[]", "bool[2] i64[]=3",
                            "f32[0] f32[]", "c64[2] c64[]", "f32[3] f32[1] !shape"));
/* PyTorch's name of the node when the value is a number. */
static const tni_op fill_number = {.name = "fill",
                                   .schema = "fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)",
                                   .grad_name = "FillBackward2",
                                   .run = fill_run,
                                   .vjp = fill_vjp};

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_fill_(self, value) (tn_fill_)(self, TN_PICK(value))
#endif
#endif

/** Writes one value, a number or a 0-d tensor, into all of self: Tensor.fill_. Returns self.
 *  A number that self's dtype cannot hold is TN_ERR_RUNTIME; a tensor with dims is TN_ERR_SHAPE.
 */
TN_API tn_tensor *(tn_fill_)(tn_tensor *self, tn_tensor *value) {
    bool number = value && !tni_failed() && value->object.tag == TNI_TENSOR && value->number;
    return tni_run_op_inplace(number ? &fill_number : &tni_op_fill, TNI_INS(self, value), TNI_NO_ARGS);
}

static bool zero_run(tni_call *c) { return fill_bits(&c->in[0]->a, (tni_16_bytes){{0, 0}}); }

static bool zero_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    return true;
}

TN_OP(zero, .schema = "zero_(Tensor(a!) self) -> Tensor(a!)", .grad_name = "ZeroBackward0", .run = zero_run,
      .sparse = tni_sparse_zero_run, .vjp = zero_vjp,
      .samples = TN_SAMPLES("f32[3,4] nograd", "f64[3,4]^T nograd", "i8[5]", "bool[2]", "c128[3] nograd", "f16[] nograd",
                            "f32[0,2] nograd"));

/** Writes zeros into self: Tensor.zero_. Returns self. */
TN_API tn_tensor *(tn_zero_)(tn_tensor *self) { return tni_run_op_inplace(&tni_op_zero, TNI_INS(self), TNI_NO_ARGS); }

/* ---- equal, allclose ---- */

/* What the loops of a comparison share; `differ` ends all of them early. */
typedef struct comparison {
    double rtol, atol;
    bool equal_nan;
    int differ;
} comparison;

TNI_INLINE comparison *comparing(const tni_value *arg) { return (comparison *)(uintptr_t)arg->p; }
static bool is_over(const comparison *q) { return __atomic_load_n(&q->differ, __ATOMIC_RELAXED) != 0; }

enum { STRETCH = 1024 }; /* elements between two looks at `differ` */
#define COMPARE(name, T, different)                                                                                                \
    static void name(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                                          \
        comparison *q = comparing(arg);                                                                                            \
        const bool dense = s[0] == sizeof(T) && s[1] == sizeof(T);                                                                 \
        const T *u = (const T *)p[0], *v = (const T *)p[1];                                                                        \
        for (int64_t from = 0; from < n && !is_over(q); from += STRETCH) {                                                         \
            const int64_t end = TNI_MIN(n, from + STRETCH);                                                                        \
            int found = 0;                                                                                                         \
            for (int64_t i = from; dense && i < end; i++) {                                                                        \
                const T a = u[i], b = v[i];                                                                                        \
                found |= (different);                                                                                              \
            }                                                                                                                      \
            for (int64_t i = from; !dense && i < end; i++) {                                                                       \
                const T a = *(const T *)(p[0] + i * s[0]), b = *(const T *)(p[1] + i * s[1]);                                      \
                found |= (different);                                                                                              \
            }                                                                                                                      \
            if (found) __atomic_store_n(&q->differ, 1, __ATOMIC_RELAXED);                                                          \
        }                                                                                                                          \
    }
COMPARE(differ_u8, uint8_t, a != b)
COMPARE(differ_i8, int8_t, a != b)
COMPARE(differ_i16, int16_t, a != b)
COMPARE(differ_i32, int32_t, a != b)
COMPARE(differ_i64, int64_t, a != b)
COMPARE(differ_f32, float, !(a == b))
COMPARE(differ_f64, double, !(a == b))
COMPARE(differ_c64, float _Complex, !(a == b))
COMPARE(differ_c128, double _Complex, !(a == b))
COMPARE(differ_bool, uint8_t, (a != 0) != (b != 0))
static tni_loop *const differ_loops[TNI_COLUMNS] = {TNI_TEST_COLUMNS(differ), TNI_COMPLEX_COLUMNS(differ)};

/* In the working type, as torch.isclose: an infinity is close to itself alone. */
static bool far_f32(float a, float b, const comparison *q) {
    if (a == b || (q->equal_nan && a != a && b != b)) return false;
    float allowed = (float)q->atol + fabsf((float)q->rtol * b), actual = fabsf(a - b);
    return !(isfinite(actual) && actual <= allowed);
}
static bool far_f64(double a, double b, const comparison *q) {
    if (a == b || (q->equal_nan && a != a && b != b)) return false;
    double allowed = q->atol + fabs(q->rtol * b), actual = fabs(a - b);
    return !(isfinite(actual) && actual <= allowed);
}
static bool far_i64(int64_t a, int64_t b, const comparison *q) {
    return a != b && !(fabs((double)a - (double)b) <= q->atol + q->rtol * ABS64(b));
}
static bool far_c64(float _Complex a, float _Complex b, const comparison *q) {
    if (a == b || (q->equal_nan && a != a && b != b)) return false;
    float allowed = (float)q->atol + (float)q->rtol * cabsf(b), actual = cabsf(a - b);
    return !(isfinite(actual) && actual <= allowed);
}
static bool far_c128(double _Complex a, double _Complex b, const comparison *q) {
    if (a == b || (q->equal_nan && a != a && b != b)) return false;
    double allowed = q->atol + q->rtol * cabs(b), actual = cabs(a - b);
    return !(isfinite(actual) && actual <= allowed);
}
COMPARE(far_loop_u8, uint8_t, far_i64(a, b, q))
COMPARE(far_loop_i8, int8_t, far_i64(a, b, q))
COMPARE(far_loop_i16, int16_t, far_i64(a, b, q))
COMPARE(far_loop_i32, int32_t, far_i64(a, b, q))
COMPARE(far_loop_i64, int64_t, far_i64(a, b, q))
COMPARE(far_loop_f32, float, far_f32(a, b, q))
COMPARE(far_loop_f64, double, far_f64(a, b, q))
COMPARE(far_loop_c64, float _Complex, far_c64(a, b, q))
COMPARE(far_loop_c128, double _Complex, far_c128(a, b, q))
COMPARE(far_loop_bool, uint8_t, far_i64(a != 0, b != 0, q))
static tni_loop *const far_loops[TNI_COLUMNS] = {TNI_TEST_COLUMNS(far_loop), TNI_COMPLEX_COLUMNS(far_loop)};

/* Runs a comparison over two arrays of one dtype, of which b broadcasts to a. */
static bool compare_arrays(tni_loop *const *loops, const char *who, const tni_array *a, const tni_array *b, comparison *q) {
    int column = tni_map_column((tn_dtype)a->dtype);
    TNI_CHECK(column >= 0 && loops[column], TN_ERR_NOT_IMPLEMENTED, "%s: not implemented for torch.%s", who,
              tni_dtype_get((tn_dtype)a->dtype)->name);
    tni_value arg = {.p = q};
    return tni_map_arrays(loops[column], (const tni_array *const[]){a, b}, 2, &arg);
}

static bool have_values(const tn_tensor *a, const tn_tensor *b) {
    if (a->uninitialized || b->uninitialized) return tni_refuse_uninitialized("equal");
    return (a->a.device == TNI_CPU && b->a.device == TNI_CPU) || tni_refuse_values(TNI_MAX(a->a.device, b->a.device));
}

/** Have both the same shape and the same values? torch.equal. Of different dtypes the promoted values are compared; NaN equals
 *  nothing. */
TN_API bool(tn_equal)(tn_tensor *a, tn_tensor *b) {
    if (tni_failed()) return false;
    TNI_CHECK_TENSOR("equal", a);
    TNI_CHECK_TENSOR("equal", b);
    TNI_TRY(have_values(a, b));
    tni_thread *t = tni_self();
    if (!t || !tni_same_shape(&a->a, &b->a)) return false;
    if (a->a.numel == 0) return true;
    tn_dtype dtype = tni_promote((tn_dtype)a->a.dtype, (tn_dtype)b->a.dtype);
    TNI_TRY(tni_dtype_check("equal", dtype));
    if (tni_dtype_is_half(dtype)) dtype = TN_FLOAT32;
    tn_tensor *made_a = NULL, *made_b = NULL;
    const tni_array *x = tni_array_as(t, "equal", a, dtype, false, &made_a);
    const tni_array *y = x ? tni_array_as(t, "equal", b, dtype, false, &made_b) : NULL;
    comparison q = {0};
    bool same = y && compare_arrays(differ_loops, "equal", x, y, &q) && !q.differ;
    tni_tensor_destroy_new(t, made_a);
    tni_tensor_destroy_new(t, made_b);
    return same;
}

/* x as it looks when it is broadcast: a view with strides of 0. */
static tn_tensor *broadcast_view(tni_thread *t, const tn_tensor *x, const int64_t *sizes, size_t ndim) {
    int64_t strides[TNI_MAX_DIMS] = {0};
    size_t lead = ndim - x->a.ndim;
    for (size_t i = lead; i < ndim; i++) strides[i] = x->a.sizes[i - lead] == 1 ? 0 : x->a.strides[i - lead];
    return tni_tensor_view(t, "allclose", x, sizes, strides, ndim, x->a.offset);
}

static bool all_close(tni_thread *t, const tn_tensor *a, const tn_tensor *b, comparison *q) {
    if (tni_same_shape(&a->a, &b->a)) return compare_arrays(far_loops, "allclose", &a->a, &b->a, q);
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = a->a.ndim;
    memcpy(sizes, a->a.sizes, ndim * sizeof *sizes);
    TNI_TRY(tni_shape_broadcast("allclose", sizes, &ndim, b->a.sizes, b->a.ndim));
    tn_tensor *whole = broadcast_view(t, a, sizes, ndim);
    bool right = whole && compare_arrays(far_loops, "allclose", &whole->a, &b->a, q);
    tni_tensor_destroy_new(t, whole);
    return right;
}

#ifdef TN_HEADER
/* Keywords of tn_allclose. */
typedef struct tn_allclose_opts {
    size_t size;
    double rtol;    /* 1e-5 */
    double atol;    /* 1e-8 */
    bool equal_nan; /* false */
} tn_allclose_opts;
#ifndef __cplusplus
#define tn_allclose(a, ...)                                                                                                        \
    TN_WITH(tn_allclose_opts, (.rtol = 1e-5, .atol = 1e-8), (tn_allclose)(a, TN_FIRST(__VA_ARGS__, ), &tn_o),                      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Is |a - b| <= atol + rtol |b| everywhere? torch.allclose. Shapes broadcast; different dtypes are TN_ERR_DTYPE. */
TN_API bool(tn_allclose)(tn_tensor *a, tn_tensor *b, const tn_allclose_opts *opts) {
    if (tni_failed()) return false;
    TNI_CHECK_TENSOR("allclose", a);
    TNI_CHECK_TENSOR("allclose", b);
    TNI_TRY(have_values(a, b));
    comparison q = {
        .rtol = TNI_OPT(opts, rtol, 1e-5), .atol = TNI_OPT(opts, atol, 1e-8), .equal_nan = TNI_OPT(opts, equal_nan, false)};
    TNI_CHECK(a->a.dtype == b->a.dtype, TN_ERR_DTYPE, "allclose: %s did not match %s", tni_dtype_get((tn_dtype)a->a.dtype)->legacy,
              tni_dtype_get((tn_dtype)b->a.dtype)->legacy);
    TNI_CHECK(q.rtol >= 0, TN_ERR_RUNTIME, "allclose: rtol must be greater than or equal to zero, but got %g", q.rtol);
    TNI_CHECK(q.atol >= 0, TN_ERR_RUNTIME, "allclose: atol must be greater than or equal to zero, but got %g", q.atol);
    tni_thread *t = tni_self();
    if (!t || !tni_dtype_is_half((tn_dtype)a->a.dtype)) return t && all_close(t, a, b, &q) && !q.differ;
    tn_tensor *x = NULL, *y = NULL; /* compared in float32 */
    bool close = tni_array_as(t, "allclose", a, TN_FLOAT32, false, &x) && tni_array_as(t, "allclose", b, TN_FLOAT32, false, &y) &&
                 all_close(t, x, y, &q) && !q.differ;
    tni_tensor_destroy_new(t, x);
    tni_tensor_destroy_new(t, y);
    return close;
}

static tn_tensor *clone_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    (void)arg;
    return (tn_clone)(in[0], NULL);
}

static tn_tensor *copy_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    (void)arg;
    return (tn_copy_)(in[0], in[1]);
}

static tn_tensor *fill_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    (void)arg;
    return (tn_fill_)(in[0], in[1]);
}

static tn_tensor *to_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_to)(in[0], arg[0].dtype, NULL);
}
