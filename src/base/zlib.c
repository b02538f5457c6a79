/* base/zlib.c - DEFLATE by zlib, a library that is opened at first need and never linked. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* secure_getenv */
#endif
#include "base/zlib.h"
#include "base/error.h"
#include "base/memory.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* zlib's stream, as its ABI has laid it out since 1.0. */
struct tni_zlib_stream {
    const unsigned char *next_in;
    unsigned available_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned available_out;
    unsigned long total_out;
    const char *message;
    void *state;
    void *(*allocate)(void *context, unsigned items, unsigned size);
    void (*release)(void *context, void *block);
    void *context;
    int data_type;
    unsigned long checksum, reserved;
};

/* What zlib's functions return and take. */
enum { OK = 0, STREAM_END = 1, NEEDS_DICTIONARY = 2, DATA_ERROR = -3, MEMORY_ERROR = -4, BUFFER_ERROR = -5 };
enum { NO_FLUSH = 0, FINISH = 4, METHOD_DEFLATE = 8, DEFAULT_MEMORY = 8, DEFAULT_STRATEGY = 0 };

static struct {
    const char *(*version)(void);
    int (*inflate_init)(struct tni_zlib_stream *, int bits, const char *version, int size);
    int (*inflate)(struct tni_zlib_stream *, int flush);
    int (*inflate_reset)(struct tni_zlib_stream *);
    int (*inflate_end)(struct tni_zlib_stream *);
    int (*deflate_init)(struct tni_zlib_stream *, int level, int method, int bits, int memory, int strategy, const char *version,
                        int size);
    int (*deflate)(struct tni_zlib_stream *, int flush);
    int (*deflate_end)(struct tni_zlib_stream *);
} library;
static bool opened;

static bool find(void *handle, const char *name, void *function) {
    void *address = dlsym(handle, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void open_library(void) {
    const char *name = secure_getenv("TISON_ZLIB");
    if (name && strcmp(name, "none") == 0) return;
    void *handle = dlopen(name && *name ? name : "libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    opened = find(handle, "zlibVersion", &library.version) && find(handle, "inflateInit2_", &library.inflate_init) &&
             find(handle, "inflate", &library.inflate) && find(handle, "inflateReset", &library.inflate_reset) &&
             find(handle, "inflateEnd", &library.inflate_end) && find(handle, "deflateInit2_", &library.deflate_init) &&
             find(handle, "deflate", &library.deflate) && find(handle, "deflateEnd", &library.deflate_end);
    if (!opened) (void)dlclose(handle);
}

static bool is_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, open_library);
    return opened;
}

const char *tni_zlib_version(void) { return is_open() ? library.version() : NULL; }

/* zlib's memory is the library's too; the size stands in front of the block. */
enum { BLOCK_HEAD = 64 };
static void *allocate(void *context, unsigned items, unsigned size) {
    (void)context;
    size_t bytes = (size_t)items * size + BLOCK_HEAD;
    char *block = tni_alloc(bytes);
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    memset(block + BLOCK_HEAD, 0, bytes - BLOCK_HEAD); /* deflate compares bytes that it has not written yet */
    return block + BLOCK_HEAD;
}
static void release(void *context, void *at) {
    (void)context;
    char *block = (char *)at - BLOCK_HEAD;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    tni_free(block, bytes);
}

static int window_bits(tni_zlib_form form) { return form == TNI_ZLIB_RAW ? -15 : 15 + 16; }

static bool fail(const char *who, const struct tni_zlib_stream *s, int result) {
    if (result == MEMORY_ERROR) return tni_failed() ? false : tni_fail_memory(0);
    return tni_fail(TN_ERR_FORMAT, "%s: the compressed data is damaged: %s", who, s->message ? s->message : "zlib refuses it");
}

static bool make_stream(tni_zlib *z, const char *who) {
    z->stream = NULL;
    TNI_CHECK(is_open(), TN_ERR_NOT_IMPLEMENTED, "%s: compressed data needs zlib, and libz.so.1 cannot be opened", who);
    z->stream = tni_alloc_zero(sizeof *z->stream);
    if (!z->stream) return false;
    z->stream->allocate = allocate;
    z->stream->release = release;
    return true;
}

static bool check_begun(tni_zlib *z, const char *who, int result) {
    if (result == OK) return true;
    fail(who, z->stream, result);
    tni_free(z->stream, sizeof *z->stream);
    z->stream = NULL;
    return false;
}

bool tni_inflate_begin(tni_zlib *z, const char *who, tni_zlib_form form) {
    z->deflates = false;
    TNI_TRY(make_stream(z, who));
    int size = (int)sizeof *z->stream;
    return check_begun(z, who, library.inflate_init(z->stream, window_bits(form), library.version(), size));
}

bool tni_deflate_begin(tni_zlib *z, const char *who, tni_zlib_form form, int level) {
    z->deflates = true;
    TNI_TRY(make_stream(z, who));
    int size = (int)sizeof *z->stream;
    return check_begun(z, who,
                       library.deflate_init(z->stream, level, METHOD_DEFLATE, window_bits(form), DEFAULT_MEMORY, DEFAULT_STRATEGY,
                                            library.version(), size));
}

/* zlib counts in unsigned: more than that goes in several steps. */
static int run(int (*function)(struct tni_zlib_stream *, int), struct tni_zlib_stream *s, const unsigned char **in,
               size_t *in_bytes, unsigned char **out, size_t *out_bytes, bool last) {
    const size_t most = (size_t)1 << 30;
    unsigned give = (unsigned)TNI_MIN(*in_bytes, most), room = (unsigned)TNI_MIN(*out_bytes, most);
    s->next_in = *in;
    s->available_in = give;
    s->next_out = *out;
    s->available_out = room;
    int result = function(s, last && give == *in_bytes ? FINISH : NO_FLUSH);
    *in += give - s->available_in;
    *in_bytes -= give - s->available_in;
    *out += room - s->available_out;
    *out_bytes -= room - s->available_out;
    return result;
}

bool tni_inflate_step(tni_zlib *z, const char *who, const unsigned char **in, size_t *in_bytes, unsigned char **out,
                      size_t *out_bytes, bool *ended) {
    unsigned char nothing, *no_room = &nothing;
    size_t none = 0;
    int result = *out_bytes ? run(library.inflate, z->stream, in, in_bytes, out, out_bytes, false)
                            : run(library.inflate, z->stream, in, in_bytes, &no_room, &none, false);
    *ended = result == STREAM_END;
    return result == OK || result == STREAM_END || result == BUFFER_ERROR || fail(who, z->stream, result);
}

bool tni_deflate_step(tni_zlib *z, const char *who, const unsigned char **in, size_t *in_bytes, unsigned char **out,
                      size_t *out_bytes, bool last, bool *ended) {
    int result = run(library.deflate, z->stream, in, in_bytes, out, out_bytes, last);
    *ended = result == STREAM_END;
    return result == OK || result == STREAM_END || result == BUFFER_ERROR || fail(who, z->stream, result);
}

bool tni_inflate_again(tni_zlib *z, const char *who) {
    int result = library.inflate_reset(z->stream);
    return result == OK || fail(who, z->stream, result);
}

void tni_zlib_end(tni_zlib *z) {
    if (!z->stream) return;
    (void)(z->deflates ? library.deflate_end : library.inflate_end)(z->stream);
    tni_free(z->stream, sizeof *z->stream);
    z->stream = NULL;
}
