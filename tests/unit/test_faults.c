/* unit/test_faults.c - the Nth allocation or file call of a save or load fails, once and for ever, for every N: nothing is lost.
 * TISON_LONG=1 in the environment: more kinds of errors. */
#include "support.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[64];

/* ---- what fails ---- */

typedef struct {
    long calls, at; /* at -1: none fails */
    bool for_ever;
    int error; /* of file calls, negative; 0: short counts */
} fault;
static fault memory = {0, -1, false, 0}, files = {0, -1, false, 0};
static long outstanding;

static bool fails(fault *f) {
    long n = f->calls++;
    return f->at >= 0 && (n == f->at || (f->for_ever && n > f->at));
}

static void *allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    void *block = NULL;
    if (fails(&memory) || posix_memalign(&block, alignment, bytes) != 0) return NULL;
    __atomic_add_fetch(&outstanding, 1, __ATOMIC_RELAXED);
    return block;
}
static void release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    __atomic_sub_fetch(&outstanding, 1, __ATOMIC_RELAXED);
    free(block);
}
static const tn_allocator counting = {sizeof(tn_allocator), NULL, allocate, release};

static char trace[64]; /* a letter for each kind of call that changes something; writes in a row are one */
static void note(char kind) {
    size_t n = strlen(trace);
    if (n + 1 < sizeof trace && (n == 0 || trace[n - 1] != kind)) trace[n] = kind;
}

#define PASS (tn_default_file_table())
#define FAILS (fails(&files) && files.error)
static int f_open(void *c, const char *p) { return FAILS ? files.error : PASS->open_read(c, p); }
static int f_create(void *c, const char *p, int m) {
    note('c');
    return FAILS ? files.error : PASS->create(c, p, m);
}
static int64_t f_read(void *c, int f, void *d, size_t n, int64_t o) {
    bool now = fails(&files);
    if (now && files.error) return files.error;
    return PASS->read(c, f, d, now && n > 1 ? n / 2 : n, o);
}
static int64_t f_write(void *c, int f, const void *d, size_t n) {
    note('w');
    bool now = fails(&files);
    if (now && files.error) return files.error;
    return PASS->write(c, f, d, now && n > 1 ? n / 2 : n);
}
static int64_t f_size(void *c, int f) { return FAILS ? files.error : PASS->file_size(c, f); }
static int f_sync(void *c, int f) {
    note('s');
    (void)c, (void)f;
    return FAILS ? files.error : 0; /* the disk itself is not tested: thousands of saves would wait for it */
}
static int f_close(void *c, int f) {
    int result = PASS->close(c, f);
    return FAILS ? files.error : result;
}
static int f_rename(void *c, const char *a, const char *b) {
    note('r');
    return FAILS ? files.error : PASS->rename(c, a, b);
}
static int f_sync_folder(void *c, const char *p) {
    note('f');
    (void)c, (void)p;
    return FAILS ? files.error : 0;
}
static int f_mode(void *c, const char *p) { return FAILS ? files.error : PASS->mode(c, p); }
static int64_t f_read_link(void *c, const char *p, char *o, size_t n) { return FAILS ? files.error : PASS->read_link(c, p, o, n); }
static const tn_file_table faulty = {.size = sizeof(tn_file_table),
                                     .open_read = f_open,
                                     .create = f_create,
                                     .read = f_read,
                                     .write = f_write,
                                     .file_size = f_size,
                                     .sync = f_sync,
                                     .close = f_close,
                                     .rename = f_rename,
                                     .sync_folder = f_sync_folder,
                                     .mode = f_mode,
                                     .read_link = f_read_link};

/* ---- a small run ---- */

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->second, tn_tanh(tn_forward(self->first, x))); }
TN_CLASS(net, net_forward, first, second);

typedef struct {
    net *m;
    tn_optim *opt;
    tn_data_loader *loader;
    tn_batch batch;
    tn_saver *saver;
    tn_value *own;
    int64_t step;
} run;

static void run_begin(run *r, uint64_t seed) {
    tn_manual_seed(seed);
    *r = (run){.m = tn_new(net), .step = (int64_t)seed};
    r->m->first = tn_nn_linear(2, 3);
    r->m->second = tn_nn_linear(3, 1);
    r->opt = tn_optim_adam(tn_parameters(r->m), .lr = 0.01);
    r->loader = tn_data_loader(tn_data_tensor_dataset(tn_randn((9, 2)), tn_randn((9, 1))), 2, true);
    r->batch = tn_batches(r->loader);
    r->saver = tn_saver_new();
    r->own = tn_value_dict();
    tn_value *list = tn_value_list();
    tn_value_append(list, 0.5), tn_value_append(list, "text"), tn_value_append(list, tn_ones(2));
    tn_value_set(r->own, "list", list);
    TN_SCOPE;
    tn_batch_next(&r->batch);
    tn_backward(tn_mse_loss(tn_forward(r->m, r->batch.input), r->batch.target));
    tn_optim_step(r->opt);
}

/* All that a load could change, as text. */
static char *describe(run *r) {
    TN_SCOPE;
    unsigned char rng[TN_RNG_STATE_BYTES];
    unsigned long sum = 0;
    tn_get_rng_state(rng, sizeof rng);
    for (size_t i = 0; i < sizeof rng; i++) sum = sum * 31 + rng[i];
    char *text = malloc(20000);
    int n = snprintf(text, 20000, "%lld %lu\n%s\n", (long long)r->step, sum, tn_to_string(tn_state_dict(r->m)));
    n += snprintf(text + n, 20000 - (size_t)n, "%s\n", tn_to_string(tn_value_from_optim(r->opt)));
    n += snprintf(text + n, 20000 - (size_t)n, "%s\n", tn_to_string(tn_batches_state(&r->batch)));
    snprintf(text + n, 20000 - (size_t)n, "%s\n", tn_to_string(r->own));
    return text;
}

