/* serialize/safetensors.c - reads and checks the header of a safetensors file, and writes it. */
#include "serialize/safetensors.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "serialize/json.h"
#include <string.h>

#define LENGTH_BYTES 8 /* of the header's length, in front of it */

/* The format's dtypes in the order the reference writer sorts by: alignment ascending. */
static const struct format_dtype {
    const char *name;
    tn_dtype dtype;
    unsigned bits;
} format_dtypes[] = {
    {"BOOL", TN_BOOL, 8},
    {"F4", TN_DTYPE_NONE, 4},
    {"F6_E2M3", TN_DTYPE_NONE, 6},
    {"F6_E3M2", TN_DTYPE_NONE, 6},
    {"U8", TN_UINT8, 8},
    {"I8", TN_INT8, 8},
    {"F8_E5M2", TN_FLOAT8_E5M2, 8},
    {"F8_E4M3", TN_FLOAT8_E4M3FN, 8},
    {"F8_E8M0", TN_DTYPE_NONE, 8},
    {"F8_E4M3FNUZ", TN_FLOAT8_E4M3FNUZ, 8},
    {"F8_E5M2FNUZ", TN_FLOAT8_E5M2FNUZ, 8},
    {"I16", TN_INT16, 16},
    {"U16", TN_UINT16, 16},
    {"F16", TN_FLOAT16, 16},
    {"BF16", TN_BFLOAT16, 16},
    {"I32", TN_INT32, 32},
    {"U32", TN_UINT32, 32},
    {"F32", TN_FLOAT32, 32},
    {"C64", TN_COMPLEX64, 64},
    {"F64", TN_FLOAT64, 64},
    {"I64", TN_INT64, 64},
    {"U64", TN_UINT64, 64},
};

/* A text of the file in an error message: cut to 60 bytes at a character's edge, control characters as '?'. */
typedef struct shown {
    char text[68];
} shown;

static shown show(const char *text, size_t length) {
    shown s;
    size_t n = length;
    if (length > 60) {
        n = 60;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    }
    for (size_t k = 0; k < n; k++) s.text[k] = (unsigned char)text[k] < 0x20 || text[k] == 0x7F ? '?' : text[k];
    memcpy(s.text + n, n < length ? "..." : "", n < length ? 4 : 1);
    return s;
}

/* ---- orders ---- */

static int compare_entry_names(const void *context, size_t a, size_t b) {
    const tni_safetensors_entry *e = context;
    return strcmp(e[a].name, e[b].name);
}

static int compare_offsets(const void *context, size_t a, size_t b) { /* ties: as in the header */
    const tni_safetensors_entry *x = (const tni_safetensors_entry *)context + a, *y = (const tni_safetensors_entry *)context + b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return a < b ? -1 : a > b;
}

static int compare_pairs(const void *context, size_t a, size_t b) {
    const tni_safetensors_pair *p = context;
    return strcmp(p[a].key, p[b].key);
}

static int compare_item_names(const void *context, size_t a, size_t b) {
    const tni_safetensors_item *i = context;
    return strcmp(i[a].name, i[b].name);
}

/* ---- reading: the header is walked twice, first to check each tensor and to count, then to store into one block of that size, in
 * which the offsets are sorted and the tiling is checked ---- */

typedef struct reader {
    tni_json json;
    size_t payload_bytes;
    size_t count, metadata_count, dims, text_bytes;
    bool metadata_seen;
    tni_safetensors_entry *entries; /* while storing: where the next of each kind goes */
    tni_safetensors_pair *metadata;
    int64_t *sizes;
    char *text;
    const char *name; /* of the tensor at hand, as it stands in the header */
    size_t name_length;
    const struct reader *counted; /* while storing: the first walk, whose counts are never passed, even if the text changed since */
} reader;

static const char text_changed[] = "the file changed while it was read";

/* One tensor's object while it is read. */
typedef struct tensor_info {
    const struct format_dtype *dtype;
    int64_t ndim;
    const int64_t *sizes;
    uint64_t begin, end, elements;
    bool has_shape, has_offsets, overflow;
} tensor_info;

