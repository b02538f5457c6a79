/* bench/bench_modules.c - modules: walks over a transformer's parameters, scope ends while it lives, state_dict; and how they grow with
 * the number of modules. Prints "case ns" lines; the fastest of several rounds. */
#include <stdio.h>
#include <time.h>
#include <tison.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The modules and names of torch.nn.TransformerEncoderLayer, tiny: 12 parameters in 10 modules. */
typedef struct {
    tn_module module;
    tn_tensor *weight, *bias;
} norm;
static tn_tensor *norm_forward(norm *self, tn_tensor *x) { return tn_add(tn_mul(x, self->weight), self->bias); }
TN_CLASS(norm, norm_forward, weight, bias);
typedef struct {
    tn_module module;
    tn_tensor *in_proj_weight, *in_proj_bias;
    tn_nn_linear *out_proj;
} attention;
static tn_tensor *attention_forward(attention *self, tn_tensor *x) { return tn_forward(self->out_proj, x); }
TN_CLASS(attention, attention_forward, in_proj_weight, in_proj_bias, out_proj);
typedef struct {
    tn_module module;
    attention *self_attn;
    tn_nn_linear *linear1, *linear2;
    tn_nn_dropout *dropout, *dropout1, *dropout2;
    norm *norm1, *norm2;
} layer;
static tn_tensor *layer_forward(layer *self, tn_tensor *x) { return tn_forward(self->linear2, tn_forward(self->linear1, x)); }
TN_CLASS(layer, layer_forward, self_attn, linear1, dropout, linear2, norm1, norm2, dropout1, dropout2);
typedef struct {
    tn_module module;
    tn_tensor *tokens, *positions;
    tn_nn_module_list *layers;
    norm *last;
} transformer;
static tn_tensor *transformer_forward(transformer *self, tn_tensor *x) { return tn_add(x, self->tokens); }
TN_CLASS(transformer, transformer_forward, tokens, positions, layers, last);

static norm *norm_new(void) {
    norm *self = tn_new(norm);
    self->weight = tn_parameter(tn_ones(4));
    self->bias = tn_parameter(tn_zeros(4));
    return self;
}
static layer *layer_new(void) {
    layer *self = tn_new(layer);
    self->self_attn = tn_new(attention);
    self->self_attn->in_proj_weight = tn_parameter(tn_ones((12, 4)));
    self->self_attn->in_proj_bias = tn_parameter(tn_zeros(12));
    self->self_attn->out_proj = tn_nn_linear(4, 4);
    self->linear1 = tn_nn_linear(4, 8);
    self->linear2 = tn_nn_linear(8, 4);
    self->dropout = tn_nn_dropout(), self->dropout1 = tn_nn_dropout(), self->dropout2 = tn_nn_dropout();
    self->norm1 = norm_new(), self->norm2 = norm_new();
    return self;
}
static transformer *transformer_new(int layers) {
    transformer *self = tn_new(transformer);
    self->tokens = tn_parameter(tn_ones((8, 4)));
    self->positions = tn_parameter(tn_ones((8, 4)));
    self->layers = tn_nn_module_list();
    for (int i = 0; i < layers; i++) tn_nn_container_append(self->layers, layer_new());
    self->last = norm_new();
    return self;
}

static transformer *model;
static void walk(void) {
    TN_SCOPE;
    tn_parameters(model);
}
static void named_walk(void) {
    TN_SCOPE;
    for (tn_named_iter p = tn_named_parameters(model); tn_named_next(&p);)
        if (!p.name[0]) return;
}
static void modules_walk(void) {
    TN_SCOPE;
    tn_named_modules(model);
}
static void state(void) {
    TN_SCOPE;
    tn_state_dict(model);
}
static tn_tensor *one;
static void scope_end(void) {
    TN_SCOPE;
    tn_add(one, one);
}
static void settling_end(void) { /* tn_free always observes: the end of a scope that does */
    tn_free(tn_add(one, one));
}
static void copy(void) {
    TN_SCOPE;
    tn_deepcopy(model);
}

static double measure(void (*body)(void)) {
    double best = 1e30;
    int calls = 20;
    for (double start = now(); now() - start < 2e6;) body();
    for (int round = 0; round < 15; round++) {
        double start = now();
        for (int i = 0; i < calls; i++) body();
        double ns = (now() - start) / calls;
        if (ns < best) best = ns;
    }
    return best;
}

int main(void) {
    tn_exit_on_error(true);
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct {
        const char *name;
        void (*body)(void);
    } cases[] = {{"parameters", walk},  {"named_parameters", named_walk}, {"named_modules", modules_walk},
                 {"state_dict", state}, {"scope_end", scope_end},         {"observing_end", settling_end},
                 {"deepcopy", copy}};
    const int layers[] = {12, 0, 1, 3, 48, 192};
    one = tn_keep(tn_ones(3));
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
        tn_scope scope = tn_scope_enter();
        model = transformer_new(layers[k]);
        size_t parameters = tn_tensors_count(tn_parameters(model)), modules = 0;
        for (tn_named_iter m = tn_named_modules(model); tn_named_next(&m);) modules++;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            printf("%s/%zu_modules_%zu_parameters %.0f\n", cases[i].name, modules, parameters, measure(cases[i].body));
        tn_scope_exit(&scope);
    }
    tn_free(one);
    return 0;
}
