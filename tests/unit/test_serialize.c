/* unit/test_serialize.c - states as safetensors files: the bytes, what is read back, what is refused. */
#include "support.h"
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tison_test_XXXXXX", path[64], other[64];

static size_t read_all(const char *name, unsigned char *out, size_t room) {
    FILE *f = fopen(name, "rb");
    if (!f) return 0;
    size_t n = fread(out, 1, room, f);
    fclose(f);
    return n;
}
static void write_all(const char *name, const void *data, size_t n) {
    FILE *f = fopen(name, "wb");
    CHECK(f && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}

/* safetensors.torch.save({"w": torch.arange(6, dtype=torch.float32).reshape(2, 3).t().contiguous(), "a.n": torch.tensor(-7),
 * "m": torch.tensor([True, False, True]), "e": torch.zeros(0, 4, dtype=torch.float64),
 * "u": torch.tensor([1, 255], dtype=torch.uint8), "i": torch.tensor([[-1]], dtype=torch.int32)}) */
static const char reference[] =
    "P\001\0\0\0\0\0\0{\"a.n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},\"e\":{\"dtype\":\"F64\",\"shape\":[0,4],"
    "\"data_offsets\":[8,8]},\"w\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[8,32]},\"i\":{\"dtype\":\"I32\",\"shape\":"
    "[1,1],\"data_offsets\":[32,36]},\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[36,38]},\"m\":{\"dtype\":\"BOOL\","
    "\"shape\":[3],\"data_offsets\":[38,41]}}   \371\377\377\377\377\377\377\377\0\0\0\0\0\0@@\0\0\200?\0\0\200@\0\0\0@\0\0\240@"
    "\377\377\377\377\001\377\001\0\001";
enum { REFERENCE = sizeof reference - 1 };

static tn_state *sample(void) {
    tn_state *s = tn_state_new();
    tn_state_set(s, "w", tn_transpose(tn_reshape(tn_arange(6., .dtype = TN_FLOAT32), (2, 3)), 0, 1)); /* written row-major */
    tn_state_set(s, "a.n", tn_scalar_tensor(-7, .dtype = TN_INT64));
    tn_state_set(s, "m", tn_ne(tn_tensor(3, 1, 0, 1), 0));
    tn_state_set(s, "e", tn_zeros((0, 4), .dtype = TN_FLOAT64));
    tn_state_set(s, "u", tn_to(tn_tensor(2, 1, 255), TN_UINT8));
    tn_state_set(s, "i", tn_full((1, 1), -1, .dtype = TN_INT32));
    return s;
}

static void check_sample(tn_state *s) {
    if (!CHECK(s != NULL)) return;
    tn_state *expected = sample();
    CHECK_EQ_INT(tn_state_count(s), 6);
    for (size_t i = 0; i < tn_state_count(expected); i++) {
        tn_tensor *x = tn_state_get(s, tn_state_name(expected, i)), *y = tn_state_at(expected, i);
        CHECK(x && tn_equal(x, y) && tn_get_dtype(x) == tn_get_dtype(y) && tn_ndim(x) == tn_ndim(y));
    }
    CHECK_STR(tn_state_name(s, 0), "a.n"); /* as they lie in the file */
    CHECK_STR(tn_state_name(s, 5), "m");
}

static void bytes_of_the_reference(void) {
    TN_SCOPE;
    unsigned char file[1024];
    CHECK(tn_save(sample(), path));
    CHECK_EQ_INT(read_all(path, file, sizeof file), REFERENCE);
    CHECK(memcmp(file, reference, REFERENCE) == 0);
    CHECK_EQ_INT(tn_save_size(sample()), REFERENCE);
    memset(file, 0, sizeof file);
    CHECK(tn_save_bytes(sample(), file, REFERENCE));
    CHECK(memcmp(file, reference, REFERENCE) == 0 && file[REFERENCE] == 0);
    CHECK(!tn_save_bytes(sample(), file, REFERENCE - 1));
    CHECK_ERROR(TN_ERR_VALUE, "bytes");
    CHECK_OK();
}

static void read_back(void) {
    TN_SCOPE;
    write_all(path, reference, REFERENCE);
    check_sample(tn_load(path));
    check_sample(tn_load_bytes(reference, REFERENCE));
    CHECK(tn_save_safetensors(sample(), other));
    check_sample(tn_load_safetensors(other)); /* a name without the ending */
    CHECK(tn_save(tn_state_new(), path));
    tn_state *empty = tn_load(path);
    CHECK(empty && tn_state_count(empty) == 0);
    CHECK_OK();
}

/* safetensors.torch.save({"x": torch.ones(1)}, metadata={"format": "pt"}) */
static void metadata_travels(void) {
    static const char file[] = "X\0\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"pt\"},"
                               "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   \0\0\200?";
    TN_SCOPE;
    unsigned char got[sizeof file];
    tn_state *s = tn_load_bytes(file, sizeof file - 1);
    CHECK_STR(tn_state_metadata(s, "format"), "pt");
    CHECK(tn_save_size(s) == sizeof file - 1 && tn_save_bytes(s, got, sizeof file - 1));
    CHECK(memcmp(got, file, sizeof file - 1) == 0);
    CHECK_OK();
}

/* A state whose tensors cannot be made is refused as a whole: safetensors.torch.save({"h": ...}) with a dtype of powers of two */
static void refuses_dtypes(void) {
    static const char file[] = "@\0\0\0\0\0\0\0{\"h\":{\"dtype\":\"F8_E8M0\",\"shape\":[2],\"data_offsets\":[0,2]}}      <<";
    TN_SCOPE;
    size_t before = live_objects();
    CHECK(tn_load_bytes(file, sizeof file - 1) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "tensor \"h\"");
    write_all(path, file, sizeof file - 1);
    CHECK(tn_load(path) == NULL);
    CHECK(strstr(tn_error_message(), "F8_E8M0") != NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "no tensor can have");
    CHECK_EQ_INT(live_objects(), before);
}

static void refuses_files(void) {
    TN_SCOPE;
    size_t before = live_objects();
    CHECK(tn_load("/nowhere/at all.safetensors") == NULL);
    CHECK_ERROR(TN_ERR_IO, "/nowhere/at all.safetensors");
    CHECK(tn_load("model.xyz") == NULL); /* opened first: its content may tell */
    CHECK_ERROR(TN_ERR_IO, "model.xyz");
    CHECK(tn_load(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "path");
    for (size_t n = 0; n < REFERENCE; n++) { /* every way to end too early */
        write_all(path, reference, n);
        CHECK(tn_load(path) == NULL);
        CHECK_ERROR(TN_ERR_FORMAT, path);
        CHECK(tn_load_bytes(reference, n) == NULL);
        CHECK_ERROR(TN_ERR_FORMAT, NULL);
    }
    CHECK_EQ_INT(live_objects(), before);
    CHECK(!tn_save(sample(), "/nowhere/x.safetensors"));
    CHECK_ERROR(TN_ERR_IO, "/nowhere/x.safetensors");
    CHECK(!tn_save(sample(), "x.bin"));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, ".safetensors");
    CHECK(!tn_save(NULL, path));
    CHECK_ERROR(TN_ERR_TYPE, "state");
}

static void a_failed_save_leaves_the_old_file(void) {
    TN_SCOPE;
    unsigned char file[1024];
    write_all(path, reference, REFERENCE);
    tn_state *s = sample();
    tn_state_set(s, "\377", tn_ones(1));
    CHECK(!tn_save(s, path));
    CHECK_ERROR(TN_ERR_VALUE, "UTF-8");
    CHECK(read_all(path, file, sizeof file) == REFERENCE && memcmp(file, reference, REFERENCE) == 0);
    tn_raise(TN_ERR_RUNTIME, "before");
    CHECK(!tn_save(s, path) && tn_load(path) == NULL && tn_save_size(s) == 0);
    CHECK_ERROR(TN_ERR_RUNTIME, "before");
}

static void any_byte_of_a_bool_is_true(void) {
    TN_SCOPE;
    char file[REFERENCE];
    memcpy(file, reference, REFERENCE);
    file[REFERENCE - 1] = 2;
    tn_state *s = tn_load_bytes(file, REFERENCE);
    CHECK(s && tn_copy_to(tn_state_get(s, "m"), file, 3) && file[0] == 1 && file[1] == 0 && file[2] == 1);
}

typedef struct {
    tn_module module;
    tn_nn_linear *first, *second;
} tied;
static tn_tensor *tied_forward(tied *self, tn_tensor *x) { return tn_forward(self->second, tn_forward(self->first, x)); }
TN_CLASS(tied, tied_forward, first, second);
static tied *tied_new(void) {
    tied *self = tn_new(tied);
    self->first = tn_nn_linear(3, 3);
    self->second = tn_nn_linear(3, 3, .bias = false);
    self->second->weight = self->first->weight;
    return self;
}

static void a_module_with_tied_weights(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tied *a = tied_new(), *b = tied_new();
        tn_tensor *x = tn_randn((2, 3));
        CHECK(tn_save(tn_state_dict(a), path));
        tn_state *s = tn_load(path);
        CHECK_EQ_INT(tn_state_count(s), 3); /* both names, in full */
        CHECK(!tn_equal(tn_forward(a, x), tn_forward(b, x)));
        CHECK(tn_load_state_dict(b, s));
        CHECK(tn_equal(tn_forward(a, x), tn_forward(b, x)));
        CHECK(b->first->weight == b->second->weight);
        CHECK_OK();
    }
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    snprintf(other, sizeof other, "%s/b", folder);
    RUN(bytes_of_the_reference);
    RUN(read_back);
    RUN(metadata_travels);
    RUN(refuses_dtypes);
    RUN(refuses_files);
    RUN(a_failed_save_leaves_the_old_file);
    RUN(any_byte_of_a_bool_is_true);
    RUN(a_module_with_tied_weights);
    unlink(path);
    unlink(other);
    CHECK(rmdir(folder) == 0); /* no temporary file was left behind */
    tn_shutdown();
    return test_end();
}
