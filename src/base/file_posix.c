/* base/file_posix.c - the default file table: POSIX calls, failures as negative errno. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LARGEST_PIECE ((size_t)1 << 30) /* some systems refuse one read or write of 2 GiB */

static int64_t result_of(int64_t value) { return value < 0 ? -(int64_t)errno : value; }

static int open_read(void *context, const char *path) {
    (void)context;
    return (int)result_of(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

static int create(void *context, const char *path, int mode) {
    (void)context;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode < 0 ? 0666 : 0600);
    if (file < 0) return -errno;
    if (mode >= 0 && fchmod(file, (mode_t)mode) != 0) {
        int reason = errno;
        close(file);
        unlink(path);
        return -reason;
    }
    (void)flock(file, LOCK_EX | LOCK_NB); /* what remove_stale asks for; on file systems without locks the process id must do */
    return file;
}

static int64_t read_at(void *context, int file, void *data, size_t bytes, int64_t offset) {
    (void)context;
    return result_of(pread(file, data, TNI_MIN(bytes, LARGEST_PIECE), (off_t)offset));
}

/* Past RLIMIT_FSIZE write() sends SIGXFSZ, whose default ends the program: the signal is held back and taken out here. */
static int64_t write_some(void *context, int file, const void *data, size_t bytes) {
    (void)context;
    sigset_t set, before, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    if (sigpending(&pending) != 0) sigemptyset(&pending);
    bool masked = pthread_sigmask(SIG_BLOCK, &set, &before) == 0;
    int64_t n = result_of(write(file, data, TNI_MIN(bytes, LARGEST_PIECE)));
    if (masked) {
        const struct timespec now = {0, 0};
        if (n == -EFBIG && sigismember(&pending, SIGXFSZ) != 1) (void)sigtimedwait(&set, NULL, &now);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return n;
}

static int regular_only(const struct stat *s) { return S_ISREG(s->st_mode) ? 0 : S_ISDIR(s->st_mode) ? -EISDIR : -ESPIPE; }

static int64_t file_size(void *context, int file) {
    (void)context;
    struct stat s;
    if (fstat(file, &s) != 0) return -errno;
    int kind = regular_only(&s);
    return kind != 0 ? kind : (int64_t)s.st_size;
}

static int sync_file(void *context, int file) {
    (void)context;
    return (int)result_of(fsync(file));
}

static int close_file(void *context, int file) {
    (void)context;
    return close(file) == 0 || errno == EINTR ? 0 : -errno; /* after EINTR the descriptor is gone: not to be closed again */
}

static int rename_file(void *context, const char *from, const char *to) {
    (void)context;
    return (int)result_of(rename(from, to));
}

static int unlink_file(void *context, const char *path) {
    (void)context;
    return (int)result_of(unlink(path));
}

static int sync_folder(void *context, const char *path) {
    (void)context;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return errno == EACCES ? 0 : -errno; /* a folder one may write but not read cannot be synced */
    int result = (int)result_of(fsync(folder));
    close(folder);
    return result == -EINVAL || result == -ENOTSUP ? 0 : result; /* file systems that have no such thing */
}

static int mode_of(void *context, const char *path) {
    (void)context;
    struct stat s;
    if (stat(path, &s) != 0) return -errno;
    int kind = regular_only(&s);
    return kind != 0 ? kind : (int)(s.st_mode & 0777);
}

static int64_t read_link(void *context, const char *path, char *out, size_t room) {
    (void)context;
    return result_of(readlink(path, out, room));
}

static int list(void *context, const char *path, void (*each)(void *data, const char *name), void *data) {
    (void)context;
    DIR *folder = opendir(path);
    if (!folder) return -errno;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) each(data, entry->d_name);
    closedir(folder);
    return 0;
}

static int remove_stale(void *context, const char *path) {
    (void)context;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW), result = 0;
    if (file < 0) return -errno;
    if (flock(file, LOCK_EX | LOCK_NB) != 0 || unlink(path) != 0) result = -errno;
    close(file);
    return result;
}

static int map(void *context, int file, size_t bytes, void **data) {
    (void)context;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    if (at == MAP_FAILED) return -errno;
    *data = at;
    return 0;
}

static int unmap(void *context, void *data, size_t bytes) {
    (void)context;
    return (int)result_of(munmap(data, bytes));
}

const tn_file_table *tn_default_file_table(void) {
    static const tn_file_table table = {
        sizeof(tn_file_table), NULL,        open_read,   create,  read_at,   write_some, file_size,    sync_file, close_file,
        rename_file,           unlink_file, sync_folder, mode_of, read_link, list,       remove_stale, map,       unmap,
    };
    return &table;
}
