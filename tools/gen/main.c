/* gen/main.c - the generator: `gen [--check] [root]`. It reads the sources and writes what other files are made of:
 *
 *   include/tison/{ops,nn,optim,data,serialize}.h   from the .c files (headers.c)
 *   src/core/op_list.h, src/core/op_help.h          names and documentation of the operators (headers.c, operators.c)
 *   bindings/api.json                               all of the public interface, for other languages (api.c)
 *
 * No build needs it. --check writes nothing; its exit status says whether a file is stale. */
#include "gen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void declare_all(declarations *d, const char *root) {
    static char *names[1000];
    char folder[2048], path[4096];
    snprintf(folder, sizeof folder, "%s/include/tison", root);
    size_t n = list(folder, ".h", names, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < n; i++) {
        buffer text = {0};
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (!read_file(path, &text)) fail("cannot be read", path);
        declare(d, text.text, names[i]);
    }
}

int main(int argc, char **argv) {
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    const char *root = argc > 1 + check ? argv[1 + check] : ".";
    operator_row *row;
    declarations d = {0};
    size_t n = find_operators(root, &row);
    bool fresh = write_headers(root, check);
    fresh = write_op_list(root, row, n, check) && fresh;
    declare_all(&d, root);
    fresh = write_op_help(root, &d, row, n, check) && fresh;
    fresh = write_api(root, &d, row, n, check) && fresh;
    bool right = check_operators(&d, row, n);
    return fresh && right ? 0 : 1;
}
