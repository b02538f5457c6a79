#!/usr/bin/env bash
# `make bench`: Tison and PyTorch in turn, as ratios; without PyTorch the figures of Tison alone. First small work and training steps, then
# every operator on its @bench samples.
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
pin=()
command -v taskset > /dev/null && pin=(taskset -c 0)
if python=$(tools/oracle.sh "$build"); then
    "${pin[@]}" "$python" bench/compare.py "${ROUNDS:-3}" "$build/bench/bench_small" bench/torch_small.py
    "${pin[@]}" "$python" bench/compare.py "${ROUNDS:-3}" "$build/bench/bench_ops" bench/torch_ops.py
else
    echo "PyTorch 2.13.0 cannot be had here: Tison alone"
    "${pin[@]}" "$build/bench/bench_small"
    "${pin[@]}" "$build/bench/bench_ops"
fi
