/* tison/tensor.h - tensors, the claims that keep objects alive, scopes, reading values, printing. */
#ifndef TISON_TENSOR_H
#define TISON_TENSOR_H
#include <stdio.h>
#include <stdlib.h>
#include <tison/base.h>
#include <tison/keywords.h>
#include <tison/memory.h>
TN_BEGIN_DECLS

/* ---- objects: opaque handles ---- */
typedef struct tn_tensor tn_tensor;
typedef struct tn_tensors tn_tensors; /* a list of tensors, perhaps with names */
typedef struct tn_state tn_state;     /* names and tensors in order: a state_dict */
typedef struct tn_hook tn_hook;       /* a registered hook */

/* ---- claims (docs/object-model.md). [scope] in a comment: the innermost scope claims the result; [borrow]: somebody else does;
 *      [keep]: the callee claims the argument; [NULL ok]: NULL may be given and means None ---- */

/** Adds a claim of one's own to an object of any kind. [NULL ok]. Returns x. */
TN_API void *tn_keep(void *x);
/** Takes one claim of one's own back: a tn_keep's, else that of a scope of this thread. true for NULL. Without such a claim:
 *  TN_ERR_OWNERSHIP, and nothing happens. Any thread may call it. */
TN_API bool tn_free(void *x);
/** Gives the scope around the innermost one a claim, for `return`. [NULL ok]. Returns x. */
TN_API void *tn_escape(void *x);
/** Claims a borrowed object for the innermost scope. [NULL ok]. Returns x. */
TN_API void *tn_hold(void *x);
/** Keeps x, frees old, returns x: the function behind tn_assign. When x cannot be kept, old is returned and stays. */
TN_API void *tn_exchange(void *old, void *x);

/** A scope: what is made between enter and exit, and claimed by nothing else, is freed at the exit. Ends on its own thread. */
typedef struct tn_scope {
    uint64_t serial;
} tn_scope;
TN_API tn_scope tn_scope_enter(void);
/** Closes this scope and every later one; one that is closed already is left alone. */
TN_API void tn_scope_exit(tn_scope *scope);
/** Scopes that are open in this thread, not counting the outermost; and closing them down to a depth, for hosts that jump. */
TN_API size_t tn_scope_depth(void);
TN_API void tn_scope_unwind(size_t depth);

/* ---- modes of the calling thread; each *_enter returns what *_exit needs ---- */
TN_API int tn_grad_mode_enter(bool enabled); /* torch.no_grad, torch.enable_grad */
TN_API int tn_inference_mode_enter(void);    /* torch.inference_mode */
TN_API void tn_mode_exit(int *mode);
TN_API bool tn_is_grad_enabled(void);
TN_API bool tn_is_inference_mode_enabled(void);
/** The grad mode that threads start with from now on; true at first. For servers whose threads only infer. */
TN_API void tn_set_default_grad_enabled(bool on);

/* ---- making tensors (more in tison/ops.h) ---- */

/** Keywords of the functions that make tensors. */
struct tn_keywords_only; /* never complete: a value by place here does not compile */
typedef struct tn_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype;     /* TN_DTYPE_NONE: the function's default */
    bool requires_grad; /* false */
    const char *where;  /* static text for messages; the macros say file and line */
    const char *device; /* "cpu" or "meta"; NULL: tn_get_default_device() */
} tn_opts;

/** A tensor over memory of the program's own, row-major. `destroy(data)` is called once when no tensor uses it any more; NULL: never.
 *  torch.from_blob. data may be NULL only when there are no elements. [scope] */
TN_API tn_tensor *tn_from_blob(const int64_t *sizes, size_t ndim, tn_dtype dtype, void *data,
                               void (*destroy)(void *data) TN_DEFAULT(NULL));
/** Numbers that stand where a tensor may; 0-d, and weak in type promotion as Python's are. [scope] */
TN_API tn_tensor *tn_number_int(int64_t value);
TN_API tn_tensor *tn_number_double(double value);
TN_API tn_tensor *tn_number_bool(bool value);
TN_API tn_tensor *tn_number_complex(double real, double imaginary);
static inline tn_tensor *tn_same(tn_tensor *x) { return x; }

/** The default dtype of floating point results: TN_FLOAT32 at first, or TN_FLOAT64. One for the process. */
TN_API tn_dtype tn_get_default_dtype(void);
TN_API bool tn_set_default_dtype(tn_dtype dtype);

