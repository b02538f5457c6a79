/* cpu/sum.c - the tree of additions, for both float types; this file includes itself once for each. */
#ifndef T
#include "cpu/sum.h"
#include "cpu/level.h"
#include <string.h>

/* TNI_KERNEL with its arguments expanded first */
#define KERNEL(linkage, name, body, params, args) TNI_KERNEL(linkage, name, body, params, args)

enum { GROUPS = 8 }; /* column groups that go down the rows side by side; changes speed only */

/* Length of a cascade's lowest level, as a power of 2: a fourth of the bits of `rows`, at least 16 rows. */
TNI_INLINE int step_bits(int64_t rows) {
    int bits = rows <= 2 ? 1 : 64 - __builtin_clzll((uint64_t)rows - 1);
    return TNI_MAX(4, bits / 4);
}

/* Whether dim b belongs inside dim a: 1 yes, -1 no, 0 cannot tell. */
static int belongs_inside(const tni_sum_dim *a, const tni_sum_dim *b) {
    if ((a->out_stride == 0) != (b->out_stride == 0)) return b->out_stride == 0 ? 1 : -1;
    if (a->out_stride != b->out_stride) return a->out_stride > b->out_stride ? 1 : -1;
    if (a->x_stride == 0 || b->x_stride == 0) return 0;
    if (a->x_stride != b->x_stride) return a->x_stride > b->x_stride ? 1 : -1;
    return a->size > b->size ? 1 : 0;
}

int tni_sum_order(tni_sum_dim *dims, int count) {
    int merged = 0;
    for (int i = 0; i < count / 2; i++) {
        tni_sum_dim swap = dims[i];
        dims[i] = dims[count - 1 - i];
        dims[count - 1 - i] = swap;
    }
    for (int i = 1; i < count; i++) { /* dims of size 1 take part here: beside a stride 0 they can decide */
        int moving = i;
        for (int j = i - 1; j >= 0; j--) {
            int verdict = belongs_inside(&dims[j], &dims[moving]);
            if (verdict < 0) break;
            if (verdict == 0) continue;
            tni_sum_dim swap = dims[j];
            dims[j] = dims[moving];
            dims[moving] = swap;
            moving = j;
        }
    }
    for (int i = 1; i < count; i++) {
        tni_sum_dim *inner = &dims[merged];
        if (inner->size == 1)
            *inner = dims[i];
        else if (dims[i].size == 1)
            continue;
        else if (inner->size * inner->x_stride == dims[i].x_stride && inner->size * inner->out_stride == dims[i].out_stride)
            inner->size *= dims[i].size;
        else
            dims[++merged] = dims[i];
    }
    return count == 0 ? 0 : merged + 1;
}

#define T float
#define V 8
#define F(name) name##_f32
#include "cpu/sum.c"
#undef T
#undef V
#undef F
#define T double
#define V 4
#define F(name) name##_f64
#include "cpu/sum.c"
#undef T
#undef V
#undef F

#elif !defined(ITEM) /* once for each type: first the building blocks for its vectors and its scalars */

typedef T F(vector) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
#define ITEM F(vector)
#define G(name) F(name##_vectors)
#include "cpu/sum.c"
#undef ITEM
#undef G
#define ITEM T
#define G(name) F(name##_scalars)
#include "cpu/sum.c"
#undef ITEM
#undef G

/* Scalar code gains nothing from the levels: compiled once. */
static __attribute__((noinline)) void F(scalar_row)(T *out, const T *x, int64_t n, int64_t stride) {
    F(row_scalars)(out, x, n, stride);
}

static __attribute__((noinline)) void F(scalar_columns)(T sums[1][4], const T *x, int64_t n, int64_t n_stride, int64_t m_stride) {
    F(cascade_scalars)(sums, x, n, n_stride, m_stride, 1, 0);
}

