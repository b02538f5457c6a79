/* unit/test_file.c - reading whole files, replacing files safely, and what is left when the Nth file call fails. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIG ((size_t)300000)
static char folder[64];
static unsigned char big[BIG], newer[BIG];

static const char *in_folder(const char *name) {
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static void put(const char *path, const void *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    if (!CHECK(f != NULL)) return;
    CHECK(fwrite(data, 1, bytes, f) == bytes);
    fclose(f);
}

static bool holds(const char *path, const void *data, size_t bytes) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    unsigned char *found = malloc(bytes + 1);
    size_t n = fread(found, 1, bytes + 1, f);
    bool same = n == bytes && (bytes == 0 || memcmp(found, data, bytes) == 0);
    free(found);
    fclose(f);
    return same;
}

static int temporaries_left(void) {
    DIR *d = opendir(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        count += e->d_name[0] == '.' && n > 4 && strcmp(e->d_name + n - 4, ".tmp") == 0;
    }
    closedir(d);
    return count;
}

static bool says(tn_status status, const char *part) {
    bool right = tn_error() == status && strstr(tn_error_message(), part) != NULL;
    if (!right) printf("  error %d: %s; expected: %s\n", tn_error(), tn_error_message(), part);
    tn_clear_error();
    return right;
}

static bool save(const char *path, const void *data, size_t bytes) { /* in pieces of all sizes */
    tni_file_writer w;
    if (!tni_file_writer_begin(&w, path)) return false;
    bool right = true;
    for (size_t at = 0, piece = 1; at < bytes && right; at += piece, piece = piece * 3) {
        piece = TNI_MIN(piece, bytes - at);
        right = tni_file_writer_write(&w, (const unsigned char *)data + at, piece);
    }
    if (right) return tni_file_writer_commit(&w);
    tni_file_writer_abandon(&w);
    return false;
}

/* ---- reading ---- */

static void read_all(void) {
    void *data;
    size_t bytes;
    put(in_folder("r"), big, BIG);
    CHECK(tni_file_read_all(in_folder("r"), BIG, &data, &bytes));
    CHECK(bytes == BIG && memcmp(data, big, BIG) == 0);
    tni_free(data, bytes);
    CHECK(!tni_file_read_all(in_folder("r"), BIG - 1, &data, &bytes));
    CHECK(data == NULL && bytes == 0);
    CHECK(says(TN_ERR_IO, "File too large"));
    put(in_folder("empty"), big, 0);
    CHECK(tni_file_read_all(in_folder("empty"), 0, &data, &bytes));
    CHECK(data == NULL && bytes == 0);
}

static void what_is_not_a_file(void) {
    void *data;
    size_t bytes;
    CHECK(!tni_file_read_all("no such folder/x.safetensors", BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "[Errno 2] No such file or directory: 'no such folder/x.safetensors'"));
    CHECK(!tni_file_read_all(folder, BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "[Errno 21] Is a directory"));
    CHECK(mkfifo(in_folder("fifo"), 0600) == 0);
    CHECK(!tni_file_read_all(in_folder("fifo"), BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "Not a regular file"));
    CHECK(!tni_file_read_all("/dev/zero", BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "Not a regular file: '/dev/zero'"));
    CHECK(symlink("loop", in_folder("loop")) == 0);
    CHECK(!tni_file_read_all(in_folder("loop"), BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "Too many levels of symbolic links"));
    if (geteuid() != 0) {
        put(in_folder("secret"), big, 10);
        CHECK(chmod(in_folder("secret"), 0) == 0);
        CHECK(!tni_file_read_all(in_folder("secret"), BIG, &data, &bytes));
        CHECK(says(TN_ERR_IO, "[Errno 13] Permission denied"));
    }
    CHECK(!tni_file_read_all("", BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "No such file"));
    CHECK(!tni_file_read_all(NULL, BIG, &data, &bytes));
    CHECK(says(TN_ERR_VALUE, "NULL"));
    static char longest[100000];
    memset(longest, 'x', sizeof(longest) - 1);
    CHECK(!tni_file_read_all(longest, BIG, &data, &bytes));
    CHECK(says(TN_ERR_IO, "File name too long"));
}

