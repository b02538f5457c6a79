/* core/summary.c - tn_module_summary: a table of a model for people. */
#include "base/addresses.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/op.h"
#include "core/text.h"
#include "core/sparse.h"
#include <stdio.h>
#include <string.h>

typedef struct sums {
    int64_t trained, frozen, buffers, bytes; /* elements, and bytes of all */
} sums;

/* A module; what it holds itself and, below the depth that is shown, what is below it. */
typedef struct row {
    const char *path; /* of the walk */
    int depth;
    bool shown, lazy;
    tni_str label, class_, members, output;
    tn_hook *hook; /* while the copy runs */
    sums own;
} row;

typedef struct summary {
    tni_walk walk;
    row *row; /* one for each module of the walk */
    size_t rows;
    tni_addresses seen; /* tensors that were counted */
    int64_t depth;      /* -1: all */
    sums all;
} summary;

/* ---- what a module holds ---- */

static int64_t array_bytes(const tn_tensor *x) { return x->a.numel * (int64_t)tni_array_item(&x->a); }

static int64_t bytes_of(const tn_tensor *x) {
    if (!tni_is_sparse(x)) return array_bytes(x);
    return array_bytes(tni_sparse_of(x)->indices) + array_bytes(tni_sparse_of(x)->values);
}

static void count_tensor(summary *s, sums *own, const tn_tensor *x, bool parameter) {
    int64_t n = x->a.numel, bytes = bytes_of(x);
    sums *both[] = {own, &s->all};
    for (int i = 0; i < 2; i++) {
        *(!parameter ? &both[i]->buffers : x->requires_grad ? &both[i]->trained : &both[i]->frozen) += n;
        both[i]->bytes += bytes;
    }
}

/* "weight [2, 3]", "(steps [] int64)" for a buffer. */
static bool add_member(summary *s, row *r, sums *own, const char *name, int32_t index, const tn_tensor *x, bool parameter) {
    tni_address_answer answer = tni_addresses_add(&s->seen, x);
    if (answer == TNI_ADDRESS_NO_MEMORY) return false;
    tni_str *out = &r->members;
    tni_str_addf(out, "%s%s%s", out->length ? ", " : "", parameter ? "" : "(", name);
    if (index >= 0) tni_str_addf(out, ".%d", (int)index);
    if (x->uninitialized) {
        tni_str_add(out, " not yet known");
        r->lazy = true;
    } else {
        tni_str_addf(out, " %s", TNI_SHAPE(&x->a));
        if (tni_is_sparse(x)) tni_str_addf(out, " sparse, %lld values", (long long)tni_sparse_nnz(tni_sparse_of(x)));
        if (x->a.device == TNI_META) tni_str_add(out, " meta");
        if (x->a.dtype != TN_FLOAT32) tni_str_addf(out, " %s", tn_dtype_name((tn_dtype)x->a.dtype));
        if (answer == TNI_ADDRESS_NEW) count_tensor(s, own, x, parameter);
    }
    if (answer == TNI_ADDRESS_THERE) tni_str_add(out, " shared");
    if (!parameter) tni_str_add(out, ")");
    return true;
}

static bool add_members(summary *s, row *r, sums *own, tni_module *m) {
    for (size_t i = 0, n = tni_module_places(m); i < n; i++) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index);
        bool parameter = o && tni_module_place_is_parameter(m, i, o), buffer = o && tni_module_place_is_buffer(m, i, o);
        if ((parameter || buffer) && !add_member(s, r, own, name, index, (const tn_tensor *)o, parameter)) return false;
    }
    return true;
}

static bool is_below(const char *path, const char *above) {
    size_t n = strlen(above);
    return n == 0 || (strncmp(path, above, n) == 0 && path[n] == '.');
}

