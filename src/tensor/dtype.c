/* tensor/dtype.c - element types: sizes, names, kinds, promotion. */
#include "tensor/dtype.h"
#include "base/error.h"
#include <float.h>
#include <math.h>

/* What can be done with a dtype: it has a name only; its tensors are kept, copied, saved and read; they are computed with. */
enum { NAMED, STORES, COMPUTES };

#define ROWS(X)                                                                                                                    \
    X(TN_UINT8, "uint8", "Byte", 1, TNI_KIND_INT, COMPUTES)                                                                        \
    X(TN_INT8, "int8", "Char", 1, TNI_KIND_INT, COMPUTES)                                                                          \
    X(TN_INT16, "int16", "Short", 2, TNI_KIND_INT, COMPUTES)                                                                       \
    X(TN_INT32, "int32", "Int", 4, TNI_KIND_INT, COMPUTES)                                                                         \
    X(TN_INT64, "int64", "Long", 8, TNI_KIND_INT, COMPUTES)                                                                        \
    X(TN_FLOAT16, "float16", "Half", 2, TNI_KIND_FLOAT, COMPUTES)                                                                  \
    X(TN_FLOAT32, "float32", "Float", 4, TNI_KIND_FLOAT, COMPUTES)                                                                 \
    X(TN_FLOAT64, "float64", "Double", 8, TNI_KIND_FLOAT, COMPUTES)                                                                \
    X(TN_COMPLEX32, "complex32", "ComplexHalf", 4, TNI_KIND_COMPLEX, NAMED)                                                        \
    X(TN_COMPLEX64, "complex64", "ComplexFloat", 8, TNI_KIND_COMPLEX, COMPUTES)                                                    \
    X(TN_COMPLEX128, "complex128", "ComplexDouble", 16, TNI_KIND_COMPLEX, COMPUTES)                                                \
    X(TN_BOOL, "bool", "Bool", 1, TNI_KIND_BOOL, COMPUTES)                                                                         \
    X(TN_QINT8, "qint8", "QInt8", 1, TNI_KIND_OTHER, NAMED)                                                                        \
    X(TN_QUINT8, "quint8", "QUInt8", 1, TNI_KIND_OTHER, NAMED)                                                                     \
    X(TN_QINT32, "qint32", "QInt32", 4, TNI_KIND_OTHER, NAMED)                                                                     \
    X(TN_BFLOAT16, "bfloat16", "BFloat16", 2, TNI_KIND_FLOAT, COMPUTES)                                                            \
    X(TN_FLOAT8_E5M2, "float8_e5m2", "Float8_e5m2", 1, TNI_KIND_OTHER, STORES)                                                     \
    X(TN_FLOAT8_E4M3FN, "float8_e4m3fn", "Float8_e4m3fn", 1, TNI_KIND_OTHER, STORES)                                               \
    X(TN_FLOAT8_E5M2FNUZ, "float8_e5m2fnuz", "Float8_e5m2fnuz", 1, TNI_KIND_OTHER, STORES)                                         \
    X(TN_FLOAT8_E4M3FNUZ, "float8_e4m3fnuz", "Float8_e4m3fnuz", 1, TNI_KIND_OTHER, STORES)                                         \
    X(TN_UINT16, "uint16", "UInt16", 2, TNI_KIND_INT, STORES)                                                                      \
    X(TN_UINT32, "uint32", "UInt32", 4, TNI_KIND_INT, STORES)                                                                      \
    X(TN_UINT64, "uint64", "UInt64", 8, TNI_KIND_INT, STORES)

static const tni_dtype_info table[32] = {
#define INFO_ROW(d, name, legacy, bytes, kind, use) [d] = {d, name, legacy, bytes, kind, use == COMPUTES, use != NAMED},
    ROWS(INFO_ROW)
#undef INFO_ROW
};
const uint8_t tni_dtype_sizes[32] = {
#define SIZE_ROW(d, name, legacy, bytes, kind, use) [d] = bytes,
    ROWS(SIZE_ROW)
#undef SIZE_ROW
};

const tni_dtype_info *tni_dtype_get(tn_dtype dtype) {
    static const tni_dtype_info invalid = {TN_DTYPE_NONE, "invalid", "Invalid", 0, TNI_KIND_OTHER, false, false};
    return (int)dtype >= 0 && (int)dtype < 32 && table[dtype].name ? &table[dtype] : &invalid;
}

bool tni_dtype_is_integral(tn_dtype dtype, bool with_bool) {
    int kind = tni_dtype_get(dtype)->kind;
    return kind == TNI_KIND_INT || (with_bool && kind == TNI_KIND_BOOL);
}

tn_dtype tni_dtype_real(tn_dtype dtype) {
    return dtype == TN_COMPLEX64 ? TN_FLOAT32 : dtype == TN_COMPLEX128 ? TN_FLOAT64 : dtype == TN_COMPLEX32 ? TN_FLOAT16 : dtype;
}

tn_dtype tni_dtype_complex(tn_dtype dtype) {
    return dtype == TN_FLOAT32 || dtype == TN_BFLOAT16 ? TN_COMPLEX64
           : dtype == TN_FLOAT64                       ? TN_COMPLEX128
           : dtype == TN_FLOAT16                       ? TN_COMPLEX32
                                                       : dtype;
}

