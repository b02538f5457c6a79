/* tests/unit/test_meta_samples.c - every operator on its samples, on the meta device: what it makes is as on the CPU, but for values. */
#include "core/op_list.h"
#include "sample.h"

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

/* As x, without memory: of the same strides, at the same place. */
static tn_tensor *meta_of(tn_tensor *x) {
    if (!x) return NULL;
    int64_t room = (int64_t)(x->a.storage->bytes / tni_array_item(&x->a));
    tn_tensor *memory = (tn_empty)(&room, 1, &(tn_opts){.size = sizeof(tn_opts), .dtype = tn_get_dtype(x), .device = "meta"});
    tn_tensor *y = tn_detach((tn_as_strided)(memory, x->a.sizes, x->a.ndim, x->a.strides, x->a.ndim, x->a.offset));
    if (y) y->number = x->number;
    return y;
}

static void make_inputs(const sample *s, sample_layout layout, bool grads, tn_tensor **in, tn_tensor **meta) {
    for (size_t i = 0; i < s->nin; i++) {
        in[i] = sample_make(&s->in[i], i, layout);
        meta[i] = meta_of(in[i]);
        if (!grads || !in[i] || !tni_dtype_has_grad(tn_get_dtype(in[i])) || (sample_writes(s->op) && i == 0)) continue;
        tn_requires_grad_(in[i], true);
        tn_requires_grad_(meta[i], true);
    }
}

static bool say(const sample *s, const char *what) {
    printf("  %s \"%s\": %s", s->op->name, s->text, what);
    if (tn_error() != TN_OK) printf(" (%s)", tn_error_message());
    putchar('\n');
    tn_clear_error();
    return false;
}

static bool alike(const sample *s, tn_tensor *real, tn_tensor *meta) {
    if (!real != !meta) return say(s, "a result is missing");
    if (!real) return true;
    if (!tn_is_meta(meta) || meta->a.data) return say(s, "the result has memory");
    if (!tni_same_shape(&real->a, &meta->a)) return say(s, "another shape");
    if (real->a.dtype != meta->a.dtype) return say(s, "another dtype");
    for (int i = 0; i < real->a.ndim; i++)
        if (real->a.strides[i] != meta->a.strides[i] && real->a.numel) return say(s, "other strides");
    if (real->requires_grad != meta->requires_grad) return say(s, "another requires_grad");
    const char *name = tn_grad_fn_name(real), *other = tn_grad_fn_name(meta);
    return (!name && !other) || (name && other && strcmp(name, other) == 0) || say(s, "another grad_fn");
}

/* Gradients of all inputs that have one; a root of ones. */
static bool run_backward(tn_tensor *y, tn_tensor *const *in, size_t n, tn_tensor **grad) {
    tn_tensor *wanted[SAMPLE_INPUTS], *found[SAMPLE_INPUTS];
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i] && tn_requires_grad(in[i])) wanted[count++] = in[i];
    tn_autograd_grad_opts opts = {.size = sizeof opts, .grad_output = tn_ones_like(y), .retain_graph = true, .allow_unused = true};
    bool right = tn_autograd_grads(y, wanted, count, found, &opts);
    for (size_t i = 0, next = 0; i < n && right; i++)
        if (in[i] && tn_requires_grad(in[i])) grad[i] = found[next++];
    return right;
}

/* Values are asked for: by the operator's shape, or by its way of computing. */
static bool refused(const sample *s) {
    bool by_values = tn_error() == TN_ERR_NOT_IMPLEMENTED || strstr(tn_error_message(), "cannot be called on meta tensors");
    return by_values ? (tn_clear_error(), true) : say(s, "fails");
}

static bool backward_alike(const sample *s, tn_tensor *real, tn_tensor *meta, tn_tensor *const *in, tn_tensor *const *meta_in) {
    tn_tensor *grad[2][SAMPLE_INPUTS] = {{NULL}};
    if (!real->requires_grad) return true;
    if (!run_backward(real, in, s->nin, grad[0]))
        return tn_clear_error(), true; /* what has no derivative on the CPU has none here */
    if (!run_backward(meta, meta_in, s->nin, grad[1])) return refused(s);
    for (size_t i = 0; i < s->nin; i++) {
        tn_tensor *a = grad[0][i], *b = grad[1][i];
        if (!a != !b) return say(s, "a gradient is missing");
        if (a && (!tn_is_meta(b) || !tni_same_shape(&a->a, &b->a) || a->a.dtype != b->a.dtype)) return say(s, "another gradient");
    }
    return true;
}

