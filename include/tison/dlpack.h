/* tison/dlpack.h - tensors to and from other libraries of the same process, without a copy: DLPack 1.x. */
#ifndef TISON_DLPACK_H
#define TISON_DLPACK_H
#include <tison/tensor.h>
TN_BEGIN_DECLS

/* The structs of DLPack's ABI under names of our own: a pointer to one is a pointer to DLTensor, DLManagedTensor, ... of a header that
 * declares those, and may be cast. */
typedef struct tn_dl_device {
    int32_t type; /* 1: cpu */
    int32_t id;
} tn_dl_device;

typedef struct tn_dl_dtype {
    uint8_t
        code; /* 0 int, 1 unsigned, 2 float, 4 bfloat16, 5 complex, 6 bool, 10 float8_e4m3fn, 11 e4m3fnuz, 12 e5m2, 13 e5m2fnuz */
    uint8_t bits;
    uint16_t lanes;
} tn_dl_dtype;

typedef struct tn_dl_tensor {
    void *data;
    tn_dl_device device;
    int32_t ndim;
    tn_dl_dtype dtype;
    int64_t *shape;
    int64_t *strides;     /* in elements; NULL: row-major */
    uint64_t byte_offset; /* of the first element from data */
} tn_dl_tensor;

/** What travels: since DLPack 1.0, in Python a capsule named "dltensor_versioned". */
typedef struct tn_dl_versioned {
    struct {
        uint32_t major, minor;
    } version;
    void *context; /* the producer's */
    void (*deleter)(struct tn_dl_versioned *self);
    uint64_t flags; /* TN_DL_READ_ONLY, TN_DL_IS_COPIED */
    tn_dl_tensor tensor;
} tn_dl_versioned;

/** The same before DLPack 1.0, in Python a capsule named "dltensor". */
typedef struct tn_dl_legacy {
    tn_dl_tensor tensor;
    void *context;
    void (*deleter)(struct tn_dl_legacy *self);
} tn_dl_legacy;

enum { TN_DL_MAJOR = 1, TN_DL_READ_ONLY = 1, TN_DL_IS_COPIED = 2 };

/** Hands x out: torch.utils.dlpack.to_dlpack, x.__dlpack__(max_version=(1, 0)). The memory is shared and stays until the consumer calls
 *  deleter(result), once, from any thread.
 *  returns  [new]; NULL with TN_ERR_RUNTIME for a tensor that requires a gradient (detach it first) or has no elements yet
 */
TN_API tn_dl_versioned *tn_to_dlpack(tn_tensor *x);

/** A tensor on another library's memory: torch.from_dlpack. Its deleter is called once, when the last tensor on the memory is gone, or
 *  at once where the elements are copied (TN_DL_READ_ONLY). When this fails, `managed` still belongs to the caller.
 *  managed  cpu, one lane, at most 64 dims, strides of 0 or above, elements at multiples of their size
 *  returns  [scope]; NULL with TN_ERR_NOT_IMPLEMENTED (device, dtype, version), TN_ERR_VALUE, TN_ERR_SHAPE
 */
TN_API tn_tensor *tn_from_dlpack(tn_dl_versioned *managed);
/** The same for the older form. */
TN_API tn_tensor *tn_from_dlpack_legacy(tn_dl_legacy *managed);

TN_END_DECLS
#endif
