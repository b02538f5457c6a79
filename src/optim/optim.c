/* optim/optim.c - the optimizer object: groups of parameters, their checks, the step, text. */
#include "optim/optim.h"
#include "base/addresses.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/node.h"
#include "core/sparse.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tison/optim.h>

#ifdef TN_HEADER
/* A tn_optim claims its parameters and its state; it is kept and freed as any object. tn_to_string gives PyTorch's text. */

/* An option that a further group takes over from the optimizer. */
#define TN_OPTIM_SAME (-1e308)
/* Options of tn_optim_add_param_group; a flag of -1 is taken over too. Giving one that this optimizer does not have is
 * TN_ERR_TYPE. */
typedef struct tn_optim_group_opts {
    size_t size;
    double lr, betas[2], eps, weight_decay, momentum, dampening;
    int nesterov, amsgrad, maximize;
} tn_optim_group_opts;
#ifndef __cplusplus
#define tn_optim_add_param_group(opt, ...)                                                                                         \
    TN_WITH(tn_optim_group_opts,                                                                                                   \
            (.lr = TN_OPTIM_SAME, .betas = {TN_OPTIM_SAME, TN_OPTIM_SAME}, .eps = TN_OPTIM_SAME, .weight_decay = TN_OPTIM_SAME,    \
             .momentum = TN_OPTIM_SAME, .dampening = TN_OPTIM_SAME, .nesterov = -1, .amsgrad = -1, .maximize = -1),                \
            (tn_optim_add_param_group)(opt, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/* ---- the object ---- */

static void free_entry(tni_optim_entry *e) {
    if (e->name) tni_free(e->name, strlen(e->name) + 1);
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++)
        if (e->state[k]) tni_release(&e->state[k]->object);
    if (e->param) tni_release(&e->param->object);
}

static void free_entries(tni_optim_group *g) {
    for (size_t i = 0; i < g->n; i++) free_entry(&g->entry[i]);
    tni_free(g->entry, g->n * sizeof *g->entry);
}

static void destroy_optim(tni_object *object) {
    tn_optim *o = (tn_optim *)object;
    for (size_t i = 0; i < o->groups; i++) free_entries(&o->group[i]);
    tni_free(o->group, o->group_capacity * sizeof *o->group);
}

static void option_text(const tni_option *option, const double *value, tni_str *out) {
    tni_str_addf(out, "    %s: ", option->name);
    if (option->kind == TNI_OPTION_FLAG)
        tni_str_add(out, value[option->at] != 0 ? "True" : "False");
    else if (option->kind == TNI_OPTION_NUMBER)
        tni_str_add(out, TNI_NUMBER(value[option->at]));
    else
        tni_str_addf(out, "(%s, %s)", TNI_NUMBER(value[option->at]), TNI_NUMBER(value[option->at + 1]));
    tni_str_add(out, "\n");
}

static void optim_text(tni_object *object, tni_str *out) {
    const tn_optim *o = (const tn_optim *)object;
    tni_str_addf(out, "%s (\n", o->class_->name);
    for (size_t i = 0; i < o->groups; i++) {
        tni_str_addf(out, "%sParameter Group %zu\n", i ? "\n" : "", i);
        for (size_t k = 0; k < o->class_->options; k++) option_text(&o->class_->option[k], o->group[i].option, out);
    }
    tni_str_add(out, ")");
}

static const tni_kind_info optim_kind = {"optimizer", sizeof(tn_optim), destroy_optim, optim_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_OPTIM, &optim_kind); }

#define CHECK_OPTIM(who, opt, other)                                                                                               \
    do {                                                                                                                           \
        if (!tni_check_handle(who, "opt", opt, TNI_OPTIM)) return other;                                                           \
    } while (0)

/* ---- groups ---- */

bool tni_optim_check_positive(const char *what, double value) {
    return value >= 0 || tni_fail(TN_ERR_VALUE, "Invalid %s: %s", what, TNI_NUMBER(value));
}

static bool check_param(const tni_object *o) {
    TNI_CHECK(o->tag == TNI_TENSOR, TN_ERR_TYPE, "optimizer can only optimize Tensors, but one of the params is a %s",
              tni_kind_get((tni_kind)o->tag)->name);
    TNI_CHECK(tni_is_leaf((const tn_tensor *)o), TN_ERR_VALUE, "can't optimize a non-leaf Tensor");
    return true;
}

