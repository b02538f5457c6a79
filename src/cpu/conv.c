/* cpu/conv.c - convolution by columns and matrix products, in blocks of output rows that stay in the cache. */
#include "cpu/conv.h"
#include "base/memory.h"
#include "base/pool.h"
#include "cpu/gemm.h"
#include "cpu/level.h"
#include <stdatomic.h>
#include <string.h>

/* A block of columns fits the second-level cache; narrower ones would read the weight too often. */
enum { BLOCK_BYTES = 262144, BLOCK_COLUMNS = 192, PARTS = 8 };

/* The outputs low..high of a row whose input position o * step + shift lies inside 0..width. */
TNI_INLINE void inner_range(int64_t shift, int64_t step, int64_t width, int64_t outputs, int64_t *low, int64_t *high) {
    *low = shift >= 0 ? 0 : TNI_MIN((-shift + step - 1) / step, outputs);
    *high = width <= shift ? 0 : TNI_MIN((width - shift + step - 1) / step, outputs);
    if (*high < *low) *high = *low;
}

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define N(name) name##_f32
#include "cpu/conv_kernel.h"
#define T double
#define N(name) name##_f64
#include "cpu/conv_kernel.h"

typedef struct work {
    const tni_conv2d *g;
    const char *x, *weight, *bias, *dy;
    char *y, *dx, *dw, *db;
    size_t size;           /* of an element */
    int64_t taps;          /* rows of the columns: channels of a group * kh * kw */
    int64_t rows, blocks;  /* output rows of a block; blocks of an image */
    int64_t parts, images; /* of the weight's gradient: how many partial sums, over how many images each */
    bool direct;           /* the image is its own columns */
    bool alone;            /* one thread, which may leave its products to several */
    size_t columns_bytes, gemm_bytes;
    int slots;
    char *scratch, *partial;
    atomic_bool failed;
    atomic_bool taken[256];
} work;

bool tni_conv2d_shape(tni_conv2d *g) {
    int64_t h = g->h + 2 * g->pad_h - g->dilation_h * (g->kh - 1) - 1, w = g->w + 2 * g->pad_w - g->dilation_w * (g->kw - 1) - 1;
    if (h < 0 || w < 0) return false;
    g->oh = h / g->stride_h + 1;
    g->ow = w / g->stride_w + 1;
    return true;
}

static bool is_empty(const tni_conv2d *g) { return g->n <= 0 || g->k <= 0 || g->oh <= 0 || g->ow <= 0; }

static void prepare(work *t, const tni_conv2d *g) {
    t->g = g;
    t->size = g->wide ? 8 : 4;
    t->taps = g->c / g->groups * g->kh * g->kw;
    t->direct = g->kh == 1 && g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0;
    int64_t row_bytes = TNI_MAX(t->taps * g->ow * (int64_t)t->size, 1);
    int64_t rows = TNI_MAX(BLOCK_BYTES / row_bytes, (BLOCK_COLUMNS + g->ow - 1) / g->ow);
    t->rows = t->direct ? g->oh : TNI_MIN(rows, g->oh);
    t->blocks = (g->oh + t->rows - 1) / t->rows;
    t->columns_bytes = t->direct ? 0 : ((size_t)(t->rows * row_bytes) + 127) / 64 * 64;
}

/* Room for every thread that may work at once, from the caller's memory: a worker must have nothing that can fail. */
static bool open_scratch(work *t, int64_t tasks, const tni_gemm_job *largest) {
    t->alone = tasks == 1 || tni_pool_threads() == 1 || tni_pool_inside();
    t->slots = t->alone ? 1 : (int)TNI_MIN(tasks, tni_pool_threads());
    t->gemm_bytes = t->alone ? 64 : (tni_gemm_scratch(largest) + 127) / 64 * 64;
    t->scratch = tni_alloc((t->columns_bytes + t->gemm_bytes) * (size_t)t->slots);
    return t->scratch != NULL;
}

