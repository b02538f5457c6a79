/* ops/creation.c - tensors from shapes and numbers: zeros, ones, full, arange, linspace, eye, values. */
#include "ops/creation.h"
#include "base/error.h"
#include "core/loop.h"
#include "core/sparse.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <tison/ops.h>

/* ---- what all of them share ---- */

static __attribute__((noinline)) tn_tensor *make_there(tni_thread *t, const char *who, const int64_t *sizes, size_t ndim, tn_dtype dtype,
                                                        const char *asked) {
    int8_t device;
    if (!tni_device_parse(asked, t->default_device, &device)) return NULL;
    tni_devices before = tni_device_enter(t, device);
    tn_tensor *x = tni_tensor_new(t, who, dtype, sizes, ndim);
    tni_device_leave(t, before);
    return x;
}

/* The dtype may be one without kernels. */
static tn_tensor *make_stored(tni_thread **t, const char *who, const int64_t *sizes, size_t ndim, tn_dtype dtype,
                              const tn_opts *opts) {
    tn_dtype wanted = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (wanted != TN_DTYPE_NONE) dtype = wanted;
    if (dtype == TN_DTYPE_NONE) dtype = tn_get_default_dtype();
    *t = tni_self();
    if (!*t || tni_failed()) return NULL;
    if (TNI_OPT(opts, requires_grad, false) && !tni_dtype_has_grad(dtype)) {
        tni_fail(TN_ERR_DTYPE, "%s: Only Tensors of floating point and complex dtype can require gradients", who);
        return NULL;
    }
    const char *asked = TNI_OPT(opts, device, NULL);
    if (TNI_UNLIKELY(asked || (*t)->default_device != (*t)->making)) return make_there(*t, who, sizes, ndim, dtype, asked);
    return tni_tensor_new(*t, who, dtype, sizes, ndim);
}

tn_tensor *tni_make(tni_thread **t, const char *who, const int64_t *sizes, size_t ndim, tn_dtype dtype, const tn_opts *opts) {
    tn_dtype wanted = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (wanted == TN_DTYPE_NONE) wanted = dtype;
    if (tni_failed() || (wanted != TN_DTYPE_NONE && !tni_dtype_check(who, wanted))) return NULL;
    return make_stored(t, who, sizes, ndim, dtype, opts);
}

tn_tensor *tni_made(tni_thread *t, tn_tensor *x, bool filled, const tn_opts *opts) {
    if (!x) return NULL;
    if (filled && TNI_OPT(opts, requires_grad, false)) {
        const char *where = TNI_OPT(opts, where, NULL);
        x->requires_grad = true;
        if (where && (filled = tni_tensor_meta(x) != NULL)) x->meta->where = where;
    }
    if (filled) return tni_give(t, x);
    tni_tensor_destroy_new(t, x);
    return NULL;
}

tn_tensor *tni_make_like(tni_thread **t, const char *who, tn_tensor *like, const tn_to_opts *opts) {
    int8_t device;
    *t = tni_self();
    if (!*t || tni_failed() || !tni_check_handle(who, "input", like, TNI_TENSOR)) return NULL;
    if (like->uninitialized) return (void)tni_refuse_uninitialized(who), NULL;
    if (!tni_device_like(TNI_OPT(opts, device, NULL), like, &device)) return NULL;
    if (device == TNI_SPARSE) return tni_sparse_empty(*t, who, like, (tn_dtype)like->a.dtype);
    return tni_tensor_new_on(*t, device, who, like, (tn_dtype)like->a.dtype, TNI_OPT(opts, memory_format, TN_MEMORY_FORMAT_NONE));
}

bool tni_refuse_fill(void) {
    return tni_fail(TN_ERR_NOT_IMPLEMENTED, "Could not run 'aten::fill_.Scalar' with arguments from the 'SparseCPU' backend.");
}

/* float16 and bfloat16 tensors are computed in float32: the result, with what opts ask for, of rounding `wide`. */
static tn_tensor *rounded(tn_tensor *wide, tn_dtype dtype, const tn_opts *opts) {
    tni_thread *t = tni_self();
    tn_tensor *x = wide && t ? tni_tensor_new_like(t, "creation", wide, dtype) : NULL;
    return tni_made(t, x, x && tni_copy_array(&x->a, &wide->a), opts);
}
static tn_opts in_float32(const tn_opts *opts) {
    return (tn_opts){.size = sizeof(tn_opts), .dtype = TN_FLOAT32, .device = TNI_OPT(opts, device, NULL)};
}

