/* ops/sparse_places.c - places of sparse tensors as numbers of slices, and what is gathered and scattered by them. */
#include "ops/sparse_places.h"
#include "base/memory.h"
#include "base/sort.h"
#include "ops/sparse.h"
#include <tison/ops.h>

tn_tensor *tni_row_major_copy(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype) {
    tn_tensor *y = t ? tni_give(t, tni_tensor_new(t, who, dtype, x->a.sizes, x->a.ndim)) : NULL;
    return y && tni_copy_array(&y->a, &x->a) ? y : NULL;
}

/* The shape as that of a list of slices: the places, then the dims of the values. */
static size_t as_slices(const tni_array *a, size_t dims, int64_t *sizes) {
    sizes[0] = 1;
    for (size_t d = 0; d < dims; d++) sizes[0] *= a->sizes[d];
    for (size_t d = dims; d < a->ndim; d++) sizes[d - dims + 1] = a->sizes[d];
    return a->ndim - dims + 1;
}

/* The number of the slice that place k stands for. The product of the sizes fits, since that of all dims does. */
static int64_t number_of(const tn_tensor *x, int64_t k) {
    const tni_array *index = &tni_sparse_of(x)->indices->a;
    const int64_t *at = index->data;
    int64_t number = 0;
    for (int64_t d = 0; d < index->sizes[0]; d++) number = number * x->a.sizes[d] + at[d * index->sizes[1] + k];
    return number;
}

static tn_tensor *new_numbers(tni_thread *t, int64_t n) { return tni_give(t, tni_tensor_new(t, "sparse", TN_INT64, &n, 1)); }

static tn_tensor *numbers(tni_thread *t, const tn_tensor *x) {
    int64_t n = tni_sparse_nnz(tni_sparse_of(x));
    tn_tensor *y = new_numbers(t, n);
    for (int64_t k = 0; y && k < n; k++) ((int64_t *)y->a.data)[k] = number_of(x, k);
    return y;
}

bool tni_places_in_order(const tn_tensor *x) {
    for (int64_t k = 1; k < tni_sparse_nnz(tni_sparse_of(x)); k++)
        if (number_of(x, k - 1) >= number_of(x, k)) return false;
    return true;
}

bool tni_add_values(tni_thread *t, tn_tensor *dense, const tn_tensor *x, double alpha) {
    const tni_sparse *s = tni_sparse_of(x);
    int64_t sizes[TNI_MAX_DIMS + 1], strides[TNI_MAX_DIMS + 1], step = 1;
    size_t n = as_slices(&x->a, tni_sparse_dims(s), sizes);
    for (size_t d = n; d-- > 0; step *= TNI_MAX(sizes[d], 1)) strides[d] = step;
    tn_tensor *slices = tni_give(t, tni_tensor_view(t, "sparse", dense, sizes, strides, n, dense->a.offset)), *at = numbers(t, x);
    const tn_index_add_opts opts = {.size = sizeof opts, .alpha = alpha};
    uint32_t version = tni_version_get(dense); /* counted by who calls */
    bool right = slices && at && (tn_index_add_)(slices, 0, at, s->values, &opts);
    __atomic_store_n(tni_version_of(dense), version, __ATOMIC_RELAXED);
    return right;
}

/* ---- coalesce ---- */

static int compare(const void *context, size_t a, size_t b) {
    const int64_t *number = context;
    return number[a] < number[b] ? -1 : number[a] > number[b] ? 1 : a < b ? -1 : a > b;
}

/* The places in order as they are to be taken (*taken), and the group of each; returns the number of groups, -1 with an error. */
static int64_t group(tni_thread *t, const tn_tensor *x, tn_tensor **taken, tn_tensor **groups) {
    tn_tensor *number = numbers(t, x);
    int64_t n = number ? number->a.numel : 0, count = -1, *at = number ? number->a.data : NULL;
    size_t bytes = ((size_t)n + 1) * sizeof(size_t), *order = number ? tni_alloc(bytes) : NULL;
    *taken = order ? new_numbers(t, n) : NULL;
    *groups = *taken ? new_numbers(t, n) : NULL;
    if (*groups) tni_sort(order, (size_t)n, compare, at);
    for (int64_t k = 0; *groups && k < n; k++) {
        int64_t now = (int64_t)order[k];
        count += k == 0 || at[now] != at[order[k - 1]];
        ((int64_t *)(*taken)->a.data)[k] = now;
        ((int64_t *)(*groups)->a.data)[k] = count;
    }
    tni_free(order, bytes);
    return *groups ? count + 1 : -1;
}

