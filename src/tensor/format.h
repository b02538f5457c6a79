/* tensor/format.h - the text of a tensor, byte for byte as PyTorch prints it. */
#ifndef TNI_FORMAT_H
#define TNI_FORMAT_H
#include "base/base.h"
#include "base/str.h"

/* torch.set_printoptions. */
typedef struct tni_print_options {
    int64_t precision, threshold, edgeitems, linewidth; /* threshold INT64_MAX: never summarise */
    int sci_mode;                                       /* 1 on, 0 off, -1 by the values */
} tni_print_options;

#define TNI_PRINT_DEFAULT ((tni_print_options){4, 1000, 3, 80, -1})
#define TNI_PRINT_SHORT ((tni_print_options){2, 1000, 2, 80, -1})
#define TNI_PRINT_FULL ((tni_print_options){4, INT64_MAX, 3, 80, -1})

enum { TNI_FORMAT_MAX_DIMS = 64, TNI_FORMAT_MAX_PRECISION = 1000 };

typedef struct tni_format_tensor_info {
    const void *data; /* address of the element with all indices 0 */
    tn_dtype dtype, default_dtype;
    int64_t ndim;
    const int64_t *sizes, *strides; /* strides in elements */
    const char *grad_fn_name;       /* "AddBackward0", or NULL */
    bool requires_grad, is_parameter;
    bool meta; /* there are no values */
    tni_print_options options;
} tni_format_tensor_info;

/* Appends the text, without a newline at its end. False with an error set: TN_ERR_NOT_IMPLEMENTED for a dtype without text,
 * TN_ERR_VALUE for options out of range, TN_ERR_MEMORY; `out` then holds a part of the text. Does not depend on the locale. */
bool tni_format_tensor(tni_str *out, const tni_format_tensor_info *t);

/* The same for a tensor in coordinate form: `t` describes it (its data and strides do not matter), the others its parts. */
bool tni_format_sparse(tni_str *out, const tni_format_tensor_info *t, const tni_format_tensor_info *indices,
                       const tni_format_tensor_info *values);

/* Appends "torch.Size([2, 3])" and "(2, 3)", "(2,)". */
void tni_format_size(tni_str *out, const int64_t *sizes, int64_t ndim);
void tni_format_tuple(tni_str *out, const int64_t *sizes, int64_t ndim);
#endif
