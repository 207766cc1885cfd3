"""An actor: one object that knows the best so far, asked and told by workers of every kind."""

import random

import weft


class Best:
    """The guess that is nearest to the root of two, and whose it is."""

    def __init__(self):
        self.guess, self.whose, self.told = 0.0, "nobody", 0

    def tell(self, guess, whose):
        """Take note of a guess; the best so far."""
        self.told += 1
        if abs(guess**2 - 2) < abs(self.guess**2 - 2):
            self.guess, self.whose = guess, whose
        return self.guess

    def result(self):
        """All of it."""
        return self.guess, self.whose, self.told


def improve(best, seed):
    """Guess near the best that anybody has found."""
    chance = random.Random(seed)
    known = 1.0
    for step in range(20):
        guess = known + chance.uniform(-1, 1) / 2**step
        known = best.tell(guess, weft.current_worker().kind).result()


with weft.Actor(Best) as best:
    searches = [weft.submit(improve, best, seed, on=kind) for seed, kind in enumerate(["process", "process", "thread"])]
    for search in searches:
        search.result()
    guess, whose, told = best.result().result()
    print(f"the best of {told} guesses: {guess:.6f}, by {whose}")
