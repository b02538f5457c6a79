/* serialize/npy.c - the head of a .npy file: dtype, shape, order. */
#include "serialize/npy.h"
#include "base/error.h"
#include <string.h>

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { MAGIC = sizeof magic, ALIGNMENT = 64, SPARE_DIGITS = 21 /* numpy leaves room for the longest first size */ };

static const struct descr {
    const char *name; /* without the byte order */
    tn_dtype dtype;
} descrs[] = {
    {"b1", TN_BOOL},    {"i1", TN_INT8},    {"u1", TN_UINT8},     {"i2", TN_INT16},       {"i4", TN_INT32},
    {"i8", TN_INT64},   {"u2", TN_UINT16},  {"u4", TN_UINT32},    {"u8", TN_UINT64},      {"f2", TN_FLOAT16},
    {"f4", TN_FLOAT32}, {"f8", TN_FLOAT64}, {"c8", TN_COMPLEX64}, {"c16", TN_COMPLEX128},
};

bool tni_npy_head_length(const void *first, size_t file_bytes, size_t *length) {
    const unsigned char *b = first;
    TNI_CHECK(file_bytes >= 10 && memcmp(b, magic, MAGIC) == 0, TN_ERR_FORMAT, "npy: the file does not begin as a .npy file does");
    unsigned major = b[6], minor = b[7];
    TNI_CHECK(major >= 1 && major <= 3 && minor == 0, TN_ERR_NOT_IMPLEMENTED,
              "npy: version %u.%u of the format; 1.0, 2.0 and 3.0 are known", major, minor);
    size_t n = b[8] | (size_t)b[9] << 8, front = 10;
    if (major > 1) {
        TNI_CHECK(file_bytes >= TNI_NPY_FIRST, TN_ERR_FORMAT, "npy: the file ends within its head");
        n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
        front = TNI_NPY_FIRST;
    }
    TNI_CHECK(n <= TNI_NPY_LONGEST, TN_ERR_FORMAT, "npy: a head of %zu bytes, at most %d are allowed", n, (int)TNI_NPY_LONGEST);
    TNI_CHECK(n <= file_bytes - front, TN_ERR_FORMAT, "npy: a head of %zu bytes in a file of %zu", n, file_bytes);
    *length = front + n;
    return true;
}

/* ---- the head's text: one Python dict of literals, of which only what NumPy writes is understood ---- */

typedef struct text {
    const char *at, *end;
} text;

static void skip_blanks(text *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t')) t->at++;
}
static bool take(text *t, char c) {
    skip_blanks(t);
    if (t->at == t->end || *t->at != c) return false;
    t->at++;
    return true;
}
static bool fail(const char *what) { return tni_fail(TN_ERR_FORMAT, "npy: %s", what); }

static bool take_string(text *t, char *out, size_t room) {
    char quote = take(t, '\'') ? '\'' : take(t, '"') ? '"' : 0;
    size_t n = 0;
    for (; quote && t->at < t->end && *t->at != quote; t->at++) {
        if (n + 1 >= room || *t->at == '\\' || *t->at == 0) return false;
        out[n++] = *t->at;
    }
    out[n] = 0;
    return quote && take(t, quote);
}

static bool take_word(text *t, const char *word) {
    size_t n = strlen(word);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0) return false;
    t->at += n;
    return true;
}

static bool read_size(text *t, tni_npy *a) {
    int64_t value = 0;
    bool fits = true;
    skip_blanks(t);
    if (t->at == t->end || *t->at < '0' || *t->at > '9') return fail("\"shape\" must be a tuple of numbers of 0 or above");
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        fits = fits && TNI_MUL(value, (int64_t)10, &value) && TNI_ADD(value, (int64_t)(*t->at - '0'), &value);
    if (!fits) return fail("a size in \"shape\" is above 2^63 - 1");
    if (t->at < t->end && *t->at == 'L') t->at++; /* Python 2 */
    TNI_CHECK(a->ndim < TNI_MAX_DIMS, TN_ERR_NOT_IMPLEMENTED, "npy: more than %d dimensions", (int)TNI_MAX_DIMS);
    a->sizes[a->ndim++] = value;
    return true;
}

static bool read_shape(text *t, tni_npy *a) {
    if (!take(t, '(')) return fail("\"shape\" must be a tuple");
    while (!take(t, ')')) {
        TNI_TRY(read_size(t, a));
        if (take(t, ',')) continue;
        if (a->ndim == 1 || !take(t, ')')) return fail("',' expected in \"shape\""); /* (3) is a number, not a tuple */
        break;
    }
    return true;
}

