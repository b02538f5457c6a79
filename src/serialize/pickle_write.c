/* serialize/pickle_write.c - writes values as a pickle of protocol 2, byte for byte as torch.save does.
 *
 * Python numbers every text, name, container and result in a memo, and names a thing it meets again by that number. Which texts are one
 * object there: those of one character, the words of a program (identifiers), a storage's key; other texts are new each time. */
#include "core/sparse.h"
#include "serialize/pickle_write.h"
#include "base/error.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

enum { BATCH = 1000 }; /* items that one SETITEMS or APPENDS takes */

static void op(tni_pickle_writer *w, int code) { tni_str_add_n(&w->out, &(char){(char)code}, 1); }
static void number(tni_pickle_writer *w, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) op(w, (int)(v >> 8 * i & 255));
}

/* ---- the memo ---- */

static int64_t put(tni_pickle_writer *w) {
    op(w, w->memo_n < 256 ? 'q' : 'r');
    number(w, (uint64_t)w->memo_n, w->memo_n < 256 ? 1 : 4);
    return w->memo_n++;
}
static void get(tni_pickle_writer *w, int64_t place) {
    op(w, place < 256 ? 'h' : 'j');
    number(w, (uint64_t)place, place < 256 ? 1 : 4);
}

static bool get_object(tni_pickle_writer *w, const void *object) {
    const tni_held *place = tni_value_find_int(w->places, (int64_t)(intptr_t)object);
    if (place) get(w, place->u.i);
    return place != NULL;
}
static bool put_object(tni_pickle_writer *w, const void *object) {
    bool replaced;
    int64_t place = put(w);
    return tni_value_put(w->places, TNI_ITEM_INT((int64_t)(intptr_t)object), TNI_ITEM_INT(place), &replaced);
}
static bool get_text(tni_pickle_writer *w, const char *text, size_t n) {
    const tni_held *place = tni_value_find(w->places, text, n);
    if (place) get(w, place->u.i);
    return place != NULL;
}
static bool put_text(tni_pickle_writer *w, const char *text, size_t n) {
    bool replaced;
    tn_value *key = tni_value_text(w->t, TN_VALUE_STRING, text, n);
    if (!key) return false;
    tni_claim(&key->object);
    bool right = tni_value_put(w->places, TNI_ITEM_OBJECT(TN_VALUE_STRING, key), TNI_ITEM_INT(put(w)), &replaced);
    tni_release(&key->object);
    return right;
}

/* ---- small things ---- */

static void write_int(tni_pickle_writer *w, int64_t v) {
    if (v >= 0 && v < 256) {
        op(w, 'K'), number(w, (uint64_t)v, 1);
    } else if (v >= 0 && v < 65536) {
        op(w, 'M'), number(w, (uint64_t)v, 2);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        op(w, 'J'), number(w, (uint64_t)v, 4);
    } else { /* as few bytes as hold it with its sign */
        int n = 8;
        while (n > 1 && (v >> (8 * n - 9) == 0 || v >> (8 * n - 9) == -1)) n--;
        op(w, 0x8A), op(w, n), number(w, (uint64_t)v, n);
    }
}

static void write_float(tni_pickle_writer *w, double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    op(w, 'G'), number(w, __builtin_bswap64(bits), 8);
}

static bool raw_text(tni_pickle_writer *w, const char *text, size_t n) {
    TNI_CHECK(n <= UINT32_MAX, TN_ERR_VALUE, "%s: a text of %zu bytes", w->who, n);
    op(w, 'X'), number(w, n, 4);
    tni_str_add_n(&w->out, text, n);
    return !w->out.failed;
}

static bool shared_text(tni_pickle_writer *w, const char *text) {
    size_t n = strlen(text);
    return get_text(w, text, n) || (raw_text(w, text, n) && put_text(w, text, n));
}

static bool is_word(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return n > 0;
}
static size_t characters(const tn_value *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) n += (v->u.text[i] & 0xC0) != 0x80;
    return n;
}

/* own: a text that no other thing shares, were it a word. */
static bool write_text(tni_pickle_writer *w, const tn_value *v, bool own) {
    TNI_CHECK(tni_utf8_valid(v->u.text, v->n) == v->n, TN_ERR_VALUE, "%s: a text that is not UTF-8", w->who);
    if (get_object(w, v)) return true;
    bool latin = characters(v) <= 1 && (v->n < 2 || (unsigned char)v->u.text[0] < 0xC4);
    bool shared = (latin || (is_word(v->u.text, v->n) && !own)) && strlen(v->u.text) == v->n;
    if (shared) return shared_text(w, v->u.text);
    return raw_text(w, v->u.text, v->n) && put_object(w, v);
}

