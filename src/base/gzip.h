/* base/gzip.h - reads a file from its begin to its end, whether gzip has compressed it or not. */
#ifndef TNI_GZIP_H
#define TNI_GZIP_H
#include "base/file.h"
#include "base/zlib.h"

/* DEFLATE makes at most this many bytes of one. */
#define TNI_DEFLATE_MOST 1032

typedef struct tni_gzip {
    tni_file file;
    tni_zlib zlib;
    unsigned char *buffer;
    const unsigned char *at; /* in the buffer: what was read from the file and not used yet */
    size_t held;
    int64_t offset; /* in the file, behind the buffer */
    bool compressed, member_ended, ended;
} tni_gzip;

/* Opens; a file that begins with gzip's magic bytes is decompressed while it is read, all its members. `path` is borrowed. */
bool tni_gzip_open(tni_gzip *g, const char *path);
/* Up to `room` bytes, fewer only at the end: *bytes then is below room. TN_ERR_FORMAT for damaged data, TN_ERR_IO. */
bool tni_gzip_read(tni_gzip *g, void *data, size_t room, size_t *bytes);
/* No more bytes than this can come in all: from the size of the file, so that sizes that a file claims can be checked. */
uint64_t tni_gzip_most(const tni_gzip *g);
void tni_gzip_close(tni_gzip *g); /* also after a failed open, and twice */
#endif
