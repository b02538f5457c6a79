/* core/dlpack.c - tensors to and from other libraries of the process without a copy: DLPack. */
#include "base/error.h"
#include "base/memory.h"
#include "core/tensor.h"
#include <string.h>
#include <tison/dlpack.h>

enum { CPU = 1, MINOR = 1 };

static const struct pair {
    tn_dtype dtype;
    uint8_t code, bits;
} pairs[] = {
    {TN_INT8, 0, 8},
    {TN_INT16, 0, 16},
    {TN_INT32, 0, 32},
    {TN_INT64, 0, 64},
    {TN_UINT8, 1, 8},
    {TN_UINT16, 1, 16},
    {TN_UINT32, 1, 32},
    {TN_UINT64, 1, 64},
    {TN_FLOAT16, 2, 16},
    {TN_FLOAT32, 2, 32},
    {TN_FLOAT64, 2, 64},
    {TN_BFLOAT16, 4, 16},
    {TN_COMPLEX64, 5, 64},
    {TN_COMPLEX128, 5, 128},
    {TN_BOOL, 6, 8},
    {TN_FLOAT8_E4M3FN, 10, 8},
    {TN_FLOAT8_E4M3FNUZ, 11, 8},
    {TN_FLOAT8_E5M2, 12, 8},
    {TN_FLOAT8_E5M2FNUZ, 13, 8},
};

/* ---- out ---- */

/* One block: the struct that travels, what it holds, its sizes and strides. */
typedef struct exported {
    tn_dl_versioned managed;
    tni_storage *storage;
    size_t bytes;
    int64_t dims[];
} exported;

static void delete_exported(tn_dl_versioned *self) {
    exported *e = (exported *)(void *)self;
    (void)tni_self(); /* a thread that was never here before hands its cache back when it ends */
    tni_storage_release(e->storage);
    tni_free(e, e->bytes);
}

static tn_dl_dtype dtype_out(tn_dtype dtype) {
    for (size_t k = 0; k < TNI_COUNT(pairs); k++)
        if (pairs[k].dtype == dtype) return (tn_dl_dtype){pairs[k].code, pairs[k].bits, 1};
    return (tn_dl_dtype){0, 0, 0};
}

tn_dl_versioned *tn_to_dlpack(tn_tensor *x) {
    if (!tni_self() || tni_failed()) return NULL;
    TNI_CHECK_TENSOR("to_dlpack", x);
    if (tni_wants_grad(x))
        return (void)tni_fail(TN_ERR_RUNTIME, "Can't export tensors that require gradient, use tensor.detach()"), NULL;
    if (x->a.device == TNI_SPARSE) return (void)tni_refuse_values(TNI_SPARSE), NULL;
    if (x->a.device != TNI_CPU) return (void)tni_fail(TN_ERR_RUNTIME, "Cannot pack tensors on meta"), NULL;
    const tni_array *a = &x->a;
    tn_dl_dtype dtype = dtype_out((tn_dtype)a->dtype);
    if (!a->storage || dtype.lanes == 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "to_dlpack: DLPack has no form for this tensor of torch.%s",
                              tni_dtype_get((tn_dtype)a->dtype)->name),
               NULL;
    size_t bytes = sizeof(exported) + 2 * a->ndim * sizeof(int64_t);
    exported *e = tni_alloc(bytes);
    if (!e) return NULL;
    memcpy(e->dims, a->sizes, a->ndim * sizeof(int64_t));
    memcpy(e->dims + a->ndim, a->strides, a->ndim * sizeof(int64_t));
    e->bytes = bytes;
    e->storage = tni_storage_share(a->storage);
    e->managed = (tn_dl_versioned){
        .version = {TN_DL_MAJOR, MINOR},
        .deleter = delete_exported,
        .tensor = {a->numel ? a->data : NULL, {CPU, 0}, a->ndim, dtype, e->dims, e->dims + a->ndim, 0},
    };
    return &e->managed;
}

/* ---- in ---- */

static tn_dtype dtype_in(tn_dl_dtype d) {
    for (size_t k = 0; k < TNI_COUNT(pairs); k++)
        if (pairs[k].code == d.code && pairs[k].bits == d.bits && d.lanes == 1) return pairs[k].dtype;
    return TN_DTYPE_NONE;
}

typedef struct imported {
    tn_dtype dtype;
    void *data;
    size_t bytes; /* up to the last element */
    int64_t strides[TNI_MAX_DIMS];
} imported;

static bool check_header(const tn_dl_tensor *d, imported *in) {
    TNI_CHECK(d->device.type == CPU, TN_ERR_NOT_IMPLEMENTED,
              "from_dlpack: memory of device type %d, only the cpu's (1) is supported", d->device.type);
    in->dtype = dtype_in(d->dtype);
    TNI_CHECK(in->dtype != TN_DTYPE_NONE, TN_ERR_NOT_IMPLEMENTED, "from_dlpack: no dtype for code %d, %d bits, %d lanes",
              d->dtype.code, d->dtype.bits, d->dtype.lanes);
    TNI_CHECK(d->ndim >= 0 && d->ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "from_dlpack: %d dimensions, 0 to %d are supported", d->ndim,
              (int)TNI_MAX_DIMS);
    TNI_CHECK(d->shape || d->ndim == 0, TN_ERR_VALUE, "from_dlpack: the shape is NULL");
    return true;
}

