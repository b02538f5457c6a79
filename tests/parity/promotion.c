/* promotion.c - the dtypes of arithmetic between all computing dtypes, tensors, 0-d tensors and numbers; promotion.py compares. */
#include <stdio.h>
#include <tison.h>

static const tn_dtype dtypes[] = {TN_UINT8,    TN_INT8,    TN_INT16,   TN_INT32,     TN_INT64,      TN_FLOAT16,
                                  TN_BFLOAT16, TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128, TN_BOOL};
enum { COUNT = sizeof dtypes / sizeof dtypes[0] };

static const char *name_of(tn_tensor *x) {
    tn_clear_error();
    return x ? tn_dtype_name(tn_get_dtype(x)) : "none";
}

static tn_tensor *ones(tn_dtype dtype, int dims) {
    return (tn_ones)((const int64_t[]){2}, (size_t)dims, &(tn_opts){.size = sizeof(tn_opts), .dtype = dtype});
}

/* One line: the results of +, *, / and ==. */
static void cell(FILE *out, const char *what, tn_tensor *a, tn_tensor *b) {
    fprintf(out, "%s %s", what, name_of((tn_add)(a, b, NULL)));
    fprintf(out, " %s", name_of((tn_mul)(a, b)));
    fprintf(out, " %s", name_of((tn_div)(a, b, NULL)));
    fprintf(out, " %s\n", name_of((tn_eq)(a, b)));
}

int main(int argc, char **argv) {
    char path[1024], what[64];
    if (argc != 2) return 2;
    snprintf(path, sizeof path, "%s/promotion", argv[1]);
    FILE *out = fopen(path, "w");
    if (!out) return 1;
    for (int left = 0; left < 2; left++)
        for (int i = 0; i < COUNT; i++) {
            TN_SCOPE;
            tn_tensor *a = ones(dtypes[i], left);
            for (int j = 0; j < 2 * COUNT; j++) {
                snprintf(what, sizeof what, "%d %s %d %s", left, tn_dtype_name(dtypes[i]), j % 2, tn_dtype_name(dtypes[j / 2]));
                cell(out, what, a, ones(dtypes[j / 2], j % 2));
            }
            tn_tensor *numbers[] = {tn_number_bool(true), tn_number_int(1), tn_number_double(1.5), tn_number_complex(0, 1)};
            for (int j = 0; j < 4; j++) {
                snprintf(what, sizeof what, "%d %s number %d", left, tn_dtype_name(dtypes[i]), j);
                cell(out, what, a, numbers[j]);
            }
        }
    return fclose(out) != 0;
}
