/* tests/unit/test_layers.c - every layer of layers.h: what PyTorch has for it (tests/values/layers.txt, or the file that is named as the
 * argument), gradients by finite differences, float64, states, copies, errors, leaks. */
#include "layers.h"
#include "values.h"

#define MAKE(id, python, c, inputs)                                                                                                \
    static void *make_##id(void) { return c; }
LAYERS(MAKE)
typedef struct {
    const char *name, *python, *inputs;
    void *(*make)(void);
} layer;
#define ROW(id, python, c, inputs) {#id, python, inputs, make_##id},
static const layer layers[] = {LAYERS(ROW)};

enum { LINE = 16384, OUTPUT_PLACE = 99, MOST = 16 };

/* One layer being tested. */
typedef struct {
    const layer *l;
    tn_module *m;
    sample s; /* its inputs and what must fail */
    tn_tensor *in[SAMPLE_INPUTS], *out;
    tn_state *state;
    size_t states; /* lines of it that were seen */
} run;

static bool read_inputs(run *r) {
    char token[SAMPLE_TEXT];
    const char *p = r->l->inputs;
    while (sample_token(&p, token))
        if (!sample_read_mark(&r->s, token) && !sample_read_input(token, &r->s.in[r->s.nin++])) return false;
    return r->s.nin > 0;
}

static void make_inputs(run *r, tn_dtype floats) {
    for (size_t i = 0; i < r->s.nin; i++) {
        bool floating = tni_dtype_is_float(r->s.in[i].dtype);
        r->in[i] = sample_make(&r->s.in[i], i, LAYOUT_GIVEN);
        if (floating && floats != TN_FLOAT32) r->in[i] = tn_to(r->in[i], floats);
        if (floating && i == 0) tn_requires_grad_(r->in[i], true);
    }
}

static tn_tensor *forward(run *r) {
    tn_manual_seed(1);
    return (tn_forward)(r->m, r->in, r->s.nin);
}

/* The sum of out with weights of its own, so that gradients of all elements differ. */
static tn_tensor *weighted(tn_tensor *out) {
    sample_input like = {.dtype = TN_FLOAT32, .ndim = (size_t)tn_ndim(out)};
    for (size_t d = 0; d < like.ndim; d++) like.sizes[d] = tn_size(out, (int64_t)d);
    return tn_sum(tn_mul(out, tn_to(sample_make(&like, OUTPUT_PLACE, LAYOUT_GIVEN), tn_get_dtype(out))));
}

/* ---- a line of the file: a word, perhaps a name, and what PyTorch has ---- */

static bool same_text(run *r, const char *expected) {
    const char *text = tn_to_string(r->m);
    for (; text && *text; text++, expected++) {
        if (*text == '\n' && strncmp(expected, "\\n", 2) == 0)
            expected++;
        else if (*text != *expected)
            return false;
    }
    return text && *expected == '\0';
}

/* The tensor that a line is about; NULL: there is none. */
static tn_tensor *subject(run *r, const char *word, const char *name) {
    if (strcmp(word, "state") == 0) {
        bool next = r->states < tn_state_count(r->state) && strcmp(tn_state_name(r->state, r->states), name) == 0;
        return next ? tn_state_at(r->state, r->states++) : NULL;
    }
    if (strcmp(word, "grad") == 0)
        return tn_grad(*name >= '0' && *name <= '9' ? r->in[*name - '0'] : (tn_get_parameter)(r->m, name));
    return strcmp(word, "after") == 0 ? tn_state_get(r->state, name) : NULL;
}

static bool check_line(run *r, char *line) {
    char *word = line, *rest = line + strcspn(line, " ");
    if (*rest) *rest++ = '\0';
    if (strcmp(word, "text") == 0) return same_text(r, rest);
    if (strcmp(word, "version") == 0) return tn_state_version(r->state, "") == strtoll(rest, NULL, 10);
    if (strcmp(word, "train") == 0 || strcmp(word, "eval") == 0) {
        bool train = *word == 't', all = r->states == tn_state_count(r->state);
        (tn_train)(r->m, train);
        tn_tensor *out = forward(r);
        if (train) r->out = out;
        if (train && out && tn_requires_grad(out)) tn_backward(weighted(out));
        return all && check_result(out, rest);
    }
    char *name = rest;
    rest += strcspn(rest, " ");
    if (*rest) *rest++ = '\0';
    tn_tensor *x = subject(r, word, name);
    if (x && (strcmp(rest, "lazy") == 0 || tn_is_lazy(x))) return strcmp(rest, "lazy") == 0 && tn_is_lazy(x);
    return x && (strcmp(word, "state") == 0 ? check_bits(x, rest) : check_result(x, rest));
}

