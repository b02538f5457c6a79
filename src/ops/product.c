/* ops/product.c - matrix products of arrays, for the operators that are made of them. */
#include "ops/product.h"
#include "cpu/cmath.h"
#include "cpu/gemm.h"

bool tni_matrix_of(tni_thread *t, const char *who, const tn_tensor *x, tni_matrix *out, tn_tensor **made) {
    *made = NULL;
    const tni_array *a = &x->a;
    int r = a->ndim - 2, c = a->ndim - 1;
    int64_t rows = a->sizes[r], columns = a->sizes[c];
    bool by_rows = (a->strides[c] == 1 || columns == 1) && (a->strides[r] >= TNI_MAX(columns, 1) || rows == 1);
    bool by_columns = (a->strides[r] == 1 || rows == 1) && (a->strides[c] >= TNI_MAX(rows, 1) || columns == 1);
    if (!by_rows && !by_columns) {
        if (!(a = tni_array_as(t, who, x, (tn_dtype)a->dtype, true, made)) || !*made) return false;
        by_rows = true;
    }
    int64_t ld = by_rows ? (rows == 1 ? TNI_MAX(columns, 1) : a->strides[r]) : (columns == 1 ? TNI_MAX(rows, 1) : a->strides[c]);
    *out = (tni_matrix){a->data, rows, columns, ld, !by_rows};
    return true;
}

/* Plain loops for integers: exact in any order. */
#define MULTIPLY(T, U, name)                                                                                                       \
    static void name(const tni_matrix *a, const tni_matrix *b, T *y, int64_t ldy) {                                                \
        int64_t ai = a->transposed ? 1 : a->ld, ak = a->transposed ? a->ld : 1;                                                    \
        int64_t bk = b->transposed ? 1 : b->ld, bj = b->transposed ? b->ld : 1;                                                    \
        for (int64_t i = 0; i < a->rows; i++)                                                                                      \
            for (int64_t j = 0; j < b->columns; j++) {                                                                             \
                U sum = 0;                                                                                                         \
                for (int64_t k = 0; k < a->columns; k++)                                                                           \
                    sum += (U)((const T *)a->data)[i * ai + k * ak] * (U)((const T *)b->data)[k * bk + j * bj];                    \
                y[i * ldy + j] = (T)sum;                                                                                           \
            }                                                                                                                      \
    }
MULTIPLY(uint8_t, uint32_t, multiply_u8)
MULTIPLY(int32_t, uint32_t, multiply_i32)
MULTIPLY(int64_t, uint64_t, multiply_i64)

#define MULTIPLY_COMPLEX(T, name)                                                                                                  \
    static void name(const tni_matrix *a, const tni_matrix *b, T *y, int64_t ldy, const T *bias) {                                 \
        int64_t ai = a->transposed ? 1 : a->ld, ak = a->transposed ? a->ld : 1;                                                    \
        int64_t bk = b->transposed ? 1 : b->ld, bj = b->transposed ? b->ld : 1;                                                    \
        for (int64_t i = 0; i < a->rows; i++)                                                                                      \
            for (int64_t j = 0; j < b->columns; j++) {                                                                             \
                T sum = bias ? bias[j] : 0;                                                                                        \
                for (int64_t k = 0; k < a->columns; k++)                                                                           \
                    sum += TNI_CMUL(((const T *)a->data)[i * ai + k * ak], ((const T *)b->data)[k * bk + j * bj]);                 \
                y[i * ldy + j] = sum;                                                                                              \
            }                                                                                                                      \
    }
MULTIPLY_COMPLEX(float _Complex, multiply_c64)
MULTIPLY_COMPLEX(double _Complex, multiply_c128)

bool tni_multiply(tn_dtype dtype, const tni_matrix *a, const tni_matrix *b, void *y, int64_t ldy, const void *bias) {
    int64_t m = a->rows, n = b->columns, k = a->columns;
    switch (dtype) {
    case TN_FLOAT32: return tni_gemm_f32(a->transposed, b->transposed, m, n, k, a->data, a->ld, b->data, b->ld, 0, y, ldy, bias);
    case TN_FLOAT64: return tni_gemm_f64(a->transposed, b->transposed, m, n, k, a->data, a->ld, b->data, b->ld, 0, y, ldy, bias);
    case TN_UINT8: multiply_u8(a, b, y, ldy); return true;
    case TN_INT32: multiply_i32(a, b, y, ldy); return true;
    case TN_INT64: multiply_i64(a, b, y, ldy); return true;
    case TN_COMPLEX64: multiply_c64(a, b, y, ldy, bias); return true;
    case TN_COMPLEX128: multiply_c128(a, b, y, ldy, bias); return true;
    default: return tni_fail(TN_ERR_NOT_IMPLEMENTED, "\"addmm_impl_cpu_\" not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    }
}
