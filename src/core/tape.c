/* core/tape.c - nodes of the graph: recording a call, what is kept for backward, freeing without recursion. */
#include "base/error.h"
#include "base/memory.h"
#include "core/function.h"
#include "core/hook.h"
#include "core/node.h"
#include <stdio.h>
#include <string.h>

tni_node *tni_node_new(const tni_op *op, size_t edges, size_t saves, size_t args, size_t outs) {
    size_t bytes = sizeof(tni_node) + edges * sizeof(tni_edge) + saves * sizeof(tni_saved_tensor) + args * sizeof(tni_value) +
                   outs * sizeof(tni_out_info);
    tni_node *n = tni_alloc_zero(bytes);
    if (!n) return NULL;
    n->refs = 1;
    n->op = op;
    n->bytes = bytes;
    n->sequence = ++tni_self()->sequence;
    char *at = (char *)(n + 1);
    n->out = (tni_out_info *)(void *)at, at += outs * sizeof(tni_out_info);
    n->edge = (tni_edge *)(void *)at, at += edges * sizeof(tni_edge);
    n->saved = (tni_saved_tensor *)(void *)at, at += saves * sizeof(tni_saved_tensor);
    n->arg = (tni_value *)(void *)at;
    n->edges = (uint32_t)edges, n->args = (uint32_t)args, n->outs = (uint32_t)outs;
    return n;
}

const char *tni_node_name(const tni_node *n) {
    if (n->function) return tni_function_grad_name(n->function);
    return n->slice ? "CopySlices" : n->op->grad_name ? n->op->grad_name : n->op->name;
}

void tni_node_dead(tni_node *n) {
    tni_thread *t = tni_self();
    if (!t) return;
    n->next_dead = t->dead_nodes;
    t->dead_nodes = n;
    if (!t->holding) tni_drain(t);
}

void tni_node_release_saved(tni_node *n) {
    n->released = true;
    for (uint32_t i = 0; i < n->saves; i++)
        if (n->saved[i].tensor) {
            tni_release_saved(n->saved[i].tensor);
            n->saved[i].tensor = NULL;
        }
    if (n->function) tni_function_release_saved(n->function);
}

static void free_ints(tni_node *n) {
    for (uint32_t i = 0; n->op && i < n->args; i++)
        if (n->op->ints >> i & 1) tni_free((void *)(uintptr_t)n->arg[i].ints.v, n->arg[i].ints.n * sizeof(int64_t));
}

void tni_node_free_next(tni_thread *t) {
    tni_node *n = t->dead_nodes;
    t->dead_nodes = n->next_dead;
    tni_node_release_saved(n);
    for (uint32_t i = 0; i < n->edges; i++) {
        if (n->edge[i].leaf) tni_release_graph(&n->edge[i].leaf->object);
        tni_node_release(n->edge[i].node);
    }
    for (uint32_t i = 0; i < n->outs; i++) {
        tni_out_info *o = &n->out[i];
        if (o->sizes && o->sizes != o->inline_sizes) tni_free(o->sizes, o->ndim * sizeof(int64_t));
        tni_hooks_clear(&o->hooks, &o->hook_count, &o->hook_capacity);
    }
    free_ints(n);
    if (n->function) tni_function_free(n->function);
    if (n->slice) {
        tni_node_release(n->slice->inner);
        tni_free(n->slice, sizeof(tni_slice));
    }
    tni_free(n, n->bytes);
}

void tni_edge_set(tni_edge *e, tn_tensor *x) {
    if (!x || !x->requires_grad) return;
    if (x->grad_fn) {
        e->node = tni_node_share(x->grad_fn);
        e->nr = x->output_nr;
    } else {
        e->leaf = x;
        e->nr = x->swaps;
        tni_claim_graph(&x->object);
    }
}

bool tni_out_info_set(tni_out_info *o, const tn_tensor *x) {
    o->ndim = x->a.ndim;
    o->dtype = x->a.dtype;
    o->device = x->a.device == TNI_META ? TNI_META : TNI_CPU;
    o->sizes = o->inline_sizes;
    if (x->a.ndim > 4 && !(o->sizes = tni_alloc(x->a.ndim * sizeof(int64_t)))) return false;
    for (int i = 0; i < x->a.ndim; i++) o->sizes[i] = x->a.sizes[i];
    return true;
}

static bool copy_args(tni_node *n, const tni_call *c) {
    for (size_t i = 0; i < c->narg; i++) {
        n->arg[i] = c->arg[i];
        if (!(c->op->ints >> i & 1)) continue;
        size_t bytes = c->arg[i].ints.n * sizeof(int64_t);
        int64_t *copy = bytes ? tni_alloc(bytes) : NULL;
        if (bytes && !copy) {
            n->args = (uint32_t)i;
            return false;
        }
        if (bytes) memcpy(copy, c->arg[i].ints.v, bytes);
        n->arg[i].ints.v = copy;
    }
    return true;
}

