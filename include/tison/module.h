/* tison/module.h - modules: structs whose fields register themselves; walks over them, forward, state. */
#ifndef TISON_MODULE_H
#define TISON_MODULE_H
#include <tison/autograd.h>
#include <tison/tensor.h>
TN_BEGIN_DECLS

/** The first member of a module's struct. */
typedef struct tn_module {
    const struct tn_class *class_;
    void *record;
    void *reserved[2];
} tn_module;

/** One row of a class: a pointer, or an array of pointers, of the struct. */
typedef struct tn_field {
    const char *name;
    size_t offset, bytes;
    int reference; /* TN_REF */
} tn_field;

typedef bool tn_forward_function(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k);

/** What TN_CLASS makes: a constant table. Zero or NULL: not given. */
typedef struct tn_class {
    size_t size, row_size; /* sizeof(tn_class), sizeof(tn_field) of the program that was compiled */
    const char *name;      /* the struct's name */
    const char *printed;   /* the name in tn_to_string: "Linear" */
    size_t bytes;
    tn_forward_function *forward;
    size_t nfields;
    const tn_field *fields;
    /** Writes what stands in the parentheses of the printed text, as snprintf does. */
    int (*extra_repr)(tn_module *m, char *out, size_t room);
    /** Called before the memory goes, with the fields still alive: for what the struct owns besides them. Must not call tn_forward. */
    void (*destroy)(tn_module *m);
    /** For members that are not fields, when a module is copied as a whole. Not called yet: this version makes no such copies. */
    bool (*copy)(tn_module *to, const tn_module *from);
    /** A tensor saved as "_extra_state" with the module, and taken back. */
    tn_tensor *(*get_extra_state)(tn_module *m);
    bool (*set_extra_state)(tn_module *m, tn_tensor *state);
    int64_t version; /* of its state; 0 means 1; for file formats that carry it, which safetensors does not */
} tn_class;

/** The function behind tn_new. [scope] */
TN_API void *tn_module_new(const tn_class *class_);
/** The class of a living module, else NULL with an error. */
TN_API const tn_class *tn_module_class(tn_module *m);
/** Makes the calling thread the one that observes m and the modules below it. */
TN_API bool(tn_adopt)(tn_module *m);
/** In a class's call: checks that n inputs suit a forward of `arity` tensors. */
TN_API bool tn_forward_arity(tn_module *m, size_t n, size_t arity, size_t results);

/* ---- marks ---- */
/** A tensor with a mark, sharing x's storage and version counter: torch.nn.Parameter. A leaf that requires grad. [scope] */
TN_API tn_tensor *tn_parameter_at(tn_tensor *x, bool requires_grad, const char *where);
/** torch.nn.Buffer: a plain tensor with a mark; saved with the module unless not persistent. [scope] */
typedef struct tn_buffer_opts {
    size_t size;
    bool persistent; /* true */
} tn_buffer_opts;
TN_API tn_tensor *(tn_buffer)(tn_tensor *x, const tn_buffer_opts *opts TN_DEFAULT(NULL));

/* ---- running ---- */
/** Calls the class's forward in a scope of its own; its result passes to the caller's. Hooks run around it. NULL inputs mean None. [scope] */
TN_API tn_tensor *(tn_forward)(tn_module *m, tn_tensor *const in[], size_t n);
/** The same, filling all results. */
TN_API bool(tn_forward_n)(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k);
/** Before forward: may put other inputs into in[0..n). After: may put other results into out[0..k). false fails the call. */
typedef bool tn_forward_pre_hook(tn_module *m, tn_tensor *in[], size_t n, void *data);
typedef bool tn_forward_hook(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data);
TN_API tn_hook *(tn_register_forward_pre_hook)(tn_module *m, tn_forward_pre_hook *hook, void *data, void (*destroy)(void *data));
TN_API tn_hook *(tn_register_forward_hook)(tn_module *m, tn_forward_hook *hook, void *data, void (*destroy)(void *data));

/* ---- walks: preorder, a module's own fields in the class's order, then its children's; what two names share comes once ---- */
/** Parameters of m and below. [scope] */
TN_API tn_tensors *(tn_parameters)(tn_module *m);
TN_API tn_tensors *(tn_buffers)(tn_module *m);

