/* tensor/format.c - the text of a tensor, byte for byte as PyTorch prints it. */
#include "tensor/format.h"
#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/half.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 7, NUMBER_BYTES = TNI_FORMAT_MAX_PRECISION + 400 }; /* "tensor("; a double has up to 309 digits before the point */

/* How the elements of one tensor are written; found from those that will be shown. */
typedef struct {
    int width, precision;
    bool floating, whole, sci; /* whole: all are integers, written as "1." */
} style;

typedef struct {
    const tni_format_tensor_info *t;
    int64_t edge, indent; /* of the elements */
    bool summarise, empty, complex;
    int part; /* of complex numbers: 1 for the imaginary one */
    style style, imaginary;
} printer;

/* Quantised types and complex32 have no text. */
static bool has_text(tn_dtype dtype) {
    uint8_t kind = tni_dtype_get(dtype)->kind;
    return kind == TNI_KIND_BOOL || kind == TNI_KIND_INT || kind == TNI_KIND_FLOAT || tni_dtype_is_float8(dtype) ||
           tni_dtype_is_complex(dtype);
}

static double float_at(const printer *p, int64_t at) {
    switch (p->t->dtype) {
    case TN_FLOAT64: return ((const double *)p->t->data)[at];
    case TN_COMPLEX64: return ((const float *)p->t->data)[2 * at + p->part];
    case TN_COMPLEX128: return ((const double *)p->t->data)[2 * at + p->part];
    case TN_FLOAT16:
    case TN_BFLOAT16: return (double)tni_half_to_f32(((const uint16_t *)p->t->data)[at], p->t->dtype);
    case TN_FLOAT32: return (double)((const float *)p->t->data)[at];
    default: return (double)tni_float8_to_f32(((const uint8_t *)p->t->data)[at], p->t->dtype);
    }
}

static int64_t int_at(const printer *p, int64_t at) {
    const void *data = p->t->data;
    switch (p->t->dtype) {
    case TN_UINT8: return ((const uint8_t *)data)[at];
    case TN_INT8: return ((const int8_t *)data)[at];
    case TN_INT16: return ((const int16_t *)data)[at];
    case TN_UINT16: return ((const uint16_t *)data)[at];
    case TN_INT32: return ((const int32_t *)data)[at];
    case TN_UINT32: return ((const uint32_t *)data)[at];
    default: return ((const int64_t *)data)[at];
    }
}

/* printf writes the decimal point of the process's locale, in some locales of several bytes. */
static int plain_point(char *text, int n) {
    int i = text[0] == '-', end;
    while (i < n && text[i] >= '0' && text[i] <= '9') i++;
    if (i >= n || text[i] == '.' || text[i] == 'e') return n;
    for (end = i; end < n && (text[end] < '0' || text[end] > '9');) end++;
    text[i] = '.';
    memmove(text + i + 1, text + end, (size_t)(n - end) + 1);
    return n - (end - i) + 1;
}

static int float_text(char *text, const style *s, double value) {
    if (isnan(value)) return snprintf(text, NUMBER_BYTES, "nan");
    if (isinf(value)) return snprintf(text, NUMBER_BYTES, value < 0 ? "-inf" : "inf");
    if (s->sci) return plain_point(text, snprintf(text, NUMBER_BYTES, "%.*e", s->precision, value));
    if (s->whole) return snprintf(text, NUMBER_BYTES, "%.0f.", value);
    return plain_point(text, snprintf(text, NUMBER_BYTES, "%.*f", s->precision, value));
}

static int element_text(char *text, const printer *p, int64_t at) {
    if (p->style.floating) return float_text(text, &p->style, float_at(p, at));
    if (p->t->dtype == TN_BOOL) return snprintf(text, NUMBER_BYTES, ((const uint8_t *)p->t->data)[at] ? "True" : "False");
    if (p->t->dtype == TN_UINT64) return snprintf(text, NUMBER_BYTES, "%" PRIu64, ((const uint64_t *)p->t->data)[at]);
    return snprintf(text, NUMBER_BYTES, "%" PRId64, int_at(p, at));
}

static void add_blanks(tni_str *out, int64_t n) {
    static const char blanks[] = "                                ";
    for (; n > 0; n -= 32) tni_str_add_n(out, blanks, (size_t)TNI_MIN(n, 32));
}