static bool fail_tensor(const reader *r, const char *what) {
    return tni_fail(TN_ERR_FORMAT, "safetensors: tensor \"%s\": %s", show(r->name, r->name_length).text, what);
}

static bool fail_json(const reader *r) {
    const tni_json *j = &r->json;
    if (!r->name) return tni_fail(TN_ERR_FORMAT, "safetensors: byte %zu of the header: %s", j->at, j->problem);
    return tni_fail(TN_ERR_FORMAT, "safetensors: tensor \"%s\", byte %zu of the header: %s", show(r->name, r->name_length).text,
                    j->at, j->problem);
}

/* A string that is kept, with a NUL behind it. In the first walk it is counted only (*out = ""). */
static bool read_text(reader *r, const char **out) {
    size_t length;
    *out = "";
    if (!tni_json_string(&r->json, r->text, r->counted ? r->counted->text_bytes - r->text_bytes : 0, &length)) return false;
    r->text_bytes += length + 1;
    if (!r->counted) return true;
    if (r->text_bytes > r->counted->text_bytes) return tni_json_fail(&r->json, text_changed);
    if (memchr(r->text, 0, length)) return tni_json_fail(&r->json, "\\u0000 in a name or text");
    r->text[length] = 0;
    *out = r->text;
    r->text += length + 1;
    return true;
}

/* A string that is only compared: cut off when longer than the buffer. */
static bool read_word(reader *r, char word[32]) {
    size_t length;
    if (!tni_json_string(&r->json, word, 31, &length)) return false;
    word[TNI_MIN(length, (size_t)31)] = 0;
    if (length > 31 || strlen(word) < length) word[0] = 0; /* equals none of the words looked for */
    return true;
}

static bool read_dtype(reader *r, tensor_info *t) {
    char word[32];
    if (t->dtype) return tni_json_fail(&r->json, "\"dtype\" stands there twice");
    (void)tni_json_peek(&r->json);
    size_t start = r->json.at;
    if (!read_word(r, word)) return false;
    for (size_t k = 0; k < TNI_COUNT(format_dtypes); k++) {
        if (strcmp(format_dtypes[k].name, word) == 0) t->dtype = &format_dtypes[k];
    }
    if (t->dtype) return true;
    return tni_fail(TN_ERR_FORMAT, "safetensors: tensor \"%s\": unknown dtype %s", show(r->name, r->name_length).text,
                    show(r->json.text + start, r->json.at - start).text);
}

static bool read_shape(reader *r, tensor_info *t) {
    tni_json *j = &r->json;
    bool first = true;
    uint64_t size;
    if (t->has_shape) return tni_json_fail(j, "\"shape\" stands there twice");
    t->has_shape = true;
    t->elements = 1;
    if (!tni_json_take(j, '[', "\"shape\" must be an array")) return false;
    t->sizes = r->sizes;
    while (tni_json_more(j, ']', &first)) {
        if (!tni_json_uint(j, &size)) return false;
        if (size > INT64_MAX) return tni_json_fail(j, "a size above 2^63 - 1");
        if (!TNI_MUL(t->elements, size, &t->elements)) t->overflow = true;
        if (r->counted && r->dims == r->counted->dims) return tni_json_fail(j, text_changed);
        if (r->counted) *r->sizes++ = (int64_t)size;
        r->dims++;
        t->ndim++;
    }
    return !j->problem;
}

static bool read_offsets(reader *r, tensor_info *t) {
    tni_json *j = &r->json;
    if (t->has_offsets) return tni_json_fail(j, "\"data_offsets\" stands there twice");
    t->has_offsets = true;
    return tni_json_take(j, '[', "\"data_offsets\" must be an array of two numbers") && tni_json_uint(j, &t->begin) &&
           tni_json_take(j, ',', "\"data_offsets\" must be an array of two numbers") && tni_json_uint(j, &t->end) &&
           tni_json_take(j, ']', "\"data_offsets\" must be an array of two numbers");
}

