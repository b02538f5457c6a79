/* ops/logical.c - logical_and, logical_or, logical_xor, logical_not; bitwise operators and shifts. */
#include "core/map.h"
#include <tison/ops.h>

/* ---- logical: what is not 0 is true; NaN is true ---- */

#define LOGICAL(name, expr)                                                                                                        \
    TNI_TEST2(name, expr)                                                                                                          \
    TNI_COMPLEX_TEST2(name, expr)                                                                                                  \
    static const tni_map name##_map = TNI_MAP(TNI_TO_BOOL, TNI_TEST_COLUMNS(name), TNI_COMPLEX_COLUMNS(name));
LOGICAL(logical_and, (a != 0) & (b != 0))
LOGICAL(logical_or, (a != 0) | (b != 0))
LOGICAL(logical_xor, (a != 0) ^ (b != 0))
TNI_TEST1(logical_not, a == 0)
TNI_COMPLEX_TEST1(logical_not, a == 0)
static const tni_map logical_not_map = TNI_MAP(TNI_TO_BOOL, TNI_TEST_COLUMNS(logical_not), TNI_COMPLEX_COLUMNS(logical_not));
#define LOGICAL_SAMPLES                                                                                                            \
    TN_SAMPLES("bool[3,4] bool[3,4] @bench", "bool[3,4]^T bool[4]", "i64[5]<2 i64[5]<2", "f32[4]=0 f32[4]", "f16[3] f16[3]=0",     \
               "u8[3]<2 f64[3]", "bool[] bool[2]", "f32[0,3] f32[3]", "c64[2] c64[2]=0", "f32[2]=nan f32[2]=0")

TN_OP(logical_and, .schema = "logical_and(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &logical_and_map, .samples = LOGICAL_SAMPLES);
TN_OP(logical_or, .schema = "logical_or(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &logical_or_map, .samples = LOGICAL_SAMPLES);
TN_OP(logical_xor, .schema = "logical_xor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &logical_xor_map, .samples = LOGICAL_SAMPLES);
TN_OP(logical_not, .schema = "logical_not(Tensor self) -> Tensor", .run = tni_run_map, .inplace = true, .map = &logical_not_map,
      .samples = TN_SAMPLES("bool[3,4] @bench", "i64[5]<2", "f32[3]=nan", "f64[3,4]^T", "f16[2]=0", "u8[]", "f32[0]", "c64[2]"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_logical_and(a, b) TN_BINARY(tn_logical_and, a, b)
#define tn_logical_and_(a, b) TN_BINARY(tn_logical_and_, a, b)
#define tn_logical_or(a, b) TN_BINARY(tn_logical_or, a, b)
#define tn_logical_or_(a, b) TN_BINARY(tn_logical_or_, a, b)
#define tn_logical_xor(a, b) TN_BINARY(tn_logical_xor, a, b)
#define tn_logical_xor_(a, b) TN_BINARY(tn_logical_xor_, a, b)
#define tn_bitwise_and(a, b) TN_BINARY(tn_bitwise_and, a, b)
#define tn_bitwise_and_(a, b) TN_BINARY(tn_bitwise_and_, a, b)
#define tn_bitwise_or(a, b) TN_BINARY(tn_bitwise_or, a, b)
#define tn_bitwise_or_(a, b) TN_BINARY(tn_bitwise_or_, a, b)
#define tn_bitwise_xor(a, b) TN_BINARY(tn_bitwise_xor, a, b)
#define tn_bitwise_xor_(a, b) TN_BINARY(tn_bitwise_xor_, a, b)
#define tn_bitwise_left_shift(a, b) TN_BINARY(tn_bitwise_left_shift, a, b)
#define tn_bitwise_left_shift_(a, b) TN_BINARY(tn_bitwise_left_shift_, a, b)
#define tn_bitwise_right_shift(a, b) TN_BINARY(tn_bitwise_right_shift, a, b)
#define tn_bitwise_right_shift_(a, b) TN_BINARY(tn_bitwise_right_shift_, a, b)
#endif
#endif

/** Are both elements true (not 0)? Broadcast, any dtypes; bool, no gradient: torch.logical_and. [scope] */
TN_API tn_tensor *(tn_logical_and)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_logical_and, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = logical_and(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_logical_and_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_logical_and, TNI_INS(a, b), TNI_NO_ARGS);
}
/** Is one of the two elements true? Broadcast, any dtypes; bool, no gradient: torch.logical_or. [scope] */
TN_API tn_tensor *(tn_logical_or)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_logical_or, TNI_INS(a, b), TNI_NO_ARGS); }
/** a = logical_or(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_logical_or_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_logical_or, TNI_INS(a, b), TNI_NO_ARGS);
}
/** Is just one of the two elements true? Broadcast, any dtypes; bool, no gradient: torch.logical_xor. [scope] */
TN_API tn_tensor *(tn_logical_xor)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_logical_xor, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = logical_xor(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_logical_xor_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_logical_xor, TNI_INS(a, b), TNI_NO_ARGS);
}
/** Is each element 0? bool, no gradient: torch.logical_not. [scope] */
TN_API tn_tensor *(tn_logical_not)(tn_tensor *x) { return tni_run_op(&tni_op_logical_not, TNI_INS(x), TNI_NO_ARGS); }
/** x = logical_not(x), in x's dtype. Returns x. */
TN_API tn_tensor *(tn_logical_not_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_logical_not, TNI_INS(x), TNI_NO_ARGS); }

