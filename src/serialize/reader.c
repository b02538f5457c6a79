/* serialize/reader.c - files of tensors that are read tensor by tensor; the formats by content and by name. */
#include "serialize/reader.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include <string.h>
#include <tison/serialize.h>
#include <tison/value.h>

#ifdef TN_HEADER
/** A file of tensors, open: names and shapes are known, elements are read when they are asked for. */
typedef struct tn_reader tn_reader;
typedef struct tn_reader_open_opts {
    size_t size;
    bool
        mmap; /* false: a tensor's elements are read into memory of its own. true: they are the file's pages, read when touched; writing
                * into them does not change the file. The file must not be cut meanwhile: that would end the process (SIGBUS) */
} tn_reader_open_opts;
#ifndef __cplusplus
#define tn_reader_open(...)                                                                                                        \
    TN_WITH(tn_reader_open_opts, (.mmap = false), (tn_reader_open)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif

/** What a file says of one of its tensors. [borrow] while the reader lives. */
typedef struct tn_reader_info {
    size_t size; /* set by the caller: sizeof(tn_reader_info) */
    const char *name;
    const char *dtype_name; /* as the format calls it: "F32" */
    tn_dtype dtype;         /* TN_DTYPE_NONE: one that no tensor can have */
    size_t ndim;
    const int64_t *sizes;
    uint64_t bytes;  /* of its elements */
    uint64_t offset; /* where they begin in the file; UINT64_MAX where they are compressed, or do not lie there as such */
} tn_reader_info;
#endif

struct tn_reader {
    tni_object object;
    tni_format format;
    tni_file file;
    tni_mapping *map;
    tni_contents contents;
    tn_state *whole; /* a format that is read as a whole: claimed */
};

static void destroy_reader(tni_object *o) {
    tn_reader *r = (tn_reader *)o;
    tni_contents_clear(&r->contents);
    tni_mapping_release(r->map);
    tni_file_close(&r->file);
    if (r->whole) tni_release(&r->whole->object);
}
static const tni_kind_info reader_kind = {"reader", sizeof(tn_reader), destroy_reader, NULL};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_READER, &reader_kind); }

/* ---- formats ---- */

static const char *const format_names[] = {"unknown", "safetensors", "npy", "npz", "pt", "idx", "csv"};

static bool ends_in(const char *path, const char *ending) {
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && strcmp(path + n - k, ending) == 0;
}

tni_format tni_format_of_name(const char *path) {
    static const struct {
        const char *ending;
        tni_format format;
    } endings[] = {
        {".safetensors", TNI_SAFETENSORS},
        {".npy", TNI_NPY},
        {".npz", TNI_NPZ},
        {".pt", TNI_PT},
        {".pth", TNI_PT},
        {".csv", TNI_CSV},
        {".tsv", TNI_CSV},
        {".csv.gz", TNI_CSV},
        {".tsv.gz", TNI_CSV},
        {".idx", TNI_IDX},
        {".idx.gz", TNI_IDX},
        {"-ubyte", TNI_IDX},
        {"-ubyte.gz", TNI_IDX},
    };
    for (size_t k = 0; k < TNI_COUNT(endings); k++)
        if (ends_in(path, endings[k].ending)) return endings[k].format;
    return TNI_NO_FORMAT;
}

/* A zip archive with a data.pkl in its folder is PyTorch's. */
static bool format_of_zip(const tni_source *source, tni_format *out) {
    tni_zip z;
    TNI_TRY(tni_zip_open(&z, "load", source->file, source->memory, source->bytes));
    *out = TNI_NPZ;
    for (size_t i = 0; i < z.n; i++)
        if (ends_in(z.entry[i].name, "/data.pkl")) *out = TNI_PT;
    tni_zip_close(&z);
    return true;
}

/* By the first bytes; what does not tell leaves *out as it is. */
static bool format_of_content(const tni_source *source, tni_format *out) {
    unsigned char b[16] = {0};
    TNI_TRY(tni_source_read(source, b, TNI_MIN(source->bytes, sizeof b), 0));
    if (memcmp(b, "\x93NUMPY", 6) == 0) *out = TNI_NPY;
    if (memcmp(b, "PK\3\4", 4) == 0 || memcmp(b, "PK\5\6", 4) == 0) return format_of_zip(source, out);
    if (*out == TNI_NO_FORMAT && b[8] == '{' && b[5] == 0 && b[6] == 0 && b[7] == 0) *out = TNI_SAFETENSORS;
    if (*out == TNI_NO_FORMAT && b[0] == 0 && b[1] == 0 && b[2] >= 8 && b[2] <= 14) *out = TNI_IDX;
    return true;
}

