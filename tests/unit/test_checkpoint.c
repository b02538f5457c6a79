/* unit/test_checkpoint.c - checkpoints: a resumed run goes on bit for bit; guard, background saves, stop requests, what is refused. */
#include "support.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[64];

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
    tn_nn_dropout *drop;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) {
    return tn_forward(self->second, tn_forward(self->drop, tn_relu(tn_forward(self->first, x))));
}
TN_CLASS(net, net_forward, first, second, drop);

/* A run: 3 epochs over 22 items in shuffled batches of 4, with dropout and Adam. */
typedef struct {
    net *m;
    tn_optim *opt;
    tn_data_loader *loader;
    tn_batch batch;
    int64_t step, epoch;
    double loss;
} run;

static void run_begin(run *r) {
    *r = (run){.m = tn_new(net)};
    r->m->first = tn_nn_linear(3, 8);
    r->m->drop = tn_nn_dropout(0.25);
    r->m->second = tn_nn_linear(8, 1);
    r->opt = tn_optim_adamw(tn_parameters(r->m), .lr = 0.01);
    tn_tensor *x = tn_reshape(tn_arange(66., .dtype = TN_FLOAT32), (22, 3));
    r->loader = tn_data_loader(tn_data_tensor_dataset(tn_div(x, 66), tn_reshape(tn_sum(x, .dims = TN_INTS(1)), (22, 1))), 4, true);
}

static bool run_step(run *r) { /* false: the end */
    while (r->epoch < 3) {
        if (!r->batch.state) r->batch = tn_batches(r->loader);
        if (tn_batch_next(&r->batch)) break;
        if (tn_error()) return false;
        r->epoch++;
    }
    if (r->epoch == 3) return false;
    TN_SCOPE;
    tn_tensor *loss = tn_mse_loss(tn_forward(r->m, r->batch.input), r->batch.target);
    tn_optim_zero_grad(r->opt);
    tn_backward(loss);
    r->step++;
    r->loss = tn_item(loss);
    return tn_optim_step(r->opt);
}

static bool run_save(run *r, tn_saver *saver) {
    TN_SCOPE;
    tn_value *own = tn_value_dict();
    return tn_value_set(own, "epoch", r->epoch) && tn_checkpoint_save(path, .model = r->m, .optim = r->opt, .batch = &r->batch,
                                                                      .step = r->step, .values = own, .saver = saver);
}

static bool run_load(run *r) {
    tn_value *own = NULL;
    return tn_checkpoint_load(path, .model = r->m, .optim = r->opt, .loader = r->loader, .batch = &r->batch, .step = &r->step,
                              .values = &own) &&
           (r->epoch = tn_value_as_int(tn_value_get(own, "epoch")), tn_error() == TN_OK);
}

static tn_tensor *all_weights(run *r) {
    tn_tensor *part[4] = {tn_reshape(r->m->first->weight, -1), r->m->first->bias, tn_reshape(r->m->second->weight, -1),
                          r->m->second->bias};
    return tn_detach((tn_cat)(part, 4, NULL));
}

static void resumed_at_every_step(void) {
    TN_SCOPE;
    run whole;
    double losses[18];
    tn_manual_seed(7);
    run_begin(&whole);
    while (run_step(&whole)) losses[whole.step - 1] = whole.loss;
    CHECK_EQ_INT(whole.step, 18);
    tn_tensor *expected = all_weights(&whole);
    for (int stop = 0; stop <= 18; stop++) {
        TN_SCOPE;
        run first, second;
        tn_manual_seed(7);
        run_begin(&first);
        while (first.step < stop && run_step(&first)) {
        }
        CHECK(run_save(&first, NULL));
        tn_manual_seed(12345); /* a new process would know nothing of the old one */
        run_begin(&second);
        CHECK(run_load(&second) && second.step == stop);
        while (run_step(&second)) CHECK(second.loss == losses[second.step - 1]);
        CHECK(second.step == 18 && tn_equal(all_weights(&second), expected));
        CHECK_OK();
    }
}

