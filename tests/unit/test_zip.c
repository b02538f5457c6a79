/* unit/test_zip.c - zip archives: written, read, and everything inconsistent refused. */
#include "base/crc32.h"
#include "base/zlib.h"
#include "serialize/zip.h"
#include "support.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    unsigned char *data;
    size_t n;
} bytes;
static bool put(void *to, const void *data, size_t n) {
    bytes *b = to;
    b->data = realloc(b->data, b->n + n);
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return true;
}

/* zipfile: "a.txt", "hello" forty times, deflated; "b", "stored". */
static const char foreign[] =
    "PK\3\4\x14\0\0\0\x08\0\0\0\x21\0\xe1\x50\xd3\0\x0a\0\0\0\xc8\0\0\0\5\0\0\0a.txt\xcb\x48\xcd\xc9\xc9\xcf\x18\xfa\x04\0"
    "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\x0b\xf9\x43\x56\6\0\0\0\6\0\0\0\1\0\0\0bstored"
    "PK\1\2\x14\3\x14\0\0\0\x08\0\0\0\x21\0\xe1\x50\xd3\0\x0a\0\0\0\xc8\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\x80\1\0\0\0\0a.txt"
    "PK\1\2\x14\3\x14\0\0\0\0\0\0\0\x21\0\x0b\xf9\x43\x56\6\0\0\0\6\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\x80\1\x2d\0\0\0b"
    "PK\5\6\0\0\0\0\2\0\2\0\x62\0\0\0\x52\0\0\0\0\0";
enum { FOREIGN = sizeof foreign - 1, CENTRAL_A = 82, CENTRAL_B = 133, END = 180 };

/* Opens and reads all members; what it says is left in the latch. */
static bool read_all(const void *data, size_t n) {
    tni_zip z;
    unsigned char out[4096];
    if (!tni_zip_open(&z, "load", NULL, data, n)) return false;
    bool right = true;
    for (size_t i = 0; i < z.n && right; i++) right = z.entry[i].bytes <= sizeof out && tni_zip_read(&z, &z.entry[i], out);
    tni_zip_close(&z);
    return right;
}

static void checksums(void) {
    CHECK(tni_crc32(0, "123456789", 9) == 0xCBF43926);
    unsigned char long_text[1000];
    for (int i = 0; i < 1000; i++) long_text[i] = (unsigned char)(i * 7);
    uint32_t whole = tni_crc32(0, long_text, 1000);
    CHECK(tni_crc32(tni_crc32(0, long_text, 333), long_text + 333, 667) == whole);
    CHECK(tni_crc32(0, "", 0) == 0);
}

static void written_and_read(void) {
    for (size_t alignment = 0; alignment <= 64; alignment += 64) {
        bytes b = {0};
        tni_zip_writer w;
        tni_zip_begin(&w, put, &b);
        CHECK(tni_zip_add(&w, "x/one", (tni_zip_piece[]){{"abc", 3}, {"defg", 4}}, 2, alignment));
        CHECK(tni_zip_add(&w, "empty", NULL, 0, alignment));
        CHECK(tni_zip_add(&w, "two", (tni_zip_piece[]){{"2", 1}}, 1, alignment));
        CHECK(tni_zip_finish(&w));
        tni_zip z;
        char out[8] = "";
        CHECK(tni_zip_open(&z, "load", NULL, b.data, b.n) && z.n == 3);
        const tni_zip_entry *one = tni_zip_find(&z, "x/one");
        CHECK(one && one->bytes == 7 && tni_zip_read(&z, one, out) && memcmp(out, "abcdefg", 7) == 0);
        CHECK(alignment == 0 || one->at % alignment == 0);
        CHECK(tni_zip_find(&z, "empty") && tni_zip_find(&z, "empty")->bytes == 0 && !tni_zip_find(&z, "none"));
        tni_zip_close(&z);
        for (size_t n = 0; n < b.n; n++) { /* every strict prefix is refused */
            CHECK(!read_all(b.data, n));
            CHECK_ERROR(TN_ERR_FORMAT, "load: ");
        }
        free(b.data);
    }
    bytes b = {0};
    tni_zip_writer w;
    tni_zip_begin(&w, put, &b);
    CHECK(tni_zip_finish(&w) && read_all(b.data, b.n)); /* an empty one */
    free(b.data);
    CHECK_OK();
}

