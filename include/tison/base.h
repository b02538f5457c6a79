/* tison/base.h - what every other header stands on: export macros, dtypes, error codes and the error latch. */
#ifndef TISON_BASE_H
#define TISON_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TN_BEGIN_DECLS extern "C" {
#define TN_END_DECLS }
#define TN_DEFAULT(value) = value /* a default argument, in C++ only */
#else
#define TN_BEGIN_DECLS
#define TN_END_DECLS
#define TN_DEFAULT(value)
#endif
#if defined(__GNUC__)
#define TN_API __attribute__((visibility("default")))
#define TN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TN_API
#define TN_PRINTF(text, first)
#endif

#define TN_VERSION_MAJOR 0
#define TN_VERSION_MINOR 1
#define TN_VERSION_PATCH 0
#define TN_VERSION_NUMBER (TN_VERSION_MAJOR * 10000 + TN_VERSION_MINOR * 100 + TN_VERSION_PATCH)

/** "no value" for an int64_t that has no natural one: an absent dim, a default stride. */
#define TN_NONE INT64_MIN

TN_BEGIN_DECLS

/** Element types. The numbers are PyTorch's ScalarType numbers and never change. A name that this version cannot compute with
 *  is refused with TN_ERR_NOT_IMPLEMENTED by whoever meets it. */
typedef enum tn_dtype {
    TN_DTYPE_NONE = -1, /* "no dtype given" */
    TN_UINT8 = 0,
    TN_INT8 = 1,
    TN_INT16 = 2,
    TN_INT32 = 3,
    TN_INT64 = 4,
    TN_FLOAT16 = 5,
    TN_FLOAT32 = 6,
    TN_FLOAT64 = 7,
    TN_COMPLEX32 = 8,
    TN_COMPLEX64 = 9,
    TN_COMPLEX128 = 10,
    TN_BOOL = 11,
    TN_QINT8 = 12,
    TN_QUINT8 = 13,
    TN_QINT32 = 14,
    TN_BFLOAT16 = 15,
    TN_FLOAT8_E5M2 = 23,
    TN_FLOAT8_E4M3FN = 24,
    TN_FLOAT8_E5M2FNUZ = 25,
    TN_FLOAT8_E4M3FNUZ = 26,
    TN_UINT16 = 27,
    TN_UINT32 = 28,
    TN_UINT64 = 29
} tn_dtype;

/** How elements lie in memory, for the calls that take .memory_format. */
typedef enum tn_memory_format {
    TN_MEMORY_FORMAT_NONE = 0, /* not given */
    TN_CONTIGUOUS_FORMAT = 1,  /* row by row */
    TN_PRESERVE_FORMAT = 2,    /* the input's strides where it is dense, else row by row */
    TN_CHANNELS_LAST = 3,      /* (N, C, H, W) as if it were (N, H, W, C) */
    TN_CHANNELS_LAST_3D = 4,   /* (N, C, D, H, W) as if it were (N, D, H, W, C) */
} tn_memory_format;

/* The one list of error codes: name, number, the Python exception class that torch raises in its place, what it says. */
#define TN_STATUS_LIST(X)                                                                                                          \
    X(TN_OK, 0, "", "no error")                                                                                                    \
    X(TN_ERR_RUNTIME, 1, "RuntimeError", "the operation cannot be done")                                                           \
    X(TN_ERR_SHAPE, 2, "RuntimeError", "shapes do not fit")                                                                        \
    X(TN_ERR_DTYPE, 3, "RuntimeError", "a dtype does not fit")                                                                     \
    X(TN_ERR_TYPE, 4, "TypeError", "an argument of the wrong kind")                                                                \
    X(TN_ERR_VALUE, 5, "ValueError", "an argument of the wrong value")                                                             \
    X(TN_ERR_INDEX, 6, "IndexError", "an index or a dim out of range")                                                             \
    X(TN_ERR_KEY, 7, "KeyError", "a name that is missing, taken or not allowed")                                                   \
    X(TN_ERR_ATTRIBUTE, 8, "AttributeError", "no such attribute")                                                                  \
    X(TN_ERR_NOT_IMPLEMENTED, 9, "NotImplementedError", "not implemented for these arguments")                                     \
    X(TN_ERR_ASSERTION, 10, "AssertionError", "a condition does not hold")                                                         \
    X(TN_ERR_AUTOGRAD, 11, "RuntimeError", "a rule of autograd is broken")                                                         \
    X(TN_ERR_IO, 12, "OSError", "a file cannot be read or written")                                                                \
    X(TN_ERR_FORMAT, 13, "RuntimeError", "a file or buffer breaks its format")                                                     \
    X(TN_ERR_MEMORY, 14, "MemoryError", "memory is out")                                                                           \
    X(TN_ERR_HANDLE, 15, "RuntimeError", "a handle that is not alive or of another kind")                                          \
    X(TN_ERR_OWNERSHIP, 16, "RuntimeError", "a rule of the object model is broken")                                                \
    X(TN_ERR_CALLBACK, 17, "RuntimeError", "a function of the program's own failed")                                               \
    X(TN_ERR_LINALG, 18, "LinAlgError", "a matrix that is singular or not positive-definite")

typedef enum tn_status {
#define TN_STATUS_ENUM(name, number, exception, text) name = number,
    TN_STATUS_LIST(TN_STATUS_ENUM)
#undef TN_STATUS_ENUM
} tn_status;

/* ---- the error latch: per thread, the first error stays until tn_clear_error() ---- */

/** The thread's error, TN_OK when there is none. */
TN_API tn_status tn_error(void);
/** Its text, "" when there is none. [borrow] until the next error or tn_clear_error of this thread. */
TN_API const char *tn_error_message(void);
TN_API void tn_clear_error(void);
/** Raises an error of the program's own, as a failing forward or callback does. The first one stays. Always returns false. */
TN_API bool tn_raise(tn_status status, const char *format, ...) TN_PRINTF(2, 3);
/** Short name ("TN_ERR_SHAPE") and torch's exception class ("RuntimeError") of a code; never NULL. */
TN_API const char *tn_status_name(tn_status status);
TN_API const char *tn_status_exception(tn_status status);

/** An error set aside: tn_error_take empties the latch (so that clean-up code can call the library), tn_error_put sets it again. */
typedef struct tn_saved_error {
    tn_status status;
    char message[4092];
} tn_saved_error;
TN_API void tn_error_take(tn_saved_error *out);
TN_API void tn_error_put(const tn_saved_error *saved);

/** Called in the failing thread at the moment an error is set, before the failing call returns. One for the process; NULL: none.
 *  `data` is handed through. The function may exit the program; it must not jump out of the call. */
TN_API void tn_set_error_handler(void (*handler)(tn_status status, const char *message, void *data), void *data TN_DEFAULT(NULL));
/** Called with the text of each warning (PyTorch's warnings.warn). One for the process; NULL, the default: warnings are dropped. */
TN_API void tn_set_warning_handler(void (*handler)(const char *message, void *data), void *data TN_DEFAULT(NULL));

/** Version of the library that runs, as TN_VERSION_NUMBER and as "0.1.0". */
TN_API int tn_version(void);
TN_API const char *tn_version_string(void);

TN_END_DECLS
#endif
