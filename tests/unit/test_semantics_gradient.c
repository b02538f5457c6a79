/* Gradients of Parameters, copying, printing and sharing them, Buffers: statements 45 to 73. */
#include "statement.h"
#include <sys/wait.h>
#include <unistd.h>

static void accumulation(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 3))), *idle = tn_parameter(tn_ones(2));
    HOLDS(45, "The first backward stores a plain tensor without history.");
    tn_backward(tn_sum(p));
    tn_tensor *g = tn_grad(p);
    CHECK(g && !tn_is_parameter(g) && !tn_requires_grad(g) && tn_grad_fn_name(g) == NULL && sum_of(g) == 6);
    HOLDS(46, "Later ones add into it in place: it stays the same object.");
    tn_backward(tn_sum(p));
    CHECK(tn_grad(p) == g && sum_of(g) == 12);
    HOLDS(47, "With create_graph it becomes a new tensor with a history, and the old one stays as it was.");
    tn_backward(tn_sum(tn_mul(p, p)), .create_graph = true);
    CHECK(tn_grad(p) != g && tn_grad_fn_name(tn_grad(p)) != NULL && sum_of(g) == 12 && sum_of(tn_grad(p)) == 24);
    CHECK(tn_version_counter(g) == 1); /* of the second backward */
    tn_set_grad(p, NULL);
    HOLDS(48, "A gradient that the program hands to backward is copied.");
    tn_tensor *seed = tn_ones((2, 3));
    tn_backward(p, .gradient = seed);
    tn_zero_(seed);
    CHECK(sum_of(tn_grad(p)) == 6 && tn_grad(p) != seed && tn_data(tn_grad(p)) != tn_data(seed));
    HOLDS(49, "A stored gradient lies in memory as its Parameter does when that is dense; an expanded one is stored row by row.");
    tn_tensor *turned = tn_parameter(tn_t(tn_ones((3, 2)))), *last = tn_parameter(tn_permute(tn_ones((2, 4, 4, 3)), (0, 3, 1, 2)));
    tn_backward(tn_sum(turned));
    tn_backward(tn_sum(tn_mul(last, 2)));
    CHECK(tn_stride(turned, 0) == 1 && tn_stride(tn_grad(turned), 0) == 1 && tn_stride(tn_grad(turned), 1) == 2);
    CHECK(tn_stride(last, 1) == 1 && tn_stride(tn_grad(last), 1) == 1 && tn_stride(tn_grad(last), 3) == 3);
    tn_tensor *wide = tn_parameter(tn_ones((2, 3)));
    tn_backward(wide, .gradient = tn_expand(tn_ones(1), (2, 3)));
    CHECK(tn_stride(tn_grad(wide), 0) == 3 && tn_stride(tn_grad(wide), 1) == 1);
    HOLDS(50, "A Parameter that took no part has no gradient, not zeros.");
    CHECK(tn_grad(idle) == NULL);
    HOLDS(51, "backward of several elements wants a gradient, of what has no graph or of a freed graph fails; of a scalar leaf it "
              "gives 1.");
    CHECK(!tn_backward(p));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "grad can be implicitly created only for scalar outputs");
    CHECK(!tn_backward(tn_ones(1)));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "element 0 of tensors does not require grad and does not have a grad_fn");
    tn_tensor *loss = tn_sum(tn_mul(p, p)), *scalar = tn_parameter(tn_scalar_tensor(5.0));
    tn_backward(loss);
    CHECK(!tn_backward(loss));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "Trying to backward through the graph a second time");
    CHECK(tn_backward(scalar) && tn_item(tn_grad(scalar)) == 1);
    CHECK(tn_backward(scalar) && tn_item(tn_grad(scalar)) == 2); /* a leaf has no graph that could be freed */
    CHECK(tn_backward(tn_sum(tn_add(p, 1)), .retain_graph = true));
}

