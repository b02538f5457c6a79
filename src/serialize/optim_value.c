/* serialize/optim_value.c - the state of an optimizer in PyTorch's layout, and back. */
#include "serialize/optim_value.h"
#include "base/error.h"
#include "core/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tison/serialize.h>

/* "state.3.exp_avg" -> 3, "exp_avg"; NULL when the name is of another kind. */
static const char *split(const char *name, const char *head, size_t *number) {
    size_t n = strlen(head);
    if (strncmp(name, head, n) != 0) return NULL;
    char *end;
    *number = (size_t)strtoull(name + n, &end, 10);
    return end > name + n && *end == '.' ? end + 1 : NULL;
}

/* ---- out ---- */

/* An option's number, flag, pair, or the list of a group's parameters. */
static tn_value *option_value(const char *name, const tn_tensor *x) {
    const tni_array *a = &x->a;
    if (a->device != TNI_CPU) return (void)tni_refuse_values(a->device), NULL;
    bool list = strcmp(name, "params") == 0;
    if (a->ndim == 0 && a->dtype == TN_BOOL) return tn_value_bool(tni_array_int_at(a, 0) != 0);
    if (a->ndim == 0) return tn_value_float(tni_array_double_at(a, 0));
    tn_value *v = list ? tn_value_list() : NULL, *pair[2] = {NULL, NULL};
    for (size_t i = 0; i < (size_t)a->numel && list; i++)
        if (!v || !tn_value_append(v, tni_array_int_at(a, i * tni_array_item(a)))) return NULL;
    if (list) return v;
    for (size_t i = 0; i < 2 && i < (size_t)a->numel; i++) pair[i] = tn_value_float(tni_array_double_at(a, i * tni_array_item(a)));
    return tn_value_tuple(pair, (size_t)TNI_MIN(a->numel, 2));
}

/* dict[key] as a dict, made when it is not there. */
static tn_value *inner(tn_value *dict, size_t key) {
    if (!tn_value_has_int(dict, (int64_t)key) && !tn_value_set_int(dict, (int64_t)key, tn_value_dict())) return NULL;
    return tn_value_get_int(dict, (int64_t)key);
}

static bool fill(tn_value *states, tn_value *groups, const tn_state *s) {
    static const char *const first[] = {"lr"}; /* PyTorch's groups begin with it and end with the parameters */
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < s->n; i++) {
            size_t k;
            const char *name = s->item[i].name, *rest;
            tn_tensor *x = (tn_tensor *)s->item[i].value;
            if ((rest = split(name, "state.", &k)) != NULL) {
                if (pass == 0) TNI_TRY(tn_value_set(inner(states, k), rest, x));
            } else if ((rest = split(name, "param_groups.", &k)) != NULL) {
                int turn = strcmp(rest, first[0]) == 0 ? 0 : strcmp(rest, "params") == 0 ? 2 : 1;
                while (tn_value_count(groups) <= k) TNI_TRY(tn_value_append(groups, tn_value_dict()));
                if (turn == pass) TNI_TRY(tn_value_set(tn_value_at(groups, k), rest, option_value(rest, x)));
            }
        }
    return true;
}

/** optimizer.state_dict() in PyTorch's layout: {"state": {0: {"step": ..., "exp_avg": ...}, ...}, "param_groups": [{"lr": ...,
 *  "params": [0, ...]}, ...]}. PyTorch's load_state_dict takes it. The tensors share memory with the optimizer. [scope] */
TN_API tn_value *tn_value_from_optim(tn_optim *opt) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_inner_enter(t)) return NULL;
    tn_state *s = tn_optim_state_dict(opt);
    tn_value *v = s ? tn_value_dict() : NULL, *states = tn_value_dict(), *groups = tn_value_list();
    bool right = v && states && groups && fill(states, groups, s) && tn_value_set(v, "state", states) &&
                 tn_value_set(v, "param_groups", groups);
    return tni_inner_return(t, right ? v : NULL);
}

/* ---- in ---- */

static bool set_named(tn_state *s, const char *head, size_t k, const char *key, tn_tensor *x) {
    char name[256];
    snprintf(name, sizeof name, "%s%zu.%.200s", head, k, key);
    return x && tn_state_set(s, name, x);
}

static bool is_number(const tni_held *x) {
    return x->kind == TN_VALUE_INT || x->kind == TN_VALUE_FLOAT || x->kind == TN_VALUE_BOOL;
}

/* n numbers as a tensor, 0-d when n is 0: NULL with an error. */
static tn_tensor *numbers(const tni_held *x, size_t n, tn_dtype dtype) {
    tni_thread *t = tni_self();
    const int64_t size = (int64_t)n;
    tn_tensor *y = tni_give(t, tni_tensor_new(t, "optim_load_value", dtype, &size, n > 0));
    for (size_t i = 0; i < TNI_MAX(n, 1) && y; i++) {
        double d = x[i].kind == TN_VALUE_FLOAT ? x[i].u.d : (double)x[i].u.i;
        tni_element_set((char *)y->a.data + i * tni_array_item(&y->a), dtype, d, x[i].kind == TN_VALUE_FLOAT ? 0 : x[i].u.i,
                        x[i].kind != TN_VALUE_FLOAT);
    }
    return y;
}