static void an_optimizer_in_the_layout_of_torch(void) {
    TN_SCOPE;
    run r;
    tn_manual_seed(1);
    run_begin(&r);
    run_step(&r);
    tn_value *v = tn_value_from_optim(r.opt), *group = tn_value_at(tn_value_get(v, "param_groups"), 0);
    CHECK_STR(tn_to_string(group), "{'lr': 0.01, 'amsgrad': False, 'betas': (0.9, 0.999), 'eps': 1e-08, 'maximize': False, "
                                   "'weight_decay': 0.01, 'params': [0, 1, 2, 3]}");
    CHECK(tn_value_count(tn_value_get(v, "state")) == 4);
    CHECK_STR(tn_to_string(tn_value_get(tn_value_get_int(tn_value_get(v, "state"), 2), "step")), "tensor(1.)");
    tn_value_set(group, "fused", tn_value_none()); /* torch's options that say nothing here */
    tn_value_set(group, "lr", 0.5);
    CHECK(tn_optim_load_value(r.opt, v) && tn_optim_get_lr(r.opt, 0) == 0.5);
    CHECK_OK();
    tn_value_set(group, "eps", "small");
    CHECK(!tn_optim_load_value(r.opt, v));
    CHECK_ERROR(TN_ERR_TYPE, "'param_groups.0.eps' is no number");
    CHECK(!tn_optim_load_value(r.opt, tn_value_dict()));
    CHECK_ERROR(TN_ERR_KEY, "no state of an optimizer");
    CHECK(tn_optim_get_lr(r.opt, 0) == 0.5);
}

static void a_failed_load_changes_nothing(void) {
    TN_SCOPE;
    run r, other;
    tn_manual_seed(3);
    run_begin(&r);
    for (int i = 0; i < 4; i++) run_step(&r);
    run_begin(&other);
    run_step(&other);
    other.m->second = tn_nn_linear(8, 2); /* fits the optimizer's file, but not the model's */
    tn_tensor *before = tn_clone(other.m->first->weight);
    unsigned char rng[TN_RNG_STATE_BYTES], after[TN_RNG_STATE_BYTES];
    tn_get_rng_state(rng, sizeof rng);
    char *state = strdup(tn_to_string(tn_value_from_optim(other.opt)));
    CHECK(run_save(&r, NULL));
    tn_set_rng_state(rng, sizeof rng);
    int64_t step = 99;
    tn_batch batch = {0};
    CHECK(!tn_checkpoint_load(path, .model = other.m, .optim = other.opt, .loader = other.loader, .batch = &batch, .step = &step));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for second.weight");
    tn_get_rng_state(after, sizeof after);
    CHECK(memcmp(rng, after, sizeof rng) == 0 && step == 99 && batch.state == NULL && tn_equal(before, other.m->first->weight));
    CHECK_STR(tn_to_string(tn_value_from_optim(other.opt)), state);
    free(state);
    CHECK(tn_checkpoint_save(path, .model = r.m, .rng = false));
    CHECK(!tn_checkpoint_load(path, .optim = r.opt, .rng = false));
    CHECK_ERROR(TN_ERR_KEY, "holds no 'optimizer'");
    CHECK(!tn_checkpoint_load(path, .batch = &batch, .rng = false));
    CHECK_ERROR(TN_ERR_TYPE, "loader and batch must be given together");
    CHECK(!tn_checkpoint_load("/nowhere/x.pt", .step = &step));
    CHECK_ERROR(TN_ERR_IO, "/nowhere/x.pt");
    bool found = true;
    CHECK(tn_checkpoint_load("/nowhere/x.pt", .step = &step, .found = &found) && !found && step == 99);
    CHECK_OK();
}

static void a_guard_against_nan(void) {
    TN_SCOPE;
    run r;
    run_begin(&r);
    CHECK(tn_checkpoint_save(path, .model = r.m, .step = 1, .guard = true));
    tn_data_f32(r.m->second->weight)[3] = NAN;
    CHECK(!tn_checkpoint_save(path, .model = r.m, .step = 2, .guard = true));
    CHECK_ERROR(TN_ERR_VALUE, "'second.weight' holds NaN or infinity");
    int64_t step = 0;
    CHECK(tn_checkpoint_load(path, .model = r.m, .step = &step) && step == 1);
    CHECK(isfinite(tn_data_f32(r.m->second->weight)[3]));
    tn_data_f32(r.m->second->weight)[3] = INFINITY;
    CHECK(!tn_checkpoint_save(path, .model = r.m, .guard = true));
    CHECK_ERROR(TN_ERR_VALUE, "infinity");
    CHECK(tn_checkpoint_save(path, .model = r.m));
    CHECK_OK();
}

