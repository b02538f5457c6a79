/* serialize/bytes.c - what the readers and writers of file formats share. */
#include "serialize/bytes.h"
#include "base/error.h"
#include <stdio.h>
#include <string.h>

bool tni_name_path(const char *who, const char *path) {
    tn_saved_error e, named;
    tn_error_take(&e);
    if (e.status == TN_ERR_MEMORY || (e.message[0] && strstr(e.message, path))) {
        tn_error_put(&e);
        return false;
    }
    named.status = e.status;
    snprintf(named.message, sizeof named.message, "%s: %.400s: %.*s", who, path, (int)sizeof e.message - 440, e.message);
    tn_error_put(&named);
    return false;
}

bool tni_check_path(const char *who, const char *path) {
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "%s: argument 'path' is NULL", who);
    return true;
}

#define SWAP(type, swap)                                                                                                           \
    for (size_t i = 0; i < n; i++, p += sizeof(type)) {                                                                            \
        type v;                                                                                                                    \
        memcpy(&v, p, sizeof v);                                                                                                   \
        v = swap(v);                                                                                                               \
        memcpy(p, &v, sizeof v);                                                                                                   \
    }

void tni_swap_bytes(void *data, size_t n, size_t size) {
    unsigned char *p = data;
    if (size == 2) {
        SWAP(uint16_t, __builtin_bswap16)
    } else if (size == 4) {
        SWAP(uint32_t, __builtin_bswap32)
    } else if (size == 8) {
        SWAP(uint64_t, __builtin_bswap64)
    }
}

bool tni_source_read(const tni_source *s, void *to, size_t bytes, size_t at) {
    if (bytes == 0) return true;
    if (s->file) return tni_file_read(s->file, to, bytes, (int64_t)at);
    memcpy(to, s->memory + at, bytes);
    return true;
}

bool tni_write_file(const char *who, const char *path, bool (*write)(void *context, tni_file_writer *w), void *context) {
    tni_file_writer w;
    bool right = tni_file_writer_begin(&w, path);
    if (right) {
        right = write(context, &w);
        if (right)
            right = tni_file_writer_commit(&w);
        else
            tni_file_writer_abandon(&w);
    }
    return right || tni_name_path(who, path);
}
