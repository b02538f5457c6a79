/* serialize/stop.c - SIGINT and SIGTERM as a question that a training loop asks after each step. */
#include "base/error.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <tison/serialize.h>

static const int signals[] = {SIGINT, SIGTERM};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before[TNI_COUNT(signals)];
static bool caught[TNI_COUNT(signals)];
static int users;
static int requested; /* only by atomic calls */

static void on_signal(int number) {
    (void)number;
    __atomic_store_n(&requested, 1, __ATOMIC_RELAXED);
}

static void restore(void) {
    for (size_t i = 0; i < TNI_COUNT(signals); i++) {
        struct sigaction now;
        bool ours = caught[i] && sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == on_signal;
        if (ours) (void)sigaction(signals[i], &before[i], NULL); /* one that another has put there since stays */
        caught[i] = false;
    }
}

static bool install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < TNI_COUNT(signals); i++) {
        if (sigaction(signals[i], NULL, &before[i]) != 0) return false;
        if (before[i].sa_handler == SIG_IGN) continue; /* as nohup wants it */
        if (sigaction(signals[i], &action, NULL) != 0) return false;
        caught[i] = true;
    }
    return true;
}

/** From now on SIGINT (Ctrl-C) and SIGTERM do not end the process: tn_stop_requested() says that one came, and the training loop
 *  finishes its step, saves and returns. A second signal changes nothing: the save is finished. A signal that is ignored stays so.
 *  Each call needs a tn_stop_release. Nothing is installed unless this is called. Any thread. */
TN_API bool tn_stop_catch(void) {
    if (tni_failed()) return false;
    pthread_mutex_lock(&lock);
    bool right = users > 0 || install();
    if (right && users++ == 0) __atomic_store_n(&requested, 0, __ATOMIC_RELAXED);
    if (!right) restore();
    pthread_mutex_unlock(&lock);
    return right || tni_fail(TN_ERR_RUNTIME, "stop_catch: the handlers of SIGINT and SIGTERM cannot be set");
}

/** Did a signal come, or tn_stop_request, since tn_stop_catch? Costs one load. */
TN_API bool tn_stop_requested(void) { return __atomic_load_n(&requested, __ATOMIC_RELAXED) != 0; }

/** As a signal does; for any thread, callback or handler. */
TN_API void tn_stop_request(void) { __atomic_store_n(&requested, 1, __ATOMIC_RELAXED); }

/** Gives the signals back to whoever had them before the first tn_stop_catch. What was requested stays readable. */
TN_API void tn_stop_release(void) {
    pthread_mutex_lock(&lock);
    if (users > 0 && --users == 0) restore();
    pthread_mutex_unlock(&lock);
}
