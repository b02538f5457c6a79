/* serialize/save.c - tn_save and tn_load: a state as a file and back. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "core/state.h"
#include "core/tensor.h"
#include "serialize/safetensors.h"
#include <string.h>
#include <tison/module.h>

/* What the functions of a save or a load share. */
typedef struct plan {
    tni_safetensors_item *items;
    tni_safetensors_pair *pairs;
    size_t *order;
    tni_str header;
    size_t items_bytes, pairs_bytes, order_bytes;
} plan;

static bool check_path(const char *who, const char *path) {
    static const char tail[] = ".safetensors";
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "%s: argument 'path' is NULL", who);
    size_t n = strlen(path), k = sizeof tail - 1;
    TNI_CHECK(n >= k && strcmp(path + n - k, tail) == 0, TN_ERR_NOT_IMPLEMENTED,
              "%s: the name '%.700s' does not end in a supported extension; supported: .safetensors", who, path);
    return true;
}

static void clear_plan(plan *p) {
    tni_free(p->items, p->items_bytes);
    tni_free(p->pairs, p->pairs_bytes);
    tni_free(p->order, p->order_bytes);
    tni_str_clear(&p->header);
}

static bool make_plan(plan *p, const tn_state *s) {
    p->items_bytes = (s->n + 1) * sizeof *p->items;
    p->pairs_bytes = (s->pairs + 1) * sizeof *p->pairs;
    p->order_bytes = (s->n + 1) * sizeof *p->order;
    TNI_TRY(p->items = tni_alloc(p->items_bytes));
    TNI_TRY(p->pairs = tni_alloc(p->pairs_bytes));
    TNI_TRY(p->order = tni_alloc(p->order_bytes));
    for (size_t i = 0; i < s->n; i++) {
        const tni_array *a = &((const tn_tensor *)s->item[i].value)->a;
        size_t bytes = (size_t)a->numel * tni_array_item(a);
        p->items[i] = (tni_safetensors_item){s->item[i].name, (tn_dtype)a->dtype, a->ndim, a->sizes, bytes};
    }
    for (size_t i = 0; i < s->pairs; i++) p->pairs[i] = (tni_safetensors_pair){s->metadata[i].key, s->metadata[i].value};
    return tni_safetensors_header(&p->header, p->items, s->n, p->pairs, s->pairs, p->order) && !p->header.failed;
}

static bool write_tensor(tni_thread *t, tni_file_writer *w, const tn_tensor *x) {
    tn_tensor *made = NULL;
    const tni_array *a = tni_array_as(t, "save", x, (tn_dtype)x->a.dtype, true, &made);
    bool right = a && (a->numel == 0 || tni_file_writer_write(w, a->data, (size_t)a->numel * tni_array_item(a)));
    tni_tensor_destroy_new(t, made);
    return right;
}

static bool write_all(tni_thread *t, const plan *p, const tn_state *s, const char *path) {
    tni_file_writer w;
    TNI_TRY(tni_file_writer_begin(&w, path));
    bool right = tni_file_writer_write(&w, p->header.text, p->header.length);
    for (size_t i = 0; i < s->n && right; i++) right = write_tensor(t, &w, (const tn_tensor *)s->item[p->order[i]].value);
    if (right) return tni_file_writer_commit(&w);
    tni_file_writer_abandon(&w);
    return false;
}

/** Writes a state's tensors and metadata into a file, as safetensors.torch.save_file does; the extension chooses the format:
 *  .safetensors (others: TN_ERR_NOT_IMPLEMENTED). The file is replaced as a whole or not at all: after TN_ERR_IO the old one is as it
 *  was. Views are written as their own row-major values. The state's metadata is written where there is some. false on failure. */
TN_API bool tn_save(tn_state *state, const char *path) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    TNI_TRY(tni_check_handle("save", "state", state, TNI_STATE));
    TNI_TRY(check_path("save", path));
    plan p = {0};
    bool right = make_plan(&p, state) && write_all(t, &p, state, path);
    clear_plan(&p);
    return right;
}

static bool check_entry(const char *path, const tni_safetensors_entry *e) {
    bool known = e->dtype != TN_DTYPE_NONE && tni_dtype_get(e->dtype)->computes;
    TNI_CHECK(known, TN_ERR_NOT_IMPLEMENTED, "load: tensor '%.200s' in '%.500s' has dtype %s, which is not supported", e->name, path,
              e->dtype_name);
    TNI_CHECK(e->ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "load: tensor '%.200s' in '%.500s' has %lld dimensions, at most %d are supported",
              e->name, path, (long long)e->ndim, (int)TNI_MAX_DIMS);
    return true;
}

/* A bool's byte other than 0 and 1 counts as true. */
static void take_values(tni_array *a, const unsigned char *from, size_t bytes) {
    unsigned char *to = a->data;
    if (bytes == 0) return;
    if (a->dtype != TN_BOOL) {
        memcpy(to, from, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++) to[i] = from[i] != 0;
}

static bool take_entry(tni_thread *t, tn_state *s, const tni_safetensors_entry *e, const unsigned char *payload) {
    tn_tensor *x = tni_tensor_new(t, "load", e->dtype, e->sizes, (size_t)e->ndim);
    if (!x) return false;
    bool right = (size_t)x->a.numel * tni_array_item(&x->a) == e->end - e->begin ||
                 tni_fail(TN_ERR_FORMAT, "load: the bytes of tensor '%.200s' do not fit its shape", e->name);
    if (right) take_values(&x->a, payload + e->begin, e->end - e->begin);
    right = right && tn_state_set(s, e->name, x);
    if (!right) tni_tensor_destroy_new(t, x);
    return right;
}

static tn_state *take_all(tni_thread *t, const char *path, const tni_safetensors *f, const unsigned char *data) {
    for (size_t i = 0; i < f->count; i++)
        if (!check_entry(path, &f->entries[i])) return NULL;
    tn_state *s = tn_state_new();
    bool right = s != NULL;
    for (size_t i = 0; i < f->count && right; i++) right = take_entry(t, s, &f->entries[i], data + f->payload_at);
    for (size_t i = 0; i < f->metadata_count && right; i++) right = tn_state_set_metadata(s, f->metadata[i].key, f->metadata[i].value);
    if (right) return s;
    if (s) tn_free(s);
    return NULL;
}

/** Reads a file that tn_save or safetensors wrote: the tensors in the order in which they lie in the file, and the metadata. The
 *  extension chooses the format, as for tn_save. TN_ERR_IO: it cannot be read; TN_ERR_FORMAT: it is damaged; TN_ERR_NOT_IMPLEMENTED: it
 *  holds a dtype that the library does not compute with; nothing stays allocated then. safetensors.torch.load_file. [scope] */
TN_API tn_state *tn_load(const char *path) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !check_path("load", path)) return NULL;
    void *data = NULL;
    size_t bytes = 0;
    if (!tni_file_read_all(path, SIZE_MAX / 2, &data, &bytes)) return NULL;
    tni_safetensors f = {0};
    tn_state *s = NULL;
    if (tni_safetensors_parse(data ? data : "", bytes, &f)) {
        s = take_all(t, path, &f, data);
        tni_safetensors_clear(&f);
    }
    tni_free(data, bytes);
    return s;
}
