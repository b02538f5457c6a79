/* tests/unit/test_sparse_memory.c - sparse and meta tensors when memory is out: every allocation fails, once and for ever; a failed call
 * changes nothing, and nothing is left behind. */
#include "support.h"
#include <stdlib.h>
#include <unistd.h>

static char path[64];

/* ---- an allocator that fails when told to ---- */

static long calls, fail_at = -1, outstanding;
static bool for_ever;
static void *allocate(void *context, size_t bytes, size_t alignment) {
    (void)context;
    long n = calls++;
    void *block = NULL;
    if (fail_at >= 0 && (n == fail_at || (for_ever && n > fail_at))) return NULL;
    if (posix_memalign(&block, alignment, bytes) != 0) return NULL;
    outstanding++;
    return block;
}
static void release(void *context, void *block, size_t bytes) {
    (void)context, (void)bytes;
    outstanding--;
    free(block);
}
static const tn_allocator failing = {sizeof(tn_allocator), NULL, allocate, release};

/* ---- what calls may change ---- */

typedef struct {
    tn_module module;
    tn_tensor *w, *mask, *plain;
} layer;
static tn_tensor *layer_forward(layer *self, tn_tensor *x) { return tn_t(tn_sparse_mm(self->w, tn_t(x))); }
TN_CLASS(layer, layer_forward, w, mask, plain);

typedef struct {
    tn_tensor *s, *other, *dense, *turned; /* s has one place twice, other has other places */
    tn_tensor *w;                          /* a leaf */
    layer *m;
    tn_optim *sgd;
    tn_state *state; /* of another module */
    tn_nn_sequential *meta;
} world;

static tn_tensor *example(void) {
    return tn_sparse_coo_tensor(tn_tensor((2, 4), 1, 0, 1, 1, 2, 2, 0, 2), tn_tensor((4), 2.0, 3.0, 4.0, 3.0), (2, 3));
}

static layer *layer_new(double by) {
    layer *m = tn_new(layer);
    m->w = tn_parameter(tn_mul(example(), by));
    m->mask = tn_buffer(tn_coalesce(tn_mul(example(), by)));
    m->plain = tn_parameter(tn_full((2, 2), by));
    return m;
}

static bool backward(layer *m) {
    return tn_backward(tn_add(tn_sum(tn_forward(m, tn_ones((4, 3)))), tn_sum(tn_mul(m->plain, m->plain))));
}

static void world_begin(world *w) {
    tn_manual_seed(1);
    *w = (world){.s = example(), .dense = tn_ones((2, 3)), .turned = tn_t(tn_ones((3, 2))), .m = layer_new(1)};
    w->other = tn_sparse_coo_tensor(tn_tensor((2, 2), 0, 1, 0, 1), tn_tensor((2), 7.0, 8.0), (2, 3));
    w->w = tn_parameter(tn_coalesce(example()));
    w->sgd = tn_optim_sgd(tn_parameters(w->m), .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    w->state = tn_state_dict(layer_new(3));
    tn_set_default_device("meta");
    w->meta = tn_nn_sequential(tn_nn_linear(3, 2), tn_nn_lazy_linear(2));
    tn_set_default_device(NULL);
    for (int i = 0; i < 2; i++) { /* the second step has a momentum */
        TN_SCOPE;
        backward(w->m);
        if (i == 0) tn_optim_step(w->sgd);
    }
}

enum { ROOM = 20000 };
static void add_text(char *text, const char *more) { snprintf(text + strlen(text), ROOM - strlen(text), "%s\n", more); }
static void add_tensor(char *text, tn_tensor *x) {
    char more[64];
    snprintf(more, sizeof more, "%u %d", tn_version_counter(x), tn_requires_grad(x));
    add_text(text, tn_to_string(x)), add_text(text, more);
    if (tn_is_leaf(x) && tn_grad(x)) add_tensor(text, tn_grad(x));
}
static char *describe(world *w) {
    TN_SCOPE;
    char *text = calloc(1, ROOM);
    tn_tensor *all[] = {w->s, w->other, w->dense, w->turned, w->w, w->m->w, w->m->mask, w->m->plain};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) add_tensor(text, all[i]);
    for (tn_named_iter p = tn_named_parameters(w->meta); tn_named_next(&p);)
        if (tn_is_leaf(p.tensor)) add_tensor(text, p.tensor);
    add_text(text, tn_to_string(tn_value_from_optim(w->sgd))), add_text(text, tn_to_string(w->state));
    CHECK(strlen(text) + 1 < ROOM);
    return text;
}

