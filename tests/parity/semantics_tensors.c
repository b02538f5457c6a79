/* Statements 1 to 73: Parameters and Buffers as tensors; semantics_tensors.py observes the same of PyTorch. */
#include "observe.h"
#include <stdarg.h>

static const char *text(const char *format, ...) {
    static char out[500];
    va_list list;
    va_start(list, format);
    vsnprintf(out, sizeof out, format, list);
    va_end(list);
    return out;
}
/* Of an error whose text has more before and after. */
static void error_from(int n, const char *begin, const char *end) {
    const char *at = strstr(tn_error_message(), begin);
    size_t length = at ? (*end && strstr(at, end) ? (size_t)(strstr(at, end) - at) : strlen(at)) : 0;
    say(n, text("%s: %.*s", tn_status_exception(tn_error()), (int)length, at ? at : ""));
    tn_clear_error();
}
#define P tn_parameter(tn_ones(2))

static void building(void) {
    TN_SCOPE;
    tn_tensor *t = tn_ones((2, 3)), *asks = tn_requires_grad_(tn_ones(2), true), *p = tn_parameter(t);
    say(2,
        text("%d %d %d", tn_requires_grad(p), tn_requires_grad(tn_parameter(asks)), tn_requires_grad(tn_parameter(asks, false))));
    say(3, text("%d", tn_requires_grad(t)));
    tn_tensor *part = tn_slice(tn_t(tn_full((3, 4), 1.0)), 0, 1, 4, 2), *of_part = tn_parameter(part);
    say(4, text("%d %d %d %d %d %d", tn_data(of_part) == tn_data(part), (int)tn_storage_offset(of_part), (int)tn_size(of_part, 0),
                (int)tn_size(of_part, 1), (int)tn_stride(of_part, 0), (int)tn_stride(of_part, 1)));
    {
        TN_NO_GRAD;
        tn_fill_(part, 3), sayf(4, sum(of_part)), tn_fill_(of_part, 4), sayf(4, sum(part));
        tn_add_(p, 1), say(5, text("%d %d", (int)tn_version_counter(p), (int)tn_version_counter(t)));
        say(16, text("%d", tn_requires_grad(tn_parameter(tn_ones(1)))));
    }
    tn_tensor *computed = tn_mul(asks, 2), *leaf = tn_parameter(computed);
    say(6, text("%d %d %d %d", tn_is_leaf(leaf), tn_grad_fn_name(leaf) == NULL, tn_grad(leaf) == NULL,
                tn_data(leaf) == tn_data(computed)));
    tn_tensor *again = tn_parameter(p);
    say(7, text("%d %d %d", again == p, tn_is_parameter(again), tn_data(again) == tn_data(p)));
    say(8, text("%d", tn_requires_grad(tn_parameter(tn_parameter(t, false)))));
    say(9, tn_to_string(tn_parameter((tn_tensor *)NULL)));
    say(9, text("%d %d", (int)tn_ndim(tn_parameter((tn_tensor *)NULL)), (int)tn_size(tn_parameter((tn_tensor *)NULL, false), 0)));
    tn_parameter(tn_gt(tn_ones(2), 0)), error(10);
    const tn_dtype dtypes[] = {TN_FLOAT16, TN_BFLOAT16, TN_FLOAT32, TN_FLOAT64, TN_COMPLEX64, TN_COMPLEX128};
    for (size_t i = 0; i < 6; i++) say(12, tn_to_string(tn_parameter(tn_zeros(2, .dtype = dtypes[i]))));
}

