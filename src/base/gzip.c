/* base/gzip.c - reads a file from its begin to its end, whether gzip has compressed it or not. */
#include "base/gzip.h"
#include "base/error.h"
#include "base/memory.h"
#include <string.h>

enum { BUFFER_BYTES = 128 << 10 };

/* Fills the empty buffer; nothing comes at the end of the file. */
static bool fill(tni_gzip *g) {
    int64_t left = g->file.size - g->offset;
    g->at = g->buffer;
    g->held = (size_t)TNI_MIN(left, (int64_t)BUFFER_BYTES);
    if (g->held > 0 && !tni_file_read(&g->file, g->buffer, g->held, g->offset)) return false;
    g->offset += (int64_t)g->held;
    return true;
}

static bool open_file(tni_gzip *g, const char *path) {
    TNI_TRY(tni_file_open(&g->file, path));
    g->buffer = tni_alloc(BUFFER_BYTES);
    if (!g->buffer || !fill(g)) return false;
    g->compressed = g->held >= 2 && g->at[0] == 0x1F && g->at[1] == 0x8B;
    return !g->compressed || tni_inflate_begin(&g->zlib, path, TNI_ZLIB_GZIP);
}

bool tni_gzip_open(tni_gzip *g, const char *path) {
    *g = (tni_gzip){.file.file = -1};
    if (open_file(g, path)) return true;
    tni_gzip_close(g);
    return false;
}

static bool read_plain(tni_gzip *g, unsigned char *out, size_t room) {
    size_t n = TNI_MIN(room, g->held);
    memcpy(out, g->at, n);
    g->at += n;
    g->held -= n;
    if (n == room) return true;
    TNI_TRY(tni_file_read(&g->file, out + n, room - n, g->offset));
    g->offset += (int64_t)(room - n);
    return true;
}

/* What follows a member is another one, or (as gzip has it) only zero bytes. */
static bool next_member(tni_gzip *g) {
    if (g->held == 0) TNI_TRY(fill(g));
    if (g->held > 0 && *g->at == 0x1F) {
        g->member_ended = false;
        return tni_inflate_again(&g->zlib, g->file.path);
    }
    while (g->held > 0) {
        TNI_CHECK(*g->at == 0, TN_ERR_FORMAT, "%.700s: something that is not gzip follows behind the compressed data",
                  g->file.path);
        g->at++;
        if (--g->held == 0) TNI_TRY(fill(g));
    }
    g->ended = true;
    return true;
}

static bool inflate_some(tni_gzip *g, unsigned char **out, size_t *room) {
    size_t before = *room;
    if (g->held == 0) TNI_TRY(fill(g));
    bool input = g->held > 0; /* without any, zlib may still hold some output */
    TNI_TRY(tni_inflate_step(&g->zlib, g->file.path, &g->at, &g->held, out, room, &g->member_ended));
    TNI_CHECK(input || *room < before || g->member_ended, TN_ERR_FORMAT, "%.700s: the compressed data ends too early",
              g->file.path);
    return true;
}

bool tni_gzip_read(tni_gzip *g, void *data, size_t room, size_t *bytes) {
    unsigned char *out = data;
    *bytes = 0;
    if (!g->compressed) {
        uint64_t left = (uint64_t)(g->file.size - g->offset) + g->held;
        *bytes = (size_t)TNI_MIN((uint64_t)room, left);
        return read_plain(g, out, *bytes);
    }
    size_t left = room;
    while (left > 0 && !g->ended) TNI_TRY(g->member_ended ? next_member(g) : inflate_some(g, &out, &left));
    *bytes = room - left;
    return true;
}

uint64_t tni_gzip_most(const tni_gzip *g) {
    uint64_t size = (uint64_t)g->file.size, most;
    if (!g->compressed) return size;
    return TNI_MUL(size, (uint64_t)TNI_DEFLATE_MOST, &most) ? most : UINT64_MAX;
}

void tni_gzip_close(tni_gzip *g) {
    tni_zlib_end(&g->zlib);
    tni_free(g->buffer, BUFFER_BYTES);
    g->buffer = NULL;
    tni_file_close(&g->file);
}
