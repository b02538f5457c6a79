/* base/crc32.h - the checksum of zip and gzip. */
#ifndef TNI_CRC32_H
#define TNI_CRC32_H
#include "base/base.h"

/* The checksum of what came before (0 at first) and of these bytes. */
uint32_t tni_crc32(uint32_t crc, const void *data, size_t bytes);
#endif
