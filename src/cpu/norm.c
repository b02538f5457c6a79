/* cpu/norm.c - normalisation: cuts the arrays into pieces, shares them among threads, adds up what they give. */
#include "cpu/norm.h"
#include "base/memory.h"
#include "base/pool.h"
#include "cpu/level.h"
#include "cpu/vmath.h"

enum { CHUNK = 1024, GRAIN = 16384, NARROW = 16 };

typedef struct layer_work {
    const tni_layer_norm *g;
    const void *x, *weight, *bias;
    void *y, *mean, *rstd;
} layer_work;

typedef struct layer_back_work {
    const tni_layer_norm *g;
    const void *dy, *x, *mean, *rstd, *weight;
    void *dx, *dweight, *dbias, *partial; /* partial: [parts, 2, n] */
    int64_t rows_a_part, parts;
} layer_back_work;

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define N(name) name##_f32
#include "cpu/norm_kernel.h"
#undef T
#undef N
#define T double
#define N(name) name##_f64
#include "cpu/norm_kernel.h"
#undef T
#undef N

/* Element i, or `other` where there is no array. */
TNI_INLINE double get(bool wide, const void *p, int64_t i, double other) {
    return p == NULL ? other : wide ? ((const double *)p)[i] : (double)((const float *)p)[i];
}
TNI_INLINE void put(bool wide, void *p, int64_t i, double value) {
    if (p == NULL) return;
    if (wide)
        ((double *)p)[i] = value;
    else
        ((float *)p)[i] = (float)value;
}
TNI_INLINE size_t item(bool wide) { return wide ? sizeof(double) : sizeof(float); }
/* p + i elements */
TNI_INLINE const void *at(bool wide, const void *p, int64_t i) { return (const char *)p + (size_t)i * item(wide); }
TNI_INLINE void *to(bool wide, void *p, int64_t i) { return (char *)p + (size_t)i * item(wide); }

/* Rows of n elements whose columns are added up in T: few enough to be accurate. */
static int64_t rows_of_a_part(int64_t n) { return TNI_MIN(65536 / TNI_MAX(n, 1) + 16, 128); }

/* ---- layer norm ---- */

static void layer_part(int64_t begin, int64_t end, void *context) {
    const layer_work *k = context;
    k->g->wide ? layer_f64(k, begin, end) : layer_f32(k, begin, end);
}

void tni_layer_norm_forward(const tni_layer_norm *g, const void *x, const void *weight, const void *bias, void *y, void *mean,
                            void *rstd) {
    layer_work k = {g, x, weight, bias, y, mean, rstd};
    tni_parallel(g->rows, GRAIN / TNI_MAX(g->n, 1) + 1, layer_part, &k);
}

static void layer_back_parts(int64_t begin, int64_t end, void *context) {
    const layer_back_work *k = context;
    for (int64_t part = begin; part < end; part++) k->g->wide ? layer_back_f64(k, part) : layer_back_f32(k, part);
}

static void layer_add_parts(int64_t begin, int64_t end, void *context) {
    const layer_back_work *k = context;
    bool wide = k->g->wide;
    for (int64_t j = begin; j < end; j++) {
        double weight = 0, bias = 0;
        for (int64_t part = 0; part < k->parts; part++) {
            if (k->dweight != NULL) weight += get(wide, k->partial, part * 2 * k->g->n + j, 0);
            if (k->dbias != NULL) bias += get(wide, k->partial, (part * 2 + 1) * k->g->n + j, 0);
        }
        put(wide, k->dweight, j, weight);
        put(wide, k->dbias, j, bias);
    }
}

bool tni_layer_norm_backward(const tni_layer_norm *g, const void *dy, const void *x, const void *mean, const void *rstd,
                             const void *weight, void *dx, void *dweight, void *dbias) {
    layer_back_work k = {
        .g = g, .dy = dy, .x = x, .mean = mean, .rstd = rstd, .weight = weight, .dx = dx, .dweight = dweight, .dbias = dbias};
    k.rows_a_part = rows_of_a_part(g->n);
    k.parts = (g->rows + k.rows_a_part - 1) / k.rows_a_part;
    size_t bytes = dweight || dbias ? (size_t)(k.parts * 2 * g->n) * item(g->wide) : 0;
    if (bytes > 0 && (k.partial = tni_alloc(bytes)) == NULL) return false;
    tni_parallel(k.parts, 1, layer_back_parts, &k);
    if (dweight || dbias) tni_parallel(g->n, 1024, layer_add_parts, &k);
    tni_free(k.partial, bytes);
    return true;
}

