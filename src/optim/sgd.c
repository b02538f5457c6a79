/* optim/sgd.c - SGD: steps along the gradient, with momentum. */
#include "core/sparse.h"
#include "ops/optim_steps.h"
#include "optim/optim.h"
#include <tison/ops.h>
#include <tison/optim.h>

#ifdef TN_HEADER
typedef struct tn_optim_sgd_opts {
    size_t size;
    double lr;                                /* 1e-3 */
    double momentum, dampening, weight_decay; /* 0, 0, 0 */
    bool nesterov;                            /* false */
    struct tn_keywords_only *keywords_only;
    bool maximize; /* false */
} tn_optim_sgd_opts;
#ifndef __cplusplus
#define tn_optim_sgd(...)                                                                                                          \
    TN_WITH(tn_optim_sgd_opts, (.lr = 1e-3), (tn_optim_sgd)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

enum { MOMENTUM = TNI_OPTIM_LR + 1, DAMPENING, DECAY, NESTEROV, MAXIMIZE };
static const tni_option options[] = {
    {"dampening", TNI_OPTION_NUMBER, DAMPENING}, {"lr", TNI_OPTION_NUMBER, TNI_OPTIM_LR},
    {"maximize", TNI_OPTION_FLAG, MAXIMIZE},     {"momentum", TNI_OPTION_NUMBER, MOMENTUM},
    {"nesterov", TNI_OPTION_FLAG, NESTEROV},     {"weight_decay", TNI_OPTION_NUMBER, DECAY},
};

static bool check(const double *option) {
    TNI_TRY(tni_optim_check_positive("learning rate", option[TNI_OPTIM_LR]));
    TNI_TRY(tni_optim_check_positive("momentum value", option[MOMENTUM]));
    TNI_CHECK(option[DAMPENING] == option[DAMPENING], TN_ERR_VALUE, "Invalid dampening value: nan");
    TNI_TRY(tni_optim_check_positive("weight_decay value", option[DECAY]));
    TNI_CHECK(option[NESTEROV] == 0 || (option[MOMENTUM] > 0 && option[DAMPENING] == 0), TN_ERR_VALUE,
              "Nesterov momentum requires a momentum and zero dampening");
    return true;
}

static uint32_t states(const double *option) { return option[MOMENTUM] != 0; }

static bool update(tni_optim_group *g, tni_optim_entry *e, tn_tensor *p) {
    const double *option = g->option;
    const tni_sgd_numbers n = {option[TNI_OPTIM_LR],  option[MOMENTUM],      option[DAMPENING], option[DECAY],
                               option[NESTEROV] != 0, option[MAXIMIZE] != 0, e->fresh};
    return tni_sgd_step(p, e->grad, option[MOMENTUM] != 0 ? e->state[0] : NULL, &n);
}

static tn_tensor *add_scaled(tn_tensor *x, tn_tensor *y, double by) {
    const tn_add_opts opts = {.size = sizeof opts, .alpha = by};
    return (tn_add)(x, y, &opts);
}

/* buf = momentum * buf + (1 - dampening) * grad, at first a copy of grad; what the step goes along. */
static tn_tensor *with_momentum(const double *option, tni_optim_entry *e, tn_tensor *grad) {
    tn_tensor *old = e->state[0], *less = old ? tn_mul(old, option[MOMENTUM]) : NULL;
    tn_tensor *buffer = !old ? tn_clone(grad) : less ? add_scaled(less, grad, 1 - option[DAMPENING]) : NULL;
    if (!buffer) return NULL;
    e->next_state = tni_claimed(buffer);
    return option[NESTEROV] != 0 ? add_scaled(grad, buffer, option[MOMENTUM]) : buffer;
}

static bool prepare_sparse(tni_optim_group *g, tni_optim_entry *e) {
    TN_SCOPE;
    const double *option = g->option;
    tn_tensor *p = e->param, *grad = e->grad;
    if (option[MAXIMIZE] != 0 && !(grad = tn_neg(grad))) return false;
    if (option[DECAY] != 0 && !(grad = tni_is_sparse(p) ? add_scaled(grad, p, option[DECAY]) : NULL))
        return !tni_failed() && tni_fail(TN_ERR_RUNTIME, "weight_decay option is not compatible with sparse gradients");
    if (option[MOMENTUM] != 0 && !(grad = with_momentum(option, e, grad))) return false;
    return (e->next = tni_claimed(add_scaled(p, grad, -option[TNI_OPTIM_LR]))) != NULL;
}

static const tni_optim_class sgd = {.name = "SGD",
                                    .option = options,
                                    .options = TNI_COUNT(options),
                                    .state = {"momentum_buffer"},
                                    .mixed = true,
                                    .check = check,
                                    .states = states,
                                    .update = update,
                                    .prepare_sparse = prepare_sparse};

/** Stochastic gradient descent: torch.optim.SGD. buf = momentum * buf + (1 - dampening) * g, which the first step fills with g;
 *  p -= lr * buf, or with nesterov p -= lr * (g + momentum * buf). weight_decay adds weight_decay * p to g; maximize negates g.
 *  params   from tn_parameters or tn_tensors_new [keep]: leaves; one that comes twice is taken once, with a warning
 *  returns  [scope]; NULL with TN_ERR_VALUE for an empty list, for a tensor with a history, and for a number out of range or NaN
 */
TN_API tn_optim *(tn_optim_sgd)(tn_tensors *params, const tn_optim_sgd_opts *opts) {
    const double option[TNI_OPTIM_OPTIONS] = {
        [TNI_OPTIM_LR] = TNI_OPT(opts, lr, 1e-3),    [MOMENTUM] = TNI_OPT(opts, momentum, 0),
        [DAMPENING] = TNI_OPT(opts, dampening, 0),   [DECAY] = TNI_OPT(opts, weight_decay, 0),
        [NESTEROV] = TNI_OPT(opts, nesterov, false), [MAXIMIZE] = TNI_OPT(opts, maximize, false),
    };
    return tni_optim_new(&sgd, params, option);
}