static void a_part_and_a_file_that_shrinks(void) {
    unsigned char part[100];
    tni_file f;
    put(in_folder("shrinks"), big, 1000);
    CHECK(tni_file_open(&f, in_folder("shrinks")));
    CHECK_EQ_INT(f.size, 1000);
    CHECK(tni_file_read(&f, part, 100, 800) && memcmp(part, big + 800, 100) == 0);
    CHECK(truncate(f.path, 850) == 0);
    CHECK(!tni_file_read(&f, part, 100, 800));
    CHECK(says(TN_ERR_IO, "50 bytes early"));
    tni_file_close(&f);
    tni_file_close(&f);
}

/* ---- writing ---- */

static void save_new_and_over(void) {
    const char *path = in_folder("w");
    struct stat s;
    mode_t before = umask(027);
    CHECK(save(path, big, BIG) && holds(path, big, BIG));
    CHECK(stat(path, &s) == 0 && (s.st_mode & 0777) == 0640);
    CHECK(chmod(path, 0666) == 0);
    CHECK(save(path, newer, 12345) && holds(path, newer, 12345));
    CHECK(stat(path, &s) == 0 && (s.st_mode & 0777) == 0666);
    CHECK(save(path, newer, 0) && holds(path, newer, 0));
    umask(before);
    CHECK(chdir(folder) == 0);
    CHECK(save("bare", big, 10) && holds("bare", big, 10));
    CHECK(chdir("/") == 0);
    CHECK_EQ_INT(temporaries_left(), 0);
}

static void abandon_leaves_the_old(void) {
    const char *path = in_folder("a");
    tni_file_writer w;
    put(path, big, 1000);
    CHECK(tni_file_writer_begin(&w, path));
    CHECK(tni_file_writer_write(&w, newer, BIG));
    CHECK_EQ_INT(temporaries_left(), 1);
    tni_file_writer_abandon(&w);
    tni_file_writer_abandon(&w);
    CHECK(holds(path, big, 1000));
    CHECK_EQ_INT(temporaries_left(), 0);
}

static void targets_that_cannot_be(void) {
    CHECK(!save(folder, big, 10) && says(TN_ERR_IO, "Is a directory"));
    CHECK(!save(in_folder(""), big, 10) && says(TN_ERR_IO, "Is a directory"));
    CHECK(!save("", big, 10) && says(TN_ERR_IO, "No such file or directory"));
    CHECK(!save(NULL, big, 10) && says(TN_ERR_VALUE, "NULL"));
    CHECK(!save(in_folder("no/such"), big, 10) && says(TN_ERR_IO, "No such file or directory"));
    CHECK(!save("/dev/full", big, 10) && says(TN_ERR_IO, "Not a regular file: '/dev/full'"));
    put(in_folder("protected"), big, 10);
    CHECK(chmod(in_folder("protected"), 0444) == 0);
    CHECK(!save(in_folder("protected"), newer, 10) && says(TN_ERR_IO, "Permission denied"));
    CHECK(holds(in_folder("protected"), big, 10));
    char name[300];
    memset(name, 'n', 255);
    name[255] = 0;
    CHECK(save(in_folder(name), big, 10) && holds(in_folder(name), big, 10));
    memset(name, 'n', 256);
    name[256] = 0;
    CHECK(!save(in_folder(name), big, 10) && says(TN_ERR_IO, "File name too long"));
    CHECK_EQ_INT(temporaries_left(), 0);
}

