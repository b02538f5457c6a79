/* tests/unit/test_meta_layers.c - every layer of layers.h on the meta device beside its twin on the CPU: built, run, trained, copied, loaded. */
#include "layers.h"
#include "sample.h"

#define MAKE(id, python, c, inputs)                                                                                                \
    static void *make_##id(void) { return c; }
LAYERS(MAKE)
typedef struct {
    const char *name, *inputs;
    void *(*make)(void);
} layer;
#define ROW(id, python, c, inputs) {#id, inputs, make_##id},
static const layer layers[] = {LAYERS(ROW)};

/* What is on one device. */
typedef struct {
    tn_module *m;
    tn_tensor *in[SAMPLE_INPUTS], *out;
    tn_status status;
} side;

static bool alike(tn_tensor *real, tn_tensor *meta) {
    if (!real || !meta || tn_is_lazy(real)) return !real == !meta && (!real || tn_is_lazy(meta));
    return tn_is_meta(meta) && tni_same_shape(&real->a, &meta->a) && tn_get_dtype(real) == tn_get_dtype(meta) &&
           memcmp(real->a.strides, meta->a.strides, (size_t)real->a.ndim * sizeof(int64_t)) == 0 &&
           tn_requires_grad(real) == tn_requires_grad(meta);
}

static bool alike_states(tn_state *real, tn_state *meta) {
    size_t n = tn_state_count(real);
    if (n != tn_state_count(meta)) return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(tn_state_name(real, i), tn_state_name(meta, i)) != 0 || !alike(tn_state_at(real, i), tn_state_at(meta, i)))
            return false;
    return true;
}

static tn_status taken(void) {
    tn_status status = tn_error();
    tn_clear_error();
    return status;
}

static void build(side *w, const layer *l, const sample *s, const char *device) {
    tn_set_default_device(device);
    w->m = l->make();
    tn_set_default_device(NULL);
    for (size_t i = 0; i < s->nin; i++) {
        tn_tensor *x = sample_make(&s->in[i], i, LAYOUT_GIVEN);
        w->in[i] = tn_to(x, TN_DTYPE_NONE, .device = device);
        if (i == 0 && tni_dtype_is_float(tn_get_dtype(x))) tn_requires_grad_(w->in[i], true);
    }
    w->out = w->m ? (tn_forward)(w->m, w->in, s->nin) : NULL;
    w->status = taken();
}

/* A step, after which parameters, gradients and buffers are alike. */
static void train(side *real, side *meta) {
    side *both[] = {real, meta};
    for (int i = 0; i < 2; i++) {
        tn_tensors *p = tn_parameters(both[i]->m);
        tn_optim *opt = tn_tensors_count(p) ? tn_optim_adamw(p, .lr = 0.1) : NULL;
        if (tn_requires_grad(both[i]->out)) CHECK(tn_backward(tn_sum(both[i]->out)));
        CHECK(!opt || (tn_optim_step(opt) && tn_optim_zero_grad(opt)));
    }
    CHECK(alike(tn_grad(real->in[0]), tn_grad(meta->in[0])));
    CHECK(alike_states(tn_state_dict(real->m), tn_state_dict(meta->m)));
}

/* A copy, and the CPU's layer moved there, do as the layer does; with the CPU's state the copy is one of the CPU. */
static void move(side *real, side *meta, size_t n) {
    tn_module *copy = tn_deepcopy(meta->m), *moved = tn_deepcopy(real->m);
    CHECK(alike(real->out, (tn_forward)(copy, meta->in, n)));
    CHECK(tn_module_to(moved, .device = "meta"));
    CHECK(alike(real->out, (tn_forward)(moved, meta->in, n)));
    CHECK(tn_load_state_dict(copy, tn_state_dict(real->m), .assign = true) && (tn_forward)(copy, real->in, n) &&
          !tn_is_meta((tn_forward)(copy, real->in, n)));
    CHECK(tn_module_to_empty(moved) && tn_module_summary(meta->m));
    CHECK_OK();
}

static void check(const layer *l) {
    TN_SCOPE;
    sample s = {0};
    side real = {0}, meta = {0};
    char token[SAMPLE_TEXT];
    for (const char *p = l->inputs; sample_token(&p, token);)
        if (!sample_read_mark(&s, token)) CHECK(sample_read_input(token, &s.in[s.nin++]));
    build(&real, l, &s, "cpu");
    build(&meta, l, &s, "meta");
    CHECK(real.status == s.fails && (meta.status == s.fails || s.fails == TN_ERR_INDEX)); /* no index is looked at */
    if (real.status != TN_OK) return;
    if (!CHECK(alike(real.out, meta.out))) return;
    train(&real, &meta);
    move(&real, &meta, s.nin);
}

int main(void) {
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        size_t before = live_objects();
        check(&layers[i]);
        CHECK_EQ_INT(live_objects(), before);
        if (test_broken) printf("FAILED %s\n", layers[i].name);
        test_failed += test_broken, test_passed += !test_broken;
        test_broken = 0;
    }
    return test_end();
}
