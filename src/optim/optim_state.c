/* optim/optim_state.c - the state of an optimizer as names and tensors, and back. */
#include "base/memory.h"
#include "core/sparse.h"
#include "core/state.h"
#include "optim/optim.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tison/optim.h>

#define CHECK_OPTIM(who, opt, other)                                                                                               \
    do {                                                                                                                           \
        if (!tni_check_handle(who, "opt", opt, TNI_OPTIM)) return other;                                                           \
    } while (0)

/* ---- out ---- */

/* A new tensor of n numbers, 0-d when n is 0. */
static bool put_numbers(tn_state *s, const char *name, tn_dtype dtype, const double *v, size_t n) {
    tni_thread *t = tni_self();
    const int64_t size = (int64_t)n;
    tn_tensor *x = tni_give(t, tni_tensor_new(t, "optim_state_dict", dtype, &size, n > 0));
    if (!x) return false;
    for (size_t i = 0; i < TNI_MAX(n, 1); i++)
        tni_element_set((char *)x->a.data + i * tni_array_item(&x->a), dtype, v[i], (int64_t)v[i], !tni_dtype_is_float(dtype));
    return tn_state_set(s, name, x);
}

static bool put_entry(tn_state *s, const tni_optim_class *c, const tni_optim_entry *e, size_t index) {
    char name[96];
    if (!e->state[0] || e->fresh) return true;
    snprintf(name, sizeof name, "state.%zu.step", index);
    if (c->counts) TNI_TRY(put_numbers(s, name, TN_FLOAT32, &e->steps, 0));
    for (size_t k = 0; k < TNI_OPTIM_STATES; k++) {
        if (!e->state[k]) continue;
        snprintf(name, sizeof name, "state.%zu.%s", index, c->state[k]);
        TNI_TRY(tn_state_set(s, name, e->state[k]));
    }
    return true;
}

static bool put_group(tn_state *s, const tni_optim_class *c, const tni_optim_group *g, size_t group, size_t first) {
    char name[96];
    for (size_t k = 0; k < c->options; k++) {
        const tni_option *o = &c->option[k];
        snprintf(name, sizeof name, "param_groups.%zu.%s", group, o->name);
        TNI_TRY(put_numbers(s, name, o->kind == TNI_OPTION_FLAG ? TN_BOOL : TN_FLOAT64, &g->option[o->at],
                            o->kind == TNI_OPTION_PAIR ? 2 : 0));
    }
    double *index = tni_alloc(g->n * sizeof *index);
    if (!index) return false;
    for (size_t i = 0; i < g->n; i++) index[i] = (double)(first + i);
    snprintf(name, sizeof name, "param_groups.%zu.params", group);
    bool right = put_numbers(s, name, TN_INT64, index, g->n);
    tni_free(index, g->n * sizeof *index);
    return right;
}

static bool put_all(tn_state *s, const tn_optim *o) {
    size_t index = 0;
    for (size_t i = 0; i < o->groups; i++)
        for (size_t k = 0; k < o->group[i].n; k++) TNI_TRY(put_entry(s, o->class_, &o->group[i].entry[k], index++));
    index = 0;
    for (size_t i = 0; i < o->groups; i++) {
        TNI_TRY(put_group(s, o->class_, &o->group[i], i, index));
        index += o->group[i].n;
    }
    return true;
}

/** optimizer.state_dict(), as names and tensors that any file format takes. For parameter i, counted over all groups, when it
 *  has a state: "state.i.step" (0-d float32; not SGD), "state.i.exp_avg", "state.i.momentum_buffer", ... of the parameter's
 *  shape, which share memory with the optimizer. For group j: "param_groups.j.lr" and the other numbers (0-d float64),
 *  "param_groups.j.betas" (2 of float64), "param_groups.j.amsgrad" and the other flags (0-d bool), "param_groups.j.params"
 *  (int64, the numbers i of its parameters). [scope] */
TN_API tn_state *tn_optim_state_dict(tn_optim *opt) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    CHECK_OPTIM("optim_state_dict", opt, NULL);
    if (!tni_inner_enter(t)) return NULL;
    tn_state *s = tn_state_new();
    if (s && !put_all(s, opt)) s = NULL;
    return tni_inner_return(t, s);
}

/* ---- in ---- */

