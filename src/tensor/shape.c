/* tensor/shape.c - shape arithmetic: sizes, broadcasting, dims, strides of views. */
#include "base/error.h"
#include "tensor/array.h"
#include <stdio.h>

const char *tni_shape_text(char *text, size_t room, const int64_t *sizes, size_t ndim) {
    size_t at = (size_t)snprintf(text, room, "[");
    for (size_t i = 0; i < ndim && at + 24 < room; i++)
        at += (size_t)snprintf(text + at, room - at, i ? ", %lld" : "%lld", (long long)sizes[i]);
    snprintf(text + at, room - at, at + 24 < room ? "]" : ", ...]");
    return text;
}

/* Sizes whose row-major strides would not fit are refused too, also where a 0 hides the overflow. */
bool tni_shape_numel(const char *who, const int64_t *sizes, size_t ndim, size_t item, int64_t *numel) {
    int64_t product = 1, reach = (int64_t)item;
    bool empty = false;
    for (size_t i = 0; i < ndim; i++) {
        TNI_CHECK(sizes[i] >= 0, TN_ERR_SHAPE, "%s: size[%zu] = %lld must not be negative", who, i, (long long)sizes[i]);
        if (sizes[i] == 0)
            empty = true;
        else
            TNI_CHECK(TNI_MUL(reach, sizes[i], &reach), TN_ERR_SHAPE, "%s: sizes %s: the number of bytes overflows", who,
                      tni_shape_text((char[160]){0}, 160, sizes, ndim));
    }
    product = reach / (int64_t)item;
    *numel = empty ? 0 : product;
    return true;
}

bool tni_shape_broadcast(const char *who, int64_t *out, size_t *ndim, const int64_t *b, size_t nb) {
    size_t na = *ndim, n = TNI_MAX(na, nb);
    int64_t merged[TNI_MAX_DIMS];
    for (size_t i = 0; i < n; i++) {
        int64_t x = i < na ? out[na - 1 - i] : 1, y = i < nb ? b[nb - 1 - i] : 1;
        TNI_CHECK(x == y || x == 1 || y == 1, TN_ERR_SHAPE,
                  "%s: The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension %zu", who,
                  (long long)x, (long long)y, n - 1 - i);
        merged[n - 1 - i] = x == 1 ? y : x;
    }
    for (size_t i = 0; i < n; i++) out[i] = merged[i];
    *ndim = n;
    return true;
}

bool tni_wrap_dim(const char *who, int64_t *dim, size_t ndim) {
    int64_t n = ndim == 0 ? 1 : (int64_t)ndim;
    TNI_CHECK(*dim >= -n && *dim < n, TN_ERR_INDEX,
              "%s: Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)", who, (long long)-n,
              (long long)n - 1, (long long)*dim);
    if (*dim < 0) *dim += n;
    return true;
}

bool tni_infer_size(const char *who, const int64_t *wanted, size_t ndim, int64_t numel, int64_t *sizes) {
    TNI_CHECK(ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%s: %zu dimensions, at most %d are supported", who, ndim, (int)TNI_MAX_DIMS);
    int64_t product = 1, open = -1;
    for (size_t i = 0; i < ndim; i++) {
        sizes[i] = wanted[i];
        if (wanted[i] == -1) {
            TNI_CHECK(open < 0, TN_ERR_SHAPE, "%s: only one dimension can be inferred", who);
            open = (int64_t)i;
            continue;
        }
        TNI_CHECK(wanted[i] >= 0, TN_ERR_SHAPE, "%s: invalid shape dimension %lld at index %zu", who, (long long)wanted[i], i);
        TNI_CHECK(TNI_MUL(product, wanted[i], &product), TN_ERR_SHAPE, "%s: the number of elements of the shape overflows", who);
    }
    char text[160];
    bool fits = open >= 0 ? product != 0 && numel % product == 0 : product == numel;
    if (open >= 0 && product == 0 && numel == 0)
        return tni_fail(TN_ERR_SHAPE,
                        "%s: cannot reshape tensor of 0 elements into shape %s because the unspecified dimension size -1 can be "
                        "any value and is ambiguous",
                        who, tni_shape_text(text, sizeof text, wanted, ndim));
    TNI_CHECK(fits, TN_ERR_SHAPE, "%s: shape '%s' is invalid for input of size %lld", who,
              tni_shape_text(text, sizeof text, wanted, ndim), (long long)numel);
    if (open >= 0) sizes[open] = numel / product;
    return true;
}

/* Each run of dims of `a` that lies in memory like one dim is cut into the next wanted sizes, from the last dim on. */
bool tni_view_strides(const tni_array *a, const int64_t *sizes, size_t ndim, int64_t *strides) {
    if (a->contiguous) {
        int64_t stride = 1;
        for (size_t i = ndim; i-- > 0;) {
            strides[i] = stride;
            stride *= TNI_MAX(sizes[i], 1);
        }
        return true;
    }
    int64_t view = (int64_t)ndim - 1, run_stride = a->strides[a->ndim - 1], run = 1, cut = 1;
    for (int i = a->ndim - 1; i >= 0; i--) {
        run *= a->sizes[i];
        bool ends = i == 0 || (a->sizes[i - 1] != 1 && a->strides[i - 1] != run * run_stride);
        if (!ends) continue;
        while (view >= 0 && (cut < run || sizes[view] == 1)) {
            strides[view] = cut * run_stride;
            cut *= sizes[view];
            view--;
        }
        if (cut != run) return false;
        if (i > 0) {
            run_stride = a->strides[i - 1];
            run = cut = 1;
        }
    }
    return view == -1;
}

/* Dims sorted by stride must lie one inside the other without holes. */
bool tni_is_dense(const tni_array *a) {
    if (a->contiguous || a->numel < 2) return true;
    int64_t reached = 1;
    bool used[TNI_MAX_DIMS] = {false};
    for (int round = 0; round < a->ndim; round++) {
        int next = -1;
        for (int i = 0; i < a->ndim; i++)
            if (!used[i] && a->sizes[i] > 1 && (next < 0 || a->strides[i] < a->strides[next])) next = i;
        if (next < 0) break;
        if (a->strides[next] != reached) return false;
        reached *= a->sizes[next];
        used[next] = true;
    }
    return true;
}

bool tni_may_overlap_itself(const tni_array *a) {
    for (int i = 0; i < a->ndim; i++)
        if (a->sizes[i] > 1 && a->strides[i] == 0) return true;
    return false;
}
