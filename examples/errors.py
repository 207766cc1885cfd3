"""What happens when something goes wrong: an error, an error that passes, and an item that never ends."""

import os
import tempfile
import time
from pathlib import Path

import weft


def invert(number):
    """Fails for 0."""
    return 1 / number


# 1. By default the first failure ends the run with the function's own exception, after the results before it.
got = []
try:
    got.extend(weft.map(invert, [4, 2, 0, 1]))
except ZeroDivisionError as error:
    print("raised:", error, "| after", got)
    print("   note:", error.__notes__[0])
assert got == [0.25, 0.5]


# 2. on_error="keep" puts a Failure in the item's place; "skip" leaves it out.
kept = weft.map(invert, [4, 0, 1], on_error="keep").results()
print("kept:  ", kept)
assert isinstance(kept[1].error, ZeroDivisionError)

run = weft.map(invert, [4, 0, 1], on_error="skip")
print("skipped:", run.results(), "and", len(run.failures), "failure")
assert run.failures[0].item == 0


# 3. retries: what fails may be tried again, each time after a longer wait.
def flaky(path):
    """Fails twice, then works."""
    with Path(path).open("a+") as file:
        file.write("x")
        file.seek(0)
        if len(file.read()) < 3:
            raise ConnectionError("not yet")
    return "third time lucky"


with tempfile.TemporaryDirectory() as folder:
    run = weft.map(flaky, [f"{folder}/{name}" for name in "ab"], on="process", retries=3)
    print("retried:", run.results(), "after", run.stats.retried, "retries")
    assert run.stats.retried == 4


# 4. timeout: the process that has the item is killed, another one goes on with the rest.
def maybe_forever(seconds):
    """Sleep, and say who slept."""
    time.sleep(seconds)
    return os.getpid()


run = weft.map(maybe_forever, [0, 3600, 0], on="process", timeout=0.5, on_error="keep")
first, late, last = run.results()
print("late:   ", late.error, "| took", f"{run.stats.seconds:.1f} s in all")
assert isinstance(late.error, weft.TaskTimeout)
assert isinstance(last, int)
assert run.stats.seconds < 3

# 5. A worker that dies costs its item a few more tries, and the other items nothing.
run = weft.map(os._exit, [3], on="process", on_error="keep")
print("died:   ", run.results()[0].error)
assert isinstance(run.failures[0].error, weft.WorkerDied)