#define REPEAT(type)                                                                                                               \
    do {                                                                                                                           \
        type *to = a->data, value = *to;                                                                                           \
        for (int64_t i = 1; i < a->numel; i++) to[i] = value;                                                                      \
    } while (0)

/* The first element is repeated over the whole memory of a new array. */
static void repeat_first(const tni_array *a) {
    if (a->numel == 0 || a->device != TNI_CPU) return;
    switch (tni_array_item(a)) {
    case 1: memset(a->data, *(unsigned char *)a->data, (size_t)a->numel); break;
    case 2: REPEAT(uint16_t); break;
    case 4: REPEAT(uint32_t); break;
    case 8: REPEAT(uint64_t); break;
    default: REPEAT(tni_16_bytes); break;
    }
}

static void clear(const tni_array *a) {
    if (a->numel && a->device == TNI_CPU) memset(a->data, 0, (size_t)a->numel * tni_array_item(a));
}

static bool fits(tn_scalar v, tn_dtype dtype) {
    bool whole = v.kind != TN_SCALAR_DOUBLE;
    return tni_dtype_holds(dtype, whole ? 0 : v.value.d, whole ? v.value.i : 0, whole);
}

static bool fill(const char *who, const tni_array *a, tn_scalar v) {
    TNI_TRY(a->device != TNI_SPARSE || tni_refuse_fill());
    TNI_TRY(tni_dtype_check(who, (tn_dtype)a->dtype));
    TNI_CHECK(fits(v, (tn_dtype)a->dtype), TN_ERR_RUNTIME, "%s: value cannot be converted to type %s without overflow", who,
              tni_dtype_c_name((tn_dtype)a->dtype));
    bool whole = v.kind != TN_SCALAR_DOUBLE;
    if (a->numel && a->device == TNI_CPU)
        tni_element_set(a->data, (tn_dtype)a->dtype, whole ? 0 : v.value.d, whole ? v.value.i : 0, whole);
    repeat_first(a);
    return true;
}

static tn_dtype dtype_of(tn_scalar v) {
    return v.kind == TN_SCALAR_INT ? TN_INT64 : v.kind == TN_SCALAR_BOOL ? TN_BOOL : TN_DTYPE_NONE;
}

