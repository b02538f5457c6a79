/* core/check_loss.c - tn_check_loss: a trainable leaf that a loss depends on and that nobody will train. */
#include "base/addresses.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/node.h"

typedef struct search {
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

static bool judge_leaf(const tn_tensor *x) {
    if (tni_count_get(&x->object.fields) > 0 || x->optimized) return true;
    const char *where = x->meta && x->meta->where ? x->meta->where : NULL;
    return tni_fail(TN_ERR_OWNERSHIP,
                    "check_loss: the loss depends on a %s of shape %s that requires grad, made at %s, but no module and no "
                    "optimizer holds it: it will "
                    "never be trained",
                    x->is_parameter ? "parameter" : "tensor", TNI_SHAPE(&x->a), where ? where : "an unknown place");
}

static bool visit_all(search *s) {
    while (s->n) {
        tni_node *n = s->stack[--s->n];
        for (uint32_t i = 0; i < n->edges; i++) {
            if (n->edge[i].leaf) TNI_TRY(judge_leaf(n->edge[i].leaf));
            if (n->edge[i].node) TNI_TRY(push(s, n->edge[i].node));
        }
    }
    return true;
}

bool(tn_check_loss)(tn_module *m, tn_tensor *loss) {
    if (tni_failed()) return false;
    tni_module *r = tni_module_of("check_loss", m);
    if (!r || !tni_check_handle("check_loss", "loss", loss, TNI_TENSOR)) return false;
    TNI_TRY(tni_module_check("check_loss", r));
    tni_node *node;
    TNI_TRY(tni_grad_fn(loss, &node));
    TNI_CHECK(node || loss->requires_grad, TN_ERR_AUTOGRAD,
              "check_loss: the loss does not require grad: nothing that it depends on can be trained");
    if (!node) return judge_leaf(loss);
    search s = {0};
    bool right = push(&s, node) && visit_all(&s);
    tni_free(s.stack, s.capacity * sizeof *s.stack);
    tni_addresses_clear(&s.seen);
    return right;
}
