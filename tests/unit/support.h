/* tests/unit/support.h - what tests of the library share: counting what lives, and expecting an error. */
#ifndef TISON_SUPPORT_H
#define TISON_SUPPORT_H
#include "test.h"
#include <tison.h>

static inline size_t live_objects(void) {
    tn_free(tn_zeros(1)); /* so that nothing waits to be freed */
    tn_memory_stats s = {.size = sizeof s};
    tn_memory_get_stats(&s);
    return s.live_objects;
}
static inline size_t allocator_calls(void) {
    tn_memory_stats s = {.size = sizeof s};
    tn_memory_get_stats(&s);
    return s.allocator_calls;
}

/* Checks the latch, and empties it: the status, and a part of the text (NULL: any). */
#define CHECK_ERROR(status, part) check_error(status, part, __FILE__, __LINE__)
static inline void check_error(tn_status status, const char *part, const char *file, int line) {
    int right = tn_error() == status && (part == NULL || strstr(tn_error_message(), part) != NULL);
    if (!right)
        printf("  got %s: %s\n  expected %s: ...%s...\n", tn_status_name(tn_error()), tn_error_message(), tn_status_name(status),
               part ? part : "");
    test_check(right, "the expected error", file, line);
    tn_clear_error();
}
#define CHECK_OK() test_check(tn_error() == TN_OK || (printf("  %s\n", tn_error_message()), 0), "no error", __FILE__, __LINE__)
#endif
