/* ops/einsum.c - sums of products in Einstein's notation. */
#include "core/op.h"
#include <stdio.h>
#include <string.h>
#include <tison/ops.h>

enum { LETTERS = 52, ELLIPSIS = LETTERS, LABELS = LETTERS + TNI_MAX_DIMS, MAX_OPERANDS = 32 };

/* What stands for one operand; the ellipsis once. */
typedef struct subscript {
    int8_t label[TNI_MAX_DIMS + 1];
    size_t n;
    bool ellipsis;
} subscript;

typedef struct reading {
    subscript in[MAX_OPERANDS];
    size_t operands;
    subscript out;
    int uses[LETTERS + 1]; /* of each label among the inputs */
    int64_t size[LABELS];  /* of each label, then of the dims of the ellipsis */
    size_t ellipsis_dims;
    int place[LABELS]; /* of each label among the common dims: those of the output first; -1: not used */
    size_t kept, dims;
} reading;

#define FAIL_UNLESS(condition, ...) TNI_CHECK(condition, TN_ERR_RUNTIME, "einsum(): " __VA_ARGS__)

static char letter(int label) { return (char)(label < 26 ? 'A' + label : 'a' + label - 26); }
static int label_of(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }

/* ---- reading ---- */

static bool read_ellipsis(const char **p, const char *end, subscript *s, size_t operand, bool output) {
    bool whole = *p + 2 < end && (*p)[1] == '.' && (*p)[2] == '.';
    if (output) {
        FAIL_UNLESS(!s->ellipsis, "found '.' for output but an ellipsis (...) was already found");
        FAIL_UNLESS(whole, "found '.' for output that is not part of any ellipsis (...)");
    } else {
        FAIL_UNLESS(!s->ellipsis, "found '.' for operand %zu for which an ellipsis was already found", operand);
        FAIL_UNLESS(whole, "found '.' for operand %zu that is not part of any ellipsis", operand);
    }
    s->label[s->n++] = ELLIPSIS;
    s->ellipsis = true;
    *p += 2;
    return true;
}

static bool read_label(const reading *e, const char *text, const char *p, subscript *s, bool output) {
    int label = label_of(*p);
    FAIL_UNLESS(label >= 0, "invalid subscript given at index %zu in the equation string, subscripts must be in [a-zA-Z]",
                (size_t)(p - text));
    FAIL_UNLESS(s->n < TNI_MAX_DIMS, "too many subscripts");
    if (output) {
        FAIL_UNLESS(e->uses[label] > 0, "output subscript %c does not appear in the equation for any input operand", *p);
        FAIL_UNLESS(!memchr(s->label, label, s->n), "output subscript %c appears more than once in the output", *p);
    }
    s->label[s->n++] = (int8_t)label;
    return true;
}

static bool read_inputs(reading *e, const char *text, const char *end) {
    size_t at = 0;
    for (const char *p = text; p < end; p++) {
        subscript *s = &e->in[at];
        if (*p == ' ') continue;
        if (*p == ',') {
            FAIL_UNLESS(++at < e->operands, "fewer operands were provided than specified in the equation");
        } else if (*p == '.') {
            TNI_TRY(read_ellipsis(&p, end, s, at, false));
            e->uses[ELLIPSIS]++;
        } else {
            TNI_TRY(read_label(e, text, p, s, false));
            e->uses[s->label[s->n - 1]]++;
        }
    }
    FAIL_UNLESS(at + 1 == e->operands, "more operands were provided than specified in the equation");
    return true;
}

/* Without "->" the output is the ellipsis, then what appears once, in the order of the alphabet. */
static bool read_output(reading *e, const char *text, const char *p) {
    subscript *s = &e->out;
    if (!p) {
        if (e->uses[ELLIPSIS]) s->label[s->n++] = ELLIPSIS, s->ellipsis = true;
        for (int label = 0; label < LETTERS; label++)
            if (e->uses[label] == 1) s->label[s->n++] = (int8_t)label;
        return true;
    }
    const char *end = p + strlen(p);
    for (; p < end; p++) {
        if (*p == ' ') continue;
        TNI_TRY(*p == '.' ? read_ellipsis(&p, end, s, 0, true) : read_label(e, text, p, s, true));
    }
    return true;
}

