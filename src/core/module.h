/* core/module.h - modules: the struct of a program with a record in front of it, observed at scope ends. */
#ifndef TNI_MODULE_H
#define TNI_MODULE_H
#include "base/addresses.h"
#include "core/hook.h"
#include "core/tensor.h"
#include <tison/module.h>

/* One pointer of a struct that the class names: a field, or an element of an array field. */
typedef struct tni_slot {
    const char *name;        /* of the field */
    uint32_t offset, length; /* of the name */
    int32_t index;           /* in an array field; -1: a plain field */
    bool reference;          /* TN_REF: no claim, no report */
} tni_slot;

typedef struct tni_range {
    size_t begin, end;
} tni_range;

/* What the library worked out about a class at its first use; kept until shutdown, or until a class made at run time goes. */
typedef struct tni_class_info {
    const tn_class *class_;
    tni_slot *slot;
    uint32_t slots;
    tni_range *loose; /* bytes of the struct that no field covers: searched for objects that were forgotten */
    uint32_t ranges;
    size_t slot_capacity, range_capacity;
    const char *twice;           /* a name that two fields have, or NULL */
    struct tni_class_made *made; /* of tn_class_new; NULL: a constant table */
    struct tni_class_info *next;
} tni_class_info;
const tni_class_info *tni_class_get(const tn_class *class_); /* NULL: memory is out. One made at run time gets a reference */
void tni_class_put(const tni_class_info *info);
/* A member of tn_class that was added later: absent in tables of older programs. */
#define TNI_CLASS_HAS(c, member) ((c)->size >= offsetof(tn_class, member) + sizeof((c)->member) && (c)->member)
#define TNI_CLASS_VERSION(c) (TNI_CLASS_HAS(c, version) ? (c)->version : 1)

typedef struct tni_member {
    char *name;
    tni_object *value; /* claimed */
    uint8_t status;    /* TNI_SLOT_* */
} tni_member;          /* made at run time */

/* A member that is computed. */
typedef struct tni_computed {
    char *name;
    const tn_computed *functions;
    tni_object *shown;  /* claimed: what the library put into the place; anything else there was assigned by the program */
    tni_object *cached; /* claimed: what reads give in the cache scope of that serial */
    uint64_t cache;
    bool busy; /* its function runs */
} tni_computed;

/* What few modules need. */
typedef struct tni_module_extra {
    tni_hook_list hooks[TNI_MODULE_HOOKS];
    tni_object **forgotten; /* objects found in the struct outside of its fields: kept alive; a walk reports them */
    size_t forgotten_count, forgotten_capacity;
    tni_object *stranger; /* claimed: a trainable module that ran inside this one's forward and that no field held then */
    void *data;           /* of tn_module_set_data */
    void (*destroy_data)(void *data);
    tni_computed *computed;
    size_t computed_count, computed_capacity;
    char *printed;      /* of this module alone; NULL: the class's */
    uint32_t *assigned; /* slots that registration hooks have to see yet */
    size_t assigned_count, assigned_capacity;
} tni_module_extra;

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
    tni_module_extra *extra;   /* or NULL */
    struct tni_module *queued; /* in the search for cycles */
    bool visited;
    bool training;
} tni_module;

enum {
    TNI_SLOT_CLAIMED = 1,   /* `found` is an object that this slot claims */
    TNI_SLOT_PARAMETER = 2, /* a parameter stood here */
    TNI_SLOT_BUFFER = 4,
    TNI_SLOT_MODULE = 8,
    TNI_SLOT_PLAIN = 16, /* a tensor without a mark stands here */
    TNI_SLOT_KIND = 30,
    TNI_SLOT_TRANSIENT = 32,                                 /* of a buffer: not saved */
    TNI_SLOT_AS_BUFFER = 64,                                 /* a Parameter that was registered as a buffer */
    TNI_SLOT_CYCLE = 128,                                    /* the module found here contains this one: no claim */
    TNI_SLOT_COMPUTED = TNI_SLOT_PLAIN | TNI_SLOT_AS_BUFFER, /* of a computed member, whatever stands there */
};

