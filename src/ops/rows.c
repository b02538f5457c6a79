/* ops/rows.c - see ops/reduce.h: the input of an operator over dims as rows. */
#include "ops/reduce.h"

/* A view with the dims of the mask last. */
static tn_tensor *masked_last(tni_call *c, const tn_tensor *x, uint64_t mask) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    size_t n = 0;
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < x->a.ndim; d++)
            if ((mask >> d & 1) == (uint64_t)last) sizes[n] = x->a.sizes[d], strides[n++] = x->a.strides[d];
    tn_tensor *view = tni_tensor_view(c->t, tni_call_name(c), x, sizes, strides, n, x->a.offset);
    return view ? tni_give(c->t, view) : NULL;
}

bool tni_rows_of(tni_call *c, tn_dtype dtype, const tni_value *dims, tni_rows *out) {
    const tn_tensor *x = c->in[0];
    TNI_TRY(tni_dims_mask(c, dims, x->a.ndim, &out->mask));
    out->n = tni_dims_count(x->a.sizes, x->a.ndim, out->mask);
    out->rows = tni_dims_count(x->a.sizes, x->a.ndim, ~out->mask);
    tn_tensor *view = masked_last(c, x, out->mask), *made = NULL;
    if (!view) return false;
    const tni_array *a = tni_array_as(c->t, tni_call_name(c), view, dtype, true, &made);
    if (!a || (made && !tni_give(c->t, made))) return false;
    out->data = a->data;
    return true;
}

bool tni_rows_result(tni_call *c, size_t k, const tni_rows *r, bool keepdim, tn_dtype dtype) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = 0;
    for (int d = 0; d < x->ndim; d++) {
        bool gone = r->mask >> d & 1;
        if (!gone || keepdim) sizes[ndim++] = gone ? 1 : x->sizes[d];
    }
    return tni_out(c, k, dtype, sizes, ndim);
}
