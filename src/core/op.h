/* core/op.h - what an operator is, and the call path that all operators share. */
#ifndef TNI_OP_H
#define TNI_OP_H
#include "base/error.h"
#include "core/tensor.h"

enum { TNI_MAX_OUT = 3, TNI_MAX_ARG = 16 };

/* A value of a schema argument that is not a tensor. */
typedef union tni_value {
    int64_t i;
    double d;
    bool b;
    tn_dtype dtype;
    tn_scalar scalar;
    struct {
        const int64_t *v;
        size_t n;
    } ints; /* borrowed during the call; a node keeps its own copy */
    const void *p;
} tni_value;

/* An optional Scalar that is None. */
#define TNI_NO_SCALAR ((tn_scalar){.kind = TN_SCALAR_NONE})

struct tni_op;
struct tni_node;

/* One call of an operator. */
typedef struct tni_call {
    const struct tni_op *op;
    tni_thread *t;
    tn_tensor **in; /* in the schema's order; NULL where an optional one is absent */
    size_t nin;
    tni_value *arg; /* the other arguments, in the schema's order; run may rewrite them (a wrapped dim): so they are recorded */
    size_t narg;
    tn_tensor *out[TNI_MAX_OUT]; /* made by run, without claims; out[0] is in[0] for an in-place call */
    size_t nout;
    bool inplace;  /* the result is written into in[0] */
    bool record;   /* some input needs a gradient and the grad mode is on */
    bool sparse;   /* some input is sparse */
    int8_t device; /* of the inputs; on the meta device tni_out ends the call once all outputs are there: no kernel runs */
} tni_call;

/* A derivative being computed: see the accessors below. */
typedef struct tni_vjp {
    struct tni_node *node;
    tni_thread *t;
    tn_tensor *const *dy; /* gradients of the outputs; NULL: zero */
    tn_tensor **dx;       /* to be set for each input that needs it; NULL stays zero */
    const tni_value *arg;
} tni_vjp;

#define TNI_IN(i) (1u << (i))
#define TNI_OUT(i) (1u << (16 + (i)))

/* One operator: a row next to the functions that it names. */
typedef struct tni_op {
    const char *name;              /* "softmax": tn_softmax; an in-place call appends '_' */
    const char *schema;            /* PyTorch's */
    const char *grad_name;         /* "SoftmaxBackward0" */
    bool (*run)(tni_call *c);      /* checks, makes out[], computes */
    bool (*sparse)(tni_call *c);   /* run where some input is sparse, also in place; NULL: they are refused */
    bool (*vjp)(tni_vjp *g);       /* derivative as a formula over operators; NULL: not differentiable, or composite */
    bool (*fused_vjp)(tni_vjp *g); /* used when nothing records; must agree with vjp */
    uint32_t save;                 /* TNI_IN(i) | TNI_OUT(i): kept for vjp */
    uint32_t save_for
        [2]; /* of inputs 0 and 1 in .save: the inputs whose derivatives read them, and without which they are not kept; 0: any */
    uint32_t optional; /* bits of inputs that may be NULL */
    uint32_t ints;     /* bits of arguments that are lists of ints */
    bool composite;    /* made of other operators, which record themselves */
    bool view;         /* out[0] shares the storage of in[0] */
    bool moves;        /* elements are only moved: dtypes without kernels are welcome, as they are for views */
    bool copies;       /* PyTorch makes a normal tensor and writes into it: recorded also when all inputs are inference tensors */
    bool widen;        /* run gets float16 and bfloat16 as float32, int8 and int16 as int32; results are narrowed again */
    bool wide_only;    /* float32 and float64 alone, as in PyTorch: 16-bit floats are refused */
    bool devices;      /* its inputs may be on different ones */
    bool by_value;     /* the shape of the result depends on values, so that the meta device has none */
    bool inplace;      /* has the form name_, which writes into in[0] */
    bool hidden;       /* a part of other operators: not listed by tn_op_names */
    uint32_t scalars;  /* bits of arguments of type Scalar that keep their Python kind (.scalar); the others are .d */
    /* For calls by name, the public function on the schema's arguments where that does more than run the row ... */
    tn_tensor *(*front)(tn_tensor *const *in, size_t nin, const tni_value *arg);
    /* ... and where the schema returns Tensor[]. */
    struct tn_tensors *(*list)(tn_tensor *const *in, size_t nin, const tni_value *arg);
    uint8_t dtype_arg;          /* one more than the number of the argument `dtype`, where a widened operator has one */
    uint32_t no_grad_outputs;   /* bits of outputs without gradient (indices) */
    const struct tni_map *map;  /* elementwise: run is tni_run_map */
    const char *const *samples; /* see tests/samples: "f32[4,7] 1", NULL at the end */
} tni_op;

