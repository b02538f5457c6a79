/* core/engine.c - backward: dependencies, a queue by sequence number, accumulation. Nothing here recurses. */
#include "core/engine.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <string.h>
#include <tison/ops.h>

/* A node or a leaf that the run reaches. */
typedef struct task {
    tni_node *node; /* or NULL */
    tn_tensor *leaf;
    uint64_t sequence; /* UINT64_MAX for a leaf: it accumulates as soon as it can */
    int32_t waiting;   /* edges that have not delivered yet */
    bool needed;       /* leads to something that is wanted */
    tn_tensor *first;  /* gradient of output 0, claimed */
    tn_tensor **more;  /* of all outputs, when the node has several */
} task;

typedef struct frame {
    uint32_t task, edge;
} frame;

/* One run. Its arrays come from the block cache, so that a warm run calls no allocator. */
typedef struct run {
    tni_thread *t;
    const char *who;
    const tni_backward *b;
    task *task;
    size_t tasks, task_capacity;
    uint32_t *slot; /* open-addressed: index of a task + 1 */
    size_t mask;
    uint32_t *ready; /* a heap: the largest sequence first */
    size_t ready_count, ready_capacity;
    frame *stack;
    size_t depth, stack_capacity;
} run;

/* ---- tasks ---- */

static size_t place(const void *key, size_t mask) { return (size_t)(((uintptr_t)key >> 5) * 0x9E3779B97F4A7C15u >> 24) & mask; }
static const void *key_of(const task *k) { return k->node ? (const void *)k->node : (const void *)k->leaf; }

static bool grow_slots(run *r) {
    size_t mask = r->slot ? r->mask * 2 + 1 : 63;
    uint32_t *slot = tni_alloc_zero((mask + 1) * sizeof *slot);
    if (!slot) return false;
    for (size_t k = 0; k < r->tasks; k++) {
        size_t i = place(key_of(&r->task[k]), mask);
        while (slot[i]) i = (i + 1) & mask;
        slot[i] = (uint32_t)k + 1;
    }
    if (r->slot) tni_free(r->slot, (r->mask + 1) * sizeof *slot);
    r->slot = slot;
    r->mask = mask;
    return true;
}

static task *find_task(const run *r, const void *key) {
    for (size_t i = place(key, r->mask);; i = (i + 1) & r->mask) {
        if (!r->slot[i]) return NULL;
        if (key_of(&r->task[r->slot[i] - 1]) == key) return &r->task[r->slot[i] - 1];
    }
}

static task *new_task(run *r, tni_node *node, tn_tensor *leaf) {
    if ((!r->slot || r->tasks * 2 > r->mask) && !grow_slots(r)) return NULL;
    if (!tni_reserve(&r->task, &r->task_capacity, r->tasks + 1, sizeof *r->task)) return NULL;
    task *k = &r->task[r->tasks++];
    *k = (task){.node = node, .leaf = leaf, .sequence = node ? node->sequence : UINT64_MAX};
    size_t i = place(key_of(k), r->mask);
    while (r->slot[i]) i = (i + 1) & r->mask;
    r->slot[i] = (uint32_t)r->tasks;
    return k;
}

static tn_tensor **buffer_of(task *k, uint32_t nr) {
    if (!k->node || k->node->outs <= 1) return &k->first;
    if (!k->more) k->more = tni_alloc_zero(k->node->outs * sizeof *k->more);
    return k->more ? &k->more[nr] : NULL;
}

static void release_buffers(task *k) {
    if (k->first) tni_release(&k->first->object);
    k->first = NULL;
    if (!k->more) return;
    for (uint32_t i = 0; i < k->node->outs; i++)
        if (k->more[i]) tni_release(&k->more[i]->object);
    tni_free(k->more, k->node->outs * sizeof *k->more);
    k->more = NULL;
}

/* ---- what is wanted ---- */

static bool is_input(const run *r, const task *k) {
    if (!r->b->input) return k->leaf != NULL;
    for (size_t i = 0; i < r->b->inputs; i++)
        if (k->leaf ? r->b->input[i] == k->leaf : r->b->input[i]->grad_fn == k->node) return true;
    return false;
}

static bool push_frame(run *r, uint32_t index) {
    if (!tni_reserve(&r->stack, &r->stack_capacity, r->depth + 1, sizeof *r->stack)) return false;
    r->stack[r->depth++] = (frame){index, 0};
    return true;
}

