/* nn/parametrize.h - what stands under a name of a module. */
#ifndef TNI_NN_PARAMETRIZE_H
#define TNI_NN_PARAMETRIZE_H
#include <tison/nn.h>

/* What stands under a name of m: its kind is PARAMETER, BUFFER or PLAIN. False, without an error, when no tensor stands there. */
bool tni_parametrize_find(tn_module *m, const char *name, tn_member *out);
void tni_parametrize_drop(tn_module *m, const char *name); /* deletes such a tensor where there is one */
#endif
