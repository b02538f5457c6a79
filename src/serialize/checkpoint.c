/* serialize/checkpoint.c - all that a training run needs to go on where it stopped, in one .pt file. */
#include "base/error.h"
#include "base/file.h"
#include "core/module.h"
#include "core/op.h"
#include "optim/optim.h"
#include "serialize/bytes.h"
#include "serialize/optim_value.h"
#include "serialize/saver.h"
#include <stdio.h>
#include <string.h>
#include <tison/data.h>
#include <tison/ops.h>
#include <tison/serialize.h>

#ifdef TN_HEADER
/* A thread that writes checkpoints while training goes on: tn_checkpoint_save(path, .saver = s, ...). One save at a time. */
typedef struct tn_saver tn_saver;

/* What a checkpoint holds; each may be left out. PyTorch reads the file by torch.load(path, weights_only=True): a dict of
 * "model" (the state_dict), "optimizer" (PyTorch's layout), "rng_state" (torch.set_rng_state takes it), "loader", "step", "values". */
typedef struct tn_checkpoint_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    void *model; /* a module */
    tn_optim *optim;
    const tn_batch *batch; /* a pass over a loader: its position */
    int64_t step;
    bool rng;         /* true: the thread's random generator */
    tn_value *values; /* of the program's own: schedulers, epochs, losses, further models by TN_VALUE(tn_state_dict(m)) */
    bool guard;       /* false; true: a model with NaN or infinity is refused with TN_ERR_VALUE, and the file stays as it is */
    tn_saver *saver;  /* NULL: returns when all is on the disk; else when a copy was made, and the saver writes it */
} tn_checkpoint_opts;

