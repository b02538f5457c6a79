/* Threads: what is shared, what belongs to each of them, and what ends with them. Runs under the thread sanitizer. */
#include "support.h"
#include <pthread.h>

static void in_thread(void *(*run)(void *), void *data) {
    pthread_t thread;
    if (!CHECK(pthread_create(&thread, NULL, run, data) == 0)) return;
    pthread_join(thread, NULL);
}

/* ---- a network ---- */

typedef struct {
    tn_module module;
    tn_nn_conv2d *conv;
    tn_nn_linear *hidden, *out;
    tn_nn_dropout *dropout;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) {
    x = tn_max_pool2d(tn_relu(tn_forward(self->conv, x)), 2);
    x = tn_tanh(tn_forward(self->hidden, tn_flatten(x, 1, -1)));
    return tn_forward(self->out, tn_forward(self->dropout, x));
}
TN_CLASS(net, net_forward, conv, hidden, out, dropout);
static net *net_new(void) {
    net *self = tn_new(net);
    self->conv = tn_nn_conv2d(1, 4, 3, .padding = 1);
    self->hidden = tn_nn_linear(64, 16);
    self->out = tn_nn_linear(16, 10);
    self->dropout = tn_nn_dropout(0.25);
    return self;
}

enum { STEPS = 8 };
typedef struct training {
    uint64_t seed;
    bool sgd;
    double loss[STEPS];
    float weight[16 * 64];
    tn_status status;
} training;

static void *train(void *data) {
    training *t = data;
    TN_SCOPE;
    tn_manual_seed(t->seed);
    net *n = net_new();
    tn_dataset *digits = tn_data_digits(.train = true);
    tn_data_loader *loader = tn_data_loader(digits, .batch_size = 16, .shuffle = true);
    tn_tensors *parameters = tn_parameters(n);
    tn_optim *opt = t->sgd ? tn_optim_sgd(parameters, .lr = 0.05, .momentum = 0.9) : tn_optim_adamw(parameters, .lr = 2e-3);
    int step = 0;
    for (tn_batch batch = tn_batches(loader); step < STEPS && tn_batch_next(&batch); step++) {
        TN_SCOPE;
        tn_tensor *loss = tn_cross_entropy(tn_forward(n, batch.input), batch.target);
        tn_optim_zero_grad(opt);
        tn_backward(loss);
        tn_optim_step(opt);
        t->loss[step] = tn_item(loss);
    }
    tn_copy_to(tn_detach(n->hidden->weight), t->weight, sizeof t->weight);
    t->status = tn_error();
    return NULL;
}

static void test_training_side_by_side(void) {
    training serial[2] = {{.seed = 1}, {.seed = 2, .sgd = true}}, parallel[2] = {{.seed = 1}, {.seed = 2, .sgd = true}};
    size_t before = live_objects();
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) train(&serial[i]);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, train, &parallel[i]) == 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(serial[i].status == TN_OK && parallel[i].status == TN_OK);
        CHECK(memcmp(serial[i].loss, parallel[i].loss, sizeof serial[i].loss) == 0);
        CHECK(memcmp(serial[i].weight, parallel[i].weight, sizeof serial[i].weight) == 0);
    }
    CHECK(serial[0].loss[0] != serial[1].loss[0]);
    CHECK_OK();
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- one model for many threads ---- */

enum { READERS = 8, ROWS = 5 };
typedef struct reader {
    net *model;
    tn_tensor *x;
    float y[ROWS * 10];
    bool same;
    tn_status status;
} reader;

static void *read_model(void *data) {
    reader *r = data;
    TN_NO_GRAD;
    r->same = true;
    for (int i = 0; i < 10; i++) {
        TN_SCOPE;
        float y[ROWS * 10];
        tn_copy_to(tn_forward(r->model, r->x), y, sizeof y);
        if (i == 0) memcpy(r->y, y, sizeof y);
        if (memcmp(r->y, y, sizeof y) != 0) r->same = false;
    }
    r->status = tn_error();
    return NULL;
}

