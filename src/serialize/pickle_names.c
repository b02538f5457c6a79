/* serialize/pickle_names.c - the names that a pickle may use, and what becomes of them: values and descriptions of tensors. */
#include "base/error.h"
#include "base/memory.h"
#include "serialize/pickle.h"
#include <stdio.h>
#include <string.h>
#include <tison/ops.h>

typedef enum name_kind {
    ORDERED_DICT,
    COUNTER,
    SET,
    BYTEARRAY,
    COMPLEX,
    BYTES,
    ENCODE,
    SIZE,
    DEVICE,
    LAYOUT,
    TENSOR_SPARSE,
    TENSOR_META, /* _rebuild_meta_tensor_no_storage */
    TENSOR_1,    /* _rebuild_tensor */
    TENSOR_2,
    TENSOR_3,
    FROM_TYPE,
    PARAMETER_CALL,
    PARAMETER_CLASS,
    TENSOR_CLASS,
    UNTYPED,
    NOT_SUPPORTED /* torch accepts it, this library has no such thing */
} name_kind;

static const struct {
    const char *module, *name;
    name_kind kind;
} names[] = {
    {"collections", "OrderedDict", ORDERED_DICT},
    {"collections", "Counter", COUNTER},
    {"builtins", "set", SET},
    {"builtins", "bytearray", BYTEARRAY},
    {"builtins", "complex", COMPLEX},
    {"builtins", "bytes", BYTES},
    {"_codecs", "encode", ENCODE},
    {"torch", "Size", SIZE},
    {"torch", "device", DEVICE},
    {"torch.serialization", "_get_layout", LAYOUT},
    {"torch._utils", "_rebuild_tensor", TENSOR_1},
    {"torch._utils", "_rebuild_tensor_v2", TENSOR_2},
    {"torch._utils", "_rebuild_tensor_v3", TENSOR_3},
    {"torch._tensor", "_rebuild_from_type_v2", FROM_TYPE},
    {"torch._utils", "_rebuild_parameter", PARAMETER_CALL},
    {"torch._utils", "_rebuild_parameter_with_state", PARAMETER_CALL},
    {"torch.nn.parameter", "Parameter", PARAMETER_CLASS},
    {"torch", "Tensor", TENSOR_CLASS},
    {"torch.storage", "UntypedStorage", UNTYPED},
    {"torch", "UntypedStorage", UNTYPED},
    {"torch._utils", "_rebuild_sparse_tensor", TENSOR_SPARSE},
    {"torch._utils", "_rebuild_nested_tensor", NOT_SUPPORTED},
    {"torch._utils", "_rebuild_qtensor", NOT_SUPPORTED},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", TENSOR_META},
    {"torch._utils", "_rebuild_wrapper_subclass", NOT_SUPPORTED},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", NOT_SUPPORTED},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", NOT_SUPPORTED},
    {"torch.storage", "TypedStorage", NOT_SUPPORTED},
};
enum { TYPED_STORAGES = 1000 }; /* u.i of a typed storage's class: this and its dtype */
enum { SPARSE_COPIES = 16 };    /* what parts of sparse tensors may take, in sizes of all storages */

/* torch.FloatStorage, torch.cuda.FloatStorage: all is loaded to the CPU. torch.FloatTensor is a class of tensors. */
static bool legacy_class(const char *module, const char *name, tni_held *out) {
    if (strcmp(module, "torch") != 0 && strcmp(module, "torch.cuda") != 0) return false;
    for (int d = 0; d < 32; d++) {
        const tni_dtype_info *info = tni_dtype_get((tn_dtype)d);
        size_t n = strlen(info->legacy);
        if (info->bytes == 0 || info->kind == TNI_KIND_OTHER || strncmp(name, info->legacy, n) != 0) continue;
        if (strcmp(name + n, "Storage") == 0) return *out = (tni_held){TNI_PICKLE_GLOBAL, {.i = TYPED_STORAGES + d}}, true;
        if (strcmp(name + n, "Tensor") == 0) return *out = (tni_held){TNI_PICKLE_GLOBAL, {.i = TENSOR_CLASS}}, true;
    }
    return false;
}

