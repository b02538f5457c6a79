/* core/text.c - the printed text of objects: tensors, modules, lists and all that has one. */
#include "core/text.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/node.h"
#include "core/sparse.h"
#include "tensor/format.h"
#include <pthread.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tni_print_options options = {4, 1000, 3, 80, -1};

void tn_set_printoptions(int precision, int threshold, int edgeitems, int linewidth, int sci_mode) {
    pthread_mutex_lock(&lock);
    if (precision >= 0) options.precision = precision;
    if (threshold >= 0) options.threshold = threshold;
    if (edgeitems >= 0) options.edgeitems = edgeitems;
    if (linewidth >= 0) options.linewidth = linewidth;
    options.sci_mode = sci_mode;
    pthread_mutex_unlock(&lock);
}

static tni_format_tensor_info info_of(const tni_array *a, tni_print_options now) {
    return (tni_format_tensor_info){.data = a->data,
                                    .dtype = (tn_dtype)a->dtype,
                                    .default_dtype = tn_get_default_dtype(),
                                    .ndim = a->ndim,
                                    .sizes = a->sizes,
                                    .strides = a->strides,
                                    .meta = a->device == TNI_META,
                                    .options = now};
}

static void sparse_text(const tn_tensor *x, const tni_format_tensor_info *info, tni_str *out) {
    const tni_sparse *s = tni_sparse_of(x);
    tni_format_tensor_info indices = info_of(&s->indices->a, info->options), values = info_of(&s->values->a, info->options);
    (void)tni_format_sparse(out, info, &indices, &values);
}

void tni_tensor_text(tni_object *o, tni_str *out) {
    tn_tensor *x = (tn_tensor *)o;
    if (x->uninitialized) {
        tni_str_add(out, x->is_parameter ? "<UninitializedParameter>" : "<UninitializedBuffer>");
        return;
    }
    tni_node *node = NULL;
    (void)tni_grad_fn(x, &node);
    pthread_mutex_lock(&lock);
    tni_print_options now = options;
    pthread_mutex_unlock(&lock);
    tni_format_tensor_info info = info_of(&x->a, now);
    info.grad_fn_name = node ? tni_node_name(node) : NULL;
    info.requires_grad = x->requires_grad;
    info.is_parameter = x->is_parameter;
    if (tni_is_sparse(x))
        sparse_text(x, &info, out);
    else
        (void)tni_format_tensor(out, &info);
}

void tni_object_text(tni_object *o, tni_str *out) {
    const tni_kind_info *info = tni_kind_get((tni_kind)o->tag);
    if (info->text)
        info->text(o, out);
    else
        tni_str_addf(out, "<%s>", info->name);
}

/* ---- modules ---- */

static void add_indented(tni_str *out, const char *text) {
    for (; *text; text++) {
        tni_str_add_n(out, text, 1);
        if (*text == '\n' && text[1] != '\n' && text[1]) tni_str_add(out, "  ");
    }
}

static void module_text(tni_module *m, tni_str *out, int depth);

static void child_text(tni_module *m, tni_str *out, int depth) {
    tni_str text = {0};
    module_text(m, &text, depth);
    if (text.text) add_indented(out, text.text);
    if (text.failed) out->failed = true;
    tni_str_clear(&text);
}

static void add_run(tni_str *out, size_t first, size_t end, const char *text) {
    if (first == end)
        tni_str_addf(out, "\n  (%zu): ", first);
    else
        tni_str_addf(out, "\n  (%zu-%zu): %zu x ", first, end, end - first + 1);
    if (text) add_indented(out, text);
}

/* Runs of equal texts become one line: (0-2): 3 x Linear(...). NULL children print as None. */
static void run_lines(tni_module *const *child, size_t n, tni_str *out, int depth) {
    tni_str last = {0};
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        tni_str text = {0};
        if (child[i])
            module_text(child[i], &text, depth);
        else
            tni_str_add(&text, "None");
        if (i > 0 && last.text && text.text && strcmp(last.text, text.text) == 0) {
            tni_str_clear(&text);
            continue;
        }
        if (i > 0) add_run(out, first, i - 1, last.text);
        tni_str_clear(&last);
        last = text;
        first = i;
    }
    if (n) add_run(out, first, n - 1, last.text);
    if (last.failed) out->failed = true;
    tni_str_clear(&last);
}

/* The members of a ModuleList. */
static void list_lines(tni_module *m, tni_str *out, int depth) {
    tni_module **child = tni_alloc((m->members + 1) * sizeof *child);
    size_t n = 0;
    for (size_t i = 0; child && i < m->members; i++)
        if (m->member[i].status & TNI_SLOT_MODULE) child[n++] = (tni_module *)m->member[i].value;
    if (child) run_lines(child, n, out, depth);
    if (!child) out->failed = true;
    tni_free(child, (m->members + 1) * sizeof *child);
}