static bool fill_entries(tni_optim_group *g, const tn_tensors *list, tni_addresses *set) {
    bool twice = false;
    for (size_t i = 0; i < list->n; i++) {
        tn_tensor *x = (tn_tensor *)list->item[i].value;
        tni_address_answer answer = tni_addresses_add(set, x);
        if (answer == TNI_ADDRESS_NO_MEMORY) return false;
        if (answer == TNI_ADDRESS_THERE) {
            bool here = false;
            for (size_t k = 0; k < g->n; k++) here |= g->entry[k].param == x;
            TNI_CHECK(here, TN_ERR_VALUE, "some parameters appear in more than one parameter group");
            twice = true;
            continue;
        }
        tni_optim_entry *e = &g->entry[g->n];
        if (list->item[i].name && !(e->name = tni_strdup(list->item[i].name))) return false;
        e->param = x;
        tni_claim(&x->object);
        g->n++;
    }
    if (twice) tni_warn("optimizer contains a parameter group with duplicate parameters; each is taken once");
    return true;
}

/* The group's memory is that of g->n entries: what duplicates left over is given back. */
static bool shrink(tni_optim_group *g, size_t n) {
    if (g->n == n) return true;
    tni_optim_entry *fewer = g->n ? tni_alloc(g->n * sizeof *fewer) : NULL;
    if (g->n && !fewer) return false;
    if (fewer) memcpy(fewer, g->entry, g->n * sizeof *fewer);
    tni_free(g->entry, n * sizeof *fewer);
    g->entry = fewer;
    return true;
}

static bool make_entries(const tn_optim *o, tni_optim_group *g, const tn_tensors *list) {
    tni_addresses set = {0};
    g->entry = tni_alloc_zero(list->n * sizeof *g->entry);
    if (!g->entry) return false;
    bool right = true;
    for (size_t i = 0; right && i < o->groups; i++)
        for (size_t k = 0; right && k < o->group[i].n; k++)
            right = tni_addresses_add(&set, o->group[i].entry[k].param) != TNI_ADDRESS_NO_MEMORY;
    right = right && fill_entries(g, list, &set);
    tni_addresses_clear(&set);
    if (right && shrink(g, list->n)) return true;
    for (size_t i = 0; i < g->n; i++) free_entry(&g->entry[i]);
    tni_free(g->entry, list->n * sizeof *g->entry);
    return false;
}

static bool add_group(tn_optim *o, const tn_tensors *list, const double *option) {
    TNI_CHECK(list->n > 0, TN_ERR_VALUE, "optimizer got an empty parameter list");
    for (size_t i = 0; i < list->n; i++) TNI_TRY(check_param(list->item[i].value));
    TNI_TRY(o->class_->check(option));
    TNI_TRY(tni_reserve(&o->group, &o->group_capacity, o->groups + 1, sizeof *o->group));
    tni_optim_group g = {.cached_steps = -1};
    memcpy(g.option, option, sizeof g.option);
    TNI_TRY(make_entries(o, &g, list));
    for (size_t i = 0; i < g.n; i++) g.entry[i].param->optimized = true;
    o->group[o->groups++] = g;
    tni_module_mark_trained(tni_self());
    return true;
}

tn_optim *tni_optim_new(const tni_optim_class *c, tn_tensors *params, const double *option) {
    tni_thread *t = tni_self();
    const tni_object *given = t && !tni_failed() ? tni_object_find(params) : NULL;
    if (given && given->tag == TNI_TENSOR) {
        char type[80];
        return (void)tni_fail(TN_ERR_TYPE,
                              "params argument given to the optimizer should be an iterable of Tensors or dicts, but got %s",
                              tni_type_text(given, type, sizeof type)),
               NULL;
    }
    if (!t || tni_failed() || !tni_check_handle(c->name, "params", params, TNI_LIST)) return NULL;
    tn_optim *o = tni_give(t, tni_object_new(t, TNI_OPTIM, sizeof *o));
    if (!o) return NULL;
    o->class_ = c;
    memcpy(o->option, option, sizeof o->option);
    return add_group(o, params, option) ? o : NULL;
}