/* "module\nname\n" */
static bool write_global(tni_pickle_writer *w, const char *name) {
    size_t n = strlen(name);
    if (get_text(w, name, n)) return true;
    op(w, 'c');
    tni_str_add_n(&w->out, name, n);
    return put_text(w, name, n);
}

static bool empty_ordered_dict(tni_pickle_writer *w) {
    TNI_TRY(write_global(w, "collections\nOrderedDict\n"));
    op(w, ')'), op(w, 'R'), put(w);
    return true;
}

/* ---- tensors ---- */

/* Types whose storages have a class of their own; those of the others are bytes. */
static bool has_class(tn_dtype d) {
    switch (d) {
    case TN_UINT16:
    case TN_UINT32:
    case TN_UINT64:
    case TN_COMPLEX32:
    case TN_FLOAT8_E5M2:
    case TN_FLOAT8_E4M3FN:
    case TN_FLOAT8_E5M2FNUZ:
    case TN_FLOAT8_E4M3FNUZ: return false;
    default: return true;
    }
}

static bool write_key(tni_pickle_writer *w, size_t k) {
    char key[24];
    int n = snprintf(key, sizeof key, "%zu", k);
    tni_pickle_record *r = &w->record[k];
    if (r->key_place >= 0) return get(w, r->key_place), true;
    r->key_place = w->memo_n;
    TNI_TRY(raw_text(w, key, (size_t)n));
    put(w);
    return true;
}

static bool record_of(tni_pickle_writer *w, const tn_tensor *x, size_t *out) {
    const tni_held *known = tni_value_find_int(w->places, (int64_t)(intptr_t)x->a.storage);
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    if (known) {
        *out = (size_t)known->u.i;
        TNI_CHECK(w->record[*out].dtype == dtype, TN_ERR_VALUE,
                  "%s: Cannot save multiple tensors or storages that view the same data as different types", w->who);
        return true;
    }
    bool replaced;
    TNI_TRY(tni_reserve(&w->record, &w->record_capacity, w->records + 1, sizeof *w->record));
    TNI_TRY(tni_value_put(w->places, TNI_ITEM_INT((int64_t)(intptr_t)x->a.storage), TNI_ITEM_INT((int64_t)w->records), &replaced));
    *out = w->records;
    w->record[w->records++] = (tni_pickle_record){tni_storage_share(x->a.storage), dtype, -1};
    return true;
}

/* ("storage", class, key, "cpu", elements), and what it stands for */
static bool write_storage(tni_pickle_writer *w, const tn_tensor *x) {
    char name[64];
    size_t k = 0;
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    TNI_TRY(record_of(w, x, &k));
    if (has_class(dtype))
        snprintf(name, sizeof name, "torch\n%sStorage\n", tni_dtype_get(dtype)->legacy);
    else
        snprintf(name, sizeof name, "torch.storage\nUntypedStorage\n");
    op(w, '(');
    TNI_TRY(shared_text(w, "storage") && write_global(w, name) && write_key(w, k) && shared_text(w, "cpu"));
    write_int(w, (int64_t)(x->a.storage->bytes / (has_class(dtype) ? tni_dtype_size(dtype) : 1)));
    op(w, 't'), put(w), op(w, 'Q');
    return true;
}

static void write_ints(tni_pickle_writer *w, const int64_t *v, size_t n) {
    if (n == 0) {
        op(w, ')');
        return;
    }
    if (n > 3) op(w, '(');
    for (size_t i = 0; i < n; i++) write_int(w, v[i]);
    op(w, n > 3 ? 't' : 0x84 + (int)n);
    put(w);
}

static bool write_dtype(tni_pickle_writer *w, tn_dtype dtype) {
    char name[64];
    snprintf(name, sizeof name, "torch\n%s\n", tni_dtype_get(dtype)->name);
    return write_global(w, name);
}

static bool write_meta_tensor(tni_pickle_writer *w, const tn_tensor *x, bool requires_grad) {
    TNI_TRY(write_global(w, "torch._utils\n_rebuild_meta_tensor_no_storage\n"));
    op(w, '(');
    TNI_TRY(write_dtype(w, (tn_dtype)x->a.dtype));
    write_ints(w, x->a.sizes, x->a.ndim);
    write_ints(w, x->a.strides, x->a.ndim);
    op(w, requires_grad ? 0x88 : 0x89);
    op(w, 't'), put(w), op(w, 'R');
    return true;
}

