/* serialize/csv.c - tables of numbers as text. */
#include "base/error.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "core/op.h"
#include "serialize/bytes.h"
#include "serialize/number.h"
#include <string.h>
#include <tison/serialize.h>

#ifdef TN_HEADER
typedef struct tn_load_csv_opts {
    size_t size;
    char delimiter; /* ','; ' ' stands for any run of blanks */
    int header; /* 0: no header row. 1: one, which is skipped. -1: the first row is one when it holds something else than numbers */
    int64_t skip_rows; /* 0: lines left out before all else */
    tn_dtype dtype;    /* TN_DTYPE_NONE: the default dtype. float32, float64, int32 or int64 */
    tn_ints columns;   /* all of them; else the columns to take, from 0, in this order: numpy.loadtxt's usecols */
} tn_load_csv_opts;
#ifndef __cplusplus
#define tn_load_csv(...)                                                                                                           \
    TN_WITH(tn_load_csv_opts, (.delimiter = ',', .dtype = TN_DTYPE_NONE), (tn_load_csv)(TN_FIRST(__VA_ARGS__, ), &tn_o),           \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

enum { BLOCK = 64 << 10, LONGEST_LINE = 64 << 20 };

/* A table being read. */
typedef struct table {
    tni_gzip file;
    char *line; /* text that was read and not used yet */
    size_t room, held, at;
    bool all_read;
    int64_t number; /* of the line, from 1 */
    char delimiter;
    bool whole; /* an integer dtype */
    tn_ints columns;
    int64_t *taken_at; /* of each column of the file, its place in a row of the result, or -1 */
    size_t taken_room, row;
    size_t fields; /* of a line of the file */
    void *value;   /* double or int64_t */
    size_t values, value_room, rows;
} table;

/* The next line, without its end: out, *n. false at the end of the file and on failure. out[*n] may be read: it is no digit. */
static bool next_line(table *t, char **out, size_t *n) {
    for (size_t seen = t->at;;) {
        char *end = t->held > seen ? memchr(t->line + seen, '\n', t->held - seen) : NULL;
        if (end || (t->all_read && t->held > t->at)) {
            if (!end) end = t->line + t->held;
            *end = '\n';
            *out = t->line + t->at;
            *n = (size_t)(end - *out);
            t->at = TNI_MIN((size_t)(end - t->line) + 1, t->held);
            if (*n > 0 && (*out)[*n - 1] == '\r') --*n;
            t->number++;
            return true;
        }
        if (t->all_read) return false;
        t->held -= t->at;
        seen = t->held;
        if (t->at) memmove(t->line, t->line + t->at, t->held);
        t->at = 0;
        TNI_CHECK(t->held < LONGEST_LINE, TN_ERR_FORMAT, "csv: line %lld is longer than %d bytes", (long long)t->number + 1,
                  (int)LONGEST_LINE);
        size_t got;
        TNI_TRY(tni_reserve(&t->line, &t->room, t->held + BLOCK + 1, 1));
        TNI_TRY(tni_gzip_read(&t->file, t->line + t->held, BLOCK, &got));
        t->held += got;
        t->all_read = got < BLOCK;
    }
}

static bool is_blank(const table *t, char c) { return c == ' ' || (c == '\t' && t->delimiter != '\t'); }

/* The field at *at, without blanks and quotes around it; *at moves behind its delimiter. */
static const char *next_field(const table *t, const char *line, size_t n, size_t *at, size_t *length) {
    size_t i = *at, end;
    while (i < n && is_blank(t, line[i])) i++;
    size_t start = i;
    while (i < n && line[i] != t->delimiter && !(t->delimiter == ' ' && line[i] == '\t')) i++;
    end = i;
    *at = i + 1;
    while (t->delimiter == ' ' && *at < n && is_blank(t, line[*at])) ++*at;
    while (end > start && is_blank(t, line[end - 1])) end--;
    if (end - start >= 2 && line[start] == '"' && line[end - 1] == '"') start++, end--;
    *length = end - start;
    return line + start;
}

static bool parse_into(table *t, const char *text, size_t n, size_t at) {
    if (t->whole) return tni_parse_int(text, n, (int64_t *)t->value + at);
    return tni_parse_double(text, n, (double *)t->value + at);
}

static bool is_numeric(table *t, const char *line, size_t n) {
    double number;
    for (size_t at = 0, length; at < n;) {
        const char *text = next_field(t, line, n, &at, &length);
        if (!tni_parse_double(text, length, &number)) return false;
    }
    return true;
}

/* The first line of numbers tells how many fields each has. */
static bool set_columns(table *t, size_t fields) {
    t->fields = fields;
    t->row = t->columns.n ? t->columns.n : fields;
    TNI_TRY(tni_reserve(&t->taken_at, &t->taken_room, fields, sizeof *t->taken_at));
    for (size_t k = 0; k < fields; k++) t->taken_at[k] = t->columns.n ? -1 : (int64_t)k;
    for (size_t k = 0; k < t->columns.n; k++) {
        int64_t c = t->columns.v[k];
        TNI_CHECK(c >= 0 && c < (int64_t)fields, TN_ERR_INDEX, "csv: column %lld is out of range for lines of %zu fields",
                  (long long)c, fields);
        TNI_CHECK(t->taken_at[c] < 0, TN_ERR_VALUE, "csv: column %lld is asked for twice", (long long)c);
        t->taken_at[c] = (int64_t)k;
    }
    return true;
}

static size_t count_fields(const table *t, const char *line, size_t n) {
    size_t fields = 0, length;
    for (size_t at = 0; at < n; fields++) (void)next_field(t, line, n, &at, &length);
    return fields + (n > 0 && t->delimiter != ' ' && line[n - 1] == t->delimiter); /* an empty one at the end */
}

static bool add_line(table *t, const char *line, size_t n) {
    size_t fields = count_fields(t, line, n), at = 0, length;
    if (t->fields == 0) TNI_TRY(set_columns(t, fields));
    TNI_CHECK(fields == t->fields, TN_ERR_FORMAT, "csv: line %lld has %zu fields, the first one has %zu", (long long)t->number,
              fields, t->fields);
    TNI_TRY(tni_reserve(&t->value, &t->value_room, t->values + t->row, sizeof(double)));
    for (size_t k = 0; k < fields; k++) {
        const char *text = at < n ? next_field(t, line, n, &at, &length) : (length = 0, "");
        if (t->taken_at[k] < 0 || parse_into(t, text, length, t->values + (size_t)t->taken_at[k])) continue;
        return tni_fail(TN_ERR_FORMAT, "csv: line %lld, field %zu: '%.*s' is no %s", (long long)t->number, k,
                        (int)TNI_MIN(length, (size_t)40), text, t->whole ? "whole number that fits" : "number");
    }
    t->values += t->row;
    t->rows++;
    return true;
}

static bool read_table(table *t, int64_t skip, int header) {
    char *line = NULL;
    size_t n = 0;
    bool first = true;
    while (next_line(t, &line, &n)) {
        if (t->number <= skip) continue;
        bool empty = strspn(line, " \t\r") >= n;
        if (empty) continue;
        bool is_header = first && (header > 0 || (header < 0 && !is_numeric(t, line, n)));
        first = false;
        if (!is_header) TNI_TRY(add_line(t, line, n));
    }
    return !tni_failed();
}

static void clear(table *t) {
    tni_gzip_close(&t->file);
    tni_free(t->line, t->room);
    tni_free(t->taken_at, t->taken_room * sizeof *t->taken_at);
    tni_free(t->value, t->value_room * sizeof(double));
}

/* (rows, columns), converted. */
static tn_tensor *tensor_of(tni_thread *thread, const table *t, tn_dtype dtype) {
    const int64_t sizes[] = {(int64_t)t->rows, (int64_t)t->row};
    tn_tensor *x = tni_tensor_new(thread, "load_csv", dtype, sizes, 2);
    for (size_t i = 0; x && i < t->values; i++) {
        const double *d = (const double *)t->value + i;
        const int64_t *v = (const int64_t *)t->value + i;
        switch (dtype) {
        case TN_FLOAT64: ((double *)x->a.data)[i] = *d; break;
        case TN_INT64: ((int64_t *)x->a.data)[i] = *v; break;
        case TN_FLOAT32: ((float *)x->a.data)[i] = (float)*d; break;
        default:
            if (*v >= INT32_MIN && *v <= INT32_MAX) {
                ((int32_t *)x->a.data)[i] = (int32_t)*v;
                break;
            }
            tni_fail(TN_ERR_FORMAT, "csv: %lld does not fit into torch.int32", (long long)*v);
            tni_tensor_destroy_new(thread, x);
            x = NULL;
        }
    }
    return x;
}

static bool check_options(const table *t, tn_dtype dtype) {
    TNI_CHECK(t->whole || dtype == TN_FLOAT32 || dtype == TN_FLOAT64, TN_ERR_NOT_IMPLEMENTED,
              "load_csv: float32, float64, int32 and int64 can be read, not torch.%s", tni_dtype_get(dtype)->name);
    TNI_CHECK(t->delimiter > 0 && !strchr("0123456789+-.\"\r\n", t->delimiter) && (t->delimiter | 32) != 'e', TN_ERR_VALUE,
              "load_csv: '%c' cannot be the delimiter of numbers", t->delimiter);
    return true;
}

/** Reads a table of numbers, also gzipped: torch.from_numpy(numpy.loadtxt(path, delimiter=',', ndmin=2)). Fields may be quoted; empty lines
 *  are passed over; the locale does not matter.
 *  returns  [scope] (rows, columns); NULL with TN_ERR_IO, TN_ERR_FORMAT (the line and the field that is no number, or a line with more or
 *           fewer fields than the first), TN_ERR_INDEX for a column that there is not
 */
TN_API tn_tensor *(tn_load_csv)(const char *path, const tn_load_csv_opts *opts) {
    tni_thread *thread = tni_self();
    if (!thread || tni_failed() || !tni_check_path("load_csv", path)) return NULL;
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    if (dtype == TN_DTYPE_NONE) dtype = tn_get_default_dtype();
    table t = {.delimiter = TNI_OPT(opts, delimiter, ','), .whole = dtype == TN_INT64 || dtype == TN_INT32};
    if (opts) t.columns = TNI_OPT(opts, columns, t.columns);
    if (!check_options(&t, dtype)) return NULL;
    bool right = tni_gzip_open(&t.file, path) && read_table(&t, TNI_OPT(opts, skip_rows, 0), TNI_OPT(opts, header, 0));
    tn_tensor *x = right ? tensor_of(thread, &t, dtype) : NULL;
    clear(&t);
    if (!x) return (void)tni_name_path("load_csv", path), NULL;
    return tni_give(thread, x);
}
