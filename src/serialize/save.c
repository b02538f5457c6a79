/* serialize/save.c - states to files and back. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "core/state.h"
#include "serialize/bytes.h"
#include "serialize/safetensors.h"
#include <string.h>
#include <tison/serialize.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the files hold little-endian numbers: this machine needs a conversion that is not written"
#endif

/* ---- writing ---- */

/* What a file will hold: the header, then items[order[0]], items[order[1]], ... */
typedef struct plan {
    tni_safetensors_item *item;
    tni_safetensors_pair *pair;
    size_t *order;
    size_t n, pairs;
    tni_str header;
    size_t bytes; /* header and payload */
} plan;

static const tni_array *array_of(const tn_state *s, size_t i) { return &((const tn_tensor *)s->item[i].value)->a; }

static void plan_clear(plan *p) {
    tni_free(p->item, (p->n + 1) * sizeof *p->item);
    tni_free(p->pair, (p->pairs + 1) * sizeof *p->pair);
    tni_free(p->order, (p->n + 1) * sizeof *p->order);
    tni_str_clear(&p->header);
}

static bool plan_make(plan *p, const tn_state *s) {
    *p = (plan){.n = s->n, .pairs = s->pairs};
    p->item = tni_alloc((s->n + 1) * sizeof *p->item);
    p->pair = tni_alloc((s->pairs + 1) * sizeof *p->pair);
    p->order = tni_alloc((s->n + 1) * sizeof *p->order);
    bool right = p->item && p->pair && p->order;
    for (size_t i = 0; right && i < s->n; i++) {
        const tni_array *a = array_of(s, i);
        if (((const tn_tensor *)s->item[i].value)->uninitialized) right = tni_refuse_shape();
        size_t bytes = (size_t)a->numel * tni_array_item(a);
        p->item[i] = (tni_safetensors_item){s->item[i].name, (tn_dtype)a->dtype, a->ndim, a->sizes, bytes};
        p->bytes += bytes; /* the header's writer checks that the sum does not overflow */
    }
    for (size_t i = 0; right && i < s->pairs; i++) p->pair[i] = (tni_safetensors_pair){s->metadata[i].key, s->metadata[i].value};
    right = right && tni_safetensors_header(&p->header, p->item, p->n, p->pair, p->pairs, p->order);
    p->bytes += p->header.length;
    if (!right) plan_clear(p);
    return right;
}

/* Hands the bytes of the file, piece by piece, to `put`. */
static bool write_plan(tni_thread *t, const plan *p, const tn_state *s, bool (*put)(void *, const void *, size_t), void *to) {
    TNI_TRY(put(to, p->header.text, p->header.length));
    for (size_t k = 0; k < p->n; k++) {
        const tn_tensor *x = (const tn_tensor *)s->item[p->order[k]].value;
        tn_tensor *made = NULL;
        const tni_array *a = tni_array_as(t, "save", x, (tn_dtype)x->a.dtype, true, &made);
        bool right = a && (p->item[p->order[k]].bytes == 0 || put(to, a->data, p->item[p->order[k]].bytes));
        tni_tensor_destroy_new(t, made);
        TNI_TRY(right);
    }
    return true;
}

static bool put_file(void *to, const void *data, size_t bytes) { return tni_file_writer_write(to, data, bytes); }
static bool put_memory(void *to, const void *data, size_t bytes) {
    char **at = to;
    memcpy(*at, data, bytes);
    *at += bytes;
    return true;
}

static bool begin(tni_thread *t, const char *who, const tn_state *state) {
    return t && !tni_failed() && tni_check_handle(who, "state", state, TNI_STATE);
}

static bool check_path(const char *who, const char *path) {
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "%s: argument 'path' is NULL", who);
    return true;
}

/** Writes a state as a .safetensors file, whatever the path's name: safetensors.torch.save_file(state, path, metadata). The bytes
 *  are those of that function. The metadata is what tn_state_set_metadata put there; without any, the file has none.
 *  The file is replaced as a whole or not at all. Tensors are written row-major; two names of one tensor are both written in full.
 *  returns  false with TN_ERR_IO, and TN_ERR_VALUE for names that are not UTF-8
 */