/* Visits what an edge points to. */
static bool visit_edge(run *r, tni_node *node, tn_tensor *leaf) {
    task *k = find_task(r, node ? (const void *)node : (const void *)leaf);
    if (!k) {
        if (!(k = new_task(r, node, leaf))) return false;
        k->needed = is_input(r, k);
        if (node && !push_frame(r, (uint32_t)r->tasks - 1)) return false;
    }
    k->waiting++;
    return true;
}

/* Depth first without recursion: counts the edges into each task, and learns which tasks lead to what is wanted. */
static bool explore(run *r) {
    while (r->depth) {
        frame *f = &r->stack[r->depth - 1];
        task *k = &r->task[f->task];
        if (f->edge < k->node->edges) {
            const tni_edge *e = &k->node->edge[f->edge++];
            if (e->node || e->leaf) TNI_TRY(visit_edge(r, e->node, e->leaf));
            if (e->leaf && TNI_UNLIKELY(e->nr != e->leaf->swaps) && is_input(r, find_task(r, e->leaf))) return tni_refuse_swapped();
            continue;
        }
        for (uint32_t i = 0; i < k->node->edges && !k->needed; i++) {
            const tni_edge *e = &k->node->edge[i];
            if (e->node || e->leaf) k->needed = find_task(r, e->node ? (const void *)e->node : (const void *)e->leaf)->needed;
        }
        r->depth--;
    }
    return true;
}

/* ---- the queue ---- */

static bool push_ready(run *r, uint32_t index) {
    if (!tni_reserve(&r->ready, &r->ready_capacity, r->ready_count + 1, sizeof *r->ready)) return false;
    size_t i = r->ready_count++;
    while (i > 0 && r->task[r->ready[(i - 1) / 2]].sequence < r->task[index].sequence) {
        r->ready[i] = r->ready[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->ready[i] = index;
    return true;
}

static uint32_t pop_ready(run *r) {
    uint32_t top = r->ready[0], last = r->ready[--r->ready_count];
    size_t i = 0, n = r->ready_count;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && r->task[r->ready[child + 1]].sequence > r->task[r->ready[child]].sequence) child++;
        if (r->task[r->ready[child]].sequence <= r->task[last].sequence) break;
        r->ready[i] = r->ready[child];
        i = child;
    }
    if (n) r->ready[i] = last;
    return top;
}

/* ---- gradients ---- */

/* May the engine write into g? Only when nobody else can see it or its memory. */
static bool is_own(const tn_tensor *g) {
    return tni_count_get(&g->object.claims) == 1 && !(g->object.flags & TNI_SEEN) && !g->base && !g->requires_grad &&
           tni_count_get(&g->a.storage->refs) == 1 && !g->a.storage->foreign && !tni_may_overlap_itself(&g->a);
}

/* Adds g (claimed by the innermost scope) to a buffer, which claims what it holds. */
static bool add_to_buffer(run *r, tn_tensor **buffer, tn_tensor *g) {
    if (!*buffer) {
        tni_claim(&g->object);
        *buffer = g;
        return true;
    }
    if (r->t->no_grad && is_own(*buffer)) return (tn_add_)(*buffer, g, NULL) != NULL;
    bool turned =
        (*buffer)->a.device == TNI_SPARSE && g->a.device != TNI_SPARSE; /* a dense tensor and a sparse one, in this order */
    tn_tensor *sum = turned ? (tn_add)(g, *buffer, NULL) : (tn_add)(*buffer, g, NULL);
    if (!sum) return false;
    tni_claim(&sum->object);
    tni_release(&(*buffer)->object);
    *buffer = sum;
    return true;
}

