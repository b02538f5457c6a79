/* tests/parity/parity.h - what the programs of this folder share: a state that collects results for the Python twin. */
#ifndef TISON_PARITY_H
#define TISON_PARITY_H
#include <stdio.h>
#include <tison.h>

static tn_state *results;
static void begin(void) {
    tn_exit_on_error(true);
    results = tn_keep(tn_state_new());
}
/* Keeps a copy of the values as they are now. */
static inline void put(const char *name, tn_tensor *x) {
    TN_NO_GRAD;
    tn_state_set(results, name, tn_clone(tn_contiguous(tn_detach(x))));
}
static void end(const char *folder, const char *file) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    tn_save(results, path);
    tn_free(results);
}
#endif
