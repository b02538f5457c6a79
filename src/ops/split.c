/* ops/split.c - a tensor in parts, as a list of views: split, chunk, tensor_split, unbind; meshgrid. */
#include "base/error.h"
#include "base/memory.h"
#include "core/list.h"
#include "core/op.h"
#include <string.h>
#include <tison/ops.h>

/* ---- lists of parts ---- */

/* The parts of a dim: from at[i], length[i] elements; with `drop` each is one slice without the dim. */
typedef struct parts {
    int64_t dim, *at, *length;
    size_t n, bytes;
    bool drop;
} parts;

static bool parts_new(parts *p, int64_t dim, int64_t n) {
    *p = (parts){.dim = dim, .n = (size_t)n, .bytes = 2 * (size_t)TNI_MAX(n, 1) * sizeof(int64_t)};
    p->at = tni_alloc(p->bytes);
    p->length = p->at ? p->at + n : NULL;
    return p->at != NULL;
}

static tn_tensor *one_part(tn_tensor *x, const parts *p, size_t i) {
    return p->drop ? tn_select(x, p->dim, p->at[i]) : tn_narrow(x, p->dim, p->at[i], p->length[i]);
}

/* The views in a list; frees the parts. */
static tn_tensors *take_parts(tn_tensor *x, parts *p) {
    tni_thread *t = tni_self();
    size_t bytes = TNI_MAX(p->n, 1) * sizeof(tn_tensor *), n = 0;
    tn_tensor **item = t ? tni_alloc(bytes) : NULL;
    tn_tensors *list = NULL;
    if (item && tni_inner_enter(t)) {
        while (n < p->n && (item[n] = one_part(x, p, n)) != NULL) n++;
        list = tni_inner_return(t, n == p->n ? tn_tensors_new(item, n) : NULL);
    }
    tni_free(item, bytes);
    tni_free(p->at, p->bytes);
    return list;
}

/* x has dims and dim is one of them. *size: of x there. */
static bool check_parts(const char *who, tn_tensor *x, int64_t *dim, int64_t *size, const char *no_dims) {
    if (tni_failed()) return false;
    TNI_CHECK_TENSOR(who, x);
    if (x->uninitialized) return tni_refuse_uninitialized(who);
    TNI_CHECK(x->a.ndim > 0, TN_ERR_RUNTIME, "%s", no_dims);
    TNI_TRY(tni_wrap_dim(who, dim, x->a.ndim));
    *size = x->a.sizes[*dim];
    return true;
}

/* Parts of `length` elements, the last one may be smaller; at least one part. */
static tn_tensors *equal_parts(tn_tensor *x, int64_t dim, int64_t size, int64_t length) {
    parts p;
    int64_t n = length == 0 ? 1 : TNI_MAX(size / length + (size % length != 0), 1);
    if (!parts_new(&p, dim, n)) return NULL;
    for (int64_t i = 0; i < n; i++) p.at[i] = i * length, p.length[i] = TNI_MIN(length, size - i * length);
    return take_parts(x, &p);
}

#ifdef TN_HEADER
/* Keywords of tn_split, tn_split_with_sizes, tn_chunk, tn_tensor_split and tn_unbind. */
typedef struct tn_split_opts {
    size_t size;
    int64_t dim; /* 0 */
} tn_split_opts;
#ifndef __cplusplus
#define tn_split(x, ...) tn_split_by(tn_split, x, __VA_ARGS__, )
#define tn_chunk(x, ...) tn_split_by(tn_chunk, x, __VA_ARGS__, )
#define tn_tensor_split(x, ...) tn_split_by(tn_tensor_split, x, __VA_ARGS__, )
#define tn_split_by(function, x, n, ...) TN_WITH(tn_split_opts, (.dim = 0), (function)(x, n, &tn_o), __VA_ARGS__)
#define tn_split_with_sizes(x, ...) tn_split_list(tn_split_with_sizes, x, __VA_ARGS__, )
#define tn_tensor_split_indices(x, ...) tn_split_list(tn_tensor_split_indices, x, __VA_ARGS__, )
#define tn_split_list(function, x, list, ...) TN_WITH(tn_split_opts, (.dim = 0), (function)(x, TN_DIMS(list), &tn_o), __VA_ARGS__)
#define tn_unbind(...) TN_WITH(tn_split_opts, (.dim = 0), (tn_unbind)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/* ---- split, chunk ---- */

