/* cpu/topk_ties.h - topk of rows with equal elements, names N(name): ITEM, TIES(a, b) (an order by keys alone), N(insertion_tied).
 * Which of the equals come, and in which order, is what PyTorch's build gives: its topk is the C++ library's partial_sort for few of many and
 * nth_element followed by sort otherwise, and these are their steps. sort.c includes it. */

static void N(swap)(ITEM *a, ITEM *b) {
    ITEM kept = *a;
    *a = *b, *b = kept;
}

/* ---- a heap with the last in order at its top ---- */

static void N(sift)(ITEM *x, int64_t hole, int64_t n, ITEM value) {
    int64_t top = hole, child = hole;
    while (child < (n - 1) / 2) {
        child = 2 * (child + 1);
        if (TIES(x[child], x[child - 1])) child--;
        x[hole] = x[child], hole = child;
    }
    if (n % 2 == 0 && child == (n - 2) / 2) {
        child = 2 * child + 1;
        x[hole] = x[child], hole = child;
    }
    for (int64_t parent; hole > top && TIES(x[parent = (hole - 1) / 2], value); hole = parent) x[hole] = x[parent];
    x[hole] = value;
}

/* The top goes to *to, whose value takes a place in the heap. */
static void N(exchange_top)(ITEM *x, int64_t n, ITEM *to) {
    ITEM value = *to;
    *to = x[0];
    N(sift)(x, 0, n, value);
}

/* The first k places become a heap of the k that come first. */
static void N(heap_select)(ITEM *x, int64_t k, int64_t n) {
    for (int64_t i = (k - 2) / 2; k > 1 && i >= 0; i--) N(sift)(x, i, k, x[i]);
    for (int64_t i = k; i < n; i++)
        if (TIES(x[i], x[0])) N(exchange_top)(x, k, x + i);
}

static void N(partial_sort)(ITEM *x, int64_t k, int64_t n) {
    N(heap_select)(x, k, n);
    for (int64_t last = k - 1; last > 0; last--) N(exchange_top)(x, last, x + last);
}

/* ---- partitions around a median of three ---- */

static int64_t N(partition)(ITEM *x, int64_t first, int64_t last) {
    ITEM *a = x + first + 1, *b = x + first + (last - first) / 2, *c = x + last - 1;
    ITEM *median = TIES(*a, *b) ? (TIES(*b, *c) ? b : TIES(*a, *c) ? c : a) : (TIES(*a, *c) ? a : TIES(*b, *c) ? c : b);
    N(swap)(x + first, median);
    int64_t low = first + 1, high = last;
    for (;; low++) {
        while (TIES(x[low], x[first])) low++;
        high--;
        while (TIES(x[first], x[high])) high--;
        if (low >= high) return low;
        N(swap)(x + low, x + high);
    }
}

static int N(rounds)(int64_t n) {
    int log = 0;
    while (n > 1) n /= 2, log++;
    return 2 * log;
}

static void N(insertion_tied)(ITEM *x, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        ITEM moving = x[i];
        int64_t j = i;
        for (; j > 0 && TIES(moving, x[j - 1]); j--) x[j] = x[j - 1];
        x[j] = moving;
    }
}

static void N(nth_element)(ITEM *x, int64_t nth, int64_t n) {
    int64_t first = 0, last = n;
    for (int left = N(rounds)(n); last - first > 3; left--) {
        if (left == 0) {
            N(heap_select)(x + first, nth + 1 - first, last - first);
            N(swap)(x + first, x + nth);
            return;
        }
        int64_t cut = N(partition)(x, first, last);
        *(cut <= nth ? &first : &last) = cut;
    }
    N(insertion_tied)(x + first, last - first);
}

/* The right part of each partition waits, the left one goes on; in which order they are sorted makes no difference. */
static void N(introsort)(ITEM *x, int64_t n) {
    enum { WAITING = 128, SMALL = 16 };
    struct {
        int64_t first, last;
        int left;
    } wait[WAITING];
    int waiting = 0;
    int64_t first = 0, last = n;
    for (int left = N(rounds)(n);;) {
        while (last - first > SMALL) {
            if (left-- == 0) {
                N(partial_sort)(x + first, last - first, last - first);
                break;
            }
            int64_t cut = N(partition)(x, first, last);
            wait[waiting].first = cut, wait[waiting].last = last, wait[waiting++].left = left;
            last = cut;
        }
        if (waiting == 0) break;
        first = wait[--waiting].first, last = wait[waiting].last, left = wait[waiting].left;
    }
    N(insertion_tied)(x, n);
}

static void N(topk_tied)(ITEM *x, int64_t k, int64_t n) {
    if (k * 64 <= n) {
        N(partial_sort)(x, k, n);
        return;
    }
    N(nth_element)(x, k - 1, n);
    N(introsort)(x, k - 1);
}

/* Of k found items, sorted, and the rest: are two of those found equal, or the last one and one that was left? */
static bool N(has_ties)(const ITEM *found, int64_t k, const ITEM *all, int64_t n) {
    for (int64_t i = 1; i < k; i++)
        if (!TIES(found[i - 1], found[i])) return true;
    int64_t equal = 0;
    for (int64_t i = 0; i < n; i++) equal += !TIES(all[i], found[k - 1]) && !TIES(found[k - 1], all[i]);
    return equal > 1;
}
