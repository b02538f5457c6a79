/* Walks and their order, paths, whole-module calls, conversion: statements 105 to 140. */
#include "statement.h"

typedef struct inner {
    tn_module module;
    tn_tensor *w, *b;
    tn_nn_linear *l;
    void *owner;
} inner;
static tn_tensor *inner_forward(inner *self, tn_tensor *x) { return tn_forward(self->l, tn_mul(x, self->w)); }
TN_CLASS(inner, inner_forward, w, b, l, TN_REF(owner));

typedef struct {
    tn_module module;
    inner *first, *second;
    tn_tensor *w, *mean, *steps;
} outer;
static tn_tensor *outer_forward(outer *self, tn_tensor *x) { return tn_mul(tn_forward(self->first, x), self->w); }
TN_CLASS(outer, outer_forward, first, second, w, mean, steps);

static inner *inner_new(void) {
    inner *self = tn_new(inner);
    self->w = tn_parameter(tn_ones(2));
    self->b = tn_buffer(tn_zeros(2), .persistent = false);
    self->l = tn_nn_linear(2, 2);
    return self;
}
static outer *outer_new(void) {
    outer *self = tn_new(outer);
    self->first = inner_new();
    self->second = inner_new();
    self->w = tn_parameter(tn_ones(2));
    self->mean = tn_buffer(tn_zeros(2));
    self->steps = tn_buffer(tn_scalar_tensor(0, .dtype = TN_INT64));
    return self;
}

static void order(void) {
    TN_SCOPE;
    outer *m = outer_new();
    HOLDS(105, "A walk over parameters goes through the modules in preorder, children in their order; inside of a module in the "
               "order of its names.");
    CHECK_STR(walk_names(tn_named_parameters(m)), "w first.w first.l.weight first.l.bias second.w second.l.weight second.l.bias ");
    HOLDS(106, "So a module's own come before its children's, also when a child was there first.");
    CHECK(strncmp(walk_names(tn_named_parameters(m)), "w first.w ", 10) == 0);
    HOLDS(107, "What stands under several names is reported once, under the first one met.");
    m->second->l->weight = m->first->l->weight;
    m->first->w = m->w;
    CHECK_STR(walk_names(tn_named_parameters(m)), "w first.l.weight first.l.bias second.w second.l.bias ");
    HOLDS(108, "Without removing duplicates every name is reported, through shared modules, too.");
    CHECK_STR(walk_names(tn_named_parameters(m, .remove_duplicate = false)),
              "w first.w first.l.weight first.l.bias second.w second.l.weight second.l.bias ");
    m->second->l = m->first->l;
    CHECK_STR(walk_names(tn_named_parameters(m, .remove_duplicate = false)),
              "w first.w first.l.weight first.l.bias second.w second.l.weight second.l.bias ");
    HOLDS(109, "Without recursion only a module's own are reported; a prefix is put before a dot, an empty one adds none.");
    CHECK_STR(walk_names(tn_named_parameters(m, .recurse = false)), "w ");
    CHECK_STR(walk_names(tn_named_parameters(m->first, .prefix = "pre")), "pre.w pre.l.weight pre.l.bias ");
    CHECK_STR(walk_names(tn_named_parameters(m->first, .prefix = "")), "w l.weight l.bias ");
    HOLDS(110, "Empty places are passed by; identity decides what is the same, not equality.");
    m->first->w = NULL;
    m->second->w = tn_parameter(tn_detach(m->w));
    CHECK_STR(walk_names(tn_named_parameters(m, .remove_duplicate = true)), "w first.l.weight first.l.bias second.w ");
    HOLDS(111, "Walks over buffers have the same rules, and report those that are not saved.");
    m->second->b = m->first->b;
    CHECK_STR(walk_names(tn_named_buffers(m)), "mean steps first.b ");
    CHECK_STR(walk_names(tn_named_buffers(m, .remove_duplicate = false)), "mean steps first.b second.b ");
    CHECK_STR(walk_names(tn_named_buffers(m, .recurse = false, .prefix = "x")), "x.mean x.steps ");
}

static bool visit(tn_module *m, void *data) {
    strcat(data, tn_module_class(m)->printed);
    strcat(data, " ");
    return true;
}

