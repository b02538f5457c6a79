#!/usr/bin/env bash
# Fuzzes the readers with libFuzzer under the address and undefined sanitizers: tests/fuzz/fuzz_*.c, each for $1 seconds (60), or only
# those named behind. One line for each; the inputs found are kept in build-fuzz/corpus/ and serve the next run. Needs clang.
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
seconds=${1:-60}
shift
build=build-fuzz
clang=${CLANG:-clang}
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' |
    $clang -xc -fsanitize=fuzzer - -o /dev/null 2> /dev/null || { echo "fuzz: clang with libFuzzer is not here (libclang-rt-*-dev)"; exit 1; }
jobs=$(nproc 2> /dev/null || echo 2)
make -s -j"$jobs" BUILD=$build CC="$clang" SAN=fuzz $build/libtison.a || exit 1
flags="-std=gnu11 -O1 -g -Wall -Wextra -Iinclude -Isrc -fsanitize=address,undefined -fno-sanitize-recover=all"
libraries="$build/libtison.a -lm -lpthread -ldl"

mkdir -p $build/corpus
# shellcheck disable=SC2086
$clang $flags tests/fuzz/seeds.c $libraries -o $build/seeds && $build/seeds $build/corpus || exit 1

status=0
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    # shellcheck disable=SC2086
    $clang $flags -fsanitize=fuzzer "$source" $libraries -o "$build/fuzz_$name" || { status=1; continue; }
    mkdir -p "$build/corpus/$name"
    if (cd $build && "./fuzz_$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=600 -malloc_limit_mb=256 -max_len=65536 \
        -print_final_stats=1 "corpus/$name") > "$build/fuzz_$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz_$name.log")
        printf 'fuzz_%-12s %10s runs, nothing found\n' "$name" "$runs"
    else
        printf 'fuzz_%-12s FAILED, see %s; the input is in %s\n' "$name" "$build/fuzz_$name.log" "$build"
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$build/fuzz_$name.log" | head -n 5
        status=1
    fi
done
exit $status
