/* ops/where.c - where: elements of one tensor or of another, by a condition. */
#include "core/map.h"
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