/* The walk is in preorder, so a module's parent is the nearest row before it whose path begins its own. */
static row *parent_of(summary *s, size_t i) {
    row *r = i ? &s->row[i - 1] : NULL;
    while (r && !is_below(s->row[i].path, r->path)) r = r == s->row ? NULL : r - 1;
    return r;
}

static row *shown_above(summary *s, size_t i) {
    row *r = &s->row[i];
    while (!r->shown) r = parent_of(s, (size_t)(r - s->row));
    return r;
}

static bool make_rows(summary *s) {
    s->rows = s->walk.n;
    s->row = tni_alloc_zero(s->rows * sizeof *s->row);
    if (!s->row) return false;
    for (size_t i = 0; i < s->rows; i++) {
        row *r = &s->row[i], *parent;
        tni_module *m = (tni_module *)s->walk.item[i].value;
        r->path = s->walk.item[i].name;
        parent = parent_of(s, i);
        r->depth = parent ? parent->depth + 1 : 0;
        r->shown = s->depth < 0 || r->depth <= s->depth;
        tni_str_addf(&r->label, "%*s%s", 2 * r->depth, "",
                     parent ? r->path + strlen(parent->path) + (*parent->path != 0) : "model");
        tni_str_add(&r->class_, tni_module_printed(m));
        if (!add_members(s, r, &shown_above(s, i)->own, m)) return false;
        if (r->label.failed || r->class_.failed || r->members.failed) return false;
    }
    return true;
}

/* ---- the shapes of results, seen when a copy runs ---- */

static bool note_output(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data) {
    tni_str *to = data;
    (void)m, (void)in, (void)n;
    if (to->length) return true; /* the first run of several */
    for (size_t i = 0; i < k; i++) tni_str_addf(to, "%s%s", i ? ", " : "", out[i] ? TNI_SHAPE(&out[i]->a) : "None");
    return !to->failed;
}

static bool hook_all(summary *s, tni_module *copy) {
    tni_walk w = {0};
    TNI_TRY(tni_walk_run("summary", &w, copy, TNI_WALK_MODULES, NULL, true, false));
    bool right = true;
    for (size_t i = 0; right && i < w.n && i < s->rows; i++)
        right = (s->row[i].hook = (tn_register_forward_hook)(tni_module_struct((tni_module *)w.item[i].value), note_output,
                                                             &s->row[i].output, NULL, NULL)) != NULL;
    tni_walk_clear(&w);
    return right;
}

/* Of a copy in evaluation mode, with the generator put back: the model itself is as before. */
static bool run_copy(summary *s, tn_module *copy, tn_tensor *const *input, size_t inputs) {
    TN_NO_GRAD;
    tni_module *r = copy ? tni_module_of("summary", copy) : NULL;
    if (!r || !(tn_eval)(copy)) return false;
    tni_random *generator = tni_thread_random(tni_self()), before = *generator;
    bool right = hook_all(s, r) && (tn_forward)(copy, input, inputs);
    *generator = before;
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].hook) tn_hook_remove(s->row[i].hook);
    return right;
}

static bool see_results(summary *s, tn_module *m, tn_module *copy, tn_tensor *const *input, size_t inputs) {
    TN_SCOPE;
    return run_copy(s, copy ? copy : tn_deepcopy(m), input, inputs);
}

/* ---- the text ---- */

/* 12,345 */
static const char *grouped(char text[32], int64_t n) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}
#define GROUPED(n) grouped((char[32]){0}, n)

static const char *size_text(char text[32], int64_t bytes) {
    static const char *const unit[] = {"bytes", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t u = 0;
    for (; value >= 1000 && u + 1 < TNI_COUNT(unit); u++) value /= 1000;
    snprintf(text, 32, u ? "%.1f %s" : "%.0f %s", value, unit[u]);
    return text;
}
#define SIZE(bytes) size_text((char[32]){0}, bytes)

static int width_of(const summary *s, const char *title, size_t offset) {
    size_t width = strlen(title);
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].shown) width = TNI_MAX(width, ((const tni_str *)((const char *)&s->row[i] + offset))->length);
    return (int)TNI_MIN(width, 200);
}