bool tni_pickle_global(tni_pickle *p, const char *module, const char *name, tni_held *out) {
    const char *as = strcmp(module, "__builtin__") == 0 ? "builtins" : module;
    for (size_t i = 0; i < TNI_COUNT(names); i++)
        if (strcmp(names[i].module, as) == 0 && strcmp(names[i].name, name) == 0) {
            if (names[i].kind == NOT_SUPPORTED) return tni_pickle_refuse(p, "%s.%s is not supported", module, name);
            *out = (tni_held){TNI_PICKLE_GLOBAL, {.i = names[i].kind}};
            return true;
        }
    if (legacy_class(as, name, out)) return true;
    for (int d = 0; d < 32 && strcmp(as, "torch") == 0; d++)
        if (tni_dtype_get((tn_dtype)d)->bytes && strcmp(tni_dtype_get((tn_dtype)d)->name, name) == 0) {
            *out = (tni_held){TN_VALUE_DTYPE, {.i = d}};
            return true;
        }
    return tni_pickle_refuse(p, "Unsupported global: %s.%s is not in the table of allowed names, and nothing is called", module,
                             name);
}

/* ---- arguments ---- */

static bool arity(tni_pickle *p, const char *what, const tn_value *args, size_t least, size_t most) {
    return (args->n >= least && args->n <= most) || tni_pickle_fail(p, "%s of %zu arguments", what, args->n);
}
static bool is_int(const tni_held *x, int64_t least) { return x->kind == TN_VALUE_INT && x->u.i >= least; }
static bool is_ints(const tni_held *x) {
    if (x->kind != TN_VALUE_TUPLE) return false;
    const tn_value *v = tni_item_value(x);
    for (size_t i = 0; i < v->n; i++)
        if (v->u.at[i].kind != TN_VALUE_INT) return false;
    return true;
}
static bool is_bool(const tni_held *x) { return x->kind == TN_VALUE_BOOL; }
static bool is_global(const tni_held *x, name_kind kind) { return x->kind == TNI_PICKLE_GLOBAL && x->u.i == (int64_t)kind; }

/* ---- storages ---- */

static bool check_key(tni_pickle *p, const tn_value *key) {
    bool right = key->n > 0 && key->n <= 64;
    for (size_t i = 0; i < key->n && right; i++) {
        char c = key->u.text[i];
        right = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    }
    return right || tni_pickle_fail(p, "'%.80s' is no key of a storage", key->u.text);
}

static bool add_storage(tni_pickle *p, const tni_held *key, tni_pickle_storage s, tni_held *out) {
    if (!p->keys && !(p->keys = tni_pickle_container(p, TN_VALUE_DICT, TNI_PLAIN))) return false;
    const tni_held *known = tni_value_find(p->keys, s.key->u.text, s.key->n);
    if (known) {
        const tni_pickle_storage *old = &p->storage[known->u.i];
        if (old->dtype != s.dtype || old->bytes != s.bytes)
            return tni_pickle_fail(p, "storage '%s' comes with two dtypes or sizes", s.key->u.text);
        *out = (tni_held){TNI_PICKLE_STORAGE, {.i = known->u.i}};
        return true;
    }
    TNI_TRY(tni_reserve(&p->storage, &p->storage_capacity, p->storages + 1, sizeof s));
    *out = (tni_held){TNI_PICKLE_STORAGE, {.i = (int64_t)p->storages}};
    TNI_TRY(tni_pickle_put(p, p->keys, *key, TNI_ITEM_INT((int64_t)p->storages)));
    p->storage[p->storages++] = s;
    return true;
}

/* ("storage", class, key, location, elements) */
bool tni_pickle_storage_of(tni_pickle *p, const tni_held *id, tni_held *out) {
    const tn_value *v = id->kind == TN_VALUE_TUPLE ? tni_item_value(id) : NULL;
    const tni_held *x = v ? v->u.at : NULL;
    bool right = v && v->n == 5 && x[0].kind == TN_VALUE_STRING && strcmp(tni_item_value(&x[0])->u.text, "storage") == 0 &&
                 x[1].kind == TNI_PICKLE_GLOBAL && (x[1].u.i >= TYPED_STORAGES || x[1].u.i == UNTYPED) &&
                 x[2].kind == TN_VALUE_STRING && x[3].kind == TN_VALUE_STRING && is_int(&x[4], 0);
    if (!right) return tni_pickle_fail(p, "a persistent id that is no storage");
    TNI_TRY(check_key(p, tni_item_value(&x[2])));
    tni_pickle_storage s = {tni_item_value(&x[2]), TN_DTYPE_NONE, (size_t)x[4].u.i, NULL};
    if (x[1].u.i >= TYPED_STORAGES) {
        s.dtype = (tn_dtype)(x[1].u.i - TYPED_STORAGES);
        if (!TNI_MUL(s.bytes, tni_dtype_size(s.dtype), &s.bytes) || s.bytes > INT64_MAX)
            return tni_pickle_fail(p, "a storage of %lld elements", (long long)x[4].u.i);
    }
    return add_storage(p, &x[2], s, out);
}

