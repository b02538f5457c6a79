/* base/crc32.c - the checksum of zip and gzip: polynomial 0xEDB88320, 16 bytes a step. */
#include "base/crc32.h"
#include <pthread.h>
#include <string.h>

enum { SLICES = 16 };
static uint32_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
        table[0][i] = c;
    }
    for (int s = 1; s < SLICES; s++)
        for (uint32_t i = 0; i < 256; i++) table[s][i] = table[s - 1][i] >> 8 ^ table[0][table[s - 1][i] & 255];
}

/* Four bytes, of which the last lies `from` bytes before the end of the step. */
TNI_INLINE uint32_t slice(uint32_t word, int from) {
    return table[from + 3][word & 255] ^ table[from + 2][word >> 8 & 255] ^ table[from + 1][word >> 16 & 255] ^
           table[from][word >> 24];
}

uint32_t tni_crc32(uint32_t crc, const void *data, size_t bytes) {
    const unsigned char *p = data;
    (void)pthread_once(&once, make_table);
    crc = ~crc;
    for (; bytes >= 16; bytes -= 16, p += 16) {
        uint32_t w[4];
        memcpy(w, p, 16);
        crc = slice(w[0] ^ crc, 12) ^ slice(w[1], 8) ^ slice(w[2], 4) ^ slice(w[3], 0);
    }
    for (; bytes; bytes--) crc = table[0][(crc ^ *p++) & 255] ^ crc >> 8;
    return ~crc;
}
