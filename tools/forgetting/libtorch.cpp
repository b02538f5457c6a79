/* tools/forgetting/libtorch.cpp - what libtorch's C++ modules do when something is forgotten: one line "case<TAB>what happened" for each.

   tools/forgetting/run.py builds and runs it. The cases have the same names in pytorch.py and flax_nnx.py. */
#include <torch/torch.h>

#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace nn = torch::nn;
using torch::Tensor;

static nn::Linear stray{nullptr};
static Tensor loose;

/* One module for all cases: what it registers beside head, and what it runs, each case says. */
struct Net : nn::Module {
    nn::Linear head{nullptr};
    std::vector<nn::Linear> layers;
    Tensor scale;
    bool runs_stray = false;
    Net() { head = register_module("head", nn::Linear(2, 2)); }
    Tensor forward(Tensor x) {
        for (auto &layer : layers) x = layer(x);
        if (runs_stray) x = stray(x);
        x = head(x);
        if (loose.defined()) x = x * loose;
        return scale.defined() ? x * scale : x;
    }
};

static std::string first_line(const std::string &text) { return text.substr(0, text.find('\n')); }

/* What f throws, or "". */
template <class F> static std::string error_of(F f) {
    try {
        f();
    } catch (const c10::Error &e) {
        return "c10::Error: " + first_line(e.what_without_backtrace());
    } catch (const std::exception &e) {
        return std::string("exception: ") + first_line(e.what());
    }
    return "";
}
template <class F> static std::string said_by(F f) {
    std::string said = error_of(f);
    return said.empty() ? "nothing is said" : said;
}

static void steps(Net &m, torch::optim::Optimizer &optimizer) {
    for (int i = 0; i < 3; i++) {
        optimizer.zero_grad();
        m.forward(torch::ones({1, 2})).sum().backward();
        optimizer.step();
    }
}

static bool in_archive(nn::Module &m, const Tensor &t) {
    for (const auto &p : m.named_parameters())
        if (p.value().is_same(t)) return true;
    for (const auto &b : m.named_buffers())
        if (b.value().is_same(t)) return true;
    return false;
}

static std::string was(const Tensor &before, const Tensor &now) { return torch::equal(before, now) ? "not trained" : "trained"; }

/* Trains all that the module knows of: was t trained, is it among what a save writes, and was anything said? */
static std::string trained(Net &m, const std::function<Tensor()> &t) {
    Tensor before = t().detach().clone();
    std::string said = error_of([&] {
        torch::optim::SGD optimizer(m.parameters(), 0.1);
        steps(m, optimizer);
    });
    return said.empty() ? was(before, t()) + (in_archive(m, t()) ? ", saved" : ", not saved") + ", nothing is said" : said;
}

static std::string unnamed() {
    Net m;
    m.layers = {nn::Linear(2, 2), nn::Linear(2, 2)};
    return trained(m, [&] { return m.layers[0]->weight; });
}

static std::string part() {
    Net m;
    m.layers = {nn::Linear(2, 2), nn::Linear(2, 2)};
    m.register_module("layer0", m.layers[0]);
    return trained(m, [&] { return m.layers[1]->weight; });
}

static std::string unmarked() {
    Net m;
    m.scale = torch::ones(2, torch::requires_grad());
    return trained(m, [&] { return m.scale; });
}

static std::string loose_parameter() {
    Net m;
    loose = torch::ones(2, torch::requires_grad());
    std::string said = trained(m, [] { return loose; });
    loose = Tensor();
    return said;
}

static std::string of_nobody() {
    Net m;
    stray = nn::Linear(2, 2);
    m.runs_stray = true;
    return trained(m, [&] { return stray->weight; });
}

/* The optimizer is made, `change` changes the module: is what `get` finds then trained? */
static std::string after(void (*change)(Net &), const std::function<Tensor(Net &)> &get) {
    Net m;
    torch::optim::SGD optimizer(m.parameters(), 0.1);
    change(m);
    Tensor before = get(m).detach().clone();
    std::string said = error_of([&] { steps(m, optimizer); });
    return said.empty() ? was(before, get(m)) + ", nothing is said" : said;
}

static Tensor head_weight(Net &m) { return m.head->weight; }

static std::string nothing() {
    return after([](Net &) {}, head_weight);
}

static std::string replaced() {
    return after([](Net &m) { m.replace_module("head", m.head = nn::Linear(2, 2)); }, head_weight);
}

