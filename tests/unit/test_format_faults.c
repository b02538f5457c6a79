/* unit/test_format_faults.c - every allocation and every file call fails, once and for ever, in loading and saving each format; files that
 * lie about their size cost neither time nor memory. */
#include "support.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[96];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}
static size_t get(const char *name, char *out, size_t room) {
    FILE *f = fopen(in_folder(name), "rb");
    size_t n = f ? fread(out, 1, room, f) : 0;
    if (f) fclose(f);
    return n;
}
static void put(const char *name, const void *data, size_t n) {
    FILE *f = fopen(in_folder(name), "wb");
    CHECK(f && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}

/* ---- an allocator and a file table that fail at a call ---- */

static long calls, fail_at = -1, outstanding, folder_syncs;
static bool for_ever, count_files, count_memory;
static int io_error;
static bool fails(bool counted) {
    if (!counted) return false;
    long n = calls++;
    return fail_at >= 0 && (n == fail_at || (for_ever && n > fail_at));
}

static void *allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    void *block = NULL;
    if (fails(count_memory) || posix_memalign(&block, alignment, bytes) != 0) return NULL;
    outstanding++;
    return block;
}
static void release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    outstanding--;
    free(block);
}
static const tn_allocator allocator = {sizeof(tn_allocator), NULL, allocate, release};

#define PASS (tn_default_file_table())
#define FAILS fails(count_files)
static int f_open(void *c, const char *p) { return FAILS ? io_error : PASS->open_read(c, p); }
static int f_create(void *c, const char *p, int m) { return FAILS ? io_error : PASS->create(c, p, m); }
static int64_t f_read(void *c, int f, void *d, size_t n, int64_t at) { return FAILS ? io_error : PASS->read(c, f, d, n, at); }
static int64_t f_write(void *c, int f, const void *d, size_t n) { return FAILS ? io_error : PASS->write(c, f, d, n); }
static int64_t f_size(void *c, int f) { return FAILS ? io_error : PASS->file_size(c, f); }
static int f_sync(void *c, int f) {
    (void)c, (void)f; /* not to the disk: that would be what the test waits for */
    return FAILS ? io_error : 0;
}
static int f_rename(void *c, const char *a, const char *b) { return FAILS ? io_error : PASS->rename(c, a, b); }
static int f_sync_folder(void *c, const char *p) {
    (void)c, (void)p;
    bool failed = FAILS;
    folder_syncs += failed;
    return failed ? io_error : 0;
}
static int f_mode(void *c, const char *p) { return FAILS ? io_error : PASS->mode(c, p); }
static int f_map(void *c, int f, size_t n, void **d) { return FAILS ? io_error : PASS->map(c, f, n, d); }
static int f_unmap(void *c, void *d, size_t n) { return PASS->unmap(c, d, n); }
static const tn_file_table files = {
    .size = sizeof(tn_file_table),
    .open_read = f_open,
    .create = f_create,
    .read = f_read,
    .write = f_write,
    .file_size = f_size,
    .sync = f_sync,
    .rename = f_rename,
    .sync_folder = f_sync_folder,
    .mode = f_mode,
    .map = f_map,
    .unmap = f_unmap,
};

/* ---- the scenarios: save over an old file, load, look into it ---- */

static tn_state *sample(int64_t first) {
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_reshape(tn_arange((double)first, .end = (double)first + 400, .dtype = TN_FLOAT32), (20, 20)));
    tn_state_set(s, "t", tn_transpose(tn_reshape(tn_arange(6., .dtype = TN_FLOAT32), (2, 3)), 0, 1));
    tn_state_set(s, "m", tn_ones(3, .dtype = TN_BOOL));
    return s;
}

static bool save_any(const char *name, int64_t first) {
    TN_SCOPE;
    tn_state *s = sample(first);
    size_t n = strlen(name);
    in_folder(name);
    if (strcmp(name, "packed.npz") == 0) return tn_save_npz(s, path, .compressed = true);
    if (strcmp(name + n - 4, ".npy") == 0) return tn_save_npy(tn_state_get(s, "w"), path);
    return tn_save(s, path);
}

static bool load_any(const char *name, bool *right) {
    TN_SCOPE;
    in_folder(name);
    *right = true;
    if (strstr(name, ".csv")) return tn_load_csv(path) != NULL;
    if (strstr(name, ".idx")) return tn_load_idx(path) != NULL;
    tn_state *s = tn_load(path);
    tn_reader *r = tn_reader_open(path, .mmap = true);
    tn_tensor *x = tn_reader_at(r, 0);
    if (!s || !x) return false;
    *right = tn_equal(tn_state_at(s, 0), x) || tn_error() != TN_OK;
    return tn_error() == TN_OK;
}

static char old_file[1 << 16], new_file[1 << 16];
static size_t old_bytes, new_bytes;

/* What the file must hold after a save that failed or did not. */
static void check_file(const char *name, bool saved) {
    static char now[1 << 16];
    size_t n = get(name, now, sizeof now);
    bool is_new = n == new_bytes && memcmp(now, new_file, n) == 0, is_old = n == old_bytes && memcmp(now, old_file, n) == 0;
    CHECK(saved || folder_syncs ? is_new : is_old);
}

static void start(long at, bool forever) {
    calls = 0;
    fail_at = at;
    for_ever = forever;
    folder_syncs = 0;
}

