/* unit/test_idx.c - zlib's door, files that may be gzipped, and the IDX format. */
#include "base/base.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "support.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[64];

static void write_all(const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}

/* Compresses into `out`; the length. */
static size_t gzip(const void *data, size_t bytes, unsigned char *out, size_t room) {
    tni_zlib z;
    const unsigned char *in = data;
    size_t left = room;
    bool ended = false;
    CHECK(tni_deflate_begin(&z, "test", TNI_ZLIB_GZIP, 9));
    while (!ended && left > 0 && CHECK(tni_deflate_step(&z, "test", &in, &bytes, &out, &left, true, &ended))) {
    }
    tni_zlib_end(&z);
    return CHECK(ended) ? room - left : 0;
}

/* numpy.arange(3, dtype='>i4') - 2 */
static const unsigned char whole[] = {0, 0, 0x0C, 1, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
static const unsigned char floats[] = {0, 0, 0x0D, 1, 0, 0, 0, 2, 0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0}; /* 1, -2.5 */
static const unsigned char doubles[] = {0, 0, 0x0E, 0, 0xC0, 4, 0, 0, 0, 0, 0, 0};                     /* -2.5, no dimension */
static const unsigned char bytes[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 7, 0, 255, 1};
static const unsigned char empty[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 9};

static void types_and_shapes(void) {
    TN_SCOPE;
    write_all(floats, sizeof floats);
    tn_tensor *x = tn_load_idx(path);
    CHECK(x && tn_get_dtype(x) == TN_FLOAT32 && tn_numel(x) == 2 && tn_data_f32(x)[0] == 1 && tn_data_f32(x)[1] == -2.5f);
    write_all(doubles, sizeof doubles);
    CHECK((x = tn_load_idx(path)) && tn_ndim(x) == 0 && tn_item(x) == -2.5);
    write_all(bytes, sizeof bytes);
    CHECK((x = tn_load_idx(path)) && tn_ndim(x) == 3 && tn_size(x, 2) == 2 && tn_data_u8(x)[2] == 255);
    write_all(whole, sizeof whole);
    CHECK((x = tn_load_idx(path)) && tn_get_dtype(x) == TN_INT32 && tn_data_i32(x)[0] == -2 && tn_data_i32(x)[2] == 0);
    write_all(empty, sizeof empty);
    CHECK((x = tn_load_idx(path)) && tn_size(x, 0) == 0 && tn_size(x, 1) == 9);
    CHECK_OK();
}

static void compressed(void) {
    TN_SCOPE;
    unsigned char packed[2048];
    size_t n = gzip(bytes, sizeof bytes, packed, sizeof packed);
    write_all(packed, n);
    tn_tensor *x = tn_load_idx(path);
    CHECK(x && tn_size(x, 1) == 2 && tn_data_u8(x)[3] == 1);
    n = gzip(bytes, 9, packed, sizeof packed); /* in two members, with zeros behind */
    n += gzip(bytes + 9, sizeof bytes - 9, packed + n, sizeof packed - n);
    memset(packed + n, 0, 20);
    write_all(packed, n + 20);
    CHECK((x = tn_load_idx(path)) && tn_data_u8(x)[2] == 255);
    packed[n + 5] = 1;
    write_all(packed, n + 20);
    CHECK(!tn_load_idx(path));
    CHECK_ERROR(TN_ERR_FORMAT, "not gzip");
    CHECK_OK();
}

static void large_and_compressed(void) { /* more than the buffers hold, in and out */
    enum { SIDE = 1200, ALL = 8 + 4 + SIDE * SIDE };
    TN_SCOPE;
    unsigned char *file = malloc(ALL), *packed = malloc(2 * ALL);
    const unsigned char head[] = {0, 0, 8, 2, 0, 0, SIDE >> 8, SIDE & 255, 0, 0, SIDE >> 8, SIDE & 255};
    memcpy(file, head, sizeof head);
    for (size_t i = sizeof head; i < ALL; i++) file[i] = (unsigned char)(i * 2654435761u >> (i % 7 ? 23 : 13));
    size_t n = gzip(file, ALL, packed, 2 * ALL);
    write_all(packed, n);
    tn_tensor *x = tn_load_idx(path);
    CHECK(x && memcmp(tn_data_u8(x), file + sizeof head, SIDE * SIDE) == 0);
    write_all(file, ALL);
    CHECK((x = tn_load_idx(path)) && memcmp(tn_data_u8(x), file + sizeof head, SIDE * SIDE) == 0);
    packed[n - 6] ^= 1; /* the checksum */
    write_all(packed, n);
    CHECK(!tn_load_idx(path));
    CHECK_ERROR(TN_ERR_FORMAT, "incorrect data check");
    free(file);
    free(packed);
}

static void refuse(const unsigned char *file, size_t n, const char *text) {
    write_all(file, n);
    CHECK(!tn_load_idx(path));
    CHECK_ERROR(TN_ERR_FORMAT, text);
}

static void damaged_files(void) {
    TN_SCOPE;
    unsigned char file[64], packed[2048];
    size_t before = live_objects();
    static const unsigned char huge[] = {0, 0, 0x0E, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1};
    static const unsigned char type[] = {0, 0, 0x0A, 1, 0, 0, 0, 1, 1};
    for (size_t n = 0; n < sizeof whole; n++) refuse(whole, n, path);
    for (size_t i = 0; i < sizeof whole; i++) { /* whatever a byte becomes: no crash, and no leak */
        for (int v = 0; v < 256; v++) {
            memcpy(file, whole, sizeof whole);
            file[i] = (unsigned char)v;
            write_all(file, sizeof whole);
            tn_free(tn_load_idx(path));
            tn_clear_error();
        }
    }
    memcpy(file, bytes, sizeof bytes);
    file[sizeof bytes] = 0;
    refuse(file, sizeof bytes + 1, "goes on");
    refuse(huge, sizeof huge, "claim more");
    refuse(type, sizeof type, "type 0x0A");
    size_t n = gzip(bytes, sizeof bytes, packed, sizeof packed);
    for (size_t i = 1; i < n; i++) refuse(packed, i, path);
    for (size_t i = 0; i < n; i++) {
        packed[i] ^= 0x55;
        write_all(packed, n);
        tn_free(tn_load_idx(path));
        tn_clear_error();
        packed[i] ^= 0x55;
    }
    n = gzip(huge, sizeof huge, packed, sizeof packed);
    refuse(packed, n, "claim more");
    CHECK_EQ_INT(live_objects(), before);
    CHECK(!tn_load_idx(NULL));
    CHECK_ERROR(TN_ERR_TYPE, "path");
    CHECK(!tn_load_idx("/nowhere/x"));
    CHECK_ERROR(TN_ERR_IO, "/nowhere/x");
}

static void without_zlib(void) { /* a process of its own: the library is looked for once */
    CHECK(strstr(tn_build_info(), "zlib: ") != NULL);
    char command[1200], program[1024];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) return; /* a system without /proc */
    program[n] = 0;
    unsigned char packed[256];
    write_all(packed, gzip(bytes, sizeof bytes, packed, sizeof packed));
    snprintf(command, sizeof command, "TISON_ZLIB=none '%s' %s", program, path);
    CHECK_EQ_INT(system(command), 0);
}

static int run_without_zlib(const char *file) {
    bool refused = tn_load_idx(file) == NULL && tn_error() == TN_ERR_NOT_IMPLEMENTED && strstr(tn_error_message(), "needs zlib");
    return refused && strstr(tn_build_info(), "zlib: not found") ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc > 1) return run_without_zlib(argv[1]);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.idx", folder);
    if (!tni_zlib_version()) return 1;
    RUN(types_and_shapes);
    RUN(compressed);
    RUN(large_and_compressed);
    RUN(damaged_files);
    RUN(without_zlib);
    unlink(path);
    rmdir(folder);
    return test_end();
}