static bool close_scratch(work *t) {
    tni_free(t->scratch, (t->columns_bytes + t->gemm_bytes) * (size_t)t->slots);
    return !atomic_load(&t->failed);
}

static char *take_slot(work *t, int *slot) {
    *slot = 0;
    while (atomic_exchange_explicit(&t->taken[*slot], true, memory_order_acquire)) *slot = (*slot + 1) % t->slots;
    return t->scratch + (size_t)*slot * (t->columns_bytes + t->gemm_bytes);
}

static void leave_slot(work *t, int slot) { atomic_store_explicit(&t->taken[slot], false, memory_order_release); }

static void multiply(work *t, const tni_gemm_job *job, char *columns) {
    if (!t->alone)
        tni_gemm_within(job, columns + t->columns_bytes);
    else if (!tni_gemm(job))
        atomic_store(&t->failed, true);
}

static const char *image_columns(const work *t, const char *image, int64_t row, int64_t rows, char *columns) {
    if (t->direct) return image;
    if (t->g->wide)
        columns_f64(t->g, (const double *)(const void *)image, row, rows, (double *)(void *)columns);
    else
        columns_f32(t->g, (const float *)(const void *)image, row, rows, (float *)(void *)columns);
    return columns;
}

/* Task of (image, group, block of rows). */
static tni_gemm_job forward_job(const work *t, int64_t rows) {
    const tni_conv2d *g = t->g;
    tni_gemm_job job = {.wide = g->wide, .m = g->k / g->groups, .n = rows * g->ow, .k = t->taps, .lda = t->taps};
    job.ldb = job.n;
    job.ldc = g->oh * g->ow;
    return job;
}

static void forward_tasks(int64_t begin, int64_t end, void *context) {
    work *t = context;
    const tni_conv2d *g = t->g;
    int slot;
    char *columns = take_slot(t, &slot);
    for (int64_t task = begin; task < end; task++) {
        int64_t row = task % t->blocks * t->rows, group = task / t->blocks % g->groups, image = task / t->blocks / g->groups;
        int64_t rows = TNI_MIN(t->rows, g->oh - row), first = group * (g->k / g->groups);
        tni_gemm_job job = forward_job(t, rows);
        const char *x = t->x + (size_t)((image * g->c + group * (g->c / g->groups)) * g->h * g->w) * t->size;
        job.b = image_columns(t, x, row, rows, columns);
        job.a = t->weight + (size_t)(first * t->taps) * t->size;
        job.c = t->y + (size_t)(((image * g->k + first) * g->oh + row) * g->ow) * t->size;
        if (t->bias != NULL) job.row_bias = t->bias + (size_t)first * t->size;
        multiply(t, &job, columns);
    }
    leave_slot(t, slot);
}

/* How many tasks make a chunk that is worth a thread. */
static int64_t grain_of(const work *t, int64_t rows) {
    double one = (double)(t->g->k / t->g->groups) * (double)t->taps * (double)(rows * t->g->ow);
    return one >= 400000 ? 1 : (int64_t)(400000 / TNI_MAX(one, 1)) + 1;
}

bool tni_conv2d_forward(const tni_conv2d *g, const void *x, const void *weight, const void *bias, void *y) {
    work t = {.x = x, .weight = weight, .bias = bias, .y = y};
    if (is_empty(g)) return true;
    prepare(&t, g);
    int64_t tasks = g->n * g->groups * t.blocks, grain = grain_of(&t, t.rows);
    tni_gemm_job largest = forward_job(&t, t.rows);
    if (!open_scratch(&t, (tasks + grain - 1) / grain, &largest)) return false;
    tni_parallel(tasks, grain, forward_tasks, &t);
    return close_scratch(&t);
}

static tni_gemm_job backward_x_job(const work *t, int64_t rows) {
    const tni_conv2d *g = t->g;
    tni_gemm_job job = {.wide = g->wide, .ta = true, .m = t->taps, .n = rows * g->ow, .k = g->k / g->groups, .lda = t->taps};
    job.ldb = g->oh * g->ow;
    job.ldc = job.n;
    return job;
}