/* ---- group norm ---- */

typedef struct group_work {
    const tni_group_norm *g;
    const void *dy, *x, *weight, *bias, *mean, *rstd;
    void *y, *mean_out, *rstd_out, *dweight, *dbias;
    double *pairs; /* [n, c, 2]: the sums of dy and of dy (x - mean) over inner */
} group_work;

static void moments(bool wide, const void *x, int64_t n, double sums[2]) {
    wide ? moments_f64(x, n, sums) : moments_f32(x, n, sums);
}
static void pair(bool wide, const void *dy, const void *x, double mean, int64_t n, double sums[2]) {
    sums[0] = sums[1] = 0;
    wide ? pair_f64(dy, x, NULL, mean, n, sums) : pair_f32(dy, x, NULL, (float)mean, n, sums);
}
static void affine(bool wide, void *y, const void *x, double mean, double scale, double bias, int64_t n) {
    wide ? affine_f64(y, x, mean, scale, bias, n) : affine_f32(y, x, (float)mean, (float)scale, (float)bias, n);
}
static void back(bool wide, void *dx, const void *dy, const void *x, double mean, double by, double less, double slope, int64_t n) {
    wide ? back_f64(dx, dy, x, mean, by, less, slope, n)
         : back_f32(dx, dy, x, (float)mean, (float)by, (float)less, (float)slope, n);
}

static void group_part(int64_t begin, int64_t end, void *context) {
    const group_work *k = context;
    const tni_group_norm *g = k->g;
    int64_t channels = g->c / g->groups, size = channels * g->inner;
    for (int64_t i = begin; i < end; i++) {
        double sums[2];
        moments(g->wide, at(g->wide, k->x, i * size), size, sums);
        double mean = sums[0] / (double)size, rstd = 1 / sqrt(sums[1] / (double)size + g->eps);
        if (!g->wide) mean = (double)(float)mean, rstd = (double)(float)rstd;
        put(g->wide, k->mean_out, i, mean);
        put(g->wide, k->rstd_out, i, rstd);
        for (int64_t j = 0; j < channels; j++) {
            int64_t c = i % g->groups * channels + j, from = i * size + j * g->inner;
            affine(g->wide, to(g->wide, k->y, from), at(g->wide, k->x, from), mean, rstd * get(g->wide, k->weight, c, 1),
                   get(g->wide, k->bias, c, 0), g->inner);
        }
    }
}

void tni_group_norm_forward(const tni_group_norm *g, const void *x, const void *weight, const void *bias, void *y, void *mean,
                            void *rstd) {
    group_work k = {.g = g, .x = x, .weight = weight, .bias = bias, .y = y, .mean_out = mean, .rstd_out = rstd};
    int64_t size = g->c / TNI_MAX(g->groups, 1) * g->inner;
    tni_parallel(g->n * g->groups, GRAIN / TNI_MAX(size, 1) + 1, group_part, &k);
}

static void group_pairs(int64_t begin, int64_t end, void *context) {
    const group_work *k = context;
    const tni_group_norm *g = k->g;
    int64_t channels = g->c / g->groups;
    for (int64_t i = begin; i < end; i++)
        pair(g->wide, at(g->wide, k->dy, i * g->inner), at(g->wide, k->x, i * g->inner), get(g->wide, k->mean, i / channels, 0),
             g->inner, k->pairs + 2 * i);
}

static void group_back(int64_t begin, int64_t end, void *context) {
    const group_work *k = context;
    const tni_group_norm *g = k->g;
    int64_t channels = g->c / g->groups, size = channels * g->inner;
    for (int64_t i = begin; i < end; i++) {
        double a = 0, b = 0, mean = get(g->wide, k->mean, i, 0), rstd = get(g->wide, k->rstd, i, 0);
        int64_t first = i % g->groups * channels;
        for (int64_t j = 0; j < channels; j++) {
            double w = get(g->wide, k->weight, first + j, 1);
            a += w * k->pairs[2 * (i * channels + j)];
            b += w * k->pairs[2 * (i * channels + j) + 1];
        }
        for (int64_t j = 0; j < channels; j++) {
            int64_t from = i * size + j * g->inner;
            back(g->wide, to(g->wide, k->y, from), at(g->wide, k->dy, from), at(g->wide, k->x, from), mean,
                 rstd * get(g->wide, k->weight, first + j, 1), rstd * a / (double)size, rstd * rstd * rstd * b / (double)size,
                 g->inner);
        }
    }
}

