/* serialize/pt_write.c - writes nested values as torch.save does: a zip archive with a pickle and the storages. */
#include "base/error.h"
#include "base/file.h"
#include "serialize/bytes.h"
#include "serialize/pt.h"
#include <stdio.h>
#include <string.h>
#include <tison/serialize.h>

enum { ALIGNMENT = 64 };

/* As torch names the folder: the file's name up to its last dot. */
static void name_root(char *out, size_t room, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t n = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    if (n >= room) n = room - 1;
    memcpy(out, name, n);
    out[n] = 0;
    if (n == 0) snprintf(out, room, "archive");
}

bool tni_pt_plan_make(tni_pt_plan *p, const char *who, tn_value *v, const char *path) {
    name_root(p->root, sizeof p->root, path);
    return tni_pickle_write(&p->pickle, who, v);
}
void tni_pt_plan_clear(tni_pt_plan *p) { tni_pickle_writer_clear(&p->pickle); }

static bool add_member(tni_zip_writer *w, const tni_pt_plan *p, const char *member, const void *data, size_t bytes) {
    char name[512];
    snprintf(name, sizeof name, "%s/%s", p->root, member);
    return tni_zip_add(w, name, &(tni_zip_piece){data, bytes}, 1, ALIGNMENT);
}
static bool add_text(tni_zip_writer *w, const tni_pt_plan *p, const char *member, const char *text) {
    return add_member(w, p, member, text, strlen(text));
}

/* Forty digits that depend on the names and on the contents: any text would do. */
static bool add_id(tni_zip_writer *w, const tni_pt_plan *p) {
    char id[64];
    uint64_t h = 14695981039346656037u;
    for (const char *c = p->root; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    h = (h ^ p->pickle.records) * 1099511628211u;
    snprintf(id, sizeof id, "%020llu%020llu", (unsigned long long)h, (unsigned long long)w->crcs);
    return add_text(w, p, ".data/serialization_id", id);
}

static bool add_all(tni_zip_writer *w, const tni_pt_plan *p, tni_pt_bytes *bytes, void *from) {
    TNI_TRY(add_member(w, p, "data.pkl", p->pickle.out.text, p->pickle.out.length));
    TNI_TRY(add_text(w, p, ".format_version", "1") && add_text(w, p, ".storage_alignment", "64"));
    TNI_TRY(add_text(w, p, "byteorder", "little"));
    for (size_t k = 0; k < p->pickle.records; k++) {
        char name[32];
        const tni_storage *s = p->pickle.record[k].storage;
        const void *data = bytes ? bytes(from, k) : NULL;
        snprintf(name, sizeof name, "data/%zu", k);
        TNI_TRY(add_member(w, p, name, data ? data : s->data, s->bytes));
    }
    return add_text(w, p, "version", "3\n") && add_id(w, p);
}

bool tni_pt_write(const tni_pt_plan *p, tni_pt_bytes *bytes, void *from, tni_put *put, void *to) {
    tni_zip_writer w;
    tni_zip_begin(&w, put, to);
    if (add_all(&w, p, bytes, from)) return tni_zip_finish(&w);
    tni_zip_abandon(&w);
    return false;
}

static bool put_file(void *to, const void *data, size_t bytes) { return tni_file_writer_write(to, data, bytes); }

bool tni_pt_write_file(const tni_pt_plan *p, tni_pt_bytes *bytes, void *from, const char *path) {
    tni_file_writer w;
    TNI_TRY(tni_file_writer_begin(&w, path));
    if (tni_pt_write(p, bytes, from, put_file, &w)) return tni_file_writer_commit(&w);
    tni_file_writer_abandon(&w);
    return false;
}

/** Writes a value as torch.save(value, path) does; PyTorch reads it by torch.load(path), with weights_only=True too. The bytes are
 *  those of torch.save but for the archive's id. Tensors that share a storage share it in the file; whole storages are written.
 *  `tn_save_pt(v, path)`: v is a tn_value, or what TN_VALUE takes: a tensor, a state, ...
 *  The file is replaced as a whole or not at all.
 *  returns  false with TN_ERR_IO, or TN_ERR_VALUE for values nested more than TN_VALUE_MAX_DEPTH deep and for one storage of two
 *           dtypes
 */
TN_API bool(tn_save_pt)(tn_value *v, const char *path) {
    tni_pt_plan p;
    if (tni_failed() || !tni_check_handle("save", "v", v, TNI_VALUE)) return false;
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "save: argument 'path' is NULL");
    bool right = tni_pt_plan_make(&p, "save", v, path) && tni_pt_write_file(&p, NULL, NULL, path);
    tni_pt_plan_clear(&p);
    return right || tni_name_path("save", path);
}

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_save_pt(v, path) (tn_save_pt)(TN_VALUE(v), path)
#endif
#endif