static bool save_pt(run *r) { return tn_save_pt(r->own, path); }
static bool load_pt(run *r) {
    TN_SCOPE;
    (void)r;
    tn_value *v = tn_load_pt(path);
    return v && tn_value_count(tn_value_get(v, "list")) == 3 && !tn_error();
}
static bool save_checkpoint(run *r) {
    return tn_checkpoint_save(path, .model = r->m, .optim = r->opt, .batch = &r->batch, .step = r->step, .values = r->own,
                              .guard = true);
}
static bool save_in_background(run *r) {
    bool begun = tn_checkpoint_save(path, .model = r->m, .optim = r->opt, .batch = &r->batch, .step = r->step, .values = r->own,
                                    .saver = r->saver);
    return tn_saver_wait(r->saver) && begun;
}
static bool load_checkpoint(run *r) {
    return tn_checkpoint_load(path, .model = r->m, .optim = r->opt, .loader = r->loader, .batch = &r->batch, .step = &r->step,
                              .values = &r->own);
}

static const struct scenario {
    const char *name;
    bool (*save)(run *), (*load)(run *);
    bool loads; /* the load is what fails, else the save */
} scenarios[] = {{"pt, save", save_pt, load_pt, false},
                 {"pt, load", save_pt, load_pt, true},
                 {"checkpoint, save", save_checkpoint, load_checkpoint, false},
                 {"checkpoint, save in the background", save_in_background, load_checkpoint, false},
                 {"checkpoint, load", save_checkpoint, load_checkpoint, true}};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

static size_t file_hash(void) {
    size_t h = 1469598103934665603u, n;
    unsigned char block[4096];
    FILE *f = fopen(path, "rb");
    while (f && (n = fread(block, 1, sizeof block, f)) > 0)
        for (size_t i = 0; i < n; i++) h = (h ^ block[i]) * 1099511628211u;
    if (f) fclose(f);
    return f ? h : 0;
}

/* One failure; false once N lies behind the last call. */
static bool one(const struct scenario *s, fault *f, long n, bool for_ever, int error) {
    TN_SCOPE;
    run old, new;
    run_begin(&old, 1);
    CHECK(s->save(&old)); /* the file that must not be lost */
    run_begin(&new, 2);
    char *before = describe(&new), *loaded;
    size_t file = file_hash();
    tn_empty_cache();
    *f = (fault){0, n, for_ever, error};
    bool right = s->loads ? s->load(&new) : s->save(&new);
    bool reached = f->calls > n;
    f->at = -1;
    CHECK(right == (tn_error() == TN_OK));
    if (!right) CHECK(f == &memory ? tn_error() == TN_ERR_MEMORY : tn_error() == TN_ERR_IO || tn_error() == TN_ERR_FORMAT);
    tn_clear_error();
    char *after = describe(&new);
    if (!s->loads || !right) CHECK_STR(after, before);
    if (s->loads) CHECK(file_hash() == file);
    run_begin(&new, 3);
    CHECK(s->load(&new)); /* the old file, or the new one as a whole */
    if (s->load == load_checkpoint && !s->loads && right) CHECK(new.step == 2);
    loaded = describe(&new);
    CHECK(s->save(&new) && s->load(&new));
    CHECK_OK();
    free(before), free(after), free(loaded);
    return reached;
}

static int points;
static void fail_everywhere(fault *f, bool for_ever, int error) {
    for (int k = 0; k < SCENARIOS; k++) {
        CHECK(tn_set_allocator(&counting));
        long n = 0;
        while (one(&scenarios[k], f, n, for_ever, error) && n < 5000) n++;
        if (test_broken) printf("  in %s, call %ld\n", scenarios[k].name, n);
        CHECK(n > 3);
        points += (int)n;
        tn_shutdown();
        CHECK_EQ_INT(outstanding, 0);
    }
}

/* What is renamed over the old file is on the disk before, and the folder after: so a loss of power leaves the old or the new file. */
static void the_order_of_calls(void) {
    TN_SCOPE;
    run r;
    run_begin(&r, 1);
    memset(trace, 0, sizeof trace);
    CHECK(save_checkpoint(&r));
    CHECK_STR(trace, "cwsrf");
    memset(trace, 0, sizeof trace);
    CHECK(save_in_background(&r));
    CHECK_STR(trace, "cwsrf");
}

static void every_allocation_once(void) { fail_everywhere(&memory, false, 0); }
static void every_allocation_for_ever(void) { fail_everywhere(&memory, true, 0); }
static void every_file_call_once(void) {
    static const int errors[] = {0, -ENOSPC, -EIO, -EDQUOT, -EACCES, -EROFS, -EFBIG, -ENAMETOOLONG};
    size_t n = getenv("TISON_LONG") ? sizeof errors / sizeof *errors : 2;
    for (size_t i = 0; i < n; i++) fail_everywhere(&files, false, errors[i]);
}
static void every_file_call_for_ever(void) {
    fail_everywhere(&files, true, -EIO);
    fail_everywhere(&files, true, -EINTR);
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/run.pt", folder);
    tn_set_file_table(&faulty);
    RUN(the_order_of_calls);
    tn_shutdown();
    RUN(every_allocation_once);
    RUN(every_allocation_for_ever);
    RUN(every_file_call_once);
    RUN(every_file_call_for_ever);
    printf("  %d points of failure\n", points);
    unlink(path);
    CHECK(rmdir(folder) == 0); /* no temporary file is left */
    return test_end();
}
