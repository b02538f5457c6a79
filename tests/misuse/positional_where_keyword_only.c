/* expect: tn_keywords_only */
/* torch.zeros takes its dtype by name only. */
#include <tison.h>
int main(void) { return tn_zeros((2, 3), TN_FLOAT64) == NULL; }
