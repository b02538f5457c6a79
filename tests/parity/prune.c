/* Pruning: weights, masks and random numbers after each call; prune.py does the same with PyTorch. */
#include "parity.h"
#include <math.h>

static void put_both(const char *key, tn_module *m, const char *name) {
    char full[160], path[80];
    TN_SCOPE;
    snprintf(full, sizeof full, "%s|value", key);
    put(full, (tn_module_get)(m, name));
    snprintf(full, sizeof full, "%s|mask", key);
    snprintf(path, sizeof path, "%s_mask", name);
    put(full, (tn_get_buffer)(m, path));
}
#define PUT(key, m, name) put_both(key, TN_AS_MODULE(m), name)

/* A start of its own for each, so that a difference stays where it is. */
static tn_nn_conv2d *fresh(const char *key) {
    char full[160];
    tn_nn_conv2d *m = tn_nn_conv2d(3, 6, 3);
    snprintf(full, sizeof full, "%s|before", key);
    put(full, m->weight);
    tn_manual_seed(11);
    return m;
}

static void entries(void) {
    TN_SCOPE;
    tn_nn_conv2d *m = fresh("l1");
    tn_nn_utils_prune_l1_unstructured(m, "weight", 0.3), PUT("l1 0", m, "weight");
    tn_nn_utils_prune_l1_unstructured(m, "weight", 11), PUT("l1 1", m, "weight");
    tn_tensor *scores = tn_reshape(tn_sin(tn_arange(162, .dtype = TN_FLOAT64)), (6, 3, 3, 3));
    tn_nn_utils_prune_l1_unstructured(m, "weight", 0.5, .importance_scores = scores);
    PUT("l1 2", m, "weight");
    m = fresh("random");
    tn_nn_utils_prune_random_unstructured(m, "weight", 0.3), PUT("random 0", m, "weight");
    tn_nn_utils_prune_random_unstructured(m, "weight", 20), PUT("random 1", m, "weight");
    tn_nn_utils_prune_random_unstructured(m, "weight", 0.999), PUT("random 2", m, "weight");
    m = fresh("mixed");
    tn_nn_utils_prune_custom_from_mask(m, "weight", tn_gt(tn_randn((6, 3, 3, 3)), 0)), PUT("mixed 0", m, "weight");
    tn_nn_utils_prune_ln_structured(m, "weight", 2, 2, 0), PUT("mixed 1", m, "weight");
    tn_nn_utils_prune_l1_unstructured(m, "weight", 0.2), PUT("mixed 2", m, "weight");
    tn_nn_utils_prune_identity(m, "weight"), PUT("mixed 3", m, "weight");
    tn_nn_utils_prune_random_structured(m, "weight", 1, 1), PUT("mixed 4", m, "weight");
    tn_nn_utils_prune_random_unstructured(m, "weight", 3), PUT("mixed 5", m, "weight");
    tn_nn_utils_prune_remove(m, "weight");
    put("mixed 6|value", m->weight);
    put("mixed|next", tn_rand(5));
}

/* Weights that are all ones: which of the equals go. */
static void equals(void) {
    TN_SCOPE;
    tn_nn_batch_norm1d *m = tn_nn_batch_norm1d(50);
    tn_nn_utils_prune_l1_unstructured(m, "weight", 0.3), PUT("equal 0", m, "weight");
    tn_nn_utils_prune_l1_unstructured(m, "weight", 3), PUT("equal 1", m, "weight");
    tn_nn_utils_prune_remove(m, "weight");
    tn_nn_utils_prune_l1_unstructured(m, "weight", 7), PUT("equal 2", m, "weight"); /* among zeros */
}

