/* tensor/device.h - where a tensor's elements are: in memory, nowhere at all, or among indices. */
#ifndef TNI_DEVICE_H
#define TNI_DEVICE_H
#include "base/base.h"

/* A meta tensor has a shape, strides and a dtype, and no memory: torch's device "meta". A sparse one is on the CPU, too, but has no
 * elements to be reached by strides: core/sparse.h. What reads elements asks for TNI_CPU. */
enum { TNI_CPU = 0, TNI_META = 1, TNI_SPARSE = 2 };

const char *tni_device_name(int8_t device);
/* "cpu", "meta", "cpu:0"; NULL is `other`. false with torch's error. */
bool tni_device_parse(const char *text, int8_t other, int8_t *device);
/* Values of a meta tensor are asked for, or of a tensor that is no TNI_CPU; false. */
bool tni_refuse_no_data(void);
bool tni_refuse_values(int8_t device);
#endif