static bool read_field(reader *r, tensor_info *t) {
    char key[32];
    if (!read_word(r, key) || !tni_json_take(&r->json, ':', "':' expected")) return false;
    if (strcmp(key, "dtype") == 0) return read_dtype(r, t);
    if (strcmp(key, "shape") == 0) return read_shape(r, t);
    if (strcmp(key, "data_offsets") == 0) return read_offsets(r, t);
    return tni_json_skip(&r->json); /* the reference reader passes over other fields too */
}

static bool check_tensor(const reader *r, const tensor_info *t) {
    uint64_t bits;
    if (!t->dtype) return fail_tensor(r, "\"dtype\" is missing");
    if (!t->has_shape) return fail_tensor(r, "\"shape\" is missing");
    if (!t->has_offsets) return fail_tensor(r, "\"data_offsets\" is missing");
    if (t->overflow || t->elements > INT64_MAX || !TNI_MUL(t->elements, (uint64_t)t->dtype->bits, &bits)) {
        return fail_tensor(r, "the product of its sizes is too large");
    }
    if (bits % 8 != 0) return fail_tensor(r, "its elements do not end at a byte");
    if (t->end < t->begin) return fail_tensor(r, "\"data_offsets\" end before they begin");
    if (t->end > r->payload_bytes) return fail_tensor(r, "\"data_offsets\" lie past the end of the file");
    if (t->end - t->begin != bits / 8) return fail_tensor(r, "\"data_offsets\" do not fit its dtype and shape");
    return true;
}

static bool read_tensor(reader *r, const char *name) {
    tensor_info t = {0};
    bool first = true;
    if (!tni_json_take(&r->json, '{', "the value of a tensor must be an object")) return false;
    while (tni_json_more(&r->json, '}', &first)) {
        if (!read_field(r, &t)) return false;
    }
    if (r->json.problem || !check_tensor(r, &t)) return false;
    if (r->counted) {
        if (r->count == r->counted->count) return tni_json_fail(&r->json, text_changed);
        *r->entries++ = (tni_safetensors_entry){
            name, t.dtype->name, t.dtype->dtype, t.ndim, t.sizes, (size_t)t.begin, (size_t)t.end,
        };
    }
    r->count++;
    return true;
}

static bool read_metadata(reader *r) {
    tni_json *j = &r->json;
    bool first = true;
    if (r->metadata_seen) return tni_json_fail(j, "\"__metadata__\" stands there twice");
    r->metadata_seen = true;
    if (!tni_json_take(j, '{', "\"__metadata__\" must be an object of strings")) return false;
    while (tni_json_more(j, '}', &first)) {
        tni_safetensors_pair pair;
        if (!read_text(r, &pair.key) || !tni_json_take(j, ':', "':' expected") || !read_text(r, &pair.value)) return false;
        if (r->counted && r->metadata_count == r->counted->metadata_count) return tni_json_fail(j, text_changed);
        if (r->counted) *r->metadata++ = pair;
        r->metadata_count++;
    }
    return !j->problem;
}

static bool read_member(reader *r) {
    tni_json *j = &r->json, ahead;
    char word[32];
    const char *name;
    (void)tni_json_peek(j);
    size_t start = j->at;
    ahead = *j;
    if (!read_word(r, word)) return false;
    if (strcmp(word, "__metadata__") == 0) return tni_json_take(j, ':', "':' expected") && read_metadata(r);
    *j = ahead;
    if (!read_text(r, &name)) return false;
    r->name = j->text + start + 1;
    r->name_length = j->at - start - 2;
    if (!tni_json_take(j, ':', "':' expected") || !read_tensor(r, name)) return false;
    r->name = NULL;
    return true;
}

static bool read_header(reader *r) {
    bool first = true, right = tni_json_take(&r->json, '{', "the header must be an object, '{' expected");
    while (right && tni_json_more(&r->json, '}', &first)) right = read_member(r);
    if (!r->json.problem && right) (void)tni_json_end(&r->json);
    if (r->json.problem) return fail_json(r);
    return right;
}

