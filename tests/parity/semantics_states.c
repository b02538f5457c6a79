/* Statements 141 to 228 live: states, containers, hooks, functional calls, optimizers. semantics_states.py makes the same observations of
 * PyTorch, in the same order. */
#include "observe.h"

static char called[2000];
static void note(const char *what, const char *more) { strcat(strcat(strcat(called, what), more), " "); }
static void say_called(int n) {
    say(n, called);
    called[0] = 0;
}
static void yes(int n, bool right) { say(n, right ? "True" : "False"); }

/* ---- a module with all that a state can hold ---- */

typedef struct {
    tn_module module;
    tn_tensor *w, *none, *mean, *passing;
    int64_t extra;
} leaf;
static tn_tensor *leaf_forward(leaf *self, tn_tensor *x) { return tn_mul(x, self->w); }
static tn_tensor *leaf_get_extra(tn_module *m) { return tn_tensor((), ((leaf *)m)->extra); }
static bool leaf_set_extra(tn_module *m, tn_tensor *state) {
    return (((leaf *)m)->extra = tn_item_int(state)) != -1 || !tn_error();
}
TN_CLASS_WITH(leaf, leaf_forward, (w, none, mean, passing), .get_extra_state = leaf_get_extra, .set_extra_state = leaf_set_extra);
typedef struct {
    tn_module module;
    leaf *a, *ab;
    tn_nn_linear *l;
    tn_nn_batch_norm1d *bn;
    tn_tensor *w, *scalar;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->bn, tn_forward(self->l, tn_mul(x, self->w))); }
TN_CLASS(net, net_forward, a, ab, l, bn, w, scalar);

static leaf *leaf_new(int64_t extra) {
    leaf *self = tn_new(leaf);
    self->w = tn_parameter(tn_ones(2));
    self->mean = tn_buffer(tn_zeros(2));
    self->passing = tn_buffer(tn_zeros(2), .persistent = false);
    self->extra = extra;
    return self;
}
static net *net_new(void) {
    net *self = tn_new(net);
    self->a = leaf_new(1);
    self->ab = leaf_new(2);
    self->l = tn_nn_linear(2, 2);
    self->bn = tn_nn_batch_norm1d(2);
    self->w = tn_parameter(tn_ones(2));
    self->scalar = tn_buffer(tn_scalar_tensor(1.0));
    return self;
}
static void versions(int n, tn_state *s) {
    for (size_t i = 0; i < tn_state_version_count(s); i++) {
        const char *path = tn_state_version_path(s, i);
        say(n, path), sayf(n, (double)tn_state_version(s, path));
    }
}

static bool before_save(tn_module *m, const char *prefix, bool keep_vars, void *data) {
    (void)m, (void)data;
    return note(keep_vars ? "pre+" : "pre:", prefix), true;
}
static bool after_save(tn_module *m, tn_state *s, const char *prefix, void *data) {
    char key[100];
    (void)m, (void)data;
    snprintf(key, sizeof key, "%smore", prefix);
    return note("post:", prefix), tn_state_set(s, key, tn_ones(1));
}

