/* unit/test_safetensors.c - what the reader of safetensors headers takes and refuses, and the bytes of the writer. */
#include "base/error.h"
#include "base/memory.h"
#include "serialize/safetensors.h"
#include "test.h"
#include <stdlib.h>

/* The file in memory of its exact length, so that a sanitizer sees each read past it. */
static unsigned char *file_of(const char *header, size_t length, uint64_t stated, size_t payload, size_t *bytes) {
    *bytes = 8 + length + payload;
    unsigned char *file = calloc(1, *bytes);
    for (int k = 0; k < 8; k++) file[k] = (unsigned char)(stated >> 8 * k);
    memcpy(file + 8, header, length);
    return file;
}

static bool refuses(const unsigned char *file, size_t bytes, const char *part) {
    tni_safetensors s;
    bool taken = tni_safetensors_parse(file, bytes, &s);
    bool right = !taken && tn_error() == TN_ERR_FORMAT && strstr(tn_error_message(), part) != NULL && s.block == NULL;
    if (!right) printf("  %s; expected: %s\n", taken ? "taken" : tn_error_message(), part);
    if (taken) tni_safetensors_clear(&s);
    tn_clear_error();
    return right;
}

/* A header that is a C string, with its true length in front and `payload` bytes behind. error NULL: it is to be taken. */
static bool header_gives(const char *header, size_t payload, const char *error) {
    size_t bytes;
    unsigned char *file = file_of(header, strlen(header), strlen(header), payload, &bytes);
    bool right;
    if (error) {
        right = refuses(file, bytes, error);
    } else {
        tni_safetensors s;
        right = tni_safetensors_parse(file, bytes, &s);
        if (right)
            tni_safetensors_clear(&s);
        else
            printf("  %s\n", tn_error_message());
        tn_clear_error();
    }
    free(file);
    return right;
}

#define TAKES(header, payload) CHECK(header_gives(header, payload, NULL))
#define REFUSES(header, payload, error) CHECK(header_gives(header, payload, error))
#define A(rest) "{\"a\":{" rest "}}"
#define U8(name, shape, offsets) "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define FIELD(rest) A("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]," rest)
#define SHAPE(shape, offsets) "{" U8("a", shape, offsets) "}"
#define DTYPE(dtype, shape, offsets) A("\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets)

/* safetensors 0.8.0: save({"b": float32 of 3, "a": int64 (), "layers.10.w": float64 (2, 0), "layers.9.w": float64 (1, 2), the name
 * below: uint8 (1,), "m": bool (2,), "h": float16 (1,), "": int32 (1,)}, {"k\n": "v\"\u20ac"}), without the payload */
static const char reference[] =
    "\020\002\000\000\000\000\000\000{\"__metadata__\":{\"k\\n\":\"v\\\"\342\202\254\"},\"a\":{\"dtype\":\"I64\",\""
    "shape\":[],\"data_offsets\":[0,8]},\"layers.10.w\":{\"dtype\":\"F64\",\"shape\":[2,0],\"data_offsets\":[8,8]},"
    "\"layers.9.w\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[8,24]},\"b\":{\"dtype\":\"F32\",\"shape\":"
    "[3],\"data_offsets\":[24,36]},\"\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[36,40]},\"h\":{\"dtype\""
    ":\"F16\",\"shape\":[1],\"data_offsets\":[40,42]},\"q\\\"\\\\/\177\\u0001\\u001f\\b\\f\\n\\r\\t\342\200\250\303"
    "\251\360\237\230\200\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[42,43]},\"m\":{\"dtype\":\"BOOL\",\"s"
    "hape\":[2],\"data_offsets\":[43,45]}}  ";
#define REFERENCE_BYTES (sizeof(reference) - 1)
#define REFERENCE_PAYLOAD ((size_t)45)
static const char strange_name[] = "q\"\\/\177\001\037\b\f\n\r\t\342\200\250\303\251\360\237\230\200";

