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
struct tn_any_module { /* for TN_AS_MODULE */
    tn_module module;
};

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
    /** For members that are not fields, when a module is copied (tn_deepcopy): `to` is a copy of the struct's bytes whose fields are set.
     *  A class with .destroy must have it. After a failure those bytes are zeroed before .destroy sees them. */
    bool (*copy)(tn_module *to, const tn_module *from);
    /** A tensor saved as "_extra_state" with the module, and taken back. */
    tn_tensor *(*get_extra_state)(tn_module *m);
    bool (*set_extra_state)(tn_module *m, tn_tensor *state);
    int64_t version; /* of its state; 0 means 1; for file formats that carry it, which safetensors does not */
    /** Before m's own part of a state is loaded that another version wrote (0: it does not say): may add and rename what is in `state`
     *  under `prefix`. torch's _load_from_state_dict. */
    bool (*upgrade_state)(tn_module *m, tn_state *state, const char *prefix, int64_t version);
    /** Of a parametrization: what its forward would make x of, into out[0..room); returns how many, 0 with an error. See tn_right_inverse.
     *  One is a tensor, more are a sequence, which a single one is as TN_SEQUENCE_OF_ONE. */
    size_t (*right_inverse)(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room);
} tn_class;

/* ---- classes made at run time: for languages without structs ----
 *
 * A binding defines a class from its own language's class, with the names of fields or without any (members can be added by name at any
 * time), and a forward that calls back into the language:
 *
 *     const tn_class *c = tn_class_new("Net", forward, &(tn_class_opts){.size = sizeof(tn_class_opts), .data = python_class});
 *     tn_module *m = tn_module_new(c);
 *     tn_module_set_data(m, python_object, release);
 *     tn_module_set(m, "weight", parameter);            __setattr__: PyTorch's rules and errors
 *     tn_module_register_buffer(m, "mean", tensor, NULL)
 *
 * forward(m, in, n, out, k) finds its object by tn_module_data(m) and its class by tn_class_data(tn_module_class(m)); what it puts into
 * out[] may be claimed by the scope that is open around it, so tn_hold of a tensor that the language keeps is enough. It fails by
 * tn_raise and false. All functions of this header have a form without macros, whose name the macro covers: ctypes calls those.
 * A callback runs on the thread that called tn_forward, so a ctypes function must be kept alive as long as the class (.data). */
typedef struct tn_class_opts {
    size_t size;
    const char *printed;       /* the name in tn_to_string; NULL: the name */
    const char *const *fields; /* names of pointers in the module's memory, in this order; [borrow] during the call */
    size_t nfields;
    int (*extra_repr)(tn_module *m, char *out, size_t room); /* the next ones as in tn_class */
    void (*destroy)(tn_module *m);
    bool (*copy)(tn_module *to, const tn_module *from);
    tn_tensor *(*get_extra_state)(tn_module *m);
    bool (*set_extra_state)(tn_module *m, tn_tensor *state);
    int64_t version;
    bool (*upgrade_state)(tn_module *m, tn_state *state, const char *prefix, int64_t version);
    void *data; /* handed out by tn_class_data */
    void (*destroy_data)(void *data);
    size_t (*right_inverse)(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room); /* as in tn_class */
} tn_class_opts;
/** A class that lives until tn_class_free and the death of its last module. NULL with TN_ERR_KEY for names that are empty, doubled or
 *  have a dot. */
TN_API const tn_class *(tn_class_new)(const char *name, tn_forward_function *forward, const tn_class_opts *opts TN_DEFAULT(NULL));
/** Gives up what tn_class_new made; true for NULL. The class goes with its last module. */
TN_API bool tn_class_free(const tn_class *class_);
/** .data of a class made at run time, else NULL. */
TN_API void *tn_class_data(const tn_class *class_);

/** The function behind tn_new. [scope] */
TN_API void *tn_module_new(const tn_class *class_);
/** The class of a living module, else NULL with an error. */
TN_API const tn_class *tn_module_class(tn_module *m);
/** Makes m an instance of another class with the same fields at the same places; the object stays. How lazy modules become what they
 *  stand for. */
TN_API bool(tn_module_become)(tn_module *m, const tn_class *class_);
/** A pointer of the program's own that goes with the module: destroy(data) is called once, when it dies or gets another one. */
TN_API bool(tn_module_set_data)(tn_module *m, void *data, void (*destroy)(void *data));
TN_API void *(tn_module_data)(tn_module *m);
/** Makes the calling thread the one that observes m and the modules below it. */
TN_API bool(tn_adopt)(tn_module *m);
/** In a class's call: checks that n inputs suit a forward of `arity` tensors. */
TN_API bool tn_forward_arity(tn_module *m, size_t n, size_t arity, size_t results);

/* ---- marks ---- */
/** A tensor with a mark, sharing x's storage and version counter: torch.nn.Parameter. A leaf that requires grad; TN_ERR_DTYPE for integers
 *  and bools unless told that it does not. NULL, as None: an empty one of shape (0) and the default dtype. [scope] [NULL ok] */
