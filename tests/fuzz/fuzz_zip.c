/* fuzz/fuzz_zip.c - zip archives, as .npz files: stored and compressed, read as a whole and tensor by tensor. */
#include "fuzz.h"

static bool read(void) {
    TN_SCOPE;
    tn_reader *r = tn_reader_open("x.npz");
    for (size_t i = 0; r && i < tn_reader_count(r); i++) {
        TN_SCOPE;
        tn_reader_info info = {.size = sizeof info};
        if (!tn_reader_describe(r, i, &info)) abort();
        if (info.bytes > fuzz_size * 1100) abort(); /* DEFLATE makes at most 1032 bytes of one */
        (void)tn_reader_at(r, i);
        tn_clear_error();
    }
    return r != NULL;
}

static bool load(void) {
    TN_SCOPE;
    return tn_load_npz("x.npz") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size);
    (void)fuzz_end(read());
    return fuzz_end(load());
}
