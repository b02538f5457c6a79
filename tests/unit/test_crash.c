/* unit/test_crash.c - processes that are killed while they save or train: no file is lost, a resumed run is the same run.
 * TISON_LONG=1 in the environment: 1,000 kills of a save, 50 of a training run, 200 stops. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "support.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[64], result[64];
static bool is_long;
static unsigned random_state = 12345;
static unsigned random_below(unsigned n) { return (random_state = random_state * 1664525u + 1013904223u) / 65536 % n; }

static int files_in_folder(void) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d) closedir(d);
    return n;
}

/* Runs body in a process of its own, which is sent a signal after some microseconds; its exit status, or -signal. */
static int child(void (*body)(void), unsigned microseconds, int signal_number) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    if (signal_number) {
        usleep(microseconds);
        kill(pid, signal_number);
        usleep(random_below(3000)); /* a second one, perhaps while it saves */
        if (signal_number != SIGKILL) kill(pid, SIGTERM);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- kill -9 during a save ---- */

enum { VALUES = 200000 };
static bool save_number(int64_t n) {
    TN_SCOPE;
    tn_value *v = tn_value_dict();
    tn_tensor *x = tn_full(VALUES, (double)n, .dtype = TN_FLOAT64);
    return tn_value_set(v, "x", x) && tn_checkpoint_save(path, .values = v, .step = n);
}
static int64_t load_number(void) { /* -1: it is not whole */
    TN_SCOPE;
    tn_value *v = NULL;
    int64_t n = -1;
    if (!tn_checkpoint_load(path, .values = &v, .step = &n)) return -1;
    tn_tensor *x = tn_value_as_tensor(tn_value_get(v, "x"));
    for (int64_t i = 0; x && i < VALUES; i++)
        if (tn_data_f64(x)[i] != (double)n) return -1;
    return n;
}
static void save_without_end(void) {
    for (int64_t n = load_number() + 1; save_number(n); n++) {
    }
}

static void killed_while_it_saves(void) {
    int kills = is_long ? 1000 : 25;
    CHECK(save_number(0));
    for (int i = 0; i < kills; i++) {
        int64_t before = load_number();
        CHECK(child(save_without_end, 500 + random_below(40000), SIGKILL) == -SIGKILL);
        int64_t after = load_number();
        CHECK(before >= 0 && after >= before);
        if (i % 10 == 0) {
            CHECK(save_number(after + 1));
            CHECK_EQ_INT(files_in_folder(), 1); /* what was left over is gone */
        }
    }
    CHECK_OK();
}

/* ---- kill -9 before and after each file call of a save ---- */

static int calls, last_call;
static bool kills_after;
static void before_call(void) {
    if (++calls == last_call && !kills_after) kill(getpid(), SIGKILL);
}
static void after_call(void) {
    if (calls == last_call && kills_after) kill(getpid(), SIGKILL);
}

#define PASS (tn_default_file_table())
#define CALL(type, call)                                                                                                           \
    before_call();                                                                                                                 \
    type result_ = PASS->call;                                                                                                     \
    after_call();                                                                                                                  \
    return result_
static int k_create(void *c, const char *p, int m) { CALL(int, create(c, p, m)); }
static int64_t k_write(void *c, int f, const void *d, size_t n) { CALL(int64_t, write(c, f, d, n)); }
static int k_sync(void *c, int f) { CALL(int, sync(c, f)); }
static int k_close(void *c, int f) { CALL(int, close(c, f)); }
static int k_rename(void *c, const char *a, const char *b) { CALL(int, rename(c, a, b)); }
static int k_unlink(void *c, const char *p) { CALL(int, unlink(c, p)); }
static int k_sync_folder(void *c, const char *p) { CALL(int, sync_folder(c, p)); }
static const tn_file_table killing = {.size = sizeof(tn_file_table),
                                      .create = k_create,
                                      .write = k_write,
                                      .sync = k_sync,
                                      .close = k_close,
                                      .rename = k_rename,
                                      .unlink = k_unlink,
                                      .sync_folder = k_sync_folder};

static void save_one_more(void) {
    int64_t n = load_number() + 1;
    tn_set_file_table(&killing);
    calls = 0;
    if (!save_number(n)) _exit(9);
}

static void killed_at_each_file_call(void) {
    int status = -SIGKILL;
    CHECK(save_number(0));
    for (last_call = 1; status == -SIGKILL; last_call++)
        for (int after = 0; after < 2; after++) {
            int64_t before = load_number(), now;
            kills_after = after;
            status = child(save_one_more, 0, 0);
            now = load_number();
            CHECK(now == before || now == before + 1);
            CHECK(save_number(now + 1));
            CHECK_EQ_INT(files_in_folder(), 1);
        }
    CHECK(status == 0 && last_call > 8);
    CHECK_OK();
}

/* ---- training ---- */

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->second, tn_relu(tn_forward(self->first, x))); }
TN_CLASS(net, net_forward, first, second);

