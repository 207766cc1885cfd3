"""Prints and log records of worker processes, each with its item, in this program's own format.

.venv/bin/python examples/worker_logs.py
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar

import weft

batch: ContextVar[str] = ContextVar("batch", default="no batch")
log = logging.getLogger("factors")


def factors(number: int) -> list[int]:
    me = weft.current_worker()
    found, left, divisor = [], number, 2
    while divisor * divisor <= left:
        while left % divisor == 0:
            found.append(divisor)
            left //= divisor
        divisor += 1
    found += [left] if left > 1 else []
    if found == [number] and me is not None:
        log.info("%s: item %d is a prime", batch.get(), me.index)
    log.debug("nobody wants this, so it is not even made")
    return found


def main() -> None:
    # Configured here, once; the workers follow.
    logging.basicConfig(level=logging.INFO, format="%(weft_worker).12s | %(message)s", stream=sys.stdout)
    batch.set("monday")
    numbers = [999_999_999_989 + n for n in range(40)]
    run = weft.map(factors, numbers, on="process", contextvars=[batch])
    for number, found in zip(numbers, run, strict=True):
        if len(found) > 6:
            print(number, "=", " × ".join(map(str, found)))


if __name__ == "__main__":
    main()