/* Task of (image, group): the blocks of one image overlap in dx, so they follow each other. */
static void backward_x_tasks(int64_t begin, int64_t end, void *context) {
    work *t = context;
    const tni_conv2d *g = t->g;
    int slot;
    char *columns = take_slot(t, &slot);
    size_t bytes = (size_t)(g->c / g->groups * g->h * g->w) * t->size;
    for (int64_t task = begin; task < end; task++) {
        int64_t group = task % g->groups, image = task / g->groups, first = group * (g->k / g->groups);
        char *dx = t->dx + (size_t)task * bytes;
        if (!t->direct) memset(dx, 0, bytes);
        for (int64_t row = 0; row < g->oh; row += t->rows) {
            int64_t rows = TNI_MIN(t->rows, g->oh - row);
            tni_gemm_job job = backward_x_job(t, rows);
            job.a = t->weight + (size_t)(first * t->taps) * t->size;
            job.b = t->dy + (size_t)(((image * g->k + first) * g->oh + row) * g->ow) * t->size;
            job.c = t->direct ? dx : columns;
            multiply(t, &job, columns);
            if (t->direct) continue;
            if (g->wide)
                image_f64(g, (const double *)(const void *)columns, row, rows, (double *)(void *)dx);
            else
                image_f32(g, (const float *)(const void *)columns, row, rows, (float *)(void *)dx);
        }
    }
    leave_slot(t, slot);
}

bool tni_conv2d_backward_x(const tni_conv2d *g, const void *weight, const void *dy, void *dx) {
    work t = {.weight = weight, .dy = dy, .dx = dx};
    if (g->n <= 0 || g->c <= 0 || g->h <= 0 || g->w <= 0) return true;
    if (is_empty(g)) {
        memset(dx, 0, (size_t)(g->n * g->c * g->h * g->w) * (g->wide ? 8 : 4));
        return true;
    }
    prepare(&t, g);
    int64_t tasks = g->n * g->groups, grain = grain_of(&t, g->oh);
    tni_gemm_job largest = backward_x_job(&t, t.rows);
    if (!open_scratch(&t, (tasks + grain - 1) / grain, &largest)) return false;
    tni_parallel(tasks, grain, backward_x_tasks, &t);
    return close_scratch(&t);
}

static tni_gemm_job backward_w_job(const work *t, int64_t rows) {
    const tni_conv2d *g = t->g;
    tni_gemm_job job = {.wide = g->wide, .tb = true, .m = g->k / g->groups, .n = t->taps, .k = rows * g->ow, .ldc = t->taps};
    job.lda = g->oh * g->ow;
    job.ldb = job.k;
    return job;
}

/* Part of the images, summed in their order: part 0 into dw itself, the others beside it. */
static void backward_w_parts(int64_t begin, int64_t end, void *context) {
    work *t = context;
    const tni_conv2d *g = t->g;
    int slot;
    char *columns = take_slot(t, &slot);
    size_t bytes = (size_t)(g->k * t->taps) * t->size;
    for (int64_t part = begin; part < end; part++) {
        char *dw = part == 0 ? t->dw : t->partial + (size_t)(part - 1) * bytes;
        int64_t image = part * t->images, stop = TNI_MIN(image + t->images, g->n);
        for (int64_t i = image; i < stop; i++)
            for (int64_t group = 0; group < g->groups; group++)
                for (int64_t row = 0; row < g->oh; row += t->rows) {
                    int64_t rows = TNI_MIN(t->rows, g->oh - row), first = group * (g->k / g->groups);
                    tni_gemm_job job = backward_w_job(t, rows);
                    const char *x = t->x + (size_t)((i * g->c + group * (g->c / g->groups)) * g->h * g->w) * t->size;
                    job.b = image_columns(t, x, row, rows, columns);
                    job.a = t->dy + (size_t)(((i * g->k + first) * g->oh + row) * g->ow) * t->size;
                    job.c = dw + (size_t)(first * t->taps) * t->size;
                    job.beta = i > image || row > 0;
                    multiply(t, &job, columns);
                }
    }
    leave_slot(t, slot);
}