/* The value that opts give to an option, or the optimizer's own. */
static bool take_option(const tn_optim *o, double *option, const char *name, const double *given, size_t n) {
    bool any = false;
    for (size_t i = 0; i < n; i++) any |= given[i] != TN_OPTIM_SAME;
    if (!any) return true;
    for (size_t k = 0; k < o->class_->options; k++) {
        const tni_option *at = &o->class_->option[k];
        if (strcmp(at->name, name) != 0) continue;
        for (size_t i = 0; i < n; i++)
            if (given[i] != TN_OPTIM_SAME) option[at->at + i] = given[i];
        return true;
    }
    return tni_fail(TN_ERR_TYPE, "%s has no option '%s'", o->class_->name, name);
}

static bool take_options(const tn_optim *o, double *option, const tn_optim_group_opts *opts) {
#define TAKE(field) take_option(o, option, #field, &(double){TNI_OPT(opts, field, TN_OPTIM_SAME)}, 1)
#define TAKE_FLAG(field)                                                                                                           \
    take_option(o, option, #field, &(double){TNI_OPT(opts, field, -1) < 0 ? TN_OPTIM_SAME : TNI_OPT(opts, field, 0) != 0}, 1)
    double betas[2] = {TNI_OPT(opts, betas[0], TN_OPTIM_SAME), TNI_OPT(opts, betas[1], TN_OPTIM_SAME)};
    return TAKE(lr) && take_option(o, option, "betas", betas, 2) && TAKE(eps) && TAKE(weight_decay) && TAKE(momentum) &&
           TAKE(dampening) && TAKE_FLAG(nesterov) && TAKE_FLAG(amsgrad) && TAKE_FLAG(maximize);
}

/** Adds parameters with options of their own: optimizer.add_param_group. What is not given is as the optimizer was made.
 *  `tn_optim_add_param_group(opt, params, .lr = 1e-4)`. params [keep]: leaves of no other group.
 *  Errors as those of the constructor; then nothing was added. */
TN_API bool(tn_optim_add_param_group)(tn_optim *opt, tn_tensors *params, const tn_optim_group_opts *opts) {
    if (tni_failed()) return false;
    CHECK_OPTIM("add_param_group", opt, false);
    TNI_TRY(tni_check_handle("add_param_group", "params", params, TNI_LIST));
    double option[TNI_OPTIM_OPTIONS];
    memcpy(option, opt->option, sizeof option);
    return take_options(opt, option, opts) && add_group(opt, params, option);
}

/** How many groups of parameters it has. */
TN_API size_t tn_optim_group_count(tn_optim *opt) {
    CHECK_OPTIM("optim_group_count", opt, 0);
    return opt->groups;
}

static bool check_group(const char *who, const tn_optim *o, size_t group) {
    return group < o->groups || tni_fail(TN_ERR_INDEX, "%s: group %zu is out of range for %zu groups", who, group, o->groups);
}

/** optimizer.param_groups[group]["lr"] = lr. TN_ERR_VALUE for a negative one or NaN. */
TN_API bool tn_optim_set_lr(tn_optim *opt, size_t group, double lr) {
    if (tni_failed()) return false;
    CHECK_OPTIM("optim_set_lr", opt, false);
    TNI_TRY(check_group("optim_set_lr", opt, group) && tni_optim_check_positive("learning rate", lr));
    opt->group[group].option[TNI_OPTIM_LR] = lr;
    return true;
}

/** optimizer.param_groups[group]["lr"]; NaN on failure. */
TN_API double tn_optim_get_lr(tn_optim *opt, size_t group) {
    CHECK_OPTIM("optim_get_lr", opt, NAN);
    return check_group("optim_get_lr", opt, group) ? opt->group[group].option[TNI_OPTIM_LR] : NAN;
}

/* ---- the step: a pass that checks and prepares all, then one that computes ---- */

const char *tni_optim_entry_text(char text[160], const tn_optim *o, const tni_optim_entry *e) {
    size_t place = 0;
    for (size_t i = 0; i < o->groups; i++) {
        const tni_optim_group *g = &o->group[i];
        bool here = e >= g->entry && e < g->entry + g->n;
        place += here ? (size_t)(e - g->entry) : g->n;
        if (here) break;
    }
    if (e->name)
        snprintf(text, 160, "parameter '%.120s'", e->name);
    else
        snprintf(text, 160, "parameter %zu", place);
    return text;
}
#define ENTRY(o, e) tni_optim_entry_text((char[160]){0}, o, e)

__attribute__((cold, noinline)) static bool fail_replaced(const tn_optim *o, const tni_optim_entry *e) {
    return tni_fail(TN_ERR_OWNERSHIP,
                    "optimizer holds %s of shape %s, which was replaced in its module by another; make the optimizer anew",
                    ENTRY(o, e), TNI_SHAPE(&e->param->a));
}

__attribute__((cold, noinline)) static bool fail_partner(const tn_optim *o, const tni_optim_entry *e, const char *what,
                                                         const tn_tensor *x) {
    const tni_array *p = &e->param->a;
    if (x->a.dtype == p->dtype)
        return tni_fail(TN_ERR_SHAPE, "optim_step: %s has shape %s, but its %s %s", ENTRY(o, e), TNI_SHAPE(p), what,
                        TNI_SHAPE(&x->a));
    return tni_fail(TN_ERR_DTYPE, "optim_step: %s is of torch.%s, but its %s of torch.%s", ENTRY(o, e),
                    tni_dtype_get((tn_dtype)p->dtype)->name, what, tni_dtype_get((tn_dtype)x->a.dtype)->name);
}

/* Gradient or state: the parameter's dtype and shape. */
TNI_INLINE bool check_partner(const tn_optim *o, const tni_optim_entry *e, const char *what, const tn_tensor *x) {
    const tni_array *p = &e->param->a;
    return TNI_LIKELY(x->a.dtype == p->dtype && tni_same_shape(&x->a, p)) || fail_partner(o, e, what, x);
}

__attribute__((cold, noinline)) static bool fail_dtype(const tn_optim *o, const tni_optim_entry *e) {
    return tni_fail(TN_ERR_NOT_IMPLEMENTED, "optim_step: %s is of torch.%s", ENTRY(o, e),
                    tni_dtype_get((tn_dtype)e->param->a.dtype)->name);
}

/* A tensor laid out as the step wants it for p: as p itself, or row-major where p has holes. */
static tn_tensor *new_for(tni_thread *t, const tn_tensor *p, tn_dtype dtype) {
    return tni_tensor_new_like(t, "optim_step", p, dtype);
}

static bool prepare_states(tni_thread *t, const tn_optim *o, tni_optim_entry *e, uint32_t needed, tn_dtype dtype) {
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++) {
        if (!(needed >> k & 1)) continue;
        if (e->state[k]) {
            if (o->class_->mixed && tni_same_shape(&e->state[k]->a, &e->param->a)) continue;
            TNI_TRY(check_partner(o, e, o->class_->state[k], e->state[k]));
            continue;
        }
        tn_tensor *x = new_for(t, e->param, dtype);
        if (!x) return false;
        if (x->a.numel && x->a.device == TNI_CPU) memset(x->a.data, 0, (size_t)x->a.numel * tni_array_item(&x->a));
        tni_claim(&x->object);
        e->state[k] = x;
        if (k == 0) e->fresh = true;
    }
    return true;
}

