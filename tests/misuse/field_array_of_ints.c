/* expect: 'int64_t' */
/* Nor does an array of ints. */
#include <tison.h>
typedef struct {
    tn_module module;
    int64_t shape[4];
} cell;
static tn_tensor *cell_forward(cell *self, tn_tensor *x) {
    (void)self;
    return x;
}
TN_CLASS(cell, cell_forward, shape);
int main(void) { return tn_new(cell) == NULL; }
