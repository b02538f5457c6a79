/* data/loader.c - the loader: batches in PyTorch's order. */
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include "core/value.h"
#include "data/data.h"
#include <string.h>
#include <tison/ops.h>

#ifdef TN_HEADER
typedef struct tn_data_loader tn_data_loader;
typedef struct tn_data_loader_opts {
    size_t size;
    int64_t batch_size; /* 1 */
    bool shuffle;       /* false; true: a new order in each pass */
    struct tn_keywords_only *keywords_only;
    bool drop_last; /* false: the last batch may be smaller */
} tn_data_loader_opts;
/** A pass over a loader: `for (tn_batch batch = tn_batches(loader); tn_batch_next(&batch);)`. Its tensors are borrowed until the
 *  next tn_batch_next; tn_hold or tn_keep claims one for longer. */
typedef struct tn_batch {
    tn_tensor *input, *target; /* items 0 and 1; target is NULL when there is one only */
    tn_tensor *const *item;    /* all n */
    size_t n;
    void *state;
    void *reserved[2];
} tn_batch;
#ifndef __cplusplus
#define tn_data_loader(...)                                                                                                        \
    TN_WITH(tn_data_loader_opts, (.batch_size = 1), tn_data_loader_new(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

struct tn_data_loader {
    tni_object object;
    tn_dataset *dataset; /* claimed */
    int64_t batch_size;
    bool shuffle, drop_last;
};

/* One pass. Claimed by the scope of tn_batches, so that leaving the loop early frees it with that scope. */
typedef struct batches {
    tni_object object;
    tn_data_loader *loader; /* claimed */
    int64_t *order;         /* NULL: in order */
    int64_t length, at;
    bool started;
    int64_t seed;                      /* of the order, once a shuffled pass has started */
    tn_tensor *item[TNI_ITEM_TENSORS]; /* of the batch: claimed */
    size_t items;
} batches;

static void destroy_loader(tni_object *o) { tni_release(&((tn_data_loader *)o)->dataset->object); }

static void drop_items(batches *b) {
    for (size_t i = 0; i < b->items; i++) tni_release(&b->item[i]->object);
    b->items = 0;
}
static void destroy_batches(tni_object *o) {
    batches *b = (batches *)o;
    drop_items(b);
    if (b->order) tni_free(b->order, (size_t)b->length * sizeof *b->order);
    tni_release(&b->loader->object);
}
static const tni_kind_info loader_kind = {"data loader", sizeof(tn_data_loader), destroy_loader, NULL};
static const tni_kind_info batches_kind = {"iteration", sizeof(batches), destroy_batches, NULL};
__attribute__((constructor)) static void add_kinds(void) {
    tni_kind_set(TNI_LOADER, &loader_kind);
    tni_kind_set(TNI_BATCHES, &batches_kind);
}

/** torch.utils.data.DataLoader in the calling thread. TN_ERR_VALUE for a batch_size below 1, and for a shuffle of no items.
 *  [keep] dataset; [scope] */
TN_API tn_data_loader *tn_data_loader_new(tn_dataset *dataset, const tn_data_loader_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("DataLoader", "dataset", dataset, TNI_DATASET)) return NULL;
    int64_t size = TNI_OPT(opts, batch_size, 1);
    if (size <= 0)
        return (void)tni_fail(TN_ERR_VALUE, "batch_size should be a positive integer value, but got batch_size=%lld",
                              (long long)size),
               NULL;
    int64_t n = tni_dataset_len(dataset);
    bool shuffle = TNI_OPT(opts, shuffle, false);
    if (shuffle && n == 0)
        return (void)tni_fail(TN_ERR_VALUE, "num_samples should be a positive integer value, but got num_samples=0"), NULL;
    tn_data_loader *loader = n >= 0 ? tni_object_new(t, TNI_LOADER, sizeof *loader) : NULL;
    if (!loader) return NULL;
    loader->dataset = dataset;
    loader->batch_size = size;
    loader->shuffle = shuffle;
    loader->drop_last = TNI_OPT(opts, drop_last, false);
    tni_claim(&dataset->object);
    return tni_give(t, loader);
}

/** Number of batches of one pass; -1 on failure. */
TN_API int64_t tn_data_loader_len(tn_data_loader *loader) {
    if (!tni_check_handle("data_loader_len", "loader", loader, TNI_LOADER)) return -1;
    int64_t n = tni_dataset_len(loader->dataset), size = loader->batch_size;
    return n < 0 ? -1 : n / size + (!loader->drop_last && n % size != 0);
}

/* What PyTorch draws for a seed: one number of tensor.random_(). */
static int64_t draw_seed(tni_thread *t) { return (int64_t)(tni_random_u64(tni_thread_random(t)) & INT64_MAX); }

/** Begins a pass: iter(loader). It ends with its last batch or with the innermost scope; several may run at once. As in PyTorch
 *  each pass draws a base seed from the thread's generator, and a shuffled one a second seed at its first batch. */
TN_API tn_batch tn_batches(tn_data_loader *loader) {
    tn_batch batch = {0};
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("batches", "loader", loader, TNI_LOADER)) return batch;
    int64_t n = tni_dataset_len(loader->dataset);
    batches *b = n >= 0 ? tni_object_new(t, TNI_BATCHES, sizeof *b) : NULL;
    if (!b) return batch;
    b->loader = loader;
    b->length = n;
    tni_claim(&loader->object);
    (void)draw_seed(t);
    batch.state = tni_give(t, b);
    return batch;
}

