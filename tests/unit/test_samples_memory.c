/* tests/unit/test_samples_memory.c - every operator's samples with an allocator that fails at the Nth call, once and for ever. */
#include "core/op_list.h"
#include "sample.h"
#include <stdlib.h>

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

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

/* Inputs, the call, and the backward where there is one. true when all of it worked, or failed as the sample says. */
static bool scenario(const sample *s) {
    TN_SCOPE;
    tn_tensor *in[SAMPLE_INPUTS], *out[SAMPLE_RESULTS] = {NULL};
    size_t k = SAMPLE_RESULTS;
    for (size_t i = 0; i < s->nin; i++) {
        in[i] = sample_make(&s->in[i], i, LAYOUT_GIVEN);
        bool grad = in[i] && !s->nograd && s->in[i].dtype == TN_FLOAT64;
        if (grad) tn_requires_grad_(in[i], true);
        if (grad && i == 0 && sample_writes(s->op)) in[i] = tn_clone(in[i]); /* a leaf cannot be written to */
    }
    if (sample_call(s, in, s->full_name, out, &k) && k > 0 && tn_requires_grad(out[0])) tn_backward(tn_sum(out[0]));
    return tn_error() == s->fails;
}

/* Nothing may crash or leak, the error is that memory is out, and the next run works. */
static bool survives(const sample *s, bool forever, long *points) {
    for (long n = 0; n < 2000; n++) {
        calls = 0, fail_at = n, for_ever = forever;
        if (!tn_set_allocator(&failing)) return false;
        bool worked = scenario(s), reached = calls > n;
        fail_at = -1;
        bool right = worked || tn_error() == TN_ERR_MEMORY;
        if (!right) printf("  at allocation %ld: %s: %s\n", n, tn_status_name(tn_error()), tn_error_message());
        tn_clear_error();
        right = scenario(s) && right;
        tn_clear_error();
        tn_shutdown();
        if (outstanding != 0) printf("  at allocation %ld: %ld blocks are left\n", n, outstanding);
        if (!right || outstanding != 0) return false;
        if (!reached) return true;
        ++*points;
    }
    return false;
}

/* test_samples_memory [NAME...]: the named rows alone. */
int main(int argc, char **argv) {
    long points = 0;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], ops[i]->name) == 0;
        if (!wanted) continue;
        for (const char *const *text = ops[i]->samples; text && *text; text++) {
            sample s;
            if (text > ops[i]->samples + 2 && !strchr(*text, '!')) continue; /* the first three, and those that fail */
            if (!sample_parse(&s, ops[i], *text)) continue;
            bool right = survives(&s, false, &points) && survives(&s, true, &points);
            if (!right) printf("FAILED %s: %s\n", ops[i]->name, *text);
            right ? test_passed++ : test_failed++;
        }
    }
    printf("  %ld allocation points\n", points);
    return test_end();
}
