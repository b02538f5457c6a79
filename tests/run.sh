#!/usr/bin/env bash
# Runs the tests, one line for each step, and prints the totals as its last line. `tests/run.sh [quick|full|long]`, full by default.
# long: test_crash, test_faults and test_zip with many more kills and faults, and files above 4 GiB. quick: unit tests and examples with $CC. full: clang, CMake, sanitizers, CPU levels, header checks, misuses and ./dev check too.
cd "$(dirname "$0")/.." || exit 1
# The thread sanitizer of older compilers needs the addresses of programs not to be random.
[ -z "$TISON_TEST_FIXED" ] && setarch -R true 2> /dev/null && TISON_TEST_FIXED=1 exec setarch -R "$0" "$@"
shopt -s nullglob
export LC_ALL=C

tier=${1:-full}
cc=${CC:-cc}
jobs=$(nproc 2> /dev/null || echo 2)
[ "$jobs" -gt 4 ] && jobs=4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export TMPDIR=$tmp
strict="-Wall -Wextra -Wpedantic -Wshadow -Werror"
units=(tests/unit/test_*.c)
examples=(examples/*.c)
all_passed=0 all_failed=0

has() { command -v "$1" > /dev/null 2>&1; }

begin() { passed=0 failed=0 title=$1 started=$SECONDS; }
finish() {
    printf '%-42s %5d passed %3d failed  %4d s\n' "$title" "$passed" "$failed" $((SECONDS - started))
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
}
right() { passed=$((passed + 1)); }
wrong() { # name, file with its output
    failed=$((failed + 1))
    echo "--- FAILED: $1 ($title)"
    [ -n "$2" ] || return
    if [ "$(wc -l < "$2")" -le 40 ]; then cut -c 1-400 "$2"; else (head -n 20 "$2"; echo ...; tail -n 20 "$2") | cut -c 1-400; fi
}
try() { # name, command...: one test
    local name=$1
    shift
    if "$@" > "$tmp/log" 2>&1; then right; else wrong "$name" "$tmp/log"; fi
}

build() { # folder, goal, make arguments...: what failed to compile is found by `make -q` afterwards
    local folder=$1 goal=$2
    shift 2
    make -k -j"$jobs" BUILD="$folder" WERROR=1 "$@" "$goal" > "$tmp/build.log" 2>&1
}
show_build_errors() { grep -E 'error:|warning:|undefined reference|\*\*\*' "$tmp/build.log" | head -n 40; }
is_built() { make -q BUILD="$1" WERROR=1 "${@:3}" "$2" > /dev/null 2>&1; }

run_unit() { # name, program
    timeout "${limit:-1200}" "$2" > "$tmp/log" 2>&1
    local status=$? line
    line=$(grep -E '^test_.*: [0-9]+ passed, [0-9]+ failed$' "$tmp/log" | tail -n 1)
    local p f
    p=$(sed -E 's/.*: ([0-9]+) passed.*/\1/' <<< "$line")
    f=$(sed -E 's/.*, ([0-9]+) failed/\1/' <<< "$line")
    passed=$((passed + ${p:-0}))
    if [ $status != 0 ] || [ -z "$line" ] || [ "$f" != 0 ]; then
        [ -n "$f" ] && [ "$f" -gt 1 ] && failed=$((failed + f - 1))
        echo "exit status $status" >> "$tmp/log"
        wrong "$1" "$tmp/log"
    fi
}

unit_tests() { # title, folder, sources, make arguments...
    local folder=$2 sources=$3 built=yes name
    begin "$1"
    shift 3
    build "$folder" units "$@" || { built=no; show_build_errors; }
    for source in $sources; do
        name=$(basename "$source" .c)
        if [ $built = no ] && ! is_built "$folder" "$folder/tests/$name" "$@"; then wrong "$name does not build"; continue; fi
        run_unit "$name" "$folder/tests/$name"
    done
    finish
}

