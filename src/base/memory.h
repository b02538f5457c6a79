/* base/memory.h - all memory of the library: the replaceable allocator and the block cache in front of it. */
#ifndef TNI_MEMORY_H
#define TNI_MEMORY_H
#include "base/base.h"
#include <tison/memory.h>

/* A block of at least `bytes`, aligned to 64, not cleared. NULL with TN_ERR_MEMORY set. The size class is found again from `bytes`,
 * so tni_free must be given the same number. Warm sizes come from a list of the calling thread: no lock, no call of the allocator. */
void *tni_alloc(size_t bytes);
void *tni_alloc_zero(size_t bytes);
void tni_free(void *block, size_t bytes); /* NULL passes */

/* Grows *array (of *capacity elements of `size` bytes, from tni_alloc) so that it holds `need`; its content moves along. */
bool tni_reserve(void *array, size_t *capacity, size_t need, size_t size);
char *tni_strdup(const char *text);
void tni_free_text(void *text); /* of tni_strdup; NULL passes */

/* Straight from the allocator, past the cache: for slabs. */
void *tni_allocator_take(size_t bytes, size_t alignment);
void tni_allocator_give(void *block, size_t bytes);

void tni_memory_thread_end(void); /* hands the thread's lists to the process-wide cache */
void tni_memory_shutdown(void);   /* gives the cache back */

/* Filled by base/memory.c; the object count by its caller. */
void tni_memory_fill_stats(tn_memory_stats *out);
#endif