static tn_tensors *split_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_split)(in[0], arg[0].i, &(tn_split_opts){sizeof(tn_split_opts), arg[1].i});
}
static tn_tensors *split_sizes_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_split_with_sizes)(in[0], arg[0].ints.v, arg[0].ints.n, &(tn_split_opts){sizeof(tn_split_opts), arg[1].i});
}
static tn_tensors *chunk_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_chunk)(in[0], arg[0].i, &(tn_split_opts){sizeof(tn_split_opts), arg[1].i});
}

TN_OP(split, .schema = "split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]", .list = split_list,
      .composite = true,
      .samples = TN_SAMPLES("f32[5,3] 2", "f64[2,7] 3 1", "f32[4,3]^T 2 -1", "f32[0,2] 0", "i64[4] 4", "bool[5] 9",
                            "f32[3] 0 !runtime", "f32[3] -1 !runtime", "f32[] 1 !runtime", "f32[3] 1 1 !index"));
TN_OP(split_sizes, .schema = "split.sizes(Tensor(a -> *) self, SymInt[] split_size, int dim=0) -> Tensor(a)[]",
      .list = split_sizes_list, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[5,3] (2,3)", "f64[2,7] (3,0,4) 1", "f32[3] (1,1) !runtime"));
TN_OP(split_with_sizes, .schema = "split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
      .list = split_sizes_list, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[5,3] (2,3)", "f64[2,7] (3,0,4) 1", "i64[3] (3)", "f32[3] (1,1) !runtime", "f32[3] (-1,4) !runtime",
                            "f32[] (1) !runtime"));
TN_OP(chunk, .schema = "chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]", .list = chunk_list, .composite = true,
      .samples = TN_SAMPLES("f32[5,3] 3", "f64[2,6] 4 1", "f32[4,3]^T 2 -1", "f32[0,2] 3", "i64[4] 1", "f32[3] 0 !runtime",
                            "f32[] 1 !runtime", "f32[3] 1 1 !index"));

/** Parts of split_size elements along a dim, the last one perhaps smaller: torch.split. The parts are views.
 *  returns  the list [scope]; TN_ERR_RUNTIME for a negative size, or 0 for a dim with elements
 */
TN_API tn_tensors *(tn_split)(tn_tensor *x, int64_t split_size, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size;
    if (!check_parts("split", x, &dim, &size, "split expects at least a 1-dimensional tensor")) return NULL;
    if (split_size < 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "split expects split_size be non-negative, but got split_size=%lld",
                              (long long)split_size),
               NULL;
    if (split_size == 0 && size > 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "split_size can only be 0 if dimension size is 0, but got dimension size of %lld",
                              (long long)size),
               NULL;
    return equal_parts(x, dim, size, split_size);
}

/** Parts of the given sizes, which add up to the dim's: torch.split with a list. As tn_split. [scope] */
TN_API tn_tensors *(tn_split_with_sizes)(tn_tensor *x, const int64_t *sizes, size_t n, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size, sum = 0;
    if (!check_parts("split", x, &dim, &size, "split expects at least a 1-dimensional tensor")) return NULL;
    bool negative = false, right = true;
    for (size_t i = 0; i < n; i++) {
        negative = negative || sizes[i] < 0;
        right = right && TNI_ADD(sum, sizes[i], &sum);
    }
    char text[160];
    tni_shape_text(text, sizeof text, sizes, n);
    if (negative)
        return (void)tni_fail(TN_ERR_RUNTIME,
                              "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=%s", text),
               NULL;
    if (!right || sum != size)
        return (void)tni_fail(
                   TN_ERR_RUNTIME,
                   "split_with_sizes expects split_sizes to sum exactly to %lld (input tensor's size at dimension %lld), "
                   "but got split_sizes=%s",
                   (long long)size, (long long)dim, text),
               NULL;
    parts p;
    if (!parts_new(&p, dim, (int64_t)n)) return NULL;
    for (size_t i = 0; i < n; i++) p.length[i] = sizes[i], p.at[i] = i ? p.at[i - 1] + sizes[i - 1] : 0;
    return take_parts(x, &p);
}

