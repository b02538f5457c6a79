/* core/map.h - elementwise operators: the loops that they bring (core/loop.h), and what the core does around them. */
#ifndef TNI_MAP_H
#define TNI_MAP_H
#include "core/loop.h"

typedef enum {
    TNI_SAME,      /* computed and returned in the common dtype */
    TNI_FLOATING,  /* integers are computed in the default dtype */
    TNI_TO_BOOL,   /* computed in the common dtype, returned as bool */
    TNI_TO_REAL,   /* as TNI_SAME, but complex numbers give the dtype of their parts */
    TNI_TO_COMPLEX /* computed in a floating dtype, returned in the complex one of such parts */
} tni_map_rule;

int tni_map_column(tn_dtype dtype); /* of a table of loops; -1: none */

typedef struct tni_map {
    tni_map_rule rule;
    bool exact_scalars; /* a 0-d operand of float16 and bfloat16 arithmetic is not rounded to them first, as in PyTorch */
    tni_loop *loop[TNI_COLUMNS];
} tni_map;
#define TNI_MAP(rule_, ...)                                                                                                        \
    {                                                                                                                              \
        .rule = (rule_), .loop = { __VA_ARGS__ }                                                                                   \
    }
#define TNI_ARITHMETIC_MAP(...)                                                                                                    \
    {                                                                                                                              \
        .rule = TNI_SAME, .exact_scalars = true, .loop = { __VA_ARGS__ }                                                           \
    }

bool tni_run_map(tni_call *c);                                        /* .run of every elementwise operator */
bool tni_run_map_with(tni_call *c, const tni_map *map);               /* for one that chooses among several maps */
bool tni_run_map_in(tni_call *c, const tni_map *map, tn_dtype dtype); /* computed in this dtype instead of the promoted one */
tn_dtype tni_map_dtype(const tni_call *c, tni_map_rule rule);         /* the dtype that the inputs are computed in */
/* The bare loop over arrays of one shape after broadcasting to out's (inputs must broadcast); used by run and by the engine. */
bool tni_map_arrays(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg);
/* The same where the loop is float32's and some of the arrays are float16 or bfloat16: they are widened block by block. */
bool tni_map_arrays_widened(tni_loop *loop, const tni_array *const *arrays, size_t n, const tni_value *arg);
/* The loop of a table for a dtype; *widen: it is float32's. NULL: none. */
tni_loop *tni_map_loop(tni_loop *const *table, tn_dtype dtype, bool *widen);
#endif
