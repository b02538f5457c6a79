/* expect: must begin with: tn_module module; */
#include <tison.h>
typedef struct {
    tn_tensor *weight;
    tn_module module;
} cell;
static tn_tensor *cell_forward(cell *self, tn_tensor *x) { return tn_add(x, self->weight); }
TN_CLASS(cell, cell_forward, weight);
int main(void) { return tn_new(cell) == NULL; }
