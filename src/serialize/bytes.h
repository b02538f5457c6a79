/* serialize/bytes.h - what the readers and writers of file formats share. */
#ifndef TNI_BYTES_H
#define TNI_BYTES_H
#include "base/base.h"

/* The latch's error with "who: path: " in front, unless the path stands in it already. Returns false. */
bool tni_name_path(const char *who, const char *path);
/* Reverses the bytes of each of n elements of `size` bytes (1, 2, 4, 8; a complex number counts as two). */
void tni_swap_bytes(void *data, size_t n, size_t size);
#endif