/* n >= V contiguous elements. */
TNI_INLINE T F(contiguous_row)(const T *x, int64_t n) {
    T lanes[V], total = 0;
    F(vector) sum;
    F(row_vectors)(&sum, x, n / V, V);
    memcpy(lanes, &sum, sizeof lanes);
    for (int64_t i = n - n % V; i < n; i++) total += x[i];
    for (int i = 0; i < V; i++) total += lanes[i];
    return total;
}

/* Columns side by side in memory. */
TNI_INLINE void F(columns)(T *out, int64_t out_stride, const T *x, int64_t n, int64_t n_stride, int64_t begin, int64_t end) {
    int64_t j = begin;
    T lanes[GROUPS * 4 * V];
    while (j + 4 * V <= end) {
        int64_t groups = TNI_MIN((end - j) / (4 * V), GROUPS);
        F(vector) sums[GROUPS][4];
        F(cascade_vectors)(sums, x + j, n, n_stride, V, groups, 4 * V);
        memcpy(lanes, sums, sizeof(T) * 4 * V * (size_t)groups);
        for (int64_t i = 0; i < groups * 4 * V; i++, j++) out[j * out_stride] += lanes[i];
    }
    while (j + V <= end) {
        F(vector) sum;
        F(row_vectors)(&sum, x + j, n, n_stride);
        memcpy(lanes, &sum, sizeof sum);
        for (int64_t i = 0; i < V; i++, j++) out[j * out_stride] += lanes[i];
    }
    for (; j < end; j++) {
        T sum;
        F(scalar_row)(&sum, x + j, n, n_stride);
        out[j * out_stride] += sum;
    }
}

TNI_INLINE void F(sum_2d)(T *out, int64_t out_stride, const T *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                          int64_t begin, int64_t end) {
    if (n_stride == 1 && n >= V) {
        for (int64_t j = begin; j < end; j++) out[j * out_stride] += F(contiguous_row)(x + j * m_stride, n);
        return;
    }
    if (m_stride == 1 && m >= V) {
        F(columns)(out, out_stride, x, n, n_stride, begin, end);
        return;
    }
    int64_t j = begin;
    T sums[1][4];
    for (; n_stride >= m_stride && j + 4 <= end; j += 4) {
        F(scalar_columns)(sums, x + j * m_stride, n, n_stride, m_stride);
        for (int i = 0; i < 4; i++) out[(j + i) * out_stride] += sums[0][i];
    }
    for (; j < end; j++) {
        F(scalar_row)(sums[0], x + j * m_stride, n, n_stride);
        out[j * out_stride] += sums[0][0];
    }
}

KERNEL(, F(tni_sum_2d), F(sum_2d),
       (T * out, int64_t out_stride, const T *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride, int64_t begin,
        int64_t end),
       (out, out_stride, x, n, n_stride, m, m_stride, begin, end))

void F(tni_sum_inner)(T *out, int64_t out_stride, const T *x, int64_t outer, int64_t outer_stride, int64_t n) {
    for (int64_t j = 0; j < outer; j++) out[j * out_stride] = 0;
    F(tni_sum_2d)(out, out_stride, x, n, 1, outer, outer_stride, 0, outer);
}

void F(tni_sum_outer)(T *out, const T *x, int64_t columns, int64_t column_stride, int64_t n, int64_t n_stride) {
    for (int64_t j = 0; j < columns; j++) out[j] = 0;
    F(tni_sum_2d)(out, 1, x, n, n_stride, columns, column_stride, 0, columns);
}

void F(tni_sum_nd)(T *out, const T *x, const tni_sum_dim *dims, int count) {
    static const tni_sum_dim one = {1, 0, 0};
    const tni_sum_dim *first = count > 0 ? &dims[0] : &one, *second = count > 1 ? &dims[1] : &one;
    int64_t rounds = 1;
    for (int d = 0; d < count; d++)
        if (dims[d].size == 0) return;
    for (int d = 2; d < count; d++) rounds *= dims[d].size;
    for (int64_t round = 0; round < rounds; round++) {
        T *to = out;
        const T *from = x;
        int64_t rest = round;
        for (int d = 2; d < count; d++) {
            int64_t at = rest % dims[d].size;
            rest /= dims[d].size;
            to += at * dims[d].out_stride;
            from += at * dims[d].x_stride;
        }
        if (first->out_stride == 0) {
            F(tni_sum_2d)
            (to, second->out_stride, from, first->size, first->x_stride, second->size, second->x_stride, 0, second->size);
            continue;
        }
        for (int64_t j = 0; j < second->size; j++) /* nothing is summed */
            for (int64_t i = 0; i < first->size; i++)
                to[i * first->out_stride + j * second->out_stride] += from[i * first->x_stride + j * second->x_stride];
    }
}