static void modules(void) {
    TN_SCOPE;
    outer *m = outer_new();
    m->second->l = m->first->l;
    HOLDS(112, "A walk over modules begins with the module itself under no name, or under the prefix; each comes once.");
    CHECK_STR(walk_names(tn_named_modules(m)), " first first.l second ");
    CHECK_STR(walk_names(tn_named_modules(m, .prefix = "net")), "net net.first net.first.l net.second ");
    HOLDS(113, "Without removing duplicates a shared one comes under every name.");
    CHECK_STR(walk_names(tn_named_modules(m, .remove_duplicate = false)), " first first.l second second.l ");
    IN_C(114, "A module that contains itself is walked safely, but train, apply, to and printing recurse without end.",
         "Better so: what would contain itself is refused by name, and a field that holds such a module is reported by every walk, "
         "also that "
         "over modules; it gets no claim, nothing recurses, and printing ends.");
    inner *loop = inner_new();
    loop->l = (void *)loop;
    CHECK(!tn_train(loop));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "a module cannot contain itself");
    CHECK(tn_parameters(loop) == NULL);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "field 'l' of 'inner'");
    CHECK(!tn_module_to(loop, TN_FLOAT64));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "field 'l' of 'inner'");
    char unused[200] = "";
    CHECK(!tn_module_apply(loop, visit, unused) && unused[0] == 0);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "field 'l' of 'inner'");
    tn_named_iter none = tn_named_modules(loop);
    CHECK(!tn_named_next(&none));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "field 'l' of 'inner'");
    CHECK(strlen(tn_to_string(loop)) > 0);
    loop->l = NULL;
    CHECK(!tn_module_set(loop, "l", loop) && loop->l == NULL);
    CHECK_ERROR(TN_ERR_OWNERSHIP, "would contain itself");
    CHECK(tn_check(loop));
    HOLDS(115, "Children are the direct ones, each once, without the empty ones.");
    m->second = m->first;
    CHECK_STR(walk_names(tn_named_children(m)), "first ");
    m->first = NULL;
    CHECK_STR(walk_names(tn_named_children(m)), "second ");
    HOLDS(116, "A state keeps every name of what is shared; per module parameters, then buffers, then children.");
    m->first = m->second;
    CHECK_STR(state_names(tn_state_dict(m)),
              "w mean steps first.w first.l.weight first.l.bias second.w second.l.weight second.l.bias ");
    HOLDS(117, "Assigning to a name again does not move it.");
    m->w = tn_parameter(tn_ones(2));
    CHECK(tn_module_set(m, "mean", tn_ones(2)));
    CHECK_STR(state_names(tn_state_dict(m)),
              "w mean steps first.w first.l.weight first.l.bias second.w second.l.weight second.l.bias ");
}

