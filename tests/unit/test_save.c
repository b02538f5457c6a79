/* tn_save and tn_load: round trips, the reference's bytes, strict errors, and that nothing is lost when a call fails. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "support.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static size_t read_bytes(const char *path, unsigned char *out, size_t room) {
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    size_t n = fread(out, 1, room, f);
    fclose(f);
    return n;
}
static void write_bytes(const char *path, const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}

/* safetensors.torch.save_file({"a": torch.tensor([1., 2.]), "b": torch.tensor(7)}) */
static const char reference[] = "\x70\0\0\0\0\0\0\0"
                                "{\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                                "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}     "
                                "\x07\0\0\0\0\0\0\0"
                                "\0\0\x80\x3f\0\0\0\x40";
enum { REFERENCE_BYTES = sizeof reference - 1 };

static tn_state *small_state(void) {
    static float two[] = {1, 2};
    static int64_t seven = 7;
    tn_state *s = tn_state_new();
    tn_state_set(s, "a", (tn_from_blob)((int64_t[]){2}, 1, TN_FLOAT32, two, NULL));
    tn_state_set(s, "b", (tn_from_blob)(NULL, 0, TN_INT64, &seven, NULL));
    return s;
}

static void bytes_of_the_reference(void) {
    TN_SCOPE;
    unsigned char got[1000];
    CHECK_EQ_INT(REFERENCE_BYTES, 8 + 112 + 16);
    CHECK(tn_save(small_state(), in_folder("small.safetensors")));
    CHECK_EQ_INT(read_bytes(in_folder("small.safetensors"), got, sizeof got), REFERENCE_BYTES);
    CHECK(memcmp(got, reference, REFERENCE_BYTES) == 0);
    write_bytes(in_folder("given.safetensors"), reference, REFERENCE_BYTES);
    tn_state *s = tn_load(in_folder("given.safetensors"));
    CHECK_EQ_INT(tn_state_count(s), 2);
    CHECK_STR(tn_state_name(s, 0), "b");
    CHECK_EQ_INT(tn_item_int(tn_state_get(s, "b")), 7);
    CHECK_EQ_INT(tn_data_f32(tn_state_get(s, "a"))[1], 2);
    CHECK_OK();
}

static void check_same(tn_tensor *a, tn_tensor *b) {
    unsigned char x[1000], y[1000];
    static const size_t item[] = {
        [TN_FLOAT32] = 4, [TN_FLOAT64] = 8, [TN_INT64] = 8, [TN_INT32] = 4, [TN_UINT8] = 1, [TN_BOOL] = 1};
    if (!CHECK(a && b && tn_get_dtype(a) == tn_get_dtype(b) && tn_ndim(a) == tn_ndim(b))) return;
    for (int64_t d = 0; d < tn_ndim(a); d++) CHECK_EQ_INT(tn_size(a, d), tn_size(b, d));
    size_t bytes = (size_t)tn_numel(a) * item[tn_get_dtype(a)];
    CHECK(tn_copy_to(a, x, bytes) && tn_copy_to(b, y, bytes) && memcmp(x, y, bytes) == 0);
}

static void round_trip(void) {
    static double f64[] = {0.1, -0.0, 1e300, 5e-324, 3, 4};
    static float f32[] = {0.1f, -0.0f, 1e30f, 1e-45f, 3, 4};
    static int64_t i64[] = {INT64_MIN, -1, 0, 1, 2, INT64_MAX};
    static int32_t i32[] = {INT32_MIN, -1, 0, 1, 2, INT32_MAX};
    static uint8_t u8[] = {0, 1, 2, 127, 128, 255};
    static bool flags[] = {true, false, false, true, true, false};
    static const tn_dtype dtypes[] = {TN_FLOAT32, TN_FLOAT64, TN_INT64, TN_INT32, TN_UINT8, TN_BOOL};
    void *values[] = {f32, f64, i64, i32, u8, flags};
    TN_SCOPE;
    tn_state *s = tn_state_new();
    char name[40];
    for (int k = 0; k < 6; k++) {
        tn_tensor *x = (tn_from_blob)((int64_t[]){2, 3}, 2, dtypes[k], values[k], NULL);
        tn_tensor *parts[] = {x, (tn_transpose)(x, 0, 1), (tn_from_blob)(NULL, 0, dtypes[k], values[k], NULL),
                              (tn_from_blob)((int64_t[]){3, 0, 2}, 3, dtypes[k], NULL, NULL)};
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "%s.%d", tn_dtype_name(dtypes[k]), i);
            CHECK(tn_state_set(s, name, parts[i]));
        }
    }
    CHECK(tn_state_set_metadata(s, "format", "pt"));
    CHECK(tn_save(s, in_folder("all.safetensors")));
    tn_state *back = tn_load(in_folder("all.safetensors"));
    CHECK_EQ_INT(tn_state_count(back), 24);
    for (size_t i = 0; i < tn_state_count(s); i++) check_same(tn_state_at(s, i), tn_state_get(back, tn_state_name(s, i)));
    CHECK_STR(tn_state_metadata(back, "format"), "pt");
    CHECK(tn_save(tn_state_new(), in_folder("none.safetensors")));
    tn_state *none = tn_load(in_folder("none.safetensors"));
    CHECK(none != NULL && tn_state_count(none) == 0);
    CHECK_OK();
}

