/* cpu/gemm_complex.h - matrix products by dtype, also of complex numbers. */
#ifndef TNI_GEMM_COMPLEX_H
#define TNI_GEMM_COMPLEX_H
#include "cpu/gemm.h"

/* Bytes of an element of one of the four dtypes. */
TNI_INLINE size_t tni_number_size(tn_dtype dtype) { return dtype == TN_FLOAT32 ? 4 : dtype == TN_COMPLEX128 ? 16 : 8; }
TNI_INLINE bool tni_number_is_complex(tn_dtype dtype) { return dtype == TN_COMPLEX64 || dtype == TN_COMPLEX128; }

/* The same as tni_gemm, of complex numbers, float or double by .wide. With `conjugate` and .ta A is conjugated too, as adjoint matrices
 * are. .row_bias is for real numbers alone. */
bool tni_gemm_complex(const tni_gemm_job *job, bool conjugate);

/* One of both for float32, float64, complex64 or complex128, from which .wide follows. */
TNI_INLINE bool tni_gemm_of(tn_dtype dtype, bool conjugate, tni_gemm_job job) {
    job.wide = dtype == TN_FLOAT64 || dtype == TN_COMPLEX128;
    return tni_number_is_complex(dtype) ? tni_gemm_complex(&job, conjugate) : tni_gemm(&job);
}
#endif
