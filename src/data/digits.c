/* data/digits.c - the handwritten digits that ship with the library, as a dataset. */
#include "base/error.h"
#include "data/data.h"
#include "data/digits_data.h"
#include <string.h>

#ifdef TN_HEADER
typedef struct tn_data_digits_opts {
    size_t size;
    bool train; /* true: all images but 0, 5, 10, ...; false: those */
} tn_data_digits_opts;
#ifndef __cplusplus
#define tn_data_digits(...) TN_WITH(tn_data_digits_opts, (.train = true), (tn_data_digits)(&tn_o), __VA_ARGS__)
#endif
#endif

enum { TEST_EVERY = 5 };

static bool fill(float *images, int64_t *labels, bool train) {
    tni_thread *t = tni_self();
    const int64_t all[] = {TNI_DIGITS_COUNT, TNI_DIGITS_PIXELS};
    tn_tensor *pixels = tni_tensor_new(t, "digits", TN_FLOAT32, all, 2);
    tn_tensor *classes = pixels ? tni_tensor_new(t, "digits", TN_INT64, all, 1) : NULL;
    if (classes) {
        const float *from = pixels->a.data;
        const int64_t *label = classes->a.data;
        tni_digits_decode(0, TNI_DIGITS_COUNT, pixels->a.data, classes->a.data);
        for (int64_t i = 0; i < TNI_DIGITS_COUNT; i++) {
            if ((i % TEST_EVERY == 0) == train) continue;
            memcpy(images, from + i * TNI_DIGITS_PIXELS, TNI_DIGITS_PIXELS * sizeof *images);
            images += TNI_DIGITS_PIXELS;
            *labels++ = label[i];
        }
    }
    tni_tensor_destroy_new(t, pixels);
    tni_tensor_destroy_new(t, classes);
    return classes != NULL;
}

/** The 1,797 digits of the UCI optdigits set (src/data/DIGITS.md): items are an image, float32 (1, 8, 8) with pixels 0 to 16, and a
 *  label, int64 (). 1,437 to train, 360 to test. [scope] */
TN_API tn_dataset *(tn_data_digits)(const tn_data_digits_opts *opts) {
    tni_thread *t = tni_self();
    if (!t || tni_failed()) return NULL;
    bool train = !opts || opts->train;
    int64_t held_out = (TNI_DIGITS_COUNT + TEST_EVERY - 1) / TEST_EVERY, n = train ? TNI_DIGITS_COUNT - held_out : held_out;
    if (!tni_inner_enter(t)) return NULL;
    tn_tensor *images = tni_give(t, tni_tensor_new(t, "digits", TN_FLOAT32, (const int64_t[]){n, 1, 8, 8}, 4));
    tn_tensor *labels = images ? tni_give(t, tni_tensor_new(t, "digits", TN_INT64, &n, 1)) : NULL;
    bool right = labels && fill(images->a.data, labels->a.data, train);
    return tni_inner_return(t, right ? (tn_data_tensor_dataset)((tn_tensor *const[]){images, labels}, 2) : NULL);
}
