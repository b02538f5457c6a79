/* base/file.c - the file table in use, reading whole files, and the writer that replaces a file as a whole. */
#include "base/file.h"
#include "base/error.h"
#include "base/memory.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)64 << 10)
#define MOST_INTERRUPTS 10000 /* -EINTR in a row before a call is given up */
#define MOST_LINKS 40         /* as the kernel follows */
#define MOST_TRIES 1000       /* names tried for a temporary */
#define LONGEST_STEM 200      /* bytes of the file's name in the temporary's, which must stay below 255 */

static tn_file_table table;
static bool table_set;

static const tn_file_table *current(void) { return table_set ? &table : tn_default_file_table(); }

static int cannot_map(void *context, int file, size_t bytes, void **data) {
    (void)context, (void)file, (void)bytes, (void)data;
    return -ENOSYS;
}

#define FILL(member)                                                                                                               \
    if (!table.member) table.member = fallback->member

bool tn_set_file_table(const tn_file_table *own) {
    const tn_file_table *fallback = tn_default_file_table();
    if (!own) {
        table_set = false;
        return true;
    }
    TNI_CHECK(own->size >= offsetof(tn_file_table, open_read), TN_ERR_VALUE,
              "tn_set_file_table: the size field is %zu, expected sizeof(tn_file_table)", own->size);
    memset(&table, 0, sizeof(table));
    memcpy(&table, own, TNI_MIN(own->size, sizeof(table)));
    if (!table.map || !table.unmap) {
        table.map = table.open_read ? cannot_map : fallback->map;
        table.unmap = fallback->unmap; /* of what was mapped before */
    }
    FILL(open_read);
    FILL(create);
    FILL(read);
    FILL(write);
    FILL(file_size);
    FILL(sync);
    FILL(close);
    FILL(rename);
    FILL(unlink);
    FILL(sync_folder);
    FILL(mode);
    FILL(read_link);
    FILL(list);
    FILL(remove_stale);
    table_set = true;
    return true;
}

/* result = call, again while it is interrupted. */
#define RETRY(result, call)                                                                                                        \
    do {                                                                                                                           \
        int tries_ = 0;                                                                                                            \
        do (result) = (call);                                                                                                      \
        while ((result) == -EINTR && ++tries_ < MOST_INTERRUPTS);                                                                  \
    } while (0)

/* strerror_r comes in two forms: one returns the text, the other fills the buffer and returns a number. */
static __attribute__((unused)) const char *text_of_pointer(const char *text, const char *buffer) { return text ? text : buffer; }
static __attribute__((unused)) const char *text_of_int(int result, const char *buffer) {
    (void)result;
    return buffer;
}
#define TEXT_OF(result, buffer) _Generic((result), char * : text_of_pointer, int : text_of_int)((result), (buffer))

static bool fail_io(int64_t result, const char *path) {
    char buffer[256] = "Unknown error";
    int number = result < 0 && result > -100000 ? (int)-result : EIO;
    const char *text = number == ESPIPE ? "Not a regular file" : TEXT_OF(strerror_r(number, buffer, sizeof(buffer)), buffer);
    return tni_fail(TN_ERR_IO, "[Errno %d] %s: '%.700s'", number, text, path);
}

bool tni_file_exists(const char *path) {
    const tn_file_table *t = current();
    int mode;
    RETRY(mode, t->mode(t->context, path));
    return mode != -ENOENT;
}

bool tni_file_open(tni_file *f, const char *path) {
    *f = (tni_file){path, 0, -1};
    TNI_CHECK(path != NULL, TN_ERR_VALUE, "the path of a file is NULL");
    const tn_file_table *t = current();
    int file;
    RETRY(file, t->open_read(t->context, path));
    if (file < 0) return fail_io(file, path);
    int64_t size;
    RETRY(size, t->file_size(t->context, file));
    f->file = file;
    f->size = size;
    if (size >= 0) return true;
    tni_file_close(f);
    return fail_io(size, path);
}