static unsigned char *reference_file(size_t *bytes) {
    return file_of(reference + 8, REFERENCE_BYTES - 8, REFERENCE_BYTES - 8, REFERENCE_PAYLOAD, bytes);
}

static void reads_what_the_reference_wrote(void) {
    static const char *const names[] = {"a", "layers.10.w", "layers.9.w", "b", "", "h", strange_name, "m"};
    static const tn_dtype dtypes[] = {TN_INT64, TN_FLOAT64, TN_FLOAT64, TN_FLOAT32, TN_INT32, TN_FLOAT16, TN_UINT8, TN_BOOL};
    static const size_t ends[] = {8, 8, 24, 36, 40, 42, 43, 45};
    size_t bytes;
    unsigned char *file = reference_file(&bytes);
    tni_safetensors s;
    if (!CHECK(tni_safetensors_parse(file, bytes, &s))) return;
    free(file); /* nothing of it is borrowed */
    CHECK_EQ_INT(s.count, 8);
    CHECK_EQ_INT(s.payload_at, REFERENCE_BYTES);
    CHECK_EQ_INT(s.payload_bytes, REFERENCE_PAYLOAD);
    for (size_t k = 0; k < s.count && k < 8; k++) {
        CHECK_STR(s.entries[k].name, names[k]);
        CHECK_EQ_INT(s.entries[k].dtype, dtypes[k]);
        CHECK_EQ_INT(s.entries[k].begin, k ? ends[k - 1] : 0);
        CHECK_EQ_INT(s.entries[k].end, ends[k]);
        CHECK(tni_safetensors_find(&s, names[k]) == &s.entries[k]);
    }
    CHECK_EQ_INT(s.entries[0].ndim, 0);
    CHECK_EQ_INT(s.entries[1].ndim, 2);
    CHECK(s.entries[1].sizes[0] == 2 && s.entries[1].sizes[1] == 0);
    CHECK(tni_safetensors_find(&s, "zz") == NULL);
    CHECK_EQ_INT(s.metadata_count, 1);
    CHECK_STR(s.metadata[0].key, "k\n");
    CHECK_STR(s.metadata[0].value, "v\"\342\202\254");
    tni_safetensors_clear(&s);
    tni_safetensors_clear(&s);
}

static void writes_what_the_reference_writes(void) {
    static const int64_t three[] = {3}, empty[] = {2, 0}, pair[] = {1, 2}, one[] = {1}, two[] = {2};
    const tni_safetensors_item items[] = {
        {"b", TN_FLOAT32, 1, three, 12},
        {"a", TN_INT64, 0, NULL, 8},
        {"layers.10.w", TN_FLOAT64, 2, empty, 0},
        {"layers.9.w", TN_FLOAT64, 2, pair, 16},
        {strange_name, TN_UINT8, 1, one, 1},
        {"m", TN_BOOL, 1, two, 2},
        {"h", TN_FLOAT16, 1, one, 2},
        {"", TN_INT32, 1, one, 4},
    };
    static const size_t expected[] = {1, 2, 3, 0, 7, 6, 4, 5};
    const tni_safetensors_pair metadata[] = {{"k\n", "v\"\342\202\254"}};
    size_t order[8];
    tni_str out = {0};
    CHECK(tni_safetensors_header(&out, items, 8, metadata, 1, order));
    CHECK(out.length == REFERENCE_BYTES && memcmp(out.text, reference, out.length) == 0);
    CHECK(memcmp(order, expected, sizeof(order)) == 0);
    tni_str_clear(&out);
    CHECK(tni_safetensors_header(&out, items, 0, NULL, 0, order));
    CHECK(out.length == 16 && memcmp(out.text, "\010\000\000\000\000\000\000\000{}      ", 16) == 0);
    tni_str_clear(&out);
}

static bool writer_refuses(const tni_safetensors_item *items, size_t n, tn_status status, const char *part) {
    size_t order[4];
    tni_str out = {0};
    bool done = tni_safetensors_header(&out, items, n, NULL, 0, order);
    bool right = !done && tn_error() == status && strstr(tn_error_message(), part) != NULL;
    if (!right) printf("  %s; expected: %s\n", tn_error_message(), part);
    tn_clear_error();
    tni_str_clear(&out);
    return right;
}

