/* serialize/zip_write.c - writes zip archives in one go from front to back. */
#include "base/crc32.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/zlib.h"
#include "serialize/zip.h"
#include <string.h>

#define LARGE UINT64_C(0xFFFFFFFF) /* from here on a number stands in the zip64 field */

enum { DEFLATE_BYTES = 64 << 10 };

/* Little-endian numbers, one after the other. */
typedef struct record {
    unsigned char byte[128];
    size_t n;
} record;

static void add(record *r, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) r->byte[r->n++] = (unsigned char)(value >> 8 * i);
}
static uint64_t small(uint64_t value) { return value >= LARGE ? LARGE : value; }

static bool put(tni_zip_writer *w, const void *data, size_t bytes) {
    if (bytes == 0) return true;
    w->at += bytes;
    return w->put(w->to, data, bytes);
}

void tni_zip_begin(tni_zip_writer *w, tni_put *function, void *to) { *w = (tni_zip_writer){.put = function, .to = to}; }

typedef struct member {
    const char *name;
    size_t name_length, alignment;
    uint64_t bytes, header;
    uint32_t crc;
    bool deflated;
    uint64_t packed; /* bytes in the archive */
} member;

/* Do the sizes and the checksum stand behind the payload? */
static bool is_later(const member *m) { return m->alignment > 0 || m->deflated; }

enum { FLAGS_LATER = 0x0808 /* sizes follow the payload; the name is UTF-8 */, FLAGS_PLAIN = 0x0800 };

static bool put_padding(tni_zip_writer *w, const member *m) {
    size_t pad = (size_t)((m->alignment - (w->at + 4) % m->alignment) % m->alignment);
    record field = {.n = 0};
    add(&field, 'F' | 'B' << 8, 2);
    add(&field, pad, 2);
    TNI_TRY(put(w, field.byte, field.n));
    for (; pad; pad--) TNI_TRY(put(w, "Z", 1));
    return true;
}

static bool put_local(tni_zip_writer *w, const member *m) {
    bool later = is_later(m), large = !later && m->bytes >= LARGE;
    size_t extra = m->alignment > 0 ? 4 + (size_t)((m->alignment - (w->at + 30 + m->name_length + 4) % m->alignment) % m->alignment)
                   : large          ? 20
                                    : 0;
    record r = {.n = 0};
    add(&r, 0x04034B50, 4);
    add(&r, m->deflated ? 20 : later ? 0 : large ? 45 : 20, 2);
    add(&r, later && (m->bytes || m->deflated) ? FLAGS_LATER : FLAGS_PLAIN, 2);
    add(&r, m->deflated ? 8 : 0, 2);
    add(&r, later ? 0 : 0x00210000, 4); /* no time; 1 January 1980 */
    add(&r, later ? 0 : m->crc, 4);
    add(&r, later ? 0 : small(m->bytes), 4);
    add(&r, later ? 0 : small(m->bytes), 4);
    add(&r, m->name_length, 2);
    add(&r, extra, 2);
    TNI_TRY(put(w, r.byte, r.n) && put(w, m->name, m->name_length));
    if (m->alignment > 0) return put_padding(w, m);
    r.n = 0;
    if (large) add(&r, 1, 2), add(&r, 16, 2), add(&r, m->bytes, 8), add(&r, m->bytes, 8);
    return put(w, r.byte, r.n);
}

static bool put_descriptor(tni_zip_writer *w, const member *m) {
    record r = {.n = 0};
    if (!is_later(m) || (m->bytes == 0 && !m->deflated)) return true;
    int width = m->bytes >= LARGE || m->packed >= LARGE ? 8 : 4;
    add(&r, 0x08074B50, 4);
    add(&r, m->crc, 4);
    add(&r, m->packed, width);
    add(&r, m->bytes, width);
    return put(w, r.byte, r.n);
}

static void add_central(tni_zip_writer *w, const member *m) {
    bool later = is_later(m);
    record r = {.n = 0}, extra = {.n = 0};
    if (m->bytes >= LARGE) add(&extra, m->bytes, 8);
    if (m->packed >= LARGE) add(&extra, m->packed, 8);
    if (m->header >= LARGE) add(&extra, m->header, 8);
    add(&r, 0x02014B50, 4);
    add(&r, 0, 2);
    add(&r, m->alignment > 0 ? 0 : extra.n ? 45 : 20, 2);
    add(&r, later && (m->bytes || m->deflated) ? FLAGS_LATER : FLAGS_PLAIN, 2);
    add(&r, m->deflated ? 8 : 0, 2);
    add(&r, later ? 0 : 0x00210000, 4);
    add(&r, m->crc, 4);
    add(&r, small(m->packed), 4);
    add(&r, small(m->bytes), 4);
    add(&r, m->name_length, 2);
    add(&r, extra.n ? extra.n + 4 : 0, 2);
    add(&r, 0, 8); /* no comment, disk 0, attributes */
    add(&r, 0, 2);
    add(&r, small(m->header), 4);
    tni_str_add_n(&w->directory, (char *)r.byte, r.n);
    tni_str_add_n(&w->directory, m->name, m->name_length);
    if (extra.n == 0) return;
    r.n = 0;
    add(&r, 1, 2), add(&r, extra.n, 2);
    tni_str_add_n(&w->directory, (char *)r.byte, r.n);
    tni_str_add_n(&w->directory, (char *)extra.byte, extra.n);
}

