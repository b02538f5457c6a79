/* Assigning to members of a module, reading, deleting and registering them: statements 74 to 104. By name (tn_module_set), and by plain
 * assignment to a field, where the next call that walks gives the same verdict. */
#include "statement.h"

typedef struct {
    tn_module module;
    tn_tensor *w, *b, *plain;
    tn_nn_linear *child;
    tn_tensor *stats[2];
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(net, net_forward, w, b, plain, child, stats);

#define PARAMETER tn_parameter(tn_ones(2))
#define PLAIN tn_ones(2)
static const char *own_parameters(void *m) {
    return walk_names((tn_named_parameters)(m, &(tn_named_opts){sizeof(tn_named_opts), NULL, false, true}));
}
static const char *own_buffers(void *m) {
    return walk_names((tn_named_buffers)(m, &(tn_named_opts){sizeof(tn_named_opts), NULL, false, true}));
}
static const char *own_children(void *m) { return walk_names((tn_named_children)(m)); }

static void parameters(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    net *f = tn_new(net);
    HOLDS(74, "A Parameter assigned to a new name is registered under it, and nothing else is called.");
    CHECK((tn_module_set)(m, "w", PARAMETER));
    f->w = PARAMETER;
    CHECK_STR(own_parameters(m), "w ");
    CHECK_STR(own_parameters(f), "w ");
    HOLDS(75, "It may take the place of a plain tensor, a buffer or a child, which is then no longer there.");
    (tn_module_set)(m, "plain", PLAIN);
    (tn_module_set)(m, "b", tn_buffer(PLAIN));
    (tn_module_set)(m, "child", tn_nn_relu());
    CHECK((tn_module_set)(m, "child", PARAMETER) && (tn_module_set)(m, "plain", PARAMETER) && (tn_module_set)(m, "b", PARAMETER));
    CHECK_STR(own_parameters(m), "w child plain b ");
    CHECK_STR(own_buffers(m), "");
    CHECK_STR(own_children(m), "");
    f->plain = PLAIN, f->b = tn_buffer(PLAIN), f->child = tn_nn_linear(1, 1);
    CHECK(tn_check(f));
    f->plain = PARAMETER, f->b = PARAMETER, f->child = (void *)PARAMETER;
    CHECK_STR(own_parameters(f), "w b plain child ");
    CHECK_STR(own_buffers(f), "");
    IN_C(76, "A Parameter that is refused leaves the name gone from the buffers.",
         "A refused assignment changes nothing: the buffer stays.");
    tn_tensor *odd = tn_parameter(tn_ones(2), false), *buffer = tn_buffer(PLAIN);
    (tn_module_set)(m, "buffer", buffer);
    tn_mul_(odd, tn_requires_grad_(tn_ones(2), true));
    CHECK(!(tn_module_set)(m, "buffer", odd));
    CHECK_ERROR(TN_ERR_VALUE, "Cannot assign non-leaf Tensor to parameter 'buffer'");
    CHECK((tn_module_get)(m, "buffer") == buffer);
    CHECK_STR(own_buffers(m), "buffer ");
}

static void over_a_parameter(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    net *f = tn_new(net);
    tn_tensor *p = PARAMETER, *q = PARAMETER;
    (tn_module_set)(m, "a", p), (tn_module_set)(m, "b", PARAMETER);
    f->w = p, f->b = PARAMETER;
    HOLDS(77, "Over a parameter another one takes its value, and keeps its place in the order.");
    CHECK((tn_module_set)(m, "a", q) && (tn_module_get)(m, "a") == q);
    CHECK_STR(own_parameters(m), "a b ");
    CHECK(tn_check(f));
    f->w = q;
    CHECK_STR(own_parameters(f), "w b ");
    HOLDS(78, "Nothing makes the place empty: the name stays, walks and states pass it by, reading it gives nothing.");
    CHECK((tn_module_set)(m, "a", NULL) && (tn_module_get)(m, "a") == NULL);
    CHECK_STR(own_parameters(m), "b ");
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "b ");
    f->w = NULL;
    CHECK_STR(own_parameters(f), "b ");
    HOLDS(79, "Anything else is refused and changes nothing, also when the place is empty; the text names a module by its class.");
    void *others[] = {PLAIN, tn_nn_relu(), tn_buffer(PLAIN)};
    const char *texts[] = {"cannot assign 'torch.FloatTensor' as parameter 'a' (torch.nn.Parameter or None expected)",
                           "cannot assign 'ReLU' as parameter 'a' (torch.nn.Parameter or None expected)",
                           "cannot assign 'torch.FloatTensor' as parameter 'a'"};
    for (int full = 0; full <= 1; full++) {
        (tn_module_set)(m, "a", full ? q : NULL);
        f->w = full ? q : NULL;
        CHECK(tn_check(f));
        for (int i = 0; i < 3; i++) {
            CHECK(!(tn_module_set)(m, "a", others[i]));
            CHECK_ERROR(TN_ERR_TYPE, texts[i]);
            CHECK((tn_module_get)(m, "a") == (full ? q : NULL));
            f->w = others[i]; /* a field: at the next call that walks */
            CHECK(!tn_check(f));
            CHECK_ERROR(TN_ERR_TYPE, "as parameter 'w' (torch.nn.Parameter or None expected)");
            f->w = full ? q : NULL;
        }
    }
    CHECK(tn_check(f));
}

