/* core/deepcopy.c - copies of tensors, lists, states and modules with all that they hold; what is shared inside stays shared. */
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/node.h"
#include "core/sparse.h"
#include "core/state_dict.h"
#include <string.h>

/* What was copied already: an object or a storage, and its copy. */
typedef struct pair {
    const void *from;
    void *to;
} pair;

typedef struct copier {
    tni_thread *t;
    pair *pair;
    size_t n, capacity;
    uint32_t *index; /* open-addressed: pair + 1 */
    size_t mask;
    tni_module **todo; /* modules whose struct is there, but whose members are not copied yet; in order */
    size_t todos, next, todo_capacity;
} copier;

static size_t place_of(const copier *c, const void *from) {
    size_t at = ((uintptr_t)from >> 4) * 0x9E3779B97F4A7C15u >> 24 & c->mask;
    while (c->index[at] && c->pair[c->index[at] - 1].from != from) at = (at + 1) & c->mask;
    return at;
}

static void *find(const copier *c, const void *from) {
    size_t at = c->index ? place_of(c, from) : 0;
    return c->index && c->index[at] ? c->pair[c->index[at] - 1].to : NULL;
}

static bool grow(copier *c) {
    size_t mask = c->index ? c->mask * 4 + 3 : 63;
    uint32_t *index = tni_alloc_zero((mask + 1) * sizeof *index);
    if (!index) return false;
    if (c->index) tni_free(c->index, (c->mask + 1) * sizeof *index);
    c->index = index;
    c->mask = mask;
    for (size_t i = 0; i < c->n; i++) c->index[place_of(c, c->pair[i].from)] = (uint32_t)i + 1;
    return true;
}

static bool remember(copier *c, const void *from, void *to) {
    if ((!c->index || c->n * 2 > c->mask) && !grow(c)) return false;
    TNI_TRY(tni_reserve(&c->pair, &c->capacity, c->n + 1, sizeof *c->pair));
    c->pair[c->n++] = (pair){from, to};
    c->index[place_of(c, from)] = (uint32_t)c->n;
    return true;
}

static void clear(copier *c) {
    tni_free(c->pair, c->capacity * sizeof *c->pair);
    tni_free(c->todo, c->todo_capacity * sizeof *c->todo);
    if (c->index) tni_free(c->index, (c->mask + 1) * sizeof *c->index);
}

/* ---- tensors ---- */

/* A tensor without a mark keeps sharing its storage with others that are copied, as in PyTorch; the first one copies it whole. */
static tn_tensor *copy_plain(copier *c, const tn_tensor *x) {
    tni_storage *s = x->a.storage;
    tn_tensor *whole = find(c, s);
    if (!whole) {
        int64_t n = (int64_t)(s->bytes / tni_array_item(&x->a));
        tn_tensor *view = tni_give(c->t, tni_tensor_view(c->t, "deepcopy", x, &n, (const int64_t[]){1}, 1, 0));
        whole = view ? tni_give(c->t, tni_tensor_new_like(c->t, "deepcopy", view, (tn_dtype)x->a.dtype)) : NULL;
        if (!whole || !tni_copy_array(&whole->a, &view->a) || !remember(c, s, whole)) return NULL;
    }
    if (whole->a.dtype != x->a.dtype) { /* another reading of the same bytes */
        tn_tensor *alone = tni_tensor_new_like(c->t, "deepcopy", x, (tn_dtype)x->a.dtype);
        return alone && tni_copy_array(&alone->a, &x->a) ? alone : (tni_tensor_destroy_new(c->t, alone), NULL);
    }
    return tni_tensor_view(c->t, "deepcopy", whole, x->a.sizes, x->a.strides, x->a.ndim, x->a.offset);
}

