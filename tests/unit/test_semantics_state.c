/* state_dict and load_state_dict: statements 141 to 172. */
#include "statement.h"

typedef struct leaf {
    tn_module module;
    tn_tensor *w, *mean, *passing, *none;
    int64_t extra; /* saved as extra state */
} leaf;
static tn_tensor *leaf_forward(leaf *self, tn_tensor *x) { return tn_mul(x, self->w); }
static tn_tensor *leaf_get_extra(tn_module *m) { return tn_tensor((), ((leaf *)m)->extra); }
static bool leaf_set_extra(tn_module *m, tn_tensor *state) {
    int64_t value = tn_item_int(state);
    if (value < 0) return tn_raise(TN_ERR_VALUE, "negative");
    ((leaf *)m)->extra = value;
    return true;
}
TN_CLASS_WITH(leaf, leaf_forward, (w, mean, passing, none), .get_extra_state = leaf_get_extra, .set_extra_state = leaf_set_extra);

typedef struct {
    tn_module module;
    leaf *a, *ab;
    tn_nn_linear *l;
    tn_tensor *w, *none, *scalar;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->l, tn_mul(x, self->w)); }
TN_CLASS(net, net_forward, a, ab, l, w, none, scalar);

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
    self->w = tn_parameter(tn_ones(2));
    self->scalar = tn_buffer(tn_scalar_tensor(1.0));
    return self;
}
#define NAMES "w scalar a.w a.mean a._extra_state ab.w ab.mean ab._extra_state l.weight l.bias "

static const char *calls(char *seen, const char *what, const char *prefix) {
    return strcat(strcat(strcat(seen, what), prefix), " ");
}
static bool before_save(tn_module *m, const char *prefix, bool keep_vars, void *data) {
    (void)m;
    return calls(data, keep_vars ? "pre+:" : "pre:", prefix) != NULL;
}
static bool after_save(tn_module *m, tn_state *s, const char *prefix, void *data) {
    (void)m, (void)s;
    return calls(data, "post:", prefix) != NULL;
}
static bool adds_name(tn_module *m, tn_state *s, const char *prefix, void *data) {
    char key[100];
    (void)m, (void)data;
    snprintf(key, sizeof key, "%sadded", prefix);
    return tn_state_set(s, key, tn_ones(1));
}
static bool fails(tn_module *m, tn_state *s, const char *prefix, void *data) {
    (void)m, (void)s, (void)prefix, (void)data;
    return false;
}

