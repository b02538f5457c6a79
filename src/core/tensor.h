/* core/tensor.h - the tensor object: an array, its place in the graph, its marks. */
#ifndef TNI_TENSOR_H
#define TNI_TENSOR_H
#include "core/object.h"
#include <tison/tensor.h>

/* A version counter of a tensor's own (torch's .data); most tensors use their storage's. */
typedef struct tni_version {
    int32_t refs;
    uint32_t value;
} tni_version;

/* What few tensors need. */
typedef struct tni_meta {
    tn_tensor *grad;
    struct tn_hook **hooks; /* tensor hooks of a leaf, then nothing else: those of a result stand in its node */
    size_t hook_count, hook_capacity;
    struct tn_hook **after; /* hooks that run after the gradient was accumulated */
    size_t after_count, after_capacity;
    const char *where; /* "file.c:12", static text, or NULL */
} tni_meta;

enum { TNI_GRAD_OWN = 0, TNI_GRAD_ANY = -1 };

struct tn_tensor {
    tni_object object;
    tni_array a;
    struct tni_node *grad_fn; /* counted */
    uint32_t output_nr;
    uint32_t view_version; /* version of the base at which grad_fn was right */
    bool requires_grad;    /* set on a leaf, or true because of grad_fn */
    int8_t grad_dtype;     /* of a leaf's gradient: TNI_GRAD_OWN, TNI_GRAD_ANY, or a dtype + 1 */
    uint16_t swaps;        /* tn_swap_tensors: edges of older graphs bear a smaller number */
    bool is_parameter : 1, is_buffer : 1, persistent : 1;
    bool number;            /* a Python number in torch's promotion: made by tn_number_* */
    bool inference;         /* made under inference mode */
    bool view_without_grad; /* made under no_grad: in-place on it under grad is an error */
    bool optimized;         /* some optimizer took it: see tn_check_loss */
    bool view_of_hook;      /* went through a module's backward hook: not to be written in place */
    bool uninitialized;     /* a parameter or buffer of a lazy module, whose shape is not known yet */
    int32_t held;           /* views of this tensor, nodes that saved it, tensors whose gradient it is */
    tn_tensor *base;        /* of a view: claimed and held */
    tni_version *version;   /* NULL: the storage's */
    tni_meta *meta;
};
/* Slots of 256 bytes would meet in the same lines of the cache: small work was 15 % slower with them (bench_small). */
_Static_assert(sizeof(tn_tensor) <= 224, "a tensor's slot");

/* New tensors without claims, on the device that the thread makes them on, or beside `like`. NULL with an error set. */
tn_tensor *tni_tensor_new(tni_thread *t, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim);
tn_tensor *tni_tensor_new_same(tni_thread *t, tn_dtype dtype, const tni_array *like); /* of a CPU array: see tni_array_new_same */
tn_tensor *tni_tensor_new_like(tni_thread *t, const char *who, const tn_tensor *like, tn_dtype dtype); /* keeps dense strides */
tn_tensor *tni_tensor_new_format(tni_thread *t, const char *who, const tn_tensor *like, tn_dtype dtype,
                                 tn_memory_format format); /* see tni_array_new_format */
tn_tensor *tni_tensor_new_on(tni_thread *t, int8_t device, const char *who, const tn_tensor *like, tn_dtype dtype,
                             tn_memory_format format); /* the same on another device */
tn_tensor *tni_tensor_zeros(tni_thread *t, const char *who, tn_dtype dtype, const int64_t *sizes, size_t ndim);
/* A view of x's storage: shares the version counter, knows no base and no graph. */
tn_tensor *tni_tensor_view(tni_thread *t, const char *who, const tn_tensor *x, const int64_t *sizes, const int64_t *strides,
                           size_t ndim, int64_t offset);
/* The same storage read as another dtype: the offset is in elements of that. */
tn_tensor *tni_tensor_view_as(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype, const int64_t *sizes,
                              const int64_t *strides, size_t ndim, int64_t offset);
