/* core/value.c - nested values: numbers, texts, tensors, lists and dicts. */
#include "core/value.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/state.h"
#include <string.h>

enum { INDEX_FROM = 9 }; /* entries of a dict that get an index */

static const char *const kind_names[] = {"None",  "bool",   "int",    "float", "complex", "string", "bytes",
                                         "dtype", "device", "tensor", "list",  "tuple",   "set",    "dict"};

const char *tni_value_kind_name(int kind) { return kind >= 0 && kind < (int)TNI_COUNT(kind_names) ? kind_names[kind] : "value"; }

static bool is_text(int kind) { return kind == TN_VALUE_STRING || kind == TN_VALUE_BYTES || kind == TN_VALUE_DEVICE; }

/* ---- the object ---- */

static void destroy_value(tni_object *o) {
    tn_value *v = (tn_value *)o;
    if (is_text(v->kind)) {
        tni_free(v->u.text, v->n + 1);
    } else if (tni_is_container(v->kind)) {
        for (size_t i = 0; i < tni_value_items(v); i++)
            if (tni_item_is_object(&v->u.at[i])) tni_release(v->u.at[i].u.o);
        tni_free(v->u.at, v->capacity * sizeof *v->u.at);
        if (v->index) tni_free(v->index, (v->mask + 1) * sizeof *v->index);
        if (v->attributes) tni_release(&v->attributes->object);
    } else if (v->kind == TN_VALUE_TENSOR) {
        tni_release(v->item.u.o);
    }
}

static void value_text(tni_object *o, tni_str *out);
static const tni_kind_info value_kind = {"value", sizeof(tn_value), destroy_value, value_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_VALUE, &value_kind); }

static tn_value *new_value(tni_thread *t, int kind) {
    tn_value *v = tni_object_new(t, TNI_VALUE, sizeof *v);
    if (!v) return NULL;
    v->kind = (uint8_t)kind;
    v->item.kind = kind;
    return v;
}

tn_value *tni_value_container(tni_thread *t, tn_value_kind kind, int flavor) {
    tn_value *v = new_value(t, kind);
    if (!v) return NULL;
    v->flavor = (uint8_t)flavor;
    v->height = 1;
    return v;
}

tn_value *tni_value_text(tni_thread *t, tn_value_kind kind, const char *text, size_t n) {
    if (n == SIZE_MAX) return (void)tni_fail_memory(n), NULL;
    char *copy = tni_alloc(n + 1);
    tn_value *v = copy ? new_value(t, kind) : NULL;
    if (!v) {
        tni_free(copy, n + 1);
        return NULL;
    }
    if (n) memcpy(copy, text, n);
    copy[n] = 0;
    v->u.text = copy;
    v->n = n;
    return v;
}

tni_held tni_value_item(tn_value *v) {
    if (tni_is_container(v->kind) || is_text(v->kind) || v->kind == TN_VALUE_COMPLEX) return TNI_ITEM_OBJECT(v->kind, v);
    return v->item;
}

static void note_child(tn_value *v, const tni_held *x) {
    if (!tni_is_container(x->kind)) return;
    tn_value *child = tni_item_value(x);
    child->inside = v->nested = true;
    v->height = (uint8_t)TNI_MAX(v->height, TNI_MIN(child->height + 1, 255));
}

static void take(tn_value *v, const tni_held *x) {
    if (tni_item_is_object(x)) tni_claim(x->u.o);
    note_child(v, x);
}

bool tni_value_push(tn_value *v, tni_held item) {
    TNI_TRY(tni_reserve(&v->u.at, &v->capacity, v->n + 1, sizeof *v->u.at));
    v->u.at[v->n++] = item;
    take(v, &item);
    return true;
}

/* ---- dicts ---- */

static size_t hash_text(const char *text, size_t n) {
    size_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return h ^ h >> 29;
}
static size_t hash_int(int64_t i) {
    size_t h = (size_t)i * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}
static size_t hash_key(const tni_held *key) {
    if (key->kind == TN_VALUE_INT) return hash_int(key->u.i);
    return hash_text(tni_item_value(key)->u.text, tni_item_value(key)->n);
}

/* A key to look for: a text, or an int when text is NULL. */
typedef struct wanted {
    const char *text;
    size_t n;
    int64_t i;
} wanted;

