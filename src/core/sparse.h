/* core/sparse.h - sparse tensors in coordinate form: what stands in a storage in the place of elements. */
#ifndef TNI_SPARSE_H
#define TNI_SPARSE_H
#include "core/tensor.h"

/* Element k of the values, a number or for hybrid tensors a whole slice, stands at the coordinates indices[:, k]; those of one place are
 * summed. Both tensors are claimed, need no gradient, and nobody writes into them. */
typedef struct tni_sparse {
    tn_tensor *indices; /* (sparse dims, nnz) int64, row-major, inside of the shape */
    tn_tensor *values;  /* (nnz, dense dims...) row-major, of the tensor's dtype */
    bool coalesced;     /* each place once, in row-major order */
} tni_sparse;

TNI_INLINE bool tni_is_sparse(const tn_tensor *x) { return x->a.device == TNI_SPARSE; }
TNI_INLINE tni_sparse *tni_sparse_of(const tn_tensor *x) { return x->a.storage->context; }
TNI_INLINE int64_t tni_sparse_nnz(const tni_sparse *s) { return s->indices->a.sizes[1]; }
TNI_INLINE size_t tni_sparse_dims(const tni_sparse *s) { return (size_t)s->indices->a.sizes[0]; }

/* A tensor without claims over such parts, which are taken as they are; NULL with an error, or when a part is NULL. */
tn_tensor *tni_sparse_new(tni_thread *t, const char *who, tn_tensor *indices, tn_tensor *values, const int64_t *sizes, size_t ndim,
                          bool coalesced);
/* x's places with other values, or none at all. */
tn_tensor *tni_sparse_with(tni_thread *t, const char *who, const tn_tensor *x, tn_tensor *values);
tn_tensor *tni_sparse_empty(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype);
/* A copy with memory of its own, converted. */
tn_tensor *tni_sparse_copy(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype);
/* Where what is made like x is, with the device of an option: NULL is x's own, and a sparse tensor is on the CPU. false with an error. */
bool tni_device_like(const char *text, const tn_tensor *x, int8_t *device);
/* Exchanges the elements of two sparse tensors of one shape and dtype; all that share their storages see it. */
void tni_sparse_exchange(tn_tensor *x, tn_tensor *y);
/* copy_() of a sparse tensor and one that is not: what is said, and false. */
const char *tni_mixed_copy_text(const tn_tensor *to, const tn_tensor *from, char *text, size_t room);
bool tni_refuse_mixed_copy(const tn_tensor *to, const tn_tensor *from);
#endif
