/* core/load.c - a state put back into a module: as a whole or not at all. First every module judges its part, then all is copied. */
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include "core/sparse.h"
#include "core/state_dict.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tison/ops.h>

/* One member that gets a value. */
typedef struct action {
    tni_module *owner;
    size_t place;
    tn_tensor *to, *from; /* claimed */
    tn_tensor *put;       /* claimed: what becomes the member (assign), or what brings the memory of a lazy one; else NULL */
    tn_tensor *backup;    /* claimed: a copy of the old values; or `to` itself, for assign */
    tn_tensor *elements;  /* claimed: of a sparse member, what it exchanges its elements with; else NULL */
    tn_tensor *fresh;     /* claimed: what `to` is exchanged with, under the flag of swapping; else NULL */
    uint32_t version;
    bool done;
} action;

typedef struct extra_action {
    tni_module *m;
    tn_tensor *state;
} extra_action;

typedef struct loader {
    tni_state_visit visit;
    tni_thread *t;
    tn_state *state; /* a copy of the caller's: hooks may change it */
    tn_incompatible *keys;
    bool strict, assign, post; /* post: some module has hooks that run after its load */
    bool swaps;                /* tn_set_swap_module_params_on_conversion */
    char why[256];             /* a swap is refused */
    action *item;
    size_t n, capacity;
    extra_action *extra;
    size_t extras, extra_capacity;
} loader;

/* ---- judging ---- */

static bool add_mismatch(loader *l, const char *key, const tn_tensor *to, const tn_tensor *from) {
    return tni_incompatible_addf(l->keys, TN_LOAD_ERRORS,
                                 "size mismatch for %s: copying a param with shape torch.Size(%s) from checkpoint, the shape in "
                                 "current model is torch.Size(%s).",
                                 key, TNI_SHAPE(&from->a), TNI_SHAPE(&to->a));
}

/* What torch says when copying one value raises. */
static bool add_exception(loader *l, const char *key, const tn_tensor *to, const tn_tensor *from, const char *what) {
    return tni_incompatible_addf(l->keys, TN_LOAD_ERRORS,
                                 "While %s the parameter named \"%s\", whose dimensions in the model are torch.Size(%s) and whose "
                                 "dimensions in the checkpoint are torch.Size(%s), an exception occurred : ('%s',).",
                                 l->swaps ? "swapping" : "copying", key, TNI_SHAPE(&to->a), TNI_SHAPE(&from->a), what);
}

/* The text of a refused swap, or NULL. */
static const char *swap_obstacle(loader *l, tn_tensor *to) {
    if (!l->swaps || tni_swap_verdict(to, "t1", 0)) return NULL;
    tn_saved_error why;
    tn_error_take(&why);
    snprintf(l->why, sizeof l->why, "%.255s", why.message);
    return l->why;
}

/* Why the value cannot be put there, or NULL. */
static const char *obstacle(loader *l, const tni_module *owner, size_t place, tn_tensor *to, const tn_tensor *from) {
    bool parameter = to->is_parameter && (tni_module_place_status(owner, place, &to->object) & TNI_SLOT_PARAMETER);
    if (l->assign)
        return parameter && to->requires_grad && !tni_dtype_has_grad((tn_dtype)from->a.dtype)
                   ? (from->is_parameter && !l->swaps ? "only Tensors of floating point dtype can require gradients"
                                                      : "Only Tensors of floating point and complex dtype can require gradients")
                   : swap_obstacle(l, to);
    if (to->inference && !l->t->inference)
        return "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
               "tensor "
               "before doing inplace update.";
    if (to->a.device == TNI_CPU && from->a.device == TNI_META) return "Cannot copy out of meta tensor; no data!";
    if (!to->uninitialized && tni_is_sparse(to) != tni_is_sparse(from)) return tni_mixed_copy_text(to, from, l->why, sizeof l->why);
    if (!tni_is_sparse(to) && tni_may_overlap_itself(&to->a))
        return "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
               "clone() the tensor before performing the operation.";
    return swap_obstacle(l, to);
}

static void warn_no_op(const char *key) {
    tni_warn(
        "for %s: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which is a no-op. "
        "(Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding key in the module "
        "instead of copying them in place?)",
        key);
}

