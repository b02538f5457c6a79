/* tests/unit/test_values.c - operators against the values that PyTorch gave for their sample lines: tests/values/<operator>.txt.
 *
 * A file is written by `tests/parity/samples.py --write`: a line of a sample, then for each result, after two blanks, its dtype, its
 * sizes, a colon and its elements in row-major order; of a large one "~", its sum, the sum of its magnitudes, and eight elements. */
#include "core/op_list.h"
#include "sample.h"

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

enum { LINE = 8192, SOME = 8, SUMS = 2 };

/* PyTorch's own tolerances (torch.testing.assert_close). */
static void tolerance(tn_dtype dtype, double *rtol, double *atol) {
    dtype = tni_dtype_real(dtype);
    *rtol = dtype == TN_FLOAT16    ? 1e-3
            : dtype == TN_BFLOAT16 ? 1.6e-2
            : dtype == TN_FLOAT32  ? 1.3e-6
            : dtype == TN_FLOAT64  ? 1e-7
                                   : 0;
    *atol = dtype == TN_FLOAT64 ? 1e-7 : tni_dtype_is_float(dtype) ? 1e-5 : 0;
}

static bool near_enough(double got, double expected, double rtol, double atol) {
    if (isnan(got) || isnan(expected)) return isnan(got) && isnan(expected);
    return got == expected || fabs(got - expected) <= atol + rtol * fabs(expected);
}

/* All elements as doubles, parts of complex numbers one after the other; to be freed. */
static double *elements(tn_tensor *y, size_t *n) {
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
static bool agrees(tn_tensor *y, const char *text) {
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
static bool check_result(tn_tensor *y, const char *line) {
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

/* Runs the sample of a line on its inputs; the results are claimed by the scope. */
static bool run_line(const tni_op *op, const char *line, tn_tensor **out, size_t *k) {
    static sample s;
    tn_tensor *in[SAMPLE_INPUTS];
    if (!sample_parse(&s, op, line)) return false;
    for (size_t i = 0; i < s.nin; i++) in[i] = sample_make(&s.in[i], i, LAYOUT_GIVEN);
    tn_manual_seed(0);
    return sample_call(&s, in, s.full_name, out, k);
}

static void check_file(const tni_op *op, FILE *file) {
    static char line[LINE], sample_line[LINE];
    tn_tensor *out[16] = {0};
    size_t k = 0, at = 0;
    TN_SCOPE;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '#' || *line == '\0') continue;
        if (*line == ' ') {
            if (!CHECK(at < k && check_result(out[at], line))) printf("  %s: %s\n  %s\n", op->name, sample_line, line);
            at++;
            continue;
        }
        CHECK(at == k);
        memset(out, 0, sizeof out);
        snprintf(sample_line, sizeof sample_line, "%s", line);
        at = 0, k = sizeof out / sizeof *out;
        bool runs = run_line(op, line, out, &k);
        if (!CHECK(runs)) printf("  %s: %s: %s\n", op->name, line, tn_error_message());
        tn_clear_error();
        if (!runs) k = 0;
    }
    CHECK(at == k);
}

int main(void) {
    char path[200];
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        snprintf(path, sizeof path, "tests/values/%s.txt", ops[i]->name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        test_broken = 0;
        check_file(ops[i], file);
        fclose(file);
        *(test_broken ? &test_failed : &test_passed) += 1;
        if (test_broken) printf("FAILED %s\n", ops[i]->name);
    }
    test_broken = 0;
    CHECK(test_passed + test_failed > 30); /* the files are there: tests run in the root of the source tree */
    test_failed += test_broken;
    return test_end();
}
