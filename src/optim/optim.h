/* optim/optim.h - what all optimizers share: groups of parameters with options, state tensors, the step in two passes. */
#ifndef TNI_OPTIM_H
#define TNI_OPTIM_H
#include "base/str.h"
#include "core/op.h"
#include <tison/module.h>

enum { TNI_OPTIM_OPTIONS = 8, TNI_OPTIM_STATES = 3, TNI_OPTIM_LR = 0 };

/* One parameter. */
typedef struct tni_optim_entry {
    tn_tensor *param;                   /* claimed, as are the states */
    tn_tensor *state[TNI_OPTIM_STATES]; /* NULL until a step needs them; laid out in memory as the parameter */
    double steps;
    bool fresh;                   /* the states were made and no step has filled them */
    bool copied_grad;             /* grad is a copy for this step */
    tn_tensor *grad;              /* of the step that runs; NULL: no gradient */
    tn_tensor *work;              /* of a parameter with holes: a dense copy that takes the step */
    tn_tensor *next, *next_state; /* claimed: what a step along a sparse gradient makes of param and of the first state; or NULL */
    char *name;                   /* of the list that it came from, or NULL */
} tni_optim_entry;

typedef struct tni_optim_group {
    double option[TNI_OPTIM_OPTIONS];
    tni_optim_entry *entry;
    size_t n;
    double cached_steps, cache[2]; /* an optimizer's own numbers that depend on `steps` alone; cached_steps < 0: none */
} tni_optim_group;

typedef enum { TNI_OPTION_NUMBER, TNI_OPTION_FLAG, TNI_OPTION_PAIR } tni_option_kind;
typedef struct tni_option {
    const char *name;
    tni_option_kind kind;
    size_t at; /* in `option`; a pair takes two */
} tni_option;

typedef struct tni_optim_class {
    const char *name;         /* "AdamW" */
    const tni_option *option; /* in alphabetical order, as they are printed */
    size_t options;
    const char *state[TNI_OPTIM_STATES];
    bool counts; /* the number of steps is part of the saved state */
    bool mixed;  /* takes gradients of other floating dtypes than the parameter's: the step is computed in the common one */
    bool (*check)(const double *option);                                  /* false with torch's error for a value out of range */
    uint32_t (*states)(const double *option);                             /* bits of the states that these options need */
    bool (*update)(tni_optim_group *g, tni_optim_entry *e, tn_tensor *p); /* e->steps counts this step already */
    bool (*prepare_sparse)(tni_optim_group *g, tni_optim_entry *e);       /* makes the next ones; NULL: no sparse gradients */
} tni_optim_class;

struct tn_optim {
    tni_object object;
    const tni_optim_class *class_;
    double option[TNI_OPTIM_OPTIONS]; /* of groups that are added later */
    tni_optim_group *group;
    size_t groups, group_capacity;
    bool idle_told; /* that no parameter had a gradient at a step */
};

/* tn_optim_load_state_dict in two steps: all that may fail, then all that cannot (or nothing, without commits). NULL passes; `state`
 * must live in between. */
typedef struct tni_optim_load tni_optim_load;
tni_optim_load *tni_optim_load_begin(struct tn_optim *opt, struct tn_state *state);
void tni_optim_load_end(tni_optim_load *load, bool commits);

/* A new optimizer with one group, claimed by the innermost scope. NULL with an error. */
struct tn_optim *tni_optim_new(const tni_optim_class *c, tn_tensors *params, const double *option);
/* "Invalid learning rate: -1.0"; what is not >= 0 fails, NaN included. */
bool tni_optim_check_positive(const char *what, double value);
/* "parameter 'hidden.weight'", or by its place among all. */
const char *tni_optim_entry_text(char text[160], const struct tn_optim *o, const tni_optim_entry *e);
#endif
