/* base/pool.c - the thread pool: workers started lazily, spinning shortly before they sleep, safe across fork. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/pool.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 256, SPIN_NS = 50000 };

/* The gate is one word, so that a worker joins a region only while it is open and the caller knows when the last one has left:
 * bits 0-15 workers inside, 16 open, 17 the caller sleeps until the last worker leaves, 18 workers must end,
 * 19-31 how many workers are invited, 32-63 the number of the region. */
#define GATE_COUNT UINT64_C(0xffff)
#define GATE_OPEN (UINT64_C(1) << 16)
#define GATE_WAITED (UINT64_C(1) << 17)
#define GATE_STOP (UINT64_C(1) << 18)
#define GATE_INVITED(gate) ((int)((gate) >> 19 & 0x1fff))
#define GATE_NUMBER(gate) ((uint32_t)((gate) >> 32))

typedef struct worker {
    pthread_t thread;
    pthread_cond_t wake;
    atomic_bool asleep;
    int index;
} worker;

static struct {
    atomic_bool busy; /* one region at a time; everything below but `gate` changes only under it */
    _Atomic uint64_t gate;
    void (*body)(int64_t begin, int64_t end, void *context);
    void *context;
    int64_t n, grain;
    unsigned float_control;
    _Atomic int64_t next; /* the next chunk to be dealt out */
    int started, limit;   /* workers alive; how many could be started at most */
    uint32_t number;
    pthread_mutex_t lock; /* only for sleeping and waking */
    pthread_cond_t left;
    worker workers[MAX_THREADS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER, .limit = MAX_THREADS};

static atomic_int thread_count; /* 0: not yet asked for */
static atomic_int spin_ns = SPIN_NS;
static _Thread_local bool inside;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Rounding and flush-to-zero of the caller hold in the workers too: the bits must not depend on who ran a chunk. */
static unsigned float_control(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~0x3fU; /* without the sticky exception flags */
#else
    return 0;
#endif
}

static void set_float_control(unsigned control) {
#if defined(__x86_64__)
    if (float_control() != control) __builtin_ia32_ldmxcsr(control);
#else
    (void)control;
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int available_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)TNI_MIN(n, MAX_THREADS) : 1;
}

int tni_pool_threads(void) {
    int n = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (TNI_LIKELY(n > 0)) return n;
    int cpus = available_cpus(), none = 0;
    n = TNI_MIN(cpus, MAX_THREADS);
    const char *asked = getenv("TISON_NUM_THREADS");
    long fewer = asked != NULL ? strtol(asked, NULL, 10) : 0;
    if (fewer > 0 && fewer < n) n = (int)fewer;
    if (cpus == 1) atomic_store(&spin_ns, 0); /* who spins keeps the other from working */
    if (!atomic_compare_exchange_strong(&thread_count, &none, n)) n = none;
    return n;
}

bool tni_pool_inside(void) { return inside; }

static bool enter_pool(void) { return !atomic_exchange_explicit(&pool.busy, true, memory_order_acquire); }
static void leave_pool(void) { atomic_store_explicit(&pool.busy, false, memory_order_release); }

static void run_chunks(void) {
    int64_t n = pool.n, grain = pool.grain, chunks = (n - 1) / grain + 1;
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed);
        if (i >= chunks) return;
        pool.body(i * grain, i == chunks - 1 ? n : (i + 1) * grain, pool.context);
    }
}

static bool is_news(uint64_t gate, uint32_t seen, int index) {
    if (gate & GATE_STOP) return true;
    return (gate & GATE_OPEN) && GATE_NUMBER(gate) != seen && index < GATE_INVITED(gate);
}

/* Waits for a region that this worker has not seen and is invited to, or for the end. */
static uint64_t wait_for_news(worker *self, uint32_t seen) {
    int64_t until = 0;
    for (int i = 1;; i++) {
        uint64_t gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
        if (is_news(gate, seen, self->index)) return gate;
        pause_cpu();
        if (i % 16 != 0) continue;
        int64_t now = now_ns();
        if (until == 0) until = now + atomic_load_explicit(&spin_ns, memory_order_relaxed);
        if (now >= until) break;
    }
    pthread_mutex_lock(&pool.lock);
    atomic_store(&self->asleep, true); /* before the look at the gate: the caller looks in the other order */
    uint64_t gate = atomic_load(&pool.gate);
    while (!is_news(gate, seen, self->index)) {
        pthread_cond_wait(&self->wake, &pool.lock);
        gate = atomic_load(&pool.gate);
    }
    atomic_store(&self->asleep, false);
    pthread_mutex_unlock(&pool.lock);
    return gate;
}

