/* tensor/memory_format.c - channels last: strides of, and whether an array has them. */
#include "base/error.h"
#include "tensor/array.h"

bool tni_format_check(tn_memory_format format, size_t ndim) {
    TNI_CHECK(format >= TN_MEMORY_FORMAT_NONE && format <= TN_CHANNELS_LAST_3D, TN_ERR_VALUE, "%d is no memory format",
              (int)format);
    TNI_CHECK(format != TN_CHANNELS_LAST || ndim == 4, TN_ERR_SHAPE, "required rank 4 tensor to use channels_last format");
    TNI_CHECK(format != TN_CHANNELS_LAST_3D || ndim == 5, TN_ERR_SHAPE, "required rank 5 tensor to use channels_last_3d format");
    return true;
}

/* The dims from the innermost one outwards. */
static const int8_t order_2d[] = {1, 3, 2, 0}, order_3d[] = {1, 4, 3, 2, 0};
static const int8_t *order_of(tn_memory_format format) { return format == TN_CHANNELS_LAST ? order_2d : order_3d; }
static size_t dims_of(tn_memory_format format) { return format == TN_CHANNELS_LAST ? 4 : 5; }

void tni_format_strides(const int64_t *sizes, tn_memory_format format, int64_t *strides) {
    const int8_t *order = order_of(format);
    int64_t stride = 1;
    for (size_t i = 0; i < dims_of(format); i++) {
        strides[order[i]] = stride;
        stride *= sizes[order[i]];
    }
}

bool tni_array_has_format(const tni_array *a, tn_memory_format format) {
    if (format != TN_CHANNELS_LAST && format != TN_CHANNELS_LAST_3D) return a->contiguous;
    if (a->ndim != dims_of(format)) return false;
    const int8_t *order = order_of(format);
    int64_t stride = 1;
    for (size_t i = 0; i < a->ndim; i++) {
        int64_t size = a->sizes[order[i]];
        if (size == 1) continue;
        if (a->strides[order[i]] != stride) return false;
        stride *= size;
    }
    return true;
}

static bool looks_like(const tni_array *a, tn_memory_format format) {
    if (a->ndim != dims_of(format) || a->strides[1] == 0) return false;
    const int8_t *order = order_of(format);
    int64_t least = 0;
    for (size_t i = 0; i < a->ndim; i++) {
        int64_t size = a->sizes[order[i]], stride = a->strides[order[i]];
        if (size == 0 || stride < least || (order[i] == 0 && least == a->strides[1])) return false;
        least = size > 1 ? stride * size : stride;
    }
    return true;
}

tn_memory_format tni_array_format(const tni_array *a) {
    return looks_like(a, TN_CHANNELS_LAST)      ? TN_CHANNELS_LAST
           : looks_like(a, TN_CHANNELS_LAST_3D) ? TN_CHANNELS_LAST_3D
                                                : TN_CONTIGUOUS_FORMAT;
}
