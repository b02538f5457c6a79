/* serialize/pickle_write.h - writes values as a pickle, byte for byte as torch.save does. */
#ifndef TNI_PICKLE_WRITE_H
#define TNI_PICKLE_WRITE_H
#include "base/str.h"
#include "core/value.h"

typedef struct tni_pickle_record {
    tni_storage *storage; /* a share */
    tn_dtype dtype;
    int64_t key_place; /* of its key's text in the memo */
} tni_pickle_record;

typedef struct tni_pickle_writer {
    const char *who;
    tni_thread *t;
    tni_str out;
    int64_t memo_n;
    tn_value *places;          /* dict: address of an object, or a text that Python would share -> place in the memo */
    tni_pickle_record *record; /* the storages in the order of their keys "0", "1", ... */
    size_t records, record_capacity;
} tni_pickle_writer;

/* `who` stands in front of errors: TN_ERR_VALUE for values nested too deep or one storage under two dtypes. */
bool tni_pickle_write(tni_pickle_writer *w, const char *who, tn_value *v);
void tni_pickle_writer_clear(tni_pickle_writer *w); /* also after a failure */
#endif
