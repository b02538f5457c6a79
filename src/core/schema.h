/* core/schema.h - reads PyTorch's schemas: "softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor". */
#ifndef TNI_SCHEMA_H
#define TNI_SCHEMA_H
#include "base/base.h"

typedef enum {
    TNI_PARAM_TENSOR,
    TNI_PARAM_INT,
    TNI_PARAM_FLOAT,
    TNI_PARAM_BOOL,
    TNI_PARAM_SCALAR,
    TNI_PARAM_DTYPE,
    TNI_PARAM_STRING,
    TNI_PARAM_GENERATOR,
    TNI_PARAM_OTHER /* MemoryFormat and its like: only None */
} tni_param_kind;

/* One parameter; texts lie in the schema and do not end in '\0'. */
typedef struct tni_param {
    tni_param_kind kind;
    bool list, optional, keyword_only;
    int64_t size;             /* int[2]: a single number stands for so many; 0: none */
    const char *name, *value; /* value: the default, or NULL */
    size_t name_length, value_length;
} tni_param;

/* A walk: *at is the schema at first; false at the end. */
bool tni_schema_next(const char **at, tni_param *out);
/* "softmax" of "softmax.int(...)"; *full is the length of "softmax.int". */
size_t tni_schema_base(const char *schema, size_t *full);
/* The number of results; *list: it is one list of tensors. */
size_t tni_schema_results(const char *schema, bool *list);
bool tni_param_is(const tni_param *p, const char *name); /* torch's aliases too: input, axis, keepdims */
#endif
