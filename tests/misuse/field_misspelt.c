/* expect: wieght */
#include <tison.h>
typedef struct {
    tn_module module;
    tn_tensor *weight;
} cell;
static tn_tensor *cell_forward(cell *self, tn_tensor *x) { return tn_add(x, self->weight); }
TN_CLASS(cell, cell_forward, wieght);
int main(void) { return tn_new(cell) == NULL; }
