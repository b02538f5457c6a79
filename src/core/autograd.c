/* core/autograd.c - the public face of gradients: flags, modes, backward, grad. */
#include "base/error.h"
#include "base/memory.h"
#include "core/engine.h"
#include <tison/autograd.h>

#define READ(who, x, other)                                                                                                        \
    do {                                                                                                                           \
        if (!tni_check_handle(who, #x, x, TNI_TENSOR)) return other;                                                               \
    } while (0)

bool tn_requires_grad(tn_tensor *x) {
    READ("requires_grad", x, false);
    return tni_wants_grad(x);
}

bool tn_is_leaf(tn_tensor *x) {
    READ("is_leaf", x, false);
    tni_node *node;
    return tni_grad_fn(x, &node) && node == NULL;
}

tn_tensor *tn_grad(tn_tensor *x) {
    READ("grad", x, NULL);
    tni_thread *t = tni_self();
    tn_tensor *g = x->meta ? x->meta->grad : NULL;
    if (!g && x->grad_fn && !x->grad_fn->out[x->output_nr].retained)
        tni_warn("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                 "populated during "
                 "autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use "
                 ".retain_grad() on the non-leaf "
                 "Tensor.");
    return g && t && tni_scope_claim(t, &g->object) ? g : NULL;
}

/* As torch's messages name the dtype of what is there: by the C++ type. */
static const char *type_name(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8: return "unsigned char";
    case TN_INT8: return "signed char";
    case TN_INT16: return "short int";
    case TN_INT32: return "int";
    case TN_INT64: return "long int";
    case TN_FLOAT16: return "c10::Half";
    case TN_FLOAT32: return "float";
    case TN_FLOAT64: return "double";
    case TN_COMPLEX64: return "c10::complex<float>";
    case TN_COMPLEX128: return "c10::complex<double>";
    case TN_BOOL: return "bool";
    case TN_BFLOAT16: return "c10::BFloat16";
    default: return tni_dtype_get(dtype)->name;
    }
}

/* What a view's history makes of it counts, too. */
static bool is_result(tn_tensor *x, const char *what) {
    tni_node *node;
    if (!tni_grad_fn(x, &node)) return true;
    return node && !tni_fail(TN_ERR_AUTOGRAD, "grad_dtype can only be %s on leaf tensors.", what);
}

tn_dtype tn_grad_dtype(tn_tensor *x) {
    READ("grad_dtype", x, TN_DTYPE_NONE);
    if (is_result(x, "accessed")) return TN_DTYPE_NONE;
    return tni_leaf_grad_dtype(x, TN_DTYPE_NONE);
}

bool tn_set_grad_dtype(tn_tensor *x, tn_dtype dtype) {
    if (tni_failed()) return false;
    READ("set_grad_dtype", x, false);
    if (is_result(x, "set")) return false;
    if (dtype != TN_DTYPE_NONE) TNI_TRY(tni_dtype_check("grad_dtype", dtype));
    const tn_tensor *grad = x->meta ? x->meta->grad : NULL;
    TNI_CHECK(
        !grad || dtype == TN_DTYPE_NONE || grad->a.dtype == (int8_t)dtype, TN_ERR_RUNTIME,
        "Cannot set grad_dtype to '%s' because there is already a gradient with dtype '%s'. Please clear the gradient (.grad = "
        "None) before changing grad_dtype, or ensure the new grad_dtype matches the existing gradient's dtype.",
        tni_dtype_get(dtype)->legacy, type_name((tn_dtype)grad->a.dtype));
    x->grad_dtype = dtype == TN_DTYPE_NONE ? TNI_GRAD_ANY : (int8_t)(dtype + 1);
    return true;
}

bool tni_grad_fits(const tn_tensor *x, const tn_tensor *grad) {
    TNI_CHECK(grad != x, TN_ERR_RUNTIME, "can't assign Variable as its own grad");
    TNI_CHECK(tni_same_shape(&x->a, &grad->a), TN_ERR_SHAPE,
              "attempting to assign a gradient of size '%s' to a tensor of size '%s'. Please ensure that the gradient and the "
              "tensor are the same size",
              TNI_SHAPE(&grad->a), TNI_SHAPE(&x->a));
    TNI_CHECK(
        (x->a.device == TNI_META) == (grad->a.device == TNI_META), TN_ERR_RUNTIME,
        "attempting to assign a gradient with device type '%s' to a tensor with device type '%s'. Please ensure that the gradient "
        "and the tensor are on the same device",
        tni_device_name(grad->a.device), tni_device_name(x->a.device));
    tn_dtype wanted = tni_leaf_grad_dtype(x, (tn_dtype)grad->a.dtype);
    TNI_CHECK(
        (tn_dtype)grad->a.dtype == wanted, TN_ERR_DTYPE,
        "attempting to assign a gradient with dtype '%s' to a tensor with grad_dtype '%s'. The gradient must match the tensor's "
        "grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None "
        "to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream "
        "systems that assume they match.",
        type_name((tn_dtype)grad->a.dtype), tni_dtype_get(wanted)->legacy);
    return true;
}

bool tn_set_grad(tn_tensor *x, tn_tensor *grad) {
    if (tni_failed()) return false;
    READ("set_grad", x, false);
    if (!grad) {
        tni_tensor_drop_grad(x);
        return true;
    }
    READ("set_grad", grad, false);
    TNI_TRY(tni_grad_fits(x, grad));
    if (!tni_tensor_meta(x)) return false;
    tni_tensor_set_grad(x, grad);
    return true;
}

const char *tn_grad_fn_name(tn_tensor *x) {
    READ("grad_fn_name", x, NULL);
    tni_node *node;
    return tni_grad_fn(x, &node) && node ? tni_node_name(node) : NULL;
}

bool tni_requires_grad_may_change(const tn_tensor *x, bool on) {
    if (x->uninitialized) return tni_refuse_uninitialized("requires_grad_");
    if (x->requires_grad == on) return true;
    TNI_CHECK(
        on || !x->grad_fn, TN_ERR_AUTOGRAD,
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that "
        "doesn't require differentiation use var_no_grad = var.detach().");
    TNI_CHECK(!on || tni_dtype_has_grad((tn_dtype)x->a.dtype), TN_ERR_DTYPE,
              "only Tensors of floating point dtype can require gradients");
    TNI_CHECK(!on || !x->inference || tni_self()->inference, TN_ERR_AUTOGRAD,
              "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    return true;
}

tn_tensor *tn_requires_grad_at(tn_tensor *x, bool on, const char *where) {
    if (tni_failed()) return NULL;
    READ("requires_grad_", x, NULL);
    if (!tni_requires_grad_may_change(x, on)) return NULL;
    if (on && !x->requires_grad && where && (!x->meta || !x->meta->where)) {
        tni_meta *m = tni_tensor_meta(x);
        if (!m) return NULL;
        m->where = where;
    }
    x->requires_grad = on;
    return x;
}

tn_tensor *(tn_requires_grad_)(tn_tensor *x, bool on) { return tn_requires_grad_at(x, on, NULL); }

bool tn_retain_grad(tn_tensor *x) {
    if (tni_failed()) return false;
    READ("retain_grad", x, false);
    TNI_CHECK(tni_wants_grad(x), TN_ERR_AUTOGRAD, "can't retain_grad on Tensor that has requires_grad=False");
    tni_node *node;
    TNI_TRY(tni_grad_fn(x, &node));
    if (!node) return true;
    if (!tni_tensor_meta(x)) return false;
    node->out[x->output_nr].retained = x;
    return true;
}

/* ---- modes: the old state is packed into an int ---- */

static int pack(const tni_thread *t) { return (t->no_grad ? 1 : 0) | (t->inference ? 2 : 0); }

int tn_grad_mode_enter(bool enabled) {
    tni_thread *t = tni_self();
    if (!t) return 0;
    int old = pack(t);
    t->no_grad = !enabled;
    return old;
}

int tn_inference_mode_enter(void) {
    tni_thread *t = tni_self();
    if (!t) return 0;
    int old = pack(t);
    t->no_grad = t->inference = true;
    return old;
}

void tn_mode_exit(int *mode) {
    tni_thread *t = tni_self();
    if (!t || !mode) return;
    t->no_grad = *mode & 1;
    t->inference = *mode & 2;
}

bool tn_is_grad_enabled(void) {
    tni_thread *t = tni_self();
    return t && !t->no_grad;
}
bool tn_is_inference_mode_enabled(void) {
    tni_thread *t = tni_self();
    return t && t->inference;
}

/* ---- backward ---- */

bool(tn_backward)(tn_tensor *x, const tn_backward_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    READ("backward", x, false);
    tn_tensor *seed = opts ? opts->gradient : NULL;
    if (seed) READ("backward", seed, false);
    bool create = opts && opts->create_graph;
    tni_backward b = {
        .root = &x, .seed = &seed, .roots = 1, .create_graph = create, .retain_graph = create || (opts && opts->retain_graph)};
    return tni_engine_run(t, "backward", &b);
}

bool tn_autograd_grads(tn_tensor *y, tn_tensor *const *x, size_t n, tn_tensor **out, const tn_autograd_grad_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    READ("autograd.grad", y, false);
    TNI_CHECK(x && out && n > 0, TN_ERR_VALUE, "autograd.grad requires non-empty inputs.");
    for (size_t i = 0; i < n; i++) READ("autograd.grad", x[i], false);
    tn_tensor *seed = opts ? opts->grad_output : NULL;
    if (seed) READ("autograd.grad", seed, false);
    bool create = opts && opts->create_graph;
    tni_backward b = {.root = &y,
                      .seed = &seed,
                      .roots = 1,
                      .input = x,
                      .inputs = n,
                      .result = out,
                      .create_graph = create,
                      .retain_graph = create || (opts && opts->retain_graph),
                      .allow_unused = opts && opts->allow_unused};
    return tni_engine_run(t, "autograd.grad", &b);
}

tn_tensor *(tn_autograd_grad)(tn_tensor *y, tn_tensor *x, const tn_autograd_grad_opts *opts) {
    tn_tensor *g = NULL;
    return tn_autograd_grads(y, &x, 1, &g, opts) ? g : NULL;
}