TN_API tn_tensor *tn_parameter_at(tn_tensor *x, bool requires_grad, const char *where);
/** torch.nn.Buffer: a plain tensor with a mark, sharing x's storage; a leaf with x's requires_grad; saved with the module unless not
 *  persistent. NULL, as None: an empty one. [scope] [NULL ok] */
typedef struct tn_buffer_opts {
    size_t size;
    bool persistent; /* true */
} tn_buffer_opts;
TN_API tn_tensor *(tn_buffer)(tn_tensor *x, const tn_buffer_opts *opts TN_DEFAULT(NULL));

/* ---- parameters and buffers whose shape is not known yet: torch.nn.parameter.UninitializedParameter, UninitializedBuffer ----
 * Asking for the shape of one is TN_ERR_RUNTIME, giving one to an operator TN_ERR_VALUE. Optimizers, tn_module_to and tn_zero_grad take them. */
typedef struct tn_uninitialized_opts {
    size_t size;
    bool requires_grad; /* true; of a parameter */
    tn_dtype dtype;     /* the default dtype */
    bool persistent;    /* true; of a buffer */
} tn_uninitialized_opts;
TN_API tn_tensor *(tn_uninitialized_parameter)(const tn_uninitialized_opts *opts TN_DEFAULT(NULL)); /* [scope] */
TN_API tn_tensor *(tn_uninitialized_buffer)(const tn_uninitialized_opts *opts TN_DEFAULT(NULL));    /* [scope] */
TN_API bool tn_is_lazy(tn_tensor *x);
typedef struct tn_materialize_opts {
    size_t size;
    tn_dtype dtype; /* TN_DTYPE_NONE: x's own */
} tn_materialize_opts;
/** Gives x memory of that shape, not initialised; it stays the same object. */
TN_API bool(tn_materialize)(tn_tensor *x, const int64_t *sizes, size_t ndim, const tn_materialize_opts *opts TN_DEFAULT(NULL));

/* ---- running ---- */
/** Calls the class's forward in a scope of its own; its result passes to the caller's. Hooks run around it. NULL inputs mean None. [scope] */
TN_API tn_tensor *(tn_forward)(tn_module *m, tn_tensor *const in[], size_t n);
/** The same, filling all results. */
TN_API bool(tn_forward_n)(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k);
/** One call of a forward in a language whose forwards take and return more than tensors. in and out have room for TN_CALL_TENSORS, and
 *  hooks get these very arrays, so that a hook of that language finds the call to which it belongs. forward, which runs in the place of
 *  the class's unless it is NULL, and such hooks may set n and k; what is no tensor stands as NULL. */
#define TN_CALL_TENSORS 64
typedef struct tn_module_call {
    size_t size;
    tn_tensor **in, **out;
    size_t n, k;
    bool (*forward)(tn_module *m, struct tn_module_call *call);
    void *data; /* of the program's own */
} tn_module_call;
/** tn_forward_n of such a call: with all hooks, in a scope of its own. Afterwards out[0..k) holds the results, which with full backward
 *  hooks are other objects than forward's. [scope] */
TN_API bool(tn_forward_call)(tn_module *m, tn_module_call *call);
#define TN_SEQUENCE_OF_ONE SIZE_MAX /* of a right_inverse: out[0] as PyTorch's (x,), which becomes original0, and not x, original */
/** Calls the class's right_inverse, as tn_forward calls forward (without hooks): fills out[0..room) and returns how many, or
 *  TN_SEQUENCE_OF_ONE, 0 on failure; TN_ERR_NOT_IMPLEMENTED without one. The right_inverse method of a parametrization of PyTorch. [scope] */
TN_API size_t(tn_right_inverse)(tn_module *m, tn_tensor *x, tn_tensor *out[], size_t room);
TN_API bool(tn_has_right_inverse)(tn_module *m);

/* ---- hooks. data is handed through; destroy(data), which may be NULL, is called once when the hook is freed: after it was removed or
 *      its module died, and nothing else claims it, at the end of a scope or later (small ones wait, see docs/object-model.md). A hook is
 *      removed by tn_hook_remove; TN_HOOK_SCOPE(h) does that at the end of the block. A hook that returns false fails the call ---- */
typedef struct tn_hook_opts {
    size_t size;
    bool prepend;     /* false: before those that are registered already */
    bool always_call; /* false; of a forward hook: also when forward failed, with results NULL */
} tn_hook_opts;
/** Before forward: may put other inputs into in[0..n). */
typedef bool tn_forward_pre_hook(tn_module *m, tn_tensor *in[], size_t n, void *data);
/** After forward: may put other results into out[0..k). */
typedef bool tn_forward_hook(tn_module *m, tn_tensor *const in[], size_t n, tn_tensor *out[], size_t k, void *data);
/** When the gradients of m's inputs are there: may put other ones into grad_in[0..n). What has no gradient is NULL; when no input needs
 *  one, the hook runs with the gradients of the results, and all of grad_in is NULL and stays so. [borrow] */