static void paths(void) {
    TN_SCOPE;
    outer *m = outer_new();
    HOLDS(
        118,
        "The empty path is the module itself; an atom that is missing, or that is no module, is an AttributeError that names it.");
    CHECK(tn_get_submodule(m, "") == m && tn_get_submodule(m, "first.l") == m->first->l);
    CHECK(tn_get_submodule(m, "first.nope.l") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "inner has no attribute `nope`");
    CHECK(tn_get_submodule(m, "first.w") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`w` is not an nn.Module");
    CHECK(tn_get_submodule(m, "first.w.x") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`w` is not an nn.Module");
    HOLDS(119, "get_parameter resolves the path to the module, then wants a Parameter; the empty path has an empty atom.");
    CHECK(tn_get_parameter(m, "first.l.weight") == m->first->l->weight);
    CHECK(tn_get_parameter(m, "first.l.nope") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "Linear has no attribute `nope`");
    CHECK(tn_get_parameter(m, "first.b") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`b` is not an nn.Parameter");
    CHECK(tn_get_parameter(m, "") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "outer has no attribute ``");
    HOLDS(120, "get_buffer wants a buffer; a Parameter is none.");
    CHECK(tn_get_buffer(m, "first.b") == m->first->b);
    CHECK(tn_get_buffer(m, "first.w") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`w` is not a buffer");
    CHECK(tn_get_buffer(m, "nope") == NULL);
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "outer has no attribute `nope`");
    HOLDS(121, "set_submodule wants a path and a module; the parent must be there, a missing last atom is made unless strict, and "
               "what is no module is not replaced.");
    CHECK(!tn_set_submodule(m, "", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_VALUE, "Cannot set the submodule without a target name!");
    CHECK(!tn_set_submodule(m, "first.l", tn_ones(1)));
    CHECK_ERROR(TN_ERR_VALUE, "`module` is not an nn.Module, found");
    CHECK(!tn_set_submodule(m, "nope.l", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "outer has no attribute `nope`");
    CHECK(!tn_set_submodule(m, "first.new", tn_nn_relu(), .strict = true));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "inner has no attribute `new`");
    CHECK(tn_set_submodule(m, "first.new", tn_nn_relu()) && tn_get_submodule(m, "first.new") != NULL);
    CHECK(!tn_set_submodule(m, "first.w", tn_nn_relu()));
    CHECK_ERROR(TN_ERR_ATTRIBUTE, "`w` is not an nn.Module");
    tn_nn_linear *other = tn_nn_linear(2, 2);
    CHECK(tn_set_submodule(m, "second.l", other) && m->second->l == other);
}

static void whole_modules(void) {
    TN_SCOPE;
    outer *m = outer_new();
    m->second->l = m->first->l;
    HOLDS(122, "apply visits children first and the module last; a child that one parent has twice comes once, one that two "
               "parents have twice.");
    char seen[200] = "";
    CHECK(tn_module_apply(m, visit, seen));
    CHECK_STR(seen, "Linear inner Linear inner outer ");
    m->second = m->first;
    seen[0] = 0;
    CHECK(tn_module_apply(m, visit, seen));
    CHECK_STR(seen, "Linear inner outer ");
    IN_C(123,
         "train(mode) sets the mode of a module and all below and returns it; eval is train(False); a module begins in training "
         "mode.",
         "The call returns true or false; a C bool has no other values.");
    CHECK(tn_is_training(m) && tn_train(m, false) && !tn_is_training(m->first->l) && tn_train(m) && tn_is_training(m->first->l));
    CHECK(tn_eval(m) && !tn_is_training(m) && !tn_is_training(m->first->l));
    IN_C(124, "requires_grad_ acts on all parameters and no buffer and returns the module; an uninitialized one is refused.",
         "When one is refused, none is changed.");
    CHECK(tn_module_requires_grad_(m, false) && !tn_requires_grad(m->w) && !tn_requires_grad(m->first->l->bias));
    CHECK(tn_module_requires_grad_(m, true) && tn_requires_grad(m->w) && !tn_requires_grad(m->mean));
    m->second = (void *)tn_nn_lazy_linear(3);
    CHECK(!tn_module_requires_grad_(m, false) && tn_requires_grad(m->w));
    CHECK_ERROR(TN_ERR_VALUE, "Attempted to use an uninitialized parameter in");
    m->second = NULL;
    HOLDS(125, "zero_grad leaves no gradient.");
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    tn_tensor *g = tn_grad(m->w);
    CHECK(g && tn_zero_grad(m) && tn_grad(m->w) == NULL && tn_grad(m->first->l->weight) == NULL);
    HOLDS(126, "With set_to_none=False it zeroes the same tensor, cut from its history; none stays none.");
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))), .create_graph = true);
    g = tn_grad(m->w);
    CHECK(tn_zero_grad(m, .set_to_none = false) && tn_grad(m->w) == g && sum_of(g) == 0 && tn_grad_fn_name(g) == NULL);
    tn_set_grad(m->w, NULL);
    CHECK(tn_zero_grad(m, .set_to_none = false) && tn_grad(m->w) == NULL);
    HOLDS(127, "It works on lazy modules.");
    CHECK(tn_zero_grad(tn_nn_lazy_linear(3)) && tn_zero_grad(tn_nn_lazy_linear(3), .set_to_none = false));
}

/* ---- conversion ---- */

