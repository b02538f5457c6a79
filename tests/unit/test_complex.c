/* tests/unit/test_complex.c - complex tensors: values out of them, parts that share memory, gradients through the parts. */
#include "support.h"

static tn_tensor *pair(double real, double imaginary) {
    return tn_complex(tn_full((1), real, .dtype = TN_FLOAT64), tn_full((1), imaginary, .dtype = TN_FLOAT64));
}

static void items(void) {
    TN_SCOPE;
    double real, imaginary;
    CHECK(tn_item_complex(tn_mul(pair(1, 2), pair(3, -1)), &real, &imaginary));
    CHECK(real == 5 && imaginary == 5);
    CHECK(tn_item_complex(tn_full((), 2.5), &real, &imaginary) && real == 2.5 && imaginary == 0);
    CHECK(tn_item_complex(pair(1, 2), NULL, NULL));
    CHECK(!tn_item_complex(tn_zeros(2), &real, &imaginary) && isnan(real) && isnan(imaginary));
    CHECK_ERROR(TN_ERR_RUNTIME, "a Tensor with 2 elements cannot be converted to Scalar");
}

/* real and imag are views; writes into them are seen, and refused where they would have to be recorded. */
static void parts(void) {
    TN_SCOPE;
    double real, imaginary;
    tn_tensor *z = pair(1, 2);
    tn_mul_(tn_imag(z), 10);
    CHECK(tn_item_complex(z, &real, &imaginary) && real == 1 && imaginary == 20);
    tn_tensor *w = tn_requires_grad_(pair(1, 2), true), *y = tn_mul(w, 2);
    CHECK(!tn_mul_(tn_real(y), 3));
    CHECK_ERROR(TN_ERR_NOT_IMPLEMENTED, "the parts of a complex tensor share its memory");
    CHECK(tn_backward(tn_sum(tn_real(tn_mul(y, y)))));
    CHECK(tn_item_complex(tn_grad(w), &real, &imaginary) && real == 8 && imaginary == -16); /* the conjugate of 8 w */
    CHECK_OK();
}

int main(void) {
    RUN(items);
    RUN(parts);
    return test_end();
}