typedef bool tn_full_backward_hook(tn_module *m, tn_tensor *grad_in[], size_t n, tn_tensor *const grad_out[], size_t k, void *data);
/** When the gradients of m's results are there: may put other ones into grad_out[0..k). [borrow] */
typedef bool tn_full_backward_pre_hook(tn_module *m, tn_tensor *grad_out[], size_t k, void *data);
TN_API tn_hook *(tn_register_forward_pre_hook)(tn_module *m, tn_forward_pre_hook *hook, void *data, void (*destroy)(void *data),
                                               const tn_hook_opts *opts TN_DEFAULT(NULL)); /* [scope], as all of these */
TN_API tn_hook *(tn_register_forward_hook)(tn_module *m, tn_forward_hook *hook, void *data, void (*destroy)(void *data),
                                           const tn_hook_opts *opts TN_DEFAULT(NULL));
TN_API tn_hook *(tn_register_full_backward_pre_hook)(tn_module *m, tn_full_backward_pre_hook *hook, void *data,
                                                     void (*destroy)(void *data), const tn_hook_opts *opts TN_DEFAULT(NULL));
TN_API tn_hook *(tn_register_full_backward_hook)(tn_module *m, tn_full_backward_hook *hook, void *data, void (*destroy)(void *data),
                                                 const tn_hook_opts *opts TN_DEFAULT(NULL));
/** Hook i of those that run before m's forward, in their order, with its function and data [NULL ok]; NULL without an error: there are no
 *  more. torch's _forward_pre_hooks. [scope] */
TN_API tn_hook *(tn_forward_pre_hook_at)(tn_module *m, size_t i, tn_forward_pre_hook **hook, void **data);
/* The same for every module of the process; they run before a module's own. torch.nn.modules.module.register_module_*. */
TN_API tn_hook *(tn_register_module_forward_pre_hook)(tn_forward_pre_hook *hook, void *data, void (*destroy)(void *data));
TN_API tn_hook *(tn_register_module_forward_hook)(tn_forward_hook *hook, void *data, void (*destroy)(void *data),
                                                  const tn_hook_opts *opts TN_DEFAULT(NULL));
TN_API tn_hook *(tn_register_module_full_backward_pre_hook)(tn_full_backward_pre_hook *hook, void *data,
                                                            void (*destroy)(void *data));
TN_API tn_hook *(tn_register_module_full_backward_hook)(tn_full_backward_hook *hook, void *data, void (*destroy)(void *data));
/** When a call gives a module a parameter, buffer or child (tn_module_set, tn_module_register_*, containers): returns what to register
 *  in its place, NULL: `value` itself. What the program assigns to a field they see at the next walk: the last value alone. */
typedef void *tn_registration_hook(tn_module *m, const char *name, void *value, void *data);
TN_API tn_hook *(tn_register_module_parameter_registration_hook)(tn_registration_hook *hook, void *data,
                                                                 void (*destroy)(void *data));
TN_API tn_hook *(tn_register_module_buffer_registration_hook)(tn_registration_hook *hook, void *data, void (*destroy)(void *data));
TN_API tn_hook *(tn_register_module_module_registration_hook)(tn_registration_hook *hook, void *data, void (*destroy)(void *data));
static inline void tn_hook_scope_end(tn_hook **hook) {
    if (*hook) tn_hook_remove(*hook);
}

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
/** tn_check, and: will somebody train every leaf that `loss` depends on and that requires grad? TN_ERR_OWNERSHIP names one that nobody will,
 *  and where it was made: one that no module and no optimizer holds; one that stands in a field but is no parameter; and, once some
 *  optimizer trains a part of m, a parameter of a module outside of m that no optimizer took. */
TN_API bool(tn_check_loss)(tn_module *m, tn_tensor *loss);

/* ---- members by name: for containers and for languages without structs; on the module's own thread ---- */
/** Assigns a field of the class, or a member made at run time: a tensor, a module, or NULL. PyTorch's rules of assignment. [keep] */
TN_API bool(tn_module_set)(tn_module *m, const char *name, void *value);
/** What stands there; NULL for an absent one, and with TN_ERR_ATTRIBUTE for an unknown one. [scope] */
TN_API void *(tn_module_get)(tn_module *m, const char *name);
/** Empties a field; a member made at run time is gone. TN_ERR_ATTRIBUTE when nothing is there, or it is computed. */
TN_API bool(tn_module_delete)(tn_module *m, const char *name);
/** Deletes a member and assigns a tensor without a mark to its name, as a whole or not at all: how a parameter becomes a computed value.
 *  TN_ERR_ATTRIBUTE when nothing is there, TN_ERR_TYPE for a Parameter or a buffer. [keep] */
TN_API bool(tn_module_replace)(tn_module *m, const char *name, tn_tensor *value);
/** register_parameter, register_buffer, register_module (add_module): NULL makes an empty place of that kind. A name that is taken by
 *  something else, or that a module of PyTorch has by itself ("training", "forward"), is TN_ERR_KEY. [keep] [NULL ok] */
TN_API bool(tn_module_register_parameter)(tn_module *m, const char *name, tn_tensor *value);
TN_API bool(tn_module_register_buffer)(tn_module *m, const char *name, tn_tensor *value,
                                       const tn_buffer_opts *opts TN_DEFAULT(NULL));
