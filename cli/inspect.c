/* cli/inspect.c - tison inspect, tison verify: what is in a file, and whether all of it can be read. */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text of a file on a terminal: control characters as '?'. */
static void print_plain(const char *text, int width) {
    int n = 0;
    for (; *text; text++, n += ((unsigned char)*text & 0xC0) != 0x80)
        putchar((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text);
    for (; n < width; n++) putchar(' ');
}

static int name_width(tn_reader *r, size_t n) {
    int width = 4;
    for (size_t i = 0; i < n; i++) {
        tn_reader_info info = {.size = sizeof info};
        if (!tn_reader_describe(r, i, &info)) return width;
        int length = (int)strnlen(info.name, 60);
        if (length > width) width = length;
    }
    return width;
}

/* Reads tensor i and measures it. false: an error, or a dtype that no tensor can have (then the latch is clear and *known false). */
static bool measure(tn_reader *r, size_t i, cli_stats *s, bool *known) {
    TN_SCOPE;
    tn_tensor *x = tn_reader_at(r, i);
    *known = x != NULL;
    if (!x && tn_error() == TN_ERR_NOT_IMPLEMENTED) {
        tn_clear_error();
        return true;
    }
    if (!x) return false;
    tn_dtype dtype = tn_get_dtype(x);
    cli_measure(tn_data(x), dtype, tn_numel(x) * (int64_t)cli_parts(dtype), s); /* dense, in whatever order */
    return true;
}

static void print_row(const tn_reader_info *info, const cli_stats *s, int width) {
    print_plain(info->name, width);
    printf("  %-8s  %-18s  %9s", info->dtype_name, cli_shape(info->ndim, info->sizes), cli_bytes(info->bytes));
    if (s)
        printf("  %11.4g  %11.4g  %11.4g  %11.4g  %6lld  %6lld", s->min, s->max, s->mean, s->deviation, (long long)s->nan,
               (long long)s->inf);
    putchar('\n');
}

static void print_json_row(const tn_reader_info *info, const cli_stats *s, bool first) {
    printf("%s\n    {\"name\": ", first ? "" : ",");
    cli_print_string(info->name);
    printf(", \"dtype\": \"%s\", \"shape\": %s, \"bytes\": %llu", info->dtype_name, cli_shape(info->ndim, info->sizes),
           (unsigned long long)info->bytes);
    if (info->offset != UINT64_MAX) printf(", \"offset\": %llu", (unsigned long long)info->offset);
    if (s) {
        printf(", \"min\": "), cli_print_number(s->min);
        printf(", \"max\": "), cli_print_number(s->max);
        printf(", \"mean\": "), cli_print_number(s->mean);
        printf(", \"std\": "), cli_print_number(s->deviation);
        printf(", \"nan\": %lld, \"inf\": %lld, \"zero\": %lld", (long long)s->nan, (long long)s->inf, (long long)s->zero);
    }
    printf("}");
}

static void print_head(tn_reader *r, const char *path, bool json, bool stats, int width) {
    const char *key, *value;
    size_t n = tn_reader_count(r);
    if (json) {
        printf("{\n  \"file\": "), cli_print_string(path);
        printf(",\n  \"format\": \"%s\",\n  \"metadata\": {", tn_reader_format(r));
    } else {
        print_plain(path, 0);
        printf(": %s, %zu tensor%s\n", tn_reader_format(r), n, n == 1 ? "" : "s");
    }
    for (size_t i = 0; tn_reader_metadata(r, i, &key, &value); i++) {
        if (json) {
            printf(i ? ", " : "");
            cli_print_string(key), printf(": "), cli_print_string(value);
        } else {
            printf("  "), print_plain(key, 0), printf(": "), print_plain(value, 0), putchar('\n');
        }
    }
    if (json)
        printf("},\n  \"tensors\": [");
    else
        printf("%-*s  %-8s  %-18s  %9s%s\n", width, "name", "dtype", "shape", "bytes",
               stats ? "          min          max         mean          std     NaN     inf" : "");
}

static int inspect(int argc, char **argv) {
    bool json = cli_flag(&argc, argv, "--json"), stats = !cli_flag(&argc, argv, "--short");
    cli_expect(&cli_inspect, argc, argv, 1, 1);
    tn_reader *r = tn_reader_open(argv[1], .mmap = true);
    if (!r) return cli_fail();
    size_t n = tn_reader_count(r);
    int width = name_width(r, n);
    uint64_t bytes = 0, elements = 0;
    print_head(r, argv[1], json, stats, width);
    for (size_t i = 0; i < n; i++) {
        tn_reader_info info = {.size = sizeof info};
        cli_stats s;
        bool known = false;
        if (!tn_reader_describe(r, i, &info) || (stats && !measure(r, i, &s, &known))) return cli_fail();
        if (json)
            print_json_row(&info, known ? &s : NULL, i == 0);
        else
            print_row(&info, known ? &s : NULL, width);
        uint64_t count = 1;
        for (size_t d = 0; d < info.ndim; d++) count *= (uint64_t)info.sizes[d];
        bytes += info.bytes;
        elements += count;
    }
    if (json)
        printf("%s],\n  \"elements\": %llu,\n  \"bytes\": %llu\n}\n", n ? "\n  " : "", (unsigned long long)elements,
               (unsigned long long)bytes);
    else
        printf("%llu elements, %s\n", (unsigned long long)elements, cli_bytes(bytes));
    return CLI_OK;
}

const command cli_inspect = {
    "inspect", "FILE [--json] [--short]", "what is in a file: names, dtypes, shapes, bytes, statistics",
    "  --json    as JSON\n"
    "  --short   without the statistics, which read every element (of the finite ones; a complex number is two)\n",
    inspect};

static int verify(int argc, char **argv) {
    bool finite = cli_flag(&argc, argv, "--finite");
    cli_expect(&cli_verify, argc, argv, 1, 1);
    tn_reader *r = tn_reader_open(argv[1]); /* read, not mapped: checksums are compared */
    if (!r) {
        (void)cli_fail();
        return tn_error() == TN_ERR_FORMAT ? CLI_DIFFERS : CLI_TROUBLE;
    }
    size_t n = tn_reader_count(r);
    int64_t nan = 0, inf = 0;
    for (size_t i = 0; i < n; i++) {
        cli_stats s = {0};
        bool known;
        if (!measure(r, i, &s, &known)) {
            (void)cli_fail();
            return tn_error() == TN_ERR_FORMAT ? CLI_DIFFERS : CLI_TROUBLE;
        }
        if (known) nan += s.nan, inf += s.inf;
        if (finite && known && s.nan + s.inf > 0) {
            tn_reader_info info = {.size = sizeof info};
            tn_reader_describe(r, i, &info);
            print_plain(info.name, 0);
            printf(": %lld NaN, %lld infinite\n", (long long)s.nan, (long long)s.inf);
        }
    }
    printf("%s: %s, %zu tensors, whole; %lld NaN, %lld infinite\n", argv[1], tn_reader_format(r), n, (long long)nan,
           (long long)inf);
    return finite && nan + inf > 0 ? CLI_DIFFERS : CLI_OK;
}

const command cli_verify = {"verify", "FILE [--finite]", "reads all of a file and checks all that its format allows to check",
                            "  --finite  NaN and infinite elements count as damage, and the tensors that have some are named\n",
                            verify};