static void inference(void) {
    TN_SCOPE;
    tn_tensor *outside = tn_ones(2), *inside, *wrapped, *plain;
    {
        TN_INFERENCE_MODE;
        inside = tn_parameter(tn_ones(2)), wrapped = tn_parameter(outside), plain = tn_ones(2);
        say(17, text("%d %d", tn_requires_grad(inside), tn_is_leaf(inside)));
    }
    tn_tensor *asks = tn_requires_grad_(tn_ones(2), true), *twice[] = {inside, inside},
              *beside[] = {tn_add(asks, inside), tn_add(inside, tn_ones(2))};
    tn_tensor *alone[] = {tn_mul(inside, inside),
                          tn_add(inside, inside),
                          tn_exp(plain),
                          tn_sum(inside),
                          tn_softmax(inside, 0),
                          tn_detach(inside),
                          tn_t(inside),
                          tn_clone(inside),
                          tn_to(inside, TN_FLOAT64),
                          tn_mul(inside, 2),
                          tn_clone(plain),
                          tn_mul(plain, 2),
                          tn_mse_loss(inside, plain),
                          tn_cat(twice, 2),
                          tn_linear(tn_reshape(plain, (1, 2)), tn_reshape(inside, (1, 2)), NULL)};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) say(17, text("%d", tn_requires_grad(alone[i])));
    say(17, text("%d %d", tn_requires_grad(beside[0]), tn_requires_grad(beside[1])));
    tn_mul(asks, inside), error(17), tn_mul(asks, plain), error(17), tn_mul(inside, asks), error(17);
    tn_zero_(inside), error_from(21, "Inplace", ".You can make");
    {
        TN_NO_GRAD;
        tn_add_(wrapped, 1), sayf(18, sum(outside));
        tn_add_(inside, 1), error_from(21, "Inplace", ".You can make");
    }
    tn_parameter(plain), error(19);
    say(19, tn_to_string(tn_parameter(plain, false)));
    tn_backward(tn_sum(tn_mul(inside, 3))), say(20, tn_to_string(tn_grad(inside)));
    tn_tensor *none = tn_grad(wrapped);
    tn_backward(tn_sum(wrapped)), say(20, text("%d %g", none == NULL, sum(tn_grad(wrapped))));
}

static tn_tensor *same(tn_tensor *g, void *data) {
    (void)data;
    return g;
}
static void used(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 2)));
    tn_tensor *made[] = {tn_clone(p),    tn_add(p, 1), tn_select(p, 0, 0), tn_view(p, 4), tn_to(p, TN_FLOAT64), tn_detach(p),
                         tn_get_data(p), tn_t(p),      tn_neg(p)};
    for (int i = 0; i < 9; i++) say(24, text("%d %d", tn_is_parameter(made[i]), tn_requires_grad(made[i])));
    say(25, text("%d %d %d", tn_to(p, TN_FLOAT32) == p, tn_contiguous(p) == p, tn_clone(p) == p));
    say(26, tn_to_string(tn_zeros_like(p)));
    tn_add_(p, 1), error(27);
    tn_mul_(tn_select(p, 0, 0), 2), error(27);
    say(27, text("%d", (int)tn_version_counter(p)));
    {
        TN_NO_GRAD;
        tn_add_(p, 1), tn_zero_(tn_select(p, 0, 0)), say(28, tn_to_string(p));
    }
    tn_requires_grad_(p, false), tn_add_(p, 1), tn_requires_grad_(p, true), say(29, tn_to_string(p));
    say(30, text("%d", tn_requires_grad_(p, true) == p));
    tn_requires_grad_(tn_mul(p, 2), false), error(32);
    tn_backward(tn_sum(p)), tn_requires_grad_(p, false), say(33, text("%d %g", tn_grad(p) != NULL, sum(tn_grad(p))));
    tn_tensor *q = P, *twin = tn_parameter(q);
    say(34, tn_to_string(tn_eq(q, twin)));
    sayf(35, tn_item(tn_parameter(tn_full(1, 2.5))));
    tn_register_hook(tn_ones(1), same, NULL, NULL), error(36);
    tn_retain_grad(tn_ones(1)), error(36);
    say(36, text("%d", tn_retain_grad(q)));
    tn_tensor *data = tn_get_data(q), *cut = tn_detach(q);
    say(37, text("%d %d %d", tn_requires_grad(data), tn_data(data) == tn_data(q), tn_is_parameter(data)));
    say(37, text("%d %d %d", tn_requires_grad(cut), tn_data(cut) == tn_data(q), tn_is_parameter(cut)));
    tn_tensor *loss = tn_sum(tn_mul(q, q));
    tn_mul_(tn_get_data(q), 10), tn_backward(loss), say(39, tn_to_string(tn_grad(q)));
    loss = tn_sum(tn_mul(q, q));
    {
        TN_NO_GRAD;
        tn_add_(q, 1);
    }
    tn_backward(loss), error_from(39, "one of the", " Hint");
    say(39, tn_to_string(tn_grad(q)));
}