/* ---- sizes, and the places of the labels ---- */

static bool set_size(reading *e, int label, int64_t size, size_t operand) {
    int64_t *known = &e->size[label];
    if (*known != 1 && size != 1 && *known != size) {
        char name[8] = {label < LETTERS ? letter(label) : '.', label < LETTERS ? '\0' : '.', '.', '\0'};
        FAIL_UNLESS(false, "subscript %s has size %lld for operand %zu which does not broadcast with previously seen size %lld",
                    name, (long long)size, operand, (long long)*known);
    }
    if (size != 1) *known = size;
    return true;
}

static bool measure(reading *e, tn_tensor *const *in) {
    for (size_t i = 0; i < e->operands; i++) {
        const subscript *s = &e->in[i];
        size_t named = s->n - s->ellipsis, ndim = in[i]->a.ndim;
        FAIL_UNLESS(
            s->ellipsis || named == ndim,
            "the number of subscripts in the equation (%zu) does not match the number of dimensions (%zu) for operand %zu and no "
            "ellipsis was given",
            named, ndim, i);
        FAIL_UNLESS(named <= ndim,
                    "the number of subscripts in the equation (%zu) is more than the number of dimensions (%zu) for operand %zu",
                    named, ndim, i);
        if (s->ellipsis) e->ellipsis_dims = TNI_MAX(e->ellipsis_dims, ndim - named);
    }
    for (int label = 0; label < LABELS; label++) e->size[label] = 1;
    for (size_t i = 0; i < e->operands; i++) {
        const subscript *s = &e->in[i];
        size_t own = in[i]->a.ndim - (s->n - s->ellipsis), dim = 0;
        for (size_t k = 0; k < s->n; k++) {
            if (s->label[k] != ELLIPSIS) {
                TNI_TRY(set_size(e, s->label[k], in[i]->a.sizes[dim++], i));
                continue;
            }
            for (size_t d = e->ellipsis_dims - own; d < e->ellipsis_dims; d++)
                TNI_TRY(set_size(e, ELLIPSIS + (int)d, in[i]->a.sizes[dim++], i));
        }
    }
    return true;
}

static bool place_labels(reading *e) {
    for (int label = 0; label < LABELS; label++) e->place[label] = -1;
    size_t n = 0;
    for (size_t k = 0; k < e->out.n; k++) {
        if (e->out.label[k] != ELLIPSIS) {
            e->place[(int)e->out.label[k]] = (int)n++;
            continue;
        }
        for (size_t d = 0; d < e->ellipsis_dims; d++) e->place[ELLIPSIS + d] = (int)n++;
    }
    e->kept = n;
    for (size_t d = 0; !e->out.ellipsis && d < e->ellipsis_dims; d++) e->place[ELLIPSIS + d] = (int)n++;
    for (int label = 0; label < LETTERS; label++)
        if (e->uses[label] && e->place[label] < 0) e->place[label] = (int)n++;
    e->dims = n;
    FAIL_UNLESS(n <= TNI_MAX_DIMS, "%zu dimensions; at most %d are possible", n, (int)TNI_MAX_DIMS);
    return true;
}