static bool is_key(const tni_held *key, const wanted *w) {
    if (!w->text) return key->kind == TN_VALUE_INT && key->u.i == w->i;
    return key->kind == TN_VALUE_STRING && tni_item_value(key)->n == w->n &&
           memcmp(tni_item_value(key)->u.text, w->text, w->n) == 0;
}

static int64_t find_entry(const tn_value *v, const wanted *w) {
    if (!v->index) {
        for (size_t i = 0; i < v->n; i++)
            if (is_key(&v->u.at[2 * i], w)) return (int64_t)i;
        return -1;
    }
    size_t at = (w->text ? hash_text(w->text, w->n) : hash_int(w->i)) & v->mask;
    for (; v->index[at]; at = (at + 1) & v->mask)
        if (is_key(&v->u.at[2 * (size_t)(v->index[at] - 1)], w)) return (int64_t)v->index[at] - 1;
    return -1;
}

static void index_entry(uint32_t *index, size_t mask, const tn_value *v, size_t i) {
    size_t at = hash_key(&v->u.at[2 * i]) & mask;
    while (index[at]) at = (at + 1) & mask;
    index[at] = (uint32_t)i + 1;
}

/* Room in the index for one more entry. */
static bool grow_index(tn_value *v) {
    if (v->n + 1 < INDEX_FROM || (v->index && (v->n + 1) * 2 <= v->mask)) return true;
    TNI_CHECK(v->n < UINT32_MAX / 4, TN_ERR_VALUE, "a dict of more than %u entries", UINT32_MAX / 4);
    size_t mask = v->index ? v->mask * 2 + 1 : 31;
    uint32_t *index = tni_alloc_zero((mask + 1) * sizeof *index);
    if (!index) return false;
    for (size_t i = 0; i < v->n; i++) index_entry(index, mask, v, i);
    if (v->index) tni_free(v->index, (v->mask + 1) * sizeof *index);
    v->index = index;
    v->mask = mask;
    return true;
}

bool tni_value_put(tn_value *dict, tni_held key, tni_held item, bool *replaced) {
    wanted w = {NULL, 0, key.u.i};
    if (key.kind == TN_VALUE_STRING) w = (wanted){tni_item_value(&key)->u.text, tni_item_value(&key)->n, 0};
    int64_t i = find_entry(dict, &w);
    *replaced = i >= 0;
    if (i >= 0) {
        tni_held old = dict->u.at[2 * i + 1];
        take(dict, &item);
        dict->u.at[2 * i + 1] = item;
        if (tni_item_is_object(&old)) tni_release(old.u.o);
        return true;
    }
    TNI_TRY(grow_index(dict) && tni_reserve(&dict->u.at, &dict->capacity, 2 * dict->n + 2, sizeof *dict->u.at));
    dict->u.at[2 * dict->n] = key;
    dict->u.at[2 * dict->n + 1] = item;
    if (dict->index) index_entry(dict->index, dict->mask, dict, dict->n);
    dict->n++;
    take(dict, &key);
    take(dict, &item);
    return true;
}

const tni_held *tni_value_find(const tn_value *dict, const char *key, size_t n) {
    int64_t i = find_entry(dict, &(wanted){key, n, 0});
    return i < 0 ? NULL : &dict->u.at[2 * i + 1];
}
const tni_held *tni_value_find_int(const tn_value *dict, int64_t key) {
    int64_t i = find_entry(dict, &(wanted){NULL, 0, key});
    return i < 0 ? NULL : &dict->u.at[2 * i + 1];
}

/* ---- text, as Python prints it ---- */

enum { TEXT_ITEMS = 100000 }; /* after that many the text ends in "..." */

static void add_escaped(tni_str *out, const char *text, size_t n, bool bytes) {
    char quote = memchr(text, '\'', n) && !memchr(text, '"', n) ? '"' : '\'';
    tni_str_add_n(out, &quote, 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *simple = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : c == '\\' ? "\\\\" : NULL;
        if (simple)
            tni_str_add(out, simple);
        else if (c == (unsigned char)quote)
            tni_str_addf(out, "\\%c", quote);
        else if (c < 0x20 || c == 0x7F || (bytes && c >= 0x80))
            tni_str_addf(out, "\\x%02x", c);
        else
            tni_str_add_n(out, text + i, 1);
    }
    tni_str_add_n(out, &quote, 1);
}