static void conversion(void) {
    TN_SCOPE;
    outer *m = outer_new();
    tn_tensor *w = m->w, *steps = m->steps, *mean = m->mean;
    tn_tensor *complex_one = tn_parameter(tn_zeros(1, .dtype = TN_COMPLEX64));
    tn_module_set(m, "z", complex_one);
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    tn_tensor *g = tn_grad(w);
    tn_tensors *list = tn_parameters(m);
    tn_optim *opt = tn_optim_sgd(list, .lr = 0.5);
    HOLDS(128, "Floating point parameters and buffers are converted; integral and complex ones keep dtype and object.");
    CHECK(tn_module_double(m) && tn_get_dtype(m->w) == TN_FLOAT64 && tn_get_dtype(m->mean) == TN_FLOAT64);
    CHECK(m->steps == steps && tn_get_dtype(steps) == TN_INT64 && tn_get_dtype(complex_one) == TN_COMPLEX64);
    CHECK(tn_module_half(m) && tn_get_dtype(m->first->l->weight) == TN_FLOAT16 && tn_module_bfloat16(m));
    CHECK(tn_get_dtype(m->first->l->weight) == TN_BFLOAT16 && tn_module_float(m) && tn_get_dtype(m->w) == TN_FLOAT32);
    CHECK(tn_module_double(m) && tn_get_dtype(complex_one) == TN_COMPLEX64);
    HOLDS(129, "A Parameter stays the same object, so an optimizer that was made before goes on with it.");
    CHECK(m->w == w);
    double before = sum_of(w);
    tn_tensor *wg = tn_grad(w);
    CHECK(wg && tn_optim_step(opt) && fabs(sum_of(w) - (before - 0.5 * sum_of(wg))) < 1e-6);
    HOLDS(130, "So does its gradient, converted.");
    CHECK(tn_grad(w) == g && tn_get_dtype(g) == TN_FLOAT64);
    IN_C(131, "Buffers are replaced by new tensors, so a buffer that two modules share becomes two.",
         "Better so: a buffer stays the same object, and stays shared, as a Parameter does: no field of the program's struct is "
         "written "
         "behind its back, and no pointer to it goes stale.");
    CHECK(m->mean == mean);
    m->first->b = m->mean;
    CHECK(tn_module_to(m, TN_FLOAT32) && m->first->b == m->mean && tn_get_dtype(mean) == TN_FLOAT32);
    HOLDS(132, "to(dtype) takes floating and complex dtypes only; a complex parameter loses its imaginary part with a real one.");
    CHECK(!tn_module_to(m, TN_INT64));
    CHECK_ERROR(TN_ERR_TYPE, "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64");
    tn_fill_(tn_detach(complex_one), tn_number_complex(2, 3));
    CHECK(tn_module_to(m, TN_FLOAT32) && tn_get_dtype(complex_one) == TN_FLOAT32 && sum_of(complex_one) == 2);
    CHECK(tn_module_get(m, "z") == complex_one && tn_is_parameter(complex_one) && m->steps == steps);
    CHECK(tn_module_to(m, TN_COMPLEX128) && tn_get_dtype(w) == TN_COMPLEX128 && tn_get_dtype(tn_grad(w)) == TN_COMPLEX128);
    CHECK(tn_module_to(m, TN_FLOAT32) && m->w == w);
    IN_C(
        133, "to(tensor) takes its dtype and device; to the CPU is nothing to do; an unknown device is refused.",
        "tn_module_to(m, tn_get_dtype(x), .device = tn_device(x)). A device that PyTorch knows and Tison has not is refused, too.");
    tn_tensor *like = tn_ones(1, .dtype = TN_FLOAT64);
    void *memory = tn_data(w);
    CHECK(tn_module_to(m, .device = "cpu") && m->w == w && tn_data(w) == memory);
    CHECK(tn_module_to(m, tn_get_dtype(like), .device = tn_device(like)) && tn_get_dtype(m->w) == TN_FLOAT64);
    CHECK(!tn_module_to(m, .device = "xyz"));
    CHECK_ERROR(TN_ERR_RUNTIME, "Expected one of cpu, cuda,");
    CHECK(!tn_module_to(m, .device = "cuda"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "Tison has the devices cpu and meta, not 'cuda'");
    HOLDS(135, "type(dtype) to an integral dtype is refused while a parameter requires grad.");
    CHECK(!tn_module_type(m, TN_INT32) && tn_get_dtype(w) == TN_FLOAT64 && tn_get_dtype(mean) == TN_FLOAT64);
    CHECK_ERROR(TN_ERR_RUNTIME, "data set to a tensor that requires gradients must be floating point or complex dtype");
    CHECK(tn_module_type(m, TN_FLOAT32) && tn_get_dtype(steps) == TN_FLOAT32 && tn_get_dtype(w) == TN_FLOAT32);
    CHECK(tn_zero_grad(m) && tn_module_requires_grad_(m, false) && tn_module_type(m, TN_INT16) && m->w == w);
    CHECK(tn_get_dtype(w) == TN_INT16 && tn_is_parameter(w) && tn_get_dtype(mean) == TN_INT16 && tn_check(m));
    CHECK(tn_module_type(m, TN_FLOAT64) && tn_module_requires_grad_(m, true) && tn_module_to(m, TN_FLOAT64));
    CHECK(!tn_module_type(tn_nn_lazy_linear(2), TN_FLOAT32));
    CHECK_ERROR(TN_ERR_VALUE, "Attempted to use an uninitialized parameter in");
    tn_set_overwrite_module_params_on_conversion(true);
    CHECK(!tn_module_type(m, TN_INT32) && tn_get_dtype(m->w) == TN_FLOAT64);
    CHECK_ERROR(TN_ERR_RUNTIME, "Only Tensors of floating point and complex dtype can require gradients");
    tn_set_overwrite_module_params_on_conversion(false);
    tn_set_swap_module_params_on_conversion(true);
    CHECK(!tn_module_type(m, TN_INT32) && tn_get_dtype(m->w) == TN_FLOAT64);
    CHECK_ERROR(TN_ERR_RUNTIME, "_apply(): Couldn't swap outer.w");
    tn_set_swap_module_params_on_conversion(false);
    IN_C(136, "All of them return the module.", "They return true; a failed one changes nothing.");
    CHECK(tn_module_to(m, TN_FLOAT32) && tn_check(m));
    CHECK(tn_module_to(m, TN_FLOAT64) && m->w == w);
    IN_C(
        139, "to_empty gives fresh memory of the same shape; to(device) from the meta device points at it.",
        "Without a device it gives memory of the CPU. Parameters stay the same objects, from and to the meta device as well, where "
        "PyTorch puts new ones into the module, which optimizers made before do not know.");
    CHECK(tn_module_to_empty(m) && m->w == w && tn_size(w, 0) == 2 && tn_get_dtype(w) == TN_FLOAT64);
    CHECK(tn_module_to(m, .device = "meta") && m->w == w && tn_is_meta(w) && tn_is_meta(m->mean) && tn_get_dtype(w) == TN_FLOAT64);
    CHECK(!tn_module_to(m, .device = "cpu"));
    CHECK_ERROR(
        TN_ERR_NOT_IMPLEMENTED,
        "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when "
        "moving module from meta to a different device.");
    CHECK(tn_is_meta(w) && tn_is_meta(m->mean));
    CHECK(tn_module_to_empty(m, .device = "cpu") && m->w == w && !tn_is_meta(w) && tn_size(w, 0) == 2);
    IN_C(140, "share_memory() applies to every parameter and buffer; on a lazy module it fails.",
         "As for statement 67; all or none of the parameters.");
    tn_nn_sequential *net = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_linear(2, 2));
    CHECK(tn_module_share_memory(net) && tn_is_shared(tn_get_parameter(net, "1.bias")) && tn_forward(net, tn_ones((1, 2))));
    tn_nn_sequential *lazy = tn_nn_sequential(tn_nn_linear(2, 2), tn_nn_lazy_linear(2));
    CHECK(!tn_module_share_memory(lazy) && !tn_is_shared(tn_get_parameter(lazy, "0.weight")));
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't share memory on an uninitialized parameter or buffer.");
}

