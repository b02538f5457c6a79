/* cli/cat.c - tison cat: prints a tensor, or draws it. */
#include "cli.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BINS = 24, BAR = 56, MOST_COLUMNS = 100, MOST_ROWS = 48 };

static void draw_histogram(const void *data, tn_dtype dtype, int64_t n) {
    cli_stats s;
    int64_t count[BINS] = {0}, most = 1;
    cli_measure(data, dtype, n, &s);
    printf("%lld numbers, min %.6g, max %.6g, mean %.6g, std %.6g, %lld zero, %lld NaN, %lld infinite\n", (long long)n, s.min,
           s.max, s.mean, s.deviation, (long long)s.zero, (long long)s.nan, (long long)s.inf);
    if (!(s.min <= s.max)) return;
    double width = (s.max / BINS - s.min / BINS); /* the difference alone may overflow */
    for (int64_t i = 0; i < n; i++) {
        double v = cli_element(data, dtype, i);
        if (!isfinite(v)) continue;
        int bin = width > 0 ? (int)((v - s.min) / width) : 0;
        count[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
    }
    for (int k = 0; k < BINS; k++)
        if (count[k] > most) most = count[k];
    for (int k = 0; k < (width > 0 ? BINS : 1); k++) {
        printf("%12.5g  ", s.min + width * k);
        for (int64_t i = 0; i < (count[k] * BAR + most - 1) / most; i++) putchar('#');
        printf(" %lld\n", (long long)count[k]);
    }
}

/* The mean of the elements under one cell of the picture; NaN stays. */
static double cell(const void *data, tn_dtype dtype, int64_t columns, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
    double sum = 0;
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c1; c++) sum += cli_element(data, dtype, r * columns + c);
    return sum / (double)((r1 - r0) * (c1 - c0));
}

static void draw_cell(double v, double low, double high, bool color) {
    static const char ink[] = " .:-=+*#%@";
    double level = high > low ? (v - low) / (high - low) : 0.5;
    if (isnan(v))
        putchar('?');
    else if (color)
        printf("\033[48;5;%dm ", 232 + (int)(fmin(fmax(level, 0), 1) * 23));
    else
        putchar(ink[(int)(fmin(fmax(level, 0), 1) * 9)]);
}

/* The last dim across, all others down; shrunk to the terminal by means. */
static void draw_map(const void *data, tn_dtype dtype, int64_t rows, int64_t columns, bool color) {
    int64_t height = rows < MOST_ROWS ? rows : MOST_ROWS, width = columns < MOST_COLUMNS ? columns : MOST_COLUMNS;
    cli_stats s;
    cli_measure(data, dtype, rows * columns, &s);
    printf("%lld x %lld, from %.6g (%s) to %.6g (%s)\n", (long long)rows, (long long)columns, s.min, color ? "dark" : "blank",
           s.max, color ? "light" : "@");
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++)
            draw_cell(cell(data, dtype, columns, y * rows / height, (y + 1) * rows / height, x * columns / width,
                           (x + 1) * columns / width),
                      s.min, s.max, color);
        printf(color ? "\033[0m\n" : "\n");
    }
}

/* "3,-1": x[3][-1]. */
static tn_tensor *choose(tn_tensor *x, const char *index) {
    while (x && index && *index) {
        char *end;
        long long i = strtoll(index, &end, 10);
        if (end == index || (*end && *end != ',')) {
            fprintf(stderr, "tison: --index takes whole numbers with commas between\n");
            exit(CLI_TROUBLE);
        }
        x = tn_select(x, 0, i);
        index = *end ? end + 1 : end;
    }
    return x;
}

static tn_tensor *find(tn_reader *r, const char *name) {
    if (name) return tn_reader_get(r, name);
    if (tn_reader_count(r) == 1) return tn_reader_at(r, 0);
    fprintf(stderr, "tison: the file has %zu tensors: which one?\n", tn_reader_count(r));
    exit(CLI_TROUBLE);
}

static int cat(int argc, char **argv) {
    bool histogram = cli_flag(&argc, argv, "--hist"), map = cli_flag(&argc, argv, "--map"), all = cli_flag(&argc, argv, "--all");
    const char *index = cli_option(&argc, argv, "--index");
    cli_expect(&cli_cat, argc, argv, 1, 2);
    tn_reader *r = tn_reader_open(argv[1], .mmap = true);
    tn_tensor *x = r ? choose(find(r, argv[2]), index) : NULL;
    if (x && (histogram || map)) x = tn_contiguous(x);
    if (!x) return cli_fail();
    tn_dtype dtype = tn_get_dtype(x);
    int64_t n = tn_numel(x) * (int64_t)cli_parts(dtype);
    int64_t columns = (tn_ndim(x) ? tn_size(x, -1) : 1) * (int64_t)cli_parts(dtype);
    if (histogram) draw_histogram(tn_data(x), dtype, n);
    if (map && n > 0) draw_map(tn_data(x), dtype, n / columns, columns, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    if (histogram || map) return CLI_OK;
    if (all) tn_set_printoptions(-1, 2147483647, -1, -1, -1);
    const char *text = tn_to_string(x);
    if (tn_error()) return cli_fail();
    puts(text);
    return CLI_OK;
}

const command cli_cat = {"cat", "FILE [NAME] [OPTIONS]", "prints a tensor as PyTorch does, or draws it",
                         "  --index I,J,...  only x[I][J]...; negative numbers count from the end\n"
                         "  --all            every element, however many\n"
                         "  --hist           statistics and a histogram\n"
                         "  --map            a picture: the last dim across, the others down; NO_COLOR is respected\n"
                         "NAME may be left out when the file has one tensor.\n",
                         cat};