static void saving(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_state *s = tn_state_dict(m), *kept = tn_state_dict(m, .keep_vars = true);
    yes(141, tn_requires_grad(tn_state_get(s, "w"))), yes(141, tn_requires_grad(tn_state_get(kept, "w")));
    yes(141, tn_data(tn_state_get(s, "w")) == tn_data(m->w)), yes(141, tn_state_get(kept, "a.mean") == m->a->mean);
    yes(141, tn_is_leaf(tn_state_get(s, "w")));
    say(142, keys(s)), versions(145, s);
    say(143, keys(tn_state_dict(m->a)));
    s = tn_state_dict(m, .prefix = "net.");
    say(144, keys(s)), versions(145, s);
    s = tn_state_dict(m, .prefix = "n");
    say(144, keys(s)), versions(145, s);
    versions(146, tn_state_dict(tn_nn_sequential(tn_nn_batch_norm1d(1), tn_nn_batch_norm2d(1), tn_nn_batch_norm3d(1),
                                                 tn_nn_instance_norm1d(1), tn_nn_instance_norm2d(1), tn_nn_instance_norm3d(1),
                                                 tn_nn_group_norm(1, 1), tn_nn_layer_norm(1), tn_nn_rms_norm(1), tn_nn_linear(1, 1),
                                                 tn_nn_conv2d(1, 1, 1), tn_nn_embedding(1, 1), tn_nn_flatten(), tn_nn_dropout(),
                                                 tn_nn_relu(), tn_nn_softmax(.dim = 1), tn_nn_mse_loss(), tn_nn_identity(),
                                                 tn_nn_module_list(), tn_nn_module_dict(), tn_nn_parameter_list(),
                                                 tn_nn_parameter_dict(), tn_nn_lazy_linear(1), tn_nn_max_pool2d(2))));
    tn_state *own = tn_state_new();
    tn_state_set(own, "first", tn_ones(1)), tn_state_set(own, "l.bias", tn_ones(1));
    yes(147, tn_state_dict(m->l, .destination = own, .prefix = "l.") == own);
    say(147, keys(own)), versions(147, own);
    tn_register_state_dict_pre_hook(m, before_save, NULL, NULL), tn_register_state_dict_pre_hook(m->a, before_save, NULL, NULL);
    tn_register_state_dict_post_hook(m->a, after_save, NULL, NULL), tn_register_state_dict_post_hook(m, after_save, NULL, NULL);
    tn_hook *h = tn_register_state_dict_post_hook(m->l, after_save, NULL, NULL);
    say(148, keys(tn_state_dict(m))), say_called(148);
    tn_hook_remove(h);
    say(148, keys(tn_state_dict(m, .keep_vars = true, .prefix = "x."))), say_called(148);
    sayf(150, tn_item(tn_state_get(tn_state_dict(m), "ab._extra_state")));
    called[0] = 0;
}

static void loading(void) {
    TN_SCOPE;
    net *from = net_new(), *m = net_new();
    tn_state *s = tn_state_dict(from), *none = tn_state_new();
    tn_incompatible *found = NULL;
    tn_load_state_dict(m, s, .incompatible = &found), say(151, tn_to_string(found));
    tn_load_state_dict(m, none, .strict = false, .incompatible = &found), say(151, tn_to_string(found));
    tn_state_set(none, "it's", tn_ones(1)), tn_state_set(none, "say \"x\"", tn_ones(1));
    tn_load_state_dict(m->l, none, .strict = false, .incompatible = &found), say(151, tn_to_string(found));
    tn_load_state_dict(m->l, none), error(160);
    tn_load_state_dict(m, (tn_state *)(void *)tn_ones(1)), error(152);
    uint32_t version = tn_version_counter(m->w);
    tn_tensor *w = m->w;
    tn_state_set(s, "w", tn_full(2, 5, .dtype = TN_INT64)), tn_state_set(s, "a.w", tn_full(2, 0.1, .dtype = TN_FLOAT64));
    tn_state_set(s, "a.mean", tn_full(2, true, .dtype = TN_BOOL)), tn_state_set(s, "scalar", tn_full(1, 2.5, .dtype = TN_FLOAT16));
    tn_load_state_dict(m, s);
    sayf(153, sum(m->w)), sayf(153, sum(m->a->w)), sayf(153, sum(m->a->mean)), sayf(153, sum(m->scalar));
    say(153, tn_dtype_name(tn_get_dtype(m->w))), yes(153, m->w == w && tn_requires_grad(w));
    sayf(153, tn_version_counter(w) - version);
    version = tn_version_counter(w);
    tn_load_state_dict(m, tn_state_dict(m, .keep_vars = true)), sayf(153, tn_version_counter(w) - version);
    version = tn_version_counter(w);
    tn_load_state_dict(m, tn_state_dict(m)), sayf(153, tn_version_counter(w) - version);
    last_warning[0] = 0;
    tn_state_set(s, "w", tn_complex(tn_full(2, 3.0), tn_ones(2))), tn_load_state_dict(m, s), warned(153), sayf(153, sum(m->w));
    tn_state_set(s, "scalar", tn_full((1, 1), 9.0)), tn_load_state_dict(m, s), error(154);
    tn_state_set(s, "scalar", tn_scalar_tensor(4.0)), tn_state_set(s, "w", tn_scalar_tensor(4.0)), tn_load_state_dict(m, s),
        error(154);
    tn_state_set(s, "w", tn_ones(1)), tn_load_state_dict(m, s), error(154);
    tn_state_set(s, "w", tn_ones((4, 2))), tn_state_set(s, "q", tn_ones(1)), tn_state_delete(s, "bn.weight");
    tn_load_state_dict(m, s, .strict = false), error(155);
    tn_load_state_dict(m, s, .assign = true), error(155);
    const char *odd[] = {"a.w.x",
                         "a",
                         "a.",
                         ".a",
                         "a.none",
                         "a.passing",
                         "ab._extra_state.x",
                         "l._extra_state",
                         "bn.num_batches_tracked.x",
                         "_extra_state",
                         "a.q",
                         "w.y.z",
                         "ac.w",
                         "l.weight.0",
                         "l.q",
                         ""};
    s = tn_state_new();
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) tn_state_set(s, odd[i], tn_ones(2));
    tn_load_state_dict(m, s, .strict = false, .incompatible = &found), say(157, tn_to_string(found));
    tn_load_state_dict(m, s), error(158);
    s = tn_state_new();
    tn_state_set(s, "none", tn_ones(2)), tn_state_set(s, "passing", tn_ones(2)), tn_load_state_dict(m->a, s), error(159);
}