static void what_the_writer_refuses(void) {
    static const int64_t one[] = {1}, minus[] = {-1}, large[] = {INT64_MAX, 4};
    const tni_safetensors_item twice[] = {{"x", TN_UINT8, 1, one, 1}, {"y", TN_UINT8, 1, one, 1}, {"x", TN_FLOAT32, 1, one, 4}};
    const tni_safetensors_item reserved[] = {{"__metadata__", TN_UINT8, 1, one, 1}};
    const tni_safetensors_item invalid[] = {{"\377", TN_UINT8, 1, one, 1}};
    const tni_safetensors_item no_name[] = {{NULL, TN_UINT8, 1, one, 1}};
    const tni_safetensors_item dtype[] = {{"x", TN_COMPLEX128, 1, one, 16}};
    const tni_safetensors_item none[] = {{"x", TN_DTYPE_NONE, 1, one, 1}};
    const tni_safetensors_item bytes[] = {{"x", TN_FLOAT32, 1, one, 3}};
    const tni_safetensors_item negative[] = {{"x", TN_UINT8, 1, minus, 1}};
    const tni_safetensors_item wraps[] = {{"x", TN_UINT8, 2, large, (size_t)0 - 4}};
    CHECK(writer_refuses(twice, 3, TN_ERR_VALUE, "two tensors are named \"x\""));
    CHECK(writer_refuses(reserved, 1, TN_ERR_VALUE, "__metadata__"));
    CHECK(writer_refuses(invalid, 1, TN_ERR_VALUE, "not UTF-8"));
    CHECK(writer_refuses(no_name, 1, TN_ERR_VALUE, "NULL"));
    CHECK(writer_refuses(dtype, 1, TN_ERR_DTYPE, "\"x\": the format has no such dtype"));
    CHECK(writer_refuses(none, 1, TN_ERR_DTYPE, "no such dtype"));
    CHECK(writer_refuses(bytes, 1, TN_ERR_VALUE, "3 bytes do not fit"));
    CHECK(writer_refuses(negative, 1, TN_ERR_VALUE, "do not fit"));
    CHECK(writer_refuses(wraps, 1, TN_ERR_VALUE, "do not fit"));
    const tni_safetensors_pair same[] = {{"k", "1"}, {"j", "1"}, {"k", "2"}};
    tni_str out = {0};
    CHECK(!tni_safetensors_header(&out, NULL, 0, same, 3, NULL) && strstr(tn_error_message(), "\"k\"") != NULL);
    tn_clear_error();
    tni_str_clear(&out);
}

static void the_length_in_front(void) {
    static const uint64_t wrong[] = {0, 3, 100000000, 100000001, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX};
    static const char *const text[] = {
        "too early", "3 bytes in a file of 10", "in a file of 10", "at most 100000000", "at most", "at most", "at most", "at most"};
    size_t bytes;
    for (size_t k = 0; k < TNI_COUNT(wrong); k++) {
        unsigned char *file = file_of("{}", 2, wrong[k], 0, &bytes);
        CHECK(refuses(file, wrong[k] ? bytes : 8, text[k]));
        for (size_t n = 0; n < 8; n++) CHECK(refuses(file, n, "too few"));
        free(file);
    }
}