static void group_channels(int64_t begin, int64_t end, void *context) {
    const group_work *k = context;
    const tni_group_norm *g = k->g;
    int64_t channels = g->c / g->groups;
    for (int64_t c = begin; c < end; c++) {
        double weight = 0, bias = 0;
        for (int64_t i = 0; i < g->n; i++) {
            bias += k->pairs[2 * (i * g->c + c)];
            weight += k->pairs[2 * (i * g->c + c) + 1] * get(g->wide, k->rstd, i * g->groups + c / channels, 0);
        }
        put(g->wide, k->dweight, c, weight);
        put(g->wide, k->dbias, c, bias);
    }
}

bool tni_group_norm_backward(const tni_group_norm *g, const void *dy, const void *x, const void *mean, const void *rstd,
                             const void *weight, void *dx, void *dweight, void *dbias) {
    group_work k = {
        .g = g, .dy = dy, .x = x, .weight = weight, .mean = mean, .rstd = rstd, .y = dx, .dweight = dweight, .dbias = dbias};
    size_t bytes = (size_t)(g->n * g->c) * 2 * sizeof(double);
    int64_t size = g->c / TNI_MAX(g->groups, 1) * g->inner;
    if ((k.pairs = tni_alloc(bytes)) == NULL) return false;
    tni_parallel(g->n * g->c, GRAIN / TNI_MAX(g->inner, 1) + 1, group_pairs, &k);
    if (dweight || dbias) tni_parallel(g->c, 256, group_channels, &k); /* before dx, which may be dy */
    if (dx) tni_parallel(g->n * g->groups, GRAIN / TNI_MAX(size, 1) + 1, group_back, &k);
    tni_free(k.pairs, bytes);
    return true;
}

/* ---- batch norm: by planes, or by columns where a channel has few elements side by side ---- */

typedef struct batch_work {
    const tni_batch_norm *g;
    bool columns, backward;
    int64_t m, rows, parts; /* columns: c * inner of them, rows of a part; planes: a part is one of n */
    const void *dy, *x, *mean, *invstd, *weight, *bias;
    void *y, *mean_out, *var_out, *dweight, *dbias;
    void *sums;      /* columns: T [parts, 2, m]; planes: double [n, c, 2] */
    void *row[4];    /* columns: a constant of each column */
    double *channel; /* [c, 2]: less and slope of the backward pass */
} batch_work;

static batch_work batch_begin(const tni_batch_norm *g) {
    batch_work k = {.g = g, .columns = g->inner < NARROW, .m = g->c * g->inner};
    k.rows = k.columns ? rows_of_a_part(k.m) : 1;
    k.parts = (g->n + k.rows - 1) / k.rows;
    return k;
}

static size_t sums_bytes(const batch_work *k) {
    return (size_t)(k->parts * 2) * (k->columns ? (size_t)k->m * item(k->g->wide) : (size_t)k->g->c * sizeof(double));
}

TNI_INLINE int64_t rows_of(const batch_work *k, int64_t part) { return TNI_MIN(k->rows, k->g->n - part * k->rows); }

static void column_sums(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    bool wide = k->g->wide;
    for (int64_t p = begin; p < end; p++) {
        const void *x = at(wide, k->x, p * k->rows * k->m), *dy = at(wide, k->dy ? k->dy : k->x, p * k->rows * k->m);
        void *a = to(wide, k->sums, p * 2 * k->m), *b = to(wide, a, k->m);
        int64_t rows = rows_of(k, p);
        if (k->backward)
            wide ? pairs_f64(dy, x, k->row[0], rows, k->m, a, b) : pairs_f32(dy, x, k->row[0], rows, k->m, a, b);
        else
            wide ? columns_f64(x, rows, k->m, a, b) : columns_f32(x, rows, k->m, a, b);
    }
}

static void plane_sums(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    const tni_batch_norm *g = k->g;
    for (int64_t p = begin; p < end; p++) {
        double *sums = (double *)k->sums + 2 * p;
        const void *x = at(g->wide, k->x, p * g->inner);
        if (k->backward)
            pair(g->wide, at(g->wide, k->dy, p * g->inner), x, get(g->wide, k->mean, p % g->c, 0), g->inner, sums);
        else
            moments(g->wide, x, g->inner, sums);
    }
}

