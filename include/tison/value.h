/* tison/value.h - nested values: numbers, texts, tensors, lists and dicts, as files of PyTorch hold them. */
#ifndef TISON_VALUE_H
#define TISON_VALUE_H
#include <tison/tensor.h>
TN_BEGIN_DECLS

/** A value: None, a number, a text, a tensor, or a list, tuple, set or dict of values. An object like every other: claimed by
 *  scopes, by tn_keep, and by the values that it stands in. Containers hold references, as in Python: a list that stands in two
 *  dicts is one list. A value cannot contain itself. One thread at a time may change a value; several may read it. */
typedef struct tn_value tn_value;
typedef enum tn_value_kind {
    TN_VALUE_NONE,
    TN_VALUE_BOOL,
    TN_VALUE_INT,
    TN_VALUE_FLOAT,
    TN_VALUE_COMPLEX,
    TN_VALUE_STRING, /* UTF-8 */
    TN_VALUE_BYTES,
    TN_VALUE_DTYPE,  /* torch.float32 */
    TN_VALUE_DEVICE, /* torch.device: a text such as "cpu" */
    TN_VALUE_TENSOR,
    TN_VALUE_LIST,
    TN_VALUE_TUPLE,
    TN_VALUE_SET,
    TN_VALUE_DICT /* keys: ints and texts; in the order of insertion */
} tn_value_kind;
enum { TN_VALUE_MAX_DEPTH = 64 }; /* containers in one another that files may hold */

/* ---- making; all results [scope] ---- */
TN_API tn_value *tn_value_none(void);
TN_API tn_value *tn_value_bool(bool b);
TN_API tn_value *tn_value_int(int64_t i);
TN_API tn_value *tn_value_float(double d);
TN_API tn_value *tn_value_complex(double re, double im);
TN_API tn_value *tn_value_string(const char *text); /* copies; TN_ERR_VALUE when it is not UTF-8 */
TN_API tn_value *tn_value_bytes(const void *data, size_t n);
TN_API tn_value *tn_value_dtype(tn_dtype dtype);
TN_API tn_value *tn_value_tensor(tn_tensor *x); /* [keep] x */
TN_API tn_value *tn_value_list(void);
TN_API tn_value *tn_value_tuple(tn_value *const *items, size_t n); /* [keep] items */
TN_API tn_value *tn_value_dict(void);
/** A dict of the state's names and tensors, in its order: Python's OrderedDict. */
TN_API tn_value *tn_value_from_state(tn_state *state);
/** The state of a dict whose values are tensors and whose keys are texts; TN_ERR_TYPE names what is neither. [scope] */
TN_API tn_state *tn_value_to_state(tn_value *dict);
static inline tn_value *tn_value_same(tn_value *v) { return v; }

/* ---- changing; a failed call changes nothing ---- */
/** list.append(item). [keep] */
TN_API bool(tn_value_append)(tn_value *list, tn_value *item);
/** dict[key] = item. [keep] */
TN_API bool(tn_value_set)(tn_value *dict, const char *key, tn_value *item);
TN_API bool(tn_value_set_int)(tn_value *dict, int64_t key, tn_value *item);

/* ---- reading; works while an error is set ---- */
TN_API tn_value_kind tn_value_get_kind(tn_value *v); /* TN_VALUE_NONE for a bad handle */
/** Items of a container, bytes of a text; 0 for others. */
TN_API size_t tn_value_count(tn_value *v);
/** Item i of a list, tuple or set; value i of a dict. TN_ERR_INDEX. [scope] */
TN_API tn_value *tn_value_at(tn_value *v, size_t i);
/** Key i of a dict: a text or an int. [scope] */
TN_API tn_value *tn_value_key(tn_value *dict, size_t i);
/** dict[key]; TN_ERR_KEY when absent. [scope] */
TN_API tn_value *tn_value_get(tn_value *dict, const char *key);
TN_API tn_value *tn_value_get_int(tn_value *dict, int64_t key);
TN_API bool tn_value_has(tn_value *dict, const char *key);
TN_API bool tn_value_has_int(tn_value *dict, int64_t key);
/** The content of a value; TN_ERR_TYPE when it is of another kind (an int serves as a float, a bool as an int). */
TN_API bool tn_value_as_bool(tn_value *v);
TN_API int64_t tn_value_as_int(tn_value *v);
TN_API double tn_value_as_float(tn_value *v);
TN_API bool tn_value_as_complex(tn_value *v, double *re, double *im);
TN_API const char *tn_value_as_string(tn_value *v); /* of a text or device; "" on failure [borrow] */
TN_API const void *tn_value_as_bytes(tn_value *v);  /* tn_value_count of them [borrow] */
TN_API tn_dtype tn_value_as_dtype(tn_value *v);
TN_API tn_tensor *tn_value_as_tensor(tn_value *v); /* [scope] */
/** What Python keeps as attributes of a dict, such as the _metadata of a state_dict: a dict, or NULL when there are none. [scope] */
TN_API tn_value *tn_value_attributes(tn_value *dict);
/** attributes: a dict [keep], or NULL for none. */
TN_API bool tn_value_set_attributes(tn_value *dict, tn_value *attributes);

TN_END_DECLS
#ifndef __cplusplus
/** A C value as a tn_value: numbers, texts, tensors, states, values. */
#define TN_VALUE(v)                                                                                                                \
    _Generic((v), bool: tn_value_bool, float: tn_value_float, double: tn_value_float, char *: tn_value_string,                    \
             const char *: tn_value_string, tn_tensor *: tn_value_tensor, tn_state *: tn_value_from_state,                        \
             tn_value *: tn_value_same, default: tn_value_int)(v)
/** `tn_value_set(d, "lr", 0.1)`, `tn_value_append(l, "a text")`. */
#define tn_value_append(list, item) (tn_value_append)(list, TN_VALUE(item))
#define tn_value_set(dict, key, item) (tn_value_set)(dict, key, TN_VALUE(item))
#define tn_value_set_int(dict, key, item) (tn_value_set_int)(dict, key, TN_VALUE(item))
#endif
#endif
