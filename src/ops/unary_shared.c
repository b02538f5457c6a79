/* ops/unary_shared.c - see ops/unary.h. */
#include "ops/unary.h"

bool tni_one_pass(tni_vjp *g, uint32_t which, tni_loop *const *loops, bool *done) {
    tn_tensor *dy = g->dy[0], *y = tni_saved(g, which);
    if (!y) return false;
    *done = dy->a.dtype == y->a.dtype && tni_dtype_is_wide((tn_dtype)y->a.dtype) && tni_same_shape(&dy->a, &y->a);
    if (!*done) return true;
    tn_tensor *dx = tni_tensor_new_like(g->t, "backward", y, (tn_dtype)y->a.dtype);
    if (!dx) return false;
    tni_map_arrays(loops[y->a.dtype == TN_FLOAT64], (const tni_array *const[]){&dx->a, &dy->a, &y->a}, 3, g->arg);
    return (g->dx[0] = tni_give(g->t, dx)) != NULL;
}