/* ---- tensors ---- */

/* The bytes up to the last element; too many to count become INT64_MAX, which no geometry gets along with. */
static size_t reach(const int64_t *sizes, const int64_t *strides, size_t n, tn_dtype dtype) {
    int64_t last = 1, step;
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] == 0) return 0;
        if (sizes[i] < 0 || strides[i] < 0 || !TNI_MUL(sizes[i] - 1, strides[i], &step) || !TNI_ADD(last, step, &last))
            return INT64_MAX;
    }
    return TNI_MUL(last, (int64_t)tni_dtype_size(dtype), &last) ? (size_t)last : INT64_MAX;
}

static tni_storage *meta_storage(const tni_pickle_tensor *x, const int64_t *sizes, const int64_t *strides) {
    return tni_storage_new_meta(reach(sizes, strides, x->sizes->n, x->dtype));
}

/* The geometry, judged by the one checked constructor of views, on a storage of that size without memory. */
static bool check_geometry(tni_pickle *p, const tni_pickle_tensor *x) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    size_t n = x->sizes->n;
    if (n > TNI_MAX_DIMS || x->strides->n != n)
        return tni_pickle_fail(p, "a tensor of %zu sizes and %zu strides", n, x->strides->n);
    for (size_t i = 0; i < n; i++) sizes[i] = x->sizes->u.at[i].u.i, strides[i] = x->strides->u.at[i].u.i;
    bool meta = x->storage == TNI_PICKLE_NO_STORAGE;
    tni_storage *s = meta ? meta_storage(x, sizes, strides) : tni_storage_wrap(NULL, p->storage[x->storage].bytes, NULL, NULL);
    tni_array a = {0};
    bool right = s && tni_array_view(&a, p->who, s, x->dtype, sizes, strides, n, x->offset);
    tni_array_clear(&a);
    tni_storage_release(s);
    return right;
}

static bool add_tensor(tni_pickle *p, tni_pickle_tensor x, tni_held *out) {
    if (x.requires_grad && tni_dtype_get(x.dtype)->kind < TNI_KIND_FLOAT)
        return tni_pickle_fail(p, "a tensor of %s that requires grad", tni_dtype_get(x.dtype)->name);
    TNI_TRY(tni_reserve(&p->tensor, &p->tensor_capacity, p->tensors + 1, sizeof x));
    *out = (tni_held){TNI_PICKLE_TENSOR, {.i = (int64_t)p->tensors}};
    p->tensor[p->tensors++] = x;
    return true;
}

/* A flag such as "conj" in the metadata means that the bytes are not the values. */
static bool check_metadata(tni_pickle *p, const tni_held *x) {
    if (x->kind == TN_VALUE_NONE) return true;
    if (x->kind != TN_VALUE_DICT) return tni_pickle_fail(p, "metadata of a tensor that is no dict");
    const tn_value *v = tni_item_value(x);
    for (size_t i = 0; i < v->n; i++)
        if (v->u.at[2 * i + 1].kind != TN_VALUE_BOOL || v->u.at[2 * i + 1].u.i)
            return tni_pickle_refuse(p, "a tensor with the flag '%.80s'",
                                     v->u.at[2 * i].kind == TN_VALUE_STRING ? tni_item_value(&v->u.at[2 * i])->u.text : "?");
    return true;
}

