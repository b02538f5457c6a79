/* data/dataset.c - datasets: tensors side by side, or functions of the program's own. */
#include "base/error.h"
#include "core/op.h"
#include "data/data.h"
#include <stdio.h>
#include <tison/ops.h>

#ifdef TN_HEADER
typedef struct tn_dataset tn_dataset;

/** A dataset of the program's own. */
typedef struct tn_data_class {
    size_t size;                   /* sizeof(tn_data_class) */
    int64_t (*length)(void *data); /* number of items; below 0: failed */
    /** Puts the tensors of item i into out[0..*k), *k at most 16. false fails the batch. Runs on the loader's thread. */
    bool (*item)(void *data, int64_t i, tn_tensor **out, size_t *k);
    void (*destroy)(void *data); /* NULL: nothing to do */
} tn_data_class;
#ifndef __cplusplus
#define tn_data_tensor_dataset(...) (tn_data_tensor_dataset)(TN_TENSORS(__VA_ARGS__))
#endif
#endif

static void destroy_dataset(tni_object *o) {
    tn_dataset *ds = (tn_dataset *)o;
    for (size_t i = 0; i < ds->tensors; i++) tni_release(&ds->tensor[i]->object);
    tni_thread *t = tni_self();
    if (!ds->class_ || !ds->class_->destroy) return;
    if (t) t->user_code_ran = true;
    ds->class_->destroy(ds->data);
}
static const tni_kind_info dataset_kind = {"dataset", sizeof(tn_dataset), destroy_dataset, NULL};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_DATASET, &dataset_kind); }

static bool check_tensors(tn_tensor *const *x, size_t n) {
    TNI_CHECK(x && n >= 1 && n <= TNI_ITEM_TENSORS, TN_ERR_VALUE, "TensorDataset: 1 to %d tensors, not %zu", (int)TNI_ITEM_TENSORS,
              n);
    for (size_t i = 0; i < n; i++) {
        TNI_TRY(tni_check_handle("TensorDataset", "tensor", x[i], TNI_TENSOR));
        TNI_CHECK(x[i]->a.ndim > 0 && x[i]->a.sizes[0] == x[0]->a.sizes[0], TN_ERR_ASSERTION,
                  "Size mismatch between tensors: tensor %zu has shape %s, tensor 0 has %s", i, TNI_SHAPE(&x[i]->a),
                  TNI_SHAPE(&x[0]->a));
    }
    return true;
}

/** torch.utils.data.TensorDataset: item i is the i-th slice of each tensor. [keep] tensors; [scope] */
TN_API tn_dataset *(tn_data_tensor_dataset)(tn_tensor *const *tensors, size_t n) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !check_tensors(tensors, n)) return NULL;
    tn_dataset *ds = tni_object_new(t, TNI_DATASET, sizeof *ds);
    if (!ds) return NULL;
    for (size_t i = 0; i < n; i++) {
        ds->tensor[ds->tensors++] = tensors[i];
        tni_claim(&tensors[i]->object);
    }
    return tni_give(t, ds);
}

/** A dataset made of functions; `data` is handed to each. When this fails, destroy is not called. [scope] */
TN_API tn_dataset *tn_data_dataset_new(const tn_data_class *class_, void *data) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    if (!class_ || class_->size < sizeof *class_ || !class_->length || !class_->item)
        return (void)tni_fail(TN_ERR_TYPE, "data_dataset_new: size, length and item must be set"), NULL;
    tn_dataset *ds = tni_object_new(t, TNI_DATASET, sizeof *ds);
    if (!ds) return NULL;
    ds->data = data;
    if (!tni_give(t, ds)) return NULL;
    ds->class_ = class_;
    return ds;
}

int64_t tni_dataset_len(const tn_dataset *ds) {
    if (ds->tensors) return ds->tensor[0]->a.sizes[0];
    int64_t n = ds->class_->length(ds->data);
    if (n < 0 && !tni_failed()) tni_fail(TN_ERR_CALLBACK, "dataset: length returned %lld", (long long)n);
    return tni_failed() ? -1 : n;
}

/** Number of items; -1 on failure. */
TN_API int64_t tn_dataset_len(tn_dataset *ds) {
    return tni_check_handle("dataset_len", "ds", ds, TNI_DATASET) ? tni_dataset_len(ds) : -1;
}

/* The error of a callback gets the number of the item in front. */
static bool name_item(int64_t i) {
    tn_saved_error e, named;
    tn_error_take(&e);
    named.status = e.status;
    snprintf(named.message, sizeof named.message, "dataset: item %lld: %.*s", (long long)i, (int)sizeof e.message - 64, e.message);
    tn_error_put(&named);
    return false;
}

static bool run_item(const tn_dataset *ds, int64_t i, tn_tensor **out, size_t *k) {
    for (size_t j = 0; j < TNI_ITEM_TENSORS; j++) out[j] = NULL;
    *k = 0;
    bool right = ds->class_->item(ds->data, i, out, k);
    if (tni_failed()) return name_item(i);
    TNI_CHECK(right, TN_ERR_CALLBACK, "dataset: item %lld: its function returned false without an error", (long long)i);
    TNI_CHECK(*k >= 1 && *k <= TNI_ITEM_TENSORS, TN_ERR_CALLBACK, "dataset: item %lld has %zu tensors; 1 to %d are possible",
              (long long)i, *k, (int)TNI_ITEM_TENSORS);
    for (size_t j = 0; j < *k; j++)
        if (!tni_check_handle("dataset", "item", out[j], TNI_TENSOR)) return name_item(i);
    return true;
}

/* The program's function runs in a scope of its own; only the item's tensors leave it. */
static bool call_item(tni_thread *t, const tn_dataset *ds, int64_t i, tn_tensor **out, size_t *k) {
    tn_tensor *item[TNI_ITEM_TENSORS];
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    int internal = t->internal;
    t->internal = 0;
    bool right = run_item(ds, i, item, k);
    t->internal = internal;
    if (!right) *k = 0;
    right = tni_scope_return(t, scope, (void *const *)item, *k) && right;
    for (size_t j = 0; j < *k; j++) out[j] = item[j];
    return right;
}

/** The tensors of item i into out[0..*k), *k at most 16: dataset[i]. Of a TensorDataset they are views. [scope] */
TN_API bool tn_dataset_get(tn_dataset *ds, int64_t i, tn_tensor **out, size_t *k) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("dataset_get", "ds", ds, TNI_DATASET)) return false;
    TNI_CHECK(out && k, TN_ERR_TYPE, "dataset_get: argument '%s' is NULL", out ? "k" : "out");
    int64_t n = tni_dataset_len(ds);
    if (n < 0) return false;
    TNI_CHECK(i >= 0 && i < n, TN_ERR_INDEX, "dataset_get: index %lld is out of range for a dataset of %lld", (long long)i,
              (long long)n);
    if (!ds->tensors) return call_item(t, ds, i, out, k);
    *k = ds->tensors;
    bool right = true;
    for (size_t j = 0; j < *k; j++) right = (out[j] = tn_select(ds->tensor[j], 0, i)) && right;
    return right;
}