static void links_are_kept(void) {
    struct stat s;
    CHECK(mkdir(in_folder("sub"), 0700) == 0);
    put(in_folder("sub/real"), big, 10);
    CHECK(symlink("sub/link2", in_folder("link1")) == 0);
    CHECK(symlink("real", in_folder("sub/link2")) == 0);
    CHECK(save(in_folder("link1"), newer, 20) && holds(in_folder("sub/real"), newer, 20));
    CHECK(lstat(in_folder("link1"), &s) == 0 && S_ISLNK(s.st_mode));
    CHECK(lstat(in_folder("sub/link2"), &s) == 0 && S_ISLNK(s.st_mode));
    CHECK(symlink("sub/new", in_folder("dangling")) == 0);
    CHECK(save(in_folder("dangling"), newer, 20) && holds(in_folder("sub/new"), newer, 20));
    CHECK(symlink("round", in_folder("round")) == 0);
    CHECK(!save(in_folder("round"), newer, 20) && says(TN_ERR_IO, "Too many levels of symbolic links"));
}

static void leftovers_of_the_dead_go(void) {
    char dead[64], own[64], living[64], other[64];
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    snprintf(dead, sizeof(dead), ".s.%lld.7.tmp", (long long)child);
    snprintf(own, sizeof(own), ".s.%lld.999999.tmp", (long long)getpid());
    snprintf(living, sizeof(living), ".s.%lld.7.tmp", (long long)getppid());
    snprintf(other, sizeof(other), ".st.%lld.7.tmp", (long long)child);
    put(in_folder(dead), big, 10);
    put(in_folder(own), big, 10);
    put(in_folder(living), big, 10);
    put(in_folder(other), big, 10);
    put(in_folder(".s.12x.7.tmp"), big, 10);
    CHECK(save(in_folder("s"), big, 10));
    CHECK(access(in_folder(dead), F_OK) != 0);
    CHECK(access(in_folder(own), F_OK) != 0);
    CHECK(unlink(in_folder(living)) == 0);
    CHECK(unlink(in_folder(other)) == 0);
    CHECK(unlink(in_folder(".s.12x.7.tmp")) == 0);
    /* two at once: neither takes the other's temporary for a leftover */
    tni_file_writer a, b;
    CHECK(tni_file_writer_begin(&a, in_folder("s")) && tni_file_writer_begin(&b, in_folder("s")));
    CHECK(tni_file_writer_write(&a, big, 10) && tni_file_writer_write(&b, newer, 11));
    CHECK(tni_file_writer_commit(&b) && holds(in_folder("s"), newer, 11));
    CHECK(tni_file_writer_commit(&a) && holds(in_folder("s"), big, 10));
    CHECK_EQ_INT(temporaries_left(), 0);
}

static void killed_at_any_instant(void) {
    const char *path = in_folder("k");
    put(path, big, BIG);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;) (void)(save(path, i % 2 ? big : newer, BIG));
        }
        usleep((useconds_t)(200 + i * 137));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        CHECK(holds(path, big, BIG) || holds(path, newer, BIG));
    }
    CHECK(save(path, big, BIG) && holds(path, big, BIG));
    CHECK_EQ_INT(temporaries_left(), 0);
}

