/* expect: the forward of cell must be */
#include <tison.h>
typedef struct {
    tn_module module;
    tn_tensor *weight;
} cell;
static float cell_forward(cell *self, float x) {
    (void)self;
    return x;
}
TN_CLASS(cell, cell_forward, weight);
int main(void) { return tn_new(cell) == NULL; }
