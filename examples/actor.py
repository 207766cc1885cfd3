"""Actors: one object that knows the best so far, asked by workers of every kind; and one in an event loop.

Whoever does something writes down when, in a channel: that is what the guide's picture is drawn from.
"""

import asyncio
import random
import time
from contextlib import contextmanager

import weft
from weft.abc import Span

BEGAN, notes = time.monotonic(), weft.Channel()


@contextmanager
def noted(stage, who, number):
    """Write down who did what, from when on and for how long."""
    began = time.monotonic()
    yield
    notes.put(Span(who, number, 1, began - BEGAN, time.monotonic() - began, stage))


class Best:
    """The guess that is nearest to the root of two."""

    def __init__(self):
        self.guess, self.told = 0.0, 0

    def tell(self, guess):
        """Take note of a guess; the best so far."""
        with noted("the actor", "process", self.told):
            self.told += 1
            time.sleep(0.001)  # there is something to look up
            if abs(guess**2 - 2) < abs(self.guess**2 - 2):
                self.guess = guess
            return self.guess

    def result(self):
        """All of it."""
        return self.guess, self.told


def improve(best, seed, begin):
    """Guess near the best that anybody has found; all begin together."""
    chance, me = random.Random(seed), weft.current_worker()
    begin.wait()
    known = 1.0
    for step in range(20):
        with noted("those who ask", me.name, step):
            time.sleep(chance.uniform(0.001, 0.006))  # thinking
            guess = known + chance.uniform(-1, 1) / 2**step
        known = best.tell(guess).result()


KINDS = ["process", "process", "thread"]
with weft.Actor(Best) as best:
    best.result().result()  # it is there now
    begin = weft.Barrier(len(KINDS))
    searches = [weft.submit(improve, best, seed, begin, on=kind) for seed, kind in enumerate(KINDS)]
    for search in searches:
        search.result()
    guess, told = best.result().result()
    print(f"the best of {told} guesses: {guess:.6f}")
notes.shutdown()
notes = list(notes)


class Library:
    """Books, each fetched once, however many ask at the same time: calls wait for each other, their loop for nobody."""

    def __init__(self):
        self.books = {}

    async def read(self, title):
        """The book; the first to ask for it waits for it to be fetched."""
        if title not in self.books:
            await asyncio.sleep(0.01)  # a request
            self.books[title] = title.upper()
        return self.books[title]

    def fetched(self):
        """How many were."""
        return len(self.books)


async def main():
    """The actor lives in this event loop; a process may ask it as well."""
    async with weft.Actor(Library, on="async") as library:
        titles = ["Momo", "Emil", "Momo", "Kim", "Emil", "Momo"]
        elsewhere = weft.submit(lambda: library.read("Kim").result(), on="process")
        books = await asyncio.gather(*(library.read(title) for title in titles), elsewhere)
        print(f"{len(books)} readers, {await library.fetched()} books fetched")


asyncio.run(main())
