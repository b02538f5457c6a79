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
    bool stores;   /* or at least tensors of it: made, copied, saved, read, printed */
} tni_dtype_info;

/* Never NULL; a number that is no dtype gives a row named "invalid" that does not compute. */
const tni_dtype_info *tni_dtype_get(tn_dtype dtype);
extern const uint8_t tni_dtype_sizes[32];
TNI_INLINE size_t tni_dtype_size(tn_dtype dtype) { return tni_dtype_sizes[dtype & 31]; }
#define TNI_DTYPE_BIT(d) (1u << ((d)&31))
TNI_INLINE bool tni_dtype_in(tn_dtype d, uint32_t bits) { return TNI_DTYPE_BIT(d) & bits; }
enum {
    TNI_HALF_BITS = 1 << TN_FLOAT16 | 1 << TN_BFLOAT16,
    TNI_COMPLEX_BITS = 1 << TN_COMPLEX64 | 1 << TN_COMPLEX128,
    TNI_FLOAT_BITS = TNI_HALF_BITS | 1 << TN_FLOAT32 | 1 << TN_FLOAT64,
    TNI_FLOAT8_BITS = 1 << TN_FLOAT8_E5M2 | 1 << TN_FLOAT8_E4M3FN | 1 << TN_FLOAT8_E5M2FNUZ | 1 << TN_FLOAT8_E4M3FNUZ,
    TNI_STORED_BITS = TNI_FLOAT8_BITS | 1 << TN_UINT16 | 1 << TN_UINT32 | 1 << TN_UINT64 /* no kernels, but tensors */
};
/* Floating point: float16, bfloat16, float32, float64. */
TNI_INLINE bool tni_dtype_is_float(tn_dtype d) { return tni_dtype_in(d, TNI_FLOAT_BITS); }
/* The two that kernels over whole tensors are written for; the core widens the others to float32. */
TNI_INLINE bool tni_dtype_is_wide(tn_dtype d) { return d == TN_FLOAT32 || d == TN_FLOAT64; }
TNI_INLINE bool tni_dtype_is_half(tn_dtype d) { return tni_dtype_in(d, TNI_HALF_BITS); }
TNI_INLINE bool tni_dtype_is_complex(tn_dtype d) { return tni_dtype_in(d, TNI_COMPLEX_BITS); }
TNI_INLINE bool tni_dtype_is_float8(tn_dtype d) { return tni_dtype_in(d, TNI_FLOAT8_BITS); }
/* Can a tensor of it require a gradient? */
TNI_INLINE bool tni_dtype_has_grad(tn_dtype d) { return tni_dtype_in(d, TNI_FLOAT_BITS | TNI_COMPLEX_BITS); }
tn_dtype tni_dtype_real(tn_dtype dtype);    /* complex64 -> float32; a real one is its own */
tn_dtype tni_dtype_complex(tn_dtype dtype); /* float32 -> complex64: torch's dtype.to_complex(); others are their own */
bool tni_dtype_is_integral(tn_dtype dtype, bool with_bool);
/* true when dtype has kernels; else an error that names `who` and the dtype */
bool tni_dtype_check(const char *who, tn_dtype dtype);
bool tni_dtype_check_stored(const char *who, tn_dtype dtype); /* the same for there being tensors of it */

/* Can a number be stored as torch stores one: infinities and wrapped negative numbers in an unsigned dtype count, overflow not. */
bool tni_dtype_holds(tn_dtype dtype, double d, int64_t i, bool whole);
const char *tni_dtype_c_name(tn_dtype dtype); /* as messages about such numbers spell it: "int64_t" */

/* torch.promote_types */
tn_dtype tni_promote(tn_dtype a, tn_dtype b);
/* torch.can_cast: may a result of `from` be written into a tensor of `to` in place? */
bool tni_can_cast(tn_dtype from, tn_dtype to);
#endif
