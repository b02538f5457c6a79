/* cli/elements.c - elements of any dtype as numbers, what they have in common, and how things are printed. */
#include "cli.h"
#include "tensor/half.h"
#include <math.h>
#include <stdio.h>

size_t cli_parts(tn_dtype dtype) { return dtype == TN_COMPLEX64 || dtype == TN_COMPLEX128 ? 2 : 1; }

double cli_element(const void *data, tn_dtype dtype, int64_t i) {
    switch (dtype) {
    case TN_UINT8: return ((const uint8_t *)data)[i];
    case TN_BOOL: return ((const uint8_t *)data)[i] != 0;
    case TN_INT8: return ((const int8_t *)data)[i];
    case TN_INT16: return ((const int16_t *)data)[i];
    case TN_UINT16: return ((const uint16_t *)data)[i];
    case TN_INT32: return ((const int32_t *)data)[i];
    case TN_UINT32: return ((const uint32_t *)data)[i];
    case TN_INT64: return (double)((const int64_t *)data)[i];
    case TN_UINT64: return (double)((const uint64_t *)data)[i];
    case TN_FLOAT32:
    case TN_COMPLEX64: return (double)((const float *)data)[i];
    case TN_FLOAT64:
    case TN_COMPLEX128: return ((const double *)data)[i];
    case TN_FLOAT16:
    case TN_BFLOAT16: return (double)tni_half_to_f32(((const uint16_t *)data)[i], dtype);
    default: return (double)tni_float8_to_f32(((const uint8_t *)data)[i], dtype);
    }
}

/* Mean and deviation by blocks, so that neither many elements nor large ones lose digits. */
typedef struct moments {
    double count, mean, squares;
} moments;

static void join(moments *a, const moments *b) {
    double n = a->count + b->count, d = b->mean - a->mean;
    if (b->count == 0) return;
    a->squares += b->squares + d * d * a->count * b->count / n;
    a->mean += d * b->count / n;
    a->count = n;
}

enum { BLOCK = 1024 };

static void measure_block(const void *data, tn_dtype dtype, int64_t from, int64_t n, cli_stats *s, moments *all) {
    double value[BLOCK], sum = 0;
    moments m = {0};
    int64_t finite = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = cli_element(data, dtype, from + i);
        if (isnan(v))
            s->nan++;
        else if (isinf(v))
            s->inf++;
        else
            value[finite++] = v, sum += v;
    }
    if (finite == 0) return;
    m.count = (double)finite;
    m.mean = sum / m.count;
    for (int64_t i = 0; i < finite; i++) {
        double d = value[i] - m.mean;
        m.squares += d * d;
        if (!(value[i] >= s->min)) s->min = value[i];
        if (!(value[i] <= s->max)) s->max = value[i];
        s->zero += value[i] == 0;
    }
    join(all, &m);
}

void cli_measure(const void *data, tn_dtype dtype, int64_t n, cli_stats *out) {
    moments all = {0};
    *out = (cli_stats){.count = n, .min = (double)NAN, .max = (double)NAN, .mean = (double)NAN, .deviation = (double)NAN};
    for (int64_t i = 0; i < n; i += BLOCK) measure_block(data, dtype, i, n - i < BLOCK ? n - i : BLOCK, out, &all);
    if (all.count > 0) out->mean = all.mean;
    if (all.count > 0) out->deviation = sqrt(all.squares / all.count);
}

void cli_print_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

void cli_print_number(double value) {
    if (isfinite(value))
        printf("%.17g", value);
    else
        printf("null");
}

const char *cli_shape(size_t ndim, const int64_t *sizes) {
    static char text[2048];
    size_t at = (size_t)snprintf(text, sizeof text, "[");
    for (size_t d = 0; d < ndim && at < sizeof text - 32; d++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", d ? ", " : "", (long long)sizes[d]);
    snprintf(text + at, sizeof text - at, "]");
    return text;
}

const char *cli_bytes(uint64_t bytes) {
    static char text[32];
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1000 && unit < 5; unit++) value /= 1000;
    snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}
