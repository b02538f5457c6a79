"""Runs a Tison benchmark and its PyTorch twin in turn and prints the ratios. compare.py ROUNDS tison-program torch-script"""
import platform
import subprocess
import sys


def cpu():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def run(command, best):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        name, value = line.split()
        best[name] = min(best.get(name, float("inf")), float(value))


def main():
    rounds, program, script = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    tison, torch = {}, {}
    for i in range(rounds):
        print(f"round {i + 1} of {rounds}", end="\r", file=sys.stderr, flush=True)
        run([program], tison)
        run([sys.executable, script], torch)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    print(f"{cpu()}, commit {commit or 'unknown'}, one thread, least of {rounds} runs in turn")
    print(f"{'case':28} {'Tison ns':>12} {'PyTorch ns':>12} {'ratio':>8}")
    for name, value in tison.items():
        if name in torch:
            print(f"{name:28} {value:12.1f} {torch[name]:12.1f} {torch[name] / value:7.1f}x")
        else:
            print(f"{name:28} {value:12.1f}")


main()