/* The lines under "= nn.Linear(4, 3) | f32[2,4]"; false when the file has none. */
static bool check_values(run *r, const char *path) {
    static char line[LINE], head[LINE];
    bool found = false, here = false;
    FILE *file = fopen(path, "r");
    snprintf(head, sizeof head, "= %s | %s", r->l->python, r->l->inputs);
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '=') {
            here = strcmp(line, head) == 0;
            found = found || here;
        } else if (here) {
            char copy[200];
            snprintf(copy, sizeof copy, "%.190s", line);
            if (!CHECK(check_line(r, line))) printf("  %s: %s\n  %s\n", r->l->python, copy, tn_error_message());
            tn_clear_error();
        }
    }
    if (file) fclose(file);
    return found;
}

/* ---- what needs no PyTorch ---- */

static tn_tensor *function(tn_tensor *const *in, size_t n, void *data) {
    run *r = data;
    tn_manual_seed(1);
    tn_tensor *all[SAMPLE_INPUTS] = {0};
    for (size_t i = 0; i < r->s.nin; i++) all[i] = i == 0 && n > 0 ? in[0] : r->in[i];
    return (tn_forward)(r->m, all, r->s.nin);
}

static bool is_lazy(tn_module *m) {
    for (tn_named_iter p = (tn_named_parameters)(m, NULL); tn_named_next(&p);)
        if (tn_is_lazy(p.tensor)) return true;
    return false;
}

/* In float64: the result of float32, and derivatives for the input and all parameters by finite differences. */
static void check_double(run *r) {
    TN_SCOPE;
    tn_tensor *in[MOST], *expected = tn_detach(r->out);
    tn_manual_seed(0);
    r->m = r->l->make();
    make_inputs(r, TN_FLOAT32);
    if (is_lazy(r->m)) CHECK(forward(r)); /* draws its weights, in float32 */
    CHECK((tn_module_to)(r->m, &(tn_module_to_opts){.size = sizeof(tn_module_to_opts), .dtype = TN_FLOAT64}));
    make_inputs(r, TN_FLOAT64);
    tn_tensor *y = forward(r);
    CHECK(y && tn_get_dtype(y) == TN_FLOAT64 && tn_allclose(tn_to(y, TN_FLOAT32), expected, .rtol = 1e-4, .atol = 1e-5));
    tn_tensors *parameters = (tn_parameters)(r->m);
    size_t n = 0;
    in[n++] = r->in[0];
    for (size_t i = 0; i < tn_tensors_count(parameters) && n < MOST; i++) in[n++] = tn_tensors_get(parameters, i);
    CHECK(r->s.nograd || tn_gradcheck_fn(function, r, in, n));
    CHECK_OK();
    tn_clear_error();
}

/* x with its channels last in memory, where it has four or five dims. */
static tn_tensor *channels_last(tn_tensor *x, bool *any) {
    int64_t ndim = x ? tn_ndim(x) : 0;
    if (ndim != 4 && ndim != 5) return x;
    *any = true;
    tn_tensor *y = tn_to(tn_detach(x), TN_DTYPE_NONE, .memory_format = ndim == 4 ? TN_CHANNELS_LAST : TN_CHANNELS_LAST_3D);
    return tn_requires_grad(x) ? tn_requires_grad_(y, true) : y;
}

static bool close_to(tn_tensor *x, tn_tensor *expected) {
    return x && expected && tn_allclose(tn_detach(x), tn_detach(expected), .rtol = 1e-4, .atol = 1e-5);
}

