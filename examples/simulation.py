"""A simulation: how long do people wait at a post office, by the number of counters? Two hundred mornings for each.

Each morning has a random stream of its own, made of its number: the answer is the same on every worker.
"""

import heapq
from itertools import product
from random import Random
from statistics import fmean, quantiles

import weft

COUNTERS, MORNINGS, PEOPLE = (3, 4, 5), 200, 250


def waits(counters, morning):
    """Minutes that each person waits: somebody comes every minute, being served takes two and a half."""
    chance = Random(1_000_003 * counters + morning)
    free = [0.0] * counters  # when each counter is free again
    now, found = 0.0, []
    for _ in range(PEOPLE):
        now += chance.expovariate(1.0)
        begins = max(now, heapq.heappop(free))
        heapq.heappush(free, begins + chance.expovariate(1 / 2.5))
        found.append(begins - now)
    return counters, fmean(found), max(found)


run = weft.starmap(waits, product(COUNTERS, range(MORNINGS)))
mornings = run.results()
for counters in COUNTERS:
    means = [mean for number, mean, _ in mornings if number == counters]
    worst = max(most for number, _, most in mornings if number == counters)
    low, *_, high = quantiles(means, n=20)
    spread = f"{low:.1f} to {high:.1f} on nine mornings of ten"
    print(f"{counters} counters: {fmean(means):.1f} minutes ({spread}), at most {worst:.0f}")
print(run.explain().headline)