static void json_forms(void) {
    TAKES("{}", 0);
    TAKES(" \n\t\r{ } \n", 0);
    TAKES(" { \"a\" : { \"shape\" : [ 1 ] , \"data_offsets\":[ 0 , 1 ] ,\"dtype\":\"U8\" } } ", 1);
    REFUSES("\f{}", 0, "'{' expected");
    REFUSES("\357\273\277{}", 0, "'{' expected");
    REFUSES("{}x", 0, "behind the end");
    REFUSES("{}{}", 0, "behind the end");
    REFUSES("[]", 0, "'{' expected");
    REFUSES("null", 0, "'{' expected");
    REFUSES("{,}", 0, "a string expected");
    REFUSES("{\"a\"}", 0, "':' expected");
    REFUSES("{" U8("a", "[1]", "[0,1]") ",}", 1, "a string expected");
    REFUSES("{" U8("a", "[1]", "[0,1]") U8("b", "[1]", "[1,2]") "}", 2, "',' or '}' expected");
    REFUSES("{'a':1}", 0, "a string expected");
    REFUSES("{\"a\":{", 0, "too early");
    REFUSES("{\"\377\":1}", 0, "byte 2 of the header is not UTF-8");
    REFUSES("{\"\300\257\":1}", 0, "not UTF-8");
    REFUSES("{\"\355\240\200\":1}", 0, "not UTF-8");
    REFUSES("{\"\364\220\200\200\":1}", 0, "not UTF-8");
    REFUSES("{\"\342\202", 0, "not UTF-8");
    CHECK(header_gives("{\"a\":[\"U8\",[1],[0,1]]}", 1, "must be an object"));
}

static void names(void) {
    TAKES("{" U8("\\u00e9\\uD83D\\ude00\\/\\b\\f\\n\\r\\t\\\\\\\"", "[1]", "[0,1]") "}", 1);
    TAKES("{" U8("", "[1]", "[0,1]") "}", 1);
    REFUSES("{" U8("a", "[1]", "[0,1]") "," U8("a", "[1]", "[1,2]") "}", 2, "\"a\" stands there twice");
    REFUSES("{" U8("a", "[1]", "[0,1]") "," U8("b", "[1]", "[1,2]") "," U8("\\u0061", "[1]", "[2,3]") "}", 3,
            "\"a\" stands there twice");
    REFUSES("{" U8("a\\u0000b", "[1]", "[0,1]") "}", 1, "\\u0000");
    REFUSES("{" U8("a\nb", "[1]", "[0,1]") "}", 1, "a control character");
    REFUSES("{" U8("\\ud83d", "[1]", "[0,1]") "}", 1, "surrogate");
    REFUSES("{" U8("\\ude00", "[1]", "[0,1]") "}", 1, "surrogate");
    REFUSES("{" U8("\\ud83d\\ud83d", "[1]", "[0,1]") "}", 1, "surrogate");
    REFUSES("{" U8("\\x41", "[1]", "[0,1]") "}", 1, "escape");
    REFUSES("{" U8("\\u12", "[1]", "[0,1]") "}", 1, "hexadecimal");
    REFUSES("{\"\\", 0, "too early");
    REFUSES("{\"\\u00", 0, "too early");
    REFUSES("{\"\\ud83d\\", 0, "surrogate");
}