static tn_tensor *twice(tn_tensor *g, void *data) {
    (void)data;
    return tn_mul(g, 2);
}
static void data(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 3))), *x = tn_t(tn_full((4, 5), 2, .dtype = TN_FLOAT64));
    tn_register_hook(p, twice, NULL, NULL);
    tn_backward(tn_sum(p));
    tn_set_data(p, x), say(40, tn_to_string(p));
    say(40, text("%d %d %d %d", (int)tn_stride(p, 0), (int)tn_stride(p, 1), tn_is_leaf(p), tn_data(p) == tn_data(x)));
    tn_set_grad(p, NULL), tn_backward(tn_sum(p)), sayf(40, sum(tn_grad(p)));
    tn_set_data(p, tn_gt(tn_ones(2), 0)), error(42);
    tn_tensor *frozen = tn_parameter(tn_ones(2), false);
    tn_set_data(frozen, tn_arange(3)), say(42, tn_to_string(frozen));
    tn_set_data(p, tn_full(2, 1, .dtype = TN_FLOAT16)), say(42, tn_to_string(p));
    tn_set_data(p, tn_mul(tn_requires_grad_(tn_ones(3), true), 2)), say(43, tn_to_string(p));
    tn_tensor *q = tn_parameter(tn_ones((2, 3)));
    tn_backward(tn_sum(q)), tn_set_data(q, tn_ones(4)), say(44, tn_to_string(tn_grad(q)));
    tn_backward(tn_sum(q)), say(44, tn_status_exception(tn_error())), tn_clear_error();
}

static void see(tn_tensor *leaf, void *d) {
    (void)d;
    sayf(57, sum(tn_grad(leaf)));
}
static tn_tensor *shorter(tn_tensor *g, void *d) {
    (void)d;
    return tn_select(g, 0, 0);
}
static void gradients(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_ones((2, 3))), *idle = P;
    tn_backward(tn_sum(p));
    tn_tensor *g = tn_grad(p);
    say(45, tn_to_string(g)), say(45, text("%d %d", tn_is_parameter(g), tn_requires_grad(g)));
    tn_backward(tn_sum(p)), say(46, text("%d %g", tn_grad(p) == g, sum(g)));
    tn_backward(tn_sum(tn_mul(p, p)), .create_graph = true);
    say(47, text("%d %g %g %s", tn_grad(p) == g, sum(g), sum(tn_grad(p)), tn_grad_fn_name(tn_grad(p))));
    tn_set_grad(p, NULL);
    tn_tensor *seed = tn_ones((2, 3));
    tn_backward(p, .gradient = seed), tn_zero_(seed), sayf(48, sum(tn_grad(p)));
    tn_tensor *last = tn_parameter(tn_permute(tn_ones((2, 4, 4, 3)), (0, 3, 1, 2))), *wide = tn_parameter(tn_ones((2, 3)));
    tn_backward(tn_sum(tn_mul(last, 2))), tn_backward(wide, .gradient = tn_expand(tn_ones(1), (2, 3)));
    const int64_t *s = tn_strides(tn_grad(last));
    say(49, text("%d %d %d %d", (int)s[0], (int)s[1], (int)s[2], (int)s[3]));
    say(49, text("%d %d", (int)tn_stride(tn_grad(wide), 0), (int)tn_stride(tn_grad(wide), 1)));
    say(50, text("%d", tn_grad(idle) == NULL));
    tn_backward(tn_ones(1)), error(51);
    tn_tensor *scalar = tn_parameter(tn_scalar_tensor(5.0));
    tn_backward(scalar), say(51, tn_to_string(tn_grad(scalar)));
    tn_tensor *r = tn_parameter(tn_ones(3));
    tn_set_grad(r, tn_ones(3)), tn_set_grad(r, NULL), say(52, text("%d", tn_grad(r) == NULL));
    tn_set_grad(r, tn_ones(2)), error(52);
    tn_set_grad(r, tn_ones(3, .dtype = TN_FLOAT64)), error(52);
    tn_tensor *made = tn_mul(r, 3);
    (void)tn_grad(made), say(54, *last_warning ? "warned" : ""), last_warning[0] = 0;
    tn_retain_grad(made), tn_backward(tn_sum(made)), say(54, tn_to_string(tn_grad(made))), warned(54);
    tn_tensor *half = tn_parameter(tn_to(tn_ones(2), TN_FLOAT16));
    tn_backward(tn_sum(half)), say(55, tn_to_string(tn_grad(half)));
    tn_tensor *odd = P;
    tn_register_hook(odd, shorter, NULL, NULL), tn_backward(tn_sum(odd)), error_from(56, "has changed", "");
    say(56, text("%d", tn_grad(odd) == NULL));
    tn_tensor *seen = P;
    tn_register_hook(seen, twice, NULL, NULL);
    tn_register_post_accumulate_grad_hook(seen, see, NULL, NULL);
    tn_backward(tn_sum(seen)), tn_backward(tn_sum(seen));
    tn_register_post_accumulate_grad_hook(tn_mul(seen, 2), see, NULL, NULL), error(57);
}

