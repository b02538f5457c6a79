/* cpu/factor.c - LU, QR, Cholesky and triangles, for float and double. */
#include "cpu/factor.h"
#include "cpu/level.h"
#include <math.h>
#include <string.h>

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define N(name) name##_f32
#define ABS fabsf
#include "cpu/factor_kernel.h"
#define T double
#define N(name) name##_f64
#define ABS fabs
#include "cpu/factor_kernel.h"

void tni_lu(bool wide, void *a, int64_t n, int64_t *pivot, int64_t *zero) {
    if (wide)
        lu_f64(a, n, pivot, zero);
    else
        lu_f32(a, n, pivot, zero);
}

void tni_lu_solve(bool wide, const void *lu, int64_t n, const int64_t *pivot, void *b, int64_t k) {
    if (wide)
        lu_solve_f64(lu, n, pivot, b, k);
    else
        lu_solve_f32(lu, n, pivot, b, k);
}

void tni_triangle_solve(bool wide, bool upper, bool unit, const void *a, int64_t n, void *b, int64_t k) {
    if (wide)
        triangle_f64(upper, unit, a, n, b, k);
    else
        triangle_f32(upper, unit, a, n, b, k);
}

void tni_qr(bool wide, void *a, int64_t m, int64_t n, void *tau, void *room) {
    if (wide)
        qr_f64(a, m, n, tau, room);
    else
        qr_f32(a, m, n, tau, room);
}

void tni_reflections(bool wide, void *q, int64_t m, int64_t n, const void *v, int64_t columns, const void *tau, int64_t k,
                     void *room) {
    if (wide)
        reflections_f64(q, m, n, v, columns, tau, k, room);
    else
        reflections_f32(q, m, n, v, columns, tau, k, room);
}

void tni_reflections_back(bool wide, void *dv, void *dtau, const void *dq, int64_t m, int64_t n, const void *v, const void *tau,
                          int64_t k, void *room) {
    if (wide)
        reflections_back_f64(dv, dtau, dq, m, n, v, tau, k, room);
    else
        reflections_back_f32(dv, dtau, dq, m, n, v, tau, k, room);
}

void tni_cholesky(bool wide, void *a, int64_t n, int64_t *order) {
    if (wide)
        cholesky_f64(a, n, order);
    else
        cholesky_f32(a, n, order);
}