static void fields(void) {
    REFUSES(A("\"shape\":[1],\"data_offsets\":[0,1]"), 1, "\"a\": \"dtype\" is missing");
    REFUSES(A("\"dtype\":\"U8\",\"data_offsets\":[0,1]"), 1, "\"shape\" is missing");
    REFUSES(A("\"dtype\":\"U8\",\"shape\":[1]"), 1, "\"data_offsets\" is missing");
    REFUSES(FIELD("\"dtype\":\"U8\""), 1, "\"dtype\" stands there twice");
    REFUSES(FIELD("\"shap\\u0065\":[1]"), 1, "\"shape\" stands there twice");
    REFUSES(FIELD("\"data_offsets\":[0,1]"), 1, "\"data_offsets\" stands there twice");
    TAKES(FIELD("\"x\":{\"y\":[1.5e3,-0.1E-2,null,true,false,\"z\",[],{}]},\"dtype\\u0000\":1"), 1);
    REFUSES(FIELD("\"x\":01"), 1, "',' or '}' expected");
    REFUSES(FIELD("\"x\":[[] 1]"), 1, "',' or ']' expected");
    REFUSES(FIELD("\"x\":[1,]"), 1, "a value expected");
    REFUSES(FIELD("\"x\":{\"y\" 1}"), 1, "':' expected");
    REFUSES(FIELD("\"x\":[}"), 1, "a value expected");
    REFUSES(FIELD("\"x\":[1}"), 1, "',' or ']' expected");
    REFUSES(FIELD("\"x\":NaN"), 1, "a value expected");
    REFUSES(FIELD("\"x\":1."), 1, "a digit expected");
    REFUSES(FIELD("\"x\":1e+"), 1, "a digit expected");
    REFUSES(FIELD("\"x\":-"), 1, "a digit expected");
    REFUSES(DTYPE("\"u8\"", "[1]", "[0,1]"), 1, "unknown dtype \"u8\"");
    TAKES(DTYPE("\"\\u00558\"", "[1]", "[0,1]"), 1);
    REFUSES(DTYPE("\"U8\\u0000\"", "[1]", "[0,1]"), 1, "unknown dtype");
    REFUSES(DTYPE("\"F64F64F64F64F64F64F64F64F64F64F64F64F64\"", "[1]", "[0,1]"), 1, "unknown dtype");
    REFUSES(DTYPE("null", "[1]", "[0,1]"), 1, "a string expected");
    TAKES(DTYPE("\"F4\"", "[2]", "[0,1]"), 1);
    REFUSES(DTYPE("\"F4\"", "[3]", "[0,1]"), 1, "do not end at a byte");
    TAKES(DTYPE("\"C64\"", "[1]", "[0,8]"), 8);
}

