/* core/inplace.c - writes in place: what is refused, version counters, history of views and of their bases. */
#include "base/error.h"
#include "base/memory.h"
#include "core/node.h"
#include <string.h>
#include <tison/ops.h>

/* Slices are known by places in the base, which must have the same elements. */
static bool refuse_parts(const char *who) {
    return tni_fail(TN_ERR_NOT_IMPLEMENTED,
                    "%s: the parts of a complex tensor share its memory; in-place writes into them or into it are not recorded. "
                    "Make a clone() before.",
                    who);
}

bool tni_inplace_check(tni_thread *t, const char *who, tn_tensor *x, bool record) {
    if (x->inference && !t->inference)
        return tni_fail(TN_ERR_AUTOGRAD,
                        "%s: Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
                        "normal tensor before doing inplace update.",
                        who);
    TNI_CHECK(x->a.device == TNI_SPARSE || !tni_may_overlap_itself(&x->a), TN_ERR_SHAPE,
              "%s: unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
              "Please clone() the tensor "
              "before performing the operation.",
              who);
    if (t->no_grad) return true;
    if (x->base && x->base->requires_grad && tni_is_leaf(x->base))
        return tni_fail(TN_ERR_AUTOGRAD, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    if (x->requires_grad && tni_is_leaf(x))
        return tni_fail(TN_ERR_AUTOGRAD, "a leaf Variable that requires grad is being used in an in-place operation.");
    if (record && x->view_of_hook)
        return tni_fail(TN_ERR_AUTOGRAD,
                        "Output %u of BackwardHookFunction is a view and is being modified inplace. This view was created inside a "
                        "custom Function "
                        "(or because an input was returned as-is) and the autograd logic to handle view+inplace would override the "
                        "custom backward associated with the custom Function, leading to incorrect gradients. This behavior is "
                        "forbidden. You can fix this by cloning the output of the custom Function.",
                        x->output_nr);
    if (record && x->base && x->base->a.dtype != x->a.dtype) return refuse_parts(who);
    if (record && x->base && x->view_without_grad)
        return tni_fail(TN_ERR_AUTOGRAD,
                        "%s: A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that "
                        "this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the "
                        "view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) "
                        "or both outside (if you want the inplace to be tracked).",
                        who);
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
    memcpy(n->slice->base_strides, base->a.strides, base->a.ndim * sizeof(int64_t));
    n->slice->row_major = base->a.contiguous;
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

static bool set_ints(tni_value *v, const int64_t *from, size_t n) {
    int64_t *copy = n ? tni_alloc(n * sizeof *copy) : NULL;
    if (n && !copy) return false;
    if (n) memcpy(copy, from, n * sizeof *copy);
    v->ints.v = copy;
    v->ints.n = n;
    return true;
}

/* The history of a view whose base was written since: a strided read of the base. */
static bool renew_view(tn_tensor *x) {
    extern const tni_op tni_op_as_strided;
    tni_node *n = tni_node_new(&tni_op_as_strided, 1, 0, 4, 1);
    if (!n) return false;
    const tni_array *base = &x->base->a;
    n->arg[2].i = x->a.offset - base->offset;
    bool right = tni_out_info_set(&n->out[0], x) && set_ints(&n->arg[0], x->a.sizes, x->a.ndim) &&
                 set_ints(&n->arg[1], x->a.strides, x->a.ndim) && set_ints(&n->arg[3], base->strides, base->ndim);
    if (!right) {
        tni_node_release(n);
        return false;
    }
    tni_edge_set(&n->edge[0], x->base);
    set_history(x, n, 0);
    return true;
}

bool tni_grad_fn(tn_tensor *x, tni_node **out) {
    *out = x->grad_fn;
    if (!x->base || !x->base->grad_fn) return true;
    uint32_t version = tni_version_get(x);
    if (x->view_version == version) return true;
    if (x->base->a.dtype != x->a.dtype) return refuse_parts("backward");
    if (!renew_view(x)) return false;
    x->view_version = version;
    *out = x->grad_fn;
    return true;
}

/* A copy of dy whose memory lies as the base's does; *line is what strides and offsets of the base refer to. */
static tn_tensor *copy_as_base(const tni_node *n, tn_tensor *dy, tn_tensor **line) {
    const tni_slice *s = n->slice;
    if (s->row_major) return *line = tn_clone(tn_contiguous(dy));
    const tni_out_info *o = &n->out[0];
    int64_t extent = 1;
    for (int i = 0; i < o->ndim; i++) extent = o->sizes[i] ? extent + (o->sizes[i] - 1) * s->base_strides[i] : extent;
    *line = (tn_zeros)(&extent, 1, &(tn_opts){.size = sizeof(tn_opts), .dtype = (tn_dtype)o->dtype});
    tn_tensor *whole = (tn_as_strided)(*line, o->sizes, o->ndim, s->base_strides, o->ndim, 0);
    return whole && tn_copy_(whole, dy) ? whole : NULL;
}

/* The gradient of the base: a copy of dy whose slice goes through the inner derivative and comes back in place. */
bool tni_copy_slices_vjp(tni_node *n, tn_tensor *const *dy, tn_tensor **dx, tni_thread *t) {
    const tni_slice *s = n->slice;
    tn_tensor *line, *whole = copy_as_base(n, dy[0], &line);
    tn_tensor *slice = whole ? (tn_as_strided)(line, s->sizes, s->ndim, s->strides, s->ndim, s->offset) : NULL;
    tn_tensor *inner_dy = slice ? tn_clone(slice) : NULL;
    if (!inner_dy || !tni_node_apply(t, s->inner, &inner_dy, dx)) return false;
    if (!n->edge[0].node && !n->edge[0].leaf) return true;
    tn_tensor *mine = dx[0];
    dx[0] = whole;
    return mine ? tn_copy_(slice, mine) != NULL : tn_zero_(slice) != NULL;
}