static bool judge_value(loader *l, tni_module *owner, size_t place, const char *key, tn_tensor *to, tn_tensor *from) {
    if (from->uninitialized && !to->uninitialized) return tni_refuse_shape();
    bool scalar = !to->uninitialized && to->a.ndim == 0 && from->a.ndim == 1 && from->a.numel == 1; /* of old checkpoints */
    if (!to->uninitialized && !scalar && !tni_same_shape(&to->a, &from->a)) return add_mismatch(l, key, to, from);
    const char *why = obstacle(l, owner, place, to, from);
    if (why) return add_exception(l, key, to, from, why);
    if (to->a.device == TNI_META && from->a.device != TNI_META && !l->assign) warn_no_op(key);
    if (from->uninitialized || (to == from && l->assign && !l->swaps)) return true; /* lazy stays lazy */
    TNI_TRY(tni_reserve(&l->item, &l->capacity, l->n + 1, sizeof *l->item));
    if (scalar && !(from = tni_give(l->t, tni_tensor_view(l->t, "load_state_dict", from, NULL, NULL, 0, from->a.offset))))
        return false;
    tni_claim(&owner->object);
    tni_claim(&to->object);
    tni_claim(&from->object);
    l->item[l->n++] = (action){.owner = owner, .place = place, .to = to, .from = from};
    return true;
}

static bool judge_own(loader *l, tni_module *m) {
    for (int buffers = 0; buffers <= 1; buffers++)
        for (size_t i = 0; i < tni_module_places(m); i++) {
            const char *name;
            int32_t index;
            tni_object *o = tni_module_place(m, i, &name, &index);
            if (!o || !tni_state_is_saved(m, i, o, buffers)) continue;
            const char *key = tni_state_key(&l->visit, name, index);
            tn_tensor *from = key ? tni_state_find(l->state, key) : NULL;
            bool right = from ? judge_value(l, m, i, key, (tn_tensor *)o, from)
                              : key && tni_incompatible_addf(l->keys, TN_MISSING_KEYS, "%s", key);
            if (!right) return false;
        }
    return true;
}

static bool judge_extra(loader *l, tni_module *m) {
    const char *key = tni_state_key(&l->visit, "_extra_state", -1);
    if (!key) return false;
    tn_tensor *state = tni_state_find(l->state, key);
    bool takes = TNI_CLASS_HAS(m->class_, set_extra_state);
    if (!takes) return !state || tni_incompatible_addf(l->keys, TN_UNEXPECTED_KEYS, "%s", key);
    if (!state) return tni_incompatible_addf(l->keys, TN_MISSING_KEYS, "%s", key);
    TNI_TRY(tni_reserve(&l->extra, &l->extra_capacity, l->extras + 1, sizeof *l->extra));
    tni_claim(&m->object);
    tni_claim(&state->object);
    l->extra[l->extras++] = (extra_action){m, state};
    return true;
}

/* Does m know what `rest` (a key without m's prefix) names: a value of its own, or something of a child? */
static bool is_known(tni_module *m, const char *rest) {
    if (strcmp(rest, "_extra_state") == 0) return true; /* judged on its own */
    for (size_t i = 0; i < tni_module_places(m); i++) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index);
        size_t n = strlen(name);
        if (strncmp(rest, name, n) != 0) continue;
        const char *tail = rest + n;
        if (index >= 0) {
            char *end = NULL;
            if (*tail != '.' || tail[1] < '0' || tail[1] > '9' || strtol(tail + 1, &end, 10) != index) continue;
            tail = end;
        }
        bool saved = o && (tni_state_is_saved(m, i, o, false) || tni_state_is_saved(m, i, o, true));
        if (*tail == 0 ? saved : *tail == '.' && (tni_module_place_status(m, i, o) & TNI_SLOT_MODULE)) return true;
    }
    return false;
}

static bool judge_names(loader *l, tni_module *m) {
    for (size_t i = 0; i < l->state->n; i++) {
        const char *key = l->state->item[i].name;
        if (strncmp(key, l->visit.prefix, l->visit.length) != 0 || is_known(m, key + l->visit.length)) continue;
        TNI_TRY(tni_incompatible_addf(l->keys, TN_UNEXPECTED_KEYS, "%s", key));
    }
    return true;
}

/* Adds what is under the prefix of the visited module, or (!inside) what is not. */
static bool add_part(tn_state *to, const tn_state *from, const tni_state_visit *v, bool inside) {
    for (size_t i = 0; i < from->n; i++)
        if ((strncmp(from->item[i].name, v->prefix, v->length) == 0) == inside)
            TNI_TRY(tn_state_set(to, from->item[i].name, (tn_tensor *)from->item[i].value));
    return true;
}