enum { TNI_RECORD_BYTES = 256 };
_Static_assert(sizeof(tni_module) <= TNI_RECORD_BYTES, "the struct of a module follows its record");
TNI_INLINE tn_module *tni_module_struct(tni_module *m) { return (tn_module *)((char *)m + TNI_RECORD_BYTES); }
/* The record of a handle, or NULL with an error: not a module, copied by assignment, freed. */
tni_module *tni_module_of(const char *who, const tn_module *m);
TNI_INLINE void *tni_slot_value(tni_module *m, uint32_t i) {
    return *(void **)((char *)tni_module_struct(m) + m->info->slot[i].offset);
}

tni_module_extra *tni_module_extra_of(tni_module *m); /* made at first use; NULL with TN_ERR_MEMORY */
TNI_INLINE const char *tni_module_printed(const tni_module *m) {
    return m->extra && m->extra->printed ? m->extra->printed : m->class_->printed ? m->class_->printed : m->class_->name;
}

/* The list of a thread's modules: tn_adopt of another thread may unlink. Returns what unlock wants. */
TNI_INLINE bool tni_modules_lock(tni_thread *t) {
    bool shared = !tni_single_threaded();
    if (shared) pthread_mutex_lock(&t->modules_lock);
    return shared;
}
TNI_INLINE void tni_modules_unlock(tni_thread *t, bool locked) {
    if (locked) pthread_mutex_unlock(&t->modules_lock);
}
void tni_module_observe_all(tni_thread *t);
bool tni_module_observe(tni_module *m); /* did a field change? */
void tni_module_orphan_all(tni_thread *t);
bool tni_module_can_forget(const tni_object *o); /* a Parameter, a Buffer or a module */
/* The handles that structs of t's modules hold outside of the class's fields. false: memory is out. */
bool tni_module_list_loose(const tni_thread *t, tni_addresses *loose);
/* o has no claim: when a living struct holds it outside of the class's fields it is kept, and true returned. */
bool tni_module_keep_forgotten(tni_thread *t, tni_object *o);
/* After an optimizer took parameters: marks the modules of t that it trains whole, so that what comes into them later is noticed. */
void tni_module_mark_trained(tni_thread *t);
void tni_module_note_newcomer(tni_module *m, tni_object *o);
/* false with TN_ERR_OWNERSHIP when a newcomer has a gradient and no optimizer. */
bool tni_module_check_newcomers(tni_thread *t);
void tni_class_shutdown(void);
bool tni_module_would_cycle(tni_module *child, const tni_module *parent);
/* The first parameter, buffer or module that the struct holds outside of its fields; *offset is where. */
tni_object *tni_module_find_forgotten(tni_module *m, size_t *offset);

/* ---- places: slots, then members made at run time ---- */
size_t tni_module_places(const tni_module *m);
/* What stands in place i: its object or NULL; *name is the field's name, *index its place in an array or -1. */
tni_object *tni_module_place(tni_module *m, size_t i, const char **name, int32_t *index);
/* TNI_SLOT_* of place i, as it is for the value o that stands there now (which may not have been observed yet). */
uint8_t tni_module_place_status(const tni_module *m, size_t i, const tni_object *o);
bool tni_module_place_is_buffer(const tni_module *m, size_t i, const tni_object *o);
bool tni_module_place_is_parameter(const tni_module *m, size_t i, const tni_object *o);
int64_t tni_module_find_place(const tni_module *m, const char *name); /* -1: none */
/* Puts o (or nothing) into place i with that status, claimed. No verdicts, no failure. */
void tni_module_put_place(tni_module *m, size_t i, tni_object *o, uint8_t status);
/* The same by name; a member is made where there is none, and moves to the end when it becomes of another kind. */
bool tni_module_put(tni_module *m, const char *name, tni_object *o, uint8_t status);
void tni_module_take_place(tni_module *m, size_t i);       /* a field becomes empty, a member made at run time is gone */
bool tni_module_own(const char *who, const tni_module *m); /* only its own thread may change a module */
TNI_INLINE bool tni_is_parameter(const tni_object *o) { return o->tag == TNI_TENSOR && ((const tn_tensor *)o)->is_parameter; }
TNI_INLINE bool tni_is_buffer(const tni_object *o) { return o->tag == TNI_TENSOR && ((const tn_tensor *)o)->is_buffer; }
bool tni_refuse_non_leaf(const char *name);
/* PyTorch's verdict on assigning o where a value of `kind` stood; true when it fits. */
bool tni_judge_kind(uint8_t kind, const tni_object *o, const char *name);

