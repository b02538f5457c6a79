/* data/data.h - datasets as objects. */
#ifndef TNI_DATA_H
#define TNI_DATA_H
#include "core/tensor.h"
#include <tison/data.h>

enum { TNI_ITEM_TENSORS = 16 }; /* most that an item may have */

/* Either tensors whose first dim counts the items, or functions of the program's own. */
struct tn_dataset {
    tni_object object;
    tn_tensor *tensor[TNI_ITEM_TENSORS]; /* claimed */
    size_t tensors;
    const tn_data_class *class_;
    void *data;
};

int64_t tni_dataset_len(const tn_dataset *ds); /* -1 with an error */
#endif
