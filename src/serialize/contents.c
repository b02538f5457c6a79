/* serialize/contents.c - what lies in a file of tensors, whatever its format: names, dtypes, shapes, places. */
#include "serialize/contents.h"
#include "base/crc32.h"
#include "base/error.h"
#include "base/memory.h"
#include "serialize/npy.h"
#include <string.h>
#include <tison/module.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the files hold little-endian numbers: this machine needs a conversion that is not written"
#endif

/* ---- safetensors ---- */

static bool read_safetensors(tni_contents *c) {
    unsigned char first8[8] = {0};
    size_t length = 0, bytes = c->source.bytes;
    TNI_TRY(tni_source_read(&c->source, first8, TNI_MIN(bytes, sizeof first8), 0));
    TNI_TRY(tni_safetensors_header_length(first8, bytes, &length));
    char *text = tni_alloc(length + 1);
    if (!text) return false;
    bool right = tni_source_read(&c->source, text, length, sizeof first8) &&
                 tni_safetensors_parse_header(text, length, bytes - sizeof first8 - length, &c->safetensors);
    tni_free(text, length + 1);
    return right;
}

bool tni_contents_safetensors(tni_contents *c, tni_source source) {
    *c = (tni_contents){.source = source};
    tni_safetensors *s = &c->safetensors;
    TNI_TRY(read_safetensors(c) && tni_reserve(&c->item, &c->capacity, s->count, sizeof *c->item));
    for (size_t i = 0; i < s->count; i++) {
        const tni_safetensors_entry *e = &s->entries[i];
        c->item[c->n++] = (tni_item){
            .name = e->name,
            .dtype_name = e->dtype_name,
            .dtype = e->dtype,
            .ndim = (size_t)e->ndim,
            .sizes = e->sizes,
            .at = s->payload_at + e->begin,
            .bytes = e->end - e->begin,
        };
    }
    c->pair = s->metadata;
    c->pairs = s->metadata_count;
    return true;
}

/* ---- npy and npz ---- */

/* Makes an item of a head of a .npy file whose elements end at `end` of where they lie. */
static bool add_npy(tni_contents *c, const char *name, size_t name_length, const tni_npy *a, const tni_zip_entry *member,
                    size_t base) {
    TNI_TRY(tni_reserve(&c->item, &c->capacity, c->n + 1, sizeof *c->item));
    size_t bytes = a->ndim * sizeof(int64_t) + name_length + 1;
    int64_t *sizes = tni_alloc(bytes);
    if (!sizes) return false;
    char *copy = (char *)(sizes + a->ndim);
    memcpy(sizes, a->sizes, a->ndim * sizeof *sizes);
    memcpy(copy, name, name_length);
    copy[name_length] = 0;
    c->item[c->n++] = (tni_item){
        .name = copy,
        .dtype_name = tni_dtype_get(a->dtype)->name,
        .dtype = a->dtype,
        .ndim = a->ndim,
        .sizes = sizes,
        .at = base + a->at,
        .bytes = a->bytes,
        .swapped = a->swapped,
        .fortran = a->fortran && a->ndim > 1,
        .member = member,
        .block = sizes,
        .block_bytes = bytes,
    };
    return true;
}

/* Reads the head of an array that lies at `at` of the source, `total` bytes of it. */
static bool read_head(const tni_source *s, size_t at, size_t total, tni_npy *out) {
    unsigned char first[TNI_NPY_FIRST] = {0};
    size_t length = 0;
    TNI_TRY(tni_source_read(s, first, TNI_MIN(total, sizeof first), at) && tni_npy_head_length(first, total, &length));
    char *head = tni_alloc(length);
    if (!head) return false;
    bool right = tni_source_read(s, head, length, at) && tni_npy_parse(head, length, total, out);
    tni_free(head, length);
    return right;
}

bool tni_contents_npy(tni_contents *c, tni_source source) {
    tni_npy a;
    *c = (tni_contents){.source = source};
    return read_head(&source, 0, source.bytes, &a) && add_npy(c, "arr_0", 5, &a, NULL, 0);
}

