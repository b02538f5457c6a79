/* core/state.c - states: names and tensors in order, with metadata. */
#include "core/state_dict.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/text.h"
#include <string.h>

static void free_text(char *text) {
    if (text) tni_free(text, strlen(text) + 1);
}

static void clear_notes(tni_path_version *v) {
    for (size_t i = 0; i < v->notes; i++) free_text(v->note[i].group), free_text(v->note[i].key);
    tni_free(v->note, v->note_capacity * sizeof *v->note);
    v->note = NULL;
    v->notes = v->note_capacity = 0;
}

static void destroy_state(tni_object *o) {
    tn_state *s = (tn_state *)o;
    for (size_t i = 0; i < s->n; i++) {
        free_text(s->item[i].name);
        tni_release(s->item[i].value);
    }
    for (size_t i = 0; i < s->pairs; i++) free_text(s->metadata[i].key), free_text(s->metadata[i].value);
    for (size_t i = 0; i < s->versions; i++) free_text(s->version[i].path), clear_notes(&s->version[i]);
    tni_free(s->version, s->version_capacity * sizeof *s->version);
    tni_free(s->item, s->capacity * sizeof *s->item);
    tni_free(s->metadata, s->pair_capacity * sizeof *s->metadata);
    if (s->index) tni_free(s->index, (s->mask + 1) * sizeof *s->index);
}

/* As Python prints an OrderedDict of tensors. */
static void state_text(tni_object *o, tni_str *out) {
    tn_state *s = (tn_state *)o;
    tni_str_add(out, s->n ? "OrderedDict([" : "OrderedDict(");
    for (size_t i = 0; i < s->n; i++) {
        tni_str_addf(out, "%s('%s', ", i ? ", " : "", s->item[i].name);
        tni_object_text(s->item[i].value, out);
        tni_str_add(out, ")");
    }
    tni_str_add(out, s->n ? "])" : ")");
}

static const tni_kind_info state_kind = {"state", sizeof(tn_state), destroy_state, state_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_STATE, &state_kind); }

static size_t hash(const char *text) {
    size_t h = 1469598103934665603u;
    while (*text) h = (h ^ (unsigned char)*text++) * 1099511628211u;
    return h;
}

static int64_t find(const tn_state *s, const char *name) {
    if (!s->index) return -1;
    for (size_t at = hash(name) & s->mask; s->index[at]; at = (at + 1) & s->mask)
        if (strcmp(s->item[s->index[at] - 1].name, name) == 0) return (int64_t)s->index[at] - 1;
    return -1;
}

static bool grow_index(tn_state *s) {
    size_t mask = s->index ? s->mask * 2 + 1 : 31;
    uint32_t *index = tni_alloc_zero((mask + 1) * sizeof *index);
    if (!index) return false;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = hash(s->item[i].name) & mask;
        while (index[at]) at = (at + 1) & mask;
        index[at] = (uint32_t)i + 1;
    }
    if (s->index) tni_free(s->index, (s->mask + 1) * sizeof *index);
    s->index = index;
    s->mask = mask;
    return true;
}

tn_tensor *tni_state_find(const tn_state *s, const char *name) {
    int64_t i = find(s, name);
    return i < 0 ? NULL : (tn_tensor *)s->item[i].value;
}

tn_state *tn_state_new(void) {
    tni_thread *t = tni_self();
    return !t || tni_failed() ? NULL : tni_give(t, tni_object_new(t, TNI_STATE, sizeof(tn_state)));
}

#define CHECK_STATE(who, s, other)                                                                                                 \
    do {                                                                                                                           \
        if (!tni_check_handle(who, "state", s, TNI_STATE)) return other;                                                           \
    } while (0)

bool tn_state_set(tn_state *s, const char *name, tn_tensor *value) {
    if (tni_failed()) return false;
    CHECK_STATE("state_set", s, false);
    TNI_CHECK(name != NULL, TN_ERR_TYPE, "state_set: argument 'name' is NULL");
    TNI_TRY(tni_check_handle("state_set", "value", value, TNI_TENSOR));
    int64_t i = find(s, name);
    if (i >= 0) {
        tni_object *old = s->item[i].value;
        tni_claim(&value->object);
        s->item[i].value = &value->object;
        tni_release(old);
        return true;
    }
    TNI_TRY(tni_reserve(&s->item, &s->capacity, s->n + 1, sizeof *s->item));
    if (!s->index || (s->n + 1) * 2 > s->mask) TNI_TRY(grow_index(s));
    char *copy = tni_strdup(name);
    if (!copy) return false;
    tni_claim(&value->object);
    s->item[s->n++] = (tni_found){.name = copy, .value = &value->object};
    size_t at = hash(name) & s->mask;
    while (s->index[at]) at = (at + 1) & s->mask;
    s->index[at] = (uint32_t)s->n;
    return true;
}