static void setting_grad(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(3));
    HOLDS(52, "A gradient may be set: nothing clears it; another shape or dtype, the Parameter itself, or no tensor are refused.");
    tn_tensor *given = tn_ones(3);
    CHECK(tn_set_grad(p, tn_ones(3)) && tn_grad(p) && tn_set_grad(p, NULL) && tn_grad(p) == NULL);
    CHECK(tn_set_grad(p, given) && tn_grad(p) == given);
    CHECK(!tn_set_grad(p, tn_ones(2)));
    CHECK_ERROR(TN_ERR_SHAPE, "attempting to assign a gradient of size '[2]' to a tensor of size '[3]'");
    CHECK(!tn_set_grad(p, tn_ones(3, .dtype = TN_FLOAT64)));
    CHECK_ERROR(TN_ERR_DTYPE, "attempting to assign a gradient with dtype '");
    CHECK(!tn_set_grad(p, p));
    CHECK_ERROR(TN_ERR_RUNTIME, "can't assign Variable as its own grad");
    CHECK(!tn_set_grad(p, (tn_tensor *)(void *)tn_state_new()));
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor");
    CHECK(tn_grad(p) == given); /* what is refused changes nothing */
    CHECK_STR(tn_status_exception(TN_ERR_DTYPE), "RuntimeError");
    CHECK_STR(tn_status_exception(TN_ERR_SHAPE), "RuntimeError");
}

static bool doubles_forward(tn_function *fn, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k) {
    (void)fn, (void)n, (void)k;
    return (out[0] = tn_mul(in[0], 2)) != NULL;
}
static bool doubles_backward(tn_function *fn, tn_tensor *const dout[], size_t k, tn_tensor *din[], size_t n) {
    (void)fn, (void)k, (void)n;
    return (din[0] = tn_mul(tn_to(dout[0], TN_FLOAT64), 2)) != NULL;
}
TN_FUNCTION(doubles, .forward = doubles_forward, .backward = doubles_backward);

static tn_tensor *to_float(tn_tensor *g, void *data) {
    *(tn_dtype *)data = tn_get_dtype(g);
    return tn_to(g, TN_FLOAT32);
}

static tn_dtype dtype_of_grad(tn_tensor *x) { return tn_get_dtype(tn_grad(x)); }

