/* core/to.c - module.to(), half(), type(), to_empty() and their like: what conversion makes of parameters, buffers and gradients, and how
 * it is put in place. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/op.h"
#include "core/sparse.h"
#include <stdio.h>

/* PyTorch's three ways: parameters get other memory; new ones are put into the fields; they are exchanged with new ones. */
typedef enum manner { SET_DATA, OVERWRITE, SWAP } manner;

/* Which members take the dtype: those of half(), of to(), of type(). */
typedef enum which { FLOATS, FLOATS_AND_COMPLEX, ALL } which;

/* A conversion that is ready to be put in place; all that is not NULL is claimed. */
typedef struct change {
    manner how;
    tn_tensor *x, *to;          /* a member, and what it becomes */
    tn_tensor *grad, *new_grad; /* NULL: none; it stays */
    tni_module *owner;
    size_t place;
} change;
enum { OWN_DEVICE = -1 };
typedef struct changes {
    change *item;
    size_t n, capacity;
    const char *who;
    tn_dtype dtype; /* TN_DTYPE_NONE: each keeps its own */
    which takers;
    tn_memory_format format; /* of what has four or five dims */
    int8_t device;           /* OWN_DEVICE: each keeps its own */
    bool empty;              /* without values */
} changes;

static tn_dtype target_dtype(const changes *c, const tn_tensor *x) {
    tn_dtype own = (tn_dtype)x->a.dtype;
    bool takes = c->takers == ALL || tni_dtype_is_float(own) || (c->takers == FLOATS_AND_COMPLEX && tni_dtype_is_complex(own));
    return takes && c->dtype != TN_DTYPE_NONE ? c->dtype : own;
}

static tn_memory_format target_format(const changes *c, const tn_tensor *x) {
    return (x->a.ndim == 4 || x->a.ndim == 5) && !tni_is_sparse(x) ? c->format : TN_MEMORY_FORMAT_NONE;
}

static int8_t target_device(const changes *c, const tn_tensor *x) {
    return c->device == OWN_DEVICE || (c->device == TNI_CPU && tni_is_sparse(x)) ? x->a.device : c->device;
}

static bool changes_it(const changes *c, const tn_tensor *x) {
    if (c->empty) return !x->uninitialized;
    tn_memory_format format = target_format(c, x);
    bool moves = format != TN_MEMORY_FORMAT_NONE && format != TN_PRESERVE_FORMAT && format != tni_array_format(&x->a);
    return moves || target_device(c, x) != x->a.device || target_dtype(c, x) != (tn_dtype)x->a.dtype;
}

static tn_tensor *convert_sparse(tni_thread *t, const changes *c, const tn_tensor *x) {
    if (target_device(c, x) == TNI_META)
        return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED, "%s: sparse tensors cannot be on the meta device", c->who), NULL;
    tn_dtype dtype = target_dtype(c, x);
    return c->empty ? tni_sparse_empty(t, c->who, x, dtype) : tni_sparse_copy(t, c->who, x, dtype);
}