/* (storage, offset, size, stride[, requires_grad, hooks[, dtype of v3][, metadata]]) */
static bool rebuild_tensor(tni_pickle *p, name_kind kind, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(kind == TENSOR_1   ? arity(p, "_rebuild_tensor", args, 4, 4)
            : kind == TENSOR_2 ? arity(p, "_rebuild_tensor_v2", args, 6, 7)
                               : arity(p, "_rebuild_tensor_v3", args, 7, 8));
    bool right = x[0].kind == TNI_PICKLE_STORAGE && is_int(&x[1], 0) && is_ints(&x[2]) && is_ints(&x[3]);
    right = right && (kind == TENSOR_1 || (is_bool(&x[4]) && (x[5].kind == TN_VALUE_DICT || x[5].kind == TN_VALUE_NONE)));
    right = right && (kind != TENSOR_3 || x[6].kind == TN_VALUE_DTYPE);
    if (!right) return tni_pickle_fail(p, "a tensor whose description has values of the wrong kind");
    if (kind != TENSOR_1 && x[5].kind == TN_VALUE_DICT && tni_item_value(&x[5])->n)
        return tni_pickle_refuse(p, "a tensor with hooks");
    size_t last = kind == TENSOR_3 ? 8 : 7;
    if (kind != TENSOR_1 && args->n == last) TNI_TRY(check_metadata(p, &x[last - 1]));
    tni_pickle_storage *s = &p->storage[x[0].u.i];
    tni_pickle_tensor y = {.storage = (size_t)x[0].u.i,
                           .dtype = kind == TENSOR_3 ? (tn_dtype)x[6].u.i : s->dtype,
                           .offset = x[1].u.i,
                           .sizes = tni_item_value(&x[2]),
                           .strides = tni_item_value(&x[3]),
                           .requires_grad = kind != TENSOR_1 && x[4].u.i};
    if (y.dtype == TN_DTYPE_NONE) return tni_pickle_fail(p, "a tensor without dtype");
    TNI_TRY(check_geometry(p, &y));
    return add_tensor(p, y, out);
}

/* (layout, (indices, values, size[, is_coalesced])) */
static bool rebuild_sparse(tni_pickle *p, const tn_value *args, tni_held *out) {
    TNI_TRY(arity(p, "_rebuild_sparse_tensor", args, 2, 2));
    const tni_held *layout = &args->u.at[0];
    const tn_value *parts = args->u.at[1].kind == TN_VALUE_TUPLE ? tni_item_value(&args->u.at[1]) : NULL;
    if (layout->kind != TN_VALUE_STRING || strcmp(tni_item_value(layout)->u.text, "torch.sparse_coo") != 0)
        return tni_pickle_refuse(p, "a sparse tensor that is not in coordinate form");
    const tni_held *x = parts ? parts->u.at : NULL;
    bool right = parts && (parts->n == 3 || (parts->n == 4 && (is_bool(&x[3]) || x[3].kind == TN_VALUE_NONE))) &&
                 x[0].kind == TNI_PICKLE_TENSOR && x[1].kind == TNI_PICKLE_TENSOR && is_ints(&x[2]);
    if (!right) return tni_pickle_fail(p, "a sparse tensor whose description has values of the wrong kind");
    tni_pickle_tensor y = {.storage = TNI_PICKLE_NO_STORAGE,
                           .dtype = p->tensor[x[1].u.i].dtype,
                           .sizes = tni_item_value(&x[2]),
                           .strides = tni_item_value(&x[2]),
                           .sparse = true,
                           .coalesced = parts->n == 4 && x[3].kind == TN_VALUE_BOOL && x[3].u.i,
                           .indices = (size_t)x[0].u.i,
                           .values = (size_t)x[1].u.i};
    if (y.sizes->n > TNI_MAX_DIMS) return tni_pickle_fail(p, "a tensor of %zu sizes", y.sizes->n);
    if (p->tensor[y.indices].sparse || p->tensor[y.values].sparse) return tni_pickle_fail(p, "a sparse tensor made of sparse ones");
    if (p->tensor[y.indices].storage == TNI_PICKLE_NO_STORAGE || p->tensor[y.values].storage == TNI_PICKLE_NO_STORAGE)
        return tni_pickle_refuse(p, "a sparse tensor made of meta tensors");
    return add_tensor(p, y, out);
}

