/* cpu/norm.h - means and variances of rows; layer, RMS, group and batch normalisation of raw contiguous arrays, with gradients. */
#ifndef TNI_NORM_H
#define TNI_NORM_H
#include "base/base.h"

/* Elements are float or double by `wide`; all arrays of a call have that type. Variances are taken in two passes, in pieces that
 * are added in double. The work is shared among threads; how, changes no bit. False: no memory for scratch.
 * `weight` and `bias` may be NULL (1 and 0); so may outputs that are not wanted, but y. y may be x, dx may be dy. */

/* mean[i] and var[i] = sum of squared deviations / (n - correction) of row i, n contiguous elements: in the calling thread; each
 * row alone, so callers may cut between rows. Either may be NULL. n = 0 gives NaN. */
void tni_row_moments_f32(float *mean, float *var, const float *x, int64_t rows, int64_t n, double correction);
void tni_row_moments_f64(double *mean, double *var, const double *x, int64_t rows, int64_t n, double correction);

/* Rows of n: y = (x - mean) * rstd * weight[n] + bias[n], rstd = 1 / sqrt(variance + eps) with the variance over n.
 * With `rms` the mean is 0 (so rstd = 1 / sqrt(mean(x^2) + eps)), and `mean` neither written nor read. mean, rstd: [rows]. */
typedef struct tni_layer_norm {
    bool wide, rms;
    int64_t rows, n;
    double eps;
} tni_layer_norm;
void tni_layer_norm_forward(const tni_layer_norm *g, const void *x, const void *weight, const void *bias, void *y, void *mean,
                            void *rstd);
bool tni_layer_norm_backward(const tni_layer_norm *g, const void *dy, const void *x, const void *mean, const void *rstd,
                             const void *weight, void *dx, void *dweight, void *dbias);

/* x is [n, c, inner]; statistics over the c / groups channels and inner elements of each group; weight, bias: [c]; mean, rstd:
 * [n, groups]. Instance normalisation is groups = c. */
typedef struct tni_group_norm {
    bool wide;
    int64_t n, c, inner, groups;
    double eps;
} tni_group_norm;
void tni_group_norm_forward(const tni_group_norm *g, const void *x, const void *weight, const void *bias, void *y, void *mean,
                            void *rstd);
bool tni_group_norm_backward(const tni_group_norm *g, const void *dy, const void *x, const void *mean, const void *rstd,
                             const void *weight, void *dx, void *dweight, void *dbias);

/* x is [n, c, inner]; statistics of each channel over n and inner; mean, var, invstd, weight, bias: [c]. */
typedef struct tni_batch_norm {
    bool wide;
    int64_t n, c, inner;
} tni_batch_norm;
/* mean and the biased variance (divided by n * inner) of each channel; NaN where there are no elements. */
bool tni_batch_norm_stats(const tni_batch_norm *g, const void *x, void *mean, void *var);
/* y = (x - mean) * invstd * weight + bias */
bool tni_batch_norm_forward(const tni_batch_norm *g, const void *x, const void *mean, const void *invstd, const void *weight,
                            const void *bias, void *y);
/* With `training`, mean and invstd are taken to depend on x; else they are constants. */
bool tni_batch_norm_backward(const tni_batch_norm *g, bool training, const void *dy, const void *x, const void *mean,
                             const void *invstd, const void *weight, void *dx, void *dweight, void *dbias);
#endif
