"""Prime numbers counted by interpreters of one process; before Python 3.14, which has none, by processes."""

from __future__ import annotations

import os

import weft


def primes(start):
    found = sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(max(2, start), start + 1000))
    return found, os.getpid()


try:
    with weft.InterpreterExecutor() as executor:
        results = list(executor.map(primes, range(0, 50_000, 1000)))
    kind = "interpreters"
except weft.KindUnavailable as why:
    print(why)
    results = weft.map(primes, range(0, 50_000, 1000), on="process").results()
    kind = "processes"

places = {pid for _, pid in results}
where = "here" if places == {os.getpid()} else "elsewhere"
print(f"{sum(found for found, _ in results):,} primes, by {kind}, {where}")