static bool write_plain_tensor(tni_pickle_writer *w, const tn_tensor *x, bool requires_grad);

/* That a leaf requires grad is not written, as in PyTorch; a Parameter says it itself. */
static bool write_sparse_tensor(tni_pickle_writer *w, const tni_sparse *s, const tni_array *shape) {
    TNI_TRY(write_global(w, "torch._utils\n_rebuild_sparse_tensor\n") && write_global(w, "torch.serialization\n_get_layout\n"));
    TNI_TRY(raw_text(w, "torch.sparse_coo", 16));
    put(w), op(w, 0x85), put(w), op(w, 'R'), put(w);
    op(w, '(');
    TNI_TRY(write_plain_tensor(w, s->indices, false) && (put(w), true) && write_plain_tensor(w, s->values, false) &&
            (put(w), true));
    TNI_TRY(write_global(w, "torch\nSize\n"));
    write_ints(w, shape->sizes, shape->ndim);
    op(w, 0x85), put(w), op(w, 'R'), put(w);
    op(w, s->coalesced ? 0x88 : 0x89);
    op(w, 't'), put(w), op(w, 0x86), put(w), op(w, 'R');
    return true;
}

static bool write_plain_tensor(tni_pickle_writer *w, const tn_tensor *x, bool requires_grad) {
    bool typed = has_class((tn_dtype)x->a.dtype);
    if (x->uninitialized) return tni_refuse_shape();
    if (tni_is_sparse(x)) return write_sparse_tensor(w, tni_sparse_of(x), &x->a);
    if (x->a.device != TNI_CPU) return write_meta_tensor(w, x, requires_grad);
    TNI_TRY(write_global(w, typed ? "torch._utils\n_rebuild_tensor_v2\n" : "torch._utils\n_rebuild_tensor_v3\n"));
    op(w, '(');
    TNI_TRY(write_storage(w, x));
    write_int(w, x->a.offset);
    write_ints(w, x->a.sizes, x->a.ndim);
    write_ints(w, x->a.strides, x->a.ndim);
    op(w, requires_grad ? 0x88 : 0x89);
    TNI_TRY(empty_ordered_dict(w));
    if (!typed) TNI_TRY(write_dtype(w, (tn_dtype)x->a.dtype));
    op(w, 't'), put(w), op(w, 'R');
    return true;
}

static bool write_tensor(tni_pickle_writer *w, const tn_tensor *x) {
    if (get_object(w, x)) return true;
    if (!x->is_parameter) return write_plain_tensor(w, x, x->requires_grad) && put_object(w, x);
    TNI_TRY(write_global(w, "torch._utils\n_rebuild_parameter\n") && write_plain_tensor(w, x, false));
    put(w);
    op(w, x->requires_grad ? 0x88 : 0x89);
    TNI_TRY(empty_ordered_dict(w));
    op(w, 0x87), put(w), op(w, 'R');
    return put_object(w, x);
}

/* ---- other values ---- */

static bool write_item(tni_pickle_writer *w, const tni_held *x, int depth);

/* _codecs.encode(text of the characters 0 to 255, "latin1"), for a bytearray in one more call. */
static bool write_bytes(tni_pickle_writer *w, const tn_value *v) {
    bool array = v->flavor == TNI_BYTEARRAY;
    if (array) TNI_TRY(write_global(w, "__builtin__\nbytearray\n"));
    tni_str text = {0};
    tni_str_add(&text, "");
    for (size_t i = 0; i < v->n; i++) {
        unsigned char c = (unsigned char)v->u.text[i];
        if (c >= 0x80) tni_str_add_n(&text, &(char){(char)(0xC0 | c >> 6)}, 1);
        tni_str_add_n(&text, &(char){(char)(c >= 0x80 ? 0x80 | (c & 0x3F) : c)}, 1);
    }
    bool right = !text.failed && write_global(w, "_codecs\nencode\n") && raw_text(w, text.text, text.length);
    tni_str_clear(&text);
    TNI_TRY(right);
    put(w);
    TNI_TRY(shared_text(w, "latin1"));
    op(w, 0x86), put(w), op(w, 'R');
    if (!array) return put_object(w, v);
    put(w);
    op(w, 0x85), put(w), op(w, 'R');
    return put_object(w, v);
}