/* One point of failure in saving and loading. Returns whether it was reached in one of them. */
static bool one_point(const char *name, bool saves, long at, bool forever) {
    bool right, reached = false;
    tn_status expected = count_files ? TN_ERR_IO : TN_ERR_MEMORY;
    if (saves) {
        put(name, old_file, old_bytes);
        start(at, forever);
        bool saved = save_any(name, 1);
        reached = calls > at;
        fail_at = -1;
        CHECK(saved == (tn_error() == TN_OK) && (saved || tn_error() == expected));
        tn_clear_error();
        check_file(name, saved);
        put(name, old_file, old_bytes);
    }
    start(at, forever);
    bool loaded = load_any(name, &right);
    reached = reached || calls > at;
    fail_at = -1;
    CHECK(right && loaded == (tn_error() == TN_OK) && (loaded || tn_error() == expected));
    tn_clear_error();
    CHECK(load_any(name, &right) && right); /* the next one works */
    tn_clear_error();
    return reached;
}

static long sweep(const char *name, bool saves, bool forever) {
    long points = 0;
    bool reached = true;
    for (; reached && points < 20000; points++) {
        if (count_memory) tn_shutdown(), CHECK(tn_set_allocator(&allocator));
        reached = one_point(name, saves, points, forever);
        if (count_memory) {
            tn_shutdown();
            CHECK_EQ_INT(outstanding, 0);
        }
    }
    CHECK(!reached);
    return points;
}

static void prepare(const char *name, bool saves) {
    if (!saves) return;
    CHECK(save_any(name, 1));
    new_bytes = get(name, new_file, sizeof new_file);
    CHECK(save_any(name, 0));
    old_bytes = get(name, old_file, sizeof old_file);
    tn_clear_error();
}

static void every_format(void) {
    static const struct {
        const char *name;
        bool saves;
    } formats[] = {{"a.safetensors", true}, {"a.npy", true},  {"a.npz", true}, {"packed.npz", true},
                   {"a.csv", false},        {"a.idx", false}, {"b.idx", false}};
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
        prepare(formats[k].name, formats[k].saves);
        long points = sweep(formats[k].name, formats[k].saves, false) + sweep(formats[k].name, formats[k].saves, true);
        printf("  %s: %ld points\n", formats[k].name, points);
    }
}

static void every_allocation_may_fail(void) {
    tn_shutdown();
    count_memory = true;
    every_format();
    count_memory = false;
    CHECK(tn_set_allocator(NULL));
}

static void every_file_call_may_fail(void) {
    static const int errors[] = {-EIO, -ENOSPC};
    count_files = true;
    for (size_t k = 0; k < 2; k++) {
        io_error = errors[k];
        every_format();
    }
    count_files = false;
}

/* ---- lies about sizes ---- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void refuse_fast(const char *name, const void *data, size_t n) {
    tn_memory_stats before = {.size = sizeof before}, after = before;
    put(name, data, n);
    tn_memory_get_stats(&before);
    double start_time = seconds(), took;
    CHECK(strstr(name, ".idx") ? tn_load_idx(path) == NULL : tn_load(path) == NULL);
    took = seconds() - start_time;
    tn_memory_get_stats(&after);
    CHECK(tn_error() == TN_ERR_FORMAT);
    tn_clear_error();
    CHECK(after.held_bytes <= before.held_bytes + (16 << 20)); /* what was taken is held for a while, so it shows */
    CHECK(took < 0.5);                                         /* 10 ms on a machine that does nothing else */
}

static void two_gigabytes_in_300_bytes(void) {
    char file[300] = {0}, archive[1024];
    static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[500000000],\"data_offsets\":[0,2000000000]}}";
    file[0] = (char)(sizeof header - 1);
    memcpy(file + 8, header, sizeof header - 1);
    refuse_fast("lie.safetensors", file, sizeof file);
    memset(file, 0, sizeof file);
    memcpy(file, "\223NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }", 71);
    memset(file + 71, ' ', 128 - 71);
    refuse_fast("lie.npy", file, sizeof file);
    memset(file, 0, sizeof file);
    memcpy(file, "\0\0\x0D\1\x1D\xCD\x65\0", 8);
    refuse_fast("lie.idx", file, sizeof file);
    tn_state *s = tn_state_new();
    tn_state_set(s, "x", tn_zeros(4000));
    CHECK(tn_save_npz(s, in_folder("lie.npz"), .compressed = true));
    size_t n = get("lie.npz", archive, sizeof archive);
    CHECK(n > 100 && n < 500);
    for (size_t i = 0; i + 4 <= n; i++) { /* wherever its 16,128 bytes are spoken of: 2,000,000,000 */
        if (memcmp(archive + i, "\0\x3F\0\0", 4) == 0) memcpy(archive + i, "\0\x94\x35\x77", 4);
    }
    refuse_fast("lie.npz", archive, n);
    tn_free(s);
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    CHECK(tn_set_file_table(&files));
    put("a.csv", "1,2.5\n3,4e-1\n", 13);
    put("a.idx", "\0\0\x08\1\0\0\0\2ab", 10);
    put("b.idx", "\0\0\x0E\1\0\0\0\1\x40\4\0\0\0\0\0\0", 16);
    RUN(every_allocation_may_fail);
    RUN(every_file_call_may_fail);
    RUN(two_gigabytes_in_300_bytes);
    CHECK(tn_set_file_table(NULL));
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
