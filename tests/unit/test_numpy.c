/* unit/test_numpy.c - NumPy's files, tables of numbers, files that are read tensor by tensor. */
#include "support.h"
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[80];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}
static void put(const char *name, const void *data, size_t n) {
    FILE *f = fopen(in_folder(name), "wb");
    CHECK(f && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}
static size_t get(const char *name, char *out, size_t room) {
    FILE *f = fopen(in_folder(name), "rb");
    size_t n = f ? fread(out, 1, room, f) : 0;
    if (f) fclose(f);
    return n;
}

/* What numpy.lib.format.write_array makes of these. */
/* arange(6, '<f4').reshape(2, 3); [-2, 300, 7] as '>i2'; arange(6, '<f8').reshape(2, 3) in Fortran order; [True, False]; [1 + 2j] as
 * '>c8'; 7 as '<i8'; zeros((0, 4), '<u4') in version 2.0; [1.5] as '<f2' in version 3.0 */
static const char f4[] =
    "\223NUMPY\001\000v\000{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }                                             "
    "             \012\000\000\000\000\000\000\200\077\000\000\000@\000\000@@\000\000\200@\000\000\240@";
static const char be[] = "\223NUMPY\001\000v\000{'descr': '>i2', 'fortran_order': False, 'shape': (3,), }                          "
                         "                                  \012\377\376\001,\000\007";
static const char fortran[] =
    "\223NUMPY\001\000v\000{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }                                              "
    "             "
    "\012\000\000\000\000\000\000\000\000\000\000\000\000\000\000\010@\000\000\000\000\000\000\360\077\000\000\000\000\000\000\020@"
    "\000\000\000\000\000\000\000@\000\000\000\000\000\000\024@";
static const char truth[] = "\223NUMPY\001\000v\000{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }                       "
                            "                                     \012\001\000";
static const char complex[] = "\223NUMPY\001\000v\000{'descr': '>c8', 'fortran_order': False, 'shape': (1,), }                     "
                              "                                       \012\077\200\000\000@\000\000\000";
static const char scalar[] = "\223NUMPY\001\000v\000{'descr': '<i8', 'fortran_order': False, 'shape': (), }                        "
                             "                                      \012\007\000\000\000\000\000\000\000";
static const char second[] = "\223NUMPY\002\000t\000\000\000{'descr': '<u4', 'fortran_order': False, 'shape': (0, 4), }            "
                             "                                            \012";
static const char third[] = "\223NUMPY\003\000t\000\000\000{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }               "
                            "                                           \012\000>";
#define PUT(name, literal) put(name, literal, sizeof literal - 1)

static void arrays(void) {
    TN_SCOPE;
    PUT("f4.npy", f4);
    tn_tensor *x = tn_load_npy(path);
    CHECK(x && tn_equal(x, tn_reshape(tn_arange(6., .dtype = TN_FLOAT32), (2, 3))));
    PUT("be.npy", be);
    CHECK((x = tn_load_npy(path)) && tn_get_dtype(x) == TN_INT16 && tn_size(x, 0) == 3);
    CHECK(x && ((int16_t *)tn_data(x))[0] == -2 && ((int16_t *)tn_data(x))[1] == 300);
    PUT("fortran.npy", fortran);
    CHECK((x = tn_load_npy(path)) && tn_stride(x, 0) == 1 && tn_stride(x, 1) == 2);
    CHECK(tn_equal(x, tn_reshape(tn_arange(6., .dtype = TN_FLOAT64), (2, 3))));
    PUT("truth.npy", truth);
    CHECK((x = tn_load_npy(path)) && tn_get_dtype(x) == TN_BOOL && tn_data_bool(x)[0] && !tn_data_bool(x)[1]);
    PUT("complex.npy", complex);
    CHECK((x = tn_load_npy(path)) && tn_get_dtype(x) == TN_COMPLEX64 && ((float *)tn_data(x))[0] == 1 &&
          ((float *)tn_data(x))[1] == 2);
    PUT("scalar.npy", scalar);
    CHECK((x = tn_load_npy(path)) && tn_ndim(x) == 0 && tn_item_int(x) == 7);
    PUT("second.npy", second);
    CHECK((x = tn_load_npy(path)) && tn_get_dtype(x) == TN_UINT32 && tn_size(x, 0) == 0 && tn_size(x, 1) == 4);
    PUT("third.npy", third);
    CHECK((x = tn_load_npy(path)) && tn_get_dtype(x) == TN_FLOAT16 && tn_item(x) == 1.5);
    CHECK_OK();
}

static void writes_what_numpy_writes(void) {
    TN_SCOPE;
    char file[512];
    tn_tensor *x = tn_transpose(tn_reshape(tn_tensor(6, 0., 3, 1, 4, 2, 5), (3, 2)), 0, 1); /* not contiguous */
    CHECK(tn_save_npy(x, in_folder("w.npy")));
    CHECK(get("w.npy", file, sizeof file) == sizeof f4 - 1 && memcmp(file, f4, sizeof f4 - 1) == 0);
    CHECK(tn_save_npy(tn_scalar_tensor(7, .dtype = TN_INT64), in_folder("w.npy")));
    CHECK(get("w.npy", file, sizeof file) == sizeof scalar - 1 && memcmp(file, scalar, sizeof scalar - 1) == 0);
    CHECK(!tn_save_npy(tn_zeros(2, .dtype = TN_BFLOAT16), path));
    CHECK_ERROR(TN_ERR_DTYPE, "bfloat16");
    CHECK(get("w.npy", file, sizeof file) == sizeof scalar - 1); /* as it was */
    tn_state *s = tn_state_new();
    tn_state_set(s, "any", x);
    CHECK(tn_save(s, path) && get("w.npy", file, sizeof file) == sizeof f4 - 1);
    tn_state_set(s, "two", x);
    CHECK(!tn_save(s, path));
    CHECK_ERROR(TN_ERR_VALUE, "one tensor");
    CHECK_OK();
}

static void refuse_head(const char *head, tn_status status, const char *text) {
    char file[256];
    size_t n = strlen(head);
    memcpy(file, "\223NUMPY\1\0", 8);
    file[8] = (char)n;
    file[9] = 0;
    memcpy(file + 10, head, n);
    memset(file + 10 + n, 0, 8);
    put("bad.npy", file, 10 + n + 8);
    CHECK(tn_load_npy(path) == NULL);
    CHECK_ERROR(status, text);
}

static void heads_that_are_refused(void) {
    TN_SCOPE;
    refuse_head("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", TN_ERR_FORMAT, "pickle");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", TN_ERR_FORMAT, "needs 12 bytes, the file has 8");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': [2], }", TN_ERR_FORMAT, "tuple");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", TN_ERR_FORMAT, "',' expected");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", TN_ERR_FORMAT, "0 or above");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }", TN_ERR_FORMAT, "',' expected");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551618,), }", TN_ERR_FORMAT, "2^63");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4,), }", TN_ERR_FORMAT, "too large");
    refuse_head("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", TN_ERR_FORMAT, "True or False");
    refuse_head("{'descr': '<f4', 'shape': (2,), }", TN_ERR_FORMAT, "missing");
    refuse_head("{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", TN_ERR_FORMAT, "twice");
    refuse_head("{'descr': '<f4', 'evil': 1, }", TN_ERR_FORMAT, "unknown key \"evil\"");
    refuse_head("{'descr': __import__('os'), }", TN_ERR_FORMAT, "descr");
    refuse_head("{'descr': [('a', '<f4')], }", TN_ERR_NOT_IMPLEMENTED, "records");
    refuse_head("{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }", TN_ERR_NOT_IMPLEMENTED, "<U3");
    refuse_head("{'descr': '<f16', 'fortran_order': False, 'shape': (2,), }", TN_ERR_NOT_IMPLEMENTED, "<f16");
    refuse_head("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", TN_ERR_FORMAT, "behind");
    refuse_head("((((((((((((((((((((((((", TN_ERR_FORMAT, "dict");
    put("bad.npy", "\223NUMPY\2\0\377\377\377\377{", 13);
    CHECK(tn_load_npy(path) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "4294967295 bytes");
    put("bad.npy", "\223NUMPY\4\0\1\0{", 11);
    CHECK(tn_load_npy(path) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "version 4.0");
}