/* (dtype, size, stride, requires_grad) */
static bool rebuild_meta(tni_pickle *p, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(arity(p, "_rebuild_meta_tensor_no_storage", args, 4, 4));
    if (x[0].kind != TN_VALUE_DTYPE || !is_ints(&x[1]) || !is_ints(&x[2]) || !is_bool(&x[3]))
        return tni_pickle_fail(p, "a meta tensor whose description has values of the wrong kind");
    tni_pickle_tensor y = {.storage = TNI_PICKLE_NO_STORAGE,
                           .dtype = (tn_dtype)x[0].u.i,
                           .sizes = tni_item_value(&x[1]),
                           .strides = tni_item_value(&x[2]),
                           .requires_grad = x[3].u.i};
    return check_geometry(p, &y) && add_tensor(p, y, out);
}

/* (tensor, requires_grad, hooks[, state]) */
static bool rebuild_parameter(tni_pickle *p, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(arity(p, "a Parameter", args, 2, 4));
    if (x[0].kind != TNI_PICKLE_TENSOR || !is_bool(&x[1])) return tni_pickle_fail(p, "a Parameter that is made of no tensor");
    tni_pickle_tensor y = p->tensor[x[0].u.i];
    y.is_parameter = true;
    y.requires_grad = x[1].u.i;
    return add_tensor(p, y, out);
}

/* (function, class, arguments, attributes): the attributes of a tensor have no place here. */
static bool rebuild_from_type(tni_pickle *p, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(arity(p, "_rebuild_from_type_v2", args, 4, 4));
    bool makes_tensors = is_global(&x[0], TENSOR_SPARSE) || is_global(&x[0], TENSOR_META) || is_global(&x[0], TENSOR_1) ||
                         is_global(&x[0], TENSOR_2) || is_global(&x[0], TENSOR_3) || is_global(&x[0], PARAMETER_CALL);
    bool of_tensors = is_global(&x[1], TENSOR_CLASS) || is_global(&x[1], PARAMETER_CLASS);
    if (!makes_tensors || !of_tensors || x[2].kind != TN_VALUE_TUPLE)
        return tni_pickle_refuse(p, "_rebuild_from_type_v2 of what is no plain tensor");
    TNI_TRY(tni_pickle_call(p, &x[0], tni_item_value(&x[2]), out));
    tni_warn("%s: the attributes of a tensor were left out", p->who);
    return true;
}

/* ---- other values ---- */

static bool make_ordered(tni_pickle *p, const tn_value *args, tni_held *out) {
    TNI_TRY(arity(p, "OrderedDict", args, 0, 1));
    tn_value *v = tni_pickle_container(p, TN_VALUE_DICT, TNI_ORDERED_DICT);
    if (!v) return false;
    *out = tni_value_item(v);
    if (args->n == 0) return true;
    if (args->u.at[0].kind != TN_VALUE_LIST) return tni_pickle_fail(p, "an OrderedDict that is made of no list");
    const tn_value *list = tni_item_value(&args->u.at[0]);
    for (size_t i = 0; i < list->n; i++) {
        const tni_held *pair = &list->u.at[i];
        if ((pair->kind != TN_VALUE_TUPLE && pair->kind != TN_VALUE_LIST) || tni_item_value(pair)->n != 2)
            return tni_pickle_fail(p, "an OrderedDict that is made of no pairs");
        TNI_TRY(tni_pickle_put(p, v, tni_item_value(pair)->u.at[0], tni_item_value(pair)->u.at[1]));
    }
    return true;
}

static bool make_counter(tni_pickle *p, const tn_value *args, tni_held *out) {
    TNI_TRY(arity(p, "Counter", args, 0, 1));
    tn_value *v = tni_pickle_container(p, TN_VALUE_DICT, TNI_COUNTER);
    if (!v) return false;
    *out = tni_value_item(v);
    if (args->n == 0) return true;
    if (args->u.at[0].kind != TN_VALUE_DICT) return tni_pickle_fail(p, "a Counter that is made of no dict");
    const tn_value *dict = tni_item_value(&args->u.at[0]);
    for (size_t i = 0; i < dict->n; i++) TNI_TRY(tni_pickle_put(p, v, dict->u.at[2 * i], dict->u.at[2 * i + 1]));
    return true;
}

