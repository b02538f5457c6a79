/* core/class.c - what the library works out about a TN_CLASS: its slots, and the bytes of the struct that no field covers; classes made
 * at run time. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include "core/op.h"
#include <string.h>

/* A class of tn_class_new: one block that holds the table, its rows and its texts. */
typedef struct tni_class_made {
    tn_class class_;
    int32_t refs; /* the maker's, and one for each living module */
    bool given_up;
    size_t bytes;
    void *data;
    void (*destroy_data)(void *data);
} tni_class_made;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tni_class_info *classes;

static const tn_field *row(const tn_class *c, size_t i) {
    return (const tn_field *)(const void *)((const char *)(const void *)c->fields + i * c->row_size);
}

static bool add_slots(tni_class_info *info, const tn_field *f) {
    size_t count = f->bytes / sizeof(void *);
    if (f->offset % sizeof(void *) || f->offset > info->class_->bytes || f->bytes > info->class_->bytes - f->offset) return true;
    if (!tni_reserve(&info->slot, &info->slot_capacity, info->slots + count, sizeof *info->slot)) return false;
    for (size_t k = 0; k < count; k++)
        info->slot[info->slots++] = (tni_slot){f->name, (uint32_t)(f->offset + k * sizeof(void *)), (uint32_t)strlen(f->name),
                                               count > 1 ? (int32_t)k : -1, f->reference != 0};
    return true;
}

/* The gaps between the fields, in the order of addresses. */
static bool add_ranges(tni_class_info *info) {
    size_t at = sizeof(tn_module), bytes = info->class_->bytes & ~(sizeof(void *) - 1);
    while (at < bytes) {
        size_t next = bytes, after = bytes;
        for (uint32_t i = 0; i < info->slots; i++) {
            size_t offset = info->slot[i].offset;
            if (offset >= at && offset < next) next = offset, after = offset + sizeof(void *);
        }
        if (next > at) {
            if (!tni_reserve(&info->loose, &info->range_capacity, info->ranges + 1, sizeof *info->loose)) return false;
            info->loose[info->ranges++] = (tni_range){at, next};
        }
        at = after;
    }
    return true;
}

static const char *find_twice(const tni_class_info *info) {
    for (uint32_t i = 0; i < info->slots; i++)
        for (uint32_t j = 0; j < i; j++)
            if (info->slot[i].index <= 0 && info->slot[j].index <= 0 && strcmp(info->slot[i].name, info->slot[j].name) == 0)
                return info->slot[i].name;
    return NULL;
}

static void free_info(tni_class_info *info) {
    tni_free(info->slot, info->slot_capacity * sizeof *info->slot);
    tni_free(info->loose, info->range_capacity * sizeof *info->loose);
    tni_free(info, sizeof *info);
}

static tni_class_info *make_info(const tn_class *c) {
    tni_class_info *info = tni_alloc_zero(sizeof *info);
    if (!info) return NULL;
    info->class_ = c;
    bool right = true;
    for (size_t i = 0; right && i < c->nfields; i++) right = add_slots(info, row(c, i));
    if (right && add_ranges(info)) {
        info->twice = find_twice(info);
        return info;
    }
    free_info(info);
    return NULL;
}

static tni_class_info *find_info(const tn_class *class_) {
    tni_class_info *info = classes;
    while (info && info->class_ != class_) info = info->next;
    return info;
}

static void add_info(tni_class_info *info) {
    info->next = classes;
    classes = info;
}

const tni_class_info *tni_class_get(const tn_class *class_) {
    pthread_mutex_lock(&lock);
    tni_class_info *info = find_info(class_);
    if (!info && (info = make_info(class_)) != NULL) add_info(info);
    if (info && info->made) info->made->refs++;
    pthread_mutex_unlock(&lock);
    return info;
}

static void free_made(tni_class_info *info) {
    tni_class_made *made = info->made;
    if (made->destroy_data) made->destroy_data(made->data);
    tni_free(made, made->bytes);
    free_info(info);
}

static tni_class_info *unlink_unused(tni_class_made *made) {
    if (--made->refs > 0) return NULL;
    tni_class_info **at = &classes;
    while (*at && (*at)->made != made) at = &(*at)->next;
    tni_class_info *info = *at;
    if (info) *at = info->next;
    return info;
}

void tni_class_put(const tni_class_info *info) {
    if (!info->made) return;
    pthread_mutex_lock(&lock);
    tni_class_info *gone = unlink_unused(info->made);
    pthread_mutex_unlock(&lock);
    if (gone) free_made(gone); /* its callback runs without the lock */
}

void tni_class_shutdown(void) {
    pthread_mutex_lock(&lock);
    tni_class_info *list = classes;
    classes = NULL;
    pthread_mutex_unlock(&lock);
    for (tni_class_info *info = list, *next; info; info = next) {
        next = info->next;
        if (info->made)
            free_made(info);
        else
            free_info(info);
    }
}