/* What a module's hooks made of its part goes back among the rest. */
static bool put_part(loader *l, const tn_state *part) {
    tn_state *all = tn_state_new();
    TNI_TRY(all && add_part(all, l->state, &l->visit, false) && add_part(all, part, &l->visit, true));
    TNI_TRY(tni_state_add_versions(all, l->state));
    l->state = all;
    return true;
}

static bool run_pre(loader *l, tni_module *m, int64_t version) {
    const tni_hook_list *own = tni_module_hook_list(m, TNI_HOOK_LOAD_PRE);
    tni_hooks h;
    if (!own) return true;
    tn_state *part = l->visit.length ? tn_state_new() : l->state;
    TNI_TRY(part && (part == l->state || (add_part(part, l->state, &l->visit, true) && tni_state_add_versions(part, l->state))) &&
            tni_hooks_take(&h, TNI_HOOK_LOAD_PRE, own));
    bool right = true;
    for (size_t i = 0; right && i < h.n; i++) {
        const tn_hook *k = h.item[i];
        if (k->removed) continue;
        right = k->call.load_pre(tni_module_struct(m), part, l->visit.prefix, version, true, l->keys, k->data);
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "load_state_dict: a hook of '%s' returned false", m->class_->name);
        right = right && !tni_failed();
    }
    tni_hooks_drop(&h);
    return right && (part == l->state || put_part(l, part));
}

static bool judge(tni_state_visit *v, tni_module *m) {
    loader *l = (loader *)v;
    char path[1024];
    TNI_TRY(tni_state_path(v, path, sizeof path));
    int64_t version = tn_state_version(l->state, path);
    TNI_TRY(run_pre(l, m, version));
    if (TNI_CLASS_HAS(m->class_, upgrade_state) && version != TNI_CLASS_VERSION(m->class_)) {
        bool right = m->class_->upgrade_state(tni_module_struct(m), l->state, v->prefix, version);
        if (!right && !tni_failed())
            tni_fail(TN_ERR_CALLBACK, "load_state_dict: upgrade_state of '%s' returned false", m->class_->name);
        if (!right || tni_failed()) return false;
    }
    l->post = l->post || tni_module_hook_list(m, TNI_HOOK_LOAD);
    TNI_TRY(judge_own(l, m) && judge_extra(l, m));
    v->prefix[v->length] = 0;
    return judge_names(l, m);
}

/* ---- doing, and undoing ---- */

/* What becomes the member: a parameter's place takes a Parameter, with the old one's requires_grad. */
static tn_tensor *member_from(loader *l, const action *a) {
    bool parameter = tni_module_place_status(a->owner, a->place, &a->to->object) & TNI_SLOT_PARAMETER;
    if (!parameter || a->from->is_parameter) return a->from;
    tn_tensor *p = tni_tensor_alias(l->t, "load_state_dict", a->from);
    if (!p) return NULL;
    p->is_parameter = true;
    p->requires_grad = a->to->requires_grad;
    return tni_give(l->t, p);
}

/* What the member is exchanged with: its own memory, or with assign the state's, without gradient and hooks. */
static bool prepare_swap(loader *l, action *a) {
    TNI_TRY(tni_swap_verdict(a->to, "t1", 0)); /* hooks ran since it was judged */
    const tn_tensor *x = a->to, *memory = l->assign ? a->from : a->put ? a->put : x;
    tn_tensor *fresh = tni_claimed(tni_give(l->t, tni_tensor_alias(l->t, "load_state_dict", memory)));
    if (!(a->fresh = fresh)) return false;
    fresh->is_parameter = x->is_parameter;
    fresh->is_buffer = x->is_buffer;
    fresh->persistent = x->persistent;
    fresh->requires_grad = x->is_parameter && x->requires_grad;
    if (!x->meta || !x->meta->where) return true;
    if (!tni_tensor_meta(fresh)) return false;
    fresh->meta->where = x->meta->where;
    return true;
}

