/* base/error.c - the error latch of each thread, the handlers, the one list of codes. */
#include "base/error.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static __thread tn_saved_error latch;

static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*error_handler)(tn_status, const char *, void *);
static void *error_data;
static void (*warning_handler)(const char *, void *);
static void *warning_data;

static const struct {
    tn_status status;
    const char *name, *exception, *text;
} status_table[] = {
#define STATUS_ROW(name, number, exception, text) {name, #name, exception, text},
    TN_STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

tn_status tn_error(void) { return latch.status; }
const char *tn_error_message(void) { return latch.message; }
bool tni_failed(void) { return latch.status != TN_OK; }

void tn_clear_error(void) {
    latch.status = TN_OK;
    latch.message[0] = 0;
}

static void tell_handler(void) {
    pthread_mutex_lock(&handler_lock);
    void (*handler)(tn_status, const char *, void *) = error_handler;
    void *data = error_data;
    pthread_mutex_unlock(&handler_lock);
    if (handler) handler(latch.status, latch.message, data);
}

/* A text cut in the middle of a UTF-8 sequence loses the broken character. */
static void trim_utf8(char *text) {
    size_t n = strlen(text), i = n;
    while (i > 0 && n - i < 4 && ((unsigned char)text[i - 1] & 0xC0) == 0x80) i--;
    if (i == 0) return;
    unsigned char lead = (unsigned char)text[i - 1];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (n - i < need) text[i - 1] = 0;
}

static bool fail_v(tn_status status, const char *format, va_list args) {
    if (latch.status != TN_OK) return false;
    latch.status = status == TN_OK ? TN_ERR_RUNTIME : status;
    int n = vsnprintf(latch.message, sizeof latch.message, format ? format : "error", args);
    if (n >= (int)sizeof latch.message) trim_utf8(latch.message);
    tell_handler();
    return false;
}

bool tni_fail(tn_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail_v(status, format, args);
    va_end(args);
    return false;
}

bool tn_raise(tn_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail_v(status, format, args);
    va_end(args);
    return false;
}

bool tni_fail_memory(size_t bytes) { return tni_fail(TN_ERR_MEMORY, "out of memory: could not allocate %zu bytes", bytes); }

void tni_warn(const char *format, ...) {
    pthread_mutex_lock(&handler_lock);
    void (*handler)(const char *, void *) = warning_handler;
    void *data = warning_data;
    pthread_mutex_unlock(&handler_lock);
    if (!handler) return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    handler(text, data);
}

void tn_set_error_handler(void (*handler)(tn_status, const char *, void *), void *data) {
    pthread_mutex_lock(&handler_lock);
    error_handler = handler;
    error_data = data;
    pthread_mutex_unlock(&handler_lock);
}

void tn_set_warning_handler(void (*handler)(const char *, void *), void *data) {
    pthread_mutex_lock(&handler_lock);
    warning_handler = handler;
    warning_data = data;
    pthread_mutex_unlock(&handler_lock);
}

void tn_error_take(tn_saved_error *out) {
    if (out) *out = latch;
    tn_clear_error();
}

void tn_error_put(const tn_saved_error *saved) {
    if (saved) latch = *saved;
}

const char *tn_status_name(tn_status status) {
    for (size_t i = 0; i < TNI_COUNT(status_table); i++)
        if (status_table[i].status == status) return status_table[i].name;
    return "unknown";
}

const char *tn_status_exception(tn_status status) {
    for (size_t i = 0; i < TNI_COUNT(status_table); i++)
        if (status_table[i].status == status) return status_table[i].exception;
    return "RuntimeError";
}

#define VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define VERSION_TEXT(major, minor, patch) VERSION_TEXT_(major, minor, patch)
int tn_version(void) { return TN_VERSION_NUMBER; }
const char *tn_version_string(void) { return VERSION_TEXT(TN_VERSION_MAJOR, TN_VERSION_MINOR, TN_VERSION_PATCH); }