static void in_the_background(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        run r, second;
        tn_saver *saver = tn_saver_new();
        tn_manual_seed(7);
        run_begin(&r);
        double losses[18];
        for (int i = 0; i < 5; i++) run_step(&r);
        CHECK(run_save(&r, saver));
        while (run_step(&r)) losses[r.step - 1] = r.loss; /* changes the weights while they are written */
        CHECK(tn_saver_wait(saver));
        run_begin(&second);
        CHECK(run_load(&second) && second.step == 5);
        while (run_step(&second)) CHECK(second.loss == losses[second.step - 1]);
        CHECK(tn_checkpoint_save("/nowhere/x.pt", .model = r.m, .saver = saver)); /* the error comes later */
        CHECK(!run_save(&r, saver));
        CHECK_ERROR(TN_ERR_IO, "/nowhere/x.pt");
        CHECK(run_save(&r, saver) && run_save(&r, saver) && tn_saver_wait(saver) && tn_saver_wait(saver));
        CHECK(run_save(&r, saver)); /* the saver's end waits for it */
        CHECK_OK();
    }
    CHECK_EQ_INT(live_objects(), before);
    TN_SCOPE;
    int64_t step = 0;
    CHECK(tn_checkpoint_load(path, .step = &step) && step == 18);
}

static void positions_of_a_pass(void) {
    TN_SCOPE;
    run r;
    run_begin(&r);
    tn_batch over = {0}, batch = tn_batches(r.loader);
    CHECK_STR(tn_to_string(tn_batches_state(&over)), "None");
    CHECK(tn_batches_from(r.loader, tn_value_none()).state == NULL);
    CHECK_STR(tn_to_string(tn_batches_state(&batch)), "{'length': 22, 'position': 0, 'started': False}");
    tn_batch_next(&batch);
    tn_value *v = tn_batches_state(&batch);
    CHECK_EQ_INT(tn_value_as_int(tn_value_get(v, "position")), 4);
    tn_batch again = tn_batches_from(r.loader, v);
    while (tn_batch_next(&batch)) CHECK(tn_batch_next(&again) && tn_equal(batch.input, again.input));
    CHECK(!tn_batch_next(&again));
    CHECK_OK();
    tn_value_set(v, "position", 23);
    CHECK(tn_batches_from(r.loader, v).state == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "position 23 of 22 items");
    tn_value_set(v, "position", 3), tn_value_set(v, "length", 5);
    CHECK(tn_batches_from(r.loader, v).state == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "the state is of 5 items, the dataset has 22");
}

static volatile sig_atomic_t outer_signals;
static void outer_handler(int number) {
    (void)number;
    outer_signals++;
}

static void stop_requests(void) {
    struct sigaction action = {.sa_handler = outer_handler}, now;
    sigaction(SIGTERM, &action, NULL);
    signal(SIGINT, SIG_IGN);
    CHECK(!tn_stop_requested() && tn_stop_catch() && tn_stop_catch() && !tn_stop_requested());
    raise(SIGTERM);
    CHECK(tn_stop_requested() && outer_signals == 0);
    raise(SIGTERM); /* once more changes nothing */
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == SIG_IGN);
    tn_stop_release();
    sigaction(SIGTERM, NULL, &now);
    CHECK(now.sa_handler != outer_handler);
    tn_stop_release();
    tn_stop_release(); /* one too many is nothing */
    sigaction(SIGTERM, NULL, &now);
    CHECK(now.sa_handler == outer_handler && tn_stop_requested());
    raise(SIGTERM);
    CHECK_EQ_INT(outer_signals, 1);
    CHECK(tn_stop_catch() && !tn_stop_requested());
    tn_stop_request();
    CHECK(tn_stop_requested());
    tn_stop_release();
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/run.pt", folder);
    RUN(resumed_at_every_step);
    RUN(an_optimizer_in_the_layout_of_torch);
    RUN(a_failed_load_changes_nothing);
    RUN(a_guard_against_nan);
    RUN(in_the_background);
    RUN(positions_of_a_pass);
    RUN(stop_requests);
    unlink(path);
    CHECK(rmdir(folder) == 0); /* nothing else was left there */
    tn_shutdown();
    return test_end();
}
