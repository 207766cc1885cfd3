"""Random pipelines against a plain loop: slow stages, batches, windows, workers, and failures that end it."""

from __future__ import annotations

import time
from itertools import islice

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft

KINDS = ["serial", "thread", "process", "async", "auto"]
STEPS = ["map", "starmap", "flat_map", "filter", "tap", "batch", "slow", "skip", "fail"]
ENDLESS = [step for step in STEPS if step not in {"filter", "skip"}]  # which could leave out all there ever is


def add(n):
    return n + 1


def pair(n):
    return n, 1


def plus(n, m):
    return n + m


def twice(n):
    return [n, n + 1]


def uneven(n):
    return n % 3


def slowly(n):
    time.sleep(0.003 if n % 4 == 0 else 0.0)
    return n


def flaky(n):
    if n % 5 == 0:
        raise ValueError(n)
    return n


class FailsAt:
    """A function that fails for one item, wherever it runs."""

    def __init__(self, at):
        self.at = at

    def __call__(self, n):
        if n == self.at:
            raise KeyError(n)
        return n


def pipe(flow, step, number, asked):
    """The *flow* with one more step; *number* is the step's own: the size of a batch, what it fails at."""
    match step:
        case "starmap":
            return flow.map(pair, **asked).starmap(plus, **asked)
        case "flat_map":
            return flow.flat_map(twice, **asked)
        case "filter":
            return flow.filter(uneven, **asked)
        case "tap":
            return flow.tap(add, **asked)
        case "batch":
            return flow.batch(1 + number % 7).map(sum, **asked)
        case "slow":
            return flow.map(slowly, **asked)
        case "skip":
            return flow.map(flaky, on_error="skip", **asked)
        case "fail":
            return flow.map(FailsAt(number), **asked)
    return flow.map(add, **asked)


def loop(items, step, number):
    """What the same step is in a plain loop."""
    match step:
        case "starmap" | "map":
            return map(add, items)
        case "flat_map":
            return (m for n in items for m in twice(n))
        case "filter":
            return filter(uneven, items)
        case "tap" | "slow":
            return items
        case "batch":
            return map(sum, batches(items, 1 + number % 7))
        case "skip":
            return (n for n in items if n % 5)
    return map(FailsAt(number), items)


def batches(items, size):
    """Lists of so many. What has come before a failure is not lost: it is a shorter one, as at the end."""
    batch = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except KeyError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def outcome(items):
    """The values, and how it ended."""
    found, items = [], iter(items)
    try:
        for item in items:
            found.append(item)
    except KeyError as error:
        return found, error.args
    return found, None


asked = st.fixed_dictionaries(
    {"on": st.sampled_from(KINDS)},
    optional={"max_workers": st.sampled_from([1, 3]), "chunksize": st.sampled_from([1, 4]), "retries": st.just(1)},
)


def chains(steps):
    return st.lists(st.tuples(st.sampled_from(steps), st.integers(0, 40), asked), max_size=5)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=chains(STEPS), size=st.integers(0, 60), buffersize=st.sampled_from([None, 1, 4]))
def test_it_gives_what_a_loop_gives_and_fails_where_it_does(steps, size, buffersize):
    """The results before a failure are there, then it is raised: the one that the loop would have met first."""
    flow, items = weft.pipeline(iter(range(size)), buffersize=buffersize), iter(range(size))
    for step, number, options in steps:
        flow, items = pipe(flow, step, number, options), loop(items, step, number)
    assert outcome(flow) == outcome(items)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=chains(ENDLESS), taken=st.integers(0, 5), buffersize=st.sampled_from([None, 1, 4]))
def test_an_endless_one_may_be_left_at_any_moment(steps, taken, buffersize):
    """Whatever its stages are in, none of them goes on; what was taken is what a loop gives."""

    def source():
        n = 0
        while True:
            yield n
            n += 1

    flow, items = weft.pipeline(source(), buffersize=buffersize), source()
    for step, number, options in steps:
        flow, items = pipe(flow, step, number, options), loop(items, step, number)
    with flow.run() as run:
        assert outcome(islice(run, taken)) == outcome(islice(items, taken))
