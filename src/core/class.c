/* core/class.c - what the library works out about a TN_CLASS: its slots, and the bytes of the struct that no field covers. */
#include "base/error.h"
#include "base/memory.h"
#include "core/module.h"
#include <string.h>

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
        info->slot[info->slots++] =
            (tni_slot){f->name, (uint32_t)(f->offset + k * sizeof(void *)), count > 1 ? (int32_t)k : -1, f->reference != 0};
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
    if (right && add_ranges(info)) return info;
    free_info(info);
    return NULL;
}

const tni_class_info *tni_class_get(const tn_class *class_) {
    pthread_mutex_lock(&lock);
    tni_class_info *info = classes;
    while (info && info->class_ != class_) info = info->next;
    if (!info && (info = make_info(class_)) != NULL) {
        info->next = classes;
        classes = info;
    }
    pthread_mutex_unlock(&lock);
    return info;
}

void tni_class_shutdown(void) {
    pthread_mutex_lock(&lock);
    for (tni_class_info *info = classes, *next; info; info = next) {
        next = info->next;
        free_info(info);
    }
    classes = NULL;
    pthread_mutex_unlock(&lock);
}
