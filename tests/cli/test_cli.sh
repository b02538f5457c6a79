#!/usr/bin/env bash
# The program `tison`: what it prints, its exit statuses, files that are larger than memory. test_cli.sh PROGRAM
tison=$(realpath "$1")
root=$(realpath "$(dirname "$0")/../..")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0 failed=0
export NO_COLOR=1

check() { # name, expected status, pattern of the output (grep -E; empty: prints nothing), command...
    local name=$1 status=$2 pattern=$3 out got
    shift 3
    out=$("$@" 2>&1)
    got=$?
    if [ $got = "$status" ] && if [ -z "$pattern" ]; then [ -z "$out" ]; else grep -qE -- "$pattern" <<< "$out"; fi; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s: exit status %s, expected %s and /%s/\n%s\n' "$name" $got "$status" "$pattern" "$out" | head -n 20
    fi
}

printf '1,2,3\n4,5.5,nan\n' > a.csv
printf '1,2,3\n4,5.75,nan\n' > b.csv
check "csv to safetensors" 0 '' "$tison" convert a.csv a.safetensors
check "csv to npz" 0 '' "$tison" convert b.csv b.npz --compress
check "safetensors to npy" 0 '' "$tison" convert a.safetensors a.npy
check "onto itself" 0 '' "$tison" convert a.safetensors a.safetensors
check "no such format" 2 'name decides the format' "$tison" convert a.csv a.xyz
check "--compress elsewhere" 2 'for .npz' "$tison" convert --compress a.csv c.npy

check "inspect" 0 '^arr_0 +F32 +\[2, 3\] +24 B +1 +5.5 +3.1 .* 1 +0$' "$tison" inspect a.safetensors
check "inspect, format" 0 'a.npy: npy, 1 tensor$' "$tison" inspect a.npy
check "inspect --short" 0 '^arr_0 +F32 +\[2, 3\] +24 B$' "$tison" inspect --short a.safetensors
check "inspect --json" 0 '"name": "arr_0", "dtype": "F32", "shape": \[2, 3\], "bytes": 24, "offset": [0-9]+, "min": 1,' "$tison" inspect a.safetensors --json
if command -v python3 > /dev/null; then check "it is JSON" 0 '^6$' bash -c "'$tison' inspect --json b.npz | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"elements\"])'"; fi
check "inspect nothing" 2 'No such file' "$tison" inspect none.npy
check "inspect a folder" 2 'directory' "$tison" inspect .
check "inspect without a file" 2 'missing.*' "$tison" inspect
check "an unknown option" 2 'no option --bogus' "$tison" inspect --bogus a.npy

check "equal" 0 '' "$tison" diff a.npy a.safetensors
check "different" 1 '^arr_0: 1 of 6 elements differ, at most by 0.25 \(at 4: 5.5 and 5.75\)$' "$tison" diff a.csv b.npz
check "within the tolerance" 0 '' "$tison" diff a.csv b.npz --atol 0.3
check "within the relative one" 0 '' "$tison" diff a.csv b.npz --rtol=0.1
check "diff with nothing" 2 'No such file' "$tison" diff a.csv none
check "diff --atol of words" 2 'number is expected' "$tison" diff a.csv b.npz --atol much

check "whole" 0 'b.npz: npz, 1 tensors, whole; 1 NaN' "$tison" verify b.npz
check "not finite" 1 'arr_0: 1 NaN' "$tison" verify --finite b.npz
head -c 150 b.npz > cut.npz
check "cut" 1 'archive' "$tison" verify cut.npz
head -c 90 a.safetensors > cut.safetensors
check "cut safetensors" 1 'safetensors' "$tison" verify cut.safetensors

check "cat" 0 '^ +\[4.0000, 5.5000,    nan\]\]\)$' "$tison" cat a.npy
check "cat a name and an index" 0 '^tensor\(5.5000\)$' "$tison" cat a.safetensors arr_0 --index 1,-2
check "cat --hist" 0 '^6 numbers, min 1, max 5.5, mean 3.1, .* 1 NaN' "$tison" cat a.npy --hist
check "cat --map" 0 '^\*@\?$' "$tison" cat --map a.csv
check "cat --index of words" 2 'whole numbers' "$tison" cat a.csv --index 0:3
check "cat what is not there" 2 "there is no 'x'" "$tison" cat a.npy x
check "cat past the end" 2 'out of bounds' "$tison" cat a.npy --index 2

check "ops" 0 '^softmax$' "$tison" ops
check "ops softmax" 0 'softmax' "$tison" ops softmax
check "ops of nothing" 1 'no operator' "$tison" ops bogus
check "bench --help" 0 'usage: tison bench' "$tison" bench --help
check "--help" 0 'usage: tison COMMAND' "$tison" --help
check "--version" 0 '^Tison [0-9]' "$tison" --version
check "no command" 2 'usage: tison COMMAND' "$tison"
check "a wrong command" 2 'no command bogus' "$tison" bogus
for c in inspect convert diff verify cat ops bench; do
    check "$c --help" 0 "usage: tison $c" "$tison" $c --help
    check "$c in the manual" 0 '' grep -q "^.B $c\$" "$root/docs/man/tison.1"
    check "$c in the completion" 0 '' grep -q " $c \|$c)" "$root/cli/tison.bash"
done
check "output that cannot be written" 2 'cannot be written' bash -c "'$tison' ops > /dev/full"
check "the completion loads" 0 '^inspect$' bash -c "source '$root/cli/tison.bash'; COMP_WORDS=(tison ins); COMP_CWORD=1; _tison; echo \"\${COMPREPLY[0]}\""

# 10 GB of zeros that take no room on the disk.
header='{"big":{"dtype":"F32","shape":[2500000000],"data_offsets":[0,10000000000]}}     '
printf '\x50\0\0\0\0\0\0\0%s' "$header" > big.safetensors
if truncate -s 10000000088 big.safetensors 2> /dev/null; then
    check "10 GB listed" 0 'big +F32 +\[2500000000\] +10.0 GB' "$tison" inspect --short big.safetensors
    check "10 GB, one element of it" 0 'tensor\(0.\)' "$tison" cat big.safetensors big --index 2499999999
fi

echo "test_cli: $passed passed, $failed failed"
[ $failed = 0 ]