/* ---- constants ---- */

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_empty(...) TN_MAKE(tn_empty, __VA_ARGS__, )
#define tn_zeros(...) TN_MAKE(tn_zeros, __VA_ARGS__, )
#define tn_ones(...) TN_MAKE(tn_ones, __VA_ARGS__, )
#define tn_full(shape, ...)                                                                                                        \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE),                                                                   \
            (tn_full)(TN_DIMS(shape), TN_SCALAR((TN_FIRST(__VA_ARGS__, ))), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_scalar_tensor(...)                                                                                                      \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), (tn_scalar_tensor)(TN_SCALAR((TN_FIRST(__VA_ARGS__, ))), &tn_o),  \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Memory that is not initialised: torch.empty. The dtype is opts->dtype, else the default one. Negative sizes are TN_ERR_SHAPE;
 *  requires_grad with an integer dtype is TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_empty)(const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = make_stored(&t, "empty", sizes, ndim, TN_DTYPE_NONE, opts);
    return tni_made(t, x, true, opts);
}
/** torch.zeros; as tn_empty. [scope] */
TN_API tn_tensor *(tn_zeros)(const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = make_stored(&t, "zeros", sizes, ndim, TN_DTYPE_NONE, opts);
    if (x) clear(&x->a);
    return tni_made(t, x, true, opts);
}
/** torch.ones; as tn_empty. [scope] */
TN_API tn_tensor *(tn_ones)(const int64_t *sizes, size_t ndim, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "ones", sizes, ndim, TN_DTYPE_NONE, opts);
    return tni_made(t, x, x && fill("ones", &x->a, tn_scalar_int(1)), opts);
}
/** One value everywhere: torch.full. Without a dtype: int64 for a whole number, bool for a bool, else the default dtype.
 *  A value that does not fit the dtype is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_full)(const int64_t *sizes, size_t ndim, tn_scalar value, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "full", sizes, ndim, dtype_of(value), opts);
    return tni_made(t, x, x && fill("full", &x->a, value), opts);
}
/** A 0-d tensor: torch.scalar_tensor. The default dtype is the default floating point one, also for a whole number. [scope] */
TN_API tn_tensor *(tn_scalar_tensor)(tn_scalar value, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "scalar_tensor", NULL, 0, TN_DTYPE_NONE, opts);
    return tni_made(t, x, x && fill("scalar_tensor", &x->a, value), opts);
}

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_empty_like(...) TN_LIKE(tn_empty_like, __VA_ARGS__)
#define tn_zeros_like(...) TN_LIKE(tn_zeros_like, __VA_ARGS__)
#define tn_ones_like(...) TN_LIKE(tn_ones_like, __VA_ARGS__)
#define tn_full_like(x, ...)                                                                                                       \
    TN_WITH(tn_to_opts, (.memory_format = TN_MEMORY_FORMAT_NONE), (tn_full_like)(x, TN_SCALAR(TN_FIRST(__VA_ARGS__, )), &tn_o),    \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Not initialised, with x's shape, dtype and, when x is dense, strides, unless .memory_format asks for others, on x's
 *  device or on .device: torch.empty_like. It needs no gradient. [scope] */
TN_API tn_tensor *(tn_empty_like)(tn_tensor *x, const tn_to_opts *opts) {
    tni_thread *t;
    tn_tensor *y = tni_make_like(&t, "empty_like", x, opts);
    return tni_made(t, y, true, NULL);
}
/** torch.zeros_like; as tn_empty_like. [scope] */
TN_API tn_tensor *(tn_zeros_like)(tn_tensor *x, const tn_to_opts *opts) {
    tni_thread *t;
    tn_tensor *y = tni_make_like(&t, "zeros_like", x, opts);
    if (y) clear(&y->a);
    return tni_made(t, y, true, NULL);
}
/** torch.ones_like; as tn_empty_like. [scope] */
TN_API tn_tensor *(tn_ones_like)(tn_tensor *x, const tn_to_opts *opts) {
    tni_thread *t;
    tn_tensor *y = tni_make_like(&t, "ones_like", x, opts);
    return tni_made(t, y, y && fill("ones_like", &y->a, tn_scalar_int(1)), NULL);
}
/** One value in x's dtype: torch.full_like; as tn_empty_like. [scope] */
TN_API tn_tensor *(tn_full_like)(tn_tensor *x, tn_scalar value, const tn_to_opts *opts) {
    tni_thread *t;
    tn_tensor *y = tni_make_like(&t, "full_like", x, opts);
    return tni_made(t, y, y && fill("full_like", &y->a, value), NULL);
}

/* ---- ranges ---- */

static double real(tn_scalar v) { return v.kind == TN_SCALAR_DOUBLE ? v.value.d : (double)v.value.i; }
static int64_t whole(tn_scalar v) { return v.kind == TN_SCALAR_DOUBLE ? (int64_t)v.value.d : v.value.i; }

static bool range_length(tn_dtype dtype, tn_scalar start, tn_scalar end, tn_scalar step, int64_t *length) {
    double s = real(start), e = real(end), d = real(step);
    TNI_CHECK(d > 0 || d < 0, TN_ERR_RUNTIME, "arange: step must be nonzero");
    TNI_CHECK(isfinite(s) && isfinite(e), TN_ERR_RUNTIME, "arange: unsupported range: %g -> %g", s, e);
    TNI_CHECK((d > 0 && e >= s) || (d < 0 && e <= s), TN_ERR_RUNTIME,
              "arange: upper bound and lower bound inconsistent with step sign");
    TNI_CHECK(fabs((e - s) / d) < 0x1p62, TN_ERR_RUNTIME, "arange: invalid size, possible overflow?");
    *length = (int64_t)ceil((e - s) / d);
    if (dtype != TN_INT64) return true;
    TNI_CHECK(fits(start, TN_INT64) && fits(end, TN_INT64) && fits(step, TN_INT64) && whole(step) != 0, TN_ERR_RUNTIME,
              "arange: step must be nonzero, and bounds must fit int64");
    int64_t span, by = whole(step);
    TNI_CHECK(!__builtin_sub_overflow(whole(end), whole(start), &span), TN_ERR_RUNTIME, "arange: invalid size, possible overflow?");
    *length = span / by + (span % by != 0);
    return true;
}

/* torch computes in vectors, two at a time: the first element of one is rounded to the dtype, the others are counted from it. */
#define RANGE(type, lanes)                                                                                                         \
    do {                                                                                                                           \
        type *y = a->data;                                                                                                         \
        int64_t i = 0;                                                                                                             \
        for (; i + 2 * (lanes) <= a->numel; i += 2 * (lanes))                                                                      \
            for (int64_t k = 0; k < 2 * (lanes); k++) {                                                                            \
                type first = (type)fma(d, (double)(i + k / (lanes) * (lanes)), s);                                                 \
                y[i + k] = (type)fma((double)(k % (lanes)), d, (double)first);                                                     \
            }                                                                                                                      \
        for (; i < a->numel; i++) y[i] = (type)fma(d, (double)i, s);                                                               \
    } while (0)

static void fill_range(const tni_array *a, tn_scalar start, tn_scalar step) {
    if (a->device != TNI_CPU) return;
    double s = real(start), d = real(step);
    if (a->dtype == TN_FLOAT32) {
        RANGE(float, 8);
    } else if (a->dtype == TN_FLOAT64) {
        RANGE(double, 4);
    } else {
        uint64_t value = (uint64_t)whole(start), by = (uint64_t)whole(step);
        for (int64_t i = 0; i < a->numel; i++, value += by)
            tni_element_set((char *)a->data + (size_t)i * tni_array_item(a), (tn_dtype)a->dtype, 0, (int64_t)value, true);
    }
}

#ifdef TN_HEADER
/* What may follow the first number of tn_arange. */
typedef struct tn_arange_opts {
    size_t size;
    double end;  /* absent: the first number is the end and the start is 0 */
    double step; /* 1 */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype;
    bool requires_grad;
    const char *where;
    const char *device;
} tn_arange_opts;
#ifndef __cplusplus
/* tn_arange(end), tn_arange(start, end), tn_arange(start, end, step), each with .dtype and .requires_grad: int64 when the first
 * number has an integer type and the others are whole. */
#define tn_arange(...)                                                                                                             \
    TN_WITH(tn_arange_opts, (.end = __builtin_nan(""), .step = 1, .dtype = TN_DTYPE_NONE, .where = TN_HERE),                       \
            tn_arange_from(TN_SCALAR((TN_FIRST(__VA_ARGS__, ))), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_linspace(start, end, ...)                                                                                               \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), (tn_linspace)(start, end, (TN_FIRST(__VA_ARGS__, )), &tn_o),      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** start, start + step, ... before end: torch.arange. Without a dtype: int64 when all three are whole numbers by kind, else the
 *  default dtype. A step of 0 or of the wrong sign is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_arange)(tn_scalar start, tn_scalar end, tn_scalar step, const tn_opts *opts) {
    bool real_kind = start.kind == TN_SCALAR_DOUBLE || end.kind == TN_SCALAR_DOUBLE || step.kind == TN_SCALAR_DOUBLE;
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (dtype == TN_DTYPE_NONE) dtype = real_kind ? tn_get_default_dtype() : TN_INT64;
    int64_t length;
    if (tni_failed() || !tni_dtype_check("arange", dtype)) return NULL;
    if (tni_dtype_is_half(dtype)) return rounded((tn_arange)(start, end, step, (const tn_opts[]){in_float32(opts)}), dtype, opts);
    if (dtype == TN_BOOL) return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "\"arange_cpu\" not implemented for 'Bool'"), NULL;
    if (!range_length(dtype, start, end, step, &length)) return NULL;
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "arange", &length, 1, dtype, opts);
    if (x) fill_range(&x->a, start, step);
    return tni_made(t, x, true, opts);
}