/* The index is made anew: the items behind the one that goes have moved. */
bool tn_state_delete(tn_state *s, const char *name) {
    if (tni_failed()) return false;
    CHECK_STATE("state_delete", s, false);
    int64_t i = name ? find(s, name) : -1;
    TNI_CHECK(i >= 0, TN_ERR_KEY, "state_delete: there is no '%s'", name ? name : "(null)");
    free_text(s->item[i].name);
    tni_release(s->item[i].value);
    memmove(&s->item[i], &s->item[i + 1], (--s->n - (size_t)i) * sizeof *s->item);
    memset(s->index, 0, (s->mask + 1) * sizeof *s->index);
    for (size_t k = 0; k < s->n; k++) {
        size_t at = hash(s->item[k].name) & s->mask;
        while (s->index[at]) at = (at + 1) & s->mask;
        s->index[at] = (uint32_t)k + 1;
    }
    return true;
}

static tn_tensor *hand_out(tn_tensor *x) {
    tni_thread *t = tni_self();
    return t && tni_scope_claim(t, &x->object) ? x : NULL;
}

tn_tensor *tn_state_get(tn_state *s, const char *name) {
    CHECK_STATE("state_get", s, NULL);
    tn_tensor *x = name ? tni_state_find(s, name) : NULL;
    if (!x) return (void)tni_fail(TN_ERR_KEY, "state_get: there is no '%s'", name ? name : "(null)"), NULL;
    return hand_out(x);
}
bool tn_state_has(tn_state *s, const char *name) {
    CHECK_STATE("state_has", s, false);
    return name && tni_state_find(s, name);
}
size_t tn_state_count(tn_state *s) {
    CHECK_STATE("state_count", s, 0);
    return s->n;
}
const char *tn_state_name(tn_state *s, size_t i) {
    CHECK_STATE("state_name", s, "");
    return i < s->n ? s->item[i].name : "";
}
tn_tensor *tn_state_at(tn_state *s, size_t i) {
    CHECK_STATE("state_at", s, NULL);
    if (i >= s->n) return (void)tni_fail(TN_ERR_INDEX, "state_at: index %zu is out of range for a state of %zu", i, s->n), NULL;
    return hand_out((tn_tensor *)s->item[i].value);
}

bool tn_state_set_metadata(tn_state *s, const char *key, const char *value) {
    if (tni_failed()) return false;
    CHECK_STATE("state_set_metadata", s, false);
    TNI_CHECK(key && value, TN_ERR_TYPE, "state_set_metadata: argument '%s' is NULL", key ? "value" : "key");
    char *copy = tni_strdup(value);
    if (!copy) return false;
    for (size_t i = 0; i < s->pairs; i++)
        if (strcmp(s->metadata[i].key, key) == 0) {
            free_text(s->metadata[i].value);
            s->metadata[i].value = copy;
            return true;
        }
    char *name = tni_reserve(&s->metadata, &s->pair_capacity, s->pairs + 1, sizeof *s->metadata) ? tni_strdup(key) : NULL;
    if (!name) {
        free_text(copy);
        return false;
    }
    s->metadata[s->pairs++] = (tni_pair){name, copy};
    return true;
}

const char *tn_state_metadata(tn_state *s, const char *key) {
    CHECK_STATE("state_metadata", s, NULL);
    for (size_t i = 0; key && i < s->pairs; i++)
        if (strcmp(s->metadata[i].key, key) == 0) return s->metadata[i].value;
    return NULL;
}

/* ---- versions ---- */

static tni_path_version *find_version(const tn_state *s, const char *path) {
    for (size_t i = s->versions; path && i-- > 0;)
        if (strcmp(s->version[i].path, path) == 0) return &s->version[i];
    return NULL;
}

