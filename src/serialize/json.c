/* serialize/json.c - a strict pull parser for JSON. */
#include "serialize/json.h"
#include <string.h>

#define DEEPEST 64

bool tni_json_fail(tni_json *j, const char *problem) {
    if (!j->problem) j->problem = problem;
    return false;
}

char tni_json_peek(tni_json *j) {
    while (j->at < j->length) {
        char c = j->text[j->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
        j->at++;
    }
    return 0;
}

bool tni_json_take(tni_json *j, char c, const char *problem) {
    if (tni_json_peek(j) == c && j->at < j->length) {
        j->at++;
        return true;
    }
    return tni_json_fail(j, j->at < j->length ? problem : "the text ends too early");
}

bool tni_json_more(tni_json *j, char closing, bool *first) {
    if (j->problem) return false;
    if (tni_json_peek(j) == closing) {
        j->at++;
        return false;
    }
    bool was_first = *first;
    *first = false;
    return was_first || tni_json_take(j, ',', closing == '}' ? "',' or '}' expected" : "',' or ']' expected");
}

static bool hex4(tni_json *j, uint32_t *out) {
    uint32_t value = 0;
    if (j->length - j->at < 4) return tni_json_fail(j, "the text ends too early");
    for (int k = 0; k < 4; k++) {
        char c = j->text[j->at + (size_t)k];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15) return tni_json_fail(j, "\\u needs four hexadecimal digits");
        value = value << 4 | digit;
    }
    j->at += 4;
    *out = value;
    return true;
}