/* The order of a shuffled pass, from its seed. */
static bool make_order(batches *b) {
    tni_random *private = tni_alloc(sizeof *private);
    if (!private) return false;
    tni_random_seed(private, (uint64_t)b->seed);
    b->order = tni_alloc((size_t)TNI_MAX(b->length, 1) * sizeof *b->order);
    bool right = b->order && tni_random_permutation(private, b->order, b->length);
    tni_free(private, sizeof *private);
    return right;
}

/* A shuffled pass seeds a private generator at its first item. */
static bool start(tni_thread *t, batches *b) {
    b->started = true;
    if (!b->loader->shuffle) return true;
    b->seed = draw_seed(t);
    return make_order(b);
}

static int64_t index_at(const batches *b, int64_t i) { return b->order ? b->order[i] : i; }

/* Is each row by itself row-major? Then one memcpy takes it, however far the rows lie apart. */
static bool rows_are_dense(const tni_array *a) {
    int64_t stride = 1;
    for (int d = a->ndim - 1; d > 0; d--) {
        if (a->sizes[d] != 1 && a->strides[d] != stride) return false;
        stride *= a->sizes[d];
    }
    return true;
}

static bool copy_row(const tni_array *to, int64_t i, const tni_array *from, int64_t k) {
    tni_array row = {0}, source = {0};
    size_t ndim = (size_t)from->ndim - 1;
    int64_t to_row = to->offset + i * to->strides[0], from_row = from->offset + k * from->strides[0];
    tn_dtype dtype = (tn_dtype)to->dtype;
    bool right = tni_array_view(&row, "DataLoader", to->storage, dtype, to->sizes + 1, to->strides + 1, ndim, to_row) &&
                 tni_array_view(&source, "DataLoader", from->storage, dtype, from->sizes + 1, from->strides + 1, ndim, from_row) &&
                 tni_copy_array(&row, &source);
    tni_array_clear(&row);
    tni_array_clear(&source);
    return right;
}

static bool copy_rows(const batches *b, const tni_array *to, const tni_array *from, int64_t count) {
    bool dense = rows_are_dense(from);
    size_t bytes = (size_t)(to->numel / count) * tni_array_item(from), step = (size_t)from->strides[0] * tni_array_item(from);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = index_at(b, b->at + i);
        if (dense)
            memcpy((char *)to->data + (size_t)i * bytes, (const char *)from->data + (size_t)k * step, bytes);
        else
            TNI_TRY(copy_row(to, i, from, k));
    }
    return true;
}

