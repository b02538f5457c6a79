#!/usr/bin/env bash
# `make python-test`: the tests of bindings/python, each with tison and with torch. They run in the virtual environment that has
# PyTorch 2.13.0 (tools/oracle.sh); where that cannot be had, in one with pytest and numpy alone, without torch's part.
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
usable() { "$1" -c 'import pytest, numpy' > /dev/null 2>&1; }

if ! python=$(tools/oracle.sh "$build"); then
    echo "PyTorch 2.13.0 cannot be had here: tison alone"
    python=$build/venv/bin/python
    [ -x "$python" ] || python3 -m venv "$build/venv" || exit 1
fi
usable "$python" || "$python" -m pip install -q pytest numpy || exit 1
exec "$python" -m pytest -q -p no:cacheprovider bindings/python/tests "$@"