enum { STEPS = 60 };

/* Goes on from the checkpoint, saves after each step, and writes the weights once it is through. */
static void train(bool stops) {
    tn_manual_seed(5);
    net *m = tn_new(net);
    m->first = tn_nn_linear(4, 16);
    m->second = tn_nn_linear(16, 1);
    tn_optim *opt = tn_optim_adamw(tn_parameters(m), .lr = 0.01);
    tn_tensor *x = tn_randn((50, 4)), *y = tn_randn((50, 1));
    tn_data_loader *loader = tn_data_loader(tn_data_tensor_dataset(x, y), 8, true);
    tn_batch batch = {0};
    int64_t step = 0;
    bool found;
    if (stops) tn_stop_catch();
    if (!tn_checkpoint_load(path, .model = m, .optim = opt, .loader = loader, .batch = &batch, .step = &step, .found = &found))
        _exit(9);
    while (step < STEPS && !(stops && tn_stop_requested())) {
        if (!batch.state) batch = tn_batches(loader);
        if (!tn_batch_next(&batch)) continue;
        TN_SCOPE;
        tn_optim_zero_grad(opt);
        tn_backward(tn_mse_loss(tn_forward(m, batch.input), batch.target));
        tn_optim_step(opt);
        step++;
        if (!stops && !tn_checkpoint_save(path, .model = m, .optim = opt, .batch = &batch, .step = step)) _exit(8);
    }
    if (stops && !tn_checkpoint_save(path, .model = m, .optim = opt, .batch = &batch, .step = step)) _exit(7);
    if (step == STEPS && !tn_save_pt(tn_state_dict(m), result)) _exit(6);
    _exit(step == STEPS ? 0 : 3);
}
static void train_saving(void) { train(false); }
static void train_until_stopped(void) { train(true); }

static size_t result_hash(void) {
    TN_SCOPE;
    size_t h = 1469598103934665603u;
    tn_value *v = tn_load_pt(result);
    for (size_t i = 0; v && i < tn_value_count(v); i++) {
        tn_tensor *x = tn_value_as_tensor(tn_value_at(v, i));
        const unsigned char *bytes = tn_data(x);
        for (int64_t k = 0; k < 4 * tn_numel(x); k++) h = (h ^ bytes[k]) * 1099511628211u;
    }
    return v ? h : 0;
}

static void killed_and_resumed(void) {
    int runs = is_long ? 50 : 4;
    unlink(path), unlink(result);
    CHECK(child(train_saving, 0, 0) == 0);
    size_t expected = result_hash();
    CHECK(expected != 0);
    for (int i = 0; i < runs; i++) {
        unlink(path), unlink(result);
        int status, kills = 0;
        while ((status = child(train_saving, 2000 + random_below(60000), kills < 8 ? SIGKILL : 0)) == -SIGKILL) kills++;
        CHECK_EQ_INT(status, 0);
        CHECK(result_hash() == expected);
    }
}

static void stopped_and_resumed(void) {
    int stops = is_long ? 200 : 12;
    unlink(path), unlink(result);
    CHECK(child(train_until_stopped, 0, 0) == 0);
    size_t expected = result_hash();
    int64_t last = 0;
    unlink(path), unlink(result);
    for (int i = 0; i < stops; i++) {
        int status = child(train_until_stopped, 1500 + random_below(6000), i % 2 ? SIGTERM : SIGINT);
        int64_t step = -1;
        if (status == -SIGTERM || status == -SIGINT) continue; /* before tn_stop_catch: the file is as it was */
        CHECK(status == 0 || status == 3);
        CHECK(tn_checkpoint_load(path, .step = &step) && step >= last); /* a valid checkpoint each time */
        last = step;
        if (status == 3) continue;
        CHECK(result_hash() == expected);
        last = 0;
        unlink(path), unlink(result);
    }
    CHECK_OK();
}

int main(void) {
    is_long = getenv("TISON_LONG") != NULL;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/run.pt", folder);
    snprintf(result, sizeof result, "%s/result.pt", folder);
    RUN(killed_while_it_saves);
    RUN(killed_at_each_file_call);
    RUN(killed_and_resumed);
    RUN(stopped_and_resumed);
    unlink(path), unlink(result);
    if (files_in_folder() > 0)
        save_number(0), unlink(path); /* a kill between two saves leaves a temporary: the next save removes it */
    CHECK(rmdir(folder) == 0);
    tn_shutdown();
    return test_end();
}