static bool same_layout(const tni_array *a, const tni_array *b) {
    if (a->contiguous && b->contiguous) return true;
    for (int i = 0; i < a->ndim; i++)
        if (a->sizes[i] > 1 && a->strides[i] != b->strides[i]) return false;
    return true;
}

/* A copy of x in the step's layout and dtype, without claims. */
static tn_tensor *laid_out(tni_thread *t, const tn_tensor *p, const tn_tensor *x, tn_dtype dtype) {
    tn_tensor *y = new_for(t, p, dtype);
    if (y && tni_copy_array(&y->a, &x->a)) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

static bool is_as(const tni_array *a, const tni_array *as, tn_dtype dtype) {
    return a->dtype == (int8_t)dtype && same_layout(a, as);
}

/* Parameters, gradients or states that are not all row-major, or not all of that dtype. */
static bool prepare_copies(tni_thread *t, tni_optim_entry *e, tn_dtype dtype) {
    tn_tensor *p = e->param;
    bool stays = tni_is_dense(&p->a) && p->a.dtype == (int8_t)dtype;
    if (!stays && !(e->work = laid_out(t, p, p, dtype))) return false;
    const tni_array *as = e->work ? &e->work->a : &p->a;
    if (!is_as(&e->grad->a, as, dtype)) {
        tn_tensor *copy = laid_out(t, p, e->grad, dtype);
        if (!copy) return false;
        e->grad = copy;
        e->copied_grad = true;
    }
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++) {
        tn_tensor *old = e->state[k];
        if (!old || is_as(&old->a, as, dtype)) continue;
        if (!(e->state[k] = laid_out(t, p, old, dtype))) return e->state[k] = old, false;
        tni_claim(&e->state[k]->object);
        tni_release(&old->object);
    }
    return true;
}

