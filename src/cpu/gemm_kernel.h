/* cpu/gemm_kernel.h - the body of the matrix product for one element type and one CPU level; gemm.c includes it once for each.
 * In: T, V (a vector of W elements), MR (rows of a tile), AS (row length of a packed panel of A), N(name), TARGET, the vector
 * operations, and TILE (the edge of a transposed block, 0 for plain loops). No include guard. */

typedef struct N(args) {
    int64_t kb, ar, ak, ldb, ldc;
    const T *a, *b;
    T *c;
    int cols, mode;
    T beta;
    const T *bias, *row_bias;
} N(args);

/* A tile's end in the general case: masks, beta, bias. `sums` holds nv vectors a row. */
TARGET static __attribute__((noinline)) void N(finish)(const N(args) * t, int mr, int nv, const T *sums) {
    for (int v = 0; v < nv; v++) {
        int left = t->cols - v * W;
        MASK mask = VMASK(left < W ? left : W);
        V scale = VSET1(t->beta), add = VZERO;
        if (t->bias != NULL) VLOADM(add, t->bias + v * W, mask);
        for (int i = 0; i < mr; i++) {
            T *c = t->c + i * t->ldc + v * W;
            V x = VLOAD(sums + (i * nv + v) * W), old = VZERO;
            if (t->mode != MODE_STORE) VLOADM(old, c, mask);
            if (t->mode == MODE_ADD) x = old + x;
            if (t->mode == MODE_SCALE) x = scale * old + x;
            if (t->bias != NULL) x = x + add;
            if (t->row_bias != NULL) x = x + VSET1(t->row_bias[i]);
            VSTOREM(c, mask, x);
        }
    }
}

/* mr rows by nv vectors of C: the sums stay in registers over one block of k. */
TARGET TNI_INLINE void N(tile)(const int mr, const int nv, const bool packed, const N(args) * t) {
    V sum[MR][2];
    UNROLL for (int i = 0; i < mr; i++) sum[i][0] = sum[i][1] = VZERO;
    const T *a = t->a, *b = t->b;
    const int64_t ar = packed ? 1 : t->ar, ak = packed ? AS : t->ak, ldb = t->ldb;
    for (int64_t k = t->kb; k > 0; k--) {
        V b0 = VLOAD(b), b1 = VZERO;
        if (nv == 2) b1 = VLOAD(b + W);
        UNROLL for (int i = 0; i < mr; i++) {
            V x = VSET1(a[i * ar]);
            if (nv == 2) KEEP(x); /* one broadcast for both */
            sum[i][0] = VFMA(x, b0, sum[i][0]);
            if (nv == 2) sum[i][1] = VFMA(x, b1, sum[i][1]);
        }
        a += ak;
        b += ldb;
    }
    T *c = t->c;
    bool plain = t->cols == nv * W && t->bias == NULL && t->row_bias == NULL;
    if (plain && t->mode == MODE_STORE) {
        UNROLL for (int i = 0; i < mr; i++) {
            VSTORE(c + i * t->ldc, sum[i][0]);
            if (nv == 2) VSTORE(c + i * t->ldc + W, sum[i][1]);
        }
    } else if (plain && t->mode == MODE_ADD) {
        UNROLL for (int i = 0; i < mr; i++) {
            VSTORE(c + i * t->ldc, VLOAD(c + i * t->ldc) + sum[i][0]);
            if (nv == 2) VSTORE(c + i * t->ldc + W, VLOAD(c + i * t->ldc + W) + sum[i][1]);
        }
    } else {
        T sums[MR * 2 * W] __attribute__((aligned(64)));
        UNROLL for (int i = 0; i < mr; i++) {
            VSTORE(sums + i * nv * W, sum[i][0]);
            if (nv == 2) VSTORE(sums + (i * nv + 1) * W, sum[i][1]);
        }
        N(finish)(t, mr, nv, sums);
    }
}