static std::string added() {
    return after([](Net &m) { m.register_module("later", m.layers.emplace_back(nn::Linear(2, 2))); },
                 [](Net &m) { return m.layers[0]->weight; });
}

static std::string one_step(Tensor weight, const std::function<Tensor()> &loss, torch::optim::Optimizer &optimizer) {
    Tensor before = weight.detach().clone();
    std::string said = error_of([&] {
        loss().backward();
        optimizer.step();
    });
    return said.empty() ? was(before, weight) + ", nothing is said" : said;
}

static std::string copied() {
    nn::Sequential m(nn::Linear(2, 2));
    torch::optim::SGD optimizer(m->parameters(), 0.1);
    auto other = std::dynamic_pointer_cast<nn::SequentialImpl>(m->clone());
    return one_step(
        other->parameters()[0],
        [&] {
            return other->forward(torch::ones({1, 2})).sum();
        },
        optimizer);
}

static std::string converted() {
    Net m;
    torch::optim::SGD optimizer(m.parameters(), 0.1);
    m.to(torch::kDouble);
    return one_step(
        m.head->weight,
        [&] {
            return m.forward(torch::ones({1, 2}, torch::kDouble)).sum();
        },
        optimizer);
}

static std::string over() {
    Net m;
    Tensor old = m.head->weight;
    m.head->weight = torch::ones({2, 2}, torch::requires_grad());
    Tensor before = m.head->weight.detach().clone();
    torch::optim::SGD optimizer(m.parameters(), 0.1);
    std::string said = error_of([&] { steps(m, optimizer); });
    if (!said.empty()) return said;
    std::ostringstream out;
    out << "nothing is said: what runs is " << was(before, m.head->weight) << ", what parameters() and a save hold is "
        << (m.parameters()[0].is_same(old) ? "the old one" : "the new one");
    return out.str();
}

static std::string empty() {
    return said_by([] { torch::optim::SGD(nn::ReLU()->parameters(), 0.1).step(); });
}

static std::string buffer() {
    nn::Module m;
    m.register_buffer("b", torch::ones(2));
    std::string said = said_by([&] { m.register_parameter("b", torch::ones(2)); });
    return said + "; the buffer is " + (m.named_buffers().contains("b") ? "still there" : "gone");
}

static std::string loaded(nn::Sequential from, nn::Sequential to) {
    std::stringstream file;
    torch::save(from, file);
    torch::NoGradGuard guard;
    for (auto &p : to->parameters()) p.zero_();
    std::string said = said_by([&] { torch::load(to, file); });
    auto p = to->parameters();
    std::ostringstream out;
    out << said << "; the first weight is " << (p[0].abs().sum().item<float>() == 0 ? "as before" : "overwritten") << ", of shape "
        << p[0].sizes();
    return out.str();
}

static std::string load() { return loaded(nn::Sequential(nn::Linear(2, 2)), nn::Sequential(nn::Linear(2, 2), nn::Linear(2, 2))); }

static std::string load_other_shape() { return loaded(nn::Sequential(nn::Linear(5, 3)), nn::Sequential(nn::Linear(2, 2))); }

static std::string dot() {
    nn::Module m;
    return said_by([&] { m.register_module("a.b", nn::Linear(1, 1)); });
}

static std::string by_value() {
    nn::LinearImpl a(2, 2), b = a;
    bool same = b.weight.is_same(a.weight);
    b.weight = torch::ones({2, 2}, torch::requires_grad());
    return std::string("nothing is said: the copy's parameters are ") + (same ? "the same tensors" : "tensors of its own") +
           (b.parameters()[0].is_same(a.weight) ? "; what is assigned to it later is not among its parameters" : "");
}

int main() {
    torch::set_num_threads(1);
    std::cout << "version\tlibtorch " << TORCH_VERSION << "\n";
    struct {
        const char *name;
        std::string (*run)();
    } cases[] = {{"nothing", nothing},
                 {"unnamed", unnamed},
                 {"part", part},
                 {"unmarked", unmarked},
                 {"of_nobody", of_nobody},
                 {"loose", loose_parameter},
                 {"replaced", replaced},
                 {"added", added},
                 {"copied", copied},
                 {"converted", converted},
                 {"over", over},
                 {"empty", empty},
                 {"buffer", buffer},
                 {"load", load},
                 {"load_other_shape", load_other_shape},
                 {"dot", dot},
                 {"by_value", by_value}};
    for (auto &c : cases) std::cout << c.name << "\t" << c.run() << std::endl;
}
