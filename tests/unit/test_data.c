/* unit/test_data.c - datasets, the loader's order and its batches. */
#include "support.h"

/* Reads the next batch of int64 items: their number, or -1 at the end. */
static int64_t read_next(tn_batch *batch, int64_t out[16]) {
    if (!tn_batch_next(batch)) return -1;
    int64_t n = tn_numel(batch->input);
    if (n > 0) memcpy(out, tn_data_i64(batch->input), (size_t)n * sizeof *out);
    return n;
}

static void check_next(tn_batch *batch, const int64_t *expected, int64_t n, int line) {
    int64_t got[16] = {0}, count = read_next(batch, got);
    bool same = count == n && memcmp(got, expected, (size_t)n * sizeof *got) == 0;
    if (!same) printf("line %d: %lld items: %lld %lld ...\n", line, (long long)count, (long long)got[0], (long long)got[1]);
    CHECK(same);
}
#define NEXT(batch, ...)                                                                                                           \
    check_next(&batch, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), __LINE__)

static tn_dataset *ten(void) { return tn_data_tensor_dataset(tn_reshape(tn_arange(10), (10, 1))); }

/* x = torch.arange(10).reshape(10, 1); torch.manual_seed(0); l = DataLoader(TensorDataset(x), batch_size=4, shuffle=True)
 * for e in range(2): print([b[0].flatten() for b in l]); print(torch.randint(1000, (3,)))
 * l = DataLoader(TensorDataset(x), batch_size=4, drop_last=True); the same */
static void order_of_pytorch(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    tn_data_loader *l = tn_data_loader(ten(), .batch_size = 4, .shuffle = true);
    tn_batch a = tn_batches(l);
    NEXT(a, 6, 7, 1, 4);
    CHECK_EQ_INT(tn_ndim(a.input), 2);
    CHECK_EQ_INT(a.n, 1);
    CHECK(a.item[0] == a.input && a.target == NULL);
    NEXT(a, 2, 0, 9, 8);
    NEXT(a, 3, 5);
    CHECK(!tn_batch_next(&a) && !tn_batch_next(&a));
    a = tn_batches(l);
    NEXT(a, 2, 4, 7, 0);
    NEXT(a, 8, 9, 5, 3);
    NEXT(a, 6, 1);
    CHECK(!tn_batch_next(&a));
    CHECK(tn_equal(tn_randint(0, 1000, 3), tn_tensor(3, 497, 683, 101)));
    l = tn_data_loader(ten(), 4, .drop_last = true);
    a = tn_batches(l);
    NEXT(a, 0, 1, 2, 3);
    NEXT(a, 4, 5, 6, 7);
    CHECK(!tn_batch_next(&a));
    CHECK(tn_equal(tn_randint(0, 1000, 3), tn_tensor(3, 399, 878, 376)));
    CHECK_OK();
}

/* torch.manual_seed(1); l = DataLoader(TensorDataset(x), batch_size=5, shuffle=True); a = iter(l); b = iter(l);
 * next(b), next(a), next(b), next(a) */
static void two_passes_at_once(void) {
    TN_SCOPE;
    tn_manual_seed(1);
    tn_data_loader *l = tn_data_loader(ten(), .batch_size = 5, .shuffle = true);
    tn_batch a = tn_batches(l), b = tn_batches(l);
    NEXT(b, 9, 7, 8, 3, 5);
    NEXT(a, 4, 8, 1, 5, 0);
    NEXT(b, 1, 2, 0, 4, 6);
    NEXT(a, 2, 3, 6, 9, 7);
    CHECK(!tn_batch_next(&a) && !tn_batch_next(&b));
    CHECK_OK();
}

