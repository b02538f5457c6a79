/* Containers, and the printed text of modules: statements 173 to 189. */
#include "statement.h"

#define LINEAR tn_nn_linear(1, 1)
static const char *keys(void *m) {
    return walk_names((tn_named_modules)(m, &(tn_named_opts){sizeof(tn_named_opts), NULL, true, false}));
}

static void sequential(void) {
    TN_SCOPE;
    HOLDS(173, "A Sequential names its children by number, or as a map names them; an empty child fails only when it is called.");
    CHECK_STR(keys(tn_nn_sequential(tn_nn_relu(), tn_nn_tanh())), " 0 1 ");
    CHECK_STR(keys(tn_nn_sequential_named({"a", tn_nn_relu()}, {"b", tn_nn_tanh()})), " a b ");
    CHECK(tn_nn_sequential(tn_ones(1)) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "torch.FloatTensor is not a Module subclass");
    tn_nn_sequential *hollow = tn_nn_sequential(NULL);
    CHECK(hollow && tn_nn_container_len(hollow) == 1 && tn_forward(hollow, tn_ones(1)) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'NoneType' object is not callable");
    HOLDS(174, "Each child gets the result of the one before; an empty Sequential returns its input. Its own parameters do not "
               "count in its length.");
    tn_tensor *x = tn_full(2, -1.0);
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_relu(), tn_nn_sigmoid());
    CHECK(sum_of(tn_forward(s, x)) == 1 && tn_forward(tn_nn_sequential(), x) == x);
    CHECK(tn_module_set(s, "w", tn_parameter(tn_ones(1))) && tn_nn_container_len(s) == 2 &&
          tn_tensors_count(tn_parameters(s)) == 1);
    CHECK(sum_of(tn_forward(s, x)) == 1);
    HOLDS(175, "Indices go from -n to n - 1; a slice is a new Sequential that shares the children and keeps their names.");
    CHECK(tn_nn_container_get(s, -1) == tn_nn_container_get(s, 1) && tn_nn_container_get(s, 2) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 2 is out of range");
    CHECK(tn_nn_container_get(s, -3) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index -3 is out of range");
    tn_nn_sequential *named = tn_nn_sequential_named({"a", tn_nn_relu()}, {"b", tn_nn_tanh()}, {"c", tn_nn_sigmoid()});
    tn_nn_container *part = tn_nn_container_slice(named, 1);
    CHECK_STR(keys(part), " b c ");
    CHECK(tn_nn_container_get(part, 0) == tn_nn_container_get(named, 1));
    CHECK_STR(keys(tn_nn_container_slice(named, .step = -1)), " c b a ");
    CHECK_STR(keys(tn_nn_container_slice(named, -2, -1)), " b ");
    CHECK_STR(keys(tn_nn_container_slice(named, 5, 9)), " ");
    HOLDS(176, "Setting by index replaces a child under its name, by nothing, too; what is no module is refused; deleting numbers "
               "all names anew.");
    tn_module *relu = (tn_module *)tn_nn_relu();
    CHECK(tn_nn_container_set(named, 1, relu) && tn_nn_container_get(named, 1) == relu);
    CHECK_STR(keys(named), " a b c ");
    CHECK(!tn_nn_container_set(named, 0, tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, "cannot assign 'torch.FloatTensor' as child module 'a' (torch.nn.Module or None expected)");
    CHECK(!tn_nn_container_set(named, 7, relu));
    CHECK_ERROR(TN_ERR_INDEX, "index 7 is out of range");
    CHECK(tn_nn_container_set(named, 2, NULL) && tn_nn_container_get(named, 2) == NULL && tn_error() == TN_OK);
    CHECK(tn_nn_container_delete(named, 0));
    CHECK(tn_nn_container_len(named) == 2 && tn_nn_container_get(named, 0) == relu);
    CHECK_STR(keys(named), " 0 ");
    tn_nn_sequential *five = tn_nn_sequential(LINEAR, tn_nn_relu(), LINEAR, tn_nn_tanh(), LINEAR);
    CHECK(tn_nn_container_delete_slice(five, 0, TN_NONE, 2) && tn_nn_container_len(five) == 2);
    CHECK_STR(tn_to_string(five), "Sequential(\n  (0): ReLU()\n  (1): Tanh()\n)");
}

static void changing(void) {
    TN_SCOPE;
    IN_C(177, "append takes the name len, so it can overwrite a child of that name; extend, pop and insert do as they are named.",
         "insert into a Sequential with names of its own works, too: it numbers them, where PyTorch fails with a KeyError.");
    tn_nn_sequential *odd = tn_nn_sequential_named({"1", tn_nn_relu()});
    CHECK(tn_nn_container_append(odd, tn_nn_tanh()) && tn_nn_container_len(odd) == 1);
    CHECK_STR(tn_to_string(odd), "Sequential(\n  (1): Tanh()\n)");
    CHECK(!tn_nn_container_append(odd, tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, "torch.FloatTensor is not a Module subclass");
    tn_nn_sequential *s = tn_nn_sequential(tn_nn_relu(), tn_nn_tanh());
    CHECK(tn_nn_container_insert(s, 1, tn_nn_sigmoid()) && tn_nn_container_insert(s, -3, tn_nn_flatten()) &&
          tn_nn_container_insert(s, 4, LINEAR));
    CHECK_STR(tn_to_string(s),
              "Sequential(\n  (0): Flatten(start_dim=1, end_dim=-1)\n  (1): ReLU()\n  (2): Sigmoid()\n  (3): Tanh()\n"
              "  (4): Linear(in_features=1, out_features=1, bias=True)\n)");
    CHECK(!tn_nn_container_insert(s, 6, tn_nn_relu()));
    CHECK_ERROR(TN_ERR_INDEX, "Index out of range: 6");
    CHECK(!tn_nn_container_insert(s, -6, tn_nn_relu()));
    CHECK_ERROR(TN_ERR_INDEX, "Index out of range: -6");
    CHECK(!tn_nn_container_insert(s, 0, tn_ones(1)));
    CHECK_ERROR(TN_ERR_ASSERTION, "module should be of type: <class 'torch.nn.modules.module.Module'>");
    tn_module *second = tn_nn_container_get(s, 1);
    CHECK(tn_nn_container_pop(s, 1) == second && tn_nn_container_len(s) == 4);
    CHECK(tn_nn_container_pop(s, 9) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 9 is out of range");
    tn_nn_sequential *t = tn_nn_sequential(tn_nn_relu());
    CHECK(tn_nn_container_extend(t, s) && tn_nn_container_len(t) == 5 && tn_nn_container_extend(t, t) &&
          tn_nn_container_len(t) == 10);
    CHECK_STR(keys(t), " 0 1 2 3 4 5 6 7 8 9 ");
    CHECK(tn_nn_container_extend(odd, tn_nn_sequential(tn_nn_relu(), tn_nn_sigmoid())));
    CHECK_STR(tn_to_string(odd), "Sequential(\n  (1): Sigmoid()\n)");
    CHECK(!tn_nn_container_extend(odd, (tn_nn_container *)LINEAR) && tn_nn_container_len(odd) == 1);
    CHECK_ERROR(TN_ERR_TYPE, "'Linear' object is not iterable");
    IN_C(178, "+ joins two into a new one, * repeats the same children; below 1 it is a ValueError.",
         "tn_nn_container_add and tn_nn_container_mul; another type than an integer does not compile.");
    tn_nn_sequential *named = tn_nn_sequential_named({"a", LINEAR}, {"b", tn_nn_tanh()});
    tn_nn_container *both = tn_nn_container_add(named, tn_nn_sequential(tn_nn_relu())), *twice = tn_nn_container_mul(named, 2);
    CHECK_STR(keys(both), " 0 1 2 ");
    CHECK(tn_nn_container_get(both, 0) == tn_nn_container_get(named, 0) &&
          tn_nn_container_get(twice, 2) == tn_nn_container_get(named, 0));
    CHECK(tn_nn_container_len(named) == 2 && tn_nn_container_len(both) == 3);
    CHECK(tn_nn_container_add(named, tn_nn_module_list()) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "add operator supports only objects of Sequential class, but <class "
                              "'torch.nn.modules.container.ModuleList'> is given.");
    CHECK(tn_nn_container_mul(named, -1) == NULL && tn_error() == TN_ERR_VALUE);
    tn_clear_error();
    CHECK(tn_nn_container_mul(named, 0) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "Non-positive multiplication factor 0 for <class 'torch.nn.modules.container.Sequential'>");
}

static void lists(void) {
    TN_SCOPE;
    IN_C(179,
         "A ModuleList is like it without forward; a slice is numbered anew. insert beyond the end leaves a gap, a negative index "
         "fails half-way.",
         "insert takes -len to len, as Sequential's, and refuses others without changing anything.");
    tn_nn_module_list *l = tn_nn_module_list(tn_nn_relu(), tn_nn_tanh(), tn_nn_sigmoid());
    CHECK(tn_forward(l, tn_ones(1)) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleList] is missing the required \"forward\" function");
    CHECK_STR(keys(tn_nn_container_slice(l, 1)), " 0 1 ");
    CHECK(tn_nn_container_insert(l, -1, tn_nn_flatten()));
    CHECK_STR(tn_to_string(l),
              "ModuleList(\n  (0): ReLU()\n  (1): Tanh()\n  (2): Flatten(start_dim=1, end_dim=-1)\n  (3): Sigmoid()\n)");
    CHECK(!tn_nn_container_insert(l, 9, tn_nn_relu()) && tn_nn_container_len(l) == 4);
    CHECK_ERROR(TN_ERR_INDEX, "Index out of range: 9");
    CHECK(tn_nn_container_delete(l, -1) && tn_nn_container_len(l) == 3 && !tn_nn_container_delete(l, 7));
    CHECK_ERROR(TN_ERR_INDEX, "index 7 is out of range");
    CHECK_STR(keys(tn_nn_container_add(l, tn_nn_module_list(tn_nn_relu()))), " 0 1 2 3 ");
    CHECK_STR(keys(tn_nn_container_add(l, tn_nn_sequential_named({"a", tn_nn_relu()}))), " 0 1 2 3 ");
    CHECK(tn_nn_container_add(l, (tn_nn_container *)LINEAR) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'Linear' object is not iterable");
    CHECK(!tn_nn_container_extend(l, (tn_nn_container *)LINEAR) && tn_nn_container_len(l) == 3);
    CHECK_ERROR(TN_ERR_TYPE, "ModuleList.extend should be called with an iterable, but got Linear");
    CHECK(!tn_nn_container_append(l, tn_ones(1)) && !tn_nn_container_set(l, 0, tn_ones(1)) && tn_nn_container_len(l) == 3);
    CHECK_ERROR(TN_ERR_TYPE, "torch.FloatTensor is not a Module subclass");
    HOLDS(180, "A ModuleList prints runs of equal children once.");
    CHECK_STR(tn_to_string(tn_nn_module_list(tn_nn_linear(2, 2), tn_nn_linear(2, 2), tn_nn_relu(), NULL)),
              "ModuleList(\n  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n  (2): ReLU()\n  (3): None\n)");
}

static void dicts(void) {
    TN_SCOPE;
    IN_C(181,
         "A ModuleDict keeps the order of insertion; a missing key is a KeyError; keys follow the rules of registration, so names "
         "of methods are taken; update takes pairs; overwriting keeps the place.",
         "Pairs are {\"key\", module}; a pair of another length, or something that is no pair, does not compile. update sets all "
         "pairs or none, where PyTorch keeps those before the refused one.");
    tn_nn_module_dict *d = tn_nn_module_dict({"b", tn_nn_relu()}, {"a", tn_nn_tanh()});
    CHECK_STR(tn_to_string(d), "ModuleDict(\n  (b): ReLU()\n  (a): Tanh()\n)");
    CHECK(tn_nn_module_dict_len(d) == 2 && tn_nn_module_dict_contains(d, "a") && !tn_nn_module_dict_contains(d, "x"));
    CHECK(tn_nn_module_dict_get(d, "x") == NULL);
    CHECK_ERROR(TN_ERR_KEY, "'x'");
    const char *taken[] = {"keys", "type", "forward"};
    for (int i = 0; i < 3; i++) {
        CHECK(!tn_nn_module_dict_set(d, taken[i], tn_nn_relu()));
        CHECK_ERROR(TN_ERR_KEY, "already exists");
    }
    CHECK(!tn_nn_module_dict_set(d, "x.y", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_KEY, "module name can't contain \".\", got: x.y");
    CHECK(!tn_nn_module_dict_set(d, "x", tn_ones(1)));
    CHECK_ERROR(TN_ERR_TYPE, "torch.FloatTensor is not a Module subclass");
    tn_nn_item more[] = {{"b", tn_nn_sigmoid()}, {"c", tn_nn_flatten()}}, wrong[] = {{"e", tn_nn_relu()}, {"keys", tn_nn_relu()}};
    CHECK(tn_nn_module_dict_update(d, more, 2));
    CHECK_STR(keys(d), " b a c ");
    CHECK(!tn_nn_module_dict_update(d, wrong, 2) && tn_nn_module_dict_len(d) == 3);
    CHECK_ERROR(TN_ERR_KEY, "attribute 'keys' already exists");
    CHECK(!tn_nn_module_dict_contains(d, "e"));
    tn_module *a = tn_nn_module_dict_get(d, "a");
    CHECK(tn_nn_module_dict_pop(d, "a") == a && tn_nn_module_dict_delete(d, "b") && !tn_nn_module_dict_delete(d, "b"));
    CHECK_ERROR(TN_ERR_KEY, "'b'");
    CHECK_STR(tn_nn_module_dict_key(d, 0), "c");
    CHECK(tn_nn_module_dict_set(d, "n", NULL) && tn_nn_module_dict_get(d, "n") == NULL && tn_error() == TN_OK);
    CHECK(tn_nn_module_dict_clear(d) && tn_nn_module_dict_len(d) == 0);
    CHECK(tn_forward(d, tn_ones(1)) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Module [ModuleDict] is missing the required \"forward\" function");
}

static void parameter_lists(void) {
    TN_SCOPE;
    IN_C(182,
         "A ParameterList makes Parameters of tensors, over their memory; integral ones fail, what is no tensor stays. Elements "
         "cannot be deleted; a slice shares them; calling fails.",
         "NULL is the one value that is no tensor.");
    tn_tensor *t = tn_ones((2, 3)), *p = tn_parameter(tn_scalar_tensor(1.0), false);
    tn_nn_parameter_list *l = tn_nn_parameter_list(t, p);
    tn_tensor *first = tn_nn_parameter_list_get(l, 0);
    CHECK(tn_is_parameter(first) && tn_requires_grad(first) && tn_data(first) == tn_data(t) &&
          tn_nn_parameter_list_get(l, -1) == p);
    CHECK_STR(walk_names(tn_named_parameters(l)), "0 1 ");
    CHECK(!tn_nn_parameter_list_append(l, tn_arange(3)));
    CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
    CHECK(tn_nn_parameter_list_append(l, NULL) && tn_nn_parameter_list_len(l) == 3 && tn_nn_parameter_list_get(l, 2) == NULL &&
          tn_error() == TN_OK);
    CHECK(!tn_nn_parameter_list_set(l, 0, tn_arange(3)) && tn_nn_parameter_list_get(l, 0) == first);
    CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
    CHECK(!tn_nn_parameter_list_extend(l, (tn_tensors *)(void *)t) && tn_nn_parameter_list_len(l) == 3);
    CHECK_ERROR(TN_ERR_TYPE, "must be a list, not a tensor");
    CHECK(tn_nn_parameter_list(tn_arange(3)) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "Only Tensors of floating point and complex dtype can require gradients");
    CHECK(tn_nn_parameter_list_get(l, 5) == NULL);
    CHECK_ERROR(TN_ERR_INDEX, "index 5 is out of range");
    CHECK(tn_nn_parameter_list_set(l, 2, tn_ones(1)) && tn_is_parameter(tn_nn_parameter_list_get(l, 2)));
    CHECK(!tn_nn_parameter_list_set(l, 9, tn_ones(1)));
    CHECK_ERROR(TN_ERR_INDEX, "index 9 is out of range");
    tn_nn_parameter_list *part = tn_nn_parameter_list_slice(l, 1);
    CHECK(tn_nn_parameter_list_len(part) == 2 && tn_nn_parameter_list_get(part, 0) == p);
    CHECK(tn_nn_parameter_list_extend(part, tn_tensors_new((tn_tensor *[]){tn_ones(1), p}, 2)) &&
          tn_nn_parameter_list_len(part) == 4);
    CHECK(tn_forward(l, t) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "ParameterList should not be called.");
    HOLDS(183, "It prints each Parameter with dtype and size; a single element stands on the first line.");
    CHECK_STR(tn_to_string(tn_nn_parameter_list(t, p, NULL)),
              "ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x3]\n"
              "    (1): Parameter containing: [torch.float32 of size ]\n    (2): Object of type: NoneType\n)");
    CHECK_STR(tn_to_string(tn_nn_parameter_list(tn_ones(2))),
              "ParameterList(  (0): Parameter containing: [torch.float32 of size 2])");
    CHECK_STR(tn_to_string(tn_nn_parameter_list()), "ParameterList()");
    tn_nn_parameter_list *many = tn_nn_parameter_list();
    for (int i = 0; i < 40; i++) tn_nn_parameter_list_append(many, t);
    CHECK(strlen(tn_to_string(many)) > 40 * 50 && strstr(tn_to_string(many), "(39): Parameter"));
    IN_C(184,
         "A ParameterDict of a plain dict is sorted, of pairs it keeps their order; keys have no dot; a missing one is an "
         "AttributeError on reading and a KeyError on deleting. It prints legacy names of types.",
         "It is made of pairs; a refused key leaves nothing behind, and names of its methods are refused with the same KeyError.");
    tn_nn_parameter_dict *d = tn_nn_parameter_dict({"b", tn_ones(2)}, {"a", tn_ones(1)});
    CHECK_STR(tn_to_string(d), "ParameterDict(\n    (b): Parameter containing: [torch.FloatTensor of size 2]\n    (a): Parameter "
                               "containing: [torch.FloatTensor of size 1]\n)");
    CHECK(tn_nn_parameter_dict_get(d, "x") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "'ParameterDict' object has no attribute 'x'");
    CHECK(!tn_nn_parameter_dict_delete(d, "x"));
    CHECK_ERROR(TN_ERR_KEY, "'x'");
    CHECK(!tn_nn_parameter_dict_set(d, "a.b", tn_ones(1)));
    CHECK_ERROR(TN_ERR_KEY, "parameter name can't contain \".\"");
    CHECK(!tn_nn_parameter_dict_set(d, "keys", tn_ones(1)) && tn_nn_parameter_dict_len(d) == 2);
    CHECK_ERROR(TN_ERR_KEY, "attribute 'keys' already exists");
    tn_tensor *b = tn_nn_parameter_dict_get(d, "b");
    tn_nn_parameter_dict *copy = tn_nn_parameter_dict_copy(d), *more = tn_nn_parameter_dict({"a", tn_ones(5)}, {"z", tn_ones(6)});
    CHECK(tn_nn_parameter_dict_get(copy, "b") == b && tn_nn_parameter_dict_update(copy, more) &&
          tn_nn_parameter_dict_len(copy) == 3);
    CHECK_STR(tn_nn_parameter_dict_key(copy, -1), "z");
    CHECK(tn_numel(tn_nn_parameter_dict_get(copy, "a")) == 5 && tn_nn_parameter_dict_setdefault(copy, "b", NULL) == b);
    CHECK(tn_numel(tn_nn_parameter_dict_setdefault(copy, "q", tn_ones(7))) == 7 &&
          tn_numel(tn_nn_parameter_dict_popitem(copy)) == 7);
    CHECK(tn_nn_parameter_dict_pop(copy, "b") == b && tn_nn_parameter_dict_clear(copy) &&
          tn_nn_parameter_dict_popitem(copy) == NULL);
    CHECK_ERROR(TN_ERR_KEY, "popitem(): dictionary is empty");
    CHECK_STR(
        walk_names(tn_named_parameters(tn_nn_parameter_dict_fromkeys((const char *[]){"m", "n"}, 2, b), .remove_duplicate = false)),
        "m n ");
    CHECK(tn_forward(d, b) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "ParameterDict should not be called.");
}

/* ---- text ---- */

typedef struct {
    tn_module module;
    tn_tensor *w;
    tn_module *child, *other;
    const char *extra;
} shown;
static tn_tensor *shown_forward(shown *self, tn_tensor *x) { return tn_mul(x, self->w); }
static int shown_repr(tn_module *m, char *out, size_t room) {
    return snprintf(out, room, "%s", ((shown *)m)->extra ? ((shown *)m)->extra : "");
}
TN_CLASS_WITH(shown, shown_forward, (w, child, other), .printed = "Shown", .extra_repr = shown_repr);

static void text(void) {
    TN_SCOPE;
    shown *m = tn_new(shown), *inner = tn_new(shown);
    HOLDS(185, "A module prints its name and, in parentheses, its extra lines and one entry for each child.");
    CHECK_STR(tn_to_string(m), "Shown()");
    m->child = (tn_module *)tn_nn_relu(), m->other = (tn_module *)tn_nn_tanh();
    CHECK_STR(tn_to_string(m), "Shown(\n  (child): ReLU()\n  (other): Tanh()\n)");
    m->extra = "a=1\nb=2";
    CHECK_STR(tn_to_string(m), "Shown(\n  a=1\n  b=2\n  (child): ReLU()\n  (other): Tanh()\n)");
    HOLDS(186, "One extra line and no child stand on one line, else each line is indented by two.");
    inner->extra = "a=1";
    CHECK_STR(tn_to_string(inner), "Shown(a=1)");
    inner->extra = "a=1\nb=2";
    CHECK_STR(tn_to_string(inner), "Shown(\n  a=1\n  b=2\n)");
    HOLDS(187, "Lines of a child are indented by two more; empty lines stay empty.");
    inner->extra = "a=1\n\nb=2";
    m->extra = NULL, m->child = (tn_module *)inner;
    CHECK_STR(tn_to_string(m), "Shown(\n  (child): Shown(\n    a=1\n\n    b=2\n  )\n  (other): Tanh()\n)");
    HOLDS(188, "A module's own parameters and buffers are not shown.");
    inner->w = tn_parameter(tn_ones(1)), inner->extra = NULL;
    CHECK_STR(tn_to_string(inner), "Shown()");
    HOLDS(189, "Batch norm prints its options, bias among them.");
    CHECK_STR(tn_to_string(tn_nn_batch_norm1d(3)),
              "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)");
    CHECK(tn_check(m));
}

int main(void) {
    RUN(sequential);
    RUN(changing);
    RUN(lists);
    RUN(dicts);
    RUN(parameter_lists);
    RUN(text);
    return test_end();
}