/* What a load will put into the optimizer, once all of it was found right. */
typedef struct tni_optim_load {
    tn_optim *o;
    const tn_state *s;
    tni_thread *t;
    tni_optim_entry *entry; /* the states and steps of all parameters; `fresh` marks one without state */
    size_t n;
    double (*option)[TNI_OPTIM_OPTIONS]; /* of all groups */
    size_t used;                         /* names of the state that have a meaning */
} incoming;

static tn_tensor *find(incoming *in, const char *name) {
    tn_tensor *x = tni_state_find(in->s, name);
    in->used += x != NULL;
    return x;
}

static bool read_numbers(const char *name, const tn_tensor *x, double *out, size_t n) {
    TNI_CHECK(x, TN_ERR_KEY, "optim_load_state_dict: there is no '%s'", name);
    TNI_CHECK(x->a.numel == (int64_t)n, TN_ERR_SHAPE, "optim_load_state_dict: '%s' must have %zu element%s, but its shape is %s",
              name, n, n == 1 ? "" : "s", TNI_SHAPE(&x->a));
    TNI_TRY(x->a.device == TNI_CPU || tni_refuse_values(x->a.device));
    for (size_t i = 0; i < n; i++) {
        int64_t stride = x->a.ndim ? x->a.strides[x->a.ndim - 1] : 0;
        out[i] = tni_array_double_at(&x->a, i * (size_t)stride * tni_array_item(&x->a));
    }
    return true;
}