/** A walk: `for (tn_named_iter p = tn_named_parameters(m); tn_named_next(&p);) use(p.name, p.tensor);` What it found stays claimed by the scope. */
typedef struct tn_named_iter {
    const char *name;  /* [borrow] until the scope ends */
    tn_tensor *tensor; /* of a walk over tensors */
    tn_module *module; /* of a walk over modules */
    void *list;
    size_t i;
    void *reserved[2];
} tn_named_iter;
typedef struct tn_named_opts {
    size_t size;
    const char *prefix;    /* "" */
    bool recurse;          /* true */
    bool remove_duplicate; /* true */
} tn_named_opts;
TN_API tn_named_iter(tn_named_parameters)(tn_module *m, const tn_named_opts *opts TN_DEFAULT(NULL));
TN_API tn_named_iter(tn_named_buffers)(tn_module *m, const tn_named_opts *opts TN_DEFAULT(NULL));
/** m itself first, under the name prefix or "". */
TN_API tn_named_iter(tn_named_modules)(tn_module *m, const tn_named_opts *opts TN_DEFAULT(NULL));
/** Direct children. */
TN_API tn_named_iter(tn_named_children)(tn_module *m);
TN_API bool tn_named_next(tn_named_iter *it);

/** All verdicts on m and below: false with the error that a walk would report. */
TN_API bool(tn_check)(tn_module *m);
/** Names a leaf that requires grad, that `loss` depends on, and that no module and no optimizer holds: TN_ERR_OWNERSHIP. */
TN_API bool(tn_check_loss)(tn_module *m, tn_tensor *loss);

/* ---- members by name: for containers and for languages without structs ---- */
/** Assigns a field of the class, or a member made at run time: a tensor, a module, or NULL. PyTorch's rules of assignment. [keep] */
TN_API bool(tn_module_set)(tn_module *m, const char *name, void *value);
/** What stands there; NULL for an absent one, and with TN_ERR_ATTRIBUTE for an unknown one. [scope] */
TN_API void *(tn_module_get)(tn_module *m, const char *name);
TN_API bool(tn_module_delete)(tn_module *m, const char *name);
TN_API void *(tn_get_submodule)(tn_module *m, const char *path);      /* "" is m itself [scope] */
TN_API tn_tensor *(tn_get_parameter)(tn_module *m, const char *path); /* [scope] */
TN_API tn_tensor *(tn_get_buffer)(tn_module *m, const char *path);    /* [scope] */

/* ---- whole-module calls; all return false on failure ---- */
TN_API bool(tn_train)(tn_module *m);
TN_API bool(tn_eval)(tn_module *m);
TN_API bool(tn_is_training)(tn_module *m);
TN_API bool(tn_module_requires_grad_)(tn_module *m, bool on);
TN_API bool(tn_zero_grad)(tn_module *m);
/** module.to(dtype): floating point parameters and buffers; parameters stay the same objects. */
TN_API bool(tn_module_to)(tn_module *m, tn_dtype dtype);
/** visit(child, data) for each module, children first. false from visit stops. */
TN_API bool(tn_module_apply)(tn_module *m, bool (*visit)(tn_module *m, void *data), void *data);

/* ---- state ---- */
/** Parameters and persistent buffers by name; the tensors share memory with the module. [scope] */
TN_API tn_state *(tn_state_dict)(tn_module *m);
typedef struct tn_load_opts {
    size_t size;
    bool strict; /* true: missing and unexpected names are errors */
} tn_load_opts;
/** Copies the state into the module. One error lists all that is missing, unexpected or of another shape; then nothing was changed. */
TN_API bool(tn_load_state_dict)(tn_module *m, tn_state *state, const tn_load_opts *opts TN_DEFAULT(NULL));
TN_API tn_state *tn_state_new(void);                                           /* [scope] */
TN_API bool tn_state_set(tn_state *state, const char *name, tn_tensor *value); /* [keep] */
TN_API tn_tensor *tn_state_get(tn_state *state, const char *name);             /* [scope]; TN_ERR_KEY when absent */
TN_API bool tn_state_has(tn_state *state, const char *name);
TN_API size_t tn_state_count(tn_state *state);
TN_API const char *tn_state_name(tn_state *state, size_t i); /* [borrow] */
TN_API tn_tensor *tn_state_at(tn_state *state, size_t i);    /* [scope] */
TN_API bool tn_state_set_metadata(tn_state *state, const char *key, const char *value);
TN_API const char *tn_state_metadata(tn_state *state, const char *key); /* NULL when absent [borrow] */

