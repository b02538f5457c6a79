/* data/digits_data.h - the handwritten digits that the library carries. */
#ifndef TNI_DIGITS_DATA_H
#define TNI_DIGITS_DATA_H
#include "base/base.h"

#define TNI_DIGITS_COUNT 1797 /* images */
#define TNI_DIGITS_PIXELS 64  /* 8 x 8, row by row, each 0, 1, ... 16 */

/* Images first .. first + count - 1, in the order of scikit-learn's load_digits(): count x 64 pixels and count labels 0..9. Either
 * pointer may be NULL. The caller checks that 0 <= first, 0 <= count, first + count <= TNI_DIGITS_COUNT. Reads from the start of
 * the text each time (below 1 ms): decode once, not once an image. */
void tni_digits_decode(int64_t first, int64_t count, float *pixels, int64_t *labels);
#endif