static void too_large_for_the_limit(void) { /* RLIMIT_FSIZE: an error, not the signal's end of the program */
    put(in_folder("limit"), big, 10);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {100000, 100000};
        setrlimit(RLIMIT_FSIZE, &limit);
        bool saved = save(in_folder("limit"), big, BIG);
        _exit(!saved && strstr(tn_error_message(), "File too large") != NULL ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQ_INT(status, 0);
    CHECK(holds(in_folder("limit"), big, 10));
    CHECK_EQ_INT(temporaries_left(), 0);
}

/* ---- the Nth call fails ---- */

static struct {
    int calls, fail_at, error, folder_syncs; /* error: negative errno; 0: short counts instead */
    bool for_ever;
} fault;

static bool fails(void) {
    int n = fault.calls++;
    return n == fault.fail_at || (fault.for_ever && n > fault.fail_at && fault.fail_at >= 0);
}

#define PASS (tn_default_file_table())
static int f_open(void *c, const char *p) { return fails() && fault.error ? fault.error : PASS->open_read(c, p); }
static int f_create(void *c, const char *p, int m) { return fails() && fault.error ? fault.error : PASS->create(c, p, m); }
static int64_t f_read(void *c, int f, void *d, size_t n, int64_t at) {
    if (fails()) {
        if (fault.error) return fault.error;
        n = n > 1 ? n / 2 : n;
    }
    return PASS->read(c, f, d, n, at);
}
static int64_t f_write(void *c, int f, const void *d, size_t n) {
    if (fails()) {
        if (fault.error) return fault.error;
        n = n > 1 ? n / 2 : n;
    }
    return PASS->write(c, f, d, n);
}
static int64_t f_size(void *c, int f) { return fails() && fault.error ? fault.error : PASS->file_size(c, f); }
static int f_sync(void *c, int f) { return fails() && fault.error ? fault.error : PASS->sync(c, f); }
static int f_close(void *c, int f) {
    int result = PASS->close(c, f);
    return fails() && fault.error ? fault.error : result;
}
static int f_rename(void *c, const char *a, const char *b) { return fails() && fault.error ? fault.error : PASS->rename(c, a, b); }
static int f_sync_folder(void *c, const char *p) {
    if (fails() && fault.error) {
        fault.folder_syncs++;
        return fault.error;
    }
    return PASS->sync_folder(c, p);
}
static int f_mode(void *c, const char *p) { return fails() && fault.error ? fault.error : PASS->mode(c, p); }
static int64_t f_link(void *c, const char *p, char *o, size_t n) {
    return fails() && fault.error ? fault.error : PASS->read_link(c, p, o, n);
}
static int f_list(void *c, const char *p, void (*each)(void *, const char *), void *d) {
    return fails() && fault.error ? fault.error : PASS->list(c, p, each, d);
}

static const tn_file_table faulty = {
    .size = sizeof(tn_file_table),
    .open_read = f_open,
    .create = f_create,
    .read = f_read,
    .write = f_write,
    .file_size = f_size,
    .sync = f_sync,
    .close = f_close,
    .rename = f_rename,
    .sync_folder = f_sync_folder,
    .mode = f_mode,
    .read_link = f_link,
    .list = f_list,
};

static void one_fault(int at, int error, bool for_ever, bool *reached) {
    const char *path = in_folder("fault");
    put(path, big, BIG);
    memset(&fault, 0, sizeof(fault));
    fault.fail_at = at;
    fault.error = error;
    fault.for_ever = for_ever;
    bool saved = save(path, newer, BIG);
    *reached = fault.calls > at;
    CHECK(saved == !tni_failed());
    if (!saved) CHECK(tn_error() == TN_ERR_IO);
    tn_clear_error();
    CHECK(holds(path, saved || fault.folder_syncs ? newer : big, BIG));
    if (error == 0 || (error == -EINTR && !for_ever)) CHECK(saved);
    CHECK_EQ_INT(temporaries_left(), 0);
    void *data;
    size_t bytes;
    fault.calls = 0;
    bool read = tni_file_read_all(path, BIG, &data, &bytes);
    CHECK(read == (data != NULL));
    if (read)
        CHECK(bytes == BIG && memcmp(data, saved || fault.folder_syncs ? newer : big, BIG) == 0);
    else
        CHECK(tn_error() == TN_ERR_IO);
    tn_clear_error();
    tni_free(data, bytes);
}

static void every_call_fails_once_and_for_ever(void) {
    static const int errors[] = {0, -EIO, -ENOSPC, -EDQUOT, -EINTR};
    CHECK(tn_set_file_table(&faulty));
    for (size_t e = 0; e < TNI_COUNT(errors); e++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            bool reached = true;
            for (int at = 0; reached; at++) one_fault(at, errors[e], for_ever, &reached);
        }
    }
    CHECK(tn_set_file_table(NULL));
    tn_file_table small = {.size = 4};
    CHECK(!tn_set_file_table(&small) && says(TN_ERR_VALUE, "size field is 4"));
    small.size = offsetof(tn_file_table, create); /* an older program's table */
    CHECK(tn_set_file_table(&small) && save(in_folder("older"), big, 10));
    CHECK(tn_set_file_table(NULL));
}

