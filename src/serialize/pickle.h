/* serialize/pickle.h - the pickles that .pt files hold: a machine that builds values and calls nothing, and a writer. */
#ifndef TNI_PICKLE_H
#define TNI_PICKLE_H
#include "base/str.h"
#include "core/value.h"

/* What stands on the machine's stack besides values: never in a result. */
enum {
    TNI_PICKLE_MARK = 100,
    TNI_PICKLE_GLOBAL,  /* u.i: row of the table of names, or TNI_PICKLE_DTYPES + dtype for a typed storage's class */
    TNI_PICKLE_STORAGE, /* u.i: of `storage` */
    TNI_PICKLE_TENSOR,  /* u.i: of `tensor` */
    TNI_PICKLE_ABSENT   /* a place of the memo that nothing was put in */
};

/* A storage that tensors refer to: a record of the archive. */
typedef struct tni_pickle_storage {
    const tn_value *key;
    tn_dtype dtype; /* TN_DTYPE_NONE: untyped, and no tensor has said it yet */
    size_t bytes;
    tn_tensor *data; /* 1-d, without claims, once it was read */
} tni_pickle_storage;

#define TNI_PICKLE_NO_STORAGE SIZE_MAX
typedef struct tni_pickle_tensor {
    size_t storage; /* TNI_PICKLE_NO_STORAGE: on the meta device, or sparse */
    tn_dtype dtype;
    int64_t offset;
    const tn_value *sizes, *strides; /* tuples of ints, as many; checked against the storage */
    bool requires_grad, is_parameter;
    bool sparse, coalesced;
    size_t indices, values; /* of a sparse one: numbers of tensors */
    tn_tensor *made;        /* claimed, once it was asked for */
} tni_pickle_tensor;

typedef struct tni_pickle {
    const char *who;
    tni_thread *t;
    const unsigned char *at, *begin, *end;
    tni_held *stack;
    size_t depth, stack_capacity;
    size_t *mark; /* depths at which marks stand */
    size_t marks, mark_capacity;
    tni_held *memo;
    size_t memo_n, memo_capacity;
    tn_value **object; /* all that were made, each with a claim */
    size_t objects, object_capacity;
    size_t cost, most;   /* bytes of memory that values take, and may take */
    size_t sparse_bytes; /* that the parts of sparse tensors take */
    tni_pickle_storage *storage;
    size_t storages, storage_capacity;
    tn_value *keys; /* dict: key -> place in `storage` */
    tni_pickle_tensor *tensor;
    size_t tensors, tensor_capacity;
    tni_held root;
} tni_pickle;

/* Runs a pickle of protocol 2 to 5. All is checked: the tensors' geometry too, against the sizes that the pickle gives to storages.
 * `data` is borrowed until tni_pickle_clear. TN_ERR_FORMAT; TN_ERR_NOT_IMPLEMENTED names what a file wants that is not allowed here. */
bool tni_pickle_run(tni_pickle *p, const char *who, const void *data, size_t bytes);
/* The result with tensors in place of their descriptions, once `data` of all storages is there. [scope] */
tn_value *tni_pickle_result(tni_pickle *p);
void tni_pickle_clear(tni_pickle *p);

/* ---- between the machine's files ---- */
bool tni_pickle_fail(tni_pickle *p, const char *format, ...) TN_PRINTF(2, 3);   /* TN_ERR_FORMAT with the place */
bool tni_pickle_refuse(tni_pickle *p, const char *format, ...) TN_PRINTF(2, 3); /* TN_ERR_NOT_IMPLEMENTED */
tn_value *tni_pickle_container(tni_pickle *p, tn_value_kind kind, int flavor);  /* NULL with an error, as the next */
tn_value *tni_pickle_text(tni_pickle *p, tn_value_kind kind, const char *text, size_t n);
bool tni_pickle_push_item(tni_pickle *p, tn_value *v, tni_held item); /* into a list, tuple, set */
bool tni_pickle_put(tni_pickle *p, tn_value *dict, tni_held key, tni_held item);
bool tni_pickle_global(tni_pickle *p, const char *module, const char *name, tni_held *out);
bool tni_pickle_call(tni_pickle *p, const tni_held *callable, const tn_value *args, tni_held *out); /* REDUCE and NEWOBJ */
bool tni_pickle_build(tni_pickle *p, tni_held *instance, const tni_held *state);
bool tni_pickle_storage_of(tni_pickle *p, const tni_held *id, tni_held *out); /* BINPERSID */
#endif
