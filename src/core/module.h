/* core/module.h - modules: the struct of a program with a record in front of it, observed at scope ends. */
#ifndef TNI_MODULE_H
#define TNI_MODULE_H
#include "core/tensor.h"
#include <tison/module.h>

/* One pointer of a struct that the class names: a field, or an element of an array field. */
typedef struct tni_slot {
    const char *name; /* of the field */
    uint32_t offset;
    int32_t index; /* in an array field; -1: a plain field */
    bool reference; /* TN_REF: no claim, no report */
} tni_slot;

/* What the library worked out about a class at its first use; kept until shutdown. */
typedef struct tni_class_info {
    const tn_class *class_;
    tni_slot *slot;
    uint32_t slots;
    struct tni_class_info *next;
} tni_class_info;

typedef struct tni_member { char *name; tni_object *value; bool persistent; } tni_member; /* made at run time; claimed */

typedef struct tni_module {
    tni_object object;
    const tn_class *class_;
    const tni_class_info *info;
    tni_thread *thread; /* that observes it; NULL: orphaned */
    struct tni_module *previous, *next;
    void **found;    /* per slot: what it held when last observed */
    uint8_t *status; /* per slot: TNI_SLOT_* */
    tni_member *member;
    size_t members, member_capacity;
    struct tn_hook **pre_hooks, **hooks;
    size_t pre_count, pre_capacity, hook_count, hook_capacity;
    tni_object **forgotten; /* objects found in the struct outside of the fields; kept alive, reported by the next walk */
    size_t forgotten_count, forgotten_capacity;
    uint32_t visit; /* mark of a walk */
    bool training;
} tni_module;

enum {
    TNI_SLOT_CLAIMED = 1,   /* `found` is an object that this slot claims */
    TNI_SLOT_PARAMETER = 2, /* a parameter stood here */
    TNI_SLOT_BUFFER = 4,
    TNI_SLOT_MODULE = 8,
    TNI_SLOT_CYCLE = 16, /* the module found here contains this one: no claim */
};

enum { TNI_RECORD_BYTES = 256 };
_Static_assert(sizeof(tni_module) <= TNI_RECORD_BYTES, "the struct of a module follows its record");
TNI_INLINE tn_module *tni_module_struct(tni_module *m) { return (tn_module *)((char *)m + TNI_RECORD_BYTES); }
/* The record of a handle, or NULL with an error: not a module, copied by assignment, freed. */
tni_module *tni_module_of(const char *who, const tn_module *m);
TNI_INLINE void *tni_slot_value(tni_module *m, uint32_t i) { return *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset); }

void tni_module_observe_all(tni_thread *t);
void tni_module_observe(tni_module *m);
void tni_module_orphan_all(tni_thread *t);
/* o has no claim: when a living struct holds it outside of the class's fields it is kept, and true returned. */
bool tni_module_keep_forgotten(tni_thread *t, tni_object *o);
void tni_class_shutdown(void);

/* ---- walks (core/walk.c) ---- */
typedef enum { TNI_WALK_PARAMETERS, TNI_WALK_BUFFERS, TNI_WALK_MODULES, TNI_WALK_STATE } tni_walk_what;
typedef struct tni_found { char *name; tni_object *value; tni_module *owner; bool persistent, buffer; } tni_found;
typedef struct tni_walk {
    tni_found *item;
    size_t n, capacity;
} tni_walk;
/* Verdicts on the fields of m and of every module below it: false with the error that tn_check reports. */
bool tni_module_check(const char *who, tni_module *m);
/* Preorder; checks first. Names are allocated and freed by tni_walk_clear. `duplicates`: shared ones under every name. */
bool tni_walk_run(const char *who, tni_walk *w, tni_module *m, tni_walk_what what, const char *prefix, bool recurse, bool duplicates);
void tni_walk_clear(tni_walk *w);
#endif