/* The items of the one argument in a container of another kind. */
static bool make_from_items(tni_pickle *p, const char *what, const tn_value *args, tn_value_kind kind, int flavor, tni_held *out) {
    TNI_TRY(arity(p, what, args, 0, 1));
    tn_value *v = tni_pickle_container(p, kind, flavor);
    if (!v) return false;
    *out = tni_value_item(v);
    if (args->n == 0) return true;
    int from = args->u.at[0].kind;
    if (from != TN_VALUE_LIST && from != TN_VALUE_TUPLE) return tni_pickle_fail(p, "a %s that is made of no list", what);
    const tn_value *list = tni_item_value(&args->u.at[0]);
    for (size_t i = 0; i < list->n; i++) {
        if (flavor == TNI_SIZE && list->u.at[i].kind != TN_VALUE_INT) return tni_pickle_fail(p, "a Size of what is no int");
        TNI_TRY(tni_pickle_push_item(p, v, list->u.at[i]));
    }
    return true;
}

/* A text of the characters 0 to 255 as bytes. */
static bool make_bytes(tni_pickle *p, const char *what, const tn_value *args, int flavor, tni_held *out) {
    const tni_held *x = args->u.at;
    bool right = args->n == 2 && x[0].kind == TN_VALUE_STRING && x[1].kind == TN_VALUE_STRING;
    if (flavor == TNI_BYTEARRAY && args->n == 1 && x[0].kind == TN_VALUE_BYTES) {
        const tn_value *from = tni_item_value(&x[0]);
        tn_value *v = tni_pickle_text(p, TN_VALUE_BYTES, from->u.text, from->n);
        if (v) v->flavor = (uint8_t)flavor, *out = tni_value_item(v);
        return v != NULL;
    }
    if (args->n == 0) right = true;
    if (right && args->n) {
        const char *coding = tni_item_value(&x[1])->u.text;
        right = strcmp(coding, "latin1") == 0 || strcmp(coding, "latin-1") == 0;
    }
    if (!right) return tni_pickle_fail(p, "%s of what is no text in latin1", what);
    const tn_value *text = args->n ? tni_item_value(&x[0]) : NULL;
    tn_value *v = tni_pickle_text(p, TN_VALUE_BYTES, text ? text->u.text : "", text ? text->n : 0);
    if (!v) return false;
    size_t n = 0, room = v->n;
    for (size_t i = 0; i < v->n; i++) {
        unsigned char c = (unsigned char)v->u.text[i];
        if (c >= 0xC4) return tni_pickle_fail(p, "%s of a character above 255", what);
        if (c >= 0xC2) c = (unsigned char)((c & 3) << 6 | (v->u.text[++i] & 0x3F));
        v->u.text[n++] = (char)c;
    }
    if (n < room) { /* the memory's size is that of the text: take as much as it needs */
        tn_value *exact = tni_pickle_text(p, TN_VALUE_BYTES, v->u.text, n);
        if (!exact) return false;
        v = exact;
    }
    v->flavor = (uint8_t)flavor;
    *out = tni_value_item(v);
    return true;
}

static bool make_complex(tni_pickle *p, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(arity(p, "complex", args, 2, 2));
    if (x[0].kind != TN_VALUE_FLOAT || x[1].kind != TN_VALUE_FLOAT) return tni_pickle_fail(p, "a complex of what is no float");
    tn_value *v = tni_pickle_container(p, TN_VALUE_COMPLEX, TNI_PLAIN);
    if (!v) return false;
    v->item.u.d = x[0].u.d;
    v->imaginary = x[1].u.d;
    *out = tni_value_item(v);
    return true;
}

static bool make_device(tni_pickle *p, const tn_value *args, tni_held *out) {
    const tni_held *x = args->u.at;
    TNI_TRY(arity(p, "device", args, 1, 2));
    if (x[0].kind != TN_VALUE_STRING || (args->n == 2 && !is_int(&x[1], 0))) return tni_pickle_fail(p, "a device without name");
    char text[80];
    int n = snprintf(text, sizeof text, "%.40s", tni_item_value(&x[0])->u.text);
    if (args->n == 2) n = snprintf(text, sizeof text, "%.40s:%lld", tni_item_value(&x[0])->u.text, (long long)x[1].u.i);
    tn_value *v = tni_pickle_text(p, TN_VALUE_DEVICE, text, (size_t)n);
    if (v) *out = tni_value_item(v);
    return v != NULL;
}