static tn_tensor *option_tensor(const tni_held *x) {
    if (x->kind == TN_VALUE_TENSOR) return (tn_tensor *)x->u.o;
    if (x->kind == TN_VALUE_BOOL) return numbers(x, 0, TN_BOOL);
    if (is_number(x)) return numbers(x, 0, TN_FLOAT64);
    if (x->kind != TN_VALUE_TUPLE && x->kind != TN_VALUE_LIST) return NULL;
    const tn_value *v = tni_item_value(x);
    for (size_t i = 0; i < v->n; i++)
        if (!is_number(&v->u.at[i])) return NULL;
    return v->n ? numbers(v->u.at, v->n, TN_FLOAT64) : NULL;
}

typedef struct incoming {
    tn_state *out, *known; /* what the optimizer itself would say: only its options are taken from the groups */
    tn_value *places;      /* the file's number of a parameter -> its place among all */
} incoming;

static bool take_group(incoming *in, const tn_value *group, size_t j) {
    const tni_held *params = tni_value_find(group, "params", 6);
    TNI_CHECK(params && params->kind == TN_VALUE_LIST, TN_ERR_KEY, "optim_load_value: group %zu has no list 'params'", j);
    const tn_value *list = tni_item_value(params);
    for (size_t i = 0; i < list->n; i++) {
        TNI_CHECK(list->u.at[i].kind == TN_VALUE_INT && !tn_value_has_int(in->places, list->u.at[i].u.i), TN_ERR_VALUE,
                  "optim_load_value: 'params' of group %zu holds what is no number of a parameter, or one twice", j);
        TNI_TRY(tn_value_set_int(in->places, list->u.at[i].u.i, (int64_t)tn_value_count(in->places)));
    }
    if (list->n) TNI_TRY(set_named(in->out, "param_groups.", j, "params", numbers(list->u.at, list->n, TN_INT64)));
    for (size_t i = 0; i < group->n; i++) {
        char name[256];
        const tni_held *key = &group->u.at[2 * i];
        if (key->kind != TN_VALUE_STRING || strcmp(tni_item_value(key)->u.text, "params") == 0) continue;
        snprintf(name, sizeof name, "param_groups.%zu.%.200s", j, tni_item_value(key)->u.text);
        if (!tn_state_has(in->known, name)) continue; /* such as foreach and fused, which say nothing here */
        tn_tensor *x = option_tensor(key + 1);
        TNI_CHECK(x || tni_failed(), TN_ERR_TYPE, "optim_load_value: '%s' is no number", name);
        TNI_TRY(x && tn_state_set(in->out, name, x));
    }
    return true;
}

static bool take_states(incoming *in, const tn_value *states) {
    for (size_t i = 0; i < states->n; i++) {
        const tni_held *key = &states->u.at[2 * i], *x = key + 1;
        const tni_held *place = key->kind == TN_VALUE_INT ? tni_value_find_int(in->places, key->u.i) : NULL;
        TNI_CHECK(place && x->kind == TN_VALUE_DICT, TN_ERR_KEY, "optim_load_value: entry %zu of 'state' is of no parameter", i);
        const tn_value *entry = tni_item_value(x);
        for (size_t k = 0; k < entry->n; k++) {
            const tni_held *name = &entry->u.at[2 * k];
            if (name->kind != TN_VALUE_STRING || name[1].kind == TN_VALUE_NONE) continue; /* momentum_buffer may be None */
            tn_tensor *y = option_tensor(name + 1);
            TNI_CHECK(y || tni_failed(), TN_ERR_TYPE, "optim_load_value: 'state.%zu.%.100s' is no tensor", (size_t)place->u.i,
                      tni_item_value(name)->u.text);
            TNI_TRY(set_named(in->out, "state.", (size_t)place->u.i, tni_item_value(name)->u.text, y));
        }
    }
    return true;
}

tn_state *tni_optim_state_from_value(tn_optim *opt, tn_value *v) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("optim_load_value", "state", v, TNI_VALUE) || !tni_inner_enter(t)) return NULL;
    const tni_held *states = v->kind == TN_VALUE_DICT ? tni_value_find(v, "state", 5) : NULL;
    const tni_held *groups = v->kind == TN_VALUE_DICT ? tni_value_find(v, "param_groups", 12) : NULL;
    bool right = states && groups && states->kind == TN_VALUE_DICT && groups->kind == TN_VALUE_LIST;
    if (!right)
        tni_fail(TN_ERR_KEY, "optim_load_value: no state of an optimizer: it has no dict 'state' or no list 'param_groups'");
    incoming in = {tn_state_new(), tn_optim_state_dict(opt), tn_value_dict()};
    right = right && in.out && in.known && in.places;
    for (size_t j = 0; right && j < tni_item_value(groups)->n; j++) {
        const tni_held *g = &tni_item_value(groups)->u.at[j];
        right = g->kind == TN_VALUE_DICT || tni_fail(TN_ERR_TYPE, "optim_load_value: group %zu is no dict", j);
        right = right && take_group(&in, tni_item_value(g), j);
    }
    right = right && take_states(&in, tni_item_value(states));
    return tni_inner_return(t, right ? in.out : NULL);
}

/** optimizer.load_state_dict(state) from PyTorch's layout, as tn_value_from_optim and torch's state_dict() have it; options that
 *  this library does not know (foreach, fused, ...) are passed over. Errors as tn_optim_load_state_dict; a failed load changes
 *  nothing. */
TN_API bool tn_optim_load_value(tn_optim *opt, tn_value *state) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_inner_enter(t)) return false;
    tn_state *s = tni_optim_state_from_value(opt, state);
    bool right = s && tn_optim_load_state_dict(opt, s);
    tni_inner_exit(t);
    return right;
}