static int lies(void *c, int f, const void *d, size_t n) {
    (void)c, (void)f, (void)d;
    return (int)n + 1;
}
static int64_t lies_write(void *c, int f, const void *d, size_t n) { return lies(c, f, d, n); }
static int64_t lies_read(void *c, int f, void *d, size_t n, int64_t at) { return at < 0 ? 0 : lies(c, f, d, n); }

static void a_table_that_lies(void) {
    tn_file_table t = {.size = sizeof(t), .read = lies_read, .write = lies_write};
    void *data;
    size_t bytes;
    put(in_folder("l"), big, 100);
    CHECK(tn_set_file_table(&t));
    CHECK(!tni_file_read_all(in_folder("l"), 100, &data, &bytes) && says(TN_ERR_IO, "Errno 5"));
    CHECK(!save(in_folder("l"), newer, 100) && says(TN_ERR_IO, "Errno 5"));
    CHECK(tn_set_file_table(NULL));
    CHECK(holds(in_folder("l"), big, 100));
    CHECK_EQ_INT(temporaries_left(), 0);
}

/* ---- mapped files ---- */

static int maps, map_error;
static int f_map(void *c, int f, size_t n, void **d) {
    maps++;
    return map_error ? map_error : PASS->map(c, f, n, d);
}
static int f_unmap(void *c, void *d, size_t n) {
    maps--;
    return PASS->unmap(c, d, n);
}

static void mapped(const char *path, bool in_table) {
    tni_mapping *m = tni_file_map(path), *second;
    if (!CHECK(m && m->bytes == BIG && memcmp(m->data, big, BIG) == 0)) return;
    CHECK_EQ_INT(maps, in_table);
    second = tni_mapping_share(m);
    tni_mapping_release(m);
    memset(second->data, 0, 100); /* its own */
    CHECK(holds(path, big, BIG) && memcmp((char *)second->data + 100, big + 100, BIG - 100) == 0);
    tni_mapping_release(second);
    CHECK_EQ_INT(maps, 0);
}

static void mapped_files(void) {
    tn_file_table own = {.size = sizeof own, .map = f_map, .unmap = f_unmap};
    const char *path = in_folder("m");
    put(path, big, BIG);
    mapped(path, false);
    CHECK(tn_set_file_table(&own));
    mapped(path, true);
    map_error = -EIO;
    CHECK(tni_file_map(path) == NULL && says(TN_ERR_IO, "Errno 5"));
    map_error = -ENOSYS; /* cannot: it is read */
    maps = -1;
    mapped(path, false);
    map_error = 0;
    maps = 0;
    CHECK(tn_set_file_table(&faulty)); /* its files are not the system's: never mapped */
    fault.fail_at = -1;
    fault.for_ever = false;
    mapped(path, false);
    CHECK(tn_set_file_table(NULL));
    put(path, big, 0);
    tni_mapping *m = tni_file_map(path);
    CHECK(m && m->bytes == 0 && m->data == NULL);
    tni_mapping_release(m);
    tni_mapping_release(NULL);
    CHECK(tni_file_map(in_folder("none")) == NULL && says(TN_ERR_IO, "Errno 2"));
}

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
}

int main(void) {
    snprintf(folder, sizeof(folder), "/tmp/tison_test_file_XXXXXX");
    if (!mkdtemp(folder)) return 1;
    for (size_t i = 0; i < BIG; i++) {
        big[i] = (unsigned char)(i * 2654435761u >> 13);
        newer[i] = (unsigned char)(i * 40503u >> 7);
    }
    RUN(read_all);
    RUN(what_is_not_a_file);
    RUN(a_part_and_a_file_that_shrinks);
    RUN(save_new_and_over);
    RUN(abandon_leaves_the_old);
    RUN(targets_that_cannot_be);
    RUN(links_are_kept);
    RUN(leftovers_of_the_dead_go);
    RUN(killed_at_any_instant);
    RUN(too_large_for_the_limit);
    RUN(every_call_fails_once_and_for_ever);
    RUN(a_table_that_lies);
    RUN(mapped_files);
    RUN(remove_folder);
    return test_end();
}
