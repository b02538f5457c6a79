/* nn/parametrize.h - registering a parametrization with originals that the caller has made. */
#ifndef TNI_NN_PARAMETRIZE_H
#define TNI_NN_PARAMETRIZE_H
#include <tison/nn.h>

/* What stands under a name of m: its kind is PARAMETER, BUFFER or PLAIN. False, without an error, when no tensor stands there. */
bool tni_parametrize_find(tn_module *m, const char *name, tn_member *out);

/* m.name becomes f(originals...). With several, they are named original0, original1, ... */
bool tni_parametrize(tn_module *m, const char *name, tn_module *f, tn_tensor *const *originals, size_t n, bool unsafe);
#endif
