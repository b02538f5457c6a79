/* tison/autograd.h - gradients: backward, grad, hooks, functions of one's own, checks of derivatives. */
#ifndef TISON_AUTOGRAD_H
#define TISON_AUTOGRAD_H
#include <tison/tensor.h>
TN_BEGIN_DECLS

TN_API bool tn_requires_grad(tn_tensor *x);
TN_API bool tn_is_leaf(tn_tensor *x);
/** The accumulated gradient, or NULL. [scope] */
TN_API tn_tensor *tn_grad(tn_tensor *x);
/** x.grad = grad; NULL clears. The shape must be x's, the dtype x's grad_dtype, else TN_ERR_SHAPE, TN_ERR_DTYPE. [NULL ok] */
TN_API bool tn_set_grad(tn_tensor *x, tn_tensor *grad);
/** x.grad_dtype: the dtype that the gradient of a leaf has and adds up in, whatever dtype x has later; x's own unless it was set,
 *  TN_DTYPE_NONE: any. A Parameter or copy made of x does not take it over. For a result it is TN_ERR_AUTOGRAD; setting it is TN_ERR_RUNTIME
 *  while there is a gradient of another dtype. tn_optim_sgd computes in the wider of the two dtypes; other optimizers refuse a gradient of
 *  another dtype than the parameter's. */
TN_API tn_dtype tn_grad_dtype(tn_tensor *x);
TN_API bool tn_set_grad_dtype(tn_tensor *x, tn_dtype dtype);
/** x.data: a tensor of the same memory that knows nothing of x's history, and whose writes x's version counter does not see, so that autograd
 *  misses them. tn_detach is the safe one. [scope] */
TN_API tn_tensor *tn_get_data(tn_tensor *x);
/** x.data = value: x takes value's memory, shape, strides and dtype, and stays the same object with its gradient, hooks and version. An
 *  integral value for a tensor that requires grad is TN_ERR_DTYPE. */
TN_API bool tn_set_data(tn_tensor *x, tn_tensor *value);
/** x and other, of one dtype, exchange their memory, shape, strides and version counters; x's version goes up, as by x.set_(other). It needs
 *  no memory, so tn_swap_data(other, x) always brings the old values back. A leaf that requires grad refuses it unless gradients are off. */
TN_API bool tn_swap_data(tn_tensor *x, tn_tensor *other);
/** torch.utils.swap_tensors: a and b exchange all that they are - values, shape, dtype, history, gradient, hooks, being a Parameter - and
 *  both handles stay what they were to modules, optimizers and lists. TN_ERR_RUNTIME when a view of one lives, a graph saved one, or one
 *  is another tensor's gradient. A graph that was recorded before fails in backward (TN_ERR_AUTOGRAD) where it would accumulate into
 *  either. No other thread may use them meanwhile. */
TN_API bool tn_swap_tensors(tn_tensor *a, tn_tensor *b);
/** x.share_memory_(): moves x's values to memory that processes forked later share, and returns x. TN_ERR_RUNTIME when other tensors use
 *  x's memory, since they would keep the old one. */
TN_API tn_tensor *tn_share_memory_(tn_tensor *x);
TN_API bool tn_is_shared(tn_tensor *x);
/** "AddBackward0", or NULL for a leaf. [borrow] while x lives. */
TN_API const char *tn_grad_fn_name(tn_tensor *x);
/** x.requires_grad_(on); returns x, NULL on failure. Only leaves may change. */
TN_API tn_tensor *(tn_requires_grad_)(tn_tensor *x, bool on);
/** The same; `where` is static text that messages name when nobody trains x. The macro says file and line. */
TN_API tn_tensor *tn_requires_grad_at(tn_tensor *x, bool on, const char *where);
/** Keeps the gradient of a result, as of a leaf. */
TN_API bool tn_retain_grad(tn_tensor *x);

typedef struct tn_backward_opts {
    size_t size;
    tn_tensor *gradient; /* NULL: 1, for a tensor of one element */
    bool retain_graph, create_graph;
} tn_backward_opts;
/** x.backward(): adds dx/d(leaf) to the gradient of every leaf that x depends on. */
TN_API bool(tn_backward)(tn_tensor *x, const tn_backward_opts *opts TN_DEFAULT(NULL));

typedef struct tn_autograd_grad_opts {
    size_t size;
    tn_tensor *grad_output; /* NULL: 1 */
    bool retain_graph, create_graph;
    bool allow_unused; /* an input that y does not depend on gives NULL instead of an error */
} tn_autograd_grad_opts;
/** torch.autograd.grad of one output for one input; leaves are not touched. [scope] */
TN_API tn_tensor *(tn_autograd_grad)(tn_tensor *y, tn_tensor *x, const tn_autograd_grad_opts *opts TN_DEFAULT(NULL));
/** The same for n inputs: out[i] is dy/dx[i]. */
TN_API bool tn_autograd_grads(tn_tensor *y, tn_tensor *const *x, size_t n, tn_tensor **out,
                              const tn_autograd_grad_opts *opts TN_DEFAULT(NULL));

