/* serialize/pt.c - reads what torch.save wrote. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "serialize/bytes.h"
#include "serialize/pickle.h"
#include "serialize/zip.h"
#include <stdio.h>
#include <string.h>
#include <tison/serialize.h>

#define LARGEST_PICKLE ((uint64_t)256 << 20)

typedef struct archive {
    tni_zip zip;
    const char *root; /* "model/": the folder that all is in */
    size_t root_length;
    bool big_endian;
} archive;

/* ---- what kind of file it is ---- */

/* Why a file that is no zip archive is refused. */
static bool check_magic(const unsigned char *head, size_t n) {
    static const unsigned char legacy[] = {0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
    if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0) return true;
    TNI_CHECK(
        n < sizeof legacy || memcmp(head, legacy, sizeof legacy) != 0, TN_ERR_NOT_IMPLEMENTED,
        "load: a file of PyTorch before 1.6 (or of _use_new_zipfile_serialization=False); load it in PyTorch and save it again");
    TNI_CHECK(n < 262 || memcmp(head + 257, "ustar", 5) != 0, TN_ERR_NOT_IMPLEMENTED,
              "load: a tar file of PyTorch before 0.1.2; load it in PyTorch and save it again");
    return tni_fail(TN_ERR_FORMAT, "load: no file of torch.save: it is no zip archive");
}

static const tni_zip_entry *find(const archive *a, const char *member) {
    char name[1024];
    int n = snprintf(name, sizeof name, "%.*s%s", (int)a->root_length, a->root, member);
    return n > 0 && (size_t)n < sizeof name ? tni_zip_find(&a->zip, name) : NULL;
}

/* A small member as text, cut to the room. */
static bool read_text(const archive *a, const tni_zip_entry *e, char *out, size_t room) {
    TNI_CHECK(e->bytes < room, TN_ERR_FORMAT, "load: member '%.200s' is too long", e->name);
    out[e->bytes] = 0;
    return tni_zip_read(&a->zip, e, out);
}

static bool check_members(archive *a) {
    char order[16] = "little", version[32];
    const tni_zip_entry *first = a->zip.n ? &a->zip.entry[0] : NULL, *e;
    const char *slash = first ? strchr(first->name, '/') : NULL;
    TNI_CHECK(slash != NULL && slash - first->name < 900, TN_ERR_FORMAT, "load: a zip archive, but not of torch.save");
    a->root = first->name;
    a->root_length = (size_t)(slash - first->name) + 1;
    TNI_CHECK(!find(a, "constants.pkl"), TN_ERR_NOT_IMPLEMENTED,
              "load: a TorchScript archive; save the state_dict of the module instead");
    TNI_CHECK(find(a, "data.pkl") && (e = find(a, "version")) != NULL, TN_ERR_FORMAT,
              "load: a zip archive, but not of torch.save: 'data.pkl' or 'version' is missing");
    TNI_TRY(read_text(a, e, version, sizeof version));
    TNI_CHECK(version[0] >= '1' && version[0] <= '9', TN_ERR_FORMAT, "load: '%.16s' is no version of the format", version);
    if ((e = find(a, "byteorder")) != NULL) TNI_TRY(read_text(a, e, order, sizeof order));
    a->big_endian = strcmp(order, "big") == 0;
    TNI_CHECK(a->big_endian || strcmp(order, "little") == 0, TN_ERR_FORMAT, "load: '%s' is no byte order", order);
    return true;
}

/* ---- storages ---- */

static const tni_zip_entry *record_of(const archive *a, const tni_pickle_storage *s) {
    char name[96];
    snprintf(name, sizeof name, "data/%.64s", s->key->u.text);
    return find(a, name);
}

/* Everything is judged before the first byte of a tensor is read. */
static bool check_storages(const archive *a, tni_pickle *p) {
    for (size_t i = 0; i < p->tensors; i++) {
        if (p->tensor[i].storage == TNI_PICKLE_NO_STORAGE) continue;
        tni_pickle_storage *s = &p->storage[p->tensor[i].storage];
        if (s->dtype == TN_DTYPE_NONE) s->dtype = p->tensor[i].dtype;
        TNI_CHECK(s->dtype == p->tensor[i].dtype, TN_ERR_FORMAT, "load: storage '%s' is read as two dtypes", s->key->u.text);
    }
    for (size_t i = 0; i < p->storages; i++) {
        const tni_pickle_storage *s = &p->storage[i];
        const tni_zip_entry *e = record_of(a, s);
        TNI_CHECK(e != NULL, TN_ERR_FORMAT, "load: there is no storage '%s' in the archive", s->key->u.text);
        TNI_CHECK(e->bytes == s->bytes, TN_ERR_FORMAT, "load: storage '%s' should have %zu bytes, but has %llu", s->key->u.text,
                  s->bytes, (unsigned long long)e->bytes);
        if (s->dtype == TN_DTYPE_NONE) continue; /* no tensor uses it */
        TNI_CHECK(s->bytes % tni_dtype_size(s->dtype) == 0, TN_ERR_FORMAT, "load: storage '%s' of %zu bytes is not of %s",
                  s->key->u.text, s->bytes, tni_dtype_get(s->dtype)->name);
    }
    return true;
}

