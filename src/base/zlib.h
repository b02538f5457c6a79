/* base/zlib.h - DEFLATE by zlib, a library that is opened at first need and never linked. */
#ifndef TNI_ZLIB_H
#define TNI_ZLIB_H
#include "base/base.h"

/* The version of the zlib that is in use ("1.2.13"), NULL when none can be opened. TISON_ZLIB in the environment names another file
 * than libz.so.1, or is "none". */
const char *tni_zlib_version(void);

typedef enum tni_zlib_form {
    TNI_ZLIB_RAW,  /* as in zip members */
    TNI_ZLIB_GZIP, /* with gzip's header, and its checksum at the end */
} tni_zlib_form;

/* One stream, inflating or deflating. begin: TN_ERR_NOT_IMPLEMENTED with `who` in front when zlib is missing, TN_ERR_MEMORY; each begin
 * that succeeded needs an end (which may also follow a failed one). */
typedef struct tni_zlib {
    struct tni_zlib_stream *stream;
    bool deflates;
} tni_zlib;

bool tni_inflate_begin(tni_zlib *z, const char *who, tni_zlib_form form);
bool tni_deflate_begin(tni_zlib *z, const char *who, tni_zlib_form form, int level); /* level 1 to 9, or -1: zlib's choice */
/* A step: takes from *in, gives to *out, moves both pointers and counts. *ended: the stream is complete (what is left of *in lies behind
 * it). Neither gives nor takes only when room or input is missing. TN_ERR_FORMAT with `who` in front when the data is damaged. */
bool tni_inflate_step(tni_zlib *z, const char *who, const unsigned char **in, size_t *in_bytes, unsigned char **out,
                      size_t *out_bytes, bool *ended);
/* last: no more input will come; to be called until *ended. */
bool tni_deflate_step(tni_zlib *z, const char *who, const unsigned char **in, size_t *in_bytes, unsigned char **out,
                      size_t *out_bytes, bool last, bool *ended);
bool tni_inflate_again(tni_zlib *z, const char *who); /* the next gzip member behind one that ended */
void tni_zlib_end(tni_zlib *z);
#endif
