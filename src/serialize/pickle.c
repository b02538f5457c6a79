/* serialize/pickle.c - the pickle machine: a stack, a memo, and opcodes that build values. Nothing is called or opened. */
#include "serialize/pickle.h"
#include "base/error.h"
#include "base/memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Memory that values may take: every byte of a pickle makes a few bytes of values, in honest files far fewer than these. */
enum { COST_START = 1 << 20, COST_PER_BYTE = 64, OBJECT_COST = 256, WEIGHT_START = 1 << 16, WEIGHT_PER_BYTE = 64 };
enum { ARGUMENTS = 2 }; /* containers around the items of a set while it is made */

static bool fail_with(tni_pickle *p, tn_status status, const char *format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    return tni_fail(status, "%s: pickle, byte %zu: %s", p->who, (size_t)(p->at - p->begin), text);
}
bool tni_pickle_fail(tni_pickle *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    bool no = fail_with(p, TN_ERR_FORMAT, format, args);
    va_end(args);
    return no;
}
bool tni_pickle_refuse(tni_pickle *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    bool no = fail_with(p, TN_ERR_NOT_IMPLEMENTED, format, args);
    va_end(args);
    return no;
}

/* ---- values ---- */

static bool spend(tni_pickle *p, size_t bytes) {
    if (bytes <= p->most - p->cost) return p->cost += bytes, true;
    return tni_pickle_fail(p, "its values would take more than %zu bytes of memory", p->most);
}

static tn_value *own(tni_pickle *p, tn_value *v) {
    if (!v) return NULL;
    tni_claim(&v->object);
    if (tni_reserve(&p->object, &p->object_capacity, p->objects + 1, sizeof *p->object)) return p->object[p->objects++] = v;
    tni_release(&v->object);
    return NULL;
}

tn_value *tni_pickle_container(tni_pickle *p, tn_value_kind kind, int flavor) {
    tn_value *v = spend(p, OBJECT_COST) ? own(p, tni_value_container(p->t, kind, flavor)) : NULL;
    if (v) v->weight = 1;
    return v;
}

tn_value *tni_pickle_text(tni_pickle *p, tn_value_kind kind, const char *text, size_t n) {
    if (kind != TN_VALUE_BYTES && tni_utf8_valid(text, n) != n) return tni_pickle_fail(p, "a text that is not UTF-8"), NULL;
    return spend(p, OBJECT_COST + n) ? own(p, tni_value_text(p->t, kind, text, n)) : NULL;
}

static bool fail_depth(tni_pickle *p) { return tni_pickle_fail(p, "values nested more than %d deep", TN_VALUE_MAX_DEPTH); }

/* A container that stands in another is complete: so nothing contains itself, and depth and weight are known. */
static bool check_child(tni_pickle *p, tn_value *v, const tni_held *x) {
    if (v->inside) return tni_pickle_refuse(p, "a value that contains itself");
    v->weight++;
    if (tni_is_container(x->kind)) {
        const tn_value *child = tni_item_value(x);
        if (child == v) return tni_pickle_refuse(p, "a value that contains itself");
        if (child->height >= TN_VALUE_MAX_DEPTH + ARGUMENTS) return fail_depth(p);
        v->weight += child->weight;
    }
    if (v->weight > WEIGHT_START + (uint64_t)WEIGHT_PER_BYTE * (uint64_t)(p->end - p->begin))
        return tni_pickle_fail(p, "shared values that multiply to more than %llu", (unsigned long long)v->weight);
    return true;
}

bool tni_pickle_push_item(tni_pickle *p, tn_value *v, tni_held item) {
    return check_child(p, v, &item) && spend(p, 2 * sizeof item) && tni_value_push(v, item);
}

bool tni_pickle_put(tni_pickle *p, tn_value *dict, tni_held key, tni_held item) {
    bool replaced;
    if (key.kind != TN_VALUE_STRING && key.kind != TN_VALUE_INT)
        return tni_pickle_refuse(p, "a dict key that is neither text nor int but a %s", tni_value_kind_name(key.kind));
    if (key.kind == TN_VALUE_STRING && strlen(tni_item_value(&key)->u.text) != tni_item_value(&key)->n)
        return tni_pickle_fail(p, "a dict key with a NUL in it");
    TNI_TRY(check_child(p, dict, &item) && spend(p, 6 * sizeof item) && tni_value_put(dict, key, item, &replaced));
    if (!replaced) return true;
    if (key.kind == TN_VALUE_INT) return tni_pickle_fail(p, "the dict key %lld comes twice", (long long)key.u.i);
    return tni_pickle_fail(p, "the dict key '%.200s' comes twice", tni_item_value(&key)->u.text);
}

