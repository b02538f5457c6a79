#!/usr/bin/env bash
# Prints the path of a Python that has PyTorch 2.13.0: $TISON_PYTHON if it does, else a virtual environment under the build folder,
# made at the first call. Prints nothing and fails when it cannot be had.
build=${1:-build}
right() { "$1" -c 'import torch, numpy, safetensors; assert torch.__version__.startswith("2.13.0")' > /dev/null 2>&1; }
for python in "$TISON_PYTHON" "$build/venv/bin/python"; do
    if [ -n "$python" ] && right "$python"; then
        echo "$python"
        exit 0
    fi
done
echo "installing PyTorch 2.13.0 into $build/venv" >&2
mkdir -p "$build" && python3 -m venv "$build/venv" >&2 && "$build/venv/bin/pip" install -q torch==2.13.0 numpy safetensors >&2 || exit 1
right "$build/venv/bin/python" && echo "$build/venv/bin/python"
