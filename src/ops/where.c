/* ops/where.c - where and masked_fill: elements of one tensor or of another, by a condition. */
#include "core/map.h"
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

/* Elements are moved as bits. */
#define WHERE(name, T)                                                                                                             \
    TNI_INLINE void name##_body(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                               \
        (void)arg;                                                                                                                 \
        T *y = (T *)p[0];                                                                                                          \
        const uint8_t *c = (const uint8_t *)p[1];                                                                                  \
        const T *a = (const T *)p[2], *b = (const T *)p[3];                                                                        \
        const int64_t w = sizeof(T);                                                                                               \
        if (s[0] == w && s[1] == 1 && s[2] == w && s[3] == w) {                                                                    \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T u = a[i], v = b[i];                                                                                        \
                y[i] = c[i] ? u : v;                                                                                               \
            }                                                                                                                      \
        } else if (s[0] == w && s[1] == 1 && s[2] == 0 && s[3] == w) {                                                             \
            const T u = *a;                                                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T v = b[i];                                                                                                  \
                y[i] = c[i] ? u : v;                                                                                               \
            }                                                                                                                      \
        } else if (s[0] == w && s[1] == 1 && s[2] == w && s[3] == 0) {                                                             \
            const T v = *b;                                                                                                        \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T u = a[i];                                                                                                  \
                y[i] = c[i] ? u : v;                                                                                               \
            }                                                                                                                      \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                                                        \
                *(T *)(p[0] + i * s[0]) = *(const T *)((p[1][i * s[1]] ? p[2] + i * s[2] : p[3] + i * s[3]));                      \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_KERNEL(static, name, name##_body, (char *const *p, const int64_t *s, int64_t n, const tni_value *arg), (p, s, n, arg))
TNI_EACH_SIZE(WHERE, where)

static bool check_condition(tni_call *c) {
    const tni_array *condition = &c->in[0]->a;
    TNI_REQUIRE(c, condition->dtype == TN_BOOL || condition->dtype == TN_UINT8, TN_ERR_DTYPE,
                "where expected condition to be a boolean tensor, but got a tensor with dtype %s",
                tni_dtype_get((tn_dtype)condition->dtype)->legacy);
    if (condition->dtype == TN_UINT8)
        tni_warn("where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future version of "
                 "PyTorch. Use a boolean condition instead.");
    return true;
}

/* The output has the memory order of the first operand that has its shape and is dense. */
static bool make_output(tni_call *c, const tni_array *const *x, tn_dtype dtype) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = 0;
    for (size_t i = 0; i < 3; i++) TNI_TRY(tni_shape_broadcast("where", sizes, &ndim, x[i]->sizes, x[i]->ndim));
    for (size_t i = 0; i < 3; i++) {
        if (x[i]->ndim != ndim || memcmp(x[i]->sizes, sizes, ndim * sizeof *sizes) != 0) continue;
        if (x[i]->contiguous) break;
        if (tni_is_dense(x[i])) return tni_out_like(c, 0, c->in[i], dtype);
    }
    return tni_out(c, 0, dtype, sizes, ndim);
}

static bool where_run(tni_call *c) {
    TNI_TRY(check_condition(c));
    tn_dtype dtype = tni_result_type(c->in + 1, 2);
    TNI_TRY(tni_dtype_check("where", dtype));
    const tni_array *x[4] = {NULL, &c->in[0]->a, NULL, NULL};
    for (size_t i = 1; i < 3; i++) {
        tn_tensor *made = NULL;
        x[i + 1] = tni_array_as(c->t, "where", c->in[i], dtype, false, &made);
        if (!x[i + 1] || (made && !tni_give(c->t, made))) return false;
    }
    TNI_TRY(make_output(c, x + 1, dtype));
    x[0] = &c->out[0]->a;
    return tni_map_arrays(TNI_BY_SIZE(tni_dtype_size(dtype), where), x, 4, NULL);
}

static bool where_vjp(tni_vjp *g) {
    tn_tensor *condition = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 1, tn_where(condition, g->dy[0], 0));
    TNI_DX(g, 2, tn_where(condition, 0, g->dy[0]));
    return true;
}

