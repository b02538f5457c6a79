/* ops/loss.h - what the losses share: reductions, and loops of their derivatives. */
#ifndef TNI_LOSS_H
#define TNI_LOSS_H
#include "core/map.h"

/* false with an error unless it is a tn_reduction. */
bool tni_loss_check_reduction(const tni_call *c, int64_t reduction);
/* out[0], the losses of the elements, becomes their sum or mean as the reduction says. */
bool tni_loss_reduce(tni_call *c, int64_t reduction);
/* n, or n divided by the number of elements of x and t broadcast where their mean is taken. */
double tni_loss_scale(double n, const tni_array *x, const tni_array *t, int64_t reduction);
/* PyTorch's warning when x and target have different shapes. */
void tni_loss_warn_shapes(const tn_tensor *x, const tn_tensor *target);

/* A loop dx = expr: `a` and `b` are the elements of x and target, dy the gradient (one number for all, or one for each), scale and extra
 * the numbers of the call (arg[0] and arg[1]). */
#define TNI_LOSS_BACKWARD_(name, T, expr)                                                                                          \
    TNI_INLINE void name##_body TNI_LOOP_PARAMETERS {                                                                              \
        const T scale = (T)arg[0].d, extra = (T)arg[1].d, *u = (const T *)p[2], *v = (const T *)p[3];                              \
        const int64_t w = sizeof(T);                                                                                               \
        (void)extra;                                                                                                               \
        if (s[0] == w && s[1] == 0 && s[2] == w && s[3] == w) {                                                                    \
            const T dy = *(const T *)p[1];                                                                                         \
            T *y = (T *)p[0];                                                                                                      \
            TNI_IVDEP for (int64_t i = 0; i < n; i++) {                                                                            \
                const T a = u[i], b = v[i];                                                                                        \
                y[i] = expr;                                                                                                       \
            }                                                                                                                      \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                                                          \
            const T dy = *(const T *)(p[1] + i * s[1]), a = *(const T *)(p[2] + i * s[2]), b = *(const T *)(p[3] + i * s[3]);      \
            *(T *)(p[0] + i * s[0]) = expr;                                                                                        \
        }                                                                                                                          \
    }                                                                                                                              \
    TNI_LEVELLED(name)
#define TNI_LOSS_BACKWARD(name, expr)                                                                                              \
    TNI_LOSS_BACKWARD_(name##_f32, float, expr)                                                                                    \
    TNI_LOSS_BACKWARD_(name##_f64, double, expr)                                                                                   \
    static const tni_map name##_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(name));
/* Runs such a loop on dy, x and target, the first three inputs. */
bool tni_loss_run_backward(tni_call *c, const tni_map *map, double scale, double extra);
#endif
