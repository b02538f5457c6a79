/* cpu/sum.h - sums of float and double in PyTorch's one-thread order, whatever the number of threads. */
#ifndef TNI_SUM_H
#define TNI_SUM_H
#include "base/base.h"

/* Any sum is: zero the output, order the dims, merge and drop what can be (tni_sum_order), then add (tni_sum_*). Examples
 * of the dims that remain, innermost first, as {size, x stride, out stride}; out stride 0 marks a summed dim:
 *   all of a contiguous tensor of n        {n, 1, 0}
 *   dim 1 of (R, C)                        {C, 1, 0} {R, C, 1}
 *   dim 0 of (R, C)                        {R, C, 0} {C, 1, 1}
 *   dim 1 of (A, B, C)                     {B, C, 0} {C, 1, 1} {A, B*C, C}
 *   dims 0 and 2 of (A, B, C)              {C, 1, 0} {A, B*C, 0} {B, C, 1}
 *   dim 1 of x.T, x of (R, C)              {R, C, 0} {C, 1, 1}: strides count, not names
 * mean is this sum divided by the count. An empty sum is the zero that the output was filled with. */
typedef struct tni_sum_dim {
    int64_t size, x_stride, out_stride; /* strides in elements */
} tni_sum_dim;

/* Brings `dims`, given outermost first as a tensor has them, into the order described above; returns how many remain. The strides
 * of the output must be those of the (fresh, contiguous) result, as they decide the order of the kept dims. */
int tni_sum_order(tni_sum_dim *dims, int count);

/* out += sums of x, dims from tni_sum_order, any count (with no dims: the one element). */
void tni_sum_nd_f32(float *out, const float *x, const tni_sum_dim *dims, int count);
void tni_sum_nd_f64(double *out, const double *x, const tni_sum_dim *dims, int count);

/* The two innermost dims: out[j * out_stride] += sum over i < n of x[i * n_stride + j * m_stride], for begin <= j < end <= m.
 * The outer dims are loops around it. `m` is always the full size, since it chooses the order of addition; [begin, end) is one
 * thread's share: cut anywhere that is a multiple of TNI_SUM_COLUMNS. With out_stride 0 (two summed dims) do not cut.
 * With a single dim pass m = 1, m_stride = 0, begin = 0, end = 1. */
#define TNI_SUM_COLUMNS 32
void tni_sum_2d_f32(float *out, int64_t out_stride, const float *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                    int64_t begin, int64_t end);
void tni_sum_2d_f64(double *out, int64_t out_stride, const double *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                    int64_t begin, int64_t end);

/* out[j] = sum of row j: n contiguous elements from x + j * outer_stride. */
void tni_sum_inner_f32(float *out, int64_t out_stride, const float *x, int64_t outer, int64_t outer_stride, int64_t n);
void tni_sum_inner_f64(double *out, int64_t out_stride, const double *x, int64_t outer, int64_t outer_stride, int64_t n);
/* out[j] = sum over i < n of x[i * n_stride + j * column_stride], j < columns. */
void tni_sum_outer_f32(float *out, const float *x, int64_t columns, int64_t column_stride, int64_t n, int64_t n_stride);
void tni_sum_outer_f64(double *out, const double *x, int64_t columns, int64_t column_stride, int64_t n, int64_t n_stride);
#endif