TN_OP(where, .schema = "where.self(Tensor condition, Tensor self, Tensor other) -> Tensor", .grad_name = "WhereBackward0",
      .run = where_run, .vjp = where_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("bool[3,4] f32[3,4] f32[3,4]", "bool[3,1] f32[4] f32[]", "bool[3,4] f64[3,4]^T f64[3,4]",
                            "bool[3] i64[3] f32[3]", "bool[] f32[2] f32[2]", "bool[0] f32[1] f32[0]",
                            "i64[2] f32[2] f32[2] !dtype"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_where(condition, a, b)                                                                                                  \
    __extension__({                                                                                                                \
        TN_QUIET tn_tensor *tn_c = (condition);                                                                                    \
        __auto_type tn_a = (a);                                                                                                    \
        __auto_type tn_b = (b);                                                                                                    \
        tn_tensor *tn_r = (tn_where)(tn_c, TN_PICK(tn_a), TN_PICK(tn_b));                                                          \
        TN_UNQUIET tn_r;                                                                                                           \
    })
#endif
#endif

/** a where the condition is true, b elsewhere, broadcast, in the promoted dtype: torch.where.
 *  condition  bool; uint8 is taken with a warning, other dtypes are TN_ERR_DTYPE
 *  a, b       the macro takes numbers too
 *  returns    [scope]; NULL with TN_ERR_SHAPE when the shapes do not broadcast
 */
TN_API tn_tensor *(tn_where)(tn_tensor *condition, tn_tensor *a, tn_tensor *b) {
    return tni_run_op(&tni_op_where, TNI_INS(condition, a, b), TNI_NO_ARGS);
}

/* ---- masked_fill ---- */

static bool check_mask(const tni_call *c, const tni_array *mask) {
    TNI_REQUIRE(c, mask->dtype == TN_BOOL, TN_ERR_DTYPE, "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                mask->dtype == TN_UINT8 ? "unsigned char" : tni_dtype_c_name((tn_dtype)mask->dtype));
    return true;
}

static bool masked_fill_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *mask = &c->in[1]->a;
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = x->ndim;
    memcpy(sizes, x->sizes, ndim * sizeof *sizes);
    TNI_TRY(check_mask(c, mask) && tni_shape_broadcast(tni_call_name(c), sizes, &ndim, mask->sizes, mask->ndim));
    tn_tensor *value = tni_give(c->t, tni_tensor_new(c->t, "masked_fill", (tn_dtype)x->dtype, NULL, 0));
    if (!value || !tni_value_as(c, 2, (tn_dtype)x->dtype, value->a.data)) return false;
    bool same = ndim == x->ndim && memcmp(sizes, x->sizes, ndim * sizeof *sizes) == 0;
    TNI_REQUIRE(c, same || !c->inplace, TN_ERR_SHAPE, "output with shape %s doesn't match the broadcast shape %s", TNI_SHAPE(x),
                tni_shape_text((char[160]){0}, 160, sizes, ndim));
    if (!c->inplace) TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, sizes, ndim));
    if (!(mask = tni_input_apart(c, 1))) return false;
    const tni_array *const arrays[] = {&c->out[0]->a, mask, &value->a, x};
    return tni_map_arrays(TNI_BY_SIZE(tni_array_item(x), where), arrays, 4, NULL);
}

static bool masked_fill_vjp(tni_vjp *g) {
    tn_tensor *mask = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, mask ? tn_masked_fill(g->dy[0], mask, 0) : NULL);
    TNI_DX(g, 2, mask ? tn_sum((tn_where)(mask, g->dy[0], tn_number_int(0))) : NULL);
    return true;
}

TN_OP(masked_fill, .schema = "masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
      .grad_name = "MaskedFillBackward0", .run = masked_fill_run, .vjp = masked_fill_vjp, .save = TNI_IN(1), .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] bool[3,4] f32[] @bench", "f64[3,4] bool[4] f64[]", "f32[4] bool[3,4] f32[]",
                            "f32[3,4]^T bool[3,1] f32[]", "f32[] bool[] f32[]", "f32[0,2] bool[2] f32[]", "i64[4] bool[4] i64[]",
                            "bool[4] bool[4] bool[]", "f16[4] bool[4] f32[] nograd", "c64[3] bool[3] f32[] nograd",
                            "f32[3] u8[3] f32[] !dtype", "f32[3] bool[3] f32[1] !shape", "f32[3,4] bool[3,2] f32[] !shape",
                            "f32[3] bool[3] c64[] !runtime"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_masked_fill(x, mask, value) (tn_masked_fill)(x, mask, TN_PICK(value))
#define tn_masked_fill_(x, mask, value) (tn_masked_fill_)(x, mask, TN_PICK(value))
#endif
#endif

/** x with one value where the mask is true: torch.masked_fill.
 *  mask     bool (TN_ERR_DTYPE), broadcast with x
 *  value    a number or a 0-d tensor; it becomes x's dtype, and a number that does not fit is TN_ERR_RUNTIME
 *  returns  x's dtype, the broadcast shape [scope]
 */
TN_API tn_tensor *(tn_masked_fill)(tn_tensor *x, tn_tensor *mask, tn_tensor *value) {
    return tni_run_op(&tni_op_masked_fill, TNI_INS(x, mask, value), TNI_NO_ARGS);
}
/** tn_masked_fill in place: Tensor.masked_fill_. The mask broadcasts to x. Returns x. */
TN_API tn_tensor *(tn_masked_fill_)(tn_tensor *x, tn_tensor *mask, tn_tensor *value) {
    return tni_run_op_inplace(&tni_op_masked_fill, TNI_INS(x, mask, value), TNI_NO_ARGS);
}
