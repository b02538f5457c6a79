/* tensor/array.c - a strided view of a storage, and the one place that makes such views. */
#include "tensor/array.h"
#include "base/error.h"
#include "base/memory.h"
#include <string.h>

static bool set_room(tni_array *a, size_t ndim) {
    a->sizes = a->inline_dims;
    a->strides = a->inline_dims + TNI_INLINE_DIMS;
    a->ndim = (uint8_t)ndim;
    if (TNI_LIKELY(ndim <= TNI_INLINE_DIMS)) return true;
    int64_t *room = tni_alloc(2 * ndim * sizeof(int64_t));
    if (!room) return false;
    a->sizes = room;
    a->strides = room + ndim;
    return true;
}

static bool set_header(tni_array *a, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    TNI_TRY(tni_dtype_check_stored(who, dtype));
    TNI_CHECK(ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%s: %zu dimensions, at most %d are supported", who, ndim, (int)TNI_MAX_DIMS);
    TNI_CHECK(sizes != NULL || ndim == 0, TN_ERR_VALUE, "%s: sizes is NULL", who);
    int64_t numel;
    TNI_TRY(tni_shape_numel(who, sizes, ndim, tni_dtype_size(dtype), &numel));
    TNI_TRY(set_room(a, ndim));
    for (size_t i = 0; i < ndim; i++) a->sizes[i] = sizes[i];
    a->dtype = (int8_t)dtype;
    a->numel = numel;
    a->offset = 0;
    return true;
}

/* torch gives a size-0 dim the stride of a size-1 dim. */
static void set_row_major(tni_array *a) {
    int64_t stride = 1;
    for (int i = a->ndim - 1; i >= 0; i--) {
        a->strides[i] = stride;
        stride *= TNI_MAX(a->sizes[i], 1);
    }
    a->contiguous = true;
}

static bool take_storage(tni_array *a) {
    size_t bytes = (size_t)a->numel * tni_array_item(a);
    a->storage = TNI_LIKELY(a->device == TNI_CPU) ? tni_storage_new(bytes) : tni_storage_new_meta(bytes);
    if (!a->storage) {
        tni_array_clear(a);
        return false;
    }
    a->data = a->storage->data;
    return true;
}

bool tni_array_new(tni_array *out, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    TNI_TRY(set_header(out, who, dtype, sizes, ndim));
    set_row_major(out);
    return take_storage(out);
}

bool tni_array_new_same(tni_array *out, tn_dtype dtype, const tni_array *like) {
    size_t ndim = like->ndim;
    TNI_TRY(set_room(out, ndim));
    for (size_t i = 0; i < ndim; i++) {
        out->sizes[i] = like->sizes[i];
        out->strides[i] = like->strides[i];
    }
    out->numel = like->numel;
    out->dtype = (int8_t)dtype;
    out->contiguous = true;
    return take_storage(out);
}

bool tni_array_new_like(tni_array *out, const char *who, const tni_array *like, tn_dtype dtype) {
    if (like->contiguous || !tni_is_dense(like)) return tni_array_new(out, who, dtype, like->sizes, like->ndim);
    TNI_TRY(set_header(out, who, dtype, like->sizes, like->ndim));
    memcpy(out->strides, like->strides, like->ndim * sizeof(int64_t));
    out->contiguous = false;
    return take_storage(out);
}

static bool is_contiguous(const tni_array *a) {
    if (a->numel == 0) return true;
    int64_t stride = 1;
    for (int i = a->ndim - 1; i >= 0; i--) {
        if (a->sizes[i] != 1 && a->strides[i] != stride) return false;
        stride *= a->sizes[i];
    }
    return true;
}

bool tni_array_new_format(tni_array *out, const char *who, const tni_array *like, tn_dtype dtype, tn_memory_format format) {
    TNI_TRY(tni_format_check(format, like->ndim));
    bool last = format == TN_CHANNELS_LAST || format == TN_CHANNELS_LAST_3D;
    bool row_major = format == TN_CONTIGUOUS_FORMAT || like->numel == 0 || !tni_is_dense(like);
    if (!last && row_major) return tni_array_new(out, who, dtype, like->sizes, like->ndim);
    TNI_TRY(set_header(out, who, dtype, like->sizes, like->ndim));
    if (last)
        tni_format_strides(like->sizes, format, out->strides);
    else
        memcpy(out->strides, like->strides, like->ndim * sizeof(int64_t));
    out->contiguous = is_contiguous(out);
    return take_storage(out);
}

/* The last element that the view reaches, checked in bytes against the storage. */
static bool check_reach(const char *who, const tni_array *a, const int64_t *strides, int64_t offset, size_t storage_bytes) {
    TNI_CHECK(offset >= 0, TN_ERR_RUNTIME, "%s: storage_offset = %lld must not be negative", who, (long long)offset);
    int64_t last = offset, step, bytes;
    for (int i = 0; i < a->ndim; i++) {
        TNI_CHECK(strides[i] >= 0, TN_ERR_RUNTIME, "%s: stride[%d] = %lld must not be negative", who, i, (long long)strides[i]);
        if (a->numel == 0) continue;
        TNI_CHECK(TNI_MUL(a->sizes[i] - 1, strides[i], &step) && TNI_ADD(last, step, &last), TN_ERR_SHAPE,
                  "%s: size[%d] = %lld with stride %lld is out of the range of addresses", who, i, (long long)a->sizes[i],
                  (long long)strides[i]);
    }
    int64_t elements = a->numel == 0 ? 0 : 1;
    TNI_CHECK(TNI_ADD(last, elements, &last) && TNI_MUL(last, (int64_t)tni_array_item(a), &bytes) &&
                  (a->numel == 0 || (uint64_t)bytes <= storage_bytes),
              TN_ERR_SHAPE,
              "%s: setStorage: sizes %s and storage offset %lld reach element %lld, out of bounds for storage of %zu bytes", who,
              TNI_SHAPE(a), (long long)offset, (long long)last - 1, storage_bytes);
    return true;
}

bool tni_array_view(tni_array *out, const char *who, tni_storage *storage, tn_dtype dtype, const int64_t *sizes,
                    const int64_t *strides, size_t ndim, int64_t offset) {
    TNI_TRY(set_header(out, who, dtype, sizes, ndim));
    if (!check_reach(who, out, strides, offset, storage->bytes)) {
        tni_array_clear(out);
        return false;
    }
    for (size_t i = 0; i < ndim; i++) out->strides[i] = strides[i];
    out->offset = offset;
    out->contiguous = storage->device != TNI_SPARSE && is_contiguous(out);
    out->storage = tni_storage_share(storage);
    out->device = storage->device;
    out->data = storage->data ? (char *)storage->data + (out->numel ? (size_t)offset * tni_array_item(out) : 0) : NULL;
    return true;
}

void tni_array_clear(tni_array *a) {
    tni_storage_release(a->storage);
    a->storage = NULL;
    a->data = NULL;
    if (a->sizes && a->sizes != a->inline_dims) tni_free(a->sizes, 2 * (size_t)a->ndim * sizeof(int64_t));
    a->sizes = a->strides = NULL;
    a->ndim = 0;
    a->numel = 0;
}

void tni_array_move(tni_array *to, tni_array *from) {
    bool inlined = from->sizes == from->inline_dims;
    memcpy(to, from, sizeof *to);
    if (inlined) {
        to->sizes = to->inline_dims;
        to->strides = to->inline_dims + TNI_INLINE_DIMS;
    }
    memset(from, 0, sizeof *from);
}