/* ---- walking over the elements that are shown ---- */

static bool is_cut(const printer *p, int64_t size) { return p->summarise && size / 2 >= p->edge && size > 2 * p->edge; }

/* The next index of a dim that is shown; `size` after the last. */
static int64_t next_index(const printer *p, int64_t size, int64_t i) {
    return i + 1 == p->edge && is_cut(p, size) ? size - p->edge : i + 1;
}

static int64_t offset_of(const printer *p, const int64_t *index) {
    int64_t at = 0;
    for (int64_t d = 0; d < p->t->ndim; d++) at += index[d] * p->t->strides[d];
    return at;
}

/* Steps the index through the first `dims` dims, the last one fastest; false at the end. */
static bool next_shown(const printer *p, int64_t *index, int64_t dims) {
    for (int64_t d = dims - 1; d >= 0; d--) {
        index[d] = next_index(p, p->t->sizes[d], index[d]);
        if (index[d] < p->t->sizes[d]) return true;
        index[d] = 0;
    }
    return false;
}

/* ---- the style ---- */

static void measure_width(printer *p) {
    int64_t index[TNI_FORMAT_MAX_DIMS] = {0};
    char text[NUMBER_BYTES];
    do {
        int64_t at = offset_of(p, index);
        double value = p->style.floating ? float_at(p, at) : 1.0;
        if (value == 0 || !isfinite(value)) continue; /* may stand out of the column */
        p->style.width = TNI_MAX(p->style.width, element_text(text, p, at));
    } while (next_shown(p, index, p->t->ndim));
}

static void find_style(printer *p) {
    const tni_print_options *options = &p->t->options;
    style *s = &p->style;
    *s = (style){.width = 1, .precision = (int)options->precision, .whole = true};
    s->floating = p->complex || tni_dtype_get(p->t->dtype)->kind == TNI_KIND_FLOAT || tni_dtype_is_float8(p->t->dtype);
    if (s->floating) {
        int64_t index[TNI_FORMAT_MAX_DIMS] = {0};
        double low = (double)INFINITY, high = 0;
        do {
            double value = fabs(float_at(p, offset_of(p, index)));
            if (value == 0 || !isfinite(value)) continue;
            low = fmin(low, value);
            high = fmax(high, value);
            s->whole = s->whole && value == ceil(value);
        } while (next_shown(p, index, p->t->ndim));
        if (high == 0) return;
        s->sci = options->sci_mode >= 0 ? options->sci_mode != 0 : high / low > 1000.0 || high > 1.0e8 || low < 1.0e-4;
    }
    measure_width(p);
}

/* ---- lines ---- */

static void add_element(tni_str *out, const printer *p, int64_t at) {
    char text[NUMBER_BYTES];
    int n = element_text(text, p, at);
    add_blanks(out, p->style.width - n);
    tni_str_add_n(out, text, (size_t)n);
    if (!p->complex) return;
    printer other = *p;
    other.part = 1, other.style = p->imaginary;
    n = element_text(text, &other, at);
    if (*text != '-') tni_str_add(out, "+");
    tni_str_add_n(out, text, (size_t)n);
    tni_str_add(out, "j");
}

/* The elements of the last dim, from offset `at`, broken into lines. */
static void add_row(tni_str *out, const printer *p, int64_t at) {
    int64_t last = p->t->ndim - 1, size = p->t->sizes[last], stride = p->t->strides[last], indent = p->indent + last;
    int64_t width = p->style.width + 2 + (p->complex ? p->imaginary.width + 1 : 0);
    int64_t per_line = TNI_MAX(1, (p->t->options.linewidth - indent) / width), column = 0;
    for (int64_t i = 0; i < size && !out->failed; i = next_index(p, size, i)) {
        bool after_cut = i > 0 && is_cut(p, size) && i == size - p->edge;
        for (int part = after_cut ? 0 : 1; part < 2; part++) { /* 0: the dots */
            if (column == per_line) {
                tni_str_add(out, ",\n");
                add_blanks(out, indent + 1);
                column = 0;
            } else if (i > 0) {
                tni_str_add(out, ", ");
            }
            column++;
            if (part == 0)
                tni_str_add(out, " ...");
            else
                add_element(out, p, at + i * stride);
        }
    }
}

