/* tison/memory.h - the allocator that all memory of the library comes from. */
#ifndef TISON_MEMORY_H
#define TISON_MEMORY_H
#include <tison/base.h>
TN_BEGIN_DECLS

/** The functions behind every allocation. `alignment` is a power of two >= 64. allocate returns NULL when memory is out;
 *  the call that needed it then fails with TN_ERR_MEMORY and changes nothing. Both may be called from any thread. */
typedef struct tn_allocator {
    size_t size; /* sizeof(tn_allocator) */
    void *context;
    void *(*allocate)(void *context, size_t bytes, size_t alignment);
    void (*release)(void *context, void *block, size_t bytes);
} tn_allocator;

/** Replaces the allocator of the whole process; NULL: back to the C library's. Only while the library holds no memory: before its first
 *  call or after tn_shutdown. false with TN_ERR_OWNERSHIP otherwise. */
TN_API bool tn_set_allocator(const tn_allocator *allocator);

/** What the library holds. */
typedef struct tn_memory_stats {
    size_t size;            /* set by the caller: sizeof(tn_memory_stats) */
    size_t live_bytes;      /* in use by tensors, graphs and objects */
    size_t held_bytes;      /* taken from the allocator: live, cached, and slabs */
    size_t allocator_calls; /* calls of allocate since the process started */
    size_t live_objects;    /* tensors, modules, lists, optimizers, ... that something claims or that wait to be freed */
} tn_memory_stats;
TN_API bool tn_memory_get_stats(tn_memory_stats *out);

/** Gives cached blocks of the calling thread and of the process back to the allocator (torch.cuda.empty_cache, for the CPU). */
TN_API void tn_empty_cache(void);

/** Ends the library's use of this process: closes the calling thread's scopes, frees every object, cache and thread of the pool, for leak
 *  checkers and before dlclose. No other thread may be in the library. Handles are dead afterwards; the library may be used anew. */
TN_API void tn_shutdown(void);

TN_END_DECLS
#endif