/** tn_arange as its macro calls it: with opts->end absent (NaN) `first` is the end. [scope] */
TN_API tn_tensor *tn_arange_from(tn_scalar first, const tn_arange_opts *opts) {
    double end = TNI_OPT(opts, end, (double)NAN), step = TNI_OPT(opts, step, 1.0);
    tn_opts plain = {.size = sizeof plain,
                     .dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE),
                     .requires_grad = TNI_OPT(opts, requires_grad, false),
                     .where = TNI_OPT(opts, where, NULL),
                     .device = TNI_OPT(opts, device, NULL)};
    bool ints = first.kind != TN_SCALAR_DOUBLE && step == floor(step) && fabs(step) < 0x1p62;
    if (isnan(end))
        return (tn_arange)(tn_scalar_int(0), first, ints ? tn_scalar_int((int64_t)step) : tn_scalar_double(step), &plain);
    ints = ints && end == floor(end) && fabs(end) < 0x1p62;
    return ints ? (tn_arange)(first, tn_scalar_int((int64_t)end), tn_scalar_int((int64_t)step), &plain)
                : (tn_arange)(first, tn_scalar_double(end), tn_scalar_double(step), &plain);
}

/* From both ends, so that the last value is `end` itself. */
#define LINE(type, work, multiply_add)                                                                                             \
    do {                                                                                                                           \
        type *y = a->data;                                                                                                         \
        const work s = (work)(type)start, e = (work)(type)end, d = n > 1 ? (e - s) / (work)(n - 1) : (work)0;                      \
        for (int64_t i = 0; i < n; i++)                                                                                            \
            y[i] = (type)(n == 1 ? s : i < n / 2 ? multiply_add(d, (work)i, s) : multiply_add(-d, (work)(n - 1 - i), e));          \
    } while (0)

