/* serialize/zip.c - reads zip archives: what is not consistent in itself is refused before anything is made of it. */
#include "serialize/zip.h"
#include "base/crc32.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "base/zlib.h"
#include <string.h>

enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, CENTRAL_BYTES = 46, LOCAL_BYTES = 30, MOST_COMMENT = 65535 };
enum { FLAG_ENCRYPTED = 1, FLAG_DESCRIPTOR = 8, FLAG_STRONG = 0x40, FLAG_MASKED = 0x2000, DEFLATED = 8 };
#define MOST_DIRECTORY ((uint64_t)256 << 20)
#define MOST_DEFLATED 1032 /* bytes that one byte of DEFLATE can become */
#define INFLATE_BYTES ((size_t)64 << 10)

static uint64_t number(const unsigned char *p, int bytes) {
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}
static uint16_t u16(const unsigned char *p) { return (uint16_t)number(p, 2); }
static uint32_t u32(const unsigned char *p) { return (uint32_t)number(p, 4); }
static uint64_t u64(const unsigned char *p) { return number(p, 8); }

static bool fetch(const tni_zip *z, void *out, size_t bytes, uint64_t offset) {
    if (bytes == 0) return true;
    if (z->file) return tni_file_read(z->file, out, bytes, (int64_t)offset);
    memcpy(out, z->memory + offset, bytes);
    return true;
}

#define WRONG(...) tni_fail(TN_ERR_FORMAT, __VA_ARGS__)

/* ---- the end of the archive ---- */

typedef struct ending {
    uint64_t at;        /* where the end records begin: the directory must reach up to here */
    uint64_t count;     /* of entries */
    uint64_t directory; /* its offset */
    uint64_t bytes;     /* of the directory */
} ending;

/* Two readers of one archive must see the same end record: so there must be one only. */
static bool find_end(const tni_zip *z, const unsigned char *tail, size_t bytes, size_t *at) {
    size_t found = 0;
    for (size_t i = bytes >= END_BYTES ? bytes - END_BYTES + 1 : 0; i-- > 0;) {
        if (u32(tail + i) != 0x06054B50 || i + END_BYTES + u16(tail + i + 20) != bytes) continue;
        *at = i;
        found++;
    }
    if (found == 0) return WRONG("%s: no zip archive: its end record is missing (a file that was cut?)", z->who);
    return found == 1 || WRONG("%s: a zip archive with two end records", z->who);
}

static bool agrees(uint64_t small, uint64_t large, uint64_t all_ones) { return small == large || small == all_ones; }

/* The zip64 record in front of the end record, when there is one, says the numbers in 64 bits. */
static bool read_end64(const tni_zip *z, const unsigned char *end, ending *e) {
    unsigned char locator[LOCATOR_BYTES], record[END64_BYTES];
    if (e->at < LOCATOR_BYTES) return true;
    TNI_TRY(fetch(z, locator, sizeof locator, e->at - LOCATOR_BYTES));
    if (u32(locator) != 0x07064B50) return true;
    uint64_t at = u64(locator + 8), locator_at = e->at - LOCATOR_BYTES;
    bool fits = u32(locator + 4) == 0 && u32(locator + 16) <= 1 && at <= locator_at && locator_at - at >= END64_BYTES;
    TNI_TRY(!fits || fetch(z, record, sizeof record, at));
    fits = fits && u32(record) == 0x06064B50 && u64(record + 4) == locator_at - at - 12;
    fits = fits && agrees(u16(end + 10), u64(record + 32), 0xFFFF) && agrees(u32(end + 12), u64(record + 40), 0xFFFFFFFF) &&
           agrees(u32(end + 16), u64(record + 48), 0xFFFFFFFF) && u64(record + 24) == u64(record + 32);
    if (!fits) return WRONG("%s: the zip64 end record does not fit the archive", z->who);
    *e = (ending){at, u64(record + 32), u64(record + 48), u64(record + 40)};
    return true;
}

