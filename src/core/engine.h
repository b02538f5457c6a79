/* core/engine.h - backward: runs the graph. */
#ifndef TNI_ENGINE_H
#define TNI_ENGINE_H
#include "core/node.h"

typedef struct tni_backward {
    tn_tensor *const *root; /* outputs */
    tn_tensor *const *seed; /* their gradients; an entry (or the array) may be NULL: ones, for a tensor of one element */
    size_t roots;
    tn_tensor *const *input; /* NULL: accumulate into the leaves; else collect the gradients of these */
    size_t inputs;
    tn_tensor **result; /* per input, claimed by the innermost scope; NULL where the graph does not reach */
    bool retain_graph, create_graph, allow_unused;
} tni_backward;

bool tni_engine_run(tni_thread *t, const char *who, const tni_backward *b);
#endif
