"""Producers and consumers of different kinds on one channel, a pipe to talk over, and a worker that is killed.

Who talks over the pipe writes down when he did what: that is what the guide's picture is drawn from.
"""

import hashlib
import itertools
import multiprocessing
import os
import signal
import time
from contextlib import contextmanager

import numpy as np

import weft
from weft.abc import Span


def produce(jobs, first, last):
    """Something that makes work."""
    for n in range(first, last):
        jobs.put(n)


def digest(jobs, done):
    """Something that computes; it ends when the channel does, and needs no sentinel for that."""
    for n in jobs:
        done.put((n, hashlib.sha256(str(n).encode()).hexdigest()[:8]))
        jobs.task_done()


async def collect(done):
    """Something that waits, in an event loop."""
    return {n: text async for n, text in done}


jobs, done = weft.Channel(maxsize=50), weft.Channel()
with weft.TaskGroup() as group:
    producers = [group.submit(produce, jobs, n, n + 250, on="thread") for n in (0, 250)]
    workers = [group.submit(digest, jobs, done, on="process") for _ in range(2)]
    found = group.submit(collect, done, on="async")
    for producer in producers:
        producer.result()
    jobs.shutdown()
    for worker in workers:
        worker.result()
    done.shutdown()
print(f"{len(found.result())} digests, 0 is {found.result()[0]}")


BEGAN, notes = time.monotonic(), weft.Channel()


@contextmanager
def noted(stage, who, number):
    """Write down who did what, from when on and for how long."""
    began = time.monotonic()
    yield
    notes.put(Span(who, number, 1, began - BEGAN, time.monotonic() - began, stage))


def double(end):
    """The other side of a pipe."""
    try:
        end.send(np.ones(1))  # it is there, and so is NumPy
        for number in itertools.count():
            values = end.recv()
            with noted("there", "process", number):
                values = values * 2
            end.send(values)
    except EOFError:
        pass  # this side has closed its end


here, there = weft.Pipe()
answers = weft.submit(double, there, on="process")
here.recv()
total = 0
for number in range(6):
    with noted("here", "the caller", number):
        values = np.arange(1_000_000) + number
    here.send(values)  # through shared memory, as it is large; this does not wait for the other side
for number in range(6):
    values = here.recv()
    with noted("here", "the caller", number):
        total += int(values.sum())
print(f"twice six million numbers: {total:,}")
here.close()
answers.result()
notes.shutdown()
notes = list(notes)


def take_and_die(jobs):
    """What a crash in the middle of the work looks like."""
    jobs.get()
    os.kill(os.getpid(), signal.SIGKILL)


jobs = weft.Channel()
for n in range(3):
    jobs.put(n)
process = multiprocessing.get_context("fork").Process(target=take_and_die, args=(jobs,))
process.start()
process.join()
while not jobs.empty():
    print(f"item {jobs.get()} is there")
    jobs.task_done()
try:
    jobs.join()
except weft.errors.ItemLost as error:
    print(error)
