/* ops/pair.h - options that hold one number for height and width, or one for each. */
#ifndef TNI_PAIR_H
#define TNI_PAIR_H

/* Number i of an option of two: from field_hw when that is given, else from field. */
#define PAIR(opts, field, i, other)                                                                                                \
    ((opts) && ((opts)->field##_hw[0] || (opts)->field##_hw[1]) ? (opts)->field##_hw[i] : (opts) ? (opts)->field : (other))
/* The other way: from a schema's argument, a list of one or two; an empty list leaves the default. */
#define SET_PAIR(opts, field, value)                                                                                               \
    do {                                                                                                                           \
        const int64_t *v_ = (value).ints.v;                                                                                        \
        if ((value).ints.n == 1 || ((value).ints.n == 2 && v_[0] == v_[1]))                                                        \
            (opts).field = v_[0];                                                                                                  \
        else if ((value).ints.n == 2)                                                                                              \
            (opts).field##_hw[0] = v_[0], (opts).field##_hw[1] = v_[1];                                                            \
    } while (0)
#endif
