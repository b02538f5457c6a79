/* unit/test_pt.c - torch.save's files: read, written byte for byte, and everything hostile refused. */
#include "pt_files.h"
#include "serialize/zip.h"
#include "support.h"
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { LINEAR = sizeof linear_file - 1, NESTED = sizeof nested_file - 1 };
static char folder[] = "/tmp/tison_test_XXXXXX", path[64];

/* ---- archives made here ---- */

typedef struct {
    unsigned char *data;
    size_t n;
} bytes;
static bool put(void *to, const void *data, size_t n) {
    bytes *b = to;
    b->data = realloc(b->data, b->n + n);
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return true;
}
static void add(tni_zip_writer *w, const char *name, const void *data, size_t n) {
    tni_zip_add(w, name, &(tni_zip_piece){data, n}, 1, 64);
}

/* An archive of this pickle and one storage "0" of 24 bytes. */
static bytes archive(const char *pickle, size_t n, const char *order) {
    static const float storage[6] = {0, 1, 2, 3, 4, 5};
    bytes b = {0};
    tni_zip_writer w;
    tni_zip_begin(&w, put, &b);
    add(&w, "x/data.pkl", pickle, n);
    if (order) add(&w, "x/byteorder", order, strlen(order));
    add(&w, "x/data/0", storage, sizeof storage);
    add(&w, "x/version", "3\n", 2);
    tni_zip_finish(&w);
    return b;
}
static tn_value *load_pickle(const char *pickle, size_t n) {
    bytes b = archive(pickle, n, NULL);
    tn_value *v = tn_load_pt_bytes(b.data, b.n);
    free(b.data);
    return v;
}
#define LOAD(pickle) load_pickle(pickle, sizeof pickle - 1)

/* ---- files of torch ---- */

static void a_state_dict(void) {
    TN_SCOPE;
    tn_value *v = tn_load_pt_bytes(linear_file, LINEAR);
    if (!CHECK(v != NULL)) return;
    CHECK_STR(tn_to_string(v), "OrderedDict([('weight', tensor([[0., 1.],\n        [2., 3.],\n        [4., 5.]])), ('bias', "
                               "tensor([ 0.5000, -1.0000,  2.0000]))])");
    CHECK_STR(tn_to_string(tn_value_attributes(v)), "{'_metadata': OrderedDict([('', {'version': 1})])}");
    tn_nn_linear *m = tn_nn_linear(2, 3);
    CHECK(tn_load_state_dict(m, tn_value_to_state(v)));
    CHECK(tn_item(tn_sum(m->weight)) == 15 && tn_item(tn_sum(m->bias)) == 1.5);
    CHECK_OK();
}

static void nested_values(void) {
    TN_SCOPE;
    tn_value *v = tn_load_pt_bytes(nested_file, NESTED);
    if (!CHECK(v != NULL)) return;
    CHECK_STR(tn_to_string(tn_value_get(v, "list")), "[1, -1, 1099511627776, 0.5, None, True, 'text', (1, 2), ()]");
    CHECK_STR(tn_to_string(tn_value_get_int(v, 3)), "{'z': b'\\xff\\x00'}");
    tn_tensor *a = tn_value_as_tensor(tn_value_get(v, "a")), *b = tn_value_as_tensor(tn_value_get(v, "b"));
    tn_tensor *p = tn_value_as_tensor(tn_value_get(v, "p"));
    CHECK(tn_is_parameter(p) && tn_item(p) == 1 && tn_numel(a) == 10);
    tn_data_i64(b)[1] = 77; /* they share a storage */
    CHECK(tn_data_i64(a)[3] == 77);
    CHECK_OK();
}

/* Where the two differ besides the archive's id and its checksum. */
static int differences(const unsigned char *a, const unsigned char *b, size_t n, size_t id_at) {
    int count = 0;
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        bool id = i >= id_at && i < id_at + 40 + 8; /* and the descriptor behind it */
        if (id || a[i] == b[i]) continue;
        memcpy(&crc, a + id_at + 44, 4);
        uint32_t there[4] = {0};
        for (size_t k = 0; k < 4 && i >= k; k++) memcpy(&there[k], a + i - k, 4);
        if (crc != there[0] && crc != there[1] && crc != there[2] && crc != there[3]) count++;
    }
    return count;
}

static void the_same_bytes(void) {
    TN_SCOPE;
    const struct {
        const char *name, *data;
        size_t n;
    } files[] = {{"linear.pt", linear_file, LINEAR}, {"nested.pt", nested_file, NESTED}};
    for (int k = 0; k < 2; k++) {
        unsigned char got[8192];
        char file[128];
        snprintf(file, sizeof file, "%s/%s", folder, files[k].name);
        tn_value *v = tn_load_pt_bytes(files[k].data, files[k].n);
        CHECK(tn_save_pt(v, file));
        FILE *f = fopen(file, "rb");
        size_t n = f ? fread(got, 1, sizeof got, f) : 0;
        if (f) fclose(f);
        unlink(file);
        CHECK_EQ_INT(n, files[k].n);
        size_t id = 0; /* the last payload in front of the directory */
        for (size_t i = 0; i + 4 < n && !id; i++)
            if (memcmp(files[k].data + i, "PK\1\2", 4) == 0) id = i - 16 - 40;
        CHECK_EQ_INT(differences((const unsigned char *)files[k].data, got, n, id), 0);
    }
    CHECK_OK();
}