/* ---- opening ---- */

static tn_state *state_of_one(tn_tensor *x) {
    tn_state *state = x ? tn_state_new() : NULL;
    return state && tn_state_set(state, "arr_0", x) ? state : NULL;
}

/* ---- PyTorch's own format: what is nested becomes one name, "model.weight", "state.0.step" ---- */

enum { MOST_VALUES = 1000000 }; /* a list that stands in two, which stand in two, ... would never end */

typedef struct flattening {
    tn_state *state;
    tni_str name;
    size_t seen;
} flattening;

static bool flatten(flattening *f, tn_value *v);

static bool flatten_item(flattening *f, tn_value *v, size_t i) {
    tni_str *name = &f->name;
    size_t length = name->length;
    TNI_CHECK(++f->seen <= MOST_VALUES, TN_ERR_FORMAT, "load: more than %d values in one another", (int)MOST_VALUES);
    tn_value *key = tn_value_get_kind(v) == TN_VALUE_DICT ? tn_value_key(v, i) : NULL;
    if (length) tni_str_add(name, ".");
    if (key && tn_value_get_kind(key) == TN_VALUE_STRING)
        tni_str_add(name, tn_value_as_string(key));
    else
        tni_str_addf(name, "%lld", key ? (long long)tn_value_as_int(key) : (long long)i);
    bool right = !name->failed && !tni_failed() && flatten(f, tn_value_at(v, i));
    name->length = length;
    return right;
}

/* Values are at most 64 deep. What is no tensor is left out. */
static bool flatten(flattening *f, tn_value *v) {
    if (!v) return false;
    switch (tn_value_get_kind(v)) {
    case TN_VALUE_TENSOR: {
        if (f->name.text) f->name.text[f->name.length] = 0;
        tn_tensor *x = tn_value_as_tensor(v);
        return x && tn_state_set(f->state, f->name.length ? f->name.text : "arr_0", x);
    }
    case TN_VALUE_DICT:
    case TN_VALUE_LIST:
    case TN_VALUE_TUPLE:
        for (size_t i = 0; i < tn_value_count(v); i++) TNI_TRY(flatten_item(f, v, i));
        return true;
    default: return true;
    }
}

static tn_state *load_flat(const char *path) {
    tn_value *v = tn_load_pt(path);
    flattening f = {.state = v ? tn_state_new() : NULL};
    bool right = f.state && flatten(&f, v);
    tni_str_clear(&f.name);
    return right ? f.state : NULL;
}

static tn_state *load_dict(const char *path) {
    tn_value *v = tn_load_pt(path);
    return v ? tn_value_to_state(v) : NULL;
}

static tn_state *load_table(const char *path) {
    const tn_load_csv_opts opts = {
        .size = sizeof opts, .delimiter = strstr(path, ".tsv") ? '\t' : ',', .header = -1, .dtype = TN_DTYPE_NONE};
    return state_of_one((tn_load_csv)(path, &opts));
}

/* What is made lives in a scope of its own, but for the state. */
static bool read_whole(tni_thread *t, tn_reader *r, const char *path, bool flat) {
    if (!tni_inner_enter(t)) return false;
    tn_state *state = r->format == TNI_IDX   ? state_of_one(tn_load_idx(path))
                      : r->format == TNI_CSV ? load_table(path)
                      : flat                 ? load_flat(path)
                                             : load_dict(path);
    if (state) tni_claim(&state->object);
    r->whole = state;
    tni_inner_exit(t);
    return state != NULL;
}

static bool open_source(tn_reader *r, const char *path, bool mapped, tni_source *out) {
    if (mapped) {
        r->map = tni_file_map(path);
        if (!r->map) return false;
        *out = (tni_source){NULL, r->map->data, r->map->bytes};
        return true;
    }
    TNI_TRY(tni_file_open(&r->file, path));
    *out = (tni_source){&r->file, NULL, (size_t)r->file.size};
    return true;
}

