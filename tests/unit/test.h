/* tests/unit/test.h - the smallest test frame: RUN(test) counts, CHECK(...) reports and goes on. */
#ifndef TISON_TEST_H
#define TISON_TEST_H
#include <math.h>
#include <stdio.h>
#include <string.h>

static int test_passed, test_failed, test_broken;
static int test_statement; /* the number of the statement that is tested, see statement.h */

#define CHECK(condition) test_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_EQ_INT(a, b) test_check_int((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) test_check_str((a), (b), #a, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance) test_check_near((a), (b), (tolerance), #a " ~ " #b, __FILE__, __LINE__)
#define RUN(test)                                                                                                                  \
    do {                                                                                                                           \
        test_broken = 0;                                                                                                           \
        test();                                                                                                                    \
        if (test_broken)                                                                                                           \
            test_failed++;                                                                                                         \
        else                                                                                                                       \
            test_passed++;                                                                                                         \
        if (test_broken) printf("FAILED %s\n", #test);                                                                             \
    } while (0)

static inline int test_check(int right, const char *text, const char *file, int line) {
    if (!right) {
        test_broken = 1;
        if (test_statement) printf("statement %d, ", test_statement);
        printf("%s:%d: %s\n", file, line, text);
    }
    return right;
}
static inline int test_check_int(long long a, long long b, const char *text, const char *file, int line) {
    if (a != b) printf("  %lld and %lld\n", a, b);
    return test_check(a == b, text, file, line);
}
static inline int test_check_str(const char *a, const char *b, const char *text, const char *file, int line) {
    int same = a != NULL && b != NULL && strcmp(a, b) == 0;
    if (!same) printf("  got:      %s\n  expected: %s\n", a ? a : "(null)", b ? b : "(null)");
    return test_check(same, text, file, line);
}
static inline int test_check_near(double a, double b, double tolerance, const char *text, const char *file, int line) {
    int near_enough = (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance;
    if (!near_enough) printf("  %.17g and %.17g, tolerance %g\n", a, b, tolerance);
    return test_check(near_enough, text, file, line);
}
static inline int test_end_(const char *file) {
    const char *name = strrchr(file, '/');
    printf("%s: %d passed, %d failed\n", name ? name + 1 : file, test_passed, test_failed);
    return test_failed != 0;
}
#define test_end() test_end_(__FILE__)
#endif
