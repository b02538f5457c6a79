/* core/functional_call.c - torch.func.functional_call: a forward with other tensors in the members' places. */
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include "core/state_dict.h"
#include <stdlib.h>
#include <string.h>

/* A name of the module, and what stands there during the call. */
typedef struct swap {
    const tni_found *member;
    tn_tensor *put; /* claimed; NULL: the module's own stays */
    uint8_t status; /* before */
    bool given;     /* under this very name */
} swap;

typedef struct plan {
    tni_walk walk[2]; /* parameters and buffers under all their names */
    swap *item;
    size_t n;
} plan;

static bool make_plan(plan *p, tni_module *m, tn_state *values) {
    TNI_TRY(tni_walk_run("functional_call", &p->walk[0], m, TNI_WALK_PARAMETERS, NULL, true, true) &&
            tni_walk_run("functional_call", &p->walk[1], m, TNI_WALK_BUFFERS, NULL, true, true));
    p->item = tni_alloc_zero((p->walk[0].n + p->walk[1].n) * sizeof *p->item);
    if (!p->item) return false;
    for (int w = 0; w < 2; w++)
        for (size_t i = 0; i < p->walk[w].n; i++) {
            swap *s = &p->item[p->n++];
            s->member = &p->walk[w].item[i];
            s->put = tni_state_find(values, s->member->name);
            s->given = s->put != NULL;
        }
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* "'a', 'b'", sorted, between `before` and `after`. */
static bool list_names(tni_str *out, const char *before, const char **names, size_t n, const char *after) {
    qsort(names, n, sizeof *names, by_name);
    tni_str_add(out, before);
    for (size_t i = 0; i < n; i++) tni_str_addf(out, "%s'%s'", i ? ", " : "", names[i]);
    tni_str_add(out, after);
    return !out->failed;
}

static bool refuse_tied(const plan *p, const swap *s, const char **names) {
    size_t n = 0;
    tni_str text = {0};
    for (size_t i = 0; i < p->n; i++)
        if (p->item[i].member->value == s->member->value) names[n++] = p->item[i].member->name;
    if (list_names(&text, "functional_call got multiple values for keys [", names, n,
                   "], which are tied. Consider using tie_weights=False"))
        tni_fail(TN_ERR_VALUE, "%s", text.text);
    tni_str_clear(&text);
    return false;
}

/* Names of one tensor get the value that one of them was given. */
static bool tie(plan *p, const char **names) {
    for (size_t i = 0; i < p->n; i++) {
        swap *s = &p->item[i];
        for (size_t k = 0; s->given && k < p->n; k++) {
            swap *other = &p->item[k];
            if (other->member->value != s->member->value || other->put == s->put) continue;
            if (other->given) return refuse_tied(p, s, names);
            other->put = s->put;
        }
    }
    return true;
}

static bool check_strict(const plan *p, const tni_module *m, const tn_state *values, const char **names) {
    tni_str text = {0};
    size_t n = 0;
    for (size_t i = 0; i < values->n; i++) {
        bool known = false;
        for (size_t k = 0; k < p->n && !known; k++) known = strcmp(p->item[k].member->name, values->item[i].name) == 0;
        if (!known) names[n++] = values->item[i].name;
    }
    if (n) list_names(&text, "\n\tUnexpected key(s): ", names, n, ".");
    n = 0;
    for (size_t k = 0; k < p->n; k++)
        if (!p->item[k].put) names[n++] = p->item[k].member->name;
    if (n) list_names(&text, "\n\tMissing key(s): ", names, n, ".");
    bool right = !text.length && !text.failed;
    if (!right && !text.failed) tni_fail(TN_ERR_RUNTIME, "Error(s) in reparametrizing for %s:%s", tni_module_printed(m), text.text);
    tni_str_clear(&text);
    return right;
}

static bool check_plan(plan *p, tni_module *m, tn_state *values, bool tie_weights, bool strict) {
    size_t bytes = (p->n + values->n + 1) * sizeof(char *);
    const char **names = tni_alloc(bytes);
    if (!names) return false;
    bool right = (!tie_weights || tie(p, names)) && (!strict || check_strict(p, m, values, names));
    for (size_t i = 0; i < p->n && right; i++)
        if (p->item[i].put) right = tni_module_own("functional_call", p->item[i].member->owner);
    tni_free(names, bytes);
    return right;
}

/* The places hold tensors that no assignment would allow there; the mark keeps verdicts away meanwhile. */
static void put_all(plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        swap *s = &p->item[i];
        if (!s->put) continue;
        tni_module *owner = s->member->owner;
        s->status =
            tni_module_place_status(owner, s->member->place, s->member->value) & (uint8_t) ~(TNI_SLOT_CLAIMED | TNI_SLOT_CYCLE);
        tni_claim(s->member->value);
        tni_claim(&s->put->object);
        tni_module_put_place(owner, s->member->place, &s->put->object, s->status | TNI_SLOT_AS_BUFFER);
    }
}

/* What the call put into a place of its own goes into the caller's state; then the module is as before. */
static bool restore_all(plan *p, tn_state *values) {
    bool right = true;
    for (size_t i = p->n; i-- > 0;) {
        swap *s = &p->item[i];
        if (!s->put) continue;
        const char *name;
        int32_t index;
        tni_object *now = tni_module_place(s->member->owner, s->member->place, &name, &index);
        if (now && now != &s->put->object && now->tag == TNI_TENSOR && s->given && !tni_failed())
            right = tn_state_set(values, s->member->name, (tn_tensor *)now) && right;
        tni_module_put_place(s->member->owner, s->member->place, s->member->value, s->status);
        tni_release(s->member->value);
        tni_release(&s->put->object);
    }
    return right;
}

tn_tensor *(tn_functional_call)(tn_module *handle, tn_state *values, tn_tensor *const *in, size_t n,
                                const tn_functional_call_opts *opts) {
    tni_module *m = tni_failed() ? NULL : tni_module_of("functional_call", handle);
    if (!m || !tni_check_handle("functional_call", "values", values, TNI_STATE)) return NULL;
    plan p = {0};
    tn_tensor *result = NULL;
    if (make_plan(&p, m, values) && check_plan(&p, m, values, TNI_OPT(opts, tie_weights, true), TNI_OPT(opts, strict, false))) {
        put_all(&p);
        result = (tn_forward)(handle, in, n);
        if (!restore_all(&p, values)) result = NULL;
    }
    tni_free(p.item, (p.walk[0].n + p.walk[1].n) * sizeof *p.item);
    tni_walk_clear(&p.walk[0]);
    tni_walk_clear(&p.walk[1]);
    return result;
}
