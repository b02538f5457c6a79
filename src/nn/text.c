/* nn/text.c - numbers, tuples and sizes as Python prints them, for extra_repr and messages. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same number. */
int tni_layer_number(char *out, size_t room, double value) {
    char text[40];
    int digits = 1, exponent;
    if (isnan(value)) return snprintf(out, room, "None");
    if (isinf(value)) return snprintf(out, room, value < 0 ? "-inf" : "inf");
    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value) break;
    }
    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 16) return snprintf(out, room, "%s", text);
    int decimals = digits - 1 - exponent;
    return snprintf(out, room, "%.*f", decimals > 1 ? decimals : 1, value);
}

const char *tni_size_text(tni_text *out, const int64_t *sizes, size_t n) {
    int at = snprintf(out->text, sizeof out->text, "torch.Size([");
    for (size_t d = 0; d < n && (size_t)at < sizeof out->text; d++)
        at += snprintf(out->text + at, sizeof out->text - (size_t)at, "%s%lld", d ? ", " : "", (long long)sizes[d]);
    if ((size_t)at < sizeof out->text) snprintf(out->text + at, sizeof out->text - (size_t)at, "])");
    return out->text;
}

int tni_layer_tuple(char *out, size_t room, const int64_t *values, size_t n) {
    int at = snprintf(out, room, "(");
    for (size_t i = 0; i < n && (size_t)at < room; i++)
        at += snprintf(out + at, room - (size_t)at, "%s%lld", i ? ", " : "", (long long)values[i]);
    if ((size_t)at < room) at += snprintf(out + at, room - (size_t)at, n == 1 ? ",)" : ")");
    return at;
}