bool tni_node_save(tni_node *n, size_t slot, tn_tensor *x, uint32_t which) {
    if (x->inference)
        return tni_fail(TN_ERR_AUTOGRAD,
                        "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
                        "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use "
                        "it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.");
    n->saved[slot] = (tni_saved_tensor){x, which, tni_version_get(x)};
    n->saves = (uint32_t)slot + 1;
    tni_claim_saved(x);
    return true;
}

bool tni_saves_input(const tni_call *c, size_t i) {
    if (!(c->op->save & TNI_IN(i)) || !c->in[i]) return false;
    uint32_t readers = i < 2 ? c->op->save_for[i] : 0;
    for (size_t k = 0; readers && k < c->nin; k++)
        if ((readers & TNI_IN(k)) && c->in[k] && c->in[k]->requires_grad) readers = 0;
    return readers == 0;
}

static bool save_inputs(tni_node *n, tni_call *c, tn_tensor *saved_self) {
    for (size_t i = 0; i < c->nin && i < 16; i++) {
        tn_tensor *x = i == 0 && saved_self ? saved_self : c->in[i];
        if (tni_saves_input(c, i)) TNI_TRY(tni_node_save(n, n->saves, x, (uint32_t)TNI_IN(i)));
    }
    return true;
}

/* Outputs are saved as aliases, so that no node keeps itself alive. */
static bool save_outputs(tni_node *n, tni_call *c) {
    for (size_t k = 0; k < c->nout; k++) {
        if (!(c->op->save & TNI_OUT(k)) || !c->out[k]) continue;
        tn_tensor *alias = tni_tensor_alias(c->t, c->op->name, c->out[k]);
        if (!alias) return false;
        bool saved = tni_node_save(n, n->saves, alias, (uint32_t)TNI_OUT(k));
        if (!saved) {
            tni_tensor_destroy_new(c->t, alias);
            return false;
        }
    }
    return true;
}

static bool differentiable(const tni_call *c, size_t k) {
    return c->out[k] && !(c->op->no_grad_outputs >> k & 1) && tni_dtype_has_grad((tn_dtype)c->out[k]->a.dtype);
}

/* Autograd is not asked when all inputs are inference tensors, whatever their flags. */
static bool is_inference(const tni_call *c) {
    if (TNI_LIKELY(!c->in[0] || !c->in[0]->inference) || c->op->copies) return false;
    for (size_t i = 1; i < c->nin; i++)
        if (c->in[i] && !c->in[i]->inference) return false;
    return true;
}

bool tni_record(tni_call *c, tn_tensor *saved_self) {
    bool any = false;
    for (size_t k = 0; k < c->nout; k++) any = any || differentiable(c, k);
    if (!any || is_inference(c)) return !c->inplace || tni_inplace_done(c->t, c->out[0], NULL);
    tni_node *n = tni_node_new(c->op, c->nin, (size_t)__builtin_popcount(c->op->save), c->narg, c->nout);
    if (!n) return false;
    bool right = copy_args(n, c);
    for (size_t i = 0; right && i < c->nin; i++) {
        tni_node *current;
        right = !c->in[i] || !c->in[i]->base || tni_grad_fn(c->in[i], &current);
        if (right) tni_edge_set(&n->edge[i], c->in[i]);
    }
    right = right && save_inputs(n, c, saved_self); /* with the versions that they had when they were read */
    if (c->inplace && right) tni_version_bump(c->out[0]);
    right = right && save_outputs(n, c);
    for (size_t k = 0; right && k < c->nout; k++)
        if (c->out[k]) right = tni_out_info_set(&n->out[k], c->out[k]);
    if (!right) {
        tni_node_release(n);
        return false;
    }
    if (c->inplace) {
        return tni_inplace_done(c->t, c->out[0], n);
    }
    for (size_t k = 0; k < c->nout; k++) {
        if (!differentiable(c, k)) continue;
        c->out[k]->grad_fn = tni_node_share(n);
        c->out[k]->output_nr = (uint32_t)k;
        c->out[k]->requires_grad = true;
    }
    tni_node_release(n);
    return true;
}

/* ---- accessors of derivatives ---- */

