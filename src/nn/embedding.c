/* nn/embedding.c - torch.nn.Embedding. */
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/** torch.nn.Embedding: indices of any shape (...), int64 or int32 -> (..., embedding_dim). */
typedef struct tn_nn_embedding {
    tn_module module;
    tn_tensor *weight;                                  /* (num_embeddings, embedding_dim) */
    int64_t num_embeddings, embedding_dim, padding_idx; /* TN_NONE: none */
    bool scale_grad_by_freq;
} tn_nn_embedding;
typedef struct tn_nn_embedding_opts {
    size_t size;
    int64_t padding_idx;     /* TN_NONE; the row that begins as zeroes and gets no gradient, counted from the end when negative */
    bool scale_grad_by_freq; /* false */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* the default dtype */
    const char *where;
} tn_nn_embedding_opts;
typedef struct tn_nn_embedding_from_pretrained_opts {
    size_t size;
    bool freeze;             /* true: the weight does not require grad */
    int64_t padding_idx;     /* TN_NONE; the row that gets no gradient */
    bool scale_grad_by_freq; /* false */
} tn_nn_embedding_from_pretrained_opts;
#ifndef __cplusplus
#define tn_nn_embedding(num_embeddings, ...)                                                                                       \
    TN_WITH(tn_nn_embedding_opts, (.padding_idx = TN_NONE, .dtype = TN_DTYPE_NONE, .where = TN_HERE),                              \
            tn_nn_embedding_new(num_embeddings, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_embedding_from_pretrained(...)                                                                                       \
    TN_WITH(tn_nn_embedding_from_pretrained_opts, (.freeze = true, .padding_idx = TN_NONE),                                        \
            (tn_nn_embedding_from_pretrained)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *embedding_forward(tn_nn_embedding *self, tn_tensor *x) {
    return tn_embedding(self->weight, x, .padding_idx = self->padding_idx, .scale_grad_by_freq = self->scale_grad_by_freq);
}

static int embedding_repr(tn_module *m, char *out, size_t room) {
    tn_nn_embedding *self = (tn_nn_embedding *)m;
    char padding[48] = "";
    if (self->padding_idx != TN_NONE) snprintf(padding, sizeof padding, ", padding_idx=%lld", (long long)self->padding_idx);
    return snprintf(out, room, "%lld, %lld%s%s", (long long)self->num_embeddings, (long long)self->embedding_dim, padding,
                    self->scale_grad_by_freq ? ", scale_grad_by_freq=True" : "");
}
TN_CLASS_WITH(tn_nn_embedding, embedding_forward, (weight), .printed = "Embedding", .extra_repr = embedding_repr);

/* Everything but the weight; NULL with an error. */
static tn_nn_embedding *make(int64_t rows, int64_t width, int64_t padding, bool scale) {
    tn_nn_embedding *self = tn_new(tn_nn_embedding);
    if (!self) return NULL;
    if (padding != TN_NONE && (padding >= rows || padding < -rows))
        return (void)tn_raise(TN_ERR_ASSERTION, "Padding_idx must be within num_embeddings"), NULL;
    self->num_embeddings = rows;
    self->embedding_dim = width;
    self->padding_idx = padding != TN_NONE && padding < 0 ? padding + rows : padding;
    self->scale_grad_by_freq = scale;
    return self;
}

/** weight is drawn from the normal distribution, its row padding_idx 0. A padding_idx outside of the table is TN_ERR_ASSERTION. [scope] */
TN_API tn_nn_embedding *tn_nn_embedding_new(int64_t num_embeddings, int64_t embedding_dim, const tn_nn_embedding_opts *opts) {
    static const tn_nn_embedding_opts usual = {.padding_idx = TN_NONE, .dtype = TN_DTYPE_NONE};
    const tn_nn_embedding_opts *o = opts ? opts : &usual;
    tn_nn_embedding *self = make(num_embeddings, embedding_dim, o->padding_idx, o->scale_grad_by_freq);
    if (!self) return NULL;
    TN_SCOPE; /* leaves the parameter to its field alone */
    tn_opts like = {.size = sizeof like, .dtype = o->dtype};
    tn_tensor *weight = tn_normal_((tn_empty)((const int64_t[]){num_embeddings, embedding_dim}, 2, &like), 0, 1);
    if (self->padding_idx != TN_NONE) tn_zero_(tn_select(weight, 0, self->padding_idx));
    self->weight = tn_parameter_at(weight, true, o->where);
    return self; /* also when the weight failed: the error is set, and `layer->weight = ...` never meets NULL */
}

/** An Embedding whose weight shares the memory of `embeddings` (rows, width): nn.Embedding.from_pretrained. [scope] */
TN_API tn_nn_embedding *(tn_nn_embedding_from_pretrained)(tn_tensor *embeddings, const tn_nn_embedding_from_pretrained_opts *opts) {
    static const tn_nn_embedding_from_pretrained_opts usual = {.freeze = true, .padding_idx = TN_NONE};
    const tn_nn_embedding_from_pretrained_opts *o = opts ? opts : &usual;
    int64_t ndim = tn_ndim(embeddings);
    if (tn_error()) return NULL;
    if (ndim != 2) return (void)tn_raise(TN_ERR_ASSERTION, "Embeddings parameter is expected to be 2-dimensional"), NULL;
    tn_nn_embedding *self = make(tn_size(embeddings, 0), tn_size(embeddings, 1), o->padding_idx, o->scale_grad_by_freq);
    if (!self) return NULL;
    TN_SCOPE;
    self->weight = tn_parameter_at(embeddings, !o->freeze, NULL);
    return self;
}