/* The gradient as the input wants it: summed over what was broadcast, in its dtype. */
static tn_tensor *fit(const char *name, tn_tensor *g, const int64_t *sizes, size_t ndim, tn_dtype dtype, int8_t device) {
    if (TNI_UNLIKELY((g->a.device == TNI_META) != (device == TNI_META)))
        return (void)tni_fail(TN_ERR_RUNTIME, "Function %s returned an invalid gradient at index 0 - expected device %s but got %s",
                              name, tni_device_name(device), tni_device_name(g->a.device)),
               NULL;
    if (TNI_LIKELY(g->a.ndim == ndim && g->a.dtype == (int8_t)dtype)) {
        size_t i = 0;
        while (i < ndim && g->a.sizes[i] == sizes[i]) i++;
        if (i == ndim) return g;
    }
    bool fits = g->a.ndim >= ndim;
    for (size_t i = 0; fits && i < ndim; i++) {
        int64_t have = g->a.sizes[g->a.ndim - ndim + i];
        fits = have == sizes[i] || sizes[i] == 1;
    }
    if (!fits) {
        tni_fail(TN_ERR_SHAPE, "Function %s returned an invalid gradient - got %s but expected shape compatible with %s", name,
                 TNI_SHAPE(&g->a), tni_shape_text((char[160]){0}, 160, sizes, ndim));
        return NULL;
    }
    if (!tni_dtype_has_grad(dtype))
        return (void)tni_fail(TN_ERR_DTYPE, "Function %s: a gradient cannot be of torch.%s, as the grad_dtype of a leaf says", name,
                              tni_dtype_get(dtype)->name),
               NULL;
    g = (tn_sum_to_size)(g, sizes, ndim);
    return g && g->a.dtype != (int8_t)dtype ? tn_to(g, dtype) : g;
}

static bool deliver(run *r, const tni_node *from, const tni_edge *e, tn_tensor *g) {
    task *k = find_task(r, e->node ? (const void *)e->node : (const void *)e->leaf);
    if (k->needed && g) {
        const int64_t *sizes = e->leaf ? e->leaf->a.sizes : e->node->out[e->nr].sizes;
        size_t ndim = e->leaf ? e->leaf->a.ndim : e->node->out[e->nr].ndim;
        tn_dtype dtype = e->leaf ? tni_leaf_grad_dtype(e->leaf, (tn_dtype)g->a.dtype) : (tn_dtype)e->node->out[e->nr].dtype;
        int8_t device = e->leaf ? e->leaf->a.device : e->node->out[e->nr].device;
        if (!(g = fit(tni_node_name(from), g, sizes, ndim, dtype, device))) return false;
        tn_tensor **buffer = buffer_of(k, e->nr);
        if (!buffer || !add_to_buffer(r, buffer, g)) return false;
    }
    return --k->waiting > 0 || !k->needed || push_ready(r, (uint32_t)(k - r->task));
}

static void collect(run *r, const tn_tensor *leaf, const tni_node *node, uint32_t nr, tn_tensor *g) {
    for (size_t i = 0; i < r->b->inputs; i++) {
        const tn_tensor *x = r->b->input[i];
        if (leaf ? x != leaf : x->grad_fn != node || x->output_nr != nr) continue;
        tni_claim(&g->object);
        r->b->result[i] = g;
    }
}

static bool same_layout(const tn_tensor *a, const tn_tensor *b) {
    if (a->a.contiguous && b->a.contiguous) return true;
    return memcmp(a->a.strides, b->a.strides, a->a.ndim * sizeof(int64_t)) == 0;
}

/* leaf.grad += g: a fresh gradient that only the engine holds is taken over, any other copied; later ones are added in place. */
static bool accumulate(run *r, tn_tensor *leaf, tn_tensor **buffer) {
    if (!tni_tensor_meta(leaf)) return false;
    tn_tensor *old = leaf->meta->grad, *fresh;
    if (leaf->is_parameter && TNI_UNLIKELY(!leaf->optimized && tni_count_get(&leaf->object.fields) == 0))
        tni_note_unowned(r->t, leaf, old != NULL);
    if (old && r->t->no_grad && (TNI_LIKELY(old->a.device != TNI_SPARSE) || (*buffer)->a.device == TNI_SPARSE))
        return tni_same_shape(&old->a, &(*buffer)->a)
                   ? (tn_add_)(old, *buffer, NULL) != NULL
                   : tni_fail(TN_ERR_SHAPE, "backward: the gradient of shape %s does not fit .grad of shape %s",
                              TNI_SHAPE(&(*buffer)->a), TNI_SHAPE(&old->a));
    if (old)
        fresh = old->a.device == TNI_SPARSE ? (tn_add)(*buffer, old, NULL) : (tn_add)(old, *buffer, NULL);
    else if (r->t->no_grad && is_own(*buffer) && same_layout(*buffer, leaf))
        fresh = *buffer;
    else if (r->t->no_grad && !leaf->a.contiguous && (*buffer)->a.device != TNI_SPARSE && tni_is_dense(&leaf->a)) {
        fresh = tni_give(r->t, tni_tensor_new_like(r->t, "backward", leaf, (tn_dtype)(*buffer)->a.dtype));
        if (fresh && !tni_copy_array(&fresh->a, &(*buffer)->a)) return false;
    } else
        fresh = tn_clone(*buffer);
    if (!fresh) return false;
    tni_tensor_set_grad(leaf, fresh);
    return true;
}