TN_API bool(tn_module_register_module)(tn_module *m, const char *name, void *module);
/** All members made at run time at once: their names and order. What m holds already keeps its kind. A failed call changes nothing. [keep] */
TN_API bool(tn_module_set_members)(tn_module *m, const char *const *names, void *const *values, size_t n);
typedef enum tn_member_kind { TN_MEMBER_PLAIN, TN_MEMBER_PARAMETER, TN_MEMBER_BUFFER, TN_MEMBER_MODULE } tn_member_kind;
typedef struct tn_member {
    const char *name; /* of an array field's element: the field's [borrow] */
    int64_t index;    /* in an array field, else -1 */
    void *value;      /* NULL: absent [scope] */
    tn_member_kind kind;
    bool persistent; /* of a buffer */
    bool computed;   /* value: what was computed or assigned last */
    void *reserved[4];
} tn_member;
/** Fields and then members made at run time, absent ones too: how many, and number i. */
TN_API size_t(tn_module_members)(tn_module *m);
TN_API bool(tn_module_member)(tn_module *m, size_t i, tn_member *out);
TN_API void *(tn_get_submodule)(tn_module *m, const char *path);      /* "" is m itself [scope] */
TN_API tn_tensor *(tn_get_parameter)(tn_module *m, const char *path); /* [scope] */
TN_API tn_tensor *(tn_get_buffer)(tn_module *m, const char *path);    /* NULL without an error: an empty buffer [scope] */
typedef struct tn_set_submodule_opts {
    size_t size;
    bool strict; /* false: a last name that does not exist yet is made */
} tn_set_submodule_opts;
TN_API bool(tn_set_submodule)(tn_module *m, const char *path, void *module, const tn_set_submodule_opts *opts TN_DEFAULT(NULL));

/* ---- members that are computed: a property of Python, on the module's own thread ----
 *
 * tn_module_get computes such a member at every read, tn_module_set gives its new value to the setter, and before each tn_forward of the
 * module all are computed. A field holds what was computed last, or assigned: what a program assigns to the field itself goes to the
 * setter at the next call that walks, reads or runs the module, which fails as the setter does until the field holds something else. No
 * walk lists such a member, and no state has it; a copy computes its own, and holds the values without history until then. */
typedef struct tn_computed {
    size_t size;
    /** The value, new at each call or not. [scope] */
    tn_tensor *(*get)(tn_module *m, const char *name);
    /** Makes get give `value`, a plain tensor, from now on, or fails and changes nothing. NULL: assignments are TN_ERR_ATTRIBUTE. */
    bool (*set)(tn_module *m, const char *name, tn_tensor *value);
} tn_computed;
/** From now on these functions give m's member of that name, which may be new and holds `value` until it is computed; what stood there
 *  leaves. With functions NULL the member is an ordinary one again: `value` becomes a parameter or a buffer, which is then the last of
 *  those made at run time, and NULL takes the name away. A failed call changes nothing. [keep] value [NULL ok] value; the table of
 *  functions must live as long as the module and its copies. */
TN_API bool(tn_module_set_computed)(tn_module *m, const char *name, const tn_computed *functions, tn_tensor *value);
/** The functions of a computed member, NULL for others. */
TN_API const tn_computed *(tn_module_get_computed)(tn_module *m, const char *name);
/** Until the matching exit, reads of a computed member on this thread give the object of the first one. Nests. Assigning does not end it.
 *  torch.nn.utils.parametrize.cached, which is one for all threads. */
TN_API bool tn_computed_cache_enter(void);
TN_API bool tn_computed_cache_exit(void);
static inline void tn_computed_cache_end(bool *entered) {
    if (*entered) tn_computed_cache_exit();
}
/** The name that m prints: its class's, unless it was given one of its own. [borrow] */
TN_API const char *(tn_module_printed)(tn_module *m);
TN_API bool(tn_module_set_printed)(tn_module *m, const char *printed); /* copied; NULL: the class's */

/* ---- whole-module calls; all return false on failure ---- */
TN_API bool(tn_train)(tn_module *m,
                      bool mode TN_DEFAULT(true)); /* the macro takes the mode, too: tn_train(m), tn_train(m, false) */
TN_API bool(tn_eval)(tn_module *m);
TN_API bool(tn_is_training)(tn_module *m);
TN_API bool(tn_module_requires_grad_)(tn_module *m, bool on);
typedef struct tn_zero_grad_opts {
    size_t size;
    bool set_to_none; /* true; false: zeroes in place, cut from their history */
} tn_zero_grad_opts;
TN_API bool(tn_zero_grad)(tn_module *m, const tn_zero_grad_opts *opts TN_DEFAULT(NULL));
typedef struct tn_module_to_opts {
    size_t size;
    tn_dtype dtype;                 /* TN_DTYPE_NONE: each keeps its own */
    tn_memory_format memory_format; /* of members with four or five dims; TN_MEMORY_FORMAT_NONE: each keeps its own */
    const char *device;             /* "cpu" or "meta"; NULL: each keeps its own */
} tn_module_to_opts;
/** module.to(device, dtype, memory_format=...): parameters, their gradients and buffers, as to the dtype those of a floating or complex one;
 *  all stay the same objects. dtype is such a one, else TN_ERR_TYPE; a real one takes the imaginary parts away, with a warning. From the
 *  meta device to the CPU is TN_ERR_NOT_IMPLEMENTED: there are no values, but tn_module_to_empty. TN_CHANNELS_LAST with a member of five
 *  dims, TN_CHANNELS_LAST_3D with one of four is TN_ERR_SHAPE. A failed call changes nothing. */