static void compressed_by_others(void) {
    char out[256];
    tni_zip z;
    if (!tni_zlib_version()) return;
    CHECK(tni_zip_open(&z, "load", NULL, foreign, FOREIGN) && z.n == 2);
    CHECK(tni_zip_read(&z, tni_zip_find(&z, "a.txt"), out) && memcmp(out, "hellohello", 10) == 0 &&
          memcmp(out + 195, "hello", 5) == 0);
    CHECK(tni_zip_read(&z, tni_zip_find(&z, "b"), out) && memcmp(out, "stored", 6) == 0);
    tni_zip_close(&z);
    CHECK_OK();
}

static void refused(size_t at, const char *change, size_t n, tn_status status, const char *text) {
    char copy[FOREIGN];
    memcpy(copy, foreign, FOREIGN);
    memcpy(copy + at, change, n);
    CHECK(!read_all(copy, FOREIGN));
    CHECK_ERROR(status, text);
}

static void hostile_archives(void) {
    if (!tni_zlib_version()) return;
    refused(CENTRAL_A + 46, "z", 1, TN_ERR_FORMAT, "member 'z.txt': the directory and its own header differ");
    refused(CENTRAL_A + 46, "\0", 1, TN_ERR_FORMAT, "has a NUL");
    refused(CENTRAL_A + 8, "\1", 1, TN_ERR_NOT_IMPLEMENTED, "encrypted");
    refused(6, "\1", 1, TN_ERR_NOT_IMPLEMENTED, "encrypted");
    refused(CENTRAL_A + 10, "\x63", 1, TN_ERR_NOT_IMPLEMENTED, "packed by method 99");
    refused(CENTRAL_A + 16, "\1", 1, TN_ERR_FORMAT, "header differ");
    refused(CENTRAL_A + 20, "\xff", 1, TN_ERR_FORMAT, "differ");
    refused(CENTRAL_A + 24, "\xff\xff\xff\x7f", 4, TN_ERR_FORMAT, "cannot become 2147483647");
    refused(CENTRAL_A + 24, "\xff\xff\xff\xff", 4, TN_ERR_FORMAT, "zip64 numbers are missing");
    refused(CENTRAL_A + 24, "\xc9", 1, TN_ERR_FORMAT, "differ");
    refused(CENTRAL_A + 42, "\x2d", 1, TN_ERR_FORMAT, "differ");
    refused(CENTRAL_B + 42, "\0", 1, TN_ERR_FORMAT, "differ");
    refused(CENTRAL_B + 42, "\xff\xff\xff\x7f", 4, TN_ERR_FORMAT, "there is no header at");
    refused(CENTRAL_B + 34, "\1", 1, TN_ERR_FORMAT, "zip64");
    refused(CENTRAL_B + 20, "\7", 1, TN_ERR_FORMAT, "two sizes differ");
    refused(END + 4, "\1", 1, TN_ERR_NOT_IMPLEMENTED, "several disks");
    refused(END + 8, "\1\0\1\0", 4, TN_ERR_FORMAT, "behind its 1 entries");
    refused(END + 8, "\3\0\3\0", 4, TN_ERR_FORMAT, "cannot hold 3 entries");
    refused(END + 12, "\xff\xff\xff\xff", 4, TN_ERR_FORMAT, "does not reach");
    refused(END + 16, "\xff\xff\xff\xff", 4, TN_ERR_FORMAT, "does not reach");
    refused(END + 20, "\1", 1, TN_ERR_FORMAT, "end record is missing");
    refused(36, "\0", 1, TN_ERR_FORMAT, NULL); /* damaged DEFLATE */
    refused(77, "S", 1, TN_ERR_FORMAT, "checksum");
}