/* x converted, or another handle of the same memory where nothing changes. */
static tn_tensor *convert(tni_thread *t, const changes *c, const tn_tensor *x) {
    if (!changes_it(c, x)) return tni_tensor_alias(t, c->who, x);
    if (tni_is_sparse(x)) return convert_sparse(t, c, x);
    int8_t device = target_device(c, x);
    if (!c->empty && x->a.device != TNI_CPU && device == TNI_CPU)
        return (void)tni_fail(TN_ERR_NOT_IMPLEMENTED,
                              "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of "
                              "torch.nn.Module.to() when moving module from meta to a different device."),
               NULL;
    tn_tensor *y = tni_tensor_new_on(t, device, c->who, x, target_dtype(c, x), target_format(c, x));
    if (y && !c->empty) tni_warn_if_cut(&y->a, &x->a);
    if (y && (c->empty || tni_copy_array(&y->a, &x->a))) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

/* The new Parameter of an overwrite or a swap, as the old one but for hooks. */
static bool prepare_parameter(tni_thread *t, const changes *c, change *k) {
    const tn_tensor *x = k->x;
    tn_tensor *to = k->to;
    to->is_parameter = true;
    to->requires_grad = x->requires_grad;
    to->uninitialized = x->uninitialized;
    bool has_meta = k->grad || (x->meta && x->meta->where);
    if (has_meta && !tni_tensor_meta(to)) return false;
    if (has_meta) to->meta->where = x->meta->where;
    const tn_tensor *grad = k->new_grad ? k->new_grad : k->grad;
    if (grad) TNI_TRY(tni_grad_fits(to, grad));
    if (k->how == SWAP) return true;
    TNI_CHECK(!k->grad || !k->grad->grad_fn, TN_ERR_ASSERTION, "param_grad must be a leaf tensor");
    TNI_TRY(tni_module_own(c->who, k->owner));
    return tni_give(t, to) && (!k->new_grad || tni_give(t, k->new_grad));
}

/* "Linear.weight": as torch names what cannot be swapped. */
static bool refuse_swap(tni_module *owner, size_t place, const char *suffix) {
    tn_saved_error why;
    tn_error_take(&why);
    const char *name;
    int32_t index;
    char number[16] = "";
    (void)tni_module_place(owner, place, &name, &index);
    if (index >= 0) snprintf(number, sizeof number, ".%d", (int)index);
    return tni_fail(why.status, "_apply(): Couldn't swap %s.%s%s%s: %s", tni_module_printed(owner), name, number, suffix,
                    why.message);
}

static bool refuse_integral(const tni_found *found, manner how) {
    tni_fail(TN_ERR_RUNTIME, how == SET_DATA
                                 ? "data set to a tensor that requires gradients must be floating point or complex dtype"
                                 : "Only Tensors of floating point and complex dtype can require gradients");
    return how == SWAP && refuse_swap(found->owner, found->place, "");
}

static bool prepare_one(tni_thread *t, changes *c, const tni_found *found, manner how) {
    tn_tensor *x = (tn_tensor *)found->value;
    if ((c->format != TN_MEMORY_FORMAT_NONE || c->takers == ALL) && x->uninitialized) return tni_refuse_uninitialized(c->who);
    if (x->requires_grad && !tni_dtype_has_grad(target_dtype(c, x))) return refuse_integral(found, how);
    tn_tensor *grad = tni_tensor_has_grad(x) ? x->meta->grad : NULL;
    bool changes_grad = grad && changes_it(c, grad);
    if (how == SET_DATA && !changes_it(c, x) && !changes_grad) return true;
    if (!tni_reserve(&c->item, &c->capacity, c->n + 1, sizeof *c->item)) return false;
    change *k = &c->item[c->n++];
    *k = (change){.how = how, .x = tni_claimed(x), .grad = tni_claimed(grad), .owner = found->owner, .place = found->place};
    tni_claim(&k->owner->object);
    if (!(k->to = tni_claimed(convert(t, c, x)))) return false;
    if (changes_grad && !(k->new_grad = tni_claimed(convert(t, c, grad)))) return false;
    return how == SET_DATA || prepare_parameter(t, c, k);
}

static bool may_swap(const changes *c) {
    for (size_t i = 0; i < c->n; i++) {
        const change *k = &c->item[i];
        if (k->how != SWAP) continue;
        if (!tni_swap_verdict(k->x, "t1", 0)) return refuse_swap(k->owner, k->place, "");
        if (k->grad && !tni_swap_verdict(k->grad, "t1", 1)) return refuse_swap(k->owner, k->place, ".grad");
    }
    return true;
}

static bool prepare(tni_thread *t, changes *c, const tni_walk *w, manner how) {
    for (size_t i = 0; i < w->n; i++) TNI_TRY(prepare_one(t, c, &w->item[i], how));
    return true;
}

/* ---- what cannot fail ---- */

/* x takes over the memory of `from`; its version goes on. */
static void swap_arrays(tn_tensor *x, tn_tensor *from) {
    tni_array old;
    uint32_t version = tni_version_get(x);
    tni_array_move(&old, &x->a);
    tni_array_move(&x->a, &from->a);
    tni_array_move(&from->a, &old);
    if (!x->version && x->a.storage != from->a.storage) x->a.storage->version = version;
}

/* PyTorch replaces buffers by new tensors; here the same handle keeps standing in the field, so that no struct is written. */
static void put_data(const change *k) {
    swap_arrays(k->x, k->to);
    if (k->new_grad) swap_arrays(k->grad, k->new_grad);
}

static void put_new(const change *k) {
    uint8_t status = tni_module_place_status(k->owner, k->place, &k->x->object);
    tn_tensor *grad = k->new_grad ? k->new_grad : k->grad;
    if (grad) {
        grad->requires_grad = k->grad->requires_grad;
        tni_tensor_set_grad(k->to, grad);
    }
    tni_module_put_place(k->owner, k->place, &k->to->object, status & (TNI_SLOT_KIND | TNI_SLOT_TRANSIENT | TNI_SLOT_AS_BUFFER));
}

static void put_swapped(const change *k) {
    if (k->grad) tni_tensor_drop_grad(k->x);
    tni_swap_contents(k->x, k->to);
    if (!k->grad) return;
    if (k->new_grad) {
        k->new_grad->requires_grad = k->grad->requires_grad;
        tni_swap_contents(k->grad, k->new_grad);
    }
    tni_tensor_set_grad(k->x, k->grad);
}

static void release(tn_tensor *x) {
    if (x) tni_release(&x->object);
}

static void finish(changes *c, bool put) {
    for (size_t i = 0; put && i < c->n; i++) {
        const change *k = &c->item[i];
        if (k->how == SET_DATA)
            put_data(k);
        else if (k->how == OVERWRITE)
            put_new(k);
        else
            put_swapped(k);
    }
    for (size_t i = 0; i < c->n; i++) {
        change *k = &c->item[i];
        release(k->to), release(k->new_grad), release(k->grad), release(k->x);
        tni_release(&k->owner->object);
    }
    tni_free(c->item, c->capacity * sizeof *c->item);
}

static bool change_all(tni_thread *t, tni_module *m, bool recurse, changes c) {
    manner how = tn_get_swap_module_params_on_conversion()        ? SWAP
                 : tn_get_overwrite_module_params_on_conversion() ? OVERWRITE
                                                                  : SET_DATA;
    tni_walk parameters = {0}, buffers = {0}; /* of what two fields share, overwriting makes two */
    bool right = tni_walk_run(c.who, &parameters, m, TNI_WALK_PARAMETERS, NULL, recurse, how == OVERWRITE) &&
                 tni_walk_run(c.who, &buffers, m, TNI_WALK_BUFFERS, NULL, recurse, false) && prepare(t, &c, &parameters, how) &&
                 prepare(t, &c, &buffers, SET_DATA) && may_swap(&c);
    finish(&c, right);
    tni_walk_clear(&parameters);
    tni_walk_clear(&buffers);
    return right;
}

static tni_module *begin(const char *who, tn_module *handle, tni_thread **t) {
    *t = tni_self();
    return *t && !tni_failed() ? tni_module_of(who, handle) : NULL;
}

bool(tn_module_to)(tn_module *handle, const tn_module_to_opts *opts) {
    tni_thread *t;
    tni_module *m = begin("to", handle, &t);
    changes c = {.who = "to",
                 .dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE),
                 .takers = FLOATS_AND_COMPLEX,
                 .format = TNI_OPT(opts, memory_format, TN_MEMORY_FORMAT_NONE)};
    if (!m || !tni_device_parse(TNI_OPT(opts, device, NULL), OWN_DEVICE, &c.device)) return false;
    if (c.dtype != TN_DTYPE_NONE) TNI_TRY(tni_dtype_check("to", c.dtype));
    TNI_CHECK(c.dtype == TN_DTYPE_NONE || tni_dtype_has_grad(c.dtype), TN_ERR_TYPE,
              "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.%s",
              tni_dtype_get(c.dtype)->name);
    if (c.dtype != TN_DTYPE_NONE && tni_dtype_is_complex(c.dtype))
        tni_warn("Complex modules are a new feature under active development whose design may change, and some modules might not "
                 "work as expected when using complex tensors as parameters or buffers. Please file an issue at "
                 "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work as "
                 "expected.");
    return change_all(t, m, true, c);
}