static void grad_dtype(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(3)), *plain = tn_requires_grad_(tn_ones(3), true), *g = NULL;
    HOLDS(53, "grad_dtype is the tensor's dtype unless set: to another dtype, which gradients then have and add up in, or to none, "
              "so that "
              "any may be assigned.");
    CHECK(tn_grad_dtype(p) == TN_FLOAT32 && tn_grad_dtype(tn_arange(3)) == TN_INT64 && tn_set_grad_dtype(p, TN_FLOAT64));
    CHECK(tn_grad_dtype(p) == TN_FLOAT64 && !tn_set_grad(p, tn_ones(3)));
    CHECK_ERROR(TN_ERR_DTYPE,
                "attempting to assign a gradient with dtype 'float' to a tensor with grad_dtype 'Double'. The gradient must "
                "match the tensor's grad_dtype (defaults to the tensor's dtype). You can set");
    CHECK(tn_backward(tn_sum(p)) && dtype_of_grad(p) == TN_FLOAT64 && (g = tn_grad(p)) && tn_backward(tn_sum(tn_mul(p, 0.1))));
    CHECK(tn_grad(p) == g && fabs(tn_item(tn_select(g, 0, 0)) - (1 + (double)0.1f)) < 1e-15);
    CHECK(!tn_set_grad_dtype(p, TN_FLOAT32));
    CHECK_ERROR(TN_ERR_RUNTIME,
                "Cannot set grad_dtype to 'Float' because there is already a gradient with dtype 'double'. Please clear the "
                "gradient (.grad = None) before changing grad_dtype, or ensure the new grad_dtype matches");
    CHECK(tn_set_grad_dtype(p, TN_DTYPE_NONE) && tn_grad_dtype(p) == TN_DTYPE_NONE &&
          tn_set_grad(p, tn_ones(3, .dtype = TN_FLOAT16)));
    CHECK(tn_backward(tn_sum(tn_mul(p, 0.5))) && dtype_of_grad(p) == TN_FLOAT16 && sum_of(tn_grad(p)) == 4.5);
    CHECK(tn_set_grad(p, NULL) && tn_backward(tn_sum(tn_apply(&doubles, NULL, p))) && dtype_of_grad(p) == TN_FLOAT64);
    CHECK(tn_backward(tn_sum(p)) && dtype_of_grad(p) == TN_FLOAT64 && sum_of(tn_grad(p)) == 9);
    CHECK(tn_backward(tn_sum(tn_apply(&doubles, NULL, plain))) && dtype_of_grad(plain) == TN_FLOAT32);
    tn_set_grad(p, NULL), tn_set_grad_dtype(p, TN_FLOAT64); /* two paths, a leaf as root, autograd.grad, a history */
    CHECK(tn_backward(tn_sum(tn_add(p, tn_mul(p, 0.5)))) && tn_backward(p, .gradient = tn_ones(3)) && sum_of(tn_grad(p)) == 7.5);
    CHECK(tn_get_dtype(tn_autograd_grad(tn_sum(p), p)) == TN_FLOAT64 && tn_set_grad(p, NULL));
    CHECK(tn_backward(tn_sum(tn_mul(p, p)), .create_graph = true) && dtype_of_grad(p) == TN_FLOAT64 && tn_grad_fn_name(tn_grad(p)));
    CHECK(tn_backward(tn_sum(tn_grad(p))) && sum_of(tn_grad(p)) == 12);
    tn_tensor *turned = tn_parameter(tn_t(tn_ones((3, 2)))), *y = tn_sum(turned);
    CHECK(tn_set_grad_dtype(turned, TN_FLOAT16) && tn_backward(y) && dtype_of_grad(turned) == TN_FLOAT16); /* set after the graph */
    CHECK(tn_stride(tn_grad(turned), 0) == 1 && tn_set_grad(turned, NULL));
    tn_dtype seen = TN_DTYPE_NONE;
    TN_HOOK_SCOPE(tn_register_hook(turned, to_float, &seen, NULL));
    CHECK(!tn_backward(tn_sum(turned)) && seen == TN_FLOAT16 && tn_grad(turned) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "has changed the type of value");
    tn_tensor *sum = tn_mul(p, 2);
    CHECK(tn_grad_dtype(sum) == TN_DTYPE_NONE);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "grad_dtype can only be accessed on leaf tensors.");
    CHECK(!tn_set_grad_dtype(sum, TN_FLOAT64));
    CHECK_ERROR(TN_ERR_AUTOGRAD, "grad_dtype can only be set on leaf tensors.");
}