/* The latch's error with the member's name in front. */
static bool name_member(const tni_zip_entry *e) {
    tn_saved_error held;
    tn_error_take(&held);
    if (held.status == TN_ERR_MEMORY || held.status == TN_ERR_IO) return tn_error_put(&held), false;
    return tni_fail(held.status, "npz: member '%.200s': %.3600s", e->name, held.message);
}

/* Of a deflated member the head alone is unpacked. */
static bool packed_head(const tni_contents *c, const tni_zip_entry *e, tni_npy *out) {
    unsigned char first[TNI_NPY_FIRST] = {0};
    size_t total = (size_t)e->bytes, length = 0;
    TNI_TRY(tni_zip_read_start(&c->zip, e, first, TNI_MIN(total, sizeof first)) && tni_npy_head_length(first, total, &length));
    char *head = tni_alloc(length);
    if (!head) return false;
    bool right = tni_zip_read_start(&c->zip, e, head, length) && tni_npy_parse(head, length, total, out);
    tni_free(head, length);
    return right;
}

static bool add_member(tni_contents *c, const tni_zip_entry *e) {
    tni_npy a;
    size_t length = strlen(e->name);
    TNI_CHECK(length > 4 && strcmp(e->name + length - 4, ".npy") == 0, TN_ERR_FORMAT,
              "npz: member '%.200s' is no array: its name does not end in .npy", e->name);
    bool right = e->deflated ? packed_head(c, e, &a) : read_head(&c->source, (size_t)e->at, (size_t)e->bytes, &a);
    if (!right) return name_member(e);
    return add_npy(c, e->name, length - 4, &a, e, e->deflated ? 0 : (size_t)e->at);
}

bool tni_contents_npz(tni_contents *c, tni_source source) {
    *c = (tni_contents){.source = source};
    TNI_TRY(tni_zip_open(&c->zip, "npz", source.file, source.memory, source.bytes));
    for (size_t i = 0; i < c->zip.n; i++) TNI_TRY(add_member(c, &c->zip.entry[i]));
    return true;
}

void tni_contents_clear(tni_contents *c) {
    for (size_t i = 0; i < c->n; i++) tni_free(c->item[i].block, c->item[i].block_bytes);
    tni_free(c->item, c->capacity * sizeof *c->item);
    tni_safetensors_clear(&c->safetensors);
    if (c->zip.who) tni_zip_close(&c->zip);
    *c = (tni_contents){0};
}

const tni_item *tni_contents_find(const tni_contents *c, const char *name) {
    if (c->safetensors.block) {
        const tni_safetensors_entry *e = tni_safetensors_find(&c->safetensors, name);
        return e ? &c->item[e - c->safetensors.entries] : NULL;
    }
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->item[i].name, name) == 0) return &c->item[i];
    return NULL;
}

/* ---- tensors ---- */

bool tni_item_check(const char *who, const tni_item *e) {
    TNI_CHECK(e->dtype != TN_DTYPE_NONE && tni_dtype_get(e->dtype)->stores, TN_ERR_NOT_IMPLEMENTED,
              "%s: tensor \"%.200s\": no tensor can have its dtype %s", who, e->name, e->dtype_name);
    TNI_CHECK(e->ndim <= TNI_MAX_DIMS, TN_ERR_NOT_IMPLEMENTED, "%s: tensor \"%.200s\": %zu dimensions, at most %d are supported",
              who, e->name, e->ndim, (int)TNI_MAX_DIMS);
    return true;
}

/* Strides of what `sizes` says, the last index fastest or the first. */
static void set_strides(const tni_item *e, int64_t *strides) {
    int64_t stride = 1;
    for (size_t k = 0; k < e->ndim; k++) {
        size_t d = e->fortran ? k : e->ndim - 1 - k;
        strides[d] = stride;
        stride *= TNI_MAX(e->sizes[d], 1);
    }
}

/* A tensor of the item's shape and order on a storage of its own; takes the storage. */
static tn_tensor *tensor_on(tni_thread *t, const char *who, const tni_item *e, tni_storage *s) {
    int64_t strides[TNI_MAX_DIMS];
    tn_tensor *x = s ? tni_object_new(t, TNI_TENSOR, sizeof *x) : NULL;
    set_strides(e, strides);
    bool right = x && tni_array_view(&x->a, who, s, e->dtype, e->sizes, strides, e->ndim, 0);
    tni_storage_release(s);
    if (right) {
        x->inference = t->inference;
        return x;
    }
    tni_tensor_destroy_new(t, x);
    return NULL;
}