/** At most `chunks` parts of equal size, the last one perhaps smaller: torch.chunk. As tn_split. [scope] */
TN_API tn_tensors *(tn_chunk)(tn_tensor *x, int64_t chunks, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size;
    if (!check_parts("chunk", x, &dim, &size, "chunk expects at least a 1-dimensional tensor")) return NULL;
    if (chunks <= 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %lld", (long long)chunks), NULL;
    if (size > 0) return equal_parts(x, dim, size, size / chunks + (size % chunks != 0));
    parts p;
    if (!parts_new(&p, dim, chunks)) return NULL;
    memset(p.at, 0, p.bytes);
    return take_parts(x, &p);
}

/* ---- tensor_split ---- */

static tn_tensors *tensor_split_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_tensor_split)(in[0], arg[0].i, &(tn_split_opts){sizeof(tn_split_opts), arg[1].i});
}
static tn_tensors *tensor_split_indices_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_tensor_split_indices)(in[0], arg[0].ints.v, arg[0].ints.n, &(tn_split_opts){sizeof(tn_split_opts), arg[1].i});
}

TN_OP(tensor_split, .schema = "tensor_split.sections(Tensor(a -> *) self, SymInt sections, int dim=0) -> Tensor(a)[]",
      .list = tensor_split_list, .composite = true,
      .samples = TN_SAMPLES("f32[7,3] 3", "f64[2,6] 4 1", "i64[2] 3", "f32[3] 0 !runtime", "f32[] 1 !runtime"));
TN_OP(tensor_split_indices, .schema = "tensor_split.indices(Tensor(a -> *) self, SymInt[] indices, int dim=0) -> Tensor(a)[]",
      .list = tensor_split_indices_list, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[7,3] (1,3,9)", "f64[2,6] (-2,3) 1", "i64[2] ()", "f32[] (1) !runtime"));

#define TENSOR_SPLIT_DIMS "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"

/** `sections` parts whose sizes differ by one at most: torch.tensor_split. As tn_split. [scope] */
TN_API tn_tensors *(tn_tensor_split)(tn_tensor *x, int64_t sections, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size, at = 0;
    if (!check_parts("tensor_split", x, &dim, &size, TENSOR_SPLIT_DIMS)) return NULL;
    if (sections <= 0)
        return (void)tni_fail(TN_ERR_RUNTIME, "number of sections must be larger than 0, got %lld", (long long)sections), NULL;
    parts p;
    if (!parts_new(&p, dim, sections)) return NULL;
    for (int64_t i = 0; i < sections; i++) {
        p.at[i] = at;
        at += p.length[i] = size / sections + (i < size % sections);
    }
    return take_parts(x, &p);
}

/** The parts between the given places, by Python's rules for slices: torch.tensor_split with a list. As tn_split. [scope] */
TN_API tn_tensors *(tn_tensor_split_indices)(tn_tensor *x, const int64_t *indices, size_t n, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size, start = 0;
    if (!check_parts("tensor_split", x, &dim, &size, TENSOR_SPLIT_DIMS)) return NULL;
    parts p;
    if (!parts_new(&p, dim, (int64_t)n + 1)) return NULL;
    for (size_t i = 0; i <= n; i++) {
        int64_t end = i < n ? indices[i] : size;
        if (end < 0) end = TNI_MAX(end + size, 0);
        end = TNI_MIN(end, size);
        p.at[i] = start, p.length[i] = TNI_MAX(end - start, 0);
        start = end;
    }
    return take_parts(x, &p);
}

/* ---- unbind ---- */

static tn_tensors *unbind_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_unbind)(in[0], &(tn_split_opts){sizeof(tn_split_opts), arg[0].i});
}

TN_OP(unbind, .schema = "unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]", .list = unbind_list, .composite = true,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4] 1", "f32[3,4]^T -1", "i64[5]", "f32[] !index", "f32[3] 1 !index"));

/** The slices along a dim, which goes: torch.unbind. As tn_split. [scope] */
TN_API tn_tensors *(tn_unbind)(tn_tensor *x, const tn_split_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, 0), size;
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("unbind", x);
    if (!x->uninitialized && x->a.ndim == 0)
        return (void)tni_fail(TN_ERR_INDEX, "Dimension specified as %lld but tensor has no dimensions", (long long)dim), NULL;
    if (!check_parts("unbind", x, &dim, &size, "")) return NULL;
    parts p;
    if (!parts_new(&p, dim, size)) return NULL;
    p.drop = true;
    for (int64_t i = 0; i < size; i++) p.at[i] = i;
    return take_parts(x, &p);
}

/* ---- meshgrid ---- */