static void written_and_read_back(void) {
    TN_SCOPE;
    tn_tensor *x = tn_arange(6., .dtype = TN_FLOAT32);
    tn_value *v = tn_value_dict(), *l = tn_value_list();
    tn_value_append(l, x), tn_value_append(l, tn_narrow(x, 0, 2, 2)), tn_value_append(l, tn_value_complex(1, -2));
    tn_value_append(l, tn_value_dtype(TN_FLOAT16)), tn_value_append(l, "a \xC3\xA9"), tn_value_append(l, tn_value_bytes("", 0));
    for (int i = 0; i < 2003; i++) tn_value_append(l, i * 1000003 * (i % 2 ? 1 : -1));
    tn_value_set(v, "l", l), tn_value_set(v, "again", l), tn_value_set(v, "empty", tn_zeros((0, 3)));
    tn_value_set(v, "rg", tn_ones(1, .requires_grad = true)), tn_value_set_int(v, -5, INT64_MIN);
    tn_value_set(v, "frozen", tn_parameter(tn_ones((2, 1)), false));
    CHECK(tn_save_pt(v, path));
    tn_value *w = tn_load_pt(path);
    char *expected = strdup(tn_to_string(v));
    CHECK_STR(tn_to_string(w), expected);
    free(expected);
    CHECK(tn_value_get(w, "l") == tn_value_get(w, "again"));
    CHECK(tn_save_pt(x, path) && tn_equal(tn_value_as_tensor(tn_load_pt(path)), x)); /* a tensor alone */
    CHECK_OK();
}

/* ---- pickles of all kinds ---- */

static void other_protocols(void) {
    TN_SCOPE;
    CHECK_STR(tn_to_string(LOAD("\x80\4\x95\x0e\0\0\0\0\0\0\0}\x94\x8c\1a\x94]\x94(K\1K\2es.")), "{'a': [1, 2]}");
    CHECK_STR(tn_to_string(LOAD("\x80\5\x96\2\0\0\0\0\0\0\0ab.")), "bytearray(b'ab')");
    CHECK_STR(tn_to_string(LOAD("\x80\4\x8f(K\1K\2\x90.")), "{1, 2}");
    CHECK_STR(tn_to_string(LOAD("\x80\3C\2ab.")), "b'ab'");
    CHECK_STR(tn_to_string(LOAD("\x80\4\x8c\x0b"
                                "collections\x8c\x0bOrderedDict\x93)R.")),
              "OrderedDict()");
    CHECK_STR(tn_to_string(LOAD("\x80\2(K\1K\2l0(X\1\0\0\0aK\1d2\x86.")), "({'a': 1}, {'a': 1})");
    CHECK_STR(tn_to_string(LOAD("\x80\2(\x8a\0\x8a\1\xff\x8a\x08\0\0\0\0\0\0\0\x80\x8b\2\0\0\0\0\1t.")),
              "(0, -1, -9223372036854775808, 256)");
    CHECK_STR(tn_to_string(LOAD("\x80\2ctorch\nSize\n(K\2K\3t\x85R.")), "torch.Size([2, 3])");
    CHECK_OK();
}

#define TENSOR(offset, size, stride)                                                                                               \
    "\x80\2ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                   \
    "0X\3\0\0\0cpuK\6tQ" offset size stride "\x89"                                                                                 \
    "ccollections\nOrderedDict\n)RtR."

/* Kinds that only files make: read, printed as Python does, written and read again. */
#define STORAGE                                                                                                                    \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                                                             \
    "0X\3\0\0\0cpuK\6tQ"
#define RAW                                                                                                                        \
    "(X\7\0\0\0storagectorch.storage\nUntypedStorage\nX\1\0\0\0"                                                                   \
    "0X\3\0\0\0cpuK\x18tQ"
