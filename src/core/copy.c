/* core/copy.c - copies and conversions between arrays of any dtypes and strides. */
#include "base/error.h"
#include "core/map.h"
#include "tensor/half.h"
#include <math.h>
#include <string.h>

/* Conversions as torch does them: to bool is "not zero"; a float to an integer is cut toward zero, and out of range what x86 gives;
 * a complex number to a real one loses its imaginary part. */
TNI_INLINE int64_t to_i64(double x) { return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN; }
TNI_INLINE int32_t to_i32(double x) { return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN; }

/* Between integers and floats of the usual widths for each CPU level; the rest once. */
#define ONE(how, from, to, TY, T, expr) TNI_LOOP1_(how, from##_to_##to, TY, T, T, expr)
#define TO_INTS(from, T, in32, in64)                                                                                               \
    ONE(TNI_LEVELLED, from, u8, uint8_t, T, in64)                                                                                  \
    ONE(TNI_ONCE, from, i8, int8_t, T, in32)                                                                                       \
    ONE(TNI_ONCE, from, i16, int16_t, T, in32)                                                                                     \
    ONE(TNI_ONCE, from, i32, int32_t, T, in32)                                                                                     \
    ONE(TNI_ONCE, from, i64, int64_t, T, in64)
#define TO_REST(from, T, real)                                                                                                     \
    ONE(TNI_LEVELLED, from, f32, float, T, real)                                                                                   \
    ONE(TNI_LEVELLED, from, f64, double, T, real)                                                                                  \
    ONE(TNI_ONCE, from, c64, float _Complex, T, a)                                                                                 \
    ONE(TNI_ONCE, from, c128, double _Complex, T, a)                                                                               \
    ONE(TNI_LEVELLED, from, bool, bool, T, a != 0)
#define FROM_INT(from, T) TO_INTS(from, T, a, a) TO_REST(from, T, a)
#define FROM_FLOAT(from, T) TO_INTS(from, T, to_i32((double)a), to_i64((double)a)) TO_REST(from, T, a)
#define FROM_COMPLEX(from, T) TO_INTS(from, T, to_i32(creal(a)), to_i64(creal(a))) TO_REST(from, T, creal(a))
FROM_INT(u8, uint8_t)
FROM_INT(i8, int8_t)
FROM_INT(i16, int16_t)
FROM_INT(i32, int32_t)
FROM_INT(i64, int64_t)
FROM_FLOAT(f32, float)
FROM_FLOAT(f64, double)
FROM_COMPLEX(c64, float _Complex)
FROM_COMPLEX(c128, double _Complex)

/* A bool read from foreign memory may hold any byte. */
#define FROM_BOOL(to, TY) TNI_LOOP1_(TNI_ONCE, bool_to_##to, TY, uint8_t, bool, a)
FROM_BOOL(u8, uint8_t)
FROM_BOOL(i8, int8_t)
FROM_BOOL(i16, int16_t)
FROM_BOOL(i32, int32_t)
FROM_BOOL(i64, int64_t)
FROM_BOOL(f32, float)
FROM_BOOL(f64, double)
FROM_BOOL(c64, float _Complex)
FROM_BOOL(c128, double _Complex)
FROM_BOOL(bool, uint8_t)

/* float16 and bfloat16 among themselves, as bits; with the others through float32. */
TNI_LOOP1_(TNI_ONCE, move_16, uint16_t, uint16_t, uint16_t, a)

#define ROW(from)                                                                                                                  \
    {                                                                                                                              \
        [TNI_U8] = from##_to_u8, [TNI_I8] = from##_to_i8, [TNI_I16] = from##_to_i16, [TNI_I32] = from##_to_i32,                    \
        [TNI_I64] = from##_to_i64, [TNI_F32] = from##_to_f32, [TNI_F64] = from##_to_f64, [TNI_C64] = from##_to_c64,                \
        [TNI_C128] = from##_to_c128, [TNI_BOOL] = from##_to_bool                                                                   \
    }
static tni_loop *const table[TNI_COLUMNS][TNI_COLUMNS] = {
    [TNI_U8] = ROW(u8),   [TNI_I8] = ROW(i8),   [TNI_I16] = ROW(i16), [TNI_I32] = ROW(i32),   [TNI_I64] = ROW(i64),
    [TNI_F32] = ROW(f32), [TNI_F64] = ROW(f64), [TNI_C64] = ROW(c64), [TNI_C128] = ROW(c128), [TNI_BOOL] = ROW(bool)};

static tni_loop *conversion(tn_dtype to, tn_dtype from, bool *widen) {
    bool half_to = tni_dtype_is_half(to), half_from = tni_dtype_is_half(from);
    *widen = false;
    if (to == from && (half_to || tni_dtype_in(to, TNI_STORED_BITS)))
        return tni_dtype_size(to) == 1   ? u8_to_u8
               : tni_dtype_size(to) == 2 ? move_16
               : tni_dtype_size(to) == 4 ? i32_to_i32
                                         : i64_to_i64;
    *widen = half_to || half_from;
    int i = tni_map_column(half_from ? TN_FLOAT32 : from), j = tni_map_column(half_to ? TN_FLOAT32 : to);
    return i < 0 || j < 0 ? NULL : table[i][j];
}

