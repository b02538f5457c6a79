/* optim/adam.c - Adam, and AdamW, whose weight decay does not pass through the averages. */
#include "ops/optim_steps.h"
#include "optim/optim.h"
#include <math.h>
#include <tison/optim.h>

#ifdef TN_HEADER
typedef struct tn_optim tn_optim; /* any optimizer: what can be done with it stands under optim.c */

typedef struct tn_optim_adam_opts {
    size_t size;
    double lr;           /* 1e-3 */
    double betas[2];     /* {0.9, 0.999} */
    double eps;          /* 1e-8 */
    double weight_decay; /* 0; of AdamW 1e-2 */
    bool amsgrad;        /* false */
    struct tn_keywords_only *keywords_only;
    bool maximize; /* false */
} tn_optim_adam_opts;
typedef tn_optim_adam_opts tn_optim_adamw_opts;
#ifndef __cplusplus
#define tn_optim_adam(...)                                                                                                         \
    TN_WITH(tn_optim_adam_opts, (.lr = 1e-3, .betas = {0.9, 0.999}, .eps = 1e-8, .weight_decay = 0),                               \
            (tn_optim_adam)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_optim_adamw(...)                                                                                                        \
    TN_WITH(tn_optim_adamw_opts, (.lr = 1e-3, .betas = {0.9, 0.999}, .eps = 1e-8, .weight_decay = 1e-2),                           \
            (tn_optim_adamw)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

enum { BETA1 = TNI_OPTIM_LR + 1, BETA2, EPS, DECAY, AMSGRAD, MAXIMIZE };
static const tni_option options[] = {
    {"amsgrad", TNI_OPTION_FLAG, AMSGRAD},   {"betas", TNI_OPTION_PAIR, BETA1},       {"eps", TNI_OPTION_NUMBER, EPS},
    {"lr", TNI_OPTION_NUMBER, TNI_OPTIM_LR}, {"maximize", TNI_OPTION_FLAG, MAXIMIZE}, {"weight_decay", TNI_OPTION_NUMBER, DECAY},
};

static bool check(const double *option) {
    TNI_TRY(tni_optim_check_positive("learning rate", option[TNI_OPTIM_LR]));
    TNI_TRY(tni_optim_check_positive("epsilon value", option[EPS]));
    for (int i = 0; i < 2; i++)
        TNI_CHECK(option[BETA1 + i] >= 0 && option[BETA1 + i] < 1, TN_ERR_VALUE, "Invalid beta parameter at index %d: %s", i,
                  TNI_NUMBER(option[BETA1 + i]));
    return tni_optim_check_positive("weight_decay value", option[DECAY]);
}

static uint32_t states(const double *option) { return option[AMSGRAD] != 0 ? 7 : 3; }

/* Parameters of a group have mostly taken the same number of steps: the powers are kept. */
static bool step(tni_optim_group *g, tni_optim_entry *e, tn_tensor *p, bool decoupled) {
    const double *option = g->option, lr = option[TNI_OPTIM_LR];
    if (g->cached_steps != e->steps) {
        g->cache[0] = 1 - pow(option[BETA1], e->steps);
        g->cache[1] = sqrt(1 - pow(option[BETA2], e->steps));
        g->cached_steps = e->steps;
    }
    const tni_adam_numbers n = {
        .beta1 = option[BETA1],
        .beta2 = option[BETA2],
        .eps = option[EPS],
        .l2 = decoupled ? 0 : option[DECAY],
        .shrink = decoupled ? 1 - lr * option[DECAY] : 1,
        .step_size = lr / g->cache[0],
        .root = g->cache[1],
        .maximize = option[MAXIMIZE] != 0,
    };
    return tni_adam_step(p, e->grad, e->state[0], e->state[1], option[AMSGRAD] != 0 ? e->state[2] : NULL, &n);
}
static bool adam_update(tni_optim_group *g, tni_optim_entry *e, tn_tensor *p) { return step(g, e, p, false); }
static bool adamw_update(tni_optim_group *g, tni_optim_entry *e, tn_tensor *p) { return step(g, e, p, true); }

#define ADAM_CLASS(name_, update_)                                                                                                 \
    {                                                                                                                              \
        .name = name_, .option = options, .options = TNI_COUNT(options), .state = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},     \
        .counts = true, .check = check, .states = states, .update = update_                                                        \
    }
static const tni_optim_class adam = ADAM_CLASS("Adam", adam_update), adamw = ADAM_CLASS("AdamW", adamw_update);

static tn_optim *make(const tni_optim_class *c, tn_tensors *params, const tn_optim_adam_opts *opts, double decay) {
    const double option[TNI_OPTIM_OPTIONS] = {
        [TNI_OPTIM_LR] = TNI_OPT(opts, lr, 1e-3),     [BETA1] = TNI_OPT(opts, betas[0], 0.9),
        [BETA2] = TNI_OPT(opts, betas[1], 0.999),     [EPS] = TNI_OPT(opts, eps, 1e-8),
        [DECAY] = TNI_OPT(opts, weight_decay, decay), [AMSGRAD] = TNI_OPT(opts, amsgrad, false),
        [MAXIMIZE] = TNI_OPT(opts, maximize, false),
    };
    return tni_optim_new(c, params, option);
}

/** Adam: torch.optim.Adam. Averages m of g and v of g * g; p -= lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps),
 *  with amsgrad over the largest v so far. weight_decay adds weight_decay * p to g; maximize negates g.
 *  params   from tn_parameters or tn_tensors_new [keep]: leaves; one that comes twice is taken once, with a warning
 *  returns  [scope]; NULL with TN_ERR_VALUE for an empty list, for a tensor with a history, and for a number out of range or NaN
 */
TN_API tn_optim *(tn_optim_adam)(tn_tensors *params, const tn_optim_adam_opts *opts) { return make(&adam, params, opts, 0); }

/** AdamW: torch.optim.AdamW. As tn_optim_adam, but weight_decay shrinks p by the factor 1 - lr * weight_decay before the step.
 *  [scope] */
TN_API tn_optim *(tn_optim_adamw)(tn_tensors *params, const tn_optim_adamw_opts *opts) { return make(&adamw, params, opts, 1e-2); }
