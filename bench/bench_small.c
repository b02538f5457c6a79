/* bench/bench_small.c - small work: what a call, a graph and a training step cost. Prints "case ns" lines; the fastest of several rounds. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tison.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static size_t allocator_calls(void) {
    tn_memory_stats s = {.size = sizeof s};
    tn_memory_get_stats(&s);
    return s.allocator_calls;
}

enum { ROUNDS = 7, CHAIN = 100 };

static void report(const char *name, void (*body)(int64_t), int64_t calls, double per) {
    double best = 1e30;
    body(calls / 10 + 1);
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        body(calls);
        double ns = (now() - start) / (double)calls / per;
        if (ns < best) best = ns;
    }
    printf("%s %.1f\n", name, best);
}

static tn_tensor *left, *right, *big;
static void add(int64_t n) {
    TN_NO_GRAD;
    for (int64_t i = 0; i < n; i += 100) {
        TN_SCOPE;
        for (int k = 0; k < 100; k++) tn_add(left, right);
    }
}
static tn_tensor *w;
static void add_graph(int64_t n) {
    for (int64_t i = 0; i < n; i += 100) {
        TN_SCOPE;
        for (int k = 0; k < 100; k++) tn_add(w, right);
    }
}
static void chain_of_adds(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_add(w, right);
        for (int k = 1; k < CHAIN; k++) x = tn_add(x, right);
        tn_backward(x, .gradient = right);
    }
}
static void chain_of_muls(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_mul(w, right);
        for (int k = 1; k < CHAIN; k++) x = tn_mul(x, right);
        tn_backward(x, .gradient = right);
    }
}
static void add_1000(int64_t n) {
    TN_NO_GRAD;
    for (int64_t i = 0; i < n; i += 100) {
        TN_SCOPE;
        for (int k = 0; k < 100; k++) tn_add(big, big);
    }
}
static tn_tensor *row, *square;
static void matmul_8(int64_t n) {
    TN_NO_GRAD;
    for (int64_t i = 0; i < n; i += 100) {
        TN_SCOPE;
        for (int k = 0; k < 100; k++) tn_matmul(row, square);
    }
}
static void sum_backward(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        TN_SCOPE;
        tn_backward(tn_sum(tn_add(w, right)));
    }
}

/* ---- the 2-16-16-1 step, batch 8 ---- */

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second, *third;
} mlp;
static tn_tensor *mlp_forward(mlp *self, tn_tensor *x) {
    x = tn_tanh(tn_forward(self->first, x));
    x = tn_tanh(tn_forward(self->second, x));
    return tn_forward(self->third, x);
}
TN_CLASS(mlp, mlp_forward, first, second, third);

static mlp *net;
static tn_optim *optimizer;
static tn_tensor *input, *target;
static void train_step(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        TN_SCOPE;
        tn_tensor *loss = tn_mse_loss(tn_forward(net, input), target);
        tn_optim_zero_grad(optimizer);
        tn_backward(loss);
        tn_optim_step(optimizer);
    }
}
static void train(const char *name, tn_optim *(*make)(tn_tensors *)) {
    TN_SCOPE;
    net = tn_new(mlp);
    net->first = tn_nn_linear(2, 16);
    net->second = tn_nn_linear(16, 16);
    net->third = tn_nn_linear(16, 1);
    optimizer = make(tn_parameters(net));
    input = tn_randn((8, 2));
    target = tn_randn((8, 1));
    report(name, train_step, 5000, 1);
    size_t before = allocator_calls();
    train_step(1000);
    printf("%s.allocator_calls %zu\n", name, allocator_calls() - before);
}
static tn_optim *make_sgd(tn_tensors *p) { return tn_optim_sgd(p, .lr = 0.01); }
static tn_optim *make_adam(tn_tensors *p) { return tn_optim_adam(p, .lr = 0.001); }

/* ---- scopes ---- */

typedef struct {
    tn_module module;
    tn_tensor *field[450];
} wide;
static tn_tensor *wide_forward(wide *self, tn_tensor *x) { return tn_add(x, self->field[0]); }
TN_CLASS(wide, wide_forward, field);
static void scopes(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        TN_SCOPE;
        tn_zeros(1);
    }
}

int main(void) {
    tn_exit_on_error(true);
    tn_set_num_threads(1);
    tn_manual_seed(0);
    left = tn_randn(3), right = tn_ones(3), big = tn_randn(1000);
    w = tn_parameter(tn_randn(3));
    row = tn_randn((1, 8)), square = tn_randn((8, 8));
    report("add_3", add, 200000, 1);
    report("add_3_graph", add_graph, 200000, 1);
    report("add_3_forward_backward", chain_of_adds, 1000, CHAIN);
    report("mul_3_forward_backward", chain_of_muls, 1000, CHAIN);
    report("add_1000", add_1000, 100000, 1);
    report("matmul_1x8x8", matmul_8, 100000, 1);
    report("add_sum_backward", sum_backward, 20000, 1);
    train("mlp_step_sgd", make_sgd);
    train("mlp_step_adam", make_adam);
    report("scope", scopes, 100000, 1);
    wide *many = tn_new(wide);
    for (int i = 0; i < 450; i++) many->field[i] = tn_zeros(1);
    report("scope_450_fields", scopes, 100000, 1);
    return tn_check(many) ? 0 : 1;
}
