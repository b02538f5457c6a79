/* base/slab.c - memory for handles: slots that are never given to anything but handles, so that a stale one never faults. */
#include "base/slab.h"
#include "base/error.h"
#include "base/memory.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)
#define HEADER ((size_t)64)
#define QUARANTINE 65536

/* A chunk is 64 KiB of equal slots behind one header; a slot that does not fit into one has a run of chunks of its own. */
typedef struct chunk {
    size_t slot_bytes, total_bytes;
    uint32_t slots;
    int32_t class_;
    struct chunk *next;
} chunk;

bool tni_slab_checking;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *spare[16]; /* slots left behind by threads that ended */
static void *large;     /* free slots that have chunks of their own */
static chunk *chunks;
/* Open-addressed set of chunk bases: readers take no lock; a table that was outgrown stays readable until shutdown. */
typedef struct table {
    size_t mask, used;
    struct table *older;
    uintptr_t key[];
} table;
static table *known;
static void **quarantine;
static size_t quarantine_at;

static size_t class_bytes(int c) { return (size_t)64 << (c / 2) | ((c & 1) ? (size_t)32 << (c / 2) : 0); } /* 64 96 128 192 ... */

static int class_of(size_t bytes) {
    int c = 0;
    while (c < 16 && class_bytes(c) < bytes) c++;
    return c;
}

static size_t place(uintptr_t key, size_t mask) { return (size_t)((key >> 16) * 0x9E3779B97F4A7C15u >> 20) & mask; }

static bool is_known(uintptr_t base) {
    table *t = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    if (!t || base == 0) return false;
    for (size_t i = place(base, t->mask);; i = (i + 1) & t->mask) {
        uintptr_t key = __atomic_load_n(&t->key[i], __ATOMIC_ACQUIRE);
        if (key == base) return true;
        if (key == 0) return false;
    }
}

static size_t table_bytes(size_t mask) { return sizeof(table) + (mask + 1) * sizeof(uintptr_t); }

static void insert(table *t, uintptr_t base) {
    size_t i = place(base, t->mask);
    while (t->key[i] != 0) i = (i + 1) & t->mask;
    __atomic_store_n(&t->key[i], base, __ATOMIC_RELEASE);
    t->used++;
}

static bool remember(uintptr_t base) {
    if (!known || known->used * 2 > known->mask) {
        size_t mask = known ? known->mask * 2 + 1 : 255;
        table *t = tni_allocator_take(table_bytes(mask), 64);
        if (!t) return tni_fail_memory(table_bytes(mask));
        memset(t, 0, table_bytes(mask));
        t->mask = mask;
        t->older = known;
        for (size_t i = 0; known && i <= known->mask; i++)
            if (known->key[i]) insert(t, known->key[i]);
        __atomic_store_n(&known, t, __ATOMIC_RELEASE);
    }
    insert(known, base);
    return true;
}

/* With the lock held: a new chunk for slots of `slot_bytes`. */
static chunk *new_chunk(int c, size_t slot_bytes) {
    size_t total = slot_bytes + HEADER <= CHUNK ? CHUNK : (slot_bytes + HEADER + CHUNK - 1) & ~(CHUNK - 1);
    chunk *fresh = tni_allocator_take(total, CHUNK);
    if (!fresh) {
        tni_fail_memory(total);
        return NULL;
    }
    memset(fresh, 0, total);
    *fresh = (chunk){slot_bytes, total, (uint32_t)(total == CHUNK ? (CHUNK - HEADER) / slot_bytes : 1), c, chunks};
    if (!remember((uintptr_t)fresh)) {
        tni_allocator_give(fresh, total);
        return NULL;
    }
    chunks = fresh;
    return fresh;
}

TNI_INLINE void **link_of(void *slot) { return (void **)((char *)slot + 8); }

/* With the lock held: a free large slot of exactly this size. */
static void *take_large(size_t slot_bytes) {
    for (void **at = &large; *at; at = link_of(*at)) {
        void *slot = *at;
        const chunk *home = (const chunk *)((uintptr_t)slot & ~(CHUNK - 1));
        if (home->slot_bytes != slot_bytes) continue;
        *at = *link_of(slot);
        return slot;
    }
    return NULL;
}

