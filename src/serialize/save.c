/* serialize/save.c - states as safetensors, in files and in memory. */
#include "base/error.h"
#include "base/memory.h"
#include "core/state.h"
#include "serialize/contents.h"
#include <string.h>
#include <tison/serialize.h>

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
        if (a->device != TNI_CPU) right = tni_refuse_values(a->device);
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

typedef struct saving {
    const plan *plan;
    const tn_state *state;
} saving;

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

static bool write_file(void *context, tni_file_writer *w) {
    const saving *s = context;
    return write_plan(tni_self(), s->plan, s->state, put_file, w);
}

/** Writes a state as a .safetensors file, whatever the path's name: safetensors.torch.save_file(state, path, metadata). The bytes
 *  are those of that function. The metadata is what tn_state_set_metadata put there; without any, the file has none.
 *  The file is replaced as a whole or not at all. Tensors are written row-major; two names of one tensor are both written in full.
 *  returns  false with TN_ERR_IO, and TN_ERR_VALUE for names that are not UTF-8
 */
TN_API bool tn_save_safetensors(tn_state *state, const char *path) {
    plan p;
    if (!begin(tni_self(), "save", state)) return false;
    TNI_TRY(tni_check_path("save", path));
    if (!plan_make(&p, state)) return tni_name_path("save", path);
    bool right = tni_write_file("save", path, write_file, &(saving){&p, state});
    plan_clear(&p);
    return right;
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

/** Reads a .safetensors file, whatever its name: safetensors.torch.load_file. Tensors in the file's order; its metadata by
 *  tn_state_metadata. All of the header is checked before a tensor is made, and no more memory is taken than the file has bytes.
 *  returns  [scope]; NULL with TN_ERR_IO, TN_ERR_FORMAT (what is wrong, and with which tensor), or TN_ERR_NOT_IMPLEMENTED for a
 *           tensor of a dtype that no tensor can have (F4, F6, F8_E8M0)
 */
TN_API tn_state *tn_load_safetensors(const char *path) {
    tni_thread *t = tni_self();
    tni_file f;
    tni_contents c = {0};
    if (!t || tni_failed() || !tni_check_path("load", path)) return NULL;
    tn_state *state = NULL;
    if (tni_file_open(&f, path) && tni_contents_safetensors(&c, (tni_source){&f, NULL, (size_t)f.size}))
        state = tni_contents_state(t, "load", &c, NULL);
    tni_contents_clear(&c);
    tni_file_close(&f);
    if (!state) (void)tni_name_path("load", path);
    return state;
}

/** Reads what tn_save_bytes or safetensors.torch.save made. Copies: the memory may go afterwards. [scope] */
TN_API tn_state *tn_load_bytes(const void *data, size_t bytes) {
    tni_thread *t = tni_self();
    tni_contents c = {0};
    if (!t || tni_failed()) return NULL;
    if (!data && bytes > 0) return (void)tni_fail(TN_ERR_TYPE, "load_bytes: argument 'data' is NULL"), NULL;
    bool right = tni_contents_safetensors(&c, (tni_source){NULL, data, bytes});
    tn_state *state = right ? tni_contents_state(t, "load", &c, NULL) : NULL;
    tni_contents_clear(&c);
    return state;
}
