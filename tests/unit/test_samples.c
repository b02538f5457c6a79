/* tests/unit/test_samples.c - every operator on its samples: layouts, threads, CPU levels, derivatives, errors, leaks. */
#include "core/op_list.h"
#include "core/map.h"
#include "sample.h"

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

/* Runs the sample's operator; a tn_checked_function. Of several results the one that `which` names is looked at. */
static size_t which;
static tn_tensor *call(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *out[SAMPLE_RESULTS] = {NULL}, *own[SAMPLE_INPUTS];
    const sample *s = data;
    size_t k = SAMPLE_RESULTS;
    memcpy(own, in, n * sizeof *in);
    if (sample_writes(s->op) && in[0] && tn_requires_grad(in[0])) own[0] = tn_clone(in[0]); /* a leaf cannot be written to */
    return sample_call(s, own, s->full_name, out, &k) && k > 0 ? out[which < k ? which : 0] : NULL;
}

/* ---- results ---- */

enum { LARGE = 50000 }; /* elements of the largest input of an enlarged sample */

typedef struct {
    int dtype;
    size_t ndim, bytes;
    int64_t sizes[TNI_MAX_DIMS], numel;
    void *data;
} result;

static bool take(tn_tensor *y, result *r) {
    *r = (result){0};
    if (!y) return false;
    r->dtype = y->a.dtype, r->ndim = y->a.ndim, r->numel = y->a.numel;
    memcpy(r->sizes, y->a.sizes, r->ndim * sizeof *r->sizes);
    r->bytes = (size_t)r->numel * tni_array_item(&y->a);
    r->data = calloc(1, r->bytes + 1);
    return r->data && tn_copy_to(y, r->data, r->bytes);
}

/* The same bits (two NaNs are equal), or floats that are close when rtol > 0. */
static bool agree(const result *a, const result *b, double rtol, double atol) {
    if (!a->data || !b->data || a->dtype != b->dtype || a->ndim != b->ndim) return false;
    if (memcmp(a->sizes, b->sizes, a->ndim * sizeof *a->sizes) != 0) return false;
    if (memcmp(a->data, b->data, a->bytes) == 0) return true;
    tn_dtype real = tni_dtype_real((tn_dtype)a->dtype);
    if (!tni_dtype_is_wide(real)) return false;
    for (int64_t i = 0; i < (real == (tn_dtype)a->dtype ? 1 : 2) * a->numel; i++) {
        bool f32 = real == TN_FLOAT32;
        double x = f32 ? (double)((float *)a->data)[i] : ((double *)a->data)[i];
        double y = f32 ? (double)((float *)b->data)[i] : ((double *)b->data)[i];
        bool same = x == y && signbit(x) == signbit(y), close = rtol > 0 && (x == y || fabs(x - y) <= atol + rtol * fabs(x));
        if (!same && !close && !(isnan(x) && isnan(y))) {
            printf("  element %lld: %.17g and %.17g\n", (long long)i, x, y);
            return false;
        }
    }
    return true;
}

static void make_inputs(const sample *s, sample_layout layout, tn_tensor **in) {
    for (size_t i = 0; i < s->nin; i++) in[i] = sample_make(&s->in[i], i, layout);
}

static result run_sample(sample *s, sample_layout layout) {
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS];
    result r;
    make_inputs(s, layout, in);
    take(call(in, s->nin, s), &r);
    return r;
}

/* ---- the checks: each false with something printed when it fails, or `skipped` when it does not apply ---- */

typedef enum { WRONG, RIGHT, SKIPPED } verdict;
static verdict no_error(bool right) {
    if (tn_error() != TN_OK) printf("  %s: %s\n", tn_status_name(tn_error()), tn_error_message());
    right = right && tn_error() == TN_OK;
    tn_clear_error();
    return right ? RIGHT : WRONG;
}

/* It runs; or it fails with the status, and then nothing has changed. */
static verdict check_runs(sample *s) {
    if (s->fails != TN_OK) return SKIPPED;
    result r = run_sample(s, LAYOUT_GIVEN);
    free(r.data);
    return no_error(r.data != NULL);
}