#define PLAIN "ctorch._utils\n_rebuild_tensor\n(" STORAGE "K\4K\2\x85K\1\x85tR"
#define VIEW(dtype, offset, size, stride) "ctorch._utils\n_rebuild_tensor_v3\n(" RAW offset size stride "\x89Nctorch\n" dtype "\ntR"
#define PLACES VIEW("uint8", "K\0", "K\1K\2\x86", "K\2K\1\x86") /* [[0, 0]] */
#define VALUES VIEW("uint8", "K\6", "K\2\x85", "K\1\x85")       /* [128, 63] */
#define COO "ctorch.serialization\n_get_layout\nX\x10\0\0\0torch.sparse_coo\x85R"
#define SPARSE(parts) "ctorch._utils\n_rebuild_sparse_tensor\n" COO "(" parts "t\x86R"
#define META(of) "ctorch._utils\n_rebuild_meta_tensor_no_storage\n(" of "tR"
static void kinds_of_files(void) {
    TN_SCOPE;
    static const struct {
        const char *pickle;
        size_t n;
        const char *text;
    } kinds[] = {
#define KIND(pickle, text) {"\x80\2" pickle ".", sizeof("\x80\2" pickle ".") - 1, text}
        KIND("c__builtin__\nset\n](K\1K\2e\x85R", "{1, 2}"),
        KIND("c__builtin__\nset\n)R", "set()"),
        KIND("ccollections\nCounter\n}(X\1\0\0\0aK\2X\1\0\0\0bK\1u\x85R", "Counter({'a': 2, 'b': 1})"),
        KIND("ccollections\nCounter\n)R", "Counter()"),
        KIND("ccollections\nOrderedDict\n](X\1\0\0\0aK\1\x86X\1\0\0\0b]\x86"
             "e\x85R",
             "OrderedDict([('a', 1), ('b', [])])"),
        KIND("c__builtin__\ncomplex\nG\x3f\xf0\0\0\0\0\0\0G\xc0\0\0\0\0\0\0\0\x86R", "(1-2j)"),
        KIND("ctorch\nSize\n(K\1K\2K\3K\4t\x85R", "torch.Size([1, 2, 3, 4])"),
        KIND("ctorch\nSize\n)\x85R", "torch.Size([])"),
        KIND("ctorch\ndevice\nX\3\0\0\0cpu\x85R", "device(type='cpu')"),
        KIND("ctorch\ndevice\nX\4\0\0\0cudaK\1\x86R", "device(type='cuda', index=1)"),
        KIND("c_codecs\nencode\nX\4\0\0\0a\xc3\xbfzX\6\0\0\0latin1\x86R", "b'a\\xffz'"),
        KIND("c__builtin__\nbytes\n)R", "b''"),
        KIND("c__builtin__\nbytearray\nX\1\0\0\0zX\7\0\0\0latin-1\x86R", "bytearray(b'z')"),
        KIND("c__builtin__\nbytearray\nc_codecs\nencode\nX\1\0\0\0zX\6\0\0\0latin1\x86R\x85R", "bytearray(b'z')"),
        KIND("c__builtin__\nbytearray\n)R", "bytearray(b'')"),
        KIND("ctorch\nfloat16\n", "torch.float16"),
        KIND("ctorch.serialization\n_get_layout\nX\x0d\0\0\0torch.strided\x85R", "'torch.strided'"),
        KIND(PLAIN, "tensor([4., 5.])"),
        KIND("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor\nctorch\nTensor\n(" STORAGE
             "K\4K\2\x85K\1\x85t}tR",
             "tensor([4., 5.])"),
        KIND("ctorch._utils\n_rebuild_parameter_with_state\n(" PLAIN "\x89"
             "ccollections\nOrderedDict\n)R}tR",
             "Parameter containing:\ntensor([4., 5.])"),
        KIND("ctorch.nn.parameter\nParameter\n" PLAIN "\x88\x86\x81",
             "Parameter containing:\ntensor([4., 5.], requires_grad=True)"),
        KIND("ctorch._utils\n_rebuild_tensor_v3\n(" RAW "K\0K\3\x85K\1\x85\x89Nctorch\nuint8\n}X\4\0\0\0conj\x89stR",
             "tensor([0, 0, 0], dtype=torch.uint8)"),
        KIND(SPARSE(PLACES VALUES "K\2\x85"),
             "tensor(indices=tensor([[0, 0]]),\n       values=tensor([128,  63]),\n       size=(2,), nnz=2, dtype=torch.uint8, "
             "layout=torch.sparse_coo)"),
        KIND("ctorch._utils\n_rebuild_parameter\n" SPARSE(PLACES VALUES "K\2\x85N") "\x89N\x87R",
             "Parameter containing:\ntensor(indices=tensor([[0, 0]]),\n       values=tensor([128,  63]),\n       size=(2,), nnz=2, "
             "dtype=torch.uint8, layout=torch.sparse_coo)"),
        KIND(META("ctorch\nfloat16\nK\2K\3\x86K\1K\2\x86\x88"),
             "tensor(..., device='meta', size=(2, 3), dtype=torch.float16,\n       requires_grad=True)"),
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        tn_value *v = load_pickle(kinds[i].pickle, kinds[i].n);
        CHECK_STR(tn_to_string(v), kinds[i].text);
        CHECK((tn_save_pt)(v, path));
        CHECK_STR(tn_to_string(tn_load_pt(path)), kinds[i].text);
    }
    CHECK_OK();
}

