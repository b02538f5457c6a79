/* tests/parity/pt.c - .pt files and checkpoints both ways. With a second argument: reads what the twin wrote, and writes its text. */
#include "parity.h"

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->second, tn_relu(tn_forward(self->first, x))); }
TN_CLASS(net, net_forward, first, second);

static const char *folder;
static const char *in(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static tn_value *values(void) {
    tn_value *v = tn_value_dict(), *l = tn_value_list(), *one = TN_VALUE(1), *two[2] = {TN_VALUE("word"), TN_VALUE(2.5)};
    tn_tensor *x = tn_arange(10);
    tn_value_append(l, 0), tn_value_append(l, 255), tn_value_append(l, 256), tn_value_append(l, 65536), tn_value_append(l, -1);
    tn_value_append(l, INT64_MIN), tn_value_append(l, INT64_MAX), tn_value_append(l, 1LL << 40), tn_value_append(l, -0.0);
    tn_value_append(l, tn_value_none()), tn_value_append(l, (bool)true), tn_value_append(l, "two words"),
        tn_value_append(l, "word");
    tn_value_append(l, tn_value_tuple(&one, 1)), tn_value_append(l, tn_value_tuple(two, 2)),
        tn_value_append(l, tn_value_tuple(NULL, 0));
    tn_value_append(l, tn_value_complex(1, -2)), tn_value_append(l, tn_value_bytes("\xff\0z", 3));
    tn_value_append(l, tn_value_dtype(TN_FLOAT64));
    tn_value_set(v, "list", l), tn_value_set(v, "again", l), tn_value_set_int(v, 7, "seven");
    tn_value_set(v, "x", x), tn_value_set(v, "view", tn_t(tn_reshape(x, (2, 5)))), tn_value_set(v, "part", tn_narrow(x, 0, 3, 2));
    tn_value_set(v, "parameter", tn_parameter(tn_ones((2, 2)))), tn_value_set(v, "empty", tn_zeros((0, 3)));
    tn_value_set(v, "number", tn_scalar_tensor(2.5, .dtype = TN_FLOAT64)), tn_value_set(v, "truth", tn_gt(x, 4));
    tn_value *many = tn_value_dict();
    for (int i = 0; i < 1000; i++) tn_value_set_int(many, i, i);
    tn_value_set(v, "many", many);
    return v;
}

static void write_all(void) {
    tn_manual_seed(11);
    void *layers[11];
    for (int i = 0; i < 11; i++) layers[i] = tn_nn_linear(2, 2);
    tn_nn_sequential *seq = tn_nn_sequential_new(layers, 11);
    tn_save_pt(tn_state_dict(seq), in("seq.pt"));
    tn_nn_linear *a = tn_nn_linear(3, 2), *b = tn_nn_linear(2, 2);
    tn_nn_utils_spectral_norm(a), tn_module_set(b, "w", tn_parameter(tn_ones((2, 3))));
    tn_nn_utils_spectral_norm(b), tn_nn_utils_spectral_norm(b, "w");
    tn_state *norms = tn_state_dict(tn_nn_sequential(a, tn_nn_batch_norm1d(2), b));
    static const char *const vectors[] = {"0.weight_u", "0.weight_v", "2.weight_u", "2.weight_v", "2.w_u", "2.w_v"};
    for (int i = 0; i < 6; i++) tn_fill_(tn_state_get(norms, vectors[i]), 0.5); /* random, and divided by their lengths */
    tn_save_pt(norms, in("norms.pt"));
    tn_save_pt(values(), in("values.pt"));
    tn_save_pt(tn_value_tensor(tn_ones(3)), in("tensor.pt"));

    net *m = tn_new(net);
    m->first = tn_nn_linear(3, 4);
    m->second = tn_nn_linear(4, 1);
    tn_optim *opt = tn_optim_sgd(tn_parameters(m), .lr = 0.1, .momentum = 0.9);
    for (int step = 0; step < 6; step++) {
        TN_SCOPE;
        tn_tensor *x = tn_randn((5, 3)), *y = tn_randn((5, 1)), *loss = tn_mse_loss(tn_forward(m, x), y);
        tn_optim_zero_grad(opt);
        tn_backward(loss);
        tn_optim_step(opt);
        if (step == 2) tn_checkpoint_save(in("run.pt"), .model = m, .optim = opt, .step = 3);
    }
    put("after six steps", m->first->weight);
}

static void read_all(void) {
    static const char *const names[] = {"od.pt", "optimizer.pt", "kinds.pt", "model.pt", "protocol4.pt"};
    FILE *out = fopen(in("read"), "w");
    for (size_t i = 0; out && i < sizeof names / sizeof *names; i++)
        fprintf(out, "== %s\n%s\n", names[i], tn_to_string(tn_load_pt(in(names[i]))));
    if (out) fclose(out);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    folder = argv[1];
    begin();
    if (argc > 2) {
        read_all();
        return 0;
    }
    write_all();
    end(argv[1], "pt.safetensors");
    return 0;
}
