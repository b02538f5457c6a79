/* ops/creation_rows.c - the functions that make tensors, by name: rows for tn_call. */
#include "core/op.h"
#include <tison/ops.h>

#define OPTS(dtype_) (&(tn_opts){.size = sizeof(tn_opts), .dtype = (dtype_)})
/* A row's function: `call` sees the tensors as `in` and the arguments as `arg`. */
#define FRONT(name, call)                                                                                                          \
    static tn_tensor *name(tn_tensor *const *in, size_t n, const tni_value *arg) {                                                 \
        (void)in;                                                                                                                  \
        (void)n;                                                                                                                   \
        return call;                                                                                                               \
    }

/* ---- from shapes ---- */

FRONT(empty_front, (tn_empty)(arg[0].ints.v, arg[0].ints.n, OPTS(arg[1].dtype)))
FRONT(zeros_front, (tn_zeros)(arg[0].ints.v, arg[0].ints.n, OPTS(arg[1].dtype)))
FRONT(ones_front, (tn_ones)(arg[0].ints.v, arg[0].ints.n, OPTS(arg[1].dtype)))
FRONT(full_front, (tn_full)(arg[0].ints.v, arg[0].ints.n, arg[1].scalar, OPTS(arg[2].dtype)))
FRONT(scalar_tensor_front, (tn_scalar_tensor)(arg[0].scalar, OPTS(arg[1].dtype)))
FRONT(rand_front, (tn_rand)(arg[0].ints.v, arg[0].ints.n, OPTS(arg[1].dtype)))
FRONT(randn_front, (tn_randn)(arg[0].ints.v, arg[0].ints.n, OPTS(arg[1].dtype)))
FRONT(randint_front, (tn_randint)(0, arg[0].i, arg[1].ints.v, arg[1].ints.n, OPTS(arg[2].dtype)))
FRONT(randint_low_front, (tn_randint)(arg[0].i, arg[1].i, arg[2].ints.v, arg[2].ints.n, OPTS(arg[3].dtype)))
FRONT(randperm_front, (tn_randperm)(arg[0].i, OPTS(arg[1].dtype)))

TN_OP(empty, .schema = "empty.memory_format(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", .front = empty_front,
      .composite = true, .ints = 1, .samples = TN_SAMPLES("(0)", "(2,0) int64", "(-1) !shape"));
TN_OP(zeros, .schema = "zeros(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", .front = zeros_front, .composite = true,
      .ints = 1, .samples = TN_SAMPLES("(2,3)", "(2) int64", "() float64", "(0,3) bool", "(-1) !shape"));
TN_OP(ones, .schema = "ones(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", .front = ones_front, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("(2,3)", "(2) int64", "() float64", "(0,3) bool", "(3) bfloat16"));
TN_OP(full, .schema = "full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor", .front = full_front,
      .composite = true, .ints = 1, .scalars = 2,
      .samples = TN_SAMPLES("(2,3) 1.5", "(2) 3", "() 7 float64", "(2) -1 int32", "(2) 300 uint8 !runtime"));
TN_OP(scalar_tensor, .schema = "scalar_tensor(Scalar s, *, ScalarType? dtype=None) -> Tensor", .front = scalar_tensor_front,
      .composite = true, .scalars = 1, .samples = TN_SAMPLES("1.5", "3", "7 int64", "300 uint8 !runtime"));
TN_OP(rand, .schema = "rand(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", .front = rand_front, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("(2,3) random", "(20) float64 random", "() random", "(2) int64 !not_implemented"));
TN_OP(randn, .schema = "randn(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", .front = randn_front, .composite = true,
      .ints = 1, .samples = TN_SAMPLES("(2,3) random", "(20) float64 random", "() random", "(2) int64 !not_implemented"));
TN_OP(randint, .schema = "randint(SymInt high, SymInt[] size, *, ScalarType? dtype=4) -> Tensor", .front = randint_front,
      .composite = true, .ints = 2, .samples = TN_SAMPLES("10 (2,3) random", "5 (4) float32 random", "0 (2) !runtime"));
TN_OP(randint_low, .schema = "randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=4) -> Tensor",
      .front = randint_low_front, .composite = true, .ints = 4,
      .samples = TN_SAMPLES("-3 10 (2,3) random", "2 5 (4) int32 random", "3 3 (2) !runtime"));
TN_OP(randperm, .schema = "randperm(SymInt n, *, ScalarType? dtype=4) -> Tensor", .front = randperm_front, .composite = true,
      .samples = TN_SAMPLES("10 random", "5 float32 random", "0", "-1 !runtime"));

/* ---- ranges ---- */

FRONT(arange_front, (tn_arange)(tn_scalar_int(0), arg[0].scalar, tn_scalar_int(1), OPTS(arg[1].dtype)))
FRONT(arange_start_front, (tn_arange)(arg[0].scalar, arg[1].scalar, tn_scalar_int(1), OPTS(arg[2].dtype)))
FRONT(arange_step_front, (tn_arange)(arg[0].scalar, arg[1].scalar, arg[2].scalar, OPTS(arg[3].dtype)))
FRONT(linspace_front, (tn_linspace)(arg[0].d, arg[1].d, arg[2].i, OPTS(arg[3].dtype)))

