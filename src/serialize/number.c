/* serialize/number.c - numbers in text, whatever the locale. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* strtod_l */
#endif
#include "serialize/number.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool tni_parse_int(const char *text, size_t n, int64_t *out) {
    bool negative = n > 0 && text[0] == '-';
    size_t i = n > 0 && (text[0] == '-' || text[0] == '+');
    int64_t value = 0;
    if (i == n) return false;
    for (; i < n; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9) return false;
        if (!TNI_MUL(value, (int64_t)10, &value) || !TNI_ADD(value, (int64_t)(negative ? -digit : digit), &value)) return false;
    }
    *out = value;
    return true;
}

static locale_t c_locale;
static void make_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

static bool parse_slowly(const char *text, size_t n, double *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char *end;
    (void)pthread_once(&once, make_locale);
    *out = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
    return end == text + n;
}

static bool parse_word(const char *text, size_t n, double *out) {
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", (double)NAN}, {"inf", (double)INFINITY}, {"infinity", (double)INFINITY}};
    bool sign = n > 0 && (text[0] == '-' || text[0] == '+');
    for (size_t k = 0; k < TNI_COUNT(words); k++) {
        if (strlen(words[k].word) != n - sign || strncasecmp(text + sign, words[k].word, n - sign) != 0) continue;
        *out = sign && text[0] == '-' ? -words[k].value : words[k].value;
        return true;
    }
    return false;
}

/* At most 15 digits and a power of ten up to 22: both are exact, and one division or product is rounded correctly. */
bool tni_parse_double(const char *text, size_t n, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = n > 0 && (text[0] == '-' || text[0] == '+'), start = i;
    uint64_t whole = 0;
    int digits = 0, behind = 0;
    bool point = false;
    for (; i < n && ((text[i] >= '0' && text[i] <= '9') || (text[i] == '.' && !point)); i++) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        if (digits < 19) whole = whole * 10 + (uint64_t)(text[i] - '0');
        digits += digits > 0 || text[i] != '0';
        behind += point;
    }
    if (i == start || (point && i == start + 1)) return parse_word(text, n, out);
    if (i < n || digits > 15 || behind > 22) {
        if (i < n && text[i] != 'e' && text[i] != 'E') return false; /* strtod takes more than numbers */
        return parse_slowly(text, n, out);
    }
    double value = (double)whole / powers[behind];
    *out = text[0] == '-' ? -value : value;
    return true;
}
