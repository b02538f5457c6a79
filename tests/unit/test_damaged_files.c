/* Some forty small valid files of every format: each strict prefix, and two changes of each byte, are refused or loaded, and nothing else. */
#include "support.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[512] = "/tmp";
static char path[600];
static long loads, refused;

/* ---- making the files ---- */

static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_FLOAT16, TN_BFLOAT16, TN_INT64,    TN_INT32,
                                  TN_INT16,   TN_INT8,    TN_UINT8,   TN_BOOL,     TN_COMPLEX64};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static tn_tensor *small(size_t i) { return tn_to(tn_arange(i % 3 == 0 ? 1 : 2 * i % 5), dtypes[i % DTYPES]); }

static tn_state *state_of(size_t i, size_t n) {
    tn_state *s = tn_state_new();
    for (size_t k = 0; k < n; k++) {
        char name[16];
        snprintf(name, sizeof name, "w%zu", k);
        tn_state_set(s, name, small(i + k));
    }
    return s;
}

typedef struct {
    const char *ending;
    bool (*make)(size_t i);  /* file number i at `path` */
    bool (*load)(void);      /* true when it loads */
    size_t count;            /* of files */
    bool tolerates_prefixes; /* a text that ends earlier is a text */
} format;

static bool make_state(size_t i) { return tn_save(state_of(i, 1 + i % 2), path); }
static bool load_state(void) { return tn_load(path) != NULL; }
static bool make_npy(size_t i) { /* numpy has no bfloat16 */
    return tn_save_npy(
        tn_reshape(dtypes[i % DTYPES] == TN_BFLOAT16 ? tn_arange(4) : tn_to(tn_arange(4), dtypes[i % DTYPES]), (2, 2)), path);
}
static bool load_npy(void) { return tn_load_npy(path) != NULL; }
static bool make_npz(size_t i) {
    tn_state *s = tn_state_new();
    tn_state_set(s, "a", tn_arange(3));
    if (i) tn_state_set(s, "b", tn_ones((1, 2)));
    return tn_save_npz(s, path);
}
static bool load_npz(void) { return tn_load_npz(path) != NULL; }
static bool make_optim(size_t i) {
    tn_tensor *p = tn_parameter(tn_ones(2));
    tn_optim *opt =
        i ? tn_optim_adam(tn_tensors_new(&p, 1), .lr = 0.1) : tn_optim_sgd(tn_tensors_new(&p, 1), .lr = 0.1, .momentum = 0.9);
    tn_backward(tn_sum(p));
    return tn_optim_step(opt) && tn_save_pt(tn_value_from_optim(opt), path);
}
static bool make_other_layout(size_t i) { /* sparse: places in order, and not; or meta */
    tn_tensor *s = tn_sparse_coo_tensor(tn_tensor((2, 2), 1, 0, 0, 2), tn_ones(2), (2, 3));
    return tn_save_pt(i == 0 ? s : i == 1 ? tn_parameter(tn_coalesce(s)) : tn_ones((2, 3), .device = "meta"), path);
}
static bool load_pt(void) { return tn_load_pt(path) != NULL; }

static bool write_file(const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    bool right = f && fwrite(data, 1, n, f) == n;
    return f && fclose(f) == 0 && right;
}
static bool make_idx(size_t i) {
    static const unsigned char types[] = {0x08, 0x0B, 0x0D};
    unsigned char file[4 + 8 + 16] = {0, 0, types[i], 2, 0, 0, 0, 2, 0, 0, 0, 2};
    static const size_t items[] = {1, 2, 4};
    return write_file(file, 12 + 4 * items[i]);
}
static bool load_idx(void) { return tn_load_idx(path) != NULL; }
static bool make_csv(size_t i) { return write_file(i ? "1,2.5\n-3,4e2\n" : "1\n2\n3\n", i ? 13 : 6); }
static bool load_csv(void) { return tn_load_csv(path) != NULL; }

static const format formats[] = {{"safetensors", make_state, load_state, 12, false},
                                 {"pt", make_state, load_state, 7, false},
                                 {"pt", make_optim, load_pt, 2, false},
                                 {"pt", make_other_layout, load_pt, 3, false},
                                 {"npy", make_npy, load_npy, 11, false},
                                 {"npz", make_npz, load_npz, 3, false},
                                 {"idx", make_idx, load_idx, 3, false},
                                 {"csv", make_csv, load_csv, 2, true}};

/* ---- damaging them ---- */

/* Loads what stands at `path`: an error is one that tells of the file, and leaves nothing behind. */
static bool attempt(const format *f) {
    bool loaded;
    {
        TN_SCOPE;
        loaded = f->load();
    }
    loads++;
    refused += !loaded;
    bool right = loaded ? tn_error() == TN_OK : tn_error() != TN_OK && tn_error() != TN_ERR_MEMORY && tn_error_message()[0];
    if (!right) printf("  %s: %s: %s\n", path, tn_status_name(tn_error()), tn_error_message());
    CHECK(right);
    tn_clear_error();
    return loaded;
}

static void damage(const format *f, size_t i) {
    snprintf(path, sizeof path, "%s/damaged.%s", folder, f->ending);
    bool made;
    {
        TN_SCOPE;
        made = f->make(i);
    }
    CHECK(made);
    CHECK_OK();
    FILE *file = fopen(path, "rb");
    static unsigned char bytes[1 << 16];
    size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) fclose(file);
    CHECK(n > 0 && n < sizeof bytes && attempt(f));
    for (size_t k = 0; k < n; k++) {
        write_file(bytes, k);
        bool loaded = attempt(f);
        if (!f->tolerates_prefixes && loaded) printf("  the first %zu of %zu bytes of a .%s were taken\n", k, n, f->ending);
        CHECK(f->tolerates_prefixes || !loaded);
    }
    for (size_t k = 0; k < n; k++) {
        unsigned char kept = bytes[k];
        for (int change = 0; change < 2; change++) {
            bytes[k] = change ? (unsigned char)~kept : kept ^ 1;
            write_file(bytes, n);
            attempt(f);
        }
        bytes[k] = kept;
    }
}

static size_t files;
static void prefixes_and_changed_bytes(void) {
    size_t before = live_objects();
    for (size_t k = 0; k < sizeof formats / sizeof formats[0]; k++)
        for (size_t i = 0; i < formats[k].count; i++, files++) damage(&formats[k], i);
    CHECK_EQ_INT(live_objects(), before);
    CHECK_EQ_INT(files, 43);
    printf("  %zu files, %ld loads, %ld refused\n", files, loads, refused);
}

int main(void) {
    if (getenv("TMPDIR")) snprintf(folder, sizeof folder, "%s", getenv("TMPDIR"));
    RUN(prefixes_and_changed_bytes);
    unlink(path);
    return test_end();
}
