/* tensor/dtype.h - element types: sizes, names, kinds, promotion. */
#ifndef TNI_DTYPE_H
#define TNI_DTYPE_H
#include "base/base.h"

typedef enum { TNI_KIND_BOOL, TNI_KIND_INT, TNI_KIND_FLOAT, TNI_KIND_COMPLEX, TNI_KIND_OTHER } tni_dtype_kind;

typedef struct tni_dtype_info {
    tn_dtype dtype;
    const char *name;   /* "float32": torch.float32 */
    const char *legacy; /* "Float": torch.FloatTensor */
    uint8_t bytes;
    uint8_t kind;  /* tni_dtype_kind */
    bool computes; /* this version has kernels for it */
} tni_dtype_info;

/* Never NULL; a number that is no dtype gives a row named "invalid" that does not compute. */
const tni_dtype_info *tni_dtype_get(tn_dtype dtype);
extern const uint8_t tni_dtype_sizes[32];
TNI_INLINE size_t tni_dtype_size(tn_dtype dtype) { return tni_dtype_sizes[dtype & 31]; }
TNI_INLINE bool tni_dtype_is_float(tn_dtype d) { return d == TN_FLOAT32 || d == TN_FLOAT64; }
bool tni_dtype_is_integral(tn_dtype dtype, bool with_bool);
/* true when dtype has kernels; else an error that names `who` and the dtype */
bool tni_dtype_check(const char *who, tn_dtype dtype);

/* torch.promote_types */
tn_dtype tni_promote(tn_dtype a, tn_dtype b);
/* torch.can_cast: may a result of `from` be written into a tensor of `to` in place? */
bool tni_can_cast(tn_dtype from, tn_dtype to);
#endif