static void add_complex(tni_str *out, double re, double im) {
    char a[32], b[32];
    tni_number_text(a, re), tni_number_text(b, im);
    for (char *text = a; text; text = text == a ? b : NULL) { /* Python writes 1 for 1.0 here */
        size_t n = strlen(text);
        if (n > 2 && strcmp(text + n - 2, ".0") == 0) text[n - 2] = 0;
    }
    if (re == 0)
        tni_str_addf(out, "%sj", b);
    else
        tni_str_addf(out, "(%s%s%sj)", a, b[0] == '-' ? "" : "+", b);
}

static void add_device(tni_str *out, const char *text) {
    const char *colon = strchr(text, ':');
    tni_str_addf(out, "device(type='%.*s'", (int)(colon ? colon - text : (ptrdiff_t)strlen(text)), text);
    if (colon) tni_str_addf(out, ", index=%s", colon + 1);
    tni_str_add(out, ")");
}

static void item_text(const tni_held *x, tni_str *out, int depth, size_t *left);

static void items_text(const tn_value *v, tni_str *out, int depth, size_t *left) {
    for (size_t i = 0; i < v->n; i++) {
        if (i) tni_str_add(out, ", ");
        if (*left == 0 || out->failed) {
            tni_str_add(out, "...");
            return;
        }
        if (v->kind == TN_VALUE_DICT) {
            if (v->flavor == TNI_ORDERED_DICT) tni_str_add(out, "(");
            item_text(&v->u.at[2 * i], out, depth, left);
            tni_str_add(out, v->flavor == TNI_ORDERED_DICT ? ", " : ": ");
            item_text(&v->u.at[2 * i + 1], out, depth, left);
            if (v->flavor == TNI_ORDERED_DICT) tni_str_add(out, ")");
        } else {
            item_text(&v->u.at[i], out, depth, left);
        }
    }
}

static void container_text(const tn_value *v, tni_str *out, int depth, size_t *left) {
    static const struct {
        const char *begin, *end;
    } marks[] = {
        {"[", "]"}, {"(", ")"}, {"{", "}"}, {"{", "}"}, {"OrderedDict([", "])"}, {"Counter({", "})"}, {"torch.Size([", "])"}};
    int kind = v->kind - TN_VALUE_LIST;
    if (v->flavor == TNI_ORDERED_DICT || v->flavor == TNI_COUNTER) kind = 3 + v->flavor;
    if (v->flavor == TNI_SIZE) kind = 6;
    if (v->n == 0 && (v->kind == TN_VALUE_SET || v->flavor == TNI_ORDERED_DICT || v->flavor == TNI_COUNTER)) {
        tni_str_add(out, v->kind == TN_VALUE_SET ? "set()" : v->flavor == TNI_COUNTER ? "Counter()" : "OrderedDict()");
        return;
    }
    tni_str_add(out, marks[kind].begin);
    if (depth < TN_VALUE_MAX_DEPTH)
        items_text(v, out, depth + 1, left);
    else
        tni_str_add(out, "...");
    if (v->kind == TN_VALUE_TUPLE && v->flavor == TNI_PLAIN && v->n == 1) tni_str_add(out, ",");
    tni_str_add(out, marks[kind].end);
}