static void grad_dtype_of_others(void) {
    TN_SCOPE;
    statement(53);
    tn_tensor *p = tn_parameter(tn_ones(3)), *plain = tn_requires_grad_(tn_ones(3), true), *lazy = tn_uninitialized_parameter();
    CHECK(tn_set_grad_dtype(p, TN_FLOAT64) && tn_grad_dtype(tn_deepcopy(p)) == TN_FLOAT32 &&
          tn_grad_dtype(tn_parameter(p)) == TN_FLOAT32);
    CHECK(tn_grad_dtype(tn_detach(p)) == TN_FLOAT32 && tn_set_data(p, tn_ones(3, .dtype = TN_FLOAT16)) &&
          tn_grad_dtype(p) == TN_FLOAT64);
    CHECK(tn_set_grad_dtype(plain, TN_FLOAT64) && tn_backward(tn_sum(plain)) && tn_deepcopy(plain) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "attempting to assign a gradient with dtype 'double' to a tensor with grad_dtype 'Float'");
    CHECK(tn_set_grad_dtype(lazy, TN_FLOAT64) && tn_materialize(lazy, 2) && tn_backward(tn_sum(lazy)) &&
          dtype_of_grad(lazy) == TN_FLOAT64);
    CHECK(tn_set_grad(lazy, NULL) && tn_swap_tensors(p, lazy) && tn_grad_dtype(lazy) == TN_FLOAT64);
    tn_nn_linear *l = tn_nn_linear(2, 2); /* conversion converts both; the next gradient is added to what there is */
    CHECK(tn_set_grad_dtype(l->weight, TN_FLOAT64) && tn_backward(tn_sum(tn_forward(l, tn_ones((1, 2))))));
    CHECK(tn_module_to(l, TN_FLOAT16) && dtype_of_grad(l->weight) == TN_FLOAT16 && tn_grad_dtype(l->weight) == TN_FLOAT64);
    CHECK(tn_backward(tn_sum(tn_forward(l, tn_ones((1, 2), .dtype = TN_FLOAT16)))) && sum_of(tn_grad(l->weight)) == 8);
    tn_tensor *whole = tn_parameter(tn_ones(3)), *other = tn_parameter(tn_full(2, 1.0));
    CHECK(tn_set_grad_dtype(whole, TN_INT64) && tn_set_grad(whole, tn_arange(3)) && tn_set_grad(whole, NULL));
    CHECK(!tn_backward(tn_sum(tn_mul(whole, 2.5))) && tn_grad(whole) == NULL);
    CHECK_ERROR(TN_ERR_DTYPE, "a gradient cannot be of torch.int64");
    /* p -= lr * g in the wider dtype, rounded once; a buffer of that dtype; Adam refuses */
    tn_optim *sgd = tn_optim_sgd(tn_tensors_new(&other, 1), .lr = 0.1, .momentum = 0.9);
    CHECK(tn_set_grad_dtype(other, TN_FLOAT64) && tn_set_grad(other, tn_full(2, 0.3, .dtype = TN_FLOAT64)));
    CHECK(tn_optim_step(sgd) && tn_optim_step(sgd) && (float)tn_item(tn_select(other, 0, 0)) == 0.9130000472068787f);
    CHECK(tn_set_grad(other, NULL) && tn_set_grad_dtype(other, TN_FLOAT32) && tn_set_grad(other, tn_zeros(2)) &&
          tn_optim_step(sgd));
    CHECK(fabs(tn_item(tn_select(other, 0, 1)) - (0.913 - 0.1 * 0.9 * 0.57)) < 1e-6);
    CHECK(tn_set_grad(other, NULL) && tn_set_grad_dtype(other, TN_FLOAT16) && tn_set_grad(other, tn_ones(2, .dtype = TN_FLOAT16)));
    CHECK(!tn_optim_step(tn_optim_adam(tn_tensors_new(&other, 1))));
    CHECK_ERROR(TN_ERR_DTYPE, "is of torch.float32, but its gradient of torch.float16");
}

static int warnings;
static void count_warning(const char *message, void *data) {
    (void)data;
    warnings += strstr(message, "not a leaf Tensor") != NULL;
}

static tn_tensor *twice(tn_tensor *g, void *data) {
    strcat(data, "twice ");
    return tn_mul(g, 2);
}
static tn_tensor *plus(tn_tensor *g, void *data) {
    strcat(data, "plus ");
    return tn_add(g, 1);
}
static tn_tensor *shorter(tn_tensor *g, void *data) {
    (void)data;
    return tn_select(g, 0, 0);
}
static tn_tensor *no_tensor(tn_tensor *g, void *data) {
    (void)g, (void)data;
    return (tn_tensor *)(void *)tn_state_new();
}
static void see_sum(tn_tensor *leaf, void *data) { *(double *)data = sum_of(tn_grad(leaf)); }