TN_API bool tn_save_safetensors(tn_state *state, const char *path) {
    tni_thread *t = tni_self();
    plan p;
    tni_file_writer w;
    if (!begin(t, "save", state)) return false;
    TNI_TRY(check_path("save", path));
    if (!plan_make(&p, state)) return tni_name_path("save", path);
    bool right = tni_file_writer_begin(&w, path);
    if (right) {
        right = write_plan(t, &p, state, put_file, &w);
        if (right)
            right = tni_file_writer_commit(&w);
        else
            tni_file_writer_abandon(&w);
    }
    plan_clear(&p);
    return right || tni_name_path("save", path);
}

/** The number of bytes that tn_save_bytes writes; 0 on failure. */
TN_API size_t tn_save_size(tn_state *state) {
    plan p;
    if (!begin(tni_self(), "save_size", state) || !plan_make(&p, state)) return 0;
    size_t bytes = p.bytes;
    plan_clear(&p);
    return bytes;
}

/** Writes a state into memory, as tn_save_safetensors does into a file: safetensors.torch.save.
 *  bytes  exactly tn_save_size(state), else TN_ERR_VALUE and nothing is written
 */
TN_API bool tn_save_bytes(tn_state *state, void *out, size_t bytes) {
    tni_thread *t = tni_self();
    plan p;
    char *at = out;
    if (!begin(t, "save_bytes", state)) return false;
    TNI_CHECK(out != NULL, TN_ERR_TYPE, "save_bytes: argument 'out' is NULL");
    TNI_TRY(plan_make(&p, state));
    bool right = bytes == p.bytes || tni_fail(TN_ERR_VALUE, "save_bytes: the state takes %zu bytes, not %zu", p.bytes, bytes);
    right = right && write_plan(t, &p, state, put_memory, &at);
    plan_clear(&p);
    return right;
}

/* ---- reading ---- */

/* Where the bytes come from: a file, or memory. */
typedef struct source {
    tni_file *file;
    const unsigned char *memory;
} source;

static bool read_at(const source *from, void *to, size_t bytes, size_t offset) {
    if (bytes == 0) return true;
    if (from->file) return tni_file_read(from->file, to, bytes, (int64_t)offset);
    memcpy(to, from->memory + offset, bytes);
    return true;
}

/* Everything is judged before the first tensor is made. */
static bool check_entries(const tni_safetensors *s) {
    for (size_t i = 0; i < s->count; i++) {
        const tni_safetensors_entry *e = &s->entries[i];
        TNI_CHECK(e->dtype != TN_DTYPE_NONE && tni_dtype_get(e->dtype)->computes, TN_ERR_NOT_IMPLEMENTED,
                  "load: tensor \"%.200s\": its dtype %s (%s) is not supported", e->name, e->dtype_name,
                  e->dtype == TN_DTYPE_NONE ? "no torch dtype" : tni_dtype_get(e->dtype)->name);
        TNI_CHECK(e->ndim <= TNI_MAX_DIMS, TN_ERR_NOT_IMPLEMENTED,
                  "load: tensor \"%.200s\": %lld dimensions, at most %d are supported", e->name, (long long)e->ndim,
                  (int)TNI_MAX_DIMS);
    }
    return true;
}

static bool load_entry(tni_thread *t, tn_state *state, const source *from, const tni_safetensors *s,
                       const tni_safetensors_entry *e) {
    tn_tensor *x = tni_tensor_new(t, "load", e->dtype, e->sizes, (size_t)e->ndim);
    if (!x) return false;
    bool right = read_at(from, x->a.data, e->end - e->begin, s->payload_at + e->begin);
    uint8_t *truth = x->a.data;
    for (int64_t i = 0; e->dtype == TN_BOOL && right && i < x->a.numel; i++)
        truth[i] = truth[i] != 0; /* the format allows any byte */
    right = right && tn_state_set(state, e->name, x);
    if (!right) tni_tensor_destroy_new(t, x);
    return right;
}

