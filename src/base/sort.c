/* base/sort.c - heap sort. */
#include "base/sort.h"

static void sift(size_t *order, size_t root, size_t n, tni_compare *compare, const void *context) {
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare(context, order[child], order[child + 1]) < 0) child++;
        if (compare(context, order[root], order[child]) >= 0) return;
        size_t t = order[root];
        order[root] = order[child];
        order[child] = t;
    }
}

void tni_sort(size_t *order, size_t n, tni_compare *compare, const void *context) {
    bool sorted = true;
    for (size_t k = 0; k < n; k++) order[k] = k;
    for (size_t k = 1; k < n && sorted; k++) sorted = compare(context, k - 1, k) <= 0;
    if (sorted) return;
    for (size_t k = n / 2; k-- > 0;) sift(order, k, n, compare, context);
    for (size_t k = n; k-- > 1;) {
        size_t t = order[0];
        order[0] = order[k];
        order[k] = t;
        sift(order, 0, k, compare, context);
    }
}
