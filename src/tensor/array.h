/* tensor/array.h - a strided view of a storage, and the one place that makes such views. */
#ifndef TNI_ARRAY_H
#define TNI_ARRAY_H
#include "tensor/dtype.h"
#include "tensor/storage.h"

enum { TNI_MAX_DIMS = 64, TNI_INLINE_DIMS = 4 };

/* Only tensor/array.c writes these fields. Never copied by assignment: sizes and strides may point into the struct itself. */
typedef struct tni_array {
    tni_storage *storage;
    void *data;               /* of element (0, ..., 0); NULL on the meta device */
    int64_t numel;            /* product of sizes */
    int64_t offset;           /* of data, in elements */
    int64_t *sizes, *strides; /* ndim each; strides in elements, >= 0 */
    int64_t inline_dims[2 * TNI_INLINE_DIMS];
    int8_t dtype;
    uint8_t ndim;
    int8_t device;   /* TNI_CPU, TNI_META; set before a fresh array is made */
    bool contiguous; /* row-major without holes */
} tni_array;

/* A fresh array with its own storage, row-major. `who` names the operator in errors. */
bool tni_array_new(tni_array *out, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim);
/* Fresh, of the shape of a row-major array whose items are not smaller: nothing is left to check. `out` is zeroed. */
bool tni_array_new_same(tni_array *out, tn_dtype dtype, const tni_array *like);
/* Fresh, dense, with the strides' order of another array of the same shape (torch.preserve_format). */
bool tni_array_new_like(tni_array *out, const char *who, const tni_array *like, tn_dtype dtype);
/* Fresh, of the shape of another array, in a format; NONE and PRESERVE: with its very strides when it is dense. */
bool tni_array_new_format(tni_array *out, const char *who, const tni_array *like, tn_dtype dtype, tn_memory_format format);
/* The checked constructor of every view: shape, strides and offset must stay inside the storage. Takes a share of it. */
bool tni_array_view(tni_array *out, const char *who, tni_storage *storage, tn_dtype dtype, const int64_t *sizes,
                    const int64_t *strides, size_t ndim, int64_t offset);
void tni_array_clear(tni_array *a);                  /* gives up the storage and the dims */
void tni_array_move(tni_array *to, tni_array *from); /* `to` is empty; `from` becomes so */

TNI_INLINE size_t tni_array_item(const tni_array *a) { return tni_dtype_size((tn_dtype)a->dtype); }
TNI_INLINE bool tni_same_shape(const tni_array *a, const tni_array *b) {
    if (a->ndim != b->ndim) return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->sizes[i] != b->sizes[i]) return false;
    return true;
}

/* ---- memory formats (tensor/memory_format.c) ---- */

/* Can an array of ndim dims have it? false with torch's error. */
bool tni_format_check(tn_memory_format format, size_t ndim);
/* The strides of a fresh array in a channels-last format that fits. */
void tni_format_strides(const int64_t *sizes, tn_memory_format format, int64_t *strides);
/* torch's is_contiguous(memory_format): laid out in just that order. */
bool tni_array_has_format(const tni_array *a, tn_memory_format format);
/* The format that the strides look like, which where sizes are 1 may be one of several that fit: torch's suggest_memory_format. */
tn_memory_format tni_array_format(const tni_array *a);

/* ---- shape arithmetic (tensor/shape.c) ---- */

/* The number of elements; false with an error for a negative size or an overflow (of elements or of bytes). */
bool tni_shape_numel(const char *who, const int64_t *sizes, size_t ndim, size_t item, int64_t *numel);
/* Broadcast of b into out (of *ndim dims), which holds a's shape at first. */
bool tni_shape_broadcast(const char *who, int64_t *out, size_t *ndim, const int64_t *b, size_t nb);
/* -ndim .. ndim-1 -> 0 .. ndim-1; a 0-d array counts as one dim. */
bool tni_wrap_dim(const char *who, int64_t *dim, size_t ndim);
/* Strides that view `a` as `sizes` (same numel) without a copy; false when there are none (no error is set). */
bool tni_view_strides(const tni_array *a, const int64_t *sizes, size_t ndim, int64_t *strides);
/* Fills in one -1. */
bool tni_infer_size(const char *who, const int64_t *wanted, size_t ndim, int64_t numel, int64_t *sizes);
bool tni_is_dense(const tni_array *a);           /* non-overlapping, no holes, in some order of dims */
bool tni_may_overlap_itself(const tni_array *a); /* two indices share one element (an expanded dim) */
/* "[2, 3]" for messages; writes at most `room` bytes and returns `text`. */
const char *tni_shape_text(char *text, size_t room, const int64_t *sizes, size_t ndim);
#define TNI_SHAPE(a) tni_shape_text((char[160]){0}, 160, (a)->sizes, (a)->ndim)
#endif