static void modules(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    net *f = tn_new(net);
    HOLDS(80, "A module assigned to a new name is registered; it takes the place of a plain tensor or a buffer.");
    (tn_module_set)(m, "plain", PLAIN), (tn_module_set)(m, "b", tn_buffer(PLAIN));
    CHECK((tn_module_set)(m, "new", tn_nn_relu()) && (tn_module_set)(m, "plain", tn_nn_relu()) &&
          (tn_module_set)(m, "b", tn_nn_relu()));
    CHECK_STR(own_children(m), "new plain b ");
    CHECK_STR(own_buffers(m), "");
    f->child = tn_nn_linear(1, 1), f->b = tn_buffer(PLAIN);
    CHECK(tn_check(f));
    f->b = (void *)tn_nn_relu();
    CHECK_STR(own_children(f), "b child ");
    HOLDS(81, "Over a child another one takes its place, nothing leaves an empty child, anything but a Parameter is refused.");
    tn_module *relu = (tn_module *)tn_nn_relu();
    CHECK((tn_module_set)(m, "new", relu) && (tn_module_get)(m, "new") == relu && (tn_module_set)(m, "new", NULL));
    CHECK_STR(own_children(m), "plain b ");
    for (int full = 0; full <= 1; full++) {
        (tn_module_set)(m, "new", full ? relu : NULL);
        CHECK(!(tn_module_set)(m, "new", PLAIN));
        CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as child module 'new' (torch.nn.Module or None expected)");
        CHECK(!(tn_module_set)(m, "new", tn_buffer(PLAIN)));
        CHECK_ERROR(TN_ERR_TYPE, "as child module 'new'");
        f->child = full ? tn_nn_linear(1, 1) : NULL;
        CHECK(tn_check(f));
        f->child = (void *)PLAIN;
        CHECK(!tn_check(f));
        CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as child module 'child' (torch.nn.Module or None expected)");
        f->child = NULL;
    }
    CHECK((tn_module_set)(m, "new", PARAMETER));
    CHECK_STR(own_children(m), "plain b ");
    CHECK_STR(own_parameters(m), "new ");
}