static void all_sums(batch_work *k) {
    if (k->columns)
        tni_parallel(k->parts, 1, column_sums, k);
    else
        tni_parallel(k->g->n * k->g->c, GRAIN / TNI_MAX(k->g->inner, 1) + 1, plane_sums, k);
}

/* The two sums of piece i of channel c, and how many elements they are of. Planes: piece i is one of n; columns: part and place. */
static double piece(const batch_work *k, int64_t c, int64_t i, double sums[2]) {
    const tni_batch_norm *g = k->g;
    if (!k->columns) {
        memcpy(sums, (const double *)k->sums + 2 * (i * g->c + c), 2 * sizeof *sums);
        return (double)g->inner;
    }
    int64_t part = i / g->inner, j = part * 2 * k->m + c * g->inner + i % g->inner;
    sums[0] = get(g->wide, k->sums, j, 0);
    sums[1] = get(g->wide, k->sums, j + k->m, 0);
    return (double)rows_of(k, part);
}

static void channel_stats(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    const tni_batch_norm *g = k->g;
    int64_t pieces = k->parts * (k->columns ? g->inner : 1);
    double count = (double)g->n * (double)g->inner, sums[2];
    for (int64_t c = begin; c < end; c++) {
        double total = 0, squares = 0;
        for (int64_t i = 0; i < pieces; i++) piece(k, c, i, sums), total += sums[0];
        double mean = total / count;
        for (int64_t i = 0; i < pieces; i++) { /* deviations within a piece, and of the pieces' means */
            double n = piece(k, c, i, sums), d = sums[0] / n - mean;
            squares += sums[1] + n * d * d;
        }
        put(g->wide, k->mean_out, c, mean);
        put(g->wide, k->var_out, c, squares / count);
    }
}

bool tni_batch_norm_stats(const tni_batch_norm *g, const void *x, void *mean, void *var) {
    batch_work k = batch_begin(g);
    k.x = x, k.mean_out = mean, k.var_out = var;
    if ((k.sums = tni_alloc(sums_bytes(&k))) == NULL) return false;
    all_sums(&k);
    tni_parallel(g->c, 256, channel_stats, &k);
    tni_free(k.sums, sums_bytes(&k));
    return true;
}

/* What is to be said of each column, from what is known of each channel. */
static void spread(const batch_work *k, void *row, double (*value)(const batch_work *k, int64_t c)) {
    for (int64_t c = 0, j = 0; c < k->g->c; c++) {
        double v = value(k, c);
        for (int64_t i = 0; i < k->g->inner; i++, j++) put(k->g->wide, row, j, v);
    }
}
static double mean_of(const batch_work *k, int64_t c) { return get(k->g->wide, k->mean, c, 0); }
static double scale_of(const batch_work *k, int64_t c) {
    return get(k->g->wide, k->invstd, c, 0) * get(k->g->wide, k->weight, c, 1);
}
static double bias_of(const batch_work *k, int64_t c) { return get(k->g->wide, k->bias, c, 0); }
static double less_of(const batch_work *k, int64_t c) { return k->channel[2 * c]; }
static double slope_of(const batch_work *k, int64_t c) { return k->channel[2 * c + 1]; }

static void column_forward(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    bool wide = k->g->wide;
    const void *x = at(wide, k->x, begin * k->m);
    void *y = to(wide, k->y, begin * k->m);
    wide ? affines_f64(y, x, end - begin, k->m, k->row[0], k->row[1], k->row[2])
         : affines_f32(y, x, end - begin, k->m, k->row[0], k->row[1], k->row[2]);
}

static void plane_forward(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    const tni_batch_norm *g = k->g;
    for (int64_t p = begin; p < end; p++)
        affine(g->wide, to(g->wide, k->y, p * g->inner), at(g->wide, k->x, p * g->inner), mean_of(k, p % g->c),
               scale_of(k, p % g->c), bias_of(k, p % g->c), g->inner);
}