static void formats(void) {
    TN_SCOPE;
    HOLDS(134, "to(memory_format) restrides parameters, gradients and buffers of four dimensions (channels_last) or five "
               "(channels_last_3d) and leaves the rest; a member of the other of the two is refused.");
    tn_nn_sequential *m = tn_nn_sequential(tn_nn_conv2d(2, 3, 3), tn_nn_batch_norm2d(3));
    tn_tensor *w = tn_get_parameter(m, "0.weight"), *b = tn_buffer(tn_randn((1, 2, 3, 4))), *x = tn_randn((1, 2, 5, 6));
    tn_module_register_buffer(m, "b", b);
    tn_eval(m);
    tn_tensor *before = tn_clone(tn_detach(w)), *y = tn_forward(m, x);
    tn_backward(tn_sum(tn_mul(y, y)));
    tn_tensor *g = tn_grad(w), *grad = tn_clone(g);
    CHECK(tn_module_to(m, .memory_format = TN_CHANNELS_LAST) && tn_get_parameter(m, "0.weight") == w && tn_equal(w, before));
    CHECK(tn_stride(w, 0) == 18 && tn_stride(w, 1) == 1 && tn_stride(w, 2) == 6 && tn_stride(w, 3) == 2);
    CHECK(tn_grad(w) == g && tn_equal(g, grad) && tn_is_contiguous(g, .memory_format = TN_CHANNELS_LAST) && tn_stride(b, 1) == 1);
    CHECK(tn_is_contiguous(tn_get_parameter(m, "0.bias")) && tn_get_dtype(w) == TN_FLOAT32);
    CHECK(tn_allclose(tn_forward(m, tn_contiguous(x, .memory_format = TN_CHANNELS_LAST)), y));
    const void *memory = tn_data(w);
    CHECK(tn_module_to(m, .memory_format = TN_CHANNELS_LAST) && tn_data(w) == memory && tn_module_to(m) && tn_data(w) == memory);
    CHECK(tn_module_to(m, TN_FLOAT64) && tn_stride(w, 1) == 1 && tn_module_to(m, TN_FLOAT32, TN_CONTIGUOUS_FORMAT));
    CHECK(tn_is_contiguous(w) && tn_stride(w, 0) == 18 && tn_is_contiguous(g) && tn_equal(w, before));
    CHECK(!tn_module_to(m, TN_FLOAT64, .memory_format = TN_CHANNELS_LAST_3D) && tn_get_dtype(w) == TN_FLOAT32);
    CHECK_ERROR(TN_ERR_SHAPE, "required rank 5 tensor to use channels_last_3d format");
    tn_module *solid = plain_module();
    tn_tensor *five = tn_parameter(tn_randn((2, 3, 2, 2, 2)));
    tn_module_set(solid, "w", five);
    CHECK(!tn_module_to(solid, .memory_format = TN_CHANNELS_LAST));
    CHECK_ERROR(TN_ERR_SHAPE, "required rank 4 tensor to use channels_last format");
    CHECK(tn_module_to(solid, .memory_format = TN_CHANNELS_LAST_3D) && tn_stride(five, 1) == 1 && tn_stride(five, 4) == 3);
    CHECK(!tn_module_to(tn_nn_lazy_conv2d(3, 3), .memory_format = TN_CHANNELS_LAST));
    CHECK_ERROR(TN_ERR_VALUE, "Attempted to use an uninitialized parameter in to");
}