static void assigning(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_state *s = tn_state_dict(net_new());
    tn_tensor *value = tn_full((2, 2), 6.0, .dtype = TN_FLOAT64), *p = tn_parameter(tn_ones(2), false);
    tn_state_set(s, "l.weight", tn_t(value)), tn_state_set(s, "ab.w", p),
        tn_state_set(s, "scalar", tn_full(1, 3.0, .dtype = TN_FLOAT64));
    tn_requires_grad_(m->a->w, false);
    tn_load_state_dict(m, s, .assign = true), error(163);
    say(163, tn_dtype_name(tn_get_dtype(m->l->weight))), sayf(163, (double)tn_stride(m->l->weight, 0));
    yes(163, tn_is_parameter(m->l->weight)), yes(163, tn_requires_grad(m->l->weight)), yes(163, tn_requires_grad(m->a->w));
    yes(163, m->ab->w == p), yes(163, tn_requires_grad(p)), yes(163, tn_data(m->l->weight) == tn_data(value));
    sayf(163, (double)tn_ndim(m->scalar)), say(163, tn_dtype_name(tn_get_dtype(m->scalar)));
    names(163, tn_named_parameters(m)), say(163, keys(tn_state_dict(m)));
    s = tn_state_dict(net_new());
    tn_state_set(s, "w", tn_parameter(tn_arange(2), false)), tn_state_set(s, "ab.w", tn_full(2, true, .dtype = TN_BOOL));
    tn_load_state_dict(m, s, .assign = true), error(164);
    tn_requires_grad_(m->w, false), tn_requires_grad_(m->ab->w, false);
    tn_load_state_dict(m, s, .assign = true), error(164), say(164, tn_dtype_name(tn_get_dtype(m->w)));
    m = net_new(), m->ab->w = m->w;
    s = tn_state_dict(net_new());
    tn_state_set(s, "w", tn_full(2, 3.0)), tn_state_set(s, "ab.w", tn_full(2, 4.0));
    tn_load_state_dict(m, s, .assign = true), sayf(165, sum(m->w)), sayf(165, sum(m->ab->w)), names(165, tn_named_parameters(m));
    tn_nn_batch_norm1d *bn = tn_nn_batch_norm1d(2);
    tn_fill_(bn->num_batches_tracked, 5);
    s = tn_state_dict(tn_nn_batch_norm1d(2)), tn_state_delete(s, "num_batches_tracked");
    tn_load_state_dict(bn, s), error(167);
    tn_state_set_version(s, "", 1), tn_load_state_dict(bn, s), error(167), sayf(167, tn_item(bn->num_batches_tracked));
    tn_state *bare = tn_state_new(); /* without versions */
    for (size_t i = 0; i < tn_state_count(s); i++) tn_state_set(bare, tn_state_name(s, i), tn_state_at(s, i));
    tn_load_state_dict(bn, bare), error(167), sayf(167, tn_item(bn->num_batches_tracked));
    tn_load_state_dict(tn_nn_instance_norm1d(2), s), error(167);
    tn_load_state_dict(tn_nn_sequential(tn_nn_relu(), tn_nn_batch_norm1d(2)), bare), error(167);
    leaf *a = leaf_new(1);
    s = tn_state_dict(leaf_new(7));
    tn_load_state_dict(a, s), sayf(168, (double)a->extra);
    tn_state_delete(s, "_extra_state"), tn_load_state_dict(a, s), error(168);
    s = tn_state_dict(tn_nn_linear(1, 1)), tn_state_set(s, "_extra_state", tn_ones(1)), tn_load_state_dict(tn_nn_linear(1, 1), s),
    error(168);
}