static void byte_orders(void) {
    TN_SCOPE;
    static const char pickle[] = TENSOR("K\1", "K\2K\2\x86", "K\2K\1\x86");
    bytes b = archive(pickle, sizeof pickle - 1, "little");
    CHECK_STR(tn_to_string(tn_load_pt_bytes(b.data, b.n)), "tensor([[1., 2.],\n        [3., 4.]])");
    free(b.data);
    b = archive(pickle, sizeof pickle - 1, "big");
    tn_tensor *x = tn_value_as_tensor(tn_load_pt_bytes(b.data, b.n));
    uint32_t bits = 0;
    float one = 1;
    memcpy(&bits, &one, 4);
    bits = __builtin_bswap32(bits);
    CHECK(x && memcmp(tn_data_f32(x), &bits, 4) == 0);
    free(b.data);
    b = archive(pickle, sizeof pickle - 1, "odd");
    CHECK(tn_load_pt_bytes(b.data, b.n) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "'odd' is no byte order");
    free(b.data);
}

static void hostile_pickles(void) {
    TN_SCOPE;
    size_t before = live_objects();
#define REFUSED(pickle, status, text)                                                                                              \
    do {                                                                                                                           \
        CHECK(LOAD(pickle) == NULL);                                                                                               \
        CHECK_ERROR(status, text);                                                                                                 \
    } while (0)
    REFUSED("\x80\2cos\nsystem\nX\2\0\0\0ls\x85R.", TN_ERR_NOT_IMPLEMENTED, "Unsupported global: os.system");
    REFUSED("\x80\2c__builtin__\neval\nX\1\0\0\0"
            "1\x85R.",
            TN_ERR_NOT_IMPLEMENTED, "Unsupported global: __builtin__.eval");
    REFUSED("\x80\4\x8c\2os\x8c\6system\x93.", TN_ERR_NOT_IMPLEMENTED, "os.system");
    REFUSED("\x80\2ctorch._utils\n_rebuild_qtensor\n.", TN_ERR_NOT_IMPLEMENTED, "_rebuild_qtensor is not supported");
    REFUSED("\x80\2(ios\nsystem\n.", TN_ERR_NOT_IMPLEMENTED, "opcode INST");
    REFUSED("\x80\2(o.", TN_ERR_NOT_IMPLEMENTED, "opcode OBJ");
    REFUSED("\x80\2\x92.", TN_ERR_NOT_IMPLEMENTED, "opcode NEWOBJ_EX");
    REFUSED("\x80\2\x82\1.", TN_ERR_NOT_IMPLEMENTED, "opcode EXT1");
    REFUSED("\x80\2I1\n.", TN_ERR_NOT_IMPLEMENTED, "opcode INT");
    REFUSED("\x80\1N.", TN_ERR_NOT_IMPLEMENTED, "protocol 1");
    REFUSED("\x80\2\xff.", TN_ERR_FORMAT, "0xff is no opcode");
    REFUSED("\x80\2", TN_ERR_FORMAT, "without STOP");
    REFUSED("N.", TN_ERR_FORMAT, "does not begin with a protocol");
    REFUSED("\x80\2N.N", TN_ERR_FORMAT, "1 bytes behind STOP");
    REFUSED("\x80\2NN.", TN_ERR_FORMAT, "2 values are left");
    REFUSED("\x80\2.", TN_ERR_FORMAT, "0 values are left");
    REFUSED("\x80\2(.", TN_ERR_FORMAT, "left on the stack");
    REFUSED("\x80\2h\0.", TN_ERR_FORMAT, "place 0 of the memo");
    REFUSED("\x80\2Nr\xfe\xff\xff\xff.", TN_ERR_FORMAT, "place 4294967294 of the memo");
    REFUSED("\x80\2X\xff\xff\xff\xff.", TN_ERR_FORMAT, "in the middle of an opcode");
    REFUSED("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", TN_ERR_FORMAT, "in the middle of an opcode");
    REFUSED("\x80\2\x8b\xff\xff\xff\xff.", TN_ERR_FORMAT, "in the middle of an opcode");
    REFUSED("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\1.", TN_ERR_NOT_IMPLEMENTED, "an int of 9 bytes");
    REFUSED("\x80\2X\1\0\0\0\xff.", TN_ERR_FORMAT, "not UTF-8");
    REFUSED("\x80\2}X\3\0\0\0a\0bNs.", TN_ERR_FORMAT, "NUL");
    REFUSED("\x80\2}(X\1\0\0\0aNX\1\0\0\0aNu.", TN_ERR_FORMAT, "'a' comes twice");
    REFUSED("\x80\2}NNs.", TN_ERR_NOT_IMPLEMENTED, "a dict key that is neither text nor int but a None");
    REFUSED("\x80\2}(Nu.", TN_ERR_FORMAT, "a key without a value");
    REFUSED("\x80\2]q\0h\0a.", TN_ERR_NOT_IMPLEMENTED, "contains itself");
    REFUSED("\x80\2]q\0h\0\x85h\0Na.", TN_ERR_NOT_IMPLEMENTED, "contains itself");
    REFUSED("\x80\2]q\0]h\0a0h\0h\0\x85"
            "a.",
            TN_ERR_NOT_IMPLEMENTED, "contains itself");
    REFUSED("\x80\2ctorch\nFloatStorage\n.", TN_ERR_NOT_IMPLEMENTED, "a class or a storage where a value should be");
    REFUSED("\x80\2ccollections\nOrderedDict\n)R}X\1\0\0\0aNsbNb.", TN_ERR_FORMAT, "BUILD with what is no dict");
    REFUSED("\x80\2N}b.", TN_ERR_NOT_IMPLEMENTED, "BUILD on what is no OrderedDict");
    REFUSED("\x80\2N)R.", TN_ERR_FORMAT, "REDUCE of what is no name");
    REFUSED("\x80\2NQ.", TN_ERR_FORMAT, "a persistent id that is no storage");
    REFUSED("\x80\2c__builtin__\ncomplex\nNN\x86R.", TN_ERR_FORMAT, "a complex of what is no float");
    REFUSED("\x80\2ctorch\nSize\n(Nl\x85R.", TN_ERR_FORMAT, "a Size of what is no int");
    REFUSED("\x80\2c__builtin__\nset\nN\x85R.", TN_ERR_FORMAT, "made of no list");
    REFUSED("\x80\2ccollections\nCounter\nN\x85R.", TN_ERR_FORMAT, "made of no dict");
    REFUSED("\x80\2ccollections\nOrderedDict\nN\x85R.", TN_ERR_FORMAT, "made of no list");
    REFUSED("\x80\2ccollections\nOrderedDict\n(Nl\x85R.", TN_ERR_FORMAT, "made of no pairs");
    REFUSED("\x80\2ccollections\nOrderedDict\nNN\x86R.", TN_ERR_FORMAT, "OrderedDict of 2 arguments");
    REFUSED("\x80\2ctorch\ndevice\nN\x85R.", TN_ERR_FORMAT, "a device without name");
    REFUSED("\x80\2ctorch.serialization\n_get_layout\nN\x85R.", TN_ERR_FORMAT, "a layout without name");
    REFUSED("\x80\2c_codecs\nencode\nX\1\0\0\0aX\5\0\0\0utf-8\x86R.", TN_ERR_FORMAT, "no text in latin1");
    REFUSED("\x80\2c_codecs\nencode\nX\2\0\0\0\xc4\x80X\6\0\0\0latin1\x86R.", TN_ERR_FORMAT, "above 255");
    REFUSED("\x80\2ctorch\nTensor\n)R.", TN_ERR_NOT_IMPLEMENTED, "a class of tensors or storages is called");
    for (const char *op = "abeqstu0124RQ\x85\x86\x87\x90\x93\x94\x81l"
                          "d";
         *op; op++) { /* on an empty stack */
        char pickle[8] = {'\x80', 2, *op, 0, 0, 0, 0, '.'};
        CHECK(load_pickle(pickle, *op == 'q' ? 5 : 3) == NULL);
        CHECK(tn_error() == TN_ERR_FORMAT || (*op == '4' && tn_error() == TN_ERR_FORMAT));
        tn_clear_error();
    }
    CHECK_EQ_INT(live_objects(), before);
}

