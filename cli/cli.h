/* cli/cli.h - what the commands of the program `tison` share. */
#ifndef TISON_CLI_H
#define TISON_CLI_H
#include <tison.h>

/* Exit statuses: as diff and grep have them. */
enum { CLI_OK = 0, CLI_DIFFERS = 1, CLI_TROUBLE = 2 };

typedef struct command {
    const char *name, *arguments, *what; /* for the list and the usage line */
    const char *help;                    /* the options, a line each */
    int (*run)(int argc, char **argv);   /* argv[0] is the command's name */
} command;

extern const command cli_inspect, cli_convert, cli_diff, cli_verify, cli_cat, cli_ops, cli_bench;

/* Takes "--name" out of the arguments. */
bool cli_flag(int *argc, char **argv, const char *name);
/* Takes "--name VALUE" or "--name=VALUE" out; NULL: not there. A missing value ends the program. */
const char *cli_option(int *argc, char **argv, const char *name);
double cli_number(int *argc, char **argv, const char *name, double otherwise);
/* An option that was not taken, or another count of arguments than min to max, ends the program with the usage. */
void cli_expect(const command *c, int argc, char **argv, int min, int max);
int cli_fail(void); /* prints the library's error; CLI_TROUBLE */
int cli_usage(const command *c);

/* ---- elements ---- */

typedef struct cli_stats {
    int64_t count, nan, inf, zero;    /* a complex number counts as its two parts */
    double min, max, mean, deviation; /* of the finite ones; NaN when there are none */
} cli_stats;

/* Element i of memory as a number; of a complex dtype its part i. */
double cli_element(const void *data, tn_dtype dtype, int64_t i);
size_t cli_parts(tn_dtype dtype); /* 2 for complex numbers, else 1 */
/* Over n numbers that lie side by side. */
void cli_measure(const void *data, tn_dtype dtype, int64_t n, cli_stats *out);

void cli_print_string(const char *text);                  /* as JSON, with quotes */
void cli_print_number(double value);                      /* as JSON; null for what JSON lacks */
const char *cli_shape(size_t ndim, const int64_t *sizes); /* "[2, 3]", static */
const char *cli_bytes(uint64_t bytes);                    /* "1.2 MB", static */
#endif