static char late[1000], sizes[100]; /* what hooks after a load noted; how much those before it were given */
static void say_late(int n) {
    say(n, late), say(170, sizes);
    late[0] = sizes[0] = 0;
}
static bool before_load(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *found,
                        void *data) {
    char text[100];
    (void)m;
    snprintf(sizes + strlen(sizes), 20, "%d ", (int)tn_state_count(s));
    snprintf(text, sizeof text, "%s%s%d%s,%d,%d", (char *)data, prefix, (int)version, strict ? "!" : "?",
             (int)tn_incompatible_count(found, TN_MISSING_KEYS), (int)tn_incompatible_count(found, TN_UNEXPECTED_KEYS));
    return note("pre:", text), true;
}
static bool after_load(tn_module *m, tn_incompatible *found, void *data) {
    char text[100];
    (void)m;
    snprintf(text, sizeof text, "%s,%d,%d", (char *)data, (int)tn_incompatible_count(found, TN_MISSING_KEYS),
             (int)tn_incompatible_count(found, TN_UNEXPECTED_KEYS));
    return strcat(strcat(strcat(late, "post:"), text), " "), true;
}
static bool add_all(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *found,
                    void *data) {
    (void)m, (void)s, (void)prefix, (void)version, (void)strict, (void)data;
    return tn_incompatible_add(found, TN_MISSING_KEYS, "of the hook") &&
           tn_incompatible_add(found, TN_UNEXPECTED_KEYS, "too much") &&
           tn_incompatible_add(found, TN_LOAD_ERRORS, "The hook says no.");
}
static bool rename_all(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *found,
                       void *data) {
    (void)m, (void)prefix, (void)version, (void)strict, (void)found, (void)data;
    tn_tensor *x = tn_state_get(s, "old");
    return tn_state_delete(s, "old") && tn_state_set(s, "w", x);
}
static bool forgive(tn_module *m, tn_incompatible *found, void *data) {
    (void)m, (void)data;
    return tn_incompatible_clear(found, TN_MISSING_KEYS) && tn_incompatible_clear(found, TN_UNEXPECTED_KEYS);
}

static void load_hooks(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_state *s = tn_state_dict(net_new());
    tn_incompatible *found = NULL;
    tn_register_load_state_dict_pre_hook(m, before_load, "m", NULL),
        tn_register_load_state_dict_pre_hook(m->bn, before_load, "bn", NULL);
    tn_register_load_state_dict_pre_hook(m->a, before_load, "a", NULL),
        tn_register_load_state_dict_pre_hook(m->a, before_load, "a2", NULL);
    tn_register_load_state_dict_post_hook(m, after_load, "m", NULL),
        tn_register_load_state_dict_post_hook(m->a, after_load, "a", NULL);
    tn_register_load_state_dict_post_hook(m->bn, after_load, "bn", NULL);
    tn_load_state_dict(m, s), error(169), say_called(169), say_late(169);
    tn_state_delete(s, "w"), tn_state_set(s, "q", tn_ones(1)), tn_state_delete(s, "a.w"), tn_state_set(s, "a.q", tn_ones(1));
    tn_load_state_dict(m, s, .strict = false, .incompatible = &found), error(169), say_called(169), say_late(169),
        say(169, tn_to_string(found));
    tn_hook *h = tn_register_load_state_dict_pre_hook(m->a, add_all, NULL, NULL);
    tn_load_state_dict(m, s), error(169), tn_load_state_dict(m, s, .strict = false), error(169);
    tn_hook_remove(h);
    tn_register_load_state_dict_post_hook(m, forgive, NULL, NULL);
    tn_load_state_dict(m, s, .incompatible = &found), error(169), say(169, tn_to_string(found));
    s = tn_state_dict(net_new());
    tn_state_set(s, "old", tn_full(2, 7.0));
    tn_register_load_state_dict_pre_hook(m, rename_all, NULL, NULL);
    tn_load_state_dict(m, s), error(169), sayf(169, sum(m->w)), yes(169, tn_state_has(s, "old"));
    m = net_new();
    s = tn_state_dict(net_new());
    tn_state_set(s, "ab.w", tn_full(2, 3.0)), tn_state_set(s, "a.w", tn_full(2, 2.0)), tn_load_state_dict(m, s);
    sayf(170, sum(m->a->w)), sayf(170, sum(m->ab->w));
    tn_state_delete(s, "a.w"), tn_load_state_dict(m, s), error(170);
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_states")) return 2;
    saving();
    loading();
    assigning();
    load_hooks();
    return observed();
}