#define KERNEL(m)                                                                                                                  \
    TARGET static void N(strided1_##m)(const N(args) * t) { N(tile)(m, 1, false, t); }                                             \
    TARGET static void N(strided2_##m)(const N(args) * t) { N(tile)(m, 2, false, t); }                                             \
    TARGET static void N(packed1_##m)(const N(args) * t) { N(tile)(m, 1, true, t); }                                               \
    TARGET static void N(packed2_##m)(const N(args) * t) { N(tile)(m, 2, true, t); }
KERNELS
#undef KERNEL
static void (*const N(kernels)[4][MR])(const N(args) * t) = {
#define KERNEL(m) N(strided1_##m),
    {KERNELS},
#undef KERNEL
#define KERNEL(m) N(strided2_##m),
    {KERNELS},
#undef KERNEL
#define KERNEL(m) N(packed1_##m),
    {KERNELS},
#undef KERNEL
#define KERNEL(m) N(packed2_##m),
    {KERNELS},
#undef KERNEL
};

/* to[k * ldt + r] = from[k * ldf + r], r up to the next multiple of W: zeros behind `width`. */
TARGET static void N(pack_rows)(const T *from, int64_t ldf, int width, int64_t kb, T *to, int64_t ldt) {
    int full = width / W * W;
    MASK mask = VMASK(width - full < 1 ? 1 : width - full);
    for (int64_t k = 0; k < kb; k++, from += ldf, to += ldt) {
        for (int r = 0; r < full; r += W) VSTORE(to + r, VLOAD(from + r));
        if (full < width) {
            V last = VZERO;
            VLOADM(last, from + full, mask);
            VSTORE(to + full, last);
        }
    }
}

/* TOGETHER whole panels of B side by side: where rows lie far apart, each is then found once for all of them. */
TARGET static void N(pack_panels)(const T *from, int64_t ldf, int64_t kb, T *to) {
    for (int64_t k = 0; k < kb; k++, from += ldf, to += 2 * W)
        for (int panel = 0; panel < TOGETHER; panel++) {
            T *p = to + panel * 2 * W * kb;
            VSTORE(p, VLOAD(from + panel * 2 * W));
            VSTORE(p + W, VLOAD(from + panel * 2 * W + W));
        }
}

/* to[k * ldt + r] = from[r * ldf + k], r up to the next multiple of W; what stands behind `width` is of no account but finite
 * wherever `from` is. */
TARGET static void N(pack_columns)(const T *from, int64_t ldf, int width, int64_t kb, T *to, int64_t ldt) {
    enum { EDGE = TILE > 0 ? TILE : 1 };
    for (int r = 0; r < width; r += EDGE) {
        const T *row[EDGE];
        int64_t k = 0;
        for (int i = 0; i < EDGE; i++) row[i] = from + TNI_MIN(r + i, width - 1) * ldf;
#if TILE > 0
        for (; k + EDGE <= kb; k += EDGE) TRANSPOSE(row, k, to + k * ldt + r, ldt);
#endif
        for (; k < kb; k++)
            for (int i = 0; i < EDGE; i++) to[k * ldt + r + i] = row[i][k];
    }
    int filled = (width + EDGE - 1) / EDGE * EDGE, end = (width + W - 1) / W * W;
    for (int64_t k = 0; filled < end && k < kb; k++)
        for (int i = filled; i < end; i++) to[k * ldt + i] = 0;
}

/* One block of k by one block of n, all rows. */
TARGET static void N(block)(const tni_gemm_job *g, const plan *p, N(args) * t, const T *b, int64_t j0, int64_t nc, T *scratch) {
    const T *a = t->a;
    T *packed_a = scratch + p->b_elements, *c0 = t->c;
    const T *bias = t->bias, *row_bias = t->row_bias;
    int64_t panels = (g->m + MR - 1) / MR, low = g->m / panels, more = g->m % panels, i = 0;
    for (int64_t j = 0, step; j < nc; j += step) {
        int width = (int)TNI_MIN(nc - j, 2 * W);
        T *to = scratch + (p->pack_b ? j * t->kb : 0);
        step = 2 * W;
        if (!p->pack_b && width % W == 0) continue; /* read where it lies */
        if (g->tb)
            N(pack_columns)(b + j * g->ldb, g->ldb, width, t->kb, to, 2 * W);
        else if (p->pack_b && nc - j >= TOGETHER * 2 * W)
            N(pack_panels)(b + j, g->ldb, t->kb, to), step *= TOGETHER;
        else
            N(pack_rows)(b + j, g->ldb, width, t->kb, to, 2 * W);
    }
    for (int64_t panel = 0; panel < panels; panel++) {
        int rows = (int)(low + (panel < more));
        const T *from = a + i * (g->ta ? 1 : g->lda);
        t->a = from;
        if (p->pack_a) {
            if (g->ta)
                N(pack_rows)(from, g->lda, rows, t->kb, packed_a, AS);
            else
                N(pack_columns)(from, g->lda, rows, t->kb, packed_a, AS);
            t->a = packed_a;
        }
        for (int64_t j = 0; j < nc; j += 2 * W) {
            t->cols = (int)TNI_MIN(nc - j, 2 * W);
            bool direct = !p->pack_b && t->cols % W == 0;
            t->b = direct ? b + j : scratch + (p->pack_b ? j * t->kb : 0);
            t->ldb = direct ? g->ldb : 2 * W;
            t->c = c0 + i * g->ldc + j0 + j;
            if (bias != NULL) t->bias = bias + j0 + j;
            if (row_bias != NULL) t->row_bias = row_bias + i;
            N(kernels)[(t->cols > W) + 2 * p->pack_a][rows - 1](t);
        }
        i += rows;
    }
}

TARGET static void N(serial)(const tni_gemm_job *g, const plan *p, void *scratch) {
    const T *a = g->a, *b = g->b;
    for (int64_t j = 0; j < g->n; j += p->nc) {
        int64_t nc = TNI_MIN(p->nc, g->n - j);
        for (int64_t k = 0; k < g->k; k += p->kb) {
            N(args) t = {.kb = TNI_MIN(p->kb, g->k - k), .ar = g->ta ? 1 : g->lda, .ak = g->ta ? g->lda : 1, .ldc = g->ldc};
            bool last = k + p->kb >= g->k;
            t.a = a + (g->ta ? k * g->lda : k);
            t.c = g->c;
            t.beta = (T)g->beta;
            t.mode = k > 0 || g->beta == 1 ? MODE_ADD : g->beta == 0 ? MODE_STORE : MODE_SCALE;
            t.bias = last ? g->bias : NULL;
            t.row_bias = last ? g->row_bias : NULL;
            N(block)(g, p, &t, b + (g->tb ? j * g->ldb + k : k * g->ldb + j), j, nc, scratch);
        }
    }
}

/* sums[r] of `rows` dot products of matrix rows with x, by LANES chains and a fixed tree. */
TARGET TNI_INLINE void N(dot_rows)(const int rows, const T *matrix, int64_t ld, int64_t k, const T *x, T *sums) {
    enum { VECTORS = LANES / W };
    V sum[4][VECTORS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < VECTORS; v++) sum[r][v] = VZERO;
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES) UNROLL for (int v = 0; v < VECTORS; v++) {
            V y = VLOAD(x + i + v * W);
            UNROLL for (int r = 0; r < rows; r++) sum[r][v] = VFMA(y, VLOAD(matrix + r * ld + i + v * W), sum[r][v]);
        }
    UNROLL for (int v = 0; v < VECTORS; v++) {
        int64_t left = k - i - v * W;
        if (left <= 0) continue;
        MASK mask = VMASK((int)(left < W ? left : W));
        V y = VZERO, z = VZERO;
        VLOADM(y, x + i + v * W, mask);
        UNROLL for (int r = 0; r < rows; r++) {
            VLOADM(z, matrix + r * ld + i + v * W, mask);
            sum[r][v] = VFMA(y, z, sum[r][v]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        T lane[LANES] __attribute__((aligned(64)));
        UNROLL for (int v = 0; v < VECTORS; v++) VSTORE(lane + v * W, sum[r][v]);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int l = 0; l < half; l++) lane[l] += lane[l + half];
        sums[r] = lane[0];
    }
}

TARGET static void N(dot)(const vector_job *g, int64_t begin, int64_t end) {
    const T *matrix = g->matrix;
    for (int64_t i = begin; i < end;) {
        T sums[4];
        int rows = end - i >= 4 ? 4 : 1;
        if (rows == 4)
            N(dot_rows)(4, matrix + i * g->ld, g->ld, g->k, g->x, sums);
        else
            N(dot_rows)(1, matrix + i * g->ld, g->ld, g->k, g->x, sums);
        for (int r = 0; r < rows; r++, i++) {
            T *y = (T *)g->y + i * g->step;
            T value = g->beta == 0 ? sums[r] : (T)g->beta * *y + sums[r];
            if (g->bias != NULL) value += ((const T *)g->bias)[i * g->bias_step];
            if (g->row_bias != NULL) value += ((const T *)g->row_bias)[i * g->row_bias_step];
            *y = value;
        }
    }
}

/* sums[j] += x[0] * row 0 [j] + ... in the order of the rows. */
TARGET TNI_INLINE void N(add_rows)(const int rows, const T *matrix, int64_t ld, int64_t n, const T *x, T *sums) {
    int64_t j = 0;
    for (; j + W <= n; j += W) {
        V sum = VLOAD(sums + j);
        UNROLL for (int r = 0; r < rows; r++) sum = VFMA(VSET1(x[r]), VLOAD(matrix + r * ld + j), sum);
        VSTORE(sums + j, sum);
    }
    if (j < n) {
        MASK mask = VMASK((int)(n - j));
        V sum = VZERO, z = VZERO;
        VLOADM(sum, sums + j, mask);
        UNROLL for (int r = 0; r < rows; r++) {
            VLOADM(z, matrix + r * ld + j, mask);
            sum = VFMA(VSET1(x[r]), z, sum);
        }
        VSTOREM(sums + j, mask, sum);
    }
}

TARGET static void N(add)(const vector_job *g, int64_t begin, int64_t end) {
    enum { WIDTH = 1024 };
    T sums[WIDTH] __attribute__((aligned(64)));
    for (int64_t j = begin; j < end; j += WIDTH) {
        int64_t n = TNI_MIN(end - j, WIDTH);
        for (int64_t k = 0; k < g->k; k += g->kb) {
            int64_t i = k, stop = TNI_MIN(k + g->kb, g->k);
            const T *matrix = (const T *)g->matrix + j, *x = g->x;
            memset(sums, 0, (size_t)n * sizeof(T));
            for (; i + 8 <= stop; i += 8) N(add_rows)(8, matrix + i * g->ld, g->ld, n, x + i, sums);
            for (; i < stop; i++) N(add_rows)(1, matrix + i * g->ld, g->ld, n, x + i, sums);
            for (int64_t l = 0; l < n; l++) {
                T *y = (T *)g->y + (j + l) * g->step;
                T value = k > 0 ? *y + sums[l] : g->beta == 0 ? sums[l] : (T)g->beta * *y + sums[l];
                if (stop == g->k && g->bias != NULL) value += ((const T *)g->bias)[(j + l) * g->bias_step];
                if (stop == g->k && g->row_bias != NULL) value += ((const T *)g->row_bias)[(j + l) * g->row_bias_step];
                *y = value;
            }
        }
    }
}

#undef T
#undef V
#undef W
#undef MR
#undef AS
#undef N
#undef TARGET
#undef MASK
#undef VMASK
#undef VSET1
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VLOADM
#undef VSTOREM
#undef VFMA
#undef KEEP
#undef KERNELS
#undef TILE
#undef TRANSPOSE
#undef LANES