static void bytes_around_and_twice(void) {
    char copy[2 * FOREIGN + 4] = "front";
    memcpy(copy + 1, foreign, FOREIGN);
    CHECK(!read_all(copy, FOREIGN + 1));
    CHECK_ERROR(TN_ERR_FORMAT, "does not reach");
    memcpy(copy, foreign, FOREIGN);
    CHECK(!read_all(copy, FOREIGN + 1));
    CHECK_ERROR(TN_ERR_FORMAT, "end record is missing");
    copy[END + 20] = 22; /* an end record in the comment of another */
    memcpy(copy + FOREIGN, foreign + END, 22);
    CHECK(!read_all(copy, FOREIGN + 22));
    CHECK_ERROR(TN_ERR_FORMAT, "two end records");
    for (int twice = 0; twice < 2; twice++) {
        bytes b = {0};
        tni_zip_writer w;
        tni_zip_begin(&w, put, &b);
        tni_zip_add(&w, "same", NULL, 0, 64);
        tni_zip_add(&w, twice ? "same" : "other", NULL, 0, 64);
        tni_zip_finish(&w);
        CHECK(read_all(b.data, b.n) == !twice);
        if (twice) CHECK_ERROR(TN_ERR_FORMAT, "'same' comes twice");
        if (!twice) { /* zip64 that lies: counts, places */
            for (size_t at = b.n - 22 - 20 - 56; at < b.n - 22; at++) {
                b.data[at] ^= 0x55;
                bool right = read_all(b.data, b.n);
                size_t field = at - (b.n - 98);
                CHECK(!right || (field >= 12 && field < 24) || (field >= 56 && field < 60) || field == 72);
                tn_clear_error();
                b.data[at] ^= 0x55;
            }
        }
        free(b.data);
    }
}

/* Every single change of a byte: a reason or an archive, never more. */
static void every_changed_byte(void) {
    char copy[FOREIGN];
    for (size_t at = 0; at < FOREIGN; at++)
        for (int value = 0; value < 256; value++) {
            memcpy(copy, foreign, FOREIGN);
            copy[at] = (char)value;
            char *exact = malloc(FOREIGN); /* so that the sanitizer sees a read behind it */
            memcpy(exact, copy, FOREIGN);
            bool right = read_all(exact, FOREIGN);
            CHECK(right || tn_error() == TN_ERR_FORMAT || tn_error() == TN_ERR_NOT_IMPLEMENTED);
            tn_clear_error();
            free(exact);
        }
    for (size_t n = 0; n < FOREIGN; n++) {
        CHECK(!read_all(foreign, n));
        CHECK_ERROR(TN_ERR_FORMAT, NULL);
    }
}

/* More than 4 GiB, in a file with a hole: its numbers stand in the zip64 fields. TISON_LONG=1 in the environment. */
static int hole;
static bool put_sparse(void *to, const void *data, size_t n) {
    (void)to;
    if (n >> 30) return lseek(hole, (off_t)n, SEEK_CUR) > 0;
    return write(hole, data, n) == (ssize_t)n;
}

static void more_than_4_gib(void) {
    char path[] = "/tmp/tison_test_XXXXXX", out[8] = "";
    size_t n = (size_t)4500 << 20;
    void *zeros = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    hole = mkstemp(path);
    for (size_t alignment = 0; alignment <= 64 && zeros != MAP_FAILED; alignment += 64) {
        tni_zip_writer w;
        tni_zip z;
        tni_file f;
        CHECK(ftruncate(hole, 0) == 0 && lseek(hole, 0, SEEK_SET) == 0);
        tni_zip_begin(&w, put_sparse, NULL);
        CHECK(tni_zip_add(&w, "large", &(tni_zip_piece){zeros, n}, 1, alignment));
        CHECK(tni_zip_add(&w, "behind", &(tni_zip_piece){"late", 4}, 1, alignment) && tni_zip_finish(&w));
        CHECK(tni_file_open(&f, path) && tni_zip_open(&z, "load", &f, NULL, 0));
        CHECK(tni_zip_find(&z, "large")->bytes == n && tni_zip_find(&z, "behind")->at > n);
        CHECK(tni_zip_read(&z, tni_zip_find(&z, "behind"), out) && strcmp(out, "late") == 0);
        tni_zip_close(&z);
        tni_file_close(&f);
    }
    close(hole);
    unlink(path);
    CHECK_OK();
}

int main(void) {
    RUN(checksums);
    RUN(written_and_read);
    RUN(compressed_by_others);
    RUN(hostile_archives);
    RUN(bytes_around_and_twice);
    RUN(every_changed_byte);
    if (getenv("TISON_LONG")) RUN(more_than_4_gib);
    tn_shutdown();
    return test_end();
}