static void number_of_batches(void) {
    TN_SCOPE;
    CHECK_EQ_INT(tn_data_loader_len(tn_data_loader(ten())), 10);
    CHECK_EQ_INT(tn_data_loader_len(tn_data_loader(ten(), 3)), 4);
    CHECK_EQ_INT(tn_data_loader_len(tn_data_loader(ten(), 3, .drop_last = true)), 3);
    CHECK_EQ_INT(tn_data_loader_len(tn_data_loader(ten(), 11)), 1);
    CHECK_EQ_INT(tn_data_loader_len(tn_data_loader(ten(), 11, .drop_last = true)), 0);
    tn_batch a = tn_batches(tn_data_loader(ten(), 11));
    NEXT(a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    CHECK(!tn_batch_next(&a));
    CHECK_OK();
}

static void rows_of_strided_tensors(void) {
    TN_SCOPE;
    tn_tensor *x = tn_transpose(tn_reshape(tn_arange(6), (2, 3)), 0, 1); /* rows (0 3), (1 4), (2 5) */
    tn_tensor *y = tn_slice(tn_arange(6), 0, 1, 6, 2);                   /* 1 3 5 */
    tn_tensor *z = tn_expand(tn_arange(1), 3);
    tn_batch a = tn_batches(tn_data_loader(tn_data_tensor_dataset(x, y, z), .batch_size = 2));
    CHECK(tn_batch_next(&a));
    CHECK_EQ_INT(a.n, 3);
    CHECK(tn_equal(a.input, tn_tensor((2, 2), 0, 3, 1, 4)) && tn_is_contiguous(a.input));
    CHECK(tn_equal(a.target, tn_tensor(2, 1, 3)) && tn_equal(a.item[2], tn_tensor(2, 0, 0)));
    CHECK(tn_batch_next(&a) && tn_equal(a.input, tn_tensor((1, 2), 2, 5)));
    tn_tensor *item[16];
    size_t k = 0;
    CHECK(tn_dataset_get(tn_data_tensor_dataset(x, y), 1, item, &k) && k == 2);
    CHECK(tn_equal(item[0], tn_tensor(2, 1, 4)) && tn_ndim(item[1]) == 0 && tn_item_int(item[1]) == 3);
    CHECK_OK();
}

static void the_digits(void) {
    TN_SCOPE;
    tn_dataset *train = tn_data_digits(), *test = tn_data_digits(.train = false);
    CHECK_EQ_INT(tn_dataset_len(train), 1437);
    CHECK_EQ_INT(tn_dataset_len(test), 360);
    tn_batch a = tn_batches(tn_data_loader(train, .batch_size = 3));
    CHECK(tn_batch_next(&a));
    CHECK(tn_equal(a.target, tn_tensor(3, 1, 2, 3))); /* load_digits().target[1:4] */
    CHECK_EQ_INT(tn_size(a.input, 0), 3);
    CHECK_EQ_INT(tn_size(a.input, -1), 8);
    CHECK_EQ_INT(tn_ndim(a.input), 4);
    CHECK_NEAR(tn_item(tn_sum(a.input)), 313 + 344 + 267, 0); /* load_digits().data[1:4].sum(1) */
    a = tn_batches(tn_data_loader(test, .batch_size = 4));
    CHECK(tn_batch_next(&a) && tn_equal(a.target, tn_tensor(4, 0, 5, 0, 5)));
    CHECK_OK();
}

/* ---- datasets of a program's own ---- */

typedef struct {
    int64_t length, fails, raises, grows, few, destroyed;
} squares;

static int64_t squares_length(void *data) { return ((squares *)data)->length; }
static bool squares_item(void *data, int64_t i, tn_tensor **out, size_t *k) {
    squares *s = data;
    if (i == s->fails) return false;
    if (i == s->raises) return tn_raise(TN_ERR_VALUE, "no picture");
    out[0] = tn_full((i == s->grows ? 3 : 2), (double)i, .dtype = TN_FLOAT32);
    out[1] = tn_mul(tn_scalar_tensor(i, .dtype = TN_INT64), i);
    *k = i == s->few ? 1 : 2;
    return out[1] != NULL;
}
static void squares_destroy(void *data) { ((squares *)data)->destroyed++; }
static const tn_data_class squares_class = {sizeof(tn_data_class), squares_length, squares_item, squares_destroy};
static squares healthy(int64_t length) { return (squares){.length = length, .fails = -1, .raises = -1, .grows = -1, .few = -1}; }

static void items_of_functions(void) {
    squares s = healthy(5);
    {
        TN_SCOPE;
        tn_batch a = tn_batches(tn_data_loader(tn_data_dataset_new(&squares_class, &s), .batch_size = 3));
        CHECK(tn_batch_next(&a));
        CHECK(tn_equal(a.input, tn_tensor((3, 2), 0., 0, 1, 1, 2, 2)) && tn_equal(a.target, tn_tensor(3, 0, 1, 4)));
        CHECK(tn_batch_next(&a) && tn_equal(a.target, tn_tensor(2, 9, 16)));
        CHECK(!tn_batch_next(&a));
        CHECK_OK();
        CHECK_EQ_INT(s.destroyed, 0);
    }
    CHECK_EQ_INT(s.destroyed, 1);
}

static void fails_at(squares s, tn_status status, const char *part) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_batch a = tn_batches(tn_data_loader(tn_data_dataset_new(&squares_class, &s), .batch_size = 4));
        CHECK(!tn_batch_next(&a) && a.input == NULL && a.state == NULL);
        CHECK_ERROR(status, part);
        CHECK(!tn_batch_next(&a));
        CHECK_OK();
    }
    CHECK_EQ_INT(live_objects(), before);
    CHECK_EQ_INT(s.destroyed, 1);
}

static void errors_name_the_item(void) {
    squares s = healthy(9);
    s.fails = 2;
    fails_at(s, TN_ERR_CALLBACK, "item 2");
    s = healthy(9);
    s.raises = 3;
    fails_at(s, TN_ERR_VALUE, "item 3: no picture");
    s = healthy(9);
    s.grows = 1;
    fails_at(s, TN_ERR_SHAPE, "item 1 has [3]");
    s = healthy(9);
    s.few = 3;
    fails_at(s, TN_ERR_CALLBACK, "item 3 has 1 tensors");
    s = healthy(-4);
    TN_SCOPE;
    CHECK(tn_data_loader(tn_data_dataset_new(&squares_class, &s)) == NULL);
    CHECK_ERROR(TN_ERR_CALLBACK, "-4");
}

