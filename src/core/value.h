/* core/value.h - nested values: what containers hold, and what files need of it. */
#ifndef TNI_VALUE_H
#define TNI_VALUE_H
#include "core/tensor.h"
#include <tison/value.h>

/* What a container holds: small things in place, the others as objects, claimed. */
typedef struct tni_held {
    int32_t kind; /* tn_value_kind; a bool, int and dtype stand in `i` */
    union {
        int64_t i;
        double d;
        tni_object *o; /* a tensor, or the tn_value of a text, complex number or container */
    } u;
} tni_held;
#define TNI_ITEM_NONE ((tni_held){TN_VALUE_NONE, {0}})
#define TNI_ITEM_INT(x) ((tni_held){TN_VALUE_INT, {.i = (x)}})
#define TNI_ITEM_OBJECT(k, object) ((tni_held){(k), {.o = (tni_object *)(object)}})

/* Python's class where a kind has several. */
enum { TNI_PLAIN, TNI_ORDERED_DICT, TNI_COUNTER, TNI_SIZE, TNI_BYTEARRAY };

struct tn_value {
    tni_object object;
    uint8_t kind, flavor;
    bool inside;      /* it was put into a container: may be reached from somewhere */
    bool nested;      /* it holds a container */
    uint8_t height;   /* containers in one another, itself included, as they were put in; 255: more */
    uint32_t *index;  /* of a dict, open-addressed by key: entry + 1; NULL: fewer than 9 entries */
    size_t mask;      /* of the index */
    tni_held item;    /* of what is no text and no container */
    double imaginary; /* of a complex number, whose real part is item.u.d */
    union {
        char *text;   /* NUL-terminated */
        tni_held *at; /* of a dict two for each entry: key and value */
    } u;
    size_t n, capacity; /* bytes of a text; items of a container (entries of a dict), and room for items */
    uint64_t weight;    /* of a container that a file made: values in it, counted as if nothing were shared */
    tn_value *attributes;
};

TNI_INLINE bool tni_is_container(int kind) { return kind >= TN_VALUE_LIST && kind <= TN_VALUE_DICT; }
TNI_INLINE bool tni_item_is_object(const tni_held *x) {
    return (x->kind >= TN_VALUE_TENSOR && x->kind <= TN_VALUE_DICT) || x->kind == TN_VALUE_STRING || x->kind == TN_VALUE_BYTES ||
           x->kind == TN_VALUE_COMPLEX || x->kind == TN_VALUE_DEVICE;
}
TNI_INLINE tn_value *tni_item_value(const tni_held *x) { return (tn_value *)x->u.o; }
TNI_INLINE size_t tni_value_items(const tn_value *v) { return v->kind == TN_VALUE_DICT ? 2 * v->n : v->n; }

/* New values without claims; NULL with an error. */
tn_value *tni_value_container(tni_thread *t, tn_value_kind kind, int flavor);
tn_value *tni_value_text(tni_thread *t, tn_value_kind kind, const char *text, size_t n);
tni_held tni_value_item(tn_value *v);                          /* what a container would hold of v */
tn_value *tni_value_of_item(tni_thread *t, const tni_held *x); /* and back, as a handle [scope] */
/* Puts an item behind the others of a list, tuple or set, and claims its object. Knows nothing of cycles. */
bool tni_value_push(tn_value *v, tni_held item);
/* dict[key] = item; key is an int or a text's value. *replaced: the key was there already. */
bool tni_value_put(tn_value *dict, tni_held key, tni_held item, bool *replaced);
const tni_held *tni_value_find(const tn_value *dict, const char *key, size_t n); /* NULL: absent */
const tni_held *tni_value_find_int(const tn_value *dict, int64_t key);
const char *tni_value_kind_name(int kind); /* "dict" */
#endif