static tn_tensor *copy_tensor(copier *c, const tn_tensor *x) {
    tn_tensor *y = find(c, x);
    if (y) return y;
    if (x->grad_fn)
        return (void)tni_fail(
                   TN_ERR_RUNTIME,
                   "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
                   "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
                   "see https://github.com/pytorch/pytorch/pull/103001"),
               NULL;
    if (tni_is_sparse(x)) {
        y = tni_sparse_copy(c->t, "deepcopy", x, (tn_dtype)x->a.dtype);
    } else if (!x->is_parameter) {
        y = copy_plain(c, x);
    } else if ((y = tni_tensor_new_like(c->t, "deepcopy", x, (tn_dtype)x->a.dtype)) && !tni_copy_array(&y->a, &x->a)) {
        tni_tensor_destroy_new(c->t, y);
        y = NULL;
    }
    if (!(y = tni_give(c->t, y)) || !remember(c, x, y)) return NULL;
    y->requires_grad = x->requires_grad;
    y->is_parameter = x->is_parameter;
    y->is_buffer = x->is_buffer;
    y->persistent = x->persistent;
    y->uninitialized = x->uninitialized;
    y->number = x->number;
    if (x->meta && x->meta->where && tni_tensor_meta(y)) y->meta->where = x->meta->where;
    if (x->is_parameter || !tni_tensor_has_grad(x)) return y;
    tn_tensor *grad = copy_tensor(c, x->meta->grad);                          /* of a plain leaf the gradient is copied */
    if (!grad || !tni_grad_fits(y, grad) || !tni_tensor_meta(y)) return NULL; /* the copy's grad_dtype is its own dtype */
    tni_tensor_set_grad(y, grad);
    return y;
}

/* ---- modules ---- */

static bool check_copyable(tni_module *m) {
    bool has_copy = m->class_->copy != NULL;
    if (has_copy) return true;
    TNI_CHECK(!m->class_->destroy, TN_ERR_NOT_IMPLEMENTED,
              "deepcopy: '%s' has .destroy, so it owns more than its fields; give its class .copy, too", m->class_->name);
    for (uint32_t r = 0; r < m->info->ranges; r++)
        for (size_t at = m->info->loose[r].begin; at < m->info->loose[r].end; at += sizeof(void *)) {
            void *value;
            memcpy(&value, (const char *)tni_module_struct(m) + at, sizeof value);
            if ((uintptr_t)value < 4096 || (uintptr_t)value % sizeof(void *) || !tni_object_find(value)) continue;
            return tni_fail(TN_ERR_NOT_IMPLEMENTED,
                            "deepcopy: '%s' holds an object at byte offset %zu, outside of its fields; give its class .copy",
                            m->class_->name, at);
        }
    return true;
}

static tni_module *copy_struct(copier *c, tni_module *m) {
    tni_module *copy = find(c, m);
    if (copy) return copy;
    if (!check_copyable(m)) return NULL;
    tn_module *made = tn_module_new(m->class_);
    if (!made) return NULL;
    copy = made->record;
    copy->training = m->training;
    if (!remember(c, m, copy) || !tni_reserve(&c->todo, &c->todo_capacity, c->todos + 1, sizeof *c->todo)) return NULL;
    c->todo[c->todos++] = m;
    return copy;
}

static tni_object *copy_object(copier *c, tni_object *o) {
    if (o->tag == TNI_TENSOR) return (tni_object *)copy_tensor(c, (tn_tensor *)o);
    if (o->tag == TNI_MODULE) return (tni_object *)copy_struct(c, (tni_module *)o);
    return (void)tni_fail(TN_ERR_TYPE, "deepcopy: a %s cannot be copied", tni_kind_get((tni_kind)o->tag)->name), NULL;
}

/* What was computed is copied without its history. */
static tni_object *copy_member(copier *c, const tni_module *m, const char *name, tni_object *o) {
    tn_tensor *x = o->tag == TNI_TENSOR ? (tn_tensor *)o : NULL;
    if (!x || !x->grad_fn || !tni_module_computes(m) || !tni_computed_find(m, name)) return copy_object(c, o);
    tn_tensor *plain = tni_give(c->t, tni_tensor_alias(c->t, "deepcopy", x));
    return plain ? copy_object(c, &plain->object) : NULL;
}

static bool copy_members(copier *c, tni_module *m, tni_module *to) {
    for (size_t i = 0; i < tni_module_places(m); i++) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index), *copy = o ? copy_member(c, m, name, o) : NULL;
        uint8_t status = tni_module_place_status(m, i, o) & (uint8_t) ~(TNI_SLOT_CLAIMED | TNI_SLOT_CYCLE);
        if (o && !copy) return false;
        if (i < m->info->slots && !m->info->slot[i].reference)
            tni_module_put_place(to, i, copy, status);
        else if (i >= m->info->slots)
            TNI_TRY(tni_module_put(to, name, copy, status));
    }
    if (!m->extra) return true;
    tni_module_extra *e = tni_module_extra_of(to);
    bool right = e != NULL;
    for (size_t k = 0; right && k < TNI_MODULE_HOOKS; k++) right = tni_hook_list_copy(c->t, &e->hooks[k], &m->extra->hooks[k]);
    if (right && m->extra->printed) right = (e->printed = tni_strdup(m->extra->printed)) != NULL;
    return right && tni_computed_copy(to, m);
}

