/* serialize/reader.h - the formats that files of tensors may have. */
#ifndef TNI_READER_H
#define TNI_READER_H
#include "core/state.h"
#include "serialize/contents.h"

typedef enum tni_format { TNI_NO_FORMAT, TNI_SAFETENSORS, TNI_NPY, TNI_NPZ, TNI_PT, TNI_IDX, TNI_CSV } tni_format;
tni_format tni_format_of_name(const char *path);
#endif