static size_t ran, values_asked;
static bool check(const sample *s, sample_layout layout) {
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS], *meta[SAMPLE_INPUTS], *out[SAMPLE_RESULTS] = {NULL}, *meta_out[SAMPLE_RESULTS] = {NULL};
    size_t k = SAMPLE_RESULTS, meta_k = SAMPLE_RESULTS;
    make_inputs(s, layout, !s->nograd, in, meta);
    bool works = sample_call(s, in, s->full_name, out, &k);
    tn_clear_error();
    unsigned char before[TN_RNG_STATE_BYTES], after[TN_RNG_STATE_BYTES];
    if (s->random) tn_manual_seed(0);
    tn_get_rng_state(before, sizeof before);
    bool meta_works = sample_call(s, meta, s->full_name, meta_out, &meta_k);
    if (!works) return tn_clear_error(), true; /* it may fail for its values alone */
    ran++;
    if (!meta_works) return values_asked++, refused(s);
    tn_get_rng_state(after, sizeof after);
    if (memcmp(before, after, sizeof before) != 0) return say(s, "draws random numbers");
    if (k != meta_k) return say(s, "another number of results");
    for (size_t i = 0; i < k; i++)
        if (!alike(s, out[i], meta_out[i])) return false;
    return k == 0 || s->random || backward_alike(s, out[0], meta_out[0], in, meta);
}

static bool check_inplace(const sample *s) {
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS], *meta[SAMPLE_INPUTS], *out[SAMPLE_RESULTS] = {NULL};
    size_t full, k = SAMPLE_RESULTS;
    char name[64];
    snprintf(name, sizeof name, "%.*s_", (int)tni_schema_base(s->op->schema, &full), s->op->schema);
    make_inputs(s, LAYOUT_STRIDED, false, in, meta);
    bool works = sample_call(s, in, name, out, &k);
    tn_status status = tn_error();
    tn_clear_error();
    uint32_t version = tn_version_counter(meta[0]);
    out[0] = NULL, k = SAMPLE_RESULTS;
    bool meta_works = sample_call(s, meta, name, out, &k);
    bool by_values = s->fails == TN_ERR_RUNTIME || s->fails == TN_ERR_INDEX ||
                     s->op == &tni_op_masked_scatter; /* a zero divisor, an index ... */
    if (works != meta_works && !(works ? refused(s) : by_values)) return say(s, "in place it does another thing");
    if (!works && tn_error() != status && s->fails == TN_OK) return say(s, "in place it fails otherwise");
    tn_clear_error();
    return !meta_works || (out[0] == meta[0] && tn_version_counter(meta[0]) > version && tn_is_meta(meta[0])) || say(s, "in place");
}

static void count(const tni_op *op) {
    if (test_broken) printf("FAILED %s\n", op->name);
    if (test_broken)
        test_failed++;
    else
        test_passed++;
    test_broken = 0;
}

static void check_op(const tni_op *op) {
    size_t before = live_objects();
    for (const char *const *line = op->samples; *line; line++) {
        sample s;
        if (!CHECK(sample_parse(&s, op, *line))) continue;
        if (s.nin == 0) continue;
        for (int layout = 0; layout < LAYOUTS; layout++) CHECK(check(&s, (sample_layout)layout));
        if (op->inplace) CHECK(check_inplace(&s));
    }
    CHECK_EQ_INT(live_objects(), before);
    count(op);
}

/* test_meta_samples [NAME...]: the named rows alone. */
int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], ops[i]->name) == 0;
        if (wanted && ops[i]->samples) check_op(ops[i]);
    }
    if (argc < 2) CHECK(ran > 1000 && values_asked < ran / 20);
    printf("  %zu calls, %zu of them ask for values\n", ran, values_asked);
    return test_end();
}
