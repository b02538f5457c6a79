/* serialize/bytes.h - what the readers and writers of file formats share. */
#ifndef TNI_BYTES_H
#define TNI_BYTES_H
#include "base/file.h"

/* The latch's error with "who: path: " in front, unless the path stands in it already. Returns false. */
bool tni_name_path(const char *who, const char *path);
bool tni_check_path(const char *who, const char *path); /* TN_ERR_TYPE where it is NULL */
/* Reverses the bytes of each of n numbers of `size` bytes (1, 2, 4, 8). */
void tni_swap_bytes(void *data, size_t n, size_t size);

/* Where the bytes of a format come from: an open file, or memory when file is NULL. Borrowed. */
typedef struct tni_source {
    tni_file *file;
    const char *memory;
    size_t bytes;
} tni_source;
bool tni_source_read(const tni_source *s, void *to, size_t bytes, size_t at);

/* Replaces the file at `path` by what `write` writes, as a whole or not at all; the error gets "who: path: " in front. */
bool tni_write_file(const char *who, const char *path, bool (*write)(void *context, tni_file_writer *w), void *context);
#endif
