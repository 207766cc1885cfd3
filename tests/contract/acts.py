"""What the items of test_any_options do: apart, as interpreters beside the main one can't load hypothesis."""

from __future__ import annotations

import asyncio
import time

TIMEOUT = 0.3  # seconds
ACTS = {"plain": 0.0, "short": 0.002, "long": 0.02, "late": 2.2 * TIMEOUT}  # seconds that it takes
FAILS = {"raises": ValueError, "ends": StopIteration, "exits": SystemExit}


def act(item):
    number, what = item
    if what in FAILS:
        raise FAILS[what](number)
    time.sleep(ACTS[what])
    return number


async def act_later(item):
    number, what = item
    if what in FAILS:
        raise ValueError(number)
    await asyncio.sleep(ACTS[what])
    return number
