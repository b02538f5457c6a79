/* core/value_state.c - between states and nested values. */
#include "base/error.h"
#include "core/state.h"
#include "core/value.h"
#include <string.h>

static bool put_all(tni_thread *t, tn_value *dict, const tn_state *s) {
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->item[i].name;
        size_t n = strlen(name);
        bool replaced;
        TNI_CHECK(tni_utf8_valid(name, n) == n, TN_ERR_VALUE, "value_from_state: name %zu is not UTF-8", i);
        tn_value *key = tni_value_text(t, TN_VALUE_STRING, name, n);
        if (!key) return false;
        tni_claim(&key->object);
        bool right = tni_value_put(dict, TNI_ITEM_OBJECT(TN_VALUE_STRING, key), TNI_ITEM_OBJECT(TN_VALUE_TENSOR, s->item[i].value),
                                   &replaced);
        tni_release(&key->object);
        TNI_TRY(right);
    }
    return true;
}

/* {"version": n, group: {key: n}}. */
static tn_value *entry_of(const tni_path_version *v) {
    tn_value *entry = tn_value_dict(), *group = NULL;
    bool right = entry && (v->version == 0 || tn_value_set(entry, "version", v->version));
    for (size_t i = 0; i < v->notes && right; i++) {
        const tni_note *n = &v->note[i];
        bool same = i > 0 && strcmp(v->note[i - 1].group, n->group) == 0;
        if (!same) right = (group = tn_value_dict()) != NULL && tn_value_set(entry, n->group, group);
        right = right && tn_value_set(group, n->key, n->value);
    }
    return right ? entry : NULL;
}

/* PyTorch's _metadata: OrderedDict of path -> entry, an attribute of the dict. */
static bool set_versions(tn_value *dict, tn_state *s) {
    tni_thread *t = tni_self();
    tn_value *attributes = tn_value_dict(), *paths = tni_give(t, tni_value_container(t, TN_VALUE_DICT, TNI_ORDERED_DICT));
    bool right = attributes && paths;
    for (size_t i = 0; i < s->versions && right; i++) {
        tn_value *entry = entry_of(&s->version[i]);
        right = entry && tn_value_set(paths, s->version[i].path, entry);
    }
    return right && tn_value_set(attributes, "_metadata", paths) && tn_value_set_attributes(dict, attributes);
}

tn_value *tn_value_from_state(tn_state *state) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("value_from_state", "state", state, TNI_STATE)) return NULL;
    if (!tni_inner_enter(t)) return NULL;
    tn_value *dict = tni_give(t, tni_value_container(t, TN_VALUE_DICT, TNI_ORDERED_DICT));
    bool right = dict && put_all(t, dict, state) && (state->versions == 0 || set_versions(dict, state));
    return tni_inner_return(t, right ? dict : NULL);
}

static bool set_all(tn_state *s, const tn_value *dict) {
    for (size_t i = 0; i < dict->n; i++) {
        const tni_held *key = &dict->u.at[2 * i], *x = key + 1;
        TNI_CHECK(key->kind == TN_VALUE_STRING, TN_ERR_TYPE, "value_to_state: key %zu is no text but the int %lld", i,
                  (long long)key->u.i);
        const tn_value *name = tni_item_value(key);
        TNI_CHECK(strlen(name->u.text) == name->n, TN_ERR_VALUE, "value_to_state: there is a NUL in key %zu", i);
        TNI_CHECK(x->kind == TN_VALUE_TENSOR, TN_ERR_TYPE, "value_to_state: '%.400s' is no tensor but a %s", name->u.text,
                  tni_value_kind_name(x->kind));
        TNI_TRY(tn_state_set(s, name->u.text, (tn_tensor *)x->u.o));
    }
    return true;
}

/* The numbers of one group beside a version. */
static bool take_notes(tn_state *s, const char *path, const tn_value *group, const tn_value *notes) {
    for (size_t i = 0; i < notes->n; i++) {
        const tni_held *key = &notes->u.at[2 * i], *x = key + 1;
        if (key->kind == TN_VALUE_STRING && x->kind == TN_VALUE_INT)
            TNI_TRY(tn_state_set_local_metadata(s, path, group->u.text, tni_item_value(key)->u.text, x->u.i));
    }
    return true;
}

static bool take_entry(tn_state *s, const char *path, const tn_value *entry) {
    const tni_held *version = tni_value_find(entry, "version", 7);
    if (version && version->kind == TN_VALUE_INT) TNI_TRY(tn_state_set_version(s, path, version->u.i));
    for (size_t i = 0; i < entry->n; i++) {
        const tni_held *group = &entry->u.at[2 * i], *x = group + 1;
        if (group->kind == TN_VALUE_STRING && x->kind == TN_VALUE_DICT)
            TNI_TRY(take_notes(s, path, tni_item_value(group), tni_item_value(x)));
    }
    return true;
}

/* What of _metadata is a number; the rest is nothing that a state has. */
static bool take_versions(tn_state *s, const tn_value *dict) {
    const tni_held *x = dict->attributes ? tni_value_find(dict->attributes, "_metadata", 9) : NULL;
    if (!x || x->kind != TN_VALUE_DICT) return true;
    const tn_value *paths = tni_item_value(x);
    for (size_t i = 0; i < paths->n; i++) {
        const tni_held *path = &paths->u.at[2 * i], *entry = path + 1;
        if (path->kind != TN_VALUE_STRING || entry->kind != TN_VALUE_DICT) continue;
        TNI_TRY(take_entry(s, tni_item_value(path)->u.text, tni_item_value(entry)));
    }
    return true;
}

tn_state *tn_value_to_state(tn_value *dict) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("value_to_state", "dict", dict, TNI_VALUE)) return NULL;
    if (dict->kind != TN_VALUE_DICT)
        return (void)tni_fail(TN_ERR_TYPE, "value_to_state: argument 'dict' must be a dict, not a %s",
                              tni_value_kind_name(dict->kind)),
               NULL;
    if (!tni_inner_enter(t)) return NULL;
    tn_state *s = tn_state_new();
    return tni_inner_return(t, s && set_all(s, dict) && take_versions(s, dict) ? s : NULL);
}
