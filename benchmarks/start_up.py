"""How long the command takes to say what it can do: `python benchmarks/start_up.py`.

Prints the median of eleven runs of `classifier --help`, in seconds, beside that of an interpreter
that imports nothing, so that the figure can be read on a noisy machine.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

RUNS = 11


def seconds(*arguments: str) -> float:
    times = []
    for _ in range(RUNS):
        begun = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(perf_counter() - begun)
    return median(times)


if __name__ == "__main__":
    bare = seconds("-c", "pass")
    helped = seconds("-m", "classifier", "--help")
    print(f"| bare interpreter | {bare:.3f} s |\n| classifier --help | {helped:.3f} s |")
    print(f"| ratio | {helped / bare:.1f} |")
