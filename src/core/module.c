/* core/module.c - module objects: birth, death, handles, the thread that observes them. */
#include "core/module.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/text.h"
#include <stdio.h>
#include <string.h>

static void link_module(tni_thread *t, tni_module *m) {
    pthread_mutex_lock(&t->modules_lock);
    m->previous = NULL;
    m->next = t->modules;
    if (m->next) m->next->previous = m;
    t->modules = m;
    t->fields += m->info->slots;
    __atomic_store_n(&m->thread, t, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&t->modules_lock);
}

static void unlink_module(tni_module *m) {
    tni_thread *t = __atomic_load_n(&m->thread, __ATOMIC_ACQUIRE);
    if (!t) return;
    pthread_mutex_lock(&t->modules_lock);
    if (m->previous)
        m->previous->next = m->next;
    else
        t->modules = m->next;
    if (m->next) m->next->previous = m->previous;
    t->fields -= m->info->slots;
    __atomic_store_n(&m->thread, (tni_thread *)NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&t->modules_lock);
}

void tni_module_orphan_all(tni_thread *t) {
    while (t->modules) unlink_module(t->modules);
}

static size_t found_bytes(const tni_module *m) { return m->info->slots * (sizeof(void *) + 1); }

static void release_members(tni_module *m) {
    for (size_t i = 0; i < m->members; i++) {
        tni_free(m->member[i].name, strlen(m->member[i].name) + 1);
        if (!m->member[i].value) continue;
        tni_count_down(&m->member[i].value->fields);
        tni_release(m->member[i].value);
    }
    tni_free(m->member, m->member_capacity * sizeof *m->member);
}

tni_module_extra *tni_module_extra_of(tni_module *m) {
    if (!m->extra) m->extra = tni_alloc_zero(sizeof *m->extra);
    return m->extra;
}

static void drop_data(tni_module_extra *e) {
    void *data = e->data;
    void (*destroy)(void *) = e->destroy_data;
    e->data = NULL;
    e->destroy_data = NULL;
    if (destroy) destroy(data);
}

static void release_extra(tni_module *m) {
    tni_module_extra *e = m->extra;
    if (!e) return;
    for (size_t k = 0; k < TNI_MODULE_HOOKS; k++) tni_hook_list_clear(&e->hooks[k]);
    for (size_t i = 0; i < e->forgotten_count; i++) tni_release(e->forgotten[i]);
    tni_free(e->forgotten, e->forgotten_capacity * sizeof *e->forgotten);
    if (e->stranger) tni_release(e->stranger);
    tni_computed_clear(e);
    tni_free(e->assigned, e->assigned_capacity * sizeof *e->assigned);
    if (e->printed) tni_free(e->printed, strlen(e->printed) + 1);
    drop_data(e);
    tni_free(e, sizeof *e);
    m->extra = NULL;
}

static void destroy_module(tni_object *o) {
    tni_module *m = (tni_module *)o;
    tni_thread *t = tni_self();
    if (m->class_->destroy) {
        if (t) t->user_code_ran = true;
        m->class_->destroy(tni_module_struct(m));
    }
    unlink_module(m);
    for (uint32_t i = 0; i < m->info->slots; i++) {
        if (!(m->status[i] & TNI_SLOT_CLAIMED)) continue;
        tni_object *value = tni_object_find(m->found[i]);
        if (!value) continue;
        tni_count_down(&value->fields);
        tni_release(value);
    }
    release_members(m);
    if (m->extra && m->extra->destroy_data && t) t->user_code_ran = true;
    release_extra(m);
    tni_free(m->found, found_bytes(m));
    memset(tni_module_struct(m), 0, m->class_->bytes);
    tni_class_put(m->info);
}

static const tni_kind_info module_kind = {"module", 0, destroy_module, tni_module_text};
__attribute__((constructor)) static void add_kind(void) { tni_kind_set(TNI_MODULE, &module_kind); }

static bool check_class(const tn_class *c) {
    TNI_CHECK(c != NULL, TN_ERR_TYPE, "new: argument 'class' is NULL");
    TNI_CHECK(c->size >= offsetof(tn_class, version) && c->row_size >= sizeof(tn_field) && c->bytes >= sizeof(tn_module) &&
                  c->name && c->forward,
              TN_ERR_TYPE, "new: the class table is not one that TN_CLASS makes");
    return true;
}

/* The latch does not stop a constructor: only memory can. */
void *tn_module_new(const tn_class *class_) {
    tni_thread *t = tni_self();
    if (!t || !check_class(class_)) return NULL;
    const tni_class_info *info = tni_class_get(class_);
    tni_module *m = info ? tni_object_new(t, TNI_MODULE, TNI_RECORD_BYTES + class_->bytes) : NULL;
    if (!m && info) tni_class_put(info);
    if (!m) return NULL;
    m->class_ = class_;
    m->info = info;
    m->training = true;
    *tni_module_struct(m) = (tn_module){class_, m, {NULL, NULL}};
    m->found = tni_alloc_zero(found_bytes(m));
    if (!m->found) {
        m->object.tag = TNI_FREE;
        tni_count_down(&tni_live_objects);
        tni_slab_give(&t->slabs, m);
        tni_class_put(info);
        return NULL;
    }
    m->status = (uint8_t *)(m->found + info->slots);
    link_module(t, m);
    return tni_give(t, m) ? tni_module_struct(m) : NULL;
}

