/* nn/layer.h - what layers share. Public functions only: a program's own layer could do all of this. */
#ifndef TNI_LAYER_H
#define TNI_LAYER_H
#include <string.h>
#include <tison/nn.h>

/* torch's reset_parameters of Linear and convolutions: the weight uniform by kaiming with a = sqrt(5), then the bias (NULL: none) within
 * 1 / sqrt(fan_in). Both are returned as parameters in *weight, *bias,
 * which are fields of a module. */
bool tni_layer_weights(const int64_t *sizes, size_t ndim, bool with_bias, tn_dtype dtype, const char *where, tn_tensor **weight,
                       tn_tensor **bias);

/* torch's reset_parameters alone, for weights that are there. */
bool tni_layer_reset(tn_tensor *weight, tn_tensor *bias);
/* Lazy layers: weights without a shape, and giving them theirs at the first call. */
void tni_layer_lazy_weights(bool with_bias, tn_dtype dtype, tn_tensor **weight, tn_tensor **bias);
bool tni_layer_materialize(tn_tensor *weight, tn_tensor *bias, const int64_t *sizes, size_t ndim);

/* Parameters of ones and zeroes, as normalisations begin: both of the shape, each only when it is asked for. */
bool tni_layer_affine(const int64_t *sizes, size_t ndim, bool with_weight, bool with_bias, tn_dtype dtype, const char *where,
                      tn_tensor **weight, tn_tensor **bias);

/* Text as Python prints it: 1e-05, 1.0, None for NaN; (2, 3), (4,). As snprintf. */
int tni_layer_number(char *out, size_t room, double value);
int tni_layer_tuple(char *out, size_t room, const int64_t *values, size_t n);
/* "torch.Size([3, 4])", for messages. */
typedef struct tni_text {
    char text[200];
} tni_text;
const char *tni_size_text(tni_text *out, const int64_t *sizes, size_t n);
#define TNI_SIZE_TEXT(x) tni_size_text(&(tni_text){{0}}, tn_sizes(x), (size_t)tn_ndim(x))
static inline bool tni_has_sizes(tn_tensor *x, const int64_t *sizes, int64_t n) {
    return tn_ndim(x) == n && (n == 0 || memcmp(tn_sizes(x), sizes, (size_t)n * sizeof *sizes) == 0);
}
static inline bool tni_same_sizes(tn_tensor *a, tn_tensor *b) { return tni_has_sizes(a, tn_sizes(b), tn_ndim(b)); }

/* An {h, w} option: the pair when it is given, else the number twice. */
static inline void tni_layer_pair(int64_t out[2], int64_t one, const int64_t *pair) {
    bool given = pair && (pair[0] || pair[1]);
    out[0] = given ? pair[0] : one;
    out[1] = given ? pair[1] : one;
}
#endif
