/* fuzz/fuzz_safetensors.c - safetensors: what is read is written and read again, and stays the same. */
#include "fuzz.h"

static bool round_trip(const uint8_t *data, size_t size) {
    TN_SCOPE;
    tn_state *s = tn_load_bytes(data, size);
    if (!s) return false;
    size_t n = tn_save_size(s), again = 0;
    uint8_t *first = malloc(n + 1), *second = malloc(n + 1);
    if (!first || !second || !tn_save_bytes(s, first, n)) abort();
    tn_state *t = tn_load_bytes(first, n);
    if (!t || (again = tn_save_size(t)) != n || !tn_save_bytes(t, second, n) || memcmp(first, second, n) != 0) abort();
    free(first);
    free(second);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz_end(round_trip(data, size)); }
