/* cpu/gemm_complex.h - matrix products by dtype, also of complex numbers. */
#ifndef TNI_GEMM_COMPLEX_H
#define TNI_GEMM_COMPLEX_H
#include "cpu/gemm.h"

/* Bytes of an element of one of the four dtypes. */
TNI_INLINE size_t tni_number_size(tn_dtype dtype) { return dtype == TN_FLOAT32 ? 4 : dtype == TN_COMPLEX128 ? 16 : 8; }
TNI_INLINE bool tni_number_is_complex(tn_dtype dtype) { return dtype == TN_COMPLEX64 || dtype == TN_COMPLEX128; }

/* tni_gemm for float32, float64, complex64 or complex128, from which `wide` follows. With `conjugate` and .ta complex A is conjugated too,
 * as adjoint matrices are. .row_bias is for real numbers alone. */
bool tni_gemm_of(tn_dtype dtype, bool conjugate, tni_gemm_job job);
#endif