/* The state of a parsed header, or NULL; what was made until a failure dies with the scope. Clears the header. */
static tn_state *load_entries(tni_thread *t, const source *from, tni_safetensors *s) {
    tn_state *state = check_entries(s) && tni_inner_enter(t) ? tn_state_new() : NULL;
    if (state) {
        bool right = true;
        for (size_t i = 0; right && i < s->count; i++) right = load_entry(t, state, from, s, &s->entries[i]);
        for (size_t i = 0; right && i < s->metadata_count; i++)
            right = tn_state_set_metadata(state, s->metadata[i].key, s->metadata[i].value);
        state = tni_inner_return(t, right ? state : NULL);
    }
    tni_safetensors_clear(s);
    return state;
}

static bool read_header(const source *from, size_t bytes, tni_safetensors *s) {
    unsigned char first8[8] = {0};
    size_t length = 0;
    TNI_TRY(read_at(from, first8, TNI_MIN(bytes, sizeof first8), 0));
    TNI_TRY(tni_safetensors_header_length(first8, bytes, &length));
    char *text = tni_alloc(length + 1);
    if (!text) return false;
    bool right =
        read_at(from, text, length, sizeof first8) && tni_safetensors_parse_header(text, length, bytes - sizeof first8 - length, s);
    tni_free(text, length + 1);
    return right;
}

/** Reads a .safetensors file, whatever its name: safetensors.torch.load_file. Tensors in the file's order; its metadata by
 *  tn_state_metadata. All of the header is checked before a tensor is made, and no more memory is taken than the file has bytes.
 *  returns  [scope]; NULL with TN_ERR_IO, TN_ERR_FORMAT (what is wrong, and with which tensor), or TN_ERR_NOT_IMPLEMENTED for a
 *           tensor of a dtype that this version does not compute with
 */
TN_API tn_state *tn_load_safetensors(const char *path) {
    tni_thread *t = tni_self();
    tni_file f;
    tni_safetensors s;
    if (!t || tni_failed() || !check_path("load", path)) return NULL;
    tn_state *state = NULL;
    source from = {&f, NULL};
    if (tni_file_open(&f, path) && read_header(&from, (size_t)f.size, &s)) state = load_entries(t, &from, &s);
    tni_file_close(&f);
    if (!state) (void)tni_name_path("load", path);
    return state;
}

/** Reads what tn_save_bytes or safetensors.torch.save made. Copies: the memory may go afterwards. [scope] */
TN_API tn_state *tn_load_bytes(const void *data, size_t bytes) {
    tni_thread *t = tni_self();
    tni_safetensors s;
    if (!t || tni_failed()) return NULL;
    if (!data && bytes > 0) return (void)tni_fail(TN_ERR_TYPE, "load_bytes: argument 'data' is NULL"), NULL;
    source from = {NULL, data};
    return read_header(&from, bytes, &s) ? load_entries(t, &from, &s) : NULL;
}

/* ---- by the name of the file ---- */

static bool check_name(const char *who, const char *path) {
    static const char ending[] = ".safetensors";
    TNI_TRY(check_path(who, path));
    size_t n = strlen(path), k = sizeof ending - 1;
    TNI_CHECK(n >= k && strcmp(path + n - k, ending) == 0, TN_ERR_NOT_IMPLEMENTED,
              "%s: %.400s: the name decides the format, and only .safetensors is supported", who, path);
    return true;
}

/** Writes a state to a file: torch.save(state_dict, path), in the format that the name ends in: .safetensors, as
 *  tn_save_safetensors. Another ending is TN_ERR_NOT_IMPLEMENTED.
 */
TN_API bool tn_save(tn_state *state, const char *path) {
    if (!begin(tni_self(), "save", state)) return false;
    return check_name("save", path) && tn_save_safetensors(state, path);
}

/** Reads a state from a file: torch.load(path), in the format that the name ends in: .safetensors, as tn_load_safetensors.
 *  [scope] */
TN_API tn_state *tn_load(const char *path) {
    if (tni_failed() || !check_name("load", path)) return NULL;
    return tn_load_safetensors(path);
}
