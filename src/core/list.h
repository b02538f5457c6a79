/* core/list.h - lists of objects, perhaps with names. */
#ifndef TNI_LIST_H
#define TNI_LIST_H
#include "core/module.h"

struct tn_tensors {
    tni_object object;
    tni_found *item; /* names may be NULL, else they stand in `names`; values are claimed */
    size_t n, capacity;
    char *names;
    size_t names_bytes;
};
/* A list without claims of its own that takes over the names of a walk and claims its values; the walk is empty afterwards. */
tn_tensors *tni_list_from_walk(tni_thread *t, tni_walk *w);
#endif
