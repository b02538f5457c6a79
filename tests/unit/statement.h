/* tests/unit/statement.h - tests that bear the numbers of docs/parameter-semantics.md, which tools/statements.py makes from these lines.
 *
 *   HOLDS(n, text)          it is so here, too
 *   IN_C(n, text, how)      it holds in C's way
 *   NOT_IN_C(n, text, why)  a consequence of Python itself
 *   NOT_YET(n, text, needs) waits for a part that does not exist in this version
 *
 * Checks follow the statement that they belong to; a failure names it. */
#ifndef TISON_STATEMENT_H
#define TISON_STATEMENT_H
#include "support.h"

static inline void statement(int n) {
    test_statement = n;
    if (tn_error() != TN_OK) {
        test_check(0, tn_error_message(), "before statement", n);
        tn_clear_error();
    }
}
#define HOLDS(n, text) statement(n)
#define IN_C(n, text, how) statement(n)
#define NOT_IN_C(n, text, why) statement(n)
#define NOT_YET(n, text, needs) statement(n)

/* The names of a walk, one space after each. */
static inline const char *walk_names(tn_named_iter it) {
    static char names[4096];
    names[0] = 0;
    while (tn_named_next(&it)) {
        strncat(names, it.name, sizeof names - strlen(names) - 2);
        strcat(names, " ");
    }
    return names;
}
static inline const char *state_names(tn_state *s) {
    static char names[4096];
    names[0] = 0;
    for (size_t i = 0; i < tn_state_count(s); i++) {
        strncat(names, tn_state_name(s, i), sizeof names - strlen(names) - 2);
        strcat(names, " ");
    }
    return names;
}
static inline double sum_of(tn_tensor *x) { return tn_item(tn_sum(tn_detach(x))); }
static inline tn_module *plain_module(void) { /* nn.Module() with nothing in it */
    return (tn_module *)tn_nn_module_list();
}
#endif
