/* fuzz/fuzz_table.c - CSV and IDX, also gzipped. */
#include "fuzz.h"

static bool csv(char delimiter, tn_dtype dtype) {
    TN_SCOPE;
    return tn_load_csv("x.csv", .delimiter = delimiter, .header = -1, .dtype = dtype) != NULL;
}

static bool idx(void) {
    TN_SCOPE;
    return tn_load_idx("x.idx") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size);
    (void)fuzz_end(csv(',', TN_FLOAT64));
    (void)fuzz_end(csv(' ', TN_INT32));
    return fuzz_end(idx());
}
