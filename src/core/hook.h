/* core/hook.h - hook objects: a function of the program's own, its data, where it is registered. */
#ifndef TNI_HOOK_H
#define TNI_HOOK_H
#include "core/tensor.h"
#include <tison/autograd.h>
#include <tison/module.h>

struct tn_hook {
    tni_object object;
    union {
        tn_tensor *(*gradient)(tn_tensor *grad, void *data);
        void (*after)(tn_tensor *leaf, void *data);
        tn_forward_pre_hook *pre;
        tn_forward_hook *post;
    } call;
    void *data;
    void (*destroy)(void *data);
    bool removed;
};

/* A hook appended to a list, which claims it; also claimed by the scope. NULL with an error: then destroy was not called. */
tn_hook *tni_hook_add(tni_thread *t, struct tn_hook ***list, size_t *count, size_t *capacity, const struct tn_hook *like);
void tni_hooks_clear(struct tn_hook ***list, size_t *count, size_t *capacity);
/* Runs gradient hooks on *grad (a tensor with a claim of an open scope); results are claimed by the innermost scope. */
bool tni_hooks_run(tni_thread *t, struct tn_hook *const *list, size_t count, tn_tensor **grad);
/* Runs those of `leaf` that follow the accumulation. */
bool tni_hooks_after(tni_thread *t, tn_tensor *leaf);
#endif