/* The coordinates of the first place of each group. */
static tn_tensor *first_places(tni_thread *t, const tni_sparse *s, const tn_tensor *taken, const tn_tensor *groups, int64_t count) {
    int64_t dims = (int64_t)tni_sparse_dims(s), n = taken->a.numel;
    const int64_t *from = s->indices->a.data, *order = taken->a.data, *group_of = groups->a.data;
    tn_tensor *y = tni_give(t, tni_tensor_new(t, "coalesce", TN_INT64, (const int64_t[]){dims, count}, 2));
    for (int64_t k = n; y && k-- > 0;)
        for (int64_t d = 0; d < dims; d++) ((int64_t *)y->a.data)[d * count + group_of[k]] = from[d * n + order[k]];
    return y;
}

tn_tensor *tni_coalesced(tni_thread *t, const char *who, const tn_tensor *x) {
    const tni_sparse *s = tni_sparse_of(x);
    tn_tensor *taken, *groups;
    int64_t sizes[TNI_MAX_DIMS + 1], count = group(t, x, &taken, &groups);
    if (count < 0) return NULL;
    sizes[0] = count;
    for (int d = 1; d < s->values->a.ndim; d++) sizes[d] = s->values->a.sizes[d];
    tn_tensor *index = first_places(t, s, taken, groups, count), *sorted = index ? tn_index_select(s->values, 0, taken) : NULL,
              *sums = sorted ? tni_give(t, tni_tensor_zeros(t, who, (tn_dtype)x->a.dtype, sizes, s->values->a.ndim)) : NULL;
    if (!sums || !(tn_index_add_)(sums, 0, groups, sorted, NULL)) return NULL;
    return tni_sparse_new(t, who, index, sums, x->a.sizes, x->a.ndim, true);
}

/* ---- from dense ---- */

/* The coordinates of slices by their numbers. */
static tn_tensor *coordinates(tni_thread *t, const tn_tensor *number, const tni_array *like, size_t dims) {
    int64_t n = number->a.numel;
    tn_tensor *y = tni_give(t, tni_tensor_new(t, "to_sparse", TN_INT64, (const int64_t[]){(int64_t)dims, n}, 2));
    for (int64_t k = 0; y && k < n; k++) {
        int64_t rest = ((const int64_t *)number->a.data)[k];
        for (size_t d = dims; d-- > 0; rest /= like->sizes[d]) ((int64_t *)y->a.data)[(int64_t)d * n + k] = rest % like->sizes[d];
    }
    return y;
}

tn_tensor *tni_sparse_of_dense(tni_thread *t, const char *who, const tn_tensor *x, size_t dims) {
    int64_t sizes[TNI_MAX_DIMS + 1];
    size_t n = as_slices(&x->a, dims, sizes);
    tn_tensor *plain = tni_row_major_copy(t, who, x, (tn_dtype)x->a.dtype), *slices = plain ? (tn_view)(plain, sizes, n) : NULL;
    tn_tensor *rows = slices ? (tn_reshape)(slices, (const int64_t[]){sizes[0], sizes[0] ? x->a.numel / sizes[0] : 0}, 2) : NULL;
    tn_tensor *set = rows ? tn_any(tn_ne(rows, 0), 1) : NULL, *number = set ? tn_nonzero(set) : NULL;
    if (!number || !(number = (tn_reshape)(number, (const int64_t[]){number->a.numel}, 1))) return NULL;
    if (!(number = tni_row_major_copy(t, who, number, TN_INT64))) return NULL;
    tn_tensor *index = coordinates(t, number, &x->a, dims), *values = index ? tn_index_select(slices, 0, number) : NULL;
    return tni_sparse_new(t, who, index, values, x->a.sizes, x->a.ndim, true);
}

/* ---- part of the graph ---- */

tn_tensor *tni_values_at(tn_tensor *y, tn_tensor *x) {
    if (!x || !(y = tn_to_dense(y))) return NULL;
    int64_t sizes[TNI_MAX_DIMS + 1];
    size_t n = as_slices(&x->a, tni_sparse_dims(tni_sparse_of(x)), sizes);
    tn_tensor *at = numbers(tni_self(), x), *slices = at ? (tn_reshape)(y, sizes, n) : NULL;
    return slices ? tn_index_select(slices, 0, at) : NULL;
}

tn_tensor *tni_with_values(tn_tensor *x, tn_tensor *values) {
    if (!x || !values) return NULL;
    const tni_sparse *s = tni_sparse_of(x);
    return (tn_sparse_coo_tensor)(s->indices, values, x->a.sizes, x->a.ndim,
                                  &(tn_sparse_coo_opts){.size = sizeof(tn_sparse_coo_opts), .is_coalesced = s->coalesced});
}

tn_tensor *tni_pattern(tn_tensor *x) {
    if (!x || tni_sparse_of(x)->coalesced) return x;
    TN_NO_GRAD;
    tni_thread *t = tni_self();
    return tni_give(t, tni_coalesced(t, "sparse_mask", x));
}

tn_tensor *tni_sparse_mask(tn_tensor *dy, tn_tensor *x) {
    tn_tensor *pattern = tni_pattern(x);
    return tni_with_values(pattern, tni_values_at(dy, pattern));
}