static size_t collect_array(tni_module *m, size_t first, tni_module **child, size_t room) {
    const char *name = m->info->slot[first].name;
    size_t n = 0;
    for (size_t i = first; i < m->info->slots && m->info->slot[i].name == name; i++) {
        void *value = tni_slot_value(m, (uint32_t)i);
        tni_object *o = value ? tni_object_find(value) : NULL;
        if (o && o->tag == TNI_MODULE && n < room) child[n++] = (tni_module *)o;
    }
    return n;
}

/* An array field prints as the ModuleList that it stands for. */
static void array_lines(tni_module *m, size_t first, tni_str *out, int depth) {
    size_t room = m->info->slots - first;
    tni_module **child = tni_alloc(room * sizeof *child);
    if (!child) {
        out->failed = true;
        return;
    }
    size_t n = collect_array(m, first, child, room);
    if (n) {
        tni_str inner = {0};
        run_lines(child, n, &inner, depth);
        tni_str_addf(out, "\n  (%s): ModuleList(", m->info->slot[first].name);
        if (inner.text) add_indented(out, inner.text);
        tni_str_add(out, "\n  )");
        tni_str_clear(&inner);
    }
    tni_free(child, room * sizeof *child);
}

static bool prints_runs(const tni_module *m) {
    const char *printed = tni_module_printed(m);
    return strcmp(printed, "ModuleList") == 0 || strcmp(printed, "ParametrizationList") == 0;
}

static void children_lines(tni_module *m, tni_str *out, int depth) {
    if (prints_runs(m)) {
        list_lines(m, out, depth);
        return;
    }
    for (size_t i = 0; i < tni_module_places(m); i++) {
        const char *name;
        int32_t index;
        tni_object *o = tni_module_place(m, i, &name, &index);
        if (index == 0) array_lines(m, i, out, depth);
        bool absent = !o && (tni_module_place_status(m, i, o) & TNI_SLOT_MODULE);
        if (index >= 0 || (!absent && (!o || o->tag != TNI_MODULE))) continue;
        tni_str_addf(out, "\n  (%s): ", name);
        if (absent)
            tni_str_add(out, "None");
        else
            child_text((tni_module *)o, out, depth);
    }
}

/* extra_repr as snprintf: asked again when its text is longer than the room. */
static void add_extra(tni_module *m, tni_str *extra) {
    char few[512] = "";
    if (!m->class_->extra_repr) return;
    int n = m->class_->extra_repr(tni_module_struct(m), few, sizeof few);
    if (n < (int)sizeof few) {
        if (n > 0) tni_str_add(extra, few);
        return;
    }
    char *more = tni_alloc((size_t)n + 1);
    if (more && m->class_->extra_repr(tni_module_struct(m), more, (size_t)n + 1) == n) tni_str_add(extra, more);
    if (!more) extra->failed = true;
    tni_free(more, (size_t)n + 1);
}

static void module_text(tni_module *m, tni_str *out, int depth) {
    tni_str lines = {0}, extra = {0};
    add_extra(m, &extra);
    if (depth < MAX_DEPTH)
        children_lines(m, &lines, depth + 1);
    else
        tni_str_add(&lines, "\n  ...");
    tni_str_addf(out, "%s(", tni_module_printed(m));
    bool one_line = !lines.length && !(extra.text && strchr(extra.text, '\n'));
    if (!one_line && extra.length) tni_str_add(out, "\n  ");
    if (extra.text) add_indented(out, extra.text);
    if (lines.text) tni_str_add(out, lines.text);
    tni_str_add(out, one_line ? ")" : "\n)");
    if (lines.failed || extra.failed) out->failed = true;
    tni_str_clear(&lines);
    tni_str_clear(&extra);
}

void tni_module_text(tni_object *o, tni_str *out) { module_text((tni_module *)o, out, 0); }

/* ---- the public face ---- */

const char *tni_lend_text(tni_thread *t, tni_str *s) {
    if (s->failed || !s->text) {
        bool failed = s->failed;
        tni_str_clear(s);
        return failed ? "<out of memory>" : "";
    }
    tni_free(t->text, t->text_bytes);
    t->text = s->text;
    t->text_bytes = s->capacity;
    return t->text;
}

const char *tn_to_string(const void *x) {
    if (!x) return "None";
    tni_thread *t = tni_self();
    tni_object *o = t ? tni_object_find(x) : NULL;
    if (!o) return "<not a living object>";
    tni_str s = {0};
    tni_object_text(o, &s);
    return tni_lend_text(t, &s);
}