static bool read_end(const tni_zip *z, ending *e) {
    size_t bytes = (size_t)TNI_MIN(z->size, (uint64_t)(END_BYTES + MOST_COMMENT)), at = 0;
    unsigned char *tail = tni_alloc(bytes + 1), end[END_BYTES];
    if (!tail) return false;
    bool right = fetch(z, tail, bytes, z->size - bytes) && find_end(z, tail, bytes, &at);
    if (right) memcpy(end, tail + at, sizeof end);
    tni_free(tail, bytes + 1);
    TNI_TRY(right);
    *e = (ending){z->size - bytes + at, u16(end + 10), u32(end + 16), u32(end + 12)};
    if (u16(end + 4) != 0 || u16(end + 6) != 0 || u16(end + 8) != u16(end + 10))
        return tni_fail(TN_ERR_NOT_IMPLEMENTED, "%s: a zip archive of several disks", z->who);
    TNI_TRY(read_end64(z, end, e));
    if (e->directory > e->at || e->bytes != e->at - e->directory)
        return WRONG("%s: the zip directory (%llu bytes at %llu) does not reach up to the end record at %llu", z->who,
                     (unsigned long long)e->bytes, (unsigned long long)e->directory, (unsigned long long)e->at);
    if (e->bytes > MOST_DIRECTORY || e->count > e->bytes / CENTRAL_BYTES)
        return WRONG("%s: a zip directory of %llu bytes cannot hold %llu entries", z->who, (unsigned long long)e->bytes,
                     (unsigned long long)e->count);
    return true;
}

/* ---- entries ---- */

/* The 64-bit numbers of fields that are all ones, from the extra field 1. false: they are missing. */
static bool read_extra64(const unsigned char *extra, size_t n, uint64_t *const field[], size_t fields) {
    for (size_t i = 0; i + 4 <= n;) {
        size_t length = u16(extra + i + 2);
        if (length > n - i - 4) return false;
        if (u16(extra + i) == 1) {
            if (length < 8 * fields) return false;
            for (size_t k = 0; k < fields; k++) *field[k] = u64(extra + i + 4 + 8 * k);
            return true;
        }
        i += 4 + length;
    }
    return fields == 0;
}

static bool check_flags(const tni_zip *z, const char *name, unsigned flags, unsigned method) {
    TNI_CHECK(!(flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)), TN_ERR_NOT_IMPLEMENTED, "%s: member '%.200s' is encrypted",
              z->who, name);
    TNI_CHECK(method == 0 || method == DEFLATED, TN_ERR_NOT_IMPLEMENTED, "%s: member '%.200s' is packed by method %u", z->who, name,
              method);
    return true;
}

/* One record of the directory at p, `left` bytes; *taken: its length. The name becomes NUL-terminated where its record began. */
static bool read_central(const tni_zip *z, unsigned char *p, size_t left, tni_zip_entry *e, size_t *taken) {
    if (left < CENTRAL_BYTES || u32(p) != 0x02014B50) return WRONG("%s: the zip directory is damaged", z->who);
    size_t name = u16(p + 28), extra = u16(p + 30), comment = u16(p + 32);
    *taken = CENTRAL_BYTES + name + extra + comment;
    if (*taken > left) return WRONG("%s: the zip directory is damaged", z->who);
    unsigned flags = u16(p + 8), method = u16(p + 10), disk = u16(p + 34);
    *e = (tni_zip_entry){(const char *)p, u32(p + 42), 0, u32(p + 24), u32(p + 20), u32(p + 16), method == DEFLATED};
    uint64_t *field[3];
    size_t fields = 0;
    if (e->bytes == 0xFFFFFFFF) field[fields++] = &e->bytes;
    if (e->packed == 0xFFFFFFFF) field[fields++] = &e->packed;
    if (e->header == 0xFFFFFFFF) field[fields++] = &e->header;
    bool right = read_extra64(p + CENTRAL_BYTES + name, extra, field, fields) && disk == 0;
    memmove(p, p + CENTRAL_BYTES, name);
    p[name] = 0;
    if (!right) return WRONG("%s: member '%.200s': its zip64 numbers are missing", z->who, e->name);
    if (strlen(e->name) != name || name == 0) return WRONG("%s: a member's name is empty or has a NUL in it", z->who);
    TNI_TRY(check_flags(z, e->name, flags, method));
    if (!e->deflated && e->packed != e->bytes)
        return WRONG("%s: member '%.200s' is stored, but its two sizes differ: %llu and %llu", z->who, e->name,
                     (unsigned long long)e->packed, (unsigned long long)e->bytes);
    if (e->deflated && e->bytes / MOST_DEFLATED > e->packed)
        return WRONG("%s: member '%.200s': %llu packed bytes cannot become %llu", z->who, e->name, (unsigned long long)e->packed,
                     (unsigned long long)e->bytes);
    return true;
}