bool tni_file_read(tni_file *f, void *data, size_t bytes, int64_t offset) {
    const tn_file_table *t = current();
    unsigned char *to = data;
    while (bytes > 0) {
        int64_t n;
        RETRY(n, t->read(t->context, f->file, to, bytes, offset));
        if (n < 0 || (uint64_t)n > bytes) return fail_io(n, f->path);
        TNI_CHECK(n > 0, TN_ERR_IO, "the file ends %zu bytes early, it shrank while it was read: '%.700s'", bytes, f->path);
        to += n;
        bytes -= (size_t)n;
        offset += n;
    }
    return true;
}

void tni_file_close(tni_file *f) {
    const tn_file_table *t = current();
    if (f->file >= 0) (void)t->close(t->context, f->file);
    f->file = -1;
}

static bool read_whole(tni_file *f, size_t limit, void **data, size_t *bytes) {
    if ((uint64_t)f->size > limit) return fail_io(-EFBIG, f->path);
    if (f->size == 0) return true;
    size_t n = (size_t)f->size;
    void *block = tni_alloc(n);
    if (!block) return false;
    if (!tni_file_read(f, block, n, 0)) {
        tni_free(block, n);
        return false;
    }
    *data = block;
    *bytes = n;
    return true;
}

bool tni_file_read_all(const char *path, size_t limit, void **data, size_t *bytes) {
    tni_file f;
    *data = NULL;
    *bytes = 0;
    TNI_TRY(tni_file_open(&f, path));
    bool done = read_whole(&f, limit, data, bytes);
    tni_file_close(&f);
    return done;
}

/* ---- mapped files ---- */

static bool map(tni_mapping *m, tni_file *f) {
    const tn_file_table *t = current();
    if ((uint64_t)f->size > SIZE_MAX) return fail_io(-EFBIG, f->path);
    m->bytes = (size_t)f->size;
    if (m->bytes == 0) return true;
    int result;
    RETRY(result, t->map(t->context, f->file, m->bytes, &m->data));
    if (result >= 0) {
        m->unmap = t->unmap;
        m->context = t->context;
        return true;
    }
    m->data = NULL;
    if (result != -ENOSYS && result != -ENODEV) return fail_io(result, f->path);
    return read_whole(f, m->bytes, &m->data, &m->bytes);
}

tni_mapping *tni_file_map(const char *path) {
    tni_file f;
    tni_mapping *m = tni_alloc_zero(sizeof *m);
    if (!m) return NULL;
    m->refs = 1;
    bool right = tni_file_open(&f, path) && map(m, &f);
    tni_file_close(&f);
    if (right) return m;
    tni_free(m, sizeof *m);
    return NULL;
}

