/* Checkpoints: a run that may be stopped or killed at any instant, and goes on as if nothing had happened. */
#include <stdio.h>
#include <tison.h>

typedef struct {
    tn_module     module;
    tn_nn_linear *hidden, *out;
} net;
static tn_tensor *net_forward(net *self, tn_tensor *x) { return tn_forward(self->out, tn_tanh(tn_forward(self->hidden, x))); }
TN_CLASS(net, net_forward, hidden, out);

/* Trains up to `steps` steps; with a checkpoint there, from where it stopped. Returns the last loss. */
static double train(const char *path, int64_t steps) {
    TN_SCOPE;
    tn_manual_seed(1);
    net *m = tn_new(net);
    m->hidden = tn_nn_linear(2, 16);
    m->out = tn_nn_linear(16, 1);
    tn_optim *opt = tn_optim_adamw(tn_parameters(m), .lr = 0.01);
    tn_tensor *x = tn_randn((256, 2)), *y = tn_tanh(tn_mul(tn_narrow(x, 1, 0, 1), tn_narrow(x, 1, 1, 1)));
    tn_data_loader *loader = tn_data_loader(tn_data_tensor_dataset(x, y), 32, .shuffle = true);

    tn_batch batch = {0};
    int64_t step = 0;
    double loss = 0;
    bool found;
    if (!tn_checkpoint_load(path, .model = m, .optim = opt, .loader = loader, .batch = &batch, .step = &step, .found = &found)) return -1;
    if (found) printf("goes on from step %lld\n", (long long)step);

    tn_saver *saver = tn_saver_new(); /* writes while the next steps run */
    tn_stop_catch();                  /* Ctrl-C and SIGTERM: the loop ends after its step, and saves */
    while (step < steps && !tn_stop_requested()) {
        if (!batch.state) batch = tn_batches(loader);
        if (!tn_batch_next(&batch)) continue; /* the epoch is over */
        TN_SCOPE;
        tn_tensor *l = tn_mse_loss(tn_forward(m, batch.input), batch.target);
        tn_optim_zero_grad(opt);
        tn_backward(l);
        tn_optim_step(opt);
        loss = tn_item(l);
        if (++step % 20 == 0) tn_checkpoint_save(path, .model = m, .optim = opt, .batch = &batch, .step = step, .saver = saver);
    }
    tn_saver_wait(saver);
    tn_checkpoint_save(path, .model = m, .optim = opt, .batch = &batch, .step = step, .guard = true);
    tn_stop_release();
    return tn_error() ? -1 : loss;
}

int main(void) {
    tn_exit_on_error(true);
    remove("run.pt"), remove("whole.pt");
    double whole = train("whole.pt", 100); /* without a break */
    train("run.pt", 37);                   /* as if it had been stopped here */
    double resumed = train("run.pt", 100);
    printf("the same loss, bit for bit: %s\n", whole == resumed ? "yes" : "no");

    /* What the file holds. In Python: torch.load("run.pt", weights_only=True) */
    tn_value *v = tn_load_pt("run.pt");
    for (size_t i = 0; i < tn_value_count(v); i++) printf("%s\n", tn_to_string(tn_value_key(v, i)));
    tn_tensor *weight = tn_value_as_tensor(tn_value_get(tn_value_get(v, "model"), "out.weight"));
    printf("out.weight: %lld x %lld\n", (long long)tn_size(weight, 0), (long long)tn_size(weight, 1));
    remove("run.pt"), remove("whole.pt");
    return whole == resumed ? 0 : 1;
}