/* The header in front of the payload must say the same; torch.save leaves its numbers 0, others may when a descriptor follows. */
static bool read_local(const tni_zip *z, tni_zip_entry *e, uint64_t limit) {
    unsigned char local[LOCAL_BYTES];
    size_t n = strlen(e->name);
    bool fits = e->header <= limit && limit - e->header >= LOCAL_BYTES + n;
    TNI_TRY(!fits || fetch(z, local, sizeof local, e->header));
    if (!fits || u32(local) != 0x04034B50)
        return WRONG("%s: member '%.200s': there is no header at %llu", z->who, e->name, (unsigned long long)e->header);
    unsigned flags = u16(local + 6), method = u16(local + 8);
    TNI_TRY(check_flags(z, e->name, flags, method));
    bool same = u16(local + 26) == n && (method == DEFLATED) == e->deflated;
    char *name = tni_alloc(n + 1);
    if (!name) return false;
    bool read = fetch(z, name, n, e->header + LOCAL_BYTES);
    same = same && read && memcmp(name, e->name, n) == 0;
    tni_free(name, n + 1);
    TNI_TRY(read);
    bool later = flags & FLAG_DESCRIPTOR;
    same = same && ((later && u32(local + 14) == 0) || u32(local + 14) == e->crc);
    same = same && ((later && u32(local + 18) == 0) || agrees(u32(local + 18), e->packed, 0xFFFFFFFF));
    same = same && ((later && u32(local + 22) == 0) || agrees(u32(local + 22), e->bytes, 0xFFFFFFFF));
    if (!same) return WRONG("%s: member '%.200s': the directory and its own header differ", z->who, e->name);
    e->at = e->header + LOCAL_BYTES + n + u16(local + 28);
    if (e->at > limit || e->packed > limit - e->at)
        return WRONG("%s: member '%.200s' (%llu bytes at %llu) reaches into the directory", z->who, e->name,
                     (unsigned long long)e->packed, (unsigned long long)e->at);
    return true;
}

static int compare_names(const void *context, size_t a, size_t b) {
    const tni_zip_entry *e = context;
    return strcmp(e[a].name, e[b].name);
}
static int compare_places(const void *context, size_t a, size_t b) {
    const tni_zip_entry *e = context;
    return e[a].header < e[b].header ? -1 : e[a].header > e[b].header;
}

/* Uses by_name for the order of places first. */
static bool check_orders(tni_zip *z, uint64_t directory) {
    uint64_t end = 0;
    tni_sort(z->by_name, z->n, compare_places, z->entry);
    for (size_t i = 0; i < z->n; i++) {
        const tni_zip_entry *e = &z->entry[z->by_name[i]];
        if (e->header < end) return WRONG("%s: member '%.200s' overlaps another", z->who, e->name);
        if (i == 0 && e->header != 0)
            return WRONG("%s: %llu bytes stand in front of the zip archive", z->who, (unsigned long long)e->header);
        end = e->at + e->packed;
    }
    if (z->n == 0 && directory != 0)
        return WRONG("%s: %llu bytes stand in front of the zip archive", z->who, (unsigned long long)directory);
    tni_sort(z->by_name, z->n, compare_names, z->entry);
    for (size_t i = 1; i < z->n; i++)
        if (compare_names(z->entry, z->by_name[i - 1], z->by_name[i]) == 0)
            return WRONG("%s: member '%.200s' comes twice", z->who, z->entry[z->by_name[i]].name);
    return true;
}