static void hooks_of_tensors(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2)), *y = tn_mul(p, 3);
    HOLDS(54, "The gradient of a computed tensor reads as nothing, with a warning, unless it is retained.");
    tn_set_warning_handler(count_warning, NULL);
    CHECK(tn_grad(y) == NULL && warnings == 1);
    tn_tensor *kept = tn_mul(p, 3);
    tn_retain_grad(kept);
    tn_backward(tn_sum(kept));
    CHECK(tn_grad(kept) != NULL && warnings == 1);
    tn_set_warning_handler(NULL, NULL);
    HOLDS(55, "A float16 Parameter gets a float16 gradient.");
    tn_tensor *half = tn_parameter(tn_to(tn_ones(2), TN_FLOAT16));
    CHECK(tn_backward(tn_sum(half)) && tn_get_dtype(tn_grad(half)) == TN_FLOAT16);
    HOLDS(56, "Hooks run in the order of registration, each on what the one before left; another shape or kind is refused.");
    char seen[100] = "";
    tn_tensor *q = tn_parameter(tn_ones(2));
    tn_register_hook(q, twice, seen, NULL);
    tn_register_hook(q, plus, seen, NULL);
    tn_backward(tn_sum(q));
    CHECK_STR(seen, "twice plus ");
    CHECK(sum_of(tn_grad(q)) == 6);
    tn_tensor *r = tn_parameter(tn_ones(2)), *s = tn_parameter(tn_ones(2));
    tn_register_hook(r, shorter, NULL, NULL);
    CHECK(!tn_backward(tn_sum(r)));
    CHECK_ERROR(TN_ERR_SHAPE, "has changed the size of value");
    tn_register_hook(s, no_tensor, NULL, NULL);
    CHECK(!tn_backward(tn_sum(s)));
    CHECK_ERROR(TN_ERR_TYPE, "must be a tensor, not a state");
    CHECK(tn_grad(r) == NULL && tn_grad(s) == NULL);
    HOLDS(57, "A hook after the accumulation sees the accumulated value; a computed tensor has none.");
    double sum = 0;
    tn_register_post_accumulate_grad_hook(q, see_sum, &sum, NULL);
    tn_backward(tn_sum(q));
    CHECK(sum == 12);
    CHECK(tn_register_post_accumulate_grad_hook(tn_mul(q, 2), see_sum, &sum, NULL) == NULL);
    CHECK_ERROR(TN_ERR_AUTOGRAD, "post accumulate grad hooks cannot be registered on non-leaf tensors");
    CHECK(sum_of(tn_grad(q)) == 12);
}

/* ---- copies, text ---- */

static void copies(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_full((2, 3), 2.0)), *frozen = tn_parameter(tn_ones(2), false);
    tn_backward(tn_sum(p));
    HOLDS(58, "A deep copy is a new Parameter with the values and the flag, without the gradient.");
    tn_tensor *copy = tn_deepcopy(p);
    CHECK(copy != p && tn_is_parameter(copy) && tn_requires_grad(copy) && tn_equal(copy, p) && tn_data(copy) != tn_data(p));
    CHECK(tn_grad(copy) == NULL && tn_grad(p) != NULL && !tn_requires_grad(tn_deepcopy(frozen)));
    HOLDS(59, "That of a dense transposed one keeps its strides, that of a strided slice becomes contiguous.");
    tn_tensor *turned = tn_deepcopy(tn_parameter(tn_t(tn_ones((3, 2))))), *slice = tn_parameter(tn_select(tn_ones((4, 4)), 1, 2));
    CHECK(tn_stride(turned, 0) == 1 && tn_stride(turned, 1) == 2 && tn_stride(slice, 0) == 4);
    CHECK(tn_stride(tn_deepcopy(slice), 0) == 1 && sum_of(tn_deepcopy(slice)) == 4);
    HOLDS(60, "A container that holds a Parameter twice is copied with one copy twice.");
    tn_tensors *pair = tn_deepcopy(tn_tensors_new((tn_tensor *[]){p, p}, 2));
    CHECK(tn_tensors_get(pair, 0) == tn_tensors_get(pair, 1) && tn_tensors_get(pair, 0) != p);
    HOLDS(61, "Two Parameters over one memory are copied apart; two plain tensors keep sharing.");
    tn_tensor *base = tn_arange(6, .dtype = TN_FLOAT32), *half = tn_slice(base, 0, 3, 6, 1);
    tn_tensors *marked = tn_deepcopy(tn_tensors_new((tn_tensor *[]){tn_parameter(base), tn_parameter(half)}, 2));
    tn_tensors *plain = tn_deepcopy(tn_tensors_new((tn_tensor *[]){base, half}, 2));
    CHECK(tn_data_f32(tn_tensors_get(marked, 1)) != tn_data_f32(tn_tensors_get(marked, 0)) + 3);
    CHECK(tn_data_f32(tn_tensors_get(plain, 1)) == tn_data_f32(tn_tensors_get(plain, 0)) + 3 &&
          sum_of(tn_tensors_get(plain, 1)) == 12);
    IN_C(62,
         "copy.copy gives a new Parameter over the same memory, without the gradient, with the attributes that a program added.",
         "tn_parameter(p, tn_requires_grad(p)); objects of C have no attributes that a program could add.");
    tn_tensor *shallow = tn_parameter(frozen, tn_requires_grad(frozen)), *other = tn_parameter(p, tn_requires_grad(p));
    CHECK(shallow != frozen && tn_data(shallow) == tn_data(frozen) && !tn_requires_grad(shallow) && tn_is_parameter(shallow));
    CHECK(tn_data(other) == tn_data(p) && tn_grad(other) == NULL && tn_grad(p) != NULL);
    HOLDS(63, "A tensor with a history cannot be deep copied.");
    CHECK(tn_deepcopy(tn_mul(p, 2)) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME,
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.");
}

