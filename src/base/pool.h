/* base/pool.h - the thread pool: one small set of workers for the whole process. */
#ifndef TNI_POOL_H
#define TNI_POOL_H
#include "base/base.h"

/* Equal to: for (int64_t i = 0; i < n; i += grain) body(i, min(i + grain, n), context), in any order and on several threads.
 * The cut points depend on n and grain alone, never on the number of threads. Runs in the caller when n <= grain, when the number
 * of threads is 1, or when called from inside a body. Never fails: without workers the caller does all of it. */
void tni_parallel(int64_t n, int64_t grain, void (*body)(int64_t begin, int64_t end, void *context), void *context);
#endif
