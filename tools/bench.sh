#!/usr/bin/env bash
# `make bench`: Tison and PyTorch in turn, as ratios; without PyTorch the figures of Tison alone. First small work and training steps, then
# every operator on its @bench samples, then the kernels of src/cpu.
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
pin=()
command -v taskset > /dev/null && pin=(taskset -c 0)
if python=$(tools/oracle.sh "$build"); then
    for name in small ops vmath linalg; do
        "${pin[@]}" "$python" bench/compare.py "${ROUNDS:-3}" "$build/bench/bench_$name" "bench/torch_$name.py"
    done
else
    echo "PyTorch 2.13.0 cannot be had here: Tison alone"
    for name in small ops vmath linalg; do "${pin[@]}" "$build/bench/bench_$name"; done
fi