static verdict check_fails(sample *s) {
    if (s->fails == TN_OK) return SKIPPED;
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS];
    result before[SAMPLE_INPUTS] = {0}, after;
    uint32_t version[SAMPLE_INPUTS] = {0};
    make_inputs(s, LAYOUT_GIVEN, in);
    for (size_t i = 0; i < s->nin; i++)
        if (in[i] && take(in[i], &before[i])) version[i] = tn_version_counter(in[i]);
    bool right = call(in, s->nin, s) == NULL && tn_error() == s->fails;
    if (!right) printf("  got %s: %s, expected %s\n", tn_status_name(tn_error()), tn_error_message(), tn_status_name(s->fails));
    tn_clear_error();
    for (size_t i = 0; i < s->nin; i++) {
        if (!in[i]) continue;
        right = take(in[i], &after) && agree(&before[i], &after, 0, 0) && version[i] == tn_version_counter(in[i]) && right;
        free(before[i].data);
        free(after.data);
    }
    return right ? RIGHT : WRONG;
}

/* Elementwise operators and views give the same bits for all layouts and levels. */
static bool exact(const tni_op *op) { return op->map || op->view; }

static bool same_as(const result *expected, result r, const sample *s, double rtol, double atol) {
    bool right = agree(expected, &r, exact(s->op) ? 0 : rtol, atol);
    free(r.data);
    return right;
}

static verdict check_layouts(sample *s) {
    if (s->fails != TN_OK) return SKIPPED;
    bool by_strides = s->random || s->op == &tni_op_view || s->op == &tni_op_as_strided; /* what they give depends on the strides */
    bool right = true;
    for (int k = 0; k < 2; k++) {
        which = (size_t)k;
        result expected = run_sample(s, LAYOUT_GIVEN);
        if (!by_strides) right = same_as(&expected, run_sample(s, LAYOUT_STRIDED), s, 1e-5, 1e-6) && right;
        right = same_as(&expected, run_sample(s, LAYOUT_OFFSET), s, 1e-5, 1e-6) && right;
        free(expected.data);
    }
    which = 0;
    return no_error(right);
}

/* The sample with every dim above 1 made larger by one factor, so that work is split and vectors are full; false when it cannot. */
static bool enlarge(const sample *s, sample *large) {
    int64_t factor = 1, most = 0, limit = LARGE;
    if (s->small) return false;
    *large = *s;
    for (size_t i = 0; i < s->parameters; i++) {
        large->arg[i].name = large->names[i];
        if (s->arg[i].kind == TN_ARG_INTS) large->arg[i].value.ints = large->lists[i];
        if (s->arg[i].kind == TN_ARG_STRING) large->arg[i].value.s = large->words[i];
    }
    for (size_t i = 0; i < s->nin; i++)
        if (s->in[i].ndim > 1) limit = 70; /* a broadcast result may be much larger than the inputs */
    for (; most < LARGE && factor < limit; factor++) {
        most = 0;
        for (size_t i = 0; i < s->nin; i++) {
            int64_t numel = 1;
            for (size_t d = 0; d < s->in[i].ndim; d++) {
                large->in[i].sizes[d] = s->in[i].sizes[d] * (s->in[i].sizes[d] > 1 ? factor : 1);
                numel *= large->in[i].sizes[d];
            }
            most = numel > most ? numel : most;
        }
        if (factor == 2 && most <= 1) return false;
    }
    result r = run_sample(large, LAYOUT_GIVEN);
    bool runs = r.data != NULL && tn_error() == TN_OK;
    free(r.data);
    tn_clear_error();
    return runs;
}

static bool threads_agree(sample *s) {
    int threads = tn_get_num_threads();
    tn_set_num_threads(1);
    result one = run_sample(s, LAYOUT_GIVEN);
    tn_set_num_threads(3);
    result three = run_sample(s, LAYOUT_GIVEN);
    tn_set_num_threads(threads);
    bool right = agree(&one, &three, 0, 0);
    free(one.data);
    free(three.data);
    return right;
}

static verdict check_threads(sample *s) {
    if (s->fails != TN_OK) return SKIPPED;
    sample large;
    bool right = threads_agree(s);
    if (enlarge(s, &large) && !threads_agree(&large)) {
        printf("  when enlarged\n");
        right = false;
    }
    return no_error(right);
}

static bool levels_agree(sample *s, double atol) {
    tni_level level = tni_cpu_level;
    result expected = run_sample(s, LAYOUT_GIVEN);
    bool right = true;
    for (int l = 0; l <= (int)tni_cpu_best_level(); l++) {
        tni_cpu_set_level((tni_level)l);
        right = same_as(&expected, run_sample(s, LAYOUT_GIVEN), s, 1e-4, atol) && right;
        if (!right) printf("  at level %s\n", tni_cpu_level_name((tni_level)l));
    }
    tni_cpu_set_level(level);
    free(expected.data);
    return right;
}

