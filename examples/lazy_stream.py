"""An endless input: it is read only as far ahead as `buffersize`, and leaving the loop ends everything."""

from itertools import count

import weft


class Numbers:
    """1, 2, 3, … for ever; knows how many were read."""

    read = 0

    def __iter__(self):
        for number in count(1):
            self.read = number
            yield number


def steps(number):
    """How many steps the Collatz rule takes from *number* down to 1."""
    taken = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        taken += 1
    return taken


numbers, best = Numbers(), 0
with weft.map(steps, numbers, on="process", buffersize=1000) as run:
    for start, taken in enumerate(run, 1):
        if taken > best:
            best = taken
            print(f"{start:>6} takes {taken:>3} steps")
        if taken >= 200:
            break

print(f"left after {start:,} results; {numbers.read:,} numbers had been read")
assert (start, taken) == (2463, 208)
assert start <= numbers.read <= start + 1000