/* Lays out the block for what was counted: entries, pairs, by_name, sizes, texts, in that order so that all are aligned. */
static bool make_block(reader *r, tni_safetensors *out) {
    size_t n = r->counted->count, m = r->counted->metadata_count;
    size_t names = TNI_MAX(n, m); /* by_name also serves for the keys of the metadata; behind it lies the order by offsets */
    size_t bytes = n * sizeof(tni_safetensors_entry) + m * sizeof(tni_safetensors_pair) + names * 2 * sizeof(size_t) +
                   r->counted->dims * sizeof(int64_t) + r->counted->text_bytes + 1; /* counts below the header's length: fits */
    char *block = tni_alloc(bytes);
    if (!block) return false;
    out->block = block;
    out->block_bytes = bytes;
    out->entries = r->entries = (tni_safetensors_entry *)(void *)block;
    out->metadata = r->metadata = (tni_safetensors_pair *)(void *)(out->entries + n);
    out->by_name = (size_t *)(void *)(out->metadata + m);
    r->sizes = (int64_t *)(void *)(out->by_name + 2 * names);
    r->text = (char *)(r->sizes + r->counted->dims);
    return true;
}

static bool check_metadata(tni_safetensors *s) {
    tni_sort(s->by_name, s->metadata_count, compare_pairs, s->metadata);
    for (size_t k = 1; k < s->metadata_count; k++) {
        const char *key = s->metadata[s->by_name[k]].key;
        TNI_CHECK(strcmp(s->metadata[s->by_name[k - 1]].key, key) != 0, TN_ERR_FORMAT,
                  "safetensors: the key \"%s\" of __metadata__ stands there twice", show(key, strlen(key)).text);
    }
    return true;
}

/* Brings the entries into the order of their offsets. `order` is a permutation and is used up. */
static void permute(tni_safetensors_entry *entries, size_t *order, size_t n) {
    for (size_t k = 0; k < n; k++) {
        if (order[k] == k) continue;
        tni_safetensors_entry held = entries[k];
        size_t to = k;
        while (order[to] != k) {
            size_t from = order[to];
            entries[to] = entries[from];
            order[to] = to;
            to = from;
        }
        entries[to] = held;
        order[to] = to;
    }
}

static bool check_entries(tni_safetensors *s) {
    size_t *order = s->by_name + TNI_MAX(s->count, s->metadata_count), at = 0; /* as make_block laid it out, or before */
    tni_sort(order, s->count, compare_offsets, s->entries);
    permute(s->entries, order, s->count);
    tni_sort(s->by_name, s->count, compare_entry_names, s->entries);
    for (size_t k = 1; k < s->count; k++) {
        const char *name = s->entries[s->by_name[k]].name;
        TNI_CHECK(strcmp(s->entries[s->by_name[k - 1]].name, name) != 0, TN_ERR_FORMAT,
                  "safetensors: the tensor \"%s\" stands there twice", show(name, strlen(name)).text);
    }
    for (size_t k = 0; k < s->count; k++) {
        const tni_safetensors_entry *e = &s->entries[k];
        TNI_CHECK(e->begin == at, TN_ERR_FORMAT, "safetensors: tensor \"%s\": its data begins at %zu, %s %zu",
                  show(e->name, strlen(e->name)).text, e->begin,
                  e->begin > at ? "which leaves a hole behind" : "inside that of another tensor, which ends at", at);
        at = e->end;
    }
    TNI_CHECK(at == s->payload_bytes, TN_ERR_FORMAT, "safetensors: the tensors hold %zu bytes, the file %zu", at, s->payload_bytes);
    return true;
}

bool tni_safetensors_parse_header(const void *header, size_t length, size_t payload_bytes, tni_safetensors *out) {
    *out = (tni_safetensors){.payload_at = length + LENGTH_BYTES, .payload_bytes = payload_bytes};
    size_t valid = tni_utf8_valid(header, length);
    TNI_CHECK(valid == length, TN_ERR_FORMAT, "safetensors: byte %zu of the header is not UTF-8", valid);
    reader count = {.json = {.text = header, .length = length}, .payload_bytes = payload_bytes};
    TNI_TRY(read_header(&count));
    reader store = {.json = {.text = header, .length = length}, .payload_bytes = payload_bytes, .counted = &count};
    TNI_TRY(make_block(&store, out));
    bool right = read_header(&store);
    out->count = store.count;
    out->metadata_count = store.metadata_count;
    if (right && check_metadata(out) && check_entries(out)) return true;
    tni_safetensors_clear(out);
    return false;
}

