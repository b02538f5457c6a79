/* serialize/numpy.c - NumPy's files: .npy with one array, .npz with several. */
#include "base/error.h"
#include "core/op.h"
#include "core/state.h"
#include "serialize/contents.h"
#include "serialize/npy.h"
#include <tison/serialize.h>

#ifdef TN_HEADER
typedef struct tn_save_npz_opts {
    size_t size;
    bool compressed; /* false: numpy.savez; true: numpy.savez_compressed, which needs zlib */
} tn_save_npz_opts;
#ifndef __cplusplus
#define tn_save_npz(...) tn_save_npz_(__VA_ARGS__, )
#define tn_save_npz_(state, path, ...)                                                                                             \
    TN_WITH(tn_save_npz_opts, (.compressed = false), (tn_save_npz)(state, path, &tn_o), __VA_ARGS__)
#endif
#endif

/* ---- reading ---- */

/** Reads a .npy file, whatever its name: torch.from_numpy(numpy.load(path)). Versions 1.0 to 3.0 of the format; big-endian numbers are
 *  turned round; an array in Fortran order becomes a tensor with such strides. Arrays of objects hold a pickle and are refused.
 *  returns  [scope]; NULL with TN_ERR_IO, TN_ERR_FORMAT (what is wrong), TN_ERR_NOT_IMPLEMENTED for elements that no tensor can hold
 */
TN_API tn_tensor *tn_load_npy(const char *path) {
    tni_thread *t = tni_self();
    tni_file f;
    tni_contents c = {0};
    if (!t || tni_failed() || !tni_check_path("load_npy", path)) return NULL;
    tn_tensor *x = NULL;
    if (tni_file_open(&f, path) && tni_contents_npy(&c, (tni_source){&f, NULL, (size_t)f.size}))
        x = tni_contents_tensor(t, "load_npy", &c, &c.item[0], NULL);
    tni_contents_clear(&c);
    tni_file_close(&f);
    if (!x) return (void)tni_name_path("load_npy", path), NULL;
    return tni_give(t, x);
}

/** Reads a .npz file, whatever its name: numpy.load(path) with all its arrays, stored or compressed (that needs zlib); as tn_load_npy
 *  each. The names are those of numpy's keywords, without ".npy". [scope] */
TN_API tn_state *tn_load_npz(const char *path) {
    tni_thread *t = tni_self();
    tni_file f;
    tni_contents c = {0};
    if (!t || tni_failed() || !tni_check_path("load_npz", path)) return NULL;
    tn_state *state = NULL;
    if (tni_file_open(&f, path) && tni_contents_npz(&c, (tni_source){&f, NULL, (size_t)f.size}))
        state = tni_contents_state(t, "load_npz", &c, NULL);
    tni_contents_clear(&c);
    tni_file_close(&f);
    if (!state) (void)tni_name_path("load_npz", path);
    return state;
}

/* ---- writing ---- */

/* Hands the head and the row-major elements of x to `put`. */
static bool put_array(const tn_tensor *x, bool (*put)(void *to, const tni_zip_piece *piece), void *to) {
    tni_str head = {0};
    tn_tensor *made = NULL;
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    TNI_TRY(x->a.device == TNI_CPU || tni_refuse_values(x->a.device));
    const tni_array *a =
        tni_npy_head(&head, dtype, x->a.sizes, x->a.ndim) ? tni_array_as(tni_self(), "save", x, dtype, true, &made) : NULL;
    bool right = a && put(to, (tni_zip_piece[]){{head.text, head.length}, {a->data, (size_t)a->numel * tni_array_item(a)}});
    tni_tensor_destroy_new(tni_self(), made);
    tni_str_clear(&head);
    return right;
}

static bool put_to_file(void *to, const tni_zip_piece *piece) {
    return tni_file_writer_write(to, piece[0].data, piece[0].bytes) && tni_file_writer_write(to, piece[1].data, piece[1].bytes);
}

static bool write_npy(void *context, tni_file_writer *w) { return put_array(context, put_to_file, w); }

/** Writes x as a .npy file, whatever the path's name: numpy.save(path, x.numpy()) of a contiguous array, byte by byte. The file is
 *  replaced as a whole or not at all.
 *  x        any strides; TN_ERR_DTYPE for a dtype that NumPy lacks: bfloat16 and the float8 kinds
 */
TN_API bool tn_save_npy(tn_tensor *x, const char *path) {
    if (!tni_self() || tni_failed() || !tni_check_handle("save_npy", "x", x, TNI_TENSOR)) return false;
    return tni_check_path("save_npy", path) && tni_write_file("save_npy", path, write_npy, x);
}

typedef struct npz {
    const tn_state *state;
    bool compressed;
    tni_zip_writer zip;
    tni_str name; /* of the member at hand */
} npz;

static bool put_to_zip(void *to, const tni_zip_piece *piece) {
    npz *z = to;
    return z->compressed ? tni_zip_add_deflated(&z->zip, z->name.text, piece, 2) : tni_zip_add(&z->zip, z->name.text, piece, 2, 0);
}

static bool put_bytes(void *to, const void *data, size_t bytes) { return tni_file_writer_write(to, data, bytes); }

static bool put_item(npz *z, const tni_found *item) {
    z->name.length = 0;
    tni_str_add(&z->name, item->name);
    tni_str_add(&z->name, ".npy");
    return !z->name.failed && put_array((const tn_tensor *)item->value, put_to_zip, z);
}

static bool write_npz(void *context, tni_file_writer *w) {
    npz *z = context;
    bool right = true;
    tni_zip_begin(&z->zip, put_bytes, w);
    for (size_t i = 0; i < z->state->n && right; i++) right = put_item(z, &z->state->item[i]);
    tni_str_clear(&z->name);
    if (right) return tni_zip_finish(&z->zip);
    tni_zip_abandon(&z->zip);
    return false;
}

/** Writes a state as a .npz file, whatever the path's name: numpy.savez(path, **arrays). The file is replaced as a whole or not at all.
 *  state    tensors as tn_save_npy takes them; its metadata has no place in the format
 */
TN_API bool(tn_save_npz)(tn_state *state, const char *path, const tn_save_npz_opts *opts) {
    if (!tni_self() || tni_failed() || !tni_check_handle("save_npz", "state", state, TNI_STATE)) return false;
    npz z = {.state = state, .compressed = TNI_OPT(opts, compressed, false)};
    return tni_check_path("save_npz", path) && tni_write_file("save_npz", path, write_npz, &z);
}
