/* nn/summary.c - a table of a model: its modules, what they hold, and the sums. */
#include <stdio.h>
#include <string.h>
#include <tison/nn.h>

/* Text as snprintf writes it: counts what does not fit. */
typedef struct {
    char *out;
    size_t room, length;
} text;

static void add(text *t, const char *line, int n) {
    size_t left = t->length < t->room ? t->room - t->length : 0;
    if (left) {
        size_t fits = (size_t)n < left ? (size_t)n : left - 1;
        memcpy(t->out + t->length, line, fits);
        t->out[t->length + fits] = 0;
    }
    t->length += (size_t)n;
}

typedef struct {
    int64_t trainable, frozen, buffers, bytes;
} sums;

static void add_tensor(sums *s, tn_tensor *x, bool parameter) {
    if (tn_is_lazy(x)) return;
    int64_t n = tn_numel(x);
    *(!parameter ? &s->buffers : tn_requires_grad(x) ? &s->trainable : &s->frozen) += n;
    s->bytes += n * (int64_t)tn_element_size(x);
}

static sums sums_of(tn_module *m, bool recurse) {
    const tn_named_opts opts = {.size = sizeof opts, .recurse = recurse, .remove_duplicate = true};
    sums s = {0};
    for (tn_named_iter p = (tn_named_parameters)(m, &opts); tn_named_next(&p);) add_tensor(&s, p.tensor, true);
    for (tn_named_iter b = (tn_named_buffers)(m, &opts); tn_named_next(&b);) add_tensor(&s, b.tensor, false);
    return s;
}

static void add_row(text *t, const char *name, const char *class_, const sums *s) {
    char line[400];
    int n = snprintf(line, sizeof line, "%-40.200s %-20.60s %12lld %12lld %12lld\n", name, class_, (long long)s->trainable,
                     (long long)s->frozen, (long long)s->buffers);
    add(t, line, n);
}

/** Writes a table of m and every module below it, with the number of trained, frozen and buffer elements of its own, and the sums, as
 *  snprintf does: the length of the whole text, of which at most room - 1 bytes stand in out. -1 on failure. Not in PyTorch. */
TN_API int64_t tn_nn_summary(tn_module *m, char *out, size_t room) {
    TN_SCOPE;
    text t = {out, out ? room : 0, 0};
    char line[400];
    tn_named_iter modules = (tn_named_modules)(m, NULL);
    if (tn_error() != TN_OK) return -1;
    add(&t, line, snprintf(line, sizeof line, "%-40s %-20s %12s %12s %12s\n", "module", "class", "trained", "frozen", "buffers"));
    while (tn_named_next(&modules)) {
        TN_SCOPE;
        sums s = sums_of(modules.module, false);
        add_row(&t, modules.name[0] ? modules.name : "(whole)", tn_module_class(modules.module)->printed, &s);
    }
    sums all = sums_of(m, true);
    add_row(&t, "sum", "", &all);
    add(&t, line, snprintf(line, sizeof line, "%lld bytes of parameters and buffers\n", (long long)all.bytes));
    return tn_error() == TN_OK ? (int64_t)t.length : -1;
}
