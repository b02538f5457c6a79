/* core/thread.c - what belongs to a thread: made at its first call, taken apart at its end. */
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "core/module.h"
#include "core/object.h"
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__thread tni_thread *tni_thread_current __attribute__((tls_model("initial-exec")));
static uint32_t thread_count;
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool default_grad_off;

static void free_thread(tni_thread *t) {
    tni_scope_close(t, t->mark[0].serial);
    tni_settle(t);
    tni_module_orphan_all(t);
    pthread_mutex_destroy(&t->modules_lock);
    tni_free(t->text, t->text_bytes);
    tni_free(t->entry, t->entry_capacity * sizeof *t->entry);
    tni_free(t->mark, t->mark_capacity * sizeof *t->mark);
    tni_slab_thread_end(&t->slabs);
    tni_thread_current = NULL;
    tni_free(t, sizeof *t);
    tni_memory_thread_end();
}

static void at_thread_end(void *thread) {
    tni_thread_current = thread; /* other keys' destructors may have run before */
    free_thread(thread);
}
static void make_key(void) { (void)pthread_key_create(&end_key, at_thread_end); }

/* A library that is unloaded must leave no destructor behind. */
__attribute__((destructor)) static void forget_key(void) {
    if (tni_thread_current) (void)pthread_key_delete(end_key);
}

static uint64_t seed_from_system(void) {
    uint64_t seed = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, &seed, sizeof seed);
        close(fd);
        if (n == (ssize_t)sizeof seed) return seed >> 11; /* 53 bits, as PyTorch */
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
}

tni_thread *tni_thread_start(void) {
    (void)pthread_once(&end_once, make_key);
    tni_thread *t = tni_alloc_zero(sizeof *t);
    if (!t) return NULL;
    t->number = __atomic_add_fetch(&thread_count, 1, __ATOMIC_RELAXED);
    t->next_serial = (uint64_t)t->number << 40 | 1;
    pthread_mutex_init(&t->modules_lock, NULL);
    t->no_grad = __atomic_load_n(&default_grad_off, __ATOMIC_RELAXED);
    if (!tni_scope_open(t, false)) {
        tni_free(t, sizeof *t);
        return NULL;
    }
    tni_thread_current = t;
    (void)pthread_setspecific(end_key, t);
    return t;
}

tni_random *tni_thread_random(tni_thread *t) {
    if (!t->seeded) tni_random_seed(&t->random, seed_from_system());
    t->seeded = true;
    return &t->random;
}

void tn_set_default_grad_enabled(bool on) { __atomic_store_n(&default_grad_off, !on, __ATOMIC_RELAXED); }

static void destroy_slot(void *slot) {
    tni_object *o = slot;
    tni_thread *t = tni_self();
    if (o->tag == TNI_FREE || !t) return;
    o->claims = o->graphs = 0;
    o->next = t->dying;
    t->dying = o;
    tni_drain(t);
}

void tn_shutdown(void) {
    tni_pool_shutdown();
    tni_thread *t = tni_self();
    if (t) {
        tni_scope_close(t, t->mark[0].serial);
        tni_settle(t);
        t->fields = 0;
        tni_slab_each(destroy_slot);
        tni_hooks_shutdown();
        t->modules = NULL;
        (void)tni_scope_open(t, false);
        (void)pthread_setspecific(end_key, NULL);
        free_thread(t);
    }
    tni_class_shutdown();
    tni_slab_shutdown();
    tni_live_objects = 0;
    tni_error_thread_end();
    tni_memory_shutdown();
}

bool tn_memory_get_stats(tn_memory_stats *out) {
    TNI_CHECK(out != NULL && out->size >= sizeof(tn_memory_stats), TN_ERR_VALUE, "memory_get_stats: set out->size first");
    tni_memory_fill_stats(out);
    out->live_objects = (size_t)tni_count_get(&tni_live_objects);
    return true;
}
