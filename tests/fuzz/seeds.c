/* fuzz/seeds.c - writes the first inputs of the fuzz targets: seeds FOLDER makes FOLDER/<target>/<name>. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tison.h>

static const char *root;

static const char *in(const char *target, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    return path;
}

static void put(const char *target, const char *name, const void *data, size_t n) {
    FILE *f = fopen(in(target, name), "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) exit(1);
}

static tn_state *sample(bool numpy) {
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_reshape(tn_arange(6., .dtype = TN_FLOAT32), (2, 3)));
    tn_state_set(s, "a.n", tn_scalar_tensor(-7, .dtype = TN_INT64));
    tn_state_set(s, "m", tn_ones(3, .dtype = TN_BOOL));
    tn_state_set(s, "e", tn_zeros((0, 4), .dtype = TN_FLOAT64));
    tn_state_set(s, "u", tn_zeros(2, .dtype = TN_UINT16));
    if (!numpy) tn_state_set(s, "f", tn_zeros((2, 1), .dtype = TN_FLOAT8_E4M3FN));
    tn_state_set_metadata(s, "format", "pt");
    return s;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    root = argv[1];
    tn_exit_on_error(true);
    tn_save_safetensors(sample(false), in("safetensors", "sample"));
    tn_save_safetensors(tn_state_new(), in("safetensors", "empty"));
    tn_save_npy(tn_state_get(sample(true), "w"), in("npy", "w"));
    tn_save_npy(tn_state_get(sample(true), "a.n"), in("npy", "scalar"));
    tn_save_npy(tn_state_get(sample(true), "e"), in("npy", "empty"));
    tn_save_npz(sample(true), in("zip", "stored"));
    tn_save_npz(sample(true), in("zip", "deflated"), .compressed = true);
    tn_save_npz(tn_state_new(), in("zip", "empty"));
    (tn_save_pt)(tn_value_from_state(sample(false)), in("zip", "pt"));
    static const char csv[] = "a,b\n1,2.5e-3\n\"4\",nan\n", blanks[] = " 1 \t2\n3 4\n";
    static const unsigned char idx[] = {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9},
                               wide[] = {0, 0, 14, 1, 0, 0, 0, 1, 64, 4, 0, 0, 0, 0, 0, 0};
    static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0,    0,    0,    0,    2, 3, 0x33, 0xd4,
                                         0x31, 0xe2, 2, 0, 0x59, 0x5b, 0xd4, 0x5d, 4, 0, 0,    0};
    put("table", "csv", csv, sizeof csv - 1);
    put("table", "blanks", blanks, sizeof blanks - 1);
    put("table", "idx", idx, sizeof idx);
    put("table", "wide", wide, sizeof wide);
    put("table", "gzip", gzip, sizeof gzip);
    return 0;
}
