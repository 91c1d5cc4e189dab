"""Kills batch runs at random moments, 200 times unless told otherwise: nothing may be lost.

python benchmarks/kills.py [KILLS] [SEED]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from test_batch_kills import CONCURRENCY, INCIDENTS, killed_until  # noqa: E402 - the tests are no package


def main() -> None:
    """Kill, go on, check, and say what it came to."""
    given = [int(text) for text in sys.argv[1:]]
    kills, seed = [*given, *(200, 1)[len(given) :]]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = killed_until(kills, Path(folder), seed)
    print(
        f"{figures.kills} kills in {figures.starts} starts of {figures.runs} runs of {INCIDENTS} "
        f"incidents each, in {time.monotonic() - begun:.0f} s: every incident has one report; "
        f"{figures.again} of {figures.requests} requests were sent again (at most {CONCURRENCY} "
        f"are in flight at a kill); {figures.torn} torn lines set aside"
    )


if __name__ == "__main__":
    main()
