/* core/function.h - one call of a function of the program's own, in the graph. */
#ifndef TNI_FUNCTION_H
#define TNI_FUNCTION_H
#include "core/node.h"
#include <tison/autograd.h>

const char *tni_function_grad_name(const struct tn_function *f);
void tni_function_release_saved(struct tn_function *f);
void tni_function_free(struct tn_function *f);
bool tni_function_vjp(tni_node *n, tn_tensor *const *dy, tn_tensor **dx, tni_thread *t);
/* As tn_apply_n, for hooks of modules, whose functions are the identity: n outputs, of which those that need a gradient refuse to be written
 * in place; destroy(data) when the node goes. A gradient that is not there is zeros before the backward, or after it (late_zeros). */
bool tni_apply_hook(const tn_function_class *function, void *data, void (*destroy)(void *), bool late_zeros, tn_tensor *const *in,
                    size_t n, tn_tensor **out);
bool tni_refuse_released(void);
#endif
