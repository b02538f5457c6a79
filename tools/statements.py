#!/usr/bin/env python3
"""Writes docs/parameter-semantics.md from the statements in tests/unit/test_semantics_*.c; --check only says whether it is stale.

Fails when a number from 1 to the last one is missing or comes twice, or when a statement that holds has no check behind it."""
import glob
import os
import re
import sys

LAST = 232
SECTIONS = [
    (1, "Building a Parameter"), (24, "A Parameter used as a tensor"), (37, "Data, detach, version"), (45, "Gradients"),
    (58, "Copying, printing, sharing"), (69, "Buffer"), (74, "Assigning to a member"), (91, "Reading and deleting"),
    (94, "Explicit registration"), (105, "Order and names of walks"), (118, "Lookup by path"),
    (122, "apply, train, requires_grad_, zero_grad"), (128, "Conversion"), (141, "state_dict"), (151, "load_state_dict"),
    (173, "Containers"), (185, "Text of modules"), (190, "Hooks of a call"), (201, "Lazy modules"),
    (207, "Reparametrisation and functional calls"), (229, "Notes on the design"),
]
KINDS = {"HOLDS": "holds", "IN_C": "in C's way", "NOT_IN_C": "not in C", "NOT_YET": "not yet"}
HEAD = """# Parameter and Module: every statement, and its test

What PyTorch 2.13 does with Parameters, Buffers and Modules, in numbered statements, and what Tison does. This page is made by
`tools/statements.py` from the tests that bear the numbers, `tests/unit/test_semantics_*.c`; `./dev check` says when it is stale. A
statement marked *live* is also compared with PyTorch by `make parity` (`tests/parity/semantics*.c` and their twins); one
marked *Python* has a test in `bindings/python/tests`, too, which runs with tison and with torch.

"""
EXPLAIN = {
    "holds": "it is so in Tison, too",
    "in C's way": "it holds, in the way that the second line tells",
    "not in C": "a consequence of Python itself",
    "not yet": "waits for a part that this version does not have",
}
MARK = re.compile(r"\b(HOLDS|IN_C|NOT_IN_C|NOT_YET)\(\s*(\d+)\s*,")
CHECKS = re.compile(r"\bCHECK[A-Z_]*\(")


def text_at(source, at, macros):
    """The arguments from `at` on to the closing parenthesis, each a run of string literals or a macro."""
    parts, part, depth = [], "", 1
    while depth:
        c = source[at]
        if c == '"':
            end = at + 1
            while source[end] != '"':
                end += 2 if source[end] == "\\" else 1
            part += source[at + 1 : end].replace('\\"', '"')
            at = end
        elif c.isupper():
            name = re.match(r"\w+", source[at:]).group()
            part += macros[name]
            at += len(name) - 1
        elif c == "," and depth == 1:
            parts.append(part)
            part = ""
        elif c in "()":
            depth += 1 if c == "(" else -1
        at += 1
    return parts + [part], at


def read():
    found, problems = {}, []
    for path in sorted(glob.glob("tests/unit/test_semantics_*.c")):
        source = open(path).read()
        macros = dict(re.findall(r'#define (\w+) "([^"]*)"', source))
        marks = list(MARK.finditer(source))
        for i, mark in enumerate(marks):
            n = int(mark[2])
            parts, end = text_at(source, mark.end(), macros)
            body = source[end : marks[i + 1].start() if i + 1 < len(marks) else source.find("\nint main")]
            if mark[1] in ("HOLDS", "IN_C") and not CHECKS.search(body):
                problems.append(f"{path}: statement {n} has no check behind it")
            if n in found:
                problems.append(f"{path}: statement {n} comes twice")
            found[n] = (KINDS[mark[1]], parts, os.path.basename(path))
    problems += [f"statement {n} has no test" for n in range(1, LAST + 1) if n not in found]
    problems += [f"statement {n} is not one" for n in found if not 1 <= n <= LAST]
    return found, problems


def live():
    sources = [open(path).read() for path in sorted(glob.glob("tests/parity/semantics*.c"))]
    return {int(n) for source in sources for n in re.findall(r"\b(?:say|sayf|error|names|warned)\((\d+)\b", source)}


def in_python():
    """The numbers in the names of the Python package's tests: def test_074_075_..."""
    numbers = set()
    for path in glob.glob("bindings/python/tests/test_*.py"):
        for name in re.findall(r"^def test_(\d{3}(?:_\d{3})*)_", open(path).read(), re.M):
            numbers |= {int(n) for n in name.split("_")}
    return numbers


def page(found):
    compared, python = live(), in_python()
    out = [HEAD, "| | statements | |\n|---|---|---|\n"]
    for kind, meaning in EXPLAIN.items():
        out.append(f"| {kind} | {sum(f[0] == kind for f in found.values())} | {meaning} |\n")
    out.append(f"\n{len(compared)} of them are compared live, {len(python)} have a test in Python.\n")
    starts = dict(SECTIONS)
    for n in range(1, LAST + 1):
        kind, parts, file = found[n]
        if n in starts:
            out.append(f"\n## {starts[n]}\n\n`{file}`\n\n| | | |\n|---|---|---|\n")
        second = f"<br>*{parts[1].strip()}*" if len(parts) > 1 else ""
        out.append(f"| {n} | {kind}{', live' if n in compared else ''}{', Python' if n in python else ''} | {parts[0].strip()}{second} |\n")
    return "".join(out)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    found, problems = read()
    path = "docs/parameter-semantics.md"
    if not problems:
        text = page(found)
        old = open(path).read() if os.path.exists(path) else ""
        if text != old and "--check" in sys.argv:
            problems.append(f"{path} is stale: tools/statements.py")
        elif text != old:
            open(path, "w").write(text)
            print(path)
    print("".join(p + "\n" for p in problems), end="")
    return 1 if problems else 0


sys.exit(main())