bool tni_state_add_version(tn_state *s, const char *path, int64_t version) {
    TNI_TRY(tni_reserve(&s->version, &s->version_capacity, s->versions + 1, sizeof *s->version));
    char *copy = tni_strdup(path);
    if (copy) s->version[s->versions++] = (tni_path_version){.path = copy, .version = version};
    return copy != NULL;
}

bool tni_state_renew_version(tn_state *s, const char *path, int64_t version) {
    tni_path_version *v = find_version(s, path);
    if (v) clear_notes(v);
    return tn_state_set_version(s, path, version);
}

bool tn_state_set_version(tn_state *s, const char *path, int64_t version) {
    if (tni_failed()) return false;
    CHECK_STATE("state_set_version", s, false);
    TNI_CHECK(path != NULL, TN_ERR_TYPE, "state_set_version: argument 'path' is NULL");
    tni_path_version *v = find_version(s, path);
    if (!v) return tni_state_add_version(s, path, version);
    v->version = version;
    return true;
}

int64_t tn_state_version(tn_state *s, const char *path) {
    CHECK_STATE("state_version", s, 0);
    const tni_path_version *v = find_version(s, path);
    return v ? v->version : 0;
}

size_t tn_state_version_count(tn_state *s) {
    CHECK_STATE("state_version_count", s, 0);
    return s->versions;
}

const char *tn_state_version_path(tn_state *s, size_t i) {
    CHECK_STATE("state_version_path", s, "");
    return i < s->versions ? s->version[i].path : "";
}

/* ---- notes beside a version ---- */

static const tni_note *find_note(const tni_path_version *v, const char *group, const char *key) {
    for (size_t i = 0; v && group && key && i < v->notes; i++)
        if (strcmp(v->note[i].group, group) == 0 && strcmp(v->note[i].key, key) == 0) return &v->note[i];
    return NULL;
}

/* Behind the last of its group. */
static bool add_note(tni_path_version *v, const char *group, const char *key, int64_t value) {
    TNI_TRY(tni_reserve(&v->note, &v->note_capacity, v->notes + 1, sizeof *v->note));
    tni_note n = {tni_strdup(group), tni_strdup(key), value};
    if (!n.group || !n.key) {
        free_text(n.group), free_text(n.key);
        return false;
    }
    size_t at = v->notes;
    while (at > 0 && strcmp(v->note[at - 1].group, group) != 0) at--;
    if (at == 0) at = v->notes;
    memmove(&v->note[at + 1], &v->note[at], (v->notes++ - at) * sizeof n);
    v->note[at] = n;
    return true;
}

bool tn_state_set_local_metadata(tn_state *s, const char *path, const char *group, const char *key, int64_t value) {
    if (tni_failed()) return false;
    CHECK_STATE("state_set_local_metadata", s, false);
    TNI_CHECK(path && group && key, TN_ERR_TYPE, "state_set_local_metadata: argument '%s' is NULL",
              !path   ? "path"
              : group ? "key"
                      : "group");
    if (!find_version(s, path)) TNI_TRY(tni_state_add_version(s, path, 0));
    tni_path_version *v = find_version(s, path);
    const tni_note *n = find_note(v, group, key);
    if (!n) return add_note(v, group, key, value);
    v->note[n - v->note].value = value;
    return true;
}

int64_t tn_state_local_metadata(tn_state *s, const char *path, const char *group, const char *key) {
    CHECK_STATE("state_local_metadata", s, 0);
    const tni_note *n = find_note(find_version(s, path), group, key);
    return n ? n->value : 0;
}

bool tni_state_add_versions(tn_state *to, const tn_state *from) {
    for (size_t i = 0; i < from->versions; i++) {
        const tni_path_version *v = &from->version[i];
        TNI_TRY(tni_state_add_version(to, v->path, v->version));
        for (size_t k = 0; k < v->notes; k++)
            TNI_TRY(add_note(&to->version[to->versions - 1], v->note[k].group, v->note[k].key, v->note[k].value));
    }
    return true;
}

tn_state *tni_state_copy(const tn_state *from) {
    tn_state *s = tn_state_new();
    bool right = s != NULL;
    for (size_t i = 0; right && i < from->n; i++) right = tn_state_set(s, from->item[i].name, (tn_tensor *)from->item[i].value);
    right = right && tni_state_add_versions(s, from);
    for (size_t i = 0; right && i < from->pairs; i++)
        right = tn_state_set_metadata(s, from->metadata[i].key, from->metadata[i].value);
    return right ? s : NULL;
}