/* ---- bitwise ---- */

TNI_INT2(bitwise_and, a &b)
TNI_BOOL2(bitwise_and, a &b)
TNI_INT2(bitwise_or, a | b)
TNI_BOOL2(bitwise_or, a | b)
TNI_INT2(bitwise_xor, a ^ b)
TNI_BOOL2(bitwise_xor, a ^ b)
TNI_INT1(bitwise_not, ~a)
TNI_BOOL1(bitwise_not, !a)
#define BITWISE_MAP(name) static const tni_map name##_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(name), TNI_BOOL_COLUMN(name));
BITWISE_MAP(bitwise_and)
BITWISE_MAP(bitwise_or)
BITWISE_MAP(bitwise_xor)
BITWISE_MAP(bitwise_not)
#define BITWISE_SAMPLES                                                                                                            \
    TN_SAMPLES("i64[3,4] i64[3,4] @bench", "i32[3,4]^T i32[4]", "u8[5] u8[]", "i8[4] i16[4]", "bool[3] bool[3]", "bool[3] i64[3]", \
               "i64[0,3] i64[3]", "f32[2] f32[2] !not_implemented")
TN_OP(bitwise_and, .schema = "bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &bitwise_and_map, .samples = BITWISE_SAMPLES);
TN_OP(bitwise_or, .schema = "bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &bitwise_or_map, .samples = BITWISE_SAMPLES);
TN_OP(bitwise_xor, .schema = "bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .inplace = true,
      .map = &bitwise_xor_map, .samples = BITWISE_SAMPLES);
TN_OP(bitwise_not, .schema = "bitwise_not(Tensor self) -> Tensor", .run = tni_run_map, .inplace = true, .map = &bitwise_not_map,
      .samples = TN_SAMPLES("i64[3,4] @bench", "i32[3,4]^T", "u8[5]", "i8[]", "bool[3]", "i64[0,3]", "f32[2] !not_implemented"));

/** The and of the bits, broadcast: torch.bitwise_and. Integers and bool; no gradient. [scope] */
TN_API tn_tensor *(tn_bitwise_and)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_bitwise_and, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = bitwise_and(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_bitwise_and_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_bitwise_and, TNI_INS(a, b), TNI_NO_ARGS);
}
/** The or of the bits, broadcast: torch.bitwise_or. Integers and bool; no gradient. [scope] */
TN_API tn_tensor *(tn_bitwise_or)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_bitwise_or, TNI_INS(a, b), TNI_NO_ARGS); }
/** a = bitwise_or(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_bitwise_or_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_bitwise_or, TNI_INS(a, b), TNI_NO_ARGS);
}
/** The xor of the bits, broadcast: torch.bitwise_xor. Integers and bool; no gradient. [scope] */
TN_API tn_tensor *(tn_bitwise_xor)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_bitwise_xor, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = bitwise_xor(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_bitwise_xor_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_bitwise_xor, TNI_INS(a, b), TNI_NO_ARGS);
}
/** The bits turned over; of bool the opposite: torch.bitwise_not. [scope] */
TN_API tn_tensor *(tn_bitwise_not)(tn_tensor *x) { return tni_run_op(&tni_op_bitwise_not, TNI_INS(x), TNI_NO_ARGS); }
/** x = ~x. Returns x. */
TN_API tn_tensor *(tn_bitwise_not_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_bitwise_not, TNI_INS(x), TNI_NO_ARGS); }

