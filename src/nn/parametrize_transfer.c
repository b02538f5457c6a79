/* nn/parametrize_transfer.c - torch.nn.utils.parametrize: parametrizations of one module put upon another. */
#include "nn/parametrize.h"
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_nn_transfer_parametrizations_opts {
    size_t size;
    const char *tensor_name; /* NULL: all that are parametrized */
} tn_nn_transfer_parametrizations_opts;
#ifndef __cplusplus
#define tn_nn_utils_parametrize_transfer_parametrizations_and_params(from, ...)                                                    \
    TN_WITH(tn_nn_transfer_parametrizations_opts, (.tensor_name = NULL),                                                           \
            (tn_nn_utils_parametrize_transfer_parametrizations_and_params)(TN_AS_MODULE(from),                                     \
                                                                           TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),          \
            TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_parametrize_type_before_parametrizations(m)                                                                    \
    (tn_nn_utils_parametrize_type_before_parametrizations)(TN_AS_MODULE(m))
#endif
#endif

/** The class of m, also when it prints as Parametrized<class>, as it does while a member is parametrized:
 *  torch.nn.utils.parametrize.type_before_parametrizations. [borrow] */
TN_API const tn_class *(tn_nn_utils_parametrize_type_before_parametrizations)(tn_module *m) { return (tn_module_class)(m); }

/* A name that `to` does not have becomes a parameter with the computed value. */
static bool need_tensor(tn_module *from, tn_module *to, const char *name) {
    tn_member there;
    if (tni_parametrize_find(to, name, &there)) return true;
    if (tn_error() != TN_OK || (there.name && there.kind != TN_MEMBER_PLAIN)) return tn_error() == TN_OK;
    tn_tensor *x = (tn_module_get)(from, name), *parameter = x ? tn_parameter_at(x, true, NULL) : NULL;
    return parameter && (tn_module_set)(to, name, parameter);
}

static bool transfer(tn_module *from, tn_module *to, const char *name) {
    TN_SCOPE;
    tn_member part;
    if (!(tn_nn_utils_parametrize_is_parametrized)(from, name))
        return (tn_module_get)(from, name) && tn_raise(TN_ERR_KEY, "%s", name);
    tn_module *list = (tn_module_get)((tn_module_get)(from, "parametrizations"), name);
    if (!list || !need_tensor(from, to, name)) return false;
    for (size_t i = 0; i < (tn_module_members)(list); i++)
        if ((tn_module_member)(list, i, &part) && part.kind == TN_MEMBER_MODULE && part.value)
            if (!(tn_nn_utils_parametrize_register_parametrization)(to, name, part.value, NULL)) return false;
    tn_module *own = (tn_module_get)((tn_module_get)(to, "parametrizations"), name);
    for (size_t i = 0; own && i < (tn_module_members)(list); i++)
        if ((tn_module_member)(list, i, &part) && part.kind != TN_MEMBER_MODULE && part.value)
            if (!(tn_module_set)(own, part.name, part.value)) return false;
    return own && (tn_nn_utils_parametrize_compute)(to, name); /* the field shows what the originals now give */
}

/** Puts the parametrizations of `from`, all or those of .tensor_name, upon `to`, behind those that it has: both share the modules and the
 *  originals then. What `to` does not have under such a name becomes a new Parameter. Nothing happens when `from` has no parametrization;
 *  TN_ERR_KEY when it has none of that name; TN_ERR_VALUE where registering one on `to` would be. After a failure what was transferred before
 *  it stays, as in PyTorch. [keep] torch.nn.utils.parametrize.transfer_parametrizations_and_params. */
TN_API bool(tn_nn_utils_parametrize_transfer_parametrizations_and_params)(tn_module *from, tn_module *to,
                                                                          const tn_nn_transfer_parametrizations_opts *opts) {
    TN_SCOPE;
    tn_member list;
    const char *name = opts ? opts->tensor_name : NULL;
    if (tn_error() != TN_OK || !(tn_module_class)(from) || !(tn_module_class)(to)) return false;
    if (!(tn_nn_utils_parametrize_is_parametrized)(from, NULL)) return tn_error() == TN_OK;
    if (name) return transfer(from, to, name);
    tn_module *table = (tn_module_get)(from, "parametrizations");
    for (size_t i = 0; table && i < (tn_module_members)(table); i++)
        if (!(tn_module_member)(table, i, &list) || !transfer(from, to, list.name)) return false;
    return table != NULL;
}
