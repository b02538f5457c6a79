/* serialize/contents.h - what lies in a file of tensors, whatever its format: names, dtypes, shapes, places. */
#ifndef TNI_CONTENTS_H
#define TNI_CONTENTS_H
#include "core/tensor.h"
#include "serialize/bytes.h"
#include "serialize/safetensors.h"
#include "serialize/zip.h"

typedef struct tni_item {
    const char *name, *dtype_name; /* the dtype as the format calls it */
    tn_dtype dtype;                /* TN_DTYPE_NONE: one that no tensor can have */
    size_t ndim;
    const int64_t *sizes;
    size_t at, bytes;            /* of its elements in the file; in what `member` unpacks to when that is deflated */
    bool swapped, fortran;       /* big-endian; first index fastest */
    const tni_zip_entry *member; /* of an archive, or NULL */
    void *block;                 /* name and sizes, where they are its own */
    size_t block_bytes;
} tni_item;

typedef struct tni_contents {
    tni_source source;
    tni_item *item;
    size_t n, capacity;
    const tni_safetensors_pair *pair; /* metadata */
    size_t pairs;
    tni_safetensors safetensors;
    tni_zip zip;
} tni_contents;

/* Each reads and checks all but the elements. `source` is borrowed until tni_contents_clear, which is needed after a failure too. */
bool tni_contents_safetensors(tni_contents *c, tni_source source);
bool tni_contents_npy(tni_contents *c, tni_source source); /* one item, named arr_0 as numpy.savez would */
bool tni_contents_npz(tni_contents *c, tni_source source);
void tni_contents_clear(tni_contents *c);
const tni_item *tni_contents_find(const tni_contents *c, const char *name); /* NULL: none */

/* Can a tensor hold it? TN_ERR_NOT_IMPLEMENTED with its name. */
bool tni_item_check(const char *who, const tni_item *item);
/* The tensor, without claims; NULL on failure. `map`, of the same file, or NULL: then its memory is used where that is possible. */
tn_tensor *tni_contents_tensor(tni_thread *t, const char *who, const tni_contents *c, const tni_item *item, tni_mapping *map);
/* All of them, and the metadata, as a state. [scope] */
tn_state *tni_contents_state(tni_thread *t, const char *who, const tni_contents *c, tni_mapping *map);
#endif