static bool read_group(incoming *in, size_t group) {
    char name[96];
    const tni_optim_class *c = in->o->class_;
    snprintf(name, sizeof name, "param_groups.%zu.params", group);
    const tn_tensor *params = find(in, name);
    TNI_CHECK(params, TN_ERR_VALUE, "loaded state dict has a different number of parameter groups");
    TNI_CHECK(params->a.numel == (int64_t)in->o->group[group].n, TN_ERR_VALUE,
              "loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
    for (size_t k = 0; k < c->options; k++) {
        const tni_option *o = &c->option[k];
        snprintf(name, sizeof name, "param_groups.%zu.%s", group, o->name);
        TNI_TRY(read_numbers(name, find(in, name), &in->option[group][o->at], o->kind == TNI_OPTION_PAIR ? 2 : 1));
    }
    return c->check(in->option[group]);
}

/* A copy of x in the dtype of the parameter, as torch's load casts it. */
static bool read_tensor(incoming *in, const char *name, const tn_tensor *x, const tn_tensor *p, tn_tensor **out) {
    TNI_CHECK(tni_same_shape(&x->a, &p->a), TN_ERR_SHAPE, "optim_load_state_dict: '%s' has shape %s, but its parameter %s", name,
              TNI_SHAPE(&x->a), TNI_SHAPE(&p->a));
    const char *who = "optim_load_state_dict";
    tn_dtype dtype = (tn_dtype)p->a.dtype;
    bool sparse = tni_is_sparse(x); /* as gradients make them; that of a sparse parameter may be dense all the same */
    *out = sparse ? tni_sparse_copy(in->t, who, x, dtype)
                  : tni_tensor_new_on(in->t, tni_is_sparse(p) ? TNI_CPU : p->a.device, who, p, dtype, TN_CONTIGUOUS_FORMAT);
    if (!*out) return false;
    tni_claim(&(*out)->object);
    return sparse || tni_copy_array(&(*out)->a, &x->a);
}

static bool read_entry(incoming *in, size_t index, const double *option, const tn_tensor *p) {
    char name[96];
    const tni_optim_class *c = in->o->class_;
    tni_optim_entry *e = &in->entry[index];
    uint32_t needed = c->states(option), found = 0;
    for (size_t k = 0; k < TNI_OPTIM_STATES && c->state[k]; k++) {
        snprintf(name, sizeof name, "state.%zu.%s", index, c->state[k]);
        tn_tensor *x = find(in, name);
        if (!x) continue;
        TNI_TRY(read_tensor(in, name, x, p, &e->state[k]));
        found |= 1u << k;
    }
    snprintf(name, sizeof name, "state.%zu.step", index);
    tn_tensor *steps = find(in, name);
    for (size_t k = 0; k < TNI_OPTIM_STATES && (found || steps); k++)
        TNI_CHECK(!(needed & ~found & 1u << k), TN_ERR_KEY, "optim_load_state_dict: there is no 'state.%zu.%s'", index,
                  c->state[k]);
    if (!c->counts || (!found && !steps)) return true;
    TNI_TRY(read_numbers(name, steps, &e->steps, 1));
    TNI_CHECK(e->steps >= 0, TN_ERR_VALUE, "optim_load_state_dict: '%s' is %s", name, TNI_NUMBER(e->steps));
    return true;
}

/* Names that no group and no parameter of this optimizer has. */
static bool check_names(const incoming *in) {
    if (in->used == in->s->n) return true;
    for (size_t i = 0; i < in->s->n; i++) {
        unsigned long at;
        char rest[8];
        const char *name = in->s->item[i].name;
        bool of_group = sscanf(name, "param_groups.%lu.%7s", &at, rest) == 2;
        bool of_state = sscanf(name, "state.%lu.%7s", &at, rest) == 2;
        TNI_CHECK(!of_group || at < in->o->groups, TN_ERR_VALUE, "loaded state dict has a different number of parameter groups");
        TNI_CHECK(!of_state || at < in->n, TN_ERR_KEY, "optim_load_state_dict: '%s' is of no parameter: there are %zu", name,
                  in->n);
        TNI_CHECK(of_group || of_state, TN_ERR_KEY, "optim_load_state_dict: unexpected name '%s'", name);
    }
    return tni_fail(TN_ERR_KEY, "optim_load_state_dict: the state is not of %s", in->o->class_->name);
}

static bool read_all(incoming *in) {
    size_t index = 0;
    for (size_t i = 0; i < in->o->groups; i++) TNI_TRY(read_group(in, i));
    for (size_t i = 0; i < in->o->groups; i++)
        for (size_t k = 0; k < in->o->group[i].n; k++)
            TNI_TRY(read_entry(in, index++, in->option[i], in->o->group[i].entry[k].param));
    return check_names(in);
}

static void commit(tn_optim *o, incoming *in) {
    size_t index = 0;
    for (size_t i = 0; i < o->groups; i++) {
        tni_optim_group *g = &o->group[i];
        memcpy(g->option, in->option[i], sizeof g->option);
        g->cached_steps = -1;
        for (size_t k = 0; k < g->n; k++, index++) {
            tni_optim_entry *e = &g->entry[k], *from = &in->entry[index];
            e->steps = from->steps;
            e->fresh = false;
            for (size_t j = 0; j < TNI_OPTIM_STATES; j++) {
                tn_tensor *old = e->state[j];
                e->state[j] = from->state[j];
                from->state[j] = old; /* released with the rest */
            }
        }
    }
}

static void release_states(const incoming *in) {
    for (size_t i = 0; i < in->n; i++)
        for (size_t k = 0; k < TNI_OPTIM_STATES; k++)
            if (in->entry[i].state[k]) tni_release(&in->entry[i].state[k]->object);
}

void tni_optim_load_end(tni_optim_load *in, bool commits) {
    if (!in) return;
    if (commits) commit(in->o, in);
    if (in->entry) release_states(in);
    tni_free(in->entry, in->n * sizeof *in->entry);
    tni_free(in->option, in->o->groups * sizeof *in->option);
    tni_free(in, sizeof *in);
}

tni_optim_load *tni_optim_load_begin(tn_optim *opt, tn_state *state) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    CHECK_OPTIM("optim_load_state_dict", opt, NULL);
    if (!tni_check_handle("optim_load_state_dict", "state", state, TNI_STATE)) return NULL;
    incoming *in = tni_alloc_zero(sizeof *in);
    if (!in) return NULL;
    *in = (incoming){.o = opt, .s = state, .t = t};
    for (size_t i = 0; i < opt->groups; i++) in->n += opt->group[i].n;
    in->entry = tni_alloc_zero(in->n * sizeof *in->entry);
    in->option = tni_alloc_zero(opt->groups * sizeof *in->option);
    if (in->entry && in->option && read_all(in)) return in;
    tni_optim_load_end(in, false);
    return NULL;
}

/** optimizer.load_state_dict(state): copies what tn_optim_state_dict made, from an optimizer with the same groups. Errors:
 *  TN_ERR_VALUE for another number of groups or parameters or an option out of range, TN_ERR_KEY for missing and unexpected
 *  names, TN_ERR_SHAPE. All is checked first: a failed load changes nothing. */
TN_API bool tn_optim_load_state_dict(tn_optim *opt, tn_state *state) {
    tni_optim_load *in = tni_optim_load_begin(opt, state);
    tni_optim_load_end(in, true);
    return in != NULL;
}