static void item_text(const tni_held *x, tni_str *out, int depth, size_t *left) {
    if (*left) --*left;
    switch (x->kind) {
    case TN_VALUE_NONE: tni_str_add(out, "None"); break;
    case TN_VALUE_BOOL: tni_str_add(out, x->u.i ? "True" : "False"); break;
    case TN_VALUE_INT: tni_str_addf(out, "%lld", (long long)x->u.i); break;
    case TN_VALUE_FLOAT: tni_str_add(out, TNI_NUMBER(x->u.d)); break;
    case TN_VALUE_COMPLEX: add_complex(out, tni_item_value(x)->item.u.d, tni_item_value(x)->imaginary); break;
    case TN_VALUE_DTYPE: tni_str_addf(out, "torch.%s", tni_dtype_get((tn_dtype)x->u.i)->name); break;
    case TN_VALUE_DEVICE: add_device(out, tni_item_value(x)->u.text); break;
    case TN_VALUE_STRING: add_escaped(out, tni_item_value(x)->u.text, tni_item_value(x)->n, false); break;
    case TN_VALUE_BYTES:
        tni_str_add(out, tni_item_value(x)->flavor == TNI_BYTEARRAY ? "bytearray(b" : "b");
        add_escaped(out, tni_item_value(x)->u.text, tni_item_value(x)->n, true);
        if (tni_item_value(x)->flavor == TNI_BYTEARRAY) tni_str_add(out, ")");
        break;
    case TN_VALUE_TENSOR: tni_kind_get(TNI_TENSOR)->text(x->u.o, out); break;
    default: container_text(tni_item_value(x), out, depth, left);
    }
}

static void value_text(tni_object *o, tni_str *out) {
    size_t left = TEXT_ITEMS;
    tni_held x = tni_value_item((tn_value *)o);
    item_text(&x, out, 0, &left);
}

/* ---- making ---- */

static tn_value *make(int kind, tni_held item) {
    tni_thread *t = tni_self();
    tn_value *v = t && !tni_failed() ? new_value(t, kind) : NULL;
    if (!v) return NULL;
    item.kind = kind;
    v->item = item;
    if (kind == TN_VALUE_TENSOR) tni_claim(item.u.o);
    return tni_give(t, v);
}

tn_value *tn_value_none(void) { return make(TN_VALUE_NONE, TNI_ITEM_NONE); }
tn_value *tn_value_bool(bool b) { return make(TN_VALUE_BOOL, TNI_ITEM_INT(b)); }
tn_value *tn_value_int(int64_t i) { return make(TN_VALUE_INT, TNI_ITEM_INT(i)); }
tn_value *tn_value_float(double d) { return make(TN_VALUE_FLOAT, (tni_held){TN_VALUE_FLOAT, {.d = d}}); }
tn_value *tn_value_complex(double re, double im) {
    tn_value *v = make(TN_VALUE_COMPLEX, (tni_held){TN_VALUE_COMPLEX, {.d = re}});
    if (v) v->imaginary = im;
    return v;
}
tn_value *tn_value_dtype(tn_dtype dtype) {
    if (tni_failed()) return NULL;
    if (tni_dtype_get(dtype)->bytes == 0) return (void)tni_fail(TN_ERR_TYPE, "value_dtype: dtype %d is no dtype", (int)dtype), NULL;
    return make(TN_VALUE_DTYPE, TNI_ITEM_INT(dtype));
}
tn_value *tn_value_tensor(tn_tensor *x) {
    if (tni_failed() || !tni_check_handle("value_tensor", "x", x, TNI_TENSOR)) return NULL;
    return make(TN_VALUE_TENSOR, TNI_ITEM_OBJECT(TN_VALUE_TENSOR, x));
}

static tn_value *give_text(const char *who, tn_value_kind kind, const char *text, size_t n) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    if (!text && n) return (void)tni_fail(TN_ERR_TYPE, "%s: argument 'data' is NULL", who), NULL;
    return tni_give(t, tni_value_text(t, kind, text, n));
}
tn_value *tn_value_string(const char *text) {
    if (tni_failed()) return NULL;
    if (!text) return (void)tni_fail(TN_ERR_TYPE, "value_string: argument 'text' is NULL"), NULL;
    size_t n = strlen(text);
    if (tni_utf8_valid(text, n) != n) return (void)tni_fail(TN_ERR_VALUE, "value_string: the text is not UTF-8"), NULL;
    return give_text("value_string", TN_VALUE_STRING, text, n);
}
tn_value *tn_value_bytes(const void *data, size_t n) { return give_text("value_bytes", TN_VALUE_BYTES, data, n); }

static tn_value *give_container(tn_value_kind kind, int flavor) {
    tni_thread *t = tni_self();
    return t && !tni_failed() ? tni_give(t, tni_value_container(t, kind, flavor)) : NULL;
}
tn_value *tn_value_list(void) { return give_container(TN_VALUE_LIST, TNI_PLAIN); }
tn_value *tn_value_dict(void) { return give_container(TN_VALUE_DICT, TNI_PLAIN); }