static void bias_channels(int64_t begin, int64_t end, void *context) {
    work *t = context;
    const tni_conv2d *g = t->g;
    int64_t count = g->oh * g->ow;
    for (int64_t k = begin; k < end; k++) {
        double sum = 0, one;
        for (int64_t i = 0; i < g->n; i++) {
            const char *p = t->dy + (size_t)((i * g->k + k) * count) * t->size;
            if (g->wide)
                plane_sum_f64((const double *)(const void *)p, count, &one);
            else
                plane_sum_f32((const float *)(const void *)p, count, &one);
            sum += one;
        }
        if (g->wide)
            ((double *)(void *)t->db)[k] = sum;
        else
            ((float *)(void *)t->db)[k] = (float)sum;
    }
}

static void add_parts(int64_t begin, int64_t end, void *context) {
    work *t = context;
    int64_t all = t->g->k * t->taps;
    for (int64_t part = 1; part < t->parts; part++) {
        size_t from = (size_t)((part - 1) * all + begin) * t->size, to = (size_t)begin * t->size;
        if (t->g->wide)
            add_f64((double *)(void *)(t->dw + to), (const double *)(const void *)(t->partial + from), end - begin);
        else
            add_f32((float *)(void *)(t->dw + to), (const float *)(const void *)(t->partial + from), end - begin);
    }
}

/* The number of partial sums depends on the shape alone, so that the bits do not depend on the threads. */
static void choose_parts(work *t) {
    const tni_conv2d *g = t->g;
    double macs = (double)g->n * (double)(g->k / g->groups) * (double)t->taps * (double)(g->oh * g->ow) * (double)g->groups;
    double bytes = (double)(g->k * t->taps) * (double)t->size;
    int64_t most = TNI_MIN(PARTS, g->n);
    if (bytes * (double)most > 1 << 24) most = TNI_MAX((int64_t)((1 << 24) / bytes), 1);
    if (macs < 400000.0 * (double)most) most = TNI_MAX((int64_t)(macs / 400000), 1);
    t->images = (g->n + most - 1) / most;
    t->parts = (g->n + t->images - 1) / t->images;
}

static bool backward_weight(work *t) {
    const tni_conv2d *g = t->g;
    size_t bytes = (size_t)(g->k * t->taps) * t->size;
    choose_parts(t);
    size_t partial_bytes = bytes * (size_t)(t->parts - 1);
    tni_gemm_job largest = backward_w_job(t, t->rows);
    if (partial_bytes > 0 && (t->partial = tni_alloc(partial_bytes)) == NULL) return false;
    bool right = open_scratch(t, t->parts, &largest);
    if (right) {
        tni_parallel(t->parts, 1, backward_w_parts, t);
        if (t->parts > 1) tni_parallel(g->k * t->taps, 16384, add_parts, t);
        right = close_scratch(t);
    }
    tni_free(t->partial, partial_bytes);
    return right;
}

bool tni_conv2d_backward_w(const tni_conv2d *g, const void *x, const void *dy, void *dw, void *db) {
    work t = {.x = x, .dy = dy, .dw = dw, .db = db};
    prepare(&t, g);
    if (is_empty(g)) {
        if (dw != NULL && g->k > 0) memset(dw, 0, (size_t)(g->k * t.taps) * t.size);
        if (db != NULL && g->k > 0) memset(db, 0, (size_t)g->k * t.size);
        return true;
    }
    if (db != NULL) tni_parallel(g->k, 65536 / (g->n * g->oh * g->ow) + 1, bias_channels, &t);
    return dw == NULL || t.taps == 0 || backward_weight(&t);
}
