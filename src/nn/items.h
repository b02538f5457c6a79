/* nn/items.h - the members of a container as an array that can be changed and put back as a whole. */
#ifndef TNI_ITEMS_H
#define TNI_ITEMS_H
#include <tison/nn.h>

/* Children (or tensors) in order, after the members of other kinds, which stay as they are. Values are claimed by the scope that was open at
 * tni_items_take. */
typedef struct tni_items {
    const char **name;
    void **value;
    char (*number)[24]; /* memory for names that are numbers */
    size_t others, n, room;
} tni_items;

/* modules: the children, NULL ones too; else what is no child. `more`: how many may be added. When it fails, `l` is empty. */
bool tni_items_take(tni_items *l, tn_module *m, bool modules, size_t more);
void tni_items_insert(tni_items *l, size_t at, const char *name, void *value); /* name NULL: its number */
void tni_items_put(tni_items *l, const char *name, void *value); /* in the place of that name, else at the end; name NULL: "n" */
void tni_items_remove(tni_items *l, size_t at);
void tni_items_number(tni_items *l); /* all names become "0", "1", ... */
/* Puts the items back when `right`, and frees the array; false when either is not so. */
bool tni_items_end(tni_items *l, tn_module *m, bool right);

/* Item i of the kind, counted without an array: its name, or NULL. -n to n - 1; *value may be NULL. */
size_t tni_items_count(tn_module *m, bool modules);
const char *tni_items_at(tn_module *m, bool modules, int64_t i, void **value);
/* PyTorch's slices: start, stop, step as Python resolves them. Returns how many, *first the first index. */
size_t tni_slice_range(int64_t n, int64_t start, int64_t stop, int64_t step, int64_t *first);
#endif
