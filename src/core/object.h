/* core/object.h - objects, claims and scopes: who keeps what alive. DESIGN of the rules: docs/object-model.md. */
#ifndef TNI_OBJECT_H
#define TNI_OBJECT_H
#include "base/random.h"
#include "base/slab.h"
#include "base/str.h"
#include "tensor/array.h"
#include <pthread.h>

/* Kinds of objects. The tag stands at the start of each slot; 0 marks a free one. */
typedef enum tni_kind {
    TNI_FREE = 0,
    TNI_TENSOR = 0x54454E01,
    TNI_MODULE,
    TNI_LIST,
    TNI_STATE,
    TNI_OPTIM,
    TNI_DATASET,
    TNI_LOADER,
    TNI_HOOK,
    TNI_BATCHES,
    TNI_READER,
    TNI_VALUE,
    TNI_SAVER,
    TNI_INCOMPATIBLE,
    TNI_KIND_END
} tni_kind;

enum {
    TNI_SEEN = 1,     /* a handle has reached the program, so a field may hold it without our knowledge */
    TNI_WAITING = 2,  /* stands in a thread's list of objects without claims */
    TNI_REPLACED = 4, /* left a module's field because another value was assigned */
    TNI_TRAINED = 8,  /* of a module: an optimizer took all parameters that it had */
    TNI_NEWCOMER = 16 /* came into such a module afterwards */
};

typedef struct tni_object {
    uint32_t tag;
    uint32_t flags;
    struct tni_object *next; /* in a list of objects that wait or die; the slab's link in a dead slot */
    int32_t claims;          /* all of them */
    int32_t keeps;           /* of which tn_keep made */
    int32_t fields;          /* of which module fields hold */
    int32_t graphs;          /* of which graphs hold */
    uint64_t scope;          /* serial of the innermost scope that claims it; in a dead slot the scope whose end freed it */
    uint32_t entry;          /* its place in that scope's thread's entries */
    uint32_t home;           /* number of the thread that made it */
} tni_object;

/* What the core must know of a kind. Rows are added by the file that owns the kind: see tni_kind_set. */
typedef struct tni_kind_info {
    const char *name;                               /* "tensor" */
    size_t bytes;                                   /* of the slot; 0: given at creation */
    void (*destroy)(tni_object *object);            /* releases what it holds; never recurses: tni_release only queues */
    void (*text)(tni_object *object, tni_str *out); /* tn_to_string */
} tni_kind_info;
void tni_kind_set(tni_kind kind, const tni_kind_info *info);
const tni_kind_info *tni_kind_get(tni_kind kind);

typedef struct tni_entry {
    tni_object *object; /* NULL: taken back */
    uint64_t outer;     /* serial of the scope that claimed the object before this one did */
    uint32_t outer_entry;
    bool escapes;
} tni_entry;

typedef struct tni_mark {
    uint64_t serial;
    uint32_t start; /* first entry of the scope */
    bool internal;  /* of the library: what it frees was never seen by the program */
} tni_mark;

/* All that belongs to a thread. Reached by tni_self(). */
typedef struct tni_thread {
    uint32_t number;
    int internal; /* depth of internal scopes */
    bool no_grad, inference, grad_default_off;
    int8_t default_device; /* of functions that make tensors */
    int8_t making;         /* the device of new tensors: that of the call that runs */
    bool holding;          /* destruction only queues: a scope is being closed or the work list already runs */
    bool settling;
    uint64_t steps;            /* of optimizers */
    struct tn_tensor *unowned; /* a Parameter of nobody that got a gradient; perhaps dead by now: see core/untrained.c */
    uint64_t unowned_steps;    /* `steps` at its first gradient */
    uint32_t unowned_version;
    bool unowned_again, strangers; /* some module's `stranger` is to be judged */
    bool newcomers;                /* some object is marked so */
    bool user_code_ran;            /* a destroy callback ran: fields may have changed */
    uint64_t serial;               /* of the innermost scope */
    uint64_t next_serial;
    uint64_t sequence; /* of the last node that this thread recorded */
    tni_entry *entry;
    size_t entries, entry_capacity;
    tni_mark *mark;
    size_t marks, mark_capacity;
    tni_object *waiting; /* objects without claims, until the modules were observed */
    size_t waiting_count, waiting_bytes;
    tni_object *dying; /* work list of destruction */
    struct tni_node *dead_nodes;
    pthread_mutex_t modules_lock;    /* tn_adopt of another thread may unlink */
    struct tni_module *modules;      /* observed by this thread */
    uint32_t walk_items, walk_names; /* the room that the last walk took */
    struct tni_module *running;      /* whose forward runs, the innermost one */
    uint32_t cache_depth;            /* of cache scopes */
    uint64_t cache_serial;           /* of the outermost one */
    size_t fields;                   /* of those modules, in all */
    tni_slab_cache slabs;
    tni_random random;
    bool seeded;
    char *text; /* of the last tn_to_string */
    size_t text_bytes;
} tni_thread;

