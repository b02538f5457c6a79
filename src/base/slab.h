/* base/slab.h - memory for handles: slots that are never given to anything but handles, so that a stale one never faults. */
#ifndef TNI_SLAB_H
#define TNI_SLAB_H
#include "base/base.h"

/* A slot begins with a uint32_t tag, 0 while the slot is free. The owner of the slot writes it. Slots are zeroed when taken. */
typedef struct tni_slab_cache {
    void *free[16];
} tni_slab_cache; /* a thread's free slots, by size class */

void *tni_slab_take(tni_slab_cache *cache, size_t bytes); /* NULL with TN_ERR_MEMORY */
void tni_slab_give(tni_slab_cache *cache, void *slot);    /* the tag must be 0 */

/* The slot that `p` points into, or NULL when p is no address of a slab. Safe for any p. */
void *tni_slab_find(const void *p);

void tni_slab_each(void (*visit)(void *slot)); /* all slots, free ones too; visit must not take or look up slots */
void tni_slab_thread_end(tni_slab_cache *cache);
void tni_slab_shutdown(void); /* frees all slabs; every handle is gone */

extern bool tni_slab_checking; /* TISON_CHECK=1: freed slots are poisoned and not used again for long */
#endif
