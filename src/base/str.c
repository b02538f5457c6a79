/* base/str.c - a growing text; numbers and UTF-8. */
#include "base/str.h"
#include "base/memory.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL. */
static bool reserve(tni_str *s, size_t more) {
    size_t need;
    if (s->failed) return false;
    if (!TNI_ADD(s->length, more, &need) || !TNI_ADD(need, (size_t)1, &need)) need = SIZE_MAX;
    if (need > s->capacity && !tni_reserve(&s->text, &s->capacity, need, 1)) s->failed = true;
    return !s->failed;
}

void tni_str_add_n(tni_str *s, const char *text, size_t n) {
    if (!reserve(s, n)) return;
    if (n > 0) memcpy(s->text + s->length, text, n);
    s->length += n;
    s->text[s->length] = '\0';
}

void tni_str_add(tni_str *s, const char *text) { tni_str_add_n(s, text, strlen(text)); }

void tni_str_addf(tni_str *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !reserve(s, (size_t)n)) return;
    va_start(args, format);
    vsnprintf(s->text + s->length, (size_t)n + 1, format, args);
    va_end(args);
    s->length += (size_t)n;
}

void tni_str_clear(tni_str *s) {
    tni_free(s->text, s->capacity);
    *s = (tni_str){0};
}

const char *tni_number_text(char text[32], double value) {
    if (isnan(value)) return "nan";
    if (isinf(value)) return value > 0 ? "inf" : "-inf";
    int digits = 1;
    while (digits < 17 && (snprintf(text, 32, "%.*e", digits - 1, value), strtod(text, NULL) != value)) digits++;
    snprintf(text, 32, "%.*e", digits - 1, value);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 16)
        snprintf(text, 32, "%.*g", digits, value);
    else
        snprintf(text, 32, "%.*f", TNI_MAX(digits - 1 - exponent, 1), value);
    for (char *c = text; *c; c++)
        if (*c == ',') *c = '.'; /* another locale's point */
    return text;
}

size_t tni_utf8_valid(const void *text, size_t length) {
    const unsigned char *s = text;
    size_t i = 0;
    while (i < length) {
        unsigned char c = s[i];
        if (c < 0x80) {
            i++;
            continue;
        }
        size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || length - i <= more) return i;
        unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
        if (s[i + 1] < low || s[i + 1] > high) return i;
        for (size_t k = 2; k <= more; k++) {
            if ((s[i + k] & 0xC0) != 0x80) return i;
        }
        i += more + 1;
    }
    return length;
}