TNI_INLINE tn_tensor *tni_tensor_alias(tni_thread *t, const char *who, const tn_tensor *x) {
    return tni_tensor_view(t, who, x, x->a.sizes, x->a.strides, x->a.ndim, x->a.offset);
}
void tni_tensor_destroy_new(tni_thread *t, tn_tensor *x); /* one that never got a claim; NULL passes */
/* Gives x another shape and new memory, not initialised; refused while its memory is shared. The handle stays. */
bool tni_tensor_resize(tn_tensor *x, const char *who, const int64_t *sizes, size_t ndim);
void tni_tensor_drop_grad(tn_tensor *x);
/* A lazy parameter was used before its shape is known: by an operator, or by asking for its shape. Both return false. */
bool tni_refuse_uninitialized(const char *who);
bool tni_refuse_shape(void);
void tni_tensor_forget_history(tn_tensor *x);                   /* detach_() of what is no view */
bool tni_grad_fits(const tn_tensor *x, const tn_tensor *grad);  /* the verdict of x.grad = grad */
bool tni_requires_grad_may_change(const tn_tensor *x, bool on); /* the verdict of requires_grad_(on) */
/* The dtype that the gradient of a leaf has: `any` where it may have any. */
TNI_INLINE tn_dtype tni_leaf_grad_dtype(const tn_tensor *x, tn_dtype any) {
    if (TNI_LIKELY(x->grad_dtype == TNI_GRAD_OWN)) return (tn_dtype)x->a.dtype;
    return x->grad_dtype == TNI_GRAD_ANY ? any : (tn_dtype)(x->grad_dtype - 1);
}
TNI_INLINE bool tni_tensor_has_grad(const tn_tensor *x) { return x->meta && x->meta->grad; }
tni_meta *tni_tensor_meta(tn_tensor *x); /* made at first use; NULL with TN_ERR_MEMORY */
void tni_tensor_set_grad(tn_tensor *x,
                         tn_tensor *grad); /* claims grad (may be NULL), gives up the old one; meta exists or grad is NULL */

/* x with one more claim; NULL passes. */
TNI_INLINE tn_tensor *tni_claimed(tn_tensor *x) {
    if (x) tni_claim(&x->object);
    return x;
}
/* A graph's claim on a tensor that it saves. */
TNI_INLINE void tni_claim_saved(tn_tensor *x) {
    tni_count_up(&x->held);
    tni_claim_graph(&x->object);
}
TNI_INLINE void tni_release_saved(tn_tensor *x) {
    tni_count_down(&x->held);
    tni_release_graph(&x->object);
}
/* Exchanges what two tensors are; both keep their handles and claims (core/swap.c). The verdict first: false with "Expected use_count
 * of `name` ..." when x is held by more than `own`. */
bool tni_swap_verdict(tn_tensor *x, const char *name, int32_t own);
void tni_swap_contents(tn_tensor *a, tn_tensor *b);
bool tni_refuse_swapped(void); /* a graph wants to accumulate into what was swapped since; false */

TNI_INLINE uint32_t *tni_version_of(tn_tensor *x) { return x->version ? &x->version->value : &x->a.storage->version; }
TNI_INLINE uint32_t tni_version_get(tn_tensor *x) { return __atomic_load_n(tni_version_of(x), __ATOMIC_RELAXED); }
TNI_INLINE void tni_version_bump(tn_tensor *x) { __atomic_store_n(tni_version_of(x), tni_version_get(x) + 1, __ATOMIC_RELAXED); }
/* A view whose base was written with history since follows the base. */
TNI_INLINE bool tni_wants_grad(tn_tensor *x) {
    return x->requires_grad || (x->base && x->base->grad_fn && x->view_version != tni_version_get(x));
}
TNI_INLINE bool tni_is_leaf(const tn_tensor *x) { return x->grad_fn == NULL; }

/* Converts and copies element by element, any dtypes and strides, same shape (core/copy.c). Nothing is recorded. */
bool tni_copy_array(const tni_array *to, const tni_array *from);
/* What torch says, once in a process, when complex values lose their imaginary parts. */
void tni_warn_if_cut(const tni_array *to, const tni_array *from);
/* x with `dtype` and row-major strides: x itself when it is so already, else a new tensor without claims in *made. */
const tni_array *tni_array_as(tni_thread *t, const char *who, const tn_tensor *x, tn_dtype dtype, bool contiguous,
                              tn_tensor **made);

double tni_array_double_at(const tni_array *a, size_t byte_offset); /* one element as a number */
int64_t tni_array_int_at(const tni_array *a, size_t byte_offset);
/* Converts one element between any dtypes that compute. */
void tni_element_convert(void *to, tn_dtype dtype, const void *from, tn_dtype from_dtype);
void tni_element_set(void *at, tn_dtype dtype, double d, int64_t i, bool is_int);

#define TNI_CHECK_TENSOR(who, x)                                                                                                   \
    do {                                                                                                                           \
        if (!tni_check_handle(who, #x, x, TNI_TENSOR)) return 0;                                                                   \
    } while (0)
#endif
