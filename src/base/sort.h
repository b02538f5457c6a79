/* base/sort.h - sorting without recursion and without memory. */
#ifndef TNI_SORT_H
#define TNI_SORT_H
#include "base/base.h"

/* < 0, 0, > 0: how thing number a stands to thing number b. */
typedef int tni_compare(const void *context, size_t a, size_t b);
/* order[0..n) becomes the numbers 0 .. n - 1, sorted by what they stand for. */
void tni_sort(size_t *order, size_t n, tni_compare *compare, const void *context);
#endif