static void hostile_tensors(void) {
    TN_SCOPE;
    size_t before = live_objects();
    REFUSED(TENSOR("K\7", "K\1\x85", "K\1\x85"), TN_ERR_SHAPE, "out of bounds for storage of 24 bytes");
    REFUSED(TENSOR("K\0", "K\7\x85", "K\1\x85"), TN_ERR_SHAPE, "out of bounds");
    REFUSED(TENSOR("K\0", "K\2\x85", "J\xff\xff\xff\xff\x85"), TN_ERR_RUNTIME, "must not be negative");
    REFUSED(TENSOR("J\xff\xff\xff\xff", "K\1\x85", "K\1\x85"), TN_ERR_FORMAT, "wrong kind");
    REFUSED(TENSOR("K\0", "J\xff\xff\xff\xff\x85", "K\1\x85"), TN_ERR_SHAPE, NULL);
    REFUSED(TENSOR("K\0", "\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86", "K\1K\1\x86"), TN_ERR_SHAPE, NULL);
    REFUSED(TENSOR("K\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), TN_ERR_SHAPE, NULL);
    REFUSED(TENSOR("K\0", "K\2\x85", ")"), TN_ERR_FORMAT, "1 sizes and 0 strides");
    REFUSED(TENSOR("N", "K\2\x85", "K\1\x85"), TN_ERR_FORMAT, "wrong kind");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\2\0\0\0..X\3\0\0\0cpuK\6tQ.", TN_ERR_FORMAT, "'..' is no key");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
            "9X\3\0\0\0cpuK\6tQ0N.",
            TN_ERR_FORMAT, "no storage '9'");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
            "0X\3\0\0\0cpuK\7tQ0N.",
            TN_ERR_FORMAT, "should have 28 bytes");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
            "0X\3\0\0\0cpuK\6tQ(X\7\0\0\0storagectorch\nIntStorage\nX\1\0\0\0"
            "0X\3\0\0\0cpuK\6tQ\x86.",
            TN_ERR_FORMAT, "two dtypes or sizes");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
            "0X\3\0\0\0cpu\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ftQ.",
            TN_ERR_FORMAT, "a storage of 9223372036854775807 elements");
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\1\x85K\1\x85\x89N}X\4\0\0\0conj\x88stR.",
            TN_ERR_NOT_IMPLEMENTED, "a tensor with the flag 'conj'");
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\1\x85K\1\x85\x89}NK\1stR.", TN_ERR_NOT_IMPLEMENTED, NULL);
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\1\x85K\1\x85\x89}K\1K\1stR.", TN_ERR_NOT_IMPLEMENTED,
            "a tensor with hooks");
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor\n(" RAW "K\0K\1\x85K\1\x85tR.", TN_ERR_FORMAT, "a tensor without dtype");
    REFUSED("\x80\2ctorch._utils\n_rebuild_parameter\nNN\x86R.", TN_ERR_FORMAT, "a Parameter that is made of no tensor");
    REFUSED("\x80\2ctorch._tensor\n_rebuild_from_type_v2\n(NNNNtR.", TN_ERR_NOT_IMPLEMENTED, "of what is no plain tensor");
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v3\n(" RAW "K\0K\1\x85K\1\x85\x88Nctorch\nuint8\ntR.", TN_ERR_FORMAT,
            "uint8 that requires grad");
    CHECK_EQ_INT(live_objects(), before);
}

