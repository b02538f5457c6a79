/* expect: learning_rate */
#include <tison.h>
int main(void) { return tn_optim_adamw(NULL, .learning_rate = 1e-3) != NULL; }
