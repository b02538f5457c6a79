/* base/memory.c - the replaceable allocator and the block cache in front of it. */
#include "base/memory.h"
#include "base/error.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Size classes: four per power of two from 64 bytes to 128 MiB (64, 80, 96, 112, 128, 160, ...), all multiples of 16; larger blocks are
 * rounded to 2 MiB and kept by exact size. Small classes live in lists of the thread; every list that grows too long, and every class
 * from 1 MiB on, goes to the process-wide cache, so that a large result does not pay its page faults anew at each step. */
enum { CLASSES = 84, THREAD_CLASSES = 57 }; /* class 56 = 1 MiB */
#define ALIGNMENT ((size_t)64)
#define HUGE_STEP ((size_t)2 << 20)
#define THREAD_LIST_BYTES ((size_t)4 << 20)
#define SHARED_KEEP_BYTES ((size_t)1 << 30)

#if defined(__SANITIZE_ADDRESS__)
#define CACHE_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHE_OFF 1
#endif
#endif
#ifndef CACHE_OFF
#define CACHE_OFF 0 /* under AddressSanitizer every block comes and goes by itself, so that use after free is seen */
#endif

typedef struct free_block {
    struct free_block *next;
} free_block;
typedef struct big_block {
    struct big_block *next;
    size_t bytes;
} big_block;
typedef struct thread_cache {
    free_block *list[THREAD_CLASSES];
    uint32_t count[THREAD_CLASSES];
} thread_cache;

/* One pointer: the static TLS block that dlopen can use is small. */
static __thread thread_cache *mine __attribute__((tls_model("initial-exec")));
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static free_block *shared[CLASSES];
static big_block *shared_big;
static size_t shared_bytes;
static size_t held_bytes, allocator_calls, live_bytes_shared;
static __thread int64_t live_bytes_mine __attribute__((tls_model("initial-exec")));

static void *libc_allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    void *block = NULL;
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}
static void libc_release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    free(block);
}
static const tn_allocator libc_allocator = {sizeof(tn_allocator), NULL, libc_allocate, libc_release};
static tn_allocator allocator = {sizeof(tn_allocator), NULL, libc_allocate, libc_release};

bool tn_set_allocator(const tn_allocator *other) {
    TNI_CHECK(other == NULL || (other->size >= sizeof(tn_allocator) && other->allocate && other->release), TN_ERR_VALUE,
              "set_allocator: size, allocate and release must be set");
    TNI_CHECK(__atomic_load_n(&held_bytes, __ATOMIC_RELAXED) == 0, TN_ERR_OWNERSHIP,
              "set_allocator: the library holds memory of the present allocator; call it first, or after tn_shutdown");
    allocator = other ? *other : libc_allocator;
    return true;
}

void *tni_allocator_take(size_t bytes, size_t alignment) {
    void *block = allocator.allocate(allocator.context, bytes, alignment);
    if (!block) return NULL;
    __atomic_add_fetch(&allocator_calls, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&held_bytes, bytes, __ATOMIC_RELAXED);
#ifdef MADV_HUGEPAGE
    if (bytes >= 2 * HUGE_STEP) {
        uintptr_t begin = ((uintptr_t)block + HUGE_STEP - 1) & ~(HUGE_STEP - 1),
                  end = ((uintptr_t)block + bytes) & ~(HUGE_STEP - 1);
        if (end > begin) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    }
#endif
    return block;
}

void tni_allocator_give(void *block, size_t bytes) {
    __atomic_sub_fetch(&held_bytes, bytes, __ATOMIC_RELAXED);
    allocator.release(allocator.context, block, bytes);
}

/* The class of a size and the bytes of that class. */
TNI_INLINE int size_class(size_t bytes, size_t *rounded) {
    if (bytes <= 64) {
        *rounded = 64;
        return 0;
    }
    int top = 63 - __builtin_clzll((unsigned long long)(bytes - 1)); /* 2^top <= bytes - 1 < 2^(top+1) */
    size_t step = (size_t)1 << (top - 2), up = (bytes + step - 1) & ~(step - 1);
    *rounded = up;
    return (top - 6) * 4 + (int)((up - ((size_t)1 << top)) >> (top - 2));
}

static size_t class_bytes(int c) {
    int octave = (c - 1) / 4;
    return c == 0 ? 64 : ((size_t)1 << (octave + 6)) + (size_t)((c - 1) % 4 + 1) * ((size_t)1 << (octave + 4));
}

static void *take_shared(int c, size_t bytes) {
    pthread_mutex_lock(&shared_lock);
    void *found = shared[c];
    if (found) {
        shared[c] = shared[c]->next;
        shared_bytes -= bytes;
    }
    pthread_mutex_unlock(&shared_lock);
    return found;
}

static void *take_big(size_t bytes) {
    pthread_mutex_lock(&shared_lock);
    big_block **at = &shared_big, *found = NULL;
    while (*at && (*at)->bytes != bytes) at = &(*at)->next;
    if ((found = *at) != NULL) {
        *at = found->next;
        shared_bytes -= bytes;
    }
    pthread_mutex_unlock(&shared_lock);
    return found;
}

/* Gives every block of the process-wide cache back to the allocator. */
static void trim_shared(void) {
    pthread_mutex_lock(&shared_lock);
    for (int c = 0; c < CLASSES; c++) {
        size_t bytes = class_bytes(c);
        for (free_block *b = shared[c], *next; b; b = next) {
            next = b->next;
            tni_allocator_give(b, bytes);
        }
        shared[c] = NULL;
    }
    for (big_block *b = shared_big, *next; b; b = next) {
        next = b->next;
        tni_allocator_give(b, b->bytes);
    }
    shared_big = NULL;
    shared_bytes = 0;
    pthread_mutex_unlock(&shared_lock);
}