static void hostile_sparse_tensors(void) {
    TN_SCOPE;
    size_t before = live_objects();
#define BAD(parts, status, text) REFUSED("\x80\2" SPARSE(parts) ".", status, text)
#define CALLED(args) "\x80\2ctorch._utils\n_rebuild_sparse_tensor\n" args "R."
    REFUSED(CALLED(COO "\x85"), TN_ERR_FORMAT, "_rebuild_sparse_tensor of 1 arguments");
    REFUSED(CALLED(COO "N\x86"), TN_ERR_FORMAT, "wrong kind");
    REFUSED(CALLED("NN\x86"), TN_ERR_NOT_IMPLEMENTED, "not in coordinate form");
    REFUSED(CALLED("X\x10\0\0\0torch.sparse_csrN\x86"), TN_ERR_NOT_IMPLEMENTED, "not in coordinate form");
    BAD(PLACES VALUES, TN_ERR_FORMAT, "wrong kind");
    BAD(PLACES "NK\2\x85", TN_ERR_FORMAT, "wrong kind");
    BAD(PLACES VALUES "N\x85", TN_ERR_FORMAT, "wrong kind");
    BAD(PLACES VALUES "K\2\x85K\1", TN_ERR_FORMAT, "wrong kind");
    BAD(PLACES VALUES "K\2\x85\x88N", TN_ERR_FORMAT, "wrong kind");
    BAD(PLACES VALUES "K\2\x85\x88", TN_ERR_VALUE, "not sorted, or not unique");
    BAD(PLACES VALUES "K\2K\2\x86", TN_ERR_SHAPE, "len(size) = 2, sparse_dim = 1, dense_dim = 0");
    BAD(PLACES VALUES "J\xff\xff\xff\xff\x85", TN_ERR_INDEX, "size is -1 but found index 0");
    BAD(PLACES VALUES ")", TN_ERR_FORMAT, "a sparse tensor of no sizes that has 1 dimensions");
    BAD(VIEW("uint8", "K\5", "K\1K\2\x86", "K\2K\1\x86") VALUES "K\2\x85", TN_ERR_INDEX, "found index 128");
    BAD(VIEW("int8", "K\5", "K\1K\2\x86", "K\2K\1\x86") VIEW("int8", "K\0", "K\2\x85", "K\1\x85") "K\2\x85", TN_ERR_INDEX,
        "found index -128");
    BAD(VIEW("int64", "K\0", "K\1K\2\x86", "K\2K\1\x86") VIEW("int64", "K\0", "K\2\x85", "K\1\x85") "K\2\x85", TN_ERR_INDEX,
        "found index 4575657221408423936");
    BAD(VIEW("float32", "K\0", "K\1K\2\x86", "K\2K\1\x86") VIEW("float32", "K\0", "K\2\x85", "K\1\x85") "K\2\x85", TN_ERR_DTYPE,
        "indices must be an int64 tensor");
    BAD(VIEW("uint8", "K\0", "K\2\x85", "K\1\x85") VALUES "K\2\x85", TN_ERR_RUNTIME, "sparse_dim x nnz");
    BAD(PLACES VIEW("uint8", "K\4", "K\1\x85", "K\1\x85") "K\2\x85", TN_ERR_RUNTIME, "must have same nnz");
    BAD(PLACES VIEW("uint8", "K\4", "K\x18\x85", "K\1\x85") "K\2\x85", TN_ERR_SHAPE, "out of bounds");
    BAD(VIEW("uint8", "K\0", "K\2K\1\x86", "K\1K\1\x86")
            VIEW("uint8", "K\0", "K\1\x85", "K\1\x85") "\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86",
        TN_ERR_SHAPE, "overflows");
    BAD(PLACES META("ctorch\nfloat32\nK\2\x85K\1\x85\x89") "K\2\x85", TN_ERR_NOT_IMPLEMENTED, "made of meta tensors");
    BAD(META("ctorch\nint64\nK\1K\2\x86K\2K\1\x86\x89") VALUES "K\2\x85", TN_ERR_NOT_IMPLEMENTED, "made of meta tensors");
    BAD(PLACES SPARSE(PLACES VALUES "K\2\x85") "K\2\x85", TN_ERR_FORMAT, "made of sparse ones");
    BAD(VIEW("uint8", "K\0", "K\1\x8a\5\0\0\0\0\4\x86", "K\0K\0\x86")
            VIEW("uint8", "K\0", "\x8a\5\0\0\0\0\4\x85", "K\0\x85") "K\2\x85",
        TN_ERR_FORMAT, "its sparse tensors would take more than 384 bytes of memory"); /* 17,179,869,184 places in one */
    BAD(VIEW("uint8", "K\0", "K\1\x8a\x08\0\0\0\0\0\0\0\x20\x86", "K\0K\0\x86")
            VIEW("uint8", "K\0", "\x8a\x08\0\0\0\0\0\0\0\x20\x85", "K\0\x85") "K\2\x85",
        TN_ERR_FORMAT, "would take more than"); /* whose bytes overflow */
    char many[1024];                            /* one tensor again and again */
    static const char head[] = "\x80\2](ctorch._utils\n_rebuild_sparse_tensor\nq\0" COO "(" PLACES VALUES "K\2\x85t\x86q\1R";
    size_t n = sizeof head - 1;
    memcpy(many, head, n);
    for (int i = 0; i < 40; i++, n += 5) memcpy(many + n, "h\0h\1R", 5);
    memcpy(many + n, "e.", 2);
    CHECK(load_pickle(many, n + 2) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "would take more than 384 bytes");
    CHECK_EQ_INT(live_objects(), before);
}

