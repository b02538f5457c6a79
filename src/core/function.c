/* core/function.c - functions of the program's own: torch.autograd.Function. */
#include "core/function.h"
#include "base/error.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

struct tn_function {
    const tn_function_class *class_;
    void *data;
    tni_node *node; /* not counted; NULL during forward */
    tni_saved_tensor *saved;
    size_t saves, capacity;
    bool released, in_backward;
    bool hook;       /* of a module's backward hooks: outputs are views, and what needs no gradient passes as it is */
    bool late_zeros; /* the backward sees NULL for a gradient that is not there; what it leaves NULL becomes zeros */
    void (*destroy_data)(void *data);
    char name[64];
};

const char *tni_function_grad_name(const tn_function *f) { return f->name; }

void tni_function_release_saved(tn_function *f) {
    f->released = f->released || f->saves > 0;
    for (size_t i = 0; i < f->saves; i++) tni_release_saved(f->saved[i].tensor);
    f->saves = 0;
}

void tni_function_free(tn_function *f) {
    tni_function_release_saved(f);
    if (f->destroy_data) f->destroy_data(f->data);
    tni_free(f->saved, f->capacity * sizeof *f->saved);
    tni_free(f, sizeof *f);
}

void tn_function_save(tn_function *fn, tn_tensor *x) {
    if (!fn || tni_failed() || !tni_check_handle("function_save", "x", x, TNI_TENSOR)) return;
    if (!tni_reserve(&fn->saved, &fn->capacity, fn->saves + 1, sizeof *fn->saved)) return;
    fn->saved[fn->saves++] = (tni_saved_tensor){x, 0, tni_version_get(x)};
    tni_claim_saved(x);
}

tn_tensor *tn_function_saved(tn_function *fn, size_t i) {
    if (!fn || tni_failed()) return NULL;
    if (fn->released) return (void)tni_refuse_released(), NULL;
    if (i >= fn->saves)
        return (void)tni_fail(TN_ERR_INDEX, "function_saved: %s saved %zu tensors; there is no number %zu", fn->class_->name,
                              fn->saves, i),
               NULL;
    tni_saved_tensor *s = &fn->saved[i];
    if (tni_version_get(s->tensor) != s->version)
        return (void)tni_fail(TN_ERR_AUTOGRAD,
                              "%s: one of the variables needed for gradient computation has been modified by an inplace operation: "
                              "saved tensor %zu is at "
                              "version %u; expected version %u instead.",
                              fn->name, i, tni_version_get(s->tensor), s->version),
               NULL;
    return s->tensor;
}

void *tn_function_data(tn_function *fn) { return fn ? fn->data : NULL; }

bool tn_function_needs_input_grad(tn_function *fn, size_t i) {
    return fn && fn->node && i < fn->node->edges && (fn->node->edge[i].node || fn->node->edge[i].leaf);
}

static bool check_apply(const tn_function_class *f, tn_tensor *const *in, size_t n, size_t k, bool *wants) {
    TNI_CHECK(f && f->size >= offsetof(tn_function_class, outputs) && f->forward && f->backward, TN_ERR_TYPE,
              "apply: the function needs .forward and .backward (TN_FUNCTION makes it)");
    TNI_CHECK(k >= 1 && k <= 64, TN_ERR_VALUE, "apply: %s: %zu outputs; 1 to 64 are possible", f->name, k);
    *wants = false;
    for (size_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        TNI_TRY(tni_check_handle(f->name, "input", in[i], TNI_TENSOR));
        *wants |= tni_wants_grad(in[i]);
    }
    return true;
}

/* An output that is an input, or has a history, gets a handle of its own. */
static tn_tensor *own_output(tni_thread *t, const tn_function *f, tn_tensor *y, tn_tensor *const *in, size_t n) {
    if (!tni_check_handle(f->class_->name, "output", y, TNI_TENSOR)) return NULL;
    bool shared = y->requires_grad || y->base;
    for (size_t i = 0; i < n; i++) shared = shared || y == in[i];
    return shared ? tni_give(t, tni_tensor_alias(t, f->class_->name, y)) : y;
}

/* Of a hook's node, which has an output for each input; others may have more. */
static bool passes(const tn_function *f, tn_tensor *const *in, size_t i) { return f->hook && !tni_wants_grad(in[i]); }