static bool read_directory(tni_zip *z, const ending *end) {
    z->directory_bytes = (size_t)end->bytes + 1;
    z->directory = tni_alloc(z->directory_bytes);
    z->entry = z->directory ? tni_alloc(((size_t)end->count + 1) * sizeof *z->entry) : NULL;
    z->by_name = z->entry ? tni_alloc(((size_t)end->count + 1) * sizeof *z->by_name) : NULL;
    z->n = (size_t)end->count;
    if (!z->by_name) return false;
    TNI_TRY(fetch(z, z->directory, (size_t)end->bytes, end->directory));
    size_t at = 0, taken = 0;
    for (size_t i = 0; i < z->n; i++, at += taken)
        TNI_TRY(read_central(z, z->directory + at, (size_t)end->bytes - at, &z->entry[i], &taken));
    if (at != end->bytes)
        return WRONG("%s: the zip directory has %llu bytes behind its %zu entries", z->who, (unsigned long long)(end->bytes - at),
                     z->n);
    for (size_t i = 0; i < z->n; i++) TNI_TRY(read_local(z, &z->entry[i], end->directory));
    return check_orders(z, end->directory);
}

bool tni_zip_open(tni_zip *z, const char *who, tni_file *file, const void *memory, size_t bytes) {
    *z = (tni_zip){.who = who, .file = file, .memory = memory, .size = file ? (uint64_t)file->size : bytes};
    ending end;
    if (read_end(z, &end) && read_directory(z, &end)) return true;
    tni_zip_close(z);
    return false;
}

void tni_zip_close(tni_zip *z) {
    if (z->entry) tni_free(z->entry, (z->n + 1) * sizeof *z->entry);
    if (z->by_name) tni_free(z->by_name, (z->n + 1) * sizeof *z->by_name);
    tni_free(z->directory, z->directory_bytes);
    *z = (tni_zip){.who = z->who};
}

const tni_zip_entry *tni_zip_find(const tni_zip *z, const char *name) {
    size_t low = 0, high = z->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(name, z->entry[z->by_name[middle]].name);
        if (c == 0) return &z->entry[z->by_name[middle]];
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- payloads ---- */

/* The first `bytes` of a member; of all of it the end is checked too. */
static bool inflate_some(const tni_zip *z, const tni_zip_entry *e, tni_zlib *zlib, unsigned char *buffer, unsigned char *out,
                         size_t bytes) {
    bool whole = bytes == e->bytes;
    uint64_t taken = 0;
    size_t left = bytes, held = 0;
    const unsigned char *in = buffer;
    bool ended = false;
    while (whole ? !ended : left > 0 && !ended) {
        if (held == 0 && taken < e->packed) {
            held = (size_t)TNI_MIN(e->packed - taken, (uint64_t)INFLATE_BYTES);
            TNI_TRY(fetch(z, buffer, held, e->at + taken));
            taken += held;
            in = buffer;
        }
        size_t held_before = held, left_before = left;
        unsigned char none[1], *to = left ? out : none; /* at the end there is no room, but zlib may have to read on */
        size_t room = left;
        TNI_TRY(tni_inflate_step(zlib, z->who, &in, &held, &to, &room, &ended));
        if (left) out = to, left = room;
        if (!ended && held == held_before && left == left_before)
            return WRONG("%s: member '%.200s' is longer or shorter than its size says", z->who, e->name);
    }
    if (left != 0 || (whole && (held != 0 || taken != e->packed)))
        return WRONG("%s: member '%.200s' is longer or shorter than its size says", z->who, e->name);
    return true;
}

static bool inflate_entry(const tni_zip *z, const tni_zip_entry *e, void *out, size_t bytes) {
    tni_zlib zlib = {0};
    TNI_TRY(tni_inflate_begin(&zlib, z->who, TNI_ZLIB_RAW));
    unsigned char *buffer = tni_alloc(INFLATE_BYTES);
    bool right = buffer && inflate_some(z, e, &zlib, buffer, out, bytes);
    if (buffer) tni_free(buffer, INFLATE_BYTES);
    tni_zlib_end(&zlib);
    return right;
}

bool tni_zip_read_start(const tni_zip *z, const tni_zip_entry *e, void *out, size_t bytes) {
    return e->deflated ? inflate_entry(z, e, out, bytes) : fetch(z, out, bytes, e->at);
}

bool tni_zip_read(const tni_zip *z, const tni_zip_entry *e, void *out) {
    TNI_TRY(tni_zip_read_start(z, e, out, (size_t)e->bytes));
    if (e->crc != 0 && tni_crc32(0, out, (size_t)e->bytes) != e->crc)
        return WRONG("%s: member '%.200s' is damaged: its checksum does not fit", z->who, e->name);
    return true;
}