/* ---- the stack ---- */

static bool push(tni_pickle *p, tni_held x) {
    TNI_TRY(tni_reserve(&p->stack, &p->stack_capacity, p->depth + 1, sizeof *p->stack));
    p->stack[p->depth++] = x;
    return true;
}
static bool push_value(tni_pickle *p, tn_value *v) { return v && push(p, tni_value_item(v)); }

/* The lowest place that may be taken from: above the last mark. */
static size_t floor_of(const tni_pickle *p) { return p->marks ? p->mark[p->marks - 1] + 1 : 0; }

static bool need(tni_pickle *p, size_t n) {
    return p->depth >= floor_of(p) + n || tni_pickle_fail(p, "the stack holds fewer than %zu values", n);
}

/* Takes what stands above the last mark, and the mark; *first is its place. */
static bool pop_mark(tni_pickle *p, size_t *first, size_t *n) {
    if (p->marks == 0) return tni_pickle_fail(p, "there is no mark on the stack");
    *first = p->mark[--p->marks] + 1;
    *n = p->depth - *first;
    p->depth = *first - 1;
    return true;
}

static tni_held *top(tni_pickle *p, int kind, const char *op) {
    if (!need(p, 1)) return NULL;
    tni_held *x = &p->stack[p->depth - 1];
    if (x->kind != kind) return tni_pickle_fail(p, "%s on what is no %s", op, tni_value_kind_name(kind)), NULL;
    return x;
}

/* ---- reading the stream ---- */

static bool have(tni_pickle *p, uint64_t n) {
    return n <= (uint64_t)(p->end - p->at) || tni_pickle_fail(p, "it ends in the middle of an opcode");
}
static bool read_number(tni_pickle *p, int bytes, uint64_t *out) {
    TNI_TRY(have(p, (uint64_t)bytes));
    *out = 0;
    for (int i = bytes; i-- > 0;) *out = *out << 8 | p->at[i];
    p->at += bytes;
    return true;
}

static bool op_text(tni_pickle *p, int width, tn_value_kind kind) {
    uint64_t n;
    TNI_TRY(read_number(p, width, &n) && have(p, n));
    tn_value *v = tni_pickle_text(p, kind, (const char *)p->at, (size_t)n);
    p->at += n;
    return push_value(p, v);
}

static bool op_int(tni_pickle *p, int bytes) {
    uint64_t v;
    TNI_TRY(read_number(p, bytes, &v));
    return push(p, TNI_ITEM_INT(bytes == 4 ? (int32_t)(uint32_t)v : (int64_t)v));
}

static bool op_long(tni_pickle *p, int width) {
    uint64_t n, v = 0;
    TNI_TRY(read_number(p, width, &n) && have(p, n));
    if (n > 8) return tni_pickle_refuse(p, "an int of %llu bytes; at most 8 are supported", (unsigned long long)n);
    for (uint64_t i = n; i-- > 0;) v = v << 8 | p->at[i];
    if (n > 0 && n < 8 && p->at[n - 1] & 0x80) v |= ~UINT64_C(0) << 8 * n;
    p->at += n;
    return push(p, TNI_ITEM_INT((int64_t)v));
}

static bool op_float(tni_pickle *p) {
    uint64_t bits = 0;
    tni_held x = {TN_VALUE_FLOAT, {0}};
    TNI_TRY(have(p, 8));
    for (int i = 0; i < 8; i++) bits = bits << 8 | p->at[i];
    p->at += 8;
    memcpy(&x.u.d, &bits, sizeof bits);
    return push(p, x);
}

static bool read_line(tni_pickle *p, char *out, size_t room) {
    const unsigned char *end = memchr(p->at, '\n', (size_t)(p->end - p->at));
    size_t n = end ? (size_t)(end - p->at) : 0;
    if (!end || n >= room || memchr(p->at, 0, n)) return tni_pickle_fail(p, "a name without end");
    memcpy(out, p->at, n);
    out[n] = 0;
    p->at = end + 1;
    return true;
}

static bool op_global(tni_pickle *p) {
    char module[256], name[256];
    tni_held x;
    return read_line(p, module, sizeof module) && read_line(p, name, sizeof name) && tni_pickle_global(p, module, name, &x) &&
           push(p, x);
}

