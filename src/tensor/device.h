/* tensor/device.h - where a tensor's memory is: on the CPU, or nowhere at all. */
#ifndef TNI_DEVICE_H
#define TNI_DEVICE_H
#include "base/base.h"

/* A meta tensor has a shape, strides and a dtype, and no memory: torch's device "meta". */
enum { TNI_CPU = 0, TNI_META = 1 };

const char *tni_device_name(int8_t device);
/* "cpu", "meta", "cpu:0"; NULL is `other`. false with torch's error. */
bool tni_device_parse(const char *text, int8_t other, int8_t *device);
/* Values of a meta tensor are asked for; false. */
bool tni_refuse_no_data(void);
#endif