/* ---- calls: true when all went well ---- */

static bool make(world *w) {
    tn_tensor *v = tn_ones((2, 2));
    (void)w;
    return v && tn_sparse_coo_tensor(tn_tensor((1, 2), 3, 1), v, ()) &&
           tn_sparse_coo_tensor(tn_tensor((1, 2), 1, 3), tn_requires_grad_(v, true), (5, 2), .is_coalesced = true);
}
static bool coalesce(world *w) { return tn_coalesce(w->s) && tn_indices(w->w) && tn_values(w->w); }
static bool convert(world *w) {
    return tn_to_dense(w->s) && tn_to_dense(w->w) && tn_to_sparse(w->dense) && tn_to_sparse(w->turned, 1) && tn_clone(w->s) &&
           tn_to(w->w, TN_FLOAT64) && tn_zeros_like(w->s);
}
static bool arithmetic(world *w) {
    tn_tensor *s = w->s;
    return tn_add(s, w->other) && tn_add(s, s, .alpha = 2) && tn_sub(s, w->other, .alpha = 2) && tn_neg(s) && tn_mul(s, 2) &&
           tn_div(s, 2) && tn_add(w->dense, s, .alpha = 2) && tn_add(w->turned, s) && tn_sum(s) && tn_t(s) &&
           tn_transpose(w->w, 0, 1) && tn_matmul(s, tn_ones(3)) && tn_mul(w->w, 2);
}
static bool multiply(world *w) { return tn_mm(w->s, tn_ones((3, 2))) && tn_sparse_mm(w->w, tn_t(w->dense)); }
static bool mul_in_place(world *w) { return tn_mul_(w->s, 2); }
static bool div_in_place(world *w) { return tn_div_(w->s, 2); }
static bool neg_in_place(world *w) { return tn_neg_(w->s); }
static bool add_in_place(world *w) { return tn_add_(w->s, w->other); }
static bool add_itself(world *w) { return tn_add_(w->s, w->s, .alpha = 3); }
static bool sub_in_place(world *w) { return tn_sub_(w->s, w->other, .alpha = 2); }
static bool add_to_dense(world *w) { return tn_add_(w->dense, w->s); }
static bool add_to_turned(world *w) { return tn_add_(w->turned, w->s); }
static bool copy(world *w) { return tn_copy_(w->s, w->other); }
static bool zero(world *w) { return tn_zero_(w->s); }
static bool recorded_in_place(world *w) {
    tn_tensor *x = tn_mul(w->w, 2);
    return x && tn_mul_(x, 3) && tn_add_(x, w->s) && tn_copy_(x, w->w);
}
static bool backward_of_mm(world *w) { return tn_backward(tn_sum(tn_sparse_mm(w->w, tn_ones((3, 2))))); }
static bool backward_of_all(world *w) {
    tn_tensor *v = tn_requires_grad_(tn_ones(2), true);
    tn_tensor *x = v ? tn_sparse_coo_tensor(tn_tensor((2, 2), 0, 0, 1, 1), v, (2, 3)) : NULL;
    tn_tensor *y = x ? tn_to_dense(tn_coalesce(tn_add(tn_mul(tn_t(tn_t(x)), 2), w->s))) : NULL;
    return y && tn_backward(tn_sum(tn_mul(y, y)), .create_graph = true) && tn_backward(tn_sum(tn_grad(v)));
}
static bool backward_to_dense(world *w) {
    tn_tensor *x = tn_requires_grad_(tn_clone(w->dense), true), *y = x ? tn_to_dense(tn_to_sparse(x)) : NULL;
    return y && tn_backward(tn_sum(tn_mul(y, y)));
}
static bool step(world *w) { return tn_optim_step(w->sgd); }
static bool first_step(world *w) {
    tn_optim *sgd = tn_optim_sgd(tn_parameters(w->m), .lr = 0.1, .momentum = 0.9);
    return sgd && tn_optim_step(sgd);
}
static bool deepcopy(world *w) { return tn_deepcopy(w->m) && tn_deepcopy(w->s) && tn_deepcopy(w->meta); }
static bool to_double(world *w) { return tn_module_to(w->m, TN_FLOAT64); }
static bool to_half(world *w) { return tn_module_half(w->m); }
static bool to_empty(world *w) { return tn_module_to_empty(w->m); }
static bool load(world *w) { return tn_load_state_dict(w->m, w->state); }
static bool load_assign(world *w) { return tn_load_state_dict(w->m, w->state, .assign = true); }
static bool refuse(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m, (void)keys, (void)data;
    return false;
}
/* Here it is the hook that fails when memory does not. */
static bool load_and_refuse(world *w) {
    tn_hook *hook = tn_register_load_state_dict_post_hook(w->m, refuse, NULL, NULL);
    if (!hook) return false;
    bool loaded = tn_load_state_dict(w->m, w->state);
    tn_saved_error error;
    tn_error_take(&error);
    tn_hook_remove(hook);
    if (error.status == TN_ERR_CALLBACK) return !loaded;
    tn_error_put(&error);
    return false;
}
static bool save(world *w) {
    tn_value *v = tn_value_dict();
    return v && tn_value_set(v, "state", tn_state_dict(w->m)) && tn_value_set(v, "meta", tn_get_parameter(w->meta, "0.weight")) &&
           tn_save_pt(v, path);
}
static bool load_file(world *w) {
    (void)w;
    tn_value *v = tn_load_pt(path);
    return v && tn_value_count(v) == 2;
}
static bool print(world *w) {
    tn_to_string(w->s), tn_to_string(w->w), tn_to_string(w->m), tn_module_summary(w->m), tn_to_string(w->meta);
    return tn_error() == TN_OK; /* there is always a text */
}