static void buffers(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    net *f = tn_new(net);
    HOLDS(82, "A Buffer assigned to a new name is registered, saved or not as its mark says.");
    CHECK((tn_module_set)(m, "saved", tn_buffer(PLAIN)) && (tn_module_set)(m, "passing", tn_buffer(PLAIN, .persistent = false)));
    CHECK_STR(own_buffers(m), "saved passing ");
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "saved ");
    HOLDS(83, "Over a plain tensor a Buffer is refused, unlike a Parameter and a module.");
    (tn_module_set)(m, "plain", PLAIN);
    CHECK(!(tn_module_set)(m, "plain", tn_buffer(PLAIN)));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'plain' already exists");
    f->plain = PLAIN;
    CHECK(tn_check(f));
    f->plain = tn_buffer(PLAIN);
    CHECK(!tn_check(f));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'plain' already exists");
    f->plain = NULL; /* an empty field is free again */
    CHECK(tn_check(f));
    f->plain = tn_buffer(PLAIN);
    CHECK_STR(own_buffers(f), "plain ");
    HOLDS(84, "Over a buffer a tensor keeps whether it is saved, a Buffer brings its own, nothing leaves an empty buffer, no "
              "tensor is refused.");
    CHECK((tn_module_set)(m, "passing", tn_zeros(3)) && (tn_module_set)(m, "saved", tn_zeros(3)));
    CHECK_STR(own_buffers(m), "saved passing ");
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "saved ");
    CHECK((tn_module_set)(m, "passing", tn_buffer(PLAIN)));
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "saved passing ");
    CHECK((tn_module_set)(m, "passing", NULL) && (tn_module_get)(m, "passing") == NULL);
    CHECK_STR(own_buffers(m), "saved ");
    CHECK((tn_module_set)(m, "passing", PLAIN));
    CHECK_STR(own_buffers(m), "saved passing ");
    CHECK(!(tn_module_set)(m, "saved", tn_state_new()));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'state' as buffer 'saved' (torch.nn.Buffer, torch.Tensor or None expected)");
    f->b = tn_buffer(PLAIN, .persistent = false);
    CHECK(tn_check(f));
    f->b = tn_zeros(3);
    CHECK_STR(own_buffers(f), "b plain ");
    CHECK_STR(state_names(tn_state_dict(f)), "plain ");
    f->b = (void *)tn_state_new();
    CHECK(!tn_check(f));
    CHECK_ERROR(TN_ERR_TYPE, "as buffer 'b' (torch.nn.Buffer, torch.Tensor or None expected)");
    f->b = NULL;
}

