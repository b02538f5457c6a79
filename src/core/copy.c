/* core/copy.c - copies and conversions between arrays of any dtypes and strides. */
#include "base/error.h"
#include "core/map.h"
#include <math.h>
#include <string.h>

/* Conversions as torch does them: to bool is "not zero"; a float to an integer is cut toward zero, and out of range what x86 gives. */
TNI_INLINE int64_t to_i64(double x) { return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN; }
TNI_INLINE int32_t to_i32(double x) { return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN; }
TNI_INLINE uint8_t to_u8(double x) { return (uint8_t)to_i64(x); }

#define FROM(T, tag)                                                                                                               \
    TNI_LOOP1(tag##_to_f32, float, T, a)                                                                                           \
    TNI_LOOP1(tag##_to_f64, double, T, a)                                                                                          \
    TNI_LOOP1(tag##_to_bool, bool, T, a != 0)
#define FROM_INT(T, tag)                                                                                                           \
    FROM(T, tag)                                                                                                                   \
    TNI_LOOP1(tag##_to_u8, uint8_t, T, a)                                                                                          \
    TNI_LOOP1(tag##_to_i32, int32_t, T, a)                                                                                         \
    TNI_LOOP1(tag##_to_i64, int64_t, T, a)
#define FROM_FLOAT(T, tag)                                                                                                         \
    FROM(T, tag)                                                                                                                   \
    TNI_LOOP1(tag##_to_u8, uint8_t, T, to_u8((double)a))                                                                           \
    TNI_LOOP1(tag##_to_i32, int32_t, T, to_i32((double)a))                                                                         \
    TNI_LOOP1(tag##_to_i64, int64_t, T, to_i64((double)a))
FROM_INT(uint8_t, u8)
FROM_INT(int32_t, i32)
FROM_INT(int64_t, i64)
FROM_FLOAT(float, f32)
FROM_FLOAT(double, f64)

/* A bool read from foreign memory may hold any byte: it is read as a byte. */
TNI_LOOP1(bool_to_f32, float, uint8_t, a != 0)
TNI_LOOP1(bool_to_f64, double, uint8_t, a != 0)
TNI_LOOP1(bool_to_bool, uint8_t, uint8_t, a != 0)
TNI_LOOP1(bool_to_u8, uint8_t, uint8_t, a != 0)
TNI_LOOP1(bool_to_i32, int32_t, uint8_t, a != 0)
TNI_LOOP1(bool_to_i64, int64_t, uint8_t, a != 0)

#define ROW(tag)                                                                                                                   \
    { tag##_to_u8, tag##_to_i32, tag##_to_i64, tag##_to_f32, tag##_to_f64, tag##_to_bool }
static tni_loop *const table[TNI_MAP_DTYPES][TNI_MAP_DTYPES] = {ROW(u8), ROW(i32), ROW(i64), ROW(f32), ROW(f64), ROW(bool)};

bool tni_copy_array(const tni_array *to, const tni_array *from) {
    if (to->numel == 0) return true;
    if (to->dtype == from->dtype && to->contiguous && from->contiguous && to->numel == from->numel && to->numel <= 32768) {
        memmove(to->data, from->data, (size_t)to->numel * tni_array_item(to));
        return true;
    }
    int i = tni_map_index((tn_dtype)from->dtype), j = tni_map_index((tn_dtype)to->dtype);
    TNI_CHECK(i >= 0 && j >= 0, TN_ERR_NOT_IMPLEMENTED, "copy_: not implemented from torch.%s to torch.%s",
              tni_dtype_get((tn_dtype)from->dtype)->name, tni_dtype_get((tn_dtype)to->dtype)->name);
    return tni_map_arrays(table[i][j], (const tni_array *const[]){to, from}, 2, NULL);
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
    case TN_FLOAT32: return (double)*(const float *)p;
    case TN_FLOAT64: return *(const double *)p;
    default: return (double)tni_array_int_at(a, offset);
    }
}

int64_t tni_array_int_at(const tni_array *a, size_t offset) {
    const char *p = (const char *)a->data + offset;
    switch ((tn_dtype)a->dtype) {
    case TN_UINT8: return *(const uint8_t *)p;
    case TN_BOOL: return *(const uint8_t *)p != 0;
    case TN_INT32: return *(const int32_t *)p;
    case TN_INT64: return *(const int64_t *)p;
    default: return to_i64(tni_array_double_at(a, offset));
    }
}

void tni_element_set(void *at, tn_dtype dtype, double d, int64_t i, bool is_int) {
    switch (dtype) {
    case TN_UINT8: *(uint8_t *)at = is_int ? (uint8_t)i : to_u8(d); break;
    case TN_BOOL: *(uint8_t *)at = is_int ? i != 0 : d != 0; break;
    case TN_INT32: *(int32_t *)at = is_int ? (int32_t)i : to_i32(d); break;
    case TN_INT64: *(int64_t *)at = is_int ? i : to_i64(d); break;
    case TN_FLOAT32: *(float *)at = is_int ? (float)i : (float)d; break;
    default: *(double *)at = is_int ? (double)i : d; break;
    }
}
