/* Memory: the replaceable allocator, its failure at every call, no allocation once warm, shutdown. */
#include "support.h"
#include <stdlib.h>

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->second, tn_tanh(tn_forward(self->first, x))); }
TN_CLASS(net, net_forward, first, second);

/* ---- an allocator that counts, and fails when told to ---- */

static long calls, fail_at = -1, outstanding;
static bool for_ever;
static void *allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    long n = calls++;
    if (fail_at >= 0 && (n == fail_at || (for_ever && n > fail_at))) return NULL;
    void *block = NULL;
    if (posix_memalign(&block, alignment, bytes) != 0) return NULL;
    outstanding++;
    return block;
}
static void release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    outstanding--;
    free(block);
}
static const tn_allocator counting = {sizeof(tn_allocator), NULL, allocate, release};

/* ---- warm steps ---- */

static net *net_new(void) {
    net *m = tn_new(net);
    if (!m) return NULL;
    m->first = tn_nn_linear(2, 16);
    m->second = tn_nn_linear(16, 1);
    return m;
}

static bool step(net *m, tn_optim *opt, tn_tensor *x, tn_tensor *y) {
    TN_SCOPE;
    tn_tensor *loss = tn_mse_loss(tn_forward(m, x), y);
    tn_optim_zero_grad(opt);
    tn_backward(loss);
    return tn_optim_step(opt);
}

static void a_warm_step_allocates_nothing(void) {
#ifndef __SANITIZE_ADDRESS__ /* under it every block comes and goes by itself */
    net *m = net_new();
    tn_optim *opt = tn_optim_adam(tn_parameters(m), .lr = 1e-3);
    tn_tensor *x = tn_randn((8, 2)), *y = tn_randn((8, 1));
    for (int i = 0; i < 50; i++) step(m, opt, x, y);
    size_t before = allocator_calls();
    for (int i = 0; i < 1000; i++) step(m, opt, x, y);
    CHECK_EQ_INT(allocator_calls(), before);
    CHECK_OK();
    tn_free(opt);
    tn_free(m);
#endif
}

static void the_allocator_can_be_replaced(void) {
    tn_keep(tn_ones(3));
    CHECK(!tn_set_allocator(&counting)); /* memory of the old one is held */
    CHECK_ERROR(TN_ERR_OWNERSHIP, "after tn_shutdown");
    tn_shutdown();
    tn_memory_stats s = {.size = sizeof s};
    CHECK(tn_set_allocator(&counting));
    CHECK(tn_add(tn_ones((2, 3)), 1) != NULL && outstanding > 0 && calls > 0);
    CHECK(tn_memory_get_stats(&s) && s.held_bytes > 0 && s.live_objects > 0);
    tn_shutdown();
    CHECK_EQ_INT(outstanding, 0);
}

/* ---- failure at the Nth allocation, once and for ever ---- */

/* true when all of it worked. Nothing may crash, and what was made before the failure stays as it was. */
static bool scenario(void) {
    TN_SCOPE;
    tn_manual_seed(1);
    net *m = net_new();
    if (!m || tn_error()) return false;
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1, .momentum = 0.9);
    tn_tensor *x = tn_randn((5, 2)), *y = tn_randn((5, 1));
    for (int i = 0; i < 2; i++) step(m, opt, x, y);
    tn_state *state = tn_state_dict(m);
    tn_load_state_dict(m, state);
    tn_tensor *v = tn_mul(tn_narrow(tn_cat(TN_TENSORS(x, x)), 0, 1, 3), 2);
    tn_mul_(tn_select(v, 0, 0), 3);
    tn_to_string(m);
    return tn_error() == TN_OK;
}

static void fail_everywhere(bool forever) {
    long points = 0;
    for (long n = 0; n < 5000; n++) {
        calls = 0, fail_at = n, for_ever = forever;
        CHECK(tn_set_allocator(&counting));
        bool right = scenario();
        bool reached = calls > n;
        fail_at = -1;
        if (tn_error()) CHECK(tn_error() == TN_ERR_MEMORY);
        tn_clear_error();
        CHECK(scenario()); /* the next run works */
        tn_clear_error();
        tn_shutdown();
        CHECK_EQ_INT(outstanding, 0);
        points++;
        if (!reached && right) break;
    }
    CHECK(points > 20);
    printf("  %ld allocation points %s\n", points, forever ? "for ever" : "once");
}
static void every_allocation_may_fail_once(void) { fail_everywhere(false); }
static void every_allocation_may_fail_for_ever(void) { fail_everywhere(true); }

int main(void) {
    RUN(a_warm_step_allocates_nothing);
    RUN(the_allocator_can_be_replaced);
    RUN(every_allocation_may_fail_once);
    RUN(every_allocation_may_fail_for_ever);
    return test_end();
}
