/* serialize/optim_value.h - an optimizer's state between PyTorch's layout and names. */
#ifndef TNI_OPTIM_VALUE_H
#define TNI_OPTIM_VALUE_H
#include "core/value.h"
#include <tison/optim.h>

/* PyTorch's layout as the names and tensors that tn_optim_load_state_dict takes from `opt`. [scope]; NULL with an error */
tn_state *tni_optim_state_from_value(tn_optim *opt, tn_value *v);
#endif