static void refuses(void) {
    TN_SCOPE;
    CHECK(tn_data_loader(ten(), .batch_size = 0) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "batch_size should be a positive integer value, but got batch_size=0");
    CHECK(tn_data_loader(ten(), -3) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "batch_size=-3");
    CHECK(tn_data_tensor_dataset(tn_zeros((3, 2)), tn_zeros(2)) == NULL);
    CHECK_ERROR(TN_ERR_ASSERTION, "Size mismatch between tensors");
    tn_dataset *none = tn_data_tensor_dataset(tn_zeros((0, 2)));
    CHECK(tn_data_loader(none, 2, true) == NULL);
    CHECK_ERROR(TN_ERR_VALUE, "num_samples should be a positive integer value, but got num_samples=0");
    tn_batch a = tn_batches(tn_data_loader(none, 2));
    CHECK(!tn_batch_next(&a));
    CHECK_OK();
    tn_tensor *item[16];
    size_t k;
    CHECK(!tn_dataset_get(ten(), 10, item, &k));
    CHECK_ERROR(TN_ERR_INDEX, "index 10");
    CHECK(tn_data_loader((tn_dataset *)(void *)tn_zeros(1)) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "must be a dataset, not a tensor");
    CHECK(tn_data_dataset_new(&(tn_data_class){.size = sizeof(tn_data_class)}, NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, NULL);
}

static void an_error_ends_the_pass(void) {
    TN_SCOPE;
    tn_batch a = tn_batches(tn_data_loader(ten(), 4));
    CHECK(tn_batch_next(&a));
    tn_raise(TN_ERR_RUNTIME, "a step failed");
    CHECK(!tn_batch_next(&a));
    CHECK_ERROR(TN_ERR_RUNTIME, "a step failed");
    tn_raise(TN_ERR_RUNTIME, "before the loop");
    tn_batch b = tn_batches(tn_data_loader(ten(), 4));
    CHECK(b.state == NULL && !tn_batch_next(&b));
    tn_clear_error();
}

/* ---- what lives, and how long ---- */

static void batches_are_borrowed(void) {
    size_t before = live_objects();
    {
        TN_SCOPE;
        tn_tensor *kept = NULL;
        tn_data_loader *l = tn_data_loader(ten(), .batch_size = 4, .shuffle = true);
        size_t with_loader = live_objects();
        for (int epoch = 0; epoch < 3; epoch++)
            for (tn_batch batch = tn_batches(l); tn_batch_next(&batch);)
                if (!kept) kept = tn_keep(batch.input);
        CHECK_EQ_INT(live_objects(), with_loader + 1); /* a finished pass is gone before its scope is */
        CHECK_EQ_INT(tn_numel(kept), 4);
        tn_free(kept);
        {
            TN_SCOPE;
            for (tn_batch batch = tn_batches(l); tn_batch_next(&batch);) break;
            CHECK(live_objects() > with_loader);
        }
        CHECK_EQ_INT(live_objects(), with_loader); /* one that was left goes with the scope around it */
    }
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

static void the_loader_holds_its_dataset(void) {
    size_t before = live_objects();
    tn_scope inner = tn_scope_enter();
    tn_data_loader *l = tn_keep(tn_data_loader(ten(), .batch_size = 4));
    tn_scope_exit(&inner);
    tn_batch a = tn_batches(l);
    tn_free(l); /* the pass holds the loader */
    NEXT(a, 0, 1, 2, 3);
    NEXT(a, 4, 5, 6, 7);
    NEXT(a, 8, 9);
    CHECK(!tn_batch_next(&a));
    CHECK_EQ_INT(live_objects(), before);
    CHECK_OK();
}

typedef struct {
    tn_module module;
    tn_tensor *last;
} memory;
static tn_tensor *memory_forward(memory *self, tn_tensor *x) {
    self->last = x;
    return tn_add(x, 1);
}
TN_CLASS(memory, memory_forward, last);

static void a_field_may_take_a_batch(void) {
    TN_SCOPE;
    memory *m = tn_new(memory);
    for (tn_batch batch = tn_batches(tn_data_loader(ten(), 5)); tn_batch_next(&batch);) {
        TN_SCOPE;
        tn_forward(m, batch.input);
    }
    CHECK(tn_equal(m->last, tn_tensor((5, 1), 5, 6, 7, 8, 9)));
    CHECK_OK();
}

int main(void) {
    RUN(order_of_pytorch);
    RUN(two_passes_at_once);
    RUN(number_of_batches);
    RUN(rows_of_strided_tensors);
    RUN(the_digits);
    RUN(items_of_functions);
    RUN(errors_name_the_item);
    RUN(refuses);
    RUN(an_error_ends_the_pass);
    RUN(batches_are_borrowed);
    RUN(the_loader_holds_its_dataset);
    RUN(a_field_may_take_a_batch);
    tn_shutdown();
    return test_end();
}