static tn_tensor *counted(tn_tensor *g, void *data) {
    (void)g;
    ++*(int *)data;
    return NULL;
}

/* A module with a parameter that two fields share, and gradients. */
static outer *trained(void) {
    outer *m = outer_new();
    m->second->w = m->first->w;
    tn_backward(tn_sum(tn_forward(m, tn_ones((1, 2)))));
    return m;
}

static void overwriting(void) {
    TN_SCOPE;
    outer *m = trained();
    tn_tensor *w = m->w, *g = tn_grad(w), *shared = m->first->w, *mean = m->mean, *y = tn_forward(m, tn_ones((1, 2)));
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.5);
    HOLDS(137,
          "A flag of the process makes conversion put new Parameters with new gradients into the fields; the old objects keep data "
          "and gradients; what two fields share becomes two.");
    CHECK(!tn_get_overwrite_module_params_on_conversion() && tn_set_overwrite_module_params_on_conversion(true));
    CHECK(tn_get_overwrite_module_params_on_conversion() && tn_module_to(m, TN_FLOAT64));
    CHECK(m->w != w && tn_is_parameter(m->w) && tn_requires_grad(m->w) && tn_get_dtype(m->w) == TN_FLOAT64 && tn_check(m));
    CHECK(tn_get_dtype(w) == TN_FLOAT32 && tn_grad(w) == g && tn_get_dtype(g) == TN_FLOAT32);
    CHECK(tn_grad(m->w) && tn_grad(m->w) != g && tn_get_dtype(tn_grad(m->w)) == TN_FLOAT64 &&
          fabs(sum_of(tn_grad(m->w)) - sum_of(g)) < 1e-5);
    CHECK(m->first->w != shared && m->second->w != m->first->w && fabs(sum_of(m->second->w) - sum_of(shared)) < 1e-5);
    CHECK(m->mean == mean && tn_get_dtype(mean) == TN_FLOAT64);
    CHECK(!tn_optim_step(opt));
    CHECK_ERROR(TN_ERR_OWNERSHIP, "which was replaced in its module");
    double before = sum_of(g);
    CHECK(tn_backward(tn_sum(y)) && tn_grad(w) == g &&
          fabs(sum_of(g) - 2 * before) < 1e-5); /* an older graph trains the old objects */
    w = m->w, g = tn_grad(w);                   /* nothing to convert: new objects of the same memory */
    CHECK(tn_module_to(m, TN_FLOAT64) && m->w != w && tn_data(m->w) == tn_data(w) && tn_grad(m->w) == g);
    w = m->w;
    CHECK(tn_module_requires_grad_(m, false) && tn_module_to_empty(m) && m->w != w && !tn_requires_grad(m->w) &&
          tn_grad(m->w) != g);
    w = m->w;
    CHECK(tn_load_state_dict(m, tn_state_dict(m)) && m->w == w);
    CHECK(tn_set_overwrite_module_params_on_conversion(false) && tn_module_to(m, TN_FLOAT32) && m->w == w);
}

