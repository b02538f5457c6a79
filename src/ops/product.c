/* ops/product.c - matrix products of arrays, for the operators that are made of them. */
#include "ops/product.h"
#include "cpu/gemm_complex.h"

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

bool tni_multiply(tn_dtype dtype, const tni_matrix *a, const tni_matrix *b, void *y, int64_t ldy, const void *bias) {
    int64_t m = a->rows, n = b->columns, k = a->columns;
    switch (dtype) {
    case TN_FLOAT32:
    case TN_FLOAT64:
    case TN_COMPLEX64:
    case TN_COMPLEX128:
        return tni_gemm_of(dtype, false,
                           (tni_gemm_job){.ta = a->transposed,
                                          .tb = b->transposed,
                                          .m = m,
                                          .n = n,
                                          .k = k,
                                          .lda = a->ld,
                                          .ldb = b->ld,
                                          .ldc = ldy,
                                          .a = a->data,
                                          .b = b->data,
                                          .c = y,
                                          .bias = bias});
    case TN_UINT8: multiply_u8(a, b, y, ldy); return true;
    case TN_INT32: multiply_i32(a, b, y, ldy); return true;
    case TN_INT64: multiply_i64(a, b, y, ldy); return true;
    default: return tni_fail(TN_ERR_NOT_IMPLEMENTED, "\"addmm_impl_cpu_\" not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    }
}
