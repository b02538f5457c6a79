/* expect: module */
/* tn_forward wants a struct that begins with a module. */
#include <tison.h>
int main(void) {
    tn_tensor *x = tn_ones(3);
    return tn_forward(x, x) == NULL;
}