/* A label that comes again gives the diagonal, which becomes the last dim. */
static tn_tensor *take_diagonals(tn_tensor *x, int *label, int *n, size_t operand) {
    for (int a = 0; x && a < *n; a++) {
        int b = a + 1, same = label[a];
        while (b < *n && label[b] != same) b++;
        if (b == *n) continue;
        if (x->a.sizes[a] != x->a.sizes[b]) {
            tni_fail(TN_ERR_RUNTIME, "einsum(): subscript %c is repeated for operand %zu but the sizes don't match, %lld != %lld",
                     letter(same), operand, (long long)x->a.sizes[b], (long long)x->a.sizes[a]);
            return NULL;
        }
        x = (tn_diagonal)(x, &(tn_diagonal_opts){sizeof(tn_diagonal_opts), 0, a, b});
        memmove(label + b, label + b + 1, (size_t)(*n - b - 1) * sizeof *label);
        memmove(label + a, label + a + 1, (size_t)(*n - a - 2) * sizeof *label);
        *n -= 1;
        label[*n - 1] = same;
        a = -1;
    }
    return x;
}

/* An operand with the common dims, of size 1 where it has none. */
static tn_tensor *spread(const reading *e, tn_tensor *x, size_t operand) {
    const subscript *s = &e->in[operand];
    int label[TNI_MAX_DIMS], own = x->a.ndim - (int)s->n + 1, n = 0, from[TNI_MAX_DIMS];
    for (size_t k = 0; k < s->n; k++) {
        if (s->label[k] != ELLIPSIS) label[n++] = s->label[k];
        for (int d = 0; s->label[k] == ELLIPSIS && d < own; d++) label[n++] = ELLIPSIS + (int)e->ellipsis_dims - own + d;
    }
    x = take_diagonals(x, label, &n, operand);
    int64_t order[TNI_MAX_DIMS];
    size_t used = 0;
    for (size_t d = 0; d < e->dims; d++) from[d] = -1;
    for (int k = 0; k < n; k++) from[e->place[label[k]]] = k;
    for (size_t d = 0; d < e->dims; d++)
        if (from[d] >= 0) order[used++] = from[d];
    x = x ? (tn_permute)(x, order, used) : NULL;
    for (size_t d = 0; x && d < e->dims; d++)
        if (from[d] < 0) x = tn_unsqueeze(x, (int64_t)d);
    return x;
}

/* ---- one product: dims that nobody needs any more are summed ---- */

/* The dims of a pair, by what they are to it. */
typedef struct pair {
    int64_t order[TNI_MAX_DIMS];      /* both have, a alone, b alone, neither; then those that both have and that are summed */
    size_t both, left, right, summed; /* how many of them; of neither: the rest */
} pair;

static tn_tensor *sum_dims(tn_tensor *x, const bool *needed, const tn_tensor *other) {
    int64_t dims[TNI_MAX_DIMS];
    size_t n = 0;
    for (int d = 0; d < x->a.ndim; d++)
        if (!needed[d] && x->a.sizes[d] != 1 && (!other || other->a.sizes[d] == 1)) dims[n++] = d;
    return n ? tn_sum(x, .dims = {n, dims}, .keepdim = true) : x;
}

static void sort_dims(const tn_tensor *a, const tn_tensor *b, const bool *needed, pair *p) {
    size_t n = 0, count[5] = {0};
    for (int kind = 0; kind < 5; kind++)
        for (int d = 0; d < a->a.ndim; d++) {
            bool in_a = a->a.sizes[d] != 1, in_b = b->a.sizes[d] != 1;
            int own = in_a && in_b ? (needed[d] ? 0 : 4) : in_a ? 1 : in_b ? 2 : 3;
            if (own == kind) p->order[n++] = d, count[kind]++;
        }
    p->both = count[0], p->left = count[1], p->right = count[2], p->summed = count[4];
}

static int64_t product_of(const tn_tensor *x, const int64_t *dims, size_t n) {
    int64_t product = 1;
    for (size_t i = 0; i < n; i++) product *= x->a.sizes[dims[i]];
    return product;
}

static bool has_dim(const int64_t *dims, size_t n, int64_t d) {
    for (size_t i = 0; i < n; i++)
        if (dims[i] == d) return true;
    return false;
}

