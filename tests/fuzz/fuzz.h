/* fuzz/fuzz.h - what the fuzz targets share: one input as the only file there is, and nothing left behind. */
#ifndef TISON_FUZZ_H
#define TISON_FUZZ_H
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tison.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a file table whose every file is the input ---- */

static const uint8_t *fuzz_data;
static size_t fuzz_size;

static int fuzz_open(void *context, const char *path) {
    (void)context, (void)path;
    return 3;
}
static int64_t fuzz_read(void *context, int file, void *to, size_t bytes, int64_t offset) {
    (void)context, (void)file;
    if (offset < 0) abort();
    size_t left = (uint64_t)offset < fuzz_size ? fuzz_size - (size_t)offset : 0, n = bytes < left ? bytes : left;
    if (n) memcpy(to, fuzz_data + offset, n);
    return (int64_t)n;
}
static int64_t fuzz_file_size(void *context, int file) {
    (void)context, (void)file;
    return (int64_t)fuzz_size;
}
static int fuzz_close(void *context, int file) {
    (void)context, (void)file;
    return 0;
}

/* After this the library reads `data`, whatever file it opens. */
static inline void fuzz_file(const uint8_t *data, size_t size) {
    static const tn_file_table table = {
        .size = sizeof table, .open_read = fuzz_open, .read = fuzz_read, .file_size = fuzz_file_size, .close = fuzz_close};
    static bool set;
    if (!set) set = tn_set_file_table(&table);
    fuzz_data = data;
    fuzz_size = size;
}

/* Every failure has a reason, and no object outlives its scope. */
static inline int fuzz_end(bool right) {
    if (right != (tn_error() == TN_OK)) abort();
    if (!right && tn_error_message()[0] == 0) abort();
    tn_clear_error();
    tn_free(tn_zeros((0)));
    tn_memory_stats s = {.size = sizeof s};
    if (!tn_memory_get_stats(&s) || s.live_objects > 4) abort();
    return 0;
}
#endif