/* ---- the meta device ---- */

static tn_nn_linear *first(world *w) { return tn_get_submodule(w->meta, "0"); }
static bool meta_forward(world *w) {
    tn_tensor *x = tn_ones((4, 3), .device = "meta");
    tn_nn_linear *l = first(w);
    return x && tn_backward(tn_sum(tn_tanh(tn_forward(l, x))));
}
static bool meta_step(world *w) {
    tn_nn_linear *l = first(w);
    tn_optim *adam = l ? tn_optim_adam(tn_parameters(l)) : NULL;
    return adam && tn_backward(tn_sum(tn_forward(l, tn_ones((4, 3), .device = "meta")))) && tn_optim_step(adam);
}
static bool meta_calls(world *w) {
    tn_tensor *x = tn_to(w->dense, TN_DTYPE_NONE, .device = "meta"), *y = x ? tn_add(x, 1) : NULL;
    return y && tn_add_(x, y) && tn_mm(x, tn_t(y)) && tn_cat(TN_TENSORS(x, y)) && tn_clone(tn_narrow(x, 1, 0, 2)) &&
           tn_zeros_like(x) && tn_sum(x, 1) && tn_to_string(x) && tn_to(x, TN_FLOAT64);
}
static bool meta_made(world *w) {
    (void)w;
    tn_set_default_device("meta");
    tn_nn_linear *l = tn_nn_linear(3, 2);
    bool right = l && tn_forward(l, tn_ones((1, 3)));
    tn_set_default_device(NULL);
    return right;
}
static bool to_meta(world *w) { return tn_module_to(first(w), .device = "meta"); }
static bool meta_to_empty(world *w) { return tn_module_to_empty(first(w), .device = "cpu"); }
static bool meta_assign(world *w) {
    tn_nn_linear *from = tn_nn_linear(3, 2);
    return from && tn_load_state_dict(first(w), tn_state_dict(from), .assign = true);
}

