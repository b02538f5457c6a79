/* ops/compare.c - elementwise comparisons: eq, ne, lt, le, gt, ge. The result is bool and has no gradient. */
#include "core/map.h"
#include <tison/ops.h>

#define COMPARE_MAP(name, op, ...)                                                                                                 \
    TNI_TEST2(name, a op b)                                                                                                        \
    static const tni_map name##_map = TNI_MAP(TNI_TO_BOOL, TNI_TEST_COLUMNS(name) __VA_ARGS__);
TNI_COMPLEX_TEST2(eq, a == b)
TNI_COMPLEX_TEST2(ne, a != b)
COMPARE_MAP(eq, ==, , TNI_COMPLEX_COLUMNS(eq))
COMPARE_MAP(ne, !=, , TNI_COMPLEX_COLUMNS(ne))
COMPARE_MAP(lt, <, )
COMPARE_MAP(le, <=, )
COMPARE_MAP(gt, >, )
COMPARE_MAP(ge, >=, )

#define COMPARE_SAMPLES                                                                                                            \
    TN_SAMPLES("f32[3,4] f32[3,4]", "f32[3,4] f32[4]", "i64[5]<3 i64[5]<3", "i64[3] f32[3]", "f64[3,4]^T f64[3,4]",                \
               "bool[4] bool[4]", "u8[4]<3 i32[4]<3", "f32[] f32[2]", "f32[0,3] f32[3]")

TN_OP(eq, .schema = "eq.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &eq_map,
      .samples = COMPARE_SAMPLES);
TN_OP(ne, .schema = "ne.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &ne_map,
      .samples = COMPARE_SAMPLES);
TN_OP(lt, .schema = "lt.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &lt_map,
      .samples = COMPARE_SAMPLES);
TN_OP(le, .schema = "le.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &le_map,
      .samples = COMPARE_SAMPLES);
TN_OP(gt, .schema = "gt.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &gt_map,
      .samples = COMPARE_SAMPLES);
TN_OP(ge, .schema = "ge.Tensor(Tensor self, Tensor other) -> Tensor", .run = tni_run_map, .map = &ge_map,
      .samples = COMPARE_SAMPLES);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_eq(a, b) TN_BINARY(tn_eq, a, b)
#define tn_ne(a, b) TN_BINARY(tn_ne, a, b)
#define tn_lt(a, b) TN_BINARY(tn_lt, a, b)
#define tn_le(a, b) TN_BINARY(tn_le, a, b)
#define tn_gt(a, b) TN_BINARY(tn_gt, a, b)
#define tn_ge(a, b) TN_BINARY(tn_ge, a, b)
#endif
#endif

/** a == b per element, broadcast, of the promoted values; bool: torch.eq. The macros of this family take numbers too. [scope] */
TN_API tn_tensor *(tn_eq)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_eq, TNI_INS(a, b), TNI_NO_ARGS); }
/** a != b per element; true where one is NaN: torch.ne. [scope] */
TN_API tn_tensor *(tn_ne)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_ne, TNI_INS(a, b), TNI_NO_ARGS); }
/** a < b per element: torch.lt. [scope] */
TN_API tn_tensor *(tn_lt)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_lt, TNI_INS(a, b), TNI_NO_ARGS); }
/** a <= b per element: torch.le. [scope] */
TN_API tn_tensor *(tn_le)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_le, TNI_INS(a, b), TNI_NO_ARGS); }
/** a > b per element: torch.gt. [scope] */
TN_API tn_tensor *(tn_gt)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_gt, TNI_INS(a, b), TNI_NO_ARGS); }
/** a >= b per element: torch.ge. [scope] */
TN_API tn_tensor *(tn_ge)(tn_tensor *a, tn_tensor *b) { return tni_run_op(&tni_op_ge, TNI_INS(a, b), TNI_NO_ARGS); }
