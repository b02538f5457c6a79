/* core/place.c - places of a module: fields of its class, then members made at run time; what stands there and of which kind it is. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <stdlib.h>
#include <string.h>

size_t tni_module_places(const tni_module *m) { return m->info->slots + m->members; }

tni_object *tni_module_place(tni_module *m, size_t i, const char **name, int32_t *index) {
    if (i >= m->info->slots) {
        const tni_member *member = &m->member[i - m->info->slots];
        *name = member->name;
        *index = -1;
        return member->value;
    }
    const tni_slot *s = &m->info->slot[i];
    *name = s->name;
    *index = s->index;
    void *value = s->reference ? NULL : tni_slot_value(m, (uint32_t)i);
    return value ? tni_object_find(value) : NULL;
}

uint8_t tni_module_place_status(const tni_module *m, size_t i, const tni_object *o) {
    uint8_t status = i < m->info->slots ? m->status[i] : m->member[i - m->info->slots].status;
    if (!o || (status & TNI_SLOT_AS_BUFFER)) return status;
    if (tni_is_parameter(o)) return (uint8_t)((status & ~TNI_SLOT_KIND) | TNI_SLOT_PARAMETER);
    if (o->tag == TNI_MODULE) return (uint8_t)((status & ~TNI_SLOT_KIND) | TNI_SLOT_MODULE);
    if (tni_is_buffer(o) && !(status & TNI_SLOT_BUFFER))
        return (uint8_t)((status & ~TNI_SLOT_KIND) | TNI_SLOT_BUFFER |
                         (((const tn_tensor *)o)->persistent ? 0 : TNI_SLOT_TRANSIENT));
    return status;
}

bool tni_module_place_is_buffer(const tni_module *m, size_t i, const tni_object *o) {
    return o->tag == TNI_TENSOR && (tni_module_place_status(m, i, o) & TNI_SLOT_BUFFER);
}

bool tni_module_place_is_parameter(const tni_module *m, size_t i, const tni_object *o) {
    return tni_is_parameter(o) && (tni_module_place_status(m, i, o) & TNI_SLOT_PARAMETER);
}

/* "heads.1" is an element of an array field; other names have no dot. */
int64_t tni_module_find_place(const tni_module *m, const char *name) {
    for (uint32_t i = 0; i < m->info->slots; i++) {
        const tni_slot *s = &m->info->slot[i];
        if (s->reference || strncmp(s->name, name, s->length) != 0) continue;
        const char *rest = name + s->length;
        if (s->index < 0 && *rest == 0) return i;
        if (s->index < 0 || *rest != '.' || rest[1] < '0' || rest[1] > '9' || (rest[1] == '0' && rest[2])) continue;
        char *end;
        if (strtoul(rest + 1, &end, 10) == (unsigned long)s->index && *end == 0) return i;
    }
    for (size_t i = 0; i < m->members; i++)
        if (strcmp(m->member[i].name, name) == 0) return (int64_t)(m->info->slots + i);
    return -1;
}

/* PyTorch keeps a table of each kind, each in the order of registration: what changes its kind goes to the end. */
static size_t move_to_end(tni_module *m, size_t i) {
    tni_member moved = m->member[i];
    memmove(&m->member[i], &m->member[i + 1], (m->members - i - 1) * sizeof moved);
    m->member[m->members - 1] = moved;
    return m->members - 1;
}

bool tni_module_put(tni_module *m, const char *name, tni_object *o, uint8_t status) {
    int64_t place = tni_module_find_place(m, name);
    if (place >= 0 && (size_t)place >= m->info->slots) {
        size_t i = (size_t)place - m->info->slots;
        uint8_t old = m->member[i].status & TNI_SLOT_KIND;
        if (old != (status & TNI_SLOT_KIND)) place = (int64_t)(m->info->slots + move_to_end(m, i));
    } else if (place < 0) {
        TNI_TRY(tni_reserve(&m->member, &m->member_capacity, m->members + 1, sizeof *m->member));
        char *copy = tni_strdup(name);
        if (!copy) return false;
        m->member[m->members] = (tni_member){copy, NULL, status};
        place = (int64_t)(m->info->slots + m->members++);
    }
    tni_module_put_place(m, (size_t)place, o, status);
    return true;
}

void tni_module_take_place(tni_module *m, size_t place) {
    tni_module_put_place(m, place, NULL, 0);
    if (place < m->info->slots) return;
    size_t i = place - m->info->slots;
    tni_free(m->member[i].name, strlen(m->member[i].name) + 1);
    memmove(&m->member[i], &m->member[i + 1], (--m->members - i) * sizeof *m->member);
}

bool tni_judge_kind(uint8_t kind, const tni_object *o, const char *name) {
    if (!o || tni_is_parameter(o)) return true;
    bool fits = !(kind & TNI_SLOT_PARAMETER) && (!(kind & TNI_SLOT_MODULE) || o->tag == TNI_MODULE) &&
                (!(kind & TNI_SLOT_BUFFER) || o->tag == TNI_MODULE || o->tag == TNI_TENSOR);
    if (fits) return true;
    char type[80];
    tni_type_text(o, type, sizeof type);
    if (kind & TNI_SLOT_PARAMETER)
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as parameter '%s' (torch.nn.Parameter or None expected)", type, name);
    if (kind & TNI_SLOT_MODULE)
        return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as child module '%s' (torch.nn.Module or None expected)", type, name);
    return tni_fail(TN_ERR_TYPE, "cannot assign '%s' as buffer '%s' (torch.nn.Buffer, torch.Tensor or None expected)", type, name);
}

bool tni_refuse_non_leaf(const char *name) {
    return tni_fail(TN_ERR_VALUE,
                    "Cannot assign non-leaf Tensor to parameter '%s'. Model parameters must be created explicitly. To express '%s' "
                    "as a function of another Tensor, compute the value in the forward() method.",
                    name, name);
}

/* ---- reading places: for bindings and containers ---- */

size_t(tn_module_members)(tn_module *handle) {
    tni_module *m = tni_module_of("module_members", handle);
    return m ? tni_module_places(m) : 0;
}

bool(tn_module_member)(tn_module *handle, size_t i, tn_member *out) {
    tni_module *m = tni_module_of("module_member", handle);
    tni_thread *t = tni_self();
    if (!m || !t || !out) return m && t ? tni_fail(TN_ERR_TYPE, "module_member: argument 'out' is NULL") : false;
    TNI_CHECK(i < tni_module_places(m), TN_ERR_INDEX, "module_member: index %zu is out of range for %zu members", i,
              tni_module_places(m));
    *out = (tn_member){.index = -1};
    int32_t index;
    tni_object *o = tni_module_place(m, i, &out->name, &index);
    uint8_t status = tni_module_place_status(m, i, o);
    out->index = index;
    out->kind = status & TNI_SLOT_PARAMETER ? TN_MEMBER_PARAMETER
                : status & TNI_SLOT_BUFFER  ? TN_MEMBER_BUFFER
                : status & TNI_SLOT_MODULE  ? TN_MEMBER_MODULE
                                            : TN_MEMBER_PLAIN;
    out->persistent = (status & TNI_SLOT_BUFFER) && !(status & TNI_SLOT_TRANSIENT);
    out->computed = tni_computed_find(m, out->name) != NULL && index < 0;
    if (o && tni_scope_claim(t, o)) out->value = tni_handle_of(o);
    return true;
}
