/* fuzz/fuzz_npy.c - .npy files. */
#include "fuzz.h"

static bool read(void) {
    TN_SCOPE;
    tn_tensor *x = tn_load_npy("x.npy");
    if (x && (uint64_t)tn_numel(x) > fuzz_size && tn_numel(x) > 0) abort(); /* no more elements than bytes */
    return x != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size);
    return fuzz_end(read());
}