/* Its dims in the order (both, one, summed) or (both, summed, one), as a batch of matrices. */
static tn_tensor *as_matrices(tn_tensor *x, const pair *p, bool left) {
    const int64_t *one = p->order + p->both + (left ? 0 : p->left), *summed = p->order + x->a.ndim - p->summed;
    size_t n = left ? p->left : p->right;
    int64_t order[TNI_MAX_DIMS], batch = product_of(x, p->order, p->both), rows = product_of(x, one, n),
                                 inner = product_of(x, summed, p->summed);
    size_t at = p->both;
    memcpy(order, p->order, at * sizeof *order);
    memcpy(order + at, left ? one : summed, (left ? n : p->summed) * sizeof *order), at += left ? n : p->summed;
    memcpy(order + at, left ? summed : one, (left ? p->summed : n) * sizeof *order), at += left ? p->summed : n;
    for (int d = 0; d < x->a.ndim; d++) /* what has size 1 comes last */
        if (!has_dim(order, at, d)) order[at++] = d;
    x = (tn_permute)(x, order, at);
    return (tn_reshape)(x, left ? (const int64_t[]){batch, rows, inner} : (const int64_t[]){batch, inner, rows}, 3);
}

/* a times b; dims that are not needed are gone (size 1) afterwards. */
static tn_tensor *multiply(tn_tensor *a, tn_tensor *b, const bool *needed) {
    pair p;
    a = sum_dims(a, needed, b);
    b = a ? sum_dims(b, needed, a) : NULL;
    if (!b) return NULL;
    sort_dims(a, b, needed, &p);
    if (p.summed == 0) return tn_mul(a, b);
    tn_tensor *y = tn_bmm(as_matrices(a, &p, true), as_matrices(b, &p, false));
    int64_t sizes[TNI_MAX_DIMS], back[TNI_MAX_DIMS];
    size_t ndim = a->a.ndim;
    for (size_t i = 0; i < ndim; i++) {
        int64_t d = p.order[i];
        sizes[i] = i < p.both + p.left ? a->a.sizes[d] : i < p.both + p.left + p.right ? b->a.sizes[d] : 1;
        back[d] = (int64_t)i;
    }
    return (tn_permute)((tn_reshape)(y, sizes, ndim), back, ndim);
}

/* ---- the order: the pair with the smallest result first, the earlier one of equals ---- */

static void needed_dims(const reading *e, tn_tensor *const *x, size_t n, size_t i, size_t j, bool *needed) {
    for (size_t d = 0; d < e->dims; d++) {
        needed[d] = d < e->kept;
        for (size_t k = 0; k < n && !needed[d]; k++) needed[d] = k != i && k != j && x[k]->a.sizes[d] != 1;
    }
}

/* Elements of the product, less what goes away with its operands. */
static double cost(const reading *e, tn_tensor *const *x, size_t n, size_t i, size_t j) {
    bool needed[TNI_MAX_DIMS];
    double size = 1;
    needed_dims(e, x, n, i, j, needed);
    for (size_t d = 0; d < e->dims; d++)
        if (needed[d]) size *= (double)TNI_MAX(x[i]->a.sizes[d], x[j]->a.sizes[d]);
    return size - (double)x[i]->a.numel - (double)x[j]->a.numel;
}

static tn_tensor *contract(const reading *e, tn_tensor **x) {
    bool needed[TNI_MAX_DIMS];
    size_t n = e->operands;
    for (; n > 1; n--) {
        size_t a = 0, b = 1;
        double best = cost(e, x, n, 0, 1);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) {
                double c = n > 2 ? cost(e, x, n, i, j) : best;
                if (c < best) best = c, a = i, b = j;
            }
        needed_dims(e, x, n, a, b, needed);
        if (!(x[a] = multiply(x[a], x[b], needed))) return NULL;
        memmove(x + b, x + b + 1, (n - b - 1) * sizeof *x);
    }
    needed_dims(e, x, 1, 0, 0, needed);
    tn_tensor *y = sum_dims(x[0], needed, NULL);
    for (size_t d = e->dims; y && d-- > e->kept;) y = tn_squeeze(y, (int64_t)d);
    return y;
}