bool tni_pickle_call(tni_pickle *p, const tni_held *callable, const tn_value *args, tni_held *out) {
    switch (callable->u.i) {
    case ORDERED_DICT: return make_ordered(p, args, out);
    case COUNTER: return make_counter(p, args, out);
    case SET: return make_from_items(p, "set", args, TN_VALUE_SET, TNI_PLAIN, out);
    case SIZE: return make_from_items(p, "Size", args, TN_VALUE_TUPLE, TNI_SIZE, out);
    case BYTEARRAY: return make_bytes(p, "bytearray", args, TNI_BYTEARRAY, out);
    case BYTES: return arity(p, "bytes", args, 0, 0) && make_bytes(p, "bytes", args, TNI_PLAIN, out);
    case ENCODE: return make_bytes(p, "_codecs.encode", args, TNI_PLAIN, out);
    case COMPLEX: return make_complex(p, args, out);
    case DEVICE: return make_device(p, args, out);
    case LAYOUT: /* a text: "torch.strided" */
        TNI_TRY(arity(p, "_get_layout", args, 1, 1));
        if (args->u.at[0].kind != TN_VALUE_STRING) return tni_pickle_fail(p, "a layout without name");
        return *out = args->u.at[0], true;
    case TENSOR_SPARSE: return rebuild_sparse(p, args, out);
    case TENSOR_META: return rebuild_meta(p, args, out);
    case TENSOR_1: return rebuild_tensor(p, TENSOR_1, args, out);
    case TENSOR_2: return rebuild_tensor(p, TENSOR_2, args, out);
    case TENSOR_3: return rebuild_tensor(p, TENSOR_3, args, out);
    case PARAMETER_CALL:
    case PARAMETER_CLASS: return rebuild_parameter(p, args, out);
    case FROM_TYPE: return rebuild_from_type(p, args, out);
    default: return tni_pickle_refuse(p, "a class of tensors or storages is called");
    }
}

bool tni_pickle_build(tni_pickle *p, tni_held *instance, const tni_held *state) {
    tn_value *v = instance->kind == TN_VALUE_DICT ? tni_item_value(instance) : NULL;
    if (!v || v->flavor != TNI_ORDERED_DICT) return tni_pickle_refuse(p, "BUILD on what is no OrderedDict");
    if (state->kind != TN_VALUE_DICT) return tni_pickle_fail(p, "BUILD with what is no dict");
    if (v->inside) return tni_pickle_refuse(p, "a value that contains itself");
    tn_value *attributes = tni_item_value(state);
    if (attributes == v) return tni_pickle_refuse(p, "a value that contains itself");
    if (attributes->height >= TN_VALUE_MAX_DEPTH) return tni_pickle_fail(p, "values nested more than %d deep", TN_VALUE_MAX_DEPTH);
    if (v->attributes) return tni_pickle_fail(p, "BUILD comes twice");
    v->weight += attributes->weight;
    return tn_value_set_attributes(v, attributes);
}

/* ---- the result ---- */

static tn_tensor *new_meta(tni_pickle *p, const tni_pickle_tensor *d, const int64_t *sizes, const int64_t *strides) {
    tni_storage *s = meta_storage(d, sizes, strides);
    tn_tensor *x = s ? tni_object_new(p->t, TNI_TENSOR, sizeof *x) : NULL;
    bool right = x && tni_array_view(&x->a, p->who, s, d->dtype, sizes, strides, d->sizes->n, 0);
    tni_storage_release(s);
    if (right) return x;
    tni_tensor_destroy_new(p->t, x);
    return NULL;
}

static tn_tensor *tensor_of(tni_pickle *p, size_t i);

/* Parts are copied, and may be views of a few bytes: what they take together is held against what the file holds. */
static bool spend_on_parts(tni_pickle *p, const tn_tensor *indices, const tn_tensor *values) {
    size_t stored = 0, bytes = (size_t)indices->a.numel * sizeof(int64_t) + (size_t)values->a.numel * tni_array_item(&values->a);
    for (size_t i = 0; i < p->storages; i++) stored += p->storage[i].bytes;
    if (bytes / SPARSE_COPIES > stored || (p->sparse_bytes += bytes) / SPARSE_COPIES > stored)
        return tni_pickle_fail(p, "its sparse tensors would take more than %zu bytes of memory", stored * SPARSE_COPIES);
    return true;
}

