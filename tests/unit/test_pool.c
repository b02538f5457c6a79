/* unit/test_pool.c - the thread pool: every chunk once, nesting, several callers, fork, restarts. */
#include "base/pool.h"
#include "test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ThreadSanitizer refuses threads in the child of a threaded process unless told so. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "die_after_fork=0"; }

typedef struct marks {
    atomic_int hits[1000];
    atomic_int calls, bad, inner;
    int64_t n, grain;
} marks;

static void mark(int64_t begin, int64_t end, void *context) {
    marks *m = context;
    atomic_fetch_add(&m->calls, 1);
    if (begin % m->grain != 0 || end != TNI_MIN(begin + m->grain, m->n)) atomic_fetch_add(&m->bad, 1);
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&m->hits[i], 1);
}

static bool covered(int64_t n, int64_t grain) {
    marks m = {.n = n, .grain = grain};
    tni_parallel(n, grain, mark, &m);
    bool right = atomic_load(&m.bad) == 0 && atomic_load(&m.calls) == (n + grain - 1) / grain;
    for (int64_t i = 0; i < 1000; i++) right = right && atomic_load(&m.hits[i]) == (i < n);
    return right;
}

static void test_chunks(void) {
    for (int threads = 1; threads <= 5; threads++) {
        tni_pool_set_threads(threads);
        CHECK_EQ_INT(tni_pool_threads(), threads);
        for (int64_t n = 0; n < 1000; n = n * 2 + 1)
            for (int64_t grain = 1; grain < 1200; grain = grain * 3 + 2) CHECK(covered(n, grain));
    }
    for (int i = 0; i < 2000; i++) {
        if (!covered(64, 8)) CHECK(false);
        if (i % 500 == 0) usleep(300); /* lets the workers fall asleep */
    }
}

static void inner(int64_t begin, int64_t end, void *context) {
    marks *m = context;
    atomic_fetch_add(&m->inner, (int)(end - begin));
}

static void outer(int64_t begin, int64_t end, void *context) {
    if (!tni_pool_inside()) atomic_fetch_add(&((marks *)context)->bad, 1);
    for (int64_t i = begin; i < end; i++) tni_parallel(100, 7, inner, context);
    tni_pool_shutdown(); /* does nothing here */
}

static void test_nested(void) {
    marks m = {0};
    tni_pool_set_threads(3);
    tni_parallel(20, 1, outer, &m);
    CHECK_EQ_INT(atomic_load(&m.inner), 2000);
    CHECK_EQ_INT(atomic_load(&m.bad), 0);
    CHECK(!tni_pool_inside());
}

static void *call_often(void *right) {
    for (int i = 0; i < 500; i++)
        if (!covered(100, 9)) *(bool *)right = false;
    return NULL;
}

static void test_callers(void) {
    pthread_t threads[4];
    bool right[4] = {true, true, true, true};
    tni_pool_set_threads(3);
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, call_often, &right[i]) == 0);
    for (int i = 0; i < 20; i++) {
        tni_pool_set_threads(2 + i % 3);
        tni_pool_shutdown();
        usleep(100);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(right[i]);
    }
}

static void test_fork(void) {
    tni_pool_set_threads(3);
    CHECK(covered(500, 3));
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) _exit(covered(500, 3) && covered(999, 10) ? 0 : 1);
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_EQ_INT(status, 0);
        CHECK(covered(500, 3));
    }
}

static void test_shutdown(void) {
    for (int i = 0; i < 20; i++) {
        tni_pool_shutdown();
        CHECK(covered(300, 4));
    }
    tni_pool_shutdown();
    tni_pool_shutdown();
    int64_t huge = INT64_MAX;
    marks m = {.n = huge, .grain = huge};
    tni_parallel(0, huge, mark, &m);
    tni_parallel(-5, 1, mark, &m);
    CHECK_EQ_INT(atomic_load(&m.calls), 0);
}

int main(void) {
    RUN(test_chunks);
    RUN(test_nested);
    RUN(test_callers);
    RUN(test_fork);
    RUN(test_shutdown);
    return test_end();
}
