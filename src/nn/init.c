/* nn/init.c - torch.nn.init: fills a tensor in place, unrecorded, drawing as PyTorch draws. */
#include <math.h>
#include <stdio.h>
#include <tison/nn.h>

#ifdef TN_HEADER
/* All of these return x, or NULL with an error; x may be a parameter. */
typedef enum tn_nn_init_mode { TN_FAN_IN, TN_FAN_OUT } tn_nn_init_mode;
typedef enum tn_nn_init_nonlinearity {
    TN_GAIN_LINEAR, /* of convolutions too */
    TN_GAIN_SIGMOID,
    TN_GAIN_TANH,
    TN_GAIN_RELU,
    TN_GAIN_LEAKY_RELU,
    TN_GAIN_SELU
} tn_nn_init_nonlinearity;
typedef struct tn_nn_init_uniform_opts {
    size_t size;
    double a, b; /* 0, 1 */
} tn_nn_init_uniform_opts;
typedef struct tn_nn_init_normal_opts {
    size_t size;
    double mean, std; /* 0, 1 */
} tn_nn_init_normal_opts;
typedef struct tn_nn_init_trunc_normal_opts {
    size_t size;
    double mean, std; /* 0, 1 */
    double a, b;      /* -2, 2 */
} tn_nn_init_trunc_normal_opts;
typedef struct tn_nn_init_gain_opts {
    size_t size;
    double gain; /* 1 */
} tn_nn_init_gain_opts;
typedef struct tn_nn_init_kaiming_opts {
    size_t size;
    double a;                             /* 0: the slope of a leaky ReLU */
    tn_nn_init_mode mode;                 /* TN_FAN_IN */
    tn_nn_init_nonlinearity nonlinearity; /* TN_GAIN_LEAKY_RELU */
} tn_nn_init_kaiming_opts;
#ifndef __cplusplus
#define TN_NN_INIT(type, defaults, function, ...)                                                                                  \
    TN_WITH(type, defaults, (function)(TN_FIRST(__VA_ARGS__), &tn_o), TN_REST(__VA_ARGS__))
#define tn_nn_init_uniform_(...) TN_NN_INIT(tn_nn_init_uniform_opts, (.b = 1), tn_nn_init_uniform_, __VA_ARGS__, )
#define tn_nn_init_normal_(...) TN_NN_INIT(tn_nn_init_normal_opts, (.std = 1), tn_nn_init_normal_, __VA_ARGS__, )
#define tn_nn_init_trunc_normal_(...)                                                                                              \
    TN_NN_INIT(tn_nn_init_trunc_normal_opts, (.std = 1, .a = -2, .b = 2), tn_nn_init_trunc_normal_, __VA_ARGS__, )
#define tn_nn_init_xavier_uniform_(...) TN_NN_INIT(tn_nn_init_gain_opts, (.gain = 1), tn_nn_init_xavier_uniform_, __VA_ARGS__, )
#define tn_nn_init_xavier_normal_(...) TN_NN_INIT(tn_nn_init_gain_opts, (.gain = 1), tn_nn_init_xavier_normal_, __VA_ARGS__, )
#define tn_nn_init_orthogonal_(...) TN_NN_INIT(tn_nn_init_gain_opts, (.gain = 1), tn_nn_init_orthogonal_, __VA_ARGS__, )
#define tn_nn_init_kaiming_uniform_(...)                                                                                           \
    TN_NN_INIT(tn_nn_init_kaiming_opts, (.nonlinearity = TN_GAIN_LEAKY_RELU), tn_nn_init_kaiming_uniform_, __VA_ARGS__, )
#define tn_nn_init_kaiming_normal_(...)                                                                                            \
    TN_NN_INIT(tn_nn_init_kaiming_opts, (.nonlinearity = TN_GAIN_LEAKY_RELU), tn_nn_init_kaiming_normal_, __VA_ARGS__, )
#endif
#endif

/** The factor that a nonlinearity asks for: torch.nn.init.calculate_gain. param: the slope of a leaky ReLU (torch's default is
 *  0.01), else ignored. NaN with TN_ERR_VALUE for another number. */
