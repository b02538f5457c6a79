/* nn/items.c - the members of a container as an array that can be changed and put back as a whole. */
#include "nn/items.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

static bool is_item(const tn_member *member, bool modules) { return (member->kind == TN_MEMBER_MODULE) == modules; }

static bool reserve(tni_items *l, size_t room) {
    l->room = room;
    l->name = tni_alloc(room * sizeof *l->name);
    l->value = tni_alloc(room * sizeof *l->value);
    l->number = tni_alloc(room * sizeof *l->number);
    return l->name && l->value && l->number;
}

static void give_back(tni_items *l) {
    if (l->name) tni_free(l->name, l->room * sizeof *l->name);
    if (l->value) tni_free(l->value, l->room * sizeof *l->value);
    if (l->number) tni_free(l->number, l->room * sizeof *l->number);
    *l = (tni_items){0};
}

/* Those of the kind come after the others. */
static bool collect(tni_items *l, tn_module *m, bool modules, size_t first, size_t n) {
    for (int items = 0; items <= 1; items++)
        for (size_t i = first; i < n; i++) {
            tn_member member;
            if (!(tn_module_member)(m, i, &member)) return false;
            if (is_item(&member, modules) != (items == 1)) continue;
            l->name[l->others + l->n] = member.name;
            l->value[l->others + l->n] = member.value;
            if (items)
                l->n++;
            else
                l->others++;
        }
    return true;
}

/* Fields of the class are not touched: what members a struct has besides them comes first. */
bool tni_items_take(tni_items *l, tn_module *m, bool modules, size_t more) {
    *l = (tni_items){0};
    const tn_class *class_ = tn_module_class(m);
    size_t n = class_ ? (tn_module_members)(m) : 0, fields = class_ ? class_->nfields : 0;
    if (class_ && reserve(l, n + more + 1) && collect(l, m, modules, fields, n)) return true;
    give_back(l);
    return false;
}

static const char *write_number(tni_items *l, size_t i, size_t number) {
    snprintf(l->number[i], sizeof *l->number, "%zu", number);
    return l->number[i];
}

void tni_items_insert(tni_items *l, size_t at, const char *name, void *value) {
    size_t i = l->others + at, tail = l->n - at;
    memmove(&l->name[i + 1], &l->name[i], tail * sizeof *l->name);
    memmove(&l->value[i + 1], &l->value[i], tail * sizeof *l->value);
    l->name[i] = name ? name : write_number(l, l->others + l->n, l->n);
    l->value[i] = value;
    l->n++;
}

void tni_items_put(tni_items *l, const char *name, void *value) {
    const char *key = name ? name : write_number(l, l->others + l->n, l->n);
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->name[l->others + i], key) == 0) {
            l->value[l->others + i] = value;
            return;
        }
    tni_items_insert(l, l->n, name, value);
}

void tni_items_remove(tni_items *l, size_t at) {
    size_t i = l->others + at, tail = l->n - at - 1;
    memmove(&l->name[i], &l->name[i + 1], tail * sizeof *l->name);
    memmove(&l->value[i], &l->value[i + 1], tail * sizeof *l->value);
    l->n--;
}

void tni_items_number(tni_items *l) {
    for (size_t i = 0; i < l->n; i++) l->name[l->others + i] = write_number(l, l->others + i, i);
}

bool tni_items_end(tni_items *l, tn_module *m, bool right) {
    right = right && (tn_module_set_members)(m, l->name, l->value, l->others + l->n);
    give_back(l);
    return right;
}

size_t tni_items_count(tn_module *m, bool modules) {
    TN_SCOPE;
    const tn_class *class_ = tn_module_class(m);
    size_t count = 0;
    for (size_t i = class_ ? class_->nfields : 0, n = class_ ? (tn_module_members)(m) : 0; i < n; i++) {
        tn_member member;
        count += (tn_module_member)(m, i, &member) && is_item(&member, modules);
    }
    return count;
}

const char *tni_items_at(tn_module *m, bool modules, int64_t i, void **value) {
    const tn_class *class_ = tn_module_class(m);
    int64_t count = class_ ? (int64_t)tni_items_count(m, modules) : 0, at = i < 0 ? i + count : i;
    *value = NULL;
    if (!class_) return NULL;
    if (at < 0 || at >= count) return (void)tn_raise(TN_ERR_INDEX, "index %lld is out of range", (long long)i), NULL;
    tn_member member;
    for (size_t k = class_->nfields;; k++) {
        {
            TN_SCOPE;
            if (!(tn_module_member)(m, k, &member)) return NULL;
        }
        if (!is_item(&member, modules) || at-- > 0) continue;
        *value = tn_hold(member.value);
        return member.name;
    }
}

size_t tni_slice_range(int64_t n, int64_t start, int64_t stop, int64_t step, int64_t *first) {
    bool down = step < 0;
    int64_t low = down ? -1 : 0, high = down ? n - 1 : n;
    if (start == TN_NONE)
        start = down ? high : low;
    else if (start < 0)
        start = start + n < low ? low : start + n;
    else
        start = start > high ? high : start;
    if (stop == TN_NONE)
        stop = down ? low : high;
    else if (stop < 0)
        stop = stop + n < low ? low : stop + n;
    else
        stop = stop > high ? high : stop;
    *first = start;
    if (down) return start > stop ? (size_t)((start - stop - 1) / -step + 1) : 0;
    return start < stop ? (size_t)((stop - start - 1) / step + 1) : 0;
}