static bool unicode_escape(tni_json *j, uint32_t *out) { /* behind the u of \u */
    uint32_t high, low;
    if (!hex4(j, &high)) return false;
    *out = high;
    if (high < 0xD800 || high > 0xDFFF) return true;
    if (high > 0xDBFF || j->length - j->at < 2 || j->text[j->at] != '\\' || j->text[j->at + 1] != 'u') {
        return tni_json_fail(j, "half of a surrogate pair");
    }
    j->at += 2;
    if (!hex4(j, &low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return tni_json_fail(j, "half of a surrogate pair");
    *out = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static size_t encode_utf8(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t k = more; k > 0; k--, c >>= 6) out[k] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[more] | c);
    return more + 1;
}

static bool escape(tni_json *j, char out[4], size_t *n) { /* behind the backslash */
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (j->at >= j->length) return tni_json_fail(j, "the text ends too early");
    char c = j->text[j->at++];
    if (c == 'u') {
        uint32_t code;
        if (!unicode_escape(j, &code)) return false;
        *n = encode_utf8(code, out);
        return true;
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) return tni_json_fail(j, "an escape that JSON does not have");
    out[0] = to[found - from];
    *n = 1;
    return true;
}

bool tni_json_string(tni_json *j, char *out, size_t room, size_t *length) {
    size_t at = 0;
    if (!tni_json_take(j, '"', "a string expected")) return false;
    while (j->at < j->length) {
        char c = j->text[j->at++], piece[4] = {c, 0, 0, 0};
        size_t n = 1;
        if (c == '"') {
            *length = at;
            return true;
        }
        if ((unsigned char)c < 0x20) return tni_json_fail(j, "a control character in a string");
        if (c == '\\' && !escape(j, piece, &n)) return false;
        for (size_t k = 0; k < n; k++, at++) {
            if (out && at < room) out[at] = piece[k];
        }
    }
    return tni_json_fail(j, "the text ends too early");
}

bool tni_json_uint(tni_json *j, uint64_t *out) {
    uint64_t value = 0;
    char c = tni_json_peek(j);
    if (c < '0' || c > '9') return tni_json_fail(j, "a number of 0 or above expected");
    size_t start = j->at;
    for (; j->at < j->length && (c = j->text[j->at], c >= '0' && c <= '9'); j->at++) {
        if (j->at == start + 1 && j->text[start] == '0') return tni_json_fail(j, "a number begins with 0");
        if (!TNI_MUL(value, (uint64_t)10, &value) || !TNI_ADD(value, (uint64_t)(c - '0'), &value)) {
            return tni_json_fail(j, "a number above 2^64 - 1");
        }
    }
    if (j->at < j->length && (c == '.' || c == 'e' || c == 'E')) return tni_json_fail(j, "a whole number expected");
    *out = value;
    return true;
}

static bool digits(tni_json *j) {
    size_t start = j->at;
    while (j->at < j->length && j->text[j->at] >= '0' && j->text[j->at] <= '9') j->at++;
    return j->at > start || tni_json_fail(j, "a digit expected");
}

static bool at_one_of(const tni_json *j, char a, char b) {
    return j->at < j->length && (j->text[j->at] == a || j->text[j->at] == b);
}

static bool skip_number(tni_json *j) {
    if (at_one_of(j, '-', '-')) j->at++;
    if (at_one_of(j, '0', '0')) {
        j->at++;
    } else if (!digits(j)) {
        return false;
    }
    if (at_one_of(j, '.', '.')) {
        j->at++;
        if (!digits(j)) return false;
    }
    if (at_one_of(j, 'e', 'E')) {
        j->at++;
        if (at_one_of(j, '+', '-')) j->at++;
        if (!digits(j)) return false;
    }
    return true;
}

static bool skip_scalar(tni_json *j) {
    static const char *const words[] = {"true", "false", "null"};
    size_t length;
    char c = tni_json_peek(j);
    if (c == '"') return tni_json_string(j, NULL, 0, &length);
    if (c == '-' || (c >= '0' && c <= '9')) return skip_number(j);
    for (size_t k = 0; k < TNI_COUNT(words); k++) {
        size_t n = strlen(words[k]);
        if (j->length - j->at >= n && memcmp(j->text + j->at, words[k], n) == 0) {
            j->at += n;
            return true;
        }
    }
    return tni_json_fail(j, j->at < j->length ? "a value expected" : "the text ends too early");
}

static bool skip_key(tni_json *j) {
    size_t length;
    return tni_json_string(j, NULL, 0, &length) && tni_json_take(j, ':', "':' expected");
}

/* The open brackets are the bits of `kinds` (1: an object), the innermost the lowest: depth without recursion. */
bool tni_json_skip(tni_json *j) {
    uint64_t kinds = 0;
    int depth = 0;
    for (;;) {
        char c = tni_json_peek(j);
        bool opened = c == '{' || c == '[';
        if (opened) {
            if (depth == DEEPEST) return tni_json_fail(j, "values nested more than 64 deep");
            j->at++;
            kinds = kinds << 1 | (c == '{');
            depth++;
        } else if (!skip_scalar(j)) {
            return false;
        }
        bool first = opened;
        while (depth > 0 && !tni_json_more(j, kinds & 1 ? '}' : ']', &first)) {
            if (j->problem) return false;
            first = false;
            kinds >>= 1;
            depth--;
        }
        if (depth == 0) return true;
        if ((kinds & 1) && !skip_key(j)) return false;
    }
}

bool tni_json_end(tni_json *j) {
    (void)tni_json_peek(j);
    return j->at == j->length || tni_json_fail(j, "something follows behind the end");
}

void tni_json_quote(tni_str *out, const char *text) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    tni_str_add_n(out, "\"", 1);
    const char *start = text;
    for (;; text++) {
        unsigned char c = (unsigned char)*text;
        const char *found = c ? strchr(from, c) : NULL;
        if (c >= 0x20 && !found) continue;
        tni_str_add_n(out, start, (size_t)(text - start));
        if (c == 0) break;
        if (found)
            tni_str_addf(out, "\\%c", to[found - from]);
        else
            tni_str_addf(out, "\\u%04x", c);
        start = text + 1;
    }
    tni_str_add_n(out, "\"", 1);
}