bool tni_dtype_check(const char *who, tn_dtype dtype) {
    const tni_dtype_info *info = tni_dtype_get(dtype);
    TNI_CHECK(info->bytes > 0, TN_ERR_TYPE, "%s: dtype %d is no dtype", who, (int)dtype);
    TNI_CHECK(info->computes, TN_ERR_NOT_IMPLEMENTED, "%s: not implemented for torch.%s in this version", who, info->name);
    return true;
}

bool tni_dtype_check_stored(const char *who, tn_dtype dtype) { return tni_dtype_get(dtype)->stores || tni_dtype_check(who, dtype); }

bool tni_dtype_holds(tn_dtype dtype, double d, int64_t i, bool whole) {
    double value = whole ? (double)i : d, most;
    switch (dtype) {
    case TN_UINT8: return value >= -255 && value <= 255;
    case TN_INT8: return value >= -128 && value <= 127;
    case TN_INT16: return value >= -32768 && value <= 32767;
    case TN_INT32: return value >= -0x1p31 && value <= 0x1p31 - 1;
    case TN_INT64: return whole || (value >= -0x1p63 && value < 0x1p63);
    case TN_FLOAT16: most = 65504; break;
    case TN_BFLOAT16: most = 0x1.FEp127; break;
    case TN_FLOAT32:
    case TN_COMPLEX64: most = FLT_MAX; break;
    default: return true;
    }
    return isinf(value) || !(fabs(value) > most);
}

const char *tni_dtype_c_name(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8: return "uint8_t";
    case TN_INT8: return "int8_t";
    case TN_INT16: return "int16_t";
    case TN_INT32: return "int";
    case TN_INT64: return "int64_t";
    case TN_FLOAT16: return "c10::Half";
    case TN_BFLOAT16: return "c10::BFloat16";
    case TN_FLOAT64: return "double";
    case TN_COMPLEX64: return "c10::complex<float>";
    case TN_COMPLEX128: return "c10::complex<double>";
    case TN_BOOL: return "bool";
    default: return "float";
    }
}

/* torch.promote_types, read off PyTorch for the dtypes below; rows and columns in the order of `order`. */
static const tn_dtype order[] = {TN_UINT8,   TN_INT8,      TN_INT16,     TN_INT32,      TN_INT64, TN_FLOAT16, TN_FLOAT32,
                                 TN_FLOAT64, TN_COMPLEX32, TN_COMPLEX64, TN_COMPLEX128, TN_BOOL,  TN_BFLOAT16};
enum {
    U1 = TN_UINT8,
    I1 = TN_INT8,
    I2 = TN_INT16,
    I4 = TN_INT32,
    I8 = TN_INT64,
    F2 = TN_FLOAT16,
    F4 = TN_FLOAT32,
    F8 = TN_FLOAT64,
    C2 = TN_COMPLEX32,
    C4 = TN_COMPLEX64,
    C8 = TN_COMPLEX128,
    B1 = TN_BOOL,
    BF = TN_BFLOAT16
};
static const int8_t promotion[13][13] = {
    /*        u1  i1  i2  i4  i8  f2  f4  f8  c2  c4  c8  b1  bf */
    /* u1 */ {U1, I2, I2, I4, I8, F2, F4, F8, C2, C4, C8, U1, BF},
    /* i1 */ {I2, I1, I2, I4, I8, F2, F4, F8, C2, C4, C8, I1, BF},
    /* i2 */ {I2, I2, I2, I4, I8, F2, F4, F8, C2, C4, C8, I2, BF},
    /* i4 */ {I4, I4, I4, I4, I8, F2, F4, F8, C2, C4, C8, I4, BF},
    /* i8 */ {I8, I8, I8, I8, I8, F2, F4, F8, C2, C4, C8, I8, BF},
    /* f2 */ {F2, F2, F2, F2, F2, F2, F4, F8, C2, C4, C8, F2, F4},
    /* f4 */ {F4, F4, F4, F4, F4, F4, F4, F8, C4, C4, C8, F4, F4},
    /* f8 */ {F8, F8, F8, F8, F8, F8, F8, F8, C8, C8, C8, F8, F8},
    /* c2 */ {C2, C2, C2, C2, C2, C2, C4, C8, C2, C4, C8, C2, C4},
    /* c4 */ {C4, C4, C4, C4, C4, C4, C4, C8, C4, C4, C8, C4, C4},
    /* c8 */ {C8, C8, C8, C8, C8, C8, C8, C8, C8, C8, C8, C8, C8},
    /* b1 */ {U1, I1, I2, I4, I8, F2, F4, F8, C2, C4, C8, B1, BF},
    /* bf */ {BF, BF, BF, BF, BF, F4, F4, F8, C4, C4, C8, BF, BF},
};

static int row_of(tn_dtype dtype) {
    for (int i = 0; i < (int)TNI_COUNT(order); i++)
        if (order[i] == dtype) return i;
    return -1;
}

tn_dtype tni_promote(tn_dtype a, tn_dtype b) {
    if (a == b) return a;
    int i = row_of(a), j = row_of(b);
    return i < 0 || j < 0 ? TN_DTYPE_NONE : (tn_dtype)promotion[i][j];
}

bool tni_can_cast(tn_dtype from, tn_dtype to) {
    int a = tni_dtype_get(from)->kind, b = tni_dtype_get(to)->kind;
    if (a == TNI_KIND_OTHER || b == TNI_KIND_OTHER) return from == to;
    return a <= b; /* bool < int < float < complex, as the kinds are ordered */
}
