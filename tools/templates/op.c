/* ops/NAME.c - NAME: what it computes. */
#include "core/map.h"
#include <tison/ops.h>

/* The loops: one expression over `a` for each group of dtypes (core/loop.h). float16 and bfloat16 come from float32's. */
TNI_INT1(NAME, a *a)
TNI_FLOAT1(NAME, a *a)
static const tni_map NAME_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(NAME));

/* d/dx = 2 x. A formula over operators: right for every dtype and differentiable again. */
static bool NAME_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_mul(tni_saved(g, TNI_IN(0)), 2)));
    return true;
}

TN_OP(NAME, .schema = "NAME(Tensor self) -> Tensor", .grad_name = "NAMEBackward0", .run = tni_run_map, .map = &NAME_map,
      .inplace = true, .vjp = NAME_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "f32[0,3]", "i64[5]", "bf16[4]", "bool[2] !not_implemented"));

/** What it computes, as a formula: torch.NAME.
 *  x        dtypes, shape
 *  returns  x's shape and dtype [scope]; errors
 */
TN_API tn_tensor *(tn_NAME)(tn_tensor *x) { return tni_run_op(&tni_op_NAME, TNI_INS(x), TNI_NO_ARGS); }
/** x = NAME(x). Returns x. */
TN_API tn_tensor *(tn_NAME_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_NAME, TNI_INS(x), TNI_NO_ARGS); }
