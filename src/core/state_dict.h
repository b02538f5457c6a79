/* core/state_dict.h - what saving and loading of a module's state share: a visit of all modules, and lists of what did not fit. */
#ifndef TNI_STATE_DICT_H
#define TNI_STATE_DICT_H
#include "core/state.h"

typedef struct tni_state_frame {
    tni_module *m; /* claimed */
    size_t next;   /* place to look at */
    size_t length; /* of its prefix */
} tni_state_frame;

/* Depth first, a module that stands under two names twice. `enter` comes before what is below, `leave` (may be NULL) after it. */
typedef struct tni_state_visit {
    bool (*enter)(struct tni_state_visit *v, tni_module *m);
    bool (*leave)(struct tni_state_visit *v, tni_module *m);
    char *prefix; /* of the module that is visited: "a.b.", its first `length` bytes */
    size_t length, prefix_capacity;
    tni_state_frame *stack;
    size_t depth, capacity;
} tni_state_visit;
bool tni_state_visit_all(tni_state_visit *v, tni_module *m, const char *prefix);
/* The key of a member of the visited module; NULL: memory is out. [borrow] until the next one */
const char *tni_state_key(tni_state_visit *v, const char *name, int32_t index);
bool tni_state_path(const tni_state_visit *v, char *path, size_t room);
/* Is what stands in place i saved, as a parameter or (buffers) as a buffer? */
bool tni_state_is_saved(const tni_module *m, size_t i, const tni_object *o, bool buffers);
const tni_hook_list *tni_module_hook_list(const tni_module *m, tni_hook_kind kind); /* NULL: none */

/* ---- lists of names (core/incompatible.c) ---- */
typedef struct tni_texts {
    char **item;
    size_t n, capacity;
} tni_texts;
struct tn_incompatible {
    tni_object object;
    tni_texts list[TN_LOAD_ERRORS + 1];
};
tn_incompatible *tni_incompatible_new(tni_thread *t); /* [scope] */
bool tni_incompatible_addf(tn_incompatible *k, tn_incompatible_kind kind, const char *format, ...) TN_PRINTF(3, 4);
/* The error of a load, or true when nothing is to be reported. */
bool tni_incompatible_judge(const tn_incompatible *k, const tni_module *m, bool strict);

/* A state with the same tensors, versions and metadata. */
tn_state *tni_state_copy(const tn_state *s);
#endif
