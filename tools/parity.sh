#!/usr/bin/env bash
# Compares the library live with PyTorch: builds the C programs of tests/parity/, runs each and its twin in Python, which prints a
# line for each comparison; then samples.py, layers.py and examples.py, which need none. The last line is the total. BUILD: the build folder; TISON_PYTHON: a python that has torch, numpy and
# safetensors.
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
build=${BUILD:-build}
cc=${CC:-cc}
folder=$build/parity
mkdir -p "$folder" || exit 1
python=$(tools/oracle.sh "$build") || { echo "PyTorch 2.13.0 cannot be had here"; exit 1; }

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
{
    TISON_LIBRARY=$(cd "$build" && pwd)/libtison.so "$python" tests/parity/samples.py ||
        echo "FAILED samples: the Python program ends with an error"
    make -s BUILD="$build" "$build/tests/test_layers" > /dev/null &&
        TISON_LIBRARY=$(cd "$build" && pwd)/libtison.so BUILD=$build "$python" tests/parity/layers.py ||
        echo "FAILED layers: a program does not build, or ends with an error"
    make -s BUILD="$build" "$build/examples/8_resnet" "$build/examples/9_transformer" > /dev/null &&
        BUILD=$build "$python" tests/parity/examples.py ||
        echo "FAILED examples: a program does not build, or ends with an error"
} 2>&1 | tee -a "$folder/log"
passed=$(grep -c '^ok ' "$folder/log")
failed=$(grep -c '^FAILED ' "$folder/log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