TN_API double tn_nn_init_calculate_gain(tn_nn_init_nonlinearity nonlinearity, double param) {
    switch (nonlinearity) {
    case TN_GAIN_LINEAR:
    case TN_GAIN_SIGMOID: return 1;
    case TN_GAIN_TANH: return 5.0 / 3;
    case TN_GAIN_RELU: return sqrt(2);
    case TN_GAIN_LEAKY_RELU: return sqrt(2 / (1 + param * param));
    case TN_GAIN_SELU: return 3.0 / 4;
    }
    return (void)tn_raise(TN_ERR_VALUE, "Unsupported nonlinearity %d", (int)nonlinearity), NAN;
}

static tn_tensor *uniform(tn_tensor *x, double a, double b) {
    TN_NO_GRAD;
    return tn_uniform_(x, a, b);
}

static tn_tensor *normal(tn_tensor *x, double mean, double std) {
    TN_NO_GRAD;
    return tn_normal_(x, mean, std);
}

/** Uniform from a to b: torch.nn.init.uniform_. */
TN_API tn_tensor *(tn_nn_init_uniform_)(tn_tensor *x, const tn_nn_init_uniform_opts *opts) {
    return uniform(x, opts ? opts->a : 0, opts ? opts->b : 1);
}

/** Normal: torch.nn.init.normal_. */
TN_API tn_tensor *(tn_nn_init_normal_)(tn_tensor *x, const tn_nn_init_normal_opts *opts) {
    return normal(x, opts ? opts->mean : 0, opts ? opts->std : 1);
}

/** One value everywhere: torch.nn.init.constant_. */
TN_API tn_tensor *tn_nn_init_constant_(tn_tensor *x, double value) {
    TN_NO_GRAD;
    return tn_fill_(x, value);
}
/** torch.nn.init.ones_ */
TN_API tn_tensor *tn_nn_init_ones_(tn_tensor *x) { return tn_nn_init_constant_(x, 1); }
/** torch.nn.init.zeros_ */
TN_API tn_tensor *tn_nn_init_zeros_(tn_tensor *x) { return tn_nn_init_constant_(x, 0); }

/** The identity, in two dims: torch.nn.init.eye_. */
TN_API tn_tensor *tn_nn_init_eye_(tn_tensor *x) {
    TN_NO_GRAD;
    if (tn_error() || tn_get_dtype(x) == TN_DTYPE_NONE) return NULL;
    if (tn_ndim(x) != 2) return (void)tn_raise(TN_ERR_VALUE, "Only tensors with 2 dimensions are supported"), NULL;
    TN_SCOPE;
    int64_t rows = tn_size(x, 0), cols = tn_size(x, 1), n = rows < cols ? rows : cols;
    if (!tn_zero_(x) || n == 0) return tn_error() ? NULL : x;
    tn_tensor *square = tn_narrow(tn_narrow(x, 0, 0, n), 1, 0, n);
    return tn_copy_(square, tn_eye(n, .device = tn_device(x))) ? x : NULL;
}

/* ---- variances by the number of inputs and outputs ---- */