tn_value *tn_value_tuple(tn_value *const *items, size_t n) {
    if (tni_failed()) return NULL;
    if (!items && n) return (void)tni_fail(TN_ERR_TYPE, "value_tuple: argument 'items' is NULL"), NULL;
    for (size_t i = 0; i < n; i++)
        if (!tni_check_handle("value_tuple", "items", items[i], TNI_VALUE)) return NULL;
    tn_value *v = give_container(TN_VALUE_TUPLE, TNI_PLAIN);
    if (!v || !tni_reserve(&v->u.at, &v->capacity, n, sizeof *v->u.at)) return NULL;
    for (size_t i = 0; i < n; i++) (void)tni_value_push(v, tni_value_item(items[i])); /* there is room */
    return v;
}

/* ---- changing ---- */

/* Values that a search has seen. */
typedef struct seen {
    const tn_value **slot;
    size_t n, room; /* a power of two, or 0 */
} seen;

/* false: v was there, or memory is out (then an error is set). */
static bool see(seen *s, const tn_value *v) {
    if (2 * (s->n + 1) > s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        const tn_value **slot = tni_alloc_zero(room * sizeof *slot);
        if (!slot) return false;
        for (size_t i = 0; i < s->room; i++) {
            size_t at = s->slot[i] ? hash_int((int64_t)(uintptr_t)s->slot[i]) & (room - 1) : 0;
            while (s->slot[i] && slot[at]) at = (at + 1) & (room - 1);
            if (s->slot[i]) slot[at] = s->slot[i];
        }
        tni_free(s->slot, s->room * sizeof *slot);
        s->slot = slot;
        s->room = room;
    }
    size_t at = hash_int((int64_t)(uintptr_t)v) & (s->room - 1);
    for (; s->slot[at]; at = (at + 1) & (s->room - 1))
        if (s->slot[at] == v) return false;
    s->slot[at] = v;
    s->n++;
    return true;
}

/* Pushes the containers that v holds and that were not seen yet. */
static bool push_children(const tn_value *v, seen *s, const tn_value ***todo, size_t *n, size_t *capacity) {
    for (size_t i = 0; i <= tni_value_items(v); i++) {
        const tn_value *child = v->attributes;
        if (i < tni_value_items(v)) child = tni_is_container(v->u.at[i].kind) ? tni_item_value(&v->u.at[i]) : NULL;
        if (!child || !see(s, child)) continue;
        TNI_TRY(tni_reserve(todo, capacity, *n + 1, sizeof **todo));
        (*todo)[(*n)++] = child;
    }
    return !tni_failed();
}

/* Would `into` contain itself if `v` stood in it? Nothing that is not inside another can be reached from v. */
static bool check_no_cycle(const char *who, const tn_value *into, const tn_value *v) {
    TNI_CHECK(v != into, TN_ERR_VALUE, "%s: a %s cannot contain itself", who, tni_value_kind_name(into->kind));
    if (!tni_is_container(v->kind) || !(v->nested || v->attributes) || !into->inside) return true;
    seen s = {0};
    const tn_value **todo = NULL;
    size_t n = 0, capacity = 0;
    bool right = push_children(v, &s, &todo, &n, &capacity), found = false;
    while (right && n && !found) {
        const tn_value *next = todo[--n];
        found = next == into;
        right = push_children(next, &s, &todo, &n, &capacity);
    }
    tni_free(s.slot, s.room * sizeof *s.slot);
    tni_free(todo, capacity * sizeof *todo);
    TNI_CHECK(!found, TN_ERR_VALUE, "%s: a %s cannot contain itself", who, tni_value_kind_name(into->kind));
    return right;
}

static bool check_kind(const char *who, const char *what, tn_value *v, int kind) {
    TNI_TRY(tni_check_handle(who, what, v, TNI_VALUE));
    TNI_CHECK(v->kind == kind, TN_ERR_TYPE, "%s: argument '%s' must be a %s, not a %s", who, what, tni_value_kind_name(kind),
              tni_value_kind_name(v->kind));
    return true;
}