bool tni_safetensors_header_length(const void *first8, size_t file_bytes, size_t *length) {
    const unsigned char *b = first8;
    uint64_t n = 0;
    TNI_CHECK(file_bytes >= LENGTH_BYTES, TN_ERR_FORMAT, "safetensors: the file has %zu bytes, too few for a header", file_bytes);
    for (int k = LENGTH_BYTES - 1; k >= 0; k--) n = n << 8 | b[k];
    TNI_CHECK(n <= TNI_SAFETENSORS_LONGEST_HEADER, TN_ERR_FORMAT, "safetensors: a header of %llu bytes, at most %u are allowed",
              (unsigned long long)n, TNI_SAFETENSORS_LONGEST_HEADER);
    TNI_CHECK(n <= file_bytes - LENGTH_BYTES, TN_ERR_FORMAT, "safetensors: a header of %llu bytes in a file of %zu",
              (unsigned long long)n, file_bytes);
    *length = (size_t)n;
    return true;
}

bool tni_safetensors_parse(const void *data, size_t bytes, tni_safetensors *out) {
    size_t length = 0;
    *out = (tni_safetensors){0};
    TNI_TRY(tni_safetensors_header_length(data, bytes, &length));
    return tni_safetensors_parse_header((const char *)data + LENGTH_BYTES, length, bytes - LENGTH_BYTES - length, out);
}

const tni_safetensors_entry *tni_safetensors_find(const tni_safetensors *s, const char *name) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(s->entries[s->by_name[middle]].name, name);
        if (c == 0) return &s->entries[s->by_name[middle]];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void tni_safetensors_clear(tni_safetensors *s) {
    tni_free(s->block, s->block_bytes);
    *s = (tni_safetensors){0};
}

/* ---- writing ---- */

static const struct format_dtype *dtype_of(tn_dtype dtype) {
    for (size_t k = 0; k < TNI_COUNT(format_dtypes); k++) {
        if (dtype != TN_DTYPE_NONE && format_dtypes[k].dtype == dtype) return &format_dtypes[k];
    }
    return NULL;
}

static int compare_items(const void *context, size_t a, size_t b) {
    const tni_safetensors_item *i = context;
    const struct format_dtype *x = dtype_of(i[a].dtype), *y = dtype_of(i[b].dtype);
    if (x != y) return x > y ? -1 : 1;
    return strcmp(i[a].name, i[b].name);
}

static bool check_text(const char *text, const char *what) {
    TNI_CHECK(text != NULL, TN_ERR_VALUE, "safetensors: %s is NULL", what);
    TNI_CHECK(tni_utf8_valid(text, strlen(text)) == strlen(text), TN_ERR_VALUE, "safetensors: %s is not UTF-8", what);
    return true;
}

static bool check_item(const tni_safetensors_item *item) {
    TNI_TRY(check_text(item->name, "the name of a tensor"));
    shown name = show(item->name, strlen(item->name));
    const struct format_dtype *d = dtype_of(item->dtype);
    uint64_t elements = 1, bits;
    bool fits = true;
    TNI_CHECK(strcmp(item->name, "__metadata__") != 0, TN_ERR_VALUE, "safetensors: no tensor may be named \"__metadata__\"");
    TNI_CHECK(d != NULL, TN_ERR_DTYPE, "safetensors: tensor \"%s\": the format has no such dtype", name.text);
    for (int64_t k = 0; k < item->ndim && fits; k++) {
        fits = item->sizes[k] >= 0 && TNI_MUL(elements, (uint64_t)item->sizes[k], &elements);
    }
    fits = fits && TNI_MUL(elements, (uint64_t)d->bits, &bits) && bits / 8 == item->bytes;
    TNI_CHECK(fits, TN_ERR_VALUE, "safetensors: tensor \"%s\": %zu bytes do not fit its dtype and shape", name.text, item->bytes);
    return true;
}