/* Rows of a tensor of the dataset, one after the other. */
static tn_tensor *gather(tni_thread *t, const batches *b, const tn_tensor *from, int64_t count) {
    if (from->a.device == TNI_SPARSE) return (void)tni_refuse_values(TNI_SPARSE), NULL;
    int64_t sizes[TNI_MAX_DIMS];
    memcpy(sizes, from->a.sizes, from->a.ndim * sizeof *sizes);
    sizes[0] = count;
    tni_devices before = tni_device_enter(t, from->a.device);
    tn_tensor *y = tni_tensor_new(t, "DataLoader", (tn_dtype)from->a.dtype, sizes, from->a.ndim);
    tni_device_leave(t, before);
    if (!y || y->a.numel == 0 || y->a.device != TNI_CPU || copy_rows(b, &y->a, &from->a, count)) return y;
    tni_tensor_destroy_new(t, y);
    return NULL;
}

static bool hold(batches *b, tn_tensor *x) {
    if (!x) return false;
    __atomic_or_fetch(&x->object.flags, TNI_SEEN, __ATOMIC_RELAXED);
    tni_claim(&x->object);
    b->item[b->items++] = x;
    return true;
}

static bool next_of_tensors(tni_thread *t, batches *b, int64_t count) {
    const tn_dataset *ds = b->loader->dataset;
    for (size_t j = 0; j < ds->tensors; j++) TNI_TRY(hold(b, gather(t, b, ds->tensor[j], count)));
    return true;
}

static bool get_items(batches *b, int64_t count, tn_tensor **all, size_t *k) {
    for (int64_t i = 0; i < count; i++) {
        tn_tensor *item[TNI_ITEM_TENSORS];
        size_t n = 0;
        int64_t index = index_at(b, b->at + i);
        TNI_TRY(tn_dataset_get(b->loader->dataset, index, item, &n));
        if (i == 0) *k = n;
        TNI_CHECK(n == *k, TN_ERR_CALLBACK, "DataLoader: item %lld has %zu tensors, the first of its batch has %zu",
                  (long long)index, n, *k);
        for (size_t j = 0; j < n; j++) {
            all[(size_t)j * (size_t)count + (size_t)i] = item[j];
            TNI_CHECK(i == 0 || tni_same_shape(&item[j]->a, &all[(size_t)j * (size_t)count]->a), TN_ERR_SHAPE,
                      "DataLoader: stack expects each tensor to be equal size, but item %lld has %s and the first of its batch %s",
                      (long long)index, TNI_SHAPE(&item[j]->a), TNI_SHAPE(&all[(size_t)j * (size_t)count]->a));
        }
    }
    return true;
}

static bool next_of_items(tni_thread *t, batches *b, int64_t count) {
    size_t k = 0, bytes = (size_t)count * TNI_ITEM_TENSORS * sizeof(tn_tensor *);
    tn_tensor **all = tni_alloc(bytes);
    uint64_t scope = all ? tni_scope_open(t, false) : 0;
    bool right = scope && get_items(b, count, all, &k);
    for (size_t j = 0; j < k && right; j++) right = hold(b, (tn_stack)(all + j * (size_t)count, (size_t)count, NULL));
    if (scope) tni_scope_close(t, scope);
    tni_free(all, bytes);
    return right;
}

/* false: the end, or an error. */
static bool advance(tni_thread *t, batches *b) {
    drop_items(b);
    if (!b->started) TNI_TRY(start(t, b));
    int64_t size = b->loader->batch_size, left = b->length - b->at, count = TNI_MIN(size, left);
    if (count <= 0 || (b->loader->drop_last && count < size)) return false;
    TNI_TRY(b->loader->dataset->tensors ? next_of_tensors(t, b, count) : next_of_items(t, b, count));
    b->at += count;
    return true;
}

/** The next batch; what the one before held is released. false at the end, and on failure with an error that names the item: then
 *  the pass is over. Thread: the one that began the pass. */