/* ---- reading: these work while an error is set ---- */
TN_API int64_t tn_ndim(tn_tensor *x);
TN_API int64_t tn_numel(tn_tensor *x);
TN_API int64_t tn_size(tn_tensor *x, int64_t dim);   /* dim may be negative */
TN_API int64_t tn_stride(tn_tensor *x, int64_t dim); /* in elements */
TN_API const int64_t *tn_sizes(tn_tensor *x);        /* ndim of them [borrow] */
TN_API const int64_t *tn_strides(tn_tensor *x);
TN_API int64_t tn_storage_offset(tn_tensor *x);   /* in elements */
TN_API tn_dtype tn_get_dtype(tn_tensor *x);       /* TN_DTYPE_NONE for a bad handle */
TN_API const char *tn_dtype_name(tn_dtype dtype); /* "float32" */
TN_API size_t tn_element_size(tn_tensor *x);      /* bytes of one element */
TN_API const char *tn_device(tn_tensor *x);       /* "cpu" or "meta" */
/** The keyword of what may choose how its result lies in memory. */
typedef struct tn_memory_format_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    tn_memory_format memory_format; /* TN_MEMORY_FORMAT_NONE: as the function says */
} tn_memory_format_opts;
/** Keywords of what makes a tensor from another one. */
typedef struct tn_to_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    tn_memory_format memory_format; /* TN_MEMORY_FORMAT_NONE: as the function says */
    const char *device;             /* "cpu" or "meta"; NULL: that of the other one */
} tn_to_opts;
/** Do x's elements lie row by row without holes, or just in .memory_format? torch.Tensor.is_contiguous */
TN_API bool(tn_is_contiguous)(tn_tensor *x, const tn_memory_format_opts *opts TN_DEFAULT(NULL));
/** Has x a shape, but no memory? torch.Tensor.is_meta. Operators on such tensors give such tensors, of the right shape, strides and dtype, and
 *  compute nothing; asking for values is TN_ERR_NOT_IMPLEMENTED, mixing them with tensors of the CPU that are not 0-d TN_ERR_RUNTIME. */
TN_API bool tn_is_meta(tn_tensor *x);
/** torch.set_default_device, of this thread: where functions that make tensors, and constructors of layers, make them. "cpu" (or NULL) or
 *  "meta"; TN_ERR_RUNTIME for a text that names no device, TN_ERR_NOT_IMPLEMENTED for the devices that PyTorch has besides. */
TN_API bool tn_set_default_device(const char *device);
TN_API const char *tn_get_default_device(void);
TN_API bool tn_is_parameter(tn_tensor *x);
TN_API bool tn_is_buffer(tn_tensor *x);
TN_API bool tn_is_persistent(tn_tensor *x);       /* of a buffer: is it saved with its module? */
TN_API bool tn_is_inference(tn_tensor *x);        /* was it made in inference mode? */
TN_API uint32_t tn_version_counter(tn_tensor *x); /* raised by each in-place write; torch's _version */

/** Address of element (0, ..., 0); the other elements follow by tn_strides. NULL with TN_ERR_DTYPE when x has another dtype. Writing through
 *  tn_data() is not seen by autograd. [borrow] while x lives. */
TN_API void *tn_data(tn_tensor *x);
TN_API float *tn_data_f32(tn_tensor *x);
TN_API double *tn_data_f64(tn_tensor *x);
TN_API int64_t *tn_data_i64(tn_tensor *x);
TN_API int32_t *tn_data_i32(tn_tensor *x);
TN_API uint8_t *tn_data_u8(tn_tensor *x);
TN_API bool *tn_data_bool(tn_tensor *x);
/** Copies all elements, row-major, in x's dtype. `bytes` must be numel times the element's size. */
TN_API bool tn_copy_to(tn_tensor *x, void *out, size_t bytes);
/** The value of a tensor with one element. NaN (0) on failure. */
TN_API double tn_item(tn_tensor *x);
TN_API int64_t tn_item_int(tn_tensor *x);
/** Both parts of a tensor with one element, 0 for the second of a real one: complex(x.item()). Either may be NULL; NaN on failure. */
TN_API bool tn_item_complex(tn_tensor *x, double *real, double *imaginary);

/** PyTorch's text of a tensor, list, module, state, optimizer. [borrow] until the next call of this thread. "None" for NULL. */
TN_API const char *tn_to_string(const void *x);
/** torch.set_printoptions; -1 leaves a number as it is. sci_mode: -1 automatic, 0, 1. One for the process. */
TN_API void tn_set_printoptions(int precision, int threshold, int edgeitems, int linewidth, int sci_mode);
static inline void tn_print_object(const void *x) {
    fputs(tn_to_string(x), stdout);
    fputc('\n', stdout);
}

