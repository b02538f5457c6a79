// bindings/zig/embed.zig - the network of examples/6_embed.c from Zig, over the C headers as Zig translates them: nothing is declared by hand.
//
//     zig translate-c include/tison.h -Iinclude -lc > tison.zig
//     zig build-exe --dep tison -Mroot=bindings/zig/embed.zig -Mtison=tison.zig -Lbuild -ltison -lc
//     LD_LIBRARY_PATH=build ./root
const std = @import("std");
const tn = @import("tison");

const Refused = error{Refused};
fn check() Refused!void {
    if (tn.tn_error() == tn.TN_OK) return;
    std.debug.print("refused: {s}\n", .{tn.tn_error_message()});
    tn.tn_clear_error();
    return Refused.Refused;
}

fn forward(layer: *tn.tn_module, x: ?*tn.tn_tensor) ?*tn.tn_tensor {
    var in = [_]?*tn.tn_tensor{x};
    return tn.tn_forward(layer, &in, 1);
}

const Service = struct {
    hidden: *tn.tn_module,
    out: *tn.tn_module,
    optimizer: *tn.tn_optim,

    fn open() Refused!Service {
        var scope = tn.tn_scope_enter();
        defer tn.tn_scope_exit(&scope);
        var layers = [_]?*anyopaque{ tn.tn_keep(tn.tn_nn_linear_new(4, 16, null)), tn.tn_keep(tn.tn_nn_linear_new(16, 2, null)) };
        const net = tn.tn_nn_module_list_new(&layers, 2);
        var opts = std.mem.zeroes(tn.tn_optim_adamw_opts);
        opts.size = @sizeOf(tn.tn_optim_adamw_opts);
        opts.lr = 1e-2;
        opts.betas = .{ 0.9, 0.999 };
        opts.eps = 1e-8;
        opts.weight_decay = 1e-2;
        const optimizer = tn.tn_keep(tn.tn_optim_adamw(tn.tn_parameters(@ptrCast(net)), &opts));
        try check();
        return .{ .hidden = @ptrCast(@alignCast(layers[0].?)), .out = @ptrCast(@alignCast(layers[1].?)), .optimizer = @ptrCast(optimizer.?) };
    }

    fn close(self: Service) void {
        _ = tn.tn_free(self.optimizer);
        _ = tn.tn_free(self.out);
        _ = tn.tn_free(self.hidden);
    }

    fn answer(self: Service, features: *[2][4]f32, wanted: *[2]i64, scores: *[2][2]f32) Refused!void {
        var scope = tn.tn_scope_enter();
        defer tn.tn_scope_exit(&scope);
        const shape = [_]i64{ 2, 4 };
        const x = tn.tn_from_blob(&shape, 2, tn.TN_FLOAT32, features, null);
        const target = tn.tn_from_blob(&shape, 1, tn.TN_INT64, wanted, null);
        const y = forward(self.out, tn.tn_tanh(forward(self.hidden, x)));
        _ = tn.tn_copy_to(tn.tn_softmax(y, 1, null), scores, @sizeOf([2][2]f32));
        _ = tn.tn_optim_zero_grad(self.optimizer);
        _ = tn.tn_backward(tn.tn_cross_entropy(y, target, null), null);
        _ = tn.tn_optim_step(self.optimizer);
        try check();
    }
};

pub fn main() !void {
    tn.tn_manual_seed(0);
    const service = try Service.open();
    defer service.close();
    var features = [2][4]f32{ .{ 1, 0, 0, 1 }, .{ 0, 1, 1, 0 } };
    var wanted = [2]i64{ 0, 1 };
    var wrong = [2]i64{ 0, 7 };
    var scores: [2][2]f32 = undefined;
    for (0..2000) |_| try service.answer(&features, &wanted, &scores);
    std.debug.print("learned: {d:.3} {d:.3}\n", .{ scores[0][0], scores[1][1] });
    if (service.answer(&features, &wrong, &scores)) |_| return error.WrongTargetWasTaken else |_| {}
    if (scores[0][0] < 0.99 or scores[1][1] < 0.99) return error.NotLearned;
}