static void text(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones(2));
    HOLDS(64, "A Parameter prints as a line that says so, then as the tensor.");
    CHECK_STR(tn_to_string(p), "Parameter containing:\ntensor([1., 1.], requires_grad=True)");
    CHECK_STR(tn_to_string(tn_parameter(tn_ones(2), false)), "Parameter containing:\ntensor([1., 1.])");
    HOLDS(65, "A list prints each of its Parameters that way.");
    CHECK_STR(tn_to_string(tn_tensors_new((tn_tensor *[]){p, p}, 2)),
              "[Parameter containing:\ntensor([1., 1.], requires_grad=True), Parameter containing:\ntensor([1., 1.], "
              "requires_grad=True)]");
    CHECK_STR(tn_to_string(tn_tensors_new((tn_tensor *[]){p, tn_ones(1)}, 2)),
              "[Parameter containing:\ntensor([1., 1.], requires_grad=True), tensor([1.])]");
    HOLDS(66, "An uninitialized one prints its kind.");
    CHECK_STR(tn_to_string(tn_uninitialized_parameter()), "<UninitializedParameter>");
    IN_C(67, "share_memory_() moves the memory to where other processes see it, and returns the object.",
         "It is refused while other tensors use the same memory, since these would keep the old one.");
    tn_tensor *own = tn_clone(p), *view = tn_select(own, 0, 0);
    CHECK(tn_share_memory_(own) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "other tensors use the memory of this one");
    tn_tensor *shared = tn_full(2, 3.0);
    uint32_t version = tn_version_counter(shared);
    CHECK(tn_share_memory_(shared) == shared && tn_is_shared(shared) && tn_share_memory_(shared) == shared && !tn_is_shared(view));
    CHECK(sum_of(shared) == 6 && tn_version_counter(shared) == version);
    pid_t child = fork();
    if (child == 0) {
        tn_fill_(shared, 5);
        _exit(tn_error() != TN_OK);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0 && sum_of(shared) == 10);
    NOT_IN_C(68, "Pickling keeps data, flag, class and the attributes that a program added, but no backward hooks.",
             "Python's way to store objects; files of tensors are tn_save and tn_load. Parameters of the Python package can be "
             "pickled.");
}

/* ---- Buffer ---- */

