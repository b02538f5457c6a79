/* serialize/zip.h - zip archives: a strict reader and a writer, for .pt and .npz. */
#ifndef TNI_ZIP_H
#define TNI_ZIP_H
#include "base/file.h"
#include "base/str.h"

typedef struct tni_zip_entry {
    const char *name; /* NUL-terminated, without a NUL inside */
    uint64_t header;  /* where its header begins in the archive */
    uint64_t at;      /* and its payload, of `packed` bytes */
    uint64_t bytes, packed;
    uint32_t crc;
    bool deflated;
} tni_zip_entry;

/* An archive, all of whose records were found consistent: names are unique, payloads lie inside and do not overlap, every header is
 * believed twice (central and local), nothing stands in front or behind. */
typedef struct tni_zip {
    const char *who;
    tni_file *file; /* or NULL, and memory */
    const unsigned char *memory;
    uint64_t size;
    tni_zip_entry *entry; /* as the directory has them */
    size_t n;
    size_t *by_name;
    unsigned char *directory; /* the names lie in it */
    size_t directory_bytes;
} tni_zip;

/* Of an open file, or of `bytes` in memory when file is NULL; both are borrowed until tni_zip_close. `who` stands in front of errors:
 * TN_ERR_FORMAT, TN_ERR_NOT_IMPLEMENTED (encryption, another method, several disks), TN_ERR_IO, TN_ERR_MEMORY. */
bool tni_zip_open(tni_zip *z, const char *who, tni_file *file, const void *memory, size_t bytes);
void tni_zip_close(tni_zip *z);                                        /* also after a failed open, and twice */
const tni_zip_entry *tni_zip_find(const tni_zip *z, const char *name); /* NULL: there is none */
/* The payload, entry->bytes of it, decompressed and compared with its checksum (one of 0 is not compared: torch.save may leave it out). */
bool tni_zip_read(const tni_zip *z, const tni_zip_entry *e, void *out);
/* The first `bytes` of it, which may be all; without a look at the checksum. */
bool tni_zip_read_start(const tni_zip *z, const tni_zip_entry *e, void *out, size_t bytes);

/* ---- writing ---- */

typedef bool tni_put(void *to, const void *data, size_t bytes);
typedef struct tni_zip_piece {
    const void *data;
    size_t bytes;
} tni_zip_piece;

typedef struct tni_zip_writer {
    tni_put *put;
    void *to;
    uint64_t at;
    size_t count;
    uint32_t crcs; /* of all checksums, in order */
    tni_str directory;
} tni_zip_writer;

void tni_zip_begin(tni_zip_writer *w, tni_put *put, void *to);
/* Adds a member, stored. alignment 0: a plain one, with sizes and checksum in front. Else as torch.save writes it: the payload
 * begins at a multiple of `alignment`, sizes and checksum follow it. */
bool tni_zip_add(tni_zip_writer *w, const char *name, const tni_zip_piece *piece, size_t pieces, size_t alignment);
/* Adds one that is compressed while it is written, so that its sizes and checksum follow it. Needs zlib. */
bool tni_zip_add_deflated(tni_zip_writer *w, const char *name, const tni_zip_piece *piece, size_t pieces);
/* The directory. begin needs one finish or abandon; each ends the writer. */
bool tni_zip_finish(tni_zip_writer *w);
void tni_zip_abandon(tni_zip_writer *w);
#endif