static void channels(void) {
    TN_SCOPE;
    const double norms[] = {0, 1, 2, 3.5, INFINITY, -INFINITY};
    char key[40];
    for (int i = 0; i < 6; i++)
        for (int64_t dim = -4; dim < 4; dim += 3) {
            tn_nn_conv2d *m = tn_nn_conv2d(4, 6, 3);
            snprintf(key, sizeof key, "ln %d %lld|before", i, (long long)dim), put(key, m->weight);
            for (int k = 0; k < 3; k++) {
                if (k == 0)
                    tn_nn_utils_prune_ln_structured(m, "weight", 0.4, norms[i], dim);
                else
                    tn_nn_utils_prune_ln_structured(m, "weight", 1, norms[i], dim,
                                                    .importance_scores = k == 2 ? tn_cos(tn_detach(m->weight)) : NULL);
                snprintf(key, sizeof key, "ln %d %lld %d", i, (long long)dim, k), PUT(key, m, "weight");
            }
        }
    for (int64_t dim = -3; dim < 3; dim += 2)
        for (int k = 0; k < 2; k++) {
            tn_nn_module_list *m = tn_nn_module_list(); /* of nothing but a parameter with three dims */
            tn_tensor *w = tn_randn((12, 5, 4));
            tn_module_register_parameter(m, "weight", tn_parameter(w));
            snprintf(key, sizeof key, "nuclear %d %lld|before", k, (long long)dim), put(key, w);
            for (int i = 0; i < 2; i++) {
                tn_nn_utils_prune_ln_structured(m, "weight", i ? 0.2 : 0.3, 0, dim, .norm = "nuc",
                                                .importance_scores = k ? tn_cos(tn_detach(tn_module_get(m, "weight"))) : NULL);
                snprintf(key, sizeof key, "nuclear %d %lld %d", k, (long long)dim, i), PUT(key, m, "weight");
            }
        }
    tn_manual_seed(12);
    for (int64_t dim = -4; dim < 4; dim++) {
        tn_nn_conv2d *m = tn_nn_conv2d(5, 6, 3);
        snprintf(key, sizeof key, "channels %lld|before", (long long)dim), put(key, m->weight);
        for (int k = 0; k < 3; k++) {
            if (k == 0)
                tn_nn_utils_prune_random_structured(m, "weight", 1, dim);
            else
                tn_nn_utils_prune_random_structured(m, "weight", 0.5, dim);
            snprintf(key, sizeof key, "channels %lld %d", (long long)dim, k), PUT(key, m, "weight");
        }
    }
    put("channels|next", tn_rand(5));
}

/* Every fraction of every size up to twelve: how many are taken. */
static void amounts(void) {
    TN_SCOPE;
    char key[40];
    for (int64_t n = 1; n <= 12; n++) {
        tn_tensor *counts = tn_zeros(41, .dtype = TN_FLOAT32);
        for (int i = 0; i <= 40; i++) {
            TN_SCOPE;
            tn_tensor *x = tn_arange((double)n, .dtype = TN_FLOAT32);
            tn_tensor *y =
                tn_nn_utils_prune_prune(TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(i / 40.0)), tn_add(x, 1));
            tn_data_f32(counts)[i] = (float)tn_item(tn_sum(tn_eq(y, 0)));
        }
        snprintf(key, sizeof key, "amounts|%lld", (long long)n), put(key, counts);
    }
}

static void together(void) {
    TN_SCOPE;
    tn_nn_linear *a = tn_nn_linear(5, 4), *b = tn_nn_linear(4, 7);
    put("global|a", a->weight), put("global|b", b->weight), put("global|c", b->bias);
    tn_manual_seed(13);
    tn_nn_prune_parameter all[] = {{a, "weight"}, {b, "weight"}, {b, "bias"}};
    tn_nn_utils_prune_global_unstructured(all, 3, TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(0.4)));
    PUT("global a 0", a, "weight"), PUT("global b 0", b, "weight"), PUT("global c 0", b, "bias");
    tn_nn_utils_prune_global_unstructured(all, 3, TN_PRUNING(TN_PRUNE_RANDOM_UNSTRUCTURED, .amount = TN_SCALAR(9)));
    PUT("global a 1", a, "weight"), PUT("global b 1", b, "weight"), PUT("global c 1", b, "bias");
    tn_tensor *scores = tn_reshape(tn_sin(tn_arange(28, .dtype = TN_FLOAT32)), (7, 4));
    tn_nn_utils_prune_global_unstructured(all, 3, TN_PRUNING(TN_PRUNE_L1_UNSTRUCTURED, .amount = TN_SCALAR(0.4)),
                                          .importance_scores = (tn_tensor *[]){NULL, scores, NULL});
    PUT("global a 2", a, "weight"), PUT("global b 2", b, "weight"), PUT("global c 2", b, "bias");
    tn_tensor *x = tn_ones((2, 5));
    put("global|bias", a->bias);
    tn_tensor *y = tn_forward(b, tn_forward(a, x));
    tn_backward(tn_sum(tn_mul(y, y)));
    put("global|y", y), put("global|grad a", tn_grad(tn_get_parameter(a, "weight_orig")));
    put("global|grad c", tn_grad(tn_get_parameter(b, "bias_orig")));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    begin();
    tn_manual_seed(7);
    entries();
    equals();
    channels();
    amounts();
    together();
    end(argv[1], "prune.safetensors");
    return 0;
}