/* Defines the row tni_op_<name>. */
#define TN_OP(name_, ...) const tni_op tni_op_##name_ = {.name = #name_, __VA_ARGS__}
#define TN_SAMPLES(...)                                                                                                            \
    (const char *const[]) { __VA_ARGS__, NULL }

/* Runs an operator on inputs `in` (may be changed by the call) and returns its first result, claimed by the innermost scope. */
tn_tensor *tni_run_op(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg);
tn_tensor *tni_run_op_inplace(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg);
/* For several results: out[0..nout) are set (those that the caller does not want are freed by its scope); false on failure. */
bool tni_run_op_multi(const tni_op *op, tn_tensor **in, size_t nin, tni_value *arg, size_t narg, tn_tensor **out, size_t nout);
#define TNI_INS(...) (tn_tensor *[]){__VA_ARGS__}, sizeof((tn_tensor *[]){__VA_ARGS__}) / sizeof(tn_tensor *)
#define TNI_ARGS(...) (tni_value[]){__VA_ARGS__}, sizeof((tni_value[]){__VA_ARGS__}) / sizeof(tni_value)
#define TNI_NO_ARGS NULL, 0

/* A field of an options struct; `other` when there are no options or the caller's struct is older and ends before the field. */
#define TNI_OPT(opts, field, other)                                                                                                \
    ((opts) && (opts)->size >= offsetof(__typeof__(*(opts)), field) + sizeof((opts)->field) ? (opts)->field : (other))

/* For run: makes out[k]. false with an error, or without one when the call is over: just return false then. */
bool tni_out(tni_call *c, size_t k, tn_dtype dtype, const int64_t *sizes, size_t ndim);
bool tni_out_zeros(tni_call *c, size_t k, tn_dtype dtype, const int64_t *sizes, size_t ndim);
bool tni_out_like(tni_call *c, size_t k, const tn_tensor *like, tn_dtype dtype);
/* For view operators: out[0] as a view of in[0]. */
bool tni_out_view(tni_call *c, const int64_t *sizes, const int64_t *strides, size_t ndim, int64_t offset);
/* The name as messages show it: "add" or "add_". */
const char *tni_call_name(const tni_call *c);
/* in[i] with the dtype and row-major; a copy lives until the call ends. NULL with an error. */
const tni_array *tni_in_as(tni_call *c, size_t i, tn_dtype dtype);
#define TNI_FAIL(c, status, ...) tni_call_fail(c, status, __VA_ARGS__)
bool tni_call_fail(const tni_call *c, tn_status status, const char *format, ...) TN_PRINTF(3, 4) __attribute__((cold));
#define TNI_REQUIRE(c, condition, status, ...)                                                                                     \
    do {                                                                                                                           \
        if (TNI_UNLIKELY(!(condition))) return tni_call_fail(c, status, __VA_ARGS__);                                              \
    } while (0)

/* For vjp. */
tn_tensor *tni_saved(tni_vjp *g, uint32_t which); /* TNI_IN(i) or TNI_OUT(i); NULL with an error if it was changed in place since */
bool tni_needs(const tni_vjp *g, size_t input);
const int64_t *tni_input_sizes(const tni_vjp *g, size_t input, size_t *ndim); /* of any input that needs a gradient */
tn_dtype tni_input_dtype(const tni_vjp *g, size_t input);
size_t tni_input_count(const tni_vjp *g);
tn_tensor *tni_zeros_like_input(const tni_vjp *g, size_t input);
/* dx[i] = value; for use as the last line: returns value != NULL */
#define TNI_DX(g, i, value)                                                                                                        \
    do {                                                                                                                           \
        if (tni_needs(g, i) && !((g)->dx[i] = (value))) return false;                                                              \
    } while (0)

/* The common dtype of the inputs, with torch's rule for numbers and 0-d tensors. */
tn_dtype tni_result_type(tn_tensor *const *in, size_t n);
tn_dtype tni_result_type_with(tn_dtype dtype, const tni_value *numbers,
                              size_t n); /* of a tensor with dims and of Scalars, perhaps None */

/* A run that is made of other operators, of which nothing is recorded; its temporaries end with it. */
bool tni_run_apart(tni_call *c, bool (*run)(tni_call *c));
/* op->run, and whether there is a result. */
bool tni_call_run(tni_call *c);
/* op->run for a row with .widen (core/widen.c). */
bool tni_run_widened(tni_call *c);
bool tni_needs_widening(const tni_call *c);
#endif
