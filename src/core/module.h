/* core/module.h - modules: the struct of a program with a record in front of it, observed at scope ends. */
#ifndef TNI_MODULE_H
#define TNI_MODULE_H
#include "core/tensor.h"
#include <tison/module.h>

/* One pointer of a struct that the class names: a field, or an element of an array field. */
typedef struct tni_slot {
    const char *name; /* of the field */
    uint32_t offset;
    int32_t index;  /* in an array field; -1: a plain field */
    bool reference; /* TN_REF: no claim, no report */
} tni_slot;

typedef struct tni_range {
    size_t begin, end;
} tni_range;

/* What the library worked out about a class at its first use; kept until shutdown. */
typedef struct tni_class_info {
    const tn_class *class_;
    tni_slot *slot;
    uint32_t slots;
    tni_range *loose; /* bytes of the struct that no field covers: searched for objects that were forgotten */
    uint32_t ranges;
    size_t slot_capacity, range_capacity;
    struct tni_class_info *next;
} tni_class_info;
const tni_class_info *tni_class_get(const tn_class *class_); /* NULL: memory is out */

typedef struct tni_member {
    char *name;
    tni_object *value;
    bool persistent;
} tni_member; /* made at run time; claimed */

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
    tni_object **forgotten; /* objects found in the struct outside of its fields: kept alive; a walk reports them */
    size_t forgotten_count, forgotten_capacity;
    struct tni_module *queued; /* in the search for cycles */
    bool visited;
    bool training;
} tni_module;

enum {
    TNI_SLOT_CLAIMED = 1,   /* `found` is an object that this slot claims */
    TNI_SLOT_PARAMETER = 2, /* a parameter stood here */
    TNI_SLOT_BUFFER = 4,
    TNI_SLOT_MODULE = 8,
    TNI_SLOT_KIND = 14,
    TNI_SLOT_CYCLE = 16, /* the module found here contains this one: no claim */
};

enum { TNI_RECORD_BYTES = 256 };
_Static_assert(sizeof(tni_module) <= TNI_RECORD_BYTES, "the struct of a module follows its record");
TNI_INLINE tn_module *tni_module_struct(tni_module *m) { return (tn_module *)((char *)m + TNI_RECORD_BYTES); }
/* The record of a handle, or NULL with an error: not a module, copied by assignment, freed. */
tni_module *tni_module_of(const char *who, const tn_module *m);
TNI_INLINE void *tni_slot_value(tni_module *m, uint32_t i) {
    return *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset);
}

void tni_module_observe_all(tni_thread *t);
void tni_module_observe(tni_module *m);
void tni_module_orphan_all(tni_thread *t);
/* o has no claim: when a living struct holds it outside of the class's fields it is kept, and true returned. */
bool tni_module_keep_forgotten(tni_thread *t, tni_object *o);
void tni_class_shutdown(void);
bool tni_module_would_cycle(tni_module *child, const tni_module *parent);
/* The first parameter, buffer or module that the struct holds outside of its fields; *offset is where. */
tni_object *tni_module_find_forgotten(tni_module *m, size_t *offset);

/* ---- walks (core/walk.c) ---- */
typedef enum { TNI_WALK_PARAMETERS, TNI_WALK_BUFFERS, TNI_WALK_MODULES, TNI_WALK_CHILDREN, TNI_WALK_STATE } tni_walk_what;
typedef struct tni_found {
    char *name; /* freed with its list */
    tni_object *value;
    tni_module *owner;
    uint32_t depth; /* of a module below the root of the walk */
} tni_found;
typedef struct tni_walk {
    tni_found *item;
    size_t n, capacity;
} tni_walk;
/* Verdicts on the fields of m and of every module below it: false with the error that tn_check reports. */
bool tni_module_check(const char *who, tni_module *m);
/* Preorder; checks first. `duplicates`: shared ones under every name. */
bool tni_walk_run(const char *who, tni_walk *w, tni_module *m, tni_walk_what what, const char *prefix, bool recurse,
                  bool duplicates);
void tni_walk_clear(tni_walk *w);

/* What stands in slot or member i (slots first) of m: its object or NULL; *name is the field's name, *index its place in an array or -1. */
size_t tni_module_places(const tni_module *m);
tni_object *tni_module_place(tni_module *m, size_t i, const char **name, int32_t *index);
bool tni_module_place_is_buffer(const tni_module *m, size_t i, const tni_object *o);
/* "torch.FloatTensor", or the printed name of a module: as torch's messages name types. */
const char *tni_type_text(const tni_object *o, char *text, size_t room);
#endif