bool tni_batch_norm_forward(const tni_batch_norm *g, const void *x, const void *mean, const void *invstd, const void *weight,
                            const void *bias, void *y) {
    batch_work k = batch_begin(g);
    k.x = x, k.mean = mean, k.invstd = invstd, k.weight = weight, k.bias = bias, k.y = y;
    if (!k.columns) {
        tni_parallel(g->n * g->c, GRAIN / TNI_MAX(g->inner, 1) + 1, plane_forward, &k);
        return true;
    }
    size_t bytes = (size_t)(3 * k.m) * item(g->wide);
    void *rows = tni_alloc(bytes);
    if (rows == NULL) return false;
    spread(&k, rows, mean_of);
    spread(&k, to(g->wide, rows, k.m), scale_of);
    spread(&k, to(g->wide, rows, 2 * k.m), bias_of);
    for (int i = 0; i < 3; i++) k.row[i] = to(g->wide, rows, i * k.m);
    tni_parallel(g->n, GRAIN / TNI_MAX(k.m, 1) + 1, column_forward, &k);
    tni_free(rows, bytes);
    return true;
}

/* dweight, dbias, and what dx needs of each channel. */
static void channel_back(batch_work *k, bool training) {
    const tni_batch_norm *g = k->g;
    int64_t pieces = k->parts * (k->columns ? g->inner : 1);
    double count = (double)g->n * (double)g->inner, sums[2];
    for (int64_t c = 0; c < g->c; c++) {
        double a = 0, b = 0, invstd = get(g->wide, k->invstd, c, 0), by = scale_of(k, c);
        for (int64_t i = 0; i < pieces; i++) piece(k, c, i, sums), a += sums[0], b += sums[1];
        put(g->wide, k->dbias, c, a);
        put(g->wide, k->dweight, c, b * invstd);
        k->channel[2 * c] = training ? by * a / count : 0;
        k->channel[2 * c + 1] = training ? by * invstd * invstd * b / count : 0;
    }
}

static void column_back_part(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    bool wide = k->g->wide;
    const void *x = at(wide, k->x, begin * k->m), *dy = at(wide, k->dy, begin * k->m);
    void *dx = to(wide, k->y, begin * k->m);
    wide ? backs_f64(dx, dy, x, end - begin, k->m, (const double *const *)(const void *)k->row)
         : backs_f32(dx, dy, x, end - begin, k->m, (const float *const *)(const void *)k->row);
}

static void plane_back(int64_t begin, int64_t end, void *context) {
    const batch_work *k = context;
    const tni_batch_norm *g = k->g;
    for (int64_t p = begin; p < end; p++) {
        int64_t c = p % g->c, from = p * g->inner;
        back(g->wide, to(g->wide, k->y, from), at(g->wide, k->dy, from), at(g->wide, k->x, from), mean_of(k, c), scale_of(k, c),
             less_of(k, c), slope_of(k, c), g->inner);
    }
}

bool tni_batch_norm_backward(const tni_batch_norm *g, bool training, const void *dy, const void *x, const void *mean,
                             const void *invstd, const void *weight, void *dx, void *dweight, void *dbias) {
    batch_work k = batch_begin(g);
    k.backward = true;
    k.dy = dy, k.x = x, k.mean = mean, k.invstd = invstd, k.weight = weight, k.y = dx, k.dweight = dweight, k.dbias = dbias;
    size_t row_bytes = k.columns ? (size_t)k.m * item(g->wide) : 0, channel_bytes = (size_t)g->c * 2 * sizeof(double);
    size_t bytes = channel_bytes + 4 * row_bytes + sums_bytes(&k);
    char *scratch = tni_alloc(bytes);
    if (scratch == NULL) return false;
    k.channel = (double *)scratch;
    for (size_t i = 0; i < 4; i++) k.row[i] = scratch + channel_bytes + i * row_bytes;
    k.sums = scratch + channel_bytes + 4 * row_bytes;
    if (k.columns) spread(&k, k.row[0], mean_of);
    all_sums(&k);
    channel_back(&k, training);
    if (dx != NULL && k.columns) {
        spread(&k, k.row[1], scale_of);
        spread(&k, k.row[2], less_of);
        spread(&k, k.row[3], slope_of);
        tni_parallel(g->n, GRAIN / TNI_MAX(k.m, 1) + 1, column_back_part, &k);
    } else if (dx != NULL) {
        tni_parallel(g->n * g->c, GRAIN / TNI_MAX(g->inner, 1) + 1, plane_back, &k);
    }
    tni_free(scratch, bytes);
    return true;
}
