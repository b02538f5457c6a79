/* tison.hpp - Tison from C++17: scopes and modes as objects. The functions are those of tison.h, with default arguments. */
#ifndef TISON_HPP
#define TISON_HPP
#include <initializer_list>
#include <tison.h>
#include <utility>

namespace tison {

/* A scope that ends with the block. */
class scope {
public:
    scope() : scope_(tn_scope_enter()) {}
    ~scope() { tn_scope_exit(&scope_); }
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;

private:
    tn_scope scope_;
};

/* A grad mode that ends with the block: no_grad, enable_grad, inference_mode. */
class mode {
public:
    ~mode() { tn_mode_exit(&old_); }
    mode(const mode &) = delete;
    mode &operator=(const mode &) = delete;

protected:
    explicit mode(int old) : old_(old) {}

private:
    int old_;
};
struct no_grad : mode { no_grad() : mode(tn_grad_mode_enter(false)) {} };
struct enable_grad : mode { enable_grad() : mode(tn_grad_mode_enter(true)) {} };
struct inference_mode : mode { inference_mode() : mode(tn_inference_mode_enter()) {} };

/* A handle that keeps its object: what tn_assign is in C. */
template <class T> class kept {
public:
    kept() = default;
    explicit kept(T *x) : x_(static_cast<T *>(tn_keep(x))) {}
    kept(const kept &o) : kept(o.x_) {}
    kept(kept &&o) noexcept : x_(std::exchange(o.x_, nullptr)) {}
    kept &operator=(kept o) noexcept {
        std::swap(x_, o.x_);
        return *this;
    }
    ~kept() { tn_free(x_); }
    T *get() const { return x_; }

private:
    T *x_ = nullptr;
};
using tensor = kept<tn_tensor>;

/* Makers by an initializer list: tison::zeros({2, 3}). */
using shape = std::initializer_list<int64_t>;
inline tn_tensor *zeros(shape s, const tn_opts *o = nullptr) { return tn_zeros(s.begin(), s.size(), o); }
inline tn_tensor *ones(shape s, const tn_opts *o = nullptr) { return tn_ones(s.begin(), s.size(), o); }
inline tn_tensor *randn(shape s, const tn_opts *o = nullptr) { return tn_randn(s.begin(), s.size(), o); }
inline tn_tensor *rand(shape s, const tn_opts *o = nullptr) { return tn_rand(s.begin(), s.size(), o); }

} // namespace tison
#endif
