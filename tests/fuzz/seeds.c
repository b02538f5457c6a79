/* fuzz/seeds.c - writes the first inputs of the fuzz targets: seeds FOLDER makes FOLDER/<target>/<name>. */
#include "serialize/pickle_write.h"
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

/* A value of every kind, with things that share. */
static tn_value *values(void) {
    tn_value *v = tn_value_dict(), *l = tn_value_list(), *one = TN_VALUE(1);
    tn_tensor *x = tn_arange(6., .dtype = TN_FLOAT32);
    tn_value_append(l, 1 << 20), tn_value_append(l, 1LL << 40), tn_value_append(l, 0.5), tn_value_append(l, tn_value_none());
    tn_value_append(l, tn_value_bool(true)), tn_value_append(l, "text"), tn_value_append(l, tn_value_tuple(&one, 1));
    tn_value_append(l, tn_value_bytes("\xff", 1)), tn_value_append(l, tn_value_complex(1, 2));
    tn_value_append(l, tn_value_dtype(TN_FLOAT16));
    tn_value_set(v, "list", l), tn_value_set(v, "again", l), tn_value_set_int(v, 7, x),
        tn_value_set(v, "view", tn_narrow(x, 0, 2, 3));
    tn_value_set(v, "parameter", tn_parameter(tn_reshape(x, (2, 3)))), tn_value_set(v, "state", tn_state_dict(tn_nn_linear(1, 2)));
    return v;
}

/* A sparse tensor with one place twice, one in order, a Parameter, a hybrid one; a meta tensor. */
static tn_value *other_layouts(void) {
    tn_value *v = tn_value_list();
    tn_tensor *s = tn_sparse_coo_tensor(tn_tensor((2, 3), 1, 0, 1, 2, 0, 2), tn_tensor((3), 1.0, 2.0, 3.0), (2, 3));
    tn_value_append(v, s), tn_value_append(v, tn_coalesce(s)), tn_value_append(v, tn_parameter(s));
    tn_value_append(v, tn_to_sparse(tn_ones((2, 1, 2)), 1)), tn_value_append(v, tn_ones((2, 3), .device = "meta"));
    return v;
}

static void pickle(const char *name, tn_value *v) {
    tni_pickle_writer w;
    if (!tni_pickle_write(&w, "seeds", v)) exit(1);
    put("pickle", name, w.out.text, w.out.length);
    tni_pickle_writer_clear(&w);
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
    tn_save_pt(values(), in("pt", "values"));
    tn_save_pt(tn_ones(2), in("pt", "tensor"));
    tn_save_pt(sample(false), in("pt", "state"));
    tn_save_pt(other_layouts(), in("pt", "layouts"));
    pickle("values", values());
    pickle("layouts", other_layouts());
#define VIEW(of)                                                                                                                   \
    "ctorch._utils\n_rebuild_tensor_v3\n((X\7\0\0\0storagectorch.storage\nUntypedStorage\nX\1\0\0\0"                               \
    "0X\3\0\0\0cpuK\x28tQ" of "\x89Nctorch\nuint8\ntR"
    static const char sparse[] = "\x80\2ctorch._utils\n_rebuild_sparse_tensor\nctorch.serialization\n_get_layout\n"
                                 "X\x10\0\0\0torch.sparse_coo\x85R(" VIEW("K\0K\1K\2\x86K\2K\1\x86")
                                     VIEW("K\4K\2\x85K\1\x85") "ctorch\nSize\nK\2\x85\x85R\x89t\x86R.";
    put("pickle", "sparse", sparse, sizeof sparse - 1); /* of the one storage that the target has */
    pickle("optimizer", tn_value_from_optim(tn_optim_sgd(tn_parameters(tn_nn_linear(1, 2)), .lr = 0.5)));
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