TN_API bool(tn_module_to)(tn_module *m, const tn_module_to_opts *opts TN_DEFAULT(NULL));
/** module.half(), .bfloat16(), .float(), .double(): the same of those of a floating dtype alone; complex ones stay. */
TN_API bool(tn_module_half)(tn_module *m);
TN_API bool(tn_module_bfloat16)(tn_module *m);
TN_API bool(tn_module_float)(tn_module *m);
TN_API bool(tn_module_double)(tn_module *m);
/** module.type(dtype): the same of all, whatever their dtype. An integral dtype is TN_ERR_RUNTIME when a member requires grad; an
 *  uninitialized member is TN_ERR_VALUE. */
TN_API bool(tn_module_type)(tn_module *m, tn_dtype dtype);
typedef struct tn_module_to_empty_opts {
    size_t size;
    const char *device; /* "cpu" (which NULL stands for) or "meta" */
    bool recurse;       /* else the module's own members alone */
} tn_module_to_empty_opts;
/** module.to_empty(device=..., recurse=...): fresh memory, not initialised, for every parameter and buffer; all stay the same objects. */
TN_API bool(tn_module_to_empty)(tn_module *m, const tn_module_to_empty_opts *opts TN_DEFAULT(NULL));
/** torch.__future__: what conversion does to parameters, for all threads of the process; both false at first. Overwriting puts new Parameters
 *  with new gradients into the fields, and the old ones keep data and gradients; what two fields share becomes two. Swapping keeps the
 *  objects and exchanges what they are (tn_swap_tensors), which drops their hooks; TN_ERR_RUNTIME naming Class.name, and nothing changed,
 *  when a view of one lives or a graph saved one. It goes before overwriting, and tn_load_state_dict does the same: a member takes over
 *  the values, or with assign the state's memory and dtype, and loses gradient and hooks. */
TN_API bool tn_set_overwrite_module_params_on_conversion(bool on);
TN_API bool tn_get_overwrite_module_params_on_conversion(void);
TN_API bool tn_set_swap_module_params_on_conversion(bool on);
TN_API bool tn_get_swap_module_params_on_conversion(void);
/** module.share_memory(): tn_share_memory_ of every parameter and buffer. */
TN_API bool(tn_module_share_memory)(tn_module *m);
/** visit(child, data) for each module, children first; a child of two parents twice. false from visit stops. */
TN_API bool(tn_module_apply)(tn_module *m, bool (*visit)(tn_module *m, void *data), void *data);
typedef struct tn_module_summary_opts {
    size_t size;
    tn_tensor *input;         /* NULL: the shapes of results are not shown */
    tn_tensor *const *inputs; /* in its place, of a forward that takes ninputs of them */
    size_t ninputs;
    int64_t depth; /* -1: modules of every depth have a row; otherwise the deepest row holds what is below it, too */
    tn_module
        *copy; /* NULL: tn_deepcopy(m). What runs with the input, left in evaluation mode: for languages that copy themselves */
} tn_module_summary_opts;
/** A table of m for people: a row for each module with its class, the names and shapes of what it holds, the numbers of trained and
 *  frozen elements, and bytes; then the sums, where what is shared counts once. With an input, also the shape of each module's result,
 *  found by the forward of a copy in evaluation mode without gradients: m stays as it is. Lives until this thread's next text.
 *  NULL on failure. [borrow] Not in PyTorch. */
TN_API const char *(tn_module_summary)(tn_module *m, const tn_module_summary_opts *opts TN_DEFAULT(NULL));
/** copy.deepcopy of a tensor, list, state or module. What is shared inside stays shared; gradients of parameters are not copied. A
 *  tensor with a history is TN_ERR_RUNTIME. TN_REF pointers follow when they point into what is copied. [scope] */
TN_API void *tn_deepcopy(const void *x);

/* ---- state ---- */
typedef struct tn_state_dict_opts {
    size_t size;
    tn_state *destination; /* NULL: a new one; else it is added to, and returned */
    const char *prefix;    /* "": put before each name as it is, so it brings its own dot */
    bool keep_vars;        /* false; true: the parameters and buffers themselves, not what shares their memory */
} tn_state_dict_opts;
/** Parameters and persistent buffers by name; the tensors share memory with the module. Each module's version is noted under its path. [scope] */
TN_API tn_state *(tn_state_dict)(tn_module *m, const tn_state_dict_opts *opts TN_DEFAULT(NULL));

typedef struct tn_functional_call_opts {
    size_t size;
    bool tie_weights; /* true: a value given for one name of a tensor stands under its other names, too */
    bool strict;      /* false; true: names that are missing or unknown are TN_ERR_RUNTIME */
} tn_functional_call_opts;
/** A forward of m with the tensors of `values` in the places of the members of those names; afterwards, also after a failure, m is as
 *  before. Gradients flow to the tensors given. What the forward assigns to such a member goes into `values`. torch.func.functional_call.
 *  On m's own thread. [scope] */
