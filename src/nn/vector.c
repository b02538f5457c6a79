/* nn/vector.c - torch.nn.utils.parameters_to_vector and vector_to_parameters. */
#include "base/memory.h"
#include <tison/nn.h>

/** All parameters one after the other in a new vector; differentiable. torch.nn.utils.parameters_to_vector. [scope] */
TN_API tn_tensor *tn_nn_utils_parameters_to_vector(tn_tensors *parameters) {
    TN_SCOPE;
    size_t n = tn_tensors_count(parameters);
    tn_tensor **part = tn_error() == TN_OK ? tni_alloc((n + 1) * sizeof *part) : NULL, *all = NULL;
    bool right = part != NULL;
    for (size_t i = 0; right && i < n; i++) right = (part[i] = tn_view(tn_tensors_get(parameters, i), -1)) != NULL;
    if (right) all = tn_cat(part, n);
    tni_free(part, (n + 1) * sizeof *part);
    return tn_escape(all);
}

/** Points each parameter at its part of the vector, whose memory they share from then on. TN_ERR_SHAPE when it is too short; then
 *  nothing was changed. torch.nn.utils.vector_to_parameters. */
TN_API bool tn_nn_utils_vector_to_parameters(tn_tensor *vector, tn_tensors *parameters) {
    TN_SCOPE;
    size_t n = tn_tensors_count(parameters);
    int64_t at = 0, need = 0, have = tn_numel(vector);
    for (size_t i = 0; tn_error() == TN_OK && i < n; i++) need += tn_numel(tn_tensors_get(parameters, i));
    if (tn_error() != TN_OK) return false;
    if (need > have || tn_ndim(vector) != 1)
        return tn_raise(TN_ERR_SHAPE, "vector_to_parameters: the parameters have %lld elements, but the vector %lld in %lld dims",
                        (long long)need, (long long)have, (long long)tn_ndim(vector));
    for (size_t i = 0; i < n; i++) {
        tn_tensor *p = tn_tensors_get(parameters, i);
        int64_t size = tn_numel(p);
        tn_tensor *slice = tn_narrow(tn_detach(vector), 0, at, size);
        if (!tn_set_data(p, (tn_view)(slice, tn_sizes(p), (size_t)tn_ndim(p)))) return false;
        at += size;
    }
    return true;
}
