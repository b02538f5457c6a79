/* tensor/storage.c - the memory behind tensors, counted. */
#include "tensor/storage.h"
#include "base/error.h"
#include "base/memory.h"

/* One block holds the header and the data: a small tensor costs one list pop. */
tni_storage *tni_storage_new(size_t bytes) {
    size_t block_bytes;
    if (!TNI_ADD(bytes, (size_t)64, &block_bytes)) {
        tni_fail_memory(bytes);
        return NULL;
    }
    tni_storage *s = tni_alloc(block_bytes);
    if (!s) return NULL;
    *s = (tni_storage){.data = (char *)s + 64, .bytes = bytes, .refs = 1, .block_bytes = block_bytes};
    return s;
}

tni_storage *tni_storage_new_meta(size_t bytes) {
    tni_storage *s = tni_alloc(sizeof *s);
    if (s) *s = (tni_storage){.bytes = bytes, .refs = 1, .block_bytes = sizeof *s, .device = TNI_META};
    return s;
}

tni_storage *tni_storage_wrap(void *data, size_t bytes, void (*destroy)(void *), void *context) {
    tni_storage *s = tni_alloc(sizeof *s);
    if (!s) return NULL;
    *s = (tni_storage){
        .data = data, .bytes = bytes, .refs = 1, .block_bytes = sizeof *s, .destroy = destroy, .context = context, .foreign = true};
    return s;
}

void tni_storage_free(tni_storage *s) {
    if (s->foreign && s->destroy) s->destroy(s->context);
    tni_free(s, s->block_bytes);
}
