/* core/module_backward.h - full backward hooks of modules: nodes around a forward that show its gradients. */
#ifndef TNI_MODULE_BACKWARD_H
#define TNI_MODULE_BACKWARD_H
#include "core/module.h"

typedef struct tni_backward_call tni_backward_call; /* one forward of a module that has such hooks */
/* Puts aliases of the inputs that need a gradient into in[], when there is one; *out stays NULL when nothing is recorded. */
bool tni_backward_call_inputs(tni_module *m, tn_tensor **in, size_t n, tni_backward_call **out);
bool tni_backward_call_outputs(tni_backward_call *b, tn_tensor **out, size_t k);
void tni_backward_call_release(tni_backward_call *b); /* NULL passes */
#endif
