/* core/inplace.c - writes in place: what is refused, version counters, history of views and of their bases. */
#include "base/error.h"
#include "base/memory.h"
#include "core/node.h"
#include <string.h>
#include <tison/ops.h>

bool tni_inplace_check(tni_thread *t, const char *who, tn_tensor *x, bool record) {
    if (x->inference && !t->inference)
        return tni_fail(TN_ERR_AUTOGRAD, "%s: Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.", who);
    TNI_CHECK(!tni_may_overlap_itself(&x->a), TN_ERR_SHAPE,
              "%s: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor "
              "before performing the operation.", who);
    if (t->no_grad) return true;
    if (x->base && x->base->requires_grad && tni_is_leaf(x->base))
        return tni_fail(TN_ERR_AUTOGRAD, "%s: a view of a leaf Variable that requires grad is being used in an in-place operation.", who);
    if (x->requires_grad && tni_is_leaf(x))
        return tni_fail(TN_ERR_AUTOGRAD, "%s: a leaf Variable that requires grad is being used in an in-place operation.", who);
    if (record && x->base && x->view_without_grad)
        return tni_fail(TN_ERR_AUTOGRAD, "%s: A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).", who);
    return true;
}

static void set_history(tn_tensor *x, tni_node *node, uint32_t nr) {
    tni_node *old = x->grad_fn;
    x->grad_fn = node;
    x->output_nr = nr;
    x->requires_grad = true;
    tni_node_release(old);
}

/* The base gets a node that writes the slice's gradient into the base's. */
static tni_node *new_copy_slices(const tn_tensor *x, tni_node *inner) {
    tn_tensor *base = x->base;
    tni_node *n = tni_node_new(inner->op, inner->edges, 0, 0, 1);
    if (!n) return NULL;
    n->function = NULL;
    n->slice = tni_alloc(sizeof *n->slice);
    if (!n->slice || !tni_out_info_set(&n->out[0], base)) {
        tni_node_release(n);
        return NULL;
    }
    n->slice->inner = inner;
    n->slice->ndim = x->a.ndim;
    n->slice->offset = x->a.offset - base->a.offset;
    memcpy(n->slice->sizes, x->a.sizes, x->a.ndim * sizeof(int64_t));
    memcpy(n->slice->strides, x->a.strides, x->a.ndim * sizeof(int64_t));
    tni_edge_set(&n->edge[0], base); /* the base's history takes the place of the view's */
    for (uint32_t i = 1; i < inner->edges; i++) {
        n->edge[i] = inner->edge[i];
        if (n->edge[i].node) tni_node_share(n->edge[i].node);
        if (n->edge[i].leaf) tni_claim_graph(&n->edge[i].leaf->object);
    }
    return n;
}

bool tni_inplace_done(tni_thread *t, tn_tensor *x, tni_node *node) {
    (void)t;
    if (!node) {
        tni_version_bump(x);
        return true;
    }
    if (!x->base) {
        set_history(x, node, 0);
        return true;
    }
    tni_node *whole = new_copy_slices(x, node);
    if (!whole) {
        tni_node_release(node);
        return false;
    }
    set_history(x->base, whole, 0);
    tni_node *mine;
    return tni_grad_fn(x, &mine);
}

/* The history of a view whose base was written since: a strided read of the base. */
static bool renew_view(tn_tensor *x) {
    extern const tni_op tni_op_as_strided;
    tni_node *n = tni_node_new(&tni_op_as_strided, 1, 0, 3, 1);
    if (!n) return false;
    n->args = 0; /* until the lists are copies */
    size_t bytes = x->a.ndim * sizeof(int64_t);
    int64_t *sizes = bytes ? tni_alloc(bytes) : NULL, *strides = bytes ? tni_alloc(bytes) : NULL;
    if ((bytes && (!sizes || !strides)) || !tni_out_info_set(&n->out[0], x)) {
        tni_free(sizes, bytes);
        tni_free(strides, bytes);
        tni_node_release(n);
        return false;
    }
    if (bytes) memcpy(sizes, x->a.sizes, bytes), memcpy(strides, x->a.strides, bytes);
    n->arg[0].ints.v = sizes, n->arg[0].ints.n = x->a.ndim;
    n->arg[1].ints.v = strides, n->arg[1].ints.n = x->a.ndim;
    n->arg[2].i = x->a.offset - x->base->a.offset;
    n->args = 3;
    tni_edge_set(&n->edge[0], x->base);
    set_history(x, n, 0);
    return true;
}

bool tni_grad_fn(tn_tensor *x, tni_node **out) {
    *out = x->grad_fn;
    if (!x->base || !x->base->grad_fn) return true;
    uint32_t version = tni_version_get(x);
    if (x->view_version == version) return true;
    if (!renew_view(x)) return false;
    x->view_version = version;
    *out = x->grad_fn;
    return true;
}

/* dy of the base -> a dense copy; its slice goes through the inner derivative and comes back in place. */
bool tni_copy_slices_vjp(tni_node *n, tn_tensor *const *dy, tn_tensor **dx, tni_thread *t) {
    const tni_slice *s = n->slice;
    tn_tensor *whole = tn_clone(dy[0]);
    tn_tensor *slice = whole ? (tn_as_strided)(whole, s->sizes, s->ndim, s->strides, s->ndim, s->offset) : NULL;
    tn_tensor *inner_dy = slice ? tn_clone(slice) : NULL;
    if (!inner_dy || !tni_node_apply(t, s->inner, &inner_dy, dx)) return false;
    bool needed = n->edge[0].node || n->edge[0].leaf;
    tn_tensor *mine = dx[0];
    if (needed) {
        bool written = mine ? tn_copy_(slice, mine) != NULL : (tn_zero_)(slice) != NULL;
        if (!written) return false;
    }
    dx[0] = needed ? whole : NULL;
    return true;
}