bool tni_copy_array(const tni_array *to, const tni_array *from) {
    if (to->device == TNI_SPARSE || from->device == TNI_SPARSE) return tni_refuse_values(TNI_SPARSE);
    if (to->numel == 0 || to->device != TNI_CPU) return true;
    if (from->device != TNI_CPU) return tni_refuse_no_data();
    if (to->dtype == from->dtype && to->contiguous && from->contiguous && to->numel == from->numel && to->numel <= 32768) {
        memmove(to->data, from->data, (size_t)to->numel * tni_array_item(to));
        return true;
    }
    bool widen;
    tni_loop *loop = conversion((tn_dtype)to->dtype, (tn_dtype)from->dtype, &widen);
    TNI_CHECK(loop, TN_ERR_NOT_IMPLEMENTED, "copy_: not implemented from torch.%s to torch.%s",
              tni_dtype_get((tn_dtype)from->dtype)->name, tni_dtype_get((tn_dtype)to->dtype)->name);
    const tni_array *const both[] = {to, from};
    return widen ? tni_map_arrays_widened(loop, both, 2, NULL) : tni_map_arrays(loop, both, 2, NULL);
}

void tni_warn_if_cut(const tni_array *to, const tni_array *from) {
    static bool said;
    if (!tni_dtype_is_complex((tn_dtype)from->dtype) || tni_dtype_is_complex((tn_dtype)to->dtype) || to->dtype == TN_BOOL ||
        to->numel == 0 || to->device != TNI_CPU || __atomic_exchange_n(&said, true, __ATOMIC_RELAXED))
        return;
    tni_warn("Casting complex values to real discards the imaginary part");
}

const tni_array *tni_array_as(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype, bool contiguous,
                              tn_tensor **made) {
    *made = NULL;
    if (x->a.dtype == (int8_t)dtype && (!contiguous || x->a.contiguous)) return &x->a;
    tn_tensor *y = contiguous ? tni_tensor_new(t, who, dtype, x->a.sizes, x->a.ndim) : tni_tensor_new_like(t, who, x, dtype);
    if (!y) return NULL;
    if (!tni_copy_array(&y->a, &x->a)) {
        tni_tensor_destroy_new(t, y);
        return NULL;
    }
    *made = y;
    return &y->a;
}

double tni_array_double_at(const tni_array *a, size_t offset) {
    const char *p = (const char *)a->data + offset;
    switch ((tn_dtype)a->dtype) {
    case TN_FLOAT16: return (double)tni_f16_to_f32(*(const uint16_t *)p);
    case TN_BFLOAT16: return (double)tni_bf16_to_f32(*(const uint16_t *)p);
    case TN_FLOAT32:
    case TN_COMPLEX64: return (double)*(const float *)p;
    case TN_FLOAT64:
    case TN_COMPLEX128: return *(const double *)p;
    case TN_FLOAT8_E5M2:
    case TN_FLOAT8_E4M3FN:
    case TN_FLOAT8_E5M2FNUZ:
    case TN_FLOAT8_E4M3FNUZ: return (double)tni_float8_to_f32(*(const uint8_t *)p, (tn_dtype)a->dtype);
    case TN_UINT64: return (double)*(const uint64_t *)p;
    default: return (double)tni_array_int_at(a, offset);
    }
}

int64_t tni_array_int_at(const tni_array *a, size_t offset) {
    const char *p = (const char *)a->data + offset;
    switch ((tn_dtype)a->dtype) {
    case TN_UINT8: return *(const uint8_t *)p;
    case TN_INT8: return *(const int8_t *)p;
    case TN_INT16: return *(const int16_t *)p;
    case TN_BOOL: return *(const uint8_t *)p != 0;
    case TN_INT32: return *(const int32_t *)p;
    case TN_INT64: return *(const int64_t *)p;
    case TN_UINT16: return *(const uint16_t *)p;
    case TN_UINT32: return *(const uint32_t *)p;
    case TN_UINT64: return (int64_t) * (const uint64_t *)p;
    default: return to_i64(tni_array_double_at(a, offset));
    }
}

void tni_element_convert(void *to, tn_dtype dtype, const void *from, tn_dtype from_dtype) {
    float wide, narrow;
    if (tni_dtype_is_half(from_dtype)) {
        wide = tni_half_to_f32(*(const uint16_t *)from, from_dtype);
        from = &wide;
        from_dtype = TN_FLOAT32;
    }
    bool half = tni_dtype_is_half(dtype), widen;
    char *p[2] = {half ? (char *)&narrow : to, (char *)(uintptr_t)from};
    conversion(half ? TN_FLOAT32 : dtype, from_dtype, &widen)(p, (const int64_t[]){0, 0}, 1, NULL);
    if (half) *(uint16_t *)to = tni_f32_to_half(narrow, dtype);
}

void tni_element_set(void *at, tn_dtype dtype, double d, int64_t i, bool is_int) {
    tni_element_convert(at, dtype, is_int ? (const void *)&i : (const void *)&d, is_int ? TN_INT64 : TN_FLOAT64);
}