/* ---- shifts: by less than 0 or more than there are bits all bits leave, and only the sign may stay ---- */

#define BITS(a) ((int64_t)(sizeof(a) * 8))
#define OUTSIDE(a, b) ((int64_t)(b) < 0 || (int64_t)(b) >= BITS(a))
TNI_INT2(bitwise_left_shift, OUTSIDE(a, b) ? 0 : TNI_V((uint64_t)(a) << b))
/* Of signed numbers BITS - 1 is enough to leave the sign, of unsigned ones it takes BITS. */
#define LAST(a) (TNI_V(-1) < 0 ? BITS(a) - 1 : BITS(a))
TNI_INT2(bitwise_right_shift, TNI_V((int64_t)(a) >> (OUTSIDE(a, b) ? LAST(a) : (int64_t)(b))))
static const tni_map left_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(bitwise_left_shift)),
                     right_map = TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(bitwise_right_shift));
#define SHIFT_SAMPLES                                                                                                              \
    TN_SAMPLES("i64[3,4] i64[3,4]<9 @bench", "i32[3,4]^T i32[4]<9", "u8[5] u8[]=3", "i8[4] i16[4]<4", "i64[3] i64[]=64",           \
               "i64[3] i64[]=-1", "i32[3] i32[]=40", "u8[3] u8[]=8", "i64[0,3] i64[3]", "bool[2] bool[2] !not_implemented",        \
               "f32[2] f32[2] !not_implemented")
TN_OP(bitwise_left_shift, .schema = "bitwise_left_shift.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map,
      .inplace = true, .map = &left_map, .samples = SHIFT_SAMPLES);
TN_OP(bitwise_right_shift, .schema = "bitwise_right_shift.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map,
      .inplace = true, .map = &right_map, .samples = SHIFT_SAMPLES);

/** a << b, broadcast: torch.bitwise_left_shift. Integers; a count below 0 or not below the number of bits gives 0. [scope] */
TN_API tn_tensor *(tn_bitwise_left_shift)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_bitwise_left_shift, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = bitwise_left_shift(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_bitwise_left_shift_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_bitwise_left_shift, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a >> b with the sign kept, broadcast: torch.bitwise_right_shift. Integers; a count out of range leaves only the sign. [scope] */
TN_API tn_tensor *(tn_bitwise_right_shift)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_bitwise_right_shift, TNI_INS(a, b), TNI_NO_ARGS);
}
/** a = bitwise_right_shift(a, b), in a's dtype. Returns a. */
TN_API tn_tensor *(tn_bitwise_right_shift_)(tn_tensor *a, tn_tensor *b) {
    return tni_run_op_inplace(&tni_op_bitwise_right_shift, TNI_INS(a, b), TNI_NO_ARGS);
}
