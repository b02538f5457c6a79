/* core/check_loss.c - tn_check_loss: a trainable leaf that a loss depends on and that nobody will train. */
#include "base/addresses.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/node.h"
#include <stdio.h>

typedef struct search {
    tni_module *of;
    bool trained;      /* some optimizer took a parameter of it */
    tni_addresses own; /* its parameters */
    tni_node **stack;
    size_t n, capacity;
    tni_addresses seen;
} search;

static bool push(search *s, tni_node *n) {
    tni_address_answer answer = tni_addresses_add(&s->seen, n);
    if (answer != TNI_ADDRESS_NEW) return answer == TNI_ADDRESS_THERE;
    if (!tni_reserve(&s->stack, &s->capacity, s->n + 1, sizeof *s->stack)) return false;
    s->stack[s->n++] = n;
    return true;
}

/* The loss and the tensor, up to "made at net.c:17, ". */
static const char *leaf_text(const tn_tensor *x, char *text, size_t room) {
    const char *where = x->meta && x->meta->where ? x->meta->where : "an unknown place";
    snprintf(text, room, "check_loss: the loss depends on a %s of shape %s that requires grad, made at %s",
             x->is_parameter ? "parameter" : "tensor", TNI_SHAPE(&x->a), where);
    return text;
}
#define LEAF(x) leaf_text(x, (char[1000]){0}, 1000)

static bool judge_leaf(const search *s, const tn_tensor *x) {
    if (x->optimized || tni_addresses_have(&s->own, x)) return true;
    if (tni_count_get(&x->object.fields) == 0)
        return tni_fail(TN_ERR_OWNERSHIP, "%s, but no module and no optimizer holds it: it will never be trained", LEAF(x));
    if (!x->is_parameter)
        return tni_fail(
            TN_ERR_OWNERSHIP,
            "%s, which stands in a field, but is no parameter, and no optimizer holds it: it will never be trained; mark it "
            "with tn_parameter",
            LEAF(x));
    if (!s->trained) return true;
    return tni_fail(
        TN_ERR_OWNERSHIP,
        "%s, of a module that is no part of '%s', and no optimizer holds it: it will never be trained; put the module into "
        "a field, or give the parameter to an optimizer, or freeze it",
        LEAF(x), s->of->class_->name);
}

static bool visit_all(search *s) {
    while (s->n) {
        tni_node *n = s->stack[--s->n];
        for (uint32_t i = 0; i < n->edges; i++) {
            if (n->edge[i].leaf) TNI_TRY(judge_leaf(s, n->edge[i].leaf));
            if (n->edge[i].node) TNI_TRY(push(s, n->edge[i].node));
        }
    }
    return true;
}

/* The walk gives the verdicts of tn_check, too. */
static bool learn_own(search *s) {
    tni_module_observe_all(tni_self());
    tni_walk w = {0};
    TNI_TRY(tni_walk_run("check_loss", &w, s->of, TNI_WALK_PARAMETERS, NULL, true, false));
    bool right = true;
    for (size_t i = 0; right && i < w.n; i++) {
        s->trained |= ((const tn_tensor *)w.item[i].value)->optimized;
        right = tni_addresses_add(&s->own, w.item[i].value) != TNI_ADDRESS_NO_MEMORY;
    }
    tni_walk_clear(&w);
    return right;
}

static bool check_graph(search *s, tn_tensor *loss) {
    tni_node *node;
    TNI_TRY(learn_own(s) && tni_grad_fn(loss, &node));
    TNI_CHECK(node || loss->requires_grad, TN_ERR_AUTOGRAD,
              "check_loss: the loss does not require grad: nothing that it depends on can be trained");
    return node ? push(s, node) && visit_all(s) : judge_leaf(s, loss);
}

bool(tn_check_loss)(tn_module *m, tn_tensor *loss) {
    if (!tni_self() || tni_failed()) return false;
    search s = {.of = tni_module_of("check_loss", m)};
    if (!s.of || !tni_check_handle("check_loss", "loss", loss, TNI_TENSOR)) return false;
    bool right = check_graph(&s, loss);
    tni_free(s.stack, s.capacity * sizeof *s.stack);
    tni_addresses_clear(&s.seen);
    tni_addresses_clear(&s.own);
    return right;
}