/* All that needs memory is made before anything changes. */
static bool prepare(loader *l, bool keep_old) {
    for (size_t i = 0; i < l->n; i++) {
        action *a = &l->item[i];
        if (l->swaps && l->assign) {
            TNI_TRY(prepare_swap(l, a));
        } else if (l->assign) {
            TNI_TRY(tni_module_own("load_state_dict", a->owner));
            if (!(a->put = tni_claimed(member_from(l, a)))) return false;
            a->backup = tni_claimed(a->to);
        } else if (a->to->uninitialized) {
            tni_devices before = tni_device_enter(l->t, a->to->a.device);
            tn_tensor *fresh = tni_tensor_new(l->t, "load_state_dict", (tn_dtype)a->to->a.dtype, a->from->a.sizes, a->from->a.ndim);
            tni_device_leave(l->t, before);
            if (!(a->put = tni_claimed(tni_give(l->t, fresh)))) return false;
        } else if (tni_is_sparse(a->to)) {
            tn_tensor *elements = tni_sparse_copy(l->t, "load_state_dict", a->from, (tn_dtype)a->to->a.dtype);
            if (!(a->elements = tni_claimed(tni_give(l->t, elements)))) return false;
        } else if (keep_old) {
            tn_tensor *old = tni_give(l->t, tni_tensor_new_like(l->t, "load_state_dict", a->to, (tn_dtype)a->to->a.dtype));
            if (!old || !tni_copy_array(&old->a, &a->to->a)) return false;
            a->backup = tni_claimed(old);
        }
        if (l->swaps && !l->assign) TNI_TRY(prepare_swap(l, a));
        a->version = tni_version_get(a->to);
    }
    return true;
}

static void swap(tn_tensor *a, tn_tensor *b) {
    tni_array keep;
    tni_array_move(&keep, &a->a);
    tni_array_move(&a->a, &b->a);
    tni_array_move(&b->a, &keep);
}

static bool same_memory(const tn_tensor *a, const tn_tensor *b) { return a->a.storage == b->a.storage; }

/* Memory that both use: by way of a copy. */
static bool copy_within(loader *l, const action *a) {
    if (a->to->a.data == a->from->a.data) return true;
    tn_tensor *between = tni_give(l->t, tni_tensor_new_like(l->t, "load_state_dict", a->from, (tn_dtype)a->from->a.dtype));
    return between && tni_copy_array(&between->a, &a->from->a) && tni_copy_array(&a->to->a, &between->a);
}

static bool do_one(loader *l, action *a) {
    if (l->assign && l->swaps) {
        a->done = true;
        tni_swap_contents(a->to, a->fresh);
        return true;
    }
    if (l->assign) {
        uint8_t status = tni_module_place_status(a->owner, a->place, &a->to->object);
        if (a->from->is_parameter && a->put == a->from) a->from->requires_grad = a->to->requires_grad;
        a->done = true;
        tni_module_put_place(a->owner, a->place, &a->put->object,
                             status & (TNI_SLOT_KIND | TNI_SLOT_TRANSIENT | TNI_SLOT_AS_BUFFER));
        return true;
    }
    a->done = true;
    if (a->put) {
        swap(a->to, a->put);
        a->to->uninitialized = false;
    }
    tni_warn_if_cut(&a->to->a, &a->from->a);
    bool right = true;
    if (a->elements)
        tni_sparse_exchange(a->to, a->elements);
    else
        right = same_memory(a->to, a->from) ? copy_within(l, a) : tni_copy_array(&a->to->a, &a->from->a);
    tni_version_bump(a->to);
    if (a->fresh) tni_swap_contents(a->to, a->fresh);
    return right;
}

static void undo(loader *l) {
    for (size_t i = l->n; i-- > 0;) {
        action *a = &l->item[i];
        if (!a->done) continue;
        if (a->fresh) {
            tni_swap_contents(a->to, a->fresh);
            a->to->swaps = (uint16_t)(a->to->swaps - 2); /* older graphs are well again */
        }
        if (l->assign && !l->swaps) {
            uint8_t status = tni_module_place_status(a->owner, a->place, &a->put->object);
            tni_module_put_place(a->owner, a->place, &a->to->object,
                                 status & (TNI_SLOT_KIND | TNI_SLOT_TRANSIENT | TNI_SLOT_AS_BUFFER));
        } else if (a->put) {
            swap(a->to, a->put);
            a->to->uninitialized = true;
        } else if (a->elements) {
            tni_sparse_exchange(a->to, a->elements);
            __atomic_store_n(tni_version_of(a->to), a->version, __ATOMIC_RELAXED);
        } else if (a->backup) {
            (void)tni_copy_array(&a->to->a, &a->backup->a);
            __atomic_store_n(tni_version_of(a->to), a->version, __ATOMIC_RELAXED);
        }
        a->done = false;
    }
}