static bool record(tni_thread *t, tn_function *f, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    tni_node *node = tni_node_new(NULL, n, 0, 0, k);
    if (!node) return false;
    bool right = true;
    for (size_t i = 0; i < n && right; i++) {
        tni_node *current;
        right = !in[i] || tni_grad_fn(in[i], &current);
        if (right) tni_edge_set(&node->edge[i], in[i]);
    }
    for (size_t i = 0; i < k && right; i++) {
        if (!passes(f, in, i)) out[i] = own_output(t, f, out[i], in, n);
        right = out[i] && tni_out_info_set(&node->out[i], out[i]);
    }
    if (right) {
        node->function = f;
        f->node = node;
        for (size_t i = 0; i < k; i++) {
            if (!tni_dtype_has_grad((tn_dtype)out[i]->a.dtype) || passes(f, in, i)) continue;
            out[i]->grad_fn = tni_node_share(node);
            out[i]->output_nr = (uint32_t)i;
            out[i]->requires_grad = true;
            out[i]->view_of_hook = f->hook;
        }
    }
    tni_node_release(node);
    return right;
}

static bool call_forward(tni_thread *t, tn_function *f, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k, bool wants) {
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    bool no_grad = t->no_grad;
    t->no_grad = true;
    bool right = f->class_->forward(f, in, n, out, k);
    t->no_grad = no_grad;
    if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "apply: the forward of %s returned false", f->class_->name);
    right = right && !tni_failed();
    for (size_t i = 0; i < k && right; i++) right = tni_check_handle(f->class_->name, "output", out[i], TNI_TENSOR);
    if (right && wants) right = record(t, f, in, n, out, k);
    return tni_scope_return(t, scope, (void *const *)out, right ? k : 0) && right;
}

static bool apply(const tn_function_class *function, tn_function like, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    tni_thread *t = tni_self();
    bool wants = false, right = t && !tni_failed() && check_apply(function, in, n, k, &wants);
    tn_function *f = right ? tni_alloc_zero(sizeof *f) : NULL;
    if (!f) {
        if (like.destroy_data) like.destroy_data(like.data);
        return false;
    }
    *f = like;
    f->class_ = function;
    snprintf(f->name, sizeof f->name, "%sBackward", function->name ? function->name : "Function");
    for (size_t i = 0; i < k; i++) out[i] = NULL;
    right = call_forward(t, f, in, n, out, k, wants && !t->no_grad);
    if (!f->node) tni_function_free(f); /* nothing was recorded */
    for (size_t i = 0; i < k && !right; i++) out[i] = NULL;
    return right;
}

bool tn_apply_n(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k) {
    return apply(function, (tn_function){.data = data}, in, n, out, k);
}

bool tni_apply_hook(const tn_function_class *function, void *data, void (*destroy)(void *), bool late_zeros, tn_tensor *const *in,
                    size_t n, tn_tensor **out) {
    tn_function like = {.data = data, .destroy_data = destroy, .hook = true, .late_zeros = late_zeros};
    return apply(function, like, in, n, out, n);
}

tn_tensor *(tn_apply)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n) {
    tn_tensor *out[64];
    size_t k = function && function->size >= sizeof *function && function->outputs ? function->outputs : 1;
    return tn_apply_n(function, data, in, n, out, k > 64 ? 65 : k) ? out[0] : NULL;
}

static tn_tensor *zeros_of(tni_thread *t, const tn_function *f, uint32_t k) {
    const tni_out_info *o = &f->node->out[k];
    tni_devices before = tni_device_enter(t, o->device);
    tn_tensor *x = tni_tensor_zeros(t, f->name, (tn_dtype)o->dtype, o->sizes, o->ndim);
    tni_device_leave(t, before);
    return tni_give(t, x);
}

bool tni_function_vjp(tni_node *n, tn_tensor *const *dy, tn_tensor **dx, tni_thread *t) {
    tn_function *f = n->function;
    tn_tensor *full[64];
    for (uint32_t k = 0; k < n->outs; k++) {
        full[k] = dy[k];
        if (!full[k] && !f->late_zeros && !(full[k] = zeros_of(t, f, k))) return false;
    }
    int internal = t->internal;
    t->internal = 0; /* what the program's code makes is seen by it */
    uint64_t scope = tni_scope_open(t, false);
    bool right = scope != 0;
    for (uint32_t k = 0; k < n->outs && right; k++) right = !full[k] || tni_scope_claim(t, &full[k]->object);
    right = right && f->class_->backward(f, full, n->outs, dx, n->edges);
    if (scope && !right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "backward: the backward of %s returned false", f->class_->name);
    for (uint32_t i = 0; i < n->edges && right; i++) right = !dx[i] || tni_check_handle(f->name, "gradient", dx[i], TNI_TENSOR);
    right = right && !tni_failed();
    for (uint32_t i = 0; i < n->edges && right && f->late_zeros; i++)
        if (!dx[i] && (n->edge[i].node || n->edge[i].leaf)) right = (dx[i] = zeros_of(t, f, i)) != NULL;
    if (scope) right = tni_scope_return(t, scope, (void *const *)dx, right ? n->edges : 0) && right;
    t->internal = internal;
    return right;
}