static void add_separator(tni_str *out, const printer *p, int64_t dim) {
    tni_str_add(out, ",");
    for (int64_t n = p->t->ndim - dim; n > 1; n--) tni_str_add(out, "\n");
    add_blanks(out, p->indent + dim + 1);
}

static void add_elements(tni_str *out, const printer *p) {
    const int64_t ndim = p->t->ndim, *sizes = p->t->sizes;
    int64_t index[TNI_FORMAT_MAX_DIMS] = {0}, opened = 0;
    if (ndim == 0) {
        add_element(out, p, 0);
        return;
    }
    while (!out->failed) {
        for (; opened < ndim; opened++) tni_str_add(out, "[");
        add_row(out, p, offset_of(p, index));
        tni_str_add(out, "]");
        for (opened = ndim - 1; opened > 0; opened--) { /* the dims that stay open */
            int64_t d = opened - 1, before = index[d];
            index[d] = next_index(p, sizes[d], before);
            if (index[d] < sizes[d]) {
                if (index[d] != before + 1) {
                    add_separator(out, p, d);
                    tni_str_add(out, "...");
                }
                add_separator(out, p, d);
                break;
            }
            index[d] = 0;
            tni_str_add(out, "]");
        }
        if (opened == 0) return;
    }
}

/* ---- what follows the elements ---- */

typedef struct {
    tni_str *out;
    int64_t column, linewidth;
} suffixes;

static void add_suffix(suffixes *s, const char *text) {
    int64_t length = (int64_t)strlen(text);
    if (s->column + length + 2 > s->linewidth) {
        tni_str_add(s->out, ",\n");
        add_blanks(s->out, INDENT);
        s->column = INDENT + length;
    } else {
        tni_str_add(s->out, ", ");
        s->column += length + 2;
    }
    tni_str_add(s->out, text);
}

void tni_format_tuple(tni_str *out, const int64_t *sizes, int64_t ndim) {
    tni_str_add(out, "(");
    for (int64_t d = 0; d < ndim; d++) tni_str_addf(out, d > 0 ? ", %" PRId64 : "%" PRId64, sizes[d]);
    tni_str_add(out, ndim == 1 ? ",)" : ")");
}

void tni_format_size(tni_str *out, const int64_t *sizes, int64_t ndim) {
    tni_str_add(out, "torch.Size([");
    for (int64_t d = 0; d < ndim; d++) tni_str_addf(out, d > 0 ? ", %" PRId64 : "%" PRId64, sizes[d]);
    tni_str_add(out, "])");
}

static void add_size_suffix(suffixes *s, const tni_format_tensor_info *t) {
    tni_str text = {0};
    tni_str_add(&text, "size=");
    tni_format_tuple(&text, t->sizes, t->ndim);
    if (!text.failed) add_suffix(s, text.text);
    s->out->failed = s->out->failed || text.failed;
    tni_str_clear(&text);
}

static void add_dtype_suffix(suffixes *s, tn_dtype dtype) {
    char name[32];
    snprintf(name, sizeof name, "dtype=torch.%s", tni_dtype_get(dtype)->name);
    add_suffix(s, name);
}

static void add_gradient_suffix(suffixes *s, const tni_format_tensor_info *t) {
    if (t->grad_fn_name == NULL) {
        if (t->requires_grad) add_suffix(s, "requires_grad=True");
        return;
    }
    tni_str text = {0};
    tni_str_addf(&text, "grad_fn=<%s>", t->grad_fn_name);
    if (!text.failed) add_suffix(s, text.text);
    s->out->failed = s->out->failed || text.failed;
    tni_str_clear(&text);
}

static void add_suffixes(tni_str *out, const printer *p, size_t start) {
    const tni_format_tensor_info *t = p->t;
    size_t line = out->length;
    if (out->failed) return;
    while (line > start && out->text[line - 1] != '\n') line--;
    suffixes s = {out, (int64_t)(out->length - line) + 2, t->options.linewidth};
    if (t->meta) add_suffix(&s, "device='meta'");
    if (t->meta || (p->empty ? t->ndim != 1 : p->edge == 0)) add_size_suffix(&s, t);
    bool seen = !t->meta && !p->empty; /* by the elements */
    tn_dtype usual = p->complex && seen ? tni_dtype_complex(t->default_dtype) : t->default_dtype;
    if (t->dtype != usual && (!seen || (t->dtype != TN_INT64 && t->dtype != TN_BOOL))) add_dtype_suffix(&s, t->dtype);
    add_gradient_suffix(&s, t);
}