TN_API tn_tensor *(tn_functional_call)(tn_module *m, tn_state *values, tn_tensor *const *in, size_t n,
                                       const tn_functional_call_opts *opts TN_DEFAULT(NULL));

/** What a load finds wrong: torch's missing_keys, unexpected_keys and error_msgs. */
typedef struct tn_incompatible tn_incompatible;
typedef enum tn_incompatible_kind { TN_MISSING_KEYS, TN_UNEXPECTED_KEYS, TN_LOAD_ERRORS } tn_incompatible_kind;
TN_API size_t tn_incompatible_count(tn_incompatible *keys, tn_incompatible_kind kind);
TN_API const char *tn_incompatible_get(tn_incompatible *keys, tn_incompatible_kind kind,
                                       size_t i); /* "" when there is none [borrow] */
TN_API bool tn_incompatible_add(tn_incompatible *keys, tn_incompatible_kind kind, const char *text);
TN_API bool tn_incompatible_clear(tn_incompatible *keys, tn_incompatible_kind kind);

typedef struct tn_load_opts {
    size_t size;
    bool strict; /* true: missing and unexpected names are errors */
    bool assign; /* false; true: the state's tensors become the members, with their dtype; requires_grad stays the member's */
    tn_incompatible **incompatible; /* NULL: not wanted; receives what was missing and unexpected [scope] */
} tn_load_opts;
/** Copies the state into the module, in the members' dtype. One error lists all that is missing, unexpected or of another shape; then
 *  nothing was changed. */
TN_API bool(tn_load_state_dict)(tn_module *m, tn_state *state, const tn_load_opts *opts TN_DEFAULT(NULL));

/** Before m's part is saved, parent before child; after it, child before parent. */
typedef bool tn_state_dict_pre_hook(tn_module *m, const char *prefix, bool keep_vars, void *data);
typedef bool tn_state_dict_hook(tn_module *m, tn_state *state, const char *prefix, void *data);
/** Before m's part is loaded, parent before child: may change `state`, which holds what is under `prefix` of a copy of the caller's, and
 *  `keys`. version: 0 when the state does not say. */
typedef bool tn_load_state_dict_pre_hook(tn_module *m, tn_state *state, const char *prefix, int64_t version, bool strict,
                                         tn_incompatible *keys, void *data);
/** After m and all below were loaded, child before parent: may clear or extend `keys` before they are judged. */
typedef bool tn_load_state_dict_post_hook(tn_module *m, tn_incompatible *keys, void *data);
TN_API tn_hook *(tn_register_state_dict_pre_hook)(tn_module *m, tn_state_dict_pre_hook *hook, void *data,
                                                  void (*destroy)(void *data));
TN_API tn_hook *(tn_register_state_dict_post_hook)(tn_module *m, tn_state_dict_hook *hook, void *data, void (*destroy)(void *data));
TN_API tn_hook *(tn_register_load_state_dict_pre_hook)(tn_module *m, tn_load_state_dict_pre_hook *hook, void *data,
                                                       void (*destroy)(void *data));
TN_API tn_hook *(tn_register_load_state_dict_post_hook)(tn_module *m, tn_load_state_dict_post_hook *hook, void *data,
                                                        void (*destroy)(void *data));

TN_API tn_state *tn_state_new(void);                                           /* [scope] */
TN_API bool tn_state_set(tn_state *state, const char *name, tn_tensor *value); /* [keep] */
TN_API tn_tensor *tn_state_get(tn_state *state, const char *name);             /* [scope]; TN_ERR_KEY when absent */
TN_API bool tn_state_delete(tn_state *state, const char *name);                /* TN_ERR_KEY when absent */
TN_API bool tn_state_has(tn_state *state, const char *name);
TN_API size_t tn_state_count(tn_state *state);
TN_API const char *tn_state_name(tn_state *state, size_t i); /* [borrow] */
TN_API tn_tensor *tn_state_at(tn_state *state, size_t i);    /* [scope] */
TN_API bool tn_state_set_metadata(tn_state *state, const char *key, const char *value);
TN_API const char *tn_state_metadata(tn_state *state, const char *key); /* NULL when absent [borrow] */
/** Versions of the modules that a state was taken from, by path ("" is the root): torch's _metadata. 0: the state does not say. */
TN_API bool tn_state_set_version(tn_state *state, const char *path, int64_t version);
TN_API int64_t tn_state_version(tn_state *state, const char *path);
TN_API size_t tn_state_version_count(tn_state *state);
TN_API const char *tn_state_version_path(tn_state *state, size_t i); /* [borrow] */
/** Numbers beside a module's version, which parts of a module with versions of their own leave: torch's _metadata[path][group][key]. 0 when
 *  absent. */
TN_API bool tn_state_set_local_metadata(tn_state *state, const char *path, const char *group, const char *key, int64_t value);
TN_API int64_t tn_state_local_metadata(tn_state *state, const char *path, const char *group, const char *key);

