/* serialize/saver.c - writes a file in a thread of its own, from a copy that is made at memory's speed. */
#include "serialize/saver.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#define PIECE_BYTES ((int64_t)1 << 20) /* of the copy that one thread makes at a time */

struct tn_saver {
    tni_object object;
    pthread_t thread;
    bool running, failed;
    tn_saved_error *error; /* of the save that ended */
    tni_pt_plan plan;
    char *path;
    unsigned char *copy; /* of the storages, one behind the other; kept from save to save */
    size_t copy_bytes;
    size_t *offset; /* of each storage in it */
    size_t offset_capacity;
};

static const void *bytes_of(void *from, size_t k) {
    const tn_saver *s = from;
    return s->copy + s->offset[k];
}

static void run(tn_saver *s) {
    s->failed = !tni_pt_write_file(&s->plan, bytes_of, s, s->path);
    if (s->failed) tn_error_take(s->error);
}

/* Behind the threads that compute: on Linux a priority is a thread's own. */
static void *thread_main(void *context) {
#ifdef __linux__
    (void)setpriority(PRIO_PROCESS, 0, 10);
#endif
    run(context);
    tni_memory_thread_end();
    return NULL;
}

/* Ends the running save; what it took is free again. */
static void join(tn_saver *s) {
    if (s->running) (void)pthread_join(s->thread, NULL);
    s->running = false;
    tni_pt_plan_clear(&s->plan);
    if (s->path) tni_free(s->path, strlen(s->path) + 1);
    s->path = NULL;
}

static bool report(tn_saver *s) {
    if (!s->failed) return true;
    s->failed = false;
    tn_error_put(s->error);
    return false;
}

static void destroy_saver(tni_object *o) {
    tn_saver *s = (tn_saver *)o;
    join(s);
    if (s->failed) tni_warn("the last save in the background failed: %s", s->error->message);
    tni_free(s->error, sizeof *s->error);
    if (s->copy) tni_free(s->copy, s->copy_bytes);
    tni_free(s->offset, s->offset_capacity * sizeof *s->offset);
}
static const tni_kind_info saver_kind = {"saver", sizeof(tn_saver), destroy_saver, NULL};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_SAVER, &saver_kind); }

/** A saver. Freeing it waits for what it still writes. [scope] */
TN_API tn_saver *tn_saver_new(void) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    tn_saved_error *error = tni_alloc_zero(sizeof *error);
    tn_saver *s = error ? tni_object_new(t, TNI_SAVER, sizeof *s) : NULL;
    if (!s) {
        tni_free(error, sizeof *error);
        return NULL;
    }
    s->error = error;
    return tni_give(t, s);
}

/** Waits until the last save is on the disk. false with its error when it failed; then the file is as it was. */
TN_API bool tn_saver_wait(tn_saver *s) {
    if (tni_failed()) return false;
    TNI_TRY(tni_check_handle("saver_wait", "s", s, TNI_SAVER));
    join(s);
    return report(s);
}

/* ---- the copy ---- */

static void copy_pieces(int64_t begin, int64_t end, void *context) {
    const tn_saver *s = context;
    for (size_t k = 0; k < s->plan.pickle.records; k++) {
        int64_t from = (int64_t)s->offset[k], to = from + (int64_t)s->plan.pickle.record[k].storage->bytes;
        int64_t first = TNI_MAX(begin, from), last = TNI_MIN(end, to);
        if (first < last)
            memcpy(s->copy + first, (const char *)s->plan.pickle.record[k].storage->data + (first - from), (size_t)(last - first));
    }
}

static bool take_copy(tn_saver *s) {
    size_t n = s->plan.pickle.records, total = 0;
    TNI_TRY(tni_reserve(&s->offset, &s->offset_capacity, n + 1, sizeof *s->offset));
    for (size_t k = 0; k < n; k++) {
        s->offset[k] = total;
        if (!TNI_ADD(total, s->plan.pickle.record[k].storage->bytes, &total)) return tni_fail_memory(SIZE_MAX);
    }
    if (total > s->copy_bytes || !s->copy) {
        unsigned char *copy = tni_alloc(total + 1);
        if (!copy) return false;
        if (s->copy) tni_free(s->copy, s->copy_bytes);
        s->copy = copy;
        s->copy_bytes = total + 1;
    }
    tni_parallel((int64_t)total, PIECE_BYTES, copy_pieces, s);
    return true;
}

bool tni_saver_start(tn_saver *s, tni_pt_plan *plan, const char *path) {
    join(s);
    TNI_TRY(report(s));
    s->plan = *plan;
    *plan = (tni_pt_plan){.root = ""};
    s->path = tni_strdup(path);
    if (!s->path || !take_copy(s)) {
        join(s);
        return false;
    }
    s->running = pthread_create(&s->thread, NULL, thread_main, s) == 0;
    if (s->running) return true;
    run(s); /* no thread is to be had: now, then */
    join(s);
    return report(s);
}
