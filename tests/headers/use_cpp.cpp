/* The headers from C++17: a scope, a kept tensor, an operator, an error, gradients. */
#include <tison.hpp>

int main() {
    tison::tensor total(tison::zeros({2, 3}));
    {
        tison::scope scope;
        tn_manual_seed(0);
        tn_tensor *x = tison::randn({2, 3});
        tn_requires_grad_(x, true);
        tn_tensor *y = tn_sum(tn_mul(x, x));
        if (!tn_backward(y) || tn_grad(x) == nullptr) return 1;
        total = tison::tensor(tn_add(total.get(), tn_grad(x)));
    }
    if (tn_numel(total.get()) != 6) return 2;
    if (tn_matmul(tison::ones({2, 3}), tison::ones({4, 5})) != nullptr || tn_error() != TN_ERR_SHAPE) return 3;
    tn_clear_error();
    {
        tison::no_grad guard;
        if (tn_is_grad_enabled()) return 4;
    }
    return tn_is_grad_enabled() ? 0 : 5;
}