static verdict check_levels(sample *s) {
    if (s->fails != TN_OK) return SKIPPED;
    sample large;
    bool right = levels_agree(s, 1e-5);
    if (enlarge(s, &large) && !levels_agree(&large, 1e-3)) {
        printf("  when enlarged\n");
        right = false;
    }
    return no_error(right);
}

/* The class weights of a loss have no derivative. */
static bool differentiable(const tni_op *op, size_t input) {
    return input != 2 || (op != &tni_op_nll_loss && op != &tni_op_nll_loss2d && op != &tni_op_cross_entropy);
}

static tn_tensor *as_parts(tn_tensor *x) { return x && tni_dtype_is_complex(tn_get_dtype(x)) ? tn_view_as_real(x) : x; }

/* Complex inputs and the result as real ones, (..., 2), so that finite differences see both parts. */
static tn_tensor *call_by_parts(tn_tensor *const *in, size_t n, void *data) {
    tn_tensor *own[SAMPLE_INPUTS];
    const sample *s = data;
    for (size_t i = 0; i < n; i++) own[i] = tni_dtype_is_complex(s->in[i].dtype) ? tn_view_as_complex(in[i]) : in[i];
    return as_parts(call(own, n, data));
}

/* First and second derivatives in float64 and complex128. */
static verdict check_gradients(sample *s) {
    if (s->fails != TN_OK || s->nograd) return SKIPPED;
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS];
    bool any = false;
    for (size_t i = 0; i < s->nin; i++) {
        sample_input wide = s->in[i];
        bool floating = tni_dtype_has_grad(wide.dtype);
        if (floating) wide.dtype = tni_dtype_is_complex(wide.dtype) ? TN_COMPLEX128 : TN_FLOAT64;
        in[i] = as_parts(sample_make(&wide, i, LAYOUT_GIVEN));
        if (!floating || !differentiable(s->op, i)) continue;
        any = true;
        in[i] = tn_requires_grad_(tn_detach(in[i]), true);
    }
    if (!any) return SKIPPED;
    tn_tensor *y = call_by_parts(in, s->nin, s);
    if (!y) return no_error(false);
    if (!s->op->vjp && !s->op->composite) return tn_requires_grad(y) ? WRONG : SKIPPED;
    if (tn_get_dtype(y) != TN_FLOAT64) return SKIPPED;
    bool flat = s->op == &tni_op_sign; /* its derivative is the constant 0, which gradgradcheck refuses */
    return no_error(tn_gradcheck_fn(call_by_parts, s, in, s->nin) && (flat || tn_gradgradcheck_fn(call_by_parts, s, in, s->nin)));
}

static bool same_values(tn_tensor *a, tn_tensor *b) {
    result x, y;
    bool first = take(a, &x), second = take(b, &y), same = first && second && agree(&x, &y, 0, 0);
    free(x.data);
    free(y.data);
    return same;
}

/* name_ writes what the operator returns into its first input, where the shape and dtype allow it. */
static verdict check_inplace(sample *s) {
    if (s->fails != TN_OK || !s->op->inplace) return SKIPPED;
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS], *out[SAMPLE_RESULTS] = {NULL};
    size_t full, k = SAMPLE_RESULTS;
    char name[64];
    snprintf(name, sizeof name, "%.*s_", (int)tni_schema_base(s->op->schema, &full), s->op->schema);
    make_inputs(s, LAYOUT_STRIDED, in);
    tn_tensor *expected = call(in, s->nin, s);
    if (!expected) return no_error(false);
    bool fits = tni_same_shape(&expected->a, &in[0]->a) && tni_can_cast(tn_get_dtype(expected), tn_get_dtype(in[0]));
    expected = tn_to(expected, tn_get_dtype(in[0]));
    uint32_t version = tn_version_counter(in[0]);
    bool ran = sample_call(s, in, name, out, &k);
    if (!fits) return tn_clear_error(), ran ? WRONG : RIGHT;
    return no_error(ran && out[0] == in[0] && same_values(out[0], expected) && tn_version_counter(in[0]) > version);
}