static bool refuse_changed(const tni_node *n, const tni_saved_tensor *s) {
    const tn_tensor *x = s->tensor;
    char from[80] = "";
    if (s->which >= TNI_OUT(0))
        snprintf(from, sizeof from, ", which is output %d of %s,", __builtin_ctz(s->which) - 16, tni_node_name(n));
    else if (x->grad_fn)
        snprintf(from, sizeof from, ", which is output %u of %s,", x->output_nr, tni_node_name(x->grad_fn));
    return tni_fail(TN_ERR_AUTOGRAD,
                    "%s: one of the variables needed for gradient computation has been modified by an inplace operation: "
                    "[torch.%sTensor %s]%s is at "
                    "version %u; expected version %u instead.",
                    tni_node_name(n), tni_dtype_get((tn_dtype)x->a.dtype)->legacy, TNI_SHAPE(&x->a), from,
                    tni_version_get(s->tensor), s->version);
}

bool tni_refuse_released(void) {
    return tni_fail(
        TN_ERR_AUTOGRAD,
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
        "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
        "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
        "after calling backward.");
}

tn_tensor *tni_saved(tni_vjp *g, uint32_t which) {
    tni_node *n = g->node;
    if (n->released) return (void)tni_refuse_released(), NULL;
    for (uint32_t i = 0; i < n->saves; i++) {
        tni_saved_tensor *s = &n->saved[i];
        if (s->which != which) continue;
        if (tni_version_get(s->tensor) != s->version) return (void)refuse_changed(n, s), NULL;
        uint32_t output = which >> 16; /* places of indices have no history */
        if (!output || g->t->no_grad || n->op->no_grad_outputs & output) return s->tensor;
        tn_tensor *again = tni_tensor_alias(g->t, "saved", s->tensor); /* with its history, for gradients of gradients */
        if (!again) return NULL;
        again->grad_fn = tni_node_share(n);
        again->output_nr = (uint32_t)__builtin_ctz(which) - 16;
        again->requires_grad = true;
        return tni_give(g->t, again);
    }
    return NULL;
}

bool tni_needs(const tni_vjp *g, size_t i) { return i < g->node->edges && (g->node->edge[i].node || g->node->edge[i].leaf); }
size_t tni_input_count(const tni_vjp *g) { return g->node->edges; }

const int64_t *tni_input_sizes(const tni_vjp *g, size_t i, size_t *ndim) {
    const tni_edge *e = &g->node->edge[i];
    *ndim = e->leaf ? e->leaf->a.ndim : e->node->out[e->nr].ndim;
    return e->leaf ? e->leaf->a.sizes : e->node->out[e->nr].sizes;
}

tn_dtype tni_input_dtype(const tni_vjp *g, size_t i) {
    const tni_edge *e = &g->node->edge[i];
    return (tn_dtype)(e->leaf ? e->leaf->a.dtype : e->node->out[e->nr].dtype);
}

tn_tensor *tni_zeros_like_input(const tni_vjp *g, size_t i) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, i, &ndim);
    return tni_give(g->t, tni_tensor_zeros(g->t, "zeros", tni_input_dtype(g, i), sizes, ndim));
}

/* A derivative on raw memory relies on what was recorded: there is memory, and no leaf was pointed at other memory (.data), or converted,
 * since. Formulas check shapes, dtypes and devices themselves. */
static bool is_as_recorded(const tni_node *n) {
    int8_t dtype = n->out[0].dtype;
    if (n->out[0].device != TNI_CPU) return false;
    for (uint32_t i = 0; i < n->saves; i++) {
        const tn_tensor *x = n->saved[i].tensor;
        if (x && (x->version || x->a.device != TNI_CPU || (x->a.dtype != dtype && tni_dtype_is_float((tn_dtype)x->a.dtype))))
            return false;
    }
    for (uint32_t i = 0; i < n->edges; i++) {
        const tn_tensor *x = n->edge[i].leaf;
        if (x && (x->version || x->a.dtype != dtype || x->swaps != n->edge[i].nr)) return false;
    }
    return true;
}

/* What a derivative makes is made where its node's outputs were. */
static __attribute__((noinline)) bool apply_there(tni_thread *t, tni_node *n, tn_tensor *const *dy, tn_tensor **dx) {
    tni_devices before = tni_device_enter(t, n->out[0].device);
    bool right = tni_node_apply(t, n, dy, dx);
    tni_device_leave(t, before);
    return right;
}

bool tni_node_apply(tni_thread *t, tni_node *n, tn_tensor *const *dy, tn_tensor **dx) {
    if (n->function) return tni_function_vjp(n, dy, dx, t);
    if (tni_device_differs(t, n->out[0].device)) return apply_there(t, n, dy, dx);
    if (n->slice) return tni_copy_slices_vjp(n, dy, dx, t);
    tni_vjp g = {n, t, dy, dx, n->arg};
    bool fused = t->no_grad && n->op->fused_vjp && tni_dtype_is_wide((tn_dtype)n->out[0].dtype) && is_as_recorded(n);
    bool (*vjp)(tni_vjp *) = fused ? n->op->fused_vjp : n->op->vjp;
    return vjp(&g) && !tni_failed();
}