static bool run_hooks(run *r, struct tn_hook *const *hooks, size_t count, tn_tensor **buffer) {
    if (!count) return true;
    tn_tensor *g = *buffer;
    if (!tni_scope_claim(r->t, &g->object) || !tni_hooks_run(r->t, hooks, count, &g)) return false;
    if (g == *buffer) return true;
    tni_claim(&g->object);
    tni_release(&(*buffer)->object);
    *buffer = g;
    return true;
}

static bool finish_leaf(run *r, uint32_t index) {
    task *k = &r->task[index];
    tn_tensor *leaf = k->leaf;
    if (!k->first) return true;
    if (leaf->meta) TNI_TRY(run_hooks(r, leaf->meta->hooks, leaf->meta->hook_count, &k->first));
    if (r->b->input) {
        collect(r, leaf, NULL, 0, k->first);
        return true;
    }
    TNI_TRY(accumulate(r, leaf, &k->first));
    return !leaf->meta->after_count || tni_hooks_after(r->t, leaf);
}

/* Hooks, retained gradients and collected ones of a node's outputs. */
static bool finish_outputs(run *r, task *k) {
    tni_node *n = k->node;
    for (uint32_t i = 0; i < n->outs; i++) {
        tn_tensor **buffer = n->outs == 1 ? &k->first : k->more ? &k->more[i] : NULL;
        if (!buffer || !*buffer) continue;
        tni_out_info *o = &n->out[i];
        TNI_TRY(run_hooks(r, o->hooks, o->hook_count, buffer));
        if (o->retained && !r->b->input) {
            tn_tensor *kept = o->retained, *sum = kept->meta->grad ? (tn_add)(kept->meta->grad, *buffer, NULL) : tn_clone(*buffer);
            if (!sum) return false;
            tni_tensor_set_grad(kept, sum);
        }
        if (r->b->input) collect(r, NULL, n, i, *buffer);
    }
    return true;
}

enum { FEW = 8 };

static bool run_node(run *r, uint32_t index) {
    task *k = &r->task[index];
    tni_node *n = k->node;
    TNI_TRY(finish_outputs(r, k));
    k = &r->task[index];
    tn_tensor *few[FEW] = {NULL}, **dx = few;
    bool any = n->outs == 1 ? k->first != NULL : k->more != NULL, leads_on = false;
    for (uint32_t i = 0; i < n->edges && !leads_on; i++) {
        const tni_edge *e = &n->edge[i];
        leads_on = (e->node || e->leaf) && find_task(r, e->node ? (const void *)e->node : (const void *)e->leaf)->needed;
    }
    if (n->edges > FEW && !(dx = tni_alloc_zero(n->edges * sizeof *dx))) return false;
    bool right = !any || !leads_on || tni_node_apply(r->t, n, n->outs == 1 ? &k->first : k->more, dx);
    for (uint32_t i = 0; right && i < n->edges; i++)
        if (n->edge[i].node || n->edge[i].leaf) right = deliver(r, n, &n->edge[i], dx[i]);
    if (dx != few) tni_free(dx, n->edges * sizeof *dx);
    return right;
}

static bool run_ready(run *r) {
    while (r->ready_count) {
        uint32_t index = pop_ready(r);
        TNI_TRY(tni_inner_enter(r->t));
        tni_node *n = r->task[index].node;
        bool right = n ? run_node(r, index) : finish_leaf(r, index);
        release_buffers(&r->task[index]);
        tni_inner_exit(r->t);
        if (!right) return false;
        if (n && !r->b->retain_graph) tni_node_release_saved(n);
    }
    return true;
}

/* ---- the start ---- */