/* What stands between "tensor(" and what follows the elements. */
static bool add_body(tni_str *out, printer *p) {
    const tni_format_tensor_info *t = p->t;
    const tni_print_options *options = &t->options;
    int64_t numel = 1;
    TNI_CHECK(has_text(t->dtype), TN_ERR_NOT_IMPLEMENTED, "printing a tensor of dtype %s", tni_dtype_get(t->dtype)->name);
    TNI_CHECK(t->ndim >= 0 && t->ndim <= TNI_FORMAT_MAX_DIMS, TN_ERR_NOT_IMPLEMENTED, "printing a tensor of more than %d dims",
              (int)TNI_FORMAT_MAX_DIMS);
    TNI_CHECK(options->precision >= 0 && options->precision <= TNI_FORMAT_MAX_PRECISION, TN_ERR_VALUE,
              "precision must be from 0 to %d, got %" PRId64, (int)TNI_FORMAT_MAX_PRECISION, options->precision);
    TNI_CHECK(options->edgeitems >= 0, TN_ERR_VALUE, "edgeitems must not be negative, got %" PRId64, options->edgeitems);
    for (int64_t d = 0; d < t->ndim; d++) {
        p->empty = p->empty || t->sizes[d] == 0;
        if (!TNI_MUL(numel, t->sizes[d], &numel)) numel = INT64_MAX;
    }
    p->summarise = !p->empty && numel > options->threshold;
    if (t->meta) {
        tni_str_add(out, "...");
    } else if (p->empty) {
        tni_str_add(out, "[]");
    } else if (p->edge == 0 && p->summarise && t->ndim > 0) {
        tni_str_add(out, "[...]");
    } else {
        p->part = p->complex;
        find_style(p);
        p->imaginary = p->style;
        p->part = 0;
        if (p->complex) find_style(p);
        add_elements(out, p);
    }
    return true;
}

static printer printer_of(const tni_format_tensor_info *t, int64_t indent) {
    return (printer){.t = t, .edge = t->options.edgeitems, .indent = indent, .complex = tni_dtype_is_complex(t->dtype)};
}

bool tni_format_tensor(tni_str *out, const tni_format_tensor_info *t) {
    printer p = printer_of(t, INDENT);
    if (t->is_parameter) tni_str_add(out, "Parameter containing:\n");
    size_t start = out->length;
    tni_str_add(out, "tensor(");
    TNI_TRY(add_body(out, &p));
    add_suffixes(out, &p, start);
    tni_str_add(out, ")");
    return !out->failed;
}

/* "indices=tensor(...)": a part, which says its size when it is empty. */
static bool add_part(tni_str *out, const char *name, const tni_format_tensor_info *t) {
    printer p = printer_of(t, INDENT + (int64_t)strlen(name));
    tni_str_add(out, name);
    TNI_TRY(add_body(out, &p));
    if (p.empty) {
        tni_str_add(out, ", size=");
        tni_format_tuple(out, t->sizes, t->ndim);
    }
    tni_str_add(out, ")");
    return true;
}

bool tni_format_sparse(tni_str *out, const tni_format_tensor_info *t, const tni_format_tensor_info *indices,
                       const tni_format_tensor_info *values) {
    char count[40];
    if (t->is_parameter) tni_str_add(out, "Parameter containing:\n");
    tni_str_add(out, "tensor(");
    TNI_TRY(add_part(out, "indices=tensor(", indices));
    tni_str_add(out, ",\n       ");
    TNI_TRY(add_part(out, "values=tensor(", values));
    suffixes s = {out, t->options.linewidth, t->options.linewidth}; /* on a new line */
    add_size_suffix(&s, t);
    snprintf(count, sizeof count, "nnz=%" PRId64, indices->sizes[1]);
    add_suffix(&s, count);
    bool usual = t->dtype == t->default_dtype || t->dtype == TN_INT64 || t->dtype == TN_BOOL ||
                 t->dtype == tni_dtype_complex(t->default_dtype);
    if (!usual) add_dtype_suffix(&s, t->dtype);
    add_suffix(&s, "layout=torch.sparse_coo");
    add_gradient_suffix(&s, t);
    tni_str_add(out, ")");
    return !out->failed;
}
