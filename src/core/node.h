/* core/node.h - the tape: nodes of the graph, what they keep, where gradients flow. */
#ifndef TNI_NODE_H
#define TNI_NODE_H
#include "core/op.h"

/* Where the gradient of one input goes: to an output of a node, to a leaf, or nowhere. */
typedef struct tni_edge {
    struct tni_node *node; /* counted */
    tn_tensor *leaf;       /* claimed by the graph */
    uint32_t nr;           /* of the node's output, or `swaps` of the leaf */
} tni_edge;

typedef struct tni_saved_tensor {
    tn_tensor *tensor; /* claimed; of an output: an alias without a graph, so that no node keeps itself alive */
    uint32_t which;    /* TNI_IN(i) or TNI_OUT(i) */
    uint32_t version;
} tni_saved_tensor;

/* Shape and dtype of an output, for checking and for making zeros. */
typedef struct tni_out_info {
    int64_t *sizes;
    int64_t inline_sizes[4];
    uint8_t ndim;
    int8_t dtype, device;
    bool retains_grad;
    struct tn_hook **hooks;
    size_t hook_count, hook_capacity;
    tn_tensor *retained; /* not claimed: the tensor whose gradient is retained; cleared by its death */
} tni_out_info;

typedef struct tni_node {
    int32_t refs;
    bool released; /* its saved tensors are gone */
    uint64_t sequence;
    const tni_op *op; /* NULL: a function of the program's own */
    struct tn_function *function;
    tni_edge *edge;
    tni_saved_tensor *saved;
    tni_value *arg;
    tni_out_info *out;
    uint32_t edges, saves, args, outs;
    struct tni_slice *slice; /* CopySlices: the geometry of the view inside its base; core/inplace.c */
    struct tni_node *next_dead;
    size_t bytes;
} tni_node;

/* An in-place write through a view, as a node of the base: `inner` is the node of the write itself. */
typedef struct tni_slice {
    struct tni_node *inner;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], offset; /* offset from the base's first element */
    size_t ndim;
    int64_t base_strides[TNI_MAX_DIMS];
    bool row_major; /* the base is */
} tni_slice;

/* A node with room for all its parts, refs 1. NULL with TN_ERR_MEMORY. */
tni_node *tni_node_new(const tni_op *op, size_t edges, size_t saves, size_t args, size_t outs);
void tni_node_free_next(tni_thread *t); /* frees the first of the thread's dead nodes; what it held is released, queueing more */
void tni_node_dead(tni_node *node);
TNI_INLINE tni_node *tni_node_share(tni_node *n) {
    tni_count_up(&n->refs);
    return n;
}
TNI_INLINE void tni_node_release(tni_node *n) {
    if (n && tni_count_down(&n->refs) == 0) tni_node_dead(n);
}
void tni_node_release_saved(tni_node *n); /* after a backward without retain_graph */
const char *tni_node_name(const tni_node *n);

/* Points the edge at x: its node, or x as a leaf, or nowhere when x needs no gradient. */
void tni_edge_set(tni_edge *e, tn_tensor *x);
bool tni_out_info_set(tni_out_info *o, const tn_tensor *x);
bool tni_node_save(tni_node *n, size_t slot, tn_tensor *x, uint32_t which);

/* Records the call that was just run: gives its outputs their node. false with an error; then nothing was recorded. */
bool tni_record(tni_call *c, tn_tensor *saved_self);
bool tni_saves_input(const tni_call *c, size_t i); /* is input i kept for the derivatives that will be wanted? */
/* The node of x, made anew for a view whose base was changed in place since. NULL with no error: a leaf. */
bool tni_grad_fn(tn_tensor *x, tni_node **out);

/* ---- in place (core/inplace.c) ---- */
bool tni_inplace_check(tni_thread *t, const char *who, tn_tensor *x, bool record);
/* After a write: raises the version; with `node` (counted, taken over) it becomes x's history, through the base when x is a view. */
bool tni_inplace_done(tni_thread *t, tn_tensor *x, tni_node *node);
bool tni_copy_slices_vjp(tni_node *n, tn_tensor *const *dy, tn_tensor **dx, tni_thread *t);

/* Runs the derivative of a node: dx[edges] get results that the innermost (internal) scope claims. */
bool tni_node_apply(tni_thread *t, tni_node *n, tn_tensor *const *dy, tn_tensor **dx);
#endif
