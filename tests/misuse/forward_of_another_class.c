/* expect: the forward of cell must be */
#include <tison.h>
typedef struct {
    tn_module module;
    tn_tensor *weight;
} cell;
typedef struct {
    tn_module module;
    tn_tensor *weight;
} other;
static tn_tensor *other_forward(other *self, tn_tensor *x) { return tn_add(x, self->weight); }
TN_CLASS(cell, other_forward, weight);
int main(void) { return tn_new(cell) == NULL; }
