/* fuzz/fuzz_pt.c - libFuzzer: the input is a whole .pt file; what loads is printed, written and loaded again. */
#include <stdio.h>
#include <stdlib.h>
#include <tison.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char path[64];
    if (!path[0]) snprintf(path, sizeof path, "/tmp/tison_fuzz_%d.pt", (int)getpid());
    TN_SCOPE;
    tn_value *v = tn_load_pt_bytes(data, size);
    if ((v == NULL) == (tn_error() == TN_OK)) abort();
    tn_clear_error();
    if (!v) return 0;
    (void)tn_to_string(v);
    tn_clear_error(); /* a dtype without text */
    if (!tn_save_pt(v, path)) abort();
    if (!tn_load_pt(path)) abort(); /* what was read can be written and read again */
    unlink(path);
    return 0;
}