static bool write_complex(tni_pickle_writer *w, const tn_value *v) {
    TNI_TRY(write_global(w, "__builtin__\ncomplex\n"));
    write_float(w, v->item.u.d);
    write_float(w, v->imaginary);
    op(w, 0x86), put(w), op(w, 'R');
    return put_object(w, v);
}

static bool write_device(tni_pickle_writer *w, const tn_value *v) {
    char type[64];
    const char *colon = strchr(v->u.text, ':');
    TNI_TRY(write_global(w, "torch\ndevice\n"));
    snprintf(type, sizeof type, "%.*s", (int)(colon ? colon - v->u.text : 60), v->u.text);
    TNI_TRY(shared_text(w, type));
    long long index;
    if (colon && sscanf(colon + 1, "%lld", &index) == 1) write_int(w, index);
    op(w, colon ? 0x86 : 0x85), put(w), op(w, 'R');
    return put_object(w, v);
}

/* The items between begin and end; a dict's are pairs. */
static bool write_items(tni_pickle_writer *w, const tn_value *v, size_t begin, size_t end, int depth) {
    for (size_t i = begin; i < end; i++) {
        const tni_held *x = &v->u.at[v->kind == TN_VALUE_DICT ? 2 * i : i];
        TNI_TRY(write_item(w, x, depth));
        if (v->kind == TN_VALUE_DICT) TNI_TRY(write_item(w, x + 1, depth));
    }
    return true;
}

/* In batches, as CPython does: one item alone needs no mark; a plain dict of exactly 1000 items ends in an empty batch. */
static bool write_batches(tni_pickle_writer *w, const tn_value *v, int one, int many, int depth) {
    bool exact = v->kind == TN_VALUE_DICT && v->flavor == TNI_PLAIN, through_iterator = v->kind == TN_VALUE_DICT && !exact;
    size_t at = 0, n;
    if (v->n == 0) return true;
    do {
        n = TNI_MIN(v->n - at, (size_t)BATCH);
        if (n == 1 && (v->n == 1 || through_iterator)) {
            TNI_TRY(write_items(w, v, at, at + 1, depth));
            op(w, one);
        } else {
            op(w, '(');
            TNI_TRY(write_items(w, v, at, at + n, depth));
            op(w, many);
        }
        at += n;
    } while (exact ? n == BATCH : at < v->n);
    return true;
}

/* The versions of a state_dict stand under the paths of its modules, texts that are made for it. */
static bool write_metadata(tni_pickle_writer *w, const tn_value *v, int depth) {
    TNI_TRY(empty_ordered_dict(w));
    for (size_t at = 0, n; at < v->n; at += n) {
        n = TNI_MIN(v->n - at, (size_t)BATCH);
        if (n > 1) op(w, '(');
        for (size_t i = at; i < at + n; i++) {
            const tni_held *x = &v->u.at[2 * i];
            TNI_TRY(x->kind == TN_VALUE_STRING ? write_text(w, tni_item_value(x), true) : write_item(w, x, depth));
            TNI_TRY(write_item(w, x + 1, depth));
        }
        op(w, n > 1 ? 'u' : 's');
    }
    return true;
}

static bool write_attributes(tni_pickle_writer *w, const tn_value *v, int depth) {
    const tn_value *a = v->attributes;
    if (!a) return true;
    const tni_held *metadata = a->n == 1 ? tni_value_find(a, "_metadata", 9) : NULL;
    tni_held whole = TNI_ITEM_OBJECT(TN_VALUE_DICT, a);
    if (metadata && metadata->kind == TN_VALUE_DICT && tni_item_value(metadata)->flavor == TNI_ORDERED_DICT &&
        !tni_value_find_int(w->places, (int64_t)(intptr_t)metadata->u.o)) {
        op(w, '}');
        TNI_TRY(put_object(w, a) && shared_text(w, "_metadata") && write_metadata(w, tni_item_value(metadata), depth + 1));
        op(w, 's');
    } else {
        TNI_TRY(write_item(w, &whole, depth));
    }
    op(w, 'b');
    return true;
}