bool(tn_value_append)(tn_value *list, tn_value *item) {
    if (tni_failed()) return false;
    TNI_TRY(check_kind("value_append", "list", list, TN_VALUE_LIST));
    TNI_TRY(tni_check_handle("value_append", "item", item, TNI_VALUE) && check_no_cycle("value_append", list, item));
    return tni_value_push(list, tni_value_item(item));
}

static bool check_put(tn_value *dict, tn_value *item) {
    if (tni_failed()) return false;
    TNI_TRY(check_kind("value_set", "dict", dict, TN_VALUE_DICT));
    return tni_check_handle("value_set", "item", item, TNI_VALUE) && check_no_cycle("value_set", dict, item);
}

bool(tn_value_set)(tn_value *dict, const char *key, tn_value *item) {
    bool replaced;
    TNI_TRY(check_put(dict, item));
    TNI_CHECK(key != NULL, TN_ERR_TYPE, "value_set: argument 'key' is NULL");
    size_t n = strlen(key);
    TNI_CHECK(tni_utf8_valid(key, n) == n, TN_ERR_VALUE, "value_set: the key is not UTF-8");
    tn_value *text = tni_value_text(tni_self(), TN_VALUE_STRING, key, n);
    if (!text) return false;
    tni_claim(&text->object);
    bool right = tni_value_put(dict, TNI_ITEM_OBJECT(TN_VALUE_STRING, text), tni_value_item(item), &replaced);
    tni_release(&text->object);
    return right;
}

bool(tn_value_set_int)(tn_value *dict, int64_t key, tn_value *item) {
    bool replaced;
    return check_put(dict, item) && tni_value_put(dict, TNI_ITEM_INT(key), tni_value_item(item), &replaced);
}

bool tn_value_set_attributes(tn_value *dict, tn_value *attributes) {
    if (tni_failed()) return false;
    TNI_TRY(check_kind("value_set_attributes", "dict", dict, TN_VALUE_DICT));
    tn_value *old = dict->attributes;
    if (attributes) {
        TNI_TRY(check_kind("value_set_attributes", "attributes", attributes, TN_VALUE_DICT));
        TNI_TRY(check_no_cycle("value_set_attributes", dict, attributes));
        tni_held item = tni_value_item(attributes);
        take(dict, &item);
    }
    dict->attributes = attributes;
    if (old) tni_release(&old->object);
    return true;
}

/* ---- reading ---- */

tn_value_kind tn_value_get_kind(tn_value *v) {
    return tni_check_handle("value_get_kind", "v", v, TNI_VALUE) ? (tn_value_kind)v->kind : TN_VALUE_NONE;
}

size_t tn_value_count(tn_value *v) { return tni_check_handle("value_count", "v", v, TNI_VALUE) ? v->n : 0; }

tn_value *tni_value_of_item(tni_thread *t, const tni_held *x) {
    if (tni_item_is_object(x) && x->kind != TN_VALUE_TENSOR) return tni_scope_claim(t, x->u.o) ? (tn_value *)x->u.o : NULL;
    tn_value *v = new_value(t, x->kind);
    if (!v) return NULL;
    v->item = *x;
    if (x->kind == TN_VALUE_TENSOR) tni_claim(x->u.o);
    return tni_give(t, v);
}

static tn_value *hand_out(const tni_held *x) {
    tni_thread *t = tni_self();
    return t ? tni_value_of_item(t, x) : NULL;
}

tn_value *tn_value_at(tn_value *v, size_t i) {
    if (!tni_check_handle("value_at", "v", v, TNI_VALUE)) return NULL;
    if (!tni_is_container(v->kind))
        return (void)tni_fail(TN_ERR_TYPE, "value_at: a %s has no items", tni_value_kind_name(v->kind)), NULL;
    if (i >= v->n)
        return (void)tni_fail(TN_ERR_INDEX, "value_at: index %zu is out of range for a %s of %zu", i, tni_value_kind_name(v->kind),
                              v->n),
               NULL;
    return hand_out(&v->u.at[v->kind == TN_VALUE_DICT ? 2 * i + 1 : i]);
}

tn_value *tn_value_key(tn_value *dict, size_t i) {
    if (!check_kind("value_key", "dict", dict, TN_VALUE_DICT)) return NULL;
    if (i >= dict->n)
        return (void)tni_fail(TN_ERR_INDEX, "value_key: index %zu is out of range for a dict of %zu", i, dict->n), NULL;
    return hand_out(&dict->u.at[2 * i]);
}

