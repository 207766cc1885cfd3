"""100,000 short lines printed by a worker: what it costs that the parent shows them.

weft.map(on="process") against ProcessPoolExecutor, whose workers write to the descriptor they were born with, in
whole lines as on a terminal; both into a file.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

from _side_by_side import machine, measure, parser, show

import weft

LINES = 100_000


def speak(lines: int) -> int:
    sys.stdout.reconfigure(line_buffering=True)
    for n in range(lines):
        print("line", n)
    return lines


def main() -> None:
    asked = parser(__doc__, rounds=5).parse_args()
    print(f"{machine()}; {LINES:,} lines, {asked.rounds} rounds")
    fork = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryFile("w") as file,
        contextlib.redirect_stdout(file),
        ProcessPoolExecutor(1, mp_context=fork) as pool,
    ):
        runs = {
            "weft": lambda: weft.map(speak, [LINES], on="process").results(),
            "ProcessPoolExecutor": lambda: list(pool.map(speak, [LINES])),
        }
        times = measure(runs, asked.rounds, lambda result: result == [LINES], warmups=1)
    show("Side by side", times, peer="ProcessPoolExecutor", items=LINES)


if __name__ == "__main__":
    main()
