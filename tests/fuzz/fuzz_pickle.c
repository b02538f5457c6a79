/* fuzz/fuzz_pickle.c - libFuzzer: the input is a pickle in an otherwise valid .pt archive with one storage. */
#include "serialize/zip.h"
#include <stdlib.h>
#include <string.h>
#include <tison.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    unsigned char *data;
    size_t n;
} bytes;
static bool put(void *to, const void *data, size_t n) {
    bytes *b = to;
    unsigned char *grown = realloc(b->data, b->n + n);
    if (!grown) return false;
    b->data = grown;
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return true;
}
static void add(tni_zip_writer *w, const char *name, const void *data, size_t n) {
    (void)tni_zip_add(w, name, &(tni_zip_piece){data, n}, 1, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const float storage[10];
    bytes b = {0};
    tni_zip_writer w;
    tni_zip_begin(&w, put, &b);
    add(&w, "x/data.pkl", data, size);
    add(&w, "x/data/0", storage, sizeof storage);
    add(&w, "x/version", "3\n", 2);
    (void)tni_zip_finish(&w);
    {
        TN_SCOPE;
        tn_value *v = tn_load_pt_bytes(b.data, b.n);
        if ((v == NULL) == (tn_error() == TN_OK)) abort();
        tn_clear_error();
        if (v) (void)tn_to_string(v);
    }
    free(b.data);
    return 0;
}