/* ---- the operator ---- */

static bool einsum_run(tni_call *c) {
    const char *text = c->arg[0].p, *arrow = text ? strstr(text, "->") : NULL;
    TNI_CHECK(
        text && c->nin > 0, TN_ERR_VALUE,
        "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list");
    TNI_CHECK(c->nin <= MAX_OPERANDS, TN_ERR_VALUE, "einsum(): %zu operands; at most %d are possible", c->nin, (int)MAX_OPERANDS);
    reading e = {.operands = c->nin};
    tn_tensor *x[MAX_OPERANDS];
    TNI_TRY(read_inputs(&e, text, arrow ? arrow : text + strlen(text)) && read_output(&e, text, arrow ? arrow + 2 : NULL));
    TNI_TRY(measure(&e, c->in) && place_labels(&e));
    for (size_t i = 0; i < e.operands; i++)
        if (!(x[i] = spread(&e, c->in[i], i))) return false;
    return (c->out[0] = contract(&e, x)) != NULL;
}

TN_OP(einsum, .schema = "einsum(str equation, Tensor[] tensors) -> Tensor", .run = einsum_run, .composite = true,
      .samples = TN_SAMPLES("(f32[2,3] f32[3,4]) 'ij,jk->ik' @bench", "(f64[2,3] f64[3,4]) 'ij,jk'", "(f64[3,3]) 'ii'",
                            "(f64[3,3]) 'ii->i'", "(f64[2,3]) 'ji'", "(f64[2,3,4]) '...i->...'", "(f64[2] f64[3]) 'i,j' small",
                            "(f64[2,3] f64[3,4] f64[4,2]) 'ij,jk,kl->il'", "(f64[2,3]) 'ij->'",
                            "(f32[2,1,2,3] f32[4,3,2]) '...ij,...jk->...ik'", "(f64[2,3,4] f64[2,4,3]) 'bij,bjk->bk'", "(f32[]) ''",
                            "(f64[3] f64[1]) 'i,i->'", "(f64[2,3,3] f64[3]) 'aii,i->a'", "(i64[2,3] i64[3,2]) 'ij,jk->ik'",
                            "(f64[2,3] f64[3] f64[2]) 'ij,j,i->'", "(f32[0,3] f32[3,2]) 'ij,jk->ik'",
                            "(f64[2,2,2] f64[2,2] f64[2,2]) 'abc,bd,ce->ade'", "(f32[2,3] f32[2,3]) 'ij,jk' !runtime",
                            "(f32[2,3]) 'i' !runtime", "(f32[2,3]) 'ij->k' !runtime", "(f32[2,3]) 'ij->ii' !runtime",
                            "(f32[2,3]) '..ij' !runtime", "(f32[2,3]) 'i$' !runtime", "(f32[2,3]) 'ij,ij' !runtime",
                            "(f32[2,3] f32[2,3]) 'ij' !runtime", "(f32[2,3]) 'ii' !runtime",
                            "(f32[2,3] f64[3,2]) 'ij,jk->ik' !dtype"));

/** Products of tensors' elements, summed over the subscripts that the output does not have: torch.einsum.
 *  equation  "ij,jk->ik"; letters, "..." for the dims without letter, spaces; without "->" the output has what appears once
 *  tensors   one for each subscript list; a letter's sizes are equal or 1. tn_einsum("ij,jk->ik", TN_TENSORS(a, b))
 *  returns   [scope]; TN_ERR_RUNTIME for an equation that cannot be read or does not fit
 */
TN_API tn_tensor *tn_einsum(const char *equation, tn_tensor *const *tensors, size_t n) {
    tn_tensor *in[MAX_OPERANDS + 1] = {NULL};
    size_t used = TNI_MIN(n, MAX_OPERANDS + 1u);
    if (tensors) memcpy(in, tensors, used * sizeof *in);
    return tni_run_op(&tni_op_einsum, in, tensors ? used : 0, TNI_ARGS({.p = equation}));
}