static void test_one_model_for_many_threads(void) {
    TN_SCOPE;
    tn_manual_seed(3);
    net *n = net_new();
    tn_eval(n);
    reader here = {.model = n, .x = tn_randn((ROWS, 1, 8, 8))}, all[READERS];
    pthread_t threads[READERS];
    read_model(&here);
    size_t before = live_objects();
    for (int i = 0; i < READERS; i++) all[i] = here, memset(all[i].y, 0, sizeof all[i].y);
    for (int i = 0; i < READERS; i++) CHECK(pthread_create(&threads[i], NULL, read_model, &all[i]) == 0);
    for (int i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < READERS; i++) CHECK(all[i].status == TN_OK && all[i].same && memcmp(all[i].y, here.y, sizeof here.y) == 0);
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

/* ---- a module belongs to one thread ---- */

typedef struct {
    tn_module module;
    tn_tensor *weight, *last;
} keeper;
static tn_tensor *keeper_forward(keeper *self, tn_tensor *x) { return self->last = tn_mul(x, self->weight); }
TN_CLASS(keeper, keeper_forward, weight, last);
static keeper *keeper_new(void) {
    keeper *self = tn_new(keeper);
    self->weight = tn_parameter(tn_full(3, 2.0));
    return self;
}

typedef struct elsewhere {
    keeper *k;
    bool adopt;
    tn_status status;
    char message[512];
    double value;
} elsewhere;
static void *forward_elsewhere(void *data) {
    elsewhere *e = data;
    TN_SCOPE;
    if (e->adopt) tn_adopt(e->k);
    tn_tensor *y = tn_forward(e->k, tn_ones(3));
    e->status = tn_error();
    snprintf(e->message, sizeof e->message, "%s", tn_error_message());
    if (y) e->value = tn_item(tn_sum(y));
    tn_clear_error();
    return NULL;
}

static void test_changing_a_foreign_module(void) {
    TN_SCOPE;
    keeper *k = keeper_new();
    CHECK(tn_check(k)); /* its own thread has seen the weight */
    elsewhere plain = {.k = k};
    in_thread(forward_elsewhere, &plain);
    CHECK_EQ_INT(plain.status, TN_ERR_OWNERSHIP);
    if (!CHECK(strstr(plain.message, "'last'") != NULL)) printf("  %s\n", plain.message);
    CHECK(strstr(plain.message, "tn_adopt") != NULL);
    CHECK_OK(); /* the error is the other thread's */
}

static void test_adopting(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        keeper *k = keeper_new();
        elsewhere adopted = {.k = k, .adopt = true};
        in_thread(forward_elsewhere, &adopted);
        CHECK_EQ_INT(adopted.status, TN_OK);
        if (adopted.status) printf("  %s\n", adopted.message);
        CHECK_NEAR(adopted.value, 6, 0);
        CHECK(tn_adopt(k)); /* and back: its thread has ended */
        CHECK_NEAR(tn_item(tn_sum(tn_forward(k, tn_ones(3)))), 6, 0);
        CHECK(k->last != NULL && tn_size(k->last, 0) == 3);
        CHECK_OK();
    }
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- what each thread has of its own ---- */

typedef struct own {
    tn_status first, raised;
    bool grad, inference, scopes;
    float numbers[4];
} own;
static void *look_around(void *data) {
    own *o = data;
    TN_SCOPE;
    o->first = tn_error();
    o->grad = tn_is_grad_enabled();
    o->inference = tn_is_inference_mode_enabled();
    o->scopes = tn_scope_depth() == 1;
    tn_manual_seed(5);
    tn_copy_to(tn_rand(4), o->numbers, sizeof o->numbers);
    tn_raise(TN_ERR_VALUE, "of the other thread");
    o->raised = tn_error();
    return NULL; /* with an error set */
}
static void test_latch_modes_and_seeds(void) {
    TN_SCOPE;
    own o = {0};
    float numbers[4], expected[4], after[4];
    tn_manual_seed(5);
    tn_copy_to(tn_rand(4), expected, sizeof expected);
    tn_copy_to(tn_rand(4), after, sizeof after);
    tn_manual_seed(5);
    tn_copy_to(tn_rand(4), numbers, sizeof numbers);
    {
        TN_INFERENCE_MODE;
        tn_raise(TN_ERR_KEY, "of this thread");
        in_thread(look_around, &o);
        CHECK(!tn_is_grad_enabled());
    }
    CHECK_ERROR(TN_ERR_KEY, "of this thread");
    CHECK(o.first == TN_OK && o.raised == TN_ERR_VALUE && o.grad && !o.inference && o.scopes);
    CHECK(memcmp(o.numbers, expected, sizeof expected) == 0);
    tn_copy_to(tn_rand(4), numbers, sizeof numbers);
    CHECK(memcmp(numbers, after, sizeof after) == 0); /* the other thread's seed is not this one's */
    tn_set_default_grad_enabled(false);
    in_thread(look_around, &o);
    tn_set_default_grad_enabled(true);
    CHECK(!o.grad && tn_is_grad_enabled());
    CHECK_OK();
}

/* ---- freeing, and the end of a thread ---- */

static void *free_it(void *x) { return tn_free(x) ? x : NULL; }
static void test_free_from_another_thread(void) {
    size_t before = live_objects();
    tn_tensor *x;
    net *n;
    {
        TN_SCOPE;
        x = tn_keep(tn_ones((4, 4)));
        n = tn_keep(net_new());
    }
    in_thread(free_it, x);
    in_thread(free_it, n);
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

static void *leave_things(void *out) {
    tn_tensor *x = tn_requires_grad_(tn_ones(100), true);
    (void)tn_scope_enter(); /* never closed */
    (void)net_new();
    (void)tn_mul(x, 2.0);
    tn_backward(tn_sum(tn_mul(x, x)));
    *(tn_tensor **)out = tn_keep(tn_full(3, 7.0)); /* this one is handed over */
    return NULL;
}
static void test_the_end_of_a_thread(void) {
    size_t before = live_objects();
    tn_tensor *left = NULL;
    in_thread(leave_things, &left);
    CHECK_EQ_INT(live_objects(), before + 1);
    CHECK_NEAR(tn_data_f32(left)[2], 7, 0);
    CHECK(tn_free(left));
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

/* Tensors that one thread makes and others free, while all go on. */
enum { HANDED = 200 };
static tn_tensor *handed[HANDED];
static void *take_them(void *data) {
    (void)data;
    tn_tensor *gone = (tn_tensor *)handed; /* stands where one was taken */
    for (int taken = 0; taken < HANDED;) {
        taken = 0;
        for (int i = 0; i < HANDED; i++) {
            tn_tensor *x = __atomic_load_n(&handed[i], __ATOMIC_ACQUIRE);
            if (x && x != gone && __atomic_compare_exchange_n(&handed[i], &x, gone, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
                tn_free(x);
            taken += __atomic_load_n(&handed[i], __ATOMIC_ACQUIRE) == gone;
        }
    }
    return NULL;
}
static void test_handing_over(void) {
    size_t before = live_objects();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, take_them, NULL) == 0);
    for (int i = 0; i < HANDED; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_add(tn_requires_grad_(tn_ones(8 + i), true), 1);
        __atomic_store_n(&handed[i], (tn_tensor *)tn_keep(x), __ATOMIC_RELEASE);
    }
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

int main(void) {
    RUN(test_training_side_by_side);
    RUN(test_one_model_for_many_threads);
    RUN(test_changing_a_foreign_module);
    RUN(test_adopting);
    RUN(test_latch_modes_and_seeds);
    RUN(test_free_from_another_thread);
    RUN(test_the_end_of_a_thread);
    RUN(test_handing_over);
    return test_end();
}