tni_mapping *tni_mapping_share(tni_mapping *m) {
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void tni_mapping_release(void *mapping) {
    tni_mapping *m = mapping;
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (m->unmap)
        (void)m->unmap(m->context, m->data, m->bytes);
    else
        tni_free(m->data, m->bytes);
    tni_free(m, sizeof *m);
}

/* ---- the writer ---- */

static size_t folder_length(const char *path) { /* "a/b/c" -> 4, "c" -> 0 */
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool replace_text(char **text, size_t *room, const char *head, size_t head_length, const char *tail, size_t tail_length) {
    size_t need = head_length + tail_length + 1;
    char *out = tni_alloc(need);
    if (!out) return false;
    memcpy(out, head, head_length);
    memcpy(out + head_length, tail, tail_length);
    out[need - 1] = 0;
    tni_free(*text, *room);
    *text = out;
    *room = need;
    return true;
}

/* Follows the symbolic links of the last part of the path, so that a link is kept and its target replaced. */
static bool follow_links(tni_file_writer *w) {
    const tn_file_table *t = current();
    char link[4096];
    for (int k = 0; k <= MOST_LINKS; k++) {
        int64_t n;
        RETRY(n, t->read_link(t->context, w->target, link, sizeof(link)));
        if (n == -EINVAL || n == -ENOENT) return true;
        if (n < 0) return fail_io(n, w->path);
        if (n == 0 || (size_t)n >= sizeof(link)) return fail_io(-ENAMETOOLONG, w->path);
        size_t head = link[0] == '/' ? 0 : folder_length(w->target);
        TNI_TRY(replace_text(&w->target, &w->target_room, w->target, head, link, (size_t)n));
    }
    return fail_io(-ELOOP, w->path);
}

static atomic_ullong temporaries; /* number of the last temporary that this process named */

typedef struct stale_search {
    const char *folder, *stem;
    size_t folder_length, stem_length;
} stale_search;

static bool number_then_dot(const char **at, unsigned long long *out) {
    char *end;
    if (**at < '0' || **at > '9') return false;
    errno = 0;
    *out = strtoull(*at, &end, 10);
    if (errno != 0 || *end != '.') return false;
    *at = end + 1;
    return true;
}

static bool process_lives(unsigned long long pid) {
    pid_t id = (pid_t)pid;
    return id > 0 && (unsigned long long)id == pid && (kill(id, 0) == 0 || errno != ESRCH);
}

/* A temporary of this name is left over when its process is gone, or when it bears this process's id and a number not given yet:
 * ids come again, in containers always. The count is read after the name was seen, so another thread's temporary is safe. */
static void remove_if_stale(void *data, const char *name) {
    const stale_search *s = data;
    const tn_file_table *t = current();
    unsigned long long pid, number;
    if (name[0] != '.' || strncmp(name + 1, s->stem, s->stem_length) != 0 || name[1 + s->stem_length] != '.') return;
    const char *at = name + 2 + s->stem_length;
    if (!number_then_dot(&at, &pid) || !number_then_dot(&at, &number) || strcmp(at, "tmp") != 0) return;
    if (pid == (unsigned long long)getpid() ? number <= atomic_load(&temporaries) : process_lives(pid)) return;
    char path[4096];
    int length = snprintf(path, sizeof(path), "%.*s%s", (int)s->folder_length, s->folder, name);
    if (length > 0 && (size_t)length < sizeof(path)) (void)t->remove_stale(t->context, path);
}

/* The folder of the target as a path of its own, from tni_alloc; "." for a bare name. */
static char *folder_of(const char *target, size_t *room) {
    char *out = NULL;
    size_t n = folder_length(target);
    *room = 0;
    return replace_text(&out, room, n ? target : "./", n ? n : 2, "", 0) ? out : NULL;
}

static bool make_temporary(tni_file_writer *w, int mode) {
    const tn_file_table *t = current();
    size_t head = folder_length(w->target), stem = TNI_MIN(strlen(w->target + head), (size_t)LONGEST_STEM), room;
    char *folder = folder_of(w->target, &room);
    if (!folder) return false;
    stale_search search = {w->target, w->target + head, head, stem};
    (void)t->list(t->context, folder, remove_if_stale, &search);
    tni_free(folder, room);
    for (int k = 0; k < MOST_TRIES; k++) {
        char name[LONGEST_STEM + 64];
        unsigned long long number = atomic_fetch_add(&temporaries, 1) + 1;
        int length = snprintf(name, sizeof(name), ".%.*s.%lld.%llu.tmp", (int)stem, w->target + head, (long long)getpid(), number);
        TNI_TRY(replace_text(&w->temporary, &w->temporary_room, w->target, head, name, (size_t)length));
        RETRY(w->file, t->create(t->context, w->temporary, mode));
        w->made = w->file >= 0;
        if (w->made) return true;
        if (w->file != -EEXIST) break;
    }
    return fail_io(w->file, w->path);
}

static bool begin(tni_file_writer *w, const char *path) {
    const tn_file_table *t = current();
    size_t length = strlen(path);
    TNI_TRY(replace_text(&w->path, &w->path_room, path, length, "", 0));
    TNI_TRY(replace_text(&w->target, &w->target_room, path, length, "", 0));
    TNI_TRY(follow_links(w));
    if (w->target[folder_length(w->target)] == 0) return fail_io(length ? -EISDIR : -ENOENT, path);
    int mode;
    RETRY(mode, t->mode(t->context, w->target));
    if (mode < 0 && mode != -ENOENT) return fail_io(mode, path);
    if (mode >= 0 && (mode & 0222) == 0) return fail_io(-EACCES, path);
    w->buffer = tni_alloc(BUFFER_BYTES);
    return w->buffer && make_temporary(w, mode >= 0 ? mode : -1);
}

bool tni_file_writer_begin(tni_file_writer *w, const char *path) {
    *w = (tni_file_writer){.file = -1};
    TNI_CHECK(path != NULL, TN_ERR_VALUE, "the path of a file is NULL");
    if (begin(w, path)) return true;
    tni_file_writer_abandon(w);
    return false;
}

static bool write_out(tni_file_writer *w, const unsigned char *from, size_t bytes) {
    const tn_file_table *t = current();
    while (bytes > 0) {
        int64_t n;
        RETRY(n, t->write(t->context, w->file, from, bytes));
        if (n <= 0 || (uint64_t)n > bytes) {
            w->failed = true;
            return fail_io(n, w->path);
        }
        from += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool flush(tni_file_writer *w) {
    size_t held = w->held;
    w->held = 0;
    return write_out(w, w->buffer, held);
}

bool tni_file_writer_write(tni_file_writer *w, const void *data, size_t bytes) {
    if (w->failed || !w->made) return tni_fail(TN_ERR_IO, "a write to this file failed before: '%.700s'", w->path ? w->path : "");
    if (bytes == 0) return true;
    if (bytes > BUFFER_BYTES - w->held) TNI_TRY(flush(w));
    if (bytes >= BUFFER_BYTES) return write_out(w, data, bytes);
    memcpy(w->buffer + w->held, data, bytes);
    w->held += bytes;
    return true;
}

static bool close_temporary(tni_file_writer *w) {
    const tn_file_table *t = current();
    int file = w->file;
    w->file = -1;
    int result = t->close(t->context, file);
    return result >= 0 || result == -EINTR || fail_io(result, w->path);
}

static bool commit(tni_file_writer *w) {
    const tn_file_table *t = current();
    int result;
    TNI_CHECK(!w->failed && w->made, TN_ERR_IO, "a write to this file failed before: '%.700s'", w->path ? w->path : "");
    TNI_TRY(flush(w));
    RETRY(result, t->sync(t->context, w->file));
    if (result < 0) return fail_io(result, w->path);
    TNI_TRY(close_temporary(w));
    size_t room;
    char *folder = folder_of(w->target, &room);
    if (!folder) return false;
    RETRY(result, t->rename(t->context, w->temporary, w->target));
    if (result >= 0) {
        w->made = false; /* nothing left to remove */
        RETRY(result, t->sync_folder(t->context, folder));
    }
    tni_free(folder, room);
    return result >= 0 || fail_io(result, w->path);
}

bool tni_file_writer_commit(tni_file_writer *w) {
    bool done = commit(w);
    tni_file_writer_abandon(w);
    return done;
}

void tni_file_writer_abandon(tni_file_writer *w) {
    const tn_file_table *t = current();
    int result;
    if (w->file >= 0) (void)t->close(t->context, w->file);
    if (w->made) RETRY(result, t->unlink(t->context, w->temporary));
    if (w->buffer) tni_free(w->buffer, BUFFER_BYTES);
    tni_free(w->path, w->path_room);
    tni_free(w->target, w->target_room);
    tni_free(w->temporary, w->temporary_room);
    *w = (tni_file_writer){.file = -1};
}
