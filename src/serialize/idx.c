/* serialize/idx.c - the IDX format of MNIST and its kin: big-endian arrays, perhaps gzipped. */
#include "base/error.h"
#include "base/gzip.h"
#include "core/tensor.h"
#include "serialize/bytes.h"
#include <string.h>
#include <tison/serialize.h>

static tn_dtype dtype_of(unsigned char code) {
    switch (code) {
    case 0x08: return TN_UINT8;
    case 0x09: return TN_INT8;
    case 0x0B: return TN_INT16;
    case 0x0C: return TN_INT32;
    case 0x0D: return TN_FLOAT32;
    case 0x0E: return TN_FLOAT64;
    default: return TN_DTYPE_NONE;
    }
}

typedef struct idx_header {
    tn_dtype dtype;
    size_t ndim;
    int64_t sizes[TNI_MAX_DIMS];
    size_t bytes; /* of the elements */
} idx_header;

static bool read_exactly(tni_gzip *g, void *data, size_t bytes) {
    size_t n;
    TNI_TRY(tni_gzip_read(g, data, bytes, &n));
    TNI_CHECK(n == bytes, TN_ERR_FORMAT, "idx: the file ends too early");
    return true;
}

static bool read_header(tni_gzip *g, idx_header *h) {
    unsigned char magic[4], size[4];
    uint64_t most = tni_gzip_most(g);
    TNI_TRY(read_exactly(g, magic, sizeof magic));
    TNI_CHECK(magic[0] == 0 && magic[1] == 0, TN_ERR_FORMAT, "idx: the file does not begin with two zero bytes");
    h->dtype = dtype_of(magic[2]);
    h->ndim = magic[3];
    TNI_CHECK(h->dtype != TN_DTYPE_NONE, TN_ERR_FORMAT, "idx: type 0x%02X is none of the format's", magic[2]);
    TNI_CHECK(h->ndim <= TNI_MAX_DIMS, TN_ERR_NOT_IMPLEMENTED, "idx: %zu dimensions, at most %d are supported", h->ndim,
              (int)TNI_MAX_DIMS);
    h->bytes = tni_dtype_size(h->dtype);
    bool fits = true;
    for (size_t d = 0; d < h->ndim; d++) {
        TNI_TRY(read_exactly(g, size, sizeof size));
        h->sizes[d] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
        fits = TNI_MUL(h->bytes, (size_t)h->sizes[d], &h->bytes) && fits;
    }
    TNI_CHECK(fits && h->bytes <= most, TN_ERR_FORMAT, "idx: its sizes claim more elements than the file can hold");
    return true;
}

static tn_tensor *read_tensor(tni_thread *t, tni_gzip *g) {
    idx_header h;
    unsigned char more;
    size_t behind = 0;
    tn_tensor *x = read_header(g, &h) ? tni_tensor_new(t, "load_idx", h.dtype, h.sizes, h.ndim) : NULL;
    if (!x) return NULL;
    if (read_exactly(g, x->a.data, h.bytes) && tni_gzip_read(g, &more, 1, &behind)) {
        if (behind == 0) {
            tni_swap_bytes(x->a.data, (size_t)x->a.numel, tni_dtype_size(h.dtype));
            return x;
        }
        tni_fail(TN_ERR_FORMAT, "idx: the file goes on behind the last element");
    }
    tni_tensor_destroy_new(t, x);
    return NULL;
}

/** Reads an IDX file, as MNIST and Fashion-MNIST are published, also gzipped (.gz; that needs zlib): a tensor of uint8, int8, int16,
 *  int32, float32 or float64 with the file's shape.
 *  returns  [scope]; NULL with TN_ERR_IO, TN_ERR_FORMAT (what is wrong), TN_ERR_NOT_IMPLEMENTED for a compressed file without zlib
 */
TN_API tn_tensor *tn_load_idx(const char *path) {
    tni_thread *t = tni_self();
    tni_gzip g;
    if (!t || tni_failed() || !tni_check_path("load_idx", path)) return NULL;
    tn_tensor *x = tni_gzip_open(&g, path) ? read_tensor(t, &g) : NULL;
    tni_gzip_close(&g);
    if (!x) return (void)tni_name_path("load_idx", path), NULL;
    return tni_give(t, x);
}