/* false: nothing is to be drawn, for an error or since there is no element. */
static bool fans(tn_tensor *x, double *in, double *out) {
    if (tn_error() || tn_get_dtype(x) == TN_DTYPE_NONE || tn_numel(x) == 0) return false;
    if (tn_ndim(x) < 2)
        return tn_raise(TN_ERR_VALUE, "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
    double receptive = 1;
    for (int64_t i = 2; i < tn_ndim(x); i++) receptive *= (double)tn_size(x, i);
    *in = (double)tn_size(x, 1) * receptive;
    *out = (double)tn_size(x, 0) * receptive;
    return true;
}
#define WITHOUT_DRAW(x) (tn_error() ? NULL : (x))

static double xavier(double in, double out, const tn_nn_init_gain_opts *opts) {
    return (opts ? opts->gain : 1) * sqrt(2 / (in + out));
}

/** Uniform within gain * sqrt(6 / (fan_in + fan_out)): torch.nn.init.xavier_uniform_. TN_ERR_VALUE for fewer than two dims. */
TN_API tn_tensor *(tn_nn_init_xavier_uniform_)(tn_tensor *x, const tn_nn_init_gain_opts *opts) {
    double in, out;
    if (!fans(x, &in, &out)) return WITHOUT_DRAW(x);
    double bound = sqrt(3) * xavier(in, out, opts);
    return uniform(x, -bound, bound);
}

/** Normal with std gain * sqrt(2 / (fan_in + fan_out)): torch.nn.init.xavier_normal_. TN_ERR_VALUE for fewer than two dims. */
TN_API tn_tensor *(tn_nn_init_xavier_normal_)(tn_tensor *x, const tn_nn_init_gain_opts *opts) {
    double in, out;
    return fans(x, &in, &out) ? normal(x, 0, xavier(in, out, opts)) : WITHOUT_DRAW(x);
}

/* gain / sqrt(fan); 0 when nothing is to be drawn. */
static double kaiming(tn_tensor *x, const tn_nn_init_kaiming_opts *opts) {
    static const tn_nn_init_kaiming_opts usual = {.nonlinearity = TN_GAIN_LEAKY_RELU};
    const tn_nn_init_kaiming_opts *o = opts ? opts : &usual;
    double in, out;
    if (!fans(x, &in, &out)) return 0;
    double gain = tn_nn_init_calculate_gain(o->nonlinearity, o->a);
    return tn_error() ? 0 : gain / sqrt(o->mode == TN_FAN_OUT ? out : in);
}

/** Uniform within gain * sqrt(3 / fan): torch.nn.init.kaiming_uniform_. Errors: TN_ERR_VALUE for fewer than two dims. */
TN_API tn_tensor *(tn_nn_init_kaiming_uniform_)(tn_tensor *x, const tn_nn_init_kaiming_opts *opts) {
    double std = kaiming(x, opts), bound = sqrt(3) * std;
    return std != 0 ? uniform(x, -bound, bound) : WITHOUT_DRAW(x);
}

/** Normal with std gain / sqrt(fan): torch.nn.init.kaiming_normal_. Errors: TN_ERR_VALUE for fewer than two dims. */
TN_API tn_tensor *(tn_nn_init_kaiming_normal_)(tn_tensor *x, const tn_nn_init_kaiming_opts *opts) {
    double std = kaiming(x, opts);
    return std != 0 ? normal(x, 0, std) : WITHOUT_DRAW(x);
}

/* ---- truncated normal ---- */

enum { MAX_ROUNDS = 100000 };

static bool any(tn_tensor *mask) { return tn_item_int(tn_sum(mask, .dtype = TN_INT64)) != 0; }
static tn_tensor *either(tn_tensor *a, tn_tensor *b) { return tn_add(a, b); } /* of bools: or */

/* Whole tensors are drawn again, and taken from where the value was outside. */
static bool redraw_outside(tn_tensor *x, const tn_nn_init_trunc_normal_opts *o) {
    if (!tn_normal_(x, o->mean, o->std)) return false;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        TN_SCOPE;
        tn_tensor *outside = either(tn_lt(x, o->a), tn_gt(x, o->b));
        if (!outside || !any(outside)) return !tn_error();
        if (!tn_copy_(x, tn_where(outside, tn_normal_(tn_empty_like(x), o->mean, o->std), x))) return false;
    }
    return tn_raise(TN_ERR_RUNTIME, "trunc_normal_: no values found between %g and %g", o->a, o->b);
}

/* Where a uniform draw lies above the density at the candidate, relative to the peak. */
static tn_tensor *rejected(tn_tensor *candidate, const tn_nn_init_trunc_normal_opts *o) {
    double mode = fmax(o->a, fmin(o->mean, o->b)), z = (mode - o->mean) / o->std;
    tn_tensor *d = tn_div(tn_sub(candidate, o->mean), o->std);
    tn_tensor *density = tn_sub(tn_mul(tn_mul(d, d), -0.5), -0.5 * (z * z));
    return tn_gt(tn_log(tn_uniform_(tn_empty_like(candidate), 0, 1)), density);
}

