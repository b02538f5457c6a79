/* core/call.c - the call path that all operators share: checks, modes, recording, claims. */
#include "base/error.h"
#include "core/node.h"
#include "core/op.h"
#include "core/sparse.h"
#include <stdio.h>
#include <string.h>

const char *tni_call_name(const tni_call *c) {
    static __thread char inplace_name[64];
    static __thread const tni_op *named; /* made once: every in-place call asks */
    if (!c->inplace) return c->op->name;
    if (named != c->op) snprintf(inplace_name, sizeof inplace_name, "%s_", c->op->name);
    named = c->op;
    return inplace_name;
}

bool tni_call_fail(const tni_call *c, tn_status status, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tni_fail(status, "%s: %s", tni_call_name(c), text);
}

static bool has_all_outputs(const tni_call *c) {
    for (size_t k = 0; k < c->nout; k++)
        if (!c->out[k]) return false;
    return true;
}

/* Does the call go on? */
static bool goes_on(const tni_call *c, const tn_tensor *made) {
    return made && (TNI_LIKELY(c->device == TNI_CPU) || !has_all_outputs(c));
}

bool tni_out(tni_call *c, size_t k, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    c->out[k] = tni_tensor_new(c->t, tni_call_name(c), dtype, sizes, ndim);
    return goes_on(c, c->out[k]);
}

bool tni_out_zeros(tni_call *c, size_t k, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    c->out[k] = tni_tensor_zeros(c->t, tni_call_name(c), dtype, sizes, ndim);
    return goes_on(c, c->out[k]);
}

bool tni_out_like(tni_call *c, size_t k, const tn_tensor *like, tn_dtype dtype) {
    c->out[k] = tni_tensor_new_like(c->t, tni_call_name(c), like, dtype);
    return goes_on(c, c->out[k]);
}

bool tni_out_view(tni_call *c, const int64_t *sizes, const int64_t *strides, size_t ndim, int64_t offset) {
    c->out[0] = tni_tensor_view(c->t, tni_call_name(c), c->in[0], sizes, strides, ndim, offset);
    return c->out[0] != NULL;
}

const tni_array *tni_in_as(tni_call *c, size_t i, tn_dtype dtype) {
    tn_tensor *made = NULL;
    const tni_array *a = tni_array_as(c->t, c->op->name, c->in[i], dtype, true, &made);
    return made && !tni_give(c->t, made) ? NULL : a;
}

/* Is the dtype of a number or a 0-d tensor weaker than that of a tensor with dims? torch.result_type. */
typedef struct category {
    tn_dtype dims, zero, number;
} category;
static int kind_rank(tn_dtype d) { return d == TN_DTYPE_NONE ? -1 : tni_dtype_get(d)->kind; }
static void join(tn_dtype *into, tn_dtype d) { *into = *into == TN_DTYPE_NONE ? d : tni_promote(*into, d); }

/* A float keeps its precision when a complex number joins it. */
static tn_dtype combine(tn_dtype high, tn_dtype low) {
    if (high == TN_DTYPE_NONE) return low;
    if (low == TN_DTYPE_NONE) return high;
    if (tni_dtype_is_float(high) && tni_dtype_is_complex(low)) return tni_dtype_complex(high);
    return kind_rank(low) > kind_rank(high) ? tni_promote(high, low) : high;
}

/* A Python number has the default precision. */
static tn_dtype number_dtype(tn_dtype d) {
    if (tni_dtype_is_complex(d)) return tni_dtype_complex(tn_get_default_dtype());
    return tni_dtype_is_float(d) ? tn_get_default_dtype() : d;
}

tn_dtype tni_result_type(tn_tensor *const *in, size_t n) {
    category c = {TN_DTYPE_NONE, TN_DTYPE_NONE, TN_DTYPE_NONE};
    for (size_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        tn_dtype d = (tn_dtype)in[i]->a.dtype;
        if (!in[i]->number)
            join(in[i]->a.ndim ? &c.dims : &c.zero, d);
        else
            join(&c.number, number_dtype(d));
    }
    return combine(combine(c.dims, c.zero), c.number);
}

tn_dtype tni_result_type_with(tn_dtype dtype, const tni_value *numbers, size_t n) {
    tn_dtype number = TN_DTYPE_NONE;
    for (size_t i = 0; i < n; i++) {
        tn_scalar_kind kind = numbers[i].scalar.kind;
        if (kind == TN_SCALAR_NONE) continue;
        join(&number, kind == TN_SCALAR_DOUBLE ? tn_get_default_dtype() : kind == TN_SCALAR_BOOL ? TN_BOOL : TN_INT64);
    }
    return combine(dtype, number);
}