/* ---- failing everywhere ---- */

static const struct scenario {
    const char *name;
    bool (*run)(world *);
    bool partly; /* several calls, of which the first ones may have done their work */
} scenarios[] = {{"make", make, false},
                 {"coalesce", coalesce, false},
                 {"convert", convert, false},
                 {"arithmetic", arithmetic, false},
                 {"multiply", multiply, false},
                 {"mul_", mul_in_place, false},
                 {"div_", div_in_place, false},
                 {"neg_", neg_in_place, false},
                 {"add_", add_in_place, false},
                 {"add_ itself", add_itself, false},
                 {"sub_", sub_in_place, false},
                 {"add_ to a dense one", add_to_dense, false},
                 {"add_ to a turned one", add_to_turned, false},
                 {"copy_", copy, false},
                 {"zero_", zero, false},
                 {"recorded in place", recorded_in_place, false},
                 {"backward of mm", backward_of_mm, false},
                 {"backward of all", backward_of_all, false},
                 {"backward to a dense one", backward_to_dense, false},
                 {"step", step, false},
                 {"first step", first_step, false},
                 {"deepcopy", deepcopy, false},
                 {"double", to_double, false},
                 {"half", to_half, false},
                 {"to_empty", to_empty, false},
                 {"load", load, false},
                 {"load and assign", load_assign, false},
                 {"load and refuse", load_and_refuse, false},
                 {"save", save, false},
                 {"load a file", load_file, false},
                 {"print", print, false},
                 {"meta forward", meta_forward, true},
                 {"meta step", meta_step, true},
                 {"meta calls", meta_calls, false},
                 {"meta made", meta_made, false},
                 {"to meta", to_meta, false},
                 {"meta to_empty", meta_to_empty, false},
                 {"meta assign", meta_assign, false}};

/* One failure; false once n lies behind the last allocation. */
static bool one(const struct scenario *k, long n, bool forever) {
    TN_SCOPE;
    world w;
    world_begin(&w);
    CHECK_OK();
    char *before = describe(&w);
    tn_empty_cache();
    calls = 0, fail_at = n, for_ever = forever;
    bool right = k->run(&w), reached = calls > n;
    fail_at = -1;
    bool as_told = right == (tn_error() == TN_OK) && (right || tn_error() == TN_ERR_MEMORY);
    if (!CHECK(as_told)) printf("  %d, %s\n", right, tn_error_message());
    tn_clear_error();
    if (!right) {
        char *after = describe(&w);
        if (!k->partly) CHECK_STR(after, before);
        free(after);
        CHECK(k->run(&w));
        CHECK_OK();
    }
    free(before);
    return reached;
}

static long points;
static void fail_everywhere(bool forever) {
    for (size_t k = 0; k < sizeof scenarios / sizeof *scenarios; k++) {
        long n = 0;
        bool reached = true;
        for (; reached && n < 2000; n++) {
            CHECK(tn_set_allocator(&failing));
            reached = one(&scenarios[k], n, forever);
            CHECK_EQ_INT(live_objects(), 0);
            tn_shutdown();
            CHECK_EQ_INT(outstanding, 0);
            if (test_broken) break;
        }
        if (test_broken) printf("  in %s, allocation %ld\n", scenarios[k].name, n);
        if (!CHECK(!reached)) return;
        points += n;
    }
}
static void every_allocation_once(void) { fail_everywhere(false); }
static void every_allocation_for_ever(void) { fail_everywhere(true); }

static void a_file_to_load(void) {
    TN_SCOPE;
    world w;
    world_begin(&w);
    CHECK(save(&w));
    CHECK_OK();
}

int main(void) {
    snprintf(path, sizeof path, "/tmp/tison_sparse_memory_%d.pt", (int)getpid());
    RUN(a_file_to_load);
    tn_shutdown();
    RUN(every_allocation_once);
    RUN(every_allocation_for_ever);
    printf("  %ld points of failure\n", points);
    CHECK(unlink(path) == 0);
    return test_end();
}
