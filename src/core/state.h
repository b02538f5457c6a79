/* core/state.h - names and tensors in order: a state_dict. */
#ifndef TNI_STATE_H
#define TNI_STATE_H
#include "core/module.h"

typedef struct tni_pair {
    char *key, *value;
} tni_pair;
typedef struct tni_note {
    char *group, *key;
    int64_t value;
} tni_note;
typedef struct tni_path_version {
    char *path;
    int64_t version;
    tni_note *note; /* beside the version: those of one group stand together */
    size_t notes, note_capacity;
} tni_path_version;
struct tn_state {
    tni_object object;
    tni_found *item;
    size_t n, capacity;
    uint32_t *index; /* open-addressed by name: item + 1 */
    size_t mask;
    tni_pair *metadata;
    size_t pairs, pair_capacity;
    tni_path_version *version; /* of the modules, by path */
    size_t versions, version_capacity;
};
bool tni_state_add_version(tn_state *s, const char *path, int64_t version);   /* of a path that it does not have */
bool tni_state_renew_version(tn_state *s, const char *path, int64_t version); /* notes beside it go */
bool tni_state_add_versions(tn_state *to, const tn_state *from);
tn_tensor *tni_state_find(const tn_state *s, const char *name); /* borrowed; NULL when absent */
#endif