static bool open_reader(tni_thread *t, tn_reader *r, const char *path, bool mapped, bool flat) {
    tni_source source;
    r->format = tni_format_of_name(path);
    TNI_TRY(open_source(r, path, mapped, &source) && format_of_content(&source, &r->format));
    switch (r->format) {
    case TNI_SAFETENSORS: return tni_contents_safetensors(&r->contents, source);
    case TNI_NPY: return tni_contents_npy(&r->contents, source);
    case TNI_NPZ: return tni_contents_npz(&r->contents, source);
    case TNI_NO_FORMAT: return tni_fail(TN_ERR_FORMAT, "load: neither the name nor the content tells a format that is known");
    default: return read_whole(t, r, path, flat);
    }
}

/* Without claims. flat: nested tensors of PyTorch's format get names with dots; else only a dict of tensors is taken. */
static tn_reader *new_reader(tni_thread *t, const char *who, const char *path, bool mapped, bool flat) {
    tn_reader *r = tni_object_new(t, TNI_READER, sizeof *r);
    if (!r) return NULL;
    r->file.file = -1;
    bool right = open_reader(t, r, path, mapped, flat);
    r->file.path = ""; /* the caller's may go away */
    if (right) return r;
    (void)tni_name_path(who, path);
    tni_object_destroy_new(t, &r->object);
    return NULL;
}

/** Opens a .safetensors, .npy or .npz file to read single tensors: safetensors.safe_open(path). Only names, shapes and places are read,
 *  and all of them are checked. IDX, CSV and PyTorch's files are read as a whole; tensors nested in the latter get names such as
 *  "model.weight" and "state.0.step", and what is no tensor is left out. The content decides the format, then the name.
 *  returns  [scope]; the file is closed when the reader is freed; NULL with TN_ERR_IO, TN_ERR_FORMAT
 */
TN_API tn_reader *(tn_reader_open)(const char *path, const tn_reader_open_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_path("reader_open", path)) return NULL;
    tn_reader *r = new_reader(t, "reader_open", path, TNI_OPT(opts, mmap, false), true);
    return r ? tni_give(t, r) : NULL;
}

#define CHECK_READER(who, r, other)                                                                                                \
    do {                                                                                                                           \
        if (!tni_check_handle(who, "reader", r, TNI_READER)) return other;                                                         \
    } while (0)

/* ---- asking ---- */

/** "safetensors", "npy", "npz", "pt", "idx" or "csv"; "" on failure. */
TN_API const char *tn_reader_format(tn_reader *reader) {
    CHECK_READER("reader_format", reader, "");
    return format_names[reader->format];
}

/** The number of tensors in the file. */
TN_API size_t tn_reader_count(tn_reader *reader) {
    CHECK_READER("reader_count", reader, 0);
    return reader->whole ? reader->whole->n : reader->contents.n;
}

static void describe_whole(const tn_reader *r, size_t i, tn_reader_info *out) {
    const tni_found *item = &r->whole->item[i];
    const tni_array *a = &((const tn_tensor *)item->value)->a;
    out->name = item->name;
    out->dtype = (tn_dtype)a->dtype;
    out->dtype_name = tni_dtype_get(out->dtype)->name;
    out->ndim = a->ndim;
    out->sizes = a->sizes;
    out->bytes = (uint64_t)a->numel * tni_array_item(a);
    out->offset = UINT64_MAX;
}

static void describe_item(const tni_item *e, tn_reader_info *out) {
    out->name = e->name;
    out->dtype = e->dtype;
    out->dtype_name = e->dtype_name;
    out->ndim = e->ndim;
    out->sizes = e->sizes;
    out->bytes = e->bytes;
    out->offset = e->member && e->member->deflated ? UINT64_MAX : e->at;
}

/** What the file says of tensor i, in the file's order. TN_ERR_INDEX past the last. */
TN_API bool tn_reader_describe(tn_reader *reader, size_t i, tn_reader_info *out) {
    if (tni_failed()) return false;
    CHECK_READER("reader_describe", reader, false);
    TNI_CHECK(out && out->size >= sizeof *out, TN_ERR_TYPE, "reader_describe: argument 'out' is NULL, or its size is not set");
    size_t n = tn_reader_count(reader);
    TNI_CHECK(i < n, TN_ERR_INDEX, "reader_describe: index %zu is out of range for a file of %zu tensors", i, n);
    if (reader->whole)
        describe_whole(reader, i, out);
    else
        describe_item(&reader->contents.item[i], out);
    return true;
}