static bool read_storage(const archive *a, tni_pickle *p, tni_pickle_storage *s) {
    size_t item = tni_dtype_size(s->dtype);
    int64_t n = (int64_t)(s->bytes / item);
    s->data = tni_tensor_new(p->t, "load", s->dtype, &n, 1);
    if (!s->data) return false;
    TNI_TRY(tni_zip_read(&a->zip, record_of(a, s), s->data->a.data));
    bool complex = tni_dtype_get(s->dtype)->kind == TNI_KIND_COMPLEX;
    if (a->big_endian) tni_swap_bytes(s->data->a.data, complex ? 2 * (size_t)n : (size_t)n, complex ? item / 2 : item);
    uint8_t *truth = s->data->a.data;
    for (int64_t i = 0; s->dtype == TN_BOOL && i < n; i++) truth[i] = truth[i] != 0; /* the file may hold any byte */
    return true;
}

static tn_value *read_values(const archive *a, const void *data, size_t bytes) {
    tni_pickle p;
    bool right = tni_pickle_run(&p, "load", data, bytes) && check_storages(a, &p);
    for (size_t i = 0; i < p.tensors && right; i++) {
        if (p.tensor[i].storage == TNI_PICKLE_NO_STORAGE) continue;
        tni_pickle_storage *s = &p.storage[p.tensor[i].storage];
        right = s->data || read_storage(a, &p, s);
    }
    tn_value *v = right ? tni_pickle_result(&p) : NULL;
    tni_pickle_clear(&p);
    return v;
}

static tn_value *read_archive(archive *a) {
    if (!check_members(a)) return NULL;
    const tni_zip_entry *e = find(a, "data.pkl");
    if (e->bytes > LARGEST_PICKLE)
        return (void)tni_fail(TN_ERR_FORMAT, "load: a data.pkl of %llu bytes", (unsigned long long)e->bytes), NULL;
    void *data = tni_alloc((size_t)e->bytes + 1);
    tn_value *v = data && tni_zip_read(&a->zip, e, data) ? read_values(a, data, (size_t)e->bytes) : NULL;
    tni_free(data, (size_t)e->bytes + 1);
    return v;
}

static tn_value *load_from(tni_file *file, const void *memory, size_t bytes) {
    unsigned char head[262];
    archive a = {.big_endian = false};
    size_t n = TNI_MIN(bytes, sizeof head);
    if (file && !tni_file_read(file, head, n, 0)) return NULL;
    if (!check_magic(file ? head : memory, n) || !tni_zip_open(&a.zip, "load", file, memory, bytes)) return NULL;
    tn_value *v = read_archive(&a);
    tni_zip_close(&a.zip);
    return v;
}

/** Reads a .pt or .pth file: torch.load(path, map_location="cpu", weights_only=True). Nothing in the file is executed; names that
 *  are not in the table of allowed ones are refused. Tensors that share a storage in the file share it here. All is checked before
 *  a tensor is made.
 *  returns  [scope]; NULL with TN_ERR_IO, TN_ERR_FORMAT (what is wrong, and where), or TN_ERR_NOT_IMPLEMENTED for what this version
 *           does not read: files of PyTorch before 1.6, TorchScript, quantized and compressed sparse tensors, classes
 */
TN_API tn_value *tn_load_pt(const char *path) {
    tni_file f;
    if (!tni_self() || tni_failed()) return NULL;
    if (!path) return (void)tni_fail(TN_ERR_TYPE, "load: argument 'path' is NULL"), NULL;
    tn_value *v = tni_file_open(&f, path) ? load_from(&f, NULL, (size_t)f.size) : NULL;
    tni_file_close(&f);
    if (!v) (void)tni_name_path("load", path);
    return v;
}

/** The same, from memory. Copies: the memory may go afterwards. [scope] */
TN_API tn_value *tn_load_pt_bytes(const void *data, size_t bytes) {
    if (!tni_self() || tni_failed()) return NULL;
    if (!data && bytes > 0) return (void)tni_fail(TN_ERR_TYPE, "load_pt_bytes: argument 'data' is NULL"), NULL;
    return load_from(NULL, data ? data : "", bytes);
}