static void fill_line(const tni_array *a, double start, double end) {
    if (a->device != TNI_CPU) return;
    int64_t n = a->numel;
    switch ((tn_dtype)a->dtype) {
    case TN_FLOAT32: LINE(float, float, fmaf); break;
    case TN_FLOAT64: LINE(double, double, fma); break;
    case TN_INT64: LINE(int64_t, double, fma); break;
    case TN_INT32: LINE(int32_t, double, fma); break;
    case TN_INT16: LINE(int16_t, double, fma); break;
    case TN_INT8: LINE(int8_t, double, fma); break;
    default: LINE(uint8_t, double, fma); break;
    }
}

/** `steps` values from start to end, both included: torch.linspace. A negative number of steps is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_linspace)(double start, double end, int64_t steps, const tn_opts *opts) {
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (tni_failed()) return NULL;
    if (steps < 0) return (void)tni_fail(TN_ERR_RUNTIME, "linspace: number of steps must be non-negative"), NULL;
    if (dtype == TN_BOOL) return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "\"linspace_cpu\" not implemented for 'Bool'"), NULL;
    bool inside = dtype == TN_DTYPE_NONE || (fits(tn_scalar_double(start), dtype) && fits(tn_scalar_double(end), dtype));
    if (!inside)
        return (void)tni_fail(TN_ERR_RUNTIME, "linspace: value cannot be converted to type %s without overflow",
                              tni_dtype_c_name(dtype)),
               NULL;
    if (tni_dtype_is_complex(dtype))
        return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "linspace: not implemented for '%s'", tni_dtype_get(dtype)->legacy), NULL;
    if (tni_dtype_is_half(dtype))
        return rounded((tn_linspace)(start, end, steps, (const tn_opts[]){in_float32(opts)}), dtype, opts);
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "linspace", &steps, 1, TN_DTYPE_NONE, opts);
    if (x) fill_line(&x->a, start, end);
    return tni_made(t, x, true, opts);
}

#ifdef TN_HEADER
/* Keywords of tn_eye. */
typedef struct tn_eye_opts {
    size_t size;
    int64_t m; /* columns; TN_NONE: n */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype;
    bool requires_grad;
    const char *where;
    const char *device;
} tn_eye_opts;
#ifndef __cplusplus
#define tn_eye(...)                                                                                                                \
    TN_WITH(tn_eye_opts, (.m = TN_NONE, .dtype = TN_DTYPE_NONE, .where = TN_HERE), (tn_eye)(TN_FIRST(__VA_ARGS__, ), &tn_o),       \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** [n, m] with ones on the diagonal: torch.eye. [scope] */
TN_API tn_tensor *(tn_eye)(int64_t n, const tn_eye_opts *opts) {
    int64_t m = TNI_OPT(opts, m, TN_NONE);
    tn_opts plain = {.size = sizeof plain,
                     .dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE),
                     .requires_grad = TNI_OPT(opts, requires_grad, false),
                     .where = TNI_OPT(opts, where, NULL),
                     .device = TNI_OPT(opts, device, NULL)};
    if (m == TN_NONE) m = n;
    if (tni_failed()) return NULL;
    if (n < 0 || m < 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "eye: %s must be greater or equal to 0, got %lld", n < 0 ? "n" : "m",
                              (long long)(n < 0 ? n : m)),
               NULL;
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "eye", (int64_t[]){n, m}, 2, TN_DTYPE_NONE, &plain);
    if (!x) return NULL;
    clear(&x->a);
    for (int64_t i = 0; i < TNI_MIN(n, m) && x->a.device == TNI_CPU; i++)
        tni_element_set((char *)x->a.data + (size_t)(i * (m + 1)) * tni_array_item(&x->a), (tn_dtype)x->a.dtype, 0, 1, true);
    return tni_made(t, x, true, &plain);
}

