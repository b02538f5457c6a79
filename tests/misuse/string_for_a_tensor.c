/* expect: tn_add */
#include <tison.h>
int main(void) { return tn_add(tn_ones(3), "one") == NULL; }
