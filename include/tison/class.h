/* tison/class.h - TN_CLASS: how a C struct becomes a module. C only.
 *
 *   typedef struct { tn_module module; tn_tensor *weight, *bias; tn_nn_linear *heads[3]; parent *owner; } cell;
 *   TN_CLASS(cell, cell_forward, weight, bias, heads, TN_REF(owner));
 *
 * A field is a pointer or an array of pointers; anything else does not compile. What stands in it at the moment of a call decides what it
 * is: a parameter, a buffer, a plain tensor, a module, or nothing. TN_REF marks a plain reference: no claim, no report.
 */
#ifndef TISON_CLASS_H
#define TISON_CLASS_H
#include <tison/keywords.h>

#define TN_REF(field) (field)
#define TN_NO_FIELDS () /* TN_CLASS(relu, relu_forward, TN_NO_FIELDS) */

#define TN_NARG(...)                                                                                                               \
    TN_NARG_(__VA_ARGS__, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,  \
             14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define TN_NARG_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24,    \
                 a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36, a37, a38, a39, a40, N, ...)                           \
    N
#define TN_EACH_1(t, a) TN_FIELD(t, a)
#define TN_EACH_2(t, a, ...) TN_FIELD(t, a) TN_EACH_1(t, __VA_ARGS__)
#define TN_EACH_3(t, a, ...) TN_FIELD(t, a) TN_EACH_2(t, __VA_ARGS__)
#define TN_EACH_4(t, a, ...) TN_FIELD(t, a) TN_EACH_3(t, __VA_ARGS__)
#define TN_EACH_5(t, a, ...) TN_FIELD(t, a) TN_EACH_4(t, __VA_ARGS__)
#define TN_EACH_6(t, a, ...) TN_FIELD(t, a) TN_EACH_5(t, __VA_ARGS__)
#define TN_EACH_7(t, a, ...) TN_FIELD(t, a) TN_EACH_6(t, __VA_ARGS__)
#define TN_EACH_8(t, a, ...) TN_FIELD(t, a) TN_EACH_7(t, __VA_ARGS__)
#define TN_EACH_9(t, a, ...) TN_FIELD(t, a) TN_EACH_8(t, __VA_ARGS__)
#define TN_EACH_10(t, a, ...) TN_FIELD(t, a) TN_EACH_9(t, __VA_ARGS__)
#define TN_EACH_11(t, a, ...) TN_FIELD(t, a) TN_EACH_10(t, __VA_ARGS__)
#define TN_EACH_12(t, a, ...) TN_FIELD(t, a) TN_EACH_11(t, __VA_ARGS__)
#define TN_EACH_13(t, a, ...) TN_FIELD(t, a) TN_EACH_12(t, __VA_ARGS__)
#define TN_EACH_14(t, a, ...) TN_FIELD(t, a) TN_EACH_13(t, __VA_ARGS__)
#define TN_EACH_15(t, a, ...) TN_FIELD(t, a) TN_EACH_14(t, __VA_ARGS__)
#define TN_EACH_16(t, a, ...) TN_FIELD(t, a) TN_EACH_15(t, __VA_ARGS__)
#define TN_EACH_17(t, a, ...) TN_FIELD(t, a) TN_EACH_16(t, __VA_ARGS__)
#define TN_EACH_18(t, a, ...) TN_FIELD(t, a) TN_EACH_17(t, __VA_ARGS__)
#define TN_EACH_19(t, a, ...) TN_FIELD(t, a) TN_EACH_18(t, __VA_ARGS__)
#define TN_EACH_20(t, a, ...) TN_FIELD(t, a) TN_EACH_19(t, __VA_ARGS__)
#define TN_EACH_21(t, a, ...) TN_FIELD(t, a) TN_EACH_20(t, __VA_ARGS__)
#define TN_EACH_22(t, a, ...) TN_FIELD(t, a) TN_EACH_21(t, __VA_ARGS__)
#define TN_EACH_23(t, a, ...) TN_FIELD(t, a) TN_EACH_22(t, __VA_ARGS__)
#define TN_EACH_24(t, a, ...) TN_FIELD(t, a) TN_EACH_23(t, __VA_ARGS__)
#define TN_EACH_25(t, a, ...) TN_FIELD(t, a) TN_EACH_24(t, __VA_ARGS__)
#define TN_EACH_26(t, a, ...) TN_FIELD(t, a) TN_EACH_25(t, __VA_ARGS__)
#define TN_EACH_27(t, a, ...) TN_FIELD(t, a) TN_EACH_26(t, __VA_ARGS__)
#define TN_EACH_28(t, a, ...) TN_FIELD(t, a) TN_EACH_27(t, __VA_ARGS__)
#define TN_EACH_29(t, a, ...) TN_FIELD(t, a) TN_EACH_28(t, __VA_ARGS__)
#define TN_EACH_30(t, a, ...) TN_FIELD(t, a) TN_EACH_29(t, __VA_ARGS__)
#define TN_EACH_31(t, a, ...) TN_FIELD(t, a) TN_EACH_30(t, __VA_ARGS__)
#define TN_EACH_32(t, a, ...) TN_FIELD(t, a) TN_EACH_31(t, __VA_ARGS__)
#define TN_EACH_33(t, a, ...) TN_FIELD(t, a) TN_EACH_32(t, __VA_ARGS__)
#define TN_EACH_34(t, a, ...) TN_FIELD(t, a) TN_EACH_33(t, __VA_ARGS__)
#define TN_EACH_35(t, a, ...) TN_FIELD(t, a) TN_EACH_34(t, __VA_ARGS__)
#define TN_EACH_36(t, a, ...) TN_FIELD(t, a) TN_EACH_35(t, __VA_ARGS__)
#define TN_EACH_37(t, a, ...) TN_FIELD(t, a) TN_EACH_36(t, __VA_ARGS__)
#define TN_EACH_38(t, a, ...) TN_FIELD(t, a) TN_EACH_37(t, __VA_ARGS__)
#define TN_EACH_39(t, a, ...) TN_FIELD(t, a) TN_EACH_38(t, __VA_ARGS__)
#define TN_EACH_40(t, a, ...) TN_FIELD(t, a) TN_EACH_39(t, __VA_ARGS__)