run_example() { # source, program: in a folder of its own; what it prints must equal examples/<name>.out if there is one
    local name folder
    name=$(basename "$1" .c)
    [ "$name" != fashion ] || return 0 # its data is not here: `make fashion` runs it
    folder=$(mktemp -d)
    (cd "$folder" && timeout 300 "$2" > output 2> errors) || { echo "exit status $?"; tail -n 30 "$folder"/*; return 1; }
    [ ! -f "examples/$name.out" ] || diff "examples/$name.out" "$folder/output"
}

install_once() {
    prefix=$tmp/prefix
    [ -d "$prefix" ] || make -j"$jobs" install WERROR=1 PREFIX="$prefix" CC="$cc" > "$tmp/install.log" 2>&1 ||
        { title=install; wrong "make install" "$tmp/install.log"; all_failed=$((all_failed + 1)); rm -rf "$prefix"; return 1; }
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
    flags="-I$prefix/include -L$prefix/lib -ltison"
    ! has pkg-config || flags=$(pkg-config --cflags --libs tison)
}

one_example() { # compiler, source
    local program=$tmp/example
    # shellcheck disable=SC2086
    "$1" -std=c11 $strict "$2" $flags -o "$program" && run_example "$2" "$program"
}
installed_examples() { # compiler
    [ ${#examples[@]} -gt 0 ] && has "$1" && install_once || return
    begin "examples, installed library, $1"
    for source in "${examples[@]}"; do try "$source" one_example "$1" "$source"; done
    finish
}

sanitized_examples() {
    [ ${#examples[@]} -gt 0 ] || return
    begin "examples, address and undefined"
    build build-asan examples SAN=address || show_build_errors
    for source in "${examples[@]}"; do
        name=$(basename "$source" .c)
        if is_built build-asan "build-asan/examples/$name" SAN=address; then
            try "$source" run_example "$source" "$PWD/build-asan/examples/$name"
        else wrong "$source does not build"; fi
    done
    finish
}

command_line() { # the program, plain and with the sanitizers
    begin "the program tison"
    for build in build ${1:-}; do
        if build "$build" "$build/tison" $([ "$build" = build-asan ] && echo SAN=address); then
            bash tests/cli/test_cli.sh "$build/tison" > "$tmp/log" 2>&1
            local status=$? line
            line=$(grep -E '^test_cli: ' "$tmp/log")
            passed=$((passed + $(sed -E 's/.*: ([0-9]+) passed.*/\1/' <<< "${line:-: 0 passed}")))
            [ $status = 0 ] || wrong "$build/tison" "$tmp/log"
        else wrong "$build/tison does not build" "$tmp/build.log"; fi
    done
    finish
}

cmake_project() { # package or subdirectory
    local folder=$tmp/cmake-$1
    cmake -S tests/cmake -B "$folder" -DFROM="$1" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" &&
        cmake --build "$folder" -j "$jobs" && (cd "$folder" && timeout 60 ./first)
}
cmake_projects() {
    has cmake && [ -f include/tison.h ] && install_once || return
    begin "CMake: find_package, FetchContent"
    try find_package cmake_project package
    try FetchContent cmake_project subdirectory
    finish
}

loads() { # by dlopen, as bindings and plugins do
    has python3 && install_once || return
    begin "loaded by a running program"
    try dlopen python3 -c "import ctypes; assert ctypes.CDLL('$prefix/lib/libtison.so').tn_version() == 100"
    finish
}

lua() { luajit bindings/luajit/embed.lua "$prefix/lib/libtison.so"; }
zig_program() { # where Zig is there: as a program, or as the Python package ziglang
    local zig=(zig) folder=$tmp/zig
    has zig || zig=(python3 -m ziglang)
    export ZIG_GLOBAL_CACHE_DIR=$folder/cache ZIG_LOCAL_CACHE_DIR=$folder/cache
    mkdir -p "$folder" && "${zig[@]}" translate-c "$prefix/include/tison.h" "-I$prefix/include" -lc > "$folder/tison.zig" &&
        "${zig[@]}" build-exe --dep tison -Mroot=bindings/zig/embed.zig "-Mtison=$folder/tison.zig" "-L$prefix/lib" -ltison -lc \
            "-femit-bin=$folder/embed" && "$folder/embed"
}
python_smoke() {
    TISON_LIBRARY=$prefix/lib/libtison.so PYTHONDONTWRITEBYTECODE=1 python3 bindings/python/tests/smoke.py
}
other_languages() {
    install_once || return
    begin "bindings: Python, LuaJIT, Zig"
    if has python3; then try "Python" python_smoke; fi
    if has luajit; then try "LuaJIT" lua; fi
    if has zig || python3 -m ziglang version > /dev/null 2>&1; then try "Zig" zig_program; fi
    finish
}

header() { # header, compiler and its language
    # shellcheck disable=SC2086
    echo "#include <${1#include/}>" | "${@:2}" $strict -Iinclude -fsyntax-only -
}
headers() {
    local compiler gxx h
    begin "headers alone, C11 and C++17"
    for compiler in gcc clang; do
        has $compiler || continue
        for h in include/*.h include/tison/*.h; do
            try "$h in C11 ($compiler)" header "$h" $compiler -std=c11 -xc
        done
    done
    for gxx in g++ clang++; do
        has $gxx || continue
        for h in include/*.h include/*.hpp include/tison/*.h; do
            try "$h in C++17 ($gxx)" header "$h" $gxx -std=c++17 -xc++
        done
        for source in tests/headers/*.cpp; do try "$source ($gxx)" cpp_program $gxx "$source"; done
    done
    finish
}
cpp_program() { # compiler, source
    install_once || return
    # shellcheck disable=SC2086
    "$1" -std=c++17 $strict "$2" $flags -o "$tmp/cpp" && timeout 60 "$tmp/cpp"
}

misuse() { # compiler, source: must fail to compile with the text of the first line's /* expect: text */
    local text
    text=$(sed -n '1s|^/\* expect: \(.*\) \*/.*|\1|p' "$2")
    [ -n "$text" ] || { echo "no /* expect: text */ in the first line"; return 1; }
    if "$1" -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$2" > "$tmp/misuse.log" 2>&1; then echo "it compiles"; return 1; fi
    grep -qF -- "$text" "$tmp/misuse.log" || { echo "expected: $text"; cat "$tmp/misuse.log"; return 1; }
}
misuses() {
    local sources=(tests/misuse/*.c)
    [ ${#sources[@]} -gt 0 ] || return
    begin "misuses that must not compile"
    for compiler in gcc clang; do
        has $compiler || continue
        for source in "${sources[@]}"; do try "$source ($compiler)" misuse $compiler "$source"; done
    done
    finish
}

threads() {
    local sources
    sources=$(grep -lE 'pthread_create|tni_parallel|set_num_threads|tn_saver' "${units[@]}" /dev/null)
    [ -n "$sources" ] || return
    unit_tests "unit tests, thread sanitizer" build-tsan "$sources" SAN=thread
}

levels() { # the same programs on lesser CPUs
    for level in base avx2; do
        begin "unit tests, TISON_CPU=$level"
        for source in "${units[@]}"; do
            name=$(basename "$source" .c)
            [ ! -x "build/tests/$name" ] || TISON_CPU=$level run_unit "$name" "build/tests/$name"
        done
        finish
    done
}

tools/setup.sh
if [ "$tier" = long ]; then
    limit=3600
    TISON_LONG=1 unit_tests "kills, stops, faults, large files" build "tests/unit/test_crash.c tests/unit/test_faults.c tests/unit/test_zip.c" CC="$cc"
    echo "$all_passed passed, $all_failed failed"
    exit $((all_failed > 0))
fi
unit_tests "unit tests, $cc" build "${units[*]}" CC="$cc"
installed_examples "$cc"
other_languages
if [ "$tier" != quick ]; then
    [ "$cc" = clang ] || installed_examples clang
    [ "$cc" = clang ] || ! has clang || unit_tests "unit tests, clang" build-clang "${units[*]}" CC=clang
    cmake_projects
    loads
    headers
    misuses
    levels
    unit_tests "unit tests, address and undefined" build-asan "${units[*]}" SAN=address
    sanitized_examples
    threads
    begin "./dev check"
    try "./dev check" ./dev check
    finish
fi
echo "$all_passed passed, $all_failed failed"
[ $all_failed = 0 ]
