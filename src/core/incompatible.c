/* core/incompatible.c - what a load found missing, unexpected or of another shape. */
#include "base/error.h"
#include "base/memory.h"
#include "core/state_dict.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clear(tni_texts *l) {
    for (size_t i = 0; i < l->n; i++) tni_free(l->item[i], strlen(l->item[i]) + 1);
    tni_free(l->item, l->capacity * sizeof *l->item);
    *l = (tni_texts){0};
}

static void destroy(tni_object *o) {
    tn_incompatible *k = (tn_incompatible *)o;
    for (size_t i = 0; i < TNI_COUNT(k->list); i++) clear(&k->list[i]);
}

/* As Python's repr of a list of strings. */
static void add_list(tni_str *out, const tni_texts *l) {
    for (size_t i = 0; i < l->n; i++) {
        const char *text = l->item[i];
        char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
        tni_str_addf(out, "%s%c", i ? ", " : "", quote);
        for (; *text; text++) tni_str_addf(out, *text == quote || *text == '\\' ? "\\%c" : "%c", *text);
        tni_str_addf(out, "%c", quote);
    }
}

static void add_quoted(tni_str *out, const tni_texts *l) {
    for (size_t i = 0; i < l->n; i++) tni_str_addf(out, "%s\"%s\"", i ? ", " : "", l->item[i]);
}

static void text(tni_object *o, tni_str *out) {
    const tn_incompatible *k = (const tn_incompatible *)o;
    if (!k->list[TN_MISSING_KEYS].n && !k->list[TN_UNEXPECTED_KEYS].n) {
        tni_str_add(out, "<All keys matched successfully>");
        return;
    }
    tni_str_add(out, "_IncompatibleKeys(missing_keys=[");
    add_list(out, &k->list[TN_MISSING_KEYS]);
    tni_str_add(out, "], unexpected_keys=[");
    add_list(out, &k->list[TN_UNEXPECTED_KEYS]);
    tni_str_add(out, "])");
}

static const tni_kind_info kind_info = {"list of incompatible keys", sizeof(tn_incompatible), destroy, text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_INCOMPATIBLE, &kind_info); }

tn_incompatible *tni_incompatible_new(tni_thread *t) {
    return tni_give(t, tni_object_new(t, TNI_INCOMPATIBLE, sizeof(tn_incompatible)));
}

static tni_texts *list_of(const char *who, tn_incompatible *k, tn_incompatible_kind kind) {
    if (!tni_check_handle(who, "keys", k, TNI_INCOMPATIBLE)) return NULL;
    if ((unsigned)kind > TN_LOAD_ERRORS) return (void)tni_fail(TN_ERR_VALUE, "%s: no kind %d", who, (int)kind), NULL;
    return &k->list[kind];
}

bool tni_incompatible_addf(tn_incompatible *k, tn_incompatible_kind kind, const char *format, ...) {
    tni_texts *l = &k->list[kind];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *line = n >= 0 && tni_reserve(&l->item, &l->capacity, l->n + 1, sizeof *l->item) ? tni_alloc((size_t)n + 1) : NULL;
    if (!line) return false;
    va_start(args, format);
    vsnprintf(line, (size_t)n + 1, format, args);
    va_end(args);
    l->item[l->n++] = line;
    return true;
}

bool tni_incompatible_judge(const tn_incompatible *k, const tni_module *m, bool strict) {
    const tni_texts *missing = &k->list[TN_MISSING_KEYS], *unexpected = &k->list[TN_UNEXPECTED_KEYS],
                    *errors = &k->list[TN_LOAD_ERRORS];
    if (!errors->n && (!strict || (!missing->n && !unexpected->n))) return true;
    tni_str s = {0};
    tni_str_addf(&s, "Error(s) in loading state_dict for %s:", tni_module_printed(m));
    if (strict && missing->n) {
        tni_str_add(&s, "\n\tMissing key(s) in state_dict: ");
        add_quoted(&s, missing);
        tni_str_add(&s, ". ");
    }
    if (strict && unexpected->n) {
        tni_str_add(&s, "\n\tUnexpected key(s) in state_dict: ");
        add_quoted(&s, unexpected);
        tni_str_add(&s, ". ");
    }
    for (size_t i = 0; i < errors->n; i++) tni_str_addf(&s, "\n\t%s", errors->item[i]);
    if (!s.failed) tni_fail(TN_ERR_RUNTIME, "%s", s.text);
    tni_str_clear(&s);
    return false;
}

/* ---- the public face ---- */

size_t tn_incompatible_count(tn_incompatible *keys, tn_incompatible_kind kind) {
    const tni_texts *l = list_of("incompatible_count", keys, kind);
    return l ? l->n : 0;
}

const char *tn_incompatible_get(tn_incompatible *keys, tn_incompatible_kind kind, size_t i) {
    const tni_texts *l = list_of("incompatible_get", keys, kind);
    return l && i < l->n ? l->item[i] : "";
}

bool tn_incompatible_add(tn_incompatible *keys, tn_incompatible_kind kind, const char *line) {
    if (tni_failed() || !list_of("incompatible_add", keys, kind)) return false;
    TNI_CHECK(line != NULL, TN_ERR_TYPE, "incompatible_add: argument 'text' is NULL");
    return tni_incompatible_addf(keys, kind, "%s", line);
}

bool tn_incompatible_clear(tn_incompatible *keys, tn_incompatible_kind kind) {
    tni_texts *l = tni_failed() ? NULL : list_of("incompatible_clear", keys, kind);
    if (l) clear(l);
    return l != NULL;
}