TN_API bool tn_batch_next(tn_batch *batch) {
    tni_thread *t = tni_self();
    if (!t || !batch || !batch->state) return false;
    batches *b = batch->state;
    TNI_TRY(tni_check_handle("batch_next", "batch", b, TNI_BATCHES));
    TNI_CHECK(b->object.home == t->number, TN_ERR_OWNERSHIP, "batch_next: a pass goes on in the thread that began it");
    *batch = (tn_batch){0};
    if (tni_failed() || !advance(t, b)) {
        tn_free(b);
        return false;
    }
    *batch = (tn_batch){.state = b, .item = b->item, .n = b->items, .input = b->item[0]};
    if (b->items > 1) batch->target = b->item[1];
    return true;
}

/* ---- the position of a pass, for checkpoints ---- */

/** Where a pass stands: a dict of ints, or None for a pass that is over. [scope] */
TN_API tn_value *tn_batches_state(const tn_batch *batch) {
    if (tni_failed()) return NULL;
    if (!batch) return (void)tni_fail(TN_ERR_TYPE, "batches_state: argument 'batch' is NULL"), NULL;
    if (!batch->state) return tn_value_none();
    const batches *b = batch->state;
    if (!tni_check_handle("batches_state", "batch", b, TNI_BATCHES)) return NULL;
    tn_value *v = tn_value_dict();
    bool right = v && tn_value_set(v, "length", b->length) && tn_value_set(v, "position", b->at) &&
                 tn_value_set(v, "started", b->started) && (!b->order || tn_value_set(v, "seed", b->seed));
    return right ? v : NULL;
}

static int64_t int_of(const tn_value *v, const char *key, int64_t other) {
    const tni_held *x = tni_value_find(v, key, strlen(key));
    return x && (x->kind == TN_VALUE_INT || x->kind == TN_VALUE_BOOL) ? x->u.i : other;
}

static bool check_state(const tn_data_loader *loader, const tn_value *v, int64_t n) {
    int64_t length = int_of(v, "length", -1), at = int_of(v, "position", -1), started = int_of(v, "started", -1);
    TNI_CHECK(length == n, TN_ERR_VALUE, "batches_from: the state is of %lld items, the dataset has %lld", (long long)length,
              (long long)n);
    TNI_CHECK(at >= 0 && at <= n && started >= 0, TN_ERR_VALUE, "batches_from: position %lld of %lld items", (long long)at,
              (long long)n);
    bool seeded = int_of(v, "seed", -1) >= 0;
    TNI_CHECK(!started || seeded == loader->shuffle, TN_ERR_VALUE, "batches_from: the state is of a loader that %s",
              seeded ? "shuffles" : "does not shuffle");
    return true;
}

/** The pass that tn_batches_state described, from where it stood: its next batch is the one that would have come. Draws nothing from
 *  the thread's generator. The loader must be made with the same options. TN_ERR_VALUE when the state is of another dataset. */
TN_API tn_batch tn_batches_from(tn_data_loader *loader, tn_value *state) {
    tn_batch batch = {0};
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("batches_from", "loader", loader, TNI_LOADER) ||
        !tni_check_handle("batches_from", "state", state, TNI_VALUE) || state->kind == TN_VALUE_NONE)
        return batch;
    int64_t n = tni_dataset_len(loader->dataset);
    if (n < 0) return batch;
    if (state->kind != TN_VALUE_DICT) return (void)tni_fail(TN_ERR_TYPE, "batches_from: the state is no dict"), batch;
    batches *b = check_state(loader, state, n) ? tni_object_new(t, TNI_BATCHES, sizeof *b) : NULL;
    if (!b) return batch;
    b->loader = loader;
    b->length = n;
    b->at = int_of(state, "position", 0);
    b->started = int_of(state, "started", 0) != 0;
    b->seed = int_of(state, "seed", 0);
    tni_claim(&loader->object);
    tni_claim(&b->object); /* while the order is made */
    bool right = !b->started || !loader->shuffle || make_order(b);
    if (right) batch.state = tni_give(t, b);
    tni_release(&b->object);
    return batch;
}
