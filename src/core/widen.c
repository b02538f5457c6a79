/* core/widen.c - operators over whole tensors in float16, bfloat16, int8 and int16: computed in float32 or int32 and narrowed. */
#include "core/op.h"
#include <string.h>

enum { NARROW_BITS = TNI_HALF_BITS | 1 << TN_INT8 | 1 << TN_INT16, MAX_INPUTS = 64 };

static tn_dtype wide_of(tn_dtype d) { return tni_dtype_is_half(d) ? TN_FLOAT32 : tni_dtype_in(d, NARROW_BITS) ? TN_INT32 : d; }

static tni_value *dtype_argument(const tni_call *c) { return c->op->dtype_arg ? &c->arg[c->op->dtype_arg - 1] : NULL; }

bool tni_needs_widening(const tni_call *c) {
    uint32_t seen = 0;
    for (size_t i = 0; i < c->nin; i++)
        if (c->in[i]) seen |= TNI_DTYPE_BIT(c->in[i]->a.dtype);
    const tni_value *wanted = dtype_argument(c);
    if (wanted && wanted->dtype != TN_DTYPE_NONE) seen |= TNI_DTYPE_BIT(wanted->dtype);
    return seen & NARROW_BITS;
}

/* The dtype that results of the wide dtype are narrowed to: of the floating point inputs when one is narrow, else of the integers. */
static tn_dtype narrow_dtype(const tni_call *c) {
    const tni_value *wanted = dtype_argument(c);
    if (wanted && wanted->dtype != TN_DTYPE_NONE) return wanted->dtype;
    tn_dtype floats = TN_DTYPE_NONE, ints = TN_DTYPE_NONE;
    for (size_t i = 0; i < c->nin; i++) {
        if (!c->in[i] || c->in[i]->number) continue;
        tn_dtype d = (tn_dtype)c->in[i]->a.dtype, *all = tni_dtype_is_float(d) ? &floats : &ints;
        if (all == &ints && !tni_dtype_in(d, NARROW_BITS)) continue;
        *all = *all == TN_DTYPE_NONE ? d : tni_promote(*all, d);
    }
    return tni_dtype_is_half(floats) || ints == TN_DTYPE_NONE ? floats : ints;
}

static bool narrow_output(tni_call *c, size_t k, tn_dtype narrow) {
    tn_tensor *wide = c->out[k];
    if (!wide || narrow == TN_DTYPE_NONE || wide->a.dtype != (int8_t)wide_of(narrow) || wide->a.dtype == (int8_t)narrow)
        return true;
    tn_tensor *y = tni_tensor_new_like(c->t, tni_call_name(c), wide, narrow);
    bool right = y && tni_copy_array(&y->a, &wide->a);
    if (!right) {
        tni_tensor_destroy_new(c->t, y);
        return false;
    }
    tni_tensor_destroy_new(c->t, wide);
    c->out[k] = y;
    return true;
}

static bool widen_inputs(const tni_call *c, tn_tensor **wide, tn_tensor **made) {
    for (size_t i = 0; i < c->nin; i++) {
        wide[i] = c->in[i];
        made[i] = NULL;
    }
    for (size_t i = 0; i < c->nin; i++) {
        tn_dtype d = c->in[i] ? (tn_dtype)c->in[i]->a.dtype : TN_FLOAT32;
        if (wide_of(d) == d) continue;
        if (!tni_array_as(c->t, tni_call_name(c), c->in[i], wide_of(d), false, &made[i])) return false;
        made[i]->number = c->in[i]->number;
        wide[i] = made[i];
    }
    return true;
}

static bool run_on(tni_call *c, tn_tensor **wide) {
    tn_tensor **in = c->in;
    c->in = wide;
    if (c->inplace) c->out[0] = wide[0];
    bool right = tni_call_run(c);
    c->in = in;
    if (c->inplace) c->out[0] = in[0];
    if (right && c->inplace && wide[0] != in[0]) right = tni_copy_array(&in[0]->a, &wide[0]->a);
    return right;
}

bool tni_run_widened(tni_call *c) {
    tn_tensor *wide[MAX_INPUTS], *made[MAX_INPUTS];
    TNI_REQUIRE(c, c->nin <= MAX_INPUTS, TN_ERR_VALUE, "%zu tensors; at most %d are possible", c->nin, (int)MAX_INPUTS);
    tn_dtype narrow = narrow_dtype(c);
    tni_value *wanted = dtype_argument(c), kept = {.dtype = TN_DTYPE_NONE};
    if (wanted) {
        kept = *wanted;
        if (kept.dtype != TN_DTYPE_NONE) wanted->dtype = wide_of(kept.dtype);
    }
    bool right = widen_inputs(c, wide, made) && run_on(c, wide);
    for (size_t k = c->inplace ? 1 : 0; k < c->nout && right; k++) right = narrow_output(c, k, narrow);
    if (wanted) *wanted = kept;
    for (size_t i = 0; i < c->nin; i++) tni_tensor_destroy_new(c->t, made[i]);
    return right;
}
