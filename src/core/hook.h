/* core/hook.h - hook objects: a function of the program's own, its data, where it is registered. */
#ifndef TNI_HOOK_H
#define TNI_HOOK_H
#include "core/tensor.h"
#include <tison/autograd.h>
#include <tison/module.h>

/* Hooks of modules, by the list in which they stand; the global ones follow those that a module has. */
typedef enum tni_hook_kind {
    TNI_HOOK_FORWARD_PRE,
    TNI_HOOK_FORWARD,
    TNI_HOOK_BACKWARD_PRE,
    TNI_HOOK_BACKWARD,
    TNI_HOOK_STATE_PRE,
    TNI_HOOK_STATE,
    TNI_HOOK_LOAD_PRE,
    TNI_HOOK_LOAD,
    TNI_MODULE_HOOKS,
    TNI_HOOK_PARAMETER = TNI_MODULE_HOOKS, /* registration; global only */
    TNI_HOOK_BUFFER,
    TNI_HOOK_MODULE,
    TNI_GLOBAL_HOOKS
} tni_hook_kind;

struct tn_hook {
    tni_object object;
    union {
        tn_tensor *(*gradient)(tn_tensor *grad, void *data);
        void (*after)(tn_tensor *leaf, void *data);
        tn_forward_pre_hook *pre;
        tn_forward_hook *post;
        tn_full_backward_pre_hook *backward_pre;
        tn_full_backward_hook *backward;
        tn_state_dict_pre_hook *state_pre;
        tn_state_dict_hook *state;
        tn_load_state_dict_pre_hook *load_pre;
        tn_load_state_dict_post_hook *load;
        tn_registration_hook *registration;
    } call;
    void *data;
    void (*destroy)(void *data);
    struct tn_hook *original; /* claimed: a copied module's hook shares the data of the first one */
    bool removed, always;
};

typedef struct tni_hook_list {
    struct tn_hook **item;
    size_t count, capacity;
} tni_hook_list;

/* The hooks of one call, claimed: they may remove themselves and add others meanwhile. */
typedef struct tni_hooks {
    struct tn_hook *few[8], **item;
    size_t n;
} tni_hooks;

struct tni_module;
extern int32_t tni_global_hooks; /* how many there are */
/* The global hooks of a kind, then the module's (own may be NULL). false: memory is out. */
bool tni_hooks_take(tni_hooks *h, tni_hook_kind kind, const tni_hook_list *own);
void tni_hooks_drop(tni_hooks *h);
TNI_INLINE bool tni_hooks_any(tni_hook_kind kind, const tni_hook_list *own) {
    (void)kind;
    return (own && own->count) || __atomic_load_n(&tni_global_hooks, __ATOMIC_RELAXED) > 0;
}
bool tni_hooks_live(tni_hook_kind kind, const tni_hook_list *own); /* is there one of the kind that was not removed? */
/* Appended, or put first; those that were removed leave the list. */
struct tn_hook *tni_hook_list_add(tni_thread *t, tni_hook_list *list, const struct tn_hook *like, bool prepend);
bool tni_hook_list_copy(tni_thread *t, tni_hook_list *to, const tni_hook_list *from);
void tni_hook_list_clear(tni_hook_list *list);
void tni_hooks_shutdown(void);
/* Registration hooks: what is to be registered in o's place, or NULL with an error. */
bool tni_hooks_registration(tni_hook_kind kind, tn_module *m, const char *name, tni_object **o);

/* A hook appended to a list, which claims it; also claimed by the scope. NULL with an error: then destroy was not called. */
tn_hook *tni_hook_add(tni_thread *t, struct tn_hook ***list, size_t *count, size_t *capacity, const struct tn_hook *like);
void tni_hooks_clear(struct tn_hook ***list, size_t *count, size_t *capacity);
/* Runs gradient hooks on *grad (a tensor with a claim of an open scope); results are claimed by the innermost scope. */
bool tni_hooks_run(tni_thread *t, struct tn_hook *const *list, size_t count, tn_tensor **grad);
/* May `after` stand for the gradient `before`? Else an error that names the hook. */
bool tni_hook_check(const char *hook, const tn_tensor *before, tn_tensor *after);
/* Runs those of `leaf` that follow the accumulation. */
bool tni_hooks_after(tni_thread *t, tn_tensor *leaf);
#endif