static void hostile_meta_tensors(void) {
    TN_SCOPE;
    size_t before = live_objects();
#define BAD_META(of, status, text) REFUSED("\x80\2" META(of) ".", status, text)
    BAD_META("N", TN_ERR_FORMAT, "of 1 arguments");
    BAD_META("NK\2\x85K\1\x85\x89", TN_ERR_FORMAT, "wrong kind");
    BAD_META("ctorch\nfloat32\nN)\x89", TN_ERR_FORMAT, "wrong kind");
    BAD_META("ctorch\nfloat32\n))N", TN_ERR_FORMAT, "wrong kind");
    BAD_META("ctorch\nfloat32\nK\2\x85)\x89", TN_ERR_FORMAT, "1 sizes and 0 strides");
    BAD_META("ctorch\nfloat32\nJ\xff\xff\xff\xff\x85K\1\x85\x89", TN_ERR_SHAPE, "must not be negative");
    BAD_META("ctorch\nfloat32\nK\2\x85J\xff\xff\xff\xff\x85\x89", TN_ERR_RUNTIME, "must not be negative");
    BAD_META("ctorch\nfloat32\n\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86K\1K\1\x86\x89", TN_ERR_SHAPE, "overflows");
    BAD_META("ctorch\nfloat32\nK\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85\x89", TN_ERR_SHAPE, NULL);
    BAD_META("ctorch\nint64\nK\2\x85K\1\x85\x88", TN_ERR_FORMAT, "int64 that requires grad");
    CHECK_EQ_INT(live_objects(), before);
}

/* ---- bombs ---- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bombs(void) {
    TN_SCOPE;
    enum { DEEP = 20000 };
    char *p = malloc(3 * DEEP + 8), *at = p;
    *at++ = '\x80', *at++ = 2; /* 4,000 lists in one another */
    for (int i = 0; i < DEEP / 5; i++) *at++ = ']';
    for (int i = 1; i < DEEP / 5; i++) *at++ = 'a';
    *at++ = '.';
    CHECK(load_pickle(p, (size_t)(at - p)) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "nested more than 64 deep");
    at = p + 2; /* 60 lists, each three times in the next */
    *at++ = 'N';
    for (int i = 0; i < 60; i++) *at++ = '2', *at++ = '2', *at++ = '\x87';
    *at++ = '.';
    CHECK(load_pickle(p, (size_t)(at - p)) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "multiply");
    at = p + 2; /* many empty lists */
    for (int i = 0; i < DEEP; i++) *at++ = ']', *at++ = '0';
    *at++ = 'N', *at++ = '.';
    CHECK(load_pickle(p, (size_t)(at - p)) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "of memory");
    free(p);
}

