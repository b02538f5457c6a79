/* bench/bench_ops.c - every operator on its @bench samples, called by name: as given, and with every dim above 1 made larger. Prints
 * "operator:number ns" and "operator:number*factor ns" lines, the fastest of several rounds; bench_ops [NAME...]. */
#include "../tests/unit/sample.h"
#include "core/op_list.h"
#include <time.h>

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* One call; false when it fails. */
static bool once(const sample *s, tn_tensor *const *in) {
    TN_SCOPE;
    tn_tensor *out[SAMPLE_RESULTS] = {NULL};
    size_t k = SAMPLE_RESULTS;
    return sample_call(s, in, s->full_name, out, &k);
}

/* Rounds of about 5 ms. */
static void report(const sample *s, int number, int64_t factor) {
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensor *in[SAMPLE_INPUTS];
    for (size_t i = 0; i < s->nin; i++) in[i] = sample_make(&s->in[i], i, LAYOUT_GIVEN);
    if (!once(s, in)) {
        tn_clear_error();
        return;
    }
    double start = now(), best = 1e30;
    once(s, in);
    int64_t calls = (int64_t)(5e6 / (now() - start)) + 1;
    for (int round = 0; round < 9; round++) {
        start = now();
        for (int64_t i = 0; i < calls; i++) once(s, in);
        double ns = (now() - start) / (double)calls;
        best = ns < best ? ns : best;
    }
    if (factor == 1)
        printf("%s:%d %.1f\n", s->full_name, number, best);
    else
        printf("%s:%d*%lld %.1f\n", s->full_name, number, (long long)factor, best);
}

/* Larger by 64, 32, 8 or 4, for inputs of at most 1, 2, 3 or more dims. */
static int64_t enlarge(sample *s) {
    static const int64_t factors[] = {64, 64, 32, 8, 4};
    size_t most = 0;
    for (size_t i = 0; i < s->nin; i++) most = s->in[i].ndim > most ? s->in[i].ndim : most;
    int64_t factor = factors[most > 4 ? 4 : most];
    for (size_t i = 0; i < s->nin; i++)
        for (size_t d = 0; d < s->in[i].ndim; d++) s->in[i].sizes[d] *= s->in[i].sizes[d] > 1 ? factor : 1;
    return factor;
}

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], ops[i]->name) == 0;
        for (int number = 0; wanted && !ops[i]->hidden && ops[i]->samples && ops[i]->samples[number]; number++) {
            sample s, large;
            if (!strstr(ops[i]->samples[number], "@bench") || !sample_parse(&s, ops[i], ops[i]->samples[number])) continue;
            sample_parse(&large, ops[i], ops[i]->samples[number]);
            report(&s, number, 1);
            int64_t factor = enlarge(&large);
            report(&large, number, factor);
        }
    }
    return 0;
}