TN_END_DECLS
#ifndef __cplusplus
#include <tison/class.h>
#define tn_parameter(...) tn_parameter_pick(__VA_ARGS__, true, )
#define tn_parameter_pick(x, requires_grad, ...) tn_parameter_at(x, requires_grad, TN_HERE)
#define tn_buffer(...)                                                                                                             \
    TN_WITH(tn_buffer_opts, (.persistent = true), (tn_buffer)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_uninitialized_parameter(...)                                                                                            \
    TN_WITH(tn_uninitialized_opts, (.requires_grad = true, .dtype = TN_DTYPE_NONE, .persistent = true),                            \
            (tn_uninitialized_parameter)(&tn_o), __VA_ARGS__)
#define tn_uninitialized_buffer(...)                                                                                               \
    TN_WITH(tn_uninitialized_opts, (.requires_grad = true, .dtype = TN_DTYPE_NONE, .persistent = true),                            \
            (tn_uninitialized_buffer)(&tn_o), __VA_ARGS__)
#define tn_materialize(x, ...)                                                                                                     \
    TN_WITH(tn_materialize_opts, (.dtype = TN_DTYPE_NONE), (tn_materialize)(x, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o),           \
            TN_REST(__VA_ARGS__, ))
#define tn_forward(m, ...) (tn_forward)(TN_AS_MODULE(m), TN_TENSORS(__VA_ARGS__))
#define tn_forward_n(m, in, n, out, k) (tn_forward_n)(TN_AS_MODULE(m), in, n, out, k)
#define tn_forward_call(m, call) (tn_forward_call)(TN_AS_MODULE(m), call)
#define tn_right_inverse(m, x, out, room) (tn_right_inverse)(TN_AS_MODULE(m), x, out, room)
#define tn_has_right_inverse(m) (tn_has_right_inverse)(TN_AS_MODULE(m))
#define TN_HOOK_SCOPE(h) __attribute__((cleanup(tn_hook_scope_end), unused)) tn_hook *TN_PASTE(tn_hook_, __LINE__) = (h)
#define TN_REGISTER(function, m, hook, data, ...)                                                                                  \
    TN_WITH(tn_hook_opts, (.prepend = false), (function)(TN_AS_MODULE(m), hook, data, TN_FIRST(__VA_ARGS__), &tn_o),               \
            TN_REST(__VA_ARGS__))
#define tn_register_forward_pre_hook(m, hook, data, ...) TN_REGISTER(tn_register_forward_pre_hook, m, hook, data, __VA_ARGS__, )
#define tn_forward_pre_hook_at(m, i, hook, data) (tn_forward_pre_hook_at)(TN_AS_MODULE(m), i, hook, data)
#define tn_register_forward_hook(m, hook, data, ...) TN_REGISTER(tn_register_forward_hook, m, hook, data, __VA_ARGS__, )
#define tn_register_full_backward_pre_hook(m, hook, data, ...)                                                                     \
    TN_REGISTER(tn_register_full_backward_pre_hook, m, hook, data, __VA_ARGS__, )
#define tn_register_full_backward_hook(m, hook, data, ...) TN_REGISTER(tn_register_full_backward_hook, m, hook, data, __VA_ARGS__, )
#define tn_register_module_forward_hook(hook, data, ...)                                                                           \
    TN_WITH(tn_hook_opts, (.prepend = false), (tn_register_module_forward_hook)(hook, data, TN_FIRST(__VA_ARGS__, ), &tn_o),       \
            TN_REST(__VA_ARGS__, ))
#define tn_register_state_dict_pre_hook(m, hook, data, destroy)                                                                    \
    (tn_register_state_dict_pre_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_register_state_dict_post_hook(m, hook, data, destroy)                                                                   \
    (tn_register_state_dict_post_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_register_load_state_dict_pre_hook(m, hook, data, destroy)                                                               \
    (tn_register_load_state_dict_pre_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_register_load_state_dict_post_hook(m, hook, data, destroy)                                                              \
    (tn_register_load_state_dict_post_hook)(TN_AS_MODULE(m), hook, data, destroy)
#define tn_class_new(name, ...)                                                                                                    \
    TN_WITH(tn_class_opts, (.nfields = 0), (tn_class_new)(name, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_module_become(m, class_) (tn_module_become)(TN_AS_MODULE(m), class_)
#define tn_module_set_data(m, data, destroy) (tn_module_set_data)(TN_AS_MODULE(m), data, destroy)
#define tn_module_data(m) (tn_module_data)(TN_AS_MODULE(m))
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
#define tn_module_replace(m, name, value) (tn_module_replace)(TN_AS_MODULE(m), name, value)
/** Until the end of the block: torch.nn.utils.parametrize.cached(). */
#define TN_CACHED                                                                                                                  \
    __attribute__((cleanup(tn_computed_cache_end), unused)) bool TN_PASTE(tn_cached_, __LINE__) = tn_computed_cache_enter()
#define tn_module_set_computed(m, name, functions, value) (tn_module_set_computed)(TN_AS_MODULE(m), name, functions, value)
#define tn_module_get_computed(m, name) (tn_module_get_computed)(TN_AS_MODULE(m), name)
#define tn_module_printed(m) (tn_module_printed)(TN_AS_MODULE(m))
#define tn_module_set_printed(m, printed) (tn_module_set_printed)(TN_AS_MODULE(m), printed)
#define tn_module_register_parameter(m, name, value) (tn_module_register_parameter)(TN_AS_MODULE(m), name, value)
#define tn_module_register_buffer(m, name, ...)                                                                                    \
    TN_WITH(tn_buffer_opts, (.persistent = true),                                                                                  \
            (tn_module_register_buffer)(TN_AS_MODULE(m), name, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_module_register_module(m, name, module) (tn_module_register_module)(TN_AS_MODULE(m), name, module)
#define tn_module_set_members(m, names, values, n) (tn_module_set_members)(TN_AS_MODULE(m), names, values, n)
#define tn_module_members(m) (tn_module_members)(TN_AS_MODULE(m))
#define tn_module_member(m, i, out) (tn_module_member)(TN_AS_MODULE(m), i, out)
#define tn_set_submodule(m, path, ...)                                                                                             \
    TN_WITH(tn_set_submodule_opts, (.strict = false), (tn_set_submodule)(TN_AS_MODULE(m), path, TN_FIRST(__VA_ARGS__, ), &tn_o),   \
            TN_REST(__VA_ARGS__, ))
#define tn_get_submodule(m, path) (tn_get_submodule)(TN_AS_MODULE(m), path)
#define tn_get_parameter(m, path) (tn_get_parameter)(TN_AS_MODULE(m), path)
#define tn_get_buffer(m, path) (tn_get_buffer)(TN_AS_MODULE(m), path)
#define tn_train(...) tn_train_pick(__VA_ARGS__, true, )
#define tn_train_pick(m, mode, ...) (tn_train)(TN_AS_MODULE(m), mode)
#define tn_eval(m) (tn_eval)(TN_AS_MODULE(m))
#define tn_is_training(m) (tn_is_training)(TN_AS_MODULE(m))
#define tn_module_requires_grad_(m, on) (tn_module_requires_grad_)(TN_AS_MODULE(m), on)
#define tn_zero_grad(...)                                                                                                          \
    TN_WITH(tn_zero_grad_opts, (.set_to_none = true), (tn_zero_grad)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),                \
            TN_REST(__VA_ARGS__, ))
#define tn_module_to(...)                                                                                                          \
    TN_WITH(tn_module_to_opts, (.dtype = TN_DTYPE_NONE), (tn_module_to)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),             \
            TN_REST(__VA_ARGS__, ))
#define tn_module_half(m) (tn_module_half)(TN_AS_MODULE(m))
#define tn_module_bfloat16(m) (tn_module_bfloat16)(TN_AS_MODULE(m))
#define tn_module_float(m) (tn_module_float)(TN_AS_MODULE(m))
#define tn_module_double(m) (tn_module_double)(TN_AS_MODULE(m))
#define tn_module_type(m, dtype) (tn_module_type)(TN_AS_MODULE(m), dtype)
#define tn_module_share_memory(m) (tn_module_share_memory)(TN_AS_MODULE(m))
#define tn_module_to_empty(...)                                                                                                    \
    TN_WITH(tn_module_to_empty_opts, (.device = NULL, .recurse = true),                                                            \
            (tn_module_to_empty)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_module_summary(...)                                                                                                     \
    TN_WITH(tn_module_summary_opts, (.depth = -1), (tn_module_summary)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),              \
            TN_REST(__VA_ARGS__, ))
#define tn_module_apply(m, visit, data) (tn_module_apply)(TN_AS_MODULE(m), visit, data)
#define tn_state_dict(...)                                                                                                         \
    TN_WITH(tn_state_dict_opts, (.prefix = NULL), (tn_state_dict)(TN_AS_MODULE(TN_FIRST(__VA_ARGS__, )), &tn_o),                   \
            TN_REST(__VA_ARGS__, ))
/* tn_functional_call(m, values, (x, mask), .strict = true): several inputs in parentheses */
#define tn_functional_call(m, values, ...) tn_functional_call_(m, values, __VA_ARGS__, )
#define tn_functional_call_(m, values, x, ...)                                                                                     \
    TN_WITH(tn_functional_call_opts, (.tie_weights = true), (tn_functional_call)(TN_AS_MODULE(m), values, TN_INPUTS(x), &tn_o),    \
            __VA_ARGS__)
#define TN_INPUTS(x) TN_PASTE(TN_INPUTS_, TN_IS_TUPLE(x))(x)
#define TN_INPUTS_0(x) TN_TENSORS(x)
#define TN_INPUTS_1(x) TN_TENSORS x
#define tn_load_state_dict(...) tn_load_state_dict_(__VA_ARGS__, )
#define tn_load_state_dict_(m, ...)                                                                                                \
    TN_WITH(tn_load_opts, (.strict = true), (tn_load_state_dict)(TN_AS_MODULE(m), TN_FIRST(__VA_ARGS__), &tn_o),                   \
            TN_REST(__VA_ARGS__))
#endif
#endif
