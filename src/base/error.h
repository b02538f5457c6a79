/* base/error.h - raising errors inside the library. */
#ifndef TNI_ERROR_H
#define TNI_ERROR_H
#include "base/base.h"
#include <stdarg.h>

/* Sets the thread's error unless one is there already, tells the handler, and returns false: `return tni_fail(...)`. */
bool tni_fail(tn_status status, const char *format, ...) TN_PRINTF(2, 3) __attribute__((cold));
bool tni_fail_memory(size_t bytes) __attribute__((cold)); /* TN_ERR_MEMORY; allocates nothing */
void tni_warn(const char *format, ...) TN_PRINTF(1, 2) __attribute__((cold));

void tni_error_thread_end(void); /* frees the thread's message, at shutdown */

/* True while the thread's latch holds an error. */
bool tni_failed(void);

#define TNI_TRY(expr)                                                                                                              \
    do {                                                                                                                           \
        if (!(expr)) return false;                                                                                                 \
    } while (0)
#define TNI_CHECK(condition, status, ...)                                                                                          \
    do {                                                                                                                           \
        if (TNI_UNLIKELY(!(condition))) return tni_fail(status, __VA_ARGS__);                                                      \
    } while (0)
#endif