/* The pointer of a field, or the first one of an array of pointers; `*` of anything else does not compile. */
#define TN_POINTER_OF(f) (*__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(f), __typeof__(&*(f))), &(f), (f)))
#define TN_FIELD_ROW(type, f, reference)                                                                                           \
    {#f, offsetof(type, f), sizeof(((type *)0)->f) + 0 * sizeof(&*TN_POINTER_OF(((type *)0)->f)), reference},
/* A macro may not expand inside itself: each level of these has a way of its own to join names. */
#define TN_FIELDS(t, ...) TN_FIELDS_1(TN_NARG(__VA_ARGS__), t, __VA_ARGS__)
#define TN_FIELDS_1(n, ...) TN_FIELDS_2(n, __VA_ARGS__)
#define TN_FIELDS_2(n, ...) TN_EACH_##n(__VA_ARGS__)
#define TN_FIELD(type, f) TN_FIELD_1(TN_IS_TUPLE(f), type, f)
#define TN_FIELD_1(tuple, type, f) TN_FIELD_2(tuple, type, f)
#define TN_FIELD_2(tuple, type, f) TN_FIELD_TUPLE_##tuple(type, f)
#define TN_FIELD_TUPLE_0(type, f) TN_FIELD_ROW(type, f, 0)
#define TN_FIELD_TUPLE_1(type, f) TN_FIELD_REF(type, TN_UNWRAP f)
#define TN_FIELD_REF(type, f) TN_FIELD_REF_1(TN_IS_NOTHING(f), type, f)
#define TN_FIELD_REF_1(nothing, type, f) TN_FIELD_REF_2(nothing, type, f)
#define TN_FIELD_REF_2(nothing, type, f) TN_FIELD_NOTHING_##nothing(type, f)
#define TN_FIELD_NOTHING_0(type, f) TN_FIELD_ROW(type, f, 1)
#define TN_FIELD_NOTHING_1(type, f)
#define TN_IS_NOTHING(f) TN_IS_NOTHING_1(f)
#define TN_IS_NOTHING_1(f) TN_SECOND(TN_NOTHING_##f)
#define TN_NOTHING_ ~, 1

/* Which of the five forms of forward f has; the others become NULL. */
#define TN_FORM_1(t, f) _Generic(&f, tn_tensor * (*)(t *, tn_tensor *) : f, default : NULL)
#define TN_FORM_2(t, f) _Generic(&f, tn_tensor * (*)(t *, tn_tensor *, tn_tensor *) : f, default : NULL)
#define TN_FORM_3(t, f) _Generic(&f, tn_tensor * (*)(t *, tn_tensor *, tn_tensor *, tn_tensor *) : f, default : NULL)
#define TN_FORM_4(t, f) _Generic(&f, tn_tensor * (*)(t *, tn_tensor *, tn_tensor *, tn_tensor *, tn_tensor *) : f, default : NULL)
#define TN_FORM_N(t, f) _Generic(&f, bool (*)(t *, tn_tensor *const[], size_t, tn_tensor *[], size_t) : f, default : NULL)
#define TN_FORM_FITS(t, f)                                                                                                         \
    _Generic(&f, tn_tensor * (*)(t *, tn_tensor *) : 1, tn_tensor * (*)(t *, tn_tensor *, tn_tensor *) : 1,                        \
             tn_tensor * (*)(t *, tn_tensor *, tn_tensor *, tn_tensor *) : 1,                                                      \
             tn_tensor * (*)(t *, tn_tensor *, tn_tensor *, tn_tensor *, tn_tensor *) : 1,                                         \
             bool (*)(t *, tn_tensor *const[], size_t, tn_tensor *[], size_t) : 1, default : 0)

/** Names a class's forward and fields. At file scope, after the struct and the forward. */
#define TN_CLASS(type, f, ...) TN_CLASS_WITH(type, f, (__VA_ARGS__), .printed = #type)
/** The same with the fields in parentheses, then members of tn_class by name: .printed, .extra_repr, .destroy, .copy, ... */
#define TN_CLASS_WITH(type, f, fields_, ...)                                                                                       \
    _Static_assert(offsetof(type, module) == 0, #type " must begin with: tn_module module;");                                      \
    _Static_assert(TN_FORM_FITS(type, f), "the forward of " #type " must be: tn_tensor *f(" #type                                  \
                                          " *self, tn_tensor *x, ...) with one to four tensors, or bool f(" #type                  \
                                          " *self, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k)");                 \
    static bool type##_call(tn_module *tn_m, tn_tensor *const tn_x[], size_t tn_n, tn_tensor *tn_y[], size_t tn_k) {               \
        tn_tensor *(*const f1)(type *, tn_tensor *) = TN_FORM_1(type, f);                                                          \
        tn_tensor *(*const f2)(type *, tn_tensor *, tn_tensor *) = TN_FORM_2(type, f);                                             \
        tn_tensor *(*const f3)(type *, tn_tensor *, tn_tensor *, tn_tensor *) = TN_FORM_3(type, f);                                \
        tn_tensor *(*const f4)(type *, tn_tensor *, tn_tensor *, tn_tensor *, tn_tensor *) = TN_FORM_4(type, f);                   \
        bool (*const fn)(type *, tn_tensor *const[], size_t, tn_tensor *[], size_t) = TN_FORM_N(type, f);                          \
        type *self = (type *)(void *)tn_m;                                                                                         \
        if (fn) return fn(self, tn_x, tn_n, tn_y, tn_k);                                                                           \
        if (!tn_forward_arity(tn_m, tn_n, f1 ? 1 : f2 ? 2 : f3 ? 3 : 4, tn_k)) return false;                                       \
        tn_tensor *b = tn_n > 1 ? tn_x[1] : NULL, *c = tn_n > 2 ? tn_x[2] : NULL, *d = tn_n > 3 ? tn_x[3] : NULL;                  \
        tn_y[0] = f1 ? f1(self, tn_x[0]) : f2 ? f2(self, tn_x[0], b) : f3 ? f3(self, tn_x[0], b, c) : f4(self, tn_x[0], b, c, d);  \
        return tn_y[0] != NULL;                                                                                                    \
    }                                                                                                                              \
    static const tn_field type##_fields[] = {TN_FIELDS(type, TN_UNWRAP fields_){NULL, 0, 0, 0}};                                   \
    TN_QUIET static const tn_class type##_class                                                                                    \
        __attribute__((unused)) = {.size = sizeof(tn_class),                                                                       \
                                   .row_size = sizeof(tn_field),                                                                   \
                                   .name = #type,                                                                                  \
                                   .printed = #type,                                                                               \
                                   .bytes = sizeof(type),                                                                          \
                                   .forward = type##_call,                                                                         \
                                   .nfields = sizeof type##_fields / sizeof *type##_fields - 1,                                    \
                                   .fields = type##_fields,                                                                        \
                                   __VA_ARGS__};                                                                                   \
    TN_UNQUIET _Static_assert(1, "")

/** A new module of the class: zeroed memory, in training mode. NULL only when memory is out. [scope] */
#define tn_new(type) ((type *)tn_module_new(&type##_class))
/* Checks at compile time that m is a tn_module * or points to a struct with a module header; never forms a member of a null pointer. */
#define TN_AS_MODULE(m)                                                                                                            \
    ((void)sizeof(&((__typeof__(_Generic((m), tn_module *                                                                          \
                                         : (struct tn_any_module *)0, default                                                      \
                                         : (m))))(void *)0)                                                                        \
                       ->module == (tn_module *)0),                                                                                \
     (tn_module *)(void *)(m))
#endif