/* The call stays on the CPU. */
static bool check_sparse(tni_call *c, int8_t devices) {
    c->device = TNI_CPU;
    c->sparse = true;
    return (c->op->sparse && !(devices & TNI_META)) ||
           tni_fail(TN_ERR_NOT_IMPLEMENTED, "Could not run 'aten::%.*s' with arguments from the 'SparseCPU' backend.",
                    c->op->schema ? (int)strcspn(c->op->schema, "(") : 0, c->op->schema ? c->op->schema : "");
}

/* Inputs on the meta device are in the majority; a 0-d tensor of the CPU may stand among them. */
static bool check_devices(const tni_op *op, tn_tensor *const *in, size_t nin) {
    const tn_tensor *first = NULL;
    for (size_t i = 0; i < nin && !op->devices; i++) {
        if (!in[i] || (in[i]->a.device == TNI_CPU && in[i]->a.ndim == 0)) continue;
        if (!first) first = in[i];
        TNI_CHECK(in[i]->a.device == first->a.device, TN_ERR_RUNTIME, "Tensor on device %s is not on the expected device %s!",
                  tni_device_name(in[i]->a.device), tni_device_name(first->a.device));
    }
    TNI_CHECK(!op->by_value, TN_ERR_NOT_IMPLEMENTED, "%s: the result depends on values, which meta tensors have not", op->name);
    return true;
}

static __attribute__((cold, noinline)) bool refuse_input(const tni_op *op, size_t i, const tn_tensor *x) {
    char what[24];
    snprintf(what, sizeof what, i == 0 ? "self" : "input %zu", i);
    return tni_check_handle_slow(op->name, what, x, TNI_TENSOR);
}

static bool check_inputs(tni_call *c, bool *wants_grad) {
    const tni_op *op = c->op;
    tn_tensor *const *in = c->in;
    const size_t nin = c->nin;
    bool wants = false;
    int8_t devices = TNI_CPU;
    for (size_t i = 0; i < nin; i++) {
        if (!in[i] && (op->optional >> (i < 31 ? i : 31) & 1)) continue;
        if (TNI_UNLIKELY(!in[i] || in[i]->object.tag != TNI_TENSOR)) return refuse_input(op, i, in[i]);
        if (TNI_UNLIKELY(in[i]->uninitialized)) return tni_refuse_uninitialized(op->name);
        if (TNI_UNLIKELY(tni_dtype_in((tn_dtype)in[i]->a.dtype, TNI_STORED_BITS)) && !(op->view || op->moves || op->composite))
            return tni_dtype_check(op->name, (tn_dtype)in[i]->a.dtype);
        wants |= tni_wants_grad(in[i]);
        devices |= in[i]->a.device;
    }
    *wants_grad = wants;
    c->device = devices;
    if (TNI_LIKELY(devices == TNI_CPU)) return true;
    return devices & TNI_SPARSE ? check_sparse(c, devices) : check_devices(op, in, nin);
}

static void discard_outputs(tni_call *c) {
    for (size_t k = c->inplace ? 1 : 0; k < c->nout; k++) {
        tni_tensor_destroy_new(c->t, c->out[k]);
        c->out[k] = NULL;
    }
}

bool tni_call_run(tni_call *c) {
    return c->op->run(c) || (TNI_UNLIKELY(c->device != TNI_CPU) && !tni_failed() && has_all_outputs(c));
}

bool tni_run_apart(tni_call *c, bool (*run)(tni_call *c)) {
    bool no_grad = c->t->no_grad;
    if (!tni_inner_enter(c->t)) return false;
    c->t->no_grad = true;
    bool right = run(c) && !tni_failed();
    c->t->no_grad = no_grad;
    tni_inner_exit(c->t);
    return right;
}

static __attribute__((noinline)) bool run_another_way(tni_call *c) {
    if (c->sparse) return tni_run_apart(c, c->op->sparse);
    return tni_needs_widening(c) ? tni_run_widened(c) : tni_call_run(c);
}

TNI_INLINE bool run_op(tni_call *c) {
    return TNI_UNLIKELY(c->sparse | c->op->widen) ? run_another_way(c) : tni_call_run(c);
}

/* A composite's temporaries stay in a scope of its own. Its result may also be one of its inputs. */
static bool run_composite(tni_call *c) {
    if (!tni_inner_enter(c->t)) return false;
    bool right = (c->sparse ? c->op->sparse : c->op->run)(c) && !tni_failed();
    for (size_t k = 0; k < c->nout; k++)
        if (c->out[k]) tni_claim(&c->out[k]->object);
    tni_inner_exit(c->t);
    for (size_t k = 0; k < c->nout; k++) {
        if (!c->out[k]) continue;
        right = tni_scope_claim(c->t, &c->out[k]->object) && right;
        tni_release(&c->out[k]->object);
    }
    return right;
}