static tn_tensor *eye(int64_t n, int64_t m, tn_dtype dtype) {
    return (tn_eye)(n, &(tn_eye_opts){.size = sizeof(tn_eye_opts), .m = m, .dtype = dtype});
}
FRONT(eye_front, eye(arg[0].i, TN_NONE, arg[1].dtype))
FRONT(eye_m_front, eye(arg[0].i, arg[1].i, arg[2].dtype))

TN_OP(arange, .schema = "arange(Scalar end, *, ScalarType? dtype=None) -> Tensor", .front = arange_front, .composite = true,
      .scalars = 1, .samples = TN_SAMPLES("5", "4.5", "3 float64", "0", "-1 !runtime"));
TN_OP(arange_start, .schema = "arange.start(Scalar start, Scalar end, *, ScalarType? dtype=None) -> Tensor",
      .front = arange_start_front, .composite = true, .scalars = 3,
      .samples = TN_SAMPLES("2 5", "0.5 3", "2 5 int32", "3 1 !runtime"));
TN_OP(arange_step, .schema = "arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) -> Tensor",
      .front = arange_step_front, .composite = true, .scalars = 7,
      .samples = TN_SAMPLES("2 9 3", "1 0 -0.25", "0 5 2 float16", "0 5 0 !runtime"));
TN_OP(linspace, .schema = "linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None) -> Tensor",
      .front = linspace_front, .composite = true,
      .samples = TN_SAMPLES("0 1 5", "-1 2 4 float64", "0 10 3 int64", "1 2 0", "1 2 1", "0 1 -1 !runtime"));
TN_OP(eye, .schema = "eye(SymInt n, *, ScalarType? dtype=None) -> Tensor", .front = eye_front, .composite = true,
      .samples = TN_SAMPLES("3", "2 int64", "0", "-1 !runtime"));
TN_OP(eye_m, .schema = "eye.m(SymInt n, SymInt m, *, ScalarType? dtype=None) -> Tensor", .front = eye_m_front, .composite = true,
      .samples = TN_SAMPLES("2 3", "3 2 bool"));

/* ---- like another tensor: its shape, dtype and memory order ---- */

/* With a dtype of the caller's, the other tensor is seen in that. */
static tn_tensor *like(tn_tensor *x, tn_dtype dtype) { return dtype == TN_DTYPE_NONE ? x : tn_to(tn_detach(x), dtype); }

FRONT(empty_like_front, tn_empty_like(like(in[0], arg[0].dtype)))
FRONT(zeros_like_front, tn_zeros_like(like(in[0], arg[0].dtype)))
FRONT(ones_like_front, tn_ones_like(like(in[0], arg[0].dtype)))
FRONT(full_like_front, (tn_full_like)(like(in[0], arg[1].dtype), arg[0].scalar, NULL))
FRONT(rand_like_front, tn_rand_like(like(in[0], arg[0].dtype)))
FRONT(randn_like_front, tn_randn_like(like(in[0], arg[0].dtype)))

TN_OP(empty_like, .schema = "empty_like(Tensor self, *, ScalarType? dtype=None) -> Tensor", .front = empty_like_front,
      .composite = true, .samples = TN_SAMPLES("f32[0,3] nograd", "i64[0] float32"));
TN_OP(zeros_like, .schema = "zeros_like(Tensor self, *, ScalarType? dtype=None) -> Tensor", .front = zeros_like_front,
      .composite = true, .samples = TN_SAMPLES("f32[2,3]^T nograd", "i64[3] float64", "f32[] int64 nograd"));
TN_OP(ones_like, .schema = "ones_like(Tensor self, *, ScalarType? dtype=None) -> Tensor", .front = ones_like_front,
      .composite = true, .samples = TN_SAMPLES("f32[2,3]^T nograd", "i64[3] float64", "bool[2]"));
TN_OP(full_like, .schema = "full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor",
      .front = full_like_front, .composite = true, .scalars = 1,
      .samples = TN_SAMPLES("f32[2,3]^T 1.5 nograd", "i64[3] 2.5 float64", "u8[2] 300 !runtime"));
TN_OP(rand_like, .schema = "rand_like(Tensor self, *, ScalarType? dtype=None) -> Tensor", .front = rand_like_front,
      .composite = true, .samples = TN_SAMPLES("f32[2,3] random", "i64[3] float64 random", "i64[2] !not_implemented"));
TN_OP(randn_like, .schema = "randn_like(Tensor self, *, ScalarType? dtype=None) -> Tensor", .front = randn_like_front,
      .composite = true, .samples = TN_SAMPLES("f32[2,3] random", "i64[3] float64 random", "i64[2] !not_implemented"));