static bool write_dict(tni_pickle_writer *w, const tn_value *v, int depth) {
    if (v->flavor == TNI_COUNTER) { /* Counter({...}) */
        TNI_TRY(write_global(w, "collections\nCounter\n"));
        op(w, '}'), put(w);
        TNI_TRY(write_batches(w, v, 's', 'u', depth));
        op(w, 0x85), put(w), op(w, 'R');
        return put_object(w, v);
    }
    if (v->flavor == TNI_ORDERED_DICT) {
        TNI_TRY(write_global(w, "collections\nOrderedDict\n"));
        op(w, ')'), op(w, 'R');
    } else {
        op(w, '}');
    }
    return put_object(w, v) && write_batches(w, v, 's', 'u', depth) && write_attributes(w, v, depth);
}

static bool write_tuple(tni_pickle_writer *w, const tn_value *v, int depth) {
    bool size = v->flavor == TNI_SIZE;
    if (size) TNI_TRY(write_global(w, "torch\nSize\n"));
    if (v->n == 0) {
        op(w, ')');
    } else {
        if (v->n > 3) op(w, '(');
        TNI_TRY(write_items(w, v, 0, v->n, depth));
        op(w, v->n > 3 ? 't' : 0x84 + (int)v->n);
    }
    if (!size) return v->n == 0 || put_object(w, v);
    if (v->n) put(w);
    op(w, 0x85), put(w), op(w, 'R');
    return put_object(w, v);
}

static bool write_set(tni_pickle_writer *w, const tn_value *v, int depth) {
    TNI_TRY(write_global(w, "__builtin__\nset\n"));
    op(w, ']'), put(w);
    TNI_TRY(write_batches(w, v, 'a', 'e', depth));
    op(w, 0x85), put(w), op(w, 'R');
    return put_object(w, v);
}

static bool write_value(tni_pickle_writer *w, const tn_value *v, int depth) {
    if (get_object(w, v)) return true;
    TNI_CHECK(depth < TN_VALUE_MAX_DEPTH || !tni_is_container(v->kind), TN_ERR_VALUE, "%s: values nested more than %d deep", w->who,
              TN_VALUE_MAX_DEPTH);
    switch (v->kind) {
    case TN_VALUE_COMPLEX: return write_complex(w, v);
    case TN_VALUE_BYTES: return write_bytes(w, v);
    case TN_VALUE_DEVICE: return write_device(w, v);
    case TN_VALUE_TUPLE: return write_tuple(w, v, depth + 1);
    case TN_VALUE_SET: return write_set(w, v, depth + 1);
    case TN_VALUE_DICT: return write_dict(w, v, depth + 1);
    default: op(w, ']'); return put_object(w, v) && write_batches(w, v, 'a', 'e', depth + 1);
    }
}

static bool write_item(tni_pickle_writer *w, const tni_held *x, int depth) {
    char dtype[64];
    if (w->out.failed) return false;
    switch (x->kind) {
    case TN_VALUE_NONE: op(w, 'N'); return true;
    case TN_VALUE_BOOL: op(w, x->u.i ? 0x88 : 0x89); return true;
    case TN_VALUE_INT: write_int(w, x->u.i); return true;
    case TN_VALUE_FLOAT: write_float(w, x->u.d); return true;
    case TN_VALUE_STRING: return write_text(w, tni_item_value(x), false);
    case TN_VALUE_TENSOR: return write_tensor(w, (const tn_tensor *)x->u.o);
    case TN_VALUE_DTYPE:
        snprintf(dtype, sizeof dtype, "torch\n%s\n", tni_dtype_get((tn_dtype)x->u.i)->name);
        return write_global(w, dtype);
    default: return write_value(w, tni_item_value(x), depth);
    }
}

bool tni_pickle_write(tni_pickle_writer *w, const char *who, tn_value *v) {
    *w = (tni_pickle_writer){.who = who, .t = tni_self()};
    w->places = tni_value_container(w->t, TN_VALUE_DICT, TNI_PLAIN);
    if (!w->places) return false;
    tni_claim(&w->places->object);
    tni_held x = tni_value_item(v);
    op(w, 0x80), op(w, 2);
    TNI_TRY(write_item(w, &x, 0));
    op(w, '.');
    return !w->out.failed;
}

void tni_pickle_writer_clear(tni_pickle_writer *w) {
    for (size_t i = 0; i < w->records; i++) tni_storage_release(w->record[i].storage);
    tni_free(w->record, w->record_capacity * sizeof *w->record);
    if (w->places) tni_release(&w->places->object);
    tni_str_clear(&w->out);
    *w = (tni_pickle_writer){.who = w->who};
}
