/* expect: hidden_size */
/* A field of a class is a pointer or an array of pointers: an int does not compile. */
#include <tison.h>
typedef struct {
    tn_module module;
    int hidden_size;
} cell;
static tn_tensor *cell_forward(cell *self, tn_tensor *x) {
    (void)self;
    return x;
}
TN_CLASS(cell, cell_forward, hidden_size);
int main(void) { return tn_new(cell) == NULL; }