/* ---- npz ---- */

static tn_state *sample(void) {
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_reshape(tn_arange(3000., .dtype = TN_FLOAT32), (30, 100)));
    tn_state_set(s, "a.b", tn_scalar_tensor(-7, .dtype = TN_INT64));
    tn_state_set(s, "m", tn_ne(tn_tensor(3, 1, 0, 1), 0));
    tn_state_set(s, "e", tn_zeros((0, 4), .dtype = TN_FLOAT64));
    tn_state_set(s, "u", tn_zeros(5, .dtype = TN_UINT64));
    return s;
}

static void check_sample(tn_state *s) {
    if (!CHECK(s != NULL)) return;
    tn_state *expected = sample();
    CHECK_EQ_INT(tn_state_count(s), tn_state_count(expected));
    for (size_t i = 0; i + 1 < tn_state_count(expected); i++) {
        tn_tensor *x = tn_state_get(s, tn_state_name(expected, i)), *y = tn_state_at(expected, i);
        CHECK(x && tn_equal(x, y) && tn_get_dtype(x) == tn_get_dtype(y) && tn_ndim(x) == tn_ndim(y));
    }
    tn_tensor *u = tn_state_get(s, "u");
    CHECK(u && tn_get_dtype(u) == TN_UINT64 && tn_numel(u) == 5 && ((uint64_t *)tn_data(u))[4] == 0);
}