/* ---- values ---- */

#ifdef TN_HEADER
#ifndef __cplusplus
/* tn_tensor((2, 3), 1, 2, 3, 4, 5, 6): the shape, then the values in row-major order; tn_tensor((), 3.5) is 0-d. */
#define tn_tensor(shape, ...)                                                                                                      \
    tn_tensor_values(TN_DIMS(shape), (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double),        \
                     _Generic((TN_FIRST(__VA_ARGS__, )), float                                                                     \
                              : false, double                                                                                      \
                              : false, default                                                                                     \
                              : true),                                                                                             \
                     NULL)
#define tn_from_data(shape, type, ...)                                                                                             \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE),                                                                   \
            (tn_from_data)(TN_DIMS(shape), type, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** A tensor of the given values, row-major: torch.tensor. With `integers` and whole values int64, else the default dtype. The
 *  number of values must be that of the shape (TN_ERR_SHAPE). Integers beyond 2^53 go by tn_from_data. [scope] */
TN_API tn_tensor *tn_tensor_values(const int64_t *sizes, size_t ndim, const double *values, size_t count, bool integers,
                                   const tn_opts *opts) {
    bool ints = integers;
    for (size_t i = 0; i < count && ints && values; i++) ints = values[i] == floor(values[i]);
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "tensor", sizes, ndim, ints ? TN_INT64 : TN_DTYPE_NONE, opts);
    if (!x) return NULL;
    bool fit = (int64_t)count == x->a.numel && (values || count == 0);
    if (!fit)
        tni_fail(TN_ERR_SHAPE, "tensor: the shape %s takes %lld values, but %zu were given", TNI_SHAPE(&x->a),
                 (long long)x->a.numel, count);
    for (size_t i = 0; i < count && fit && x->a.device == TNI_CPU; i++)
        tni_element_set((char *)x->a.data + i * tni_array_item(&x->a), (tn_dtype)x->a.dtype, values[i], 0, false);
    return tni_made(t, x, fit, opts);
}

/** A copy of the program's memory, row-major and of `dtype`; with opts->dtype it is converted to that. [scope] */
TN_API tn_tensor *(tn_from_data)(const int64_t *sizes, size_t ndim, tn_dtype dtype, const void *data, const tn_opts *opts) {
    tni_thread *t;
    tn_tensor *x = tni_make(&t, "from_data", sizes, ndim, dtype, opts);
    if (!x) return NULL;
    bool filled = data || x->a.numel == 0 || tni_fail(TN_ERR_TYPE, "from_data: argument 'data' is NULL");
    if (x->a.device != TNI_CPU) return tni_made(t, x, filled, opts);
    if (filled && x->a.numel && x->a.dtype == (int8_t)dtype) {
        memcpy(x->a.data, data, (size_t)x->a.numel * tni_array_item(&x->a));
    } else if (filled) {
        tn_tensor *plain = tni_tensor_new(t, "from_data", dtype, sizes, ndim);
        if (plain && x->a.numel) memcpy(plain->a.data, data, (size_t)x->a.numel * tni_array_item(&plain->a));
        filled = plain && tni_copy_array(&x->a, &plain->a);
        tni_tensor_destroy_new(t, plain);
    }
    return tni_made(t, x, filled, opts);
}