static bool refuse_copy(const char *who, const tni_module *original) {
    return tni_fail(TN_ERR_HANDLE,
                    "%s: this '%s' was copied by assignment: a module lives where tn_new put it; keep a pointer to it instead", who,
                    original->class_->name);
}

tni_module *tni_module_of(const char *who, const tn_module *m) {
    tni_object *o = tni_object_find(m);
    if (o && o->tag == TNI_MODULE) {
        if (m->record == o) return (tni_module *)o;
        return (void)refuse_copy(who, (tni_module *)o), NULL;
    }
    tni_object *original = m && !tni_slab_find(m) ? tni_slab_find(m->record) : NULL;
    if (original && original == m->record && original->tag == TNI_MODULE)
        refuse_copy(who, (tni_module *)original);
    else if (o)
        tni_fail(TN_ERR_TYPE, "%s: argument 'm' must be a module, not a %s", who, tni_kind_get((tni_kind)o->tag)->name);
    else
        tni_object_of(who, "m", m);
    return NULL;
}

const tn_class *tn_module_class(tn_module *m) {
    tni_module *r = tni_module_of("module_class", m);
    return r ? r->class_ : NULL;
}

const char *tni_type_text(const tni_object *o, char *text, size_t room) {
    if (o->tag == TNI_TENSOR)
        snprintf(text, room, "torch.%sTensor", tni_dtype_get((tn_dtype)((const tn_tensor *)o)->a.dtype)->legacy);
    else if (o->tag == TNI_MODULE)
        snprintf(text, room, "%s", tni_module_printed((const tni_module *)o));
    else
        snprintf(text, room, "%s", tni_kind_get((tni_kind)o->tag)->name);
    return text;
}

const char *(tn_module_printed)(tn_module *handle) {
    tni_module *m = tni_module_of("module_printed", handle);
    return m ? tni_module_printed(m) : "";
}

bool(tn_module_set_printed)(tn_module *handle, const char *printed) {
    tni_module *m = tni_failed() ? NULL : tni_module_of("module_set_printed", handle);
    tni_module_extra *e = m ? tni_module_extra_of(m) : NULL;
    char *copy = e && printed ? tni_strdup(printed) : NULL;
    if (!e || (printed && !copy)) return false;
    if (e->printed) tni_free(e->printed, strlen(e->printed) + 1);
    e->printed = copy;
    return true;
}

bool tni_module_own(const char *who, const tni_module *m) {
    if (__atomic_load_n(&m->thread, __ATOMIC_ACQUIRE) == tni_self()) return true;
    return tni_fail(TN_ERR_OWNERSHIP, "%s: this '%s' belongs to another thread; call tn_adopt on this one first", who,
                    m->class_->name);
}

bool(tn_module_set_data)(tn_module *handle, void *data, void (*destroy)(void *)) {
    if (tni_failed()) return false;
    tni_module *m = tni_module_of("module_set_data", handle);
    tni_module_extra *e = m ? tni_module_extra_of(m) : NULL;
    if (!e) return false;
    drop_data(e);
    e->data = data;
    e->destroy_data = destroy;
    return true;
}

void *(tn_module_data)(tn_module *handle) {
    tni_module *m = tni_module_of("module_data", handle);
    return m && m->extra ? m->extra->data : NULL;
}

static bool same_layout(const tn_class *a, const tni_class_info *x, const tn_class *b, const tni_class_info *y) {
    if (a->bytes != b->bytes || x->slots != y->slots) return false;
    for (uint32_t i = 0; i < x->slots; i++)
        if (x->slot[i].offset != y->slot[i].offset || x->slot[i].reference != y->slot[i].reference ||
            x->slot[i].index != y->slot[i].index || strcmp(x->slot[i].name, y->slot[i].name) != 0)
            return false;
    return true;
}

bool(tn_module_become)(tn_module *handle, const tn_class *class_) {
    if (tni_failed()) return false;
    tni_module *m = tni_module_of("module_become", handle);
    if (!m || !check_class(class_)) return false;
    const tni_class_info *info = tni_class_get(class_), *old = m->info;
    if (!info) return false;
    if (!same_layout(m->class_, old, class_, info)) {
        tni_class_put(info);
        return tni_fail(TN_ERR_TYPE, "module_become: a '%s' cannot become a '%s': their fields differ", m->class_->name,
                        class_->name);
    }
    m->class_ = class_;
    m->info = info;
    tni_module_struct(m)->class_ = class_;
    tni_class_put(old);
    return true;
}

static bool adopt_one(tn_module *m, void *thread) {
    tni_module *r = tni_module_of("adopt", m);
    if (!r) return false;
    unlink_module(r);
    link_module(thread, r);
    return true;
}

bool(tn_adopt)(tn_module *m) {
    tni_thread *t = tni_self();
    return t && !tni_failed() && (tn_module_apply)(m, adopt_one, t);
}