static void archives(void) {
    TN_SCOPE;
    struct stat stored, packed;
    CHECK(tn_save(sample(), in_folder("s.npz")) && stat(path, &stored) == 0);
    check_sample(tn_load_npz(path));
    check_sample(tn_load(path));
    CHECK(tn_save_npz(sample(), in_folder("c.npz"), .compressed = true) && stat(path, &packed) == 0);
    CHECK(packed.st_size < stored.st_size);
    check_sample(tn_load_npz(path));
    check_sample(tn_load(path));
    put("not.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22); /* an empty archive */
    tn_state *s = tn_load(path);
    CHECK(s && tn_state_count(s) == 0);
    CHECK_OK();
}

static void damaged_archives(void) {
    TN_SCOPE;
    static char file[1 << 16];
    size_t before = live_objects();
    for (int packed = 0; packed < 2; packed++) {
        TN_SCOPE;
        tn_state *s = tn_state_new();
        tn_state_set(s, "x", tn_tensor(2, 1, 2));
        tn_state_set(s, "y", tn_ones((2, 2), .dtype = TN_BOOL));
        CHECK(tn_save_npz(s, in_folder("d.npz"), .compressed = packed != 0));
        size_t n = get("d.npz", file, sizeof file);
        for (size_t k = 0; k < n; k++) {
            put("p.npz", file, k);
            CHECK(tn_load_npz(path) == NULL && tn_error() != TN_OK);
            tn_clear_error();
        }
        for (size_t k = 0; k < n; k++) {
            for (int bit = 0; bit < 8; bit += 3) {
                file[k] = (char)(file[k] ^ 1 << bit);
                put("p.npz", file, n);
                tn_free(tn_load_npz(path));
                tn_clear_error();
                file[k] = (char)(file[k] ^ 1 << bit);
            }
        }
    }
    CHECK_EQ_INT(live_objects(), before);
}

static void damaged_arrays(void) { /* every end too early, every byte of a small file as every other */
    TN_SCOPE;
    char file[sizeof third];
    size_t before = live_objects();
    for (size_t n = 0; n + 1 < sizeof third; n++) {
        put("p.npy", third, n);
        CHECK(tn_load(path) == NULL && tn_error() == TN_ERR_FORMAT);
        tn_clear_error();
    }
    for (size_t k = 0; k + 1 < sizeof third; k++) {
        for (int v = 0; v < 256; v += k < 80 ? 1 : 37) {
            memcpy(file, third, sizeof third);
            file[k] = (char)v;
            put("p.npy", file, sizeof third - 1);
            tn_free(tn_load_npy(path));
            tn_clear_error();
        }
    }
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- readers ---- */

static void check_reader(const char *name, bool mapped, const char *format) {
    TN_SCOPE;
    tn_reader *r = tn_reader_open(in_folder(name), .mmap = mapped);
    if (!CHECK(r != NULL)) return;
    CHECK_STR(tn_reader_format(r), format);
    CHECK_EQ_INT(tn_reader_count(r), 5);
    for (size_t i = 0; i < 5; i++) {
        tn_reader_info info = {.size = sizeof info};
        CHECK(tn_reader_describe(r, i, &info));
        tn_tensor *x = tn_reader_get(r, info.name), *y = tn_reader_at(r, i);
        CHECK(x && y && tn_get_dtype(x) == info.dtype && tn_ndim(x) == (int64_t)info.ndim);
        CHECK(strcmp(info.name, "w") != 0 || (info.bytes == 12000 && info.sizes[1] == 100 && tn_equal(x, y)));
    }
    tn_tensor *w = tn_reader_get(r, "w");
    tn_free(tn_keep(w)); /* what was mapped outlives the reader */
    tn_free(r);
    CHECK(tn_item(tn_select(tn_select(w, 0, 29), 0, 99)) == 2999);
    tn_mul_(w, 2); /* and can be written: the file stays */
    CHECK(tn_item(tn_select(tn_select(w, 0, 29), 0, 99)) == 5998);
    check_sample(tn_load(in_folder(name)));
    CHECK_OK();
}

static void readers(void) {
    TN_SCOPE;
    tn_state *s = sample();
    tn_state_set_metadata(s, "format", "pt");
    CHECK(tn_save(s, in_folder("r.safetensors")) && tn_save(s, in_folder("r.npz")));
    CHECK(tn_save_npz(s, in_folder("z.npz"), .compressed = true));
    for (int mapped = 0; mapped < 2; mapped++) {
        check_reader("r.safetensors", mapped, "safetensors");
        check_reader("r.npz", mapped, "npz");
        check_reader("z.npz", mapped, "npz");
    }
    tn_reader *r = tn_reader_open(in_folder("r.safetensors"));
    const char *key, *value;
    CHECK(tn_reader_metadata(r, 0, &key, &value) && strcmp(key, "format") == 0 && strcmp(value, "pt") == 0);
    CHECK(!tn_reader_metadata(r, 1, &key, &value));
    CHECK(tn_reader_get(r, "none") == NULL);
    CHECK_ERROR(TN_ERR_KEY, "none");
    CHECK(tn_reader_at(r, 5) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "5");
    CHECK(tn_reader_open(in_folder("nothing")) == NULL);
    CHECK_ERROR(TN_ERR_IO, "nothing");
    put("noise", "some text", 9);
    CHECK(tn_reader_open(path) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "noise");
    CHECK(rename(in_folder("r.npz"), "/dev/null") != 0);
    PUT("without_ending", f4);
    CHECK((r = tn_reader_open(path)) && strcmp(tn_reader_format(r), "npy") == 0);
    tn_free(r);
    tn_free(s);
    CHECK_OK();
}

static void what_is_nested(void) {
    TN_SCOPE;
    tn_state *s = tn_state_new();
    tn_state_set(s, "weight", tn_ones((2, 2)));
    CHECK(tn_save(s, in_folder("flat.pt")));
    tn_state *back = tn_load(path);
    CHECK(back && tn_state_count(back) == 1 && tn_equal(tn_state_get(back, "weight"), tn_ones((2, 2))));
    tn_value *all = tn_value_dict(), *list = tn_value_list();
    CHECK(tn_value_append(list, tn_value_tensor(tn_zeros(3))) && tn_value_append(list, tn_value_int(5)));
    CHECK(tn_value_set(all, "model", tn_value_from_state(s)) && tn_value_set_int(all, 7, list));
    CHECK((tn_save_pt)(all, in_folder("nested.pt")));
    tn_reader *r = tn_reader_open(path);
    CHECK(r && tn_reader_count(r) == 2 && strcmp(tn_reader_format(r), "pt") == 0);
    CHECK(tn_size(tn_reader_get(r, "7.0"), 0) == 3 && tn_equal(tn_reader_get(r, "model.weight"), tn_ones((2, 2))));
    CHECK(tn_load(path) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    CHECK((tn_save_pt)(tn_value_tensor(tn_ones(2)), path) && (r = tn_reader_open(path)) && tn_reader_get(r, "arr_0"));
    tn_value *bomb = tn_value_list();
    for (int k = 0; k < 40; k++) {
        tn_value *outer = tn_value_list();
        CHECK(tn_value_append(outer, bomb) && tn_value_append(outer, bomb));
        bomb = outer;
    }
    CHECK((tn_save_pt)(bomb, path) && tn_reader_open(path) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, NULL);
    CHECK_OK();
}

static void a_large_file_is_not_read(void) { /* 8 GB of zeros that the disk does not have */
    TN_SCOPE;
    static const char head[] = "{\"big\":{\"dtype\":\"F32\",\"shape\":[2,1000000000],\"data_offsets\":[0,8000000000]}}    ";
    size_t n = sizeof head - 1;
    char file[128] = {(char)n};
    memcpy(file + 8, head, n);
    put("big.safetensors", file, 8 + n);
    if (truncate(path, (off_t)(8 + n + 8000000000)) != 0) return; /* a file system without holes */
    tn_memory_stats before = {.size = sizeof before}, after = before;
    tn_memory_get_stats(&before);
    tn_reader *r = tn_reader_open(path, .mmap = true);
    tn_tensor *x = tn_reader_get(r, "big");
    CHECK(x && tn_numel(x) == 2000000000 && tn_data_f32(x)[1999999999] == 0);
    tn_memory_get_stats(&after);
    CHECK(after.held_bytes < before.held_bytes + (1 << 20));
    CHECK_OK();
    unlink(path);
}

/* ---- tables ---- */

static void tables(void) {
    TN_SCOPE;
    static const char simple[] = "1,2.5,-3e2\n4, \"5\" ,nan\r\n\n  \n7,8,inf";
    put("t.csv", simple, sizeof simple - 1);
    tn_tensor *x = tn_load_csv(path, .dtype = TN_FLOAT64);
    CHECK(x && tn_size(x, 0) == 3 && tn_size(x, 1) == 3);
    CHECK(x && tn_data_f64(x)[2] == -300 && tn_data_f64(x)[4] == 5 && isnan(tn_data_f64(x)[5]) && isinf(tn_data_f64(x)[8]));
    CHECK(setlocale(LC_ALL, "de_DE.UTF-8") || true);
    CHECK((x = tn_load_csv(path)) && tn_get_dtype(x) == TN_FLOAT32 && tn_data_f32(x)[1] == 2.5f);
    setlocale(LC_ALL, "C");
    static const char heading[] = "# made by hand\nid;value;label\n1;0.1;5\n2;1e-7;6\n";
    put("h.csv", heading, sizeof heading - 1);
    CHECK((x = tn_load_csv(path, .delimiter = ';', .header = 1, .skip_rows = 1, .dtype = TN_FLOAT64)) && tn_size(x, 0) == 2);
    CHECK(x && tn_data_f64(x)[1] == 0.1 && tn_data_f64(x)[4] == 1e-7);
    CHECK((x = tn_load_csv(path, ';', -1, 1, TN_INT64, .columns = TN_INTS(2, 0))) && tn_size(x, 1) == 2);
    CHECK(x && tn_data_i64(x)[0] == 5 && tn_data_i64(x)[3] == 2);
    static const char blanks[] = " 9007199254740993 \t 2 \n3   4\n";
    put("b.txt", blanks, sizeof blanks - 1);
    CHECK((x = tn_load_csv(path, .delimiter = ' ', .dtype = TN_INT64)) && tn_data_i64(x)[0] == 9007199254740993 &&
          tn_numel(x) == 4);
    put("empty.csv", "", 0);
    CHECK((x = tn_load_csv(path)) && tn_numel(x) == 0);
    tn_state *s = tn_load(in_folder("t.csv"));
    CHECK(s && tn_numel(tn_state_get(s, "arr_0")) == 9);
    CHECK_OK();
}

static void numbers_are_rounded_right(void) {
    TN_SCOPE;
    static const char *const text[] = {"0.1",
                                       "123456789012345678",
                                       "1.7976931348623157e308",
                                       "4.9e-324",
                                       "2.2250738585072011e-308",
                                       "0.30000000000000004",
                                       "179769313486231580793728971405301e0",
                                       "-0",
                                       "+5.",
                                       ".5",
                                       "100000000000000000000000"};
    char line[64];
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        snprintf(line, sizeof line, "%s\n", text[i]);
        put("n.csv", line, strlen(line));
        tn_tensor *x = tn_load_csv(path, .dtype = TN_FLOAT64);
        CHECK(x && tn_item(x) == strtod(text[i], NULL));
    }
    static const char *const wrong[] = {"1x", "0x10", "1e", "--1", ".", "", "1 2", "infinite", "1..2", "+"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(line, sizeof line, "7,%s\n", wrong[i]);
        put("n.csv", line, strlen(line));
        CHECK(tn_load_csv(path) == NULL);
        CHECK_ERROR(TN_ERR_FORMAT, "line 1, field 1");
    }
}

static void tables_that_are_refused(void) {
    TN_SCOPE;
    put("t.csv", "1,2\n3\n", 6);
    CHECK(tn_load_csv(path) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "line 2 has 1 fields, the first one has 2");
    put("t.csv", "1,2\n3,99999999999\n", 18);
    CHECK(tn_load_csv(path, .dtype = TN_INT32) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "does not fit");
    CHECK(tn_load_csv(path, .columns = TN_INTS(2)) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "column 2");
    CHECK(tn_load_csv(path, .columns = TN_INTS(1, 1)) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "twice");
    CHECK(tn_load_csv(path, .dtype = TN_BOOL) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "bool");
    CHECK(tn_load_csv(path, .delimiter = '1') == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "delimiter");
    CHECK(tn_load_csv(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "path");
}

/* ---- dtypes without kernels ---- */

static void stored_dtypes(void) {
    TN_SCOPE;
    static const tn_dtype dtypes[] = {TN_FLOAT8_E5M2, TN_FLOAT8_E4M3FN, TN_FLOAT8_E5M2FNUZ, TN_FLOAT8_E4M3FNUZ,
                                      TN_UINT16,      TN_UINT32,        TN_UINT64};
    static uint64_t words[6] = {0x3C, 0x8001, 0xFF, 0x40, 0x7F, 0x80};
    tn_state *s = tn_state_new();
    for (size_t i = 0; i < 7; i++) {
        tn_tensor *x = tn_from_blob((2, 3), dtypes[i], words, NULL);
        CHECK(x && tn_state_set(s, tn_dtype_name(dtypes[i]), x));
        tn_tensor *y = tn_contiguous(tn_transpose(x, 0, 1)), *z = tn_zeros((2, 3), .dtype = dtypes[i]);
        CHECK(y && z && tn_copy_(z, x) &&
              tn_item(tn_select(tn_select(y, 0, 0), 0, 0)) == tn_item(tn_select(tn_select(z, 0, 0), 0, 0)));
        CHECK(strlen(tn_to_string(x)) > 20);
        CHECK_OK();
        CHECK(tn_add(x, 1) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(tn_sum(x) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(tn_to(x, TN_FLOAT32) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(!tn_equal(x, x));
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(tn_ones_like(x) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(tn_fill_(x, 1) == NULL && tn_mul_(x, 2) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
        CHECK(tn_zeros_like(x) && tn_cat(TN_TENSORS(x, x)) == NULL);
        CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, tn_dtype_name(dtypes[i]));
    }
    CHECK(tn_save(s, in_folder("stored.safetensors")));
    tn_state *back = tn_load(path);
    for (size_t i = 0; i < 7 && CHECK(back != NULL); i++) {
        tn_tensor *x = tn_state_get(back, tn_dtype_name(dtypes[i]));
        CHECK(x && tn_get_dtype(x) == dtypes[i] && memcmp(tn_data(x), words, i < 4 ? 6 : i == 4 ? 12 : i == 5 ? 24 : 48) == 0);
    }
    CHECK_OK();
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    RUN(arrays);
    RUN(writes_what_numpy_writes);
    RUN(heads_that_are_refused);
    RUN(archives);
    RUN(damaged_archives);
    RUN(damaged_arrays);
    RUN(readers);
    RUN(what_is_nested);
    RUN(a_large_file_is_not_read);
    RUN(tables);
    RUN(numbers_are_rounded_right);
    RUN(tables_that_are_refused);
    RUN(stored_dtypes);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
