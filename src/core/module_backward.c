/* core/module_backward.c - full backward hooks of modules. The inputs and the results of a forward go through nodes that change nothing:
 * that of the results sees their gradients first, that of the inputs sees theirs last, and both share a record of the call. */
#include "core/module_backward.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/function.h"
#include <string.h>

enum { MAX_TENSORS = 64 };

struct tni_backward_call {
    int32_t refs;
    tni_module *m; /* claimed by the graph */
    size_t inputs, outputs, passed;
    bool armed;                       /* gradients of the results came by, and those of the inputs not yet */
    uint8_t place[MAX_TENSORS];       /* of the inputs that went through the node: where they stood */
    uint8_t result[MAX_TENSORS];      /* the same of results */
    tn_tensor *grad_out[MAX_TENSORS]; /* claimed, from the results' node on */
};

static void clear_gradients(tni_backward_call *b) {
    for (size_t i = 0; i < b->outputs; i++) {
        if (b->grad_out[i]) tni_release(&b->grad_out[i]->object);
        b->grad_out[i] = NULL;
    }
}

void tni_backward_call_release(tni_backward_call *b) {
    if (!b || tni_count_down(&b->refs) > 0) return;
    clear_gradients(b);
    tni_release_graph(&b->m->object);
    tni_free(b, sizeof *b);
}
static void release_data(void *data) { tni_backward_call_release(data); }

static const tni_hook_list *own_hooks(const tni_module *m, tni_hook_kind kind) { return m->extra ? &m->extra->hooks[kind] : NULL; }

/* Tensors that a hook put in must be alive. */
static bool check(const char *who, tn_tensor *const *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i]) TNI_TRY(tni_check_handle(who, "gradient", x[i], TNI_TENSOR));
    return true;
}

/* What all hooks left must fit what the graph gave. */
static bool check_all(const char *who, tn_tensor *const *before, tn_tensor *const *after, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (before[i] && after[i] && before[i] != after[i]) TNI_TRY(tni_hook_check(who, before[i], after[i]));
    return true;
}

static bool run_pre(tni_backward_call *b, tn_tensor **grad_out) {
    tni_hooks h;
    tn_tensor *before[MAX_TENSORS];
    memcpy(before, grad_out, b->outputs * sizeof *before);
    bool right = tni_hooks_take(&h, TNI_HOOK_BACKWARD_PRE, own_hooks(b->m, TNI_HOOK_BACKWARD_PRE));
    for (size_t i = 0; right && i < h.n; i++) {
        if (h.item[i]->removed) continue;
        right = h.item[i]->call.backward_pre(tni_module_struct(b->m), grad_out, b->outputs, h.item[i]->data);
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "backward: a hook of '%s' returned false", b->m->class_->name);
        right = right && !tni_failed() && check("full_backward_pre_hook", grad_out, b->outputs);
    }
    tni_hooks_drop(&h);
    return right && check_all("full_backward_pre_hook", before, grad_out, b->outputs);
}

static bool run_full(tni_backward_call *b, tn_tensor **grad_in) {
    tni_hooks h;
    tn_tensor *before[MAX_TENSORS];
    if (b->inputs) memcpy(before, grad_in, b->inputs * sizeof *before);
    bool right = tni_hooks_take(&h, TNI_HOOK_BACKWARD, own_hooks(b->m, TNI_HOOK_BACKWARD));
    if (b->passed == 0)
        tni_warn("Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
                 "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module."
                 "register_full_backward_hook for more details.");
    for (size_t i = 0; right && i < h.n; i++) {
        if (h.item[i]->removed) continue;
        right = h.item[i]->call.backward(tni_module_struct(b->m), grad_in, b->inputs, b->grad_out, b->outputs, h.item[i]->data);
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "backward: a hook of '%s' returned false", b->m->class_->name);
        right = right && !tni_failed() && check("full_backward_hook", grad_in, b->inputs);
        for (size_t k = 0; right && b->passed == 0 && k < b->inputs; k++)
            TNI_CHECK(
                !grad_in[k], TN_ERR_RUNTIME,
                "Backward hook for Modules where no input requires gradient should always return None or None for all gradients.");
    }
    tni_hooks_drop(&h);
    return right && check_all("full_backward_hook", before, grad_in, b->inputs);
}

/* The identity; each output is an alias. */
static bool identity(tn_function *fn, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)fn, (void)k;
    for (size_t i = 0; i < n; i++) out[i] = in[i];
    return true;
}

static bool outputs_backward(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n) {
    (void)n;
    tni_backward_call *b = tn_function_data(fn);
    tn_tensor *grad[MAX_TENSORS] = {NULL}, *none[MAX_TENSORS] = {NULL};
    for (size_t i = 0; i < k; i++) grad[b->result[i]] = dout[i];
    TNI_TRY(run_pre(b, grad));
    clear_gradients(b);
    for (size_t i = 0; i < b->outputs; i++)
        if ((b->grad_out[i] = grad[i]) != NULL) tni_claim(&grad[i]->object);
    b->armed = true;
    for (size_t i = 0; i < k; i++) din[i] = grad[b->result[i]];
    return b->passed > 0 || run_full(b, none);
}

static bool inputs_backward(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n) {
    tni_backward_call *b = tn_function_data(fn);
    tn_tensor *grad[MAX_TENSORS] = {NULL};
    for (size_t i = 0; i < k; i++) grad[b->place[i]] = dout[i];
    if (b->armed) TNI_TRY(run_full(b, grad)); /* else they came past the results, as in a second derivative */
    b->armed = false;
    clear_gradients(b);
    for (size_t i = 0; i < n; i++) din[i] = grad[b->place[i]];
    return true;
}

static const tn_function_class inputs_class = {sizeof inputs_class, "BackwardHookFunction", identity, inputs_backward, 0};
static const tn_function_class outputs_class = {sizeof outputs_class, "BackwardHookFunction", identity, outputs_backward, 0};

/* Sends x through a node when any of them needs a gradient; `place` says where they stood. */
static bool pass(tni_backward_call *b, const tn_function_class *c, tn_tensor **x, size_t n, uint8_t *place, size_t *passed) {
    tn_tensor *in[MAX_TENSORS], *out[MAX_TENSORS];
    bool wants = false;
    size_t given = 0;
    for (size_t i = 0; i < n; i++) {
        if (!x[i]) continue;
        wants |= tni_wants_grad(x[i]);
        place[given] = (uint8_t)i;
        in[given++] = x[i];
    }
    *passed = wants ? given : 0;
    if (!wants) return true;
    tni_count_up(&b->refs);
    if (!tni_apply_hook(c, b, release_data, c == &outputs_class, in, given, out)) return false;
    for (size_t i = 0; i < given; i++) x[place[i]] = out[i];
    return true;
}

bool tni_backward_call_inputs(tni_module *m, tn_tensor **in, size_t n, tni_backward_call **out) {
    if (tni_self()->no_grad) return true;
    tni_backward_call *b = tni_alloc_zero(sizeof *b);
    if (!b) return false;
    b->refs = 1;
    b->m = m;
    b->inputs = n;
    tni_claim_graph(&m->object);
    if (!pass(b, &inputs_class, in, n, b->place, &b->passed)) {
        tni_backward_call_release(b);
        return false;
    }
    *out = b;
    return true;
}

bool tni_backward_call_outputs(tni_backward_call *b, tn_tensor **out, size_t k) {
    size_t passed;
    b->outputs = k;
    return pass(b, &outputs_class, out, k, b->result, &passed);
}
