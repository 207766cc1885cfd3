"""Which workers, and how many? Measured on the first items, for two functions of different nature."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import weft


def collatz(start: int) -> int:
    """Compute."""
    steps = 0
    while start != 1:
        start, steps = (start // 2 if start % 2 == 0 else 3 * start + 1), steps + 1
    return steps


def look_up(key: int) -> int:
    """Wait, as for a server."""
    time.sleep(0.005)
    return key


if __name__ == "__main__":
    for fn, items in ((look_up, range(5_000)), (collatz, range(10**12, 10**12 + 50_000))):
        advice = weft.advise(fn, items, seconds=2)
        print(f"{fn.__name__}: {advice.headline}")
        print(f"  {advice.call}")
    page = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()) / "advice.html"
    advice.plot(str(page))
    print(f"the page for {fn.__name__} is {page}")