typedef struct {
    tn_module module;
    tn_tensor *a, *b, *w;
} holder;
static tn_tensor *holder_forward(holder *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(holder, holder_forward, a, b, w);

static void buffers(void) {
    TN_SCOPE;
    tn_tensor *t = tn_requires_grad_(tn_ones(2), true), *b = tn_buffer(t);
    holder *m = tn_new(holder);
    HOLDS(69, "A Buffer is a plain tensor over the same memory with the same flag and two marks: buffer, and persistent unless "
              "told otherwise.");
    CHECK(tn_is_buffer(b) && !tn_is_parameter(b) && tn_data(b) == tn_data(t) && tn_requires_grad(b) &&
          !tn_requires_grad(tn_buffer(tn_ones(1))));
    m->a = tn_buffer(tn_ones(1));
    m->b = tn_buffer(tn_ones(1), .persistent = false);
    CHECK(tn_is_persistent(m->a) && !tn_is_persistent(m->b));
    CHECK_STR(state_names(tn_state_dict(m)), "a ");
    CHECK_STR(walk_names(tn_named_buffers(m)), "a b ");
    tn_fill_(tn_detach(b), 3);
    CHECK(sum_of(t) == 6 && !tn_is_buffer(t));
    HOLDS(70, "A tensor without the mark that sits in a buffer's place has no mark.");
    CHECK(tn_module_register_buffer(m, "extra", tn_ones(1)) && !tn_is_buffer(tn_get_buffer(m, "extra")));
    CHECK_STR(walk_names(tn_named_buffers(m)), "a b extra ");
    HOLDS(71, "A Buffer of nothing is empty, of shape (0); its text is that of any tensor.");
    tn_tensor *empty = tn_buffer((tn_tensor *)NULL);
    CHECK(tn_is_buffer(empty) && tn_ndim(empty) == 1 && tn_numel(empty) == 0 && tn_get_dtype(empty) == TN_FLOAT32);
    CHECK_STR(tn_to_string(empty), "tensor([])");
    CHECK_STR(tn_to_string(tn_buffer(tn_ones(2))), "tensor([1., 1.])");
    HOLDS(72,
          "A buffer may require grad, and what is registered as one may have a history, which a Buffer drops; requires_grad_ of a "
          "module leaves buffers alone.");
    tn_tensor *computed = tn_mul(t, 2), *cut = tn_buffer(computed);
    CHECK(tn_requires_grad(cut) && tn_is_leaf(cut) && tn_grad_fn_name(cut) == NULL && tn_data(cut) == tn_data(computed));
    CHECK(tn_module_register_buffer(m, "computed", computed) && tn_get_buffer(m, "computed") == computed);
    CHECK(tn_grad_fn_name(tn_get_buffer(m, "computed")) && tn_module_requires_grad_(m, false) && tn_requires_grad(computed));
    CHECK(tn_module_delete(m, "computed"));
    m->w = tn_parameter(tn_ones(1));
    CHECK(tn_module_requires_grad_(m, false) && !tn_requires_grad(m->w) && !tn_requires_grad(m->a));
    CHECK(tn_module_requires_grad_(m, true) && tn_requires_grad(m->w) && !tn_requires_grad(m->a));
    HOLDS(73, "A Parameter that is registered as a buffer is listed as a buffer only.");
    tn_tensor *p = tn_parameter(tn_ones(3));
    CHECK(tn_module_register_buffer(m, "odd", p));
    CHECK_STR(walk_names(tn_named_buffers(m)), "a b extra odd ");
    CHECK_STR(walk_names(tn_named_parameters(m)), "w ");
    m->a = NULL;
    CHECK(tn_module_register_buffer(m, "a", p));
    CHECK_STR(walk_names(tn_named_parameters(m)), "w ");
    CHECK_STR(state_names(tn_state_dict(m)), "w a extra odd ");
}

int main(void) {
    RUN(accumulation);
    RUN(setting_grad);
    RUN(grad_dtype);
    RUN(grad_dtype_of_others);
    RUN(hooks_of_tensors);
    RUN(copies);
    RUN(text);
    RUN(buffers);
    return test_end();
}