static void mark_view(tni_call *c) {
    tn_tensor *x = c->in[0], *y = c->out[0];
    y->base = x->base ? x->base : x;
    tni_count_up(&y->base->held);
    tni_claim(&y->base->object);
    y->view_without_grad = c->t->no_grad || x->view_without_grad;
    y->view_version = tni_version_get(y);
}

static bool run_plain(tni_call *c) {
    const tni_op *op = c->op;
    if (!run_op(c)) {
        discard_outputs(c);
        return false;
    }
    if (op->view && c->out[0] != c->in[0] && !c->sparse) mark_view(c);
    if (c->record && !tni_record(c, NULL)) {
        discard_outputs(c);
        return false;
    }
    bool right = true;
    for (size_t k = 0; k < c->nout; k++)
        if (c->out[k] && !tni_give(c->t, c->out[k])) {
            c->out[k] = NULL;
            right = false;
        }
    return right;
}

static bool run_here(tni_call *c) { return c->op->composite ? run_composite(c) : run_plain(c); }

/* All that is made within a call is made where its inputs are. */
static bool run_there(tni_call *c, bool (*run)(tni_call *)) {
    tni_devices before = tni_device_enter(c->t, c->device);
    bool right = run(c);
    tni_device_leave(c->t, before);
    return right;
}

static bool run_call(tni_call *c) {
    bool wants_grad;
    if (TNI_UNLIKELY(!c->t || tni_failed())) return false;
    if (!check_inputs(c, &wants_grad)) return false;
    c->record = wants_grad && !c->t->no_grad && c->op->vjp;
    return tni_device_differs(c->t, c->device) ? run_there(c, run_here) : run_here(c);
}

tn_tensor *tni_run_op(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg) {
    tni_call c = {.op = op, .t = tni_self(), .in = in, .nin = nin, .arg = arg, .narg = narg, .nout = 1};
    return run_call(&c) ? c.out[0] : NULL;
}

bool tni_run_op_multi(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg, tn_tensor **out, size_t nout) {
    tni_call c = {.op = op, .t = tni_self(), .in = in, .nin = nin, .arg = arg, .narg = narg, .nout = nout};
    bool right = run_call(&c);
    for (size_t k = 0; k < nout; k++) out[k] = right ? c.out[k] : NULL;
    return right;
}

/* The derivative may need the old value of self: then a copy of it is what the node saves. */
static bool copy_self(tni_call *c, tn_tensor **copy) {
    *copy = NULL;
    if (!c->record || !tni_saves_input(c, 0)) return true;
    if (tni_is_sparse(c->in[0])) return (*copy = tni_sparse_copy(c->t, c->op->name, c->in[0], (tn_dtype)c->in[0]->a.dtype)) != NULL;
    *copy = tni_tensor_new_like(c->t, c->op->name, c->in[0], (tn_dtype)c->in[0]->a.dtype);
    return *copy && tni_copy_array(&(*copy)->a, &c->in[0]->a);
}

static bool write(tni_call *c) {
    tn_tensor *self = c->in[0], *copy;
    c->out[0] = self;
    bool right = copy_self(c, &copy) && run_op(c);
    if (right && c->record)
        right = tni_record(c, copy);
    else if (right)
        right = tni_inplace_done(c->t, self, NULL);
    tni_tensor_destroy_new(c->t, copy);
    discard_outputs(c);
    return right;
}

static bool run_inplace(tni_call *c) {
    bool wants_grad;
    if (!c->t || tni_failed() || !check_inputs(c, &wants_grad)) return false;
    c->record = wants_grad && !c->t->no_grad && c->op->vjp;
    if (!tni_inplace_check(c->t, tni_call_name(c), c->in[0], wants_grad && !c->t->no_grad)) return false;
    TNI_CHECK(c->in[0]->a.device == c->device || c->op->devices || c->sparse, TN_ERR_RUNTIME,
              "Tensor on device %s is not on the expected device %s!", tni_device_name(c->device),
              tni_device_name(c->in[0]->a.device));
    return tni_device_differs(c->t, c->device) ? run_there(c, write) : write(c);
}

tn_tensor *tni_run_op_inplace(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg) {
    tni_call c = {.op = op, .t = tni_self(), .in = in, .nin = nin, .arg = arg, .narg = narg, .nout = 1, .inplace = true};
    return run_inplace(&c) ? in[0] : NULL;
}