/* ---- classes made at run time ---- */

static size_t text_bytes(const char *text) { return text ? strlen(text) + 1 : 0; }

static const char *put_text(char **at, const char *text) {
    size_t n = text_bytes(text);
    char *copy = *at;
    if (!n) return NULL;
    memcpy(copy, text, n);
    *at += n;
    return copy;
}

static bool check_new(const char *name, tn_forward_function *forward, const tn_class_opts *o, size_t *bytes) {
    TNI_CHECK(name && forward, TN_ERR_TYPE, "class_new: argument '%s' is NULL", name ? "forward" : "name");
    TNI_CHECK(!o->nfields || o->fields, TN_ERR_TYPE, "class_new: .fields is NULL, but .nfields is %zu", o->nfields);
    TNI_CHECK(o->nfields < 1 << 20, TN_ERR_VALUE, "class_new: %zu fields", o->nfields);
    *bytes = sizeof(tni_class_made) + o->nfields * sizeof(tn_field) + text_bytes(name) + text_bytes(o->printed);
    for (size_t i = 0; i < o->nfields; i++) {
        TNI_CHECK(o->fields[i] && o->fields[i][0] && !strchr(o->fields[i], '.'), TN_ERR_KEY,
                  "class_new: field %zu of '%s' needs a name without \".\"", i, name);
        for (size_t k = 0; k < i; k++)
            TNI_CHECK(strcmp(o->fields[i], o->fields[k]) != 0, TN_ERR_KEY, "class_new: '%s' has two fields named '%s'", name,
                      o->fields[i]);
        *bytes += text_bytes(o->fields[i]);
    }
    return true;
}

static void fill_made(tni_class_made *made, const char *name, tn_forward_function *forward, const tn_class_opts *o) {
    tn_field *rows = (tn_field *)(void *)(made + 1);
    char *at = (char *)(rows + o->nfields);
    const char *own_name = put_text(&at, name), *printed = put_text(&at, o->printed);
    for (size_t i = 0; i < o->nfields; i++)
        rows[i] = (tn_field){put_text(&at, o->fields[i]), sizeof(tn_module) + i * sizeof(void *), sizeof(void *), 0};
    made->class_ = (tn_class){.size = sizeof(tn_class),
                              .row_size = sizeof(tn_field),
                              .name = own_name,
                              .printed = printed ? printed : own_name,
                              .bytes = sizeof(tn_module) + o->nfields * sizeof(void *),
                              .forward = forward,
                              .nfields = o->nfields,
                              .fields = rows,
                              .extra_repr = o->extra_repr,
                              .destroy = o->destroy,
                              .copy = o->copy,
                              .get_extra_state = o->get_extra_state,
                              .set_extra_state = o->set_extra_state,
                              .version = o->version,
                              .upgrade_state = o->upgrade_state,
                              .right_inverse = o->right_inverse};
}

const tn_class *(tn_class_new)(const char *name, tn_forward_function *forward, const tn_class_opts *opts) {
    if (tni_failed()) return NULL;
    tn_class_opts o = {0};
    if (opts) memcpy(&o, opts, TNI_MIN(opts->size, sizeof o));
    size_t bytes = 0;
    if (!check_new(name, forward, &o, &bytes)) return NULL;
    tni_class_made *made = tni_alloc_zero(bytes);
    if (!made) return NULL;
    made->refs = 1;
    made->bytes = bytes;
    fill_made(made, name, forward, &o);
    tni_class_info *info = make_info(&made->class_);
    if (!info) {
        tni_free(made, bytes);
        return NULL;
    }
    info->made = made;
    made->data = o.data;
    made->destroy_data = o.destroy_data;
    pthread_mutex_lock(&lock);
    add_info(info);
    pthread_mutex_unlock(&lock);
    return &made->class_;
}

bool tn_class_free(const tn_class *class_) {
    if (!class_) return true;
    pthread_mutex_lock(&lock);
    tni_class_info *info = find_info(class_), *gone = NULL;
    bool right = info && info->made && !info->made->given_up;
    if (right) {
        info->made->given_up = true;
        gone = unlink_unused(info->made);
    }
    pthread_mutex_unlock(&lock);
    if (gone) free_made(gone);
    return right || tni_fail(TN_ERR_OWNERSHIP, "class_free: no class that tn_class_new made, or one that was given up before");
}

void *tn_class_data(const tn_class *class_) {
    pthread_mutex_lock(&lock);
    tni_class_info *info = find_info(class_);
    void *data = info && info->made ? info->made->data : NULL;
    pthread_mutex_unlock(&lock);
    return data;
}
