/* cli/convert.c - tison convert, tison diff: from one format to another, and what differs between two files. */
#include "cli.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* All tensors of a file, mapped where that is possible, and its metadata. */
static tn_state *load(const char *path) {
    tn_reader *r = tn_reader_open(path, .mmap = true);
    tn_state *state = r ? tn_state_new() : NULL;
    const char *key, *value;
    for (size_t i = 0; state && i < tn_reader_count(r); i++) {
        tn_reader_info info = {.size = sizeof info};
        if (!tn_reader_describe(r, i, &info) || !tn_state_set(state, info.name, tn_reader_at(r, i))) return NULL;
    }
    for (size_t i = 0; state && tn_reader_metadata(r, i, &key, &value); i++)
        if (!tn_state_set_metadata(state, key, value)) return NULL;
    return state;
}

static int convert(int argc, char **argv) {
    bool compressed = cli_flag(&argc, argv, "--compress");
    cli_expect(&cli_convert, argc, argv, 2, 2);
    tn_state *state = load(argv[1]);
    size_t n = strlen(argv[2]);
    bool npz = n > 4 && strcmp(argv[2] + n - 4, ".npz") == 0;
    if (compressed && !npz) {
        fprintf(stderr, "tison: --compress is for .npz\n");
        return CLI_TROUBLE;
    }
    if (!state || !(npz ? tn_save_npz(state, argv[2], .compressed = compressed) : tn_save(state, argv[2]))) return cli_fail();
    return CLI_OK;
}

const command cli_convert = {
    "convert", "FROM TO [--compress]", "writes the tensors of a file in the format that TO's name ends in",
    "  --compress  a compressed .npz\n"
    "TO is replaced as a whole or not at all; it may be FROM. Formats to write: .safetensors, .npz, .npy, .pt\n",
    convert};

/* ---- diff ---- */

typedef struct difference {
    int64_t count; /* elements that differ by more than the tolerance */
    double largest;
    int64_t at; /* of the largest */
} difference;

/* Numbers that lie side by side. NaN equals NaN. */
static difference compare(const void *a, tn_dtype da, const void *b, tn_dtype db, int64_t n, double atol, double rtol) {
    difference d = {0, 0, -1};
    for (int64_t i = 0; i < n; i++) {
        double x = cli_element(a, da, i), y = cli_element(b, db, i), gap = fabs(x - y);
        if (x == y || (isnan(x) && isnan(y)) || gap <= atol + rtol * fabs(y)) continue;
        d.count++;
        if (isnan(gap)) gap = INFINITY;
        if (d.at >= 0 && !(gap > d.largest)) continue;
        d.largest = gap;
        d.at = i;
    }
    return d;
}

static bool same_shape(tn_tensor *a, tn_tensor *b) {
    return tn_ndim(a) == tn_ndim(b) && memcmp(tn_sizes(a), tn_sizes(b), (size_t)tn_ndim(a) * sizeof(int64_t)) == 0;
}

/* One tensor of both files; false: an error. *differs is set, never cleared. */
static bool diff_one(tn_tensor *a, tn_tensor *b, const char *name, double atol, double rtol, bool *differs) {
    TN_SCOPE;
    tn_dtype da = tn_get_dtype(a), db = tn_get_dtype(b);
    if (!same_shape(a, b)) {
        printf("%s: shape %s", name, cli_shape((size_t)tn_ndim(a), tn_sizes(a)));
        printf(" and %s\n", cli_shape((size_t)tn_ndim(b), tn_sizes(b)));
        return *differs = true;
    }
    if (da != db) {
        printf("%s: dtype %s and %s\n", name, tn_dtype_name(da), tn_dtype_name(db));
        *differs = true;
    }
    int64_t n = tn_numel(a);
    if (cli_parts(da) != cli_parts(db)) return true;
    a = tn_contiguous(a);
    b = tn_contiguous(b);
    if (!a || !b) return false;
    difference d = compare(tn_data(a), da, tn_data(b), db, n * (int64_t)cli_parts(da), atol, rtol);
    if (d.count == 0) return true;
    printf("%s: %lld of %lld elements differ, at most by %.9g (at %lld: %.9g and %.9g)\n", name, (long long)d.count, (long long)n,
           d.largest, (long long)d.at, cli_element(tn_data(a), da, d.at), cli_element(tn_data(b), db, d.at));
    return *differs = true;
}

static void only_in(tn_state *a, tn_state *b, const char *path, bool *differs) {
    for (size_t i = 0; i < tn_state_count(a); i++) {
        if (tn_state_has(b, tn_state_name(a, i))) continue;
        printf("only in %s: %s\n", path, tn_state_name(a, i));
        *differs = true;
    }
}

static int diff(int argc, char **argv) {
    double atol = cli_number(&argc, argv, "--atol", 0), rtol = cli_number(&argc, argv, "--rtol", 0);
    cli_expect(&cli_diff, argc, argv, 2, 2);
    tn_state *a = load(argv[1]), *b = a ? load(argv[2]) : NULL;
    bool differs = false;
    if (!b) return cli_fail();
    only_in(a, b, argv[1], &differs);
    only_in(b, a, argv[2], &differs);
    for (size_t i = 0; i < tn_state_count(a); i++) {
        const char *name = tn_state_name(a, i);
        if (tn_state_has(b, name) && !diff_one(tn_state_at(a, i), tn_state_get(b, name), name, atol, rtol, &differs))
            return cli_fail();
    }
    return tn_error() ? cli_fail() : differs ? CLI_DIFFERS : CLI_OK;
}

const command cli_diff = {
    "diff", "A B [--atol X] [--rtol X]", "what differs between two files: names, dtypes, shapes, elements",
    "  --atol X, --rtol X  elements a and b are equal when |a - b| <= atol + rtol |b|; 0 and 0\n"
    "The files may have different formats. Prints nothing and ends with 0 when they are equal, else with 1.\n",
    diff};