/* out=: an empty tensor takes the result's shape, one of the right shape keeps its memory, a view gets its elements written. */
static verdict check_out(sample *s) {
    if (s->fails != TN_OK || s->op->view || sample_writes(s->op)) return SKIPPED;
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS], *out[SAMPLE_RESULTS] = {NULL};
    size_t k = SAMPLE_RESULTS;
    make_inputs(s, LAYOUT_GIVEN, in);
    if (!sample_call(s, in, s->full_name, out, &k)) return no_error(false);
    if (k == 0 || out[0] == in[0]) return SKIPPED;
    tn_tensor *given[SAMPLE_RESULTS], *first = tn_empty(0, .dtype = tn_get_dtype(out[0]));
    bool right = true;
    for (int round = 0; round < 2 && right; round++) {
        for (size_t i = 0; i < k; i++) given[i] = i == 0 ? first : NULL;
        void *data = tn_data(first);
        size_t room = SAMPLE_RESULTS;
        for (size_t i = k; i < SAMPLE_RESULTS; i++) given[i] = NULL;
        right = sample_call(s, in, s->full_name, given, &room) && given[0] == first && tni_same_shape(&first->a, &out[0]->a) &&
                same_values(first, out[0]) && (round == 0 || tn_data(first) == data);
    }
    return no_error(right);
}

/* float16 and bfloat16 inputs give what float32 gives for the rounded inputs, in their own dtype. */
static verdict check_halves(sample *s) {
    bool any = false;
    for (size_t i = 0; i < s->nin; i++) any = any || s->in[i].dtype == TN_FLOAT32;
    if (s->fails != TN_OK || s->random || !any) return SKIPPED;
    TN_SCOPE;
    bool right = true;
    for (int k = 0; k < 2; k++) {
        tn_dtype half = k ? TN_BFLOAT16 : TN_FLOAT16;
        tn_tensor *in[SAMPLE_INPUTS], *wide[SAMPLE_INPUTS];
        make_inputs(s, LAYOUT_GIVEN, in);
        for (size_t i = 0; i < s->nin; i++) {
            if (in[i] && s->in[i].dtype == TN_FLOAT32) in[i] = tn_to(in[i], half);
            wide[i] = in[i] && tn_get_dtype(in[i]) == half ? tn_to(in[i], TN_FLOAT32) : in[i];
        }
        tn_tensor *y = call(in, s->nin, s);
        if (s->op->wide_only) {
            right = right && !y && (tn_error() == TN_ERR_NOT_IMPLEMENTED || tn_error() == TN_ERR_DTYPE);
            tn_clear_error();
            continue;
        }
        tn_tensor *expected = call(wide, s->nin, s);
        if (!y || !expected) return no_error(false);
        if (tn_get_dtype(expected) != TN_FLOAT32) continue;
        double tolerance = k ? 0.02 : 0.003;
        right = right && tn_allclose(tn_to(y, TN_FLOAT32), expected, .rtol = tolerance, .atol = tolerance, .equal_nan = true);
    }
    return no_error(right);
}

/* ---- all of it ---- */

static const struct {
    const char *name;
    verdict (*run)(sample *s);
} checks[] = {
    {"runs", check_runs},           {"fails as it should", check_fails}, {"layouts", check_layouts},  {"threads", check_threads},
    {"CPU levels", check_levels},   {"gradients", check_gradients},      {"in place", check_inplace}, {"out=", check_out},
    {"16-bit floats", check_halves}};

static bool usable(const tni_op *op) {
    sample s;
    bool right = true;
    for (const char *const *text = op->samples; *text; text++) {
        bool parsed = sample_parse(&s, op, *text);
        if (!parsed) printf("  %s: cannot be understood: %s\n", op->name, *text);
        right = right && parsed;
    }
    return right;
}

static void count(const char *op, const char *check) {
    if (test_broken)
        test_failed++;
    else
        test_passed++;
    if (test_broken) printf("FAILED %s: %s\n", op, check);
    test_broken = 0;
}

/* One test for each check that applies to some sample, and one for what is left alive after them. */
static void test_op(const tni_op *op) {
    test_broken = 0;
    if (!CHECK(usable(op))) {
        count(op->name, "samples");
        return;
    }
    size_t mark = live_objects();
    for (size_t c = 0; c < sizeof checks / sizeof checks[0]; c++) {
        bool applies = false;
        for (const char *const *text = op->samples; *text; text++) {
            sample s;
            sample_parse(&s, op, *text);
            size_t before = live_objects();
            verdict v = checks[c].run(&s);
            if (v == WRONG) test_check(0, *text, op->name, (int)(text - op->samples));
            if (live_objects() != before)
                printf("  alive after \"%s\", %s: %zu, before: %zu\n", *text, checks[c].name, live_objects(), before);
            applies = applies || v != SKIPPED;
        }
        if (applies) count(op->name, checks[c].name);
    }
    CHECK_EQ_INT(live_objects(), mark);
    count(op->name, "leaks");
}

/* test_samples [NAME...]: the named rows alone. */
int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], ops[i]->name) == 0;
        if (wanted && ops[i]->samples) test_op(ops[i]);
    }
    return test_end();
}
