/* serialize/number.h - numbers in text, whatever the locale. */
#ifndef TNI_NUMBER_H
#define TNI_NUMBER_H
#include "base/base.h"

/* All of text[0..n) as a number, correctly rounded: digits with a point and an exponent, "inf", "infinity", "nan" in any case, a sign.
 * text[n] must not be a digit or letter. */
bool tni_parse_double(const char *text, size_t n, double *out);
bool tni_parse_int(const char *text, size_t n, int64_t *out); /* all of it as a whole number that fits */
#endif