static size_t number_bytes(tn_dtype dtype) { return tni_dtype_size(tni_dtype_real(dtype)); }

/* The elements of a stored member, with the checksum, which covers the head in front of them too. */
static bool read_stored(const tni_contents *c, const tni_item *e, void *out) {
    size_t start = (size_t)e->member->at, length = e->at - start;
    char *head = tni_alloc(length);
    if (!head) return false;
    bool right = tni_source_read(&c->source, head, length, start) && tni_source_read(&c->source, out, e->bytes, e->at);
    uint32_t crc = right ? tni_crc32(tni_crc32(0, head, length), out, e->bytes) : 0;
    tni_free(head, length);
    TNI_CHECK(!right || e->member->crc == crc || e->member->crc == 0, TN_ERR_FORMAT,
              "npz: member '%.200s' is damaged: its checksum does not fit", e->member->name);
    return right;
}

static bool read_deflated(const tni_contents *c, const tni_item *e, void *out) {
    char *all = tni_alloc((size_t)e->member->bytes);
    bool right = all && tni_zip_read(&c->zip, e->member, all);
    if (right) memcpy(out, all + e->at, e->bytes);
    tni_free(all, (size_t)e->member->bytes);
    return right;
}

static bool read_elements(const tni_contents *c, const tni_item *e, void *out) {
    if (!e->member) TNI_TRY(tni_source_read(&c->source, out, e->bytes, e->at));
    if (e->member) TNI_TRY(e->member->deflated ? read_deflated(c, e, out) : read_stored(c, e, out));
    size_t size = number_bytes(e->dtype);
    uint8_t *truth = out;
    if (e->swapped) tni_swap_bytes(out, e->bytes / size, size);
    for (size_t i = 0; e->dtype == TN_BOOL && i < e->bytes; i++) truth[i] = truth[i] != 0; /* the formats allow any byte */
    return true;
}

static bool can_map(const tni_item *e, const tni_mapping *map) {
    return map && e->bytes > 0 && !(e->member && e->member->deflated) && !e->swapped && e->dtype != TN_BOOL &&
           e->at % number_bytes(e->dtype) == 0;
}

tn_tensor *tni_contents_tensor(tni_thread *t, const char *who, const tni_contents *c, const tni_item *e, tni_mapping *map) {
    if (!tni_item_check(who, e)) return NULL;
    if (can_map(e, map)) {
        tni_storage *s = tni_storage_wrap((char *)map->data + e->at, e->bytes, tni_mapping_release, map);
        if (s) (void)tni_mapping_share(map);
        return tensor_on(t, who, e, s);
    }
    tni_storage *s = tni_storage_new(e->bytes);
    if (s && !read_elements(c, e, s->data)) {
        tni_storage_release(s);
        return NULL;
    }
    return tensor_on(t, who, e, s);
}

static bool add_to_state(tni_thread *t, tn_state *state, const char *who, const tni_contents *c, const tni_item *e,
                         tni_mapping *map) {
    tn_tensor *x = tni_contents_tensor(t, who, c, e, map);
    if (!x) return false;
    bool right = tn_state_set(state, e->name, x);
    if (!right) tni_tensor_destroy_new(t, x);
    return right;
}

tn_state *tni_contents_state(tni_thread *t, const char *who, const tni_contents *c, tni_mapping *map) {
    bool right = true;
    for (size_t i = 0; i < c->n && right; i++) right = tni_item_check(who, &c->item[i]); /* all, before any memory is taken */
    if (!right || !tni_inner_enter(t)) return NULL;
    tn_state *state = tn_state_new();
    right = state != NULL;
    for (size_t i = 0; i < c->n && right; i++) right = add_to_state(t, state, who, c, &c->item[i], map);
    for (size_t i = 0; i < c->pairs && right; i++) right = tn_state_set_metadata(state, c->pair[i].key, c->pair[i].value);
    return tni_inner_return(t, right ? state : NULL);
}
