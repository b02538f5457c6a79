/* ops/linalg_matrix_exp.c - linalg_matrix_exp: the exponential of matrices. */
#include "cpu/matrix_exp.h"
#include "ops/linalg.h"
#include <tison/ops.h>

typedef struct matrices {
    const char *x;
    char *y;
    int64_t n;
    tn_dtype dtype;
} matrices;

static bool one(int64_t i, void *context) {
    const matrices *m = context;
    size_t at = (size_t)(i * m->n * m->n) * tni_dtype_size(m->dtype);
    return tni_matrix_exp(m->dtype, m->x + at, m->y + at, m->n);
}

static bool linalg_matrix_exp_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(tni_linalg_check_matrix("linalg.matrix_exp", "A", c->in[0], true));
    TNI_TRY(tni_linalg_check_dtype("linalg.matrix_exp", "linalg_matrix_exp", c->in[0]));
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, x->sizes, x->ndim));
    const tni_array *rows = tni_in_as(c, 0, (tn_dtype)x->dtype);
    if (!rows) return false;
    matrices m = {rows->data, c->out[0]->a.data, tni_last(c->in[0], 0), (tn_dtype)x->dtype};
    return tni_linalg_each(tni_linalg_count(c->in[0]), 10 * m.n * m.n * m.n, one, &m);
}

/* exp(A^H, Y'; 0, A^H) has the derivative in its upper right corner. */
static bool linalg_matrix_exp_vjp(tni_vjp *g) {
    tn_tensor *a = tni_adjoint(tni_saved(g, TNI_IN(0))), *zeros = a ? tn_zeros_like(a) : NULL;
    if (!zeros) return false;
    int64_t n = tni_last(a, 0);
    tn_tensor *both = tni_joined(tni_joined(a, g->dy[0], -1), tni_joined(zeros, a, -1), -2);
    both = both ? tn_linalg_matrix_exp(both) : NULL;
    TNI_DX(g, 0, both ? tn_narrow(tn_narrow(both, -2, 0, n), -1, n, n) : NULL);
    return true;
}

TN_OP(linalg_matrix_exp, .schema = "linalg_matrix_exp(Tensor self) -> Tensor", .grad_name = "LinalgMatrixExpBackward0",
      .run = linalg_matrix_exp_run, .vjp = linalg_matrix_exp_vjp, .save = TNI_IN(0), .widen = true,
      .samples = TN_SAMPLES("f32[3,3] @bench small", "f64[2,3,3] small", "f64[3,3]^T small", "f32[1,1]", "f64[2,1,1] small",
                            "f64[3,3]=0.001 small", "f64[3,3]=0.01 small", "f64[3,3]=0.1 small", "f64[3,3]=0.3 small",
                            "f64[2,2]>5 small", "f64[3,3]=0 small nograd", "f32[2,2]=inf nograd", "f32[0,0]", "f32[0,3,3]",
                            "c64[3,3] small", "c128[2,2,2]^T small", "c128[3,3]=0.01 small", "c64[1,1]", "c64[2,2]=inf nograd",
                            "f32[3] !shape", "f32[3,4] !shape", "i64[3,3] !dtype"));

/** 1 + A + A A / 2 + A A A / 6 + ... of each matrix: torch.linalg.matrix_exp.
 *  a        (..., n, n), floating point or complex; 16-bit ones are computed in float32 (PyTorch 2.13 gives no usable numbers for them)
 *  returns  a's shape [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE
 */
TN_API tn_tensor *tn_linalg_matrix_exp(tn_tensor *a) { return tni_run_op(&tni_op_linalg_matrix_exp, TNI_INS(a), TNI_NO_ARGS); }
