"""What the twins of programs with observe.h share: observations of PyTorch, compared with those of the C program."""
import re
import warnings

from parity import folder, report

warnings.simplefilter("ignore")
seen = []
CLASSES = (RuntimeError, TypeError, ValueError, KeyError, AttributeError, IndexError, NotImplementedError, AssertionError)


def say(n, text):
    text = re.sub(r"<method '(\w+)' of [^>]*>", r"\1", str(text))  # Python's way to name a function
    seen.append((n, text.replace("\n", "\\n")))


def sayf(n, x):
    say(n, f"{float(x):g}")


def error(n, what):
    try:
        what()
    except CLASSES as e:
        text = e.args[0] if isinstance(e, KeyError) else e
        say(n, f"{type(e).__name__}: {text}")
    else:
        say(n, "no error")


def warned(n, what):
    """What `what` returns, after its last warning was noted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = what()
    say(n, caught[-1].message if caught else "no warning")
    return result


def setting(m, name, value):
    return lambda: setattr(m, name, value)


def names(n, walk):
    say(n, "".join((item[0] or "-") + " " for item in walk))


def keys(d):
    return "".join(k + " " for k in d)


def compare(file):
    got = [line.rstrip("\n").split("\t", 1) for line in open(f"{folder}/{file}")]
    report("statements: as many observations", len(got) == len(seen), f"{len(got)}, PyTorch {len(seen)}")
    count = {}
    for (number, text), (n, expected) in zip(got, seen):
        count[n] = count.get(n, 0) + 1
        name = f"statement {n}" + (f", {count[n]}" if count[n] > 1 else "")
        report(name, int(number) == n and text == expected, "" if text == expected else f"got {number} {text!r}, PyTorch {n} {expected!r}")
