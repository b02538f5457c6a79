/* core/access.c - reading tensors: sizes, dtypes, addresses, values; tensors over foreign memory; numbers as tensors. */
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/zlib.h"
#include "core/node.h"
#include "cpu/level.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define READ(who, x, other)                                                                                                        \
    do {                                                                                                                           \
        if (!tni_check_handle(who, #x, x, TNI_TENSOR)) return other;                                                               \
    } while (0)

/* Reads of the shape. */
#define READ_SHAPE(who, x, other)                                                                                                  \
    do {                                                                                                                           \
        READ(who, x, other);                                                                                                       \
        if (TNI_UNLIKELY(x->uninitialized)) return (void)tni_refuse_shape(), other;                                                \
    } while (0)

int64_t tn_ndim(tn_tensor *x) {
    READ_SHAPE("ndim", x, 0);
    return x->a.ndim;
}
int64_t tn_numel(tn_tensor *x) {
    READ_SHAPE("numel", x, 0);
    return x->a.numel;
}

static int64_t dim_entry(const char *who, const tn_tensor *x, const int64_t *entries, int64_t dim) {
    if (x->a.ndim == 0)
        return (void)tni_fail(TN_ERR_INDEX, "%s: Dimension specified as %lld but tensor has no dimensions", who, (long long)dim), 0;
    return tni_wrap_dim(who, &dim, x->a.ndim) ? entries[dim] : 0;
}
int64_t tn_size(tn_tensor *x, int64_t dim) {
    READ_SHAPE("size", x, 0);
    return dim_entry("size", x, x->a.sizes, dim);
}
int64_t tn_stride(tn_tensor *x, int64_t dim) {
    READ_SHAPE("stride", x, 0);
    return dim_entry("stride", x, x->a.strides, dim);
}
const int64_t *tn_sizes(tn_tensor *x) {
    READ_SHAPE("sizes", x, NULL);
    return x->a.sizes;
}
const int64_t *tn_strides(tn_tensor *x) {
    READ_SHAPE("strides", x, NULL);
    return x->a.strides;
}
int64_t tn_storage_offset(tn_tensor *x) {
    READ("storage_offset", x, 0);
    return x->a.offset;
}
tn_dtype tn_get_dtype(tn_tensor *x) {
    READ("dtype", x, TN_DTYPE_NONE);
    return (tn_dtype)x->a.dtype;
}
const char *tn_dtype_name(tn_dtype dtype) { return tni_dtype_get(dtype)->name; }
size_t tn_element_size(tn_tensor *x) {
    READ("element_size", x, 0);
    return tni_array_item(&x->a);
}
const char *tn_device(tn_tensor *x) {
    READ("device", x, "");
    return tni_device_name(x->a.device);
}
bool tn_is_meta(tn_tensor *x) {
    READ("is_meta", x, false);
    return x->a.device == TNI_META;
}
bool tn_set_default_device(const char *device) {
    tni_thread *t = tni_self();
    int8_t chosen;
    if (!t || tni_failed() || !tni_device_parse(device, TNI_CPU, &chosen)) return false;
    t->default_device = chosen;
    return true;
}
const char *tn_get_default_device(void) {
    tni_thread *t = tni_self();
    return tni_device_name(t ? t->default_device : TNI_CPU);
}
bool(tn_is_contiguous)(tn_tensor *x, const tn_memory_format_opts *opts) {
    READ_SHAPE("is_contiguous", x, false);
    return tni_array_has_format(&x->a, opts ? opts->memory_format : TN_MEMORY_FORMAT_NONE);
}
bool tn_is_parameter(tn_tensor *x) {
    READ("is_parameter", x, false);
    return x->is_parameter;
}
bool tn_is_buffer(tn_tensor *x) {
    READ("is_buffer", x, false);
    return x->is_buffer;
}
bool tn_is_persistent(tn_tensor *x) {
    READ("is_persistent", x, false);
    return x->persistent;
}
bool tn_is_inference(tn_tensor *x) {
    READ("is_inference", x, false);
    return x->inference;
}
uint32_t tn_version_counter(tn_tensor *x) {
    READ("version_counter", x, 0);
    return tni_version_get(x);
}

/* Reads of values. */
#define READ_VALUES(who, x, other)                                                                                                 \
    do {                                                                                                                           \
        READ(who, x, other);                                                                                                       \
        if (TNI_UNLIKELY(x->a.device != TNI_CPU)) return (void)tni_refuse_values(x->a.device), other;                              \
    } while (0)

void *tn_data(tn_tensor *x) {
    READ_VALUES("data", x, NULL);
    return x->a.data;
}

static void *typed_data(const char *who, tn_tensor *x, tn_dtype dtype) {
    READ_VALUES(who, x, NULL);
    if (x->a.dtype != (int8_t)dtype)
        return (void)tni_fail(TN_ERR_DTYPE, "%s: expected a tensor of torch.%s but got torch.%s", who, tni_dtype_get(dtype)->name,
                              tni_dtype_get((tn_dtype)x->a.dtype)->name),
               NULL;
    return x->a.data;
}
float *tn_data_f32(tn_tensor *x) { return typed_data("data_f32", x, TN_FLOAT32); }
double *tn_data_f64(tn_tensor *x) { return typed_data("data_f64", x, TN_FLOAT64); }
int64_t *tn_data_i64(tn_tensor *x) { return typed_data("data_i64", x, TN_INT64); }
int32_t *tn_data_i32(tn_tensor *x) { return typed_data("data_i32", x, TN_INT32); }
uint8_t *tn_data_u8(tn_tensor *x) { return typed_data("data_u8", x, TN_UINT8); }
bool *tn_data_bool(tn_tensor *x) { return typed_data("data_bool", x, TN_BOOL); }

bool tn_copy_to(tn_tensor *x, void *out, size_t bytes) {
    if (tni_failed()) return false;
    READ_VALUES("copy_to", x, false);
    size_t need = (size_t)x->a.numel * tni_array_item(&x->a);
    TNI_CHECK(bytes == need, TN_ERR_VALUE, "copy_to: %s of torch.%s takes %zu bytes, but room for %zu was given", TNI_SHAPE(&x->a),
              tni_dtype_get((tn_dtype)x->a.dtype)->name, need, bytes);
    TNI_CHECK(out || need == 0, TN_ERR_TYPE, "copy_to: argument 'out' is NULL");
    tni_thread *t = tni_self();
    tn_tensor *made;
    const tni_array *a = t ? tni_array_as(t, "copy_to", x, (tn_dtype)x->a.dtype, true, &made) : NULL;
    if (!a) return false;
    if (need) memcpy(out, a->data, need);
    tni_tensor_destroy_new(t, made);
    return true;
}

static bool one_element(const tn_tensor *x) {
    TNI_CHECK(x->a.device != TNI_META, TN_ERR_RUNTIME, "Tensor.item() cannot be called on meta tensors");
    if (x->a.device != TNI_CPU) return tni_refuse_values(x->a.device);
    return x->a.numel == 1 ||
           tni_fail(TN_ERR_RUNTIME, "a Tensor with %lld elements cannot be converted to Scalar", (long long)x->a.numel);
}
double tn_item(tn_tensor *x) {
    if (tni_failed()) return NAN;
    READ("item", x, NAN);
    return one_element(x) ? tni_array_double_at(&x->a, 0) : NAN;
}
int64_t tn_item_int(tn_tensor *x) {
    if (tni_failed()) return 0;
    READ("item_int", x, 0);
    return one_element(x) ? tni_array_int_at(&x->a, 0) : 0;
}
bool tn_item_complex(tn_tensor *x, double *real, double *imaginary) {
    double value[2] = {NAN, NAN};
    bool right = !tni_failed() && tni_check_handle("item_complex", "x", x, TNI_TENSOR) && one_element(x);
    if (right) tni_element_convert(value, TN_COMPLEX128, x->a.data, (tn_dtype)x->a.dtype);
    if (real) *real = value[0];
    if (imaginary) *imaginary = value[1];
    return right;
}

/* ---- tensors over memory of the program's own ---- */

static bool check_blob(tn_dtype dtype, const void *data, int64_t numel) {
    TNI_CHECK(data || numel == 0, TN_ERR_TYPE, "from_blob: argument 'data' is NULL");
    TNI_CHECK((uintptr_t)data % tni_dtype_size(dtype) == 0, TN_ERR_VALUE,
              "from_blob: data at %p is not aligned to the %zu bytes of torch.%s; copy it first", data, tni_dtype_size(dtype),
              tni_dtype_get(dtype)->name);
    return true;
}

tn_tensor *(tn_from_blob)(const int64_t *sizes, size_t ndim, tn_dtype dtype, void *data, void (*destroy)(void *)) {
    tni_thread *t = tni_self();
    int64_t numel, strides[TNI_MAX_DIMS], stride = 1;
    if (!t || tni_failed() || !tni_dtype_check_stored("from_blob", dtype)) return NULL;
    if (ndim > TNI_MAX_DIMS || (!sizes && ndim)) return (void)tni_fail(TN_ERR_SHAPE, "from_blob: %zu dimensions", ndim), NULL;
    if (!tni_shape_numel("from_blob", sizes, ndim, tni_dtype_size(dtype), &numel) || !check_blob(dtype, data, numel)) return NULL;
    for (size_t i = ndim; i-- > 0;) {
        strides[i] = stride;
        stride *= TNI_MAX(sizes[i], 1);
    }
    tn_tensor *x = tni_object_new(t, TNI_TENSOR, sizeof *x);
    tni_storage *s = x ? tni_storage_wrap(data, (size_t)numel * tni_dtype_size(dtype), destroy, data) : NULL;
    bool made = s && tni_array_view(&x->a, "from_blob", s, dtype, sizes, strides, ndim, 0);
    if (s && !made) s->destroy = NULL; /* a failed call does not own the data */
    tni_storage_release(s);
    if (!made) {
        tni_tensor_destroy_new(t, x);
        return NULL;
    }
    x->inference = t->inference;
    return tni_give(t, x);
}

static tn_tensor *number(tn_dtype dtype, double d, int64_t i, bool is_int) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    int8_t making = t->making; /* a number is everywhere on the CPU */
    t->making = TNI_CPU;
    tn_tensor *x = tni_tensor_new(t, "number", dtype, NULL, 0);
    t->making = making;
    if (!x) return NULL;
    tni_element_set(x->a.data, dtype, d, i, is_int);
    x->number = true;
    return tni_give(t, x);
}
tn_tensor *tn_number_int(int64_t value) { return number(TN_INT64, 0, value, true); }
tn_tensor *tn_number_double(double value) { return number(TN_FLOAT64, value, 0, false); }
tn_tensor *tn_number_bool(bool value) { return number(TN_BOOL, 0, value, true); }

tn_tensor *tn_number_complex(double real, double imaginary) {
    tn_tensor *x = number(TN_COMPLEX128, real, 0, false);
    if (x) ((double *)x->a.data)[1] = imaginary;
    return x;
}

static int default_dtype = TN_FLOAT32;
tn_dtype tn_get_default_dtype(void) { return (tn_dtype)__atomic_load_n(&default_dtype, __ATOMIC_RELAXED); }
bool tn_set_default_dtype(tn_dtype dtype) {
    if (tni_failed()) return false;
    TNI_CHECK(tni_dtype_is_float(dtype), TN_ERR_TYPE, "only floating-point types are supported as the default type");
    __atomic_store_n(&default_dtype, (int)dtype, __ATOMIC_RELAXED);
    return true;
}

/* ---- random numbers and threads ---- */

void tn_manual_seed(uint64_t seed) {
    tni_thread *t = tni_self();
    if (!t) return;
    tni_random_seed(&t->random, seed);
    t->seeded = true;
}
uint64_t tn_initial_seed(void) {
    tni_thread *t = tni_self();
    return t ? tni_thread_random(t)->seed : 0;
}
bool tn_get_rng_state(unsigned char *state, size_t bytes) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    TNI_CHECK(state && bytes == TN_RNG_STATE_BYTES, TN_ERR_VALUE, "get_rng_state: room for exactly %d bytes is needed",
              (int)TN_RNG_STATE_BYTES);
    tni_random_get_state(tni_thread_random(t), state);
    return true;
}
bool tn_set_rng_state(const unsigned char *state, size_t bytes) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return false;
    TNI_CHECK(state && bytes == TN_RNG_STATE_BYTES, TN_ERR_VALUE, "set_rng_state: expected %d bytes, got %zu",
              (int)TN_RNG_STATE_BYTES, bytes);
    TNI_TRY(tni_random_set_state(&t->random, state));
    t->seeded = true;
    return true;
}

bool tn_set_num_threads(int n) {
    if (tni_failed()) return false;
    TNI_CHECK(n > 0, TN_ERR_VALUE, "set_num_threads expects a positive integer");
    tni_pool_set_threads(n);
    return true;
}
int tn_get_num_threads(void) { return tni_pool_threads(); }

static char build_text[256];
static void write_build_text(void) {
    const char *zlib = tni_zlib_version();
    snprintf(build_text, sizeof build_text, "Tison %s\ncompiler: %s\nCPU level: %s (of %s)\nlibraries: none needed\nzlib: %.40s\n",
             tn_version_string(), __VERSION__, tni_cpu_level_name(tni_cpu_level), tni_cpu_level_name(tni_cpu_best_level()),
             zlib ? zlib : "not found");
}

const char *tn_build_info(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, write_build_text);
    return build_text;
}
