/* nn/old_norms.c - torch.nn.utils.weight_norm and spectral_norm: the older forms, with a hook before each forward. */
#include "base/memory.h"
#include "nn/norms.h"
#include "nn/parametrize.h"
#include <stdio.h>
#include <string.h>

#ifdef TN_HEADER
/* Where states of models that were written with them are to be read: m.name is a plain tensor, computed before each forward from parameters
 * beside it. New models do better with tn_nn_utils_parametrizations_weight_norm and _spectral_norm. Options as theirs. */
#ifndef __cplusplus
#define tn_nn_utils_weight_norm(...)                                                                                               \
    TN_WITH(tn_nn_weight_norm_opts, (.name = "weight", .dim = 0),                                                                  \
            (tn_nn_utils_weight_norm)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_spectral_norm(...)                                                                                             \
    TN_WITH(tn_nn_spectral_norm_opts, (.name = "weight", .n_power_iterations = 1, .eps = 1e-12, .dim = 0),                         \
            (tn_nn_utils_spectral_norm)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nn_utils_remove_weight_norm(...) tn_nn_utils_remove_weight_norm_(__VA_ARGS__, "weight", )
#define tn_nn_utils_remove_weight_norm_(m, name, ...) (tn_nn_utils_remove_weight_norm)(TN_AS_MODULE(m), name)
#define tn_nn_utils_remove_spectral_norm(...) tn_nn_utils_remove_spectral_norm_(__VA_ARGS__, "weight", )
#define tn_nn_utils_remove_spectral_norm_(m, name, ...) (tn_nn_utils_remove_spectral_norm)(TN_AS_MODULE(m), name)
#endif
#endif

enum { NAME_ROOM = 200, PATH_ROOM = 1024 }; /* of a name with what is beside it; of a prefix */

/* The data of a hook. */
typedef struct norm {
    char name[NAME_ROOM];
    int64_t dim, iterations;
    double eps;
} norm;

static bool name_norm(norm *n, const char *name) {
    if (strlen(name) > 190) return tn_raise(TN_ERR_VALUE, "a name of at most 190 bytes is needed");
    snprintf(n->name, NAME_ROOM, "%s", name);
    return true;
}
static norm *copy_norm(const norm *n) {
    norm *copy = tni_alloc_zero(sizeof *copy);
    if (copy) *copy = *n;
    return copy;
}
static void free_norm(void *n) { tni_free(n, sizeof(norm)); }

/* *out (NULL ok) is then a copy of its data. */
static tn_hook *find_hook(tn_module *m, tn_forward_pre_hook *function, const char *name, norm *out) {
    tn_forward_pre_hook *at;
    void *data;
    tn_hook *hook;
    for (size_t i = 0; (hook = (tn_forward_pre_hook_at)(m, i, &at, &data)) != NULL; i++)
        if (at == function && strcmp(((norm *)data)->name, name) == 0) break;
    if (hook && out) *out = *(norm *)data;
    return hook;
}

static const char *beside(char text[NAME_ROOM], const char *name, const char *end) {
    snprintf(text, NAME_ROOM, "%.190s_%s", name, end);
    return text;
}
#define BESIDE(name, end) beside((char[NAME_ROOM]){0}, name, end)

static tn_tensor *part(tn_module *m, const char *name, const char *end) { return (tn_module_get)(m, BESIDE(name, end)); }

/* The tensor that is to be computed from now on: a parameter. */
static tn_tensor *weight_of(tn_module *m, const char *name, const char *who) {
    tn_member found;
    if (!tni_parametrize_find(m, name, &found) || found.kind != TN_MEMBER_PARAMETER) {
        if (tn_error() == TN_OK) tn_raise(TN_ERR_ATTRIBUTE, "'%s' object has no parameter '%s'", (tn_module_printed)(m), name);
        return NULL;
    }
    if (tn_is_lazy(found.value))
        return (void)tn_raise(TN_ERR_VALUE,
                              "The module passed to `%s` can't have uninitialized parameters. Make sure to run the dummy forward "
                              "before applying %s normalization",
                              who, strcmp(who, "WeightNorm") == 0 ? "weight" : "spectral"),
               NULL;
    return found.value;
}

static bool take_away(tn_module *m, const char *name, const char *const *ends, size_t n, tn_hook *hook) {
    for (size_t i = 0; i < n; i++) tni_parametrize_drop(m, BESIDE(name, ends[i]));
    tn_hook_remove(hook);
    return tn_error() == TN_OK;
}

/* After a failure: what was put beside `name` goes again, and the error stays. */
static bool take_back(tn_module *m, const char *name, const char *const *ends, size_t n, tn_hook *hook) {
    tn_saved_error error;
    tn_error_take(&error);
    (void)take_away(m, name, ends, n, hook);
    tn_clear_error();
    if (error.status != TN_OK) tn_error_put(&error);
    return false;
}

static bool are_free(tn_module *m, const char *name, const char *const *ends, size_t n) {
    tn_member found;
    for (size_t i = 0; i < n; i++)
        if (tni_parametrize_find(m, BESIDE(name, ends[i]), &found))
            return tn_raise(TN_ERR_KEY, "attribute '%s' already exists", BESIDE(name, ends[i]));
    return tn_error() == TN_OK;
}

/* The computed value becomes a parameter, and what stands beside it goes, the hook too. */
static bool remove_norm(tn_module *m, const char *name, const char *what, tn_forward_pre_hook *function,
                        tn_tensor *(*compute)(tn_module *, const norm *), const char *const *ends, size_t count) {
    TN_SCOPE;
    TN_NO_GRAD;
    norm n;
    if (!name) name = "weight";
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    tn_hook *hook = find_hook(m, function, name, &n);
    if (!hook) return tn_error() == TN_OK && tn_raise(TN_ERR_VALUE, "%s of '%s' not found in %s", what, name, tn_to_string(m));
    tn_tensor *value = compute(m, &n), *parameter = value ? tn_parameter_at(value, true, NULL) : NULL;
    return parameter && (tn_module_set)(m, name, parameter) && take_away(m, name, ends, count, hook);
}

/* ---- weight_norm ---- */

static const char *const weight_norm_parts[] = {"g", "v"};

static tn_tensor *weighted(tn_module *m, const norm *n) {
    tn_tensor *g = part(m, n->name, "g"), *v = part(m, n->name, "v");
    return g && v ? tn_mul(v, tn_div(g, tni_norm_except_dim(v, n->dim))) : NULL;
}

static bool weight_norm_hook(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    const norm *own = data;
    (void)in, (void)n;
    tn_tensor *value = weighted(m, own);
    return value && (tn_module_set)(m, own->name, value);
}

static bool put_weight_norm(tn_module *m, const norm *n, tn_tensor *w) {
    tn_tensor *g, *v;
    {
        TN_NO_GRAD;
        v = tn_clone(tn_detach(w));
        g = v ? tni_norm_except_dim(v, n->dim) : NULL;
    }
    return g && (tn_module_register_parameter)(m, BESIDE(n->name, "g"), tn_parameter_at(g, true, NULL)) &&
           (tn_module_register_parameter)(m, BESIDE(n->name, "v"), tn_parameter_at(v, true, NULL)) &&
           (tn_module_replace)(m, n->name, weighted(m, n));
}

/** The older weight_norm: parameters <name>_g, a length, and <name>_v, a direction; m.name is their product, computed before each forward.
 *  TN_ERR_RUNTIME when it is there already; then, and after any failure, m is as before. A deep copy is refused as PyTorch refuses it,
 *  since the computed value has a history. torch.nn.utils.weight_norm, which PyTorch deprecates. */
TN_API bool(tn_nn_utils_weight_norm)(tn_module *m, const tn_nn_weight_norm_opts *opts) {
    TN_SCOPE;
    const char *name = opts && opts->name ? opts->name : "weight";
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (find_hook(m, weight_norm_hook, name, NULL))
        return tn_raise(TN_ERR_RUNTIME, "Cannot register two weight_norm hooks on the same parameter %s", name);
    tn_tensor *w = weight_of(m, name, "WeightNorm");
    if (!w || !are_free(m, name, weight_norm_parts, 2)) return false;
    norm own = {.dim = opts ? opts->dim : 0}, *n = name_norm(&own, name) ? copy_norm(&own) : NULL;
    if (!n) return false;
    tn_hook *hook = (tn_register_forward_pre_hook)(m, weight_norm_hook, n, free_norm, NULL);
    if (!hook) return free_norm(n), false;
    return put_weight_norm(m, n, w) || take_back(m, name, weight_norm_parts, 2, hook);
}

/** Takes it away: m.name, "weight" if none is given, is a new parameter with the computed value. TN_ERR_VALUE when it is not there.
 *  torch.nn.utils.remove_weight_norm. */
TN_API bool(tn_nn_utils_remove_weight_norm)(tn_module *m, const char *name) {
    return remove_norm(m, name, "weight_norm", weight_norm_hook, weighted, weight_norm_parts, 2);
}

/* ---- spectral_norm ---- */

static const char *const spectral_norm_parts[] = {"orig", "u", "v"};

static bool power_iterations(const norm *n, tn_tensor *matrix, tn_tensor *u, tn_tensor *v) {
    TN_NO_GRAD;
    tn_tensor *rows = tn_detach(matrix), *columns = tn_transpose(rows, 0, 1);
    for (int64_t i = 0; i < n->iterations; i++) {
        if (!tn_copy_(v, tni_normalize(tn_mv(columns, u), n->eps))) return false;
        if (!tn_copy_(u, tni_normalize(tn_mv(rows, v), n->eps))) return false;
    }
    return tn_error() == TN_OK;
}

static tn_tensor *scaled(tn_module *m, const norm *n, bool iterate) {
    tn_tensor *w = part(m, n->name, "orig"), *u = part(m, n->name, "u"), *v = part(m, n->name, "v");
    tn_tensor *matrix = w && u && v ? tni_norm_matrix(w, n->dim) : NULL;
    if (!matrix || (iterate && !power_iterations(n, matrix, u, v))) return NULL;
    return tn_div(w, tn_dot(tn_clone(u), tn_mv(matrix, tn_clone(v))));
}

/* Without power iterations. */
static tn_tensor *settled(tn_module *m, const norm *n) { return scaled(m, n, false); }

static bool spectral_norm_hook(tn_module *m, tn_tensor *in[], size_t n, void *data) {
    const norm *own = data;
    (void)in, (void)n;
    tn_tensor *value = scaled(m, own, (tn_is_training)(m));
    return value && (tn_module_set)(m, own->name, value);
}

/* The v for which u^T W v is sigma and v the least: states of before PyTorch 1.0 lack it. */
static tn_tensor *solve_v(tn_tensor *matrix, tn_tensor *u, tn_tensor *sigma) {
    tn_tensor *t = tn_transpose(matrix, 0, 1);
    bool wide = tn_size(matrix, 0) <= tn_size(matrix, 1);
    tn_tensor *v = wide ? tn_mv(t, tn_linalg_solve(tn_mm(matrix, t), u)) : tn_linalg_solve(tn_mm(t, matrix), tn_mv(t, u));
    return tn_mul(v, tn_div(sigma, tn_dot(u, tn_mv(matrix, v))));
}

/* Its own version, beside the module's in a state: 0 where the state does not say, as before PyTorch 1.0. */
enum { SPECTRAL_NORM_VERSION = 1 };
static const char *version_key(char text[NAME_ROOM], const norm *n) {
    snprintf(text, NAME_ROOM, "%.190s.version", n->name);
    return text;
}
static const char *path_of(char text[PATH_ROOM], const char *prefix) {
    size_t n = strlen(prefix);
    snprintf(text, PATH_ROOM, "%.*s", n ? (int)n - 1 : 0, prefix);
    return text;
}
#define VERSION_KEY(n) version_key((char[NAME_ROOM]){0}, n)
#define PATH_OF(prefix) path_of((char[PATH_ROOM]){0}, prefix)

/* Hooks of states stay where the norm was taken away. */
static bool is_there(tn_module *m, const norm *n) { return find_hook(m, spectral_norm_hook, n->name, NULL) != NULL; }

static bool note_version(tn_module *m, tn_state *state, const char *prefix, void *data) {
    const norm *n = data;
    if (!is_there(m, n)) return tn_error() == TN_OK;
    return tn_state_set_local_metadata(state, PATH_OF(prefix), "spectral_norm", VERSION_KEY(n), SPECTRAL_NORM_VERSION);
}

/* Of a state with <name> instead of <name>_v. */
static bool complete_old(tn_module *m, tn_state *state, const char *prefix, int64_t version, bool strict, tn_incompatible *keys,
                         void *data) {
    const norm *n = data;
    char key[4][PATH_ROOM + NAME_ROOM];
    bool has[4], all = true;
    static const char *const end[] = {"_orig", "", "_u", "_v"};
    (void)version, (void)strict;
    if (!is_there(m, n) ||
        tn_state_local_metadata(state, PATH_OF(prefix), "spectral_norm", VERSION_KEY(n)) >= SPECTRAL_NORM_VERSION)
        return tn_error() == TN_OK;
    for (int i = 0; i < 4; i++) {
        snprintf(key[i], sizeof key[i], "%s%s%s", prefix, n->name, end[i]);
        has[i] = tn_state_has(state, key[i]);
    }
    if (has[0] && !has[1] && has[2] && has[3]) return tn_error() == TN_OK; /* a new one that does not say so */
    for (int i = 0; i < 3; i++) {
        all = all && has[i];
        if (!has[i] && !tn_incompatible_add(keys, TN_MISSING_KEYS, key[i])) return false;
    }
    if (!all) return tn_error() == TN_OK;
    TN_NO_GRAD;
    tn_tensor *orig = tn_state_get(state, key[0]), *w = tn_state_get(state, key[1]), *u = tn_state_get(state, key[2]);
    tn_tensor *v = orig && u && w ? solve_v(tni_norm_matrix(orig, n->dim), u, tn_mean(tn_div(orig, w))) : NULL;
    return v && tn_state_delete(state, key[1]) && tn_state_set(state, key[3], v);
}

static bool put_spectral_norm(tn_module *m, const norm *n, tn_tensor *w) {
    tn_tensor *vector[2], *value;
    {
        TN_NO_GRAD;
        tn_tensor *matrix = tni_norm_matrix(w, n->dim);
        for (int i = 0; i < 2; i++)
            vector[i] = matrix ? tn_randn(tn_size(matrix, i), .dtype = tn_get_dtype(w), .device = tn_device(w)) : NULL;
        for (int i = 0; i < 2; i++) vector[i] = vector[i] ? tni_normalize(vector[i], n->eps) : NULL;
        value = tn_get_data(w);
    }
    return vector[0] && vector[1] && value && (tn_module_register_parameter)(m, BESIDE(n->name, "orig"), w) &&
           (tn_module_replace)(m, n->name, value) && (tn_module_register_buffer)(m, BESIDE(n->name, "u"), vector[0], NULL) &&
           (tn_module_register_buffer)(m, BESIDE(n->name, "v"), vector[1], NULL);
}

/* Each hook has data of its own. */
static bool add_hooks(tn_module *m, const norm *n, tn_hook *hook[3]) {
    norm *data[3] = {NULL};
    bool right = true;
    for (int i = 0; right && i < 3; i++) right = (data[i] = copy_norm(n)) != NULL;
    if (right && (hook[0] = (tn_register_state_dict_post_hook)(m, note_version, data[0], free_norm)) != NULL) data[0] = NULL;
    if (hook[0] && (hook[1] = (tn_register_load_state_dict_pre_hook)(m, complete_old, data[1], free_norm)) != NULL) data[1] = NULL;
    if (hook[1] && (hook[2] = (tn_register_forward_pre_hook)(m, spectral_norm_hook, data[2], free_norm, NULL)) != NULL)
        data[2] = NULL;
    for (int i = 0; i < 3; i++)
        if (data[i]) free_norm(data[i]);
    return hook[2] != NULL;
}

static bool add_spectral_norm(tn_module *m, const norm *n, tn_tensor *w) {
    tn_hook *hook[3] = {NULL};
    bool hooked = add_hooks(m, n, hook);
    if (hooked && put_spectral_norm(m, n, w)) return true;
    tn_saved_error error;
    tn_error_take(&error);
    if (hooked && !tn_is_parameter((tn_module_get)(m, n->name))) (void)(tn_module_delete)(m, n->name);
    if (hooked) (void)(tn_module_set)(m, n->name, w);
    for (int i = 0; i < 2; i++)
        if (hook[i]) tn_hook_remove(hook[i]);
    if (error.status != TN_OK) tn_error_put(&error);
    return hooked && take_back(m, n->name, spectral_norm_parts, 3, hook[2]);
}

/** The older spectral_norm: the parameter becomes <name>_orig, buffers <name>_u and <name>_v hold its singular vectors, and m.name is the
 *  parameter by its largest singular value, computed before each forward, in training after power iterations. TN_ERR_RUNTIME when it is
 *  there already, TN_ERR_VALUE for n_power_iterations below 1; then m is as before. Random numbers as torch. States of before PyTorch 1.0
 *  load, too. torch.nn.utils.spectral_norm. */
TN_API bool(tn_nn_utils_spectral_norm)(tn_module *m, const tn_nn_spectral_norm_opts *opts) {
    TN_SCOPE;
    const char *name = opts && opts->name ? opts->name : "weight";
    if (tn_error() != TN_OK || !tn_module_class(m)) return false;
    if (find_hook(m, spectral_norm_hook, name, NULL))
        return tn_raise(TN_ERR_RUNTIME, "Cannot register two spectral_norm hooks on the same parameter %s", name);
    int64_t iterations = opts ? opts->n_power_iterations : 1, dim = opts ? opts->dim : 0;
    if (iterations <= 0)
        return tn_raise(TN_ERR_VALUE, "Expected n_power_iterations to be positive, but got n_power_iterations=%lld",
                        (long long)iterations);
    tn_tensor *w = weight_of(m, name, "SpectralNorm");
    if (!w || !are_free(m, name, spectral_norm_parts, 3) || !tni_norm_check_dim(&dim, tn_ndim(w))) return false;
    norm n = {.dim = dim, .iterations = iterations, .eps = opts ? opts->eps : 1e-12};
    return name_norm(&n, name) && add_spectral_norm(m, &n, w);
}

/** Takes it away: m.name, "weight" if none is given, is a new parameter with the computed value. TN_ERR_VALUE when it is not there.
 *  torch.nn.utils.remove_spectral_norm. */
TN_API bool(tn_nn_utils_remove_spectral_norm)(tn_module *m, const char *name) {
    return remove_norm(m, name, "spectral_norm", spectral_norm_hook, settled, spectral_norm_parts, 3);
}