#else /* once for each item, T or a vector of it */

/* s[k] += item k of each row. */
TNI_INLINE void G(add_rows)(ITEM s[4], const T *x, int64_t rows, int64_t row_stride, int64_t item_stride) {
    ITEM a = s[0], b = s[1], c = s[2], d = s[3];
    for (int64_t i = 0; i < rows; i++, x += row_stride) {
        a += *(const ITEM *)x;
        b += *(const ITEM *)(x + item_stride);
        c += *(const ITEM *)(x + 2 * item_stride);
        d += *(const ITEM *)(x + 3 * item_stride);
    }
    s[0] = a, s[1] = b, s[2] = c, s[3] = d;
}

/* to += from, and from = 0 */
TNI_INLINE void G(carry)(ITEM (*to)[4], ITEM (*from)[4], int64_t groups) {
    for (int64_t g = 0; g < groups; g++)
        for (int k = 0; k < 4; k++) to[g][k] += from[g][k], from[g][k] = (ITEM){0};
}

/* out[g][k] = the sum of item k of group g over the rows. Four levels of accumulators: the lowest, in registers, moves up after
 * each step rows, the next ones after step^2 and step^3 rows. */
TNI_INLINE void G(cascade)(ITEM (*out)[4], const T *x, int64_t rows, int64_t row_stride, int64_t item_stride, int64_t groups,
                           int64_t group_stride) {
    int bits = step_bits(rows);
    int64_t step = (int64_t)1 << bits, row = 0;
    const ITEM zero = (ITEM){0};
    for (int64_t g = 0; g < groups && rows < step; g++) {
        for (int k = 0; k < 4; k++) out[g][k] = zero;
        G(add_rows)(out[g], x + g * group_stride, rows, row_stride, item_stride);
    }
    if (rows < step) return;
    ITEM level[3][GROUPS][4];
    for (int j = 0; j < 3; j++)
        for (int64_t g = 0; g < groups; g++)
            for (int k = 0; k < 4; k++) level[j][g][k] = zero;
    while (row + step <= rows) {
        for (int64_t g = 0; g < groups; g++) {
            ITEM s[4] = {zero, zero, zero, zero};
            G(add_rows)(s, x + row * row_stride + g * group_stride, step, row_stride, item_stride);
            for (int k = 0; k < 4; k++) level[0][g][k] += s[k];
        }
        row += step;
        if ((row & ((step - 1) << bits)) != 0) continue;
        G(carry)(level[1], level[0], groups);
        if ((row & ((step - 1) << (2 * bits))) == 0) G(carry)(level[2], level[1], groups);
    }
    for (int64_t g = 0; g < groups; g++) {
        ITEM s[4] = {zero, zero, zero, zero};
        G(add_rows)(s, x + row * row_stride + g * group_stride, rows - row, row_stride, item_stride);
        for (int k = 0; k < 4; k++) out[g][k] = ((s[k] + level[0][g][k]) + level[1][g][k]) + level[2][g][k];
    }
}

/* The sum of n items by four accumulators taking turns. */
TNI_INLINE void G(row)(ITEM *out, const T *x, int64_t n, int64_t stride) {
    ITEM sums[1][4];
    G(cascade)(sums, x, n / 4, 4 * stride, stride, 1, 0);
    for (int64_t i = n - n % 4; i < n; i++) sums[0][0] += *(const ITEM *)(x + i * stride);
    *out = ((sums[0][0] + sums[0][1]) + sums[0][2]) + sums[0][3];
}
#endif