static bool deflate_piece(tni_zip_writer *w, tni_zlib *z, unsigned char *buffer, const tni_zip_piece *piece, bool last) {
    const unsigned char *in = piece->data;
    size_t left = piece->bytes;
    bool ended = false;
    while (left > 0 || (last && !ended)) {
        unsigned char *out = buffer;
        size_t room = DEFLATE_BYTES;
        TNI_TRY(tni_deflate_step(z, "save", &in, &left, &out, &room, last, &ended));
        TNI_TRY(put(w, buffer, DEFLATE_BYTES - room));
    }
    return true;
}

static bool deflate_pieces(tni_zip_writer *w, const tni_zip_piece *piece, size_t pieces) {
    static const tni_zip_piece nothing = {"", 0};
    tni_zlib z = {0};
    TNI_TRY(tni_deflate_begin(&z, "save", TNI_ZLIB_RAW, -1));
    unsigned char *buffer = tni_alloc(DEFLATE_BYTES);
    bool right = buffer != NULL;
    for (size_t i = 0; i < pieces && right; i++) right = deflate_piece(w, &z, buffer, &piece[i], false);
    right = right && deflate_piece(w, &z, buffer, &nothing, true);
    tni_free(buffer, DEFLATE_BYTES);
    tni_zlib_end(&z);
    return right;
}

static bool add_member(tni_zip_writer *w, member *m, const tni_zip_piece *piece, size_t pieces) {
    m->name_length = strlen(m->name);
    m->header = w->at;
    TNI_CHECK(m->name_length <= 0xFFFF, TN_ERR_VALUE, "save: a name of %zu bytes is too long for a zip archive", m->name_length);
    for (size_t i = 0; i < pieces; i++) {
        m->bytes += piece[i].bytes;
        m->crc = tni_crc32(m->crc, piece[i].data, piece[i].bytes);
    }
    w->crcs = tni_crc32(w->crcs, &m->crc, sizeof m->crc);
    m->packed = m->bytes;
    TNI_TRY(put_local(w, m));
    uint64_t start = w->at;
    for (size_t i = 0; i < pieces && !m->deflated; i++) TNI_TRY(put(w, piece[i].data, piece[i].bytes));
    if (m->deflated) TNI_TRY(deflate_pieces(w, piece, pieces));
    m->packed = w->at - start;
    TNI_TRY(put_descriptor(w, m));
    add_central(w, m);
    w->count++;
    return !w->directory.failed;
}

bool tni_zip_add(tni_zip_writer *w, const char *name, const tni_zip_piece *piece, size_t pieces, size_t alignment) {
    return add_member(w, &(member){.name = name, .alignment = alignment}, piece, pieces);
}

bool tni_zip_add_deflated(tni_zip_writer *w, const char *name, const tni_zip_piece *piece, size_t pieces) {
    return add_member(w, &(member){.name = name, .deflated = true}, piece, pieces);
}

bool tni_zip_finish(tni_zip_writer *w) {
    uint64_t directory = w->at, bytes = w->directory.length;
    record r = {.n = 0};
    bool right = !w->directory.failed && put(w, w->directory.text, w->directory.length);
    add(&r, 0x06064B50, 4), add(&r, 44, 8), add(&r, 0x031E, 2), add(&r, 45, 2), add(&r, 0, 8);
    add(&r, w->count, 8), add(&r, w->count, 8), add(&r, bytes, 8), add(&r, directory, 8);
    add(&r, 0x07064B50, 4), add(&r, 0, 4), add(&r, directory + bytes, 8), add(&r, 1, 4);
    add(&r, 0x06054B50, 4), add(&r, 0, 4), add(&r, TNI_MIN(w->count, 0xFFFF), 2), add(&r, TNI_MIN(w->count, 0xFFFF), 2);
    add(&r, small(bytes), 4), add(&r, small(directory), 4), add(&r, 0, 2);
    right = right && put(w, r.byte, r.n);
    tni_zip_abandon(w);
    return right;
}

void tni_zip_abandon(tni_zip_writer *w) { tni_str_clear(&w->directory); }
