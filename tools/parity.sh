#!/usr/bin/env bash
# Compares the library live with PyTorch: builds the C programs of tests/parity/, runs each and its twin in Python, which prints a
# line for each comparison. The last line is the total. BUILD: the build folder; TISON_PYTHON: a python that has torch, numpy and
# safetensors.
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
build=${BUILD:-build}
cc=${CC:-cc}
torch=2.13.0
folder=$build/parity
mkdir -p "$folder" || exit 1

has_torch() {
    "$1" -c "import numpy, safetensors.torch, torch; assert torch.__version__.split('+')[0] == '$torch'" > /dev/null 2>&1
}
python=${TISON_PYTHON:-$build/venv/bin/python}
if ! has_torch "$python"; then
    if [ -n "$TISON_PYTHON" ]; then echo "$TISON_PYTHON has no torch $torch, numpy and safetensors"; exit 1; fi
    echo "installing torch $torch into $build/venv"
    index=${TISON_TORCH_INDEX-https://download.pytorch.org/whl/cpu} # the wheel without CUDA; where that cannot be reached, PyPI's
    python3 -m venv "$build/venv" || exit 1
    "$python" -m pip install --quiet numpy safetensors || exit 1
    { [ -n "$index" ] && "$python" -m pip install --quiet --retries 1 --index-url "$index" "torch==$torch"; } ||
        "$python" -m pip install --quiet "torch==$torch" || exit 1
    has_torch "$python" || { echo "torch $torch does not start in $build/venv"; exit 1; }
fi

: > "$folder/log"
for source in tests/parity/*.c; do
    name=$(basename "$source" .c)
    out=$folder/$name.out
    rm -rf "$out" && mkdir -p "$out"
    if ! $cc -std=gnu11 -O1 -Wall -Wextra -Iinclude "$source" "$build/libtison.a" -lm -lpthread -ldl -o "$folder/$name"; then
        echo "FAILED $name: does not compile"
    elif ! "$folder/$name" "$out"; then
        echo "FAILED $name: the C program ends with an error"
    elif ! "$python" "tests/parity/$name.py" "$out"; then
        echo "FAILED $name: the Python program ends with an error"
    fi
done 2>&1 | tee "$folder/log"
passed=$(grep -c '^ok ' "$folder/log")
failed=$(grep -c '^FAILED ' "$folder/log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
