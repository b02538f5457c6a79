/* unit/test_dlpack.c - tensors to and from other libraries of the process. */
#include "support.h"
#include <pthread.h>
#include <stdlib.h>

static int deleted;
static void count(tn_dl_versioned *m) {
    (void)m;
    deleted++;
}
static void count_legacy(tn_dl_legacy *m) {
    (void)m;
    deleted++;
}

static float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static int64_t shape[] = {2, 3}, strides[] = {6, 2};

static tn_dl_versioned sample(void) {
    return (tn_dl_versioned){.version = {1, 3}, .deleter = count, .tensor = {data, {1, 0}, 2, {2, 32, 1}, shape, strides, 0}};
}

static void out_and_in(void) {
    TN_SCOPE;
    tn_tensor *x = tn_transpose(tn_randn((3, 4)), 0, 1), *y = tn_narrow(x, 0, 1, 2);
    tn_dl_versioned *m = tn_to_dlpack(y);
    if (!CHECK(m != NULL)) return;
    CHECK(m->tensor.ndim == 2 && m->tensor.shape[0] == 2 && m->tensor.strides[0] == 1 && m->tensor.strides[1] == 4);
    CHECK(m->tensor.data == tn_data(y) && m->tensor.byte_offset == 0 && m->version.major == 1 && m->flags == 0);
    tn_tensor *z = tn_from_dlpack(m);
    CHECK(z && tn_data(z) == tn_data(y) && tn_equal(z, y) && tn_stride(z, 1) == 4);
    tn_tensor *kept = tn_keep(tn_select(z, 0, 0)); /* a view holds the memory after all others are gone */
    double first = tn_item(tn_select(kept, 0, 0));
    tn_free(x);
    CHECK(tn_item(tn_select(kept, 0, 0)) == first);
    tn_free(kept);
    tn_dl_versioned *empty = tn_to_dlpack(tn_zeros((0, 3), .dtype = TN_BOOL));
    CHECK(empty && empty->tensor.data == NULL && empty->tensor.dtype.code == 6);
    CHECK((z = tn_from_dlpack(empty)) && tn_size(z, 1) == 3);
    CHECK_OK();
}

static void every_dtype(void) {
    TN_SCOPE;
    static const tn_dtype dtypes[] = {TN_UINT8,       TN_INT8,          TN_INT16,           TN_INT32,          TN_INT64,
                                      TN_FLOAT16,     TN_FLOAT32,       TN_FLOAT64,         TN_BOOL,           TN_UINT16,
                                      TN_UINT32,      TN_UINT64,        TN_BFLOAT16,        TN_COMPLEX64,      TN_COMPLEX128,
                                      TN_FLOAT8_E5M2, TN_FLOAT8_E4M3FN, TN_FLOAT8_E5M2FNUZ, TN_FLOAT8_E4M3FNUZ};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        tn_tensor *x = tn_zeros((2, 2), .dtype = dtypes[i]), *y = tn_from_dlpack(tn_to_dlpack(x));
        CHECK(y && tn_get_dtype(y) == dtypes[i] && tn_data(y) == tn_data(x));
    }
    CHECK_OK();
}

static void the_deleter_runs_once(void) {
    tn_dl_versioned m = sample();
    deleted = 0;
    {
        TN_SCOPE;
        tn_tensor *x = tn_from_dlpack(&m);
        CHECK(x && tn_item(tn_select(tn_select(x, 0, 1), 0, 2)) == 10);
        tn_select(x, 0, 1);
        tn_detach(x);
        CHECK_EQ_INT(deleted, 0);
    }
    tn_free(tn_zeros(1));
    CHECK_EQ_INT(deleted, 1);
    {
        TN_SCOPE;
        m.tensor.strides = NULL;
        m.tensor.byte_offset = 4;
        tn_tensor *x = tn_from_dlpack(&m);
        CHECK(x && tn_is_contiguous(x) && tn_data_f32(x)[0] == 1 && tn_data_f32(x)[5] == 6);
        m.flags = TN_DL_READ_ONLY; /* copied, and done with at once */
        tn_tensor *y = tn_from_dlpack(&m);
        CHECK(y && deleted == 2 && tn_data(y) != tn_data(x) && tn_equal(x, y));
    }
    {
        TN_SCOPE;
        tn_dl_legacy old = {.tensor = m.tensor, .deleter = count_legacy};
        deleted = 0;
        CHECK(tn_from_dlpack_legacy(&old) != NULL);
        m.flags = 0;
        m.deleter = NULL; /* allowed */
        CHECK(tn_from_dlpack(&m) != NULL);
    }
    tn_free(tn_zeros(1));
    CHECK_EQ_INT(deleted, 1);
    CHECK_OK();
}

