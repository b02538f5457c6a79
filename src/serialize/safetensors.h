/* serialize/safetensors.h - the safetensors format as bytes, names and offsets; knows no tensor. */
#ifndef TNI_SAFETENSORS_H
#define TNI_SAFETENSORS_H
#include "base/str.h"

#define TNI_SAFETENSORS_LONGEST_HEADER 100000000u /* bytes, as the reference reader */

typedef struct tni_safetensors_pair {
    const char *key, *value;
} tni_safetensors_pair;

typedef struct tni_safetensors_entry {
    const char *name;
    const char *dtype_name; /* the format's: "F32" */
    tn_dtype dtype;         /* TN_DTYPE_NONE for F4, F6_E2M3, F6_E3M2 and F8_E8M0, which tn_dtype lacks */
    int64_t ndim;
    const int64_t *sizes;
    size_t begin, end; /* its bytes in the payload */
} tni_safetensors_entry;

typedef struct tni_safetensors {
    tni_safetensors_entry *entries; /* as they lie in the file */
    size_t count;
    tni_safetensors_pair *metadata; /* in the file's order */
    size_t metadata_count;
    size_t payload_at, payload_bytes; /* in the file: behind the header, up to the end */
    size_t *by_name;
    void *block; /* all of the above, one allocation */
    size_t block_bytes;
} tni_safetensors;

/* Reads and checks the whole header of a file given as a whole: every name, size, offset and the tiling of the payload. The result
 * borrows nothing from `data`. TN_ERR_FORMAT with what is wrong, and which tensor; nothing stays allocated then. What is allocated
 * is in proportion to the header's text, never to a number in it. */
bool tni_safetensors_parse(const void *data, size_t bytes, tni_safetensors *out);
/* The same for a reader that does not hold the payload: first the header's length from the first 8 bytes of a file of `file_bytes`
 * bytes, then the header alone. */
bool tni_safetensors_header_length(const void *first8, size_t file_bytes, size_t *length);
bool tni_safetensors_parse_header(const void *header, size_t length, size_t payload_bytes, tni_safetensors *out);
const tni_safetensors_entry *tni_safetensors_find(const tni_safetensors *s, const char *name); /* NULL: none */
void tni_safetensors_clear(tni_safetensors *s);

typedef struct tni_safetensors_item {
    const char *name;
    tn_dtype dtype;
    int64_t ndim;
    const int64_t *sizes;
    size_t bytes;
} tni_safetensors_item;

/* Adds the first bytes of a file to `out`: the length and the padded header; the payload follows as items[order[0]],
 * items[order[1]], ..., without gaps. order has room for n. Byte for byte what the reference writer makes, but for the order of
 * metadata keys: there it changes from run to run, here it is that of their bytes. No metadata (metadata_count 0) leaves
 * __metadata__ out. After a failure `out` may hold a part. */
bool tni_safetensors_header(tni_str *out, const tni_safetensors_item *items, size_t n, const tni_safetensors_pair *metadata,
                            size_t metadata_count, size_t *order);
#endif
