/* tests/unit/values.h - results as PyTorch's are written down: "float32 3 4 : 0.5 ...", dtype, sizes, a colon and the elements in row-major
 * order; of a large one "~", its sum, the sum of its magnitudes, and eight elements. */
#ifndef TISON_VALUES_H
#define TISON_VALUES_H
#include "sample.h"

enum { SOME = 8, SUMS = 2 };

/* PyTorch's own tolerances (torch.testing.assert_close). */
static inline void tolerance(tn_dtype dtype, double *rtol, double *atol) {
    dtype = tni_dtype_real(dtype);
    *rtol = dtype == TN_FLOAT16    ? 1e-3
            : dtype == TN_BFLOAT16 ? 1.6e-2
            : dtype == TN_FLOAT32  ? 1.3e-6
            : dtype == TN_FLOAT64  ? 1e-7
                                   : 0;
    *atol = dtype == TN_FLOAT64 ? 1e-7 : tni_dtype_is_float(dtype) ? 1e-5 : 0;
}

static inline bool near_enough(double got, double expected, double rtol, double atol) {
    if (isnan(got) || isnan(expected)) return isnan(got) && isnan(expected);
    return got == expected || fabs(got - expected) <= atol + rtol * fabs(expected);
}

/* All elements as doubles, parts of complex numbers one after the other; to be freed. */
static inline double *elements(tn_tensor *y, size_t *n) {
    tn_dtype dtype = tn_get_dtype(y), real = tni_dtype_real(dtype);
    size_t item = tni_dtype_size(dtype), part = tni_dtype_size(real), bytes = (size_t)tn_numel(y) * item;
    char *raw = malloc(bytes + 1);
    double *out = malloc(bytes / part * sizeof *out + 1);
    *n = bytes / part;
    if (raw && out && tn_copy_to(y, raw, bytes))
        for (size_t i = 0; i < *n; i++) tni_element_convert(&out[i], TN_FLOAT64, raw + i * part, real);
    free(raw);
    return out;
}

/* Does a result agree with the rest of its line, after the colon? */
static inline bool agrees(tn_tensor *y, const char *text) {
    size_t n, count = 0;
    double rtol, atol, sums[SUMS] = {0}, *got = elements(y, &n);
    tolerance(tn_get_dtype(y), &rtol, &atol);
    while (*text == ' ') text++;
    bool some = *text == '~', right = got != NULL;
    for (size_t i = 0; i < n && some; i++) sums[0] += got[i], sums[1] += fabs(got[i]);
    if (tni_dtype_is_half(tn_get_dtype(y))) /* small differences of large terms keep their error */
        for (size_t i = 0; i < n; i++)
            if (isfinite(got[i])) atol = fmax(atol, fabs(got[i]) * (tn_get_dtype(y) == TN_BFLOAT16 ? 0x1p-7 : 0x1p-10));
    text += some;
    for (char *end; right; text = end, count++) {
        double expected = strtod(text, &end), value;
        if (end == text) break;
        if (!some && count >= n) return free(got), false;
        value = !some ? got[count] : count < SUMS ? sums[count] : got[n * (count - SUMS) / SOME];
        double slack = some && count < SUMS ? rtol * sums[1] + atol * (double)n : 0;
        right = near_enough(value, expected, rtol, atol + slack);
        if (!right) printf("  element %zu: %.17g, PyTorch %.17g\n", count, value, expected);
    }
    free(got);
    return right && count == (some ? SOME + SUMS : n);
}

/* "  float32 3 4 : ..." */
static inline bool check_result(tn_tensor *y, const char *line) {
    char name[32];
    int used;
    if (!y || sscanf(line, " %31s%n", name, &used) != 1 || strcmp(name, tn_dtype_name(tn_get_dtype(y))) != 0) return false;
    const char *p = line + used;
    int64_t d = 0;
    for (char *end; *p && *p != ':'; p = end) {
        while (*p == ' ') p++;
        if (*p == ':') break;
        long long size = strtoll(p, &end, 10);
        if (end == p || d == tn_ndim(y) || tn_size(y, d++) != size) return false;
    }
    return d == tn_ndim(y) && *p == ':' && agrees(y, p + 1);
}

/* The same, but float32 numbers must have PyTorch's bits. */
static inline bool check_bits(tn_tensor *y, const char *line) {
    const char *at = strchr(line, ':');
    size_t n;
    double *got = y ? elements(y, &n) : NULL;
    bool right = got && at && check_result(y, line);
    if (right && at[1] && at[2] != '~')
        for (size_t i = 0; i < n && right; i++) {
            char *end;
            right = (float)strtod(at + 1, &end) == (float)got[i];
            at = end - 1;
        }
    free(got);
    return right;
}
#endif