static bool read_descr(text *t, tni_npy *a) {
    char name[24];
    skip_blanks(t);
    TNI_CHECK(t->at == t->end || *t->at != '[', TN_ERR_NOT_IMPLEMENTED, "npy: an array of records, which no tensor can hold");
    if (!take_string(t, name, sizeof name)) return fail("\"descr\" must be a short string");
    char order = name[0];
    const char *kind = name + (order == '<' || order == '>' || order == '|' || order == '=');
    TNI_CHECK(kind[0] != 'O', TN_ERR_FORMAT, "npy: an array of Python objects: that is a pickle, which is never run");
    for (size_t k = 0; k < TNI_COUNT(descrs); k++) {
        if (strcmp(kind, descrs[k].name) != 0) continue;
        a->dtype = descrs[k].dtype;
        a->swapped = order == '>';
        return true;
    }
    return tni_fail(TN_ERR_NOT_IMPLEMENTED, "npy: no tensor can hold elements of NumPy's type \"%s\"", name);
}

static bool read_member(text *t, tni_npy *a, unsigned *seen) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[24];
    unsigned k = 0;
    if (!take_string(t, key, sizeof key) || !take(t, ':')) return fail("a key and ':' expected in the head");
    while (k < TNI_COUNT(keys) && strcmp(key, keys[k]) != 0) k++;
    TNI_CHECK(k < TNI_COUNT(keys), TN_ERR_FORMAT, "npy: unknown key \"%s\" in the head", key);
    TNI_CHECK(!(*seen & 1u << k), TN_ERR_FORMAT, "npy: the key \"%s\" stands there twice", key);
    *seen |= 1u << k;
    if (k == 0) return read_descr(t, a);
    if (k == 2) return read_shape(t, a);
    a->fortran = take_word(t, "True");
    return a->fortran || take_word(t, "False") || fail("\"fortran_order\" must be True or False");
}

static bool read_dict(text *t, tni_npy *a) {
    unsigned seen = 0;
    if (!take(t, '{')) return fail("the head must be a dict");
    while (!take(t, '}')) {
        TNI_TRY(read_member(t, a, &seen));
        if (take(t, ',')) continue;
        if (!take(t, '}')) return fail("',' or '}' expected in the head");
        break;
    }
    skip_blanks(t);
    if (t->at != t->end) return fail("something follows behind the head's dict");
    return seen == 7 || fail("\"descr\", \"fortran_order\" or \"shape\" is missing in the head");
}

bool tni_npy_parse(const void *head, size_t length, size_t file_bytes, tni_npy *out) {
    const char *b = head;
    text t = {b + (b[6] == 1 ? 10 : TNI_NPY_FIRST), b + length};
    *out = (tni_npy){.at = length, .bytes = file_bytes - length};
    TNI_TRY(read_dict(&t, out));
    uint64_t bytes = tni_dtype_size(out->dtype);
    bool fits = true, empty = false;
    for (size_t d = 0; d < out->ndim; d++) {
        empty = empty || out->sizes[d] == 0;
        fits = fits && (out->sizes[d] == 0 || TNI_MUL(bytes, (uint64_t)out->sizes[d], &bytes));
    }
    TNI_CHECK(fits && bytes <= INT64_MAX, TN_ERR_FORMAT, "npy: the product of its sizes is too large");
    if (empty) bytes = 0;
    TNI_CHECK(bytes == out->bytes, TN_ERR_FORMAT, "npy: its shape needs %llu bytes, the file has %zu", (unsigned long long)bytes,
              out->bytes);
    return true;
}

bool tni_npy_head(tni_str *out, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    const char *name = NULL;
    tni_str dict = {0};
    for (size_t k = 0; k < TNI_COUNT(descrs) && !name; k++) name = descrs[k].dtype == dtype ? descrs[k].name : NULL;
    TNI_CHECK(name, TN_ERR_DTYPE, "npy: NumPy has no dtype for torch.%s", tni_dtype_get(dtype)->name);
    tni_str_addf(&dict, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", tni_dtype_size(dtype) == 1 ? '|' : '<', name);
    size_t digits = dict.length;
    for (size_t d = 0; d < ndim; d++) {
        tni_str_addf(&dict, d ? ", %lld" : "%lld", (long long)sizes[d]);
        if (d == 0) digits = dict.length - digits;
    }
    tni_str_add(&dict, ndim == 1 ? ",), }" : "), }");
    if (ndim > 0) tni_str_addf(&dict, "%*s", (int)(SPARE_DIGITS - digits), "");
    size_t length = dict.length + 1, front = length + 10 + ALIGNMENT > 65535 ? TNI_NPY_FIRST : 10;
    size_t padding = ALIGNMENT - (front + length) % ALIGNMENT; /* 64 where none is needed: as numpy has it */
    length += padding;
    tni_str_add_n(out, (const char *)magic, MAGIC);
    const char numbers[] = {front == 10 ? 1 : 2, 0, (char)length, (char)(length >> 8), (char)(length >> 16), (char)(length >> 24)};
    tni_str_add_n(out, numbers, front - MAGIC);
    if (!dict.failed) tni_str_add_n(out, dict.text, dict.length);
    tni_str_addf(out, "%*s\n", (int)padding, "");
    out->failed = out->failed || dict.failed;
    tni_str_clear(&dict);
    return !out->failed;
}
