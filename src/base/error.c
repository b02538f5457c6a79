/* base/error.c - the error latch of each thread, the handlers, the one list of codes. */
#include "base/error.h"
#include "base/memory.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The text is allocated at the thread's first error: the static TLS block that dlopen can use is small. */
static __thread tn_status latch_status;
static __thread char *latch_message;
enum { MESSAGE_BYTES = 16384 };

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static void free_message(void *message) { tni_allocator_give(message, MESSAGE_BYTES); }
static void make_key(void) { (void)pthread_key_create(&end_key, free_message); }

void tni_error_thread_end(void) {
    if (!latch_message) return;
    (void)pthread_setspecific(end_key, NULL);
    free_message(latch_message);
    latch_message = NULL;
}

static char *message_room(void) {
    if (latch_message) return latch_message;
    (void)pthread_once(&end_once, make_key);
    latch_message = tni_allocator_take(MESSAGE_BYTES, 64);
    if (latch_message) (void)pthread_setspecific(end_key, latch_message);
    return latch_message;
}

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

tn_status tn_error(void) { return latch_status; }
const char *tn_error_message(void) {
    if (latch_status == TN_OK) return "";
    return latch_message ? latch_message : "out of memory";
}
bool tni_failed(void) { return latch_status != TN_OK; }

void tn_clear_error(void) { latch_status = TN_OK; }

static void tell_handler(void) {
    pthread_mutex_lock(&handler_lock);
    void (*handler)(tn_status, const char *, void *) = error_handler;
    void *data = error_data;
    pthread_mutex_unlock(&handler_lock);
    if (handler) handler(latch_status, tn_error_message(), data);
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
    if (latch_status != TN_OK) return false;
    latch_status = status == TN_OK ? TN_ERR_RUNTIME : status;
    char *message = message_room();
    int n = message ? vsnprintf(message, MESSAGE_BYTES, format ? format : "error", args) : 0;
    if (n >= (int)MESSAGE_BYTES) trim_utf8(message);
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
    if (out) {
        out->status = latch_status;
        snprintf(out->message, sizeof out->message, "%s", tn_error_message());
    }
    tn_clear_error();
}

void tn_error_put(const tn_saved_error *saved) {
    if (!saved) return;
    latch_status = saved->status;
    if (message_room()) snprintf(latch_message, MESSAGE_BYTES, "%s", saved->message);
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