static void *take_slow(tni_slab_cache *cache, int c, size_t bytes) {
    pthread_mutex_lock(&lock);
    void *slot = c >= 16 ? take_large((bytes + 63) & ~(size_t)63) : NULL;
    if (slot) {
        pthread_mutex_unlock(&lock);
        return slot;
    }
    if (c < 16 && spare[c]) {
        cache->free[c] = spare[c]; /* the whole list changes hands */
        spare[c] = NULL;
    } else {
        chunk *fresh = new_chunk(c, c < 16 ? class_bytes(c) : (bytes + 63) & ~(size_t)63);
        char *first = fresh ? (char *)fresh + HEADER : NULL;
        if (c >= 16)
            slot = first;
        else
            for (uint32_t i = fresh ? fresh->slots : 0; i-- > 0;) {
                void *s = first + i * fresh->slot_bytes;
                *link_of(s) = cache->free[c];
                cache->free[c] = s;
            }
    }
    pthread_mutex_unlock(&lock);
    if (c < 16 && cache->free[c]) {
        slot = cache->free[c];
        cache->free[c] = *link_of(slot);
    }
    return slot;
}

void *tni_slab_take(tni_slab_cache *cache, size_t bytes) {
    int c = class_of(bytes);
    void *slot = c < 16 ? cache->free[c] : NULL;
    if (TNI_LIKELY(slot != NULL))
        cache->free[c] = *link_of(slot);
    else
        slot = take_slow(cache, c, bytes);
    if (TNI_LIKELY(slot != NULL)) memset(slot, 0, bytes);
    return slot;
}

/* Under TISON_CHECK the slot waits in a ring; the one that it pushes out may be used again. */
static void *exchange_quarantine(void *slot) {
    pthread_mutex_lock(&lock);
    if (!quarantine) {
        quarantine = tni_allocator_take(QUARANTINE * sizeof(void *), 64);
        if (quarantine) memset(quarantine, 0, QUARANTINE * sizeof(void *));
    }
    void *out = slot;
    if (quarantine) {
        out = quarantine[quarantine_at];
        quarantine[quarantine_at] = slot;
        quarantine_at = (quarantine_at + 1) % QUARANTINE;
    }
    pthread_mutex_unlock(&lock);
    return out;
}

void tni_slab_give(tni_slab_cache *cache, void *slot) {
    if (TNI_UNLIKELY(tni_slab_checking)) slot = exchange_quarantine(slot);
    if (!slot) return;
    const chunk *home = (const chunk *)((uintptr_t)slot & ~(CHUNK - 1));
    if (home->class_ >= 16) {
        pthread_mutex_lock(&lock);
        *link_of(slot) = large;
        large = slot;
        pthread_mutex_unlock(&lock);
        return;
    }
    *link_of(slot) = cache->free[home->class_];
    cache->free[home->class_] = slot;
}

void *tni_slab_find(const void *p) {
    uintptr_t base = (uintptr_t)p & ~(uintptr_t)(CHUNK - 1);
    if (!is_known(base)) return NULL;
    const chunk *home = (const chunk *)base;
    size_t offset = (uintptr_t)p - base;
    if (offset < HEADER) return NULL;
    size_t i = (offset - HEADER) / home->slot_bytes;
    return i < home->slots ? (char *)base + HEADER + i * home->slot_bytes : NULL;
}

void tni_slab_each(void (*visit)(void *slot)) {
    for (chunk *c = chunks; c; c = c->next)
        for (uint32_t i = 0; i < c->slots; i++) visit((char *)c + HEADER + i * c->slot_bytes);
}

void tni_slab_thread_end(tni_slab_cache *cache) {
    pthread_mutex_lock(&lock);
    for (int c = 0; c < 16; c++) {
        void **end = &cache->free[c];
        while (*end) end = link_of(*end);
        *end = spare[c];
        spare[c] = cache->free[c];
        cache->free[c] = NULL;
    }
    pthread_mutex_unlock(&lock);
}

void tni_slab_shutdown(void) {
    pthread_mutex_lock(&lock);
    for (chunk *c = chunks, *next; c; c = next) {
        next = c->next;
        tni_allocator_give(c, c->total_bytes);
    }
    for (table *t = known, *older; t; t = older) {
        older = t->older;
        tni_allocator_give(t, table_bytes(t->mask));
    }
    if (quarantine) tni_allocator_give(quarantine, QUARANTINE * sizeof(void *));
    chunks = NULL, known = NULL, quarantine = NULL, quarantine_at = 0;
    large = NULL;
    memset(spare, 0, sizeof spare);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void read_environment(void) {
    const char *check = getenv("TISON_CHECK");
    tni_slab_checking = check && check[0] == '1';
}