/* The bytes outside of the fields, or zeros: what a struct is when it was just made. */
static void fill_loose(tni_module *to, tni_module *from) {
    char *base = (char *)tni_module_struct(to);
    for (uint32_t r = 0; r < to->info->ranges; r++) {
        size_t begin = to->info->loose[r].begin, bytes = to->info->loose[r].end - begin;
        if (from)
            memcpy(base + begin, (const char *)tni_module_struct(from) + begin, bytes);
        else
            memset(base + begin, 0, bytes);
    }
}

/* Plain references follow what was copied. */
static void copy_references(copier *c, tni_module *m, tni_module *to) {
    for (uint32_t i = 0; i < m->info->slots; i++) {
        if (!m->info->slot[i].reference) continue;
        void *value = tni_slot_value(m, i);
        tni_object *o = value ? tni_object_find(value) : NULL, *copy = o ? find(c, o) : NULL;
        *(void **)((char *)tni_module_struct(to) + m->info->slot[i].offset) = copy ? tni_handle_of(copy) : value;
    }
}

/* Last, so that no copy whose .copy did not run is destroyed with what belongs to the original. */
static bool finish_structs(copier *c) {
    for (size_t k = 0; k < c->todos; k++) {
        tni_module *m = c->todo[k], *to = find(c, m);
        copy_references(c, m, to);
        fill_loose(to, m);
        if (!m->class_->copy) continue;
        bool right = m->class_->copy(tni_module_struct(to), tni_module_struct(m));
        if (!right && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "deepcopy: .copy of '%s' returned false", m->class_->name);
        if (right && !tni_failed()) continue;
        fill_loose(to, NULL);
        return false;
    }
    return true;
}

static tni_object *copy_module(copier *c, tni_module *m) {
    if (!tni_module_check("deepcopy", m)) return NULL;
    tni_module *copy = copy_struct(c, m);
    for (; copy && c->next < c->todos; c->next++)
        if (!copy_members(c, c->todo[c->next], find(c, c->todo[c->next]))) return NULL;
    return copy && finish_structs(c) ? &copy->object : NULL;
}

/* ---- lists and states ---- */

static tni_object *copy_list(copier *c, const tn_tensors *list) {
    tni_walk w = {0};
    if (!tni_reserve(&w.item, &w.capacity, list->n + 1, sizeof *w.item)) return NULL;
    for (size_t i = 0; i < list->n; i++) {
        tni_object *o = copy_object(c, list->item[i].value);
        if (!o) {
            tni_walk_clear(&w);
            return NULL;
        }
        w.item[w.n++] = (tni_found){.value = o};
    }
    return (tni_object *)tni_list_from_walk(c->t, &w);
}

static tni_object *copy_state(copier *c, const tn_state *s) {
    tn_state *copy = tni_state_copy(s);
    for (size_t i = 0; copy && i < s->n; i++) {
        tni_object *o = copy_object(c, s->item[i].value);
        if (!o || !tn_state_set(copy, s->item[i].name, (tn_tensor *)o)) return NULL;
    }
    return (tni_object *)copy;
}

void *tn_deepcopy(const void *x) {
    tni_thread *t = tni_self();
    tni_object *o = t && !tni_failed() ? tni_object_of("deepcopy", "x", x) : NULL, *copy = NULL;
    uint64_t scope = o ? tni_scope_open(t, false) : 0;
    if (!scope) return NULL;
    copier c = {.t = t};
    switch (o->tag) {
    case TNI_MODULE: copy = copy_module(&c, (tni_module *)o); break;
    case TNI_LIST: copy = copy_list(&c, (tn_tensors *)o); break;
    case TNI_STATE: copy = copy_state(&c, (tn_state *)o); break;
    default: copy = copy_object(&c, o);
    }
    clear(&c);
    void *result = copy ? tni_handle_of(copy) : NULL;
    return tni_scope_return(t, scope, &result, 1) ? result : NULL;
}
