/* core/list.c - lists of objects, perhaps with names. */
#include "core/list.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/text.h"
#include <string.h>

static void destroy_list(tni_object *o) {
    tn_tensors *list = (tn_tensors *)o;
    for (size_t i = 0; i < list->n; i++)
        if (list->item[i].value) tni_release(list->item[i].value);
    tni_free(list->item, list->capacity * sizeof *list->item);
    tni_free(list->names, list->names_bytes);
}

static void list_text(tni_object *o, tni_str *out) {
    tn_tensors *list = (tn_tensors *)o;
    tni_str_add(out, "[");
    for (size_t i = 0; i < list->n; i++) {
        if (i) tni_str_add(out, ", ");
        tni_object_text(list->item[i].value, out);
    }
    tni_str_add(out, "]");
}

static const tni_kind_info list_kind = {"list", sizeof(tn_tensors), destroy_list, list_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_LIST, &list_kind); }

tn_tensors *tni_list_from_walk(tni_thread *t, tni_walk *w) {
    tn_tensors *list = tni_object_new(t, TNI_LIST, sizeof *list);
    if (!list) {
        tni_walk_clear(w);
        return NULL;
    }
    list->item = w->item;
    list->n = w->n;
    list->capacity = w->capacity;
    list->names = w->names;
    list->names_bytes = w->names_capacity;
    *w = (tni_walk){0};
    for (size_t i = 0; i < list->n; i++) tni_claim(list->item[i].value);
    return tni_give(t, list);
}

tn_tensors *tn_tensors_new(tn_tensor *const *items, size_t n) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    for (size_t i = 0; i < n; i++) TNI_CHECK_TENSOR("tensors_new", items[i]);
    tni_walk w = {0};
    if (n && !tni_reserve(&w.item, &w.capacity, n, sizeof *w.item)) return NULL;
    for (size_t i = 0; i < n; i++) w.item[w.n++] = (tni_found){NULL, &items[i]->object, NULL, 0};
    return tni_list_from_walk(t, &w);
}

size_t tn_tensors_count(tn_tensors *list) { return tni_check_handle("tensors_count", "list", list, TNI_LIST) ? list->n : 0; }

tn_tensor *tn_tensors_get(tn_tensors *list, size_t i) {
    tni_thread *t = tni_self();
    if (!t || !tni_check_handle("tensors_get", "list", list, TNI_LIST)) return NULL;
    if (i >= list->n)
        return (void)tni_fail(TN_ERR_INDEX, "tensors_get: index %zu is out of range for a list of %zu", i, list->n), NULL;
    tni_object *o = list->item[i].value;
    return o->tag == TNI_TENSOR && tni_scope_claim(t, o) ? (tn_tensor *)o : NULL;
}

const char *tn_tensors_name(tn_tensors *list, size_t i) {
    if (!tni_check_handle("tensors_name", "list", list, TNI_LIST)) return "";
    return i < list->n && list->item[i].name ? list->item[i].name : "";
}
