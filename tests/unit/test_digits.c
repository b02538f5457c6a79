/* unit/test_digits.c - the digits are those of scikit-learn's digits.csv.gz. */
#include "data/digits_data.h"
#include "test.h"

static float pixels[TNI_DIGITS_COUNT * TNI_DIGITS_PIXELS];
static int64_t labels[TNI_DIGITS_COUNT];

/* FNV-1a over the pixels and the label of each image: tools/make_digits.py prints it from the csv. Counts by class:
 * [int((load_digits().target == k).sum()) for k in range(10)] */
static void checksum_of_all(void) {
    static const int64_t by_class[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    int64_t counts[10] = {0}, sum = 0;
    uint64_t h = 14695981039346656037u;
    tni_digits_decode(0, TNI_DIGITS_COUNT, pixels, labels);
    for (int64_t i = 0; i < TNI_DIGITS_COUNT; i++) {
        for (int64_t k = 0; k < TNI_DIGITS_PIXELS; k++) {
            uint64_t value = (uint64_t)pixels[i * TNI_DIGITS_PIXELS + k];
            h = (h ^ value) * 1099511628211u;
            sum += (int64_t)value;
        }
        h = (h ^ (uint64_t)labels[i]) * 1099511628211u;
        if (CHECK(labels[i] >= 0 && labels[i] < 10)) counts[labels[i]]++;
    }
    CHECK(h == 0x776869cce3795967u);
    CHECK_EQ_INT(sum, 561718);
    for (int k = 0; k < 10; k++) CHECK_EQ_INT(counts[k], by_class[k]);
}

static void a_part_equals_the_whole(void) {
    static float part[5 * TNI_DIGITS_PIXELS + 1];
    int64_t part_labels[6] = {0, 0, 0, 0, 0, -7};
    part[5 * TNI_DIGITS_PIXELS] = -7.0f;
    for (int64_t first = 0; first + 5 <= TNI_DIGITS_COUNT; first += 128) {
        tni_digits_decode(first, 5, part, part_labels);
        CHECK(memcmp(part, pixels + first * TNI_DIGITS_PIXELS, 5 * TNI_DIGITS_PIXELS * sizeof(float)) == 0);
        CHECK(memcmp(part_labels, labels + first, 5 * sizeof(int64_t)) == 0);
    }
    tni_digits_decode(TNI_DIGITS_COUNT - 5, 5, part, NULL);
    CHECK(memcmp(part, pixels + (TNI_DIGITS_COUNT - 5) * TNI_DIGITS_PIXELS, 5 * TNI_DIGITS_PIXELS * sizeof(float)) == 0);
    tni_digits_decode(TNI_DIGITS_COUNT - 1, 1, NULL, part_labels);
    CHECK_EQ_INT(part_labels[0], 8);
    tni_digits_decode(17, 0, part, part_labels);
    CHECK(part[5 * TNI_DIGITS_PIXELS] == -7.0f);
    CHECK_EQ_INT(part_labels[5], -7);
}

int main(void) {
    RUN(checksum_of_all);
    RUN(a_part_equals_the_whole);
    return test_end();
}