/* The same values and gradients when the inputs, and the parameters of four dims, lie with their channels last. */
static void check_channels_last(run *r) {
    TN_SCOPE;
    bool any = false;
    tn_tensor *before[SAMPLE_INPUTS];
    memcpy(before, r->in, sizeof before);
    for (size_t i = 0; i < r->s.nin; i++) r->in[i] = channels_last(r->in[i], &any);
    tn_manual_seed(0);
    tn_module *old = r->m, *made = any ? r->l->make() : NULL;
    if (made) {
        (void)(tn_module_to)(made, &(tn_module_to_opts){.size = sizeof(tn_module_to_opts),
                                                        .dtype = TN_DTYPE_NONE,
                                                        .memory_format = TN_CHANNELS_LAST});
        tn_clear_error(); /* of a parameter of five dims */
        r->m = made;
        bool draws = strstr(r->l->python, "Dropout") || strstr(r->l->python, "RReLU"); /* in the order of memory, as PyTorch does */
        if (draws) (tn_eval)(made), (tn_eval)(old);
        tn_tensor *y = forward(r);
        if (y && tn_requires_grad(y) && !draws) tn_backward(weighted(y));
        CHECK(draws || close_to(y, r->out));
        if (!draws && tn_grad(before[0])) CHECK(close_to(tn_grad(r->in[0]), tn_grad(before[0])));
        (tn_eval)(made), (tn_eval)(old);
        y = forward(r);
        memcpy(r->in, before, sizeof before);
        r->m = old;
        CHECK(close_to(y, forward(r)));
        CHECK_OK();
    }
    memcpy(r->in, before, sizeof before);
    r->m = old;
    tn_clear_error();
}

/* Another layer with this one's state, and a copy of it, give what it gives. */
static void check_copies(run *r) {
    TN_SCOPE;
    tn_manual_seed(7);
    tn_module *m = r->m, *other = r->l->make(), *copy = tn_deepcopy(m);
    CHECK((tn_load_state_dict)(other, (tn_state_dict)(m, NULL), NULL));
    CHECK((tn_eval)(m) && (tn_eval)(other) && (tn_eval)(copy));
    tn_tensor *y = forward(r), *z;
    r->m = other, z = forward(r);
    CHECK(y && z && tn_allclose(y, z, .rtol = 0, .atol = 0));
    r->m = copy, z = forward(r);
    CHECK(y && z && tn_allclose(y, z, .rtol = 0, .atol = 0));
    r->m = m;
    CHECK_OK();
    tn_clear_error();
}

/* The constructor or forward fails as the sample says, and the state is as before. */
static void check_fails(run *r) {
    make_inputs(r, TN_FLOAT32);
    if (r->m) {
        tn_state *before = tn_deepcopy((tn_state_dict)(r->m, NULL)), *after;
        CHECK(!forward(r) && tn_error() == r->s.fails);
        tn_clear_error();
        after = (tn_state_dict)(r->m, NULL);
        for (size_t i = 0; i < tn_state_count(after); i++) {
            tn_tensor *was = tn_state_at(before, i), *is = tn_state_at(after, i);
            CHECK(tn_is_lazy(was) ? tn_is_lazy(is) : tn_equal(was, is));
        }
    } else {
        CHECK(tn_error() == r->s.fails);
    }
    tn_clear_error();
}

/* None for an input is an error of its own. */
static void check_none(run *r) {
    tn_tensor *kept = r->in[0];
    r->in[0] = NULL;
    (void)forward(r);
    CHECK(tn_error() != TN_OK || strstr(r->l->python, "Identity"));
    tn_clear_error();
    r->in[0] = kept;
}

static void test_layer(const layer *l, const char *path) {
    TN_SCOPE;
    run r = {.l = l};
    if (!CHECK(read_inputs(&r))) return;
    tn_manual_seed(0);
    r.m = l->make();
    if (r.s.fails != TN_OK) {
        check_fails(&r);
        return;
    }
    if (!CHECK(r.m)) return;
    r.state = (tn_state_dict)(r.m, NULL);
    make_inputs(&r, TN_FLOAT32);
    if (!CHECK(check_values(&r, path))) printf("  no values for %s: tests/parity/layers.py --write\n", l->python);
    check_none(&r);
    check_channels_last(&r);
    check_copies(&r);
    if (CHECK(r.out)) check_double(&r);
}

int main(int count, char **arguments) {
    const char *path = count > 1 ? arguments[1] : "tests/values/layers.txt";
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        size_t before = live_objects();
        test_broken = 0;
        test_layer(&layers[i], path);
        CHECK_EQ_INT(live_objects(), before);
        *(test_broken ? &test_failed : &test_passed) += 1;
        if (test_broken || count > 1) printf("%s layer %s: %s\n", test_broken ? "FAILED" : "ok", layers[i].name, layers[i].python);
    }
    return test_end();
}
