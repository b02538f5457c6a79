/* cpu/reflector_kernel.h - arithmetic of one element type T, and reflections by one vector; what kernels of factors begin with. In: T, R (the
 * type of its real and imaginary part; T itself), D (double or double _Complex), N(name), and COMPLEX or ABS. No include guard. */

#undef MUL
#undef DIV
#undef CONJ
#undef RE
#undef IM
#undef SIZE
#undef SQUARE
#undef MOST
#undef LENGTH
#ifdef COMPLEX
#define MUL TNI_CMUL
#define DIV TNI_CDIV
#define CONJ TNI_CONJ
#define RE(x) __real__(x)
#define IM(x) __imag__(x)
#define SIZE(x) (fabs((double)RE(x)) + fabs((double)IM(x))) /* LAPACK's, to choose a pivot by */
#define SQUARE(x) ((double)RE(x) * (double)RE(x) + (double)IM(x) * (double)IM(x))
#define MOST(x) fmax(fabs((double)RE(x)), fabs((double)IM(x)))
#define LENGTH(x) hypot((double)RE(x), (double)IM(x))
#else
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define CONJ(x) (x)
#define RE(x) (x)
#define IM(x) 0
#define SIZE(x) ABS(x)
#define SQUARE(x) ((double)(x) * (double)(x))
#define MOST(x) fabs((double)(x))
#define LENGTH(x) ((double)(x))
#endif

/* y -= s x */
TNI_INLINE void N(take)(T *restrict y, const T *restrict x, T s, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] -= MUL(s, x[i]);
}

/* The length of x[1], x[2], ... at distance `step`, without overflow on the way. */
TNI_INLINE double N(length)(const T *x, int64_t n, int64_t step) {
    double sum = 0, most = 0, scaled = 0;
    for (int64_t i = 1; i < n; i++) sum += SQUARE(x[i * step]);
    if (!(sum < 1e-280) && !(sum > 1e280)) return sqrt(sum); /* NaN too */
    for (int64_t i = 1; i < n; i++) most = fmax(most, MOST(x[i * step]));
    if (most == 0 || isinf(most)) return most;
    for (int64_t i = 1; i < n; i++) {
        D part = (D)x[i * step] / most;
        scaled += SQUARE(part);
    }
    return most * sqrt(scaled);
}

/* x becomes (beta, v[1], ...) with a real beta, where the adjoint of the reflection 1 - tau v v', v[0] = 1, takes x to (beta, 0, ...). */
TNI_INLINE T N(reflector)(T *x, int64_t n, int64_t step) {
    double rest = N(length)(x, n, step);
    D alpha = (D)x[0];
    if (rest == 0 && IM(alpha) == 0) return 0;
    double beta = -copysign(hypot(LENGTH(alpha), rest), RE(alpha));
    for (int64_t i = 1; i < n; i++) x[i * step] = (T)DIV((D)x[i * step], alpha - beta);
    x[0] = (T)beta;
    return (T)((beta - alpha) / beta);
}

/* w = v' a, v[0] taken as 1: `columns` of a, whose rows are lda apart. */
TNI_INLINE void N(onto)(T *restrict w, const T *v, int64_t step, const T *a, int64_t rows, int64_t columns, int64_t lda) {
    memcpy(w, a, (size_t)columns * sizeof(T));
    for (int64_t i = 1; i < rows; i++) N(take)(w, a + i * lda, -CONJ(v[i * step]), columns);
}
/* a -= s v w' */
TNI_INLINE void N(take_outer)(T *a, int64_t rows, int64_t columns, int64_t lda, const T *v, int64_t step, T s, const T *w) {
    N(take)(a, w, s, columns);
    for (int64_t i = 1; i < rows; i++) N(take)(a + i * lda, w, MUL(s, v[i * step]), columns);
}
