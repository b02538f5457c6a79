/* gen/text.c - buffers, files, pieces of source text. */
#include "gen.h"
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *text, const char *what) {
    fprintf(stderr, "gen: %s: %s\n", what, text);
    exit(2);
}

void add(buffer *b, const char *text, size_t n) {
    if (b->length + n + 1 > b->capacity) {
        b->capacity = 2 * (b->length + n + 1);
        b->text = realloc(b->text, b->capacity);
        if (b->text == NULL) fail("memory is out", "realloc");
    }
    memcpy(b->text + b->length, text, n);
    b->length += n;
    b->text[b->length] = '\0';
}

void add_text(buffer *b, const char *text) { add(b, text, strlen(text)); }

void add_format(buffer *b, const char *format, ...) {
    char line[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof line) fail("a line is too long", format);
    add(b, line, (size_t)n);
}

void add_json(buffer *b, const char *text) {
    if (text == NULL) {
        add_text(b, "null");
        return;
    }
    add_text(b, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n')
            add_text(b, "\\n");
        else if (*c == '"' || *c == '\\')
            add_format(b, "\\%c", *c);
        else if ((unsigned char)*c < ' ')
            add_format(b, "\\u%04x", *c);
        else
            add(b, c, 1);
    }
    add_text(b, "\"");
}

bool read_file(const char *path, buffer *out) {
    char block[4096];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    add(out, "", 0);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;) add(out, block, n);
    fclose(file);
    return true;
}

bool update(const char *path, const buffer *text, bool check) {
    buffer old = {0};
    bool same = read_file(path, &old) && old.length == text->length && memcmp(old.text, text->text, old.length) == 0;
    free(old.text);
    if (same) return true;
    if (check) {
        fprintf(stderr, "%s is stale: ./dev gen\n", path);
        return false;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text->text, 1, text->length, file) != text->length || fclose(file) != 0)
        fail("cannot be written", path);
    printf("%s\n", path);
    return true;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

size_t list(const char *folder, const char *ending, char *names[], size_t limit) {
    size_t n = 0, tail = strlen(ending);
    DIR *dir = opendir(folder);
    if (dir == NULL) return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length <= tail || entry->d_name[0] == '.' || strcmp(entry->d_name + length - tail, ending) != 0) continue;
        if (n == limit) fail("too many files", folder);
        names[n++] = strdup(entry->d_name);
    }
    closedir(dir);
    qsort(names, n, sizeof *names, compare);
    return n;
}

bool starts(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }
bool is_name(char c) { return isalnum((unsigned char)c) || c == '_'; }
const char *next_line(const char *p) {
    const char *end = strchr(p, '\n');
    return end ? end + 1 : p + strlen(p);
}

/* Of the line's backslash and newline nothing stays. */
char *copy_piece(const char *begin, const char *end) {
    char *out = malloc((size_t)(end - begin) + 1), *to = out;
    if (out == NULL) fail("memory is out", "malloc");
    for (const char *p = begin; p < end; p++) {
        bool blank = isspace((unsigned char)*p) || (*p == '\\' && p + 1 < end && p[1] == '\n');
        if (!blank)
            *to++ = *p;
        else if (to > out && to[-1] != ' ')
            *to++ = ' ';
    }
    if (to > out && to[-1] == ' ') to--;
    *to = '\0';
    return out;
}

const char *skip_string(const char *p) {
    char quote = *p++;
    while (*p != '\0' && *p != quote) p += *p == '\\' && p[1] != '\0' ? 2 : 1;
    return *p == '\0' ? p : p + 1;
}

/* After the comment or string that begins at p, else p itself. */
static const char *skip_opaque(const char *p) {
    if (*p == '"' || *p == '\'') return skip_string(p);
    if (!starts(p, "/*")) return p;
    const char *end = strstr(p + 2, "*/");
    return end ? end + 2 : p + strlen(p);
}

const char *skip_bracket(const char *p) {
    int depth = 0;
    while (*p != '\0') {
        const char *after = skip_opaque(p);
        if (after != p) {
            p = after;
            continue;
        }
        depth += (strchr("([{", *p) != NULL) - (strchr(")]}", *p) != NULL);
        p++;
        if (depth == 0) return p;
    }
    return p;
}

const char *next_comma(const char *p, const char *end) {
    while (p < end && *p != ',') {
        const char *after = strchr("([{", *p) ? skip_bracket(p) : skip_opaque(p);
        p = after == p ? p + 1 : after;
    }
    return p < end ? p : end;
}

const char *find_name(const char *p, const char *end, size_t *length) {
    for (; p < end; p++) {
        if (!starts(p, "tn_") || is_name(p[-1])) continue;
        for (*length = 0; is_name(p[*length]);) ++*length;
        bool type = p[*length] == '(' && *skip_bracket(p + *length) == '('; /* tn_batch(tn_batches)(...) */
        if ((p[*length] == '(' && !type) || (p[-1] == '(' && p[*length] == ')' && p[*length + 1] == '(')) return p;
    }
    return NULL;
}

char *clean_doc(const char *begin, const char *end) {
    buffer out = {0};
    add(&out, "", 0);
    const char *p = begin + (starts(begin, "/**<") ? 4 : starts(begin, "/**") ? 3 : 2);
    if (end - p >= 2 && starts(end - 2, "*/")) end -= 2;
    while (p < end) {
        const char *stop = p, *last;
        while (stop < end && *stop != '\n') stop++;
        for (last = stop; last > p && isspace((unsigned char)last[-1]);) last--;
        if (p < last && *p == ' ') p++;
        if (out.length) add_text(&out, "\n");
        if (p < last) add(&out, p, (size_t)(last - p));
        for (p = stop; p < end && isspace((unsigned char)*p);) p++;
        if (p < end && *p == '*') p += p[1] == ' ' && p[2] == ' ' ? 2 : 1;
    }
    while (out.length && isspace((unsigned char)out.text[out.length - 1])) out.text[--out.length] = '\0';
    return out.text;
}