static void *run_worker(void *argument) {
    worker *self = argument;
    uint32_t seen = 0;
    inside = true;
    for (;;) {
        uint64_t gate = wait_for_news(self, seen);
        if (gate & GATE_STOP) return NULL;
        if (!atomic_compare_exchange_strong(&pool.gate, &gate, gate + 1)) continue;
        seen = GATE_NUMBER(gate);
        set_float_control(pool.float_control);
        run_chunks();
        gate = atomic_fetch_sub(&pool.gate, 1) - 1;
        if ((gate & GATE_COUNT) == 0 && (gate & GATE_WAITED)) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.left);
            pthread_mutex_unlock(&pool.lock);
        }
    }
}

/* In the child only the forking thread lives: forget the workers and whatever another thread was doing with the pool. */
static void after_fork(void) {
    pool.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool.left = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    pool.started = 0;
    atomic_store(&pool.gate, 0);
    atomic_store(&pool.busy, false);
}

static void watch_fork(void) { pthread_atfork(NULL, NULL, after_fork); }

static void start_workers(int wanted) {
    if (pool.started >= TNI_MIN(wanted, pool.limit)) return;
    sigset_t all, before;
    pthread_once(&once, watch_fork);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the program's own threads */
    while (pool.started < TNI_MIN(wanted, pool.limit)) {
        worker *w = &pool.workers[pool.started];
        w->index = pool.started;
        w->wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
        atomic_store(&w->asleep, false);
        if (pthread_create(&w->thread, NULL, run_worker, w) == 0)
            pool.started++;
        else
            pool.limit = pool.started; /* asked for again after tni_pool_set_threads */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void open_gate(int invited) {
    if (++pool.number == 0) pool.number = 1;
    atomic_store(&pool.gate, (uint64_t)pool.number << 32 | (uint64_t)invited << 19 | GATE_OPEN);
    for (int i = 0; i < invited; i++) {
        if (!atomic_load(&pool.workers[i].asleep)) continue;
        pthread_mutex_lock(&pool.lock);
        pthread_cond_signal(&pool.workers[i].wake);
        pthread_mutex_unlock(&pool.lock);
    }
}

/* No worker comes in any more; waits for those that are still at work. */
static void close_gate(void) {
    uint64_t gate = atomic_fetch_and(&pool.gate, ~GATE_OPEN);
    if ((gate & GATE_COUNT) == 0) return;
    int64_t until = now_ns() + 4 * (int64_t)atomic_load_explicit(&spin_ns, memory_order_relaxed);
    do {
        for (int i = 0; i < 16; i++) {
            if ((atomic_load_explicit(&pool.gate, memory_order_acquire) & GATE_COUNT) == 0) return;
            pause_cpu();
        }
    } while (now_ns() < until);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_or(&pool.gate, GATE_WAITED);
    while (atomic_load(&pool.gate) & GATE_COUNT) pthread_cond_wait(&pool.left, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

void tni_parallel(int64_t n, int64_t grain, void (*body)(int64_t begin, int64_t end, void *context), void *context) {
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (n <= grain) {
        body(0, n, context);
        return;
    }
    int threads = inside ? 1 : tni_pool_threads();
    if (threads > 1 && enter_pool()) {
        int64_t chunks = (n - 1) / grain + 1;
        int wanted = (int)TNI_MIN((int64_t)threads, chunks) - 1;
        start_workers(wanted);
        if (pool.started > 0) {
            pool.body = body, pool.context = context, pool.n = n, pool.grain = grain;
            pool.float_control = float_control();
            atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
            open_gate(TNI_MIN(wanted, pool.started));
            inside = true;
            run_chunks();
            inside = false;
            close_gate();
            leave_pool();
            return;
        }
        leave_pool();
    }
    for (int64_t i = 0; i < n; i += grain) {
        body(i, n - i < grain ? n : i + grain, context);
        if (n - i <= grain) return; /* i + grain could pass INT64_MAX */
    }
}

static void stop_workers(void) {
    atomic_store(&pool.gate, GATE_STOP);
    pthread_mutex_lock(&pool.lock);
    for (int i = 0; i < pool.started; i++) pthread_cond_signal(&pool.workers[i].wake);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.started; i++) {
        pthread_join(pool.workers[i].thread, NULL);
        pthread_cond_destroy(&pool.workers[i].wake);
    }
    pool.started = 0;
    pool.limit = MAX_THREADS;
    atomic_store(&pool.gate, 0);
}

void tni_pool_shutdown(void) {
    if (inside) return;
    while (!enter_pool()) sched_yield();
    stop_workers();
    leave_pool();
}

void tni_pool_set_threads(int n) {
    (void)tni_pool_threads(); /* settles the spinning */
    atomic_store(&thread_count, n < 1 ? 1 : TNI_MIN(n, MAX_THREADS));
    if (!inside && enter_pool()) {
        pool.limit = MAX_THREADS;
        leave_pool();
    }
}

/* At exit or dlclose; never waits for a region of another thread. */
__attribute__((destructor)) static void end_pool(void) {
    if (!inside && enter_pool()) {
        stop_workers();
        leave_pool();
    }
}