static bool change_dtype(const char *who, tn_module *handle, tn_dtype dtype, which takers) {
    tni_thread *t;
    tni_module *m = begin(who, handle, &t);
    return m && tni_dtype_check(who, dtype) &&
           change_all(t, m, true, (changes){.who = who, .dtype = dtype, .takers = takers, .device = OWN_DEVICE});
}

bool(tn_module_half)(tn_module *m) { return change_dtype("half", m, TN_FLOAT16, FLOATS); }
bool(tn_module_bfloat16)(tn_module *m) { return change_dtype("bfloat16", m, TN_BFLOAT16, FLOATS); }
bool(tn_module_float)(tn_module *m) { return change_dtype("float", m, TN_FLOAT32, FLOATS); }
bool(tn_module_double)(tn_module *m) { return change_dtype("double", m, TN_FLOAT64, FLOATS); }
bool(tn_module_type)(tn_module *m, tn_dtype dtype) { return change_dtype("type", m, dtype, ALL); }

bool(tn_module_to_empty)(tn_module *handle, const tn_module_to_empty_opts *opts) {
    tni_thread *t;
    tni_module *m = begin("to_empty", handle, &t);
    changes c = {.who = "to_empty", .dtype = TN_DTYPE_NONE, .empty = true};
    return m && tni_device_parse(TNI_OPT(opts, device, NULL), TNI_CPU, &c.device) &&
           change_all(t, m, TNI_OPT(opts, recurse, true), c);
}
