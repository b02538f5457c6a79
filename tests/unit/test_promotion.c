/* tests/unit/test_promotion.c - the dtypes of arithmetic with tensors, 0-d tensors and numbers, cell for cell as PyTorch 2.13 has them. */
#include "test.h"
#include <tison.h>

/* Letters of the dtypes, in this order. */
static const char letters[] = "ubhilegfdFD?";
static const tn_dtype dtypes[] = {TN_UINT8,    TN_INT8,    TN_INT16,   TN_INT32,     TN_INT64,      TN_FLOAT16,
                                  TN_BFLOAT16, TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128, TN_BOOL};
enum { COUNT = sizeof dtypes / sizeof dtypes[0] };

/* For each left dtype a row: the right dtypes in their order, then the numbers True, 1, 1.5, 1j. Made by torch's own operators; C is
 * complex32. */
typedef struct {
    bool left_dims, right_dims;
    const char *sum[COUNT], *quotient[COUNT];
} table;
static const table tables[] = {
    {true,
     true,
     {"uhhilegfdFDuuufF", "hbhilegfdFDbbbfF", "hhhilegfdFDhhhfF", "iiiilegfdFDiiifF", "lllllegfdFDlllfF", "eeeeeeffdFDeeeeC",
      "gggggfgfdFDggggF", "ffffffffdFDffffF", "dddddddddDDddddD", "FFFFFFFFDFDFFFFF", "DDDDDDDDDDDDDDDD", "ubhilegfdFD??lfF"},
     {"fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "eeeeeeffdFDeeeeC",
      "gggggfgfdFDggggF", "ffffffffdFDffffF", "dddddddddDDddddD", "FFFFFFFFDFDFFFFF", "DDDDDDDDDDDDDDDD", "fffffegfdFDffffF"}},
    {true,
     false,
     {"uuuuuegfdFDuuufF", "bbbbbegfdFDbbbfF", "hhhhhegfdFDhhhfF", "iiiiiegfdFDiiifF", "lllllegfdFDlllfF", "eeeeeeeeeCCeeeeC",
      "gggggggggFFggggF", "fffffffffFFffffF", "dddddddddDDddddD", "FFFFFFFFFFFFFFFF", "DDDDDDDDDDDDDDDD", "ubhilegfdFD??lfF"},
     {"fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "eeeeeeeeeCCeeeeC",
      "gggggggggFFggggF", "fffffffffFFffffF", "dddddddddDDddddD", "FFFFFFFFFFFFFFFF", "DDDDDDDDDDDDDDDD", "fffffegfdFDffffF"}},
    {false,
     true,
     {"ubhilegfdFDuuufF", "ubhilegfdFDbbbfF", "ubhilegfdFDhhhfF", "ubhilegfdFDiiifF", "ubhilegfdFDlllfF", "eeeeeegfdFDeeeeC",
      "gggggegfdFDggggF", "fffffegfdFDffffF", "dddddegfdFDddddD", "FFFFFCFFDFDFFFFF", "DDDDDCFFDFDDDDDD", "ubhilegfdFD??lfF"},
     {"fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "eeeeeegfdFDeeeeC",
      "gggggegfdFDggggF", "fffffegfdFDffffF", "dddddegfdFDddddD", "FFFFFCFFDFDFFFFF", "DDDDDCFFDFDDDDDD", "fffffegfdFDffffF"}},
    {false,
     false,
     {"uhhilegfdFDuuufF", "hbhilegfdFDbbbfF", "hhhilegfdFDhhhfF", "iiiilegfdFDiiifF", "lllllegfdFDlllfF", "eeeeeeffdFDeeeeC",
      "gggggfgfdFDggggF", "ffffffffdFDffffF", "dddddddddDDddddD", "FFFFFFFFDFDFFFFF", "DDDDDDDDDDDDDDDD", "ubhilegfdFD??lfF"},
     {"fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "fffffegfdFDffffF", "eeeeeeffdFDeeeeC",
      "gggggfgfdFDggggF", "ffffffffdFDffffF", "dddddddddDDddddD", "FFFFFFFFDFDFFFFF", "DDDDDDDDDDDDDDDD", "fffffegfdFDffffF"}},
};

static tn_tensor *ones(tn_dtype dtype, bool dims) {
    return (tn_ones)((const int64_t[]){2}, dims ? 1 : 0, &(tn_opts){.size = sizeof(tn_opts), .dtype = dtype});
}

static char letter(tn_tensor *x) {
    for (int i = 0; x && i < COUNT; i++)
        if (tn_get_dtype(x) == dtypes[i]) return letters[i];
    return '-';
}

/* One cell, and the operators that share it. */
static void cell(tn_tensor *a, tn_tensor *b, char sum, char quotient) {
    if (sum == 'C') { /* complex32 is not computed */
        CHECK(!(tn_add)(a, b, NULL) && tn_error() == TN_ERR_NOT_IMPLEMENTED);
        tn_clear_error();
        return;
    }
    CHECK(letter((tn_add)(a, b, NULL)) == sum);
    CHECK(letter((tn_mul)(a, b)) == sum);
    CHECK(letter((tn_div)(a, b, NULL)) == quotient);
    CHECK(letter((tn_eq)(a, b)) == '?');
    CHECK(tn_error() == TN_OK);
}

static void every_pair(void) {
    for (size_t k = 0; k < sizeof tables / sizeof tables[0]; k++)
        for (int i = 0; i < COUNT; i++) {
            TN_SCOPE;
            const table *t = &tables[k];
            tn_tensor *a = ones(dtypes[i], t->left_dims);
            for (int j = 0; j < COUNT; j++) cell(a, ones(dtypes[j], t->right_dims), t->sum[i][j], t->quotient[i][j]);
            tn_tensor *numbers[] = {tn_number_bool(true), tn_number_int(1), tn_number_double(1.5), tn_number_complex(0, 1)};
            for (int j = 0; j < 4; j++) cell(a, numbers[j], t->sum[i][COUNT + j], t->quotient[i][COUNT + j]);
        }
}

int main(void) {
    RUN(every_pair);
    return test_end();
}