static void swapping(void) {
    TN_SCOPE;
    outer *m = trained();
    int calls = 0;
    tn_tensor *w = m->w, *g = tn_grad(w), *shared = m->first->w, *view;
    tn_register_hook(w, counted, &calls, NULL);
    HOLDS(138,
          "A flag of the process makes conversion keep the object and exchange what it is: views of it are refused by name, and a "
          "graph that was recorded before fails in backward.");
    CHECK(!tn_get_swap_module_params_on_conversion() && tn_set_swap_module_params_on_conversion(true));
    view = tn_detach(w);
    CHECK(tn_get_swap_module_params_on_conversion() && tn_module_to(m, TN_FLOAT64) && m->w == w &&
          tn_get_dtype(view) == TN_FLOAT32);
    CHECK(tn_grad(w) == g && tn_get_dtype(g) == TN_FLOAT64 && m->first->w == shared && m->second->w == shared && tn_check(m));
    CHECK(tn_backward(tn_sum(tn_mul(w, w))) && calls == 0); /* hooks went with what it was */
    view = tn_narrow(m->first->l->weight, 0, 0, 1);
    CHECK(!tn_module_to(m, TN_FLOAT32) && tn_get_dtype(w) == TN_FLOAT64);
    CHECK_ERROR(TN_ERR_RUNTIME,
                "_apply(): Couldn't swap Linear.weight: Expected use_count of t1 to be 1 or 2 with an AccumulateGrad node "
                "but got 3 make sure you are not holding references to the tensor in other places.");
    tn_free(view);
    view = tn_narrow(g, 0, 0, 1);
    CHECK(!tn_module_to(m, TN_FLOAT32) && tn_get_dtype(w) == TN_FLOAT64 && tn_grad(w) == g);
    CHECK_ERROR(TN_ERR_RUNTIME, "Couldn't swap outer.w.grad: Expected use_count of t1");
    tn_free(view);
    tn_tensor *y = tn_add(w, 1), *square = tn_mul(w, w);
    CHECK(!tn_module_to(m, TN_FLOAT32));
    CHECK_ERROR(TN_ERR_RUNTIME, "Couldn't swap outer.w: ");
    CHECK(tn_backward(tn_sum(square)) && tn_module_to(m, TN_FLOAT32) && !tn_backward(tn_sum(y)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "poisoned by swap_tensors");
    y = tn_add(w, 1); /* also when nothing is converted */
    CHECK(tn_module_to(m, TN_FLOAT32) && !tn_backward(tn_sum(y)));
    tn_clear_error();
    CHECK(tn_set_overwrite_module_params_on_conversion(true) && tn_module_to(m, TN_FLOAT64) && m->w == w); /* it goes first */
    tn_nn_linear *lazy = tn_nn_lazy_linear(3);
    CHECK(tn_module_to(lazy, TN_FLOAT64) && tn_is_lazy(lazy->weight) && tn_forward(lazy, tn_ones((1, 2), .dtype = TN_FLOAT64)));
    CHECK(tn_set_overwrite_module_params_on_conversion(false) && tn_set_swap_module_params_on_conversion(false));
    y = tn_add(w, 1);
    CHECK(tn_module_to(m, TN_FLOAT32) && tn_backward(tn_sum(y)));
}

int main(void) {
    RUN(order);
    RUN(modules);
    RUN(paths);
    RUN(whole_modules);
    RUN(conversion);
    RUN(formats);
    RUN(overwriting);
    RUN(swapping);
    return test_end();
}
