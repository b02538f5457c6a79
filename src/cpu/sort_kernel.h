/* cpu/sort_kernel.h - sorting and selecting items with names N(name): ITEM, LESS(a, b) (a total order), TIES(a, b) (the order of the keys
 * alone), DIGIT(item, pass) of DIGIT_BITS bits in PASSES passes; sort.c includes it. All items of a row differ, so that no algorithm can
 * be unstable. */

static void N(insertion)(ITEM *x, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        ITEM moving = x[i];
        int64_t j = i;
        for (; j > 0 && LESS(moving, x[j - 1]); j--) x[j] = x[j - 1];
        x[j] = moving;
    }
}

/* Runs of RUN by insertion, then merges from one array into the other. Returns where the sorted items are. */
static ITEM *N(merge)(ITEM *x, ITEM *other, int64_t n) {
    for (int64_t i = 0; i < n; i += RUN) N(insertion)(x + i, TNI_MIN(RUN, n - i));
    for (int64_t width = RUN; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            int64_t a = i, middle = TNI_MIN(i + width, n), b = middle, end = TNI_MIN(i + 2 * width, n), out = i;
            while (a < middle && b < end) {
                bool second = LESS(x[b], x[a]);
                other[out++] = second ? x[b] : x[a];
                a += !second, b += second;
            }
            while (a < middle) other[out++] = x[a++];
            while (b < end) other[out++] = x[b++];
        }
        ITEM *swap = x;
        x = other, other = swap;
    }
    return x;
}

/* By digits from the lowest on; the items come in the order of their indices. */
static ITEM *N(radix)(ITEM *x, ITEM *other, int64_t n) {
    enum { BUCKETS = 1 << DIGIT_BITS };
    int64_t count[PASSES][BUCKETS];
    memset(count, 0, sizeof count);
    for (int64_t i = 0; i < n; i++)
        for (int pass = 0; pass < PASSES; pass++) count[pass][DIGIT(x[i], pass)]++;
    for (int pass = 0; pass < PASSES; pass++) {
        if (count[pass][DIGIT(x[0], pass)] == n) continue; /* all alike */
        int64_t start = 0;
        for (int b = 0; b < BUCKETS; b++) {
            int64_t here = count[pass][b];
            count[pass][b] = start;
            start += here;
        }
        for (int64_t i = 0; i < n; i++) other[count[pass][DIGIT(x[i], pass)]++] = x[i];
        ITEM *swap = x;
        x = other, other = swap;
    }
    return x;
}

static ITEM *N(sort_items)(ITEM *x, ITEM *other, int64_t n) {
    return n < RADIX_FROM ? N(merge)(x, other, n) : N(radix)(x, other, n);
}

/* Afterwards x[k] is what sorting would put there, and nothing before it is larger. Median of three; a row that makes it go wrong
 * too often is sorted. */
static void N(select)(ITEM *x, ITEM *other, int64_t n, int64_t k) {
    int64_t low = 0, high = n - 1;
    for (int round = 0; high - low > RUN; round++) {
        if (round == 100) {
            ITEM *sorted = N(merge)(x + low, other, high - low + 1);
            if (sorted == other) memcpy(x + low, other, (size_t)(high - low + 1) * sizeof *x);
            return;
        }
        ITEM a = x[low], b = x[(low + high) / 2], c = x[high];
        ITEM pivot = LESS(a, b) ? (LESS(b, c) ? b : LESS(a, c) ? c : a) : (LESS(a, c) ? a : LESS(b, c) ? c : b);
        int64_t i = low, j = high;
        while (i <= j) {
            while (LESS(x[i], pivot)) i++;
            while (LESS(pivot, x[j])) j--;
            if (i > j) break;
            ITEM swap = x[i];
            x[i++] = x[j], x[j--] = swap;
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            return;
    }
    N(insertion)(x + low, high - low + 1);
}

/* The k smallest, in order, into `best` (room for k), by comparing each with the worst so far. */
static void N(few)(const ITEM *x, int64_t n, int64_t k, ITEM *best) {
    int64_t filled = 0;
    for (int64_t i = 0; i < n; i++) {
        if (filled == k && LESS(best[k - 1], x[i])) continue;
        int64_t j = filled < k ? filled++ : k - 1;
        for (; j > 0 && LESS(x[i], best[j - 1]); j--) best[j] = best[j - 1];
        best[j] = x[i];
    }
}

#include "cpu/topk_ties.h"

/* One row; `items` has room for 2 n. */
static void N(row)(const sort_work *w, int64_t row, ITEM *items) {
    ITEM *other = items + w->n, *found = items;
    const char *x = (const char *)w->x + (size_t)(row * w->n) * w->size;
    int64_t n = w->n, k = w->k;
    N(keys)(w->dtype, x, n, w->descending, items);
    if (w->what == SORT) {
        found = N(sort_items)(items, other, n);
    } else if (w->what == KTH) {
        N(select)(items, other, n, k - 1);
        found = items + k - 1, k = 1;
    } else if (k <= FEW) {
        N(few)(items, n, k, found = other);
    } else if (k == n) {
        found = N(sort_items)(items, other, n);
    } else {
        N(select)(items, other, n, k - 1);
        found = N(merge)(items, other, k); /* they are no longer in the order that radix needs */
    }
    if (w->what == TOPK && N(has_ties)(found, k, items, n)) {
        N(keys)(w->dtype, x, n, w->descending, found = items);
        N(topk_tied)(items, k, n);
    }
    int64_t *indices = w->indices + row * k;
    for (int64_t i = 0; i < k; i++) indices[i] = INDEX(found[i]);
    if (w->values != NULL) gather(w->size, (char *)w->values + (size_t)(row * k) * w->size, x, indices, k);
}

static void N(rows)(int64_t begin, int64_t end, void *context) {
    sort_work *w = context;
    size_t bytes = (size_t)w->n * 2 * sizeof(ITEM);
    ITEM *items = tni_alloc(bytes);
    if (items == NULL) {
        atomic_store(&w->failed, true);
        return;
    }
    for (int64_t row = begin; row < end; row++) N(row)(w, row, items);
    tni_free(items, bytes);
}

#undef ITEM
#undef LESS
#undef TIES
#undef INDEX
#undef DIGIT
#undef DIGIT_BITS
#undef PASSES
#undef N
