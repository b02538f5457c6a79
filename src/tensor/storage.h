/* tensor/storage.h - the memory behind tensors, counted. */
#ifndef TNI_STORAGE_H
#define TNI_STORAGE_H
#include "tensor/device.h"
#if __has_include(<sys/single_threaded.h>) && !defined(__SANITIZE_THREAD__)
#include <sys/single_threaded.h>
#define TNI_SINGLE_THREADED __libc_single_threaded
#else
#define TNI_SINGLE_THREADED 0
#endif

typedef struct tni_storage {
    void *data; /* aligned to 64 when the library allocated it; NULL on the meta device */
    size_t bytes;
    int32_t refs;
    uint32_t version;               /* raised by each in-place write: torch's version counter, shared by views and detach */
    size_t block_bytes;             /* of the block that holds this header (and the data, unless it is foreign) */
    void (*destroy)(void *context); /* foreign memory: called once when the last view is gone; may be NULL */
    void *context;
    bool foreign;
    int8_t device;
} tni_storage;

tni_storage *tni_storage_new(size_t bytes);      /* uninitialised, refs 1; NULL with TN_ERR_MEMORY */
tni_storage *tni_storage_new_meta(size_t bytes); /* as if it were so many */
/* Foreign memory, refs 1. */
tni_storage *tni_storage_wrap(void *data, size_t bytes, void (*destroy)(void *context), void *context);
void tni_storage_free(tni_storage *s);

/* Counts are plain while the process has one thread. */
TNI_INLINE bool tni_single_threaded(void) { return TNI_SINGLE_THREADED; }
TNI_INLINE void tni_count_up(int32_t *count) {
    if (TNI_LIKELY(tni_single_threaded()))
        ++*count;
    else
        __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}
TNI_INLINE int32_t tni_count_down(int32_t *count) {
    return TNI_LIKELY(tni_single_threaded()) ? --*count : __atomic_sub_fetch(count, 1, __ATOMIC_ACQ_REL);
}
TNI_INLINE int32_t tni_count_get(const int32_t *count) { return __atomic_load_n(count, __ATOMIC_ACQUIRE); }

TNI_INLINE tni_storage *tni_storage_share(tni_storage *s) {
    tni_count_up(&s->refs);
    return s;
}
TNI_INLINE void tni_storage_release(tni_storage *s) {
    if (s && tni_count_down(&s->refs) == 0) tni_storage_free(s);
}
#endif
