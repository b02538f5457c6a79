/* core/sparse.c - sparse tensors in coordinate form: making, copying, exchanging what they hold. */
#include "core/sparse.h"
#include "base/error.h"
#include "base/memory.h"
#include <stdio.h>

/* A view of such a storage must find one element in it; the strides are 0. */
enum { SEEN_BYTES = 16 };

static void release_parts(void *context) {
    tni_sparse *s = context;
    tni_release(&s->indices->object);
    tni_release(&s->values->object);
    tni_free(s, sizeof *s);
}

static tni_storage *new_storage(tn_tensor *indices, tn_tensor *values, bool coalesced) {
    tni_sparse *s = tni_alloc(sizeof *s);
    tni_storage *storage = s ? tni_storage_wrap(NULL, SEEN_BYTES, release_parts, s) : NULL;
    if (!storage) {
        if (s) tni_free(s, sizeof *s);
        return NULL;
    }
    *s = (tni_sparse){tni_claimed(indices), tni_claimed(values), coalesced};
    storage->device = TNI_SPARSE;
    return storage;
}

tn_tensor *tni_sparse_new(tni_thread *t, const char *who, tn_tensor *indices, tn_tensor *values, const int64_t *sizes, size_t ndim,
                          bool coalesced) {
    static const int64_t strides[TNI_MAX_DIMS];
    tni_storage *storage = indices && values ? new_storage(indices, values, coalesced) : NULL;
    tn_tensor *x = storage ? tni_object_new(t, TNI_TENSOR, sizeof *x) : NULL;
    bool right = x && tni_array_view(&x->a, who, storage, (tn_dtype)values->a.dtype, sizes, strides, ndim, 0);
    if (right) x->inference = t->inference;
    tni_storage_release(storage);
    if (right) return x;
    tni_tensor_destroy_new(t, x);
    return NULL;
}

tn_tensor *tni_sparse_with(tni_thread *t, const char *who, const tn_tensor *x, tn_tensor *values) {
    const tni_sparse *s = tni_sparse_of(x);
    return tni_sparse_new(t, who, s->indices, values, x->a.sizes, x->a.ndim, s->coalesced);
}

/* Of new parts without claims: they go with the tensor, or at once when there is none. */
static tn_tensor *new_of_own(tni_thread *t, const char *who, const tn_tensor *x, tn_tensor *indices, tn_tensor *values,
                             bool coalesced) {
    if (indices) tni_claim(&indices->object);
    if (values) tni_claim(&values->object);
    tn_tensor *y = tni_sparse_new(t, who, indices, values, x->a.sizes, x->a.ndim, coalesced);
    if (indices) tni_release(&indices->object);
    if (values) tni_release(&values->object);
    return y;
}

tn_tensor *tni_sparse_empty(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype) {
    const tni_sparse *s = tni_sparse_of(x);
    int64_t places[2] = {(int64_t)tni_sparse_dims(s), 0}, sizes[TNI_MAX_DIMS] = {0};
    for (int d = 1; d < s->values->a.ndim; d++) sizes[d] = s->values->a.sizes[d];
    tn_tensor *indices = tni_tensor_new(t, who, TN_INT64, places, 2);
    tn_tensor *values = indices ? tni_tensor_new(t, who, dtype, sizes, s->values->a.ndim) : NULL;
    return new_of_own(t, who, x, indices, values, true);
}

static tn_tensor *copy_part(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype) {
    tn_tensor *y = tni_tensor_new_like(t, who, x, dtype);
    if (y && tni_copy_array(&y->a, &x->a)) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

tn_tensor *tni_sparse_copy(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype) {
    const tni_sparse *s = tni_sparse_of(x);
    tn_tensor *indices = copy_part(t, who, s->indices, TN_INT64), *values = indices ? copy_part(t, who, s->values, dtype) : NULL;
    return new_of_own(t, who, x, indices, values, s->coalesced);
}

bool tni_device_like(const char *text, const tn_tensor *x, int8_t *device) {
    TNI_TRY(tni_device_parse(text, x->a.device, device));
    if (*device == TNI_CPU && tni_is_sparse(x)) *device = TNI_SPARSE;
    return true;
}

void tni_sparse_exchange(tn_tensor *x, tn_tensor *y) {
    tni_sparse *a = tni_sparse_of(x), *b = tni_sparse_of(y), kept = *a;
    *a = *b;
    *b = kept;
}

static const char *type_name(const tn_tensor *x) { return tni_dtype_get((tn_dtype)x->a.dtype)->legacy; }

const char *tni_mixed_copy_text(const tn_tensor *to, const tn_tensor *from, char *text, size_t room) {
    snprintf(text, room,
             "copy_() between dense and sparse Tensors is not implemented! Found self type = torch.%s%sTensor and src type = "
             "torch.%s%sTensor",
             tni_is_sparse(to) ? "sparse." : "", type_name(to), tni_is_sparse(from) ? "sparse." : "", type_name(from));
    return text;
}

bool tni_refuse_mixed_copy(const tn_tensor *to, const tn_tensor *from) {
    char text[256];
    return tni_fail(TN_ERR_RUNTIME, "%s", tni_mixed_copy_text(to, from, text, sizeof text));
}