static bool op_stack_global(tni_pickle *p) {
    TNI_TRY(need(p, 2));
    const tni_held *x = &p->stack[p->depth - 2];
    tni_held found;
    if (x[0].kind != TN_VALUE_STRING || x[1].kind != TN_VALUE_STRING) return tni_pickle_fail(p, "a global whose name is no text");
    TNI_TRY(tni_pickle_global(p, tni_item_value(&x[0])->u.text, tni_item_value(&x[1])->u.text, &found));
    p->depth -= 2;
    return push(p, found);
}

/* ---- the memo ---- */

static bool memo_put(tni_pickle *p, uint64_t i) {
    TNI_TRY(need(p, 1));
    if (i >= (uint64_t)(p->end - p->begin)) return tni_pickle_fail(p, "place %llu of the memo", (unsigned long long)i);
    TNI_TRY(tni_reserve(&p->memo, &p->memo_capacity, (size_t)i + 1, sizeof *p->memo));
    while (p->memo_n <= i) p->memo[p->memo_n++].kind = TNI_PICKLE_ABSENT;
    p->memo[i] = p->stack[p->depth - 1];
    return true;
}
static bool op_put(tni_pickle *p, int width) {
    uint64_t i;
    return read_number(p, width, &i) && memo_put(p, i);
}
static bool op_get(tni_pickle *p, int width) {
    uint64_t i;
    TNI_TRY(read_number(p, width, &i));
    if (i >= p->memo_n || p->memo[i].kind == TNI_PICKLE_ABSENT)
        return tni_pickle_fail(p, "nothing stands at place %llu of the memo", (unsigned long long)i);
    return push(p, p->memo[i]);
}

/* ---- containers ---- */

static bool op_tuple(tni_pickle *p, size_t first, size_t n) {
    tn_value *v = tni_pickle_container(p, TN_VALUE_TUPLE, TNI_PLAIN);
    if (!v) return false;
    for (size_t i = 0; i < n; i++) TNI_TRY(tni_pickle_push_item(p, v, p->stack[first + i]));
    p->depth = first;
    return push_value(p, v);
}
static bool op_tuple_n(tni_pickle *p, size_t n) { return need(p, n) && op_tuple(p, p->depth - n, n); }
static bool op_tuple_mark(tni_pickle *p) {
    size_t first = 0, n = 0;
    TNI_TRY(pop_mark(p, &first, &n));
    tn_value *v = tni_pickle_container(p, TN_VALUE_TUPLE, TNI_PLAIN);
    if (!v) return false;
    for (size_t i = 0; i < n; i++) TNI_TRY(tni_pickle_push_item(p, v, p->stack[first + i]));
    return push_value(p, v);
}

static bool op_append(tni_pickle *p) {
    TNI_TRY(need(p, 2));
    tni_held x = p->stack[--p->depth], *list = top(p, TN_VALUE_LIST, "APPEND");
    return list && tni_pickle_push_item(p, tni_item_value(list), x);
}
static bool op_appends(tni_pickle *p, int kind, const char *op) {
    size_t first = 0, n = 0;
    TNI_TRY(pop_mark(p, &first, &n));
    tni_held *list = top(p, kind, op);
    if (!list) return false;
    for (size_t i = 0; i < n; i++) TNI_TRY(tni_pickle_push_item(p, tni_item_value(list), p->stack[first + i]));
    return true;
}
static bool op_setitem(tni_pickle *p) {
    TNI_TRY(need(p, 3));
    p->depth -= 2;
    tni_held *x = &p->stack[p->depth], *dict = top(p, TN_VALUE_DICT, "SETITEM");
    return dict && tni_pickle_put(p, tni_item_value(dict), x[0], x[1]);
}
static bool set_pairs(tni_pickle *p, tn_value *dict, size_t first, size_t n) {
    if (n % 2) return tni_pickle_fail(p, "a key without a value");
    for (size_t i = 0; i < n; i += 2) TNI_TRY(tni_pickle_put(p, dict, p->stack[first + i], p->stack[first + i + 1]));
    return true;
}
static bool op_setitems(tni_pickle *p) {
    size_t first = 0, n = 0;
    TNI_TRY(pop_mark(p, &first, &n));
    tni_held *dict = top(p, TN_VALUE_DICT, "SETITEMS");
    return dict && set_pairs(p, tni_item_value(dict), first, n);
}

/* LIST and DICT: all at once, from a mark. */
static bool op_from_mark(tni_pickle *p, tn_value_kind kind) {
    size_t first = 0, n = 0;
    TNI_TRY(pop_mark(p, &first, &n));
    tn_value *v = tni_pickle_container(p, kind, TNI_PLAIN);
    if (!v) return false;
    if (kind == TN_VALUE_DICT)
        TNI_TRY(set_pairs(p, v, first, n));
    else
        for (size_t i = 0; i < n; i++) TNI_TRY(tni_pickle_push_item(p, v, p->stack[first + i]));
    return push_value(p, v);
}

