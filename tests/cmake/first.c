/* tests/cmake/first.c - compiled against the installed library and as part of a larger CMake project. */
#include <tison.h>

int main(void) { return tn_version() == TN_VERSION_NUMBER ? 0 : 1; }