static bool do_all(loader *l) {
    for (size_t i = 0; i < l->n; i++) TNI_TRY(do_one(l, &l->item[i]));
    for (size_t i = 0; i < l->extras; i++) {
        tni_module *m = l->extra[i].m;
        bool right = m->class_->set_extra_state(tni_module_struct(m), l->extra[i].state);
        if (!right && !tni_failed())
            tni_fail(TN_ERR_CALLBACK, "load_state_dict: set_extra_state of '%s' returned false", m->class_->name);
        if (!right || tni_failed()) return false;
    }
    return true;
}

static bool nothing(tni_state_visit *v, tni_module *m) {
    (void)v, (void)m;
    return true;
}

static bool run_post(tni_state_visit *v, tni_module *m) {
    loader *l = (loader *)v;
    const tni_hook_list *own = tni_module_hook_list(m, TNI_HOOK_LOAD);
    tni_hooks h;
    if (!own) return true;
    if (!tni_hooks_take(&h, TNI_HOOK_LOAD, own)) return false;
    bool right = true;
    for (size_t i = 0; right && i < h.n; i++) {
        if (h.item[i]->removed) continue;
        right = h.item[i]->call.load(tni_module_struct(m), l->keys, h.item[i]->data);
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "load_state_dict: a hook of '%s' returned false", m->class_->name);
        right = right && !tni_failed();
    }
    tni_hooks_drop(&h);
    return right;
}

static void finish(loader *l) {
    for (size_t i = 0; i < l->n; i++) {
        action *a = &l->item[i];
        if (a->put) tni_release(&a->put->object);
        if (a->backup) tni_release(&a->backup->object);
        if (a->elements) tni_release(&a->elements->object);
        if (a->fresh) tni_release(&a->fresh->object);
        tni_release(&a->to->object);
        tni_release(&a->from->object);
        tni_release(&a->owner->object);
    }
    for (size_t i = 0; i < l->extras; i++) {
        tni_release(&l->extra[i].state->object);
        tni_release(&l->extra[i].m->object);
    }
    tni_free(l->item, l->capacity * sizeof *l->item);
    tni_free(l->extra, l->extra_capacity * sizeof *l->extra);
}

/* Hooks after the load want to see the loaded values, and may still decide that it fails: then the old values come back. */
static bool carry_out(loader *l, tni_module *m) {
    if (!l->post) TNI_TRY(tni_incompatible_judge(l->keys, m, l->strict));
    bool right = prepare(l, l->post || l->extras) && do_all(l);
    if (right && l->post) {
        l->visit = (tni_state_visit){.enter = nothing, .leave = run_post};
        right = tni_state_visit_all(&l->visit, m, "") && tni_incompatible_judge(l->keys, m, l->strict);
    }
    if (!right) undo(l);
    return right;
}

bool(tn_load_state_dict)(tn_module *handle, tn_state *state, const tn_load_opts *opts) {
    tni_thread *t = tni_self();
    tni_module *m = t && !tni_failed() ? tni_module_of("load_state_dict", handle) : NULL;
    const tni_object *given = m ? tni_object_find(state) : NULL;
    TNI_CHECK(!given || given->tag != TNI_TENSOR, TN_ERR_TYPE, "Expected state_dict to be dict-like, got <class '%s'>.",
              tni_is_parameter(given) ? "torch.nn.parameter.Parameter" : "torch.Tensor");
    if (!m || !tni_check_handle("load_state_dict", "state", state, TNI_STATE) || !tni_module_check("load_state_dict", m))
        return false;
    tn_incompatible **out = TNI_OPT(opts, incompatible, NULL);
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    loader l = {.visit = {.enter = judge},
                .t = t,
                .strict = TNI_OPT(opts, strict, true),
                .assign = TNI_OPT(opts, assign, false),
                .swaps = tn_get_swap_module_params_on_conversion()};
    l.keys = tni_incompatible_new(t);
    l.state = l.keys ? tni_state_copy(state) : NULL;
    bool right = l.state && tni_state_visit_all(&l.visit, m, "") && carry_out(&l, m);
    finish(&l);
    void *result = out ? l.keys : NULL;
    right = tni_scope_return(t, scope, &result, result ? 1 : 0) && right;
    if (out) *out = l.keys;
    return right;
}
