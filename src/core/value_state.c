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

tn_value *tn_value_from_state(tn_state *state) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("value_from_state", "state", state, TNI_STATE)) return NULL;
    tn_value *dict = tni_value_container(t, TN_VALUE_DICT, TNI_ORDERED_DICT);
    if (!dict) return NULL;
    tni_claim(&dict->object);
    bool right = put_all(t, dict, state) && tni_scope_claim(t, &dict->object);
    tni_release(&dict->object);
    return right ? dict : NULL;
}

static bool set_all(tn_state *s, const tn_value *dict) {
    for (size_t i = 0; i < dict->n; i++) {
        const tni_item *key = &dict->u.at[2 * i], *x = key + 1;
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

tn_state *tn_value_to_state(tn_value *dict) {
    tni_thread *t = tni_self();
    if (!t || tni_failed() || !tni_check_handle("value_to_state", "dict", dict, TNI_VALUE)) return NULL;
    if (dict->kind != TN_VALUE_DICT)
        return (void)tni_fail(TN_ERR_TYPE, "value_to_state: argument 'dict' must be a dict, not a %s",
                              tni_value_kind_name(dict->kind)),
               NULL;
    if (!tni_inner_enter(t)) return NULL;
    tn_state *s = tn_state_new();
    return tni_inner_return(t, s && set_all(s, dict) ? s : NULL);
}