static void refuse(tn_dl_versioned m, tn_status status, const char *text) {
    tn_dl_legacy old = {.tensor = m.tensor, .deleter = count_legacy};
    deleted = 0;
    CHECK(tn_from_dlpack(&m) == NULL);
    CHECK_ERROR(status, text);
    if (m.version.major == 1) {
        CHECK(tn_from_dlpack_legacy(&old) == NULL);
        CHECK_ERROR(status, text);
    }
    m.flags = TN_DL_READ_ONLY;
    CHECK(tn_from_dlpack(&m) == NULL);
    CHECK_ERROR(status, text);
    CHECK_EQ_INT(deleted, 0); /* it is still the caller's */
}
#define REFUSE(status, text, ...)                                                                                                  \
    do {                                                                                                                           \
        tn_dl_versioned m = sample();                                                                                              \
        __VA_ARGS__;                                                                                                               \
        refuse(m, status, text);                                                                                                   \
    } while (0)

static void what_is_refused(void) {
    static int64_t negative[] = {-6, 2}, huge[] = {INT64_MAX, 2}, many[65], below[] = {-1, 3}, wide[] = {INT64_MAX / 2, 3};
    REFUSE(TN_ERR_VALUE, "stride[0] = -6", m.tensor.strides = negative);
    REFUSE(TN_ERR_SHAPE, "range of addresses", m.tensor.strides = huge);
    REFUSE(TN_ERR_SHAPE, "65 dimensions", (m.tensor.ndim = 65, m.tensor.shape = many));
    REFUSE(TN_ERR_SHAPE, "-1 dimensions", m.tensor.ndim = -1);
    REFUSE(TN_ERR_NOT_IMPLEMENTED, "device type 2", m.tensor.device.type = 2);
    REFUSE(TN_ERR_NOT_IMPLEMENTED, "4 lanes", m.tensor.dtype.lanes = 4);
    REFUSE(TN_ERR_NOT_IMPLEMENTED, "code 3", m.tensor.dtype.code = 3);
    REFUSE(TN_ERR_NOT_IMPLEMENTED, "24 bits", m.tensor.dtype.bits = 24);
    REFUSE(TN_ERR_NOT_IMPLEMENTED, "version 2.0", (m.version.major = 2, m.version.minor = 0));
    REFUSE(TN_ERR_VALUE, "data is NULL", m.tensor.data = NULL);
    REFUSE(TN_ERR_VALUE, "shape is NULL", m.tensor.shape = NULL);
    REFUSE(TN_ERR_VALUE, "aligned", m.tensor.byte_offset = 1);
    REFUSE(TN_ERR_VALUE, "byte_offset", m.tensor.byte_offset = UINT64_MAX);
    REFUSE(TN_ERR_SHAPE, "negative", m.tensor.shape = below);
    REFUSE(TN_ERR_SHAPE, NULL, m.tensor.shape = wide);
    CHECK(tn_from_dlpack(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "managed");
    CHECK(tn_from_dlpack_legacy(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "managed");
    CHECK(tn_to_dlpack(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
    tn_tensor *w = tn_parameter(tn_ones(2));
    CHECK(tn_to_dlpack(w) == NULL);
    CHECK_ERROR(TN_ERR_RUNTIME, "Can't export tensors that require gradient, use tensor.detach()");
    tn_dl_versioned *m = tn_to_dlpack(tn_detach(w));
    CHECK(m && m->tensor.data == tn_data(w));
    if (m) m->deleter(m);
    tn_free(w);
}

static void *call_deleter(void *m) {
    ((tn_dl_versioned *)m)->deleter(m);
    return NULL;
}

static void from_another_thread_and_after_shutdown(void) {
    pthread_t thread;
    tn_tensor *x = tn_randn((100, 100));
    tn_dl_versioned *m = tn_to_dlpack(x), *late = tn_to_dlpack(x);
    tn_free(x);
    CHECK(pthread_create(&thread, NULL, call_deleter, m) == 0 && pthread_join(thread, NULL) == 0);
    tn_shutdown();
    ((float *)late->tensor.data)[9999] = 1; /* the memory is still there */
    late->deleter(late);
    tn_shutdown();
    tn_memory_stats s = {.size = sizeof s};
    CHECK(tn_memory_get_stats(&s) && s.live_bytes == 0);
}

int main(void) {
    RUN(out_and_in);
    RUN(every_dtype);
    RUN(the_deleter_runs_once);
    RUN(what_is_refused);
    RUN(from_another_thread_and_after_shutdown);
    return test_end();
}
