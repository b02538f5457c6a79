/* tison/call.h - operators by name: for bindings to other languages, consoles, generated code. */
#ifndef TISON_CALL_H
#define TISON_CALL_H
#include <tison/tensor.h>
TN_BEGIN_DECLS

typedef enum tn_arg_kind {
    TN_ARG_NONE,
    TN_ARG_BOOL,
    TN_ARG_INT,
    TN_ARG_DOUBLE,
    TN_ARG_COMPLEX,
    TN_ARG_STRING,
    TN_ARG_DTYPE,
    TN_ARG_TENSOR,
    TN_ARG_INTS,
    TN_ARG_DOUBLES,
    TN_ARG_TENSORS,
    TN_ARG_GENERATOR
} tn_arg_kind;

/** One argument of a call by name. */
typedef struct tn_arg {
    const char *name; /* NULL: by place */
    int64_t kind;     /* a tn_arg_kind */
    union {
        int64_t i; /* also of TN_ARG_BOOL and TN_ARG_DTYPE */
        double d;
        double complex_[2];
        const char *s;
        tn_tensor *tensor; /* NULL: None */
        const int64_t *ints;
        const double *doubles;
        tn_tensor *const *tensors;
        void *generator;
    } value;
    size_t n; /* of a list */
} tn_arg;

/** Runs an operator by PyTorch's name: "softmax", "sum.dim_IntList", "add_" (in place). Arguments bind as in Python, by place and by
 *  name; of overloads the first one that binds is taken. A number may stand for a tensor, one int for a list of ints.
 *  results  room for *k results; one that is not NULL on entry is written into (out=), with PyTorch's rules on dtype and shape
 *  k        in: room; out: the number of results. Each result belongs to the caller, as after tn_keep: tn_free gives it back.
 *           No scope is opened or used.
 *  returns  TN_OK, or the error's code, which is also the thread's error as after every failed call; TN_ERR_TYPE when nothing binds
 */
TN_API tn_status tn_call(const char *name, const tn_arg *args, size_t n, tn_tensor **results, size_t *k);
/** The documentation of an operator or a public function, and its schemas: help(torch.softmax). NULL for an unknown name, which is no error.
 *  Static text. [borrow] */
TN_API const char *tn_help(const char *name);
/** The names of all operators that tn_call knows, sorted; writes at most `room` of them and returns how many there are. Static text. */
TN_API size_t tn_op_names(const char **names, size_t room);
/** The schema of overload number i of an operator; NULL when there is none. Static text. [borrow] */
TN_API const char *tn_op_schema(const char *name, size_t i);
/** The sample lines of the same overload, ended by NULL: what its tests are made of. NULL when there are none. Static text. [borrow] */
TN_API const char *const *tn_op_samples(const char *name, size_t i);

TN_END_DECLS
#endif
