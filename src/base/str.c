/* base/str.c - a growing text. */
#include "base/str.h"
#include "base/memory.h"
#include <stdarg.h>
#include <stdio.h>
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