static tn_tensor *seed_of(run *r, tn_tensor *root, tn_tensor *seed) {
    if (!seed) {
        if (root->a.numel != 1)
            return (void)tni_fail(TN_ERR_AUTOGRAD, "grad can be implicitly created only for scalar outputs"), NULL;
        seed = tni_give(r->t, tni_tensor_new_like(r->t, r->who, root, (tn_dtype)root->a.dtype));
        if (seed && seed->a.device == TNI_CPU) tni_element_set(seed->a.data, (tn_dtype)root->a.dtype, 1, 1, false);
        return seed;
    }
    if (!tni_same_shape(&seed->a, &root->a))
        return (void)tni_fail(
                   TN_ERR_SHAPE,
                   "Mismatch in shape: grad_output[0] has a shape of torch.Size(%s) and output[0] has a shape of torch.Size(%s).",
                   TNI_SHAPE(&seed->a), TNI_SHAPE(&root->a)),
               NULL;
    return seed->a.dtype == root->a.dtype ? seed : tn_to(seed, (tn_dtype)root->a.dtype);
}

static bool add_root(run *r, tn_tensor *root, tn_tensor *seed) {
    tni_node *node;
    TNI_TRY(tni_grad_fn(root, &node));
    if (!tni_wants_grad(root))
        return tni_fail(TN_ERR_AUTOGRAD, "element 0 of tensors does not require grad and does not have a grad_fn");
    if (!(seed = seed_of(r, root, seed))) return false;
    tn_dtype dtype = node ? (tn_dtype)root->a.dtype : tni_leaf_grad_dtype(root, (tn_dtype)seed->a.dtype);
    if (!(seed = fit("backward", seed, root->a.sizes, root->a.ndim, dtype, root->a.device))) return false;
    if (!r->slot) TNI_TRY(grow_slots(r));
    TNI_TRY(visit_edge(r, node, node ? NULL : root));
    TNI_TRY(explore(r));
    task *k = find_task(r, node ? (const void *)node : (const void *)root);
    tn_tensor **buffer = buffer_of(k, root->output_nr);
    return buffer && add_to_buffer(r, buffer, seed);
}

static bool start(run *r) {
    for (size_t i = 0; i < r->b->roots; i++) TNI_TRY(add_root(r, r->b->root[i], r->b->seed ? r->b->seed[i] : NULL));
    for (size_t i = 0; i < r->b->roots; i++) {
        tn_tensor *root = r->b->root[i];
        task *k = find_task(r, root->grad_fn ? (const void *)root->grad_fn : (const void *)root);
        if (--k->waiting == 0 && k->needed) TNI_TRY(push_ready(r, (uint32_t)(k - r->task)));
    }
    return true;
}

static void clear(run *r) {
    for (size_t i = 0; i < r->tasks; i++) release_buffers(&r->task[i]);
    tni_free(r->task, r->task_capacity * sizeof *r->task);
    if (r->slot) tni_free(r->slot, (r->mask + 1) * sizeof *r->slot);
    tni_free(r->ready, r->ready_capacity * sizeof *r->ready);
    tni_free(r->stack, r->stack_capacity * sizeof *r->stack);
}

static bool hand_out_results(run *r, bool right) {
    for (size_t i = 0; i < r->b->inputs && r->b->input; i++) {
        tn_tensor *g = r->b->result[i];
        if (!g && right && !r->b->allow_unused)
            right = tni_fail(TN_ERR_AUTOGRAD, "One of the differentiated Tensors appears to not have been used in the graph. Set "
                                              "allow_unused=True if this is the desired behavior.");
        if (g) {
            if (right) right = tni_scope_claim(r->t, &g->object);
            tni_release(&g->object);
        }
    }
    for (size_t i = 0; !right && i < r->b->inputs && r->b->input; i++) r->b->result[i] = NULL;
    return right;
}

bool tni_engine_run(tni_thread *t, const char *who, const tni_backward *b) {
    run r = {.t = t, .who = who, .b = b};
    for (size_t i = 0; i < b->inputs && b->input; i++) {
        b->result[i] = NULL;
        tni_node *current;
        TNI_TRY(tni_grad_fn(b->input[i], &current));
        TNI_CHECK(b->input[i]->requires_grad, TN_ERR_AUTOGRAD, "One of the differentiated Tensors does not require grad");
    }
    if (!tni_inner_enter(t)) return false;
    bool no_grad = t->no_grad;
    t->no_grad = !b->create_graph;
    bool right = start(&r);
    right = right && run_ready(&r);
    tni_inner_exit(t);
    clear(&r);
    t->no_grad = no_grad;
    return hand_out_results(&r, right);
}