static bool reject_from_uniform(tn_tensor *x, const tn_nn_init_trunc_normal_opts *o) {
    TN_SCOPE;
    if (!tn_uniform_(x, o->a, o->b)) return false;
    tn_tensor *pending = tn_clone(rejected(x, o));
    for (int round = 0; round < MAX_ROUNDS; round++) {
        TN_SCOPE;
        if (!pending || !any(pending)) return !tn_error();
        tn_tensor *candidate = tn_uniform_(tn_empty_like(x), o->a, o->b);
        if (!tn_copy_(x, tn_where(pending, candidate, x))) return false;
        if (!tn_copy_(pending, tn_where(pending, rejected(candidate, o), pending))) return false;
    }
    return tn_raise(TN_ERR_RUNTIME, "trunc_normal_: no values found between %g and %g", o->a, o->b);
}

static double below(double x) { return (1 + erf(x / sqrt(2))) / 2; }

/** Normal, without the values outside [a, b]: torch.nn.init.trunc_normal_. TN_ERR_VALUE unless a < b and std > 0. After
 *  TN_ERR_RUNTIME, for an interval too far from the mean, x holds other draws. */
TN_API tn_tensor *(tn_nn_init_trunc_normal_)(tn_tensor *x, const tn_nn_init_trunc_normal_opts *opts) {
    static const tn_nn_init_trunc_normal_opts usual = {.std = 1, .a = -2, .b = 2};
    const tn_nn_init_trunc_normal_opts *o = opts ? opts : &usual;
    TN_NO_GRAD;
    if (tn_error() || tn_get_dtype(x) == TN_DTYPE_NONE) return NULL;
    if (!(o->a < o->b && o->std > 0 && isfinite(o->mean)))
        return (void)tn_raise(TN_ERR_VALUE, "expected a < b and std > 0, got a=%g, b=%g, std=%g", o->a, o->b, o->std), NULL;
    if (tn_is_meta(x)) return tn_normal_(x, o->mean, o->std); /* nothing is drawn */
    double p = below((o->b - o->mean) / o->std) - below((o->a - o->mean) / o->std);
    return (p > 0.3 ? redraw_outside(x, o) : reject_from_uniform(x, o)) ? x : NULL;
}

/* ---- orthogonal ---- */

/** A matrix with orthonormal rows or columns, times gain; dims after the first count as one: torch.nn.init.orthogonal_. Computed
 *  in double. TN_ERR_VALUE for fewer than two dims. */
TN_API tn_tensor *(tn_nn_init_orthogonal_)(tn_tensor *x, const tn_nn_init_gain_opts *opts) {
    TN_NO_GRAD;
    TN_SCOPE;
    if (tn_error() || tn_get_dtype(x) == TN_DTYPE_NONE) return NULL;
    if (tn_ndim(x) < 2) return (void)tn_raise(TN_ERR_VALUE, "Only tensors with 2 or more dimensions are supported"), NULL;
    if (tn_numel(x) == 0) return x;
    int64_t rows = tn_size(x, 0), cols = tn_numel(x) / rows;
    bool wide = rows < cols;
    tn_tensor *drawn = tn_empty((rows, cols), .dtype = tn_get_dtype(x), .device = tn_device(x)), *q, *r;
    drawn = tn_to(tn_normal_(drawn, 0, 1), TN_FLOAT64);
    if (!tn_linalg_qr(wide ? tn_t(drawn) : drawn, NULL, &q, &r)) return NULL;
    q = tn_mul(q, tn_mul(tn_sign(tn_diagonal(r)), opts ? opts->gain : 1.0)); /* makes it uniform among such matrices */
    return tn_copy_(x, (tn_reshape)(wide ? tn_t(q) : q, tn_sizes(x), (size_t)tn_ndim(x))) ? x : NULL;
}