/* The dtype of a step: of the parameter, its gradient and the states that there are. */
static tn_dtype common_dtype(const tni_optim_entry *e) {
    tn_dtype own = (tn_dtype)e->param->a.dtype, dtype = own;
    const tn_tensor *grad = e->param->meta->grad;
    if (TNI_UNLIKELY(grad->a.dtype != (int8_t)own) && tni_dtype_is_float((tn_dtype)grad->a.dtype))
        dtype = tni_promote(dtype, (tn_dtype)grad->a.dtype);
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++)
        if (e->state[k] && TNI_UNLIKELY(e->state[k]->a.dtype != (int8_t)own))
            dtype = tni_promote(dtype, (tn_dtype)e->state[k]->a.dtype);
    return dtype;
}

/* As torch's promotion has it: p += -lr * g is computed in the common dtype and rounded to p's. */
static bool prepare_mixed(tni_thread *t, const tn_optim *o, tni_optim_entry *e, uint32_t needed, tn_dtype dtype) {
    tn_tensor *grad = e->param->meta->grad;
    if (!tni_same_shape(&grad->a, &e->param->a) || !tni_dtype_is_float((tn_dtype)grad->a.dtype))
        return fail_partner(o, e, "gradient", grad);
    TNI_TRY(prepare_states(t, o, e, needed, dtype));
    e->grad = grad;
    return prepare_copies(t, e, dtype);
}

/* Steps by operators, whose results stand ready before anything changes. */
static bool prepare_sparse(const tn_optim *o, tni_optim_group *g, tni_optim_entry *e) {
    TNI_CHECK(o->class_->prepare_sparse, TN_ERR_RUNTIME, "%s does not support sparse gradients, please consider SparseAdam instead",
              o->class_->name);
    TNI_CHECK(!tni_is_sparse(e->param) || tni_is_sparse(e->param->meta->grad), TN_ERR_RUNTIME,
              "optim_step: %s is sparse, but its gradient is not", ENTRY(o, e));
    TNI_TRY(check_partner(o, e, "gradient", e->param->meta->grad));
    e->grad = e->param->meta->grad;
    return o->class_->prepare_sparse(g, e);
}

static bool prepare(tni_thread *t, const tn_optim *o, tni_optim_group *g, tni_optim_entry *e, uint32_t needed) {
    tn_tensor *p = e->param;
    e->grad = NULL;
    if (TNI_UNLIKELY((p->object.flags & TNI_REPLACED) && p->object.fields == 0)) return fail_replaced(o, e);
    if (!tni_tensor_has_grad(p)) return true;
    if (!tni_dtype_is_float((tn_dtype)p->a.dtype)) return fail_dtype(o, e);
    TNI_TRY(tni_inplace_check(t, "optim_step", p, false));
    if (TNI_UNLIKELY(tni_is_sparse(p) || tni_is_sparse(p->meta->grad))) return prepare_sparse(o, g, e);
    tn_dtype dtype = o->class_->mixed ? common_dtype(e) : (tn_dtype)p->a.dtype;
    bool mixed = dtype != (tn_dtype)p->a.dtype || p->meta->grad->a.dtype != (int8_t)dtype;
    if (TNI_UNLIKELY(mixed) && o->class_->mixed) return prepare_mixed(t, o, e, needed, dtype);
    TNI_TRY(check_partner(o, e, "gradient", p->meta->grad) && prepare_states(t, o, e, needed, dtype));
    e->grad = p->meta->grad;
    bool plain = p->a.contiguous && e->grad->a.contiguous;
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++) plain = plain && (!e->state[k] || e->state[k]->a.contiguous);
    return plain || prepare_copies(t, e, dtype);
}