/* 2 GB declared in a few hundred bytes: by the pickle, and by the archive. */
static void declared_sizes(void) {
    TN_SCOPE;
    static const char pickle[] = "\x80\2(X\7\0\0\0storagectorch\nByteStorage\nX\1\0\0\0"
                                 "0X\3\0\0\0cpuJ\0\0\0\x7ftQ.";
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    long before = usage.ru_maxrss;
    double start = seconds();
    bytes b = archive(pickle, sizeof pickle - 1, NULL);
    CHECK(tn_load_pt_bytes(b.data, b.n) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "should have 2130706432 bytes, but has 24");
    for (size_t i = 0; i + 46 < b.n; i++)
        if (memcmp(b.data + i, "PK\1\2", 4) == 0) memcpy(b.data + i + 20, "\0\0\0\x7f\0\0\0\x7f", 8);
    CHECK(tn_load_pt_bytes(b.data, b.n) == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "reaches into the directory");
    free(b.data);
#ifndef __SANITIZE_ADDRESS__
    CHECK(seconds() - start < 0.01);
    getrusage(RUSAGE_SELF, &usage);
    CHECK(usage.ru_maxrss - before < 16 * 1024);
#else
    (void)before, (void)start;
#endif
}

/* ---- files that are no files of torch ---- */

static void other_files(void) {
    TN_SCOPE;
    char tar[512] = "pickle";
    memcpy(tar + 257, "ustar", 5);
    CHECK(tn_load_pt_bytes(tar, sizeof tar) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "a tar file of PyTorch before");
    CHECK(tn_load_pt_bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.", 20) == NULL);
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "a file of PyTorch before 1.6");
    CHECK(tn_load_pt_bytes("hello", 5) == NULL && tn_load_pt("/nowhere.pt") == NULL);
    CHECK_ERROR(TN_ERR_FORMAT, "no zip archive");
    CHECK(tn_load_pt("/nowhere.pt") == NULL);
    CHECK_ERROR(TN_ERR_IO, "/nowhere.pt");
    CHECK(tn_load_pt("/dev/zero") == NULL);
    CHECK_ERROR(TN_ERR_IO, "Not a regular file");
    CHECK(tn_load_pt(folder) == NULL);
    CHECK_ERROR(TN_ERR_IO, "Is a directory");
    CHECK(tn_load_pt(NULL) == NULL);
    CHECK_ERROR(TN_ERR_TYPE, "'path' is NULL");
    CHECK(!tn_save_pt((tn_value *)NULL, path));
    CHECK_ERROR(TN_ERR_TYPE, "'v' is NULL");
    CHECK(!tn_save_pt(1, "/nowhere/x.pt"));
    CHECK_ERROR(TN_ERR_IO, "/nowhere/x.pt");
}

/* Every strict prefix is refused, and no change of a byte does more than fail or load. */
static void prefixes_and_changes(void) {
    const struct {
        const char *data;
        size_t n;
    } files[] = {{linear_file, LINEAR}, {nested_file, NESTED}};
    size_t before = live_objects();
    for (int k = 0; k < 2; k++) {
        for (size_t n = 0; n < files[k].n; n++) {
            CHECK(tn_load_pt_bytes(files[k].data, n) == NULL);
            CHECK_ERROR(TN_ERR_FORMAT, NULL);
        }
        for (size_t at = 0; at < files[k].n; at++) {
            unsigned char *copy = malloc(files[k].n);
            memcpy(copy, files[k].data, files[k].n);
            for (int bit = 0; bit < 9; bit++) {
                TN_SCOPE;
                copy[at] = bit < 8 ? (unsigned char)(files[k].data[at] ^ 1 << bit) : 0;
                tn_value *v = tn_load_pt_bytes(copy, files[k].n);
                CHECK((v != NULL) == (tn_error() == TN_OK) && tn_error() != TN_ERR_MEMORY);
                tn_clear_error();
                if (v) CHECK(tn_to_string(v)[0] != 0);
            }
            free(copy);
        }
    }
    CHECK_EQ_INT(live_objects(), before);
}

int main(void) {
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.pt", folder);
    RUN(a_state_dict);
    RUN(nested_values);
    RUN(the_same_bytes);
    RUN(written_and_read_back);
    RUN(other_protocols);
    RUN(kinds_of_files);
    RUN(byte_orders);
    RUN(hostile_pickles);
    RUN(hostile_tensors);
    RUN(hostile_sparse_tensors);
    RUN(hostile_meta_tensors);
    RUN(bombs);
    RUN(declared_sizes);
    RUN(other_files);
    RUN(prefixes_and_changes);
    unlink(path);
    CHECK(rmdir(folder) == 0);
    tn_shutdown();
    return test_end();
}