static void refused(const char *path, tn_status status, const char *part) {
    size_t before = live_objects();
    CHECK(tn_load(path) == NULL);
    CHECK_ERROR(status, part);
    CHECK_EQ_INT(live_objects(), before);
}

static size_t file_of(char *out, const char *header, size_t payload) {
    size_t n = strlen(header);
    memset(out, 0, 8 + n + payload);
    out[0] = (char)(n & 255);
    out[1] = (char)(n >> 8);
    memcpy(out + 8, header, n);
    return 8 + n + payload;
}

static void load_is_strict(void) {
    char bytes[2000], header[1000], path[600];
    snprintf(path, sizeof path, "%s", in_folder("bad.safetensors")); /* in_folder's memory comes round again */
    refused(in_folder("missing.safetensors"), TN_ERR_IO, "missing.safetensors");
    CHECK(mkdir(in_folder("folder.safetensors"), 0700) == 0);
    refused(in_folder("folder.safetensors"), TN_ERR_IO, "folder.safetensors");
    refused(in_folder("model.onnx"), TN_ERR_NOT_IMPLEMENTED, ".safetensors");
    refused(NULL, TN_ERR_TYPE, "'path' is NULL");
    for (size_t n = 0; n < REFERENCE_BYTES; n += 5) {
        write_bytes(path, reference, n);
        refused(path, TN_ERR_FORMAT, NULL);
    }
    write_bytes(path, bytes,
                file_of(bytes,
                        "{\"good\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                        "\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}",
                        8));
    refused(path, TN_ERR_NOT_IMPLEMENTED, "'half'");
    refused(path, TN_ERR_NOT_IMPLEMENTED, "F16");
    int at = snprintf(header, sizeof header, "{\"deep\":{\"dtype\":\"U8\",\"shape\":[1");
    for (int i = 0; i < 64; i++) at += snprintf(header + at, sizeof header - (size_t)at, ",1");
    snprintf(header + at, sizeof header - (size_t)at, "],\"data_offsets\":[0,1]}}");
    write_bytes(path, bytes, file_of(bytes, header, 1));
    refused(path, TN_ERR_SHAPE, "'deep'");
}

static void save_is_strict(void) {
    TN_SCOPE;
    tn_state *s = small_state();
    CHECK(!tn_save(NULL, in_folder("x.safetensors")));
    CHECK(tn_error() != TN_OK);
    CHECK(!tn_save(s, in_folder("x.safetensors"))); /* while an error is set */
    CHECK(access(in_folder("x.safetensors"), F_OK) != 0);
    tn_clear_error();
    CHECK(!tn_save(s, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "'path' is NULL");
    CHECK(!tn_save(s, in_folder("x.pth")));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, ".safetensors");
    CHECK(!tn_save(s, in_folder("no/such/x.safetensors")));
    CHECK_ERROR(TN_ERR_IO, "x.safetensors");
}

static int64_t full_disk(void *context, int file, const void *data, size_t bytes) {
    (void)context, (void)file, (void)data, (void)bytes;
    return -ENOSPC;
}

static void a_failed_write_keeps_the_old_file(void) {
    unsigned char got[1000];
    const char *path = in_folder("kept.safetensors");
    size_t before = live_objects();
    {
        TN_SCOPE;
        CHECK(tn_save(small_state(), path));
        tn_state *other = tn_state_new();
        tn_state_set(other, "other", (tn_transpose)(tn_ones((30, 20)), 0, 1));
        tn_file_table table = *tn_default_file_table();
        table.write = full_disk;
        CHECK(tn_set_file_table(&table));
        CHECK(!tn_save(other, path));
        CHECK_ERROR(TN_ERR_IO, "kept.safetensors");
        CHECK(tn_set_file_table(NULL));
        CHECK_EQ_INT(read_bytes(path, got, sizeof got), REFERENCE_BYTES);
        CHECK(memcmp(got, reference, REFERENCE_BYTES) == 0);
        CHECK(tn_save(other, path));
        CHECK(tn_state_has(tn_load(path), "other"));
    }
    CHECK_OK();
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/tisonXXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return 1;
    RUN(bytes_of_the_reference);
    RUN(round_trip);
    RUN(load_is_strict);
    RUN(save_is_strict);
    RUN(a_failed_write_keeps_the_old_file);
    static const char *const left[] = {"small", "given", "all", "none", "bad", "kept"};
    char name[40];
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(name, sizeof name, "%s.safetensors", left[i]);
        unlink(in_folder(name));
    }
    rmdir(in_folder("folder.safetensors"));
    CHECK_EQ_INT(rmdir(folder), 0);
    return test_end();
}