TN_END_DECLS
#ifndef __cplusplus
#include <tison/class.h>
#define tn_parameter(...) tn_parameter_pick(__VA_ARGS__, true, )
#define tn_parameter_pick(x, requires_grad, ...) tn_parameter_at(x, requires_grad, TN_HERE)
#define tn_buffer(...)                                                                                                             \
    TN_WITH(tn_buffer_opts, (.persistent = true), (tn_buffer)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_forward(m, ...) (tn_forward)(TN_AS_MODULE(m), TN_TENSORS(__VA_ARGS__))
#define tn_forward_n(m, in, n, out, k) (tn_forward_n)(TN_AS_MODULE(m), in, n, out, k)
#define tn_register_forward_pre_hook(m, hook, data, destroy) (tn_register_forward_pre_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_register_forward_hook(m, hook, data, destroy) (tn_register_forward_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_adopt(m) (tn_adopt)(TN_AS_MODULE(m))
#define tn_parameters(m) (tn_parameters)(TN_AS_MODULE(m))
#define tn_buffers(m) (tn_buffers)(TN_AS_MODULE(m))
#define TN_NAMED(function, ...)                                                                                                    \
    TN_WITH(tn_named_opts, (.recurse = true, .remove_duplicate = true), (function)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__)), &tn_o),    \
            TN_REST(__VA_ARGS__))
#define tn_named_parameters(...) TN_NAMED(tn_named_parameters, __VA_ARGS__, )
#define tn_named_buffers(...) TN_NAMED(tn_named_buffers, __VA_ARGS__, )
#define tn_named_modules(...) TN_NAMED(tn_named_modules, __VA_ARGS__, )
#define tn_named_children(m) (tn_named_children)(TN_AS_MODULE(m))
#define tn_check(m) (tn_check)(TN_AS_MODULE(m))
#define tn_check_loss(m, loss) (tn_check_loss)(TN_AS_MODULE(m), loss)
#define tn_module_set(m, name, value) (tn_module_set)(TN_AS_MODULE(m), name, value)
#define tn_module_get(m, name) (tn_module_get)(TN_AS_MODULE(m), name)
#define tn_module_delete(m, name) (tn_module_delete)(TN_AS_MODULE(m), name)
#define tn_get_submodule(m, path) (tn_get_submodule)(TN_AS_MODULE(m), path)
#define tn_get_parameter(m, path) (tn_get_parameter)(TN_AS_MODULE(m), path)
#define tn_get_buffer(m, path) (tn_get_buffer)(TN_AS_MODULE(m), path)
#define tn_train(m) (tn_train)(TN_AS_MODULE(m))
#define tn_eval(m) (tn_eval)(TN_AS_MODULE(m))
#define tn_is_training(m) (tn_is_training)(TN_AS_MODULE(m))
#define tn_module_requires_grad_(m, on) (tn_module_requires_grad_)(TN_AS_MODULE(m), on)
#define tn_zero_grad(m) (tn_zero_grad)(TN_AS_MODULE(m))
#define tn_module_to(m, dtype) (tn_module_to)(TN_AS_MODULE(m), dtype)
#define tn_module_apply(m, visit, data) (tn_module_apply)(TN_AS_MODULE(m), visit, data)
#define tn_state_dict(m) (tn_state_dict)(TN_AS_MODULE(m))
#define tn_load_state_dict(...) tn_load_state_dict_(__VA_ARGS__, )
#define tn_load_state_dict_(m, ...)                                                                                                \
    TN_WITH(tn_load_opts, (.strict = true), (tn_load_state_dict)(TN_AS_MODULE(m), TN_FIRST(__VA_ARGS__), &tn_o),                   \
            TN_REST(__VA_ARGS__))
#endif
#endif