/* ---- hooks: data is handed through; destroy(data), which may be NULL, is called once when the hook is gone ---- */
/** Called with the gradient of x before it is accumulated or flows on; returns another one, or NULL to leave it. [scope] */
TN_API tn_hook *tn_register_hook(tn_tensor *x, tn_tensor *(*hook)(tn_tensor *grad, void *data), void *data,
                                 void (*destroy)(void *data));
/** Called with a leaf after its gradient was accumulated. [scope] */
TN_API tn_hook *tn_register_post_accumulate_grad_hook(tn_tensor *leaf, void (*hook)(tn_tensor *leaf, void *data), void *data,
                                                      void (*destroy)(void *data));
/** Removes it; may be called twice. */
TN_API void tn_hook_remove(tn_hook *hook);

/* ---- operations of one's own: torch.autograd.Function ---- */
typedef struct tn_function tn_function; /* one call of it; lives in the graph */
typedef struct tn_function_class {
    size_t size;
    const char *name;
    /** Fills out[0..k) from in[0..n) with Tison's operators or by hand; runs without recording. */
    bool (*forward)(tn_function *fn, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k);
    /** Fills din[0..n) from dout[0..k); a NULL din[i] is no gradient, a dout[i] is never NULL. */
    bool (*backward)(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n);
    size_t outputs; /* 0: one */
} tn_function_class;
/** In forward: keeps x for backward. [keep] */
TN_API void tn_function_save(tn_function *fn, tn_tensor *x);
/** In backward: what was saved, in order; NULL with TN_ERR_AUTOGRAD when it was changed in place since. [borrow] */
TN_API tn_tensor *tn_function_saved(tn_function *fn, size_t i);
/** The data given to tn_apply; it must outlive the graph. */
TN_API void *tn_function_data(tn_function *fn);
/** In backward: does input i need a gradient? */
TN_API bool tn_function_needs_input_grad(tn_function *fn, size_t i);
/** Runs the function and records it; the first output. [scope] */
TN_API tn_tensor *(tn_apply)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n);
/** The same with all outputs. */
TN_API bool tn_apply_n(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n, tn_tensor **out, size_t k);

/* ---- checks: torch.autograd.gradcheck, gradgradcheck; inputs that require grad must be float64 ---- */
/** true, or false with TN_ERR_AUTOGRAD that names the input, the element and both values. */
TN_API bool(tn_gradcheck)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n);
TN_API bool(tn_gradgradcheck)(const tn_function_class *function, void *data, tn_tensor *const *in, size_t n);
/** The same for any function of the library or of the program. */
typedef tn_tensor *tn_checked_function(tn_tensor *const *in, size_t n, void *data);
TN_API bool tn_gradcheck_fn(tn_checked_function *f, void *data, tn_tensor *const *in, size_t n);
TN_API bool tn_gradgradcheck_fn(tn_checked_function *f, void *data, tn_tensor *const *in, size_t n);

TN_END_DECLS
#ifndef __cplusplus
#define tn_requires_grad_(x, on) tn_requires_grad_at(x, on, TN_HERE)
#define TN_FUNCTION(f, ...)                                                                                                        \
    static const tn_function_class f __attribute__((unused)) = {.size = sizeof(tn_function_class), .name = #f, __VA_ARGS__}
#define TN_TENSORS(...) ((tn_tensor *const[]){__VA_ARGS__}), sizeof((tn_tensor *const[]){__VA_ARGS__}) / sizeof(tn_tensor *)
#define tn_apply(f, data, ...) (tn_apply)(f, data, TN_TENSORS(__VA_ARGS__))
#define tn_gradcheck(f, data, ...) (tn_gradcheck)(f, data, TN_TENSORS(__VA_ARGS__))
#define tn_gradgradcheck(f, data, ...) (tn_gradgradcheck)(f, data, TN_TENSORS(__VA_ARGS__))
#define tn_backward(...)                                                                                                           \
    TN_WITH(tn_backward_opts, (.gradient = NULL), (tn_backward)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_autograd_grad(y, ...)                                                                                                   \
    TN_WITH(tn_autograd_grad_opts, (.grad_output = NULL), (tn_autograd_grad)(y, TN_FIRST(__VA_ARGS__, ), &tn_o),                   \
            TN_REST(__VA_ARGS__, ))
#endif
#endif