/* ---- what looks like calls ---- */

static bool op_reduce(tni_pickle *p) {
    TNI_TRY(need(p, 2));
    const tni_held *x = &p->stack[p->depth - 2];
    tni_held out;
    if (x[1].kind != TN_VALUE_TUPLE) return tni_pickle_fail(p, "REDUCE without a tuple of arguments");
    if (x[0].kind != TNI_PICKLE_GLOBAL) return tni_pickle_fail(p, "REDUCE of what is no name");
    TNI_TRY(tni_pickle_call(p, &x[0], tni_item_value(&x[1]), &out));
    p->depth -= 2;
    return push(p, out);
}
static bool op_build(tni_pickle *p) {
    TNI_TRY(need(p, 2));
    return tni_pickle_build(p, &p->stack[p->depth - 2], &p->stack[p->depth - 1]) && (p->depth--, true);
}
static bool op_persid(tni_pickle *p) {
    TNI_TRY(need(p, 1));
    tni_held out;
    TNI_TRY(tni_pickle_storage_of(p, &p->stack[p->depth - 1], &out));
    p->stack[p->depth - 1] = out;
    return true;
}

static bool op_mark(tni_pickle *p) {
    TNI_TRY(tni_reserve(&p->mark, &p->mark_capacity, p->marks + 1, sizeof *p->mark));
    p->mark[p->marks++] = p->depth;
    return push(p, (tni_held){TNI_PICKLE_MARK, {0}});
}
static bool op_pop(tni_pickle *p) { /* of a mark, too, as Python's POP */
    size_t first = 0, n = 0;
    if (p->marks && p->depth == p->mark[p->marks - 1] + 1) return pop_mark(p, &first, &n);
    return need(p, 1) && (p->depth--, true);
}
static bool op_pop_mark(tni_pickle *p) {
    size_t first = 0, n = 0;
    return pop_mark(p, &first, &n);
}
static bool op_frame(tni_pickle *p) {
    uint64_t n;
    return read_number(p, 8, &n) && have(p, n);
}
static bool op_proto(tni_pickle *p) {
    uint64_t version;
    TNI_TRY(read_number(p, 1, &version));
    return (version >= 2 && version <= 5) || tni_pickle_refuse(p, "pickle protocol %d", (int)version);
}
static bool push_bool(tni_pickle *p, bool b) { return push(p, (tni_held){TN_VALUE_BOOL, {.i = b}}); }
static bool push_container(tni_pickle *p, tn_value_kind kind) { return push_value(p, tni_pickle_container(p, kind, TNI_PLAIN)); }

/* Opcodes that no file of tensors needs, by name. */
static bool refuse_opcode(tni_pickle *p, int op) {
    static const struct {
        unsigned char op;
        const char *name;
    } names[] = {
        {'F', "FLOAT"},
        {'I', "INT"},
        {'L', "LONG"},
        {'P', "PERSID"},
        {'S', "STRING"},
        {'V', "UNICODE"},
        {'g', "GET"},
        {'p', "PUT"},
        {'i', "INST"},
        {'o', "OBJ"},
        {0x82, "EXT1"},
        {0x83, "EXT2"},
        {0x84, "EXT4"},
        {0x91, "FROZENSET"},
        {0x92, "NEWOBJ_EX"},
        {0x97, "NEXT_BUFFER"},
        {0x98, "READONLY_BUFFER"},
    };
    for (size_t i = 0; i < TNI_COUNT(names); i++)
        if (names[i].op == op) return tni_pickle_refuse(p, "the opcode %s is not allowed", names[i].name);
    return tni_pickle_fail(p, "0x%02x is no opcode", op);
}

static bool step_values(tni_pickle *p, int op) {
    switch (op) {
    case 'N': return push(p, TNI_ITEM_NONE);
    case 0x88: return push_bool(p, true);
    case 0x89: return push_bool(p, false);
    case 'K': return op_int(p, 1);
    case 'M': return op_int(p, 2);
    case 'J': return op_int(p, 4);
    case 0x8A: return op_long(p, 1);
    case 0x8B: return op_long(p, 4);
    case 'G': return op_float(p);
    case 'X': return op_text(p, 4, TN_VALUE_STRING);
    case 0x8C: return op_text(p, 1, TN_VALUE_STRING);
    case 0x8D: return op_text(p, 8, TN_VALUE_STRING);
    case 'U': return op_text(p, 1, TN_VALUE_STRING);
    case 'T': return op_text(p, 4, TN_VALUE_STRING);
    case 'C': return op_text(p, 1, TN_VALUE_BYTES);
    case 'B': return op_text(p, 4, TN_VALUE_BYTES);
    case 0x8E: return op_text(p, 8, TN_VALUE_BYTES);
    case 0x96:
        TNI_TRY(op_text(p, 8, TN_VALUE_BYTES));
        tni_item_value(&p->stack[p->depth - 1])->flavor = TNI_BYTEARRAY;
        return true;
    default: return refuse_opcode(p, op);
    }
}

