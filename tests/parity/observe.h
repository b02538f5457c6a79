/* tests/parity/observe.h - observations for statements of docs/parameter-semantics.md: a line "number <tab> text" for each. The twin in
 * Python makes the same observations of PyTorch, in the same order, and compares (observe.py). */
#ifndef TISON_OBSERVE_H
#define TISON_OBSERVE_H
#include <stdio.h>
#include <string.h>
#include <tison.h>

static FILE *file;
static inline void say(int n, const char *text) {
    fprintf(file, "%d\t", n);
    for (; *text; text++) fputs(*text == '\n' ? "\\n" : (char[]){*text, 0}, file);
    fputc('\n', file);
}
static inline void sayf(int n, double x) {
    char text[40];
    snprintf(text, sizeof text, "%g", x);
    say(n, text);
}
static inline void error(int n) { /* the class and the text of the error that must be there */
    static char text[5000];
    snprintf(text, sizeof text, "%s: %s", tn_status_exception(tn_error()), tn_error_message());
    if (tn_error() == TN_OK) strcpy(text, "no error");
    tn_clear_error();
    say(n, text);
}
/* The text of the last warning since the last look. */
static char last_warning[2000];
static inline void note_warning(const char *message, void *data) {
    (void)data;
    snprintf(last_warning, sizeof last_warning, "%s", message);
}
static inline void warned(int n) {
    say(n, *last_warning ? last_warning : "no warning");
    last_warning[0] = 0;
}
static inline void names(int n, tn_named_iter it) {
    static char text[5000];
    text[0] = 0;
    while (tn_named_next(&it)) strcat(strcat(text, *it.name ? it.name : "-"), " ");
    say(n, text);
}
static inline const char *keys(tn_state *s) {
    static char text[5000];
    text[0] = 0;
    for (size_t i = 0; i < tn_state_count(s); i++) strcat(strcat(text, tn_state_name(s, i)), " ");
    return text;
}
static inline double sum(tn_tensor *x) { return tn_item(tn_sum(tn_detach(x))); }

static inline bool observe(const char *folder, const char *name) {
    char path[1024];
    tn_set_warning_handler(note_warning, NULL);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return (file = fopen(path, "w")) != NULL;
}
/* What main returns. */
static inline int observed(void) {
    if (tn_error() != TN_OK) return fprintf(stderr, "%s\n", tn_error_message()), 1;
    return fclose(file) == 0 ? 0 : 1;
}
#endif