static void ordinary(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    HOLDS(85, "A plain tensor under a new name is neither walked, saved nor converted.");
    tn_tensor *x = PLAIN;
    CHECK((tn_module_set)(m, "x", x) && (tn_module_get)(m, "x") == x);
    CHECK_STR(own_parameters(m), "");
    CHECK_STR(own_buffers(m), "");
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "");
    CHECK((tn_module_to)(m, &(tn_module_to_opts){.size = sizeof(tn_module_to_opts), .dtype = TN_FLOAT64}) &&
          tn_get_dtype(x) == TN_FLOAT32);
    IN_C(86, "A list or dict of Parameters as an attribute registers nothing.",
         "A member is a tensor or a module, so a list is refused; arrays of pointers in a struct are fields, and are registered.");
    CHECK(!(tn_module_set)(m, "list", tn_tensors_new((tn_tensor *[]){PARAMETER}, 1)));
    CHECK_ERROR(TN_ERR_TYPE, "a member is a tensor or a module, not a list");
    net *f = tn_new(net);
    f->stats[1] = PARAMETER;
    CHECK_STR(own_parameters(f), "stats.1 ");
    NOT_IN_C(87, "Before the base initialiser ran, members are refused.",
             "A constructor of C begins with tn_new, which returns a module that is complete.");
    IN_C(88, "The implicit path checks the names of Parameters but not those of modules.",
         "Both are checked, with the messages of the explicit path.");
    CHECK(!(tn_module_set)(m, "a.b", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "module name can't contain \".\", got: a.b");
    CHECK(!(tn_module_set)(m, "", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "module name can't be empty string \"\"");
    CHECK(!(tn_module_set)(m, "a.b", PARAMETER));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't contain \".\"");
    CHECK(!(tn_module_set)(m, "", PARAMETER));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't be empty string \"\"");
    IN_C(89, "A Parameter under a name that the class defines is refused; a module is registered but cannot be read.",
         "Both are refused.");
    CHECK(!(tn_module_set)(m, "forward", PARAMETER));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'forward' already exists");
    CHECK(!(tn_module_set)(m, "train", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'train' already exists");
    HOLDS(90, "One Parameter may stand under two names, or in two modules.");
    tn_tensor *p = PARAMETER;
    tn_module *other = plain_module();
    CHECK((tn_module_set)(m, "p", p) && (tn_module_set)(m, "q", p) && (tn_module_set)(other, "p", p));
    CHECK_STR(walk_names((tn_named_parameters)(m, &(tn_named_opts){sizeof(tn_named_opts), NULL, true, false})), "p q ");
    CHECK_STR(own_parameters(other), "p ");
}

static void reading_and_deleting(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    net *f = tn_new(net);
    HOLDS(91, "A read of an unknown name is an error with the class's name.");
    CHECK((tn_module_get)(m, "nope") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'ModuleList' object has no attribute 'nope'");
    CHECK(tn_module_get(f, "nope") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'net' object has no attribute 'nope'");
    HOLDS(92, "Deleting takes a parameter, a buffer, a child or a plain tensor away; an unknown name is an error.");
    (tn_module_set)(m, "w", PARAMETER), (tn_module_set)(m, "b", tn_buffer(PLAIN, .persistent = false));
    (tn_module_set)(m, "c", tn_nn_relu()), (tn_module_set)(m, "x", PLAIN);
    const char *names[] = {"w", "b", "c", "x"};
    for (int i = 0; i < 4; i++) {
        CHECK((tn_module_delete)(m, names[i]) && (tn_module_get)(m, names[i]) == NULL);
        CHECK_ERROR(TN_ERR_ATTRIBUTE, "has no attribute");
        CHECK(!(tn_module_delete)(m, names[i]));
        CHECK_ERROR(TN_ERR_ATTRIBUTE, "'ModuleList' object has no attribute");
    }
    CHECK((tn_module_set)(m, "b", PLAIN)); /* the name was forgotten whole: now it is a plain tensor */
    CHECK_STR(own_buffers(m), "");
    f->w = PARAMETER;
    CHECK(tn_module_delete(f, "w") && f->w == NULL && tn_module_set(f, "w", PLAIN) && tn_check(f));
    IN_C(93, "A name that is deleted and assigned again comes last; one that was emptied and filled keeps its place.",
         "So it is with members made at run time; fields of a struct always have the order of TN_CLASS.");
    tn_module *o = plain_module();
    (tn_module_set)(o, "a", PARAMETER), (tn_module_set)(o, "b", PARAMETER), (tn_module_set)(o, "c", PARAMETER);
    (tn_module_delete)(o, "a"), (tn_module_set)(o, "a", PARAMETER);
    (tn_module_set)(o, "b", NULL), (tn_module_set)(o, "b", PARAMETER);
    CHECK_STR(own_parameters(o), "b c a ");
    net *g = tn_new(net);
    g->w = PARAMETER, g->b = PARAMETER;
    CHECK(tn_module_delete(g, "w") && tn_module_set(g, "w", PARAMETER));
    CHECK_STR(own_parameters(g), "w b ");
}

/* ---- explicit registration ---- */

static void registering_parameters(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    IN_C(94,
         "register_parameter judges in this order: the name is a string, has no dot, is not empty, is not taken; then the value.",
         "A name that is NULL is the one that is no string.");
    CHECK(!(tn_module_register_parameter)(m, NULL, PLAIN));
    CHECK_ERROR(TN_ERR_TYPE, "parameter name should be a string. Got NoneType");
    CHECK(!(tn_module_register_parameter)(m, "a.b", PLAIN));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't contain \".\"");
    CHECK(!(tn_module_register_parameter)(m, "", PLAIN));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't be empty string \"\"");
    (tn_module_set)(m, "x", PLAIN);
    CHECK(!(tn_module_register_parameter)(m, "x", PLAIN));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'x' already exists");
    HOLDS(95, "Names that a module has by itself count as taken.");
    const char *taken[] = {"training", "forward", "_parameters", "state_dict"};
    for (int i = 0; i < 4; i++) {
        CHECK(!(tn_module_register_parameter)(m, taken[i], PARAMETER));
        CHECK_ERROR(TN_ERR_KEY, "already exists");
    }
    HOLDS(96, "Nothing registers an empty place; no Parameter is a TypeError, one with a history a ValueError.");
    CHECK((tn_module_register_parameter)(m, "w", NULL) && (tn_module_get)(m, "w") == NULL);
    CHECK_STR(own_parameters(m), "");
    CHECK(!(tn_module_set)(m, "w", PLAIN)); /* but it is a parameter's place */
    CHECK_ERROR(TN_ERR_TYPE, "as parameter 'w'");
    CHECK(!(tn_module_register_parameter)(m, "w", PLAIN));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' object to parameter 'w' (torch.nn.Parameter or None required)");
    HOLDS(97, "A Parameter gets a history when it is frozen and written in place from a tensor that requires grad.");
    tn_tensor *odd = tn_parameter(tn_ones(2), false);
    CHECK(tn_mul_(odd, tn_requires_grad_(tn_ones(2), true)) == odd && tn_grad_fn_name(odd) && tn_is_parameter(odd));
    CHECK(!(tn_module_register_parameter)(m, "w", odd));
    CHECK_ERROR(TN_ERR_VALUE, "Cannot assign non-leaf Tensor to parameter 'w'. Model parameters must be created explicitly.");
    net *f = tn_new(net);
    f->w = odd;
    CHECK(!tn_check(f));
    CHECK_ERROR(TN_ERR_VALUE, "Cannot assign non-leaf Tensor to parameter 'w'.");
    f->w = NULL;
    HOLDS(98, "Registering over a parameter's name replaces it.");
    tn_tensor *p = PARAMETER;
    CHECK((tn_module_register_parameter)(m, "w", PARAMETER) && (tn_module_register_parameter)(m, "w", p) &&
          (tn_module_get)(m, "w") == p);
}

static void registering_buffers_and_modules(void) {
    TN_SCOPE;
    tn_module *m = plain_module();
    HOLDS(99, "register_buffer judges in the same order; registering again replaces the value and whether it is saved.");
    CHECK(!(tn_module_register_buffer)(m, NULL, PLAIN, NULL));
    CHECK_ERROR(TN_ERR_TYPE, "buffer name should be a string. Got NoneType");
    CHECK(!(tn_module_register_buffer)(m, "a.b", PLAIN, NULL));
    CHECK_ERROR(TN_ERR_KEY, "buffer name can't contain \".\"");
    CHECK(!(tn_module_register_buffer)(m, "", PLAIN, NULL));
    CHECK_ERROR(TN_ERR_KEY, "buffer name can't be empty string \"\"");
    CHECK(!(tn_module_register_buffer)(m, "training", PLAIN, NULL));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'training' already exists");
    CHECK(!(tn_module_register_buffer)(m, "b", (tn_tensor *)(void *)tn_nn_relu(), NULL));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'ReLU' object to buffer 'b' (torch Tensor or None required)");
    CHECK((tn_module_register_buffer)(m, "b", tn_zeros(1), NULL));
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "b ");
    CHECK((tn_module_register_buffer)(m, "b", tn_ones(1), &(tn_buffer_opts){sizeof(tn_buffer_opts), false}));
    CHECK(sum_of((tn_get_buffer)(m, "b")) == 1);
    CHECK_STR(state_names((tn_state_dict)(m, NULL)), "");
    HOLDS(100, "A buffer cannot take the name of a parameter or a child, nor a child that of a parameter.");
    (tn_module_set)(m, "w", PARAMETER), (tn_module_set)(m, "c", tn_nn_relu());
    CHECK(!(tn_module_register_buffer)(m, "w", PLAIN, NULL));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'w' already exists");
    CHECK(!(tn_module_register_buffer)(m, "c", PLAIN, NULL));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'c' already exists");
    CHECK(!(tn_module_register_module)(m, "w", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "attribute 'w' already exists");
    HOLDS(101, "register_module judges the value first, then: the name is a string, is not taken, has no dot, is not empty.");
    CHECK(!(tn_module_register_module)(m, NULL, PLAIN));
    CHECK_ERROR(TN_ERR_TYPE, "torch.FloatTensor is not a Module subclass");
    CHECK(!(tn_module_register_module)(m, NULL, tn_nn_relu()));
    CHECK_ERROR(TN_ERR_TYPE, "module name should be a string. Got NoneType");
    CHECK(!(tn_module_register_module)(m, "a.b", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "module name can't contain \".\", got: a.b");
    CHECK(!(tn_module_register_module)(m, "", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "module name can't be empty string \"\"");
    HOLDS(102, "An empty child shows in the printed text, and no walk reports it.");
    tn_module *s = (tn_module *)tn_nn_sequential();
    CHECK((tn_module_register_module)(s, "gone", NULL));
    CHECK_STR(tn_to_string(s), "Sequential(\n  (gone): None\n)");
    CHECK_STR(own_children(s), "");
}

typedef struct {
    char seen[200];
    void *instead;
} recorder;
static void *record(tn_module *m, const char *name, void *value, void *data) {
    recorder *r = data;
    (void)m;
    strcat(strcat(r->seen, name), value ? " " : "- ");
    return r->instead;
}

typedef struct {
    tn_module module;
    tn_tensor *w, *b;
    tn_module *child;
    tn_tensor *heads[2];
    tn_module *owner;
} fields;
static tn_tensor *fields_forward(fields *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(fields, fields_forward, w, b, child, heads, TN_REF(owner));

/* What the recorders saw since the last call, in this order. */
static const char *take_seen(recorder *p, recorder *b, recorder *m) {
    static char text[700];
    snprintf(text, sizeof text, "%s|%s|%s", p->seen, b->seen, m->seen);
    p->seen[0] = b->seen[0] = m->seen[0] = 0;
    return text;
}
#define SEEN(expected) CHECK_STR(take_seen(p, b, m), expected)

static void *walks_too(tn_module *m, const char *name, void *value, void *data) {
    (void)name, (void)value;
    return (void)tn_parameters(m), (void)++*(int *)data, NULL;
}

static void assigned_fields(recorder *p, recorder *b, recorder *m, tn_tensor *instead) {
    fields *f = tn_new(fields);
    f->w = PARAMETER, f->b = tn_buffer(PLAIN), f->child = (tn_module *)tn_nn_relu();
    f->heads[1] = PARAMETER, f->owner = (tn_module *)tn_nn_relu();
    SEEN("||");
    CHECK(tn_check(f));
    SEEN("w heads.1 |b |child ");
    CHECK(tn_check(f) && tn_forward(f, PLAIN));
    SEEN("||");
    f->w = PARAMETER, f->w = PARAMETER, f->b = PLAIN, f->child = NULL, f->heads[1] = NULL, f->heads[0] = PLAIN;
    CHECK(tn_parameters(f));
    SEEN("w |b |child- ");
    CHECK((tn_module_set)((tn_module *)f, "w", PARAMETER) && tn_check(f)); /* by call: once */
    SEEN("w ||");
    f->w = PARAMETER;
    CHECK((tn_module_set)((tn_module *)f, "w", PARAMETER) && tn_check(f));
    SEEN("w ||");
    fields *copy = tn_deepcopy(f);
    CHECK(copy && tn_check(copy));
    SEEN("||");
    p->instead = instead, f->w = PARAMETER;
    CHECK(tn_parameters(f) && f->w == instead && tn_tensors_get(tn_parameters(f), 0) == instead && tn_check(f));
    SEEN("w ||");
    p->instead = PLAIN, f->w = PARAMETER;
    CHECK(tn_parameters(f) == NULL && f->w != p->instead);
    CHECK_ERROR(TN_ERR_TYPE, "to parameter 'w' (torch.nn.Parameter or None required)");
    p->instead = NULL; /* it is shown again, as it stands there again */
    CHECK(tn_parameters(f) && tn_check(f));
    SEEN("w w ||");
    m->instead = PLAIN, f->child = (tn_module *)tn_nn_relu();
    CHECK(!tn_check(f));
    CHECK_ERROR(TN_ERR_TYPE, "a registration hook of modules returned a tensor");
    m->instead = f, f->child = (tn_module *)tn_nn_relu();
    CHECK(!tn_check(f));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "would contain itself through member 'child'");
    m->instead = NULL, f->child = NULL;
    CHECK(tn_check(f));
    take_seen(p, b, m);
}

/* Fields that were assigned before there is a hook are none of its business; a hook may walk itself, and may change the module. */
static void a_hook_that_walks(void) {
    TN_SCOPE;
    fields *f = tn_new(fields);
    f->w = PARAMETER;
    int walks = 0;
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(walks_too, &walks, NULL));
    CHECK(tn_check(f) && walks == 0);
    f->w = PARAMETER, f->heads[0] = PARAMETER;
    CHECK(tn_check(f) && walks == 2 && tn_check(f) && walks == 2);
    f->heads[1] = PARAMETER;
    CHECK(tn_optim_sgd(tn_parameters(f)) && walks == 3);
}

/* Refuses the first value that it sees. */
static void *refuse_first(tn_module *m, const char *name, void *value, void *data) {
    recorder *r = data;
    bool first = !r->seen[0];
    (void)record(m, name, value, data);
    if (first) tn_raise(TN_ERR_VALUE, "not %s", name);
    return NULL;
}
static void *puts_another(tn_module *m, const char *name, void *value, void *data) {
    (void)name, (void)value;
    return ((fields *)(void *)m)->w = NULL, *(tn_tensor **)data;
}

static void hooks_that_interfere(void) {
    TN_SCOPE;
    fields *f = tn_new(fields);
    recorder r = {"", NULL}, b = {"", PARAMETER};
    {
        TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(refuse_first, &r, NULL));
        f->w = PARAMETER, f->heads[0] = PARAMETER;
        CHECK(!tn_check(f));
        CHECK_ERROR(TN_ERR_VALUE, "not w");
        CHECK(tn_check(f));
        CHECK_STR(r.seen, "w w heads.0 "); /* what failed comes first again */
    }
    {
        TN_HOOK_SCOPE(tn_register_module_buffer_registration_hook(record, &b, NULL));
        f->b = tn_buffer(PLAIN);
        CHECK(tn_check(f) && (void *)f->b == b.instead && tn_tensors_count(tn_buffers(f)) == 1 &&
              tn_tensors_count(tn_parameters(f)) == 2);
        CHECK(tn_load_state_dict(f, tn_state_dict(f), .assign = true) &&
              tn_tensors_count(tn_buffers(f)) == 1); /* and it stays one */
    }
    tn_tensor *other = PARAMETER;
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(puts_another, &other, NULL));
    f->w = PARAMETER;
    CHECK(tn_check(f) && !f->w); /* the hook's last word is what it put into the field */
}

static void hooks_of_registration(void) {
    TN_SCOPE;
    recorder p = {"", NULL}, b = {"", NULL}, m = {"", NULL}, last = {"", NULL};
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(record, &p, NULL));
    TN_HOOK_SCOPE(tn_register_module_parameter_registration_hook(record, &last, NULL));
    TN_HOOK_SCOPE(tn_register_module_buffer_registration_hook(record, &b, NULL));
    TN_HOOK_SCOPE(tn_register_module_module_registration_hook(record, &m, NULL));
    IN_C(103,
         "Global hooks see every registration of a value, in their order, and may replace it; that of modules sees empty children, "
         "too.",
         "At once what is registered by call, and, as in PyTorch, empty buffers; what the program assigns to a field at the next "
         "walk, "
         "as a verdict comes: the last value, and a replacement stands in the field then.");
    tn_module *o = plain_module();
    tn_tensor *instead = PARAMETER;
    assigned_fields(&p, &b, &m, instead);
    last.seen[0] = 0;
    (tn_module_set)(o, "w", PARAMETER), (tn_module_register_parameter)(o, "none", NULL);
    (tn_module_set)(o, "b", tn_buffer(PLAIN)), (tn_module_set)(o, "c", tn_nn_relu()), (tn_module_set)(o, "c", NULL);
    CHECK_STR(p.seen, "w ");
    CHECK_STR(last.seen, "w ");
    CHECK_STR(b.seen, "b ");
    CHECK_STR(m.seen, "c c- ");
    (tn_module_set)(o, "b", NULL), (tn_module_register_buffer)(o, "nb", NULL, NULL), (tn_module_set)(o, "w", NULL);
    CHECK_STR(b.seen, "b b- nb- ");
    CHECK_STR(p.seen, "w ");
    p.instead = instead;
    CHECK((tn_module_set)(o, "v", PARAMETER) && (tn_module_get)(o, "v") == instead);
    tn_nn_sequential(tn_nn_relu(), tn_nn_tanh());
    CHECK_STR(m.seen, "c c- 0 1 ");
    p.instead = PLAIN;
    CHECK(!(tn_module_set)(o, "u", PARAMETER));
    CHECK_ERROR(TN_ERR_TYPE, "to parameter 'u' (torch.nn.Parameter or None required)");
    IN_C(104, "The base constructor takes no arguments, and calling a module without forward is a NotImplementedError.",
         "tn_new takes the class alone; TN_CLASS wants a forward, and ModuleList's says what PyTorch's base class says.");
    CHECK((tn_forward)(o, (tn_tensor *[]){PLAIN}, 1) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleList] is missing the required \"forward\" function");
}

int main(void) {
    RUN(parameters);
    RUN(over_a_parameter);
    RUN(modules);
    RUN(buffers);
    RUN(ordinary);
    RUN(reading_and_deleting);
    RUN(registering_parameters);
    RUN(registering_buffers_and_modules);
    RUN(a_hook_that_walks);
    RUN(hooks_that_interfere);
    RUN(hooks_of_registration);
    return test_end();
}
