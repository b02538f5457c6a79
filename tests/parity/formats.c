/* Writes tensors in the formats that NumPy and safetensors read; formats.py reads them, and goes the other way through the library. */
#include "parity.h"

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    static const tn_dtype dtypes[] = {TN_BOOL,    TN_UINT8,   TN_INT8,    TN_INT16,     TN_INT32,      TN_INT64,
                                      TN_FLOAT16, TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128, TN_BFLOAT16};
    char path[1024];
    begin();
    tn_state *numpy = tn_keep(tn_state_new());
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        tn_tensor *x = tn_to(tn_reshape(tn_arange(12., .dtype = TN_FLOAT64), (3, 4)), dtypes[i]);
        if (dtypes[i] != TN_COMPLEX128) put(tn_dtype_name(dtypes[i]), x); /* which safetensors lacks */
        if (dtypes[i] == TN_BFLOAT16) continue;                           /* NumPy has none */
        tn_state_set(numpy, tn_dtype_name(dtypes[i]), x);
        snprintf(path, sizeof path, "%s/%s.npy", argv[1], tn_dtype_name(dtypes[i]));
        tn_save_npy(tn_transpose(x, 0, 1), path);
    }
    snprintf(path, sizeof path, "%s/stored.npz", argv[1]);
    tn_save_npz(numpy, path);
    snprintf(path, sizeof path, "%s/packed.npz", argv[1]);
    tn_save_npz(numpy, path, .compressed = true);
    tn_free(numpy);
    end(argv[1], "all.safetensors");
    return 0;
}