typedef struct {
    tn_module module;
    tn_tensor *a, *b, *w;
} holder;
static tn_tensor *holder_forward(holder *self, tn_tensor *x) { return tn_mul(x, self->w); }
TN_CLASS(holder, holder_forward, a, b, w);

static void copies_and_buffers(void) {
    TN_SCOPE;
    tn_tensor *p = tn_parameter(tn_full((2, 3), 2.0)), *frozen = tn_parameter(tn_ones(2), false);
    tn_backward(tn_sum(p));
    tn_tensor *copy = tn_deepcopy(p);
    say(58, tn_to_string(copy)), say(58, tn_to_string(tn_deepcopy(frozen)));
    say(58, text("%d %d %d", copy == p, tn_data(copy) == tn_data(p), tn_grad(copy) == NULL));
    tn_tensors *pair = tn_deepcopy(tn_tensors_new((tn_tensor *[]){p, p}, 2));
    say(60, text("%d %d", tn_tensors_get(pair, 0) == tn_tensors_get(pair, 1), tn_tensors_get(pair, 0) == p));
    tn_tensor *base = tn_arange(6, .dtype = TN_FLOAT32), *half = tn_slice(base, 0, 3, 6, 1);
    for (int marked = 0; marked < 2; marked++) {
        tn_tensor *both[] = {marked ? tn_parameter(base) : base, marked ? tn_parameter(half) : half};
        tn_tensors *list = tn_deepcopy(tn_tensors_new(both, 2));
        tn_fill_(tn_detach(tn_tensors_get(list, 0)), 7), say(61, tn_to_string(tn_tensors_get(list, 1)));
    }
    tn_deepcopy(tn_mul(p, 2)), error(63);
    tn_tensor *own = tn_full(2, 3.0);
    say(67, text("%d", tn_is_shared(own))), say(67, text("%d", tn_share_memory_(own) == own));
    say(67, text("%d %g", tn_is_shared(own), sum(own)));
    tn_tensor *t = tn_requires_grad_(tn_ones(2), true), *b = tn_buffer(t);
    say(69, tn_to_string(b));
    say(69, text("%d %d %d %d", tn_is_buffer(b), tn_is_parameter(b), tn_data(b) == tn_data(t), tn_is_buffer(t)));
    say(69, text("%d", tn_requires_grad(tn_buffer(tn_ones(1)))));
    holder *m = tn_new(holder);
    m->a = tn_buffer(tn_ones(1)), m->b = tn_buffer(tn_ones(1), .persistent = false), say(69, keys(tn_state_dict(m)));
    tn_module_register_buffer(m, "extra", tn_ones(1)), say(70, text("%d", tn_is_buffer(tn_get_buffer(m, "extra"))));
    say(71, tn_to_string(tn_buffer((tn_tensor *)NULL)));
    say(72, tn_to_string(tn_buffer(tn_mul(t, 2))));
    m->w = P;
    tn_module_requires_grad_(m, false), say(72, text("%d %d", tn_requires_grad(m->w), tn_requires_grad(m->a)));
    tn_module_requires_grad_(m, true), say(72, text("%d %d", tn_requires_grad(m->w), tn_requires_grad(m->a)));
    tn_module_register_buffer(m, "odd", P);
    names(73, tn_named_buffers(m)), names(73, tn_named_parameters(m)), say(73, keys(tn_state_dict(m)));
}

int main(int argc, char **argv) {
    if (argc != 2 || !observe(argv[1], "semantics_tensors")) return 2;
    building();
    inference();
    used();
    data();
    gradients();
    copies_and_buffers();
    return observed();
}
