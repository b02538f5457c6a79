/* ops/linalg.c - what the operators on matrices share. */
#include "ops/linalg.h"
#include "base/pool.h"
#include "ops/unary.h"
#include <stdio.h>
#include <tison/ops.h>

bool tni_linalg_check_matrix(const char *who, const char *what, const tn_tensor *x, bool square) {
    TNI_CHECK(x->a.ndim >= 2, TN_ERR_SHAPE, "%s: The input tensor %s must have at least 2 dimensions.", who, what);
    TNI_CHECK(!square || tni_last(x, 0) == tni_last(x, 1), TN_ERR_SHAPE,
              "%s: %s must be batches of square matrices, but they are %lld by %lld matrices", who, what, (long long)tni_last(x, 1),
              (long long)tni_last(x, 0));
    return true;
}

bool tni_linalg_check_dtype(const char *who, const char *kernel, const tn_tensor *x) {
    tn_dtype dtype = (tn_dtype)x->a.dtype;
    const char *name = tni_dtype_get(dtype)->legacy;
    TNI_CHECK(!who || tni_dtype_has_grad(dtype), TN_ERR_DTYPE, "%s: Expected a floating point or complex tensor as input. Got %s",
              who, name);
    TNI_CHECK(tni_dtype_is_wide(dtype) || tni_dtype_is_complex(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'",
              kernel, name);
    return true;
}

tn_tensor *tni_linalg_copy(tni_call *c, const char *who, const tn_tensor *x, const int64_t *batch, size_t n, tni_form form) {
    int64_t sizes[TNI_MAX_DIMS + 2], strides[TNI_MAX_DIMS + 2];
    int own = form == TNI_COLUMN ? 1 : 2, extra = (int)n - (x->a.ndim - own);
    if (n + 2 > TNI_MAX_DIMS) {
        tni_fail(TN_ERR_SHAPE, "%s: more than %d dimensions", who, (int)TNI_MAX_DIMS);
        return NULL;
    }
    for (int d = 0; d < (int)n; d++) {
        sizes[d] = batch[d];
        strides[d] = d < extra || x->a.sizes[d - extra] == 1 ? 0 : x->a.strides[d - extra];
    }
    for (int d = 0; d < 2; d++) {
        int from = form == TNI_COLUMN ? x->a.ndim - 1 : x->a.ndim - 2 + (form == TNI_TURNED ? 1 - d : d);
        bool one = form == TNI_COLUMN && d == 1;
        sizes[n + (size_t)d] = one ? 1 : x->a.sizes[from];
        strides[n + (size_t)d] = one ? 0 : x->a.strides[from];
    }
    tn_tensor *copy = tni_tensor_new(c->t, who, (tn_dtype)x->a.dtype, sizes, n + 2);
    if (!copy || copy->a.numel == 0) return copy;
    tn_tensor *view = tni_tensor_view(c->t, who, x, sizes, strides, n + 2, x->a.offset);
    bool right = view && tni_copy_array(&copy->a, &view->a);
    tni_tensor_destroy_new(c->t, view);
    if (right) return copy;
    tni_tensor_destroy_new(c->t, copy);
    return NULL;
}

/* A row-major array of numel elements, seen with the sizes. */
static tn_tensor *as_sizes(tni_call *c, const tn_tensor *x, const int64_t *sizes, size_t ndim, bool turned) {
    int64_t own[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], step = 1;
    for (size_t d = ndim; d-- > 0;) {
        size_t at = !turned || d + 2 < ndim ? d : d == ndim - 1 ? ndim - 2 : ndim - 1;
        own[at] = sizes[at], strides[at] = step;
        step *= TNI_MAX(sizes[at], 1);
    }
    return tni_tensor_view(c->t, c->op->name, x, own, strides, ndim, 0);
}

bool tni_linalg_out(tni_call *c, size_t k, const tn_tensor *from, bool turned, const int64_t *sizes, size_t ndim,
                    tni_layout layout) {
    bool by_columns = layout == TNI_BY_COLUMNS && ndim >= 2;
    tn_tensor *view = as_sizes(c, from, sizes, ndim, turned);
    if (by_columns == turned) return (c->out[k] = view) != NULL; /* the memory is as it should be */
    tn_tensor *memory = view ? tni_tensor_new(c->t, c->op->name, (tn_dtype)from->a.dtype, sizes, ndim) : NULL;
    c->out[k] = memory ? as_sizes(c, memory, sizes, ndim, by_columns) : NULL;
    bool right = c->out[k] && tni_copy_array(&c->out[k]->a, &view->a);
    tni_tensor_destroy_new(c->t, memory);
    tni_tensor_destroy_new(c->t, view);
    return right;
}

typedef struct each {
    bool (*body)(int64_t i, void *context);
    void *context;
    bool failed;
} each;

static void run_each(int64_t begin, int64_t end, void *context) {
    each *e = context;
    for (int64_t i = begin; i < end; i++)
        if (!e->body(i, e->context)) __atomic_store_n(&e->failed, true, __ATOMIC_RELAXED);
}

bool tni_linalg_each(int64_t count, int64_t work, bool (*body)(int64_t i, void *context), void *context) {
    each e = {.body = body, .context = context};
    tni_parallel(count, TNI_MAX(1, 65536 / TNI_MAX(work, 1)), run_each, &e);
    return !e.failed || (tni_failed() ? false : tni_fail_memory(0));
}

int64_t tni_linalg_count(const tn_tensor *x) {
    int64_t count = x->a.device == TNI_CPU;
    for (int d = 0; d < x->a.ndim - 2; d++) count *= x->a.sizes[d];
    return count;
}

bool tni_linalg_refuse(const char *who, const int64_t *number, int64_t count, bool batched, const char *text, const char *after) {
    for (int64_t i = 0; i < count; i++) {
        if (number[i] == 0) continue;
        char place[48] = "", digits[24] = "";
        if (batched) snprintf(place, sizeof place, "(Batch element %lld): ", (long long)i);
        if (after) snprintf(digits, sizeof digits, "%lld", (long long)number[i]);
        return tni_fail(TN_ERR_LINALG, "%s: %s%s%s%s", who, place, text, digits, after ? after : "");
    }
    return true;
}

tn_tensor *tni_turned(tn_tensor *x) { return x ? tn_transpose(x, -2, -1) : NULL; }

tn_tensor *tni_adjoint(tn_tensor *x) { return tni_turned(tni_conjugate(x)); }

tn_tensor *tni_mirrored(tn_tensor *x) { return x ? tn_add(tn_tril(x), tni_adjoint(tn_tril(x, -1))) : NULL; }

tn_tensor *tni_joined(tn_tensor *a, tn_tensor *b, int64_t dim) {
    return a && b ? tn_cat(((tn_tensor *[]){a, b}), 2, .dim = dim) : NULL;
}

tn_tensor *tni_to_shape_of(tni_vjp *g, size_t i, tn_tensor *dx) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, i, &n);
    return dx ? (tn_sum_to_size)(dx, sizes, n) : NULL;
}