static void nesting(void) {
    static char text[200200];
    const size_t deep = 100000, n = strlen("{\"a\":{\"x\":");
    strcpy(text, "{\"a\":{\"x\":");
    memset(text + n, '[', deep);
    memset(text + n + deep, ']', deep);
    strcpy(text + n + 2 * deep, ",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    CHECK(header_gives(text, 1, "more than 64 deep"));
    memmove(text + n + 64, text + n + 2 * deep - 64, strlen(text + n + 2 * deep - 64) + 1); /* 64 deep */
    CHECK(header_gives(text, 1, NULL));
    memset(text, '{', deep);
    text[deep] = 0;
    CHECK(header_gives(text, 1, "a string expected"));
}

static void sizes_and_offsets(void) {
    TAKES(SHAPE("[]", "[0,1]"), 1);
    TAKES(SHAPE("[0,5]", "[0,0]"), 0);
    TAKES(SHAPE("[0,4294967296,4294967296]", "[0,0]"), 0);
    REFUSES(SHAPE("[4294967296,4294967296,0]", "[0,0]"), 0, "product");
    REFUSES(SHAPE("[4294967296,4294967296]", "[0,0]"), 0, "\"a\": the product of its sizes is too large");
    REFUSES(SHAPE("[4611686018427387905,4]", "[0,4]"), 4, "product");
    REFUSES(DTYPE("\"F64\"", "[2305843009213693952]", "[0,0]"), 0, "product");
    REFUSES(SHAPE("[9223372036854775808]", "[0,0]"), 0, "above 2^63 - 1");
    REFUSES(SHAPE("[18446744073709551616]", "[0,0]"), 0, "above 2^64 - 1");
    REFUSES(SHAPE("[18446744073709551617]", "[0,1]"), 1, "above 2^64 - 1");
    REFUSES(SHAPE("[-1]", "[0,1]"), 1, "0 or above");
    REFUSES(SHAPE("[-0]", "[0,0]"), 0, "0 or above");
    REFUSES(SHAPE("[+1]", "[0,1]"), 1, "0 or above");
    REFUSES(SHAPE("[\"1\"]", "[0,1]"), 1, "0 or above");
    REFUSES(SHAPE("[1.0]", "[0,1]"), 1, "whole number");
    REFUSES(SHAPE("[1e0]", "[0,1]"), 1, "whole number");
    REFUSES(SHAPE("[01]", "[0,1]"), 1, "begins with 0");
    REFUSES(SHAPE("[00]", "[0,0]"), 0, "begins with 0");
    REFUSES(SHAPE("[1,]", "[0,1]"), 1, "0 or above");
    REFUSES(SHAPE("1", "[0,1]"), 1, "must be an array");
    REFUSES(SHAPE("[1]", "[1]"), 1, "two numbers");
    REFUSES(SHAPE("[1]", "[0,1,1]"), 1, "two numbers");
    REFUSES(SHAPE("[1073741824]", "[0,1073741824]"), 0, "past the end of the file");
    REFUSES(SHAPE("[1]", "[1,2]"), 1, "past the end");
    REFUSES(SHAPE("[1]", "[18446744073709551615,18446744073709551615]"), 1, "past the end");
    REFUSES(SHAPE("[1]", "[1,0]"), 1, "end before they begin");
    REFUSES(SHAPE("[2]", "[0,1]"), 1, "do not fit");
    REFUSES(SHAPE("[1]", "[0,1]"), 2, "the tensors hold 1 bytes, the file 2");
    REFUSES("{}", 1, "the tensors hold 0 bytes, the file 1");
    REFUSES(SHAPE("[1]", "[1,2]"), 2, "\"a\": its data begins at 1, which leaves a hole behind 0");
}

static void tiling(void) {
    TAKES("{" U8("b", "[1]", "[1,2]") "," U8("a", "[1]", "[0,1]") "}", 2);
    TAKES("{" U8("c", "[1]", "[0,1]") "," U8("b", "[0]", "[0,0]") "," U8("a", "[0]", "[1,1]") "}", 1);
    REFUSES("{" U8("a", "[2]", "[0,2]") "," U8("b", "[2]", "[1,3]") "}", 3, "\"b\": its data begins at 1, inside that of another");
    REFUSES("{" U8("a", "[1]", "[0,1]") "," U8("b", "[1]", "[0,1]") "}", 1, "\"b\": its data begins at 0, inside");
    REFUSES("{" U8("a", "[1]", "[0,1]") "," U8("b", "[1]", "[2,3]") "}", 3, "\"b\": its data begins at 2, which leaves a hole");
    REFUSES("{" U8("a", "[2]", "[0,2]") "," U8("b", "[0]", "[1,1]") "}", 2, "\"b\": its data begins at 1, inside");
}

static void metadata(void) {
    TAKES("{\"__metadata__\":{}}", 0);
    TAKES("{" U8("a", "[1]", "[0,1]") ",\"__metadata\\u005f_\":{\"k\":\"v\",\"j\":\"w\"}}", 1);
    REFUSES("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "stands there twice");
    REFUSES("{\"__metadata__\":{\"k\":\"v\",\"j\":\"\",\"\\u006b\":\"w\"}}", 0, "key \"k\" of __metadata__ stands there twice");
    REFUSES("{\"__metadata__\":{\"k\":1}}", 0, "a string expected");
    REFUSES("{\"__metadata__\":{\"k\":{}}}", 0, "a string expected");
    REFUSES("{\"__metadata__\":[]}", 0, "object of strings");
    REFUSES("{\"__metadata__\":null}", 0, "object of strings");
    REFUSES("{\"__metadata__\":{\"k\":\"\\u0000\"}}", 0, "\\u0000");
}

/* Many tensors, written in reverse of their offsets: sorting and finding. */
static void many(void) {
    enum { N = 3000 };
    tni_str header = {0};
    tni_safetensors s;
    tni_str_add(&header, "{");
    for (int k = N - 1; k >= 0; k--) {
        tni_str_addf(&header, "\"t%d\":{\"dtype\":\"I16\",\"shape\":[1,%d],\"data_offsets\":[%d,%d]}%s", k * 7919 % N, k % 3,
                     2 * (k / 3 * 3 + (k % 3 == 2)), 2 * (k / 3 * 3 + (k % 3 == 2) + k % 3), k ? "," : "}");
    }
    if (!CHECK(tni_safetensors_parse_header(header.text, header.length, (size_t)N * 2, &s))) printf("  %s\n", tn_error_message());
    CHECK_EQ_INT(s.count, N);
    for (int k = 0; k < N; k++) {
        char name[20];
        snprintf(name, sizeof(name), "t%d", k * 7919 % N);
        const tni_safetensors_entry *e = tni_safetensors_find(&s, name);
        if (CHECK(e != NULL)) CHECK_EQ_INT(e->sizes[1], k % 3);
    }
    for (size_t k = 1; k < s.count; k++) CHECK(s.entries[k].begin == s.entries[k - 1].end);
    tni_safetensors_clear(&s);
    tni_str_clear(&header);
}

/* What was taken must hold together, whatever the bytes were. */
static bool error_or_sound(const unsigned char *file, size_t bytes) {
    tni_safetensors s;
    if (!tni_safetensors_parse(file, bytes, &s)) {
        bool right = tn_error() == TN_ERR_FORMAT && tn_error_message()[0] != 0;
        tn_clear_error();
        return right;
    }
    size_t at = 0;
    bool right = s.payload_at + s.payload_bytes == bytes;
    for (size_t k = 0; k < s.count; k++) {
        const tni_safetensors_entry *e = &s.entries[k];
        right = right && e->begin == at && e->end >= at && tni_safetensors_find(&s, e->name) == e;
        for (int64_t d = 0; d < e->ndim; d++) right = right && e->sizes[d] >= 0;
        at = e->end;
    }
    right = right && at == s.payload_bytes;
    tni_safetensors_clear(&s);
    return right;
}

static void every_prefix_and_every_byte(void) {
    static const char *const headers[] = {
        "{" U8("a", "[1]", "[0,1]") ",\"__metadata__\":{\"k\":\"v\"},\"b\":{\"x\":[1,{\"y\":-1.5e+3}],\"dtype\":\"F32\","
                                    "\"shape\":[],\"data_offsets\":[1,5]}}",
        " {\"\\u00e9\\ud83d\\ude00\": {\"dtype\":\"F4\",\"shape\":[2,0],\"data_offsets\":[0,0]}} ", NULL, /* the reference's */
    };
    static const size_t payloads[] = {5, 0, REFERENCE_PAYLOAD};
    for (size_t h = 0; h < TNI_COUNT(headers); h++) {
        size_t bytes, length = headers[h] ? strlen(headers[h]) : REFERENCE_BYTES - 8;
        unsigned char *file = file_of(headers[h] ? headers[h] : reference + 8, length, length, payloads[h], &bytes);
        tni_safetensors s;
        CHECK(tni_safetensors_parse(file, bytes, &s));
        tni_safetensors_clear(&s);
        for (size_t n = 0; n < bytes; n++) {
            unsigned char *part = malloc(n ? n : 1);
            memcpy(part, file, n);
            CHECK(!tni_safetensors_parse(part, n, &s) && tn_error() == TN_ERR_FORMAT);
            tn_clear_error();
            if (n >= 8) { /* the header itself cut short, with the right length in front */
                for (int k = 0; k < 8; k++) part[k] = (unsigned char)((uint64_t)(n - 8) >> 8 * k);
                CHECK(error_or_sound(part, n));
            }
            free(part);
        }
        for (size_t at = 0; at < 8 + length; at++) {
            unsigned char before = file[at];
            for (int value = 0; value < 256; value++) {
                file[at] = (unsigned char)value;
                CHECK(error_or_sound(file, bytes));
            }
            file[at] = before;
        }
        free(file);
    }
}

int main(void) {
    RUN(reads_what_the_reference_wrote);
    RUN(writes_what_the_reference_writes);
    RUN(what_the_writer_refuses);
    RUN(the_length_in_front);
    RUN(json_forms);
    RUN(names);
    RUN(fields);
    RUN(nesting);
    RUN(sizes_and_offsets);
    RUN(tiling);
    RUN(metadata);
    RUN(many);
    RUN(every_prefix_and_every_byte);
    return test_end();
}