/* ---- lists ---- */
TN_API size_t tn_tensors_count(tn_tensors *list);
TN_API tn_tensor *tn_tensors_get(tn_tensors *list, size_t i);         /* [scope] */
TN_API const char *tn_tensors_name(tn_tensors *list, size_t i);       /* "" without names [borrow] */
TN_API tn_tensors *tn_tensors_new(tn_tensor *const *items, size_t n); /* [keep] items; [scope] */

/* ---- threads ---- */
/** The one setting of parallel work: how many threads an operator may use, the caller's included. */
TN_API bool tn_set_num_threads(int n);
TN_API int tn_get_num_threads(void);
/** CPU level, libraries found, compiler; text of a few lines. [borrow] for ever. */
TN_API const char *tn_build_info(void);

/* ---- random numbers: each thread has a generator of its own, PyTorch's mt19937 ---- */
/** Seeds the calling thread's generator: torch.manual_seed. A thread that never seeds starts from the system's randomness. */
TN_API void tn_manual_seed(uint64_t seed);
TN_API uint64_t tn_initial_seed(void);
enum { TN_RNG_STATE_BYTES = 5056 };
TN_API bool tn_get_rng_state(unsigned char *state, size_t bytes); /* torch.get_rng_state: TN_RNG_STATE_BYTES */
TN_API bool tn_set_rng_state(const unsigned char *state, size_t bytes);

TN_END_DECLS

/* An error ends the program: for programs that want no checks. Functions of the program, not of the library, which never exits. */
static inline void tn_exit_handler(tn_status status, const char *message, void *data) {
    (void)data;
    fprintf(stderr, "%s: %s\n", tn_status_exception(status), message);
    exit(status);
}
static inline void tn_exit_on_error(bool on) { tn_set_error_handler(on ? tn_exit_handler : NULL, NULL); }

#ifndef __cplusplus
#define tn_print(x) tn_print_object(x)
/** Until the end of the block. Safe with break, continue, return. */
#define TN_SCOPE __attribute__((cleanup(tn_scope_exit), unused)) tn_scope TN_PASTE(tn_scope_, __LINE__) = tn_scope_enter()
#define TN_NO_GRAD __attribute__((cleanup(tn_mode_exit), unused)) int TN_PASTE(tn_mode_, __LINE__) = tn_grad_mode_enter(false)
#define TN_ENABLE_GRAD __attribute__((cleanup(tn_mode_exit), unused)) int TN_PASTE(tn_mode_, __LINE__) = tn_grad_mode_enter(true)
#define TN_INFERENCE_MODE                                                                                                          \
    __attribute__((cleanup(tn_mode_exit), unused)) int TN_PASTE(tn_mode_, __LINE__) = tn_inference_mode_enter()
/** *slot = x, where the variable keeps what it holds: for every variable, static or struct of one's own that outlives a scope. */
#define tn_assign(slot, x)                                                                                                         \
    __extension__({                                                                                                                \
        TN_QUIET __auto_type tn_slot = (slot);                                                                                     \
        *tn_slot = tn_exchange(*tn_slot, (x));                                                                                     \
        TN_UNQUIET(void) 0;                                                                                                        \
    })
/* A function (x, opts) with the keyword memory_format. */
#define TN_FORMATTED(function, ...)                                                                                                \
    TN_WITH(tn_memory_format_opts, (.memory_format = TN_MEMORY_FORMAT_NONE), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o),           \
            TN_REST(__VA_ARGS__, ))
#define tn_is_contiguous(...) TN_FORMATTED(tn_is_contiguous, __VA_ARGS__)
#define tn_from_blob(shape, dtype, data, destroy) (tn_from_blob)(TN_DIMS(shape), dtype, data, destroy)
/* A function (x, opts) with the keywords memory_format and device. */
#define TN_LIKE(function, ...)                                                                                                     \
    TN_WITH(tn_to_opts, (.memory_format = TN_MEMORY_FORMAT_NONE), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o),                      \
            TN_REST(__VA_ARGS__, ))
/* A function (shape, opts): by tuple and keywords. */
#define TN_MAKE(function, ...)                                                                                                     \
    TN_WITH(tn_opts, (.dtype = TN_DTYPE_NONE, .where = TN_HERE), (function)(TN_DIMS(TN_FIRST(__VA_ARGS__)), &tn_o),                \
            TN_REST(__VA_ARGS__))
#endif
#endif