/** Reads tensor i. [scope]; NULL with TN_ERR_INDEX, TN_ERR_IO, TN_ERR_FORMAT (a checksum), TN_ERR_NOT_IMPLEMENTED (its dtype) */
TN_API tn_tensor *tn_reader_at(tn_reader *reader, size_t i) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    CHECK_READER("reader_at", reader, NULL);
    if (reader->whole) return tn_state_at(reader->whole, i);
    if (i >= reader->contents.n)
        return (void)tni_fail(TN_ERR_INDEX, "reader_at: index %zu is out of range for a file of %zu tensors", i,
                              reader->contents.n),
               NULL;
    tn_tensor *x = tni_contents_tensor(t, "reader_at", &reader->contents, &reader->contents.item[i], reader->map);
    return x ? tni_give(t, x) : NULL;
}

/** Reads the tensor of this name; as tn_reader_at, and TN_ERR_KEY when there is none. [scope] */
TN_API tn_tensor *tn_reader_get(tn_reader *reader, const char *name) {
    if (!tni_self() || tni_failed()) return NULL;
    CHECK_READER("reader_get", reader, NULL);
    if (reader->whole) return tn_state_get(reader->whole, name);
    const tni_item *e = name ? tni_contents_find(&reader->contents, name) : NULL;
    if (!e) return (void)tni_fail(TN_ERR_KEY, "reader_get: there is no '%.400s'", name ? name : "(null)"), NULL;
    return tn_reader_at(reader, (size_t)(e - reader->contents.item));
}

/** The pairs of a safetensors file's __metadata__, in its order: false past the last. [borrow] while the reader lives. */
TN_API bool tn_reader_metadata(tn_reader *reader, size_t i, const char **key, const char **value) {
    if (tni_failed()) return false;
    CHECK_READER("reader_metadata", reader, false);
    TNI_CHECK(key && value, TN_ERR_TYPE, "reader_metadata: argument '%s' is NULL", key ? "value" : "key");
    if (i >= reader->contents.pairs) return false;
    *key = reader->contents.pair[i].key;
    *value = reader->contents.pair[i].value;
    return true;
}

/* ---- whole files, whatever the format ---- */

/** Reads a state from a file: torch.load(path) of a dict of tensors. .safetensors, .pt (whose other values are refused: tn_load_pt), .npy
 *  (one tensor, named arr_0), .npz, IDX, and numbers as CSV; the content decides the format, then the name. The rules of the formats are
 *  those of tn_load_safetensors, tn_load_npy, ... [scope] */
TN_API tn_state *tn_load(const char *path) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_path("load", path)) return NULL;
    tn_reader *r = new_reader(t, "load", path, false, false);
    if (!r) return NULL;
    tn_state *state = r->whole;
    if (state ? !tni_scope_claim(t, &state->object) : !(state = tni_contents_state(t, "load", &r->contents, NULL))) {
        (void)tni_name_path("load", path);
        state = NULL;
    }
    tni_object_destroy_new(t, &r->object);
    return state;
}

static bool save_pt(tn_state *state, const char *path) {
    tni_thread *t = tni_self();
    if (!tni_inner_enter(t)) return false;
    tn_value *v = tn_value_from_state(state);
    bool right = v && (tn_save_pt)(v, path);
    tni_inner_exit(t);
    return right;
}

/** Writes a state to a file: torch.save(state_dict, path), in the format that the name ends in: .safetensors, .pt, .pth, .npz, or .npy
 *  when there is one tensor. The file is replaced as a whole or not at all. Another ending is TN_ERR_NOT_IMPLEMENTED.
 */
TN_API bool tn_save(tn_state *state, const char *path) {
    if (!tni_self() || tni_failed() || !tni_check_handle("save", "state", state, TNI_STATE)) return false;
    TNI_TRY(tni_check_path("save", path));
    switch (tni_format_of_name(path)) {
    case TNI_SAFETENSORS: return tn_save_safetensors(state, path);
    case TNI_NPZ: return (tn_save_npz)(state, path, NULL);
    case TNI_PT: return save_pt(state, path);
    case TNI_NPY:
        TNI_CHECK(state->n == 1, TN_ERR_VALUE, "save: %.400s: a .npy file holds one tensor, the state has %zu", path, state->n);
        return tn_save_npy((tn_tensor *)state->item[0].value, path);
    default:
        return tni_fail(TN_ERR_NOT_IMPLEMENTED, "save: %.400s: the name decides the format: .safetensors, .pt, .npz or .npy", path);
    }
}
