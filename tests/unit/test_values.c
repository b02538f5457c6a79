/* tests/unit/test_values.c - operators against the values that PyTorch gave for their sample lines: tests/values/<operator>.txt.
 *
 * A file is written by `tests/parity/samples.py --write`: a line of a sample, then for each result, after two blanks, its dtype, its
 * sizes, a colon and its elements in row-major order; of a large one "~", its sum, the sum of its magnitudes, and eight elements. */
#include "core/op_list.h"
#include "values.h"

#define DECLARE(name) extern const tni_op tni_op_##name;
TNI_OP_LIST(DECLARE)
#define ROW(name) &tni_op_##name,
static const tni_op *const ops[] = {TNI_OP_LIST(ROW)};

enum { LINE = 8192 };

/* Runs the sample of a line on its inputs; the results are claimed by the scope. */
static bool run_line(const tni_op *op, const char *line, tn_tensor **out, size_t *k) {
    static sample s;
    tn_tensor *in[SAMPLE_INPUTS];
    if (!sample_parse(&s, op, line)) return false;
    for (size_t i = 0; i < s.nin; i++) in[i] = sample_make(&s.in[i], i, LAYOUT_GIVEN);
    tn_manual_seed(0);
    return sample_call(&s, in, s.full_name, out, k);
}

static void check_file(const tni_op *op, FILE *file) {
    static char line[LINE], sample_line[LINE];
    tn_tensor *out[16] = {0};
    size_t k = 0, at = 0;
    TN_SCOPE;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '#' || *line == '\0') continue;
        if (*line == ' ') {
            if (!CHECK(at < k && check_result(out[at], line))) printf("  %s: %s\n  %s\n", op->name, sample_line, line);
            at++;
            continue;
        }
        CHECK(at == k);
        memset(out, 0, sizeof out);
        snprintf(sample_line, sizeof sample_line, "%s", line);
        at = 0, k = sizeof out / sizeof *out;
        bool runs = run_line(op, line, out, &k);
        if (!CHECK(runs)) printf("  %s: %s: %s\n", op->name, line, tn_error_message());
        tn_clear_error();
        if (!runs) k = 0;
    }
    CHECK(at == k);
}

int main(void) {
    char path[200];
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        snprintf(path, sizeof path, "tests/values/%s.txt", ops[i]->name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        test_broken = 0;
        check_file(ops[i], file);
        fclose(file);
        *(test_broken ? &test_failed : &test_passed) += 1;
        if (test_broken) printf("FAILED %s\n", ops[i]->name);
    }
    test_broken = 0;
    CHECK(test_passed + test_failed > 30); /* the files are there: tests run in the root of the source tree */
    test_failed += test_broken;
    return test_end();
}