static bool step(tni_pickle *p, int op) {
    switch (op) {
    case 0x80: return op_proto(p);
    case 0x95: return op_frame(p);
    case '(': return op_mark(p);
    case '0': return op_pop(p);
    case '1': return op_pop_mark(p);
    case '2': return need(p, 1) && push(p, p->stack[p->depth - 1]);
    case 'c': return op_global(p);
    case 0x93: return op_stack_global(p);
    case 'R': return op_reduce(p);
    case 0x81: return op_reduce(p); /* NEWOBJ: the same for the classes that are allowed */
    case 'b': return op_build(p);
    case 'Q': return op_persid(p);
    case 'q': return op_put(p, 1);
    case 'r': return op_put(p, 4);
    case 0x94: return memo_put(p, p->memo_n);
    case 'h': return op_get(p, 1);
    case 'j': return op_get(p, 4);
    case ')': return push_container(p, TN_VALUE_TUPLE);
    case ']': return push_container(p, TN_VALUE_LIST);
    case '}': return push_container(p, TN_VALUE_DICT);
    case 0x8F: return push_container(p, TN_VALUE_SET);
    case 't': return op_tuple_mark(p);
    case 0x85: return op_tuple_n(p, 1);
    case 0x86: return op_tuple_n(p, 2);
    case 0x87: return op_tuple_n(p, 3);
    case 'l': return op_from_mark(p, TN_VALUE_LIST);
    case 'd': return op_from_mark(p, TN_VALUE_DICT);
    case 'a': return op_append(p);
    case 'e': return op_appends(p, TN_VALUE_LIST, "APPENDS");
    case 0x90: return op_appends(p, TN_VALUE_SET, "ADDITEMS");
    case 's': return op_setitem(p);
    case 'u': return op_setitems(p);
    default: return step_values(p, op);
    }
}

bool tni_pickle_run(tni_pickle *p, const char *who, const void *data, size_t bytes) {
    *p = (tni_pickle){.who = who, .t = tni_self(), .at = data, .begin = data, .end = (const unsigned char *)data + bytes};
    if (!p->t) return false;
    if (!TNI_MUL(bytes, (size_t)COST_PER_BYTE, &p->most) || !TNI_ADD(p->most, (size_t)COST_START, &p->most)) p->most = SIZE_MAX;
    if (bytes < 2 || p->at[0] != 0x80) return tni_pickle_fail(p, "it does not begin with a protocol");
    for (;;) {
        if (p->at == p->end) return tni_pickle_fail(p, "it ends without STOP");
        int op = *p->at++;
        if (op == '.') break;
        TNI_TRY(step(p, op));
    }
    if (p->at != p->end) return tni_pickle_fail(p, "%zu bytes behind STOP", (size_t)(p->end - p->at));
    if (p->depth != 1 || p->marks) return tni_pickle_fail(p, "%zu values are left on the stack", p->depth);
    p->root = p->stack[0];
    return !tni_is_container(p->root.kind) || tni_item_value(&p->root)->height <= TN_VALUE_MAX_DEPTH || fail_depth(p);
}

void tni_pickle_clear(tni_pickle *p) {
    for (size_t i = 0; i < p->tensors; i++)
        if (p->tensor[i].made) tni_release(&p->tensor[i].made->object);
    for (size_t i = 0; i < p->storages; i++) tni_tensor_destroy_new(p->t, p->storage[i].data);
    for (size_t i = p->objects; i-- > 0;) tni_release(&p->object[i]->object);
    tni_free(p->stack, p->stack_capacity * sizeof *p->stack);
    tni_free(p->mark, p->mark_capacity * sizeof *p->mark);
    tni_free(p->memo, p->memo_capacity * sizeof *p->memo);
    tni_free(p->object, p->object_capacity * sizeof *p->object);
    tni_free(p->storage, p->storage_capacity * sizeof *p->storage);
    tni_free(p->tensor, p->tensor_capacity * sizeof *p->tensor);
    *p = (tni_pickle){.who = p->who};
}
