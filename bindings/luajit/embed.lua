-- bindings/luajit/embed.lua - the network of examples/6_embed.c from LuaJIT: a module made at run time, trained on two rows.
-- Usage: luajit embed.lua [path of libtison.so]
local ffi = require("ffi")
ffi.cdef [[
typedef struct tn_tensor tn_tensor;
typedef struct tn_tensors tn_tensors;
typedef struct tn_module tn_module;
typedef struct tn_optim tn_optim;
typedef struct { uint64_t serial; } tn_scope;
typedef struct { size_t size; double lr, betas[2], eps, weight_decay; bool amsgrad; void *keywords_only; bool maximize; } tn_optim_adam_opts;
tn_scope tn_scope_enter(void);
void tn_scope_exit(tn_scope *scope);
void *tn_keep(void *x);
bool tn_free(void *x);
int tn_error(void);
const char *tn_error_message(void);
void tn_clear_error(void);
const char *tn_to_string(const void *x);
void tn_manual_seed(uint64_t seed);
tn_tensor *tn_from_blob(const int64_t *sizes, size_t ndim, int dtype, void *data, void (*destroy)(void *));
tn_tensor *tn_tanh(tn_tensor *x);
tn_tensor *tn_softmax(tn_tensor *x, int64_t dim, const void *opts);
tn_tensor *tn_cross_entropy(tn_tensor *x, tn_tensor *target, const void *opts);
bool tn_copy_to(tn_tensor *x, void *out, size_t bytes);
bool tn_backward(tn_tensor *x, const void *opts);
tn_module *tn_nn_linear_new(int64_t in, int64_t out, const void *opts);
tn_module *tn_nn_module_list_new(void *const *modules, size_t n);
tn_tensor *tn_forward(tn_module *m, tn_tensor *const *in, size_t n);
tn_tensors *tn_parameters(tn_module *m);
tn_optim *tn_optim_adamw(tn_tensors *params, const tn_optim_adam_opts *opts);
bool tn_optim_zero_grad(tn_optim *opt);
bool tn_optim_step(tn_optim *opt);
]]
local tn = ffi.load(arg[1] or "tison")
local FLOAT32, INT64 = 6, 4

-- An object is kept until Lua's collector finds it; what a call makes besides goes with the scope around it.
local function keep(x) return ffi.gc(ffi.cast(ffi.typeof(x), tn.tn_keep(x)), tn.tn_free) end
local function scoped(f)
    local scope = ffi.new("tn_scope[1]", tn.tn_scope_enter())
    local right, result = pcall(f)
    tn.tn_scope_exit(scope)
    if not right then error(result, 0) end
    return result
end
local function check()
    if tn.tn_error() ~= 0 then
        local text = ffi.string(tn.tn_error_message())
        tn.tn_clear_error()
        error(text, 0)
    end
end
local function forward(m, x) return tn.tn_forward(m, ffi.new("tn_tensor *[1]", x), 1) end

tn.tn_manual_seed(0)
local hidden, out, optimizer
scoped(function()
    hidden, out = keep(tn.tn_nn_linear_new(4, 16, nil)), keep(tn.tn_nn_linear_new(16, 2, nil))
    local net = tn.tn_nn_module_list_new(ffi.new("void *[2]", hidden, out), 2)
    print(ffi.string(tn.tn_to_string(net)))
    local opts = ffi.new("tn_optim_adam_opts", { lr = 1e-2, betas = { 0.9, 0.999 }, eps = 1e-8, weight_decay = 1e-2 })
    opts.size = ffi.sizeof(opts)
    optimizer = keep(tn.tn_optim_adamw(tn.tn_parameters(net), opts))
    check()
end)

local features = ffi.new("float[2][4]", { { 1, 0, 0, 1 }, { 0, 1, 1, 0 } })
local scores = ffi.new("float[2][2]")
local function answer(wanted)
    scoped(function()
        local x = tn.tn_from_blob(ffi.new("int64_t[2]", 2, 4), 2, FLOAT32, features, nil)
        local target = tn.tn_from_blob(ffi.new("int64_t[1]", 2), 1, INT64, wanted, nil)
        local y = forward(out, tn.tn_tanh(forward(hidden, x)))
        tn.tn_copy_to(tn.tn_softmax(y, 1, nil), scores, ffi.sizeof(scores))
        tn.tn_optim_zero_grad(optimizer)
        tn.tn_backward(tn.tn_cross_entropy(y, target, nil), nil)
        tn.tn_optim_step(optimizer)
        check()
    end)
end

local wanted = ffi.new("int64_t[2]", 0, 1)
for _ = 1, 2000 do answer(wanted) end
print(string.format("learned: %.3f %.3f", scores[0][0], scores[1][1]))
assert(scores[0][0] > 0.99 and scores[1][1] > 0.99)
local right, text = pcall(answer, ffi.new("int64_t[2]", 0, 7))
print("refused: " .. tostring(text))
assert(not right and text:find("Target 7 is out of bounds", 1, true))
answer(wanted)