static bool check_items(const tni_safetensors_item *items, size_t n, size_t *order) {
    size_t total = 0;
    for (size_t k = 0; k < n; k++) {
        TNI_TRY(check_item(&items[k]));
        TNI_CHECK(TNI_ADD(total, items[k].bytes, &total), TN_ERR_VALUE, "safetensors: the tensors are too large together");
    }
    tni_sort(order, n, compare_item_names, items);
    for (size_t k = 1; k < n; k++) {
        const char *name = items[order[k]].name;
        TNI_CHECK(strcmp(items[order[k - 1]].name, name) != 0, TN_ERR_VALUE, "safetensors: two tensors are named \"%s\"",
                  show(name, strlen(name)).text);
    }
    tni_sort(order, n, compare_items, items);
    return true;
}

static bool add_metadata(tni_str *out, const tni_safetensors_pair *pairs, size_t n) {
    for (size_t k = 0; k < n; k++) {
        TNI_TRY(check_text(pairs[k].key, "a key of __metadata__") && check_text(pairs[k].value, "a text of __metadata__"));
    }
    size_t *order = tni_alloc(n * sizeof(size_t));
    bool right = order != NULL;
    if (right) tni_sort(order, n, compare_pairs, pairs);
    tni_str_add(out, "\"__metadata__\":{");
    for (size_t k = 0; right && k < n; k++) {
        const tni_safetensors_pair *p = &pairs[order[k]];
        if (k > 0 && strcmp(pairs[order[k - 1]].key, p->key) == 0) {
            right = tni_fail(TN_ERR_VALUE, "safetensors: two keys of __metadata__ are \"%s\"", show(p->key, strlen(p->key)).text);
        }
        if (k > 0) tni_str_add(out, ",");
        tni_json_quote(out, p->key);
        tni_str_add(out, ":");
        tni_json_quote(out, p->value);
    }
    tni_str_add(out, "}");
    tni_free(order, n * sizeof(size_t));
    return right;
}

static void add_item(tni_str *out, const tni_safetensors_item *item, size_t begin) {
    tni_json_quote(out, item->name);
    tni_str_addf(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_of(item->dtype)->name);
    for (int64_t k = 0; k < item->ndim; k++) tni_str_addf(out, k ? ",%lld" : "%lld", (long long)item->sizes[k]);
    tni_str_addf(out, "],\"data_offsets\":[%zu,%zu]}", begin, begin + item->bytes);
}

bool tni_safetensors_header(tni_str *out, const tni_safetensors_item *items, size_t n, const tni_safetensors_pair *metadata,
                            size_t metadata_count, size_t *order) {
    size_t start = out->length, at = 0;
    TNI_TRY(check_items(items, n, order));
    tni_str_add_n(out, "\0\0\0\0\0\0\0", LENGTH_BYTES);
    tni_str_add(out, "{");
    if (metadata_count > 0) TNI_TRY(add_metadata(out, metadata, metadata_count));
    for (size_t k = 0; k < n && !out->failed; k++) {
        if (k > 0 || metadata_count > 0) tni_str_add(out, ",");
        add_item(out, &items[order[k]], at);
        at += items[order[k]].bytes;
    }
    tni_str_add(out, "}");
    if (out->failed) return false;
    tni_str_add_n(out, "       ", (8 - (out->length - start) % 8) % 8);
    if (out->failed) return false;
    uint64_t length = out->length - start - LENGTH_BYTES;
    TNI_CHECK(length <= TNI_SAFETENSORS_LONGEST_HEADER, TN_ERR_VALUE,
              "safetensors: the header would have %llu bytes, at most %u are allowed", (unsigned long long)length,
              TNI_SAFETENSORS_LONGEST_HEADER);
    for (int k = 0; k < LENGTH_BYTES; k++) out->text[start + (size_t)k] = (char)(length >> 8 * k);
    return true;
}
