/* cli/main.c - the program `tison`: looks into files of tensors, converts and compares them, explains operators. */
#include "cli.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const command *const commands[] = {&cli_inspect, &cli_convert, &cli_diff, &cli_verify, &cli_cat, &cli_ops, &cli_bench};
enum { COMMANDS = sizeof commands / sizeof *commands };

int cli_usage(const command *c) {
    printf("usage: tison %s %s\n%s\n", c->name, c->arguments, c->what);
    if (c->help[0]) printf("\n%s", c->help);
    return CLI_OK;
}

static void usage(FILE *to) {
    fprintf(to, "usage: tison COMMAND ...\n\n");
    for (int k = 0; k < COMMANDS; k++)
        fprintf(to, "  %-9s %-24s %s\n", commands[k]->name, commands[k]->arguments, commands[k]->what);
    fprintf(to, "\ntison COMMAND --help explains one; tison --version prints version and build.\n"
                "Files: .safetensors, .npy, .npz, .pt, IDX and CSV (also gzipped); the content decides, then the name.\n"
                "Exit status: 0 well, 1 different or not well, 2 trouble.\n");
}

int cli_fail(void) {
    fflush(stdout);
    fprintf(stderr, "tison: %s\n", tn_error_message());
    return CLI_TROUBLE;
}

static void die(const command *c, const char *text, const char *what) {
    fflush(stdout);
    fprintf(stderr, "tison: %s%s\nusage: tison %s %s\n", text, what, c ? c->name : "COMMAND", c ? c->arguments : "...");
    exit(CLI_TROUBLE);
}

static void take(int *argc, char **argv, int at, int n) {
    for (int k = at; k + n <= *argc; k++) argv[k] = argv[k + n];
    *argc -= n;
}

bool cli_flag(int *argc, char **argv, const char *name) {
    for (int k = 1; k < *argc && strcmp(argv[k], "--") != 0; k++) {
        if (strcmp(argv[k], name) != 0) continue;
        take(argc, argv, k, 1);
        return true;
    }
    return false;
}

const char *cli_option(int *argc, char **argv, const char *name) {
    size_t n = strlen(name);
    for (int k = 1; k < *argc && strcmp(argv[k], "--") != 0; k++) {
        if (strncmp(argv[k], name, n) != 0 || (argv[k][n] != 0 && argv[k][n] != '=')) continue;
        bool inside = argv[k][n] == '=';
        if (!inside && k + 1 >= *argc) die(NULL, "a value is missing behind ", name);
        const char *value = inside ? argv[k] + n + 1 : argv[k + 1];
        take(argc, argv, k, inside ? 1 : 2);
        return value;
    }
    return NULL;
}

double cli_number(int *argc, char **argv, const char *name, double otherwise) {
    const char *text = cli_option(argc, argv, name);
    char *end;
    if (!text) return otherwise;
    double value = strtod(text, &end);
    if (end == text || *end) die(NULL, "a number is expected behind ", name);
    return value;
}

void cli_expect(const command *c, int argc, char **argv, int min, int max) {
    bool literal = false; /* behind "--" */
    int n = 0;
    for (int k = 1; k < argc; k++) {
        if (!literal && strcmp(argv[k], "--") == 0) {
            literal = true;
            continue;
        }
        if (!literal && argv[k][0] == '-' && argv[k][1]) die(c, "there is no option ", argv[k]);
        argv[1 + n++] = argv[k];
    }
    argv[1 + n] = NULL;
    if (n < min || n > max) die(c, n < min ? "an argument is missing" : "too many arguments", "");
}

/* A file that was cut while it is mapped. */
static void on_bus_error(int number) {
    static const char text[] = "tison: the file became shorter while it was read\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(CLI_TROUBLE);
    _exit(CLI_TROUBLE);
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = on_bus_error};
    (void)sigaction(SIGBUS, &action, NULL);
    if (argc < 2) {
        usage(stderr);
        return CLI_TROUBLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        fputs(tn_build_info(), stdout);
        return CLI_OK;
    }
    for (int k = 0; k < COMMANDS; k++) {
        if (strcmp(argv[1], commands[k]->name) != 0) continue;
        argc--;
        argv++;
        if (cli_flag(&argc, argv, "--help") || cli_flag(&argc, argv, "-h")) return cli_usage(commands[k]);
        int status = commands[k]->run(argc, argv);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            fprintf(stderr, "tison: the output cannot be written\n");
            return CLI_TROUBLE;
        }
        return status;
    }
    fprintf(stderr, "tison: there is no command %s\n", argv[1]);
    usage(stderr);
    return CLI_TROUBLE;
}
