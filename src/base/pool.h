/* base/pool.h - the thread pool: one small set of workers for the whole process. */
#ifndef TNI_POOL_H
#define TNI_POOL_H
#include "base/base.h"

/* Equal to: for (int64_t i = 0; i < n; i += grain) body(i, min(i + grain, n), context), in any order and on several threads.
 * The cut points depend on n and grain alone, never on the number of threads. Runs in the caller when n <= grain, when the number
 * of threads is 1, or when called from inside a body. Never fails: without workers the caller does all of it. */
void tni_parallel(int64_t n, int64_t grain, void (*body)(int64_t begin, int64_t end, void *context), void *context);

/* How many threads a region may use, the caller included. At first: the CPUs that this process may run on, or fewer by the
 * environment's TISON_NUM_THREADS. Inside a body it is still this number, though nested regions run serially. */
int tni_pool_threads(void);
void tni_pool_set_threads(int n); /* clamped to 1..256; workers start at the next region that needs them */
bool tni_pool_inside(void);       /* true while the calling thread runs a body of a region that was split */
void tni_pool_shutdown(void);     /* ends and joins the workers; the next region starts new ones. Nothing inside a body. */
#endif
