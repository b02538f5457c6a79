/* serialize/npy.h - the head of a .npy file: dtype, shape, order. Knows no tensor. */
#ifndef TNI_NPY_H
#define TNI_NPY_H
#include "base/str.h"
#include "tensor/array.h"

enum { TNI_NPY_FIRST = 12, TNI_NPY_LONGEST = 1 << 20 }; /* bytes: what tells the head's length; the most that a head may have */

typedef struct tni_npy {
    tn_dtype dtype;
    bool swapped; /* big-endian: the bytes of each number are to be reversed */
    bool fortran; /* the first index moves fastest */
    size_t ndim;
    int64_t sizes[TNI_MAX_DIMS];
    size_t at, bytes; /* of the elements, up to the end of the file */
} tni_npy;

/* The length of the head, from the first 12 bytes (fewer when the file has fewer) of a file of file_bytes. */
bool tni_npy_head_length(const void *first, size_t file_bytes, size_t *length);
/* Checks the head and that the file holds just the elements. TN_ERR_FORMAT, TN_ERR_NOT_IMPLEMENTED for a dtype that there is not here. */
bool tni_npy_parse(const void *head, size_t length, size_t file_bytes, tni_npy *out);
/* Adds the head of a row-major array, byte for byte as numpy.save writes it. TN_ERR_DTYPE for a dtype that NumPy lacks. */
bool tni_npy_head(tni_str *out, tn_dtype dtype, const int64_t *sizes, size_t ndim);
#endif
