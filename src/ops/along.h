/* ops/along.h - indexed access along one dim: what gather, scatter, index_select, index and their kin share. */
#ifndef TNI_OPS_ALONG_H
#define TNI_OPS_ALONG_H
#include "core/op.h"

/* Every place p of a shape has an element of `part` and one of `whole`: the one at p, but with p[dim] replaced by index[p].
 * Strides are in elements. */
typedef struct tni_along {
    size_t ndim, dim;
    int64_t sizes[TNI_MAX_DIMS];
    int64_t whole_strides[TNI_MAX_DIMS], part_strides[TNI_MAX_DIMS], index_strides[TNI_MAX_DIMS];
    char *whole, *part;
    const int64_t *index;
    tn_dtype dtype;
    double alpha; /* what TNI_ADD_ALONG multiplies the part with; `count` for integers */
    int64_t count;
} tni_along;

typedef enum {
    TNI_GET_ALONG, /* part = whole */
    TNI_SET_ALONG, /* whole = part; the last one wins */
    TNI_ADD_ALONG, /* whole += alpha part, in the order of the indices */
    TNI_MULTIPLY_ALONG
} tni_along_what;

/* Both arrays and row-major indices of the places of `sizes`. With `vector` the indices are a line along dim, the same for all
 * others. 0-d arrays count as one dim. whole's and part's dtype is the same. */
void tni_along_set(tni_along *a, const tni_array *whole, const tni_array *part, const tni_array *index, int64_t dim,
                   const int64_t *sizes, bool vector);
/* Shared among threads; no element depends on how. false when the dtype cannot be added. */
bool tni_along_run(const tni_call *c, tni_along *a, tni_along_what what);

/* Input i as row-major int64, each in [0, size), or in [-size, size) with `wrap`, which makes them count from 0; NULL with
 * TN_ERR_INDEX, whose message names dim when that is not negative. */
const tni_array *tni_indices(tni_call *c, size_t i, int64_t dim, int64_t size, bool wrap);
/* Input i, or a copy of it when an in-place call writes the memory that it lies in. */
const tni_array *tni_input_apart(tni_call *c, size_t i);
/* out[0] with the values of in[0], in its order of memory or row-major; in place it is in[0]. */
bool tni_out_copy(tni_call *c, bool row_major);
/* Input `value` (0-d) as one element of the dtype in *bits; a number that does not fit is TN_ERR_RUNTIME. */
bool tni_value_as(const tni_call *c, size_t i, tn_dtype dtype, void *bits);

/* Sizes and strides with a 0-d array seen as one of a single element. */
TNI_INLINE int64_t tni_dims(const tni_array *a) { return a->ndim ? a->ndim : 1; }
TNI_INLINE int64_t tni_size(const tni_array *a, int64_t d) { return a->ndim ? a->sizes[d] : 1; }
TNI_INLINE int64_t tni_stride(const tni_array *a, int64_t d) { return a->ndim ? a->strides[d] : 1; }
#endif