tn_value *tn_value_get(tn_value *dict, const char *key) {
    if (!check_kind("value_get", "dict", dict, TN_VALUE_DICT)) return NULL;
    const tni_held *x = key ? tni_value_find(dict, key, strlen(key)) : NULL;
    if (!x) return (void)tni_fail(TN_ERR_KEY, "value_get: there is no '%.400s'", key ? key : "(null)"), NULL;
    return hand_out(x);
}
tn_value *tn_value_get_int(tn_value *dict, int64_t key) {
    if (!check_kind("value_get", "dict", dict, TN_VALUE_DICT)) return NULL;
    const tni_held *x = tni_value_find_int(dict, key);
    if (!x) return (void)tni_fail(TN_ERR_KEY, "value_get: there is no %lld", (long long)key), NULL;
    return hand_out(x);
}
bool tn_value_has(tn_value *dict, const char *key) {
    return check_kind("value_has", "dict", dict, TN_VALUE_DICT) && key && tni_value_find(dict, key, strlen(key));
}
bool tn_value_has_int(tn_value *dict, int64_t key) {
    return check_kind("value_has", "dict", dict, TN_VALUE_DICT) && tni_value_find_int(dict, key);
}

/* v is of `kind`, or of `other`. */
static bool check_as(const char *who, tn_value *v, int kind, int other) {
    TNI_TRY(tni_check_handle(who, "v", v, TNI_VALUE));
    TNI_CHECK(v->kind == kind || v->kind == other, TN_ERR_TYPE, "%s: the value is a %s, not a %s", who,
              tni_value_kind_name(v->kind), tni_value_kind_name(kind));
    return true;
}

bool tn_value_as_bool(tn_value *v) { return check_as("value_as_bool", v, TN_VALUE_BOOL, TN_VALUE_BOOL) && v->item.u.i; }
int64_t tn_value_as_int(tn_value *v) { return check_as("value_as_int", v, TN_VALUE_INT, TN_VALUE_BOOL) ? v->item.u.i : 0; }
double tn_value_as_float(tn_value *v) {
    if (!check_as("value_as_float", v, TN_VALUE_FLOAT, TN_VALUE_INT)) return __builtin_nan("");
    return v->kind == TN_VALUE_INT ? (double)v->item.u.i : v->item.u.d;
}
bool tn_value_as_complex(tn_value *v, double *re, double *im) {
    TNI_CHECK(re && im, TN_ERR_TYPE, "value_as_complex: argument '%s' is NULL", re ? "im" : "re");
    TNI_TRY(check_as("value_as_complex", v, TN_VALUE_COMPLEX, TN_VALUE_COMPLEX));
    *re = v->item.u.d;
    *im = v->imaginary;
    return true;
}
const char *tn_value_as_string(tn_value *v) {
    return check_as("value_as_string", v, TN_VALUE_STRING, TN_VALUE_DEVICE) ? v->u.text : "";
}
const void *tn_value_as_bytes(tn_value *v) {
    return check_as("value_as_bytes", v, TN_VALUE_BYTES, TN_VALUE_STRING) ? v->u.text : NULL;
}
tn_dtype tn_value_as_dtype(tn_value *v) {
    return check_as("value_as_dtype", v, TN_VALUE_DTYPE, TN_VALUE_DTYPE) ? (tn_dtype)v->item.u.i : TN_DTYPE_NONE;
}
tn_tensor *tn_value_as_tensor(tn_value *v) {
    tni_thread *t = tni_self();
    if (!t || !check_as("value_as_tensor", v, TN_VALUE_TENSOR, TN_VALUE_TENSOR)) return NULL;
    return tni_scope_claim(t, v->item.u.o) ? (tn_tensor *)v->item.u.o : NULL;
}

tn_value *tn_value_attributes(tn_value *dict) {
    tni_thread *t = tni_self();
    if (!t || !check_kind("value_attributes", "dict", dict, TN_VALUE_DICT) || !dict->attributes) return NULL;
    return tni_scope_claim(t, &dict->attributes->object) ? dict->attributes : NULL;
}