static const char *text_of(const tni_str *s) { return s->text ? s->text : ""; }

static void end_line(tni_str *out) {
    while (out->length && out->text[out->length - 1] == ' ') out->text[--out->length] = 0;
    tni_str_add(out, "\n");
}

static void write_row(const summary *s, bool outputs, const row *r, const int width[3], tni_str *out) {
    const sums *own = &r->own;
    tni_str_addf(out, "%-*s  %-*s", width[0], text_of(&r->label), width[1], text_of(&r->class_));
    if (outputs) tni_str_addf(out, "  %-*s", width[2], r->output.length ? text_of(&r->output) : "did not run");
    tni_str_addf(out, "  %13s", own->trained ? GROUPED(own->trained) : "");
    if (s->all.frozen) tni_str_addf(out, "  %13s", own->frozen ? GROUPED(own->frozen) : "");
    tni_str_addf(out, "  %9s  %s", own->bytes ? SIZE(own->bytes) : "", text_of(&r->members));
    end_line(out);
}

static void write_sums(const summary *s, tni_str *out) {
    tni_str_addf(out, "%s parameters: %s trained, %s frozen. %s elements in buffers. %s in all.\n",
                 GROUPED(s->all.trained + s->all.frozen), GROUPED(s->all.trained), GROUPED(s->all.frozen), GROUPED(s->all.buffers),
                 SIZE(s->all.bytes));
    bool lazy = false;
    for (size_t i = 0; i < s->rows; i++) lazy |= s->row[i].lazy;
    if (lazy) tni_str_add(out, "Parameters whose shape is not yet known are not counted.\n");
}

static void write_text(const summary *s, bool outputs, tni_str *out) {
    const int width[] = {width_of(s, "module", offsetof(row, label)), width_of(s, "class", offsetof(row, class_)),
                         width_of(s, outputs ? "did not run" : "", offsetof(row, output))};
    tni_str_addf(out, "%-*s  %-*s", width[0], "module", width[1], "class");
    if (outputs) tni_str_addf(out, "  %-*s", width[2], "result");
    tni_str_addf(out, "  %13s", "trained");
    if (s->all.frozen) tni_str_addf(out, "  %13s", "frozen");
    tni_str_addf(out, "  %9s  holds (buffers)\n", "size");
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].shown) write_row(s, outputs, &s->row[i], width, out);
    write_sums(s, out);
}

static void clear(summary *s) {
    for (size_t i = 0; s->row && i < s->rows; i++) {
        row *r = &s->row[i];
        tni_str_clear(&r->label), tni_str_clear(&r->class_), tni_str_clear(&r->members), tni_str_clear(&r->output);
    }
    tni_free(s->row, s->rows * sizeof *s->row);
    tni_addresses_clear(&s->seen);
    tni_walk_clear(&s->walk);
}

const char *(tn_module_summary)(tn_module *m, const tn_module_summary_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    tni_module *r = tni_module_of("summary", m);
    summary s = {.depth = TNI_OPT(opts, depth, -1)};
    tn_tensor *one = TNI_OPT(opts, input, NULL), *const *inputs = TNI_OPT(opts, inputs, NULL);
    size_t n = TNI_OPT(opts, ninputs, 0);
    if (!inputs && one) inputs = &one, n = 1;
    bool right = r && tni_walk_run("summary", &s.walk, r, TNI_WALK_MODULES, NULL, true, false) && make_rows(&s) &&
                 (!inputs || see_results(&s, m, TNI_OPT(opts, copy, NULL), inputs, n));
    tni_str out = {0};
    if (right) write_text(&s, inputs != NULL, &out);
    clear(&s);
    if (right && !out.failed) return tni_lend_text(t, &out);
    tni_str_clear(&out);
    return NULL;
}