/* Strides and the reach of the elements; TNI_MAX_DIMS strides have room. */
static bool measure(const tn_dl_tensor *d, imported *in) {
    int64_t numel, stride = 1, last = 0, step, bytes;
    TNI_TRY(tni_shape_numel("from_dlpack", d->shape, (size_t)d->ndim, tni_dtype_size(in->dtype), &numel));
    for (int k = d->ndim - 1; k >= 0; k--) {
        in->strides[k] = d->strides ? d->strides[k] : stride;
        TNI_CHECK(in->strides[k] >= 0 || numel == 0, TN_ERR_VALUE, "from_dlpack: stride[%d] = %lld must not be negative", k,
                  (long long)in->strides[k]);
        if (numel == 0) in->strides[k] = stride;
        stride *= TNI_MAX(d->shape[k], 1);
        TNI_CHECK(numel == 0 || (TNI_MUL(d->shape[k] - 1, in->strides[k], &step) && TNI_ADD(last, step, &last)), TN_ERR_SHAPE,
                  "from_dlpack: size[%d] = %lld with stride %lld is out of the range of addresses", k, (long long)d->shape[k],
                  (long long)in->strides[k]);
    }
    TNI_CHECK(TNI_ADD(last, (int64_t)(numel > 0), &last) && TNI_MUL(last, (int64_t)tni_dtype_size(in->dtype), &bytes), TN_ERR_SHAPE,
              "from_dlpack: the strides are out of the range of addresses");
    in->bytes = (size_t)bytes;
    uintptr_t at = (uintptr_t)d->data;
    TNI_CHECK(numel == 0 || d->data, TN_ERR_VALUE, "from_dlpack: the data is NULL");
    TNI_CHECK(numel == 0 || (TNI_ADD(at, (uintptr_t)d->byte_offset, &at) && at <= UINTPTR_MAX - in->bytes), TN_ERR_VALUE,
              "from_dlpack: byte_offset %llu is out of the range of addresses", (unsigned long long)d->byte_offset);
    size_t align = tni_dtype_size(tni_dtype_real(in->dtype));
    TNI_CHECK(numel == 0 || at % align == 0, TN_ERR_VALUE,
              "from_dlpack: data is not aligned to the %zu bytes of torch.%s; copy it first", align,
              tni_dtype_get(in->dtype)->name);
    in->data = numel ? (char *)d->data + d->byte_offset : NULL;
    return true;
}

static void delete_versioned(void *managed) {
    tn_dl_versioned *m = managed;
    if (m->deleter) m->deleter(m);
}
static void delete_legacy(void *managed) {
    tn_dl_legacy *m = managed;
    if (m->deleter) m->deleter(m);
}

/* A tensor on the memory, without claims. A failure leaves `managed` to the caller. */
static tn_tensor *wrap(tni_thread *t, const tn_dl_tensor *d, void (*destroy)(void *), void *managed) {
    imported in;
    if (!check_header(d, &in) || !measure(d, &in)) return NULL;
    tn_tensor *x = tni_object_new(t, TNI_TENSOR, sizeof *x);
    tni_storage *s = x ? tni_storage_wrap(in.data, in.bytes, destroy, managed) : NULL;
    bool made = s && tni_array_view(&x->a, "from_dlpack", s, in.dtype, d->shape, in.strides, (size_t)d->ndim, 0);
    if (s && !made) s->destroy = NULL;
    tni_storage_release(s);
    if (made) {
        x->inference = t->inference;
        return x;
    }
    tni_tensor_destroy_new(t, x);
    return NULL;
}

static tn_tensor *give(tni_thread *t, tn_tensor *x) {
    if (x && tni_scope_claim(t, &x->object)) return x;
    if (x) {
        x->a.storage->destroy = NULL; /* it failed: the memory is still the caller's */
        tni_tensor_destroy_new(t, x);
    }
    return NULL;
}

/* The consumer promised not to write: so its elements are copied, since any tensor can be written here. */
static tn_tensor *copy_read_only(tni_thread *t, tn_dl_versioned *m) {
    tn_tensor *view = wrap(t, &m->tensor, NULL, NULL), *x = NULL;
    if (view) x = tni_tensor_new(t, "from_dlpack", (tn_dtype)view->a.dtype, view->a.sizes, view->a.ndim);
    bool right = x && tni_copy_array(&x->a, &view->a);
    tni_tensor_destroy_new(t, view);
    if (x && !right) tni_tensor_destroy_new(t, x);
    if (!right || !(x = tni_give(t, x))) return NULL;
    delete_versioned(m);
    return x;
}

tn_tensor *tn_from_dlpack(tn_dl_versioned *m) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    if (!m) return (void)tni_fail(TN_ERR_TYPE, "from_dlpack: argument 'managed' is NULL"), NULL;
    if (m->version.major != TN_DL_MAJOR)
        return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "from_dlpack: version %u.%u of DLPack, only 1.x is supported",
                              m->version.major, m->version.minor),
               NULL;
    if (m->flags & TN_DL_READ_ONLY) return copy_read_only(t, m);
    return give(t, wrap(t, &m->tensor, delete_versioned, m));
}

tn_tensor *tn_from_dlpack_legacy(tn_dl_legacy *m) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    if (!m) return (void)tni_fail(TN_ERR_TYPE, "from_dlpack: argument 'managed' is NULL"), NULL;
    return give(t, wrap(t, &m->tensor, delete_legacy, m));
}