/* The places are checked by what makes sparse tensors. */
static tn_tensor *sparse_of_parts(tni_pickle *p, const tni_pickle_tensor *d, tn_tensor *indices, tn_tensor *values,
                                  const int64_t *sizes) {
    const tn_sparse_coo_opts opts = {.size = sizeof opts, .is_coalesced = d->coalesced};
    size_t n = d->sizes->n;
    tn_tensor *x = (tn_sparse_coo_tensor)(tn_detach(indices), tn_detach(values), sizes, n, &opts);
    if (x && x->a.ndim != n) /* no sizes mean to find them */
        return (void)tni_pickle_fail(p, "a sparse tensor of no sizes that has %d dimensions", x->a.ndim), NULL;
    return x ? tni_tensor_alias(p->t, p->who, x) : NULL;
}

static tn_tensor *new_sparse(tni_pickle *p, const tni_pickle_tensor *d, const int64_t *sizes) {
    tn_tensor *indices = tensor_of(p, d->indices), *values = indices ? tensor_of(p, d->values) : NULL;
    if (!values || !spend_on_parts(p, indices, values) || !tni_inner_enter(p->t)) return NULL;
    tn_tensor *x = sparse_of_parts(p, d, indices, values, sizes);
    tni_inner_exit(p->t);
    return x;
}

/* The tensor of a description, made at first use. */
static tn_tensor *tensor_of(tni_pickle *p, size_t i) {
    tni_pickle_tensor *d = &p->tensor[i];
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    if (d->made) return d->made;
    for (size_t k = 0; k < d->sizes->n; k++) sizes[k] = d->sizes->u.at[k].u.i, strides[k] = d->strides->u.at[k].u.i;
    bool stored = d->storage != TNI_PICKLE_NO_STORAGE;
    tn_tensor *x = d->sparse ? new_sparse(p, d, sizes)
                   : !stored ? new_meta(p, d, sizes, strides)
                             : tni_tensor_view(p->t, p->who, p->storage[d->storage].data, sizes, strides, d->sizes->n, d->offset);
    if (!x) return NULL;
    x->is_parameter = d->is_parameter;
    x->requires_grad = d->requires_grad;
    tni_claim(&x->object);
    return d->made = x;
}

static bool resolve_item(tni_pickle *p, tni_held *x) {
    if (x->kind <= TN_VALUE_DICT) return true;
    if (x->kind != TNI_PICKLE_TENSOR) return tni_pickle_refuse(p, "a class or a storage where a value should be");
    tn_tensor *made = tensor_of(p, (size_t)x->u.i);
    if (!made) return false;
    tni_claim(&made->object);
    *x = TNI_ITEM_OBJECT(TN_VALUE_TENSOR, made);
    return true;
}

typedef struct todo {
    tn_value **v;
    size_t n, capacity;
} todo;

static bool visit(todo *list, tn_value *v) {
    if (v->weight == 0) return true; /* it was there */
    TNI_TRY(tni_reserve(&list->v, &list->capacity, list->n + 1, sizeof *list->v));
    v->weight = 0;
    list->v[list->n++] = v;
    return true;
}

static bool resolve_container(tni_pickle *p, todo *list, tn_value *v) {
    for (size_t i = 0; i < tni_value_items(v); i++) {
        TNI_TRY(resolve_item(p, &v->u.at[i]));
        if (tni_is_container(v->u.at[i].kind)) TNI_TRY(visit(list, tni_item_value(&v->u.at[i])));
    }
    return !v->attributes || visit(list, v->attributes);
}

tn_value *tni_pickle_result(tni_pickle *p) {
    todo list = {0};
    bool right = true;
    if (p->root.kind == TNI_PICKLE_TENSOR) {
        tn_tensor *x = tensor_of(p, (size_t)p->root.u.i);
        return x ? tn_value_tensor(x) : NULL;
    }
    if (p->root.kind > TN_VALUE_DICT) return (void)tni_pickle_refuse(p, "a class or a storage where a value should be"), NULL;
    if (tni_is_container(p->root.kind)) right = visit(&list, tni_item_value(&p->root));
    while (right && list.n) right = resolve_container(p, &list, list.v[--list.n]);
    tni_free(list.v, list.capacity * sizeof *list.v);
    return right ? tni_value_of_item(p->t, &p->root) : NULL;
}