extern __thread tni_thread *tni_thread_current __attribute__((tls_model("initial-exec")));
tni_thread *tni_thread_start(void); /* first use by a thread; NULL with TN_ERR_MEMORY */
TNI_INLINE tni_thread *tni_self(void) {
    tni_thread *t = tni_thread_current;
    return TNI_LIKELY(t != NULL) ? t : tni_thread_start();
}

/* What the thread makes from now on is made there: within a call, a derivative. */
typedef struct tni_devices {
    int8_t making, preset;
} tni_devices;
TNI_INLINE tni_devices tni_device_enter(tni_thread *t, int8_t device) {
    tni_devices before = {t->making, t->default_device};
    t->making = t->default_device = device;
    return before;
}
TNI_INLINE void tni_device_leave(tni_thread *t, tni_devices before) {
    t->making = before.making;
    t->default_device = before.preset;
}
TNI_INLINE bool tni_device_differs(const tni_thread *t, int8_t device) {
    return TNI_UNLIKELY((device ^ t->making) | (device ^ t->default_device));
}

tni_random *tni_thread_random(tni_thread *t); /* the thread's default generator, seeded at first use */

/* A new object without claims, zeroed but for its header. */
void *tni_object_new(tni_thread *t, tni_kind kind, size_t bytes);
void tni_object_destroy_new(tni_thread *t, tni_object *o); /* one that never got a claim */

/* A claim of something that is not a scope. */
TNI_INLINE void tni_claim(tni_object *o) { tni_count_up(&o->claims); }
void tni_release_last(tni_object *o); /* nothing but graphs claims it any more */
/* The count of graphs is read before: once its own claim is gone, another thread may destroy the object. */
TNI_INLINE void tni_release(tni_object *o) {
    int32_t graphs = __atomic_load_n(&o->graphs, __ATOMIC_RELAXED);
    if (tni_count_down(&o->claims) <= graphs) tni_release_last(o);
}
TNI_INLINE void tni_claim_graph(tni_object *o) {
    tni_count_up(&o->graphs);
    tni_count_up(&o->claims);
}
void tni_release_graph(tni_object *o);

/* Gives the thread's innermost scope a claim, once per scope and object. false (TN_ERR_MEMORY): no claim was given. */
bool tni_scope_claim(tni_thread *t, tni_object *o);
/* For a new object: when the scope cannot claim it, it is destroyed and NULL returned. */
void *tni_give(tni_thread *t, void *object);

/* Scopes of the library's own: temporaries of composite operators, derivatives and the engine. They end without observing. */
bool tni_inner_enter(tni_thread *t);
void tni_inner_exit(tni_thread *t);
/* The same, and `result` (may be NULL) passes to the scope outside. Returns result, or NULL when memory ran out. */
void *tni_inner_return(tni_thread *t, void *result);

/* Scopes of forwards, hooks and callbacks: as tn_scope_enter, but n results get a claim of the scope outside. */
uint64_t tni_scope_open(tni_thread *t, bool internal); /* 0: memory is out */
void tni_scope_close(tni_thread *t, uint64_t serial);
bool tni_scope_return(tni_thread *t, uint64_t serial, void *const *results, size_t n);

/* Observes the thread's modules and frees what nothing claims. */
void tni_settle(tni_thread *t);
void tni_drain(tni_thread *t); /* runs the destruction work list */

/* ---- handles ---- */
/* The object behind a handle of any kind, or NULL with TN_ERR_HANDLE set: "who: argument 'what' is NULL / not alive / ...". */
tni_object *tni_object_of(const char *who, const char *what, const void *handle);
/* The living object whose handle is `p`, or NULL; sets no error; safe for any p. */
tni_object *tni_object_find(const void *p);
void *tni_handle_of(tni_object *o);
/* Checks the kind of a typed handle: a load and a compare when all is well. */
bool tni_check_handle_slow(const char *who, const char *what, const void *handle, tni_kind kind);
TNI_INLINE bool tni_check_handle(const char *who, const char *what, const void *handle, tni_kind kind) {
    if (TNI_LIKELY(handle != NULL && *(const uint32_t *)handle == (uint32_t)kind)) return true;
    return tni_check_handle_slow(who, what, handle, kind);
}

extern int32_t tni_live_objects;
#endif