/* Where a checkpoint is put back to; each may be left out. */
typedef struct tn_checkpoint_load_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    void *model;
    tn_optim *optim;
    tn_data_loader *loader; /* with batch: the loader that the pass is over */
    tn_batch *batch;        /* becomes the pass, where it stood */
    int64_t *step;
    bool rng;          /* true: the thread's random generator */
    tn_value **values; /* [scope]; NULL when there are none */
    bool *found;       /* not NULL: a missing file is no error but *found = false, and nothing changes */
} tn_checkpoint_load_opts;
#ifndef __cplusplus
#define tn_checkpoint_save(...)                                                                                                    \
    TN_WITH(tn_checkpoint_opts, (.rng = true), (tn_checkpoint_save)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_checkpoint_load(...)                                                                                                    \
    TN_WITH(tn_checkpoint_load_opts, (.rng = true), (tn_checkpoint_load)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/* ---- saving ---- */

/* Multiplied by 0 every finite number is 0, and every other NaN. */
static bool check_finite(tn_state *s) {
    TN_NO_GRAD;
    for (size_t i = 0; i < tn_state_count(s); i++) {
        TN_SCOPE;
        tn_tensor *x = tn_state_at(s, i);
        if (!x) return false;
        if (tni_dtype_get(tn_get_dtype(x))->kind != TNI_KIND_FLOAT) continue;
        double sum = tn_item(tn_sum(tn_mul(x, 0)));
        TNI_CHECK(sum == 0 || tni_failed(), TN_ERR_VALUE,
                  "checkpoint_save: '%.200s' holds NaN or infinity: the file was left as it is", tn_state_name(s, i));
        TNI_TRY(!tni_failed());
    }
    return true;
}

static tn_value *rng_value(void) {
    int64_t n = TN_RNG_STATE_BYTES;
    tn_tensor *x = (tn_empty)(&n, 1, &(tn_opts){.size = sizeof(tn_opts), .dtype = TN_UINT8, .device = "cpu"});
    return x && tn_get_rng_state(tn_data_u8(x), TN_RNG_STATE_BYTES) ? tn_value_tensor(x) : NULL;
}

static bool set_model(tn_value *v, void *model, bool guard) {
    tn_state *s = (tn_state_dict)(model, NULL);
    return s && (!guard || check_finite(s)) && tn_value_set(v, "model", s);
}

static tn_value *gather(const tn_checkpoint_opts *o) {
    tn_value *v = tn_value_dict(), *values = TNI_OPT(o, values, NULL);
    void *model = TNI_OPT(o, model, NULL);
    tn_optim *optim = TNI_OPT(o, optim, NULL);
    const tn_batch *batch = TNI_OPT(o, batch, NULL);
    bool right = v && tn_value_set(v, "tison_checkpoint", 1) && tn_value_set(v, "step", TNI_OPT(o, step, 0));
    right = right && (!model || set_model(v, model, TNI_OPT(o, guard, false)));
    right = right && (!optim || tn_value_set(v, "optimizer", tn_value_from_optim(optim)));
    right = right && (!TNI_OPT(o, rng, true) || tn_value_set(v, "rng_state", rng_value()));
    right = right && (!batch || tn_value_set(v, "loader", tn_batches_state(batch)));
    right = right && (!values || tn_value_set(v, "values", values));
    return right ? v : NULL;
}

/** Writes a checkpoint: `tn_checkpoint_save("run.pt", .model = m, .optim = opt, .step = step)`. A run that is killed at any instant
 *  and resumed by tn_checkpoint_load goes on bit for bit as it would have. The file is replaced as a whole or not at all: the old or
 *  the new one is there at every instant, also after a loss of power, and what a killed save left beside it the next one removes.
 *  With .saver the call returns once a copy of the values was made, and reports the error of the save before. A save of the same
 *  file without the saver belongs behind a tn_saver_wait.
 *  returns  false with TN_ERR_IO, TN_ERR_VALUE (guard), TN_ERR_MEMORY; the file is as it was
 */
TN_API bool(tn_checkpoint_save)(const char *path, const tn_checkpoint_opts *opts) {
    tni_thread *t = tni_self();
    tni_pt_plan plan;
    if (!t || tni_failed()) return false;
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "checkpoint_save: argument 'path' is NULL");
    tn_saver *saver = TNI_OPT(opts, saver, NULL);
    TNI_TRY(!saver || tni_check_handle("checkpoint_save", "saver", saver, TNI_SAVER));
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    tn_value *v = gather(opts);
    bool right = v != NULL;
    if (right) {
        right = tni_pt_plan_make(&plan, "checkpoint_save", v, path);
        right = right && (saver ? tni_saver_start(saver, &plan, path) : tni_pt_write_file(&plan, NULL, NULL, path));
        tni_pt_plan_clear(&plan);
    }
    tni_scope_close(t, scope);
    return right || tni_name_path("checkpoint_save", path);
}

/* ---- loading ---- */

/* What will be put back, once all of it was found right. */
typedef struct incoming {
    tn_state *model, *optim;
    tni_optim_load *optim_load;
    const unsigned char *rng;
    tn_batch batch;
    int64_t step;
    tn_value *values;
} incoming;

static tn_value *part(tn_value *file, const char *key) {
    if (tn_value_has(file, key)) return tn_value_get(file, key);
    return (void)tni_fail(TN_ERR_KEY, "the checkpoint holds no '%s'", key), NULL;
}

static bool take_rng(incoming *in, tn_value *file) {
    tn_value *v = part(file, "rng_state");
    tn_tensor *x = v ? tn_value_as_tensor(v) : NULL;
    tni_random trial;
    if (!x) return false;
    TNI_CHECK(x->a.dtype == TN_UINT8 && x->a.device == TNI_CPU && x->a.contiguous && x->a.numel == TN_RNG_STATE_BYTES, TN_ERR_VALUE,
              "'rng_state' is no state of a generator");
    in->rng = x->a.data;
    return tni_random_set_state(&trial, in->rng);
}

static bool take_all(incoming *in, tn_value *file, const tn_checkpoint_load_opts *o) {
    tn_value *v;
    tn_optim *optim = TNI_OPT(o, optim, NULL);
    tn_data_loader *loader = TNI_OPT(o, loader, NULL);
    TNI_CHECK(tn_value_get_kind(file) == TN_VALUE_DICT, TN_ERR_FORMAT, "no checkpoint: its value is no dict");
    TNI_CHECK(!loader == !TNI_OPT(o, batch, NULL), TN_ERR_TYPE, "loader and batch must be given together");
    if (TNI_OPT(o, model, NULL)) TNI_TRY((v = part(file, "model")) && (in->model = tn_value_to_state(v)));
    if (optim) TNI_TRY((v = part(file, "optimizer")) && (in->optim = tni_optim_state_from_value(optim, v)));
    if (optim) TNI_TRY((in->optim_load = tni_optim_load_begin(optim, in->optim)) != NULL);
    if (TNI_OPT(o, rng, true)) TNI_TRY(take_rng(in, file));
    if (loader) {
        TNI_TRY((v = part(file, "loader")) != NULL);
        in->batch = tn_batches_from(loader, v);
        TNI_TRY(!tni_failed());
    }
    if (TNI_OPT(o, step, NULL)) TNI_TRY((v = part(file, "step")) != NULL && (in->step = tn_value_as_int(v), !tni_failed()));
    if (tn_value_has(file, "values")) in->values = tn_value_get(file, "values");
    return !tni_failed();
}

/* Nothing here can fail. */
static void put_back(tni_thread *t, incoming *in, const tn_checkpoint_load_opts *o) {
    tni_optim_load_end(in->optim_load, true);
    if (in->rng) (void)tni_random_set_state(&t->random, in->rng), t->seeded = true;
    if (TNI_OPT(o, batch, NULL)) *o->batch = in->batch;
    if (TNI_OPT(o, step, NULL)) *o->step = in->step;
    if (TNI_OPT(o, values, NULL)) *o->values = in->values;
}

static bool load_into(tni_thread *t, const char *path, const tn_checkpoint_load_opts *o, incoming *in) {
    tn_value *file = tn_load_pt(path);
    void *model = TNI_OPT(o, model, NULL);
    bool right = file && take_all(in, file, o);
    right = right && (!model || (tn_load_state_dict)(model, in->model, NULL)); /* all or nothing by itself */
    if (right)
        put_back(t, in, o);
    else
        tni_optim_load_end(in->optim_load, false);
    return right;
}

/** Puts a checkpoint back: `tn_checkpoint_load("run.pt", .model = m, .optim = opt, .step = &step)`. What is not named is not touched;
 *  what is named must be in the file. A file that PyTorch wrote will do: a dict with "model", "optimizer" and so on.
 *  With .found a run begins anew or goes on by the same lines: there may be no file yet.
 *  returns  false with TN_ERR_IO, TN_ERR_FORMAT, TN_ERR_KEY, or the errors of tn_load_state_dict and tn_optim_load_state_dict; then
 *           nothing was changed
 */
TN_API bool(tn_checkpoint_load)(const char *path, const tn_checkpoint_load_opts *opts) {
    tni_thread *t = tni_self();
    bool *found = TNI_OPT(opts, found, NULL);
    if (!t || tni_failed()) return false;
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "checkpoint_load: argument 'path' is NULL");
    if (found && !tni_file_exists(path)) {
        *found = false;
        return true;
    }
    incoming in = {.step = 0};
    uint64_t scope = tni_scope_open(t, false);
    if (!scope) return false;
    bool right = load_into(t, path, opts, &in);
    void *kept[2] = {in.values, in.batch.state};
    if (!right) {
        tni_scope_close(t, scope);
        return tni_name_path("checkpoint_load", path);
    }
    if (found) *found = true;
    return tni_scope_return(t, scope, kept, 2);
}