static void *take_fresh(size_t bytes) {
    void *fresh = tni_allocator_take(bytes, ALIGNMENT);
    if (!fresh) {
        trim_shared();
        fresh = tni_allocator_take(bytes, ALIGNMENT);
    }
    if (!fresh) tni_fail_memory(bytes);
    return fresh;
}

static void *alloc_slow(int c, size_t bytes) {
    void *found = NULL;
    if (!CACHE_OFF) found = c < CLASSES ? take_shared(c, bytes) : take_big(bytes);
    return found ? found : take_fresh(bytes);
}

void *tni_alloc(size_t bytes) {
    if (TNI_UNLIKELY(bytes > PTRDIFF_MAX - HUGE_STEP)) {
        tni_fail_memory(bytes);
        return NULL;
    }
    size_t rounded;
    int c = size_class(bytes, &rounded);
    void *found;
    thread_cache *m = mine;
    if (TNI_LIKELY(c < THREAD_CLASSES && m != NULL && m->list[c] != NULL)) {
        found = m->list[c];
        m->list[c] = m->list[c]->next;
        m->count[c]--;
    } else {
        if (c >= CLASSES) rounded = (bytes + HUGE_STEP - 1) & ~(HUGE_STEP - 1);
        found = alloc_slow(c, rounded);
        if (!found) return NULL;
    }
    live_bytes_mine += (int64_t)rounded;
    return found;
}

void *tni_alloc_zero(size_t bytes) {
    void *block = tni_alloc(bytes);
    if (block) memset(block, 0, bytes);
    return block;
}

static void free_shared(void *freed, int c, size_t bytes) {
    pthread_mutex_lock(&shared_lock);
    bool keep = shared_bytes + bytes <= SHARED_KEEP_BYTES;
    if (keep) {
        shared_bytes += bytes;
        if (c < CLASSES) {
            free_block *b = freed;
            b->next = shared[c];
            shared[c] = b;
        } else {
            big_block *b = freed;
            b->next = shared_big;
            b->bytes = bytes;
            shared_big = b;
        }
    }
    pthread_mutex_unlock(&shared_lock);
    if (!keep) tni_allocator_give(freed, bytes);
}

/* NULL when memory is out: then blocks go to the process-wide cache. */
static thread_cache *start_cache(void) {
    mine = tni_allocator_take(sizeof *mine, ALIGNMENT);
    if (mine) memset(mine, 0, sizeof *mine);
    return mine;
}

void tni_free(void *freed, size_t bytes) {
    if (!freed) return;
    size_t rounded;
    int c = size_class(bytes, &rounded);
    if (c >= CLASSES) rounded = (bytes + HUGE_STEP - 1) & ~(HUGE_STEP - 1);
    live_bytes_mine -= (int64_t)rounded;
    thread_cache *m = mine;
    if (CACHE_OFF) {
        tni_allocator_give(freed, rounded);
    } else if (c < THREAD_CLASSES && (m || (m = start_cache())) && m->count[c] * rounded < THREAD_LIST_BYTES) {
        free_block *b = freed;
        b->next = m->list[c];
        m->list[c] = b;
        m->count[c]++;
    } else {
        free_shared(freed, c, rounded);
    }
}

bool tni_reserve(void *array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity) return true;
    size_t grown = TNI_MAX(need, *capacity * 2 + 8), bytes;
    if (!TNI_MUL(grown, size, &bytes)) return tni_fail_memory(SIZE_MAX);
    void *old, *fresh = tni_alloc(bytes);
    if (!fresh) return false;
    memcpy(&old, array, sizeof old);
    if (old) memcpy(fresh, old, *capacity * size);
    tni_free(old, *capacity * size);
    memcpy(array, &fresh, sizeof fresh);
    *capacity = grown;
    return true;
}

char *tni_strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = tni_alloc(n);
    if (copy) memcpy(copy, text, n);
    return copy;
}

void tni_free_text(void *text) {
    if (text) tni_free(text, strlen(text) + 1);
}

static void settle_live_bytes(void) {
    __atomic_add_fetch(&live_bytes_shared, (size_t)live_bytes_mine, __ATOMIC_RELAXED);
    live_bytes_mine = 0;
}

void tni_memory_thread_end(void) {
    settle_live_bytes();
    for (int c = 0; mine && c < THREAD_CLASSES; c++) {
        for (free_block *b = mine->list[c], *next; b; b = next) {
            next = b->next;
            free_shared(b, c, class_bytes(c));
        }
    }
    if (mine) tni_allocator_give(mine, sizeof *mine);
    mine = NULL;
}

void tni_memory_shutdown(void) {
    tni_memory_thread_end();
    trim_shared();
}

void tn_empty_cache(void) { tni_memory_shutdown(); }

void tni_memory_fill_stats(tn_memory_stats *out) {
    settle_live_bytes();
    out->live_bytes = __atomic_load_n(&live_bytes_shared, __ATOMIC_RELAXED);
    out->held_bytes = __atomic_load_n(&held_bytes, __ATOMIC_RELAXED);
    out->allocator_calls = __atomic_load_n(&allocator_calls, __ATOMIC_RELAXED);
}