static tn_tensors *meshgrid_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)arg;
    return (tn_meshgrid)(in, n, NULL);
}
static tn_tensors *meshgrid_indexing_list(tn_tensor *const *in, size_t n, const tni_value *arg) {
    return (tn_meshgrid)(in, n, &(tn_meshgrid_opts){sizeof(tn_meshgrid_opts), arg[0].p});
}

TN_OP(meshgrid, .schema = "meshgrid(Tensor[] tensors) -> Tensor[]", .list = meshgrid_list, .composite = true,
      .samples = TN_SAMPLES("(f32[2] f32[3]) small", "(f32[3])", "(f32[2,2]) !shape", "(f32[2] f64[2]) !dtype"));
TN_OP(meshgrid_indexing, .schema = "meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]",
      .list = meshgrid_indexing_list, .composite = true,
      .samples = TN_SAMPLES("(f64[2] f64[3] f64[2]) indexing='xy' small", "(i64[2] i64[]) indexing='ij' small",
                            "(f32[2]) indexing='yx' !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_meshgrid. */
typedef struct tn_meshgrid_opts {
    size_t size;
    const char *indexing; /* "ij"; "xy": the first two dims change places */
} tn_meshgrid_opts;
#ifndef __cplusplus
/* tn_meshgrid(TN_TENSORS(a, b), .indexing = "xy") */
#define tn_meshgrid(...) tn_meshgrid_of(__VA_ARGS__, )
#define tn_meshgrid_of(list, n, ...) TN_WITH(tn_meshgrid_opts, (.indexing = "ij"), (tn_meshgrid)(list, n, &tn_o), __VA_ARGS__)
#endif
#endif

static bool check_axes(tn_tensor *const *tensors, size_t n, const char *indexing) {
    if (tni_failed()) return false;
    TNI_CHECK(n > 0, TN_ERR_RUNTIME, "meshgrid expects a non-empty TensorList");
    TNI_CHECK(n <= TNI_MAX_DIMS, TN_ERR_SHAPE, "meshgrid: at most %d dimensions are supported", (int)TNI_MAX_DIMS);
    TNI_CHECK(tensors, TN_ERR_TYPE, "meshgrid: argument 'tensors' is NULL");
    for (size_t i = 0; i < n; i++) {
        TNI_TRY(tni_check_handle("meshgrid", "tensors", tensors[i], TNI_TENSOR));
        if (tensors[i]->uninitialized) return tni_refuse_uninitialized("meshgrid");
        TNI_CHECK(tensors[i]->a.ndim < 2, TN_ERR_SHAPE, "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: %s",
                  TNI_SHAPE(&tensors[i]->a));
        TNI_CHECK(tensors[i]->a.dtype == tensors[0]->a.dtype, TN_ERR_DTYPE, "meshgrid expects all tensors to have the same dtype");
    }
    TNI_CHECK(strcmp(indexing, "ij") == 0 || strcmp(indexing, "xy") == 0, TN_ERR_RUNTIME,
              "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s", indexing);
    return true;
}

/** The coordinates of a grid's points: for each axis its values, expanded over the others: torch.meshgrid. The results are views.
 *  tensors  1-d, or 0-d for one value; one dtype
 *  returns  a list of n tensors with n dims [scope]
 */
TN_API tn_tensors *(tn_meshgrid)(tn_tensor *const *tensors, size_t n, const tn_meshgrid_opts *opts) {
    const char *indexing = TNI_OPT(opts, indexing, NULL);
    if (!indexing) indexing = "ij";
    tni_thread *t = tni_self();
    if (!t || !check_axes(tensors, n, indexing) || !tni_inner_enter(t)) return NULL;
    int64_t sizes[TNI_MAX_DIMS], line[TNI_MAX_DIMS];
    tn_tensor *item[TNI_MAX_DIMS];
    bool swap = n > 1 && *indexing == 'x', right = true;
    for (size_t i = 0; i < n; i++) sizes[swap && i < 2 ? 1 - i : i] = tensors[i]->a.numel;
    for (size_t i = 0; right && i < n; i++) {
        for (size_t d = 0; d < n; d++) line[d] = 1;
        line[swap && i < 2 ? 1 - i : i] = tensors[i]->a.numel;
        item[i] = (tn_expand)((tn_view)(tensors[i], line, n), sizes, n);
        right = item[i] != NULL;
    }
    return tni_inner_return(t, right ? tn_tensors_new(item, n) : NULL);
}