/* ---- computed members (core/computed.c) ---- */
TNI_INLINE bool tni_module_computes(const tni_module *m) { return m->extra && m->extra->computed_count; }
tni_computed *tni_computed_find(const tni_module *m, const char *name); /* NULL: not computed */
void tni_computed_observed(tni_module *m, uint32_t slot);    /* that the program changed: its status, when it is computed */
bool tni_computed_is_assigned(tni_module *m);                /* does a place hold what the setter has not seen yet? */
bool tni_computed_settle(tni_module *m);                     /* the setter's turn for all of those */
bool tni_computed_refresh(tni_module *m);                    /* computes all: before a forward */
tn_tensor *tni_computed_get(tni_module *m, tni_computed *c); /* claimed by the scope */
bool tni_computed_set(tni_module *m, tni_computed *c, tni_object *o);
bool tni_computed_copy(tni_module *to, const tni_module *from); /* of a deepcopy, whose places are filled */
void tni_computed_forget(tni_module *m);                        /* what has no place any more */
void tni_computed_clear(tni_module_extra *e);
bool tni_refuse_taken(const char *name);
/* Runs the registration hooks of the process, which may put another object in o's place. */
bool tni_module_announce(tni_module *m, const char *name, tni_object **o, tni_hook_kind hooks);
/* Fields that the program assigned (core/announce.c): noted when observed while there are such hooks, and shown to them by a walk. */
void tni_module_note_assigned(tni_module *m, uint32_t slot);
void tni_module_forget_assigned(tni_module *m, uint32_t slot);
TNI_INLINE bool tni_module_has_assigned(const tni_module *m) {
    return m->extra && m->extra->assigned_count && m->thread == tni_self();
}
bool tni_module_announce_assigned(tni_module *m);
bool tni_check_new_name(const char *name); /* of a member of no kind: not taken by what each module has, not empty, no dot */

/* ---- walks (core/walk.c) ---- */
typedef enum { TNI_WALK_PARAMETERS, TNI_WALK_BUFFERS, TNI_WALK_MODULES, TNI_WALK_CHILDREN } tni_walk_what;
typedef struct tni_found {
    char *name;
    tni_object *value;
    tni_module *owner;
    uint32_t place; /* of the owner */
} tni_found;
typedef struct tni_walk {
    tni_found *item;
    size_t n, capacity;
    char *names; /* one block for all; items point into it when the walk is done */
    size_t names_length, names_capacity;
} tni_walk;
/* Verdicts on the fields of m and of every module below it: false with the error that tn_check reports. */
bool tni_module_check(const char *who, tni_module *m);
/* Preorder; checks first. `duplicates`: shared ones under every name. */
bool tni_walk_run(const char *who, tni_walk *w, tni_module *m, tni_walk_what what, const char *prefix, bool recurse,
                  bool duplicates);
void tni_walk_clear(tni_walk *w);
bool tni_module_has_trainable(tni_module *m); /* below m some parameter trains that no optimizer took */

/* ---- what nobody trains (core/untrained.c) ---- */
bool tni_training_check(tni_thread *t); /* the verdict of an optimizer's step on its thread */
/* A Parameter that no field and no optimizer holds gets a gradient. Reported when one that was there before was never cleared. */
void tni_note_unowned(tni_thread *t, tn_tensor *leaf, bool had_gradient);
bool tni_module_check_stranger(const char *who, tni_module *m);

/* "torch.FloatTensor", or the printed name of a module: as torch's messages name types. */
const char *tni_type_text(const tni_object *o, char *text, size_t room);
#endif