static void saving(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_state *s = tn_state_dict(m);
    HOLDS(
        141,
        "A state is an ordered map of detached tensors over the members' memory; with keep_vars it holds the members themselves.");
    tn_tensor *w = tn_state_get(s, "w");
    CHECK(w != m->w && tn_data(w) == tn_data(m->w) && !tn_requires_grad(w) && !tn_is_parameter(w));
    tn_state *kept = tn_state_dict(m, .keep_vars = true);
    CHECK(tn_state_get(kept, "w") == m->w && tn_state_get(kept, "a.mean") == m->a->mean && tn_requires_grad(m->w));
    tn_fill_(w, 2.5);
    CHECK(sum_of(m->w) == 5);
    HOLDS(142,
          "Per module: parameters, buffers that are saved, extra state; then the children in order, with their name and a dot.");
    CHECK_STR(state_names(s), NAMES);
    HOLDS(143, "Empty members and buffers that are not saved are absent.");
    CHECK(!tn_state_has(s, "none") && !tn_state_has(s, "a.passing") && !tn_state_has(s, "a.none"));
    HOLDS(144, "A prefix is put before as it is: the caller brings the dot.");
    CHECK(tn_state_has(tn_state_dict(m, .prefix = "x."), "x.a.w") && tn_state_has(tn_state_dict(m, .prefix = "x"), "xw"));
    HOLDS(145, "Each module's version is noted under its path, the root's under the prefix without its last character.");
    CHECK(tn_state_version(s, "") == 1 && tn_state_version(s, "a") == 1 && tn_state_version(s, "l") == 1 &&
          tn_state_version_count(s) == 4);
    tn_state *prefixed = tn_state_dict(m, .prefix = "net.");
    CHECK_STR(tn_state_version_path(prefixed, 0), "net");
    CHECK_STR(tn_state_version_path(prefixed, 1), "net.a");
    CHECK_STR(tn_state_version_path(tn_state_dict(m, .prefix = "net"), 0), "ne");
    HOLDS(146, "The classes of batch and instance norm have version 2, all others 1.");
    tn_state *versions_of = tn_state_dict(tn_nn_sequential(tn_nn_relu(), tn_nn_batch_norm2d(3), tn_nn_instance_norm1d(3)));
    CHECK(tn_state_version(versions_of, "0") == 1 && tn_state_version(versions_of, "1") == 2 &&
          tn_state_version(versions_of, "2") == 2);
    IN_C(147, "A plain map that the caller supplies gets no versions.", "A destination is a state, and is added to with versions.");
    tn_state *own = tn_state_new();
    tn_state_set(own, "first", tn_ones(1));
    CHECK(tn_state_dict(m->l, .destination = own, .prefix = "l.") == own);
    CHECK_STR(state_names(own), "first l.weight l.bias ");
    CHECK(tn_state_version_count(own) == 1 && tn_state_version(own, "l") == 1);
    CHECK(tn_state_dict(m, .destination = (tn_state *)(void *)tn_ones(1)) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a state");
    HOLDS(148, "Hooks before saving run parent before child, those after it child before parent.");
    char seen[1000] = "";
    tn_register_state_dict_pre_hook(m, before_save, seen, NULL);
    tn_register_state_dict_pre_hook(m->a, before_save, seen, NULL);
    tn_register_state_dict_post_hook(m->a, after_save, seen, NULL);
    tn_register_state_dict_post_hook(m, after_save, seen, NULL);
    CHECK(tn_state_dict(m) != NULL);
    CHECK_STR(seen, "pre: pre:a. post:a. post: ");
    seen[0] = 0;
    tn_hook *after = tn_register_state_dict_post_hook(m->a, adds_name, NULL, NULL);
    s = tn_state_dict(m, .keep_vars = true, .prefix = "x.");
    CHECK(tn_state_has(s, "x.a.added") && tn_state_count(s) == 11);
    CHECK_STR(seen, "pre+:x. pre+:x.a. post:x.a. post:x. ");
    tn_hook_remove(after);
    s = tn_state_dict(m);
    IN_C(149, "A hook after saving that returns a value raises; a private one may replace the map at the root.",
         "It returns true, or false to fail; it changes the state that it is given.");
    tn_hook *h = tn_register_state_dict_post_hook(m->l, fails, NULL, NULL);
    CHECK(tn_state_dict(m) == NULL);
    CHECK_ERROR(TN_ERR_CALLBACK, "state_dict: a hook of 'tn_nn_linear' returned false");
    tn_hook_remove(h);
    IN_C(150, "A class that defines extra state saves it under _extra_state; the base method raises when it is called.",
         "It is a tensor, of the functions in the class's table; there is no base method.");
    CHECK(tn_item_int(tn_state_get(s, "ab._extra_state")) == 2);
}

/* ---- loading ---- */

static int warnings;
static void count_warning(const char *message, void *data) {
    (void)data;
    if (strcmp(message, "Casting complex values to real discards the imaginary part") == 0) warnings++;
}

static int no_ops; /* for "weight" */
static void count_no_op(const char *message, void *data) {
    (void)data;
    if (strcmp(message,
               "for weight: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which "
               "is a no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding "
               "key in the module instead of copying them in place?)") == 0)
        no_ops++;
}

static net *target(double value) { /* whose values differ from those of net_new */
    net *m = net_new();
    TN_NO_GRAD;
    tn_fill_(m->w, value), tn_fill_(m->a->w, value), tn_fill_(m->ab->w, value), tn_fill_(m->l->bias, value);
    return m;
}

static void loading(void) {
    TN_SCOPE;
    net *from = target(3), *m = net_new();
    tn_incompatible *keys = NULL;
    IN_C(151, "Loading returns what was missing and unexpected, which prints as a phrase when there is nothing.",
         "It returns true, and gives the two lists to .incompatible.");
    CHECK(tn_load_state_dict(m, tn_state_dict(from), .incompatible = &keys));
    CHECK_STR(tn_to_string(keys), "<All keys matched successfully>");
    CHECK(sum_of(m->w) == 6 && sum_of(m->a->w) == 6 && m->a->extra == 1);
    tn_state *s = tn_state_new();
    tn_state_set(s, "more", tn_ones(1));
    CHECK(tn_load_state_dict(m->l, s, .strict = false, .incompatible = &keys));
    CHECK_STR(tn_to_string(keys), "_IncompatibleKeys(missing_keys=['weight', 'bias'], unexpected_keys=['more'])");
    tn_state_set(s, "it's", tn_ones(1)), tn_state_set(s, "'\"", tn_ones(1));
    CHECK(tn_load_state_dict(m->l, s, .strict = false, .incompatible = &keys));
    CHECK_STR(tn_to_string(keys),
              "_IncompatibleKeys(missing_keys=['weight', 'bias'], unexpected_keys=['more', \"it's\", '\\'\"'])");
    IN_C(152, "What is no mapping is a TypeError; the map is copied first, with its versions.",
         "A handle of another kind is the TypeError; hooks see a copy of the state.");
    CHECK(!tn_load_state_dict(m, (tn_state *)(void *)tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, "Expected state_dict to be dict-like, got <class 'torch.Tensor'>.");
    CHECK(!tn_load_state_dict(m, (tn_state *)(void *)from));
    CHECK_ERROR(TN_ERR_TYPE, "must be a state, not a module");
    CHECK(!tn_load_state_dict(m, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "argument 'state' is NULL");
    HOLDS(
        153,
        "A value of the same shape is copied into the member, converted to its dtype; object and flag stay, the version goes up.");
    tn_tensor *w = m->w;
    uint32_t version = tn_version_counter(w);
    s = tn_state_dict(from);
    tn_state_set(s, "w", tn_full(2, 5, .dtype = TN_INT64)), tn_state_set(s, "a.mean", tn_full(2, 7.0, .dtype = TN_FLOAT64));
    CHECK(tn_load_state_dict(m, s) && m->w == w && tn_get_dtype(w) == TN_FLOAT32 && sum_of(w) == 10 && sum_of(m->a->mean) == 14);
    CHECK(tn_requires_grad(w) && tn_version_counter(w) == version + 1);
    CHECK(tn_load_state_dict(m, tn_state_dict(m, .keep_vars = true)) && tn_version_counter(w) == version + 2 && sum_of(w) == 10);
    tn_set_warning_handler(count_warning, NULL);
    tn_state_set(s, "w", tn_complex(tn_full(2, 4.0), tn_ones(2)));
    CHECK(tn_load_state_dict(m, s) && sum_of(w) == 8 && warnings == 1);
    CHECK(tn_load_state_dict(m, s) && warnings == 1); /* once in a process */
    tn_state_set(s, "w", tn_full(2, 5, .dtype = TN_INT64));
    tn_set_warning_handler(NULL, NULL);
    HOLDS(
        154,
        "A value of shape (1) fits a member without dimensions, one of (1, 1) does not, nor does one without dimensions fit (1).");
    tn_state_set(s, "scalar", tn_full(1, 9.0));
    CHECK(tn_load_state_dict(m, s) && tn_item(m->scalar) == 9);
    tn_state_set(s, "scalar", tn_full((1, 1), 9.0));
    CHECK(!tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for scalar: copying a param with shape torch.Size([1, 1]) from checkpoint, the "
                                "shape in current model is torch.Size([]).");
    m->scalar = tn_buffer(tn_ones(1));
    tn_state_set(s, "scalar", tn_scalar_tensor(1.0));
    CHECK(!tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for scalar: copying a param with shape torch.Size([]) from checkpoint, the shape in "
                                "current model is torch.Size([1]).");
    tn_state_set(s, "scalar", tn_ones(1));
    HOLDS(155, "Another shape is an error, strict or not.");
    tn_state_set(s, "l.weight", tn_ones((4, 2)));
    CHECK(!tn_load_state_dict(m, s, .strict = false));
    CHECK_ERROR(TN_ERR_RUNTIME, "Error(s) in loading state_dict for net:\n\tsize mismatch for l.weight: copying a param with shape "
                                "torch.Size([4, 2]) from checkpoint, the shape in current model is torch.Size([2, 2]).");
    CHECK(!tn_load_state_dict(m, s, .strict = false, .assign = true));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for l.weight");
    IN_C(156, "A value that is no tensor is an error of its own.",
         "It is refused earlier, with a TypeError: a state takes tensors only, and a file or a value with something else is not "
         "read as one.");
    size_t count = tn_state_count(s);
    CHECK(!tn_state_set(s, "w", (tn_tensor *)(void *)m->l) && tn_state_count(s) == count);
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a module");
    tn_value *dict = tn_value_from_state(s);
    CHECK(tn_value_set(dict, "w", 3.5) && tn_value_to_state(dict) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'w' is no tensor but a float");
}

static void names(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_incompatible *keys = NULL;
    tn_state *s = tn_state_new();
    const char *given[] = {"zzz", "a.nope", "l.weight.x", "nope.w", "l.zz", "none", "a.passing", "ab.w", "a", "ab._extra_state"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) tn_state_set(s, given[i], tn_full(i == 9 ? 1 : 2, 4));
    CHECK(tn_load_state_dict(m, s, .strict = false, .incompatible = &keys));
    HOLDS(157, "Missing names come in the module's order; unexpected ones as the root sees them first, then module by module.");
    const char *missing[] = {"w", "scalar", "a.w", "a.mean", "a._extra_state", "ab.mean", "l.weight", "l.bias"};
    const char *unexpected[] = {"zzz", "nope.w", "none", "a", "a.nope", "a.passing", "l.weight.x", "l.zz"};
    CHECK_EQ_INT(tn_incompatible_count(keys, TN_MISSING_KEYS), 8);
    CHECK_EQ_INT(tn_incompatible_count(keys, TN_UNEXPECTED_KEYS), 8);
    for (size_t i = 0; i < 8; i++) CHECK_STR(tn_incompatible_get(keys, TN_MISSING_KEYS, i), missing[i]);
    for (size_t i = 0; i < 8; i++) CHECK_STR(tn_incompatible_get(keys, TN_UNEXPECTED_KEYS, i), unexpected[i]);
    HOLDS(158, "A name below a parameter is unexpected.");
    CHECK_STR(tn_incompatible_get(keys, TN_UNEXPECTED_KEYS, 6), "l.weight.x");
    HOLDS(159, "So are names of empty members and of buffers that are not saved.");
    CHECK_STR(tn_incompatible_get(keys, TN_UNEXPECTED_KEYS, 2), "none");
    CHECK_STR(tn_incompatible_get(keys, TN_UNEXPECTED_KEYS, 5), "a.passing");
    HOLDS(160, "When strict, one error lists the missing, the unexpected, then what does not fit, in the order of the walk.");
    net *other = net_new();
    tn_state *bad = tn_state_dict(other);
    tn_state_delete(bad, "w"), tn_state_delete(bad, "a.mean");
    tn_state_set(bad, "x", tn_ones(1)), tn_state_set(bad, "y.z", tn_ones(1));
    tn_state_set(bad, "l.bias", tn_ones(3)), tn_state_set(bad, "scalar", tn_ones((2, 2)));
    CHECK(!tn_load_state_dict(m, bad));
    CHECK_STR(tn_error_message(),
              "Error(s) in loading state_dict for net:\n"
              "\tMissing key(s) in state_dict: \"w\", \"a.mean\". \n"
              "\tUnexpected key(s) in state_dict: \"x\", \"y.z\". \n"
              "\tsize mismatch for scalar: copying a param with shape torch.Size([2, 2]) from checkpoint, the shape in "
              "current model is torch.Size([]).\n"
              "\tsize mismatch for l.bias: copying a param with shape torch.Size([3]) from checkpoint, the shape in "
              "current model is torch.Size([2]).");
    CHECK_ERROR(TN_ERR_RUNTIME, NULL);
    HOLDS(161, "When not strict, missing and unexpected names are only returned.");
    CHECK(sum_of(m->ab->w) == 8 && m->ab->extra == 4);
    IN_C(162, "The error comes at the end, when earlier members were overwritten.",
         "All is judged before anything is written: a failed load changes nothing.");
    net *changed = target(8);
    bad = tn_state_dict(changed);
    tn_state_set(bad, "l.bias", tn_ones(3));
    CHECK(!tn_load_state_dict(m, bad));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for l.bias");
    CHECK(sum_of(m->w) == 2 && sum_of(m->a->w) == 2);
    tn_tensor *before = m->w;
    CHECK(!tn_load_state_dict(m, bad, .strict = false, .assign = true));
    CHECK_ERROR(TN_ERR_RUNTIME, "size mismatch for l.bias");
    CHECK(m->w == before && sum_of(m->w) == 2);
    tn_state_set(bad, "l.bias", tn_ones(2)), tn_state_set(bad, "ab._extra_state", tn_tensor((), -1));
    CHECK(!tn_load_state_dict(m, bad));
    CHECK_ERROR(TN_ERR_VALUE, "negative");
    CHECK(sum_of(m->w) == 2 && sum_of(m->a->w) == 2);
}

static void assigning(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_state *s = tn_state_dict(net_new());
    tn_tensor *value = tn_full(2, 6.0, .dtype = TN_FLOAT64), *old = m->w, *mean = tn_full(2, 1.5),
              *p = tn_parameter(tn_ones(2), false);
    tn_state_set(s, "w", value), tn_state_set(s, "a.mean", mean), tn_state_set(s, "ab.w", p);
    tn_requires_grad_(m->a->w, false);
    HOLDS(163, "With assign the state's tensor becomes the member, with its dtype, wrapped into a Parameter where one is needed; "
               "the flag is the old one's.");
    CHECK(tn_load_state_dict(m, s, .assign = true));
    CHECK(m->w != old && tn_is_parameter(m->w) && tn_data(m->w) == tn_data(value) && tn_get_dtype(m->w) == TN_FLOAT64 &&
          tn_requires_grad(m->w));
    CHECK(m->a->mean == mean && !tn_requires_grad(m->a->w) && tn_is_parameter(m->a->w) && m->ab->w == p && tn_requires_grad(p));
    CHECK_STR(state_names(tn_state_dict(m)), NAMES);
    tn_state_set(s, "l.weight", tn_t(tn_ones((2, 2)))), tn_state_set(s, "scalar", tn_full(1, 2.0));
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1);
    tn_set_grad(m->l->weight, tn_ones((2, 2)));
    CHECK(tn_load_state_dict(m, s, .assign = true) && tn_stride(m->l->weight, 0) == 1 && tn_ndim(m->scalar) == 0);
    CHECK(!tn_optim_step(opt)); /* the optimizer has the old objects */
    CHECK_ERROR(TN_ERR_OWNERSHIP, "make the optimizer anew");
    HOLDS(164, "An integral value for a parameter that requires grad is an error of the load.");
    tn_tensor *now = m->w;
    tn_state_set(s, "w", tn_arange(2));
    CHECK(!tn_load_state_dict(m, s, .assign = true));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "While copying the parameter named \"w\", whose dimensions in the model are torch.Size([2]) and whose dimensions "
                "in the checkpoint are torch.Size([2]), an exception occurred : ('Only Tensors of floating point and complex "
                "dtype can require gradients',).");
    CHECK(m->w == now);
    HOLDS(165, "Of tied parameters the last name's value wins when copied; assigning unties them.");
    net *tied = net_new();
    tied->ab->w = tied->w;
    tn_state *t = tn_state_dict(net_new());
    tn_state_set(t, "w", tn_full(2, 3.0)), tn_state_set(t, "ab.w", tn_full(2, 4.0));
    CHECK(tn_load_state_dict(tied, t) && tied->ab->w == tied->w && sum_of(tied->w) == 8);
    CHECK(tn_load_state_dict(tied, t, .assign = true) && tied->ab->w != tied->w && sum_of(tied->w) == 6);
    HOLDS(166, "Copying into parameters on the meta device does nothing, with a warning; assigning gives them memory.");
    tn_nn_linear *l = tn_nn_linear(2, 2), *real = tn_nn_linear(2, 2);
    CHECK(tn_module_to(l, .device = "meta"));
    no_ops = 0;
    tn_set_warning_handler(count_no_op, NULL);
    CHECK(tn_load_state_dict(l, tn_state_dict(real)) && tn_is_meta(l->weight) && no_ops == 1);
    CHECK(tn_load_state_dict(l, tn_state_dict(real), .assign = true) && no_ops == 1);
    tn_set_warning_handler(NULL, NULL);
    CHECK(!tn_is_meta(l->weight) && tn_equal(l->weight, real->weight) && tn_requires_grad(l->bias));
}

/* A normalisation as it was before its class counted batches: version 1 of its state has no "count". */
typedef struct norm {
    tn_module module;
    tn_tensor *mean, *count;
} norm;
static tn_tensor *norm_forward(norm *self, tn_tensor *x) { return tn_sub(x, self->mean); }
static bool norm_upgrade(tn_module *m, tn_state *s, const char *prefix, int64_t version) {
    char key[100];
    (void)m;
    snprintf(key, sizeof key, "%scount", prefix);
    return version >= 2 || tn_state_has(s, key) || tn_state_set(s, key, tn_scalar_tensor(0, .dtype = TN_INT64));
}
TN_CLASS_WITH(norm, norm_forward, (mean, count), .version = 2, .upgrade_state = norm_upgrade);

static void versions(void) {
    TN_SCOPE;
    norm *m = tn_new(norm);
    m->mean = tn_buffer(tn_ones(2));
    m->count = tn_buffer(tn_scalar_tensor(5, .dtype = TN_INT64));
    HOLDS(
        167,
        "A state of batch norm before version 2, or without versions, may lack num_batches_tracked; with version 2 it is missing.");
    tn_nn_batch_norm1d *bn = tn_nn_batch_norm1d(2);
    tn_state *old = tn_state_dict(bn);
    tn_state_delete(old, "num_batches_tracked");
    CHECK(!tn_load_state_dict(bn, old));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"num_batches_tracked\". ");
    tn_fill_(bn->num_batches_tracked, 5);
    CHECK(tn_state_set_version(old, "", 1) && tn_load_state_dict(bn, old) && tn_item(bn->num_batches_tracked) == 5);
    tn_state *bare = tn_state_new();
    for (size_t i = 0; i < tn_state_count(old); i++) tn_state_set(bare, tn_state_name(old, i), tn_state_at(old, i));
    CHECK(tn_load_state_dict(bn, bare) && tn_item(bn->num_batches_tracked) == 5 && tn_state_version_count(bare) == 0);
    CHECK(tn_load_state_dict(tn_nn_batch_norm2d(2), bare) && tn_load_state_dict(tn_nn_batch_norm3d(2), bare));
    tn_state *s = tn_state_new();
    tn_state_set(s, "mean", tn_zeros(2));
    CHECK(tn_load_state_dict(m, s) && tn_item(m->count) == 0);
    CHECK(!tn_state_has(s, "count"));
    CHECK(tn_state_set_version(s, "", 1) && tn_load_state_dict(m, s));
    CHECK(tn_state_set_version(s, "", 2) && !tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"count\". ");
    CHECK(tn_state_version(tn_state_dict(m), "") == 2);
    HOLDS(168, "Extra state is given to the class; without the name it is missing, without a setter unexpected.");
    leaf *a = leaf_new(1);
    s = tn_state_dict(leaf_new(7));
    CHECK(tn_load_state_dict(a, s) && a->extra == 7);
    tn_state_delete(s, "_extra_state");
    CHECK(!tn_load_state_dict(a, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"_extra_state\". ");
    tn_state_set(s = tn_state_dict(m), "_extra_state", tn_ones(1));
    CHECK(!tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME, "Unexpected key(s) in state_dict: \"_extra_state\". ");
}

static bool before_load(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                        void *data) {
    char key[100];
    (void)m, (void)strict, (void)keys;
    snprintf(key, sizeof key, "%sold", prefix);
    calls(data, version == 1 ? "pre1:" : "pre:", prefix);
    if (!tn_state_has(s, key)) return true;
    tn_tensor *x = tn_state_get(s, key);
    tn_state_delete(s, key);
    snprintf(key, sizeof key, "%sw", prefix);
    return tn_state_set(s, key, x);
}
static bool adds_errors(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                        void *data) {
    (void)m, (void)s, (void)prefix, (void)version, (void)strict, (void)data;
    return tn_incompatible_add(keys, TN_MISSING_KEYS, "m") && tn_incompatible_add(keys, TN_UNEXPECTED_KEYS, "u") &&
           tn_incompatible_add(keys, TN_LOAD_ERRORS, "no, says the hook");
}
static bool refuses(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                    void *data) {
    (void)m, (void)s, (void)prefix, (void)version, (void)strict, (void)keys, (void)data;
    return false;
}
static bool notes_part(tn_module *m, tn_state *s, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                       void *data) {
    (void)m, (void)prefix, (void)version, (void)strict, (void)keys;
    return strcat(strcat(data, state_names(s)), "| ") != NULL;
}
static bool after_load(tn_module *m, tn_incompatible *keys, void *data) {
    (void)keys;
    return calls(data, "post:", tn_module_class(m)->name) != NULL;
}
static bool forgive(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m;
    *(double *)data = sum_of(((net *)m)->w);
    return tn_incompatible_clear(keys, TN_MISSING_KEYS) && tn_incompatible_clear(keys, TN_UNEXPECTED_KEYS);
}
static bool complain(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m, (void)data;
    return tn_incompatible_add(keys, TN_MISSING_KEYS, "what the hook wants");
}

static void hooks(void) {
    TN_SCOPE;
    net *m = net_new();
    char seen[2000] = "";
    double w = 0;
    IN_C(169,
         "Hooks before loading get the lists and the map and run parent before child; those after it child before parent, and may "
         "change the lists before they are judged.",
         "They return true, or false to fail. All that run before run before anything is loaded, all that run after when all is "
         "loaded; when the load then fails after all, the old values come back.");
    TN_HOOK_SCOPE(tn_register_load_state_dict_pre_hook(m, before_load, seen, NULL));
    TN_HOOK_SCOPE(tn_register_load_state_dict_pre_hook(m->a, before_load, seen, NULL));
    TN_HOOK_SCOPE(tn_register_load_state_dict_post_hook(m, after_load, seen, NULL));
    TN_HOOK_SCOPE(tn_register_load_state_dict_post_hook(m->a, after_load, seen, NULL));
    tn_state *s = tn_state_dict(net_new());
    tn_state_delete(s, "a.w"), tn_state_set(s, "a.old", tn_full(2, 5.0));
    CHECK(tn_load_state_dict(m, s) && sum_of(m->a->w) == 10 && tn_state_has(s, "a.old"));
    CHECK_STR(seen, "pre1: pre1:a. post:leaf post:net ");
    tn_hook *h = tn_register_load_state_dict_post_hook(m, forgive, &w, NULL);
    tn_state *odd = tn_state_new();
    tn_state_set(odd, "w", tn_full(2, 9.0)), tn_state_set(odd, "surplus", tn_ones(1));
    CHECK(tn_load_state_dict(m, odd) && w == 18 && sum_of(m->w) == 18);
    tn_hook_remove(h);
    h = tn_register_load_state_dict_post_hook(m, complain, NULL, NULL);
    tn_state *good = tn_state_dict(target(4));
    uint32_t version = tn_version_counter(m->w);
    CHECK(!tn_load_state_dict(m, good));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"what the hook wants\". ");
    CHECK(sum_of(m->w) == 18 && tn_version_counter(m->w) == version);
    tn_tensor *p = m->w;
    CHECK(!tn_load_state_dict(m, good, .assign = true) && m->w == p);
    tn_clear_error();
    tn_hook_remove(h);
    h = tn_register_load_state_dict_pre_hook(m, adds_errors, NULL, NULL);
    CHECK(!tn_load_state_dict(m, good, .strict = false));
    CHECK_ERROR(TN_ERR_RUNTIME, "Error(s) in loading state_dict for net:\n\tno, says the hook");
    CHECK(!tn_load_state_dict(m, good));
    CHECK_ERROR(TN_ERR_RUNTIME, "Error(s) in loading state_dict for net:\n\tMissing key(s) in state_dict: \"m\". \n"
                                "\tUnexpected key(s) in state_dict: \"u\". \n\tno, says the hook");
    CHECK(sum_of(m->w) == 18);
    tn_hook_remove(h);
    h = tn_register_load_state_dict_pre_hook(m->a, refuses, NULL, NULL);
    CHECK(!tn_load_state_dict(m, good));
    CHECK_ERROR(TN_ERR_CALLBACK, "load_state_dict: a hook of 'leaf' returned false");
    tn_hook_remove(h);
    HOLDS(170, "A child gets what stands under its name and a dot: \"a.\" is not \"ab.\".");
    char parts[500] = "";
    TN_HOOK_SCOPE(tn_register_load_state_dict_pre_hook(m->ab, notes_part, parts, NULL));
    TN_HOOK_SCOPE(tn_register_load_state_dict_pre_hook(m->a, notes_part, parts, NULL));
    CHECK(tn_load_state_dict(m, good) && sum_of(m->ab->w) == 8 && sum_of(m->a->w) == 8);
    CHECK_STR(parts, "a.w a.mean a._extra_state | ab.w ab.mean ab._extra_state | ");
    tn_state *lacks = tn_state_dict(m);
    tn_state_delete(lacks, "a.w");
    CHECK(!tn_load_state_dict(m, lacks));
    CHECK_ERROR(TN_ERR_RUNTIME, "Missing key(s) in state_dict: \"a.w\". ");
    IN_C(172, "Loading with assign leaves a marker in the caller's versions.", "The caller's state is left alone.");
    size_t count = tn_state_version_count(good);
    CHECK(tn_load_state_dict(m, good, .assign = true) && tn_state_version_count(good) == count);
    for (size_t i = 0; i < count; i++) CHECK(tn_state_version(good, tn_state_version_path(good, i)) == 1);
}

static bool objects(tn_module *m, tn_incompatible *keys, void *data) {
    (void)m, (void)keys, (void)data;
    return tn_raise(TN_ERR_VALUE, "not so");
}

static void swapping(void) {
    TN_SCOPE;
    net *m = net_new();
    tn_tensor *w = m->w, *values = tn_full(2, 7.0, .dtype = TN_FLOAT64), *view;
    tn_backward(tn_sum(tn_mul(w, 1)));
    HOLDS(
        171,
        "A flag of the process makes loading keep the objects, and take over memory and dtype when it assigns; gradients and hooks "
        "go, a view or a graph that saved one is refused, and an older graph fails in backward.");
    tn_state *s = tn_state_dict(net_new());
    tn_state_set(s, "w", values);
    const void *memory = tn_data(w);
    tn_tensor *loss = tn_sum(tn_add(w, 1));
    CHECK(tn_set_swap_module_params_on_conversion(true) && tn_load_state_dict(m, s));
    CHECK(m->w == w && tn_get_dtype(w) == TN_FLOAT32 && tn_data(w) == memory && sum_of(w) == 14 && tn_grad(w) == NULL);
    CHECK(tn_requires_grad(w) && tn_is_parameter(w) && !tn_backward(loss));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "poisoned by swap_tensors");
    CHECK(tn_load_state_dict(m, s, .assign = true) && m->w == w && tn_get_dtype(w) == TN_FLOAT64 && tn_data(w) == tn_data(values));
    CHECK(tn_requires_grad(w) && tn_is_parameter(w) && !tn_requires_grad(values) && tn_check(m));
    view = tn_narrow(w, 0, 0, 1);
    CHECK(!tn_load_state_dict(m, s));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "\n\tWhile swapping the parameter named \"w\", whose dimensions in the model are torch.Size([2]) and whose "
                "dimensions in the checkpoint are torch.Size([2]), an exception occurred : ('Expected use_count of t1 to "
                "be 1 or 2 with an AccumulateGrad node but got 3 make sure you are not holding references to the tensor in "
                "other places.',).");
    tn_free(view);
    tn_backward(tn_sum(tn_mul(w, 1)));
    tn_tensor *g = tn_grad(w), *later = tn_sum(tn_add(w, 1)); /* a load that fails at its end leaves all as it was */
    tn_hook *h = tn_register_load_state_dict_post_hook(m, objects, NULL, NULL);
    tn_state_set(s, "w", tn_full(2, 1.0));
    for (int assign = 0; assign <= 1; assign++) {
        CHECK(!tn_load_state_dict(m, s, .assign = assign));
        CHECK_ERROR(TN_ERR_VALUE, "not so");
        CHECK(tn_grad(w) == g && sum_of(w) == 14 && tn_data(w) == tn_data(values));
    }
    CHECK(tn_backward(later) && sum_of(g) == 4);
    tn_hook_remove(h);
    tn_state_set(s, "w", tn_arange(2));
    CHECK(!tn_load_state_dict(m, s, .assign = true));
    CHECK_ERROR(TN_ERR_RUNTIME, "While swapping the parameter named \"w\"");
    tn_nn_linear *lazy = tn_nn_lazy_linear(3), *other = tn_nn_lazy_linear(3), *full = tn_nn_linear(4, 3);
    tn_tensor *weight = lazy->weight;
    CHECK(tn_load_state_dict(lazy, tn_state_dict(full)) && lazy->weight == weight && tn_equal(weight, full->weight));
    weight = other->weight;
    CHECK(tn_load_state_dict(other, tn_state_dict(full), .assign = true) && other->weight == weight && !tn_is_lazy(weight));
    CHECK(tn_set_swap_module_params_on_conversion(false));
}

int main(void) {
    RUN(saving);
    RUN(loading);
    RUN(names);
    RUN(assigning);
    RUN(versions);
    RUN(hooks);
    RUN(swapping);
    return test_end();
}
