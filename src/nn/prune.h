/* nn/prune.h - what the parts of pruning share. */
#ifndef TNI_NN_PRUNE_H
#define TNI_NN_PRUNE_H
#include "nn/layer.h"

enum { TNI_PRUNE_NAME = 200 };

/* A tensor of a module, and what stands beside it once it is pruned. */
typedef struct tni_pruned {
    char orig_name[TNI_PRUNE_NAME], mask_name[TNI_PRUNE_NAME];
    tn_tensor *value, *orig, *mask; /* value: under the name itself; mask NULL: not pruned yet, and orig is value */
    tn_hook *hook;                  /* that computes it */
} tni_pruned;

/* False with torch's error when m has no such tensor, or it is not a parameter that pruning could move. */
bool tni_prune_look(tn_module *m, const char *name, tni_pruned *p);
/* Puts a mask over it; p is what tni_prune_look found. After a failure m is as before. */
bool tni_prune_put(tn_module *m, const char *name, const tni_pruned *p, tn_tensor *mask);
/* Puts back what tni_prune_look had found, after an error or without one. */
void tni_prune_take_back(tn_module *m, const char *name, const tni_pruned *before);

/* The amount's kind and range: what torch checks when a method is made. */
bool tni_prune_check(const tn_nn_pruning *method);
tn_nn_prune_type tni_prune_type_of(const tn_nn_pruning *method);
/* "L1Unstructured", and "unstructured" of a type. */
const char *tni_prune_method_name(const tn_nn_pruning *method);
const char *tni_prune_type_name(tn_nn_prune_type type);
/* The method's mask for scores on top of the mask, of the same shape. `left`: it sees only what the mask leaves, as torch's
 * PruningContainer hands it out: entries, channels, or for a global method all. [scope] */
tn_tensor *tni_prune_mask(const tn_nn_pruning *method, tn_tensor *scores, tn_tensor *mask, bool left);
#endif