static bool prepare_all(tni_thread *t, tn_optim *o) {
    bool right = true;
    for (size_t i = 0; i < o->groups; i++) {
        tni_optim_group *g = &o->group[i];
        uint32_t needed = o->class_->states(g->option);
        for (size_t k = 0; k < g->n; k++) {
            if (right)
                right = prepare(t, o, g, &g->entry[k], needed);
            else
                g->entry[k].grad = NULL;
        }
    }
    return right;
}

static bool become(tn_tensor *x, tn_tensor *next) {
    tni_version_bump(x);
    if (!tni_is_sparse(x)) return tni_copy_array(&x->a, &next->a);
    tni_sparse_exchange(x, next);
    return true;
}

static bool take_next(tni_optim_entry *e) {
    TNI_TRY(become(e->param, e->next));
    if (!e->next_state || e->state[0]) return !e->next_state || become(e->state[0], e->next_state);
    e->state[0] = e->next_state;
    e->next_state = NULL;
    return true;
}

static bool update(const tn_optim *o, tni_optim_group *g, tni_optim_entry *e) {
    e->steps += 1;
    TNI_TRY(TNI_UNLIKELY(e->next) ? take_next(e) : o->class_->update(g, e, e->work ? e->work : e->param));
    e->fresh = false;
    if (!e->work) return true;
    tni_version_bump(e->param);
    return tni_copy_array(&e->param->a, &e->work->a);
}

static void drop_copies(tni_thread *t, tni_optim_entry *e) {
    if (e->copied_grad) tni_tensor_destroy_new(t, e->grad);
    if (e->work) tni_tensor_destroy_new(t, e->work);
    if (e->next) tni_release(&e->next->object);
    if (e->next_state) tni_release(&e->next_state->object);
    e->copied_grad = false;
    e->grad = e->work = e->next = e->next_state = NULL;
}

static void tell_idle(tn_optim *o) {
    for (size_t i = 0; i < o->groups; i++)
        for (size_t k = 0; k < o->group[i].n; k++)
            if (o->group[i].entry[k].grad) return;
    if (!o->idle_told)
        tni_warn("optim_step: no parameter of this optimizer has a gradient, so nothing is changed; was the loss that of another "
                 "model, or of a copy?");
    o->idle_told = true;
}

/** optimizer.step(): updates every parameter that has a gradient; the others are skipped and get no state. Not recorded.
 *  TN_ERR_OWNERSHIP when a parameter was replaced in its module since, or has a gradient, came into a module that this or another
 *  optimizer trained whole, and is trained by none; or when a module ran in a forward and a Parameter gets gradients that stand in no
 *  field; TN_ERR_DTYPE, TN_ERR_SHAPE when a gradient does not fit.
 *  All is checked first: a failed step changes nothing. */
TN_API bool tn_optim_step(tn_optim *opt) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    CHECK_OPTIM("optim_step", opt, false);
    tni_module_observe_all(t); /* a parameter that was replaced in its module, or came into it, is reported now */
    bool outer = t->no_grad;
    t->no_grad = true;
    bool right = prepare_all(t, opt) && (TNI_LIKELY(!t->newcomers) || tni_module_check_newcomers(t)) && tni_training_check(t);
    if (right && !opt->idle_told) tell_idle(opt);
    for (size_t i = 0; i < opt->groups; i++)
        for (size_t k = 0; k < opt->group[i].n; k++) {
            tni_optim_entry *e = &opt->group[i].entry[k];
            if (right && e->grad) right = update(opt, &opt->group[i], e);
            if (e->copied_grad || e->work || e->next_state || e->next) drop_copies(t, e);
        }
    t->no_grad = outer;
    return right;
}

/** optimizer.zero_grad(): the gradients of all parameters become NULL. */
TN_API bool tn_optim_zero_grad(tn_optim *opt) {
    if (tni_failed()) return false;
    CHECK_OPTIM("optim_zero_grad", opt, false);
    for (size_t i = 0; i < opt->groups; i++)
        for (size_t k = 0; k < opt->group[i].n; k++) tni_tensor_drop_grad(opt->group[i].entry[k].param);
    return true;
}
